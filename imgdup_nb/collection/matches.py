"""What is alike in a folder: the answers of `fingerprint_images`, `similar_pairs` and `group_duplicates`, kept.

Only the waiting is gone, and what a person called different stays apart.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from concurrent.futures import Executor
from typing import Any

import pandas as pd

from ..embeddings import Embedding
from ..engine.checks import check_choice, check_list, check_percent, count_of
from ..evidence.cannot_link import apply_labels
from ..evidence.labels import ANSWERS
from ..fingerprints import Fingerprints
from ..groups import LINKAGES, Grouping, group_duplicates
from ..methods import METHODS
from .fingerprints import (
    KeptPrints,
    Recipe,
    find_recipe,
    make_fingerprints,
    missing_fingerprints,
)
from .index import Folder
from .labels import read_labels, read_stand_ins, save_labels
from .pairs import kept_local_pairs, kept_pairs

# percent; pairs from here up are kept, so that any usual threshold is answered from the index
FLOOR = 70.0


AnyMethod = str | Embedding


class Matches(Folder):
    """A folder with what is alike in it; see `Collection`."""

    _pairs: tuple[Any, pd.DataFrame] | None = None  # those asked for last

    @property
    def methods(self) -> list[str]:
        """The methods whose fingerprints are kept here."""
        rows = {method for (method,) in self._store.read("SELECT method FROM recipes")}
        return [method for method in METHODS if method in rows]

    def fingerprints(
        self,
        method: AnyMethod = "phash",
        *,
        orientations: bool = False,
        executor: Executor | None = None,
    ) -> Fingerprints:
        """Return the fingerprints of all readable images; what is not kept yet is computed and kept.

        Parameters
        ----------
        method : one of METHODS, or a function
            each is kept beside the others, with the version of what made it; one made by another
            version of imagehash or OpenCV is made again, and a warning says so. A function that
            turns images into vectors (see `fingerprint_images`) is kept by what it says it is: its
            attributes name, else its own name, and version. Change the version whenever its answers
            may have changed.
        orientations
            also the seven other ways to turn and mirror each picture.
        executor
            any `concurrent.futures.Executor`; None works in threads.

        Notes
        -----
        A 64-bit hash takes 8 bytes an image, local features 43 to 70 kB, an embedding 4 bytes a
        dimension.
        """
        return self._kept(method, orientations, executor).load()

    def _kept(
        self, method: AnyMethod, orientations: bool, executor: Executor | None = None
    ) -> KeptPrints:
        """Make the fingerprints that are missing."""
        recipe = Recipe.of(method, orientations)
        with self._working:
            images, versions = self._current()
            number = find_recipe(self._store, recipe)
            missing = missing_fingerprints(self._store, number, images, versions)
            if len(missing):
                with self._doing("ExtractingFeatures", len(missing)) as step:
                    some = images.iloc[missing], versions[missing]
                    make_fingerprints(
                        self._store, number, recipe, *some, executor=executor, step=step
                    )
            kept = KeptPrints.of(self._store, number, recipe, images, versions)
        if len(kept.problems):
            lost = count_of(len(kept.problems), "image")
            warnings.warn(
                f"{lost} changed or became unreadable since the last update; call update()",
                stacklevel=3,
            )
        return kept

    def pairs(
        self,
        method: AnyMethod = "phash",
        *,
        min_similarity: float = FLOOR,
        orientations: bool = False,
        use_labels: bool = False,
        linkage: str = "star",
        executor: Executor | None = None,
    ) -> pd.DataFrame:
        """Return the pair table, the one that `similar_pairs` makes; only new images are compared, with all.

        Parameters
        ----------
        method, orientations
            as for `fingerprints`.
        min_similarity
            percent, inclusive. Asking for less than ever before compares all again, but for local
            features.
        use_labels, linkage
            True gives the table for groups of this linkage in which nothing labelled "different"
            meets, as `apply_labels` makes it: for explorers and sweeps. Evidence from labels wants
            the whole table, False.
        executor
            any `concurrent.futures.Executor`, for what is not kept yet; None works in threads.

        Notes
        -----
        By local features the votes of images for each other are kept too, and what was seen of each
        pair that was looked at, some 0.7 kB an image: only votes of new images are counted, and
        only pairs looked at that nobody looked at before.
        """
        check_choice("linkage", linkage, LINKAGES)
        floor = check_percent("min_similarity", min_similarity)
        with self._working:
            kept = self._kept(method, orientations, executor)
            key = self._store.state(), kept.number, floor, len(kept)
            if self._pairs is None or self._pairs[0] != key:
                second = kept.recipe.method.fallback
                hashes = self._kept(second, False, executor) if second else None
                with self._doing("MatchingFeatures", len(kept)) as step:
                    if hashes is not None:
                        table = kept_local_pairs(
                            kept, hashes, floor=floor, executor=executor, step=step
                        )
                    else:
                        table = kept_pairs(kept, floor=floor, executor=executor, step=step)
                self._pairs = key, table
            pairs = self._pairs[1]
        return self._keep_apart(pairs, linkage) if use_labels else pairs.copy()

    def _keep_apart(self, pairs: pd.DataFrame, linkage: str) -> pd.DataFrame:
        """Obey the labels, also those of images that are gone while a copy of theirs is there."""
        labels = self.labels.sort_values("made", kind="stable")
        stand_ins = read_stand_ins(self._store)
        labels = labels.assign(
            **{
                side: [stand_ins.get(name, name) for name in labels[side]]
                for side in ("left", "right")
            }
        )
        return apply_labels(pairs, labels[labels.left != labels.right], linkage=linkage)

    def groups(
        self,
        threshold: float = 90.0,
        *,
        method: AnyMethod = "phash",
        linkage: str = "star",
        orientations: bool = False,
        use_labels: bool = True,
        executor: Executor | None = None,
    ) -> Grouping:
        """Put images that are at least `threshold` similar into groups, as `group_duplicates` does.

        Parameters
        ----------
        threshold
            percent, inclusive.
        method, orientations
            as for `fingerprints`.
        linkage : {'star', 'connected', 'complete'}
            as for `group_duplicates`.
        use_labels
            no two images whose pair is labelled "different" are in one group, nor copies of them.
            False groups by similarity alone.
        executor
            as for `pairs`.
        """
        floor = min(FLOOR, check_percent("threshold", threshold))
        asked = use_labels and bool(
            self._store.read("SELECT 1 FROM labels WHERE label = 'different' LIMIT 1")
        )
        chosen: dict[str, Any] = {
            "orientations": orientations,
            "use_labels": asked,
            "linkage": linkage,
            "executor": executor,
        }
        pairs = self.pairs(method, min_similarity=floor, **chosen)
        return group_duplicates(pairs, threshold, linkage=linkage)

    def find_duplicates(self, threshold: float = 90.0, **options: Any) -> Grouping:
        """Return `groups(threshold, ...)`; `.to_response()` is the answer of the tutorial's findDuplicates."""
        return self.groups(threshold, **options)

    # -- what you say of pairs ---------------------------------------------------------------------

    def label(self, left: str, right: str, label: str | None) -> None:
        """Say whether two images show the same; None takes back what was said.

        Parameters
        ----------
        left, right
            names of two images, in any order.
        label : {'same', 'different', 'skip', None}
            pairs called different are kept apart by `groups`. "skip" says that you looked and
            cannot tell.

        Notes
        -----
        Labels follow images that are renamed or moved, and stay when an image is gone.
        `PairLabeler(..., labels=photos)` and `GroupReviewer(..., labels=photos)` keep their answers
        here.
        """
        self.label_pairs([(left, right)], label)

    def label_pairs(self, pairs: Iterable[tuple[str, str]], label: str | None) -> None:
        """Say the same of many pairs of images, of all or none of them; see `label`."""
        if label is not None:
            check_choice("label", label, ANSWERS)
        self._current()
        files = []
        for left, right in check_list("pairs", pairs, [("cat.jpg", "dog.jpg")]):
            ends = self._file_of(left), self._file_of(right)
            if ends[0] == ends[1]:
                raise ValueError(f"left and right must be two images, and both are {left!r}")
            files.append(ends)
        save_labels(self._store, files, label)

    @property
    def labels(self) -> pd.DataFrame:
        """What was said: left, right, label, made (UTC), changed (whether a file has other contents than when it was said).

        Also pairs of images that are gone; those are not `changed`.
        """
        return read_labels(self._store)

"""What is alike in a folder: the answers of `fingerprint_images`, `similar_pairs` and `group_duplicates`, kept.

Only the waiting is gone, and what a person called different stays apart.
"""

from __future__ import annotations

import warnings
from concurrent.futures import Executor
from typing import Any

import numpy as np
import pandas as pd

from ..checks import check_choice, check_percent
from ..fingerprints import METHODS, Fingerprints
from ..groups import Grouping, group_duplicates
from .apart import group_apart
from .folder import Folder
from .kept import find_recipe, kept_pairs, load_fingerprints, make_fingerprints, missing_fingerprints
from .said import read_labels, save_label

FLOOR = 70.0  # percent; pairs from here up are kept, so that any usual threshold is answered from the index
LABELS = ["same", "different", "skip"]


class Matches(Folder):
    """A folder with what is alike in it; see `Collection`."""

    _pairs: tuple[Any, pd.DataFrame] | None = None  # those asked for last

    @property
    def methods(self) -> list[str]:
        """The methods whose fingerprints are kept here."""
        rows = {method for (method,) in self._store.read("SELECT method FROM recipes")}
        return [method for method in METHODS if method in rows]

    def fingerprints(
        self, method: str = "phash", *, orientations: bool = False, executor: Executor | None = None
    ) -> Fingerprints:
        """Return the fingerprints of all readable images; what is not kept yet is computed and kept.

        Parameters
        ----------
        method : a hash method of METHODS
            each is kept beside the others, with the version of what made it; one made by another version of imagehash is made
            again, and a warning says so.
        orientations
            also the seven other ways to turn and mirror each picture.
        """
        return self._prints(method, orientations, executor)[0]

    def _prints(
        self, method: str, orientations: bool, executor: Executor | None = None
    ) -> tuple[Fingerprints, np.ndarray, int]:
        check_choice("method", method, METHODS)
        with self._working:
            images, versions = self._current()
            recipe = find_recipe(self._store, method, orientations=orientations)
            chosen: dict[str, Any] = {"method": method, "orientations": orientations}
            missing = missing_fingerprints(self._store, recipe, images, versions)
            if len(missing):
                with self._doing("ExtractingFeatures", len(missing)) as step:
                    some = images.iloc[missing], versions[missing]
                    make_fingerprints(self._store, recipe, *some, **chosen, executor=executor, step=step)
            prints, versions = load_fingerprints(self._store, recipe, images, versions, **chosen)
        if len(prints.problems):
            warnings.warn(
                f"{len(prints.problems)} images changed or became unreadable since the last update; call update()", stacklevel=3
            )
        return prints, versions, recipe

    def pairs(self, method: str = "phash", *, min_similarity: float = FLOOR, orientations: bool = False) -> pd.DataFrame:
        """Return the pair table, the one that `similar_pairs` makes; only new images are compared, with all.

        Parameters
        ----------
        method, orientations
            as for `fingerprints`.
        min_similarity
            percent, inclusive. Asking for less than ever before compares all again.
        """
        floor = check_percent("min_similarity", min_similarity)
        with self._working:
            prints, versions, recipe = self._prints(method, orientations)
            key = self._store.state(), recipe, floor, len(prints)
            if self._pairs is None or self._pairs[0] != key:
                with self._doing("MatchingFeatures", len(prints)) as step:
                    table = kept_pairs(self._store, recipe, prints, versions, floor=floor, step=step)
                self._pairs = key, table
            return self._pairs[1].copy()

    def groups(
        self,
        threshold: float = 90.0,
        *,
        method: str = "phash",
        linkage: str = "star",
        orientations: bool = False,
        keep_apart: bool = True,
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
        keep_apart
            no two images whose pair is labelled "different" are in one group, nor copies of them. False groups by similarity
            alone.
        """
        floor = min(FLOOR, check_percent("threshold", threshold))
        pairs = self.pairs(method, min_similarity=floor, orientations=orientations)
        labels = self.labels
        different = labels[labels.label == "different"]
        if not keep_apart or different.empty:
            return group_duplicates(pairs, threshold, linkage=linkage)
        # also of images that are gone: a copy of theirs may be there
        contents = dict(self._store.read("SELECT image, sha256 FROM images WHERE sha256 != ''"))
        apart = zip(different.left, different.right, strict=True)
        return group_apart(pairs, apart, threshold, linkage=linkage, same_contents=contents)

    def find_duplicates(self, threshold: float = 90.0, **options: Any) -> Grouping:
        """Return `groups(threshold, ...)`; `.to_response()` is the answer of the tutorial's findDuplicates."""
        return self.groups(threshold, **options)

    # -- what you say of pairs ------------------------------------------------------------------------------------------

    def label(self, left: str, right: str, label: str | None) -> None:
        """Say whether two images show the same; None takes back what was said.

        Parameters
        ----------
        left, right
            names of two images, in any order.
        label : {'same', 'different', 'skip', None}
            pairs called different are kept apart by `groups`. "skip" says that you looked and cannot tell.

        Notes
        -----
        Labels follow images that are renamed or moved, and stay when an image is gone.
        """
        if label is not None:
            check_choice("label", label, LABELS)
        self._current()
        ends = sorted([self._file_of(left), self._file_of(right)])
        if ends[0] == ends[1]:
            raise ValueError(f"left and right must be two images, and both are {left!r}")
        save_label(self._store, ends[0], ends[1], label)

    @property
    def labels(self) -> pd.DataFrame:
        """What was said: left, right, label, made (UTC), changed (whether a file has other contents than when it was said).

        Also pairs of images that are gone; those are not `changed`.
        """
        return read_labels(self._store)

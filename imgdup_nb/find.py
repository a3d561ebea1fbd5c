"""One call: a folder -> its duplicates, as the sum of the steps of the tutorial."""

from __future__ import annotations

import html
import importlib.util
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from .aligned.verify import verify_pairs
from .embeddings import Embedding
from .engine.checks import check_percent, count_of
from .engine.pair_graph import TOLERANCE
from .fingerprints import fingerprint_images
from .groups import Grouping, group_duplicates
from .images import scan_images
from .methods import Method
from .pairs import FLOOR, light_floor, similar_pairs
from .review.keepers import choose_keepers
from .review.plan import Plan
from .review.report import write_report

if TYPE_CHECKING:
    from .widgets import GroupReviewer, ThresholdExplorer

SLOW = 20.0  # seconds; a step that takes longer is announced
SECONDS_PER_IMAGE, SECONDS_PER_PAIR = 0.010, 0.003  # of `verify_pairs`, on one core


@dataclass(frozen=True, eq=False)
class Duplicates:
    """What `find_duplicates` found. Each step's table is here.

    Attributes
    ----------
    images, pairs, groups
        as `scan_images`, `similar_pairs` (or `verify_pairs`) and `group_duplicates` make them.
    threshold
        percent.
    method
        the name of the method that found the pairs.
    verified
        whether the pairs were aligned, too.
    n_refused
        pairs at or above the threshold that the alignment did not confirm.
    """

    images: pd.DataFrame
    pairs: pd.DataFrame
    groups: Grouping
    threshold: float
    method: str
    verified: bool
    n_refused: int = 0

    @cached_property
    def _plan(self) -> Plan:
        return choose_keepers(self.groups, self.images)

    def plan(self) -> Plan:
        """Return what `choose_keepers` decides; it opens the pictures of the groups once.

        For other rules: ``choose_keepers(result.groups, result.images, rule=...)``.
        """
        return self._plan

    @property
    def removed(self) -> pd.DataFrame:
        """The rows of the images that the plan would remove. No file is touched."""
        return self.images[self._leaves()].reset_index(drop=True)

    @property
    def kept(self) -> pd.DataFrame:
        """The rows of all other images, single and unreadable ones included."""
        return self.images[~self._leaves()].reset_index(drop=True)

    def _leaves(self) -> pd.Series:
        plan = self._plan
        return self.images.image.isin(set(plan.image[plan.action == "remove"]))

    def explore(self) -> ThresholdExplorer:
        """Return a `ThresholdExplorer` of the pairs, which shows the groups of any threshold."""
        from .widgets import ThresholdExplorer

        return ThresholdExplorer(self.pairs, self.images, threshold=self.threshold)

    def review(self) -> GroupReviewer:
        """Return a `GroupReviewer` of the plan, which asks about each group."""
        from .widgets import GroupReviewer

        return GroupReviewer(self._plan)

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the plan to a file: .html, .csv or .json; return its path."""
        return write_report(path, self._plan, title="Duplicate images: what the plan removes")

    def _lines(self) -> list[str]:
        groups = self.groups
        how = f"{self.method}, verified by alignment" if self.verified else self.method
        found = (
            f"{count_of(len(groups), 'group')} at {self.threshold:g} % ({how}): "
            f"{len(groups.table):,} of {count_of(groups.n_images, 'image')}, "
            f"{groups.n_redundant:,} redundant"
        )
        if self.n_refused:
            found += f". {count_of(self.n_refused, 'pair')} of {self.method} not confirmed"
        return [found, " ".join(self._missed()), self._next_step()]

    def _missed(self) -> list[str]:
        missed = [f"Not looked for: pairs below {self.threshold:g} %"]
        if self.method != "aligned":
            missed[0] += "; crops, turned or mirrored copies (method='aligned' finds them)"
        missed[0] += "."
        unread = int((self.images.problem != "").sum()) if "problem" in self.images else 0
        blank = int(self.pairs.attrs.get("low_detail", 0))
        parts = [f"{count_of(unread, 'file')} that could not be read"] if unread else []
        parts += [f"{count_of(blank, 'nearly blank image')}"] if blank else []
        return [*missed, f"Not compared: {', '.join(parts)}."] if parts else missed

    def _next_step(self) -> str:
        if not len(self.groups):
            return "Next: a lower threshold, or result.explore() to see the nearest pairs"
        check = "" if self.verified or self.method == "aligned" else (
            'Some pairs may be false: pip install "imgdup-nb[local]" checks them. '
        )  # fmt: skip
        return f"{check}Next: result.explore(), result.review(), result.plan()"

    def __repr__(self) -> str:
        return "<Duplicates: " + "\n".join(self._lines()) + ">"

    def _repr_html_(self) -> str:
        return f"<p>{'<br>'.join(map(html.escape, self._lines()))}</p>{self.groups._repr_html_()}"


def find_duplicates(
    folder: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | pd.DataFrame,
    threshold: float = 90.0,
    method: str | Embedding | Method = "phash",
    verify: bool | None = None,
) -> Duplicates:
    """Find the duplicates of a folder: scan, fingerprints, pairs, verification, groups.

    Parameters
    ----------
    folder
        all that `scan_images` takes; or a table that it made, perhaps with more columns.
    threshold
        percent, inclusive. A pair counts if the method gives so much, and the alignment too if
        pairs are verified.
    method
        as in `fingerprint_images`.
    verify
        whether `verify_pairs` aligns the pairs that the method found at the threshold. None: yes,
        if OpenCV is installed (`imgdup-nb[local]`). Pairs of 'aligned' are aligned already.

    Returns
    -------
    Duplicates
        `.images`, `.pairs`, `.groups`; `.kept` and `.removed` by the plan; `.plan()`, `.explore()`,
        `.review()`, `.report("x.html")`. Its text says what was found, what was not looked for, and
        what to do next.

    Raises
    ------
    TypeError, ValueError, OSError
        as the functions of the steps.
    ImportError
        if `verify` is True, or the method is a local one, without OpenCV.

    Notes
    -----
    The pairs are listed from 70 percent up, or from the threshold if that is lower; in a large
    collection from the level that `similar_pairs` chooses. If pairs are
    verified, those that the method found below the threshold are not among them. Verification takes
    about 10 ms for each image in a pair and 3 ms for each pair. If that is more than 20 seconds, a
    line on the error output says so before.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> folder = tempfile.TemporaryDirectory()
    >>> for name in ["a.png", "a copy.png"]:
    ...     Image.radial_gradient("L").save(f"{folder.name}/{name}")
    >>> Image.linear_gradient("L").save(f"{folder.name}/b.png")
    >>> result = dup.find_duplicates(folder.name, verify=False)
    >>> list(result.groups)
    [['a.png', 'a copy.png']]
    >>> list(result.removed.image), list(result.kept.image)
    (['a copy.png'], ['a.png', 'b.png'])
    >>> folder.cleanup()
    """
    threshold = check_percent("threshold", threshold)
    is_scanned = isinstance(folder, pd.DataFrame) and {"image", "path", "problem"} <= set(folder)
    images = folder if is_scanned else scan_images(folder)
    prints = fingerprint_images(images, method)
    pairs = similar_pairs(prints, min_similarity=light_floor(prints, at_most=threshold))
    if verify is None:
        verify = importlib.util.find_spec("cv2") is not None
    verified = bool(verify) and prints.method.name != "aligned"
    n_refused = 0
    if verified:
        found = pairs[pairs.similarity >= threshold - TOLERANCE].reset_index(drop=True)
        _announce(found)
        pairs = verify_pairs(found, images, min_similarity=min(FLOOR, threshold))
        n_refused = len(found) - int((pairs.similarity >= threshold - TOLERANCE).sum())
    groups = group_duplicates(pairs, threshold)
    return Duplicates(images, pairs, groups, threshold, prints.method.name, verified, n_refused)


def _announce(found: pd.DataFrame) -> None:
    """Say how long the verification takes, if it is long."""
    names = set(found.left.astype(object)) | set(found.right.astype(object))
    seconds = len(names) * SECONDS_PER_IMAGE + len(found) * SECONDS_PER_PAIR
    if seconds > SLOW:
        pairs = count_of(len(found), "pair")
        print(f"Aligning {pairs} takes about {seconds / 60:.1f} minutes.", file=sys.stderr)

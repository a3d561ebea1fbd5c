"""One call: a folder -> its duplicates, as the sum of the steps of the tutorial."""

from __future__ import annotations

import html
import os
import warnings
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .aligned.verify import verify_pairs
from .datasets.filters import filter_source
from .embeddings import Embedding
from .engine.checks import check_count, check_flag, check_percent, count_of
from .engine.features import has_cv2
from .engine.pair_graph import TOLERANCE
from .engine.parallel import announce, one_progress_bar, stoppable
from .evidence.not_looked_for import SAMPLE, estimate_missed, say_missed
from .fingerprints import fingerprint_images
from .groups import Grouping, group_duplicates
from .images import UNREAD, are_no_pictures, scan_images
from .methods import Method
from .pairs import FLOOR, light_floor, similar_pairs
from .review.keepers import choose_keepers
from .review.plan import Plan
from .widgets.report import write_report

if TYPE_CHECKING:
    from .widgets import GroupReviewer, ThresholdExplorer

SECONDS_PER_PAIR = 0.003  # to align it, on one core
# to find local features; of other methods the scan takes longer
SECONDS_PER_IMAGE = {"aligned": 0.010, "akaze": 0.040}
WHY_UNREAD = "result.images.problem says why."
STEPS = {"scan": 30.0, "fingerprints": 10.0, "pairs": 10.0, "align": 30.0, "sample": 20.0}


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
    missed
        how many images have a copy that the method does not look for, by a sample: one row per kind
        of copies, with the columns copies, sample (images), found (of them), estimate (of all
        images), low, high (its interval, 95 %). Empty if nothing was sampled.
    """

    images: pd.DataFrame
    pairs: pd.DataFrame
    groups: Grouping
    threshold: float
    method: str
    verified: bool
    n_refused: int = 0
    missed: pd.DataFrame = field(default_factory=pd.DataFrame)

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

    @property
    def table(self) -> pd.DataFrame:
        """One row per image of a group, with all that another program needs.

        group, image, path, similarity (percent, to the original), original, action ("keep" or
        "remove"), keeper, reason, flag; and what is known of the image, such as label, split,
        bytes, sha256. ``.to_csv``, ``.to_parquet`` and ``.to_json`` of pandas write it.
        """
        plan = pd.DataFrame(self._plan)[["image", "action", "keeper", "reason", "flag"]]
        images = self.images[[name for name in self.images if name not in plan or name == "image"]]
        table = self.groups.table.drop(columns="weakest").merge(images, on="image", how="left")
        return table.merge(plan, on="image", how="left")

    def filter(self, source: Any, path: str = "path") -> Any:
        """Return the source without the images that the plan removes; the source stays as it is.

        Parameters
        ----------
        source
            what was given to `find_duplicates` or `scan_images`: a DataFrame (of paths), a
            `Dataset` or `DatasetDict` of Hugging Face, an array, a list or dict of pictures.
        path
            of a DataFrame: the column of paths.

        Returns
        -------
        the same kind of object. Of a data set of torch: the numbers of the items that stay, for
        `torch.utils.data.Subset`.

        Raises
        ------
        TypeError, ValueError
            if it is none of these, or not the source of these images.
        """
        return filter_source(source, self.images, set(self.removed.image), path)

    def explore(self) -> ThresholdExplorer:
        """Return a `ThresholdExplorer` of the pairs, which shows the groups of any threshold."""
        from .widgets import ThresholdExplorer

        return ThresholdExplorer(
            self.pairs, self.images, threshold=self.threshold, hint=self._hint()
        )

    def review(self) -> GroupReviewer:
        """Return a `GroupReviewer` of the plan, which asks about each group."""
        from .widgets import GroupReviewer

        return GroupReviewer(self._plan)

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the plan to a file: .html, .csv or .json; return its path.

        The HTML page is the explorer with the plan's verdicts; it works without a kernel.
        """
        return write_report(
            path,
            self._plan,
            pairs=self.pairs,
            images=self.images,
            hint=self._hint(),
            title="Duplicate images: what the plan removes",
        )

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

    def _hint(self) -> str:
        return " ".join(filter(None, [*self._missed(), self._unverified()]))

    def _missed(self) -> list[str]:
        below = f"Not looked for: pairs below {self.threshold:g} %"
        if self.method == "aligned":
            missed = [f"{below}."]
        elif not len(self.missed):
            missed = [f"{below}; crops, turned or mirrored copies (method='aligned' finds them)."]
        else:
            missed = [f"{below}; crops, turned or mirrored copies.", self.groups.not_looked_for]
        others = int(are_no_pictures(self.images).sum())
        unread = int((self.images.problem != "").sum()) - others
        blank = int(self.pairs.attrs.get("low_detail", 0))
        parts = [f"{count_of(unread, 'file')} that could not be read"] if unread else []
        parts += [f"{count_of(others, 'file')} without a picture"] if others else []
        parts += [f"{count_of(blank, 'nearly blank image')}"] if blank else []
        why = f" {WHY_UNREAD}" if unread else ""
        return [*missed, f"Not compared: {', '.join(parts)}.{why}"] if parts else missed

    def _next_step(self) -> str:
        if not len(self.groups):
            return "Next: a lower threshold, or result.explore() to see the nearest pairs"
        steps = "Next: result.explore(), result.review(), result.plan()"
        return " ".join(filter(None, [self._unverified(), steps]))

    def _unverified(self) -> str:
        if self.verified or self.method == "aligned" or not len(self.groups):
            return ""
        way = "verify=True" if has_cv2() else 'pip install "imgdup-nb[local]"'
        return f"Some pairs may be false: {way} checks them."

    def __repr__(self) -> str:
        return "<Duplicates: " + "\n".join(self._lines()) + ">"

    def _repr_html_(self) -> str:
        return f"<p>{'<br>'.join(map(html.escape, self._lines()))}</p>{self.groups._repr_html_()}"


@stoppable
def find_duplicates(
    source: Any,
    threshold: float = 90.0,
    method: str | Embedding | Method = "phash",
    verify: bool | None = None,
    *,
    label: str | os.PathLike[str] | None = None,
    exclude: str | Iterable[str] | None = None,
    include: str | Iterable[str] | None = None,
    sample: int = SAMPLE,
    executor: Executor | None = None,
) -> Duplicates:
    """Find the duplicates of a folder: scan, fingerprints, pairs, verification, groups.

    Parameters
    ----------
    source
        all that `scan_images` takes; or a table that it made, perhaps with more columns.
    threshold
        percent, inclusive. A pair counts if the method gives so much, and the alignment too if
        pairs are verified.
    method
        as in `fingerprint_images`.
    verify
        whether `verify_pairs` aligns the pairs that the method found at the threshold. None: yes,
        if OpenCV is installed (`imgdup-nb[local]`). Pairs of 'aligned' are aligned already.
    label, exclude, include
        as in `scan_images`. For its other options, scan first, and give the table.
    sample
        images drawn at random, in which mirrored, turned and cropped copies are looked for, to
        estimate how many the method does not find. 0 leaves that out.
    executor
        any `concurrent.futures.Executor`, for all steps; None works in threads.

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
    collection from the level that `similar_pairs` chooses. If pairs are verified, those that the
    method found below the threshold are not among them. One progress bar shows all steps.
    Verification takes about 10 ms of a processor for each image in a pair and 3 ms for each pair,
    local features of all images 10 ms (aligned) or 40 ms (akaze) each; a sample of pairs tells how
    long it takes to compare them. If that is more than 20
    seconds, a line on the error output says so before. The sample takes about 3 seconds of a
    processor.

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
    sample = check_count("sample", sample, at_least=0)
    if verify is not None:
        check_flag("verify", verify)
    is_scanned = isinstance(source, pd.DataFrame) and {"image", "path", "problem"} <= set(source)
    options: dict[str, Any] = {"label": label, "exclude": exclude, "include": include}
    if is_scanned and any(value is not None for value in options.values()):
        raise ValueError("label, exclude and include are for scan_images: source is a table of it")
    with one_progress_bar(STEPS) as begin:
        begin("scan")
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            images = source if is_scanned else scan_images(source, **options, executor=executor)
        for warning in told:
            if UNREAD not in str(warning.message):  # the result's text says that
                warnings.warn(warning.message, warning.category, stacklevel=2)
        begin("fingerprints")
        each = SECONDS_PER_IMAGE.get(getattr(method, "name", str(method)), 0.0)
        what = f"Finding the local features of {count_of(len(images), 'image')}"
        announce(what, len(images) * each)
        prints = fingerprint_images(images, method, executor=executor)
        begin("pairs")
        found = similar_pairs(
            prints, min_similarity=light_floor(prints, at_most=threshold), executor=executor
        )
        begin("align")
        pairs, verified = confirm_pairs(found, images, threshold, verify, executor)
        n_refused = _count_pairs(found, threshold) - _count_pairs(pairs, threshold)
        groups = group_duplicates(pairs, threshold)
        begin("sample")
        missed = estimate_missed(prints, groups, sample=sample, executor=executor)
        groups = replace(groups, not_looked_for=say_missed(missed))
    name = prints.method.name
    return Duplicates(images, pairs, groups, threshold, name, verified, n_refused, missed)


def confirm_pairs(
    pairs: pd.DataFrame,
    images: pd.DataFrame,
    threshold: float,
    verify: bool | None = None,
    executor: Executor | None = None,
) -> tuple[pd.DataFrame, bool]:
    """Return the pairs at the threshold that match when they are aligned, and True.

    If they are not to be aligned, or are aligned already: all pairs, and False.
    """
    is_asked = has_cv2() if verify is None else verify
    if not is_asked or pairs.attrs["method"] == "aligned":
        return pairs, False
    found = pairs[pairs.similarity >= threshold - TOLERANCE].reset_index(drop=True)
    announce(f"Aligning {count_of(len(found), 'pair')}", _seconds_to_align(found))
    floor = min(FLOOR, threshold)
    return verify_pairs(found, images, min_similarity=floor, executor=executor), True


def _count_pairs(pairs: pd.DataFrame, threshold: float) -> int:
    return int((pairs.similarity >= threshold - TOLERANCE).sum())


def _seconds_to_align(found: pd.DataFrame) -> float:
    names = set(found.left.astype(object)) | set(found.right.astype(object))
    return len(names) * SECONDS_PER_IMAGE["aligned"] + len(found) * SECONDS_PER_PAIR

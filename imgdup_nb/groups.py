"""The pair table -> groups of duplicates at a threshold, at every threshold, and what changes between two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from .checks import check_choice, check_percent
from .fingerprints import METHODS
from .pairs import may_be_original

LINKAGES = ["star", "connected", "complete"]
TOLERANCE = 1e-9  # percent; a threshold typed as 100 * (1 - 3 / 42) includes pairs 3 bits apart
MAX_LEVELS = 400
CHANGES = ["same", "born", "grown", "merged", "regrouped"]


@dataclass(frozen=True, eq=False)
class Grouping:
    """Groups of duplicates at one threshold, made by `group_duplicates`.

    Iterating gives each group as a list of image names, the original first.

    Attributes
    ----------
    table
        one row per image in a group: group (1 is the largest), image, similarity (percent, to the group's original; NaN if
        below the floor of the pair table, which only chains can bring about), original (bool), weakest (percent, the least
        similar pair of the whole group; NaN if below the floor).
    threshold, linkage
        as asked for.
    n_images, n_pairs
        images compared, and pairs at or above the threshold.
    left_out
        images with a near neighbour that are in no group: their neighbours belong to other originals (star linkage), or fit
        another group better (complete).
    floor, method
        of the pair table.
    """

    table: pd.DataFrame
    threshold: float
    linkage: str
    n_images: int
    n_pairs: int
    left_out: list[str]
    floor: float
    method: str
    nearest: float  # percent; the most similar pair of the table, NaN if there is none

    @property
    def n_redundant(self) -> int:
        """Images in groups that are not the original: what could go."""
        return len(self.table) - len(self)

    @property
    def summary(self) -> pd.DataFrame:
        """One row per group: group, original, images, lowest (similarity to the original), weakest (pair), chained.

        `chained` is True where some two images of the group are less similar than the threshold.
        """
        by_group = self.table.groupby("group")
        summary = by_group.agg(original=("image", "first"), images=("image", "size"), weakest=("weakest", "first"))
        lowest = by_group.similarity.agg(lambda values: values.min(skipna=False))
        summary.insert(2, "lowest", lowest.astype(float))
        return summary.assign(chained=~(summary.weakest >= self.threshold - TOLERANCE)).reset_index()

    def to_response(self, casing: str = "tutorial") -> dict[str, Any]:
        """Return the groups as the tutorial's JSON answer.

        Parameters
        ----------
        casing : {'tutorial', 'sdk'}
            `Duplicates` / `duplicatesInGroup` / `ImageId` / `Similarity` with `Code` and `Status` as the tutorial prints them,
            or `duplicates` / `duplicateImages` / `imageId` / `similarity` as the service's client libraries read them.

        Returns
        -------
        dict
            ready for `json.dumps`; a similarity below the pair table's floor is None.
        """
        check_choice("casing", casing, ["tutorial", "sdk"])
        image_id, similarity = ("ImageId", "Similarity") if casing == "tutorial" else ("imageId", "similarity")
        groups = [
            [
                {image_id: image, similarity: None if np.isnan(percent) else float(percent)}
                for image, percent in zip(rows.image, rows.similarity, strict=True)
            ]
            for _, rows in self.table.groupby("group")
        ]
        if casing == "sdk":
            return {"duplicates": [{"duplicateImages": group} for group in groups]}
        return {"Duplicates": [{"duplicatesInGroup": group} for group in groups], "Code": 200, "Status": "OK"}

    @property
    def advice(self) -> str:
        """What to try when nothing, or everything, was found; empty otherwise."""
        if self.n_images < 2:
            return f"{self.n_images} image(s) cannot hold duplicates: add images to the folder."
        if not len(self) and np.isnan(self.nearest):
            return (
                f"No two images are {self.floor:g} % similar or more. If you expect duplicates, make the pairs with a lower "
                "min_similarity, or with orientations=True for turned and mirrored copies."
            )
        if not len(self):
            return f"No duplicates at {self.threshold:g} %. Try a lower threshold: the nearest pair has {self.nearest:g} %."
        if len(self) == 1 and len(self.table) == self.n_images > 3:
            way = "raise the threshold" if self.threshold < 100 else "use a finer method, such as phash256"
            return f"Everything is in one group. If the images are not all alike, {way}" + (
                ", or use linkage='star'." if self.linkage == "connected" else "."
            )
        return ""

    def __len__(self) -> int:
        return int(self.table.group.max()) if len(self.table) else 0

    def __iter__(self) -> Iterator[list[str]]:
        return (list(rows.image) for _, rows in self.table.groupby("group"))

    def _headline(self) -> str:
        if not len(self):
            return f"no groups at {self.threshold:g} % ({self.linkage} linkage, {self.n_images} images, {self.method})"
        largest = int(self.table.group.value_counts().iloc[0])
        return (
            f"{len(self)} group{'s' * (len(self) != 1)} at {self.threshold:g} % ({self.linkage} linkage): {len(self.table)} of "
            f"{self.n_images} images, {self.n_redundant} redundant, largest {largest} ({self.method})"
        )

    def __repr__(self) -> str:
        return f"<{self._headline()}>" + (f"\n{self.advice}" if self.advice else "")

    def _repr_html_(self) -> str:
        table = self.summary.round(2).to_html(index=False, max_rows=20) if len(self) else ""  # to_html escapes file names
        return f"<p>{self._headline()}. {self.advice}</p>{table}"


def group_duplicates(pairs: pd.DataFrame, threshold: float = 90.0, *, linkage: str = "star") -> Grouping:
    """Put images that are at least `threshold` similar into groups, the original first.

    Parameters
    ----------
    pairs
        made by `similar_pairs`, with a floor at or below the threshold; the order of its rows does not matter.
    threshold
        percent, inclusive.
    linkage : {'star', 'connected', 'complete'}
        'star': every member is at or above the threshold to the original, and belongs to the original it is most similar to.
        'connected': everything that a chain of pairs holds together.
        'complete': all pairs of a group are at or above the threshold.

    Returns
    -------
    Grouping
        largest group first. The original is the first by name (`cat.jpg` before `cat (1).jpg`).

    Raises
    ------
    ValueError
        if the threshold is below the floor of the pair table, or the linkage is unknown.

    Examples
    --------
    >>> from imgdup_nb import Fingerprints, similar_pairs
    >>> bits = np.zeros((3, 64), dtype=bool)
    >>> bits[1, :6] = bits[2, :12] = True          # each 6 bits from the one before
    >>> pairs = similar_pairs(Fingerprints.from_bits(["a", "b", "c"], bits))
    >>> list(group_duplicates(pairs, 90))
    [['a', 'b']]
    >>> list(group_duplicates(pairs, 90, linkage="connected"))
    [['a', 'b', 'c']]
    """
    check_choice("linkage", linkage, LINKAGES)
    graph = PairGraph.read(pairs, check_percent("threshold", threshold))
    return _group_graph(graph, threshold, linkage)[0]


def _group_graph(graph: PairGraph, threshold: float, linkage: str) -> tuple[Grouping, np.ndarray]:
    """Return the groups, and the number of the image in each row of their table."""
    near = graph.at_or_above(threshold)
    table = _group_table(graph, _owners(graph, near, linkage))
    numbers = table.pop("number").to_numpy()
    grouped = np.zeros(len(graph.names), dtype=bool)
    grouped[numbers] = True
    touched = np.zeros(len(graph.names), dtype=bool)
    touched[graph.first[near]] = touched[graph.second[near]] = True
    grouping = Grouping(
        table=table,
        threshold=float(threshold),
        linkage=linkage,
        n_images=graph.n_images,
        n_pairs=graph.count_pairs(near),
        left_out=graph.name_array[touched & ~grouped].tolist(),
        floor=graph.floor,
        method=graph.method,
        nearest=float(graph.similarity.max()) if len(graph.similarity) else np.nan,
    )
    return grouping, numbers


def sweep_thresholds(pairs: pd.DataFrame, thresholds: Sequence[float] | None = None, *, linkage: str = "star") -> pd.DataFrame:
    """Count pairs and groups at many thresholds, in one pass over the pairs.

    Parameters
    ----------
    pairs
        made by `similar_pairs`.
    thresholds
        percent, inclusive, each at or above the floor; None takes every level the method has, strictest first.
    linkage : {'star', 'connected', 'complete'}

    Returns
    -------
    pandas.DataFrame, one row per threshold, in the order given:
        threshold, pairs, groups, images (in groups), redundant (images - groups), largest (images in the largest group).

    Examples
    --------
    >>> from imgdup_nb import Fingerprints, similar_pairs
    >>> bits = np.zeros((3, 64), dtype=bool)
    >>> bits[1, :6] = bits[2, :12] = True
    >>> pairs = similar_pairs(Fingerprints.from_bits(["a", "b", "c"], bits))
    >>> sweep_thresholds(pairs, [95, 90, 80])
       threshold  pairs  groups  images  redundant  largest
    0       95.0      0       0       0          0        0
    1       90.0      2       1       2          1        2
    2       80.0      3       1       3          2        3
    """
    check_choice("linkage", linkage, LINKAGES)
    graph = PairGraph.read(pairs)
    wanted = graph.levels() if thresholds is None else [check_percent("thresholds", value) for value in thresholds]
    for value in wanted:
        graph.check_floor(value)
    return _sweep_graph(graph, wanted, linkage)


def _sweep_graph(graph: PairGraph, wanted: Sequence[float] | np.ndarray, linkage: str) -> pd.DataFrame:
    strictest_first = np.unique(wanted)[::-1]
    tally = _tallies(graph, strictest_first, linkage)
    place = np.searchsorted(-strictest_first, -np.asarray(wanted, dtype=float))
    groups, images, largest = tally[place].T if len(wanted) else np.zeros((3, 0), np.int64)
    return pd.DataFrame(
        {
            "threshold": np.asarray(wanted, dtype=float),
            "pairs": [graph.count_pairs(graph.at_or_above(value)) for value in wanted],
            "groups": groups,
            "images": images,
            "redundant": images - groups,
            "largest": largest,
        }
    )


def threshold_changes(pairs: pd.DataFrame, strict: float, loose: float, *, linkage: str = "star") -> pd.DataFrame:
    """Tell what happens to the groups when the threshold goes from `strict` down to `loose`.

    Parameters
    ----------
    pairs
        made by `similar_pairs`.
    strict, loose
        percent, inclusive; given the other way round they are swapped.
    linkage : {'star', 'connected', 'complete'}

    Returns
    -------
    pandas.DataFrame, one row per group at `loose` that is not a group at `strict`:
        change ("born": no two of its images were grouped; "grown": one group took in images; "merged": two or more groups;
        "regrouped": images left for another original, which star and complete linkage allow), group (its number at `loose`),
        images (names, original first), before (the numbers at `strict` of the groups its images come from), added (names that
        were in no group), because (the pairs from `loose` up to `strict`, as (left, right, similarity), that link what was not
        together before, most similar first).
    """
    check_choice("linkage", linkage, LINKAGES)
    low, high = sorted([check_percent("strict", strict), check_percent("loose", loose)])
    before, after = (group_duplicates(pairs, value, linkage=linkage) for value in (high, low))
    number_before = dict(zip(before.table.image, before.table.group, strict=True))
    sources_of_images = np.array([number_before.get(image, 0) for image in after.table.image], dtype=np.int64)
    kinds = _change_kinds(after.table.group.to_numpy(), sources_of_images, before.table.group.to_numpy())
    between = pairs[(pairs.similarity >= low - TOLERANCE) & (pairs.similarity < high - TOLERANCE)]
    group_after = dict(zip(after.table.image, after.table.group, strict=True))
    links = _links_by_group(between, group_after, number_before)
    rows = []
    for number, images in enumerate(after, start=1):
        sources = sorted({number_before[image] for image in images if image in number_before})
        added = [image for image in images if image not in number_before]
        change = CHANGES[kinds[number - 1]]
        if change != "same":
            rows.append((change, number, images, sources, added, links.get(number, [])))
    return pd.DataFrame(rows, columns=["change", "group", "images", "before", "added", "because"])


def _change_kinds(group: np.ndarray, source: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Tell what became of each group, as its place in CHANGES.

    Parameters
    ----------
    group, source : int, n_rows
        of each image in a group now: its group (1 is the first), and the one it was in before (0 where it was in none).
    before : int
        the group of each image that was in one before.
    """
    n_groups, n_before = int(group.max(initial=0)), int(before.max(initial=0))
    known = np.unique(group[source > 0] * (n_before + 1) + source[source > 0])  # each group with each of its sources
    into, came_from = known // (n_before + 1), known % (n_before + 1)
    n_sources = np.bincount(into, minlength=n_groups + 1)
    n_in_sources = np.bincount(into, np.bincount(before, minlength=n_before + 1)[came_from], n_groups + 1)
    n_added = np.bincount(group[source == 0], minlength=n_groups + 1)
    moved = np.bincount(group, minlength=n_groups + 1) - n_added < n_in_sources
    kinds = np.minimum(n_sources, 2) + CHANGES.index("born")
    kinds[(n_sources == 1) & (n_added == 0)] = CHANGES.index("same")
    kinds[moved] = CHANGES.index("regrouped")
    return kinds[1:]


def _links_by_group(
    between: pd.DataFrame, group_after: dict[str, int], number_before: dict[str, int]
) -> dict[int, list[tuple[str, str, float]]]:
    """Return for each later group the pairs inside it whose two images were not in one group before."""
    links: dict[int, list[tuple[str, str, float]]] = {}
    left, right = _image_names(between)
    ordered = between.assign(left=left, right=right).sort_values("similarity", ascending=False, kind="stable")
    for left, right, similarity in zip(ordered.left, ordered.right, ordered.similarity, strict=True):
        group = group_after.get(left)
        together = left in number_before and number_before[left] == number_before.get(right)
        if group is not None and group == group_after.get(right) and not together:
            links.setdefault(group, []).append((left, right, float(similarity)))
    return links


# -- the pair table as numbers ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PairGraph:
    """A pair table as arrays, images numbered in the order in which they may become originals.

    Pairs are (first, second), first < second, sorted by similarity, largest first, then by first and second.
    """

    names: list[str]
    first: np.ndarray  # int32
    second: np.ndarray  # int32
    similarity: np.ndarray  # float64, percent
    row: np.ndarray  # int64: where the pair stands in the table
    floor: float
    method: str
    n_images: int
    like: (
        np.ndarray
    )  # int32, n_names: the original of which an image is one of very many copies (`attrs["alike"]`), else itself

    @classmethod
    def read(cls, pairs: pd.DataFrame, threshold: float | None = None) -> PairGraph:
        """Check a pair table and number its images.

        Raises
        ------
        TypeError, ValueError
            if it is no pair table, has lost its floor, or the threshold is below it.
        """
        if not isinstance(pairs, pd.DataFrame) or not {"left", "right", "similarity"} <= set(pairs):
            raise TypeError(f"pairs must be a table made by similar_pairs(fingerprints), not {type(pairs).__name__}")
        if "floor" not in pairs.attrs:
            raise ValueError(
                "pairs has lost its floor, as happens in CSV files and pd.concat; say what min_similarity it was made with: "
                "pairs.attrs['floor'] = 70"
            )
        floor = check_percent("pairs.attrs['floor']", pairs.attrs["floor"])
        left, right, names = _number_images(pairs)
        order = np.lexsort((np.maximum(left, right), np.minimum(left, right), -pairs.similarity.to_numpy()))
        graph = cls(
            names=names,
            first=np.minimum(left, right)[order],
            second=np.maximum(left, right)[order],
            similarity=pairs.similarity.to_numpy(dtype=float)[order],
            row=order,
            floor=floor,
            method=str(pairs.attrs.get("method", "unknown method")),
            n_images=int(pairs.attrs.get("n_images", len(names))),
            like=_read_alike(pairs, names),
        )
        if threshold is not None:
            graph.check_floor(threshold)
        return graph

    @cached_property
    def by_second(self) -> np.ndarray:
        """The order of the pairs by second image, then by first; int64."""
        return np.lexsort((self.first, self.second))

    def below(self, upper: float) -> PairGraph:
        """Return the same images with the pairs below `upper` percent, exclusive."""
        return self.only(~self.at_or_above(upper))

    def only(self, kept: np.ndarray) -> PairGraph:
        """Return the same images with some of the pairs: bool, n_pairs."""
        parts = {name: getattr(self, name)[kept] for name in ("first", "second", "similarity", "row")}
        return replace(self, **parts)

    def check_floor(self, threshold: float) -> None:
        """Raise a ValueError with the way out if the table cannot answer for `threshold`."""
        if threshold < self.floor - TOLERANCE:
            raise ValueError(
                f"pairs holds similarities from {self.floor:g} up, so groups at {threshold:g} would be incomplete; make it "
                f"with similar_pairs(fingerprints, min_similarity={threshold:g})"
            )

    def at_or_above(self, threshold: float) -> np.ndarray:
        """Return bool, n_pairs: which pairs reach `threshold`, inclusive."""
        return self.similarity >= threshold - TOLERANCE

    @cached_property
    def name_array(self) -> np.ndarray:
        """The names as an array of objects, to take many at once."""
        return np.array(self.names, dtype=object)

    @cached_property
    def n_copies(self) -> np.ndarray:
        """How many copies stand behind each image, int64 n_names: pairs between two copies are not in the table."""
        return np.bincount(self.like, minlength=len(self.names)) - (self.like == np.arange(len(self.names)))

    def count_pairs(self, near: np.ndarray) -> int:
        """Return the number of pairs of which the table's rows `near` are part."""
        copies = self.n_copies
        if not copies.any():
            return int(near.sum())
        between = copies[self.first[near]] * copies[self.second[near]]  # a pair stands for those between its images' copies too
        return int(near.sum() + between.sum() + (copies * (copies - 1) // 2).sum())

    def levels(self) -> np.ndarray:
        """Return every similarity that can occur from the floor up, strictest first; half percents where they are too many."""
        return self._levels

    @cached_property
    def _levels(self) -> np.ndarray:
        seen = np.unique(self.similarity)
        nominal = METHODS[self.method].levels(self.floor) if self.method in METHODS else np.arange(100, self.floor - 1e-9, -0.5)
        if len(seen) > MAX_LEVELS:
            return np.arange(100.0, self.floor - 1e-9, -0.5)
        return np.unique(np.concatenate([nominal, seen]))[::-1]


def _number_images(pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return left and right as int32 numbers, and the names they stand for, in the order of originals."""
    left, right = _image_names(pairs)
    if isinstance(left.dtype, pd.CategoricalDtype) and left.dtype == right.dtype:
        known, codes = list(left.cat.categories), (left.cat.codes.to_numpy(), right.cat.codes.to_numpy())
    else:
        both, uniques = pd.factorize(np.concatenate([left.to_numpy(dtype=object), right.to_numpy(dtype=object)]))
        known, codes = list(uniques), (both[: len(pairs)], both[len(pairs) :])
    if pairs.attrs.get("sides") == 2:  # what is on the right was there before: originals are looked for there first
        there = set(codes[1].tolist())
        order = sorted(range(len(known)), key=lambda k: (k not in there, may_be_original(known[k])))
    else:
        order = sorted(range(len(known)), key=lambda k: may_be_original(known[k]))
    number = np.empty(len(known), np.int32)
    number[order] = np.arange(len(known), dtype=np.int32)
    return number[codes[0]], number[codes[1]], [known[k] for k in order]


def _image_names(pairs: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return the left and right names, told apart by `left:` and `right:` where two collections share a name."""
    left, right = pairs.left, pairs.right
    if pairs.attrs.get("sides") != 2:
        return left, right
    left, right = left.astype("category"), right.astype("category")
    shared = set(left.cat.categories) & set(right.cat.categories)
    return tuple(
        side.cat.rename_categories([f"{word}:{name}" if name in shared else name for name in side.cat.categories])
        for side, word in ((left, "left"), (right, "right"))
    )


def _read_alike(pairs: pd.DataFrame, names: list[str]) -> np.ndarray:
    like = np.arange(len(names), dtype=np.int32)
    if pairs.attrs.get("alike"):
        number = {name: k for k, name in enumerate(names)}
        for first, *copies in pairs.attrs["alike"]:
            if first in number:  # else the table has been filtered
                like[[number[name] for name in copies if name in number]] = number[first]
    return like


# -- linkages ---------------------------------------------------------------------------------------------------------


def _owners(graph: PairGraph, near: np.ndarray, linkage: str) -> np.ndarray:
    """Return for each image the first image of its group, itself if it is alone; int32."""
    from .loops import connected_levels, star_owners

    n = len(graph.names)
    n_near = int(near.sum())
    first, second = graph.first[:n_near], graph.second[:n_near]  # the most similar pairs stand first
    level = np.zeros(n_near, np.int32)
    if linkage == "star":
        by_second = graph.by_second[graph.by_second < n_near]
        return star_owners(first, second, level, by_second, n, 1)[:, 0]
    if linkage == "connected":
        return connected_levels(first, second, level, n, 1)[0]
    return _complete_levels(first, second, level, 1, graph)[0]


def _tallies(graph: PairGraph, strictest_first: np.ndarray, linkage: str) -> np.ndarray:
    """Return groups, images and largest for each threshold, int64 n_thresholds x 3."""
    from .loops import connected_levels, star_owners, tally_owners

    n, n_levels = len(graph.names), len(strictest_first)
    level = np.searchsorted(-strictest_first, -(graph.similarity + TOLERANCE)).astype(np.int32)
    n_near = int((level < n_levels).sum())
    first, second, level = graph.first[:n_near], graph.second[:n_near], level[:n_near]
    if linkage == "star":
        by_second = graph.by_second[graph.by_second < n_near]
        return tally_owners(star_owners(first, second, level, by_second, n, n_levels))
    if linkage == "connected":
        return connected_levels(first, second, level, n, n_levels)[1]
    return _complete_levels(first, second, level, n_levels, graph)[1]


def _complete_levels(
    first: np.ndarray, second: np.ndarray, level: np.ndarray, n_levels: int, graph: PairGraph
) -> tuple[np.ndarray, np.ndarray]:
    """Merge two clusters as soon as all pairs between them have been met; the same answers as `loops.connected_levels`.

    Of very many copies (`graph.like`) only the original is clustered; the others go where it goes.
    """
    from .loops import complete_levels

    owner, tally = complete_levels(*_without_copies(first, second, level, graph), graph.like, n_levels)
    return owner[graph.like], tally


def _without_copies(
    first: np.ndarray, second: np.ndarray, level: np.ndarray, graph: PairGraph
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pairs of images that are no copies, in the order in which their copies' last pairs would come."""
    like, similarity = graph.like, graph.similarity[: len(first)]
    if (like == np.arange(len(like))).all():
        return first, second, level
    kept = (like[first] == first) & (like[second] == second)
    first, second, level = first[kept], second[kept], level[kept]
    last = np.arange(len(like))
    np.maximum.at(last, like, np.arange(len(like)))
    one, other = last[first], last[second]
    order = np.lexsort((np.maximum(one, other), np.minimum(one, other), -similarity[kept]))
    return first[order], second[order], level[order]


# -- groups as a table ------------------------------------------------------------------------------------------------


def _group_table(graph: PairGraph, owner: np.ndarray) -> pd.DataFrame:
    """Return the table of `Grouping`, with the images' numbers as an extra column."""
    from .loops import score_members

    to_original, weakest, met = score_members(graph.first, graph.second, graph.similarity, owner, graph.n_copies)
    size = np.bincount(owner, minlength=len(owner))
    weakest[met < size * (size - 1) // 2] = np.nan  # some pair is below the floor
    images = np.flatnonzero(size[owner] > 1)
    heads, similarity = owner[images], to_original[images]
    # largest group first, then by original; within a group: original, then most similar first, then by name
    order = np.lexsort((images, -np.nan_to_num(similarity, nan=-1), images != heads, heads, -size[heads]))
    images, heads, similarity = images[order], heads[order], similarity[order]
    starts = images == heads
    return pd.DataFrame(
        {
            "group": np.cumsum(starts),
            "image": pd.Series(graph.name_array[images], dtype=object),
            "similarity": similarity,
            "original": starts,
            "weakest": weakest[heads],
            "number": images,
        }
    )

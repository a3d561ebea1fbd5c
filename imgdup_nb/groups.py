"""The pair table -> groups of duplicates at a threshold, and their number at every threshold."""

from __future__ import annotations

import html
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .engine.chains import strongest_chain
from .engine.checks import (
    check_choice,
    check_path,
    check_percent,
    check_table,
    check_text,
    count_of,
    one_line,
)
from .engine.pair_graph import TOLERANCE, PairGraph
from .engine.parallel import stoppable
from .engine.paths import naming


class Members(NamedTuple):
    """The images of all groups as arrays: largest group first, in each its original first."""

    number: np.ndarray  # int64: of the image in the graph
    group: np.ndarray  # int64, 1 is the largest
    similarity: np.ndarray  # float64, percent, to the original
    is_original: np.ndarray  # bool
    weakest: np.ndarray  # float64, percent


@dataclass(frozen=True, eq=False)
class Grouping:
    """Groups of duplicates at one threshold, made by `group_duplicates`.

    Iterating gives each group as a list of image names, the original first.

    Attributes
    ----------
    table
        one row per image in a group: group (1 is the largest), image, similarity (percent, to the
        group's original; NaN if below the floor of the pair table, which only chains can bring
        about), original (bool), weakest (percent, the least similar pair of the whole group; NaN if
        below the floor).
    threshold, linkage
        as asked for.
    n_images, n_pairs
        images compared, and pairs at or above the threshold.
    left_out
        images with a near neighbour that are in no group: their neighbours belong to other
        originals (star linkage), or fit another group better (complete).
    floor, method
        of the pair table.
    not_looked_for
        a sentence about copies that the method does not look for, which `find_duplicates` adds from
        a sample; empty otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> bits = np.zeros((3, 64), dtype=bool)
    >>> bits[1, :6] = bits[2, :12] = True  # each 6 bits from the one before
    >>> pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a", "b", "c"], bits))
    >>> groups = dup.group_duplicates(pairs, 90)
    >>> list(groups), groups.n_redundant, groups.left_out
    ([['a', 'b']], 1, ['c'])
    """

    threshold: float
    linkage: str
    n_images: int
    n_pairs: int
    floor: float
    method: str
    nearest: float  # percent; the most similar pair of the table, NaN if there is none
    _graph: PairGraph  # the pairs that the groups were made from
    _members: Members
    _left_out: np.ndarray  # the numbers of the images left out
    n_removed: int = 0  # pairs that labels took out of the table
    not_looked_for: str = ""

    # made when it is asked for: an explorer moves on without the names of 100,000 images
    @cached_property
    def table(self) -> pd.DataFrame:
        """The groups, one row per image."""
        members = self._members
        columns = {
            "group": members.group,
            "image": pd.Series(self._graph.name_array[members.number], dtype=object),
            "similarity": members.similarity,
            "original": members.is_original,
            "weakest": members.weakest,
        }
        return pd.DataFrame(columns)

    @cached_property
    def left_out(self) -> list[str]:
        """Images with a near neighbour that are in no group."""
        return self._graph.name_array[self._left_out].tolist()

    @property
    def n_redundant(self) -> int:
        """Images in groups that are not the original: what could go."""
        return len(self._members.number) - len(self)

    @property
    def summary(self) -> pd.DataFrame:
        """One row per group: group, original, images, lowest, weakest, chained.

        `lowest` is the lowest similarity to the original, `weakest` that of any pair. `chained`
        is True where some two images of the group are less similar than the threshold.
        """
        by_group = self.table.groupby("group")
        summary = by_group.agg(
            original=("image", "first"), images=("image", "size"), weakest=("weakest", "first")
        )
        is_unknown = self.table.similarity.isna().groupby(self.table.group).any()
        lowest = by_group.similarity.min().astype(float)
        summary.insert(2, "lowest", lowest.mask(is_unknown))
        return summary.assign(
            chained=~(summary.weakest >= self.threshold - TOLERANCE)
        ).reset_index()

    def to_response(self, casing: str = "tutorial") -> dict[str, Any]:
        """Return the groups as the tutorial's JSON answer.

        Parameters
        ----------
        casing : {'tutorial', 'sdk'}
            `Duplicates` / `duplicatesInGroup` / `ImageId` / `Similarity` with `Code` and `Status`
            as the tutorial prints them, or `duplicates` / `duplicateImages` / `imageId` /
            `similarity` as the service's client libraries read them.

        Returns
        -------
        dict
            ready for `json.dumps`; a similarity below the pair table's floor is None.
        """
        check_choice("casing", casing, ["tutorial", "sdk"])
        image_id, similarity = (
            ("ImageId", "Similarity") if casing == "tutorial" else ("imageId", "similarity")
        )
        groups = [
            [
                {image_id: image, similarity: None if np.isnan(percent) else float(percent)}
                for image, percent in zip(rows.image, rows.similarity, strict=True)
            ]
            for _, rows in self.table.groupby("group")
        ]
        if casing == "sdk":
            return {"duplicates": [{"duplicateImages": group} for group in groups]}
        return {
            "Duplicates": [{"duplicatesInGroup": group} for group in groups],
            "Code": 200,
            "Status": "OK",
        }

    def ids(self, images: pd.DataFrame) -> pd.Series:
        """Return a group number for every image: its group's, or one of its own for a single.

        No two images with one number may be in different parts of a split:
        ``GroupShuffleSplit().split(images, groups=groups.ids(images))`` of scikit-learn heeds that.

        Parameters
        ----------
        images
            a table with a column `image`, such as `scan_images` makes.

        Returns
        -------
        pandas.Series
            int64, with the index of `images`; singles are numbered after the last group.
        """
        _check_images(images)
        number = dict(zip(self.table.image, self.table.group, strict=True))
        known = images.image.map(number)
        singles = known.isna()
        fresh = len(self) + singles.cumsum()
        return known.where(~singles, fresh).astype("int64").rename("group")

    def keep_list(self, images: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of `images` that stay if each group keeps its original, singles included.

        The original is only the first by name. Which file of a group is the best one,
        `choose_keepers` says: ``plan.kept`` are the files of the groups that stay.
        """
        _check_images(images)
        others = set(self.table.image[~self.table.original])
        return images[~images.image.isin(others)].reset_index(drop=True)

    def to_csv(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write the table of the groups to a CSV file; options as of `pandas.DataFrame.to_csv`.

        On a full disk nothing is written, and an existing file stays as it was.
        """
        path = check_path("path", path, "groups.csv")
        options = {"index": False, **options}
        with naming(path):
            if os.path.exists(path) and not os.path.isfile(path):  # such as /dev/stdout
                self.table.to_csv(path, **options)
                return
            place = os.path.realpath(path)
            with tempfile.TemporaryDirectory(".part", ".imgdup_nb-", os.path.dirname(place)) as new:
                part = os.path.join(new, os.path.basename(place))
                if os.path.exists(place) and options.get("mode", "w") != "w":
                    shutil.copyfile(place, part)
                self.table.to_csv(part, **options)
                os.replace(part, place)

    def path(self, one: str, other: str) -> pd.DataFrame:
        """Return the pairs that connect two images of a group, from `one` to `other`.

        Of all chains of pairs at or above the threshold it is the strongest: its weakest pair is as
        similar as can be.

        Returns
        -------
        pandas.DataFrame, one row per pair:
            left, right, similarity (percent). One row if the pair itself is the strongest chain.

        Raises
        ------
        ValueError
            if the images are not in one group.

        Examples
        --------
        >>> import numpy as np
        >>> bits = np.zeros((3, 64), dtype=bool)
        >>> bits[1, :6] = bits[2, :12] = True  # each 6 bits from the one before
        >>> pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a", "b", "c"], bits))
        >>> dup.group_duplicates(pairs, 90, linkage="connected").path("a", "c")
          left right  similarity
        0    a     b      90.625
        1    b     c      90.625
        """
        one, other = (
            check_text(name, given, "cat.jpg") for name, given in (("one", one), ("other", other))
        )
        group = self.table.set_index("image").group
        if one not in group.index or other not in group.index or group[one] != group[other]:
            raise ValueError(
                f"one and other must be of one group, and {one!r} and {other!r} are not"
            )
        return strongest_chain(self._graph, self[group[one]], self.threshold, one, other)

    @property
    def advice(self) -> str:
        """What to try when nothing, or everything, was found; empty otherwise."""
        if self.n_images < 2:
            return "It takes two images to make a pair: add images to the folder."
        if not len(self) and np.isnan(self.nearest) and self.n_removed:
            return (
                f"Labels took {'the only pair' if self.n_removed == 1 else 'all pairs'} out of the "
                "table. Group the pairs from before to see them."
            )
        if not len(self) and np.isnan(self.nearest):
            return (
                f"No two images are {self.floor:g} % similar or more. If you expect duplicates, "
                "make the pairs with a lower "
                "min_similarity, or with orientations=True for turned and mirrored copies."
            )
        if not len(self):
            return (
                f"No duplicates at {self.threshold:g} %. Try a lower threshold: the nearest pair "
                f"has {self.nearest:g} %."
            )
        if len(self) == 1 and len(self.table) == self.n_images > 3:
            way = (
                "raise the threshold"
                if self.threshold < 100
                else "use a finer method, such as phash256"
            )
            return f"Everything is in one group. If the images are not all alike, {way}" + (
                ", or use linkage='star'." if self.linkage == "connected" else "."
            )
        return ""

    def __len__(self) -> int:
        return int(self._members.is_original.sum())

    def __iter__(self) -> Iterator[list[str]]:
        return (list(rows.image) for _, rows in self.table.groupby("group"))

    def __getitem__(self, number: int) -> list[str]:
        """Return the images of a group by its number, 1 for the largest, the original first."""
        if not isinstance(number, int | np.integer) or not 1 <= number <= len(self):
            if not len(self):
                raise KeyError(f"there are no groups, so there is no group {number!r}")
            raise KeyError(
                f"groups are numbered from 1 to {len(self)}, and {number!r} is none of them; "
                "groups.table is a table with all of them"
            )
        return list(self.table.image[self.table.group == number])

    def _headline(self) -> str:
        if not len(self):
            return (
                f"no groups at {self.threshold:g} % ({self.linkage} linkage, "
                f"{count_of(self.n_images, 'image')}, {self.method})"
            )
        largest = int(self.table.group.value_counts().iloc[0])
        return (
            f"{count_of(len(self), 'group')} at {self.threshold:g} % ({self.linkage} linkage): "
            f"{len(self.table)} of "
            f"{self.n_images} images, {self.n_redundant} redundant, largest {largest} "
            f"({self.method})"
        )

    def __repr__(self) -> str:
        return "\n".join(filter(None, [f"<{self._headline()}>", self.advice, self.not_looked_for]))

    def _repr_html_(self) -> str:
        names = {"original": one_line}  # to_html escapes the rest
        table = (
            self.summary.round(2).to_html(index=False, max_rows=20, formatters=names)
            if len(self)
            else ""
        )
        hints = filter(None, [f"{self._headline()}.", self.advice, self.not_looked_for])
        words = html.escape(" ".join(hints))
        return f"<p>{words}</p>{table}"


def _check_images(images: Any) -> None:
    check_table("images", images, ["image"], "scan_images(folder)")


def similarity_lookup(groups: Grouping) -> Callable[[str, str], float]:
    """Return a function: two images of one group -> their similarity in percent.

    NaN where it is below the floor of the pair table.
    """
    graph = groups._graph
    number = {name: k for k, name in enumerate(graph.names)}
    group = np.zeros(len(graph.names), dtype=np.int64)
    group[[number[name] for name in groups.table.image]] = groups.table.group
    first, second = graph.first, graph.second
    inside = (group[first] == group[second]) & (group[first] > 0)
    keys = zip(first[inside].tolist(), second[inside].tolist(), strict=True)
    known = dict(zip(keys, graph.similarity[inside].tolist(), strict=True))

    def similarity(one: str, other: str) -> float:
        a, b = sorted(int(graph.like[number[name]]) for name in (one, other))
        return 100.0 if a == b else known.get((a, b), np.nan)

    return similarity


@stoppable
def group_duplicates(
    pairs: pd.DataFrame, threshold: float = 90.0, *, linkage: str = "star"
) -> Grouping:
    """Put images that are at least `threshold` similar into groups, the original first.

    Parameters
    ----------
    pairs
        made by `similar_pairs`, with a floor at or below the threshold; the order of its rows does
        not matter.
    threshold
        percent, inclusive.
    linkage : {'star', 'connected', 'complete'}
        'star': every member is at or above the threshold to the original. It belongs to the
        original it is most similar to. 'connected': all images that a chain of pairs connects.
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
    >>> import numpy as np
    >>> bits = np.zeros((3, 64), dtype=bool)
    >>> bits[1, :6] = bits[2, :12] = True          # each 6 bits from the one before
    >>> pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a", "b", "c"], bits))
    >>> list(dup.group_duplicates(pairs, 90))
    [['a', 'b']]
    >>> list(dup.group_duplicates(pairs, 90, linkage="connected"))
    [['a', 'b', 'c']]
    """
    check_choice("linkage", linkage, LINKAGES)
    graph = PairGraph.read(pairs, check_percent("threshold", threshold))
    return group_graph(graph, threshold, linkage)


def group_graph(graph: PairGraph, threshold: float, linkage: str) -> Grouping:
    """Return the groups of the pairs of a graph."""
    n_near = graph.count_near(threshold)
    members, is_left_out = _list_members(graph, n_near, find_owners(graph, n_near, linkage))
    return Grouping(
        threshold=float(threshold),
        linkage=linkage,
        n_images=graph.n_images,
        n_pairs=graph.count_pairs(n_near),
        floor=graph.floor,
        method=graph.method,
        nearest=float(graph.similarity[0]) if len(graph.similarity) else np.nan,
        n_removed=graph.n_removed,
        _graph=graph,
        _members=members,
        _left_out=np.flatnonzero(is_left_out),
    )


def _list_members(graph: PairGraph, n_near: int, owner: np.ndarray) -> tuple[Members, np.ndarray]:
    """Return the images of all groups, and of each image whether it is near one, and in none."""
    from .engine.group_loops import score_members

    size = np.bincount(owner, minlength=len(owner))
    heads = np.flatnonzero(size > 1)
    heads = heads[np.argsort(-size[heads], kind="stable")]  # largest first, then by original
    size = size[heads]
    start = np.full(len(owner), -1)
    start[heads] = np.cumsum(size) - size
    numbers, to_original, weakest, met, is_left_out = score_members(
        graph.first, graph.second, graph.similarity, owner, graph.n_copies, start, n_near
    )
    weakest = weakest[heads]
    weakest[met[heads] < size * (size - 1) // 2] = np.nan  # some pair is below the floor
    is_original = np.zeros(len(numbers), dtype=bool)
    is_original[start[heads]] = True
    members = Members(
        number=numbers,
        group=np.repeat(np.arange(1, len(heads) + 1), size),
        similarity=to_original[numbers],
        is_original=is_original,
        weakest=np.repeat(weakest, size),
    )
    return members, is_left_out


LINKAGES = ["star", "connected", "complete"]


def find_owners(graph: PairGraph, n_near: int, linkage: str) -> np.ndarray:
    """Return for each image the first image of its group, itself if it is alone; int32.

    The first `n_near` pairs, the most similar ones, are those at or above the threshold.
    """
    from .engine.group_loops import connected_levels, star_owners_of

    n = len(graph.names)
    first, second = graph.first[:n_near], graph.second[:n_near]
    if linkage == "star":
        return star_owners_of(first, second, graph.by_second, n)
    level = np.zeros(n_near, np.int32)
    if linkage == "connected":
        return connected_levels(first, second, level, n, 1)[0]
    return _complete_levels(first, second, level, 1, graph)[0]


def tally_levels(graph: PairGraph, strictest_first: np.ndarray, linkage: str) -> np.ndarray:
    """Return groups, images and largest for each threshold, int64 n_thresholds x 3."""
    from .engine.group_loops import connected_levels, star_owners, tally_owners

    n, n_levels = len(graph.names), len(strictest_first)
    level = np.searchsorted(-strictest_first, -(graph.similarity + TOLERANCE)).astype(np.int32)
    n_near = int((level < n_levels).sum())
    first, second, level = graph.first[:n_near], graph.second[:n_near], level[:n_near]
    if linkage == "star":
        row = graph.by_second.row
        by_second = row[row < n_near]
        return tally_owners(star_owners(first, second, level, by_second, n, n_levels))
    if linkage == "connected":
        return connected_levels(first, second, level, n, n_levels)[1]
    return _complete_levels(first, second, level, n_levels, graph)[1]


def _complete_levels(
    first: np.ndarray, second: np.ndarray, level: np.ndarray, n_levels: int, graph: PairGraph
) -> tuple[np.ndarray, np.ndarray]:
    """Merge two clusters as soon as all pairs between them have been met.

    The answers have the form of those of `group_loops.connected_levels`.

    Of very many copies (`graph.like`) only the original is clustered; the others go where it goes.
    """
    from .engine.group_loops import complete_levels

    owner, tally = complete_levels(
        *_without_copies(first, second, level, graph), graph.like, n_levels
    )
    return owner[graph.like], tally


def _without_copies(
    first: np.ndarray, second: np.ndarray, level: np.ndarray, graph: PairGraph
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pairs of originals, in the order in which their copies' last pairs would come."""
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

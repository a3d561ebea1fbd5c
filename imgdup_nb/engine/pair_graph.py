"""The pair table as arrays: groups, plots and evidence count with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .checks import check_level, check_pairs_table
from .copies import order_of_originals, original_order
from .paths import name_key

TOLERANCE = 1e-9  # percent; a threshold typed as 100 * (1 - 3 / 42) includes pairs 3 bits apart
LEFT, RIGHT = "left:", "right:"  # before a name that both collections have


@dataclass(frozen=True, eq=False)
class Sides:
    """Of which of two collections each image of a pair table is."""

    own: list[str]  # the names that images have in their collections
    is_right: np.ndarray  # bool, n_names
    shared: set[str]  # names that both collections have


class BySecond(NamedTuple):
    """The pairs of a `PairGraph` in another order, copied so that a loop reads them in a row."""

    first: np.ndarray  # int32
    second: np.ndarray  # int32
    row: np.ndarray  # int32: the place of the pair in the graph


@dataclass(frozen=True, eq=False)
class PairGraph:
    """A pair table as arrays, images numbered in the order in which they may become originals.

    Pairs are (first, second), first < second, sorted by similarity, largest first, then by first
    and second.
    """

    names: list[str]
    first: np.ndarray  # int32
    second: np.ndarray  # int32
    similarity: np.ndarray  # float64, percent
    row: np.ndarray  # int64: where the pair stands in the table
    floor: float
    method: str
    n_images: int
    # the original of which an image is one of very many copies (`attrs["copies"]`), else itself
    like: np.ndarray  # int32, n_names
    n_removed: int  # pairs that labels took out of the table
    sides: Sides | None  # None for the pairs of one collection
    bits: int = 0  # of a hash

    @classmethod
    def read(cls, pairs: pd.DataFrame, threshold: float | None = None) -> PairGraph:
        """Check a pair table and number its images.

        Raises
        ------
        TypeError, ValueError
            if it is no pair table, has lost its floor, or the threshold is below it.
        """
        check_pairs_table("pairs", pairs)
        if "floor" not in pairs.attrs:
            raise ValueError(
                "pairs has lost its floor, as happens in CSV files and pd.concat; say what "
                "min_similarity it was made with: pairs.attrs['floor'] = 70"
            )
        floor = check_level("pairs.attrs['floor']", pairs.attrs["floor"])
        left, right, names, sides = _number_images(pairs)
        order = np.lexsort(
            (np.maximum(left, right), np.minimum(left, right), -pairs.similarity.to_numpy())
        )
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
            n_removed=sum(
                pairs.attrs.get("labels", {}).get(kind, 0) for kind in ("different", "cut")
            ),
            sides=sides,
            bits=int(pairs.attrs.get("bits", 0)),
        )
        if threshold is not None:
            graph.check_floor(threshold)
        return graph

    @cached_property
    def by_second(self) -> BySecond:
        """The pairs by second image, then by first."""
        row = np.lexsort((self.first, self.second)).astype(np.int32)
        return BySecond(self.first[row], self.second[row], row)

    @cached_property
    def distinct(self) -> np.ndarray:
        """The similarities that occur, each once, ascending; float64."""
        is_first = np.diff(self.similarity, prepend=np.inf) != 0
        return self.similarity[is_first][::-1]

    def below(self, upper: float) -> PairGraph:
        """Return the same images with the pairs below `upper` percent, exclusive."""
        return self.only(~self.at_or_above(upper))

    def only(self, kept: np.ndarray) -> PairGraph:
        """Return the same images with some of the pairs: bool, n_pairs."""
        parts = {
            name: getattr(self, name)[kept] for name in ("first", "second", "similarity", "row")
        }
        return replace(self, **parts)

    def check_floor(self, threshold: float) -> None:
        """Raise a ValueError with the way out if the table cannot answer for `threshold`."""
        if threshold < self.floor - TOLERANCE:
            raise ValueError(
                f"pairs holds similarities from {self.floor:g} up, so groups at {threshold:g} "
                "would be incomplete; make it "
                f"with similar_pairs(fingerprints, min_similarity={threshold:g})"
            )

    def at_or_above(self, threshold: float) -> np.ndarray:
        """Return bool, n_pairs: which pairs reach `threshold`, inclusive."""
        return self.similarity >= threshold - TOLERANCE

    def count_near(self, threshold: float) -> int:
        """Return how many pairs reach `threshold`, inclusive; they are the first ones."""
        ascending = self.similarity[::-1]
        return len(ascending) - int(np.searchsorted(ascending, threshold - TOLERANCE))

    @cached_property
    def name_array(self) -> np.ndarray:
        """The names as an array of objects, to take many at once."""
        return np.array(self.names, dtype=object)

    @cached_property
    def n_copies(self) -> np.ndarray:
        """The number of copies of each image, int64 n_names; their pairs are not in the table."""
        return np.bincount(self.like, minlength=len(self.names)) - (
            self.like == np.arange(len(self.names))
        )

    def count_pairs(self, n_near: int) -> int:
        """Return the number of pairs that the first `n_near` stand for, copies included."""
        copies = self.n_copies
        if not copies.any():
            return n_near
        # a pair stands for the pairs between its images' copies too
        between = copies[self.first[:n_near]] * copies[self.second[:n_near]]
        return int(n_near + between.sum() + (copies * (copies - 1) // 2).sum())


def _number_images(pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, list[str], Sides | None]:
    """Return left and right as int32 numbers, their names in the order of originals, and sides."""
    if pairs.attrs.get("sides") == 2:
        return _number_sides(pairs)
    left, right = pairs.left, pairs.right
    if isinstance(left.dtype, pd.CategoricalDtype) and left.dtype == right.dtype:
        known, codes = (
            list(left.cat.categories),
            (left.cat.codes.to_numpy(), right.cat.codes.to_numpy()),
        )
    else:
        both, uniques = pd.factorize(
            np.concatenate([left.to_numpy(dtype=object), right.to_numpy(dtype=object)])
        )
        known, codes = list(uniques), (both[: len(pairs)], both[len(pairs) :])
    order = order_of_originals(known)
    number = _ranks(order)
    return number[codes[0]], number[codes[1]], [known[k] for k in order], None


def _number_sides(pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, list[str], Sides]:
    left, right = image_names(pairs)
    n_left = len(left.cat.categories)
    known = [*left.cat.categories, *right.cat.categories]
    own = [*_categories(pairs.left), *_categories(pairs.right)]
    # what is on the right was there before: originals are looked for there first
    order = sorted(range(len(known)), key=lambda k: (k < n_left, original_order(known[k])))
    number = _ranks(order)
    shared = set(own[:n_left]) & set(own[n_left:])
    sides = Sides(
        [own[k] for k in order], np.array([k >= n_left for k in order], dtype=bool), shared
    )
    return (
        number[left.cat.codes],
        number[n_left + right.cat.codes.to_numpy(np.int64)],
        [known[k] for k in order],
        sides,
    )


def _ranks(order: Sequence[int] | np.ndarray) -> np.ndarray:
    number = np.empty(len(order), np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    return number


def image_names(pairs: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return the left and right names; a name of both collections gets `left:` or `right:`."""
    if pairs.attrs.get("sides") != 2:
        return pairs.left, pairs.right
    left, right = pairs.left.astype("category"), pairs.right.astype("category")
    shared = set(left.cat.categories) & set(right.cat.categories)
    return tuple(
        side.cat.rename_categories(
            [f"{word}{name}" if name in shared else name for name in side.cat.categories]
        )
        for side, word in ((left, LEFT), (right, RIGHT))
    )


def find_names(names: Sequence[str], wanted: Iterable[Any]) -> np.ndarray:
    """Return the place of each wanted name among `names`, int64; -1 if it is not there.

    A name that is spelled with other Unicode characters, but reads the same, is found too, unless
    two of `names` read the same.

    Examples
    --------
    >>> find_names(["café.jpg", "cat.jpg"], ["cat.jpg", "cafe" + chr(0x301) + ".jpg", "dog.jpg"])
    array([ 1,  0, -1])
    """
    known = {name: place for place, name in enumerate(names)}
    wanted = list(wanted)
    places = np.array([known.get(name, -1) for name in wanted], dtype=np.int64)
    lost = [k for k in np.flatnonzero(places < 0) if isinstance(wanted[k], str)]
    if lost:
        readings: dict[str, int] = {}
        for place, name in enumerate(names):
            key = name_key(name)
            readings[key] = -1 if key in readings else place
        places[lost] = [readings.get(name_key(wanted[k]), -1) for k in lost]
    return places


def _categories(names: pd.Series) -> list[str]:
    return list(names.astype("category").cat.categories)


def check_unique_images(images: pd.DataFrame, pairs: pd.DataFrame | None = None) -> None:
    """Raise a ValueError if `images` has two rows of one name, or two collections share a name.

    The message says the way out.
    """
    twice = images.image[images.image.duplicated()]
    if pairs is not None and pairs.attrs.get("sides") == 2:
        shared = sorted(
            set(pairs.left.astype("category").cat.categories)
            & set(pairs.right.astype("category").cat.categories)
        )
        twice = pd.Series(shared, dtype=object) if shared else twice
    if len(twice):
        raise ValueError(
            f"images must have one row for each image, and two are called {twice.iloc[0]!r}; "
            f"{NAME_APART}"
        )


NAME_APART = (
    "where two collections share names, give one of them names of its own before it is "
    "fingerprinted: old['image'] = 'old/' + old.image; then images=pd.concat([new, old], "
    "ignore_index=True) has a row for each"
)
WHERE_FROM = f"were the groups made from another folder? Or {NAME_APART}"


def _read_alike(pairs: pd.DataFrame, names: list[str]) -> np.ndarray:
    like = np.arange(len(names), dtype=np.int32)
    if pairs.attrs.get("copies"):
        number = {name: k for k, name in enumerate(names)}
        for first, *copies in pairs.attrs["copies"]:
            if first in number:  # else the table has been filtered
                like[[number[name] for name in copies if name in number]] = number[first]
    return like


def components(first: np.ndarray, second: np.ndarray, n: int) -> np.ndarray:
    """Return the number of the component of each of `n` nodes, int64: joined nodes share one.

    Examples
    --------
    >>> components(np.array([0, 3]), np.array([2, 4]), 5)
    array([0, 1, 0, 2, 2])
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not n:  # scipy refuses a graph without nodes
        return np.zeros(0, np.int64)
    links = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(n, n))
    return connected_components(links, directed=False)[1].astype(np.int64)

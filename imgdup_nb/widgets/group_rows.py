"""The members of the groups as arrays, for ten thousand groups: sizes, scores, and what changed."""

from __future__ import annotations

import numpy as np

from ..groups import Members
from ..sweep import CHANGES, change_kinds


class GroupRows:
    """The members of a `Grouping` as arrays: where each group starts, and what is known of it."""

    def __init__(self, members: Members) -> None:
        self.number, self.group, self.similarity = members[:3]
        self.start = np.flatnonzero(members.is_original)
        self.n_groups = len(self.start)
        self.size = np.diff(self.start, append=len(self.number))
        self.weakest = members.weakest[self.start]
        self.mean = self._reduce(np.add, self.similarity) / np.maximum(self.size, 1)

    def _reduce(self, function: np.ufunc, values: np.ndarray) -> np.ndarray:
        return function.reduceat(values, self.start) if self.n_groups else values[:0]

    def any(self, rows: np.ndarray) -> np.ndarray:
        """Tell for each group whether any of its rows is true."""
        return self._reduce(np.logical_or, rows)

    def differ(self, codes: np.ndarray) -> np.ndarray:
        """Tell for each group whether its rows have different codes; below 0 there is none."""
        high = self._reduce(np.maximum, codes)
        low = self._reduce(np.minimum, np.where(codes < 0, np.iinfo(np.int64).max, codes))
        return (high >= 0) & (low < high)


class Changes:
    """How the groups of now differ from those at the pinned threshold.

    Attributes
    ----------
    kinds : int, n_groups
        what each group of now became, or would become at the pinned threshold, as its place in
        CHANGES.
    new_rows : bool, one per row of the table
        images that were not with the original before.
    all_kinds : int
        of each group at the looser threshold.
    """

    def __init__(self, kinds: np.ndarray, new_rows: np.ndarray, all_kinds: np.ndarray) -> None:
        self.kinds, self.new_rows, self.all_kinds = kinds, new_rows, all_kinds

    @classmethod
    def none(cls, rows: GroupRows) -> Changes:
        """Return no changes: nothing is pinned."""
        same = np.zeros(rows.n_groups, dtype=int)
        return cls(same, np.zeros(len(rows.group), dtype=bool), same)

    @classmethod
    def forward(
        cls, now: tuple[np.ndarray, np.ndarray], then: tuple[np.ndarray, np.ndarray], n: int
    ) -> Changes:
        """Compare groups at a looser threshold now with those at a stricter one then.

        Each is (group, image) of each row.
        """
        source = _by_image(*then, n)[now[1]]
        kinds = change_kinds(now[0], source, then[0])
        start = np.searchsorted(now[0], np.arange(1, len(kinds) + 1))
        joined = source != source[start][now[0] - 1]
        return cls(kinds, joined & (kinds[now[0] - 1] != CHANGES.index("born")), kinds)

    @classmethod
    def backward(
        cls, now: tuple[np.ndarray, np.ndarray], then: tuple[np.ndarray, np.ndarray], n: int
    ) -> Changes:
        """Compare groups now, at a stricter threshold, with what they would become."""
        kinds_then = change_kinds(then[0], _by_image(*now, n)[then[1]], now[0])
        start = np.searchsorted(now[0], np.arange(1, now[0].max(initial=0) + 1))
        becomes = _by_image(*then, n)[now[1]][start]
        kinds = np.where(
            becomes > 0, np.append(kinds_then, 0)[becomes - 1], CHANGES.index("regrouped")
        )
        return cls(kinds, np.zeros(len(now[0]), dtype=bool), kinds_then)


def _by_image(group: np.ndarray, number: np.ndarray, n: int) -> np.ndarray:
    """Return the group of each of n images, 0 for none."""
    by_image = np.zeros(n, dtype=np.int64)
    by_image[number] = group
    return by_image

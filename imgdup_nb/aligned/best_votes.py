"""The votes of very many pairs -> those that weigh most for one of the two images.

The number of pairs with votes grows with the square of the images. An image needs only its best
partners, so all others are dropped as they come.
"""

from __future__ import annotations

import numpy as np

# images that an image's votes are kept with; ties are kept, too. The best 8 to 32 are used, so
# that an index needs no new count when some of the others are removed
KEPT_PARTNERS = 48
MIN_ROWS = 2_000_000  # votes in memory before the weak ones are dropped for the first time
# of two images, 15 bytes; `zoomed` tells the second vote from the first
VOTES = np.dtype(
    [("one", "<u4"), ("other", "<u4"), ("votes", "<u2"), ("weight", "<u4"), ("zoomed", "?")]
)


def merge_votes(found: np.ndarray) -> np.ndarray:
    """Return VOTES of int64, n x 4: each pair once, with its most votes, plain or mirrored.

    Examples
    --------
    >>> merge_votes(np.array([(7, 3, 5, 60), (3, 7, 4, 90), (1, 2, 4, 30)]))[["one", "weight"]]
    array([(1, 30), (3, 90)], ...
    """
    first, second = found[:, :2].min(axis=1), found[:, :2].max(axis=1)
    order = np.lexsort((second, first))
    numbers = (first << 32 | second)[order]
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    votes = np.zeros(len(starts), VOTES)
    if len(starts):
        votes["one"], votes["other"] = numbers[starts] >> 32, numbers[starts] & 0xFFFFFFFF
        most = np.maximum.reduceat(found[order, 2:], starts)
        votes["votes"], votes["weight"] = np.minimum(most[:, 0], 0xFFFF), most[:, 1]
    return votes


class BestVotes:
    """The votes that weigh most for one of their images, of those that were added.

    They do not depend on the order in which votes are added.

    Parameters
    ----------
    n_images
    most
        votes that are kept of each image, and those of equal weight.

    Examples
    --------
    >>> best = BestVotes(4, most=1)
    >>> best.add(merge_votes(np.array([(0, 1, 4, 9), (0, 2, 4, 8), (1, 2, 4, 7), (0, 3, 4, 9)])))
    >>> best.votes()["other"].tolist()
    [1, 2, 3]
    """

    def __init__(self, n_images: int, most: int) -> None:
        self.n_images, self.most = n_images, most
        self.least = np.zeros(n_images, np.uint32)  # a lighter vote is of no use to the image
        self._parts = [np.zeros(0, VOTES)]
        self._n_rows, self._room = 0, MIN_ROWS

    def strong(self, votes: np.ndarray) -> np.ndarray:
        """Return the votes that may be among the best; threads may call it."""
        least = np.minimum(self.least[votes["one"]], self.least[votes["other"]])
        return votes[votes["weight"] >= least]

    def add(self, votes: np.ndarray) -> None:
        """Add VOTES of any pairs."""
        self._parts.append(self.strong(votes))
        self._n_rows += len(self._parts[-1])
        if self._n_rows > self._room:
            self.rows()
            self._room = max(MIN_ROWS, 2 * self._n_rows)

    def rows(self) -> np.ndarray:
        """Return the best votes that were added, in any order."""
        rows = np.concatenate(self._parts)
        # image and weight in one number, the heaviest vote of each image first
        ends = np.concatenate([rows["one"], rows["other"]]).astype(np.uint64)
        lightness = np.uint64(0xFFFFFFFF) - np.tile(rows["weight"], 2)
        numbers = ends << np.uint64(32) | lightness
        numbers.sort()
        starts = np.searchsorted(numbers, np.arange(self.n_images + 1, dtype=np.uint64) << 32)
        has_more = np.flatnonzero(np.diff(starts) > self.most)
        last = numbers[starts[has_more] + self.most - 1]
        self.least[has_more] = 0xFFFFFFFF - (last & np.uint64(0xFFFFFFFF))
        self._parts = [self.strong(rows)]
        self._n_rows = len(self._parts[0])
        return self._parts[0]

    def votes(self) -> np.ndarray:
        """Return VOTES, each pair once."""
        rows = self.rows()
        columns = [rows[name].astype(np.int64) for name in ("one", "other", "votes", "weight")]
        return merge_votes(np.column_stack(columns))

"""Blocks that agree -> the one connected part that two pictures share, and whether features vouch for it.

Chance agreements are strewn about. What was cut out of one picture and pasted into another lies in one piece, and many of the
patches in it are found again.
"""

from __future__ import annotations

import numpy as np

from .features import import_cv2

MIN_VOUCHED = 6  # features of a part that are found again in the other picture, at least
SHARE_VOUCHED = 0.25  # of the features in the part, of the picture that has fewer there


def largest_part(agreeing: np.ndarray) -> np.ndarray:
    """Return the largest piece of blocks, bool, rows x columns, that touch side by side; of equal ones the first.

    Examples
    --------
    >>> largest_part(np.array([[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]], dtype=bool)).astype(int)
    array([[1, 1, 0, 0],
           [0, 0, 0, 0],
           [0, 0, 0, 0]])
    """
    n, pieces, sizes, _ = import_cv2().connectedComponentsWithStats(agreeing.astype(np.uint8), connectivity=4)
    if n < 2:  # there is nothing but what does not agree
        return np.zeros(agreeing.shape, dtype=bool)
    return pieces == 1 + int(np.argmax(sizes[1:, -1]))


def are_inside(points: np.ndarray, part: np.ndarray, step: float) -> np.ndarray:
    """Tell which points, n x 2, lie in the middle of a block of a part.

    Parameters
    ----------
    part : bool, rows x columns
    step
        pixels of the points from one block to the next; blocks are two steps wide, and the middle of the first begins half a
        step from the corner.

    Examples
    --------
    >>> are_inside(np.array([(4.0, 4), (6, 6), (16, 6)]), np.array([[True, False]]), step=10)
    array([False,  True, False])
    """
    columns, rows = np.floor(points / step - 0.5).astype(np.int64).T
    inside = (rows >= 0) & (columns >= 0) & (rows < part.shape[0]) & (columns < part.shape[1])
    inside[inside] = part[rows[inside], columns[inside]]
    return inside


def is_vouched_for(in_first: np.ndarray, in_second: np.ndarray, carried: np.ndarray) -> bool:
    """Whether enough of the features in a part are found again.

    Parameters
    ----------
    in_first, in_second : bool, n_features
        which of each picture's features lie in the part.
    carried : int64, n x 2
        matches that the transform carries.

    Examples
    --------
    >>> everywhere, straight = np.ones(40, dtype=bool), np.arange(40).repeat(2).reshape(-1, 2)
    >>> is_vouched_for(everywhere, everywhere, straight[:10]), is_vouched_for(everywhere, everywhere, straight[:9])
    (True, False)
    """
    found_again = np.count_nonzero(in_first[carried[:, 0]] & in_second[carried[:, 1]])
    of_all = min(np.count_nonzero(in_first), np.count_nonzero(in_second))
    return bool(found_again >= max(MIN_VOUCHED, SHARE_VOUCHED * of_all))

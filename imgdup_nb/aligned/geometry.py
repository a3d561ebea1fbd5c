"""Affine transforms from the pixels of one picture to those of another, float64, 2 x 3.

They are made many times for each pair of pictures, hence few calls of numpy: each costs more than
all of its arithmetic.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.features import import_cv2

MAX_SCALE, MAX_STRETCH = (
    6.0,
    2.5,
)  # what a copy may be enlarged by, and stretched in one direction more than in the other


def determinant(transform: np.ndarray) -> float:
    """Return by how much areas grow; negative where the picture is mirrored."""
    (a, b, _), (c, d, _) = transform.tolist()
    return a * d - b * c


def invert(transform: np.ndarray) -> np.ndarray:
    """Return the transform that goes back.

    Examples
    --------
    >>> invert(np.array([[2.0, 0, 10], [0, 4, 20]]))
    array([[ 0.5 ,  0.  , -5.  ],
           [ 0.  ,  0.25, -5.  ]])
    """
    (a, b, x), (c, d, y) = transform.tolist()
    area = a * d - b * c
    return (
        np.array(
            [
                [d / area, -b / area, (b * y - d * x) / area],
                [-c / area, a / area, (c * x - a * y) / area],
            ]
        )
        + 0.0
    )


def compose(*transforms: np.ndarray) -> np.ndarray:
    """Return the transform that does several, one after the other."""
    done, *others = (transform.tolist() for transform in transforms)
    (a, b, x), (c, d, y) = done
    for (e, f, u), (g, h, v) in others:
        a, b, x, c, d, y = (
            e * a + f * c,
            e * b + f * d,
            e * x + f * y + u,
            g * a + h * c,
            g * b + h * d,
            g * x + h * y + v,
        )
    return np.array([[a, b, x], [c, d, y]])


def apply(transform: np.ndarray, points: Any) -> np.ndarray:
    """Return where points, n x 2, go."""
    return np.asarray(points, dtype=np.float64) @ transform[:, :2].T + transform[:, 2]


def to_pixels(size: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """Return the transform from (width, height) to pixels, rows x columns, whose centres are whole numbers."""
    x, y = shape[1] / size[0], shape[0] / size[1]
    return np.array([[x, 0, 0.5 * x - 0.5], [0, y, 0.5 * y - 0.5]])


def frame_transform(view: int, first: tuple[int, int], second: tuple[int, int]) -> np.ndarray:
    """Return the transform that lays the frame of the first size, in one of 8 views, on the frame of the second."""
    turned = np.diag([1 / first[0], 1 / first[1], 1.0])
    if view >= 4:
        turned = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]]) @ turned
    for _ in range(view % 4):
        turned = (
            np.array([[0, 1.0, 0], [-1, 0, 1], [0, 0, 1]]) @ turned
        )  # counter-clockwise, as np.rot90 does
    return (np.diag([second[0], second[1], 1.0]) @ turned)[:2]


# -- what both pictures show -----------------------------------------------------------------------


def outline(size: tuple[int, int]) -> np.ndarray:
    """Return the four corners of a picture, float64, 4 x 2."""
    width, height = size
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float64)


def common_area(
    transform: np.ndarray, first: tuple[int, int], second: tuple[int, int]
) -> np.ndarray:
    """Return the polygon, n x 2, of what both pictures show, in pixels of the second."""
    from .warp_loops import clip_to_picture

    return clip_to_picture(apply(transform, outline(first)), *second)


def overlaps(
    transform: np.ndarray, first: tuple[int, int], second: tuple[int, int]
) -> tuple[float, float]:
    """Return the share of each picture that is common, percent.

    Examples
    --------
    >>> overlaps(np.array([[1.0, 0, 50], [0, 1, 0]]), (100, 80), (100, 80))
    (50.0, 50.0)
    """
    from .warp_loops import area_in_common

    area = area_in_common(transform, *first, *second)
    of_first = area / abs(determinant(transform)) / (first[0] * first[1])
    return min(100.0, 100 * of_first), min(100.0, 100 * area / (second[0] * second[1]))


MIN_SUPPORT = 6  # features of a part that are found again in the other picture, at least
MIN_SUPPORT_SHARE = 0.25  # of the features in the part, of the picture that has fewer there


def largest_part(agreeing: np.ndarray) -> np.ndarray:
    """Return the largest piece of blocks, bool, rows x columns, that touch side by side; of equal ones the first.

    Examples
    --------
    >>> largest_part(np.array([[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]], dtype=bool)).astype(int)
    array([[1, 1, 0, 0],
           [0, 0, 0, 0],
           [0, 0, 0, 0]])
    """
    n, pieces, sizes, _ = import_cv2().connectedComponentsWithStats(
        agreeing.astype(np.uint8), connectivity=4
    )
    if n < 2:  # there is nothing but what does not agree
        return np.zeros(agreeing.shape, dtype=bool)
    return pieces == 1 + int(np.argmax(sizes[1:, -1]))


def are_inside(points: np.ndarray, part: np.ndarray, step: float) -> np.ndarray:
    """Tell which points, n x 2, lie in the middle of a block of a part.

    Parameters
    ----------
    part : bool, rows x columns
    step
        pixels of the points from one block to the next; blocks are two steps wide, and the middle
        of the first begins half a step from the corner.

    Examples
    --------
    >>> are_inside(np.array([(4.0, 4), (6, 6), (16, 6)]), np.array([[True, False]]), step=10)
    array([False,  True, False])
    """
    columns, rows = np.floor(points / step - 0.5).astype(np.int64).T
    inside = (rows >= 0) & (columns >= 0) & (rows < part.shape[0]) & (columns < part.shape[1])
    inside[inside] = part[rows[inside], columns[inside]]
    return inside


def has_support(in_first: np.ndarray, in_second: np.ndarray, inliers: np.ndarray) -> bool:
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
    >>> has_support(everywhere, everywhere, straight[:10]), has_support(everywhere, everywhere, straight[:9])
    (True, False)
    """
    found_again = np.count_nonzero(in_first[inliers[:, 0]] & in_second[inliers[:, 1]])
    of_all = min(np.count_nonzero(in_first), np.count_nonzero(in_second))
    return bool(found_again >= max(MIN_SUPPORT, MIN_SUPPORT_SHARE * of_all))

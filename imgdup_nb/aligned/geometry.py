"""Affine transforms from the pixels of one picture to those of another, float64, 2 x 3.

They are made many times for each pair of pictures. So they use plain numbers instead of numpy: one
call of numpy costs more than all of this arithmetic.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..engine.features import import_cv2

# by how much a copy may be enlarged, and how much more in one direction than in the other
MAX_SCALE, MAX_STRETCH = 6.0, 2.5
SIZES_REMEMBERED = 1024  # most pictures of a collection have a few shapes


def determinant(transform: np.ndarray) -> float:
    """Return by how much areas grow; it is negative if the transform mirrors the picture."""
    (a, b, _), (c, d, _) = transform.tolist()
    return a * d - b * c


def invert(transform: np.ndarray) -> np.ndarray:
    """Return the inverse of a transform.

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
    """Return one transform for several; the first one is applied first."""
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
    """Return the places to which a transform moves points, n x 2."""
    return np.asarray(points, dtype=np.float64) @ transform[:, :2].T + transform[:, 2]


@lru_cache(SIZES_REMEMBERED)
def to_pixels(size: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """Return the transform from a size, (width, height), to the pixels of an array of a shape.

    The centres of pixels are whole numbers. It is remembered, and not to be changed.
    """
    x, y = shape[1] / size[0], shape[0] / size[1]
    return np.array([[x, 0, 0.5 * x - 0.5], [0, y, 0.5 * y - 0.5]])


@lru_cache(SIZES_REMEMBERED)
def from_pixels(size: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """Return the inverse of `to_pixels`."""
    return invert(to_pixels(size, shape))


def frame_transform(view: int, first: tuple[int, int], second: tuple[int, int]) -> np.ndarray:
    """Return the transform from the first frame onto the second one.

    Parameters
    ----------
    view
        0 to 7: the number of quarter turns counter-clockwise; from 4 on mirrored before.
    first, second
        (width, height) of both frames.
    """
    turned = np.diag([1 / first[0], 1 / first[1], 1.0])
    if view >= 4:
        turned = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]]) @ turned
    for _ in range(view % 4):
        turned = (
            np.array([[0, 1.0, 0], [-1, 0, 1], [0, 0, 1]]) @ turned
        )  # counter-clockwise, as np.rot90 does
    return (np.diag([second[0], second[1], 1.0]) @ turned)[:2]


# -- the overlap of two pictures -------------------------------------------------------------------


def outline(size: tuple[int, int]) -> np.ndarray:
    """Return the four corners of a picture, float64, 4 x 2."""
    width, height = size
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float64)


def common_area(
    transform: np.ndarray, first: tuple[int, int], second: tuple[int, int]
) -> np.ndarray:
    """Return the polygon of the overlap, n x 2, in pixels of the second picture."""
    from .transform_loops import clip_to_picture

    return clip_to_picture(apply(transform, outline(first)), *second)


def overlaps(
    transform: np.ndarray, first: tuple[int, int], second: tuple[int, int]
) -> tuple[float, float]:
    """Return how much of each picture the overlap covers, percent.

    Examples
    --------
    >>> overlaps(np.array([[1.0, 0, 50], [0, 1, 0]]), (100, 80), (100, 80))
    (50.0, 50.0)
    """
    from .transform_loops import area_in_common

    area = area_in_common(transform, *first, *second)
    of_first = area / abs(determinant(transform)) / (first[0] * first[1])
    return min(100.0, 100 * of_first), min(100.0, 100 * area / (second[0] * second[1]))


# features in a part that must be found again in the other picture: a number, and a share of the
# features of the picture that has fewer there
MIN_SUPPORT, MIN_SUPPORT_SHARE = 6, 0.25


def largest_part(agreeing: np.ndarray) -> np.ndarray:
    """Return the largest connected piece of blocks, bool, rows x columns; the first of equal ones.

    Blocks are connected if they touch side by side.

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
    if n < 2:  # no block matches
        return np.zeros(agreeing.shape, dtype=bool)
    return pieces == 1 + int(np.argmax(sizes[1:, -1]))


def are_inside(points: np.ndarray, part: np.ndarray, step: float) -> np.ndarray:
    """Tell which points, n x 2, lie in the middle of a block of a part.

    Parameters
    ----------
    part : bool, rows x columns
    step
        pixels of the points from one block to the next. Blocks are two steps wide; the middle of
        the first one begins half a step from the corner.

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
    """Whether enough features in a part are found again.

    Parameters
    ----------
    in_first, in_second : bool, n_features
        which features of each picture lie in the part.
    carried : int64, n x 2
        the matches that fit the transform.

    Examples
    --------
    >>> everywhere, straight = np.ones(40, dtype=bool), np.arange(40).repeat(2).reshape(-1, 2)
    >>> [has_support(everywhere, everywhere, straight[:n]) for n in (9, 10)]
    [False, True]
    """
    found_again = np.count_nonzero(in_first[inliers[:, 0]] & in_second[inliers[:, 1]])
    of_all = min(np.count_nonzero(in_first), np.count_nonzero(in_second))
    return bool(found_again >= max(MIN_SUPPORT, MIN_SUPPORT_SHARE * of_all))

"""Affine transforms from the pixels of one picture to those of another, float64, 2 x 3.

They are made many times for each pair of pictures, hence few calls of numpy: each costs more than all of its arithmetic.
"""

from __future__ import annotations

from typing import Any

import numpy as np

MAX_SCALE, MAX_STRETCH = 6.0, 2.5  # what a copy may be enlarged by, and stretched in one direction more than in the other


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
    return np.array([[d / area, -b / area, (b * y - d * x) / area], [-c / area, a / area, (c * x - a * y) / area]]) + 0.0


def then(*transforms: np.ndarray) -> np.ndarray:
    """Return the transform that does several, one after the other."""
    done, *others = (transform.tolist() for transform in transforms)
    (a, b, x), (c, d, y) = done
    for (e, f, u), (g, h, v) in others:
        a, b, x, c, d, y = e * a + f * c, e * b + f * d, e * x + f * y + u, g * a + h * c, g * b + h * d, g * x + h * y + v
    return np.array([[a, b, x], [c, d, y]])


def carry(transform: np.ndarray, points: Any) -> np.ndarray:
    """Return where points, n x 2, go."""
    return np.asarray(points, dtype=np.float64) @ transform[:, :2].T + transform[:, 2]


def to_pixels(size: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """Return the transform from (width, height) to pixels, rows x columns, whose centres are whole numbers."""
    x, y = shape[1] / size[0], shape[0] / size[1]
    return np.array([[x, 0, 0.5 * x - 0.5], [0, y, 0.5 * y - 0.5]])


def lay_frame(view: int, first: tuple[int, int], second: tuple[int, int]) -> np.ndarray:
    """Return the transform that lays the frame of the first size, in one of 8 views, on the frame of the second."""
    turned = np.diag([1 / first[0], 1 / first[1], 1.0])
    if view >= 4:
        turned = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]]) @ turned
    for _ in range(view % 4):
        turned = np.array([[0, 1.0, 0], [-1, 0, 1], [0, 0, 1]]) @ turned  # counter-clockwise, as np.rot90 does
    return (np.diag([second[0], second[1], 1.0]) @ turned)[:2]


# -- what both pictures show ------------------------------------------------------------------------------------------


def outline(size: tuple[int, int]) -> np.ndarray:
    """Return the four corners of a picture, float64, 4 x 2."""
    width, height = size
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float64)


def common_area(transform: np.ndarray, first: tuple[int, int], second: tuple[int, int]) -> np.ndarray:
    """Return the polygon, n x 2, of what both pictures show, in pixels of the second."""
    from .alignment_loops import clip_to_picture

    return clip_to_picture(carry(transform, outline(first)), *second)


def overlaps(transform: np.ndarray, first: tuple[int, int], second: tuple[int, int]) -> tuple[float, float]:
    """Return the share of each picture that is common, percent.

    Examples
    --------
    >>> overlaps(np.array([[1.0, 0, 50], [0, 1, 0]]), (100, 80), (100, 80))
    (50.0, 50.0)
    """
    from .alignment_loops import area_in_common

    area = area_in_common(transform, *first, *second)
    of_first = area / abs(determinant(transform)) / (first[0] * first[1])
    return min(100.0, 100 * of_first), min(100.0, 100 * area / (second[0] * second[1]))

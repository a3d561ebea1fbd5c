"""The visible part of a copy that something was put over: its transform, found again.

Words, stickers and watermarks have the strongest edges of a picture. Blocks that they touch pull
the transform aside, so that a copy seems to be shifted here and there, as a second photograph is.
So the transform is found again by the pixels that are equal in both pictures, and by these alone.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..engine.features import Features, import_cv2
from .agreement import NOTHING, Alignment, grids_of, overlap_enough
from .bands import LARGE_CELL, MAX_STEPS, MIN_OVERLAP_OF_BOTH, MIN_STEP_PIXELS
from .bent import compare_places
from .geometry import compose, determinant, invert, overlaps, to_pixels

EVEN_WINDOW = 17  # pixels a side around a pixel, in which brightness and contrast are made alike
# share of a window that must be equal, and grey levels of its contrast
MIN_VISIBLE_SHARE, MIN_VISIBLE_CONTRAST = 0.4, 3.0
MIN_VISIBLE_PIXELS = 400  # fewer do not tell a transform
# a pixel is equal that differs by so many grey levels, or by this share of the contrast around it
SEEN_EQUAL_LEVELS, SEEN_EQUAL_CONTRAST = 6.0, 0.5
MIN_CONTRAST_RATIO, MAX_CONTRAST_RATIO = 0.2, 5.0  # of the contrasts of two windows
MATCH_ROUNDS = 2  # of what is equal, and of the brightness and contrast of that


def refine_visible(found: Alignment, first: Features, second: Features) -> Alignment:
    """Align two pictures again by the pixels that are equal in both; see `NOTHING` if few are.

    The residual is that of these pixels. The similarity is not judged again.
    """
    from .warp_loops import warp

    cv2 = import_cv2()
    grey, there, back = grids_of(found, first, second)
    target, (height, width) = _smooth(there), there.shape
    x, y = (cv2.Sobel(target, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    best, residual, equal = back, math.inf, None
    for _ in range(MAX_STEPS + 2):
        warped, covered = warp(grey, back, height, width)
        warped = _smooth(warped)
        inside = cv2.erode(covered, np.ones((5, 5), np.uint8))
        equal = inside if equal is None else equal * inside
        for _ in range(MATCH_ROUNDS):
            off, contrast, _seen = _difference(warped, target, equal)
            reach = np.maximum(SEEN_EQUAL_LEVELS, SEEN_EQUAL_CONTRAST * contrast)
            equal = inside * (np.abs(off) <= reach)
        off, contrast, seen = _difference(warped, target, equal)
        used = (equal > 0) & (seen >= MIN_VISIBLE_SHARE) & (contrast >= MIN_VISIBLE_CONTRAST)
        if np.count_nonzero(used) < MIN_VISIBLE_PIXELS:
            break
        now = _visible_residual(off, x, y, used)
        if now < residual:
            best, residual = back, now
        step = _step(off, x, y, contrast, used)
        corners = np.array([(0, 0, 1), (width, 0, 1), (0, height, 1), (width, height, 1)])
        farthest = float(np.abs(corners @ step.T).max())
        if farthest < MIN_STEP_PIXELS or farthest > max(height, width) / 4:
            break
        back = back + back[:, :2] @ step
    return _aligned_by(best, residual, found, first, second) if residual < math.inf else NOTHING


def _aligned_by(
    back: np.ndarray, residual: float, found: Alignment, first: Features, second: Features
) -> Alignment:
    """Return an alignment with another transform, from pixels of its grid to the other picture."""
    grey, there, _ = grids_of(found, first, second)
    on_right = found.frame == "right"
    source, target = (first, second) if on_right else (second, first)
    onto = invert(
        compose(
            to_pixels(target.size, there.shape), back, invert(to_pixels(source.size, grey.shape))
        )
    )
    transform = onto if on_right else invert(onto)
    shares = overlaps(transform, first.size, second.size)
    if abs(determinant(transform)) == 0 or not overlap_enough(shares, MIN_OVERLAP_OF_BOTH):
        return NOTHING
    ys, xs = np.mgrid[0 : there.shape[0], 0 : there.shape[1]].astype(np.float32)
    places = np.dstack([back[k, 0] * xs + back[k, 1] * ys + back[k, 2] for k in (0, 1)])
    blocks, _ = compare_places(grey, there, places.astype(np.float32))
    return replace(
        found,
        transform=transform,
        overlap_left=shares[0],
        overlap_right=shares[1],
        blocks=blocks,
        residual=residual,
        cell=LARGE_CELL,
    )


def _smooth(plane: np.ndarray) -> np.ndarray:
    return import_cv2().GaussianBlur(plane.astype(np.float32), (0, 0), 1.0)


def _difference(
    one: np.ndarray, other: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare two planes whose brightness and contrast are made alike around each pixel.

    All are float32, height x width.

    Returns
    -------
    off : grey levels by which the other plane is lighter
    contrast : the standard deviation of the other plane around each pixel
    seen : the mean weight around each pixel
    """
    cv2 = import_cv2()

    def mean(plane: np.ndarray) -> np.ndarray:
        return cv2.boxFilter(plane, cv2.CV_32F, (EVEN_WINDOW, EVEN_WINDOW))

    seen = mean(weights)
    n = np.maximum(seen, np.float32(1e-3))
    one_mean, other_mean = mean(weights * one) / n, mean(weights * other) / n
    spreads = [
        np.sqrt(np.maximum(mean(weights * plane * plane) / n - middle * middle, 1e-2))
        for plane, middle in ((one, one_mean), (other, other_mean))
    ]
    ratio = (spreads[1] / spreads[0]).clip(MIN_CONTRAST_RATIO, MAX_CONTRAST_RATIO)
    return other - other_mean - ratio * (one - one_mean), spreads[1], seen


def _step(
    off: np.ndarray, x: np.ndarray, y: np.ndarray, contrast: np.ndarray, used: np.ndarray
) -> np.ndarray:
    """Return by how many pixels to read the warped plane elsewhere, at (x, y, 1); 2 x 3.

    x and y are the gradient of the other plane; the least squares of the pixels that are used.
    """
    height, width = off.shape
    rows, columns = np.nonzero(used)
    places = np.stack([columns / width - 0.5, rows / height - 0.5, np.ones(len(rows))])
    known = np.concatenate([x[used] * places, y[used] * places])
    weighed = known / contrast[used] ** 2
    left = weighed @ known.T
    left += 1e-3 * np.trace(left) / len(left) * np.eye(len(left))
    step = np.linalg.solve(left, weighed @ off[used]).reshape(2, 3)
    return step @ np.array([[1 / width, 0, -0.5], [0, 1 / height, -0.5], [0, 0, 1]])


def _visible_residual(off: np.ndarray, x: np.ndarray, y: np.ndarray, used: np.ndarray) -> float:
    """Return the median shift of blocks, pixels, by the pixels that are used; infinite if none."""
    from .warp_loops import EDGE_DAMPING, NOISE_DAMPING

    height, width = (side // LARGE_CELL * LARGE_CELL for side in off.shape)

    def sums(plane: np.ndarray) -> np.ndarray:
        cells = (plane * used)[:height, :width].reshape(
            height // LARGE_CELL, LARGE_CELL, width // LARGE_CELL, LARGE_CELL
        )
        cells = cells.sum(axis=(1, 3))
        return cells[:-1, :-1] + cells[1:, :-1] + cells[:-1, 1:] + cells[1:, 1:]

    n = sums(np.ones_like(off))
    kept = n >= MIN_VISIBLE_SHARE * (2 * LARGE_CELL) ** 2
    if not kept.any():
        return math.inf
    xx, xy, yy = (sums(plane)[kept] for plane in (x * x, x * y, y * y))
    pull_x, pull_y = sums(x * off)[kept], sums(y * off)[kept]
    hold = EDGE_DAMPING * (xx + yy) / 2 + NOISE_DAMPING * n[kept]
    xx, yy = xx + hold, yy + hold
    area = xx * yy - xy * xy
    return float(
        np.median(np.hypot((yy * pull_x - xy * pull_y) / area, (xx * pull_y - xy * pull_x) / area))
    )

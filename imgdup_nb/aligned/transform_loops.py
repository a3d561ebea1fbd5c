"""Compiled loops over transforms: one that most matches fit, and the overlap that it gives.

Transforms are float64, 2 x 3. Nothing here is random: the three matches of each try come from a
fixed sequence. All loops release Python's lock.
"""

from __future__ import annotations

import math

import numpy as np

from ..engine.jit import compiled

# of three matches each; if a quarter of the matches are right, 600 tries fail in 1 of 10,000 cases
MAX_TRIES = 600
MAX_FAILURE_CHANCE = 1e-3  # tries end if the chance of a better transform is smaller
MIN_TRIANGLE_AREA = 25.0  # square pixels, twice the area of the triangle of three matches


@compiled(short=True)
def plausible(transform: np.ndarray, mirror: bool, max_scale: float, max_stretch: float) -> bool:
    """Whether a transform may be that of a copy: as mirrored as asked for, and not too large."""
    a, b, c, d = transform[0, 0], transform[0, 1], transform[1, 0], transform[1, 1]
    area = a * d - b * c
    if (area < 0) != mirror:
        return False
    squares = a * a + b * b + c * c + d * d
    root = math.sqrt(max(0.0, squares * squares - 4 * area * area))
    large, small = math.sqrt((squares + root) / 2), math.sqrt(max(0.0, (squares - root) / 2))
    return small * max_scale >= 1 and large <= min(max_scale, max_stretch * small)


@compiled(short=True)
def fit_affine(
    source: np.ndarray,
    target: np.ndarray,
    mirror: bool,
    within: float,
    max_scale: float,
    max_stretch: float,
    min_matches: int,
) -> tuple[np.ndarray, int]:
    """Return the transform that most matches fit to within some pixels, and how many they are.

    This is RANSAC: three matches give a transform, and the matches near it are counted. The best
    transform is fitted to its inliers by least squares, with narrower limits each time. The number
    is 0 if no transform may be that of a copy.

    source, target : float32, n x 2, the two ends of each match.
    """
    n, best = len(source), 0
    found, transform = np.zeros((2, 3)), np.zeros((2, 3))
    state = np.uint64(88172645463325252)
    tries, wanted = 0, MAX_TRIES
    three = np.zeros(3, np.int64)
    while tries < wanted and n >= 3:
        tries += 1
        for k in range(3):
            state ^= state << np.uint64(13)  # xorshift (Marsaglia 2003)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            three[k] = np.int64((state >> np.uint64(11)) % np.uint64(n))
        if not _through_three(source, target, three, transform) or not plausible(
            transform, mirror, max_scale, max_stretch
        ):
            continue
        inside = _count_inside(source, target, transform, within)
        if inside > best:
            best = inside
            for axis in range(2):
                for column in range(3):
                    found[axis, column] = transform[axis, column]
            share = (inside / n) ** 3
            wanted = (
                MAX_TRIES
                if share < 1e-9
                else min(
                    MAX_TRIES,
                    int(math.log(MAX_FAILURE_CHANCE) / math.log(max(1e-12, 1 - share))) + 1,
                )
            )
    if best < min_matches:
        return found, 0
    for narrower in (1.0, 0.5, 0.5):
        best = _fit_inside(source, target, found, narrower * within)
        if best < min_matches:
            return found, 0
    return found, best if plausible(found, mirror, max_scale, max_stretch) else 0


@compiled(inline="always")
def _through_three(
    source: np.ndarray, target: np.ndarray, three: np.ndarray, transform: np.ndarray
) -> bool:
    """Write the transform of three matches; return False if they are nearly on one line."""
    i, j, k = three[0], three[1], three[2]
    ux, uy = source[j, 0] - source[i, 0], source[j, 1] - source[i, 1]
    vx, vy = source[k, 0] - source[i, 0], source[k, 1] - source[i, 1]
    area = np.float64(ux) * vy - np.float64(uy) * vx
    if abs(area) < MIN_TRIANGLE_AREA:
        return False
    for axis in range(2):
        u, v = target[j, axis] - target[i, axis], target[k, axis] - target[i, axis]
        transform[axis, 0] = (u * vy - v * uy) / area
        transform[axis, 1] = (v * ux - u * vx) / area
        transform[axis, 2] = (
            target[i, axis] - transform[axis, 0] * source[i, 0] - transform[axis, 1] * source[i, 1]
        )
    return True


@compiled(inline="always")
def _reach(transform: np.ndarray, within: float) -> float:
    """Return the squared distance that counts as near; it grows with the scale of the transform."""
    area = abs(transform[0, 0] * transform[1, 1] - transform[0, 1] * transform[1, 0])
    return within * within * max(1.0, area)


@compiled(inline="always")
def _off(source: np.ndarray, target: np.ndarray, transform: np.ndarray, k: int) -> float:
    x, y = source[k, 0], source[k, 1]
    dx = transform[0, 0] * x + transform[0, 1] * y + transform[0, 2] - target[k, 0]
    dy = transform[1, 0] * x + transform[1, 1] * y + transform[1, 2] - target[k, 1]
    return dx * dx + dy * dy


@compiled
def _count_inside(
    source: np.ndarray, target: np.ndarray, transform: np.ndarray, within: float
) -> int:
    reach, inside = _reach(transform, within), 0
    for k in range(len(source)):
        inside += _off(source, target, transform, k) <= reach
    return inside


@compiled
def _fit_inside(
    source: np.ndarray, target: np.ndarray, transform: np.ndarray, within: float
) -> int:
    """Fit a transform to the matches near it by least squares; return how many were near."""
    reach, inside = _reach(transform, within), 0
    means = np.zeros(4)  # x and y of the source, and of the target
    for k in range(len(source)):
        if _off(source, target, transform, k) <= reach:
            inside += 1
            for axis in range(2):
                means[axis] += source[k, axis]
                means[axis + 2] += target[k, axis]
    if inside < 3:
        return inside
    means /= inside
    xx, xy, yy, moved = 0.0, 0.0, 0.0, np.zeros((2, 2))
    for k in range(len(source)):
        if _off(source, target, transform, k) <= reach:
            x, y = source[k, 0] - means[0], source[k, 1] - means[1]
            xx, xy, yy = xx + x * x, xy + x * y, yy + y * y
            for axis in range(2):
                moved[axis, 0] += x * (target[k, axis] - means[axis + 2])
                moved[axis, 1] += y * (target[k, axis] - means[axis + 2])
    area = xx * yy - xy * xy
    if inside * abs(area) > 1e-6:
        for axis in range(2):
            a = (yy * moved[axis, 0] - xy * moved[axis, 1]) / area
            b = (xx * moved[axis, 1] - xy * moved[axis, 0]) / area
            transform[axis, 0], transform[axis, 1] = a, b
            transform[axis, 2] = means[axis + 2] - a * means[0] - b * means[1]
    return inside


@compiled(short=True)
def count_within(transform: np.ndarray, points: np.ndarray, width: int, height: int) -> int:
    """Count the points, n x 2, that a transform moves into a picture."""
    inside = 0
    for k in range(len(points)):
        x = transform[0, 0] * points[k, 0] + transform[0, 1] * points[k, 1] + transform[0, 2]
        y = transform[1, 0] * points[k, 0] + transform[1, 1] * points[k, 1] + transform[1, 2]
        inside += 0 <= x < width and 0 <= y < height
    return inside


@compiled(short=True)
def clip_to_picture(corners: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return the part of a convex polygon, float64, n x 2, that is inside a picture.

    Sutherland and Hodgman (1974).
    """
    kept = corners.copy()
    for axis, limit, sign in (
        (0, 0.0, 1.0),
        (0, float(width), -1.0),
        (1, 0.0, 1.0),
        (1, float(height), -1.0),
    ):
        clipped = np.empty((2 * len(kept) + 1, 2))
        n = 0
        for k in range(len(kept)):
            here, there = kept[k], kept[(k + 1) % len(kept)]
            inside, next_inside = (
                sign * (here[axis] - limit) >= 0,
                sign * (there[axis] - limit) >= 0,
            )
            if inside:
                clipped[n, 0], clipped[n, 1] = here[0], here[1]
                n += 1
            if inside != next_inside:
                part = (limit - here[axis]) / (there[axis] - here[axis])
                for side in range(2):
                    clipped[n, side] = here[side] + (there[side] - here[side]) * part
                n += 1
        kept = clipped[:n].copy()
    return kept


@compiled(short=True)
def area_in_common(transform: np.ndarray, width: int, height: int, wide: int, high: int) -> float:
    """Return the area of the overlap in pixels of the other picture, wide x high."""
    corners = np.empty((4, 2))
    for k, (x, y) in enumerate(((0, 0), (width, 0), (width, height), (0, height))):
        for axis in range(2):
            corners[k, axis] = transform[axis, 0] * x + transform[axis, 1] * y + transform[axis, 2]
    corners, twice = clip_to_picture(corners, wide, high), 0.0
    for k in range(len(corners)):
        here, there = corners[k], corners[(k + 1) % len(corners)]
        twice += here[0] * there[1] - there[0] * here[1]
    return abs(twice) / 2


# -- blocks ----------------------------------------------------------------------------------------

"""Few matches of two pictures -> an upright transform that some of them fit.

Large words and stickers have most of the features of a picture, so that few are left of what is
below. Three matches fit any transform, and eight by chance. But most pictures are neither turned
nor squashed when something is put over them: then two matches tell scale and place, all angles are
as they were, and four matches that agree are seldom chance. Their pixels decide.
"""

from __future__ import annotations

import math

import numpy as np

from ..engine.jit import compiled

MAX_TURN = 20.0  # degrees between the angles of two patches that match upright
MIN_UPRIGHT, MAX_UPRIGHT = 4, 60  # matches; of more, other rules find a transform
MIN_APART, MAX_DIRECTION = 16.0, 0.1  # pixels between two matches; the sine between their lines
MAX_UPRIGHT_SCALE = 3.0
UPRIGHT_REACH = 4.0  # pixels between a match and the transform


@compiled
def upright_transform(
    points: np.ndarray,
    other_points: np.ndarray,
    angles: np.ndarray,
    other_angles: np.ndarray,
    pairs: np.ndarray,
) -> tuple[np.ndarray, int]:
    """Return the upright transform that most matches fit, and how many; 0 if too few do.

    Matches within some pixels count once, because a corner has several features.

    Parameters
    ----------
    points, other_points : float32, n x 2, the places of features in both pictures
    angles, other_angles : float32, n, degrees
    pairs : int64, n x 2, the matches

    Examples
    --------
    >>> one = np.array([(20, 20), (90, 30), (40, 90), (80, 80), (50, 10)], np.float32)
    >>> other = np.float32(1.5) * one + np.array([10, 20], np.float32)
    >>> other[4] = 0
    >>> angles, pairs = np.zeros(5, np.float32), np.arange(5).repeat(2).reshape(5, 2)
    >>> upright_transform(one, other, angles, angles + np.float32(3), pairs)
    (array([[ 1.5,  0. , 10. ],
           [ 0. ,  1.5, 20. ]]), 4)
    """
    found = np.zeros((2, 3))
    kept, n = np.empty((MAX_UPRIGHT, 4)), 0
    for k in range(len(pairs)):
        i, j = pairs[k, 0], pairs[k, 1]
        turn = abs(angles[i] - other_angles[j]) % 360.0
        if min(turn, 360.0 - turn) > MAX_TURN:
            continue
        if n == MAX_UPRIGHT:
            return found, 0
        kept[n, 0], kept[n, 1] = points[i, 0], points[i, 1]
        kept[n, 2], kept[n, 3] = other_points[j, 0], other_points[j, 1]
        n += 1
    best, inside, fitting = 0, np.empty(MAX_UPRIGHT, np.int64), np.empty(MAX_UPRIGHT, np.int64)
    for i in range(n):
        for j in range(i + 1, n):
            scale = _upright_scale(kept[i], kept[j])
            if scale == 0:
                continue
            count = _fitting(kept, n, i, scale, inside)
            if count > best:
                best = count
                for k in range(count):
                    fitting[k] = inside[k]
    if best < MIN_UPRIGHT:
        return found, 0
    mean, across, along = np.zeros(4), 0.0, 0.0
    for k in range(best):
        for axis in range(4):
            mean[axis] += kept[fitting[k], axis] / best
    for k in range(best):
        for axis in range(2):
            off = kept[fitting[k], axis] - mean[axis]
            across += off * (kept[fitting[k], axis + 2] - mean[axis + 2])
            along += off * off
    for axis in range(2):
        found[axis, axis] = across / along
        found[axis, 2] = mean[axis + 2] - across / along * mean[axis]
    return found, best


@compiled(inline="always")
def _upright_scale(one: np.ndarray, two: np.ndarray) -> float:
    """Return the scale that two matches tell, each x, y, and x, y there; 0 if none upright."""
    x, y, u, v = two[0] - one[0], two[1] - one[1], two[2] - one[2], two[3] - one[3]
    length, there = math.sqrt(x * x + y * y), math.sqrt(u * u + v * v)
    if min(length, there) < MIN_APART or max(length, there) > MAX_UPRIGHT_SCALE * min(
        length, there
    ):
        return 0.0
    if x * u + y * v < 0 or abs(x * v - y * u) > MAX_DIRECTION * length * there:
        return 0.0
    return there / length


@compiled(inline="always")
def _fitting(kept: np.ndarray, n: int, i: int, scale: float, inside: np.ndarray) -> int:
    """Write which matches fit a scale and the place of one of them; return how many."""
    count, reach = 0, UPRIGHT_REACH * max(1.0, scale)
    for k in range(n):
        x = kept[i, 2] + scale * (kept[k, 0] - kept[i, 0]) - kept[k, 2]
        y = kept[i, 3] + scale * (kept[k, 1] - kept[i, 1]) - kept[k, 3]
        if x * x + y * y > reach * reach:
            continue
        is_new = True
        for other in range(count):
            x, y = kept[k, 0] - kept[inside[other], 0], kept[k, 1] - kept[inside[other], 1]
            is_new &= x * x + y * y > UPRIGHT_REACH * UPRIGHT_REACH
        if is_new:
            inside[count] = k
            count += 1
    return count

"""Pictures that are smooth everywhere: a sky, a glow, a gradient, a shot out of focus.

Any part of a ramp looks like any other ramp, and one glow like another, once both are zoomed and
brought to one contrast. So blocks that match say nothing here. Two such pictures are compared where
they are, upright or mirrored: their colours must be nearly equal. A little contrast, brightness,
tint or border may differ, as in a resized, compressed, brightened or cropped copy.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from ..engine.features import Features, import_cv2
from .agreement import Alignment
from .bands import LARGE_CELL, MIN_VARIANCE
from .colours import PICTURES_REMEMBERED, planes_of
from .geometry import compose, determinant, frame_transform, invert, overlaps, to_pixels

SHADE_BLOCK = 2 * LARGE_CELL  # pixels of the grey picture
MIN_SHADE_CONTRAST = 2.0  # levels; a picture with less is of one colour
# pixels a side of a smooth picture made small: to compare it; to find it
SHADE_SIDE, COARSE_SIDE = 24, 4
NOISE = 0.7  # levels by which a copy differs anyway
# what a copy may differ by at the distance 1, which is 90 percent: the rest of the differences, as
# a share of the contrast; the share of a picture that was cut off; the share of its contrast that
# is lost, of all its light or around a middle level; then levels of brightness and of chroma
MAX_REST, MAX_CUT, MAX_DARKER, MAX_PALER = 0.11, 0.18, 0.2, 0.16
MAX_BRIGHTER, MAX_TINT = 30.0, 8.0
# distance -> percent; beyond the last one, it is 0
SHADE_DISTANCES, SHADE_PERCENT = (0.0, 0.3, 1.0, 1.2, 2.0), (100.0, 99.0, 90.0, 79.0, 70.0)
# the distances between which a cut is looked for, the share of a picture that is cut off at most,
# by how much it may be turned or sheared, and the tries of OpenCV
MIN_CUT_DISTANCE, MAX_CUT_DISTANCE, MAX_CUT_OFF, MAX_SKEW, CUT_TRIES = 0.6, 5.0, 0.2, 0.05, 20
MATCHING_LEVELS = 12.0  # a block that differs by less matches; it is shown only

_is_smooth: WeakKeyDictionary[Features, bool] = WeakKeyDictionary()


class _Placed(NamedTuple):
    """How two smooth pictures differ if the first one is placed so on the second one.

    Attributes
    ----------
    distance
        0 if they are equal; see `SHADE_PERCENT`.
    transform : float64, 2 x 3, from the first to the second one, in pixels of their `size`
    off : float32, SHADE_SIDE x SHADE_SIDE
        levels by which both differ where they overlap, else NaN.
    """

    distance: float
    transform: np.ndarray
    off: np.ndarray


def is_smooth(image: Features) -> bool:
    """Whether each block of a picture is a plane of grey levels, and the whole has some contrast.

    Examples
    --------
    >>> from PIL import Image
    >>> from ..engine.features import aligned_features
    >>> shade, noise = Image.linear_gradient("L"), Image.effect_noise((80, 60), 60)
    >>> [is_smooth(aligned_features(each)) for each in (shade, noise, shade.point(lambda _: 9))]
    [True, False, False]
    """
    known = _is_smooth.get(image)
    if known is None:
        known = _is_smooth[image] = _is_plane_by_plane(image.grey) and (
            _contrast_of(image) >= MIN_SHADE_CONTRAST
        )
    return known


def _is_plane_by_plane(grey: np.ndarray) -> bool:
    """Whether no block of a picture, uint8, differs from a plane; a strip is never smooth."""
    if min(grey.shape) < SHADE_BLOCK:
        return False
    soft = import_cv2().GaussianBlur(grey.astype(np.float32), (0, 0), 1)  # without noise
    # some blocks first: most pictures have texture
    for step in (4 * LARGE_CELL, LARGE_CELL):
        blocks = shade_blocks(soft, step)
        rest = (blocks**2).sum(axis=1) - ((blocks @ _planes()) ** 2).sum(axis=1)
        if rest.max() >= MIN_VARIANCE * SHADE_BLOCK * SHADE_BLOCK:
            return False
    return True


def shade_blocks(plane: np.ndarray, step: int = LARGE_CELL) -> np.ndarray:
    """Return the blocks of a picture, float32, n x pixels; by default they overlap by half."""
    plane = plane.astype(np.float32, copy=False)
    views = np.lib.stride_tricks.sliding_window_view(plane, (SHADE_BLOCK, SHADE_BLOCK))
    return views[::step, ::step].reshape(-1, SHADE_BLOCK**2)


@lru_cache(1)
def _planes() -> np.ndarray:
    """Return three planes over a block that are orthogonal and of length 1, float32, n x 3."""
    y, x = np.mgrid[:SHADE_BLOCK, :SHADE_BLOCK].reshape(2, -1) - (SHADE_BLOCK - 1) / 2
    planes = np.column_stack([np.ones_like(x), x, y])
    return (planes / np.linalg.norm(planes, axis=0)).astype(np.float32)


def _contrast_of(image: Features) -> float:
    """Return the root mean square by which the colours of a picture differ from their mean."""
    return float(np.sqrt(_small(image).reshape(-1, 3).var(axis=0).sum()))


@lru_cache(PICTURES_REMEMBERED)
def _small(image: Features) -> np.ndarray:
    """Return brightness, Cr and Cb of a picture, float32, SHADE_SIDE x SHADE_SIDE x 3."""
    return import_cv2().resize(
        planes_of(image), (SHADE_SIDE, SHADE_SIDE), interpolation=import_cv2().INTER_AREA
    )


def coarse_colours(image: Features) -> np.ndarray:
    """Return brightness, Cr and Cb of a picture, int64, COARSE_SIDE x COARSE_SIDE x 3."""
    side = (COARSE_SIDE, COARSE_SIDE)
    coarse = import_cv2().resize(_small(image), side, interpolation=import_cv2().INTER_AREA)
    return np.rint(coarse).astype(np.int64)


def align_shades(first: Features, second: Features) -> Alignment:
    """Compare two pictures, of which one is smooth, where they are: upright and mirrored.

    The similarity is 0 if they differ by more than what is done to copies.
    """
    placed = [_compare_view(first, second, view) for view in (0, 4)]
    distance, transform, off = min(placed, key=lambda each: each.distance)
    percent = float(np.interp(distance, SHADE_DISTANCES, SHADE_PERCENT, right=0.0))
    columns, rows = (max(1, side // LARGE_CELL - 1) for side in second.grey.shape[::-1])
    cv2 = import_cv2()
    off = cv2.resize(off, (columns, rows), interpolation=cv2.INTER_NEAREST)
    blocks = np.where(np.isnan(off), off, off <= MATCHING_LEVELS).astype(np.float32)
    shares = overlaps(transform, first.size, second.size)
    return Alignment(
        percent, 0, transform, *shares, blocks=blocks, residual=0.0, treatment="smooth"
    )


def _compare_view(first: Features, second: Features, view: int) -> _Placed:
    """Place one view of the first picture on the second one, and look for what was cut off."""
    one, other = _small(first), _small(second)
    one = np.ascontiguousarray(one[:, ::-1]) if view else one
    straight = frame_transform(view, first.size, second.size)
    plain = _compare_colours_at(one, other, np.eye(3)[:2], straight)
    if not MIN_CUT_DISTANCE < plain.distance < MAX_CUT_DISTANCE:
        return plain
    cv2 = import_cv2()
    ends = cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, CUT_TRIES, 1e-4
    greys = other[:, :, 0], one[:, :, 0]
    try:
        _, back = cv2.findTransformECC(
            *greys, np.eye(2, 3, dtype=np.float32), cv2.MOTION_AFFINE, ends, None, 1
        )
    except cv2.error:  # it found no transform
        return plain
    grid = to_pixels(second.size, other.shape)
    if max(abs(back[0, 1]), abs(back[1, 0])) > MAX_SKEW:  # a cut does not turn a picture
        return plain
    cut = compose(straight, grid, invert(back.astype(np.float64)), invert(grid))
    if min(overlaps(cut, first.size, second.size)) < 100 * (1 - MAX_CUT_OFF):
        return plain
    return min(plain, _compare_colours_at(one, other, back, cut), key=lambda each: each.distance)


def _compare_colours_at(
    one: np.ndarray, other: np.ndarray, back: np.ndarray, transform: np.ndarray
) -> _Placed:
    """Compare two small pictures; `back` is from the pixels of the other one to those of the one.

    The richer picture may have lost the same share of its contrast everywhere.
    """
    cv2 = import_cv2()
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    one = cv2.warpAffine(
        one, back, (SHADE_SIDE, SHADE_SIDE), flags=how, borderMode=cv2.BORDER_REPLICATE
    )
    there = (
        cv2.warpAffine(
            np.ones((SHADE_SIDE, SHADE_SIDE), np.float32), back, (SHADE_SIDE, SHADE_SIDE), flags=how
        )
        > 0.5
    )
    off = np.where(there, np.linalg.norm(one - other, axis=2), np.nan).astype(np.float32)
    rich, pale = sorted((one[there], other[there]), key=lambda each: -each.var(axis=0).sum())
    tints = rich.mean(axis=0), pale.mean(axis=0)
    rich, pale = rich - tints[0], pale - tints[1]
    strength = float((rich * rich).mean())
    kept = min(1.0, max(0.0, float((rich * pale).mean()) / max(strength, 1e-6)))
    rest = max(0.0, 3 * float(((pale - kept * rich) ** 2).mean()) - NOISE**2)
    contrast = max(3 * float((pale * pale).mean()), 1e-6)
    cut_off = 1 - float(there.mean()) * min(1.0, abs(determinant(back)))
    parts = math.hypot(math.sqrt(rest / contrast) / MAX_REST, cut_off / MAX_CUT)
    changes = []
    for share, most in ((kept, MAX_DARKER), (1.0, MAX_PALER)):
        brighter, *tint = (tints[1] - share * tints[0]).tolist()
        changes.append(
            math.hypot((1 - kept) / most, brighter / MAX_BRIGHTER, math.hypot(*tint) / MAX_TINT)
        )
    return _Placed(math.hypot(parts, min(changes)), transform, off)

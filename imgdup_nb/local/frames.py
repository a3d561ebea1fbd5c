"""Two whole pictures -> one laid on the other frame on frame, as copies lie that are too small or too blurred for features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .agreement import (
    AGREES,
    AGREES_COARSE,
    AGREES_COARSER,
    COARSE,
    COARSER,
    MIN_BOTH,
    NOTHING,
    SETTLED,
    Alignment,
    judge_unvouched,
    settle,
    share_of,
)
from .features import FRAME_SIDE, Features
from .transforms import MAX_SCALE, MAX_STRETCH, lay_frame

ALIKE = 0.85  # frames are laid on each other where they correlate so
_PLACES = np.arange(FRAME_SIDE**2).reshape(FRAME_SIDE, FRAME_SIDE)
VIEWS = np.stack([np.rot90(each, turns).ravel() for each in (_PLACES, _PLACES[:, ::-1]) for turns in range(4)])
AS_GOOD = 0.01  # correlation by which a turned or mirrored frame must be better than the upright one
REPEATS = 0.2  # of the mean change from row to row (or column to column) that is the median where most come several times
STAYS = 90.0  # percent of both that must be common, still when blocks have moved a frame
MOSTLY, NEARLY_ALL = 0.6, 0.9  # of the blocks that must agree at the smaller one to look on; and to judge by these, or
MUCH_TEXTURED, MOST_TEXTURED = 0.45, 0.55  # where fewer of a frame's blocks are textured; and not at all at the smaller one


def align_frames(first: Features, second: Features) -> Alignment:
    """Lay the whole of one picture on the whole of the other, as copies lie that are too small or too blurred for features."""
    from .alignment_loops import SHOT, plausible

    view = _nearest_view(first, second)
    if view is None:
        return NOTHING
    transform = lay_frame(view, first.size, second.size)
    if not plausible(transform, view >= 4, MAX_SCALE, MAX_STRETCH):
        return NOTHING
    small = settle(first, second, transform, 0, MIN_BOTH, COARSER)
    share = 0.0 if small.blocks is None else share_of(small.blocks, AGREES_COARSER)
    both_textured = first.is_textured and second.is_textured
    if both_textured and share < MOSTLY:
        return NOTHING
    found = settle(first, second, transform, 0, STAYS)
    if found.blocks is None:
        return NOTHING
    if found.similarity >= SETTLED:
        return found
    textured = float(np.mean(~np.isnan(found.blocks)))
    if textured < MUCH_TEXTURED:  # layouts of pages and logos agree by chance
        return found if share_of(found.blocks, AGREES) >= NEARLY_ALL or not both_textured else NOTHING
    found = found if found.apart < SHOT else judge_unvouched(found)
    if share >= NEARLY_ALL and textured >= MOST_TEXTURED and (is_enlarged(first.grey) or is_enlarged(second.grey)):
        found = max(found, _settle_small(first, second, transform), key=lambda each: each.similarity)
    return found


def _settle_small(first: Features, second: Features, transform: np.ndarray) -> Alignment:
    """Judge two frames by what is left of them when they are made small."""
    from .alignment_loops import weigh

    found = settle(first, second, transform, 0, MIN_BOTH, COARSE)
    if found.blocks is None:
        return NOTHING
    return replace(found, similarity=weigh(share_of(found.blocks, AGREES_COARSE), found.apart, 1.0))


def is_enlarged(grey: np.ndarray) -> bool:
    """Whether a picture had so few pixels, below some 50 a side, that rows or columns come several times when it is enlarged.

    Only such a picture may lack the detail of its copy. Two sharp ones, alike once small, may be two shirts on one cloth.

    Examples
    --------
    >>> tiny = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    >>> is_enlarged(tiny), is_enlarged(tiny.repeat(4, axis=0).repeat(4, axis=1))
    (False, True)
    """
    lines = grey.astype(np.int16)
    changes = (np.abs(np.diff(lines, axis=axis)).mean(axis=1 - axis) for axis in (0, 1))
    return any(len(change) > 0 and float(np.median(change)) < REPEATS * float(change.mean()) for change in changes)


def _nearest_view(first: Features, second: Features) -> int | None:
    """Return in which of 8 views the first picture is most like the second: quarter turns, from 4 on mirrored before.

    None where it is like it in none, or one of them is all of one brightness.
    """
    alike = first.frame[VIEWS] @ second.frame
    best = 0 if alike[0] >= alike.max() - AS_GOOD else int(np.argmax(alike))  # symmetric pictures lie upright
    return best if alike[best] >= ALIKE else None

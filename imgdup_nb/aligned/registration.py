"""Two images' features -> how one lies on the other, and which part of what both show agrees.

Everything here depends on the two pictures alone, and not on which of them comes first: the picture
with the smaller digest is laid onto the other, whatever their names are.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..engine.features import FRAME_SIDE, SHRINK, Features
from .agreement import (
    NOTHING,
    Alignment,
    exchange_sides,
    is_textured,
    judge_colours,
    judge_unsupported,
    overlap_enough,
    refine,
    refine_equal,
    share_of,
)
from .bands import (
    COARSE_FACTOR,
    COARSEST_FACTOR,
    MAX_PARTS_SIMILARITY,
    MIN_COARSE_CORRELATION,
    MIN_COARSEST_CORRELATION,
    MIN_CORRELATION,
    MIN_OVERLAP_OF_BOTH,
    MIN_SCENE_RESIDUAL,
    MIN_SCENE_SIMILARITY,
    STOP_SIMILARITY,
)
from .geometry import (
    MAX_SCALE,
    MAX_STRETCH,
    apply,
    are_inside,
    determinant,
    frame_transform,
    has_support,
    invert,
    overlaps,
)

MAX_MATCH_BITS = 68  # of 256: two ORB patches that differ by more show different things
# of the features in the common area; fewer are chance agreements, and their blocks need not be
# looked at
MIN_MATCHED_SHARE = 0.05
MIN_SUPPORTED_SHARE = (
    0.16  # of the features; with fewer, and lying apart as no copy does, blocks must agree more
)
MAX_REPROJECTION_ERROR = 4.0  # pixels of `Features.size` that a match may be off


class AlignmentMode(NamedTuple):
    """How pictures are looked at: as a whole, one for a part of the other that was seen from closer by, or both from closer by.

    Attributes
    ----------
    min_matches
        three points always agree, and a few more by chance; of a part there are fewer features, and
        its blocks decide.
    min_both
        percent that must be common of each.
    max_scale
        what a copy may be enlarged by.
    places
        where it is looked for, one after the other: a collage may show the same thing several
        times.
    vouched_by
        what says that features agree not by chance: "all" of the common area, of which they are a
        share; how "still" it lies; those in the "part" that agrees.
    """

    min_matches: int
    min_overlap: float
    max_scale: float
    max_places: int
    supported_by: str


WHOLES = AlignmentMode(8, MIN_OVERLAP_OF_BOTH, MAX_SCALE, 1, "all")
WHOLE_IN_ZOOMED = AlignmentMode(8, 2.0, 8.0, 4, "still")
BOTH_ZOOMED = AlignmentMode(8, MIN_OVERLAP_OF_BOTH, MAX_SCALE, 1, "part")


def align(left: Features, right: Features) -> Alignment:
    """Lay one picture onto the other and say what share of the common area agrees.

    Returns
    -------
    Alignment
        the best one of plain and mirrored by features, and, where these agree on little, of frame
        on frame; `similarity` 0 where nothing fits, and no transform where nothing could be judged.
    """
    if left.key == right.key and is_textured(left):
        return refine_equal(left, right)
    turned_round = left.key > right.key
    first, second = (right, left) if turned_round else (left, right)
    best = _align_in_mode(first, second, WHOLES)
    if best.similarity < STOP_SIMILARITY:
        best = max(
            best,
            align_frames(first, second),
            key=lambda each: (_claimed_similarity(each), each.similarity),
        )
    if best.similarity < STOP_SIMILARITY and second.zoomed is not None:
        best = _better(best, _align_in_mode(first, second.zoomed, WHOLE_IN_ZOOMED))
    if best.similarity < STOP_SIMILARITY and first.zoomed is not None:
        best = _better(best, exchange_sides(_align_in_mode(second, first.zoomed, WHOLE_IN_ZOOMED)))
    if _claimed_similarity(best) == 0 and first.zoomed is not None and second.zoomed is not None:
        best = _better(best, _align_in_mode(first.zoomed, second.zoomed, BOTH_ZOOMED))
    best = judge_colours(replace(best, similarity=_claimed_similarity(best)), first, second)
    return exchange_sides(best) if turned_round else best


def _better(one: Alignment, other: Alignment) -> Alignment:
    """Return the better one of two, the first where they are equal."""
    return max(
        one, other, key=lambda each: (_claimed_similarity(each), each.similarity, each.matches)
    )


def _claimed_similarity(found: Alignment) -> float:
    """Return the percent that may be claimed: below what looks alike only of a part that is surely shared."""
    if found.similarity == 0:  # as of most pairs that are looked at
        return 0.0
    return (
        found.similarity if found.similarity >= MIN_SCENE_SIMILARITY or found.shares_part else 0.0
    )


def _align_in_mode(first: Features, second: Features, mode: AlignmentMode) -> Alignment:
    """Align the first picture, plain and mirrored, with the second."""
    from .match_loops import mutual_matches

    tries = []
    for mirror, bits in ((False, first.bits), (True, first.mirrored)):
        angles = (180 - first.angles).astype(np.float32) if mirror else first.angles
        tries.append(
            (mirror, mutual_matches(bits, second.bits, angles, second.angles, MAX_MATCH_BITS))
        )
    best = NOTHING
    for mirror, pairs in sorted(
        tries, key=lambda each: -len(each[1])
    ):  # plain first, where both have as many
        best = _better(best, _align_view(first, second, pairs, mirror, mode))
        if best.similarity >= STOP_SIMILARITY:
            break
    return best


def _align_view(
    first: Features, second: Features, pairs: np.ndarray, mirror: bool, mode: AlignmentMode = WHOLES
) -> Alignment:
    """Align one view of the first picture with the second by matches, n x 2, in the place where it agrees most."""
    best = NOTHING
    for _ in range(mode.max_places):
        found = _align_place(first, second, pairs, mirror, mode)
        best = _better(best, found)
        if found.transform is None or best.similarity >= STOP_SIMILARITY:
            break
        pairs = pairs[
            ~is_inlier(found.transform, first.points[pairs[:, 0]], second.points[pairs[:, 1]])
        ]
    return best if best.similarity > 0 else NOTHING


def is_inlier(transform: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Whether a transform carries points, n x 2, to within some pixels of others."""
    reach = MAX_REPROJECTION_ERROR * math.sqrt(max(1.0, abs(determinant(transform))))
    return np.linalg.norm(apply(transform, source) - target, axis=1) <= reach


def _align_place(
    first: Features, second: Features, pairs: np.ndarray, mirror: bool, mode: AlignmentMode
) -> Alignment:
    """Align one view of the first picture with the place of the second to which most matches lead."""
    from .warp_loops import count_within, fit_affine

    if len(pairs) < mode.min_matches:
        return NOTHING
    ends = first.points[pairs[:, 0]], second.points[pairs[:, 1]]
    transform, matches = fit_affine(
        *ends, mirror, MAX_REPROJECTION_ERROR, mode.max_scale, MAX_STRETCH, mode.min_matches
    )
    if matches < mode.min_matches:
        return NOTHING
    in_common = min(
        count_within(transform, first.points, *second.size),
        count_within(invert(transform), second.points, *first.size),
    )
    is_few = mode.supported_by != "part" and matches < MIN_MATCHED_SHARE * in_common
    if is_few or not overlap_enough(overlaps(transform, first.size, second.size), mode.min_overlap):
        return NOTHING
    found = refine(first, second, transform, matches, mode.min_overlap)
    if mode.supported_by == "part":
        return _judge_parts(found, first, second, pairs)
    if found.residual < MIN_SCENE_RESIDUAL:
        return found
    if (
        mode.supported_by == "still"
    ):  # too few features to vouch for it, too few blocks to tell another shot from something else
        return replace(found, similarity=0.0)
    return found if matches >= MIN_SUPPORTED_SHARE * in_common else judge_unsupported(found)


def _judge_parts(
    found: Alignment, first: Features, second: Features, pairs: np.ndarray
) -> Alignment:
    """Judge two pictures both seen from closer by: only the part that agrees says something, by its own features."""
    if found.transform is None or not found.shares_part:
        return NOTHING
    on_right = found.frame == "right"
    one = apply(found.transform, first.points) if on_right else first.points
    other = second.points if on_right else apply(invert(found.transform), second.points)
    in_first, in_second = (
        are_inside(points, found.part, SHRINK * found.cell) for points in (one, other)
    )
    inliers = pairs[
        is_inlier(found.transform, first.points[pairs[:, 0]], second.points[pairs[:, 1]])
    ]
    return (
        replace(found, similarity=min(found.similarity, MAX_PARTS_SIMILARITY))
        if has_support(in_first, in_second, inliers)
        else NOTHING
    )


MIN_FRAME_CORRELATION = 0.85  # frames are laid on each other where they correlate so
_PLACES = np.arange(FRAME_SIDE**2).reshape(FRAME_SIDE, FRAME_SIDE)
VIEWS = np.stack(
    [np.rot90(each, turns).ravel() for each in (_PLACES, _PLACES[:, ::-1]) for turns in range(4)]
)
UPRIGHT_MARGIN = (
    0.01  # correlation by which a turned or mirrored frame must be better than the upright one
)
# of the mean change from row to row (or column to column) that is the median where most come
# several times
MAX_REPEATED_CHANGE = 0.2
MIN_FRAME_OVERLAP = (
    90.0  # percent of both that must be common, still when blocks have moved a frame
)
MIN_SMALL_SHARE, MIN_SURE_SHARE = (
    0.6,
    0.9,
)  # of the blocks that must agree at the smaller one to look on; and to judge by these, or
MIN_TEXTURED_SHARE, MIN_SMALL_TEXTURED_SHARE = (
    0.45,
    0.55,
)  # where fewer of a frame's blocks are textured; and not at all at the smaller one


def align_frames(first: Features, second: Features) -> Alignment:
    """Lay the whole of one picture on the whole of the other, as copies lie that are too small or too blurred for features."""
    from .warp_loops import plausible

    view = _nearest_view(first, second)
    if view is None:
        return NOTHING
    transform = frame_transform(view, first.size, second.size)
    if not plausible(transform, view >= 4, MAX_SCALE, MAX_STRETCH):
        return NOTHING
    small = refine(first, second, transform, 0, MIN_OVERLAP_OF_BOTH, COARSEST_FACTOR)
    share = 0.0 if small.blocks is None else share_of(small.blocks, MIN_COARSEST_CORRELATION)
    both_textured = is_textured(first) and is_textured(second)
    if both_textured and share < MIN_SMALL_SHARE:
        return NOTHING
    found = refine(first, second, transform, 0, MIN_FRAME_OVERLAP)
    if found.blocks is None:
        return NOTHING
    if found.similarity >= STOP_SIMILARITY:
        return found
    textured = float(np.mean(~np.isnan(found.blocks)))
    if textured < MIN_TEXTURED_SHARE:  # layouts of pages and logos agree by chance
        return (
            found
            if share_of(found.blocks, MIN_CORRELATION) >= MIN_SURE_SHARE or not both_textured
            else NOTHING
        )
    found = found if found.residual < MIN_SCENE_RESIDUAL else judge_unsupported(found)
    if (
        share >= MIN_SURE_SHARE
        and textured >= MIN_SMALL_TEXTURED_SHARE
        and (has_repeated_lines(first.grey) or has_repeated_lines(second.grey))
    ):
        found = max(
            found, _refine_small(first, second, transform), key=lambda each: each.similarity
        )
    return found


def _refine_small(first: Features, second: Features, transform: np.ndarray) -> Alignment:
    """Judge two frames by what is left of them when they are made small."""
    from .warp_loops import similarity_of

    found = refine(first, second, transform, 0, MIN_OVERLAP_OF_BOTH, COARSE_FACTOR)
    if found.blocks is None:
        return NOTHING
    return replace(
        found,
        similarity=similarity_of(
            share_of(found.blocks, MIN_COARSE_CORRELATION), found.residual, 1.0
        ),
    )


def has_repeated_lines(grey: np.ndarray) -> bool:
    """Tell whether a picture was enlarged from below some 50 pixels a side: lines come twice.

    Only such a picture may lack the detail of its copy. Two sharp ones, alike once small, may be
    two shirts on one cloth.

    Examples
    --------
    >>> tiny = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    >>> has_repeated_lines(tiny), has_repeated_lines(tiny.repeat(4, axis=0).repeat(4, axis=1))
    (False, True)
    """
    lines = grey.astype(np.int16)
    changes = (np.abs(np.diff(lines, axis=axis)).mean(axis=1 - axis) for axis in (0, 1))
    return any(
        len(change) > 0 and float(np.median(change)) < MAX_REPEATED_CHANGE * float(change.mean())
        for change in changes
    )


def _nearest_view(first: Features, second: Features) -> int | None:
    """Return in which of 8 views the first picture is most like the second: quarter turns, from 4 on mirrored before.

    None where it is like it in none, or one of them is all of one brightness.
    """
    alike = first.frame[VIEWS] @ second.frame
    best = (
        0 if alike[0] >= alike.max() - UPRIGHT_MARGIN else int(np.argmax(alike))
    )  # symmetric pictures lie upright
    return best if alike[best] >= MIN_FRAME_CORRELATION else None

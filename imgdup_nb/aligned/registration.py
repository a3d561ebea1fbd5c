"""The features of two pictures -> their transform, and how much of their overlap matches.

The result does not depend on which picture comes first. The picture with the smaller digest is
always warped onto the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..engine.features import FRAME_SIDE, SHRINK, Features
from .agreement import (
    NOTHING,
    Alignment,
    exchange_sides,
    is_textured,
    judge_unsupported,
    overlap_enough,
    refine,
    refine_equal,
    share_of,
    tell_once,
)
from .backdrops import judge_backdrop
from .bands import (
    COARSE_FACTOR,
    COARSEST_FACTOR,
    MAX_COPY_RESIDUAL,
    MAX_PARTS_SIMILARITY,
    MAX_SCENE_SIMILARITY,
    MAX_SLIGHT_SIMILARITY,
    MIN_COARSE_CORRELATION,
    MIN_COARSEST_CORRELATION,
    MIN_CORRELATION,
    MIN_OVERLAP_OF_BOTH,
    MIN_SCENE_RESIDUAL,
    MIN_SCENE_SIMILARITY,
    SMALL_OVERLAP,
    STOP_SIMILARITY,
)
from .bent import align_bent
from .colours import align_colours
from .cut_outs import judge_cut_out
from .filters import (
    align_blurred,
    align_negative,
    align_unshaded,
    has_repeated_lines,
    negative_of,
)
from .flat_areas import are_drawn, judge_flat_areas
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
from .overlays import align_drawn_over, align_visible, judge_colours_below, judge_overlay
from .perspective import align_in_perspective
from .shades import align_shades, is_smooth
from .wholes import align_wholes

PAIRS_REMEMBERED = 16  # several threads align one pair each, and ask for its matches twice
MAX_MATCH_BITS = 68  # of 256; two ORB descriptors that differ by more are no match
# of the features of the picture with fewer; a mirrored view has hardly ever more matches
SURE_SHARE = 1 / 3
# of the features in the overlap; fewer matches are chance, and their blocks need not be compared
MIN_MATCHED_SHARE = 0.05
# of the features in the overlap; with fewer matches and a residual, blocks must match better
MIN_SUPPORTED_SHARE = 0.16
# percent of the blocks of a pair without a residual; with more, its details are as they were
MIN_DETAILED_PERCENT = 50.0
MAX_REPROJECTION_ERROR = 4.0  # pixels of `Features.size` between a match and the transform


class AlignmentMode(NamedTuple):
    """What two pictures must have in common, as wholes or with one or both of them zoomed.

    Attributes
    ----------
    min_matches
        matches that a transform needs. Three always fit, and a few more fit by chance. A part has
        fewer features; its blocks decide.
    min_overlap
        percent that the overlap must cover of each picture.
    max_scale
        by how much a copy may be enlarged.
    max_places
        in how many places the picture is searched for, one after the other. A collage may show it
        several times.
    supported_by
        what shows that the matches are not chance: "overlap", their share of the features in it;
        "residual", a small one; "part", the matches in the matching part.
    """

    min_matches: int
    min_overlap: float
    max_scale: float
    max_places: int
    supported_by: str


WHOLES = AlignmentMode(8, MIN_OVERLAP_OF_BOTH, MAX_SCALE, 1, "overlap")
WHOLE_IN_ZOOMED = AlignmentMode(8, 2.0, 8.0, 4, "residual")
BOTH_ZOOMED = AlignmentMode(8, MIN_OVERLAP_OF_BOTH, MAX_SCALE, 1, "part")


def align(left: Features, right: Features) -> Alignment:
    """Align two pictures, and measure how much of their overlap matches.

    Returns
    -------
    Alignment
        the best one of plain and mirrored, by features; if these find little, also of the whole
        frames, and with one or both pictures zoomed. `similarity` is 0 if the pictures do not
        match. There is no transform if nothing could be compared.
    """
    if left.key == right.key and is_textured(left):
        return refine_equal(left, right)
    turned_round = left.key > right.key
    first, second = (right, left) if turned_round else (left, right)
    n_smooth = is_smooth(first) + is_smooth(second)
    best = align_shades(first, second) if n_smooth else NOTHING
    if n_smooth < 2 and best.similarity <= MAX_SCENE_SIMILARITY:
        textured = _align_textured(first, second)
        if n_smooth:  # a part of a smooth picture is like many others
            textured = replace(textured, similarity=min(textured.similarity, MAX_SCENE_SIMILARITY))
        best = _better(textured, best)
    return exchange_sides(best) if turned_round else best


def _align_textured(first: Features, second: Features) -> Alignment:
    """Align two pictures of which at least one has texture."""
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
    best = _allow_for_changes(best, first, second)
    if best.treatment == "negative":  # its colours are those of the negative, too
        first = negative_of(first)
    if best.similarity != _claimed_similarity(best):
        best = replace(best, similarity=0.0)
    if best.transform is None or best.similarity <= MAX_SCENE_SIMILARITY:
        return best
    if best.blocks is not None:
        at = best.transform, best.frame, best.blocks.shape, best.cell
        colours = align_colours(first, second, *at)
        best = judge_shared_part(judge_flat_areas(judge_colours_below(best, colours), colours))
    return judge_backdrop(best, first, second)


def _better(one: Alignment, other: Alignment) -> Alignment:
    """Return the better one of two alignments, the first one if they are equal."""
    return other if other is not NOTHING and _merits(other) > _merits(one) else one


def _merits(found: Alignment) -> tuple[float, float, int]:
    return _claimed_similarity(found), found.similarity, found.matches


def _allow_for_changes(best: Alignment, first: Features, second: Features) -> Alignment:
    """Return a better alignment where a copy was filtered, bent, blurred or drawn over."""
    if best.similarity >= STOP_SIMILARITY:
        return best
    # pages and drawings of one layout would match; of a small part there is too little evidence
    if are_drawn(first, second):
        return best
    if best.doubt == 0 and min(best.overlap_left, best.overlap_right) >= SMALL_OVERLAP:
        best = _better(best, align_unshaded(first, second, best))
        best = judge_overlay(best, first, second)
    if _claimed_similarity(best) < MAX_SLIGHT_SIMILARITY:
        best = judge_cut_out(best, first, second)
    by_features = best
    if _claimed_similarity(best) <= MAX_SCENE_SIMILARITY:
        mirror, pairs = next(_match_views(first, second))
        best = _better(best, align_in_perspective(first, second, pairs, mirror))
    if _claimed_similarity(best) < STOP_SIMILARITY and best.residual >= MAX_COPY_RESIDUAL:
        best = _better(best, align_bent(first, second, best))
    if _claimed_similarity(best) < STOP_SIMILARITY:
        view = _nearest_view(first, second)
        if (
            view is not None
            and _claimed_similarity(best) <= MAX_SCENE_SIMILARITY
            and is_textured(first)
            and is_textured(second)
        ):
            upright = frame_transform(view, first.size, second.size)
            best = _better(best, align_drawn_over(first, second, upright))
            best = _better(best, align_blurred(first, second, upright))
        # where details are equal, what differs has moved or was drawn
        if view is not None and not (
            best.residual < MAX_COPY_RESIDUAL and best.agreeing >= MIN_DETAILED_PERCENT
        ):
            best = _better(best, align_wholes(first, second, view))
    if _claimed_similarity(best) < STOP_SIMILARITY:
        best = _better(best, align_visible(first, second, by_features))
    if _claimed_similarity(best) == 0 and is_textured(first) and is_textured(second):
        best = _better(best, _align_upright(first, second))
    if _claimed_similarity(best) == 0:
        view = _nearest_view(first, second, negative=True)
        if view is not None and is_textured(first) and is_textured(second):
            upright = frame_transform(view, first.size, second.size)
            best = _better(best, align_negative(first, second, upright))
    return best


def _align_upright(first: Features, second: Features) -> Alignment:
    """Align two pictures, neither of them turned, by the few matches that words over one leave."""
    from .upright import upright_transform

    pairs = _match_features(first, second, mirror=False)
    transform, matches = upright_transform(
        first.points, second.points, first.angles, second.angles, pairs
    )
    return align_drawn_over(first, second, transform, matches) if matches else NOTHING


def judge_shared_part(found: Alignment) -> Alignment:
    """Judge again two pictures that share a part only, as two crops of one photograph do."""
    if found.blocks is None or not found.is_partial or found.similarity <= MAX_SCENE_SIMILARITY:
        return found
    from .warp_loops import similarity_of

    agreeing = share_of(found.blocks, found.min_correlation)
    similarity = max(MIN_SCENE_SIMILARITY, similarity_of(agreeing, found.residual, 1.0))
    return replace(found, similarity=similarity)


def _claimed_similarity(found: Alignment) -> float:
    """Return the similarity; below 70 it is 0 unless the pictures share a part."""
    if found.similarity == 0:  # most pairs
        return 0.0
    return (
        found.similarity if found.similarity >= MIN_SCENE_SIMILARITY or found.shares_part else 0.0
    )


def _align_in_mode(first: Features, second: Features, mode: AlignmentMode) -> Alignment:
    """Align the first picture, plain and mirrored, with the second one."""
    best = NOTHING
    for mirror, pairs in _match_views(first, second):
        best = _better(best, _align_view(first, second, pairs, mirror, mode))
        if best.similarity >= STOP_SIMILARITY:
            break
    return best


def _match_views(first: Features, second: Features) -> Iterator[tuple[bool, np.ndarray]]:
    """Yield the matches of the first picture, plain and mirrored, with the second one.

    The view with more matches comes first; plain first if both have the same number, or if it has
    so many that the mirrored view need not be asked before.
    """
    plain = _match_features(first, second, mirror=False)
    if len(plain) >= SURE_SHARE * max(1, min(len(first), len(second))):
        yield False, plain
        yield True, _match_features(first, second, mirror=True)
        return
    mirrored = _match_features(first, second, mirror=True)
    tries = [(False, plain), (True, mirrored)]
    yield from tries if len(plain) >= len(mirrored) else tries[::-1]


@lru_cache(2 * PAIRS_REMEMBERED)
def _match_features(first: Features, second: Features, *, mirror: bool) -> np.ndarray:
    """Return the matches of the first picture, plain or mirrored, with the second; int64, n x 2."""
    from .match_loops import mutual_matches

    bits, angles = first.bits, first.angles
    if mirror:
        bits, angles = first.mirrored, (180 - first.angles).astype(np.float32)
    return mutual_matches(bits, second.bits, angles, second.angles, MAX_MATCH_BITS)


def _align_view(
    first: Features, second: Features, pairs: np.ndarray, mirror: bool, mode: AlignmentMode = WHOLES
) -> Alignment:
    """Align one view of the first picture with the place of the second where it matches best.

    pairs : int64, n x 2, the matches of both pictures' features.
    """
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
    """Whether a transform moves points, n x 2, to within some pixels of other points."""
    reach = MAX_REPROJECTION_ERROR * math.sqrt(max(1.0, abs(determinant(transform))))
    return np.linalg.norm(apply(transform, source) - target, axis=1) <= reach


def _align_place(
    first: Features, second: Features, pairs: np.ndarray, mirror: bool, mode: AlignmentMode
) -> Alignment:
    """Align one view of the first picture with the place of the second that has most matches."""
    from .transform_loops import count_within, fit_affine

    if len(pairs) < mode.min_matches:
        return NOTHING
    # a third of the time of an index
    ends = first.points.take(pairs[:, 0], axis=0), second.points.take(pairs[:, 1], axis=0)
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
    # a part has too few features and blocks to tell a second photograph from something else
    if mode.supported_by == "residual":
        return replace(found, similarity=0.0)
    return found if matches >= MIN_SUPPORTED_SHARE * in_common else judge_unsupported(found)


def _judge_parts(
    found: Alignment, first: Features, second: Features, pairs: np.ndarray
) -> Alignment:
    """Judge the alignment of two zoomed pictures by the features in their matching part."""
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


MIN_FRAME_CORRELATION = 0.85  # correlation from which whole frames are aligned
_PLACES = np.arange(FRAME_SIDE**2).reshape(FRAME_SIDE, FRAME_SIDE)
VIEWS = np.stack(
    [np.rot90(each, turns).ravel() for each in (_PLACES, _PLACES[:, ::-1]) for turns in range(4)]
)
# correlation by which a rotated or mirrored frame must be better than the upright one
UPRIGHT_MARGIN = 0.01
# percent of both frames that the overlap must cover, also after the blocks have moved one of them
MIN_FRAME_OVERLAP = 90.0
# share of the blocks that must match when both frames are very small: to go on; to be sure
MIN_SMALL_SHARE, MIN_SURE_SHARE = 0.6, 0.9
# share of a frame's blocks that must be textured: with fewer, nearly all must match; with more, the
# very small frames may decide
MIN_TEXTURED_SHARE, MIN_SMALL_TEXTURED_SHARE = 0.45, 0.55


def align_frames(first: Features, second: Features) -> Alignment:
    """Align two whole pictures: copies may be too small or too blurred for features."""
    from .transform_loops import plausible

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
    if textured < MIN_TEXTURED_SHARE:  # layouts of pages and logos match by chance
        return (
            found
            if share_of(found.blocks, MIN_CORRELATION) >= MIN_SURE_SHARE or not both_textured
            else NOTHING
        )
    found = found if found.residual < MIN_SCENE_RESIDUAL else judge_unsupported(found)
    if (
        share >= MIN_SURE_SHARE
        and textured >= MIN_SMALL_TEXTURED_SHARE
        and (tell_once(has_repeated_lines, first) or tell_once(has_repeated_lines, second))
    ):
        found = max(
            found, _refine_small(first, second, transform), key=lambda each: each.similarity
        )
    return found


def _refine_small(first: Features, second: Features, transform: np.ndarray) -> Alignment:
    """Judge two frames made small, so that lost detail does not count."""
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


def _nearest_view(first: Features, second: Features, *, negative: bool = False) -> int | None:
    """Return the view of the first picture, 0 to 7, that is most similar to the second one.

    Views are those of `frame_transform`. None if no view is similar, or one picture is all of one
    brightness. With `negative`, the views are those of the negative of the first picture.
    """
    alike = -_likeness_of_views(first, second) if negative else _likeness_of_views(first, second)
    # symmetric pictures are upright
    best = 0 if alike[0] >= alike.max() - UPRIGHT_MARGIN else int(np.argmax(alike))
    return best if alike[best] >= MIN_FRAME_CORRELATION else None


@lru_cache(PAIRS_REMEMBERED)
def _likeness_of_views(first: Features, second: Features) -> np.ndarray:
    """Return the correlation of the frame of each view of the first picture with the second one."""
    return first.frame[VIEWS] @ second.frame

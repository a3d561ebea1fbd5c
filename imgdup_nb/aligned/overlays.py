"""Something was put over a copy: a caption, a watermark, a sticker, a few strokes.

A thin stroke spoils all four blocks that it touches. So the pixels are counted instead: those of
the textured blocks that are equal in both pictures, up to brightness and contrast. What differs
must look drawn: of a few grey levels, or see-through, or with edges in one picture only. Otherwise
something has moved, as in the next frame of a film, and the pair stays in the scene band.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..engine.features import Features, import_cv2
from .agreement import NOTHING, Alignment, refine, share_of, tell_once, warp_greys
from .bands import (
    MAX_COPY_RESIDUAL,
    MAX_IMPERFECT_SIMILARITY,
    MAX_SCENE_SIMILARITY,
    MAX_SLIGHT_SIMILARITY,
    MIN_OVERLAP_OF_BOTH,
    MIN_SCENE_RESIDUAL,
    MIN_SCENE_SIMILARITY,
    SMALL_OVERLAP,
    STOP_SIMILARITY,
)
from .colours import AlignedColours, judge_colours
from .flat_areas import block_colours, has_plain_edge, is_cast
from .strokes import equal_pixels, is_of_strokes
from .visible import refine_visible

MIN_MEAN_CORRELATION = 0.7  # of the textured blocks, those below 0 counted as 0
# or this share of them is as it was, as between the letters of a large watermark
MIN_UNTOUCHED_CORRELATION, MIN_UNTOUCHED_BLOCKS = 0.99, 0.45
# of the textured blocks, too, while the transform may be a pixel aside; and percent of them that
# match, where few features tell the transform
MIN_SHIFTED_CORRELATION, MIN_SHIFTED_AGREEING = 0.65, 50.0
MAX_PULLED_RESIDUAL = 0.4  # what lies over a copy pulls its transform aside by less
# of the pixels in textured blocks that are equal, the share
MIN_EQUAL_PIXELS, MIN_SLIGHT_PIXELS = 0.65, 0.75  # from 70 percent on; from 80 on
# from 90 percent on, the similarity is the share of equal pixels in percent, up to the last one
DRAWN_SHARES, DRAWN_LEVELS = (MIN_SLIGHT_PIXELS, 0.9, 0.97), (80.0, 90.0, 97.0)
# under strokes all over: the mean correlation of blocks, the correlation of equal pixels, and the
# percent of their share
MIN_UNDER_STROKES, MIN_RELATED_PIXELS = 0.45, 0.9
STROKED_SHARES, STROKED_LEVELS = (MIN_EQUAL_PIXELS, 0.9), (80.0, MAX_SLIGHT_SIMILARITY)
# equal pixels of blocks that do not match: so many of them, with so many levels of contrast, have a
# correlation of 0.97 and more in copies
MIN_COVERED_PIXELS, MIN_COVERED_CONTRAST, MIN_COVERED_RELATION = 50, 4.0, 0.8
# of the pixels that differ: in so many bins of 16 grey levels there is this share of a drawing; and
# the correlation of what shows through
DRAWN_BINS, MIN_DRAWN_SHARE, MIN_THROUGH_CORRELATION = 3, 0.6, 0.6
# pieces of so many pixels have few grey levels, each its own; they are this share of what differs
MIN_PIECE_PIXELS, MIN_DRAWN_PIECES = 12, 0.75
# an edge: so many grey levels a pixel, and among this share of the strongest ones
MIN_EDGE, STRONG_EDGES, MIN_EDGES = 12.0, 0.3, 50
# it is found again where the other gradient has its direction (cosine) and this share of the usual
# strength there
MIN_EDGE_COSINE, MIN_EDGE_STRENGTH = 0.9, 1 / 3
# share of the edges of the picture below that must be found again; more than those of the other one
MIN_FOUND_EDGES, MIN_EXTRA_EDGES = 0.82, 0.08


def judge_overlay(found: Alignment, first: Features, second: Features) -> Alignment:
    """Judge again an alignment without a residual of which most pixels are equal.

    If what differs looks drawn, the similarity is from 80 percent up: the share of equal pixels
    where that is 90 percent or more, and at most 89 of a thing on a plain ground. Else it is at
    most 79.
    """
    if (
        found.transform is None
        or found.blocks is None
        or not found.residual < MAX_COPY_RESIDUAL
        or found.similarity >= STOP_SIMILARITY
        or found.is_partial
    ):
        return found
    known = found.blocks[~np.isnan(found.blocks)]
    plain = tell_once(has_plain_edge, first) or tell_once(has_plain_edge, second)
    if _mean_correlation(found) < MIN_MEAN_CORRELATION and (
        plain or share_of(known, MIN_UNTOUCHED_CORRELATION) < MIN_UNTOUCHED_BLOCKS
    ):
        return found
    planes = warp_greys(found, first, second)
    inside = _pixels_of(~np.isnan(found.blocks), found.cell, planes[0].shape)
    one, other = (plane[inside] for plane in planes)
    if not len(one):
        return found
    equal = equal_pixels(one, other)
    if float(equal.mean()) < MIN_EQUAL_PIXELS:
        untouched = found.blocks >= MIN_UNTOUCHED_CORRELATION
        equal = equal_pixels(one, other, _pixels_of(untouched, found.cell, planes[0].shape)[inside])
    share = float(equal.mean())
    if share < MIN_EQUAL_PIXELS:
        return found
    similarity = MIN_SCENE_SIMILARITY + (MAX_SCENE_SIMILARITY - MIN_SCENE_SIMILARITY) * min(
        1.0, (share - MIN_EQUAL_PIXELS) / (MIN_SLIGHT_PIXELS - MIN_EQUAL_PIXELS)
    )
    drawn = float(np.interp(share, DRAWN_SHARES, DRAWN_LEVELS))
    drawn = min(drawn, MAX_SLIGHT_SIMILARITY if plain else 100.0)
    # of things on a plain ground, the outline has most of the edges, and signs differ in little
    if (
        share >= MIN_SLIGHT_PIXELS
        and drawn > found.similarity
        and (
            looks_drawn(one[~equal], other[~equal])
            or (not plain and is_of_drawn_pieces(*planes, inside, equal))
            or (not plain and has_extra_edges(*planes, inside))
            or (not plain and is_of_strokes(*planes, inside, equal))
        )
    ):
        similarity = drawn
    if similarity <= found.similarity:
        return found
    matching = _pixels_of(found.blocks >= found.min_correlation, found.cell, planes[0].shape)
    covered = equal & ~matching[inside]
    if _are_unrelated(one[covered], other[covered]):
        return found
    return replace(found, similarity=similarity, treatment="overlay")


def _are_unrelated(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether pixels that are equal in blocks that do not match are so by chance.

    Those of noise or cloth of two pictures are all near one grey. Those beside the strokes of
    something drawn over a picture follow it.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(100, 6, (2, 400))
    >>> [_are_unrelated(noise[0], each) for each in (noise[1], noise[0] + 2)]
    [True, False]
    """
    if len(one) < MIN_COVERED_PIXELS or min(one.std(), other.std()) < MIN_COVERED_CONTRAST:
        return False
    return float(np.corrcoef(one, other)[0, 1]) < MIN_COVERED_RELATION


def align_drawn_over(
    first: Features, second: Features, transform: np.ndarray, matches: int = 0
) -> Alignment:
    """Align two frames, or what few matches fit; `NOTHING` unless something was put over one.

    A large watermark has more features than a dark picture, and details of its own when made small.
    Not for things on a plain ground: signs of one design have much in common, such as a folder.
    """
    if tell_once(has_plain_edge, first) or tell_once(has_plain_edge, second):
        return NOTHING
    aligned = refine(first, second, transform, matches, MIN_OVERLAP_OF_BOTH)
    found = judge_overlay(aligned, first, second)
    if found.treatment != "overlay" and aligned.agreeing >= MIN_SHIFTED_AGREEING:
        found = align_visible(first, second, aligned)
    if found.treatment != "overlay":
        found = _align_under_strokes(first, second, aligned)
    return found if found.treatment == "overlay" else NOTHING


def _mean_correlation(found: Alignment) -> float:
    """Return the mean correlation of the textured blocks, those below 0 counted as 0."""
    if found.blocks is None:
        return 0.0
    known = found.blocks[~np.isnan(found.blocks)]
    return float(np.maximum(known, 0).mean()) if len(known) else 0.0


def align_visible(first: Features, second: Features, found: Alignment) -> Alignment:
    """Align a copy that has a residual, because something was put over it, by what is visible.

    Not two things on a plain ground: signs of one design differ in little.
    """
    if (
        found.transform is None
        or found.matches == 0
        or found.doubt > 0
        or found.residual < MAX_COPY_RESIDUAL
        or min(found.overlap_left, found.overlap_right) < SMALL_OVERLAP
        or found.is_partial
    ):
        return NOTHING
    if _mean_correlation(found) < MIN_SHIFTED_CORRELATION:
        return _align_under_strokes(first, second, found)
    if found.residual >= MAX_PULLED_RESIDUAL or (
        tell_once(has_plain_edge, first) and tell_once(has_plain_edge, second)
    ):
        return NOTHING
    visible = refine_visible(found, first, second)
    judged = judge_overlay(visible, first, second)
    return judged if judged.treatment == "overlay" else NOTHING


def _align_under_strokes(first: Features, second: Features, found: Alignment) -> Alignment:
    """Align a copy under a watermark all over by what is visible; `NOTHING` if it is none.

    No block is as it was, and all pull the transform aside. But all that differs are strokes.
    """
    if (
        found.blocks is None
        or found.is_partial
        or _mean_correlation(found) < MIN_UNDER_STROKES
        or tell_once(has_plain_edge, first)
        or tell_once(has_plain_edge, second)
        or _share_beside_strokes(found, first, second) < MIN_EQUAL_PIXELS
    ):
        return NOTHING
    visible = refine_visible(found, first, second)
    share = _share_beside_strokes(visible, first, second)
    if share < MIN_EQUAL_PIXELS or not visible.residual < MIN_SCENE_RESIDUAL:
        return NOTHING
    similarity = float(np.interp(share, STROKED_SHARES, STROKED_LEVELS))
    return replace(visible, similarity=similarity, treatment="overlay")


def _share_beside_strokes(found: Alignment, first: Features, second: Features) -> float:
    """Return the share of the pixels in textured blocks that are equal; 0 if not all strokes."""
    if found.blocks is None:
        return 0.0
    planes = warp_greys(found, first, second)
    inside = _pixels_of(~np.isnan(found.blocks), found.cell, planes[0].shape)
    one, other = (plane[inside] for plane in planes)
    if not len(one):
        return 0.0
    equal = equal_pixels(one, other)
    share = float(equal.mean())
    if share < MIN_EQUAL_PIXELS or min(one[equal].std(), other[equal].std()) < 1:
        return 0.0
    if float(np.corrcoef(one[equal], other[equal])[0, 1]) < MIN_RELATED_PIXELS:
        return 0.0
    return share if is_of_strokes(*planes, inside, equal) else 0.0


def judge_colours_below(found: Alignment, colours: AlignedColours) -> Alignment:
    """Judge an alignment by its colours; a cast, or what lies over some blocks, changes them.

    So of a copy with something over it, another colour counts only if blocks that are as they were
    have one; its pair is in the scene band then. Of two things on a plain ground, all blocks count.
    """
    judged = judge_colours(found, colours)
    if judged.recoloured > 0 and is_cast(block_colours(found, colours), colours):
        return replace(found, similarity=min(found.similarity, MAX_IMPERFECT_SIMILARITY))
    if (
        found.treatment != "overlay"
        or judged.similarity >= found.similarity
        or found.blocks is None
        or (tell_once(has_plain_edge, colours.source) and tell_once(has_plain_edge, colours.target))
    ):
        return judged
    # without features, or with few blocks as they were, there is less evidence
    is_enough = found.matches > 0 and (
        share_of(found.blocks, MIN_UNTOUCHED_CORRELATION) >= MIN_UNTOUCHED_BLOCKS
    )
    untouched = replace(found, min_correlation=MIN_UNTOUCHED_CORRELATION)
    below = judge_colours(untouched, colours)
    if below.recoloured == 0 and is_enough:
        return replace(found, similarity=below.similarity)
    similarity = max(judged.similarity, min(found.similarity, MAX_SCENE_SIMILARITY))
    return replace(judged, similarity=similarity)


def _pixels_of(chosen: np.ndarray, cell: int, shape: tuple[int, ...]) -> np.ndarray:
    """Tell which pixels lie in some blocks, bool, rows x columns; bool, of a shape."""
    cells = np.zeros((chosen.shape[0] + 1, chosen.shape[1] + 1), bool)
    for row in (0, 1):
        for column in (0, 1):
            cells[row : row + chosen.shape[0], column : column + chosen.shape[1]] |= chosen
    pixels = cells.repeat(cell, axis=0).repeat(cell, axis=1)[: shape[0], : shape[1]]
    inside = np.zeros(shape, bool)
    inside[: pixels.shape[0], : pixels.shape[1]] = pixels
    return inside


def has_extra_edges(one: np.ndarray, other: np.ndarray, inside: np.ndarray) -> bool:
    """Whether one of two pictures shows the edges of the other one, and more of its own."""
    fewer, more = sorted(edges_found(one, other, inside))
    return more >= MIN_FOUND_EDGES and more - fewer >= MIN_EXTRA_EDGES


def edges_found(one: np.ndarray, other: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    """Return the share of the strong edges of each picture that the other one shows as well.

    Parameters
    ----------
    one, other : float32, height x width
    inside : bool, the pixels that count

    Examples
    --------
    >>> noise = np.random.default_rng(0).integers(0, 100, (60, 80)).astype(np.float32)
    >>> plain = import_cv2().GaussianBlur(noise, (0, 0), 3) * 8
    >>> over = plain.copy()
    >>> over[10:20, 10:70:6] = 255  # a row of strokes
    >>> of_plain, of_both = edges_found(plain, over, np.ones(plain.shape, bool))
    >>> of_plain > 0.8 > of_both
    True
    """
    gradients = [_gradients(plane) for plane in (one, other)]
    shares = []
    for (x, y), (u, v) in (gradients, gradients[::-1]):
        x, y, u, v = (plane[inside] for plane in (x, y, u, v))
        strength = np.hypot(x, y)
        if not len(strength):
            return 0.0, 0.0
        strong = strength > max(MIN_EDGE, float(np.quantile(strength, 1 - STRONG_EDGES)))
        if np.count_nonzero(strong) < MIN_EDGES:
            return 0.0, 0.0
        x, y, u, v, strength = (values[strong] for values in (x, y, u, v, strength))
        together = x * u + y * v
        relative = together / strength**2
        usual = max(0.1, float(np.median(relative)))
        again = (together > MIN_EDGE_COSINE * strength * np.hypot(u, v)) & (
            relative > MIN_EDGE_STRENGTH * usual
        )
        shares.append(float(again.mean()))
    return shares[0], shares[1]


def _gradients(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much a plane, float32, changes across and down, eight times a pixel."""
    cv2 = import_cv2()
    smooth = cv2.GaussianBlur(plane, (0, 0), 0.7)
    return cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)


def is_of_drawn_pieces(
    one: np.ndarray, other: np.ndarray, inside: np.ndarray, equal: np.ndarray
) -> bool:
    """Whether most of what differs are pieces of few grey levels each, as stickers are.

    one, other : float32, height x width; inside : bool, the pixels that count; equal : bool, of
    these, which do not differ.
    """
    differ = np.zeros(inside.shape, np.uint8)
    differ[inside] = ~equal
    n, pieces, stats, _ = import_cv2().connectedComponentsWithStats(differ, connectivity=4)
    total = drawn = 0
    for piece in range(1, n):
        x, y, width, height, size = stats[piece]
        if size < MIN_PIECE_PIXELS:
            continue
        box = slice(y, y + height), slice(x, x + width)
        pixels = pieces[box] == piece
        total += size
        drawn += size * any(
            _share_of_bins(side[box][pixels], DRAWN_BINS) >= MIN_DRAWN_SHARE
            for side in (one, other)
        )
    return total > 0 and drawn >= MIN_DRAWN_PIECES * total


def _share_of_bins(levels: np.ndarray, n_bins: int) -> float:
    """Return the share of pixels, float32, in the commonest bins of 16 grey levels."""
    counts = np.sort(np.bincount(levels.clip(0, 255).astype(np.int64) >> 4, minlength=16))
    return float(counts[-n_bins:].sum() / len(levels))


def looks_drawn(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether pixels that differ are drawn in one picture: of few grey levels, or see-through."""
    if len(one) < 2:
        return True
    if any(_share_of_bins(side, DRAWN_BINS) >= MIN_DRAWN_SHARE for side in (one, other)):
        return True
    spread = float(one.std() * other.std())
    together = float(((one - one.mean()) * (other - other.mean())).mean())
    return not math.isclose(spread, 0) and together / spread >= MIN_THROUGH_CORRELATION

"""Two whole pictures that look the same when made small, though their details differ.

A thumbnail, a crude enlargement, a cartoon filter, few colours or a watermark in tiles change the
details everywhere, so that few blocks match. Four things together tell such a copy:

- its texture at 32 x 32 pixels, as method "tiny" sees it;
- the blocks of both pictures, blurred a little, and brought to one local contrast;
- the strong edges of one picture are in the other one, too;
- both frames lie exactly on each other. A second photograph is seldom framed so exactly, however
  much it looks the same when made small. Where it is, near things have moved a little: the details
  match as soon as the flow between both pictures is taken away. Those of a changed copy do not.

Where neither picture shows more than a tiny one would, the 32 x 32 pixels are all there is, and
method "tiny" decides from 90 percent up.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from PIL import Image

from ..engine.features import Features, import_cv2
from ..engine.tiny_pictures import tiny_distances
from ..engine.tiny_vectors import IN_PLACE, TINY_SIDE, texture_vectors, textures_of
from .agreement import NOTHING, Alignment, grids_of, refine, share_of, tell_once, warp_greys
from .bands import (
    MAX_COPY_RESIDUAL,
    MAX_IMPERFECT_SIMILARITY,
    MAX_SCENE_SIMILARITY,
    MAX_SLIGHT_SIMILARITY,
    MIN_CORRELATION,
    MIN_LARGE_BLOCKS,
    MIN_OVERLAP_OF_BOTH,
    MIN_SCENE_SIMILARITY,
    MIN_SURE_CORRELATION,
    STOP_SIMILARITY,
)
from .bent import compare_places, flow_between
from .filters import MAX_FINE_RATIO, fine_of, has_repeated_lines, shows_tiny
from .flat_areas import has_plain_edge
from .geometry import apply, frame_transform, largest_part, outline
from .overlays import edges_found

# pixels of the grey picture: texture is finer than the one blur and coarser than the other
FINEST_SIGMA, EVEN_SIGMA = 1.5, 8.0
EVEN_CONTRAST, ADDED_LEVELS = 35.0, 4.0  # grey levels: after; added, so that noise stays small
# pixels of the grey picture by which a corner may lie elsewhere
MAX_FRAME_SHIFT = 1.25
# mean of the cosine at 32 x 32 pixels and the correlation of blocks: from 70 percent on; from 80
# on; 89 and 95 percent
LIKENESSES = 0.78, 0.82, 0.92, 0.97
# cosine of a copy that has lost its detail, which its blocks cannot show: for the same percent
SOFT_COSINES = 0.92, 0.95, 0.965, 0.99
MAX_WHOLE_SIMILARITY = 95.0
# share of the edges of one picture that the other one shows: the least one, and where something in
# tiles lies over it for 70, 80 and 89 percent; then the least share of the other picture's edges
# and the least correlation of blocks
FOUND_EDGES = 0.65, 0.7, 0.9
MIN_FOUND_OF_OTHER, MIN_COVERED_CORRELATION = 0.3, 0.4
# of a second photograph with the same frame, in pixels of the grey picture: the median flow, made
# smooth; then the share of blocks that match surely, and their shift
MIN_FLOW, FLOW_WINDOW = 0.25, (11, 11)
MIN_EQUAL_DETAILS, MAX_EQUAL_SHIFT = 0.86, 0.2
# share of the blocks in the largest connected piece of blocks that do not correlate: with more, two
# pictures have a border or background in common, and something else in it
MAX_UNLIKE_SHARE, MIN_LIKE_CORRELATION = 0.15, 0.2
MIN_WHOLE_COSINE = 0.55  # cosine below which blocks need not be compared
WHOLES_REMEMBERED = 64  # pictures; the pairs of one picture follow each other


def align_wholes(first: Features, second: Features, view: int) -> Alignment:
    """Judge two whole pictures made small; `view` is that of the first one: see `frame_transform`.

    The similarity is at most 95, or 99 where the blocks match without a residual, and 70 where a
    picture shows a thing on a plain ground.
    """
    cosine = float(whole_vector(first, view) @ whole_vector(second, 0))
    if cosine < MIN_WHOLE_COSINE:
        return NOTHING
    straight = frame_transform(view, first.size, second.size)
    found = refine(even(first), even(second), straight, 0, MIN_OVERLAP_OF_BOTH)
    if found.transform is None or found.blocks is None:
        return NOTHING
    n_blocks = np.count_nonzero(~np.isnan(found.blocks))
    unlike = largest_part(found.blocks < MIN_LIKE_CORRELATION)
    if n_blocks < MIN_LARGE_BLOCKS or np.count_nonzero(unlike) > MAX_UNLIKE_SHARE * n_blocks:
        return NOTHING
    corners = outline(first.size)
    shift = float(np.abs(apply(found.transform, corners) - apply(straight, corners)).max())
    is_exact = shift <= MAX_FRAME_SHIFT * second.size[0] / second.grey.shape[1]
    correlation = float(np.nanmean(np.maximum(found.blocks, 0)))
    similarity = 0.0
    if is_exact:
        fewer, more = _edges_found(found, first, second)
        # other coins in one tray have other edges
        if more >= FOUND_EDGES[0]:
            similarity = _on_scale((cosine + correlation) / 2, LIKENESSES)
            if fewer >= MIN_FOUND_OF_OTHER and correlation >= MIN_COVERED_CORRELATION:
                similarity = max(similarity, _on_scale(more, FOUND_EDGES))
        if found.residual < MAX_COPY_RESIDUAL:
            similarity = max(similarity, min(found.similarity, MAX_IMPERFECT_SIMILARITY))
    fine = [fine_of(image) for image in (first, second)]
    if min(fine) < MAX_FINE_RATIO * max(fine) or any(
        tell_once(has_repeated_lines, image) for image in (first, second)
    ):
        # of the sharper picture, pixels were left out, or their means were taken
        sharp = int(fine[1] > fine[0])
        cosine = max(
            cosine,
            float(whole_vector(first, view, sharp == 0) @ whole_vector(second, 0, sharp == 1)),
        )
        most = MAX_WHOLE_SIMILARITY if is_exact else MAX_SLIGHT_SIMILARITY
        similarity = max(similarity, min(most, _on_scale(cosine, SOFT_COSINES)))
    if is_exact and shows_tiny(first) and shows_tiny(second):
        similarity = max(similarity, _tiny_similarity(first, second, view))
    if tell_once(has_plain_edge, first) or tell_once(has_plain_edge, second):
        similarity = min(similarity, MIN_SCENE_SIMILARITY)
    if similarity < MIN_SCENE_SIMILARITY or _has_moved(found, first, second):
        return NOTHING
    return replace(
        found,
        similarity=similarity,
        residual=0.0 if is_exact else found.residual,
        min_correlation=MIN_CORRELATION,
        doubt=0.0,
        treatment="whole",
    )


def _tiny_similarity(first: Features, second: Features, view: int) -> float:
    """Return what method "tiny" says of two pictures, at most 95; 0 where it is not sure."""
    pixels = [_turned_pixels(first, view), _turned_pixels(second, 0)]
    distance = tiny_distances(np.stack(pixels).reshape(2, 1, -1), np.array([0]), np.array([1]))
    percent = 100 * (1 - float(distance[0]))
    return min(percent, MAX_WHOLE_SIMILARITY) if percent >= STOP_SIMILARITY else 0.0


def _on_scale(value: float, limits: tuple[float, ...]) -> float:
    """Return the percent of a likeness or cosine; 0 if it is too low.

    Examples
    --------
    >>> [round(_on_scale(value, LIKENESSES)) for value in (0.77, 0.78, 0.82, 0.92, 1)]
    [0, 70, 80, 89, 95]
    """
    if value < limits[0]:
        return 0.0
    levels = [MIN_SCENE_SIMILARITY, MAX_SCENE_SIMILARITY + 1, MAX_SLIGHT_SIMILARITY]
    return float(np.interp(value, limits, [*levels, MAX_WHOLE_SIMILARITY][: len(limits)]))


def _edges_found(found: Alignment, first: Features, second: Features) -> tuple[float, float]:
    """Return the share of edges of each picture that the other one shows, the smaller one first."""
    planes = warp_greys(found, first, second)
    fewer, more = sorted(edges_found(*planes, np.ones(planes[0].shape, bool)))
    return fewer, more


def _has_moved(found: Alignment, first: Features, second: Features) -> bool:
    """Whether two pictures have equal details that are shifted a little, each by its own way."""
    from .warp_loops import warp

    cv2 = import_cv2()
    grey, there, back = grids_of(found, first, second)
    warped = np.rint(warp(grey, back, *there.shape)[0]).astype(np.uint8)
    flow = flow_between(there, warped)
    smooth = [cv2.blur(cv2.medianBlur(plane, 5), FLOW_WINDOW) for plane in cv2.split(flow)]
    if float(np.median(np.hypot(*smooth))) < MIN_FLOW:
        return False
    ys, xs = np.mgrid[0 : there.shape[0], 0 : there.shape[1]].astype(np.float32)
    places = np.dstack([back[k, 0] * xs + back[k, 1] * ys + back[k, 2] for k in (0, 1)])
    shift = np.dstack(smooth) @ back[:, :2].T
    blocks, off = compare_places(grey, there, (places + shift).astype(np.float32))
    matching = blocks >= MIN_CORRELATION
    return bool(
        matching.any()
        and share_of(blocks, MIN_SURE_CORRELATION) >= MIN_EQUAL_DETAILS
        and float(np.median(off[matching])) < MAX_EQUAL_SHIFT
    )


@lru_cache(8 * WHOLES_REMEMBERED)
def whole_vector(image: Features, view: int, sampled: bool = False) -> np.ndarray:
    """Return the texture of a picture at 32 x 32 pixels, turned, as a unit vector, float32.

    With `sampled`, pixels were left out to make it so small, instead of taking their means.
    """
    pixels = _turned_pixels(image, view, sampled)
    return texture_vectors(textures_of(pixels.reshape(1, -1)), IN_PLACE)[0, 0]


def _turned_pixels(image: Features, view: int, sampled: bool = False) -> np.ndarray:
    pixels = _tiny_pixels(image, sampled)
    return np.rot90(pixels[:, ::-1] if view >= 4 else pixels, view % 4)


@lru_cache(WHOLES_REMEMBERED)
def _tiny_pixels(image: Features, sampled: bool) -> np.ndarray:
    """Return a picture at 32 x 32 pixels in colour, uint8, 32 x 32 x 3."""
    cv2, size = import_cv2(), image.grey.shape[1::-1]
    colours = cv2.resize(image.colours, size, interpolation=cv2.INTER_LINEAR)
    picture = cv2.cvtColor(np.dstack([image.grey, colours]), cv2.COLOR_YCrCb2RGB)
    side = (TINY_SIDE, TINY_SIDE)
    how = Image.Resampling.NEAREST if sampled else Image.Resampling.HAMMING
    return np.asarray(Image.fromarray(picture).resize(side, how))


@lru_cache(WHOLES_REMEMBERED)
def even(image: Features) -> Features:
    """Return a picture without its finest detail and its coarse shade, of one local contrast."""
    cv2, grey = import_cv2(), image.grey.astype(np.float32)
    texture = cv2.GaussianBlur(grey, (0, 0), FINEST_SIGMA)
    texture -= cv2.GaussianBlur(grey, (0, 0), EVEN_SIGMA)
    contrast = np.sqrt(cv2.GaussianBlur(texture * texture, (0, 0), EVEN_SIGMA))
    levels = 128 + EVEN_CONTRAST * texture / (contrast + ADDED_LEVELS)
    return replace(image, grey=np.clip(np.rint(levels), 0, 255).astype(np.uint8))

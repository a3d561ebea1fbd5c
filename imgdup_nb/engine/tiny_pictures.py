"""Tiny pictures: 32 x 32 pixels of each, compared at the best of some shifts and zooms.

Icons, sprites and data sets of 32 pixels have too few pixels for local features. Their fingerprint
is the picture itself, 32 x 32 in colour. Fine differences from the surroundings, relative to the
local contrast, are its *texture*. The texture of the inner 26 x 26 pixels, without the highest
frequencies, is a vector. The similarity of two pictures is the cosine of the vector of one and that
of the other, moved by up to 2 pixels and zoomed by up to 12 %: the best of 75 places, both ways.

Most pairs need no such look. The lowest frequencies, at 9 places, give a *glance* of each pair by
blocks of matrix products. Where the glance is below `MIN_GLANCE`, the similarity is at most
`UNSEEN`. This is part of the definition, so the search is exact: `tiny_distances` gives the same
for each pair alone. Pictures whose coloured areas have other hues have 79 percent at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from PIL import Image
from threadpoolctl import threadpool_limits

from ..methods import TinyMethod, fingerprint_by, made_by
from .decode import UnreadableImage, no_decoder_warnings, open_image
from .hashing import turn_views
from .parallel import each, map_batches

TINY_SIDE = 32  # pixels of the picture that is kept
INNER_SIDE = 26  # pixels that are compared
TINY_DECODED = 2 * TINY_SIDE  # pixels; JPEG is decoded at least this large
RECIPE = 2  # of codes; scores depend on nothing else that is kept

# pixels: texture is the difference of two blurs; the local contrast is a blur, too
FINE_BLUR, COARSE_BLUR, CONTRAST_BLUR = 0.6, 2.0, 3.0
ADDED_CONTRAST = 6.0  # grey levels that are added to the local contrast, so that noise stays small
FLAT_PART = 0.05  # of the vector of a picture without texture, which is like any other without

MIN_GLANCE = 0.58
UNSEEN = 0.5  # the highest similarity below a glance of MIN_GLANCE
CELLS = 4  # a side: colours are compared as means of so many squares
MIN_CHROMA = 25.0  # grey levels from grey; paler cells have no hue that counts
MIN_HUE_COSINE = 0.6
OTHER_HUE = 0.79  # the highest similarity of pictures whose cells have other hues

GLANCE_BLOCK = 512  # pictures on each side of a block of products
LOOK_BATCH = 64  # pictures whose 75 vectors are in memory at once
MAX_GLANCED = 12_000_000  # pairs that wait for the 75 places


class Places(NamedTuple):
    """At which zooms and shifts (pixels, each way) a picture is compared, and how finely.

    `grey`, `colour`: frequencies that are kept on each side.
    """

    zooms: tuple[float, ...]
    shifts: tuple[float, ...]
    grey: int
    colour: int


LOOK = Places((1.0, 1.06, 1.12), (-2.0, -1.0, 0.0, 1.0, 2.0), grey=12, colour=6)
IN_PLACE = LOOK._replace(zooms=(1.0,), shifts=(0.0,))
GLANCE = Places((1.06,), (-1.5, 0.0, 1.5), grey=7, colour=3)
GLANCE_IN_PLACE = GLANCE._replace(zooms=(1.0,), shifts=(0.0,))


# -- a picture as codes ----------------------------------------------------------------------------


@made_by.register
def _(_method: TinyMethod) -> str:
    return f"32 x 32 pixels, recipe {RECIPE}"


@fingerprint_by.register
def _(
    method: TinyMethod, paths: Sequence[str], *, n_views: int, executor: Executor | None = None
) -> list[np.ndarray | str]:
    read = partial(each, partial(_read_pixels, n_views=n_views))
    with no_decoder_warnings():
        return list(map_batches(read, paths, executor=executor, describe=method.name))


def _read_pixels(path: str, *, n_views: int) -> np.ndarray | str:
    """Return the pixels of a picture, uint8, n_views x 3072, or the problem."""
    try:
        picture = open_image(path, min_side=TINY_DECODED)
    except UnreadableImage as error:
        return str(error)
    how = Image.Resampling.HAMMING if min(picture.size) >= TINY_SIDE else Image.Resampling.BICUBIC
    pixels = np.asarray(picture.convert("RGB").resize((TINY_SIDE, TINY_SIDE), how))
    return np.stack([view.ravel() for view in turn_views(pixels)[:n_views]])


# -- codes as vectors ------------------------------------------------------------------------------


def _blur_matrix(sigma: float) -> np.ndarray:
    """Return the matrix that blurs a line of pixels; beyond the ends the last pixel is repeated."""
    steps = np.arange(-4 * TINY_SIDE, 4 * TINY_SIDE + 1)
    weights = np.exp(-0.5 * (steps / sigma) ** 2)
    weights /= weights.sum()
    matrix = np.zeros((TINY_SIDE, TINY_SIDE))
    for row in range(TINY_SIDE):
        np.add.at(matrix[row], np.clip(row + steps, 0, TINY_SIDE - 1), weights)
    return matrix.astype(np.float32)


@lru_cache
def _blurs() -> tuple[np.ndarray, np.ndarray]:
    """Return the matrices of the texture and of the mean around."""
    return np.stack([_blur_matrix(FINE_BLUR), _blur_matrix(COARSE_BLUR)]), _blur_matrix(
        CONTRAST_BLUR
    )


def textures_of(pixels: np.ndarray) -> np.ndarray:
    """Return the texture of pictures, float32, n x 3 x 32 x 32: grey, then two colours.

    Parameters
    ----------
    pixels : uint8, n x 3072
    """
    (fine, coarse), around = _blurs()
    rgb = pixels.reshape(-1, TINY_SIDE, TINY_SIDE, 3).astype(np.float32).transpose(3, 0, 1, 2)
    red, green, blue = rgb
    grey, warm, rose = (red + green + blue), (red - blue), (red + blue - 2 * green)
    bands = np.stack([grey / 3**0.5, warm / 2**0.5, rose / 6**0.5], axis=1)
    texture = fine @ bands @ fine.T - coarse @ bands @ coarse.T
    contrast = around @ (texture**2).mean(axis=1) @ around.T
    return texture / (np.sqrt(contrast) + ADDED_CONTRAST)[:, None]


@lru_cache
def _samplings(places: Places, kept: int) -> np.ndarray:
    """Return matrices of a line of pixels -> frequencies, n_zooms x (n_shifts * kept) x 32."""
    steps = np.outer(np.arange(kept), 2 * np.arange(INNER_SIDE) + 1)
    cosines = np.sqrt(2 / INNER_SIDE) * np.cos(np.pi / (2 * INNER_SIDE) * steps)
    cosines[0] /= np.sqrt(2)
    middle, inner = (TINY_SIDE - 1) / 2, np.arange(INNER_SIDE) - (INNER_SIDE - 1) / 2
    zooms = []
    for zoom in places.zooms:
        rows = []
        for shift in places.shifts:
            at = middle + inner / zoom + shift
            left = np.minimum(at.astype(int), TINY_SIDE - 2)
            sampled = np.zeros((INNER_SIDE, TINY_SIDE))
            sampled[np.arange(INNER_SIDE), left] = 1 - (at - left)
            sampled[np.arange(INNER_SIDE), left + 1] = at - left
            rows.append(cosines @ sampled)
        zooms.append(np.concatenate(rows))
    return np.stack(zooms).astype(np.float32)


def texture_vectors(texture: np.ndarray, places: Places) -> np.ndarray:
    """Return the unit vectors of pictures at some places, float32, n x n_places x n_dimensions."""
    n, n_shifts = len(texture), len(places.shifts)
    parts = []
    for bands, kept in ((texture[:, :1], places.grey), (texture[:, 1:], places.colour)):
        matrices = _samplings(places, kept)
        found = matrices @ bands[:, :, None] @ matrices.transpose(0, 2, 1)
        found = found.reshape(n, -1, len(matrices), n_shifts, kept, n_shifts, kept)
        # picture, zoom, shift down, shift across; then band and two frequencies
        parts.append(found.transpose(0, 2, 3, 5, 1, 4, 6).reshape(n, -1, bands.shape[1] * kept**2))
    flat = np.full((*parts[0].shape[:2], 1), FLAT_PART, np.float32)
    joined = np.concatenate([*parts, flat], axis=2)
    return joined / np.sqrt((joined * joined).sum(axis=2, keepdims=True))


def _all_vectors(pixels: np.ndarray, places: Places) -> np.ndarray:
    """Return `texture_vectors` of many pictures, places first: n_places x n x n_dimensions."""
    n_places = len(places.zooms) * len(places.shifts) ** 2
    n_dimensions = places.grey**2 + 2 * places.colour**2 + 1
    found = np.empty((n_places, len(pixels), n_dimensions), np.float32)
    for start in range(0, len(pixels), GLANCE_BLOCK):
        some = texture_vectors(textures_of(pixels[start : start + GLANCE_BLOCK]), places)
        found[:, start : start + GLANCE_BLOCK] = some.transpose(1, 0, 2)
    return found


# -- pairs -----------------------------------------------------------------------------------------


def _view_pairs(n_views: int) -> list[tuple[int, int]]:
    """Return which view of one picture is compared with which of the other."""
    return [(0, 0), *((view, 0) for view in range(1, n_views)),
            *((0, view) for view in range(1, n_views))]  # fmt: skip


def find_tiny(
    left: np.ndarray, right: np.ndarray | None, max_distance: float
) -> Iterator[np.ndarray]:
    """Yield (row, column, 0) of the pairs within a distance, int64; some come several times.

    Parameters
    ----------
    left, right : uint8, n x n_views x 3072; `right` None compares `left` with itself
    max_distance : 1 - cosine
    """
    others = left if right is None else right
    pairs = _find_glanced(left, right) if 1 - max_distance > UNSEEN else _every_pair(left, right)
    for one, other, rows, columns in pairs:
        sides = TinySide(left[:, one], rows), TinySide(others[:, other], columns)
        # float32 finds a few too many; `tiny_distances` computes them again
        near = 1 - _cosines(*sides, np.float32) <= max_distance + 1e-4
        found = np.column_stack([rows[near], columns[near]]).astype(np.int64)
        if right is None:
            found = np.sort(found, axis=1)
        yield np.column_stack([found, np.zeros(len(found), np.int64)])


def _every_pair(
    left: np.ndarray, right: np.ndarray | None
) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """Yield two views, rows and columns; where `right` is None each pair once."""
    n = len(left if right is None else right)
    for one, other in _view_pairs(left.shape[1]):
        for start in range(0, len(left), GLANCE_BLOCK):
            rows, columns = np.indices((min(GLANCE_BLOCK, len(left) - start), n)).reshape(2, -1)
            rows += start
            kept = np.ones(len(rows), bool) if right is not None else rows < columns
            yield one, other, rows[kept], columns[kept]


def _find_glanced(
    left: np.ndarray, right: np.ndarray | None
) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """Yield two views, rows and columns of the pairs whose glance is high enough."""
    others = left if right is None else right
    for one, other in _view_pairs(left.shape[1]):
        within = right is None and one == other
        sides = _glances(left[:, one]), _glances(others[:, other])
        corners = [
            (row, column)
            for row in range(0, len(left), GLANCE_BLOCK)
            for column in range(row if within else 0, len(others), GLANCE_BLOCK)
        ]
        search = partial(each, partial(_glance_at_block, *sides, unordered=right is None))
        waiting: list[np.ndarray] = []
        with threadpool_limits(1, "blas"):  # our threads do not share their cores with others
            for found in map_batches(search, corners, describe="compare", size=1):
                if sum(map(len, waiting)) + len(found) > MAX_GLANCED:
                    yield one, other, *np.concatenate(waiting).T
                    waiting = []
                waiting.append(found)
        if waiting:
            yield one, other, *np.concatenate(waiting).T


def _glances(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors in place (1 x n x n_dimensions), and moved (9 x n x n_dimensions)."""
    return _all_vectors(pixels, GLANCE_IN_PLACE), _all_vectors(pixels, GLANCE)


def _glance_at_block(
    left: tuple[np.ndarray, np.ndarray],
    right: tuple[np.ndarray, np.ndarray],
    corner: tuple[int, int],
    *,
    unordered: bool,
) -> np.ndarray:
    """Return the pairs of one block whose glance is high enough, int32, n_found x 2."""
    rows, columns = (slice(start, start + GLANCE_BLOCK) for start in corner)
    best: np.ndarray | None = None
    product = None
    for one, other in ((left[0], right[1]), (left[1], right[0])):
        for a, b in np.ndindex(len(one), len(other)):
            product = np.matmul(one[a, rows], other[b, columns].T, out=product)
            best = product.copy() if best is None else np.maximum(best, product, out=best)
    assert best is not None  # there is at least one view
    found = (np.argwhere(best >= MIN_GLANCE - 1e-4) + corner).astype(np.int32)
    return found[found[:, 0] < found[:, 1]] if unordered else found


class TinySide(NamedTuple):
    """One picture of each pair: the place of its pixels (uint8, n x 3072)."""

    pixels: np.ndarray
    places: np.ndarray


def tiny_distances(
    codes: np.ndarray, rows: np.ndarray, columns: np.ndarray, others: np.ndarray | None = None
) -> np.ndarray:
    """Return 1 - similarity of pairs of rows, float64, rounded to 6 decimals.

    Parameters
    ----------
    codes, others : uint8, n x n_views x 3072
    rows, columns : places in `codes`, and in `others` or again in `codes`
    """
    others = codes if others is None else others
    best = np.full(len(rows), -1.0)
    for one, other in _view_pairs(codes.shape[1]):
        sides = TinySide(codes[:, one], rows), TinySide(others[:, other], columns)
        best = np.maximum(best, _cosines(*sides, np.float64))
    return np.maximum(np.round(1 - best, 6), 0.0)


def _cosines(one: TinySide, other: TinySide, kind: type) -> np.ndarray:
    """Return the similarity of each pair, -1 to 1."""
    found = _best_product(one, other, IN_PLACE, LOOK, kind)
    seen = np.flatnonzero(found > UNSEEN)
    some, others = (side._replace(places=side.places[seen]) for side in (one, other))
    missed = _best_product(some, others, GLANCE_IN_PLACE, GLANCE, kind) < MIN_GLANCE
    found[seen[missed]] = UNSEEN
    high = np.flatnonzero(found > OTHER_HUE)
    other_hue = _have_other_hues(*(side.pixels[side.places[high]] for side in (one, other)))
    found[high[other_hue]] = OTHER_HUE
    return found


def _have_other_hues(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Tell of each pair of pictures (uint8, n x 3072) whether coloured cells have other hues.

    Texture does not show the colour of flat areas, such as the ground of an icon.
    """
    n_pixels = TINY_SIDE // CELLS
    chroma = []
    for pixels in (one, other):
        cells = pixels.reshape(-1, CELLS, n_pixels, CELLS, n_pixels, 3).mean(axis=(2, 4))
        red, green, blue = cells.reshape(-1, CELLS**2, 3).transpose(2, 0, 1)
        chroma.append(np.stack([(red - blue) / 2**0.5, (red + blue - 2 * green) / 6**0.5], axis=2))
    lengths = [np.sqrt((values**2).sum(axis=2)) for values in chroma]
    coloured = (lengths[0] >= MIN_CHROMA) & (lengths[1] >= MIN_CHROMA)
    together = (chroma[0] * chroma[1]).sum(axis=2, where=coloured[..., None]).sum(axis=1)
    return together < MIN_HUE_COSINE * (lengths[0] * lengths[1]).sum(axis=1, where=coloured)


def _best_product(
    one: TinySide, other: TinySide, upright: Places, places: Places, kind: type
) -> np.ndarray:
    """Return the best product of one picture in place and the other one moved, both ways."""
    best: np.ndarray = np.empty((2, len(one.places)), kind)
    with threadpool_limits(1, "blas"):
        for found, still, moved in zip(best, (one, other), (other, one), strict=True):
            kept, rows = np.unique(still.places, return_inverse=True)
            fixed = _all_vectors(still.pixels[kept], upright)[0].astype(kind)
            # each picture that moves is read once: its pairs are looked at together
            order = np.argsort(moved.places, kind="stable")
            pictures, starts = np.unique(moved.places[order], return_index=True)
            parts = [
                (moved.pixels[pictures[first : first + LOOK_BATCH]], np.split(pairs, cuts))
                for first, pairs, cuts in _cut_looks(order, starts)
            ]
            look = partial(each, partial(_look_batch, fixed, rows, places=places))
            for (_, pairs), values in zip(parts, map_batches(look, parts, size=1), strict=True):
                found[np.concatenate(pairs)] = values
    return best.max(axis=0)


def _cut_looks(
    order: np.ndarray, starts: np.ndarray
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield of each batch of pictures: the first, its pairs, and where those of the next begin."""
    for first in range(0, len(starts), LOOK_BATCH):
        begins = starts[first : first + LOOK_BATCH]
        end = starts[first + LOOK_BATCH] if first + LOOK_BATCH < len(starts) else len(order)
        yield first, order[begins[0] : end], begins[1:] - begins[0]


def _look_batch(
    fixed: np.ndarray,
    rows: np.ndarray,
    part: tuple[np.ndarray, list[np.ndarray]],
    *,
    places: Places,
) -> np.ndarray:
    """Return the best product of each pair of some pictures that move."""
    pixels, pairs = part
    turned = texture_vectors(textures_of(pixels), places).astype(fixed.dtype)
    best = [
        (fixed[rows[some]] @ vector.T).max(axis=1)
        for vector, some in zip(turned, pairs, strict=True)
    ]
    return np.concatenate(best)

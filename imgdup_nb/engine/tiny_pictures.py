"""Tiny pictures: 32 x 32 pixels of each, compared at the best of some shifts and zooms.

Icons, sprites and data sets of 32 pixels have too few pixels for local features. Their fingerprint
is the picture itself, 32 x 32 in colour. Fine differences from the surroundings, relative to the
local contrast, are its *texture*. The texture of the inner 26 x 26 pixels, without the highest
frequencies, is a vector. The similarity of two pictures is the cosine of the vector of one and that
of the other, moved by up to 2 pixels and zoomed by up to 12 %: the best of 75 places, both ways.

A picture of 16 pixels that is moved by 2 of them has moved by 4 pixels here. Two pictures that were
enlarged from at most 20 pixels (`were_enlarged`) are compared on the inner 24 x 24 pixels, moved by
up to 4 pixels, without the frequencies that compression has changed: the best of 243 places. As
that is higher by chance, too, a distance counts for 1.25 times as much.

Most pairs need no such look. The lowest frequencies, at few places, give a *glance* of each pair by
blocks of matrix products. Where the glance is below `MIN_GLANCE`, the similarity is at most
`UNSEEN`. This is part of the definition, so the search is exact: `tiny_distances` gives the same
for each pair alone. Pictures whose coloured areas have other hues have 79 percent at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import NamedTuple

import numpy as np
from PIL import Image
from threadpoolctl import threadpool_limits

from ..methods import TinyMethod, fingerprint_by, made_by
from .decode import UnreadableImage, no_decoder_warnings, open_image
from .hashing import turn_views
from .parallel import each, map_batches
from .tiny_vectors import (
    COARSE_LOOKS,
    ENLARGED_BY,
    FINE_LOOKS,
    TINY_SIDE,
    Looks,
    Places,
    all_vectors,
    texture_vectors,
    textures_of,
    were_enlarged,
)

TINY_DECODED = 2 * TINY_SIDE  # pixels; JPEG is decoded at least this large
RECIPE = 2  # of codes; scores depend on nothing else that is kept

MIN_GLANCE = 0.58
UNSEEN = 0.5  # the highest similarity below a glance of MIN_GLANCE
CELLS = 4  # a side: colours are compared as means of so many squares
MIN_CHROMA = 25.0  # grey levels from grey; paler cells have no hue that counts
MIN_HUE_COSINE = 0.6
OTHER_HUE = 0.79  # the highest similarity of pictures whose cells have other hues

GLANCE_BLOCK = 512  # pictures on each side of a block of products
LOOK_BATCH = 64  # pictures whose 75 vectors are in memory at once
MAX_GLANCED = 12_000_000  # pairs that wait for the 75 places


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
    how = Image.Resampling.HAMMING if min(picture.size) >= TINY_SIDE else ENLARGED_BY
    pixels = np.asarray(picture.convert("RGB").resize((TINY_SIDE, TINY_SIDE), how))
    return np.stack([view.ravel() for view in turn_views(pixels)[:n_views]])


# -- pairs -----------------------------------------------------------------------------------------


def _view_pairs(n_views: int) -> list[tuple[int, int]]:
    """Return which view of one picture is compared with which of the other."""
    return [(0, 0), *((view, 0) for view in range(1, n_views)),
            *((0, view) for view in range(1, n_views))]  # fmt: skip


class TinyViews(NamedTuple):
    """Pictures in one view: uint8, n x 3072, and whether each was enlarged."""

    pixels: np.ndarray
    coarse: np.ndarray


def _views_of(codes: np.ndarray, some: np.ndarray | None = None) -> list[TinyViews]:
    """Return codes, n x n_views x 3072, view by view; `some`: the places that will be asked for.

    A turned picture is as coarse as before.
    """
    some = np.arange(len(codes)) if some is None else np.unique(some)
    coarse = np.zeros(len(codes), bool)
    coarse[some] = were_enlarged(codes[some, 0])
    return [TinyViews(codes[:, view], coarse) for view in range(codes.shape[1])]


def find_tiny(
    left: np.ndarray, right: np.ndarray | None, max_distance: float
) -> Iterator[np.ndarray]:
    """Yield (row, column, 0) of the pairs within a distance, int64; some come several times.

    Parameters
    ----------
    left, right : uint8, n x n_views x 3072; `right` None compares `left` with itself
    max_distance : 1 - cosine
    """
    views = _views_of(left)
    others = views if right is None else _views_of(right)
    pairs = (
        _find_glanced(views, None if right is None else others)
        if 1 - max_distance > UNSEEN
        else _every_pair(left, right)
    )
    for one, other, rows, columns in pairs:
        sides = TinySide(views[one], rows), TinySide(others[other], columns)
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
    left: list[TinyViews], right: list[TinyViews] | None
) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """Yield two views, rows and columns of the pairs whose glance is high enough."""
    others = left if right is None else right
    for looks in (FINE_LOOKS, COARSE_LOOKS):
        rows, columns = (
            np.flatnonzero(views[0].coarse | (looks is FINE_LOOKS)) for views in (left, others)
        )
        for one, other in _view_pairs(len(left)):
            some = left[one].pixels[rows], others[other].pixels[columns]
            is_within = right is None and one == other
            for found in _glance_at_pairs(*some, looks.glance, is_within, unordered=right is None):
                yield one, other, rows[found[:, 0]], columns[found[:, 1]]


def _glance_at_pairs(
    left: np.ndarray, right: np.ndarray, glance: Places, is_within: bool, *, unordered: bool
) -> Iterator[np.ndarray]:
    """Yield the pairs whose glance is high enough, int32, n_found x 2."""
    one, other = (
        (all_vectors(pixels, glance.still), all_vectors(pixels, glance)) for pixels in (left, right)
    )
    corners = [
        (row, column)
        for row in range(0, len(left), GLANCE_BLOCK)
        for column in range(row if is_within else 0, len(right), GLANCE_BLOCK)
    ]
    search = partial(each, partial(_glance_at_block, one, other, unordered=unordered))
    waiting: list[np.ndarray] = []
    with threadpool_limits(1, "blas"):  # our threads do not share their cores with others
        for found in map_batches(search, corners, describe="compare", size=1):
            if sum(map(len, waiting)) + len(found) > MAX_GLANCED:
                yield np.concatenate(waiting)
                waiting = []
            waiting.append(found)
    if waiting:
        yield np.concatenate(waiting)


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
    """One picture of each pair: its place among the pictures."""

    views: TinyViews
    places: np.ndarray

    def of(self, some: np.ndarray) -> TinySide:
        """Return the side of some of the pairs."""
        return self._replace(places=self.places[some])

    @property
    def coarse(self) -> np.ndarray:
        """Whether the picture of each pair was enlarged."""
        return self.views.coarse[self.places]

    @property
    def pixels(self) -> np.ndarray:
        """The picture of each pair, uint8, n_pairs x 3072."""
        return self.views.pixels[self.places]


def tiny_distances(
    codes: np.ndarray, rows: np.ndarray, columns: np.ndarray, others: np.ndarray | None = None
) -> np.ndarray:
    """Return 1 - similarity of pairs of rows, float64, rounded to 6 decimals.

    Parameters
    ----------
    codes, others : uint8, n x n_views x 3072
    rows, columns : places in `codes`, and in `others` or again in `codes`
    """
    if others is None:
        views = other_views = _views_of(codes, np.concatenate([rows, columns]))
    else:
        views, other_views = _views_of(codes, rows), _views_of(others, columns)
    best = np.full(len(rows), -1.0)
    for one, other in _view_pairs(len(views)):
        sides = TinySide(views[one], rows), TinySide(other_views[other], columns)
        best = np.maximum(best, _cosines(*sides, np.float64))
    return np.maximum(np.round(1 - best, 6), 0.0)


def _cosines(one: TinySide, other: TinySide, kind: type) -> np.ndarray:
    """Return the similarity of each pair, -1 to 1."""
    found: np.ndarray = np.empty(len(one.places), kind)
    coarse = one.coarse & other.coarse
    for looks, some in ((FINE_LOOKS, ~coarse), (COARSE_LOOKS, coarse)):
        found[some] = _look_at(one.of(some), other.of(some), looks, kind)
    high = np.flatnonzero(found > OTHER_HUE)
    other_hue = _have_other_hues(one.of(high).pixels, other.of(high).pixels)
    found[high[other_hue]] = OTHER_HUE
    return found


def _look_at(one: TinySide, other: TinySide, looks: Looks, kind: type) -> np.ndarray:
    """Return the cosine of each pair at its best place, at most `UNSEEN` below `MIN_GLANCE`."""
    found = _best_product(one, other, looks.look, kind)
    seen = np.flatnonzero(found > UNSEEN)
    missed = _best_product(one.of(seen), other.of(seen), looks.glance, kind) < MIN_GLANCE
    found[seen[missed]] = UNSEEN
    return 1 - kind(looks.distances) * (1 - found)


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


def _best_product(one: TinySide, other: TinySide, places: Places, kind: type) -> np.ndarray:
    """Return the best product of one picture in place and the other one moved, both ways."""
    best: np.ndarray = np.empty((2, len(one.places)), kind)
    with threadpool_limits(1, "blas"):
        for found, still, moved in zip(best, (one, other), (other, one), strict=True):
            kept, rows = np.unique(still.places, return_inverse=True)
            fixed = all_vectors(still.views.pixels[kept], places.still)[0].astype(kind)
            # each picture that moves is read once: its pairs are looked at together
            order = np.argsort(moved.places, kind="stable")
            pictures, starts = np.unique(moved.places[order], return_index=True)
            parts = [
                (moved.views.pixels[pictures[first : first + LOOK_BATCH]], np.split(pairs, cuts))
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

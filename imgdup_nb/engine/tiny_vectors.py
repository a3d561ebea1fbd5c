"""A tiny picture as vectors: its texture at some shifts and zooms, without high frequencies.

Fine differences from the surroundings, relative to the local contrast, are the *texture* of a
picture of 32 x 32 pixels. The inner pixels, moved and zoomed, are the samples of a vector.

A picture of 16 pixels that is moved by 2 of them has moved by 4 pixels here. Pictures that were
enlarged from at most 20 pixels (`were_enlarged`) are moved further, and frequencies that
compression changes at that size are left out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image

TINY_SIDE = 32  # pixels of the picture that is kept
ENLARGED_BY = Image.Resampling.BICUBIC  # where a picture has fewer
ENLARGED_FROM = range(16, 21)  # pixels; a smaller picture has no more detail than such a one
MAX_NOT_ENLARGED = 0.01  # of the squared detail: the part that no enlarged picture has
COARSEST = 4  # frequencies a side that are no detail

# pixels: texture is the difference of two blurs; the local contrast is a blur, too
FINE_BLUR, COARSE_BLUR, CONTRAST_BLUR = 0.6, 2.0, 3.0
ADDED_CONTRAST = 6.0  # grey levels that are added to the local contrast, so that noise stays small
FLAT_PART = 0.05  # of the vector of a picture without texture, which is like any other without
VECTOR_BLOCK = 512  # pictures whose texture is in memory at once


class Places(NamedTuple):
    """At which zooms and shifts (pixels, each way) a picture is compared, and how finely.

    `inner`: pixels a side that are compared. `grey`, `colour`: frequencies that are kept on each
    side.
    """

    zooms: tuple[float, ...]
    shifts: tuple[float, ...]
    inner: int
    grey: int
    colour: int

    @property
    def still(self) -> Places:
        """The one place of a picture that is not moved."""
        return self._replace(zooms=(1.0,), shifts=(0.0,))


class Looks(NamedTuple):
    """The places of the glance at a pair, and those that give its similarity.

    `distances`: what distances are multiplied by. The best of more places is higher by chance.
    """

    glance: Places
    look: Places
    distances: float = 1.0


FINE_LOOKS = Looks(
    glance=Places((1.06,), (-1.5, 0.0, 1.5), inner=26, grey=7, colour=3),
    look=Places((1.0, 1.06, 1.12), (-2.0, -1.0, 0.0, 1.0, 2.0), inner=26, grey=12, colour=6),
)
# of two pictures that were enlarged; a border of one of their pixels is outside of the glance
COARSE_LOOKS = Looks(
    glance=Places((1.06,), (-3.0, -1.5, 0.0, 1.5, 3.0), inner=22, grey=7, colour=3),
    look=Places((1.0, 1.06, 1.12), tuple(map(float, range(-4, 5))), inner=24, grey=10, colour=5),
    distances=1.25,
)
IN_PLACE = FINE_LOOKS.look.still


# -- pictures that were enlarged -----------------------------------------------------------------


@lru_cache
def _enlarged_lines() -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the coarsest frequencies of a line of pixels, and what fewer pixels can become.

    Orthonormal columns: 32 x COARSEST; and for each n of `ENLARGED_FROM` 32 x n.
    """
    steps = np.outer(2 * np.arange(TINY_SIDE) + 1, np.arange(COARSEST))
    waves = np.cos(np.pi / (2 * TINY_SIDE) * steps)
    points = [Image.fromarray(np.eye(n, dtype=np.float32)) for n in ENLARGED_FROM]
    lines = [np.asarray(point.resize((TINY_SIDE, point.width), ENLARGED_BY)).T for point in points]
    coarsest, *enlarged = (np.linalg.qr(line.astype(np.float64))[0] for line in (waves, *lines))
    return coarsest, enlarged


def were_enlarged(pixels: np.ndarray) -> np.ndarray:
    """Tell of each picture (uint8, n x 3072) whether it had at most 20 pixels a side before.

    All its rows and columns are lines that so few pixels become. Those of a blurred picture are,
    too.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> noise = [random.integers(0, 256, (side, side), dtype=np.uint8) for side in (16, 20, 24, 32)]
    >>> enlarged = [Image.fromarray(small).resize((32, 32), ENLARGED_BY) for small in noise]
    >>> pixels = np.stack([np.asarray(large.convert("RGB")).ravel() for large in enlarged])
    >>> were_enlarged(pixels)
    array([ True,  True, False, False])
    """
    coarsest, lines = _enlarged_lines()
    enlarged = np.empty(len(pixels), bool)
    for start in range(0, len(pixels), VECTOR_BLOCK):
        some = slice(start, start + VECTOR_BLOCK)
        rgb = pixels[some].reshape(-1, TINY_SIDE, TINY_SIDE, 3)
        grey = (rgb @ np.ones(3, np.float32)).astype(np.float64)
        energy = _sum_squares(grey)
        detail = energy - _sum_squares(coarsest.T @ grey @ coarsest)
        lost = [
            energy - np.max([_sum_squares(turned @ columns) for columns in lines], axis=0)
            for turned in (grey, grey.transpose(0, 2, 1))
        ]
        enlarged[some] = np.maximum(*lost) <= MAX_NOT_ENLARGED * detail + 1
    return enlarged


def _sum_squares(planes: np.ndarray) -> np.ndarray:
    return np.einsum("nij,nij->n", planes, planes)


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
    side = places.inner
    steps = np.outer(np.arange(kept), 2 * np.arange(side) + 1)
    cosines = np.sqrt(2 / side) * np.cos(np.pi / (2 * side) * steps)
    cosines[0] /= np.sqrt(2)
    middle, inner = (TINY_SIDE - 1) / 2, np.arange(side) - (side - 1) / 2
    zooms = []
    for zoom in places.zooms:
        rows = []
        for shift in places.shifts:
            at = middle + inner / zoom + shift
            left = np.minimum(at.astype(int), TINY_SIDE - 2)
            sampled = np.zeros((side, TINY_SIDE))
            sampled[np.arange(side), left] = 1 - (at - left)
            sampled[np.arange(side), left + 1] = at - left
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


def all_vectors(pixels: np.ndarray, places: Places) -> np.ndarray:
    """Return `texture_vectors` of many pictures, places first: n_places x n x n_dimensions."""
    n_places = len(places.zooms) * len(places.shifts) ** 2
    n_dimensions = places.grey**2 + 2 * places.colour**2 + 1
    found = np.empty((n_places, len(pixels), n_dimensions), np.float32)
    for start in range(0, len(pixels), VECTOR_BLOCK):
        some = texture_vectors(textures_of(pixels[start : start + VECTOR_BLOCK]), places)
        found[:, start : start + VECTOR_BLOCK] = some.transpose(1, 0, 2)
    return found

"""The colours of two aligned pictures: which blocks that are equal in grey have another colour.

A copy may have lost a share of its colour, or be toned as a whole. Something else in another colour
is not a copy: its pair is in the scene band.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..engine.features import PIXELS_A_COLOUR, Features, import_cv2
from .agreement import Alignment, share_of
from .bands import MAX_IMPERFECT_SIMILARITY, MAX_SCENE_SIMILARITY
from .geometry import compose, determinant, frame_transform, from_pixels, invert, to_pixels


class ColourGrids(NamedTuple):
    """How the colours of one picture are read on the grid of the colours of another one.

    Attributes
    ----------
    source, target : the picture that is read, and the one with the grid
    onto : float64, 2 x 3, from source to target in pixels of their `Features.size`
    size : (width, height) to which the planes are made smaller first
    pixels : float64, 2 x 3, the transform from these pixels to those of the grid
    """

    source: Features
    target: Features
    onto: np.ndarray
    size: tuple[int, int]
    pixels: np.ndarray


def colour_grids(left: Features, right: Features, transform: np.ndarray, frame: str) -> ColourGrids:
    """Return how the colours of two pictures are compared.

    Parameters
    ----------
    transform
        from left to right, in pixels of their `Features.size`.
    frame : {'left', 'right'}
        the picture whose grid the blocks are.
    """
    source, target, onto = (
        (left, right, transform) if frame == "right" else (right, left, invert(transform))
    )
    height, width = source.colours.shape[:2]
    smaller = min(1.0, math.sqrt(abs(determinant(onto))))
    size = max(1, round(width * smaller)), max(1, round(height * smaller))
    pixels = compose(
        from_pixels(source.size, size[::-1]),
        onto,
        to_pixels(target.size, target.colours.shape[:2]),
    )
    return ColourGrids(source, target, onto, size, pixels)


def judge_colours(found: Alignment, grids: ColourGrids) -> Alignment:
    """Judge an alignment again by its colours: blocks of another colour do not match.

    A pair may differ only in its colours, such as a blue and a red shirt. It has at least the
    similarity of two photographs of one scene.
    """
    from .warp_loops import similarity_of

    blocks = found.blocks
    if blocks is None or found.similarity <= MAX_SCENE_SIMILARITY:
        return found
    agreeing = blocks >= found.min_correlation
    other, same = compare_colours(grids, agreeing, found.cell)
    if not same:
        found = replace(found, similarity=min(found.similarity, MAX_IMPERFECT_SIMILARITY))
    if not other.any():
        return found
    left_over = np.where(other, np.float32(0), blocks)
    similarity = max(
        similarity_of(share_of(left_over, found.min_correlation), found.residual, found.doubt),
        similarity_of(share_of(blocks, found.min_correlation), found.residual, 1.0),
    )
    recoloured = 100 * np.count_nonzero(other) / np.count_nonzero(agreeing)
    return replace(found, similarity=similarity, blocks=left_over, recoloured=recoloured)


# levels of chroma; strong compression and clipped highlights change a block by less
MIN_OTHER_COLOUR_DISTANCE = 30.0
MAX_SAME_COLOUR_DISTANCE = 10.0  # levels of chroma, the mean of all blocks
MIN_RECOLOURED_SHARE = 0.05  # of the blocks of a whole picture
MAX_COLOURLESS_CHROMA = 8.0  # levels, root mean square; a picture below has no colours
# of one hue: the square of the mean colour is more than this share of the mean square
MIN_ONE_HUE_SHARE = 0.75
PICTURES_REMEMBERED = 256  # their colours; the pairs of one picture follow each other
MIN_KEPT_COLOUR = 0.5  # share of its colours; a copy that has kept less is at most 99 %


def have_other_colours(left: Features, right: Features) -> bool:
    """Whether two whole pictures, placed on each other, have other colours in some part.

    Examples
    --------
    >>> from PIL import Image
    >>> from imgdup_nb.engine.features import aligned_features
    >>> names = ("#c00000", "#4040f0", "grey")
    >>> red, blue, grey = (aligned_features(Image.new("RGB", (40, 30), name)) for name in names)
    >>> have_other_colours(red, blue), have_other_colours(red, grey)
    (True, False)
    """
    rows, columns = right.colours.shape[:2]
    frame_on_frame = frame_transform(0, left.size, right.size)
    blocks = np.ones((rows - 1, columns - 1), bool)
    grids = colour_grids(left, right, frame_on_frame, "right")
    other, _ = compare_colours(grids, blocks, PIXELS_A_COLOUR)
    return other.size > 0 and float(other.mean()) > MIN_RECOLOURED_SHARE


def compare_colours(grids: ColourGrids, agreeing: np.ndarray, cell: int) -> tuple[np.ndarray, bool]:
    """Compare the colours of the blocks that match in grey.

    Parameters
    ----------
    agreeing : bool, rows x columns
    cell
        pixels of the grey picture from one block to the next; a block is twice as wide.

    Returns
    -------
    other : bool, rows x columns
        which of these blocks have another colour.
    same : bool
        whether both pictures have the same colours, or nearly none. False if one is much paler, or
        if all colours differ a little.

    Notes
    -----
    The paler picture may have lost the same share of its colour everywhere. A block that is further
    than `MIN_OTHER_COLOUR_DISTANCE` from that has another colour. If one picture has a single hue
    and the other has several, the first was toned, as sepia is. The colours are then not the same,
    but no single block has another colour.
    """
    from .colour_loops import block_distances

    other = np.zeros_like(agreeing)
    off, kept, toned = block_distances(
        warp_planes(chroma_of(grids.source), grids),
        chroma_of(grids.target),
        agreeing,
        cell // PIXELS_A_COLOUR,
        MAX_COLOURLESS_CHROMA,
        MIN_ONE_HUE_SHARE,
    )
    if not len(off):
        return other, not toned
    if off.max() > MIN_OTHER_COLOUR_DISTANCE:
        other[agreeing] = off > MIN_OTHER_COLOUR_DISTANCE
    return other, kept >= MIN_KEPT_COLOUR and float(off.mean()) <= MAX_SAME_COLOUR_DISTANCE


def is_of_one_hue(colours: np.ndarray, strength: float) -> bool:
    """Whether colours, n x 2, are nearly all their mean; `strength` is the sum of their squares."""
    from .colour_loops import square_of_mean

    return square_of_mean(colours) > MIN_ONE_HUE_SHARE * strength / len(colours)


@lru_cache(PICTURES_REMEMBERED)
def chroma_of(image: Features) -> np.ndarray:
    """Return the colours of a picture, float32; 0 is grey."""
    return image.colours.astype(np.float32) - np.float32(128)


def warp_planes(planes: np.ndarray, grids: ColourGrids) -> np.ndarray:
    """Warp planes of the source onto the grid of the target, float32.

    The planes continue beyond their edges.
    """
    cv2 = import_cv2()
    if planes.shape[1::-1] != grids.size:
        planes = cv2.resize(planes, grids.size, interpolation=cv2.INTER_AREA)
    return cv2.warpAffine(
        planes,
        grids.pixels,
        grids.target.colours.shape[1::-1],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )

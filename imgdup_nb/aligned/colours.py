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


class AlignedColours(NamedTuple):
    """The mean colours of the blocks of two aligned pictures.

    Attributes
    ----------
    source, target : the picture that is warped, and the one that has the grid of the blocks
    warped, there : float32, rows x columns x 3; brightness, Cr and Cb of source and target
    covered : bool, rows x columns; whether both pictures show the block
    """

    source: Features
    target: Features
    warped: np.ndarray
    there: np.ndarray
    covered: np.ndarray


def align_colours(
    left: Features,
    right: Features,
    transform: np.ndarray,
    frame: str,
    shape: tuple[int, int],
    cell: int,
) -> AlignedColours:
    """Return the colours of all blocks of two aligned pictures.

    Parameters
    ----------
    transform
        from left to right, in pixels of their `Features.size`.
    frame : {'left', 'right'}
        the picture whose grid the blocks are.
    shape
        rows and columns of the blocks.
    cell
        pixels of the grey picture from one block to the next; a block is twice as wide.
    """
    from .colour_loops import mean_warped_blocks

    source, target, back = (
        (left, right, invert(transform)) if frame == "right" else (right, left, transform)
    )
    planes = planes_of(source)
    height, width = planes.shape[:2]
    # of a picture that is shown smaller, interpolation would skip most squares
    smaller = min(1.0, 1 / math.sqrt(abs(determinant(back))))
    size = max(1, round(width * smaller)), max(1, round(height * smaller))
    if size != (width, height):
        planes = import_cv2().resize(planes, size, interpolation=import_cv2().INTER_AREA)
    squares = compose(
        from_pixels(target.size, target.colours.shape[:2]),
        back,
        to_pixels(source.size, planes.shape[:2]),
    )
    n = cell // PIXELS_A_COLOUR
    warped, covered = mean_warped_blocks(planes, squares, *shape, n)
    return AlignedColours(source, target, warped, _blocks_of(target, *shape, n), covered)


def judge_colours(found: Alignment, colours: AlignedColours) -> Alignment:
    """Judge an alignment again by its colours: blocks of another colour do not match.

    A pair may differ only in its colours, such as a blue and a red shirt. It has at least the
    similarity of two photographs of one scene.
    """
    blocks = found.blocks
    if blocks is None or found.similarity <= MAX_SCENE_SIMILARITY:
        return found
    agreeing = blocks >= found.min_correlation
    other, same = compare_colours(colours, agreeing)
    if not same:
        found = replace(found, similarity=min(found.similarity, MAX_IMPERFECT_SIMILARITY))
    if not other.any():  # most pairs
        return found
    from .warp_loops import similarity_of

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
    colours = align_colours(left, right, frame_on_frame, "right", blocks.shape, PIXELS_A_COLOUR)
    other, _ = compare_colours(colours, blocks)
    return other.size > 0 and float(other.mean()) > MIN_RECOLOURED_SHARE


def compare_colours(colours: AlignedColours, agreeing: np.ndarray) -> tuple[np.ndarray, bool]:
    """Compare the colours of the blocks that match in grey.

    agreeing : bool, rows x columns

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
        colours.warped, colours.there, agreeing, MAX_COLOURLESS_CHROMA, MIN_ONE_HUE_SHARE
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
def planes_of(image: Features) -> np.ndarray:
    """Return brightness, Cr and Cb of a picture for each square of its colours, float32.

    Cr and Cb are less 128, so that grey is 0.
    """
    cv2, (height, width) = import_cv2(), image.colours.shape[:2]
    planes = np.empty((height, width, 3), np.float32)
    planes[..., 0] = cv2.resize(image.grey, (width, height), interpolation=cv2.INTER_AREA)
    planes[..., 1:] = image.colours.astype(np.float32) - np.float32(128)
    return planes


@lru_cache(PICTURES_REMEMBERED)
def _blocks_of(image: Features, rows: int, columns: int, n: int) -> np.ndarray:
    """Return the mean colours of the blocks of a picture, as `mean_blocks` does."""
    from .colour_loops import mean_blocks

    return mean_blocks(planes_of(image), rows, columns, n)

"""Where two pictures agree in grey -> whether they do in colour, too: a shirt in blue and in red are one in grey.

A copy may have lost its colours, or some of them, or have been toned; what it has must still be of the hues of the original.
"""

from __future__ import annotations

import math

import numpy as np

from .features import PIXELS_A_COLOUR, Features, import_cv2
from .transforms import determinant, invert, lay_frame, then, to_pixels

OTHER_COLOUR = 30.0  # levels of chroma; strong compression and clipped highlights change a block by less
SAME_COLOUR = 10.0  # levels of chroma, the mean of all blocks
MATTERS = 0.05  # of the blocks of a whole picture
COLOURLESS = 8.0  # levels of chroma, root mean square
ONE_HUE = 0.75  # of the mean square of all colours that is the square of their mean
FADED = 0.5  # of its colours; a copy that has kept less is not all that the original is


def have_other_colours(left: Features, right: Features) -> bool:
    """Whether a part of two pictures that matters, laid on each other frame on frame, is of other colours.

    Examples
    --------
    >>> from PIL import Image
    >>> from imgdup_nb.local.features import aligned_features
    >>> red, blue, grey = (aligned_features(Image.new("RGB", (40, 30), name)) for name in ("#c00000", "#4040f0", "grey"))
    >>> have_other_colours(red, blue), have_other_colours(red, grey)
    (True, False)
    """
    rows, columns = right.colours.shape[:2]
    frame_on_frame = lay_frame(0, left.size, right.size)
    blocks = np.ones((rows - 1, columns - 1), bool)
    other, _ = compare_colours(left, right, frame_on_frame, "right", blocks, PIXELS_A_COLOUR)
    return other.size > 0 and float(other.mean()) > MATTERS


def compare_colours(
    left: Features, right: Features, transform: np.ndarray, frame: str, agreeing: np.ndarray, cell: int
) -> tuple[np.ndarray, bool]:
    """Compare the colours of the blocks that agree in grey.

    Parameters
    ----------
    transform
        from left to right, in pixels of their `Features.size`.
    frame : {'left', 'right'}
        the picture whose grid the blocks are.
    agreeing : bool, rows x columns
    cell
        pixels of the grey picture from one block to the next; a block is twice as wide.

    Returns
    -------
    other : bool, rows x columns; which of these blocks are of another colour
    same : whether both have the same colours, or next to none; not where one is much paler, or all are somewhat off

    Notes
    -----
    The paler picture may have lost the same share of its colour everywhere; what is further than `OTHER_COLOUR` from that is of
    another colour. Where it is all of one hue and the other is not, it was toned, as sepia is: nothing of its colour was kept.
    """
    from .colour_loops import distances, mean_blocks, sum_products

    other = np.zeros_like(agreeing)
    source, target, onto = (left, right, transform) if frame == "right" else (right, left, invert(transform))
    n = cell // PIXELS_A_COLOUR
    pale, rich = mean_blocks(_lay(source, target, onto), agreeing, n), mean_blocks(_chroma(target), agreeing, n)
    strength, most = sum_products(pale, pale), sum_products(rich, rich)
    if strength > most:
        pale, rich, strength, most = rich, pale, most, strength
    if most <= COLOURLESS**2 * len(rich):
        return other, True
    if _is_of_one_hue(pale, strength) and not _is_of_one_hue(rich, most):
        return other, False
    kept = max(0.0, sum_products(pale, rich) / most)
    off = distances(pale, rich, kept)
    other[agreeing] = off > OTHER_COLOUR
    return other, kept >= FADED and float(off.mean()) <= SAME_COLOUR


def _is_of_one_hue(colours: np.ndarray, strength: float) -> bool:
    """Whether colours, n x 2, whose squares have a sum, are mostly their mean."""
    from .colour_loops import square_of_mean

    return square_of_mean(colours) > ONE_HUE * strength / len(colours)


def _chroma(image: Features) -> np.ndarray:
    """Return the colours of a picture, float32, 0 where there is none."""
    return image.colours.astype(np.float32) - np.float32(128)


def _lay(source: Features, target: Features, onto: np.ndarray) -> np.ndarray:
    """Return the colours of a picture as they lie on another, float32, as many as that has."""
    cv2 = import_cv2()
    colours = _chroma(source)
    smaller = min(1.0, math.sqrt(abs(determinant(onto))))
    size = [max(1, round(side * smaller)) for side in colours.shape[1::-1]]
    colours = cv2.resize(colours, size, interpolation=cv2.INTER_AREA)
    there = target.colours.shape
    pixels = then(invert(to_pixels(source.size, colours.shape)), onto, to_pixels(target.size, there))
    return cv2.warpAffine(colours, pixels, there[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

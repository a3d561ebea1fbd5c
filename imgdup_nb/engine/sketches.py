"""The small square that the hash methods look at, and a memory of the last ones.

A grey sketch of a JPEG is decoded from its brightness alone, which makes a scan fast. Only
`colorhash` and the choice of keepers read a sketch in colour.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from .cache import ByteCache
from .decode import open_image, readable
from .files import read_status

SKETCH_SIDE = 64  # pixels
DECODE_SIDE = (
    128  # decoded at least this large before it becomes a sketch, so that reduction does not alias
)

SketchKey = tuple[str, int, int, str]  # path, bytes, time of change, mode


def sketch_image(pixels: np.ndarray) -> np.ndarray:
    """Squash a picture to the square that the hash methods look at.

    uint8, height x width (x 3 for RGB) -> uint8, 64 x 64 (x 3)
    """
    # what is very large is first averaged by whole pixels, which still leaves 16 for each of the
    # square
    down, across = (max(1, side // (16 * SKETCH_SIDE)) for side in pixels.shape[:2])
    small = (
        np.asarray(Image.fromarray(pixels).reduce((across, down)))
        if max(down, across) > 1
        else pixels
    )
    if small.ndim == 2:
        return _squash(small)
    return np.dstack([_squash(small[:, :, band]) for band in range(small.shape[2])])


def _squash(band: np.ndarray) -> np.ndarray:
    from .shrink import shrink_pixels

    # numba compiles once more for what may not be written to, as Pillow's pixels
    return shrink_pixels(
        band if band.flags.carray else np.array(band, order="C"), SKETCH_SIDE, SKETCH_SIDE
    )


def read_sketch(path: str, mode: str = "L") -> np.ndarray:
    """Return an image's sketch, the upright picture squashed to a square: uint8, 64 x 64.

    With mode "RGB" 64 x 64 x 3.

    Raises
    ------
    UnreadableImage
        if it cannot be shown.
    """
    with readable():
        size, modified, _regular = read_status(path)
    stamp = (path, size, modified, mode)
    known = sketches.get(stamp)
    if known is None:
        known = sketch_image(np.asarray(open_image(path, min_side=DECODE_SIDE, mode=mode)))
        if (
            sketches.has_room()
        ):  # else one pass over many files would drop each just before it is asked for
            sketches.keep(stamp, known)
    return known


# the sketches made last, so that a table and its fingerprints share one decode; 61,000 grey ones
sketches: ByteCache[SketchKey, np.ndarray] = ByteCache(250_000_000, lambda sketch: sketch.nbytes)

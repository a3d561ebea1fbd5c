"""The small square that the hash methods look at, and a memory of all that were made.

The last ones are in memory, older ones in a temporary file, so that no picture is decoded twice. A
grey sketch of a JPEG is decoded from its brightness alone, which makes a scan fast. Only
`colorhash` and the choice of keepers read a sketch in colour.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections import OrderedDict
from functools import cache
from typing import IO, Any

import numpy as np
from PIL import Image

from .decode import UnreadableImage, open_image, readable
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
    small = pixels
    if max(pixels.shape[:2]) >= 32 * SKETCH_SIDE:
        down, across = (max(1, side // (16 * SKETCH_SIDE)) for side in pixels.shape[:2])
        small = np.asarray(Image.fromarray(pixels).reduce((across, down)))
    if small.ndim == 2:
        return _squash(small)
    return np.dstack([_squash(small[:, :, band]) for band in range(small.shape[2])])


def _squash(band: np.ndarray) -> np.ndarray:
    # numba compiles once more for what may not be written to, as Pillow's pixels
    return shrink_loops().shrink_pixels(
        band if band.flags.carray else np.array(band, order="C"), SKETCH_SIDE, SKETCH_SIDE
    )


@cache
def shrink_loops() -> Any:
    """Return the module `shrink`: imported late, since numba takes long."""
    from . import shrink

    return shrink


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
        sketches.keep(stamp, known)
    return known


def known_sketch(path: str, mode: str = "L") -> np.ndarray | None:
    """Return an image's sketch if it was made before and the file is as it was; else None."""
    try:
        with readable():
            size, modified, _regular = read_status(path)
    except UnreadableImage:
        return None
    return sketches.get((path, size, modified, mode))


class SketchMemory:
    """Sketches by key: the last ones in memory, older ones in a temporary file.

    Threads may share it. The file is in the folder of `tempfile.gettempdir()`, has no name where
    the system allows that, and is gone when the process ends. A process that was forked does not
    use the file of its parent.

    Parameters
    ----------
    max_bytes
        of the sketches in memory.
    spare
        bytes that the file leaves free on its disk; on a fuller disk older sketches are forgotten.

    Examples
    --------
    >>> memory = SketchMemory(max_bytes=1, spare=0)
    >>> memory.keep(("a.jpg", 9, 9, "L"), np.full((2, 2), 7, np.uint8))
    >>> memory.get(("a.jpg", 9, 9, "L")).tolist(), memory.n_bytes
    ([[7, 7], [7, 7]], 0)
    """

    def __init__(self, max_bytes: int, spare: int) -> None:
        self.max_bytes, self.spare = max_bytes, spare
        self.n_bytes = 0  # in memory
        self._values: OrderedDict[SketchKey, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._forget_file()

    def __len__(self) -> int:
        return len(self._values) + len(self._places)

    def get(self, key: SketchKey) -> np.ndarray | None:
        """Return the sketch of a key, None if it is not there."""
        with self._lock:
            return self._values[key] if key in self._values else self._read(key)

    def keep(self, key: SketchKey, sketch: np.ndarray) -> None:
        """Remember a sketch."""
        with self._lock:
            if key in self._values:
                self.n_bytes -= self._values.pop(key).nbytes
            self._values[key] = sketch
            self.n_bytes += sketch.nbytes
            while self.n_bytes > self.max_bytes:
                oldest, value = self._values.popitem(last=False)
                self.n_bytes -= value.nbytes
                self._write(oldest, value)

    def forget(self) -> None:
        """Forget all sketches."""
        with self._lock:
            self._values.clear()
            self.n_bytes = 0
            self._forget_file()

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()

    def _forget_file(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None
        self._places: dict[SketchKey, tuple[int, tuple[int, ...]]] = {}
        self._end, self._checked = 0, 0  # bytes in the file, and up to where there is room for it
        self._owner = os.getpid()

    def _read(self, key: SketchKey) -> np.ndarray | None:
        place, shape = self._places.get(key, (0, ()))
        if not shape or self._file is None or self._owner != os.getpid():
            return None
        self._file.seek(place)
        n_bytes = int(np.prod(shape))
        found = self._file.read(n_bytes)
        return np.frombuffer(found, np.uint8).reshape(shape) if len(found) == n_bytes else None

    def _write(self, key: SketchKey, sketch: np.ndarray) -> None:
        """Move a sketch to the file, or forget it where the disk is full."""
        if self._owner != os.getpid():  # the parent's file has one position for both
            self._forget_file()
        try:
            if self._file is None:
                temporary = tempfile.TemporaryFile
                self._file = temporary(prefix="imgdup_nb-", buffering=0)  # `forget` closes it
            if self._end >= self._checked:
                self._checked = self._end + CHECK_EVERY
                if shutil.disk_usage(tempfile.gettempdir()).free < CHECK_EVERY + self.spare:
                    self._checked = self._end
                    return
            if key not in self._places:
                self._file.seek(self._end)
                if self._file.write(sketch.tobytes()) == sketch.nbytes:
                    self._places[key] = self._end, sketch.shape
                    self._end += sketch.nbytes
        except OSError:  # no such folder, or no room
            self._places.pop(key, None)


CHECK_EVERY = 2**24  # bytes written between two looks at how full the disk is

# a table and its fingerprints share one decode; 61,000 grey ones are in memory
sketches = SketchMemory(250_000_000, spare=10**9)

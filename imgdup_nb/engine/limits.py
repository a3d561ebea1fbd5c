"""How much memory and time one file may take, and all threads together.

The memory that a picture takes is worked out from its header, before a decoder sees it. With the
default of `max_pixels` it is 0.8 GB at most, so that the process stays below 1 GB. That limits the
time, too. Two kinds of file have limits of their own. They are a JPEG with very many passes over
its pixels, and the formats that Pillow decodes in Python.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageFile

from .jpeg import JpegFrame, count_scans
from .modes import AVERAGED, LARGE
from .profiles import changes_colours

MAX_PIXELS = 250_000_000  # the largest phone cameras make 200 million
BYTES_A_PIXEL = 3.2  # times max_pixels: the bytes that one file may take
MAX_BYTES_TOGETHER = 1_600_000_000  # of all threads of this process that decode at the same time
SMALL_COST = 64_000_000  # bytes; what takes less does not wait for others
MAX_BLOCK_VISITS = 500_000_000  # blocks of a JPEG times its scans: about 4 seconds
MAX_PYTHON_PIXELS = 8_000_000  # of a format that is decoded in Python: about 8 seconds
MAX_FRAMES = 100_000  # pages or frames that are counted
WORK_BYTES = 16 * LARGE // 4  # what turning a band, or a small picture, into 8 bits may take

# bytes that a decoder takes for each pixel, besides the picture that it makes: measured
DECODER_BYTES = {"WEBP": 12, "AVIF": 12, "HEIF": 12, "JPEG2000": 4}
PIXEL_BYTES = {"1": 1, "L": 1, "P": 1}  # in Pillow's memory; 2 for 16 bits of grey, 4 for all else


def picture_bytes(mode: str, width: int, height: int) -> int:
    """Return the memory that Pillow takes for a picture: each row is filled up to four bytes.

    Examples
    --------
    >>> picture_bytes("RGB", 100, 10), picture_bytes("L", 1, 1000)
    (4080, 12000)
    """
    pixel = 2 if mode.startswith("I;16") else PIXEL_BYTES.get(mode, 4)
    return height * (8 + (width * pixel + 3) // 4 * 4)


def decoding_bytes(
    image: ImageFile.ImageFile, frame: JpegFrame | None, min_side: int | None, mode: str
) -> int:
    """Return the memory that decoding an opened picture takes at most, about.

    Parameters
    ----------
    image
        opened and drafted, not yet decoded.
    frame
        of a JPEG.
    min_side, mode
        as for `as_seen`.
    """
    width, height = image.size
    stored = picture_bytes(image.mode, width, height)
    factor = max(1, min(width, height) // min_side) if min_side else 1
    is_reduced = image.mode in AVERAGED or width * height > LARGE
    shown = (
        picture_bytes(mode, -(-width // factor), -(-height // factor))
        if is_reduced
        else picture_bytes(mode, width, height)
    )
    if image.mode == mode and factor == 1 and not changes_colours(image):
        shown = 0
    work = min(16 * width * height, WORK_BYTES)
    return stored + shown + work + _decoder_bytes(image, frame)


def _decoder_bytes(image: ImageFile.ImageFile, frame: JpegFrame | None) -> int:
    pixels = image.size[0] * image.size[1]
    if frame is not None:
        return frame.n_bytes
    if image.format == "TIFF":
        return _strip_bytes(image)
    per_pixel = DECODER_BYTES.get(image.format or "", 0)
    if image.format == "JPEG2000":
        per_pixel *= len(image.getbands())
    return per_pixel * pixels


def _strip_bytes(image: ImageFile.ImageFile) -> int:
    """Return the bytes of a strip or tile of a TIFF, which libtiff unpacks as a whole."""
    tags = getattr(image, "tag_v2", {})
    width, height = image.size
    across = tags.get(322) or width
    down = min(tags.get(323) or tags.get(278) or height, 2**32)
    bits = tags.get(258) or (8,)
    n_bits = max(bits) if isinstance(bits, tuple) else bits
    return (
        int(across) * min(int(down), max(height, 1 << 16)) * int(tags.get(277) or 1) * n_bits // 8
    )


def is_slow(image: ImageFile.ImageFile, frame: JpegFrame | None) -> bool:
    """Tell whether an opened picture would take more than about ten seconds to decode."""
    if frame is not None:
        if not frame.in_scans or image.fp is None:
            return False
        position = image.fp.tell()
        n_scans = count_scans(image.fp)
        image.fp.seek(position)
        return n_scans * frame.n_blocks > MAX_BLOCK_VISITS
    in_python = any(tile[0] in Image.DECODERS for tile in image.tile)
    return in_python and image.size[0] * image.size[1] > MAX_PYTHON_PIXELS


class _Budget:
    """Bytes that threads share: who needs many waits until others have given theirs back."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes, self.in_use = max_bytes, 0
        self._changed = threading.Condition()

    @contextmanager
    def reserved(self, n_bytes: int) -> Iterator[None]:
        """Hold bytes for a while; who needs more than there are gets all of them, alone."""
        if n_bytes < SMALL_COST:
            yield
            return
        wanted = min(n_bytes, self.max_bytes)
        with self._changed:
            self._changed.wait_for(lambda: self.in_use + wanted <= self.max_bytes)
            self.in_use += wanted
        try:
            yield
        finally:
            with self._changed:
                self.in_use -= wanted
                self._changed.notify_all()


budget = _Budget(MAX_BYTES_TOGETHER)

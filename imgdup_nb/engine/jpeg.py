"""What the header of a JPEG says, and JPEGs that are read without Pillow.

libjpeg-turbo is called directly where the header allows it: it gives Pillow's very bytes in less
time and in one turn of the interpreter's lock. All other JPEGs are left to Pillow.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Set
from typing import IO, NamedTuple

import numpy as np

from .modes import reduced_grey

try:
    import simplejpeg
except ImportError:  # a system without a wheel of it: Pillow reads every JPEG, more slowly
    simplejpeg = None

START_OF_SCAN = 0xDA  # the marker
# baseline, extended, progressive: the frames that libjpeg-turbo can decode smaller
SCALABLE_FRAMES = {0xC0, 0xC1, 0xC2}
PROGRESSIVE_FRAMES = {0xC2, 0xC6, 0xCA, 0xCE}
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# JFIF, a comment, two kinds of tables, the restart interval
PLAIN_MARKERS = {0xE0, 0xFE, 0xDB, 0xC4, 0xDD}
HARMLESS_MARKERS = PLAIN_MARKERS | set(range(0xE1, 0xF0))  # and what applications add, such as EXIF
MODES_OF_JPEG = {"YCbCr": "RGB", "Gray": "L"}
IS_JFIF = re.compile(rb"\xff\xd8\xff\xe0\0[\x10-\xff]JFIF\0")  # how nearly every JPEG begins
USUAL_SAMPLINGS = {b"\x11", *(bytes([one, 17, 17]) for one in (0x11, 0x12, 0x21, 0x22, 0x41))}
BLOCK = 64  # pixels
MAX_PLAIN_BYTES, MAX_PLAIN_SCANS = 64_000_000, 64  # what asks for more is judged with all others
PIECE = 2**20  # bytes read at a time


class JpegFrame(NamedTuple):
    """What the first frame of a JPEG says.

    Attributes
    ----------
    kind
        the marker of the frame.
    width, height
        pixels.
    channels
    is_orderly
        whether nothing in the header keeps it from being read without Pillow.
    samplings
        a byte for each channel: how often it is sampled across and down.
    in_scans
        whether a channel comes in several parts, so that all blocks stay in memory until the end.
    """

    kind: int
    width: int
    height: int
    channels: int
    is_orderly: bool
    samplings: bytes = b""
    in_scans: bool = False

    @property
    def n_blocks(self) -> int:
        """The blocks of 8 x 8 pixels, of all channels together."""
        return _count_blocks(self.width, self.height, self.samplings)

    @property
    def n_bytes(self) -> int:
        """Memory that its blocks take while it is decoded, besides its pixels."""
        return 2 * BLOCK * self.n_blocks if self.in_scans else 0


def read_jpeg_frame(file: IO[bytes], markers: Set[int] = HARMLESS_MARKERS) -> JpegFrame | None:
    """Read the header of a JPEG up to its first scan; None where no frame stands before it.

    libjpeg-turbo decodes some kinds of JPEG, such as lossless ones, at full size even if it is
    asked for less. It then writes beyond a buffer that was made for less. So the kind is read here,
    before any decoder is asked for a smaller size. Bytes between segments are skipped as libjpeg
    skips them. A frame is orderly if there are no such bytes and every other segment is one of
    `markers`. It must also be the only one, of 8 bits a channel, and one that is decoded smaller.
    """
    kind, body, is_orderly = -1, b"", file.read(2) == b"\xff\xd8"
    while len(head := file.read(4)) >= 2:  # a marker and, mostly, the length of its segment
        marker = head[1]
        if head[0] != 0xFF or marker in (0x00, 0xFF):
            is_orderly = False
            file.seek(1 - len(head), os.SEEK_CUR)
            continue
        if marker == START_OF_SCAN:
            if kind < 0:
                return None
            in_first = file.read(1)  # how many channels the first scan holds
            height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
            in_scans = kind in PROGRESSIVE_FRAMES or in_first != body[5:6]
            samplings = body[7 : 6 + 3 * min(body[5], 4) : 3]
            return JpegFrame(kind, width, height, body[5], is_orderly, samplings, in_scans)
        if marker == 0x01 or 0xD0 <= marker <= 0xD9:  # these have no length
            is_orderly = False
            file.seek(2 - len(head), os.SEEK_CUR)
            continue
        length = int.from_bytes(head[2:], "big")
        if marker in FRAMES:
            found = file.read(max(length - 2, 0))
            is_whole = len(found) >= 6 and found[0] == 8 and length == 8 + 3 * found[5]
            is_orderly = is_orderly and is_whole and kind < 0 and marker in SCALABLE_FRAMES
            if kind < 0 and len(found) >= 6:
                kind, body = marker, found
            continue
        if marker not in markers or length < 2:
            is_orderly = False
        file.seek(max(length - 2, 0), os.SEEK_CUR)
    return None


def _count_blocks(width: int, height: int, samplings: bytes) -> int:
    """Return the blocks of all channels, of which each says how often it is sampled."""
    steps = [(max(one >> 4, 1), max(one & 15, 1)) for one in samplings] or [(1, 1)]
    widest, tallest = (max(sides) for sides in zip(*steps, strict=True))
    across, down = -(-width // (8 * widest)), -(-height // (8 * tallest))
    return sum(across * wide * down * tall for wide, tall in steps)


def count_scans(file: IO[bytes]) -> int:
    """Return how many scans a JPEG has, at most: a thumbnail inside it counts, too."""
    file.seek(0)
    count, last = 0, b""
    while piece := file.read(PIECE):
        count += (last + piece).count(b"\xff\xda")
        last = piece[-1:]
    return count


def decode_grey(stored: bytes | memoryview, width: int, height: int) -> np.ndarray | None:
    """Decode the brightness of a JPEG in one of the sizes it can be decoded in.

    None where Pillow has to judge. Only for a JPEG whose frame is orderly.
    """
    grey = _decode(stored, width, height, "GRAY")
    return None if grey is None else grey[:, :, 0]


def decode_rgb(stored: bytes | memoryview, width: int, height: int) -> np.ndarray | None:
    """Decode the colours of a JPEG: uint8, height x width x 3; else as `decode_grey`."""
    return _decode(stored, width, height, "RGB")


def _decode(
    stored: bytes | memoryview, width: int, height: int, colorspace: str
) -> np.ndarray | None:
    if simplejpeg is None:
        return None
    size = {"min_width": width, "min_height": height}
    try:
        found = simplejpeg.decode_jpeg(
            stored, colorspace, fastdct=False, fastupsample=False, **size
        )
    except Exception:  # damaged, perhaps only a little; or sampled as simplejpeg does not know
        return None
    return found if found.shape[:2] == (height, width) else None


class PlainJpeg(NamedTuple):
    """A JPEG that holds a picture and nothing else: no EXIF, no profile, no second picture.

    Attributes
    ----------
    mode : {'RGB', 'L'}
    width, height : pixels
    grey : uint8, height x width of what it was decoded at; as of `grey_as_seen`
    """

    mode: str
    width: int
    height: int
    grey: np.ndarray


def read_plain_jpeg(
    stored: bytes, *, min_side: int, max_pixels: int = 250_000_000
) -> PlainJpeg | None:
    """Read a JPEG without Pillow, or return None for what Pillow has to judge.

    Pillow's reading of the header is the most Python of a scan, and threads wait for one another
    while Python runs.
    """
    if simplejpeg is None or not stored.startswith(b"\xff\xd8"):
        return None
    frame = read_jpeg_frame(io.BytesIO(stored), PLAIN_MARKERS)
    if frame is None or not frame.is_orderly or frame.n_bytes > MAX_PLAIN_BYTES:
        return None
    mode, width, height = _mode_of(stored, frame), frame.width, frame.height
    # as Pillow's draft takes it
    share = next((share for share in (8, 4, 2) if min(width, height) // min_side >= share), 1)
    small = -(-width // share), -(-height // share)
    if (
        mode is None
        or small[0] * small[1] > max_pixels
        or (frame.in_scans and stored.count(b"\xff\xda") > MAX_PLAIN_SCANS)
    ):
        return None
    grey = decode_grey(stored, *small)
    if grey is None:
        return None
    return PlainJpeg(mode, width, height, reduced_grey(grey, min_side))


def _mode_of(stored: bytes, frame: JpegFrame) -> str | None:
    """Return the mode of a plain JPEG, None for what Pillow has to judge."""
    if frame.samplings in USUAL_SAMPLINGS and IS_JFIF.match(stored):
        return "RGB" if frame.channels == 3 else "L"  # JFIF has brightness and colour, or grey
    try:
        height, width, colors, _subsampling = simplejpeg.decode_jpeg_header(stored)
    except Exception:  # as in decode_grey
        return None
    return MODES_OF_JPEG.get(colors) if (width, height) == (frame.width, frame.height) else None

"""RAW files of cameras: known by their structure, and shown.

They are shown by the largest JPEG inside of them, which every camera writes. Where the package
rawpy is installed, LibRaw decodes them. A JPEG of a RAW file is the same shot, developed.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from typing import IO, Any, NamedTuple

import numpy as np
from PIL import Image, TiffImagePlugin

from .jpeg import SCALABLE_FRAMES, read_jpeg_frame
from .selection import RAW_SUFFIXES

# how RAW files begin that are no TIFF
RAW_STARTS = (b"FUJIFILMCCD-RAW", b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"FOVb", b"\0MRM")
CANON_STARTS = {b"ftypcrx ": 4, b"HEAPCCDR": 6}  # and where in the file
TIFF_STARTS = (b"II*\0", b"MM\0*")
SENSOR_VALUES = {32803, 34892}  # PhotometricInterpretation: a colour filter array, LinearRaw
MAX_FOLDERS = 100  # image file directories of a file that are read
MAX_PREVIEWS = 5000  # JPEGs inside a file that are looked at; tiles of a DNG are JPEGs, too
MAX_RAW_BYTES = 400_000_000  # of a file that is searched for a preview
MAX_RAW_PIXELS = 60_000_000  # that LibRaw decodes: it takes some 13 bytes for each


RAW = "raw"  # where an opened preview keeps its RawFile


class RawFile(NamedTuple):
    """What is known of a RAW file.

    Attributes
    ----------
    width, height
        of the sensor's picture as it is stored, 0 if unknown.
    source
        the path, or the open file.
    exif
        its own EXIF entries; a preview has few of them.
    """

    width: int = 0
    height: int = 0
    source: Any = None
    exif: Image.Exif | None = None


def raw_of(file: IO[bytes], name: str = "") -> RawFile | None:
    """Return what is known of a RAW file, None if it is none.

    Parameters
    ----------
    file
        open, at any place.
    name
        of the file: its suffix decides where the structure does not tell.
    """
    file.seek(0)
    head = file.read(16)
    if is_raw_start(head):
        return RawFile()
    if not head.startswith(TIFF_STARTS):
        return None
    is_raw, size = head[8:10] == b"CR", (0, 0)
    for folder in _folders_of(file, head[:8]):
        is_sensor = folder.get(262) in SENSOR_VALUES
        is_raw = is_raw or is_sensor or 50706 in folder  # DNGVersion
        if is_sensor:
            size = max(size, (_number(folder.get(256)), _number(folder.get(257))))
    is_named = os.path.splitext(name.lower())[1] in RAW_SUFFIXES
    return RawFile(*size) if is_raw or is_named else None


def is_raw_start(head: bytes) -> bool:
    """Tell whether a file that is no TIFF begins as a RAW file does."""
    return head.startswith(RAW_STARTS) or any(
        head[place : place + len(start)] == start for start, place in CANON_STARTS.items()
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _folders_of(file: IO[bytes], head: bytes) -> Iterator[dict[int, object]]:
    """Yield the tags of each directory of a TIFF, also of those below another."""
    first = TiffImagePlugin.ImageFileDirectory_v2(head)
    waiting: list[Any] = [first.next]
    seen: set[Any] = set()
    while waiting and len(seen) < MAX_FOLDERS:
        place = waiting.pop()
        if not place or place in seen:
            continue
        seen.add(place)
        tags = TiffImagePlugin.ImageFileDirectory_v2(head)
        try:
            file.seek(place)
            tags.load(file)
            folder = {tag: tags[tag] for tag in (256, 257, 262, 330, 50706) if tag in tags}
        except Exception:  # damaged: what comes before tells enough
            continue
        yield folder
        below = folder.get(330, ())
        waiting += [tags.next, *(below if isinstance(below, tuple) else (below,))]


@cache
def has_rawpy() -> bool:
    """Tell whether RAW files can be decoded here."""
    return find_spec("rawpy") is not None


def decode_raw(known: RawFile, min_side: int | None) -> Image.Image | None:
    """Decode a RAW file by LibRaw, upright; at half its size where that is enough.

    None if it is not installed, cannot read the file, or would take too much memory.
    """
    if not has_rawpy():
        return None
    import rawpy

    source = known.source
    if not isinstance(source, str | os.PathLike):
        source.seek(0)
    try:
        with rawpy.imread(source if hasattr(source, "read") else os.fspath(source)) as raw:
            return _developed(raw, min_side)
    except (rawpy.LibRawError, OSError, ValueError):
        return None


def _developed(raw: Any, min_side: int | None) -> Image.Image | None:
    sizes = raw.sizes
    if sizes.raw_width * sizes.raw_height > MAX_RAW_PIXELS:
        return None
    is_half = bool(min_side) and min(sizes.width, sizes.height) // 2 >= (min_side or 0)
    pixels = raw.postprocess(use_camera_wb=True, half_size=is_half, output_bps=8)
    return Image.fromarray(np.ascontiguousarray(pixels))


def find_preview(file: IO[bytes]) -> bytes:
    """Return the largest JPEG inside a RAW file, empty if there is none."""
    file.seek(0)
    stored = file.read(MAX_RAW_BYTES)
    view = memoryview(stored)
    best, place, size = -1, -1, 0
    for _ in range(MAX_PREVIEWS):
        place = stored.find(b"\xff\xd8\xff", place + 1)
        if place < 0:
            break
        frame = read_jpeg_frame(io.BytesIO(view[place : place + 100_000]))
        if frame and frame.kind in SCALABLE_FRAMES and frame.width * frame.height > size:
            best, size = place, frame.width * frame.height
    return bytes(view[best:]) if best >= 0 else b""

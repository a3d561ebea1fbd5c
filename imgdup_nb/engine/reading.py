"""One file -> a row of the `images` table, and its sketches, which become fingerprints.

Each file is read and decoded once.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from ..methods import N_VIEWS, pack_bits
from .addresses import name_in_address
from .damage import find_remarks
from .decode import (
    MAX_PIXELS,
    UnreadableImage,
    grey_as_seen,
    is_lying,
    open_lazily,
    read_plain_jpeg,
    readable,
)
from .files import NOT_KNOWN, ONE_READ, _File, open_bytes, read_bytes, read_status
from .formats import HAS_HEIF, is_heic, may_be_picture
from .frames import MAX_FRAMES, count_frames
from .hashing import hash_sketches, sketch_mode
from .paths import read_digest
from .raw import RAW
from .sketches import DECODE_SIDE, SKETCH_SIDE, read_sketch, shrink_loops, sketch_image


@dataclass(frozen=True)
class Reading:
    """All that one look at a file gives, made by `read_batch`.

    Attributes
    ----------
    row
        a row of the `images` table as a dict; `modified` in nanoseconds since 1970, `problem` not
        empty if it failed.
    codes
        of each method, uint64, n_views x n_words; empty where there is a problem.
    """

    row: dict[str, Any]
    codes: dict[str, np.ndarray]


def read_batch(
    files: Sequence[tuple[str, str]],
    *,
    methods: Sequence[str] = ("phash",),
    orientations: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> list[Reading]:
    """Read each file once, for its table row and the codes of several hash methods.

    The codes and the row are those of `scan_images` and `fingerprint_images`. With
    `functools.partial` it is a function for `map_batches`; picklable, so any executor can run it.
    Only `colorhash` needs a second decode, in colour.

    Parameters
    ----------
    files : (image name, path) of each
    methods : names of hash methods
    orientations : 8 views instead of 1
    max_pixels : see `scan_images`
    """
    modes = sorted({"L", *map(sketch_mode, methods)})
    read = [_read_file(image, path, modes, max_pixels) for image, path in files]
    stacks = {
        mode: _stack_sketches([sketches[mode] for _, sketches in read if sketches])
        for mode in modes
    }
    n_views = N_VIEWS if orientations else 1
    codes = {
        method: iter(pack_bits(hash_sketches(stacks[sketch_mode(method)], method, n_views)))
        for method in methods
    }
    return [
        Reading(row, {method: next(codes[method]) for method in methods} if sketches else {})
        for row, sketches in read
    ]


def _read_file(
    image: str, path: str, modes: list[str], max_pixels: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return a file's row and its sketch in each mode; if there is a problem, no sketches."""
    row, sketch = describe_file(image, path, max_pixels=max_pixels)
    if sketch is None:
        return row, {}
    try:
        return row, {mode: sketch if mode == "L" else read_sketch(path, mode) for mode in modes}
    except UnreadableImage as error:  # it vanished in between
        return {**row, "problem": str(error)}, {}


def _stack_sketches(made: list[np.ndarray]) -> np.ndarray:
    return np.stack(made) if made else np.zeros((0, SKETCH_SIDE, SKETCH_SIDE), np.uint8)


LOW_DETAIL = 2.0  # grey levels of standard deviation; below it a hash describes noise
WHOLE_FILE = (
    64 * 2**20
)  # bytes; smaller files are read once, for the digest and the decoder together

# EXIF (TIFF) tags that describe how the pixels are stored, not the picture: every TIFF has a dozen
# of them
LAYOUT_TAGS = {
    *range(254, 260),
    262,
    266,
    273,
    274,
    277,
    278,
    279,
    282,
    283,
    284,
    296,
    317,
    320,
    330,
    338,
    339,
    347,
}
MAKE, MODEL = 0x010F, 0x0110
LAYOUT_TAGS |= {0x8769, 0x8825}  # and where the Exif and the GPS block begin

LOSSLESS = {
    "PNG",
    "BMP",
    "DIB",
    "GIF",
    "PPM",
    "TGA",
    "PCX",
    "SGI",
    "QOI",
    "ICO",
    "PSD",
    "SUN",
    "XBM",
}


# -- one file --------------------------------------------------------------------------------------


def _describe_batch(
    files: Sequence[_File], *, max_pixels: int
) -> list[tuple[dict[str, Any], np.ndarray | None]]:
    """Return each file's row of the `images` table and its sketch, None if there is a problem.

    Each step is done for all small files before the next one, so that its code stays in the cache
    of the processor.
    """
    rows = [_empty_row(file.image, file.path) for file in files]
    stored = [_read_small(row) for row in rows]
    made = [_read_small_plain(row, one, max_pixels) for row, one in zip(rows, stored, strict=True)]
    for row, one, sketch in zip(rows, stored, made, strict=True):
        if sketch is not None:
            _digest_plain(row, one)
    return [
        (row, _fill(row, one, max_pixels) if sketch is None else sketch)
        for row, one, sketch in zip(rows, stored, made, strict=True)
    ]


def describe_file(
    image: str, path: str, *, max_pixels: int = MAX_PIXELS
) -> tuple[dict[str, Any], np.ndarray | None]:
    """Read and decode a file once.

    Returns
    -------
    a row of the `images` table as a dict (`modified` in nanoseconds), and the sketch, uint8, 64 x
    64; None where there is a problem.
    """
    return _describe_batch([_File(image, path)], max_pixels=max_pixels)[0]


def describe_unread(file: _File, problem: str) -> tuple[dict[str, Any], None]:
    """Return the row of a file that is not opened: its size and time, and what the problem is."""
    row = {**_empty_row(file.image, file.path), "problem": problem}
    with suppress(UnreadableImage), readable():
        row["bytes"], row["modified"], _regular = read_status(file.path)
    return row, None


def _empty_row(image: str, path: str) -> dict[str, Any]:
    return {
        "image": image,
        "path": path,
        "bytes": 0,
        "modified": NOT_KNOWN,
        "sha256": "",
        "format": "",
        "mode": "",
        "width": 0,
        "height": 0,
        "frames": 0,
        "taken": None,
        "metadata": 0,
        "lossless": False,
        "detail": np.nan,
        "kind": "",
        "remarks": "",
        "problem": "",
    }


def _read_small(row: dict[str, Any]) -> bytes:
    """Return a small file's bytes; none of a larger one, nor where there is a problem."""
    try:
        size, row["modified"], regular = read_status(row["path"])
        row["bytes"] = size
        if regular and 0 < size <= ONE_READ:
            return read_bytes(row["path"], size, may_be_picture)
    except Exception:  # `_fill` says what it is
        pass
    return b""


def _read_small_plain(row: dict[str, Any], whole: bytes, max_pixels: int) -> np.ndarray | None:
    try:
        return _read_plain(row, whole, max_pixels) if whole else None
    except Exception:  # Pillow judges it in `_fill`
        return None


def _read_plain(row: dict[str, Any], whole: bytes, max_pixels: int) -> np.ndarray | None:
    """Fill a row by the header of a plain JPEG; return its sketch, None for all other files."""
    plain = read_plain_jpeg(whole, min_side=DECODE_SIDE, max_pixels=max_pixels)
    if plain is None:
        return None
    row.update(format="JPEG", mode=plain.mode, width=plain.width, height=plain.height, frames=1)
    sketch = sketch_image(plain.grey)
    row["detail"] = _detail(sketch)
    return sketch


def _digest_plain(row: dict[str, Any], whole: bytes) -> None:
    row["sha256"] = hashlib.sha256(whole).hexdigest()
    row["remarks"] = find_remarks(whole, "JPEG", is_clean=True)


def _fill(row: dict[str, Any], whole: bytes, max_pixels: int) -> np.ndarray | None:
    """Fill a row step by step, so that what was known before a failure stays; return the sketch.

    `whole` holds a small file that is no plain JPEG.
    """
    try:
        with readable():
            if not whole:
                whole = _read_whole(row)
                sketch = _read_plain(row, whole, max_pixels)
                if sketch is not None:
                    _digest_plain(row, whole)
                    return sketch
            sketch = sketch_image(_read_with_pillow(row, whole, max_pixels))
            row["detail"] = _detail(sketch)
            return sketch
    except UnreadableImage as error:
        row["problem"] = str(error)
        return None


def _read_whole(row: dict[str, Any]) -> bytes:
    """Return a file's bytes; none of one that is read by parts."""
    size, modified, regular = read_status(row["path"])
    row.update(bytes=size, modified=modified)
    if not regular:
        raise UnreadableImage("not a regular file")
    if size == 0:
        raise UnreadableImage("the file is empty")
    return read_bytes(row["path"], size, may_be_picture) if size <= WHOLE_FILE else b""


def _read_with_pillow(row: dict[str, Any], whole: bytes, max_pixels: int) -> np.ndarray:
    """Fill a row by Pillow, and return the grey picture; `whole` holds a small file."""
    with (
        io.BytesIO(whole) if whole else open_bytes(row["path"]) as source,
        _identified(source, name_in_address(row["path"])) as image,
    ):
        raw = image.info.get(RAW)
        row.update(format=image.format or "", mode=image.mode, lossless=_is_lossless(image))
        if raw:
            row.update(kind="raw", format="RAW", lossless=True)
        row["sha256"] = (
            hashlib.sha256(whole).hexdigest() if whole else read_digest(row["path"], open_bytes)
        )
        row["frames"] = 1 if raw else count_frames(image)
        if row["frames"] > MAX_FRAMES:
            raise UnreadableImage(f"more than {MAX_FRAMES:,} pages or frames")
        width, height = image.size  # before it is decoded smaller
        if raw and raw.width:
            width, height = raw.width, raw.height
        grey, is_clean = grey_as_seen(image, min_side=DECODE_SIDE, max_pixels=max_pixels)
        if is_lying(image):
            width, height = height, width
        row.update(width=width, height=height, **_read_metadata(image))
    row["remarks"] = find_remarks(whole, row["format"], is_clean=is_clean) if whole else ""
    return grey


def _detail(sketch: np.ndarray) -> float:
    """Return the standard deviation of a grey sketch, 0..127.5."""
    n, (total, squares) = sketch.size, shrink_loops().sums_of(sketch)
    return math.sqrt(n * squares - total**2) / n  # of whole numbers: the same on every machine


def _identified(source: Any, name: str) -> ImageFile.ImageFile:
    """Open an image's header; if only a plugin is missing, say how to install it."""
    try:
        return open_lazily(source, name)
    except Exception:
        source.seek(0)
        if not HAS_HEIF and is_heic(source.read(12)):
            raise UnreadableImage(
                'a HEIC photograph: pip install "imgdup-nb[heif]" to read it'
            ) from None
        raise


def _is_lossless(image: ImageFile.ImageFile) -> bool:
    """Tell whether the file's format keeps every pixel it was given."""
    if image.format == "TIFF":
        return "jpeg" not in str(image.info.get("compression", "")).lower()
    if image.format == "WEBP":
        assert image.fp is not None
        image.fp.seek(12)
        return b"VP8L" in image.fp.read(64 * 1024)  # the chunk's name stands before the pixels
    return image.format in LOSSLESS


def _exif_of(image: ImageFile.ImageFile) -> Image.Exif:
    raw = image.info.get(RAW)
    return raw.exif if raw and raw.exif else image.getexif()


def read_camera(path: str) -> str | None:
    """Return maker and model of the camera by EXIF; None where nothing is said or readable."""
    try:
        with (
            readable(),
            open_bytes(path) as source,
            _identified(source, name_in_address(path)) as image,
        ):
            exif = _exif_of(image)
            said = [str(exif.get(tag) or "").strip(" \0") for tag in (MAKE, MODEL)]
    except UnreadableImage:
        return None
    return " ".join(filter(None, said)) or None


def _read_metadata(image: ImageFile.ImageFile) -> dict[str, Any]:
    """Return `taken` and the number of `metadata` entries; damaged metadata count as none."""
    try:
        exif = _exif_of(image)
        details = exif.get_ifd(0x8769)  # the Exif block: exposure, lens, time
        entries = len(set(exif) - LAYOUT_TAGS) + len(details) + len(exif.get_ifd(0x8825))  # and GPS
        entries += _count_iptc(image) + bool(image.info.get("xmp"))
        return {"metadata": entries, "taken": _parse_time(details.get(0x9003) or exif.get(0x0132))}
    except Exception:
        return {}


def _count_iptc(image: ImageFile.ImageFile) -> int:
    if "photoshop" not in image.info and image.format != "TIFF":
        return 0
    # imported late: a plugin imported before Pillow's own is asked first about every file, and this
    # one tries to read it
    from PIL import IptcImagePlugin

    return len(IptcImagePlugin.getiptcinfo(image) or ())


def _parse_time(text: Any) -> datetime | None:
    """Read EXIF's `2024:05:31 17:20:09`; cameras without a clock write zeros."""
    try:
        return datetime.strptime(str(text), "%Y:%m:%d %H:%M:%S") if text else None
    except ValueError:
        return None

"""What is wrong with a file whose picture can be shown all the same, in words.

A decoder fills what is missing with grey or with the last colour and goes on. Such a file must not
be kept in place of a sound one.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

from .jpeg import read_jpeg_frame, simplejpeg

ZEROS = bytes(256)  # so many in a row come from a damaged disk, where the code cannot make them
# how libjpeg begins to speak of damage; what else it says is of no consequence
OF_DAMAGE = ("Corrupt JPEG data", "Premature end", "Inconsistent progression", "Invalid JPEG")
EMPTY = 0  # the symbol for "no more values in this block", and for "as bright as the block before"


def find_remarks(stored: bytes, form: str, *, is_clean: bool = False) -> str:
    """Return what is wrong with a file that was decoded, empty if nothing is known.

    Parameters
    ----------
    stored
        all its bytes.
    form
        the name of its format, as Pillow has it.
    is_clean
        for a JPEG: its decoder has nothing to say, so it is not asked once more.
    """
    if form in {"JPEG", "MPO"}:
        said = "" if is_clean else _ask_libjpeg(stored)
        return said or ("a part of it is zeros" if has_zeroed_part(stored) else "")
    try:
        return CHECKS[form](stored) if form in CHECKS else ""
    except (IndexError, struct.error):
        return "the file ends early"


def _ask_libjpeg(stored: bytes) -> str:
    frame = read_jpeg_frame(io.BytesIO(stored))
    if simplejpeg is None or frame is None or not frame.is_orderly:
        return ""  # of other kinds, such as lossless ones, a smaller size may end the process
    try:
        simplejpeg.decode_jpeg(stored, "GRAY", min_width=1, min_height=1)
    except Exception as error:
        said = str(error)
        return said if said.startswith(OF_DAMAGE) else ""
    return ""


def has_zeroed_part(stored: bytes) -> bool:
    """Tell whether the pixels of a JPEG hold a run of zeros that its code cannot make.

    A flat picture may be coded as zeros: where the shortest code stands for an empty block. Then,
    and in a progressive JPEG, nothing is said.
    """
    # looked for in two bytes of each run first: in all bytes it takes ten times as long
    if b"\0\0" not in stored[:: len(ZEROS) // 2] or ZEROS not in stored:
        return False  # nearly always
    file = io.BytesIO(stored)
    frame = read_jpeg_frame(file)
    if frame is None or frame.in_scans:
        return False
    start = file.tell()
    end = stored.find(b"\xff\xd9", start)
    is_zeroed = stored.find(ZEROS, start, end if end > 0 else len(stored)) >= 0
    return is_zeroed and not all(symbol == EMPTY for symbol in _first_symbols(stored[:start]))


def _first_symbols(header: bytes) -> list[int]:
    """Return what the shortest code of each table for values means."""
    symbols, place = [], 0
    while (place := header.find(b"\xff\xc4", place)) >= 0 and place + 4 <= len(header):
        end = place + 2 + int.from_bytes(header[place + 2 : place + 4], "big")
        place += 4
        while place + 17 < min(end, len(header)):
            if header[place] >> 4:  # of values, not of brightness
                symbols.append(header[place + 17])
            place += 17 + sum(header[place + 1 : place + 17])
        place = end
    return symbols


def _check_png(stored: bytes) -> str:
    place = 8
    while place + 12 <= len(stored):
        (length,) = struct.unpack_from(">I", stored, place)
        kind, end = stored[place + 4 : place + 8], place + 8 + length
        if end + 4 > len(stored):
            break
        if (
            zlib.crc32(memoryview(stored)[place + 4 : end])
            != struct.unpack_from(">I", stored, end)[0]
        ):
            return f"a part of it is damaged: the checksum of {kind.decode('latin-1')!r} is wrong"
        if kind == b"IEND":
            return ""
        place = end + 4
    return "the file ends early"


def _check_gif(stored: bytes) -> str:
    return "" if stored.rstrip(b"\0").endswith(b";") else "the file ends early"


def _check_webp(stored: bytes) -> str:
    (length,) = struct.unpack_from("<I", stored, 4)
    return "the file ends early" if length + 8 > len(stored) else ""


def _check_boxes(stored: bytes) -> str:
    """Go over the outer boxes of a HEIF or AVIF file."""
    place = 0
    while place + 8 <= len(stored):
        (length,) = struct.unpack_from(">I", stored, place)
        if length == 1:
            (length,) = struct.unpack_from(">Q", stored, place + 8)
        if length == 0:  # up to the end
            return ""
        place += max(length, 8)
    return "the file ends early" if place > len(stored) else ""


CHECKS: dict[str, Callable[[bytes], str]] = {
    "PNG": _check_png, "GIF": _check_gif, "WEBP": _check_webp, "HEIF": _check_boxes,
    "AVIF": _check_boxes,
}  # fmt: skip

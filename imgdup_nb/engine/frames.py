"""The frames and pages of a picture: how many there are, and each of them in turn."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import IO

from PIL import ImageFile

from .limits import MAX_FRAMES


def count_frames(image: ImageFile.ImageFile) -> int:
    """Return the number of frames or pages of an opened picture, MAX_FRAMES + 1 for more.

    Damage behind the first frame ends the count: the picture can be shown all the same.
    """
    if image.format in COUNTERS and image.fp is not None:
        position = image.fp.tell()
        try:
            return max(COUNTERS[image.format](image.fp), 1)
        finally:
            image.fp.seek(position)
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:
        return 1


def frames_of(image: ImageFile.ImageFile, n_frames: int) -> Iterator[ImageFile.ImageFile]:
    """Yield each frame of an opened picture, not yet decoded; one picture that changes."""
    for k in range(n_frames):
        if n_frames > 1:
            image.seek(k)
        yield image


def _count_tiff_pages(file: IO[bytes]) -> int:
    """Follow the chain of a TIFF's pages; in Pillow the time for it grows by the square."""
    file.seek(0)
    head = file.read(16)
    order = "<" if head.startswith(b"II") else ">"
    is_big = head[2:4] in {b"\x2b\0", b"\0\x2b"}
    count_form, place_form = (f"{order}Q", f"{order}Q") if is_big else (f"{order}H", f"{order}L")
    per_entry, at = (20, 8) if is_big else (12, 4)
    seen: set[int] = set()
    try:
        (place,) = struct.unpack_from(place_form, head, at)
        while place and place not in seen and len(seen) <= MAX_FRAMES:
            file.seek(place)
            (n_entries,) = struct.unpack(count_form, file.read(struct.calcsize(count_form)))
            file.seek(n_entries * per_entry, os.SEEK_CUR)
            seen.add(place)
            (place,) = struct.unpack(place_form, file.read(struct.calcsize(place_form)))
    except (struct.error, OSError, OverflowError, ValueError):  # the chain is cut here
        pass
    return len(seen)


def _count_gif_frames(file: IO[bytes]) -> int:
    """Go over the blocks of a GIF without making anything of them."""
    file.seek(0)
    head, count = file.read(13), 0
    try:
        _skip_colors(file, head[10])
        while (kind := file.read(1)) != b";" and count <= MAX_FRAMES:
            if kind == b"!":
                file.seek(1, os.SEEK_CUR)
            elif kind == b",":
                count += 1
                _skip_colors(file, file.read(9)[8])
                file.seek(1, os.SEEK_CUR)
            elif not kind:
                break
            else:
                continue
            while size := file.read(1)[0]:
                file.seek(size, os.SEEK_CUR)
    except (IndexError, OSError):  # it is cut here
        pass
    return count


def _skip_colors(file: IO[bytes], flags: int) -> None:
    if flags & 0x80:
        file.seek(3 << (flags & 7) + 1, os.SEEK_CUR)


COUNTERS = {"TIFF": _count_tiff_pages, "GIF": _count_gif_frames}

"""A digest of all that a picture shows: equal only if every frame, value, colour and alpha is.

What is compared is what the file holds, in its own depth: 16 bits are not brought to 8, and alpha
is kept. How it is stored makes no difference: a palette, a lossless format, an
EXIF orientation. Colours count as they are seen: a profile that changes nothing is passed over,
and one that does belongs to the picture.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from typing import IO, Any

import numpy as np
from PIL import Image, ImageFile

from .decode import MAX_PIXELS, check_size, open_lazily, readable, upright
from .frames import count_frames, frames_of
from .limits import budget
from .modes import LARGE, bands, is_wide
from .paths import read_digest
from .profiles import profile_key, space_of, stored_profile
from .raw import RAW

MAX_COMPARED = 2000  # frames; the pixels of more are not compared
# how to read the lower byte of each value in place of the upper: for the other order of bytes
LOWER = {"16B": "16L", "16L": "16B", "16N": "16B" if sys.byteorder == "little" else "16L"}
HAS_LOWER = {"RGB", "RGBA", "RGBX", "CMYK"}
SRGB_GAMMA = 0.45455
SRGB_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
NOT_SAID = {1, 2}  # of colour primaries in a HEIF or AVIF file: as sRGB, unspecified

Update = Callable[[bytes], Any]


def digest_pixels(path: str | os.PathLike[str] | IO[bytes], max_pixels: int = MAX_PIXELS) -> str:
    """Return the SHA-256 of all that a picture shows, in hexadecimal.

    Two pictures of equal digests are equal in each frame. A file may hold more than can be read
    here, such as 10 bits in HEIC. Its digest is then that of the file's bytes, which equals no
    other. It is empty for more than MAX_COMPARED frames.

    Raises
    ------
    UnreadableImage
        if a frame cannot be shown.
    """
    with readable(), open_lazily(path) as image:
        n_frames = count_frames(image)
        if n_frames > MAX_COMPARED:
            return ""
        if _holds_more(image, n_frames):
            return _digest_of_bytes(path)
        digest = hashlib.sha256()
        for frame in frames_of(image, n_frames):
            with budget.reserved(check_size(frame, None, max_pixels, "RGBA")):
                if not _add_frame(frame, path, digest.update):
                    return _digest_of_bytes(path)
    return digest.hexdigest()


def _digest_of_bytes(path: str | os.PathLike[str] | IO[bytes]) -> str:
    if isinstance(path, str | os.PathLike):
        return f"file {read_digest(path)}"
    path.seek(0)
    return f"file {hashlib.sha256(path.read()).hexdigest()}"


def _add_frame(frame: ImageFile.ImageFile, path: Any, update: Update) -> bool:
    """Feed one frame to a digest; False if its lower bytes cannot be read."""
    rawmodes = _rawmodes(frame)
    is_deep = not is_wide(frame) and any(";16" in one for one in rawmodes)
    if is_deep and (frame.mode not in HAS_LOWER or frame.tell()):
        return False
    colours = _colours_of(frame)
    frame.load()
    _add_picture(upright(frame), colours, update)
    if is_deep:
        with open_lazily(path) as again:
            again.tile = [_of_lower_bytes(tile) for tile in again.tile]
            again.load()
            _add_picture(upright(again), "lower bytes", update)
    return True


def _add_picture(image: Image.Image, colours: str, update: Update) -> None:
    kind, values = _values_of(image)
    update(f"{image.size}{kind}{colours}".replace("RGB", "", kind == "RGB").encode())
    if image.width * image.height <= LARGE:
        update(values(image))
    else:
        for _, band in bands(image):
            update(values(band))


def _values_of(image: Image.Image) -> tuple[str, Callable[[Image.Image], bytes]]:
    """Return what kind of values a picture has, and what turns a band into their bytes."""
    if is_wide(image):
        kind = "<f4" if image.mode == "F" else "<i4"
        return kind, lambda band: np.asarray(band).astype(kind).tobytes()
    if image.mode in {"1", "L", "P", "RGB"} and not image.has_transparency_data:
        return "RGB", lambda band: _as_mode(band, "RGB").tobytes()
    if image.mode in {"LA", "PA", "RGBA", "La", "RGBa"} or image.has_transparency_data:
        alphas = (_as_mode(band, "RGBA").getchannel("A") for _, band in bands(image))
        lowest = min(int(np.asarray(alpha).min()) for alpha in alphas)
        mode = "RGBA" if lowest < 255 else "RGB"  # alpha that hides nothing adds nothing
        return mode, lambda band: _as_mode(_as_mode(band, "RGBA"), mode).tobytes()
    return image.mode, Image.Image.tobytes


def _as_mode(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)


# -- what a file holds beyond 8 bits ---------------------------------------------------------------


def _holds_more(image: ImageFile.ImageFile, n_frames: int) -> bool:
    """Tell whether a file holds something that is not read here: more bits, sizes, or layers."""
    if RAW in image.info:
        return True
    if image.format == "PSD":
        return n_frames > 1
    if len(image.info.get("sizes") or ()) > 1:  # of an icon
        return True
    if image.format == "HEIF":
        return int(image.info.get("bit_depth") or 8) > 8
    if image.format in {"AVIF", "JPEG2000"}:
        head = _head_of(image)
        if image.format == "AVIF":
            place = head.find(b"pixi")
            return place > 0 and max(head[place + 9 : place + 9 + head[place + 8]]) > 8
        place = head.find(b"\xff\x4f\xff\x51")
        return place >= 0 and (head[place + 42] & 0x7F) > 7 and not is_wide(image)
    # a netpbm file of 16 bits a colour
    return any(
        tile[0] in {"ppm", "ppm_plain"} and isinstance(tile[3], tuple) and max(tile[3][1:]) > 255
        for tile in image.tile
        if not is_wide(image)
    )


def _head_of(image: ImageFile.ImageFile) -> bytes:
    if image.fp is None:
        return b""
    position = image.fp.tell()
    image.fp.seek(0)
    head = image.fp.read(1 << 16)
    image.fp.seek(position)
    return head


def _rawmodes(image: ImageFile.ImageFile) -> list[str]:
    return [_rawmode(tile[3]) for tile in image.tile]


def _rawmode(args: Any) -> str:
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _of_lower_bytes(tile: Any) -> Any:
    """Return a tile that is read as the other order of bytes, of which Pillow keeps the first."""
    codec, box, offset, args = tile
    mode, _, order = _rawmode(args).partition(";")
    rawmode = f"{mode};{LOWER[order]}"
    changed = (rawmode, *args[1:]) if isinstance(args, tuple) else rawmode
    # a plain tuple in older versions of Pillow
    return (
        tile._replace(args=changed) if hasattr(tile, "_replace") else (codec, box, offset, changed)
    )


# -- colours ---------------------------------------------------------------------------------------


def _colours_of(image: Image.Image) -> str:
    """Return what turns a picture's values into colours, empty for those of sRGB."""
    info = image.info
    if profile := stored_profile(image):
        return profile_key(profile, space_of(image.mode))
    if "srgb" in info:
        return ""
    said = []
    if abs((info.get("gamma") or SRGB_GAMMA) - SRGB_GAMMA) > 0.01:
        said.append(f"gamma {info['gamma']:.3f}")
    primaries = info.get("chromaticity") or SRGB_PRIMARIES
    if max(abs(a - b) for a, b in zip(primaries, SRGB_PRIMARIES, strict=False)) > 0.01:
        said.append(f"primaries {primaries}")
    said += [
        repr(chunk[1]) for chunk in getattr(image, "private_chunks", ()) if chunk[0] == b"cICP"
    ]
    nclx = info.get("nclx_profile")
    if isinstance(nclx, dict) and nclx.get("color_primaries") not in NOT_SAID:
        said.append(repr(nclx))
    if image.format == "AVIF":
        head = _head_of(image)  # type: ignore[arg-type]
        place = head.find(b"colrnclx")
        if place > 0 and int.from_bytes(head[place + 8 : place + 10], "big") not in NOT_SAID:
            said.append(repr(head[place + 8 : place + 14]))
    return " ".join(said)

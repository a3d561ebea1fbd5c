"""Pictures in the memory of this process: arrays, Pillow's pictures, bytes, and rows of data sets.

A source gets a number, and its pictures get addresses such as `item://3/17`. They live as long as
the process, and other processes cannot read them.
"""

from __future__ import annotations

import io
import itertools
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from .addresses import UnreadableMember

TIFF_MODES = {"1", "L", "LA", "P", "PA", "I", "I;16", "F", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"}


class Held:
    """A source in memory: `read(number)` returns a picture, `labels` those met so far."""

    def __init__(self, read: Callable[[int], Any], *, label: str = "label") -> None:
        self.read, self.label = read, label
        self.labels: dict[int, Any] = {}

    def content(self, number: int, image: str) -> bytes:
        """Return the picture of a number as the bytes of a file."""
        value = self.read(number)
        if isinstance(value, tuple | list) and len(value) > 1 and is_picture(value[0]):
            self.labels[number] = value[1]
            value = value[0]
        elif isinstance(value, dict) and image in value:
            if self.label in value:
                self.labels[number] = value[self.label]
            value = value[image]
        return to_bytes(value)


def hold(source: Held, image: str = "image") -> str:
    """Keep a source until the process ends; return what its addresses begin with."""
    number = next(_source_numbers)
    _held[number] = (source, image)
    return f"item://{number}/"


def read_item(address: str) -> bytes:
    """Return the picture at an address, as the bytes of a file."""
    last = getattr(_last, "item", None)
    if last is not None and last[0] == address:  # asked for its size and then for its bytes
        return last[1]
    source, _, number = address.removeprefix("item://").partition("/")
    if int(source) not in _held:
        raise UnreadableMember("the picture was in the memory of another process")
    held, image = _held[int(source)]
    content = held.content(int(number), image)
    _last.item = (address, content)
    return content


_held: dict[int, tuple[Held, str]] = {}
_source_numbers = itertools.count(1)
_last = threading.local()


def is_picture(value: Any) -> bool:
    """Tell whether a value is what `to_bytes` takes, paths aside."""
    if isinstance(value, dict):
        return "bytes" in value
    return (
        isinstance(value, bytes | bytearray | memoryview | Image.Image)
        or hasattr(value, "__array_interface__")
        or (hasattr(value, "__array__") and hasattr(value, "shape"))
    )


def to_bytes(value: Any) -> bytes:
    """Return a picture as the bytes of a file: as they are, or its pixels as uncompressed TIFF.

    Parameters
    ----------
    value
        bytes of a file; a path; a dict of `bytes` and `path`; a picture of Pillow; or an array,
        height x width (x 1, 3 or 4), also with the channels first. Numbers are uint8, uint16 or
        bool, or from 0 to 1.

    Raises
    ------
    UnreadableMember
        if it is none of these.
    """
    if isinstance(value, dict):
        content, path = value.get("bytes"), value.get("path")
        value = path if content is None else content
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if value is None:
        raise UnreadableMember("there is no picture in this row")
    if isinstance(value, str | os.PathLike):
        with open(value, "rb") as file:
            return file.read()
    picture = value if isinstance(value, Image.Image) else _from_array(value)
    with _saving:  # Pillow reads the pixels of a file when they are first needed
        picture.load()
    if picture.mode not in TIFF_MODES:
        picture = picture.convert("RGB")
    buffer = io.BytesIO()
    picture.save(buffer, "TIFF")
    return buffer.getvalue()


_saving = threading.Lock()


def _from_array(value: Any) -> Image.Image:
    try:
        pixels = np.asarray(value)
    except Exception as error:
        raise UnreadableMember(f"no picture, but {type(value).__name__}") from error
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3, 4) and pixels.shape[2] not in (1, 3, 4):
        pixels = np.moveaxis(pixels, 0, 2)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    is_shape = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))
    if not is_shape or 0 in pixels.shape:
        sides = " x ".join(map(str, pixels.shape)) or "one value"
        raise UnreadableMember(f"an array of height x width (x 3) is a picture, not {sides}")
    if pixels.dtype.kind == "f":
        if not (pixels.min() >= 0 and pixels.max() <= 1):
            raise UnreadableMember("numbers of a picture are from 0 to 1, or uint8")
        pixels = np.rint(pixels * 255).astype(np.uint8)
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * 255
    if pixels.dtype != np.uint8 and not (pixels.dtype == np.uint16 and pixels.ndim == 2):
        raise UnreadableMember(
            f"numbers of a picture are from 0 to 1, or uint8, not {pixels.dtype}"
        )
    return Image.fromarray(np.ascontiguousarray(pixels))

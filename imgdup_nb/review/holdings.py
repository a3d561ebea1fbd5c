"""What a file holds: pixels, depth, colours, transparency, frames, quality, notes and damage.

Only files in groups are measured. Each file is opened and decoded once, at full size, for as long
as its group is decided; see `Pictures` for the memory.
"""

from __future__ import annotations

import io
import json
import os
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin

from ..engine.addresses import name_in_address
from ..engine.decode import ORIENTATION, as_seen, open_lazily, readable
from ..engine.profiles import changes_colours, in_srgb, space_of
from ..engine.selection import RAW_SUFFIXES
from ..engine.sketches import sketch_image
from .notes import read_file_tags, read_notes

MAX_KEPT_PIXELS = 60_000_000  # of the pictures of one group that are in memory at once; 180 MB
STANDARD_LUMA = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56], [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=float,
)  # fmt: skip
# the table above is that of the JPEG standard (ITU T.81, table K.1), for quality 50
TRACE_PLACES = [(k, n) for k in range(5) for n in range(5) if 0 < k + n < 6]
MAX_TRACE_ERROR = 1.5  # that rounding to whole levels and to RGB leaves in a coefficient
MIN_TRACE_VALUES, MIN_TRACE_SHARE = 40, 0.85
MIN_TRACED_QUALITY = 93  # of a JPEG that is looked at for traces: below, its own steps are there


@dataclass(eq=False)
class Holdings:
    """What one file holds, as `measure` or `from_row` found it.

    Attributes
    ----------
    content : the digest of the file, and of its tags: see `content_of`
    width, height : pixels, as shown
    raw : a camera's RAW file
    depth : bits a channel that are really used
    n_colours : colours of a palette; 0 where there is none
    grey, alpha : no colour at all; some pixel that is not opaque
    frames : frames or pages
    quality : of a JPEG, 1 to 100, by its tables; 100 for lossless formats
    earlier_quality : of a stronger JPEG compression before this one, 0 where none was found
    notes : kind of metadata -> its value, see `read_notes`
    damage : what decoders remark, empty where there is nothing
    pixels : uint8, height x width x 3, as stored but upright; None if only the tables are known
    profile, space : the colour profile that changes what is seen, and what it is for; else empty
    """

    image: str
    path: str
    content: str
    width: int
    height: int
    raw: bool
    frames: int
    lossless: bool
    damage: str
    depth: int = 8
    n_colours: int = 0
    grey: bool = False
    alpha: bool = False
    quality: float = 100.0
    earlier_quality: float = 0.0
    notes: Mapping[str, str] = field(default_factory=dict)
    n_notes: int = 0
    tables: list[list[int]] = field(default_factory=list)
    sampling: int = 2
    palette: Image.Image | None = None
    deep: np.ndarray | None = None  # the values of a grey picture of more than 8 bits
    alphas: np.ndarray | None = None
    pixels: Image.Image | None = None
    pixel_sum: int = 0
    orientation: int = 1  # of EXIF; 1 is stored as shown
    profile: bytes = b""
    space: str = ""

    @cached_property
    def sketch(self) -> np.ndarray:
        """The picture squashed to uint8, 64 x 64 x 3."""
        return sketch_image(np.asarray(self.pixels))

    @property
    def best_quality(self) -> float:
        """The quality that is left: the stronger of the compressions that are known."""
        return min(self.quality, self.earlier_quality or 100.0)

    @property
    def is_camera(self) -> bool:
        """Whether the file says which camera took it, and when."""
        return "camera" in self.notes and "date" in self.notes


def content_of(path: str, sha256: str) -> str:
    """Return what is equal for two files of the same bytes, and of the same tags and comments."""
    tags = read_file_tags(path) if sha256 else {}
    return f"{sha256} {json.dumps(tags, sort_keys=True)}" if tags else sha256


def from_row(row: Mapping[str, Any]) -> Holdings:
    """Return what the table of images alone says of a file."""
    mode = str(row.get("mode") or "")
    known_raw = str(row.get("kind") or "") == "raw"
    return Holdings(
        image=row["image"],
        path=row["path"],
        content=row.get("content", row["sha256"]),
        width=int(row["width"]),
        height=int(row["height"]),
        raw=known_raw or os.path.splitext(name_in_address(row["path"]))[1].lower() in RAW_SUFFIXES,
        frames=_whole(row.get("frames"), 1),
        lossless=bool(row.get("lossless", False)),
        damage=_text(row.get("remarks")),
        depth=16 if mode.startswith(("I", "F")) else 8,
        n_colours=256 if mode == "P" else 2 if mode == "1" else 0,
        grey=mode in {"L", "LA", "1"} or mode.startswith(("I", "F")),
        alpha=mode in {"RGBA", "LA", "PA"},
        quality=100.0 if row.get("lossless", False) else 90.0,
        n_notes=_whole(row.get("metadata"), 0),
    )


def measure(row: Mapping[str, Any]) -> Holdings:
    """Open a file and return what it holds, with its pixels.

    Raises
    ------
    UnreadableImage
        if it cannot be shown.
    """
    held = from_row(row)
    with readable(), open_lazily(row["path"]) as image:
        held.notes = read_notes(image, row["path"])
        held.n_notes = len(held.notes)
        _read_format(held, image)
        image.load()
        _read_values(held, image)
        held.orientation = _stored_orientation(image)
        # inks become colours by their profile only; other numbers are compared as they are stored
        if image.mode != "CMYK" and changes_colours(image):
            held.space = space_of(image.mode)
            held.profile = image.info.pop("icc_profile")
        held.pixels = as_seen(image)
    held.width, held.height = held.pixels.size
    values = np.asarray(held.pixels)
    held.pixel_sum = zlib.crc32(values.tobytes())
    held.grey = held.grey or _is_grey(values)
    if held.quality >= MIN_TRACED_QUALITY and not held.palette:
        held.earlier_quality = find_earlier_quality(values)
    return held


def in_seen_colours(held: Holdings) -> Holdings:
    """Return the same file with the colours that a viewer shows, and no profile."""
    if not held.profile or held.pixels is None:
        return held
    pixels = in_srgb(held.pixels, held.profile, held.space)
    return replace(held, pixels=pixels, pixel_sum=zlib.crc32(pixels.tobytes()), profile=b"")


def _stored_orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # a damaged EXIF block turns nothing
        return 1
    return value if value in range(1, 9) else 1


def _read_format(held: Holdings, image: ImageFile.ImageFile) -> None:
    """Fill in what the header says: depth, tables of quantisation."""
    held.depth = _declared_depth(image)
    held.grey = image.mode in {"L", "LA", "1"} or image.mode.startswith(("I", "F"))
    if image.format in {"JPEG", "MPO"}:
        tables = getattr(image, "quantization", {})
        held.tables = [list(tables[key]) for key in sorted(tables)]
        held.quality = quality_of(np.array(held.tables[0]).reshape(8, 8)) if tables else 90.0
        sampling = JpegImagePlugin.get_sampling(image)
        held.sampling = sampling if sampling in {0, 1, 2} else 2
        held.lossless = False
        if image.mode == "CMYK":
            held.tables = []
    else:
        held.quality = 100.0 if held.lossless else 90.0


def _declared_depth(image: ImageFile.ImageFile) -> int:
    if image.format == "PNG" and image.tile and "16" in str(image.tile[0].args):
        return 16
    bits = getattr(image, "tag_v2", {}).get(258) if image.format == "TIFF" else None
    if bits:
        return int(max(bits)) if isinstance(bits, tuple) else int(bits)
    known = image.info.get("bit_depth")
    if isinstance(known, int):
        return known
    return 16 if image.mode.startswith(("I", "F")) else 8


def _read_values(held: Holdings, image: ImageFile.ImageFile) -> None:
    """Fill in what only the decoded values say: the depth in use, the palette, transparency."""
    if image.mode.startswith("I"):
        values = np.asarray(image)
        held.depth, held.deep = used_depth(values), values
        if held.depth == 8:
            held.deep = None
    elif image.mode == "F":
        held.depth, held.deep = 32, np.asarray(image)
    if image.mode in {"P", "1"}:
        held.n_colours = len(image.getcolors(256) or [()] * 256)
        if "transparency" not in image.info and image.mode == "P":
            held.palette = image.copy()
    if image.has_transparency_data:
        alphas = np.asarray(image.convert("RGBA"))[:, :, 3]
        held.alpha = bool(alphas.min() < 255)
        held.alphas = alphas if held.alpha else None


def used_depth(values: np.ndarray) -> int:
    """Return the bits that the values of a grey picture really use: 8 where it is a widened one.

    Examples
    --------
    >>> levels = np.arange(256)
    >>> used_depth(levels * 257), used_depth(levels * 16 + 5), used_depth(levels)
    (8, 12, 8)
    """
    if not values.size or (values.max() < 256 and values.min() >= 0):
        return 8
    if not (values % 257).any() or not (values & 255).any():
        return 8
    return 16 if values.max() > 4095 else 12 if values.max() > 1023 else 10


def _is_grey(values: np.ndarray) -> bool:
    red = values[::2, ::2, 0]
    return bool((red == values[::2, ::2, 1]).all() and (red == values[::2, ::2, 2]).all())


# -- quality ---------------------------------------------------------------------------------------


def quality_of(table: np.ndarray) -> float:
    """Return the quality, 1 to 100, that a JPEG table of brightness stands for.

    Examples
    --------
    >>> round(quality_of(STANDARD_LUMA)), round(quality_of(np.ones((8, 8))))
    (50, 100)
    """
    scale = 100 * float(table.mean()) / float(STANDARD_LUMA.mean())
    if table.max() <= 1:
        return 100.0
    return max(1.0, (200 - scale) / 2 if scale <= 100 else 5000 / scale)


def tables_for(quality: float) -> list[list[int]]:
    """Return the tables, brightness and colour, that libjpeg takes for a quality."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", quality=max(1, min(100, round(quality))))
    found = Image.open(io.BytesIO(buffer.getvalue())).quantization  # type: ignore[attr-defined]
    return [list(found[key]) for key in sorted(found)]


def find_earlier_quality(values: np.ndarray) -> float:
    """Return the quality of a JPEG compression that left its steps in the pixels, 0 for none.

    A JPEG rounds the coefficients of each block of 8 x 8 pixels to multiples of a step. Saved again
    without loss, or nearly, the coefficients are still near these multiples.

    Parameters
    ----------
    values : uint8, height x width x 3

    Notes
    -----
    Steps below 5 cannot be told from rounding: a quality above 90 or so leaves no trace.
    Z. Fan and R. de Queiroz, Identification of bitmap compression history, 2003.
    """
    from scipy.fft import dctn

    coefficients = dctn(_middle_blocks(values), axes=(1, 2), norm="ortho")
    asked, found = 0, []
    for down, across in TRACE_PLACES:
        values = np.abs(coefficients[:, down, across])
        values = values[values > MAX_TRACE_ERROR]
        if len(values) < MIN_TRACE_VALUES:
            continue
        asked += 1
        if step := _step_of(values):
            scale = 100 * step / STANDARD_LUMA[down, across]
            found.append((200 - scale) / 2 if scale <= 100 else 5000 / scale)
    if len(found) < 3 or 2 * len(found) < asked:
        return 0.0
    return float(np.clip(np.median(found), 1, 95))


def _middle_blocks(values: np.ndarray) -> np.ndarray:
    """Return blocks of the middle 512 x 512 pixels: float32, n x 8 x 8, without black and white."""
    height, width = (side // 8 for side in values.shape[:2])
    rows, columns = min(height, 64), min(width, 64)
    top, left = 8 * ((height - rows) // 2), 8 * ((width - columns) // 2)
    middle = values[top : top + 8 * rows, left : left + 8 * columns]
    parts = middle.reshape(rows, 8, columns, 8, 3).swapaxes(1, 2).reshape(-1, 8, 8, 3)
    # values that were cut off at black or white have lost their steps
    whole = (parts.min(axis=(1, 2, 3)) > 0) & (parts.max(axis=(1, 2, 3)) < 255)
    return parts[whole] @ np.array([0.299, 0.587, 0.114], dtype=np.float32) - 128


def _step_of(values: np.ndarray) -> int:
    """Return the largest step, 5 to 120, that nearly all values are multiples of; 0 for none."""
    steps = np.arange(5, 121)
    multiples = np.round(values[:, None] / steps)
    near = np.abs(values[:, None] - multiples * steps) <= MAX_TRACE_ERROR
    fits = (near & (multiples > 0)).mean(axis=0)
    return int(steps[fits >= MIN_TRACE_SHARE].max(initial=0))


# -- memory ----------------------------------------------------------------------------------------


class Pictures:
    """The measured files of one group; the pixels of the last ones stay in memory.

    At most MAX_KEPT_PIXELS, or one picture, which is decoded again when it is asked for later.
    """

    def __init__(self, at_most: int = MAX_KEPT_PIXELS) -> None:
        self._at_most = at_most
        self._known: OrderedDict[str, Holdings] = OrderedDict()

    def of(self, row: Mapping[str, Any]) -> Holdings:
        """Return what a file holds, measured once while there is room for its pixels."""
        known = self._known.pop(row["path"], None) or measure(row)
        self._known[row["path"]] = known
        total = sum(held.width * held.height for held in self._known.values())
        while total > self._at_most and len(self._known) > 2:
            _, oldest = self._known.popitem(last=False)
            total -= oldest.width * oldest.height
        return known


def _whole(value: Any, default: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return default


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""

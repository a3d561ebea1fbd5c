"""Open one image safely, as a person sees it.

What is compared is what a viewer shows: turned by its EXIF orientation, transparency laid on a
background, the first frame of an animation, 16-bit and float values brought to 8 bits. Everything
that can go wrong in a decoder becomes an `UnreadableImage` whose text is a sentence for people.
"""

from __future__ import annotations

import ctypes
import errno
import io
import logging
import os
import threading
import warnings
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import PIL
import simplejpeg
from PIL import Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from .files import is_url, read_bytes
from .formats import known_formats, other_program

MAX_PIXELS = 250_000_000  # 750 MB once decoded; the largest phone cameras make 200 million
ORIENTATION = 0x0112  # the EXIF tag
# markers of a JPEG
START_OF_SCAN = 0xDA
SCALABLE_FRAMES = {
    0xC0,
    0xC1,
    0xC2,
}  # baseline, extended, progressive: the frames that libjpeg-turbo can decode smaller
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PLAIN_MARKERS = {
    0xE0,
    0xFE,
    0xDB,
    0xC4,
    0xDD,
}  # JFIF, a comment, two kinds of tables, the restart interval
HARMLESS_MARKERS = PLAIN_MARKERS | set(range(0xE1, 0xF0))  # and what applications add, such as EXIF
MODES_OF_JPEG = {"YCbCr": "RGB", "Gray": "L"}
WHITE, BLACK = (255, 255, 255), (0, 0, 0)

BAD_LINKS = {
    errno.ELOOP: "a link that leads to itself",
    errno.ENAMETOOLONG: "the name of the file, or of what a link leads to, is too long",
}

_opening = threading.Lock()


class UnreadableImage(ValueError):
    """A file that cannot be shown as a picture; its text says why, in a sentence."""


def open_image(
    source: str | os.PathLike[str] | IO[bytes],
    *,
    min_side: int | None = None,
    max_pixels: int = MAX_PIXELS,
    mode: str = "RGB",
) -> Image.Image:
    """Open an image the way a viewer shows it: upright, opaque, 8 bits a channel, first frame.

    Parameters
    ----------
    source
        a path or an open binary file.
    min_side
        the result may be smaller than the picture as long as both its sides keep this many pixels,
        which is several times faster for JPEG (decoded at 1/2, 1/4 or 1/8) and saves memory for
        all. None keeps the full size.
    max_pixels
        larger pictures are refused before memory is spent on them, inclusive. JPEG is judged by the
        size it is decoded at.
    mode : {'RGB', 'L'}
        in colour or in grey, which for JPEG takes a quarter less time.

    Returns
    -------
    PIL.Image.Image
        of that mode.

    Raises
    ------
    UnreadableImage
        for everything that keeps the picture from being shown, with the reason in words.

    Examples
    --------
    >>> import io
    >>> open_image(io.BytesIO(b"hello"))
    Traceback (most recent call last):
    ...
    imgdup_nb.engine.decode.UnreadableImage: not an image, or of a format that Pillow cannot read here
    """
    with readable(), open_lazily(source) as image:
        return as_seen(image, min_side=min_side, max_pixels=max_pixels, mode=mode)


class UnopenedFormat(UnreadableImage):
    """A file of a format that another program would have to open, which is never started here."""


@contextmanager
def readable() -> Iterator[None]:
    """Turn whatever a decoder raises into an UnreadableImage: ten types were met in real files.

    An ImportError passes: a package that is broken or missing is no fault of the picture.
    """
    try:
        yield
    except (UnreadableImage, ImportError):
        raise
    except Exception as error:
        raise UnreadableImage(_explain(error)) from error


@contextmanager
def no_decoder_warnings() -> Iterator[None]:
    """Keep decoders' remarks on single files off the screen, also those of threads: what matters is in the tables.

    For whoever waits for the threads, not for what runs in them: Python's filters are one list for
    the whole process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("default", message="the executor broke")
        yield


def _explain(error: Exception) -> str:
    """Say in words what kept a file from being read."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or of a format that Pillow cannot read here"
    if isinstance(error, FileNotFoundError):
        return "the file is gone, or a link that leads nowhere"
    if isinstance(error, PermissionError):
        return "no permission to read the file"
    if isinstance(error, OSError) and error.errno in BAD_LINKS:
        return BAD_LINKS[error.errno]
    if isinstance(error, MemoryError):
        return "too large for the memory there is"
    detail = " ".join(str(error).split())[:160] or "no reason given"
    return f"damaged: {detail} ({type(error).__name__})"


def open_lazily(source: str | os.PathLike[str] | IO[bytes]) -> ImageFile.ImageFile:
    """Read an image's header only, of the formats that we chose.

    Size limits are checked by `as_seen`, because a large JPEG may be decoded small.

    Raises
    ------
    UnopenedFormat
        for a format that another program would have to open.
    PIL.UnidentifiedImageError, and what else a plugin raises
        if it is no picture.
    """
    if is_url(source):
        source = io.BytesIO(read_bytes(str(source)))
    formats = known_formats()
    # Pillow's own limit is one number for the whole process: lifted only while a header is read, by
    # one thread at a time
    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(source, formats=formats)
        except UnidentifiedImageError:
            _refuse_other_programs(source)
            raise
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _refuse_other_programs(source: str | os.PathLike[str] | IO[bytes]) -> None:
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            head = file.read(64)
    else:
        source.seek(0)
        head = source.read(64)
    if form := other_program(head):
        raise UnopenedFormat(f"{form} is not opened here: that would start another program")


def as_seen(
    image: ImageFile.ImageFile,
    *,
    min_side: int | None = None,
    max_pixels: int = MAX_PIXELS,
    mode: str = "RGB",
) -> Image.Image:
    """Decode a lazily opened image into what a viewer shows (see `open_image`)."""
    _draft_within(image, min_side, max_pixels, mode)
    return _show(image, min_side, mode)


def grey_as_seen(
    image: ImageFile.ImageFile, *, min_side: int, max_pixels: int = MAX_PIXELS
) -> np.ndarray:
    """Decode a lazily opened image into the grey that a viewer would show: the pixels of `as_seen` with mode L.

    Returns
    -------
    uint8, height x width
    """
    _draft_within(image, min_side, max_pixels, "L")
    grey = _decode_jpeg(image)
    if grey is None:
        return np.asarray(_show(image, min_side, "L"))
    return _reduced_grey(grey, min_side)


def draft(image: ImageFile.ImageFile, min_side: int | None, mode: str = "RGB") -> None:
    """Choose the size and the colours a JPEG is decoded in: a fraction of its size, and no colours for grey.

    Changes nothing for other formats, nor for the kinds of JPEG that cannot be decoded smaller.
    """
    if (min_side or mode == "L") and (frame := _frame_of(image)) and frame.kind in SCALABLE_FRAMES:
        image.draft(mode if mode == "L" else None, (min_side, min_side) if min_side else None)


def _draft_within(
    image: ImageFile.ImageFile, min_side: int | None, max_pixels: int, mode: str
) -> None:
    """Draft an image, once, and refuse what would be too large."""
    width, height = image.size
    draft(image, min_side, mode)
    if image.size[0] * image.size[1] > max_pixels:
        raise UnreadableImage(
            f"too large: {width} x {height} is {width * height / 1e6:,.0f} megapixels, "
            f"and the limit is {max_pixels / 1e6:,.0f} (raise it with max_pixels=)"
        )
    if min(image.size) < 1:
        raise UnreadableImage(f"no pixels: {width} x {height}")


def _show(image: ImageFile.ImageFile, min_side: int | None, mode: str) -> Image.Image:
    image.load()
    seen = _opaque(upright(_eight_bits(_reduced(image, min_side))))
    return seen if seen.mode == mode else seen.convert(mode)


def _decode_jpeg(image: ImageFile.ImageFile) -> np.ndarray | None:
    """Return the pixels of a drafted grey JPEG that lies in memory and upright, or None for what Pillow has to judge.

    uint8, height x width; Pillow's very bytes, for both use libjpeg-turbo, in a tenth less time and
    in one turn of the interpreter's lock.
    """
    if (
        image.format != "JPEG"
        or image.mode != "L"
        or not isinstance(image.fp, io.BytesIO)
        or not _is_upright(image)
    ):
        return None
    frame = _frame_of(image)
    return _decode_grey(image.fp.getbuffer(), *image.size) if frame and frame.is_orderly else None


class JpegFrame(NamedTuple):
    """What the first frame of a JPEG says: the marker of its kind, pixels, channels; and whether the file is orderly."""

    kind: int
    width: int
    height: int
    channels: int
    is_orderly: bool


def read_jpeg_frame(file: IO[bytes], markers: Set[int] = HARMLESS_MARKERS) -> JpegFrame | None:
    """Read the header of a JPEG up to its first scan; None where no frame stands before it.

    libjpeg-turbo decodes some kinds of JPEG, such as lossless ones, at full size whatever it is
    asked for, and a caller that has made a buffer for less loses its memory. So the kind is read
    here, before any decoder is asked for a smaller size. Bytes between segments are skipped as
    libjpeg skips them. The frame is orderly where there are none, every other segment is one of
    `markers`, and the frame is a single one of 8 bits a channel that can be decoded smaller.
    """
    frame, is_orderly = None, file.read(2) == b"\xff\xd8"
    while len(head := file.read(2)) == 2:
        if head[0] != 0xFF or head[1] in (0x00, 0xFF):
            is_orderly = False
            file.seek(-1, os.SEEK_CUR)
            continue
        marker = head[1]
        if marker == START_OF_SCAN:
            return frame._replace(is_orderly=frame.is_orderly and is_orderly) if frame else None
        if marker == 0x01 or 0xD0 <= marker <= 0xD9:  # these have no length
            is_orderly = False
            continue
        length = int.from_bytes(file.read(2), "big")
        body = file.read(6) if marker in FRAMES else b""
        if len(body) == 6:
            height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
            is_plain = (
                marker in SCALABLE_FRAMES
                and body[0] == 8
                and length == 8 + 3 * body[5]
                and frame is None
            )
            frame = frame or JpegFrame(marker, width, height, body[5], is_plain)
            is_orderly = is_orderly and is_plain
        elif marker not in markers or length < 2:
            is_orderly = False
        file.seek(max(length - 2 - len(body), 0), os.SEEK_CUR)
    return None


def _frame_of(image: ImageFile.ImageFile) -> JpegFrame | None:
    """Return the frame of a lazily opened image, None unless it is a JPEG."""
    if image.format not in {"JPEG", "MPO"} or image.fp is None:
        return None
    position = image.fp.tell()
    try:
        image.fp.seek(0)
        return read_jpeg_frame(image.fp)
    finally:
        image.fp.seek(position)


def _decode_grey(stored: bytes | memoryview, width: int, height: int) -> np.ndarray | None:
    """Decode the brightness of a JPEG in one of the sizes it can be decoded in; None where Pillow has to judge.

    Only for a JPEG whose frame is orderly.
    """
    size = {"min_width": width, "min_height": height}
    try:
        grey = simplejpeg.decode_jpeg(stored, "GRAY", fastdct=False, fastupsample=False, **size)[
            :, :, 0
        ]
    except (
        Exception
    ):  # damaged, perhaps only a little; or a layout that simplejpeg does not know, such as 4:4:1
        return None
    return grey if grey.shape == (height, width) else None


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
    stored: bytes, *, min_side: int, max_pixels: int = MAX_PIXELS
) -> PlainJpeg | None:
    """Read a JPEG without Pillow, or return None for what Pillow has to judge.

    Pillow's reading of the header is the most Python of a scan, and threads wait for one another
    while Python runs.
    """
    frame = read_jpeg_frame(io.BytesIO(stored), PLAIN_MARKERS)
    if frame is None or not frame.is_orderly:
        return None
    try:
        height, width, colors, _subsampling = simplejpeg.decode_jpeg_header(stored)
    except Exception:  # as in _decode_grey
        return None
    share = next(
        (share for share in (8, 4, 2) if min(width, height) // min_side >= share), 1
    )  # as Pillow's draft takes it
    small = -(-width // share), -(-height // share)
    if (
        colors not in MODES_OF_JPEG
        or (width, height) != (frame.width, frame.height)
        or small[0] * small[1] > max_pixels
    ):
        return None
    grey = _decode_grey(stored, *small)
    return (
        None
        if grey is None
        else PlainJpeg(MODES_OF_JPEG[colors], width, height, _reduced_grey(grey, min_side))
    )


def _reduced_grey(grey: np.ndarray, min_side: int) -> np.ndarray:
    return (
        np.asarray(_reduced(Image.fromarray(grey), min_side))
        if min(grey.shape) >= 2 * min_side
        else grey
    )


def _reduced(image: Image.Image, min_side: int | None) -> Image.Image:
    factor = min(image.size) // min_side if min_side else 1
    if factor < 2 or image.mode not in {"L", "LA", "RGB", "RGBA", "CMYK", "YCbCr"}:
        return image
    smaller = image.reduce(factor)
    smaller.info = image.info  # reduce() keeps transparency and EXIF only in part
    return smaller


def _is_upright(image: Image.Image) -> bool:
    return _orientation(image) == 1


def is_lying(image: Image.Image) -> bool:
    """Whether a viewer turns an image by a quarter, so that its width is what a person sees as its height."""
    return _orientation(image) in {5, 6, 7, 8}


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # a damaged EXIF block turns nothing
        return 1


def upright(image: Image.Image) -> Image.Image:
    """Turn an image as its EXIF orientation says; a damaged EXIF block turns nothing."""
    if _is_upright(image):
        return image  # as it is: exif_transpose would copy it
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # as viewers do: the picture is good even where its notes are not
        return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return an image of mode L, LA, RGB or RGBA, transparency kept."""
    if image.mode in {"L", "LA", "RGB", "RGBA"}:
        transparent_color = "transparency" in image.info and image.mode in {"L", "RGB"}
        return image.convert("RGBA") if transparent_color else image
    if image.mode.startswith("I") or image.mode == "F":
        return _from_wide(image)
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        # Pillow converts LAB only through colour profiles
        return (
            ImageCms.applyTransform(image, ImageCms.buildTransform(lab, srgb, "LAB", "RGB"))
            or image
        )
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _from_wide(image: Image.Image) -> Image.Image:
    """Bring 16-bit, 32-bit and float grey to 0..255 by the range its values are meant to have."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if image.mode.startswith("I;16"):
        low, high = 0.0, 65535.0
    elif low >= 0:
        # as a viewer reads it: fractions, bytes or 16-bit values, whichever is the smallest range
        # that holds them
        ranges = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        low, high = 0.0, next((top for top in ranges if high <= top), high)
    scaled = (values - low) * (255.0 / max(high - low, 1e-12))
    grey = Image.fromarray(np.rint(scaled.clip(0, 255)).astype(np.uint8))
    grey.info = {key: image.info[key] for key in ("exif",) if key in image.info}
    return grey


def _opaque(image: Image.Image) -> Image.Image:
    """Lay a transparent picture on white, as viewers do; on black where white would swallow it. Returns mode L or RGB."""
    if image.mode in {"L", "RGB"}:
        return image
    image = image.convert("RGBA")
    on_white = _laid_on(image, WHITE)
    if _is_uniform(on_white) and not _is_uniform(on_black := _laid_on(image, BLACK)):
        return on_black
    return on_white


def _laid_on(image: Image.Image, color: tuple[int, int, int]) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, (*color, 255)), image).convert("RGB")


def _is_uniform(image: Image.Image) -> bool:
    values = np.asarray(image)
    return bool((np.ptp(values, axis=(0, 1)) < 8).all())  # 8 of 255: below what an eye sees


def thumbnail(source: str | os.PathLike[str] | IO[bytes], side: int = 160) -> bytes:
    """Return a JPEG of the image as a person sees it, its longer side at most `side` pixels.

    Raises
    ------
    UnreadableImage
        if it cannot be shown.
    """
    image = open_image(source, min_side=side)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


HANDLERS = ("TIFFSetWarningHandler", "TIFFSetErrorHandler")


@cache
def silence_decoders() -> None:
    """Let libtiff, where it came with Pillow's wheel, and Pillow's log say nothing on the error output; once per process.

    Who has set up logging still gets Pillow's messages. Windows has libtiff inside of Pillow, out
    of reach.
    """
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    for path in find_libtiff():
        with suppress(
            OSError, AttributeError
        ):  # one built otherwise goes on talking, and pictures are read all the same
            library = ctypes.CDLL(str(path))  # the one that Pillow has loaded, not a second one
            for name in HANDLERS:
                handler = getattr(library, name)
                handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
                handler(None)


def find_libtiff() -> list[Path]:
    """Return the libtiff of Pillow's wheel: none on Windows, nor where a distribution built Pillow."""
    folder = Path(PIL.__file__).parent
    return list(
        chain(folder.parent.glob("pillow.libs/libtiff*.so*"), folder.glob(".dylibs/libtiff*.dylib"))
    )

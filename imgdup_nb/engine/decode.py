"""Open one image safely, as a person sees it.

Pictures are compared as a viewer shows them: turned by the EXIF orientation, in the colours of
their profile, on a background if they are transparent, the first frame of an animation. Values of
16 bits and floats become 8 bits. Everything that can go wrong in a decoder becomes an
`UnreadableImage` whose text is a sentence for people.
"""

from __future__ import annotations

import ctypes
import errno
import io
import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import PIL
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from .addresses import UnreadableMember, name_in_address
from .files import is_url, read_bytes
from .formats import known_formats, other_program
from .jpeg import (
    SCALABLE_FRAMES,
    JpegFrame,
    decode_grey,
    decode_rgb,
    read_jpeg_frame,
)
from .jpeg import (
    PlainJpeg as PlainJpeg,
)
from .jpeg import (
    read_plain_jpeg as read_plain_jpeg,
)
from .limits import BYTES_A_PIXEL, MAX_PIXELS, SMALL_COST, budget, decoding_bytes, is_slow
from .modes import is_uniform, reduced, reduced_grey, to_screen
from .profiles import changes_colours, in_srgb, space_of, stored_profile
from .raw import RAW, decode_raw, find_preview, raw_of

NO_PICTURE = "not an image, or of a format that Pillow cannot read here"
ORIENTATION = 0x0112  # the EXIF tag
# how each EXIF orientation is brought upright
TURNS = dict(
    zip(
        range(2, 9),
        map(Image.Transpose, (0, 3, 1, 5, 4, 6, 2)),
        strict=True,
    )
)
ANIMATED = {"GIF", "WEBP", "PNG", "AVIF"}
MAX_EMPTY_FRAMES = 20  # at the beginning of an animation
BAD_LINKS = {
    errno.ELOOP: "a link that leads to itself",
    errno.ENAMETOOLONG: "the name of the file, or of what a link leads to, is too long",
}

_opening = threading.Lock()


class UnreadableImage(ValueError):
    """A file that cannot be shown as a picture; its text says why, in a sentence.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
    ...     try:
    ...         dup.compare_images(file.name, file.name)
    ...     except dup.UnreadableImage as error:
    ...         print(str(error).partition(": ")[2])
    the file is empty
    """


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
        the result may be smaller as long as both its sides keep this many pixels. That saves
        memory, and JPEG is decoded several times faster (at 1/2, 1/4 or 1/8). None keeps the full
        size.
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
    imgdup_nb.engine.decode.UnreadableImage: not an image, or ...
    """
    with readable(), open_lazily(source) as image:
        return as_seen(image, min_side=min_side, max_pixels=max_pixels, mode=mode)


class UnopenedFormat(UnreadableImage):
    """A file of a format that another program would have to open, which is never started here."""


class readable:  # a call like `suppress`; as a generator it takes four times as long
    """Turn whatever a decoder raises into an UnreadableImage: ten types were met in real files.

    An ImportError passes: a package that is broken or missing is no fault of the picture.
    """

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, UnreadableImage | ImportError):
            raise UnreadableImage(_explain(error)) from error


@contextmanager
def no_decoder_warnings() -> Iterator[None]:
    """Show no warnings of decoders about single files, also in threads: the tables hold them.

    For whoever waits for the threads, not for what runs in them: Python's filters are one list for
    the whole process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for start in ("the executor broke", "numba cannot be imported"):
            warnings.filterwarnings("default", message=start)
        yield


def _explain(error: Exception) -> str:
    """Say in words what kept a file from being read."""
    if isinstance(error, UnreadableMember):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        return NO_PICTURE
    if isinstance(error, FileNotFoundError):
        return "the file is gone, or a link that leads nowhere"
    if isinstance(error, PermissionError):
        return "no permission to read the file"
    if isinstance(error, OSError) and error.errno in BAD_LINKS:
        return BAD_LINKS[error.errno]
    if isinstance(error, Image.DecompressionBombError):
        return "too large: a part of it has more pixels than Pillow decodes"
    if isinstance(error, MemoryError):
        return "too large for the memory there is"
    detail = " ".join(str(error).split())[:160] or "no reason given"
    return f"damaged: {detail} ({type(error).__name__})"


def open_lazily(source: str | os.PathLike[str] | IO[bytes], name: str = "") -> ImageFile.ImageFile:
    """Read an image's header only, of the formats that we chose.

    Size limits are checked by `as_seen`, because a large JPEG may be decoded small. Of a RAW file
    the preview is opened, with what is known of the file in `info`.

    Parameters
    ----------
    source
        a path, a URL, or an open file.
    name
        of an open file: RAW files are known by their suffix, too.

    Raises
    ------
    UnopenedFormat
        for a format that another program would have to open.
    PIL.UnidentifiedImageError, and what else a plugin raises
        if it is no picture.
    """
    if isinstance(source, str | os.PathLike):
        name = name_in_address(os.fspath(source))
    if is_url(source):
        source = io.BytesIO(read_bytes(str(source)))
    try:
        image = _open_chosen(source)
    except UnidentifiedImageError:
        if preview := _open_preview(source, name, None):
            return preview
        _refuse_other_programs(source)
        raise
    if image.format == "TIFF" and (preview := _open_preview(source, name, image)):
        return preview
    return image


def _open_chosen(source: str | os.PathLike[str] | IO[bytes]) -> ImageFile.ImageFile:
    formats = known_formats()
    # Pillow's own limit is one number for the whole process: lifted only while a header is read, by
    # one thread at a time
    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(source, formats=formats)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _open_preview(
    source: str | os.PathLike[str] | IO[bytes], name: str, outer: ImageFile.ImageFile | None
) -> ImageFile.ImageFile | None:
    """Return the preview of a RAW file, of which Pillow may have opened the `outer` picture."""
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            return _preview_in(file, source, name, outer)
    position = source.tell()
    try:
        return _preview_in(source, source, name, outer)
    finally:
        source.seek(position)


def _preview_in(
    file: IO[bytes], source: Any, name: str, outer: ImageFile.ImageFile | None
) -> ImageFile.ImageFile | None:
    raw = raw_of(file, name)
    if raw is None:
        return None
    stored, image = find_preview(file), outer
    if stored:
        image = _open_chosen(io.BytesIO(stored))
    elif image is None:
        developed = decode_raw(raw._replace(source=source), None)
        if developed is None:
            raise UnreadableImage(
                'a RAW photograph without a preview: pip install "imgdup-nb[raw]" to read it'
            )
        buffer = io.BytesIO()
        developed.save(buffer, "BMP")
        image = _open_chosen(buffer)
    exif = None
    if outer is not None and image is not outer:
        exif = outer.getexif()
        turned = Image.Exif()
        turned[ORIENTATION] = exif.get(ORIENTATION, 1)
        image.info["exif"] = turned.tobytes()
        dict(exif.get_ifd(0x8769)), dict(exif.get_ifd(0x8825))  # read while the file is open
        if source is not file:
            outer.close()
    image.info[RAW] = raw._replace(source=source, exif=exif)
    return image


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
    cost = check_size(image, min_side, max_pixels, mode)
    with budget.reserved(cost):
        return _show(image, min_side, mode)


class SeenGrey(NamedTuple):
    """The grey that a viewer would show, and whether the decoder had nothing to say of damage.

    Attributes
    ----------
    pixels : uint8, height x width
    is_clean
        known for JPEGs only; False if unknown.
    """

    pixels: np.ndarray
    is_clean: bool


def grey_as_seen(
    image: ImageFile.ImageFile, *, min_side: int, max_pixels: int = MAX_PIXELS
) -> SeenGrey:
    """Decode a lazily opened image into grey: the pixels of `as_seen` with mode L."""
    cost = check_size(image, min_side, max_pixels, "L")
    with budget.reserved(cost):
        pixels = _decode_jpeg(image)
        if pixels is None:
            return SeenGrey(np.asarray(_show(image, min_side, "L")), False)
        if changes_colours(image):
            small = reduced(Image.fromarray(pixels), min_side)
            seen = in_srgb(small, stored_profile(image), space_of(image.mode))
            grey = np.asarray(seen.convert("L"))
        else:
            grey = reduced_grey(pixels, min_side)
        return SeenGrey(_turned(grey, _orientation(image)), True)


def _turned(grey: np.ndarray, orientation: int) -> np.ndarray:
    if orientation not in TURNS:
        return grey
    return np.asarray(Image.fromarray(grey).transpose(TURNS[orientation]))


def draft(image: ImageFile.ImageFile, min_side: int | None, mode: str = "RGB") -> JpegFrame | None:
    """Choose the size and the colours a JPEG is decoded in: a fraction of its size, or only grey.

    Changes nothing for other formats, nor for the kinds of JPEG that cannot be decoded smaller.
    Returns the frame of a JPEG.
    """
    frame = _frame_of(image)
    if (min_side or mode == "L") and frame and frame.kind in SCALABLE_FRAMES:
        drafted = "L" if mode == "L" and not changes_colours(image) else None
        image.draft(drafted, (min_side, min_side) if min_side else None)
    return frame


def check_size(image: ImageFile.ImageFile, min_side: int | None, max_pixels: int, mode: str) -> int:
    """Choose the size a lazily opened image is decoded in, once, and refuse what is too much.

    Returns
    -------
    the bytes that decoding takes, about

    Raises
    ------
    UnreadableImage
        if it has too many pixels, or would take too much memory or time; see `limits`.
    """
    width, height = image.size
    frame = draft(image, min_side, mode)
    if min(image.size) < 1:
        raise UnreadableImage(f"no pixels: {width} x {height}")
    if image.size[0] * image.size[1] > max_pixels:
        raise UnreadableImage(
            f"too large: {width} x {height} is {width * height / 1e6:,.0f} megapixels, "
            f"and the limit is {max_pixels / 1e6:,.0f} (raise it with max_pixels=)"
        )
    cost = decoding_bytes(image, frame, min_side, mode)
    limit = max(BYTES_A_PIXEL * max_pixels, SMALL_COST)
    if cost > limit:
        raise UnreadableImage(
            f"too large: {width} x {height} would take {cost / 1e9:,.1f} GB of memory to decode, "
            f"and the limit is {limit / 1e9:,.1f} (raise it with max_pixels=)"
        )
    if is_slow(image, frame):
        raise UnreadableImage(f"too slow: {width} x {height} would take too long to decode")
    return cost


def _show(image: ImageFile.ImageFile, min_side: int | None, mode: str) -> Image.Image:
    if RAW in image.info and (developed := decode_raw(image.info[RAW], min_side)):
        return to_screen(developed, mode, min_side)
    shown = _show_frame(image, min_side, mode)
    n_frames = getattr(image, "n_frames", 1) if image.format in ANIMATED else 1
    if n_frames < 2:
        return shown
    # an animation may begin with an empty frame, to fade in; or with a picture for programs that
    # know no animations
    is_cover = bool(getattr(image, "default_image", False))
    first = shown
    for k in range(1, min(n_frames, MAX_EMPTY_FRAMES)):
        if not (is_cover and k == 1) and not is_uniform(shown):
            return shown
        try:
            image.seek(k)
            shown = _show_frame(image, min_side, mode)
        except Exception:  # the first frame is good
            return first
    return first if is_uniform(shown) else shown


def _show_frame(image: ImageFile.ImageFile, min_side: int | None, mode: str) -> Image.Image:
    image.load()
    return upright(to_screen(image, mode, min_side))


def _decode_jpeg(image: ImageFile.ImageFile) -> np.ndarray | None:
    """Return the pixels of a drafted JPEG that lies in memory, None for what Pillow judges.

    uint8, height x width, or x 3 if a profile changes its colours; not yet upright. Pillow's very
    bytes, for both use libjpeg-turbo, in a tenth less time and in one turn of the interpreter's
    lock.
    """
    if (
        image.format not in {"JPEG", "MPO"}
        or not (image.mode == "L" or (image.mode == "RGB" and changes_colours(image)))
        or not isinstance(image.fp, io.BytesIO)
        or RAW in image.info
    ):
        return None
    frame = _frame_of(image)
    if frame is None or not frame.is_orderly:
        return None
    decode_pixels = decode_grey if image.mode == "L" else decode_rgb
    return decode_pixels(image.fp.getbuffer(), *image.size)


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


def _is_upright(image: Image.Image) -> bool:
    return _orientation(image) == 1


def is_lying(image: Image.Image) -> bool:
    """Tell whether a viewer turns an image by a quarter, so that width and height change places."""
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
    """Keep the messages of libtiff and of Pillow's log off the error output; once per process.

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
    """Return the libtiff of Pillow's wheel: none on Windows, nor of other builds of Pillow."""
    folder = Path(PIL.__file__).parent
    return list(
        chain(folder.parent.glob("pillow.libs/libtiff*.so*"), folder.glob(".dylibs/libtiff*.dylib"))
    )

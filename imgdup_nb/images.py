"""A folder of files -> the `images` table: one row per file, and a `problem` where one cannot be read."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageFile

from .decode import (
    HAS_HEIF,
    MAX_PIXELS,
    UnreadableImage,
    grey_as_seen,
    is_lying,
    open_lazily,
    read_plain_jpeg,
    readable,
    without_remarks,
)
from .parallel import map_batches
from .remarks import hush_decoders
from .sketches import DECODE_SIDE, sketch_image, sketches
from .storage import exists, find_files, is_folder, is_url, open_bytes, read_bytes, read_status
from .text import count_of

LOW_DETAIL = 2.0  # grey levels of standard deviation; below it a hash describes noise
LITTER = {"thumbs.db", "desktop.ini"}  # what Windows leaves in folders of pictures
NOT_KNOWN = np.iinfo(np.int64).min  # how pandas writes a missing time in nanoseconds
WHOLE_FILE = 64 * 2**20  # bytes; smaller files are read once, for the digest and the decoder together

# EXIF (TIFF) tags that describe how the pixels are stored, not the picture: every TIFF has a dozen of them
LAYOUT_TAGS = {*range(254, 260), 262, 266, 273, 274, 277, 278, 279, 282, 283, 284, 296, 317, 320, 330, 338, 339, 347}
LAYOUT_TAGS |= {0x8769, 0x8825}  # and where the Exif and the GPS block begin

LOOKS_ESCAPED = re.compile(r"\\x[0-9a-f]{2}|[\ud800-\udfff]")  # in a name: what is no Unicode, or what stands for it

LOSSLESS = {"PNG", "BMP", "DIB", "GIF", "PPM", "TGA", "PCX", "SGI", "QOI", "ICO", "PSD", "SUN", "XBM"}

DTYPES = {
    "image": object,  # names may hold what no text encoding allows, so not pandas' string type
    "path": object,
    "bytes": "int64",
    "modified": "datetime64[ns, UTC]",
    "sha256": object,
    "format": object,
    "mode": object,
    "width": "int64",
    "height": "int64",
    "frames": "int64",
    "taken": "datetime64[s]",
    "metadata": "int64",
    "lossless": bool,
    "detail": "float64",
    "problem": object,
}


def scan_images(
    folder: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    max_pixels: int = MAX_PIXELS,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """List the pictures of a folder with what is known of each; a file that cannot be read is a row with a `problem`.

    Parameters
    ----------
    folder
        a folder, searched with all its subfolders; or a list of files and folders; or URLs of them that fsspec opens, such as
        "s3://bucket/photos" (pip install "imgdup-nb[remote]"). Hidden files and folders (also notebooks'
        checkpoints) are passed over. A linked folder is followed once, and only where it leads outside.
    max_pixels
        larger pictures become rows with a problem, inclusive; JPEG is judged by the reduced size it is decoded at.
    executor
        any `concurrent.futures.Executor`, such as `dask.distributed.Client(...).get_executor()`; its workers must be able to
        read the paths. None works in threads.

    Returns
    -------
    pandas.DataFrame, one row per file, sorted by `image`:
        image (name relative to the folder, `/` between its parts), path, bytes, modified (UTC), sha256, format, mode,
        width and height (pixels, as shown: EXIF orientation applied), frames, taken (EXIF, local time of the camera),
        metadata (number of EXIF, XMP and IPTC entries, layout aside), lossless (does the file keep every pixel it was given?),
        detail (standard deviation of grey, 0 = blank, at most 127.5), problem (empty if the image could be read).
        Files with a problem have size 0 and detail NaN.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        if the folder, or a file of the list, is not there or is no folder.
    TypeError, ValueError
        if `folder` is no path or list of them, or mixes URLs with paths of this machine; if max_pixels is no number above 0.

    Warns
    -----
    UserWarning
        once, if files could not be read or none was found.

    Notes
    -----
    Each file is read and decoded once, JPEG at a fraction of its size and in grey. A 64 x 64 sketch of the last 60,000 images
    (250 MB) is remembered, so that fingerprints made right after need no second decode, save for `colorhash`.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (30, 20), "red").save(f"{folder}/red.png")
    ...     images = scan_images(folder)
    >>> images[["image", "format", "width", "height", "detail", "problem"]]
         image format  width  height  detail problem
    0  red.png    PNG     30      20     0.0
    """
    if isinstance(max_pixels, bool) or not isinstance(max_pixels, Real) or not max_pixels > 0:
        raise ValueError(f"max_pixels must be a number of pixels above 0, such as 50_000_000, not {max_pixels!r}")
    files = _list_files(folder)
    hush_decoders()
    rows = []
    with without_remarks():
        batch = partial(_describe_batch, max_pixels=max_pixels)
        for row, sketch in map_batches(batch, files, executor=executor, describe="scan"):
            rows.append(row)
            if sketch is not None:  # as they come: only the last sketches stay in memory
                sketches.keep((row["path"], row["bytes"], row["modified"], "L"), sketch)
    images = tabulate(rows)
    _warn_of_problems(folder, images)
    return images


def tabulate(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the `images` table of rows made by `describe_file`; their times are in nanoseconds."""
    columns = {name: pd.Series([row[name] for row in rows], dtype=DTYPES[name]) for name in DTYPES if name != "modified"}
    modified = np.array([row["modified"] for row in rows], dtype=np.int64).view("datetime64[ns]")
    columns["modified"] = pd.Series(modified).dt.tz_localize("UTC")
    return pd.DataFrame({name: columns[name] for name in DTYPES})


# -- which files ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _File:
    image: str
    path: str


def _list_files(folder: Any) -> list[_File]:
    """Return the files to describe, sorted by name, each once."""
    if not isinstance(folder, str | os.PathLike):
        folder = _check_listed(folder)
    if is_url(folder) or (isinstance(folder, list) and folder and is_url(folder[0])):
        return _list_urls(folder)
    if isinstance(folder, str | os.PathLike):
        root = os.path.abspath(folder)
        if not os.path.exists(root):
            raise FileNotFoundError(f"folder {os.fspath(folder)!r} does not exist; the current folder is {os.getcwd()!r}")
        if not os.path.isdir(root):
            raise NotADirectoryError(
                f"folder must be a folder, and {os.fspath(folder)!r} is a file; for single files pass a list: "
                f"scan_images([{os.fspath(folder)!r}])"
            )
        paths = {entry.path for entry in walk_files(root)}
    else:
        listed = [os.path.abspath(entry) for entry in folder]
        for entry in listed:
            if not os.path.lexists(entry):
                raise FileNotFoundError(f"{entry!r} does not exist")
        folders = {entry for entry in listed if os.path.isdir(entry)}
        paths = {entry.path for top in folders for entry in walk_files(top)} | (set(listed) - folders)
        root = os.path.commonpath([*folders, *map(os.path.dirname, set(listed) - folders)]) if listed else ""
    below = len(os.path.join(root, ""))  # all lie below the root, so what follows it is their name
    return sorted((_File(printable(path[below:].replace(os.sep, "/")), path) for path in paths), key=_by_name)


def _check_listed(listed: Any) -> list[Any]:
    """Return a list of files and folders, all on this machine or all elsewhere, or say what it is instead."""
    if isinstance(listed, pd.DataFrame) or not isinstance(listed, Iterable):
        raise TypeError(f"folder must be the path of a folder, or a list of paths, not {type(listed).__name__}")
    paths = list(listed)
    for path in paths:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"folder must be a list of paths, and {path!r} is none")
    elsewhere = [path for path in paths if is_url(path)]
    if 0 < len(elsewhere) < len(paths):
        here = next(path for path in paths if not is_url(path))
        raise ValueError(
            f"folder must be a list of URLs or of paths of this machine, not of both, and {elsewhere[0]!r} is a URL and "
            f"{os.fspath(here)!r} is none: scan each kind alone, and compare their fingerprints with similar_pairs(one, other)"
        )
    return paths


def _list_urls(folder: str | list[str]) -> list[_File]:
    """Return the files below a URL, or of a list of URLs, sorted by name."""
    listed = [folder] if isinstance(folder, str) else folder
    for entry in listed:
        if not exists(entry):
            raise FileNotFoundError(f"{entry!r} does not exist, or holds no files")
    folders = {entry.rstrip("/") for entry in listed if is_folder(entry)}
    if isinstance(folder, str) and not folders:
        raise NotADirectoryError(f"folder must be a folder, and {folder!r} is a file; for single files pass a list")
    files = {entry for entry in listed if entry.rstrip("/") not in folders}
    paths = files | {path for entry in folders for path in find_files(entry)}
    # names are relative to what all have in common, up to a whole folder
    root = _common_folder([*folders, *(file.rpartition("/")[0] for file in files)])
    named = ((path.removeprefix(root), path) for path in paths)
    return sorted((_File(image, path) for image, path in named if _is_visible(image)), key=_by_name)


def _common_folder(folders: list[str]) -> str:
    """Return what the folders' URLs have in common, up to a whole folder, with a `/` at its end."""
    columns = zip(*(folder.split("/") for folder in folders), strict=False)
    common = itertools.takewhile(lambda parts: len(set(parts)) == 1, columns)
    return "".join(f"{parts[0]}/" for parts in common)


def _is_visible(image: str) -> bool:
    parts = image.split("/")
    return not any(part.startswith(".") for part in parts) and parts[-1].lower() not in LITTER


def _by_name(file: _File) -> str:
    return file.image


def printable(name: str) -> str:
    r"""Show what is no Unicode as ``\xe9``: such a name can be opened, but neither printed nor stored.

    No two names look the same: where one has such a part, or seems to, its own backslashes are doubled.

    Examples
    --------
    >>> print(printable("caf\udce9.jpg"), printable(r"caf\xe9.jpg"), printable("half \ud83d.jpg"))
    caf\xe9.jpg caf\\xe9.jpg half \xed\xa0\xbd.jpg
    """
    if LOOKS_ESCAPED.search(name):
        name = name.replace("\\", "\\\\")
    try:
        raw = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # Windows lets half of a surrogate pair stand alone
        raw = name.encode("utf-8", "surrogatepass")
    return raw.decode("utf-8", "backslashreplace")


def walk_files(root: str) -> Iterator[os.DirEntry[str]]:
    """Yield every visible file below `root`, entering each real folder once, so that links cannot loop."""
    home, entered, waiting = os.path.realpath(root), set(), [root]
    while waiting:
        folder = waiting.pop()
        real = os.path.realpath(folder)
        if real in entered:
            continue
        entered.add(real)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            warnings.warn(f"folder {printable(folder)!r} cannot be listed: {error.strerror}", stacklevel=4)
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in LITTER:
                continue
            if entry.is_dir() and not (entry.is_symlink() and _is_within(os.path.realpath(entry.path), home)):
                waiting.append(entry.path)
            elif not entry.is_dir():
                yield entry


def _is_within(path: str, root: str) -> bool:
    """Tell whether either of two real folders holds the other: following such a link would list files twice."""
    return os.path.commonpath([path, root]) in {path, root} if _same_drive(path, root) else False


def _same_drive(path: str, root: str) -> bool:
    return os.path.splitdrive(path)[0] == os.path.splitdrive(root)[0]


# -- one file ---------------------------------------------------------------------------------------------------------


def _describe_batch(files: Sequence[_File], *, max_pixels: int) -> list[tuple[dict[str, Any], np.ndarray | None]]:
    """Return a row of the `images` table and the sketch of each file, or None where there is a problem."""
    return [describe_file(file.image, file.path, max_pixels=max_pixels) for file in files]


def describe_file(image: str, path: str, *, max_pixels: int = MAX_PIXELS) -> tuple[dict[str, Any], np.ndarray | None]:
    """Read and decode a file once.

    Returns
    -------
    a row of the `images` table as a dict (`modified` in nanoseconds), and the sketch, uint8, 64 x 64; None where there is a
    problem.
    """
    row = {
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
        "problem": "",
    }
    try:
        with readable():
            return row, _read_into(row, max_pixels)
    except UnreadableImage as error:
        row["problem"] = str(error)
        return row, None


def _read_into(row: dict[str, Any], max_pixels: int) -> np.ndarray:
    """Fill a row step by step, so that what was known before a failure stays; return the sketch."""
    size, modified, regular = read_status(row["path"])
    row.update(bytes=size, modified=modified)
    if not regular:
        raise UnreadableImage("not a regular file")
    if size == 0:
        raise UnreadableImage("the file is empty")
    whole = read_bytes(row["path"], size) if size <= WHOLE_FILE else b""
    plain = read_plain_jpeg(whole, min_side=DECODE_SIDE, max_pixels=max_pixels)
    if plain is None:
        grey = _read_with_pillow(row, whole, max_pixels)
    else:
        row.update(format="JPEG", mode=plain.mode, width=plain.width, height=plain.height, frames=1)
        row["sha256"] = hashlib.sha256(whole).hexdigest()
        grey = plain.grey
    sketch = sketch_image(grey)
    row["detail"] = _detail(sketch)
    return sketch


def _read_with_pillow(row: dict[str, Any], whole: bytes, max_pixels: int) -> np.ndarray:
    """Fill a row as Pillow understands the file, of which the `whole` is given if it is small; return the grey picture."""
    with io.BytesIO(whole) if whole else open_bytes(row["path"]) as source, _identified(source) as image:
        row.update(format=image.format or "", mode=image.mode, lossless=_is_lossless(image))
        row["sha256"] = hashlib.sha256(whole).hexdigest() if whole else _file_digest(row["path"])
        width, height = image.size  # before it is decoded smaller
        grey = grey_as_seen(image, min_side=DECODE_SIDE, max_pixels=max_pixels)
        if is_lying(image):
            width, height = height, width
        row.update(width=width, height=height, frames=_count_frames(image), **_read_metadata(image))
    return grey


def _detail(sketch: np.ndarray) -> float:
    """Return the standard deviation of a grey sketch, 0..127.5."""
    values, n = sketch.ravel().astype(np.float64), sketch.size
    # sums of whole numbers far below 2**53 are exact in any order, so that every machine gets the same
    return float(np.sqrt(n * values.dot(values) - values.sum() ** 2) / n)


def _identified(source: Any) -> ImageFile.ImageFile:
    """Open an image's header, with the way out where only a missing plugin keeps it from being read."""
    try:
        return open_lazily(source)
    except Exception:
        source.seek(0)
        if not HAS_HEIF and source.read(12)[4:12] in {b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypmsf1", b"ftyphevc"}:
            raise UnreadableImage('a HEIC photograph: pip install "imgdup-nb[heif]" to read it') from None
        raise


def _file_digest(path: str) -> str:
    digest = hashlib.sha256()
    with open_bytes(path) as stored:
        while chunk := stored.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def _count_frames(image: Image.Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # the first frame is good; damage further on does not make the picture unreadable
        return 1


def _is_lossless(image: ImageFile.ImageFile) -> bool:
    """Tell whether the file's format keeps every pixel it was given."""
    if image.format == "TIFF":
        return "jpeg" not in str(image.info.get("compression", "")).lower()
    if image.format == "WEBP":
        assert image.fp is not None
        image.fp.seek(12)
        return b"VP8L" in image.fp.read(64 * 1024)  # the chunk's name stands before the pixels
    return image.format in LOSSLESS


def _read_metadata(image: ImageFile.ImageFile) -> dict[str, Any]:
    """Return `taken` and the number of `metadata` entries; damaged metadata count as none."""
    try:
        exif = image.getexif()
        details = exif.get_ifd(0x8769)  # the Exif block: exposure, lens, time
        entries = len(set(exif) - LAYOUT_TAGS) + len(details) + len(exif.get_ifd(0x8825))  # and GPS
        entries += _count_iptc(image) + bool(image.info.get("xmp"))
        return {"metadata": entries, "taken": _parse_time(details.get(0x9003) or exif.get(0x0132))}
    except Exception:
        return {}


def _count_iptc(image: ImageFile.ImageFile) -> int:
    if "photoshop" not in image.info and image.format != "TIFF":
        return 0
    # imported late: a plugin imported before Pillow's own is asked first about every file, and this one tries to read it
    from PIL import IptcImagePlugin

    return len(IptcImagePlugin.getiptcinfo(image) or ())


def _parse_time(text: Any) -> datetime | None:
    """Read EXIF's `2024:05:31 17:20:09`; cameras without a clock write zeros."""
    try:
        return datetime.strptime(str(text), "%Y:%m:%d %H:%M:%S") if text else None
    except ValueError:
        return None


# -- problems ---------------------------------------------------------------------------------------------------------


def _warn_of_problems(folder: Any, images: pd.DataFrame) -> None:
    """Give one summary warning: how many files, and why."""
    if images.empty:
        warnings.warn(f"no files found in {str(folder)!r}", stacklevel=3)
        return
    reasons = Counter(images.problem[images.problem != ""])
    if reasons:
        most = "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common(3))
        others = f"; and {count_of(len(reasons) - 3, 'other reason')}" if len(reasons) > 3 else ""
        warnings.warn(
            f"{reasons.total()} of {len(images)} files could not be read ({most}{others}); see images[images.problem != '']",
            stacklevel=3,
        )

"""Where files are: on this machine by path, or anywhere that fsspec reaches by URL (`s3://bucket/photos/a.jpg`)."""

from __future__ import annotations

import itertools
import os
import re
import stat
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, NamedTuple

import pandas as pd

from .paths import LITTER, is_inside

CHUNK = 8 * 2**20  # bytes read ahead of a file elsewhere


class FileStatus(NamedTuple):
    """What is known of a file before it is opened."""

    size: int  # bytes
    modified: int  # nanoseconds since 1970, UTC
    regular: bool


def is_url(path: Any) -> bool:
    """Tell whether a path is a URL that fsspec opens.

    Examples
    --------
    >>> is_url("s3://bucket/a.jpg"), is_url("photos/a.jpg")
    (True, False)
    """
    return isinstance(path, str) and "://" in path


def open_bytes(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a file for reading, wherever it is."""
    if is_url(path):
        filesystem, key = _filesystem(str(path))
        return filesystem.open(key, "rb", block_size=CHUNK)
    return open(path, "rb")


def read_bytes(path: str, size: int | None = None) -> bytes:
    """Return a whole file, wherever it is; where its `size` is known, a local one is read in one go and no further."""
    if is_url(path):
        with open_bytes(path) as stored:
            return stored.read()
    # the bare calls to the system, and few of them: after each a thread has to wait for its turn
    # again
    descriptor = os.open(
        path, os.O_RDONLY | getattr(os, "O_BINARY", 0)
    )  # else Windows changes line ends
    try:
        parts: list[bytes] = []
        while part := os.read(descriptor, size or CHUNK):
            parts.append(part)
            if sum(map(len, parts)) == size:
                break
        return b"".join(parts)
    finally:
        os.close(descriptor)


def read_status(path: str) -> FileStatus:
    """Return size and time of a file, wherever it is."""
    if is_url(path):
        filesystem, key = _filesystem(path)
        return _status(filesystem.info(key))
    known = os.stat(path)
    return FileStatus(known.st_size, known.st_mtime_ns, stat.S_ISREG(known.st_mode))


def find_files(url: str) -> Iterator[str]:
    """Yield the URLs of all files below a URL; none where there is nothing."""
    filesystem, key = _filesystem(url)
    protocol = url.split("://", 1)[0]
    return (
        f"{protocol}://{found.lstrip('/') if protocol != 'file' else found}"
        for found in filesystem.find(key)
    )


def exists(url: str) -> bool:
    """Tell whether a URL names a file or a folder."""
    filesystem, key = _filesystem(url)
    return bool(filesystem.exists(key))


def is_folder(url: str) -> bool:
    """Tell whether a URL names a folder, which in most stores is what its files' names begin with."""
    filesystem, key = _filesystem(url)
    return bool(filesystem.isdir(key))


def _filesystem(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise ImportError(
            f'{url!r} is a URL: pip install "imgdup-nb[remote]" to read it'
        ) from error
    return url_to_fs(url)


def _status(info: dict[str, Any]) -> FileStatus:
    # stores name the time differently, and some do not know it
    changed = next(
        (
            info[name]
            for name in ("LastModified", "mtime", "updated", "last_modified", "created")
            if name in info
        ),
        0,
    )
    seconds = changed.timestamp() if isinstance(changed, datetime) else float(changed or 0)
    return FileStatus(int(info.get("size") or 0), int(seconds * 1e9), info.get("type") == "file")


LOOKS_ESCAPED = re.compile(
    r"\\x[0-9a-f]{2}|[\ud800-\udfff]"
)  # in a name: what is no Unicode, or what stands for it


# -- which files -----------------------------------------------------------------------------------


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
            raise FileNotFoundError(
                f"folder {os.fspath(folder)!r} does not exist; the current folder is "
                f"{os.getcwd()!r}"
            )
        if not os.path.isdir(root):
            raise NotADirectoryError(
                f"folder must be a folder, and {os.fspath(folder)!r} is a file; for single files "
                "pass a list: "
                f"scan_images([{os.fspath(folder)!r}])"
            )
        paths = {entry.path for entry in walk_files(root)}
    else:
        listed = [os.path.abspath(entry) for entry in folder]
        for entry in listed:
            if not os.path.lexists(entry):
                raise FileNotFoundError(f"{entry!r} does not exist")
        folders = {entry for entry in listed if os.path.isdir(entry)}
        paths = {entry.path for top in folders for entry in walk_files(top)} | (
            set(listed) - folders
        )
        root = (
            os.path.commonpath([*folders, *map(os.path.dirname, set(listed) - folders)])
            if listed
            else ""
        )
    below = len(os.path.join(root, ""))  # all lie below the root, so what follows it is their name
    return sorted(
        (_File(printable(path[below:].replace(os.sep, "/")), path) for path in paths), key=_by_name
    )


def _check_listed(listed: Any) -> list[Any]:
    """Return a list of files and folders, all on this machine or all elsewhere, or say what it is instead."""
    if isinstance(listed, pd.DataFrame) or not isinstance(listed, Iterable):
        raise TypeError(
            f"folder must be the path of a folder, or a list of paths, not {type(listed).__name__}"
        )
    paths = list(listed)
    for path in paths:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"folder must be a list of paths, and {path!r} is none")
    elsewhere = [path for path in paths if is_url(path)]
    if 0 < len(elsewhere) < len(paths):
        here = next(path for path in paths if not is_url(path))
        raise ValueError(
            "folder must be a list of URLs or of paths of this machine, not of both, and "
            f"{elsewhere[0]!r} is a URL and "
            f"{os.fspath(here)!r} is none: scan each kind alone, and compare their fingerprints "
            "with similar_pairs(one, other)"
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
        raise NotADirectoryError(
            f"folder must be a folder, and {folder!r} is a file; for single files pass a list"
        )
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

    No two names look the same: where one has such a part, or seems to, its own backslashes are
    doubled.

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
            warnings.warn(
                f"folder {printable(folder)!r} cannot be listed: {error.strerror}", stacklevel=4
            )
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in LITTER:
                continue
            if entry.is_dir() and not (entry.is_symlink() and _overlap(entry.path, home)):
                waiting.append(entry.path)
            elif not entry.is_dir():
                yield entry


def _overlap(one: str, other: str) -> bool:
    """Tell whether either of two folders holds the other: a link between them lists files twice."""
    return is_inside(one, other) or is_inside(other, one)

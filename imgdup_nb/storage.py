"""Where files are: on this machine by path, or anywhere that fsspec reaches by URL (`s3://bucket/photos/a.jpg`)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any, NamedTuple

CHUNK = 8 * 2**20  # bytes read ahead of a file elsewhere


class Status(NamedTuple):
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
    # the bare calls to the system, and few of them: after each a thread has to wait for its turn again
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))  # else Windows changes line ends
    try:
        parts: list[bytes] = []
        while part := os.read(descriptor, size or CHUNK):
            parts.append(part)
            if sum(map(len, parts)) == size:
                break
        return b"".join(parts)
    finally:
        os.close(descriptor)


def read_status(path: str) -> Status:
    """Return size and time of a file, wherever it is."""
    if is_url(path):
        filesystem, key = _filesystem(path)
        return _status(filesystem.info(key))
    known = os.stat(path)
    return Status(known.st_size, known.st_mtime_ns, stat.S_ISREG(known.st_mode))


def find_files(url: str) -> Iterator[str]:
    """Yield the URLs of all files below a URL; none where there is nothing."""
    filesystem, key = _filesystem(url)
    protocol = url.split("://", 1)[0]
    return (f"{protocol}://{found.lstrip('/') if protocol != 'file' else found}" for found in filesystem.find(key))


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
        raise ImportError(f'{url!r} is a URL: pip install "imgdup-nb[remote]" to read it') from error
    return url_to_fs(url)


def _status(info: dict[str, Any]) -> Status:
    # stores name the time differently, and some do not know it
    changed = next((info[name] for name in ("LastModified", "mtime", "updated", "last_modified", "created") if name in info), 0)
    seconds = changed.timestamp() if isinstance(changed, datetime) else float(changed or 0)
    return Status(int(info.get("size") or 0), int(seconds * 1e9), info.get("type") == "file")

"""Members of zip and tar archives on this machine, read one by one, never unpacked.

A member's name is only a name: nothing is written where it leads. An archive stays open until it
changes or 16 others were opened after it. A compressed tar has no index, so it is unpacked once
into an unnamed temporary file.
"""

from __future__ import annotations

import io
import lzma
import os
import shutil
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO, NamedTuple

from .addresses import UnreadableMember

OPEN_ARCHIVES = 16  # archives
MAX_MEMBER = 2**30  # bytes of one member, unpacked
IN_MEMORY = 64 * 2**20  # bytes; larger members are unpacked into a temporary file
MAX_RATIO = 20  # of a compressed tar: pictures hardly shrink, so more is a bomb
UNKNOWN_TIME = -(2**63)
BAD_ARCHIVE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    UnicodeError,
    ValueError,
)


class Entry(NamedTuple):
    """A member of an archive: where it lies, its bytes unpacked, its time in nanoseconds."""

    name: str
    size: int
    modified: int
    regular: bool
    offset: int


class Archive:
    """An archive that is open for reading; threads may share it.

    Raises
    ------
    ValueError
        if it is damaged.
    """

    def __init__(self, kind: str, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._zip: zipfile.ZipFile | None = None
        self._file: IO[bytes] | None = None
        try:
            listed = self._open_zip() if kind == "zip" else self._open_tar()
            self.entries = {entry.name: entry for entry in listed}  # the last of one name counts
        except BAD_ARCHIVE as error:
            reason = " ".join(str(error).split())[:160] or type(error).__name__
            raise ValueError(f"the archive {path!r} is damaged: {reason}") from error

    def open(self, name: str) -> IO[bytes]:
        """Open a member; what is read is at most as long as the archive's index says."""
        entry = self.entry(name)
        if entry.size > MAX_MEMBER:
            raise UnreadableMember("too large: more than 1 GiB when it is unpacked")
        if self._zip is None:
            return io.BytesIO(self._read_at(entry.offset, entry.size))
        with self._open_packed(name) as packed:
            if entry.size <= IN_MEMORY:
                return io.BytesIO(packed.read())
            unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
            shutil.copyfileobj(packed, unpacked, 2**20)
            unpacked.seek(0)
            return unpacked

    def read_head(self, name: str, n_bytes: int) -> bytes:
        """Return the first bytes of a member."""
        entry = self.entry(name)
        if self._zip is None:
            return self._read_at(entry.offset, min(n_bytes, entry.size))
        with self._open_packed(name) as packed:
            return packed.read(n_bytes)

    def entry(self, name: str) -> Entry:
        """Return what is known of a member."""
        if name not in self.entries:
            raise UnreadableMember("the archive holds no such member")
        return self.entries[name]

    def _open_packed(self, name: str) -> IO[bytes]:
        assert self._zip is not None
        info = self._zip.getinfo(name)
        if info.flag_bits & 1:
            raise UnreadableMember("encrypted: the archive asks for a password")
        return self._zip.open(info)

    def _open_zip(self) -> Iterator[Entry]:
        self._zip = zipfile.ZipFile(self.path)
        for info in self._zip.infolist():
            if not info.is_dir():
                yield Entry(info.filename, info.file_size, _zip_time(info), True, 0)

    def _open_tar(self) -> Iterator[Entry]:
        self._file = open(self.path, "rb")  # noqa: SIM115 - it stays open
        if not _is_plain_tar(self._file):
            self._file = _unpack_tar(self.path, self._file)
        data: dict[str, Entry] = {}
        with tarfile.open(fileobj=self._file, mode="r:") as archive:
            for info in archive:
                if info.isdir():
                    continue
                size, offset, regular = info.size, info.offset_data, info.isreg()
                if info.islnk() and info.linkname in data:  # the same bytes by another name
                    size, offset, regular = data[info.linkname][1], data[info.linkname][4], True
                entry = Entry(
                    info.name, size, int(info.mtime * 1e9), regular and not info.sparse, offset
                )
                data[info.name] = entry
                yield entry
            end = archive.offset
        if self._read_at(end, tarfile.BLOCKSIZE).strip(b"\0"):
            raise tarfile.ReadError("it ends in the middle, or a header is unreadable")

    def _read_at(self, offset: int, size: int) -> bytes:
        assert self._file is not None
        with self._lock:
            self._file.seek(offset)
            read = self._file.read(size)
        return read

    def __del__(self) -> None:
        for opened in (self._zip, self._file):
            if opened is not None:
                opened.close()


def open_archive(kind: str, path: str) -> Archive:
    """Return an archive, opened once for all of its members until it changes."""
    known = os.stat(path)
    key = (kind, path, known.st_mtime_ns, known.st_size)
    with _archives_lock:
        if key not in _archives:
            _archives[key] = Archive(kind, path)
            for other in [other for other in _archives if other[:2] == key[:2] and other != key]:
                del _archives[other]
            while len(_archives) > OPEN_ARCHIVES:
                _archives.popitem(last=False)
        _archives.move_to_end(key)
        return _archives[key]


_archives: OrderedDict[tuple[str, str, int, int], Archive] = OrderedDict()
_archives_lock = threading.Lock()


def _zip_time(info: zipfile.ZipInfo) -> int:
    try:
        return int(datetime(*info.date_time, tzinfo=UTC).timestamp()) * 10**9
    except ValueError:  # month 0 is how a zip says that it does not know
        return UNKNOWN_TIME


def _is_plain_tar(file: IO[bytes]) -> bool:
    head = file.read(tarfile.BLOCKSIZE)
    file.seek(0)
    return not head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"))


def _unpack_tar(path: str, file: IO[bytes]) -> IO[bytes]:
    """Return a compressed tar as an unnamed temporary file without compression."""
    import bz2
    import gzip

    head = file.read(6)
    file.close()
    opener = (
        gzip.open if head.startswith(b"\x1f\x8b") else bz2.open if head[:3] == b"BZh" else lzma.open
    )
    most = MAX_RATIO * os.path.getsize(path) + MAX_MEMBER
    unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - it stays open
    try:
        with opener(path, "rb") as packed:
            while part := packed.read(2**20):
                unpacked.write(part)
                if unpacked.tell() > most:
                    raise ValueError("it grows to more than 20 times its size when it is unpacked")
    except BaseException:
        unpacked.close()
        raise
    unpacked.seek(0)
    return unpacked

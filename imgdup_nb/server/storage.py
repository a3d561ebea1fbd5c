"""The storage: one folder in which clients list, read, store, copy, move and remove files.

Names are paths in the storage, `/` between folders, checked as names of uploads are. Nothing is
lost: what is removed or replaced is moved below `.deleted` in the storage, in a folder named after
the time, and keeps its path there. So moving it back undoes the removal.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ..collection.rescan import STAND_INS
from ..engine.files import printable
from ..engine.paths import check_name, is_inside, write_file
from .errors import Refused

REMOVED = ".deleted"  # hidden, so that it is no name in the storage
UNFINISHED = ".imgdup_nb-copy"
LATEST = "latest"  # the id of the only version of a file
ENTRIES_AT_ONCE = 500  # of a listing
LAST_SECOND = 253402300799  # of the year 9999, beyond which there are no dates


class StoredEntry(NamedTuple):
    """A file or a folder of the storage, as clients read it."""

    name: str
    is_folder: bool
    bytes: int
    modified: float  # seconds since 1970
    path: str  # from the top of the storage, beginning with `/`

    @property
    def reply(self) -> dict[str, Any]:
        """The entry by the names of the client libraries."""
        seconds = min(max(self.modified, 0), LAST_SECOND)
        return {
            "name": self.name,
            "isFolder": self.is_folder,
            "modifiedDate": datetime.fromtimestamp(int(seconds), UTC).isoformat(),
            "size": self.bytes,
            "path": self.path,
        }


class Storage:
    """The files below one folder.

    Parameters
    ----------
    folder
        that exists.
    """

    def __init__(self, folder: str) -> None:
        self.folder = os.path.realpath(folder)
        self._changing = threading.Lock()  # one thread at a time moves, replaces or removes

    # -- names -------------------------------------------------------------------------------------

    def path(self, name: str) -> str:
        """Return the whole path of a name in the storage; empty or `/` is the storage itself.

        Raises
        ------
        Refused
            400 if no file can have this name, 404 if a link on its way leads out.
        """
        plain = name.strip("/")
        if plain:
            try:
                check_name(plain)
            except ValueError as error:
                raise Refused(400, f"a path in the storage: {error}") from error
        path = os.path.join(self.folder, *plain.split("/")) if plain else self.folder
        if not is_inside(path, self.folder):
            raise Refused(404, f"{name!r} leads out of the storage by a link: it is not followed")
        return path

    def name_of(self, path: str) -> str:
        """Return how clients call a file of the storage."""
        return os.path.relpath(path, self.folder).replace(os.sep, "/")

    def stand_in(self, context_id: str, name: str) -> str:
        """Return where a picture is kept whose features stand for a file's in one context."""
        self.path(name)  # checks it
        return os.path.join(self.folder, STAND_INS, context_id, *name.split("/"))

    # -- reading -----------------------------------------------------------------------------------

    def find(self, name: str) -> StoredEntry | None:
        """Return a file or folder; None if there is none, or neither."""
        path = self.path(name)
        try:
            status = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _entry(os.path.basename(path), status, f"/{name.strip('/')}")

    def file(self, name: str) -> str:
        """Return the path of a file.

        Raises
        ------
        Refused
            404 if there is none, 409 if it is a folder.
        """
        found = self.find(name)
        if found is None:
            raise _nothing(name)
        if found.is_folder:
            raise Refused(409, f"{name!r} is a folder of the storage, not a file")
        return self.path(name)

    def list(self, name: str) -> Iterator[list[StoredEntry]]:
        """Yield the files and folders of a folder by name, some at a time.

        Hidden files, links that lead out, pipes and devices are passed over.
        """
        folder = self.path(name)
        if not os.path.isdir(folder):
            raise _nothing(name)
        start = name.strip("/")
        with os.scandir(folder) as listed:
            entries = sorted(
                (entry for entry in listed if not entry.name.startswith(".")),
                key=lambda entry: entry.name,
            )
        for first in range(0, len(entries), ENTRIES_AT_ONCE):
            some = (
                self._listed(entry, start) for entry in entries[first : first + ENTRIES_AT_ONCE]
            )
            yield [entry for entry in some if entry is not None]

    def _listed(self, entry: os.DirEntry[str], start: str) -> StoredEntry | None:
        try:
            if entry.is_symlink() and not is_inside(entry.path, self.folder):
                return None
            status = entry.stat()
        except OSError:  # removed in the meantime, or a link to nothing
            return None
        name = printable(entry.name)
        return _entry(name, status, f"/{start}/{name}" if start else f"/{name}")

    def usage(self) -> tuple[int, int]:
        """Return how many bytes of the disk are used, and how many it has."""
        usage = shutil.disk_usage(self.folder)
        return usage.used, usage.total

    # -- changing ----------------------------------------------------------------------------------

    def make_folder(self, name: str) -> None:
        """Make a folder and those above it, where they are missing."""
        with self._changing:
            self._make_folders(self.path(name))

    def put(self, name: str, contents: bytes) -> None:
        """Store a file; one of that name is moved aside."""
        path = self._new_file(name)
        with self._changing, self._replacing(path):
            self._make_folders(os.path.dirname(path))
            write_file(self.folder, path, contents, replace=False)

    def remove_file(self, name: str) -> None:
        """Move a file aside; a second time does nothing."""
        with self._changing:
            if self.find(name) is not None:
                self._set_aside(self.file(name))

    def remove_folder(self, name: str, *, recursive: bool) -> None:
        """Move a folder aside, whole; a second time does nothing.

        Raises
        ------
        Refused
            409 if it holds something and `recursive` is False.
        """
        with self._changing:
            path = self._folder(name, "removed")
            if path is None:
                return
            with os.scandir(path) as listed:
                is_empty = next(listed, None) is None
            if not (is_empty or recursive):
                raise Refused(
                    409, f"the folder {name!r} holds something", "recursive=true removes all of it"
                )
            self._set_aside(path)

    def copy_file(self, source: str, target: str, *, move: bool = False) -> None:
        """Copy or move a file; one that has the new name is moved aside."""
        with self._changing:
            old, new = self.file(source), self._new_file(target)
            if old == new:
                return
            with self._replacing(new):
                self._make_folders(os.path.dirname(new))
                if move:
                    os.rename(old, new)
                else:
                    self._copy_whole(old, new)

    def copy_folder(self, source: str, target: str, *, move: bool = False) -> None:
        """Copy or move a folder to a name that is free.

        A copy holds what a listing shows, and no links.
        """
        with self._changing:
            old, new = self._folder(source, "copied or moved"), self.path(target)
            if old is None:
                raise _nothing(source)
            if is_inside(new, old):
                raise Refused(400, f"{target!r} lies in {source!r} itself")
            if os.path.lexists(new):
                raise Refused(409, f"{target!r} exists already", "choose a name that is free")
            self._make_folders(os.path.dirname(new))
            if move:
                os.rename(old, new)
            else:
                self._copy_whole(old, new)

    @contextlib.contextmanager
    def keeping(self, path: str) -> Iterator[None]:
        """Keep a file's contents aside if what is done here replaces or removes it."""
        before, aside = _stamp_of(path), ""
        if before is not None:
            aside = self._second_name(path)
        try:
            yield
        finally:
            if aside and _stamp_of(path) == before:
                self._drop_aside(aside)

    def _new_file(self, name: str) -> str:
        """Return the path of a file to be written."""
        path = self.path(name)
        if os.path.isdir(path):
            raise Refused(409, f"{name!r} is a folder of the storage: a file needs another name")
        return path

    def _folder(self, name: str, what: str) -> str | None:
        """Return the path of a folder below the storage, None if there is none."""
        path = self.path(name)
        if path == self.folder:
            raise Refused(400, f"the storage itself cannot be {what}: name a folder in it")
        if os.path.isdir(path):
            return path
        if os.path.lexists(path):
            raise Refused(409, f"{name!r} is a file of the storage, not a folder")
        return None

    def _make_folders(self, path: str) -> None:
        try:
            os.makedirs(path, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise Refused(
                409, f"a part of {self.name_of(path)!r} is the name of a file, not of a folder"
            ) from error

    @contextlib.contextmanager
    def _replacing(self, path: str) -> Iterator[None]:
        """Move a file aside while another gets its name; move it back if that fails."""
        aside = self._set_aside(path) if os.path.lexists(path) else None
        try:
            yield
        except BaseException:
            if aside is not None and not os.path.lexists(path):
                os.rename(aside, path)
            raise

    def _set_aside(self, path: str) -> str:
        aside = self._place_aside(path)
        os.rename(path, aside)
        return aside

    def _place_aside(self, path: str) -> str:
        """Return a path below `.deleted` that is free, in a folder that exists."""
        home = os.path.join(self.folder, REMOVED, str(time.time_ns()))
        aside = os.path.join(home, os.path.relpath(path, self.folder))
        os.makedirs(os.path.dirname(aside), exist_ok=True)
        return aside

    def _second_name(self, path: str) -> str:
        """Give a file a second name aside, or copy it there where there are no hard links.

        It is empty on a read-only disk, where nothing can be replaced or removed either.
        """
        try:
            aside = self._place_aside(path)
            try:
                os.link(path, aside)
            except OSError:
                shutil.copy2(path, aside)
        except OSError as error:
            if error.errno == errno.EROFS:
                return ""
            raise
        return aside

    def _drop_aside(self, aside: str) -> None:
        os.remove(aside)
        home = os.path.join(self.folder, REMOVED)
        with contextlib.suppress(OSError):  # one that holds something
            while (aside := os.path.dirname(aside)) != home:
                os.rmdir(aside)

    def _copy_whole(self, old: str, new: str) -> None:
        """Copy a file or a folder; a copy that fails leaves nothing."""
        part = os.path.join(self.folder, f"{UNFINISHED}-{time.time_ns()}")
        try:
            if os.path.isdir(old):
                shutil.copytree(old, part, ignore=_not_copied)
            else:
                shutil.copy2(old, part)
            os.rename(part, new)
        except BaseException:
            if os.path.isdir(part):
                shutil.rmtree(part, ignore_errors=True)
            elif os.path.lexists(part):
                os.remove(part)
            raise


def _entry(name: str, status: os.stat_result, path: str) -> StoredEntry | None:
    is_folder = stat.S_ISDIR(status.st_mode)
    if not (is_folder or stat.S_ISREG(status.st_mode)):
        return None  # a pipe or a device would wait for ever
    return StoredEntry(name, is_folder, 0 if is_folder else status.st_size, status.st_mtime, path)


def _not_copied(folder: str, names: list[str]) -> list[str]:
    """Return what of a folder is not copied: hidden files, links, pipes and devices."""
    left_out = []
    for name in names:
        mode = os.lstat(os.path.join(folder, name)).st_mode
        if name.startswith(".") or not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            left_out.append(name)
    return left_out


def _stamp_of(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _nothing(name: str) -> Refused:
    return Refused(404, f"nothing is called {name!r} in the storage", "GET .../folder/ lists it")

"""The journal of a run: JSON lines, each on the disk before what it announces is done.

The first line is the plan and everything needed to continue without it. Each later line tells what
is about to happen to one row of the plan, or what has happened. A run that was killed has a journal
that says how far it came.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from datetime import UTC, datetime
from io import FileIO
from typing import Any

from .files import sync_folder

VERSION = 1

Record = dict[str, Any]


class Journal:
    """A journal open for writing, locked against other runs; close it, or use it in a `with` statement.

    Attributes
    ----------
    path
        its file.
    header
        the first line: version, action, to, started, rows.
    states
        of each row that something happened to: all that its records say, later ones over earlier
        ones.
    folders
        made by the run, in this order.
    """

    def __init__(self, path: str, file: FileIO) -> None:
        self.path = path
        self._file = file
        _lock(file, path)
        self.header, records = read_journal(path)
        self.states: dict[int, Record] = {}
        self.folders: list[str] = []
        for record in records:
            self._learn(record)

    @classmethod
    def create(cls, path: str, header: Record) -> Journal:
        """Write the first line of a new journal.

        Raises
        ------
        OSError
            if it cannot be written, or the file exists; nothing has been done to any image then.
        """
        with open(path, "xb", buffering=0) as file:
            try:
                _append(file, {"journal": VERSION, "started": now()} | header)
            except OSError:
                os.unlink(path)
                raise
        sync_folder(os.path.dirname(path))
        return cls.open(path)

    @classmethod
    def open(cls, path: str) -> Journal:
        """Open an existing journal to continue it.

        Raises
        ------
        BlockingIOError
            if another run has it open.
        ValueError
            if the file is no journal.
        """
        file = open(path, "r+b", buffering=0)  # noqa: SIM115 - closed by close()
        try:
            journal = cls(path, file)
            if not _ends_with_newline(file):
                file.write(b"\n")  # after half a line of a run that was killed
            return journal
        except BaseException:
            file.close()
            raise

    def write(self, row: int, event: str, **details: Any) -> None:
        """Add what is about to happen to a row, or what has happened; returns when it is on the disk."""
        record = {"row": row, "event": event, "when": now()} | details
        _append(self._file, record)
        self._learn(record)

    def write_folder(self, folder: str) -> None:
        """Add that a folder is about to be made."""
        _append(self._file, {"folder": folder})
        self.folders.append(folder)

    def state(self, row: int) -> Record:
        """Return what is known of a row; its `event` is "" where nothing happened."""
        return self.states.get(row, {"event": ""})

    def _learn(self, record: Record) -> None:
        if "folder" in record:
            self.folders.append(record["folder"])
        elif "row" in record:
            known = self.states.setdefault(record["row"], {"event": ""})
            known.pop("why", None)
            known.update(record)

    def close(self) -> None:
        """Let other runs have the file."""
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def now() -> str:
    """Return the time in UTC as text."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def read_journal(path: str) -> tuple[Record, list[Record]]:
    """Return the first line of a journal and the others; half a line, where a run was killed, is passed over.

    Raises
    ------
    FileNotFoundError
        if there is none.
    ValueError
        if the first line is not that of a journal.
    """
    with open(path, "rb") as file:
        first, *others = file.read().split(b"\n")
    header = _parse(first)
    if header is None or header.get("journal") != VERSION:
        raise ValueError(
            f"{path!r} is no journal of apply_plan, or one whose run was ended before it did "
            "anything; "
            "a journal's first line is the plan"
        )
    return header, [record for record in map(_parse, others) if record is not None]


def _parse(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _append(file: FileIO, record: Record) -> None:
    # ASCII: names may hold what no text encoding allows, and json writes that as \\udc..
    line = memoryview(json.dumps(record).encode("ascii") + b"\n")
    end = file.seek(0, os.SEEK_END)
    try:
        while line:
            line = line[file.write(line) :]
        os.fsync(file.fileno())
    except OSError:  # the disk is full, for one: half a line would spoil the next
        file.truncate(end)
        raise


def _ends_with_newline(file: FileIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _lock(file: FileIO, path: str) -> None:
    """Keep other runs off the journal; the system takes the lock away when this process ends, however it ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(2**40)  # far behind the text: a locked region cannot be read on Windows
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            raise BlockingIOError(
                error.errno, "another run is at work with this journal; wait for it to end", path
            ) from None
        if error.errno not in {
            errno.ENOLCK,
            errno.ENOTSUP,
            errno.EINVAL,
        }:  # a network disk without locks
            raise

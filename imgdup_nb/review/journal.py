"""The journal of a run: JSON lines, each on the disk before anything it announces is done.

The first line is the plan and everything needed to continue without it. Each later line says what
is about to happen to one row of the plan, or what has happened. So the journal of a killed run says
how far the run came. What a journal may say is checked in `journal_format`.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from datetime import UTC, datetime
from io import FileIO
from typing import Any

from ..engine.paths import naming
from .files import sync_folder
from .journal_format import VERSION, Record, read_journal


class Journal:
    """A journal open for writing, locked against other runs.

    Close it, or use it in a `with` statement.

    Attributes
    ----------
    path
        of its file.
    header
        the first line: journal (the version), action, to, started, rows.
    states
        row number -> all that the row's records say; later records replace earlier ones.
    folders
        that the run made, in this order.
    targets
        all names in the target folder that were announced.
    """

    def __init__(self, path: str, file: FileIO) -> None:
        self.path = path
        self._file = file
        _lock(file, path)
        self.header, records = read_journal(path)
        self.states: dict[int, Record] = {}
        self.folders: list[str] = []
        self.targets: set[str] = set()
        for record in records:
            self._learn(record)

    @classmethod
    def create(cls, path: str, header: Record) -> Journal:
        """Write the first line of a new journal.

        Raises
        ------
        OSError
            if it cannot be written, or the file exists. Nothing has been done to any image then.
        """
        with open(path, "xb", buffering=0) as file:
            try:
                with naming(path):
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
            if the file is not a journal, or a damaged one.
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
        """Add what is about to happen to a row, or what has happened; return when it is on disk."""
        record = {"row": row, "event": event, "when": now()} | details
        _append(self._file, record)
        self._learn(record)

    def write_folder(self, folder: str) -> None:
        """Add that a folder is about to be made."""
        _append(self._file, {"folder": folder})
        self.folders.append(folder)

    def state(self, row: int) -> Record:
        """Return what is known of a row; its `event` is "" if nothing has happened to it."""
        return self.states.get(row, {"event": ""})

    def _learn(self, record: Record) -> None:
        if "folder" in record:
            self.folders.append(record["folder"])
        elif "row" in record:
            known = self.states.setdefault(record["row"], {"event": ""})
            known.pop("why", None)
            known.update(record)
            self.targets |= {record["target"]} if record.get("target") else set()

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


def _append(file: FileIO, record: Record) -> None:
    # ASCII: names may hold what no text encoding allows, and json writes that as \\udc..
    line = memoryview(json.dumps(record).encode("ascii") + b"\n")
    end = file.seek(0, os.SEEK_END)
    try:
        while line:
            line = line[file.write(line) :]
        os.fsync(file.fileno())
    except OSError:  # a full disk, for example: half a line would spoil the next one
        file.truncate(end)
        raise


def _ends_with_newline(file: FileIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _lock(file: FileIO, path: str) -> None:
    """Keep other runs off the journal until this process closes the file or ends."""
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
        # a network disk without locks
        if error.errno not in {errno.ENOLCK, errno.ENOTSUP, errno.EINVAL}:
            raise

"""`Store`: the index file, an SQLite database of what is known of a folder's pictures.

A `Store` opens the file, or says in words why it cannot. It runs each change as one transaction.
Several threads and several programs may use one file: SQLite's write-ahead log lets many read while
one writes. A process that is killed leaves the last whole transaction.

Rows of `images` are found by `file`, the path relative to the folder as the file system spells it,
`/` between its parts. A row gets a new `version` whenever the file's contents change. Fingerprints
and pairs refer to versions: they stay valid after renaming, and a change makes them invalid.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
import warnings
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..engine.checks import count_of

INDEX_NAME = ".imgdup_nb.sqlite"  # hidden, so that a scan passes over it
APPLICATION = 0x64757073  # written into the file's header: this SQLite file is ours
SQLITE = b"SQLite format 3\0"  # what such a file begins with
SCHEMA_VERSION = 3
BUSY_SECONDS = 60
# what Python raises where a value of the file is not what was written
DAMAGE_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

FIRST_SCHEMA = """
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO counters VALUES ('version', 0);
CREATE TABLE images (
    file BLOB PRIMARY KEY,
    version INTEGER NOT NULL UNIQUE,
    state TEXT NOT NULL,    -- present; gone: missing at the last update; out: taken out by the user
    stored INTEGER NOT NULL,          -- 1: the collection wrote this file
    seen INTEGER NOT NULL,            -- when it was read, nanoseconds
    reader TEXT NOT NULL,             -- what it was read with
    image TEXT NOT NULL, bytes INTEGER NOT NULL, modified INTEGER, sha256 TEXT NOT NULL,
    format TEXT NOT NULL, mode TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
    frames INTEGER NOT NULL, taken INTEGER,
    metadata INTEGER NOT NULL, lossless INTEGER NOT NULL, detail REAL, problem TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX images_by_name ON images (image);
CREATE TABLE recipes (
    id INTEGER PRIMARY KEY, method TEXT NOT NULL, views INTEGER NOT NULL, made_with TEXT NOT NULL,
    UNIQUE (method, views)
);
CREATE TABLE fingerprints (
    recipe INTEGER NOT NULL, version INTEGER NOT NULL, code BLOB NOT NULL,
    PRIMARY KEY (recipe, version)
) WITHOUT ROWID;
CREATE TABLE pair_parts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, recipe INTEGER NOT NULL, floor REAL NOT NULL,
    covered BLOB NOT NULL,    -- versions that were compared with all covered before, int64
    pairs BLOB NOT NULL
);
CREATE TABLE labels (
    one BLOB NOT NULL, other BLOB NOT NULL, label TEXT NOT NULL, made TEXT NOT NULL,
    one_sha256 TEXT NOT NULL, other_sha256 TEXT NOT NULL, PRIMARY KEY (one, other)
) WITHOUT ROWID;
CREATE TABLE tags (
    tag TEXT PRIMARY KEY, image TEXT NOT NULL, made TEXT NOT NULL, contents BLOB NOT NULL
);
"""
UPGRADES = {  # from which version, the SQL that leads to the next; a new file goes the same way
    1: """
CREATE TABLE vote_parts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, recipe INTEGER NOT NULL,
    covered BLOB NOT NULL,    -- versions whose votes with all before were counted, int64
    votes BLOB NOT NULL
);
CREATE TABLE look_parts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, recipe INTEGER NOT NULL,
    looks BLOB NOT NULL               -- what was seen of pairs of versions, each in this order
);
DELETE FROM pair_parts WHERE recipe IN (
    SELECT id FROM recipes WHERE method IN ('aligned', 'akaze')
);
""",
    # rows written before have neither until their file is read again
    2: """
ALTER TABLE images ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE images ADD COLUMN remarks TEXT NOT NULL DEFAULT '';
""",
}


class DamagedIndex(RuntimeError):
    """The index file cannot be read; its text says what is safe and how to go on.

    Examples
    --------
    >>> import pathlib
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> index = pathlib.Path(folder.name, ".imgdup_nb.sqlite")
    >>> index.write_bytes(b"SQLite format 3" + bytes(500))
    515
    >>> try:
    ...     dup.Collection(folder.name)
    ... except dup.DamagedIndex as error:
    ...     print("Collection.repair" in str(error))
    True
    >>> folder.cleanup()
    """


class Overtaken(RuntimeError):
    """Another process changed what an answer is based on, so it must be asked again.

    `Index.steady` does so; users never see this error.
    """


class ClosedIndex(ValueError):
    """The index was closed."""


class Store:
    """An open index file.

    Parameters
    ----------
    path
        of the file; made if it is not there.

    Raises
    ------
    DamagedIndex
        if the file is damaged.
    ValueError
        if it is not an index of this package, or was made by a newer version of it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.n_written = (
            0  # transactions of ours about images, so that a table read before them is read again
        )
        self._lock = threading.RLock()
        with self._explained():
            # autocommit: transactions begin where the code says so
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise
        weakref.finalize(
            self, self._connection.close
        )  # a notebook's collection is seldom closed by hand

    def _prepare(self) -> None:
        """Make the tables of a new file, upgrade an older one, refuse all others untouched."""
        if self.read("SELECT 1 FROM sqlite_master LIMIT 1"):
            self._check_header()
        self._switch_to_wal()
        self._connection.execute("PRAGMA synchronous = FULL")  # a label survives a power cut
        if self._pragma("user_version") == SCHEMA_VERSION:
            return
        with self.transaction() as run:
            version = self._pragma(
                "user_version"
            )  # inside the transaction: another process may be doing the same
            if version == 0:
                run(f"PRAGMA application_id = {APPLICATION}")
            steps = [
                UPGRADES[step] if step else FIRST_SCHEMA for step in range(version, SCHEMA_VERSION)
            ]
            for statement in ";\n".join(steps).split(";\n"):
                run(statement)
            run(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _switch_to_wal(self) -> None:
        """Let others read while one writes; SQLite does not wait here for other processes."""
        end = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not is_busy or time.monotonic() > end:
                    raise
            time.sleep(0.01)

    def _check_header(self) -> None:
        application, version = self._pragma("application_id"), self._pragma("user_version")
        if application != APPLICATION:
            raise ValueError(
                f"index {self.path!r} is a SQLite file of another program, and was left as it is; "
                "name another file with index="
            )
        if version > SCHEMA_VERSION:
            raise ValueError(
                f"index {self.path!r} was made by a newer imgdup_nb (its version is {version}, and "
                ""
                ""
                "this one knows up to "
                f"{SCHEMA_VERSION}): pip install --upgrade imgdup-nb, or name another file with "
                "index="
            )
        if any(step not in UPGRADES for step in range(version, SCHEMA_VERSION)):
            raise ValueError(
                f"index {self.path!r} was made by an older imgdup_nb (its version is {version}) "
                "and cannot be brought to "
                f"version {SCHEMA_VERSION}; Collection.repair(folder) starts a new one and takes "
                "over labels and tags"
            )

    def _pragma(self, name: str) -> int:
        return self._connection.execute(f"PRAGMA {name}").fetchone()[0]

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple]:
        """Return the rows of a query."""
        with self._lock, self._explained():
            return self._connection.execute(sql, parameters).fetchall()

    def read_each(self, sql: str, keys: Iterable[Any]) -> list[tuple]:
        """Return the rows that a query with one place for a key gives for each key."""
        with self._lock, self._explained():
            return [row for key in keys for row in self._connection.execute(sql, (key,))]

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple]:
        """Yield the rows of a query one by one, so that large ones are not in memory twice."""
        with self._lock, self._explained():
            yield from self._connection.execute(sql, parameters)

    @contextmanager
    def transaction(self, *, images: bool = True) -> Iterator[Any]:
        """Give a function that runs SQL; either all of it happens or nothing.

        Nothing happens where an error is raised or the process ends.

        `images` tells whether what is known of images may change.
        """
        with self._lock, self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._run
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self.n_written += images

    def _run(self, sql: str, parameters: Any = (), *, many: bool = False) -> list[tuple]:
        if many:
            self._connection.executemany(sql, parameters)
            return []
        return self._connection.execute(sql, parameters).fetchall()

    def state(self) -> tuple[int, int]:
        """Return two numbers: one changes when others write, and one when this connection does."""
        with self._lock, self._explained():
            return self._pragma("data_version"), self.n_written

    @contextmanager
    def decoding(self, table: str) -> Iterator[None]:
        """Say that the index is damaged where values of a table are not what was written.

        Raises
        ------
        DamagedIndex
            in place of the errors that such values cause.
        """
        try:
            yield
        except ClosedIndex:
            raise
        except DAMAGE_ERRORS as error:
            [first, *_] = str(error).splitlines() or [type(error).__name__]
            what = f"table {table}: {first}"
            raise DamagedIndex(_way_out(self.path, what)) from error

    def check(self) -> None:
        """Read the whole file and compare it with its own rules.

        Raises
        ------
        DamagedIndex
            if they differ.
        """
        [(verdict, *_), *_] = self.read("PRAGMA integrity_check(1)")
        if verdict != "ok":
            raise DamagedIndex(_way_out(self.path, verdict))

    def close(self) -> None:
        """Close the file; doing so again does nothing."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what SQLite says into what a person can do."""
        try:
            yield
        except sqlite3.ProgrammingError as error:
            if "closed" not in str(error):
                raise
            raise ClosedIndex(
                "this collection was closed; open it again with Collection(folder)"
            ) from None
        except sqlite3.DatabaseError as error:
            primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
            is_missing = primary == sqlite3.SQLITE_ERROR and str(error).startswith(
                "no such "
            )  # table, or column of one
            is_no_text = str(error).startswith("Could not decode")
            damage = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT}
            if is_missing or is_no_text or primary in damage:
                raise DamagedIndex(_way_out(self.path, str(error))) from error
            if primary == sqlite3.SQLITE_BUSY:
                raise TimeoutError(
                    f"another notebook or program was writing to {self.path!r} for more than "
                    f"{BUSY_SECONDS} seconds; try again"
                ) from error
            if primary in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}:
                raise OSError(
                    f"index {self.path!r} cannot be written: {error}; make room on the disk, or "
                    "name another file with index="
                ) from error
            if primary == sqlite3.SQLITE_CANTOPEN:
                raise OSError(
                    f"index {self.path!r} cannot be opened: {error}; name another file with index="
                ) from error
            raise


def _way_out(path: str, what: str) -> str:
    return (
        f"the index {path!r} is damaged ({what}). Your pictures are not touched. Put back a copy "
        "of that file if you have one, "
        "or Collection.repair(folder) sets it aside and starts a new one with all labels and tags "
        "that can still be read"
    )


# -- where the file is -----------------------------------------------------------------------------


def index_path(folder: str, index: str | os.PathLike[str] | None) -> str:
    """Return where the index of a folder is.

    That is where the user says, in the folder, or in the user's cache.

    Raises
    ------
    TypeError, ValueError, IsADirectoryError
        if what the user names is no path, no SQLite file (it may be a picture), or a folder.

    Warns
    -----
    UserWarning
        if the folder cannot be written to, so that the cache is used. Also if the index has been an
        empty file for a while.
    """
    if index is not None:
        if not isinstance(index, str | os.PathLike):
            raise TypeError(
                f"index must be the path of a file, new or old, not {type(index).__name__}"
            )
        return _warn_if_emptied(_check_index(os.path.abspath(index)))
    inside = os.path.join(folder, INDEX_NAME)
    if is_writable(folder):
        return _warn_if_emptied(inside)
    spelled = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:16]
    kept = cache_folder() / f"{spelled}.sqlite"
    kept.parent.mkdir(parents=True, exist_ok=True)
    if os.path.exists(inside) and not kept.exists():  # made when the folder could be written to
        for suffix in ("-wal", ""):
            if os.path.exists(inside + suffix):
                shutil.copyfile(inside + suffix, f"{kept}{suffix}")
    warnings.warn(
        "the folder cannot be written to, so its index, with your labels and tags, is kept in "
        f"{str(kept)!r}; "
        "index= puts it where you want it",
        stacklevel=3,
    )
    return str(kept)


def _check_index(path: str) -> str:
    if os.path.isdir(path):
        raise IsADirectoryError(
            f"index must name a file, and {path!r} is a folder; "
            f"index={os.path.join(path, INDEX_NAME)!r}"
        )
    if os.path.isfile(path) and os.path.getsize(path):
        with open(path, "rb") as stored:
            if stored.read(len(SQLITE)) != SQLITE:
                raise ValueError(
                    f"index {path!r} is no index, and was left as it is; name another file with "
                    "index="
                )
    return path


def _warn_if_emptied(path: str) -> str:
    """Warn of an empty file, which SQLite makes a new database of.

    A young one is skipped: another program may be making it now.
    """
    if (
        os.path.isfile(path)
        and not os.path.getsize(path)
        and time.time() - os.path.getmtime(path) > BUSY_SECONDS
    ):
        warnings.warn(
            f"the index {path!r} is an empty file and begins anew: if you said anything of these "
            "pictures before, put back a "
            "copy of it",
            stacklevel=4,
        )
    return path


def is_writable(folder: str) -> bool:
    """Tell whether files can be made in a folder, by making one: permissions alone do not tell."""
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".imgdup_nb-"):
            return True
    except OSError:
        return False


def cache_folder() -> Path:
    """Return this user's folder for things that programs keep."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "imgdup_nb"


# -- after an accident -----------------------------------------------------------------------------


def set_aside(path: str) -> None:
    """Rename an index and put a new one in its place, with the old labels and tags.

    Those that cannot be read are lost.

    Warns
    -----
    UserWarning
        where the old one is now, and how many labels and tags were saved.
    """
    if not os.path.exists(path):
        return
    saved = {table: _read_what_can_be(path, table) for table in ("labels", "tags")}
    aside = _free_name(f"{path}.damaged")
    os.replace(path, aside)
    for suffix in ("-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.replace(path + suffix, aside + suffix)
    store = Store(path)
    with store.transaction() as run:
        for table, rows in saved.items():
            for row in rows:
                run(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    store.close()
    warnings.warn(
        f"the old index is kept as {aside!r}; {count_of(len(saved['labels']), 'label')} and "
        f"{count_of(len(saved['tags']), 'tag')} were read from it",
        stacklevel=3,
    )


def _read_what_can_be(path: str, table: str) -> list[tuple]:
    """Return the rows of a table from both ends up to where it is damaged."""
    rows: dict[tuple, None] = {}
    for order in ("ASC", "DESC"):
        try:
            with contextlib.closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
                for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1 {order}"):
                    rows[row] = None
        except sqlite3.Error:  # what comes after cannot be read; what came before is what we want
            continue
    return list(rows)


def _free_name(path: str) -> str:
    names = (path, *(f"{path}-{k}" for k in range(2, 1000)))
    return next(name for name in names if not os.path.lexists(name))

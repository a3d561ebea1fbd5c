"""A folder against its index: which files are new, changed, moved or gone, and only those are read.

Size and time decide first, as they cost nothing but the walk. Where they differ, and where a file of that size is known, the
SHA-256 of the contents says whether the file was only touched, moved or copied, none of which needs a decoder.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
import PIL

from .fingerprints import fingerprint_images, made_with
from .images import DTYPES, printable, scan_images, walk_files
from .parallel import each, map_batches
from .store import Store

BATCH = 128  # files decoded and saved at a time: what a killed process does again
EXECUTOR_BATCH = 4096  # on a cluster, many batches of its own fit into one of these
YOUNG = 2_000_000_000  # nanoseconds; a file read this soon after it was written may have been changed again unseen (FAT: 2 s)
UNPAIRED = "surrogatepass" if os.name == "nt" else "surrogateescape"  # how Python carries what is not Unicode in file names
COLUMNS = [name for name in DTYPES if name != "path"]

Stamp = tuple[int, int | None]  # bytes, and time of the last change in nanoseconds


def file_key(root: str, path: str) -> bytes:
    """Return how the index calls a file below `root`: as the file system spells it, which need not be text."""
    name = path[len(os.path.join(root, "")) :]
    return (name if os.sep == "/" else name.replace(os.sep, "/")).encode("utf-8", UNPAIRED)


def file_name(file: bytes) -> str:
    """Undo `file_key`, but for the root."""
    return file.decode("utf-8", UNPAIRED)


def file_path(root: str, file: bytes) -> str:
    """Undo `file_key`."""
    name = file_name(file)
    return os.path.join(root, name if os.sep == "/" else name.replace("/", os.sep))


def list_folder(root: str) -> dict[bytes, Stamp]:
    """Return the stamp of every visible file below `root`; a drive that is not there is an error, not an empty folder."""
    if not os.path.isdir(root):
        raise FileNotFoundError(f"folder {printable(root)!r} is not there any more; nothing was changed in its index")
    start, found, other_separator = len(os.path.join(root, "")), {}, os.sep != "/"
    for entry in walk_files(root):
        name = entry.path[start:]  # the lines of `file_key`, written out because they run for every file
        if other_separator:
            name = name.replace(os.sep, "/")
        try:
            status = entry.stat()
            stamp: Stamp = (status.st_size, status.st_mtime_ns)
        except OSError:  # a link that leads nowhere: a row with a problem
            stamp = (0, None)
        found[name.encode("utf-8", UNPAIRED)] = stamp
    return found


def reader() -> str:
    """Say what pictures are read with here: with something else, an unreadable one may become readable."""
    return f"Pillow {PIL.__version__}{', pillow-heif' * (find_spec('pillow_heif') is not None)}"


# -- finding out ------------------------------------------------------------------------------------------------------


@dataclass
class Difference:
    """What a look at the folder showed; files by their key in the index."""

    found: dict[bytes, Stamp]
    settled: list[bytes] = field(default_factory=list)  # the same as before, down to the contents
    moved: dict[bytes, bytes] = field(default_factory=dict)  # where it was -> where it is
    copied: dict[bytes, bytes] = field(default_factory=dict)  # the copy -> what it is a copy of
    unread: list[bytes] = field(default_factory=list)  # to be decoded
    gone: list[bytes] = field(default_factory=list)


def find_differences(
    store: Store, root: str, found: dict[bytes, Stamp], *, complete: bool = True, verify: bool = False
) -> Difference:
    """Compare what is in the folder with what is in the index.

    Parameters
    ----------
    found
        made by `list_folder`; where not `complete`, some files of it.
    verify
        read all these files and compare digests, also where size and time are the same.
    """
    known, left_out, again = _known_stamps(store)
    doubtful = [file for file, stamp in found.items() if (verify or known.get(file) != stamp) and file not in left_out]
    missing = known.keys() - found.keys() if complete else set()
    if not doubtful and not missing:
        return Difference(found)
    rows = store.read("SELECT file, sha256, bytes FROM images")
    sizes = {size for _, sha256, size in rows if sha256}
    to_digest = [file for file in doubtful if found[file][0] in sizes and file not in again]
    digests = dict(zip(to_digest, _digests([file_path(root, file) for file in to_digest]), strict=True))
    labelled = {file for (file,) in store.read("SELECT one FROM labels UNION SELECT other FROM labels")}
    difference = _sort_out(root, found, rows, doubtful, digests, again, labelled, complete)
    difference.gone = sorted(missing - difference.moved.keys())
    return difference


def _known_stamps(store: Store) -> tuple[dict[bytes, Stamp | None], set[bytes], set[bytes]]:
    """Return the stamps of the files in the collection, the files taken out of it, and those whose problem may be over.

    A file that was read right after it was written, or whose problem may be over, has the stamp None, which no file has.
    """
    known: dict[bytes, Stamp | None] = {
        file: (size, modified)
        for file, size, modified in store.read("SELECT file, bytes, modified FROM images WHERE state = 'present'")
    }
    left_out = {file for (file,) in store.read("SELECT file FROM images WHERE state = 'out'")}
    doubts = store.read(
        "SELECT file, problem != '' AND (reader != ? OR problem LIKE 'no permission%') AS again FROM images "
        "WHERE state = 'present' AND (abs(seen - modified) < ? OR again)",
        (reader(), YOUNG),
    )
    known |= dict.fromkeys(file for file, _ in doubts)
    again = {file for file, once_more in doubts if once_more}
    return known, left_out, again


def _sort_out(
    root: str,
    found: dict[bytes, Stamp],
    rows: list[tuple],
    doubtful: list[bytes],
    digests: dict[bytes, str],
    again: set[bytes],
    labelled: set[bytes],
    complete: bool,
) -> Difference:
    """Decide for each doubtful file whether it is the same, was moved or copied, or must be read."""
    owners: dict[str, list[bytes]] = {}  # which rows have these contents
    for file, sha256, _ in rows:
        if sha256:
            owners.setdefault(sha256, []).append(file)
    difference = Difference(found, settled=[file for file in doubtful if file in owners.get(digests.get(file, ""), ())])
    overwritten = set(doubtful) - set(difference.settled) - again

    def was_left(file: bytes) -> bool:
        is_there = file in found if complete else os.path.lexists(file_path(root, file))
        return file not in difference.moved and (not is_there or file in overwritten)

    for file in sorted(set(doubtful) - set(difference.settled)):
        same = owners.get(digests.get(file, ""), [])
        # of equal files that were moved each keeps its own name; else the one of which something was said comes first
        movable = sorted((_base(old) != _base(file), old not in labelled, old) for old in same if was_left(old))
        if movable:
            difference.moved[movable[0][-1]] = file
        elif same:
            difference.copied[file] = same[0]
        else:
            difference.unread.append(file)
    return difference


def _base(file: bytes) -> bytes:
    return file.rpartition(b"/")[2]


def _digests(paths: Sequence[str]) -> list[str]:
    return list(map_batches(partial(each, _digest), paths, describe="compare contents")) if paths else []


def _digest(path: str) -> str:
    """Return the SHA-256 of a file, empty where it cannot be read: the scan says why."""
    try:
        with open(path, "rb") as stored:
            return hashlib.file_digest(stored, "sha256").hexdigest()
    except OSError:
        return ""


# -- writing down -----------------------------------------------------------------------------------------------------


def save_moves(store: Store, difference: Difference) -> None:
    """Write down, as one change, everything that needed no decoder."""
    if not (difference.settled or difference.moved or difference.copied or difference.gone):
        return
    now, found = time.time_ns(), difference.found
    columns = f"version, state, stored, seen, reader, {', '.join(COLUMNS)}"
    with store.writing() as run:
        # all is read before anything is written: files may have changed places with each other
        moving, copying = (
            {new: run(f"SELECT {columns} FROM images WHERE file = ?", (old,))[0] for new, old in pairs}
            for pairs in ([(new, old) for old, new in difference.moved.items()], difference.copied.items())
        )
        run("DELETE FROM images WHERE file = ?", [(old,) for old in difference.moved], many=True)
        _forget(run, [*moving, *copying])
        for new, (version, state, *row) in moving.items():
            _insert(run, (new, version, "out" if state == "out" else "present", *row))
        for new, (version, _state, _stored, *row) in copying.items():
            fresh = _next_versions(run, 1)
            _insert(run, (new, fresh, "present", 0, *row))
            run("INSERT INTO fingerprints SELECT recipe, ?, code FROM fingerprints WHERE version = ?", (fresh, version))
        for file in [*difference.settled, *moving, *copying]:
            _stamp(run, file, found[file], now)
        run("UPDATE images SET state = 'present' WHERE file = ?", [(file,) for file in difference.settled], many=True)
        run("UPDATE images SET state = 'gone' WHERE file = ?", [(file,) for file in difference.gone], many=True)
        _follow(run, difference.moved)


def _stamp(run: Callable[..., Any], file: bytes, stamp: Stamp, now: int) -> None:
    run(
        "UPDATE images SET image = ?, bytes = ?, modified = ?, seen = ? WHERE file = ?",
        (printable(file_name(file)), *stamp, now, file),
    )


def _insert(run: Callable[..., Any], *rows: tuple) -> None:
    columns = ["file", "version", "state", "stored", "seen", "reader", *COLUMNS]
    places = ", ".join("?" * len(columns))
    run(f"INSERT OR REPLACE INTO images ({', '.join(columns)}) VALUES ({places})", rows, many=True)


def _forget(run: Callable[..., Any], files: Iterable[bytes]) -> None:
    """Remove what was known of files' former contents."""
    files = [(file,) for file in files]
    run("DELETE FROM fingerprints WHERE version = (SELECT version FROM images WHERE file = ?)", files, many=True)
    run("DELETE FROM images WHERE file = ?", files, many=True)


def _next_versions(run: Callable[..., Any], n: int) -> int:
    """Return the first of `n` numbers that no contents ever had."""
    run("UPDATE counters SET value = value + ? WHERE name = 'version'", (n,))
    return run("SELECT value FROM counters WHERE name = 'version'")[0][0] - n + 1


def _follow(run: Callable[..., Any], moved: dict[bytes, bytes]) -> None:
    """Let labels follow the files they are about."""
    rows = run("SELECT one, other, label, made, one_sha256, other_sha256 FROM labels") if moved else []
    touched = [row for row in rows if row[0] in moved or row[1] in moved]
    run("DELETE FROM labels WHERE one = ? AND other = ?", [row[:2] for row in touched], many=True)
    for one, other, label, made, one_sha256, other_sha256 in touched:
        ends = sorted([(moved.get(one, one), one_sha256), (moved.get(other, other), other_sha256)])
        [(one, one_sha256), (other, other_sha256)] = ends
        row = (one, other, label, made, one_sha256, other_sha256)
        run("INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?, ?, ?)", row)


# -- reading ----------------------------------------------------------------------------------------------------------


def read_files(
    store: Store, root: str, files: Sequence[bytes], *, executor: Executor | None, step: Callable[[int], None]
) -> None:
    """Decode files once, for their rows and for all methods kept, and save them batch by batch."""
    size = BATCH if executor is None else EXECUTOR_BATCH
    for start in range(0, len(files), size):
        batch = files[start : start + size]
        seen = time.time_ns()
        rows, by_path = _scan(root, batch, executor)
        recipes = store.read("SELECT id, method, views FROM recipes WHERE made_with = ?", (made_with(),))
        codes = [
            (recipe, path, code.tobytes())
            for recipe, method, views in recipes
            for path, code in _codes_by_path(rows, method, views, executor)
        ]
        _save(store, rows, by_path, codes, seen)
        step(len(batch))


def _scan(root: str, files: Sequence[bytes], executor: Executor | None) -> tuple[pd.DataFrame, dict[str, bytes]]:
    """Return the rows of those files that are still there, and each path's key."""
    while True:
        by_path = {path: file for file in files if os.path.lexists(path := file_path(root, file))}
        try:
            rows = scan_images(by_path, executor=executor)
        except FileNotFoundError:  # one went away just now
            continue
        rows = rows[rows.path.isin(by_path)].reset_index(drop=True)
        return rows.assign(image=pd.Series([printable(file_name(by_path[path])) for path in rows.path], dtype=object)), by_path


def _codes_by_path(rows: pd.DataFrame, method: str, views: int, executor: Executor | None) -> list[tuple[str, np.ndarray]]:
    prints = fingerprint_images(rows, method, orientations=views > 1, executor=executor)
    return list(zip(prints.images.path, prints.codes, strict=True))


def _save(store: Store, rows: pd.DataFrame, by_path: dict[str, bytes], codes: list[tuple[int, str, bytes]], seen: int) -> None:
    read_with = reader()
    with store.writing() as run:
        first = _next_versions(run, len(rows))
        version = {path: first + k for k, path in enumerate(rows.path)}
        was_stored = dict(run("SELECT file, stored FROM images WHERE stored"))
        _forget(run, by_path.values())
        _insert(
            run,
            *(
                (by_path[path], version[path], "present", was_stored.get(by_path[path], 0), seen, read_with, *row)
                for path, row in zip(rows.path, to_rows(rows), strict=True)
            ),
        )
        fingerprints = [(recipe, version[path], code) for recipe, path, code in codes]
        run("INSERT OR REPLACE INTO fingerprints VALUES (?, ?, ?)", fingerprints, many=True)


# -- the images table as rows of SQLite -------------------------------------------------------------------------------


def to_rows(images: pd.DataFrame) -> list[tuple]:
    """Return the rows of an `images` table as SQLite keeps them: times as whole numbers, NULL for unknown."""
    columns = []
    for name in COLUMNS:
        values = images[name]
        if name in {"modified", "taken"}:
            times = (values.dt.tz_localize(None) if name == "modified" else values).to_numpy()
            columns.append([None if unknown else n for n, unknown in zip(times.view(np.int64).tolist(), values.isna(), strict=True)])
        else:
            columns.append(values.tolist())
    return list(zip(*columns, strict=True))


def to_table(rows: list[tuple], root: str) -> pd.DataFrame:
    """Undo `to_rows`, for rows of file and `COLUMNS`."""
    names = ["file", *COLUMNS]
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {name: () for name in names}
    columns["path"] = [file_path(root, file) for file in columns["file"]]
    for name, unit in (("modified", "ns"), ("taken", "s")):
        numbers = np.array([np.iinfo(np.int64).min if value is None else value for value in columns[name]], np.int64)
        columns[name] = pd.Series(numbers.view(f"datetime64[{unit}]"))  # the smallest number is numpy's "not a time"
    columns["modified"] = columns["modified"].dt.tz_localize("UTC")
    columns["lossless"] = np.array(columns["lossless"], dtype=bool)
    columns["detail"] = np.array(columns["detail"], dtype=float)  # NULL becomes NaN
    return pd.DataFrame({name: pd.Series(columns[name], dtype=dtype) for name, dtype in DTYPES.items()})

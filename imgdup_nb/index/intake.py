"""Take what is different in a folder into its index: moves and copies at once, what is unknown by one decode each."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..fingerprints import fingerprint_images, made_with
from ..images import DTYPES, printable, scan_images
from .rescan import Difference, Stamp, file_name, file_path, reader
from .store import Store

BATCH = 128  # files decoded and saved at a time: what a killed process does again
EXECUTOR_BATCH = 4096  # on a cluster, many batches of its own fit into one of these
COLUMNS = [name for name in DTYPES if name != "path"]
OF_VERSION = "recipe IN (SELECT id FROM recipes) AND version ="  # as the table is sorted: without the recipe all is searched

Doing = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


def take_in(store: Store, root: str, difference: Difference, *, executor: Executor | None, doing: Doing) -> pd.DataFrame:
    """Write down what is different, and return the table that `Collection.update` documents.

    Parameters
    ----------
    doing
        shows a status of a name and total, and gives a function that counts on.
    """
    touched = [*difference.settled, *difference.moved.values(), *difference.copied, *difference.unread, *difference.gone]
    before = _outlines(store, [*touched, *difference.moved])
    _save_known(store, difference)
    if difference.unread:
        with doing("ExtractingFeatures", len(difference.unread)) as step, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # said once, below
            _read_files(store, root, difference.unread, executor=executor, step=step)
    after = _outlines(store, touched)
    _warn_of_problems([after[file].problem for file in difference.unread if file in after])
    return _changes(difference, before, after)


class _Outline(NamedTuple):
    """What of a row tells whether it changed."""

    image: str
    state: str
    bytes: int
    sha256: str
    problem: str


def _outlines(store: Store, files: Sequence[bytes]) -> dict[bytes, _Outline]:
    wanted = set(files)
    rows = store.read("SELECT file, image, state, bytes, sha256, problem FROM images") if wanted else []
    return {row[0]: _Outline(*row[1:]) for row in rows if row[0] in wanted}


def _changes(difference: Difference, before: dict[bytes, _Outline], after: dict[bytes, _Outline]) -> pd.DataFrame:
    rows = [
        (after[new].image, "moved", before[old].image) for old, new in difference.moved.items() if after[new].state != "out"
    ]
    rows += [(before[file].image, "gone", "") for file in difference.gone]
    rows += [(after[file].image, "back", "") for file in difference.settled if before[file].state == "gone"]
    for file in [*difference.copied, *difference.unread]:
        was, now = before.get(file), after.get(file)
        if now is None:  # it went away while we looked
            continue
        if was is None or was.state == "gone" or file in difference.moved:
            rows.append((now.image, "new", ""))
        elif (was.bytes, was.sha256, was.problem) != (now.bytes, now.sha256, now.problem):
            rows.append((now.image, "changed", ""))
    columns = list(zip(*sorted(rows), strict=True)) or [(), (), ()]
    names = ("image", "change", "before")
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in zip(names, columns, strict=True)})


def _warn_of_problems(problems: list[str]) -> None:
    n_bad = sum(bool(problem) for problem in problems)
    if n_bad:
        warnings.warn(
            f"{n_bad} of {len(problems)} files read now could not be shown; see photos.images, column problem", stacklevel=5
        )


# -- writing down -----------------------------------------------------------------------------------------------------


def _save_known(store: Store, difference: Difference) -> None:
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
            run(f"INSERT INTO fingerprints SELECT recipe, ?, code FROM fingerprints WHERE {OF_VERSION} ?", (fresh, version))
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
    keys = [(file,) for file in files]
    run(f"DELETE FROM fingerprints WHERE {OF_VERSION} (SELECT version FROM images WHERE file = ?)", keys, many=True)
    run("DELETE FROM images WHERE file = ?", keys, many=True)


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


def _read_files(
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
    columns: list[list[Any]] = []
    for name in COLUMNS:
        values = images[name]
        if name in {"modified", "taken"}:
            times = (values.dt.tz_localize(None) if name == "modified" else values).to_numpy()
            numbers = zip(times.view(np.int64).tolist(), values.isna(), strict=True)
            columns.append([None if unknown else number for number, unknown in numbers])
        else:
            columns.append(values.tolist())
    return list(zip(*columns, strict=True))


def to_table(rows: list[tuple], root: str) -> pd.DataFrame:
    """Undo `to_rows`, for rows of file and `COLUMNS`."""
    names = ["file", *COLUMNS]
    columns: dict[str, Any] = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ())
    columns["path"] = [file_path(root, file) for file in columns["file"]]
    for name, unit in (("modified", "ns"), ("taken", "s")):
        numbers = np.array([np.iinfo(np.int64).min if value is None else value for value in columns[name]], np.int64)
        columns[name] = pd.Series(numbers.view(f"datetime64[{unit}]"))  # the smallest number is numpy's "not a time"
    columns["modified"] = columns["modified"].dt.tz_localize("UTC")
    columns["lossless"] = np.array(columns["lossless"], dtype=bool)
    columns["detail"] = np.array(columns["detail"], dtype=float)  # NULL becomes NaN
    return pd.DataFrame({name: pd.Series(columns[name], dtype=dtype) for name, dtype in DTYPES.items()})

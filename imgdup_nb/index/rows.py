"""The `images` table as rows of the index: how they are written, forgotten and read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from ..images import DTYPES, NOT_KNOWN
from .rescan import file_name

COLUMNS = [name for name in DTYPES if name != "path"]
OF_VERSION = "recipe IN (SELECT id FROM recipes) AND version ="  # as the table is sorted: without the recipe all is searched
EPOCH = datetime(1970, 1, 1)

Run = Callable[..., Any]  # what `Store.writing` gives


def insert_rows(run: Run, *rows: tuple) -> None:
    """Write rows of file, version, state, stored, seen, reader and `COLUMNS`, in place of those of the same files."""
    columns = ["file", "version", "state", "stored", "seen", "reader", *COLUMNS]
    places = ", ".join("?" * len(columns))
    run(f"INSERT OR REPLACE INTO images ({', '.join(columns)}) VALUES ({places})", rows, many=True)


def forget_files(run: Run, files: Iterable[bytes]) -> None:
    """Remove what was known of files' former contents."""
    keys = [(file,) for file in files]
    run(f"DELETE FROM fingerprints WHERE {OF_VERSION} (SELECT version FROM images WHERE file = ?)", keys, many=True)
    run("DELETE FROM images WHERE file = ?", keys, many=True)


def next_versions(run: Run, n: int) -> int:
    """Return the first of `n` numbers that no contents ever had."""
    run("UPDATE counters SET value = value + ? WHERE name = 'version'", (n,))
    return run("SELECT value FROM counters WHERE name = 'version'")[0][0] - n + 1


def to_values(row: dict[str, Any]) -> tuple:
    """Return a row of the `images` table as SQLite keeps it: times as whole numbers, NULL for unknown.

    `modified` comes in nanoseconds, `taken` as a datetime; see `Reading`.
    """
    modified = None if row["modified"] == NOT_KNOWN else int(row["modified"])
    taken = None if row["taken"] is None else int((row["taken"] - EPOCH).total_seconds())
    detail = None if np.isnan(row["detail"]) else float(row["detail"])
    changed = {"modified": modified, "taken": taken, "detail": detail, "lossless": bool(row["lossless"])}
    return tuple(changed[name] if name in changed else row[name] for name in COLUMNS)


def to_table(rows: list[tuple], root: str) -> pd.DataFrame:
    """Undo `to_values`, for rows of file and `COLUMNS`."""
    names = ["file", *COLUMNS]
    columns: dict[str, Any] = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ())
    start = os.path.join(root, "")  # the lines of `file_path`, written out because they run for every file
    paths = [start + file_name(file) for file in columns["file"]]
    columns["path"] = paths if os.sep == "/" else [path.replace("/", os.sep) for path in paths]
    unknown = int(np.iinfo(np.int64).min)  # numpy's "not a time"
    for name, unit in (("modified", "ns"), ("taken", "s")):
        numbers = np.array([unknown if value is None else value for value in columns[name]], np.int64)
        columns[name] = pd.Series(numbers.view(f"datetime64[{unit}]"))
    columns["modified"] = columns["modified"].dt.tz_localize("UTC")
    columns["lossless"] = np.array(columns["lossless"], dtype=bool)
    columns["detail"] = np.array(columns["detail"], dtype=float)  # NULL becomes NaN
    return pd.DataFrame({name: pd.Series(columns[name], dtype=dtype) for name, dtype in DTYPES.items()})

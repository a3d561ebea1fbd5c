"""Write into the index what is different in the folder.

Moved and copied files need no decoder. Each file with unknown contents is decoded once.
"""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..engine.decode import no_decoder_warnings
from ..engine.files import printable
from ..engine.hashing import made_with
from ..engine.parallel import map_batches
from ..engine.reading import NOT_KNOWN, Reading, read_batch
from ..images import DTYPES
from .rescan import (
    Difference,
    FileState,
    file_name,
    file_path,
    image_name,
    list_folder,
    reader,
    stamp_of,
)
from .store import Overtaken, Store

Doing = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


def take_in(
    store: Store, root: str, difference: Difference, *, executor: Executor | None, doing: Doing
) -> pd.DataFrame:
    """Write down what is different, and return the table that `Collection.update` documents.

    Parameters
    ----------
    doing
        shows a status of a name and total, and gives a function that counts on.
    """
    touched = [
        *difference.settled,
        *difference.moved.values(),
        *difference.copied,
        *difference.unread,
        *difference.gone,
    ]
    before = _outlines(store, [*touched, *difference.moved])
    _save_known(store, root, difference)
    if difference.unread:
        with doing("ExtractingFeatures", len(difference.unread)) as step:
            read_files(store, root, difference.unread, executor=executor, step=step)
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
    rows = store.read_each(
        "SELECT file, image, state, bytes, sha256, problem FROM images WHERE file = ?", files
    )
    return {row[0]: _Outline(*row[1:]) for row in rows}


def _changes(
    difference: Difference, before: dict[bytes, _Outline], after: dict[bytes, _Outline]
) -> pd.DataFrame:
    # another process may have changed rows before or after we did
    rows = [
        (after[new].image, "moved", before[old].image)
        for old, new in difference.moved.items()
        if old in before and new in after and after[new].state != "out"
    ]
    rows += [(before[file].image, "gone", "") for file in difference.gone if file in before]
    rows += [
        (after[file].image, "back", "")
        for file in difference.settled
        if file in before and file in after and before[file].state == "gone"
    ]
    for file in [*difference.copied, *difference.unread]:
        was, now = before.get(file), after.get(file)
        if now is None:  # it was removed in the meantime
            continue
        if was is None or was.state == "gone" or file in difference.moved:
            rows.append((now.image, "new", ""))
        elif (was.bytes, was.sha256, was.problem) != (now.bytes, now.sha256, now.problem):
            rows.append((now.image, "changed", ""))
    columns = list(zip(*sorted(rows), strict=True)) or [(), (), ()]
    names = ("image", "change", "before")
    return pd.DataFrame(
        {name: pd.Series(values, dtype=object) for name, values in zip(names, columns, strict=True)}
    )


def _warn_of_problems(problems: list[str]) -> None:
    n_bad = sum(bool(problem) for problem in problems)
    if n_bad:
        warnings.warn(
            f"{n_bad} of {len(problems)} files read now could not be shown; see photos.images, "
            "column problem",
            stacklevel=5,
        )


# -- writing down ----------------------------------------------------------------------------------


def _save_known(store: Store, root: str, difference: Difference) -> None:
    """Write down, as one change, everything that needed no decoder.

    Raises
    ------
    Overtaken
        if another process has changed the rows that the difference is based on.
    """
    if not (difference.settled or difference.moved or difference.copied or difference.gone):
        return
    now, found = time.time_ns(), difference.found
    columns = f"version, state, stored, seen, reader, {', '.join(COLUMNS)}"
    with store.transaction() as run, store.decoding("images"):
        _check_premises(run, difference)
        difference.gone = _still_gone(root, difference)
        # all is read before anything is written: files may have changed places with each other
        moving, copying = (
            {
                new: run(f"SELECT {columns} FROM images WHERE file = ?", (old,))[0]
                for new, old in pairs
            }
            for pairs in (
                [(new, old) for old, new in difference.moved.items()],
                difference.copied.items(),
            )
        )
        run("DELETE FROM images WHERE file = ?", [(old,) for old in difference.moved], many=True)
        forget_files(run, [*moving, *copying])
        for new, (version, state, *row) in moving.items():
            insert_rows(run, (new, version, "out" if state == "out" else "present", *row))
        for new, (version, _state, _stored, *row) in copying.items():
            fresh = next_versions(run, 1)
            insert_rows(run, (new, fresh, "present", 0, *row))
            run(
                "INSERT INTO fingerprints SELECT recipe, ?, code FROM fingerprints WHERE "
                f"{OF_VERSION} ?",
                (fresh, version),
            )
        for file in [*difference.settled, *moving, *copying]:
            _stamp(run, file, found[file], now)
        run(
            "UPDATE images SET state = 'present' WHERE file = ?",
            [(file,) for file in difference.settled],
            many=True,
        )
        run(
            "UPDATE images SET state = 'gone' WHERE file = ?",
            [(file,) for file in difference.gone],
            many=True,
        )
        _follow(run, difference.moved)


def _check_premises(run: Execute, difference: Difference) -> None:
    """Raise Overtaken unless every file that was found known still has a row of its contents."""
    pairs = [(file, file) for file in difference.settled]
    pairs += [(new, old) for old, new in difference.moved.items()]
    pairs += list(difference.copied.items())
    for file, source in pairs:
        rows = run("SELECT sha256 FROM images WHERE file = ?", (source,))
        if rows != [(difference.digests[file],)]:
            raise Overtaken


def _still_gone(root: str, difference: Difference) -> list[bytes]:
    """Return the files that are missing; another process may have seen one that came later."""
    gone: list[bytes] = []
    there: list[bytes] = []
    for file in difference.gone:
        (there if os.path.lexists(file_path(root, file)) else gone).append(file)
    if gone and not os.path.isdir(root):
        raise FileNotFoundError(
            f"folder {printable(root)!r} is not there any more; nothing was changed in its index"
        )
    if there:  # made since, or left out by the collection's patterns
        listed = list_folder(root, difference.selection)
        gone += [file for file in there if file not in listed]
    return gone


def _stamp(run: Execute, file: bytes, stamp: FileState, now: int) -> None:
    run(
        "UPDATE images SET image = ?, bytes = ?, modified = ?, seen = ? WHERE file = ?",
        (image_name(file), *stamp, now, file),
    )


def _follow(run: Execute, moved: dict[bytes, bytes]) -> None:
    """Let labels follow the files they are about."""
    rows = (
        run("SELECT one, other, label, made, one_sha256, other_sha256 FROM labels") if moved else []
    )
    touched = [row for row in rows if row[0] in moved or row[1] in moved]
    run("DELETE FROM labels WHERE one = ? AND other = ?", [row[:2] for row in touched], many=True)
    for one, other, label, made, one_sha256, other_sha256 in touched:
        ends = sorted([(moved.get(one, one), one_sha256), (moved.get(other, other), other_sha256)])
        [(one, one_sha256), (other, other_sha256)] = ends
        row = (one, other, label, made, one_sha256, other_sha256)
        run("INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?, ?, ?)", row)


FILES_SAVED_AT_ONCE = 128  # files saved at a time: a killed process loses at most these


class Hash(NamedTuple):
    """A kept hash: the number of its recipe, the name of the method, and 1 or 8 views."""

    recipe: int
    method: str
    views: int


def read_files(
    store: Store,
    root: str,
    files: Sequence[bytes],
    *,
    executor: Executor | None,
    step: Callable[[int], None],
) -> None:
    """Read files and save what is found; those that are gone meanwhile are passed over.

    Parameters
    ----------
    step
        counts on how many are done; what it raises ends the reading.
    """
    kept = [
        Hash(*row)
        for row in store.read(
            "SELECT id, method, views FROM recipes WHERE made_with = ?", (made_with(),)
        )
    ]
    # closed even where a step raises: else what is in the queue would be read all the same
    with no_decoder_warnings(), contextlib.closing(_read(root, files, kept, executor)) as read:
        readings = zip(files, _asking(read, step), strict=True)
        for batch in _in_batches(readings):
            _save(store, root, batch, kept)
            step(len(batch))


def _in_batches(
    readings: Iterable[tuple[bytes, tuple[int, Reading]]],
) -> Iterator[list[tuple[bytes, tuple[int, Reading]]]]:
    """Yield what comes in lists of FILES_SAVED_AT_ONCE.

    If reading stops, what came before is yielded first.
    """
    batch: list[tuple[bytes, tuple[int, Reading]]] = []
    try:
        for reading in readings:
            batch.append(reading)
            if len(batch) == FILES_SAVED_AT_ONCE:
                yield batch
                batch = []
    except (Exception, KeyboardInterrupt):
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _asking(
    read: Iterable[tuple[int, Reading]], step: Callable[[int], None]
) -> Iterator[tuple[int, Reading]]:
    """Yield what comes and count none of it, so that a stop need not wait for a whole batch."""
    for reading in read:
        step(0)
        yield reading


def _read(
    root: str, files: Sequence[bytes], kept: Sequence[Hash], executor: Executor | None
) -> Generator[tuple[int, Reading], None, None]:
    named = [(image_name(file), file_path(root, file)) for file in files]
    methods = sorted({one.method for one in kept})
    # the views of one are the first of eight, so one call serves methods kept either way
    turned = any(one.views > 1 for one in kept)
    work = partial(_read_some, methods=methods, orientations=turned)
    yield from map_batches(work, named, executor=executor, describe="scan")


def _read_some(
    files: Sequence[tuple[str, str]], *, methods: Sequence[str], orientations: bool
) -> list[tuple[int, Reading]]:
    """Return when reading began, in nanoseconds, and what was read of each file.

    It can be pickled, so any executor can run it.
    """
    begun = time.time_ns()
    return [
        (begun, reading)
        for reading in read_batch(files, methods=methods, orientations=orientations)
    ]


class _KnownRow(NamedTuple):
    """What a row says of a file before it is saved again."""

    version: int
    state: str
    stored: int
    bytes: int
    modified: int | None
    sha256: str
    problem: str
    reader: str


NO_ROW = _KnownRow(0, "present", 0, 0, None, "", "", "")


def _save(
    store: Store,
    root: str,
    batch: Sequence[tuple[bytes, tuple[int, Reading]]],
    kept: Sequence[Hash],
) -> None:
    """Write down what was read of some files.

    Of several processes that read one file, none replaces what another has just saved. A row of the
    same contents keeps its version, so that fingerprints and pairs of it stay. A row that fits the
    file better than our reading is left alone.
    """
    read_with = reader()
    columns = ", ".join(_KnownRow._fields)
    with store.transaction() as run, store.decoding("images"):
        rows, fingerprints, forgotten = [], [], []
        first = next_versions(run, len(batch))
        for fresh, (file, (seen, reading)) in enumerate(batch, start=first):
            known = NO_ROW
            for row in run(f"SELECT {columns} FROM images WHERE file = ?", (file,)):
                known = _KnownRow(*row)
            if reading.row["problem"] and not os.path.lexists(file_path(root, file)):
                forgotten.append(file)  # it was removed in the meantime
                continue
            values = to_values(reading.row)
            ours = dict(zip(COLUMNS, values, strict=True))
            is_same = ours["sha256"] == known.sha256 != "" and (ours["problem"], read_with) == (
                known.problem,
                known.reader,
            )
            if not is_same and known.version and _fits_better(root, file, known, ours):
                continue
            if not is_same:
                forgotten.append(file)
            version = known.version if is_same else fresh
            state = "out" if known.state == "out" else "present"
            rows.append((file, version, state, known.stored, seen, read_with, *values))
            fingerprints += [
                (recipe, version, reading.codes[method][:views].tobytes())
                for recipe, method, views in (kept if reading.codes else ())
            ]
        forget_files(run, forgotten)
        insert_rows(run, *rows)
        run("INSERT OR REPLACE INTO fingerprints VALUES (?, ?, ?)", fingerprints, many=True)


def _fits_better(root: str, file: bytes, known: _KnownRow, ours: dict[str, Any]) -> bool:
    """Tell whether a saved row is of the file as it is now, and our reading is not."""
    try:
        stamp = stamp_of(os.stat(file_path(root, file)))
    except OSError:
        return False
    return (known.bytes, known.modified) == stamp != (ours["bytes"], ours["modified"])


COLUMNS = [name for name in DTYPES if name != "path"]
TEXT_COLUMNS = ("image", "sha256", "format", "mode", "kind", "problem", "remarks")
# as the table is sorted: without the recipe all is searched
OF_VERSION = "recipe IN (SELECT id FROM recipes) AND version ="
EPOCH = datetime(1970, 1, 1)

Execute = Callable[..., Any]  # what `Store.transaction` gives


def insert_rows(run: Execute, *rows: tuple) -> None:
    """Write rows of file, version, state, stored, seen, reader and `COLUMNS`.

    They replace rows of the same files.
    """
    columns = ["file", "version", "state", "stored", "seen", "reader", *COLUMNS]
    places = ", ".join("?" * len(columns))
    run(f"INSERT OR REPLACE INTO images ({', '.join(columns)}) VALUES ({places})", rows, many=True)


def forget_files(run: Execute, files: Iterable[bytes]) -> None:
    """Remove what was known of files' former contents."""
    keys = [(file,) for file in files]
    run(
        f"DELETE FROM fingerprints WHERE {OF_VERSION} (SELECT version FROM images WHERE file = ?)",
        keys,
        many=True,
    )
    run("DELETE FROM images WHERE file = ?", keys, many=True)


def next_versions(run: Execute, n: int) -> int:
    """Return the first of `n` numbers that no contents ever had."""
    [(last, newest)] = run(
        "SELECT value, (SELECT coalesce(max(version), 0) FROM images) FROM counters "
        "WHERE name = 'version'"
    )
    if not isinstance(last, int) or last < newest:
        raise ValueError("the counter would give a version again")
    run("UPDATE counters SET value = ? WHERE name = 'version'", (last + n,))
    return last + 1


def to_values(row: dict[str, Any]) -> tuple:
    """Return a row of the `images` table as SQLite keeps it.

    Times are whole numbers, and NULL means unknown.

    `modified` comes in nanoseconds, `taken` as a datetime; see `Reading`.
    """
    modified = None if row["modified"] == NOT_KNOWN else int(row["modified"])
    taken = None if row["taken"] is None else int((row["taken"] - EPOCH).total_seconds())
    detail = None if np.isnan(row["detail"]) else float(row["detail"])
    changed = {
        "modified": modified,
        "taken": taken,
        "detail": detail,
        "lossless": bool(row["lossless"]),
    }
    return tuple(changed[name] if name in changed else row[name] for name in COLUMNS)


def to_table(rows: list[tuple], root: str) -> pd.DataFrame:
    """Undo `to_values`, for rows of file and `COLUMNS`."""
    names = ["file", *COLUMNS]
    columns: dict[str, Any] = (
        dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ())
    )
    for name in TEXT_COLUMNS:
        if not set(map(type, columns[name])) <= {str}:
            raise ValueError(f"column {name} has values that are no texts")
    if not set(columns["lossless"]) <= {0, 1}:
        raise ValueError("column lossless has values that are neither 0 nor 1")
    start = os.path.join(
        root, ""
    )  # the lines of `file_path`, written out because they run for every file
    paths = [start + file_name(file) for file in columns["file"]]
    columns["path"] = paths if os.sep == "/" else [path.replace("/", os.sep) for path in paths]
    unknown = int(np.iinfo(np.int64).min)  # numpy's "not a time"
    for name, unit in (("modified", "ns"), ("taken", "s")):
        numbers = np.array(
            [unknown if value is None else value for value in columns[name]], np.int64
        )
        columns[name] = pd.Series(numbers.view(f"datetime64[{unit}]"))
    columns["modified"] = columns["modified"].dt.tz_localize("UTC")
    columns["lossless"] = np.array(columns["lossless"], dtype=bool)
    columns["detail"] = np.array(columns["detail"], dtype=float)  # NULL becomes NaN
    return pd.DataFrame(
        {name: pd.Series(columns[name], dtype=dtype) for name, dtype in DTYPES.items()}
    )

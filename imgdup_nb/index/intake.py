"""Take what is different in a folder into its index: moves and copies at once, what is unknown by one decode each."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import NamedTuple

import pandas as pd

from ..images import printable
from .reading import read_files
from .rescan import Difference, Stamp, file_name
from .rows import COLUMNS, OF_VERSION, Run, forget_files, insert_rows, next_versions
from .store import Store

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
    rows = store.read_each("SELECT file, image, state, bytes, sha256, problem FROM images WHERE file = ?", files)
    return {row[0]: _Outline(*row[1:]) for row in rows}


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
        forget_files(run, [*moving, *copying])
        for new, (version, state, *row) in moving.items():
            insert_rows(run, (new, version, "out" if state == "out" else "present", *row))
        for new, (version, _state, _stored, *row) in copying.items():
            fresh = next_versions(run, 1)
            insert_rows(run, (new, fresh, "present", 0, *row))
            run(f"INSERT INTO fingerprints SELECT recipe, ?, code FROM fingerprints WHERE {OF_VERSION} ?", (fresh, version))
        for file in [*difference.settled, *moving, *copying]:
            _stamp(run, file, found[file], now)
        run("UPDATE images SET state = 'present' WHERE file = ?", [(file,) for file in difference.settled], many=True)
        run("UPDATE images SET state = 'gone' WHERE file = ?", [(file,) for file in difference.gone], many=True)
        _follow(run, difference.moved)


def _stamp(run: Run, file: bytes, stamp: Stamp, now: int) -> None:
    run(
        "UPDATE images SET image = ?, bytes = ?, modified = ?, seen = ? WHERE file = ?",
        (printable(file_name(file)), *stamp, now, file),
    )


def _follow(run: Run, moved: dict[bytes, bytes]) -> None:
    """Let labels follow the files they are about."""
    rows = run("SELECT one, other, label, made, one_sha256, other_sha256 FROM labels") if moved else []
    touched = [row for row in rows if row[0] in moved or row[1] in moved]
    run("DELETE FROM labels WHERE one = ? AND other = ?", [row[:2] for row in touched], many=True)
    for one, other, label, made, one_sha256, other_sha256 in touched:
        ends = sorted([(moved.get(one, one), one_sha256), (moved.get(other, other), other_sha256)])
        [(one, one_sha256), (other, other_sha256)] = ends
        row = (one, other, label, made, one_sha256, other_sha256)
        run("INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?, ?, ?)", row)

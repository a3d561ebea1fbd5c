"""Files a collection does not know: each read once, for its row and all hash methods kept, and saved batch by batch."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import NamedTuple

from ..decode import without_remarks
from ..fingerprints import Reading, made_with, read_batch
from ..images import printable
from ..parallel import map_batches
from .rescan import file_name, file_path, reader
from .rows import forget_files, insert_rows, next_versions, to_values
from .store import Store

BATCH = 128  # files saved at a time: what a killed process does again


class Hash(NamedTuple):
    """A hash method whose fingerprints are kept: the number of its recipe, its name, and 1 or 8 views."""

    recipe: int
    method: str
    views: int


def read_files(
    store: Store, root: str, files: Sequence[bytes], *, executor: Executor | None, step: Callable[[int], None]
) -> None:
    """Read files and save what is found; those that are gone meanwhile are passed over.

    Parameters
    ----------
    step
        counts on how many are done; what it raises ends the reading.
    """
    kept = [Hash(*row) for row in store.read("SELECT id, method, views FROM recipes WHERE made_with = ?", (made_with(),))]
    # closed even where a step raises: else what is in the queue would be read all the same
    with without_remarks(), contextlib.closing(_read(root, files, kept, executor)) as read:
        readings = zip(files, _asking(read, step), strict=True)
        for batch in _in_batches(readings):
            _save(store, root, batch, kept)
            step(len(batch))


def _in_batches(readings: Iterable[tuple[bytes, tuple[int, Reading]]]) -> Iterator[list[tuple[bytes, tuple[int, Reading]]]]:
    """Yield what comes in lists of BATCH; where reading is stopped, first what came before."""
    batch: list[tuple[bytes, tuple[int, Reading]]] = []
    try:
        for reading in readings:
            batch.append(reading)
            if len(batch) == BATCH:
                yield batch
                batch = []
    except (Exception, KeyboardInterrupt):
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _asking(read: Iterable[tuple[int, Reading]], step: Callable[[int], None]) -> Iterator[tuple[int, Reading]]:
    """Yield what comes, and count none of it: for a stop that need not wait for a whole batch."""
    for reading in read:
        step(0)
        yield reading


def _read(
    root: str, files: Sequence[bytes], kept: Sequence[Hash], executor: Executor | None
) -> Generator[tuple[int, Reading], None, None]:
    named = [(printable(file_name(file)), file_path(root, file)) for file in files]
    methods = sorted({one.method for one in kept})
    # the views of one are the first of eight, so one call serves methods kept either way
    turned = any(one.views > 1 for one in kept)
    work = partial(_read_some, methods=methods, orientations=turned)
    yield from map_batches(work, named, executor=executor, describe="scan")


def _read_some(files: Sequence[tuple[str, str]], *, methods: Sequence[str], orientations: bool) -> list[tuple[int, Reading]]:
    """Return when reading began, in nanoseconds, and what was read of each file; picklable, so any executor can run it."""
    begun = time.time_ns()
    return [(begun, reading) for reading in read_batch(files, methods=methods, orientations=orientations)]


def _save(store: Store, root: str, batch: Sequence[tuple[bytes, tuple[int, Reading]]], kept: Sequence[Hash]) -> None:
    there = [
        (file, seen, reading)
        for file, (seen, reading) in batch
        if not reading.row["problem"] or os.path.lexists(file_path(root, file))
    ]
    read_with = reader()
    with store.writing() as run:
        first = next_versions(run, len(there))
        stored = [run("SELECT stored FROM images WHERE file = ?", (file,)) for file, *_ in there]
        forget_files(run, [file for file, _ in batch])
        rows = [
            (file, first + k, "present", was[0][0] if was else 0, seen, read_with, *to_values(reading.row))
            for k, ((file, seen, reading), was) in enumerate(zip(there, stored, strict=True))
        ]
        insert_rows(run, *rows)
        fingerprints = [
            (recipe, first + k, reading.codes[method][:views].tobytes())
            for k, (_, _, reading) in enumerate(there)
            if reading.codes
            for recipe, method, views in kept
        ]
        run("INSERT OR REPLACE INTO fingerprints VALUES (?, ?, ?)", fingerprints, many=True)

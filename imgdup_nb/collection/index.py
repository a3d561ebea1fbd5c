"""An open folder and its index: which pictures are in it, by which name, and what is being done.

The pictures stay where they are. Beside them lies one SQLite file, the index. `matches`,
`questions` and `collection` stand on this in that order; `Collection` is all of it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from ..engine.checks import check_choice, check_list, check_text
from ..engine.decode import silence_decoders
from ..engine.files import is_url
from ..engine.paths import is_inside
from ..methods import METHODS
from .fingerprints import Recipe, find_recipe
from .intake import COLUMNS, take_in, to_table
from .labels import storable
from .rescan import file_key, find_differences, list_folder
from .store import Store, index_path


class UnknownImage(LookupError):
    """No image of that name is in the collection."""


class Stopped(RuntimeError):
    """The work was given up half-way; what was kept stays, and the next question goes on from there."""


@dataclass(frozen=True)
class Progress:
    """What a collection is doing: Idle, ExtractingFeatures, MatchingFeatures or Searching, and how far it is (images)."""

    state: str
    done: int = 0
    total: int = 0

    def __str__(self) -> str:
        return self.state if self.state == "Idle" else f"{self.state} {self.done} of {self.total}"


class Folder:
    """A folder of pictures, and what its index knows of the files in it; see `Collection`."""

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        index: str | os.PathLike[str] | None = None,
        methods: Sequence[str] = ("phash",),
    ) -> None:
        self.folder = check_folder(folder)
        methods = check_list("methods", methods, ["phash"])
        for method in methods:
            check_choice("methods", method, METHODS)
        silence_decoders()
        self._store = Store(index_path(self.folder, index))
        self._status = Progress("Idle")
        self.is_wanted: Callable[[], bool] = lambda: (
            True
        )  # asked between batches; where it is not, the work is `Stopped`
        self._looked = False  # at the folder, in this session
        self._working = threading.RLock()
        self._table: tuple[Any, pd.DataFrame, np.ndarray] | None = None
        for method in methods:
            find_recipe(self._store, Recipe.of(method))

    def update(self, *, verify: bool = False, executor: Executor | None = None) -> pd.DataFrame:
        """Look at the folder again; only files that are new or changed are decoded.

        Parameters
        ----------
        verify
            compare the contents of all files, also of those whose size and time are the same.
        executor
            any `concurrent.futures.Executor`; None works in threads.

        Returns
        -------
        pandas.DataFrame, one row per file that is not as it was:
            image, change ("new", "changed", "moved", "gone", "back"), before (the former name of
            one that was moved).

        Warns
        -----
        UserWarning
            once, if files that were read now could not be.

        Notes
        -----
        Size and time of a file are looked at first. Where they differ, a file of known contents
        (SHA-256) counts as the same, as moved, with its labels, or as a copy, without being
        decoded. What is known of a file that is gone is kept, in case it comes back. Interrupted,
        it keeps what was read and the next call goes on; killed, from the last batch of 128.
        """
        with self._working:
            found = list_folder(self.folder)
            difference = find_differences(self._store, self.folder, found, verify=verify)
            changes = take_in(
                self._store, self.folder, difference, executor=executor, doing=self._doing
            )
            self._looked = True
        return changes

    @property
    def images(self) -> pd.DataFrame:
        """The `images` table, the one that `scan_images(folder)` makes."""
        return self._current()[0].copy()

    def _current(self) -> tuple[pd.DataFrame, np.ndarray]:
        """Return the images table and the versions of its rows; looks at the folder first if nobody did yet."""
        with self._working:
            if not self._looked:
                self.update()
            state = self._store.state()
            if self._table is None or self._table[0] != state:
                names = ", ".join(COLUMNS)
                rows = self._store.read(
                    f"SELECT file, {names}, version FROM images WHERE state = 'present' ORDER BY "
                    "image, file"
                )
                versions = np.array([row[-1] for row in rows], dtype=np.int64)
                self._table = state, to_table([row[:-1] for row in rows], self.folder), versions
            return self._table[1:]

    def _known_name(self, source: Any) -> str | None:
        """Return the name in the collection of what is given by name or path, None for what is not in it."""
        if not isinstance(source, str | os.PathLike):
            return None
        self._current()
        text = os.fspath(source)
        if self._store.read(
            "SELECT 1 FROM images WHERE state = 'present' AND image = ?", (storable(text),)
        ):
            return text
        path = os.path.abspath(text)
        if not is_inside(path, self.folder, follow_links=False):
            return None
        rows = self._store.read(
            "SELECT image FROM images WHERE state = 'present' AND file = ?",
            (file_key(self.folder, path),),
        )
        return rows[0][0] if rows else None

    def _file_of(self, image: str) -> bytes:
        name = storable(check_text("image", image, "holiday/cat.jpg"))
        rows = self._store.read(
            "SELECT file FROM images WHERE state = 'present' AND image = ?", (name,)
        )
        if not rows:
            raise UnknownImage(f"no image {image!r} in this collection; photos.images lists them")
        return rows[0][0]

    @property
    def status(self) -> Progress:
        """What it is doing now, and how far it is; may be asked from another thread."""
        return self._status

    @property
    def index(self) -> str:
        """The path of the index file."""
        return self._store.path

    @contextlib.contextmanager
    def _doing(self, state: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a status while something is done; gives a function that counts on, and stops what is not wanted any more."""
        before, self._status = self._status, Progress(state, 0, total)

        def step(done: int) -> None:
            self._status = Progress(state, self._status.done + done, total)
            if not self.is_wanted():
                raise Stopped(
                    f"stopped at {self._status}; what was kept stays, and the next question goes "
                    "on from there"
                )

        try:
            yield step
        finally:
            self._status = before

    def close(self) -> None:
        """Close the index; asking further is an error, closing again is not."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._current()[0])

    def __contains__(self, image: object) -> bool:
        return isinstance(image, str) and image in set(self._current()[0].image)


def check_folder(folder: str | os.PathLike[str]) -> str:
    """Return the whole path of a folder that is there."""
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(f"folder must be the path of a folder, not {type(folder).__name__}")
    if is_url(folder):
        raise ValueError(
            "folder must be on this machine, as a collection keeps its index there, and "
            f"{folder!r} is a URL; "
            "scan_images(url) reads it"
        )
    if not os.path.exists(folder):
        raise FileNotFoundError(
            f"folder {os.fspath(folder)!r} does not exist; the current folder is {os.getcwd()!r}"
        )
    if not os.path.isdir(folder):
        raise NotADirectoryError(f"folder must be a folder, and {os.fspath(folder)!r} is a file")
    return os.path.abspath(folder)

"""The index of a folder while it is open: its file, its images, and what is being done.

The pictures stay in the folder. The index is one SQLite file, usually in the same folder. `Index`
finds new and changed pictures (`update`), knows all of them (`current`), and repeats a question
where another process changed the index in between (`steady`).
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from ..engine.checks import check_path, check_text
from ..engine.files import is_url
from ..engine.parallel import Interrupted
from ..engine.paths import is_inside
from ..engine.selection import ALL_FILES, Selection, warn_of_folders
from .intake import COLUMNS, take_in, to_table
from .labels import storable
from .rescan import (
    FileState,
    file_key,
    file_path,
    find_differences,
    list_added,
    list_folder,
    stamp_of,
)
from .store import Overtaken, Store, index_path

T = TypeVar("T")
MAX_CHANGED_TRIES = 20  # of one question, while other processes change the index

ROT = "the contents changed, but not size and time: perhaps a damaged disk"


class UnknownImage(LookupError):
    """No image of that name is in the collection.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, dup.Collection(folder) as photos:
    ...     try:
    ...         photos.get("cat.jpg")
    ...     except dup.UnknownImage as error:
    ...         print(error)
    no image 'cat.jpg' in this collection; photos.images lists them
    """


class Stopped(RuntimeError):
    """The work was stopped half-way. What was saved stays, and the next question continues there.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> folder = tempfile.TemporaryDirectory()
    >>> Image.radial_gradient("L").save(f"{folder.name}/one.png")
    >>> with dup.Collection(folder.name) as photos:
    ...     photos.is_wanted = lambda: False  # asked between batches
    ...     try:
    ...         photos.update()
    ...     except dup.Stopped as error:
    ...         print(error)
    stopped at ExtractingFeatures 0 of 1; what was kept stays, and the next question goes on ...
    >>> folder.cleanup()
    """


@dataclass(frozen=True)
class Progress:
    """What a collection is doing, and how many images are done.

    `state` is Idle, ExtractingFeatures, MatchingFeatures or Searching.
    """

    state: str
    done: int = 0
    total: int = 0

    def __str__(self) -> str:
        return self.state if self.state == "Idle" else f"{self.state} {self.done} of {self.total}"


class Snapshot(NamedTuple):
    """The images table, the version of each row (int64), and the state of the index then."""

    images: pd.DataFrame
    versions: np.ndarray
    state: tuple[int, int]


class Index:
    """A folder of pictures with its open index file.

    Attributes
    ----------
    folder, store
        the folder's whole path, and the open file.
    status
        what is being done; another thread may ask.
    is_wanted
        called between batches; where it returns False, the work raises `Stopped`.
    selection
        which files of the folder are wanted.
    only_added
        whether the images are those that were added, and not all of the folder.
    working
        a lock: one thread at a time reads and writes.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        index: str | os.PathLike[str] | None = None,
        selection: Selection = ALL_FILES,
        *,
        only_added: bool = False,
    ) -> None:
        self.selection, self.only_added = selection, only_added
        self.folder = check_folder(folder)
        self.store = Store(index_path(self.folder, index))
        self.status = Progress("Idle")
        self.is_wanted: Callable[[], bool] = lambda: True
        self.working = threading.RLock()
        self._is_updated = False  # in this session
        self._snapshot: Snapshot | None = None

    def steady(self, ask: Callable[[], T]) -> T:
        """Return an answer that no other process changed while it was made.

        Raises
        ------
        TimeoutError
            if other processes changed the index each time.
        Interrupted
            if the work was stopped by hand.
        """
        with self.working:
            for _ in range(MAX_CHANGED_TRIES):
                try:
                    return ask()
                except Overtaken:
                    self._snapshot = None
                except KeyboardInterrupt as stop:
                    done = str(stop).partition(". ")[0] or "Stopped by hand"
                    raise Interrupted(
                        f"{done}. What was kept so far stays; the same call goes on from there."
                    ) from None
        raise TimeoutError(
            f"other programs changed the index {self.store.path!r} {MAX_CHANGED_TRIES} times while "
            "this question was answered; ask again when they are done"
        )

    # -- the images --------------------------------------------------------------------------------

    def update(
        self,
        *,
        verify: bool = False,
        add: Sequence[str] = (),
        executor: Executor | None = None,
    ) -> pd.DataFrame:
        """Find and read what is new or changed; see `Collection.update`.

        `add` takes whole paths of files in the folder.
        """
        left_out: list[str] = []
        added = [file_key(self.folder, path) for path in add]

        def compare_and_read() -> pd.DataFrame:
            left_out.clear()
            found = self._list(added, left_out)
            difference = find_differences(self.store, self.folder, found, verify=verify)
            difference.selection = self.selection
            changes = take_in(
                self.store, self.folder, difference, executor=executor, doing=self.doing
            )
            self.bring_back(added)
            return self._remark_rot(difference.rotten, changes)

        with self.working:
            changes = self.steady(compare_and_read)
            if not self._is_updated:
                warn_of_folders(left_out, stacklevel=4)
            self._is_updated = True
        return changes

    def _list(self, added: list[bytes], left_out: list[str]) -> dict[bytes, FileState]:
        """Return the stamps of all files that are wanted; `added` ones are from now on."""
        if added:
            with self.store.transaction() as run:
                sql = "UPDATE images SET state = 'gone' WHERE file = ? AND state = 'out'"
                run(sql, [(file,) for file in added], many=True)
        if not self.only_added:
            return list_folder(self.folder, self.selection, left_out)
        found = list_added(self.folder, self.store)
        for file in added:
            with contextlib.suppress(FileNotFoundError):  # it was removed in the meantime
                found[file] = stamp_of(os.stat(self.path_of(file)))
        return found

    def bring_back(self, files: Sequence[bytes]) -> None:
        """Make files images again that are known only as the place of one that was taken out."""
        if files:
            with self.store.transaction() as run:
                sql = "UPDATE images SET state = 'present' WHERE file = ? AND state = 'out'"
                run(sql, [(file,) for file in files], many=True)

    def _remark_rot(self, rotten: list[bytes], changes: pd.DataFrame) -> pd.DataFrame:
        """Keep a remark on files whose contents changed while size and time stayed."""
        for file in rotten:
            with self.store.transaction() as run:
                rows = run("SELECT image, remarks FROM images WHERE file = ?", (file,))
                for image, remarks in rows:  # none if another process has removed the row
                    both = "; ".join(filter(None, [remarks, ROT]))
                    run("UPDATE images SET remarks = ? WHERE file = ?", (both, file))
                    changes.loc[changes.image == image, "change"] = "damaged"
        return changes

    def update_file(self, file: bytes) -> str:
        """Read one file of the folder if it is new or changed; return the name of its image."""

        def compare_and_read() -> str:
            found = {file: stamp_of(os.stat(self.path_of(file)))}
            difference = find_differences(
                self.store, self.folder, found, complete=False, verify=True
            )
            take_in(self.store, self.folder, difference, executor=None, doing=self.doing)
            rows = self.store.read("SELECT image FROM images WHERE file = ?", (file,))
            if not rows:
                raise Overtaken
            return rows[0][0]

        return self.steady(compare_and_read)

    def current(self) -> Snapshot:
        """Return the images table and the versions of its rows; update first in a new session."""
        with self.working:
            if not self._is_updated:
                self.update()
            state = self.store.state()
            if self._snapshot is None or self._snapshot.state != state:
                names = ", ".join(COLUMNS)
                rows = self.store.read(
                    f"SELECT file, {names}, version FROM images WHERE state = 'present' ORDER BY "
                    "image, file"
                )
                with self.store.decoding("images"):
                    versions = np.array([row[-1] for row in rows], dtype=np.int64)
                    images = to_table([row[:-1] for row in rows], self.folder)
                self._snapshot = Snapshot(images, versions, state)
            return self._snapshot

    def path_of(self, file: bytes) -> str:
        """Return the path of a file of the index."""
        return file_path(self.folder, file)

    def key_of(self, path: str) -> bytes | None:
        """Return how the index calls the file at a whole path; None outside of the folder."""
        is_here = is_inside(path, self.folder, follow_links=False)
        return file_key(self.folder, path) if is_here else None

    def known_name(self, source: Any) -> str | None:
        """Return the name of an image that is given by name or path; None if it is not here."""
        if not isinstance(source, str | os.PathLike):
            return None
        self.current()
        text = os.fspath(source)
        if self.store.read(
            "SELECT 1 FROM images WHERE state = 'present' AND image = ?", (storable(text),)
        ):
            return text
        rows = self.store.read(
            "SELECT image FROM images WHERE state = 'present' AND file = ?",
            (self.key_of(os.path.abspath(text)),),
        )
        return rows[0][0] if rows else None

    def file_of(self, image: str) -> bytes:
        """Return the file of an image, or raise UnknownImage."""
        self.current()
        name = storable(check_text("image", image, "holiday/cat.jpg"))
        rows = self.store.read(
            "SELECT file FROM images WHERE state = 'present' AND image = ?", (name,)
        )
        if not rows:
            raise UnknownImage(f"no image {image!r} in this collection; photos.images lists them")
        return rows[0][0]

    # -- the work ----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def doing(self, state: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a status while something is done; give a function that counts images.

        That function raises `Stopped` when the work is not wanted any more.
        """
        before, self.status = self.status, Progress(state, 0, total)

        def step(done: int) -> None:
            self.status = Progress(state, self.status.done + done, total)
            if not self.is_wanted():
                raise Stopped(
                    f"stopped at {self.status}; what was kept stays, and the next question goes "
                    "on from there"
                )

        try:
            yield step
        finally:
            self.status = before


def check_folder(folder: str | os.PathLike[str]) -> str:
    """Return the whole path of a folder that exists."""
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(f"folder must be the path of a folder, not {type(folder).__name__}")
    if is_url(folder):
        raise ValueError(
            "folder must be on this machine, as a collection keeps its index there, and "
            f"{folder!r} is a URL; "
            "scan_images(url) reads it"
        )
    if not os.path.exists(check_path("folder", folder, "photos")):
        raise FileNotFoundError(
            f"folder {os.fspath(folder)!r} does not exist; the current folder is {os.getcwd()!r}"
        )
    if not os.path.isdir(folder):
        raise NotADirectoryError(f"folder must be a folder, and {os.fspath(folder)!r} is a file")
    return os.path.abspath(folder)

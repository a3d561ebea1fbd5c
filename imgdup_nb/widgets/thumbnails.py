"""Small pictures for a browser, made in threads when it asks; the last ones are remembered."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import NamedTuple

import pandas as pd

from ..engine.cache import ByteCache
from ..engine.decode import UnreadableImage, thumbnail
from ..engine.parallel import open_threads

MAX_BYTES = 32 * 2**20  # of JPEG; about 6,000 thumbnails
N_THREADS = 4  # Pillow decodes beside Python; more would starve the notebook


class Thumbnail(NamedTuple):
    """A JPEG, or why there is none."""

    jpeg: bytes
    problem: str


class Thumbnails:
    """Thumbnails of the images of a table, by name.

    Parameters
    ----------
    images
        a table with image and path; None has no thumbnails at all.
    max_bytes
        how much is remembered; what was used longest ago is forgotten first.
    """

    def __init__(self, images: pd.DataFrame | None, *, max_bytes: int = MAX_BYTES) -> None:
        self._paths = {} if images is None else dict(zip(images.image, images.path, strict=True))
        self._made: ByteCache[tuple[str, int], bytes] = ByteCache(max_bytes, len)
        self._making: dict[
            tuple[str, int], Future[Thumbnail]
        ] = {}  # by name and side: asked for, and not yet handed out
        self._lock = threading.Lock()
        self._threads: Executor | None = None

    def get(self, names: Sequence[str], side: int) -> list[Thumbnail]:
        """Return the thumbnail of each image, the longer side at most `side` pixels."""
        threads = self._open_threads()
        return list(threads.map(lambda name: self._get(name, side), names))

    def get_ready(self, names: Sequence[str], side: int, seconds: float) -> dict[str, Thumbnail]:
        """Return by name the thumbnails that are made within `seconds`, at least one.

        Ask again for the others: so nothing waits for large pictures. Earlier names that are not
        among these are not made any more.
        """
        known = {name: self._remembered(name, side) for name in names}
        done = {name: made for name, made in known.items() if made is not None}
        names = [name for name in names if name not in done]
        if not names:
            return done
        threads = self._open_threads()
        with self._lock:
            for key in [key for key in self._making if key[1] != side or key[0] not in names]:
                self._making.pop(key).cancel()
            for name in names:
                if (name, side) not in self._making:
                    self._making[name, side] = threads.submit(self._get, name, side)
            asked = {name: self._making[name, side] for name in names}
        if not wait(asked.values(), seconds).done:
            wait(asked.values(), return_when=FIRST_COMPLETED)
        ready = {name: made for name, made in asked.items() if made.done() and not made.cancelled()}
        with self._lock:
            for name in ready:
                self._making.pop((name, side), None)
        return {**done, **{name: made.result() for name, made in ready.items()}}

    def _open_threads(self) -> Executor:
        with self._lock:
            if self._threads is None:
                self._threads = open_threads(N_THREADS, "imgdup_nb-thumbnails")
            return self._threads

    def _remembered(self, name: str, side: int) -> Thumbnail | None:
        """Return what is known without a look at the file, None if nothing is."""
        path = self._paths.get(name)
        if path is None:
            return Thumbnail(b"", "not in the images table")
        known = self._made.get((path, side))
        return None if known is None else Thumbnail(known, "")

    def _get(self, name: str, side: int) -> Thumbnail:
        remembered = self._remembered(name, side)
        if remembered is not None:
            return remembered
        path = self._paths[name]
        try:
            made = thumbnail(path, side)
        except UnreadableImage as error:
            return Thumbnail(b"", str(error))  # not remembered: the file may come back
        self._made.keep((path, side), made)
        return Thumbnail(made, "")

    def close(self) -> None:
        """Stop the threads and forget the pictures; harmless when done twice."""
        with self._lock:
            threads, self._threads = self._threads, None
            self._making.clear()
            self._made.forget()
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)

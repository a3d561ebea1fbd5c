"""Search contexts: folders below one root, each a `Collection` that is opened on request.

A context that `create` makes is a set of features over the storage: its folder holds the index, and
the pictures lie in the storage. Any other folder is a context of the pictures in it. An id is the
name of a folder directly below the root, nothing else. Questions run in threads, so that the server
can answer others meanwhile. Questions about one context take turns, in the order in which they
came.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..collection.collection import Collection
from ..collection.index import Progress, Stopped
from ..collection.pointer import POINTER, pictures_of, point_to
from ..engine.paths import check_name, is_inside
from .errors import Refused
from .storage import Storage
from .uploads import Trial

MAX_OPEN = 32  # collections; each has three files open
MAX_THREADS = 8  # questions at the same time, each about another context
DELETED = ".deleted"  # hidden, so it cannot be an id
STORAGE = ".storage"  # likewise
MAX_ID = 100  # characters

Reply = TypeVar("Reply")


@dataclass
class Context:
    """An open context. One question at a time holds the lock."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    collection: Collection | None = None
    state: str = "Idle"  # of the current question, until the collection reports its own
    is_unwanted: bool = False  # it will be deleted: questions end early


class Contexts:
    """The contexts below a root folder.

    Parameters
    ----------
    root
        a folder; each folder directly in it is a context.
    method
        the method of all answers.
    isolate
        True decodes uploads in a worker process first.
    storage
        the folder of the storage; None takes `.storage` below the root, and makes it.

    Raises
    ------
    NotADirectoryError
        if there is no such folder.
    ValueError
        if the root lies in the storage, where clients could remove it.
    """

    def __init__(
        self,
        root: str,
        *,
        method: str = "phash",
        isolate: bool = False,
        storage: str | None = None,
    ) -> None:
        if not os.path.isdir(root):
            raise NotADirectoryError(
                f"the root of the search contexts must be a folder, and {root!r} is not"
            )
        self.root, self.method = os.path.realpath(root), method
        pictures = os.path.join(self.root, STORAGE) if storage is None else storage
        os.makedirs(pictures, exist_ok=True)
        self.storage = Storage(pictures)
        if is_inside(self.root, self.storage.folder):
            raise ValueError(
                f"the storage {pictures!r} must not hold the root of the search contexts, "
                f"{root!r}: clients could remove it"
            )
        self.trial = Trial() if isolate else None
        self._open: OrderedDict[str, Context] = OrderedDict()
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="imgdup_nb-contexts")
        # of their own, so that indexing does not hold up the storage
        self._file_threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="imgdup_nb-files")

    def folder(self, context_id: str) -> str:
        """Return the folder of a context.

        Raises
        ------
        Refused
            400 if no folder can have this name, 404 if there is none or if it is a link.
        """
        check_id(context_id)
        path = os.path.join(self.root, context_id)
        # compared with the names on disk: where case is ignored, one folder still has one id only
        if (
            context_id not in os.listdir(self.root)
            or not os.path.isdir(path)
            or os.path.realpath(path) != path
            or is_inside(self.storage.folder, path)
        ):
            self._forget(context_id)
            raise Refused(
                404,
                f"no search context {context_id!r}",
                "POST .../imageSearch/create makes one and returns its id",
            )
        return path

    async def create(self) -> str:
        """Make an empty context and return its id."""
        context_id = str(uuid.uuid4())
        folder = os.path.join(self.root, context_id)
        os.mkdir(folder)
        point_to(folder, self.storage.folder)
        await self.ask(context_id, len)
        return context_id

    def is_over_storage(self, context_id: str) -> bool:
        """Tell whether the pictures of a context lie in the storage."""
        return os.path.exists(os.path.join(self.folder(context_id), POINTER))

    def home(self, context_id: str) -> str:
        """Return the folder of a context's pictures."""
        folder = self.folder(context_id)
        return self.storage.folder if self.is_over_storage(context_id) else folder

    async def in_thread(self, function: Callable[..., Any], *given: Any) -> Any:
        """Work on files in a thread, so that other requests are answered meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(
            self._file_threads, function, *given
        )

    def status(self, context_id: str) -> Progress:
        """Return what a context is doing, without waiting for it."""
        self.folder(context_id)
        context = self._open.get(context_id)
        if context is None or not context.lock.locked():
            return Progress("Idle")
        now = context.collection.status if context.collection is not None else Progress("Idle")
        return now if now.state != "Idle" else Progress(context.state)

    async def ask(
        self,
        context_id: str,
        question: Callable[[Collection], Reply],
        *,
        state: str = "Searching",
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Reply:
        """Ask a context's collection a question in a thread, and return the answer.

        Parameters
        ----------
        state
            what `status` reports meanwhile.
        is_wanted
            called when the question's turn comes. A question is dropped if its client is gone.
        """
        async with self._turn(context_id) as (context, folder):
            if not is_wanted():
                raise Refused(400, "the client closed the connection")
            context.state = state
            # a server that stops ends its loop first, and then waits for all threads
            is_running = asyncio.get_running_loop().is_running
            try:
                answer = await self._in_thread(_answer, context, folder, self, question, is_running)
            except Stopped as error:
                raise Refused(404, f"search context {context_id!r} is being deleted") from error
            self.folder(context_id)  # another process may have moved it in the meantime
        self._close_some()
        return answer

    async def delete(self, context_id: str) -> None:
        """Move the folder of a context below `.deleted`, whole, so that it can be moved back.

        Questions that are being answered, such as indexing a folder, end early.
        """
        waited_for = self._open.get(context_id, Context())
        waited_for.is_unwanted = True
        try:
            await self._move_aside(context_id)
        finally:
            waited_for.is_unwanted = False

    async def _move_aside(self, context_id: str) -> None:
        async with self._turn(context_id) as (context, folder):
            await self._in_thread(_set_aside, context, folder, self.root)
            # (D28) not before: until the folder is moved, whoever asks waits for the same lock
            self._open.pop(context_id, None)

    @asynccontextmanager
    async def _turn(self, context_id: str) -> AsyncIterator[tuple[Context, str]]:
        """Wait for a context, then give it and its folder; nobody else uses it meanwhile.

        Raises
        ------
        Refused
            404 if it is gone, before or meanwhile: another process may move the folder.
        """
        while True:
            self.folder(context_id)
            context = self._open.setdefault(context_id, Context())
            self._open.move_to_end(context_id)
            async with context.lock:
                if self._open.get(context_id) is not context:
                    continue  # it was deleted or closed while this waited
                try:
                    yield context, self.folder(context_id)
                except Exception:
                    self.folder(context_id)
                    raise
                return

    async def _in_thread(self, function: Callable[..., Any], *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *given)

    def _forget(self, context_id: str) -> None:
        """Close a context that no longer exists."""
        context = self._open.get(context_id)
        if context is not None and not context.lock.locked():
            del self._open[context_id]
            self._threads.submit(_close, context)

    def _close_some(self) -> None:
        """Close the contexts that were not used for longest."""
        idle = [name for name, context in self._open.items() if not context.lock.locked()]
        for name in idle[: max(0, len(self._open) - MAX_OPEN)]:
            self._threads.submit(_close, self._open.pop(name))


def check_id(context_id: str) -> None:
    """Raise unless a text can be the name of a folder directly below the root, on every system.

    Examples
    --------
    >>> check_id("holidays 2024")
    >>> check_id("..")
    Traceback (most recent call last):
    ...
    imgdup_nb.server.errors.Refused: the id of a search context is the name of a folder, and '..'
    cannot be one
    """
    try:
        good = "/" not in check_name(context_id) and len(context_id) <= MAX_ID
    except ValueError:
        good = False
    if not good:
        raise Refused(
            400,
            f"the id of a search context is the name of a folder, and {context_id!r} cannot be one",
        )


def _answer(
    context: Context,
    folder: str,
    contexts: Contexts,
    question: Callable[[Collection], Reply],
    is_running: Callable[[], bool],
) -> Reply:
    if context.collection is not None and not os.path.exists(context.collection.index):
        _close(context)  # the folder was removed, and a new one made
    if context.collection is None:
        pictures = pictures_of(folder)
        if pictures is not None and os.path.realpath(pictures) != contexts.storage.folder:
            point_to(folder, contexts.storage.folder)  # the setting has changed
        context.collection = Collection(folder, methods=[contexts.method])
    context.collection.is_wanted = lambda: is_running() and not context.is_unwanted
    return question(context.collection)


def _set_aside(context: Context, folder: str, root: str) -> None:
    _close(context)  # Windows moves no folder with an open file in it
    spot = os.path.join(root, DELETED)
    os.makedirs(spot, exist_ok=True)
    os.rename(folder, os.path.join(spot, f"{os.path.basename(folder)}-{time.time_ns()}"))


def _close(context: Context) -> None:
    if context.collection is not None:
        context.collection.close()
        context.collection = None

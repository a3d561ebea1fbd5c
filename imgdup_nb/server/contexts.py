"""Search contexts: folders below one root, each a kept `Collection`, opened when asked for and asked one thing at a time.

An id is the name of a folder directly below the root, nothing else. Questions run in threads, so
that the server answers others meanwhile; those about one context wait for each other, in the order
they came.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..collection.collection import Collection
from ..collection.index import Progress
from ..engine.paths import check_name
from .errors import Refused

MAX_OPEN = 32  # collections; each keeps three files open
MAX_THREADS = 8  # questions worked on at the same time, each about another context
DELETED = ".deleted"  # hidden, so it is no id
MAX_ID = 100  # characters

Answer = TypeVar("Answer")


@dataclass
class Context:
    """An opened context: one question at a time holds the lock."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    collection: Collection | None = None
    state: str = "Idle"  # what the question at hand is for, until the collection says it better


class Contexts:
    """The contexts below a root folder.

    Parameters
    ----------
    root
        a folder; each folder directly in it is a context.
    method
        the method that all answers are given by.

    Raises
    ------
    NotADirectoryError
        if there is no such folder.
    """

    def __init__(self, root: str, *, method: str = "phash") -> None:
        if not os.path.isdir(root):
            raise NotADirectoryError(
                f"the root of the search contexts must be a folder, and {root!r} is none"
            )
        self.root, self.method = os.path.realpath(root), method
        self._open: OrderedDict[str, Context] = OrderedDict()
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="imgdup_nb-contexts")

    def folder(self, context_id: str) -> str:
        """Return the folder of a context.

        Raises
        ------
        Refused
            400 if no folder can have this name, 404 if there is none, or if it is a link that leads
            elsewhere.
        """
        check_id(context_id)
        path = os.path.join(self.root, context_id)
        # as it is spelled on disk: where capitals make no difference, one folder still has one id;
        # and no link
        if (
            context_id not in os.listdir(self.root)
            or not os.path.isdir(path)
            or os.path.realpath(path) != path
        ):
            self._forget(context_id)
            raise Refused(
                404,
                f"no search context {context_id!r}",
                "POST .../imageSearch/create makes one and answers its id",
            )
        return path

    async def create(self) -> str:
        """Make an empty context and return its id."""
        context_id = str(uuid.uuid4())
        os.mkdir(os.path.join(self.root, context_id))
        await self.ask(context_id, len)
        return context_id

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
        question: Callable[[Collection], Answer],
        *,
        state: str = "Searching",
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Answer:
        """Return the answer of a question to a context's collection, worked out in a thread.

        Parameters
        ----------
        state
            what `status` says meanwhile.
        is_wanted
            asked when the question's turn comes; one whose client is gone is not begun.
        """
        self.folder(context_id)
        context = self._open.setdefault(context_id, Context())
        self._open.move_to_end(context_id)
        async with context.lock:
            folder = self.folder(context_id)  # it may have been deleted while this waited
            self._open[context_id] = context
            if not is_wanted():
                raise Refused(400, "the client went away")
            context.state = state
            # a server that is told to stop stops its loop, and then waits for all threads
            is_running = asyncio.get_running_loop().is_running
            answer = await self._in_thread(
                _answer, context, folder, self.method, question, is_running
            )
        self._close_some()
        return answer

    async def delete(self, context_id: str) -> None:
        """Take a context away: its folder is moved below `.deleted`, whole, so that it can be moved back."""
        self.folder(context_id)
        context = self._open.setdefault(context_id, Context())
        async with context.lock:
            folder = self.folder(context_id)
            self._open.pop(context_id, None)
            await self._in_thread(_set_aside, context, folder, self.root)

    async def _in_thread(self, function: Callable[..., Any], *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *given)

    def _forget(self, context_id: str) -> None:
        """Close what is open of a context that is not there any more."""
        context = self._open.get(context_id)
        if context is not None and not context.lock.locked():
            del self._open[context_id]
            self._threads.submit(_close, context)

    def _close_some(self) -> None:
        """Close what was not asked for longest."""
        idle = [name for name, context in self._open.items() if not context.lock.locked()]
        for name in idle[: max(0, len(self._open) - MAX_OPEN)]:
            self._threads.submit(_close, self._open.pop(name))


def check_id(context_id: str) -> None:
    """Raise unless a text may be the name of a folder directly below the root, on every system.

    Examples
    --------
    >>> check_id("holidays 2024")
    >>> check_id("..")
    Traceback (most recent call last):
    ...
    imgdup_nb.server.errors.Refused: the id of a search context is the name of a folder, and '..' cannot be one
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
    method: str,
    question: Callable[[Collection], Answer],
    is_wanted: Callable[[], bool],
) -> Answer:
    if context.collection is not None and not os.path.exists(context.collection.index):
        _close(context)  # somebody removed the folder and made another one
    if context.collection is None:
        context.collection = Collection(folder, methods=[method])
    context.collection.is_wanted = is_wanted
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

"""One call of a client: what it sent, and the kinds of answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..collection.collection import Collection
from ..engine.decode import MAX_PIXELS
from .contexts import Contexts
from .storage import Storage
from .uploads import Upload, check_picture


@dataclass
class Request:
    """One checked call: the context or the path in the storage, the parameters and the body."""

    contexts: Contexts
    context_id: str = ""
    given: dict[str, Any] = field(default_factory=dict)  # by name of parameter; None if not sent
    upload: Upload | None = None
    tags: list[str] = field(default_factory=list)
    max_pixels: int = MAX_PIXELS
    is_wanted: Callable[[], bool] = lambda: True
    path: str = ""  # in the storage
    contents: bytes = b""  # of a file for the storage

    @property
    def method(self) -> str:
        """The method of all answers."""
        return self.contexts.method

    @property
    def storage(self) -> Storage:
        """The storage of all contexts."""
        return self.contexts.storage

    def check_decoding(self, data: bytes) -> None:
        """Raise if a picture must not be decoded by this process; see `uploads`."""
        if self.contexts.trial is not None:
            self.contexts.trial.check(data, self.max_pixels)
        check_picture(data, self.max_pixels)


@dataclass(frozen=True)
class File:
    """An answer that is a picture."""

    data: bytes
    kind: str
    name: str


@dataclass(frozen=True)
class Stream:
    """An answer that is sent piece by piece; each piece is made in a thread."""

    pieces: Iterator[bytes]
    kind: str
    name: str = ""  # of a file that is saved under it


@dataclass(frozen=True)
class Begun:
    """An answer that is sent while the work continues."""

    work: Awaitable[Any]


def in_context(
    question: Callable[[Collection, Request], Any], state: str = "Searching"
) -> Callable[[Request], Awaitable[Any]]:
    """Return an operation that asks the context's collection a question, in a thread."""

    def ask(collection: Collection, request: Request) -> Any:
        if request.upload is not None:
            request.check_decoding(request.upload.data)
        return question(collection, request)

    async def run(request: Request) -> Any:
        return await request.contexts.ask(
            request.context_id,
            lambda collection: ask(collection, request),
            state=state,
            is_wanted=request.is_wanted,
        )

    return run


def in_storage(change: Callable[[Request], Any]) -> Callable[[Request], Awaitable[Any]]:
    """Return an operation that works on the storage, in a thread."""

    async def run(request: Request) -> Any:
        return await request.contexts.in_thread(change, request)

    return run

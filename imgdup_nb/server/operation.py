"""A call, as the tables of calls name it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from .request import Request


@dataclass(frozen=True)
class Parameter:
    """A query parameter."""

    name: str
    kind: str  # string, percent, count or flag
    meaning: str
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operation:
    """A verb on a path, named as in the client libraries of the cloud service."""

    name: str
    verb: str
    path: str
    meaning: str
    run: Callable[[Request], Awaitable[Any]]
    parameters: tuple[Parameter, ...] = ()
    body: str = ""  # "image", "tags" or "file"
    answer: str = ""  # name of a schema, "file", or empty for no body

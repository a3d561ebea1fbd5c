"""Which path is answered by which handler."""

from __future__ import annotations

import re

from jupyter_server.utils import url_path_join

from .contexts import Contexts
from .handlers import DescriptionHandler, OperationHandler, TokenHandler, UnknownHandler
from .operation import Operation
from .operations import OPERATIONS

PREFIXES = ("/v3.0", "/v3")  # the client libraries' and the tutorial's
TOKEN_PATHS = ("/connect/token", "/oauth2/token")


def pattern_of(path: str) -> str:
    """Return a regular expression for the path of an operation, with a group for its parameter.

    Examples
    --------
    >>> pattern_of("/imaging/storage/exist/{path}"), pattern_of("/a/{searchContextId}/status")
    ('/imaging/storage/exist/(.*)', '/a/([^/]+)/status')
    """
    start, brace, rest = path.partition("{")
    if not brace:
        return re.escape(path)
    name, _, end = rest.partition("}")
    group = "([^/]+)" if name in {"searchContextId", "storageName"} else "(.*)"
    return re.escape(start) + group + re.escape(end)


def make_routes(base_url: str, contexts: Contexts, limits: dict[str, int]) -> list[tuple]:
    """Return the routes of all `OPERATIONS`, of the token and of the description."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, {})[operation.verb] = operation
    base = re.escape(base_url)
    routes: list[tuple] = [
        (url_path_join(base, re.escape(path)), TokenHandler) for path in TOKEN_PATHS
    ]
    for prefix in PREFIXES:
        described = url_path_join(base, re.escape(prefix), re.escape("openapi.json"))
        routes.append((described, DescriptionHandler, {"contexts": contexts}))
        for path, operations in by_path.items():
            pattern = pattern_of(path)
            given = {"contexts": contexts, "operations": operations, "limits": limits}
            routes.append(
                (url_path_join(base, re.escape(prefix), pattern), OperationHandler, given)
            )
        routes.append((url_path_join(base, re.escape(prefix)) + "/.*", UnknownHandler))
    return routes

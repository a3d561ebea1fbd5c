"""Errors as an HTTP status and a sentence: what is allowed, what was sent, and what to do."""

from __future__ import annotations

import errno
from typing import Any

from ..collection.index import UnknownImage
from ..collection.store import DamagedIndex
from ..engine.decode import UnreadableImage

CODES = {
    400: "invalidRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "notFound",
    405: "methodNotAllowed",
    409: "conflict",
    413: "tooLarge",
    415: "unsupportedMediaType",
    422: "unreadableImage",
    500: "internalError",
    503: "busy",
    507: "noSpace",
}


class Refused(Exception):
    """A request that is refused: an HTTP status, a sentence that says why, and what to do."""

    def __init__(self, status: int, message: str, way_out: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.way_out = status, message, way_out

    @property
    def body(self) -> dict[str, Any]:
        """The answer in the form that the service's client libraries read.

        Examples
        --------
        >>> Refused(404, "no image 'cat.jpg'").body
        {'error': {'code': 'notFound', 'message': "no image 'cat.jpg'", 'description': ''}}
        """
        code = CODES.get(self.status, "invalidRequest" if self.status < 500 else "internalError")
        return {"error": {"code": code, "message": self.message, "description": self.way_out}}


def refusal_for(error: BaseException) -> Refused | None:
    """Return what a client is told about an error; None if the error is our own fault."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, UnknownImage):
        return Refused(404, str(error))
    if isinstance(error, UnreadableImage):
        return Refused(422, f"the picture cannot be read: {error}")
    if isinstance(error, FileExistsError):
        return Refused(409, str(error))
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Refused(404, "a file or folder that is needed no longer exists")
    if isinstance(error, PermissionError):
        return Refused(403, "the server may not open a file or folder that is needed")
    if isinstance(error, DamagedIndex):
        return Refused(500, str(error))
    if isinstance(error, TimeoutError):  # another program was writing to the index for too long
        return Refused(503, str(error))
    if isinstance(error, OSError) and error.errno == errno.EROFS:
        return Refused(403, "the disk is read-only: nothing can be stored, moved or removed there")
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return Refused(404, "a link that leads to itself is not followed")
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Refused(507, "there is no space left on the disk")
    if isinstance(error, OSError) and error.errno in {errno.EINVAL, errno.ENAMETOOLONG}:
        return Refused(400, "this system takes no file of that name")
    return None

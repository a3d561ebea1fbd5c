"""What the calls below `/imaging/storage` do, by functions of `Storage`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from ..engine.decode import UnreadableImage
from .errors import Refused
from .image_calls import mime_of
from .request import Request, Stream
from .storage import LATEST
from .uploads import check_picture

BYTES_AT_ONCE = 2**20  # of a file that is sent


def list_stored(request: Request) -> Stream:
    """Return the files and folders of a folder, as many as there are, some at a time."""
    return Stream(_listing(request), "application/json")


def _listing(request: Request) -> Iterator[bytes]:
    separator = '{"value": ['
    for entries in request.storage.list(request.path):
        if entries:
            yield (separator + ", ".join(json.dumps(entry.reply) for entry in entries)).encode()
            separator = ", "
    yield b"]}" if separator == ", " else b'{"value": []}'


def make_folder(request: Request) -> None:
    """Make a folder, and those above it."""
    request.storage.make_folder(request.path)


def remove_folder(request: Request) -> None:
    """Move a folder aside."""
    request.storage.remove_folder(request.path, recursive=bool(request.given["recursive"]))


def object_exists(request: Request) -> dict[str, bool]:
    """Tell whether there is a file or folder of that name."""
    is_known = request.given["versionId"] in {None, LATEST}
    found = request.storage.find(request.path) if is_known else None
    return {"exists": found is not None, "isFolder": found is not None and found.is_folder}


def read_file(request: Request) -> Stream:
    """Return a file, byte by byte."""
    _check_version(request)
    path = request.storage.file(request.path)
    return Stream(_file_pieces(path), mime_of(path), os.path.basename(path))


def _file_pieces(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        yield file.read(BYTES_AT_ONCE)  # also of an empty file
        while piece := file.read(BYTES_AT_ONCE):
            yield piece


def store_file(request: Request) -> dict[str, list]:
    """Store a file; a picture that must not be decoded is refused."""
    data = request.contents
    try:
        check_picture(data, request.max_pixels)
    except UnreadableImage:
        pass  # not a picture: it is stored, and never opened
    except Refused as error:
        if error.status != 415:
            raise
    else:
        request.check_decoding(data)
    request.storage.put(request.path, data)
    return {"uploaded": [request.path.strip("/")], "errors": []}


def remove_file(request: Request) -> None:
    """Move a file aside."""
    _check_version(request)
    request.storage.remove_file(request.path)


def transfer(*, folder: bool, move: bool) -> Callable[[Request], None]:
    """Return the operation that copies or moves a file or a folder."""

    def run(request: Request) -> None:
        if not folder:
            _check_version(request)
        work = request.storage.copy_folder if folder else request.storage.copy_file
        work(request.path, request.given["destPath"], move=move)

    return run


def disc_usage(request: Request) -> dict[str, int]:
    """Return how full the disk of the storage is."""
    used, total = request.storage.usage()
    return {"usedSize": used, "totalSize": total}


def storage_exists(_request: Request) -> dict[str, bool]:
    """Tell that there is a storage: it answers to every name."""
    return {"exists": True}


def file_versions(request: Request) -> dict[str, Any]:
    """Return the versions of a file: there is one."""
    request.storage.file(request.path)
    found = request.storage.find(request.path)
    if found is None:  # removed in between
        return {"value": []}
    return {"value": [found.reply | {"versionId": LATEST, "isLatest": True}]}


def _check_version(request: Request) -> None:
    asked = request.given["versionId"]
    if asked not in {None, LATEST}:
        raise Refused(
            404,
            f"no version {asked!r} of this file",
            f"each file has one version here, {LATEST!r}",
        )

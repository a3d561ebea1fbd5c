"""What each call does, by functions of `Collection`.

The names of images are looked up in the index of the context, and the files found there are read.
Text that a client sends is never opened as a path.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from ..collection.collection import Collection
from ..engine.decode import MAX_PIXELS, UnreadableImage
from ..engine.files import walk_files
from ..engine.paths import check_name, is_inside
from .contexts import Contexts
from .errors import Refused
from .uploads import Upload, check_picture

LOW = 70.0  # percent; below it more and more unrelated images count as similar
MAX_PAIRS_BELOW = 20_000_000  # pairs that are compared below it


@dataclass
class Request:
    """One checked call: the context, the parameters and the picture."""

    contexts: Contexts
    context_id: str = ""
    given: dict[str, Any] = field(default_factory=dict)  # by name of parameter; None if not sent
    upload: Upload | None = None
    tags: list[str] = field(default_factory=list)
    max_pixels: int = MAX_PIXELS
    is_wanted: Callable[[], bool] = lambda: True

    @property
    def method(self) -> str:
        """The method of all answers."""
        return self.contexts.method


@dataclass(frozen=True)
class File:
    """An answer that is a picture."""

    data: bytes
    kind: str
    name: str


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
            if request.contexts.trial is not None:
                request.contexts.trial.check(request.upload.data, request.max_pixels)
            check_picture(request.upload.data, request.max_pixels)
        return question(collection, request)

    async def run(request: Request) -> Any:
        return await request.contexts.ask(
            request.context_id,
            lambda collection: ask(collection, request),
            state=state,
            is_wanted=request.is_wanted,
        )

    return run


# -- contexts --------------------------------------------------------------------------------------


async def create(request: Request) -> dict[str, Any]:
    """Make an empty context."""
    return await status(Request(request.contexts, await request.contexts.create()))


async def status(request: Request) -> dict[str, Any]:
    """Return what a context is doing; answered at once."""
    now = request.contexts.status(request.context_id)
    return {
        "id": request.context_id,
        "searchStatus": now.state,
        "done": now.done,
        "total": now.total,
        "method": request.method,
    }


async def delete(request: Request) -> None:
    """Move a context aside."""
    await request.contexts.delete(request.context_id)


# -- images ----------------------------------------------------------------------------------------


def add_image(collection: Collection, request: Request) -> None:
    """Store a picture and index it; without a picture, index a file of the folder."""
    _store(collection, request, collection.add)


def put_image(collection: Collection, request: Request) -> None:
    """Store a picture, new or in place of another; without a picture, read the file again."""
    _store(collection, request, collection.update_image)


def _store(collection: Collection, request: Request, store: Callable[[bytes, str], str]) -> None:
    name = _good_name(request.given["imageId"] or (request.upload.name if request.upload else ""))
    if request.upload is None:
        _take_in(collection, name)
        return
    with _explained():
        store(request.upload.data, name)


def get_image(collection: Collection, request: Request) -> File:
    """Return the file of a picture, also of one whose features were deleted."""
    name = request.given["imageId"]
    path = _path_in_index(collection, name) or _path_in_folder(collection, _good_name(name))
    if path is None:
        raise _no_image(name)
    data = Path(_inside(collection, path)).read_bytes()
    return File(data, _mime(path), os.path.basename(path))


def delete_image(collection: Collection, request: Request) -> None:
    """Remove an image, and delete its file if it was uploaded; a second time does nothing."""
    collection.delete(request.given["imageId"], delete_stored_copy=True)


# -- features --------------------------------------------------------------------------------------


async def create_features(request: Request) -> Any:
    """Index one image, or a folder in the background."""
    folder = request.given["imagesFolder"]
    if folder is None:
        return await in_context(put_image, "ExtractingFeatures")(request)
    inside = _folder_in(request.contexts.folder(request.context_id), folder)

    def take_in_folder(collection: Collection) -> None:
        collection.update()
        known = set(collection.images.path)
        for entry in walk_files(inside):
            if entry.path not in known:  # its features were deleted
                collection.add(entry.path)

    return Begun(
        request.contexts.ask(request.context_id, take_in_folder, state="ExtractingFeatures")
    )


async def refuse_web_site(_request: Request) -> None:
    """Refuse: nothing is fetched from the web."""
    raise Refused(
        403,
        "this server does not fetch pictures from web sites",
        "download the pictures, then add each with POST .../image",
    )


def get_features(collection: Collection, request: Request) -> dict[str, Any]:
    """Return the fingerprint of an image of the context."""
    name = request.given["imageId"]
    return _features_reply(collection, request, name, _read_image(collection, name))


def extract_features(collection: Collection, request: Request) -> dict[str, Any]:
    """Return the fingerprint of a picture, without adding it."""
    name = request.given["imageId"] or (request.upload.name if request.upload else "")
    return _features_reply(collection, request, name, _example(collection, request))


def delete_features(collection: Collection, request: Request) -> None:
    """Remove an image from the context and keep its file."""
    collection.delete(request.given["imageId"])


# -- questions -------------------------------------------------------------------------------------


def find_similar(collection: Collection, request: Request) -> dict[str, Any]:
    """Return the images most similar to a picture, without the picture itself."""
    most, image_id = request.given["maxCount"], request.given["imageId"]
    threshold = request.given["similarityThreshold"]
    found = collection.find_similar(
        _example(collection, request), threshold=threshold, method=request.method
    )
    if request.upload is None:
        found = found[found.image != image_id]
    return _results(found.head(most) if most is not None else found)


def find_duplicates(collection: Collection, request: Request) -> dict[str, Any]:
    """Return the groups of duplicates, the original of each first."""
    threshold, n = request.given["similarityThreshold"], len(collection)
    if threshold < LOW and n * (n - 1) // 2 > MAX_PAIRS_BELOW:
        raise Refused(
            400,
            f"below {LOW:g} % nearly all pairs of {n:,} images may count as similar: too many for "
            "one answer",
            f"use similarityThreshold={LOW:g} or more",
        )
    groups = collection.find_duplicates(threshold, method=request.method)
    return groups.to_response(request.given["casing"] or "sdk")


def find_by_tags(collection: Collection, request: Request) -> dict[str, Any]:
    """Return the images most similar to the pictures of any of these tags."""
    unknown = sorted(set(request.tags) - set(collection.tags.tag))
    if unknown:
        raise Refused(
            404,
            f"no tag {unknown[0]!r} in this context",
            "POST .../addTag?tagName=... with a picture makes one",
        )
    threshold, most = request.given["similarityThreshold"], request.given["maxCount"]
    return _results(
        collection.find_by_tags(
            request.tags, threshold=threshold, max_count=most, method=request.method
        )
    )


def add_tag(collection: Collection, request: Request) -> None:
    """Keep a picture as the reference of a tag."""
    if request.upload is None:
        raise _no_picture("imageData is needed: the picture that the tag stands for")
    collection.tag(request.given["tagName"], request.upload.data)


def compare(collection: Collection, request: Request) -> dict[str, Any]:
    """Return the similarity of an image of the context and another image or picture."""
    one, other = _read_image(collection, request.given["imageId1"]), request.given["imageId2"]
    if request.upload is not None:
        name, picture = other or request.upload.name, request.upload.data
    elif other is not None:
        name, picture = other, _read_image(collection, other)
    else:
        raise _no_picture("imageId2, or the second picture as imageData, is needed")
    table = collection.compare(one, picture, methods=[request.method])
    return {"results": [{"imageId": name, "similarity": float(table.similarity[0])}]}


# -- parts -----------------------------------------------------------------------------------------


def _example(collection: Collection, request: Request) -> bytes:
    """Return the bytes of the picture that a question is about."""
    if request.upload is not None:
        return request.upload.data
    if request.given["imageId"] is None:
        raise _no_picture("imageId, or a picture as the body of the request, is needed")
    return _read_image(collection, request.given["imageId"])


def _read_image(collection: Collection, image_id: str) -> bytes:
    path = _path_in_index(collection, image_id)
    if path is None:
        raise _no_image(image_id)
    return Path(_inside(collection, path)).read_bytes()


def _path_in_index(collection: Collection, image_id: str) -> str | None:
    images = collection.images
    paths = images.path[images.image == image_id]
    return None if paths.empty else str(paths.iloc[0])


def _path_in_folder(collection: Collection, name: str) -> str | None:
    path = os.path.join(collection.folder, *name.split("/"))
    return path if os.path.isfile(path) else None


def _inside(collection: Collection, path: str) -> str:
    """Return the path of a file if it is really in the context's folder: links may lead out."""
    if not is_inside(path, collection.folder):
        raise Refused(
            404,
            f"{os.path.basename(path)!r} is a link that leads out of the context's folder: it is "
            "not followed",
        )
    return os.path.realpath(path)


def _take_in(collection: Collection, name: str) -> None:
    """Index a file of the folder."""
    path = _path_in_folder(collection, name)
    if path is None:
        raise Refused(404, f"no file {name!r} in this context", "send the picture as imageData")
    _inside(collection, path)
    collection.add(path)
    problem = collection.images.set_index("image").problem.get(name, "")
    if problem:
        raise UnreadableImage(problem)


def _folder_in(home: str, folder: str) -> str:
    """Return the path of a folder in the context's folder."""
    name = folder.strip("/")
    path = home if name in {"", "."} else os.path.join(home, *_good_name(name).split("/"))
    if not (os.path.isdir(path) and is_inside(path, home)):
        raise Refused(
            404,
            f"no folder {folder!r} in this context",
            "imagesFolder is a folder inside that of the context",
        )
    return path


def _good_name(name: str) -> str:
    if not name:
        raise Refused(
            400, "imageId is needed: the name of the image in the context, such as '2024/cat.jpg'"
        )
    try:
        return check_name(name)
    except ValueError as error:
        raise Refused(400, f"imageId: {error}") from error


@contextmanager
def _explained() -> Iterator[None]:
    """Turn errors of `Collection.add` about a name into a refusal."""
    try:
        yield
    except UnreadableImage:
        raise
    except ValueError as error:
        raise Refused(400, f"imageId: {error}") from error
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        if isinstance(error, FileExistsError) and error.errno is None:
            raise  # with the collection's own sentence
        raise Refused(
            409, "a part of imageId is the name of a file, or all of it is the name of a folder"
        ) from error


def _features_reply(
    collection: Collection, request: Request, name: str, picture: bytes
) -> dict[str, Any]:
    found = collection.features(picture, request.method)
    return {
        "imageId": name,
        "featuresCount": found.count,
        "featureLengthInBits": found.bits,
        "features": base64.b64encode(found.data).decode(),
    }


def _results(found: pd.DataFrame) -> dict[str, Any]:
    rows = zip(found.image, found.similarity, strict=True)
    return {
        "results": [
            {"imageId": image, "similarity": float(similarity)} for image, similarity in rows
        ]
    }


def _no_image(image_id: str) -> Refused:
    return Refused(
        404,
        f"no image {image_id!r} in this context",
        "POST .../image?imageId=... with a picture adds one",
    )


def _no_picture(message: str) -> Refused:
    return Refused(
        400,
        message,
        "some releases of the client library lose a local file in GET calls; send it with curl -F",
    )


def _mime(path: str) -> str:
    """Return the MIME type by the suffix; browsers never show what is not a picture."""
    Image.init()
    return Image.MIME.get(
        Image.EXTENSION.get(os.path.splitext(path)[1].lower(), ""), "application/octet-stream"
    )

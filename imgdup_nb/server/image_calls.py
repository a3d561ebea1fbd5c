"""What the calls about contexts, images and features do, by functions of `Collection`.

The names of images are looked up in the index of the context, and the files found there are read.
Text that a client sends is never opened as a path. In a context over the storage, names are paths
in the storage.
"""

from __future__ import annotations

import base64
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

from PIL import Image

from ..collection.collection import Collection
from ..collection.rescan import STAND_INS
from ..engine.decode import UnreadableImage, open_image
from ..engine.paths import check_name, is_inside, write_file
from ..methods import METHODS, LocalMethod
from .errors import Refused
from .request import Begun, File, Request, in_context

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
    _store(collection, request, replace=False)


def put_image(collection: Collection, request: Request) -> None:
    """Store a picture, new or in place of another; without a picture, read the file again."""
    _store(collection, request, replace=True)


def _store(collection: Collection, request: Request, *, replace: bool) -> None:
    name = _wanted_name(request)
    if request.upload is None or (not replace and _is_stored(collection, request, name)):
        _index_file(collection, request, name)
        return
    store = collection.update_image if replace else collection.add
    with _explained(), _keeping(collection, request, name):
        _end_stand_in(collection, request, name)
        store(request.upload.data, name)


def get_image(collection: Collection, request: Request) -> File:
    """Return the file of a picture, also of one whose features were deleted."""
    name = request.given["imageId"]
    path = _path_in_index(collection, name)
    if path is None or _stand_in_of(collection, request, name):
        path = _path_in_folder(collection, _good_name(name)) or path
    if path is None:
        raise _no_image(name)
    data = Path(_inside(collection, path)).read_bytes()
    return File(data, mime_of(path), os.path.basename(path))


def delete_image(collection: Collection, request: Request) -> None:
    """Remove an image, and delete its file if it was uploaded; a second time does nothing."""
    name = request.given["imageId"]
    if _stand_in_of(collection, request, name):
        _end_stand_in(collection, request, name)
        if path := _path_in_folder(collection, name):
            collection.add(_inside(collection, path))
    if _path_in_index(collection, name) is not None:
        with _keeping(collection, request, name):
            collection.delete(name, delete_stored_copy=True)


# -- features --------------------------------------------------------------------------------------


async def create_features(request: Request) -> Any:
    """Index one image, or a folder in the background."""
    folder = request.given["imagesFolder"]
    if folder is None:
        return await in_context(put_features, "ExtractingFeatures")(request)
    inside = _folder_in(request.contexts.home(request.context_id), folder)

    def take_in_folder(collection: Collection) -> None:
        with catch_warnings():
            simplefilter("ignore")  # of files that are not pictures: they are rows with a problem
            collection.update(add=inside)
        collection.pairs(request.method)  # kept: findDuplicates finds them made

    return Begun(
        request.contexts.ask(request.context_id, take_in_folder, state="ExtractingFeatures")
    )


def put_features(collection: Collection, request: Request) -> None:
    """Index an image again, by its file or by a picture that is sent and not stored as the file."""
    if request.upload is None or not request.contexts.is_over_storage(request.context_id):
        put_image(collection, request)
        return
    name = _wanted_name(request)
    path = request.storage.stand_in(request.context_id, name)
    open_image(io.BytesIO(request.upload.data), min_side=64)  # a damaged one is not kept
    with _explained():
        write_file(request.storage.folder, path, request.upload.data, replace=True)
        if not _stand_in_of(collection, request, name):
            collection.delete(name)
        collection.add(path)


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
    return _features_reply(collection, request, name, read_image(collection, name))


def extract_features(collection: Collection, request: Request) -> dict[str, Any]:
    """Return the fingerprint of a picture, without adding it."""
    name = request.given["imageId"] or (request.upload.name if request.upload else "")
    return _features_reply(collection, request, name, read_example(collection, request))


def delete_features(collection: Collection, request: Request) -> None:
    """Remove an image from the context and keep its file."""
    name = request.given["imageId"]
    _end_stand_in(collection, request, name)
    collection.delete(name)


# -- parts -----------------------------------------------------------------------------------------


def read_example(collection: Collection, request: Request) -> bytes:
    """Return the bytes of the picture that a question is about."""
    if request.upload is not None:
        return request.upload.data
    if request.given["imageId"] is None:
        raise no_picture("imageId, or a picture as the body of the request, is needed")
    return read_image(collection, request.given["imageId"])


def read_image(collection: Collection, image_id: str) -> bytes:
    """Return the bytes of an image of the context."""
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


def _wanted_name(request: Request) -> str:
    """Return the checked name of the image that a request is about."""
    sent = request.upload.name if request.upload is not None else ""
    return _good_name(request.given["imageId"] or sent)


def _stand_in_of(collection: Collection, request: Request, name: str) -> str | None:
    """Return the picture whose features stand for a file's here, if there is one."""
    path = _path_in_index(collection, name)
    hidden = os.path.join(request.storage.folder, STAND_INS)
    is_one = path is not None and is_inside(path, hidden, follow_links=False)
    return path if is_one else None


def _end_stand_in(collection: Collection, request: Request, name: str) -> None:
    path = _stand_in_of(collection, request, name)
    if path is not None:
        collection.delete(name)
        with suppress(FileNotFoundError):
            os.remove(path)


def _keeping(collection: Collection, request: Request, name: str) -> AbstractContextManager[None]:
    """Keep a file of the storage aside if what is done here replaces or removes it."""
    if not request.contexts.is_over_storage(request.context_id):
        return nullcontext()
    return request.storage.keeping(os.path.join(collection.folder, *name.split("/")))


def _is_stored(collection: Collection, request: Request, name: str) -> bool:
    """Tell whether the storage holds what is sent, under its name, and this context does not."""
    is_over = request.contexts.is_over_storage(request.context_id)
    path = _path_in_folder(collection, name) if is_over else None
    if path is None or request.upload is None or _path_in_index(collection, name) is not None:
        return False
    return Path(_inside(collection, path)).read_bytes() == request.upload.data


def _index_file(collection: Collection, request: Request, name: str) -> None:
    """Index a file of the folder."""
    path = _path_in_folder(collection, name)
    if path is None:
        raise Refused(404, f"no file {name!r} in this context", "send the picture as imageData")
    _inside(collection, path)
    _end_stand_in(collection, request, name)
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
    is_large = isinstance(METHODS[request.method], LocalMethod)
    data = zlib.compress(found.data) if is_large else found.data
    return {
        "imageId": name,
        "featuresCount": found.count,
        "featureLengthInBits": found.bits,
        "features": base64.b64encode(data).decode(),
    }


def _no_image(image_id: str) -> Refused:
    return Refused(
        404,
        f"no image {image_id!r} in this context",
        "POST .../image?imageId=... with a picture adds one",
    )


def no_picture(message: str) -> Refused:
    """Return the refusal of a call that needs a picture and has none."""
    return Refused(
        400,
        message,
        "some releases of the client library lose a local file in GET calls; send it with curl -F",
    )


def mime_of(path: str) -> str:
    """Return the MIME type by the suffix; browsers never show what is not a picture."""
    Image.init()
    return Image.MIME.get(
        Image.EXTENSION.get(os.path.splitext(path)[1].lower(), ""), "application/octet-stream"
    )

"""An index whose pictures lie in another folder: a search context over the server's storage.

The folder of the index holds a small file, the pointer. It names the folder of the pictures. Only
pictures that were added belong to such a collection.
"""

from __future__ import annotations

import os

from ..engine.paths import is_inside, write_whole
from .store import INDEX_NAME, index_path

POINTER = ".imgdup_nb.pictures"
MAX_POINTER_BYTES = 5000

Place = str | os.PathLike[str]


def point_to(folder: str, pictures: str) -> None:
    """Make the index in a folder one of pictures in another folder.

    If both have one parent folder, the path is relative, so that both can be moved together.
    """
    near = is_inside(pictures, os.path.dirname(os.path.abspath(folder)))
    text = os.path.relpath(pictures, folder) if near else os.path.abspath(pictures)
    write_whole(os.path.join(folder, POINTER), text.encode("utf-8", "surrogateescape"))


def pictures_of(folder: Place) -> str | None:
    """Return the whole path of the folder of the pictures; None if there is no pointer.

    Raises
    ------
    ValueError
        if the pointer is damaged.
    """
    path = os.path.join(folder, POINTER)
    try:
        with open(path, "rb") as file:
            text = file.read(MAX_POINTER_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not text or len(text) > MAX_POINTER_BYTES or b"\0" in text or b"\n" in text:
        raise ValueError(f"{path!r} must hold the path of a folder, and does not: it is damaged")
    name = text.decode("utf-8", "surrogateescape")
    return os.path.abspath(os.path.join(folder, name))


def follow_pointer(folder: Place, index: Place | None) -> tuple[Place, Place | None, bool]:
    """Return folder and index of a collection, and whether only added pictures belong to it."""
    if not isinstance(folder, str | os.PathLike) or not isinstance(index, str | os.PathLike | None):
        return folder, index, False  # an error that `Index` explains
    own = os.path.join(folder, INDEX_NAME)
    if index is not None and os.path.abspath(index) != os.path.abspath(own):
        return folder, index, False
    pictures = pictures_of(folder)
    if pictures is None:
        return folder, index, False
    return pictures, index_path(os.path.abspath(folder), index), True

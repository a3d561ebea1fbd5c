"""Files that a user puts into the folder of a collection, reads, and takes out."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import IO

from ..engine.checks import check_path, check_text
from ..engine.decode import open_image
from ..engine.files import walk_files
from ..engine.paths import check_name, is_inside, write_file
from .index import Index
from .labels import storable
from .rescan import file_name

Source = str | os.PathLike[str] | bytes | IO[bytes]


def put_file(index: Index, source: Source, name: str | None, *, replace: bool) -> str:
    """Take a picture into the collection; see `Collection.add` and `Collection.update_image`."""
    if name is not None:
        check_text("name", name, "2024/cat.jpg")
    with index.working:
        index.current()
        inside = _key_of_source(index, source)
        if inside is not None and name in {None, file_name(inside)}:
            return _take_in(index, inside)
        contents = read_source(source)
        if name is None and not isinstance(source, str | os.PathLike):
            raise ValueError(
                "name must be given for a picture that comes as bytes or an open file: "
                "add(data, name='cat.jpg')"
            )
        name = check_name(os.path.basename(os.fspath(source)) if name is None else name)  # type: ignore[arg-type]
        open_image(io.BytesIO(contents), min_side=64)
        file = name.encode()
        rows = index.store.read("SELECT stored FROM images WHERE file = ?", (file,))
        is_ours = bool(rows and rows[0][0])
        if replace and not is_ours and os.path.lexists(index.path_of(file)):
            raise FileExistsError(
                f"{name!r} is a file that this collection did not store, so it is not "
                "overwritten; change it yourself and call update(), or add the picture under "
                "another name"
            )
        # of two new pictures at once, one must not take the place of the other
        replace = replace and is_ours
        write_file(index.folder, index.path_of(file), contents, replace=replace)
        image = _take_in(index, file)
        with index.store.transaction() as run:
            run("UPDATE images SET stored = 1 WHERE file = ?", (file,))
        return image


def _take_in(index: Index, file: bytes) -> str:
    _undo_delete(index, file)
    image = index.update_file(file)
    index.bring_back([file])  # its contents may be those of a file that was taken out and is gone
    return image


def _undo_delete(index: Index, file: bytes) -> None:
    """Let the next update find a file that the user had taken out."""
    with index.store.transaction() as run:
        run("UPDATE images SET state = 'gone' WHERE file = ? AND state = 'out'", (file,))


def _key_of_source(index: Index, source: Source) -> bytes | None:
    """Return the key of a file that lies in the folder, None for anything else."""
    if not isinstance(source, str | os.PathLike):
        return None
    path = os.path.abspath(source)
    if os.path.isdir(path):
        raise IsADirectoryError(
            f"add takes one picture, and {os.fspath(source)!r} is a folder; files that lie in "
            "the collection's own folder are taken in by update()"
        )
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"{os.fspath(source)!r} does not exist; the current folder is {os.getcwd()!r}"
        )
    return index.key_of(path)


def list_to_add(index: Index, folder: str | os.PathLike[str]) -> list[str]:
    """Return the paths of the pictures of a folder in the collection's folder.

    Raises
    ------
    ValueError, NotADirectoryError
        if it is no folder in there.
    """
    path = os.path.abspath(check_path("add", folder, "photos/2024"))
    if not os.path.isdir(path):
        raise NotADirectoryError(f"add must be the path of a folder, and {path!r} is none")
    if not is_inside(path, index.folder, follow_links=False):
        raise ValueError(f"add must be a folder in {index.folder!r}, and {path!r} is not")
    return [entry.path for entry in walk_files(path, index.selection)]


def take_out(index: Index, image: str, *, delete_stored_copy: bool) -> bool:
    """Take an image out of the collection; see `Collection.delete`."""
    with index.working:
        index.current()
        name = storable(check_text("image", image, "holiday/cat.jpg"))
        rows = index.store.read(
            "SELECT file, stored, bytes, modified FROM images WHERE state = 'present' AND "
            "image = ?",
            (name,),
        )
        for file, stored, size, modified in rows:
            path, state = index.path_of(file), "out"
            if delete_stored_copy and stored and os.path.isfile(path):
                status = os.stat(path)
                if (status.st_size, status.st_mtime_ns) == (size, modified):
                    os.remove(path)
                    state = "gone"
            with index.store.transaction() as run:
                run("UPDATE images SET state = ? WHERE file = ?", (state, file))
    return bool(rows)


def read_source(source: Source) -> bytes:
    """Return the bytes of a picture given by its path, as bytes, or as an open file."""
    if isinstance(source, bytes):
        return source
    if isinstance(source, str | os.PathLike):
        return Path(source).read_bytes()
    if hasattr(source, "read") and isinstance(data := source.read(), bytes):
        return data
    raise TypeError(
        f"a picture must be a path, bytes, or an open binary file, not {type(source).__name__}"
    )

"""A folder that is kept: what was found out once is not found out again, and what you said of a pair stays said.

The pictures stay where they are. Beside them lies one SQLite file, the index, with the `images`
table, the fingerprints of every method asked for, the pairs, your labels and tags. All answers are
those of the functions they stand on (`scan_images`, `fingerprint_images`, `similar_pairs`,
`group_duplicates`); only the waiting is gone.

A collection is made of floors, each standing on the one below: `folder` (which pictures are there),
`matches` (what is alike, and what you say of pairs), `questions` (about single pictures), and here
what is put in and taken out.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from ..engine.checks import check_text, count_of
from ..engine.decode import open_image
from ..engine.paths import check_name, is_inside, write_file
from .index import check_folder
from .intake import take_in
from .labels import storable
from .queries import Questions, Source, read_source
from .rescan import file_key, file_name, file_path, find_differences
from .store import index_path, set_aside


class Collection(Questions):
    """A folder of pictures with an index that is kept between sessions.

    Parameters
    ----------
    folder
        with pictures, or an empty one to fill by `add`.
    index
        where the index file is; None puts it into the folder as `.imgdup_nb.sqlite`, or into the
        user's cache where the folder cannot be written to. A file of another name in the folder
        should begin with a dot, to be no picture of it. An empty file is taken for a new index,
        with a warning if it has been empty for more than a minute.
    methods
        hash methods whose fingerprints are made together with the first look at a picture, in the
        same decode. Others are made when they are asked for, and kept from then on.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        if the folder is not there.
    DamagedIndex
        if the index file cannot be read; the text says how to go on.
    ValueError, IsADirectoryError
        if the index is of another program or a newer version, or a folder.

    Notes
    -----
    The first question in a session looks at the folder; after that, `update()` does when you say
    so. Several notebooks may work with one collection at once. A network drive is no good place for
    the index (SQLite's write-ahead log needs shared memory): name a local one. No thumbnails are
    kept: at about 5 kB each they would be nine tenths of the file.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> folder = tempfile.TemporaryDirectory()
    >>> picture = Image.radial_gradient("L")
    >>> picture.save(f"{folder.name}/one.png"), picture.save(f"{folder.name}/two.bmp")
    (None, None)
    >>> with Collection(folder.name) as photos:
    ...     print(list(photos.groups(90)))
    ...     photos.label("one.png", "two.bmp", "different")
    ...     print(list(photos.groups(90)))
    [['one.png', 'two.bmp']]
    []
    >>> folder.cleanup()
    """

    def add(self, source: Source, name: str | None = None) -> str:
        """Take a picture into the collection, copied into the folder where it is not there yet.

        Parameters
        ----------
        source
            a path, bytes, or an open binary file. A file in the folder is not copied, and comes
            back if it was taken out.
        name
            its name in the collection, `/` between folders; None takes the file's own.

        Returns
        -------
        str
            the name.

        Raises
        ------
        FileExistsError
            if the name is taken; `update_image` replaces.
        UnreadableImage
            if it cannot be shown as a picture; nothing is stored then.
        ValueError
            if the name would lead out of the folder or be passed over by a scan.
        """
        return self._put(source, name, replace=False)

    def update_image(self, source: Source, name: str | None = None) -> str:
        """Take a picture into the collection, in place of a stored copy of that name if there is one.

        Raises
        ------
        FileExistsError
            if the name is taken by a file that the collection did not store itself: such files are
            yours to change.
        """
        return self._put(source, name, replace=True)

    def _put(self, source: Source, name: str | None, *, replace: bool) -> str:
        with self._working:
            self._current()
            inside = self._inside(source)
            if inside is not None and name in {None, file_name(inside)}:
                with self._store.transaction() as run:
                    run(
                        "UPDATE images SET state = 'gone' WHERE file = ? AND state = 'out'",
                        (inside,),
                    )
                return self._look_at(inside)
            contents = read_source(source)
            if name is None and not isinstance(source, str | os.PathLike):
                raise ValueError(
                    "name must be given for a picture that comes as bytes or an open file: "
                    "add(data, name='cat.jpg')"
                )
            name = check_name(os.path.basename(os.fspath(source)) if name is None else name)  # type: ignore[arg-type]
            open_image(io.BytesIO(contents), min_side=64)
            file = name.encode()
            rows = self._store.read("SELECT stored FROM images WHERE file = ?", (file,))
            is_ours = bool(rows and rows[0][0])
            if replace and not is_ours and os.path.lexists(file_path(self.folder, file)):
                raise FileExistsError(
                    f"{name!r} is a file that this collection did not store, so it is not "
                    "overwritten; change it yourself and "
                    "call update(), or add the picture under another name"
                )
            # of two new pictures at once, one must not take the place of the other
            replace = replace and is_ours
            write_file(self.folder, file_path(self.folder, file), contents, replace=replace)
            with self._store.transaction() as run:
                run("UPDATE images SET state = 'gone' WHERE file = ? AND state = 'out'", (file,))
            image = self._look_at(file)
            with self._store.transaction() as run:
                run("UPDATE images SET stored = 1 WHERE file = ?", (file,))
            return image

    def _look_at(self, file: bytes) -> str:
        """Take in one file of the folder."""
        status = os.stat(file_path(self.folder, file))
        found: dict[bytes, Any] = {file: (status.st_size, status.st_mtime_ns)}
        difference = find_differences(self._store, self.folder, found, complete=False, verify=True)
        take_in(self._store, self.folder, difference, executor=None, doing=self._doing)
        return self._store.read("SELECT image FROM images WHERE file = ?", (file,))[0][0]

    def _inside(self, source: Source) -> bytes | None:
        """Return the key of a file that lies in the folder, None for anything else."""
        if not isinstance(source, str | os.PathLike):
            return None
        path = os.path.abspath(source)
        if os.path.isdir(path):
            raise IsADirectoryError(
                f"add takes one picture, and {os.fspath(source)!r} is a folder; files that lie in "
                "the collection's own folder "
                "are taken in by update()"
            )
        if not os.path.isfile(path):
            raise FileNotFoundError(
                f"{os.fspath(source)!r} does not exist; the current folder is {os.getcwd()!r}"
            )
        return (
            file_key(self.folder, path)
            if is_inside(path, self.folder, follow_links=False)
            else None
        )

    def get(self, image: str) -> bytes:
        """Return the file of an image, byte by byte."""
        self._current()
        return Path(file_path(self.folder, self._file_of(image))).read_bytes()

    def delete(self, image: str, *, delete_stored_copy: bool = False) -> bool:
        """Take an image out of the collection; the file stays where it is.

        It stays out in later updates, until `add(path)` takes it back. Its labels are kept.

        Parameters
        ----------
        image
            its name.
        delete_stored_copy
            also delete the file, if it is one that `add` stored and that nobody changed since.
            Files of yours are never deleted here: `choose_keepers` and `apply_plan` do that, with a
            dry run and an undo.

        Returns
        -------
        bool
            whether it was in the collection: taking out what is not there does nothing.
        """
        with self._working:
            self._current()
            name = storable(check_text("image", image, "holiday/cat.jpg"))
            rows = self._store.read(
                "SELECT file, stored, bytes, modified FROM images WHERE state = 'present' AND "
                "image = ?",
                (name,),
            )
            for file, stored, size, modified in rows:
                path, state = file_path(self.folder, file), "out"
                if delete_stored_copy and stored and os.path.isfile(path):
                    status = os.stat(path)
                    if (status.st_size, status.st_mtime_ns) == (size, modified):
                        os.remove(path)
                        state = "gone"
                with self._store.transaction() as run:
                    run("UPDATE images SET state = ? WHERE file = ?", (state, file))
        return bool(rows)

    @classmethod
    def repair(
        cls, folder: str | os.PathLike[str], *, index: str | os.PathLike[str] | None = None
    ) -> Collection:
        """Set a damaged index aside and start a new one with the labels and tags that can still be read.

        The damaged file is renamed, never deleted; a warning says its new name and how much was
        saved.
        """
        path = index_path(check_folder(folder), index)
        set_aside(path)
        return cls(folder, index=path)

    def __repr__(self) -> str:
        folder = os.path.basename(self.folder) or self.folder
        try:
            [(n, unreadable)] = self._store.read(
                "SELECT count(*), total(problem != '') FROM images WHERE state = 'present'"
            )
        except ValueError:
            return f"<Collection {folder!r}, closed>"
        lost = f", {unreadable:.0f} unreadable" if unreadable else ""
        [(n_labels,)], [(n_tags,)] = (
            self._store.read(f"SELECT count(*) FROM {name}") for name in ("labels", "tags")
        )
        said = f", {count_of(n_labels, 'label')}" * bool(
            n_labels
        ) + f", {count_of(n_tags, 'tag')}" * bool(n_tags)
        return f"<Collection {folder!r}: {n} files{lost}, {' '.join(self.methods) or 'no method'} kept{said}>"

"""A folder that is kept: what was found out once is not found out again, and what you said of a pair stays said.

The pictures stay where they are. Beside them lies one SQLite file, the index, with the `images` table, the fingerprints of
every method asked for, the pairs, your labels and tags. All answers are those of the functions they stand on (`scan_images`,
`fingerprint_images`, `similar_pairs`, `group_duplicates`); only the waiting is gone.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from ..checks import check_choice, check_percent
from ..decode import UnreadableImage, open_image
from ..fingerprints import METHODS, Fingerprints, fingerprint_images
from ..groups import Grouping, group_duplicates
from ..images import scan_images
from ..pairs import similar_pairs
from .apart import group_apart
from .intake import COLUMNS, take_in, to_table
from .kept import find_recipe, kept_pairs, load_fingerprints, make_fingerprints, missing_fingerprints
from .rescan import file_key, file_name, file_path, find_differences, list_folder
from .said import read_labels, read_tags, save_label, save_tag, storable
from .store import Store, index_path, set_aside
from .upload import check_name, write_file

FLOOR = 70.0  # percent; pairs from here up are kept, so that any usual threshold is answered from the index
LABELS = ["same", "different", "skip"]

Source = str | os.PathLike[str] | bytes | IO[bytes]


class UnknownImage(LookupError):
    """No image of that name is in the collection."""


@dataclass(frozen=True)
class Status:
    """What a collection is doing: Idle, ExtractingFeatures, MatchingFeatures or Searching, and how far it is (images)."""

    state: str
    done: int = 0
    total: int = 0

    def __str__(self) -> str:
        return self.state if self.state == "Idle" else f"{self.state} {self.done} of {self.total}"


@dataclass(frozen=True)
class Features:
    """A fingerprint to look at: how many hashes, their length in bits, and the packed bytes of all of them."""

    count: int
    bits: int
    data: bytes


class Collection:
    """A folder of pictures with an index that is kept between sessions.

    Parameters
    ----------
    folder
        with pictures, or an empty one to fill by `add`.
    index
        where the index file is; None puts it into the folder as `.imgdup_nb.sqlite`, or into the user's cache where the folder
        cannot be written to. A file of another name in the folder should begin with a dot, to be no picture of it.
    methods
        hash methods whose fingerprints are made together with the first look at a picture, in the same decode. Others are made
        when they are asked for, and kept from then on.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        if the folder is not there.
    DamagedIndex
        if the index file cannot be read; the text says how to go on.
    ValueError
        if the index is of another program or a newer version.

    Notes
    -----
    The first question in a session looks at the folder; after that, `update()` does when you say so. Several notebooks may work
    with one collection at once. A network drive is no good place for the index (SQLite's write-ahead log needs shared memory):
    name a local one. No thumbnails are kept: at about 5 kB each they would be nine tenths of the file.

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

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        index: str | os.PathLike[str] | None = None,
        methods: Sequence[str] = ("phash",),
    ) -> None:
        self.folder = _check_folder(folder)
        for method in methods:
            check_choice("methods", method, METHODS)
        self._store = Store(index_path(self.folder, index))
        self._status = Status("Idle")
        self._looked = False  # at the folder, in this session
        self._working = threading.RLock()
        self._table: tuple[Any, pd.DataFrame, np.ndarray] | None = None
        self._pairs: tuple[Any, pd.DataFrame] | None = None
        for method in methods:
            find_recipe(self._store, method, orientations=False)

    # -- the folder ---------------------------------------------------------------------------------------------------

    def update(self, *, verify: bool = False, executor: Executor | None = None) -> pd.DataFrame:
        """Look at the folder again; only files that are new or changed are decoded.

        Parameters
        ----------
        verify
            compare the contents of all files, also of those whose size and time are the same.
        executor
            any `concurrent.futures.Executor`; None works in threads.

        Returns
        -------
        pandas.DataFrame, one row per file that is not as it was:
            image, change ("new", "changed", "moved", "gone", "back"), before (the former name of one that was moved).

        Warns
        -----
        UserWarning
            once, if files that were read now could not be.

        Notes
        -----
        Size and time of a file are looked at first. Where they differ, a file of known contents (SHA-256) counts as the same,
        as moved, with its labels, or as a copy, without being decoded. What is known of a file that is gone is kept, in case
        it comes back. Interrupted at any point, the next call goes on from the last batch of 128.
        """
        with self._working:
            found = list_folder(self.folder)
            difference = find_differences(self._store, self.folder, found, verify=verify)
            changes = take_in(self._store, self.folder, difference, executor=executor, doing=self._doing)
            self._looked = True
        return changes

    @property
    def images(self) -> pd.DataFrame:
        """The `images` table, the one that `scan_images(folder)` makes."""
        return self._current()[0].copy()

    def _current(self) -> tuple[pd.DataFrame, np.ndarray]:
        """Return the images table and the versions of its rows; looks at the folder first if nobody did yet."""
        with self._working:
            if not self._looked:
                self.update()
            state = self._store.state()
            if self._table is None or self._table[0] != state:
                names = ", ".join(COLUMNS)
                rows = self._store.read(
                    f"SELECT file, {names}, version FROM images WHERE state = 'present' ORDER BY image, file"
                )
                versions = np.array([row[-1] for row in rows], dtype=np.int64)
                self._table = state, to_table([row[:-1] for row in rows], self.folder), versions
            return self._table[1:]

    # -- what the functions answer, kept ------------------------------------------------------------------------------

    def fingerprints(
        self, method: str = "phash", *, orientations: bool = False, executor: Executor | None = None
    ) -> Fingerprints:
        """Return the fingerprints of all readable images; what is not kept yet is computed and kept.

        Parameters
        ----------
        method : a hash method of METHODS
            each is kept beside the others, with the version of what made it; one made by another version of imagehash is made
            again, and a warning says so.
        orientations
            also the seven other ways to turn and mirror each picture.
        """
        return self._prints(method, orientations, executor)[0]

    def _prints(
        self, method: str, orientations: bool, executor: Executor | None = None
    ) -> tuple[Fingerprints, np.ndarray, int]:
        check_choice("method", method, METHODS)
        with self._working:
            images, versions = self._current()
            recipe = find_recipe(self._store, method, orientations=orientations)
            chosen: dict[str, Any] = {"method": method, "orientations": orientations}
            missing = missing_fingerprints(self._store, recipe, images, versions)
            if len(missing):
                with self._doing("ExtractingFeatures", len(missing)) as step:
                    some = images.iloc[missing], versions[missing]
                    make_fingerprints(self._store, recipe, *some, **chosen, executor=executor, step=step)
            prints, versions = load_fingerprints(self._store, recipe, images, versions, **chosen)
        if len(prints.problems):
            warnings.warn(
                f"{len(prints.problems)} images changed or became unreadable since the last update; call update()", stacklevel=3
            )
        return prints, versions, recipe

    def pairs(self, method: str = "phash", *, min_similarity: float = FLOOR, orientations: bool = False) -> pd.DataFrame:
        """Return the pair table, the one that `similar_pairs` makes; only new images are compared, with all.

        Parameters
        ----------
        method, orientations
            as for `fingerprints`.
        min_similarity
            percent, inclusive. Asking for less than ever before compares all again.
        """
        floor = check_percent("min_similarity", min_similarity)
        with self._working:
            prints, versions, recipe = self._prints(method, orientations)
            key = self._store.state(), recipe, floor, len(prints)
            if self._pairs is None or self._pairs[0] != key:
                with self._doing("MatchingFeatures", len(prints)) as step:
                    table = kept_pairs(self._store, recipe, prints, versions, floor=floor, step=step)
                self._pairs = key, table
            return self._pairs[1].copy()

    def groups(
        self,
        threshold: float = 90.0,
        *,
        method: str = "phash",
        linkage: str = "star",
        orientations: bool = False,
        keep_apart: bool = True,
    ) -> Grouping:
        """Put images that are at least `threshold` similar into groups, as `group_duplicates` does.

        Parameters
        ----------
        threshold
            percent, inclusive.
        method, orientations
            as for `fingerprints`.
        linkage : {'star', 'connected', 'complete'}
            as for `group_duplicates`.
        keep_apart
            no two images whose pair is labelled "different" are in one group, nor copies of them. False groups by similarity
            alone.
        """
        floor = min(FLOOR, check_percent("threshold", threshold))
        pairs = self.pairs(method, min_similarity=floor, orientations=orientations)
        labels = self.labels
        different = labels[labels.label == "different"]
        if not keep_apart or different.empty:
            return group_duplicates(pairs, threshold, linkage=linkage)
        # also of images that are gone: a copy of theirs may be there
        contents = dict(self._store.read("SELECT image, sha256 FROM images WHERE sha256 != ''"))
        apart = zip(different.left, different.right, strict=True)
        return group_apart(pairs, apart, threshold, linkage=linkage, same_contents=contents)

    def find_duplicates(self, threshold: float = 90.0, **options: Any) -> Grouping:
        """Return `groups(threshold, ...)`; `.to_response()` is the answer of the tutorial's findDuplicates."""
        return self.groups(threshold, **options)

    # -- questions about single pictures ------------------------------------------------------------------------------

    def find_similar(
        self,
        image: Source,
        *,
        threshold: float = 90.0,
        max_count: int | None = None,
        method: str = "phash",
        orientations: bool = False,
    ) -> pd.DataFrame:
        """Find the images of the collection that are most similar to a picture, in it or not.

        Parameters
        ----------
        image
            the name of an image of the collection, the path of any picture, its bytes, or an open binary file.
        threshold
            percent, inclusive.
        max_count
            at most so many, the most similar; None returns all.
        method, orientations
            as for `fingerprints`.

        Returns
        -------
        pandas.DataFrame, one row per image other than the picture itself, most similar first, then by name:
            image, similarity (percent), distance (in the method's unit), relation.

        Raises
        ------
        UnknownImage
            if it is neither the name of an image nor the path of a file.
        UnreadableImage
            if the picture cannot be read.
        """
        with self._outside([("", image)]) as table:
            found = self._search(table, threshold, method, orientations)
        own = self._known_name(image)
        return _best(found[found.image != own] if own is not None else found, max_count).drop(columns="query")

    def find_by_tags(
        self,
        tags: Sequence[str],
        *,
        threshold: float = 90.0,
        max_count: int | None = None,
        method: str = "phash",
        orientations: bool = False,
    ) -> pd.DataFrame:
        """Find the images that are similar to the reference picture of any of these tags.

        Returns
        -------
        pandas.DataFrame, one row per image, most similar first, then by name:
            image, similarity (percent), distance, relation, tag (the most similar one).

        Raises
        ------
        KeyError
            if there is no such tag.
        """
        wanted = [tags] if isinstance(tags, str) else list(tags)
        stored = dict(self._store.read("SELECT tag, contents FROM tags"))
        unknown = [tag for tag in wanted if tag not in stored]
        if unknown:
            raise KeyError(f"no tag {unknown[0]!r}; there are {', '.join(map(repr, sorted(stored))) or 'none'}")
        with self._outside([(tag, stored[tag]) for tag in dict.fromkeys(wanted)]) as table:
            found = self._search(table, threshold, method, orientations)
        found = found.sort_values(["distance", "query"], kind="stable").drop_duplicates("image")
        return _best(found, max_count).rename(columns={"query": "tag"})

    def compare(self, a: Source, b: Source, *, methods: Sequence[str] | None = None) -> pd.DataFrame:
        """Compare two pictures, each in the collection or not.

        Parameters
        ----------
        a, b
            as for `find_similar`.
        methods
            None compares by all methods kept here.

        Returns
        -------
        pandas.DataFrame, one row per method:
            method, similarity (percent), distance, relation. Also for pictures with too little detail.
        """
        chosen = self.methods if methods is None else list(methods)
        rows = []
        with self._outside([("a", a), ("b", b)]) as table:
            for method in chosen:
                pair = similar_pairs(fingerprint_images(table, method), min_similarity=0, include_low_detail=True).iloc[0]
                rows.append((method, float(pair.similarity), pair.distance, str(pair.relation)))
        return pd.DataFrame(rows, columns=["method", "similarity", "distance", "relation"])

    def features(self, image: Source, method: str = "phash", *, orientations: bool = False) -> Features:
        """Return the fingerprint of a picture, in the collection or not, without adding it."""
        with self._outside([("a", image)]) as table:
            prints = fingerprint_images(table, method, orientations=orientations)
        return Features(prints.n_views, prints.method.bits, prints.codes.tobytes())

    def _search(self, table: pd.DataFrame, threshold: float, method: str, orientations: bool) -> pd.DataFrame:
        """Return query, image, similarity, distance and relation of the images similar to those of a table."""
        floor = check_percent("threshold", threshold)
        prints = self._prints(method, orientations)[0]
        with self._doing("Searching", len(prints)) as step:
            queries = fingerprint_images(table, method, orientations=orientations)
            pairs = similar_pairs(queries, prints, min_similarity=floor)
            step(len(prints))
        texts = {name: pd.Series(pairs[name].to_numpy(dtype=object), dtype=object) for name in ("left", "right", "relation")}
        columns = {"image": texts["right"], "similarity": pairs.similarity, "distance": pairs.distance}
        return pd.DataFrame({**columns, "relation": texts["relation"], "query": texts["left"]})

    @contextlib.contextmanager
    def _outside(self, sources: Sequence[tuple[str, Source]]) -> Iterator[pd.DataFrame]:
        """Give an images table of pictures that may lie anywhere, under the names given; bytes lie in files meanwhile."""
        with tempfile.TemporaryDirectory(prefix="imgdup_nb-") as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows = []
            for place, (name, source) in enumerate(sources):
                path = self._path_of(source, os.path.join(folder, str(place)))
                row = scan_images([path])
                if row.problem[0]:
                    raise UnreadableImage(row.problem[0])
                rows.append(row.assign(image=pd.Series([name], dtype=object)))
            yield pd.concat(rows, ignore_index=True)

    def _path_of(self, source: Source, spare: str) -> str:
        known = self._known_name(source)
        if known is not None:
            return file_path(self.folder, self._file_of(known))
        if isinstance(source, str | os.PathLike):
            if os.path.isfile(source):
                return os.path.abspath(source)
            raise UnknownImage(
                f"{os.fspath(source)!r} is neither an image of this collection (photos.images lists them) "
                "nor the path of a file"
            )
        Path(spare).write_bytes(_read(source))
        return spare

    def _known_name(self, source: Source) -> str | None:
        """Return the name in the collection of what is given by name or path, None for what is not in it."""
        if not isinstance(source, str | os.PathLike):
            return None
        self._current()
        text = os.fspath(source)
        if self._store.read("SELECT 1 FROM images WHERE state = 'present' AND image = ?", (storable(text),)):
            return text
        path = os.path.abspath(text)
        if os.path.commonpath([path, self.folder]) != self.folder if _same_drive(path, self.folder) else True:
            return None
        rows = self._store.read("SELECT image FROM images WHERE state = 'present' AND file = ?", (file_key(self.folder, path),))
        return rows[0][0] if rows else None

    def _file_of(self, image: str) -> bytes:
        rows = self._store.read("SELECT file FROM images WHERE state = 'present' AND image = ?", (storable(image),))
        if not rows:
            raise UnknownImage(f"no image {image!r} in this collection; photos.images lists them")
        return rows[0][0]

    # -- adding and taking out ----------------------------------------------------------------------------------------

    def add(self, source: Source, name: str | None = None) -> str:
        """Take a picture into the collection, copied into the folder where it is not there yet.

        Parameters
        ----------
        source
            a path, bytes, or an open binary file. A file in the folder is not copied, and comes back if it was taken out.
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
            if the name is taken by a file that the collection did not store itself: such files are yours to change.
        """
        return self._put(source, name, replace=True)

    def _put(self, source: Source, name: str | None, *, replace: bool) -> str:
        with self._working:
            self._current()
            inside = self._inside(source)
            if inside is not None and name in {None, file_name(inside)}:
                with self._store.writing() as run:
                    run("UPDATE images SET state = 'gone' WHERE file = ? AND state = 'out'", (inside,))
                return self._look_at(inside)
            if name is None and not isinstance(source, str | os.PathLike):
                raise ValueError(
                    "name must be given for a picture that comes as bytes or an open file: add(data, name='cat.jpg')"
                )
            name = check_name(os.path.basename(os.fspath(source)) if name is None else name)  # type: ignore[arg-type]
            contents = _read(source)
            open_image(io.BytesIO(contents), min_side=64)
            file = name.encode()
            rows = self._store.read("SELECT stored FROM images WHERE file = ?", (file,))
            if replace and os.path.lexists(file_path(self.folder, file)) and not (rows and rows[0][0]):
                raise FileExistsError(
                    f"{name!r} is a file that this collection did not store, so it is not overwritten; change it yourself and "
                    "call update(), or add the picture under another name"
                )
            write_file(self.folder, file_path(self.folder, file), contents, replace=replace)
            with self._store.writing() as run:
                run("UPDATE images SET state = 'gone' WHERE file = ? AND state = 'out'", (file,))
            image = self._look_at(file)
            with self._store.writing() as run:
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
        if not os.path.isfile(path):
            raise FileNotFoundError(f"{os.fspath(source)!r} does not exist; the current folder is {os.getcwd()!r}")
        within = _same_drive(path, self.folder) and os.path.commonpath([path, self.folder]) == self.folder
        return file_key(self.folder, path) if within else None

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
            also delete the file, if it is one that `add` stored and that nobody changed since. Files of yours are never
            deleted here: `choose_keepers` and `apply_plan` do that, with a dry run and an undo.

        Returns
        -------
        bool
            whether it was in the collection: taking out what is not there does nothing.
        """
        with self._working:
            self._current()
            rows = self._store.read(
                "SELECT file, stored, bytes, modified FROM images WHERE state = 'present' AND image = ?", (storable(image),)
            )
            for file, stored, size, modified in rows:
                path, state = file_path(self.folder, file), "out"
                if delete_stored_copy and stored and os.path.isfile(path):
                    status = os.stat(path)
                    if (status.st_size, status.st_mtime_ns) == (size, modified):
                        os.remove(path)
                        state = "gone"
                with self._store.writing() as run:
                    run("UPDATE images SET state = ? WHERE file = ?", (state, file))
        return bool(rows)

    # -- what you say -------------------------------------------------------------------------------------------------

    def label(self, left: str, right: str, label: str | None) -> None:
        """Say whether two images show the same; None takes back what was said.

        Parameters
        ----------
        left, right
            names of two images, in any order.
        label : {'same', 'different', 'skip', None}
            pairs called different are kept apart by `groups`. "skip" says that you looked and cannot tell.

        Notes
        -----
        Labels follow images that are renamed or moved, and stay when an image is gone.
        """
        if label is not None:
            check_choice("label", label, LABELS)
        self._current()
        ends = sorted([self._file_of(left), self._file_of(right)])
        if ends[0] == ends[1]:
            raise ValueError(f"left and right must be two images, and both are {left!r}")
        save_label(self._store, ends[0], ends[1], label)

    @property
    def labels(self) -> pd.DataFrame:
        """What was said: left, right, label, made (UTC), changed (whether a file has other contents than when it was said).

        Also pairs of images that are gone; those are not `changed`.
        """
        return read_labels(self._store)

    def tag(self, name: str, image: Source) -> None:
        """Keep a picture as the reference of a tag; `find_by_tags` finds what is similar to it.

        Parameters
        ----------
        name
            of the tag; one that exists gets the new picture.
        image
            as for `find_similar`. The tag holds a copy of the file, so it stays when the image goes.
        """
        if not isinstance(name, str) or not name:
            raise ValueError(f"name must be a text such as 'logo', not {name!r}")
        with self._outside([(name, image)]) as table:
            contents = Path(table.path[0]).read_bytes()
        origin = self._known_name(image) or (os.path.basename(image) if isinstance(image, str | os.PathLike) else "")
        save_tag(self._store, name, os.fspath(origin), contents)

    def untag(self, name: str) -> bool:
        """Forget a tag; return whether there was one."""
        with self._store.writing(images=False) as run:
            return bool(run("DELETE FROM tags WHERE tag = ? RETURNING tag", (name,)))

    @property
    def tags(self) -> pd.DataFrame:
        """The tags: tag, image (what its picture was called), bytes, made (UTC)."""
        return read_tags(self._store)

    # -- the collection itself ----------------------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """What it is doing now, and how far it is; may be asked from another thread."""
        return self._status

    @property
    def methods(self) -> list[str]:
        """The methods whose fingerprints are kept here."""
        rows = {method for (method,) in self._store.read("SELECT method FROM recipes")}
        return [method for method in METHODS if method in rows]

    @property
    def index(self) -> str:
        """The path of the index file."""
        return self._store.path

    @contextlib.contextmanager
    def _doing(self, state: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a status while something is done; gives a function that counts on."""
        before, self._status = self._status, Status(state, 0, total)

        def step(done: int) -> None:
            self._status = Status(state, self._status.done + done, total)

        try:
            yield step
        finally:
            self._status = before

    @classmethod
    def repair(cls, folder: str | os.PathLike[str], *, index: str | os.PathLike[str] | None = None) -> Collection:
        """Set a damaged index aside and start a new one with the labels and tags that can still be read.

        The damaged file is renamed, never deleted; a warning says its new name and how much was saved.
        """
        path = index_path(_check_folder(folder), index)
        set_aside(path)
        return cls(folder, index=path)

    def close(self) -> None:
        """Close the index; asking further is an error, closing again is not."""
        self._store.close()

    def __enter__(self) -> Collection:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._current()[0])

    def __contains__(self, image: object) -> bool:
        return isinstance(image, str) and image in set(self._current()[0].image)

    def __repr__(self) -> str:
        folder = os.path.basename(self.folder) or self.folder
        try:
            [(n, unreadable)] = self._store.read("SELECT count(*), total(problem != '') FROM images WHERE state = 'present'")
        except ValueError:
            return f"<Collection {folder!r}, closed>"
        lost = f", {unreadable:.0f} unreadable" if unreadable else ""
        [(n_labels,)], [(n_tags,)] = (self._store.read(f"SELECT count(*) FROM {name}") for name in ("labels", "tags"))
        said = f", {n_labels} labels" * bool(n_labels) + f", {n_tags} tags" * bool(n_tags)
        return f"<Collection {folder!r}: {n} files{lost}, {' '.join(self.methods) or 'no method'} kept{said}>"


def _best(found: pd.DataFrame, max_count: int | None) -> pd.DataFrame:
    if max_count is not None and (isinstance(max_count, bool) or not isinstance(max_count, int) or max_count < 1):
        raise ValueError(f"max_count must be a whole number from 1 up, or None for all, not {max_count!r}")
    return found.sort_values(["distance", "image"], ignore_index=True).head(max_count)


def _check_folder(folder: str | os.PathLike[str]) -> str:
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(f"folder must be the path of a folder, not {type(folder).__name__}")
    if not os.path.exists(folder):
        raise FileNotFoundError(f"folder {os.fspath(folder)!r} does not exist; the current folder is {os.getcwd()!r}")
    if not os.path.isdir(folder):
        raise NotADirectoryError(f"folder must be a folder, and {os.fspath(folder)!r} is a file")
    return os.path.abspath(folder)


def _read(source: Source) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, str | os.PathLike):
        return Path(source).read_bytes()
    if hasattr(source, "read") and isinstance(data := source.read(), bytes):
        return data
    raise TypeError(f"a picture must be a path, bytes, or an open binary file, not {type(source).__name__}")


def _same_drive(path: str, root: str) -> bool:
    return os.path.splitdrive(path)[0] == os.path.splitdrive(root)[0]

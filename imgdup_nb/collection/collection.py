"""`Collection`: a folder of pictures with an index, so that nothing is computed twice.

The pictures stay where they are. The index is one SQLite file, usually in the same folder. It keeps
the `images` table, the fingerprints of every method asked for, the pairs, your labels and tags. All
answers are those of `scan_images`, `fingerprint_images`, `similar_pairs` and `group_duplicates`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Self

import pandas as pd

from ..engine.checks import (
    check_choice,
    check_flag,
    check_list,
    check_pair,
    check_percent,
    check_text,
    count_of,
)
from ..engine.decode import silence_decoders
from ..engine.parallel import Interrupted
from ..engine.selection import Selection
from ..evidence.cannot_link import apply_labels
from ..evidence.labels import ANSWERS
from ..fingerprints import Fingerprints
from ..groups import LINKAGES, Grouping, group_duplicates
from ..methods import METHODS
from . import queries
from .files import Source, list_to_add, put_file, take_out
from .fingerprints import AnyMethod, Recipe, find_recipe, keep_prints
from .index import Index, Progress, check_folder
from .labels import read_labels, read_tags, replace_missing, save_labels
from .pairs import WantedPairs, keep_pairs
from .pointer import follow_pointer
from .store import index_path, set_aside


class Collection:
    """A folder of pictures with an index that is kept between sessions.

    Parameters
    ----------
    folder
        with pictures, or an empty one to fill by `add`. Also the folder of a search context that
        the server made: it holds an index of some pictures of the server's storage. `folder` is
        the storage then, and only pictures that are added belong to the collection.
    index
        where the index file is; None puts it into the folder as `.imgdup_nb.sqlite`, or into the
        user's cache where the folder cannot be written to. A file of another name in the folder
        should begin with a dot, so that it is no picture of it. An empty file becomes a new index,
        with a warning if it has been empty for more than a minute.
    exclude, include
        patterns on the images' names, as for `scan_images`. What they leave out is treated as gone:
        its labels stay, and it is back as soon as it is wanted again.
    methods
        hash methods whose fingerprints are made when a picture is read for the first time. Others
        are made when you ask for them, and kept from then on.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        if the folder does not exist.
    DamagedIndex
        if the index file cannot be read; the text says how to go on.
    ValueError, IsADirectoryError
        if the index is of another program or a newer version, or a folder; if a pattern is empty.

    Notes
    -----
    The first question in a session reads the folder; after that, call `update()`. Several notebooks
    and programs may work with one collection at once. If others change it while a question is
    answered, the question is asked again, and after 20 times it raises TimeoutError. Do not put the
    index on a network drive (SQLite's write-ahead log needs shared memory): name a local file. No
    thumbnails are kept: at about 5 kB each they would be nine tenths of the file.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> folder = tempfile.TemporaryDirectory()
    >>> picture = Image.radial_gradient("L")
    >>> picture.save(f"{folder.name}/one.png"), picture.save(f"{folder.name}/two.bmp")
    (None, None)
    >>> with dup.Collection(folder.name) as photos:
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
        exclude: str | Iterable[str] | None = None,
        include: str | Iterable[str] | None = None,
        methods: Sequence[str] = ("phash",),
    ) -> None:
        methods = check_list("methods", methods, ["phash"])
        for method in methods:
            check_choice("methods", method, METHODS)
        silence_decoders()
        home, index, only_added = follow_pointer(folder, index)
        selection = Selection.of(exclude, include)
        self._index = Index(home, index, selection, only_added=only_added)
        self._pairs: tuple[Any, pd.DataFrame] | None = None  # those asked for last
        try:
            for method in methods:
                find_recipe(self._index.store, Recipe.of(method))
        except BaseException:
            self.close()
            raise

    # -- the folder --------------------------------------------------------------------------------

    @property
    def folder(self) -> str:
        """The whole path of the folder."""
        return self._index.folder

    @property
    def index(self) -> str:
        """The path of the index file."""
        return self._index.store.path

    @property
    def status(self) -> Progress:
        """What is being done now, and how many images are done; another thread may ask."""
        return self._index.status

    @property
    def is_wanted(self) -> Callable[[], bool]:
        """A function called between batches; where it returns False, the work raises `Stopped`."""
        return self._index.is_wanted

    @is_wanted.setter
    def is_wanted(self, function: Callable[[], bool]) -> None:
        self._index.is_wanted = function

    def update(
        self,
        *,
        verify: bool = False,
        add: str | os.PathLike[str] | None = None,
        executor: Executor | None = None,
    ) -> pd.DataFrame:
        """Read the folder again; only files that are new or changed are decoded.

        Parameters
        ----------
        verify
            compare the contents of all files, also of those whose size and time are the same. A
            file of other contents is then "damaged", not "changed", and has a remark: an edit
            changes the time, a failing disk does not.
        add
            the path of a folder in the collection's folder: all its pictures are taken in, also
            those that were taken out before.
        executor
            any `concurrent.futures.Executor`; None works in threads.

        Returns
        -------
        pandas.DataFrame, one row per file that is not as it was:
            image, change ("new", "changed", "damaged", "moved", "gone", "back"), before (the former
            name of one that was moved).

        Raises
        ------
        TimeoutError
            if other programs changed the index each of 20 times.

        Warns
        -----
        UserWarning
            once, if files that were read now could not be shown.

        Notes
        -----
        Size and time of a file are compared first. Where they differ, a file of known contents
        (SHA-256) is not decoded. It is the same file, a copy, or it was moved and keeps its labels.
        The index keeps what it knows of a missing file, in case the file comes back. If you
        interrupt an update, what was read is kept and the next call continues. If the process is
        killed, at most the last batch of 128 files is lost.
        """
        check_flag("verify", verify)
        added = [] if add is None else list_to_add(self._index, add)
        try:
            return self._index.update(verify=verify, add=added, executor=executor)
        except KeyboardInterrupt as stop:
            done = str(stop).partition(". ")[0] or "Stopped by hand in update"
            raise Interrupted(
                f"{done}. What was read is kept; the next update continues."
            ) from None

    @property
    def images(self) -> pd.DataFrame:
        """The `images` table, the one that `scan_images(folder)` makes."""
        return self._index.current().images.copy()

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
            if the name is taken, also by another program at the same moment; `update_image`
            replaces.
        UnreadableImage
            if it cannot be shown as a picture; nothing is stored then.
        ValueError
            if the name would lead out of the folder or be passed over by a scan.
        """
        return put_file(self._index, source, name, replace=False)

    def update_image(self, source: Source, name: str | None = None) -> str:
        """Take a picture into the collection, in place of a stored copy of that name.

        Raises
        ------
        FileExistsError
            if the collection did not store the file of that name itself: you change such files.
        """
        return put_file(self._index, source, name, replace=True)

    def get(self, image: str) -> bytes:
        """Return the file of an image, byte by byte."""
        return Path(self._index.path_of(self._index.file_of(image))).read_bytes()

    def delete(self, image: str, *, delete_stored_copy: bool = False) -> bool:
        """Take an image out of the collection; the file stays where it is.

        Later updates leave it out, until `add(path)` takes it back. Its labels are kept.

        Parameters
        ----------
        image
            its name.
        delete_stored_copy
            also delete the file, if `add` stored it and nobody changed it since. Your own files are
            never deleted here: `choose_keepers` and `apply_plan` do that, with a dry run and an
            undo.

        Returns
        -------
        bool
            whether it was in the collection.
        """
        check_flag("delete_stored_copy", delete_stored_copy)
        return take_out(self._index, image, delete_stored_copy=delete_stored_copy)

    # -- what is similar ---------------------------------------------------------------------------

    @property
    def methods(self) -> list[str]:
        """The methods whose fingerprints are kept here."""
        rows = {method for (method,) in self._index.store.read("SELECT method FROM recipes")}
        return [method for method in METHODS if method in rows]

    def fingerprints(
        self,
        method: AnyMethod = "phash",
        *,
        orientations: bool = False,
        executor: Executor | None = None,
    ) -> Fingerprints:
        """Return the fingerprints of all readable images; only missing ones are computed.

        Parameters
        ----------
        method : one of METHODS, or a function
            each is kept beside the others, with the version of the library that made it. If the
            version is another one now, all are made again, and a warning says so. A function that
            turns images into vectors (see `fingerprint_images`) needs a name and an attribute
            `version`: change the version whenever its answers may have changed.
        orientations
            also the seven other ways to turn and mirror each picture.
        executor
            any `concurrent.futures.Executor`; None works in threads.

        Notes
        -----
        A 64-bit hash takes 8 bytes an image, local features 43 to 70 kB, an embedding 4 bytes a
        dimension.
        """
        index = self._index
        return index.steady(
            lambda: keep_prints(index, method, orientations, executor=executor).load()
        )

    def pairs(
        self,
        method: AnyMethod = "phash",
        *,
        min_similarity: float | None = None,
        orientations: bool = False,
        use_labels: bool = False,
        linkage: str = "star",
        executor: Executor | None = None,
    ) -> pd.DataFrame:
        """Return the pair table of `similar_pairs`; only new images are compared, with all.

        Parameters
        ----------
        method, orientations
            as for `fingerprints`.
        min_similarity
            percent, inclusive; None as in `similar_pairs`. If you ask for less than ever before,
            all images are compared again, except by local features.
        use_labels, linkage
            True gives the table for groups of this linkage that contain no pair labelled
            "different", as `apply_labels` makes it: for explorers and sweeps. Evidence from labels
            needs the whole table, False.
        executor
            any `concurrent.futures.Executor`, for what is not kept yet; None works in threads.

        Notes
        -----
        By local features the index also keeps votes and scores of pairs, some 0.7 kB an image. So
        only votes of new images are counted, and only new pairs are scored.
        """
        check_choice("linkage", linkage, LINKAGES)
        check_flag("use_labels", use_labels)
        if min_similarity is not None:
            min_similarity = check_percent("min_similarity", min_similarity)
        wanted = WantedPairs(min_similarity)
        pairs = self._read_pairs(method, wanted, orientations=orientations, executor=executor)
        return self._without_different(pairs, linkage) if use_labels else pairs.copy()

    def _without_different(self, pairs: pd.DataFrame, linkage: str) -> pd.DataFrame:
        labels = replace_missing(self._index.store, self.labels)
        return apply_labels(pairs, labels, linkage=linkage)

    def _read_pairs(
        self,
        method: AnyMethod,
        wanted: WantedPairs,
        *,
        orientations: bool,
        executor: Executor | None,
    ) -> pd.DataFrame:
        """Return the pair table that is wanted; it is not to be changed."""
        index = self._index

        def ask() -> pd.DataFrame:
            snapshot = index.current()
            kept = keep_prints(index, method, orientations, snapshot=snapshot, executor=executor)
            key = snapshot.state, kept.number, wanted, len(kept)
            if self._pairs is None or self._pairs[0] != key:
                floor = wanted.floor_of(kept)
                table = keep_pairs(index, kept, snapshot, floor=floor, executor=executor)
                self._pairs = key, table
            return self._pairs[1]

        return index.steady(ask)

    def groups(
        self,
        threshold: float = 90.0,
        *,
        method: AnyMethod = "phash",
        linkage: str = "star",
        orientations: bool = False,
        use_labels: bool = True,
        executor: Executor | None = None,
    ) -> Grouping:
        """Put images that are at least `threshold` similar into groups, as `group_duplicates`.

        Parameters
        ----------
        threshold
            percent, inclusive.
        method, orientations
            as for `fingerprints`.
        linkage : {'star', 'connected', 'complete'}
            as for `group_duplicates`.
        use_labels
            no group contains two images whose pair is labelled "different", nor copies of them.
            False groups by similarity alone.
        executor
            as for `pairs`.

        Notes
        -----
        For more than 20,000 images, star groups without labels are made of the pairs from the
        threshold up. A lower threshold then compares all images again, and `weakest` is NaN where
        a pair of a group is below the threshold.
        """
        threshold = check_percent("threshold", threshold)
        check_choice("linkage", linkage, LINKAGES)
        check_flag("use_labels", use_labels)
        any_different = "SELECT 1 FROM labels WHERE label = 'different' LIMIT 1"
        cut = use_labels and bool(self._index.store.read(any_different))
        wanted = WantedPairs(None, threshold, may_be_shallow=linkage == "star" and not cut)
        pairs = self._read_pairs(method, wanted, orientations=orientations, executor=executor)
        pairs = self._without_different(pairs, linkage) if cut else pairs
        return group_duplicates(pairs, threshold, linkage=linkage)

    def find_duplicates(self, threshold: float = 90.0, **options: Any) -> Grouping:
        """Return `groups(threshold, ...)`; `.to_response()` is the answer of findDuplicates."""
        return self.groups(threshold, **options)

    # -- labels of pairs ---------------------------------------------------------------------------

    def label(self, left: str, right: str, label: str | None) -> None:
        """Say whether two images show the same; None withdraws the label.

        Parameters
        ----------
        left, right
            names of two images, in any order.
        label : {'same', 'different', 'skip', None}
            `groups` never puts a pair labelled "different" into one group. "skip" says that you
            compared them and cannot tell.

        Notes
        -----
        Labels follow images that are renamed or moved, and stay when an image is gone.
        `PairLabeler(..., labels=photos)` and `GroupReviewer(..., labels=photos)` keep their answers
        here.
        """
        self.label_pairs([(left, right)], label)

    def label_pairs(self, pairs: Iterable[tuple[str, str]], label: str | None) -> None:
        """Give many pairs of images one label, all of them or none; see `label`."""
        if label is not None:
            check_choice("label", label, ANSWERS)
        given, index = check_list("pairs", pairs, [("cat.jpg", "dog.jpg")]), self._index
        wanted = [check_pair("pairs", pair) for pair in given]

        def save() -> None:
            files = []
            for left, right in wanted:
                ends = index.file_of(left), index.file_of(right)
                if ends[0] == ends[1]:
                    raise ValueError(f"left and right must be two images, and both are {left!r}")
                files.append(ends)
            save_labels(index.store, files, label)

        index.steady(save)

    @property
    def labels(self) -> pd.DataFrame:
        """The labels: left, right, label, made (UTC), changed.

        `changed` says whether a file has other contents than when the label was made. Pairs of
        missing images are rows, too, and are not `changed`.
        """
        return read_labels(self._index.store)

    # -- questions about single pictures -----------------------------------------------------------

    def find_similar(
        self,
        image: Source,
        *,
        threshold: float = 90.0,
        max_count: int | None = None,
        method: AnyMethod = "phash",
        orientations: bool = False,
    ) -> pd.DataFrame:
        """Find the images of the collection that are most similar to a picture, in it or not.

        Parameters
        ----------
        image
            the name of an image of the collection, the path of any picture, its bytes, or an open
            binary file.
        threshold
            percent, inclusive.
        max_count
            at most so many, the most similar; None returns all.
        method, orientations
            as for `fingerprints`. By local features the picture is compared with every image, at
            about 2 ms each and core.

        Returns
        -------
        pandas.DataFrame, one row per image other than the picture itself, most similar first, then
        by name:
            image, similarity (percent), distance (in the method's unit), relation.

        Raises
        ------
        UnknownImage
            if it is neither the name of an image nor the path of a file.
        UnreadableImage
            if the picture cannot be read.
        """
        return queries.find_similar(
            self._index,
            image,
            threshold=threshold,
            max_count=max_count,
            method=method,
            orientations=orientations,
        )

    def find_by_tags(
        self,
        tags: str | Sequence[str],
        *,
        threshold: float = 90.0,
        max_count: int | None = None,
        method: AnyMethod = "phash",
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
        return queries.find_by_tags(
            self._index,
            tags,
            threshold=threshold,
            max_count=max_count,
            method=method,
            orientations=orientations,
        )

    def compare(
        self, a: Source, b: Source, *, methods: Sequence[AnyMethod] | None = None
    ) -> pd.DataFrame:
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
            method, similarity (percent), distance, relation. Also for pictures with too little
            detail.
        """
        chosen = self.methods if methods is None else check_list("methods", methods, ["phash"])
        return queries.compare(self._index, a, b, methods=chosen)

    def features(
        self, image: Source, method: AnyMethod = "phash", *, orientations: bool = False
    ) -> queries.FingerprintBytes:
        """Return the fingerprint of a picture, in the collection or not, without adding it."""
        return queries.features(self._index, image, method, orientations=orientations)

    # -- tags --------------------------------------------------------------------------------------

    def tag(self, name: str, image: Source) -> None:
        """Keep a picture as the reference of a tag; `find_by_tags` finds what is similar to it.

        Parameters
        ----------
        name
            of the tag; one that exists gets the new picture.
        image
            as for `find_similar`. The tag holds a copy of the file, so it stays when the image is
            removed.
        """
        queries.tag_image(self._index, name, image)

    def untag(self, name: str) -> bool:
        """Remove a tag; return whether there was one."""
        check_text("name", name, "logo")
        with self._index.store.transaction(images=False) as run:
            return bool(run("DELETE FROM tags WHERE tag = ? RETURNING tag", (name,)))

    @property
    def tags(self) -> pd.DataFrame:
        """The tags: tag, image (the name of its picture then), bytes, made (UTC)."""
        return read_tags(self._index.store)

    # -- the index file ----------------------------------------------------------------------------

    @classmethod
    def repair(
        cls, folder: str | os.PathLike[str], *, index: str | os.PathLike[str] | None = None
    ) -> Collection:
        """Set a damaged index aside and start a new one with its labels and tags.

        Those that can still be read are saved. The damaged file is renamed, never deleted; a
        warning says its new name and how much was saved.
        """
        path = index_path(check_folder(folder), index)
        set_aside(path)
        return cls(folder, index=path)

    def close(self) -> None:
        """Close the index; further questions are an error, closing again is not."""
        self._index.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._index.current().images)

    def __contains__(self, image: object) -> bool:
        return isinstance(image, str) and image in set(self._index.current().images.image)

    def __repr__(self) -> str:
        folder, read = os.path.basename(self.folder) or self.folder, self._index.store.read
        try:
            [(n, unreadable)] = read(
                "SELECT count(*), total(problem != '') FROM images WHERE state = 'present'"
            )
        except ValueError:
            return f"<Collection {folder!r}, closed>"
        counts = [f"{n} files"] + [f"{unreadable:.0f} unreadable"] * bool(unreadable)
        counts.append(f"{' '.join(self.methods) or 'no method'} kept")
        for table, noun in (("labels", "label"), ("tags", "tag")):
            [(n,)] = read(f"SELECT count(*) FROM {table}")
            counts += [count_of(n, noun)] * bool(n)
        return f"<Collection {folder!r}: {', '.join(counts)}>"

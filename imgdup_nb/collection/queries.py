"""Questions about single pictures, which may be in the collection, or anywhere else."""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from ..aligned.agreement import is_textured
from ..aligned.scores import MIN_FALLBACK_HASH, fall_back, score_pairs
from ..engine.checks import check_count, check_list, check_percent, check_text
from ..engine.decode import UnreadableImage
from ..engine.search import find_pairs
from ..fingerprints import Fingerprints, fingerprint_images
from ..images import scan_images
from ..pairs import complete_pairs, similar_pairs
from .fingerprints import Recipe
from .index import UnknownImage
from .labels import read_tags, save_tag
from .matches import AnyMethod, Matches
from .rescan import file_path

Source = str | os.PathLike[str] | bytes | IO[bytes]


@dataclass(frozen=True)
class FingerprintBytes:
    """A fingerprint to look at: how many hashes (or local features), bits in each, and all of it as bytes."""

    count: int
    bits: int
    data: bytes


class Questions(Matches):
    """A folder that can be asked about a picture; see `Collection`."""

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
            as for `fingerprints`. By local features every image is looked at, at about 2 ms each
            and core.

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
        with self._outside([("", image)]) as table:
            found = self._search(table, threshold, method, orientations)
        own = self._known_name(image)
        return _best(found[found.image != own] if own is not None else found, max_count).drop(
            columns="query"
        )

    def find_by_tags(
        self,
        tags: Sequence[str],
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
        wanted = [tags] if isinstance(tags, str) else check_list("tags", tags, ["logo"])
        if not wanted:
            raise ValueError(
                'tags must name at least one tag, such as ["logo"], and is empty; photos.tags '
                "lists them"
            )
        stored = dict(self._store.read("SELECT tag, contents FROM tags"))
        unknown = [tag for tag in wanted if tag not in stored]
        if unknown:
            raise KeyError(
                f"no tag {unknown[0]!r}; there are {', '.join(map(repr, sorted(stored))) or 'none'}"
            )
        with self._outside([(tag, stored[tag]) for tag in dict.fromkeys(wanted)]) as table:
            found = self._search(table, threshold, method, orientations)
        found = found.sort_values(["distance", "query"], kind="stable").drop_duplicates("image")
        return _best(found, max_count).rename(columns={"query": "tag"})

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
        rows = []
        with self._outside([("a", a), ("b", b)]) as table:
            for method in chosen:
                one, other = (
                    Recipe.of(method).compute(table[table.image == name]) for name in ("a", "b")
                )
                if one.method.fallback:
                    hashes = partial(_phashes, one), partial(_phashes, other)
                    pairs = compare_each(one, other, hashes, floor=0, include_low_detail=True)
                else:
                    pairs = similar_pairs(one, other, min_similarity=0, include_low_detail=True)
                pair = pairs.iloc[0]
                rows.append(
                    (one.method.name, float(pair.similarity), pair.distance, str(pair.relation))
                )
        return pd.DataFrame(rows, columns=["method", "similarity", "distance", "relation"])

    def features(
        self, image: Source, method: AnyMethod = "phash", *, orientations: bool = False
    ) -> FingerprintBytes:
        """Return the fingerprint of a picture, in the collection or not, without adding it."""
        with self._outside([("a", image)]) as table:
            recipe = Recipe.of(method, orientations)
            prints = recipe.compute(table)
        code = prints.codes[0]
        return FingerprintBytes(*prints.method.size_of(code), prints.method.pack(code))

    def _search(
        self, table: pd.DataFrame, threshold: float, method: AnyMethod, orientations: bool
    ) -> pd.DataFrame:
        """Return query, image, similarity, distance and relation of the images similar to those of a table."""
        floor = check_percent("threshold", threshold)
        kept = self._kept(method, orientations)
        with self._doing("Searching", len(kept)) as step:
            queries, prints = kept.recipe.compute(table), kept.load()
            if kept.recipe.method.fallback:
                pairs = compare_each(
                    queries, prints, (partial(_phashes, queries), self.fingerprints), floor=floor
                )
            else:
                pairs = similar_pairs(queries, prints, min_similarity=floor)
            step(len(kept))
        texts = {
            name: pd.Series(pairs[name].to_numpy(dtype=object), dtype=object)
            for name in ("left", "right", "relation")
        }
        columns = {
            "image": texts["right"],
            "similarity": pairs.similarity,
            "distance": pairs.distance,
        }
        return pd.DataFrame({**columns, "relation": texts["relation"], "query": texts["left"]})

    # -- reference pictures ------------------------------------------------------------------------

    def tag(self, name: str, image: Source) -> None:
        """Keep a picture as the reference of a tag; `find_by_tags` finds what is similar to it.

        Parameters
        ----------
        name
            of the tag; one that exists gets the new picture.
        image
            as for `find_similar`. The tag holds a copy of the file, so it stays when the image
            goes.
        """
        if not isinstance(name, str) or not name:
            raise ValueError(f"name must be a text such as 'logo', not {name!r}")
        with self._outside([(name, image)]) as table:
            contents = Path(table.path[0]).read_bytes()
        origin = self._known_name(image) or (
            os.path.basename(image) if isinstance(image, str | os.PathLike) else ""
        )
        save_tag(self._store, name, os.fspath(origin), contents)

    def untag(self, name: str) -> bool:
        """Forget a tag; return whether there was one."""
        check_text("name", name, "logo")
        with self._store.transaction(images=False) as run:
            return bool(run("DELETE FROM tags WHERE tag = ? RETURNING tag", (name,)))

    @property
    def tags(self) -> pd.DataFrame:
        """The tags: tag, image (what its picture was called), bytes, made (UTC)."""
        return read_tags(self._store)

    # -- pictures from anywhere --------------------------------------------------------------------

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
                f"{os.fspath(source)!r} is neither an image of this collection (photos.images "
                "lists them) "
                "nor the path of a file"
            )
        Path(spare).write_bytes(read_source(source))
        return spare


def _phashes(prints: Fingerprints) -> Fingerprints:
    return fingerprint_images(prints.images, "phash")


def _best(found: pd.DataFrame, max_count: int | None) -> pd.DataFrame:
    if max_count is not None:
        max_count = check_count("max_count", max_count, instead=", or None for all")
    return found.sort_values(["distance", "image"], ignore_index=True).head(max_count)


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


def compare_each(
    queries: Fingerprints,
    prints: Fingerprints,
    hashes: tuple[Callable[[], Fingerprints], Callable[[], Fingerprints]],
    *,
    floor: float,
    include_low_detail: bool = False,
) -> pd.DataFrame:
    """Score each query with each image, as `similar_pairs` scores them in one collection.

    Parameters
    ----------
    queries, prints
        local features by one method.
    hashes
        give the phashes of the same images, where they are needed: pictures without enough texture
        that cannot be laid on each other are compared by these, and count only from 90 percent up.

    Returns
    -------
    pandas.DataFrame
        a pair table, each left image a query.

    Notes
    -----
    About 2 ms a pair and core.
    """
    rows, columns = (ends.ravel() for ends in np.indices((len(queries), len(prints))))
    left, right = queries.codes[:, 0], prints.codes[:, 0]
    textured = [
        np.array([is_textured(found) for found in side], dtype=bool) for side in (left, right)
    ]
    pairs = [(left[row], right[column]) for row, column in zip(rows, columns, strict=True)]
    scores = list(score_pairs(pairs, queries.method.name))
    hashed = np.flatnonzero(~(textured[0][rows] & textured[1][columns]))
    if len(hashed):
        percent = _by_hash(queries, prints, hashes)[rows[hashed], columns[hashed]]
        for k, value in zip(hashed, percent, strict=True):
            scores[k] = fall_back(scores[k], float(value), *pairs[k])
    similarity = np.array([score.similarity for score in scores], dtype=np.float64)
    kept = similarity >= floor - 1e-9
    found = rows[kept], columns[kept], 100.0 - similarity[kept]
    return complete_pairs(
        queries, prints, *found, floor=floor, include_low_detail=include_low_detail
    )


def _by_hash(
    queries: Fingerprints,
    prints: Fingerprints,
    hashes: tuple[Callable[[], Fingerprints], Callable[[], Fingerprints]],
) -> np.ndarray:
    """Return the percent by phash of each query and image, 0 below `MIN_FALLBACK_HASH`; n_queries x n_images."""
    left, right = hashes[0](), hashes[1]()
    place, of_image = (
        pd.Index(side.names, dtype=object).get_indexer(known.names)
        for side, known in ((queries, left), (prints, right))
    )
    rows, columns, distances = find_pairs(
        left.codes, left.method.max_distance(MIN_FALLBACK_HASH), others=right.codes
    )
    rows, columns, percent = place[rows], of_image[columns], left.method.similarity(distances)
    table, known = np.zeros((len(queries), len(prints))), (rows >= 0) & (columns >= 0)
    table[rows[known], columns[known]] = percent[known]
    return table

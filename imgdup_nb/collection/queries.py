"""Questions about single pictures, which are in the collection or anywhere else.

Each function gets the open `Index`; the methods of `Collection` have the same names.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ..aligned.agreement import is_textured
from ..aligned.scores import MIN_FALLBACK_HASH, FeaturePair, fall_back, score_pairs
from ..aligned.tiny_pairs import raise_scores
from ..engine.checks import check_count, check_list, check_percent, check_text, shown
from ..engine.decode import UnreadableImage
from ..engine.search import find_pairs
from ..fingerprints import Fingerprints, fingerprint_images
from ..images import scan_images
from ..pairs import complete_pairs, similar_pairs
from .files import Source, read_source
from .fingerprints import AnyMethod, Recipe, keep_prints
from .index import Index, UnknownImage
from .labels import read_pictures, save_tag


@dataclass(frozen=True)
class FingerprintBytes:
    """A fingerprint: how many hashes (or local features), the bits of each, and all bytes."""

    count: int
    bits: int
    data: bytes


def find_similar(
    index: Index,
    image: Source,
    *,
    threshold: float,
    max_count: int | None,
    method: AnyMethod,
    orientations: bool,
) -> pd.DataFrame:
    """Find the images that are most similar to a picture; see `Collection.find_similar`."""
    with outside(index, [("", image)]) as table:
        found = _search(index, table, threshold, method, orientations)
    own = index.known_name(image)
    found = found[found.image != own] if own is not None else found
    return _best(found, max_count).drop(columns="query")


def find_by_tags(
    index: Index,
    tags: str | Sequence[str],
    *,
    threshold: float,
    max_count: int | None,
    method: AnyMethod,
    orientations: bool,
) -> pd.DataFrame:
    """Find the images that are similar to a tagged picture; see `Collection.find_by_tags`."""
    wanted = [tags] if isinstance(tags, str) else check_list("tags", tags, ["logo"])
    if not wanted:
        raise ValueError(
            'tags must name at least one tag, such as ["logo"], and is empty; photos.tags '
            "lists them"
        )
    stored = read_pictures(index.store)
    unknown = [tag for tag in wanted if check_text("tags", tag, "logo") not in stored]
    if unknown:
        raise KeyError(
            f"no tag {unknown[0]!r}; there are {', '.join(map(repr, sorted(stored))) or 'none'}"
        )
    with outside(index, [(tag, stored[tag]) for tag in dict.fromkeys(wanted)]) as table:
        found = _search(index, table, threshold, method, orientations)
    found = found.sort_values(["distance", "query"], kind="stable").drop_duplicates("image")
    return _best(found, max_count).rename(columns={"query": "tag"})


def compare(index: Index, a: Source, b: Source, *, methods: Sequence[AnyMethod]) -> pd.DataFrame:
    """Compare two pictures by some methods; see `Collection.compare`."""
    rows = []
    with outside(index, [("a", a), ("b", b)]) as table:
        for method in methods:
            recipe = Recipe.of(method)
            one, other = (recipe.compute(table[table.image == name]) for name in ("a", "b"))
            pair = _score_each(
                one, other, partial(_hashes_of, other), floor=0, include_low_detail=True
            ).iloc[0]
            rows.append(
                (one.method.name, float(pair.similarity), pair.distance, str(pair.relation))
            )
    return pd.DataFrame(rows, columns=["method", "similarity", "distance", "relation"])


def features(
    index: Index, image: Source, method: AnyMethod, *, orientations: bool
) -> FingerprintBytes:
    """Return the fingerprint of a picture; see `Collection.features`."""
    with outside(index, [("a", image)]) as table:
        prints = Recipe.of(method, orientations).compute(table)
    code = prints.codes[0]
    return FingerprintBytes(*prints.method.size_of(code), prints.method.pack(code))


def tag_image(index: Index, name: str, image: Source) -> None:
    """Keep a picture as the reference of a tag; see `Collection.tag`."""
    if not isinstance(name, str) or not name:
        raise ValueError(f"name must be a text such as 'logo', not {shown(name)}")
    with outside(index, [(name, image)]) as table:
        contents = Path(table.path[0]).read_bytes()
    origin = index.known_name(image) or (
        os.path.basename(image) if isinstance(image, str | os.PathLike) else ""
    )
    save_tag(index.store, name, os.fspath(origin), contents)


# -- one search ------------------------------------------------------------------------------------


def _search(
    index: Index, table: pd.DataFrame, threshold: float, method: AnyMethod, orientations: bool
) -> pd.DataFrame:
    """Return the images that are similar to those of a table.

    Returns
    -------
    pandas.DataFrame
        image, similarity, distance, relation, query
    """
    floor = check_percent("threshold", threshold)

    def ask() -> pd.DataFrame:
        snapshot = index.current()
        kept = keep_prints(index, method, orientations, snapshot=snapshot)

        def hashes() -> Fingerprints:
            return keep_prints(index, kept.recipe.method.fallback or "", snapshot=snapshot).load()

        with index.doing("Searching", len(kept)) as step:
            queries = kept.recipe.compute(table)
            pairs = _score_each(queries, kept.load(), hashes, floor=floor)
            step(len(kept))
        return pairs

    pairs = index.steady(ask)
    texts = {
        name: pd.Series(pairs[name].to_numpy(dtype=object), dtype=object)
        for name in ("left", "right", "relation")
    }
    columns = {"image": texts["right"], "similarity": pairs.similarity, "distance": pairs.distance}
    return pd.DataFrame({**columns, "relation": texts["relation"], "query": texts["left"]})


def _best(found: pd.DataFrame, max_count: int | None) -> pd.DataFrame:
    if max_count is not None:
        max_count = check_count("max_count", max_count, instead=", or None for all")
    return found.sort_values(["distance", "image"], ignore_index=True).head(max_count)


# -- pictures from anywhere ------------------------------------------------------------------------


@contextlib.contextmanager
def outside(index: Index, sources: Sequence[tuple[str, Source]]) -> Iterator[pd.DataFrame]:
    """Give an images table of pictures from anywhere, under the names given.

    Pictures that come as bytes lie in files meanwhile.
    """
    with tempfile.TemporaryDirectory(prefix="imgdup_nb-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = []
        for place, (name, source) in enumerate(sources):
            path = _path_of(index, source, os.path.join(folder, str(place)))
            row = scan_images([path])
            if row.problem[0]:
                raise UnreadableImage(row.problem[0])
            rows.append(row.assign(image=pd.Series([name], dtype=object)))
        yield pd.concat(rows, ignore_index=True)


def _path_of(index: Index, source: Source, spare: str) -> str:
    """Return where a picture is; one that comes as bytes is written to the path `spare`."""
    known = index.known_name(source)
    if known is not None:
        return index.path_of(index.file_of(known))
    if isinstance(source, str | os.PathLike):
        if os.path.isfile(source):
            return os.path.abspath(source)
        raise UnknownImage(
            f"{os.fspath(source)!r} is neither an image of this collection (photos.images "
            "lists them) nor the path of a file"
        )
    Path(spare).write_bytes(read_source(source))
    return spare


# -- queries against images ------------------------------------------------------------------------


def _hashes_of(prints: Fingerprints) -> Fingerprints:
    return fingerprint_images(prints.images, prints.method.fallback or "")


def _score_each(
    queries: Fingerprints,
    prints: Fingerprints,
    hashes: Callable[[], Fingerprints],
    *,
    floor: float,
    include_low_detail: bool = False,
) -> pd.DataFrame:
    """Return the pair table of queries (left) and images (right).

    Parameters
    ----------
    hashes
        gives the hashes of the images for a method that has a `fallback`.
    """
    if queries.method.fallback is None:
        return similar_pairs(
            queries, prints, min_similarity=floor, include_low_detail=include_low_detail
        )
    sides = partial(_hashes_of, queries), hashes
    return compare_each(queries, prints, sides, floor=floor, include_low_detail=include_low_detail)


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
        give the phashes of the same images, where they are needed. Pictures with too little
        texture to be aligned are compared by these, and count only from 90 percent up.

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
    paths = [side.images["path"].astype(str).to_numpy() for side in (queries, prints)]
    pairs = [
        FeaturePair(left[row], right[column], (paths[0][row], paths[1][column]))
        for row, column in zip(rows, columns, strict=True)
    ]
    scores = list(score_pairs(pairs, queries.method.name))
    hashed = np.flatnonzero(~(textured[0][rows] & textured[1][columns]))
    if len(hashed):
        percent = _by_hash(queries, prints, hashes)[rows[hashed], columns[hashed]]
        for k, value in zip(hashed, percent, strict=True):
            scores[k] = fall_back(scores[k], float(value), pairs[k].left, pairs[k].right)
    raise_scores(scores, (queries, prints), rows, columns)
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
    """Return the percent by phash of each query and image, n_queries x n_images.

    It is 0 below `MIN_FALLBACK_HASH`.
    """
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

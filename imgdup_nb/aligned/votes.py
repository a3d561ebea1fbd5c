"""The features of many pictures -> the votes of pairs of them, by an inverted index.

Two descriptors of one patch differ in some 20 to 60 of their 256 bits. `N_TABLES` times, some bits
are taken as a key. Two features that share a key, and whose descriptors are near, are a vote
for their two images. Votes are counted by the angle between the features: a copy rotates all its
patches by one angle. No list of all pairs is ever made.

A second vote finds images that are a part of another one. Its queries are the features of each
whole image, its targets the zoomed features of the large images.

Memory is bounded: the target features are indexed part by part, features are joined when they are
needed, and of the votes those that weigh most for one of their images are kept (`best_votes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from ..engine.feature_file import SharedFeatures, release_pages
from ..engine.features import Features
from ..engine.parallel import LazySequence, each, map_batches
from .best_votes import KEPT_PARTNERS, VOTES, BestVotes, merge_votes
from .feature_index import FeatureIndex, FeatureParts, FeatureSet, KeyPositions

N_TABLES = 14
KEY_BITS, ZOOMED_KEY_BITS = 28, 26  # a part has few features, so its keys are shorter
N_KEY_STEPS, KEY_STEP_BITS = 6, 4  # by which a key is made longer in a large collection
MIN_VOTES = 4  # at one angle, give or take a bin
QUERIES_A_SPAN = 256  # images that query in one call
TARGETS_A_TILE = 6_000_000  # features that are indexed at a time; their index takes 0.9 GB
# parts of a collection that are compared with each other on an executor; a worker holds two of them
N_STRIPES = 4
# if one side has so many times fewer features, the other side is first reduced to shared keys
PREFILTER_RATIO = 4
MAX_PREFILTERED_FOR = 2**20  # features of that side; more share keys with nearly all


def count_votes(
    images: Sequence[Features],
    is_query: np.ndarray,
    max_bits: int,
    executor: Executor | None = None,
    *,
    within: bool = True,
    shared: SharedFeatures | None = None,
) -> np.ndarray:
    """Count the votes between some images and all others.

    Parameters
    ----------
    images
        features of each image, of one method. The result depends neither on their order nor on the
        number of threads.
    is_query : bool, n_images
        the images that are compared with all others; True for all compares a whole collection.
    max_bits, executor
        as for `find_candidates`.
    within
        also compare the querying images with each other.
    shared
        the same images in a file that the workers of the executor can read. Without it, features
        are sent with each task.

    Returns
    -------
    VOTES
        a record for each pair with enough votes that is among the 48 with most weight of one of
        its images, one < other. Those of the first vote come first, then in lexical order.
    """
    order = np.array(sorted(range(len(images)), key=lambda k: images[k].key), dtype=np.int64)
    if not is_query.any() or (is_query.all() and not within):
        return np.zeros(0, VOTES)
    in_order = [images[k] for k in order]
    whole, zoomed = FeatureParts.of(in_order), FeatureParts.of(in_order, zoomed=True)
    if shared is not None:
        whole, zoomed = (some.shared(shared.take(order)) for some in (whole, zoomed))
    asks = is_query[order]
    count = partial(_count, order=order, max_bits=max_bits, executor=executor)
    counted = [count(whole, _queries(whole, asks, within))]
    if zoomed.n_features:
        counted.append(count(zoomed, _zoomed_queries(whole, zoomed, asks, within)))
    return np.concatenate(counted)


def _count(
    targets: FeatureParts,
    queries: Sequence[Query],
    *,
    order: np.ndarray,
    max_bits: int,
    executor: Executor | None,
) -> np.ndarray:
    """Return the VOTES of some queries.

    `targets` are all features that are searched among, `order` holds the number of each image.
    """
    zoomed = queries[0].zoomed
    common: np.ndarray | str | None = targets.count_common(
        draw_positions(targets.n_bits, zoomed=zoomed)
    )
    if isinstance(common, np.ndarray) and isinstance(targets.images, SharedFeatures):
        common = targets.images.share(common)
    best = BestVotes(len(order), _kept(zoomed))
    tiles = _cut_tiles(queries, common, executor is not None)
    if executor is None:
        for tile in tiles:
            _search_tile(tile, best, max_bits=max_bits)
            release_pages()
    else:
        search = partial(_search_tile_there, max_bits=max_bits)
        work = partial(each, search)
        for found in map_batches(work, tiles, executor=executor, describe="candidates", size=1):
            best.add(found)
    votes = best.votes()
    votes["zoomed"] = zoomed
    numbers = np.sort(order[np.column_stack([votes["one"], votes["other"]])], axis=1)
    votes["one"], votes["other"] = numbers.T
    return votes[np.lexsort((votes["other"], votes["one"]))]


def _kept(zoomed: bool) -> int:
    """Return how many votes to keep of an image: in the second vote two may be of one pair."""
    return KEPT_PARTNERS * (2 if zoomed else 1)


# -- queries and targets ---------------------------------------------------------------------------


class Query(NamedTuple):
    """Features that are searched for, and target features that they are searched among.

    `numbers` and `target_numbers` are those of their images in the order of all, ascending. Each
    pair is searched for from its first image; if the targets are zoomed, from both.
    """

    features: FeatureParts | FeatureSet
    targets: FeatureParts | FeatureSet
    numbers: np.ndarray
    target_numbers: np.ndarray
    zoomed: bool = False


def _queries(features: FeatureParts, is_query: np.ndarray, within: bool) -> list[Query]:
    """Return the queries for all votes between querying images, bool n_images, and the others."""
    (first, one), (second, other) = _split(features, is_query)
    queries = [Query(first, first, one, one)] if within else []
    if not len(other):
        return queries
    few, many = _prefilter(first, second, zoomed=False), _prefilter(second, first, zoomed=False)
    # those of the querying images that share no key with others may share one with each other
    return [*queries, Query(few, many, one, other), Query(many, few, other, one)]


def _zoomed_queries(
    whole: FeatureParts, zoomed: FeatureParts, is_query: np.ndarray, within: bool
) -> list[Query]:
    """Return the queries for all votes of whole images among the zoomed features of others."""
    (first, one), (second, other) = _split(whole, is_query)
    (first_zoomed, _), (second_zoomed, _) = _split(zoomed, is_query)
    queries = [Query(first, first_zoomed, one, one, True)] if within else []
    if not len(other):
        return queries
    for asking, asked, number, target in (
        (first, second_zoomed, one, other),
        (second, first_zoomed, other, one),
    ):
        few = _prefilter(asking, asked, zoomed=True)
        many = _prefilter(asked, asking, zoomed=True)
        queries.append(Query(few, many, number, target, True))
    return queries


def _prefilter(many: FeatureParts, few: FeatureParts, *, zoomed: bool) -> FeatureParts | FeatureSet:
    """Return `many` with only the features that may have a vote, if `few` are much fewer."""
    if few.n_features > MAX_PREFILTERED_FOR or PREFILTER_RATIO * few.n_features >= many.n_features:
        return many
    return many.keep_sharing(few.cut(0, len(few)), draw_positions(few.n_bits, zoomed=zoomed))


def _split(features: FeatureParts, is_query: np.ndarray) -> list[tuple[FeatureParts, np.ndarray]]:
    """Return the features of querying images, and of the others, with the numbers of each."""
    numbers = [np.flatnonzero(is_query), np.flatnonzero(~is_query)]
    return [(features.take(some), some) for some in numbers]


# -- tiles: some images against others -------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Tile:
    """Some querying images and some target images, the number of each, and common keys.

    Common keys are counts, or the path of a file of them.
    """

    query: FeatureParts | FeatureSet
    target: FeatureParts | FeatureSet
    numbers: np.ndarray
    target_numbers: np.ndarray
    zoomed: bool
    common: np.ndarray | str | None


def _cut_tiles(
    queries: Sequence[Query], common: np.ndarray | str | None, for_executor: bool
) -> Sequence[Tile]:
    """Return the tiles that some queries are cut into."""
    places: list[tuple[Query, range, range]] = []
    for query in queries:
        rows, columns = [range(len(query.numbers))], _cut_features(query.targets, TARGETS_A_TILE)
        if for_executor:
            rows = _cut_images(len(query.numbers))
            stripes = _cut_images(len(query.target_numbers))
            columns = stripes if len(stripes) > len(columns) else columns
        places += [
            (query, row, column)
            for column in columns
            for row in rows
            if query.zoomed or query.numbers[row.start] < query.target_numbers[column.stop - 1]
        ]
    cut = partial(_cut_tile, common=common, is_sent=for_executor)
    return LazySequence(cut, places)


def _cut_images(n_images: int) -> list[range]:
    height = max(1, -(-n_images // N_STRIPES))
    return [range(start, min(start + height, n_images)) for start in range(0, n_images, height)]


def _cut_features(features: FeatureParts | FeatureSet, most: int) -> list[range]:
    """Return ranges of images with at most so many features each, or of one image."""
    ends = features.starts[1:]
    cuts, start = [], 0
    while start < len(ends):
        stop = int(np.searchsorted(ends, features.starts[start] + most, "right"))
        cuts.append(range(start, max(stop, start + 1)))
        start = cuts[-1].stop
    return cuts


def _cut_tile(
    place: tuple[Query, range, range], *, common: np.ndarray | str | None, is_sent: bool
) -> Tile:
    query, rows, columns = place
    return Tile(
        _part(query.features, rows) if is_sent else query.features,
        _part(query.targets, columns),
        query.numbers[rows.start : rows.stop],
        query.target_numbers[columns.start : columns.stop],
        query.zoomed,
        common,
    )


def _part(features: FeatureParts | FeatureSet, images: range) -> FeatureParts | FeatureSet:
    """Return the features of a range of images; those in a file stay there until they are used."""
    if isinstance(features, FeatureParts) and isinstance(features.images, SharedFeatures):
        return features.take(np.arange(images.start, images.stop))
    return features.cut(images.start, images.stop)


def draw_positions(n_bits: int, *, zoomed: bool) -> KeyPositions:
    """Return the bits that are the key of each table."""
    random = np.random.default_rng(0)  # always one seed: the same files give the same pairs
    key_bits = ZOOMED_KEY_BITS if zoomed else KEY_BITS
    drawn = np.array([random.permutation(n_bits) for _ in range(N_TABLES)])
    more = drawn[:, key_bits : key_bits + N_KEY_STEPS * KEY_STEP_BITS]
    return KeyPositions(drawn[:, :key_bits], more.reshape(N_TABLES, N_KEY_STEPS, KEY_STEP_BITS))


def _search_tile_there(tile: Tile, *, max_bits: int) -> np.ndarray:
    """Do the work of `_search_tile` for an executor: return what is best within the tile."""
    numbers = [tile.numbers[-1], tile.target_numbers[-1]]
    best = BestVotes(1 + int(max(numbers)), _kept(tile.zoomed))
    _search_tile(tile, best, max_bits=max_bits)
    return best.rows()


def _search_tile(tile: Tile, best: BestVotes, *, max_bits: int) -> None:
    """Add the votes of a tile. Among zoomed targets two images may find each other."""
    if not (tile.query.n_features and tile.target.n_features):
        return
    positions = draw_positions(tile.target.n_bits, zoomed=tile.zoomed)
    common = tile.common
    if isinstance(common, str):  # copy on write: compiled loops expect what may be written to
        common = np.load(common, mmap_mode="c")
    target = tile.target.cut(0, len(tile.target))
    index = FeatureIndex.build(target, tile.target_numbers, positions, common)
    n_queries = len(tile.numbers)
    spans = [
        (start, min(start + QUERIES_A_SPAN, n_queries))
        for start in range(0, n_queries, QUERIES_A_SPAN)
        if tile.zoomed or tile.numbers[start] < tile.target_numbers[-1]
    ]
    search_span = partial(_query_span, tile=tile, index=index, best=best, max_bits=max_bits)
    for found in map_batches(partial(each, search_span), spans, describe="candidates", size=1):
        best.add(found)


def _query_span(
    span: tuple[int, int], *, tile: Tile, index: FeatureIndex, best: BestVotes, max_bits: int
) -> np.ndarray:
    """Return VOTES of a span of querying images, in numbers of all, one < other."""
    from .match_loops import QueryFeatures, collect_votes

    query, numbers = tile.query.cut(*span), tile.numbers[slice(*span)]
    views = [(query.bits, query.angles)]
    if len(query.mirrored):
        views.append((query.mirrored, (180 - query.angles).astype(np.float32)))
    found = np.concatenate(
        [
            collect_votes(
                QueryFeatures(bits, angles, *index.look_up(bits), query.starts, numbers),
                index.target,
                not tile.zoomed,
                max_bits,
                MIN_VOTES,
            )
            for bits, angles in views
        ]
    )
    # an image may find its own section
    return best.strong(merge_votes(found[found[:, 0] != found[:, 1]]))

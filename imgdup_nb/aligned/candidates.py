"""The features of many pictures -> the pairs worth aligning, by votes in an inverted index.

Two descriptors of one patch differ in some 20 to 60 of their 256 bits. `N_TABLES` times, some bits
are taken as a key. Two features that share a key, and whose descriptors are near, are a vote
for their two images. Votes are counted by the angle between the features: a copy rotates all its
patches by one angle. No list of all pairs is ever made.

The votes of a pair depend only on its two images; `best_pairs` depends on the votes of all. So a
growing collection keeps its votes, and counts only those of new images.

A second vote finds images that are a part of another one. Its queries are the features of each
whole image, its targets the zoomed features of the large images.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement, product
from typing import NamedTuple

import numpy as np

from ..engine.features import FRAME_SIDE, Features
from ..engine.parallel import LazySequence, each, map_batches
from .bands import MIN_FEATURES
from .feature_index import FeatureIndex, FeatureSet
from .registration import MIN_FRAME_CORRELATION, VIEWS

N_TABLES = 14
KEY_BITS, ZOOMED_KEY_BITS = 28, 26  # a part has few features, so its keys are shorter
MIN_VOTES = 4  # at one angle, give or take a bin
MANY_VOTES = 20  # at one angle; a pair with so many is scored if it is among
MAX_VOTED_PARTNERS = 32  # the strongest of one of its images: all pages of text share letters
# with fewer votes, a pair is scored if it is among the strongest of one of its images
MAX_PARTNERS = 8
QUERIES_A_SPAN = 256  # images that query in one call
# images whose zoomed features are indexed at a time; such an index takes 230 MB at most
ZOOMED_TARGETS_A_TILE = 2500
# parts of a collection that are compared with each other on an executor; a worker holds two of them
N_STRIPES = 4
# if one side has so many times fewer features, the other side is first reduced to shared keys
PREFILTER_RATIO = 4
# of two images, 15 bytes; `zoomed` tells the second vote from the first
VOTES = np.dtype(
    [("one", "<u4"), ("other", "<u4"), ("votes", "<u2"), ("weight", "<u4"), ("zoomed", "?")]
)


def find_candidates(
    images: Sequence[Features],
    max_bits: int,
    executor: Executor | None = None,
    *,
    others: Sequence[Features] | None = None,
) -> np.ndarray:
    """Find the pairs of images that share enough features at one angle, in one collection or two.

    Parameters
    ----------
    images
        features of each image, of one method.
    max_bits
        by which two near descriptors may differ, inclusive.
    executor
        any `concurrent.futures.Executor`; it compares quarters of the collection with each other.
        None works in threads on one index. The result is the same.
    others
        of a second collection, numbered from `len(images)` on; then only pairs with an image in
        each are found.

    Returns
    -------
    int64, n_candidates x 2, first < second, in lexical order

    Notes
    -----
    Approximate: a pair is missed if fewer than 4 features agree in all 28 bits of one of 14 keys.
    It is also missed if fewer than 20 do and both images have eight better partners. The index
    takes about 190 bytes a feature, 57 kB an image. The second vote uses 26 bits and has eight
    partners of its own. It takes three times as long if all images are large.
    """
    together = [*images, *(others or [])]
    is_query = np.arange(len(together)) < len(images)
    votes = count_votes(together, is_query, max_bits, executor, within=others is None)
    return np.unique(best_pairs(votes, len(together)), axis=0)


def count_votes(
    images: Sequence[Features],
    is_query: np.ndarray,
    max_bits: int,
    executor: Executor | None = None,
    *,
    within: bool = True,
) -> np.ndarray:
    """Count the votes between some images and all others.

    Parameters
    ----------
    images
        features of each image, of one method. The result depends neither on their order nor on the
        number of threads.
    asking : bool, n_images
        the images that are compared with all others; True for all compares a whole collection.
    max_bits, executor
        as for `find_candidates`.
    within
        also compare the querying images with each other.

    Returns
    -------
    VOTES
        a record for each pair with enough votes, one < other. Those of the first vote come first,
        then in lexical order.
    """
    order = np.array(sorted(range(len(images)), key=lambda k: images[k].key), dtype=np.int64)
    if not is_query.any() or (is_query.all() and not within):
        return np.zeros(0, VOTES)
    whole = FeatureSet.join([images[k] for k in order])
    counted = [_count(_queries(whole, is_query[order], within), order, max_bits, executor)]
    if any(image.zoomed is not None for image in images):
        zoomed = FeatureSet.join([images[k].zoomed or images[k].without_features() for k in order])
        counted.append(
            _count(
                _zoomed_queries(whole, zoomed, is_query[order], within), order, max_bits, executor
            )
        )
    return np.concatenate(counted)


def _count(
    queries: Sequence[Query], order: np.ndarray, max_bits: int, executor: Executor | None
) -> np.ndarray:
    """Return the VOTES of some queries; `order` holds the number of each image in them."""
    search = partial(_search_tile, max_bits=max_bits)
    tiles = _cut_tiles(queries, 1 if executor is None else N_STRIPES)
    if executor is None:
        parts = [search(tile) for tile in tiles]
    else:
        parts = list(
            map_batches(
                partial(each, search), tiles, executor=executor, describe="candidates", size=1
            )
        )
    found = np.concatenate([np.zeros((0, 4), np.int64), *parts])
    found[:, :2] = np.sort(order[found[:, :2]], axis=1)
    # an image may find its own section
    votes = _merge_votes(found[found[:, 0] != found[:, 1]])
    votes["zoomed"] = queries[0].zoomed
    return votes


def _merge_votes(found: np.ndarray) -> np.ndarray:
    """Return VOTES of int64, n x 4: each pair once, with its most votes, plain or mirrored."""
    pairs, same = np.unique(found[:, 0] << 32 | found[:, 1], return_inverse=True)
    merged = np.zeros((2, len(pairs)), np.int64)
    for most, column in zip(merged, (2, 3), strict=True):
        np.maximum.at(most, same, found[:, column])
    votes = np.zeros(len(pairs), VOTES)
    votes["one"], votes["other"] = pairs >> 32, pairs & 0xFFFFFFFF
    votes["votes"], votes["weight"] = np.minimum(merged[0], 0xFFFF), merged[1]
    return votes


def best_pairs(votes: np.ndarray, n_images: int) -> np.ndarray:
    """Return the pairs with many votes, and those with most weight for one of their images.

    Parameters
    ----------
    votes : VOTES, each pair at most once in each of the two votes, which are judged separately

    Returns
    -------
    int64, n_pairs x 2; a pair may come twice
    """
    return np.concatenate(
        [_best_of_one_vote(votes[votes["zoomed"] == zoomed], n_images) for zoomed in (False, True)]
    )


def _best_of_one_vote(votes: np.ndarray, n_images: int) -> np.ndarray:
    pairs = np.column_stack([votes["one"], votes["other"]]).astype(np.int64)
    weights = votes["weight"].astype(np.int64)
    # each pair counts for both of its images
    ends, their_weights = pairs.T.ravel(), np.tile(weights, 2)
    order = np.lexsort((-their_weights, ends))
    ends, their_weights = ends[order], their_weights[order]

    def is_among(most: int) -> np.ndarray:
        """Return which pairs are among the `most` strongest of one of their images, with ties."""
        last = np.searchsorted(ends, np.arange(n_images)) + most - 1
        has_more = (last < len(ends)).nonzero()[0]
        has_more = has_more[ends[last[has_more]] == has_more]
        enough = np.zeros(n_images, np.int64)
        enough[has_more] = their_weights[last[has_more]]
        return np.any(weights[:, None] >= enough[pairs], axis=1)

    return pairs[
        is_among(MAX_PARTNERS) | ((votes["votes"] >= MANY_VOTES) & is_among(MAX_VOTED_PARTNERS))
    ]


# -- queries and targets ---------------------------------------------------------------------------


class Query(NamedTuple):
    """Features that are searched for, and target features that they are searched among.

    Both are of the same images, some of which may have none. Each pair is searched for from its
    first image; if the targets are zoomed, from both.
    """

    features: FeatureSet
    targets: FeatureSet
    zoomed: bool = False


def _queries(features: FeatureSet, is_query: np.ndarray, within: bool) -> list[Query]:
    """Return the queries for all votes between querying images, bool n_images, and the others."""
    if is_query.all():
        return [Query(features, features)]
    first, second = _split(features, is_query)
    if PREFILTER_RATIO * len(first.angles) < len(second.angles):
        second = _prefilter(second, first, zoomed=False)
    elif PREFILTER_RATIO * len(second.angles) < len(first.angles) and not within:
        first = _prefilter(first, second, zoomed=False)
    if not within:
        return [Query(first, second), Query(second, first)]
    return [Query(first, first), Query(first, second), Query(second, first)]


def _zoomed_queries(
    whole: FeatureSet, zoomed: FeatureSet, is_query: np.ndarray, within: bool
) -> list[Query]:
    """Return the queries for all votes of whole images among the zoomed features of others."""
    if is_query.all():
        return [Query(whole, zoomed, True)]
    first, second = _split(whole, is_query)
    first_zoomed, second_zoomed = _split(zoomed, is_query)
    queries = [_query_few(first, second_zoomed), _query_few(second, first_zoomed)]
    return [Query(first, first_zoomed, True), *queries] if within else queries


def _query_few(whole: FeatureSet, zoomed: FeatureSet) -> Query:
    """Return a query whose larger side has only features that may have a vote."""
    if PREFILTER_RATIO * len(whole.angles) < len(zoomed.angles):
        return Query(whole, _prefilter(zoomed, whole, zoomed=True), True)
    if PREFILTER_RATIO * len(zoomed.angles) < len(whole.angles):
        return Query(_prefilter(whole, zoomed, zoomed=True), zoomed, True)
    return Query(whole, zoomed, True)


def _prefilter(many: FeatureSet, few: FeatureSet, *, zoomed: bool) -> FeatureSet:
    return many.keep_sharing(few, draw_positions(64 * few.bits.shape[1], zoomed=zoomed))


def _split(features: FeatureSet, is_query: np.ndarray) -> tuple[FeatureSet, FeatureSet]:
    """Return the features of querying images, and of the others."""
    is_first = is_query[features.owner]
    return features.keep(is_first), features.keep(~is_first)


# -- tiles: some images against others -------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Tile:
    """A range of querying images and one of target images, and the first number of each."""

    first_row: int
    first_column: int
    query: FeatureSet
    target: FeatureSet
    zoomed: bool


def _cut_tiles(queries: Sequence[Query], n_stripes: int) -> LazySequence[Tile]:
    """Return the tiles that some queries are cut into."""
    places: list[tuple[Query, range, range]] = []
    for query in queries:
        n_images = len(query.features)
        rows = _cut_stripes(n_images, -(-n_images // n_stripes))
        if query.zoomed:
            spans = list(product(rows, _cut_stripes(n_images, ZOOMED_TARGETS_A_TILE)))
        else:
            spans = list(combinations_with_replacement(rows, 2))
        places += [(query, *span) for span in spans]
    return LazySequence(_cut_tile, places)


def _cut_stripes(n_images: int, height: int) -> list[range]:
    return [range(start, min(start + height, n_images)) for start in range(0, n_images, height)]


def _cut_tile(place: tuple[Query, range, range]) -> Tile:
    query, rows, columns = place
    features = query.features.cut(rows.start, rows.stop)
    targets = query.targets.cut(columns.start, columns.stop)
    return Tile(rows.start, columns.start, features, targets, query.zoomed)


def draw_positions(n_bits: int, *, zoomed: bool) -> np.ndarray:
    """Return the bits that are the key of each table, int64, n_tables x n_key_bits."""
    random = np.random.default_rng(0)  # always one seed: the same files give the same pairs
    key_bits = ZOOMED_KEY_BITS if zoomed else KEY_BITS
    return np.array([random.permutation(n_bits)[:key_bits] for _ in range(N_TABLES)])


def _search_tile(tile: Tile, *, max_bits: int) -> np.ndarray:
    """Return the pairs of a tile with votes and weight, int64, n x 4, in numbers of the whole.

    Among zoomed targets an image may find itself, and two images may find each other.
    """
    if not (len(tile.query.angles) and len(tile.target.angles)):
        return np.zeros((0, 4), np.int64)
    index = FeatureIndex.build(
        tile.target, draw_positions(64 * tile.target.bits.shape[1], zoomed=tile.zoomed)
    )
    spans = [
        (start, min(start + QUERIES_A_SPAN, len(tile.query)))
        for start in range(0, len(tile.query), QUERIES_A_SPAN)
    ]
    search_span = partial(
        each, partial(_query_both_ways, tile=tile, index=index, max_bits=max_bits)
    )
    found = np.concatenate(list(map_batches(search_span, spans, describe="candidates", size=1)))
    return found + np.array([tile.first_row, tile.first_column, 0, 0])


def _query_both_ways(
    span: tuple[int, int], *, tile: Tile, index: FeatureIndex, max_bits: int
) -> np.ndarray:
    from .match_loops import QueryFeatures, TargetFeatures, collect_votes

    query, only_later = tile.query, tile.first_row == tile.first_column and not tile.zoomed
    target = TargetFeatures(
        tile.target.bits, tile.target.angles, index.owner, index.rows, len(tile.target)
    )
    views = [QueryFeatures(query.bits, query.angles, query.starts)]
    if len(query.mirrored):
        angles = (180 - query.angles).astype(np.float32)
        views.append(QueryFeatures(query.mirrored, angles, query.starts))
    some = slice(*query.starts[list(span)])
    return np.concatenate(
        [
            collect_votes(
                view, target, span, index.look_up(view.bits[some]), only_later, max_bits, MIN_VOTES
            )
            for view in views
        ]
    )


# pictures with fewer features are compared by their frames; a copy may have some more features, by
# a logo or by compression
MAX_FEW_FEATURES = 4 * MIN_FEATURES
# share of a frame's contrast; a plane that explains as much is a gradient, and all gradients match
MIN_SHADE_SHARE = 0.85
# correlations are rounded to this: by smaller differences, the cleanest of many scans would be the
# partner of all
CORRELATION_STEP = 0.01
# of a frame in whole numbers: float32 sums their products without rounding, in any order
FRAME_LENGTH = 2048
WEIGHT_BLOCK_BYTES = 32 * 2**20  # of a block of weights; up to four are in memory at a time


def find_alike_frames(
    features: Sequence[Features], is_blank: np.ndarray, n_left: int | None = None
) -> np.ndarray:
    """Find the pictures whose frames are most similar to those of each picture with few features.

    Parameters
    ----------
    features
        of each image. The result does not depend on their order.
    is_blank : bool, n_images
        images without detail, which are compared with none.
    n_left
        so many images are one collection, and the others a second one. Then only pairs with an
        image in each are found.

    Returns
    -------
    int64, n_pairs x 2, first < second, in lexical order
        each such picture with the 8 most similar ones. Of equally similar pictures (to a percent),
        those that follow it in the order of their digests are taken. So a thousand pictures of one
        look are not all partners of one. Pictures with equal features count as one.

    Notes
    -----
    4,096 products for each such picture and each that may be its copy: 12 s of processor for 10,000
    of them, and 0.1 ms each.

    Examples
    --------
    >>> from PIL import Image
    >>> from ..engine.features import aligned_features
    >>> spot, shade = Image.radial_gradient("L"), Image.linear_gradient("L")
    >>> small = [picture.resize((90, 60)) for picture in (spot, shade)]
    >>> pictures = [aligned_features(each) for each in (spot, shade, *small)]
    >>> find_alike_frames(pictures, np.zeros(4, dtype=bool))
    array([[0, 2]])
    """
    frames = _frames_of_few(features, is_blank)
    places, stack = np.array([*frames], np.int64), np.array([*frames.values()])
    queries = np.flatnonzero([len(features[k]) < MIN_FEATURES for k in places])
    if not len(queries):
        return np.zeros((0, 2), np.int64)
    is_left = places < (n_left or 0)
    _, turn = np.unique(
        np.array([features[k].key for k in places], dtype=object), return_inverse=True
    )
    height = max(1, WEIGHT_BLOCK_BYTES // (8 * len(places)))
    found = []
    for rows in np.split(queries, range(height, len(queries), height)):
        alike = _correlate(stack[rows], stack)
        alike[np.arange(len(rows)), rows] = 0
        if n_left is not None:
            alike[is_left[rows, None] == is_left] = 0
        row, column = np.nonzero(_are_best(alike, (turn - turn[rows, None]) % len(places)))
        found.append(np.column_stack([places[rows[row]], places[column]]))
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _frames_of_few(features: Sequence[Features], is_blank: np.ndarray) -> dict[int, np.ndarray]:
    """Return the frame of each picture with few features, float32, by its number; no gradients."""
    few = [
        k for k, image in enumerate(features) if len(image) < MAX_FEW_FEATURES and not is_blank[k]
    ]
    frames = {k: np.rint(FRAME_LENGTH * features[k].frame).astype(np.float32) for k in few}
    return {k: frame for k, frame in frames.items() if not _is_shade(frame)}


def _is_shade(frame: np.ndarray) -> bool:
    """Whether a frame is an even gradient in any direction, or all of one brightness."""
    ramp = np.arange(FRAME_SIDE) - (FRAME_SIDE - 1) / 2
    square = frame.reshape(FRAME_SIDE, FRAME_SIDE).astype(np.float64)
    slopes = np.array([square.sum(axis=axis) @ ramp for axis in (0, 1)])
    return float(slopes @ slopes) >= MIN_SHADE_SHARE * float(
        (square**2).sum()
    ) * FRAME_SIDE * float(ramp @ ramp)


def _correlate(some: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Return the correlations of some frames with all, in the best view; float32, n_some x n."""
    most = some @ frames.T
    for view in VIEWS[1:]:
        np.maximum(most, some[:, view] @ frames.T, out=most)
    return most


def _are_best(alike: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Tell which pairs correlate enough and are among the best of their row, with ties.

    Of equal correlations the one with the smaller distance is better: `apart`, in the order of
    digests.
    """
    weights = (
        np.rint(alike / (CORRELATION_STEP * FRAME_LENGTH**2)).astype(np.int64) * alike.shape[1]
        - apart
    )
    weights[alike < MIN_FRAME_CORRELATION * FRAME_LENGTH**2] = -alike.shape[
        1
    ]  # less than any other
    is_best = weights > -alike.shape[1]
    if weights.shape[1] > MAX_PARTNERS:
        is_best &= weights >= np.partition(weights, -MAX_PARTNERS, axis=1)[:, -MAX_PARTNERS, None]
    return is_best

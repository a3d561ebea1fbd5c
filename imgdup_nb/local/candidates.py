"""Many images' features -> which pairs of images are worth aligning: a vote through an inverted index.

Descriptors of one patch in two pictures differ in some 20 to 60 of their 256 bits. `N_TABLES` times, `KEY_BITS` of the bits are
taken as a key; two features that share a key, and are near as a whole, are one vote for their two images, counted by the angle
between them, because a true copy turns all its patches by one angle. No list of all pairs is ever made.

The votes of a pair depend on its two images alone; which pairs are `best_pairs` depends on all votes. Hence votes can be kept
while a collection grows, and those of new images are all that is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np

from ..parallel import MadeLater, each, map_batches
from .feature_sets import FeatureIndex, FeatureSet
from .features import Features

N_TABLES = 14
KEY_BITS = 28
MIN_VOTES = 4  # at one angle, give or take a bin
MANY_VOTES = 20  # that many are always looked at; below, only the best few of an image
BEST = 8
TOGETHER = 256  # images that ask at a time
STRIPES = 4  # parts of a collection that are compared with each other elsewhere, so that a worker holds two of them
FEWER = 4  # times; so much fewer features are looked for among those only that share a key with one of them
VOTES = np.dtype([("one", "<u4"), ("other", "<u4"), ("votes", "<u2"), ("weight", "<u4")])  # of two images; 14 bytes


def find_candidates(
    images: Sequence[Features], max_bits: int, executor: Executor | None = None, *, others: Sequence[Features] | None = None
) -> np.ndarray:
    """Find the pairs of images that share enough features at one angle: within one collection, or between two.

    Parameters
    ----------
    images
        features of each image, of one method.
    max_bits
        by which two descriptors of one patch may differ, inclusive.
    executor
        any `concurrent.futures.Executor`, given quarters of the collection to compare with each other; None works in threads
        on one index. The answer is the same.
    others
        of a second collection, numbered from `len(images)` on; then only pairs with an image in each are looked for.

    Returns
    -------
    int64, n_candidates x 2, first < second, in lexical order

    Notes
    -----
    Approximate: a pair is missed where fewer than 4 features agree in all 28 bits of one of 14 keys, or where fewer than 20 do
    and both images have eight better partners. The index takes about 190 bytes a feature, 57 kB an image.
    """
    together = [*images, *(others or [])]
    asking = np.arange(len(together)) < len(images)
    return best_pairs(count_votes(together, asking, max_bits, executor, within=others is None), len(together))


def count_votes(
    images: Sequence[Features], asking: np.ndarray, max_bits: int, executor: Executor | None = None, *, within: bool = True
) -> np.ndarray:
    """Count the votes between some images and all others.

    Parameters
    ----------
    images
        features of each image, of one method. The answer depends neither on their order nor on the number of threads.
    asking : bool, n_images
        those that are compared with all that are not; all of them compares a whole collection.
    max_bits, executor
        as for `find_candidates`.
    within
        also compare those that ask with each other.

    Returns
    -------
    VOTES
        one record a pair that has votes enough, one < other, in lexical order.
    """
    order = np.array(sorted(range(len(images)), key=lambda k: images[k].key), dtype=np.int64)
    if not asking.any() or (asking.all() and not within):
        return np.zeros(0, VOTES)
    features = FeatureSet.join([images[k] for k in order])
    positions = _draw_positions(64 * features.bits.shape[1])
    tiles = _cut_tiles(_pose(features, asking[order], positions, within), 1 if executor is None else STRIPES)
    search = partial(_search_tile, positions=positions, max_bits=max_bits)
    if executor is None:
        parts = [search(tile) for tile in tiles]
    else:
        parts = list(map_batches(partial(each, search), tiles, executor=executor, describe="candidates", size=1))
    found = np.concatenate([np.zeros((0, 4), np.int64), *parts])
    found[:, :2] = np.sort(order[found[:, :2]], axis=1)
    return _merge_votes(found)


def _draw_positions(n_bits: int) -> np.ndarray:
    """Return the places of the bits that make the key of each table."""
    random = np.random.default_rng(0)  # one seed for ever: the same files, the same answer
    return np.array([random.permutation(n_bits)[:KEY_BITS] for _ in range(N_TABLES)])


def _merge_votes(found: np.ndarray) -> np.ndarray:
    """Return VOTES, each pair once, of int64, n x 4; a pair may come twice, plain and mirrored."""
    pairs, same = np.unique(found[:, 0] << 32 | found[:, 1], return_inverse=True)
    merged = np.zeros((2, len(pairs)), np.int64)
    for most, column in zip(merged, (2, 3), strict=True):
        np.maximum.at(most, same, found[:, column])
    votes = np.zeros(len(pairs), VOTES)
    votes["one"], votes["other"] = pairs >> 32, pairs & 0xFFFFFFFF
    votes["votes"], votes["weight"] = np.minimum(merged[0], 0xFFFF), merged[1]
    return votes


def best_pairs(votes: np.ndarray, n_images: int) -> np.ndarray:
    """Return the pairs of many votes, and of the others those that weigh most for one of their images.

    Parameters
    ----------
    votes : VOTES, each pair once

    Returns
    -------
    int64, n_pairs x 2, in the order of the votes
    """
    pairs = np.column_stack([votes["one"], votes["other"]]).astype(np.int64)
    weights = votes["weight"].astype(np.int64)
    kept = votes["votes"] >= MANY_VOTES
    ends, their_weights = pairs.T.ravel(), np.tile(weights, 2)  # each pair counts for both of its images
    order = np.lexsort((-their_weights, ends))
    ends, their_weights = ends[order], their_weights[order]
    last_of_best = np.searchsorted(ends, np.arange(n_images)) + BEST - 1
    has_more = (last_of_best < len(ends)).nonzero()[0]
    has_more = has_more[ends[last_of_best[has_more]] == has_more]
    enough = np.zeros(n_images, np.int64)
    enough[has_more] = their_weights[last_of_best[has_more]]  # ties with it stay: their order must not matter
    for side in (0, 1):
        kept |= weights >= enough[pairs[:, side]]
    return pairs[kept]


# -- who asks whom ----------------------------------------------------------------------------------------------------


class Question(NamedTuple):
    """Two sets of features of the same images, some of which may have none; each pair is looked for from its first image."""

    asking: FeatureSet
    asked: FeatureSet


def _pose(features: FeatureSet, asks: np.ndarray, positions: np.ndarray, within: bool) -> list[Question]:
    """Return the questions that lead to all votes between images that ask, bool n_images, and those that do not."""
    if asks.all():
        return [Question(features, features)]
    is_first = asks[features.owner]
    first, second = features.keep(is_first), features.keep(~is_first)
    if FEWER * len(first.angles) < len(second.angles):
        second = second.keep_sharing(first, positions)
    elif FEWER * len(second.angles) < len(first.angles) and not within:
        first = first.keep_sharing(second, positions)
    if not within:
        return [Question(first, second), Question(second, first)]
    return [Question(first, first), Question(first, second), Question(second, first)]


# -- tiles: some images against others --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Tile:
    """Images that ask, and images that are asked; from `first_row` and `first_column` of the whole on."""

    first_row: int
    first_column: int
    asking: FeatureSet
    asked: FeatureSet


def _cut_tiles(questions: Sequence[Question], n_stripes: int) -> MadeLater[Tile]:
    """Return the tiles that make up some questions."""
    n = len(questions[0].asking)
    height = -(-n // n_stripes)
    corners = combinations_with_replacement(range(0, n, height), 2)
    return MadeLater(partial(_cut_tile, height), [(question, *corner) for corner in corners for question in questions])


def _cut_tile(height: int, place: tuple[Question, int, int]) -> Tile:
    question, row, column = place
    asking, asked = question.asking, question.asked
    return Tile(
        row,
        column,
        asking.cut(row, min(row + height, len(asking))),
        asked.cut(column, min(column + height, len(asked))),
    )


def _search_tile(tile: Tile, *, positions: np.ndarray, max_bits: int) -> np.ndarray:
    """Return the pairs of a tile with votes and weight, int64, n x 4, in numbers of the whole."""
    if not (len(tile.asking.angles) and len(tile.asked.angles)):
        return np.zeros((0, 4), np.int64)
    index = FeatureIndex.build(tile.asked, positions)
    spans = [(start, min(start + TOGETHER, len(tile.asking))) for start in range(0, len(tile.asking), TOGETHER)]
    ask = partial(each, partial(_ask_both_ways, tile=tile, index=index, positions=positions, max_bits=max_bits))
    found = np.concatenate(list(map_batches(ask, spans, describe="candidates", size=1)))
    return found + np.array([tile.first_row, tile.first_column, 0, 0])


def _ask_both_ways(
    span: tuple[int, int], *, tile: Tile, index: FeatureIndex, positions: np.ndarray, max_bits: int
) -> np.ndarray:
    from .feature_loops import collect_votes

    asking, asked = tile.asking, tile.asked
    only_later = tile.first_row == tile.first_column
    known: tuple = (asked.bits, asked.angles, index.owner, index.rows, len(asked), max_bits, MIN_VOTES)
    views = [(asking.bits, asking.angles)]
    if len(asking.mirrored):
        views.append((asking.mirrored, (180 - asking.angles).astype(np.float32)))
    start, stop = asking.starts[list(span)]
    return np.concatenate(
        [
            collect_votes(bits, angles, asking.starts, *span, only_later, *index.look_up(bits[start:stop]), *known)
            for bits, angles in views
        ]
    )

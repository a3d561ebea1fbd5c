"""Many images' features -> which pairs of images are worth aligning: a vote through an inverted index.

Descriptors of one patch in two pictures differ in some 20 to 60 of their 256 bits. `N_TABLES` times, `KEY_BITS` of the bits are
taken as a key; two features that share a key, and are near as a whole, are one vote for their two images, counted by the angle
between them, because a true copy turns all its patches by one angle. No list of all pairs is ever made.

A second vote finds images that are a part of another: what was seen of each image as a whole asks what was seen of the large
ones from closer by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement

import numpy as np

from ..parallel import MadeLater, each, map_batches
from .features import Features

N_TABLES = 14
KEY_BITS, CLOSER_KEY_BITS = 28, 26  # a part has few features, so more of them must meet
MIN_VOTES = 4  # at one angle, give or take a bin
MANY_VOTES = 20  # that many are always looked at; below, only the best few of an image
BEST = 8
TOGETHER = 256  # images that ask at a time
ASKED_CLOSER = 2500  # images whose features from closer by are indexed at a time, so that an index takes 230 MB at most
STRIPES = 4  # parts of a collection that are compared with each other elsewhere, so that a worker holds two of them


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """The features of some images, one after the other.

    Attributes
    ----------
    bits, mirrored : uint64, n_features x n_words
    angles : float32, n_features
    starts : int64, n_images + 1, where each image's features begin
    """

    bits: np.ndarray
    mirrored: np.ndarray
    angles: np.ndarray
    starts: np.ndarray

    @classmethod
    def join(cls, images: Sequence[Features], n_words: int) -> FeatureSet:
        """Lay the features of images one after the other."""
        none = np.zeros((0, n_words), np.uint64)
        return cls(
            bits=np.concatenate([none, *(image.bits for image in images)]),
            mirrored=np.concatenate([none, *(image.mirrored for image in images)]),
            angles=np.concatenate([np.zeros(0, np.float32), *(image.angles for image in images)]),
            starts=np.concatenate([[0], np.cumsum([len(image) for image in images])]).astype(np.int64),
        )

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, eq=False)
class FeatureIndex:
    """For each table, where the features of equal keys stand.

    Attributes
    ----------
    owner : int32, n_features, the image of each
    rows : int32, n_tables x n_features, features sorted by key, then by image
    keys : uint32, n_tables x n_features, the keys in that order
    """

    owner: np.ndarray
    rows: np.ndarray
    keys: np.ndarray

    @classmethod
    def build(cls, features: FeatureSet, positions: np.ndarray) -> FeatureIndex:
        """Sort features by key, a table after the other."""
        tables = list(
            map_batches(partial(each, partial(_sort_by_key, features.bits)), list(positions), describe="index", size=1)
        )
        owner = np.repeat(np.arange(len(features), dtype=np.int32), np.diff(features.starts))
        return cls(owner, *(np.stack(part) for part in zip(*tables, strict=True)))


def _sort_by_key(bits: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from .feature_loops import make_keys

    keys = make_keys(bits, positions)
    rows = np.argsort(keys, kind="stable").astype(np.int32)
    return rows, keys[rows]


def find_candidates(images: Sequence[Features], max_bits: int, executor: Executor | None = None) -> np.ndarray:
    """Find the pairs of images that share enough features at one angle.

    Parameters
    ----------
    images
        features of each image, of one method. The answer depends neither on names nor on the number of threads; to not depend
        on the order either, sort the images by `Features.key`.
    max_bits
        by which two descriptors of one patch may differ, inclusive.
    executor
        any `concurrent.futures.Executor`, given quarters of the collection to compare with each other; None works in threads
        on one index. The answer is the same.

    Returns
    -------
    int64, n_candidates x 2, first < second, in lexical order

    Notes
    -----
    Approximate: a pair is missed where fewer than 4 features agree in all 28 bits of one of 14 keys, or where fewer than 20 do
    and both images have eight better partners. The index takes about 190 bytes a feature, 57 kB an image. The second vote, from
    closer by, asks for 26 bits and has eight partners of its own; it takes three times as long where all images are large.
    """
    if not images:
        return np.zeros((0, 2), np.int64)
    if executor is None:
        parts: Iterator[np.ndarray] = iter([_search_tile(Tile(0, 0, *_both(images)), max_bits=max_bits)])
    else:
        work = partial(each, partial(_search_tile, max_bits=max_bits))
        parts = map_batches(work, _cut_tiles(images), executor=executor, describe="candidates", size=1)
    whole = _best_pairs(np.concatenate(list(parts)), len(images))
    return np.unique(np.concatenate([whole, _best_pairs(_search_closer(images, max_bits, executor), len(images))]), axis=0)


def _search_closer(images: Sequence[Features], max_bits: int, executor: Executor | None) -> np.ndarray:
    """Return the pairs that have votes from closer by, int64, n x 4, as `_best_pairs` takes them."""
    is_large = np.array([image.closer is not None for image in images])
    asked = [start for start in range(0, len(images), ASKED_CLOSER) if is_large[start : start + ASKED_CLOSER].any()]
    height = len(images) if executor is None else -(-len(images) // STRIPES)
    corners = [(row, column) for column in asked for row in range(0, len(images), height)]
    tiles, search = MadeLater(partial(_cut_closer_tile, images, height), corners), partial(_search_tile, max_bits=max_bits)
    if executor is None:
        parts: Iterator[np.ndarray] = map(search, tiles)
    else:
        parts = map_batches(partial(each, search), tiles, executor=executor, describe="candidates", size=1)
    found = np.concatenate([np.zeros((0, 4), np.int64), *parts])
    found = found[found[:, 0] != found[:, 1]]  # an image's own section is no other image
    found[:, :2] = np.sort(found[:, :2], axis=1)
    return found


def _best_pairs(found: np.ndarray, n_images: int) -> np.ndarray:
    """Keep the pairs of many votes, and of the others those that weigh most for one of their images.

    Parameters
    ----------
    found : int64, n x 4, first image, second image, votes, their weight; a pair may come twice, plain and mirrored
    """
    pairs, same = np.unique(found[:, :2], axis=0, return_inverse=True)
    votes, weights = np.zeros((2, len(pairs)), np.int64)
    np.maximum.at(votes, same.ravel(), found[:, 2])
    np.maximum.at(weights, same.ravel(), found[:, 3])
    kept = votes >= MANY_VOTES
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


# -- tiles: some images against others --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Tile:
    """Images that ask, and images that are asked, maybe from closer by; from `first_row` and `first_column` of the whole on."""

    first_row: int
    first_column: int
    asking: FeatureSet
    asked: FeatureSet
    closer: bool = False


def _cut_tiles(images: Sequence[Features]) -> MadeLater[Tile]:
    """Return the tiles that make up a whole."""
    height = -(-len(images) // STRIPES)
    corners = list(combinations_with_replacement(range(0, len(images), height), 2))
    return MadeLater(partial(_cut_tile, images, height), corners)


def _cut_tile(images: Sequence[Features], height: int, corner: tuple[int, int]) -> Tile:
    n_words = images[0].bits.shape[1]
    asking, asked = (FeatureSet.join(images[start : start + height], n_words) for start in corner)
    return Tile(*corner, asking, asked)


def _cut_closer_tile(images: Sequence[Features], height: int, corner: tuple[int, int]) -> Tile:
    n_words, (row, column) = images[0].bits.shape[1], corner
    asking = images[row : row + height]
    asked = [image.closer or image.without_features() for image in images[column : column + ASKED_CLOSER]]
    return Tile(row, column, FeatureSet.join(asking, n_words), FeatureSet.join(asked, n_words), closer=True)


def _both(images: Sequence[Features]) -> tuple[FeatureSet, FeatureSet]:
    joined = FeatureSet.join(images, images[0].bits.shape[1])
    return joined, joined


def _search_tile(tile: Tile, *, max_bits: int) -> np.ndarray:
    """Return the pairs of a tile with votes and weight, int64, n x 4, in numbers of the whole."""
    random = np.random.default_rng(0)  # one seed for ever: the same files, the same answer
    n_bits = 64 * tile.asked.bits.shape[1]
    key_bits = CLOSER_KEY_BITS if tile.closer else KEY_BITS
    positions = np.array([random.permutation(n_bits)[:key_bits] for _ in range(N_TABLES)])
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
    only_later = tile.first_row == tile.first_column and not tile.closer
    known: tuple = (asked.bits, asked.angles, index.owner, index.rows, len(asked), max_bits, MIN_VOTES)
    views = [(asking.bits, asking.angles)]
    if len(asking.mirrored):
        views.append((asking.mirrored, (180 - asking.angles).astype(np.float32)))
    start, stop = asking.starts[list(span)]
    return np.concatenate(
        [
            collect_votes(bits, angles, asking.starts, *span, only_later, *_look_up(bits[start:stop], index, positions), *known)
            for bits, angles in views
        ]
    )


def _look_up(bits: np.ndarray, index: FeatureIndex, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where the features of equal key begin and end in each table, int32, n_tables x n_features."""
    from .feature_loops import make_keys

    begins, ends = np.empty((2, len(positions), len(bits)), np.int32)
    for table, places in enumerate(positions):
        keys = make_keys(bits, places)
        order = np.argsort(keys)  # asked in order, the index is read from front to back and stays in the cache
        begins[table, order] = np.searchsorted(index.keys[table], keys[order], "left")
        ends[table, order] = np.searchsorted(index.keys[table], keys[order], "right")
    return begins, ends

"""Features of many images in an inverted index, and how many of another image's features find theirs there.

Descriptors of one patch in two pictures differ in some 20 to 60 of their 256 bits. `N_TABLES` times, some of the bits are taken as a
key; two features that share a key, and are near as a whole, are one vote for their two images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..parallel import each, map_batches
from .features import Features

N_TABLES = 14
KEY_BITS, CLOSER_KEY_BITS = 28, 26  # a part has few features, so more of them must meet
MIN_VOTES = 4  # at one angle, give or take a bin
TOGETHER = 256  # images that ask at a time
SPAN = 2**15  # features whose keys are read at a time
IN_CACHE = 2**15  # keys; so few are looked up in any order


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
    def join(cls, images: Sequence[Features]) -> FeatureSet:
        """Lay the features of one image or more one after the other."""
        return cls(
            bits=np.concatenate([image.bits for image in images]),
            mirrored=np.concatenate([image.mirrored for image in images]),
            angles=np.concatenate([image.angles for image in images]),
            starts=np.concatenate([[0], np.cumsum([len(image) for image in images])]).astype(np.int64),
        )

    def keep(self, kept: np.ndarray) -> FeatureSet:
        """Return the same images with some of their features; `kept` is bool, n_features."""
        starts = np.concatenate([[0], np.cumsum(kept)])[self.starts]
        mirrored = self.mirrored[kept] if len(self.mirrored) else self.mirrored
        return FeatureSet(self.bits[kept], mirrored, self.angles[kept], starts)

    def cut(self, start: int, stop: int) -> FeatureSet:
        """Return the images of a range."""
        starts = self.starts[start : stop + 1]
        some = slice(starts[0], starts[-1])
        return FeatureSet(self.bits[some], self.mirrored[some], self.angles[some], starts - starts[0])

    @property
    def owner(self) -> np.ndarray:
        """The image of each feature, int32."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.starts))

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
        keys = _in_threads(partial(_read_keys, features.bits, positions), len(features.bits))
        order = partial(np.argsort, kind="stable")
        rows = np.stack(list(map_batches(partial(each, order), list(keys), describe="index", size=1))).astype(np.int32)
        return cls(features.owner, rows, np.take_along_axis(keys, rows, axis=1))


def _in_threads(work: Callable[[int, int], np.ndarray], n_features: int) -> np.ndarray:
    """Return what a function gives for all features, which is asked for some of them, from one to another, at a time."""
    spans = [(start, min(start + SPAN, n_features)) for start in range(0, n_features, SPAN)]
    parts = map_batches(partial(each, lambda span: work(*span)), spans, describe="index", size=1)
    return np.concatenate(list(parts), axis=-1)


def _read_keys(bits: np.ndarray, positions: np.ndarray, start: int, stop: int) -> np.ndarray:
    from .key_loops import read_keys

    return read_keys(bits[start:stop], positions)


def _draw_positions(n_bits: int, closer: bool) -> np.ndarray:
    """Return the places of the bits that make the key of each table."""
    random = np.random.default_rng(0)  # one seed for ever: the same files, the same answer
    key_bits = CLOSER_KEY_BITS if closer else KEY_BITS
    return np.array([random.permutation(n_bits)[:key_bits] for _ in range(N_TABLES)])


def sieve(many: FeatureSet, few: FeatureSet, closer: bool) -> FeatureSet:
    """Return the features that may share a key with one of a few others, plain or mirrored: no other can have a vote."""
    positions = _draw_positions(64 * few.bits.shape[1], closer)
    shared = _share_key(many.bits, [few.bits, few.mirrored], positions)
    if len(many.mirrored):
        shared |= _share_key(many.mirrored, [few.bits], positions)
    return many.keep(shared)


def _share_key(bits: np.ndarray, others: Sequence[np.ndarray], positions: np.ndarray) -> np.ndarray:
    """Tell which descriptors may have a key that one of the others has; bool."""
    from .key_loops import SLOT_BITS, are_known, read_keys, remember_keys

    known = np.zeros((len(positions), 2**SLOT_BITS // 64), np.uint64)
    for other in others:
        remember_keys(read_keys(other, positions), known)
    return _in_threads(lambda *span: are_known(_read_keys(bits, positions, *span), known), len(bits))


# -- some images ask others -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Tile:
    """Images that ask, and images that are asked, maybe from closer by; from `first_row` and `first_column` of the whole on."""

    first_row: int
    first_column: int
    asking: FeatureSet
    asked: FeatureSet
    closer: bool


def search_tile(tile: Tile, *, max_bits: int) -> np.ndarray:
    """Return the pairs of a tile with votes and weight, int64, n x 4, in numbers of the whole.

    From closer by, an image may find itself, and of two images each may find the other.
    """
    if not (len(tile.asking.angles) and len(tile.asked.angles)):
        return np.zeros((0, 4), np.int64)
    positions = _draw_positions(64 * tile.asked.bits.shape[1], tile.closer)
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
    begins, ends = np.empty((2, len(positions), len(bits)), np.int32)
    for table, keys in enumerate(_read_keys(bits, positions, 0, len(bits))):
        known = index.keys[table]
        # asked in order, the index is read from front to back and stays in the cache
        order = np.argsort(keys) if len(known) > IN_CACHE else slice(None)
        keys = keys[order]
        begin = np.searchsorted(known, keys, "left")
        end, there = begin.copy(), known[np.minimum(begin, len(known) - 1)] == keys
        end[there] = np.searchsorted(known, keys[there], "right")
        begins[table, order], ends[table, order] = begin, end
    return begins, ends

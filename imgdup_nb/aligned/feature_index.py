"""The features of many images, one after the other, and an index that finds those that share a key.

In each of several tables, some bits of a descriptor are its key. Two descriptors of one patch share
a key in at least one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..engine.features import Features
from ..engine.parallel import each, map_batches

KEY_SPAN = 2**15  # features whose keys are read in one call
PART_IMAGES = 4096  # images that are joined at a time
# features of a whole collection, about 10,000 images; of more, keys that more features share than
# MAX_SHARING are not looked up: they find chance matches, and their cost grows with the square
MAX_UNCOUNTED_FEATURES = 3_200_000
MAX_SHARING = 128
# an index of at most so many features also has a Bloom filter of its keys
MAX_BLOOM_FEATURES = 2**16


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
    def join(cls, images: Sequence[Features] | Sequence[FeatureSet]) -> FeatureSet:
        """Join the features of one or more images, or of one or more sets of images."""
        sizes = [
            np.diff(some.starts) if isinstance(some, FeatureSet) else [len(some)] for some in images
        ]
        return cls(
            bits=np.concatenate([image.bits for image in images]),
            mirrored=np.concatenate([image.mirrored for image in images]),
            angles=np.concatenate([image.angles for image in images]),
            starts=np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype(np.int64),
        )

    def keep(self, kept: np.ndarray) -> FeatureSet:
        """Return the same images with some of their features; `kept` is bool, n_features."""
        starts = np.concatenate([[0], np.cumsum(kept)])[self.starts]
        mirrored = self.mirrored[kept] if len(self.mirrored) else self.mirrored
        return FeatureSet(self.bits[kept], mirrored, self.angles[kept], starts)

    def keep_sharing(self, few: FeatureSet, positions: np.ndarray) -> FeatureSet:
        """Keep the features that may share a key with a few others; only these can have a vote."""
        return self.keep(self.shares(few.blooms(positions), positions))

    def blooms(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return Bloom filters of the keys of all descriptors, and of those not mirrored."""
        plain, mirrored = (
            _read_keys(bits, positions, 0, len(bits)) for bits in (self.bits, self.mirrored)
        )
        return _build_bloom([plain, mirrored]), _build_bloom([plain])

    def shares(self, blooms: tuple[np.ndarray, np.ndarray], positions: np.ndarray) -> np.ndarray:
        """Tell which features may share a key with those of the Bloom filters; bool."""
        shared = _share_key(self.bits, blooms[0], positions)
        if len(self.mirrored):
            shared |= _share_key(self.mirrored, blooms[1], positions)
        return shared

    def cut(self, start: int, stop: int) -> FeatureSet:
        """Return the images of a range."""
        starts = self.starts[start : stop + 1]
        some = slice(starts[0], starts[-1])
        return FeatureSet(
            self.bits[some], self.mirrored[some], self.angles[some], starts - starts[0]
        )

    @property
    def n_features(self) -> int:
        """How many features all images have."""
        return int(self.starts[-1])

    @property
    def n_bits(self) -> int:
        """The bits of a descriptor."""
        return 64 * self.bits.shape[1]

    @property
    def owner(self) -> np.ndarray:
        """The image of each feature, int32."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.starts))

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, eq=False)
class FeatureParts:
    """The features of very many images, which are joined part by part.

    Attributes
    ----------
    images
        features of each image.
    starts : int64, n_images + 1, where each image's features begin
    """

    images: Sequence[Features]
    starts: np.ndarray

    @classmethod
    def of(cls, images: Sequence[Features]) -> FeatureParts:
        """Return the features of any number of images."""
        ends = np.cumsum([len(image) for image in images], dtype=np.int64)
        return cls(images, np.concatenate([np.zeros(1, np.int64), ends]))

    @property
    def n_features(self) -> int:
        """How many features all images have."""
        return int(self.starts[-1])

    @property
    def n_bits(self) -> int:
        """The bits of a descriptor."""
        return 64 * self.images[0].bits.shape[1]

    def cut(self, start: int, stop: int) -> FeatureSet:
        """Join the features of a range of images."""
        return FeatureSet.join(self.images[start:stop])

    def take(self, places: np.ndarray) -> FeatureParts:
        """Return some of the images."""
        return FeatureParts.of([self.images[place] for place in places.tolist()])

    def keep_sharing(self, few: FeatureSet, positions: np.ndarray) -> FeatureSet:
        """Do what `FeatureSet.keep_sharing` does, part by part."""
        blooms = few.blooms(positions)
        return FeatureSet.join(
            [
                part.keep(part.shares(blooms, positions))
                for start in range(0, len(self), PART_IMAGES)
                for part in [self.cut(start, start + PART_IMAGES)]
            ]
        )

    def count_common(self, positions: np.ndarray) -> np.ndarray | None:
        """Count the features with each key, uint16, n_tables x n_slots; None of not so many."""
        from .match_loops import SLOT_BITS, count_keys

        if self.n_features <= MAX_UNCOUNTED_FEATURES:
            return None
        counts = np.zeros((len(positions), 2**SLOT_BITS), np.uint16)
        for start in range(0, len(self), PART_IMAGES):
            part = self.cut(start, start + PART_IMAGES)
            count_keys(
                _in_threads(partial(_read_keys, part.bits, positions), part.n_features), counts
            )
        return counts

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, eq=False)
class FeatureIndex:
    """The features in the order of their keys, for each table.

    Attributes
    ----------
    owner : int32, n_features
        the image of each feature.
    rows : int32, n_tables x n_features
        features sorted by key, then by image.
    keys : uint32, n_tables x n_features
        the keys in that order.
    positions : int64, n_tables x n_key_bits
        the bits of a descriptor that are the key of each table.
    bloom : uint64 or None
        a Bloom filter of the keys, for few features only.
    common : uint16 or None
        counts of the keys in the whole collection, by `count_common`; with it common keys are not
        found.
    """

    owner: np.ndarray
    rows: np.ndarray
    keys: np.ndarray
    positions: np.ndarray
    bloom: np.ndarray | None
    common: np.ndarray | None = None

    @classmethod
    def build(
        cls, features: FeatureSet, positions: np.ndarray, common: np.ndarray | None = None
    ) -> FeatureIndex:
        """Sort features by key, one table after the other."""
        keys = _in_threads(partial(_read_keys, features.bits, positions), len(features.bits))
        bloom = _build_bloom([keys]) if keys.shape[1] <= MAX_BLOOM_FEATURES else None
        sort = partial(each, _sort_keys)
        rows = np.empty(keys.shape, np.int32)
        tables = list(zip(keys, rows, strict=True))
        for _ in map_batches(sort, tables, describe="index", size=1):
            pass
        return cls(features.owner, rows, keys, positions, bloom, common)

    def look_up(self, bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where the rows of equal key begin and end, int32, n_tables x n_features each."""
        from .match_loops import are_common, may_hold

        keys = _read_keys(bits, self.positions, 0, len(bits))
        begins, ends = np.zeros((2, *keys.shape), np.int32)
        if self.bloom is not None:
            is_wanted = may_hold(keys, self.bloom)
        else:
            is_wanted = np.ones(keys.shape, dtype=bool)
        if self.common is not None:
            is_wanted &= ~are_common(keys, self.common, MAX_SHARING)
        for table, known in enumerate(self.keys):
            wanted = np.flatnonzero(is_wanted[table])
            if self.bloom is None:
                # in the order of keys, a large index is read from front to back, which is faster
                wanted = wanted[np.argsort(keys[table, wanted])]
            begins[table, wanted] = np.searchsorted(known, keys[table, wanted], "left")
            ends[table, wanted] = np.searchsorted(known, keys[table, wanted], "right")
        return begins, ends


def _sort_keys(table: tuple[np.ndarray, np.ndarray]) -> None:
    """Sort the keys of a table in place, and write the features in that order to its rows."""
    keys, rows = table
    rows[:] = np.argsort(keys, kind="stable")
    keys[:] = keys[rows]


def _in_threads(work: Callable[[int, int], np.ndarray], n_features: int) -> np.ndarray:
    """Join what a function gives for spans of features, (start, stop), called in threads."""
    spans = [(start, min(start + KEY_SPAN, n_features)) for start in range(0, n_features, KEY_SPAN)]
    if len(spans) < 2:
        return work(0, n_features)
    parts = map_batches(partial(each, lambda span: work(*span)), spans, describe="index", size=1)
    return np.concatenate(list(parts), axis=-1)


def _read_keys(bits: np.ndarray, positions: np.ndarray, start: int, stop: int) -> np.ndarray:
    from .match_loops import read_keys

    return read_keys(bits[start:stop], positions)


def _build_bloom(some: Sequence[np.ndarray]) -> np.ndarray:
    """Return a Bloom filter of keys, each uint32, n_tables x n; uint64, a row for each table."""
    from .match_loops import SLOT_BITS, add_keys

    bloom = np.zeros((len(some[0]), 2**SLOT_BITS // 64), np.uint64)
    for keys in some:
        add_keys(keys, bloom)
    return bloom


def _share_key(bits: np.ndarray, bloom: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Tell which descriptors may have a key of a Bloom filter; bool."""
    from .match_loops import may_hold

    return _in_threads(
        lambda *span: np.logical_or.reduce(
            may_hold(_read_keys(bits, positions, *span), bloom), axis=0
        ),
        len(bits),
    )

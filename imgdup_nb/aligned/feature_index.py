"""The features of many images, one after the other, and an index that finds those that share a key.

In each of several tables, some bits of a descriptor are its key. Two descriptors of one patch share
a key in at least one of them. In a large collection, a key that many features share is made longer
(LSH forest, Bawa et al. 2005), so that a feature meets as many others in a collection of any size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..engine.feature_file import SharedFeatures
from ..engine.features import Features
from ..engine.parallel import each, map_batches

if TYPE_CHECKING:
    from .match_loops import TargetFeatures

KEY_SPAN = 2**15  # features whose keys are read in one call
PART_IMAGES = 4096  # images that are joined at a time
# features of a whole collection, about 10,000 images; of more, keys are made longer until at most
# MAX_SHARING features share one: they find chance matches, and their cost grows with the square
MAX_UNCOUNTED_FEATURES = 3_200_000
MAX_SHARING = 16
MAX_SHARING_LONGEST = 128  # the longest keys are not looked up if more features share them
FEATURES_A_SLOT = 4  # of an index, about


class KeyPositions(NamedTuple):
    """Which bits of a descriptor are the key of each table.

    Attributes
    ----------
    first : int64, n_tables x n_key_bits
    more : int64, n_tables x n_steps x n_bits
        the bits by which a key is made longer, step by step.
    """

    first: np.ndarray
    more: np.ndarray


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

    def keep_sharing(self, few: FeatureSet, positions: KeyPositions) -> FeatureSet:
        """Keep the features that may share a key with a few others; only these can have a vote."""
        return self.keep(self.shares(few.blooms(positions), positions))

    def blooms(self, positions: KeyPositions) -> tuple[np.ndarray, np.ndarray]:
        """Return Bloom filters of the keys of all descriptors, and of those not mirrored."""
        plain, mirrored = (
            _read_keys(bits, positions, 0, len(bits)) for bits in (self.bits, self.mirrored)
        )
        return _build_bloom([plain, mirrored]), _build_bloom([plain])

    def shares(self, blooms: tuple[np.ndarray, np.ndarray], positions: KeyPositions) -> np.ndarray:
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
    zoomed
        whether these are their zoomed features; an image may have none.
    """

    images: Sequence[Features]
    starts: np.ndarray
    zoomed: bool = False

    @classmethod
    def of(cls, images: Sequence[Features], *, zoomed: bool = False) -> FeatureParts:
        """Return the features of any number of images."""
        sizes = [len((image.zoomed or ()) if zoomed else image) for image in images]
        return cls(images, np.append(0, np.cumsum(sizes, dtype=np.int64)), zoomed)

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
        some = self.images[start:stop]
        if self.zoomed:
            some = [image.zoomed or image.without_features() for image in some]
        return FeatureSet.join(some)

    def take(self, places: np.ndarray) -> FeatureParts:
        """Return some of the images."""
        if isinstance(self.images, SharedFeatures):
            images: Sequence[Features] = self.images.take(places)
        else:
            images = [self.images[place] for place in places.tolist()]
        ends = np.cumsum(np.diff(self.starts)[places])
        return FeatureParts(images, np.append(0, ends), self.zoomed)

    def shared(self, images: SharedFeatures) -> FeatureParts:
        """Return the same features, which are read from a file of the images."""
        return FeatureParts(images, self.starts, self.zoomed)

    def keep_sharing(self, few: FeatureSet, positions: KeyPositions) -> FeatureSet:
        """Do what `FeatureSet.keep_sharing` does, part by part."""
        blooms = few.blooms(positions)
        return FeatureSet.join(
            [
                part.keep(part.shares(blooms, positions))
                for start in range(0, len(self), PART_IMAGES)
                for part in [self.cut(start, start + PART_IMAGES)]
            ]
        )

    def count_common(self, positions: KeyPositions) -> np.ndarray | None:
        """Count the features with each key, uint8, n_tables x n_slots; None of not so many.

        First all keys are counted, then those that are longer by one step, and so on.
        """
        from .key_loops import SLOT_BITS

        if self.n_features <= MAX_UNCOUNTED_FEATURES:
            return None
        counts = np.zeros((len(positions.first), 2**SLOT_BITS), np.uint8)
        for step in range(positions.more.shape[1] + 1):
            new = np.zeros_like(counts)
            for start in range(0, len(self), PART_IMAGES):
                _count_step(self.cut(start, start + PART_IMAGES).bits, positions, counts, step, new)
            counts += np.minimum(new, 255 - counts)
        return counts

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, eq=False)
class FeatureIndex:
    """The features in the order of the slots of their keys, for each table.

    Attributes
    ----------
    target
        the features as the loops read them: what belongs to one feature is side by side.
    slots : int32, n_tables x n_slots + 1
        where the entries of each slot begin.
    positions
        the bits of a descriptor that are the key of each table.
    common : uint8 or None
        counts of the keys in the whole collection, by `count_common`.
    """

    target: TargetFeatures
    slots: np.ndarray
    positions: KeyPositions
    common: np.ndarray | None = None

    @classmethod
    def build(
        cls,
        features: FeatureSet,
        numbers: np.ndarray,
        positions: KeyPositions,
        common: np.ndarray | None = None,
    ) -> FeatureIndex:
        """Sort features by the slots of their keys; `numbers` are those of the images."""
        from .match_loops import TargetFeatures

        n, n_words = features.bits.shape
        rows = np.empty((n, n_words + 1), np.uint64)
        rows[:, :n_words] = features.bits
        angles, owner = rows.view(np.float32)[:, -2], rows.view(np.int32)[:, -1]
        angles[:], owner[:] = features.angles, features.owner
        read = partial(_read_long_keys, features.bits, positions, common)
        keys = _in_threads(lambda *span: read(*span)[0], n)
        n_slots = 1 << max(n // FEATURES_A_SLOT, 1).bit_length()
        slots, entries = np.empty((len(keys), n_slots + 1), np.int32), np.empty(keys.shape, "u8")
        tables = list(zip(keys, slots, entries, strict=True))
        for _ in map_batches(partial(each, _sort_keys), tables, describe="index", size=1):
            pass
        target = TargetFeatures(rows[:, :n_words], angles, owner, features.starts, numbers, entries)
        return cls(target, slots, positions, common)

    def look_up(self, bits: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Return the keys of some descriptors, and where the entries of their slots are.

        uint32, n_tables x n_features; begins and ends, int32, of the same shape
        """
        from .key_loops import drop_common, find_slots

        keys, _ = _read_long_keys(bits, self.positions, self.common, 0, len(bits))
        if self.common is not None:
            drop_common(keys, self.common, MAX_SHARING_LONGEST)
        return keys, find_slots(keys, self.slots)


def _sort_keys(table: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Write where the slots of the keys of a table begin, and its entries."""
    from .key_loops import sort_keys

    keys, slots, entries = table
    slots[:], entries[:] = sort_keys(keys, len(slots) - 1)


def _count_step(
    bits: np.ndarray, positions: KeyPositions, counts: np.ndarray, step: int, new: np.ndarray
) -> None:
    """Add the keys that are made longer in just so many steps to counts."""
    from .key_loops import count_keys

    read = partial(_read_long_keys, bits, positions, counts)
    keys, steps = _in_threads(read, len(bits))
    tables = list(zip(keys, steps == step, new, strict=True))
    count = partial(each, lambda table: count_keys(*table))
    for _ in map_batches(count, tables, describe="index", size=1):
        pass


def _in_threads(work: Callable[[int, int], np.ndarray], n_features: int) -> np.ndarray:
    """Join what a function gives for spans of features, (start, stop), called in threads."""
    spans = [(start, min(start + KEY_SPAN, n_features)) for start in range(0, n_features, KEY_SPAN)]
    if len(spans) < 2:
        return work(0, n_features)
    parts = map_batches(partial(each, lambda span: work(*span)), spans, describe="index", size=1)
    return np.concatenate(list(parts), axis=-1)


def _read_keys(bits: np.ndarray, positions: KeyPositions, start: int, stop: int) -> np.ndarray:
    from .key_loops import read_keys

    return read_keys(bits[start:stop], positions.first)


def _read_long_keys(
    bits: np.ndarray, positions: KeyPositions, common: np.ndarray | None, start: int, stop: int
) -> np.ndarray:
    """Return the keys of a span, and how often each was made longer because it is common.

    uint32, 2 x n_tables x n_features
    """
    from .key_loops import lengthen_keys

    keys = _read_keys(bits, positions, start, stop)
    if common is None:
        return np.stack([keys, np.zeros_like(keys)])
    steps = lengthen_keys(keys, bits[start:stop], positions.more, common, MAX_SHARING)
    return np.stack([keys, steps])


def _build_bloom(some: Sequence[np.ndarray]) -> np.ndarray:
    """Return a Bloom filter of keys, each uint32, n_tables x n; uint64, a row for each table."""
    from .key_loops import SLOT_BITS, add_keys

    bloom = np.zeros((len(some[0]), 2**SLOT_BITS // 64), np.uint64)
    for keys in some:
        add_keys(keys, bloom)
    return bloom


def _share_key(bits: np.ndarray, bloom: np.ndarray, positions: KeyPositions) -> np.ndarray:
    """Tell which descriptors may have a key of a Bloom filter; bool."""
    from .key_loops import may_hold

    return _in_threads(
        lambda *span: np.logical_or.reduce(
            may_hold(_read_keys(bits, positions, *span), bloom), axis=0
        ),
        len(bits),
    )

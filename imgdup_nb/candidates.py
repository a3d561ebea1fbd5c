"""Many images' features -> which pairs of images are worth aligning: a vote through an inverted index.

Descriptors of one patch in two pictures differ in some 20 to 60 of their 256 bits. `N_TABLES` times, `KEY_BITS` of the bits are taken
as a key; two features that share a key, and are near as a whole, are one vote for their two images, counted by the angle
between them, because a true copy turns all its patches by one angle. No list of all pairs is ever made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numba import njit

from .alignment import ANGLE_BINS, popcount
from .features import Features
from .parallel import map_batches

N_TABLES = 10
KEY_BITS = 20
MIN_VOTES = 4  # at one angle, give or take a bin
TOGETHER = 64  # images asked about at a time


@dataclass(frozen=True, eq=False)
class FeatureIndex:
    """All features of a collection, and for each table where those of equal keys stand.

    Attributes
    ----------
    bits, mirrored : uint64, n_features x n_words
    angles : float32, n_features
    starts : int64, n_images + 1, where each image's features begin
    owner : int32, n_features, the image of each
    rows : int32, n_tables x n_features, features sorted by key, then by image
    keys : uint32, n_tables x n_features, the keys in that order
    """

    bits: np.ndarray
    mirrored: np.ndarray
    angles: np.ndarray
    starts: np.ndarray
    owner: np.ndarray
    positions: np.ndarray
    rows: np.ndarray
    keys: np.ndarray

    @classmethod
    def build(cls, images: Sequence[Features], n_words: int) -> FeatureIndex:
        """Sort the features of all images by key, table after table."""
        counts = [len(image) for image in images]
        bits = np.concatenate([np.zeros((0, n_words), np.uint64), *(image.bits for image in images)])
        random = np.random.default_rng(0)  # one seed for ever: the same files, the same answer
        positions = np.array([random.permutation(64 * n_words)[:KEY_BITS] for _ in range(N_TABLES)])
        rows = np.empty((N_TABLES, len(bits)), np.int32)
        sorted_keys = np.empty((N_TABLES, len(bits)), np.uint32)
        for table in range(N_TABLES):
            keys = make_keys(bits, positions[table])
            rows[table] = np.argsort(keys, kind="stable")
            sorted_keys[table] = keys[rows[table]]
        return cls(
            bits=bits,
            mirrored=np.concatenate([np.zeros((0, n_words), np.uint64), *(image.mirrored for image in images)]),
            angles=np.concatenate([np.zeros(0, np.float32), *(image.angles for image in images)]),
            starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            owner=np.repeat(np.arange(len(images), dtype=np.int32), counts),
            positions=positions,
            rows=rows,
            keys=sorted_keys,
        )


def find_candidates(images: Sequence[Features], max_bits: int) -> np.ndarray:
    """Find the pairs of images that share enough features at one angle.

    Parameters
    ----------
    images
        features of each image, of one method. The answer depends neither on names nor on the number of threads; to not depend
        on the order either, sort the images by `Features.key`.
    max_bits
        by which two descriptors of one patch may differ, inclusive.

    Returns
    -------
    int64, n_candidates x 2, first < second, in lexical order

    Notes
    -----
    Approximate: a pair is missed where fewer than 4 features agree in all 20 bits of one of 10 keys. About 110 bytes a feature: 33 kB an
    image, 1.7 GB for 50,000, of which the index is a third.
    """
    if not images:
        return np.zeros((0, 2), np.int64)
    index = FeatureIndex.build(images, images[0].bits.shape[1])
    spans = [(start, min(start + TOGETHER, len(images))) for start in range(0, len(images), TOGETHER)]
    found = list(map_batches(partial(_ask_for_spans, index=index, max_bits=max_bits), spans, describe="candidates"))
    return np.unique(np.concatenate(found), axis=0)


def _ask_for_spans(spans: Sequence[tuple[int, int]], *, index: FeatureIndex, max_bits: int) -> list[np.ndarray]:
    return [np.concatenate(_ask_both_ways(span, index, max_bits)) for span in spans]


def _ask_both_ways(span: tuple[int, int], index: FeatureIndex, max_bits: int) -> list[np.ndarray]:
    shared = (index.bits, index.angles, index.owner, index.starts, index.rows, *span, max_bits, MIN_VOTES)
    found = [collect_votes(index.bits, index.angles, *_look_up(index, index.bits, span), *shared)]
    if len(index.mirrored):
        angles = (180 - index.angles).astype(np.float32)
        found.append(collect_votes(index.mirrored, angles, *_look_up(index, index.mirrored, span), *shared))
    return found


def _look_up(index: FeatureIndex, bits: np.ndarray, span: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return where the features of equal key begin and end in each table, int64, n_tables x n_features of these images."""
    start, stop = index.starts[list(span)]
    keys = [make_keys(bits[start:stop], positions) for positions in index.positions]
    both = list(zip(index.keys, keys, strict=True))
    return tuple(np.stack([np.searchsorted(known, asked, side) for known, asked in both]) for side in ("left", "right"))


@njit(nogil=True, cache=True)
def make_keys(bits: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Read the bits at up to 32 positions of each descriptor as a number, uint32."""
    keys = np.zeros(len(bits), np.uint32)
    for row in range(len(bits)):
        for place in positions:
            bit = (bits[row, place // 64] >> np.uint64(place % 64)) & np.uint64(1)
            keys[row] = np.uint32(2 * keys[row] + bit)
    return keys


@njit(nogil=True, cache=True)
def collect_votes(
    asked: np.ndarray,
    asked_angles: np.ndarray,
    begins: np.ndarray,
    ends: np.ndarray,
    bits: np.ndarray,
    angles: np.ndarray,
    owner: np.ndarray,
    starts: np.ndarray,
    rows: np.ndarray,
    start_image: int,
    stop_image: int,
    max_bits: int,
    min_votes: int,
) -> np.ndarray:
    """Return int64, n x 2: images of the span, each with the later images that got enough votes at one angle.

    A feature has one vote for each image and angle, however many of the image's features are near.
    """
    n_images = len(starts) - 1
    votes = np.zeros((n_images, ANGLE_BINS), np.int32)
    last_voter = np.full((n_images, ANGLE_BINS), -1, np.int64)
    is_listed = np.zeros(n_images, np.bool_)
    listed = np.empty(n_images, np.int64)
    found = []
    for image in range(start_image, stop_image):
        n_listed = 0
        for feature in range(starts[image], starts[image + 1]):
            row = feature - starts[start_image]
            for table in range(len(rows)):
                # from the back: within a key features are sorted by image, and earlier images asked for this pair already
                for place in range(ends[table, row] - 1, begins[table, row] - 1, -1):
                    other = rows[table, place]
                    partner = owner[other]
                    if partner <= image:
                        break
                    turn = int(((angles[other] - asked_angles[feature]) % 360) / 360 * ANGLE_BINS) % ANGLE_BINS
                    if last_voter[partner, turn] == feature:
                        continue
                    distance = 0
                    for word in range(bits.shape[1]):
                        distance += popcount(asked[feature, word] ^ bits[other, word])
                    if distance > max_bits:
                        continue
                    last_voter[partner, turn] = feature
                    votes[partner, turn] += 1
                    if not is_listed[partner]:
                        is_listed[partner] = True
                        listed[n_listed] = partner
                        n_listed += 1
        for k in range(n_listed):
            partner = listed[k]
            most = 0
            for turn in range(ANGLE_BINS):
                most = max(most, votes[partner, turn] + votes[partner, (turn + 1) % ANGLE_BINS])
            if most >= min_votes:
                found.append((image, partner))
            votes[partner] = 0
            last_voter[partner] = -1
            is_listed[partner] = False
    pairs = np.empty((len(found), 2), np.int64)
    for k in range(len(found)):
        pairs[k, 0], pairs[k, 1] = found[k]
    return pairs

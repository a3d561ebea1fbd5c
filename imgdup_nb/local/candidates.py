"""Many images' features -> which pairs of images are worth aligning: a vote through an inverted index.

Descriptors of one patch in two pictures differ in some 20 to 60 of their 256 bits. `N_TABLES` times, `KEY_BITS` of the bits are
taken as a key; two features that share a key, and are near as a whole, are one vote for their two images, counted by the angle
between them, because a true copy turns all its patches by one angle. No list of all pairs is ever made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..parallel import map_batches
from .features import Features

N_TABLES = 14
KEY_BITS = 28
MIN_VOTES = 4  # at one angle, give or take a bin
MANY_VOTES = 14  # that many are always looked at; below, only the best few of an image
BEST = 8
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
        from .feature_loops import make_keys

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
    Approximate: a pair is missed where fewer than 4 features agree in all 28 bits of one of 14 keys, or where fewer than 10 do
    and both images have eight better partners. The index takes about 190 bytes a feature, 57 kB an image.
    """
    if not images:
        return np.zeros((0, 2), np.int64)
    index = FeatureIndex.build(images, images[0].bits.shape[1])
    spans = [(start, min(start + TOGETHER, len(images))) for start in range(0, len(images), TOGETHER)]
    found = list(map_batches(partial(_ask_for_spans, index=index, max_bits=max_bits), spans, describe="candidates"))
    return _best_pairs(np.concatenate(found), len(images))


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


def _ask_for_spans(spans: Sequence[tuple[int, int]], *, index: FeatureIndex, max_bits: int) -> list[np.ndarray]:
    return [np.concatenate(_ask_both_ways(span, index, max_bits)) for span in spans]


def _ask_both_ways(span: tuple[int, int], index: FeatureIndex, max_bits: int) -> list[np.ndarray]:
    from .feature_loops import collect_votes

    shared: tuple = (index.bits, index.angles, index.owner, index.starts, index.rows, *span, max_bits, MIN_VOTES)
    found = [collect_votes(index.bits, index.angles, *_look_up(index, index.bits, span), *shared)]
    if len(index.mirrored):
        angles = (180 - index.angles).astype(np.float32)
        found.append(collect_votes(index.mirrored, angles, *_look_up(index, index.mirrored, span), *shared))
    return found


def _look_up(index: FeatureIndex, bits: np.ndarray, span: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return where the features of equal key begin and end in each table, int64, n_tables x n_features of these images."""
    from .feature_loops import make_keys

    start, stop = index.starts[list(span)]
    keys = [make_keys(bits[start:stop], positions) for positions in index.positions]
    both = list(zip(index.keys, keys, strict=True))
    begins = np.stack([np.searchsorted(known, asked, "left") for known, asked in both])
    return begins, np.stack([np.searchsorted(known, asked, "right") for known, asked in both])

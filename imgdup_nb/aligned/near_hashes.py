"""The phashes of many pictures -> the pairs worth aligning, and those that may be negatives.

A hash finds copies that features miss: squashed, blurred or compressed until no patch looks the
same. The hash of a negative differs in nearly all bits, which those of unrelated pictures never do.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
import pandas as pd

from ..engine.features import Features
from ..engine.search import find_pairs
from ..fingerprints import Fingerprints, fingerprint_images
from .agreement import is_textured
from .scores import MIN_CANDIDATE_HASH

MAX_HASHED_PARTNERS = 32  # of an image; in a set of look-alikes all others have near hashes


def phashes_of(
    sides: Sequence[Fingerprints], hashes: Sequence[Fingerprints] | None, executor: Executor | None
) -> Sequence[Fingerprints]:
    """Return the phashes of each collection, as given or computed; none if no path is known."""
    if not all("path" in side.images for side in sides):
        return []
    if hashes is not None:
        return hashes
    return [fingerprint_images(side.images, "phash", executor=executor) for side in sides]


def near_by_hash(
    sides: Sequence[Fingerprints], hashes: Sequence[Fingerprints], *, negative: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs that phash finds, int64, n x 2, smaller first, and their percent.

    With `negative`, the hashes of one side are those of its negatives: all bits differ.
    """
    if not hashes:
        return np.zeros((0, 2), np.int64), np.zeros(0)
    method, others = hashes[0].method, hashes[1].codes if len(hashes) > 1 else None
    if negative:
        others = ~(hashes[-1].codes)
    rows, columns, distances = find_pairs(
        hashes[0].codes, method.max_distance(MIN_CANDIDATE_HASH), others=others
    )
    place = [
        pd.Index(side.names, dtype=object).get_indexer(known.names)
        for side, known in zip(sides, hashes, strict=True)
    ]
    pairs = np.column_stack([place[0][rows], place[-1][columns]]).astype(np.int64)
    there = (pairs >= 0).all(axis=1)  # a hash may be known of more images
    if len(sides) > 1:
        pairs[:, 1] += len(sides[0])
    elif negative:  # each pair is found from both of its images
        there &= pairs[:, 0] < pairs[:, 1]
    return np.sort(pairs[there], axis=1), method.similarity(distances)[there]


def find_negatives(
    sides: Sequence[Fingerprints], hashes: Sequence[Fingerprints], features: Sequence[Features]
) -> np.ndarray:
    """Return the pairs whose phashes differ in nearly all bits, int64, n x 2; only for 'aligned'.

    Of pictures with too little texture, hashes of negatives are near by chance.
    """
    if sides[0].method.name != "aligned":
        return np.zeros((0, 2), np.int64)
    pairs, percent = near_by_hash(sides, hashes, negative=True)
    textured = np.array([all(is_textured(features[k]) for k in pair) for pair in pairs.tolist()])
    textured = textured.astype(bool)
    return best_by_hash(pairs[textured], percent[textured], features)[0]


def best_by_hash(
    pairs: np.ndarray, percent: np.ndarray, features: Sequence[Features]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs with the nearest hashes for one of their images, and their percent.

    In a data set of one kind of picture, such as flowers or hand signs, thousands of pairs have
    near hashes, and none of them is a copy. Of equally near partners, those that follow an image in
    the order of digests are taken. All pairs are kept of an image with too little texture, which
    has its similarity by phash.

    Parameters
    ----------
    pairs : int64, n x 2
    percent : float64, n
    """
    n, ends, partners = len(features), pairs.T.ravel(), pairs[:, ::-1].T.ravel()
    textured = np.zeros(n, bool)
    textured[np.unique(ends)] = [is_textured(features[k]) for k in np.unique(ends)]
    turn = np.zeros(n, np.int64)
    turn[np.unique(ends)] = np.argsort(
        np.argsort(np.array([features[k].key for k in np.unique(ends)], dtype=object))
    )
    apart = (turn[partners] - turn[ends]) % max(n, 1)
    order = np.lexsort((apart, -np.tile(percent, 2), ends))
    rank = np.empty(len(ends), np.int64)
    rank[order] = np.arange(len(ends)) - np.searchsorted(ends[order], ends[order])
    is_best = (rank < MAX_HASHED_PARTNERS).reshape(2, -1).any(axis=0)
    kept = is_best | ~textured[pairs].all(axis=1)
    return pairs[kept], percent[kept]

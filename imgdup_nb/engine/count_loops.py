"""The loop that counts the distances of all pairs; numba compiles it. See `pair_counts`."""

from __future__ import annotations

from functools import partial

import numpy as np

from .jit import compiled
from .multi_index import count_ones
from .parallel import each, map_batches

ROWS = 512  # codes compared with all after them by one task


def count_distances(codes: np.ndarray, n_bits: int) -> np.ndarray:
    """Return how many pairs have each distance, int64, n_bits + 1.

    Parameters
    ----------
    codes : uint64, n x n_views x n_words
    """
    codes = np.ascontiguousarray(codes)
    task = partial(each, partial(_count_rows, codes, n_bits))
    starts = range(0, len(codes), ROWS)
    return sum(map_batches(task, starts, describe="count", size=1), np.zeros(n_bits + 1, np.int64))


def _count_rows(codes: np.ndarray, n_bits: int, start: int) -> np.ndarray:
    counts = np.zeros(n_bits + 1, np.int64)
    _count_into(counts, codes, start, min(start + ROWS, len(codes)))
    return counts


@compiled
def _count_into(counts, codes, start, stop):
    n, n_views, n_words = codes.shape
    for i in range(start, stop):
        for j in range(i + 1, n):
            best = 0
            for word in range(n_words):
                best += count_ones(codes[i, 0, word] ^ codes[j, 0, word])
            for view in range(1, n_views):
                one, other = 0, 0
                for word in range(n_words):
                    one += count_ones(codes[i, view, word] ^ codes[j, 0, word])
                    other += count_ones(codes[i, 0, word] ^ codes[j, view, word])
                best = min(best, one, other)
            counts[best] += 1

"""How many pairs are within a distance: expected from a sample, or counted without a list.

A table of pairs grows with the square of the images. The sample tells beforehand from which level
on a table stays small. The exact counts are for a histogram below the floor of a table.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .search import BLOCK_BYTES, bit_distances, cosine_distances, is_worth_numba

SMALLEST_SAMPLE, LARGEST_SAMPLE = 1e6, 5e8  # comparisons
SHARE_COMPARED = 1e-4  # some 200 pairs of a million are then in the sample
EQUAL = 1e-6  # distances up to here are those of equal fingerprints


def expected_pairs(
    codes: np.ndarray, limits: np.ndarray, others: np.ndarray | None = None
) -> np.ndarray:
    """Return how many pairs of unequal codes are expected within each distance, from a sample.

    Parameters
    ----------
    codes, others : as in `search.find_pairs`
    limits : distances, ascending and inclusive

    Returns
    -------
    float64, n_limits; exact if all pairs fit into the sample, and always the same for the same
    codes

    Notes
    -----
    A ten-thousandth of all comparisons, from a million up to 500 million: milliseconds for 10,000
    images, a second for ten million.
    """
    n_left, n_right = len(codes), len(codes if others is None else others)
    turns = 2 * codes.shape[1] - 1 if codes.ndim > 1 else 1
    wanted = np.clip(SHARE_COMPARED * n_left * n_right, SMALLEST_SAMPLE, LARGEST_SAMPLE) / turns
    side = max(2, int(wanted**0.5))
    left = _sample(codes, side)
    right = None if others is None else _sample(others, side)
    counts = np.zeros(len(limits) + 1, np.int64)
    for block in _distance_blocks(left, right):
        near = block[(block <= limits[-1]) & (block > EQUAL)]
        counts += np.bincount(np.searchsorted(limits, near), minlength=len(counts))
    compared = _all_pairs(len(left), None if right is None else len(right))
    whole = _all_pairs(n_left, None if others is None else n_right)
    return np.cumsum(counts[:-1]) * (whole / max(1, compared))


def count_bit_pairs(codes: np.ndarray, n_bits: int) -> np.ndarray:
    """Return how many pairs have each distance of 0 to `n_bits` bits, int64, n_bits + 1.

    All pairs are compared: 200,000 codes of 64 bits take some 10 seconds of processor.
    """
    if not is_worth_numba(len(codes) ** 2):
        counts = np.zeros(n_bits + 1, np.int64)
        for block in _distance_blocks(codes, None):
            counts += np.bincount(block.ravel(), minlength=n_bits + 1)
        return counts
    from .count_loops import count_distances

    return count_distances(codes, n_bits)


def count_vector_pairs(codes: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Return how many pairs of vectors are within each distance, ascending and inclusive."""
    counts = np.zeros(len(limits) + 1, np.int64)
    for block in _distance_blocks(codes.astype(np.float64), None):
        distances = np.round(block.ravel(), 6)
        places = np.searchsorted(limits + 1e-9, distances)
        counts += np.bincount(places, minlength=len(counts))
    return np.cumsum(counts[:-1])


def two_digits(number: float) -> str:
    """Return a number with its first two digits, the others 0.

    Examples
    --------
    >>> two_digits(20_811_234)
    '21,000,000'
    """
    return f"{float(f'{number:.2g}'):,.0f}"


def _all_pairs(n_left: int, n_right: int | None) -> int:
    return n_left * (n_left - 1) // 2 if n_right is None else n_left * n_right


def _sample(codes: np.ndarray, size: int) -> np.ndarray:
    """Return some rows, always the same of as many."""
    if size >= len(codes):
        return codes
    chosen = np.random.default_rng(0).choice(len(codes), size, replace=False, shuffle=False)
    return codes[np.sort(chosen)]


def _distance_blocks(left: np.ndarray, right: np.ndarray | None) -> Iterator[np.ndarray]:
    """Yield the distances of all pairs, each block as one row of numbers."""
    distances = bit_distances if left.dtype == np.uint64 else cosine_distances
    others = left if right is None else right
    height = max(1, BLOCK_BYTES // max(1, 8 * len(others)))
    for start in range(0, len(left), height):
        first = start if right is None else 0  # within one set, each pair once
        block = distances(left[start : start + height], others[first:])
        if right is None:
            height_of, width_of = block.shape
            block = block[np.arange(width_of) > np.arange(height_of)[:, None]]
        yield block.ravel()

"""Exact search: all pairs of codes within a distance, the very set a double loop returns.

Codes have the shape of `Fingerprints.codes`. With several views the distance of two images is the smallest between any view of
one and the upright view of the other, in both directions, so that it does not depend on their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

BLOCK_BYTES = 32 * 2**20  # temporary memory of one block of distances
MAX_PAIRS = 50_000_000  # about 1.5 GB as a table; nobody can look at more

Found = tuple[np.ndarray, np.ndarray, np.ndarray]


def find_pairs(codes: np.ndarray, max_distance: float, *, others: np.ndarray | None = None) -> Found:
    """Find every pair of rows within a distance, inclusive.

    Parameters
    ----------
    codes : uint64, n x n_views x n_words, or float32, n x n_views x n_dimensions (unit vectors)
    max_distance : bits, or 1 - cosine
    others : like codes; then pairs have their row in `codes` and their column in `others`

    Returns
    -------
    rows, columns : int64, in lexical order; without `others` rows < columns
    distances : uint16 bits, or float64

    Raises
    ------
    ValueError
        when more than 50 million pairs are found.

    Notes
    -----
    Brute force over blocks of rows: n**2 / 2 comparisons, about 0.1 billion a second for 64 bits, 32 MB of temporary memory.
    """
    if codes.dtype == np.uint64:
        return _collect(_within(codes, others, _hamming, max_distance))
    # float32 products find candidates a little too generously; the distance itself is a float64 sum of fixed order, so it
    # depends neither on the block nor on the machine's matrix library
    rows, columns, _ = _collect(_within(codes, others, _cosine, max_distance + 1e-4))
    distances = exact_cosine(codes, rows, columns, others)
    near = distances <= max_distance + 1e-9
    return rows[near], columns[near], distances[near]


def all_distances(codes: np.ndarray) -> np.ndarray:
    """Return the n x n distances, float64; 8 n**2 bytes."""
    n = len(codes)
    if codes.dtype != np.uint64:
        rows, columns = np.triu_indices(n, 1)
        distances = np.zeros((n, n))
        distances[rows, columns] = distances[columns, rows] = exact_cosine(codes, rows, columns)
        return distances
    blocks = [_hamming(codes[start:stop], codes) for start, stop in _blocks(codes)]
    return np.concatenate(blocks).astype(np.float64) if blocks else np.zeros((0, 0))


def _blocks(codes: np.ndarray, width: int | None = None) -> Iterator[tuple[int, int]]:
    height = max(1, BLOCK_BYTES // max(1, 8 * (len(codes) if width is None else width)))
    return ((start, min(start + height, len(codes))) for start in range(0, len(codes), height))


def _within(
    codes: np.ndarray, others: np.ndarray | None, distance: Callable[..., np.ndarray], max_distance: float
) -> Iterator[Found]:
    if others is not None:
        for start, stop in _blocks(codes, len(others)):
            block = distance(codes[start:stop], others)
            rows, columns = np.nonzero(block <= max_distance)
            yield rows + start, columns, block[rows, columns]
        return
    for start, stop in _blocks(codes):
        block = distance(codes[start:stop], codes[start:])
        rows, columns = np.nonzero(block <= max_distance)
        later = columns > rows  # each pair once, and no image with itself
        rows, columns = rows[later], columns[later]
        yield rows + start, columns + start, block[rows, columns]


def _collect(blocks: Iterator[Found]) -> Found:
    parts: list[Found] = []
    total = 0
    for part in blocks:
        total += len(part[0])
        if total > MAX_PAIRS:
            raise ValueError(
                f"more than {MAX_PAIRS:,} pairs are this similar; raise min_similarity, or look first at the images that are "
                "alike everywhere (blank, or copies of one picture)"
            )
        parts.append(part)
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint16)
    rows, columns, distances = map(np.concatenate, zip(*parts, strict=True))
    return rows, columns, distances


def _hamming(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return uint16 distances, n_left x n_right, the smallest over the views."""

    def upright(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return sum(np.bitwise_count(a[:, None, word] ^ b[None, :, word]).astype(np.uint16) for word in range(a.shape[1]))

    return _smallest(left, right, upright, np.minimum)


def _cosine(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return float32 distances, n_left x n_right, good to about 1e-6."""
    return _smallest(left, right, lambda a, b: 1 - a @ b.T, np.minimum)


def _smallest(left: np.ndarray, right: np.ndarray, distance: Callable[..., np.ndarray], least: Callable) -> np.ndarray:
    best = distance(left[:, 0], right[:, 0])
    for view in range(1, left.shape[1]):
        best = least(best, distance(left[:, view], right[:, 0]))
        best = least(best, distance(left[:, 0], right[:, view]))
    return best


def exact_cosine(codes: np.ndarray, rows: np.ndarray, columns: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """Return 1 - cosine of pairs of rows, float64, summed in float64 and rounded to 8 decimals."""
    others = codes if others is None else others
    best = np.full(len(rows), np.inf)
    step = max(1, BLOCK_BYTES // max(1, 16 * codes.shape[-1]))
    for start in range(0, len(rows), step):
        left, right = codes[rows[start : start + step]], others[columns[start : start + step]]
        pairs = [(left[:, 0], right[:, 0])]
        pairs += [(left[:, view], right[:, 0]) for view in range(1, left.shape[1])]
        pairs += [(left[:, 0], right[:, view]) for view in range(1, left.shape[1])]
        dots = [(a.astype(np.float64) * b).sum(axis=1) for a, b in pairs]
        best[start : start + step] = 1 - np.max(dots, axis=0)
    return np.maximum(np.round(best, 6), 0.0)

"""Exact search: all pairs of codes within a distance, the very set a double loop returns.

Codes have the shape of `Fingerprints.codes`. With several views the distance of two images is the
smallest between any view of one and the upright view of the other, in both directions, so that it
does not depend on their order.

This module is the definition, in numpy. Where bit codes are many, `bit_loops` finds the same pairs
with fewer comparisons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from functools import partial
from typing import NamedTuple

import numpy as np

from .parallel import LazySequence, each, map_batches

BLOCK_BYTES = 32 * 2**20  # temporary memory of one block of distances
MAX_PAIRS = 50_000_000  # 1.25 GB as a table; nobody can look at more
MAX_IMAGES = 2**27  # so that a pair and its distance fit into one number of 64 bits
SMALL = 2e7  # comparisons; up to here numpy is done before numba has been imported
TILE_ROWS = 1_000_000  # what travels to another process at a time: two tiles of codes
DISTANCE_BITS = 10
PIECE = 2**20  # pairs unpacked at a time
TOO_MANY = (
    "more than {:,} pairs are this similar; raise min_similarity, or look first at the images that "
    ""
    ""
    "are alike everywhere "
    "(nearly blank: images[images.detail < 5])"
)

Found = tuple[np.ndarray, np.ndarray, np.ndarray]


def find_pairs(
    codes: np.ndarray,
    max_distance: float,
    *,
    others: np.ndarray | None = None,
    executor: Executor | None = None,
) -> Found:
    """Find every pair of rows within a distance, inclusive.

    Parameters
    ----------
    codes : uint64, n x n_views x n_words, or float32, n x n_views x n_dimensions (unit vectors)
    max_distance : bits, or 1 - cosine
    others : like codes; then pairs have their row in `codes` and their column in `others`
    executor : any `concurrent.futures.Executor`, given tiles of rows x columns; None works in threads

    Returns
    -------
    rows, columns : int32, in lexical order; without `others` rows < columns
    distances : uint16 bits, or float64

    Raises
    ------
    ValueError
        when more than 50 million pairs are found.

    Notes
    -----
    Bits: brute force by numpy for few codes, else whichever of multi-index hashing and brute force
    `bit_loops.choose_bands` counts to be cheaper. Vectors: all products, n**2 / 2, block by block
    in 32 MB.
    """
    if max(len(codes), 0 if others is None else len(others)) > MAX_IMAGES:
        raise ValueError(
            f"more than {MAX_IMAGES:,} images must be compared in parts: similar_pairs(one_part, "
            "another_part)"
        )
    whole = Tile(0, 0, codes, others)
    if executor is None:
        parts = _search_tile(whole, max_distance)
    else:
        function = partial(each, partial(_search_tile_elsewhere, max_distance=max_distance))
        tiles = map_batches(
            function, cut_tiles(whole), executor=executor, describe="compare", size=1
        )
        parts = (part for found in tiles for part in found)
    if codes.dtype == np.uint64:
        return _closest(parts)
    rows, columns = _in_order(parts)
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
    height = max(1, BLOCK_BYTES // max(1, 8 * n))
    blocks = [_hamming(codes[start : start + height], codes) for start in range(0, n, height)]
    return np.concatenate(blocks).astype(np.float64) if blocks else np.zeros((0, 0))


# -- tiles: a part of all comparisons --------------------------------------------------------------


class Tile(NamedTuple):
    """Some rows against some columns; `right` None compares the rows with each other."""

    row: int  # of the first code
    column: int
    left: np.ndarray
    right: np.ndarray | None


def cut_tiles(whole: Tile) -> LazySequence[Tile]:
    """Return the tiles that make up a whole."""
    n_left, n_right = len(whole.left), len(whole.left if whole.right is None else whole.right)
    # a dozen stripes keep a cluster busy, and each code travels a dozen times
    height = max(1, min(TILE_ROWS, -(-max(n_left, n_right) // 12)))
    corners = [
        (row, column)
        for row in range(0, n_left, height)
        for column in range(0 if whole.right is not None else row, n_right, height)
    ]
    return LazySequence(partial(_cut_tile, whole, height), corners)


def _cut_tile(whole: Tile, height: int, corner: tuple[int, int]) -> Tile:
    row, column = corner
    others = whole.left if whole.right is None else whole.right
    on_diagonal = whole.right is None and row == column
    return Tile(
        row,
        column,
        whole.left[row : row + height],
        None if on_diagonal else others[column : column + height],
    )


def _search_tile_elsewhere(tile: Tile, *, max_distance: float) -> list[np.ndarray]:
    return list(_search_tile(tile, max_distance))


def _search_tile(tile: Tile, max_distance: float) -> Iterator[np.ndarray]:
    """Yield (row, column, distance) of the pairs of a tile, n_found x 3; with views a pair may come several times."""
    if tile.left.dtype != np.uint64:
        # float32 products find candidates a little too generously; the distance itself is a float64
        # sum of fixed order, so it depends neither on the block nor on the machine's matrix library
        found = _compare_all(tile.left, tile.right, _cosine, max_distance + 1e-4)
    elif (
        len(tile.left) * len(tile.left if tile.right is None else tile.right) * tile.left.shape[1]
        <= SMALL
    ):
        found = _compare_all(tile.left, tile.right, _hamming, max_distance)
    else:
        found = _compare_bits(tile.left, tile.right, int(max_distance))
    for part in found:
        yield part + np.array([tile.row, tile.column, 0], part.dtype)


def _compare_all(
    left: np.ndarray,
    right: np.ndarray | None,
    distance: Callable[..., np.ndarray],
    max_distance: float,
) -> Iterator[np.ndarray]:
    """Compare all, one square block of distances in memory at a time; distances of vectors are left to `exact_cosine`."""
    side = int((BLOCK_BYTES / 8) ** 0.5)
    within = right is None
    right = left if right is None else right
    for row in range(0, len(left), side):
        for column in range(row if within else 0, len(right), side):
            block = distance(left[row : row + side], right[column : column + side])
            rows, columns = np.nonzero(block <= max_distance)
            found = np.column_stack(
                [rows + row, columns + column, block[rows, columns].astype(np.int64)]
            )
            # each pair once, and no image with itself
            yield found[found[:, 0] < found[:, 1]] if within else found


def _compare_bits(
    left: np.ndarray, right: np.ndarray | None, max_distance: int
) -> Iterator[np.ndarray]:
    """Search by `bit_loops`: upright against upright, then the other views of each side against the other's upright."""
    from .multi_index import find_near

    n_words, turned = left.shape[2], left.shape[1] - 1
    others = left if right is None else right
    searches = [(left[:, 0], None if right is None else right[:, 0], 1, 1)]
    if turned:
        searches.append((left[:, 1:].reshape(-1, n_words), others[:, 0], turned, 1))
    if turned and right is not None:  # within one set, the search before was this one too
        searches.append((left[:, 0], right[:, 1:].reshape(-1, n_words), 1, turned))
    for one, other, views_of_one, views_of_other in searches:
        for found in find_near(one, other, max_distance, MAX_PAIRS, views_of_one * views_of_other):
            found[:, 0] //= views_of_one
            found[:, 1] //= views_of_other
            if right is None:
                found[:, :2].sort(axis=1)
                found = found[found[:, 0] < found[:, 1]]
            yield found


# -- what was found, in order ----------------------------------------------------------------------


def _closest(parts: Iterator[np.ndarray]) -> Found:
    """Return each pair once, with its smallest distance, in lexical order."""
    return _unpack(_merge(parts))


def _in_order(parts: Iterator[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return each pair once, in lexical order."""
    return _unpack(_merge(parts))[:2]


def _unpack(numbers: np.ndarray) -> Found:
    """Undo the packing of `_merge`, a piece at a time: a list of millions should not be in memory twice."""
    rows, columns = np.empty((2, len(numbers)), np.int32)
    distances = np.empty(len(numbers), np.uint16)
    for start in range(0, len(numbers), PIECE):
        some = slice(start, start + PIECE)
        pairs = numbers[some] >> np.uint64(DISTANCE_BITS)
        rows[some], columns[some] = pairs // np.uint64(MAX_IMAGES), pairs % np.uint64(MAX_IMAGES)
        distances[some] = numbers[some] & np.uint64(2**DISTANCE_BITS - 1)
    return rows, columns, distances


def _merge(parts: Iterator[np.ndarray]) -> np.ndarray:
    """Return sorted numbers, uint64, of row, column and distance, and of each pair the one with the smallest distance."""
    kept: list[np.ndarray] = []
    total = 0
    for part in parts:
        row, column, distance = part.T.astype(np.uint64)
        kept.append((row * np.uint64(MAX_IMAGES) + column << np.uint64(DISTANCE_BITS)) + distance)
        total += len(part)
        if (
            total > MAX_PAIRS
        ):  # as they are found; through several views a pair is found several times
            kept = [_once(kept)]
            total = len(kept[0])
        if total > MAX_PAIRS:
            raise ValueError(TOO_MANY.format(MAX_PAIRS))
    return _once(kept)


def _once(kept: list[np.ndarray]) -> np.ndarray:
    """Return numbers sorted, of each pair the first; the list of them is emptied."""
    numbers = np.concatenate([np.zeros(0, np.uint64), *kept])
    kept.clear()
    numbers.sort()
    is_first = np.ones(len(numbers), dtype=bool)
    is_first[1:] = numbers[1:] ^ numbers[:-1] >= np.uint64(
        2**DISTANCE_BITS
    )  # some bit of row or column differs
    return numbers if is_first.all() else numbers[is_first]


# -- distances -------------------------------------------------------------------------------------


def _hamming(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return uint16 distances, n_left x n_right, the smallest over the views."""

    def upright(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return sum(
            np.bitwise_count(a[:, None, word] ^ b[None, :, word]).astype(np.uint16)
            for word in range(a.shape[1])
        )

    return _smallest(left, right, upright)


def _cosine(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return float32 distances, n_left x n_right, good to about 1e-6."""
    return _smallest(left, right, lambda a, b: 1 - a @ b.T)


def _smallest(
    left: np.ndarray, right: np.ndarray, distance: Callable[..., np.ndarray]
) -> np.ndarray:
    best = distance(left[:, 0], right[:, 0])
    for view in range(1, left.shape[1]):
        best = np.minimum(best, distance(left[:, view], right[:, 0]))
        best = np.minimum(best, distance(left[:, 0], right[:, view]))
    return best


def exact_cosine(
    codes: np.ndarray, rows: np.ndarray, columns: np.ndarray, others: np.ndarray | None = None
) -> np.ndarray:
    """Return 1 - cosine of pairs of rows, float64, summed in float64 and rounded to 6 decimals."""
    others = codes if others is None else others
    best = np.full(len(rows), np.inf)
    step = max(1, BLOCK_BYTES // max(1, 16 * codes.shape[1] * codes.shape[2]))
    for start in range(0, len(rows), step):
        left, right = codes[rows[start : start + step]], others[columns[start : start + step]]
        pairs = [(left[:, 0], right[:, 0])]
        pairs += [(left[:, view], right[:, 0]) for view in range(1, left.shape[1])]
        pairs += [(left[:, 0], right[:, view]) for view in range(1, left.shape[1])]
        dots = [(a.astype(np.float64) * b).sum(axis=1) for a, b in pairs]
        best[start : start + step] = 1 - np.max(dots, axis=0)
    return np.maximum(np.round(best, 6), 0.0)

"""Exact search: all pairs of codes within a distance, the same set that a double loop finds.

Codes have the shape of `Fingerprints.codes`. If they have several views, each view of one image is
compared with the upright view of the other, in both directions. The smallest distance counts, so
the order of two images does not matter.

This module defines the search, in numpy. For many bit codes, `multi_index` finds the same pairs
with fewer comparisons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from functools import partial
from typing import NamedTuple

import numpy as np

from . import tiny_pictures
from .parallel import LazySequence, each, map_batches

BLOCK_BYTES = 32 * 2**20  # temporary memory of one block of distances
MAX_PAIRS = 50_000_000  # 1.25 GB as a table
MAX_IMAGES = 2**27  # so that a pair and its distance fit into one number of 64 bits
MAX_NUMPY_COMPARISONS = 2e7  # numpy is done before numba has been imported
TILE_ROWS = 1_000_000  # codes sent to another process at a time, on each side
DISTANCE_BITS = 10
UNPACKED_AT_A_TIME = 2**20  # pairs
TOO_MANY = (
    "more than {:,} pairs are this similar; raise min_similarity, or look first at nearly blank "
    "images: images[images.detail < 5]"
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
    codes : uint64, n x n_views x n_words; float32, n x n_views x n_dimensions (unit vectors); or
        uint8, n x n_views x 3072 (see `tiny_pictures`)
    max_distance : bits, or 1 - cosine
    others : like codes; then pairs have their row in `codes` and their column in `others`
    executor : any `concurrent.futures.Executor`, which gets tiles; None: threads

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
    Bits: brute force in numpy for few codes; else multi-index hashing, unless
    `multi_index.choose_bands` finds brute force cheaper. Vectors: all n**2 / 2 products, in blocks
    of 32 MB.
    """
    if max(len(codes), 0 if others is None else len(others)) > MAX_IMAGES:
        raise ValueError(
            f"more than {MAX_IMAGES:,} images must be compared in parts: similar_pairs(one_part, "
            "another_part)"
        )
    whole = CodeTile(0, 0, codes, others)
    if executor is None:
        parts = _find_near_codes(whole, max_distance)
    else:
        function = partial(each, partial(_list_near, max_distance=max_distance))
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
    blocks = [bit_distances(codes[start : start + height], codes) for start in range(0, n, height)]
    return np.concatenate(blocks).astype(np.float64) if blocks else np.zeros((0, 0))


# -- tiles: a part of all comparisons --------------------------------------------------------------


class CodeTile(NamedTuple):
    """Some codes to compare with others; `right` None compares them with each other."""

    row: int  # of the first code
    column: int
    left: np.ndarray
    right: np.ndarray | None


def cut_tiles(whole: CodeTile) -> LazySequence[CodeTile]:
    """Return the tiles that make up a whole."""
    n_left, n_right = len(whole.left), len(whole.left if whole.right is None else whole.right)
    # a dozen stripes keep a cluster busy, and each code travels a dozen times
    height = max(1, min(TILE_ROWS, -(-max(n_left, n_right) // 12)))
    corners = [
        (row, column)
        for row in range(0, n_left, height)
        for column in range(0 if whole.right is not None else row, n_right, height)
    ]
    return LazySequence(partial(_cut_code_tile, whole, height), corners)


def _cut_code_tile(whole: CodeTile, height: int, corner: tuple[int, int]) -> CodeTile:
    row, column = corner
    others = whole.left if whole.right is None else whole.right
    on_diagonal = whole.right is None and row == column
    return CodeTile(
        row,
        column,
        whole.left[row : row + height],
        None if on_diagonal else others[column : column + height],
    )


def _list_near(tile: CodeTile, *, max_distance: float) -> list[np.ndarray]:
    return list(_find_near_codes(tile, max_distance))


def _find_near_codes(tile: CodeTile, max_distance: float) -> Iterator[np.ndarray]:
    """Yield (row, column, distance) of the pairs of a tile, n_found x 3.

    If codes have several views, a pair may come several times.
    """
    if tile.left.dtype == np.uint8:
        found = tiny_pictures.find_tiny(tile.left, tile.right, max_distance + 1e-9)
    elif tile.left.dtype != np.uint64:
        # float32 products find a few candidates too many. The distance itself is a float64 sum of
        # fixed order: it depends neither on the block nor on the machine's matrix library
        found = _compare_all(tile.left, tile.right, cosine_distances, max_distance + 1e-4)
    elif not is_worth_numba(
        len(tile.left) * len(tile.left if tile.right is None else tile.right) * tile.left.shape[1]
    ):
        found = _compare_all(tile.left, tile.right, bit_distances, max_distance)
    else:
        found = _compare_bits(tile.left, tile.right, int(max_distance))
    for part in found:
        yield part + np.array([tile.row, tile.column, 0], part.dtype)


def is_worth_numba(n_comparisons: int) -> bool:
    """Tell whether there is so much to compare that numba is faster, and numba is there."""
    if n_comparisons <= MAX_NUMPY_COMPARISONS:
        return False
    from .jit import HAS_NUMBA

    return HAS_NUMBA


def _compare_all(
    left: np.ndarray,
    right: np.ndarray | None,
    distance: Callable[..., np.ndarray],
    max_distance: float,
) -> Iterator[np.ndarray]:
    """Compare all codes, one square block of distances at a time.

    The distances of vectors are rough: `exact_cosine` computes them again.
    """
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
    """Search by `multi_index`: upright with upright, then other views with upright ones."""
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
    """Undo the packing of `_merge`, a part at a time, so that millions are not in memory twice."""
    rows, columns = np.empty((2, len(numbers)), np.int32)
    distances = np.empty(len(numbers), np.uint16)
    for start in range(0, len(numbers), UNPACKED_AT_A_TIME):
        some = slice(start, start + UNPACKED_AT_A_TIME)
        pairs = numbers[some] >> np.uint64(DISTANCE_BITS)
        rows[some], columns[some] = pairs // np.uint64(MAX_IMAGES), pairs % np.uint64(MAX_IMAGES)
        distances[some] = numbers[some] & np.uint64(2**DISTANCE_BITS - 1)
    return rows, columns, distances


def _merge(parts: Iterator[np.ndarray]) -> np.ndarray:
    """Return one number (uint64) of row, column and distance for each pair, sorted.

    Of several numbers of a pair, the one with the smallest distance is kept.
    """
    kept: list[np.ndarray] = []
    total = 0
    for part in parts:
        row, column, distance = part.T.astype(np.uint64)
        kept.append((row * np.uint64(MAX_IMAGES) + column << np.uint64(DISTANCE_BITS)) + distance)
        total += len(part)
        if total > MAX_PAIRS:  # several views find a pair several times
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
    # some bit of row or column differs
    is_first[1:] = numbers[1:] ^ numbers[:-1] >= np.uint64(2**DISTANCE_BITS)
    return numbers if is_first.all() else numbers[is_first]


# -- distances -------------------------------------------------------------------------------------


def bit_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return uint16 distances, n_left x n_right, the smallest over the views."""

    def upright(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return sum(
            np.bitwise_count(a[:, None, word] ^ b[None, :, word]).astype(np.uint16)
            for word in range(a.shape[1])
        )

    return _smallest(left, right, upright)


def cosine_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
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
    if codes.dtype == np.uint8:
        return tiny_pictures.tiny_distances(codes, rows, columns, others)
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

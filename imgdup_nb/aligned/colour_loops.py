"""Compiled loops over the colours of two aligned pictures.

Colours are float32, n x 2: Cr and Cb less 128, so that grey is 0.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..engine.jit import compiled

MIN_COVERED = np.float32(0.99)  # share of a block that both pictures show, exclusive


@compiled
def mean_blocks(colours: np.ndarray, wanted: np.ndarray, n: int) -> np.ndarray:
    """Return the mean colour of each wanted block, float32, n_wanted x 2.

    Blocks are 2n x 2n colours, and overlap by half.

    Parameters
    ----------
    colours : float32, height x width x 2; those right and below that fill no block are ignored
    wanted : bool, rows x columns of blocks
    """
    rows, columns = wanted.shape
    cells = np.zeros((rows + 1, columns + 1, 2), np.float32)
    if rows and columns:
        for y in range(min((rows + 1) * n, colours.shape[0])):
            for x in range(min((columns + 1) * n, colours.shape[1])):
                cells[y // n, x // n, 0] += colours[y, x, 0]
                cells[y // n, x // n, 1] += colours[y, x, 1]
    means, k = np.empty((np.count_nonzero(wanted), 2), np.float32), 0
    for row in range(rows):
        for column in range(columns):
            if wanted[row, column]:
                for c in range(2):
                    upper = cells[row, column, c] + cells[row, column + 1, c]
                    lower = cells[row + 1, column, c] + cells[row + 1, column + 1, c]
                    means[k, c] = (upper + lower) / np.float32(4 * n * n)
                k += 1
    return means


@compiled
def mean_cells(planes: np.ndarray, rows: int, columns: int, n: int) -> np.ndarray:
    """Return the mean of each cell of n x n squares, float32, rows x columns x n_planes.

    planes : float32, height x width x n_planes; they continue beyond their edges.
    """
    height, width, n_planes = planes.shape
    cells = np.zeros((rows, columns, n_planes), np.float32)
    for row in range(rows):
        for column in range(columns):
            for y in range(row * n, (row + 1) * n):
                for x in range(column * n, (column + 1) * n):
                    for k in range(n_planes):
                        cells[row, column, k] += planes[min(y, height - 1), min(x, width - 1), k]
            for k in range(n_planes):
                cells[row, column, k] /= np.float32(n * n)
    return cells


@compiled(inline="always")
def _mean_of_four(cells: np.ndarray, row: int, column: int, k: int) -> float:
    left = cells[row, column, k] + cells[row + 1, column, k]
    return (left + cells[row, column + 1, k] + cells[row + 1, column + 1, k]) / np.float32(4)


@compiled
def flat_or_matching(
    one: np.ndarray,
    other: np.ndarray,
    inside: np.ndarray,
    blocks: np.ndarray,
    min_correlation: float,
    n: int,
) -> np.ndarray:
    """Return the mean colours of the covered blocks that are flat or match.

    Parameters
    ----------
    one, other : float32, height x width x 3
        brightness, Cr and Cb of two pictures.
    inside : float32, height x width x 1
        1 where both pictures are, else 0.
    blocks : float32, rows x columns
        correlations, NaN of a flat block; a block is 2n x 2n squares, and blocks overlap by half.

    Returns
    -------
    colours : float32, 2 x n_found x 3
    """
    rows, columns = blocks.shape
    cells = (
        mean_cells(one, rows + 1, columns + 1, n),
        mean_cells(other, rows + 1, columns + 1, n),
        mean_cells(inside, rows + 1, columns + 1, n),
    )
    colours, found = np.empty((2, rows * columns, 3), np.float32), 0
    for row in range(rows):
        for column in range(columns):
            if blocks[row, column] < np.float32(min_correlation):  # not if it is NaN
                continue
            if _mean_of_four(cells[2], row, column, 0) <= MIN_COVERED:
                continue
            for k in range(3):
                colours[0, found, k] = _mean_of_four(cells[0], row, column, k)
                colours[1, found, k] = _mean_of_four(cells[1], row, column, k)
            found += 1
    return colours[:, :found]


@compiled
def sum_products(one: np.ndarray, other: np.ndarray) -> float:
    """Return the sum of the products of two lists of colours."""
    total = 0.0
    for k in range(len(one)):
        total += np.float64(one[k, 0]) * other[k, 0] + np.float64(one[k, 1]) * other[k, 1]
    return total


@compiled
def square_of_mean(colours: np.ndarray) -> float:
    """Return the squared length of the mean colour; there must be at least one."""
    red, blue = 0.0, 0.0
    for k in range(len(colours)):
        red += colours[k, 0]
        blue += colours[k, 1]
    return (red * red + blue * blue) / len(colours) ** 2


@compiled
def block_distances(
    one: np.ndarray,
    other: np.ndarray,
    wanted: np.ndarray,
    n: int,
    max_colourless: float,
    min_one_hue: float,
) -> tuple[np.ndarray, float, bool]:
    """Compare the mean colours of each wanted block of two pictures.

    Parameters
    ----------
    one, other, wanted, n
        as in `mean_blocks`.
    max_colourless
        levels, root mean square, up to which a picture has no colours.
    min_one_hue
        share that the square of the mean colour has of the mean square in a picture of one hue.

    Returns
    -------
    off : float64, n_wanted
        distance of the colour in the paler picture from `kept` times that in the other one. Empty
        if both have no colours, or if the paler one is toned.
    kept : the share of its colour that the paler picture has
    toned : whether the paler picture has a single hue, and the other one has several
    """
    pale, rich = mean_blocks(one, wanted, n), mean_blocks(other, wanted, n)
    strength, most = sum_products(pale, pale), sum_products(rich, rich)
    if strength > most:
        pale, rich, strength, most = rich, pale, most, strength
    if most <= max_colourless**2 * len(rich):
        return np.empty(0), 0.0, False
    if square_of_mean(pale) > min_one_hue * strength / len(pale) and square_of_mean(
        rich
    ) <= min_one_hue * most / len(rich):
        return np.empty(0), 0.0, True
    kept = max(0.0, sum_products(pale, rich) / most)
    off = np.empty(len(pale))
    for k in range(len(pale)):
        off[k] = math.hypot(pale[k, 0] - kept * rich[k, 0], pale[k, 1] - kept * rich[k, 1])
    return off, kept, False


class ColourLimits(NamedTuple):
    """The limits of the rules of `flat_areas` in levels, each a little looser than there.

    Attributes
    ----------
    distance
        of chroma that a block may be from a share of the other.
    brightness
        that an object differs by.
    neutral, coloured
        chroma of a grey block, at most; of a coloured one, at least.
    ground, shift
        brightness of a bright ground, at least; by how much it may differ.
    ground_share
        share of the blocks that a bright ground has.
    """

    distance: float
    brightness: float
    neutral: float
    coloured: float
    ground: float
    shift: float
    ground_share: float


@compiled
def may_differ(one: np.ndarray, other: np.ndarray, limits: ColourLimits) -> bool:
    """Whether any rule of `flat_areas` may find blocks of another colour; False is sure.

    Not for pictures that are mostly flat.

    one, other : float32, n x 3, the brightness, Cr and Cb of blocks
    """
    first, second, product = 0.0, 0.0, 0.0
    n_over, n_ground, n_coloured = 0, 0, 0
    for k in range(len(one)):
        changed = abs(one[k, 0] - other[k, 0])
        one_square = one[k, 1] * one[k, 1] + one[k, 2] * one[k, 2]
        other_square = other[k, 1] * other[k, 1] + other[k, 2] * other[k, 2]
        chroma = math.sqrt(max(one_square, other_square))
        n_over += changed > limits.brightness
        n_coloured += chroma >= limits.coloured
        n_ground += (
            chroma < limits.neutral
            and changed < limits.shift
            and min(one[k, 0], other[k, 0]) >= limits.ground
        )
        first, second = first + one_square, second + other_square
        product += one[k, 1] * other[k, 1] + one[k, 2] * other[k, 2]
    # of at least three blocks that are no ground, half are objects of another brightness
    if n_over >= 2 and n_ground >= limits.ground_share * len(one):
        return True
    if n_coloured < 3:
        return False
    pale, rich = (other, one) if first > second else (one, other)
    kept, n_far, n_grey = max(0.0, product / max(first, second, 1e-9)), 0, 0
    for k in range(len(one)):
        if math.hypot(pale[k, 1], pale[k, 2]) < limits.neutral:
            n_grey += 1
        off = math.hypot(pale[k, 1] - kept * rich[k, 1], pale[k, 2] - kept * rich[k, 2])
        if off > limits.distance:
            n_far += 1
    return n_far >= 3 or n_grey >= 0.97 * len(one)

"""Compiled loops over the colours of two aligned pictures.

Colours are float32: brightness, Cr and Cb, or the last two; these are less 128, so that grey is 0.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..engine.jit import compiled

MIN_COVERED = np.float32(0.99)  # share of a block that both pictures show, exclusive


@compiled
def mean_blocks(planes: np.ndarray, rows: int, columns: int, n: int) -> np.ndarray:
    """Return the mean of each block, float32, rows x columns x 3.

    Blocks are 2n x 2n squares, and overlap by half.

    planes : float32, height x width x 3; they continue beyond their edges.
    """
    height, width, n_planes = planes.shape
    cells = np.zeros((rows + 1, columns + 1, n_planes), np.float32)
    for y in range((rows + 1) * n):
        for x in range((columns + 1) * n):
            for k in range(n_planes):
                cells[y // n, x // n, k] += planes[min(y, height - 1), min(x, width - 1), k]
    return _join_cells(cells, n)


@compiled(short=True)
def mean_warped_blocks(
    planes: np.ndarray, back: np.ndarray, rows: int, columns: int, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of each block of a picture that is warped onto the grid of another one.

    Parameters
    ----------
    planes, rows, columns, n
        as in `mean_blocks`.
    back : float64, 2 x 3
        the transform from squares of the grid to those of the picture. Between them it is
        interpolated linearly.

    Returns
    -------
    means : float32, rows x columns x 3
    covered : bool, rows x columns; whether the picture covers the block
    """
    height, width, n_planes = planes.shape
    cells = np.zeros((rows + 1, columns + 1, n_planes + 1), np.float32)
    for y in range((rows + 1) * n):
        for x in range((columns + 1) * n):
            u = back[0, 0] * x + back[0, 1] * y + back[0, 2]
            v = back[1, 0] * x + back[1, 1] * y + back[1, 2]
            cell = cells[y // n, x // n]
            cell[n_planes] += _part_inside(u, width) * _part_inside(v, height)
            u, v = min(max(u, 0.0), width - 1.0), min(max(v, 0.0), height - 1.0)
            left, top = np.int64(u), np.int64(v)
            right, low = min(left + 1, width - 1), min(top + 1, height - 1)
            part, down = np.float32(u - left), np.float32(v - top)
            for k in range(n_planes):
                above = planes[top, left, k] + part * (planes[top, right, k] - planes[top, left, k])
                below = planes[low, left, k] + part * (planes[low, right, k] - planes[low, left, k])
                cell[k] += above + down * (below - above)
    means = _join_cells(cells, n)
    return means[:, :, :n_planes], means[:, :, n_planes] > MIN_COVERED


@compiled(inline="always")
def _part_inside(place: float, side: int) -> float:
    """Return how much of a linear interpolation at a place is from within a side, 0 to 1."""
    return max(0.0, min(1.0, place + 1, side - place))


@compiled
def _join_cells(cells: np.ndarray, n: int) -> np.ndarray:
    """Return the means of blocks of 2 x 2 cells; cells are sums of n x n squares."""
    rows, columns = cells.shape[0] - 1, cells.shape[1] - 1
    means = np.empty((rows, columns, cells.shape[2]), np.float32)
    for row in range(rows):
        for column in range(columns):
            for k in range(cells.shape[2]):
                upper = cells[row, column, k] + cells[row, column + 1, k]
                lower = cells[row + 1, column, k] + cells[row + 1, column + 1, k]
                means[row, column, k] = (upper + lower) / np.float32(4 * n * n)
    return means


@compiled(short=True)
def flat_or_matching(
    one: np.ndarray,
    other: np.ndarray,
    covered: np.ndarray,
    blocks: np.ndarray,
    min_correlation: float,
) -> np.ndarray:
    """Return the colours of the covered blocks that are flat or match, float32, 2 x n_found x 3.

    Parameters
    ----------
    one, other : float32, rows x columns x 3
        brightness, Cr and Cb of the blocks of two pictures.
    covered : bool, rows x columns
    blocks : float32, rows x columns
        correlations, NaN of a flat block.
    """
    rows, columns = blocks.shape
    colours, found = np.empty((2, rows * columns, 3), np.float32), 0
    for row in range(rows):
        for column in range(columns):
            if blocks[row, column] < np.float32(min_correlation):  # not if it is NaN
                continue
            if covered[row, column]:
                for k in range(3):
                    colours[0, found, k] = one[row, column, k]
                    colours[1, found, k] = other[row, column, k]
                found += 1
    return colours[:, :found]


@compiled
def chroma_of_blocks(means: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return Cr and Cb of the wanted blocks, float32, n_wanted x 2."""
    colours, found = np.empty((np.count_nonzero(wanted), 2), np.float32), 0
    for row in range(wanted.shape[0]):
        for column in range(wanted.shape[1]):
            if wanted[row, column]:
                colours[found, 0] = means[row, column, 1]
                colours[found, 1] = means[row, column, 2]
                found += 1
    return colours


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


@compiled(short=True)
def block_distances(
    one: np.ndarray,
    other: np.ndarray,
    wanted: np.ndarray,
    max_colourless: float,
    min_one_hue: float,
) -> tuple[np.ndarray, float, bool]:
    """Compare the mean colours of each wanted block of two pictures.

    Parameters
    ----------
    one, other : float32, rows x columns x 3
        brightness, Cr and Cb of the blocks.
    wanted : bool, rows x columns
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
    pale, rich = chroma_of_blocks(one, wanted), chroma_of_blocks(other, wanted)
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


@compiled(short=True)
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

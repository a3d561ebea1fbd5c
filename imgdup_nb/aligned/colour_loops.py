"""Compiled loops over the colours of two aligned pictures.

Colours are float32, n x 2: Cr and Cb less 128, so that grey is 0.
"""

from __future__ import annotations

import math

import numpy as np

from ..engine.jit import compiled


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
def distances(one: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """Return the distance of each colour from a share of the other one, float64."""
    off = np.empty(len(one))
    for k in range(len(one)):
        off[k] = math.hypot(one[k, 0] - share * other[k, 0], one[k, 1] - share * other[k, 1])
    return off

"""Compiled loops over the blocks of pages: how far two pages differ, and what has a plain ground.

A block is named by the row and column of its upper left pixel.
"""

from __future__ import annotations

import math

import numpy as np

from ..engine.jit import compiled


@compiled
def count_flat_tiles(grey: np.ndarray, tile: int, max_range: int) -> int:
    """Return how many whole tiles of a grey picture, uint8, have grey levels this near, exclusive.

    `tile` is the pixels a side.
    """
    n = 0
    for top in range(0, grey.shape[0] - tile + 1, tile):
        for left in range(0, grey.shape[1] - tile + 1, tile):
            least, most = grey[top, left], grey[top, left]
            for y in range(top, top + tile):
                for x in range(left, left + tile):
                    least, most = min(least, grey[y, x]), max(most, grey[y, x])
            if np.int64(most) - np.int64(least) < max_range:
                n += 1
    return n


@compiled
def spreads_of(page: np.ndarray, places: np.ndarray, side: int) -> np.ndarray:
    """Return the standard deviation of blocks of a page, float64.

    page : uint8; places : int64, n x 2; side : pixels of a block, at most 256
    """
    spreads = np.empty(len(places))
    # of each column; whole numbers that float32 holds exactly, and many are added at once
    totals, squares_of = np.empty(side, np.float32), np.empty(side, np.float32)
    for k in range(len(places)):
        totals.fill(0)
        squares_of.fill(0)
        top, left = places[k, 0], places[k, 1]
        for y in range(top, top + side):
            for x in range(side):
                value = np.float32(page[y, left + x])
                totals[x] += value
                squares_of[x] += value * value
        total, squares = 0.0, 0.0
        for x in range(side):
            total += totals[x]
            squares += squares_of[x]
        mean = total / side**2
        spreads[k] = math.sqrt(max(0.0, squares / side**2 - mean * mean))
    return spreads


@compiled
def most_of_one_ground(page: np.ndarray, places: np.ndarray, side: int, levels: int) -> np.ndarray:
    """Return how many pixels of each block are in two neighbouring bins of grey levels, int64.

    The most of all such two; a bin has so many `levels`.

    page : uint8 or float32; places, side : as of `spreads_of`
    """
    most = np.zeros(len(places), np.int64)
    counts = np.zeros((4, 256 // levels), np.int64)  # in turn, so that none waits for the last one
    for k in range(len(places)):
        counts.fill(0)
        for y in range(places[k, 0], places[k, 0] + side):
            for x in range(places[k, 1], places[k, 1] + side):
                counts[x & 3, np.int64(page[y, x]) // levels] += 1
        last = 0
        for level in range(counts.shape[1]):
            held = counts[0, level] + counts[1, level] + counts[2, level] + counts[3, level]
            most[k] = max(most[k], held + last)
            last = held
    return most


@compiled
def ground_levels(page: np.ndarray, places: np.ndarray, side: int, levels: int) -> np.ndarray:
    """Return the grey level between the two bins that `most_of_one_ground` finds, int64."""
    grounds = np.zeros(len(places), np.int64)
    counts = np.zeros(256 // levels, np.int64)
    for k in range(len(places)):
        counts.fill(0)
        for y in range(places[k, 0], places[k, 0] + side):
            for x in range(places[k, 1], places[k, 1] + side):
                counts[np.int64(page[y, x]) // levels] += 1
        most = -1
        for level in range(1, len(counts)):
            held = counts[level - 1] + counts[level]
            if held > most:
                most, grounds[k] = held, levels * level
    return grounds


@compiled
def are_covered(covered: np.ndarray, places: np.ndarray, side: int, reach: int) -> np.ndarray:
    """Tell which blocks are covered, with so many pixels around each, bool; covered : uint8."""
    whole = np.empty(len(places), np.bool_)
    for k in range(len(places)):
        least = np.uint8(255)
        for y in range(places[k, 0] - reach, places[k, 0] + side + reach):
            for x in range(places[k, 1] - reach, places[k, 1] + side + reach):
                least = min(least, covered[y, x])
        whole[k] = least > 0
    return whole


NOT_COVERED, MAYBE_COVERED, SURELY_COVERED = 0, 1, 2


@compiled
def where_covered(
    back: np.ndarray, places: np.ndarray, side: int, reach: int, height: int, width: int
) -> np.ndarray:
    """Tell by the transform alone which blocks another page covers, int8, one of the three above.

    Parameters
    ----------
    back : float64, 2 x 3, from pixels of the blocks to those of the other page
    reach : pixels more around each block
    height, width : of the other page
    """
    where = np.empty(len(places), np.int8)
    for k in range(len(places)):
        within, near = True, True
        for down in (places[k, 0] - reach, places[k, 0] + side + reach - 1):
            for right in (places[k, 1] - reach, places[k, 1] + side + reach - 1):
                x = back[0, 0] * right + back[0, 1] * down + back[0, 2]
                y = back[1, 0] * right + back[1, 1] * down + back[1, 2]
                within &= 1 <= x <= width - 2 and 1 <= y <= height - 2
                near &= -2 <= x <= width + 1 and -2 <= y <= height + 1
        where[k] = np.int8(within) + np.int8(near)
    return where


@compiled(inline="always")
def _is_blank(page: np.ndarray, place: np.ndarray, side: int, min_spread: float) -> bool:
    """Whether the levels of a block are so near that its standard deviation must be below."""
    least = most = page[place[0], place[1]]
    for y in range(place[0], place[0] + side):
        for x in range(place[1], place[1] + side):
            least, most = min(least, page[y, x]), max(most, page[y, x])
        if most - least >= 2 * min_spread:
            return False
    return True


@compiled
def compare_unmoved(
    one: np.ndarray,
    other: np.ndarray,
    places: np.ndarray,
    cell: int,
    n: int,
    max_gain: float,
    min_spread: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare the blocks of two pages, float32, where they are.

    Parameters
    ----------
    places : int64, n_blocks x 2
    cell
        pixels a side of a cell; a block is n x n cells.
    max_gain
        how much the contrast of a block may be raised to that of the other.
    min_spread
        a block that is sure to have less is not compared: its spread is 0.

    Returns
    -------
    spread : float64
        the standard deviation of each block, in the page where it is larger.
    correlation : float64
    difference : float64
        mean square of the cell that differs most, in shares of the larger variance, as if both
        blocks had the larger contrast.
    """
    spreads, correlation = np.empty(len(places)), np.empty(len(places))
    difference = np.empty(len(places))
    sums = np.empty((n * n, 5))
    lanes = np.empty((5, cell))
    n_cell, n_block = cell * cell, cell * cell * n * n
    for k in range(len(places)):
        if _is_blank(one, places[k], n * cell, min_spread) and _is_blank(
            other, places[k], n * cell, min_spread
        ):
            spreads[k], correlation[k], difference[k] = 0.0, 0.0, 0.0
            continue
        a, b, aa, bb, ab = 0.0, 0.0, 0.0, 0.0, 0.0
        for which in range(n * n):
            top, left = places[k, 0] + which // n * cell, places[k, 1] + which % n * cell
            lanes.fill(0)
            for y in range(top, top + cell):
                for x in range(cell):
                    p, q = np.float64(one[y, left + x]), np.float64(other[y, left + x])
                    lanes[0, x] += p
                    lanes[1, x] += q
                    lanes[2, x] += p * p
                    lanes[3, x] += q * q
                    lanes[4, x] += p * q
            for kind in range(5):
                total = 0.0
                for x in range(cell):
                    total += lanes[kind, x]
                sums[which, kind] = total
            a, b = a + sums[which, 0], b + sums[which, 1]
            aa, bb, ab = aa + sums[which, 2], bb + sums[which, 3], ab + sums[which, 4]
        a, b = a / n_block, b / n_block  # the means
        spread_a = math.sqrt(max(0.0, aa / n_block - a * a))
        spread_b = math.sqrt(max(0.0, bb / n_block - b * b))
        spreads[k] = max(spread_a, spread_b)
        spread_a, spread_b = max(spread_a, 1e-3), max(spread_b, 1e-3)
        correlation[k] = (ab / n_block - a * b) / (spread_a * spread_b)
        most = max(spread_a, spread_b)
        gain_a, gain_b = min(max_gain, most / spread_a), min(max_gain, most / spread_b)
        worst = 0.0
        for which in range(n * n):
            of_a, of_b = sums[which, 0], sums[which, 1]
            square_a = sums[which, 2] - 2 * a * of_a + n_cell * a * a
            square_b = sums[which, 3] - 2 * b * of_b + n_cell * b * b
            product = sums[which, 4] - a * of_b - b * of_a + n_cell * a * b
            off = gain_a * gain_a * square_a + gain_b * gain_b * square_b
            worst = max(worst, off - 2 * gain_a * gain_b * product)
        difference[k] = worst / n_cell / (most * most)
    return spreads, correlation, difference


@compiled
def residual_of(
    page: np.ndarray,
    other: np.ndarray,
    places: np.ndarray,
    side: int,
    margin: int,
    max_gain: float,
    max_move: float,
) -> np.ndarray:
    """Return how far a block of a page differs from one of another page, less a small move.

    Both have a mean of 0, and the other one the contrast of the first. Then the other one is moved
    by less than a pixel, to where it differs least.

    Parameters
    ----------
    page, other : float32
    places : int64, row and column of the block in the page, and in the other one
    margin
        pixels more around the block; beyond a page it continues as at its edge.
    max_gain : by how much contrast is raised or lowered at most
    max_move : pixels a direction

    Returns
    -------
    float32, side + 2 margin a side
    """
    wide, edge = side + 2 * margin, margin + 1
    one, there = np.empty((wide, wide)), np.empty((wide + 2, wide + 2))
    for y in range(wide + 2):
        for x in range(wide + 2):
            row = min(max(places[2] + y - edge, 0), other.shape[0] - 1)
            column = min(max(places[3] + x - edge, 0), other.shape[1] - 1)
            there[y, x] = other[row, column]
    for y in range(wide):
        for x in range(wide):
            row = min(max(places[0] + y - margin, 0), page.shape[0] - 1)
            column = min(max(places[1] + x - margin, 0), page.shape[1] - 1)
            one[y, x] = page[row, column]
    mean, mean_there, n = 0.0, 0.0, side * side
    for y in range(side):
        for x in range(side):
            mean += one[y + margin, x + margin] / n
            mean_there += there[y + edge, x + edge] / n
    square, square_there = 0.0, 0.0
    for y in range(side):
        for x in range(side):
            square += (one[y + margin, x + margin] - mean) ** 2
            square_there += (there[y + edge, x + edge] - mean_there) ** 2
    spread, spread_there = math.sqrt(square / n), math.sqrt(square_there / n)
    gain = min(max_gain, spread / max(spread_there, spread / max_gain, 1e-6))
    gain = max(gain, 1 / max_gain)
    off = np.empty((wide, wide), np.float32)
    for y in range(wide):
        for x in range(wide):
            off[y, x] = one[y, x] - mean - gain * (there[y + 1, x + 1] - mean_there)
    xx, xy, yy, xo, yo = 1e-6, 0.0, 1e-6, 0.0, 0.0
    for y in range(margin, margin + side):
        for x in range(margin, margin + side):
            across = gain * (there[y + 1, x + 2] - there[y + 1, x]) / 2
            down = gain * (there[y + 2, x + 1] - there[y, x + 1]) / 2
            xx, xy, yy = xx + across * across, xy + across * down, yy + down * down
            xo, yo = xo + across * off[y, x], yo + down * off[y, x]
    # along a line there is nothing to tell where to
    xx, yy = xx + 1e-3 * (xx + yy), yy + 1e-3 * (xx + yy)
    determinant = xx * yy - xy * xy
    right = min(max_move, max(-max_move, (yy * xo - xy * yo) / determinant))
    below = min(max_move, max(-max_move, (xx * yo - xy * xo) / determinant))
    for y in range(wide):
        for x in range(wide):
            across = gain * (there[y + 1, x + 2] - there[y + 1, x]) / 2
            down = gain * (there[y + 2, x + 1] - there[y, x + 1]) / 2
            off[y, x] -= np.float32(right * across + below * down)
    return off

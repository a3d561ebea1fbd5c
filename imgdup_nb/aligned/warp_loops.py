"""Compiled loops that warp one picture onto another one, and compare their blocks.

Transforms are float64, 2 x 3. All loops release Python's lock. Loops that call each other stay in
one file: numba does not notice when a kept loop calls one in another file that has changed.
"""

from __future__ import annotations

import math

import numpy as np

from ..engine.jit import compiled
from .bands import (
    DOUBT_BLOCKS,
    DOUBT_SHADE,
    DOUBT_SHARE,
    ENOUGH_TEXTURE_SHARE,
    LARGE_CELL,
    MAX_COPY_RESIDUAL,
    MAX_FLAT_DIFFERENCE,
    MAX_SCENE_SIMILARITY,
    MAX_STEPS,
    MIN_LARGE_BLOCKS,
    MIN_SCENE_RESIDUAL,
    MIN_SCENE_SIMILARITY,
    MIN_STEP_CORRELATION,
    MIN_STEP_PIXELS,
    MIN_SURE_CORRELATION,
    MIN_VARIANCE,
    NO_DOUBT_BLOCKS,
    NO_DOUBT_SHADE,
    NO_DOUBT_SHARE,
    SMALL_CELL,
    SPARSE_TEXTURE_SHARE,
)

# a Gaussian of one pixel: the middle, one pixel and two pixels away
BLUR_WEIGHTS = 0.4026, 0.2442, 0.0545
# shares of a block's gradients: if all point one way, the shift across them is unknown
EDGE_DAMPING, NOISE_DAMPING = 0.02, 0.25
# of places in a row: without a sign, the compiler need not look whether they count from its end
ONE, TWO, THREE, FOUR = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)


@compiled
def copy_transform(transform: np.ndarray, to: np.ndarray) -> None:
    """Copy a transform into another; `to[:] = transform` would compile for a second longer."""
    for axis in range(2):
        for column in range(3):
            to[axis, column] = transform[axis, column]


@compiled
def solve(matrix: np.ndarray, right: np.ndarray) -> float:
    """Solve linear equations in place and return the determinant; `right`, n x k, is the solution.

    Gauss's elimination with the largest pivot of each column. If the determinant is 0, `right` has
    no solution. `np.linalg.solve` gives the same numbers, but takes ten seconds to compile.
    """
    n, determinant = len(matrix), 1.0
    for column in range(n):
        pivot = column
        for row in range(column + 1, n):
            if abs(matrix[row, column]) > abs(matrix[pivot, column]):
                pivot = row
        if matrix[pivot, column] == 0:
            return 0.0
        if pivot != column:
            determinant = -determinant
            _swap_rows(matrix, pivot, column)
            _swap_rows(right, pivot, column)
        determinant *= matrix[column, column]
        for row in range(column + 1, n):
            factor = matrix[row, column] / matrix[column, column]
            _take_from(matrix, row, column, factor)
            _take_from(right, row, column, factor)
    for row in range(n - 1, -1, -1):
        for known in range(row + 1, n):
            _take_from(right, row, known, matrix[row, known])
        for k in range(right.shape[1]):
            right[row, k] /= matrix[row, row]
    return determinant


@compiled
def _swap_rows(matrix: np.ndarray, one: int, other: int) -> None:
    for k in range(matrix.shape[1]):
        matrix[one, k], matrix[other, k] = matrix[other, k], matrix[one, k]


@compiled
def _take_from(matrix: np.ndarray, row: int, other: int, factor: float) -> None:
    """Subtract a multiple of another row."""
    for k in range(matrix.shape[1]):
        matrix[row, k] -= factor * matrix[other, k]


@compiled
def warp(
    source: np.ndarray, back: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Warp a picture, uint8, onto a grid of height x width.

    Parameters
    ----------
    back
        the transform from pixels of the grid to pixels of the picture. Between pixels it is
        interpolated linearly; the border continues for half a pixel.

    Returns
    -------
    warped : float32, height x width; 0 where the picture does not cover the grid
    covered : float32, height x width; 1 where it does, else 0
    """
    warped, covered, _ = warp_squares(pack_squares(source), back, height, width)
    return warped, covered


@compiled
def warp_squares(
    packed: np.ndarray, back: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Warp a picture, as from `pack_squares`, as `warp` does; also tell whether it covers all."""
    warped, covered = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    rows, columns = packed.shape
    squares, last_column, last_row, covers_all = packed.ravel(), columns - 1.0, rows - 1.0, True
    last_left, last_top = np.int32(max(0, columns - 2)), np.int32(max(0, rows - 2))
    places, four, byte = np.empty(width, np.int32), np.empty(width, np.uint32), np.uint32(255)
    part, down = np.empty(width, np.float32), np.empty(width, np.float32)
    for y in range(height):
        u_row, v_row = back[0, 1] * y + back[0, 2], back[1, 1] * y + back[1, 2]
        first, end = 0, width  # the covered pixels of a row are connected
        while first < end and not is_within(
            back[0, 0] * first + u_row, back[1, 0] * first + v_row, columns, rows
        ):
            first += 1
        while end > first and not is_within(
            back[0, 0] * (end - 1) + u_row, back[1, 0] * (end - 1) + v_row, columns, rows
        ):
            end -= 1
        covers_all &= end - first == width
        # several loops from 0 on, so that the compiler can use vector instructions in most of them
        for x in range(end - first):
            u, v = back[0, 0] * (x + first) + u_row, back[1, 0] * (x + first) + v_row
            u = 0.0 if u < 0.0 else u
            u = last_column if u > last_column else u
            v = 0.0 if v < 0.0 else v
            v = last_row if v > last_row else v
            left, top = np.int32(u), np.int32(v)
            left = last_left if left > last_left else left
            top = last_top if top > last_top else top
            part[x], down[x] = np.float32(u - left), np.float32(v - top)
            places[x] = top * np.int32(columns) + left
        for x in range(end - first):
            four[x] = squares[np.uint64(places[x])]
        warped_row, covered_row = warped[y, first:end], covered[y, first:end]
        for x in range(end - first):
            a, b = (
                np.float32(np.int32(four[x] & byte)),
                np.float32(np.int32(four[x] >> np.uint32(8) & byte)),
            )
            c, d = (
                np.float32(np.int32(four[x] >> np.uint32(16) & byte)),
                np.float32(np.int32(four[x] >> np.uint32(24))),
            )
            above = a + part[x] * (b - a)
            warped_row[x] = above + down[x] * (c + part[x] * (d - c) - above)
            covered_row[x] = 1
    return warped, covered, covers_all


@compiled
def pack_squares(picture: np.ndarray) -> np.ndarray:
    """Return each pixel of a picture, uint8, with its three neighbours in one number, uint32.

    The neighbours are at the right, below, and below at the right. So one memory access reads all
    four. The last row is its own lower neighbour. The last column has no right neighbours: they are
    read only in a picture of a single column, and have no weight there.
    """
    rows, columns = picture.shape
    squares, last = np.empty((rows, columns), np.uint32), columns - 1
    for y in range(rows):
        here, below, row = picture[y], picture[min(y + 1, rows - 1)], squares[y]
        for x in range(last):
            row[x] = here[x] | np.uint32(here[x + 1]) << np.uint32(8)
        for x in range(last):
            row[x] |= np.uint32(below[x]) << np.uint32(16) | np.uint32(below[x + 1]) << np.uint32(
                24
            )
        row[last] = here[last] | np.uint32(below[last]) << np.uint32(16)
    return squares


@compiled
def is_within(u: float, v: float, columns: int, rows: int) -> bool:
    """Whether a place is on a picture; pixels reach half a pixel around their centres."""
    return -0.5 <= u <= columns - 0.5 and -0.5 <= v <= rows - 0.5


@compiled
def blur_inside(picture: np.ndarray, covered: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Blur a picture, float32, by one pixel; pixels that are not covered have no weight.

    `weights` is `covered`, blurred.
    """
    height, width = picture.shape
    seen = np.empty((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            seen[y, x] = picture[y, x] * covered[y, x]
    blurred = blur(seen)
    for y in range(height):
        for x in range(width):
            blurred[y, x] /= max(weights[y, x], np.float32(1e-3))
    return blurred


@compiled
def blur(plane: np.ndarray) -> np.ndarray:
    """Blur a plane, float32, by one pixel; beyond the border its last pixels continue."""
    height, width = plane.shape
    middle, near, far = (
        np.float32(BLUR_WEIGHTS[0]),
        np.float32(BLUR_WEIGHTS[1]),
        np.float32(BLUR_WEIGHTS[2]),
    )
    blurred, down = np.empty((height, width), np.float32), np.empty(width + 4, np.float32)
    for y in range(height):
        # whole rows with two more places on each side, so that the compiler can use vectors
        here, above, below = plane[y], plane[max(y - 1, 0)], plane[min(y + 1, height - 1)]
        high, low, row = plane[max(y - 2, 0)], plane[min(y + 2, height - 1)], blurred[y]
        for x in range(width):
            down[x + 2] = middle * here[x] + near * (above[x] + below[x]) + far * (high[x] + low[x])
        down[0] = down[1] = down[2]
        down[width + 2] = down[width + 3] = down[width + 1]
        for x in range(width):
            row[x] = (
                middle * down[x + 2]
                + near * (down[x + 1] + down[x + 3])
                + far * (down[x] + down[x + 4])
            )
    return blurred


@compiled
def sum_cells(warped: np.ndarray, covered: np.ndarray, target: np.ndarray, cell: int) -> np.ndarray:
    """Return the sums over cells that `block_correlations` needs, float64, rows x columns x 15.

    A cell is cell x cell pixels.
    """
    rows, columns = warped.shape[0] // cell, warped.shape[1] // cell
    width, last = columns * cell, warped.shape[1] - 1
    sums = np.zeros((rows, columns, 15))
    if columns == 0:  # thinner than a cell: compiled loops would write beyond the empty rows below
        return sums
    strip = np.zeros((15, width), np.float32)
    a, b = np.empty(width, np.float32), np.empty(width, np.float32)
    gx, gy = np.empty(width, np.float32), np.empty(width, np.float32)
    half, middle = np.float32(0.5), np.float32(128)
    for row in range(rows):
        strip[:] = 0
        for y in range(row * cell, (row + 1) * cell):
            # loops over whole rows without branches, so that the compiler can use vectors
            above, below = max(y - 1, 0), min(y + 1, warped.shape[0] - 1)
            for x in range(width):
                a[x], b[x] = warped[y, x] - middle, target[y, x] - middle
                gy[x] = half * (target[below, x] - target[above, x])
            for x in range(1, min(width, last)):
                gx[x] = half * (target[y, x + 1] - target[y, x - 1])
            for x in (0, width - 1):
                gx[x] = half * (target[y, min(x + 1, last)] - target[y, max(x - 1, 0)])
            for x in range(width):
                strip[0, x] += covered[y, x]
                strip[1, x] += a[x]
                strip[2, x] += b[x]
                strip[3, x] += a[x] * a[x]
                strip[4, x] += b[x] * b[x]
                strip[5, x] += a[x] * b[x]
                strip[6, x] += gx[x]
                strip[7, x] += gy[x]
            for x in range(width):
                strip[8, x] += gx[x] * gx[x]
                strip[9, x] += gx[x] * gy[x]
                strip[10, x] += gy[x] * gy[x]
                strip[11, x] += gx[x] * a[x]
                strip[12, x] += gy[x] * a[x]
                strip[13, x] += gx[x] * b[x]
                strip[14, x] += gy[x] * b[x]
        _add_strip(sums[row], strip, cell)
    return sums


@compiled
def sum_cells_again(
    warped: np.ndarray, target: np.ndarray, of_target: np.ndarray, cell: int
) -> np.ndarray:
    """Return what `sum_cells` does where the warped picture covers all, in half of its time.

    of_target : the sums of the target with anything that covers all of it.
    """
    rows, columns = of_target.shape[0], of_target.shape[1]
    width, last = columns * cell, target.shape[1] - 1
    sums = of_target.copy()
    if columns == 0:
        return sums
    strip, five = np.zeros((5, width), np.float32), np.empty((columns, 5))
    gx = np.empty(width, np.float32)
    half, middle = np.float32(0.5), np.float32(128)
    for row in range(rows):
        strip[:] = 0
        for y in range(row * cell, (row + 1) * cell):
            here, there = warped[y], target[y]
            above, below = target[max(y - 1, 0)], target[min(y + 1, target.shape[0] - 1)]
            for x in range(1, min(width, last)):
                gx[x] = half * (there[x + 1] - there[x - 1])
            for x in (0, width - 1):
                gx[x] = half * (there[min(x + 1, last)] - there[max(x - 1, 0)])
            for x in range(width):
                a = here[x] - middle
                strip[0, x] += a
                strip[1, x] += a * a
                strip[2, x] += a * (there[x] - middle)
                strip[3, x] += gx[x] * a
                strip[4, x] += half * (below[x] - above[x]) * a
        _add_strip(five, strip, cell)
        for column in range(columns):
            sums[row, column, 1], sums[row, column, 3] = five[column, 0], five[column, 1]
            sums[row, column, 5] = five[column, 2]
            sums[row, column, 11], sums[row, column, 12] = five[column, 3], five[column, 4]
    return sums


@compiled(inline="always")
def _add_strip(sums: np.ndarray, strip: np.ndarray, cell: int) -> None:
    """Set the sums of a row of cells, columns x kinds, to those of a strip, kinds x pixels."""
    for kind in range(strip.shape[0]):
        line = strip[kind]
        for column in range(sums.shape[0]):
            # in one expression: a loop over the pixels takes twice the time
            x = np.uint64(column * cell)
            total = np.float64(line[x]) + line[x + ONE] + line[x + TWO] + line[x + THREE]
            if cell == LARGE_CELL:
                x += FOUR
                total = total + line[x] + line[x + ONE] + line[x + TWO] + line[x + THREE]
            sums[column, kind] = total


@compiled
def block_correlations(
    sums: np.ndarray, cell: int, min_step_correlation: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the correlation and the shift of each block, and a better transform.

    A block is 2 x 2 cells. Blocks with at least `min_step_correlation` move the transform.

    Returns
    -------
    correlation : float32, rows x columns
        NaN where a block is not covered, or flat in both pictures.
    off : float32, rows x columns
        pixels by which a block is shifted (Lucas and Kanade 1981).
    step : float64, 2 x 3
        by how many pixels the warped picture should be read elsewhere, at (x, y, 1): the least
        squares of all blocks that correlate.
    """
    rows, columns = max(0, sums.shape[0] - 1), max(0, sums.shape[1] - 1)
    correlation, off = (
        np.full((rows, columns), np.nan, np.float32),
        np.full((rows, columns), np.nan, np.float32),
    )
    left, right, n = np.zeros((6, 6)), np.zeros((6, 1)), 4 * cell * cell
    s = np.zeros(15)
    for row in range(rows):
        for column in range(columns):
            for kind in range(15):
                s[kind] = sums[row, column, kind] + sums[row, column + 1, kind]
                s[kind] += sums[row + 1, column, kind] + sums[row + 1, column + 1, kind]
            mean_a, mean_b = s[1] / n, s[2] / n
            var_a, var_b = max(s[3] / n - mean_a**2, 1e-3), max(s[4] / n - mean_b**2, 1e-3)
            if s[0] < 0.98 * n or max(var_a, var_b) <= MIN_VARIANCE:
                continue
            spread = math.sqrt(var_a * var_b)
            correlation[row, column] = (s[5] / n - mean_a * mean_b) / (spread + 1e-3)
            contrast = math.sqrt(var_b / var_a)
            pull_x = (s[13] - mean_b * s[6]) - contrast * (s[11] - mean_a * s[6])
            pull_y = (s[14] - mean_b * s[7]) - contrast * (s[12] - mean_a * s[7])
            hold = EDGE_DAMPING * (s[8] + s[10]) / 2 + NOISE_DAMPING * n
            xx, xy, yy = s[8] + hold, s[9], s[10] + hold
            area = xx * yy - xy * xy
            dx, dy = (yy * pull_x - xy * pull_y) / area, (xx * pull_y - xy * pull_x) / area
            off[row, column] = math.sqrt(dx * dx + dy * dy)
            if correlation[row, column] < min_step_correlation:
                continue
            # a block with a large shift has less weight: it may show what moved
            weight = 1 / (var_b * n) / max(1.0, off[row, column])
            known = ((column + 1) * cell - 0.5, (row + 1) * cell - 0.5, 1.0)
            for i in range(3):
                for j in range(3):
                    product = weight * known[i] * known[j]
                    left[i, j] += product * s[8]
                    left[i, j + 3] += product * s[9]
                    left[i + 3, j] += product * s[9]
                    left[i + 3, j + 3] += product * s[10]
                right[i, 0] += weight * known[i] * pull_x
                right[i + 3, 0] += weight * known[i] * pull_y
    step = np.zeros((2, 3))
    # directions without edges stay nearly as they are
    for k in range(3):
        hold = 1e-3 * (left[k, k] + left[k + 3, k + 3]) + 1e-9
        left[k, k] += hold
        left[k + 3, k + 3] += hold
    if solve(left, right) != 0:
        for k in range(3):
            step[0, k], step[1, k] = right[k, 0], right[k + 3, 0]
    return correlation, off, step


@compiled(short=True)
def count_textured(correlation: np.ndarray) -> int:
    """Count the textured blocks."""
    n = 0
    for row in range(correlation.shape[0]):
        for column in range(correlation.shape[1]):
            n += not math.isnan(correlation[row, column])
    return n


@compiled(short=True)
def median_and_min(correlation: np.ndarray) -> tuple[float, float]:
    """Return the median and the minimum of the textured blocks; there must be at least one.

    Of two values in the middle, the median is the higher one.
    """
    known, n, least = np.empty(correlation.size), 0, math.inf
    for value in correlation.ravel():
        if not math.isnan(value):
            known[n] = value
            n += 1
            least = min(least, float(value))
    return quickselect(known, n, n // 2), least


@compiled(short=True)
def share_agreeing(correlations: np.ndarray, min_correlation: float) -> float:
    """Return the share of the textured blocks, float32, n, that match; NaN if there are none."""
    n, agreeing = 0, 0
    for value in correlations:
        n += not math.isnan(value)
        agreeing += value >= min_correlation
    return agreeing / n if n else math.nan


@compiled
def count_all_textured(grey: np.ndarray, cell: int) -> int:
    """Count the textured blocks of a whole picture, uint8; `cell` is a constant of `bands`.

    numba would compile the loops once more for the constant itself.
    """
    plain = blur(grey.astype(np.float32))
    sums = sum_cells(plain, np.ones_like(plain), plain, cell)
    return count_textured(block_correlations(sums, cell, 1.0)[0])


@compiled(short=True)
def share_and_residual(
    correlation: np.ndarray, off: np.ndarray, min_correlation: float
) -> tuple[float, float]:
    """Return the share of the blocks that match, and their residual: the median of their shifts."""
    residual, n = np.empty(correlation.size), 0
    for row in range(correlation.shape[0]):
        for column in range(correlation.shape[1]):
            if correlation[row, column] >= min_correlation:
                residual[n] = off[row, column]
                n += 1
    if n == 0:
        return 0.0, math.inf
    return n / count_textured(correlation), (
        quickselect(residual, n, (n - 1) // 2) + quickselect(residual, n, n // 2)
    ) / 2


@compiled(short=True)
def ramp(value: float, low: float, high: float) -> float:
    """Return 0 up to `low`, 1 from `high` on, linear between them; `low` may be the larger one."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


@compiled
def judge_flat_blocks(sums: np.ndarray, cell: int, correlation: np.ndarray) -> tuple[float, float]:
    """Set flat blocks of another brightness to 0 in `correlation`, if few blocks are textured.

    The brightness and contrast of the whole picture may have changed: a line through the means of
    all blocks gives the expected brightness.

    Returns
    -------
    sparse : 0 to 1, how few of the covered blocks are textured
    shade : 0 to 1, how much the brightness of the flat blocks has changed
    """
    n, blocks, textured = 4.0 * cell * cell, 0, 0
    mean, square = np.zeros(2), np.zeros(2)  # of a and b; of a * a and a * b
    means = np.full((correlation.shape[0], correlation.shape[1], 2), np.nan)
    for row in range(correlation.shape[0]):
        for column in range(correlation.shape[1]):
            covered, a, b = 0.0, 0.0, 0.0
            for k in range(4):
                covered += sums[row + k // 2, column + k % 2, 0]
                a += sums[row + k // 2, column + k % 2, 1] / n
                b += sums[row + k // 2, column + k % 2, 2] / n
            if covered < 0.98 * n:
                continue
            means[row, column, 0], means[row, column, 1] = a, b
            mean[0], mean[1] = mean[0] + a, mean[1] + b
            square[0], square[1] = square[0] + a * a, square[1] + a * b
            blocks += 1
            textured += not math.isnan(correlation[row, column])
    if blocks == 0 or textured >= ENOUGH_TEXTURE_SHARE * blocks:
        return 0.0, 0.0
    mean[0], mean[1] = mean[0] / blocks, mean[1] / blocks
    spread = max(square[0] / blocks - mean[0] ** 2, 1e-3)
    slope = min(2.0, max(0.5, (square[1] / blocks - mean[0] * mean[1] + 1e-3) / (spread + 1e-3)))
    changed = 0.0
    for row in range(correlation.shape[0]):
        for column in range(correlation.shape[1]):
            a, b = means[row, column, 0], means[row, column, 1]
            if math.isnan(a) or not math.isnan(correlation[row, column]):
                continue
            changed += abs(b - a)
            if abs(b - mean[1] - slope * (a - mean[0])) > MAX_FLAT_DIFFERENCE:
                correlation[row, column] = 0
    return ramp(textured / blocks, ENOUGH_TEXTURE_SHARE, SPARSE_TEXTURE_SHARE), ramp(
        changed / (blocks - textured), NO_DOUBT_SHADE, DOUBT_SHADE
    )


@compiled
def quickselect(values: np.ndarray, n: int, place: int) -> float:
    """Return the value at a place, from 0, of the first n values if sorted; it moves them.

    Quickselect (Hoare 1961).
    """
    low, high = 0, n - 1
    while low < high:
        pivot, i, j = values[(low + high) // 2], low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i, j = i + 1, j - 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            break
    return float(values[place])


@compiled(fastmath={"reassoc", "nsz"})  # sums in any order, so that the compiler can use vectors
def fit_equal(
    one: np.ndarray, other: np.ndarray, steps: int, levels: float, share: float
) -> np.ndarray:
    """Tell which pixels, float32, n, are equal up to the brightness and contrast of the whole.

    These are fitted to the half of the pixels that differ least, and then so many times to those
    that are equal: up to some grey levels, or a share of their contrast.
    """
    n, off, equal = len(one), other - one, np.zeros(len(one), np.float32)
    if n == 0:
        return equal > 0
    middle = np.float32(quickselect(off.copy(), n, n // 2))
    for k in range(n):
        off[k] = abs(off[k] - middle)
    middle = np.float32(quickselect(off.copy(), n, n // 2))
    for k in range(n):
        equal[k] = np.float32(1) if off[k] <= middle else np.float32(0)
    for _ in range(steps):
        inside, mean_a, mean_b = 0.0, 0.0, 0.0
        for k in range(n):
            inside += np.float64(equal[k])
            mean_a += np.float64(equal[k] * one[k])
            mean_b += np.float64(equal[k] * other[k])
        if inside < 2:
            break
        mean_a, mean_b, aa, ab = mean_a / inside, mean_b / inside, 0.0, 0.0
        for k in range(n):
            a = equal[k] * (one[k] - np.float32(mean_a))
            aa += np.float64(a * a)
            ab += np.float64(a * (other[k] - np.float32(mean_b)))
        if aa < inside:  # a spread of less than one level
            break
        slope = ab / aa
        reach = np.float32(max(levels, share * abs(slope) * math.sqrt(aa / inside)))
        expected, per_level = np.float32(mean_b - slope * mean_a), np.float32(slope)
        n_changed = np.float32(0)
        for k in range(n):
            near = abs(other[k] - expected - per_level * one[k]) <= reach
            now = np.float32(1) if near else np.float32(0)
            n_changed += abs(now - equal[k])
            equal[k] = now
        if n_changed == 0:
            break
    return equal > 0


@compiled(short=True)
def similarity_of(share: float, residual: float, doubt: float) -> float:
    """Return the similarity in percent, from the share of blocks that match, residual and doubt.

    The blocks of a copy are where the original has them, to a tenth of a pixel, however it was
    compressed, resized or blurred. In a second photograph of a scene, near things have moved
    relative to far ones, and no transform aligns all of them. So a pair with a residual has at most
    79 percent, and a pair in doubt too. Below 70 percent nothing changes.
    """
    percent = 100.0 * share
    as_shot = min(
        percent,
        MIN_SCENE_SIMILARITY
        + (percent - MIN_SCENE_SIMILARITY)
        * (MAX_SCENE_SIMILARITY - MIN_SCENE_SIMILARITY)
        / (100 - MIN_SCENE_SIMILARITY),
    )
    return percent + max(doubt, ramp(residual, MAX_COPY_RESIDUAL, MIN_SCENE_RESIDUAL)) * (
        as_shot - percent
    )


@compiled
def grid_of(target: np.ndarray, cell: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what is the same for all pictures that are warped onto one, uint8.

    Returns
    -------
    plain, smooth : float32, rows x columns
        the picture, and the same blurred by one pixel.
    sums : of the smooth picture, as from `sum_cells`
    """
    plain = target.astype(np.float32)
    smooth = blur(plain)
    return plain, smooth, sum_cells(smooth, np.ones_like(smooth), smooth, cell)


@compiled
def refine_blocks(
    packed: np.ndarray,
    plain: np.ndarray,
    smooth: np.ndarray,
    of_target: np.ndarray,
    back: np.ndarray,
    cell: int,
    min_correlation: float,
) -> tuple[np.ndarray, float, float, float, np.ndarray, int]:
    """Warp source onto target several times, each time better; return the best.

    Parameters
    ----------
    packed
        the source, as from `pack_squares`.
    plain, smooth, of_target
        the target, as from `grid_of` for `cell`.
    back
        the transform from target to source, in pixels.
    cell
        of the blocks; `SMALL_CELL` is used if it gives too few blocks.
    min_correlation
        from which a block matches.

    Returns
    -------
    correlation : float32, rows x columns, as from `block_correlations`
    percent : see `similarity_of`
    residual : pixels by which matching blocks are shifted, the median; infinite if none matches
    doubt : 0 to 1, of nearly flat pictures: flat blocks differ, or textured ones do not match
    back : the best transform from target to source
    cell : the one that was used
    """
    height, width = plain.shape
    best, best_percent, best_residual, best_doubt = (
        np.zeros((0, 0), np.float32),
        -1.0,
        math.inf,
        0.0,
    )
    found, now, used = back.copy(), back.copy(), cell
    for _ in range(MAX_STEPS):
        warped, covered, covers_all = warp_squares(packed, now, height, width)
        if covers_all:  # all weights are 1
            warped, there = blur(warped), smooth
        else:
            weights = blur(covered)
            warped = blur_inside(warped, covered, weights)
            there = blur_inside(plain, covered, weights)
        sums = (
            sum_cells_again(warped, smooth, of_target, cell)
            if covers_all and used == cell
            else sum_cells(warped, covered, there, used)
        )
        correlation, off, step = block_correlations(sums, used, MIN_STEP_CORRELATION)
        if used != SMALL_CELL and count_textured(correlation) < MIN_LARGE_BLOCKS:
            # not the constant itself, for which numba would compile the loops once more
            used, best_percent, best_residual = min(cell, SMALL_CELL), -1.0, math.inf
            sums = sum_cells(warped, covered, there, used)
            correlation, off, step = block_correlations(sums, used, MIN_STEP_CORRELATION)
        sparse, shade = judge_flat_blocks(sums, used, correlation)
        share, residual = share_and_residual(correlation, off, min_correlation)
        doubt = ramp(count_textured(correlation), NO_DOUBT_BLOCKS, DOUBT_BLOCKS)
        if sparse > 0:
            doubt = max(
                doubt,
                sparse
                * max(
                    shade,
                    ramp(
                        share_and_residual(correlation, off, MIN_SURE_CORRELATION)[0],
                        NO_DOUBT_SHARE,
                        DOUBT_SHARE,
                    ),
                ),
            )
        percent = similarity_of(share, residual, doubt)
        if percent > best_percent or (percent == best_percent and residual < best_residual):
            best, best_percent, best_residual, best_doubt = correlation, percent, residual, doubt
            copy_transform(now, found)
        farthest = 0.0
        for x, y in ((0, 0), (width, 0), (0, height), (width, height)):
            for axis in range(2):
                farthest = max(farthest, abs(step[axis, 0] * x + step[axis, 1] * y + step[axis, 2]))
        if farthest < MIN_STEP_PIXELS or farthest > max(height, width) / 4:
            break
        for axis in range(2):
            a, b = now[axis, 0], now[axis, 1]
            for column in range(3):
                now[axis, column] += a * step[0, column] + b * step[1, column]
    return best, best_percent, best_residual, best_doubt, found, used

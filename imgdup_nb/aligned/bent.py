"""Two pictures, one of them bent: by a lens, by its correction, by curved paper, by an app.

No straight transform aligns them: the blocks match, but with a residual, as in a second photograph.
A polynomial in x and y takes the bend away. Its start is found from the optical flow between both
pictures made small, which costs a quarter of the flow at full size. Then the shifts of the blocks
improve it step by step (Lucas and Kanade 1981). It leaves the blocks of a copy where they are,
nearly all to a fifth of a pixel. In a second photograph, near things have moved against far ones,
which is no smooth bend: some blocks stay shifted.
"""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..engine.features import Features, import_cv2, one_cv2_thread
from .agreement import NOTHING, Alignment, grids_of, share_of
from .bands import (
    LARGE_CELL,
    MAX_IMPERFECT_SIMILARITY,
    MIN_CORRELATION,
    MIN_LARGE_BLOCKS,
    MIN_STEP_CORRELATION,
    MIN_SURE_CORRELATION,
    SMALL_OVERLAP,
)

# of the polynomial, one for each step: a lens bends by the third power; ripples need more
DEGREES = 3, 3, 5, 5, 5, 5, 5, 5
MIN_STRAIGHT_PERCENT = 40.0  # of the blocks that must match before, without any bend
# a bend whose worst tenth is shifted by more pixels after so many steps will not fit
MANY_STEPS, MAX_LATE_SHIFT = 4, 0.42
MIN_STEP_BLOCKS = 12  # that correlate; fewer do not tell a step
HOLD = 3e-5  # of the mean strength of edges; what no edge tells stays as it was
# shift of matching blocks in pixels, that of the worst tenth: of a copy; of a second photograph
MAX_BENT_SHIFT, MIN_SECOND_SHIFT, WORST_PERCENT = 0.18, 0.2, 90
MIN_SURE_BENT_SHARE = 0.85  # of the blocks that must match without any doubt
# where the flow is read: every so many pixels, where the summed squared gradient is so strong
FLOW_STEP, MIN_GRADIENT, MIN_FLOW_PLACES = 4, 400.0, 60
N_REWEIGHTINGS, MIN_FIT_REACH = 5, 0.3  # of the weights of far places; pixels that count as near

_of_thread = threading.local()  # its finders of flows keep their memory, else a sixth longer


class Bent(NamedTuple):
    """How one picture matches another after a bend; `shift` is that of the worst tenth."""

    similarity: float
    shift: float
    blocks: np.ndarray
    residual: float


def align_bent(first: Features, second: Features, found: Alignment) -> Alignment:
    """Align two pictures by a polynomial, from the affine transform that was found.

    Either picture may be the bent one, so both are warped onto the other.
    """
    if (
        found.transform is None
        or found.matches == 0
        or found.agreeing < MIN_STRAIGHT_PERCENT
        or min(found.overlap_left, found.overlap_right) < SMALL_OVERLAP
    ):
        return NOTHING
    best, frame = None, found.frame
    for onto in ("right", "left"):
        bent = _bend(*grids_of(replace(found, frame=onto), first, second))
        if bent is not None and (best is None or bent.similarity > best.similarity):
            best, frame = bent, onto
        if best is not None and best.similarity >= MAX_IMPERFECT_SIMILARITY:
            break
    if best is None or best.shift >= MIN_SECOND_SHIFT:
        return NOTHING
    return replace(
        found,
        similarity=min(best.similarity, MAX_IMPERFECT_SIMILARITY),
        blocks=best.blocks,
        residual=best.residual,
        frame=frame,
        cell=LARGE_CELL,
        min_correlation=MIN_CORRELATION,
        doubt=0.0,
        treatment="bend",
    )


def _bend(grey: np.ndarray, there: np.ndarray, back: np.ndarray) -> Bent | None:
    """Warp one picture onto the grid of the other by polynomials, each better; judge the best one.

    The pictures and the transform are those of `grids_of`. None if too few blocks match.
    """
    from .warp_loops import block_correlations

    straight = _straight_places(back, there.shape)
    bend = _first_bend(grey, there, straight, back)
    best = None
    for step, degree in enumerate(DEGREES):
        if bend is None:
            break
        places = straight + _bend_shifts(bend, there.shape) @ back[:, :2].T
        sums = _sum_places(grey, there, places.astype(np.float32))
        blocks, off, _ = block_correlations(sums, LARGE_CELL, MIN_STEP_CORRELATION)
        judged = _judge_blocks(blocks, off)
        if judged is None:
            break
        if best is None or (judged.similarity, -judged.shift) > (best.similarity, -best.shift):
            best = judged
        if best.similarity >= MAX_IMPERFECT_SIMILARITY:
            break
        if step >= MANY_STEPS and judged.shift > MAX_LATE_SHIFT:
            break
        if np.count_nonzero(blocks >= MIN_STEP_CORRELATION) < MIN_STEP_BLOCKS:
            break
        bend = bend + _block_step(sums, blocks, off, there.shape, degree)
    return best


def _straight_places(back: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return where an affine transform reads each pixel of a grid, float64, height x width x 2."""
    ys, xs = (np.arange(side, dtype=np.float64) for side in shape)
    return np.dstack([back[k, 0] * xs + (back[k, 1] * ys + back[k, 2])[:, None] for k in (0, 1)])


# -- polynomials: float64, 2 x 6 x 6, of x and y the factors of y**j * x**i, pixels; sides are 1


def _powers(places: np.ndarray, side: int) -> np.ndarray:
    """Return the powers of places along a side in pixels, n x 6."""
    return np.vander(2 * places / max(1, side - 1) - 1, max(DEGREES) + 1, increasing=True)


@lru_cache(16)
def _side_powers(side: int) -> np.ndarray:
    return _powers(np.arange(side), side)


def _bend_shifts(bend: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return by how much a polynomial moves each pixel of a grid, height x width x 2."""
    return np.dstack([_side_powers(shape[0]) @ each @ _side_powers(shape[1]).T for each in bend])


def _terms(xs: np.ndarray, ys: np.ndarray, shape: tuple[int, ...], degree: int) -> np.ndarray:
    """Return the terms of a polynomial up to a degree at some places, n_places x n_terms."""
    down, across = _exponents(degree)
    return _powers(ys, shape[0])[:, down] * _powers(xs, shape[1])[:, across]


@lru_cache(16)
def _block_terms(shape: tuple[int, ...], degree: int) -> np.ndarray:
    """Return the terms in the middle of each block of a grid, n_blocks x n_terms."""
    ys, xs = ((np.arange(1, side // LARGE_CELL)) * LARGE_CELL - 0.5 for side in shape)
    return _terms(np.tile(xs, len(ys)), ys.repeat(len(xs)), shape, degree)


@lru_cache(len(DEGREES))
def _exponents(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the exponents of y and x of all terms up to a degree."""
    down, across = np.mgrid[0 : degree + 1, 0 : degree + 1].reshape(2, -1)
    return down[down + across <= degree], across[down + across <= degree]


def _as_bend(factors: np.ndarray, degree: int) -> np.ndarray:
    """Return a polynomial; factors : n_terms x 2."""
    bend = np.zeros((2, max(DEGREES) + 1, max(DEGREES) + 1))
    bend[:, *_exponents(degree)] = factors.T
    return bend


# -- the start of a polynomial, and its steps ------------------------------------------------------


def _first_bend(
    grey: np.ndarray, there: np.ndarray, straight: np.ndarray, back: np.ndarray
) -> np.ndarray | None:
    """Return the polynomial that fits the flow from a grid to a picture read on it.

    None if the flow is known in too few places.
    """
    cv2, places = import_cv2(), straight.astype(np.float32)
    warped = cv2.remap(grey, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    chosen = _textured_places(there) & lie_inside(places, grey.shape)
    if np.count_nonzero(chosen) < MIN_FLOW_PLACES:
        return None
    flow = flow_between(there, warped, finest=1)[chosen].astype(np.float64)
    ys, xs = np.nonzero(chosen)
    return _as_bend(fit_robustly(_terms(xs, ys, there.shape, DEGREES[0]), flow), DEGREES[0])


def _block_step(
    sums: np.ndarray, blocks: np.ndarray, off: np.ndarray, shape: tuple[int, ...], degree: int
) -> np.ndarray:
    """Return the polynomial by which the blocks that correlate must be read elsewhere.

    The least squares of their pixels, as in `block_correlations`, which returns `blocks` and `off`.
    """
    used = blocks >= MIN_STEP_CORRELATION
    terms = _block_terms(shape, degree)[used.ravel()]
    of_block = (sums[:-1, :-1] + sums[1:, :-1] + sums[:-1, 1:] + sums[1:, 1:])[used].T
    _, a, b, aa, bb, _, x, y, xx, xy, yy, xa, ya, xb, yb = of_block
    n = (2 * LARGE_CELL) ** 2
    variance = np.maximum(bb / n - (b / n) ** 2, 1e-3)
    contrast = np.sqrt(variance / np.maximum(aa / n - (a / n) ** 2, 1e-3))
    pulls = [
        (with_b - b / n * slope) - contrast * (with_a - a / n * slope)
        for slope, with_a, with_b in ((x, xa, xb), (y, ya, yb))
    ]
    # a block with a large shift has less weight: it may show what moved
    weighed = terms / (variance * n * np.maximum(1, off[used]))[:, None]
    xx, xy, yy = (weighed.T @ (terms * each[:, None]) for each in (xx, xy, yy))
    left = np.block([[xx, xy], [xy, yy]])
    left += HOLD * np.trace(left) / len(left) * np.eye(len(left))
    right = np.concatenate([weighed.T @ pull for pull in pulls])
    return _as_bend(np.linalg.solve(left, right).reshape(2, -1).T, degree)


def flow_between(one: np.ndarray, other: np.ndarray, finest: int = 0) -> np.ndarray:
    """Return where each pixel of a picture, uint8, is in another one: x and y, float32.

    By OpenCV's dense inverse search (Kroeger et al. 2016), at the full size, or made so many times
    half as large.
    """
    name = f"finder_{finest}"
    finder = getattr(_of_thread, name, None)
    if finder is None:
        cv2 = import_cv2()
        finder = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        finder.setFinestScale(finest)
        setattr(_of_thread, name, finder)
    with one_cv2_thread():  # the flow depends on the number of threads
        return finder.calc(one, other, None)


def _textured_places(there: np.ndarray) -> np.ndarray:
    """Tell of which pixels of a grid the flow is read, bool: some in each textured block."""
    cv2 = import_cv2()
    across, down = (cv2.Sobel(there, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1)))
    strength = cv2.boxFilter(across * across + down * down, -1, (9, 9))
    chosen = np.zeros(there.shape, bool)
    half = FLOW_STEP // 2
    chosen[half::FLOW_STEP, half::FLOW_STEP] = True
    return chosen & (strength > MIN_GRADIENT)


def lie_inside(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Tell which places, height x width x 2, are inside a picture; bool, height x width."""
    x, y = places[..., 0], places[..., 1]
    return (x >= -0.5) & (x <= shape[1] - 0.5) & (y >= -0.5) & (y <= shape[0] - 0.5)


def fit_robustly(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the least squares of most rows: those far off have little weight.

    known : n x m, wanted : n x 2

    Examples
    --------
    >>> known = np.column_stack([np.ones(100), np.arange(100.0)])
    >>> wanted = known @ [[1.0, 2], [3, 4]]
    >>> wanted[::10] += 50
    >>> fit_robustly(known, wanted).round(3)
    array([[1., 2.],
           [3., 4.]])
    """
    weights = np.ones(len(known))
    found = np.zeros((known.shape[1], wanted.shape[1]))
    hold = 1e-6 * np.eye(known.shape[1])
    for _ in range(N_REWEIGHTINGS):
        weighed = known * weights[:, None]
        found = np.linalg.solve(known.T @ weighed + hold, weighed.T @ wanted)
        off = np.linalg.norm(wanted - known @ found, axis=1)
        reach = max(MIN_FIT_REACH, 1.5 * float(np.median(off)))
        weights = 1 / (1 + (off / reach) ** 2) ** 2
    return found


def _judge_blocks(blocks: np.ndarray, off: np.ndarray) -> Bent | None:
    """Judge the correlations and shifts of blocks; None if too few of them match."""
    from .warp_loops import count_textured, ramp, share_and_residual, similarity_of

    share, residual = share_and_residual(blocks, off, MIN_CORRELATION)
    if count_textured(blocks) < MIN_LARGE_BLOCKS or math.isinf(residual):
        return None
    shift = float(np.percentile(off[blocks >= MIN_CORRELATION], WORST_PERCENT))
    unsure = share_of(blocks, MIN_SURE_CORRELATION) < MIN_SURE_BENT_SHARE
    doubt = 1.0 if unsure else ramp(shift, MAX_BENT_SHIFT, MIN_SECOND_SHIFT)
    return Bent(similarity_of(share, residual, doubt), shift, blocks, residual)


def compare_places(
    grey: np.ndarray, there: np.ndarray, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the correlation and the shift of each block of a grid and a picture read at places.

    As from `block_correlations`.
    """
    from .warp_loops import block_correlations

    sums = _sum_places(grey, there, places)
    return block_correlations(sums, LARGE_CELL, MIN_STEP_CORRELATION)[:2]


def _sum_places(grey: np.ndarray, there: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the sums of cells of a grid and a picture read at places, as from `sum_cells`."""
    from .warp_loops import blur, blur_inside, sum_cells

    cv2 = import_cv2()
    warped = cv2.remap(grey, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    covered = lie_inside(places, grey.shape).astype(np.float32)
    weights = blur(covered)
    one, other = (
        blur_inside(plane.astype(np.float32), covered, weights) for plane in (warped, there)
    )
    return sum_cells(one, covered, other, LARGE_CELL)

"""Two pictures, one of them bent: by a lens, by its correction, by curved paper, by an app.

No straight transform aligns them: the blocks match, but with a residual, as in a second photograph.
A polynomial in x and y, found from the optical flow, takes the bend away. It leaves the blocks of a
copy where they are, nearly all to a fifth of a pixel. In a second photograph, near things have
moved against far ones, which is no smooth bend: some blocks stay shifted.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
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

DEGREES = 3, 5  # of the polynomial: a lens bends by the third power; ripples need more
KEPT_SHIFT = 0.95  # a step that leaves more of the shift is the last one
MAX_STEPS_A_DEGREE = 3  # each finds the flow that is left, and adds it to the polynomial
MIN_STRAIGHT_PERCENT = 40.0  # of the blocks that must match before, without any bend
# shift of matching blocks in pixels, that of the worst tenth: of a copy; of a second photograph
MAX_BENT_SHIFT, MIN_SECOND_SHIFT, WORST_PERCENT = 0.2, 0.25, 90
MIN_SURE_BENT_SHARE = 0.85  # of the blocks that must match without any doubt
# where the flow is read: every so many pixels, where the summed squared gradient is so strong
FLOW_STEP, MIN_GRADIENT, MIN_FLOW_PLACES = 4, 400.0, 60
N_REWEIGHTINGS, MIN_FIT_REACH = 5, 0.3  # of the weights of far places; pixels that count as near

_of_thread = threading.local()  # its finder of flows keeps its memory, which takes a sixth longer


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
    unbent: dict[str, Unbent] = {}
    for degree in DEGREES:
        for onto in ("right", "left"):
            if onto not in unbent:
                unbent[onto] = _unbent(*grids_of(replace(found, frame=onto), first, second))
            bent = _bend(unbent[onto], degree)
            if bent is not None and (best is None or bent.similarity > best.similarity):
                best, frame = bent, onto
            if best is not None and best.similarity >= MAX_IMPERFECT_SIMILARITY:
                break
        if best is None or best.similarity >= MAX_IMPERFECT_SIMILARITY:
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


class Unbent(NamedTuple):
    """Two grey pictures before any bend, one of them read on the grid of the other.

    Attributes
    ----------
    grey, there : uint8, the picture that is read, and the one with the grid
    back : float64, 2 x 3, the transform from pixels of the grid to those of the other picture
    places : float64, height x width x 2, where each pixel of the grid is read
    textured : bool, height x width, of which pixels the flow is read
    chosen : those inside the other picture
    flow : from the grid to what is read; None if too few pixels are chosen
    """

    grey: np.ndarray
    there: np.ndarray
    back: np.ndarray
    places: np.ndarray
    textured: np.ndarray
    chosen: np.ndarray
    flow: np.ndarray | None


def _unbent(grey: np.ndarray, there: np.ndarray, back: np.ndarray) -> Unbent:
    """Read a grey picture on the grid of another one, and find the flow between them."""
    height, width = there.shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float64)
    places = np.dstack([back[k, 0] * xs + back[k, 1] * ys + back[k, 2] for k in (0, 1)])
    textured = _textured_places(there)
    chosen, flow = _read_flow(grey, there, places.astype(np.float32), textured)
    return Unbent(grey, there, back, places, textured, chosen, flow)


def _bend(unbent: Unbent, degree: int) -> Bent | None:
    """Warp one picture onto the other by polynomials, and judge the best one; None if none fits."""
    best = None
    for places in _bends(unbent, degree):
        judged = _judge_places(unbent.grey, unbent.there, places)
        if judged is None:
            break
        gains = best is None or judged.shift < KEPT_SHIFT * best.shift
        if best is None or (judged.similarity, -judged.shift) > (best.similarity, -best.shift):
            best = judged
        if best.similarity >= MAX_IMPERFECT_SIMILARITY or not gains:
            break
    return best


def _bends(unbent: Unbent, degree: int) -> Iterator[np.ndarray]:
    """Yield where each pixel of a grid is read in the other picture, each time better.

    float32, height x width x 2; the first one has a bend already.
    """
    grey, there, back, straight, textured, chosen, flow = unbent
    powers = _powers(*there.shape, degree)
    places, bend = straight.astype(np.float32), np.zeros((powers.shape[2], 2))
    for step in range(MAX_STEPS_A_DEGREE):
        if step > 0:
            chosen, flow = _read_flow(grey, there, places, textured)
        if flow is None:
            return
        bend += fit_robustly(powers[chosen], flow[chosen].astype(np.float64) @ back[:, :2].T)
        places = (straight + powers @ bend).astype(np.float32)
        yield places


def _read_flow(
    grey: np.ndarray, there: np.ndarray, places: np.ndarray, textured: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return which pixels of a grid have a flow, bool, and the flow; None if they are too few."""
    cv2 = import_cv2()
    warped = cv2.remap(grey, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    chosen = textured & lie_inside(places, grey.shape)
    if np.count_nonzero(chosen) < MIN_FLOW_PLACES:
        return chosen, None
    return chosen, flow_between(there, warped)


def flow_between(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return where each pixel of a picture, uint8, is in another one: x and y, float32.

    By OpenCV's dense inverse search (Kroeger et al. 2016), at the full size.
    """
    finder = getattr(_of_thread, "finder", None)
    if finder is None:
        cv2 = import_cv2()
        finder = _of_thread.finder = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        finder.setFinestScale(0)
    with one_cv2_thread():  # the flow depends on the number of threads
        return finder.calc(one, other, None)


@lru_cache(16)
def _powers(height: int, width: int, degree: int) -> np.ndarray:
    """Return the products of powers of x and y up to a degree, height x width x n; sides are 1."""
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)
    return np.dstack([x**i * y**j for i in range(degree + 1) for j in range(degree + 1 - i)])


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


def _judge_places(grey: np.ndarray, there: np.ndarray, places: np.ndarray) -> Bent | None:
    """Judge a warped picture on the grid; None if too few blocks match."""
    from .warp_loops import count_textured, ramp, share_and_residual, similarity_of

    blocks, off = compare_places(grey, there, places)
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
    from .warp_loops import block_correlations, blur, blur_inside, sum_cells

    cv2 = import_cv2()
    warped = cv2.remap(grey, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    covered = lie_inside(places, grey.shape).astype(np.float32)
    weights = blur(covered)
    one, other = (
        blur_inside(plane.astype(np.float32), covered, weights) for plane in (warped, there)
    )
    sums = sum_cells(one, covered, other, LARGE_CELL)
    return block_correlations(sums, LARGE_CELL, MIN_STEP_CORRELATION)[:2]

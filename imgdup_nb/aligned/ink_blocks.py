"""One block of a page, placed on another page -> how far their ink differs, and whether by a speck.

Scans have dust. A speck is small and round; another digit differs in strokes, or in several places.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..engine.features import import_cv2

INK_BLOCK, INK_CELL, REACH = 24, 8, 4  # pixels: a block, its cells, and its largest shift
MAX_SPREAD_RATIO = 2.0  # a scan may have more contrast or less, but not more than so many times
MAX_MOVE = 0.7  # pixels by which a block is moved last, for shifts of less than a pixel
SPECK_MARGIN = 6  # pixels around a block; a speck may lie across its edge
# pixels a side of a speck at most, how many times as long as wide, and its least share of all that
# differs in a block
MAX_SPECK_SIDE, MAX_SPECK_STRETCH, MIN_SPECK_SHARE = 5, 1.5, 0.8
MAX_BLANK_SPREAD = 3.0  # grey levels; the noise of bare paper


class Placed(NamedTuple):
    """A block with ink, and where another page matches it best.

    Attributes
    ----------
    inked, other
        the page in which the block has more ink, and the other one, float32.
    place, there
        row and column of the block in each.
    spread, spread_there
        standard deviation of the block in each, grey levels.
    correlation
        of both blocks.
    """

    inked: np.ndarray
    other: np.ndarray
    place: tuple[int, int]
    there: tuple[int, int]
    spread: float
    spread_there: float
    correlation: float


def place_block(pages: Sequence[np.ndarray], place: tuple[int, int]) -> Placed:
    """Search for the block with more ink in the other page, up to REACH pixels away."""
    cv2 = import_cv2()
    top, left = place
    spreads = [float(_block(page, place).std()) for page in pages]
    inked, other = pages if spreads[0] >= spreads[1] else pages[::-1]
    spread = max(spreads)
    end = INK_BLOCK + REACH
    window = other[top - REACH : top + end, left - REACH : left + end]
    correlations = cv2.matchTemplate(window, _block(inked, place), cv2.TM_CCOEFF_NORMED)
    # a place without ink would correlate with everything, and an edge with all steeper edges
    around = _spreads(window)
    correlations[(around * MAX_SPREAD_RATIO < spread) | (around > MAX_SPREAD_RATIO * spread)] = 0
    _, correlation, _, (x, y) = cv2.minMaxLoc(correlations)
    there = top - REACH + y, left - REACH + x
    return Placed(inked, other, place, there, spread, float(around[y, x]), correlation)


def difference_of(placed: Placed) -> float:
    """Return the mean square of the cell that differs most, in shares of the block's variance."""
    cv2 = import_cv2()
    off = _residual(placed, 0)
    cells = cv2.resize(off * off, (INK_BLOCK // INK_CELL,) * 2, interpolation=cv2.INTER_AREA)
    return float(cells.max()) / placed.spread**2


def is_speck(placed: Placed) -> bool:
    """Whether nearly all that differs in a block is one small round place, as of dust.

    On bare paper there may be several. A speck beside a letter may mislead the search, so the block
    is also looked at where it was.
    """
    unmoved = placed._replace(there=placed.place)
    return _differs_by_specks(placed) or _differs_by_specks(unmoved)


def _differs_by_specks(placed: Placed) -> bool:
    off = np.abs(_residual(placed, SPECK_MARGIN))
    core = slice(SPECK_MARGIN, SPECK_MARGIN + INK_BLOCK)
    differs = (off > off[core, core].max() / 2).astype(np.uint8)
    _, labels, boxes, _ = import_cv2().connectedComponentsWithStats(differs, connectivity=8)
    counts = np.bincount(labels[core, core].ravel(), minlength=len(boxes))[1:]
    short, long = np.sort(boxes[1:, 2:4], axis=1).T
    specks = counts[(long <= MAX_SPECK_SIDE) & (long <= MAX_SPECK_STRETCH * short)]
    if not len(specks):
        return False
    n_pixels = specks.sum() if lies_on_paper(placed) else specks.max()
    return bool(n_pixels >= MIN_SPECK_SHARE * counts.sum())


def lies_on_paper(placed: Placed) -> bool:
    """Whether the other page is blank where the block is."""
    return float(_block(placed.other, placed.place).std()) < MAX_BLANK_SPREAD


def _residual(placed: Placed, margin: int) -> np.ndarray:
    """Return how far a block, and so many pixels around it, differs from the other page."""
    from .page_loops import residual_of

    places = np.array([*placed.place, *placed.there], np.int64)
    return residual_of(
        placed.inked, placed.other, places, INK_BLOCK, margin, MAX_SPREAD_RATIO, MAX_MOVE
    )


def _block(page: np.ndarray, place: tuple[int, int]) -> np.ndarray:
    top, left = place
    return page[top : top + INK_BLOCK, left : left + INK_BLOCK]


def _spreads(window: np.ndarray) -> np.ndarray:
    """Return the standard deviation of each block in a window, float32, a row for each shift."""
    cv2 = import_cv2()
    means, squares = (
        cv2.blur(each, (INK_BLOCK, INK_BLOCK), anchor=(0, 0))[: 2 * REACH + 1, : 2 * REACH + 1]
        for each in (window, window * window)
    )
    return np.sqrt(np.maximum(squares - means * means, 0))

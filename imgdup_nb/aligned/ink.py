"""Two pages, one placed on the other -> how many of their blocks have other ink.

Small blocks are compared one by one. Only blocks with ink on a plain ground count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..engine.features import Features, import_cv2
from .agreement import Alignment
from .geometry import apply, compose, determinant, invert, outline, to_pixels
from .ink_blocks import (
    INK_BLOCK,
    INK_CELL,
    MAX_SPREAD_RATIO,
    REACH,
    Placed,
    difference_of,
    is_speck,
    lies_on_paper,
    place_block,
)

MIN_PAGE_AREA = 80_000  # pixels of the smaller page; with fewer, a page cannot be read
MIN_DRAWING_AREA = 4_000  # pixels of a small drawing, such as an icon: it is enlarged
MIN_COVERED_SHARE = 0.5  # of a page; with less in common, MIN_PAGE_AREA pixels are needed
BLUR_SIDE = 9  # pixels that a blur of one pixel reaches over
MIN_INK_SPREAD = 12.0  # grey levels, the standard deviation; a block with less is blank
GROUND_LEVELS, MIN_GROUND_SHARE = 8, 0.4  # a plain ground: two bins of so many levels hold so much
MIN_PAGE_SHARE = 0.45  # of the blocks with ink; two pages have so many on a plain ground
# a block has other ink if its correlation is so much below the median of all blocks, or one of its
# cells differs by so much of the block's own variance, and by so many times the median
MAX_CORRELATION_LOSS, MAX_CELL_DIFFERENCE, MAX_DIFFERENCE_RATIO = 0.25, 0.8, 5.0
# a block that matches so well where it is need not be searched for nearby
MIN_UNMOVED_CORRELATION, MAX_UNMOVED_DIFFERENCE = 0.9, 0.4
# a coarse copy differs everywhere, but half of its blocks by no more than this; other text differs
# everywhere by more, and then each block is judged by itself
MAX_COARSE_DIFFERENCE = 0.3
MIN_CHANGED_BLOCKS = 2  # one may be a speck or a hole
# one block has other ink, such as one digit, if it differs by so many times what 95 % of the blocks
# differ by, and by so much more
MAX_USUAL_RATIO, MAX_USUAL_DIFFERENCE = 3.0, 0.12
# of 95 % of the blocks; grey levels of the noise of bare paper. A scan has more of one of them, or
# so many specks on bare paper: there is dust, and no speck is ink
MAX_CLEAN_DIFFERENCE, MAX_CLEAN_NOISE, MIN_LONE_SPECKS = 0.06, 1.0, 3
NEAR_GROUND = 8  # pixels around a block full of ink, where its ground is looked for
SAMPLED_PAPER = 100  # blocks of bare paper whose noise is measured
SHAPES_REMEMBERED = 16  # of pages whose blocks are remembered


def shrink_page(grey: np.ndarray, area: float) -> np.ndarray:
    """Return a grey picture at so many pixels, uint8; a smaller one as it is."""
    factor = math.sqrt(area / grey.size)
    if factor >= 1:
        return grey
    cv2 = import_cv2()
    size = [max(1, round(side * factor)) for side in grey.shape[1::-1]]
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def _enlarge(target: np.ndarray, onto: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a small drawing, uint8, enlarged, and a transform onto it, enlarged as well."""
    cv2 = import_cv2()
    factor = math.ceil(math.sqrt(MIN_PAGE_AREA / target.size))
    rows, columns = target.shape
    size = (factor * columns, factor * rows)
    large = cv2.resize(target, size, interpolation=cv2.INTER_LINEAR)
    shapes = [to_pixels((columns, rows), page.shape) for page in (target, large)]
    return large, compose(onto, invert(shapes[0]), shapes[1])


class InkChanges(NamedTuple):
    """How many blocks of two pages have other ink.

    Attributes
    ----------
    n_changed
        blocks with other ink; without specks where there is dust.
    n_odd
        blocks that differ more than all others, likewise.
    n_compared
        blocks with ink; 0 if nothing could be compared, or of a small drawing.
    """

    n_changed: int
    n_odd: int
    n_compared: int


NOTHING_COMPARED = InkChanges(0, 0, 0)


def straighten_page(page: np.ndarray, image: Features, bend: np.ndarray) -> np.ndarray:
    """Return a page, uint8, warped by a homography in pixels of its picture's `Features.size`."""
    cv2 = import_cv2()
    to_page = np.vstack([to_pixels(image.size, page.shape), [0, 0, 1]])
    return cv2.warpPerspective(
        page,
        to_page @ bend @ np.linalg.inv(to_page),
        page.shape[1::-1],
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )


def count_changed(
    found: Alignment, left: Features, right: Features, pages: Sequence[np.ndarray]
) -> InkChanges:
    """Count the blocks of two pages, uint8, that have other ink; none if they are no pages.

    The pages are placed on each other by the transform of their alignment. What is sure not to
    change the number is left out: most copies differ in no block.
    """
    from .page_loops import (
        NOT_COVERED,
        SURELY_COVERED,
        are_covered,
        compare_unmoved,
        where_covered,
    )

    assert found.transform is not None
    cv2 = import_cv2()
    source, target = pages
    onto = compose(
        invert(to_pixels(left.size, source.shape)),
        found.transform,
        to_pixels(right.size, target.shape),
    )
    if abs(determinant(onto)) > 1:  # onto the page that shows the overlap in fewer pixels
        source, target, onto = target, source, invert(onto)
    small = shrink_page(source, source.size * abs(determinant(onto)))
    onto = compose(invert(to_pixels(source.shape[1::-1], small.shape)), onto)
    is_small = target.size < MIN_PAGE_AREA
    if is_small:
        if target.size < MIN_DRAWING_AREA:
            return NOTHING_COMPARED
        target, onto = _enlarge(target, onto)
    size = target.shape[1::-1]
    back = invert(onto)
    places = block_places(target.shape, REACH)
    where = where_covered(back, places, INK_BLOCK, REACH, *small.shape)
    places, where = places[where != NOT_COVERED], where[where != NOT_COVERED]
    if not len(places):
        return NOTHING_COMPARED
    warped = cv2.warpAffine(
        small, onto, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    # one pixel of blur, so that the grids of both scans do not count
    weights = cv2.getGaussianKernel(BLUR_SIDE, 1, cv2.CV_32F)
    blurred = [cv2.sepFilter2D(page, cv2.CV_32F, weights, weights) for page in (warped, target)]
    blocks = _Blocks(
        places,
        where,
        *compare_unmoved(
            *blurred, places, INK_CELL, INK_BLOCK // INK_CELL, MAX_SPREAD_RATIO, MIN_INK_SPREAD
        ),
    )
    blocks = blocks.of(blocks.spread >= MIN_INK_SPREAD)
    # a quick look at all that may be covered: mostly no block can have changed
    if not _are_near_ground(blurred, blocks.places[blocks.unsure()]).any():
        n_compared = 0 if is_small else int(np.count_nonzero(blocks.where == SURELY_COVERED))
        return InkChanges(0, 0, n_compared)
    if not _covers(back, small.shape, target.shape):
        covered = cv2.warpAffine(np.ones(small.shape, np.uint8), onto, size)
        if np.count_nonzero(covered) < min(MIN_PAGE_AREA, MIN_COVERED_SHARE * target.size):
            return NOTHING_COMPARED
        blocks = blocks.of(are_covered(covered, blocks.places, INK_BLOCK, REACH))
    blocks.where.fill(SURELY_COVERED)
    if not len(blocks.places):
        return NOTHING_COMPARED
    places, correlation, difference = blocks.places, blocks.correlation, blocks.difference
    unsure = np.flatnonzero(blocks.unsure())
    # no other block can have changed
    near_ground = _are_near_ground(blurred, places[unsure])
    if not near_ground.any():
        return InkChanges(0, 0, 0 if is_small else len(places))
    if are_on_ground(blurred, places).mean() < MIN_PAGE_SHARE:
        return NOTHING_COMPARED
    placed = [place_block(blurred, (top, left)) for top, left in places[unsure].tolist()]
    correlation[unsure] = [each.correlation for each in placed]
    difference[unsure] = [difference_of(each) for each in placed]
    middle = float(np.median(difference))
    most = MAX_CELL_DIFFERENCE
    if middle <= MAX_COARSE_DIFFERENCE:
        most = max(most, MAX_DIFFERENCE_RATIO * middle)
    least = float(np.median(correlation)) - MAX_CORRELATION_LOSS
    usual = float(np.quantile(difference, 0.95))
    odd = difference[unsure] > MAX_USUAL_DIFFERENCE + MAX_USUAL_RATIO * usual
    changed = (difference[unsure] > most) | (correlation[unsure] < least)
    chosen = np.flatnonzero(near_ground & (odd | changed))
    odd, changed, placed = odd[chosen], changed[chosen], [placed[k] for k in chosen]
    are_ink = _are_ink(placed, changed, [source, target], usual)
    n_changed = int(np.count_nonzero(changed & are_ink))
    n_odd = int(np.count_nonzero((odd | changed) & are_ink))
    # too little is seen in a small drawing to be sure that its ink is equal
    return InkChanges(n_changed, n_odd, 0 if is_small else len(places))


def _are_ink(
    placed: Sequence[Placed], changed: np.ndarray, pages: Sequence[np.ndarray], usual: float
) -> np.ndarray:
    """Tell which blocks that differ are not specks of dust, bool; all if there is no dust."""
    are_ink, n_lone = np.ones(len(placed), bool), 0
    for k, block in enumerate(placed):
        if not is_speck(block):
            # mostly these are other pages: specks no longer count
            if np.count_nonzero((changed & are_ink)[: k + 1]) >= MIN_CHANGED_BLOCKS:
                return np.ones(len(placed), bool)
            continue
        are_ink[k] = False
        n_lone += lies_on_paper(block)
    if are_ink.all() or n_lone >= MIN_LONE_SPECKS or usual > MAX_CLEAN_DIFFERENCE:
        return are_ink
    is_noisy = any(noise_of(page) > MAX_CLEAN_NOISE for page in pages)
    return are_ink if is_noisy else np.ones(len(placed), bool)


def noise_of(page: np.ndarray, share: float = 0.5) -> float:
    """Return the standard deviation of bare paper, grey levels; some blocks are sampled.

    This share of them has no more.
    """
    from .page_loops import spreads_of

    places = block_places(page.shape, 0)
    spreads = spreads_of(page, places[:: max(1, len(places) // (4 * SAMPLED_PAPER))], INK_BLOCK)
    bare = spreads[spreads < MIN_INK_SPREAD]
    return float(np.quantile(bare, share)) if len(bare) else 0.0


class _Blocks(NamedTuple):
    """Blocks of two pages, and how they match where they are; see `compare_unmoved`."""

    places: np.ndarray
    where: np.ndarray
    spread: np.ndarray
    correlation: np.ndarray
    difference: np.ndarray

    def of(self, chosen: np.ndarray) -> _Blocks:
        """Return some of the blocks."""
        return _Blocks(*(values[chosen] for values in self))

    def unsure(self) -> np.ndarray:
        """Tell which blocks may have other ink, bool; too many if some are perhaps not covered."""
        from .page_loops import MAYBE_COVERED

        if not len(self.places):
            return np.zeros(0, bool)
        # the median without the blocks that are not covered is at least that of so many fewer
        n = len(self.places) - np.count_nonzero(self.where == MAYBE_COVERED)
        lowest = np.sort(self.difference)[:n] if n else np.zeros(1)
        usual = MAX_USUAL_DIFFERENCE + MAX_USUAL_RATIO * float(np.median(lowest))
        limit = min(MAX_UNMOVED_DIFFERENCE, usual)
        return (self.correlation < MIN_UNMOVED_CORRELATION) | (self.difference > limit)


def _covers(back: np.ndarray, small: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether a page, warped onto another one, surely covers all of its pixels.

    `back` is the transform from the other one; small, target : rows, columns
    """
    corners = apply(back, outline((target[1] - 1, target[0] - 1)))
    return bool(((corners >= 1) & (corners <= np.array(small[1::-1]) - 2)).all())


@lru_cache(SHAPES_REMEMBERED)
def block_places(shape: tuple[int, ...], reach: int, block: int = INK_BLOCK) -> np.ndarray:
    """Return the upper left pixel of each block of a page, int64, n x 2, row after row.

    There are `reach` pixels more around each. Nobody may change the result.
    """
    rows, columns = (
        np.arange(reach, side - block - reach + 1, block, dtype=np.int64) for side in shape
    )
    return np.column_stack([rows.repeat(len(columns)), np.tile(columns, len(rows))])


def are_on_ground(pages: list[np.ndarray], places: np.ndarray, side: int = INK_BLOCK) -> np.ndarray:
    """Tell which blocks are ink on a plain ground in all pages, bool."""
    from .page_loops import most_of_one_ground

    on_ground = [most_of_one_ground(page, places, side, GROUND_LEVELS) for page in pages]
    return np.min(on_ground, axis=0) >= MIN_GROUND_SHARE * side**2


def _are_near_ground(pages: list[np.ndarray], places: np.ndarray) -> np.ndarray:
    """Tell which blocks are ink on a plain ground, or so full of ink that it lies around them."""
    on_ground = are_on_ground(pages, places)
    wide = INK_BLOCK + 2 * NEAR_GROUND
    if on_ground.all() or min(pages[0].shape) < wide:
        return on_ground
    full = np.flatnonzero(~on_ground)
    around = np.clip(places[full] - NEAR_GROUND, 0, np.array(pages[0].shape) - wide)
    on_ground[full] = are_on_ground(pages, around, wide)
    return on_ground

"""Two pages are read again at about a megapixel, to see whether the same is written in both.

Pictures are aligned on about 160 x 120 pixels, where a digit is less than a pixel. So two receipts
of one form look equal. If a pair has at least 80 percent and looks like a page, both files are read
again, one is warped onto the other by the transform that was found, and small blocks are compared.
Only blocks with ink on a plain ground count, in pictures that are mostly such blocks: a page,
table, slide or diagram. In a photograph a few other blocks are a sticker or a logo.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from ..engine.cache import ByteCache
from ..engine.decode import UnreadableImage, open_image
from ..engine.features import Features, import_cv2
from .agreement import Alignment
from .bands import MAX_SCENE_SIMILARITY, MAX_SLIGHT_SIMILARITY
from .geometry import apply, compose, determinant, invert, outline, to_pixels
from .registration import align

PAGE_AREA = 1_000_000  # pixels at which a page is read again; a smaller one is not enlarged
MIN_PAGE_AREA = 80_000  # pixels of the smaller page; with fewer nothing can be read
FLAT_TILE, MAX_FLAT_RANGE = (
    8,
    16,
)  # pixels a side and grey levels of a flat tile of the kept grey picture
MIN_FLAT_TILES = 0.05  # share of its tiles; a picture with fewer is no page
MIN_PAPER_LEVEL = 128  # grey level, the median of a page: paper is light
# share of the pixels that have one ground, as paper has; or of the blocks with ink that have one
MIN_PAPER_SHARE, SURE_PAPER_SHARE, MIN_KEPT_SHARE = 0.28, 0.4, 0.6
KEPT_BLOCK = 12  # pixels a side of a block of the kept grey picture
INK_BLOCK, INK_CELL, REACH = 24, 8, 4  # pixels: a block, its cells, and its largest shift
BLUR_SIDE = 9  # pixels that a blur of one pixel reaches over
MIN_INK_SPREAD = 12.0  # grey levels, the standard deviation; a block with less is blank
GROUND_LEVELS, MIN_GROUND_SHARE = 8, 0.4  # a plain ground: two bins of so many levels hold so much
MIN_PAGE_SHARE = 0.55  # of the blocks with ink; two pages have so many on a plain ground
# a block has other ink if its correlation is so much below the median of all blocks, or one of its
# cells differs by so much of the block's own variance, and by so many times the median
MAX_CORRELATION_LOSS, MAX_CELL_DIFFERENCE, MAX_DIFFERENCE_RATIO = 0.25, 0.8, 5.0
MAX_SPREAD_RATIO = 2.0  # a scan may have more contrast or less, but not more than so many times
# blocks that are sampled first, and the share of them on a plain ground of what may be a page
SAMPLED_BLOCKS, MIN_SAMPLED_SHARE = 100, 0.75
# with a lower share than this, so many blocks of a page have one brightness of paper, up to so many
# grey levels: sand, sky and cloth are plain grounds of several
SURE_SAMPLED_SHARE, MIN_PAPER_BLOCKS, PAPER_LEVELS = 0.9, 0.7, 24
# a block that matches so well where it is need not be searched for nearby
MIN_UNMOVED_CORRELATION, MAX_UNMOVED_DIFFERENCE = 0.9, 0.4
MIN_CHANGED_BLOCKS = 2  # one may be a speck or a hole
# one block has other ink, such as one digit, if it differs by so many times what 95 % of the blocks
# differ by, and by so much more
MAX_USUAL_RATIO, MAX_USUAL_DIFFERENCE = 3.0, 0.12
MAX_CLEAN_DIFFERENCE = 0.06  # of 95 % of the blocks; a scan has more, and dust: two must differ
SHAPES_REMEMBERED = 16  # of pages whose blocks are remembered
PAGE_BYTES = 48 * 2**20  # of pages kept in memory, in each process

# None: it may be one, by its features
_is_page: WeakKeyDictionary[Features, bool | None] = WeakKeyDictionary()
_pages: ByteCache[tuple[str, bytes], np.ndarray] = ByteCache(PAGE_BYTES, lambda page: page.nbytes)


def align_files(left: Features, right: Features, files: tuple[str, str] | None = None) -> Alignment:
    """Align two pictures; if they are pages, read their files again and compare what is written.

    Parameters
    ----------
    files
        path or URL of each picture. None compares their features only. Nothing is read of a pair
        below 80 percent, of equal features, or of a picture without flat tiles; a file that cannot
        be read changes nothing.

    Returns
    -------
    Alignment
        as by `align`. If other words are written, the similarity is at most 79, and `changed` is
        the number of blocks with other ink. If only one block differs more than all others, as by
        one digit or a stamp, the similarity is at most 89.

    Notes
    -----
    About 10 ms to read a page at a megapixel, and 20 ms for a pair of pages. Pages read last are
    kept in memory.
    """
    found = align(left, right)
    if (
        files is None
        or found.transform is None
        or found.similarity <= MAX_SCENE_SIMILARITY
        or left.key == right.key
        or _is_no_page(left)
        or _is_no_page(right)
    ):
        return found
    pages = []
    for path, image in zip(files, (left, right), strict=True):
        try:
            page = _read_page(path, image)
        except (UnreadableImage, OSError, ValueError):
            return found
        # most copies are photographs: they are read once, and no pair of them is compared
        if not _remember_page(image, page):
            return found
        pages.append(page)
    changes = count_changed(found, left, right, pages)
    if changes.n_changed >= MIN_CHANGED_BLOCKS:
        return replace(found, similarity=MAX_SCENE_SIMILARITY, changed=changes.n_changed)
    if changes.n_odd == 0:
        return found
    similarity = min(found.similarity, MAX_SLIGHT_SIMILARITY)
    return replace(found, similarity=similarity, changed=changes.n_odd)


def may_be_page(grey: np.ndarray) -> bool:
    """Whether a grey picture, uint8, is light and has flat tiles, as margins of paper are.

    Examples
    --------
    >>> noise = np.random.default_rng(0).integers(0, 256, (80, 80), dtype=np.uint8)
    >>> may_be_page(noise), may_be_page(np.full((80, 80), 255, np.uint8))
    (False, True)
    """
    from .page_loops import count_flat_tiles

    n_tiles = (grey.shape[0] // FLAT_TILE) * (grey.shape[1] // FLAT_TILE)
    is_light = 2 * np.count_nonzero(grey >= MIN_PAPER_LEVEL) > grey.size  # the median is
    if not is_light or n_tiles == 0:
        return False
    levels = import_cv2().calcHist([grey], [0], None, [256 // GROUND_LEVELS], [0, 256]).ravel()
    paper_share = float((levels[:-1] + levels[1:]).max()) / grey.size
    if paper_share >= SURE_PAPER_SHARE:  # noise of a scan leaves few flat tiles
        return True
    if count_flat_tiles(grey, FLAT_TILE, MAX_FLAT_RANGE) / n_tiles < MIN_FLAT_TILES:
        return False
    if paper_share >= MIN_PAPER_SHARE:
        return True
    return _share_on_ground(grey, KEPT_BLOCK) >= MIN_KEPT_SHARE


def _is_no_page(image: Features) -> bool:
    """Whether a picture is known to be no page, by its features or by its file."""
    if image not in _is_page:
        _is_page[image] = None if may_be_page(image.grey) else False
    return _is_page[image] is False


def _remember_page(image: Features, page: np.ndarray) -> bool:
    known = _is_page[image]
    if known is None:
        known = _is_page[image] = is_page(page)
    return known


def is_page(page: np.ndarray) -> bool:
    """Whether most blocks with ink of a grey picture, uint8, have a plain ground; some are sampled.

    Examples
    --------
    >>> noise = np.random.default_rng(0).integers(0, 256, (90, 90), dtype=np.uint8)
    >>> is_page(noise)
    False
    >>> lines = np.full((90, 90), 255, np.uint8)
    >>> lines[::12] = 0
    >>> is_page(lines)
    True
    """
    inked = _inked_places(page, INK_BLOCK)
    on_ground = _are_on_ground([page], inked)
    share = float(on_ground.mean()) if len(inked) else 0.0
    if share < MIN_SAMPLED_SHARE or share >= SURE_SAMPLED_SHARE:
        return share >= MIN_SAMPLED_SHARE
    grounds = np.array([_ground_level(page, *place) for place in inked[on_ground].tolist()])
    off = np.abs(grounds - np.median(grounds))
    return bool(np.mean(off <= PAPER_LEVELS) >= MIN_PAPER_BLOCKS)


def _ground_level(page: np.ndarray, top: int, left: int) -> int:
    """Return the grey level of the ground of a block, as `most_of_one_ground` finds it."""
    block = page[top : top + INK_BLOCK, left : left + INK_BLOCK]
    counts = np.bincount(block.ravel() // GROUND_LEVELS, minlength=256 // GROUND_LEVELS)
    return GROUND_LEVELS * (int((counts[:-1] + counts[1:]).argmax()) + 1)


def _share_on_ground(page: np.ndarray, side: int) -> float:
    """Return the share of the blocks with ink that have a plain ground; some are sampled."""
    inked = _inked_places(page, side)
    return float(_are_on_ground([page], inked, side).mean()) if len(inked) else 0.0


def _inked_places(page: np.ndarray, side: int) -> np.ndarray:
    """Return where blocks with ink are; some are sampled."""
    from .page_loops import spreads_of

    places = _block_places(page.shape, 0, side)
    places = places[:: max(1, len(places) // (4 * SAMPLED_BLOCKS))]
    return places[spreads_of(page, places, side) >= MIN_INK_SPREAD]


def _read_page(path: str, image: Features) -> np.ndarray:
    """Return the grey picture of a file at about PAGE_AREA, uint8; the last ones are remembered."""
    known = _pages.get((path, image.key))
    if known is None:
        short, long = sorted(image.size)
        side = math.ceil(math.sqrt(PAGE_AREA * short / long))
        known = _shrink_page(np.asarray(open_image(path, min_side=side, mode="L")), PAGE_AREA)
        _pages.keep((path, image.key), known)
    return known


def _shrink_page(grey: np.ndarray, area: float) -> np.ndarray:
    factor = math.sqrt(area / grey.size)
    if factor >= 1:
        return grey
    cv2 = import_cv2()
    size = [max(1, round(side * factor)) for side in grey.shape[1::-1]]
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


class InkChanges(NamedTuple):
    """How many blocks of two pages have other ink, and how many differ more than all others."""

    n_changed: int
    n_odd: int


NO_CHANGES = InkChanges(0, 0)


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
    small = _shrink_page(source, source.size * abs(determinant(onto)))
    onto = compose(invert(to_pixels(source.shape[1::-1], small.shape)), onto)
    size = target.shape[1::-1]
    back = invert(onto)
    places = _block_places(target.shape, REACH)
    where = where_covered(back, places, INK_BLOCK, REACH, *small.shape)
    places, where = places[where != NOT_COVERED], where[where != NOT_COVERED]
    if target.size < MIN_PAGE_AREA or not len(places):
        return NO_CHANGES
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
    if not _are_on_ground(blurred, blocks.places[blocks.unsure()]).any():
        return NO_CHANGES
    if not _covers(back, small.shape, target.shape):
        covered = cv2.warpAffine(np.ones(small.shape, np.uint8), onto, size)
        if np.count_nonzero(covered) < MIN_PAGE_AREA:
            return NO_CHANGES
        blocks = blocks.of(are_covered(covered, blocks.places, INK_BLOCK, REACH))
    blocks.where.fill(SURELY_COVERED)
    if not len(blocks.places):
        return NO_CHANGES
    places, correlation, difference = blocks.places, blocks.correlation, blocks.difference
    unsure = np.flatnonzero(blocks.unsure())
    # no other block can have changed
    if not _are_on_ground(blurred, places[unsure]).any():
        return NO_CHANGES
    on_ground = _are_on_ground(blurred, places)
    if on_ground.mean() < MIN_PAGE_SHARE:
        return NO_CHANGES
    for k in unsure:
        correlation[k], difference[k] = _compare_block(
            *(_window(page, *places[k].tolist()) for page in blurred)
        )
    most = max(MAX_CELL_DIFFERENCE, MAX_DIFFERENCE_RATIO * float(np.median(difference)))
    least = float(np.median(correlation)) - MAX_CORRELATION_LOSS
    changed = (difference > most) | (correlation < least)
    usual = float(np.quantile(difference, 0.95))
    odd = difference > MAX_USUAL_DIFFERENCE + MAX_USUAL_RATIO * usual
    n_changed, n_odd = (int(np.count_nonzero(blocks & on_ground)) for blocks in (changed, odd))
    enough = 1 if usual <= MAX_CLEAN_DIFFERENCE else MIN_CHANGED_BLOCKS
    return InkChanges(n_changed, n_odd if n_odd >= enough else 0)


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
def _block_places(shape: tuple[int, ...], reach: int, block: int = INK_BLOCK) -> np.ndarray:
    """Return the upper left pixel of each block of a page, int64, n x 2, row after row.

    There are `reach` pixels more around each. Nobody may change the result.
    """
    rows, columns = (
        np.arange(reach, side - block - reach + 1, block, dtype=np.int64) for side in shape
    )
    return np.column_stack([rows.repeat(len(columns)), np.tile(columns, len(rows))])


def _are_on_ground(
    pages: list[np.ndarray], places: np.ndarray, side: int = INK_BLOCK
) -> np.ndarray:
    """Tell which blocks are ink on a plain ground in all pages, bool."""
    from .page_loops import most_of_one_ground

    on_ground = [most_of_one_ground(page, places, side, GROUND_LEVELS) for page in pages]
    return np.min(on_ground, axis=0) >= MIN_GROUND_SHARE * side**2


def _window(page: np.ndarray, top: int, left: int) -> np.ndarray:
    """Return a block with REACH pixels around it."""
    side = INK_BLOCK + REACH
    return page[top - REACH : top + side, left - REACH : left + side]


def _middle(window: np.ndarray) -> np.ndarray:
    return window[REACH:-REACH, REACH:-REACH]


def _compare_block(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Compare two windows of one place; the block with more ink is searched for.

    Returns
    -------
    correlation : where it is best
    difference : of the cell that differs most, in shares of the block's variance
    """
    cv2 = import_cv2()
    if _middle(one).std() < _middle(other).std():
        one, other = other, one
    inked = _middle(one)
    spread = float(inked.std())
    correlations = cv2.matchTemplate(other, inked, cv2.TM_CCOEFF_NORMED)
    # a place without ink would correlate with everything, and an edge with all steeper edges
    spreads = _spreads(other)
    correlations[(spreads * MAX_SPREAD_RATIO < spread) | (spreads > MAX_SPREAD_RATIO * spread)] = 0
    _, correlation, _, (x, y) = cv2.minMaxLoc(correlations)
    there = other[y : y + INK_BLOCK, x : x + INK_BLOCK]
    contrast = min(MAX_SPREAD_RATIO, max(1 / MAX_SPREAD_RATIO, float(there.std()) / spread))
    off = (inked - inked.mean()) - (there - there.mean()) / contrast
    cells = cv2.resize(off * off, (INK_BLOCK // INK_CELL,) * 2, interpolation=cv2.INTER_AREA)
    return correlation, float(cells.max()) / spread**2


def _spreads(window: np.ndarray) -> np.ndarray:
    """Return the standard deviation of each block in a window, float32, a row for each shift."""
    cv2 = import_cv2()
    means, squares = (
        cv2.blur(each, (INK_BLOCK, INK_BLOCK), anchor=(0, 0))[: 2 * REACH + 1, : 2 * REACH + 1]
        for each in (window, window * window)
    )
    return np.sqrt(np.maximum(squares - means * means, 0))

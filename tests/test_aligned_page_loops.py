"""The loops over blocks of pages and over flat areas give what numpy gives."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from imgdup_nb.aligned.colour_loops import flat_or_matching, may_differ
from imgdup_nb.aligned.flat_areas import BlockColours, _looser_limits, other_share
from imgdup_nb.aligned.geometry import invert
from imgdup_nb.aligned.ink import block_places
from imgdup_nb.aligned.page_loops import (
    NOT_COVERED,
    SURELY_COVERED,
    are_covered,
    compare_unmoved,
    count_flat_tiles,
    ground_levels,
    most_of_one_ground,
    spreads_of,
    where_covered,
)

RANDOM = np.random.default_rng(3)
PLACES = np.array([(0, 0), (3, 5), (16, 26)])  # the last block ends where the page ends
SIDE = 24


def blocks_of(page):
    return np.array([page[y : y + SIDE, x : x + SIDE] for y, x in PLACES], np.float64)


def draw(kind=np.uint8):
    """Return a page of 40 x 50 pixels: ink on a ground of 200, and some noise."""
    page = np.where(RANDOM.random((40, 50)) < 0.3, 30, 200) + RANDOM.integers(0, 9, (40, 50))
    return page.astype(kind)


@pytest.mark.parametrize("shape", [(0, 0), (7, 40), (8, 8), (20, 35)])
def test_flat_tiles_are_counted_as_numpy_counts_them(shape):
    grey = RANDOM.integers(0, 18, shape, dtype=np.uint8)
    rows, columns = shape[0] // 8, shape[1] // 8
    tiles = grey[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8)
    ranges = np.array([np.ptp(tile) for tile in tiles.swapaxes(1, 2).reshape(-1, 8, 8)])
    for most in (1, 17, 18):
        expected = np.count_nonzero(ranges < most)
        assert count_flat_tiles(grey, 8, most) == expected
        assert count_flat_tiles.py_func(grey, 8, most) == expected


def test_spreads_of_blocks_are_those_of_numpy():
    page = draw()
    expected = blocks_of(page).std(axis=(1, 2))
    assert spreads_of(page, PLACES, SIDE) == pytest.approx(expected)
    assert spreads_of.py_func(page, PLACES, SIDE) == pytest.approx(expected)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_grounds_of_blocks_are_those_of_numpy(kind):
    page = draw(kind)
    blocks = blocks_of(page)
    counts = [np.bincount(block.astype(int).ravel() // 8, minlength=32) for block in blocks]
    expected = [int((each[:-1] + each[1:]).max()) for each in counts]
    assert most_of_one_ground(page, PLACES, SIDE, 8).tolist() == expected
    assert min(expected) > SIDE**2 / 2
    assert most_of_one_ground(page, PLACES[:0], SIDE, 8).shape == (0,)


def test_a_block_is_covered_if_all_pixels_around_it_are():
    covered = np.ones((40, 50), np.uint8)
    places = np.array([(4, 4), (12, 22), (4, 22)])
    covered[39, 20] = 0  # within four pixels of the second block only
    assert are_covered(covered, places, SIDE, 4).tolist() == [True, False, True]
    assert are_covered.py_func(covered, places, SIDE, 4).tolist() == [True, False, True]


@pytest.mark.parametrize("contrast", [0.2, 0.8, 1.0, 1.5])
def test_blocks_are_compared_as_numpy_compares_them(contrast):
    one = draw(np.float32)
    other = (contrast * one + RANDOM.normal(0, 5, one.shape)).astype(np.float32)
    other[10:18, 10:18] = 60  # a cell with other ink
    a, b = (blocks_of(page) for page in (one, other))
    a, b = (blocks - blocks.mean(axis=(1, 2), keepdims=True) for blocks in (a, b))
    spreads = [blocks.std(axis=(1, 2)) for blocks in (a, b)]
    most = np.maximum(*spreads)
    gains = [np.minimum(2, most / spread)[:, None, None] for spread in spreads]
    cells = ((a * gains[0] - b * gains[1]) ** 2).reshape(-1, 3, 8, 3, 8).mean(axis=(2, 4))
    spread, correlation, difference = compare_unmoved(one, other, PLACES, 8, 3, 2.0)
    assert spread == pytest.approx(most)
    assert correlation == pytest.approx((a * b).mean(axis=(1, 2)) / spreads[0] / spreads[1])
    assert difference == pytest.approx(cells.max(axis=(1, 2)) / most**2)
    with np.errstate(all="raise"):
        flat = np.full((40, 50), 255, np.float32)
        spread, correlation, difference = compare_unmoved.py_func(flat, flat, PLACES, 8, 3, 2.0)
    assert [spread.max(), correlation.max(), difference.max()] == pytest.approx([0, 0, 0], abs=1e-3)


def test_flat_areas_are_the_covered_blocks_that_are_flat_or_match():
    one, other = (RANDOM.random((3, 4, 3)).astype(np.float32) for _ in range(2))
    covered = np.ones((3, 4), bool)
    covered[:, -1] = False
    blocks = np.full((3, 4), np.nan, np.float32)
    blocks[0] = 0.5  # differs
    blocks[1] = 0.9  # matches
    for chosen in (flat_or_matching, flat_or_matching.py_func):
        colours = chosen(one, other, covered, blocks, 0.85)
        assert np.array_equal(colours[0], one[1:, :3].reshape(-1, 3))
        assert np.array_equal(colours[1], other[1:, :3].reshape(-1, 3))


def test_the_ground_of_a_block_is_its_most_frequent_brightness():
    page = draw()
    expected = []
    for block in blocks_of(page):
        counts = np.bincount(block.ravel().astype(int) // 8, minlength=32)
        expected.append(8 * (int((counts[:-1] + counts[1:]).argmax()) + 1))
    assert ground_levels(page, PLACES, SIDE, 8).tolist() == expected
    assert ground_levels.py_func(page, PLACES, SIDE, 8).tolist() == expected


def test_what_a_transform_says_of_covered_blocks_agrees_with_the_pixels():
    seen = np.zeros(3, int)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        onto = cv2.getRotationMatrix2D((80, 60), rng.uniform(0, 360), rng.uniform(0.6, 1.4))
        onto[:, 2] += rng.uniform(-30, 30, 2)
        back = invert(onto)
        covered = cv2.warpAffine(np.ones((120, 160), np.uint8), onto, (160, 120))
        places = block_places((120, 160), 4, SIDE)
        where = where_covered(back, places, SIDE, 4, 120, 160)
        assert (where == where_covered.py_func(back, places, SIDE, 4, 120, 160)).all()
        whole = are_covered(covered, places, SIDE, 4)
        assert whole[where == SURELY_COVERED].all()
        assert not whole[where == NOT_COVERED].any()
        seen += np.bincount(where, minlength=3)
    assert seen.min() > 20


def test_blocks_without_ink_are_not_compared():
    faint = np.tile(np.float32([200, 222.9]), (40, 25))
    spread, correlation, _ = compare_unmoved(faint, faint, PLACES, 8, 3, 2.0, 12.0)
    assert spread.tolist() == correlation.tolist() == [0, 0, 0]
    spread, correlation, _ = compare_unmoved(faint, 2 * faint, PLACES, 8, 3, 2.0, 12.0)
    assert spread == pytest.approx(22.9)
    assert correlation == pytest.approx(1)


def test_where_the_quick_look_finds_no_other_colour_the_rules_find_none():
    n_sure = n_other = 0
    for seed in range(2000):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 60))
        one = np.column_stack([rng.uniform(0, 255, n), rng.normal(0, rng.choice([2, 20]), (n, 2))])
        if seed % 3 == 0:  # objects on a bright ground
            ground = rng.random(n) < rng.uniform(0.2, 1)
            one[ground] = rng.uniform(175, 255), 0, 0
        other = one * [1, *rng.uniform(0.1, 1, 2)] + rng.normal(0, rng.choice([1, 12]), (n, 3))
        changed = rng.random(n) < rng.choice([0, 0.2])
        other[changed] += rng.normal(0, rng.choice([30, 60]), 3)
        pair = np.float32(one), np.float32(other)
        share = other_share(BlockColours(*pair, plain=False))
        sure = not may_differ(*pair, _looser_limits())
        assert not (sure and share > 0), seed
        n_sure, n_other = n_sure + sure, n_other + (share > 0)
    assert n_sure > 300
    assert n_other > 100

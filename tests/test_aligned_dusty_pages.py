"""Scans with dust: a speck is no ink, and another digit is."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy import ndimage

from aligned_pictures import table_of
from imgdup_nb.aligned.ink_blocks import INK_BLOCK, is_speck, place_block
from imgdup_nb.aligned.page_loops import residual_of

LARGE_MOVE = 9.0  # pixels; no limit


def receipt(amount, name="DejaVuSans.ttf", size=22):
    """Return a page with one amount of its own among others."""
    font = ImageFont.truetype(str(Path(get_data_path(), "fonts/ttf", name)), size)
    sheet, rng = Image.new("L", (700, 900), 250), np.random.default_rng(size)
    draw = ImageDraw.Draw(sheet)
    for line, y in enumerate(range(40, 840, 2 * size)):
        draw.text((50, y), "".join(rng.choice(list("abdegiknorstu "), 12)), 30, font)
        other = f"{rng.integers(1000, 9999)}.{rng.integers(10, 99)}"
        draw.text((420, y), amount if line == 7 else other, 30, font)
    return sheet


def speckled(sheet, seed=0, n=40, level=90):
    """Return a scan of a page: turned a little, blurred, with noise, and specks of dirt."""
    rng = np.random.default_rng(seed)
    scan = sheet.rotate(rng.uniform(-1, 1), Image.Resampling.BICUBIC, fillcolor=250)
    draw = ImageDraw.Draw(scan)
    for x, y in rng.integers(0, scan.size, (n, 2)).tolist():
        wide = int(rng.integers(1, 4))
        draw.ellipse((x, y, x + wide, y + wide), level)
    values = np.asarray(scan.filter(ImageFilter.GaussianBlur(0.7)), float)
    noisy = values + rng.normal(0, 4, values.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def score(folder, left, right):
    pairs = table_of(folder, {"left": left, "right": right}, min_similarity=20)
    return float(pairs.similarity.iloc[0]) if len(pairs) else 0.0


@pytest.mark.parametrize("level", [90, 255])
@pytest.mark.parametrize("seed", range(3))
def test_a_scan_with_dirt_or_dust_is_a_copy(tmp_path, seed, level):
    sheet = receipt("4731.58")
    assert score(tmp_path, sheet, speckled(sheet, seed, level=level)) >= 90


def test_two_dusty_scans_of_one_page_are_copies(tmp_path):
    sheet = receipt("4731.58")
    assert score(tmp_path, speckled(sheet, 1), speckled(sheet, 2)) >= 90


@pytest.mark.parametrize("other", ["4781.58", "4731.56", "9731.58"])
@pytest.mark.parametrize("name", ["DejaVuSans.ttf", "DejaVuSansMono.ttf", "DejaVuSerif-Bold.ttf"])
def test_another_digit_is_seen_in_a_dusty_scan(tmp_path, name, other):
    one, another = (receipt(amount, name) for amount in ("4731.58", other))
    assert score(tmp_path, one, speckled(another, 3)) < 90


def test_another_amount_in_a_dusty_scan_is_another_page(tmp_path):
    assert score(tmp_path, receipt("4731.58"), speckled(receipt("9206.14"), 4)) <= 79


def test_digits_that_leave_little_paper_between_them_are_compared(tmp_path):
    one, other = (receipt(amount, "DejaVuSans-Bold.ttf", 17) for amount in ("8898.86", "8868.86"))
    assert score(tmp_path, one, other) < 90


def test_dots_that_were_added_to_a_clean_page_count(tmp_path):
    sheet = receipt("4731.58")
    dotted = sheet.copy()
    for x, y in ((330, 100), (360, 500)):
        ImageDraw.Draw(dotted).ellipse((x, y, x + 3, y + 3), 30)
    assert score(tmp_path, sheet, dotted) < 90


def test_a_speck_is_small_round_and_alone():
    rng = np.random.default_rng(0)
    paper = ndimage.gaussian_filter(rng.normal(200, 60, (60, 60)), 1.5).astype(np.float32)

    def differs_by_a_speck(*boxes):
        drawn = Image.fromarray(paper)
        for box in boxes:
            ImageDraw.Draw(drawn).ellipse(box, 0)
        other = ndimage.gaussian_filter(np.asarray(drawn), 0.7)
        return is_speck(place_block([paper, other], (18, 18)))

    assert differs_by_a_speck((28, 28, 31, 31))
    assert differs_by_a_speck((16, 28, 19, 31))  # across the edge of the block
    assert not differs_by_a_speck((28, 24, 30, 34))
    assert not differs_by_a_speck((22, 22, 25, 25), (34, 34, 37, 37))
    assert not is_speck(place_block([paper, paper], (18, 18)))


@pytest.mark.parametrize("gain", [1.0, 0.6])
def test_a_block_that_is_moved_by_less_than_a_pixel_differs_little(gain):
    rng = np.random.default_rng(1)
    page = ndimage.gaussian_filter(rng.normal(128, 80, (60, 60)), 2).astype(np.float32)
    moved = (50 + gain * ndimage.shift(page, (0.3, -0.4), order=3)).astype(np.float32)
    places = np.array([18, 18, 18, 18])
    inner = page[18 : 18 + INK_BLOCK, 18 : 18 + INK_BLOCK]
    still = residual_of(page, moved, places, INK_BLOCK, 0, 2.0, 0.0)
    off = residual_of(page, moved, places, INK_BLOCK, 0, 2.0, LARGE_MOVE)
    there = moved[18 : 18 + INK_BLOCK, 18 : 18 + INK_BLOCK]
    expected = inner - inner.mean() - (there - there.mean()) * (inner.std() / there.std())
    np.testing.assert_allclose(still, expected, atol=1e-2)
    assert off.std() < 0.3 * still.std()


@pytest.mark.parametrize("margin", [0, 6])
def test_beyond_a_page_its_edge_goes_on(margin):
    page = np.zeros((INK_BLOCK, INK_BLOCK), np.float32)
    page[:, 12:] = 100
    off = residual_of(page, page, np.zeros(4, np.int64), INK_BLOCK, margin, 2.0, 0.7)
    assert off.shape == (INK_BLOCK + 2 * margin,) * 2
    np.testing.assert_allclose(off, 0, atol=1e-3)


def test_an_empty_block_has_no_residual():
    blank = np.full((60, 60), 200, np.float32)
    off = residual_of(blank, blank, np.full(4, 18), INK_BLOCK, 6, 2.0, 0.7)
    np.testing.assert_allclose(off, 0, atol=1e-6)

"""Tiny pictures, cards and pages with few lines: their copies are found, other pictures not."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from aligned_pictures import align_pictures
from imgdup_nb.aligned.filters import has_repeated_lines
from imgdup_nb.aligned.geometry import frame_transform
from imgdup_nb.aligned.registration import _refine_small, align
from imgdup_nb.aligned.warp_loops import (
    judge_flat_blocks,
    sum_cells,
)
from imgdup_nb.engine.features import (
    aligned_features,
)


@pytest.mark.parametrize("side", [32, 48, 64])
def test_half_size_copies_of_tiny_pictures_have_at_least_70_and_other_tiny_pictures_below_50(
    cat, temple, side
):
    tiny = [
        picture.resize((side, side * 3 // 4), Image.Resampling.LANCZOS) for picture in (cat, temple)
    ]
    halves = [
        picture.resize((side // 2, side * 3 // 8), Image.Resampling.LANCZOS) for picture in tiny
    ]
    for whole, half in zip(tiny, halves, strict=True):
        found = align_pictures(whole, half)
        assert found.similarity >= 70
        assert (found.overlap_left, found.overlap_right) == pytest.approx((100, 100), abs=10)
        assert found.similarity <= 79 or not found.coarse
    assert align_pictures(tiny[0], halves[1]).similarity < 50
    assert (
        align(aligned_features(tiny[0]), aligned_features(halves[0])).similarity
        == align_pictures(halves[0], tiny[0]).similarity
    )


@pytest.mark.parametrize("turn", list(Image.Transpose), ids=lambda turn: turn.name.lower())
def test_a_tiny_copy_is_found_turned_and_mirrored_too(cat, turn):
    tiny = cat.resize((40, 30), Image.Resampling.LANCZOS)
    found = align_pictures(tiny, tiny.resize((20, 15), Image.Resampling.LANCZOS).transpose(turn))
    assert found.similarity >= 70
    assert found.mirrored == (turn.name.startswith("FLIP") or turn.name.startswith("TRANS"))


def test_only_pictures_of_few_pixels_may_be_judged_when_made_small(cat):
    assert has_repeated_lines(aligned_features(cat.resize((32, 24))).grey)
    assert not has_repeated_lines(aligned_features(cat).grey)
    random = np.random.default_rng(0)
    base = np.asarray(cat.convert("L").resize((320, 240)), dtype=float)  # one cloth, two weaves
    one, other = (
        Image.fromarray(np.clip(base + random.normal(0, 35, base.shape), 0, 255).astype(np.uint8))
        for _ in range(2)
    )
    features = [
        aligned_features(picture.filter(ImageFilter.GaussianBlur(1)).convert("RGB"))
        for picture in (one, other)
    ]
    straight = frame_transform(0, features[0].size, features[1].size)
    assert _refine_small(*features, straight).similarity >= 70  # it would pass
    assert align(*features).coarse is False


def card(ground, words, lines=1):
    """Return a flat picture that bears a caption."""
    sheet = Image.new("RGB", (480, 360), ground)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(26)
    for line in range(lines):
        draw.text(
            (70, 290 - 40 * line), words, fill="white" if sum(ground) < 384 else "black", font=font
        )
    return sheet


def test_one_caption_on_two_shades_is_not_a_copy_and_a_copy_of_a_card_is():
    red, pale, words = (150, 60, 60), (70, 20, 20), "The quick brown fox jumps"
    assert align_pictures(card(red, words), card(red, words).resize((240, 180))).similarity >= 99
    assert align_pictures(card(red, words), card(pale, words)).similarity <= 79
    assert align_pictures(card(red, words), card(red, "An annual report, part two")).similarity < 70


def test_pages_of_few_lines_below_one_header_are_not_copies():
    def sheet(words):
        page = Image.new("RGB", (620, 877), "white")
        draw = ImageDraw.Draw(page)
        draw.text((60, 50), "Company Limited", fill="black", font=ImageFont.load_default(34))
        draw.line((60, 100, 560, 100), fill="black", width=2)
        draw.text((60, 160), words, fill="black", font=ImageFont.load_default(17))
        return page

    one, other = (
        sheet("we met her down by the water and made a list"),
        sheet("no day may come where words could be like oil"),
    )
    assert align_pictures(one, other).similarity <= 79
    assert align_pictures(one, one.resize((310, 438), Image.Resampling.LANCZOS)).similarity >= 99


def flat_pair(left, right):
    """Return the blocks' correlations before and after flat ones were judged, and the results."""
    there = np.ones(left.shape, np.float32)
    sums = sum_cells(left.astype(np.float32), there, right.astype(np.float32), 8)
    blocks = np.full((left.shape[0] // 8 - 1, left.shape[1] // 8 - 1), np.nan, np.float32)
    blocks[0] = 1.0  # a caption that agrees
    return blocks, judge_flat_blocks(sums, 8, blocks)


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (1.0, 12.0), (0.7, 30.0), (1.5, -20.0)])
def test_flat_blocks_that_follow_the_brightness_of_the_whole_do_not_disagree(gain, offset):
    left = np.full((120, 160), 60.0)
    left[60:], left[:16] = 150.0, 100.0
    blocks, (sparse, _) = flat_pair(left, gain * left + offset)
    assert np.isnan(blocks[1:]).all()
    assert sparse == 1


def test_flat_blocks_of_another_brightness_disagree_and_a_shade_is_noticed():
    left = np.full((120, 160), 120.0)
    right = left.copy()
    right[80:, 100:] = 220.0
    blocks, (_, shade) = flat_pair(left, right)
    assert (blocks[11:, 13:] == 0).all()
    assert np.isnan(blocks[1:8]).all()
    assert shade < 1
    assert flat_pair(left, left + 60)[1] == (1.0, 1.0)
    assert flat_pair(left, left + 10)[1] == (1.0, 0.0)


def test_flat_blocks_say_nothing_where_enough_is_textured():
    there, left = np.ones((80, 80), np.float32), np.zeros((80, 80), np.float32)
    blocks = np.full((9, 9), np.nan, np.float32)
    blocks[:4] = 1.0  # 36 of 81
    assert judge_flat_blocks(sum_cells(left, there, left + np.float32(200), 8), 8, blocks) == (
        0.0,
        0.0,
    )
    assert np.isnan(blocks[4:]).all()

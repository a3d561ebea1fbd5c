"""Colours count where the grey pictures match, and a copy may lose some of them."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from aligned_pictures import align_pictures, photo
from imgdup_nb import fingerprint_images, scan_images, similar_pairs
from imgdup_nb.aligned.agreement import is_textured
from imgdup_nb.aligned.colour_loops import mean_blocks, mean_warped_blocks
from imgdup_nb.aligned.colours import align_colours, compare_colours, have_other_colours
from imgdup_nb.aligned.registration import align
from imgdup_nb.aligned.scores import Score, fall_back
from imgdup_nb.engine.features import aligned_features

UPRIGHT = np.eye(3)[:2]
BLUE, YELLOW = (60, 100, 220), (125, 104, 28)  # of one grey


def tint(picture, red, green, blue):
    """Multiply the colours of a picture."""
    return Image.fromarray(
        (np.asarray(picture, np.float64) * (red, green, blue)).clip(0, 255).astype(np.uint8)
    )


def turn_hues(picture, by):
    """Turn all hues, of 256, and leave every pixel about as bright as it was."""
    luma, *chroma = (
        np.asarray(plane, np.float64) - 128 for plane in picture.convert("YCbCr").split()
    )
    turned = (chroma[0] + 1j * chroma[1]) * np.exp(2j * np.pi * by / 256)
    planes = [
        Image.fromarray((plane + 128).clip(0, 255).astype(np.uint8))
        for plane in (luma, turned.real, turned.imag)
    ]
    return Image.merge("YCbCr", planes).convert("RGB")


def caption(ground):
    """Return words on a coloured ground."""
    card = Image.new("RGB", (400, 300), ground)
    for k, line in enumerate(("Winter sale", "everything must go", "half price")):
        ImageDraw.Draw(card).text((30, 30 + 80 * k), line, "white", ImageFont.load_default(40))
    return card


def diagram(*words):
    """Return boxes with words in them and a line between, as programs draw them."""
    picture = Image.new("RGB", (400, 160), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(18)
    for top, word, fill in zip((2, 118), words, ("#e6ecf7", "white"), strict=True):
        draw.rectangle((2, top, 397, top + 38), fill, "#335599")
        draw.text((20, top + 8), word, "black", font)
    draw.line((200, 118, 200, 41), "#102080")
    return picture


# -- colours ---------------------------------------------------------------------------------------


def test_one_caption_on_two_colours_of_equal_grey_has_70_to_79():
    assert (
        len(
            {
                Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0))
                for colour in (BLUE, YELLOW)
            }
        )
        == 1
    )
    found = align_pictures(caption(BLUE), caption(YELLOW))
    assert 70 <= found.similarity <= 79
    assert found.recoloured > 90
    assert align_pictures(caption(BLUE), caption(BLUE)).similarity == 100


@pytest.mark.parametrize("by", [64, 128, 192])
def test_a_picture_in_other_hues_has_70_to_79_in_any_order(cat, by):
    original, turned = (
        aligned_features(tint(cat, 1.3, 1, 0.5)),
        aligned_features(turn_hues(tint(cat, 1.3, 1, 0.5), by)),
    )
    there, back = align(original, turned), align(turned, original)
    assert 70 <= there.similarity <= 79
    assert (back.similarity, back.recoloured) == pytest.approx((there.similarity, there.recoloured))


def test_a_recoloured_part_does_not_match(cat):
    warm = tint(cat, 1.3, 1, 0.5)
    width = cat.width // 8
    partly = warm.copy()
    partly.paste(turn_hues(warm, 128).crop((0, 0, width, cat.height)))
    found = align_pictures(warm, partly)
    assert 80 <= found.similarity <= 90
    lost = found.blocks == 0
    assert lost[:, :2].mean() > 0.9
    assert not lost[:, 3:].any()


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: tint(picture, 1.1, 1, 0.9),
        lambda picture: ImageEnhance.Color(picture).enhance(1.5),
        lambda picture: ImageEnhance.Color(picture).enhance(0.7),
        lambda picture: picture.quantize(64).convert("RGB"),
    ],
    ids=["white balance", "stronger colours", "paler colours", "64 colours"],
)
def test_a_copy_of_somewhat_other_colours_is_a_copy(cat, change):
    found = align_pictures(cat, change(cat))
    assert found.similarity >= 95
    assert found.recoloured == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture.convert("L"),
        lambda picture: ImageOps.colorize(picture.convert("L"), "black", "white", mid="#b07040"),
        lambda picture: ImageOps.colorize(picture.convert("L"), "black", "white", mid="#4080c0"),
    ],
    ids=["grey", "sepia", "cold"],
)
def test_a_copy_in_grey_or_toned_is_a_copy_but_not_all_of_it(change):
    colourful = photo("astronaut")
    assert 95 <= align_pictures(colourful, change(colourful)).similarity <= 99


def test_a_picture_all_but_grey_and_the_same_in_grey_are_all_the_same(cat):
    grey = cat.convert("L").convert("RGB")
    assert align_pictures(grey, tint(grey, 1.02, 1, 0.98)).similarity == 100


def test_blocks_of_another_colour_are_found_where_they_are_on_a_turned_and_smaller_copy():
    ground = Image.new("RGB", (640, 480), BLUE)
    marked = ground.copy()
    marked.paste(YELLOW, (320, 0, 640, 240))  # above on the right
    left, right = aligned_features(ground), aligned_features(marked.resize((320, 240)).rotate(180))
    turned = np.array([[-1, 0, left.size[0]], [0, -1, left.size[1]]], np.float64)
    agreeing = np.ones((right.grey.shape[0] // 8 - 1, right.grey.shape[1] // 8 - 1), bool)
    agreeing[-1, 0] = False
    for first, second, frame in (
        (left, right, "right"),
        (right, left, "left"),
    ):  # the grid is that of the copy
        colours = align_colours(first, second, turned, frame, agreeing.shape, 8)
        other, same = compare_colours(colours, agreeing)
        rows, columns = np.nonzero(other)
        assert rows.min() >= other.shape[0] // 2 - 1
        assert columns.max() <= other.shape[1] // 2
        assert len(rows) > 0.8 * other.size / 4
        assert not same
        assert not other[-1, 0]


@pytest.mark.parametrize("frame", ["left", "right"])
def test_blocks_of_another_colour_are_found_where_they_are_on_a_crop(frame):
    ground = Image.new("RGB", (640, 480), BLUE)
    marked = ground.copy()
    marked.paste(YELLOW, (480, 0, 640, 240))  # above on the right
    crop = marked.crop((240, 120, 640, 480))  # columns 240 to 400 and rows 0 to 120 of it
    left, right = aligned_features(ground), aligned_features(crop)
    # from the whole to its crop, both made larger or smaller
    wide, high = right.size[0] / 400, right.size[1] / 360
    whole_wide, whole_high = 640 / left.size[0], 480 / left.size[1]
    transform = np.array(
        [[wide * whole_wide, 0, -240 * wide], [0, high * whole_high, -120 * high]], np.float64
    )
    grid = left if frame == "left" else right
    agreeing = np.ones((grid.grey.shape[0] // 8 - 1, grid.grey.shape[1] // 8 - 1), bool)
    colours = align_colours(left, right, transform, frame, agreeing.shape, 8)
    other, _ = compare_colours(colours, agreeing)
    rows, columns = np.nonzero(other & colours.covered)
    begins = (480, 120, 640, 240) if frame == "left" else (240, 0, 400, 120)
    size = (640, 480) if frame == "left" else (400, 360)
    x0, x1 = (side / size[0] * other.shape[1] for side in begins[::2])
    y0, y1 = (side / size[1] * other.shape[0] for side in begins[1::2])
    assert (rows.min(), columns.min()) == pytest.approx((y0, x0), abs=2)
    assert (rows.max(), columns.max()) == pytest.approx((y1, x1), abs=2)
    assert len(rows) > 0.7 * (x1 - x0) * (y1 - y0)


def test_strips_too_thin_for_a_block_have_none_of_another_colour():
    for size in ((1, 900), (900, 1)):
        red, blue = (aligned_features(Image.new("RGB", size, name)) for name in ("red", "blue"))
        assert not have_other_colours(red, blue)
        colours = align_colours(red, blue, UPRIGHT, "right", (0, 0), 8)
        other, same = compare_colours(colours, np.zeros((0, 0), bool))
        assert other.shape == (0, 0)
        assert same


@pytest.mark.parametrize("n", [1, 2])
def test_blocks_have_the_mean_colours_of_their_places(n):
    planes = np.random.default_rng(5).random((9, 12, 3)).astype(np.float32)
    rows, columns = 9 // n - 1, 12 // n - 1
    expected = [
        [
            planes[n * y : n * y + 2 * n, n * x : n * x + 2 * n].mean(axis=(0, 1))
            for x in range(columns)
        ]
        for y in range(rows)
    ]
    means = mean_blocks(planes, rows, columns, n)
    assert means == pytest.approx(np.array(expected), abs=1e-6)
    # not compiled: a place beyond the end is an error
    assert np.array_equal(mean_blocks.py_func(planes, rows, columns, n), means)
    larger = mean_blocks(planes, rows + 1, columns + 1, n)  # the last squares continue
    assert np.array_equal(larger[:rows, :columns], means)
    assert larger[-1, -1] == pytest.approx(planes[-1:, -1:].mean(axis=(0, 1)), abs=0.5)


@pytest.mark.parametrize("n", [1, 2])
def test_blocks_of_a_warped_picture_have_the_colours_that_opencv_reads(n):
    planes = np.random.default_rng(6).random((20, 30, 3)).astype(np.float32)
    back = np.array([[0.9, 0.05, 2.0], [-0.05, 0.9, 3.0]])
    rows, columns = 20 // n - 1, 30 // n - 1
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    continued, inside = (
        cv2.warpAffine(each, back, (30, 20), flags=flags, borderMode=border)
        for each, border in (
            (planes, cv2.BORDER_REPLICATE),
            (np.ones_like(planes), cv2.BORDER_CONSTANT),
        )
    )
    means, covered = mean_warped_blocks(planes, back, rows, columns, n)
    # OpenCV reads at steps of 1/32 of a pixel
    assert means == pytest.approx(mean_blocks(continued, rows, columns, n), abs=0.04)
    share = mean_blocks(inside, rows, columns, n)[..., 0]
    sure = np.abs(share - 0.99) > 0.02
    assert np.array_equal(covered[sure], share[sure] > 0.99)
    assert covered.any()
    assert not covered.all()
    plain = mean_warped_blocks.py_func(planes, back, rows, columns, n)
    assert plain[0] == pytest.approx(means, abs=1e-6)
    assert np.array_equal(plain[1], covered)


def test_pictures_that_only_a_hash_can_compare_have_at_most_79_in_another_colour():
    shades = Image.linear_gradient("L").resize((400, 300))
    blue, orange, grey = (
        aligned_features(ImageOps.colorize(shades, "black", "white", mid=middle))
        for middle in ("#4060e0", "#b06010", "#808080")
    )
    scores = [
        fall_back(Score(0.0), 96.875, blue, other).similarity for other in (blue, orange, grey)
    ]
    assert scores == [96.875, 79, 96.875]


# -- nearly equal pictures -------------------------------------------------------------------------


def test_a_diagram_with_another_word_is_never_all_the_same():
    one, other = (
        diagram("unary_function<uint>", "asin_func<uint>"),
        diagram("unary_function<uint>", "sinh_func<uint>"),
    )
    assert align_pictures(one, other).similarity <= 99
    assert (
        align_pictures(one, one.resize((300, 120))).similarity
        > align_pictures(one, other).similarity
    )


def test_a_copy_that_is_all_but_equal_except_in_one_place_is_below_100(cat):
    marked = cat.copy()
    ImageDraw.Draw(marked).text((200, 140), "17", "white", ImageFont.load_default(14))
    assert 90 <= align_pictures(cat, marked).similarity < 100
    assert align_pictures(cat, cat.resize((300, 200))).similarity == 100


def leather(contrast):
    """Return a grey surface that has features everywhere and hardly any contrast."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (400, 400), dtype=np.uint8))
    grain = np.asarray(noise.filter(ImageFilter.GaussianBlur(1.5)), np.float64) - 128
    return Image.fromarray((60 + grain * contrast).astype(np.uint8))


@pytest.mark.parametrize(("contrast", "method"), [(0.2, "phash"), (0.35, "aligned")])
def test_equal_files_of_hardly_any_texture_are_a_pair_at_100(tmp_path, contrast, method):
    for name in ("a.png", "b.png"):
        leather(contrast).save(tmp_path / name)
    pairs = similar_pairs(fingerprint_images(scan_images(tmp_path), "aligned"))
    assert pairs[["similarity", "scored_by"]].to_numpy().tolist() == [[100, method]]


def test_leather_has_features_and_yet_too_little_texture():
    faint = aligned_features(leather(0.2))
    assert len(faint) > 100
    assert not is_textured(faint)
    assert is_textured(aligned_features(leather(1)))

"""A crop under words or in a frame is aligned by what is visible of the picture."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from aligned_pictures import align_pictures, crop, photo, shaken
from imgdup_nb.aligned.agreement import Alignment
from imgdup_nb.aligned.overlays import align_visible
from imgdup_nb.aligned.upright import upright_transform
from imgdup_nb.engine.features import aligned_features


def marked(picture, step=6):
    """Lay rows of pale, turned words all over a picture."""
    width, height = picture.size
    size = width / 16
    layer = Image.new("RGBA", (2 * width, 2 * height))
    draw, font = ImageDraw.Draw(layer), ImageFont.load_default(size)
    for y in range(0, 2 * height, round(2.2 * size)):
        for x in range(0, 2 * width, round(step * size)):
            draw.text((x, y), "PREVIEW", (255, 255, 255, 130), font)
    layer = layer.rotate(27).crop(
        (width // 2, height // 2, width // 2 + width, height // 2 + height)
    )
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def framed(picture):
    """Cut a picture to a square, with a pale frame that is broad at the foot, and words in it."""
    side = min(picture.size)
    edge = side // 14
    made = Image.new("RGB", (side + 2 * edge, side + 5 * edge), "#fbfaf5")
    made.paste(crop(picture, 1).resize((side, side), box=(0, 0, side, side)), (edge, edge))
    at = (made.width / 2, made.height - 2 * edge)
    ImageDraw.Draw(made).text(at, "no caption needed", "#336", ImageFont.load_default(edge), "mm")
    return made


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5])
def test_a_crop_under_pale_words_is_the_same_picture_slightly_changed(cat, place):
    assert align_pictures(cat, marked(crop(cat, 0.84, place, 1 - place))).similarity >= 80


def test_a_square_part_in_a_frame_with_words_is_the_same_picture_slightly_changed(cat):
    assert align_pictures(cat, framed(cat)).similarity >= 80


@pytest.mark.parametrize("pixels", [1.0, 2.0])
def test_a_part_of_a_second_photograph_under_words_is_no_copy(cat, pixels):
    assert align_pictures(cat, marked(crop(shaken(cat, pixels), 0.84))).similarity < 80


def test_another_photograph_under_the_same_words_is_no_copy(cat, temple):
    assert align_pictures(marked(cat), marked(temple)).similarity < 70


def bannered(picture, words="OPEN"):
    """Lay a half transparent bar with large words over a picture."""
    width, height = picture.size
    layer = Image.new("RGBA", picture.size)
    draw = ImageDraw.Draw(layer)
    draw.rectangle((0, 0.4 * height, width, 0.6 * height), fill=(0, 0, 0, 150))
    at = (width / 2, height / 2)
    draw.text(at, words, "white", ImageFont.load_default(width / 10), "mm", stroke_width=1)
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


@pytest.mark.parametrize("name", ["cat", "flower"])
def test_a_crop_with_few_features_beside_large_words_is_the_same_picture(name):
    picture = photo(name)
    assert 80 <= align_pictures(picture, bannered(crop(picture, 0.85))).similarity < 95


def test_two_photographs_under_one_bar_with_words_are_no_copies(cat, temple):
    assert align_pictures(bannered(cat), bannered(temple)).similarity < 70


def test_four_matches_that_fit_upright_tell_the_transform_and_three_do_not():
    one = np.array([(20, 20), (90, 30), (40, 90), (80, 80), (50, 10)], np.float32)
    other = np.float32(0.5) * one + np.array([10, 20], np.float32)
    other[0] = 0
    angles, pairs = np.zeros(5, np.float32), np.arange(5).repeat(2).reshape(5, 2)
    transform, matches = upright_transform(one, other, angles, angles, pairs)
    assert matches == 4
    np.testing.assert_allclose(transform, [[0.5, 0, 10], [0, 0.5, 20]], atol=1e-4)
    for turned in (1, 2):  # neither a match of another angle nor no match counts
        assert upright_transform(one, other, angles, angles + 45 * turned, pairs)[1] == 0
    assert upright_transform(one, other, angles, angles, pairs[:4])[1] == 0
    assert upright_transform(one, other, angles, angles, pairs[:0])[1] == 0


COLOURS = ["#d02020", "#20a040", "#2040d0", "#f0d020", "#f0f0f0", "#101010", "#c040c0"]


def stickers(picture):
    """Lay discs of several colours over a picture."""
    made, side = picture.copy(), min(picture.size) // 6
    draw = ImageDraw.Draw(made)
    for k, colour in enumerate(COLOURS):
        x, y = picture.width * (0.02 + 0.13 * k), picture.height * (0.1 + 0.6 * (k % 2))
        draw.ellipse((x, y, x + side, y + side), fill=colour)
    return made


@pytest.mark.parametrize("name", ["coffee", "temple"])
def test_discs_of_many_colours_are_stickers(name):
    assert align_pictures(photo(name), stickers(photo(name))).similarity >= 80


def test_another_colour_under_stickers_is_still_another_colour(cat):
    red, green, blue = cat.split()
    other = Image.merge("RGB", (blue, green, red))
    assert align_pictures(cat, stickers(other)).similarity < 80


def test_a_compressed_copy_of_another_colour_under_stickers_is_of_another_colour(cat):
    red, green, blue = cat.split()
    file = io.BytesIO()
    stickers(Image.merge("RGB", (blue, green, red))).save(file, "JPEG", quality=12)
    assert align_pictures(cat, Image.open(file).convert("RGB")).similarity < 80


def test_an_overlap_without_a_textured_block_shows_nothing():
    pair = [aligned_features(photo(name)) for name in ("cat", "temple")]
    blocks = np.full((9, 12), np.nan, np.float32)
    found = Alignment(0.0, 9, np.eye(3)[:2], 100.0, 100.0, blocks, residual=np.inf)
    assert align_visible(*pair, found).similarity == 0

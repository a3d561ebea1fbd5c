"""A crop under words or in a frame is aligned by what is visible of the picture."""

import pytest
from PIL import Image, ImageDraw, ImageFont

from aligned_pictures import align_pictures, crop, shaken


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

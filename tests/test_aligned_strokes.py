"""Words and lines over a picture are thin, and lighter or darker than all that they cover."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFont
from skimage import data

from aligned_pictures import photo
from imgdup_nb.aligned.registration import align
from imgdup_nb.aligned.strokes import equal_pixels, fit_levels, is_of_strokes
from imgdup_nb.engine.features import aligned_features


def marked_all_over(picture, opacity=150):
    """Lay pale words over a picture, many times; `opacity` is 0 to 255."""
    layer = Image.new("RGBA", picture.size)
    draw, size = ImageDraw.Draw(layer), picture.width / 14
    for x in range(0, picture.width, round(4.5 * size)):
        for y in range(0, picture.height, round(2.2 * size)):
            draw.text((x, y), "SAMPLE", (255, 255, 255, opacity), ImageFont.load_default(size))
    return Image.alpha_composite(picture.convert("RGBA"), layer.rotate(20)).convert("RGB")


def quoted(picture):
    """Darken a picture and write four lines over it."""
    made = ImageEnhance.Brightness(picture).enhance(0.55)
    draw, size = ImageDraw.Draw(made), picture.width / 18
    for k, line in enumerate(("when you see it again", "it is the same", "and still", "different")):
        at = (picture.width / 2, picture.height * 0.3 + 1.4 * size * k)
        draw.text(at, line, "white", ImageFont.load_default(size), "mm")
    return made


def similarity(*pictures):
    return align(*(aligned_features(picture) for picture in pictures)).similarity


@pytest.mark.parametrize("name", ["cat", "temple"])
def test_a_picture_with_a_watermark_all_over_is_the_same_picture(name):
    assert 80 <= similarity(photo(name), marked_all_over(photo(name))) < 95


def test_a_texture_of_which_no_block_is_as_it_was_is_found_beside_the_words():
    lawn = Image.fromarray(data.grass()).convert("RGB")
    found = align(*map(aligned_features, (lawn, marked_all_over(lawn, opacity=200))))
    assert found.treatment == "overlay"
    assert 80 <= found.similarity < 90
    turned = marked_all_over(lawn.rotate(90), opacity=200)
    gravel = marked_all_over(Image.fromarray(data.gravel()).convert("RGB"), opacity=200)
    assert similarity(turned, gravel) < 70


@pytest.mark.parametrize("name", ["flower", "portrait"])
def test_a_darkened_picture_with_a_saying_is_the_same_picture(name):
    assert similarity(photo(name), quoted(photo(name))) >= 90


def test_two_pictures_with_one_watermark_are_not_copies():
    one, other = (marked_all_over(photo(name).resize((600, 400))) for name in ("temple", "coffee"))
    assert similarity(one, other) < 70


def test_pixels_of_one_level_are_equal_to_those_of_another_level():
    dark, pale = np.full(50, 7, np.float32), np.full(50, 90, np.float32)
    assert equal_pixels(dark, pale).all()
    assert not len(equal_pixels(dark[:0], pale[:0]))
    pale[:5] = 200
    assert np.array_equal(np.flatnonzero(~equal_pixels(dark, pale)), np.arange(5))


def planes_with(change):
    """Return a shade, the same with a change, and where they count."""
    shade = np.tile(np.linspace(20, 160, 160, dtype=np.float32), (120, 1))
    made = shade.copy()
    change(made)
    return shade, made, np.ones(shade.shape, bool)


def has_strokes(change):
    one, other, inside = planes_with(change)
    return is_of_strokes(one, other, inside, equal_pixels(one.ravel(), other.ravel()))


def test_only_thin_things_that_are_all_lighter_are_strokes():
    def lines(made):
        made[10:100:20, 10:150] += 60

    def disc(made):
        made[30:80, 40:90] += 60

    def moved(made):
        lines(made)
        made[14:100:20, 10:150] -= 60

    assert has_strokes(lines)
    assert not has_strokes(disc)
    assert not has_strokes(moved)
    assert not has_strokes(lambda _made: None)  # nothing differs


def test_brightness_is_fitted_to_the_pixels_that_are_known_to_be_equal():
    shade = np.arange(100, dtype=np.float32)
    known = shade < 30
    # the greater part differs, and by less than the darkened part
    other = np.where(known, 0.3 * shade + 10, shade)
    assert equal_pixels(shade, other)[~known].all()
    equal = equal_pixels(shade, other, known)
    assert equal[known].all()
    assert not equal[60:].any()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_pixels_or_one_level_fit_nothing(n):
    level = np.full(9, 7, np.float32)
    assert fit_levels(level, level, np.arange(9) < n) is None

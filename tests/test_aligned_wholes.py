"""Copies whose details differ everywhere are found by the whole picture; other scenes are not."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from aligned_pictures import align_pictures, noise, photo, shaken
from imgdup_nb import make_demo_collection
from imgdup_nb.aligned.filters import shows_tiny
from imgdup_nb.aligned.overlays import edges_found, has_extra_edges
from imgdup_nb.aligned.wholes import align_wholes, even, whole_vector
from imgdup_nb.aligned.words import say_alignment
from imgdup_nb.engine.features import aligned_features

PHOTOS = ["astronaut", "coffee", "temple"]


def crudely(picture):
    """Shrink by leaving out pixels, and enlarge again."""
    small = picture.resize((48, 48), Image.Resampling.NEAREST)
    return small.resize(picture.size, Image.Resampling.BICUBIC)


def thumbnail(picture):
    return ImageOps.contain(picture, (32, 32), Image.Resampling.LANCZOS)


def tiled(picture):
    """Write a word all over a picture."""
    layer = Image.new("RGBA", picture.size)
    draw, font = ImageDraw.Draw(layer), ImageFont.load_default(picture.width / 18)
    for row, y in enumerate(range(0, picture.height, max(1, picture.height // 8))):
        for x in range(-40 * (row % 2), picture.width, max(1, picture.width // 4)):
            draw.text((x, y), "SAMPLE", (255, 255, 255, 130), font)
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def few_levels(picture):
    return ImageOps.posterize(picture, 2)


CHANGES = [crudely, thumbnail, tiled, few_levels]


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("change", [thumbnail, tiled, few_levels])
def test_a_copy_whose_details_differ_everywhere_is_found(name, change):
    assert 80 <= align_pictures(photo(name), change(photo(name))).similarity < 100


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_a_crudely_enlarged_copy_is_found(name):
    assert align_pictures(photo(name), crudely(photo(name))).similarity >= 90


def of_few_pixels(picture, side, how, n=32):
    """Make a picture so many pixels a side, then n by leaving pixels out, and enlarge it."""
    small = picture.resize((side, side)).resize((n, n), Image.Resampling.NEAREST)
    return small.resize((160, 160), how)


@pytest.mark.parametrize("how", [Image.Resampling.BICUBIC, Image.Resampling.NEAREST])
@pytest.mark.parametrize("name", ["rocket", *PHOTOS])
def test_two_crude_enlargements_of_other_pixels_are_one_picture(name, how):
    one, other = (of_few_pixels(photo(name), side, how) for side in (500, 240))
    found = align_pictures(one, other)
    assert found.similarity >= 90
    assert shows_tiny(aligned_features(one))
    assert not shows_tiny(aligned_features(photo(name)))


@pytest.mark.parametrize("how", [Image.Resampling.BICUBIC, Image.Resampling.NEAREST])
def test_crude_enlargements_of_two_scenes_are_not_one_picture(how):
    pairs = [("rocket", "temple"), ("coffee", "rocket"), ("astronaut", "coffee")]
    for name, other in pairs:
        one = of_few_pixels(photo(name), 500, how)
        assert align_pictures(one, of_few_pixels(photo(other), 240, how)).similarity < 70


def test_squares_of_a_drawing_say_nothing_of_its_detail():
    form = Image.new("L", (320, 240), 255)
    ImageDraw.Draw(form).rectangle((40, 40, 280, 200), outline=0, width=3)
    assert not shows_tiny(aligned_features(form))


@pytest.mark.parametrize("change", CHANGES)
def test_a_turned_and_mirrored_copy_is_found_as_well(change):
    turned = ImageOps.mirror(change(photo("coffee"))).rotate(90, expand=True)
    found = align_pictures(photo("coffee"), turned)
    assert found.similarity >= 80
    assert found.mirrored


@pytest.mark.parametrize("change", CHANGES)
def test_others_are_no_copies_after_the_change(change):
    for name, other in zip(PHOTOS, PHOTOS[1:] + PHOTOS[:1], strict=True):
        assert align_pictures(photo(name), change(photo(other))).similarity < 70


@pytest.mark.parametrize("name", PHOTOS)
def test_a_second_photograph_is_not_judged_by_its_whole(name):
    assert align_pictures(photo(name), shaken(photo(name), 2)).similarity < 80


def test_the_sentence_says_that_the_whole_pictures_look_the_same():
    found = align_pictures(photo("temple"), thumbnail(photo("temple")))
    assert found.treatment == "whole"
    assert "made small, the whole pictures look the same" in say_alignment(found, "a", "b")


def test_noise_and_one_colour_are_like_nothing():
    pictures = [noise(1), noise(2), Image.new("RGB", (320, 240), "white"), photo("coffee")]
    features = [aligned_features(picture) for picture in pictures]
    for one in range(4):
        for other in range(one):
            assert align_wholes(features[one], features[other], 0).similarity == 0


def test_the_vector_of_a_turned_picture_is_that_of_its_view():
    picture = photo("coffee").resize((320, 320))
    turned = aligned_features(picture.rotate(90))
    whole = aligned_features(picture)
    assert whole_vector(whole, 1) @ whole_vector(turned, 0) > 0.99
    assert whole_vector(whole, 0) @ whole_vector(turned, 0) < 0.9
    assert even(whole) is even(whole)


def test_edges_of_strokes_are_in_one_picture_only():
    plain = np.asarray(photo("coffee").convert("L"), np.float32)
    drawn = plain.copy()
    drawn[50:350:9, 100:500] = 255
    inside = np.ones(plain.shape, bool)
    of_plain, of_drawn = edges_found(plain, drawn, inside)
    assert of_plain > of_drawn
    assert edges_found(plain, plain, inside) == (1, 1)
    assert edges_found(plain, plain, ~inside) == (0, 0)
    assert not has_extra_edges(plain, plain, inside)


def test_other_things_in_places_of_the_same_outline_are_no_copies(tmp_path):
    make_demo_collection(tmp_path / "demo")
    trays = [tmp_path / "demo" / "album" / name for name in ("coins.jpg", "coins-tray-2.jpg")]
    one, other = (Image.open(tray) for tray in trays)
    assert align_pictures(one, other).similarity < 70
    assert align_pictures(one, thumbnail(other)).similarity < 80


def tile(picture):
    """Cut a picture of 64 pixels to a shape with six corners on white."""
    mask = Image.new("L", picture.size)
    corners = [(16, 0), (48, 0), (63, 32), (48, 63), (16, 63), (0, 32)]
    ImageDraw.Draw(mask).polygon(corners, 255)
    return Image.composite(picture.convert("RGB"), Image.new("RGB", picture.size, "white"), mask)


def test_tiles_of_one_shape_are_no_copies_of_a_tile_without_detail():
    grey = np.random.default_rng(0).normal(120, 3, (16, 16)).clip(0, 255).astype(np.uint8)
    fog = tile(Image.fromarray(grey).resize((64, 64), Image.Resampling.BICUBIC))
    for name in PHOTOS:
        others = photo(name).convert("L").resize((192, 192)).crop((0, 0, 64, 64))
        assert align_pictures(fog, tile(others)).similarity < 80


def test_a_thing_on_white_with_a_watermark_all_over_is_still_found():
    thing = Image.new("RGB", (400, 400), "white")
    thing.paste(photo("coffee").resize((240, 240)), (80, 80))
    assert align_pictures(thing, tiled(thing)).similarity >= 70

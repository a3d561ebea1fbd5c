"""The negative of a picture is found as the same picture, slightly changed; others are not."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from aligned_pictures import align_pictures, noise, photo, table_of
from imgdup_nb import fingerprint_images, scan_images, similar_pairs
from imgdup_nb.aligned.words import say_alignment

PHOTOS = ["astronaut", "coffee", "temple"]


@pytest.mark.parametrize("name", PHOTOS)
def test_a_negative_is_the_same_picture_slightly_changed(name):
    found = align_pictures(photo(name), ImageOps.invert(photo(name)))
    assert 80 <= found.similarity <= 89
    assert found.treatment == "negative"
    assert "negative of the other" in say_alignment(found, "a", "b")


@pytest.mark.parametrize("name", PHOTOS)
def test_a_small_mirrored_grey_negative_is_found_from_both_sides(name):
    negative = ImageOps.mirror(ImageOps.invert(photo(name).convert("L"))).resize((300, 200))
    one, other = (
        align_pictures(*pair) for pair in ((photo(name), negative), (negative, photo(name)))
    )
    assert 80 <= one.similarity == other.similarity <= 89
    assert one.mirrored


def test_the_negatives_of_others_are_not_copies():
    for name, other in zip(PHOTOS, PHOTOS[1:] + PHOTOS[:1], strict=True):
        assert align_pictures(photo(name), ImageOps.invert(photo(other))).similarity < 70


def test_a_light_thing_on_dark_is_not_another_dark_thing_on_light():
    pictures = []
    for seed, thing, ground in ((1, 30, 215), (2, 225, 40)):
        grain = np.random.default_rng(seed).normal(0, 12, (240, 320))
        levels = np.full((240, 320), float(ground))
        levels[60:180, 80:240] = thing
        pictures.append(Image.fromarray((levels + grain).clip(0, 255).astype(np.uint8)))
    assert align_pictures(*pictures).similarity < 70


def test_a_drawing_and_its_dark_version_are_not_taken_for_negatives():
    sheet = Image.new("RGB", (320, 240), "white")
    ImageDraw.Draw(sheet).ellipse((60, 40, 220, 180), outline="black", width=8)
    assert align_pictures(sheet, ImageOps.invert(sheet)).similarity < 80


def test_negatives_are_among_the_pairs_of_a_folder_and_of_two(tmp_path):
    pictures = {name: photo(name) for name in PHOTOS} | {"noise": noise(1)}
    pictures["coffee-negative"] = ImageOps.invert(photo("coffee"))
    pairs = table_of(tmp_path, pictures, min_similarity=70)
    assert pairs[["left", "right"]].values.tolist() == [["coffee-negative.png", "coffee.png"]]
    assert pairs.similarity.between(80, 89).all()
    images = scan_images(tmp_path)
    is_negative = images.image == "coffee-negative.png"
    sides = [fingerprint_images(images[which], "aligned") for which in (~is_negative, is_negative)]
    across = similar_pairs(*sides, min_similarity=70)
    assert across[["left", "right"]].values.tolist() == [["coffee.png", "coffee-negative.png"]]
    assert across.similarity.iloc[0] == pairs.similarity.iloc[0]

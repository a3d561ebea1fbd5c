"""A part of a photograph on a plain ground is a copy, as a rectangular crop is."""

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw

from aligned_pictures import align_pictures, photo
from imgdup_nb.aligned.words import say_alignment


def cut_out(picture, ground="white", share=0.1):
    """Show an oval of a picture on a plain ground."""
    width, height = picture.size
    mask = Image.new("L", picture.size)
    box = (share * width, share * height, (1 - share) * width, (1 - share) * height)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return Image.composite(picture, Image.new("RGB", picture.size, ground), mask)


NAMES = ["cat", "coffee", "flower", "temple"]


@pytest.mark.parametrize("ground", ["white", "black", "#3070a0"])
@pytest.mark.parametrize("name", NAMES)
def test_an_oval_of_a_photograph_on_a_plain_ground_is_a_slight_change(name, ground):
    found = align_pictures(photo(name), cut_out(photo(name), ground))
    assert 80 <= found.similarity <= 89
    assert found.treatment == "cut out"


def test_the_sentence_says_why_it_is_at_most_89():
    said = say_alignment(align_pictures(photo("cat"), cut_out(photo("cat"))), "cat.jpg", "oval.jpg")
    assert "One of them shows a part of the other on a plain ground, so the similarity is" in said


def test_the_order_of_the_two_does_not_matter():
    one, other = photo("cat"), cut_out(photo("cat"))
    assert align_pictures(one, other).similarity == align_pictures(other, one).similarity


def test_the_oval_of_another_photograph_is_not_found():
    assert align_pictures(photo("cat"), cut_out(photo("coffee"))).similarity < 70


def test_two_photographs_in_one_oval_have_only_the_oval_in_common():
    assert align_pictures(cut_out(photo("cat")), cut_out(photo("coffee"))).similarity < 70


def test_a_small_oval_is_too_small_a_part():
    assert align_pictures(photo("cat"), cut_out(photo("cat"), share=0.3)).similarity < 70


def test_one_ground_around_another_middle_is_not_a_copy():
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)
    other = Image.fromarray(levels).resize(photo("cat").size, Image.Resampling.BICUBIC)
    mixed = ImageChops.blend(photo("cat"), other, 0.7)
    assert align_pictures(photo("cat"), cut_out(mixed)).similarity < 70

"""A sticker of many shades: over a photograph it is a slight change; an icon becomes another."""

from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageDraw

from aligned_pictures import align_pictures


class Case(NamedTuple):
    """How a square drawing is made; the sticker is a disc of other shades in a box."""

    seed: int
    side: int
    n_shades: int
    n_sticker_shades: int
    box: tuple[int, int, int, int]
    outline: str = ""


# found by trying some hundred
ICONS = [
    Case(688446, 128, 13, 9, (49, 60, 105, 116), "rectangle"),
    Case(796324, 96, 7, 12, (29, 50, 67, 88), "ellipse"),
    Case(132360, 96, 11, 15, (16, 13, 56, 53), "rectangle"),
    Case(961982, 128, 6, 14, (43, 65, 99, 121), "rectangle"),
]
FULL_PICTURES = [
    Case(574187, 96, 12, 5, (35, 23, 77, 65)),
    Case(710228, 128, 12, 5, (42, 58, 100, 116)),
]


def shades(side, seed, n):
    """Return a square picture of n x n random shades, made smooth."""
    levels = np.random.default_rng(seed).integers(0, 256, (n, n, 1), dtype=np.uint8)
    picture = Image.fromarray(levels.repeat(3, axis=2))
    return picture.resize((side, side), Image.Resampling.BICUBIC)


def drawing(case, sticker=False):
    """Return shades, on white within an outline if there is one, with or without the sticker."""
    side = case.side
    picture = shades(side, case.seed, case.n_shades)
    if case.outline:
        sheet, inside = Image.new("RGB", picture.size, "white"), Image.new("L", picture.size)
        getattr(ImageDraw.Draw(inside), case.outline)((4, 4, side - 5, side - 5), fill=255)
        sheet.paste(picture, mask=inside)
        picture = sheet
    if sticker:
        inside = Image.new("L", picture.size)
        ImageDraw.Draw(inside).ellipse(case.box, fill=255)
        picture.paste(shades(side, 1000 + case.seed, case.n_sticker_shades), mask=inside)
    return picture


@pytest.mark.parametrize("case", ICONS, ids=lambda case: str(case.seed))
def test_an_icon_with_a_badge_is_not_a_copy_of_the_icon(case):
    found = align_pictures(drawing(case), drawing(case, sticker=True))
    assert 70 <= found.similarity < 80


@pytest.mark.parametrize("case", FULL_PICTURES, ids=lambda case: str(case.seed))
def test_a_picture_with_a_sticker_of_many_shades_is_the_same_slightly_changed(case):
    found = align_pictures(drawing(case), drawing(case, sticker=True))
    assert 80 <= found.similarity < 90
    assert found.treatment == "overlay"

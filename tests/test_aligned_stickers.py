"""A sticker over a photograph is a slight change; an icon with another sign is another one."""

from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from aligned_pictures import align_pictures


class Case(NamedTuple):
    """How a square drawing is made; the sticker is a disc of other shades in a box."""

    seed: int
    side: int
    n_shades: int
    n_sticker_shades: int
    box: tuple[int, ...]
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


class Sign(NamedTuple):
    """Two large signs, in letters of so many pixels, on icons of one design."""

    icon: Case
    pixels: int
    ink: str
    signs: tuple[str, str]


BETWEEN_THE_LETTERS = [  # half of the blocks are as they were
    Sign(Case(797870, 256, 6, 0, (), "ellipse"), 184, "white", ("K", "M")),
    Sign(Case(960213, 256, 3, 0, (), "ellipse"), 214, "white", ("R", "V")),
]
MORE_FEATURES_THAN_THE_ICON = [
    Sign(Case(957128, 256, 4, 0, (), "ellipse"), 243, "black", ("R", "L")),
    Sign(Case(449528, 256, 4, 0, (), "rectangle"), 131, "black", ("@W", "P7")),
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


@pytest.mark.parametrize(
    "case", [*BETWEEN_THE_LETTERS, *MORE_FEATURES_THAN_THE_ICON], ids=lambda case: case.signs[0]
)
def test_icons_of_one_design_with_other_large_signs_are_not_copies(case):
    icons = []
    for sign in case.signs:
        icon, middle = drawing(case.icon), (case.icon.side / 2, case.icon.side / 2)
        font = ImageFont.load_default(case.pixels)
        ImageDraw.Draw(icon).text(middle, sign, case.ink, font, "mm")
        icons.append(icon)
    assert align_pictures(*icons).similarity < 80

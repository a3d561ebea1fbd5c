"""A page seen a little from the side, or darker, is a copy; another page seen so is not."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from imgdup_nb.aligned.agreement import exchange_sides
from imgdup_nb.aligned.detail import align_files
from imgdup_nb.aligned.ink import straighten_page
from imgdup_nb.aligned.perspective import straighten
from imgdup_nb.aligned.registration import align
from imgdup_nb.engine.features import aligned_features, read_features

SIZE = (760, 1000)


def letter(amounts, title="GARDEN BAKERY"):
    """Return a page of 20 lines, of which each third ends with another amount."""
    sheet, rng = Image.new("L", SIZE, 250), np.random.default_rng(5)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(24)
    draw.rectangle((0, 0, 760, 110), 90)
    draw.text((50, 40), title, 255, ImageFont.load_default(44))
    for line in range(20):
        y = 150 + 42 * line
        draw.text((50, y), "".join(rng.choice(list("abdegiknorstu "), 22)), 20, font)
        if line % 3 == 1:
            amount = np.random.default_rng([amounts, line]).integers(10**4, 10**5)
            draw.text((560, y), f"{amount / 100}", 20, font)
    return sheet


def from_above(sheet, share, ground=0):
    """Return a page whose foot is narrower by this share at each side."""
    width, height = sheet.size
    corners = np.float32([(0, 0), (width, 0), (width, height), (0, height)])
    seen = corners + np.float32([(0, 0), (0, 0), (-share * width, 0), (share * width, 0)])
    bent = cv2.getPerspectiveTransform(corners, seen)
    pixels = np.asarray(sheet)
    return Image.fromarray(cv2.warpPerspective(pixels, bent, sheet.size, borderValue=ground))


def percent(folder, left, right):
    files = folder / "left.png", folder / "right.png"
    for path, picture in zip(files, (left, right), strict=True):
        picture.save(path)
    paths = str(files[0]), str(files[1])
    images = [read_features(path, "aligned") for path in paths]
    found = align_files(*images, paths)
    # the same whichever comes first
    assert align_files(*images[::-1], paths[::-1]).similarity == pytest.approx(found.similarity)
    return found.similarity


@pytest.mark.parametrize("share", [0.02, 0.03])
@pytest.mark.parametrize("ground", [0, 255])
def test_a_page_in_a_slight_perspective_is_a_copy_and_another_page_is_not(tmp_path, share, ground):
    sheet = letter(1)
    assert percent(tmp_path, sheet, from_above(sheet, share, ground)) >= 90
    assert percent(tmp_path, sheet, from_above(letter(2), share, ground)) <= 79


def test_a_page_in_perspective_has_a_residual_and_is_straightened():
    sheet = letter(1)
    seen = from_above(sheet, 0.02, 255)
    flat, bent = aligned_features(sheet), aligned_features(seen)
    found = align(flat, bent)
    assert found.similarity <= 79
    tries = [straighten(flat, bent, found), straighten(bent, flat, exchange_sides(found))]
    better = min(filter(None, tries), key=lambda each: each.alignment.residual)
    assert better.alignment.similarity >= 90
    assert better.alignment.residual < found.residual / 2
    assert better.alignment.treatment == "perspective"


def test_a_bend_of_nothing_leaves_a_page_as_it_is():
    sheet = np.asarray(letter(1))
    same = straighten_page(sheet, aligned_features(letter(1)), np.eye(3))
    assert (same == sheet).all()


def drawing(level=255):
    """Return a few lines and words on paper of a brightness: nearly all of it is flat."""
    sheet = Image.new("L", (1000, 700), level)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(22)
    draw.line((90, 40, 90, 620, 960, 620), fill=0, width=3)
    for k in range(6):
        draw.line((90, 40 + 97 * k, 960, 40 + 97 * k), fill=round(0.8 * level))
        draw.text((30, 30 + 97 * k), str(100 - 20 * k), 0, font)
        draw.text(
            (120 + 140 * k, 635), ["north", "east", "sea", "hill", "west", "moor"][k], 0, font
        )
    return sheet


def test_a_darker_copy_of_a_drawing_on_paper_is_a_copy_and_one_with_a_bar_is_not(tmp_path):
    sheet, darker = drawing(), drawing(204)
    assert align(aligned_features(sheet), aligned_features(darker)).similarity <= 79
    assert percent(tmp_path, sheet, darker) >= 90
    ImageDraw.Draw(darker).rectangle((200, 300, 260, 620), fill=90)
    assert percent(tmp_path, sheet, darker) <= 79

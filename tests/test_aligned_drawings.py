"""Small drawings and dark screens of one design, in which something else is drawn."""

import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from imgdup_nb.aligned.detail import align_files, is_page
from imgdup_nb.aligned.ink import count_changed
from imgdup_nb.aligned.registration import align
from imgdup_nb.engine.features import aligned_features, read_features


def font(size):
    return ImageFont.truetype(str(Path(get_data_path(), "fonts/ttf/DejaVuSans-Bold.ttf")), size)


def clock(hour, minute, side=250):
    """Return the face of a clock, drawn four times larger and made smaller."""
    sheet = Image.new("L", (4 * side, 4 * side), 255)
    draw, middle = ImageDraw.Draw(sheet), 2 * side
    draw.ellipse((60, 60, 4 * side - 60, 4 * side - 60), outline=0, width=24)
    for k in range(12):
        x, y = np.sin(k * np.pi / 6), -np.cos(k * np.pi / 6)
        place = middle + 1.4 * side * x, middle + 1.4 * side * y
        draw.text(place, str(k or 12), 0, font(88), "mm")
    for turn, length, width in ((hour / 12 + minute / 720, 0.8, 28), (minute / 60, 1.2, 16)):
        x, y = np.sin(2 * np.pi * turn), -np.cos(2 * np.pi * turn)
        end = middle + length * side * x, middle + length * side * y
        draw.line((middle, middle, *end), 0, width)
    return sheet.resize((side, side), Image.Resampling.LANCZOS)


def badge(number, side=128):
    """Return an icon with a number on a badge."""
    sheet = Image.new("RGB", (512, 512), "white")
    draw = ImageDraw.Draw(sheet)
    draw.rounded_rectangle((56, 56, 456, 456), 96, fill="#3a7bd5")
    draw.polygon([(256, 128), (384, 368), (128, 368)], fill="white")
    draw.ellipse((336, 16, 496, 176), fill="#e33333")
    draw.text((416, 96), str(number), "white", font(96), "mm")
    return sheet.resize((side, side), Image.Resampling.LANCZOS)


def dashboard(*numbers, ground="#101820", card="#1c2a38", ink="white"):
    """Return a screen of four cards, each with a number."""
    sheet = Image.new("RGB", (500, 300), ground)
    draw = ImageDraw.Draw(sheet)
    for k, (word, number) in enumerate(
        zip(["Users", "Sales", "Errors", "Load"], numbers, strict=True)
    ):
        x, y = 20 + 240 * (k % 2), 20 + 140 * (k // 2)
        draw.rounded_rectangle((x, y, x + 220, y + 120), 10, fill=card)
        draw.text((x + 20, y + 20), word, "#88aabb", font(16))
        draw.text((x + 20, y + 50), str(number), ink, font(44))
    return sheet


def score(folder, left, right):
    """Return the similarity of two pictures, and the number of blocks with other ink."""
    files = tuple(str(folder / name) for name in ("left.png", "right.png"))
    for file, picture in zip(files, (left, right), strict=True):
        picture.save(file)
    found = align_files(*(read_features(file, "aligned") for file in files), files)
    return found.similarity, found.changed


def compressed(picture, quality=50):
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=quality)
    return Image.open(held)


def resized(picture, share):
    size = [round(share * side) for side in picture.size]
    return picture.resize(size, Image.Resampling.BICUBIC)


def turned(picture):
    return picture.rotate(3, Image.Resampling.BICUBIC, fillcolor="white")


COPIES = {
    "compressed": compressed,
    "smaller": lambda picture: resized(picture, 0.8),
    "larger": lambda picture: compressed(resized(picture, 1.6), 80),
    "darker": lambda picture: picture.point(lambda level: 0.8 * level),
    "turned": turned,
}


@pytest.mark.parametrize("times", [((1, 12), (1, 47)), ((9, 5), (3, 30)), ((6, 0), (6, 20))])
def test_a_small_clock_at_another_time_is_not_a_copy(tmp_path, times):
    similarity, _ = score(tmp_path, *(clock(*time) for time in times))
    assert 0 < similarity < 80


@pytest.mark.parametrize(("one", "other"), [(3, 24), (14, 27), (7, 58)])
def test_an_icon_with_another_number_is_not_a_copy(tmp_path, one, other):
    similarity, changed = score(tmp_path, badge(one), badge(other))
    assert similarity <= 89
    assert changed >= 1


@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize("picture", [clock(10, 9), badge(5)], ids=["clock", "badge"])
def test_a_changed_copy_of_a_small_drawing_is_a_copy(tmp_path, picture, name):
    similarity, changed = score(tmp_path, picture, COPIES[name](picture))
    assert similarity >= 90
    assert changed == 0


@pytest.mark.parametrize(("side", "is_small"), [(250, True), (400, False)])
def test_a_small_drawing_shows_too_little_to_tell_that_two_are_equal(side, is_small):
    pages = [np.asarray(clock(10, minute, side)) for minute in (9, 10)]
    one, other = (aligned_features(Image.fromarray(page)) for page in pages)
    changes = count_changed(align(one, other), one, other, pages)
    assert (changes.n_compared == 0) == is_small


def test_a_tiny_drawing_is_left_as_it_was(tmp_path):
    assert score(tmp_path, badge(5, 60), badge(8, 60))[1] == 0


def test_blurred_ink_of_a_small_drawing_is_not_other_ink(tmp_path):
    blurred = badge(5).filter(ImageFilter.GaussianBlur(1.5))
    assert score(tmp_path, badge(5), blurred)[1] == 0


@pytest.mark.parametrize("share", [0.5, 0.75])
def test_a_smaller_icon_with_another_number_is_not_a_copy(tmp_path, share):
    similarity, changed = score(tmp_path, badge(7), resized(badge(58), share))
    assert similarity <= 79
    assert changed >= 2
    assert score(tmp_path, badge(7), resized(badge(7), share))[0] >= 90


def wallpaper(motif):
    """Return a lattice of one sign."""
    sheet = Image.new("RGB", (600, 450), "#f3e9d8")
    draw = ImageDraw.Draw(sheet)
    for k in range(12 * 9):
        place = 50 * (k % 12) + 25 * (k // 12 % 2) + 12, 50 * (k // 12) + 25
        draw.text(place, motif, "#5b7f95", font(32), "mm")
    return sheet


@pytest.mark.parametrize("share", [1.0, 0.75])
def test_other_signs_in_one_lattice_are_not_copies_though_all_blocks_differ(tmp_path, share):
    similarity, _ = score(tmp_path, wallpaper("♣"), resized(wallpaper("✚"), share))
    assert similarity <= 79
    assert score(tmp_path, wallpaper("♣"), compressed(resized(wallpaper("♣"), share)))[0] >= 90


def table(seed):
    """Return a sheet of numbers in one grid."""
    sheet, rng = Image.new("RGB", (900, 640), "white"), np.random.default_rng(seed)
    draw = ImageDraw.Draw(sheet)
    for k in range(23 * 9):
        x, y = 40 + 107 * (k % 9), 60 + 25 * (k // 9)
        draw.rectangle((x, y, x + 107, y + 25), outline="#cccccc")
        draw.text((x + 100, y + 13), f"{rng.uniform(0, 9999):.2f}", "black", font(14), "rm")
    return sheet


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_a_thumbnail_of_a_table_is_told_from_another_table(tmp_path, share):
    assert score(tmp_path, table(0), resized(table(1), share))[0] <= 79
    assert score(tmp_path, table(0), compressed(resized(table(0), share), 80))[0] >= 90


LIGHT = {"ground": "#f4f4f6", "card": "#ffffff", "ink": "black"}


@pytest.mark.parametrize("colours", [{}, LIGHT], ids=["dark", "light"])
def test_a_screen_with_other_numbers_is_not_a_copy_be_it_dark_or_light(tmp_path, colours):
    one = dashboard(2835, 411, 9073, 56, **colours)
    other = dashboard(1694, 728, 3150, 84, **colours)
    similarity, changed = score(tmp_path, one, other)
    assert similarity <= 79
    assert changed >= 2 or similarity < 70
    assert score(tmp_path, one, compressed(resized(one, 0.8)))[0] >= 90


def test_a_noisy_photograph_of_the_night_is_no_page():
    rng = np.random.default_rng(0)
    night = rng.normal(20, 3, (480, 720))
    for y, x in zip(rng.integers(3, 477, 400), rng.integers(3, 717, 400), strict=True):
        night[y - 1 : y + 2, x - 1 : x + 2] += 160
    night = night.clip(0, 255).astype(np.uint8)
    assert not is_page(night)
    screen = np.full((480, 720), 20, np.uint8)
    screen[40:440:24, 40:680] = 220
    assert is_page(screen)

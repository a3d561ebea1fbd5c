"""Pages of one form, parts that two pictures share, flat areas of another colour, and drawings."""

import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from aligned_pictures import align_pictures, page, photo
from imgdup_nb import compare_images, fingerprint_images, scan_images, similar_pairs, verify_pairs
from imgdup_nb.aligned.detail import align_files, may_be_page
from imgdup_nb.aligned.flat_areas import draw_alike
from imgdup_nb.engine.features import aligned_features, read_features


def receipt(number, total, size=(600, 1000)):
    """Return a receipt; only its number and total differ from those of others."""
    sheet = Image.new("L", size, 250)
    draw, font, y = ImageDraw.Draw(sheet), ImageFont.load_default(20), 40
    lines = ["GARDEN BAKERY", f"Invoice no. {number}", "Bread 6 x 2.13", "Bun 20 x 0.84"]
    lines += [f"Total payable {total}", *["Goods received in good order, thank you."] * 18]
    for line in lines:
        draw.text((50, y), line, 20, font)
        y += 40
    return sheet


def scan(sheet, seed=0):
    """Return a picture of a page as a scanner makes it: crooked, blurred, darker, compressed."""
    rng = np.random.default_rng(seed)
    turned = sheet.rotate(rng.uniform(-1.5, 1.5), Image.Resampling.BICUBIC, fillcolor=255)
    small = turned.resize([round(0.85 * side) for side in sheet.size], Image.Resampling.LANCZOS)
    blurred = np.asarray(small.filter(ImageFilter.GaussianBlur(0.6)), float)
    noisy = 0.9 * blurred + rng.normal(0, 4, blurred.shape)
    held = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(held, "JPEG", quality=60)
    return Image.open(held)


def score_files(folder, left, right):
    """Return the similarity of two pictures by the whole search, 0 if they are not listed."""
    for name, picture in (("left.png", left), ("right.png", right)):
        picture.save(folder / name)
    prints = fingerprint_images(scan_images(folder), "aligned")
    pairs = similar_pairs(prints, min_similarity=2)
    return float(pairs.similarity.iloc[0]) if len(pairs) else 0.0


# -- pages -----------------------------------------------------------------------------------------


def test_a_receipt_with_another_number_and_total_is_not_a_copy(tmp_path):
    one, other = receipt("70247", "41.87"), receipt("70193", "68.63")
    assert 70 <= score_files(tmp_path, one, scan(other)) <= 79


def test_another_total_alone_is_enough(tmp_path):
    assert score_files(tmp_path, receipt("70247", "41.87"), receipt("70247", "868.30")) <= 79


FONTS = ["DejaVuSans.ttf", "DejaVuSerif.ttf", "DejaVuSansMono.ttf"]


def form(kind, amount=None, name="DejaVuSans.ttf", size=22, seed=1):
    """Return a page of a form in one of matplotlib's fonts; without an amount it is empty."""
    font = ImageFont.truetype(str(Path(get_data_path(), "fonts/ttf", name)), size)
    width, height = {"ticket": (900, 400), "slide": (960, 640)}.get(kind, (760, 1000))
    sheet = Image.new("L", (width, height), 250)
    draw, rng = ImageDraw.Draw(sheet), np.random.default_rng(seed)
    for line, y in enumerate(range(40, height - 2 * size, round(1.9 * size))):
        if kind == "table":
            draw.line((30, y - 4, width - 30, y - 4), 120)
        draw.text((50, y), "".join(rng.choice(list("abdegiknorstu "), 12)), 20, font)
        if amount is not None and line % 3 == 1:
            other = "" if line > 1 and kind != "table" else amount
            draw.text((width - 12 * size, y), other or f"{rng.integers(1000, 9999)}.40", 20, font)
    if kind == "slide":
        draw.rectangle((0, 0, width, 30), 60)
    if kind == "diagram" and amount is not None:
        for k, digit in enumerate(amount.replace(".", "")):
            draw.rectangle((90 + 90 * k, 900 - 80 * int(digit), 140 + 90 * k, 900), 90)
    return sheet


KINDS = ["receipt", "table", "ticket", "slide", "diagram"]


@pytest.mark.parametrize("kind", KINDS)
def test_another_amount_is_another_page_and_so_is_the_empty_form(tmp_path, kind):
    one, other, empty = (form(kind, amount) for amount in ("4731.58", "9206.14", None))
    assert score_files(tmp_path, one, scan(other)) <= 79
    assert score_files(tmp_path, one, scan(empty)) <= 79


@pytest.mark.parametrize("size", [16, 22, 32])
@pytest.mark.parametrize("name", FONTS)
def test_one_other_digit_is_below_90_and_a_copy_is_not(tmp_path, name, size):
    one, other = (form("receipt", amount, name, size) for amount in ("4731.58", "4781.58"))
    half = [round(0.6 * side) for side in one.size]
    assert score_files(tmp_path, one, other) < 90
    assert score_files(tmp_path, one, other.resize(half, Image.Resampling.LANCZOS)) < 90
    assert score_files(tmp_path, one, one.resize(half, Image.Resampling.LANCZOS)) >= 90


def test_the_sentence_names_one_place_that_differs(tmp_path):
    one, other = (form("receipt", amount) for amount in ("4731.58", "4731.56"))
    assert score_files(tmp_path, one, other) == 89
    found = compare_images(tmp_path / "left.png", tmp_path / "right.png")
    assert found.alignment.changed >= 1
    assert "one place differs more than all others" in found.sentence
    assert "at most 89 %" in found.sentence


@pytest.mark.parametrize("kind", KINDS)
def test_scans_and_darker_grey_copies_of_every_form_are_copies(tmp_path, kind):
    sheet = form(kind, "4731.58")
    assert score_files(tmp_path, sheet, scan(sheet, 3)) >= 90
    tinted = Image.merge("RGB", [sheet, sheet, sheet.point(lambda level: 0.9 * level)])
    darker = tinted.convert("L").point(lambda level: 0.9 * level)
    assert score_files(tmp_path, tinted, darker) >= 90


@pytest.mark.parametrize("seed", range(3))
def test_scans_of_one_receipt_are_copies(tmp_path, seed):
    sheet = receipt("70247", "41.87")
    assert score_files(tmp_path, sheet, scan(sheet, seed)) >= 90
    assert score_files(tmp_path, scan(sheet, seed), scan(sheet, seed + 10)) >= 90


def test_a_small_copy_of_a_page_is_a_copy(tmp_path):
    sheet = page(1)
    assert score_files(tmp_path, sheet, sheet.resize((300, 400))) >= 90


def test_the_sentence_says_what_two_pages_differ_in_and_verify_pairs_agrees(tmp_path):
    one, other = receipt("70247", "41.87"), receipt("70193", "68.63")
    assert score_files(tmp_path, one, other) <= 79
    found = compare_images(tmp_path / "left.png", tmp_path / "right.png")
    assert found.alignment.changed >= 2
    assert "blocks show other words or lines, so the similarity is at most 79 %." in found.sentence
    images = scan_images(tmp_path)
    hashed = similar_pairs(fingerprint_images(images, "phash"), min_similarity=70)
    assert len(hashed) == 1
    assert verify_pairs(hashed, images).similarity.tolist() == [79.0]


def test_files_that_cannot_be_read_again_change_nothing(tmp_path):
    score_files(tmp_path, receipt("70247", "41.87"), receipt("70193", "68.63"))
    files = tuple(str(tmp_path / name) for name in ("left.png", "right.png"))
    pair = [read_features(file, "aligned") for file in files]
    gone = tuple(f"{file} is gone" for file in files)
    assert align_files(*pair).similarity == align_files(*pair, gone).similarity >= 90


def test_only_pictures_with_flat_tiles_are_read_again():
    assert may_be_page(aligned_features(receipt("1", "2")).grey)
    assert not may_be_page(np.zeros((7, 300), np.uint8))
    noise = np.random.default_rng(0).integers(0, 256, (120, 160), dtype=np.uint8)
    assert not may_be_page(noise)


def test_a_sticker_on_a_photograph_is_not_other_words(tmp_path):
    stuck = photo("cat").copy()
    ImageDraw.Draw(stuck).text((20, 20), "HELLO", "yellow", ImageFont.load_default(40))
    assert score_files(tmp_path, photo("cat"), stuck) > 79


# -- a shared part ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "is_copy"), [(0.61, False), (0.9, True)])
def test_two_crops_are_copies_only_if_they_share_most_of_one_of_them(share, is_copy):
    picture = photo("coffee")
    width, height = picture.size
    part = round(share * width)
    left, right = (
        picture.crop((0, 0, part, height)),
        picture.crop((width - part, 0, width, height)),
    )
    similarity = align_pictures(left, right).similarity
    assert similarity >= 90 if is_copy else 70 <= similarity <= 79


def test_a_picture_that_lies_whole_in_another_is_a_copy():
    picture = photo("coffee")
    width, height = picture.size
    assert align_pictures(picture, picture.crop((0, 0, width // 2, height))).similarity >= 90


# -- colours of flat areas -------------------------------------------------------------------------


def chip(colour):
    """Return a word on a coloured chip on white."""
    sheet = Image.new("RGB", (400, 200), "white")
    draw = ImageDraw.Draw(sheet)
    draw.rounded_rectangle((10, 30, 390, 170), 70, fill=colour)
    draw.text((200, 100), "TOPIC", "black", ImageFont.load_default(60), "mm")
    return sheet


@pytest.mark.parametrize(
    ("one", "other"),
    [("#7a8fd0", "#ffc8f4"), ("#e6ecf7", "#ffe9cc"), ("#50ff90", "#ffee50"), ("#d04040", "grey")],
)
def test_a_chip_of_another_colour_is_not_a_copy(one, other):
    assert align_pictures(chip(one), chip(other)).similarity <= 79


@pytest.mark.parametrize("colour", ["#7a8fd0", "#ffe9cc", "#d04040", "grey"])
def test_a_compressed_chip_and_a_grey_copy_of_it_are_copies(colour):
    held = io.BytesIO()
    chip(colour).resize((300, 150)).save(held, "JPEG", quality=30)
    assert align_pictures(chip(colour), Image.open(held).convert("RGB")).similarity >= 90
    assert align_pictures(chip(colour), chip(colour).convert("L")).similarity >= 90


def test_a_grey_or_black_shirt_on_white_is_not_a_copy_of_a_red_one():
    shade = np.asarray(photo("cat").convert("L").resize((320, 320)), float)[..., None] / 255
    shape = Image.new("L", (320, 320))
    ImageDraw.Draw(shape).polygon([(90, 40), (230, 40), (290, 120), (230, 290), (90, 290)], 255)

    def shirt(*colour):
        cloth = (np.array(colour) * (0.6 + 0.5 * shade)).clip(0, 255).astype(np.uint8)
        sheet = Image.new("RGB", (320, 320), "white")
        sheet.paste(Image.fromarray(cloth), mask=shape)
        return sheet

    red, grey, black = shirt(200, 30, 30), shirt(120, 120, 120), shirt(35, 35, 38)
    for one, other in ((red, grey), (red, black), (grey, black)):
        assert align_pictures(one, other).similarity <= 79
    assert align_pictures(red, red.convert("L")).similarity >= 90


# -- drawings --------------------------------------------------------------------------------------


def mask(shape, box, size=(300, 220)):
    sheet = Image.new("L", size)
    getattr(ImageDraw.Draw(sheet), shape)(box, fill=255)
    return sheet


def test_blobs_on_black_are_judged_by_what_is_drawn(tmp_path):
    disc, line = mask("ellipse", (3, 5, 30, 22)), mask("line", (12, 3, 20, 40), (260, 300))
    assert score_files(tmp_path, disc, line) <= 79
    box = mask("rectangle", (3, 5, 30, 22))
    assert score_files(tmp_path, disc, box) <= 79
    assert score_files(tmp_path, disc, disc.resize((150, 110))) >= 79


def test_drawings_need_one_shape_of_frame_and_pictures_without_ground_are_left_to_their_frames():
    wide, narrow = mask("ellipse", (20, 20, 60, 60)), mask("ellipse", (20, 20, 60, 60), (120, 220))
    wide, narrow, shade, empty = (
        aligned_features(each)
        for each in (wide, narrow, Image.linear_gradient("L"), Image.new("L", (300, 220)))
    )
    assert draw_alike(wide, wide)
    assert not draw_alike(wide, narrow)
    assert not draw_alike(wide, empty)
    assert draw_alike(empty, empty)
    assert draw_alike(wide, shade)

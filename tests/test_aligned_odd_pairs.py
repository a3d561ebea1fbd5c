"""Pairs that share a border, a bar, a caption or a watermark, and nothing else, are not copies."""

import numpy as np
import pytest
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from aligned_pictures import align_pictures, noise, photo, table_of
from imgdup_nb.aligned.detail import is_page
from imgdup_nb.aligned.flat_areas import is_drawn, is_mostly_flat
from imgdup_nb.engine.features import aligned_features

OTHERS = [("coffee", "astronaut"), ("temple", "cat")]


def bordered(picture, share=0.15):
    """Put a broad frame with a pattern around a picture."""
    frame = noise(5, 40, 30).resize((480, 360), Image.Resampling.NEAREST)
    edge = round(360 * share)
    frame.paste(picture.resize((480 - 2 * edge, 360 - 2 * edge)), (edge, edge))
    return frame


def on_a_phone(picture):
    """Show a picture on a screen with a status bar above and buttons below."""
    screen = Image.new("RGB", (360, 640), "black")
    screen.paste(picture.resize((360, 540)), (0, 40))
    draw, font = ImageDraw.Draw(screen), ImageFont.load_default(18)
    draw.text((10, 10), "12:45", "white", font)
    for x in (250, 280, 310, 335):
        draw.rectangle((x, 12, x + 14, 28), outline="white", width=2)
    for x in (60, 170, 280):
        draw.ellipse((x, 595, x + 30, 625), outline="white", width=3)
    return screen


def captioned(picture):
    """Put a bar with many words over the foot of a picture."""
    written = picture.resize((480, 360)).copy()
    draw, font = ImageDraw.Draw(written), ImageFont.load_default(22)
    draw.rectangle((0, 260, 480, 360), "black")
    for row, words in enumerate(("BREAKING NEWS FROM TOWN", "it rains again, and again", "live")):
        draw.text((20, 268 + 30 * row), words, "white", font)
    return written


def marked(picture):
    """Write a word all over a picture."""
    layer = Image.new("RGBA", (480, 360))
    draw, font = ImageDraw.Draw(layer), ImageFont.load_default(40)
    for y in range(20, 360, 80):
        for x in range(-60 if y % 160 else 0, 480, 200):
            draw.text((x, y), "SAMPLE", (255, 255, 255, 150), font)
    whole = picture.resize((480, 360)).convert("RGBA")
    return Image.alpha_composite(whole, layer).convert("RGB")


@pytest.mark.parametrize("names", OTHERS)
@pytest.mark.parametrize("shared", [bordered, on_a_phone, captioned, marked])
def test_a_shared_border_bar_caption_or_watermark_is_not_a_shared_picture(names, shared):
    one, other = (shared(photo(name)) for name in names)
    assert align_pictures(one, other).similarity < 80


@pytest.mark.parametrize("shared", [bordered, on_a_phone, captioned, marked])
def test_the_same_picture_with_and_without_it_is_found(shared):
    assert align_pictures(photo("coffee"), shared(photo("coffee"))).similarity >= 70


@pytest.mark.parametrize("shared", [captioned, marked, bordered])
def test_noise_below_a_caption_or_watermark_is_not_other_noise(shared):
    assert align_pictures(shared(noise(1)), shared(noise(2))).similarity < 80
    assert align_pictures(shared(noise(1)), shared(photo("coffee"))).similarity < 80


def test_pictures_that_are_only_a_watermark_are_not_those_that_have_it():
    grounds = [Image.new("RGB", (480, 360), colour) for colour in ("black", "#3050a0", "#a03030")]
    for ground in grounds:
        for name in ("coffee", "temple"):
            assert align_pictures(marked(ground), marked(photo(name))).similarity < 80
    # the same word on another colour
    assert align_pictures(*(marked(ground) for ground in grounds[1:])).similarity < 80


STRIPS = {
    "noise": lambda: noise(1, 900, 1),
    "other noise": lambda: noise(2, 900, 1),
    "a row of a photograph": lambda: photo("coffee").crop((0, 200, 600, 201)),
    "black": lambda: Image.new("RGB", (900, 1)),
    "a column": lambda: noise(3, 1, 900),
    "a pixel": lambda: Image.new("RGB", (1, 1), "red"),
}


def test_strips_of_one_pixel_are_only_like_themselves(tmp_path):
    pictures = {name: make() for name, make in STRIPS.items()}
    pictures["noise again"] = noise(1, 900, 1)
    pairs = table_of(tmp_path, pictures, min_similarity=80)
    assert pairs[["left", "right"]].values.tolist() == [["noise again.png", "noise.png"]]


def test_one_colour_and_its_negative_are_not_a_pair(tmp_path):
    grounds = {"white": Image.new("RGB", (300, 200), "white"), "coffee": photo("coffee")}
    grounds |= {"black": Image.new("RGB", (300, 200)), "ramp": Image.linear_gradient("L")}
    grounds["other ramp"] = ImageOps.invert(grounds["ramp"])
    pairs = table_of(tmp_path, grounds, min_similarity=80)
    near = {frozenset(pair) for pair in pairs[["left", "right"]].values.tolist()}
    assert frozenset(("black.png", "white.png")) not in near
    assert not any("coffee.png" in pair for pair in near)


def test_a_dark_sky_is_a_photograph_and_changed_copies_of_it_are_found():
    rocket = photo("rocket")
    grey = aligned_features(rocket).grey
    assert is_mostly_flat(grey)
    assert not is_drawn(grey)
    with_bar = rocket.copy()
    ImageDraw.Draw(with_bar).rectangle((0, 300, *rocket.size), "white")
    for changed in (ImageOps.invert(rocket), with_bar, rocket.filter(ImageFilter.BoxBlur(9))):
        assert align_pictures(rocket, changed).similarity >= 80


def test_sand_sea_and_sky_are_not_taken_for_a_page():
    rng = np.random.default_rng(0)
    specks = np.where(rng.random((600, 800)) < 0.02, -90.0, 0) + rng.normal(0, 2, (600, 800))
    specks[:, :120] = rng.normal(0, 40, (600, 120))  # a tree, or a stamp
    bands = np.repeat([225.0, 190, 150, 110], 150)[:, None]
    assert not is_page((bands + specks).clip(0, 255).astype(np.uint8))
    assert is_page((225 + specks).clip(0, 255).astype(np.uint8))


def watermarked(ground):
    """Return a picture of one colour with a pale watermark."""
    sheet = Image.new("RGBA", (480, 360), ground)
    over = Image.new("RGBA", sheet.size)
    words = ImageFont.load_default(60)
    ImageDraw.Draw(over).text((60, 140), "STOCKPHOTO", fill=(255, 255, 255, 120), font=words)
    return Image.alpha_composite(sheet, over).convert("RGB")


def test_one_watermark_on_grounds_of_two_colours_is_no_copy_and_a_filter_on_one_is():
    green, rose, olive = ((82, 129, 92), (175, 113, 111), (155, 147, 67))
    for one, other in ((green, rose), (green, olive), (rose, olive)):
        assert align_pictures(watermarked(one), watermarked(other)).similarity <= 79
    for ground in (green, rose, olive):
        sheet = watermarked(ground)
        warm = sheet.convert("RGB", (1.05, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0.95, 0))
        for copy in (sheet.resize((240, 180)), warm, sheet.convert("L").convert("RGB")):
            assert align_pictures(sheet, copy).similarity >= 90


@pytest.mark.parametrize(("one", "other"), [(0, 5), (1, 5), (1, 6)])
def test_two_pictures_of_noise_with_one_large_caption_are_no_copies(one, other):
    def captioned_noise(seed):
        grey = np.random.default_rng(seed).integers(0, 256, (600, 800, 3), dtype=np.uint8)
        sheet = Image.fromarray(grey)
        font = ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans-Bold.ttf", 50)
        draw = ImageDraw.Draw(sheet)
        draw.rectangle((0, 500, 800, 600), fill="black")
        draw.text((400, 550), "BREAKING NEWS", fill="white", font=font, anchor="mm")
        return sheet

    one, other = captioned_noise(one), captioned_noise(other)
    assert align_pictures(one, other).similarity < 70
    assert align_pictures(one, one.resize((560, 420))).similarity >= 90

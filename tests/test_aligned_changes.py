"""Filtered, blurred, bent and overdrawn copies are found; other scenes and odd pairs are not."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from aligned_pictures import align_pictures, keystone, photo
from imgdup_nb import compare_images
from imgdup_nb.aligned.filters import align_blurred, fine_contrast, sigma_of, unshade
from imgdup_nb.aligned.overlays import looks_drawn
from imgdup_nb.aligned.perspective import align_in_perspective, nearest_affine
from imgdup_nb.aligned.strokes import equal_pixels
from imgdup_nb.aligned.words import say_alignment
from imgdup_nb.engine.features import aligned_features

PHOTOS = ["astronaut", "coffee", "temple"]


def vignette(picture):
    width, height = picture.size
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    shade = 1 - 0.6 * np.clip((x * x + y * y) / 2, 0, 1)
    seen = np.asarray(picture, float) * (1.12, 1, 0.8) * shade[..., None]
    return Image.fromarray(seen.clip(0, 255).astype(np.uint8))


def blurred(picture):
    return picture.filter(ImageFilter.GaussianBlur(0.025 * picture.width))


def watermark(picture):
    width, height = picture.size
    layer = Image.new("RGBA", picture.size)
    font = ImageFont.load_default(width / 6)
    place = (width / 2, height / 2)
    ImageDraw.Draw(layer).text(place, "SAMPLE", (255, 255, 255, 150), font, "mm")
    layer = layer.rotate(20)
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def sticker(picture):
    stuck, side = picture.copy(), round(0.35 * min(picture.size))
    draw = ImageDraw.Draw(stuck)
    draw.ellipse((10, 10, 10 + side, 10 + side), "#ffcd28", "black", 3)
    draw.ellipse((0.4 * side, 0.4 * side, 0.5 * side, 0.6 * side), "black")
    return stuck


def caption(picture):
    width, height = picture.size
    written = picture.copy()
    draw = ImageDraw.Draw(written)
    draw.rectangle((0, 0.8 * height, width, 0.92 * height), "black")
    font = ImageFont.load_default(0.07 * height)
    draw.text((width / 2, 0.86 * height), "It rains again", "white", font, "mm")
    return written


CHANGES = [vignette, blurred, watermark, sticker, caption]


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_slightly_changed_picture_is_found(name, change):
    similarity = align_pictures(photo(name), change(photo(name))).similarity
    assert similarity >= 70
    if change in (watermark, sticker, caption):
        assert similarity >= 80


def large_watermark(picture):
    """Write over a picture from corner to corner, in letters whose outline is dark."""
    width, height = picture.size
    layer = Image.new("RGBA", (2 * width, 2 * height))
    white, black = (255, 255, 255, 150), (0, 0, 0, 120)
    font = ImageFont.load_default(width / 4)
    ImageDraw.Draw(layer).text(
        (width, height), "SAMPLE", white, font, "mm", stroke_width=2, stroke_fill=black
    )
    left, top = width // 2, height // 2
    layer = layer.rotate(30).crop((left, top, left + width, top + height))
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


@pytest.mark.parametrize("name", [*PHOTOS, "cat", "rocket"])
def test_a_large_watermark_is_something_put_over_a_picture(name):
    found = align_pictures(photo(name), large_watermark(photo(name)))
    assert 80 <= found.similarity <= 95
    assert found.treatment == "overlay"


def test_pictures_under_one_large_watermark_are_not_copies():
    names = [*PHOTOS, "cat", "rocket"]
    for name, other in zip(names, names[1:] + names[:1], strict=True):
        pair = [large_watermark(photo(each)) for each in (name, other)]
        assert align_pictures(*pair).similarity < 70


@pytest.mark.parametrize("share", [0.08, 0.2])
def test_a_picture_in_perspective_is_found(share):
    found = [align_pictures(photo(name), keystone(photo(name), share)) for name in PHOTOS]
    assert all(each.similarity >= 80 for each in found)
    assert "perspective" in {each.treatment for each in found}


def test_a_mirrored_picture_in_perspective_is_found():
    found = [
        align_pictures(photo(name), keystone(ImageOps.mirror(photo(name)), 0.1)) for name in PHOTOS
    ]
    assert all(each.similarity >= 90 and each.mirrored for each in found)
    assert "perspective" in {each.treatment for each in found}


@pytest.mark.parametrize("change", [*CHANGES, lambda picture: keystone(picture, 0.2)])
def test_changed_pictures_are_no_copies_of_others(change):
    for name, other in zip(PHOTOS, PHOTOS[1:] + PHOTOS[:1], strict=True):
        assert align_pictures(photo(name), change(photo(other))).similarity < 70


def test_what_moved_is_not_an_overlay():
    # two frames of a film: the same background, another textured thing in front of it
    frames = []
    for thing, left in (("cat", 60), ("flower", 180)):
        frame = photo("temple").resize((480, 320)).copy()
        frame.paste(photo(thing).resize((170, 220)), (left, 60))
        frames.append(frame)
    assert align_pictures(*frames).similarity <= 79


def test_the_sentence_says_what_was_allowed_for():
    picture = photo("coffee")
    for change, words in (
        (blurred, "One of them is blurred"),
        (watermark, "Something was put over one of them"),
        (lambda seen: keystone(seen, 0.2), "shows the other in perspective"),
    ):
        assert words in say_alignment(align_pictures(picture, change(picture)), "a", "b")


def test_the_blur_of_a_picture_is_estimated():
    grey = aligned_features(photo("coffee")).grey
    soft = np.asarray(Image.fromarray(grey).filter(ImageFilter.GaussianBlur(3)))
    assert sigma_of(grey, fine_contrast(soft)) == 3
    flat = np.full((20, 30), 7, np.uint8)
    assert fine_contrast(flat) == 0
    assert fine_contrast(flat[:1, :1]) == 0


def test_pictures_that_are_equally_sharp_are_not_blurred():
    one, other = aligned_features(photo("coffee")), aligned_features(photo("cat"))
    upright = np.eye(3)[:2]
    assert align_blurred(one, other, upright).transform is None
    assert align_blurred(one, one, upright).transform is None


def test_a_picture_without_shade_is_made_once():
    features = aligned_features(photo("cat"))
    assert unshade(features) is unshade(features)
    assert abs(float(unshade(features).grey.mean()) - 128) < 3


def test_pixels_are_equal_up_to_brightness_and_contrast():
    shade = np.random.default_rng(0).integers(0, 200, 1000).astype(np.float32)
    drawn = np.where(np.arange(1000) < 700, 0.6 * shade + 30, 255).astype(np.float32)
    equal = equal_pixels(shade, drawn)
    assert equal[:700].all()
    assert equal[700:].mean() < 0.2
    assert looks_drawn(shade[700:], drawn[700:])
    assert not looks_drawn(shade[700:], shade[:300])
    nothing = np.zeros(0, np.float32)
    assert looks_drawn(nothing, nothing)
    assert looks_drawn(nothing[:1], nothing[:1])


def test_few_matches_and_folded_pictures_give_no_perspective():
    features = aligned_features(photo("cat"))
    for n in (0, 1, 2, 23):
        pairs = np.column_stack([np.arange(n)] * 2)
        assert align_in_perspective(features, features, pairs, False).transform is None
    assert nearest_affine(np.array([[1, 0, 0], [0, 1, 0], [-0.02, 0, 1]]), (100, 80)) is None
    assert nearest_affine(np.zeros((3, 3)) + np.diag([0, 0, 1]), (100, 80)) is None


# -- bad input -------------------------------------------------------------------------------------


def ruled(*words):
    """Return an empty form, or one with words in it."""
    sheet = Image.new("L", (600, 800), 255)
    draw = ImageDraw.Draw(sheet)
    for y in range(40, 760, 60):
        draw.rectangle((40, y, 560, y + 40), outline=0, width=2)
    for k, word in enumerate(words):
        draw.text((60, 46 + 60 * k), word, 0, ImageFont.load_default(28))
    return sheet


def bar_over(ground, seed):
    """Return a screen of noise or one colour under the same status bar."""
    random = np.random.default_rng(seed)
    body = random.integers(0, 256, (400, 300, 3), dtype=np.uint8) if ground is None else None
    screen = Image.new("RGB", (300, 400), ground) if body is None else Image.fromarray(body)
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, 300, 36), "black")
    draw.text((10, 8), "12:45   4G   87 %   Mail", "white", ImageFont.load_default(18))
    return screen


def framed(picture):
    width, height = picture.size
    around = Image.new("RGB", (width + 80, height + 80), "#805020")
    draw = ImageDraw.Draw(around)
    for k in range(0, width + height, 12):
        draw.line((k, 0, k - height, height + 80), "#a06a30", 3)
    around.paste(picture, (40, 40))
    return around


def only_watermark(colour):
    return watermark(Image.new("RGB", (400, 300), colour))


ODD_PAIRS = {
    "pages of one colour": (Image.new("L", (600, 800), 255), Image.new("L", (600, 800), 180)),
    "noise under one caption": (bar_over(None, 1), bar_over(None, 2)),
    "one frame around two pictures": (framed(photo("cat")), framed(photo("coffee"))),
    "a strip of one pixel": (photo("cat").resize((400, 1)), photo("coffee").resize((400, 1))),
    "a strip and a picture": (photo("cat").resize((1, 400)), photo("cat")),
    "watermarks on two colours": (only_watermark("#7a8fd0"), only_watermark("#d07a2f")),
}


@pytest.mark.parametrize("name", ODD_PAIRS)
def test_odd_pairs_are_not_copies_and_do_not_fail(name):
    assert align_pictures(*ODD_PAIRS[name]).similarity <= 79


def test_a_negative_does_not_fail_and_is_no_full_match():
    picture = photo("cat")
    negative = Image.fromarray(255 - np.asarray(picture))
    assert align_pictures(picture, negative).similarity < 100


def test_a_form_is_not_its_empty_form():
    filled = ruled("Anna Berg", "Oslo", "12.50", "2024", "yes", "blue", "left", "none", "3", "B 12")
    assert align_pictures(filled, ruled()).similarity <= 99


@pytest.fixture(scope="module")
def retina():
    """Return a photograph on a black ground, which has flat tiles as a page has."""
    return photo("retina").resize((480, 480), Image.Resampling.LANCZOS)


def percent_of_files(folder, left, right):
    left.save(folder / "left.jpg", quality=92)
    right.save(folder / "right.jpg", quality=92)
    scores = compare_images(folder / "left.jpg", folder / "right.jpg").scores
    return float(scores.similarity["aligned"])


def test_a_caption_on_a_dark_photograph_is_read_as_no_other_page(retina, tmp_path):
    captioned = retina.copy()
    draw = ImageDraw.Draw(captioned)
    draw.rectangle((0, 420, 480, 480), fill="black")
    draw.text((20, 430), "The retina of a healthy eye", font=ImageFont.load_default(28))
    assert 80 <= percent_of_files(tmp_path, retina, captioned) < 90


def test_a_brighter_photograph_on_a_black_ground_has_no_other_colours(retina, tmp_path):
    brighter = ImageEnhance.Brightness(retina).enhance(1.35)
    assert percent_of_files(tmp_path, retina, brighter) >= 90

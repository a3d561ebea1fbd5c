"""Every way a picture can be stored, opened as a person sees it."""

import importlib.util
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgdup_nb import scan_images
from imgdup_nb.engine.decode import (
    UnreadableImage,
    as_seen,
    grey_as_seen,
    open_image,
    open_lazily,
    read_plain_jpeg,
    readable,
    thumbnail,
)


def stored(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    buffer.seek(0)
    return buffer


def mean_difference(one, other):
    return np.abs(np.asarray(one, dtype=float) - np.asarray(other, dtype=float)).mean()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("kind", "tolerance"), [("JPEG", 4), ("PNG", 0), ("WEBP", 6), ("TIFF", 0)])
def test_exif_orientation_is_applied(picture, orientation, kind, tolerance):
    upright = picture(1)
    undo = {
        2: 0,
        3: 3,
        4: 1,
        5: 5,
        6: 2,
        7: 6,
        8: 4,
    }  # PIL.Image.Transpose that stores the pixels turned
    as_stored = (
        upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    )
    exif = Image.Exif()
    exif[0x0112] = orientation
    seen = open_image(stored(as_stored, kind, exif=exif))
    assert seen.size == upright.size
    assert mean_difference(seen, upright) <= tolerance


def test_a_turned_picture_is_upright_when_decoded_small(picture):
    exif = Image.Exif()
    exif[0x0112] = 6
    big = picture(1, 800, 600)
    seen = open_image(
        stored(big.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif), min_side=100
    )
    assert seen.width > seen.height
    assert mean_difference(seen, big.resize(seen.size)) < 4


def test_transparency_is_laid_on_white(picture):
    image = picture(1).convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    image.paste(picture(2).resize((40, 40)), (10, 10))
    seen = np.asarray(open_image(stored(image)))
    assert (seen[100:, 100:] == 255).all()
    assert mean_difference(seen[10:50, 10:50], picture(2).resize((40, 40))) == 0


def test_a_white_drawing_on_nothing_keeps_its_contrast():
    drawing = Image.new("RGBA", (60, 60), (255, 255, 255, 0))
    drawing.paste((255, 255, 255, 255), (20, 20, 40, 40))
    assert np.asarray(open_image(stored(drawing))).std() > 50


def test_a_transparent_palette_picture_is_laid_on_white():
    palette = Image.new("P", (20, 20), 0)
    palette.putpalette([200, 0, 0, 0, 200, 0])
    palette.paste(1, (5, 5, 10, 10))
    seen = np.asarray(open_image(stored(palette, transparency=0)))
    assert tuple(seen[0, 0]) == (255, 255, 255)
    assert tuple(seen[7, 7]) == (0, 200, 0)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I", "F", "I;16"]
)
def test_every_mode_shows_about_the_same_picture(picture, mode):
    grey = picture(1).convert("L")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    elif mode == "LAB":
        image = Image.merge(
            "LAB", [grey, Image.new("L", grey.size, 128), Image.new("L", grey.size, 128)]
        )
    elif mode == "P":
        image = grey.quantize(256)
    else:
        image = grey.convert(mode) if mode in {"I", "F", "1"} else grey.convert("RGB").convert(mode)
    # Pillow before 13 cannot read the plain file of this mode that it writes
    packed = {"compression": "tiff_lzw"} if mode == "YCbCr" else {}
    seen = open_image(stored(image, "TIFF", **packed))
    assert seen.mode == "RGB"
    limit = {"1": 12, "LAB": 20}.get(mode, 3)  # one bit a pixel is grainy; lightness is not grey
    shrunk = [image.convert("L").resize((16, 12), Image.Resampling.BOX) for image in (seen, grey)]
    assert mean_difference(*shrunk) < limit


@pytest.mark.parametrize("values", [np.nan, np.inf, -np.inf, 0.0, 1e30])
def test_odd_floats_do_not_matter(values):
    pixels = np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20)
    pixels[3, 3] = values
    assert open_image(stored(Image.fromarray(pixels), "TIFF")).size == (20, 20)


def test_the_first_frame_of_an_animation_is_shown(picture):
    animation = stored(picture(1), "GIF", save_all=True, append_images=[picture(2), picture(3)])
    assert mean_difference(open_image(animation), picture(1)) < 20


def test_a_picture_of_too_many_pixels_is_refused_with_its_size():
    with pytest.raises(UnreadableImage, match=r"too large: 400 x 300 .* max_pixels="):
        open_image(stored(Image.new("RGB", (400, 300))), max_pixels=119_999)
    assert open_image(stored(Image.new("RGB", (400, 300))), max_pixels=120_000).size == (400, 300)


def test_a_jpeg_of_hundreds_of_megapixels_is_decoded_small():
    huge = stored(
        Image.new("L", (20_000, 15_000), 77), "JPEG"
    )  # beyond Pillow's own limit of 179 million
    seen = open_image(huge, min_side=128)
    assert 128 <= seen.height < seen.width < 300
    assert np.asarray(seen).mean() == 77


def test_pillows_own_limit_stands_again_afterwards(picture):
    before = Image.MAX_IMAGE_PIXELS
    open_image(stored(picture(1)))
    with pytest.raises(UnreadableImage):
        open_image(io.BytesIO(b"x"))
    assert before is not None
    assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("cut", [0, 1, 10, 60, 500])
def test_cut_files_are_unreadable_and_nothing_else(picture, cut):
    for kind in ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"]:
        whole = stored(picture(1), kind).getvalue()
        with pytest.raises(UnreadableImage):
            open_image(io.BytesIO(whole[:cut]))


def test_a_missing_file_is_unreadable(tmp_path):
    with pytest.raises(UnreadableImage, match="gone"):
        open_image(tmp_path / "nothing.png")


def test_a_thumbnail_is_a_jpeg_of_the_size_asked_for(picture):
    small = Image.open(io.BytesIO(thumbnail(stored(picture(1, 800, 600)), side=100)))
    assert (small.format, small.size) == ("JPEG", (100, 75))


@pytest.mark.parametrize("orientation", [1, 6])
def test_heic_photographs_are_read_upright(picture, tmp_path, orientation):
    import pillow_heif

    exif = Image.Exif()
    exif[0x0112] = orientation
    stored_as = picture(1) if orientation == 1 else picture(1).transpose(Image.Transpose.ROTATE_90)
    pillow_heif.from_pillow(stored_as).save(tmp_path / "a.heic", quality=95, exif=exif.tobytes())
    seen = open_image(tmp_path / "a.heic")
    assert seen.size == (160, 120)
    assert mean_difference(seen, picture(1)) < 8


def test_without_its_plugin_a_heic_photograph_names_the_line_that_installs_it(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("imgdup_nb.engine.reading.HAS_HEIF", False)
    (tmp_path / "a.heic").write_bytes(bytes(4) + b"ftypheic" + bytes(20))
    with pytest.warns(UserWarning, match=r"pip install .imgdup-nb\[heif\]."):
        scan_images(tmp_path)


# -- grey, as a scan decodes it --------------------------------------------------------------------

DAMAGE = {
    "none": lambda stored: stored,
    "cut": lambda stored: stored[: len(stored) * 2 // 3],
    "more after the end": lambda stored: stored + b"and more",
    "zeros in the middle": lambda stored: (
        stored[: len(stored) // 2] + bytes(20) + stored[len(stored) // 2 + 20 :]
    ),
}


def grey_both_ways(stored):
    """Return what `grey_as_seen` and `as_seen` say of a file: pixels, or why there are none."""

    def decode(function):
        try:
            with readable(), open_lazily(io.BytesIO(stored)) as image:
                pixels = np.asarray(function(image, min_side=128))
                return pixels.shape, pixels.tobytes()
        except UnreadableImage as problem:
            return str(problem)

    return decode(lambda image, min_side: grey_as_seen(image, min_side=min_side).pixels), decode(
        lambda image, min_side: as_seen(image, min_side=min_side, mode="L")
    )


@pytest.mark.parametrize(
    "size", [(1, 1), (7, 300), (255, 257), (256, 256), (519, 300), (2100, 2311)]
)
@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {"quality": 75}),
        ("RGB", {"quality": 30, "subsampling": 0, "progressive": True}),
        ("RGB", {"quality": 90, "subsampling": 1, "restart_marker_blocks": 5}),
        ("RGB", {"keep_rgb": True}),
        ("L", {"quality": 60}),
        ("CMYK", {}),
    ],
)
def test_a_grey_jpeg_has_the_pixels_that_pillow_decodes(picture, size, mode, options):
    buffer = io.BytesIO()
    picture(5, *size).convert(mode).save(buffer, "JPEG", **options)
    fast, slow = grey_both_ways(buffer.getvalue())
    assert fast == slow


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_turned_and_damaged_files_are_judged_as_pillow_judges_them(
    picture, kind, orientation, damage
):
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    picture(6, 640, 300).save(buffer, kind, exif=exif)
    fast, slow = grey_both_ways(DAMAGE[damage](buffer.getvalue()))
    assert fast == slow


def test_jpeg_is_decoded_without_pillow_where_nothing_speaks_against_it(picture, monkeypatch):
    buffer = io.BytesIO()
    picture(7, 300, 400).save(buffer, "JPEG")
    with open_lazily(buffer) as image:
        monkeypatch.setattr(image, "load", None)
        assert grey_as_seen(image, min_side=128).pixels.shape == (200, 150)


PLAIN = {
    "baseline": ("RGB", {"quality": 75}),
    "progressive": ("RGB", {"progressive": True}),
    "full colours": ("RGB", {"subsampling": 0}),
    "grey": ("L", {}),
    "with a comment": ("RGB", {"comment": b"a view from the hill"}),
    "that can restart": ("RGB", {"restart_marker_blocks": 5}),
}


def stored_jpeg(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("size", [(1, 1), (255, 257), (519, 300), (1541, 1542)])
@pytest.mark.parametrize("kind", PLAIN)
def test_a_plain_jpeg_is_read_without_pillow_and_is_what_pillow_makes_of_it(picture, kind, size):
    mode, options = PLAIN[kind]
    stored = stored_jpeg(picture(8, *size).convert(mode), **options)
    read = read_plain_jpeg(stored, min_side=128)
    with open_lazily(io.BytesIO(stored)) as image:
        assert (read.mode, read.width, read.height) == (image.mode, *image.size)
        assert np.array_equal(read.grey, np.asarray(as_seen(image, min_side=128, mode="L")))


@pytest.mark.parametrize(
    "more",
    [
        {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"},
        {"icc_profile": b"profile"},
        {"extra": b"\xff\xe1\x00\x23http://ns.adobe.com/xap/1.0/\0<x/>"},  # XMP
        {"keep_rgb": True},
    ],
)
def test_a_jpeg_that_holds_more_than_a_picture_is_left_to_pillow(picture, more):
    assert read_plain_jpeg(stored_jpeg(picture(8, 90, 70), **more), min_side=32) is None


def test_a_damaged_or_too_large_jpeg_is_left_to_pillow(picture):
    stored = stored_jpeg(picture(8, 300, 200))
    assert read_plain_jpeg(stored, min_side=128, max_pixels=300 * 200) is not None
    assert read_plain_jpeg(stored, min_side=128, max_pixels=300 * 200 - 1) is None
    assert read_plain_jpeg(DAMAGE["cut"](stored), min_side=128) is None
    assert [
        read_plain_jpeg(stored[:length], min_side=128) for length in (0, 2, 3, 20, 25, 200, 700)
    ] == [None] * 7


def test_each_change_of_a_header_is_judged_as_pillow_judges_it(picture):
    stored, rng = stored_jpeg(picture(8, 200, 150)), np.random.default_rng(0)
    taken = 0
    for place, value in zip(
        rng.integers(2, stored.index(b"\xff\xda") + 14, 400), rng.integers(0, 256, 400), strict=True
    ):
        changed = stored[:place] + bytes([value]) + stored[place + 1 :]
        read = read_plain_jpeg(changed, min_side=64)
        if read is not None:
            taken += 1
            with open_lazily(io.BytesIO(changed)) as image:
                assert (read.mode, read.width, read.height) == (image.mode, *image.size)
                assert np.array_equal(read.grey, np.asarray(as_seen(image, min_side=64, mode="L")))
    assert 100 < taken < 400


def test_mutated_jpegs_do_not_end_the_process():
    script = Path(__file__).with_name("fuzz_jpeg.py")
    done = subprocess.run(
        [sys.executable, script, "4000"], capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert re.match(r"4000 inputs, \d{3,} pictures, \d{4} refused", done.stdout)


def lossless_jpeg(side):
    spec = importlib.util.spec_from_file_location(
        "fuzz_jpeg", Path(__file__).with_name("fuzz_jpeg.py")
    )
    fuzz = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fuzz)
    return fuzz.lossless_jpeg(side)


@pytest.mark.parametrize("min_side", [None, 64])
def test_a_lossless_jpeg_is_decoded_at_its_full_size(min_side):
    stored = lossless_jpeg(512)
    assert read_plain_jpeg(stored, min_side=64) is None
    assert (np.asarray(open_image(io.BytesIO(stored), min_side=min_side)) == 128).all()
    with open_lazily(io.BytesIO(stored)) as image:
        assert (grey_as_seen(image, min_side=64).pixels == 128).all()


def test_a_jpeg_of_unusual_sampling_is_no_damaged_one(picture):
    sampled = bytearray(stored(picture(1, 800, 600), "JPEG", subsampling=2).getvalue())
    start = sampled.index(b"\xff\xc0") + 10
    assert sampled[start : start + 2] == b"\x01\x22"
    sampled[start + 1] = 0x14  # 4:4:1 in place of 4:2:0: as many blocks, in another order
    assert read_plain_jpeg(bytes(sampled), min_side=64) is None
    with open_lazily(io.BytesIO(bytes(sampled))) as image:
        assert grey_as_seen(image, min_side=64).pixels.shape == (75, 100)

"""A file that can be shown although a part of it is damaged says so in `remarks`."""

import io

import numpy as np
import pytest
from PIL import Image

from fuzz_jpeg import lossless_jpeg
from imgdup_nb import Collection, scan_images
from imgdup_nb.engine import damage
from imgdup_nb.engine.damage import find_remarks

STORED = {
    "JPEG": {"quality": 90},
    "JPEG with EXIF": {"quality": 90, "exif": True},
    "JPEG, turned": {"quality": 90, "exif": 6},
    "JPEG, progressive": {"quality": 90, "progressive": True},
    "JPEG, optimized": {"quality": 90, "optimize": True},
}


def stored(image, form, **options):
    buffer = io.BytesIO()
    if options.get("exif"):
        exif = Image.Exif()
        exif[0x0112] = int(options["exif"])
        options["exif"] = exif
    image.save(buffer, form, **options)
    return buffer.getvalue()


def noisy(width=400, height=300):
    values = np.random.default_rng(0).integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    return Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("kind", STORED)
def test_a_jpeg_of_which_a_sector_is_zeros_has_a_remark_and_the_sound_one_has_none(tmp_path, kind):
    good = stored(noisy(), "JPEG", **STORED[kind])
    bad = bytearray(good)
    bad[len(good) // 2 : len(good) // 2 + 4096] = bytes(4096)
    (tmp_path / "good.jpg").write_bytes(good)
    (tmp_path / "bad.jpg").write_bytes(bad)
    images = scan_images(tmp_path).set_index("image")
    assert images.problem.tolist() == ["", ""]
    assert images.remarks["good.jpg"] == ""
    assert images.remarks["bad.jpg"] != ""


def test_a_run_of_zeros_that_no_decoder_sees_has_a_remark():
    good = stored(noisy(), "JPEG", quality=90)
    bad = bytearray(good)
    bad[-302:-2] = bytes(300)
    assert find_remarks(bytes(bad), "JPEG", is_clean=True) == "a part of it is zeros"
    assert find_remarks(good, "JPEG", is_clean=True) == ""


@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"progressive": True}])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_flat_picture_has_no_remark(options, mode):
    flat = Image.new(mode, (2500, 2000), "white")
    flat.paste(noisy().convert(mode), (0, 0))
    assert find_remarks(stored(flat, "JPEG", **options), "JPEG") == ""


@pytest.mark.parametrize("form", ["PNG", "GIF", "WEBP"])
def test_sound_files_have_no_remark(form, picture):
    assert find_remarks(stored(picture(1), form), form) == ""


def test_a_png_of_which_a_checksum_is_wrong_says_so(tmp_path):
    good = stored(Image.effect_noise((200, 150), 60), "PNG")
    bad = bytearray(good)
    bad[-14] ^= 1  # before the twelve bytes of the last chunk
    (tmp_path / "a.png").write_bytes(bad)
    (tmp_path / "b.png").write_bytes(good[:-12])  # without its end
    images = scan_images(tmp_path)
    assert images.problem.tolist() == ["", ""]
    assert "checksum of 'IDAT'" in images.remarks[0]
    assert images.remarks[1] == "the file ends early"


def test_a_collection_keeps_remarks(tmp_path):
    good = stored(noisy(), "JPEG", quality=90)
    (tmp_path / "a.jpg").write_bytes(good[:9000] + bytes(4096) + good[13096:])
    with Collection(tmp_path) as photos:
        photos.update()
    with Collection(tmp_path) as photos:
        images = photos.images
    assert images.equals(scan_images(tmp_path))
    assert images.remarks[0] != ""
    assert images.kind[0] == ""


class Decoder:
    """Stands for simplejpeg: notes what it is asked for."""

    def __init__(self):
        self.asked = []

    def decode_jpeg(self, stored, *_, **options):
        self.asked.append(options)


def test_a_jpeg_that_is_not_decoded_smaller_is_not_asked_about_in_a_small_size(monkeypatch):
    decoder = Decoder()
    monkeypatch.setattr(damage, "simplejpeg", decoder)
    sound = stored(noisy(), "JPEG")
    others = [lossless_jpeg(64), lossless_jpeg(64, bits=12), b"", b"\xff\xd8", sound + sound]
    others.append(sound[:2] + lossless_jpeg(64)[2:] + sound[2:])  # the first of two frames counts
    assert [find_remarks(one, "JPEG") for one in others] == [""] * 6
    assert len(decoder.asked) == 1  # of the sound one, which is followed by a second picture


def test_a_lossless_jpeg_is_scanned_in_every_size(tmp_path):
    for side in (64, 512, 1024):
        (tmp_path / f"{side}.jpg").write_bytes(lossless_jpeg(side))
    images = scan_images(tmp_path)
    assert list(images.problem) == list(images.remarks) == [""] * 3
    assert sorted(images.width) == [64, 512, 1024]

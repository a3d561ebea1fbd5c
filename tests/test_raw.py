"""RAW files of cameras are known by their structure, and shown by their preview or by LibRaw."""

import io
import sys
import types

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgdup_nb import scan_images
from imgdup_nb.engine import raw
from imgdup_nb.engine.decode import UnreadableImage, open_image, thumbnail
from imgdup_nb.engine.pixels import digest_pixels

SENSOR = 32803  # a colour filter array


def jpeg(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def write_raw(path, image, *, preview=None, orientation=1, dng=False):
    """Write a RAW file as cameras do: a thumbnail, below it the sensor's values, and a preview."""
    values = np.asarray(image.convert("L")).astype(np.uint16) << 6
    tags = [(271, "s", 0, "A CAMERA", True), (274, "H", 1, orientation, True)]
    tags += [(50706, "B", 4, (1, 4, 0, 0), True)] if dng else []
    thumb = np.asarray(image.resize((80, 60)))
    with tifffile.TiffWriter(path, byteorder="<") as file:
        file.write(
            thumb, photometric="rgb", subifds=1, subfiletype=1, metadata=None, extratags=tags
        )
        file.write(values, photometric=SENSOR, subfiletype=0, metadata=None)
    if preview is not None:
        with open(path, "ab") as file:
            file.write(preview)


@pytest.fixture(autouse=True)
def without_rawpy(monkeypatch):
    monkeypatch.setattr(raw, "has_rawpy", lambda: False)


@pytest.mark.parametrize("name", ["a.nef", "a.dng", "a.tif", "a.bin"])
def test_a_raw_file_is_known_by_its_structure_whatever_its_name(tmp_path, picture, name):
    shot = picture(1, 640, 480)
    write_raw(tmp_path / name, shot, preview=jpeg(shot))
    row = scan_images(tmp_path).iloc[0]
    assert (row.kind, row.format, row.lossless, row.problem) == ("raw", "RAW", True, "")
    assert (row.width, row.height, row.frames) == (640, 480, 1)


def test_it_is_shown_by_its_largest_preview_upright(tmp_path, picture):
    shot = picture(1, 640, 480)
    lying = shot.transpose(Image.Transpose.ROTATE_90)
    write_raw(
        tmp_path / "a.nef", lying, orientation=6, preview=jpeg(picture(2, 64, 48)) + jpeg(lying)
    )
    shown = open_image(tmp_path / "a.nef")
    assert shown.size == (640, 480)
    assert np.abs(np.asarray(shown, float) - np.asarray(shot, float)).mean() < 4
    assert Image.open(io.BytesIO(thumbnail(tmp_path / "a.nef", 100))).size == (100, 75)
    row = scan_images(tmp_path).iloc[0]
    assert (row.width, row.height) == (640, 480)
    assert row.metadata > 0


def test_without_a_preview_the_thumbnail_is_shown(tmp_path, picture):
    write_raw(tmp_path / "a.nef", picture(1, 640, 480))
    assert open_image(tmp_path / "a.nef").size == (80, 60)
    assert scan_images(tmp_path).width[0] == 640


@pytest.mark.parametrize(
    "start", [b"FUJIFILMCCD-RAW 0201", b"IIU\0" + bytes(20), b"\0\0\0\x18ftypcrx \0\0\0\1"]
)
def test_a_raw_file_that_is_no_tiff_is_known_by_its_start(tmp_path, picture, start):
    (tmp_path / "a").write_bytes(start + bytes(100) + jpeg(picture(1, 320, 240)) + b"sensor")
    row = scan_images(tmp_path).iloc[0]
    assert (row.kind, row.width, row.problem) == ("raw", 320, "")
    (tmp_path / "a").write_bytes(start + bytes(5000))
    with pytest.raises(UnreadableImage, match=r"pip install .imgdup-nb\[raw\]."):
        open_image(tmp_path / "a")


@pytest.mark.parametrize("options", [{}, {"compression": "jpeg"}, {"compression": "tiff_lzw"}])
def test_an_ordinary_tiff_is_no_raw_file(tmp_path, picture, options):
    picture(1).save(tmp_path / "a.tif", **options)
    row = scan_images(tmp_path).iloc[0]
    assert (row.kind, row.format) == ("", "TIFF")


def test_two_raw_files_of_one_preview_have_other_pixels(tmp_path, picture):
    for name, seed in (("a.nef", 1), ("b.nef", 2)):
        write_raw(tmp_path / name, picture(seed, 320, 240), preview=jpeg(picture(3, 320, 240)))
    assert digest_pixels(tmp_path / "a.nef") != digest_pixels(tmp_path / "b.nef")


def test_with_rawpy_it_is_decoded_and_a_failure_shows_the_preview(tmp_path, picture, monkeypatch):
    """A stand-in for rawpy: the real one is an optional package."""
    shot = picture(1, 320, 240)
    write_raw(tmp_path / "a.nef", shot, preview=jpeg(shot))

    class Opened:
        sizes = types.SimpleNamespace(width=320, height=240, raw_width=320, raw_height=240)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def postprocess(self, *, half_size, **_):
            side = 2 if half_size else 1
            return np.full((240 // side, 320 // side, 3), 77, np.uint8)

    failure = type("LibRawError", (Exception,), {})
    module = types.SimpleNamespace(imread=lambda _source: Opened(), LibRawError=failure)
    monkeypatch.setitem(sys.modules, "rawpy", module)
    monkeypatch.setattr(raw, "has_rawpy", lambda: True)
    assert np.asarray(open_image(tmp_path / "a.nef")).tolist()[0][0] == [77, 77, 77]
    assert open_image(tmp_path / "a.nef", min_side=100).size == (160, 120)
    assert scan_images(tmp_path).detail[0] == 0

    def fail(_source):
        raise failure("unsupported")

    module.imread = fail
    shown = open_image(tmp_path / "a.nef")
    assert np.abs(np.asarray(shown, float) - np.asarray(shot, float)).mean() < 4

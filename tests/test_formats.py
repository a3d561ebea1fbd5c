"""Only formats that we chose are opened, and no other program is ever started."""

import io
import os
import subprocess

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, WmfImagePlugin

from imgdup_nb import UnreadableImage, compare_images, scan_images
from imgdup_nb.engine.decode import UnopenedFormat, open_image
from imgdup_nb.engine.formats import FORMATS, known_formats, may_be_picture

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\n{} loop\n%%EOF\n"
WMF = b"\xd7\xcd\xc6\x9a\0\0" + bytes(4) + b"\x64\0\x64\0" + b"\x64\0" + bytes(6) + b"\x01\0\x09\0"
EMF = b"\x01\0\0\0" + bytes(36) + b" EMF" + bytes(80)
NOT_OPENED = {
    "EPS": POSTSCRIPT,
    "EPS with a preview": b"\xc5\xd0\xd3\xc6" + (32).to_bytes(4, "little") + bytes(24) + POSTSCRIPT,
    "WMF": WMF + bytes(60),
    "EMF": EMF,
}


@pytest.fixture
def no_programs(monkeypatch):
    """Make it a fault to start a program, and let Pillow believe that there is one."""

    def started(*_args, **_kwargs):
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", started)
    monkeypatch.setattr(os, "system", started)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", "gs")
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", started)
    monkeypatch.setattr(WmfImagePlugin, "_handler", type("H", (), {"open": started}), raising=False)


@pytest.mark.usefixtures("no_programs")
@pytest.mark.filterwarnings("ignore:.*could not be read")
@pytest.mark.parametrize("name", ["a.jpg", "a.eps", "a.png"])
@pytest.mark.parametrize("form", NOT_OPENED)
def test_what_another_program_would_open_is_a_row_with_a_problem(tmp_path, form, name):
    (tmp_path / name).write_bytes(NOT_OPENED[form])
    [problem] = scan_images(tmp_path).problem
    assert problem == f"{form.split()[0]} is not opened here: that would start another program"
    with pytest.raises(UnopenedFormat):
        open_image(tmp_path / name)
    with pytest.raises(UnreadableImage, match="another program"):
        compare_images(tmp_path / name, tmp_path / name)


def test_a_picture_inside_of_another_container_is_not_opened(tmp_path):
    inner = io.BytesIO()
    Image.new("L", (8, 8)).save(inner, "PNG")
    # an IPTC file: a record of its own for size, layers, compression and the picture's bytes
    fields = [((3, 60), b"\x01\x00"), ((3, 20), b"\0\x08"), ((3, 30), b"\0\x08"), ((3, 120), b"\1")]
    stored = b"".join(
        bytes([0x1C, *tag]) + len(data).to_bytes(2, "big") + data for tag, data in fields
    )
    stored += b"\x1c\x08\x0a" + len(inner.getvalue()).to_bytes(2, "big") + inner.getvalue()
    with pytest.raises(UnreadableImage):
        open_image(io.BytesIO(stored))


def test_formats_that_start_programs_or_hold_no_pixels_are_not_in_the_list():
    Image.init()
    assert not {"EPS", "WMF", "IPTC", "MPEG", "HDF5", "GRIB", "BUFR"} & set(FORMATS)
    assert set(known_formats()) <= set(Image.OPEN)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "TGA", "ICO"])
def test_a_picture_is_known_by_its_first_bytes(picture, form):
    buffer = io.BytesIO()
    picture(1, 200, 150).save(buffer, form)
    assert may_be_picture(buffer.getvalue()[:4096])


@pytest.mark.filterwarnings("ignore:none of the 1 file is a picture")
@pytest.mark.parametrize("start", [b"\0\0\0\x18ftypmp42", b"ID3\x04", b"PK\x03\x04", b"\x1aE\xdf"])
def test_of_a_large_file_that_is_no_picture_only_the_start_is_read(tmp_path, monkeypatch, start):
    noise = np.random.default_rng(0).bytes(3_000_000)
    (tmp_path / "film.bin").write_bytes(start + noise)
    taken, read = [], os.read
    monkeypatch.setattr(os, "read", lambda descriptor, n: taken.append(n) or read(descriptor, n))
    assert "not an image" in scan_images(tmp_path).problem[0]
    assert sum(taken) < 100_000

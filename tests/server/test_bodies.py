"""Whatever a client sends as a body is read, or refused with a 4xx: never a fault of the server."""

import contextlib
import io
import zlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from imgdup_nb.engine.decode import UnreadableImage
from imgdup_nb.server.errors import Refused
from imgdup_nb.server.handlers import parse_value
from imgdup_nb.server.operations import OPERATIONS
from imgdup_nb.server.uploads import check_picture, read_form, read_picture, read_tag_list

KINDS = st.sampled_from(
    [
        "multipart/form-data; boundary=b",
        'multipart/form-data; boundary="b"',
        "multipart/form-data; boundary=\xe9",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "application/json",
        "application/octet-stream",
        "image/png; x",
        ";",
        "",
    ]
)
HEADER = b'--b\r\nContent-Disposition: form-data; name="imageData"'
PIECES = st.sampled_from(
    [
        b"--b\r\n",
        b"--b--",
        HEADER,
        b'; filename="',
        b"; filename*=bogus'en'%ff",
        b'"',
        b"\r\n\r\n",
        b"\r\n",
        b"tags=",
        b'["a"]',
        b"%",
        b"&",
        b"=",
        b"[" * 3000,
        b"1e999",
        b"\xff",
        b"\0",
    ]
)
BODIES = st.lists(PIECES | st.binary(max_size=6), max_size=12).map(b"".join)
PARAMETERS = {(p.name, p.kind): p for operation in OPERATIONS for p in operation.parameters}


def read_or_refuse(function, *arguments):
    """Call a function that may refuse with a 4xx; any other exception fails the test."""
    with contextlib.suppress(Refused):
        function(*arguments)


@settings(max_examples=300, deadline=None)
@given(KINDS, BODIES)
@example("application/x-www-form-urlencoded", b"&".join([b"a=1"] * 1001))
@example("multipart/form-data; boundary=b", HEADER + b"; filename*=bogus'en'%ff\r\n\r\nx\r\n--b--")
def test_a_body_is_read_or_refused(kind, body):
    for read in (read_form, read_picture, read_tag_list):
        read_or_refuse(read, kind, body)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(PARAMETERS)), st.text(max_size=12) | st.from_regex(r"[-+0-9.eE]{9}"))
def test_the_value_of_a_parameter_is_read_or_refused(which, text):
    try:
        value = parse_value(PARAMETERS[which], text)
    except ValueError:
        return
    if which[1] == "percent":
        assert 0 <= value <= 100
    if which[1] == "count":
        assert 1 <= value < 1_000_000_000


def pictures():
    for form in ("PNG", "GIF", "BMP", "TIFF", "JPEG", "WEBP", "PPM"):
        buffer = io.BytesIO()
        Image.effect_noise((24, 16), 50).convert("RGB").save(buffer, form)
        yield buffer.getvalue()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(pictures())), st.data())
def test_a_damaged_header_is_judged_without_a_fault(picture, data):
    damaged = bytearray(picture)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, min(len(damaged), 120) - 1))] = data.draw(
            st.integers(0, 255)
        )
    with contextlib.suppress(UnreadableImage):  # answered with 422
        read_or_refuse(check_picture, bytes(damaged[: data.draw(st.integers(0, 2000))]), 10_000)


@pytest.mark.parametrize(
    ("side", "kind", "words"),
    [(50_000, 0, "50000 x 50000 is 2,500 megapixels"), (9_000, 6, "GB of memory to decode")],
)
def test_a_large_picture_in_few_bytes_is_refused_by_its_header(side, kind, words):
    header = side.to_bytes(4, "big") * 2 + bytes([8, kind, 0, 0, 0])
    chunk = (13).to_bytes(4, "big") + b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + chunk + zlib.crc32(b"IHDR" + header).to_bytes(4, "big")
    bomb += b"\0\0\0\0IDAT" + zlib.crc32(b"IDAT").to_bytes(4, "big")
    with pytest.raises(Refused, match=words) as refused:
        check_picture(bomb, 100_000_000)
    assert refused.value.status == 413

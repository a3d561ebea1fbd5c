"""Which formats are opened: a list that we choose, all of them decoded inside this process.

To add a format, name its Pillow plugin in FORMATS. It must decode the pixels itself. Pillow's EPS
plugin starts Ghostscript, which runs the program in the file. Its WMF plugin asks Windows. IPTC
opens a second picture of any format inside the first. Such formats are never opened.
"""

from __future__ import annotations

import io
from functools import cache
from importlib.util import find_spec

from PIL import Image

from .raw import is_raw_start

# asked in this order: what comes often first; MPO is opened as a JPEG
FORMATS = (
    "JPEG", "PNG", "GIF", "WEBP", "HEIF", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM", "DIB", "ICO",
    "CUR", "ICNS", "PSD", "QOI", "DDS", "PCX", "DCX", "SGI", "SUN", "MSP", "XBM", "XPM", "FLI",
    "FITS", "PIXAR", "FTEX", "BLP", "GBR", "XVTHUMB", "MCIDAS", "IM", "IMT", "PCD", "SPIDER",
    "TGA",
)  # fmt: skip
# how files begin that Pillow hands to another program, or that hold commands in place of pixels
OTHER_PROGRAMS = {
    b"%!": "EPS",
    b"\x04%!": "EPS",
    b"\xc5\xd0\xd3\xc6": "EPS",
    b"\xd7\xcd\xc6\x9a": "WMF",
    b"\x01\x00\x09\x00\x00\x03": "WMF",
}
HAS_HEIF = find_spec("pillow_heif") is not None
HEIC_BRANDS = {b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypmsf1", b"ftyphevc"}


@cache
def known_formats() -> tuple[str, ...]:
    """Return the formats of FORMATS that can be read here, and let Pillow learn them; once."""
    Image.init()
    if HAS_HEIF:
        import pillow_heif

        pillow_heif.register_heif_opener()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def may_be_picture(head: bytes) -> bool:
    """Tell whether a file that begins like this may be a picture of a format that is opened.

    Examples
    --------
    >>> may_be_picture(b"GIF89a" + bytes(20)), may_be_picture(b"ftyp of a film" + bytes(20))
    (True, False)
    """
    if head.startswith(b"\xff\xd8\xff") or is_raw_start(head):  # most: no turn through the others
        return True
    silent = []
    for name in known_formats():
        _, accept = Image.OPEN[name]
        if accept is None:
            silent.append(name)
        elif accept(head[:16]) is True:
            return True
    try:  # these have no sign of their own: their whole header must make sense
        Image.open(io.BytesIO(head), formats=silent).close()
    except Exception:
        return False
    return True


def other_program(head: bytes) -> str:
    """Return the format of a file that another program would have to open, empty for all others.

    Examples
    --------
    >>> other_program(b"%!PS-Adobe-3.0 EPSF-3.0"), other_program(b"GIF89a")
    ('EPS', '')
    """
    if head[40:44] == b" EMF":
        return "EMF"
    return next((name for start, name in OTHER_PROGRAMS.items() if head.startswith(start)), "")


def is_heic(head: bytes) -> bool:
    """Tell whether a file begins as a HEIC photograph does."""
    return head[4:12] in HEIC_BRANDS

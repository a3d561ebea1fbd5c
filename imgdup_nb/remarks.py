"""What decoders print of their own accord, hundreds of lines for one damaged TIFF: kept out of notebooks.

Why a picture cannot be read comes as an exception and stands in the `problem` of its row. What libtiff prints beside that goes
past Python to the process's error output, which a notebook shows in red, before everything else.
"""

from __future__ import annotations

import ctypes
import logging
from contextlib import suppress
from functools import cache
from itertools import chain
from pathlib import Path

import PIL

HANDLERS = ("TIFFSetWarningHandler", "TIFFSetErrorHandler")


@cache
def hush_decoders() -> None:
    """Let libtiff, where it came with Pillow's wheel, and Pillow's log say nothing on the error output; once per process.

    Who has set up logging still gets Pillow's messages. Windows has libtiff inside of Pillow, out of reach.
    """
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    for path in find_libtiff():
        with suppress(OSError, AttributeError):  # one built otherwise goes on talking, and pictures are read all the same
            library = ctypes.CDLL(str(path))  # the one that Pillow has loaded, not a second one
            for name in HANDLERS:
                handler = getattr(library, name)
                handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
                handler(None)


def find_libtiff() -> list[Path]:
    """Return the libtiff of Pillow's wheel: none on Windows, nor where a distribution built Pillow."""
    folder = Path(PIL.__file__).parent
    return list(chain(folder.parent.glob("pillow.libs/libtiff*.so*"), folder.glob(".dylibs/libtiff*.dylib")))

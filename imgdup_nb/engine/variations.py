"""Known changes of a picture: how copies come to differ from their original."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

Change = Callable[[Image.Image], Image.Image]


def _scale(width: float, height: float) -> Change:
    return lambda image: image.resize(
        (max(1, round(image.width * width)), max(1, round(image.height * height)))
    )


def _enhance(quality: Callable[[Image.Image], Any], factor: float) -> Change:
    return lambda image: quality(image).enhance(factor)


def _turn(degrees: float) -> Change:
    return lambda image: image.rotate(degrees, Image.Resampling.BICUBIC, expand=True)


def _crop(share: float) -> Change:
    """Cut this share of the width off at the left and of the height off at the top."""
    return lambda image: image.crop(
        (round(image.width * share), round(image.height * share), *image.size)
    )


def _sepia(image: Image.Image) -> Image.Image:
    return ImageOps.colorize(image.convert("L"), black="#2b1b0e", white="#fff0d0")


def _sixteen_bits(image: Image.Image) -> Image.Image:
    return Image.fromarray(
        np.asarray(image.convert("L"), dtype=np.uint16) * 257
    )  # 255 * 257 = 65535


def _transparent_border(image: Image.Image) -> Image.Image:
    return ImageOps.expand(image.convert("RGBA"), border=image.width // 20, fill=(0, 0, 0, 0))


def _add_caption(image: Image.Image) -> Image.Image:
    captioned, bar = image.copy(), max(1, image.height // 8)
    draw = ImageDraw.Draw(captioned)
    draw.rectangle((0, image.height - bar, *image.size), fill="black")
    middle = (image.width / 2, image.height - bar / 2)
    draw.text(
        middle,
        "seen somewhere else",
        fill="white",
        font=ImageFont.load_default(bar * 0.6),
        anchor="mm",
    )
    return captioned


SIDEWAYS = Image.Exif()


class Variation(NamedTuple):
    """One way to make a copy: its folder, its format, the change, and options for the writer."""

    folder: str
    suffix: str
    change: Change
    options: dict[str, Any] = {}  # noqa: RUF012 - read only


VARIATIONS = {
    "png": Variation("copies", ".png", Image.Image.copy),
    "tiff": Variation("copies", ".tif", Image.Image.copy, {"compression": "tiff_adobe_deflate"}),
    "256 colours": Variation("copies", ".gif", Image.Image.quantize),
    "16-bit grey": Variation("copies", ".png", _sixteen_bits),
    "webp": Variation("web", ".webp", Image.Image.copy, {"quality": 75}),
    "jpeg 85": Variation("web", ".jpg", Image.Image.copy, {"quality": 85}),
    "jpeg 40": Variation("web", ".jpg", Image.Image.copy, {"quality": 40}),
    "jpeg 10": Variation("web", ".jpg", Image.Image.copy, {"quality": 10}),
    "half size": Variation("web", ".jpg", _scale(1 / 2, 1 / 2)),
    "quarter size": Variation("web", ".jpg", _scale(1 / 4, 1 / 4)),
    "enlarged": Variation("web", ".jpg", _scale(3 / 2, 3 / 2)),
    "squashed": Variation("web", ".jpg", _scale(2 / 3, 1)),
    "caption": Variation("web", ".jpg", _add_caption),
    "transparent border": Variation("web", ".png", _transparent_border),
    "brighter": Variation("edits", ".jpg", _enhance(ImageEnhance.Brightness, 1.4)),
    "darker": Variation("edits", ".jpg", _enhance(ImageEnhance.Brightness, 0.6)),
    "more contrast": Variation("edits", ".jpg", _enhance(ImageEnhance.Contrast, 1.6)),
    "more colour": Variation("edits", ".jpg", _enhance(ImageEnhance.Color, 2.0)),
    "greyscale": Variation("edits", ".jpg", ImageOps.grayscale),
    "sepia": Variation("edits", ".jpg", _sepia),
    "blurred": Variation("edits", ".jpg", lambda image: image.filter(ImageFilter.GaussianBlur(2))),
    "sharpened": Variation(
        "edits", ".jpg", lambda image: image.filter(ImageFilter.UnsharpMask(2, percent=200))
    ),
    "cropped 5 %": Variation("edits", ".jpg", _crop(0.05)),
    "cropped 30 %": Variation("edits", ".jpg", _crop(0.30)),
    "mirrored": Variation("turned", ".jpg", ImageOps.mirror),
    "upside down": Variation("turned", ".jpg", ImageOps.flip),
    "rotated 90": Variation("turned", ".jpg", _turn(90)),
    "rotated 180": Variation("turned", ".jpg", _turn(180)),
    "rotated 25": Variation("turned", ".jpg", _turn(25)),
    "exif rotated": Variation("turned", ".jpg", _turn(90), {"exif": SIDEWAYS}),
}


def _encode(image: Image.Image, suffix: str, **options: Any) -> bytes:
    if suffix == ".jpg":
        options = {"quality": 90} | options
    buffer = io.BytesIO()
    image.save(buffer, Image.registered_extensions()[suffix], **options)
    return buffer.getvalue()

"""What happens to pictures on their way between people: messengers, screenshots, screens."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from .variations import VARIATIONS, Variation

PHONE = 19.5 / 9  # height of a screen over its width
BEZEL = 0.06  # of the shorter side of a photographed screen


def _send(image: Image.Image) -> Image.Image:
    """Reduce as messengers do; the writer compresses strongly and halves the colours."""
    return image.resize((max(1, round(image.width * 0.6)), max(1, round(image.height * 0.6))))


def _put_on_phone(image: Image.Image) -> Image.Image:
    """Show a picture on the screen of a phone: black bars, a line of status, a row of buttons."""
    width = image.width
    height = max(round(width * PHONE), image.height + width // 4)
    screen = Image.new("RGB", (width, height), "black")
    screen.paste(image.convert("RGB"), (0, (height - image.height) // 2))
    draw, unit = ImageDraw.Draw(screen), max(width // 24, 2)
    font = ImageFont.load_default(unit)
    draw.text((unit, unit // 2), "12:47", fill="white", font=font)
    draw.rectangle((width - 3 * unit, unit // 2, width - unit, 3 * unit // 2), fill="white")
    for k in range(5):
        middle, line = round(width * (k + 0.5) / 5), height - 2 * unit
        draw.ellipse((middle - unit // 2, line, middle + unit // 2, line + unit), outline="white")
    return screen


def _frame(image: Image.Image) -> Image.Image:
    return ImageOps.expand(image, border=max(1, min(image.size) // 16), fill="white")


def _mark(image: Image.Image) -> Image.Image:
    """Write a translucent line of text over the picture, again and again."""
    marked = image.convert("RGB")
    layer, step = Image.new("L", marked.size), max(min(marked.size) // 5, 8)
    draw, font = ImageDraw.Draw(layer), ImageFont.load_default(max(step // 3, 6))
    for row, top in enumerate(range(step // 2, marked.height, step)):
        for left in range(-step * (row % 2), marked.width, 2 * step):
            draw.text((left, top), "sample", fill=90, font=font)
    marked.paste("white", (0, 0), layer)
    return marked


def _filter(image: Image.Image) -> Image.Image:
    """Warm the colours, lift the shadows and darken the corners."""
    pixels = np.asarray(image.convert("RGB"), dtype=np.float64) / 255
    pixels = 0.08 + 0.92 * pixels ** np.array([0.8, 0.95, 1.2])
    rows, columns = (np.linspace(-1, 1, side) for side in pixels.shape[:2])
    dark = 1 - 0.35 * np.clip((rows[:, None] ** 2 + columns**2) / 2, 0, 1) ** 1.5
    return Image.fromarray(np.round(255 * np.clip(pixels * dark[..., None], 0, 1)).astype(np.uint8))


def _photograph_screen(image: Image.Image) -> Image.Image:
    """Photograph a screen from the side: perspective, a dark edge, stripes, a reflection, blur."""
    screen = ImageOps.expand(image.convert("RGB"), round(BEZEL * min(image.size)), fill="#101010")
    pixels = np.asarray(screen, dtype=np.float64)
    rows, columns = (np.arange(side) for side in pixels.shape[:2])
    stripes = 1 + 0.05 * np.sin(rows[:, None] * 2.1 + 0.06 * columns)
    light = (
        28 * np.exp(-(((columns / len(columns) - 0.75) / 0.2) ** 2)) * (rows / len(rows))[:, None]
    )
    seen = np.clip(pixels * stripes[..., None] * 0.93 + light[..., None], 0, 255)
    photo = Image.fromarray(np.round(seen).astype(np.uint8))
    return _tilt(photo).filter(ImageFilter.GaussianBlur(0.8))


def _tilt(image: Image.Image) -> Image.Image:
    width, height = image.size
    to = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=float)
    shift = np.array([(0.03, 0.05), (-0.05, 0.0), (-0.02, -0.04), (0.05, -0.01)])
    seen = to + shift * (width, height)
    system = [
        row
        for (x, y), (u, v) in zip(seen, to, strict=True)
        for row in ([x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y])
    ]
    numbers = np.linalg.solve(np.array(system), to.ravel())
    transform, bicubic = Image.Transform.PERSPECTIVE, Image.Resampling.BICUBIC
    return image.transform(image.size, transform, numbers.tolist(), bicubic, fillcolor="#383430")


EVERYDAY = {
    "messenger": Variation("", ".jpg", _send, {"quality": 60, "subsampling": 2}),
    "screenshot": Variation("", ".png", _put_on_phone),
    "border": Variation("", ".jpg", _frame),
    "caption": VARIATIONS["caption"],
    "watermark": Variation("", ".jpg", _mark),
    "filter": Variation("", ".jpg", _filter),
    "photo of a screen": Variation("", ".jpg", _photograph_screen, {"quality": 80}),
}

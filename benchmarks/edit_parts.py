"""Helpers of `edits`: levels, lenses, corners, words, boxes."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps
from scipy import ndimage

Random = np.random.Generator
Change = Callable[[Image.Image, Random], Image.Image]
LANCZOS, BICUBIC, NEAREST = (
    Image.Resampling.LANCZOS,
    Image.Resampling.BICUBIC,
    Image.Resampling.NEAREST,
)


def font_of(size: float) -> ImageFont.FreeTypeFont:
    """Return a font with many scripts where there is one (matplotlib brings it)."""
    size = max(6, round(size))
    try:
        from matplotlib import font_manager

        return ImageFont.truetype(font_manager.findfont("DejaVu Sans"), size)
    except (ImportError, OSError):
        return ImageFont.load_default(size)


def write_words(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: float) -> None:
    """Write white text with a black outline around a point."""
    font = font_of(size)
    draw.text(at, text, "white", font, "mm", stroke_width=max(1, int(size) // 12), stroke_fill=0)


def as_jpeg(picture: Image.Image, quality: int, kind: str = "JPEG") -> Image.Image:
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, kind, quality=quality)
    return Image.open(buffer).convert("RGB")


def shrink_to(picture: Image.Image, side: int) -> Image.Image:
    """Shrink a picture to at most this long side."""
    share = min(1, side / max(picture.size))
    return scale(picture, share, share)


def scale(picture: Image.Image, across: float, down: float, how=LANCZOS) -> Image.Image:
    width, height = round(picture.width * across), round(picture.height * down)
    return picture.resize((max(1, width), max(1, height)), how)


def by_values(change: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Change every value, from 0 to 1; the array is height x width x 3."""

    def apply(picture: Image.Image, _random: Random) -> Image.Image:
        return as_picture(change(np.asarray(picture, np.float32) / 255))

    return apply


def as_picture(values: np.ndarray) -> Image.Image:
    return Image.fromarray((np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8))


def vignette(picture: Image.Image, strength: float, tint: Sequence[float]) -> Image.Image:
    width, height = picture.size
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    shade = 1 - strength * np.clip((x * x + y * y) / 2, 0, 1)
    return as_picture(np.asarray(picture, np.float32) / 255 * shade[..., None] * np.float32(tint))


def remap(picture: Image.Image, where: Callable[..., tuple[np.ndarray, np.ndarray]]) -> Image.Image:
    """Take each pixel from elsewhere: x, y from -1 to 1 -> x, y from -1 to 1."""
    width, height = picture.size
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    x, y = where(x, y)
    places = [(y + 1) / 2 * (height - 1), (x + 1) / 2 * (width - 1)]
    values = np.asarray(picture)
    bands = [ndimage.map_coordinates(values[..., k], places, order=1) for k in range(3)]
    return Image.fromarray(np.stack(bands, axis=-1))


def move_corners(picture: Image.Image, corners: Sequence[tuple[float, float]]) -> Image.Image:
    """Move the corners (top left, clockwise; shares of the sides); what is outside is black."""
    width, height = picture.size
    rows, values = [], []
    for (x, y), (u, v) in zip([(0, 0), (1, 0), (1, 1), (0, 1)], corners, strict=True):
        x, y, u, v = x * width, y * height, u * width, v * height
        rows += [[u, v, 1, 0, 0, 0, -x * u, -x * v], [0, 0, 0, u, v, 1, -y * u, -y * v]]
        values += [x, y]
    data = np.linalg.solve(np.array(rows), np.array(values)).tolist()
    return picture.transform(picture.size, Image.Transform.PERSPECTIVE, data, BICUBIC)


def near_corners(random: Random, most: float) -> list[tuple[float, float]]:
    """Return corners moved inwards by up to `most` of the sides."""
    moved = random.uniform(0, most, (4, 2))
    signs = [(1, 1), (-1, 1), (-1, -1), (1, -1)]
    starts = [(0, 0), (1, 0), (1, 1), (0, 1)]
    return [
        (start[0] + sign[0] * move[0], start[1] + sign[1] * move[1])
        for start, sign, move in zip(starts, signs, moved, strict=True)
    ]


def add_noise(picture: Image.Image, random: Random, sigma: float) -> Image.Image:
    values = np.asarray(picture, np.float32) / 255
    return as_picture(values + random.normal(0, sigma, values.shape))


def paste_in(picture: Image.Image, canvas: Image.Image, box: Sequence[int]) -> Image.Image:
    """Show a picture in the middle of a box (left, top, right, bottom) of a canvas."""
    left, top, right, bottom = box
    shown = ImageOps.contain(picture, (max(1, right - left), max(1, bottom - top)), LANCZOS)
    place = (left + (right - left - shown.width) // 2, top + (bottom - top - shown.height) // 2)
    canvas.paste(shown, place)
    return canvas

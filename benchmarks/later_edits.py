"""Edits that were added later, by name, on which no limit was chosen.

`bench_edits.py --sets later` measures them apart from `edits.EDITS`, so that figures of those stay
comparable. When limits have been chosen on these, move them to `edits`, and add others here.
"""

from __future__ import annotations

import cv2
import numpy as np
from edit_parts import (
    LANCZOS,
    Change,
    Random,
    as_picture,
    move_corners,
    near_corners,
    shrink_to,
)
from edits import Edit
from PIL import Image, ImageDraw, ImageFilter, ImageOps


def halftone(cell: float) -> Change:
    """Print black dots of several sizes, one for each square of so many pixels, turned by 45."""

    def change(picture: Image.Image, _random: Random) -> Image.Image:
        grey = np.asarray(picture.convert("L"), np.float32) / 255
        y, x = np.mgrid[: grey.shape[0], : grey.shape[1]] * (np.pi * np.sqrt(2) / cell)
        screen = (np.cos(x + y) + np.cos(x - y)) / 4 + 0.5
        return as_picture(np.repeat((grey > 1 - screen)[..., None], 3, axis=-1).astype(float))

    return change


def monitor(picture: Image.Image, random: Random) -> Image.Image:
    """Photograph a monitor with a lamp in it: stripes, a glare, a dark frame, a slight angle."""
    width, height = picture.size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    stripes = 1 + 0.15 * np.sin(0.52 * x + 0.05 * y) * np.sin(0.49 * y - 0.03 * x)
    across, down = random.uniform(0.2, 0.8, 2)
    glare = np.exp(-(((x / width - across) / 0.18) ** 2) - ((y / height - down) / 0.13) ** 2)
    seen = np.asarray(picture, np.float32) / 255 * (0.85 * stripes[..., None])
    shown = as_picture(seen + 0.7 * glare[..., None] + [0, 0.01, 0.04])
    frame = ImageOps.expand(shown, round(0.05 * max(picture.size)), "#141414")
    return move_corners(frame, near_corners(random, 0.07))


def crumpled(picture: Image.Image, random: Random) -> Image.Image:
    """Photograph a print that was crumpled: places move a little, folds have light and shade."""
    width, height = picture.size

    def hills(n: int) -> np.ndarray:
        heights = random.normal(0, 1, (n, n)).astype(np.float32)
        return cv2.resize(heights, (width, height), interpolation=cv2.INTER_CUBIC)

    y, x = np.mgrid[:height, :width].astype(np.float32)
    reach = 0.006 * max(width, height)
    places = x + reach * hills(7), y + reach * hills(7)
    values = np.asarray(picture)
    moved = cv2.remap(values, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    slopes = np.gradient(hills(9), axis=1) * width / 9
    return as_picture(moved / 255 * (1 + 0.12 * np.clip(slopes, -1, 1))[..., None])


def cut_out(picture: Image.Image, _random: Random) -> Image.Image:
    """Show an oval of the picture on white; it covers half."""
    width, height = picture.size
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).ellipse((0.1 * width, 0.1 * height, 0.9 * width, 0.9 * height), fill=255)
    return Image.composite(picture, Image.new("RGB", picture.size, "white"), mask)


def round_portrait(picture: Image.Image, _random: Random) -> Image.Image:
    """Show the middle in a circle on white, as a profile does."""
    side = min(picture.size)
    mask = Image.new("L", (side, side))
    ImageDraw.Draw(mask).ellipse((0, 0, side - 1, side - 1), fill=255)
    square = ImageOps.fit(picture, (side, side), LANCZOS)
    return Image.composite(square, Image.new("RGB", square.size, "white"), mask)


def blurred_background(picture: Image.Image, _random: Random) -> Image.Image:
    """Blur all but the middle, as a portrait mode does."""
    width, height = picture.size
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    far = np.clip((np.hypot(x / 0.6, y / 0.7) - 0.6) / 0.4, 0, 1)
    mask = Image.fromarray((255 * far).astype(np.uint8))
    return Image.composite(picture.filter(ImageFilter.GaussianBlur(width / 50)), picture, mask)


def painted_out(share: float) -> Change:
    """Take something of this share of the picture away, and fill the hole from around it."""

    def change(picture: Image.Image, random: Random) -> Image.Image:
        small = np.asarray(shrink_to(picture, 800))
        height, width = small.shape[:2]
        across, down = random.uniform(0.3, 0.7, 2)
        hole = np.zeros((height, width), np.uint8)
        half = np.sqrt(share / np.pi)
        axes = round(half * width), round(half * height)
        cv2.ellipse(hole, (round(across * width), round(down * height)), axes, 0, 0, 360, 255, -1)
        return Image.fromarray(cv2.inpaint(small, hole, 5, cv2.INPAINT_TELEA))

    return change


def broken(picture: Image.Image, _random: Random) -> Image.Image:
    """Leave the lower 30 % grey, as a download that has ended too early."""
    values = np.asarray(picture).copy()
    values[round(0.7 * len(values)) :] = 128
    return Image.fromarray(values)


def blue_only(picture: Image.Image, _random: Random) -> Image.Image:
    return picture.getchannel("B").convert("RGB")


def evened_light(picture: Image.Image, _random: Random) -> Image.Image:
    """Even the contrast of each part (CLAHE)."""
    values = cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2LAB)
    values[..., 0] = cv2.createCLAHE(4, (8, 8)).apply(values[..., 0])
    return Image.fromarray(cv2.cvtColor(values, cv2.COLOR_LAB2RGB))


LATER_EDITS: dict[str, Edit] = {
    "halftone print": Edit("print", halftone(8)),
    "photo of a monitor with glare": Edit("print", monitor),
    "crumpled print": Edit("print", crumpled),
    "cut out, on white": Edit("overlay", cut_out),
    "round portrait": Edit("overlay", round_portrait),
    "something painted out": Edit("overlay", painted_out(0.1)),
    "broken download": Edit("overlay", broken),
    "blurred background": Edit("filter", blurred_background),
    "blue channel only": Edit("filter", blue_only),
    "evened light": Edit("filter", evened_light),
}

"""Some eighty edits that pictures really meet, by name: what happens to a copy on its way.

`EDITS` holds those of one picture, `COLLAGES` those of several. Each takes numpy's random numbers,
so that two pictures get other strengths and places. What the demo and `dup.calibrate` make is in
`imgdup_nb.engine.variations`; the plain edits among these are taken from there. `edit_layers` has
screens, prints and words, `edit_parts` the helpers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import edit_layers as layers
import numpy as np
from edit_parts import (
    BICUBIC,
    LANCZOS,
    NEAREST,
    Change,
    Random,
    add_noise,
    as_jpeg,
    as_picture,
    by_values,
    move_corners,
    near_corners,
    remap,
    scale,
    shrink_to,
    vignette,
)
from PIL import Image, ImageFilter, ImageOps

from imgdup_nb.engine.variations import VARIATIONS


class Edit(NamedTuple):
    """One edit: its family, the change, and how the copy is written."""

    family: str
    change: Change
    suffix: str = ".jpg"
    quality: int = 85


# -- chains and sizes ------------------------------------------------------------------------------


def messenger(side: int, *qualities: int, kind: str = "JPEG") -> Change:
    """Shrink to a long side and compress, several times over."""

    def change(picture: Image.Image, _random: Random) -> Image.Image:
        for quality in qualities:
            picture = as_jpeg(shrink_to(picture, side), quality, kind)
        return picture

    return change


def generations(picture: Image.Image, random: Random) -> Image.Image:
    """Crop by some pixels and compress, ten times."""
    for _ in range(10):
        left, top = random.integers(0, 4, 2)
        picture = as_jpeg(picture.crop((left, top, *picture.size)), int(random.integers(60, 90)))
    return picture


def formats(picture: Image.Image, _random: Random) -> Image.Image:
    """JPEG, then WebP, then 128 colours as of a GIF."""
    picture = as_jpeg(as_jpeg(picture, 70), 50, "WEBP")
    return picture.quantize(128).convert("RGB")


def crudely(side: int) -> Change:
    """Shrink by leaving out pixels, and enlarge again."""

    def change(picture: Image.Image, _random: Random) -> Image.Image:
        return picture.resize((side, side), NEAREST).resize(picture.size, BICUBIC)

    return change


# -- filters ---------------------------------------------------------------------------------------


def tinted(*tint: float, shade: float = 0.0) -> Change:
    """Multiply red, green and blue, and darken towards the corners."""
    return lambda picture, _random: vignette(picture, shade, tint)


def gamma(power: float) -> Change:
    return by_values(lambda values: values**power)


def faded(values: np.ndarray) -> np.ndarray:
    """Lift the blacks, less colour, a warm cast: an old print."""
    grey = values.mean(axis=-1, keepdims=True)
    return (0.6 * values + 0.4 * grey) * [0.75, 0.72, 0.6] + [0.2, 0.15, 0.12]


def strong_look(values: np.ndarray) -> np.ndarray:
    """Teal shadows, orange lights, an S curve: a strong filter of an app."""
    curve = values * values * (3 - 2 * values)
    grey = curve.mean(axis=-1, keepdims=True)
    return 0.7 * curve + 0.3 * (grey * [1.2, 0.95, 0.7] + (1 - grey) * [0, 0.15, 0.25])


def hard_grey(values: np.ndarray) -> np.ndarray:
    return np.repeat((values.mean(axis=-1, keepdims=True) - 0.5) * 1.8 + 0.5, 3, axis=-1)


def hue(degrees: int) -> Change:
    """Turn all hues."""

    def change(picture: Image.Image, _random: Random) -> Image.Image:
        values = np.asarray(picture.convert("HSV")).copy()
        values[..., 0] += np.uint8(degrees * 256 // 360)
        return Image.fromarray(values, "HSV").convert("RGB")

    return change


def local_contrast(picture: Image.Image, _random: Random) -> Image.Image:
    """Push what differs from its surroundings, as "HDR" looks do."""
    wide = ImageFilter.UnsharpMask(max(4, min(picture.size) // 12), percent=110, threshold=0)
    return picture.filter(wide)


def cartoon(picture: Image.Image, _random: Random) -> Image.Image:
    """Few flat colours with dark outlines."""
    flat = picture.filter(ImageFilter.MedianFilter(5)).filter(ImageFilter.MedianFilter(5))
    edges = ImageOps.invert(flat.convert("L").filter(ImageFilter.FIND_EDGES))
    lines = edges.point([0 if level < 215 else 255 for level in range(256)])
    return Image.composite(ImageOps.posterize(flat, 3), Image.new("RGB", flat.size), lines)


def blurred(share: float) -> Change:
    """Blur by a share of the width."""
    return lambda picture, _: picture.filter(ImageFilter.GaussianBlur(picture.width * share))


def moved(picture: Image.Image, _random: Random) -> Image.Image:
    """Blur along a line, as a camera that moved."""
    length = max(3, picture.width // 60)
    values = np.asarray(picture, np.float32) / 255
    return as_picture(sum(np.roll(values, k, axis=1) for k in range(length)) / length)


def grain(sigma: float) -> Change:
    return lambda picture, random: add_noise(picture, random, sigma)


# -- shape -----------------------------------------------------------------------------------------


def crop(share: float) -> Change:
    """Keep this share of both sides, anywhere."""

    def change(picture: Image.Image, random: Random) -> Image.Image:
        width, height = round(picture.width * share), round(picture.height * share)
        left = int(random.integers(0, picture.width - width + 1))
        top = int(random.integers(0, picture.height - height + 1))
        return picture.crop((left, top, left + max(1, width), top + max(1, height)))

    return change


def to_shape(width: int, height: int) -> Change:
    """Cut to a shape, from the middle."""
    share = width / height
    return lambda picture, _: ImageOps.fit(
        picture,
        (min(picture.width, round(picture.height * share)) or 1,
         min(picture.height, round(picture.width / share)) or 1),
    )  # fmt: skip


def turned(least: float, most: float, *, inside: bool) -> Change:
    """Turn by some degrees either way; inside its frame, or with black corners around."""

    def change(picture: Image.Image, random: Random) -> Image.Image:
        angle = random.uniform(least, most) * random.choice([-1, 1])
        made = picture.rotate(angle, BICUBIC, expand=not inside)
        if not inside:
            return made
        lost = abs(np.sin(np.radians(angle))) / 2 * max(picture.size) / min(picture.size)
        edge = (round(picture.width * lost), round(picture.height * lost))
        return made.crop((*edge, picture.width - edge[0], picture.height - edge[1]))

    return change


def keystone(share: float) -> Change:
    """Narrow the foot by this share at each side."""
    corners = [(0, 0), (1, 0), (1 - share, 1), (share, 1)]
    return lambda picture, _: move_corners(picture, corners)


def tilted(most: float) -> Change:
    """Move every corner inwards by chance."""
    return lambda picture, random: move_corners(picture, near_corners(random, most))


def lens(strength: float) -> Change:
    """Bend lines outwards (barrel, above 0) or inwards."""

    def bend(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        stretch = (1 + strength * (x * x + y * y)) / (1 + max(0, 2 * strength))
        return x * stretch, y * stretch

    return lambda picture, _: remap(picture, bend)


def rippled(picture: Image.Image, random: Random) -> Image.Image:
    """Shift places a little, here and there."""
    phase = random.uniform(0, 6, 4)

    def ripple(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        across = np.sin(4 * y + phase[0]) + np.sin(5 * x + phase[1])
        return x + 0.015 * across, y + 0.015 * np.cos(4 * x + phase[2])

    return remap(picture, ripple)


def sheared(picture: Image.Image, _random: Random) -> Image.Image:
    data = (1, 0.08, -0.04 * picture.height, 0, 1, 0)
    return picture.transform(picture.size, Image.Transform.AFFINE, data, BICUBIC)


def after(*changes: Change) -> Change:
    """Do several changes one after the other."""

    def change(picture: Image.Image, random: Random) -> Image.Image:
        for step in changes:
            picture = step(picture, random)
        return picture

    return change


def plain(name: str) -> Change:
    """Return a change of the demo."""
    return lambda picture, _: VARIATIONS[name].change(picture).convert("RGB")


# -- collages: pictures -> one; each of them is in it ----------------------------------------------


def beside(pictures: list[Image.Image], _random: Random) -> Image.Image:
    """Show the middles of two pictures side by side."""
    made = Image.new("RGB", (960, 640), "white")
    for k, picture in enumerate(pictures):
        made.paste(ImageOps.fit(picture, (478, 640), LANCZOS), (482 * k, 0))
    return made


def grid(side: int, cell: int) -> Callable[[list[Image.Image], Random], Image.Image]:
    """Show whole pictures in rows and columns."""

    def change(pictures: list[Image.Image], _random: Random) -> Image.Image:
        made = Image.new("RGB", (side * cell, side * cell), "white")
        for k, picture in enumerate(pictures):
            shown = ImageOps.contain(picture, (cell - 8, cell - 8), LANCZOS)
            made.paste(shown, (k % side * cell, k // side * cell))
        return made

    return change


COLLAGES = {  # name: how many pictures, and how they are put together
    "half of a collage": (2, beside),
    "quarter of a collage": (4, grid(2, 480)),
    "ninth of a collage": (9, grid(3, 360)),
}


def _edits() -> dict[str, Edit]:
    """Return all edits of one picture, family by family."""
    families: dict[str, dict[str, Change]] = {
        "messenger": {
            "messenger 1280 px": messenger(1280, 72),
            "messenger 800 px, twice": messenger(800, 60, 45),
            "messenger 512 px, webp": messenger(512, 50, kind="WEBP"),
            "messenger 320 px": messenger(320, 50),
            "forum, many times": generations,
        },
        "compression": {
            "jpeg 90, 30, 80": messenger(10**6, 90, 30, 80),
            "jpeg 8": messenger(10**6, 8),
            "avif 40": messenger(10**6, 40, kind="AVIF"),
            "jpeg, webp, 128 colours": formats,
            "16 colours": lambda picture, _: picture.quantize(16).convert("RGB"),
        },
        "size": {
            "half": plain("half size"),
            "thumbnail 128 px": lambda picture, _: shrink_to(picture, 128),
            "thumbnail 64 px": lambda picture, _: shrink_to(picture, 64),
            "thumbnail 32 px": lambda picture, _: shrink_to(picture, 32),
            "enlarged double": lambda picture, _: scale(picture, 2, 2, BICUBIC),
            "crudely shrunk to 64, enlarged": crudely(64),
            "crudely shrunk to 32, enlarged": crudely(32),
            "squashed to a square": lambda picture, _: picture.resize((min(picture.size),) * 2),
            "stretched by 15 %": lambda picture, _: scale(picture, 1.15, 1),
        },
        "screen": {
            "phone screenshot, dark": layers.phone("#101418"),
            "phone screenshot, light": layers.phone("#ffffff"),
            "in a chat": layers.phone("#101418", chat=True),
            "window, 60 % of a screen": layers.desktop(0.6),
            "window, 30 % of a screen": layers.desktop(0.3),
            "paused film": layers.player,
            "story on a blurred copy": layers.story,
            "tall story with stickers": layers.tall_story,
        },
        "print": {
            "photo of a print": layers.printed,
            "scan of a print": layers.scanned,
            "photo of a screen": layers.from_screen,
            "instant film": layers.framed,
        },
        "words": {
            "meme, English": layers.meme("English"),
            "meme, Russian": layers.meme("Russian"),
            "subtitle, German": layers.subtitle("German"),
            "subtitle, Arabic": layers.subtitle("Arabic"),
            "bar above, Greek": layers.caption_bar("Greek", "white"),
            "bar above, Georgian": layers.caption_bar("Georgian", "black"),
            "bar over the foot": plain("caption"),
        },
        "overlay": {
            "watermark across": layers.watermark(tiled=False),
            "watermark all over": layers.watermark(tiled=True),
            "small stickers": layers.sticker(0.12, 3),
            "sticker, 40 % of the side": layers.sticker(0.4),
            "date stamp": layers.date_stamp,
            "black bars": layers.bars,
            "scribble": layers.scribble,
            "rounded corners": layers.rounded,
        },
        "filter": {
            "warm vignette": tinted(1.12, 1, 0.8, shade=0.6),
            "cool tint": tinted(0.8, 0.95, 1.15),
            "faded print": by_values(faded),
            "strong filter": by_values(strong_look),
            "sepia": plain("sepia"),
            "grey": plain("greyscale"),
            "hard black and white": by_values(hard_grey),
            "hue turned by 30 degrees": hue(30),
            "gamma 2.2": gamma(2.2),
            "gamma 0.5": gamma(0.5),
            "brighter": plain("brighter"),
            "local contrast": local_contrast,
            "cartoon": cartoon,
            "posterised": lambda picture, _: ImageOps.posterize(picture, 2),
            "sharpened": plain("sharpened"),
            "blur 0.8 %": blurred(0.008),
            "blur 2.5 %": blurred(0.025),
            "camera moved": moved,
            "grain": grain(0.06),
            "negative": lambda picture, _: ImageOps.invert(picture),
        },
        "shape": {
            "crop 90 %": crop(0.9),
            "crop 70 %": crop(0.7),
            "crop 50 %": crop(0.5),
            "crop 32 % (a tenth)": crop(0.32),
            "cut to a square": to_shape(1, 1),
            "cut to 9:16": to_shape(9, 16),
            "mirrored": plain("mirrored"),
            "turned by 90": plain("rotated 90"),
            "turned by 2 to 6, cut": turned(2, 6, inside=True),
            "turned by 15 to 30": turned(15, 30, inside=False),
            "keystone 10 %": keystone(0.1),
            "keystone 20 %": keystone(0.2),
            "strong perspective": tilted(0.25),
            "barrel": lens(0.2),
            "pincushion": lens(-0.12),
            "rippled": rippled,
            "sheared": sheared,
        },
        "several": {
            "crop, mirror, jpeg 40": after(crop(0.8), plain("mirrored"), messenger(900, 40)),
            "crop, filter, words": after(crop(0.85), by_values(faded), layers.meme("French")),
            "screenshot, cut, sent": after(layers.phone("#ffffff"), crop(0.85), messenger(800, 55)),
            "grey, turned, frame": after(
                plain("greyscale"), turned(2, 5, inside=True), layers.framed
            ),
        },
    }  # fmt: skip
    return {
        name: Edit(family, change)
        for family, edits in families.items()
        for name, change in edits.items()
    }


EDITS = _edits()

"""What phones, apps, shops and offices do to pictures, by name: a third set of edits.

`bench_edits.py --sets apps` measures them apart from `edits` and `later_edits`, so that figures of
those stay comparable. Limits have been chosen on them, on other pictures than those measured.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from edit_layers import WORDS
from edit_parts import (
    BICUBIC,
    LANCZOS,
    NEAREST,
    Change,
    Random,
    add_noise,
    as_picture,
    by_values,
    font_of,
    paste_in,
    scale,
    write_words,
)
from edits import Edit, after, crop
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

# -- light and colours -----------------------------------------------------------------------------


def cast(*gains: float) -> Change:
    """Multiply red, green and blue of the light, as a wrong white balance does."""
    return by_values(lambda values: (values**2.2 * gains) ** (1 / 2.2))


def cross_processed(values: np.ndarray) -> np.ndarray:
    """Give each channel a curve of its own, as slide film in the wrong bath."""
    curve = values * values * (3 - 2 * values)
    return np.stack([curve[..., 0], curve[..., 1] * 0.9 + 0.05, values[..., 2] * 0.6 + 0.2], -1)


def auto_levels(values: np.ndarray) -> np.ndarray:
    """Stretch each channel from its darkest to its lightest percent."""
    low, high = np.percentile(values, (1, 99), axis=(0, 1))
    return (values - low) / np.maximum(high - low, 0.05)


def tone_mapped(picture: Image.Image, _random: Random) -> Image.Image:
    """Lift the shadows, press the lights, push details and colours: a strong HDR look."""
    values = np.asarray(picture, np.float32) / 255
    light = values.mean(axis=-1, keepdims=True)
    base = cv2.GaussianBlur(light, (0, 0), max(picture.size) / 30)[..., None]
    flat = 0.35 * base + 0.33 + 1.6 * (light - base)
    return as_picture(flat + 1.4 * (values - light))


def night(picture: Image.Image, random: Random) -> Image.Image:
    """Expose far too little, with noise, and with the colours of a street at night."""
    values = np.asarray(picture, np.float32) / 255
    return add_noise(as_picture(0.28 * values**1.3 * [1.1, 0.95, 0.75]), random, 0.02)


def overexposed(values: np.ndarray) -> np.ndarray:
    return 1.7 * values


def vivid(picture: Image.Image, _random: Random) -> Image.Image:
    return ImageEnhance.Contrast(ImageEnhance.Color(picture).enhance(2.2)).enhance(1.25)


def for_colour_blind(values: np.ndarray) -> np.ndarray:
    """Show what somebody without green cones sees."""
    seen = [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]
    return values @ np.array(seen, np.float32).T


def duotone(dark: tuple[float, ...], light: tuple[float, ...]) -> Change:
    """Colour a grey picture from one colour to another one."""

    def change(values: np.ndarray) -> np.ndarray:
        grey = values.mean(axis=-1, keepdims=True)
        return np.array(dark) * (1 - grey) + np.array(light) * grey

    return by_values(change)


def solarised(picture: Image.Image, _random: Random) -> Image.Image:
    return ImageOps.solarize(picture, 160)


def over_sharpened(picture: Image.Image, _random: Random) -> Image.Image:
    """Sharpen until every edge has a halo."""
    return picture.filter(ImageFilter.UnsharpMask(max(2, picture.width // 250), 350, 0))


def smooth_skin(picture: Image.Image, _random: Random) -> Image.Image:
    """Smooth all but the edges, as beauty filters do."""
    values = np.asarray(picture)
    for _ in range(2):
        values = cv2.bilateralFilter(values, 9, 45, max(3, picture.width / 80))
    return Image.fromarray(values)


def smeared_colours(picture: Image.Image, _random: Random) -> Image.Image:
    """Keep colours in 32 pixels and move them aside, as damaged or worn video does."""
    light, *colours = picture.convert("YCbCr").split()
    made = []
    for plane in colours:
        small = plane.resize((max(1, plane.width // 32), max(1, plane.height // 32)))
        moved = ImageChops.offset(small.resize(plane.size, BICUBIC), picture.width // 60, 0)
        made.append(moved)
    return Image.merge("YCbCr", [light, *made]).convert("RGB")


def light_leak(picture: Image.Image, random: Random) -> Image.Image:
    """Let red light fall on one side of the film."""
    width, height = picture.size
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    leak = np.exp(-(((x - 0.15 * random.random()) / 0.25) ** 2)) * (0.7 + 0.3 * np.sin(5 * y))
    values = np.asarray(picture, np.float32) / 255
    return as_picture(1 - (1 - values) * (1 - leak[..., None] * [0.9, 0.45, 0.15]))


def lens_flare(picture: Image.Image, random: Random) -> Image.Image:
    """Shine a lamp into the lens: a bright spot, rays, and rings on the way to the middle."""
    (width, height), spot = picture.size, random.uniform(0.15, 0.35, 2)
    y, x = np.mgrid[0 : height / width : height * 1j, 0 : 1 : width * 1j]
    glow = 0.0
    for k, (size, strength) in enumerate([(0.12, 1.2), (0.03, 0.3), (0.06, 0.25), (0.09, 0.2)]):
        away = np.hypot(x - spot[0] - 0.22 * k, y - spot[1] * height / width - 0.13 * k)
        glow = glow + strength * np.exp(-((away / size) ** (2 if k == 0 else 8)))
    return as_picture(np.asarray(picture, np.float32) / 255 + glow[..., None] * [1, 0.9, 0.7])


def mixed(picture: Image.Image, _random: Random) -> Image.Image:
    """Blend a mirrored, turned copy over a picture at 30 %, as a double exposure."""
    other = ImageOps.mirror(picture).rotate(180).filter(ImageFilter.GaussianBlur(2))
    return Image.blend(picture, other, 0.3)


def sketched(picture: Image.Image, _random: Random) -> Image.Image:
    """Draw with a pencil: grey over its blurred negative."""
    grey = np.asarray(picture.convert("L"), np.float32)
    blurred = cv2.GaussianBlur(255 - grey, (0, 0), max(3, picture.width / 100))
    drawn = np.clip(grey / np.maximum(1 - blurred / 255, 0.02) / 255, 0, 1)
    return as_picture(np.repeat(drawn[..., None], 3, axis=-1))


# -- dots and paper --------------------------------------------------------------------------------


def e_ink(picture: Image.Image, _random: Random) -> Image.Image:
    """Show 4 greys, dithered, on the screen of a reader 600 pixels wide."""
    grey = ImageOps.contain(picture.convert("L"), (600, 800), LANCZOS)
    palette = Image.new("P", (1, 1))
    palette.putpalette([level for shade in (0, 85, 170, 255) for level in (shade,) * 3])
    return grey.convert("RGB").quantize(palette=palette).convert("RGB")


def faxed(picture: Image.Image, _random: Random) -> Image.Image:
    """Send black dots, 860 across and half as many a centimetre down."""
    share = 860 / picture.width
    sent = scale(picture.convert("L"), share, share / 2).convert("1")
    return sent.convert("RGB").resize((sent.width, 2 * sent.height), NEAREST)


def photocopied(picture: Image.Image, random: Random) -> Image.Image:
    """Copy on paper: hard greys, dark specks, a dark edge."""
    grey = np.asarray(picture.convert("L"), np.float32) / 255
    hard = 1 / (1 + np.exp(-9 * (grey - 0.5)))
    hard[:, : max(2, picture.width // 60)] *= 0.3
    specks = random.random(grey.shape) > 0.997
    return as_picture(np.repeat(np.where(specks, 0.1, hard)[..., None], 3, axis=-1))


def torn(picture: Image.Image, random: Random) -> Image.Image:
    """Tear the right edge off, uneven, on white."""
    (width, height), values = picture.size, np.asarray(picture).copy()
    steps = np.cumsum(random.normal(0, 0.012 * width / np.sqrt(height / 60), height))
    edges = 0.87 * width + cv2.GaussianBlur(steps.reshape(-1, 1), (1, 0), 2).ravel()
    values[np.arange(width)[None] > edges[:, None]] = 250
    return Image.fromarray(values)


# -- what is put over ------------------------------------------------------------------------------


def stamped(word: str, colour: str) -> Change:
    """Stamp a large word in a box, aslant."""

    def change(picture: Image.Image, random: Random) -> Image.Image:
        width, height = picture.size
        side = min(width, round(1.6 * height))
        layer = Image.new("RGBA", picture.size)
        draw, font = ImageDraw.Draw(layer), font_of(side / 6)
        middle = (width / 2, height / 2)
        draw.text(middle, word, colour, font, "mm", stroke_width=2, stroke_fill=colour)
        left, top, right, bottom = draw.textbbox(middle, word, font, "mm")
        edge = side // 30
        box = (left - edge, top - edge, right + edge, bottom + edge)
        draw.rectangle(box, outline=colour, width=max(2, side // 70))
        layer = layer.rotate(random.uniform(12, 25), BICUBIC)
        return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")

    return change


def stock_mark(picture: Image.Image, _random: Random) -> Image.Image:
    """Lay a shop's mark over a picture: crossing lines all over and a name in the middle."""
    width, height = picture.size
    layer = Image.new("RGBA", picture.size)
    draw, step = ImageDraw.Draw(layer), max(20, width // 8)
    for at in range(-height, width + height, step):
        for way in (-1, 1):
            ends = [(at, 0), (at + way * height, height)]
            draw.line(ends, fill=(255, 255, 255, 110), width=max(1, width // 400))
    draw.text(
        (width / 2, height / 2), "picturestock", (255, 255, 255, 140), font_of(width / 9), "mm"
    )
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def corner_logo(picture: Image.Image, _random: Random) -> Image.Image:
    """Put a pale name of a shop into a corner, and its address along the foot."""
    width, height = picture.size
    layer = Image.new("RGBA", picture.size)
    draw = ImageDraw.Draw(layer)
    font, pale = font_of(width / 18), (255, 255, 255, 170)
    draw.text((0.95 * width, 0.06 * height), "© picture house", pale, font, "rt")
    draw.text((0.5 * width, 0.97 * height), "www.example.com/pictures", pale, font, "mb")
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def quote_card(picture: Image.Image, _random: Random) -> Image.Image:
    """Darken a picture and write a long saying over it."""
    made = ImageEnhance.Brightness(picture).enhance(0.55)
    draw, size = ImageDraw.Draw(made), picture.width / 18
    lines = list(WORDS.values())[:4]
    for k, line in enumerate(lines):
        at = (picture.width / 2, picture.height / 2 + 1.4 * size * (k - 1.5))
        draw.text(at, line, "white", font_of(size), "mm")
    return made


def news(picture: Image.Image, _random: Random) -> Image.Image:
    """Show a picture on television: a band of words at the foot, a name and a clock above."""
    made, (width, height) = picture.copy(), picture.size
    draw = ImageDraw.Draw(made)
    draw.rectangle((0, 0.78 * height, width, 0.9 * height), fill="#b01020")
    draw.rectangle((0, 0.9 * height, width, 0.97 * height), fill="white")
    draw.text((0.03 * width, 0.84 * height), "BREAKING NEWS", "white", font_of(height / 14), "lm")
    draw.text((0.03 * width, 0.935 * height), WORDS["German"], "black", font_of(height / 22), "lm")
    draw.rectangle((0.82 * width, 0.04 * height, 0.96 * width, 0.12 * height), fill="#203080")
    return made


def short_film(picture: Image.Image, _random: Random) -> Image.Image:
    """Show a picture between blurred copies on a tall screen, with signs and words over it."""
    back = ImageOps.fit(picture, (720, 1280), LANCZOS).filter(ImageFilter.GaussianBlur(25))
    screen = paste_in(picture, back, (0, 0, 720, 1280))
    draw = ImageDraw.Draw(screen)
    for k in range(4):
        y = 640 + 110 * k
        draw.ellipse((630, y, 700, y + 70), fill="white")
        draw.text((665, y + 90), f"{3 + k}.{k}K", "white", font_of(22), "mm")
    draw.text((30, 1130), "@somebody", "white", font_of(34), "lm")
    draw.text((30, 1190), WORDS["English"], "white", font_of(30), "lm")
    return screen


def emojis(picture: Image.Image, random: Random) -> Image.Image:
    """Hide three faces behind yellow ones."""
    made, side = picture.copy(), max(12, round(0.2 * min(picture.size)))
    draw = ImageDraw.Draw(made)
    for _ in range(3):
        x = int(random.integers(0, picture.width - side + 1))
        y = int(random.integers(0, picture.height - side + 1))
        draw.ellipse((x, y, x + side, y + side), fill="#ffcc22")
        for eye in (0.3, 0.7):
            at = x + eye * side, y + 0.38 * side
            draw.circle(at, side / 14, fill="#402800")
        mouth = (x + 0.25 * side, y + 0.3 * side, x + 0.75 * side, y + 0.8 * side)
        draw.arc(mouth, 20, 160, fill="#402800", width=max(1, side // 16))
    return made


def hidden_faces(change: Callable[[Image.Image], Image.Image]) -> Change:
    """Change three boxes, each a fifth of the shorter side wide."""

    def apply(picture: Image.Image, random: Random) -> Image.Image:
        made, side = picture.copy(), max(12, round(0.22 * min(picture.size)))
        for _ in range(3):
            x = int(random.integers(0, picture.width - side + 1))
            y = int(random.integers(0, picture.height - side + 1))
            box = (x, y, x + side, y + side)
            made.paste(change(picture.crop(box)), box[:2])
        return made

    return apply


def mosaic(part: Image.Image) -> Image.Image:
    return part.resize((6, 6), Image.Resampling.BOX).resize(part.size, NEAREST)


def weather(picture: Image.Image, random: Random) -> Image.Image:
    """Let it snow: a thousand pale flakes of three sizes."""
    layer, width = Image.new("L", picture.size), picture.width
    draw = ImageDraw.Draw(layer)
    for k, (x, y) in enumerate(random.uniform(0, 1, (900, 2)) * picture.size):
        size = width / 1200 * (1 + k % 3)
        draw.ellipse((x - size, y - size, x + size, y + size), fill=230)
    layer = layer.filter(ImageFilter.GaussianBlur(width / 1500))
    return Image.composite(Image.new("RGB", picture.size, "white"), picture, layer)


def glitched(picture: Image.Image, random: Random) -> Image.Image:
    """Move some rows aside, and the red ones a little more."""
    values = np.asarray(picture).copy()
    for _ in range(12):
        top = int(random.integers(0, len(values)))
        rows = slice(top, top + max(2, len(values) // 40))
        values[rows] = np.roll(values[rows], int(random.integers(-60, 61)), axis=1)
    values[..., 0] = np.roll(values[..., 0], max(2, picture.width // 150), axis=1)
    return Image.fromarray(values)


# -- shown on something ----------------------------------------------------------------------------


def picture_in_picture(picture: Image.Image, random: Random) -> Image.Image:
    """Show somebody in a corner, as in a video call."""
    made, (width, height) = picture.copy(), picture.size
    w, h = round(0.26 * width), round(0.3 * height)
    colours = random.integers(40, 220, (3, 4, 3)).astype(np.uint8)
    face = Image.fromarray(colours).resize((w, h), BICUBIC)
    ImageDraw.Draw(face).ellipse((0.3 * w, 0.2 * h, 0.7 * w, 0.8 * h), fill="#d8a888")
    made.paste(face, (round(0.71 * width), round(0.66 * height)))
    return made


def before_and_after(picture: Image.Image, random: Random) -> Image.Image:
    """Show a grey copy and a picture side by side, with words."""
    made = Image.new("RGB", (2 * picture.width + 8, picture.height), "white")
    made.paste(ImageOps.grayscale(picture).convert("RGB"), (0, 0))
    made.paste(picture, (picture.width + 8, 0))
    draw, size = ImageDraw.Draw(made), picture.width / 12
    write_words(draw, (picture.width / 2, size), "before", size)
    write_words(draw, (1.5 * picture.width, size), "after", size)
    return made


def split_screen(picture: Image.Image, _random: Random) -> Image.Image:
    """Show the left half as it was, and the right half with another look."""
    made = picture.copy()
    box = (picture.width // 2, 0, picture.width, picture.height)
    part = ImageEnhance.Color(picture.crop(box)).enhance(1.8)
    made.paste(ImageEnhance.Brightness(part).enhance(1.25), box[:2])
    ImageDraw.Draw(made).line((box[0], 0, box[0], box[3]), "white", max(2, picture.width // 200))
    return made


def round_on_colour(picture: Image.Image, _random: Random) -> Image.Image:
    """Round the corners off, on a broad bright ground, as app shops show screens."""
    edge = min(picture.size) // 6
    made = Image.new("RGB", (picture.width + 2 * edge, picture.height + 4 * edge), "#f0603a")
    mask = Image.new("L", picture.size)
    box = (0, 0, picture.width - 1, picture.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, edge // 2, fill=255)
    made.paste(picture, (edge, 3 * edge), mask)
    write_words(ImageDraw.Draw(made), (made.width / 2, 1.5 * edge), "all in one place", 0.6 * edge)
    return made


def mirrored_meme(picture: Image.Image, _random: Random) -> Image.Image:
    """Mirror a picture and write over its foot."""
    made = ImageOps.mirror(picture)
    at = (picture.width / 2, 0.9 * picture.height)
    write_words(ImageDraw.Draw(made), at, WORDS["Russian"], picture.width / 16)
    return made


APP_EDITS: dict[str, Edit] = {
    "tungsten light": Edit("light", cast(1.5, 0.95, 0.4)),
    "blue shade": Edit("light", cast(0.55, 0.9, 1.7)),
    "green lamps": Edit("light", cast(0.8, 1.15, 0.7)),
    "screen at night": Edit("light", cast(1.0, 0.55, 0.2)),
    "cross-processed": Edit("light", by_values(cross_processed)),
    "automatic levels": Edit("light", by_values(auto_levels)),
    "tone mapped": Edit("light", tone_mapped),
    "far too dark": Edit("light", night),
    "far too light": Edit("light", by_values(overexposed)),
    "vivid": Edit("light", vivid),
    "for the colour-blind": Edit("light", by_values(for_colour_blind)),
    "duotone": Edit("light", duotone((0.15, 0.05, 0.35), (1, 0.85, 0.3))),
    "solarised": Edit("light", solarised),
    "light leak": Edit("light", light_leak),
    "lens flare": Edit("light", lens_flare),
    "double exposure": Edit("light", mixed),
    "sharpened with halos": Edit("detail", over_sharpened),
    "smooth skin": Edit("detail", smooth_skin),
    "smeared colours": Edit("detail", smeared_colours),
    "pencil sketch": Edit("detail", sketched),
    "film, grain": Edit("detail", lambda picture, random: add_noise(picture, random, 0.14)),
    "e-ink, 4 greys": Edit("paper", e_ink, ".png"),
    "fax": Edit("paper", faxed, ".png"),
    "photocopy": Edit("paper", photocopied),
    "torn edge": Edit("paper", torn),
    "stamp, SOLD": Edit("overlay", stamped("SOLD", "#d01818")),
    "shop's mark all over": Edit("overlay", stock_mark),
    "shop's name": Edit("overlay", corner_logo),
    "quote card": Edit("overlay", quote_card),
    "television news": Edit("overlay", news),
    "yellow faces": Edit("overlay", emojis),
    "mosaic over faces": Edit("overlay", hidden_faces(mosaic)),
    "black boxes": Edit(
        "overlay", hidden_faces(lambda part: Image.new("RGB", part.size, "#080808"))
    ),
    "snow": Edit("overlay", weather),
    "glitch": Edit("overlay", glitched),
    "short film": Edit("screen", short_film),
    "somebody in a corner": Edit("screen", picture_in_picture),
    "before and after": Edit("screen", before_and_after),
    "half with another look": Edit("screen", split_screen),
    "round on colour": Edit("screen", round_on_colour),
    "mirrored meme": Edit("several", mirrored_meme),
    "cut, quote card": Edit("several", after(crop(0.85), quote_card)),
}

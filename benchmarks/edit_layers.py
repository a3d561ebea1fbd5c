"""Edits that show a picture on something, or lay something over it: screens, prints, words."""

from __future__ import annotations

import numpy as np
from edit_parts import (
    BICUBIC,
    LANCZOS,
    Change,
    Random,
    add_noise,
    as_picture,
    font_of,
    move_corners,
    near_corners,
    paste_in,
    write_words,
)
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

WORDS = {
    "English": "when you see it again",
    "German": "Schöne Grüße aus Übersee",
    "French": "ça, c'est déjà vu à Noël",
    "Russian": "где-то это уже было",
    "Greek": "αυτό το έχω ξαναδεί",
    "Arabic": "رأيت هذه الصورة من قبل",
    "Georgian": "ეს უკვე სადღაც მინახავს",
}


def phone(colour: str, *, chat: bool = False) -> Change:
    """Show a picture on the screen of a phone, with bars, or in a chat between words."""

    def change(picture: Image.Image, random: Random) -> Image.Image:
        screen = Image.new("RGB", (720, 1560), colour)
        draw, ink = ImageDraw.Draw(screen), "white" if colour == "#101418" else "black"
        draw.text(
            (40, 25), f"{random.integers(24):02d}:{random.integers(60):02d}", ink, font_of(26)
        )
        draw.rectangle((640, 28, 690, 50), outline=ink, width=3)
        draw.rectangle((240, 1535, 480, 1543), fill=ink)
        if not chat:
            return paste_in(picture, screen, (0, 110, 720, 1450))
        bubble = "#2a6a4a" if ink == "white" else "#d9fdd3"
        draw.rounded_rectangle((20, 120, 420, 190), 18, fill=bubble)
        draw.text((40, 140), "look at this", ink, font_of(26))
        draw.rounded_rectangle((130, 215, 700, 1220), 18, fill=bubble)
        draw.rounded_rectangle((20, 1240, 560, 1310), 18, fill=bubble)
        draw.text((40, 1260), WORDS["German"], ink, font_of(26))
        return paste_in(picture, screen, (140, 225, 690, 1210))

    return change


def desktop(share: float) -> Change:
    """Show a picture in a window of this share of a screen's width."""

    def change(picture: Image.Image, random: Random) -> Image.Image:
        screen = Image.new("RGB", (1600, 900), "#e4e4e4")
        draw, width = ImageDraw.Draw(screen), round(1600 * share)
        draw.rectangle((0, 0, 1600, 50), fill="#3060a0")
        draw.rectangle((0, 860, 1600, 900), fill="#202020")
        for line in range(5 + int(random.integers(10))):
            draw.text((20, 90 + 40 * line), f"album {line}  {random.integers(999)}", 0, font_of(18))
        left = int(random.integers(200, max(201, 1600 - width)))
        return paste_in(picture, screen, (left, 60, min(1600, left + width), 850))

    return change


def player(picture: Image.Image, random: Random) -> Image.Image:
    """Show a picture as a paused film: black beside it, a triangle and a bar over it."""
    screen = paste_in(picture, Image.new("RGB", (1280, 720)), (0, 0, 1280, 720))
    draw, at = ImageDraw.Draw(screen), int(random.integers(100, 1200))
    draw.polygon([(610, 320), (610, 400), (680, 360)], fill="white")
    draw.rectangle((40, 680, 1240, 688), fill="#808080")
    draw.rectangle((40, 680, at, 688), fill="red")
    return screen


def story(picture: Image.Image, random: Random) -> Image.Image:
    """Fill a tall screen with a blurred copy, the picture in the middle, a line of text."""
    back = ImageOps.fit(picture, (720, 1280), LANCZOS).filter(ImageFilter.GaussianBlur(30))
    back = ImageEnhance.Brightness(back).enhance(0.7)
    top = int(random.integers(100, 250))
    screen = paste_in(picture, back, (40, top, 680, top + 900))
    write_words(ImageDraw.Draw(screen), (360, 70), WORDS["French"], 36)
    return screen


def tall_story(picture: Image.Image, random: Random) -> Image.Image:
    """Cut a picture to a tall screen, with text and two round stickers on it."""
    screen = ImageOps.fit(picture, (720, 1280), LANCZOS)
    draw = ImageDraw.Draw(screen)
    for _ in range(2):
        x, y = random.integers(80, 640), random.integers(80, 1200)
        draw.ellipse((x - 60, y - 60, x + 60, y + 60), fill="#ffd040", outline="white", width=6)
        draw.arc((x - 30, y - 25, x + 30, y + 35), 20, 160, fill="black", width=6)
    write_words(draw, (360, random.integers(200, 1100)), WORDS["English"], 50)
    return screen


def printed(picture: Image.Image, random: Random) -> Image.Image:
    """Photograph a print that lies on a table: border, perspective, uneven light, noise."""
    edge = max(4, min(picture.size) // 20)
    sheet = ImageOps.expand(ImageOps.expand(picture, edge, "#f4f0e8"), 2 * edge, "#6b5138")
    sheet = move_corners(sheet, near_corners(random, 0.08))
    y, x = np.mgrid[0 : 1 : sheet.height * 1j, 0 : 1 : sheet.width * 1j]
    light = 0.95 - 0.3 * (x * random.random() + y * random.random())
    values = np.asarray(sheet, np.float32) / 255 * 0.85 + 0.06
    values = values * light[..., None] * np.array([1.05, 1, 0.9])
    return add_noise(as_picture(values).filter(ImageFilter.GaussianBlur(0.8)), random, 0.02)


def scanned(picture: Image.Image, random: Random) -> Image.Image:
    """Scan a faded print: paler, a little turned, white around it, dust."""
    values = np.asarray(picture, np.float32) / 255 * 0.75 + 0.18
    sheet = ImageOps.expand(as_picture(values), max(4, min(picture.size) // 25), "white")
    sheet = sheet.rotate(random.uniform(-2, 2), BICUBIC, fillcolor="white")
    draw = ImageDraw.Draw(sheet)
    for x, y in random.integers(0, sheet.size, (60, 2)):
        draw.ellipse((x, y, x + 2, y + 2), fill="white")
    return add_noise(sheet, random, 0.015)


def from_screen(picture: Image.Image, random: Random) -> Image.Image:
    """Photograph a screen: stripes, perspective, blue light, noise."""
    values = np.asarray(picture, np.float32) / 255
    y, x = np.mgrid[: picture.height, : picture.width]
    stripes = np.sin(x * 2.1 + y * 0.05) + np.sin(y * 2.3 + x * 0.04)
    values = values * (1 + 0.06 * stripes[..., None]) * np.array([0.92, 1, 1.1])
    shown = ImageOps.expand(as_picture(values), max(4, min(picture.size) // 15), "#181818")
    return add_noise(move_corners(shown, near_corners(random, 0.06)), random, 0.025)


# -- captions and what is laid over ----------------------------------------------------------------


def meme(language: str) -> Change:
    """Write over the top and the foot of a picture."""

    def change(picture: Image.Image, _random: Random) -> Image.Image:
        written, words = picture.copy(), WORDS[language].upper().split()
        draw, size = ImageDraw.Draw(written), picture.width / 13
        half = len(words) // 2
        for part, y in ((words[:half], size), (words[half:], picture.height - size)):
            write_words(draw, (picture.width / 2, y), " ".join(part), size)
        return written

    return change


def subtitle(language: str) -> Change:
    """Write one small line near the foot of a picture."""

    def change(picture: Image.Image, _random: Random) -> Image.Image:
        written, size = picture.copy(), picture.width / 24
        at = (picture.width / 2, picture.height - 1.5 * size)
        write_words(ImageDraw.Draw(written), at, WORDS[language], size)
        return written

    return change


def caption_bar(language: str, colour: str) -> Change:
    """Add a bar with words above a picture."""

    def change(picture: Image.Image, _random: Random) -> Image.Image:
        bar = max(8, picture.height // 6)
        made = Image.new("RGB", (picture.width, picture.height + bar), colour)
        made.paste(picture, (0, bar))
        font, ink = font_of(picture.width / 20), "black" if colour == "white" else "white"
        at = (picture.width / 2, bar / 2)
        ImageDraw.Draw(made).text(at, WORDS[language], ink, font, "mm")
        return made

    return change


def watermark(*, tiled: bool) -> Change:
    """Lay pale words across a picture, once and large, or all over."""

    def change(picture: Image.Image, random: Random) -> Image.Image:
        width, height = picture.size
        layer = Image.new("RGBA", (2 * width, 2 * height))
        draw, size = ImageDraw.Draw(layer), width / (14 if tiled else 4)
        step = round(4.5 * size) if tiled else 10**6
        for x in range(width if not tiled else 0, 2 * width, step):
            for y in range(height if not tiled else 0, 2 * height, step // 2):
                font = font_of(size)
                draw.text((x, y), "SAMPLE", (255, 255, 255, 150), font, "mm", stroke_width=1)
        layer = layer.rotate(random.uniform(20, 35))
        layer = layer.crop((width // 2, height // 2, width // 2 + width, height // 2 + height))
        return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")

    return change


def sticker(share: float, n: int = 1) -> Change:
    """Lay round stickers on a picture, of this share of its shorter side."""

    def change(picture: Image.Image, random: Random) -> Image.Image:
        made, side = picture.copy(), max(4, round(min(picture.size) * share))
        draw = ImageDraw.Draw(made)
        for _ in range(n):
            x = int(random.integers(0, picture.width - side + 1))
            y = int(random.integers(0, picture.height - side + 1))
            colour = tuple(int(value) for value in random.integers(60, 256, 3))
            draw.ellipse((x, y, x + side, y + side), fill=colour, outline="white")
        return made

    return change


def date_stamp(picture: Image.Image, random: Random) -> Image.Image:
    """Write a date into the corner, as old cameras do."""
    made, size = picture.copy(), picture.width / 22
    text = f"'{random.integers(1, 28):02d} {random.integers(1, 13):2d} {random.integers(1, 31):2d}"
    at = (picture.width * 0.95, picture.height * 0.95)
    ImageDraw.Draw(made).text(at, text, "#ff9020", font_of(size), "rs")
    return made


def bars(picture: Image.Image, random: Random) -> Image.Image:
    """Cover two faces with black bars."""
    made, (width, height) = picture.copy(), picture.size
    draw = ImageDraw.Draw(made)
    for _ in range(2):
        x, y = random.uniform(0.1, 0.6) * width, random.uniform(0.1, 0.8) * height
        draw.rectangle((x, y, x + width / 5, y + height / 14), fill="black")
    return made


def scribble(picture: Image.Image, random: Random) -> Image.Image:
    """Draw a circle, an arrow and a line by hand."""
    made, (width, height) = picture.copy(), picture.size
    draw, thick = ImageDraw.Draw(made), max(2, width // 100)
    x, y = random.uniform(0.1, 0.5) * width, random.uniform(0.1, 0.5) * height
    draw.ellipse((x, y, x + width / 3, y + height / 3), outline="red", width=thick)
    draw.line((x, y, 0, 0), fill="red", width=thick)
    places = random.uniform(0, 1, (6, 2)) * picture.size
    draw.line([tuple(place) for place in places], fill="#20e060", width=thick, joint="curve")
    return made


def framed(picture: Image.Image, _random: Random) -> Image.Image:
    """Put a frame around a picture, broad at the foot, as instant films have."""
    edge = max(2, min(picture.size) // 14)
    made = Image.new("RGB", (picture.width + 2 * edge, picture.height + 5 * edge), "#f6f2ea")
    made.paste(picture, (edge, edge))
    return made


def rounded(picture: Image.Image, _random: Random) -> Image.Image:
    """Round the corners off."""
    mask = Image.new("L", picture.size)
    box, radius = (0, 0, picture.width - 1, picture.height - 1), min(picture.size) // 6
    ImageDraw.Draw(mask).rounded_rectangle(box, radius, fill=255)
    return Image.composite(picture, Image.new("RGB", picture.size, "white"), mask)

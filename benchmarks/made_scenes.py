"""Pictures like photographs that look alike and are not copies, made by script.

See `made_boards.py`. The backdrop, frame or instrument is the same in all pictures of a kind.
"""

from __future__ import annotations

import numpy as np
from edit_parts import Random, add_noise, as_picture, font_of, write_words
from made_boards import PLACES, Maker, disc, sheet, smaller, words
from made_cards import colour, face
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage


def cloud(random: Random, height: int, width: int, power: float = 1.8) -> np.ndarray:
    """Return noise of a power spectrum from 0 to 1, as in clouds and grounds."""
    down, across = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
    size = np.hypot(down * height / width, across)
    size[0, 0] = 1
    made = np.fft.ifft2(np.fft.fft2(random.normal(size=(height, width))) * size**-power).real
    return (made - made.min()) / np.ptp(made)


def between(values: np.ndarray, low: tuple[int, ...], high: tuple[int, ...]) -> Image.Image:
    """Return a picture whose values from 0 to 1 go from one colour to another."""
    return as_picture((np.array(low) + values[..., None] * np.subtract(high, low)) / 255)


def photo(random: Random, width: int = 640, height: int = 480) -> Image.Image:
    """Return a made-up photograph: ground, clouds and things in front of them."""
    made = between(
        cloud(random, height, width, 1.4), colour(random, 0, 120), colour(random, 120, 255)
    )
    draw = ImageDraw.Draw(made)
    for _ in range(9):
        x, y, across, down = random.uniform([0, 0, 30, 30], [width, height, 140, 140])
        box = (x - across, y - down, x + across, y + down)
        (draw.ellipse if random.random() < 0.5 else draw.rectangle)(box, fill=colour(random))
    return add_noise(made.filter(ImageFilter.GaussianBlur(1)), random, 0.02)


def _template(seed: int, width: int = 640, height: int = 480) -> Image.Image:
    return photo(np.random.default_rng(seed), width, height)


def evening(random: Random, _: int) -> Image.Image:
    """Draw a sun and hills elsewhere before one evening sky."""
    down = np.repeat(np.linspace(0, 1, 480)[:, None], 720, 1)
    made = between(down, (40, 30, 90), (255, 140, 60))
    draw, x = ImageDraw.Draw(made), int(random.integers(80, 640))
    disc(draw, x, 290, 40, fill="#ffe9a0")
    draw.rectangle((0, 320, 720, 480), "#20304a")
    for x in random.integers(0, 720, 4):
        high = random.integers(30, 120)
        draw.polygon([(x - 90, 320), (x, 320 - high), (x + 90, 320)], "#141828")
    return made


def night(random: Random, _: int) -> Image.Image:
    """Draw other stars before one band of light."""
    y, x = np.mgrid[-1:1:480j, -1:1:720j]
    light = 0.35 * np.exp(-(((y - 0.3 * x) / 0.3) ** 2))
    stars = np.zeros((480, 720))
    stars[random.integers(0, 480, 500), random.integers(0, 720, 500)] = random.pareto(1.5, 500)
    return between(
        np.clip(light + ndimage.gaussian_filter(stars, 0.8), 0, 1), (0, 0, 0), (255,) * 3
    )


def sea(random: Random, _: int) -> Image.Image:
    """Draw another boat and other waves below one sky."""
    down = np.linspace(0, 1, 480)[:, None] + 0.08 * cloud(random, 480, 720)
    made = between(np.clip(down, 0, 1), (90, 150, 220), (220, 235, 245))
    waves = between(cloud(random, 220, 720, 1.2), (20, 70, 110), (70, 130, 160))
    made.paste(waves, (0, 260))
    draw, x = ImageDraw.Draw(made), int(random.integers(80, 640))
    draw.polygon([(x - 40, 275), (x + 40, 275), (x + 25, 295), (x - 25, 295)], "#402010")
    draw.polygon([(x, 180), (x, 270), (x + 45, 270)], colour(random, 160, 255))
    return made


def x_ray(random: Random, _: int) -> Image.Image:
    """Draw a chest: spine and ribs of other sizes, other tissue."""
    y, x = np.mgrid[-1:1:512j, -1:1:512j]
    wide, high = random.uniform(0.36, 0.42, 2)
    lungs = sum(
        np.exp(-((((x - s * wide) / 0.28) ** 2 + ((y + 0.05) / (high + 0.25)) ** 2) ** 3))
        for s in (-1, 1)
    )
    ribs = 0.5 + 0.5 * np.cos((y + 0.5 * x**2) * random.uniform(38, 44) + random.uniform(0, 6))
    spine = np.exp(-((x / 0.09) ** 2)) * (0.8 + 0.2 * np.cos(40 * y))
    body = np.exp(-((x / 0.85) ** 8))
    made = body * (0.75 - 0.5 * lungs + 0.14 * ribs * lungs + 0.3 * spine)
    made += 0.12 * (cloud(random, 512, 512) - 0.5)
    return between(np.clip(made, 0, 1), (0, 0, 0), (255,) * 3).convert("L")


def satellite(random: Random, _: int) -> Image.Image:
    """Draw other fields."""
    seeds = random.uniform(0, 512, (60, 2))
    y, x = np.mgrid[:512, :512]
    nearest = np.argmin((y[..., None] - seeds[:, 0]) ** 2 + (x[..., None] - seeds[:, 1]) ** 2, -1)
    shades = random.uniform([0.25, 0.35, 0.15], [0.6, 0.55, 0.3], (60, 3))
    return as_picture(shades[nearest] + 0.1 * (cloud(random, 512, 512)[..., None] - 0.5))


def cells(random: Random, _: int) -> Image.Image:
    """Draw other cells on the ground of one microscope."""
    made, draw = sheet(1280, 960, "#e8dce8")
    for _ in range(60):
        x, y, size = random.uniform([0, 0, 30], [1280, 960, 70])
        disc(draw, x, y, size, fill="#d8a8d0", outline="#b080b0", width=4)
        disc(draw, x + random.uniform(-15, 15), y, size / 3, fill="#603080")
    shade = np.hypot(*np.mgrid[-1:1:480j, -1:1:640j])[..., None]
    return as_picture(np.asarray(smaller(made)) / 255 * (1 - 0.25 * shade))


def wallpaper(random: Random, number: int) -> Image.Image:
    """Draw another motif in one lattice."""
    made, draw = sheet(1200, 900, "#f3e9d8")
    for k in range(12 * 9):
        x, y = 100 * (k % 12) + 50 * (k // 12 % 2) + 25, 100 * (k // 12) + 50
        draw.text((x, y), "✿❀♣♠✶❖♛☘☀❄"[number % 10], "#5b7f95", font_of(64), "mm")
    return smaller(made)


def tiles(random: Random, _: int) -> Image.Image:
    """Draw a floor in whose grid other tiles are dark."""
    made, draw = sheet(640, 480, "#c0b8ac")
    for y, x in np.ndindex(8, 11):
        ink = "#6a5848" if random.random() < 0.5 else "#e6ddd0"
        draw.rectangle((60 * x + 2, 60 * y + 2, 60 * x + 57, 60 * y + 57), ink)
    return add_noise(made, random, 0.03)


def game(random: Random, _: int) -> Image.Image:
    """Draw another scene below the same head-up display."""
    made = photo(random, 800, 450)
    draw = ImageDraw.Draw(made)
    draw.rectangle((0, 380, 800, 450), "#202028")
    for k in range(6):
        draw.rectangle((20 + 64 * k, 390, 74 + 64 * k, 442), "#50505c", "#a0a0a8", 3)
    draw.rectangle((20, 15, 220, 35), "#c02020")
    draw.rectangle((20, 40, 180, 55), "#2060c0")
    draw.rectangle((660, 15, 785, 140), "#304030", "white", 4)
    return made


def matted(random: Random, _: int) -> Image.Image:
    """Show another picture in one wide white mat and dark frame."""
    made, draw = sheet(800, 700, "#3a2a1c")
    draw.rectangle((40, 40, 760, 660), "#f6f3ea")
    draw.rectangle((195, 185, 605, 495), "#d8d2c0")
    made.paste(photo(random, 400, 300), (200, 190))
    return made


def framed(random: Random, _: int) -> Image.Image:
    """Show another picture in one ornate frame."""
    made = _template(77, 720, 560)
    made.paste(photo(random, 420, 320), (150, 120))
    return made


def in_words(random: Random, _: int) -> Image.Image:
    """Show another photograph under the same words in tiles."""
    made = photo(random)
    over = Image.new("L", (900, 900))
    draw = ImageDraw.Draw(over)
    for y in range(20, 900, 70):
        for x in range(-40 + y % 3 * 40, 900, 190):
            draw.text((x, y), "PREVIEW", 150, font_of(34))
    over = over.rotate(25).crop((130, 210, 770, 690))
    made.paste(Image.new("RGB", made.size, "white"), mask=over)
    return made


def on_screen(random: Random, _: int) -> Image.Image:
    """Show another photograph on the same telephone in the same room."""
    made = _template(78, 720, 720)
    draw = ImageDraw.Draw(made)
    draw.rounded_rectangle((230, 90, 490, 630), 30, "black")
    made.paste(photo(random, 240, 460), (240, 130))
    return made


def route(random: Random, _: int) -> Image.Image:
    """Draw another route on one map."""
    city = np.random.default_rng(5)
    made, draw = sheet(640, 640, "#f2efe9")
    draw.polygon([tuple(p) for p in city.integers(0, 640, (5, 2)).tolist()], "#b5d29c")
    for _ in range(40):
        ends = [tuple(p) for p in city.integers(-80, 720, (2, 2)).tolist()]
        draw.line(ends, "#c8c0b8", 11)
        draw.line(ends, "white", 8)
    for place in PLACES:
        draw.text(city.integers(40, 600, 2).tolist(), place, "#444", font_of(16), "mm")
    stops = np.cumsum(random.normal(0, 110, (6, 2)), axis=0) + 320
    draw.line([tuple(p) for p in np.clip(stops, 30, 610).tolist()], "#4285f4", 9, "curve")
    return made


def weather(random: Random, _: int) -> Image.Image:
    """Draw other signs and temperatures on the map of one country."""
    land = np.random.default_rng(6)
    made, draw = sheet(700, 560, "#9cc8e8")
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    far = 230 + land.normal(0, 24, 40)
    coast = [
        (350 + 1.25 * r * np.cos(a), 280 + r * np.sin(a)) for r, a in zip(far, angles, strict=True)
    ]
    draw.polygon(coast, "#a8cf8e", "#668855", 3)
    for k in range(9):
        x, y = 180 + 160 * (k % 3), 140 + 130 * (k // 3)
        sign = "☀☁☂⚡"[random.integers(4)]
        draw.text((x, y), sign, "#e08000" if sign == "☀" else "#405060", font_of(60), "mm")
        draw.text((x + 50, y + 20), f"{random.integers(-5, 35)}°", "#b00020", font_of(28), "mm")
    return made


def heat_map(random: Random, _: int) -> Image.Image:
    """Draw another field of heat with the same scale beside it."""
    made, _draw = sheet(640, 480)
    field = between(cloud(random, 420, 520, 2.2), (20, 30, 120), (250, 220, 40))
    made.paste(field, (30, 30))
    made.paste(
        between(np.repeat(np.linspace(1, 0, 420)[:, None], 30, 1), (20, 30, 120), (250, 220, 40)),
        (580, 30),
    )
    return made


def gradient(random: Random, _: int) -> Image.Image:
    """Draw a gradient between two other colours."""
    down = np.repeat(np.linspace(0, 1, 480)[:, None], 640, 1)
    return between(down, colour(random, 0, 255), colour(random, 0, 255))


def spectrogram(random: Random, _: int) -> Image.Image:
    """Draw the spectrum of other tones with time."""
    made = 0.25 * random.random((400, 640))
    x = np.arange(640)
    for _ in range(7):
        y = 200 + random.uniform(40, 160) * np.sin(
            x / random.uniform(30, 120) + random.uniform(0, 6)
        )
        made += np.exp(-(((np.arange(400)[:, None] - y) / 5) ** 2))
    return between(np.clip(made, 0, 1), (10, 0, 40), (255, 230, 90))


def planet(random: Random, _: int) -> Image.Image:
    """Draw a planet in black space with another surface."""
    y, x = np.mgrid[-1.3:1.3:512j, -1.3:1.3:512j]
    light = np.clip(0.7 - 0.5 * x - 0.3 * y, 0, 1) * (x * x + y * y < 1)
    return between(light * (0.4 + 0.6 * cloud(random, 512, 512)), (0, 0, 0), (250, 200, 150))


def fingerprint(random: Random, _: int) -> Image.Image:
    """Draw the ridges of another finger."""
    y, x = np.mgrid[-1:1:512j, -1:1:384j]
    centre = random.uniform(-0.2, 0.2, 2)
    far = np.hypot((x - centre[0]) * 1.2, y - centre[1]) + 0.25 * cloud(random, 512, 384, 2.2)
    ridges = (np.sin(70 * far) > 0) & (x * x * 1.3 + y * y < 0.8)
    return Image.fromarray(np.where(ridges, 60, 240).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(1)
    )


def studio(random: Random, _: int) -> Image.Image:
    """Draw another person before one backdrop, as in school portraits."""
    y, x = np.mgrid[-1:1:960j, -1:1:768j]
    made = between(np.clip(1 - 0.5 * np.hypot(x, y), 0, 1), (30, 40, 60), (140, 160, 190))
    face(ImageDraw.Draw(made), 384, 430, 210, random)
    return add_noise(smaller(made), random, 0.01)


def thumbnail(random: Random, _: int) -> Image.Image:
    """Write another title over one frame of a video."""
    made = _template(79, 640, 360)
    draw = ImageDraw.Draw(made)
    for line in range(2):
        write_words(draw, (320, 240 + 70 * line), words(random, 3).upper(), 58)
    return made


def meme(random: Random, _: int) -> Image.Image:
    """Write other words above and below one photograph."""
    made = _template(80, 600, 600)
    draw = ImageDraw.Draw(made)
    for y in (55, 545):
        write_words(draw, (300, y), words(random, 3).upper(), 52)
    return made


def news(random: Random, _: int) -> Image.Image:
    """Show another scene with the same bars of a news channel."""
    made = photo(random, 800, 450)
    draw = ImageDraw.Draw(made)
    draw.rectangle((0, 350, 800, 420), "#a01018")
    draw.text((30, 385), "BREAKING NEWS: " + words(random, 4), "white", font_of(30), "lm")
    draw.rectangle((0, 420, 800, 450), "#f0f0f0")
    draw.rectangle((690, 20, 780, 60), "#a01018")
    return made


def shelf(random: Random, number: int) -> Image.Image:
    """Show one shelf with another product in the middle."""
    made = _template(81, 720, 480)
    draw = ImageDraw.Draw(made)
    for k in range(7):
        own = random if k == 3 else np.random.default_rng(90 + k)
        x = 20 + 98 * k
        draw.rounded_rectangle((x, 150, x + 84, 420), 14, colour(own))
        draw.rectangle((x, 240, x + 84, 340), "white")
        draw.text((x + 42, 290), str(own.choice(PLACES)), "black", font_of(17), "mm")
    return made


SCENES: dict[str, Maker] = {
    "evening skies": evening,
    "night skies": night,
    "sea and boats": sea,
    "x-rays": x_ray,
    "satellite tiles": satellite,
    "cells": cells,
    "wallpapers": wallpaper,
    "floors": tiles,
    "game screens": game,
    "pictures in a mat": matted,
    "pictures in a frame": framed,
    "photographs under words": in_words,
    "photographs on a telephone": on_screen,
    "routes": route,
    "weather maps": weather,
    "heat maps": heat_map,
    "gradients": gradient,
    "spectrograms": spectrogram,
    "planets": planet,
    "fingerprints": fingerprint,
    "studio portraits": studio,
    "video thumbnails": thumbnail,
    "memes": meme,
    "news screens": news,
    "shelves": shelf,
}

"""Pictures of one kind that look alike and are not copies, drawn by script: boards and charts.

`BOARDS` has a function for each kind; it draws one picture of the kind by its number and random
numbers. What belongs to the kind (a grid, a template, a frame) is the same in all of its
pictures, and what makes each one another picture (a position, words, a route) is drawn by chance.
`made_screens.py`, `made_cards.py` and `made_scenes.py` have other kinds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from edit_parts import LANCZOS, Random, font_of
from PIL import Image, ImageDraw

Maker = Callable[[Random, int], Image.Image]
Sheet = tuple[Image.Image, ImageDraw.ImageDraw]
NAMES = [
    "Adam", "Beata", "Chen", "Dora", "Emil", "Fatima", "Goran", "Hana", "Igor", "Jana",
    "Kofi", "Lena", "Milo", "Nora", "Omar",
]  # fmt: skip
PLACES = [
    "Mill", "Park", "Oak", "Station", "Church", "River", "School", "Castle", "Garden",
    "Harbour", "Market",
]  # fmt: skip
WORDS = [
    "the", "a", "no", "yes", "see", "you", "at", "we", "are", "late", "coming", "home",
    "with", "bread", "two", "tickets", "for", "train",
]  # fmt: skip
INKS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf"]
ENLARGED = 2  # round shapes are drawn larger and made small, so that their edges are smooth


def sheet(width: int, height: int, ground: str = "white") -> Sheet:
    """Return an empty picture and the pen that draws on it."""
    made = Image.new("RGB", (width, height), ground)
    return made, ImageDraw.Draw(made)


def smaller(picture: Image.Image) -> Image.Image:
    """Return a picture that was drawn `ENLARGED` times as large in its size."""
    return picture.resize((picture.width // ENLARGED, picture.height // ENLARGED), LANCZOS)


def words(random: Random, n: int) -> str:
    """Return some words in a random order."""
    return " ".join(random.choice(WORDS, n))


def disc(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, **style: object) -> None:
    """Draw a disc around a point."""
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), **style)


# -- codes and boards ------------------------------------------------------------------------------


def qr_code(random: Random, _: int) -> Image.Image:
    """Draw modules at random with the three corners of such a code."""
    modules = random.random((29, 29)) < 0.5
    for y, x in ((0, 0), (0, 22), (22, 0)):
        for margin, dark in ((0, True), (1, False), (2, True)):
            modules[y + margin : y + 7 - margin, x + margin : x + 7 - margin] = dark
    made, _draw = sheet(370, 370)
    code = Image.fromarray(np.where(modules, 0, 255).astype(np.uint8)).resize((290, 290), 0)
    made.paste(code, (40, 40))
    return made


def bar_code(random: Random, _: int) -> Image.Image:
    """Draw bars of four widths and the number below."""
    made, draw = sheet(520, 240)
    edges = np.cumsum(random.integers(1, 5, 60))
    edges = 40 + edges * 440 / edges[-1]
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        draw.rectangle((left, 30, right, 180), fill="black")
    number = "".join(map(str, random.integers(0, 10, 12)))
    draw.text((260, 205), number, "black", font_of(28), "mm")
    return made


def _chequered(light: str, dark: str) -> Sheet:
    made, draw = sheet(480, 480, light)
    for k in range(64):
        if (k + k // 8) % 2:
            draw.rectangle(
                (60 * (k % 8), 60 * (k // 8), 60 * (k % 8) + 59, 60 * (k // 8) + 59), dark
            )
    return made, draw


def chess(random: Random, _: int) -> Image.Image:
    """Draw a position of 12 to 24 pieces."""
    made, draw = _chequered("#f0d9b5", "#b58863")
    for k in random.permutation(64)[: random.integers(12, 25)]:
        piece = chr(0x2654 + int(random.integers(12)))
        draw.text((60 * (k % 8) + 30, 60 * (k // 8) + 32), piece, "black", font_of(46), "mm")
    return made


def go(random: Random, _: int) -> Image.Image:
    """Draw a game of 60 stones on 19 lines."""
    made, draw = sheet(960, 960, "#dcb35c")
    for k in range(19):
        at = 48 * (k + 1)
        draw.line((48, at, 912, at), "black", 2)
        draw.line((at, 48, at, 912), "black", 2)
    for n, k in enumerate(random.permutation(361)[:60]):
        disc(draw, 48 * (k % 19 + 1), 48 * (k // 19 + 1), 22, fill="black" if n % 2 else "white")
    return smaller(made)


def draughts(random: Random, _: int) -> Image.Image:
    """Draw a position of 20 men."""
    made, draw = _chequered("#eeeed2", "#769656")
    dark = [k for k in range(64) if (k + k // 8) % 2]
    for n, k in enumerate(random.permutation(dark)[:20]):
        disc(draw, 60 * (k % 8) + 30, 60 * (k // 8) + 30, 23, fill="#222" if n % 2 else "#fafafa")
    return made


def crossword(random: Random, _: int) -> Image.Image:
    """Draw a symmetric grid with other black squares."""
    made, draw = sheet(500, 500)
    black = random.random((13, 13)) < 0.1
    for y, x in np.ndindex(13, 13):
        box = (25 + 35 * x, 25 + 35 * y, 60 + 35 * x, 60 + 35 * y)
        draw.rectangle(box, "black" if black[y, x] or black[12 - y, 12 - x] else None, "black", 2)
        if random.random() < 0.2:
            draw.text((28 + 35 * x, 26 + 35 * y), str(random.integers(1, 50)), "black", font_of(11))
    return made


def sudoku(random: Random, _: int) -> Image.Image:
    """Draw 30 digits in the grid."""
    made, draw = sheet(450, 450)
    for k in range(10):
        at, width = 27 + 44 * k, 4 if k % 3 == 0 else 1
        draw.line((27, at, 423, at), "black", width)
        draw.line((at, 27, at, 423), "black", width)
    for k in random.permutation(81)[:30]:
        place = (49 + 44 * (k % 9), 49 + 44 * (k // 9))
        draw.text(place, str(random.integers(1, 10)), "black", font_of(28), "mm")
    return made


def bingo(random: Random, _: int) -> Image.Image:
    """Draw a card with a head and 25 numbers."""
    made, draw = sheet(400, 500, "#fff8e8")
    draw.rectangle((0, 0, 400, 90), "#c02040")
    draw.text((200, 45), "B I N G O", "white", font_of(54), "mm")
    for k in range(25):
        x, y = 20 + 72 * (k % 5), 110 + 74 * (k // 5)
        draw.rectangle((x, y, x + 72, y + 74), None, "#c02040", 3)
        draw.text((x + 36, y + 37), str(random.integers(1, 76)), "black", font_of(34), "mm")
    return made


def dominoes(random: Random, _: int) -> Image.Image:
    """Draw one domino."""
    made, draw = sheet(640, 320, "#256040")
    draw.rounded_rectangle((40, 40, 600, 280), 30, "#fdfdf6")
    draw.line((320, 60, 320, 260), "black", 6)
    for half in (0, 1):
        _pips(draw, 180 + 280 * half, 160, int(random.integers(0, 7)), 64, 20)
    return smaller(made)


def _pips(draw: ImageDraw.ImageDraw, x: int, y: int, n: int, step: int, radius: int) -> None:
    places = [(-1, -1), (1, 1), (-1, 1), (1, -1), (-1, 0), (1, 0)][: n - n % 2]
    for across, down in [*places, *([(0, 0)] * (n % 2))]:
        disc(draw, x + step * across, y + step * down, radius, fill="black")


def dice(random: Random, _: int) -> Image.Image:
    """Draw three dice on a table."""
    made, draw = sheet(960, 400, "#7a2020")
    for k in range(3):
        draw.rounded_rectangle((60 + 300 * k, 80, 300 + 300 * k, 320), 40, "#fafafa")
        _pips(draw, 180 + 300 * k, 200, int(random.integers(1, 7)), 64, 22)
    return smaller(made)


def playing_cards(random: Random, number: int) -> Image.Image:
    """Draw one card: its value in two corners and the sign of its suit in a pattern."""
    made, draw = sheet(360, 520, "#206040")
    draw.rounded_rectangle((20, 20, 340, 500), 24, "white")
    value, suit = number % 10 + 1, int(random.integers(4))
    ink = "#c01020" if suit % 2 else "black"
    for k in range(value):
        place = (120 + 60 * (k % 3), 110 + 90 * (k // 3))
        draw.text(place, "♠♥♣♦"[suit], ink, font_of(60), "mm")
    for x, y in ((50, 55), (310, 465)):
        draw.text((x, y), str(value), ink, font_of(36), "mm")
    return made


# -- charts ----------------------------------------------------------------------------------------


def _axes(title: str) -> Sheet:
    made, draw = sheet(720, 460)
    draw.text((390, 25), title, "black", font_of(24), "mm")
    for k in range(6):
        draw.line((80, 400 - 66 * k, 700, 400 - 66 * k), "#dddddd", 1)
        draw.text((70, 400 - 66 * k), str(20 * k), "black", font_of(16), "rm")
        draw.text((100 + 112 * k, 425), str(2019 + k), "black", font_of(16), "mm")
    draw.line((80, 50, 80, 400, 700, 400), "black", 2)
    return made, draw


def bar_chart(random: Random, _: int) -> Image.Image:
    """Draw eight bars of other heights."""
    made, draw = _axes("Sales by year")
    for k, height in enumerate(random.uniform(30, 330, 8)):
        draw.rectangle((100 + 75 * k, 400 - height, 150 + 75 * k, 400), "#4477aa")
    return made


def line_chart(random: Random, _: int) -> Image.Image:
    """Draw three random walks."""
    made, draw = _axes("Visitors")
    for ink in INKS[:3]:
        walk = np.clip(random.uniform(80, 260) + np.cumsum(random.normal(0, 14, 60)), 0, 330)
        draw.line([(80 + 10.5 * k, 400 - y) for k, y in enumerate(walk)], ink, 3)
    return made


def pie_chart(random: Random, _: int) -> Image.Image:
    """Draw five shares with their legend."""
    made, draw = sheet(1200, 800)
    ends = np.cumsum(random.dirichlet([2] * 5)) * 360
    for k, end in enumerate(ends):
        draw.pieslice((80, 80, 720, 720), ends[k - 1] if k else 0, end, INKS[k])
        draw.rectangle((840, 180 + 90 * k, 890, 230 + 90 * k), INKS[k])
        draw.text((910, 205 + 90 * k), PLACES[k], "black", font_of(40), "lm")
    return smaller(made)


def scatter_plot(random: Random, _: int) -> Image.Image:
    """Draw 150 points."""
    made, draw = _axes("Height and weight")
    for x, y in random.normal(0, 1, (150, 2)):
        disc(draw, 390 + 95 * x, 225 + 55 * y, 4, fill="#1f77b4")
    return made


def oscillogram(random: Random, _: int) -> Image.Image:
    """Draw a sine of another period and phase on a dark grid."""
    made, draw = sheet(1200, 800, "#0c1a14")
    for k in range(13):
        draw.line((100 * k, 0, 100 * k, 800), "#2c4a3c", 2)
        draw.line((0, 100 * k, 1200, 100 * k), "#2c4a3c", 2)
    x, (period, phase, high) = np.arange(1200), random.uniform([120, 0, 120], [500, 6, 320])
    draw.line(list(zip(x, 400 + high * np.sin(6.28 * x / period + phase), strict=True)), "#5f9", 6)
    return smaller(made)


def heart_beat(random: Random, _: int) -> Image.Image:
    """Draw three leads of an electrocardiogram on pink squares."""
    made, draw = sheet(1000, 640, "#fff4f2")
    for k in range(100):
        ink = "#e89090" if k % 5 == 0 else "#f8d4d0"
        draw.line((10 * k, 0, 10 * k, 640), ink)
        draw.line((0, 10 * k, 1000, 10 * k), ink)
    x, period = np.arange(1000), random.uniform(70, 150)
    for row in range(3):
        beat = ((x + random.uniform(0, 150)) % period) / period - 0.4
        y = 80 * np.exp(-((beat / 0.02) ** 2)) + 18 * np.exp(-(((beat - 0.3) / 0.06) ** 2))
        noise = random.normal(0, 1.5, 1000)
        draw.line(list(zip(x, 150 + 190 * row - y + noise, strict=True)), "black", 2)
    return made


def gauge(random: Random, _: int) -> Image.Image:
    """Draw a speedometer with another angle of its needle."""
    made, draw = sheet(640, 640, "#15181c")
    for k in range(13):
        angle = np.radians(-210 + 20 * k)
        cos, sin = np.cos(angle), np.sin(angle)
        draw.line((320 + 240 * cos, 320 + 240 * sin, 320 + 280 * cos, 320 + 280 * sin), "white", 8)
        draw.text((320 + 205 * cos, 320 + 205 * sin), str(20 * k), "white", font_of(30), "mm")
    angle = np.radians(random.uniform(-210, 30))
    draw.line((320, 320, 320 + 230 * np.cos(angle), 320 + 230 * np.sin(angle)), "#f33", 12)
    return smaller(made)


BOARDS: dict[str, Maker] = {
    "qr codes": qr_code,
    "bar codes": bar_code,
    "chess": chess,
    "go": go,
    "draughts": draughts,
    "crosswords": crossword,
    "sudokus": sudoku,
    "bingo cards": bingo,
    "dominoes": dominoes,
    "dice": dice,
    "playing cards": playing_cards,
    "bar charts": bar_chart,
    "line charts": line_chart,
    "pie charts": pie_chart,
    "scatter plots": scatter_plot,
    "oscillograms": oscillogram,
    "heart beats": heart_beat,
    "gauges": gauge,
}

"""Screens of one program or site with other contents that are not copies, drawn by script.

See `made_boards.py`.
"""

from __future__ import annotations

from edit_parts import Random, font_of
from made_boards import PLACES, WORDS, Maker, disc, sheet, smaller, words
from PIL import Image


def chat(random: Random, _: int) -> Image.Image:
    """Draw a telephone screen with other messages of one person."""
    made, draw = sheet(480, 960, "#e8ded4")
    draw.rectangle((0, 0, 480, 90), "#106058")
    draw.text((90, 45), "Nora", "white", font_of(28), "lm")
    disc(draw, 50, 45, 28, fill="#c0d0d0")
    y = 110
    while y < 850:
        mine, lines = random.random() < 0.5, int(random.integers(1, 4))
        left, right = (140, 460) if mine else (20, 340)
        draw.rounded_rectangle(
            (left, y, right, y + 20 + 30 * lines), 14, "#dcf8c6" if mine else "white"
        )
        for line in range(lines):
            draw.text((left + 14, y + 8 + 30 * line), words(random, 4), "black", font_of(20))
        y += 40 + 30 * lines
    draw.rounded_rectangle((10, 890, 400, 950), 30, "white")
    return made


def code_editor(random: Random, _: int) -> Image.Image:
    """Draw a dark editor with other lines of code."""
    made, draw = sheet(960, 640, "#1e1e1e")
    draw.rectangle((0, 0, 200, 640), "#252526")
    draw.rectangle((0, 615, 960, 640), "#007acc")
    for k in range(8):
        draw.text((20, 20 + 28 * k), f"{PLACES[k].lower()}.py", "#cccccc", font_of(16))
    for line in range(26):
        draw.text((215, 10 + 23 * line), str(line + 1), "#858585", font_of(15))
        x = 260 + 30 * int(random.integers(0, 4))
        for ink in random.choice(
            ["#569cd6", "#ce9178", "#dcdcaa", "#9cdcfe"], random.integers(0, 5)
        ):
            word = str(random.choice(WORDS + PLACES))
            draw.text((x, 10 + 23 * line), word, ink, font_of(15))
            x += 12 * len(word) + 12
    return made


def spreadsheet(random: Random, _: int) -> Image.Image:
    """Draw a table of other numbers below the same head."""
    made, draw = sheet(900, 640)
    draw.rectangle((0, 0, 900, 60), "#217346")
    for k in range(23):
        draw.line((0, 60 + 25 * k, 900, 60 + 25 * k), "#cccccc")
        draw.text((20, 73 + 25 * k), str(k), "#555", font_of(13), "mm")
    for k in range(9):
        draw.line((40 + 107 * k, 60, 40 + 107 * k, 640), "#cccccc")
        draw.text((93 + 107 * k, 73), "ABCDEFGHI"[k], "#555", font_of(14), "mm")
        for row in range(1, 18):
            place = (140 + 107 * k, 73 + 25 * row)
            draw.text(place, f"{random.uniform(0, 9999):.2f}", "black", font_of(14), "rm")
    return made


def calendar(random: Random, number: int) -> Image.Image:
    """Draw another month."""
    made, draw = sheet(700, 560)
    draw.rectangle((0, 0, 700, 90), "#b02a30")
    months = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
    ]
    draw.text((350, 45), f"{months[number % 10]} 2024", "white", font_of(44), "mm")
    first, days = int(random.integers(0, 7)), int(random.integers(28, 32))
    for k in range(7):
        draw.text((50 + 100 * k, 120), "MTWTFSS"[k], "#b02a30", font_of(24), "mm")
    for k in range(first, first + days):
        x, y = 100 * (k % 7), 145 + 68 * (k // 7)
        draw.rectangle((x, y, x + 100, y + 68), None, "#bbb")
        draw.text((x + 50, y + 34), str(k - first + 1), "black", font_of(28), "mm")
    return made


def web_page(random: Random, _: int) -> Image.Image:
    """Draw a page of one site: the same head and side, another text."""
    made, draw = sheet(1024, 768)
    draw.rectangle((0, 0, 1024, 110), "#1a3c6e")
    draw.text((40, 55), "The Daily Harbour", "white", font_of(44), "lm")
    for k in range(6):
        draw.text((40 + 150 * k, 130), PLACES[k], "#1a3c6e", font_of(20), "lm")
        draw.rectangle((780, 190 + 95 * k, 1000, 270 + 95 * k), "#e4e8f0")
    draw.text((40, 200), words(random, 4).capitalize(), "black", font_of(36), "lm")
    for line in range(18):
        draw.text((40, 250 + 28 * line), words(random, 11), "#333", font_of(18), "lm")
    return made


def slide(random: Random, number: int) -> Image.Image:
    """Draw a slide of one template: another title and other points."""
    made, draw = sheet(1280, 720)
    draw.polygon([(0, 0), (420, 0), (260, 720), (0, 720)], "#12355b")
    draw.text((40, 640), "ACME", "white", font_of(48), "lm")
    draw.text((480, 110), words(random, 3).title(), "#12355b", font_of(52), "lm")
    for line in range(5):
        draw.text((500, 230 + 85 * line), "• " + words(random, 5), "#333", font_of(32), "lm")
    draw.text((1240, 690), str(number + 1), "#333", font_of(24), "rm")
    return made


def scoreboard(random: Random, _: int) -> Image.Image:
    """Draw another score of the same teams."""
    made, draw = sheet(800, 420, "#0a0a12")
    draw.rectangle((20, 20, 780, 400), None, "#888", 6)
    for x, team in ((200, "HOME"), (600, "GUEST")):
        draw.text((x, 80), team, "#ffcc33", font_of(54), "mm")
        draw.text((x, 220), str(random.integers(0, 99)), "#ff3322", font_of(130), "mm")
    draw.text((400, 340), f"{random.integers(0, 45):02d}:{random.integers(0, 60):02d}", "#3f6",
              font_of(60), "mm")  # fmt: skip
    return made


def settings(random: Random, _: int) -> Image.Image:
    """Draw a list of switches, of which others are on."""
    made, draw = sheet(960, 1280, "#f5f5f7")
    for k, on in enumerate(random.random(9) < 0.5):
        y = 100 + 135 * k
        draw.text((60, y), PLACES[k] + " alarms", "black", font_of(44), "lm")
        draw.rounded_rectangle((780, y - 36, 900, y + 36), 36, "#30c060" if on else "#b8b8b8")
        disc(draw, 864 if on else 816, y, 30, fill="white")
    return smaller(made)


SCREENS: dict[str, Maker] = {
    "chats": chat,
    "code editors": code_editor,
    "spreadsheets": spreadsheet,
    "calendars": calendar,
    "web pages": web_page,
    "slides": slide,
    "scoreboards": scoreboard,
    "settings": settings,
}

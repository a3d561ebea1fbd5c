"""Cards, signs and small things of one design that are not copies, drawn by script.

See `made_boards.py`. A person, a name, a number or a colour differs from one to the next.
"""

from __future__ import annotations

import numpy as np
from edit_parts import Random, font_of
from made_boards import INKS, NAMES, PLACES, Maker, disc, sheet, smaller, words
from PIL import Image, ImageDraw


def colour(random: Random, least: int = 30, most: int = 225) -> tuple[int, ...]:
    """Return a colour at random."""
    return tuple(int(level) for level in random.integers(least, most, 3))


def person(random: Random) -> str:
    """Return a name of two words."""
    return f"{random.choice(NAMES)} {random.choice(PLACES)}er"


def face(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, random: Random) -> None:
    """Draw a head with shoulders: other skin, hair, eyes and mouth."""
    skin, hair = [(241, 194, 125), (224, 172, 105), (141, 85, 36), (255, 219, 172)], colour(random)
    draw.ellipse((x - size, y + 0.8 * size, x + size, y + 2.6 * size), fill=colour(random))
    disc(draw, x, y - 0.15 * size, 0.78 * size, fill=hair)
    wide, high = 0.62 * size, random.uniform(0.62, 0.8) * size
    draw.ellipse((x - wide, y - high, x + wide, y + high), fill=skin[random.integers(4)])
    for side in (-1, 1):
        place = x + side * random.uniform(0.2, 0.32) * size, y - 0.1 * size
        disc(draw, *place, 0.09 * size, fill="white")
        disc(draw, *place, 0.05 * size, fill="black")
    bend = random.uniform(-0.2, 0.25) * size
    mouth = (x - 0.25 * size, y + 0.2 * size, x + 0.25 * size, y + 0.3 * size + abs(bend))
    draw.arc(mouth, *((0, 180) if bend > 0 else (180, 360)), fill="#802020", width=5)


def id_badge(random: Random, _: int) -> Image.Image:
    """Draw a badge with another face, name and number."""
    made, draw = sheet(800, 1200, "white")
    draw.rectangle((0, 0, 800, 180), "#0b4f8a")
    draw.text((400, 90), "CITY HOSPITAL", "white", font_of(72), "mm")
    draw.rectangle((220, 240, 580, 720), "#d8e0e8")
    face(draw, 400, 440, 150, random)
    draw.rectangle((0, 720, 800, 1200), "white")
    draw.text((400, 820), person(random), "black", font_of(64), "mm")
    draw.text((400, 910), f"No. {random.integers(10000, 99999)}", "#444", font_of(48), "mm")
    draw.rectangle((0, 1080, 800, 1200), "#e03c31")
    draw.text((400, 1140), "VISITOR", "white", font_of(64), "mm")
    return smaller(made)


def business_card(random: Random, _: int) -> Image.Image:
    """Draw the card of another person of one firm."""
    made, draw = sheet(850, 550, "#fcfcfa")
    draw.polygon([(0, 0), (300, 0), (120, 550), (0, 550)], "#e86f2c")
    disc(draw, 95, 110, 55, fill="white")
    draw.text((95, 110), "N", "#e86f2c", font_of(70), "mm")
    draw.text((360, 180), person(random), "black", font_of(44), "lm")
    draw.text((360, 240), str(random.choice(["Sales", "Design", "Legal", "Support"])), "#666",
              font_of(28), "lm")  # fmt: skip
    for k in range(3):
        number = "".join(map(str, random.integers(0, 10, 9)))
        draw.text((360, 360 + 45 * k), f"+{k + 30} {number}", "#333", font_of(26), "lm")
    return made


def street_sign(random: Random, _: int) -> Image.Image:
    """Draw a street sign with another name on one wall."""
    made, draw = sheet(900, 400, "#b9a894")
    draw.rounded_rectangle((70, 80, 830, 320), 24, "#1b4fa0", "white", 10)
    name = f"{random.choice(PLACES)} {random.choice(['Street', 'Lane', 'Road'])}"
    draw.text((450, 200), name, "white", font_of(84), "mm")
    return made


def speed_sign(random: Random, number: int) -> Image.Image:
    """Draw a speed limit before one sky."""
    made, draw = sheet(800, 1000, "#8fb8dc")
    draw.rectangle((385, 600, 415, 1000), "#777")
    disc(draw, 400, 380, 280, fill="#c8102e")
    disc(draw, 400, 380, 215, fill="white")
    draw.text((400, 380), str(10 * (number % 12 + 2)), "black", font_of(230), "mm")
    return smaller(made)


def licence_plate(random: Random, _: int) -> Image.Image:
    """Draw another number on a plate."""
    made, draw = sheet(640, 150)
    draw.rounded_rectangle((3, 3, 637, 147), 14, "white", "black", 5)
    draw.rectangle((8, 8, 60, 142), "#003399")
    letters = "".join(random.choice(list("ABCDEFGHKLMNPRSTUVWXYZ"), 4))
    text = f"{letters[:2]}·{letters[2:]} {random.integers(100, 9999)}"
    draw.text((350, 78), text, "black", font_of(84), "mm")
    return made


def ticket(random: Random, _: int) -> Image.Image:
    """Draw a raffle ticket with another number."""
    made, draw = sheet(900, 400, "#f6d860")
    for x in range(0, 900, 30):
        disc(draw, x, 0, 9, fill="white")
        disc(draw, x, 400, 9, fill="white")
    draw.text((350, 110), "SUMMER RAFFLE", "#8a1538", font_of(64), "mm")
    draw.text((350, 190), "one prize a ticket, no refund", "#8a1538", font_of(30), "mm")
    draw.text((350, 300), f"No {random.integers(0, 999999):06d}", "black", font_of(72), "mm")
    draw.line((680, 20, 680, 380), "#8a1538", 4)
    return made


def bank_note(random: Random, number: int) -> Image.Image:
    """Draw a note of another value, with another head and serial number."""
    value = [5, 10, 20, 50, 100, 200, 500, 1, 2, 1000][number % 10]
    made, draw = sheet(1600, 760, "#dfe8d4")
    for k in range(90):
        draw.arc((-600 + 30 * k, -300, 300 + 30 * k, 1060), 0, 360, "#b7c9a5", 3)
    draw.rectangle((30, 30, 1570, 730), None, "#4a6b3c", 10)
    face(draw, 1200, 330, 190, random)
    for place in ((170, 130), (1450, 650)):
        draw.text(place, str(value), "#2f4f24", font_of(130), "mm")
    serial = f"AB {random.integers(10**7, 10**8)}"
    draw.text((560, 620), serial, "#802020", font_of(64), "mm")
    return smaller(made)


def stamp(random: Random, _: int) -> Image.Image:
    """Draw a stamp of one series: the same frame with another bird and colour."""
    made, draw = sheet(720, 880, "#303030")
    draw.rectangle((40, 40, 680, 840), "#fffef6")
    for k in range(17):
        for at in ((40 + 40 * k, 40), (40 + 40 * k, 840)):
            disc(draw, *at, 12, fill="#303030")
    draw.rectangle((90, 90, 630, 790), colour(random, 140, 230))
    x, y = random.uniform(280, 440, 2)
    draw.ellipse((x - 150, y - 70, x + 150, y + 90), fill=colour(random))
    disc(draw, x + 130, y - 80, 60, fill=colour(random))
    draw.polygon([(x + 180, y - 90), (x + 240, y - 70), (x + 180, y - 60)], "#f0a020")
    draw.text((360, 730), "BIRDS OF THE COAST", "white", font_of(40), "mm")
    draw.text((580, 140), str(random.integers(1, 99)), "white", font_of(60), "mm")
    return smaller(made)


def swatches(random: Random, _: int) -> Image.Image:
    """Draw a palette of twelve other colours."""
    made, draw = sheet(640, 520)
    for k in range(12):
        x, y = 20 + 152 * (k % 4), 20 + 162 * (k // 4)
        draw.rectangle((x, y, x + 140, y + 150), colour(random, 0, 255))
    return made


def shirt(random: Random, number: int) -> Image.Image:
    """Draw a shirt on white, of one hue, the paler the higher the number."""
    pale = 0.1 * (number % 10)
    cloth = tuple(round(level + pale * (255 - level)) for level in (30, 70, 160))
    made, draw = sheet(960, 960)
    outline = [(300, 120), (660, 120), (880, 300), (780, 430), (690, 360), (690, 860),
               (270, 860), (270, 360), (180, 430), (80, 300)]  # fmt: skip
    draw.polygon(outline, cloth)
    disc(draw, 480, 110, 90, fill="white")
    darker = tuple(round(0.85 * level) for level in cloth)
    for x in (330, 480, 620):
        draw.line((x, 400, x + random.integers(-20, 20), 840), darker, 6)
    return smaller(made)


def jar(random: Random, number: int) -> Image.Image:
    """Draw a jar with the label of another sort."""
    made, draw = sheet(800, 1040, "#f2f2ef")
    draw.rectangle((240, 90, 560, 190), "#b8862b")
    draw.rounded_rectangle((200, 180, 600, 960), 60, colour(random, 90, 200))
    draw.rectangle((200, 400, 600, 780), "white")
    sorts = [
        "Apricot",
        "Cherry",
        "Plum",
        "Fig",
        "Quince",
        "Orange",
        "Berry",
        "Lemon",
        "Rose",
        "Mint",
    ]
    draw.text((400, 480), "Grandma's", "#444", font_of(56), "mm")
    draw.text((400, 590), sorts[number % 10], "#a02030", font_of(84), "mm")
    draw.text((400, 700), f"{random.integers(100, 900)} g", "#444", font_of(48), "mm")
    return smaller(made)


def icon(random: Random, number: int) -> Image.Image:
    """Draw the icon of a program with another number in its badge."""
    made, draw = sheet(512, 512)
    draw.rounded_rectangle((56, 56, 456, 456), 96, "#3a7bd5")
    draw.polygon([(256, 128), (384, 368), (128, 368)], "white")
    disc(draw, 416, 96, 80, fill="#ee3333")
    draw.text((416, 96), str(number + 1), "white", font_of(96), "mm")
    return smaller(smaller(made))


def button(random: Random, number: int) -> Image.Image:
    """Draw a round button with another sign."""
    made, draw = sheet(512, 512, "#f0f0f0")
    disc(draw, 256, 256, 220, fill="#2d6cdf")
    draw.text((256, 256), "▶■●◆★✚✖➜♪☎"[number % 10], "white", font_of(230), "mm")
    return smaller(smaller(made))


def sprite(random: Random, number: int) -> Image.Image:
    """Draw a walking figure in another phase of its step."""
    made, draw = sheet(400, 480, "#78c850")
    swing = 12 * (number % 10)
    for side in (-1, 1):
        draw.line((200, 280, 200 + side * swing, 430), "#303080", 36)
        draw.line((200, 180, 200 - side * swing, 290), "#c04040", 28)
    draw.rounded_rectangle((150, 150, 250, 310), 30, "#e04848")
    disc(draw, 200, 100, 62, fill="#ffd8a8")
    draw.pieslice((138, 34, 262, 160), 180, 360, "#503010")
    disc(draw, 225, 95, 8, fill="black")
    return smaller(made)


def avatar(random: Random, _: int) -> Image.Image:
    """Draw a face of 16 squares a side, enlarged: other hair, eyes and clothes."""
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:] = (99, 133, 150)
    pixels[3:13, 4:12] = [(219, 177, 128), (174, 139, 97), (113, 63, 29)][random.integers(3)]
    pixels[13:, 3:13] = colour(random)
    pixels[2 : random.integers(3, 6), 4:12] = colour(random)
    pixels[7, [6, 9]] = colour(random, 0, 90)
    pixels[10, 6 : random.integers(8, 11)] = (120, 30, 30)
    if random.random() < 0.5:
        pixels[6:8, 5:11] = (20, 20, 20)
    return Image.fromarray(pixels).resize((320, 320), 0)


def emoji(random: Random, number: int) -> Image.Image:
    """Draw a yellow face with another mood."""
    made, draw = sheet(512, 512)
    disc(draw, 256, 256, 220, fill="#ffd83d")
    bend = 140 * np.cos(number * np.pi / 9)
    for side in (-1, 1):
        x = 256 + side * 80
        high = random.uniform(14, 44)
        draw.ellipse((x - 28, 200 - high, x + 28, 200 + high), fill="#5a3a10")
    box = (150, 330 - abs(bend), 362, 330 + abs(bend))
    draw.arc(box, *((0, 180) if bend > 0 else (180, 360)), fill="#5a3a10", width=20)
    return smaller(made)


def flag(random: Random, _: int) -> Image.Image:
    """Draw a flag of three stripes of other colours."""
    made, draw = sheet(600, 400)
    for k, ink in enumerate(random.permutation(["#ffffff", *INKS, "#000000"])[:3]):
        draw.rectangle((0, 134 * k, 600, 134 * k + 134), str(ink))
    return made


def label(random: Random, _: int) -> Image.Image:
    """Draw the nutrition table of another food."""
    made, draw = sheet(480, 760)
    draw.rectangle((10, 10, 470, 750), None, "black", 5)
    draw.text((240, 60), "Nutrition Facts", "black", font_of(46), "mm")
    for k, row in enumerate(
        ["Energy", "Fat", "Saturates", "Carbs", "Sugars", "Fibre", "Protein", "Salt"]
    ):
        y = 140 + 75 * k
        draw.line((20, y - 36, 460, y - 36), "black", 3)
        draw.text((30, y), row, "black", font_of(30), "lm")
        draw.text((450, y), f"{random.uniform(0, 90):.1f} g", "black", font_of(30), "rm")
    return made


def caption_card(random: Random, _: int) -> Image.Image:
    """Draw a quotation of another text on one ground."""
    made, draw = sheet(800, 800, "#264653")
    draw.text((90, 120), "“", "#e9c46a", font_of(200), "mm")
    for line in range(5):
        draw.text((400, 270 + 75 * line), words(random, 4), "white", font_of(48), "mm")
    draw.text((400, 700), "— quote of the day", "#e9c46a", font_of(34), "mm")
    return made


CARDS: dict[str, Maker] = {
    "id badges": id_badge,
    "business cards": business_card,
    "street signs": street_sign,
    "speed signs": speed_sign,
    "licence plates": licence_plate,
    "raffle tickets": ticket,
    "bank notes": bank_note,
    "stamps": stamp,
    "swatches": swatches,
    "shirts of one hue": shirt,
    "jars": jar,
    "icons with a badge": icon,
    "buttons": button,
    "sprites": sprite,
    "avatars": avatar,
    "emoji": emoji,
    "flags": flag,
    "nutrition labels": label,
    "quotations": caption_card,
}

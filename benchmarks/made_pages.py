"""Pages of forms and tiny pictures, made by script: pairs that look alike and are not copies.

`pages` draws receipts, invoices, tickets, tables, slides and diagrams: of each kind one layout with
other words, and the empty form. `RESCANS` are what happens to one page. `icons` draws small signs
that differ in colour, sign or badge, `TINY_EDITS` is what happens to a picture of 32 pixels.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from edit_layers import bars, scanned
from edit_parts import BICUBIC, NEAREST, Change, Random, add_noise, as_jpeg, font_of, scale
from edits import crop, gamma, keystone, lens, plain, tinted
from PIL import Image, ImageDraw, ImageFilter, ImageOps

LETTERS = list("aaabcdeeefghiiklmnooprstuvw")
PAGE = (900, 1200)  # pixels


def _words(random: Random, n: int) -> str:
    lengths = random.integers(2, 10, n)
    return " ".join("".join(random.choice(LETTERS, length)) for length in lengths)


def _number(random: Random) -> str:
    return f"{random.integers(1, 990)}.{random.integers(0, 100):02d}"


def _rows(form: Random, fill: Random | None, kind: str) -> Image.Image:
    """Draw a receipt, an invoice or a table: printed words, and values where they are filled in."""
    page, draw = Image.new("RGB", PAGE, "#fbfbf8"), None
    draw, y, step = ImageDraw.Draw(page), 60, {"receipt": 42, "invoice": 46, "table": 34}[kind]
    if kind == "invoice":
        draw.rectangle((0, 0, 900, 130), fill="#284070")
        draw.text((60, 40), _words(form, 2).upper(), "white", font_of(48))
        y = 180
    for line in range(22 if kind != "table" else 30):
        ink = "#222222"
        draw.text((60, y), _words(form, int(form.integers(1, 4))), ink, font_of(24))
        if kind == "table":
            draw.line((50, y - 4, 850, y - 4), fill="#888888")
        filled = line % 3 == 1 if kind != "table" else True
        for x in (430, 600, 760) if kind == "table" else (600,):
            if filled and fill is not None:
                text = _number(fill) if line % 2 or kind == "table" else _words(fill, 2)
                draw.text((x, y), text, ink, font_of(24))
        y += step
    return page


def _ticket(form: Random, fill: Random | None) -> Image.Image:
    page = Image.new("RGB", (1000, 420), "#f4e9d2")
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 180, 420), fill="#b03040")
    draw.text((220, 40), _words(form, 2).upper(), "black", font_of(54))
    draw.text((220, 120), _words(form, 5), "black", font_of(26))
    for k, name in enumerate(("date", "row", "seat", "no.")):
        draw.text((220 + 180 * k, 250), name, "#804040", font_of(22))
        if fill is not None:
            draw.text((220 + 180 * k, 290), str(fill.integers(1, 99999)), "black", font_of(32))
    if fill is not None:
        for x in np.flatnonzero(fill.random(60) < 0.5):
            draw.rectangle((220 + 6 * x, 355, 224 + 6 * x, 400), fill="black")
    return page


def _slide(form: Random, fill: Random | None) -> Image.Image:
    page = Image.new("RGB", (1280, 720), "white")
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 1280, 110), fill="#204060")
    draw.rectangle((0, 690, 1280, 720), fill="#e08020")
    draw.text((1100, 30), _words(form, 1).upper(), "white", font_of(36))
    if fill is not None:
        draw.text((50, 25), _words(fill, 4), "white", font_of(44))
        for line in range(6):
            draw.text((90, 170 + 80 * line), "• " + _words(fill, 5), "#202020", font_of(34))
    return page


def _diagram(form: Random, fill: Random | None) -> Image.Image:
    page = Image.new("RGB", (1000, 700), "white")
    draw = ImageDraw.Draw(page)
    draw.line((90, 40, 90, 620, 960, 620), fill="black", width=3)
    for k in range(6):
        draw.line((90, 40 + 97 * k, 960, 40 + 97 * k), fill="#cccccc")
        draw.text((30, 30 + 97 * k), str(100 - 20 * k), "black", font_of(20))
    for k in range(8):
        draw.text((120 + 105 * k, 635), _words(form, 1), "black", font_of(18))
        if fill is not None:
            height = int(fill.integers(40, 560))
            draw.rectangle((115 + 105 * k, 620 - height, 180 + 105 * k, 620), fill="#4070c0")
    return page


def make_page(kind: str, form: int, fill: int | None) -> Image.Image:
    """Draw a page of one form; `fill` None leaves it empty."""
    layout, words = (
        np.random.default_rng(form),
        fill if fill is None else np.random.default_rng(fill),
    )
    other = {"ticket": _ticket, "slide": _slide, "diagram": _diagram}
    return other[kind](layout, words) if kind in other else _rows(layout, words, kind)


KINDS = ["receipt", "invoice", "table", "ticket", "slide", "diagram"]


def pages(n_forms: int, n_fills: int, seed: int) -> Iterator[tuple[str, Image.Image]]:
    """Yield the name and picture of each page, and of each empty form."""
    for place, kind in enumerate(KINDS):
        for form in range(n_forms):
            number = 1000 * seed + 100 * form + 10 * place  # each kind has words of its own
            for fill in [None, *range(n_fills)]:
                made = make_page(kind, number, None if fill is None else 7 * number + fill + 1)
                yield f"{kind}-{form}-{'empty' if fill is None else fill}", made


RESCANS: dict[str, Change] = {
    "scan of a print": scanned,
    "jpeg 30": lambda page, _: as_jpeg(page, 30),
    "60 % of the size": lambda page, _: scale(page, 0.6, 0.6),
    "crop 94 %": crop(0.94),
    "turned by 90": plain("rotated 90"),
    "turned by 180": plain("rotated 180"),
    "keystone 2 %": keystone(0.02),
    "grey, darker": lambda page, _: page.convert("L").point(lambda level: level * 0.8),
}


# -- tiny pictures ---------------------------------------------------------------------------------


def icons(n: int, side: int, seed: int) -> Iterator[tuple[str, Image.Image]]:
    """Yield the name and picture of icons: five of one shape, with other colours and badges."""
    for number in range(n):
        shape = np.random.default_rng([seed, number // 5])
        own = np.random.default_rng([seed, number, 1])
        big = Image.new("RGB", (4 * side, 4 * side), "white")
        draw, unit = ImageDraw.Draw(big), 4 * side / 32
        ground = tuple(int(value) for value in own.integers(40, 220, 3))
        radius = float(shape.integers(0, 14)) * unit
        draw.rounded_rectangle((unit, unit, 31 * unit, 31 * unit), radius, fill=ground)
        places = shape.uniform(5, 27, (3, 2)) * unit
        ink = "white" if sum(ground) < 400 else "black"
        draw.polygon([tuple(place) for place in places], fill=ink)
        x, y = own.uniform(8, 24, 2) * unit
        draw.ellipse((x - 5 * unit, y - 5 * unit, x + 5 * unit, y + 5 * unit), outline=ink,
                     width=round(2 * unit))  # fmt: skip
        yield f"icon-{number:04d}", big.resize((side, side))


def shifted(picture: Image.Image, random: Random) -> Image.Image:
    """Move by one or two pixels of 32 each way; the edge is repeated."""
    by = [int(random.choice([-2, -1, 1, 2])) * max(1, round(side / 32)) for side in picture.size]
    values = np.asarray(picture)
    rows = np.clip(np.arange(picture.height) - by[1], 0, picture.height - 1)
    columns = np.clip(np.arange(picture.width) - by[0], 0, picture.width - 1)
    return Image.fromarray(values[rows][:, columns])


def zoomed(share: float) -> Change:
    """Cut the edges off and enlarge to the old size."""

    def change(picture: Image.Image, _random: Random) -> Image.Image:
        edge = [side * (1 - 1 / share) / 2 for side in picture.size]
        box = (*edge, picture.width - edge[0], picture.height - edge[1])
        return picture.resize(picture.size, BICUBIC, box=box)

    return change


def bordered(picture: Image.Image, _random: Random) -> Image.Image:
    """Put a thin border around a picture, in the old size."""
    edge = max(1, round(min(picture.size) / 32))
    return ImageOps.expand(picture, edge, "black").resize(picture.size, BICUBIC)


TINY_EDITS: dict[str, Change] = {
    "shifted": shifted,
    "zoomed 6 %": zoomed(1.06),
    "zoomed 12 %": zoomed(1.12),
    "border": bordered,
    "brighter": plain("brighter"),
    "darker": plain("darker"),
    "gamma 1.5": gamma(1.5),
    "cool tint": tinted(0.85, 0.97, 1.1),
    "jpeg 70": lambda picture, _: as_jpeg(picture, 70),
    "jpeg 30": lambda picture, _: as_jpeg(picture, 30),
    "32 colours": lambda picture, _: picture.quantize(32).convert("RGB"),
    "half size": lambda picture, _: scale(picture, 0.5, 0.5),
    "enlarged 4 times": lambda picture, _: scale(picture, 4, 4, BICUBIC),
    "pixels enlarged 3 times": lambda picture, _: scale(picture, 3, 3, NEAREST),
    "blurred": lambda picture, _: picture.filter(ImageFilter.GaussianBlur(0.7)),
    "grain": lambda picture, random: add_noise(picture, random, 0.03),
    "grey": plain("greyscale"),
    "mirrored": plain("mirrored"),
    "black bars": bars,
    "lens": lens(0.05),
}

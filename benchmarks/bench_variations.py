"""Measure which changes to your own pictures each method still finds, by the whole search.

    python benchmarks/bench_variations.py PHOTOS --count 100 --methods phash aligned --json
    result.json --plot result.png

Of each picture every variation is made: those of the demo, and harder ones (`HARDER`). The copies
are searched for among the originals, as `similar_pairs(copies, originals)` does. Printed for each
method: the share found of each variation at 95, 90, 80 and 70; how many pairs lie at or above each
with an original that the copy was not made of, and the most similar of these. Look at them: PHOTOS
should hold no duplicates. `dup.calibrate` asks the same of a method's scores alone, of one method.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont, ImageOps
from report import machine, processor_seconds

import imgdup_nb as dup
from imgdup_nb.engine.decode import open_image
from imgdup_nb.engine.variations import VARIATIONS, Variation, _encode

THRESHOLDS = [95, 90, 80, 70]
MIN_SIDE = 12  # pixels; a copy that is smaller is not made
QUARTER = "quarter of a collage"


def crop(
    share: float, across: float = 0.5, down: float = 0.5
) -> Callable[[Image.Image], Image.Image]:
    """Keep this share of both sides; `across` and `down` say where, 0 to 1."""

    def change(picture: Image.Image) -> Image.Image:
        width, height = round(picture.width * share), round(picture.height * share)
        left, top = round((picture.width - width) * across), round((picture.height - height) * down)
        return picture.crop((left, top, left + width, top + height))

    return change


def frame(picture: Image.Image) -> Image.Image:
    """Put a brown frame around a picture."""
    return ImageOps.expand(picture, border=max(1, min(picture.size) // 12), fill="#805020")


def logo(picture: Image.Image) -> Image.Image:
    """Cover a corner, a quarter of the shorter side wide."""
    covered, side = picture.copy(), max(4, min(picture.size) // 4)
    ImageDraw.Draw(covered).ellipse((0, 0, side, side), fill="red")
    return covered


def big_words(picture: Image.Image) -> Image.Image:
    """Write over the top and the foot of a picture, white with a black outline."""
    written, size = picture.copy(), max(6, picture.height // 10)
    draw, font = ImageDraw.Draw(written), ImageFont.load_default(size)
    for y, anchor in ((0, "ma"), (picture.height, "md")):
        place = (picture.width / 2, y)
        draw.text(
            place,
            "SEEN BEFORE",
            "white",
            font,
            anchor,
            stroke_width=max(1, size // 12),
            stroke_fill="black",
        )
    return written


def on_a_screen(share: float) -> Callable[[Image.Image], Image.Image]:
    """Show a picture in a window of this share of a screen's width, 3/4 of its height at most."""

    def change(picture: Image.Image) -> Image.Image:
        width = min(1920, max(200, round(picture.width / share)))
        screen = Image.new("RGB", (width, width * 9 // 16), "#e4e4e4")
        draw = ImageDraw.Draw(screen)
        draw.rectangle((0, 0, width, screen.height // 16), fill="#3060a0")
        draw.rectangle((0, screen.height * 15 // 16, width, screen.height), fill="#202020")
        box = (round(width * share), screen.height * 3 // 4)
        screen.paste(ImageOps.contain(picture, box), (width // 5, screen.height // 8))
        return screen

    return change


def turn(degrees: float) -> Callable[[Image.Image], Image.Image]:
    """Turn a picture inside its frame; the corners become black."""
    return lambda picture: picture.rotate(degrees, Image.Resampling.BICUBIC)


HARDER: dict[str, Callable[[Image.Image], Image.Image]] = {
    "cropped 50 %": crop(0.5, 0.3, 0.4),
    "corner quarter": crop(0.5, 0, 0),
    "turned 5 inside": turn(5),
    "frame": frame,
    "logo": logo,
    "big words": big_words,
    "on a screen, 60 %": on_a_screen(0.6),
    "on a screen, 30 %": on_a_screen(0.3),
    "cropped, mirrored, jpeg": lambda picture: ImageOps.mirror(crop(0.8)(picture)),
}


def write_copies(images: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Write all copies of some pictures; return the truth: copy, original, variation."""
    makers = VARIATIONS | {
        name: Variation("", ".jpg", change, {"quality": 75}) for name, change in HARDER.items()
    }
    rows = []
    for number, (name, path) in enumerate(
        zip(images.image.astype(object), images.path, strict=True)
    ):
        picture = open_image(path)
        for k, (variation, maker) in enumerate(makers.items()):
            copy = maker.change(picture)
            if min(copy.size) >= MIN_SIDE:
                target = folder / f"{number:06d}-{k:03d}{maker.suffix}"
                target.write_bytes(_encode(copy, maker.suffix, **maker.options))
                rows.append((target.name, name, variation))
    return pd.DataFrame(
        rows + write_collages(images, folder),
        columns=["copy", "original", "variation"],
        dtype=object,
    )


def write_collages(
    images: pd.DataFrame, folder: Path, side: int = 480
) -> list[tuple[str, str, str]]:
    """Write collages of four pictures each; return rows of the truth."""
    rows = []
    for start in range(0, len(images) - 3, 4):
        collage, target = (
            Image.new("RGB", (2 * side, 2 * side), "white"),
            folder / f"collage-{start:06d}.jpg",
        )
        for k, (name, path) in enumerate(
            images[["image", "path"]].iloc[start : start + 4].astype(object).to_numpy()
        ):
            picture = ImageOps.contain(open_image(path), (side - 8, side - 8))
            collage.paste(picture, (k % 2 * side, k // 2 * side))
            rows.append((target.name, name, QUARTER))
        collage.save(target, quality=85)
    return rows


def find(copies: pd.DataFrame, images: pd.DataFrame, method: str) -> tuple[pd.DataFrame, float]:
    """Return the pairs of copies (left) and originals (right), and the processor seconds."""
    start = processor_seconds()
    prints = [dup.fingerprint_images(table, method) for table in (copies, images)]
    pairs = dup.similar_pairs(*prints, min_similarity=min(THRESHOLDS))
    return pairs, processor_seconds() - start


def judge(pairs: pd.DataFrame, truth: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return recall (variations x thresholds, easiest first) and false pairs, by similarity."""
    pairs = pairs.astype({"left": object, "right": object})[["left", "right", "similarity"]]
    both = truth.merge(
        pairs, how="outer", left_on=["copy", "original"], right_on=["left", "right"], indicator=True
    )
    false = both[both._merge == "right_only"].sort_values(
        "similarity", ascending=False, kind="stable"
    )
    scored = both[both._merge != "right_only"].assign(
        similarity=lambda rows: rows.similarity.fillna(0.0)
    )
    found = {
        level: (scored.similarity >= level).groupby(scored.variation).mean() for level in THRESHOLDS
    }
    recall = pd.DataFrame(found)
    order = np.argsort(-recall.mean(axis=1).to_numpy(), kind="stable")
    return recall.iloc[order], false[["left", "right", "similarity"]]


def draw(tables: dict[str, pd.DataFrame], ax: Axes) -> Axes:
    """Draw recall as a heat map: a row per variation, a column per method and threshold."""
    joined = pd.concat(tables, axis=1)
    joined = joined.iloc[np.argsort(-joined.mean(axis=1).to_numpy(), kind="stable")]
    ax.imshow(joined.to_numpy(), vmin=0, vmax=1, cmap="viridis", aspect="auto")
    ax.set_xticks(
        range(joined.shape[1]),
        [f"{method} {level}" for method, level in joined.columns],
        rotation=90,
    )
    ax.set_yticks(range(len(joined)), joined.index)
    for (row, column), share in np.ndenumerate(joined.to_numpy()):
        ax.text(
            column,
            row,
            f"{share:.2f}",
            ha="center",
            va="center",
            fontsize=7,
            color="white" if share < 0.6 else "black",
        )
    return ax


def main(arguments: list[str]) -> None:
    """Make the copies, search for them by each method, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--count",
        type=int,
        default=100,
        help="pictures, drawn by chance; some 40 copies are made of each",
    )
    parser.add_argument(
        "--methods", nargs="+", default=["phash", "aligned"], choices=list(dup.METHODS)
    )
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--plot", type=Path, help="also draw the recall into this file")
    options = parser.parse_args(arguments)
    images = dup.scan_images(options.folder)
    images = images[images.problem == ""]
    if images.empty or options.count < 1:
        parser.error(
            f"there is nothing to copy: {len(images)} readable pictures in {options.folder}, "
            f"--count {options.count}"
        )
    images = images.sample(min(options.count, len(images)), random_state=0).sort_index()
    tables, report = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        truth = write_copies(images, Path(folder))
        copies = dup.scan_images(folder)
        print(
            f"{len(images)} pictures, {len(copies)} copies in {time.perf_counter() - start:.0f} s: "
            ""
            ""
            f"{machine()}"
        )
        for method in options.methods:
            pairs, seconds = find(copies, images, method)
            tables[method], false = judge(pairs, truth)
            counts = {level: int((false.similarity >= level).sum()) for level in THRESHOLDS}
            report[method] = {
                "processor_seconds": seconds,
                "false": counts,
                "recall": tables[method].T.to_dict(),
            }
            print(
                f"\n{method}: {seconds:.1f} processor seconds; false pairs "
                f"{counts}\n{tables[method].round(3).to_string()}"
            )
            variation = truth.drop_duplicates("copy").set_index("copy").variation
            worst = false.head(5).assign(
                variation=lambda rows, known=variation: known.reindex(rows.left).to_numpy()
            )
            print(worst.to_string(index=False), flush=True)
    if options.json:
        options.json.write_text(
            json.dumps({"pictures": len(images), "methods": report}, indent=2), encoding="utf-8"
        )
    if options.plot:
        figure = Figure(figsize=(3 + 2 * len(tables), 11), layout="constrained")
        draw(tables, figure.add_subplot())
        figure.savefig(options.plot, dpi=100)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Measure which different pictures that look alike each method takes for copies.

    python benchmarks/bench_look_alikes.py
    python benchmarks/bench_look_alikes.py --methods phash aligned --half tune --count 8
    python benchmarks/bench_look_alikes.py --kinds "qr codes" memes --json result.json

Some seventy kinds of pictures are made by script (`made_boards.py`, `made_screens.py`,
`made_cards.py`, `made_scenes.py`). Of each kind there are `--count` pictures of one template: the
same board, form, frame or backdrop with another position, word, face or scene. No two of them are
copies. Of each picture there are four copies: JPEG of quality 70, half the size, without 2 % of
each side, and 15 % brighter. To keep the copies matters as much as to keep the others apart.

Printed for each kind: the pairs of different pictures (copies of one with another picture among
them), how many of these have 90 and 80 percent, the most similar of them, and the share of copies
from 90 and from 80 percent. `--half tune` and `report` take every second kind: choose limits on one
half, look at the other.

In the kinds of `SAME_WITH_WORDS` other words lie over the same picture. There, 80 to 89 is right.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from edit_parts import Change, as_jpeg, by_values, scale
from edits import crop
from made_boards import BOARDS
from made_cards import CARDS
from made_scenes import SCENES
from made_screens import SCREENS
from report import machine, processor_seconds, whole

import imgdup_nb as dup

LOOK_ALIKES = {**BOARDS, **SCREENS, **CARDS, **SCENES}
SAME_WITH_WORDS = {"memes", "video thumbnails"}
COPIES: dict[str, Change] = {
    "jpeg 70": lambda picture, _: as_jpeg(picture, 70),
    "half size": lambda picture, _: scale(picture, 0.5, 0.5),
    "crop 96 %": crop(0.96),
    "brighter by 15 %": by_values(lambda values: 1.15 * values),
}


def kinds_of(half: str) -> list[str]:
    """Return every second kind, or all of them with "all"."""
    kinds = list(LOOK_ALIKES)
    return kinds if half == "all" else kinds[half == "report" :: 2]


def make_kind(kind: str, count: int, folder: Path) -> None:
    """Write the pictures of a kind and their copies into two folders."""
    for part in ("pictures", "copies"):
        (folder / part).mkdir(parents=True)
    for number in range(count):
        random = np.random.default_rng([zlib.crc32(kind.encode()), number])
        picture = LOOK_ALIKES[kind](random, number).convert("RGB")
        picture.save(folder / "pictures" / f"{number:03d}.png")
        for name, change in COPIES.items():
            target = folder / "copies" / f"{number:03d} {name}.jpg"
            change(picture, random).convert("RGB").save(target, quality=90)


def find(folder: Path, method: str) -> pd.DataFrame:
    """Return the pairs of pictures, and of copies with pictures: left, right, similarity."""
    copies, pictures = (
        dup.fingerprint_images(dup.scan_images(folder / part), method)
        for part in ("copies", "pictures")
    )
    least = {"min_similarity": 50}
    pairs = [dup.similar_pairs(pictures, **least), dup.similar_pairs(copies, pictures, **least)]
    return pd.concat(pairs)[["left", "right", "similarity"]].astype({"left": str, "right": str})


def judge(kind: str, pairs: pd.DataFrame, count: int) -> dict[str, object]:
    """Return the row of a kind: others that look alike, and copies that are found."""
    same = pairs.left.str[:3] == pairs.right.str[:3]
    others, copies = pairs[~same].similarity, pairs[same].similarity
    n_copies = len(COPIES) * count
    return {
        "kind": kind,
        "others": count * (count - 1) // 2 + n_copies * (count - 1),
        "at 90": int((others >= 90).sum()),
        "at 80": int((others >= 80).sum()),
        "most": others.max() if len(others) else 0.0,
        "copies at 90": (copies >= 90).sum() / n_copies,
        "copies at 80": (copies >= 80).sum() / n_copies,
    }


def measure(kinds: list[str], method: str, count: int, folder: Path) -> pd.DataFrame:
    """Return one row per kind; the kinds that are not in the folder are made first."""
    rows, start = [], processor_seconds()
    for kind in kinds:
        if not (folder / kind).exists():
            make_kind(kind, count, folder / kind)
        rows.append(judge(kind, find(folder / kind, method), count))
    print(f"\n{method}: {machine()}, {processor_seconds() - start:.0f} processor seconds")
    table = pd.DataFrame(rows)
    print(table.round(2).to_string(index=False))
    total = table[["others", "at 90", "at 80"]].sum().to_dict()
    words = table[table.kind.isin(SAME_WITH_WORDS)][["at 90", "at 80"]].sum().to_dict()
    print(
        f"all: {total}; of these, other words over one picture: {words}; copies: "
        f"{table['copies at 90'].mean():.3f} at 90, {table['copies at 80'].mean():.3f} at 80"
    )
    return table


def main(arguments: list[str]) -> None:
    """Make the pictures, search by each method, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--methods", nargs="+", default=["aligned"], help="of dup.METHODS")
    parser.add_argument("--half", choices=["tune", "report", "all"], default="all")
    parser.add_argument("--kinds", nargs="+", choices=list(LOOK_ALIKES), help="only these")
    parser.add_argument("--count", type=whole, default=8, help="pictures of each kind")
    parser.add_argument("--keep", type=Path, help="a folder for the pictures, to look at them")
    parser.add_argument("--json", type=Path, help="a file for the tables")
    options = parser.parse_args(arguments)
    kinds = options.kinds or kinds_of(options.half)
    with tempfile.TemporaryDirectory() as made:
        folder = options.keep or Path(made)
        tables = {
            method: measure(kinds, method, options.count, folder) for method in options.methods
        }
    if options.json:
        rows = {method: table.to_dict("records") for method, table in tables.items()}
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])

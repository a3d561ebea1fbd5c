"""Measure which realistic edits of your own pictures each method finds, and what is falsely found.

    python benchmarks/bench_edits.py PHOTOS --count 40 --distractors 1000 --methods phash aligned
    python benchmarks/bench_edits.py PHOTOS --sets tiny forms --half tune --json result.json

    python benchmarks/bench_edits.py samples --half all

PHOTOS is a folder without duplicates, or `samples`: the 16 pictures of installed packages that
`SAMPLES` lists, so that everyone measures the same ones. It is split into two halves by a checksum
of the names: choose settings on `--half tune` and report `--half report` (the default). `--half
all` takes the pictures in the order of their names. The names of those that are edited are printed:
compare only figures of the same ones. Five sets can be made:

- edits: of `--count` pictures every edit of `edits.py` (90 kinds, collages among them). The copies
  are searched for among their originals and `--distractors` other pictures. Nearly blank pictures
  are not edited, as no two of them are a pair (D10).
- later: the same with the edits of `later_edits.py` (10 kinds), on which no limit was chosen
- apps: the same with the edits of `app_edits.py` (42 kinds), of phones, apps, shops and offices
- forms: pages of the same form with other words, and re-scans of each page (`made_pages.py`)
- tiny: pictures and icons of 32 pixels (`--sides`), and what happens to them; all pairs count

Printed for each set and method: of each edit the median similarity and the share found at 90, 80
and 70; then all in one line, the false pairs at each, and the most similar of these. Look at them.

`--onnx MODEL.onnx` measures models as embeddings. With `--immaculate-python`, a Python in which
immaculate[sscd] is installed, its methods answer on the same files; it returns sets at its own
threshold, and all pairs within a set count.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from app_edits import APP_EDITS
from bench_transformed import ONNX_SIZE, PEERS, find_sets
from edit_parts import LANCZOS, Change, shrink_to
from edits import COLLAGES, EDITS, Edit
from later_edits import LATER_EDITS
from made_pages import RESCANS, TINY_EDITS, icons, pages
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageOps
from report import machine, processor_seconds, whole

import imgdup_nb as dup
from imgdup_nb.demo import PHOTOS, SINGLES, _source_path
from imgdup_nb.engine.decode import open_image
from imgdup_nb.engine.reading import LOW_DETAIL

LEVELS = [90, 80, 70]
SETS = ["edits", "later", "apps", "forms", "tiny"]
EDITS_OF = {"edits": EDITS, "later": LATER_EDITS, "apps": APP_EDITS}
LONG_SIDE = 1600  # pixels of a picture before it is edited
TINY_SIDES = [32, 24, 48, 64]  # pixels; every second picture is of the first
MIN_SIDE = 12  # pixels; a copy that is smaller is not made
# photographs and textures; of a stereo pair, the left one
SAMPLES = [
    *PHOTOS.values(),
    *(
        source
        for name, source in SINGLES.items()
        if not name.startswith("scans/") and "right" not in name
    ),
]


class Task(NamedTuple):
    """Files with their truth.

    `copies` and `originals` are folders; `originals` None searches `copies` for all of its pairs.
    `truth` has one row for each true pair that counts: copy, original, edit. `sources` tells of
    each file which pictures it shows: two files without a common source are a false pair.
    """

    name: str
    copies: Path
    originals: Path | None
    truth: pd.DataFrame
    sources: dict[str, frozenset[str]]


def find_pictures(folder: str) -> pd.DataFrame:
    """Return the pictures of a folder, or `SAMPLES`, that can be read."""
    if folder == "samples":
        names = {str(_source_path(source)): source for source in SAMPLES}
        images = dup.scan_images(list(names))
        images = images.assign(image=[names[str(path)] for path in images.path])
    else:
        images = dup.scan_images(folder)
    return images[images.problem == ""]


def halve(images: pd.DataFrame, half: str) -> pd.DataFrame:
    """Return one half of the pictures, in an order by chance that depends on their names only.

    With "all", all pictures in the order of their names.
    """
    if half == "all":
        return images.sort_values("image", key=lambda names: names.astype(str), kind="stable")
    order = images.image.map(lambda name: zlib.crc32(str(name).encode()))
    shuffled = images.iloc[np.argsort(order.to_numpy(), kind="stable")]
    middle = len(shuffled) // 2
    return shuffled.iloc[:middle] if half == "tune" else shuffled.iloc[middle:]


def edited_first(images: pd.DataFrame, count: int) -> tuple[pd.DataFrame, int]:
    """Return pictures with those that are edited first, and the number of these.

    Nearly blank pictures are not edited.
    """
    blank = images.detail < LOW_DETAIL
    return pd.concat([images[~blank], images[blank]]), min(count, int((~blank).sum()))


def say_pictures(images: pd.DataFrame, count: int, half: str) -> str:
    """Say which pictures are edited, so that two measurements can be compared."""
    names = [str(name) for name in images.image.iloc[:count]]
    checksum = zlib.crc32("\n".join(sorted(images.image.astype(str))).encode())
    return (
        f"half {half}: {len(images)} pictures, checksum of their names {checksum:08x}; "
        f"{count} of them are edited: {', '.join(names)}"
    )


def chance(*keys: str) -> np.random.Generator:
    """Return random numbers that depend on some names."""
    return np.random.default_rng([zlib.crc32(key.encode()) for key in keys])


def _write(picture: Image.Image, path: Path, quality: int = 85) -> None:
    picture = picture if picture.mode in {"L", "RGB"} else picture.convert("RGB")
    picture.save(path, **({"quality": quality} if path.suffix == ".jpg" else {}))


def make_edits(
    images: pd.DataFrame, folder: Path, count: int, distractors: int, name: str = "edits"
) -> Task:
    """Write every edit of some pictures, and the pictures that they are searched for among.

    `name` is that of a set in `EDITS_OF`; only "edits" has collages.
    """
    copies, originals = folder / "copies", folder / "originals"
    copies.mkdir()
    originals.mkdir()
    rows, pictures = [], []
    images, count = edited_first(images, count)
    for number, path in enumerate(images.path.iloc[: count + distractors]):
        picture = shrink_to(open_image(path).convert("RGB"), LONG_SIDE)
        original = f"o{number:06d}.jpg"
        _write(picture, originals / original, 92)
        if number < count:
            pictures.append((original, picture))
            rows += list(_write_copies(picture, original, copies, EDITS_OF[name]))
    for edit, (n_parts, change) in (COLLAGES if name == "edits" else {}).items():
        for start in range(0, len(pictures) - n_parts + 1, n_parts):
            parts = pictures[start : start + n_parts]
            made = change([picture for _, picture in parts], chance(edit, parts[0][0]))
            target = f"c-{edit.split()[0]}-{start:06d}.jpg"
            _write(made, copies / target)
            rows += [(target, part, edit) for part, _ in parts]
    return as_task(name, copies, originals, rows)


def _write_copies(
    picture: Image.Image, name: str, folder: Path, edits: dict[str, Edit]
) -> Iterator[tuple[str, str, str]]:
    for k, (edit, maker) in enumerate(edits.items()):
        copy = maker.change(picture, chance(edit, name))
        if min(copy.size) >= MIN_SIDE:
            target = f"c{name[1:-4]}-{k:03d}{maker.suffix}"
            _write(copy, folder / target, maker.quality)
            yield target, name, edit


def as_task(
    name: str, copies: Path, originals: Path | None, rows: list[tuple[str, str, str]]
) -> Task:
    truth = pd.DataFrame(rows, columns=["copy", "original", "edit"], dtype=object)
    sources = {name: frozenset([name]) for name in truth.original}
    if originals is not None:
        sources |= {path.name: frozenset([path.name]) for path in originals.iterdir()}
    sources |= truth.groupby("copy").original.agg(frozenset).to_dict()
    return Task(name, copies, originals, truth, sources)


def make_family(
    name: str, made: Iterator[tuple[str, Image.Image]], edits: dict[str, Change], folder: Path
) -> Task:
    """Write pictures and their copies into one folder, of which all pairs are searched."""
    rows = []
    for picture_name, picture in made:
        target = f"{picture_name}.png"
        _write(picture, folder / target)
        for k, (edit, change) in enumerate(edits.items()):
            copy = change(picture, chance(edit, picture_name))
            suffix = ".jpg" if min(copy.size) > 100 else ".png"  # tiny copies are not lossy twice
            _write(copy, folder / f"{picture_name}-{k:02d}{suffix}")
            rows.append((f"{picture_name}-{k:02d}{suffix}", target, edit))
    return as_task(name, folder, None, rows)


def tiny_pictures(
    images: pd.DataFrame, count: int, seed: int, sides: list[int] = TINY_SIDES
) -> Iterator[tuple[str, Image.Image]]:
    """Yield pictures of a folder as tiny ones, and half as many icons."""
    for number, path in enumerate(images.path.iloc[:count]):
        side = sides[0 if number % 2 else number // 2 % len(sides)]
        picture = open_image(path).convert("RGB")
        yield f"tiny-{number:05d}", ImageOps.fit(picture, (side, side), LANCZOS)
    yield from icons(count // 2, sides[0], seed)


# -- searching and judging -------------------------------------------------------------------------


def find(task: Task, method: str | dup.OnnxEmbedding) -> tuple[pd.DataFrame, float]:
    """Return the pair table of a task, and the processor seconds."""
    start = processor_seconds()
    folders = [task.copies] if task.originals is None else [task.copies, task.originals]
    prints = [dup.fingerprint_images(dup.scan_images(folder), method) for folder in folders]
    pairs = dup.similar_pairs(*prints, min_similarity=min(LEVELS) - 50)
    return pairs, processor_seconds() - start


def find_by_immaculate(task: Task, python: str, method: str) -> tuple[pd.DataFrame, float]:
    """Return the pairs within the sets that Immaculate finds, and its seconds by the clock."""
    if task.originals is None:
        pairs, seconds = find_sets(python, task.copies, method)
        return pairs, seconds["total"]
    with tempfile.TemporaryDirectory(dir=task.copies.parent) as both:
        for folder in (task.copies, task.originals):
            for path in folder.iterdir():
                os.link(path, Path(both) / path.name)
        pairs, seconds = find_sets(python, Path(both), method)
    copies = set(task.truth["copy"])
    across = pairs.left.isin(copies) ^ pairs.right.isin(copies)
    return pairs[across], seconds["total"]


def judge(pairs: pd.DataFrame, task: Task) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the score of every true pair (0 where it was not found), and the false pairs."""
    pairs = pairs.astype({"left": object, "right": object})[["left", "right", "similarity"]]
    turned = pairs.rename(columns={"left": "right", "right": "left"})
    both = pd.concat([pairs, turned]).rename(columns={"left": "copy", "right": "original"})
    scored = task.truth.merge(both, how="left", on=["copy", "original"])
    sources = task.sources
    is_false = [
        not (sources[left] & sources[right])
        for left, right in zip(pairs.left, pairs.right, strict=True)
    ]
    false = pairs[np.array(is_false, dtype=bool)]
    false = false.sort_values("similarity", ascending=False, kind="stable")
    return scored.fillna({"similarity": 0.0}), false


def by_edit(scored: pd.DataFrame) -> pd.DataFrame:
    """Return one row per edit: median, recall at each level; in the order of the truth."""
    groups = scored.groupby("edit", sort=False).similarity
    table = pd.DataFrame({"median": groups.median()})
    return table.assign(
        **{str(level): groups.agg(lambda s, at=level: (s >= at).mean()) for level in LEVELS}
    )


def average_precision(scored: pd.DataFrame, false: pd.DataFrame) -> float:
    """Return the mean precision at each true pair found; a pair not found counts as 0."""
    true = np.sort(scored.similarity.to_numpy())[::-1]
    above = np.searchsorted(-false.similarity.to_numpy(), -true, side="right")
    n_true = np.searchsorted(-true, -true, side="right")  # ties are found together
    precision = np.where(true > 0, n_true / np.maximum(n_true + above, 1), 0)
    return float(precision.mean()) if len(true) else float("nan")


def summary(scored: pd.DataFrame, false: pd.DataFrame) -> dict[str, Any]:
    """Return recall and false pairs at each level, and average precision."""
    return {
        "recall": {level: float((scored.similarity >= level).mean()) for level in LEVELS},
        "false": {level: int((false.similarity >= level).sum()) for level in LEVELS},
        "average_precision": average_precision(scored, false),
    }


def draw(tables: dict[str, pd.DataFrame], ax: Axes) -> Axes:
    """Draw recall as a heat map: a row per edit, a column per method and threshold."""
    joined = pd.concat(
        {name: table.drop(columns="median") for name, table in tables.items()}, axis=1
    )
    joined = joined.iloc[np.argsort(-joined.mean(axis=1).to_numpy(), kind="stable")]
    ax.imshow(joined.to_numpy(), vmin=0, vmax=1, cmap="viridis", aspect="auto")
    columns = [f"{method} {level}" for method, level in joined.columns]
    ax.set_xticks(range(joined.shape[1]), columns, rotation=90)
    ax.set_yticks(range(len(joined)), joined.index)
    for (row, column), share in np.ndenumerate(joined.to_numpy()):
        ink = "white" if share < 0.6 else "black"
        ax.text(column, row, f"{share:.2f}", ha="center", va="center", fontsize=7, color=ink)
    return ax


def measure(task: Task, options: argparse.Namespace) -> tuple[dict[str, pd.DataFrame], dict]:
    """Print what each method finds; return tables by method, and the numbers for JSON."""
    n_files = len(task.sources)
    print(f"\n== {task.name}: {n_files} files, {len(task.truth)} true pairs: {machine()}")
    models = [dup.OnnxEmbedding(path, size=ONNX_SIZE) for path in options.onnx]
    finders = [(method, lambda m=method: find(task, m)) for method in options.methods]
    finders += [(model.__name__, lambda m=model: find(task, m)) for model in models]
    if options.immaculate_python:
        finders += [
            (
                f"immaculate {peer}",
                lambda p=peer: find_by_immaculate(task, options.immaculate_python, p),
            )
            for peer in PEERS
        ]
    tables, numbers = {}, {}
    edit_of = task.truth.drop_duplicates("copy").set_index("copy").edit
    for name, finder in finders:
        pairs, seconds = finder()
        scored, false = judge(pairs, task)
        tables[name] = by_edit(scored)
        numbers[name] = {
            "seconds": seconds,
            **summary(scored, false),
            "edits": tables[name].T.to_dict(),
        }
        said = {key: value for key, value in numbers[name].items() if key != "edits"}
        print(f"\n{name}: {said}")
        worst = false.head(5)
        kinds = [
            f"{edit_of.get(a, '-')} / {edit_of.get(b, '-')}"
            for a, b in zip(worst.left, worst.right, strict=True)
        ]
        print(worst.assign(edits=kinds).to_string(index=False), flush=True)
    print(f"\n{pd.concat(tables, axis=1).round(2).to_string()}", flush=True)
    return tables, numbers


def main(arguments: list[str]) -> None:
    """Make the sets, search by each method, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="a folder of pictures, or: samples")
    parser.add_argument("--count", type=whole, default=40, help="pictures that are edited")
    parser.add_argument("--distractors", type=int, default=1000, help="other pictures, at most")
    parser.add_argument(
        "--sides", type=whole, nargs="+", default=TINY_SIDES, help="pixels a side of tiny pictures"
    )
    parser.add_argument("--half", choices=["report", "tune", "all"], default="report")
    parser.add_argument("--sets", nargs="+", default=["edits"], choices=SETS)
    parser.add_argument(
        "--methods", nargs="*", default=["phash", "aligned"], choices=list(dup.METHODS)
    )
    parser.add_argument("--onnx", nargs="*", default=[], help="ONNX files measured as embeddings")
    parser.add_argument("--immaculate-python", help="a Python with immaculate[sscd]")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument(
        "--plot", type=Path, help="also draw the recall of the edits into this file"
    )
    options = parser.parse_args(arguments)
    images = halve(find_pictures(options.folder), options.half)
    if images.empty:
        parser.error(
            f"there is nothing to copy: no readable pictures in this half of {options.folder}"
        )
    images, count = edited_first(images, options.count)
    report, seed = {}, 1 if options.half == "tune" else 2
    for name in options.sets:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            if name in EDITS_OF:
                print(say_pictures(images, count, options.half))
                task = make_edits(images, folder, count, options.distractors, name)
            elif name == "forms":
                task = make_family(name, pages(1, 5, seed), RESCANS, folder)
            else:
                made = tiny_pictures(images, 4 * options.count, seed, options.sides)
                task = make_family(name, made, TINY_EDITS, folder)
            tables, report[name] = measure(task, options)
        if options.plot and name == "edits":
            figure = Figure(figsize=(3 + 1.5 * len(tables), 20), layout="constrained")
            draw(tables, figure.add_subplot())
            figure.savefig(options.plot, dpi=100)
    if options.json:
        edited = [str(name) for name in images.image.iloc[:count]]
        text = json.dumps({"half": options.half, "edited": edited, "sets": report}, indent=1)
        options.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

"""How many images a second are scanned and fingerprinted, and what is the lower limit of the cost?

    python benchmarks/bench_fingerprints.py FOLDER [--immaculate-python PYTHON]
        [--sizes 200,500,1500] [--out FOLDER]
    python benchmarks/bench_fingerprints.py FOLDER --kinds PNG,WEBP,JPEG12,JPEG24
    python benchmarks/bench_fingerprints.py FOLDER --full-decode

All in one run on the same files, in turns, in as many threads as there are cores; the least of the
repeats counts:
  bare grey          libjpeg-turbo decodes the brightness of each JPEG at the reduced size, in two
                     threads: the limit for JPEG; of other files it reads none
  bare decode        Pillow opens and decodes each file at the reduced size: the limit
  imgdup_nb          scan_images and fingerprint_images: table, digest, metadata, detail, phash
  imgdup_nb, all     the same with all six methods in eight orientations
  imagehash loop     one thread, full decode, imagehash.phash: what a first script does
  immaculate         its find_duplicates (it also groups), phash and pdq, if it is installed

--kinds makes copies of some files in other formats and sizes (JPEG12 has 12 megapixels) and
measures those. --full-decode tells what decoding at full size would have changed: bits, and pairs
gained and lost at 95, 90 and 80.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
import simplejpeg
from PIL import Image
from report import growth, save, seconds_of, whole, whole_list

from imgdup_nb import METHODS, Fingerprints, fingerprint_images, scan_images, similar_pairs
from imgdup_nb.engine.decode import open_image
from imgdup_nb.engine.hashing import hash_sketches, sketch_mode
from imgdup_nb.engine.sketches import DECODE_SIDE, SKETCH_SIDE, sketches
from imgdup_nb.methods import pack_bits

HASHES = list(METHODS.hashes)
JPEG = (".jpg", ".jpeg")
KINDS = {"PNG": 0.0, "WEBP": 0.0, "JPEG12": 12e6, "JPEG24": 24e6}  # pixels; 0 keeps the size

IMMACULATE = """
import os, sys, time, immaculate
start, before = time.perf_counter(), sum(os.times()[:2])
immaculate.find_duplicates(sys.argv[1], method=sys.argv[2])
print(time.perf_counter() - start, sum(os.times()[:2]) - before)
"""


def decode_bare(path: str) -> None:
    with Image.open(path) as image:
        image.draft(None, (DECODE_SIDE, DECODE_SIDE))
        image.load()


def run_bare(files: list[str]) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(decode_bare, files))


def decode_grey_bare(path: str) -> None:
    """Decode the brightness of a JPEG at its reduced size, as little as libjpeg-turbo can do."""
    stored = Path(path).read_bytes()
    with suppress(ValueError):  # it refuses a few files, which Pillow reads
        height, width, _colors, _sampling = simplejpeg.decode_jpeg_header(stored)
        share = next((n for n in (8, 4, 2) if min(width, height) // DECODE_SIDE >= n), 1)
        sides = {"min_width": -(-width // share), "min_height": -(-height // share)}
        simplejpeg.decode_jpeg(stored, "GRAY", fastdct=False, fastupsample=False, **sides)


def run_bare_grey(files: list[str]) -> None:
    """Decode all JPEG in two threads; there is nothing to do for other files."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(decode_grey_bare, (path for path in files if path.endswith(JPEG))))


def run_ours(files: list[str], methods: list[str], *, orientations: bool) -> None:
    sketches.forget()
    images = scan_images(files)
    for method in methods:
        fingerprint_images(images, method=method, orientations=orientations)


def run_imagehash(files: list[str]) -> None:
    for path in files:
        imagehash.phash(Image.open(path))


def run_immaculate(python: str, folder: str, method: str) -> tuple[float, float]:
    """Return seconds of its call, without starting Python; infinite where it is not installed."""
    run = subprocess.run(
        [python, "-c", IMMACULATE, folder, method], capture_output=True, text=True, check=False
    )
    return tuple(map(float, run.stdout.split())) if run.returncode == 0 else (np.inf, np.inf)


def copy_files(files: list[str], folder: Path) -> str:
    """Copy files into a new folder, since Immaculate does not follow links."""
    folder.mkdir()
    for number, path in enumerate(files):
        shutil.copyfile(path, folder / f"{number:07d}{Path(path).suffix}")
    return str(folder)


def measure(files: list[str], python: str, repeats: int, folder: Path) -> pd.DataFrame:
    """Return a row per work with its fastest repeat; the works take turns."""
    copies = copy_files(files, folder)
    work: dict[str, Callable[[], tuple[float, float]]] = {
        "bare decode": lambda: seconds_of(lambda: run_bare(files), 1),
        "bare grey": lambda: seconds_of(lambda: run_bare_grey(files), 1),
        "imgdup_nb": lambda: seconds_of(lambda: run_ours(files, ["phash"], orientations=False), 1),
        "imgdup_nb, all": lambda: seconds_of(lambda: run_ours(files, HASHES, orientations=True), 1),
        "imagehash loop": lambda: seconds_of(lambda: run_imagehash(files), 1),
        "immaculate phash": lambda: run_immaculate(python, copies, "phash"),
        "immaculate pdq": lambda: run_immaculate(python, copies, "pdq"),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for turn in range(repeats):
        for name, run in work.items():
            if turn == 0 or name not in {"imgdup_nb, all", "imagehash loop"}:  # the slow ones once
                taken[name].append(run())
    best = {
        name: (min(wall for wall, _ in runs), min(used for _, used in runs))
        for name, runs in taken.items()
    }
    wall, used = best["bare decode"]
    n = len(files)
    rows = [
        (name, n, a, n / a, wall / a, b, used / b) for name, (a, b) in best.items() if a < np.inf
    ]
    columns = [
        "work",
        "images",
        "seconds",
        "images/s",
        "of bare decode",
        "processor seconds",
        "of bare decode's",
    ]
    return pd.DataFrame(rows, columns=columns)


def make_kind(files: list[str], kind: str, folder: Path) -> list[str]:
    """Write copies of pictures in another format or size; return their paths."""
    folder.mkdir()
    paths = []
    for number, path in enumerate(files):
        picture = open_image(path)
        scale = (KINDS[kind] / (picture.width * picture.height)) ** 0.5 or 1
        larger = picture.resize(
            (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BICUBIC
        )
        paths.append(str(folder / f"{number:05d}.{kind.lower().rstrip('0123456789')}"))
        larger.save(paths[-1], quality=90)
    return paths


def compare_full_decode(files: list[str]) -> pd.DataFrame:
    """Return, per method, the bits that full-size decoding changes, and pairs gained and lost."""
    rows = []
    for method in HASHES:
        ours = fingerprint_images(scan_images(files), method=method)
        full = [shrink_full(path, sketch_mode(method)) for path in ours.images.path]
        codes = pack_bits(hash_sketches(np.stack(full), method))
        theirs = Fingerprints(ours.images, ours.method, codes, ours.problems)
        bits = np.bitwise_count(ours.codes ^ codes).sum(axis=(1, 2))
        row = {
            "method": method,
            "images": len(ours),
            "bits, mean": bits.mean(),
            "bits, most": int(bits.max()),
        }
        for percent in (95, 90, 80):
            some, others = pair_names(ours, percent), pair_names(theirs, percent)
            row[f"pairs at {percent}"] = len(others)
            row[f"gained at {percent}"], row[f"lost at {percent}"] = (
                len(some - others),
                len(others - some),
            )
        rows.append(row)
    return pd.DataFrame(rows)


def shrink_full(path: str, mode: str) -> np.ndarray:
    """Return a sketch made in one step from all pixels, grey taken as imagehash takes it."""
    picture = open_image(path).convert(mode)
    return np.asarray(picture.resize((SKETCH_SIDE, SKETCH_SIDE), Image.Resampling.LANCZOS))


def pair_names(prints: Fingerprints, percent: float) -> set[tuple[str, str]]:
    pairs = similar_pairs(prints, min_similarity=percent)
    return set(zip(pairs.left, pairs.right, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument(
        "--immaculate-python",
        default=sys.executable,
        help="a Python in which immaculate is installed",
    )
    parser.add_argument("--sizes", type=whole_list, help="numbers of files; default: all")
    parser.add_argument(
        "--kinds", help=f"measure copies of these kinds, 64 files each: {','.join(KINDS)}"
    )
    parser.add_argument(
        "--full-decode", action="store_true", help="tell what decoding at full size would change"
    )
    parser.add_argument("--repeats", type=whole, default=3)
    parser.add_argument("--out", help="folder for JSON and plot")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    known = scan_images(options.folder)
    files = list(known.path[known.problem == ""])
    if not files:
        parser.error(f"{options.folder} holds no picture that can be read")
    run_ours(files[:8], ["phash"], orientations=False)  # imports
    if options.full_decode:
        print(compare_full_decode(files).round(3).to_string(index=False))
        return
    with tempfile.TemporaryDirectory() as folder:
        if options.kinds:
            for kind in options.kinds.split(","):
                some = make_kind(files[:64], kind, Path(folder, f"made-{kind}"))
                table = measure(
                    some, options.immaculate_python, options.repeats, Path(folder, f"copies-{kind}")
                )
                print(f"\n{kind}\n{table.round(3).to_string(index=False)}")
            return
        sizes = options.sizes or [len(files)]
        tables = [
            measure(files[:n], options.immaculate_python, options.repeats, Path(folder, str(n)))
            for n in sizes
        ]
    results = pd.concat(tables, ignore_index=True).round(3)
    save(results, "fingerprints", options.out, x="images", y="seconds", line="work")
    for name, some in results.groupby("work", sort=False) if len(sizes) > 1 else ():
        print(f"{name}: {growth(some.images, some.seconds)}")


if __name__ == "__main__":
    main()

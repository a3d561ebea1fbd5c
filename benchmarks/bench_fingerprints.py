"""How many images a second are scanned and fingerprinted, and what would the same files cost at least?

    python benchmarks/bench_fingerprints.py FOLDER [--immaculate-python PYTHON] [--sizes 200,500,1500] [--out FOLDER]

All in one run on the same files, in as many threads as there are cores:
  bare decode        Pillow opens each file, decodes it at the reduced size, and forgets it: the limit
  imgdup_nb          scan_images and fingerprint_images: table, digest, metadata, detail, phash
  imgdup_nb, all     the same with all six methods in eight orientations
  imagehash loop     one thread, full decode, imagehash.phash: what a first script does
  immaculate         its find_duplicates (it also groups), methods phash and pdq, where it can be imported
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagehash
import pandas as pd
from PIL import Image
from report import growth, save, seconds_of

from imgdup_nb import METHODS, fingerprint_images, scan_images
from imgdup_nb.sketches import DECODE_SIDE, sketches

HASHES = [name for name, method in METHODS.items() if method.unit == "bits"]

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


def run_ours(files: list[str], methods: list[str], *, orientations: bool) -> None:
    sketches.forget()
    images = scan_images(files)
    for method in methods:
        fingerprint_images(images, method=method, orientations=orientations)


def run_imagehash(files: list[str]) -> None:
    for path in files:
        imagehash.phash(Image.open(path))


def time_immaculate(python: str, files: list[str], method: str, repeats: int) -> tuple[float, float]:
    """Return the least seconds of its call, without starting Python; infinite where it is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(files):  # copies: it does not follow links
            shutil.copyfile(path, Path(folder) / f"{number:07d}{Path(path).suffix}")
        command = [python, "-c", IMMACULATE, folder, method]
        runs = [subprocess.run(command, capture_output=True, text=True, check=False) for _ in range(repeats)]
    taken = [[float(word) for word in run.stdout.split()] if run.returncode == 0 else [float("inf")] * 2 for run in runs]
    return min(wall for wall, _ in taken), min(used for _, used in taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--immaculate-python", default=sys.executable, help="a Python in which immaculate is installed")
    parser.add_argument("--sizes", help="numbers of files; default: all")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", help="folder for JSON and plot")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    known = scan_images(options.folder)
    files = list(known.path[known.problem == ""])
    sizes = [int(size) for size in options.sizes.split(",")] if options.sizes else [len(files)]
    rows = []
    for n in [min(size, len(files)) for size in sizes]:
        some = files[:n]
        run_ours(some[:8], ["phash"], orientations=False)  # imports
        seconds = {
            "bare decode": seconds_of(lambda s=some: run_bare(s), options.repeats),
            "imgdup_nb": seconds_of(lambda s=some: run_ours(s, ["phash"], orientations=False), options.repeats),
            "imgdup_nb, all": seconds_of(lambda s=some: run_ours(s, HASHES, orientations=True), 1),
            "imagehash loop": seconds_of(lambda s=some: run_imagehash(s), 1),
            "immaculate phash": time_immaculate(options.immaculate_python, some, "phash", options.repeats),
            "immaculate pdq": time_immaculate(options.immaculate_python, some, "pdq", options.repeats),
        }
        wall, used = seconds["bare decode"]
        rows += [(name, n, a, n / a, wall / a, b, used / b) for name, (a, b) in seconds.items() if a < 1e9]
    columns = ["work", "images", "seconds", "images/s", "of bare decode", "processor seconds", "of bare decode's"]
    results = pd.DataFrame(rows, columns=columns).round(3)
    save(results, "fingerprints", options.out, x="images", y="seconds", line="work")
    for name, some in results.groupby("work", sort=False):
        if len(some) > 1:
            print(f"{name}: seconds grow as images ** {growth(some.images, some.seconds):.2f}")


if __name__ == "__main__":
    main()

"""How long a collection takes to look at a folder again, beside the bare walk over the same files.

    python benchmarks/bench_rescan.py --images 60000

Makes small JPEG files in a temporary folder, so that the walk and the index weigh as much as they can against decoding; with
photographs the share of a re-scan in a full scan is smaller still. Prints a table and, with --json, writes it to a file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

import imgdup_nb as dup

IMAGES_PER_FOLDER = 500


def make_images(folder: Path, numbers: range) -> None:
    """Write small pictures, each different from all others."""
    for number in numbers:
        path = folder / f"{number // IMAGES_PER_FOLDER:04d}" / f"{number:06d}.jpg"
        path.parent.mkdir(exist_ok=True)
        coarse = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((64, 48), Image.Resampling.BICUBIC).save(path, quality=85)
    long_ago = time.time() - 3600  # files just written are compared by contents
    for number in numbers:
        os.utime(folder / f"{number // IMAGES_PER_FOLDER:04d}" / f"{number:06d}.jpg", (long_ago, long_ago))


def bare_walk(folder: str) -> int:
    """Ask the system for every file's size and time, and nothing else."""
    total, waiting = 0, [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    waiting.append(entry.path)
                else:
                    total += entry.stat().st_size
    return total


def best_of(function: Callable[[], object], times: int = 5) -> float:
    """Return the seconds of the fastest of some calls: the machine may be busy with other things."""
    return min(seconds_of(function) for _ in range(times))


def seconds_of(function: Callable[[], object]) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


@contextmanager
def opened(folder: Path) -> Iterator[dup.Collection]:
    """Open a collection as a fresh session does."""
    with dup.Collection(folder) as photos:
        yield photos


def measure(folder: Path, n_images: int, n_new: int) -> dict[str, float]:
    """Return the seconds of each step."""
    seconds: dict[str, float] = {}
    make_images(folder, range(n_images))
    with opened(folder) as photos:
        seconds["full scan: images and phash"] = full = seconds_of(photos.update)
        seconds["all pairs at 70"] = seconds_of(photos.pairs)
    with opened(folder) as photos:
        photos.update()
        # in turns, so that whatever else the machine does falls on both
        walks, rescans = zip(
            *[(seconds_of(lambda: bare_walk(str(folder))), seconds_of(photos.update)) for _ in range(7)], strict=True
        )
        seconds["bare walk"], seconds["re-scan, nothing changed"] = min(walks), min(rescans)
    with opened(folder) as photos:
        photos.update()
        seconds["images table, first time"] = seconds_of(lambda: photos.images)
        seconds["images table, again"] = best_of(lambda: photos.images)
        seconds["fingerprints, kept"] = best_of(photos.fingerprints)
        seconds["pairs, kept"] = seconds_of(photos.pairs)
    make_images(folder, range(n_images, n_images + n_new))
    with opened(folder) as photos:
        seconds[f"re-scan with {n_new:,} new"] = some = seconds_of(photos.update)
        seconds[f"pairs with {n_new:,} new"] = seconds_of(photos.pairs)
        seconds["size of the index, MB"] = os.path.getsize(photos.index) / 1e6
    seconds["re-scan / bare walk"] = seconds["re-scan, nothing changed"] / seconds["bare walk"]
    seconds["re-scan with new / full scan, percent"] = 100 * some / full
    return seconds


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=60_000, help="how many files (%(default)s)")
    parser.add_argument("--new", type=float, default=1.0, help="percent of new files (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    wanted = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(Path(folder), wanted.images, round(wanted.images * wanted.new / 100))
    print(f"{wanted.images:,} files, {os.cpu_count()} cores, Python {platform.python_version()}; seconds unless said otherwise")
    for name, value in seconds.items():
        print(f"{name:<40} {value:>10.3f}")
    if wanted.json:
        wanted.json.write_text(json.dumps({"images": wanted.images, "cores": os.cpu_count(), **seconds}, indent=2) + "\n")


if __name__ == "__main__":
    main()

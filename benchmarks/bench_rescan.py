"""How long a collection takes to look at a folder again, beside the bare walk over the same files.

    python benchmarks/bench_rescan.py --images 60000

Makes small JPEG files in a temporary folder, so that the walk and the index weigh as much as they
can against decoding; with photographs the share of a re-scan in a full scan is smaller still.
Prints a table and, with --json, writes it to a file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from report import whole

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
        os.utime(
            folder / f"{number // IMAGES_PER_FOLDER:04d}" / f"{number:06d}.jpg",
            (long_ago, long_ago),
        )


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


class Seconds(NamedTuple):
    """Seconds by the clock, and of processors, which a busy machine changes less."""

    clock: float
    processor: float


def best_of(function: Callable[[], object], times: int = 5) -> Seconds:
    """Return the least seconds of some calls: the machine may be busy with other things."""
    return least([seconds_of(function) for _ in range(times)])


def least(taken: Sequence[Seconds]) -> Seconds:
    """Return the least of each."""
    return Seconds(*map(min, zip(*taken, strict=True)))


def seconds_of(function: Callable[[], object]) -> Seconds:
    """Return the seconds of one call."""
    start, before = time.perf_counter(), time.process_time()
    function()
    return Seconds(time.perf_counter() - start, time.process_time() - before)


@contextmanager
def opened(folder: Path) -> Iterator[dup.Collection]:
    """Open a collection as a fresh session does."""
    with dup.Collection(folder) as photos:
        yield photos


def measure(folder: Path, n_images: int, n_new: int) -> dict[str, Seconds]:
    """Return the seconds of each step, then two shares that the index has to keep small."""
    seconds: dict[str, Seconds] = {}
    make_images(folder, range(n_images))
    with opened(folder) as photos:
        seconds["full scan: images and phash"] = full = seconds_of(photos.update)
        seconds["all pairs at 70"] = seconds_of(photos.pairs)
    with opened(folder) as photos:
        photos.update()
        # in turns, so that whatever else the machine does falls on both
        turns = [
            (seconds_of(lambda: bare_walk(str(folder))), seconds_of(photos.update))
            for _ in range(7)
        ]
        walk, rescan = map(least, zip(*turns, strict=True))
        seconds["bare walk"], seconds["re-scan, nothing changed"] = walk, rescan
    with opened(folder) as photos:
        photos.update()
        seconds["images table, first time"] = seconds_of(lambda: photos.images)
        seconds["images table, again"] = best_of(lambda: photos.images)
        seconds["fingerprints, kept"] = best_of(photos.fingerprints)
        seconds["pairs, kept"] = seconds_of(photos.pairs)
        print(f"{len(photos.pairs()):,} pairs at 70")
    taken = []
    for first in range(n_images, n_images + 3 * n_new, n_new):
        make_images(folder, range(first, first + n_new))
        with opened(folder) as photos:
            taken.append(seconds_of(photos.update))
    seconds[f"re-scan with {n_new:,} new"] = some = least(taken)
    with opened(folder) as photos:
        seconds[f"pairs with {3 * n_new:,} new"] = seconds_of(photos.pairs)
        print(f"the index has {os.path.getsize(photos.index) / 1e6:.1f} MB")
    seconds["re-scan / bare walk, times"] = share(rescan, walk)
    seconds["re-scan with new / full scan, percent"] = share(some, full, 100)
    return seconds


def share(part: Seconds, whole: Seconds, times: float = 1) -> Seconds:
    """Return how much one is of the other, by the clock and of processors."""
    return Seconds(*(times * one / other for one, other in zip(part, whole, strict=True)))


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=whole, default=60_000, help="how many files (%(default)s)")
    parser.add_argument("--new", type=float, default=1.0, help="percent of new files (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    wanted = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(
            Path(folder), wanted.images, max(1, round(wanted.images * wanted.new / 100))
        )
    print(
        f"{wanted.images:,} files, {os.cpu_count()} cores, Python {platform.python_version()}; "
        "seconds unless said otherwise"
    )
    print(f"{'':<40} {'clock':>10} {'processor':>10}")
    for name, value in seconds.items():
        print(f"{name:<40} {value.clock:>10.3f} {value.processor:>10.3f}")
    if wanted.json:
        wanted.json.write_text(
            json.dumps({"images": wanted.images, "cores": os.cpu_count(), **seconds}, indent=2)
            + "\n"
        )


if __name__ == "__main__":
    main()

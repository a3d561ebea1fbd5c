"""Seconds of processor and memory of hashes by the million: bring in, pairs, groups, band join.

    python benchmarks/bench_scale.py 1000000 5000000 10000000
    python benchmarks/bench_scale.py --join 1000000

Codes are random 64 bits, with one planted near copy (up to 4 bits off) for each ten. Each size runs
in a process of its own, because the peak of the memory is that of the process. The growth exponent
compares a size with the one before.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

import imgdup_nb as dup

LEVELS = (95, 90)


def peak_gb():
    """Return the largest memory of this process so far, in GB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def made_codes(n):
    """Return uint64 codes with planted near copies, and their names, sorted."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2**64, n, dtype=np.uint64)
    copies = np.arange(0, n - 1, 10)
    codes[copies + 1] = codes[copies]
    for _ in range(4):
        codes[copies + 1] ^= np.uint64(1) << rng.integers(0, 64, len(copies), dtype=np.uint64)
    return codes, [f"{k:09d}.jpg" for k in range(n)]


def timed(what, function):
    """Run a function, print what it took, and return its result."""
    start, clock = time.process_time(), time.perf_counter()
    result = function()
    seconds, wall = time.process_time() - start, time.perf_counter() - clock
    print(f"{what}\t{seconds:.1f}\t{wall:.1f}\t{peak_gb():.2f}", flush=True)
    return result


def measure(n):
    """Print a line for each step: name, seconds of processor and of the clock, peak in GB."""
    codes, names = made_codes(n)
    print(f"codes and names\t0\t0\t{peak_gb():.2f}")
    bits = np.unpackbits(codes.byteswap().view(np.uint8).reshape(n, 8), axis=1).view(bool)
    prints = timed("from_bits", partial(dup.Fingerprints.from_bits, names, bits, "dhash"))
    del bits, codes
    for level in LEVELS:
        find = partial(dup.similar_pairs, prints, min_similarity=level)
        pairs = timed(f"pairs at {level}", find)
        print(f"# {len(pairs):,} pairs")
    timed("groups at 90", partial(dup.group_duplicates, pairs, 90))


def measure_join(n):
    """Compare `similar_pairs` with the band join of docs/scale.md in DuckDB: pairs and seconds."""
    page = (Path(__file__).parents[1] / "docs/scale.md").read_text(encoding="utf-8")
    recipe = {}
    [block] = [block for block in page.split("```python\n") if "BAND_JOIN =" in block]
    exec(block.split("```")[0], recipe)
    codes, names = made_codes(n)
    prints = dup.Fingerprints.from_hex(names, [f"{code:016x}" for code in codes.tolist()], "dhash")
    ours = timed("similar_pairs at 90", partial(dup.similar_pairs, prints, min_similarity=90))
    with tempfile.TemporaryDirectory() as folder:
        joined = timed("band join at 90", partial(recipe["find_pairs_by_join"], prints, 6, folder))
    one = {*zip(ours.left.cat.codes, ours.right.cat.codes, ours.distance, strict=True)}
    other = {*zip(joined["left"], joined["right"], joined["distance"], strict=True)}
    print(f"# {len(one):,} pairs and {len(other):,} pairs, the same: {one == other}")


def main():
    """Measure each size in a process of its own, and print growth exponents."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="+", type=int)
    parser.add_argument("--join", action="store_true", help="compare with DuckDB")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        (measure_join if arguments.join else measure)(arguments.sizes[0])
        return
    before = {}
    for n in arguments.sizes:
        command = [sys.executable, __file__, str(n), "--one", *["--join"] * arguments.join]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ
        )
        print(f"{n:,} codes: processor s, clock s, peak GB, growth exponent")
        for line in done.stdout.splitlines():
            if line.startswith("#"):
                print(" ", line[2:])
                continue
            what, seconds, wall, peak = line.split("\t")
            growth = ""
            if what in before and min(float(seconds), before[what][1]) > 0:
                smaller, took = before[what]
                growth = f"{math.log(float(seconds) / took) / math.log(n / smaller):.2f}"
            before[what] = n, float(seconds)
            print(f"  {what:22} {seconds:>8} {wall:>8} {peak:>8} {growth:>6}", flush=True)


if __name__ == "__main__":
    main()

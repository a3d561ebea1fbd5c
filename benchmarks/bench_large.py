"""Seconds of processor and memory of the steps from a folder to groups, at several sizes.

    python benchmarks/bench_large.py 10000 60000 200000
    python benchmarks/bench_large.py 10000 --steps scan,phash --package ../older/checkout

The files are small JPEG, all different, so that nothing hides behind decoding. Pictures of noise
have few similar pairs, so pairs and explorer take made hashes of as many images: one pair in 1,000
to 2,000 is 70 % similar, as among photographs, and one image in ten has a near copy. Each step runs
in a process of its own, since the peak of the memory is that of the process. `--package` measures
another checkout.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

STEPS = ("scan", "phash", "pairs", "explorer", "collection", "groups")


def made_hashes(n):
    """Return hashes whose bits depend on each other, as of photographs; one in ten is a copy."""
    import imgdup_nb as dup

    rng = np.random.default_rng(0)
    kinds, weights = rng.normal(size=(n, 12)), rng.normal(size=(12, 64))
    values = (0.22 * kinds @ weights + rng.normal(size=(n, 64))).astype(np.float32)
    bits = values > np.median(values, axis=1, keepdims=True)
    copies = np.arange(0, n - 1, 10)
    bits[copies + 1] = bits[copies] ^ (rng.random((len(copies), 64)) < 0.03)
    return dup.Fingerprints.from_bits([f"holiday/IMG_{k:06d}.jpg" for k in range(n)], bits)


def measure(step, n, folder):
    """Run one step in this process; print its seconds of processor, its peak in GB, and a note."""
    import pandas as pd

    import imgdup_nb as dup

    warnings.simplefilter("ignore")
    note = ""
    if step in ("scan", "phash"):
        if step == "phash":
            images = dup.scan_images(folder)
        start = time.process_time()
        note = len(dup.scan_images(folder) if step == "scan" else dup.fingerprint_images(images))
    elif step in ("pairs", "explorer"):
        prints = made_hashes(n)
        dup.similar_pairs(made_hashes(20_000))  # the loops are loaded
        start = time.process_time()
        pairs = dup.similar_pairs(prints)
        note = f"{len(pairs):,} pairs from {pairs.attrs['floor']:g} up"
        if step == "explorer":
            images = pd.DataFrame({"image": prints.names, "path": prints.names, "problem": ""})
            from imgdup_nb.widgets import ThresholdExplorer

            ThresholdExplorer(pairs.head(10), images)
            start = time.process_time()
            explorer = ThresholdExplorer(pairs, images)
            opened = time.process_time() - start
            moves = []
            for percent in np.linspace(explorer.graph.floor, 99, 30):
                before = time.process_time()
                explorer.threshold = float(percent)
                moves.append(1000 * (time.process_time() - before))
            note = "a move: {:.0f} ms, p95 {:.0f}".format(*np.percentile(moves, [50, 95]))
            start = time.process_time() - opened
    else:
        photos = dup.Collection(folder)
        if step == "groups":
            photos.update()
        start = time.process_time()
        if step == "collection":
            photos.update()
        else:
            note = f"{len(photos.groups(90)):,} groups"
    seconds = time.process_time() - start
    peak = [line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
    print(f"{seconds:.2f}\t{int(peak[0].split()[1]) / 2**20:.2f}\t{note}")


def main():
    """Measure each step of each size, and print growth exponents."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="+", type=int)
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--package", default=str(Path(__file__).parents[1]))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.one[0], options.sizes[0], options.one[1])
        return
    from bench_rescan import make_images

    before = {}
    print("step        images   seconds  exponent  peak GB")
    for n in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            make_images(Path(folder), range(n))
            for step in options.steps.split(","):
                command = [sys.executable, __file__, str(n), "--one", step, folder]
                environment = os.environ | {"PYTHONPATH": options.package, "TQDM_DISABLE": "1"}
                done = subprocess.run(command, capture_output=True, text=True, env=environment)
                if done.returncode:
                    print(f"{step:10} {n:8,}  failed: {done.stderr.splitlines()[-1]}")
                    continue
                seconds, peak, note = done.stdout.splitlines()[-1].split("\t")
                took, growth = float(seconds), ""
                if before.get(step, (0, 0))[1] > 0 and took > 0:
                    smaller, less = before[step]
                    growth = f"{math.log(took / less) / math.log(n / smaller):.2f}"
                before[step] = n, took
                print(f"{step:10} {n:8,}  {took:8.2f}  {growth:>8}  {peak:>7}  {note}", flush=True)


if __name__ == "__main__":
    main()

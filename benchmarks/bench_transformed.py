"""Measure which share of crops, flips, rotations and squashes each method finds, and how fast.

The protocol that other tools publish numbers for. Every photograph is fitted to 640 x 480 and
written six times: as it is, cut to 560 x 420, mirrored both ways, turned by 25 degrees with its
corners black, and squashed to 480 x 480. All 15 pairs of a photograph's six files are true, all
others false.

    python benchmarks/bench_transformed.py PHOTOS --count 400 --methods aligned phash --json
    result.json

    python benchmarks/bench_transformed.py PHOTOS --methods --onnx sscd.onnx --immaculate-python
    PYTHON python benchmarks/bench_transformed.py PHOTOS --candidates

PHOTOS is any folder of pictures without duplicates; those with a side below 300 pixels are passed
over. `--onnx` measures models as embeddings; the shorter side of their pictures is 288. With
`--immaculate-python`, a Python in which immaculate[sscd] is installed, its four methods answer on
the same files; it returns sets at its own threshold, and all pairs within a set count.
`--candidates` tells only which share of the true pairs the vote of `aligned` passes on, and how
many pairs in all.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageOps
from report import machine, whole

import imgdup_nb as dup
from imgdup_nb.aligned.candidates import find_candidates
from imgdup_nb.aligned.scores import MAX_VOTE_BITS
from imgdup_nb.engine.decode import UnreadableImage, open_image

THRESHOLDS = [95, 90, 80, 70]
N_PAIRS = 15  # of six files
ONNX_SIZE = 288  # pixels of the shorter side
PEERS = ["phash", "pdq", "sscd_distilled", "sscd"]

IMMACULATE = """
import json, sys, time, immaculate
start = time.perf_counter()
found = immaculate.find_duplicates(sys.argv[1], method=sys.argv[2])
sets = [[path.name for path in names] for names in found.exact + found.near]
print(json.dumps([time.perf_counter() - start, sets]))
"""


def write_variants(photos: Path, folder: Path, count: int, seed: int = 0) -> int:
    """Write six files for each of the first `count` large photographs; return their number."""
    random = np.random.default_rng(seed)
    made = 0
    for path in sorted(path for path in photos.rglob("*") if path.is_file()):
        try:
            photo = open_image(path)
        except UnreadableImage:
            continue
        if min(photo.size) < 300:
            continue
        for kind, variant in variants(photo, random).items():
            variant.save(folder / f"{made:05d}-{kind}.jpg", quality=92)
        made += 1
        if made == count:
            break
    return made


def variants(photo: Image.Image, random: np.random.Generator) -> dict[str, Image.Image]:
    """Return the six pictures of one photograph, by kind."""
    whole = ImageOps.fit(photo, (640, 480), Image.Resampling.LANCZOS)
    left, top = int(random.integers(0, 81)), int(random.integers(0, 61))
    return {
        "whole": whole,
        "crop": whole.crop((left, top, left + 560, top + 420)),
        "mirrored": ImageOps.mirror(whole),
        "upside-down": ImageOps.flip(whole),
        "turned": whole.rotate(25, Image.Resampling.BICUBIC),
        "square": whole.resize((480, 480), Image.Resampling.LANCZOS),
    }


def find_pairs(
    folder: Path, method: str | dup.OnnxEmbedding
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the pair table of a folder, and the seconds of each step."""
    seconds, start = {}, time.perf_counter()
    cpu = time.process_time()
    images = dup.scan_images(folder)
    seconds["scan"] = time.perf_counter() - start
    prints = dup.fingerprint_images(images, method)
    seconds["fingerprints"] = time.perf_counter() - start - sum(seconds.values())
    pairs = dup.similar_pairs(prints, min_similarity=70)
    seconds["pairs"] = time.perf_counter() - start - sum(seconds.values())
    return pairs, seconds | {
        "total": time.perf_counter() - start,
        "processor": time.process_time() - cpu,
    }


def count_candidates(folder: Path, n_photos: int) -> None:
    """Print pairs, seconds and recall of the vote alone, before any alignment."""
    prints = dup.fingerprint_images(dup.scan_images(folder), "aligned")
    start = time.perf_counter()
    found = find_candidates(list(prints.codes[:, 0]), MAX_VOTE_BITS["aligned"])
    seconds = time.perf_counter() - start
    photo = np.array([name[:5] for name in prints.names])
    n_true = int((photo[found[:, 0]] == photo[found[:, 1]]).sum())
    recall = n_true / (N_PAIRS * n_photos)
    print(
        f"candidates: {len(found)} pairs in {seconds:.1f} s, {n_true} of them true, recall "
        f"{recall:.5f}"
    )


def find_sets(python: str, folder: Path, method: str) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the pairs that Immaculate finds within the sets, and its seconds without startup."""
    command = [python, "-c", IMMACULATE, str(folder), method]
    seconds, sets = json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
    )
    pairs = sorted({tuple(sorted(pair)) for names in sets for pair in combinations(names, 2)})
    return pd.DataFrame(pairs, columns=["left", "right"], dtype=object).assign(similarity=100.0), {
        "total": seconds
    }


def score(pairs: pd.DataFrame, n_photos: int) -> pd.DataFrame:
    """Return one row per threshold: threshold, pairs, false pairs, precision, recall."""
    is_true = pairs.left.astype(object).str[:5] == pairs.right.astype(object).str[:5]
    rows = []
    for threshold in THRESHOLDS:
        kept = is_true[pairs.similarity >= threshold]
        precision = kept.mean() if len(kept) else np.nan
        rows.append(
            (threshold, len(kept), int((~kept).sum()), precision, kept.sum() / (N_PAIRS * n_photos))
        )
    return pd.DataFrame(rows, columns=["threshold", "pairs", "false", "precision", "recall"])


def main(arguments: list[str]) -> None:
    """Run the benchmark for each method and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument(
        "--count", type=whole, default=400, help="photographs; six files are made of each"
    )
    parser.add_argument("--methods", nargs="*", default=["aligned"], choices=list(dup.METHODS))
    parser.add_argument("--onnx", nargs="*", default=[], help="ONNX files measured as embeddings")
    parser.add_argument(
        "--immaculate-python", help="a Python in which immaculate[sscd] is installed"
    )
    parser.add_argument(
        "--candidates", action="store_true", help="measure only the vote of aligned"
    )
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    options = parser.parse_args(arguments)
    if options.count < 1:
        parser.error(f"--count must be 1 or more, and {options.count} is not")
    report: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as folder:
        n_photos = write_variants(options.photos, Path(folder), options.count)
        if n_photos == 0:
            parser.error(
                f"{options.photos} must be a folder with a readable picture of 300 pixels or more "
                "a side, and has none"
            )
        print(
            f"{n_photos} photographs, {6 * n_photos} files, {N_PAIRS * n_photos} true pairs: "
            f"{machine()}"
        )
        if options.candidates:
            count_candidates(Path(folder), n_photos)
            return
        for method in [
            *options.methods,
            *(dup.OnnxEmbedding(model, size=ONNX_SIZE) for model in options.onnx),
        ]:
            name = method if isinstance(method, str) else method.__name__
            report[name] = tell(name, *find_pairs(Path(folder), method), n_photos)
        for method in PEERS if options.immaculate_python else []:
            name = f"immaculate {method}"
            report[name] = tell(
                name, *find_sets(options.immaculate_python, Path(folder), method), n_photos
            )
    if options.json:
        options.json.write_text(
            json.dumps({"photographs": n_photos, "methods": report}, indent=2), encoding="utf-8"
        )


def tell(name: str, pairs: pd.DataFrame, seconds: dict[str, float], n_photos: int) -> dict:
    """Print what one method found; return it."""
    table = score(pairs, n_photos)
    table = table if name.split()[0] != "immaculate" else table.tail(1).assign(threshold="its own")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"\n{name}: " + ", ".join(f"{step} {value:.1f} s" for step, value in seconds.items()))
    print(f"memory so far, ours {peak:.2f} GB\n{table.round(5).to_string(index=False)}", flush=True)
    return {"seconds": seconds, "memory_gb": peak, "table": table.to_dict("records")}


if __name__ == "__main__":
    main(sys.argv[1:])

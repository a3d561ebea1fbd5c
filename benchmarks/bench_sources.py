"""Measure how fast pictures are scanned from each source, against the same files in a folder.

    python benchmarks/bench_sources.py

1,000 small JPEGs are made. Each source is scanned seven times, in turns, and the best time counts.
Memory is the peak of a process of its own that scans
800 MB of parquet in one row group.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

import imgdup_nb as dup

PEAK = """
import sys, threading, time
import imgdup_nb as dup

def own_memory():  # of Linux: without the pages of files, which the system takes back as it likes
    lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(lines["RssAnon"].split()[0]) / 1024

def watch():
    while True:
        peak[0] = max(peak[0], own_memory())
        time.sleep(0.01)

dup.scan_images({"a": b"no picture"})
before, peak = own_memory(), [0]
threading.Thread(target=watch, daemon=True).start()
dup.scan_images(sys.argv[1])
print(round(peak[0] - before))
"""


def small_jpeg(seed: int, side: int = 400) -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


def make_sources(root: Path, n: int) -> dict[str, object]:
    contents = {f"{k:05d}.jpg": small_jpeg(k) for k in range(n)}
    (root / "files").mkdir()
    for name, content in contents.items():
        (root / "files" / name).write_bytes(content)
    with zipfile.ZipFile(root / "all.zip", "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    with tarfile.open(root / "all.tar", "w") as archive:
        archive.add(root / "files", "files")
    structs = [{"bytes": content, "path": name} for name, content in contents.items()]
    rows = pd.DataFrame({"image": structs, "label": 1})
    rows.to_parquet(root / "one group.parquet")
    rows.to_parquet(root / "groups of 100.parquet", row_group_size=100)
    found: dict[str, object] = {
        "folder": root / "files",
        "zip": root / "all.zip",
        "tar": root / "all.tar",
        "parquet, one row group": root / "one group.parquet",
        "parquet, row groups of 100": root / "groups of 100.parquet",
        "dict of bytes": contents,
    }
    try:
        import datasets

        found["Hugging Face Dataset"] = datasets.Dataset.from_parquet(
            str(root / "one group.parquet"), cache_dir=str(root / "cache")
        ).cast_column("image", datasets.Image())
    except ImportError:
        pass
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1000)
    options = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        sources = make_sources(Path(folder), options.n)
        dup.scan_images(sources["folder"])  # compiles the loops
        best = dict.fromkeys(sources, float("inf"))
        for _ in range(7):
            for name, source in sources.items():
                start = time.perf_counter()
                images = dup.scan_images(source)
                best[name] = min(best[name], time.perf_counter() - start)
                assert len(images) == options.n
                assert (images.problem == "").all()
        for name, seconds in best.items():
            print(f"{name:28} {seconds:6.2f} s  speed {best['folder'] / seconds:.2f} of a folder")
        few = [small_jpeg(k, 1200) for k in range(60)]
        large = pd.DataFrame({"image": [few[k % 60] + b"%d" % k for k in range(6000)]})
        path = Path(folder) / "large.parquet"
        large.to_parquet(path, compression=None)
        size = path.stat().st_size / 2**20
        peak = subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, text=True)
        print(f"{len(large):,} rows, {size:.0f} MB in one row group: {peak.stdout.strip()} MB more")


if __name__ == "__main__":
    main()

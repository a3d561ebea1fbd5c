"""Leaks and conflicts planted in parquet files of three splits: found, missed, false, seconds.

    python benchmarks/bench_leaks.py

20,000 drawings, of which 5 % are copies of others in another split: the same bytes, the same pixels
in another format, a smaller JPEG, or a WebP. A third of the copies has another label. Memory is the
peak of this process; the pictures are made in a process of their own.
"""

from __future__ import annotations

import argparse
import io
import resource
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

import imgdup_nb as dup

SPLITS, LABELS = ("train", "validation", "test"), ("cat", "dog", "owl")
KINDS = ("same bytes", "png", "small jpeg", "webp")
PART = 2_000  # pictures in memory at a time


def draw(number: int) -> bytes:
    coarse = np.random.default_rng(number).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return encode(Image.fromarray(coarse).resize((240, 180), Image.Resampling.BICUBIC), "JPEG", 90)


def encode(picture: Image.Image, kind: str, quality: int = 75) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **({"quality": quality} if kind != "PNG" else {}))
    return buffer.getvalue()


def copy_of(content: bytes, kind: str) -> bytes:
    if kind == "same bytes":
        return content
    picture = Image.open(io.BytesIO(content))
    if kind == "png":
        return encode(picture, "PNG")
    return (
        encode(picture.resize((180, 135)), "JPEG")
        if kind == "small jpeg"
        else encode(picture, "WEBP")
    )


def make(folder: str, n: int) -> None:
    """Write train.parquet, validation.parquet, test.parquet and truth.csv."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(5)
    n_copies = n // 20
    n_originals = n - n_copies
    facts = pd.DataFrame(
        {
            "id": [f"{k:06}" for k in range(n)],
            "split": rng.choice(SPLITS, n, p=[0.7, 0.15, 0.15]),
            "label": rng.choice(LABELS, n),
            "of": -1,
            "kind": "",
        }
    )
    sources = rng.choice(n_originals, n_copies, replace=False)
    for k, source in zip(range(n_originals, n), sources, strict=True):
        others = [split for split in SPLITS if split != facts.split[source]]
        wrong = [label for label in LABELS if label != facts.label[source]]
        label = rng.choice(wrong) if k % 3 == 0 else facts.label[source]
        facts.loc[k, ["split", "label", "of", "kind"]] = [
            rng.choice(others), label, source, KINDS[k % 4],
        ]  # fmt: skip
    facts.to_csv(Path(folder, "truth.csv"), index=False)
    data = Path(folder, "data")
    data.mkdir()
    for split, rows in facts.groupby("split"):
        writer = None
        for start in range(0, len(rows), PART):
            some = rows.iloc[start : start + PART]
            pictures = [
                draw(k) if of < 0 else copy_of(draw(of), kind)
                for k, of, kind in zip(some.index, some.of, some.kind, strict=True)
            ]
            table = pa.table({"image": pictures, "id": list(some.id), "label": list(some.label)})
            writer = writer or pq.ParquetWriter(data / f"{split}.parquet", table.schema)
            writer.write_table(table, row_group_size=500)
        writer.close()


def count(what: str, found: set, planted: dict) -> None:
    print(f"  {what}: {len(found & set(planted))} of {len(planted)} found, "
          f"{len(set(planted) - found)} missed, {len(found - set(planted))} false")  # fmt: skip
    for kind in KINDS:
        of_kind = {pair for pair, one in planted.items() if one == kind}
        print(f"    {kind}: {len(found & of_kind)} of {len(of_kind)}")


def measure(folder: str, verify: bool) -> None:
    truth = pd.read_csv(Path(folder, "truth.csv"), dtype={"id": str}, keep_default_na=False)
    copies = truth[truth.of >= 0]
    originals = truth.iloc[copies.of]
    pairs = [tuple(sorted(pair)) for pair in zip(copies.id, originals.id, strict=True)]
    planted = dict(zip(pairs, copies.kind, strict=True))
    differs = copies.label.to_numpy() != originals.label.to_numpy()
    wrong = {pair: planted[pair] for pair, is_one in zip(pairs, differs, strict=True) if is_one}
    start = time.perf_counter()
    images = dup.scan_images(Path(folder, "data"))
    scanned = time.perf_counter() - start
    result = dup.find_duplicates(images, 90, verify=verify, sample=0)
    leaks = dup.find_leaks(result.pairs, images, label="label")
    conflicts = dup.find_conflicts(result.groups, images, pairs=result.pairs)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"verify={verify}: {len(images):,} images in {seconds:.0f} s, of which the scan "
          f"{scanned:.0f} s; {peak:,.0f} MB at most")  # fmt: skip
    named = dict(zip(images.image, images.id, strict=True))
    table = leaks.table[["left", "right"]].astype(object)
    found = {tuple(sorted((named[a], named[b]))) for a, b in table.to_numpy()}
    count("leaks", found, planted)
    groups = conflicts.images.groupby("group").image
    count("conflicts", {tuple(sorted(named[name] for name in some)) for _, some in groups}, wrong)
    print("  conflicts by relation:", conflicts.table.relation.value_counts().to_dict())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=20_000)
    n = parser.parse_args().n
    with tempfile.TemporaryDirectory() as folder:
        maker = get_context("spawn").Process(target=make, args=(folder, n))
        maker.start()
        maker.join()
        for verify in (False, True):
            measure(folder, verify)


if __name__ == "__main__":
    main()

"""Leaks and conflicts planted in 2,000 drawings of three splits: found, missed, false, seconds."""

import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import imgdup_nb as dup

rng = np.random.default_rng(5)
with tempfile.TemporaryDirectory() as folder:
    splits = rng.choice(["train", "val", "test"], 1900, p=[0.7, 0.15, 0.15])
    labels = rng.choice(["cat", "dog", "owl"], 1900)
    facts, planted, wrong = {}, set(), set()
    pictures = {}
    for k in range(1900):
        coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        pictures[k] = Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC)
        pictures[k].save(Path(folder, f"{k:04}.png"))
        facts[f"{k:04}.png"] = (splits[k], labels[k])
    for n, k in enumerate(rng.choice(1900, 100, replace=False)):  # a copy of each in another split
        name = f"copy{n:03}" + (".png", ".jpg", ".bmp", ".webp")[n % 4]
        copy = pictures[k].resize((240, 180)) if n % 4 == 1 else pictures[k]
        copy.save(Path(folder, name), **({"quality": 75} if n % 4 in (1, 3) else {}))
        split = rng.choice([s for s in ("train", "val", "test") if s != splits[k]])
        label = rng.choice([x for x in ("cat", "dog", "owl") if x != labels[k]])
        label = label if n % 3 == 0 else labels[k]
        facts[name] = (split, label)
        planted.add((f"{k:04}.png", name))
        if n % 3 == 0:
            wrong.add((f"{k:04}.png", name))
    for verify in (False, True):
        start = time.perf_counter()
        images = dup.scan_images(folder)
        images["split"], images["label"] = zip(*map(facts.get, images.image), strict=True)
        result = dup.find_duplicates(images, 90, verify=verify)
        leaks = dup.find_leaks(result.pairs, images)
        conflicts = dup.find_conflicts(result.groups, images)
        seconds = time.perf_counter() - start
        found = {tuple(sorted(p)) for p in leaks.table[["left", "right"]].to_numpy()}
        named = {tuple(sorted(rows.image)) for _, rows in conflicts.images.groupby("group")}
        print(f"verify={verify}: {seconds:.1f} s for {len(images)} images")
        for what, got, true in (("leaks", found, planted), ("conflicts", named, wrong)):
            good = len(got & true)
            print(f"  {what}: {good} found, {len(true) - good} missed, {len(got) - good} false")

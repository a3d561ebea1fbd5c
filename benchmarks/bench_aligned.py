"""Processor and memory of `aligned` with distinct pictures: votes, alignment, found, false.

    python benchmarks/bench_aligned.py 2500 5000 10000 --photos FOLDER --cache /var/tmp/features

Pictures of 0.1 to 0.5 megapixels are made of leaves that lie over each other: photographs of a
folder (bent, blended, turned), noise and shades. Each twentieth is a copy of the one before:
compressed, half as large, cropped, turned, mirrored, drawn over or brighter. Features are made once
and kept in the cache. Each size, a multiple of 100, runs in a process of its own. The growth
exponent compares a size with the one before. Only a sample of the candidates is aligned; the
seconds of all follow from it.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from imgdup_nb.aligned.candidates import best_pairs
from imgdup_nb.aligned.matching import Known, count_new
from imgdup_nb.aligned.scores import MAX_VOTE_BITS, FeaturePair, score_pairs
from imgdup_nb.engine.feature_file import keep_features
from imgdup_nb.engine.features import Features, aligned_features

COPY_EVERY = 20
CHUNK = 100  # pictures in a file of the cache
SAMPLE = 1500  # candidates that are aligned, beside the planted copies
KINDS = ["jpeg", "half", "crop", "turn", "mirror", "overlay", "bright"]


def made_picture(number, photos):
    """Return a picture that no other number has, uint8, height x width x 3."""
    random = np.random.default_rng([7, number])
    large = random.random() < 0.3
    area = random.uniform(310_000, 500_000) if large else random.uniform(100_000, 180_000)
    ratio = random.choice([4 / 3, 3 / 2, 3 / 4, 1, 16 / 9])
    width, height = int((area * ratio) ** 0.5), int((area / ratio) ** 0.5)
    canvas = _texture(random, height, width, photos)
    for _ in range(random.integers(12, 60)):
        size = area**0.5 * min(0.6, 0.06 + 0.07 * random.pareto(1.6))
        w, h = np.maximum(8, (size * random.uniform(0.5, 1.6, 2)).astype(int)).tolist()
        x, y = (
            int(random.integers(-w // 2, width - w // 2)),
            int(random.integers(-h // 2, height - h // 2)),
        )
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
        if min(right - left, bottom - top) < 4:
            continue
        mask = np.zeros((h, w), np.uint8)
        corners = np.sort(random.uniform(0, 2 * np.pi, random.integers(3, 40)))
        edge = np.column_stack([w / 2 * (1 + np.cos(corners)), h / 2 * (1 + np.sin(corners))])
        cv2.fillPoly(mask, [edge.astype(np.int32)], 255)
        cut = slice(top - y, bottom - y), slice(left - x, right - x)
        leaf = _texture(random, h, w, photos)
        place = canvas[top:bottom, left:right]
        canvas[top:bottom, left:right] = cv2.copyTo(leaf[cut], mask[cut], place)
    return cv2.GaussianBlur(canvas, (3, 3), random.uniform(0.5, 1.0))


def _texture(random, height, width, photos):
    kind = random.random()
    if photos and kind < 0.55:
        part = _cut(random, height, width, photos)
        if width * height > 30_000:  # bent and blended: no two pictures share a large part
            field = random.uniform(-0.16, 0.16, (5, 5, 2)).astype(np.float32)
            field = cv2.resize(field, (width, height)) * np.float32([width, height])
            field += np.dstack(np.meshgrid(*map(np.arange, (width, height)))).astype(np.float32)
            bent = cv2.remap(part, field, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
            part = cv2.addWeighted(bent, 0.55, 255 - _cut(random, height, width, photos), 0.45, 0)
        return 255 - part if random.random() < 0.4 else part
    base = random.uniform(10, 245, (1, 1, 3))
    if kind < 0.8:
        grain = np.zeros((height, width), np.float32)
        for step in (2, 5, 12):
            small = random.standard_normal((height // step + 2, width // step + 2), np.float32)
            grain += random.uniform(2, 20) * cv2.resize(small, (width, height))
        return np.clip(base + grain[:, :, None], 0, 255).astype(np.uint8)
    shade = np.clip(base + random.uniform(-80, 80, (2, 2, 1)), 0, 255).astype(np.uint8)
    return cv2.resize(shade, (width, height))


def _cut(random, height, width, photos):
    """Return a part of a photograph, turned and squashed."""
    photo = photos[random.integers(len(photos))]
    size = random.uniform(0.12, 0.5) * min(photo.shape[:2])
    centre = [random.uniform(size / 2, side - size / 2) for side in photo.shape[1::-1]]
    turn = random.uniform(0, 2 * np.pi)
    scales = size / np.array([width, height]) * random.uniform(0.6, 1.6, 2)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * scales
    shift = np.array(centre) - matrix @ (width / 2, height / 2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    matrix = np.column_stack([matrix, shift])
    return cv2.warpAffine(
        photo, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101
    )


def made_copy(number, photos):
    """Return a changed copy of the picture before, and its quality as JPEG."""
    picture, random = made_picture(number - 1, photos), np.random.default_rng([8, number])
    height, width = picture.shape[:2]
    kind = KINDS[number // COPY_EVERY % len(KINDS)]
    if kind == "half":
        picture = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    elif kind == "crop":
        w, h = int(width * random.uniform(0.6, 0.9)), int(height * random.uniform(0.6, 0.9))
        x, y = random.integers(width - w), random.integers(height - h)
        picture = picture[y : y + h, x : x + w]
    elif kind == "turn":
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), random.uniform(-40, 40), 1)
        picture = cv2.warpAffine(picture, matrix, (width, height))
    elif kind == "mirror":
        picture = picture[:, ::-1]
    elif kind == "overlay":
        picture = picture.copy()
        picture[height // 3 : height // 2, width // 10 : width // 2] = (30, 200, 240)
    elif kind == "bright":
        picture = np.clip(1.2 * picture + 15, 0, 255).astype(np.uint8)
    return picture, 45 if kind == "jpeg" else 80


def made_features(number, photos):
    """Return the features of a made picture that was saved as JPEG."""
    is_copy = number % COPY_EVERY == COPY_EVERY - 1
    picture, quality = made_copy(number, photos) if is_copy else (made_picture(number, photos), 85)
    saved = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    read = cv2.cvtColor(cv2.imdecode(saved, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return aligned_features(Image.fromarray(read))


def fill_cache(cache, n, folder):
    """Make the features that are missing, chunk by chunk."""
    cache.mkdir(parents=True, exist_ok=True)
    photos = []
    for first in range(0, n, CHUNK):
        path = cache / f"{first // CHUNK:05d}.npz"
        if path.exists():
            continue
        if folder and not photos:
            photos = [cv2.imread(str(file)) for file in sorted(Path(folder).rglob("*.jpg"))]
        packed = [made_features(first + k, photos).to_bytes() for k in range(CHUNK)]
        ends = np.cumsum([len(part) for part in packed])
        np.savez(path, packed=np.frombuffer(b"".join(packed), np.uint8), ends=ends)


def cached_features(cache, n):
    """Yield the features of the first n pictures."""
    for first in range(0, n, CHUNK):
        with np.load(cache / f"{first // CHUNK:05d}.npz") as chunk:
            packed, ends = chunk["packed"].tobytes(), chunk["ends"].tolist()
        for start, stop in zip([0, *ends], ends, strict=False):
            yield Features.from_bytes(packed[start:stop])


class Peak:
    """The most memory of this process that is in no file, in GB; Linux only."""

    def __init__(self):
        self.gb = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        while True:
            status = Path("/proc/self/status").read_text()
            kilobytes = status.split("RssAnon:")[1].split()[0]
            self.gb = max(self.gb, int(kilobytes) / 2**20)
            time.sleep(0.1)


def seconds_of(function):
    """Return a result and the seconds of processor that it took."""
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def measure(n, cache):
    """Print one line of numbers, separated by tabs."""
    features, peak, bits = (
        list(keep_features(cached_features(cache, n))),
        Peak(),
        MAX_VOTE_BITS["aligned"],
    )
    count_new(features[:50], bits, Known.nothing(50), None)  # compiles
    votes, voting = seconds_of(lambda: count_new(features, bits, Known.nothing(n), None))
    pairs, choosing = seconds_of(lambda: np.unique(best_pairs(votes, n), axis=0))
    later = pairs[:, 1]
    planted = (later - pairs[:, 0] == 1) & (later % COPY_EVERY == COPY_EVERY - 1)
    others = np.random.default_rng(0).permutation(pairs[~planted])[:SAMPLE]

    def similarities(some):
        pictures = [FeaturePair(features[a], features[b]) for a, b in some.tolist()]
        return np.array([score.similarity for score in score_pairs(pictures, "aligned")])

    similarities(others[:200])  # compiles
    false, aligning = seconds_of(lambda: similarities(others))
    found = similarities(pairs[planted]) >= 70
    each = aligning / max(len(others), 1)
    numbers = [
        voting + choosing,
        each * len(pairs),
        len(pairs),
        peak.gb,
        found.sum(),
        (false >= 70).sum(),
    ]
    print(*numbers, sep="\t")


def main():
    """Measure each size in a process of its own, and print growth exponents."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="+", type=int)
    parser.add_argument("--photos", help="a folder of JPEG that leaves are cut from")
    parser.add_argument("--cache", type=Path, required=True, help="a folder for features")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        measure(arguments.sizes[0], arguments.cache)
        return
    before = None
    print(
        "images: votes s, alignment s, candidates an image, GB, exponent, found, false of a sample"
    )
    for n in arguments.sizes:
        fill_cache(arguments.cache, n, arguments.photos)
        command = [sys.executable, __file__, str(n), "--one", "--cache", str(arguments.cache)]
        line = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        voting, aligning, pairs, gb, found, false = map(float, line.split("\t"))
        total, growth = voting + aligning, ""
        if before:
            growth = f"{math.log(total / before[1]) / math.log(n / before[0]):.2f}"
        before = n, total
        print(
            f"{n:,}: {voting:.0f} {aligning:.0f} {pairs / n:.1f} {gb:.2f} {growth or '-'} "
            f"{found:.0f} of {n // COPY_EVERY}, {false:.0f} of {SAMPLE}",
            flush=True,
        )


if __name__ == "__main__":
    main()

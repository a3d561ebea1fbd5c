"""Decode mutated JPEG headers in every way; a fault in a C library ends this process.

    python tests/fuzz_jpeg.py 1000000 --seed 7

prints how many inputs were read and how many were refused. Run by `test_decode.py` for a few
seconds. Without a crash the exit code is 0; to find the input that crashed, run again with the same
seed and ``--trace``.
"""

import argparse
import io
import random
import struct
import sys
import time
import warnings

import numpy as np
from PIL import Image

from imgdup_nb.engine.damage import find_remarks
from imgdup_nb.engine.decode import (
    UnreadableImage,
    grey_as_seen,
    open_image,
    open_lazily,
    read_plain_jpeg,
    readable,
)

SIDE = 384  # a picture that is decoded smaller
MIN_SIDE = 64


def segment(marker, body):
    """Return a segment of a JPEG: marker, length, body."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def lossless_jpeg(side=SIDE, bits=8):
    """Return a sound lossless JPEG, all of one grey: frame C3, two Huffman codes, predictor 1."""
    table = segment(0xC4, b"\x00" + bytes([0, 2] + [0] * 14) + bytes([0, 7]))
    frame = segment(0xC3, struct.pack(">BHHB", bits, side, side, 1) + b"\x01\x11\x00")
    scan = segment(0xDA, b"\x01\x01\x00" + bytes([1, 0, 0]))
    return b"\xff\xd8" + frame + table + scan + bytes(side * side * 2 // 8) + b"\xff\xd9"


def seeds():
    """Return sound JPEGs of many kinds."""
    noise = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 1
    made = []
    for mode in ("L", "RGB", "CMYK"):
        for options in (
            {},
            {"progressive": True},
            {"subsampling": 0},
            {"subsampling": 1},
            {"exif": exif},
            {"comment": "x"},
        ):
            buffer = io.BytesIO()
            picture.convert(mode).save(buffer, "JPEG", quality=40, **options)
            made.append(buffer.getvalue())
    return [*made, lossless_jpeg(), lossless_jpeg(side=512)]


def segments_of(stored):
    """Return (start, end) of each segment before the pixels, the scan's header last."""
    found, at = [], 2
    while stored[at] == 0xFF:
        end = at + 2 + int.from_bytes(stored[at + 2 : at + 4], "big")
        found.append((at, end))
        if stored[at + 1] == 0xDA:
            break
        at = end
    return found


def mutate(stored, rng):
    """Return a JPEG with one to three changes to its header."""
    data = bytearray(stored)
    for _ in range(rng.randint(1, 3)):
        try:
            parts = segments_of(bytes(data))
        except IndexError:
            return bytes(data)
        if not parts:
            return bytes(data)
        start, end = rng.choice(parts)
        frames = [
            place
            for place, _ in parts
            if 0xC0 <= data[place + 1] <= 0xCF and data[place + 1] not in (0xC4, 0xC8, 0xCC)
        ]
        change = rng.randrange(9)
        if change <= 1 and frames:  # another kind of frame
            data[frames[0] + 1] = rng.choice(
                [0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF]
            )
        elif change == 2 and frames:  # another size, precision, number of channels or sampling
            place = min(frames[0] + 4 + rng.randrange(12), len(data) - 1)
            data[place] = rng.randrange(256)
        elif change == 3:  # the segment once more, elsewhere
            other = rng.choice(parts)[0]
            data[other:other] = data[start:end]
        elif change == 4:
            del data[start:end]
        elif change == 5:  # bytes between segments
            data[start:start] = bytes(
                rng.choice([0xFF, 0x00, 0xC0, 0xC3, 0xD8]) for _ in range(rng.randint(1, 4))
            )
        elif change == 6:  # a segment that hides another
            data[start:start] = segment(
                rng.choice([0xE0, 0xE1, 0xFE, 0xDC, 0xF0]), segment(0xC0, bytes(rng.randrange(20)))
            )
        elif change == 7:  # cut off
            del data[rng.randrange(start, min(len(data), end + 2000)) :]
        else:
            data[rng.randrange(start, min(end, len(data)))] = rng.randrange(256)
    return bytes(data)


def read_every_way(stored):
    """Decode a file in each way the package does; return whether it is a picture to all of them."""
    is_picture = True
    read_plain_jpeg(stored, min_side=MIN_SIDE)
    find_remarks(stored, "JPEG")
    try:
        with readable(), open_lazily(io.BytesIO(stored)) as image:
            grey_as_seen(image, min_side=MIN_SIDE, max_pixels=4_000_000)
    except UnreadableImage:
        is_picture = False
    try:
        open_image(io.BytesIO(stored), min_side=MIN_SIDE, max_pixels=4_000_000)
    except UnreadableImage:
        is_picture = False
    return is_picture


def main(arguments):
    """Run the fuzzer; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, help="how many inputs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--trace", action="store_true", help="print the number of each input before it is read"
    )
    chosen = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    rng, sound, start, n_pictures = random.Random(chosen.seed), seeds(), time.monotonic(), 0
    for number in range(chosen.count):
        stored = sound[number] if number < len(sound) else mutate(rng.choice(sound), rng)
        if chosen.trace:
            print(number, flush=True)
        n_pictures += read_every_way(stored)
    seconds = time.monotonic() - start
    print(
        f"{chosen.count} inputs, {n_pictures} pictures, {chosen.count - n_pictures} refused, "
        f"{seconds:.1f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

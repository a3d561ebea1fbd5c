"""Does a better file ever leave for a worse one? Kinds of (source, derived) pairs, planned.

Each pair is made from sample pictures (skimage.data, own drawings), in both orders of name, age and
size in bytes, and planned as one group. Two figures follow:

- better files that are planned for removal without a flag (should be none);
- truly redundant copies that are removed without a question (should be 95 % or more).

Run: python benchmarks/bench_keepers.py [--pictures FOLDER] [--count 2] [--json keepers.json]

The limits of `review/dominance.py` were set on the sample pictures. A folder of other photographs
shows whether they hold there; those are taken at their own size.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import struct
import tempfile
import warnings
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image, ImageCms, ImageDraw, ImageEnhance, ImageFilter, ImageOps

import imgdup_nb as dup

SIZE = (600, 400)
PHOTOS = ["coffee", "hubble_deep_field", "retina", "rocket", "astronaut"]


class Kind(NamedTuple):
    """One way a file comes from another: the two files, and what may happen to them."""

    name: str
    source: Callable[[Image.Image], tuple[str, bytes]]
    derived: Callable[[Image.Image, bytes], tuple[str, bytes]]
    redundant: bool  # the derived file should leave without a question
    both: bool = False  # neither may leave without a flag
    equal: bool = False  # the two hold the same: either may leave


def photo(name: str) -> Image.Image:
    """Return a sample picture in colour, 600 x 400."""
    import skimage.data

    picture = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
    return ImageOps.fit(picture, SIZE, Image.Resampling.LANCZOS)


def pictures_of(folder: Path | None, count: int) -> list[Callable[[], Image.Image]]:
    """Return readers of `count` pictures, spread over a folder by name; None: sample pictures."""
    if folder is None:
        return [partial(photo, name) for name in PHOTOS]
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".png"})
    return [partial(read_picture, path) for path in files[:: max(1, len(files) // count)][:count]]


def read_picture(path: Path) -> Image.Image:
    """Return a picture as shown, in colour, without its metadata."""
    return rgb(path.read_bytes())


def drawing() -> Image.Image:
    """Return a diagram of few colours."""
    picture = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(picture)
    for k in range(12):
        box = (30 + 45 * k, 340 - 20 * k, 60 + 45 * k, 370)
        draw.rectangle(box, fill=("#1f77b4", "#ff7f0e", "#2ca02c")[k % 3], outline="black")
        draw.text((35 + 45 * k, 378), f"{k}", fill="black")
    draw.line([(20, 20), (580, 380)], fill="red", width=3)
    return picture


# -- files -----------------------------------------------------------------------------------------


def saved(picture: Image.Image, kind: str, **options: Any) -> tuple[str, bytes]:
    """Return an ending and the bytes of a file."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    endings = {"JPEG": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2", "HEIF": ".heic"}
    return endings.get(kind, f".{kind.lower()}"), buffer.getvalue()


def opened(stored: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(stored))
    picture.load()
    return picture


def rgb(stored: bytes) -> Image.Image:
    """Return the upright picture of a file without its metadata."""
    seen = ImageOps.exif_transpose(opened(stored)).convert("RGB")
    return Image.fromarray(np.asarray(seen))


def exif(*, gps: bool = False, orientation: int = 1) -> Image.Exif:
    """Return what a camera writes."""
    found = Image.Exif()
    found[271], found[272], found[274] = "Canon", "EOS R5", orientation
    details = found.get_ifd(0x8769)
    details[36867], details[33434], details[34855] = "2024:05:31 17:20:09", 0.01, 200
    if gps:
        found.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 29.0), 3: "E", 4: (2.0, 17.0, 40.0)})
    return found


def padded(ending: str, stored: bytes, size: int) -> bytes:
    """Make a JPEG or PNG larger by bytes that say nothing; others stay as they are."""
    missing = size - len(stored)
    if missing <= 12:
        return stored
    if ending == ".jpg":
        parts = []
        while missing > 4:
            length = min(65_000, missing - 2)
            parts.append(b"\xff\xef" + struct.pack(">H", length) + bytes(length - 2))
            missing -= length + 2
        return stored[:2] + b"".join(parts) + stored[2:]
    if ending == ".png":
        body = b"paDd" + bytes(missing)
        chunk = struct.pack(">I", missing) + body + struct.pack(">I", zlib.crc32(body))
        return stored[:33] + chunk + stored[33:]
    return stored


# -- kinds -----------------------------------------------------------------------------------------


def jpeg(quality: int, **options: Any) -> Callable[..., tuple[str, bytes]]:
    return lambda picture, *_: saved(picture, "JPEG", quality=quality, **options)


def camera(quality: int = 92, **notes: Any) -> Callable[..., tuple[str, bytes]]:
    return lambda picture, *_: saved(picture, "JPEG", quality=quality, exif=exif(**notes))


def lossless(kind: str, mode: str = "RGB", **options: Any) -> Callable[..., tuple[str, bytes]]:
    return lambda picture, *_: saved(picture.convert(mode), kind, **options)


def made(change: Callable[[Image.Image], Image.Image], kind: str, **options: Any) -> Any:
    """Return a maker of a derived file: open the source, change it, save it."""
    return lambda _picture, stored: saved(change(rgb(stored)), kind, **options)


def scaled(share: float, way: Image.Resampling = Image.Resampling.LANCZOS) -> Any:
    return lambda picture: picture.resize(
        (round(share * picture.width), round(share * picture.height)), way
    )


def as_it_is(picture: Image.Image) -> Image.Image:
    return picture


def noisy(sigma: float) -> Any:
    def change(picture: Image.Image) -> Image.Image:
        noise = np.random.default_rng(0).normal(0, sigma, np.asarray(picture).shape)
        return Image.fromarray(np.uint8((np.asarray(picture) + noise).clip(0, 255)))

    return change


def resaved(quality: int) -> Any:
    """Return a change that leaves a picture as a JPEG of this quality shows it."""
    return lambda picture: rgb(saved(picture, "JPEG", quality=quality)[1])


def retouched(picture: Image.Image) -> Image.Image:
    changed = picture.copy()
    x, y = picture.width // 3, picture.height // 3
    patch = picture.crop((x + 60, y, x + 84, y + 24))
    changed.paste(patch.filter(ImageFilter.GaussianBlur(6)), (x, y))
    ImageDraw.Draw(changed).ellipse((x + 4, y + 4, x + 18, y + 18), fill=(30, 20, 20))
    return changed


def stamped(picture: Image.Image) -> Image.Image:
    changed = picture.copy()
    ImageDraw.Draw(changed).text(
        (picture.width - 170, picture.height - 35), "2024-05-31", fill="orange", font_size=28
    )
    return changed


def sticker(picture: Image.Image) -> Image.Image:
    clear = picture.convert("RGBA")
    mask = Image.new("L", picture.size)
    box = (40, 25, picture.width - 40, picture.height - 25)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    clear.putalpha(mask)
    return clear


def flattened(_picture: Image.Image, stored: bytes) -> tuple[str, bytes]:
    clear = opened(stored).convert("RGBA")
    white = Image.new("RGBA", clear.size, "white")
    return saved(Image.alpha_composite(white, clear).convert("RGB"), "PNG", compress_level=1)


def deep(shift: int) -> Callable[..., tuple[str, bytes]]:
    """Return a grey picture of more than 8 bits, as scanners and microscopes write it."""

    def make(picture: Image.Image, *_: Any) -> tuple[str, bytes]:
        grey = np.asarray(picture.convert("L"), dtype=np.uint16)
        fine = np.random.default_rng(1).integers(0, 2**shift, grey.shape, dtype=np.uint16)
        return saved(Image.fromarray((grey << shift) + fine), "PNG")

    return make


def shallow(_picture: Image.Image, stored: bytes) -> tuple[str, bytes]:
    values = np.asarray(opened(stored)).astype(float)
    return saved(Image.fromarray(np.uint8(values * 255 / values.max())), "PNG")


def widened(_picture: Image.Image, stored: bytes) -> tuple[str, bytes]:
    return saved(Image.fromarray(np.asarray(opened(stored)).astype(np.uint16) * 257), "PNG")


def labels(step: int) -> Callable[..., tuple[str, bytes]]:
    def make(_picture: Image.Image, *_: Any) -> tuple[str, bytes]:
        places = np.kron(np.arange(24).reshape(4, 6), np.ones((100, 100))).astype(np.uint16)
        return saved(Image.fromarray(places * 300 + step), "PNG")

    return make


def frames(kind: str, *order: int) -> Callable[..., tuple[str, bytes]]:
    """Return a file of several frames: the picture turned by quarters."""

    def make(picture: Image.Image, *_: Any) -> tuple[str, bytes]:
        small = scaled(0.5)(picture)
        all_frames = [small, ImageOps.invert(small), ImageOps.mirror(small), ImageOps.flip(small)]
        first, *others = (all_frames[k] for k in order)
        more = {"duration": 200} if kind != "TIFF" else {}
        return saved(first, kind, save_all=True, append_images=others, **more)

    return make


def raw(picture: Image.Image, *_: Any) -> tuple[str, bytes]:
    return ".nef", saved(picture.resize((160, 107)), "TIFF")[1]


def damaged(_picture: Image.Image, stored: bytes) -> tuple[str, bytes]:
    broken, at = bytearray(stored), int(len(stored) * 0.9)
    broken[at : at + 2048] = bytes(2048)
    return ".jpg", bytes(broken)


def turned(_picture: Image.Image, stored: bytes) -> tuple[str, bytes]:
    sideways = rgb(stored).transpose(Image.Transpose.ROTATE_90)
    return saved(sideways, "JPEG", quality=90, exif=exif(orientation=6))


def with_xmp(**notes: str) -> Callable[..., tuple[str, bytes]]:
    words = " ".join(f'{key.replace("_", ":")}="{value}"' for key, value in notes.items())
    packet = f"<x:xmpmeta><rdf:RDF><rdf:Description {words}/></rdf:RDF></x:xmpmeta>".encode()
    return lambda picture, *_: saved(picture, "JPEG", quality=92, xmp=packet)


def with_profile(picture: Image.Image, *_: Any) -> tuple[str, bytes]:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    return saved(picture, "JPEG", quality=92, icc_profile=profile.tobytes())


def by_opencv(quality: int) -> Callable[..., tuple[str, bytes]]:
    def make(_picture: Image.Image, stored: bytes) -> tuple[str, bytes]:
        import cv2

        values = np.asarray(rgb(stored))[:, :, ::-1]
        return ".jpg", cv2.imencode(".jpg", values, [cv2.IMWRITE_JPEG_QUALITY, quality])[
            1
        ].tobytes()

    return make


def sharper(picture: Image.Image) -> Image.Image:
    return picture.filter(ImageFilter.UnsharpMask(1, 40))


def sepia(picture: Image.Image) -> Image.Image:
    return ImageOps.colorize(picture.convert("L"), "#2b1b0e", "#fff0d0")


def straightened(picture: Image.Image) -> Image.Image:
    inner = (20, 20, picture.width - 20, picture.height - 20)
    return picture.rotate(2, Image.Resampling.BICUBIC).crop(inner)


def cut(share: float) -> Any:
    return lambda picture: picture.crop((
        int(picture.width * share), int(picture.height * share),
        int(picture.width * (1 - share)), int(picture.height * (1 - share)),
    ))  # fmt: skip


REDUNDANT = [
    Kind("copy of the bytes", camera(), lambda _p, s: (".jpg", s), True, equal=True),
    *(Kind(f"JPEG {q} of a JPEG 92", jpeg(92), made(as_it_is, "JPEG", quality=q), True)
      for q in (88, 80, 60, 40, 20, 10)),
    Kind("JPEG 85 of a camera's JPEG, with its notes", camera(95, gps=True),
         made(as_it_is, "JPEG", quality=85, exif=exif(gps=True)), True),
    Kind("JPEG 80, progressive", jpeg(92), made(as_it_is, "JPEG", quality=80, progressive=True),
         True),
    Kind("JPEG 75 by OpenCV", jpeg(92), by_opencv(75), True),
    Kind("JPEG 85 without subsampling", jpeg(95), made(as_it_is, "JPEG", quality=85, subsampling=0),
         True),
    Kind("JPEG 95 saved again at 95", jpeg(95), made(as_it_is, "JPEG", quality=95), True,
         equal=True),
    Kind("JPEG 90 of a PNG", lossless("PNG"), made(as_it_is, "JPEG", quality=90), True),
    Kind("JPEG 60 of a PNG", lossless("PNG"), made(as_it_is, "JPEG", quality=60), True),
    Kind("JPEG 85 of a TIFF", lossless("TIFF"), made(as_it_is, "JPEG", quality=85), True),
    Kind("JPEG 40 in a JPEG 97", jpeg(85), made(resaved(40), "JPEG", quality=97), True),
    Kind("JPEG 40 in a PNG", jpeg(85), made(resaved(40), "PNG"), True),
    Kind("half size, JPEG 90", camera(), made(scaled(0.5), "JPEG", quality=90), True),
    Kind("half size with the notes", camera(gps=True),
         made(scaled(0.5), "JPEG", quality=90, exif=exif(gps=True)), True),
    Kind("half size, PNG", lossless("PNG"), made(scaled(0.5), "PNG"), True),
    Kind("70 %, bicubic, JPEG 85", jpeg(92),
         made(scaled(0.7, Image.Resampling.BICUBIC), "JPEG", quality=85), True),
    Kind("a third, box filter", jpeg(92),
         made(scaled(1 / 3, Image.Resampling.BOX), "JPEG", quality=85), True),
    Kind("a quarter, bilinear", jpeg(92),
         made(scaled(1 / 4, Image.Resampling.BILINEAR), "JPEG", quality=80), True),
    Kind("a quarter, sharpened", jpeg(92),
         made(lambda p: sharper(scaled(1 / 4)(p)), "JPEG", quality=85), True),
    Kind("thumbnail of 160 pixels", jpeg(92),
         made(lambda p: scaled(160 / p.width)(p), "JPEG", quality=75), True),
    Kind("small and JPEG 50, as messengers send", camera(),
         made(scaled(0.6), "JPEG", quality=50), True),
    Kind("WebP 75 of a JPEG", jpeg(92), made(as_it_is, "WEBP", quality=75), True),
    Kind("WebP 90 of a PNG", lossless("PNG"), made(as_it_is, "WEBP", quality=90), True),
    Kind("half size, WebP", jpeg(92), made(scaled(0.5), "WEBP", quality=80), True),
    Kind("AVIF 60 of a JPEG", jpeg(92), made(as_it_is, "AVIF", quality=60), True),
    Kind("HEIC 50 of a JPEG", jpeg(95), made(as_it_is, "HEIF", quality=50), True),
    Kind("PNG saved from a JPEG", camera(), made(as_it_is, "PNG"), True),
    Kind("TIFF saved from a JPEG", jpeg(92), made(as_it_is, "TIFF"), True),
    Kind("BMP saved from a JPEG", jpeg(92), made(as_it_is, "BMP"), True),
    Kind("PNG saved from a WebP", lambda p, *_: saved(p, "WEBP", quality=80), made(as_it_is, "PNG"),
         True),
    Kind("PNG saved from a TIFF", lossless("TIFF"), made(as_it_is, "PNG"), True, equal=True),
    Kind("JPEG 95 exported from a HEIC", lambda p, *_: saved(p, "HEIF", quality=70),
         made(as_it_is, "JPEG", quality=95), True),
    Kind("256 colours of a JPEG, GIF", jpeg(92), made(lambda p: p.quantize(256), "GIF"), True),
    Kind("PNG with an opaque channel", lossless("PNG"), made(lambda p: p.convert("RGBA"), "PNG"),
         True, equal=True),
    Kind("8 bits widened to 16", lossless("PNG", "L"), widened, True, equal=True),
    Kind("stored sideways, shown upright", camera(95), turned, True),
    Kind("JPEG of a drawing", lambda *_: saved(drawing(), "PNG"),
         made(as_it_is, "JPEG", quality=85), True),
    Kind("still of an animation", frames("GIF", 0, 1, 2), made(as_it_is, "PNG"), True),
    Kind("picture without its notes", camera(gps=True), made(as_it_is, "JPEG", quality=92), True),
]  # fmt: skip

BETTER = [
    Kind("noise added, PNG", jpeg(90), made(noisy(8), "PNG"), False),
    Kind("little noise added, JPEG 99", jpeg(90), made(noisy(4), "JPEG", quality=99), False),
    Kind("blurred, PNG", jpeg(90), made(lambda p: p.filter(ImageFilter.GaussianBlur(1.5)), "PNG"),
         False),
    Kind("sharpened, PNG", jpeg(90),
         made(lambda p: p.filter(ImageFilter.UnsharpMask(2, 200)), "PNG"), False),
    Kind("enlarged by half, JPEG", jpeg(90), made(scaled(1.5), "JPEG", quality=90), False),
    Kind("enlarged to the double, PNG", jpeg(90), made(scaled(2, Image.Resampling.BICUBIC), "PNG"),
         False),
    Kind("made small, then large again", jpeg(90), made(lambda p: scaled(2)(scaled(0.5)(p)), "PNG"),
         False),
    Kind("grey, PNG", jpeg(90), made(ImageOps.grayscale, "PNG"), False),
    Kind("256 colours of a camera's JPEG, PNG", camera(), made(lambda p: p.quantize(256), "PNG"),
         False),
    Kind("PNG of a JPEG with GPS", camera(gps=True), made(as_it_is, "PNG"), False),
    Kind("enlarged, without GPS", camera(gps=True), made(scaled(1.3), "JPEG", quality=95), False),
    Kind("JPEG 98 of a camera's JPEG", camera(), made(as_it_is, "JPEG", quality=98), False),
    Kind("JPEG 99 of a JPEG 80", jpeg(80), made(as_it_is, "JPEG", quality=99), False),
    Kind("JPEG 30 in a JPEG 99", jpeg(80), made(resaved(30), "JPEG", quality=99), False),
    Kind("JPEG 50 in a PNG", jpeg(90), made(resaved(50), "PNG"), False),
    Kind("JPEG 60 in a TIFF", camera(), made(resaved(60), "TIFF"), False),
    Kind("JPEG 98 of a WebP 80", lambda p, *_: saved(p, "WEBP", quality=80),
         made(as_it_is, "JPEG", quality=98), False),
    Kind("JPEG 95 of a HEIC with notes",
         lambda p, *_: saved(p, "HEIF", quality=70, exif=exif(gps=True).tobytes()),
         made(as_it_is, "JPEG", quality=95), False),
    Kind("transparent PNG, flattened", lambda p, *_: saved(sticker(p), "PNG"), flattened, False),
    Kind("transparent WebP, flattened", lambda p, *_: saved(sticker(p), "WEBP", quality=90),
         flattened, False),
    Kind("still of an animated WebP", frames("WEBP", 0, 1, 2), made(as_it_is, "PNG"), False),
    Kind("first page of a TIFF", frames("TIFF", 0, 1, 2), made(as_it_is, "PNG"), False),
    Kind("first page of a TIFF, enlarged", frames("TIFF", 0, 1), made(scaled(2), "PNG"), False),
    Kind("RAW and a developed JPEG", raw, camera(95), False),
    Kind("16 bits made 8", deep(8), shallow, False),
    Kind("12 bits made 8", deep(4), shallow, False),
    Kind("a damaged copy", jpeg(90), damaged, False),
    Kind("a profile left out", with_profile, made(as_it_is, "PNG"), False),
    Kind("a rating left out", with_xmp(xmp_Rating="5"), made(as_it_is, "PNG"), False),
    Kind("a gain map's notes left out", with_xmp(hdrgm_Version="1.0"),
         made(as_it_is, "JPEG", quality=96), False),
    Kind("a moving picture's notes left out", with_xmp(GCamera_MotionPhoto="1"),
         made(as_it_is, "PNG"), False),
    Kind("JPEG 95 of a drawing", lambda *_: saved(drawing(), "PNG"),
         made(as_it_is, "JPEG", quality=95), False),
    Kind("a drawing, enlarged", lambda *_: saved(drawing(), "PNG"),
         made(scaled(2), "JPEG", quality=95), False),
    Kind("JPEG 98 of a PNG", lossless("PNG"), made(as_it_is, "JPEG", quality=98), False),
    Kind("smoothed by hand, larger", camera(),
         made(lambda p: scaled(1.2)(p.filter(ImageFilter.SMOOTH_MORE)), "JPEG", quality=97), False),
]  # fmt: skip

BOTH = [
    Kind("other frames", frames("GIF", 0, 1, 2), frames("GIF", 0, 2, 3), False, True),
    Kind("other pages", frames("TIFF", 0, 1, 2), frames("TIFF", 0, 3), False, True),
    Kind("masks with other numbers", labels(1), labels(2), False, True),
    Kind("brighter", camera(),
         made(lambda p: ImageEnhance.Brightness(p).enhance(1.25), "JPEG", quality=92), False, True),
    Kind("a little brighter", camera(),
         made(lambda p: ImageEnhance.Brightness(p).enhance(1.06), "JPEG", quality=92), False, True),
    Kind("more colour", camera(),
         made(lambda p: ImageEnhance.Color(p).enhance(1.5), "JPEG", quality=92), False, True),
    Kind("more contrast", camera(),
         made(lambda p: ImageEnhance.Contrast(p).enhance(1.3), "JPEG", quality=92), False, True),
    Kind("sepia", camera(), made(sepia, "JPEG", quality=92), False, True),
    Kind("retouched", camera(), made(retouched, "JPEG", quality=92), False, True),
    Kind("with a date in the corner", camera(), made(stamped, "JPEG", quality=92), False, True),
    Kind("straightened", camera(), made(straightened, "JPEG", quality=92), False, True),
    Kind("cropped to 80 %", camera(), made(cut(0.1), "JPEG", quality=92), False, True),
    Kind("cropped to 96 %", camera(), made(cut(0.02), "JPEG", quality=92), False, True),
    Kind("mirrored", camera(), made(ImageOps.mirror, "JPEG", quality=92), False, True),
    Kind("small, with GPS", jpeg(92), made(scaled(0.5), "JPEG", quality=90, exif=exif(gps=True)),
         False, True),
    Kind("small, with the transparency", lossless("PNG"),
         lambda p, _s: saved(scaled(0.5)(sticker(p)), "PNG"), False, True),
]  # fmt: skip


# -- plans -----------------------------------------------------------------------------------------


def plan_pair(
    kind: Kind, picture: Image.Image, source_first: bool, source_older: bool, source_larger: bool
) -> dict[str, tuple[str, str]]:
    """Write the two files and return action and flag of each: "source" and "derived"."""
    first = kind.source(picture)
    second = kind.derived(picture, first[1])
    larger = max(len(first[1]), len(second[1])) + 4000
    if kind.name != "copy of the bytes":
        first, second = (
            (first[0], padded(*first, larger) if source_larger else first[1]),
            (second[0], second[1] if source_larger else padded(*second, larger)),
        )
    names = ("a", "b") if source_first else ("b", "a")
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for role, name, (ending, stored), older in zip(
            ("source", "derived"),
            names,
            (first, second),
            (source_older, not source_older),
            strict=True,
        ):
            path = Path(folder, f"{name}{ending}")
            path.write_bytes(stored)
            os.utime(path, (1e9, 1e9) if older else (1.1e9, 1.1e9))
            files[path.name] = role
        images = dup.scan_images(folder)
        groups = pd.DataFrame({"group": 1, "image": images.image})
        plan = dup.choose_keepers(groups, images)
        return {files[row.image]: (row.action, row.flag) for row in plan.itertuples()}


def judge(kind: Kind, rows: dict[str, tuple[str, str]]) -> dict[str, int]:
    """Count better files, those that leave without a flag, and redundant ones that leave."""
    gone = {role for role, (action, flag) in rows.items() if action == "remove" and not flag}
    better = {"source", "derived"} if kind.both else {"source"}
    if kind.equal:
        better = set()
    redundant_gone = len(gone) == 1 if kind.equal else "derived" in gone
    return {
        "better": len(better),
        "lost": len(better & gone),
        "redundant": int(kind.redundant),
        "removed": int(kind.redundant and redundant_gone),
    }


def main() -> None:
    """Print the table of kinds and the two figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="a folder of photographs; else samples")
    parser.add_argument("--count", type=int, default=1, help="pictures for each kind")
    parser.add_argument("--orders", type=int, default=8, help="2: a pair and its opposite only")
    parser.add_argument("--kinds", default="", help="only kinds whose names contain this")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ.setdefault("TQDM_DISABLE", "1")
    readers = pictures_of(asked.pictures, asked.count)
    every_order = list(itertools.product([True, False], repeat=3))
    orders = [every_order[0], every_order[-1]] if asked.orders == 2 else every_order
    rows = []
    for number, kind in enumerate([*REDUNDANT, *BETTER, *BOTH]):
        if asked.kinds not in kind.name:
            continue
        counts = dict.fromkeys(("better", "lost", "redundant", "removed"), 0)
        for k in range(asked.count):
            picture = readers[(number + k) % len(readers)]()
            for order in orders:
                result = judge(kind, plan_pair(kind, picture, *order))
                counts = {name: counts[name] + result[name] for name in counts}
        rows.append({"kind": kind.name} | counts)
        print(f"{kind.name:45} " + "  ".join(f"{n} {v}" for n, v in counts.items()), flush=True)
    table = pd.DataFrame(rows)
    lost, better = table.lost.sum(), table.better.sum()
    removed, redundant = table.removed.sum(), table.redundant.sum()
    figures = {
        "kinds": len(table),
        "better files removed without a flag": f"{lost} of {better}",
        "redundant copies removed without a question": f"{removed} of {redundant}"
        + (f" ({removed / redundant:.1%})" if redundant else ""),
    }
    print(json.dumps(figures, indent=1))
    if asked.json:
        asked.json.write_text(json.dumps({"figures": figures, "kinds": rows}, indent=1))


if __name__ == "__main__":
    main()

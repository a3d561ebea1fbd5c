"""Pictures and changes that the tests of method 'aligned' share."""

import functools

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from imgdup_nb import (
    fingerprint_images,
    scan_images,
    similar_pairs,
)
from imgdup_nb.aligned.registration import align
from imgdup_nb.demo import PHOTOS, _open_original
from imgdup_nb.engine.features import (
    aligned_features,
    working_size,
)


@functools.cache
def photo(name):
    """Return one of the photographs that scikit-image ships, RGB."""
    return _open_original(PHOTOS[name]).convert("RGB")


def crop(image, share, left=0.5, top=0.5):
    width, height = round(image.width * share), round(image.height * share)
    x, y = round((image.width - width) * left), round((image.height - height) * top)
    return image.crop((x, y, x + width, y + height))


def captioned(image):
    changed = image.copy()
    ImageDraw.Draw(changed).rectangle((0, round(0.72 * image.height), *image.size), fill="black")
    return changed


def keystone(picture, share):
    """Narrow the foot of a picture, as in a photograph of a screen from above."""
    width, height = picture.size
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    seen = [(0, 0), (width, 0), ((1 - share) * width, height), (share * width, height)]
    rows, values = [], []
    for (sx, sy), (x, y) in zip(corners, seen, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -sx * x, -sx * y], [0, 0, 0, x, y, 1, -sy * x, -sy * y]]
        values += [sx, sy]
    back = np.linalg.solve(np.array(rows), np.array(values)).tolist()
    return picture.transform(
        picture.size, Image.Transform.PERSPECTIVE, back, Image.Resampling.BICUBIC
    )


def side_by_side(image, other):
    canvas = Image.new("RGB", (image.width + other.width, max(image.height, other.height)), "white")
    canvas.paste(image, (0, 0))
    canvas.paste(other, (image.width, 0))
    return canvas


def page(seed, size=14):
    """Return a page of random words, its lines where every other page has them."""
    random = np.random.default_rng(seed)
    sheet = Image.new("L", (600, 800), 255)
    font, draw = ImageFont.load_default(size), ImageDraw.Draw(sheet)
    for y in range(40, 760, 22):
        words = [
            "".join(chr(97 + k) for k in random.integers(0, 26, random.integers(2, 9)))
            for _ in range(11)
        ]
        draw.text((40, y), " ".join(words), fill=0, font=font)
    return sheet.convert("RGB")


def noise(seed, width=320, height=240):
    return Image.fromarray(
        np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    )


def stripes(period):
    y, x = np.mgrid[:240, :320]
    return Image.fromarray((((x // period + y // period) % 2) * 255).astype(np.uint8)).convert(
        "RGB"
    )


def shaken(image, pixels):
    """Return a second photograph of a scene: near things are shifted by some aligned pixels."""
    wide, high = working_size(*image.size)
    y, x = np.mgrid[:high, :wide].astype(np.float32)
    moved = (
        x + pixels * np.sin(x / 23 + y / 31).astype(np.float32),
        y + pixels * np.cos(x / 29 - y / 19).astype(np.float32),
    )
    return Image.fromarray(
        cv2.remap(
            np.asarray(image.resize((wide, high))),
            *moved,
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT,
        )
    )


def align_pictures(left, right):
    return align(aligned_features(left), aligned_features(right))


def table_of(folder, pictures, method="aligned", **options):
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.png")
    return similar_pairs(fingerprint_images(scan_images(folder), method), **options)


def ramp():
    """Return a picture that goes evenly from black to white."""
    grey = np.tile(np.arange(256, dtype=np.uint8), (200, 1))
    return Image.fromarray(grey).convert("RGB")

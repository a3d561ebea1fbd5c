"""A small teaching collection: real pictures, known variations of each, and the truth about both.

Its recipe is in the tables: `PHOTOS` says which photographs, `VARIATIONS` what is done to them,
`SINGLES`, `TRAYS`, `BLANKS` and `BROKEN` what else is there. The pictures come from the folders of
installed packages (scikit-image, scikit-learn, matplotlib) and nothing is downloaded. This package
contains none of them. It writes copies to the folder that you name. The licences of the pictures
apply to the copies, too: temple and flower, for example, are CC BY (see the packages).
"""

from __future__ import annotations

import importlib.util
import io
import os
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFilter

from .engine.checks import check_path
from .engine.decode import open_lazily
from .engine.variations import SIDEWAYS, VARIATIONS, Variation, _encode

LONG_SIDE = 512  # pixels: enough for every method, and the whole collection is made in seconds

PHOTOS = {  # group: where its picture lies, from the package on
    "cat": "skimage/data/chelsea.png",
    "astronaut": "skimage/data/astronaut.png",
    "coffee": "skimage/data/coffee.png",
    "flower": "sklearn/datasets/images/flower.jpg",
    "galaxies": "skimage/data/hubble_deep_field.jpg",
    "portrait": "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
    "retina": "skimage/data/retina.jpg",
    "rocket": "skimage/data/rocket.jpg",
    "temple": "sklearn/datasets/images/china.jpg",
}

# duplicates of nothing; the stereo pair, the pages and the textures look alike all the same
SINGLES = {
    "album/camera.jpg": "skimage/data/camera.png",
    "album/coins.jpg": "skimage/data/coins.png",
    "album/moon.jpg": "skimage/data/moon.png",
    "album/motorcycle-left.jpg": "skimage/data/motorcycle_left.png",
    "album/motorcycle-right.jpg": "skimage/data/motorcycle_right.png",
    "scans/page.png": "skimage/data/page.png",
    "scans/text.png": "skimage/data/text.png",
    "textures/brick.jpg": "skimage/data/brick.png",
    "textures/grass.jpg": "skimage/data/grass.png",
    "textures/gravel.jpg": "skimage/data/gravel.png",
}

# The coins of skimage's photograph, centre and diameter in pixels, are laid out in another order:
# place i gets coin (step * i + first) % 24. To a hash the trays look alike, but they differ.
COINS_PHOTO = "skimage/data/coins.png"
COINS = [
    *[(44, 54, 42), (100, 56, 37), (155, 51, 46), (215, 51, 45), (276, 52, 39), (335, 44, 58)],
    *[
        (45, 124, 41),
        (102, 126, 38),
        (154, 127, 37),
        (205, 124, 39),
        (271, 119, 49),
        (336, 125, 39),
    ],
    *[
        (44, 197, 38),
        (102, 196, 43),
        (154, 198, 38),
        (212, 193, 47),
        (274, 194, 44),
        (347, 187, 63),
    ],
    *[
        (46, 260, 56),
        (114, 266, 42),
        (172, 261, 55),
        (244, 263, 47),
        (301, 263, 50),
        (358, 268, 43),
    ],
]
TRAYS = {"album/coins-tray-2.jpg": (11, 3), "album/coins-tray-3.jpg": (7, 20)}  # step, first

BLANKS = {"scans/blank-page.png": 255, "album/lens-cap.png": 0}  # one grey level all over

BROKEN: dict[str, Callable[[], bytes]] = {  # as old disks hold them
    "broken/empty.jpg": bytes,
    "broken/not-a-picture.jpg": lambda: b"These are words, whatever the name says.\n",
    "broken/half-jpeg.jpg": lambda: _first_half(_original(PHOTOS["cat"])),
    "broken/half-png.png": lambda: _first_half(_original(PHOTOS["cat"], ".png")),
}

# legal on every system, and a trap for code that makes HTML, URLs or command lines of names
AWKWARD_NAMES = {
    "copies/cat.jpg": "copies/Anna's Kätzchen & co.jpg",
    "web/coffee-jpeg-40.jpg": "web/Café crème, 100 % (Kopie).jpg",
}
SIDEWAYS[0x0112] = 6  # the Orientation tag: "turn me a quarter clockwise and I stand upright"


class DemoFile(NamedTuple):
    """One file of the collection: a row of the truth table, and how its bytes are made."""

    image: str
    group: str
    variation: str
    make: Callable[[], bytes]


def make_demo_collection(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """Write real pictures with known duplicates to a folder, and return the truth about them.

    Nine photographs, at most 512 pixels on the long side, each with a byte-for-byte copy. The cat
    has every variation of `VARIATIONS`, the others have every second one. Other files must not be
    grouped: unrelated pictures, two views of one motorcycle, three trays of coins, two pages of
    text, three textures, two blank pictures and four broken files.

    Parameters
    ----------
    folder
        a new or empty folder, or a collection made here before, which is used again. Files that
        were deleted are written again, and no file is ever overwritten. Hidden files and folders
        (".something") are left alone.

    Returns
    -------
    pandas.DataFrame
        the truth, one row per file, photograph by photograph:

        - image: name in the folder, with `/` separators
        - group: the source picture; two files are duplicates exactly when their groups are equal
        - variation: "original", "exact copy", a name in `VARIATIONS`, "other view" or
          "look-alike" (not copies), "blank" or "broken"

    Raises
    ------
    FileExistsError
        if the folder holds a file that is not one of the collection's; nothing is written.
    NotADirectoryError
        if it is not a folder but a file.
    ImportError, FileNotFoundError
        if a package with the pictures is missing, or is installed without them.

    Notes
    -----
    186 files, 13 MB, about 3 seconds; when it is complete already, milliseconds. The same versions
    of Pillow and of the packages make the same bytes.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = dup.make_demo_collection(folder)
    >>> truth.head(3)
                               image group   variation
    0                 album/cat.jpg   cat    original
    1  copies/Anna's Kätzchen & co.jpg   cat  exact copy
    2             copies/cat-png.png   cat         png
    >>> len(truth), truth["group"].nunique()
    (186, 27)
    """
    root = Path(check_path("folder", folder, "demo"))
    files = {file.image: file for file in _demo_files()}
    present = _present_files(root, allowed=files)
    if len(present) < len(files):
        # in memory first: whatever fails, fails before anything is written
        contents = {image: file.make() for image, file in files.items()}
        _write_missing(root, contents, present)
    return pd.DataFrame(
        [file[:3] for file in files.values()], columns=["image", "group", "variation"], dtype=object
    )


def _demo_files() -> Iterator[DemoFile]:
    yield from _photo_files()
    for image, source in SINGLES.items():
        variation = "other view" if image == "album/motorcycle-right.jpg" else "original"
        yield _loner(image, variation, partial(_original, source, PurePosixPath(image).suffix))
    for image, (step, first) in TRAYS.items():
        yield _loner(image, "look-alike", partial(_lay_out_coins, step, first))
    for image, level in BLANKS.items():
        yield _loner(image, "blank", partial(_encode, Image.new("L", (480, 360), level), ".png"))
    for image, make in BROKEN.items():
        yield _loner(image, "broken", make)


def _photo_files() -> Iterator[DemoFile]:
    for row, (group, source) in enumerate(PHOTOS.items()):
        make_original = partial(_original, source)
        yield DemoFile(f"album/{group}.jpg", group, "original", make_original)
        yield DemoFile(_name("copies", group, ".jpg"), group, "exact copy", make_original)
        for column, (name, variation) in enumerate(VARIATIONS.items()):
            if row == 0 or (row + column) % 2 == 0:  # a chessboard below a full first row
                stem = f"{group}-{name.removesuffix(' %').replace(' ', '-')}"
                image = _name(variation.folder, stem, variation.suffix)
                yield DemoFile(image, group, name, partial(_vary, source, variation))


def _loner(image: str, variation: str, make: Callable[[], bytes]) -> DemoFile:
    return DemoFile(image, PurePosixPath(image).stem, variation, make)


def _name(folder: str, stem: str, suffix: str) -> str:
    name = f"{folder}/{stem}{suffix}"
    return AWKWARD_NAMES.get(name, name)


def _original(source: str, suffix: str = ".jpg") -> bytes:
    """Return a source picture, made small, as the bytes of a file."""
    with open_lazily(_source_path(source)) as image:
        image.thumbnail((LONG_SIDE, LONG_SIDE))
        pixels = np.asarray(image)  # and nothing else: no EXIF, no colour profile
    return _encode(Image.fromarray(pixels), suffix)


def _lay_out_coins(step: int, first: int) -> bytes:
    """Return a picture of the same coins on the same tray, in another order."""
    with open_lazily(_source_path(COINS_PHOTO)) as photo:
        photo.load()
        tray = photo.reduce(8).filter(ImageFilter.MinFilter(9)).resize(photo.size)  # no coin left
        for place, (x, y, _) in enumerate(COINS):
            centre_x, centre_y, diameter = COINS[(step * place + first) % len(COINS)]
            radius = diameter // 2 + 1
            corners = (centre_x - radius, centre_y - radius, centre_x + radius, centre_y + radius)
            coin = photo.crop(corners)
            outline = Image.new("L", coin.size, 0)
            ImageDraw.Draw(outline).ellipse((1, 1, coin.width - 2, coin.height - 2), fill=255)
            soft = outline.filter(ImageFilter.GaussianBlur(1))
            tray.paste(coin, (x - radius, y - radius), soft)
    return _encode(tray, ".jpg")


def _vary(source: str, variation: Variation) -> bytes:
    return _encode(variation.change(_open_original(source)), variation.suffix, **variation.options)


@lru_cache(maxsize=1)  # the variations of one photograph follow each other
def _open_original(source: str) -> Image.Image:
    image = Image.open(io.BytesIO(_original(source)))
    image.load()
    return image


def _first_half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _source_path(source: str) -> Path:
    """Find a picture in the folder of its package, without importing it: that takes seconds."""
    package, _, inside = source.partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            f"the demo pictures come with {package}, which is not installed: pip install "
            '"imgdup-nb[demo]"',
            name=package,
        )
    path = Path(spec.submodule_search_locations[0], inside)
    if not path.is_file():
        raise FileNotFoundError(
            f"the demo picture {source} is in the wheels on PyPI, yet not in the {package} "
            "installed here: "
            'pip install --force-reinstall "imgdup-nb[demo]"'
        )
    return path


def _present_files(root: Path, allowed: Collection[str]) -> set[str]:
    """Return the names of the files below `root`, or raise at the first one that is not allowed."""
    if root.exists() and not root.is_dir():
        raise NotADirectoryError(
            f"folder must name a folder, new or old, and {str(root)!r} is a file"
        )
    present = set()
    for parent, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in (name for name in names if not name.startswith(".")):
            image = Path(parent, name).relative_to(root).as_posix()
            if image not in allowed:
                raise _foreign(root, image)
            present.add(image)
    return present


def _write_missing(root: Path, contents: dict[str, bytes], present: set[str]) -> None:
    for image in present:
        if (root / image).read_bytes() != contents[image]:
            raise _foreign(root, image)
    for image in contents.keys() - present:
        (root / image).parent.mkdir(parents=True, exist_ok=True)
        (root / image).write_bytes(contents[image])


def _foreign(root: Path, image: str) -> FileExistsError:
    return FileExistsError(
        f"folder must be new, empty or an earlier demo collection, and {str(root)!r} holds another "
        ""
        ""
        f"file, {image!r}; "
        "nothing was written: name another folder, or move that file away"
    )

"""One picture -> its local features: patches that look the same after a crop, rotation or resizing.

Only this module uses OpenCV's feature detectors. The features of a picture are small, 44 to 71 kB:
descriptors, which find other pictures, and a small grey picture and its colours, to check them.

All pictures have their features taken at about one size. A part of a picture, as in a collage, is
small there. So a picture of more than twice that size has more features taken at twice the size,
spread evenly: its zoomed features.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np
from PIL import Image

from .decode import as_seen, open_lazily, readable

WORKING_AREA = 320 * 240  # pixels of a picture when features are taken; a panorama keeps its height
MAX_WORKING_SIDE = 1280  # pixels; the longest side then
# the kept grey picture is so many times smaller, so that a shift of a pixel does no harm
SHRINK = 2
PIXELS_A_COLOUR = 4  # of the grey picture, along each side
N_ORB, LEVEL_FACTOR = 300, 1.2  # features; how much smaller each level of the pyramid is
ZOOM = 2  # how many times longer a large picture is when it is zoomed
N_ZOOMED, N_ZOOMED_CORNERS = 600, 3000  # zoomed features, and the corners they are chosen from
# grey levels by which a corner differs from its surroundings
MIN_CONTRAST, MIN_ZOOMED_CONTRAST = 5, 10
N_ZOOMED_LEVELS, ZOOMED_LEVEL_FACTOR = 2, 1.4  # few coarse levels: the whole picture has fine ones
N_SPREAD_CELLS = 12  # along the longer side; each cell gives one feature before any gives a second
MIN_SIDE = 16  # pixels; thinner strips have no features
AKAZE_SIDE = 640  # pixels of the longer side, never enlarged: AKAZE scores depend on the size
FRAME_SIDE = 16  # pixels a side of a whole picture made very small
# raise it whenever features, votes or scores change, so that an index computes them again
RECIPE = 17
# the first bytes of kept features; the last character is the version of the form
MAGIC = b"imgdupF3"
# magic; width, height; grey width, height; width and height of the colours; numbers of features,
# words, mirrored and zoomed features
HEADER = struct.Struct("<8s10I")


@dataclass(frozen=True, eq=False)
class Features:
    """The local features of one image.

    Attributes
    ----------
    size
        (width, height) in pixels of the picture when its features are taken.
    grey
        uint8, about height / 2 x width / 2: the blocks are compared on it.
    colours : uint8, about height / 8 x width / 8 x 2
        Cr and Cb as in JPEG, 128 for grey.
    points : float32, n_features x 2
        x and y in pixels of `size`.
    angles : float32, n_features
        direction of each patch in degrees.
    bits : uint64, n_features x n_words
        the descriptors.
    mirrored : uint64, n_features x n_words
        the descriptors of the same patches in the mirror image; no rows if a method has none.
    zoomed
        of a large picture, the features at twice the size: the same `size` and `grey`, other
        features, none mirrored.
    """

    size: tuple[int, int]
    grey: np.ndarray
    colours: np.ndarray
    points: np.ndarray
    angles: np.ndarray
    bits: np.ndarray
    mirrored: np.ndarray
    zoomed: Features | None = None

    @cached_property
    def key(self) -> bytes:
        """A digest of all features: an order of images that does not depend on their names."""
        zoomed_view = self.zoomed.bits.tobytes() if self.zoomed is not None else b""
        # colours decide the order of pictures that are equal in grey
        seen = (self.grey.tobytes() + self.bits.tobytes() + zoomed_view, self.colours.tobytes())
        return b"".join(hashlib.blake2b(part, digest_size=16).digest() for part in seen)

    @cached_property
    def frame(self) -> np.ndarray:
        """The whole picture made very small, float64, as by `frame_of`."""
        return frame_of(self.grey, FRAME_SIDE)

    def to_bytes(self) -> bytes:
        """Return the features as bytes, the same on every machine.

        About 44 kB for 'aligned', and 71 kB of a picture of more than 640 x 480 pixels.

        Notes
        -----
        A header, then the arrays one after the other, little-endian: grey, colours, points, angles,
        bits, mirrored; points, angles and bits of the zoomed features.

        Examples
        --------
        >>> flat = aligned_features(Image.new("RGB", (40, 30), "white"))
        >>> Features.from_bytes(flat.to_bytes()).size == flat.size
        True
        """
        words, in_mirror = self.bits.shape[1], len(self.mirrored)
        zoomed = self.zoomed or self.without_features()
        sizes = (*self.size, *self.grey.shape[::-1], *self.colours.shape[1::-1])
        header = HEADER.pack(MAGIC, *sizes, len(self), words, in_mirror, len(zoomed))
        arrays = [self.grey, self.colours, self.points, self.angles, self.bits, self.mirrored]
        arrays += [zoomed.points, zoomed.angles, zoomed.bits]
        return header + b"".join(_little_endian(array).tobytes() for array in arrays)

    @classmethod
    def from_bytes(cls, kept: bytes) -> Features:
        """Return the features that `to_bytes` wrote.

        Raises
        ------
        ValueError
            if these are not such bytes, or not all of them, or of another version.
        """
        if len(kept) < HEADER.size or not kept.startswith(MAGIC):
            raise ValueError(
                "kept features are damaged or of another version; make them again from the picture"
            )
        _, width, height, grey_width, grey_height, wide, high, n, words, in_mirror, zoomed = (
            HEADER.unpack_from(kept)
        )
        shapes = {
            "grey": (np.uint8, (grey_height, grey_width)),
            "colours": (np.uint8, (high, wide, 2)),
            "points": (np.float32, (n, 2)),
            "angles": (np.float32, (n,)),
            "bits": (np.uint64, (n, words)),
            "mirrored": (np.uint64, (in_mirror, words)),
            "zoomed_points": (np.float32, (zoomed, 2)),
            "zoomed_angles": (np.float32, (zoomed,)),
            "zoomed_bits": (np.uint64, (zoomed, words)),
        }
        sizes = [math.prod(shape) * np.dtype(kind).itemsize for kind, shape in shapes.values()]
        if HEADER.size + sum(sizes) != len(kept):
            raise ValueError(
                f"kept features are damaged: {len(kept):,} bytes do not fit their header, which "
                "asks for "
                f"{HEADER.size + sum(sizes):,}; make them again from the picture"
            )
        arrays: dict[str, np.ndarray] = {}
        place = HEADER.size
        for (name, (kind, shape)), size in zip(shapes.items(), sizes, strict=True):
            stored = np.frombuffer(kept, np.dtype(kind).newbyteorder("<"), math.prod(shape), place)
            arrays[name] = stored.astype(kind).reshape(shape)
            place += size
        view = [arrays.pop(f"zoomed_{name}") for name in ("points", "angles", "bits")]
        features = cls(size=(width, height), zoomed=None, **arrays)
        return features.with_zoomed(*view) if zoomed else features

    def with_zoomed(self, points: np.ndarray, angles: np.ndarray, bits: np.ndarray) -> Features:
        """Return the same features with zoomed ones."""
        return replace(
            self,
            zoomed=Features(self.size, self.grey, self.colours, points, angles, bits, bits[:0]),
        )

    def without_features(self) -> Features:
        """Return the same picture without features."""
        return replace(
            self,
            points=self.points[:0],
            angles=self.angles[:0],
            bits=self.bits[:0],
            mirrored=self.bits[:0],
            zoomed=None,
        )

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        return f"<Features: {len(self)} points in {self.size[0]} x {self.size[1]} pixels>"


def _little_endian(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def frame_of(grey: np.ndarray, side: int) -> np.ndarray:
    """Return a picture made very small, float64, side**2 numbers row after row, mean 0, length 1.

    The product of two is their correlation. A picture of one brightness gives zeros.
    """
    cv2 = import_cv2()
    small = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA).ravel().astype(np.float64)
    small -= small.mean()
    return small / max(math.sqrt(small @ small), 1e-6)


def features_made_with() -> str:
    """Return what features are made with now; others may differ."""
    return f"opencv {import_cv2().__version__}, recipe {RECIPE}"


def import_cv2() -> Any:
    """Return OpenCV, or say how to get it."""
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            'local features need OpenCV, which is not installed: pip install "imgdup-nb[local]"'
        ) from error
    return cv2


def has_cv2() -> bool:
    """Tell whether OpenCV is installed, without importing it."""
    return find_spec("cv2") is not None


@contextmanager
def one_cv2_thread() -> Iterator[Any]:
    """Give OpenCV one thread while pictures are compared in threads; restore its setting after."""
    cv2 = import_cv2()
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield cv2
    finally:
        cv2.setNumThreads(before)


def aligned_features(picture: Image.Image, *, zoomed: bool | None = None) -> Features:
    """Return up to 300 ORB features of a picture, also mirrored, and up to 600 zoomed ones.

    Parameters
    ----------
    closer
        whether to take zoomed features; None takes them if the picture is large enough.

    Examples
    --------
    >>> aligned_features(Image.new("RGB", (640, 480), "white"))
    <Features: 0 points in 320 x 240 pixels>
    """
    cv2 = import_cv2()
    width, height = working_size(*picture.size)
    colours = _colours(cv2, picture, (width, height))
    if not (is_large(*picture.size) if zoomed is None else zoomed):
        return _whole_features(
            cv2,
            cv2.resize(_grey_pixels(picture), (width, height), interpolation=cv2.INTER_AREA),
            colours,
        )
    large = cv2.resize(
        _grey_pixels(picture), (ZOOM * width, ZOOM * height), interpolation=cv2.INTER_AREA
    )
    features = _whole_features(
        cv2, cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA), colours
    )
    return _add_zoomed(cv2, features, large)


def _whole_features(cv2: Any, grey: np.ndarray, colours: np.ndarray) -> Features:
    """Return the features of a picture at its working size, also mirrored."""
    # the coarsest level keeps MIN_SIDE pixels; OpenCV fails on levels of less than one
    levels = min(8, 1 + int(math.log(max(1.0, min(grey.shape) / MIN_SIDE), LEVEL_FACTOR)))
    orb = cv2.ORB_create(
        N_ORB,
        scaleFactor=LEVEL_FACTOR,
        nlevels=levels,
        edgeThreshold=16,
        fastThreshold=MIN_CONTRAST,
    )
    found, bits = orb.detectAndCompute(grey, None) if min(grey.shape) >= MIN_SIDE else ([], None)
    last = grey.shape[1] - 1
    in_mirror = [
        cv2.KeyPoint(last - x, y, p.size, (180 - p.angle) % 360, p.response, p.octave, number)
        for number, ((x, y), p) in enumerate(zip(_places(cv2, found).tolist(), found, strict=True))
    ]
    in_mirror, mirrored = (
        orb.compute(np.ascontiguousarray(grey[:, ::-1]), in_mirror) if found else ([], None)
    )
    # compute() drops points at the border, and may sort the others
    rows = np.array([p.class_id for p in in_mirror], np.int64)
    order = np.argsort(rows)
    kept = [found[row] for row in rows[order]]
    return _features(
        cv2, grey, colours, kept, _words(bits, 32)[rows[order]], _words(mirrored, 32)[order]
    )


def _add_zoomed(cv2: Any, features: Features, grey: np.ndarray) -> Features:
    """Add zoomed features, spread evenly, so that each part of a collage has some."""
    orb = cv2.ORB_create(
        N_ZOOMED_CORNERS,
        scaleFactor=ZOOMED_LEVEL_FACTOR,
        nlevels=N_ZOOMED_LEVELS,
        edgeThreshold=16,
        fastThreshold=MIN_ZOOMED_CONTRAST,
    )
    found = orb.detect(grey, None) if min(grey.shape) >= ZOOM * MIN_SIDE else []
    if not found:
        return features
    strength = [p.response for p in found]
    kept = [
        found[k]
        for k in spread_evenly(
            _places(cv2, found), strength, max(grey.shape) / N_SPREAD_CELLS, N_ZOOMED
        )
    ]
    kept, bits = orb.compute(grey, kept)
    half = np.float32(0.5)  # the centres of pixels are whole numbers
    points = (_places(cv2, kept) + half) / np.float32(ZOOM) - half
    return features.with_zoomed(
        points, np.array([p.angle for p in kept], np.float32), _words(bits, 32)
    )


def spread_evenly(
    points: np.ndarray, strength: Sequence[float], cell: float, most: int
) -> np.ndarray:
    """Return which points, n x 2, to keep, int64, at most so many.

    The strongest point of each cell comes first, then the second of each, and so on.

    Parameters
    ----------
    cell
        width and height in pixels.

    Examples
    --------
    >>> spread_evenly(np.array([(10, 5), (11, 5), (12, 5), (90, 5)]), [9, 8, 7, 1], cell=50, most=2)
    array([0, 3])
    """
    columns, rows = (np.asarray(points).reshape(-1, 2) // cell).astype(np.int64).T
    where = columns << 32 | rows
    order = np.lexsort((-np.asarray(strength), where))
    place = np.arange(len(order))
    begins = np.maximum.accumulate(np.where(np.diff(where[order], prepend=-1) != 0, place, 0))
    turn = np.empty_like(place)
    turn[order] = place - begins
    return np.sort(np.lexsort((-np.asarray(strength), turn))[:most])


def akaze_features(picture: Image.Image) -> Features:
    """Return the AKAZE features of a picture, at most 640 pixels long, upright only."""
    cv2 = import_cv2()
    create = getattr(cv2, "AKAZE_create", None) or getattr(
        getattr(cv2, "xfeatures2d", None), "AKAZE_create", None
    )
    if create is None:  # OpenCV 5 moved AKAZE to its contributed modules
        raise ImportError(
            "this OpenCV has no AKAZE: pip uninstall opencv-python-headless, then pip install "
            '"imgdup-nb[local]"'
        )
    grey = _grey_pixels(picture)
    shrink = min(1.0, AKAZE_SIDE / max(grey.shape))
    size = (max(1, round(grey.shape[1] * shrink)), max(1, round(grey.shape[0] * shrink)))
    grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    found, bits = (
        create().detectAndCompute(grey, None) if min(grey.shape) >= MIN_SIDE else ([], None)
    )
    return _features(
        cv2,
        grey,
        _colours(cv2, picture, size),
        found,
        _words(bits, 64),
        np.zeros((0, 8), np.uint64),
    )


def read_features(path: str, kind: str) -> Features:
    """Read the picture at `path` and return its features; kind is 'aligned' or 'akaze'.

    Raises
    ------
    UnreadableImage
        if it cannot be shown.
    """
    with readable(), open_lazily(path) as image:
        short, long = sorted(image.size)
        zoomed = kind == "aligned" and is_large(*image.size)  # before it is decoded smaller
        wanted = (
            AKAZE_SIDE
            if kind == "akaze"
            else max(working_size(*image.size)) * (ZOOM if zoomed else 1)
        )
        picture = as_seen(image, min_side=max(1, math.ceil(wanted * short / max(long, 1))))
    return akaze_features(picture) if kind == "akaze" else aligned_features(picture, zoomed=zoomed)


def is_large(width: int, height: int) -> bool:
    """Whether a picture of this size is large enough for zoomed features.

    Examples
    --------
    >>> is_large(640, 480), is_large(768, 512), is_large(1200, 40)
    (False, True, False)
    """
    wide, high = working_size(width, height)
    return width > ZOOM * wide and height > ZOOM * high


def working_size(width: int, height: int) -> tuple[int, int]:
    """Return the size at which features are taken: always about the same area.

    Examples
    --------
    >>> working_size(4000, 3000), working_size(40, 40), working_size(10_000, 500)
    ((320, 240), (277, 277), (1239, 62))
    """
    factor = min(math.sqrt(WORKING_AREA / (width * height)), MAX_WORKING_SIDE / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def grey_size(width: int, height: int) -> tuple[int, int]:
    """Return the size of the grey picture that is kept, for a working size."""
    return max(1, round(width / SHRINK)), max(1, round(height / SHRINK))


def _grey_pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L"))


def _colours(cv2: Any, picture: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Return Cr and Cb of a picture for each square of PIXELS_A_COLOUR grey pixels a side."""
    grid = [-(-side // PIXELS_A_COLOUR) for side in grey_size(*size)]
    coloured = picture if picture.mode == "RGB" else picture.convert("RGB")  # which would copy it
    # Pillow takes half of OpenCV's time for three planes
    small = coloured.resize(grid, Image.Resampling.BOX)
    return np.ascontiguousarray(cv2.cvtColor(np.asarray(small), cv2.COLOR_RGB2YCrCb)[:, :, 1:])


def _places(cv2: Any, found: Sequence[Any]) -> np.ndarray:
    """Return the places of key points, float32, n x 2."""
    return np.asarray(cv2.KeyPoint_convert(found), np.float32).reshape(-1, 2)


def _words(descriptors: np.ndarray | None, n_bytes: int) -> np.ndarray:
    """Return descriptors, n x bytes or None, as uint64, n x n_bytes / 8, filled up with zeros."""
    filled = np.zeros((0 if descriptors is None else len(descriptors), n_bytes), np.uint8)
    if descriptors is not None:
        filled[:, : descriptors.shape[1]] = descriptors
    return filled.view(np.uint64)


def _features(
    cv2: Any,
    grey: np.ndarray,
    colours: np.ndarray,
    found: Any,
    bits: np.ndarray,
    mirrored: np.ndarray,
) -> Features:
    size = grey.shape[1], grey.shape[0]
    return Features(
        size=size,
        grey=cv2.resize(grey, grey_size(*size), interpolation=cv2.INTER_AREA),
        colours=colours,
        points=_places(cv2, found),
        angles=np.array([p.angle for p in found], np.float32),
        bits=bits,
        mirrored=mirrored,
    )

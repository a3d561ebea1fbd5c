"""One image -> its local features: small patches that look the same when the picture is cropped, turned or resized.

This is the only module that knows OpenCV's feature detectors. What it keeps of an image is small
(44 to 71 kB), so tens of thousands fit into memory: the descriptors for finding, and a little grey
picture and its colours for checking what was found.

A picture is looked at once at a size that is about the same for all. What fills only a part of it,
as in a collage, is small there; so a picture of more than twice that size is looked at once more,
twice as large and evenly all over.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from .decode import as_seen, open_lazily, readable

WORKING_AREA = 320 * 240  # pixels at which ORB looks; by area, so that a panorama keeps its height
MAX_WORKING_SIDE = 1280  # pixels; a strip is not made longer than this
# the kept grey picture is this much smaller: blurred alike, a misfit of a pixel does no harm there
SHRINK = 2
PIXELS_A_COLOUR = 4  # of the grey picture, along each side
N_ORB, LEVEL_FACTOR = 300, 1.2  # features, and by how much each level of the pyramid is smaller
ZOOM = 2  # times as long is a large picture when it is looked at closer
N_ZOOMED, N_ZOOMED_CORNERS = 600, 3000  # features that are kept then, out of so many
MIN_CONTRAST, MIN_ZOOMED_CONTRAST = (
    5,
    10,
)  # grey levels by which a corner differs from what is around it
N_ZOOMED_LEVELS, ZOOMED_LEVEL_FACTOR = (
    2,
    1.4,
)  # of its pyramid, coarse steps: the whole it is compared with has fine ones
N_SPREAD_CELLS = (
    12  # along the longer side; each of them gives one feature before any gives another
)
MIN_SIDE = 16  # pixels; strips that are thinner at the working size have no features
AKAZE_SIDE = (
    640  # pixels of the longer side, enlarged never: AKAZE scores depend on the size it looks at
)
FRAME_SIDE = 16  # pixels a side of a whole picture made very small
# one more whenever features, their votes or their scores change, so that kept ones are made again
RECIPE = 5
# what the bytes of kept features begin with; its last character is the version of the form
MAGIC = b"imgdupF3"
# magic; width, height; grey width, height; width and height of the colours; features, words,
# features in the mirror and closer
HEADER = struct.Struct("<8s10I")


@dataclass(frozen=True, eq=False)
class Features:
    """The local features of one image.

    Attributes
    ----------
    size
        (width, height) in pixels at which the features were found.
    grey
        uint8, about height / 2 x width / 2: what the alignment is checked on.
    colours : uint8, about height / 8 x width / 8 x 2
        Cr and Cb as in JPEG, 128 where there is no colour.
    points : float32, n_features x 2
        x and y in pixels of `size`.
    angles : float32, n_features
        degrees, the direction each patch points in.
    bits : uint64, n_features x n_words
        the descriptors.
    mirrored : uint64, n_features x n_words
        the descriptors of the same patches in the mirror; no rows where a method does not look
        there.
    closer
        of a large picture, what was seen from closer by: the same `size` and `grey`, other
        features, none in the mirror.
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
        """A digest of what was seen: an order of images that does not depend on their names."""
        zoomed_view = self.zoomed.bits.tobytes() if self.zoomed is not None else b""
        seen = (
            self.grey.tobytes() + self.bits.tobytes() + zoomed_view,
            self.colours.tobytes(),
        )  # colours decide between equal shapes
        return b"".join(hashlib.blake2b(part, digest_size=16).digest() for part in seen)

    @cached_property
    def frame(self) -> np.ndarray:
        """The whole picture made very small, float64, as by `frame_of`."""
        return frame_of(self.grey, FRAME_SIDE)

    def to_bytes(self) -> bytes:
        """Return all of it as bytes, the same for the same features on every machine.

        About 44 kB for 'aligned', and 71 kB of a picture of more than 640 x 480 pixels.

        Notes
        -----
        A header, then the arrays one after the other, little-endian: grey, colours, points, angles,
        bits, mirrored, and those of closer by.

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
        """Return the same with what was seen from closer by."""
        return replace(
            self,
            zoomed=Features(self.size, self.grey, self.colours, points, angles, bits, bits[:0]),
        )

    def without_features(self) -> Features:
        """Return the same picture with none."""
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
    """Return a picture made very small, so many pixels wide and high, float64, of mean 0 and length 1, row after row.

    The product of two is their correlation; of one brightness alone all is 0.
    """
    cv2 = import_cv2()
    small = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA).ravel().astype(np.float64)
    small -= small.mean()
    return small / max(math.sqrt(small @ small), 1e-6)


def features_made_with() -> str:
    """Say what the features made now are made with; those made with something else may differ."""
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


@contextmanager
def one_cv2_thread() -> Iterator[Any]:
    """Give OpenCV one thread while images are worked on side by side; the user's setting comes back after."""
    cv2 = import_cv2()
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield cv2
    finally:
        cv2.setNumThreads(before)


def aligned_features(picture: Image.Image, *, zoomed: bool | None = None) -> Features:
    """Return up to 300 ORB features of a picture and of its mirror image, and up to 600 more of a large picture.

    Parameters
    ----------
    closer
        whether to look closer; None does where the picture is large enough.

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
    """Return the features of a picture at its working size and of its mirror image."""
    # the coarsest level keeps MIN_SIDE pixels; OpenCV stumbles over levels of less than one
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
    rows = np.array(
        [p.class_id for p in in_mirror], np.int64
    )  # compute() drops points at the border, and may sort others
    order = np.argsort(rows)
    kept = [found[row] for row in rows[order]]
    return _features(
        cv2, grey, colours, kept, _words(bits, 32)[rows[order]], _words(mirrored, 32)[order]
    )


def _add_zoomed(cv2: Any, features: Features, grey: np.ndarray) -> Features:
    """Add to the features of a picture those seen from closer by, spread evenly: a collage's parts matter all alike."""
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
    """Return which points, n x 2, to keep, int64, at most so many: the strongest of each cell, then their second, and so on.

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
    """Whether a picture of this size shows more when it is looked at closer.

    Examples
    --------
    >>> is_large(640, 480), is_large(768, 512), is_large(1200, 40)
    (False, True, False)
    """
    wide, high = working_size(width, height)
    return width > ZOOM * wide and height > ZOOM * high


def working_size(width: int, height: int) -> tuple[int, int]:
    """Return the size at which ORB looks at a picture: always about the same area.

    Examples
    --------
    >>> working_size(4000, 3000), working_size(40, 40), working_size(10_000, 500)
    ((320, 240), (277, 277), (1239, 62))
    """
    factor = min(math.sqrt(WORKING_AREA / (width * height)), MAX_WORKING_SIDE / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def grey_size(width: int, height: int) -> tuple[int, int]:
    """Return the size of the grey picture that is kept of one looked at in this size."""
    return max(1, round(width / SHRINK)), max(1, round(height / SHRINK))


def _grey_pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L"))


def _colours(cv2: Any, picture: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Return Cr and Cb of a picture looked at in a size, as many as its grey picture has squares of PIXELS_A_COLOUR."""
    grid = [-(-side // PIXELS_A_COLOUR) for side in grey_size(*size)]
    coloured = picture if picture.mode == "RGB" else picture.convert("RGB")  # which would copy it
    small = coloured.resize(
        grid, Image.Resampling.BOX
    )  # Pillow takes half of OpenCV's time for three planes
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

"""The features of very many pictures: the first in memory, the others in a temporary file.

The file is mapped into memory, so the arrays of a picture are views of it. The system reads their
pages when they are used, and drops them when memory is short. `release_pages` drops them at once.
"""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import IO, Any
from weakref import WeakSet

import numpy as np

from .features import Features

MAX_FEATURE_BYTES = 256 * 2**20  # of the features that stay in memory: of some 5,000 pictures
SEGMENT_BYTES = 32 * 2**20  # that are written and mapped at a time
PROBES = 32  # tasks that try whether workers can read a file of this process
IMAGES_REMEMBERED = 256  # of a shared file, by a worker: 13 to 18 MB
SPARE_BYTES = 10**9  # that stay free on the disk
ALIGNMENT = 8  # bytes; where a picture begins

_segments: WeakSet[mmap.mmap] = WeakSet()


def keep_features(made: Iterable[Features | str]) -> list[Features | str]:
    """Return features, or problems, in their order; those of many pictures are kept in a file.

    Notes
    -----
    The file is in the folder of `tempfile.gettempdir()` and is gone when the features are. It has
    no name where the system allows that. On a full disk, features stay in memory.

    Examples
    --------
    >>> from PIL import Image
    >>> from .features import aligned_features
    >>> features, problem = keep_features([aligned_features(Image.radial_gradient("L")), "cut"])
    >>> type(features).__name__, problem
    ('Features', 'cut')
    """
    kept: list[Features | str] = []
    n_bytes, waiting, waiting_bytes = 0, 0, 0  # the features from `waiting` on are in no file yet
    with _SegmentFile() as file:
        for features in made:
            kept.append(features)
            size = 0 if isinstance(features, str) else _size_of(features)
            n_bytes += size
            if n_bytes <= MAX_FEATURE_BYTES:
                waiting = len(kept)
                continue
            waiting_bytes += size
            if waiting_bytes >= SEGMENT_BYTES:
                kept[waiting:] = file.move(kept[waiting:])
                waiting, waiting_bytes = len(kept), 0
        kept[waiting:] = file.move(kept[waiting:])
    return kept


def release_pages() -> None:
    """Take the pages of all features in files out of memory; they are read again when used."""
    if hasattr(mmap, "MADV_DONTNEED"):
        for segment in list(_segments):
            segment.madvise(mmap.MADV_DONTNEED)


class SharedFeatures(Sequence[Features]):
    """Features in a file, which are read when they are asked for; a task takes only their places.

    Parameters
    ----------
    path
        of the file.
    places : int64, n_images x 2, where each image begins and ends in it
    """

    def __init__(self, path: str, places: np.ndarray) -> None:
        self.path, self.places = path, places

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, which: Any) -> Any:
        with open(self.path, "rb") as file:
            if not isinstance(which, slice):
                return self._read(file, *self.places[which])
            return [self._read(file, *place) for place in self.places[which]]

    def remembered(self, number: int) -> Features:
        """Return an image; of two questions soon after each other the file is read once."""
        return _read_shared(self.path, *self.places[number].tolist())

    def take(self, places: np.ndarray) -> SharedFeatures:
        """Return some of the images."""
        return SharedFeatures(self.path, self.places[places])

    def share(self, array: np.ndarray) -> str:
        """Write an array beside the features, for all tasks; return its path."""
        handle, path = tempfile.mkstemp(".npy", dir=os.path.dirname(self.path))
        with os.fdopen(handle, "wb") as file:
            np.save(file, array)
        return path

    @staticmethod
    def _read(file: IO[bytes], start: int, stop: int) -> Features:
        file.seek(start)
        return Features.from_bytes(file.read(stop - start))


@lru_cache(IMAGES_REMEMBERED)  # what is computed from an image is remembered by its object
def _read_shared(path: str, start: int, stop: int) -> Features:
    with open(path, "rb") as file:
        return SharedFeatures._read(file, start, stop)


@contextmanager
def shared_features(
    features: Sequence[Features], executor: Executor | None
) -> Iterator[SharedFeatures | None]:
    """Write features to a temporary file for the workers of an executor.

    None if the workers are threads, or cannot read that file, as on other machines, or if it cannot
    be written.
    """
    if executor is None or isinstance(executor, ThreadPoolExecutor) or not len(features):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="imgdup_nb-") as folder:
        yield _write_shared(os.path.join(folder, "features"), features, executor)


def _write_shared(
    path: str, features: Sequence[Features], executor: Executor
) -> SharedFeatures | None:
    ends = [0]
    try:
        with open(path, "wb") as file:
            asked = [executor.submit(os.path.exists, path) for _ in range(PROBES)]
            if not all(each.result() for each in asked):
                return None
            for image in features:
                ends.append(ends[-1] + file.write(image.to_bytes()))
    except OSError:  # no room
        return None
    release_pages()
    return SharedFeatures(path, np.column_stack([ends[:-1], ends[1:]]).astype(np.int64))


class _SegmentFile:
    """A temporary file that features are moved to, segment by segment."""

    def __init__(self) -> None:
        self.file: IO[bytes] | None = None
        self.end = 0

    def __enter__(self) -> _SegmentFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            self.file.close()  # the segments stay mapped

    def move(self, some: list[Features | str]) -> list[Features | str]:
        """Return the same features as views of the file; as they are if it cannot be written."""
        places, size = [], 0
        for features in some:
            places.append(size)
            size += 0 if isinstance(features, str) else _size_of(features)
        if not size:
            return some
        try:
            segment = self._map(some, size)
        except OSError:  # no such folder, or no room
            return some
        return [
            features if isinstance(features, str) else _view(features, segment, place)
            for features, place in zip(some, places, strict=True)
        ]

    def _map(self, some: list[Features | str], size: int) -> mmap.mmap:
        if shutil.disk_usage(tempfile.gettempdir()).free < size + SPARE_BYTES:
            raise OSError("no room")
        if self.file is None:
            self.file = tempfile.TemporaryFile(prefix="imgdup_nb-")  # noqa: SIM115
        start = self.end
        self.file.seek(start)
        for features in some:
            if not isinstance(features, str):
                written = sum(self.file.write(array.tobytes()) for array in _arrays(features))
                self.file.write(bytes(_size_of(features) - written))
        step = mmap.ALLOCATIONGRANULARITY
        self.end = start + -(-size // step) * step
        self.file.truncate(self.end)  # which flushes, too
        # a private mapping: views may be written to, as compiled loops expect, and nobody does
        segment = mmap.mmap(self.file.fileno(), size, access=mmap.ACCESS_COPY, offset=start)
        _segments.add(segment)
        return segment


def _arrays(features: Features) -> Iterator[np.ndarray]:
    """Yield the arrays of a picture, the widest numbers first, so that each is aligned."""
    zoomed = features.zoomed or features.without_features()
    yield from (features.bits, features.mirrored, zoomed.bits)
    yield from (features.points, features.angles, zoomed.points, zoomed.angles)
    yield from (features.grey, features.colours)


def _size_of(features: Features) -> int:
    n_bytes = sum(array.nbytes for array in _arrays(features))
    return -(-n_bytes // ALIGNMENT) * ALIGNMENT


def _view(features: Features, segment: mmap.mmap, place: int) -> Features:
    """Return the same features as views of a segment; `place` is where they begin."""
    views = []
    for array in _arrays(features):
        flat = np.frombuffer(segment, array.dtype, array.size, place)
        views.append(flat.reshape(array.shape))
        place += array.nbytes
    bits, mirrored, zoomed_bits, points, angles, zoomed_points, zoomed_angles, grey, colours = views
    view = replace(
        features,
        grey=grey,
        colours=colours,
        points=points,
        angles=angles,
        bits=bits,
        mirrored=mirrored,
        zoomed=None,
    )
    if features.zoomed is not None:
        view = view.with_zoomed(zoomed_points, zoomed_angles, zoomed_bits)
    view.__dict__["key"] = features.key  # made while the pixels are at hand: each vote needs it
    return view

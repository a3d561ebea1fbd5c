"""Pairs of files compared when somebody looks at them, and what a browser shows of each."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from ..compare import Comparison, block_corners, compare_images
from ..engine.checks import shorten_middle
from ..engine.decode import UnreadableImage, thumbnail
from .thumbnails import Thumbnail

MAX_SIDE = 900  # pixels of a picture that is sent
STRIP_SIDE = (
    192  # pixels that the shorter side keeps all the same, so that a panorama can be looked at
)
KEPT = 8  # comparisons, about 2 MB each, so that going back costs nothing

Path = str | os.PathLike[str]


class ComparedPair(NamedTuple):
    """Two images, and their comparison or why there is none."""

    names: tuple[str, ...]
    comparison: Comparison | None
    problem: str
    alone: list[Thumbnail]  # the pictures of a pair that cannot be compared

    def describe(self) -> dict[str, Any]:
        """Return what the browser writes beside the pictures, as plain JSON."""
        found = self.comparison
        return {
            "names": list(self.names),
            "sentence": "" if found is None else found.sentence,
            "problem": shorten_middle(self.problem, 300),
            "alone": [one.problem for one in self.alone],
            "aligned": found is not None and found.alignment.transform is not None,
            "scores": []
            if found is None
            else [[str(name), *row] for name, *row in found.scores.round(1).itertuples()],
        }

    def layers(self) -> tuple[dict[str, Any], list[bytes]] | None:
        """Return what is drawn and its pictures; None where there are none."""
        if self.comparison is not None:
            drawn, pictures = _layers(self.comparison)
            return drawn, [_jpeg(picture) for picture in pictures]
        if not self.alone:
            return None
        sizes = [
            Image.open(io.BytesIO(one.jpeg)).size if one.jpeg else (3, 2) for one in self.alone
        ]
        drawn = {"sizes": sizes, "areas": [], "agree": [], "differ": []}
        return drawn, [one.jpeg for one in self.alone]


class Comparisons:
    """Compares pairs of files by name; the last ones are remembered.

    Parameters
    ----------
    paths
        where each image is, by name.
    """

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths
        self._compare_files = lru_cache(KEPT)(compare_images)

    def get(self, names: tuple[str, ...], given: Comparison | None = None) -> ComparedPair:
        """Compare two images; `given` is their comparison if it is known."""
        comparison, problem = (given, "") if given is not None else self._compare_pair(names)
        if not names:
            comparison, problem = None, "There is no pair to show."
        alone = [] if comparison is not None else [self._open_alone(name) for name in names]
        lost = [
            f"{name}: {one.problem}" for name, one in zip(names, alone, strict=False) if one.problem
        ]
        return ComparedPair(names, comparison, "; ".join(lost) or problem, alone)

    def _compare_pair(self, names: tuple[str, ...]) -> tuple[Comparison | None, str]:
        """Return the comparison of two images and an empty text, or None and why there is none."""
        if any(name not in self._paths for name in names):
            return None, "not in the images table"
        if not names:
            return None, ""
        try:
            left, right = (os.fspath(self._paths[name]) for name in names)
            made = self._compare_files(left, right)
        except ImportError:  # not of this pair: nothing can be compared
            raise
        except Exception as error:  # whatever it is, the next pair may be fine
            return None, str(error) or type(error).__name__
        return replace(made, left=names[0], right=names[1]), ""

    def _open_alone(self, name: str) -> Thumbnail:
        """Return the picture of an image whose pair cannot be compared, if it has one."""
        if name not in self._paths:
            return Thumbnail(b"", "not in the images table")
        try:
            return Thumbnail(thumbnail(self._paths[name], MAX_SIDE), "")
        except UnreadableImage as error:
            return Thumbnail(b"", str(error))


def _layers(comparison: Comparison) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Return what is drawn of a comparison, in pixels of `sizes`, and its pictures.

    ``sizes`` are (width, height) of left and right. ``areas`` are the corners of the overlap
    on left and on right. ``agree`` and ``differ`` are the corners of blocks on right.
    ``transform`` takes pixels of left to pixels of right.
    """
    if comparison.alignment.transform is None:
        return {"sizes": comparison.sizes, "areas": [], "agree": [], "differ": []}, list(
            comparison.pictures
        )
    squares, agrees = block_corners(comparison)
    areas = [area.round(1).tolist() for area in comparison.common_areas()]
    blocks = {
        "agree": squares[agrees].round(1).tolist(),
        "differ": squares[~agrees].round(1).tolist(),
        "transform": np.asarray(comparison.alignment.transform).round(6).tolist(),
    }
    pictures = [*comparison.pictures, comparison.warped()[0], comparison.difference()]
    return {"sizes": comparison.sizes, "areas": areas, **blocks}, pictures


def _jpeg(picture: np.ndarray) -> bytes:
    """Return a picture as a JPEG of at most MAX_SIDE pixels, a strip of STRIP_SIDE across."""
    image = Image.fromarray(picture)
    short, long = sorted(image.size)
    side = round(max(MAX_SIDE, long * STRIP_SIDE / short))
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()

"""Copies that a filter or a blur has changed: both pictures are made alike first, and judged again.

A vignette gives flat blocks a gradient, and a strong filter swamps weak texture. So the pictures
are also compared without their coarse light and shade. A blurred or tiny copy has lost its detail.
So the sharper picture is blurred as much. Of a negative, the negative is compared.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
from PIL import Image

from ..engine.features import Features, import_cv2
from .agreement import NOTHING, Alignment, refine, share_of
from .bands import (
    MAX_COPY_RESIDUAL,
    MAX_SLIGHT_SIMILARITY,
    MIN_LARGE_BLOCKS,
    MIN_OVERLAP_OF_BOTH,
    MIN_SCENE_RESIDUAL,
    MIN_STRICT_CORRELATION,
    MIN_SURE_CORRELATION,
)
from .flat_areas import is_drawn

SHADE_SIGMA = 8.0  # pixels of the grey picture; coarser light and shade is taken away
# percent of the blocks that must match already, before the pictures are compared without shade
MIN_SHADED_SIMILARITY = 20.0
# the fine contrast of a blurred picture, in shares of that of the sharper one
MAX_FINE_RATIO = 0.65
FINE_SIGMA = 1.5  # pixels of the grey picture; fine detail is smaller
BLUR_SIGMAS = 1.0, 1.5, 2.0, 3.0, 4.0, 5.0  # pixels of the grey picture, tried in turn
MIN_BLURRED_SHARE = 0.8  # of the blocks that must match surely; with fewer, two scenes are blurred
# share of the mean change from row to row, or column to column; in an enlarged picture most rows
# repeat, so that the median change is below
MAX_REPEATED_CHANGE = 0.2
# a picture shows no more than a tiny one if it loses less than this share of its contrast when made
# so small, in pixels a side; or if the least quarter of its lines changes less than this share of
# the mean change: it consists of squares
SHOWN_SIDE, MAX_LOST_CONTRAST, MAX_QUIET_CHANGE = 48, 0.07, 0.33
SMOOTH = Image.Resampling.LANCZOS
MIN_NEGATIVE_OVERLAP = 90.0  # percent of both pictures
UNSHADED_REMEMBERED = 64  # pictures; the pairs of one picture follow each other


def align_unshaded(first: Features, second: Features, found: Alignment) -> Alignment:
    """Align two pictures again without their coarse light and shade, from the transform found."""
    if (
        found.transform is None
        or found.matches == 0
        or found.similarity < MIN_SHADED_SIMILARITY
        or found.residual >= MIN_SCENE_RESIDUAL
    ):
        return NOTHING
    again = refine(
        unshade(first), unshade(second), found.transform, found.matches, MIN_OVERLAP_OF_BOTH
    )
    return replace(again, treatment="shade") if again.residual < MIN_SCENE_RESIDUAL else NOTHING


@lru_cache(UNSHADED_REMEMBERED)
def unshade(image: Features) -> Features:
    """Return a picture less its coarse light and shade."""
    grey = image.grey.astype(np.float32)
    shade = import_cv2().GaussianBlur(grey, (0, 0), SHADE_SIGMA)
    return replace(image, grey=np.clip(np.rint(grey - shade) + 128, 0, 255).astype(np.uint8))


@lru_cache(UNSHADED_REMEMBERED)
def negative_of(image: Features) -> Features:
    """Return the negative of a picture, without features."""
    return replace(image.without_features(), grey=255 - image.grey, colours=255 - image.colours)


def align_negative(first: Features, second: Features, transform: np.ndarray) -> Alignment:
    """Align the negative of a whole picture with another one, from the transform of their frames.

    The similarity is at most 89: what is light in one picture is dark in the other.
    """
    found = refine(negative_of(first), second, transform, 0, MIN_NEGATIVE_OVERLAP)
    if (
        found.blocks is None
        or np.count_nonzero(~np.isnan(found.blocks)) < MIN_LARGE_BLOCKS
        or not found.residual < MAX_COPY_RESIDUAL
    ):
        return NOTHING
    return replace(
        found, similarity=min(MAX_SLIGHT_SIMILARITY, found.similarity), treatment="negative"
    )


def align_blurred(first: Features, second: Features, transform: np.ndarray) -> Alignment:
    """Align two whole pictures of which one is blurred, from the transform of their frames.

    The similarity is at most 89: much detail cannot be compared.
    """
    fine = [fine_of(image) for image in (first, second)]
    if min(fine) >= MAX_FINE_RATIO * max(fine):
        return NOTHING
    first_is_sharp = fine[0] > fine[1]
    sharp = first if first_is_sharp else second
    sigma = sigma_of(sharp.grey, min(fine))
    pair = [
        _blur(image, math.hypot(sigma * (image is sharp), FINE_SIGMA)) for image in (first, second)
    ]
    found = refine(pair[0], pair[1], transform, 0, MIN_OVERLAP_OF_BOTH)
    if (
        found.blocks is None
        or found.residual >= MIN_SCENE_RESIDUAL
        or share_of(found.blocks, MIN_SURE_CORRELATION) < MIN_BLURRED_SHARE
    ):
        return NOTHING
    return replace(
        found,
        similarity=min(
            MAX_SLIGHT_SIMILARITY,
            found.similarity,
            100 * share_of(found.blocks, MIN_STRICT_CORRELATION),
        ),
        treatment="blur",
    )


@lru_cache(UNSHADED_REMEMBERED)
def fine_of(image: Features) -> float:
    """Return the `fine_contrast` of a picture."""
    return fine_contrast(image.grey)


def fine_contrast(grey: np.ndarray) -> float:
    """Return how much of a picture's contrast, uint8, is in details smaller than FINE_SIGMA.

    Examples
    --------
    >>> noise = np.random.default_rng(0).integers(0, 256, (60, 80), dtype=np.uint8)
    >>> fine_contrast(noise) > 0.8 > fine_contrast(import_cv2().blur(noise, (9, 9)))
    True
    """
    plain = grey.astype(np.float32)
    detail = plain - import_cv2().GaussianBlur(plain, (0, 0), FINE_SIGMA)
    return float(detail.std()) / max(float(plain.std()), 1e-3)


def has_repeated_lines(grey: np.ndarray) -> bool:
    """Whether a picture was enlarged from some 50 pixels a side or less: its lines repeat.

    Only such a picture may lack the detail of its copy. Two sharp pictures that match only when
    made small may be two shirts on one background.

    Examples
    --------
    >>> tiny = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    >>> has_repeated_lines(tiny), has_repeated_lines(tiny.repeat(4, axis=0).repeat(4, axis=1))
    (False, True)
    """
    return any(
        float(np.median(change)) < MAX_REPEATED_CHANGE * float(change.mean())
        for change in _line_changes(grey)
    )


@lru_cache(UNSHADED_REMEMBERED)
def shows_tiny(image: Features) -> bool:
    """Whether a picture shows no more than a tiny one would: it was enlarged, or is blurred.

    Examples
    --------
    >>> from ..engine.features import aligned_features
    >>> noise = np.random.default_rng(0).integers(0, 256, (240, 320), dtype=np.uint8)
    >>> plain, small = Image.fromarray(noise), Image.fromarray(noise[:24, :32])
    >>> enlarged = small.resize((320, 240), SMOOTH)
    >>> [shows_tiny(aligned_features(picture)) for picture in (plain, enlarged)]
    [False, True]
    """
    plain = Image.fromarray(image.grey).convert("F")
    share = min(1.0, SHOWN_SIDE / max(plain.size))
    small = plain.resize([max(1, round(share * side)) for side in plain.size], SMOOTH)
    lost = np.asarray(plain) - np.asarray(small.resize(plain.size, SMOOTH))
    if float(lost.std()) < MAX_LOST_CONTRAST * float(np.asarray(plain).std()):
        return True
    return not is_drawn(image.grey) and all(
        float(np.quantile(change, 0.25)) < MAX_QUIET_CHANGE * float(change.mean())
        for change in _line_changes(image.grey)
    )


def _line_changes(grey: np.ndarray) -> list[np.ndarray]:
    """Return the mean change from row to row and from column to column, of as many as there are."""
    lines = grey.astype(np.int16)
    changes = [np.abs(np.diff(lines, axis=axis)).mean(axis=1 - axis) for axis in (0, 1)]
    return [change for change in changes if len(change)]


def sigma_of(sharp: np.ndarray, fine: float) -> float:
    """Return the blur, pixels, after which a sharp picture, uint8, has so much fine contrast."""
    cv2 = import_cv2()
    return min(
        BLUR_SIGMAS,
        key=lambda sigma: abs(
            math.log(fine_contrast(cv2.GaussianBlur(sharp, (0, 0), sigma)) + 1e-3)
            - math.log(fine + 1e-3)
        ),
    )


def _blur(image: Features, sigma: float) -> Features:
    return replace(image, grey=import_cv2().GaussianBlur(image.grey, (0, 0), sigma))

"""Which pixels of two aligned pictures are equal, and whether the others are strokes over one.

Letters, lines and flakes are thin, and lighter, or darker, than all that they cover. What has moved
between two photographs is darker in one place and lighter in another one.
"""

from __future__ import annotations

import numpy as np

from ..engine.features import import_cv2

# pixels are equal up to so many grey levels and this share of their contrast
EQUAL_LEVELS, EQUAL_SHARE = 8.0, 0.25
FIT_STEPS = 4  # of brightness and contrast, each to the pixels that are equal by the last one
# strokes: pixels of the grey picture across, at most; share of what differs that is broader; its
# share by which one picture is lighter, or darker, everywhere
STROKE_WIDTH, MAX_BROAD_SHARE, MIN_ONE_SIDED = 7, 0.25, 0.98


def equal_pixels(one: np.ndarray, other: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """Tell which pixels are equal in two pictures, up to brightness and contrast of the whole.

    `known` are pixels that are equal, bool; None starts at the half that differs least.

    Examples
    --------
    >>> shade = np.arange(100, dtype=np.float32)
    >>> equal = equal_pixels(shade, np.where(shade < 80, 0.5 * shade + 20, 255))
    >>> int(equal[:80].sum()), int(equal[80:].sum())
    (80, 0)
    """
    from .warp_loops import fit_equal

    if known is None:
        return fit_equal(one, other, FIT_STEPS, EQUAL_LEVELS, EQUAL_SHARE)
    equal = known
    for _ in range(FIT_STEPS):
        fitted = fit_levels(one, other, equal)
        if fitted is None:
            break
        off, contrast = fitted
        equal = np.abs(off) <= max(EQUAL_LEVELS, EQUAL_SHARE * contrast)
    return equal


def fit_levels(
    one: np.ndarray, other: np.ndarray, equal: np.ndarray
) -> tuple[np.ndarray, float] | None:
    """Fit the brightness and contrast of a picture to another one, by the pixels that are equal.

    Returns
    -------
    off : by how many levels the other picture is lighter than expected
    contrast : of the pixels that are equal in it; None for both if these are of one level
    """
    places = np.flatnonzero(equal)  # a third of the time that a mask takes twice
    if len(places) < 2:
        return None
    a, b = one[places], other[places]
    mean_a, mean_b = a.mean(), b.mean()
    a -= mean_a
    spread = float(np.sqrt((a * a).mean()))
    if spread < 1:
        return None
    slope = float((a * (b - mean_b)).mean()) / spread**2
    return other - mean_b - slope * (one - mean_a), abs(slope) * spread


def is_of_strokes(
    one: np.ndarray, other: np.ndarray, inside: np.ndarray, equal: np.ndarray
) -> bool:
    """Whether all that differs is thin, and lighter everywhere in one picture, as letters are.

    What has moved is darker in one place and lighter in another one. one, other, inside, equal: as
    in `is_of_drawn_pieces`.

    Examples
    --------
    >>> shade = np.tile(np.linspace(20, 160, 80, dtype=np.float32), (60, 1))
    >>> words, inside = shade.copy(), np.ones(shade.shape, bool)
    >>> words[20:24, 10:70] = words[30:50, 40:44] = 240
    >>> def drawn(made):
    ...     equal = equal_pixels(shade.ravel(), made.ravel())
    ...     return is_of_strokes(shade, made, inside, equal)
    >>> broad = shade.copy()
    >>> broad[20:40, 10:30] = 240
    >>> drawn(words), drawn(broad)
    (True, False)
    """
    fitted = fit_levels(one[inside], other[inside], equal)
    if fitted is None or equal.all():
        return False
    off = fitted[0][~equal]
    lighter, darker = float(off[off > 0].sum()), float(-off[off < 0].sum())
    if max(lighter, darker) < MIN_ONE_SIDED * (lighter + darker):
        return False
    differ = np.zeros(inside.shape, np.uint8)
    differ[inside] = ~equal
    cv2 = import_cv2()
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (STROKE_WIDTH, STROKE_WIDTH))
    broad = cv2.morphologyEx(differ, cv2.MORPH_OPEN, disc)
    return float(broad.sum()) <= MAX_BROAD_SHARE * float(differ.sum())

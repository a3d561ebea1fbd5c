"""How one picture of a group differs from another: mirrored or turned, cropped, or grey.

A group says that pictures are alike, not which shows most. These measures look at small sketches,
so they are hints for a person; `choose_keepers` removes nothing because of them alone.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..engine.hashing import turn_views

SIDE = 64  # pixels of a sketch's side
SHARES = range(32, SIDE, 2)  # sides, in pixels of the sketch, that a part of it is looked for at
TURN_WORDS = [
    "",
    "turned by 90°",
    "turned by 180°",
    "turned by 90°",
    "mirrored",
    "mirrored",
    "upside down",
    "mirrored",
]

# Measured on known copies of nine photographs: unchanged frames agree to 0.96 and more, turned ones
# to 0.99 after turning back; parts are found at 0.90 and more.
SAME_FRAME = 0.95
FOUND_PART = 0.85
CLEARLY = 0.05
GREY, COLOURFUL = 2.0, 6.0  # levels; between them nothing is said


def describe_turn(sketch: np.ndarray, other: np.ndarray) -> str:
    """Say how `other` must have been turned or mirrored to become this picture, "" if not at all.

    Parameters
    ----------
    sketch, other : uint8, 64 x 64 x 3

    Examples
    --------
    >>> picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    >>> describe_turn(picture, np.ascontiguousarray(picture[:, ::-1]))
    'mirrored'
    >>> describe_turn(picture, picture)
    ''
    """
    grey = _grey(sketch)
    agreements = [_agreement(grey, _grey(view)) for view in turn_views(other)]
    best = int(np.argmax(agreements))
    return TURN_WORDS[best] if agreements[best] > max(SAME_FRAME, agreements[0] + CLEARLY) else ""


def is_part(sketch: np.ndarray, whole: np.ndarray) -> bool:
    """Tell whether a picture shows only a part of what another shows.

    A part is at least half as wide and high as the whole.

    Parameters
    ----------
    sketch, whole : uint8, 64 x 64 x 3

    Examples
    --------
    >>> from PIL import ImageFilter
    >>> random = np.random.default_rng(0)
    >>> noise = Image.fromarray(random.integers(0, 255, (64, 64, 3), dtype=np.uint8))
    >>> whole = noise.filter(ImageFilter.GaussianBlur(3))
    >>> part = whole.crop((10, 10, 54, 54)).resize((64, 64))
    >>> is_part(np.asarray(part), np.asarray(whole)), is_part(np.asarray(whole), np.asarray(part))
    (True, False)
    """
    part, frame = _grey(sketch), _grey(whole)
    own = _agreement(part, frame)
    return own < SAME_FRAME and _best_place(part, frame) > max(FOUND_PART, own + CLEARLY)


def lacks_colour(sketch: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether a picture is grey where another has colours.

    Parameters
    ----------
    sketch, other : uint8, 64 x 64 x 3

    Examples
    --------
    >>> colour = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    >>> grey = colour.mean(axis=2, keepdims=True).astype(np.uint8).repeat(3, axis=2)
    >>> lacks_colour(grey, colour), lacks_colour(colour, grey), lacks_colour(grey, grey)
    (True, False, False)
    """
    return _colourfulness(sketch) < GREY and _colourfulness(other) > COLOURFUL


def has_colour(sketch: np.ndarray) -> bool:
    """Tell whether a picture, uint8, 64 x 64 x 3, has colours that an eye may see.

    Examples
    --------
    >>> has_colour(np.full((64, 64, 3), 128, dtype=np.uint8))
    False
    """
    return _colourfulness(sketch) >= GREY


def _colourfulness(sketch: np.ndarray) -> float:
    """Return the mean difference of the largest and the smallest channel, in levels of 255."""
    return float((sketch.max(axis=2).astype(np.int16) - sketch.min(axis=2)).mean())


def _grey(sketch: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(sketch).convert("L"), dtype=np.float64)


def _agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Return the correlation of two pictures of one size, -1 to 1; 0 where one is blank."""
    one, other = one - one.mean(), other - other.mean()
    scale = np.sqrt((one * one).sum() * (other * other).sum())
    return float((one * other).sum() / scale) if scale else 0.0


def _best_place(part: np.ndarray, frame: np.ndarray) -> float:
    """Return the best correlation of a picture with a square part of another, of any of SHARES."""
    shape = (2 * SIDE, 2 * SIDE)
    transforms = np.fft.rfft2(frame, shape), np.fft.rfft2(frame * frame, shape)
    image = Image.fromarray(part.astype(np.float32))
    best = 0.0
    for side in SHARES:
        template = np.asarray(image.resize((side, side), Image.Resampling.BOX), dtype=np.float64)
        template -= template.mean()
        window = np.conj(np.fft.rfft2(np.ones((side, side)), shape))
        places = slice(0, SIDE - side + 1)
        product = np.fft.irfft2(transforms[0] * np.conj(np.fft.rfft2(template, shape)))[
            places, places
        ]
        total = np.fft.irfft2(transforms[0] * window)[places, places]
        squares = np.fft.irfft2(transforms[1] * window)[places, places]
        spread = np.maximum(
            squares - total * total / side**2, side**2
        )  # a blank place fits nothing
        best = max(best, float((product / np.sqrt(spread * max((template**2).sum(), 1.0))).max()))
    return best

"""A colour cast: a copy under other light, with another white balance, or after automatic levels.

All three multiply and shift each of red, green and blue everywhere alike. So colours may differ
much, and still those of one picture tell those of the other one. No such change makes one of
several colours another one: of a red shirt beside a green one, a blue shirt.
"""

from __future__ import annotations

import numpy as np

MIN_CAST_BLOCKS = 40  # fewer are told by six numbers too easily
# levels of chroma, the standard deviation along the axis with less: one picture must have colours
# that differ in two ways, as a single hue may become any other one
MIN_HUES_SPREAD = 2.5
MIN_GAIN, MAX_GAIN, MAX_GAIN_RATIO = 0.4, 2.5, 2.2  # of a channel; of two of them
# levels of chroma by which a block may be off what is expected, the mean; the share of blocks that
# may be off by more than the last
MAX_CAST_DISTANCE, FAR_FROM_CAST, MAX_FAR_SHARE = 3.0, 25.0, 0.01
FIT_ROUNDS, KEPT_SHARE = 4, 0.8  # each to the blocks that the last one has told best
HELD_VARIANCE = 100.0  # of levels: a channel of one level keeps its gain near 1
# brightness, Cr and Cb -> red, green and blue; and back
TO_RGB = np.array([[1.0, 1.403, 0.0], [1.0, -0.714, -0.344], [1.0, 0.0, 1.773]])
TO_CHROMA = np.linalg.inv(TO_RGB)[1:]


def has_cast(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether a gain and a shift for each of red, green and blue tell the colours of a copy.

    Parameters
    ----------
    one, other : float32, n x 3
        brightness, Cr and Cb of the blocks of two pictures; chroma of grey is 0.

    Examples
    --------
    >>> red, green, blue, grey = [90, 60, -10], [120, -40, -30], [80, -15, 50], [128, 0, 0]
    >>> daylight = np.repeat(np.float32([red, green, blue, grey]), 10, axis=0)
    >>> lamplight = (daylight @ TO_RGB.T * [1.1, 0.9, 0.6]) @ np.linalg.inv(TO_RGB).T
    >>> other = daylight.copy()
    >>> other[:10] = [120, -20, 50]  # what was red is of another blue
    >>> has_cast(daylight, lamplight), has_cast(daylight, other)
    (True, False)
    """
    if len(one) < MIN_CAST_BLOCKS or max(_spread(one), _spread(other)) < MIN_HUES_SPREAD:
        return False
    return _tells(one, other) or _tells(other, one)


def _spread(blocks: np.ndarray) -> float:
    """Return the standard deviation of the chroma along the axis with less, in levels."""
    least = np.linalg.eigvalsh(np.cov(blocks[:, 1:].T))[0]
    return float(np.sqrt(max(0.0, float(least))))


def _tells(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the colours of one picture, shifted and multiplied by channel, are the other's."""
    source, target = one @ TO_RGB.T, other @ TO_RGB.T
    kept, off, gains = np.ones(len(one), bool), np.zeros(len(one)), np.ones(3)
    for _ in range(FIT_ROUNDS):
        middle, wanted = source[kept].mean(axis=0), target[kept].mean(axis=0)
        together = ((source[kept] - middle) * (target[kept] - wanted)).mean(axis=0)
        gains = (together + HELD_VARIANCE) / (source[kept].var(axis=0) + HELD_VARIANCE)
        made = gains * (source - middle) + wanted
        off = np.linalg.norm(made @ TO_CHROMA.T - other[:, 1:], axis=1)
        kept = off <= np.quantile(off, KEPT_SHARE)
    return bool(
        gains.min() >= MIN_GAIN
        and gains.max() <= min(MAX_GAIN, MAX_GAIN_RATIO * gains.min())
        and off.mean() <= MAX_CAST_DISTANCE
        and np.mean(off > FAR_FROM_CAST) <= MAX_FAR_SHARE
    )

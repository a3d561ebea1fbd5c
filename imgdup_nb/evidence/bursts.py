"""Shots of one scene, seconds apart: similar, yet no copies. EXIF times tell them from copies of one shot."""

from __future__ import annotations

from numbers import Real

import numpy as np
import pandas as pd

from .survey import CERTAIN

MAX_SECONDS = 10.0  # two shots further apart are no burst


def mark_bursts(pairs: pd.DataFrame, images: pd.DataFrame, *, max_seconds: float = MAX_SECONDS) -> pd.DataFrame:
    """Tell which pairs are two shots of a burst or series, by the time the camera wrote down.

    Parameters
    ----------
    pairs
        made by `similar_pairs`; it is not changed.
    images
        the table it comes from.
    max_seconds
        two similar pictures taken at different times at most this far apart, inclusive, are a burst.

    Returns
    -------
    pandas.DataFrame
        the pairs with two more columns: seconds_apart (NaN where a time is missing), burst (bool). To keep every shot, group
        ``marked[~marked.burst]``; to look at series only, or to collapse them on purpose, ``marked[marked.burst]``.

    Raises
    ------
    ValueError
        if `images` has no times, lacks an image of the pairs, or max_seconds is no number above 0.

    Notes
    -----
    Edited copies keep the time of their shot, so 0 seconds apart means copies; EXIF times have whole seconds, so two shots
    within one second pass for copies too. Pairs of the same bytes or pixels are never a burst.

    Examples
    --------
    >>> from imgdup_nb import Fingerprints, similar_pairs
    >>> pairs = similar_pairs(Fingerprints.from_bits(["a", "b"], np.ones((2, 64), dtype=bool)))
    >>> times = pd.to_datetime(["2024-05-31 17:20:09", "2024-05-31 17:20:11"])
    >>> mark_bursts(pairs, pd.DataFrame({"image": ["a", "b"], "taken": times}))[["left", "right", "seconds_apart", "burst"]]
      left right  seconds_apart  burst
    0    a     b            2.0   True
    """
    if isinstance(max_seconds, bool) or not isinstance(max_seconds, Real) or not max_seconds > 0:
        raise ValueError(f"max_seconds must be a number above 0, and {max_seconds!r} is not")
    if not {"image", "taken"} <= set(images):
        raise ValueError("images must be a table made by scan_images(folder), with the columns image and taken")
    taken = pd.Series(images.taken.to_numpy(), index=images.image.to_numpy(dtype=object))
    unknown = set(pairs.left) | set(pairs.right)
    unknown -= set(taken.index)
    if unknown:
        raise ValueError(f"images must hold every image of the pairs, and lacks {sorted(unknown)[0]!r}")
    left, right = (taken.reindex(pairs[side].astype(object)).to_numpy() for side in ("left", "right"))
    apart = seconds_apart(left, right)
    marked = pairs.assign(seconds_apart=apart, burst=is_burst(apart, max_seconds) & ~are_certain(pairs))
    marked.attrs = dict(pairs.attrs)
    return marked


def seconds_apart(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return how many seconds lie between two times each (datetime64), float; NaN where one is missing."""
    return np.abs((left - right) / np.timedelta64(1, "s"))


def is_burst(apart: np.ndarray, max_seconds: float = MAX_SECONDS) -> np.ndarray:
    """Tell which seconds apart, at most max_seconds, inclusive, make a burst: the same second is a copy, or passes for one."""
    return (apart > 0) & (apart <= max_seconds)


def are_certain(pairs: pd.DataFrame) -> np.ndarray:
    """Tell which pairs are copies beyond doubt, of the same bytes or pixels; none where the table does not know."""
    return pairs.relation.isin(CERTAIN).to_numpy() if "relation" in pairs else np.zeros(len(pairs), dtype=bool)

"""Shots of one scene, seconds apart: similar, yet no copies. EXIF times tell them from copies of one shot."""

from __future__ import annotations

from numbers import Real

import numpy as np
import pandas as pd

from ..engine.checks import check_images_table, check_pairs_table
from ..engine.pair_graph import check_unique_images, components
from .sampling import CERTAIN

MAX_SECONDS = 10.0  # two shots further apart are no burst


def mark_bursts(
    pairs: pd.DataFrame, images: pd.DataFrame, *, max_seconds: float = MAX_SECONDS
) -> pd.DataFrame:
    """Tell which pairs are two shots of a burst or series, by the time the camera wrote down.

    Parameters
    ----------
    pairs
        made by `similar_pairs`; it is not changed.
    images
        the table it comes from.
    max_seconds
        two similar pictures taken at different times at most this far apart, inclusive, are a
        burst; so are the first and the last of a series of such pictures, however long it is.

    Returns
    -------
    pandas.DataFrame
        the pairs with two more columns: seconds_apart (NaN where a time is missing), burst (bool).
        To keep every shot, group ``marked[~marked.burst]``; to look at series only, or to collapse
        them on purpose, ``marked[marked.burst]``.

    Raises
    ------
    ValueError
        if `images` has no times or others than times, lacks an image of the pairs or has two of one
        name, or max_seconds is no number above 0.

    Notes
    -----
    Edited copies keep the time of their shot, so 0 seconds apart means copies. Times that
    `scan_images` reads have whole seconds, so two shots within one second pass for copies too;
    times of yours may be finer. A camera's clock knows no zone: shots of two cameras, or before and
    after a change of its clock, may seem hours apart. Pairs of the same bytes or pixels are never a
    burst.

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
    check_pairs_table("pairs", pairs)
    images = check_images_table("images", images, ("image", "taken"))
    check_unique_images(images, pairs)
    taken = pd.Series(read_times(images.taken), index=images.image.to_numpy(dtype=object))
    unknown = set(pairs.left) | set(pairs.right)
    unknown -= set(taken.index)
    if unknown:
        raise ValueError(
            f"images must hold every image of the pairs, and lacks {sorted(unknown)[0]!r}"
        )
    left, right = (
        taken.reindex(pairs[side].astype(object)).to_numpy() for side in ("left", "right")
    )
    apart = seconds_apart(left, right)
    numbers, _names = pd.factorize(
        pd.concat([pairs.left.astype(object), pairs.right.astype(object)])
    )
    first, second = numbers[: len(pairs)], numbers[len(pairs) :]
    marked = pairs.assign(
        seconds_apart=apart,
        burst=find_bursts(first, second, apart, are_certain(pairs), max_seconds),
    )
    marked.attrs = dict(pairs.attrs)
    return marked


def read_times(taken: pd.Series) -> np.ndarray:
    """Return times as datetime64, NaT where there is none; those with a zone in UTC."""
    if pd.api.types.is_datetime64_any_dtype(taken):
        return (taken.dt.tz_convert(None) if taken.dt.tz is not None else taken).to_numpy()
    try:
        zones = {getattr(time, "tzinfo", None) is None for time in taken if not pd.isna(time)}
        if len(zones) > 1:
            raise ValueError("some have a time zone and some have none")
        return pd.to_datetime(taken, utc=True).dt.tz_convert(None).to_numpy()
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"images.taken must hold times, or nothing where none is known: {error}"
        ) from error


def seconds_apart(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return how many seconds lie between two times each (datetime64), float; NaN where one is missing."""
    return np.abs((left - right) / np.timedelta64(1, "s"))


def is_near(apart: np.ndarray, max_seconds: float = MAX_SECONDS) -> np.ndarray:
    """Tell which seconds apart, at most max_seconds, inclusive, make a burst: the same second is a copy, or passes for one."""
    return (apart > 0) & (apart <= max_seconds)


def find_bursts(
    first: np.ndarray,
    second: np.ndarray,
    apart: np.ndarray,
    certain: np.ndarray,
    max_seconds: float = MAX_SECONDS,
) -> np.ndarray:
    """Tell which pairs are of one burst: shots close together, and the ends of a series a - b - c of them.

    Parameters
    ----------
    first, second : int, n_pairs, the numbers of the images
    apart : float, n_pairs, seconds
    certain : bool, n_pairs, copies beyond doubt
    """
    near = is_near(apart, max_seconds) & ~certain
    n_images = int(max(first.max(), second.max())) + 1 if len(first) else 0
    series = components(first[near], second[near], n_images)
    return near | ((apart > 0) & ~certain & (series[first] == series[second]))


def are_certain(pairs: pd.DataFrame) -> np.ndarray:
    """Tell which pairs are copies beyond doubt, of the same bytes or pixels; none where the table does not know."""
    return (
        pairs.relation.isin(CERTAIN).to_numpy()
        if "relation" in pairs
        else np.zeros(len(pairs), dtype=bool)
    )

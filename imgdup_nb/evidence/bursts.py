"""Photographs of one burst are similar but not copies; their EXIF times tell them apart."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..engine.checks import check_above_zero, check_images_table, check_pairs_table
from ..engine.pair_graph import check_unique_images, components
from .sampling import CERTAIN

MAX_SECONDS = 10.0  # between two photographs of a burst


def mark_bursts(
    pairs: pd.DataFrame, images: pd.DataFrame, *, max_seconds: float = MAX_SECONDS
) -> pd.DataFrame:
    """Mark pairs of photographs that were taken in one burst.

    Parameters
    ----------
    pairs
        made by `similar_pairs`; it is not changed.
    images
        the table it comes from.
    max_seconds
        two similar pictures whose times differ, by at most this many seconds (inclusive), are a
        burst. In a series of such pictures all pairs are a burst, however long the series is.

    Returns
    -------
    pandas.DataFrame
        the pairs with two more columns: seconds_apart (NaN where a time is missing), burst (bool).
        To keep every photograph of a burst, group ``marked[~marked.burst]``. To see the bursts
        only, group ``marked[marked.burst]``.

    Raises
    ------
    ValueError
        if `images` has no valid times, lacks an image of the pairs or has a name twice, or if
        max_seconds is not above 0.

    Notes
    -----
    Edited copies keep the time of the photograph, so 0 seconds apart means copies. `scan_images`
    reads times in whole seconds, so two photographs within one second count as copies, too. You may
    pass finer times. A camera's clock has no time zone: photographs of two cameras, or before and
    after a change of the clock, may seem hours apart. Pairs of the same bytes or pixels are never a
    burst.

    Examples
    --------
    >>> import pandas as pd
    >>> import imgdup_nb as dup
    >>> pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a", "b"], [[True] * 64] * 2))
    >>> times = pd.to_datetime(["2024-05-31 17:20:09", "2024-05-31 17:20:11"])
    >>> marked = dup.mark_bursts(pairs, pd.DataFrame({"image": ["a", "b"], "taken": times}))
    >>> marked[["left", "right", "seconds_apart", "burst"]]
      left right  seconds_apart  burst
    0    a     b            2.0   True
    """
    check_above_zero("max_seconds", max_seconds)
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
    """Return times as datetime64, NaT where unknown; times with a zone are converted to UTC."""
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
    """Return the seconds between two times each (datetime64), float; NaN where one is missing."""
    return np.abs((left - right) / np.timedelta64(1, "s"))


def is_near(apart: np.ndarray, max_seconds: float = MAX_SECONDS) -> np.ndarray:
    """Tell which times apart make a burst: above 0 (that is a copy), at most max_seconds."""
    return (apart > 0) & (apart <= max_seconds)


def find_bursts(
    first: np.ndarray,
    second: np.ndarray,
    apart: np.ndarray,
    certain: np.ndarray,
    max_seconds: float = MAX_SECONDS,
) -> np.ndarray:
    """Tell which pairs are of one burst: close in time, or joined by a series of such pairs.

    Parameters
    ----------
    first, second : int, n_pairs, the numbers of the images
    apart : float, n_pairs, seconds
    certain : bool, n_pairs, of the same bytes or pixels
    """
    near = is_near(apart, max_seconds) & ~certain
    n_images = int(max(first.max(), second.max())) + 1 if len(first) else 0
    series = components(first[near], second[near], n_images)
    return near | ((apart > 0) & ~certain & (series[first] == series[second]))


def are_certain(pairs: pd.DataFrame) -> np.ndarray:
    """Tell which pairs have the same bytes or pixels; none if the table has no relations."""
    return (
        pairs.relation.isin(CERTAIN).to_numpy()
        if "relation" in pairs
        else np.zeros(len(pairs), dtype=bool)
    )

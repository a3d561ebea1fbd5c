"""Shots of one scene, seconds apart: similar, yet no copies. EXIF times tell them from copies of one shot."""

from __future__ import annotations

from numbers import Real

import numpy as np
import pandas as pd

from .survey import CERTAIN


def mark_bursts(pairs: pd.DataFrame, images: pd.DataFrame, *, max_seconds: float = 10.0) -> pd.DataFrame:
    """Tell which pairs are two shots of a burst or series, by the time the camera wrote down.

    Parameters
    ----------
    pairs
        made by `similar_pairs`; it is not changed.
    images
        the table it comes from.
    max_seconds
        two similar pictures taken at different times at most this far apart, inclusive, are a burst; so are the first and the
        last of a series of such pictures, however long it is.

    Returns
    -------
    pandas.DataFrame
        the pairs with two more columns: seconds_apart (NaN where a time is missing), burst (bool). To keep every shot, group
        ``marked[~marked.burst]``; to look at series only, or to collapse them on purpose, ``marked[marked.burst]``.

    Raises
    ------
    ValueError
        if `images` has no times or others than times, lacks an image of the pairs, or max_seconds is no number above 0.

    Notes
    -----
    Edited copies keep the time of their shot, so 0 seconds apart means copies. Times that `scan_images` reads have whole
    seconds, so two shots within one second pass for copies too; times of yours may be finer. A camera's clock knows no zone:
    shots of two cameras, or before and after a change of its clock, may seem hours apart. Pairs of the same bytes or pixels are
    never a burst.

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
    taken = pd.Series(_read_times(images.taken), index=images.image.to_numpy(dtype=object))
    unknown = set(pairs.left) | set(pairs.right)
    unknown -= set(taken.index)
    if unknown:
        raise ValueError(f"images must hold every image of the pairs, and lacks {sorted(unknown)[0]!r}")
    left, right = (taken.reindex(pairs[side].astype(object)).to_numpy() for side in ("left", "right"))
    apart = np.abs((left - right) / np.timedelta64(1, "s"))
    copies = pairs.relation.isin(CERTAIN).to_numpy() if "relation" in pairs else np.zeros(len(pairs), dtype=bool)
    near = (apart > 0) & (apart <= max_seconds) & ~copies
    marked = pairs.assign(seconds_apart=apart, burst=near | ((apart > 0) & ~copies & _in_one_series(pairs, near)))
    marked.attrs = dict(pairs.attrs)
    return marked


def _read_times(taken: pd.Series) -> np.ndarray:
    """Return times as datetime64, NaT where there is none; those with a zone in UTC."""
    if pd.api.types.is_datetime64_any_dtype(taken):
        return (taken.dt.tz_convert(None) if taken.dt.tz is not None else taken).to_numpy()
    try:
        zones = {getattr(time, "tzinfo", None) is None for time in taken if not pd.isna(time)}
        if len(zones) > 1:
            raise ValueError("some have a time zone and some have none")
        return pd.to_datetime(taken, utc=True).dt.tz_convert(None).to_numpy()
    except (ValueError, TypeError) as error:
        raise ValueError(f"images.taken must hold times, or nothing where none is known: {error}") from error


def _in_one_series(pairs: pd.DataFrame, near: np.ndarray) -> np.ndarray:
    """Tell of each pair whether its images are joined by shots close together: in a series a - b - c also a and c are."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = pd.concat([pairs.left.astype(object), pairs.right.astype(object)])
    numbers, names = pd.factorize(ends)
    first, second = numbers[: len(pairs)], numbers[len(pairs) :]
    links = coo_array((np.ones(near.sum(), np.int8), (first[near], second[near])), shape=(len(names), len(names)))
    series = connected_components(links, directed=False)[1] if len(names) else np.zeros(0, np.int64)
    return series[first] == series[second]

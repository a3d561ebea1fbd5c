"""Estimate how many copies a hash does not look for, such as mirrored and cropped ones.

A random sample of the images is searched with a wider method. The share found is a share of all
images, with an interval.
"""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

import numpy as np
import pandas as pd

from ..aligned.verify import verify_pairs
from ..engine.checks import count_of
from ..engine.features import has_cv2
from ..engine.pair_graph import TOLERANCE
from ..engine.search import find_pairs
from ..fingerprints import Fingerprints, fingerprint_images
from ..groups import Grouping
from ..methods import HashMethod
from ..pairs import similar_pairs
from .intervals import binomial_interval, check_confidence

SAMPLE = 200  # images
MIN_SHARE = 0.1  # of all images in the sample; in a smaller part pairs are too rarely complete
MAX_MIRRORED = 3  # of each image that are aligned, the nearest first
MIRRORED, CROPPED = "mirrored or turned", "cropped or otherwise changed"
MISSED_COLUMNS = ["copies", "sample", "found", "estimate", "low", "high"]


def estimate_missed(
    prints: Fingerprints,
    groups: Grouping,
    *,
    sample: int = SAMPLE,
    seed: int = 0,
    confidence: float = 0.95,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Estimate how many images have a copy that the groups do not have.

    Parameters
    ----------
    prints
        made by `fingerprint_images` with a hash.
    groups
        of these images; their threshold is asked of the wider methods, too.
    sample
        images that are drawn at random. A collection of at most so many is searched whole, and the
        numbers are then exact.
    seed
        of the drawing.
    confidence
        of the intervals, between 0.5 and 1, exclusive.
    executor
        any `concurrent.futures.Executor`; None works in threads.

    Returns
    -------
    pandas.DataFrame, one row per kind of copies that was looked for:
        copies ("mirrored or turned"; with OpenCV also "cropped or otherwise changed"), sample
        (images), found (images of the sample with such a copy in another group, or in none),
        estimate (such images in the whole collection), low, high (its interval, inclusive). Empty
        if the images are not known by their files, or the method is no hash.

    Notes
    -----
    *Mirrored or turned*: the seven other views of each image of the sample are compared with all
    images. Where OpenCV is installed, what is found is aligned. The interval is that of Clopper and
    Pearson.

    *Cropped or otherwise changed*: 'aligned' searches within the sample. An image whose copy is not
    in the sample is not found, so the share is divided by the chance that a copy is in it. The
    lower end is not divided, so that it is right even if images have many copies. The row is left
    out if the sample is less than a tenth of the images, because it would say nothing.

    About 3 seconds of processor time for a sample of 200.

    Examples
    --------
    >>> prints = Fingerprints.from_bits(["a", "b"], [[True] * 64, [False] * 64])
    >>> from imgdup_nb import group_duplicates
    >>> len(estimate_missed(prints, group_duplicates(similar_pairs(prints))))
    0
    """
    confidence = check_confidence(confidence)
    images, method = prints.images, prints.method
    is_hash = isinstance(method, HashMethod) and method.function is not None
    if not is_hash or "path" not in images or prints.n_views > 1 or sample < 1:
        return pd.DataFrame(columns=MISSED_COLUMNS)
    usable = np.flatnonzero(~prints.low_detail)
    drawn = np.random.default_rng(seed).permutation(len(usable))[:sample]
    chosen = usable[np.sort(drawn)]
    if len(usable) < 2:
        return pd.DataFrame(columns=MISSED_COLUMNS)
    group_of = _groups_of(images, groups)
    mirrored = _has_mirrored(prints, chosen, usable, group_of, groups.threshold, executor)
    rows = [_estimate(MIRRORED, mirrored, len(usable), 1.0, confidence)]
    chance = (len(chosen) - 1) / (len(usable) - 1)
    if has_cv2() and chance >= MIN_SHARE:
        other = _has_aligned(images.iloc[chosen], group_of[chosen], groups.threshold, executor)
        rows.append(_estimate(CROPPED, other & ~mirrored, len(usable), chance, confidence))
    return pd.DataFrame(rows, columns=MISSED_COLUMNS)


def say_missed(missed: pd.DataFrame) -> str:
    """Say in words what `estimate_missed` found, and what to do about it; empty for no rows.

    Examples
    --------
    >>> print(say_missed(pd.DataFrame([[MIRRORED, 200, 3, 60, 13, 173]], columns=MISSED_COLUMNS)))
    A sample of 200 images suggests a mirrored or turned copy of about 60 (13 to 173): try
    method='aligned'.
    """
    if not len(missed):
        return ""
    sample = int(missed["sample"].iloc[0])
    parts = []
    for row in missed.itertuples():
        kind = "mirrored or turned" if row.copies == MIRRORED else "cropped"
        if row.low == row.high:
            parts.append(f"a {kind} copy of {row.estimate:,}")
        elif not row.found:
            parts.append(f"no {kind} copy (of {row.high:,} at most)")
        else:
            parts.append(f"a {kind} copy of about {row.estimate:,} ({row.low:,} to {row.high:,})")
    is_whole = bool((missed.low == missed.high).all())
    if is_whole and not missed.high.any():
        which = "them" if len(missed) > 1 else "mirrored and turned ones"
        return f"A search of all {count_of(sample, 'image')} for {which} finds none."
    start = "A search of all" if is_whole else "A sample of"
    verb = "finds" if is_whole else "suggests"
    words = f"{start} {count_of(sample, 'image')} {verb} {', and '.join(parts)}"
    return f"{words}: try method='aligned'."


def _groups_of(images: pd.DataFrame, groups: Grouping) -> np.ndarray:
    """Return the number of the group of each image; singles have numbers of their own, below 0."""
    known = dict(zip(groups.table.image, groups.table.group, strict=True))
    return np.array([known.get(name, -1 - k) for k, name in enumerate(images.image)], np.int64)


def _has_mirrored(
    prints: Fingerprints,
    chosen: np.ndarray,
    usable: np.ndarray,
    group_of: np.ndarray,
    threshold: float,
    executor: Executor | None,
) -> np.ndarray:
    """Tell of each chosen image whether a mirrored or turned copy is in another group, or alone."""
    method = prints.method
    seen = fingerprint_images(
        prints.images.iloc[chosen], method, orientations=True, executor=executor
    )
    has = np.zeros(len(chosen), dtype=bool)
    if not len(seen):
        return has
    place = {name: k for k, name in enumerate(prints.images.image)}
    queries = np.array([place[name] for name in seen.names], dtype=np.int64)
    views = seen.codes[:, 1:].reshape(-1, 1, seen.codes.shape[2])
    rows, columns, distances = find_pairs(
        views, method.max_distance(threshold), others=prints.codes[usable]
    )
    found = pd.DataFrame(
        {
            "query": queries[rows // (seen.n_views - 1)],
            "target": usable[columns],
            "distance": distances.astype(float),
        }
    )
    found = found[group_of[found["query"]] != group_of[found.target]]
    found = found.sort_values(["query", "distance", "target"]).drop_duplicates(["query", "target"])
    found = found.groupby("query").head(MAX_MIRRORED)
    if has_cv2() and len(found):
        found = _confirmed(found, prints.images, method, threshold, executor)
    return np.isin(chosen, found["query"].to_numpy())


def _confirmed(
    found: pd.DataFrame,
    images: pd.DataFrame,
    method: Any,
    threshold: float,
    executor: Executor | None,
) -> pd.DataFrame:
    """Return the pairs that match when they are aligned."""
    names = images.image.to_numpy(dtype=object)
    pairs = pd.DataFrame(
        {
            "left": names[found["query"]],
            "right": names[found.target],
            "distance": found.distance.to_numpy(),
            "similarity": method.similarity(found.distance.to_numpy().astype(np.int64)),
        }
    )
    pairs.attrs = {"method": method.name, "floor": threshold, "n_images": len(images)}
    kept = verify_pairs(pairs, images, min_similarity=threshold, executor=executor)
    confirmed = set(zip(kept.left, kept.right, strict=True))
    is_kept = [pair in confirmed for pair in zip(pairs.left, pairs.right, strict=True)]
    return found[is_kept]


def _has_aligned(
    images: pd.DataFrame, group_of: np.ndarray, threshold: float, executor: Executor | None
) -> np.ndarray:
    """Tell of each image whether 'aligned' finds a copy among these in another group, or alone."""
    prints = fingerprint_images(images, "aligned", executor=executor)
    pairs = similar_pairs(prints, min_similarity=threshold, executor=executor)
    pairs = pairs[pairs.similarity >= threshold - TOLERANCE]
    place = {name: k for k, name in enumerate(images.image)}
    left = np.array([place[name] for name in pairs.left.astype(object)], dtype=np.int64)
    right = np.array([place[name] for name in pairs.right.astype(object)], dtype=np.int64)
    across = group_of[left] != group_of[right]
    has = np.zeros(len(images), dtype=bool)
    has[left[across]] = has[right[across]] = True
    return has


def _estimate(
    copies: str, has: np.ndarray, n_images: int, chance: float, confidence: float
) -> dict[str, Any]:
    """Return a row: how many of all images are like those found in the sample."""
    found, sample = int(has.sum()), len(has)
    low, high = (float(end) for end in binomial_interval(found, sample, confidence))
    most = n_images - (sample - found) if chance >= 1 or copies == MIRRORED else n_images
    return {
        "copies": copies,
        "sample": sample,
        "found": found,
        "estimate": round(min(n_images * found / sample / chance, most)),
        "low": max(found, int(np.ceil(n_images * low - 1e-9))) if sample < n_images else found,
        "high": min(most, int(n_images * high / chance + 1e-9)),
    }

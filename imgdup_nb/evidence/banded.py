"""Answers of files that an earlier version wrote: a sample of its own from each band.

Then a question was drawn from one band of 2.5 percent. In each band the pairs of crowded images,
which have many pairs there, were a stratum of their own. Such answers keep the interval they had.
"""

from __future__ import annotations

import numpy as np

from .intervals import stratified_interval

CROWD = 4  # pairs of one image in one band; with more, its pairs form a stratum of their own


def find_strata(
    first: np.ndarray, second: np.ndarray, band: np.ndarray, is_certain: np.ndarray
) -> np.ndarray:
    """Return the stratum of each pair: twice its band, plus 1 if crowded; -1 for certain pairs."""
    ends = np.concatenate([first, second]).astype(np.int64)
    where = ends * (int(band.max(initial=0)) + 1) + np.concatenate([band, band])
    number, degree = np.unique(where, return_inverse=True)[1], np.zeros(len(where))
    np.add.at(degree, number, np.concatenate([~is_certain, ~is_certain]))
    crowded = degree[number] > CROWD
    return np.where(is_certain, -1, 2 * band + (crowded[: len(band)] | crowded[len(band) :]))


def strata_interval(
    stratum: np.ndarray,
    pairs: np.ndarray,
    labels: np.ndarray,
    edge: int,
    certain: int,
    confidence: float,
) -> tuple[float, float]:
    """Return the interval of precision at an edge.

    Parameters
    ----------
    stratum
        of each pair of the table.
    pairs, labels
        the pairs that were asked about, and the answers. A skipped pair counts against both ends.
    edge
        bands up to this one.
    certain
        pairs at or above the edge that need no answer.
    """
    n_strata = 2 * (edge + 1)

    def count(some: np.ndarray) -> np.ndarray:
        return np.bincount(some[(some >= 0) & (some < n_strata)], minlength=n_strata)

    sizes, asked = np.append(count(stratum), certain), np.append(count(stratum[pairs]), certain)
    same, different = (count(stratum[pairs[labels == label]]) for label in ("same", "different"))
    low, _ = stratified_interval(sizes, asked, np.append(same, certain), confidence)
    same_at_most = np.append(asked[:-1] - different, certain)
    _, high = stratified_interval(sizes, asked, same_at_most, confidence)
    return low, high

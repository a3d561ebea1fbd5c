"""One picture against all of a collection by local features: no vote, each pair is looked at."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from ..fingerprints import Fingerprints
from ..local.scores import SAME_HASH, fall_back, score_pairs
from ..pairs import complete_pairs
from ..search import find_pairs


def compare_each(
    queries: Fingerprints,
    prints: Fingerprints,
    hashes: tuple[Callable[[], Fingerprints], Callable[[], Fingerprints]],
    *,
    floor: float,
    include_low_detail: bool = False,
) -> pd.DataFrame:
    """Score each query with each image, as `similar_pairs` scores them in one collection.

    Parameters
    ----------
    queries, prints
        local features by one method.
    hashes
        give the phashes of the same images, where they are needed: pictures without enough texture that cannot be laid on each
        other are compared by these, and count only from 90 percent up.

    Returns
    -------
    pandas.DataFrame
        a pair table, each left image a query.

    Notes
    -----
    About 2 ms a pair and core.
    """
    rows, columns = (ends.ravel() for ends in np.indices((len(queries), len(prints))))
    left, right = queries.codes[:, 0], prints.codes[:, 0]
    textured = [np.array([found.is_textured for found in side], dtype=bool) for side in (left, right)]
    pairs = [(left[row], right[column]) for row, column in zip(rows, columns, strict=True)]
    scores = list(score_pairs(pairs, queries.method.name))
    hashed = np.flatnonzero(~(textured[0][rows] & textured[1][columns]))
    if len(hashed):
        percent = _by_hash(queries, prints, hashes)[rows[hashed], columns[hashed]]
        for k, value in zip(hashed, percent, strict=True):
            scores[k] = fall_back(scores[k], float(value), *pairs[k])
    similarity = np.array([score.similarity for score in scores], dtype=np.float64)
    kept = similarity >= floor - 1e-9
    found = rows[kept], columns[kept], 100.0 - similarity[kept]
    return complete_pairs(queries, prints, *found, floor=floor, include_low_detail=include_low_detail)


def _by_hash(
    queries: Fingerprints, prints: Fingerprints, hashes: tuple[Callable[[], Fingerprints], Callable[[], Fingerprints]]
) -> np.ndarray:
    """Return the percent by phash of each query and image, 0 below `SAME_HASH`; n_queries x n_images."""
    left, right = hashes[0](), hashes[1]()
    place, of_image = (
        pd.Index(side.names, dtype=object).get_indexer(known.names) for side, known in ((queries, left), (prints, right))
    )
    rows, columns, distances = find_pairs(left.codes, left.method.max_distance(SAME_HASH), others=right.codes)
    rows, columns, percent = place[rows], of_image[columns], left.method.similarity(distances)
    table, known = np.zeros((len(queries), len(prints))), (rows >= 0) & (columns >= 0)
    table[rows[known], columns[known]] = percent[known]
    return table

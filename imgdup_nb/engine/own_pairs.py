"""Pairs that another program found -> a pair table, with a floor and each pair once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .checks import check_pairs_table

MADE_ELSEWHERE = "pairs made elsewhere"


def own_pairs(table: pd.DataFrame, floor: float) -> pd.DataFrame:
    """Return pairs of another program as `similar_pairs` would list them.

    Parameters
    ----------
    table
        with the columns left, right (names of images) and similarity (percent); further columns
        come along. `attrs` may say method and n_images.
    floor
        percent, inclusive; pairs below it are left out.

    Raises
    ------
    TypeError, ValueError
        if a column is missing, or a similarity is no percent.

    Examples
    --------
    >>> found = pd.DataFrame({"left": ["b", "a"], "right": ["a", "a"], "similarity": [95.0, 100]})
    >>> own_pairs(found, 70.0)
      left right  distance  similarity relation
    0    a     b       5.0        95.0     near
    """
    if {"path", "problem"} <= set(table) and "left" not in table:
        raise TypeError(
            "fingerprints must be made by fingerprint_images(images), and this is the table of "
            "images itself"
        )
    check_pairs_table("fingerprints", table)
    similarity = pd.to_numeric(table.similarity).to_numpy(dtype=float)
    if not (np.isfinite(similarity).all() and ((similarity >= 0) & (similarity <= 100)).all()):
        raise ValueError("similarity must be percent, from 0 to 100")
    if len(similarity) and similarity.max() <= 1:
        raise ValueError("similarity must be percent: 100 times a share or a cosine")
    names = table[["left", "right"]].astype(object).map(str).to_numpy(dtype=object)
    names = np.sort(names.reshape(len(table), 2), axis=1)
    pairs = table.assign(left=names[:, 0], right=names[:, 1], similarity=similarity)
    pairs = pairs[(pairs.left != pairs.right) & (pairs.similarity >= floor - 1e-9)]
    pairs = pairs.sort_values(["similarity", "left", "right"], ascending=[False, True, True])
    pairs = pairs.drop_duplicates(["left", "right"], ignore_index=True)
    known = {"distance": 100.0 - pairs.similarity, "relation": "near"}
    pairs = pairs.assign(**{name: known[name] for name in known if name not in pairs})
    first = ["left", "right", "distance", "similarity", "relation"]
    pairs = pairs[[*first, *(name for name in pairs if name not in first)]]
    n_images = len(set(names.ravel()))
    pairs.attrs = (
        {
            "method": MADE_ELSEWHERE,
            "unit": "percent",
            "bits": 0,
            "n_images": n_images,
            "low_detail": 0,
        }
        | table.attrs
        | {"floor": floor}
    )
    return pairs

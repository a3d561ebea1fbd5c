"""Tiny pictures: method "tiny" decides where local features have too few pixels.

Where both pictures have at most `MAX_TINY_SIDE` pixels a side and method "tiny" gives 90 percent or
more, the pair has at least that similarity. `scored_by` says so. Pictures of other colours have at
most 79.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
import pandas as pd

from ..engine.features import Features
from ..engine.search import find_pairs
from ..fingerprints import Fingerprints, fingerprint_images
from ..methods import METHODS
from .bands import MAX_SCENE_SIMILARITY
from .colours import have_other_colours

MAX_TINY_SIDE = 96  # pixels of the longer side
MIN_SURE_TINY = 90.0  # percent of method "tiny"
NO_PAIRS = np.zeros((0, 2), np.int64), np.zeros(0)


def find_tiny_pairs(
    sides: Sequence[Fingerprints], executor: Executor | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of tiny copies, int64, n x 2, smaller first, and their percent.

    Images of a second collection are numbered after those of the first.
    """
    if sides[0].method.name != "aligned" or not all(map(_says_size, sides)):
        return NO_PAIRS
    tiny = [np.flatnonzero(_is_tiny(side.images) & ~side.low_detail) for side in sides]
    if min(map(len, tiny)) < 3 - len(sides):
        return NO_PAIRS
    prints = [
        fingerprint_images(side.images.iloc[some], "tiny", executor=executor)
        for side, some in zip(sides, tiny, strict=True)
    ]
    method = METHODS["tiny"]
    rows, columns, distances = find_pairs(
        prints[0].codes,
        method.max_distance(MIN_SURE_TINY),
        others=prints[1].codes if len(sides) > 1 else None,
    )
    place = [
        pd.Index(side.names, dtype=object).get_indexer(known.names)
        for side, known in zip(sides, prints, strict=True)
    ]
    pairs = np.column_stack([place[0][rows], place[-1][columns]]).astype(np.int64)
    if len(sides) > 1:
        pairs[:, 1] += len(sides[0])
    return np.sort(pairs, axis=1), method.similarity(distances)


def _says_size(side: Fingerprints) -> bool:
    return {"path", "problem", "width", "height"} <= set(side.images)


def _is_tiny(images: pd.DataFrame) -> np.ndarray:
    return (images[["width", "height"]].max(axis=1) <= MAX_TINY_SIDE).to_numpy()


def raise_tiny_pairs(
    scored: np.ndarray,
    where: np.ndarray,
    pairs: np.ndarray,
    percent: np.ndarray,
    features: Sequence[Features],
    scorer: int,
) -> None:
    """Raise the similarity of tiny copies to that of method "tiny", in place.

    Parameters
    ----------
    scored : SCORED_PAIRS
    where : the place of each pair in `scored`
    scorer : what `scored_by` becomes
    """
    for place, (one, other), value in zip(where, pairs, percent, strict=True):
        if have_other_colours(features[one], features[other]):
            value = min(value, MAX_SCENE_SIMILARITY)
        if value > scored["similarity"][place]:
            scored["similarity"][place], scored["scored_by"][place] = value, scorer

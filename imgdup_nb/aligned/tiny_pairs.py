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
from ..engine.tiny_pictures import tiny_distances
from ..fingerprints import Fingerprints, fingerprint_images
from ..methods import METHODS
from .bands import MAX_SCENE_SIMILARITY
from .colours import have_other_colours
from .scores import Score

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


def raise_scores(
    scores: list[Score],
    sides: tuple[Fingerprints, Fingerprints],
    rows: np.ndarray,
    columns: np.ndarray,
    executor: Executor | None = None,
) -> None:
    """Raise the scores of pairs of tiny copies to those of method "tiny", in place.

    Parameters
    ----------
    sides
        fingerprints by 'aligned': of the left and of the right image of each pair.
    rows, columns : int64, n_pairs
        the image of each pair in the one and in the other.
    """
    if sides[0].method.name != "aligned" or not all(map(_says_size, sides)):
        return
    tiny = [_is_tiny(side.images) & ~side.low_detail for side in sides]
    asked = np.flatnonzero(tiny[0][rows] & tiny[1][columns])
    if not len(asked):
        return
    ends = [rows[asked], columns[asked]]
    prints = [
        fingerprint_images(side.images.iloc[np.unique(end)], "tiny", executor=executor)
        for side, end in zip(sides, ends, strict=True)
    ]
    # a file may have become unreadable
    places = [
        pd.Index(known.names, dtype=object).get_indexer(np.array(side.names, object)[end])
        for side, known, end in zip(sides, prints, ends, strict=True)
    ]
    read = (places[0] >= 0) & (places[1] >= 0)
    asked, places = asked[read], [place[read] for place in places]
    found = METHODS["tiny"].similarity(
        tiny_distances(prints[0].codes, places[0], places[1], prints[1].codes)
    )
    for k, value in zip(asked, found, strict=True):
        pair = sides[0].codes[rows[k], 0], sides[1].codes[columns[k], 0]
        scores[k] = raise_score(scores[k], float(value), *pair)


def raise_score(score: Score, percent: float, left: Features, right: Features) -> Score:
    """Return the score of two tiny pictures, whose similarity by method "tiny" is known."""
    if percent < MIN_SURE_TINY:
        return score
    if have_other_colours(left, right):
        percent = min(percent, MAX_SCENE_SIMILARITY)
    if percent <= score.similarity:
        return score
    return score._replace(similarity=percent, scored_by="tiny")


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

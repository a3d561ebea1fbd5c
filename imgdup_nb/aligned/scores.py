"""Two images' features -> how much of what both show agrees, and how one lies on the other."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import NamedTuple

import numpy as np

from ..engine.features import Features, frame_of, one_cv2_thread
from ..engine.parallel import each, map_batches
from .agreement import have_other_colours
from .bands import MAX_SCENE_SIMILARITY
from .registration import MIN_FRAME_CORRELATION, align

MAX_VOTE_BITS = {
    "aligned": 56,
    "akaze": 96,
}  # by which descriptors, 256 and 486 bits long, of one patch mostly differ
PAIR_BATCH = 32  # pairs that travel together
MAX_DISTANCE_RATIO = 0.6  # a match must be this much nearer than the second nearest
MIN_PARTNER_SIMILARITY = (
    80.0  # percent; partners of such partners are looked at even if the vote passed them over
)
MIN_CANDIDATE_HASH = 84.0  # percent of phash from which a pair is looked at whatever the vote says
MIN_FALLBACK_HASH = (
    90.0  # percent of phash; below, pictures without texture are too often alike by chance
)
SMALL_SIDE = 32  # pixels a side at which pictures that a hash takes for one must be alike, too


class Score(NamedTuple):
    """What is known of one pair; a row of the columns that local features add to a pair table."""

    similarity: float
    overlap_left: float = np.nan
    overlap_right: float = np.nan
    rotation: float = np.nan
    scale: float = np.nan
    mirrored: bool = False
    matches: int = 0
    residual: float = np.nan
    scored_by: str = "aligned"


def score_pairs(
    pairs: Sequence[tuple[Features, Features]], method: str, executor: Executor | None = None
) -> Generator[Score, None, None]:
    """Yield the score of each pair of pictures, in order, worked on side by side in threads or on an executor."""
    batch = partial(_score_batch, method=method)
    with one_cv2_thread():
        yield from map_batches(batch, pairs, executor=executor, describe="align", size=PAIR_BATCH)


def _score_batch(pairs: Sequence[tuple[Features, Features]], *, method: str) -> list[Score]:
    return each(partial(_score_pair, method=method), pairs)


def _score_pair(pair: tuple[Features, Features], *, method: str) -> Score:
    return score_akaze(*pair) if method == "akaze" else score_aligned(*pair)


def score_aligned(left: Features, right: Features) -> Score:
    """Return how much of what both pictures show agrees, and how one lies on the other."""
    found = align(left, right)
    if found.transform is None:
        return Score(0.0)
    lies = (found.overlap_left, found.overlap_right, found.rotation, found.scale, found.mirrored)
    return Score(found.similarity, *lies, found.matches, found.residual)


def fall_back(score: Score, percent: float | None, left: Features, right: Features) -> Score:
    """Return the score of pictures of which one has too little texture: their percent by phash, unless they could be aligned.

    The hash of stripes or of a gradient is a few signs, which many of them share, so the pictures
    must also be alike when made small; and it sees no colours, so pictures of other ones are in the
    band of what looks alike.

    Parameters
    ----------
    percent
        by phash; None where both pictures have texture, or it is not known.

    Examples
    --------
    >>> from PIL import Image
    >>> from imgdup_nb.engine.features import aligned_features
    >>> grey = Image.linear_gradient("L")  # from above to below
    >>> upright, lying = aligned_features(grey), aligned_features(grey.rotate(90))
    >>> fall_back(Score(0.0), 93.75, upright, upright).similarity, fall_back(Score(0.0), 93.75, upright, lying).similarity
    (93.75, 0.0)
    """
    is_aligned = not np.isnan(score.overlap_left)
    if is_aligned or percent is None or percent < MIN_FALLBACK_HASH or not _are_alike(left, right):
        return score
    return Score(
        min(percent, MAX_SCENE_SIMILARITY) if have_other_colours(left, right) else percent,
        scored_by="phash",
    )


def _are_alike(left: Features, right: Features) -> bool:
    """Whether two whole pictures are the same in grey, or correlate when they are made small."""
    if np.array_equal(left.grey, right.grey):  # also where all is of one brightness
        return True
    return (
        float(frame_of(left.grey, SMALL_SIDE) @ frame_of(right.grey, SMALL_SIDE))
        >= MIN_FRAME_CORRELATION
    )


def score_akaze(left: Features, right: Features) -> Score:
    """Return matches per feature of the picture that has more of them, percent."""
    from .match_loops import ratio_matches

    most = max(len(left), len(right))
    matches = (
        len(ratio_matches(left.bits, right.bits, MAX_DISTANCE_RATIO))
        if min(len(left), len(right))
        else 0
    )
    return Score(100.0 * matches / most if most else 0.0, matches=matches, scored_by="akaze")

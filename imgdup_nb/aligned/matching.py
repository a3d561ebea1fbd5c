"""The local features of one collection or two -> the pairs above a similarity, with their scores.

Which pairs are scored: those of the vote (`candidates`), those that a hash finds, and pictures with
few features whose frames are similar. Then, pictures that are both similar to a third one. Pictures
with too little texture to be aligned have their phash similarity; the column `scored_by` says so.

The votes and the score of a pair depend only on its two images, so they may be known already
(`Known`). Which pairs are scored depends on all images, and is decided anew each time. At first,
every image is new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import combinations, islice

import numpy as np
import pandas as pd

from ..engine.feature_file import SharedFeatures, release_pages, shared_features
from ..engine.features import Features
from ..engine.parallel import LazySequence
from ..fingerprints import Fingerprints
from .agreement import is_textured
from .best_votes import VOTES
from .candidates import best_pairs, find_alike_frames, find_near_shades
from .forecast import announce_alignment, announce_comparison
from .near_hashes import best_by_hash, find_negatives, near_by_hash, phashes_of
from .scores import (
    MAX_VOTE_BITS,
    MIN_PARTNER_SIMILARITY,
    FeaturePair,
    Score,
    SharedPairs,
    fall_back,
    score_pairs,
)
from .tiny_pairs import find_tiny_pairs, raise_tiny_pairs
from .votes import count_votes

NEW_PART = 20_000  # new images whose votes are counted and handed over at a time
KEEP_BATCH = 1000  # scores that are handed over at a time, to be kept
SCORERS = ["aligned", "akaze", "phash", "tiny"]  # an index keeps the place
SCORE_FORMS = {  # the columns of a score that are not float64
    "mirrored": "?",
    "matches": "<u4",
    "scored_by": "u1",
}  # of columns of a score that are not float64
SCORE = [(name, SCORE_FORMS.get(name, "<f8")) for name in Score._fields]
SCORED_PAIRS = np.dtype(
    [("left", "<u4"), ("right", "<u4"), *SCORE]
)  # two images and their score; 62 bytes


def keep_nothing(*_found: np.ndarray) -> None:
    """Keep nothing."""


@dataclass(frozen=True, eq=False)
class Known:
    """The votes and scores that are known before images are compared, and who keeps the new ones.

    Attributes
    ----------
    is_new : bool, n_images
    votes : VOTES
        all votes between images that are not new. Images are named by their numbers here and below.
    scored : SCORED_PAIRS
        scores of any pairs, each scored in this order.
    keep_votes, keep_scored
        functions that get the votes of some new images, with their numbers, and the scores of pairs
        not known, as soon as they are computed.
    """

    is_new: np.ndarray
    votes: np.ndarray
    scored: np.ndarray
    keep_votes: Callable[[np.ndarray, np.ndarray], None] = keep_nothing
    keep_scored: Callable[[np.ndarray], None] = keep_nothing

    @classmethod
    def nothing(cls, n_images: int) -> Known:
        """Return that nothing is known."""
        return cls(np.ones(n_images, dtype=bool), np.zeros(0, VOTES), np.zeros(0, SCORED_PAIRS))


def find_local_pairs(
    fingerprints: Fingerprints,
    floor: float,
    executor: Executor | None = None,
    *,
    others: Fingerprints | None = None,
    hashes: Sequence[Fingerprints] | None = None,
    known: Known | None = None,
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Find the pairs of images with at least a similarity, by their local features.

    Parameters
    ----------
    others
        of a second collection: then each pair has its row in the first and its column in the
        second.
    hashes
        the phashes of each collection; None computes them.
    known
        votes and scores of one collection that are not computed again; None knows nothing.

    Returns
    -------
    rows, columns : int64, in lexical order; without `others` rows < columns
    scores : DataFrame, one row per pair, columns as in `Score`

    Notes
    -----
    The score of a pair depends only on its two pictures. Which pairs are scored is mostly decided
    by a vote: see `candidates`.
    """
    sides = [fingerprints] if others is None else [fingerprints, others]
    method, n_left = fingerprints.method.name, len(fingerprints)
    features: list[Features] = [image for side in sides for image in side.codes[:, 0]]
    known = Known.nothing(len(features)) if known is None else known
    n_new = int(known.is_new.sum()) if others is None else len(features)
    announce_comparison(features, n_new, method, executor)
    with shared_features(features, executor) as shared:
        if others is None:
            votes = count_new(features, MAX_VOTE_BITS[method], known, executor, shared)
        else:
            votes = count_votes(
                features,
                np.arange(len(features)) < n_left,
                MAX_VOTE_BITS[method],
                executor,
                within=False,
                shared=shared,
            )
        voted = best_pairs(votes, len(features))
        hashes = phashes_of(sides, hashes, executor)
        hashed, percent = best_by_hash(*near_by_hash(sides, hashes), features)
        negatives = find_negatives(sides, hashes, features)
        tiny, sure = find_tiny_pairs(sides, executor)
        framed = _near_by_frame(sides, features)
        tried = np.unique(np.concatenate([voted, hashed, negatives, framed, tiny]), axis=0)
        score = partial(
            score_all,
            features=features,
            method=method,
            known=known,
            executor=executor,
            paths=_paths(sides),
            shared=shared,
        )
        scored, more = score(tried), tried
        while len(more):  # of a large group of copies, each has only its best partners at first
            near = tried[scored["similarity"] >= MIN_PARTNER_SIMILARITY]
            meet = partners_of_partners if others is None else partners_across
            more = meet(near, tried)
            scored, tried = np.concatenate([scored, score(more)]), np.concatenate([tried, more])
    _fall_back(scored, hashed, percent, features)
    where = find_scored(tiny, scored)
    raise_tiny_pairs(scored, where, tiny, sure, features, SCORERS.index("tiny"))
    scored = scored[scored["similarity"] >= floor - 1e-9]
    scored = scored[np.lexsort((scored["right"], scored["left"]))]
    first_right = 0 if others is None else n_left
    return (
        scored["left"].astype(np.int64),
        scored["right"].astype(np.int64) - first_right,
        to_scores(scored),
    )


def count_new(
    features: Sequence[Features],
    max_bits: int,
    known: Known,
    executor: Executor | None,
    shared: SharedFeatures | None = None,
) -> np.ndarray:
    """Return the known votes and those of new images, which are counted and kept part by part.

    If the work is interrupted, the parts that were kept need not be counted again.
    """
    new = np.array(
        sorted(np.flatnonzero(known.is_new), key=lambda k: features[int(k)].key), np.int64
    )
    there, votes = np.flatnonzero(~known.is_new), [known.votes]
    for part in np.split(new, range(NEW_PART, len(new), NEW_PART)):
        there = np.concatenate([there, part])
        some = count_votes(
            [features[k] for k in there.tolist()],
            np.isin(there, part),
            max_bits,
            executor,
            shared=None if shared is None else shared.take(there),
        )
        ends = np.sort(there[np.column_stack([some["one"], some["other"]])], axis=1)
        some["one"], some["other"] = ends.T
        if len(part):
            known.keep_votes(some, part)
        votes.append(some)
    return np.concatenate(votes)


def _paths(sides: Sequence[Fingerprints]) -> list[str] | None:
    """Return where each image is; None if a table of images does not say that."""
    if not all("path" in side.images for side in sides):
        return None
    return [str(path) for side in sides for path in side.images["path"]]


def _near_by_frame(sides: Sequence[Fingerprints], features: Sequence[Features]) -> np.ndarray:
    """Return the pairs with similar frames or shades, int64, n x 2, smaller first.

    None but for 'aligned'.
    """
    if sides[0].method.name != "aligned":
        return np.zeros((0, 2), np.int64)
    is_blank = np.concatenate([side.low_detail for side in sides])
    n_left = None if len(sides) == 1 else len(sides[0])
    found = [find(features, is_blank, n_left) for find in (find_alike_frames, find_near_shades)]
    return np.concatenate(found)


def partners_of_partners(near: np.ndarray, tried: np.ndarray) -> np.ndarray:
    """Return pairs not tried yet of two images that are both similar to a third one.

    int64, n x 2, smaller first, in lexical order.

    Examples
    --------
    >>> near = np.array([(0, 1), (1, 2), (3, 4)])
    >>> partners_of_partners(near, tried=np.append(near, [(0, 4)], axis=0))
    array([[0, 2]])
    """
    met = {pair for around in _partners(near).values() for pair in combinations(sorted(around), 2)}
    return _not_tried(met, tried)


def partners_across(near: np.ndarray, tried: np.ndarray) -> np.ndarray:
    """Return pairs of two collections not tried yet that three similar pairs connect.

    A third image, similar to both, would be in the collection of one of them, with which it is not
    compared. So the chain has one image more: left - right - left - right.

    Examples
    --------
    >>> near = np.array([(0, 5), (1, 5), (1, 6), (2, 7)])
    >>> partners_across(near, tried=near)
    array([[0, 6]])
    """
    partners = _partners(near)
    met = set()
    for left in set(near[:, 0].tolist()):
        beside = {other for right in partners[left] for other in partners[right]}
        met |= {(left, right) for other in beside for right in partners[other]}
    return _not_tried(met, tried)


def _partners(near: np.ndarray) -> dict[int, list[int]]:
    partners: dict[int, list[int]] = {}
    for a, b in near.tolist():
        partners.setdefault(a, []).append(b)
        partners.setdefault(b, []).append(a)
    return partners


def _not_tried(met: set[tuple[int, int]], tried: np.ndarray) -> np.ndarray:
    return np.array(sorted(met - set(map(tuple, tried.tolist()))), dtype=np.int64).reshape(-1, 2)


# -- scores as records -----------------------------------------------------------------------------


def score_all(
    pairs: np.ndarray,
    features: Sequence[Features],
    method: str,
    known: Known,
    executor: Executor | None,
    paths: Sequence[str] | None = None,
    shared: SharedFeatures | None = None,
) -> np.ndarray:
    """Return SCORED_PAIRS of pairs, int64, n x 2, in their order; those not known are scored.

    `paths` say where each image is, so that pages can be read again; None reads nothing. `shared`
    are the features in a file, which the workers of the executor read.
    """
    where = find_scored(pairs, known.scored)
    unscored = pairs[where < 0]
    parts = [np.zeros(0, SCORED_PAIRS)]
    announce_alignment(unscored, features, method, executor)

    def pair_of(pair: np.ndarray) -> FeaturePair:
        a, b = pair.tolist()
        return FeaturePair(features[a], features[b], (paths[a], paths[b]) if paths else None)

    wanted: Sequence[FeaturePair] = LazySequence(pair_of, unscored)  # type: ignore[arg-type]
    if shared is not None:
        wanted = SharedPairs(shared, unscored, paths)
    with closing(score_pairs(wanted, method, executor)) as scores:
        for start in range(0, len(unscored), KEEP_BATCH):
            some = unscored[start : start + KEEP_BATCH]
            parts.append(_as_scored(some, list(islice(scores, len(some)))))
            known.keep_scored(parts[-1])
            release_pages()
    scored = np.zeros(len(pairs), SCORED_PAIRS)
    scored[where >= 0] = known.scored[where[where >= 0]]
    scored[where < 0] = np.concatenate(parts)
    return scored


def find_scored(pairs: np.ndarray, scored: np.ndarray) -> np.ndarray:
    """Return the place of each pair, int64, n x 2, in records of left and right; else -1."""
    numbers = scored["left"].astype(np.int64) << 32 | scored["right"]
    order = np.argsort(numbers, kind="stable")
    wanted = pairs[:, 0] << 32 | pairs[:, 1]
    place = np.searchsorted(numbers[order], wanted)
    found = np.full(len(pairs), -1)
    inside = place < len(order)
    found[inside] = order[place[inside]]
    found[inside] = np.where(numbers[found[inside]] == wanted[inside], found[inside], -1)
    return found


def _as_scored(pairs: np.ndarray, scores: Sequence[Score]) -> np.ndarray:
    rows = [
        (*pair, *score._replace(scored_by=SCORERS.index(score.scored_by)))  # type: ignore[arg-type]
        for pair, score in zip(pairs.tolist(), scores, strict=True)
    ]
    return np.array(rows, SCORED_PAIRS)


def _fall_back(
    scored: np.ndarray, pairs: np.ndarray, percent: np.ndarray, features: Sequence[Features]
) -> None:
    """Score by phash the pairs that it found and that have too little texture: see `fall_back`."""
    where = find_scored(pairs, scored)
    not_aligned = np.isnan(scored["overlap_left"][where])
    for place, (one, other), value in zip(
        where[not_aligned], pairs[not_aligned], percent[not_aligned], strict=True
    ):
        if is_textured(features[one]) and is_textured(features[other]):
            continue
        score = fall_back(Score(0.0), float(value), features[one], features[other])
        if score.similarity > 0:
            scored[place] = _as_scored(np.array([[one, other]]), [score])[0]


def to_scores(scored: np.ndarray) -> pd.DataFrame:
    """Return records of scores as the columns that local features add to a pair table."""
    columns = {
        name: scored[name].copy() for name in Score._fields if name in (scored.dtype.names or ())
    }
    columns["matches"] = columns["matches"].astype(np.int64)
    names = np.array([*SCORERS], dtype=object)
    return pd.DataFrame(columns | {"scored_by": pd.Series(names[scored["scored_by"]], dtype="str")})

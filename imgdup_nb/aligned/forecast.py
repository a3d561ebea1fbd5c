"""How long a comparison by local features takes, by a sample, said before it starts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from copy import copy

import numpy as np

from ..engine.checks import count_of
from ..engine.features import Features
from ..engine.parallel import announce
from .scores import FeaturePair, score_pairs

MIN_ANNOUNCED = 2000  # images; fewer take seconds
SAMPLE_PAIRS = 64
PAIRS_AN_IMAGE = 18  # that are aligned, about
# votes of an image take as long as to align one pair for each so many images, up to as many pairs
IMAGES_A_PAIR, MAX_VOTE_PAIRS = 500, 20


def announce_comparison(
    features: Sequence[Features], n_new: int, method: str, executor: Executor | None
) -> None:
    """Say how long votes and alignments of some new images take, if that is long."""
    if n_new < max(1, MIN_ANNOUNCED):
        return
    n = len(features)
    drawn = np.random.default_rng(0).integers(0, n, (SAMPLE_PAIRS, 2)).tolist()
    each = seconds_a_pair(lambda k: FeaturePair(*(features[one] for one in drawn[k])), method)
    pairs = PAIRS_AN_IMAGE + min(MAX_VOTE_PAIRS, n / IMAGES_A_PAIR)
    what = f"Comparing {count_of(n_new, 'image')} by their local features"
    announce(what, n_new * pairs * each, executor)


def announce_alignment(
    pairs: np.ndarray, features: Sequence[Features], method: str, executor: Executor | None
) -> None:
    """Say how long it takes to align pairs of images, int64, n x 2, if that is long."""
    if len(pairs) < max(1, MIN_ANNOUNCED * PAIRS_AN_IMAGE / 2):
        return
    drawn = np.random.default_rng(0).choice(pairs, SAMPLE_PAIRS).tolist()
    each = seconds_a_pair(lambda k: FeaturePair(*(features[one] for one in drawn[k])), method)
    announce(f"Aligning {count_of(len(pairs), 'pair')}", len(pairs) * each, executor)


def seconds_a_pair(pair_of: Callable[[int], FeaturePair], method: str) -> float:
    """Return the seconds of a processor that it takes to score one of the sampled pairs."""
    pairs = [pair_of(k) for k in range(SAMPLE_PAIRS)]
    list(score_pairs(pairs, method))  # compiles what these pairs need, which may take seconds
    # what is known of an image is remembered by its object, so copies are scored anew
    again = [FeaturePair(copy(pair.left), copy(pair.right), pair.files) for pair in pairs]
    start = time.process_time()
    list(score_pairs(again, method))
    return (time.process_time() - start) / len(pairs)

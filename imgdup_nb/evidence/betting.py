"""Bets against a claim: a capital that may be looked at after every answer.

Pairs are asked about in a random order. The claim "at most k of these N pairs are the same" gives
each next answer a chance. Whoever bets against the claim, at the odds of the claim, cannot expect
to win while it is true. So the capital, which starts at 1, ever reaches 20 with a probability of at
most 1/20 (Ville 1939), however long you look and whenever you stop. A claim is refuted once the
capital has reached 1 / alpha. An interval is what is not refuted (Waudby-Smith and Ramdas 2020, for
draws without replacement).

The stake is divided among a few hopes: that there are no mistakes, or 20, 40 or 70 % of those
that the claim allows. With up to twelve mistakes a proof then needs no more answers than with equal
stakes on 0, 25 and 60 %. Each part is a ratio of two hypergeometric probabilities. So the
capital depends on the numbers of answers only, and it falls when k rises.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

# which share of the mistakes that a claim allows a bet expects, and how much is staked on it
HOPES = np.array([0.0, 0.2, 0.4, 0.7])
STAKES = np.array([0.375, 0.245, 0.28, 0.1])


@dataclass(frozen=True, eq=False)
class Draws:
    """Answers about `size` pairs in the random order of the questions.

    Attributes
    ----------
    size
        pairs that can be asked about.
    hits, misses
        int64; how many of the first 0, 1, 2, ... answers were one and the other. Their sum is the
        number of answers, or less where answers were skipped: see `of`.
    """

    size: int
    hits: np.ndarray
    misses: np.ndarray

    @classmethod
    def of(cls, size: int, answers: np.ndarray) -> Draws:
        """Read answers: bool, true for a hit, in the order of the questions."""
        hits = np.concatenate([[0], np.cumsum(answers)]).astype(np.int64)
        return cls(int(size), hits, np.arange(len(hits)) - hits)

    def mirrored(self) -> Draws:
        """Return the same answers with hits and misses exchanged."""
        return Draws(self.size, self.misses, self.hits)

    def capital(self, most: int) -> float:
        """Return the logarithm of the highest capital against "at most `most` are hits".

        Infinite once more hits were seen, or if `most` is negative.
        """
        if self.hits[-1] > most:
            return math.inf
        return max(0.0, float(log_capital(self.size, most, self.hits, self.misses).max()))

    def fewest(self, alpha: float) -> int:
        """Return the smallest number of hits among all pairs that is not refuted at `alpha`."""
        bound, refuted = math.log(1 / alpha), int(self.hits[-1]) - 1
        open_ = self.size - int(self.misses[-1])  # so many hits are possible whatever the bets say
        while open_ - refuted > 1:
            middle = (refuted + open_) // 2
            if self.capital(middle) >= bound:
                refuted = middle
            else:
                open_ = middle
        return open_


def log_capital(size: int, most: int, hits: np.ndarray, misses: np.ndarray) -> np.ndarray:
    """Return the logarithm of the capital against "at most `most` of `size` are hits".

    `hits` and `misses` are counts of answers, int arrays of one shape, and the result has it, too.
    A hope that expected fewer misses than were seen has lost its stake. If more hits were seen than
    the claim allows, it is refuted: the capital is infinite.
    """
    allowed = size - most
    hoped = HOPES[:, None] * allowed
    n_hits, n_misses = (np.arange(int(counts.max(initial=0)) + 1) for counts in (hits, misses))
    with np.errstate(invalid="ignore", divide="ignore"):
        # the chance by the hope, over the chance by the claim
        by_hits = _log_falling(size - hoped, n_hits) - _log_falling(float(most), n_hits)
        by_misses = _log_falling(hoped, n_misses) - _log_falling(float(allowed), n_misses)
        by_misses = np.where(n_misses <= hoped, by_misses, -np.inf)
        by_hits = np.where(n_hits <= most, by_hits, np.inf) + np.log(STAKES)[:, None]
        gains = by_hits[:, hits] + by_misses[:, misses]
    gains = np.where(hits > most, np.inf, gains)
    top = gains.max(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = top + np.log(np.exp(gains - top).sum(axis=0))
    return np.where(np.isinf(top), top, total)


def _log_falling(start: np.ndarray | float, count: np.ndarray) -> np.ndarray:
    """Return the logarithm of ``start * (start - 1) * ... * (start - count + 1)``."""
    return gammaln(start + 1) - gammaln(start - count + 1)


def refute_together(
    capital: np.ndarray, weight: np.ndarray, alpha: float, most_alpha: float
) -> np.ndarray:
    """Tell which of several claims are refuted, so that any is wrongly refuted with alpha at most.

    Parameters
    ----------
    capital
        n_claims; logarithm of the highest capital against each.
    weight
        n_claims; each claim's share of alpha. No claim waits for another one.
    alpha
        chance of one or more wrong refutations.
    most_alpha
        a claim also needs a capital of 1 / most_alpha by itself.

    Notes
    -----
    Holm's method (1979) with weights: the share of a claim that was refuted passes to the others.
    """
    refuted = np.zeros(len(capital), dtype=bool)
    chance = np.exp(-np.maximum(capital, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        order = np.argsort(np.where(weight > 0, chance / weight, np.inf), kind="stable")
    for claim in order:
        left = weight[~refuted].sum()
        share = alpha * weight[claim] / left if left > 0 else 0.0
        if not chance[claim] <= min(share, most_alpha) * (1 + 1e-12):
            break
        refuted[claim] = True
    return refuted

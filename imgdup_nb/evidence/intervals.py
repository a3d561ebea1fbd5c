"""Intervals for shares: how far a counted precision or recall may be from the true one.

There are three kinds of counting, and a function for each. All intervals are two-sided and
inclusive. Of the true shares outside an interval, about half are above it and half below.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np
from scipy.special import betaincinv, ndtri, stdtrit, xlogy

from ..engine.checks import shown

GRID, ROUNDS = 33, 8  # the multiplier's logarithm to 1e-10
# nats added to the bound of answers: people check after each answer and stop when they like (D22)
LOOKING = 1.0


def check_confidence(value: Any) -> float:
    """Return a confidence as a float, or raise if it is not between 0.5 and 1 (both exclusive).

    Examples
    --------
    >>> check_confidence(95)
    Traceback (most recent call last):
    ...
    ValueError: confidence must be between 0.5 and 1, such as 0.95, and 95 is not
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not 0.5 < float(value) < 1:
        raise ValueError(
            f"confidence must be between 0.5 and 1, such as 0.95, and {shown(value)} is not"
        )
    return float(value)


def binomial_interval(
    successes: Any, trials: Any, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Return the Clopper-Pearson interval of a share counted in independent trials.

    Parameters
    ----------
    successes, trials
        numbers or arrays of one shape. Fractions are allowed, for effective numbers.
    confidence
        between 0.5 and 1, exclusive.

    Returns
    -------
    low, high : float64
        0 and 1 where nothing was tried.

    Examples
    --------
    >>> low, high = binomial_interval(30, 30)  # thirty out of thirty
    >>> round(float(low), 3), float(high)
    (0.884, 1.0)
    """
    tail = (1 - check_confidence(confidence)) / 2
    successes, trials = np.broadcast_arrays(
        np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    )
    failures = np.maximum(trials - successes, 0.0)
    with np.errstate(invalid="ignore"):  # a parameter 0 gives NaN; those places are filled in here
        low = np.where(successes > 0, betaincinv(successes, failures + 1, tail), 0.0)
        high = np.where(failures > 0, betaincinv(successes + 1, failures, 1 - tail), 1.0)
    return low, high


def paired_interval(
    share: np.ndarray, pairs: np.ndarray, effective: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of a share counted over dependent pairs.

    The Korn-Graubard interval: Clopper-Pearson with the effective number of independent pairs in
    place of the counted one.
    """
    trials = np.clip(effective, 0.0, pairs)
    return binomial_interval(np.nan_to_num(share) * trials, trials, confidence)


def few_clusters(weights: np.ndarray, confidence: float) -> float:
    """Return the factor for a variance that was estimated from few clusters; at least 1.

    The ratio of Student's to the normal quantile, squared, with Kish's effective number of clusters
    (Korn and Graubard 1998).
    """
    total = (weights**2).sum()
    clusters = max(weights.sum() ** 2 / total, 2.0) if total else 2.0
    tail = (1 - confidence) / 2
    return float((stdtrit(clusters - 1, tail) / ndtri(tail)) ** 2)


def stratified_interval(
    sizes: Any, asked: Any, successes: Any, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the interval of a share in a population that was sampled in strata.

    Parameters
    ----------
    sizes
        n_strata whole numbers: all members.
    asked
        n_strata whole numbers: members drawn at random, without replacement.
    successes
        n_strata whole numbers, of those asked.

    Returns
    -------
    low, high : float
        0 and 1 where nothing was asked. A stratum that was asked completely adds no uncertainty.
        One that was not asked adds its whole share.

    Notes
    -----
    The interval contains the shares of all strata whose likelihood ratio with the answers, ``sum(n
    KL(seen, true))``, is at most ``log(2 / (1 - confidence)) + 1``. Without the 1 this is
    Chernoff's bound for one stratum, valid for one fixed number of answers. With it the interval
    stays valid even if you check after every answer and stop when you like. The root of the
    likelihood ratio is nearly an Ornstein-Uhlenbeck process in the logarithm of the number. It
    crosses a bound c within n answers with a probability of about ``c phi(c) log(n) / 2`` at each
    end, which is 0.025 for ten thousand.

    The usual formulas are the normal one and that of Korn and Graubard with estimated variances.
    They miss far more often than 5 % if a large stratum happens to give equal answers. Take a
    stratum of 2,000, 5 of them asked, and one of 100, 45 of them asked, with true shares of 97 %
    and 50 %. The usual interval misses in 86 % of the cases.

    Examples
    --------
    >>> low, high = stratified_interval([100, 100], [15, 15], [15, 15])  # all thirty said yes
    >>> round(low, 3), high
    (0.87, 1.0)
    >>> stratified_interval([20, 10], [20, 10], [20, 5])  # all were asked: no doubt is left
    (0.8333333333333334, 0.8333333333333334)
    """
    bound = math.log(2 / (1 - check_confidence(confidence))) + LOOKING
    sizes, asked, successes = (
        np.asarray(values, dtype=float) for values in (sizes, asked, successes)
    )
    total = sizes.sum()
    if total == 0:
        return 0.0, 1.0
    fewest = _least_total(sizes, asked, successes, bound)
    most = total - _least_total(sizes, asked, asked - successes, bound)
    # the number of successes is whole, and what was seen is certain
    fewest = max(math.floor(fewest + 1e-9), successes.sum())
    most = min(math.ceil(most - 1e-9), total - (asked - successes).sum())
    return float(fewest / total), float(most / total)


def _least_total(
    sizes: np.ndarray, asked: np.ndarray, successes: np.ndarray, bound: float
) -> float:
    """Return the smallest number of successes in the population that the answers allow."""
    complete = asked >= sizes
    certain = successes[complete].sum()
    open_ = ~complete & (asked > 0) & (successes > 0)  # elsewhere the share may be 0
    if not open_.any():
        return float(certain)
    sizes, asked, successes = sizes[open_], asked[open_], successes[open_]
    seen = successes / asked
    # drawn without replacement: worth more than independent draws
    weight = asked * (sizes - 1) / (sizes - asked)
    shares = _lowest_shares(sizes, weight, seen, bound)
    return float(certain + (sizes * shares).sum())


def _lowest_shares(
    sizes: np.ndarray, weight: np.ndarray, seen: np.ndarray, bound: float
) -> np.ndarray:
    """Minimise ``sum(sizes * p)`` over all p with ``sum(weight * KL(seen, p)) <= bound``.

    By Lagrange, each p solves the quadratic ``sizes * p * (1 - p) = m * weight * (seen - p)``. The
    divergence falls as the multiplier m grows, so m is found by narrowing a grid.
    """

    def shares(log_multipliers: np.ndarray) -> np.ndarray:
        pull = np.exp(log_multipliers)[:, None] * weight
        linear = sizes + pull
        root = np.sqrt(np.maximum(linear**2 - 4 * sizes * pull * seen, 0.0))
        return np.minimum(2 * pull * seen / (linear + root), seen)

    def divergence(p: np.ndarray) -> np.ndarray:
        p = np.maximum(p, 1e-300)
        inside = xlogy(seen, seen / p) + xlogy(1 - seen, (1 - seen) / np.maximum(1 - p, 1e-300))
        return (weight * inside).sum(axis=1)

    low, high = -60.0, 60.0
    for _ in range(ROUNDS):  # a grid at once: numpy's calls cost more than its numbers
        grid = np.linspace(low, high, GRID)
        first = max(int(np.argmax(divergence(shares(grid)) <= bound)), 1)
        low, high = grid[first - 1], grid[first]
    return shares(np.array([high]))[0]

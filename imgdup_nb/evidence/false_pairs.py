"""The rate of false pairs among unrelated images, and its interval.

The pairs of a sample share images, so they are not independent. One odd picture can be similar to
many. A kind of picture too rare to be in the sample can make more false pairs than all that were
counted. The upper end of an interval adds both:

- the pairs that were counted: a Clopper-Pearson interval with an effective number of independent
  pairs. It follows from how unevenly the false pairs are spread over the images (the variance of a
  U-statistic);
- the kinds that may be missing: by the rule of three, a kind with no image among n may still be
  3.7 / n of all pictures (at 97.5 percent). Each of them is similar to at most `reach` of the rest.

Without a bound on the reach, no count among n images can exclude a rate of 7.4 / n. For reach 1,
Hoeffding's bound for U-statistics is used instead. It holds for any collection and is not wider.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import xlogy

from ..engine.pair_graph import TOLERANCE
from ..fingerprints import Fingerprints
from .evaluate import Truth
from .intervals import binomial_interval, few_clusters
from .sampling import CERTAIN

# of all pictures (D23); among 1,500 photographs the largest was 0.01 by phash at 80, 0.05 at 70
USUAL_REACH = 0.1
ENOUGH_TO_SEE_CLUMPS = 20  # false pairs; with fewer, their clumping must be assumed
# for rare kinds of similar images: no pair seen then excludes 15.5 pairs, not 3.7, at 97.5 percent
CLUMPING = 4.2
MAX_SUSPECTS = 20
HALVINGS = 60  # steps of a bisection between two rates


def score_false_pairs(
    prints: Fingerprints,
    pairs: pd.DataFrame,
    known: Truth | None,
    max_reach: float,
    confidence: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables `false_pairs` and `suspects` of a `Calibration`."""
    first, second = pairs.left.cat.codes.to_numpy(), pairs.right.cat.codes.to_numpy()
    related = pairs.relation.isin(CERTAIN).to_numpy()
    n = len(prints)
    comparisons = n * (n - 1) // 2 - int(related.sum())
    if known is not None:
        same = known.same(first, second)
        comparisons -= known.n_pairs - int((same & related).sum())
        related = related | same
    unrelated = pairs[~related]
    levels = prints.method.levels(pairs.attrs["floor"])
    ends, similarity = (first[~related], second[~related]), unrelated.similarity.to_numpy()
    table = rate_table(
        *ends, similarity, levels, n, comparisons, max_reach=max_reach, confidence=confidence
    )
    suspects = unrelated.head(MAX_SUSPECTS)[["left", "right", "similarity"]].astype(
        {"left": object, "right": object}
    )
    return table, suspects.reset_index(drop=True)


def rate_table(
    first: np.ndarray,
    second: np.ndarray,
    similarity: np.ndarray,
    levels: np.ndarray,
    n: int,
    comparisons: int,
    *,
    max_reach: float = USUAL_REACH,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return the rate of false pairs at each level, with its interval.

    Parameters
    ----------
    first, second, similarity : n_false
        image numbers and percent of each false pair, most similar first.
    levels : percent, strictest first
    n, comparisons
        images, and pairs of unrelated images among them.
    max_reach
        largest share of all images that an image of a missing kind is similar to.

    Returns
    -------
    pandas.DataFrame, one row per level:
        threshold, false, comparisons, reach (largest share of the other images that one image is
        similar to), rate, rate_low, rate_high.
    """
    false = np.searchsorted(-similarity, -(levels - TOLERANCE), side="right")
    degrees, start, degree = [], 0, np.zeros(n, dtype=np.int64)
    for stop in false:  # pairs are sorted by level
        degree = (
            degree
            + np.bincount(first[start:stop], minlength=n)
            + np.bincount(second[start:stop], minlength=n)
        )
        degrees.append(degree)
        start = stop
    reach = np.array([some.max(initial=0) for some in degrees]) / max(n - 1, 1)
    rate = false / comparisons if comparisons else np.zeros(len(levels))
    excess = np.array([_clumping(some, comparisons, confidence) for some in degrees])
    low, high = binomial_interval(false / excess, comparisons / excess, confidence)
    if max_reach >= 1:
        high = any_rate_above(rate, n, confidence)
    else:  # of a missing kind: as assumed, or the largest reach seen at this level
        high = np.minimum(high + missed_rate(n, np.maximum(max_reach, reach), confidence), 1.0)
    columns = {
        "false": false,
        "comparisons": comparisons,
        "reach": reach,
        "rate": rate,
        "rate_low": low,
        "rate_high": high,
    }
    return pd.DataFrame({"threshold": levels, **columns})


def _clumping(degree: np.ndarray, comparisons: int, confidence: float) -> float:
    """Return the variance of the count of false pairs over that of independent pairs; at least 1.

    Let e be 1 for a false pair and 0 for another one, less the rate. The products of e over all two
    pairs that share an image are summed. The result is this sum, divided by the sum of the squares
    of e. `degree` has the false pairs of each image.
    """
    n_false = degree.sum() / 2
    rate = n_false / comparisons if comparisons else 0.0
    if not 0 < rate < 1:
        return CLUMPING
    residual = degree - rate * (len(degree) - 1)
    excess = max(1.0, float((residual**2).sum() / (comparisons * rate * (1 - rate)) - 1))
    unsure = few_clusters(degree, confidence)
    if n_false < ENOUGH_TO_SEE_CLUMPS:
        return max(excess * min(unsure, 2.0), CLUMPING)
    return excess * unsure


def least_rate(n: int, max_reach: float, confidence: float) -> float:
    """Return the upper end of the rate if no pair of n images is false: no less can be shown."""
    if max_reach >= 1:
        return float(any_rate_above(np.zeros(1), n, confidence)[0])
    comparisons = n * (n - 1) / 2
    _, high = binomial_interval(0.0, comparisons / CLUMPING, confidence)
    return min(float(high + missed_rate(n, np.array(max_reach), confidence)), 1.0)


def missed_rate(n: int, reach: np.ndarray, confidence: float) -> np.ndarray:
    """Return the rate of false pairs that a missing kind of image may add.

    No image of the kind is among n with a probability of (1 - confidence) / 2. Each of its images
    is similar to `reach` of all images, so its pairs are twice its share times `reach`.
    """
    share = 1 - ((1 - confidence) / 2) ** (1 / max(n, 1))
    return 2 * share * reach


def any_rate_above(rate: np.ndarray, n: int, confidence: float) -> np.ndarray:
    """Return the upper end of a rate counted among the pairs of n images of any collection.

    Hoeffding (1963): the count is an average over all ways to divide the images into n // 2
    independent pairs. So Chernoff's bound for n // 2 trials holds for it.
    """
    wanted = np.log(2 / (1 - confidence)) / max(n // 2, 1)
    low, high = np.array(rate, dtype=float), np.ones_like(rate, dtype=float)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        strayed = xlogy(rate, rate / np.maximum(middle, 1e-300)) + xlogy(
            1 - rate, (1 - rate) / np.maximum(1 - middle, 1e-300)
        )
        low, high = (
            np.where(strayed < wanted, middle, low),
            np.where(strayed < wanted, high, middle),
        )
    return high

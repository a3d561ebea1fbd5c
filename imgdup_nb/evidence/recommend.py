"""Requirements and evidence -> the threshold that meets them, or how much evidence is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ..engine.checks import check_percent, shown
from .calibrate import Calibration
from .evaluate import PairsOrGroups
from .intervals import check_confidence
from .label_scores import read_answers
from .labels import Labels
from .price import check_price, costs_by_answers, costs_by_truth, say_price
from .requirements import Evidence
from .wording import say_conflict, say_what_is_missing, say_why

NO_THRESHOLD = 90.0  # the threshold that is meant if none is named; the labeler begins there


@dataclass(frozen=True, eq=False)
class Recommendation:
    """A threshold and the evidence for it, made by `recommend_threshold`.

    It is true in a condition if a threshold is recommended.

    Attributes
    ----------
    threshold
        percent, inclusive; None where the evidence supports none.
    reason
        why, or what is missing, in a sentence.
    intervals
        low and high of each required quantity at the threshold: "precision", "false pairs",
        "expected false pairs", "recall of ...".
    more_answers
        about how many more labels are needed: in half of all cases. 0 where a threshold is
        recommended, or where labels are not the evidence.
    evidence
        one row per requirement and level: requirement, threshold, low, high, fulfilled.
    requirements, confidence
        as given.
    more_answers_at_most
        the same in nine of ten cases; None if perhaps no number is enough.
    """

    threshold: float | None
    reason: str
    intervals: dict[str, tuple[float, float]]
    more_answers: int
    evidence: pd.DataFrame
    requirements: dict[str, float]
    confidence: float
    more_answers_at_most: int | None = 0

    def __bool__(self) -> bool:
        return self.threshold is not None

    def __repr__(self) -> str:
        head = "no threshold" if self.threshold is None else f"threshold {self.threshold:g}"
        return f"<Recommendation: {head}>\n{self.reason}"


def recommend_threshold(
    pairs: pd.DataFrame | None = None,
    *,
    labels: Labels | pd.DataFrame | None = None,
    truth: PairsOrGroups | None = None,
    calibration: Calibration | None = None,
    min_precision: float | None = None,
    max_false_pairs: float | None = None,
    min_recall: float | None = None,
    cost_false: float | None = None,
    cost_missed: float | None = None,
    variations: Sequence[str] | None = None,
    n_images: int | None = None,
    threshold: float = NO_THRESHOLD,
    confidence: float = 0.95,
) -> Recommendation:
    """Choose the threshold that meets your requirements or costs least.

    Where the evidence is not enough, it tells how much is missing.

    Parameters
    ----------
    pairs
        made by `similar_pairs`; not needed where only a calibration is used.
    labels, truth, calibration
        the evidence: a person's answers about `pairs`, the true duplicates (see
        `score_thresholds`), or known copies. Give what you have. Where several can answer, `truth`
        comes first, then `calibration`, then `labels`.
    min_precision
        0 to 1: at least this share of the pairs must be duplicates. From truth or labels.
    max_false_pairs
        at most this many pairs may be false. In this collection they are counted (truth,
        calibration) or estimated (labels); in another one of n_images they are expected
        (calibration).
    min_recall
        0 to 1: at least this share of the duplicates must be found. From truth, or for each of
        `variations` in a calibration.
    cost_false, cost_missed
        a price in place of requirements: what one false pair costs, and one missed duplicate, in
        any unit. Both are needed, and truth or labels.
    variations
        names in the calibration; None for all.
    n_images
        size of another collection of the same kind that max_false_pairs is about; None for the
        calibrated one itself.
    threshold
        percent; the threshold that you have in mind. Only labels use it: half of the chance of an
        error is spent there, so it needs the fewest answers. The other half is shared by all other
        thresholds. Name it before you look at the answers, and do not change it afterwards.
    confidence
        each requirement by itself holds at the threshold recommended with at least this confidence.
        One end of a two-sided interval must meet it. With labels you may check after every answer
        and stop at the first threshold recommended; the confidence stays valid.

    Returns
    -------
    Recommendation
        If you ask only for few false pairs or for precision: the lowest threshold that the evidence
        supports, which finds most. If you ask for recall, alone or too: the highest. With a price:
        the threshold of least expected cost. `intervals` then has "cost", and "threshold" with the
        lowest and highest that could be the cheapest. `evidence` has one row per threshold:
        threshold, false, missed, cost, cost_low, cost_high, possible. By labels, false, missed and
        cost leave out pairs of bands of 2.5 percent in which no random question was answered, so
        nothing is recommended because nobody was asked.

    Raises
    ------
    ValueError
        if nothing is required, a requirement is out of range, or no evidence given can judge it.

    Examples
    --------
    >>> import numpy as np
    >>> import imgdup_nb as dup
    >>> bits = np.zeros((4, 64), dtype=bool)
    >>> bits[1, :2] = bits[2, :6] = bits[3, 32:] = True
    >>> pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a1", "a2", "b1", "a3"], bits))
    >>> dup.recommend_threshold(pairs, labels=dup.Labels(), min_precision=0.95)
    <Recommendation: no threshold>
    Not enough evidence for precision >= 0.95. Label about 3 more pairs at 90 % (if it can be
    proved at all): so far it is 0.00 to 1.00 there.
    """
    check_confidence(confidence)
    if cost_false is not None or cost_missed is not None:
        if not {min_precision, max_false_pairs, min_recall} == {None}:
            raise ValueError("name a price or requirements, not both")
        price = check_price(cost_false, cost_missed)
        return _recommend_by_price(pairs, labels, truth, price, confidence)
    required = _check_requirements(min_precision, max_false_pairs, min_recall)
    evidence = Evidence(
        pairs,
        labels=labels,
        truth=truth,
        calibration=calibration,
        variations=variations,
        n_images=n_images,
        threshold=check_percent("threshold", threshold),
        confidence=confidence,
    )
    tests = [
        test for name, limit in required.items() for test in evidence.requirements(name, limit)
    ]
    table = pd.concat([test.table() for test in tests], ignore_index=True)
    supported = [test.supported() for test in tests]
    failed = [test for test, levels in zip(tests, supported, strict=True) if not len(levels)]
    if failed:
        reason, more = say_what_is_missing(failed[0])
        return Recommendation(
            None, reason, {}, more.median or 0, table, required, confidence, more.most
        )
    candidates = np.unique(np.concatenate(supported))
    accepted = [
        candidate
        for candidate in candidates
        if all(test.accepts(candidate, ok) for test, ok in zip(tests, supported, strict=True))
    ]
    if not accepted:
        reason = say_conflict(tests, supported)
        return Recommendation(None, reason, {}, 0, table, required, confidence)
    is_lowest = all(test.strict_first for test in tests)
    chosen = float(min(accepted) if is_lowest else max(accepted))
    intervals = {test.name: test.at(chosen) for test in tests}
    reason = say_why(chosen, tests, confidence, is_lowest)
    return Recommendation(chosen, reason, intervals, 0, table, required, confidence)


def _recommend_by_price(
    pairs: pd.DataFrame | None,
    labels: Labels | pd.DataFrame | None,
    truth: PairsOrGroups | None,
    price: dict[str, float],
    confidence: float,
) -> Recommendation:
    if pairs is None or (truth is None and labels is None):
        raise ValueError(
            "a price needs pairs, and truth= or labels=: what was missed in a calibration is of "
            "copies that were made, and nobody knows how many there are"
        )
    if truth is not None:
        costs = costs_by_truth(pairs, truth, price, confidence)
    else:
        assert labels is not None
        costs = costs_by_answers(read_answers(pairs, labels), price, confidence)
    if not len(costs.table):
        reason = "Not enough evidence for a price: the pair table is empty."
        return Recommendation(None, reason, {}, 0, costs.table, price, confidence)
    if costs.n_answers == 0 and costs.n_silent:
        reason = (
            "Not enough evidence for a price: no random question about this table has been "
            "answered. PairLabeler(pairs, images) asks them."
        )
        return Recommendation(None, reason, {}, 0, costs.table, price, confidence)
    row, possible = costs.table.iloc[costs.cheapest], costs.table.threshold[costs.table.possible]
    intervals = {
        "threshold": (float(possible.min()), float(possible.max())),
        "cost": (float(row.cost_low), float(row.cost_high)),
    }
    reason = say_price(costs, price, confidence)
    return Recommendation(
        float(row.threshold), reason, intervals, 0, costs.table, price, confidence
    )


def _check_requirements(
    min_precision: Any, max_false_pairs: Any, min_recall: Any
) -> dict[str, float]:
    given = {
        "min_precision": min_precision,
        "max_false_pairs": max_false_pairs,
        "min_recall": min_recall,
    }
    given = {name: limit for name, limit in given.items() if limit is not None}
    if not given:
        raise ValueError(
            "name a requirement: min_precision=0.99, max_false_pairs=5, min_recall=0.95, or "
            "several of them; or a price: cost_false=50, cost_missed=1"
        )
    for name, limit in given.items():
        if name != "max_false_pairs":
            check_share(limit, name)
        elif isinstance(limit, bool) or not isinstance(limit, Real) or not float(limit) >= 0:
            raise ValueError(f"{name} must be a number from 0 up, and {shown(limit)} is not")
    return {name: float(limit) for name, limit in given.items()}


def check_share(value: Any, name: str = "min_precision") -> float:
    """Return a share as a float, or raise if it is not from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise ValueError(
            f"{name} must be a share from 0 to 1, such as 0.95, and {shown(value)} is not"
        )
    return float(value)

"""Requirements and evidence -> the threshold that meets them, or how much evidence is missing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ..engine.checks import check_list, check_made_by, check_pairs_table
from ..engine.pair_graph import TOLERANCE
from .calibrate import Calibration
from .evaluate import PairsOrGroups, score_in_full
from .intervals import check_confidence
from .labels import Labels
from .sampling import Answers, read_answers


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
        about how many more labels are needed; 0 where a threshold is recommended, or where labels
        are not the evidence.
    evidence
        one row per requirement and level: requirement, threshold, low, high, fulfilled.
    requirements, confidence
        as given.
    """

    threshold: float | None
    reason: str
    intervals: dict[str, tuple[float, float]]
    more_answers: int
    evidence: pd.DataFrame
    requirements: dict[str, float]
    confidence: float

    def __bool__(self) -> bool:
        return self.threshold is not None

    def __repr__(self) -> str:
        head = "no threshold" if self.threshold is None else f"threshold {self.threshold:g}"
        return f"<Recommendation: {head}>\n{self.reason}"


@dataclass(frozen=True, eq=False)
class _Requirement:
    """One quantity with its interval at each level, strictest level first, and its limit.

    `at_least`: the low end must reach the limit; otherwise the high end must not exceed it.
    `provable` is False where even perfect answers could not meet the limit. It depends on which
    pairs were asked about, never on the answers.
    """

    name: str
    span: tuple[np.ndarray, np.ndarray, np.ndarray]  # levels, low, high
    limit: float
    at_least: bool
    strict_first: bool
    source: str
    provable: np.ndarray | None = None
    answers: Answers | None = field(default=None, repr=False)
    assumption: str = ""  # a sentence: what the interval assumes and no evidence can show
    way_out: str = "Lower the requirement, or bring more evidence."

    @property
    def levels(self) -> np.ndarray:
        return self.span[0]

    @property
    def low(self) -> np.ndarray:
        return self.span[1]

    @property
    def high(self) -> np.ndarray:
        return self.span[2]

    @property
    def fulfilled(self) -> np.ndarray:
        if self.at_least:
            return self.low >= self.limit - TOLERANCE
        return self.high <= self.limit + TOLERANCE

    def range(self) -> tuple[float, float] | None:
        """Return the lowest and the highest threshold that the evidence supports.

        Levels are tried in a fixed order, each at full confidence, until the first one fails. A
        wrong recommendation needs the first bad level to pass by mistake. So trying many levels
        costs no confidence: fixed-sequence testing (D22).
        """
        order = self.order()
        passed = self.fulfilled[order]
        run = order[: len(passed) if passed.all() else int(np.argmin(passed))]
        return (float(self.levels[run].min()), float(self.levels[run].max())) if len(run) else None

    def order(self) -> np.ndarray:
        """Return the places of the provable levels in the order in which they are tried."""
        order = np.arange(len(self.levels))
        order = order if self.strict_first else order[::-1]
        return order if self.provable is None else order[self.provable[order]]

    def at(self, threshold: float) -> tuple[float, float]:
        place = np.flatnonzero(self.levels >= threshold - TOLERANCE)
        k = int(place[-1]) if len(place) else 0
        return float(self.low[k]), float(self.high[k])

    def table(self) -> pd.DataFrame:
        columns = {
            "threshold": self.levels,
            "low": self.low,
            "high": self.high,
            "fulfilled": self.fulfilled,
        }
        return pd.DataFrame({"requirement": self.name, **columns})


def recommend_threshold(
    pairs: pd.DataFrame | None = None,
    *,
    labels: Labels | pd.DataFrame | None = None,
    truth: PairsOrGroups | None = None,
    calibration: Calibration | None = None,
    min_precision: float | None = None,
    max_false_pairs: float | None = None,
    min_recall: float | None = None,
    variations: Sequence[str] | None = None,
    n_images: int | None = None,
    confidence: float = 0.95,
) -> Recommendation:
    """Choose the threshold that meets your requirements, or tell how much evidence is missing.

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
    variations
        names in the calibration; None for all.
    n_images
        size of another collection of the same kind that max_false_pairs is about; None for the
        calibrated one itself.
    confidence
        each requirement holds at the threshold with at least this confidence: one end of a
        two-sided interval must meet it. With labels you may check after every answer and stop at
        the first threshold recommended; the confidence stays valid.

    Returns
    -------
    Recommendation
        If you ask only for few false pairs or for precision: the lowest threshold that the evidence
        supports, which finds most. If you ask for recall, alone or too: the highest.

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
    Not enough evidence for precision >= 0.95. Label about 2 more pairs at 95 %: so far it is 0.00
    to 1.00 there.
    """
    check_confidence(confidence)
    required = _check_requirements(min_precision, max_false_pairs, min_recall)
    sources = _Sources(pairs, labels, truth, calibration, variations, n_images, confidence)
    tests = [test for name, limit in required.items() for test in sources.tests(name, limit)]
    evidence = pd.concat([test.table() for test in tests], ignore_index=True)
    ranges = [test.range() for test in tests]
    failed = [test for test, found in zip(tests, ranges, strict=True) if found is None]
    if failed:
        reason, more = _missing(failed[0], confidence)
        return Recommendation(None, reason, {}, more, evidence, required, confidence)
    supported = [found for found in ranges if found is not None]
    lowest, highest = max(low for low, _ in supported), min(high for _, high in supported)
    if lowest > highest + TOLERANCE:
        return Recommendation(None, _conflict(tests, ranges), {}, 0, evidence, required, confidence)
    is_lowest = all(test.strict_first for test in tests)
    threshold = lowest if is_lowest else highest
    intervals = {test.name: test.at(threshold) for test in tests}
    reason = _because(threshold, tests, confidence, "lowest" if is_lowest else "highest")
    return Recommendation(threshold, reason, intervals, 0, evidence, required, confidence)


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
            "several of them"
        )
    for name, limit in given.items():
        top = np.inf if name == "max_false_pairs" else 1.0
        if isinstance(limit, bool) or not isinstance(limit, Real) or not 0 <= float(limit) <= top:
            allowed = "a number from 0 up" if top > 1 else "a share from 0 to 1, such as 0.95"
            raise ValueError(f"{name} must be {allowed}, and {limit!r} is not")
    return {name: float(limit) for name, limit in given.items()}


class _Sources:
    """Turns each requirement into tests by the evidence given."""

    def __init__(
        self,
        pairs: Any,
        labels: Any,
        truth: Any,
        calibration: Any,
        variations: Any,
        n_images: Any,
        confidence: float,
    ):
        if pairs is None and (labels is not None or truth is not None):
            raise ValueError(
                "labels and truth are about pairs: pass those too, recommend_threshold(pairs, ...)"
            )
        self.calibration, self.variations, self.n_images, self.confidence = (
            calibration,
            variations,
            n_images,
            confidence,
        )
        self.scores = None
        if truth is not None:
            scores = score_in_full(pairs, truth, None, confidence)
            # a level without pairs of its own finds what the next stricter one does
            self.scores = scores.drop_duplicates("pairs")
        self.answers = None if labels is None else read_answers(pairs, labels)
        if calibration is not None:
            check_made_by("calibration", calibration, Calibration, "calibrate(images)")
        if pairs is not None:
            check_pairs_table("pairs", pairs)
        if variations is not None:
            check_list("variations", variations, ["jpeg 40"])
        if calibration is not None and calibration.confidence < confidence - 1e-12:
            raise ValueError(
                f"calibration has intervals of confidence {calibration.confidence:g}, and "
                f"{confidence:g} is required: make it with "
                f"calibrate(images, confidence={confidence:g})"
            )

    def tests(self, name: str, limit: float) -> list[_Requirement]:
        made = {
            "min_precision": self._precision,
            "max_false_pairs": self._false_pairs,
            "min_recall": self._recall,
        }[name](limit)
        if not made:
            needed = {
                "min_precision": "labels= or truth=",
                "max_false_pairs": "calibration=, labels= or truth=",
                "min_recall": "calibration= or truth=",
            }
            raise ValueError(f"{name} needs evidence: give {needed[name]}")
        return made

    def _precision(self, limit: float) -> list[_Requirement]:
        if self.scores is not None:
            used = self.scores[self.scores.pairs > 0]
            provable = used.precision_best.to_numpy() >= limit
            span = _columns(used, "precision")
            return [_Requirement("precision", span, limit, True, True, "the truth", provable)]
        return [] if self.answers is None else [self._labelled("precision", limit, np.ones(1))]

    def _false_pairs(self, limit: float) -> list[_Requirement]:
        if self.scores is not None:  # counted, not estimated
            false = self.scores["false"].to_numpy(dtype=float)
            span = (self.scores.threshold.to_numpy(), false, false)
            return [_Requirement("false pairs", span, limit, False, True, "the truth")]
        if self.calibration is not None:
            return [self._calibrated(limit)]
        if self.answers is None:
            return []
        return [self._labelled("false pairs", limit, self.answers.survey.counts)]

    def _calibrated(self, limit: float) -> _Requirement:
        """Judge by a calibration: counted in its own collection, expected in another one."""
        found = self.calibration
        if self.n_images is None:
            # undeclared duplicates are counted too, so there are at most so many false pairs
            most = found.false_pairs["false"].to_numpy(dtype=float)
            span = (found.false_pairs.threshold.to_numpy(), np.zeros(len(most)), most)
            source = "the calibration's count"
            return _Requirement("false pairs", span, limit, False, True, source)
        span = _columns(found.expected_false_pairs(self.n_images), "expected")
        reach = (
            "The upper end assumes that no kind of picture missing from these "
            f"{found.n_images} images is similar to more than {100 * found.max_reach:.0f} % of the "
            "others (max_reach)."
        )
        return _Requirement(
            "expected false pairs",
            span,
            limit,
            False,
            True,
            "the calibration",
            assumption="" if found.max_reach >= 1 else reach,
            way_out=(
                f"Compare more images, or calibrate all {self.n_images} images and leave n_images "
                "out: then false pairs are counted."
            ),
        )

    def _labelled(self, name: str, limit: float, counts: np.ndarray) -> _Requirement:
        """Judge by labels: precision itself, or the number of false pairs that follows from it."""
        assert self.answers is not None
        table = self.answers.score(self.confidence)
        survey, asked = self.answers.survey, self.answers.asked
        nothing = np.zeros_like(asked)
        best = np.array(
            [
                self.answers.interval(k, asked, nothing, asked, self.confidence)[0]
                for k in range(len(table))
            ]
        )
        low, high = table.precision_low.to_numpy(), table.precision_high.to_numpy()
        provable = best >= limit
        if name == "false pairs":
            low, high = counts * (1 - high), counts * (1 - low)
            provable = counts * (1 - best) <= limit
        # other edges find what the next stricter one does
        some = np.diff(survey.counts, prepend=0) > 0
        span, at_least = (survey.edges[some], low[some], high[some]), name == "precision"
        return _Requirement(
            name, span, limit, at_least, True, "the labels", provable[some], self.answers
        )

    def _recall(self, limit: float) -> list[_Requirement]:
        if self.scores is not None:
            span = _columns(self.scores, "recall")
            return [_Requirement("recall", span, limit, True, False, "the truth")]
        if self.calibration is None:
            return []
        table = self.calibration.recall
        there = list(dict.fromkeys(table.variation))
        names = there if self.variations is None else list(self.variations)
        unknown = [name for name in names if name not in there]
        if unknown:
            raise ValueError(
                f"variations must be in the calibration, which has {sorted(there)}, not {unknown}"
            )
        spans = {name: _columns(table[table.variation == name], "recall") for name in names}
        return [
            _Requirement(f"recall of {name!r}", span, limit, True, False, "the calibration")
            for name, span in spans.items()
        ]


def _columns(table: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    levels, low, high = (
        table[column].to_numpy(dtype=float)
        for column in ("threshold", f"{name}_low", f"{name}_high")
    )
    return levels, low, high


# -- in words --------------------------------------------------------------------------------------


def _limit(test: _Requirement) -> str:
    return f"{'>=' if test.at_least else '<='} {test.limit:g}"


def _full_name(test: _Requirement) -> str:
    return f"{test.name} {_limit(test)}"


def _span(low: float, high: float, name: str) -> str:
    """Write an interval so that rounding never makes it look better than it is."""
    if name.endswith("false pairs"):
        if low == high:
            return f"{low:.0f}"
        return f"{math.floor(10 * low) / 10:.1f} to {math.ceil(10 * high) / 10:,.1f}"
    return f"{math.floor(100 * low) / 100:.2f} to {math.ceil(100 * high) / 100:.2f}"


def _because(threshold: float, tests: list[_Requirement], confidence: float, which: str) -> str:
    parts: dict[str, list[str]] = {}  # what is said alike is said once
    for test in tests:
        verb = "are" if test.name.endswith("pairs") else "is"
        span = _span(*test.at(threshold), test.name)
        said = f"{verb} {span} by {test.source}, required {_limit(test)}"
        parts.setdefault(said, []).append(test.name)
    said = "; ".join(f"{', '.join(names)} {part}" for part, names in parts.items())
    assumptions = "".join(f" {test.assumption}" for test in tests if test.assumption)
    return (
        f"{threshold:g} % is the {which} threshold that the evidence supports: {said} "
        f"({100 * confidence:g} % confidence).{assumptions}"
    )


def _missing(test: _Requirement, confidence: float) -> tuple[str, int]:
    """Return what is missing, in words, and the number of answers that are missing."""
    head = f"Not enough evidence for {_full_name(test)}"
    if not len(test.levels):
        return f"{head}: the pair table is empty.", 0
    if test.answers is not None:
        return _missing_answers(test, confidence)
    first = test.order()[:1]  # the easiest level failed, or the range would not be empty
    if not len(first):
        return f"{head}: {test.source} has too few pairs, or too few groups.", 0
    k = int(first[0])
    said = [
        f"{head}. At {test.levels[k]:g} %, where it is easiest to meet, {_pronoun(test)} "
        f"{_span(test.low[k], test.high[k], test.name)} by {test.source}.",
        test.assumption,
        test.way_out,
    ]
    return " ".join(filter(None, said)), 0


def _pronoun(test: _Requirement) -> str:
    return "they are" if test.name.endswith("pairs") else "it is"


def _missing_answers(test: _Requirement, confidence: float) -> tuple[str, int]:
    """Tell how many answers are missing at the lowest threshold where the limit is possible."""
    assert test.answers is not None
    survey = test.answers.survey
    counts = survey.counts[np.diff(survey.counts, prepend=0) > 0]
    possible = test.high >= test.limit if test.at_least else test.low <= test.limit
    if not possible.any():
        return f"The labels contradict {_full_name(test)} at every threshold.", 0
    settled: list[tuple[bool, int, int]] = []  # is it unlikely, answers missing, level
    for k in map(int, np.flatnonzero(possible)):
        needed = max(test.limit if test.at_least else 1 - test.limit / counts[k], 0.0)
        more = test.answers.more_answers(
            test.levels[k], min_precision=needed, confidence=confidence
        )
        low, _ = test.answers.after(survey.edge(test.levels[k]), more, confidence)
        settled.append((low < needed - TOLERANCE, more, k))
    is_unlikely, more, k = min(settled)
    head = (
        f"The labels so far suggest that {_full_name(test)} is not met. To be sure, label"
        if is_unlikely
        else f"Not enough evidence for {_full_name(test)}. Label"
    )
    span = _span(test.low[k], test.high[k], test.name)
    return (
        f"{head} about {more} more pairs at {test.levels[k]:g} %: so far {_pronoun(test)} {span} "
        "there.",
        more,
    )


def _conflict(tests: list[_Requirement], ranges: list[tuple[float, float] | None]) -> str:
    parts = [
        f"{_full_name(test)} needs {low:g} to {high:g} %"
        for test, (low, high) in zip(tests, filter(None, ranges), strict=True)
    ]
    return "No threshold meets all requirements: " + "; ".join(parts) + "."

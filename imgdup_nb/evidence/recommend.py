"""A wish and the evidence -> the threshold that fulfils it, or how much evidence is missing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ..engine.checks import check_list
from ..engine.pair_graph import TOLERANCE
from .calibrate import Calibration
from .evaluate import PairsOrGroups, score_in_full
from .intervals import check_confidence
from .labels import Labels
from .sampling import Answers, read_answers


@dataclass(frozen=True, eq=False)
class Recommendation:
    """A threshold and what carries it, made by `recommend_threshold`.

    Attributes
    ----------
    threshold
        percent, inclusive; None where the evidence carries none.
    reason
        why, or what is missing, in a sentence.
    intervals
        low and high at the threshold of each quantity wished for: "precision", "false pairs",
        "expected false pairs", "recall of ...".
    more_answers
        about how many more labels would be needed; 0 where a threshold is recommended, or where
        labels are not the evidence.
    evidence
        one row per wish and level: wish, threshold, low, high, fulfilled.
    wish, confidence
        as asked for.
    """

    threshold: float | None
    reason: str
    intervals: dict[str, tuple[float, float]]
    more_answers: int
    evidence: pd.DataFrame
    wish: dict[str, float]
    confidence: float

    def __bool__(self) -> bool:
        return self.threshold is not None

    def __repr__(self) -> str:
        head = "no threshold" if self.threshold is None else f"threshold {self.threshold:g}"
        return f"<Recommendation: {head}>\n{self.reason}"


@dataclass(frozen=True, eq=False)
class _Test:
    """One quantity with its interval at each level, strictest first, and the limit it must keep.

    `at_least` tells whether the low end must reach the limit, or the high end stay at or below it.
    `provable` is False where even perfect answers would not do; it depends on what was asked, never
    on the answers.
    """

    name: str
    span: tuple[np.ndarray, np.ndarray, np.ndarray]  # levels, low, high
    limit: float
    at_least: bool
    strict_first: bool
    source: str
    provable: np.ndarray | None = None
    answers: Answers | None = field(default=None, repr=False)
    assumed: str = ""  # what nobody can know, and the interval takes for granted
    way_out: str = "wish for less, or bring more evidence"

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
        return (
            self.low >= self.limit - TOLERANCE
            if self.at_least
            else self.high <= self.limit + TOLERANCE
        )

    def range(self) -> tuple[float, float] | None:
        """Return the loosest and the strictest threshold that the evidence carries.

        Levels are tried in a fixed order, each at full confidence, until the first one fails: the
        first level that is bad in truth must pass by mistake for anything wrong to be recommended,
        so that trying many levels costs no confidence.
        """
        order = self.order()
        passed = self.fulfilled[order]
        run = order[: len(passed) if passed.all() else int(np.argmin(passed))]
        return (float(self.levels[run].min()), float(self.levels[run].max())) if len(run) else None

    def order(self) -> np.ndarray:
        """Return the places of the levels in the order they are tried, without those that cannot be proved."""
        order = (
            np.arange(len(self.levels)) if self.strict_first else np.arange(len(self.levels))[::-1]
        )
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
        return pd.DataFrame({"wish": self.name, **columns})


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
    """Choose the threshold that the evidence carries for a wish, or say how much evidence is missing.

    Parameters
    ----------
    pairs
        made by `similar_pairs`; not needed where only a calibration is used.
    labels, truth, calibration
        the evidence: a person's answers about `pairs`, what is true of them (see
        `score_thresholds`), or known copies. Give what you have; `truth` comes before
        `calibration`, and that before `labels`, where several could answer.
    min_precision
        0 to 1: at least this share of the pairs shall be duplicates. From truth or labels.
    max_false_pairs
        at most this many pairs shall be false: in this collection (counted by a truth or in a
        calibration, estimated from labels), or expected in another one of n_images (calibration).
    min_recall
        0 to 1: at least this share of the duplicates shall be found. From truth, or of each of
        `variations` in a calibration.
    variations
        names in the calibration; None for all.
    n_images
        size of another collection of the same kind that max_false_pairs is about; None for the
        calibrated one itself.
    confidence
        each wish holds at the threshold with this confidence, or more: the end of a two-sided
        interval must keep it. With labels that is so also for someone who asks after every answer,
        and stops at the first threshold recommended.

    Returns
    -------
    Recommendation
        For purity alone the loosest threshold carried, which finds most; for recall alone the
        strictest, which errs least; for both, the strictest that keeps them.

    Raises
    ------
    ValueError
        if nothing was wished for, a wish is out of range, or nothing given can answer it.

    Examples
    --------
    >>> from imgdup_nb import Fingerprints, similar_pairs
    >>> bits = np.zeros((4, 64), dtype=bool)
    >>> bits[1, :2] = bits[2, :6] = bits[3, 32:] = True
    >>> pairs = similar_pairs(Fingerprints.from_bits(["a1", "a2", "b1", "a3"], bits))
    >>> recommend_threshold(pairs, labels=Labels(), min_precision=0.95)
    <Recommendation: no threshold>
    Not enough evidence for precision >= 0.95: label about 2 more at 95 %, where it is from 0.00 to 1.00.
    """
    check_confidence(confidence)
    wish = _wishes(min_precision, max_false_pairs, min_recall)
    sources = _Sources(pairs, labels, truth, calibration, variations, n_images, confidence)
    tests = [test for name, value in wish.items() for test in sources.tests(name, value)]
    evidence = pd.concat([test.table() for test in tests], ignore_index=True)
    ranges = [test.range() for test in tests]
    failed = [test for test, found in zip(tests, ranges, strict=True) if found is None]
    if failed:
        reason, more = _missing(failed[0], confidence)
        return Recommendation(None, reason, {}, more, evidence, wish, confidence)
    carried = [found for found in ranges if found is not None]
    loosest, strictest = max(low for low, _ in carried), min(high for _, high in carried)
    if loosest > strictest + TOLERANCE:
        return Recommendation(None, _conflict(tests, ranges), {}, 0, evidence, wish, confidence)
    threshold = loosest if all(test.strict_first for test in tests) else strictest
    intervals = {test.name: test.at(threshold) for test in tests}
    return Recommendation(
        threshold, _because(threshold, tests, confidence), intervals, 0, evidence, wish, confidence
    )


def _wishes(min_precision: Any, max_false_pairs: Any, min_recall: Any) -> dict[str, float]:
    wish = {
        "min_precision": min_precision,
        "max_false_pairs": max_false_pairs,
        "min_recall": min_recall,
    }
    wish = {name: value for name, value in wish.items() if value is not None}
    if not wish:
        raise ValueError(
            "say what you wish for: min_precision=0.99, max_false_pairs=5, min_recall=0.95, or "
            "several of them"
        )
    for name, value in wish.items():
        top = np.inf if name == "max_false_pairs" else 1.0
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= top:
            allowed = "a number from 0 up" if top > 1 else "a share from 0 to 1, such as 0.95"
            raise ValueError(f"{name} must be {allowed}, and {value!r} is not")
    return {name: float(value) for name, value in wish.items()}


class _Sources:
    """Turns each wish into the tests that the evidence given allows."""

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
        if (
            truth is not None
        ):  # levels without a pair of their own find what the next stricter one does
            self.scores = score_in_full(pairs, truth, None, confidence).drop_duplicates("pairs")
        self.answers = None if labels is None else read_answers(pairs, labels)
        if calibration is not None and not isinstance(calibration, Calibration):
            raise TypeError(
                f"calibration must be made by calibrate(images), not {type(calibration).__name__}"
            )
        if variations is not None:
            check_list("variations", variations, ["jpeg 40"])
        if calibration is not None and calibration.confidence < confidence - 1e-12:
            raise ValueError(
                f"calibration has intervals of confidence {calibration.confidence:g}, and "
                f"{confidence:g} is asked for: "
                f"calibrate(images, confidence={confidence:g})"
            )

    def tests(self, name: str, limit: float) -> list[_Test]:
        made = {
            "min_precision": self._precision,
            "max_false_pairs": self._false,
            "min_recall": self._recall,
        }[name](limit)
        if not made:
            needed = {
                "min_precision": "labels= or truth=",
                "max_false_pairs": "calibration=, labels= or truth=",
                "min_recall": "calibration= or truth=",
            }
            raise ValueError(f"{name} needs {needed[name]} to be judged by")
        return made

    def _precision(self, limit: float) -> list[_Test]:
        if self.scores is not None:
            used = self.scores[self.scores.pairs > 0]
            provable = used.precision_best.to_numpy() >= limit
            return [
                _Test(
                    "precision",
                    _columns(used, "precision"),
                    limit,
                    True,
                    True,
                    "the truth",
                    provable,
                )
            ]
        return [] if self.answers is None else [self._labelled("precision", limit, np.ones(1))]

    def _false(self, limit: float) -> list[_Test]:
        if self.scores is not None:  # counted, not estimated
            levels, false = (
                self.scores.threshold.to_numpy(),
                self.scores["false"].to_numpy(dtype=float),
            )
            return [_Test("false pairs", (levels, false, false), limit, False, True, "the truth")]
        if self.calibration is not None:
            return [self._strangers(limit)]
        return (
            []
            if self.answers is None
            else [self._labelled("false pairs", limit, self.answers.survey.counts)]
        )

    def _strangers(self, limit: float) -> _Test:
        """Judge by the strangers of a calibration: counted in the calibrated collection, expected in another one."""
        found = self.calibration
        if (
            self.n_images is None
        ):  # duplicates that nobody declared are among them, so there are no more false ones than this
            levels, most = (
                found.strangers.threshold.to_numpy(),
                found.strangers["false"].to_numpy(dtype=float),
            )
            return _Test(
                "false pairs",
                (levels, np.zeros(len(most)), most),
                limit,
                False,
                True,
                "the calibration's count",
            )
        span = _columns(found.expected_false_pairs(self.n_images), "expected")
        rare = f"if no kind of picture too rare to be among these {found.n_images} looks like over {found.max_reach:.0%} of all"
        assumed = "" if found.max_reach >= 1 else rare
        way_out = f"compare more images, or calibrate the {self.n_images} themselves and leave n_images out, so that they count"
        return _Test(
            "expected false pairs",
            span,
            limit,
            False,
            True,
            "the calibration",
            assumed=assumed,
            way_out=way_out,
        )

    def _labelled(self, name: str, limit: float, counts: np.ndarray) -> _Test:
        """Judge by labels: precision itself, or the number of pairs that are false by it."""
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
        low, high, levels = (
            table.precision_low.to_numpy(),
            table.precision_high.to_numpy(),
            survey.edges,
        )
        provable = best >= limit
        if name == "false pairs":
            low, high = counts * (1 - high), counts * (1 - low)
            provable = counts * (1 - best) <= limit
        some = (
            np.diff(survey.counts, prepend=0) > 0
        )  # other edges find what the next stricter one does
        span, at_least = (levels[some], low[some], high[some]), name == "precision"
        return _Test(name, span, limit, at_least, True, "the labels", provable[some], self.answers)

    def _recall(self, limit: float) -> list[_Test]:
        if self.scores is not None:
            return [
                _Test("recall", _columns(self.scores, "recall"), limit, True, False, "the truth")
            ]
        if self.calibration is None:
            return []
        table = self.calibration.recall
        names = (
            list(dict.fromkeys(table.variation))
            if self.variations is None
            else list(self.variations)
        )
        unknown = [name for name in names if name not in set(table.variation)]
        if unknown:
            raise ValueError(
                f"variations must be in the calibration, which has {sorted(set(table.variation))}, "
                ""
                ""
                f"not {unknown}"
            )
        tests = []
        for name in names:
            rows = table[table.variation == name]
            tests.append(
                _Test(
                    f"recall of {name!r}",
                    _columns(rows, "recall"),
                    limit,
                    True,
                    False,
                    "the calibration",
                )
            )
        return tests


def _columns(table: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    levels, low, high = (
        table[column].to_numpy(dtype=float)
        for column in ("threshold", f"{name}_low", f"{name}_high")
    )
    return levels, low, high


# -- in words --------------------------------------------------------------------------------------


def _says(test: _Test) -> str:
    return f"{test.name} {'>=' if test.at_least else '<='} {test.limit:g}"


def _span(low: float, high: float, name: str) -> str:
    """Write an interval so that rounding never makes it look better than it is."""
    if name.endswith("false pairs"):
        return (
            f"{low:.0f}"
            if low == high
            else f"{math.floor(10 * low) / 10:.1f} to {math.ceil(10 * high) / 10:,.1f}"
        )
    return f"{math.floor(100 * low) / 100:.2f} to {math.ceil(100 * high) / 100:.2f}"


def _because(threshold: float, tests: list[_Test], confidence: float) -> str:
    parts = [
        f"{test.name} {_is(test)} {_span(*test.at(threshold), test.name)} by {test.source}"
        for test in tests
    ]
    assumed = "".join(f", {test.assumed}" for test in tests if test.assumed)
    wished = ", ".join(map(_says, tests))
    return f"At {threshold:g} % {', '.join(parts)} ({confidence:.0%} confidence{assumed}), as wished: {wished}."


def _is(test: _Test) -> str:
    return "are" if test.name.endswith("pairs") else "is"


def _missing(test: _Test, confidence: float) -> tuple[str, int]:
    if not len(test.levels):
        return f"Not enough evidence for {_says(test)}: no pair reaches the floor of the table.", 0
    if test.answers is not None:
        return _missing_answers(test, confidence)
    first = test.order()[:1]  # the easiest level failed, or the range would not be empty
    if not len(first):
        return (
            f"Not enough evidence for {_says(test)}: the pairs of {test.source} are too few, or of "
            ""
            ""
            "too few groups.",
            0,
        )
    k = int(first[0])
    they = "they are" if test.name.endswith("pairs") else "it is"
    assumed = f" even {test.assumed}" if test.assumed else ""
    return (
        f"Not enough evidence for {_says(test)}: even at {test.levels[k]:g} %, where it is "
        f"easiest, {they} "
        f"{_span(test.low[k], test.high[k], test.name)} by {test.source}{assumed}; {test.way_out}."
    ), 0


def _missing_answers(test: _Test, confidence: float) -> tuple[str, int]:
    """Say how many answers are missing at the loosest threshold where the wish is still possible; or that it is nowhere."""
    assert test.answers is not None
    survey = test.answers.survey
    counts = survey.counts[np.diff(survey.counts, prepend=0) > 0]
    possible = test.high >= test.limit if test.at_least else test.low <= test.limit
    if not possible.any():
        return f"The labels speak against {_says(test)} at every threshold.", 0
    settled: list[
        tuple[bool, int, int]
    ] = []  # against the wish, after so many answers, at this level
    for k in map(int, np.flatnonzero(possible)):
        needed = max(test.limit if test.at_least else 1 - test.limit / counts[k], 0.0)
        more = test.answers.more_answers(
            test.levels[k], min_precision=needed, confidence=confidence
        )
        low, _ = test.answers.after(survey.edge(test.levels[k]), more, confidence)
        settled.append((low < needed - TOLERANCE, more, k))
    against, more, k = min(settled)
    span = _span(test.low[k], test.high[k], test.name)
    they = "they are" if test.name.endswith("pairs") else "it is"
    head = "The labels so far rather speak against" if against else "Not enough evidence for"
    return (
        f"{head} {_says(test)}: label about {more} more at {test.levels[k]:g} %, where {they} from "
        ""
        ""
        f"{span}.",
        more,
    )


def _conflict(tests: list[_Test], ranges: list[tuple[float, float] | None]) -> str:
    parts = [
        f"{_says(test)} needs {low:g} to {high:g} %"
        for test, (low, high) in zip(tests, filter(None, ranges), strict=True)
    ]
    return "No threshold fulfils all wishes: " + "; ".join(parts) + "."

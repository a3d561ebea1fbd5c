"""What a user asks of a threshold, and at which levels each kind of evidence supports it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ..engine.checks import check_list, check_made_by, check_pairs_table
from ..engine.pair_graph import TOLERANCE
from .calibrate import Calibration
from .evaluate import score_in_full
from .label_scores import read_answers
from .sampling import Answers
from .support import Support


@dataclass(frozen=True, eq=False)
class Requirement:
    """One quantity with its interval at each level, strictest level first, and its limit.

    `at_least`: the low end must reach the limit; otherwise the high end must not exceed it.
    `provable` is False where no evidence of this size could meet the limit. `support` is there if
    labels are the evidence: it tells what is fulfilled.
    """

    name: str
    span: tuple[np.ndarray, np.ndarray, np.ndarray]  # levels, low, high
    limit: float
    at_least: bool
    strict_first: bool
    source: str
    provable: np.ndarray | None = None
    support: Support | None = field(default=None, repr=False)
    assumption: str = ""  # a sentence: what the interval assumes and no evidence can show
    way_out: str = "Lower the requirement, or bring more evidence."

    @property
    def levels(self) -> np.ndarray:
        """The thresholds in percent, strictest first."""
        return self.span[0]

    @property
    def low(self) -> np.ndarray:
        """The low end at each level."""
        return self.span[1]

    @property
    def high(self) -> np.ndarray:
        """The high end at each level."""
        return self.span[2]

    @property
    def fulfilled(self) -> np.ndarray:
        """Tell for each level whether the limit is met."""
        if self.support is not None:
            return self.support.supported[self.support.answers.survey.used]
        if self.at_least:
            return self.low >= self.limit - TOLERANCE
        return self.high <= self.limit + TOLERANCE

    def supported(self) -> np.ndarray:
        """Return the levels that the evidence supports.

        By labels each level is judged for itself. Otherwise levels are tried in a fixed order, each
        at full confidence, until the first one fails. A wrong recommendation needs the first bad
        level to pass by mistake, so trying many levels costs no confidence (D22).
        """
        if self.support is not None:
            return self.levels[self.fulfilled]
        order = self.order()
        passed = self.fulfilled[order]
        return self.levels[order[: len(passed) if passed.all() else int(np.argmin(passed))]]

    def accepts(self, threshold: float, supported: np.ndarray) -> bool:
        """Tell whether the evidence supports a threshold, which need not be a level."""
        if not len(supported):
            return False
        if not self.strict_first:  # what a level finds, all lower thresholds find
            return threshold <= supported.max() + TOLERANCE
        if self.support is not None:  # a band holds several levels
            return bool((np.abs(supported - threshold) <= TOLERANCE).any())
        if threshold > self.levels.max() + TOLERANCE:
            return True
        above = self.levels[self.levels >= threshold - TOLERANCE]
        return bool((np.abs(supported - above.min()) <= TOLERANCE).any())

    def order(self) -> np.ndarray:
        """Return the places of the provable levels in the order in which they are tried."""
        order = np.arange(len(self.levels))
        order = order if self.strict_first else order[::-1]
        return order if self.provable is None else order[self.provable[order]]

    def at(self, threshold: float) -> tuple[float, float]:
        """Return the interval at the lowest level at or above a threshold."""
        place = np.flatnonzero(self.levels >= threshold - TOLERANCE)
        k = int(place[-1]) if len(place) else 0
        return float(self.low[k]), float(self.high[k])

    def table(self) -> pd.DataFrame:
        """Return requirement, threshold, low, high and fulfilled of each level."""
        columns = {
            "threshold": self.levels,
            "low": self.low,
            "high": self.high,
            "fulfilled": self.fulfilled,
        }
        return pd.DataFrame({"requirement": self.name, **columns})


class Evidence:
    """Truth, calibration and labels, and the requirements that they can judge."""

    def __init__(
        self,
        pairs: Any,
        *,
        labels: Any,
        truth: Any,
        calibration: Any,
        variations: Any,
        n_images: Any,
        threshold: float,
        confidence: float,
    ):
        if pairs is None and (labels is not None or truth is not None):
            raise ValueError(
                "labels and truth are about pairs: pass those too, recommend_threshold(pairs, ...)"
            )
        self.calibration, self.variations, self.n_images = calibration, variations, n_images
        self.threshold, self.confidence = threshold, confidence
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

    def requirements(self, name: str, limit: float) -> list[Requirement]:
        """Return what must hold for one argument of `recommend_threshold`."""
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

    def _precision(self, limit: float) -> list[Requirement]:
        if self.scores is not None:
            used = self.scores[self.scores.pairs > 0]
            provable = used.precision_best.to_numpy() >= limit
            span = _columns(used, "precision")
            return [Requirement("precision", span, limit, True, True, "the truth", provable)]
        return [] if self.answers is None else [self._labelled("precision", limit, self.answers)]

    def _false_pairs(self, limit: float) -> list[Requirement]:
        if self.scores is not None:  # counted, not estimated
            false = self.scores["false"].to_numpy(dtype=float)
            span = (self.scores.threshold.to_numpy(), false, false)
            return [Requirement("false pairs", span, limit, False, True, "the truth")]
        if self.calibration is not None:
            return [self._calibrated(limit)]
        if self.answers is None:
            return []
        return [self._labelled("false pairs", limit, self.answers)]

    def _calibrated(self, limit: float) -> Requirement:
        """Judge by a calibration: counted in its own collection, expected in another one."""
        found = self.calibration
        if self.n_images is None:
            # undeclared duplicates are counted too, so there are at most so many false pairs
            most = found.false_pairs["false"].to_numpy(dtype=float)
            span = (found.false_pairs.threshold.to_numpy(), np.zeros(len(most)), most)
            source = "the calibration's count"
            return Requirement("false pairs", span, limit, False, True, source)
        span = _columns(found.expected_false_pairs(self.n_images), "expected")
        reach = (
            "The upper end assumes that no kind of picture missing from these "
            f"{found.n_images} images is similar to more than {100 * found.max_reach:.0f} % of the "
            "others (max_reach)."
        )
        return Requirement(
            "expected false pairs",
            span,
            limit,
            False,
            True,
            "the calibration",
            assumption="" if found.max_reach >= 1 else reach,
            way_out=_better_sample(found, self.n_images, limit),
        )

    def _labelled(self, name: str, limit: float, answers: Answers) -> Requirement:
        """Judge by labels: precision itself, or the number of false pairs that follows from it."""
        survey = answers.survey
        kind = Support.of_precision if name == "precision" else Support.of_false_pairs
        support = kind(answers, limit, self.threshold, self.confidence)
        spans = np.array([answers.interval(k, self.confidence) for k in survey.used])
        low, high = spans.reshape(-1, 2).T
        if name == "false pairs":
            counts = survey.counts[survey.used]
            low, high = counts * (1 - high), counts * (1 - low)
        span, at_least = (survey.edges[survey.used], low, high), name == "precision"
        return Requirement(name, span, limit, at_least, True, "your answers", support=support)

    def _recall(self, limit: float) -> list[Requirement]:
        if self.scores is not None:
            span = _columns(self.scores, "recall")
            return [Requirement("recall", span, limit, True, False, "the truth")]
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
            Requirement(f"recall of {name!r}", span, limit, True, False, "the calibration")
            for name, span in spans.items()
        ]


def _columns(table: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    levels, low, high = (
        table[column].to_numpy(dtype=float)
        for column in ("threshold", f"{name}_low", f"{name}_high")
    )
    return levels, low, high


def _better_sample(found: Calibration, n_images: int, limit: float) -> str:
    """Say which limit a calibration of this size could meet at best, and what meets this one."""
    least = found.least_bound(n_images)
    counted = (
        f"To count instead of to expect, calibrate all {n_images:,} images and leave n_images out."
    )
    if limit >= least:
        return f"No sample of {found.n_images:,} images gives less than {least:,.1f}. {counted}"
    enough = found.images_for(n_images, limit)
    more = f"; {enough:,} images could" if enough is not None and enough < n_images else ""
    return (
        f"A sample of {found.n_images:,} images cannot give less than {least:,.1f}, even without "
        f"a false pair{more}. {counted}"
    )

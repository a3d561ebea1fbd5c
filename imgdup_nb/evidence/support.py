"""Which thresholds the answers support, what to ask next, and how many answers are missing.

For each threshold there is one claim to refute: that too few pairs at or above it are the same.
Half of the chance of a wrong recommendation is for the threshold that the user has named. The other
half is shared by all others, and nearly all of it by stricter ones: once these are proved, their
share passes on. No threshold waits for another one (`betting.refute_together`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import betaincinv

from .betting import Draws, log_capital, refute_together
from .sampling import Answers

NAMED = 0.5  # share of alpha for the named threshold
LOOSER = 0.1  # share of a looser threshold, where a stricter one has 1
# before the first answer a threshold counts as if this share of the mistakes allowed was made, in
# as many answers as allow three
HOPED, ALLOWED = 0.3, 3
# a stricter threshold is asked about if it needs less than this share of the answers that the named
# one needs, and a still stricter one if it needs less than that share of the best so far
MUCH_SOONER, SOONER = 1 / 3, 0.5
FEW = 20  # pairs that are soon all answered, so nothing else is asked
RUNS = 101  # of a forecast
FIRST_LOOK, HORIZON = 128, 2048  # questions that a forecast looks ahead, at first and at most
# a forecast adds this many misses, and hits as if this share of the mistakes allowed was made: few
# while there may be no mistake at all, more once one was seen, and few again if the answers speak
# against the requirement. Checked by simulation (docs/performance.md)
MISSES_AT_FIRST, SHARE_AT_FIRST = 0.5, 0.5
MISSES_AFTER_ONE, SHARE_AFTER_ONE = 6.0, 0.6
HALF_WIDTH = 0.05  # of an interval that is called settled


@dataclass(frozen=True)
class Missing:
    """How many more answers: in half of all cases, and in nine of ten; None if probably never."""

    median: int | None
    most: int | None


@dataclass(frozen=True)
class Outlook:
    """The edge that is probably proved next, and its forecast; one that is probably never proved.

    If nothing is probably proved, both edges are the same.
    """

    edge: int
    missing: Missing
    unlikely: int | None


@dataclass(frozen=True, eq=False)
class Support:
    """Answers and a requirement for the pairs at or above each threshold.

    Attributes
    ----------
    answers
        about the pairs of a survey.
    most
        int64, one per edge: the requirement is not met where at most so many of the pairs that can
        be asked about are the same.
    named
        the edge that the user cares about.
    alpha
        chance that a recommendation is wrong.
    """

    answers: Answers
    most: np.ndarray
    named: int
    alpha: float

    @classmethod
    def of_precision(
        cls, answers: Answers, least: float, threshold: float, confidence: float
    ) -> Support:
        """Require that a share of the pairs at or above a threshold is the same."""
        survey = answers.survey
        most = np.ceil(least * survey.counts - 1e-9).astype(np.int64) - 1 - survey.certain
        return cls(answers, most, _near_edge(answers, threshold), 1 - confidence)

    @classmethod
    def of_false_pairs(
        cls, answers: Answers, limit: float, threshold: float, confidence: float
    ) -> Support:
        """Require that at most so many of the pairs at or above a threshold are not the same."""
        allowed = np.minimum(np.floor(limit + 1e-9), answers.survey.sizes).astype(np.int64)
        most = answers.survey.sizes - allowed - 1
        return cls(answers, most, _near_edge(answers, threshold), 1 - confidence)

    @cached_property
    def draws(self) -> dict[int, Draws]:
        """The evidence at each edge that has pairs of its own."""
        return {edge: self.answers.draws(edge) for edge in self.answers.survey.used}

    @cached_property
    def supported(self) -> np.ndarray:
        """Tell for each edge whether the requirement is proved there."""
        used = self.answers.survey.used
        old, found = self.answers.old, np.zeros(len(self.most), dtype=bool)
        if len(old) < len(self.answers.table) or not len(old):
            # half of the chance is left where answers of an earlier version are judged as well
            found[used] = self._refuted(self.alpha / 2 if len(old) else self.alpha)
        if len(old):
            found |= self._supported_by_old(len(old) == len(self.answers.table))
        for edge in range(1, len(found)):  # edges without pairs of their own find what others do
            if edge not in self.draws and self.answers.survey.counts[edge]:
                found[edge] = found[edge - 1]
        return found

    def _refuted(self, alpha: float) -> np.ndarray:
        """Tell for each used edge whether the claim that it is not good enough is refuted."""
        used = self.answers.survey.used
        capital = np.array([self.draws[edge].capital(int(self.most[edge])) for edge in used])
        weight = np.array([self._weight(edge) for edge in used])
        # an interval gives alpha / 2 to each end, and a recommendation must not contradict it
        return refute_together(capital, weight, alpha, alpha / 2)

    def _supported_by_old(self, are_all_old: bool) -> np.ndarray:
        """Judge by answers of an earlier version, as it did: strictest first, until one fails."""
        survey, found = self.answers.survey, np.zeros(len(self.most), dtype=bool)
        confidence = 1 - (self.alpha if are_all_old else self.alpha / 2)
        for edge in survey.used:
            low, _ = self.answers.old_interval(edge, confidence)
            needed = self.most[edge] + 1 + survey.certain[edge]
            if low * survey.counts[edge] < needed - 1e-6:
                break
            found[edge] = True
        return found

    def _weight(self, edge: int) -> float:
        used = self.answers.survey.used
        if edge == self.named:
            return NAMED if len(used) > 1 else 1.0
        shares = {other: 1.0 if other < self.named else LOOSER for other in used}
        return (1 - NAMED) * shares[edge] / (sum(shares.values()) - shares[self.named])

    def _bound(self, edge: int) -> float:
        """Return the logarithm of the capital that proves the requirement at an edge."""
        return math.log(1 / min(self.alpha * self._weight(edge), self.alpha / 2))

    def allowed(self, edge: int) -> int:
        """Return how many of the pairs at an edge may be false."""
        return int(self.answers.survey.sizes[edge] - self.most[edge]) - 1

    def answers_expected(self, edge: int) -> float:
        """Return how many answers a proof needs if mistakes go on as so far; inf if it never comes.

        The capital grows by the relative entropy of the mistakes seen and those allowed.
        """
        draws, most = self.draws[edge], int(self.most[edge])
        n_false, allowed = int(draws.misses[-1]), 1 - most / max(draws.size, 1)
        if allowed >= 1:  # one hit is enough
            return 1.0
        seen = (n_false + HOPED * ALLOWED) / (len(draws.hits) - 1 + ALLOWED / allowed)
        capital = log_capital(draws.size, most, draws.hits[-1:], draws.misses[-1:])
        if seen >= allowed or not math.isfinite(capital[0]):
            return math.inf
        growth = (1 - seen) * math.log((1 - seen) / (1 - allowed)) + seen * math.log(seen / allowed)
        return (self._bound(edge) - float(capital[0])) / growth

    def is_open(self, edge: int) -> bool:
        """Tell whether a pair at an edge has no answer."""
        return self.answers.next_at(edge) is not None

    @cached_property
    def aim(self) -> int | None:
        """The edge where the next answers help most; None if all pairs are answered.

        The named one, or a stricter one if it is much sooner proved. Once the named one is proved,
        the next looser one that is not.
        """
        used = [edge for edge in self.answers.survey.used if self.is_open(edge)]
        stricter = [edge for edge in used if edge <= self.named][::-1]
        looser = [edge for edge in used if edge > self.named]
        if self.supported[self.named] or not stricter:
            aim = next((edge for edge in looser if self._is_hopeful(edge)), None)
        else:
            aim = self._soonest(stricter)
            if aim is None:
                aim = stricter[-1]  # if anywhere, then there
        return aim if aim is not None else next(iter(stricter or looser), None)

    def _is_hopeful(self, edge: int) -> bool:
        return not self.supported[edge] and math.isfinite(self.answers_expected(edge))

    def _soonest(self, edges: list[int]) -> int | None:
        """Return the edge that is proved soonest, the named one before others; None if none is."""
        aim, fewest, most = None, math.inf, math.inf
        for edge in edges:
            if not self._is_hopeful(edge):
                continue
            expected = self.answers_expected(edge)
            if edge == self.named:
                if self.draws[edge].size - len(self.draws[edge].hits) < FEW:
                    return edge
                aim, fewest, most = edge, expected, MUCH_SOONER * expected
            elif expected < min(most, SOONER * fewest):
                aim, fewest = edge, expected
        return aim

    def next_pair(self) -> int | None:
        """Return the pair to ask about next, or None."""
        return None if self.aim is None else self.answers.next_at(self.aim)

    def missing(self, edge: int) -> Missing:
        """Forecast how many more answers prove the requirement at an edge, if it is met there."""
        return self._forecast(edge, self.draws[edge], int(self.most[edge]), "same")

    def outlook(self, edge: int) -> Outlook:
        """Tell where the requirement is probably proved next, if the questions are about an edge.

        If it is probably never proved there, another edge is looked for. Only the two are forecast
        that are soonest if mistakes go on as so far.
        """
        missing = self.missing(edge)
        if missing.median is not None:
            is_elsewhere = edge < self.named and self.is_open(self.named)
            unlikely = is_elsewhere and self.missing(self.named).median is None
            return Outlook(edge, missing, self.named if unlikely else None)
        others = [other for other in self.answers.survey.used if other != edge]
        hopeful = [other for other in others if self.is_open(other) and self._is_hopeful(other)]
        for other in sorted(hopeful, key=self.answers_expected)[:2]:
            forecast = self.missing(other)
            if forecast.median is not None:
                return Outlook(other, forecast, edge)
        return Outlook(edge, missing, edge)

    def until_contradicted(self, edge: int) -> Missing:
        """Forecast how many more answers prove that the requirement is not met at an edge."""
        draws = self.answers.draws(edge, "different")
        return self._forecast(edge, draws, self.allowed(edge), "different")

    def _forecast(self, edge: int, draws: Draws, most: int, hit: str) -> Missing:
        bound = self._bound(edge)
        if draws.capital(most) >= bound:
            return Missing(0, 0)
        counts = _answers_until_refuted(draws, self.answers, edge, most, bound, hit)
        return Missing(*(_quantile(counts, share) for share in (0.5, 0.9)))


def _quantile(counts: np.ndarray, share: float) -> int | None:
    value = float(np.quantile(counts, share, method="higher"))
    return int(value) if math.isfinite(value) else None


def _near_edge(answers: Answers, threshold: float) -> int:
    """Return the edge with pairs of its own that finds what a threshold finds."""
    edge = answers.survey.edge(threshold)
    stricter = [used for used in answers.survey.used if used <= edge]
    return stricter[-1] if stricter else (answers.survey.used or [0])[0]


def _added_answers(draws: Draws, most: int, hit: str) -> tuple[float, float]:
    """Return the hits and misses that a forecast adds to the answers."""
    if hit != "same":
        return MISSES_AT_FIRST, MISSES_AT_FIRST
    allowed = max(draws.size - most - 1, 0.5) / draws.size
    misses, share = MISSES_AT_FIRST, SHARE_AT_FIRST
    if 0 < draws.misses[-1] <= allowed * (draws.hits[-1] + draws.misses[-1]) + 1e-9:
        misses, share = MISSES_AFTER_ONE, SHARE_AFTER_ONE
    return misses * max(1 / (share * allowed) - 1, 1.0), misses


def _answers_until_refuted(
    draws: Draws, answers: Answers, edge: int, most: int, bound: float, hit: str
) -> np.ndarray:
    """Simulate the answers to come; return how many are needed in each run, inf for too many.

    The runs share out what the answers so far allow as the share of hits. The pairs ahead in
    the order that are answered already cost no question.
    """
    rng = np.random.default_rng(0)  # the same answers give the same forecast
    hits, misses = int(draws.hits[-1]), int(draws.misses[-1])
    # one share from each of as many equal parts of what the answers so far leave open
    parts = (np.arange(RUNS) + 0.5) / RUNS
    more_hits, more_misses = _added_answers(draws, most, hit)
    share = betaincinv(hits + more_hits, misses + more_misses, parts)
    horizon, looked = min(draws.size - hits - misses, HORIZON), FIRST_LOOK
    while True:
        n = min(looked, horizon)
        known = answers.ahead(edge, n)
        drawn = rng.random((RUNS, n)) < share[:, None]
        some = hits + np.cumsum(np.where(known == "", drawn, known == hit), axis=1)
        capital = log_capital(draws.size, most, some, hits + misses + np.arange(1, n + 1) - some)
        reached = capital >= bound
        asked = np.cumsum(known == "")
        needed = np.where(reached.any(axis=1), asked[np.argmax(reached, axis=1)], np.inf)
        if n == horizon or np.isfinite(needed).mean() > 0.9:
            return needed
        looked *= 4


def answers_until_narrow(answers: Answers, edge: int, confidence: float) -> Missing:
    """Forecast how many more answers make the interval at an edge at most 0.1 wide."""
    draws, alpha = answers.draws(edge), (1 - confidence) / 2
    n_answers, hits = len(draws.hits) - 1, int(draws.hits[-1])
    skipped = int((answers.counted(edge) == "skip").sum())
    total = max(int(answers.survey.counts[edge]), 1)

    def width(more: int, share: float) -> float:
        some, n = hits + round(more * share), n_answers + more
        after = Draws(draws.size, np.array([some]), np.array([n - some]))
        high = draws.size - Draws(
            draws.size, np.array([n - some - skipped]), np.array([some + skipped])
        ).fewest(alpha)
        return (high - after.fewest(alpha)) / total

    def needed(share: float) -> int:
        too_few, enough = -1, draws.size - n_answers
        while enough - too_few > 1:
            middle = (too_few + enough) // 2
            wide = width(middle, share) > 2 * HALF_WIDTH
            too_few, enough = (middle, enough) if wide else (too_few, middle)
        return enough

    if not draws.size:
        return Missing(0, 0)
    low, high = answers.interval(edge, confidence)
    if high - low <= 2 * HALF_WIDTH:
        return Missing(0, 0)
    rng = np.random.default_rng(0)
    shares = rng.beta(hits + 1.0, n_answers - hits + MISSES_AT_FIRST, RUNS)
    near, far = np.quantile(shares, 0.5), np.quantile(shares, 0.1)
    median = max(needed(float(near)), 1)
    return Missing(median, max(needed(float(far)), median))

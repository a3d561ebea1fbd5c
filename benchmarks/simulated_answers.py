"""Somebody who answers questions about made pairs by a truth, until a threshold is recommended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from imgdup_nb.evidence.sampling import Answers, Survey
from imgdup_nb.evidence.support import Missing, Support

LEVELS = np.array([100, 97.5, 95, 92.5, 90, 87.5, 85])
NAMED, MOST_ANSWERS = 90.0, 250
ALL = [1.0] * 7
FALLING = [1.0, 0.99, 0.97, 0.9, 0.8, 0.6, 0.4]
CROWDED = "false pairs in crowds"
# pairs in all, share of true pairs at each level or in all, share required
QUESTIONS = {
    "200 pairs, 0.95 true": (200, [0.95] * 7, 0.9),
    "200 pairs, all true": (200, ALL, 0.95),
    f"200 pairs, 0.8 true, {CROWDED}": (200, 0.8, 0.9),
    f"200 pairs, 0.95 true, {CROWDED}": (200, 0.95, 0.9),
    "20,000 pairs, all true, 0.9": (20_000, ALL, 0.9),
    "20,000 pairs, all true, 0.95": (20_000, ALL, 0.95),
    "20,000 pairs, all true, 0.99": (20_000, ALL, 0.99),
    "20,000 pairs, 0.99 true": (20_000, [0.99] * 7, 0.95),
    "20,000 pairs, 0.95 true": (20_000, [0.95] * 7, 0.9),
    "20,000 pairs, 0.9 true": (20_000, [0.9] * 7, 0.8),
    "20,000 pairs, falling, 0.95": (20_000, FALLING, 0.95),
    "20,000 pairs, falling, 0.9": (20_000, FALLING, 0.9),
    f"20,000 pairs, 0.8 true, {CROWDED}": (20_000, 0.8, 0.9),
    f"20,000 pairs, 0.95 true, {CROWDED}": (20_000, 0.95, 0.9),
    "20,000 pairs, just below everywhere": (20_000, [0.89] * 7, 0.9),
    "2,000 pairs, falls at once": (2_000, [1, 0.97, 0.7, 0.7, 0.5, 0.5, 0.5], 0.9),
}
MOMENTS = (0, 10, 20, 40, 80, 160)  # answers after which a forecast is made
LONG = 600  # answers of somebody whose forecasts are checked


def simulated_pairs(n: int) -> pd.DataFrame:
    """Return a table of pairs no two of which share an image, about as many at each level."""
    names = [f"{k:06d}" for k in range(2 * n)]
    left, right = (pd.Categorical.from_codes(np.arange(start, 2 * n, 2), names) for start in (0, 1))
    level = LEVELS[np.arange(n) * len(LEVELS) // n]
    pairs = pd.DataFrame({"left": left, "right": right, "similarity": level})
    pairs.attrs = {"floor": float(LEVELS.min()), "method": "unknown", "n_images": 2 * n}
    return pairs


def make_truth(level: np.ndarray, shares: list[float] | float, rng: np.random.Generator):
    """Return which pairs are true, bool. One share for all levels: crowds of false pairs.

    A crowd is a twentieth of a small table, or 100 pairs. It is two levels wide, at 95 % or below.
    """
    same, n = np.ones(len(level), dtype=bool), len(level)
    if isinstance(shares, list):
        for k, share in enumerate(shares):
            places = np.flatnonzero(level == k)
            same[rng.permutation(places)[round(len(places) * share) :]] = False
        return same
    n_false = round(n * (1 - shares))
    while (~same).sum() < n_false:
        near = np.abs(level - rng.uniform(2, 6.5)) <= 1
        crowd = rng.permutation(np.flatnonzero(near & same))[: min(n // 20, 100)]
        same[crowd[: n_false - int((~same).sum())]] = False
    return same


def count_answers(repeats: int, other_rule: type | None = None) -> pd.DataFrame:
    """Answer until a threshold is recommended, looking after every answer.

    Counted: the answers needed in half and in nine of ten of all collections, inf where there was
    no recommendation; the share with one, and the median of these; how often it was at the named
    threshold or a looser one; wrong recommendations, and intervals at the named threshold that ever
    missed the truth. `other_rule` answers about the same collections in the same order.
    """
    rows = []
    for name, least, collections in _all_collections(repeats):
        needed, by_other, loose, other_loose, wrong, missed = [], [], 0, 0, 0, 0
        most_answers = 600 if least > 0.98 else MOST_ANSWERS
        for survey, level, same in collections:
            support = ask(survey, same, least, most_answers)[-1]
            found = support.supported.any()
            needed.append(len(support.answers.table) if found else np.inf)
            loose += bool(support.supported[support.named :].any())
            precision = np.cumsum(np.bincount(level, same)) / survey.counts
            wrong += bool((support.supported & (precision < least - 1e-12)).any())
            low, high = support.answers.interval(support.named, 0.95)
            missed += not low - 1e-12 <= precision[support.named] <= high + 1e-12
            if other_rule is not None:
                said = ask_by(other_rule, level, survey.rank, same, least, most_answers)
                by_other.append(said[0])
                other_loose += said[1] >= support.named
        n = len(needed)
        row = {"table": name, "required": least, "repeats": n} | _quantiles(needed)
        row |= {"named": loose / n, "wrong": wrong / n, "ever missed": missed / n}
        if by_other:
            row |= {f"other {key}": value for key, value in _quantiles(by_other).items()}
            row["other named"] = other_loose / n
        rows.append(row)
        _show(row)
    return pd.DataFrame(rows)


def check_forecasts(repeats: int) -> pd.DataFrame:
    """Compare "n more" with what was needed, after 0, 10, 20, 40, 80 and 160 answers.

    A forecast that says "probably never" counts as right where 600 answers were not enough.
    Counted: the quarter points of said / needed over all collections and moments, the medians at
    early and late moments, and how often the number for nine of ten cases was enough.
    """
    rows = []
    for name, least, collections in _all_collections(repeats):
        found = []
        for survey, _level, same in collections:
            forecasts, support = ask(survey, same, least, LONG, MOMENTS)
            needed = len(support.answers.table) if support.supported.any() else np.inf
            found += [
                (
                    at,
                    _said_over_needed(said.median, needed - at),
                    _is_enough(said.most, needed - at),
                )
                for at, said in forecasts.items()
                if at < needed
            ]
        at, ratio, enough = np.array(found).T
        row = {"table": name, "required": least, "forecasts": len(at)}
        ends = np.quantile(ratio, [0.25, 0.5, 0.75], method="lower")
        row |= dict(zip(["said / needed 1/4", "1/2", "3/4"], ends, strict=True))
        for first, last in ((0, 0), (10, 20), (40, 160)):
            some = ratio[(at >= first) & (at <= last)]
            row[f"after {first}, {last}"] = (
                np.quantile(some, 0.5, method="lower") if len(some) else 1
            )
        rows.append(row | {"nine of ten held": enough.mean()})
        _show(rows[-1])
    return pd.DataFrame(rows)


def _show(row: dict) -> None:
    said = (f"{name} {value:.3g}" for name, value in row.items() if name != "table")
    print(f"{row['table']}: {', '.join(said)}", flush=True)


def _said_over_needed(said: int | None, needed: float) -> float:
    if said is None:
        return 1.0 if np.isinf(needed) else np.inf
    return said / needed


def _is_enough(most: int | None, needed: float) -> bool:
    return most is None or needed <= most


def _all_collections(repeats: int):
    """Yield the name, the share required and the collections of each question."""
    for number, (name, (n, shares, least)) in enumerate(QUESTIONS.items()):
        rng = np.random.default_rng(number)
        survey, level = Survey.of(simulated_pairs(n)), np.arange(n) * len(LEVELS) // n
        # where all pairs are true, all collections are alike
        yield name, least, _collections(survey, level, shares, rng, 2 if shares is ALL else repeats)


def _collections(survey, level, shares, rng, repeats):
    """Yield other orders of the same pairs, with other truths."""
    for _ in range(repeats):
        order = rng.permutation(len(level)).astype(np.uint64)
        yield replace(survey, rank=order), level, make_truth(level, shares, rng)


def _quantiles(counts: list[float]) -> dict[str, float]:
    """Return the median, the 90 % quantile, the share that is finite and the median of those."""
    some = np.array(counts)
    done = some[np.isfinite(some)]
    ends = {"median": 0.5, "nine of ten": 0.9}
    found = {name: np.quantile(some, q, method="higher") for name, q in ends.items()}
    return found | {
        "done": len(done) / len(some),
        "median of done": np.median(done) if len(done) else np.nan,
    }


def ask(
    survey: Survey,
    same: np.ndarray,
    least: float,
    most_answers: int,
    moments: tuple[int, ...] = (),
) -> tuple[dict[int, Missing], Support]:
    """Answer by a truth what the labeler asks; return the forecasts made at some moments, too."""
    pairs: list[int] = []
    forecasts = {}
    while True:
        said = np.where(same[survey.row[pairs]], "same", "different") if pairs else []
        table = pd.DataFrame({"pair": np.array(pairs, dtype=np.int64), "aim": ""})
        table["label"] = np.array(said, dtype=object)
        support = Support.of_precision(Answers(survey, table), least, NAMED, 0.95)
        pair = support.next_pair()
        if support.supported.any() or len(pairs) == most_answers or pair is None:
            return forecasts, support
        if len(pairs) in moments:
            forecasts[len(pairs)] = support.missing(support.aim)
        pairs.append(pair)


def ask_by(
    rule: type, level: np.ndarray, rank: np.ndarray, same: np.ndarray, least: float, most: int
) -> tuple[float, int]:
    """Return the answers that another rule needs, and the level that it recommends, or inf and -1.

    Half of the chance of an error is for the named level; the others share the other half.
    """
    named = int(np.flatnonzero(LEVELS == NAMED)[0])
    other, alpha = rule(level, least), np.full(len(LEVELS), 0.025 / (len(LEVELS) - 1))
    alpha[named] = 0.025
    for number in range(1, most + 1):
        aim = min(other.aim(least), named)
        pairs = np.flatnonzero(other.open & (level <= aim))
        if not len(pairs):
            return np.inf, -1
        pair = int(pairs[np.argmin(rank[pairs])])  # a uniform draw, as the order is random
        other.answer(pair, aim, bool(same[pair]))
        carried = [k for k in range(len(LEVELS)) if other.carries(k, least, alpha[k])]
        if carried:
            return number, carried[-1]
    return np.inf, -1


def read_rule(path: Path) -> type:
    """Return the class Labelling of a Python file."""
    space: dict = {"__name__": "other_rule"}
    exec(compile(path.read_text(), str(path), "exec"), space)
    return space["Labelling"]

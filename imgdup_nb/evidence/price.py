"""A price for each mistake -> the threshold of least expected cost, and what could be cheaper.

At a threshold the false pairs at or above it cost `cost_false` each, and the duplicates below it
cost `cost_missed` each. So it pays to include a pair if it is a duplicate with a chance of at least
cost_false / (cost_false + cost_missed), the break-even precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ..engine.checks import count_of
from ..engine.pair_graph import PairGraph
from ..sweep import sweep_levels
from .betting import Draws
from .evaluate import read_truth_of
from .sampling import Answers

RESAMPLES = 200  # collections drawn from the groups of the truth


@dataclass(frozen=True, eq=False)
class Costs:
    """The expected cost of each threshold.

    Attributes
    ----------
    table
        one row per threshold: threshold, false, missed, cost, cost_low, cost_high, possible (the
        evidence does not exclude that it is the cheapest).
    is_exact
        the costs are counted by a truth. Otherwise they are estimated by answers, and duplicates
        below the lowest threshold of the table are not among the missed ones.
    """

    table: pd.DataFrame
    is_exact: bool

    @property
    def cheapest(self) -> int:
        """The row of least cost; among equal ones the strictest."""
        return int(np.argmin(self.table.cost.to_numpy()))


def check_price(cost_false: Any, cost_missed: Any) -> dict[str, float]:
    """Return both costs by name, or raise if they are no price."""
    price = {"cost_false": cost_false, "cost_missed": cost_missed}
    for name, cost in price.items():
        if (
            cost is None
            or isinstance(cost, bool)
            or not isinstance(cost, Real)
            or not float(cost) >= 0
        ):
            raise ValueError(
                f"{name} must be a number from 0 up, and {cost!r} is not; both costs are needed, "
                "such as cost_false=50, cost_missed=1"
            )
    if not np.isfinite(cost_false + cost_missed) or cost_false + cost_missed <= 0:
        raise ValueError("cost_false and cost_missed must be finite, and not both 0")
    return {name: float(cost) for name, cost in price.items()}


def costs_by_truth(
    pairs: pd.DataFrame, truth: Any, price: dict[str, float], confidence: float
) -> Costs:
    """Count the cost of each level; resample the groups of the truth for what could be cheaper."""
    graph = PairGraph.read(pairs)
    known = read_truth_of(graph, truth, pairs)
    levels = sweep_levels(graph)
    level = np.searchsorted(-levels, -(graph.similarity + 1e-9))
    same = known.same(graph.first, graph.second)
    one, other = known.group[graph.first], known.group[graph.second]

    def count(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        by_kind = (
            np.cumsum(np.bincount(level[some], weight[some], len(levels) + 1))[: len(levels)]
            for some in (~same, same)
        )
        false, true = by_kind
        return false, true

    false, true = count(np.ones(len(level)))
    missed = known.n_pairs - true
    cost = price["cost_false"] * false + price["cost_missed"] * missed
    rng = np.random.default_rng(0)
    there = known.pairs_per_group().astype(float)
    draws = np.zeros((RESAMPLES, len(levels)))
    for draw in draws:  # Poisson bootstrap of the groups; a pair counts for both of its groups
        of_group = rng.poisson(1.0, len(there)).astype(float)
        weight = np.where(one == other, of_group[one], of_group[one] * of_group[other])
        drawn_false, drawn_true = count(weight)
        missed_then = (there * of_group).sum() - drawn_true
        draw[:] = price["cost_false"] * drawn_false + price["cost_missed"] * missed_then
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    best = np.sort(np.argmin(draws, axis=1))
    first, last = best[int(tail * RESAMPLES)], best[-1 - int(tail * RESAMPLES)]
    place = np.arange(len(levels))
    possible = (place >= first) & (place <= last) | (place == int(np.argmin(cost)))
    columns = {"false": false, "missed": missed, "cost": cost, "cost_low": low, "cost_high": high}
    return Costs(pd.DataFrame({"threshold": levels} | columns | {"possible": possible}), True)


def costs_by_answers(answers: Answers, price: dict[str, float], confidence: float) -> Costs:
    """Estimate the cost of each threshold by answers.

    A threshold is excluded if another one is surely cheaper: if the pairs between the two are above
    or below the break-even precision. All its comparisons share alpha.
    """
    survey, used = answers.survey, answers.survey.used
    score = answers.score(confidence).iloc[used]
    counts = survey.counts[used]
    ends = score[["precision", "precision_low", "precision_high"]].to_numpy() * counts[:, None]
    guess, low, high = np.where(np.isfinite(ends), ends, 0.0).T
    cost_false, cost_missed = price["cost_false"], price["cost_missed"]

    def cost(true: np.ndarray, total: float) -> np.ndarray:
        return cost_false * (counts - true) + cost_missed * np.maximum(total - true, 0.0)

    guess = np.where(np.isfinite(ends[:, 0]), np.clip(guess, low, high), (low + high) / 2)
    possible = _possible(answers, cost_false / (cost_false + cost_missed), 1 - confidence)
    total, total_low, total_high = (ends[-1] if used else 0.0 for ends in (guess, low, high))
    table = pd.DataFrame(
        {
            "threshold": survey.edges[used],
            "false": counts - guess,
            "missed": np.maximum(total - guess, 0.0),
            "cost": cost(guess, total),
            "cost_low": cost(high, total_low),
            "cost_high": cost(low, total_high),
            "possible": possible,
        }
    )
    return Costs(table, False)


def _possible(answers: Answers, break_even: float, alpha: float) -> np.ndarray:
    """Tell which thresholds could be the cheapest."""
    used = answers.survey.used
    possible = np.ones(len(used), dtype=bool)
    each = alpha / max(len(used) - 1, 1)
    for k, strict in enumerate(used):
        for j in range(k + 1, len(used)):
            low, high = _between(answers, strict, used[j], each)
            if low > break_even:  # the pairs between pay: the stricter one is not the cheapest
                possible[k] = False
            if high < break_even:
                possible[j] = False
    return possible


def _between(answers: Answers, strict: int, loose: int, alpha: float) -> tuple[float, float]:
    """Return bounds of precision of the pairs between two edges, each wrong with alpha at most."""
    survey = answers.survey
    size = int(survey.sizes[loose] - survey.sizes[strict])
    certain = int(survey.certain[loose] - survey.certain[strict])
    labels = answers.counted_between(strict, loose)
    fewest = Draws.of(size, labels == "same").fewest(alpha)
    most = size - Draws.of(size, labels == "different").fewest(alpha)
    return (fewest + certain) / (size + certain), (most + certain) / (size + certain)


def say_price(costs: Costs, price: dict[str, float], confidence: float) -> str:
    """Defend the threshold of least cost in words."""
    row = costs.table.iloc[costs.cheapest]
    possible = costs.table.threshold[costs.table.possible]
    total = price["cost_false"] + price["cost_missed"]
    by = "counted by the truth" if costs.is_exact else "estimated by your answers"
    where = "" if costs.is_exact else " of this table"
    false, missed = round(row["false"]), round(row.missed)
    worth = price["cost_false"] / total
    worth_text = f"{worth:.3g}" if worth > 0.99 else f"{worth:.2f}"  # 0.995 is not 1.00
    return (
        f"{row.threshold:g} % costs least: {count_of(false, 'false pair')} at "
        f"{price['cost_false']:g} and {count_of(missed, 'missed duplicate')}{where} at "
        f"{price['cost_missed']:g} make {row.cost:,.0f}, {by}. It is worth including pairs of "
        f"which at least {worth_text} are duplicates. With "
        f"{100 * confidence:g} % confidence the cheapest threshold is from {possible.min():g} to "
        f"{possible.max():g} %, and the cost at {row.threshold:g} % is from "
        f"{row.cost_low:,.0f} to {row.cost_high:,.0f}."
    )

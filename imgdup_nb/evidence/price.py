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

from ..engine.checks import count_of, shown
from ..engine.pair_graph import PairGraph
from ..sweep import sweep_levels
from .betting import Draws
from .evaluate import read_truth_of
from .sampling import Answers

MOST_COST = 1e15  # so sums over all pairs are finite, and can be written
RESAMPLES = 200  # collections drawn from the groups of the truth


@dataclass(frozen=True, eq=False)
class Costs:
    """The expected cost of each threshold.

    Attributes
    ----------
    table
        one row per threshold: threshold, false, missed, cost, cost_low, cost_high, possible (the
        evidence does not exclude that it is the cheapest).
    n_answers
        answers to random questions, by which the costs are estimated; None if a truth counts them.
        Duplicates below the lowest threshold of the table are not among the missed ones of an
        estimate.
    n_silent
        pairs in bands without an answer. They are in no estimate.
    """

    table: pd.DataFrame
    n_answers: int | None = None
    n_silent: int = 0

    @property
    def cheapest(self) -> int:
        """The row of least cost that is not excluded; among equal ones the strictest."""
        cost = self.table.cost.where(self.table.possible, np.inf)
        return int(np.argmin(cost.to_numpy()))


def check_price(cost_false: Any, cost_missed: Any) -> dict[str, float]:
    """Return both costs by name, or raise if they are no price."""
    price = {"cost_false": cost_false, "cost_missed": cost_missed}
    for name, cost in price.items():
        is_number = isinstance(cost, Real) and not isinstance(cost, bool)
        if not is_number or not cost >= 0:
            raise ValueError(
                f"{name} must be a number from 0 up, and {shown(cost)} is not; both costs are "
                "needed, such as cost_false=50, cost_missed=1"
            )
    if not 0 < cost_false + cost_missed <= MOST_COST:
        raise ValueError(
            f"cost_false and cost_missed must not both be 0, and together at most {MOST_COST:g}"
        )
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
    return Costs(pd.DataFrame({"threshold": levels} | columns | {"possible": possible}))


def costs_by_answers(answers: Answers, price: dict[str, float], confidence: float) -> Costs:
    """Estimate the cost of each threshold by answers.

    Bands without an answer are left out of the estimate, so silence never speaks for a threshold. A
    threshold is excluded if another one is surely cheaper: if the pairs between the two are above
    or below the break-even precision. All its comparisons share alpha.
    """
    survey, used = answers.survey, answers.survey.used
    # both ends of a cost add up two intervals
    score = answers.score((1 + confidence) / 2).iloc[used]
    counts = survey.counts[used]
    low, high = (score[f"precision_{end}"].to_numpy() * counts for end in ("low", "high"))
    cost_false, cost_missed = price["cost_false"], price["cost_missed"]
    true, known, n_answers = answers.estimate_true()
    true, known = true[used], known[used]
    true = np.clip(true, low - (counts - known), high)
    total, total_low, total_high = (ends[-1] if used else 0.0 for ends in (true, low, high))
    missed = np.maximum(total - true, 0.0)
    table = pd.DataFrame(
        {
            "threshold": survey.edges[used],
            "false": known - true,
            "missed": missed,
            "cost": cost_false * (known - true) + cost_missed * missed,
            "cost_low": cost_false * (counts - high)
            + cost_missed * np.maximum(total_low - high, 0.0),
            "cost_high": cost_false * (counts - low)
            + cost_missed * np.maximum(total_high - low, 0.0),
            "possible": _possible(answers, cost_false / (cost_false + cost_missed), 1 - confidence),
        }
    )
    n_silent = int(counts[-1] - known[-1]) if used else 0
    return Costs(table, n_answers, n_silent)


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
    false, missed = (
        count_of(round(row["false"]), "false pair"),
        count_of(round(row.missed), "missed duplicate"),
    )
    if costs.n_answers is None:
        by, where = "counted by the truth", ""
        sure = f"In {100 * confidence:g} % of collections drawn from the groups of this truth"
    else:
        by, where = f"estimated by {count_of(costs.n_answers, 'answer')}", " of this table"
        sure = f"With {100 * confidence:g} % confidence"
    silent = ""
    if costs.n_silent:
        silent = (
            f" Both numbers leave out {count_of(costs.n_silent, 'pair')} of this table: no random "
            "question about pairs of their similarity has been answered."
        )
    return (
        f"{row.threshold:g} % costs least: {false} at {price['cost_false']:g} and {missed}{where} "
        f"at {price['cost_missed']:g} make {_sum(row.cost)}, {by}.{silent} {_say_worth(price)} "
        f"{sure}, the cheapest threshold is "
        f"{_span(f'{possible.min():g}', f'{possible.max():g}')} %, and {row.threshold:g} % costs "
        f"{_span(_sum(row.cost_low), _sum(row.cost_high))}."
    )


def _say_worth(price: dict[str, float]) -> str:
    """Say which pairs are worth including."""
    share = price["cost_false"] / (price["cost_false"] + price["cost_missed"])
    if share == 0:
        return "Every duplicate is worth including: false pairs cost nothing."
    if price["cost_missed"] == 0:
        return "No pair is worth including if it could be false: missed duplicates cost nothing."
    if share > 0.9999:
        return "It is worth including pairs only if nearly all are duplicates."
    worth = f"{share:.2g}" if share < 0.01 else f"{share:.3g}" if share > 0.99 else f"{share:.2f}"
    return f"It is worth including pairs of which at least {worth} are duplicates."


def _span(low: str, high: str) -> str:
    return low if low == high else f"from {low} to {high}"


def _sum(cost: float) -> str:
    """Write a cost.

    Examples
    --------
    >>> _sum(1830.65), _sum(0.04), _sum(0.0)
    ('1,831', '0.04', '0')
    """
    return f"{cost:,.0f}" if cost >= 10 or cost == 0 else f"{cost:.2g}"

"""Lists of pairs to look at: beside the threshold, of one bar, right, wrong and missed ones."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..engine.pair_graph import TOLERANCE, PairGraph
from ..evidence.evaluate import Truth, read_truth_of
from ..evidence.labels import Labels, number_answers
from ..evidence.sampling import Answers, Survey

PAIR_VERDICTS = ["unknown", "right", "wrong"]  # what truth or labels say of a pair
IS_UNKNOWN, IS_RIGHT, IS_WRONG = range(3)
MAX_LISTED_PAIRS = 120  # of each list that is sent


class ListedPair(NamedTuple):
    """Two images by their numbers, and their similarity in percent: NaN below the floor."""

    left: int
    right: int
    similarity: float
    verdict: int = IS_UNKNOWN


class PairLists:
    """The pairs of a table, and what truth and labels say of each.

    Parameters
    ----------
    pairs
        the table, and its `graph`.
    labels
        a person's answers; read anew by `refresh`.
    truth
        in any form that `score_thresholds` takes. Where it is given, it decides, and labels do not.
    """

    def __init__(self, pairs: pd.DataFrame, graph: PairGraph, labels: Labels, truth: Any) -> None:
        self._pairs, self.graph, self._labels = pairs, graph, labels
        self.truth: Truth | None = None if truth is None else read_truth_of(graph, truth, pairs)
        self.place_of_row = np.empty(len(graph.row), np.int64)
        self.place_of_row[graph.row] = np.arange(len(graph.row))
        self.refresh()

    def refresh(self) -> None:
        """Read the labels again."""
        self._answers: Answers | None = None
        self.answer_of = self._read_answers()
        self.verdict = self._judge()

    @cached_property
    def survey(self) -> Survey:
        """The table divided into strata; made when it is first needed."""
        return Survey.of(self._pairs)

    @property
    def answers(self) -> Answers:
        """The answers about the pairs of the table."""
        if self._answers is None:
            self._answers = self.survey.read(self._labels)
        return self._answers

    @property
    def is_known(self) -> bool:
        """Whether anything is known of any pair."""
        return self.truth is not None or bool(self.answer_of)

    def _read_answers(self) -> dict[tuple[int, int], str]:
        """Return the answers by the numbers of both images."""
        if not len(self._labels):
            return {}
        table = number_answers(self._labels.table, self.graph.names, self.graph.sides)
        return dict(
            zip(zip(table["first"], table["second"], strict=True), table.label, strict=True)
        )

    def _judge(self) -> np.ndarray:
        """Return int8, n_pairs: the place of each pair's verdict in PAIR_VERDICTS."""
        graph = self.graph
        if self.truth is not None:
            same = self.truth.same(graph.first, graph.second)
            return np.where(same, IS_RIGHT, IS_WRONG).astype(np.int8)
        verdict = np.zeros(len(graph.first), np.int8)
        if self.answer_of:
            verdict[self.survey.is_certain] = IS_RIGHT  # the same bytes or pixels
            table = self.answers.table
            for label, judged in (("same", IS_RIGHT), ("different", IS_WRONG)):
                verdict[table.pair[table.label == label]] = judged
        return verdict

    # -- lists -------------------------------------------------------------------------------------

    def places(self, pool: PairGraph) -> np.ndarray:
        """Return where the pairs of a part of the graph stand in it."""
        return self.place_of_row[pool.row]

    def beside(self, pool: PairGraph, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the pairs just above and just below a threshold, those to look at first first.

        The nearest band of 2.5 percent comes first. Within a band the order is that of the
        questions of a `PairLabeler`: random, and the same for everyone. So answers about the first
        pairs of a band soon count as evidence. Pairs of the same bytes or pixels come last.
        """
        places = self.places(pool)
        survey, n_above = self.survey, pool.count_near(threshold)
        above, below = places[:n_above], places[n_above:]

        def ordered(pairs: np.ndarray, sign: int) -> np.ndarray:
            keys = (survey.rank[pairs], sign * survey.band[pairs], survey.is_certain[pairs])
            return pairs[np.lexsort(keys)]

        return ordered(above, -1), ordered(below, 1)

    def between(self, pool: PairGraph, low: float, high: float | None) -> np.ndarray:
        """Return the pairs from `low` up to `high` percent, exclusive; None is no limit."""
        stop = pool.count_near(low)
        start = 0 if high is None else pool.count_near(high)
        places = self.places(pool)[start:stop]
        return places[np.argsort(self.survey.rank[places], kind="stable")]

    def judged(self, pool: PairGraph, threshold: float, verdict: int) -> np.ndarray:
        """Return the pairs at or above a threshold of which this is known.

        Those nearest to the threshold come first; of wrong ones, the most similar.
        """
        places = self.places(pool)[: pool.count_near(threshold)]
        places = places[self.verdict[places] == verdict]
        return places if verdict == IS_WRONG else places[::-1]

    def count_missed(self, pool: PairGraph, threshold: float) -> int:
        """Count the right pairs that the threshold does not find."""
        found = self.places(pool)[: pool.count_near(threshold)]
        return self.n_right - int((self.verdict[found] == IS_RIGHT).sum())

    @cached_property
    def _n_below_floor(self) -> int:
        return (
            0 if self.truth is None else self.truth.n_pairs - int((self.verdict == IS_RIGHT).sum())
        )

    @property
    def n_right(self) -> int:
        """Pairs known to be right, those below the floor of the table included."""
        in_table = int((self.verdict == IS_RIGHT).sum())
        if self.truth is not None:
            return in_table + self._n_below_floor
        return in_table + len(self._labelled_below_floor())

    def _labelled_below_floor(self) -> list[tuple[int, int]]:
        known = set(
            zip(
                self.graph.first[self.verdict == IS_RIGHT].tolist(),
                self.graph.second[self.verdict == IS_RIGHT].tolist(),
                strict=True,
            )
        )
        return [
            pair for pair, label in self.answer_of.items() if label == "same" and pair not in known
        ]

    def missed(self, pool: PairGraph, threshold: float, count: int) -> list[ListedPair]:
        """Return the first right pairs that are not found: the most similar ones first."""
        is_found = np.zeros(len(self.graph.first), dtype=bool)
        is_found[self.places(pool)[: pool.count_near(threshold)]] = True
        places = np.flatnonzero((self.verdict == IS_RIGHT) & ~is_found)[:count]
        rows = [self.describe(int(place)) for place in places]
        for left, right in self.below_floor():
            if len(rows) >= count:
                break
            rows.append(ListedPair(left, right, np.nan, IS_RIGHT))
        return rows

    def below_floor(self) -> Iterator[tuple[int, int]]:
        """Give the right pairs that are not in the table."""
        if self.truth is None:
            yield from self._labelled_below_floor()
            return
        graph, truth, n = self.graph, self.truth, len(self.graph.names)
        known = set((graph.first.astype(np.int64) * n + graph.second)[self.verdict == IS_RIGHT])
        if truth.listed is not None:
            wanted: Iterator[tuple[int, int]] = (divmod(int(key), n) for key in truth.listed)
        else:
            order = np.argsort(truth.group, kind="stable")
            cuts = np.flatnonzero(np.diff(truth.group[order])) + 1
            groups = np.split(order, cuts)
            wanted = (pair for group in groups for pair in combinations(group.tolist(), 2))
        across = truth.is_right
        for left, right in wanted:
            is_asked = across is None or across[left] != across[right]
            if is_asked and left * n + right not in known:
                yield left, right

    def describe(self, place: int) -> ListedPair:
        """Return a pair of the table by its place."""
        graph = self.graph
        return ListedPair(
            int(graph.first[place]),
            int(graph.second[place]),
            float(graph.similarity[place]),
            int(self.verdict[place]),
        )

    # -- precision ---------------------------------------------------------------------------------

    def precision(self, pool: PairGraph, threshold: float, confidence: float) -> dict[str, Any]:
        """Return what is known of precision at a threshold.

        With a truth that is {precision, right, wrong}. With labels it is {threshold, low, high,
        asked, counted, same, different}: the interval is for the nearest edge of a band with the
        same pairs, else for the next stricter edge. Of the answers asked for, it is made of those
        `counted`, as `score_labels` explains.
        """
        places = self.places(pool)[: pool.count_near(threshold)]
        verdict = self.verdict[places]
        right, wrong = int((verdict == IS_RIGHT).sum()), int((verdict == IS_WRONG).sum())
        if self.truth is not None:
            return {
                "right": right,
                "wrong": wrong,
                "precision": right / (right + wrong) if right + wrong else None,
            }
        survey, answers = self.survey, self.answers
        n_here = self.graph.count_near(threshold)
        looser = np.flatnonzero(survey.edges <= threshold + TOLERANCE)
        edge = survey.edge(threshold)
        if len(looser) and survey.counts[looser[0]] == n_here:
            edge = int(looser[0])
        if not survey.counts[edge]:
            return {}
        low, high = answers.interval(edge, confidence)
        here = answers.table.label[survey.band[answers.table.pair] <= edge]
        return {
            "threshold": threshold if survey.counts[edge] == n_here else float(survey.edges[edge]),
            "low": round(float(low), 4),
            "high": round(float(high), 4),
            "asked": len(here),
            "counted": len(answers.counted(edge)),
            "same": int((here == "same").sum()),
            "different": int((here == "different").sum()),
        }

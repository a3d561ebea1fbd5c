"""Which pairs to ask a person about, and which of the answers are a random sample.

Every pair has a random number that depends on its two names only (D22). At each threshold the pairs
at or above it, in the order of these numbers, are a random order. The questions follow it, and the
evidence at this threshold is the answers from its beginning to the first pair without an answer. So
the evidence does not depend on what was asked when, or why: you may change the threshold, stop when
you like, label pairs of your own choice, or answer a whole group. Such answers count as soon as the
order reaches them. Pairs of the same bytes or pixels are certain, and nobody is asked about them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ..engine.pair_graph import TOLERANCE, PairGraph, Sides
from .banded import find_strata, strata_interval
from .betting import Draws
from .intervals import check_confidence
from .labels import FROM_BANDS, Labels, labels_table, number_answers

BAND = 2.5  # percent; 95, 90 and 80 are edges of bands
CERTAIN = ["same bytes", "same pixels"]
MOST_SILENT = 0.1  # share of the pairs that may be in bands without an answer, for an estimate
NOBODY = np.iinfo(np.uint64).max  # a number that no pair has


@dataclass(frozen=True, eq=False)
class Survey:
    """A pair table in the order of its questions, made once per table by `Survey.of`.

    Attributes
    ----------
    names
        of the images, in the order of their numbers.
    first, second
        image numbers of each pair.
    key
        of each pair, by which labels are found.
    is_certain
        of each pair: the same bytes or pixels.
    rank
        random number of each pair, uint64: the smallest is asked first.
    edges
        thresholds at which precision is estimated, strictest first.
    band
        of each pair (0 is 100 percent only).
    row
        of each pair in the table it came from.
    sides
        of the images, if the table is between two collections.
    """

    names: list[str]
    first: np.ndarray
    second: np.ndarray
    key: np.ndarray
    is_certain: np.ndarray
    rank: np.ndarray
    edges: np.ndarray
    band: np.ndarray
    row: np.ndarray
    sides: Sides | None

    @classmethod
    def of(cls, pairs: pd.DataFrame) -> Survey:
        """Give the pairs of a table their bands and their order."""
        graph = PairGraph.read(pairs)
        edges = np.append(np.arange(100.0, graph.floor, -BAND), graph.floor)
        relation = (
            pairs.relation.astype(object).to_numpy()[graph.row]
            if "relation" in pairs
            else np.full(len(pairs), "near")
        )
        return cls(
            names=graph.names,
            first=graph.first,
            second=graph.second,
            key=graph.first.astype(np.int64) * len(graph.names) + graph.second,
            is_certain=np.isin(relation, CERTAIN),
            rank=_random_ranks(graph),
            edges=edges,
            band=np.searchsorted(-edges, -(graph.similarity + TOLERANCE)),
            row=graph.row,
            sides=graph.sides,
        )

    @cached_property
    def band_sizes(self) -> np.ndarray:
        """Pairs of each band that can be asked about, int64."""
        return np.bincount(self.band[~self.is_certain], minlength=len(self.edges))

    @cached_property
    def sizes(self) -> np.ndarray:
        """Pairs at or above each edge that can be asked about, int64."""
        return np.cumsum(self.band_sizes)

    @cached_property
    def certain(self) -> np.ndarray:
        """Pairs of the same bytes or pixels at or above each edge, int64."""
        return np.cumsum(np.bincount(self.band[self.is_certain], minlength=len(self.edges)))

    @cached_property
    def counts(self) -> np.ndarray:
        """Pairs at or above each edge, int64."""
        return self.sizes + self.certain

    @cached_property
    def by_key(self) -> np.ndarray:
        """All pairs in the order of their keys."""
        return np.argsort(self.key)

    @cached_property
    def queue(self) -> np.ndarray:
        """All pairs that can be asked about, by band, then in the order of the questions."""
        pairs = np.flatnonzero(~self.is_certain)
        return pairs[np.lexsort((self.rank[pairs], self.band[pairs]))]

    @cached_property
    def place(self) -> np.ndarray:
        """The place of each pair in the queue of its band, int64; -1 for certain pairs."""
        place = np.full(len(self.key), -1)
        starts = self.sizes - self.band_sizes
        place[self.queue] = np.arange(len(self.queue)) - starts[self.band[self.queue]]
        return place

    def read(self, labels: Labels | pd.DataFrame) -> Answers:
        """Find the answers about the pairs of this table."""
        table = number_answers(labels_table(labels), self.names, self.sides)
        pair = self.find(table.key.to_numpy())
        table = table.assign(pair=pair)[pair >= 0]
        return Answers(self, table[~self.is_certain[table.pair]])

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Return the pairs with these keys, int64; -1 where there is none."""
        if not len(self.key):
            return np.full(len(keys), -1)
        order = self.by_key
        place = np.searchsorted(self.key, keys, sorter=order)
        pair = order[np.minimum(place, len(order) - 1)]
        return np.where(self.key[pair] == keys, pair, -1)

    def edge(self, threshold: float) -> int:
        """Return the number of the lowest edge at or above a threshold; 0 above all edges."""
        above = np.flatnonzero(self.edges >= threshold - TOLERANCE)
        return int(above[-1]) if len(above) else 0

    @cached_property
    def strata(self) -> np.ndarray:
        """The stratum of each pair by which an earlier version drew its questions."""
        return find_strata(self.first, self.second, self.band, self.is_certain)

    @cached_property
    def used(self) -> list[int]:
        """Edges with pairs of their own; the others find what the next stricter one does."""
        return [int(k) for k in np.flatnonzero(np.diff(self.counts, prepend=0))]


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers about the pairs of a survey: `table` has labels, and `pair`, its number."""

    survey: Survey
    table: pd.DataFrame

    @cached_property
    def _pair(self) -> np.ndarray:
        """The answered pairs in the order of the questions."""
        pair = self.table.pair.to_numpy(dtype=np.int64)
        return pair[np.argsort(self.survey.rank[pair], kind="stable")]

    @cached_property
    def _label(self) -> np.ndarray:
        pair = self.table.pair.to_numpy(dtype=np.int64)
        label = self.table.label.to_numpy(dtype=object)
        return label[np.argsort(self.survey.rank[pair], kind="stable")]

    @cached_property
    def first_open(self) -> np.ndarray:
        """The first pair of each band without an answer, int64; -1 where all are answered."""
        survey = self.survey
        starts, sizes = survey.sizes - survey.band_sizes, survey.band_sizes
        band, place = survey.band[self._pair], survey.place[self._pair]
        found = np.full(len(sizes), -1)
        for k in np.flatnonzero(sizes):
            there = np.sort(place[band == k])
            gaps = np.flatnonzero(there != np.arange(len(there)))
            n_answered = int(gaps[0]) if len(gaps) else len(there)
            if n_answered < sizes[k]:
                found[k] = survey.queue[starts[k] + n_answered]
        return found

    @cached_property
    def _open_rank(self) -> np.ndarray:
        """The rank of the first open pair of each band, uint64."""
        found = self.first_open
        safe = np.maximum(found, 0)
        ranks = self.survey.rank[safe] if len(self.survey.rank) else np.zeros(len(found), np.uint64)
        return np.where(found >= 0, ranks, NOBODY)

    def next_at(self, edge: int) -> int | None:
        """Return the next pair of the random order at an edge, or None if all are answered."""
        ranks = self._open_rank[: edge + 1]
        band = int(np.argmin(ranks))
        return None if self.first_open[band] < 0 else int(self.first_open[band])

    def ahead(self, edge: int, count: int) -> np.ndarray:
        """Return the labels of the next `count` pairs of the order at an edge, "" for open ones."""
        survey = self.survey
        starts = survey.sizes - survey.band_sizes
        pairs = [np.zeros(0, dtype=np.int64)]
        before = self._open_rank[: edge + 1].min()
        for band in np.flatnonzero(survey.band_sizes[: edge + 1]):
            waiting = survey.queue[starts[band] : starts[band] + survey.band_sizes[band]]
            skip = int(np.searchsorted(survey.rank[waiting], before))
            pairs.append(waiting[skip : skip + count])
        ahead = np.concatenate(pairs)
        ahead = ahead[np.argsort(survey.rank[ahead], kind="stable")][:count]
        known = dict(zip(self._pair.tolist(), self._label.tolist(), strict=True))
        return np.array([known.get(pair, "") for pair in ahead.tolist()], dtype=object)

    def counted(self, edge: int) -> np.ndarray:
        """Return the labels that are evidence at an edge, in the order of the questions."""
        return self.counted_between(-1, edge)

    def counted_between(self, strict: int, loose: int) -> np.ndarray:
        """Return the labels that are evidence for the pairs at one edge that are not at another."""
        before = self._open_rank[strict + 1 : loose + 1].min()
        band = self.survey.band[self._pair]
        here = (band > strict) & (band <= loose) & (self.survey.rank[self._pair] < before)
        return self._label[here]

    def draws(self, edge: int, hit: str = "same") -> Draws:
        """Return the evidence at an edge: answers `hit` are hits, all others are misses."""
        return Draws.of(self.survey.sizes[edge], self.counted(edge) == hit)

    def interval(self, edge: int, confidence: float) -> tuple[float, float]:
        """Return the interval of precision at an edge; a skipped pair counts against both ends."""
        count, certain = int(self.survey.counts[edge]), int(self.survey.certain[edge])
        if not count:
            return 0.0, 1.0
        old = self.old
        if len(old) and len(old) == len(self.table):
            return self.old_interval(edge, confidence)
        # the doubt is halved where two intervals, of older and of all answers, must both hold
        alpha = (1 - confidence) / (4 if len(old) else 2)
        fewest = self.draws(edge).fewest(alpha)
        most = int(self.survey.sizes[edge]) - self.draws(edge, "different").fewest(alpha)
        low, high = (fewest + certain) / count, (most + certain) / count
        if not len(old):
            return low, high
        old_low, old_high = self.old_interval(edge, (1 + confidence) / 2)
        return max(low, old_low), min(high, old_high)

    @cached_property
    def old(self) -> pd.DataFrame:
        """The answers that an earlier version asked for: a sample of each of its strata."""
        return self.table[self.table.aim == FROM_BANDS]

    def old_interval(self, edge: int, confidence: float) -> tuple[float, float]:
        """Return the interval of precision by the answers of an earlier version."""
        pairs, labels = self.old.pair.to_numpy(), self.old.label.to_numpy(dtype=object)
        certain = int(self.survey.certain[edge])
        return strata_interval(self.survey.strata, pairs, labels, edge, certain, confidence)

    def score(self, confidence: float = 0.95) -> pd.DataFrame:
        """Return precision with its interval at every edge (see `score_labels`)."""
        check_confidence(confidence)
        survey, band = self.survey, self.survey.band[self._pair]
        by_band = {
            label: np.cumsum(np.bincount(band[self._label == label], minlength=len(survey.edges)))
            for label in ("same", "different", "skip")
        }
        spans = np.array([self.interval(k, confidence) for k in range(len(survey.edges))])
        return pd.DataFrame(
            {
                "threshold": survey.edges,
                "pairs": survey.counts,
                "certain": survey.certain,
                "asked": by_band["same"] + by_band["different"] + by_band["skip"],
                "same": by_band["same"],
                "skipped": by_band["skip"],
                "counted": [len(self.counted(k)) for k in range(len(survey.edges))],
                "precision": self._estimates(),
                "precision_low": spans[:, 0],
                "precision_high": spans[:, 1],
            }
        )

    def _estimates(self) -> np.ndarray:
        """Return the estimate of precision at each edge: the bands are weighted by their sizes.

        NaN where more than a tenth of the pairs are in bands without an answer.
        """
        true, known, _ = self.estimate_true()
        with np.errstate(invalid="ignore"):
            share = np.where(known > 0, true / np.maximum(known, 1), np.nan)
        return np.where(known >= (1 - MOST_SILENT) * self.survey.counts, share, np.nan)

    def estimate_true(self) -> tuple[np.ndarray, np.ndarray, int]:
        """Estimate the true pairs at or above each edge, in the bands that have answers.

        Returns
        -------
        true : float64
            the share of "same" in each band, times its size. Certain pairs are true.
        known : int64
            pairs of bands with an answer, and certain pairs.
        n_answers : int
            answers to random questions, by which this is estimated.
        """
        survey = self.survey
        is_random = survey.rank[self._pair] < self._open_rank[survey.band[self._pair]]
        is_random |= np.isin(self._pair, self.old.pair.to_numpy())
        answered, same = (
            np.bincount(survey.band[self._pair][is_random & chosen], minlength=len(survey.edges))
            for chosen in (self._label != "skip", self._label == "same")
        )
        weight = np.where(answered > 0, survey.band_sizes, 0)
        true = np.cumsum(weight * same / np.maximum(answered, 1)) + survey.certain
        return true, np.cumsum(weight) + survey.certain, int(answered.sum())


def _random_ranks(graph: PairGraph) -> np.ndarray:
    """Return a random number per pair that depends on its two names only."""
    digests = [
        hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for name in graph.names
    ]
    of_name = np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)
    one, other = of_name[graph.first], of_name[graph.second]
    with np.errstate(over="ignore"):
        return _mix(_mix(np.minimum(one, other)) + np.maximum(one, other))


def _mix(values: np.ndarray) -> np.ndarray:
    """Scramble uint64 numbers by the finaliser of splitmix64 (Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))

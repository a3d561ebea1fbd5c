"""Which pairs to ask a person about, and precision at each threshold by the answers.

The pairs of a table are divided into strata: bands of 2.5 percent. In each band the pairs of
crowded images, which have many pairs there, are a stratum of their own. Within a stratum the order
of the questions is random, yet the same for everyone: by a digest of the two names. So the answers
of a stratum are a random sample of it, however many there are. The strata are weighted by their
sizes. Pairs of the same bytes or pixels are certain, and nobody is asked about them.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ..engine.pair_graph import TOLERANCE, PairGraph, Sides
from .intervals import check_confidence, stratified_interval
from .labels import Labels, labels_table, number_answers

BAND = 2.5  # percent; 95, 90 and 80 are edges of bands
CROWD = 4  # pairs of one image in one band; with more, its pairs form a stratum of their own
MOST_OFTEN = 9  # questions about one image
CERTAIN = ["same bytes", "same pixels"]


def score_labels(
    pairs: pd.DataFrame, labels: Labels | pd.DataFrame, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Estimate precision at each threshold by a person's answers.

    Parameters
    ----------
    pairs
        made by `similar_pairs`.
    labels
        answers about pairs that `PairLabeler` chose. Pairs that you chose yourself are not a random
        sample, and the intervals are not valid for them.
    confidence
        of the intervals.

    Returns
    -------
    pandas.DataFrame, one row per band of 2.5 percent, strictest first:
        - threshold (percent, inclusive), pairs (at or above it);
        - certain: pairs of the same bytes or pixels among them, which count as the same;
        - asked, same, skipped: answers about pairs at or above the threshold;
        - precision (NaN if nothing is known), precision_low, precision_high.

    Notes
    -----
    Each answer stands for as many pairs as its stratum has per answer. A skipped pair counts as
    different for the low end and as the same for the high end. The intervals are for this
    collection. When every pair is answered, low and high are equal.

    Examples
    --------
    >>> import imgdup_nb as dup
    >>> prints = dup.Fingerprints.from_bits(["a", "b"], [[True] * 64, [True] * 58 + [False] * 6])
    >>> labels = dup.Labels()
    >>> labels.add("b", "a", "same")
    >>> scores = dup.score_labels(dup.similar_pairs(prints, min_similarity=90), labels)
    >>> scores[["threshold", "pairs", "asked", "same", "precision", "precision_low"]].tail(2)
       threshold  pairs  asked  same  precision  precision_low
    3       92.5      0      0     0        NaN            0.0
    4       90.0      1      1     1        1.0            1.0
    """
    return read_answers(pairs, labels).score(confidence)


def read_answers(pairs: pd.DataFrame, labels: Labels | pd.DataFrame) -> Answers:
    """Return the answers about a pair table; warn if none of the labels is about it."""
    answers = Survey.of(pairs).read(labels)
    n_given = len(labels_table(labels))
    if n_given and not len(answers.table):
        warnings.warn(
            f"none of the {n_given} labels is about a pair that is asked about here; names must be "
            "those of the pair table",
            stacklevel=3,
        )
    return answers


@dataclass(frozen=True, eq=False)
class Survey:
    """A pair table divided into strata, made once per table by `Survey.of`.

    Attributes
    ----------
    names
        of the images, in the order of their numbers.
    first, second
        image numbers of each pair.
    key
        of each pair, by which labels are found.
    stratum
        of each pair: twice its band (0 is 100 percent only), plus 1 if crowded; -1 for certain
        pairs.
    rank
        random number of each pair: the smallest is asked first.
    edges
        thresholds at which precision is estimated, strictest first.
    band
        of each pair.
    row
        of each pair in the table it came from.
    sides
        of the images, if the table is between two collections.
    """

    names: list[str]
    first: np.ndarray
    second: np.ndarray
    key: np.ndarray
    stratum: np.ndarray
    rank: np.ndarray
    edges: np.ndarray
    band: np.ndarray
    row: np.ndarray
    sides: Sides | None

    @classmethod
    def of(cls, pairs: pd.DataFrame) -> Survey:
        """Divide a pair table into strata."""
        graph = PairGraph.read(pairs)
        edges = np.append(np.arange(100.0, graph.floor, -BAND), graph.floor)
        band = np.searchsorted(-edges, -(graph.similarity + TOLERANCE))
        relation = (
            pairs.relation.astype(object).to_numpy()[graph.row]
            if "relation" in pairs
            else np.full(len(pairs), "near")
        )
        certain = np.isin(relation, CERTAIN)
        crowded = _crowded(graph, band, ~certain)
        return cls(
            names=graph.names,
            first=graph.first,
            second=graph.second,
            key=graph.first.astype(np.int64) * len(graph.names) + graph.second,
            stratum=np.where(certain, -1, 2 * band + crowded),
            rank=_random_ranks(graph),
            edges=edges,
            band=band,
            row=graph.row,
            sides=graph.sides,
        )

    @cached_property
    def sizes(self) -> np.ndarray:
        """Pairs in each stratum, int64."""
        return np.bincount(self.stratum[self.stratum >= 0], minlength=2 * len(self.edges))

    @cached_property
    def certain(self) -> np.ndarray:
        """Pairs of the same bytes or pixels at or above each edge, int64."""
        return np.cumsum(np.bincount(self.band[self.stratum < 0], minlength=len(self.edges)))

    @cached_property
    def counts(self) -> np.ndarray:
        """Pairs at or above each edge, int64."""
        return np.cumsum(np.bincount(self.band, minlength=len(self.edges)))

    @cached_property
    def by_key(self) -> np.ndarray:
        """All pairs in the order of their keys."""
        return np.argsort(self.key)

    @cached_property
    def queue(self) -> np.ndarray:
        """All pairs that may be asked about, by stratum and rank."""
        pairs = np.flatnonzero(self.stratum >= 0)
        return pairs[np.lexsort((self.rank[pairs], self.stratum[pairs]))]

    def read(self, labels: Labels | pd.DataFrame) -> Answers:
        """Count the answers about the pairs of this table."""
        table = number_answers(labels_table(labels), self.names, self.sides)
        order = self.by_key
        place = np.searchsorted(self.key, table.key.to_numpy(), sorter=order)
        place = (
            order[np.minimum(place, max(len(order) - 1, 0))]
            if len(order)
            else np.zeros(0, np.int64)
        )
        table = table[: len(place)].assign(pair=place)
        table = table[(self.key[table.pair] == table.key) & (self.stratum[table.pair] >= 0)]
        return Answers(self, table)

    def edge(self, threshold: float) -> int:
        """Return the number of the lowest edge at or above a threshold; 0 above all edges."""
        above = np.flatnonzero(self.edges >= threshold - TOLERANCE)
        return int(above[-1]) if len(above) else 0


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers about the pairs of a survey: `table` has labels, and `pair`, its number."""

    survey: Survey
    table: pd.DataFrame

    def per_stratum(self, label: str) -> np.ndarray:
        """Return how many pairs of each stratum have this answer, int64."""
        pairs = self.table.pair[self.table.label == label].to_numpy()
        return np.bincount(self.survey.stratum[pairs], minlength=len(self.survey.sizes))

    @cached_property
    def asked(self) -> np.ndarray:
        """Pairs of each stratum that were asked about, skipped ones included."""
        return sum(
            (self.per_stratum(label) for label in ("same", "different", "skip")),
            np.zeros(1, np.int64),
        )

    def score(self, confidence: float = 0.95) -> pd.DataFrame:
        """Return precision with its interval at every edge (see `score_labels`)."""
        check_confidence(confidence)
        survey, same, skipped = self.survey, self.per_stratum("same"), self.per_stratum("skip")
        rows = []
        for k, edge in enumerate(survey.edges):
            here = slice(0, 2 * (k + 1))
            low, high = self.interval(k, same, skipped, self.asked, confidence)
            rows.append(
                {
                    "threshold": edge,
                    "pairs": survey.counts[k],
                    "certain": survey.certain[k],
                    "asked": self.asked[here].sum(),
                    "same": same[here].sum(),
                    "skipped": skipped[here].sum(),
                    "precision": self._estimate(k, same, self.asked - skipped),
                    "precision_low": low,
                    "precision_high": high,
                }
            )
        return pd.DataFrame(rows)

    def interval(
        self, edge: int, same: np.ndarray, skipped: np.ndarray, asked: np.ndarray, confidence: float
    ) -> tuple[float, float]:
        """Return the interval of precision at an edge; a skipped pair counts against both ends."""
        here, certain = slice(0, 2 * (edge + 1)), self.survey.certain[edge]
        sizes, asked = np.append(self.survey.sizes[here], certain), np.append(asked[here], certain)
        low, _ = stratified_interval(sizes, asked, np.append(same[here], certain), confidence)
        _, high = stratified_interval(
            sizes, asked, np.append((same + skipped)[here], certain), confidence
        )
        return low, high

    def _estimate(self, edge: int, same: np.ndarray, answered: np.ndarray) -> float:
        here, certain = slice(0, 2 * (edge + 1)), self.survey.certain[edge]
        sizes, same, answered = self.survey.sizes[here], same[here], answered[here]
        known = answered > 0
        total = sizes[known].sum() + certain
        return (
            float(((sizes[known] * same[known] / answered[known]).sum() + certain) / total)
            if total
            else np.nan
        )

    def next_pair(self, threshold: float) -> int | None:
        """Return the pair whose answer tells most about precision at and just below a threshold.

        Its number, or None when no useful question is left.
        """
        waiting = self._waiting()
        gain = self._gain(self.survey.edge(threshold))
        gain[[stratum not in waiting for stratum in range(len(gain))]] = 0.0
        return waiting[int(np.argmax(gain))] if gain.max(initial=0.0) > 0 else None

    def _waiting(self) -> dict[int, int]:
        """Return the next pair of each stratum, unless one of its images was shown too often."""
        survey, done = self.survey, self.table.pair.to_numpy()
        shown = np.bincount(
            np.concatenate([survey.first[done], survey.second[done]]), minlength=len(survey.names)
        )
        is_open = np.ones(len(survey.key), dtype=bool)
        is_open[done] = False
        pairs = survey.queue[is_open[survey.queue]]
        strata, starts = np.unique(survey.stratum[pairs], return_index=True)
        nexts = pairs[starts]
        fresh = np.maximum(shown[survey.first[nexts]], shown[survey.second[nexts]]) < MOST_OFTEN
        return dict(zip(strata[fresh].tolist(), nexts[fresh].tolist(), strict=True))

    def _gain(self, edge: int) -> np.ndarray:
        """Return by how much one more answer in each stratum lowers the variance of precision."""
        asked = self.asked
        share = (self.per_stratum("same") + 1) / (asked - self.per_stratum("skip") + 2)
        spread = share * (1 - share) * (1 / np.maximum(asked, 0.5) - 1 / (asked + 1))
        return self._weights(edge) * spread

    def _weights(self, edge: int) -> np.ndarray:
        """Return the weight of each stratum's variance in precision at an edge and the next two."""
        survey = self.survey
        weights = np.zeros(len(survey.sizes))
        looser = [
            k for k in range(edge + 1, len(survey.edges)) if survey.counts[k] > survey.counts[k - 1]
        ]
        for k in [edge, *looser[:2]]:
            if survey.counts[k]:
                here = slice(0, 2 * (k + 1))
                weights[here] += (survey.sizes[here] / survey.counts[k]) ** 2
        return weights

    def more_answers(
        self,
        threshold: float,
        *,
        min_precision: float | None = None,
        half_width: float = 0.05,
        confidence: float = 0.95,
    ) -> int:
        """Estimate how many more answers settle precision at a threshold.

        It is settled when the interval is at or above `min_precision`, or below it. Without
        `min_precision`, when the interval is at most twice `half_width` wide. The estimate assumes
        that the share of "same" stays as it is.
        """
        edge = self.survey.edge(threshold)
        open_ = (self.survey.sizes - self.asked)[self._weights(edge) > 0].sum()

        def settled(more: int) -> bool:
            low, high = self.after(edge, more, confidence)
            return (
                high - low <= 2 * half_width
                if min_precision is None
                else low >= min_precision or high < min_precision
            )

        enough, too_few = int(open_), -1
        while enough - too_few > 1:
            middle = (enough + too_few) // 2
            enough, too_few = (middle, too_few) if settled(middle) else (enough, middle)
        return enough

    def after(self, edge: int, more: int, confidence: float) -> tuple[float, float]:
        """Return the interval after more answers with the same shares as so far."""
        survey, skipped, same = self.survey, self.per_stratum("skip"), self.per_stratum("same")
        answered = np.maximum(self.asked - skipped, 0)
        here = slice(0, 2 * (edge + 1))
        no, yes = (answered - same)[here].sum(), same[here].sum()
        everywhere = (
            (yes + 0.5) / (yes + no + 1) if yes + no else 1.0
        )  # hopeful where nothing is known
        share = (same + everywhere) / (
            answered + 1
        )  # a few equal answers are no promise that all will be
        need = np.sqrt(self._weights(edge) * np.maximum(share * (1 - share), 0.02))
        extra = _spread(more, need, survey.sizes - self.asked)
        return self.interval(edge, same + share * extra, skipped, self.asked + extra, confidence)


def _spread(amount: int, need: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Distribute an amount in proportion to need, and to no place more than its room."""
    given = np.zeros(len(need))
    for _ in range(len(need)):
        wanting = (need > 0) & (given < room)
        left = amount - given.sum()
        if left <= 1e-9 or not wanting.any():
            break
        given[wanting] += left * need[wanting] / need[wanting].sum()
        given = np.minimum(given, room)
    return given


def _crowded(graph: PairGraph, band: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Tell for each pair whether one of its images has more than CROWD pairs in the same band."""
    ends = np.concatenate([graph.first, graph.second]).astype(np.int64)
    where = ends * (int(band.max(initial=0)) + 1) + np.concatenate([band, band])
    number, degree = np.unique(where, return_inverse=True)[1], np.zeros(len(where))
    np.add.at(degree, number, np.concatenate([counts, counts]))
    crowded = degree[number] > CROWD
    return crowded[: len(band)] | crowded[len(band) :]


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

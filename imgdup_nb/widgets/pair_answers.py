"""What the explorer answers about pairs: lists of them, one large, labels."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pandas as pd

from ..aligned.verify import verify_pairs
from ..engine.pair_graph import PairGraph
from ..groups import Grouping
from ..sweep import count_by_level
from .comparisons import ComparedPair, Comparisons
from .pair_lists import (
    IS_RIGHT,
    IS_UNKNOWN,
    IS_WRONG,
    MAX_LISTED_PAIRS,
    PAIR_VERDICTS,
    ListedPair,
    PairLists,
)

VERIFIED_SAMPLE = 10  # pairs compared by local features
CONFIDENCE = 0.95  # of the interval of precision


class PairAnswers:
    """A part of `ThresholdExplorer`: it answers messages about pairs.

    ``{type: "pairs", of, count}`` asks for a list. ``of`` is "border", the place of a level, or
    "right", "wrong", "unknown" or "missed". The answer has, for each list, its title's kind, how
    many pairs there are, and the first ones: [left, right, similarity, verdict, label]. Two
    images are numbers, the similarity is null below the floor. ``{type: "pair", left, right,
    similarity, index, total}`` asks for a comparison: the answer is the ``view`` of a `PairViewer`.
    Its pictures are asked for as there: ``{type: "layers", index}``. ``{type: "label", left, right,
    label}`` and ``{type: "undo"}`` change the labels. ``{type: "why", image}`` asks which pairs
    connect an image of the selected group with its original: ``steps`` of [left, right,
    similarity]. ``{type: "verify"}`` has a sample of the pairs compared by local features; the
    answer ``{type: "verified", asked, confirmed}`` comes when that is done, and ``asked`` is 0
    where it cannot be. ``{type: "combine", method, threshold, rule}`` makes a rule over two
    methods; ``{type: "combined"}`` says that it is done.
    """

    lock: threading.RLock
    graph: PairGraph
    pair_lists: PairLists
    images: pd.DataFrame | None
    threshold: float
    levels: np.ndarray
    method: str
    _pool: PairGraph
    _facts: dict[str, str]
    pairs: pd.DataFrame
    groups: Grouping
    selected: tuple[str, ...]
    labels: Any  # of `ThresholdState`, as what follows
    label: Any
    undo_label: Any
    combine: Any
    send: Any
    _verified: dict[tuple[str, tuple[int, ...]], int]
    _compared: tuple[int, ComparedPair] | None = None
    _comparisons: Comparisons | None = None

    def _answer_pairs(self, content: dict[str, Any]) -> None:
        with self.lock:
            self.send(self._list_pairs(content["of"], int(content["count"])))

    def _list_pairs(self, of: str | int, count: int) -> dict[str, Any]:
        """Return the message with lists of pairs."""
        count = max(1, min(count, MAX_LISTED_PAIRS))
        lists, pool = self.pair_lists, self._pool
        parts: list[tuple[str, int, list[ListedPair]]]
        if of == "border":
            sides = lists.beside(pool, self.threshold)
            parts = [
                (kind, len(side), [lists.describe(int(place)) for place in np.sort(side[:count])])
                for kind, side in zip(("above", "below"), sides, strict=True)
            ]
        elif of == "missed":
            total = lists.count_missed(pool, self.threshold)
            parts = [("missed", total, lists.missed(pool, self.threshold, count))]
        else:
            chosen = self._chosen_pairs(of)
            parts = [("list", len(chosen), [lists.describe(int(k)) for k in chosen[:count]])]
        return {
            "type": "pairs",
            "of": of,
            "count": count,
            "parts": [
                [kind, total, list(map(self._pair_row, rows))] for kind, total, rows in parts
            ],
            "precision": lists.precision(pool, self.threshold, CONFIDENCE),
            "answers": len(self.labels),
        }

    def _chosen_pairs(self, of: str | int) -> np.ndarray:
        lists, pool = self.pair_lists, self._pool
        if isinstance(of, str):
            verdict = PAIR_VERDICTS.index(of)
            return lists.judged(pool, self.threshold, verdict)
        place = int(np.clip(of, 0, len(self.levels) - 1))
        high = None if place == 0 else float(self.levels[place - 1])
        return lists.between(pool, float(self.levels[place]), high)

    def _pair_row(self, pair: ListedPair) -> list[Any]:
        similarity = None if np.isnan(pair.similarity) else round(pair.similarity, 2)
        ends = (min(pair.left, pair.right), max(pair.left, pair.right))
        label = self.pair_lists.answer_of.get(ends, "")
        return [pair.left, pair.right, similarity, pair.verdict, label]

    def _answer_pair(self, content: dict[str, Any]) -> None:
        if self.images is None:
            raise ValueError("pictures need images=scan_images(folder): there are only names here")
        names = tuple(self.graph.names[int(content[side])] for side in ("left", "right"))
        if self._comparisons is None:
            paths = dict(zip(self.images.image, self.images.path, strict=True))
            self._comparisons = Comparisons(paths)
        index, similarity = int(content["index"]), content.get("similarity")
        shown = self._comparisons.get(names)  # without the lock: moving on must not wait
        self._compared = (index, shown)
        view = {
            "index": index,
            "total": int(content["total"]),
            "facts": [self._facts.get(name, "") for name in names],
            "found": [] if similarity is None else [similarity, self.method],
            **shown.describe(),
        }
        self.send({"type": "pair", "view": view})

    def _answer_layers(self, content: dict[str, Any]) -> None:
        index, shown = self._compared or (None, None)
        layers = shown.layers() if shown is not None and content["index"] == index else None
        if layers is not None:
            drawn, jpegs = layers
            self.send({"type": "layers", "index": index, **drawn}, buffers=jpegs)

    def _answer_why(self, content: dict[str, Any]) -> None:
        """Tell which pairs connect an image of the selected group with its original."""
        with self.lock:
            original, names = self.selected[0], self.graph.names
            steps = self.groups.path(original, names[int(content["image"])])
        number = {name: k for k, name in enumerate(names)}
        ends = (steps[side].map(number).tolist() for side in ("left", "right"))
        rows = [list(step) for step in zip(*ends, steps.similarity.round(3).tolist(), strict=True)]
        self.send({"type": "why", "image": content["image"], "steps": rows})

    def _verified_words(self) -> str:
        """Return a warning if a sample of the pairs was aligned, and most were not confirmed."""
        with self.lock:
            if not self._verified:
                return ""
            sample = tuple(self._sample_found().tolist())
        confirmed = self._verified.get((self.method, sample), len(sample))
        if 2 * confirmed >= len(sample):
            return ""
        return (
            f"Only {confirmed} of {len(sample)} sampled pairs at {self.threshold:g} % are "
            'confirmed by the method "aligned": most pairs at this threshold may be false.'
        )

    def _answer_verify(self, _content: dict[str, Any]) -> None:
        """Compare a sample of the pairs found by local features, and tell how many match."""
        with self.lock:
            sample = self._sample_found()
            key = (self.method, tuple(sample.tolist()))
            table = self.pairs.iloc[self.graph.row[sample]]
        if key not in self._verified:
            self._verified[key] = self._count_confirmed(table)
        self.send({"type": "verified", "asked": len(sample), "confirmed": self._verified[key]})

    def _sample_found(self) -> np.ndarray:
        """Return some of the pairs at or above the threshold, those first that are asked first."""
        lists = self.pair_lists
        if self.images is None or self.pairs.attrs.get("unit") != "bits":
            return np.zeros(0, np.int64)
        found = lists.between(self._pool, self.threshold, None)
        return found[~lists.survey.is_certain[found]][:VERIFIED_SAMPLE]

    def _count_confirmed(self, table: pd.DataFrame) -> int:
        if self.images is None or table.empty:
            return 0
        wanted = set(table.left) | set(table.right)
        return len(verify_pairs(table, self.images[self.images.image.isin(wanted)]))

    def _answer_combine(self, content: dict[str, Any]) -> None:
        """Make a rule over two methods; the browser hears of it by the traits that change."""
        try:
            self.combine(content["method"], float(content["threshold"]), content["rule"])
        finally:
            self.send({"type": "combined"})

    def _answer_label(self, content: dict[str, Any]) -> None:
        left, right = (self.graph.names[int(content[side])] for side in ("left", "right"))
        self.label(min(left, right), max(left, right), content["label"])

    def _answer_undo(self, _content: dict[str, Any]) -> None:
        self.undo_label()

    def _judged_counts(self) -> dict[str, Any]:
        """Return the right and wrong pairs at each level, and all that are right; or nothing."""
        lists = self.pair_lists
        if not lists.is_known:
            return {}
        verdict = lists.verdict[lists.places(self._pool)]
        return {
            **{
                PAIR_VERDICTS[judged]: count_by_level(
                    self._pool.similarity[verdict == judged], self.levels
                ).tolist()
                for judged in (IS_RIGHT, IS_WRONG, IS_UNKNOWN)
            },
            "all_right": lists.n_right,
            "by_truth": lists.truth is not None,
        }

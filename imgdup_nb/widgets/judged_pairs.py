"""A part of `ThresholdState`: its pair tables, the pairs at the border, and the labels."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pandas as pd

from ..engine.checks import check_count
from ..engine.pair_graph import PairGraph
from ..evidence.labels import Labels
from .method_pairs import MethodPairs
from .pair_lists import PAIR_VERDICTS, PairLists


class JudgedPairs:
    """The pair tables of a `ThresholdState`, and what it tells of single pairs."""

    lock: threading.RLock
    labels: Labels
    threshold: float  # a trait of `ThresholdState`, as `method`
    method: str
    _pool: PairGraph
    _by_method: dict[str, MethodPairs]
    _truth: Any

    @property
    def in_use(self) -> MethodPairs:
        """The pairs of the method in use, and what is known of their images."""
        return self._by_method[self.method]

    @property
    def pairs(self) -> pd.DataFrame:
        """The pair table in use."""
        return self.in_use.pairs

    @property
    def graph(self) -> PairGraph:
        """The pair table in use as arrays, read once."""
        return self.in_use.graph

    @property
    def methods(self) -> list[str]:
        """The names of the pair tables there are."""
        return list(self._by_method)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The pair tables by method, the combined one included."""
        return {name: of.pairs for name, of in self._by_method.items()}

    @property
    def pair_lists(self) -> PairLists:
        """The pairs to look at, and what truth and labels say of them."""
        return self.in_use.read_lists(self.labels, self._truth)

    def border(self, count: int = 6) -> pd.DataFrame:
        """Return the pairs just above and just below the threshold, `count` of each.

        Returns
        -------
        pandas.DataFrame, most similar first:
            left, right, similarity (percent), found (whether at or above the threshold), verdict
            ("right", "wrong" or "unknown", by truth or labels).
        """
        check_count("count", count)
        lists, names = self.pair_lists, self.graph.names
        above, below = (np.sort(side[:count]) for side in lists.beside(self._pool, self.threshold))
        rows = [lists.describe(int(place)) for place in np.concatenate([above, below])]
        return pd.DataFrame(
            {
                "left": pd.Series([names[row.left] for row in rows], dtype=object),
                "right": pd.Series([names[row.right] for row in rows], dtype=object),
                "similarity": [row.similarity for row in rows],
                "found": np.arange(len(rows)) < len(above),
                "verdict": [PAIR_VERDICTS[row.verdict] for row in rows],
            }
        )

    def label(self, left: str, right: str, label: str) -> None:
        """Keep an answer about two images: "same", "different" or "skip"."""
        with self.lock:
            self.labels.add(left, right, label)
            self._on_labels()

    def undo_label(self) -> tuple[str, str] | None:
        """Withdraw the last answer and return its pair; None if there is none."""
        with self.lock:
            withdrawn = self.labels.undo()
            self._on_labels()
            return withdrawn

    def _on_labels(self) -> None:
        for of_method in self._by_method.values():
            if of_method.lists is not None:
                of_method.lists.refresh()

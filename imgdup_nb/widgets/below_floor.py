"""The bars below the floor of a pair table: pairs that were counted, and not listed."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..engine.pair_graph import TOLERANCE, PairGraph
from ..plots.parts import bar_widths

COUNT_COLUMNS = ("similarity", "pairs")


def check_counts(counts: Any) -> pd.DataFrame | None:
    """Return `counts` if it is None or a table made by `Fingerprints.count_pairs`, else raise."""
    if counts is None:
        return None
    if not isinstance(counts, pd.DataFrame) or not set(COUNT_COLUMNS) <= set(counts.columns):
        raise TypeError(
            "counts must be a table with similarity and pairs, such as "
            "fingerprints.count_pairs(50), not "
            f"{type(counts).__name__}"
        )
    return counts


def bars_below_floor(counts: pd.DataFrame | None, graph: PairGraph) -> list[list[float]]:
    """Return [similarity, width, pairs] of each bar below the floor, the highest first.

    Counts of another method have nothing to do with this table, and give no bars.

    Examples
    --------
    >>> import imgdup_nb as dup
    >>> prints = dup.Fingerprints.from_bits(["a", "b"], [[True] * 64, [True] * 40 + [False] * 24])
    >>> pairs = dup.similar_pairs(prints, min_similarity=65)
    >>> bars_below_floor(prints.count_pairs(62), PairGraph.read(pairs))
    [[62.5, 2.5, 1]]
    """
    if counts is None or counts.attrs.get("method", graph.method) != graph.method:
        return []
    levels, pairs = (counts[name].to_numpy() for name in COUNT_COLUMNS)
    below = levels < graph.floor - TOLERANCE
    widths = bar_widths(levels)
    return [
        [float(level), round(float(width), 3), int(count)]
        for level, width, count in zip(levels[below], widths[below], pairs[below], strict=True)
    ]

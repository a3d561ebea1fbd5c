"""The default thresholds of other tools on one scale, and your pairs at each of them."""

from __future__ import annotations

import pandas as pd

from ..engine.pair_graph import TOLERANCE, PairGraph
from ..sweep import sweep_thresholds

# percent: 100 (1 - distance / bits) for hashes, 100 cosine for vectors; unrounded, as they are
# inclusive
TOOL_DEFAULTS = {
    "CleanVision": 100.0,
    "undouble": 100.0,
    "Immich": 99.0,
    "czkawka (command line)": 100 * (1 - 5 / 256),
    "czkawka (Krokiet)": 100 * (1 - 10 / 256),
    "fastdup": 96.0,
    "dupeGuru": 95.0,
    "imgcheck": 95.0,
    "AntiDupl": 95.0,
    "imgdupes": 100 * (1 - 4 / 64),
    "digiKam": 90.0,
    "image-dedup-ai": 90.0,
    "imagededup (CNN)": 90.0,
    "Aspose tutorial": 90.0,
    "PDQ": 100 * (1 - 31 / 256),
    "imagededup (hashes)": 100 * (1 - 10 / 64),
    "perception (phash16)": 80.0,
    "FiftyOne": 80.0,
    "SSCD": 75.0,
}


def compare_tool_defaults(pairs: pd.DataFrame, *, linkage: str = "star") -> pd.DataFrame:
    """Count your pairs at the default threshold of each of some other tools.

    Parameters
    ----------
    pairs
        made by `similar_pairs`.
    linkage : {'star', 'connected', 'complete'}

    Returns
    -------
    pandas.DataFrame, one row per tool, strictest first:
        tool, threshold (percent, its default in 2026), pairs (at or above it), more (pairs that the
        next stricter default does not have), groups, redundant. Missing (<NA>) where the threshold
        is below the floor of the table.

    Notes
    -----
    Only thresholds are compared. The pairs are scored by the method of your table. Each tool has
    its own methods, and the same number may mean more or less on their scales. The pairs of a tool
    are ``pairs[pairs.similarity >= threshold]``.

    Examples
    --------
    >>> import imgdup_nb as dup
    >>> prints = dup.Fingerprints.from_bits(["a", "b"], [[True] * 64, [True] * 58 + [False] * 6])
    >>> table = dup.compare_tool_defaults(dup.similar_pairs(prints))
    >>> table[table.more > 0][["tool", "threshold", "pairs"]]
           tool  threshold  pairs
    10  digiKam       90.0      1
    """
    floor = PairGraph.read(pairs).floor
    table = pd.DataFrame({"tool": list(TOOL_DEFAULTS), "threshold": list(TOOL_DEFAULTS.values())})
    within = [
        value for value in dict.fromkeys(TOOL_DEFAULTS.values()) if value >= floor - TOLERANCE
    ]
    counted = sweep_thresholds(pairs, within, linkage=linkage)[
        ["threshold", "pairs", "groups", "redundant"]
    ]
    table = table.merge(
        counted.astype(dict.fromkeys(("pairs", "groups", "redundant"), "Int64")), how="left"
    )
    table.insert(3, "more", table.pairs.diff().fillna(table.pairs))
    return table

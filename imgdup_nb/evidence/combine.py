"""Two methods, one rule: pairs that any of them finds, that all find, or that one verifies."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..engine.checks import check_choice, check_level, check_pairs_table
from ..engine.pair_graph import PairGraph

RULES = ["any", "all", "verified"]
RULE_WORDS = {"any": "or", "all": "and", "verified": "verified by"}


def combine_pairs(
    pairs: Mapping[str, pd.DataFrame], thresholds: Mapping[str, float], *, rule: str = "any"
) -> pd.DataFrame:
    """Make one pair table by a rule over methods, such as "phash >= 90 or aligned >= 80".

    Parameters
    ----------
    pairs
        method name: its pair table, two or more, of the same images.
    thresholds
        method name: percent, inclusive, below 100 and at or above the floor of its table.
    rule : {'any', 'all', 'verified'}
        'any': a pair counts if one method finds it. 'all': if all find it. 'verified': if all find
        it, and its similarity is that of the first method. Where the other table was made by
        `verify_pairs` from the first, that is "phash, verified by aligned".

    Returns
    -------
    pandas.DataFrame
        a pair table as `similar_pairs` makes it, with one more column for each method: its own
        similarity, NaN below its floor. The similarity of a pair is on the scale of the first
        method: the other scales are stretched so that their thresholds meet its threshold, and 100
        stays 100. So groups at the first threshold are those of the rule, and a stricter threshold
        is stricter for every method. With 'any' the highest counts, with 'all' the lowest.
        ``attrs["rule"]`` has the rule, and ``attrs["thresholds"]`` the thresholds.

    Raises
    ------
    TypeError, ValueError
        if there are fewer than two tables, a threshold is missing, at 100 or below a floor, or
        the tables are of different numbers of images.

    Examples
    --------
    >>> import imgdup_nb as dup
    >>> names = ["a", "b", "c"]
    >>> near = dup.Fingerprints.from_bits(names, [[True] * 64, [True] * 64, [False] * 64])
    >>> other = dup.Fingerprints.from_bits(names, [[True] * 64, [False] * 64, [True] * 64], "dhash")
    >>> tables = {"phash": dup.similar_pairs(near), "dhash": dup.similar_pairs(other)}
    >>> both = dup.combine_pairs(tables, {"phash": 90, "dhash": 80}, rule="any")
    >>> both[["left", "right", "similarity", "phash", "dhash"]]
      left right  similarity  phash  dhash
    0    a     b       100.0  100.0    NaN
    1    a     c       100.0    NaN  100.0
    >>> both.attrs["method"]
    'phash >= 90 or dhash >= 80'
    """
    check_choice("rule", rule, RULES)
    if not isinstance(pairs, Mapping) or len(pairs) < 2:
        raise TypeError(
            "pairs must be a dict of two or more pair tables, such as {'phash': pairs, 'aligned': "
            "verified}"
        )
    tables = {name: check_pairs_table(f"pairs[{name!r}]", table) for name, table in pairs.items()}
    limits = {name: _threshold_of(name, tables[name], thresholds) for name in tables}
    sizes = {int(table.attrs.get("n_images", 0)) for table in tables.values()}
    if len(sizes) > 1 and rule != "verified":
        raise ValueError(
            f"pairs must be of the same images, and they are of {sorted(sizes)} images"
        )
    together = _join_tables(tables)
    first, *others = tables
    scaled = {
        name: _stretch(together[name].to_numpy(float), limits[name], limits[first])
        for name in tables
    }
    floor = max(
        _stretch(np.array([float(tables[name].attrs["floor"])]), limits[name], limits[first])[0]
        for name in tables
    )
    values = np.array(list(scaled.values()))
    found_by_all = ~np.isnan(values).any(axis=0)
    if rule == "any":
        similarity = np.nanmax(values, axis=0, initial=-np.inf)
        kept = similarity >= floor - 1e-9
    elif rule == "all":
        similarity, kept = values.min(axis=0), found_by_all & (values.min(axis=0) >= floor - 1e-9)
    else:
        verified = np.all([together[name] >= limits[name] - 1e-9 for name in others], axis=0)
        floor = float(tables[first].attrs["floor"])
        similarity, kept = together[first].to_numpy(float), found_by_all & verified
    table = together.assign(similarity=similarity, distance=100.0 - similarity)[kept]
    columns = ["left", "right", "distance", "similarity", "relation", *tables]
    order = np.lexsort((table.right.astype(object), table.left.astype(object), table.distance))
    table = table[columns].iloc[order].reset_index(drop=True)
    words = [f"{name} >= {limits[name]:g}" for name in tables]
    table.attrs = {
        **{key: value for key, value in tables[first].attrs.items() if key != "copies"},
        "method": f" {RULE_WORDS[rule]} ".join(words),
        "unit": "percent",
        "bits": 0,
        "floor": float(floor),
        "rule": rule,
        "thresholds": limits,
    }
    return table


def _threshold_of(name: str, table: pd.DataFrame, thresholds: Mapping[str, float]) -> float:
    if name not in thresholds:
        raise ValueError(f"thresholds must have one for each method, and has none for {name!r}")
    threshold = check_level(f"thresholds[{name!r}]", thresholds[name])
    if threshold >= 100:
        raise ValueError(f"thresholds[{name!r}] must be below 100, and is {threshold:g}")
    PairGraph.read(table.head(0), threshold)  # says how to get a lower floor
    if table.attrs.get("copies"):
        raise ValueError(
            f"pairs[{name!r}] stands for very many copies that it does not list; leave the copies "
            "out before: images.drop_duplicates('sha256')"
        )
    return threshold


def _join_tables(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row for each pair of any table, with a column of similarities for each table."""
    parts = []
    for name, table in tables.items():
        left, right = (table[side].astype(object).to_numpy() for side in ("left", "right"))
        turned = left > right if table.attrs.get("sides") != 2 else np.zeros(len(table), dtype=bool)
        parts.append(
            pd.DataFrame(
                {
                    "left": np.where(turned, right, left),
                    "right": np.where(turned, left, right),
                    name: table.similarity.to_numpy(float),
                    f"relation of {name}": table.relation.astype(object).to_numpy()
                    if "relation" in table
                    else "near",
                }
            )
        )
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(part, on=["left", "right"], how="outer")
    relations = merged[[f"relation of {name}" for name in tables]]
    return merged.assign(relation=relations.bfill(axis=1).iloc[:, 0])


def _stretch(values: np.ndarray, threshold: float, meets: float) -> np.ndarray:
    """Stretch percents so that `threshold` becomes `meets`, and 100 stays."""
    if threshold == meets:
        return values
    return 100.0 - (100.0 - values) * ((100.0 - meets) / (100.0 - threshold))

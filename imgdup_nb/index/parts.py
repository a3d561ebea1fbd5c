"""Pair tables as records in an index: read, saved and brought back."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..local.looks import SCORE, to_scores
from ..pairs import may_be_listed, pair_table
from .prints import KeptPrints

PAIR = np.dtype([("left", "<u4"), ("right", "<u4"), ("distance", "<f4"), ("relation", "u1")])  # versions; 13 bytes
DETAILS = [(name, form) for name, form in SCORE if name != "similarity"]  # what local features tell of a pair
LOCAL_PAIR = np.dtype([("left", "<u4"), ("right", "<u4"), ("distance", "<f8"), ("relation", "u1"), *DETAILS])

Step = Callable[[int], None]


class Parts(NamedTuple):
    """The pairs kept of one recipe: number and floor of the last part, the versions covered, and the pairs.

    Where they were kept from a higher floor than is asked for, they are not `usable`, and nothing is covered.
    """

    last: int | None
    floor: float
    usable: bool
    covered: np.ndarray
    pairs: np.ndarray


def read_parts(kept: KeptPrints, floor: float, form: np.dtype) -> Parts:
    """Return what is kept, for a floor."""
    query = "SELECT id, floor, covered, pairs FROM pair_parts WHERE recipe = ? ORDER BY id"
    parts = kept.store.read(query, (kept.number,))
    last, kept_floor = parts[-1][:2] if parts else (None, floor)
    usable = parts if kept_floor <= floor else []
    covered = np.concatenate([np.zeros(0, np.int64), *(np.frombuffer(part[2], np.int64) for part in usable)])
    pairs = np.concatenate([np.zeros(0, form), *(np.frombuffer(part[3], form) for part in usable)])
    return Parts(last, kept_floor, bool(usable), covered, pairs)


def save_part(
    kept: KeptPrints, floor: float, last: int | None, covered: np.ndarray, pairs: np.ndarray, *, instead: bool
) -> int | None:
    """Keep a part, beside or instead of those before; None where another process kept one after `last`, which would overlap."""
    with kept.store.writing(images=False) as run:
        [(newest,)] = run("SELECT max(id) FROM pair_parts WHERE recipe = ?", (kept.number,))
        if newest != last:
            return None
        if instead:
            run("DELETE FROM pair_parts WHERE recipe = ?", (kept.number,))
        row = (kept.number, floor, covered.astype(np.int64).tobytes(), pairs.tobytes())
        run("INSERT INTO pair_parts (recipe, floor, covered, pairs) VALUES (?, ?, ?, ?)", row)
        return run("SELECT last_insert_rowid()")[0][0]


# -- pairs as records -------------------------------------------------------------------------------------------------


def as_records(pairs: pd.DataFrame, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return a pair table of hashes or vectors as records; its categories stand for the versions `left` and `right`."""
    records = np.zeros(len(pairs), PAIR)
    records["left"], records["right"] = left[pairs.left.cat.codes], right[pairs.right.cat.codes]
    records["distance"], records["relation"] = pairs.distance, pairs.relation.cat.codes
    return records


def as_table(kept: KeptPrints, pairs: np.ndarray, floor: float) -> pd.DataFrame:
    """Return kept pairs as `similar_pairs(prints, min_similarity=floor)` does."""
    prints, n = kept.outline(), len(kept)
    left, right = places_of(kept.versions, pairs["left"]), places_of(kept.versions, pairs["right"])
    rows, columns = np.minimum(left, right), np.maximum(left, right)
    kind, details = kept.recipe.kind, None
    distances = pairs["distance"].astype(np.uint16) if kind.bits else pairs["distance"].astype(float)
    if pairs.dtype == PAIR and not kind.bits:
        distances = np.round(distances, 6)  # as they were before they became 4 bytes
    near = np.flatnonzero((rows >= 0) & (distances <= kind.max_distance(floor) + 1e-9))
    order = near[np.argsort(rows[near] * n + columns[near])]  # lexical, by one number
    if pairs.dtype == LOCAL_PAIR:
        # those of nearly blank images are kept too, so that it is known how they are related
        order = order[may_be_listed(prints, prints, rows[order], columns[order], pairs["relation"][order])]
        details = to_scores(pairs[order])
    relation = pairs["relation"][order].astype(np.int8)
    return pair_table(prints, None, rows[order], columns[order], distances[order], relation, floor=floor, details=details)


def places_of(versions: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return where in `versions` the wanted ones are, -1 for those that are not there."""
    last = int(versions.max(initial=0))
    place_of = np.full(last + 2, -1, np.int64)  # versions are counted up from 1, so this is not much larger than they are
    place_of[versions] = np.arange(len(versions))
    return place_of[np.minimum(wanted, last + 1)]

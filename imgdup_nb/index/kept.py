"""Pairs that are kept in an index: what is new is compared with all that was there, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..fingerprints import Fingerprints
from ..local.scores import Score
from ..pairs import MAX_ALIKE, pair_table, similar_pairs
from .prints import KeptPrints

PART = 25_000  # new images compared with all others at a time
PAIR = np.dtype([("left", "<u4"), ("right", "<u4"), ("distance", "<f4"), ("relation", "u1")])  # versions; 13 bytes
DETAILS = [name for name in Score._fields if name != "similarity"]  # what local features tell of a pair
SCORERS = ["aligned", "akaze", "phash"]
LOCAL_PAIR = np.dtype(
    [
        *(("left", "<u4"), ("right", "<u4"), ("distance", "<f8"), ("relation", "u1")),
        *((name, {"mirrored": "?", "matches": "<i8", "scored_by": "u1"}.get(name, "<f8")) for name in DETAILS),
    ]
)

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


def kept_pairs(kept: KeptPrints, *, floor: float, executor: Executor | None, step: Step) -> pd.DataFrame:
    """Return the pair table of kept fingerprints, comparing only what was not compared before.

    Parameters
    ----------
    floor
        percent, inclusive. Kept pairs of a higher floor are made anew, those of a lower one are filtered.

    Notes
    -----
    Not kept where more than a thousand images have one fingerprint: `similar_pairs` then lists their pairs in short, which
    cannot be done part by part. By local features all are compared again when an image came or went: which pairs are looked at
    there is a vote of all images.
    """
    if kept.recipe.is_local:
        return _kept_local_pairs(kept, floor, executor, step)
    kept, prints = kept.loaded()
    if _most_alike(prints) > MAX_ALIKE:
        return similar_pairs(prints, min_similarity=floor, executor=executor)
    while True:
        parts = _read_parts(kept, floor, PAIR)
        new = np.flatnonzero(~np.isin(kept.versions, parts.covered))
        if not len(new) and (parts.usable or not len(kept)):
            return _as_table(kept, parts.pairs, floor)
        still = np.isin(parts.covered, kept.versions)
        if parts.last is not None and not (parts.usable and still.all()):
            # what is gone leaves: should it come back, it counts as new and meets what came in the meantime
            alive = (_places(kept.versions, parts.pairs["left"]) >= 0) & (_places(kept.versions, parts.pairs["right"]) >= 0)
            lowest = min(floor, parts.floor)
            _save_part(kept, lowest, parts.last, parts.covered[still], parts.pairs[alive], instead=True)
        else:
            _compare_new(kept, prints, parts, new, executor, step)


def _kept_local_pairs(kept: KeptPrints, floor: float, executor: Executor | None, step: Step) -> pd.DataFrame:
    parts = _read_parts(kept, floor, LOCAL_PAIR)
    if np.array_equal(np.sort(parts.covered), np.sort(kept.versions)):
        return _as_table(kept, parts.pairs, floor)
    kept, prints = kept.loaded()
    found = similar_pairs(prints, min_similarity=floor, executor=executor)
    pairs = _as_records(found, kept.versions, kept.versions, LOCAL_PAIR)
    _save_part(kept, floor, parts.last, kept.versions, pairs, instead=True)  # of two notebooks at once, one keeps its work
    step(len(kept))
    return found


def _read_parts(kept: KeptPrints, floor: float, form: np.dtype) -> Parts:
    """Return what is kept, for a floor."""
    query = "SELECT id, floor, covered, pairs FROM pair_parts WHERE recipe = ? ORDER BY id"
    parts = kept.store.read(query, (kept.number,))
    last, kept_floor = parts[-1][:2] if parts else (None, floor)
    usable = parts if kept_floor <= floor else []
    covered = np.concatenate([np.zeros(0, np.int64), *(np.frombuffer(part[2], np.int64) for part in usable)])
    pairs = np.concatenate([np.zeros(0, form), *(np.frombuffer(part[3], form) for part in usable)])
    return Parts(last, kept_floor, bool(usable), covered, pairs)


def _compare_new(
    kept: KeptPrints, prints: Fingerprints, parts: Parts, new: np.ndarray, executor: Executor | None, step: Step
) -> None:
    """Compare the images at the places `new` with each other and with all others, and keep that part by part."""
    old, last = np.setdiff1d(np.arange(len(kept)), new), parts.last
    for start in range(0, len(new), PART):
        part = new[start : start + PART]
        found = _compare(prints, kept.versions, part, old, parts.floor, executor)
        last = _save_part(kept, parts.floor, last, kept.versions[part], found, instead=False)
        if last is None:
            return  # another notebook did the same work: look again
        old = np.concatenate([old, part])
        step(len(part))


def _most_alike(prints: Fingerprints) -> int:
    """Return how many images share the commonest fingerprint."""
    if not len(prints):
        return 0
    codes = np.ascontiguousarray(prints.codes).reshape(len(prints), -1)
    whole = codes[:, 0] if codes.shape[1] == 1 else codes.view(np.dtype((np.void, codes.strides[0]))).ravel()
    return int(np.unique(whole, return_counts=True)[1].max())


def _save_part(
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


def _compare(
    prints: Fingerprints, versions: np.ndarray, new: np.ndarray, old: np.ndarray, floor: float, executor: Executor | None
) -> np.ndarray:
    """Return the pairs among new images and between new and old ones; rows of both by their places in `prints`."""
    some = select(prints, new)
    within = similar_pairs(some, min_similarity=floor, executor=executor)
    found = [_as_records(within, versions[new], versions[new], PAIR)]
    if len(old):
        between = similar_pairs(some, select(prints, old), min_similarity=floor, executor=executor)
        found.append(_as_records(between, versions[new], versions[old], PAIR))
    return np.concatenate(found)


def select(prints: Fingerprints, places: np.ndarray) -> Fingerprints:
    """Return the fingerprints of some images."""
    images = prints.images.iloc[places].reset_index(drop=True)
    return Fingerprints(images, prints.method, prints.codes[places], prints.problems.iloc[:0])


# -- pairs as records -------------------------------------------------------------------------------------------------


def _as_records(pairs: pd.DataFrame, left: np.ndarray, right: np.ndarray, form: np.dtype) -> np.ndarray:
    """Return a pair table as records; its categories stand for the versions `left` and `right`."""
    records = np.zeros(len(pairs), form)
    records["left"], records["right"] = left[pairs.left.cat.codes], right[pairs.right.cat.codes]
    records["distance"], records["relation"] = pairs.distance, pairs.relation.cat.codes
    for name in DETAILS if form == LOCAL_PAIR else []:
        if name in pairs:
            records[name] = [SCORERS.index(scorer) for scorer in pairs[name]] if name == "scored_by" else pairs[name]
    return records


def _as_table(kept: KeptPrints, pairs: np.ndarray, floor: float) -> pd.DataFrame:
    """Return kept pairs as `similar_pairs(prints, min_similarity=floor)` does."""
    prints, n = kept.outline(), len(kept)
    left, right = _places(kept.versions, pairs["left"]), _places(kept.versions, pairs["right"])
    rows, columns = np.minimum(left, right), np.maximum(left, right)
    kind, details = kept.recipe.kind, None
    distances = pairs["distance"].astype(np.uint16) if kind.bits else pairs["distance"].astype(float)
    if pairs.dtype == PAIR and not kind.bits:
        distances = np.round(distances, 6)  # as they were before they became 4 bytes
    near = np.flatnonzero((rows >= 0) & (distances <= kind.max_distance(floor) + 1e-9))
    order = near[np.argsort(rows[near] * n + columns[near])]  # lexical, by one number
    if pairs.dtype == LOCAL_PAIR:
        details = _read_details(pairs[order], kind.name)
    relation = pairs["relation"][order].astype(np.int8)
    return pair_table(prints, None, rows[order], columns[order], distances[order], relation, floor=floor, details=details)


def _read_details(pairs: np.ndarray, method: str) -> pd.DataFrame:
    names = ["matches", "scored_by"] if method == "akaze" else DETAILS
    details = pd.DataFrame({name: pairs[name] for name in names})
    return details.assign(scored_by=pd.Series([SCORERS[k] for k in pairs["scored_by"]]))


def _places(versions: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return where in `versions` the wanted ones are, -1 for those that are not there."""
    last = int(versions.max(initial=0))
    place_of = np.full(last + 2, -1, np.int64)  # versions are counted up from 1, so this is not much larger than they are
    place_of[versions] = np.arange(len(versions))
    return place_of[np.minimum(wanted, last + 1)]

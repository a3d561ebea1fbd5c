"""Pairs by local features that are kept in an index: votes and looks of new images only, whatever comes and goes.

Which pairs are looked at is a vote of all images, so one more image may push pairs out and one less let some in. Therefore all
votes that are enough are kept, and all that was seen of pairs, also of those that are no longer, or not yet, in the table.
"""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial

import numpy as np
import pandas as pd

from ..fingerprints import Fingerprints
from ..local.candidates import VOTES
from ..local.looks import LOOKS, SCORERS, Known, find_local_pairs, find_looks
from ..relations import may_be_same_pixels, relate
from .parts import LOCAL_PAIR, Parts, Step, as_table, places_of, read_parts, save_part
from .prints import KeptPrints

ANY_FLOOR = 100.0


def kept_local_pairs(
    kept: KeptPrints, hashes: KeptPrints, *, floor: float, executor: Executor | None, step: Step
) -> pd.DataFrame:
    """Return the pair table of kept local features, looking only at pairs that nobody looked at before.

    Parameters
    ----------
    hashes
        the phashes of the same images.
    floor
        percent, inclusive. Kept pairs of a higher floor are put together anew, those of a lower one are filtered.
    """
    parts = read_parts(kept, ANY_FLOOR, LOCAL_PAIR)
    if _still_holds(parts, kept.versions, floor):
        return as_table(kept, parts.pairs, floor)
    kept, prints = kept.loaded()
    known = _read_known(kept)
    rows, columns, scores = find_local_pairs(prints, floor, executor, hashes=[hashes.load()], known=known)
    records = np.zeros(len(rows), LOCAL_PAIR)
    records["left"], records["right"] = kept.versions[rows], kept.versions[columns]
    records["distance"] = 100.0 - scores.similarity
    for name in scores.columns.drop(["similarity", "scored_by"]):
        records[name] = scores[name]
    records["scored_by"] = [SCORERS.index(scorer) for scorer in scores.scored_by]
    may_be_same = may_be_same_pixels(prints.method, records["distance"], scores)
    records["relation"] = _relate_new(prints, rows, columns, records, parts.pairs, may_be_same, executor)
    save_part(kept, floor, parts.last, kept.versions, records, instead=True)  # of two notebooks at once, one keeps its work
    step(len(kept))
    return as_table(kept, records, floor)


def _still_holds(parts: Parts, versions: np.ndarray, floor: float) -> bool:
    """Tell whether kept pairs are those of all images; renaming may turn a pair round, and how it lies with it."""
    if parts.floor > floor or not np.array_equal(np.sort(parts.covered), np.sort(versions)):
        return False
    return bool((places_of(versions, parts.pairs["left"]) < places_of(versions, parts.pairs["right"])).all())


def _relate_new(
    prints: Fingerprints,
    rows: np.ndarray,
    columns: np.ndarray,
    records: np.ndarray,
    before: np.ndarray,
    may_be_same: np.ndarray,
    executor: Executor | None,
) -> np.ndarray:
    """Return the relation of each pair; those of records kept before need no decoding."""
    where = find_looks(np.column_stack([records["left"], records["right"]]).astype(np.int64), before)
    new = where < 0
    relation = np.zeros(len(records), np.int8)
    relation[~new] = before["relation"][where[~new]]
    relation[new] = relate(prints.images, prints.images, rows[new], columns[new], may_be_same[new], executor)
    return relation


# -- votes and looks --------------------------------------------------------------------------------------------------


def _read_known(kept: KeptPrints) -> Known:
    """Return what is kept of the images there are now; what is of others is forgotten."""
    parts = kept.store.read("SELECT id, covered, votes FROM vote_parts WHERE recipe = ? ORDER BY id", (kept.number,))
    covered = np.concatenate([np.zeros(0, np.int64), *(np.frombuffer(part[1], np.int64) for part in parts)])
    votes = np.concatenate([np.zeros(0, VOTES), *(np.frombuffer(part[2], VOTES) for part in parts)])
    rows = kept.store.read("SELECT looks FROM look_parts WHERE recipe = ? ORDER BY id", (kept.number,))
    looks = np.concatenate([np.zeros(0, LOOKS), *(np.frombuffer(row[0], LOOKS) for row in rows)])
    last, still = parts[-1][0] if parts else None, np.isin(covered, kept.versions)
    placed_votes, placed_looks = _to_places(votes, kept.versions), _to_places(looks, kept.versions)
    # renaming may turn a pair round, which a vote does not mind; what was seen of it is of no use then
    ends = np.sort(np.column_stack([placed_votes["one"], placed_votes["other"]]), axis=1)
    placed_votes["one"], placed_votes["other"] = ends.T
    if not still.all():
        # should it come back, it counts as new and meets what came in the meantime
        alive = [_to_versions(placed, kept.versions) for placed in (placed_votes, placed_looks)]
        last = _forget_others(kept, last, covered[still], *alive)
    is_new = ~np.isin(kept.versions, covered)
    keep_votes = partial(_keep_votes, kept, last, kept.versions[is_new])
    return Known(is_new, placed_votes, placed_looks, keep_votes, partial(_keep_looks, kept))


def _to_places(pairs: np.ndarray, versions: np.ndarray) -> np.ndarray:
    """Return VOTES or LOOKS of versions by the places of these, without those of which one is not there."""
    first, second = (pairs.dtype.names or ())[:2]
    one, other = places_of(versions, pairs[first]), places_of(versions, pairs[second])
    placed = pairs.copy()
    placed[first], placed[second] = np.maximum(one, 0), np.maximum(other, 0)
    return placed[(one >= 0) & (other >= 0)]


def _to_versions(placed: np.ndarray, versions: np.ndarray) -> np.ndarray:
    """Undo `_to_places`."""
    first, second = (placed.dtype.names or ())[:2]
    pairs = placed.copy()
    pairs[first], pairs[second] = versions[placed[first]], versions[placed[second]]
    return pairs


def _forget_others(kept: KeptPrints, last: int | None, covered: np.ndarray, votes: np.ndarray, looks: np.ndarray) -> int | None:
    """Keep only what is alive; return the number of the part that holds it, None where another process was faster."""
    with kept.store.writing(images=False) as run:
        if run("SELECT max(id) FROM vote_parts WHERE recipe = ?", (kept.number,)) != [(last,)]:
            return None
        for table in ("vote_parts", "look_parts"):
            run(f"DELETE FROM {table} WHERE recipe = ?", (kept.number,))
        run("INSERT INTO look_parts (recipe, looks) VALUES (?, ?)", (kept.number, looks.tobytes()))
        row = (kept.number, covered.tobytes(), votes.tobytes())
        run("INSERT INTO vote_parts (recipe, covered, votes) VALUES (?, ?, ?)", row)
        return run("SELECT last_insert_rowid()")[0][0]


def _keep_votes(kept: KeptPrints, last: int | None, covered: np.ndarray, votes: np.ndarray) -> None:
    """Keep the votes of new images, unless another process kept some since: they would overlap."""
    row = (kept.number, covered.tobytes(), _to_versions(votes, kept.versions).tobytes())
    with kept.store.writing(images=False) as run:
        if run("SELECT max(id) FROM vote_parts WHERE recipe = ?", (kept.number,)) == [(last,)]:
            run("INSERT INTO vote_parts (recipe, covered, votes) VALUES (?, ?, ?)", row)


def _keep_looks(kept: KeptPrints, looks: np.ndarray) -> None:
    """Keep what was seen of some pairs; that it is there twice does no harm."""
    row = (kept.number, _to_versions(looks, kept.versions).tobytes())
    with kept.store.writing(images=False) as run:
        run("INSERT INTO look_parts (recipe, looks) VALUES (?, ?)", row)

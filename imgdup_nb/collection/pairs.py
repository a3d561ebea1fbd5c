"""Pairs that are kept in an index: new images are compared with all others, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..aligned.best_votes import KEPT_PARTNERS, VOTES
from ..aligned.candidates import MAX_VOTED_PARTNERS
from ..aligned.matching import (
    SCORE,
    SCORED_PAIRS,
    SCORERS,
    Known,
    find_local_pairs,
    find_scored,
    to_scores,
)
from ..engine.copies import MAX_COPIES, RELATIONS, may_be_same_pixels, relate
from ..fingerprints import Fingerprints
from ..pairs import FLOOR, TOP_FLOOR, light_floor, may_be_listed, pair_table, similar_pairs
from .fingerprints import KeptPrints, Step, keep_prints
from .index import Index, Snapshot

SHALLOW = 20_000  # images; star groups of more are made of no more pairs than they need
PART = 25_000  # new images compared with all others at a time
TRIES = 6  # alone, three do: drop what is gone, compare what is new, read


class WantedPairs(NamedTuple):
    """Which pairs somebody asks for.

    Attributes
    ----------
    floor
        percent, inclusive; None lets the collection choose.
    threshold
        percent; of the groups that they are for, None for a table to look at.
    may_be_shallow
        whether pairs below the threshold may be missing in a large collection.
    """

    floor: float | None
    threshold: float | None = None
    may_be_shallow: bool = False

    def floor_of(self, kept: KeptPrints) -> float:
        """Return the floor for some fingerprints."""
        if self.floor is not None:
            return self.floor
        at_most = TOP_FLOOR if self.threshold is None else self.threshold
        if kept.recipe.method.fallback:
            return min(FLOOR, at_most)
        if self.may_be_shallow and len(kept) > SHALLOW:
            return at_most
        return light_floor(kept.load(), at_most=at_most, warn=self.threshold is None)


def keep_pairs(
    index: Index,
    kept: KeptPrints,
    snapshot: Snapshot,
    *,
    floor: float,
    executor: Executor | None,
) -> pd.DataFrame:
    """Return the pair table of kept fingerprints; only what was not compared before is compared.

    Parameters
    ----------
    snapshot
        the one that `kept` is of.
    floor
        percent, inclusive. Kept pairs of a higher floor are made again, those of a lower one are
        filtered.
    """
    fallback = kept.recipe.method.fallback
    hashes = fallback and keep_prints(index, fallback, snapshot=snapshot, executor=executor)
    with index.doing("MatchingFeatures", len(kept)) as step:
        if hashes:
            return kept_local_pairs(kept, hashes, floor=floor, executor=executor, step=step)
        return kept_pairs(kept, floor=floor, executor=executor, step=step)


def kept_pairs(
    kept: KeptPrints, *, floor: float, executor: Executor | None, step: Step
) -> pd.DataFrame:
    """Return the pair table of kept hashes or vectors; see `keep_pairs`.

    Notes
    -----
    Pairs are not kept where more than a thousand images have one fingerprint: `similar_pairs` then
    lists their pairs in short, which cannot be done part by part. Nor are they where another
    process, which read the folder at another time, replaces the kept pairs again and again.
    """
    prints = kept.load()
    if _most_alike(prints) > MAX_COPIES:
        return similar_pairs(prints, min_similarity=floor, executor=executor)
    for _ in range(TRIES):
        parts = read_parts(kept, floor, PAIR)
        new = np.flatnonzero(~np.isin(kept.versions, parts.covered))
        if not len(new) and (parts.usable or not len(kept)):
            return as_table(kept, parts.pairs, floor)
        still = np.isin(parts.covered, kept.versions)
        if parts.last is not None and not (parts.usable and still.all()):
            # pairs of missing images are removed: if an image comes back, it counts as new and is
            # compared with the images that were added in the meantime
            alive = (places_of(kept.versions, parts.pairs["left"]) >= 0) & (
                places_of(kept.versions, parts.pairs["right"]) >= 0
            )
            lowest = min(floor, parts.floor)
            save_part(
                kept, lowest, parts.last, parts.covered[still], parts.pairs[alive], instead=True
            )
        else:
            _compare_new(kept, prints, parts, new, executor, step)
    return similar_pairs(prints, min_similarity=floor, executor=executor)


def _compare_new(
    kept: KeptPrints,
    prints: Fingerprints,
    parts: Parts,
    new: np.ndarray,
    executor: Executor | None,
    step: Step,
) -> None:
    """Compare the images at the places `new` with each other and with all others.

    The pairs are kept part by part.
    """
    old, last = np.setdiff1d(np.arange(len(kept)), new), parts.last
    for start in range(0, len(new), PART):
        part = new[start : start + PART]
        found = _compare(prints, kept.versions, part, old, parts.floor, executor)
        last = save_part(kept, parts.floor, last, kept.versions[part], found, instead=False)
        if last is None:
            return  # another notebook did the same work: read again
        old = np.concatenate([old, part])
        step(len(part))


def _most_alike(prints: Fingerprints) -> int:
    """Return how many images share the commonest fingerprint."""
    if not len(prints):
        return 0
    codes = np.ascontiguousarray(prints.codes).reshape(len(prints), -1)
    whole = (
        codes[:, 0]
        if codes.shape[1] == 1
        else codes.view(np.dtype((np.void, codes.strides[0]))).ravel()
    )
    return int(np.unique(whole, return_counts=True)[1].max())


def _compare(
    prints: Fingerprints,
    versions: np.ndarray,
    new: np.ndarray,
    old: np.ndarray,
    floor: float,
    executor: Executor | None,
) -> np.ndarray:
    """Return the pairs among new images, and between new and old ones.

    `new` and `old` are places in `prints`.
    """
    some = select(prints, new)
    within = similar_pairs(some, min_similarity=floor, executor=executor)
    found = [as_records(within, versions[new], versions[new])]
    if len(old):
        between = similar_pairs(some, select(prints, old), min_similarity=floor, executor=executor)
        found.append(as_records(between, versions[new], versions[old]))
    return np.concatenate(found)


def select(prints: Fingerprints, places: np.ndarray) -> Fingerprints:
    """Return the fingerprints of some images."""
    images = prints.images.iloc[places].reset_index(drop=True)
    return Fingerprints(images, prints.method, prints.codes[places], prints.problems.iloc[:0])


ANY_FLOOR = 100.0


def kept_local_pairs(
    kept: KeptPrints, hashes: KeptPrints, *, floor: float, executor: Executor | None, step: Step
) -> pd.DataFrame:
    """Return the pair table of kept local features; only new pairs are scored. See `keep_pairs`.

    Parameters
    ----------
    hashes
        the phashes of the same images.
    """
    parts = read_parts(kept, ANY_FLOOR, LOCAL_PAIR)
    if _still_holds(parts, kept.versions, floor):
        return as_table(kept, parts.pairs, floor)
    prints = kept.load()
    known = _read_known(kept)
    rows, columns, scores = find_local_pairs(
        prints, floor, executor, hashes=[hashes.load()], known=known
    )
    records = np.zeros(len(rows), LOCAL_PAIR)
    records["left"], records["right"] = kept.versions[rows], kept.versions[columns]
    records["distance"] = 100.0 - scores.similarity
    for name in scores.columns.drop(["similarity", "scored_by"]):
        records[name] = scores[name]
    records["scored_by"] = [SCORERS.index(scorer) for scorer in scores.scored_by]
    may_be_same = may_be_same_pixels(prints.method, records["distance"], scores)
    records["relation"] = _relate_new(
        prints, rows, columns, records, parts.pairs, may_be_same, executor
    )
    save_part(
        kept, floor, parts.last, kept.versions, records, instead=True
    )  # of two notebooks at once, one keeps its work
    step(len(kept))
    return as_table(kept, records, floor)


def _still_holds(parts: Parts, versions: np.ndarray, floor: float) -> bool:
    """Tell whether kept pairs are those of all images, in the same order.

    Renaming may exchange left and right of a pair, and its transform no longer fits then.
    """
    if parts.floor > floor or not np.array_equal(np.sort(parts.covered), np.sort(versions)):
        return False
    return bool(
        (places_of(versions, parts.pairs["left"]) < places_of(versions, parts.pairs["right"])).all()
    )


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
    where = find_scored(
        np.column_stack([records["left"], records["right"]]).astype(np.int64), before
    )
    new = where < 0
    relation = np.zeros(len(records), np.int8)
    relation[~new] = before["relation"][where[~new]]
    relation[new] = relate(
        prints.images, prints.images, rows[new], columns[new], may_be_same[new], executor
    )
    return relation


# -- votes and looks -------------------------------------------------------------------------------


def _read_known(kept: KeptPrints) -> Known:
    """Return what is kept of the present images; what is kept of others is removed."""
    parts = kept.store.read(
        "SELECT id, covered, votes FROM vote_parts WHERE recipe = ? ORDER BY id", (kept.number,)
    )
    rows = kept.store.read(
        "SELECT looks FROM look_parts WHERE recipe = ? ORDER BY id", (kept.number,)
    )
    with kept.store.decoding("vote_parts"):
        covered = _join((part[1] for part in parts), np.dtype(np.int64))
        votes = _join((part[2] for part in parts), VOTES)
    with kept.store.decoding("look_parts"):
        looks = _join((row[0] for row in rows), SCORED_PAIRS)
    last, still = parts[-1][0] if parts else None, np.isin(covered, kept.versions)
    still &= ~np.isin(covered, _short_of_partners(votes, covered[~still]))
    votes = votes[np.isin(votes["one"], covered[still]) & np.isin(votes["other"], covered[still])]
    placed_votes, placed_looks = _to_places(votes, kept.versions), _to_places(looks, kept.versions)
    # renaming may exchange the two images of a pair: votes stay valid then, scores do not
    ends = np.sort(np.column_stack([placed_votes["one"], placed_votes["other"]]), axis=1)
    placed_votes["one"], placed_votes["other"] = ends.T
    if not still.all():
        # if an image comes back, it counts as new and is compared with those added meanwhile
        alive = [_to_versions(placed, kept.versions) for placed in (placed_votes, placed_looks)]
        last = _forget_others(kept, last, covered[still], *alive)
    is_new = ~np.isin(kept.versions, covered)
    keep_votes = _VoteKeeper(kept, last)
    return Known(is_new, placed_votes, placed_looks, keep_votes, partial(_keep_looks, kept))


def _short_of_partners(votes: np.ndarray, gone: np.ndarray) -> np.ndarray:
    """Return the versions that lost so many partners that others may be among their best now.

    Of each version only the best votes are kept, some more than are used.
    """
    one_gone, other_gone = np.isin(votes["one"], gone), np.isin(votes["other"], gone)
    short = [np.zeros(0, np.int64)]
    for zoomed in (False, True):
        lost = votes["zoomed"] == zoomed
        ends = np.concatenate([votes["one"][other_gone & lost], votes["other"][one_gone & lost]])
        versions, n_lost = np.unique(ends, return_counts=True)
        short.append(versions[n_lost > KEPT_PARTNERS - MAX_VOTED_PARTNERS].astype(np.int64))
    return np.concatenate(short)


def _to_places(pairs: np.ndarray, versions: np.ndarray) -> np.ndarray:
    """Return VOTES or SCORED_PAIRS of versions as places, without pairs of missing versions."""
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


def _forget_others(
    kept: KeptPrints, last: int | None, covered: np.ndarray, votes: np.ndarray, looks: np.ndarray
) -> int | None:
    """Keep only what is given, as one part; return its number.

    None: another process has kept something since.
    """
    with kept.store.transaction(images=False) as run:
        if run("SELECT max(id) FROM vote_parts WHERE recipe = ?", (kept.number,)) != [(last,)]:
            return None
        for table in ("vote_parts", "look_parts"):
            run(f"DELETE FROM {table} WHERE recipe = ?", (kept.number,))
        run("INSERT INTO look_parts (recipe, looks) VALUES (?, ?)", (kept.number, looks.tobytes()))
        row = (kept.number, covered.tobytes(), votes.tobytes())
        run("INSERT INTO vote_parts (recipe, covered, votes) VALUES (?, ?, ?)", row)
        return run("SELECT last_insert_rowid()")[0][0]


class _VoteKeeper:
    """Keep the votes of new images, unless another process kept some since (they would overlap).

    `last` is the number of the last part that is known.
    """

    def __init__(self, kept: KeptPrints, last: int | None) -> None:
        self.kept, self.last = kept, last

    def __call__(self, votes: np.ndarray, new: np.ndarray) -> None:
        versions, recipe = self.kept.versions, self.kept.number
        row = (recipe, versions[new].tobytes(), _to_versions(votes, versions).tobytes())
        with self.kept.store.transaction(images=False) as run:
            newest = run("SELECT max(id) FROM vote_parts WHERE recipe = ?", (recipe,))
            if newest == [(self.last,)]:
                run("INSERT INTO vote_parts (recipe, covered, votes) VALUES (?, ?, ?)", row)
                [(self.last,)] = run("SELECT last_insert_rowid()")


def _keep_looks(kept: KeptPrints, looks: np.ndarray) -> None:
    """Keep the scores of some pairs; having them twice does no harm."""
    row = (kept.number, _to_versions(looks, kept.versions).tobytes())
    with kept.store.transaction(images=False) as run:
        run("INSERT INTO look_parts (recipe, looks) VALUES (?, ?)", row)


PAIR = np.dtype(
    [("left", "<u4"), ("right", "<u4"), ("distance", "<f4"), ("relation", "u1")]
)  # versions; 13 bytes
DETAILS = [
    (name, form) for name, form in SCORE if name != "similarity"
]  # what local features tell of a pair
LOCAL_PAIR = np.dtype(
    [("left", "<u4"), ("right", "<u4"), ("distance", "<f8"), ("relation", "u1"), *DETAILS]
)


class Parts(NamedTuple):
    """The pairs kept of one recipe.

    `last` and `floor` are the number and the floor of the last part, `covered` the versions that
    were compared. Where the floor is higher than the one asked for, the pairs are not `usable`, and
    nothing is covered.
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
    with kept.store.decoding("pair_parts"):
        usable = parts if kept_floor <= floor else []
        covered = _join((part[2] for part in usable), np.dtype(np.int64))
        pairs = _join((part[3] for part in usable), form)
        if (pairs["relation"] >= len(RELATIONS)).any():
            raise ValueError("no such relation")
        if not (pairs["distance"] >= 0).all():
            raise ValueError("no such distance")
    return Parts(last, kept_floor, bool(usable), covered, pairs)


def _join(parts: Iterable[bytes], form: np.dtype) -> np.ndarray:
    """Return arrays that were kept as bytes as one array."""
    return np.concatenate([np.zeros(0, form), *(np.frombuffer(part, form) for part in parts)])


def save_part(
    kept: KeptPrints,
    floor: float,
    last: int | None,
    covered: np.ndarray,
    pairs: np.ndarray,
    *,
    instead: bool,
) -> int | None:
    """Keep a part, beside or instead of those before, and return its number.

    None: another process kept a part after `last`, and the two would overlap.
    """
    with kept.store.transaction(images=False) as run:
        [(newest,)] = run("SELECT max(id) FROM pair_parts WHERE recipe = ?", (kept.number,))
        if newest != last:
            return None
        if instead:
            run("DELETE FROM pair_parts WHERE recipe = ?", (kept.number,))
        row = (kept.number, floor, covered.astype(np.int64).tobytes(), pairs.tobytes())
        run("INSERT INTO pair_parts (recipe, floor, covered, pairs) VALUES (?, ?, ?, ?)", row)
        return run("SELECT last_insert_rowid()")[0][0]


# -- pairs as records ------------------------------------------------------------------------------


def as_records(pairs: pd.DataFrame, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return a pair table of hashes or vectors as records.

    Its categories stand for the versions `left` and `right`.
    """
    records = np.zeros(len(pairs), PAIR)
    records["left"], records["right"] = left[pairs.left.cat.codes], right[pairs.right.cat.codes]
    records["distance"], records["relation"] = pairs.distance, pairs.relation.cat.codes
    return records


def as_table(kept: KeptPrints, pairs: np.ndarray, floor: float) -> pd.DataFrame:
    """Return kept pairs as `similar_pairs(prints, min_similarity=floor)` does."""
    prints, n = kept.outline(), len(kept)
    left, right = places_of(kept.versions, pairs["left"]), places_of(kept.versions, pairs["right"])
    rows, columns = np.minimum(left, right), np.maximum(left, right)
    method, details = kept.recipe.method, None
    distances = method.unpack_distances(pairs["distance"])
    near = np.flatnonzero((rows >= 0) & (distances <= method.max_distance(floor) + 1e-9))
    order = near[np.argsort(rows[near] * n + columns[near])]  # lexical, by one number
    if pairs.dtype == LOCAL_PAIR:
        # those of nearly blank images are kept too, so that it is known how they are related
        order = order[
            may_be_listed(prints, prints, rows[order], columns[order], pairs["relation"][order])
        ]
        details = to_scores(pairs[order])
    relation = pairs["relation"][order].astype(np.int8)
    return pair_table(
        prints,
        None,
        rows[order],
        columns[order],
        distances[order],
        relation,
        floor=floor,
        details=details,
    )


def places_of(versions: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return where in `versions` the wanted ones are, -1 for those that are not there."""
    last = int(versions.max(initial=0))
    place_of = np.full(
        last + 2, -1, np.int64
    )  # versions are counted up from 1, so this is not much larger than they are
    place_of[versions] = np.arange(len(versions))
    return place_of[np.minimum(wanted, last + 1)]

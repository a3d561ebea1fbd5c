"""Fingerprints and pairs that are kept in an index, each made once: what is new is compared with all that was there."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np
import pandas as pd

from ..fingerprints import METHODS, N_VIEWS, Fingerprints, fingerprint_images, made_with
from ..pairs import MAX_ALIKE, pair_table, similar_pairs
from .store import Store

BATCH = 512  # images fingerprinted and saved at a time
PART = 25_000  # new images compared with all others at a time
PAIR = np.dtype([("left", "<u4"), ("right", "<u4"), ("distance", "<f4"), ("relation", "u1")])  # versions; 13 bytes

Step = Callable[[int], None]


# -- fingerprints -----------------------------------------------------------------------------------------------------


def find_recipe(store: Store, method: str, *, orientations: bool) -> int:
    """Return the number under which a way to fingerprint is kept; what was made with another library version is dropped.

    Warns
    -----
    UserWarning
        if there was such.
    """
    views, now = N_VIEWS if orientations else 1, made_with()
    known = store.read("SELECT id, made_with FROM recipes WHERE method = ? AND views = ?", (method, views))
    if known and known[0][1] == now:
        return known[0][0]
    with store.writing(images=False) as run:
        for recipe, before in run("SELECT id, made_with FROM recipes WHERE method = ? AND views = ?", (method, views)):
            if before == now:  # another notebook was faster
                return recipe
            warnings.warn(
                f"the {method} fingerprints kept here were made with {before}, and this is {now}: they may differ in some "
                "bits, so all are made again",
                stacklevel=4,
            )
            run("DELETE FROM fingerprints WHERE recipe = ?", (recipe,))
            run("DELETE FROM pair_parts WHERE recipe = ?", (recipe,))
            run("DELETE FROM recipes WHERE id = ?", (recipe,))
        run("INSERT INTO recipes (method, views, made_with) VALUES (?, ?, ?)", (method, views, now))
        return run("SELECT last_insert_rowid()")[0][0]


def missing_fingerprints(store: Store, recipe: int, images: pd.DataFrame, versions: np.ndarray) -> np.ndarray:
    """Return the places of the readable images that have no fingerprint yet."""
    there = [version for (version,) in store.read("SELECT version FROM fingerprints WHERE recipe = ?", (recipe,))]
    return np.flatnonzero((images.problem == "").to_numpy() & ~np.isin(versions, there))


def make_fingerprints(
    store: Store,
    recipe: int,
    images: pd.DataFrame,
    versions: np.ndarray,
    *,
    method: str,
    orientations: bool,
    executor: Executor | None,
    step: Step,
) -> None:
    """Compute fingerprints and keep them, batch by batch; an image that cannot be read, or changed since, gets none."""
    version_of = dict(zip(images.path, versions.tolist(), strict=True))
    stamp_of = dict(zip(images.path, zip(images.bytes, images.modified, strict=True), strict=True))

    def is_unchanged(path: str) -> bool:
        size, modified = stamp_of[path]
        try:
            status = os.stat(path)
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (size, modified.value)

    for start in range(0, len(images), BATCH):
        batch = images.iloc[start : start + BATCH]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the caller says it once
            prints = fingerprint_images(batch, method, orientations=orientations, executor=executor)
        rows = [
            (recipe, version_of[path], code.tobytes())
            for path, code in zip(prints.images.path, prints.codes, strict=True)
            if is_unchanged(path)
        ]
        with store.writing(images=False) as run:
            run("INSERT OR REPLACE INTO fingerprints VALUES (?, ?, ?)", rows, many=True)
        step(len(batch))


def load_fingerprints(
    store: Store, recipe: int, images: pd.DataFrame, versions: np.ndarray, *, method: str, orientations: bool
) -> tuple[Fingerprints, np.ndarray]:
    """Return the fingerprints of a table of images, and the versions of those that have one."""
    codes = dict(store.read("SELECT version, code FROM fingerprints WHERE recipe = ?", (recipe,)))
    there = np.array([version in codes for version in versions.tolist()], dtype=bool)
    good = (images.problem == "").to_numpy()
    chosen, n_views = METHODS[method], N_VIEWS if orientations else 1
    packed = b"".join(codes[version] for version in versions[there & good].tolist())
    array = np.frombuffer(packed, np.uint64).reshape(-1, n_views, -(-chosen.bits // 64))
    problems = images[good & ~there].assign(problem="changed or became unreadable since the last update")
    return Fingerprints(images[good & there].reset_index(drop=True), chosen, array, problems), versions[good & there]


# -- pairs ------------------------------------------------------------------------------------------------------------


def kept_pairs(
    store: Store,
    recipe: int,
    prints: Fingerprints,
    versions: np.ndarray,
    *,
    floor: float,
    executor: Executor | None,
    step: Step,
) -> pd.DataFrame:
    """Return the pair table of `prints`, comparing only what was not compared before.

    Parameters
    ----------
    prints, versions
        made by `load_fingerprints`.
    floor
        percent, inclusive. Kept pairs of a higher floor are made anew, those of a lower one are filtered.

    Notes
    -----
    Not kept where more than a thousand images have one fingerprint: `similar_pairs` then lists their pairs in short, which
    cannot be done part by part.
    """
    if _most_alike(prints) > MAX_ALIKE:
        return similar_pairs(prints, min_similarity=floor, executor=executor)
    while True:
        parts = store.read("SELECT id, floor, covered, pairs FROM pair_parts WHERE recipe = ? ORDER BY id", (recipe,))
        last, kept_floor = parts[-1][:2] if parts else (None, floor)
        usable = parts if kept_floor <= floor else []
        covered = np.concatenate([np.zeros(0, np.int64), *(np.frombuffer(part[2], np.int64) for part in usable)])
        pairs = np.concatenate([np.zeros(0, PAIR), *(np.frombuffer(part[3], PAIR) for part in usable)])
        new = np.flatnonzero(~np.isin(versions, covered))
        if not len(new) and (usable or not len(versions)):
            return _as_table(prints, versions, pairs, floor)
        still = np.isin(covered, versions)
        if parts and not (usable and still.all()):
            # what is gone leaves: should it come back, it counts as new and meets what came in the meantime
            alive = (_places(versions, pairs["left"]) >= 0) & (_places(versions, pairs["right"]) >= 0)
            _save_part(store, recipe, min(floor, kept_floor), last, covered[still], pairs[alive], instead=True)
        else:
            _compare_new(store, recipe, kept_floor, last, prints, versions, new, executor, step)


def _compare_new(
    store: Store,
    recipe: int,
    floor: float,
    last: int | None,
    prints: Fingerprints,
    versions: np.ndarray,
    new: np.ndarray,
    executor: Executor | None,
    step: Step,
) -> None:
    """Compare the images at the places `new` with each other and with all others, and keep that part by part."""
    old = np.setdiff1d(np.arange(len(versions)), new)
    for start in range(0, len(new), PART):
        part = new[start : start + PART]
        found = _compare(prints, versions, part, old, floor, executor)
        last = _save_part(store, recipe, floor, last, versions[part], found, instead=False)
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
    store: Store, recipe: int, floor: float, last: int | None, covered: np.ndarray, pairs: np.ndarray, *, instead: bool
) -> int | None:
    """Keep a part, beside or instead of those before; None where another process kept one after `last`, which would overlap."""
    with store.writing(images=False) as run:
        [(newest,)] = run("SELECT max(id) FROM pair_parts WHERE recipe = ?", (recipe,))
        if newest != last:
            return None
        if instead:
            run("DELETE FROM pair_parts WHERE recipe = ?", (recipe,))
        row = (recipe, floor, covered.astype(np.int64).tobytes(), pairs.tobytes())
        run("INSERT INTO pair_parts (recipe, floor, covered, pairs) VALUES (?, ?, ?, ?)", row)
        return run("SELECT last_insert_rowid()")[0][0]


def _compare(
    prints: Fingerprints, versions: np.ndarray, new: np.ndarray, old: np.ndarray, floor: float, executor: Executor | None
) -> np.ndarray:
    """Return the pairs among new images and between new and old ones; rows of both by their places in `prints`."""
    some = select(prints, new)
    within = similar_pairs(some, min_similarity=floor, executor=executor)
    found = [_as_versions(within, versions[new], versions[new])]
    if len(old):
        between = similar_pairs(some, select(prints, old), min_similarity=floor, executor=executor)
        found.append(_as_versions(between, versions[new], versions[old]))
    return np.concatenate(found)


def select(prints: Fingerprints, places: np.ndarray) -> Fingerprints:
    """Return the fingerprints of some images."""
    images = prints.images.iloc[places].reset_index(drop=True)
    return Fingerprints(images, prints.method, prints.codes[places], prints.problems.iloc[:0])


def _as_versions(pairs: pd.DataFrame, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return a pair table as an array of `PAIR`; its categories stand for the versions `left` and `right`."""
    array = np.zeros(len(pairs), PAIR)
    array["left"], array["right"] = left[pairs.left.cat.codes], right[pairs.right.cat.codes]
    array["distance"], array["relation"] = pairs.distance, pairs.relation.cat.codes
    return array


def _as_table(prints: Fingerprints, versions: np.ndarray, pairs: np.ndarray, floor: float) -> pd.DataFrame:
    """Return kept pairs as `similar_pairs(prints, min_similarity=floor)` does."""
    left, right = _places(versions, pairs["left"]), _places(versions, pairs["right"])
    distances = pairs["distance"].astype(np.uint16) if prints.method.bits else np.round(pairs["distance"].astype(float), 6)
    rows, columns = np.minimum(left, right), np.maximum(left, right)
    kept = np.flatnonzero((rows >= 0) & (distances <= prints.method.max_distance(floor) + 1e-9))
    order = kept[np.argsort(rows[kept] * len(versions) + columns[kept])]  # lexical, by one number
    relation = pairs["relation"][order].astype(np.int8)
    return pair_table(prints, None, rows[order], columns[order], distances[order], relation, floor=floor)


def _places(versions: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return where in `versions` the wanted ones are, -1 for those that are not there."""
    last = int(versions.max(initial=0))
    place_of = np.full(last + 2, -1, np.int64)  # versions are counted up from 1, so this is not much larger than they are
    place_of[versions] = np.arange(len(versions))
    return place_of[np.minimum(wanted, last + 1)]

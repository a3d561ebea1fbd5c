"""Pairs that are kept in an index: what is new is compared with all that was there, and nothing twice."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np
import pandas as pd

from ..fingerprints import Fingerprints
from ..pairs import MAX_ALIKE, similar_pairs
from .parts import PAIR, Parts, Step, as_records, as_table, places_of, read_parts, save_part
from .prints import KeptPrints

PART = 25_000  # new images compared with all others at a time
TRIES = 6  # alone, three do: drop what is gone, compare what is new, read


def kept_pairs(kept: KeptPrints, *, floor: float, executor: Executor | None, step: Step) -> pd.DataFrame:
    """Return the pair table of kept hashes or vectors, comparing only what was not compared before.

    Parameters
    ----------
    floor
        percent, inclusive. Kept pairs of a higher floor are made anew, those of a lower one are filtered.

    Notes
    -----
    Not kept where more than a thousand images have one fingerprint: `similar_pairs` then lists their pairs in short, which
    cannot be done part by part. Nor where another process, which read the folder at another time, keeps on replacing what is
    kept here by its own.
    """
    kept, prints = kept.loaded()
    if _most_alike(prints) > MAX_ALIKE:
        return similar_pairs(prints, min_similarity=floor, executor=executor)
    for _ in range(TRIES):
        parts = read_parts(kept, floor, PAIR)
        new = np.flatnonzero(~np.isin(kept.versions, parts.covered))
        if not len(new) and (parts.usable or not len(kept)):
            return as_table(kept, parts.pairs, floor)
        still = np.isin(parts.covered, kept.versions)
        if parts.last is not None and not (parts.usable and still.all()):
            # what is gone leaves: should it come back, it counts as new and meets what came in the meantime
            alive = (places_of(kept.versions, parts.pairs["left"]) >= 0) & (places_of(kept.versions, parts.pairs["right"]) >= 0)
            lowest = min(floor, parts.floor)
            save_part(kept, lowest, parts.last, parts.covered[still], parts.pairs[alive], instead=True)
        else:
            _compare_new(kept, prints, parts, new, executor, step)
    return similar_pairs(prints, min_similarity=floor, executor=executor)


def _compare_new(
    kept: KeptPrints, prints: Fingerprints, parts: Parts, new: np.ndarray, executor: Executor | None, step: Step
) -> None:
    """Compare the images at the places `new` with each other and with all others, and keep that part by part."""
    old, last = np.setdiff1d(np.arange(len(kept)), new), parts.last
    for start in range(0, len(new), PART):
        part = new[start : start + PART]
        found = _compare(prints, kept.versions, part, old, parts.floor, executor)
        last = save_part(kept, parts.floor, last, kept.versions[part], found, instead=False)
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


def _compare(
    prints: Fingerprints, versions: np.ndarray, new: np.ndarray, old: np.ndarray, floor: float, executor: Executor | None
) -> np.ndarray:
    """Return the pairs among new images and between new and old ones; rows of both by their places in `prints`."""
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

"""Fingerprints that are kept in an index, each made once."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..decode import without_remarks
from ..fingerprints import Fingerprints
from .recipes import Recipe
from .store import Store

BATCH = 512  # images fingerprinted and saved at a time

Step = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class KeptPrints:
    """The images of a table whose fingerprints by one recipe are kept; these are read when they are asked for.

    Attributes
    ----------
    store, number, recipe
        where they are, and as what.
    images, versions
        those that have one, as `Fingerprints.images`; int64, n_images.
    problems
        readable images that have none.
    """

    store: Store
    number: int
    recipe: Recipe
    images: pd.DataFrame
    versions: np.ndarray
    problems: pd.DataFrame

    @classmethod
    def of(cls, store: Store, number: int, recipe: Recipe, images: pd.DataFrame, versions: np.ndarray) -> KeptPrints:
        """Look which images of a table have a fingerprint."""
        missing = np.zeros(len(images), dtype=bool)
        missing[missing_fingerprints(store, number, images, versions)] = True
        there = (images.problem == "").to_numpy() & ~missing
        problems = images[missing].assign(problem="changed or became unreadable since the last update")
        return cls(store, number, recipe, images[there].reset_index(drop=True), versions[there], problems)

    def __len__(self) -> int:
        return len(self.images)

    def load(self) -> Fingerprints:
        """Read the fingerprints; see `loaded`."""
        return self.loaded()[1]

    def loaded(self) -> tuple[KeptPrints, Fingerprints]:
        """Read the fingerprints, without those that another notebook has made out of date since we looked."""
        rows = self.store.stream("SELECT version, code FROM fingerprints WHERE recipe = ?", (self.number,))
        wanted = set(self.versions.tolist())
        codes = {version: self.recipe.read(code) for version, code in rows if version in wanted}
        still = [place for place, version in enumerate(self.versions.tolist()) if version in codes]
        images, versions = self.images.iloc[still].reset_index(drop=True), self.versions[still]
        unpacked = self.recipe.unpack([codes[version] for version in versions.tolist()])
        prints = Fingerprints(images, self.recipe.kind, unpacked, self.problems)
        return replace(self, images=images, versions=versions), prints

    def outline(self) -> Fingerprints:
        """Return them without their codes, for what only asks which images there are."""
        return Fingerprints(self.images, self.recipe.kind, np.zeros((len(self), self.recipe.views, 0)), self.problems)


def missing_fingerprints(store: Store, number: int, images: pd.DataFrame, versions: np.ndarray) -> np.ndarray:
    """Return the places of the readable images that have no fingerprint yet."""
    there = [version for (version,) in store.read("SELECT version FROM fingerprints WHERE recipe = ?", (number,))]
    return np.flatnonzero((images.problem == "").to_numpy() & ~np.isin(versions, there))


def make_fingerprints(
    store: Store,
    number: int,
    recipe: Recipe,
    images: pd.DataFrame,
    versions: np.ndarray,
    *,
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
        with without_remarks():  # nor that images became unreadable: the caller says it once
            prints = recipe.compute(batch, executor)
        rows = [
            (number, version_of[path], recipe.pack(code))
            for path, code in zip(prints.images.path, prints.codes, strict=True)
            if is_unchanged(path)
        ]
        with store.writing(images=False) as run:
            run("INSERT OR REPLACE INTO fingerprints VALUES (?, ?, ?)", rows, many=True)
        step(len(batch))

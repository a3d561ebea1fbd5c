"""Fingerprints that are kept in an index, each made once."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..embeddings import Embedding
from ..engine.decode import no_decoder_warnings
from ..fingerprints import Fingerprints, find_method, fingerprint_images
from ..methods import METHODS, Method, VectorMethod
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
    def of(
        cls, store: Store, number: int, recipe: Recipe, images: pd.DataFrame, versions: np.ndarray
    ) -> KeptPrints:
        """Look which images of a table have a fingerprint."""
        missing = np.zeros(len(images), dtype=bool)
        missing[missing_fingerprints(store, number, images, versions)] = True
        there = (images.problem == "").to_numpy() & ~missing
        problems = images[missing].assign(
            problem="changed or became unreadable since the last update"
        )
        return cls(
            store, number, recipe, images[there].reset_index(drop=True), versions[there], problems
        )

    def __len__(self) -> int:
        return len(self.images)

    def load(self) -> Fingerprints:
        """Read the fingerprints; see `loaded`."""
        return self.loaded()[1]

    def loaded(self) -> tuple[KeptPrints, Fingerprints]:
        """Read the fingerprints, without those that another notebook has made out of date since we looked."""
        place_of = {version: place for place, version in enumerate(self.versions.tolist())}
        places: list[int] = []

        def read() -> Iterator[bytes]:
            query = "SELECT version, code FROM fingerprints WHERE recipe = ?"
            for version, code in self.store.stream(query, (self.number,)):
                if version in place_of:
                    places.append(place_of[version])
                    yield code

        codes = self.recipe.method.unpack(read(), self.recipe.views)
        still = np.sort(np.array(places, dtype=np.int64))
        codes = codes[np.argsort(np.array(places, dtype=np.int64))]
        images, versions = self.images.iloc[still].reset_index(drop=True), self.versions[still]
        prints = Fingerprints(images, self.recipe.method, codes, self.problems)
        return replace(self, images=images, versions=versions), prints

    def outline(self) -> Fingerprints:
        """Return them without their codes, for what only asks which images there are."""
        return Fingerprints(
            self.images,
            self.recipe.method,
            np.zeros((len(self), self.recipe.views, 0)),
            self.problems,
        )


def missing_fingerprints(
    store: Store, number: int, images: pd.DataFrame, versions: np.ndarray
) -> np.ndarray:
    """Return the places of the readable images that have no fingerprint yet."""
    there = [
        version
        for (version,) in store.read("SELECT version FROM fingerprints WHERE recipe = ?", (number,))
    ]
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
        with no_decoder_warnings():  # nor that images became unreadable: the caller says it once
            prints = recipe.compute(batch, executor)
        rows = [
            (number, version_of[path], recipe.method.pack(code))
            for path, code in zip(prints.images.path, prints.codes, strict=True)
            if is_unchanged(path)
        ]
        with store.transaction(images=False) as run:
            run("INSERT OR REPLACE INTO fingerprints VALUES (?, ?, ?)", rows, many=True)
        step(len(batch))


LOOKS_HASH = "phash"  # what pairs of local features are also found by
LOCAL = tuple(name for name, method in METHODS.items() if method.fallback == LOOKS_HASH)


@dataclass(frozen=True)
class Recipe:
    """A way to fingerprint.

    Attributes
    ----------
    method
        of METHODS, or the user's function.
    views
        1, or 8 where flips and quarter turns are recognised.
    made_with
        in words; what was made with something else may differ.
    """

    method: Method
    views: int
    made_with: str

    @classmethod
    def of(cls, method: str | Embedding, orientations: bool = False) -> Recipe:
        """Return the recipe of a method of METHODS, or of a function with a name and a version.

        Raises
        ------
        ValueError
            if the method is unknown, or the function does not say what it is.
        """
        chosen = _named(method) if callable(method) else find_method(method)
        return cls(chosen, chosen.views(orientations), chosen.made_with())

    def compute(self, images: pd.DataFrame, executor: Executor | None = None) -> Fingerprints:
        """Fingerprint the readable images of a table."""
        orientations = self.views > 1
        return fingerprint_images(images, self.method, orientations=orientations, executor=executor)


def _named(function: Any) -> VectorMethod:
    """Return a user's function as a method of the name that the function says."""
    name = getattr(function, "name", getattr(function, "__name__", ""))
    is_plain = isinstance(name, str) and name.isprintable() and name.strip("<>") == name != ""
    if not is_plain or not getattr(function, "version", "") or name in METHODS:
        raise ValueError(
            "method must say what it is, so that its vectors can be kept: give your function a "
            "name that no other method has, and a version that changes whenever its answers may "
            "(embed.name = 'colours'; embed.version = '1'); or use "
            "fingerprint_images(photos.images, embed), which keeps nothing"
        )
    return VectorMethod(name, function=function)


def find_recipe(store: Store, recipe: Recipe) -> int:
    """Return the number under which a way to fingerprint is kept; what was made with something else is dropped.

    Warns
    -----
    UserWarning
        if there was such.
    """
    query = (
        "SELECT id, made_with FROM recipes WHERE method = ? AND views = ?",
        (recipe.method.name, recipe.views),
    )
    known = store.read(*query)
    if known and known[0][1] == recipe.made_with:
        return known[0][0]
    with store.transaction(images=False) as run:
        for number, before in run(*query):
            if before == recipe.made_with:  # another notebook was faster
                return number
            warnings.warn(
                f"the {recipe.method.name} fingerprints kept here were made with {before}, and this "
                f"is {recipe.made_with}: they "
                "may differ, so all are made again",
                stacklevel=4,
            )
            for table in ("fingerprints", "pair_parts", "vote_parts", "look_parts"):
                run(f"DELETE FROM {table} WHERE recipe = ?", (number,))
            run("DELETE FROM recipes WHERE id = ?", (number,))
            if recipe.method.name == LOOKS_HASH:  # it says which pairs are looked at
                run(
                    "DELETE FROM pair_parts WHERE recipe IN (SELECT id FROM recipes WHERE method "
                    f"IN {LOCAL})"
                )
        row = (recipe.method.name, recipe.views, recipe.made_with)
        run("INSERT INTO recipes (method, views, made_with) VALUES (?, ?, ?)", row)
        return run("SELECT last_insert_rowid()")[0][0]

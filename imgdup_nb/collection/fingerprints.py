"""Fingerprints that are kept in an index, each made once.

A `Recipe` says how they are made: method, orientations, library version. `keep_prints` makes what
is missing. `KeptPrints` are those of one recipe, for the images of one snapshot of the index.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..embeddings import Embedding
from ..engine.checks import check_flag, count_of
from ..engine.decode import no_decoder_warnings
from ..engine.files import known_time
from ..fingerprints import Fingerprints, find_method, fingerprint_images
from ..methods import METHODS, Method, VectorMethod
from .index import Index, Snapshot
from .store import Overtaken, Store

BATCH = 512  # images fingerprinted and saved at a time

AnyMethod = str | Embedding
Step = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class KeptPrints:
    """The images of a snapshot whose fingerprints by one recipe are kept; `load` reads these.

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

    def __len__(self) -> int:
        return len(self.images)

    def load(self) -> Fingerprints:
        """Read the fingerprints.

        Raises
        ------
        Overtaken
            if another process has removed some of them since.
        """
        place_of = {version: place for place, version in enumerate(self.versions.tolist())}
        places: list[int] = []

        def read() -> Generator[bytes, None, None]:
            query = "SELECT version, code FROM fingerprints WHERE recipe = ?"
            for version, code in self.store.stream(query, (self.number,)):
                if version in place_of:
                    places.append(place_of[version])
                    yield code

        with self.store.decoding("fingerprints"), contextlib.closing(read()) as packed:
            codes = self.recipe.method.unpack(packed, self.recipe.views)
        if len(places) < len(self):
            raise Overtaken
        codes = codes[np.argsort(places)] if places else codes
        return Fingerprints(self.images, self.recipe.method, codes, self.problems)

    def outline(self) -> Fingerprints:
        """Return them without their codes, for those who need only the images."""
        none = np.zeros((len(self), self.recipe.views, 0))
        return Fingerprints(self.images, self.recipe.method, none, self.problems)


def keep_prints(
    index: Index,
    method: AnyMethod,
    orientations: bool = False,
    *,
    snapshot: Snapshot | None = None,
    executor: Executor | None = None,
) -> KeptPrints:
    """Make and keep the fingerprints that are missing, and return all.

    Parameters
    ----------
    snapshot
        the images; None takes those of now.

    Raises
    ------
    Overtaken
        if another process changed the index in between: see `Index.steady`.

    Warns
    -----
    UserWarning
        if images changed or became unreadable since the last update.
    """
    recipe, store = Recipe.of(method, orientations), index.store
    images, versions, _ = index.current() if snapshot is None else snapshot
    number = find_recipe(store, recipe)
    missing = _missing_fingerprints(store, number, images, versions)
    if len(missing):
        with index.doing("ExtractingFeatures", len(missing)) as step:
            some = images.iloc[missing], versions[missing]
            _make_fingerprints(store, number, recipe, *some, executor=executor, step=step)
        missing = _missing_fingerprints(store, number, images, versions)
        _check_still_there(store, number, versions[missing])
    has_problem = np.zeros(len(images), dtype=bool)
    has_problem[missing] = True
    problems = images[has_problem].assign(
        problem="changed or became unreadable since the last update"
    )
    if len(problems):
        lost = count_of(len(problems), "image")
        warnings.warn(
            f"{lost} changed or became unreadable since the last update; call update()",
            stacklevel=5,
        )
    there = (images.problem == "").to_numpy() & ~has_problem
    return KeptPrints(
        store, number, recipe, images[there].reset_index(drop=True), versions[there], problems
    )


def _check_still_there(store: Store, number: int, versions: np.ndarray) -> None:
    """Raise Overtaken if another process removed the recipe, or read one of these images again."""
    known = store.read_each("SELECT 1 FROM images WHERE version = ?", versions.tolist())
    recipes = store.read("SELECT 1 FROM recipes WHERE id = ?", (number,))
    if len(known) < len(versions) or not recipes:
        raise Overtaken


def _missing_fingerprints(
    store: Store, number: int, images: pd.DataFrame, versions: np.ndarray
) -> np.ndarray:
    """Return the places of the readable images that have no fingerprint yet."""
    rows = store.read("SELECT version FROM fingerprints WHERE recipe = ?", (number,))
    with store.decoding("fingerprints"):
        there = np.array([version for (version,) in rows], dtype=np.int64)
    return np.flatnonzero((images.problem == "").to_numpy() & ~np.isin(versions, there))


def _make_fingerprints(
    store: Store,
    number: int,
    recipe: Recipe,
    images: pd.DataFrame,
    versions: np.ndarray,
    *,
    executor: Executor | None,
    step: Step,
) -> None:
    """Compute fingerprints and keep them, batch by batch.

    An image gets none if it cannot be read, or if its file changed since the last update.
    """
    version_of = dict(zip(images.path, versions.tolist(), strict=True))
    stamps = zip(images.bytes, images.modified, strict=True)
    stamp_of = dict(zip(images.path, stamps, strict=True))

    def is_unchanged(path: str) -> bool:
        size, modified = stamp_of[path]
        try:
            status = os.stat(path)
        except OSError:
            return False
        return (status.st_size, known_time(status.st_mtime_ns)) == (size, modified.value)

    for start in range(0, len(images), BATCH):
        batch = images.iloc[start : start + BATCH]
        with no_decoder_warnings():  # nor that images became unreadable: the caller says it once
            prints = recipe.compute(batch, executor)
        rows = [
            (number, version_of[path], recipe.method.pack(code), version_of[path], number)
            for path, code in zip(prints.images.path, prints.codes, strict=True)
            if is_unchanged(path)
        ]
        with store.transaction(images=False) as run:
            # nothing is kept for what another process has removed in the meantime
            run(
                "INSERT OR REPLACE INTO fingerprints SELECT ?, ?, ? WHERE "
                "EXISTS (SELECT 1 FROM images WHERE version = ?) AND "
                "EXISTS (SELECT 1 FROM recipes WHERE id = ?)",
                rows,
                many=True,
            )
        step(len(batch))


LOOKS_HASH = "phash"  # pairs of local features are found by this hash, too
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
    def of(cls, method: AnyMethod, orientations: bool = False) -> Recipe:
        """Return the recipe of a method of METHODS, or of a function with a name and a version.

        Raises
        ------
        ValueError
            if the method is unknown, or the function does not say what it is.
        """
        chosen = _named(method) if callable(method) else find_method(method)
        views = chosen.views(check_flag("orientations", orientations))
        return cls(chosen, views, chosen.made_with())

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
    """Return the number of a recipe in the index.

    Fingerprints that another version of the library made are removed, with all that follows from
    them.

    Warns
    -----
    UserWarning
        if some were removed.
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
                f"the {recipe.method.name} fingerprints kept here were made with {before}, and "
                f"this is {recipe.made_with}: they may differ, so all are made again",
                stacklevel=4,
            )
            for table in ("fingerprints", "pair_parts", "vote_parts", "look_parts"):
                run(f"DELETE FROM {table} WHERE recipe = ?", (number,))
            run("DELETE FROM recipes WHERE id = ?", (number,))
            if recipe.method.name == LOOKS_HASH:  # pairs of local features depend on it
                run(
                    "DELETE FROM pair_parts WHERE recipe IN (SELECT id FROM recipes WHERE method "
                    f"IN {LOCAL})"
                )
        row = (recipe.method.name, recipe.views, recipe.made_with)
        run("INSERT INTO recipes (method, views, made_with) VALUES (?, ?, ?)", row)
        return run("SELECT last_insert_rowid()")[0][0]

"""Fingerprints that are kept in an index, each made once."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..embeddings import Embedding
from ..engine.decode import no_decoder_warnings
from ..engine.features import Features, features_made_with
from ..engine.hashing import N_VIEWS, made_with
from ..fingerprints import Fingerprints, find_method, fingerprint_images
from ..methods import METHODS, Method
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
        rows = self.store.stream(
            "SELECT version, code FROM fingerprints WHERE recipe = ?", (self.number,)
        )
        wanted = set(self.versions.tolist())
        codes = {version: self.recipe.read(code) for version, code in rows if version in wanted}
        still = [place for place, version in enumerate(self.versions.tolist()) if version in codes]
        images, versions = self.images.iloc[still].reset_index(drop=True), self.versions[still]
        unpacked = self.recipe.unpack([codes[version] for version in versions.tolist()])
        prints = Fingerprints(images, self.recipe.kind, unpacked, self.problems)
        return replace(self, images=images, versions=versions), prints

    def outline(self) -> Fingerprints:
        """Return them without their codes, for what only asks which images there are."""
        return Fingerprints(
            self.images,
            self.recipe.kind,
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
            (number, version_of[path], recipe.pack(code))
            for path, code in zip(prints.images.path, prints.codes, strict=True)
            if is_unchanged(path)
        ]
        with store.transaction(images=False) as run:
            run("INSERT OR REPLACE INTO fingerprints VALUES (?, ?, ?)", rows, many=True)
        step(len(batch))


LOOKS_HASH = "phash"  # what pairs of local features are also found by
LOCAL = tuple(name for name, method in METHODS.items() if method.unit == "percent")


@dataclass(frozen=True)
class Recipe:
    """A way to fingerprint.

    Attributes
    ----------
    method
        what `fingerprint_images` takes.
    kind
        the method as `Fingerprints.method` has it.
    views
        1, or 8 where flips and quarter turns are recognised.
    made_with
        in words; what was made with something else may differ.
    """

    method: str | Embedding
    kind: Method
    views: int
    made_with: str

    @classmethod
    def of(cls, method: Any, orientations: bool = False) -> Recipe:
        """Return the recipe of a method of METHODS, or of a function that has a name and a version.

        Raises
        ------
        ValueError
            if the method is unknown, or the function does not say what it is.
        """
        views = N_VIEWS if orientations else 1
        if callable(method):
            return cls(method, _kind_of(method), views, f"{method.version}")
        kind = find_method(method)
        if kind.unit == "percent":
            return cls(method, kind, 1, features_made_with())
        return cls(method, kind, views, made_with())

    @property
    def is_local(self) -> bool:
        """Whether it keeps local features, which score a pair directly."""
        return self.kind.unit == "percent"

    def compute(self, images: pd.DataFrame, executor: Executor | None = None) -> Fingerprints:
        """Fingerprint the readable images of a table."""
        prints = fingerprint_images(
            images, self.method, orientations=self.views > 1, executor=executor
        )
        return replace(prints, method=self.kind)

    def pack(self, code: np.ndarray) -> bytes:
        """Return the fingerprint of one image as bytes."""
        return code[0].to_bytes() if self.is_local else code.tobytes()

    def read(self, kept: bytes) -> Any:
        """Return what `unpack` takes of one image."""
        return Features.from_bytes(kept) if self.is_local else kept

    def unpack(self, codes: Sequence[Any]) -> np.ndarray:
        """Return `Fingerprints.codes` of what `read` gave of each image."""
        if self.is_local:
            column = np.empty((len(codes), 1), dtype=object)
            column[:, 0] = codes
            return column
        kind, width = (np.uint64, -(-self.kind.bits // 64)) if self.kind.bits else (np.float32, 1)
        if codes and not self.kind.bits:
            width = len(codes[0]) // (4 * self.views)
        return np.frombuffer(b"".join(codes), kind).reshape(-1, self.views, width)


def _kind_of(function: Any) -> Method:
    name = getattr(function, "name", getattr(function, "__name__", ""))
    version = getattr(function, "version", "")
    if (
        not (isinstance(name, str) and name.isprintable() and name.strip("<>") == name != "")
        or not version
        or name in METHODS
    ):
        raise ValueError(
            "method must say what it is, so that its vectors can be kept: give your function a "
            "name that no other method has, "
            "and a version that changes whenever its answers may (embed.name = 'colours'; "
            "embed.version = '1'); or use "
            "fingerprint_images(photos.images, embed), which keeps nothing"
        )
    return Method(
        name, "cosine", 0, 0, "as your function does", "as your function does", "your function's"
    )


def find_recipe(store: Store, recipe: Recipe) -> int:
    """Return the number under which a way to fingerprint is kept; what was made with something else is dropped.

    Warns
    -----
    UserWarning
        if there was such.
    """
    query = (
        "SELECT id, made_with FROM recipes WHERE method = ? AND views = ?",
        (recipe.kind.name, recipe.views),
    )
    known = store.read(*query)
    if known and known[0][1] == recipe.made_with:
        return known[0][0]
    with store.transaction(images=False) as run:
        for number, before in run(*query):
            if before == recipe.made_with:  # another notebook was faster
                return number
            warnings.warn(
                f"the {recipe.kind.name} fingerprints kept here were made with {before}, and this "
                f"is {recipe.made_with}: they "
                "may differ, so all are made again",
                stacklevel=4,
            )
            for table in ("fingerprints", "pair_parts", "vote_parts", "look_parts"):
                run(f"DELETE FROM {table} WHERE recipe = ?", (number,))
            run("DELETE FROM recipes WHERE id = ?", (number,))
            if recipe.kind.name == LOOKS_HASH:  # it says which pairs are looked at
                run(
                    "DELETE FROM pair_parts WHERE recipe IN (SELECT id FROM recipes WHERE method "
                    f"IN {LOCAL})"
                )
        row = (recipe.kind.name, recipe.views, recipe.made_with)
        run("INSERT INTO recipes (method, views, made_with) VALUES (?, ?, ?)", row)
        return run("SELECT last_insert_rowid()")[0][0]

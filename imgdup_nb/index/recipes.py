"""Ways to fingerprint whose results are kept: hashes, local features, embeddings that say what they are.

A recipe knows what makes its fingerprints, in words that change when they may differ, and how one becomes bytes and comes back.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..fingerprints import N_VIEWS, Embedding, Fingerprints, find_method, fingerprint_images, made_with
from ..local.features import Features, features_made_with
from ..methods import METHODS, Method
from .store import Store

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
        prints = fingerprint_images(images, self.method, orientations=self.views > 1, executor=executor)
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
    if not (isinstance(name, str) and name.isprintable() and name.strip("<>") == name != "") or not version or name in METHODS:
        raise ValueError(
            "method must say what it is, so that its vectors can be kept: give your function a name that no other method has, "
            "and a version that changes whenever its answers may (embed.name = 'colours'; embed.version = '1'); or use "
            "fingerprint_images(photos.images, embed), which keeps nothing"
        )
    return Method(name, "cosine", 0, 0, "as your function does", "as your function does", "your function's")


def find_recipe(store: Store, recipe: Recipe) -> int:
    """Return the number under which a way to fingerprint is kept; what was made with something else is dropped.

    Warns
    -----
    UserWarning
        if there was such.
    """
    query = "SELECT id, made_with FROM recipes WHERE method = ? AND views = ?", (recipe.kind.name, recipe.views)
    known = store.read(*query)
    if known and known[0][1] == recipe.made_with:
        return known[0][0]
    with store.writing(images=False) as run:
        for number, before in run(*query):
            if before == recipe.made_with:  # another notebook was faster
                return number
            warnings.warn(
                f"the {recipe.kind.name} fingerprints kept here were made with {before}, and this is {recipe.made_with}: they "
                "may differ, so all are made again",
                stacklevel=4,
            )
            for table in ("fingerprints", "pair_parts", "vote_parts", "look_parts"):
                run(f"DELETE FROM {table} WHERE recipe = ?", (number,))
            run("DELETE FROM recipes WHERE id = ?", (number,))
            if recipe.kind.name == LOOKS_HASH:  # it says which pairs are looked at
                run(f"DELETE FROM pair_parts WHERE recipe IN (SELECT id FROM recipes WHERE method IN {LOCAL})")
        row = (recipe.kind.name, recipe.views, recipe.made_with)
        run("INSERT INTO recipes (method, views, made_with) VALUES (?, ?, ?)", row)
        return run("SELECT last_insert_rowid()")[0][0]

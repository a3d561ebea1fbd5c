"""The methods by name: what a distance means in percent, what each survives and misses, and the function behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import imagehash
import numpy as np
import pandas as pd
from PIL import Image


@dataclass(frozen=True)
class Method:
    """A named way to fingerprint and score images.

    Attributes
    ----------
    name
        what users type.
    unit
        of a distance: "bits" (Hamming distance), "cosine" (1 - cosine of the angle), or "percent"
        (100 - similarity: local features score a pair directly).
    bits
        length of a hash; 0 for the others.
    step
        bits by which distances between pictures with detail can differ: phash and whash set just
        half of their bits, so theirs are even.
    survives, misses, cost
        in words, for `METHODS.to_frame()`.
    compute
        the function behind it: an RGB image -> bool array, or a list of images -> vectors; None for
        local features.
    """

    name: str
    unit: str
    bits: int
    step: int
    survives: str
    misses: str
    cost: str
    compute: Callable[[Any], Any] | None = None

    @property
    def whole(self) -> float:
        """The distance at which nothing is left of the similarity."""
        return self.bits or (100 if self.unit == "percent" else 1)

    def similarity(self, distance: Any) -> Any:
        """Turn distances in the method's unit into percent, 100 for equal fingerprints and never below 0.

        Examples
        --------
        >>> float(METHODS["phash"].similarity(6))
        90.625
        """
        return np.maximum(100.0 * (self.whole - np.asarray(distance)) / self.whole, 0.0)[()]

    def max_distance(self, similarity: float) -> float:
        """Return the largest distance whose similarity is at or above `similarity` percent.

        Examples
        --------
        >>> [METHODS["phash"].max_distance(percent) for percent in (95, 90, 80)]
        [3, 6, 12]
        """
        distance = self.whole * (100.0 - similarity) / 100.0
        return int(distance + 1e-9) if self.bits else distance

    def meaning(self, similarity: float) -> str:
        """Say in words what a similarity means.

        Examples
        --------
        >>> METHODS["phash"].meaning(90), METHODS["aligned"].meaning(90)
        ('at most 6 of 64 bits', '90 % of what both show agrees')
        """
        if self.unit == "percent":
            return f"{similarity:g} % of {'what both show agrees' if self.name == 'aligned' else 'the features match'}"
        return f"at most {self.max_distance(similarity):g} of {self.whole:g} {self.unit}"

    def levels(self, floor: float = 0.0) -> np.ndarray:
        """Return the similarities that occur, from 100 down to `floor` (inclusive); half percents where any can.

        Examples
        --------
        >>> METHODS["phash"].levels(90)
        array([100.   ,  96.875,  93.75 ,  90.625])
        """
        if not self.bits:
            return np.arange(100.0, floor - 1e-9, -0.5)
        return self.similarity(np.arange(0, self.max_distance(floor) + 1, self.step))


class MethodTable(Mapping[str, Method]):
    """The methods by name, in the order they are listed."""

    def __init__(self, methods: Sequence[Method]) -> None:
        self._methods = {method.name: method for method in methods}

    def __getitem__(self, name: str) -> Method:
        return self._methods[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._methods)

    def __len__(self) -> int:
        return len(self._methods)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per method: unit, bits, levels from 70 up, what 90 means, what it survives and misses, its cost."""
        rows = [
            {
                "method": method.name,
                "unit": method.unit,
                "bits": method.bits,
                "levels >= 70": len(method.levels(70)),
                "90 means": method.meaning(90),
                "survives": method.survives,
                "misses": method.misses,
                "cost": method.cost,
            }
            for method in self.values()
        ]
        return pd.DataFrame(rows).set_index("method")

    def __repr__(self) -> str:
        return f"<methods: {', '.join(self)}; METHODS.to_frame() describes them>"

    def _repr_html_(self) -> str:
        return self.to_frame().to_html()


def _hash_with(
    function: Callable[..., imagehash.ImageHash], **options: Any
) -> Callable[[Image.Image], np.ndarray]:
    return lambda image: function(image, **options).hash


METHODS = MethodTable(
    [
        Method(
            "phash", "bits", 64, 2, "size, format, compression, mild colour and blur", "crop, turn, overlay", "low",
            _hash_with(imagehash.phash),
        ),
        Method(
            "phash256", "bits", 256, 2, "the same, told apart four times as finely", "crop, turn, overlay", "low",
            _hash_with(imagehash.phash, hash_size=16),
        ),
        Method(
            "dhash", "bits", 64, 1, "size, format, compression, brightness", "crop, turn, contrast in flat areas", "lowest",
            _hash_with(imagehash.dhash),
        ),
        Method(
            "ahash", "bits", 64, 1, "size, format, compression, blur", "crop, turn; many unrelated images look alike", "lowest",
            _hash_with(imagehash.average_hash),
        ),
        Method(
            "whash", "bits", 64, 2, "size, format, compression, blur", "crop, turn; many unrelated images look alike", "medium",
            _hash_with(imagehash.whash),
        ),
        Method(
            "colorhash", "bits", 42, 1, "crop, turn, flip, size: it sees colours only", "what is in the picture", "low",
            _hash_with(imagehash.colorhash),
        ),
        Method(
            "aligned", "percent", 0, 0, "also crop, any turn, mirroring, overlay, collage", "pictures without texture", "high",
        ),
        Method(
            "akaze", "percent", 0, 0, "format, compression, turns by 90; sees small edits", "other sizes, crop, mirroring",
            "highest",
        ),
    ]
)  # fmt: skip

"""The methods by name, of three kinds, which know their units, their bytes and their work.

- `HashMethod`: bits. The distance of two images is the number of bits that differ.
- `VectorMethod`: vectors by your own function. The distance is 1 - cosine of their angle.
  `TinyMethod` is one of them: the vector is made of the pixels.
- `LocalMethod`: local features. They score a pair directly: the distance is 100 - similarity.

This module imports nothing of the package. What needs only numpy is written here: percents, levels,
and the bytes that an index keeps. `fingerprint`, `compare` and `made_with` need decoders and
compiled loops. Each calls a `functools.singledispatch` function of this module. The modules that do
the work register one implementation for each kind (`engine.hashing`, `embeddings`, `fingerprints`,
`pairs`). So callers write `method.fingerprint(paths)` and never ask which kind it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any, ClassVar

import imagehash
import numpy as np
import pandas as pd
from PIL import Image

N_VIEWS = 8  # four quarter turns, plain and mirrored


@dataclass(frozen=True)
class Method:
    """A named way to fingerprint and compare images; its kind is one of the three subclasses.

    Attributes
    ----------
    name
        what users type.
    survives, misses, cost
        in words, for `METHODS.to_frame()`.
    unit
        of a distance: "bits" (Hamming distance), "cosine" (1 - cosine of the angle), or "percent"
        (100 - similarity).
    whole
        the distance at which nothing is left of the similarity.
    bits
        length of a hash; 0 for the others.
    fallback
        the hash that compares pictures for which this method finds too little; None if it needs
        none.
    """

    name: str
    survives: str = "as your function does"
    misses: str = "as your function does"
    cost: str = "your function's"

    unit: ClassVar[str] = ""
    distance_type: ClassVar[type] = np.float64  # in pair tables
    fallback: ClassVar[str | None] = None

    @property
    def bits(self) -> int:
        """Length of a hash; 0 for the other kinds."""
        return 0

    @property
    def whole(self) -> float:
        """The distance at which the similarity is 0."""
        return 1

    # -- distances and percents --------------------------------------------------------------------

    def similarity(self, distance: Any) -> Any:
        """Turn distances into percent, 100 for equal fingerprints and never below 0.

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
        return self.whole * (100.0 - similarity) / 100.0

    def meaning(self, similarity: float) -> str:
        """Say in words what a similarity means.

        Examples
        --------
        >>> METHODS["phash"].meaning(90), METHODS["aligned"].meaning(90)
        ('at most 6 of 64 bits', '90 % of the overlap matches')
        """
        return f"at most {self.max_distance(similarity):g} of {self.whole:g} {self.unit}"

    def levels(self, floor: float = 0.0) -> np.ndarray:
        """Return the similarities that occur, from 100 down to `floor` (inclusive).

        Where any similarity can occur: half percents.

        Examples
        --------
        >>> METHODS["phash"].levels(90)
        array([100.   ,  96.875,  93.75 ,  90.625])
        """
        return np.arange(100.0, floor - 1e-9, -0.5)

    # -- codes: what `Fingerprints` hold, and its bytes in an index --------------------------------

    def views(self, orientations: bool) -> int:
        """Return in how many orientations a picture is fingerprinted: 8, or 1."""
        return N_VIEWS if orientations else 1

    def gather(self, codes: Sequence[Any], n_views: int) -> np.ndarray:
        """Return the codes of single images as `Fingerprints.codes`."""
        return np.stack(codes) if codes else self.unpack([], n_views)

    def pack(self, code: np.ndarray) -> bytes:
        """Return the fingerprint of one image, a row of `Fingerprints.codes`, as bytes."""
        return code.tobytes()

    def unpack(self, packed: Iterable[bytes], n_views: int) -> np.ndarray:
        """Return `Fingerprints.codes` of the bytes that `pack` made of each image.

        Raises
        ------
        ValueError
            if `pack` did not make them.
        """
        raise NotImplementedError

    def unpack_distances(self, packed: np.ndarray) -> np.ndarray:
        """Return distances as they were before an index kept them in 4 bytes (float32)."""
        raise NotImplementedError

    def components(self, codes: np.ndarray) -> np.ndarray:
        """Return what people look at: the bits or numbers of codes, n_images x n."""
        return codes

    def size_of(self, code: np.ndarray) -> tuple[int, int]:
        """Return how many hashes, vectors or features one image has, and the bits of each."""
        raise NotImplementedError

    def describe(self, codes: np.ndarray) -> str:
        """Return the size of fingerprints in words."""
        raise NotImplementedError

    # -- work that other modules supply ------------------------------------------------------------

    def fingerprint(self, paths: Sequence[str], *, n_views: int, executor: Any = None) -> list[Any]:
        """Return the code of the picture at each path, or a text that says the problem."""
        return fingerprint_by(self, paths, n_views=n_views, executor=executor)

    def compare(self, prints: Any, others: Any, floor: float, **options: Any) -> Any:
        """Find the similar pairs of one collection, or of two; see `pairs.FoundPairs`."""
        return compare_by(self, prints, others, floor, **options)

    def made_with(self) -> str:
        """Return a text that changes whenever fingerprints may differ: library and version.

        Raises
        ------
        ImportError
            if the library is missing; the text says how to install it.
        """
        return made_by(self)


@singledispatch
def fingerprint_by(method: Method, paths: Sequence[str], *, n_views: int, executor: Any) -> list:
    """Do the work of `Method.fingerprint`."""
    raise NotImplementedError(type(method))


@singledispatch
def compare_by(method: Method, prints: Any, others: Any, floor: float, **options: Any) -> Any:
    """Do the work of `Method.compare`."""
    raise NotImplementedError(type(method))


@singledispatch
def made_by(method: Method) -> str:
    """Do the work of `Method.made_with`."""
    raise NotImplementedError(type(method))


@singledispatch
def read_features_by(method: Method, packed: Iterable[bytes]) -> list[Any]:
    """Return the local features of images that were packed."""
    raise NotImplementedError(type(method))


@dataclass(frozen=True)
class HashMethod(Method):
    """A hash of some bits.

    Attributes
    ----------
    n_bits
        its length.
    step
        bits by which distances between pictures with detail can differ: phash and whash set just
        half of their bits, so theirs are even.
    function, hash_size
        of imagehash, and its parameter; None for a function that has none. The function is None
        for bits that were made elsewhere.
    """

    n_bits: int = 64
    step: int = 1
    function: Callable[..., imagehash.ImageHash] | None = imagehash.phash
    hash_size: int | None = 8

    unit: ClassVar[str] = "bits"
    distance_type: ClassVar[type] = np.int64

    @property
    def bits(self) -> int:
        """Length of a hash; 0 for the other kinds."""
        return self.n_bits

    @property
    def whole(self) -> float:
        """The distance at which the similarity is 0."""
        return self.n_bits

    def compute(self, image: Image.Image) -> np.ndarray:
        """Return the hash of a picture as imagehash computes it, bool."""
        if self.function is None:
            raise made_elsewhere(self.name)
        size = {} if self.hash_size is None else {"hash_size": self.hash_size}
        return self.function(image, **size).hash

    def similarity(self, distance: Any) -> Any:
        """Turn distances into percent; see `Method.similarity`."""
        distances = np.asarray(distance)
        if distances.dtype.kind not in "iu" or distances.size <= self.n_bits:
            return super().similarity(distances)
        # of millions of distances only as many values occur as there are bits
        return super().similarity(np.arange(self.n_bits + 1)).take(distances, mode="clip")

    def max_distance(self, similarity: float) -> float:
        """Return the largest distance of a similarity, a whole number of bits."""
        return int(super().max_distance(similarity) + 1e-9)

    def levels(self, floor: float = 0.0) -> np.ndarray:
        """Return the similarities that occur, from 100 down to `floor` (inclusive)."""
        return self.similarity(np.arange(0, self.max_distance(floor) + 1, self.step))

    def unpack(self, packed: Iterable[bytes], n_views: int) -> np.ndarray:
        """Undo `pack` for many images."""
        n_words = -(-self.n_bits // 64)
        codes = _join_bytes(packed, 8 * n_views * n_words)
        return np.frombuffer(codes, np.uint64).reshape(-1, n_views, n_words)

    def unpack_distances(self, packed: np.ndarray) -> np.ndarray:
        """Undo the conversion to 4 bytes."""
        return packed.astype(np.uint16)

    def components(self, codes: np.ndarray) -> np.ndarray:
        """Return the bits, n_images x n_bits."""
        return unpack_bits(codes, self.n_bits)

    def size_of(self, code: np.ndarray) -> tuple[int, int]:
        """Return the count, and the bits of each."""
        return len(code), self.n_bits

    def describe(self, codes: np.ndarray) -> str:
        """Return the size of fingerprints in words."""
        return f"{self.n_bits} bits"


@dataclass(frozen=True)
class VectorMethod(Method):
    """A function that turns pictures into vectors; without it after pickling (it may be a lambda).

    Attributes
    ----------
    function
        a list of RGB pictures -> array, n_pictures x n_dimensions.
    """

    function: Callable[[list[Image.Image]], Any] | None = field(
        default=None, compare=False, repr=False
    )

    unit: ClassVar[str] = "cosine"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "function": None}

    def unpack(self, packed: Iterable[bytes], n_views: int) -> np.ndarray:
        """Undo `pack` for many images."""
        parts = list(packed)
        n_bytes = len(parts[0]) if parts else 4 * n_views
        if n_bytes % (4 * n_views):
            raise ValueError(f"{n_bytes} bytes are not {n_views} vectors of 4-byte numbers")
        codes = np.frombuffer(_join_bytes(parts, n_bytes), np.float32)
        return codes.reshape(len(parts), n_views, n_bytes // (4 * n_views))

    def unpack_distances(self, packed: np.ndarray) -> np.ndarray:
        """Undo the conversion to 4 bytes."""
        return np.round(packed.astype(np.float64), 6)

    def size_of(self, code: np.ndarray) -> tuple[int, int]:
        """Return the count, and the bits of each."""
        return len(code), 32 * code.shape[-1]

    def describe(self, codes: np.ndarray) -> str:
        """Return the size of fingerprints in words."""
        return f"{codes.shape[-1]} dimensions"


@dataclass(frozen=True)
class TinyMethod(VectorMethod):
    """The pixels of a small picture, 32 x 32 x 3: its vector at the best of some shifts and zooms.

    Codes are uint8, n_images x n_views x 3072.
    """

    N_PIXELS: ClassVar[int] = 32 * 32 * 3

    def meaning(self, similarity: float) -> str:
        """Say in words what a similarity means."""
        return f"a cosine of {similarity / 100:g} or more"

    def unpack(self, packed: Iterable[bytes], n_views: int) -> np.ndarray:
        """Undo `pack` for many images."""
        codes = _join_bytes(packed, n_views * self.N_PIXELS)
        return np.frombuffer(codes, np.uint8).reshape(-1, n_views, self.N_PIXELS)

    def size_of(self, code: np.ndarray) -> tuple[int, int]:
        """Return the count, and the bits of each."""
        return len(code), 8 * self.N_PIXELS

    def describe(self, codes: np.ndarray) -> str:
        """Return the size of fingerprints in words."""
        return "32 x 32 pixels"


@dataclass(frozen=True)
class LocalMethod(Method):
    """Local features: points of a picture that are found again in another one.

    Attributes
    ----------
    measures
        what a similarity is the percent of, in words.
    """

    measures: str = "the overlap matches"

    unit: ClassVar[str] = "percent"
    fallback: ClassVar[str | None] = "phash"

    @property
    def whole(self) -> float:
        """The distance at which the similarity is 0."""
        return 100

    def meaning(self, similarity: float) -> str:
        """Say in words what a similarity means."""
        return f"{similarity:g} % of {self.measures}"

    def views(self, orientations: bool) -> int:
        """Return 1: local features need no other orientations."""
        return 1

    def gather(self, codes: Sequence[Any], n_views: int) -> np.ndarray:
        """Return the features of single images as `Fingerprints.codes`."""
        column = np.empty((len(codes), 1), dtype=object)
        column[:, 0] = codes
        return column

    def pack(self, code: np.ndarray) -> bytes:
        """Return the features of one image as bytes."""
        return code[0].to_bytes()

    def unpack(self, packed: Iterable[bytes], n_views: int) -> np.ndarray:
        """Undo `pack` for many images."""
        return self.gather(read_features_by(self, packed), n_views)

    def unpack_distances(self, packed: np.ndarray) -> np.ndarray:
        """Undo the conversion to 4 bytes."""
        return packed.astype(np.float64)

    def size_of(self, code: np.ndarray) -> tuple[int, int]:
        """Return the count, and the bits of each."""
        return len(code[0]), 64 * code[0].bits.shape[1]

    def describe(self, codes: np.ndarray) -> str:
        """Return the size of fingerprints in words."""
        return f"{sum(map(len, codes[:, 0])):,} local features"


def made_elsewhere(name: str) -> ValueError:
    """Return the error for a method whose fingerprints can only be brought in."""
    return ValueError(
        f"{name} fingerprints were made elsewhere: Fingerprints.from_bits and .from_vectors bring "
        "in those of other images"
    )


def known_method(name: str, bits: int = 0) -> Method | None:
    """Return the method of METHODS, or a hash made elsewhere of so many bits; None for others.

    Examples
    --------
    >>> known_method("pdq", 256).levels(99)
    array([100.      ,  99.609375,  99.21875 ])
    >>> known_method("clip") is None
    True
    """
    if name in METHODS:
        return METHODS[name]
    return HashMethod(name, n_bits=bits, function=None) if bits > 0 else None


def _join_bytes(packed: Iterable[bytes], n_bytes: int) -> bytes:
    """Join the bytes of several images, and refuse those of another length."""
    parts = list(packed)
    if set(map(len, parts)) - {n_bytes}:
        raise ValueError(f"not every fingerprint has {n_bytes} bytes")
    return b"".join(parts)


def pack_bits(bits: np.ndarray) -> np.ndarray:
    """Pack bool, ... x n_bits, into uint64, ... x ceil(n_bits / 64); zeros fill the last word.

    Examples
    --------
    >>> pack_bits(np.ones((3, 42), dtype=bool)).shape
    (3, 1)
    """
    n_bits = bits.shape[-1]
    filled = np.zeros((*bits.shape[:-1], -(-n_bits // 64) * 64), dtype=bool)
    filled[..., :n_bits] = bits
    return np.packbits(filled, axis=-1).view(np.uint64)


def unpack_bits(codes: np.ndarray, n_bits: int) -> np.ndarray:
    """Undo `pack_bits`."""
    words = np.ascontiguousarray(codes).view(np.uint8)
    return np.unpackbits(words, axis=-1)[..., :n_bits].astype(bool)


class MethodTable(Mapping[str, Method]):
    """The methods by name, in the order they are listed.

    Examples
    --------
    >>> list(dup.METHODS)
    ['phash', 'phash256', 'dhash', 'ahash', 'whash', 'colorhash', 'tiny', 'aligned', 'akaze']
    >>> dup.METHODS["phash"].meaning(90)
    'at most 6 of 64 bits'
    """

    def __init__(self, methods: Sequence[Method]) -> None:
        self._methods = {method.name: method for method in methods}

    def __getitem__(self, name: str) -> Method:
        return self._methods[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._methods)

    def __len__(self) -> int:
        return len(self._methods)

    @property
    def hashes(self) -> dict[str, HashMethod]:
        """The hash methods by name."""
        return {name: one for name, one in self.items() if isinstance(one, HashMethod)}

    def to_frame(self) -> pd.DataFrame:
        """Return one row per method.

        Columns: unit, bits, levels from 70 up, what 90 means, what it survives and misses, its
        cost.
        """
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


METHODS = MethodTable(
    [
        HashMethod(
            "phash",
            survives="size, format, compression, mild colour and blur",
            misses="crop, turn, overlay",
            cost="low",
            step=2,
        ),
        HashMethod(
            "phash256",
            survives="the same, told apart four times as finely",
            misses="crop, turn, overlay",
            cost="low",
            n_bits=256,
            step=2,
            hash_size=16,
        ),
        HashMethod(
            "dhash",
            survives="size, format, compression, brightness",
            misses="crop, turn, contrast in flat areas",
            cost="lowest",
            function=imagehash.dhash,
        ),
        HashMethod(
            "ahash",
            survives="size, format, compression, blur",
            misses="crop, turn; many unrelated images look alike",
            cost="lowest",
            function=imagehash.average_hash,
        ),
        HashMethod(
            "whash",
            survives="size, format, compression, blur",
            misses="crop, turn; many unrelated images look alike",
            cost="medium",
            step=2,
            function=imagehash.whash,
        ),
        HashMethod(
            "colorhash",
            survives="crop, turn, flip, size: it sees colours only",
            misses="what is in the picture",
            cost="low",
            n_bits=42,
            function=imagehash.colorhash,
            hash_size=None,
        ),
        TinyMethod(
            "tiny",
            survives="size, format, compression, brightness, small zooms, shifts of 2 in 16 or 32 "
            "pixels",
            misses="crop, turn, overlay; made for pictures of 16 to 96 pixels",
            cost="medium",
        ),
        LocalMethod(
            "aligned",
            survives="also crop, any turn, mirroring, overlay, collage",
            misses="pictures without texture",
            cost="high",
        ),
        LocalMethod(
            "akaze",
            survives="format, compression, turns by 90; sees small edits",
            misses="other sizes, crop, mirroring",
            cost="highest",
            measures="the features match",
        ),
    ]
)

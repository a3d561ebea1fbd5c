"""The `images` table -> fingerprints: a short code of each image, all in one compact array.

A method is an entry in `METHODS`. The hash methods use the same 64 x 64 sketch of an image. Their
bits are those that imagehash computes from that sketch. Two methods keep local features instead,
one the pixels of a tiny picture. A function of your own that turns images into vectors is a method
too.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from .embeddings import Embedding, embedding_method, unit_vectors
from .engine.checks import (
    check_choice,
    check_count,
    check_flag,
    check_images_table,
    check_list,
    check_percent,
    check_saved_file,
    count_of,
    shown,
)
from .engine.decode import UnreadableImage, no_decoder_warnings
from .engine.feature_file import keep_features
from .engine.features import Features, features_made_with, import_cv2, read_features
from .engine.pair_counts import count_bit_pairs, count_vector_pairs
from .engine.parallel import each, map_batches, stoppable
from .engine.reading import LOW_DETAIL
from .methods import (
    METHODS,
    HashMethod,
    LocalMethod,
    Method,
    VectorMethod,
    fingerprint_by,
    made_by,
    pack_bits,
    read_features_by,
)

HEX = re.compile("[0-9a-f]+")
LOCAL_BATCH = 4  # pictures take longer here


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """The fingerprints of a collection, made by `fingerprint_images`, or brought in.

    Attributes
    ----------
    images
        the rows of the `images` table that have a fingerprint, sorted by image.
    method
        how they were made.
    codes
        for bits: uint64, n_images x n_views x n_words; each hash is packed, and zeros fill its
        last word. For an embedding: float32, n_images x n_views x n_dimensions, each vector of
        length 1 (or 0). View 0 is the upright picture. For 'tiny': uint8, n_images x n_views x
        3072, pixels of 32 x 32 in colour. For local features: `features.Features`, n_images x 1.
    problems
        images that could be listed but not fingerprinted, and why.

    Examples
    --------
    >>> prints = dup.Fingerprints.from_bits(["a.jpg", "b.jpg"], [[True] * 64, [False] * 64])
    >>> prints
    <Fingerprints: 2 images, phash, 64 bits>
    >>> prints.to_frame().loc["a.jpg"].sum()
    np.int64(64)
    """

    images: pd.DataFrame
    method: Method
    codes: np.ndarray
    problems: pd.DataFrame

    @classmethod
    def from_hex(
        cls,
        names: Sequence[str],
        texts: Sequence[str],
        method: str | None = None,
        *,
        n_bits: int | None = None,
    ) -> Fingerprints:
        """Bring in hashes written as hexadecimal digits, as imagehash and PDQ print them.

        Parameters
        ----------
        names : n_images texts, each once
        texts : of each image; all of the same length
        method : see `from_bits`
        n_bits : if it is no multiple of 4, such as 42 for `colorhash`; None takes all digits

        Examples
        --------
        >>> dup.Fingerprints.from_hex(["a.jpg", "b.jpg"], ["f" * 64, "f" * 63 + "0"], "pdq")
        <Fingerprints: 2 images, pdq, 256 bits>
        """
        texts = _texts_of("texts", texts, ["ffd8a1c3e0b49687"])
        names = _texts_of("names", names, ["a.jpg", "b.jpg"])
        length = len(_digits_of(texts[0])) if texts else 0
        size = 4 * length if texts else n_bits or 64
        kept = size if n_bits is None else check_count("n_bits", n_bits)
        if not size - 4 < kept <= size:
            raise ValueError(f"n_bits must fit {length} digits: {size - 3} to {size}, not {kept}")
        codes = np.empty((len(texts), 1, -(-kept // 64)), np.uint64)
        for start in range(0, len(texts), PACKED_TOGETHER):
            some = slice(start, start + PACKED_TOGETHER)
            codes[some] = _pack_hex(texts[some], length, kept)
        known = _hash_of_bits(method, kept)
        if len(texts) != len(names) or (texts and known.bits != kept):
            raise ValueError(
                f"the bits must be {len(names)} x {known.bits} (names x bits of {known.name}), "
                f"not {len(texts)} x {kept}"
            )
        return cls._brought_in(names, known, codes)

    @classmethod
    def from_vectors(
        cls, names: Sequence[str], vectors: Any, name: str = "vectors"
    ) -> Fingerprints:
        """Bring in embeddings computed elsewhere; the similarity is 100 times their cosine.

        Parameters
        ----------
        names : n_images texts, each once
        vectors : array of numbers, n_images x n_dimensions; their lengths do not matter
        name : of the model, such as "clip"

        Raises
        ------
        ValueError
            if the shapes do not fit, a number is not finite, or a name comes twice.

        Examples
        --------
        >>> dup.Fingerprints.from_vectors(["a.jpg", "b.jpg"], [[3, 4], [0.6, 0.8]], "clip")
        <Fingerprints: 2 images, clip, 2 dimensions>
        """
        if not isinstance(name, str) or not name or name in METHODS:
            raise ValueError(f"name must be that of your model, such as 'clip', not {shown(name)}")
        names = check_list("names", names, ["a.jpg", "b.jpg"])
        array = _as_array("vectors", vectors)
        if array.dtype.kind not in "fiub":
            raise ValueError(f"vectors must be an array of numbers, not of {array.dtype}")
        if array.ndim != 2 or len(array) != len(names) or not array.shape[1]:
            shape = " x ".join(map(str, array.shape))
            raise ValueError(f"vectors must be {len(names)} x n_dimensions, not {shape}")
        numbers = array.astype(np.float64)
        if not np.isfinite(numbers).all():
            raise ValueError("vectors must be finite, and one has NaN or infinity")
        codes = unit_vectors(numbers).astype(np.float32)[:, None, :]
        return cls._brought_in(names, VectorMethod(name), codes)

    @classmethod
    def from_embeddings(
        cls,
        path: str | os.PathLike[str],
        names: Sequence[str] | None = None,
        name: str = "embeddings",
    ) -> Fingerprints:
        """Bring in embeddings from a file of numpy, such as "clip.npy".

        Parameters
        ----------
        path : of an .npy file that holds n_images x n_dimensions numbers
        names : n_images texts, each once; None numbers the rows as `scan_images` does ("000000")
        name : of the model, such as "clip"

        Raises
        ------
        ValueError, OSError
            as `from_vectors`; and if the file holds no array of numbers, or is not there.

        Examples
        --------
        >>> import tempfile
        >>> import numpy as np
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.save(f"{folder}/clip.npy", np.eye(2))
        ...     prints = dup.Fingerprints.from_embeddings(f"{folder}/clip.npy", name="clip")
        >>> prints, prints.names
        (<Fingerprints: 2 images, clip, 2 dimensions>, ['000000', '000001'])
        """
        path = check_saved_file("path", path, "clip.npy")
        try:
            array = np.load(path, allow_pickle=False)  # a pickle could run code
        except (ValueError, EOFError) as error:
            raise ValueError(f"{path!r} must be an .npy file of one array of numbers") from error
        if not isinstance(array, np.ndarray):
            raise ValueError(f"{path!r} must be an .npy file of one array, not .npz")
        numbered = [f"{row:06d}" for row in range(len(array) if array.ndim else 0)]
        return cls.from_vectors(numbered if names is None else names, array, name)

    @classmethod
    def _brought_in(cls, names: list[str], method: Method, codes: np.ndarray) -> Fingerprints:
        """Return fingerprints sorted by name, so that the answer does not depend on the order."""
        sorted_names = pd.Series(names, dtype=object)  # copied once: ten million take 80 MB
        if not all(one < other for one, other in pairwise(names)):
            order = sorted_names.argsort(kind="stable").to_numpy()
            sorted_names, codes = sorted_names.iloc[order].reset_index(drop=True), codes[order]
        if any(one == other for one, other in pairwise(sorted_names)):
            raise ValueError("names must be unique: an image has one fingerprint")
        images = pd.DataFrame({"image": sorted_names}, copy=False)
        return cls(images, method, codes, images.iloc[:0].assign(problem=""))

    @classmethod
    def from_bits(cls, names: Sequence[str], bits: Any, method: str | None = None) -> Fingerprints:
        """Bring in hashes computed elsewhere.

        Parameters
        ----------
        names : n_images texts, each once
        bits : bool array, n_images x n_bits; any number of bits
        method : one of METHODS, of as many bits, or the name of another hash, such as "pdq".
            None is "phash" for 64 bits, and "hash" for others.

        Examples
        --------
        >>> bits = [[True] * 64, [True] * 62 + [False] * 2]
        >>> dup.Fingerprints.from_bits(["a.jpg", "b.jpg"], bits)
        <Fingerprints: 2 images, phash, 64 bits>
        """
        names, array = (
            _texts_of("names", names, ["a.jpg", "b.jpg"]),
            _as_array("bits", bits, bool),
        )
        n_bits = array.shape[1] if array.ndim == 2 else 0
        known = _hash_of_bits(method, n_bits)
        if array.shape != (len(names), known.bits) and not (array.size == 0 and not names):
            raise ValueError(
                f"bits must be {len(names)} x {known.bits or 'n_bits'} (names x bits of "
                f"{known.name}), not {' x '.join(map(str, array.shape))}"
            )
        rows = array.reshape(len(names), 1, known.bits)
        codes = np.empty((len(rows), 1, -(-known.bits // 64)), np.uint64)
        for start in range(0, len(rows), PACKED_TOGETHER):
            some = slice(start, start + PACKED_TOGETHER)
            codes[some] = pack_bits(rows[some])
        return cls._brought_in(names, known, codes)

    @property
    def names(self) -> list[str]:
        """The images' names, in the order of `codes`."""
        return list(self.images.image)

    @property
    def n_views(self) -> int:
        """1, or 8 where flips and quarter turns are recognised."""
        return self.codes.shape[1]

    @property
    def low_detail(self) -> np.ndarray:
        """Bool, n_images: nearly blank pictures, whose fingerprints describe noise."""
        if "detail" not in self.images:
            return np.zeros(len(self), dtype=bool)
        return (self.images.detail < LOW_DETAIL).to_numpy()

    def to_frame(self) -> pd.DataFrame:
        """Return bits (bool) or numbers (float32) of the upright pictures, one row per image."""
        upright = self.codes[:, 0]
        values = self.method.components(upright)
        return pd.DataFrame(values, index=pd.Index(self.names, name="image", dtype=object))

    def count_pairs(self, min_similarity: float = 0.0) -> pd.DataFrame:
        """Count the pairs at each similarity, without listing them: also below a table's floor.

        Nearly blank images are left out.

        Parameters
        ----------
        min_similarity
            percent, inclusive: the lowest similarity that is counted.

        Returns
        -------
        pandas.DataFrame, one row per level, the highest first:
            similarity (percent; of vectors in steps of half a percent), pairs (from the level up to
            the next higher one), pairs_or_more (from the level up). `attrs["method"]` is the name
            of the method. `ThresholdExplorer(pairs, counts=...)` draws the counts.

        Raises
        ------
        ValueError
            for local features, which are compared by a vote.

        Notes
        -----
        Exact: every pair is compared. 200,000 hashes of 64 bits take some 10 seconds of processor.

        Examples
        --------
        >>> bits = [[True] * 64, [True] * 58 + [False] * 6, [True] * 52 + [False] * 12]
        >>> dup.Fingerprints.from_bits(["a", "b", "c"], bits, "dhash").count_pairs(90)
           similarity  pairs  pairs_or_more
        0    100.0000      0              0
        1     98.4375      0              0
        2     96.8750      0              0
        3     95.3125      0              0
        4     93.7500      0              0
        5     92.1875      0              0
        6     90.6250      2              2
        """
        floor, codes = check_percent("min_similarity", min_similarity), self.codes[~self.low_detail]
        levels = self.method.levels(floor)
        if isinstance(self.method, LocalMethod):
            raise ValueError(
                f"{self.method.name} compares only pictures that share something, so its pairs "
                "cannot be counted beforehand"
            )
        if isinstance(self.method, HashMethod):
            up_to = np.cumsum(count_bit_pairs(codes, self.method.bits))
            bits = np.array([self.method.max_distance(level) for level in levels], dtype=np.int64)
            totals = up_to[bits]
        else:
            limits = np.array([self.method.max_distance(level) for level in levels])
            totals = count_vector_pairs(codes, limits)
        counts = np.diff(totals, prepend=0)
        table = pd.DataFrame({"similarity": levels, "pairs": counts, "pairs_or_more": totals})
        table.attrs["method"] = self.method.name
        return table

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        size = self.method.describe(self.codes)
        views = f", {self.n_views} orientations" if self.n_views > 1 else ""
        lost = f", {len(self.problems)} unreadable" if len(self.problems) else ""
        flat = f", {self.low_detail.sum()} with too little detail" if self.low_detail.any() else ""
        start = f"<Fingerprints: {count_of(len(self), 'image')}, {self.method.name}, "
        return f"{start}{size}{views}{flat}{lost}>"


PACKED_TOGETHER = 2**16  # hashes brought in; their bits take eight times the memory of codes


def _texts_of(name: str, value: Any, example: list[str]) -> list[str]:
    """Return a list as it is, since a copy of ten million texts takes 80 MB, and others as one."""
    return value if isinstance(value, list) else check_list(name, value, example)


def _as_array(name: str, value: Any, dtype: type | None = None) -> np.ndarray:
    try:
        return np.asarray(value, dtype)
    except (ValueError, TypeError):
        raise ValueError(f"{name} must be an array with one row per name") from None


def _digits_of(text: str) -> str:
    return str(text).strip().lower().removeprefix("0x")


def _pack_hex(texts: Sequence[str], length: int, n_bits: int) -> np.ndarray:
    """Return hashes written as that many hexadecimal digits as codes, uint64, n x 1 x n_words."""
    digits = [_digits_of(text) for text in texts]
    bad = [text for text in digits if not HEX.fullmatch(text)]
    if bad:
        raise ValueError(f"texts must be hexadecimal digits, and {bad[0]!r} are none")
    others = {len(text) for text in digits} | {length}
    if len(others) > 1:
        raise ValueError(f"texts must have one length, not {min(others)} to {max(others)} digits")
    n_bytes = -(-length // 2)
    rows = np.frombuffer(
        b"".join(bytes.fromhex(text.zfill(2 * n_bytes)) for text in digits), np.uint8
    )
    bits = np.unpackbits(rows.reshape(len(digits), n_bytes), axis=1)
    return pack_bits(bits[:, None, max(0, bits.shape[1] - n_bits) :])  # zeros stand in front


def _hash_of_bits(name: str | None, n_bits: int) -> HashMethod:
    """Return the hash of METHODS that a name stands for, or one made elsewhere of that name."""
    if name is None:
        name = "phash" if n_bits in (0, 64) else "hash"
    if not isinstance(name, str) or name in METHODS:
        return METHODS.hashes[check_choice("method", name, METHODS.hashes)]
    near = get_close_matches(name, METHODS.hashes, n=1, cutoff=0.75)
    if not name or (near and METHODS[near[0]].bits == n_bits):  # a slip, not another hash
        check_choice("method", name, METHODS.hashes)
    return HashMethod(name, n_bits=n_bits, function=None)


def find_method(name: Any) -> Method:
    """Return the method of a name or of a function, or raise with the way out.

    Examples
    --------
    >>> find_method("sscd.onnx")
    Traceback (most recent call last):
    ...
    ValueError: method must be OnnxEmbedding('sscd.onnx') to use a model, and is the path of ...
    """
    if isinstance(name, str | os.PathLike) and str(name).endswith(".onnx"):
        raise ValueError(
            f"method must be OnnxEmbedding({str(name)!r}) to use a model, and is the path of its "
            "file"
        )
    if isinstance(name, Method):
        return name
    return (
        embedding_method(name) if callable(name) else METHODS[check_choice("method", name, METHODS)]
    )


@stoppable
def fingerprint_images(
    images: pd.DataFrame,
    method: str | Embedding | Method = "phash",
    *,
    orientations: bool = False,
    executor: Executor | None = None,
) -> Fingerprints:
    """Compute the fingerprint of every readable image of a table.

    Parameters
    ----------
    images
        a table made by `scan_images`, or some rows of it.
    method : {'phash', 'phash256', 'dhash', 'ahash', 'whash', 'colorhash', 'tiny', 'aligned',
    'akaze'} or a function
        a function takes a list of RGB images: upright, and both sides at least 256 pixels where
        the picture has them. It returns an array, n_images x n_dimensions. Similarity is then 100
        times the cosine. It is called with up to 32 images at a time, always from this thread.
    orientations
        also compute the seven other ways to turn and mirror each picture, so that flips and quarter
        turns are found. Local features do not need it: 'aligned' finds every turn and the mirror
        image, 'akaze' quarter turns.
    executor
        any `concurrent.futures.Executor`; None works in threads. An embedding is computed here in
        any case.

    Returns
    -------
    Fingerprints
        of the images without a problem; `.problems` lists those that became unreadable since the
        scan.

    Raises
    ------
    TypeError
        if `images` is not a table.
    ValueError
        if the method is unknown, an embedding returns something else than one finite vector per
        image, or a name comes twice.
    ImportError
        for 'aligned' and 'akaze' without the packages of `imgdup-nb[local]`.

    Notes
    -----
    A hash needs one decode per image, and none after a scan in this process: the last 61,000
    sketches are in memory, older ones in a temporary file of 4 kB an image. An executor gets only
    images without a sketch. A 64-bit hash takes 8 bytes, 64 with orientations. 'aligned' takes
    about 10 ms and 50 kB an image, 'akaze' several times that. Above 256 MB further features are
    in a temporary file.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> folder = tempfile.TemporaryDirectory()
    >>> Image.radial_gradient("L").save(f"{folder.name}/one.png")
    >>> images = dup.scan_images(folder.name)
    >>> dup.fingerprint_images(images, "dhash")
    <Fingerprints: 1 image, dhash, 64 bits>
    >>> folder.cleanup()
    """
    images = check_images_table("images", images, ("image", "path", "problem"))
    check_flag("orientations", orientations)
    twice = images.image[images.image.duplicated()]
    if len(twice):
        raise ValueError(
            f"images must name each image once, and {twice.iloc[0]!r} is there twice; scan several "
            ""
            ""
            "folders together, "
            "scan_images([one, other]), or compare them with each other, "
            "similar_pairs(prints_of_one, prints_of_other)"
        )
    good = images[images.problem == ""].sort_values("image", ignore_index=True)
    chosen = find_method(method)
    n_views = chosen.views(orientations)
    results = chosen.fingerprint(list(good.path), n_views=n_views, executor=executor)
    failed = np.array([isinstance(result, str) for result in results], dtype=bool)
    problems = good[failed].assign(
        problem=[result for result in results if isinstance(result, str)]
    )
    if failed.any():
        lost = count_of(failed.sum(), "image")
        warnings.warn(
            f"{lost} became unreadable since the scan; see fingerprints.problems", stacklevel=2
        )
    codes = [result for result in results if not isinstance(result, str)]
    return Fingerprints(
        good[~failed].reset_index(drop=True), chosen, chosen.gather(codes, n_views), problems
    )


# -- local features --------------------------------------------------------------------------------


@made_by.register
def _(_method: LocalMethod) -> str:
    return features_made_with()


@read_features_by.register
def _(_method: LocalMethod, packed: Iterable[bytes]) -> list[Any]:
    return keep_features(map(Features.from_bytes, packed))


@fingerprint_by.register
def _(
    method: LocalMethod, paths: Sequence[str], *, n_views: int, executor: Executor | None = None
) -> list[Features | str]:
    from .engine.jit import require_numba

    import_cv2()  # says what to install before any work begins
    require_numba(method.name)
    batch = partial(_read_features_batch, method=method.name)
    with no_decoder_warnings():
        described = map_batches(
            batch, paths, executor=executor, describe=method.name, size=LOCAL_BATCH
        )
        return keep_features(described)


def _read_features_batch(paths: Sequence[str], *, method: str) -> list[Features | str]:
    """Return the local features, or the problem, of each path.

    It can be pickled, so any executor can run it.
    """
    return each(partial(_describe_file, method=method), paths)


def _describe_file(path: str, *, method: str) -> Features | str:
    try:
        return read_features(path, method)
    except UnreadableImage as error:
        return str(error)

"""The `images` table -> fingerprints: what a method keeps of each image, in one compact array.

A method is an entry in `METHODS`. The hash methods look at the same 64 x 64 sketch of an image and are computed by imagehash,
so their bits are imagehash's bits of that sketch. Two methods keep local features instead. A function of your own that turns
images into vectors is a method too.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import imagehash
import numpy as np
import pandas as pd
from PIL import Image

from .checks import check_choice
from .decode import MAX_PIXELS, UnreadableImage, open_image, without_remarks
from .hashes import hash_sketches, sketch_mode, turn_views
from .images import LOW_DETAIL, describe_file
from .local.features import Features, import_cv2, read_features
from .methods import METHODS, Method
from .parallel import each, map_batches
from .sketches import SKETCH_SIDE, read_sketch
from .text import count_of

EMBED_SIDE = 256  # pixels; pictures given to an embedding keep at least this on both sides
EMBED_BATCH = 32
HASH_BATCH = 64  # sketches hashed together
LOCAL_BATCH = 4  # pictures take longer here
N_VIEWS = 8  # four quarter turns, plain and mirrored
RECIPE = 3  # one more whenever sketches or hashes change by as much as a bit, so that kept ones are made again

Embedding = Callable[[list[Image.Image]], Any]


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """The fingerprints of a collection, made by `fingerprint_images` or `from_bits`.

    Attributes
    ----------
    images
        the rows of the `images` table that have a fingerprint, sorted by image.
    method
        how they were made.
    codes
        for bits: uint64, n_images x n_views x n_words, each hash packed and filled up with zeros; for an embedding: float32,
        n_images x n_views x n_dimensions, each vector of length 1 (or 0). View 0 is the upright picture. For local features:
        `features.Features`, n_images x 1.
    problems
        images that could be listed but not fingerprinted, and why.
    """

    images: pd.DataFrame
    method: Method
    codes: np.ndarray
    problems: pd.DataFrame

    @classmethod
    def from_bits(cls, names: Sequence[str], bits: Any, method: str = "phash") -> Fingerprints:
        """Bring in hashes computed elsewhere.

        Parameters
        ----------
        names : n_images texts, each once
        bits : bool array, n_images x n_bits
        method : one of METHODS, of as many bits

        Examples
        --------
        >>> prints = Fingerprints.from_bits(["a.jpg", "b.jpg"], [[True] * 64, [True] * 62 + [False] * 2])
        >>> prints
        <Fingerprints: 2 images, phash, 64 bits>
        """
        known = METHODS[check_choice("method", method, [name for name in METHODS if METHODS[name].bits])]
        names, array = list(names), np.asarray(bits, dtype=bool)
        if array.shape != (len(names), known.bits) and not (array.size == 0 and not names):
            raise ValueError(
                f"bits must be {len(names)} x {known.bits} (names x bits of {method}), not {' x '.join(map(str, array.shape))}"
            )
        if len(set(names)) < len(names):
            raise ValueError("names must be unique: an image has one fingerprint")
        order = sorted(range(len(names)), key=lambda k: names[k])  # the answer does not depend on the order of rows
        images = pd.DataFrame({"image": pd.Series([names[k] for k in order], dtype=object)})
        codes = pack_bits(array.reshape(len(names), 1, known.bits)[order])
        return cls(images, known, codes, images.iloc[:0].assign(problem=""))

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
        """Return bits (bool) or vector components (float32) of the upright pictures, one row per image."""
        upright = self.codes[:, 0]
        values = unpack_bits(upright, self.method.bits) if self.method.bits else upright
        return pd.DataFrame(values, index=pd.Index(self.names, name="image", dtype=object))

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        size = f"{self.method.bits} bits" if self.method.bits else f"{self.codes.shape[-1]} dimensions"
        if self.method.unit == "percent":
            size = f"{sum(map(len, self.codes[:, 0])):,} local features"
        views = f", {self.n_views} orientations" if self.n_views > 1 else ""
        lost = f", {len(self.problems)} unreadable" if len(self.problems) else ""
        flat = f", {self.low_detail.sum()} with too little detail" if self.low_detail.any() else ""
        return f"<Fingerprints: {count_of(len(self), 'image')}, {self.method.name}, {size}{views}{flat}{lost}>"


def find_method(name: Any) -> Method:
    """Return the method of a name, or raise with the way out.

    Examples
    --------
    >>> find_method("sscd.onnx")
    Traceback (most recent call last):
    ...
    ValueError: method must be OnnxEmbedding('sscd.onnx') to use a model, and is the path of its file
    """
    if isinstance(name, str | os.PathLike) and str(name).endswith(".onnx"):
        raise ValueError(f"method must be OnnxEmbedding({str(name)!r}) to use a model, and is the path of its file")
    return METHODS[check_choice("method", name, METHODS)]


def fingerprint_images(
    images: pd.DataFrame,
    method: str | Embedding = "phash",
    *,
    orientations: bool = False,
    executor: Executor | None = None,
) -> Fingerprints:
    """Compute the fingerprint of every readable image of a table.

    Parameters
    ----------
    images
        a table made by `scan_images`, or some rows of it.
    method : {'phash', 'phash256', 'dhash', 'ahash', 'whash', 'colorhash', 'aligned', 'akaze'} or a function
        a function takes a list of RGB images (upright, both sides at least 256 pixels where the picture has them) and returns
        an array, n_images x n_dimensions; similarity is then 100 times the cosine. It is called with up to 32 images at a
        time, always from this thread.
    orientations
        also compute the seven other ways to turn and mirror each picture, so that flips and quarter turns are found.
        Local features do not need it: 'aligned' finds every turn and the mirror image, 'akaze' quarter turns.
    executor
        any `concurrent.futures.Executor`; None works in threads. An embedding is computed here in any case.

    Returns
    -------
    Fingerprints
        of the images without a problem; `.problems` lists those that became unreadable since the scan.

    Raises
    ------
    TypeError
        if `images` is not a table.
    ValueError
        if the method is unknown, an embedding returns something else than one finite vector per image, or a name comes twice.
    ImportError
        for 'aligned' and 'akaze' without the packages of `imgdup-nb[local]`.

    Notes
    -----
    The hashes need one decode per image, none where the sketch of the scan is still remembered, and keep 8 bytes a 64-bit hash,
    64 with orientations. 'aligned' takes about 10 ms and 50 kB an image, 'akaze' several times that.
    """
    if not isinstance(images, pd.DataFrame) or not {"image", "path", "problem"} <= set(images):
        raise TypeError(f"images must be a table made by scan_images(folder), not {type(images).__name__}")
    twice = images.image[images.image.duplicated()]
    if len(twice):
        raise ValueError(
            f"images must name each image once, and {twice.iloc[0]!r} is there twice; scan several folders together, "
            "scan_images([one, other]), or compare them with each other, similar_pairs(prints_of_one, prints_of_other)"
        )
    good = images[images.problem == ""].sort_values("image", ignore_index=True)
    n_views = N_VIEWS if orientations else 1
    if callable(method):
        chosen, results = _embed(good, method, n_views, executor)
    else:
        chosen = find_method(method)
        batch: partial[list[Any]] = partial(_hash_batch, method=chosen.name, n_views=n_views)
        size = HASH_BATCH
        if chosen.unit == "percent":
            import_cv2()  # says what to install before any work begins
            batch = partial(_describe_batch, method=chosen.name)
            size = LOCAL_BATCH
        with without_remarks():
            results = list(map_batches(batch, list(good.path), executor=executor, describe=chosen.name, size=size))
    failed = np.array([isinstance(result, str) for result in results], dtype=bool)
    problems = good[failed].assign(problem=[result for result in results if isinstance(result, str)])
    if failed.any():
        lost = count_of(failed.sum(), "image")
        warnings.warn(f"{lost} became unreadable since the scan; see fingerprints.problems", stacklevel=2)
    codes = [result for result in results if not isinstance(result, str)]
    return Fingerprints(good[~failed].reset_index(drop=True), chosen, _stack(codes, chosen, n_views), problems)


def _stack(codes: list[Any], method: Method, n_views: int) -> np.ndarray:
    if method.unit == "percent":
        column = np.empty((len(codes), 1), dtype=object)
        column[:, 0] = codes
        return column
    if codes:
        return np.stack(codes)
    if method.unit == "bits":
        return np.zeros((0, n_views, -(-method.bits // 64)), np.uint64)
    return np.zeros((0, n_views, 1), np.float32)


def made_with() -> str:
    """Say what the hashes made now are made with; those made with something else may differ in some bits."""
    return f"imagehash {imagehash.__version__}, recipe {RECIPE}"


# -- hashes -----------------------------------------------------------------------------------------------------------


def _hash_batch(paths: Sequence[str], *, method: str, n_views: int) -> list[np.ndarray | str]:
    """Return packed codes, n_views x n_words, or the problem, of each path; picklable, so any executor can run it."""
    results: list[np.ndarray | str] = [_sketch_or_problem(path, sketch_mode(method)) for path in paths]
    good = [place for place, result in enumerate(results) if not isinstance(result, str)]
    if good:
        codes = pack_bits(hash_sketches(np.stack([results[place] for place in good]), method, n_views))
        for place, code in zip(good, codes, strict=True):
            results[place] = code
    return results


def _sketch_or_problem(path: str, mode: str) -> np.ndarray | str:
    try:
        return read_sketch(path, mode)
    except UnreadableImage as error:
        return str(error)


@dataclass(frozen=True)
class Reading:
    """All that one look at a file gives, made by `read_batch`.

    Attributes
    ----------
    row
        a row of the `images` table as a dict; `modified` in nanoseconds since 1970, `problem` not empty if it failed.
    codes
        of each method, uint64, n_views x n_words; empty where there is a problem.
    """

    row: dict[str, Any]
    codes: dict[str, np.ndarray]


def read_batch(
    files: Sequence[tuple[str, str]],
    *,
    methods: Sequence[str] = ("phash",),
    orientations: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> list[Reading]:
    """Read each file once for everything: table row with detail, and the codes of several hash methods.

    The codes and the row are those of `scan_images` and `fingerprint_images`. With `functools.partial` it is a function for
    `map_batches`; picklable, so any executor can run it. Only `colorhash` needs a second decode, in colour.

    Parameters
    ----------
    files : (image name, path) of each
    methods : names of hash methods
    orientations : 8 views instead of 1
    max_pixels : see `scan_images`
    """
    modes = sorted({"L", *map(sketch_mode, methods)})
    read = [_read_file(image, path, modes, max_pixels) for image, path in files]
    stacks = {mode: _stack_sketches([sketches[mode] for _, sketches in read if sketches]) for mode in modes}
    n_views = N_VIEWS if orientations else 1
    codes = {method: iter(pack_bits(hash_sketches(stacks[sketch_mode(method)], method, n_views))) for method in methods}
    return [Reading(row, {method: next(codes[method]) for method in methods} if sketches else {}) for row, sketches in read]


def _read_file(image: str, path: str, modes: list[str], max_pixels: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return a file's row and its sketch in each mode; no sketches, and the row's problem, if one cannot be had."""
    row, sketch = describe_file(image, path, max_pixels=max_pixels)
    if sketch is None:
        return row, {}
    try:
        return row, {mode: sketch if mode == "L" else read_sketch(path, mode) for mode in modes}
    except UnreadableImage as error:  # it vanished in between
        return {**row, "problem": str(error)}, {}


def _stack_sketches(made: list[np.ndarray]) -> np.ndarray:
    return np.stack(made) if made else np.zeros((0, SKETCH_SIDE, SKETCH_SIDE), np.uint8)


def pack_bits(bits: np.ndarray) -> np.ndarray:
    """Pack bool, ... x n_bits, into uint64, ... x ceil(n_bits / 64), the last word filled up with zeros.

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
    return np.unpackbits(np.ascontiguousarray(codes).view(np.uint8), axis=-1)[..., :n_bits].astype(bool)


# -- local features ---------------------------------------------------------------------------------------------------


def _describe_batch(paths: Sequence[str], *, method: str) -> list[Features | str]:
    """Return the local features, or the problem, of each path; picklable, so any executor can run it."""
    return each(partial(_describe_file, method=method), paths)


def _describe_file(path: str, *, method: str) -> Features | str:
    try:
        return read_features(path, method)
    except UnreadableImage as error:
        return str(error)


# -- embeddings -------------------------------------------------------------------------------------------------------


def _embed(
    images: pd.DataFrame, function: Embedding, n_views: int, executor: Executor | None
) -> tuple[Method, list[np.ndarray | str]]:
    """Decode in parallel, embed here: models are seldom safe to call from several threads."""
    name = getattr(function, "__name__", type(function).__name__)
    method = Method(name, "cosine", 0, 0, "as your function does", "as your function does", "your function's", function)
    decoded = map_batches(partial(each, _open_for_embedding), list(images.path), executor=executor, describe=name)
    results: list[np.ndarray | str] = []
    waiting: list[Image.Image] = []
    places: list[int] = []
    for place, picture in enumerate(decoded):
        results.append(picture if isinstance(picture, str) else "")
        if not isinstance(picture, str):
            waiting.append(picture)
            places.append(place)
        if len(waiting) * n_views >= EMBED_BATCH or (place == len(images) - 1 and waiting):
            for where, vectors in zip(places, _vectors(function, waiting, n_views), strict=True):
                results[where] = vectors
            waiting, places = [], []
    if len({vectors.shape for vectors in results if not isinstance(vectors, str)}) > 1:
        raise ValueError(f"method {name} must return vectors of one length for all images")
    return method, results


def _open_for_embedding(path: str) -> Image.Image | str:
    try:
        return open_image(path, min_side=EMBED_SIDE)
    except UnreadableImage as error:
        return str(error)


def _vectors(function: Embedding, pictures: list[Image.Image], n_views: int) -> np.ndarray:
    """Return float32 unit vectors, n_pictures x n_views x n_dimensions."""
    views = [Image.fromarray(view) for picture in pictures for view in turn_views(np.asarray(picture))[:n_views]]
    wanted = f"method must return one finite vector per image, {len(views)} x n_dimensions, not"
    returned = function(views)
    try:
        vectors = np.asarray(returned)
        if np.iscomplexobj(vectors):
            raise TypeError("its numbers are complex")
        vectors = vectors.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{wanted} {type(returned).__name__} ({error})") from error
    if vectors.ndim != 2 or len(vectors) != len(views) or not vectors.size:
        raise ValueError(f"{wanted} {' x '.join(map(str, vectors.shape)) or type(returned).__name__}")
    if not np.isfinite(vectors).all():
        raise ValueError(f"{wanted} {' x '.join(map(str, vectors.shape))} with NaN or infinity")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(lengths > 0, lengths, 1)
    return unit.reshape(len(pictures), n_views, -1).astype(np.float32)

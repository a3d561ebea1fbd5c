"""The `images` table -> fingerprints: a short code of each image, all in one compact array.

A method is an entry in `METHODS`. The hash methods use the same 64 x 64 sketch of an image. Their
bits are those that imagehash computes from that sketch. Two methods keep local features instead. A
function of your own that turns images into vectors is a method too.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from .embeddings import Embedding, embedding_method
from .engine.checks import check_choice, check_images_table, check_list, count_of
from .engine.decode import UnreadableImage, no_decoder_warnings
from .engine.features import Features, features_made_with, import_cv2, read_features
from .engine.parallel import each, map_batches
from .engine.reading import LOW_DETAIL
from .methods import (
    METHODS,
    LocalMethod,
    Method,
    fingerprint_by,
    made_by,
    pack_bits,
    read_features_by,
)

LOCAL_BATCH = 4  # pictures take longer here


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
        for bits: uint64, n_images x n_views x n_words; each hash is packed, and zeros fill its
        last word. For an embedding: float32, n_images x n_views x n_dimensions, each vector of
        length 1 (or 0). View 0 is the upright picture. For local features: `features.Features`,
        n_images x 1.
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
    def from_bits(cls, names: Sequence[str], bits: Any, method: str = "phash") -> Fingerprints:
        """Bring in hashes computed elsewhere.

        Parameters
        ----------
        names : n_images texts, each once
        bits : bool array, n_images x n_bits
        method : one of METHODS, of as many bits

        Examples
        --------
        >>> bits = [[True] * 64, [True] * 62 + [False] * 2]
        >>> dup.Fingerprints.from_bits(["a.jpg", "b.jpg"], bits)
        <Fingerprints: 2 images, phash, 64 bits>
        """
        known = METHODS.hashes[check_choice("method", method, METHODS.hashes)]
        names, array = check_list("names", names, ["a.jpg", "b.jpg"]), np.asarray(bits, dtype=bool)
        if array.shape != (len(names), known.bits) and not (array.size == 0 and not names):
            raise ValueError(
                f"bits must be {len(names)} x {known.bits} (names x bits of {method}), not "
                f"{' x '.join(map(str, array.shape))}"
            )
        if len(set(names)) < len(names):
            raise ValueError("names must be unique: an image has one fingerprint")
        order = sorted(
            range(len(names)), key=lambda k: names[k]
        )  # the answer does not depend on the order of rows
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
        """Return bits (bool) or numbers (float32) of the upright pictures, one row per image."""
        upright = self.codes[:, 0]
        values = self.method.components(upright)
        return pd.DataFrame(values, index=pd.Index(self.names, name="image", dtype=object))

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        size = self.method.describe(self.codes)
        views = f", {self.n_views} orientations" if self.n_views > 1 else ""
        lost = f", {len(self.problems)} unreadable" if len(self.problems) else ""
        flat = f", {self.low_detail.sum()} with too little detail" if self.low_detail.any() else ""
        start = f"<Fingerprints: {count_of(len(self), 'image')}, {self.method.name}, "
        return f"{start}{size}{views}{flat}{lost}>"


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
    method : {'phash', 'phash256', 'dhash', 'ahash', 'whash', 'colorhash', 'aligned', 'akaze'} or a
    function
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
    A hash needs one decode per image, and none where the sketch of the scan is still in memory. A
    64-bit hash takes 8 bytes, 64 with orientations. 'aligned' takes about 10 ms and 50 kB an image,
    'akaze' several times that.

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
def _(_method: LocalMethod, packed: bytes) -> Features:
    return Features.from_bytes(packed)


@fingerprint_by.register
def _(
    method: LocalMethod, paths: Sequence[str], *, n_views: int, executor: Executor | None = None
) -> list[Features | str]:
    import_cv2()  # says what to install before any work begins
    batch = partial(_read_features_batch, method=method.name)
    with no_decoder_warnings():
        described = map_batches(
            batch, paths, executor=executor, describe=method.name, size=LOCAL_BATCH
        )
        return list(described)


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

"""Fingerprints -> how similar any two images are: the matrix for a few, the pair table for many."""

from __future__ import annotations

import hashlib
from functools import lru_cache, partial

import numpy as np
import pandas as pd

from .checks import check_percent
from .decode import UnreadableImage, open_image
from .fingerprints import Fingerprints
from .parallel import each, map_batches
from .search import all_distances, find_pairs

RELATIONS = ["same bytes", "same pixels", "near"]
MAX_MATRIX = 10_000  # images; 800 MB
MAYBE_SAME_PIXELS = 90.0  # percent; equal pictures of different formats may differ in a bit or two, not in ten


def similarity_matrix(fingerprints: Fingerprints) -> pd.DataFrame:
    """Compare every image with every other.

    Returns
    -------
    pandas.DataFrame, n_images x n_images
        percent, symmetric, 100 on the diagonal; rows and columns named by image. Images with too little detail are in it.

    Raises
    ------
    ValueError
        for more than 10,000 images: `similar_pairs` keeps only what is similar.

    Notes
    -----
    8 n_images**2 bytes: 8 MB for 1,000 images, 800 MB for 10,000.

    Examples
    --------
    >>> prints = Fingerprints.from_bits(["a", "b"], [[True] * 64, [True] * 58 + [False] * 6])
    >>> similarity_matrix(prints)
               a        b
    a  100.000   90.625
    b   90.625  100.000
    """
    n = len(fingerprints)
    if n > MAX_MATRIX:
        raise ValueError(
            f"a matrix of {n:,} images would need {8 * n * n / 1e9:,.1f} GB; similar_pairs(fingerprints) keeps what is similar"
        )
    names = pd.Index(fingerprints.names, dtype=object)
    values = fingerprints.method.similarity(all_distances(fingerprints.codes))
    np.fill_diagonal(values, 100.0)
    return pd.DataFrame(values, index=names, columns=names)


def similar_pairs(
    fingerprints: Fingerprints,
    others: Fingerprints | None = None,
    *,
    min_similarity: float = 70.0,
    include_low_detail: bool = False,
) -> pd.DataFrame:
    """Find all pairs of images at or above a similarity.

    Parameters
    ----------
    fingerprints
        made by `fingerprint_images`.
    others
        a second collection, fingerprinted in the same way: then only pairs between the two are found, `left` from the first.
    min_similarity
        percent, inclusive: the floor of the table. Groups can be made at any threshold from here up.
    include_low_detail
        also compare nearly blank images, whose fingerprints describe noise. By default they are in pairs only with files of the
        same bytes or pixels.

    Returns
    -------
    pandas.DataFrame, one row per unordered pair, most similar first, then by name:
        left, right (image names, left before right; categories: all images), distance (in the method's unit), similarity
        (percent), relation ("same bytes" by SHA-256, "same pixels" as shown, "near").
        `attrs`: method, unit, bits, floor, n_images, low_detail (images kept out of near pairs).

    Raises
    ------
    ValueError
        when more than 50 million pairs are found.

    Notes
    -----
    Exact: the very pairs a double loop finds. Pixels are compared by decoding, only for pairs from 90 percent up whose pictures
    have the same size.

    Examples
    --------
    >>> prints = Fingerprints.from_bits(["a", "b", "c"], [[True] * 64, [True] * 58 + [False] * 6, [False] * 64])
    >>> similar_pairs(prints)
      left right  distance  similarity relation
    0    a     b         6      90.625     near
    """
    floor = check_percent("min_similarity", min_similarity)
    if not isinstance(fingerprints, Fingerprints):
        raise TypeError(f"fingerprints must come from fingerprint_images(images), not {type(fingerprints).__name__}")
    method, right = fingerprints.method, fingerprints if others is None else others
    codes = None if others is None else others.codes
    rows, columns, distances = find_pairs(fingerprints.codes, method.max_distance(floor), others=codes)
    relation = _relate(fingerprints, right, rows, columns, method.similarity(distances))
    low_detail = 0
    if not include_low_detail:
        flat, flat_right = fingerprints.low_detail, right.low_detail
        low_detail = int(flat.sum() + (flat_right.sum() if others is not None else 0))
        kept = ~(flat[rows] | flat_right[columns]) | (relation < RELATIONS.index("near"))
        rows, columns, distances, relation = rows[kept], columns[kept], distances[kept], relation[kept]
    return pair_table(fingerprints, others, rows, columns, distances, relation, floor=floor, low_detail=low_detail)


def pair_table(
    fingerprints: Fingerprints,
    others: Fingerprints | None,
    rows: np.ndarray,
    columns: np.ndarray,
    distances: np.ndarray,
    relation: np.ndarray,
    *,
    floor: float,
    low_detail: int,
) -> pd.DataFrame:
    """Return pairs in the form and order that `similar_pairs` documents; `relation` by its place in RELATIONS."""
    method, right = fingerprints.method, fingerprints if others is None else others
    order = np.lexsort((columns, rows, distances))
    pairs = pd.DataFrame(
        {
            "left": pd.Categorical.from_codes(rows[order], pd.Index(fingerprints.names, dtype=object)),
            "right": pd.Categorical.from_codes(columns[order], pd.Index(right.names, dtype=object)),
            "distance": distances[order].astype(np.int64 if method.bits else np.float64),
            "similarity": method.similarity(distances[order]),
            "relation": pd.Categorical.from_codes(relation[order], RELATIONS),
        }
    )
    pairs.attrs = {
        "method": method.name,
        "unit": method.unit,
        "bits": method.bits,
        "floor": floor,
        "n_images": len(fingerprints) + (0 if others is None else len(others)),
        "low_detail": low_detail,
    }
    return pairs


def _relate(
    left: Fingerprints, right: Fingerprints, rows: np.ndarray, columns: np.ndarray, similarity: np.ndarray
) -> np.ndarray:
    """Return the place in RELATIONS of each pair."""
    relation = np.full(len(rows), RELATIONS.index("near"), dtype=np.int8)
    needed = {"path", "sha256", "width", "height"}
    if not (needed <= set(left.images) and needed <= set(right.images)):  # hashes computed elsewhere
        return relation
    one, other = left.images, right.images
    digest, other_digest = one.sha256.to_numpy()[rows], other.sha256.to_numpy()[columns]
    relation[(digest == other_digest) & (digest != "")] = RELATIONS.index("same bytes")
    same_size = np.all([one[side].to_numpy()[rows] == other[side].to_numpy()[columns] for side in ("width", "height")], axis=0)
    maybe = np.flatnonzero(same_size & (similarity >= MAYBE_SAME_PIXELS) & (relation == RELATIONS.index("near")))
    stamps = [(one.path[k], one.sha256[k]) for k in rows[maybe]], [(other.path[k], other.sha256[k]) for k in columns[maybe]]
    wanted = sorted({*stamps[0], *stamps[1]})
    pixels = dict(zip(wanted, map_batches(partial(each, _pixel_digest), wanted, describe="compare pixels"), strict=True))
    same = [pixels[a] == pixels[b] != "" for a, b in zip(*stamps, strict=True)]
    relation[maybe[np.array(same, dtype=bool)]] = RELATIONS.index("same pixels")
    return relation


@lru_cache(maxsize=100_000)
def _pixel_digest(stamp: tuple[str, str]) -> str:
    """Return the SHA-256 of a picture's size and pixels as shown, empty where it cannot be read any more."""
    path, _contents = stamp
    try:
        picture = open_image(path)
    except UnreadableImage:
        return ""
    return hashlib.sha256(repr(picture.size).encode() + picture.tobytes()).hexdigest()

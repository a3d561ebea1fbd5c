"""Fingerprints -> how similar any two images are: the matrix for a few, the pair table for many."""

from __future__ import annotations

import hashlib
from concurrent.futures import Executor
from functools import lru_cache, partial

import numpy as np
import pandas as pd

from .checks import check_percent
from .decode import UnreadableImage, open_image
from .fingerprints import Fingerprints
from .local import find_local_pairs
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
        for local features, and for more than 10,000 images: `similar_pairs` keeps only what is similar.

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
    if fingerprints.method.unit == "percent":
        raise ValueError(
            f"{fingerprints.method.name} compares only pictures that share something; similar_pairs(fingerprints) lists them"
        )
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
    *,
    min_similarity: float = 70.0,
    include_low_detail: bool = False,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Find all pairs of images at or above a similarity.

    Parameters
    ----------
    fingerprints
        made by `fingerprint_images`.
    min_similarity
        percent, inclusive: the floor of the table. Groups can be made at any threshold from here up.
    include_low_detail
        also compare nearly blank images, whose fingerprints describe noise. By default they are in pairs only with files of the
        same bytes or pixels.
    executor
        any `concurrent.futures.Executor`, on which local features are aligned; None works in threads.

    Returns
    -------
    pandas.DataFrame, one row per unordered pair, most similar first, then by name:
        left, right (image names, left before right; categories: all images), distance (in the method's unit), similarity
        (percent), relation ("same bytes" by SHA-256, "same pixels" as shown, "near").
        Of 'aligned' fingerprints also: overlap_left, overlap_right (percent of each picture that both show), rotation
        (degrees by which left is turned counter-clockwise to lie on right), scale (of lengths), mirrored, matches (features
        that carry the transform) and scored_by ("aligned", or "phash" where a picture has too little texture to be aligned).
        'akaze' adds matches and scored_by.
        `attrs`: method, unit, bits, floor, n_images, low_detail (images kept out of near pairs).

    Raises
    ------
    ValueError
        when more than 50 million pairs are found.

    Notes
    -----
    Exact: the very pairs a double loop finds, but for local features, which are first searched by a vote: of their pairs a few
    in a thousand may be missed (see `candidates`). Pixels are compared by decoding, only for pairs from 90 percent up whose
    pictures have the same size.

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
    method = fingerprints.method
    details = pd.DataFrame()
    if method.unit == "percent":
        rows, columns, details = find_local_pairs(fingerprints, floor, executor)
        distances = 100.0 - details.similarity.to_numpy()
        details = details.drop(columns="similarity")
        details = details[["matches", "scored_by"]] if method.name == "akaze" else details
    else:
        rows, columns, distances = find_pairs(fingerprints.codes, method.max_distance(floor))
    relation = _relate(fingerprints, rows, columns, method.similarity(distances))
    if not include_low_detail:
        flat = fingerprints.low_detail
        kept = ~(flat[rows] | flat[columns]) | (relation < RELATIONS.index("near"))
        rows, columns, distances, relation = rows[kept], columns[kept], distances[kept], relation[kept]
        details = details[kept] if len(details.columns) else details
    order = np.lexsort((columns, rows, distances))
    names = pd.Index(fingerprints.names, dtype=object)
    pairs = pd.DataFrame(
        {
            "left": pd.Categorical.from_codes(rows[order], names),
            "right": pd.Categorical.from_codes(columns[order], names),
            "distance": distances[order].astype(np.int64 if method.bits else np.float64),
            "similarity": method.similarity(distances[order]),
            "relation": pd.Categorical.from_codes(relation[order], RELATIONS),
        }
    ).assign(**{name: details[name].to_numpy()[order] for name in details})
    pairs.attrs = {
        "method": method.name,
        "unit": method.unit,
        "bits": method.bits,
        "floor": floor,
        "n_images": len(fingerprints),
        "low_detail": 0 if include_low_detail else int(fingerprints.low_detail.sum()),
    }
    return pairs


def _relate(fingerprints: Fingerprints, rows: np.ndarray, columns: np.ndarray, similarity: np.ndarray) -> np.ndarray:
    """Return the place in RELATIONS of each pair."""
    images = fingerprints.images
    relation = np.full(len(rows), RELATIONS.index("near"), dtype=np.int8)
    if not {"path", "sha256", "width", "height"} <= set(images):  # hashes computed elsewhere
        return relation
    digest = images.sha256.to_numpy()
    relation[(digest[rows] == digest[columns]) & (digest[rows] != "")] = RELATIONS.index("same bytes")
    width, height = images.width.to_numpy(), images.height.to_numpy()
    same_size = (width[rows] == width[columns]) & (height[rows] == height[columns])
    maybe = np.flatnonzero(same_size & (similarity >= MAYBE_SAME_PIXELS) & (relation == RELATIONS.index("near")))
    wanted = np.unique([rows[maybe], columns[maybe]])
    stamps = [(images.path[k], images.sha256[k]) for k in wanted]
    pixels = dict(zip(wanted, map_batches(partial(each, _pixel_digest), stamps, describe="compare pixels"), strict=True))
    same = [pixels[rows[k]] == pixels[columns[k]] != "" for k in maybe]
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

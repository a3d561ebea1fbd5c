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
from .local.scores import find_local_pairs
from .parallel import each, map_batches
from .search import MAX_PAIRS, TOO_MANY, Found, all_distances, find_pairs

RELATIONS = ["same bytes", "same pixels", "near"]
MAX_MATRIX = 10_000  # images; 800 MB
MAX_ALIKE = 1000  # images of one fingerprint; all pairs of so many are half a million
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
    others: Fingerprints | None = None,
    *,
    min_similarity: float = 70.0,
    include_low_detail: bool = False,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Find all pairs of images at or above a similarity: within one collection, or between two.

    Parameters
    ----------
    fingerprints
        made by `fingerprint_images`.
    others
        fingerprints of a second collection, by the same method: each pair then has its left image in the first collection and
        its right one in the second, and images of one collection are not compared with each other.
    min_similarity
        percent, inclusive: the floor of the table. Groups can be made at any threshold from here up.
    include_low_detail
        also compare nearly blank images, whose fingerprints describe noise. By default they are in pairs only with files of the
        same bytes or pixels.
    executor
        any `concurrent.futures.Executor`, for search, alignment and comparing pixels; None works in threads.

    Returns
    -------
    pandas.DataFrame, one row per unordered pair, most similar first, then by name:
        left, right (image names, left before right; categories: all images), distance (in the method's unit), similarity
        (percent), relation ("same bytes" by SHA-256, "same pixels" as shown, "near").
        Of 'aligned' fingerprints also: overlap_left, overlap_right (percent of each picture that both show), rotation
        (degrees by which left is turned counter-clockwise to lie on right), scale (of lengths), mirrored, matches (features
        that carry the transform), apart (by how much what agrees lies apart, the median, in pixels of some 160 x 120: below
        0.15 in a copy, from 0.22 on in another shot of one scene) and scored_by ("aligned", or "phash" where a picture has too
        little texture to be aligned).
        'akaze' adds matches and scored_by.
        `attrs`: method, unit, bits, floor, n_images, low_detail (images kept out of near pairs); sides (2) for two collections;
        alike, where there are more than 1,000 images of one fingerprint: for each such set the names, the original first. Of
        their pairs only those with the original are rows, and so are only the original's pairs with other such images;
        `group_duplicates` and `sweep_thresholds` give what they would give for all.

    Raises
    ------
    ValueError
        when more than 50 million pairs are found, or two collections have different methods or orientations.

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
    >>> similar_pairs(prints, Fingerprints.from_bits(["c", "d"], [[False] * 64, [True] * 64]))
      left right  distance  similarity relation
    0    a     d         0     100.000     near
    1    c     c         0     100.000     near
    2    b     d         6      90.625     near
    """
    floor = check_percent("min_similarity", min_similarity)
    _check_fingerprints(fingerprints, others)
    lefts, rights = fingerprints, fingerprints if others is None else others
    alike: list[list[int]] = []
    details = pd.DataFrame()
    if lefts.method.unit == "percent":
        rows, columns, distances, details = _find_local(lefts, floor, executor)
    elif others is None:
        alike = _alike_images(lefts, include_low_detail, executor)
        rows, columns, distances = _find_unfolded(lefts.codes, lefts.method.max_distance(floor), alike, executor)
    else:
        reach = lefts.method.max_distance(floor)
        rows, columns, distances = find_pairs(lefts.codes, reach, others=rights.codes, executor=executor)
    relation = relate(lefts.images, rights.images, rows, columns, lefts.method.similarity(distances), executor)
    if not include_low_detail:
        kept = ~(lefts.low_detail[rows] | rights.low_detail[columns]) | (relation < RELATIONS.index("near"))
        rows, columns, distances, relation = rows[kept], columns[kept], distances[kept], relation[kept]
        details = details[kept] if len(details.columns) else details
    pairs = pair_table(lefts, others, rows, columns, distances, relation, floor=floor, details=details)
    if include_low_detail:
        pairs.attrs["low_detail"] = 0
    if alike:
        names = lefts.names
        pairs.attrs["alike"] = SharedList([names[k] for k in some] for some in alike)
    return pairs


def _find_local(
    prints: Fingerprints, floor: float, executor: Executor | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, pd.DataFrame]:
    """Return rows, columns and distances of pairs by local features, and what else is known of each."""
    rows, columns, details = find_local_pairs(prints, floor, executor)
    distances = 100.0 - details.pop("similarity").to_numpy()
    return rows, columns, distances, details[["matches", "scored_by"]] if prints.method.name == "akaze" else details


def pair_table(
    lefts: Fingerprints,
    others: Fingerprints | None,
    rows: np.ndarray,
    columns: np.ndarray,
    distances: np.ndarray,
    relation: np.ndarray,
    *,
    floor: float,
    details: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return pairs, which come in lexical order, as the table of `similar_pairs`.

    `relation` is the place in RELATIONS; `details` are further columns.
    """
    method, rights = lefts.method, lefts if others is None else others
    order = np.argsort(distances, kind="stable")
    pairs = pd.DataFrame(
        {
            "left": pd.Categorical.from_codes(rows[order], pd.Index(lefts.names, dtype=object)),
            "right": pd.Categorical.from_codes(columns[order], pd.Index(rights.names, dtype=object)),
            "distance": distances[order].astype(np.int64 if method.bits else np.float64),
            "similarity": method.similarity(distances[order]),
            "relation": pd.Categorical.from_codes(relation[order], RELATIONS),
        }
    )
    if details is not None:
        for name in details:
            pairs[name] = details[name].to_numpy()[order]
    both = [lefts] if others is None else [lefts, rights]
    pairs.attrs = {
        "method": method.name,
        "unit": method.unit,
        "bits": method.bits,
        "floor": floor,
        "n_images": sum(map(len, both)),
        "low_detail": sum(int(side.low_detail.sum()) for side in both),
    }
    if others is not None:
        pairs.attrs["sides"] = 2
    return pairs


def _check_fingerprints(fingerprints: Fingerprints, others: Fingerprints | None) -> None:
    if not isinstance(fingerprints, Fingerprints):
        raise TypeError(f"fingerprints must come from fingerprint_images(images), not {type(fingerprints).__name__}")
    if others is None:
        return
    if not isinstance(others, Fingerprints):
        raise TypeError(f"others must come from fingerprint_images(images), not {type(others).__name__}")
    if fingerprints.method.unit == "percent":
        raise ValueError(
            f"{fingerprints.method.name} compares the images of one collection; scan both folders together: "
            "scan_images([one, other])"
        )
    same_length = fingerprints.codes.shape[2] == others.codes.shape[2] or not len(others) or not len(fingerprints)
    if fingerprints.method.name != others.method.name or not same_length:
        raise ValueError(
            f"both collections must be fingerprinted by one method, and these are by {fingerprints.method.name} and "
            f"{others.method.name}; make one of them again with fingerprint_images(images, method=...)"
        )
    if fingerprints.n_views != others.n_views:
        raise ValueError(
            f"both collections must have the same orientations, and these have {fingerprints.n_views} and {others.n_views}; "
            "make one of them again with fingerprint_images(images, orientations=...)"
        )


# -- many images of one fingerprint -----------------------------------------------------------------------------------


class SharedList(list):
    """A list that pandas need not copy with every table that is made from a table."""

    def __deepcopy__(self, _memo: object) -> SharedList:
        return self


def may_be_original(name: str) -> tuple[str, str]:
    """Sort key: `cat.jpg` before `cat (1).jpg` and `cat copy.jpg`, which plain text order turns round."""
    folder_and_stem, dot, suffix = name.rpartition(".")
    return (folder_and_stem, suffix) if dot and "/" not in suffix else (name, "")


def _alike_images(fingerprints: Fingerprints, include_low_detail: bool, executor: Executor | None) -> list[list[int]]:
    """Return the places of each set of more than MAX_ALIKE images that cannot be told apart, the original first."""
    if len(fingerprints) <= MAX_ALIKE:
        return []
    codes = np.ascontiguousarray(fingerprints.codes).reshape(len(fingerprints), -1)
    _, same_code = np.unique(codes.view(np.dtype((np.void, codes.strides[0]))).ravel(), return_inverse=True)
    names, flat = fingerprints.names, fingerprints.low_detail
    found = []
    for label in np.flatnonzero(np.bincount(same_code) > MAX_ALIKE):
        places = np.flatnonzero(same_code == label)
        apart = [places[~flat[places]], *_same_pixels(fingerprints.images, places[flat[places]], executor)]
        for some in [places] if include_low_detail else apart:
            if len(some) > MAX_ALIKE:
                found.append(sorted(some.tolist(), key=lambda place: (may_be_original(names[place]), place)))
    return found


def _same_pixels(images: pd.DataFrame, places: np.ndarray, executor: Executor | None) -> list[np.ndarray]:
    """Part blank images, which are in pairs only with images of the same pixels, into sets of these."""
    if not len(places) or "path" not in images:
        return []
    digests = np.array(_pixel_digests(images, places, executor))
    return [places[digests == digest] for digest in np.unique(digests) if digest]


def _find_unfolded(codes: np.ndarray, max_distance: float, alike: list[list[int]], executor: Executor | None) -> Found:
    """Find the pairs of all images but those between two copies, in lexical order."""
    if not alike:
        return find_pairs(codes, max_distance, executor=executor)
    copies = np.concatenate([some[1:] for some in alike])
    searched = np.setdiff1d(np.arange(len(codes)), copies)
    rows, columns, distances = find_pairs(codes[searched], max_distance, executor=executor)
    rows, columns = searched[rows], searched[columns]
    parts = [(rows, columns, distances)]
    for first, *others in alike:
        copied = np.array(others)
        parts.append((np.full(len(copied), first), copied, np.zeros(len(copied), distances.dtype)))
        # what is near the original is as near to each copy
        near = (rows == first) | (columns == first)
        neighbours = (rows + columns - first)[near]
        if len(neighbours) * len(copied) > MAX_PAIRS:
            raise ValueError(TOO_MANY.format(MAX_PAIRS))
        parts.append(
            (np.repeat(neighbours, len(copied)), np.tile(copied, len(neighbours)), np.repeat(distances[near], len(copied)))
        )
    one, other, apart = map(np.concatenate, zip(*parts, strict=True))
    if len(one) > MAX_PAIRS:
        raise ValueError(TOO_MANY.format(MAX_PAIRS))
    rows, columns = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((columns, rows))
    return rows[order], columns[order], apart[order]


# -- same bytes, same pixels ------------------------------------------------------------------------------------------


def relate(
    left: pd.DataFrame,
    right: pd.DataFrame,
    rows: np.ndarray,
    columns: np.ndarray,
    similarity: np.ndarray,
    executor: Executor | None = None,
) -> np.ndarray:
    """Return the place in RELATIONS of each pair of a row of `left` and a row of `right`."""
    relation = np.full(len(rows), RELATIONS.index("near"), dtype=np.int8)
    if not {"path", "sha256", "width", "height"} <= set(left) & set(right):  # hashes computed elsewhere
        return relation
    digests = left.sha256.to_numpy()[rows]
    relation[(digests == right.sha256.to_numpy()[columns]) & (digests != "")] = RELATIONS.index("same bytes")
    same_size = np.ones(len(rows), dtype=bool)
    for side in ("width", "height"):
        same_size &= left[side].to_numpy()[rows] == right[side].to_numpy()[columns]
    maybe = np.flatnonzero(same_size & (similarity >= MAYBE_SAME_PIXELS) & (relation == RELATIONS.index("near")))
    pixels = []
    for images, places in ((left, rows[maybe]), (right, columns[maybe])):
        wanted, back = np.unique(places, return_inverse=True)
        pixels.append(np.array(_pixel_digests(images, wanted, executor), dtype=object)[back])
    same = (pixels[0] == pixels[1]) & (pixels[0] != "")
    relation[maybe[same.astype(bool)]] = RELATIONS.index("same pixels")
    return relation


def _pixel_digests(images: pd.DataFrame, places: np.ndarray, executor: Executor | None) -> list[str]:
    """Return the digest of the pixels of the images at some places, each content decoded once."""
    paths, contents = images.path.to_numpy()[places], images.sha256.to_numpy()[places]
    once = dict(zip(contents, paths, strict=True))
    stamps = [(path, content) for content, path in once.items()]
    digests = map_batches(partial(each, _pixel_digest), stamps, executor=executor, describe="compare pixels")
    by_content = dict(zip(once, digests, strict=True))
    return [by_content[content] for content in contents]


@lru_cache(maxsize=100_000)
def _pixel_digest(stamp: tuple[str, str]) -> str:
    """Return the SHA-256 of a picture's size and pixels as shown, empty where it cannot be read any more."""
    path, _contents = stamp
    try:
        picture = open_image(path)
    except UnreadableImage:
        return ""
    return hashlib.sha256(repr(picture.size).encode() + picture.tobytes()).hexdigest()

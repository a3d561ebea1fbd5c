"""Fingerprints -> how similar any two images are: the matrix for a few, the pair table for many."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np
import pandas as pd

from .aligned.matching import find_local_pairs
from .engine.checks import check_flag, check_made_by, check_percent
from .engine.copies import (
    RELATIONS,
    SharedList,
    find_copies,
    find_pairs_of_originals,
    may_be_same_pixels,
    relate,
)
from .engine.own_pairs import own_pairs
from .engine.pair_counts import expected_pairs, two_digits
from .engine.pair_graph import TOLERANCE
from .engine.parallel import stoppable
from .engine.search import MAX_PAIRS, all_distances, find_pairs
from .fingerprints import Fingerprints
from .methods import HashMethod, LocalMethod, Method, VectorMethod, compare_by

MAX_MATRIX = 10_000  # images; 800 MB


@stoppable
def similarity_matrix(fingerprints: Fingerprints) -> pd.DataFrame:
    """Compare every image with every other.

    Returns
    -------
    pandas.DataFrame, n_images x n_images
        percent, symmetric, 100 on the diagonal; rows and columns named by image. Images with too
        little detail are in it.

    Raises
    ------
    ValueError
        for local features, and for more than 10,000 images: `similar_pairs` keeps only what is
        similar.

    Notes
    -----
    8 n_images**2 bytes: 8 MB for 1,000 images, 800 MB for 10,000.

    Examples
    --------
    >>> bits = [[True] * 64, [True] * 58 + [False] * 6]
    >>> dup.similarity_matrix(dup.Fingerprints.from_bits(["a", "b"], bits))
               a        b
    a  100.000   90.625
    b   90.625  100.000
    """
    _check_fingerprints(fingerprints, None)
    n = len(fingerprints)
    if isinstance(fingerprints.method, LocalMethod):
        raise ValueError(
            f"{fingerprints.method.name} compares only pictures that share something; "
            "similar_pairs(fingerprints) lists them"
        )
    if n > MAX_MATRIX:
        raise ValueError(
            f"a matrix of {n:,} images would need {8 * n * n / 1e9:,.1f} GB; "
            "similar_pairs(fingerprints) keeps what is similar"
        )
    names = pd.Index(fingerprints.names, dtype=object)
    values = fingerprints.method.similarity(all_distances(fingerprints.codes))
    np.fill_diagonal(values, 100.0)
    return pd.DataFrame(values, index=names, columns=names)


@stoppable
def similar_pairs(
    fingerprints: Fingerprints | pd.DataFrame,
    others: Fingerprints | None = None,
    *,
    min_similarity: float | None = None,
    include_low_detail: bool = False,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Find all pairs of images at or above a similarity: within one collection, or between two.

    Parameters
    ----------
    fingerprints
        made by `fingerprint_images`. Or pairs that another program found, such as faiss or
        FiftyOne: a table with the columns left, right (names) and similarity (percent). It becomes
        a pair table as it is, and `attrs` may say method and n_images.
    others
        fingerprints of a second collection, by the same method. Each pair then has its left image
        in the first collection and its right one in the second. Images of one collection are not
        compared with each other.
    min_similarity
        percent, inclusive: the floor of the table. Groups can be made at any threshold from here
        up. None: 70. In large collections, where more than a million pairs are expected at 70, the
        lowest level with fewer, at most 90. A warning says which, and how to ask for more.
    include_low_detail
        also compare nearly blank images, whose fingerprints describe noise. By default they are in
        pairs only with files of the same bytes or pixels.
    executor
        any `concurrent.futures.Executor`, for search, alignment and comparing pixels; None works in
        threads.

    Returns
    -------
    pandas.DataFrame, one row per unordered pair, most similar first, then by name:
        left, right (image names, left before right; categories: all images), distance (in the
        method's unit), similarity (percent), relation ("same bytes" by SHA-256, "same pixels" as
        shown, "near").

        'aligned' adds columns. overlap_left, overlap_right: percent of each picture that lies in
        the overlap. rotation: degrees counter-clockwise that align left with right. scale: of
        lengths. mirrored. matches: features that agree with the transform. residual: the median
        shift of the matching parts, in pixels of some 160 x 120. It is below 0.15 in a copy, and
        from 0.22 on in two photographs of one scene. scored_by: "aligned", "phash" where a
        picture has too little texture to be aligned, or "tiny" where both have at most 96 pixels
        and method 'tiny' gives more, from 90 up. 'akaze' adds matches and scored_by.

        Below 70 percent, 'aligned' lists pairs that share a part, such as a picture that was pasted
        into another one. Two photographs of one scene and chance matches have similarity 0.

        `attrs`: method, unit, bits, floor, n_images, low_detail (images left out of near pairs).
        For two collections: sides (2). Where more than 1,000 images have one fingerprint: copies,
        the names of each such set, the original first. Of their pairs, only those with the original
        are rows. The same holds for pairs with other images. `group_duplicates` and
        `sweep_thresholds` give what they would give for all pairs.

    Raises
    ------
    ValueError
        when more than 50 million pairs are found, or two collections have different methods or
        orientations.

    Warns
    -----
    UserWarning
        if `min_similarity` is None and the floor is above 70.

    Notes
    -----
    Exact: a double loop would find the same pairs. Only local features are first searched by a
    vote, and of their pairs a few in a thousand may be missed (see `candidates`). Between two
    collections the vote keeps the best partners in the other one. So its pairs may differ a little
    from those of one large collection. Pixels are compared by decoding, only for pairs from 90
    percent up whose pictures have the same size.

    Examples
    --------
    >>> bits = [[True] * 64, [True] * 58 + [False] * 6, [False] * 64]
    >>> prints = dup.Fingerprints.from_bits(["a", "b", "c"], bits)
    >>> dup.similar_pairs(prints)
      left right  distance  similarity relation
    0    a     b         6      90.625     near
    >>> others = dup.Fingerprints.from_bits(["c", "d"], [[False] * 64, [True] * 64])
    >>> dup.similar_pairs(prints, others)
      left right  distance  similarity relation
    0    a     d         0     100.000     near
    1    c     c         0     100.000     near
    2    b     d         6      90.625     near
    """
    if isinstance(fingerprints, pd.DataFrame) and others is None:
        asked = FLOOR if min_similarity is None else min_similarity
        return own_pairs(fingerprints, check_percent("min_similarity", asked))
    _check_fingerprints(fingerprints, others)
    check_flag("include_low_detail", include_low_detail)
    floor = (
        light_floor(fingerprints, others, include_low_detail=include_low_detail)
        if min_similarity is None
        else check_percent("min_similarity", min_similarity)
    )
    found = fingerprints.method.compare(
        fingerprints, others, floor, include_low_detail=include_low_detail, executor=executor
    )
    pairs = complete_pairs(
        fingerprints,
        others,
        found.rows,
        found.columns,
        found.distances,
        floor=floor,
        details=found.details,
        include_low_detail=include_low_detail,
        executor=executor,
    )
    if found.copies:
        names = fingerprints.names
        pairs.attrs["copies"] = SharedList([names[k] for k in some] for some in found.copies)
    return pairs


FLOOR = 70.0  # percent; pairs from here up are listed, which is enough for the usual thresholds
TOP_FLOOR = 90.0  # percent; pairs from here up are always listed
LIGHT = 1_000_000  # pairs; a table of so many is 25 MB


def light_floor(
    prints: Fingerprints,
    others: Fingerprints | None = None,
    *,
    include_low_detail: bool = False,
    at_most: float = TOP_FLOOR,
    warn: bool = True,
) -> float:
    """Return 70, or the lowest level above it at which a table has at most a million pairs.

    The number is expected from a sample, and pairs of equal fingerprints do not count. For local
    features it is 70.

    Parameters
    ----------
    at_most
        percent; the floor is no higher than this.
    warn
        whether to say so if it is above 70.

    Warns
    -----
    UserWarning
        if it is above 70, unless `warn` is False.
    """
    method, floor = prints.method, min(FLOOR, at_most)
    n_others = (len(prints) - 1) / 2 if others is None else len(others)
    if isinstance(method, LocalMethod) or at_most <= FLOOR or len(prints) * n_others <= LIGHT:
        return floor
    sides = [prints] if others is None else [prints, others]
    codes = [side.codes if include_low_detail else side.codes[~side.low_detail] for side in sides]
    levels = method.levels(FLOOR)
    counts = expected_pairs(codes[0], np.array([*map(method.max_distance, levels)]), *codes[1:])
    if counts[-1] <= LIGHT:
        return floor
    chosen = max(int((counts <= LIGHT).sum()) - 1, 0)
    floor = float(min(levels[chosen], at_most))
    if not warn:
        return floor
    listed = counts[levels >= floor - TOLERANCE][-1:].sum()
    possible = levels[counts <= MAX_PAIRS / 2]
    lowest = f"min_similarity={possible[-1]:g} lists more" if len(possible) else "search in parts"
    warnings.warn(
        f"at 70 % some {two_digits(counts[-1])} pairs are expected, so only pairs from {floor:g} % "
        f"up are listed, some {two_digits(listed)}; {lowest}",
        stacklevel=3,
    )
    return floor


class FoundPairs(NamedTuple):
    """What `Method.compare` gives: the places of each pair, its distance, and what else is known.

    Attributes
    ----------
    rows, columns
        places in the first collection, and in the second or again the first; in lexical order.
    details
        of local features: one row for each pair, see `aligned.scores.Score`.
    copies
        places of images of one fingerprint, where there are more than 1,000; the original first.
    """

    rows: np.ndarray
    columns: np.ndarray
    distances: np.ndarray
    details: pd.DataFrame | None = None
    copies: Sequence[Sequence[int]] = ()


@compare_by.register(HashMethod)
@compare_by.register(VectorMethod)
def _compare_codes(
    method: Method,
    prints: Fingerprints,
    others: Fingerprints | None,
    floor: float,
    *,
    include_low_detail: bool,
    executor: Executor | None,
) -> FoundPairs:
    reach = method.max_distance(floor)
    if others is not None:
        return FoundPairs(*find_pairs(prints.codes, reach, others=others.codes, executor=executor))
    copies = find_copies(
        prints.images,
        prints.codes,
        prints.low_detail,
        include_low_detail=include_low_detail,
        executor=executor,
    )
    found = find_pairs_of_originals(prints.codes, reach, copies, executor)
    return FoundPairs(*found, copies=copies)


@compare_by.register(LocalMethod)
def _compare_features(
    _method: Method,
    prints: Fingerprints,
    others: Fingerprints | None,
    floor: float,
    *,
    include_low_detail: bool,
    executor: Executor | None,
) -> FoundPairs:
    rows, columns, details = find_local_pairs(prints, floor, executor, others=others)
    return FoundPairs(rows, columns, 100.0 - details.pop("similarity").to_numpy(), details)


def complete_pairs(
    lefts: Fingerprints,
    others: Fingerprints | None,
    rows: np.ndarray,
    columns: np.ndarray,
    distances: np.ndarray,
    *,
    floor: float,
    details: pd.DataFrame | None = None,
    include_low_detail: bool = False,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Return pairs that were found as the table of `similar_pairs`, with their relations.

    Pairs of nearly blank images are left out. Parameters are those of `pair_table`.
    """
    rights = lefts if others is None else others
    may_be_same = may_be_same_pixels(lefts.method, distances, details)
    relation = relate(lefts.images, rights.images, rows, columns, may_be_same, executor)
    if not include_low_detail:
        kept = may_be_listed(lefts, rights, rows, columns, relation)
        if not kept.all():
            rows, columns, distances, relation = (
                rows[kept],
                columns[kept],
                distances[kept],
                relation[kept],
            )
            details = None if details is None else details[kept]
    pairs = pair_table(
        lefts, others, rows, columns, distances, relation, floor=floor, details=details
    )
    if include_low_detail:
        pairs.attrs["low_detail"] = 0
    return pairs


def may_be_listed(
    lefts: Fingerprints,
    rights: Fingerprints,
    rows: np.ndarray,
    columns: np.ndarray,
    relation: np.ndarray,
) -> np.ndarray:
    """Tell of each pair whether it is listed: not nearly blank, or of the same bytes or pixels."""
    return ~(lefts.low_detail[rows] | rights.low_detail[columns]) | (
        relation < RELATIONS.index("near")
    )


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
    """Return pairs as the table of `similar_pairs`.

    Parameters
    ----------
    rows, columns, distances, relation
        in lexical order. They are sorted in place, so that millions of pairs are not in memory
        twice. `relation` is the place in RELATIONS.
    details
        further columns; of 'akaze' only those that it has.
    """
    method, rights = lefts.method, lefts if others is None else others
    order = np.argsort(distances, kind="stable")
    for column in (rows, columns, distances, relation):
        column[:] = column[order]
    if details is not None:
        details = (details[["matches", "scored_by"]] if method.name == "akaze" else details).iloc[
            order
        ]
    del order
    values = {
        "left": pd.Categorical.from_codes(rows, pd.Index(lefts.names, dtype=object)),
        "right": pd.Categorical.from_codes(columns, pd.Index(rights.names, dtype=object)),
        "distance": distances.astype(method.distance_type),
        "similarity": method.similarity(distances),
        "relation": pd.Categorical.from_codes(relation, RELATIONS),
    }
    further = {} if details is None else {name: details[name].array for name in details}
    pairs = pd.DataFrame(values | further, copy=False)
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
    check_made_by("fingerprints", fingerprints, Fingerprints, "fingerprint_images(images)")
    if others is None:
        return
    check_made_by("others", others, Fingerprints, "fingerprint_images(images)")
    # of local features each image is an object, of vectors the lengths may differ
    same_length = (
        fingerprints.codes.shape[2:] == others.codes.shape[2:]
        or not len(others)
        or not len(fingerprints)
    )
    if fingerprints.method.name != others.method.name or not same_length:
        raise ValueError(
            "both collections must be fingerprinted by one method, and these are by "
            f"{fingerprints.method.name} and "
            f"{others.method.name}; make one of them again with fingerprint_images(images, "
            "method=...)"
        )
    if fingerprints.n_views != others.n_views:
        raise ValueError(
            "both collections must have the same orientations, and these have "
            f"{fingerprints.n_views} and {others.n_views}; "
            "make one of them again with fingerprint_images(images, orientations=...)"
        )

"""How the files of a pair are related: same bytes, same pixels as shown, or only near."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import lru_cache, partial

import numpy as np
import pandas as pd

from ..methods import Method
from .decode import UnreadableImage, no_decoder_warnings
from .parallel import each, map_batches
from .pixels import digest_pixels
from .search import MAX_PAIRS, TOO_MANY, Found, find_pairs

RELATIONS = ["same bytes", "same pixels", "near"]
MAYBE_SAME_PIXELS = (
    90.0  # percent; equal pictures of different formats may differ in a bit or two, not in ten
)
UPRIGHT = 1.0  # degrees that an alignment may be off
PAIRS_AT_A_TIME = 2**20  # so that relating millions of pairs needs little memory


def relate(
    left: pd.DataFrame,
    right: pd.DataFrame,
    rows: np.ndarray,
    columns: np.ndarray,
    may_be_same: np.ndarray,
    executor: Executor | None = None,
) -> np.ndarray:
    """Return the place in RELATIONS of each pair of a row of `left` and a row of `right`, int8.

    `may_be_same`, bool, tells which pairs are similar enough to have the same pixels.
    """
    relation = np.full(len(rows), RELATIONS.index("near"), dtype=np.int8)
    if not {"path", "sha256", "width", "height"} <= set(left) & set(
        right
    ):  # hashes computed elsewhere
        return relation
    shape = [name for name in ("width", "height", "frames") if name in left and name in right]
    contents, shapes = _numbered(left, right, ["sha256"]), _numbered(left, right, shape)
    not_read = (left.sha256 == "").to_numpy()
    maybe = [np.zeros(0, np.int64)]
    for start in range(0, len(rows), PAIRS_AT_A_TIME):
        some = slice(start, start + PAIRS_AT_A_TIME)
        row, column = rows[some], columns[some]
        same_bytes = (contents[0][row] == contents[1][column]) & ~not_read[row]
        relation[some][same_bytes] = RELATIONS.index("same bytes")
        maybe.append(
            start
            + np.flatnonzero(
                ~same_bytes & may_be_same[some] & (shapes[0][row] == shapes[1][column])
            )
        )
    asked = np.concatenate(maybe)
    pixels = []
    for images, places in ((left, rows[asked]), (right, columns[asked])):
        wanted, back = np.unique(places, return_inverse=True)
        pixels.append(np.array(pixel_digests(images, wanted, executor), dtype=object)[back])
    same = (pixels[0] == pixels[1]) & (pixels[0] != "")
    relation[asked[same.astype(bool)]] = RELATIONS.index("same pixels")
    return relation


def may_be_same_pixels(
    method: Method, distances: np.ndarray, details: pd.DataFrame | None
) -> np.ndarray:
    """Tell which pairs may have the same pixels: similar enough, neither turned nor mirrored."""
    similar = distances <= method.max_distance(MAYBE_SAME_PIXELS) + 1e-9
    if details is None or "mirrored" not in details:
        return similar
    return (
        similar
        & ~details.mirrored.to_numpy(dtype=bool)
        & ~(details.rotation.abs() > UPRIGHT).to_numpy()
    )


def _numbered(
    left: pd.DataFrame, right: pd.DataFrame, columns: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return a number for each row of both tables, equal where all of some columns are."""
    both = pd.concat([left[columns], right[columns]], ignore_index=True)
    numbers = both.groupby(columns, sort=False).ngroup().to_numpy()
    return numbers[: len(left)], numbers[len(left) :]


def pixel_digests(images: pd.DataFrame, places: np.ndarray, executor: Executor | None) -> list[str]:
    """Return the digest of the pixels of the images at some places, each content decoded once."""
    paths, contents = images.path.to_numpy()[places], images.sha256.to_numpy()[places]
    once = dict(zip(contents, paths, strict=True))
    stamps = [(path, content) for content, path in once.items()]
    with no_decoder_warnings():
        digests = map_batches(
            partial(each, _pixel_digest), stamps, executor=executor, describe="compare pixels"
        )
        by_content = dict(zip(once, digests, strict=True))
    return [by_content[content] for content in contents]


@lru_cache(maxsize=100_000)
def _pixel_digest(stamp: tuple[str, str]) -> str:
    """Return the digest of all that a picture shows, empty if it cannot be read."""
    path, _contents = stamp
    try:
        return digest_pixels(path)
    except UnreadableImage:
        return ""


# -- many images of one fingerprint ----------------------------------------------------------------

MAX_COPIES = 1000  # images of one fingerprint; all pairs of so many are half a million


class SharedList(list):
    """A list that pandas need not copy with every table that is made from a table."""

    def __deepcopy__(self, _memo: object) -> SharedList:
        return self


def original_order(name: str) -> tuple[str, str]:
    """Return a sort key: `cat.jpg` before `cat (1).jpg` and `cat copy.jpg`."""
    folder_and_stem, dot, suffix = name.rpartition(".")
    return (folder_and_stem, suffix) if dot and "/" not in suffix else (name, "")


def order_of_originals(names: Sequence[str]) -> np.ndarray:
    """Return the places of names in the order of their sort keys, int64; equal names as they come.

    One text is compared instead of two: for ten million names that is a gigabyte less.

    Examples
    --------
    >>> order_of_originals(["cat copy.jpg", "cat (1).jpg", "cat.jpg"])
    array([2, 1, 0])
    """
    keys = np.empty(len(names), dtype=object)
    for place, name in enumerate(names):
        keys[place] = "\0".join(original_order(name))  # 0 is below all that a name can hold
    return np.argsort(keys, kind="stable")


def find_copies(
    images: pd.DataFrame,
    codes: np.ndarray,
    low_detail: np.ndarray,
    *,
    include_low_detail: bool,
    executor: Executor | None = None,
) -> list[list[int]]:
    """Return each set of more than MAX_COPIES images with one fingerprint, the original first.

    Parameters
    ----------
    images : an `images` table, n_images rows
    codes : n_images x ..., their fingerprints
    low_detail : bool, n_images
    """
    if len(codes) <= MAX_COPIES:
        return []
    codes = np.ascontiguousarray(codes).reshape(len(codes), -1)
    _, same_code = np.unique(
        codes.view(np.dtype((np.void, codes.strides[0]))).ravel(), return_inverse=True
    )
    names = images.image.to_numpy()
    found = []
    for label in np.flatnonzero(np.bincount(same_code) > MAX_COPIES):
        places = np.flatnonzero(same_code == label)
        blank = low_detail[places]
        sets = [places[~blank], *_same_pixels(images, places[blank], executor)]
        for some in [places] if include_low_detail else sets:
            if len(some) > MAX_COPIES:
                found.append(
                    sorted(some.tolist(), key=lambda place: (original_order(names[place]), place))
                )
    return found


def _same_pixels(
    images: pd.DataFrame, places: np.ndarray, executor: Executor | None
) -> list[np.ndarray]:
    """Divide blank images into sets of the same pixels: only such images are pairs."""
    if not len(places) or "path" not in images:
        return []
    digests = np.array(pixel_digests(images, places, executor))
    return [places[digests == digest] for digest in np.unique(digests) if digest]


def find_pairs_of_originals(
    codes: np.ndarray, max_distance: float, copies: list[list[int]], executor: Executor | None
) -> Found:
    """Find the pairs of all images but those between two copies, in lexical order."""
    if not copies:
        return find_pairs(codes, max_distance, executor=executor)
    folded = np.concatenate([some[1:] for some in copies])
    searched = np.setdiff1d(np.arange(len(codes)), folded)
    rows, columns, distances = find_pairs(codes[searched], max_distance, executor=executor)
    rows, columns = searched[rows], searched[columns]
    parts = [(rows, columns, distances)]
    for first, *others in copies:
        copied = np.array(others)
        parts.append((np.full(len(copied), first), copied, np.zeros(len(copied), distances.dtype)))
        # what is near the original is as near to each copy
        near = (rows == first) | (columns == first)
        neighbours = (rows + columns - first)[near]
        if len(neighbours) * len(copied) > MAX_PAIRS:
            raise ValueError(TOO_MANY.format(MAX_PAIRS))
        parts.append(
            (
                np.repeat(neighbours, len(copied)),
                np.tile(copied, len(neighbours)),
                np.repeat(distances[near], len(copied)),
            )
        )
    one, other, distance = map(np.concatenate, zip(*parts, strict=True))
    if len(one) > MAX_PAIRS:
        raise ValueError(TOO_MANY.format(MAX_PAIRS))
    rows, columns = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((columns, rows))
    return rows[order], columns[order], distance[order]

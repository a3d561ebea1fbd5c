"""Pictures with too few features for a vote -> which others look like them, in one of 8 views, once all are made very small.

Such pictures are bars with straight edges, or soft shades: their hash is a few signs, which compression turns over, though the
frames of two copies can still be laid on each other. They are few, so each is compared with all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .alignment import FRAME_ALIKE, VIEWS, _level
from .candidates import BEST
from .features import Features

LENGTH = 2048  # of a frame as whole numbers: float32 sums their products without rounding, in whatever order
BLOCK_BYTES = 32 * 2**20  # temporary memory of a block of products


def find_alike_frames(features: Sequence[Features], is_blank: np.ndarray, n_left: int | None = None) -> np.ndarray:
    """Find what looks most like each picture that has too few features, but some detail.

    Parameters
    ----------
    features
        of each image. The answer does not depend on their order.
    is_blank : bool, n_images
        those that are compared with none, for they have no detail.
    n_left
        so many of them are one collection and the others a second one; then only pairs with an image in each are looked for.

    Returns
    -------
    int64, n_pairs x 2, first < second, in lexical order
        each such picture with the 8 that are most like it; where several are exactly as much like it, with those that follow it
        in the order of their digests, so that a thousand of one look are not all one's partners. Pictures that cannot be told
        apart count as one.

    Notes
    -----
    4,096 products for each picture with few features and each image, some 0.1 s for 100 among 10,000; and 0.1 ms an image.

    Examples
    --------
    >>> from PIL import Image
    >>> from .features import aligned_features
    >>> shade = Image.linear_gradient("L")
    >>> pictures = [aligned_features(each) for each in (shade, Image.radial_gradient("L"), shade.rotate(90))]
    >>> find_alike_frames(pictures, np.zeros(3, dtype=bool))
    array([[0, 2]])
    """
    asking = np.array([not image.is_textured for image in features], dtype=bool) & ~is_blank
    asked = np.flatnonzero(~is_blank)
    if not asking.any():
        return np.zeros((0, 2), np.int64)
    is_left = np.arange(len(features)) < (0 if n_left is None else n_left)
    _, turn = np.unique(np.array([image.key for image in features], dtype="V16"), return_inverse=True)
    frames = np.stack([_to_whole_numbers(features[k].grey) for k in asked])
    found = [np.zeros((0, 2), np.int64)]
    for rows in _cut(np.flatnonzero(asking[asked]), len(asked)):
        alike = _correlate(frames[rows], frames).astype(np.int64)
        alike[alike < FRAME_ALIKE * LENGTH**2] = 0
        alike[np.arange(len(rows)), rows] = 0
        if n_left is not None:
            alike[is_left[asked[rows]][:, None] == is_left[asked]] = 0
        apart = (turn[asked] - turn[asked[rows]][:, None]) % len(features)
        row, column = np.nonzero(_are_best(alike * len(features) - apart))
        found.append(np.column_stack([asked[rows[row]], asked[column]]))
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _to_whole_numbers(grey: np.ndarray) -> np.ndarray:
    """Return a picture made very small, float32, row after row; all 0 where it is of one brightness."""
    return np.rint(LENGTH * _level(grey)).astype(np.float32)


def _cut(places: np.ndarray, n_asked: int) -> Iterator[np.ndarray]:
    height = max(1, BLOCK_BYTES // (8 * n_asked))
    return (places[start : start + height] for start in range(0, len(places), height))


def _correlate(some: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Return how alike some frames and all are, in the view in which they are most; float32, n_some x n_frames."""
    most = some @ frames.T
    for view in VIEWS[1:]:
        np.maximum(most, some[:, view] @ frames.T, out=most)
    return most


def _are_best(weights: np.ndarray) -> np.ndarray:
    """Tell which weights, int64, are positive and among the `BEST` of their row; ties are all among them."""
    if weights.shape[1] <= BEST:
        return weights > 0
    last = np.partition(weights, -BEST, axis=1)[:, -BEST, None]
    return (weights > 0) & (weights >= last)

"""Pictures with too few features for a vote -> which others look like them, in one of 8 views, once all are made very small.

Such pictures are bars with straight edges, or soft spots: their hash is a few signs, which compression turns over, though the
frames of two copies can still be laid on each other. They are few, so each is compared with all that have few features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .candidates import BEST
from .features import FRAME_SIDE, MIN_FEATURES, Features
from .frames import ALIKE, VIEWS

FEW = 4 * MIN_FEATURES  # features that a copy of such a picture may have, for a logo or for what compression leaves
SHADE = 0.85  # of what a frame shows; where a plane explains as much, it is a shade from side to side, like all other shades
STEP = 0.01  # of correlation; were the smallest difference to count, the cleanest of many scans would be the partner of all
LENGTH = 2048  # of a frame in whole numbers: float32 sums their products without rounding, in whatever order
BLOCK_BYTES = 32 * 2**20  # of a block of weights; up to four are in memory at a time


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
        each such picture with the 8 that are most like it; of those that are as much like it to a percent, with the ones that
        follow it in the order of their digests, so that a thousand of one look are not all one's partners. Pictures that
        cannot be told apart count as one.

    Notes
    -----
    4,096 products for each such picture and each that may be its copy, 12 s of processor for 10,000 of them; and 0.1 ms each.

    Examples
    --------
    >>> from PIL import Image
    >>> from .features import aligned_features
    >>> spot, shade = Image.radial_gradient("L"), Image.linear_gradient("L")
    >>> pictures = [aligned_features(each) for each in (spot, shade, spot.resize((90, 60)), shade.resize((90, 60)))]
    >>> find_alike_frames(pictures, np.zeros(4, dtype=bool))
    array([[0, 2]])
    """
    frames = _frames_of_few(features, is_blank)
    places, stack = np.array([*frames], np.int64), np.array([*frames.values()])
    asking = np.flatnonzero([len(features[k]) < MIN_FEATURES for k in places])
    if not len(asking):
        return np.zeros((0, 2), np.int64)
    is_left = places < (n_left or 0)
    _, turn = np.unique(np.array([features[k].key for k in places], dtype=object), return_inverse=True)
    height = max(1, BLOCK_BYTES // (8 * len(places)))
    found = []
    for rows in np.split(asking, range(height, len(asking), height)):
        alike = _correlate(stack[rows], stack)
        alike[np.arange(len(rows)), rows] = 0
        if n_left is not None:
            alike[is_left[rows, None] == is_left] = 0
        row, column = np.nonzero(_are_best(alike, (turn - turn[rows, None]) % len(places)))
        found.append(np.column_stack([places[rows[row]], places[column]]))
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _frames_of_few(features: Sequence[Features], is_blank: np.ndarray) -> dict[int, np.ndarray]:
    """Return the place of each picture that takes part, and itself made very small, float32, row after row."""
    few = [k for k, image in enumerate(features) if len(image) < FEW and not is_blank[k]]
    frames = {k: np.rint(LENGTH * features[k].frame).astype(np.float32) for k in few}
    return {k: frame for k, frame in frames.items() if not _is_shade(frame)}


def _is_shade(frame: np.ndarray) -> bool:
    """Whether a frame goes from light to dark evenly, in whichever direction; one of a single brightness does too."""
    ramp = np.arange(FRAME_SIDE) - (FRAME_SIDE - 1) / 2
    square = frame.reshape(FRAME_SIDE, FRAME_SIDE).astype(np.float64)
    slopes = np.array([square.sum(axis=axis) @ ramp for axis in (0, 1)])
    return float(slopes @ slopes) >= SHADE * float((square**2).sum()) * FRAME_SIDE * float(ramp @ ramp)


def _correlate(some: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Return how alike some frames and all are, in the view in which they are most; float32, n_some x n_frames."""
    most = some @ frames.T
    for view in VIEWS[1:]:
        np.maximum(most, some[:, view] @ frames.T, out=most)
    return most


def _are_best(alike: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Tell which are enough alike and among the `BEST` of their row, of equal ones the less apart; ties are all among them."""
    weights = np.rint(alike / (STEP * LENGTH**2)).astype(np.int64) * alike.shape[1] - apart
    weights[alike < ALIKE * LENGTH**2] = -alike.shape[1]  # less than any other
    is_best = weights > -alike.shape[1]
    if weights.shape[1] > BEST:
        is_best &= weights >= np.partition(weights, -BEST, axis=1)[:, -BEST, None]
    return is_best

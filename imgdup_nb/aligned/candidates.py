"""The features of many pictures -> the pairs worth aligning.

Most are found by votes (see `votes`). The votes of a pair depend only on its two images;
`best_pairs` depends on the votes of all. So a growing collection keeps its votes, and counts only
those of new images. Pictures with few features are compared by their frames, and smooth ones by
their colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np

from ..engine.features import FRAME_SIDE, Features
from .bands import MIN_FEATURES
from .registration import MIN_FRAME_CORRELATION, VIEWS
from .shades import coarse_colours, is_smooth
from .votes import count_votes

MANY_VOTES = 20  # at one angle; a pair with so many is scored if it is among
MAX_VOTED_PARTNERS = 32  # the strongest of one of its images: all pages of text share letters
# with fewer votes, a pair is scored if it is among the strongest of one of its images
MAX_PARTNERS = 8


def find_candidates(
    images: Sequence[Features],
    max_bits: int,
    executor: Executor | None = None,
    *,
    others: Sequence[Features] | None = None,
) -> np.ndarray:
    """Find the pairs of images that share enough features at one angle, in one collection or two.

    Parameters
    ----------
    images
        features of each image, of one method.
    max_bits
        by which two near descriptors may differ, inclusive.
    executor
        any `concurrent.futures.Executor`; it compares quarters of the collection with each other.
        None works in threads on one index. The result is the same.
    others
        of a second collection, numbered from `len(images)` on; then only pairs with an image in
        each are found.

    Returns
    -------
    int64, n_candidates x 2, first < second, in lexical order

    Notes
    -----
    Approximate: a pair is missed if fewer than 4 features agree in all 28 bits of one of 14 keys.
    It is also missed if fewer than 20 do and both images have eight better partners. In a large
    collection, keys that more than 16 features share are longer, up to 52 bits. The index takes
    about 180 bytes a feature, 54 kB an image. The second vote uses 26 bits and has eight
    partners of its own. It takes three times as long if all images are large.
    """
    together = [*images, *(others or [])]
    is_query = np.arange(len(together)) < len(images)
    votes = count_votes(together, is_query, max_bits, executor, within=others is None)
    return np.unique(best_pairs(votes, len(together)), axis=0)


def best_pairs(votes: np.ndarray, n_images: int) -> np.ndarray:
    """Return the pairs with many votes, and those with most weight for one of their images.

    Parameters
    ----------
    votes : VOTES, each pair at most once in each of the two votes, which are judged separately

    Returns
    -------
    int64, n_pairs x 2; a pair may come twice
    """
    return np.concatenate(
        [_best_of_one_vote(votes[votes["zoomed"] == zoomed], n_images) for zoomed in (False, True)]
    )


def _best_of_one_vote(votes: np.ndarray, n_images: int) -> np.ndarray:
    pairs = np.column_stack([votes["one"], votes["other"]]).astype(np.int64)
    weights = votes["weight"].astype(np.int64)
    # each pair counts for both of its images
    ends, their_weights = pairs.T.ravel(), np.tile(weights, 2)
    order = np.lexsort((-their_weights, ends))
    ends, their_weights = ends[order], their_weights[order]

    def is_among(most: int) -> np.ndarray:
        """Return which pairs are among the `most` strongest of one of their images, with ties."""
        last = np.searchsorted(ends, np.arange(n_images)) + most - 1
        has_more = (last < len(ends)).nonzero()[0]
        has_more = has_more[ends[last[has_more]] == has_more]
        enough = np.zeros(n_images, np.int64)
        enough[has_more] = their_weights[last[has_more]]
        return np.any(weights[:, None] >= enough[pairs], axis=1)

    return pairs[
        is_among(MAX_PARTNERS) | ((votes["votes"] >= MANY_VOTES) & is_among(MAX_VOTED_PARTNERS))
    ]


# pictures with fewer features are compared by their frames; a copy may have some more features, by
# a logo or by compression
MAX_FEW_FEATURES = 4 * MIN_FEATURES
# share of a frame's contrast; a plane that explains as much is a gradient, and all gradients match
MIN_SHADE_SHARE = 0.85
# correlations are rounded to this: by smaller differences, the cleanest of many scans would be the
# partner of all
CORRELATION_STEP = 0.01
# of a frame in whole numbers: float32 sums their products without rounding, in any order
FRAME_LENGTH = 2048
WEIGHT_BLOCK_BYTES = 32 * 2**20  # of a block of weights; up to four are in memory at a time


def find_alike_frames(
    features: Sequence[Features], is_blank: np.ndarray, n_left: int | None = None
) -> np.ndarray:
    """Find the pictures whose frames are most similar to those of each picture with few features.

    Parameters
    ----------
    features
        of each image. The result does not depend on their order.
    is_blank : bool, n_images
        images without detail, which are compared with none.
    n_left
        so many images are one collection, and the others a second one. Then only pairs with an
        image in each are found.

    Returns
    -------
    int64, n_pairs x 2, first < second, in lexical order
        each such picture with the 8 most similar ones. Of equally similar pictures (to a percent),
        those that follow it in the order of their digests are taken. So a thousand pictures of one
        look are not all partners of one. Pictures with equal features count as one.

    Notes
    -----
    4,096 products for each such picture and each that may be its copy: 12 s of processor for 10,000
    of them, and 0.1 ms each.

    Examples
    --------
    >>> from PIL import Image
    >>> from ..engine.features import aligned_features
    >>> spot, shade = Image.radial_gradient("L"), Image.linear_gradient("L")
    >>> small = [picture.resize((90, 60)) for picture in (spot, shade)]
    >>> pictures = [aligned_features(each) for each in (spot, shade, *small)]
    >>> find_alike_frames(pictures, np.zeros(4, dtype=bool))
    array([[0, 2]])
    """
    frames = _frames_of_few(features, is_blank)
    places, stack = np.array([*frames], np.int64), np.array([*frames.values()])
    queries = np.flatnonzero([len(features[k]) < MIN_FEATURES for k in places])
    if not len(queries):
        return np.zeros((0, 2), np.int64)
    is_left = places < (n_left or 0)
    _, turn = np.unique(
        np.array([features[k].key for k in places], dtype=object), return_inverse=True
    )
    height = max(1, WEIGHT_BLOCK_BYTES // (8 * len(places)))
    found = []
    for rows in np.split(queries, range(height, len(queries), height)):
        alike = _correlate(stack[rows], stack)
        alike[np.arange(len(rows)), rows] = 0
        if n_left is not None:
            alike[is_left[rows, None] == is_left] = 0
        row, column = np.nonzero(_are_best(alike, (turn - turn[rows, None]) % len(places)))
        found.append(np.column_stack([places[rows[row]], places[column]]))
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _frames_of_few(features: Sequence[Features], is_blank: np.ndarray) -> dict[int, np.ndarray]:
    """Return the frame of each picture with few features, float32, by its number; no gradients."""
    few = [
        k for k, image in enumerate(features) if len(image) < MAX_FEW_FEATURES and not is_blank[k]
    ]
    frames = {k: np.rint(FRAME_LENGTH * features[k].frame).astype(np.float32) for k in few}
    return {k: frame for k, frame in frames.items() if not _is_shade(frame)}


def _is_shade(frame: np.ndarray) -> bool:
    """Whether a frame is an even gradient in any direction, or all of one brightness."""
    ramp = np.arange(FRAME_SIDE) - (FRAME_SIDE - 1) / 2
    square = frame.reshape(FRAME_SIDE, FRAME_SIDE).astype(np.float64)
    slopes = np.array([square.sum(axis=axis) @ ramp for axis in (0, 1)])
    return float(slopes @ slopes) >= MIN_SHADE_SHARE * float(
        (square**2).sum()
    ) * FRAME_SIDE * float(ramp @ ramp)


def _correlate(some: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Return the correlations of some frames with all, in the best view; float32, n_some x n."""
    most = some @ frames.T
    for view in VIEWS[1:]:
        np.maximum(most, some[:, view] @ frames.T, out=most)
    return most


def _are_best(alike: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Tell which pairs correlate enough and are among the best of their row, with ties.

    Of equal correlations the one with the smaller distance is better: `apart`, in the order of
    digests.
    """
    weights = (
        np.rint(alike / (CORRELATION_STEP * FRAME_LENGTH**2)).astype(np.int64) * alike.shape[1]
        - apart
    )
    weights[alike < MIN_FRAME_CORRELATION * FRAME_LENGTH**2] = -alike.shape[
        1
    ]  # less than any other
    is_best = weights > -alike.shape[1]
    if weights.shape[1] > MAX_PARTNERS:
        is_best &= weights >= np.partition(weights, -MAX_PARTNERS, axis=1)[:, -MAX_PARTNERS, None]
    return is_best


# levels by which the colours of two smooth pictures differ at most, the root mean square
MAX_SHADE_DIFFERENCE = 40


def find_near_shades(
    features: Sequence[Features], is_blank: np.ndarray, n_left: int | None = None
) -> np.ndarray:
    """Find the smooth pictures whose colours are nearest to those of each smooth one.

    Frames of gradients correlate with those of all others, and hashes of gradients are noise. So
    their colours are compared where they are, upright and mirrored. Parameters and result are as in
    `find_alike_frames`.

    Examples
    --------
    >>> from PIL import Image
    >>> from ..engine.features import aligned_features
    >>> shade = Image.linear_gradient("L")
    >>> pictures = [shade, shade.rotate(180), shade.rotate(90), shade.resize((90, 60))]
    >>> find_near_shades([aligned_features(each) for each in pictures], np.zeros(4, dtype=bool))
    array([[0, 3]])
    """
    smooth = [k for k, image in enumerate(features) if not is_blank[k] and is_smooth(image)]
    if len(smooth) < 2:
        return np.zeros((0, 2), np.int64)
    places = np.array(sorted(smooth, key=lambda k: features[k].key), np.int64)
    colours = np.array([coarse_colours(features[k]) for k in places], np.float64)
    views = [each.reshape(len(places), -1) for each in (colours, colours[:, :, ::-1])]
    squares = (views[0] ** 2).sum(axis=1)
    limit = MAX_SHADE_DIFFERENCE**2 * views[0].shape[1]
    is_left = places < (n_left or 0)
    found = []
    for row in range(len(places)):  # whole numbers: all sums are exact
        product = np.maximum(views[0] @ views[0][row], views[1] @ views[0][row])
        off = squares + squares[row] - 2 * product
        off[row] = limit + 1
        if n_left is not None:
            off[is_left == is_left[row]] = limit + 1
        nearest = np.argsort(off, kind="stable")[:MAX_PARTNERS]
        nearest = nearest[off[nearest] <= limit]
        found.append(np.column_stack([np.full(len(nearest), places[row]), places[nearest]]))
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)

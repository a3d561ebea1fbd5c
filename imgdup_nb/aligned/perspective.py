"""Two pictures, one of them in perspective: the photograph of a screen, of a print, or a keystone.

No affine transform aligns them. The matches of their features give a homography, and the grey
pictures improve it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..engine.features import Features, import_cv2
from .agreement import NOTHING, Alignment
from .bands import (
    LARGE_CELL,
    MIN_BLOCKS,
    MIN_CORRELATION,
    MIN_SCENE_RESIDUAL,
    MIN_SCENE_SIMILARITY,
    MIN_STEP_CORRELATION,
    SMALL_CELL,
    SMALL_OVERLAP,
    STOP_SIMILARITY,
)
from .geometry import MAX_SCALE, MAX_STRETCH, overlaps, to_pixels

MIN_MATCHES = 24  # of two pictures; unrelated ones seldom have more
MIN_HOMOGRAPHY_MATCHES, MIN_HOMOGRAPHY_SHARE = 14, 0.3  # that fit it; of all matches
# share of the blocks that must match before the homography is moved; before OpenCV improves it
MIN_FIRST_SHARE, MIN_ECC_SHARE = 0.25, 0.5
MAX_MOVES = 3  # moves of the homography at most
# matches that must fit an affine transform before, to within so many pixels
MIN_AFFINE_MATCHES, MAX_AFFINE_ERROR = 8, 6.0
MAX_HOMOGRAPHY_ERROR = 3.0  # pixels of `Features.size` between a match and the homography
MAX_BEND = 1.6  # by how much scales may differ from one corner to another, as factors of the middle
# steps and precision by which OpenCV improves a homography (Evangelidis and Psarakis 2008)
ECC_STEPS, ECC_PRECISION = 20, 1e-4


def align_in_perspective(
    first: Features, second: Features, pairs: np.ndarray, mirror: bool
) -> Alignment:
    """Align two pictures by a homography.

    Parameters
    ----------
    pairs : int64, n x 2, the matches of both pictures' features
    mirror
        whether they are those of the mirror image of the first one.

    Returns
    -------
    Alignment
        its transform is the nearest affine one. Less than 70 percent counts as nothing.
    """
    if len(pairs) < MIN_MATCHES:
        return NOTHING
    from .transform_loops import fit_affine

    cv2 = import_cv2()
    ends = first.points[pairs[:, 0]], second.points[pairs[:, 1]]
    # a part of the picture fits an affine transform; looking for one costs a tenth
    _, nearly = fit_affine(
        *ends, mirror, MAX_AFFINE_ERROR, MAX_SCALE, MAX_STRETCH, MIN_AFFINE_MATCHES
    )
    if nearly < MIN_AFFINE_MATCHES:
        return NOTHING
    cv2.setRNGSeed(0)  # the same pictures give the same homography
    found, inside = cv2.findHomography(*ends, cv2.USAC_MAGSAC, MAX_HOMOGRAPHY_ERROR, maxIters=500)
    matches = 0 if found is None else int(inside.sum())
    if matches < max(MIN_HOMOGRAPHY_MATCHES, MIN_HOMOGRAPHY_SHARE * len(pairs)):
        return NOTHING
    affine = nearest_affine(found, first.size)
    if affine is None:
        return NOTHING
    shares = overlaps(affine, first.size, second.size)
    if min(shares) < SMALL_OVERLAP:
        return NOTHING
    judged = _judge(first, second, found)
    if judged is None or judged.similarity < MIN_SCENE_SIMILARITY:
        return NOTHING
    return Alignment(
        judged.similarity,
        matches,
        affine,
        *shares,
        blocks=judged.blocks,
        residual=judged.residual,
        cell=judged.cell,
        treatment="perspective",
    )


def straighten(first: Features, second: Features, found: Alignment) -> Straightened | None:
    """Improve an affine alignment to a homography by the grey pixels; None if it matches no better.

    A page in a slight perspective nearly fits an affine transform: only its edges drift.
    """
    assert found.transform is not None
    to_first, to_second = (_to_grey(image) for image in (first, second))
    straight = np.vstack([found.transform, [0, 0, 1]])
    onto = _improve(first.grey, second.grey, to_second @ straight @ np.linalg.inv(to_first))
    bent = np.linalg.inv(to_second) @ onto @ to_first
    judged = _compare_warped(first.grey, second.grey, onto)
    if (
        judged is None
        or judged.residual >= min(found.residual, MIN_SCENE_RESIDUAL)
        or nearest_affine(bent / bent[2, 2], first.size) is None
    ):
        return None
    better = replace(
        found,
        similarity=judged.similarity,
        blocks=judged.blocks,
        residual=judged.residual,
        frame="right",
        cell=judged.cell,
        min_correlation=MIN_CORRELATION,
        doubt=0.0,
        treatment="perspective",
    )
    return Straightened(better, bent)


def nearest_affine(bent: np.ndarray, size: tuple[int, int]) -> np.ndarray | None:
    """Return the affine transform nearest to a homography, float64, 3 x 3, within a picture.

    None if the homography folds the picture, or bends it more than the photograph of a print.

    Examples
    --------
    >>> nearest_affine(np.diag([2.0, 2, 1]), (40, 30)).round(6) + 0.0
    array([[2., 0., 0.],
           [0., 2., 0.]])
    >>> nearest_affine(np.array([[1, 0, 0], [0, 1, 0], [0.1, 0, 1]]), (40, 30)) is None
    True
    """
    width, height = size
    xs, ys = np.meshgrid(np.linspace(0, width, 5), np.linspace(0, height, 5))
    places = np.column_stack([xs.ravel(), ys.ravel(), np.ones(xs.size)])
    there = places @ bent.T
    if (there[:, 2] * there[0, 2] <= 0).any():
        return None
    depth = np.abs(there[:, 2])
    if max(depth.max() / np.median(depth), np.median(depth) / depth.min()) > MAX_BEND:
        return None
    affine = np.linalg.lstsq(places, there[:, :2] / there[:, 2:], rcond=None)[0].T
    return affine if abs(np.linalg.det(affine[:, :2])) > 1e-3 else None


class Straightened(NamedTuple):
    """An alignment in perspective, and its homography in pixels of `Features.size`, 3 x 3."""

    alignment: Alignment
    bent: np.ndarray


class Warped(NamedTuple):
    """How one grey picture matches another, warped by a homography.

    `onto` is the homography, and `moved` a better one; the others are as in `Alignment`.
    """

    onto: np.ndarray
    moved: np.ndarray
    blocks: np.ndarray
    similarity: float
    residual: float
    cell: int


def _judge(first: Features, second: Features, bent: np.ndarray) -> Warped | None:
    """Warp the first picture onto the second, each time better; None if they do not match."""
    grey, there = first.grey, second.grey
    to_first, to_second = (_to_grey(image) for image in (first, second))
    onto = to_second @ bent @ np.linalg.inv(to_first)
    onto = onto / onto[2, 2]
    best = _compare_warped(grey, there, onto)
    for _ in range(MAX_MOVES):
        if best is None or best.similarity < 100 * MIN_FIRST_SHARE:
            return None
        moved = _compare_warped(grey, there, best.moved)
        if moved is None or moved.similarity <= best.similarity:
            break
        best = moved
    if best is not None and 100 * MIN_ECC_SHARE <= best.similarity < STOP_SIMILARITY:
        better = _compare_warped(grey, there, _improve(grey, there, best.onto))
        best = best if better is None or better.similarity < best.similarity else better
    return best


def _to_grey(image: Features) -> np.ndarray:
    """Return the transform from a picture's size to its grey pixels, float64, 3 x 3."""
    return np.vstack([to_pixels(image.size, image.grey.shape), [0, 0, 1]])


def _compare_warped(grey: np.ndarray, there: np.ndarray, onto: np.ndarray) -> Warped | None:
    """Warp a grey picture, uint8, onto another one; None if too few blocks have texture."""
    from .warp_loops import (
        block_correlations,
        blur,
        blur_inside,
        count_textured,
        share_and_residual,
        similarity_of,
        sum_cells,
    )

    cv2, size = import_cv2(), there.shape[1::-1]
    warped = cv2.warpPerspective(grey, onto, size, flags=cv2.INTER_LINEAR).astype(np.float32)
    covered = cv2.warpPerspective(np.ones(grey.shape, np.float32), onto, size)
    covered = (covered > 0.99).astype(np.float32)
    weights = blur(covered)
    one, other = (
        blur_inside(plane, covered, weights) for plane in (warped, there.astype(np.float32))
    )
    for cell in (LARGE_CELL, SMALL_CELL):
        sums = sum_cells(one, covered, other, cell)
        blocks, off, step = block_correlations(sums, cell, MIN_STEP_CORRELATION)
        if count_textured(blocks) >= MIN_BLOCKS * (4 if cell == LARGE_CELL else 1):
            share, residual = share_and_residual(blocks, off, MIN_CORRELATION)
            moved = np.linalg.inv(np.eye(3) + np.vstack([step, [0, 0, 0]])) @ onto
            similarity = similarity_of(share, residual, 0.0)
            return Warped(onto, moved / moved[2, 2], blocks, similarity, residual, cell)
    return None


def _improve(grey: np.ndarray, there: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """Improve a homography by the pixels of both pictures; as it was where that fails."""
    cv2 = import_cv2()
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ECC_STEPS, ECC_PRECISION)
    back = np.linalg.inv(onto)
    try:
        start = (back / back[2, 2]).astype(np.float32)
        _, better = cv2.findTransformECC(there, grey, start, cv2.MOTION_HOMOGRAPHY, stop, None, 3)
    except cv2.error:  # it found no way to improve
        return onto
    better = np.linalg.inv(better.astype(np.float64))
    return better / better[2, 2]

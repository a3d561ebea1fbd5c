"""A part of a picture that was cut out, or left by a mask, on a plain ground.

A crop of another shape is a copy as a rectangular one is. The plain ground of one picture shows
nothing, so only the blocks besides it count. Of two things on plain grounds each is compared whole.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..engine.features import Features, import_cv2
from .agreement import Alignment, share_of, warp_greys
from .bands import (
    MAX_COPY_RESIDUAL,
    MAX_SLIGHT_SIMILARITY,
    MIN_LARGE_BLOCKS,
    SMALL_OVERLAP,
)
from .flat_areas import PLAIN_EDGE, PLAIN_LEVELS
from .visible import refine_visible

# of the overlap, and of its edge: a smaller plain ground is a border, a bar or a sticker
MIN_BARE_SHARE, MIN_BARE_EDGE = 0.15, 0.6
# of the blocks of the overlap: those besides the ground; of these, those that match
MIN_SHOWN_SHARE, MIN_SHOWN_MATCHING = 0.3, 0.8
MAX_COVERED = 0.02  # of the pixels of a block that shows something


def judge_cut_out(found: Alignment, first: Features, second: Features) -> Alignment:
    """Judge again an alignment without a residual, of which one picture has a plain ground.

    The similarity is at most 89.
    """
    if (
        found.blocks is None
        or found.matches == 0
        or found.similarity >= MAX_SLIGHT_SIMILARITY
        or max(found.overlap_left, found.overlap_right) < 100 - SMALL_OVERLAP
    ):
        return found
    edges = [_plain_share(image.grey) for image in (first, second)]
    if max(edges) < MIN_BARE_EDGE or min(edges) >= PLAIN_EDGE:
        return found
    # the picture that is read on the grid of the other one comes first
    plain = int((edges[1] > edges[0]) == (found.frame == "right"))
    ground = ground_at_edge(warp_greys(found, first, second)[plain])
    if float(ground.mean()) < MIN_BARE_SHARE:
        return found
    again = found
    if found.residual >= MAX_COPY_RESIDUAL:  # blocks at the edge of the ground pull it aside
        again = refine_visible(found, first, second)
        if again.blocks is None or again.residual >= MAX_COPY_RESIDUAL:
            return found
        ground = ground_at_edge(warp_greys(again, first, second)[plain])
    assert again.blocks is not None
    shown = _shown_blocks(ground, again)
    known = again.blocks[shown & ~np.isnan(again.blocks)]
    if (
        len(known) < MIN_LARGE_BLOCKS
        or np.count_nonzero(shown) < MIN_SHOWN_SHARE * shown.size
        or share_of(known, again.min_correlation) < MIN_SHOWN_MATCHING
    ):
        return found
    similarity = min(MAX_SLIGHT_SIMILARITY, 100 * share_of(known, again.min_correlation))
    if similarity <= found.similarity:
        return found
    blocks = np.where(shown, again.blocks, np.float32(0))  # the colour of the ground is no other
    return replace(again, similarity=similarity, blocks=blocks, doubt=0.0, treatment="cut out")


def ground_at_edge(plane: np.ndarray) -> np.ndarray:
    """Tell which pixels of a picture, float32, are of one level and connected with its edge.

    Examples
    --------
    >>> plane = np.array([[9, 9, 9, 9], [9, 50, 60, 9], [9, 70, 9, 80], [9, 9, 90, 9]], np.float32)
    >>> ground_at_edge(plane).astype(int).tolist()
    [[1, 1, 1, 1], [1, 0, 0, 1], [1, 0, 0, 0], [1, 1, 0, 1]]
    """
    level = np.bincount(edge_of(plane).clip(0, 255).astype(np.int64)).argmax()
    like = (np.abs(plane - level) <= PLAIN_LEVELS).astype(np.uint8)
    _, labels = import_cv2().connectedComponents(like, connectivity=4)
    return np.isin(labels, np.setdiff1d(edge_of(labels), [0]))


def _plain_share(grey: np.ndarray) -> float:
    """Return the share of the outermost pixels of a picture, uint8, that have one level."""
    edge = edge_of(grey).astype(np.int16)
    return float((np.abs(edge - np.median(edge)) <= PLAIN_LEVELS).mean())


def edge_of(plane: np.ndarray) -> np.ndarray:
    """Return the outermost values of a plane.

    Examples
    --------
    >>> edge_of(np.arange(9).reshape(3, 3)).tolist()
    [0, 1, 2, 6, 7, 8, 3, 5]
    """
    return np.concatenate([plane[0], plane[-1], plane[1:-1, 0], plane[1:-1, -1]])


def _shown_blocks(ground: np.ndarray, found: Alignment) -> np.ndarray:
    """Tell which blocks of an alignment have no ground, bool."""
    assert found.blocks is not None
    rows, columns = found.blocks.shape
    cell = found.cell
    cells = ground[: (rows + 1) * cell, : (columns + 1) * cell].astype(float)
    cells = cells.reshape(rows + 1, cell, columns + 1, cell).mean(axis=(1, 3))
    covered = (cells[:-1, :-1] + cells[1:, :-1] + cells[:-1, 1:] + cells[1:, 1:]) / 4
    return covered <= MAX_COVERED

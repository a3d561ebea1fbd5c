"""Two pictures of one smooth backdrop, such as a sky, with other things in front of it.

Each block of a gradient correlates with the same block of any picture with that gradient, whatever
small things it also shows. So where much of both pictures is smooth, the detail besides the smooth
shade must match, too.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from ..engine.features import Features
from .agreement import Alignment, grids_of, tell_once
from .bands import MAX_SCENE_SIMILARITY, MIN_BLOCKS, MIN_VARIANCE, STOP_SIMILARITY
from .shades import SHADE_BLOCK, shade_blocks

# share of a block's variance that a smooth one has besides its shade, at most
MAX_SMOOTH_DETAIL = 0.1
MIN_SMOOTH_SHARE = 0.25  # of the textured blocks of both pictures
# a block has detail that has so many times the median variance besides the shade: noise is alike
# everywhere
MIN_DETAIL_RATIO = 2.0
MIN_DETAIL_CORRELATION, MIN_DETAIL_SHARE = 0.5, 0.4  # of a block with detail; of these blocks
# a horizon or the edge of a glow has a few features, and much of the detail: with fewer matches, if
# not all blocks match, nearly all detail must
MIN_MATCHES_BEFORE, MIN_NEARLY_ALL_DETAIL = 16, 0.8
# pictures changed so lose or move their detail, and other rules look at it
TREATED_ELSEWHERE = {"blur", "whole", "perspective", "bend", "negative", "smooth", "cut out"}


def judge_backdrop(found: Alignment, first: Features, second: Features) -> Alignment:
    """Return an alignment, at most 79 percent if little but a smooth backdrop matches."""
    if (
        found.similarity <= MAX_SCENE_SIMILARITY
        or found.treatment in TREATED_ELSEWHERE
        or min(tell_once(smooth_share, each) for each in (first, second)) < MIN_SMOOTH_SHARE
    ):
        return found
    from .warp_loops import warp

    grey, there, back = grids_of(found, first, second)
    if min(there.shape) < SHADE_BLOCK:
        return found
    warped, covered = warp(grey, back, *there.shape)
    inside = shade_blocks(covered).min(axis=1) > 0
    one, other = (
        _Detail(shade_blocks(warped)[inside]),
        _Detail(shade_blocks(there)[inside]),
    )
    if np.count_nonzero(one.smooth & other.smooth) < MIN_SMOOTH_SHARE * np.count_nonzero(
        one.textured & other.textured
    ):
        return found
    detailed = one.detailed | other.detailed
    if np.count_nonzero(detailed) < MIN_BLOCKS:
        return found
    together = (one.rest * other.rest).mean(axis=1)[detailed]
    spread = np.sqrt(one.variance * other.variance)[detailed]
    # no matches: it was found by the whole frames
    is_few = 0 < found.matches < MIN_MATCHES_BEFORE and found.agreeing < STOP_SIMILARITY
    least = MIN_NEARLY_ALL_DETAIL if is_few else MIN_DETAIL_SHARE
    if float(np.mean(together >= MIN_DETAIL_CORRELATION * (spread + 1e-6))) >= least:
        return found
    return replace(found, similarity=MAX_SCENE_SIMILARITY, treatment="backdrop")


def smooth_share(grey: np.ndarray) -> float:
    """Return the share of the textured blocks of a picture, uint8, that are a smooth shade.

    Examples
    --------
    >>> from PIL import Image
    >>> shade, noise = Image.linear_gradient("L"), Image.effect_noise((80, 60), 60)
    >>> [smooth_share(np.asarray(each)) for each in (shade, noise)]
    [1.0, 0.0]
    """
    if min(grey.shape) < SHADE_BLOCK:
        return 0.0
    detail = _Detail(shade_blocks(grey))
    return float(detail.smooth.sum() / max(1, detail.textured.sum()))


class _Detail:
    """Blocks of a picture, n x pixels: which are textured, smooth, or have detail of their own.

    `rest` is what is left of each without its shade, and `variance` that of the rest.
    """

    def __init__(self, blocks: np.ndarray) -> None:
        level = blocks - blocks.mean(axis=1, keepdims=True)
        self.rest = level - (level @ _shades()) @ _shades().T
        spread, self.variance = level.var(axis=1), self.rest.var(axis=1)
        self.textured = spread >= MIN_VARIANCE
        self.smooth = self.textured & (self.variance < MAX_SMOOTH_DETAIL * spread)
        usual = np.median(self.variance[self.textured]) if self.textured.any() else 0.0
        self.detailed = self.variance >= max(MIN_VARIANCE, MIN_DETAIL_RATIO * float(usual))


@lru_cache(1)
def _shades() -> np.ndarray:
    """Return surfaces of the second degree over a block, of length 1, float32, pixels x 6."""
    y, x = np.mgrid[:SHADE_BLOCK, :SHADE_BLOCK].reshape(2, -1) - (SHADE_BLOCK - 1) / 2
    surfaces = np.column_stack([np.ones_like(x), x, y, x * x, x * y, y * y])
    return np.linalg.qr(surfaces)[0].astype(np.float32)

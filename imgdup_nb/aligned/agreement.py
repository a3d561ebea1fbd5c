"""Two pictures and a transform -> which blocks of their overlap match, and what that means.

Small blocks of the grey pictures are compared one by one; `colours` then compares their colours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from ..engine.features import Features, import_cv2
from .bands import (
    ALLOWED_LOSS,
    ALLOWED_LOSS_FACTOR,
    COARSE_FACTOR,
    COARSEST_FACTOR,
    LARGE_CELL,
    MAX_IMPERFECT_SIMILARITY,
    MIN_BLOCKS,
    MIN_COARSE_CORRELATION,
    MIN_COARSEST_CORRELATION,
    MIN_CORRELATION,
    MIN_FEATURES,
    MIN_LARGE_PART_BLOCKS,
    MIN_OVERLAP_OF_BOTH,
    MIN_OVERLAP_OF_COPY,
    MIN_OVERLAP_OF_ONE,
    MIN_SCENE_RESIDUAL,
    MIN_SMALL_OVERLAP_BLOCKS,
    MIN_STRICT_CORRELATION,
    MIN_SURE_BLOCK_SHARE,
    MIN_SURE_CORRELATION,
    SMALL_CELL,
    SMALL_OVERLAP,
)
from .geometry import (
    compose,
    determinant,
    from_pixels,
    invert,
    largest_part,
    overlaps,
    to_pixels,
)

GRIDS_REMEMBERED = 64  # of 250 KB each; the pairs of one picture follow each other

_textured: WeakKeyDictionary[Features, bool] = WeakKeyDictionary()
_told: WeakKeyDictionary[Features, dict[Callable[[np.ndarray], Any], Any]] = WeakKeyDictionary()
Told = TypeVar("Told")


def is_textured(features: Features) -> bool:
    """Whether a picture can be aligned: it needs features and textured blocks.

    Leather, for example, has features only.
    """
    known = _textured.get(features)
    if known is None:
        from .warp_loops import count_all_textured

        n_blocks = (
            count_all_textured(features.grey, SMALL_CELL) if len(features) >= MIN_FEATURES else 0
        )
        known = _textured[features] = n_blocks >= MIN_BLOCKS
    return known


def tell_once(tell: Callable[[np.ndarray], Told], image: Features) -> Told:
    """Return what a function tells of the grey picture; each picture is looked at once."""
    known = _told.setdefault(image, {})
    if tell not in known:
        known[tell] = tell(image.grey)
    told: Told = known[tell]
    return told


@dataclass(frozen=True, eq=False)
class Alignment:
    """How two pictures, left and right, are aligned, and how much of their overlap matches.

    Attributes
    ----------
    similarity
        percent of the textured blocks of the overlap that match. It is from 70 to 79 for a second
        photograph of a scene and for other colours. It is at most 99 if one block is worse than the
        others or colours are lost. Below 70 only a shared part counts (see `shares_part`);
        everything else is 0.
    matches
        features that fit the transform.
    transform : float64, 2 x 3, or None
        from left to right, in pixels of their `Features.size`; None if nothing was found.
    overlap_left, overlap_right
        percent of each picture's area that the overlap covers.
    blocks : float32, rows x columns
        correlation of each block of the overlap. It is NaN outside of the overlap, and where both
        pictures are flat.
    residual
        pixels of the grey picture by which matching blocks are shifted, the median; 0.1 in a copy,
        more in a second photograph.
    frame : {'left', 'right'}
        the picture whose grid the blocks are: the one that shows the overlap in fewer pixels.
    cell
        pixels of the grey picture from one block to the next; a block is twice as wide.
    min_correlation
        correlation from which a block matches, inclusive.
    doubt
        0 to 1; how little evidence there is that a nearly flat picture is a copy. The reasons are
        flat parts of another shade, or few textured blocks. With 1 the similarity is at most 79.
    coarse
        whether the pictures match only when both are made small, as copies do that have lost their
        detail. The similarity is at most 79 then.
    recoloured
        percent of the blocks matching in grey that have another colour and do not count; 0 if
        nothing depends on it.
    treatment : str
        what was allowed for. 'shade': pictures without their coarse light and shade; 'blur': both
        blurred; 'perspective', 'bend': the transform is the nearest one; 'whole': the whole
        pictures made small; 'overlay': something put over one of them; 'cut out': a part on a plain
        ground; 'negative': one is the negative of the other; 'smooth': only the colours in place
        are compared; 'backdrop': nothing, little but a smooth backdrop matches; '': nothing.
    changed
        blocks of two pages in which other words are written: see `detail`. The similarity is at
        most 79 then; at most 89 if only one place differs.
    """

    similarity: float
    matches: int = 0
    transform: np.ndarray | None = None
    overlap_left: float = 0.0
    overlap_right: float = 0.0
    blocks: np.ndarray | None = None
    residual: float = math.nan
    frame: str = "right"
    cell: int = LARGE_CELL
    min_correlation: float = MIN_CORRELATION
    doubt: float = 0.0
    coarse: bool = False
    recoloured: float = 0.0
    treatment: str = ""
    changed: int = 0

    @cached_property
    def part(self) -> np.ndarray:
        """The largest connected piece of matching blocks, bool, rows x columns."""
        return (
            np.zeros((0, 0), dtype=bool)
            if self.blocks is None
            else largest_part(self.blocks >= self.min_correlation)
        )

    @property
    def agreeing(self) -> float:
        """Percent of the textured blocks that match, whatever the similarity is."""
        return 0.0 if self.blocks is None else 100 * share_of(self.blocks, self.min_correlation)

    @property
    def shares_part(self) -> bool:
        """Whether the matching blocks are a part that both pictures share.

        Two photographs of one scene also match in places, and so do two garments. A shared part has
        features and a connected piece of blocks. Its residual is that of a copy; or the piece is
        large, and nearly all of its blocks match surely.
        """
        if self.blocks is None or self.matches == 0:
            return False
        n = int(self.part.sum())
        if n < MIN_BLOCKS:
            return False
        return self.residual < MIN_SCENE_RESIDUAL or (
            n >= MIN_LARGE_PART_BLOCKS
            and share_of(self.blocks[self.part], MIN_SURE_CORRELATION) >= MIN_SURE_BLOCK_SHARE
        )

    @property
    def is_partial(self) -> bool:
        """Whether both pictures show more than the overlap; the similarity is at most 79 then."""
        return (
            self.transform is not None
            and max(self.overlap_left, self.overlap_right) < MIN_OVERLAP_OF_COPY
        )

    @property
    def scale(self) -> float:
        """How many times larger right shows the overlap, along a side; NaN without a transform."""
        return (
            math.sqrt(abs(determinant(self.transform))) if self.transform is not None else math.nan
        )

    @property
    def mirrored(self) -> bool:
        """Whether one picture is mirrored."""
        return self.transform is not None and bool(determinant(self.transform) < 0)

    @property
    def rotation(self) -> float:
        """Degrees by which left is rotated counter-clockwise onto right, -180 to 180.

        A mirrored picture is mirrored left to right first. NaN without a transform.
        """
        if self.transform is None:
            return math.nan
        (a, b, _), (c, d, _) = self.transform.tolist()
        if self.mirrored:
            a, c = -a, -c
        # of the nearest rotation, so that a squashed picture counts as upright
        return math.degrees(math.atan2(b - c, a + d))


NOTHING = Alignment(0.0, residual=math.inf)


def exchange_sides(found: Alignment) -> Alignment:
    """Return an alignment with left and right exchanged."""
    if found.transform is None:
        return found
    return replace(
        found,
        transform=invert(found.transform),
        overlap_left=found.overlap_right,
        overlap_right=found.overlap_left,
        frame="left" if found.frame == "right" else "right",
    )


def grids_of(
    found: Alignment, first: Features, second: Features
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what is compared block by block: one picture is read on the grid of the other.

    Returns
    -------
    source : uint8, the grey picture that is read; made smaller if the grid is coarser
    grid : uint8, the other grey picture
    back : float64, 2 x 3, the transform from pixels of the grid to those of the source
    """
    assert found.transform is not None
    source, target, onto = (
        (first, second, found.transform)
        if found.frame == "right"
        else (second, first, invert(found.transform))
    )
    grey = _shrink_grey(source.grey, math.sqrt(abs(determinant(onto))))
    back = compose(
        from_pixels(target.size, target.grey.shape),
        invert(onto),
        to_pixels(source.size, grey.shape),
    )
    return grey, target.grey, back


def warp_greys(
    found: Alignment, first: Features, second: Features
) -> tuple[np.ndarray, np.ndarray]:
    """Return both grey pictures on the grid of an alignment's blocks, float32, height x width."""
    from .warp_loops import warp

    grey, there, back = grids_of(found, first, second)
    return warp(grey, back, *there.shape)[0], there.astype(np.float32)


def share_of(blocks: np.ndarray, min_correlation: float) -> float:
    """Return the share of the textured blocks that match; NaN if no block is textured."""
    from .warp_loops import share_agreeing

    return share_agreeing(blocks.ravel(), min_correlation)


def overlap_enough(shares: tuple[float, float], min_overlap: float) -> bool:
    """Whether the overlap covers enough of both pictures, and more of one; `shares` in percent."""
    return max(shares) >= MIN_OVERLAP_OF_ONE and min(shares) >= min_overlap


def refine(
    first: Features,
    second: Features,
    transform: np.ndarray,
    matches: int,
    min_overlap: float,
    smaller: int = 1,
) -> Alignment:
    """Align two pictures better, by their grey pixels, and judge the result.

    Each step moves the transform so that the blocks match better. `smaller` is how many times
    smaller both grey pictures are made first.
    """
    from .warp_loops import grid_of, pack_squares, refine_blocks

    # onto the picture that shows the overlap in fewer pixels
    area = abs(determinant(transform))
    is_shrunk = area <= 1
    source, target, onto_source = (
        (first, second, invert(transform)) if is_shrunk else (second, first, transform)
    )
    grey = _shrink_grey(source.grey, math.sqrt(area if is_shrunk else 1 / area) / smaller)
    there = _shrink_grey(target.grey, 1 / smaller)
    sizes = (source.size, grey.shape), (target.size, there.shape)
    back = compose(from_pixels(*sizes[1]), onto_source, to_pixels(*sizes[0]))
    min_correlation = {
        1: MIN_CORRELATION,
        COARSE_FACTOR: MIN_COARSE_CORRELATION,
        COARSEST_FACTOR: MIN_COARSEST_CORRELATION,
    }[smaller]
    start_cell = LARGE_CELL if smaller == 1 else SMALL_CELL
    packed = _packed_grey(source) if grey is source.grey else pack_squares(grey)
    grid = _grid_of(target) if smaller == 1 else grid_of(there, start_cell)
    blocks, percent, residual, doubt, back, cell = refine_blocks(
        packed, *grid, back, start_cell, min_correlation
    )
    if smaller == 1 and percent > 0:
        percent, min_correlation = _judge_exactly(blocks, percent, residual, doubt)
    refined = compose(to_pixels(*sizes[1]), back, from_pixels(*sizes[0]))
    transform = invert(refined) if is_shrunk else refined
    shares = overlaps(transform, first.size, second.size)
    min_blocks = MIN_BLOCKS if min(shares) >= SMALL_OVERLAP else MIN_SMALL_OVERLAP_BLOCKS
    if (
        percent <= 0
        or np.count_nonzero(~np.isnan(blocks)) < min_blocks
        or not overlap_enough(shares, min_overlap)
    ):
        return NOTHING
    return Alignment(
        percent,
        matches,
        transform,
        *shares,
        blocks=blocks,
        residual=smaller * residual,
        frame="right" if is_shrunk else "left",
        cell=smaller * cell,
        min_correlation=min_correlation,
        doubt=doubt,
        coarse=smaller > 1,
    )


@lru_cache(GRIDS_REMEMBERED)
def _grid_of(image: Features) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from .warp_loops import grid_of

    return grid_of(image.grey, LARGE_CELL)


@lru_cache(GRIDS_REMEMBERED)
def _packed_grey(image: Features) -> np.ndarray:
    from .warp_loops import pack_squares

    return pack_squares(image.grey)


def refine_equal(left: Features, right: Features) -> Alignment:
    """Return the alignment of two pictures with equal features; they may have little texture."""
    upright = np.eye(3)[:2]
    found = refine(left, right, upright, len(left), MIN_OVERLAP_OF_BOTH)
    return replace(
        found,
        similarity=100.0,
        matches=len(left),
        transform=upright,
        overlap_left=100.0,
        overlap_right=100.0,
        residual=0.0,
    )


def _judge_exactly(
    blocks: np.ndarray, percent: float, residual: float, doubt: float
) -> tuple[float, float]:
    """Expect of every block nearly the correlation that the median has.

    Returns
    -------
    percent : the similarity
    min_correlation : from which a block matches
    """
    from .warp_loops import median_and_min, similarity_of

    middle, least = median_and_min(blocks)
    expected = 1 - ALLOWED_LOSS - ALLOWED_LOSS_FACTOR * (1 - middle)
    min_correlation = min(max(MIN_CORRELATION, expected), MIN_STRICT_CORRELATION)
    if min_correlation > MIN_CORRELATION:
        percent = similarity_of(share_of(blocks, min_correlation), residual, doubt)
    return percent if least >= expected else min(percent, MAX_IMPERFECT_SIMILARITY), min_correlation


def _shrink_grey(grey: np.ndarray, factor: float) -> np.ndarray:
    """Make a grey picture smaller by means of pixels; interpolation would skip most of them."""
    if factor >= 0.75:
        return grey
    size = (max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor)))
    return import_cv2().resize(grey, size, interpolation=import_cv2().INTER_AREA)


def judge_unsupported(found: Alignment) -> Alignment:
    """Judge again an alignment that has a residual and few matches: blocks must match better."""
    from .warp_loops import similarity_of

    if found.blocks is None:
        return found
    min_correlation = max(found.min_correlation, MIN_STRICT_CORRELATION)
    similarity = similarity_of(share_of(found.blocks, min_correlation), found.residual, found.doubt)
    return replace(found, similarity=similarity, min_correlation=min_correlation)

"""Two images' features -> how one lies on the other, and which part of what both show agrees.

Everything here depends on the two pictures alone, and not on which of them comes first: the picture with the smaller digest is
laid onto the other, whatever their names are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .features import SHRINK, Features, import_cv2
from .shared_part import are_inside, is_vouched_for, largest_part
from .transforms import carry, determinant, invert, lay_frame, overlaps, then, to_pixels

MAX_BITS = 68  # of 256: two ORB patches that differ by more show different things
MIN_MATCHED = 0.05  # of the features in the common area; fewer are chance agreements, and their blocks need not be looked at
REPROJECTION = 4.0  # pixels of `Features.size` that a match may be off
MAX_STRETCH = 2.5  # what a copy may be stretched by in one direction more than in the other
CELL, SMALL_CELL = 8, 4  # pixels of the grey pictures; a block is 2 x 2 cells, and blocks overlap by half
FEW_BLOCKS = 40  # a common area of fewer blocks is looked at with small cells
MIN_BLOCKS = 8  # fewer textured blocks are no evidence
SMALL_SHARE, SMALL_BLOCKS = 25.0, 24  # percent of a picture; where less of it is common, so many blocks must say that it is
MIN_OVERLAP = 20.0  # percent that must be common of the picture of which more is
TEXTURED = 9.0  # variance of grey levels; a block flatter than this in both pictures says nothing
AGREES = 0.85  # correlation of a block; photographs taken a second apart mostly stay below in what moved
VOUCHED = 0.16  # of the features; with fewer, and lying apart as no copy does,
AGREES_UNVOUCHED = 0.9  # a block must agree more: two garments on one floor have shades in common, and little else
ALIKE = 0.5  # correlation from which a block says where the pictures should lie
MAX_STEPS, SETTLED_PIXELS = 4, 0.1  # of moving the transform; pixels of the grey picture that end it
SETTLED = 90.0  # percent; then nothing else is tried
LARGE_PART, SHARP = 40, 0.85  # blocks in one piece; of these so many agree surely though around them all has changed
MOST_OF_PARTS = 69.0  # percent; pages of one template share much seen from closer by, and as a whole are no copies
FRAME_SIDE, FRAME_ALIKE = 16, 0.85  # frames are laid on each other where, this many pixels wide and high, they correlate so
_PLACES = np.arange(FRAME_SIDE**2).reshape(FRAME_SIDE, FRAME_SIDE)
VIEWS = np.stack([np.rot90(each, turns).ravel() for each in (_PLACES, _PLACES[:, ::-1]) for turns in range(4)])
AS_GOOD = 0.01  # correlation by which a turned or mirrored frame must be better than the upright one
REPEATS = 0.2  # of the mean change from row to row (or column to column) that is the median where most come several times
COARSE, COARSER = 2, 4  # times smaller than the grey pictures, where a copy has lost its detail
AGREES_COARSE, AGREES_COARSER = 0.7, 0.9  # correlation of a block there
STAYS = 90.0  # percent of both that must be common still when blocks have moved a frame
MOSTLY, NEARLY_ALL = 0.6, 0.9  # of the blocks that must agree at the smaller one to look on; and to judge by these, or
MUCH_TEXTURED, MOST_TEXTURED = 0.45, 0.55  # where fewer of a frame's blocks are textured; and not at all at the smaller one


@dataclass(frozen=True, eq=False)
class Alignment:
    """How two pictures, left and right, lie on each other.

    Attributes
    ----------
    similarity
        percent of the textured blocks of the common area that agree, in the band from 70 to 79 where they show another shot of
        the scene. Below 70 only of a shared part (see `shares_part`); 0 of what else agrees in part, and where no alignment
        was found.
    matches
        features that the transform carries.
    transform : float64, 2 x 3, or None
        from left to right, in pixels of their `Features.size`.
    overlap_left, overlap_right
        percent of each picture's area that is common.
    blocks : float32, rows x columns
        correlation of each block of the common area; NaN where it is outside or both are flat.
    apart
        pixels of the grey picture by which what agrees lies apart, the median over blocks; 0.1 in a copy, more in another shot.
    frame : {'left', 'right'}
        the picture whose grid the blocks are: the coarser one of what both show.
    cell
        pixels of the grey picture from one block to the next; a block is twice as wide.
    agrees
        correlation from which a block agrees.
    doubt
        0 to 1; how little says that a nearly flat picture is a copy: flat parts of another shade, or few textured
        blocks that do not agree wholly. With 1 the similarity is in the band from 70 to 79 too.
    coarse
        whether it agrees only once both are made small, as a copy does that has lost its detail; in that band too.
    """

    similarity: float
    matches: int = 0
    transform: np.ndarray | None = None
    overlap_left: float = 0.0
    overlap_right: float = 0.0
    blocks: np.ndarray | None = None
    apart: float = math.nan
    frame: str = "right"
    cell: int = CELL
    agrees: float = AGREES
    doubt: float = 0.0
    coarse: bool = False

    @cached_property
    def part(self) -> np.ndarray:
        """Which blocks make up the largest piece that agrees, bool, rows x columns."""
        return np.zeros((0, 0), dtype=bool) if self.blocks is None else largest_part(self.blocks >= self.agrees)

    @property
    def agreeing(self) -> float:
        """Percent of the textured blocks that agree, whatever it counts as."""
        return 0.0 if self.blocks is None else 100 * _share(self.blocks, self.agrees)

    @property
    def shares_part(self) -> bool:
        """Whether what agrees is a part that both pictures share, and not what two shots or garments have in common.

        Features carry it, some of it is in one piece, and it lies still; or it is a large piece that agrees nearly wholly.
        """
        from .alignment_loops import SHOT, SURELY

        n = int(self.part.sum())
        if self.blocks is None or self.matches == 0 or n < MIN_BLOCKS:
            return False
        return self.apart < SHOT or (n >= LARGE_PART and _share(self.blocks[self.part], SURELY) >= SHARP)

    @property
    def scale(self) -> float:
        """How much larger right shows what left shows, as the square root of areas; NaN without a transform."""
        return math.sqrt(abs(determinant(self.transform))) if self.transform is not None else math.nan

    @property
    def mirrored(self) -> bool:
        """Whether one is turned over."""
        return self.transform is not None and bool(determinant(self.transform) < 0)

    @property
    def rotation(self) -> float:
        """Degrees by which left is turned counter-clockwise (after mirroring it left to right, if mirrored), -180 to 180."""
        if self.transform is None:
            return math.nan
        (a, b, _), (c, d, _) = self.transform.tolist()
        if self.mirrored:
            a, c = -a, -c
        return math.degrees(math.atan2(b - c, a + d))  # of the nearest rotation, so that a squashed picture counts as upright


NOTHING = Alignment(0.0, apart=math.inf)


class Look(NamedTuple):
    """How pictures are looked at: as a whole, one for a part of the other that was seen from closer by, or both from closer by.

    Attributes
    ----------
    min_matches
        three points always agree, and a few more by chance; of a part there are fewer features, and its blocks decide.
    min_both
        percent that must be common of each.
    max_scale
        what a copy may be enlarged by.
    places
        where it is looked for, one after the other: a collage may show the same thing several times.
    vouched_by
        what says that features agree not by chance: "all" of the common area, of which they are a share; how "still" it lies;
        those in the "part" that agrees.
    """

    min_matches: int
    min_both: float
    max_scale: float
    places: int
    vouched_by: str


WHOLE, PART, BOTH_PARTS = Look(8, 4.0, 6.0, 1, "all"), Look(8, 2.0, 8.0, 4, "still"), Look(8, 4.0, 6.0, 1, "part")


def align(left: Features, right: Features) -> Alignment:
    """Lay one picture onto the other and say what share of the common area agrees.

    Returns
    -------
    Alignment
        the best one of plain and mirrored by features, and, where these agree on little, of frame on frame; `similarity` 0
        where nothing fits, and no transform where nothing could be judged.
    """
    turned_round = left.key > right.key
    first, second = (right, left) if turned_round else (left, right)
    best = _look(first, second, WHOLE)
    if best.similarity < SETTLED:
        best = max(best, _align_frames(first, second), key=lambda each: (_claim(each), each.similarity))
    if best.similarity < SETTLED and second.closer is not None:
        best = _better(best, _look(first, second.closer, PART))
    if best.similarity < SETTLED and first.closer is not None:
        best = _better(best, _turn_round(_look(second, first.closer, PART)))
    if _claim(best) == 0 and first.closer is not None and second.closer is not None:
        best = _better(best, _look(first.closer, second.closer, BOTH_PARTS))
    best = replace(best, similarity=_claim(best))
    return _turn_round(best) if turned_round else best


def _better(one: Alignment, other: Alignment) -> Alignment:
    """Return the better one of two, the first where they are equal."""
    return max(one, other, key=lambda each: (_claim(each), each.similarity, each.matches))


def _claim(found: Alignment) -> float:
    """Return the percent that may be claimed: below what looks alike only of a part that is surely shared."""
    from .alignment_loops import LOOKS_ALIKE

    return found.similarity if found.similarity >= LOOKS_ALIKE or found.shares_part else 0.0


def _look(first: Features, second: Features, look: Look) -> Alignment:
    """Align the first picture, plain and mirrored, with the second."""
    from .feature_loops import mutual_matches

    tries = []
    for mirror, bits in ((False, first.bits), (True, first.mirrored)):
        angles = (180 - first.angles).astype(np.float32) if mirror else first.angles
        tries.append((mirror, mutual_matches(bits, second.bits, angles, second.angles, MAX_BITS)))
    best = NOTHING
    for mirror, pairs in sorted(tries, key=lambda each: -len(each[1])):  # plain first, where both have as many
        best = _better(best, _align_view(first, second, pairs, mirror, look))
        if best.similarity >= SETTLED:
            break
    return best


def _turn_round(found: Alignment) -> Alignment:
    if found.transform is None:
        return found
    return replace(
        found,
        transform=invert(found.transform),
        overlap_left=found.overlap_right,
        overlap_right=found.overlap_left,
        frame="left" if found.frame == "right" else "right",
    )


def _align_view(first: Features, second: Features, pairs: np.ndarray, mirror: bool, look: Look = WHOLE) -> Alignment:
    """Align one view of the first picture with the second by matches, n x 2, in the place where it agrees most."""
    best = NOTHING
    for _ in range(look.places):
        found = _align_place(first, second, pairs, mirror, look)
        best = _better(best, found)
        if found.transform is None or best.similarity >= SETTLED:
            break
        pairs = pairs[~_carries(found.transform, first.points[pairs[:, 0]], second.points[pairs[:, 1]])]
    return best if best.similarity > 0 else NOTHING


def _carries(transform: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Whether a transform carries points, n x 2, to within some pixels of others."""
    reach = REPROJECTION * math.sqrt(max(1.0, abs(determinant(transform))))
    return np.linalg.norm(carry(transform, source) - target, axis=1) <= reach


def _align_place(first: Features, second: Features, pairs: np.ndarray, mirror: bool, look: Look) -> Alignment:
    """Align one view of the first picture with the place of the second to which most matches lead."""
    from .alignment_loops import SHOT, count_within, fit_affine

    if len(pairs) < look.min_matches:
        return NOTHING
    ends = first.points[pairs[:, 0]], second.points[pairs[:, 1]]
    transform, matches = fit_affine(*ends, mirror, REPROJECTION, look.max_scale, MAX_STRETCH, look.min_matches)
    if matches < look.min_matches:
        return NOTHING
    in_common = min(
        count_within(transform, first.points, *second.size), count_within(invert(transform), second.points, *first.size)
    )
    is_few = look.vouched_by != "part" and matches < MIN_MATCHED * in_common
    if is_few or not _are_enough(overlaps(transform, first.size, second.size), look.min_both):
        return NOTHING
    found = _settle(first, second, transform, matches, look)
    if look.vouched_by == "part":
        return _judge_parts(found, first, second, pairs)
    if found.apart < SHOT:
        return found
    if look.vouched_by == "still":  # too few features to vouch for it, too few blocks to tell another shot from something else
        return replace(found, similarity=0.0)
    return found if matches >= VOUCHED * in_common else _judge_unvouched(found)


def _judge_parts(found: Alignment, first: Features, second: Features, pairs: np.ndarray) -> Alignment:
    """Judge two pictures both seen from closer by: only the part that agrees says something, by its own features."""
    if found.transform is None or not found.shares_part:
        return NOTHING
    on_right = found.frame == "right"
    one = carry(found.transform, first.points) if on_right else first.points
    other = second.points if on_right else carry(invert(found.transform), second.points)
    in_first, in_second = (are_inside(points, found.part, SHRINK * found.cell) for points in (one, other))
    carried = pairs[_carries(found.transform, first.points[pairs[:, 0]], second.points[pairs[:, 1]])]
    return (
        replace(found, similarity=min(found.similarity, MOST_OF_PARTS))
        if is_vouched_for(in_first, in_second, carried)
        else NOTHING
    )


def _judge_unvouched(found: Alignment) -> Alignment:
    """Judge an alignment again whose blocks lie apart and which few features carry."""
    from .alignment_loops import weigh

    if found.blocks is None:
        return found
    similarity = weigh(_share(found.blocks, AGREES_UNVOUCHED), found.apart, found.doubt)
    return replace(found, similarity=similarity, agrees=AGREES_UNVOUCHED)


def _share(blocks: np.ndarray, agrees: float) -> float:
    """Return which share of the blocks that say something agrees."""
    return float(np.mean(blocks[~np.isnan(blocks)] >= agrees))


def _are_enough(shares: tuple[float, float], min_both: float) -> bool:
    return max(shares) >= MIN_OVERLAP and min(shares) >= min_both


def _settle(first: Features, second: Features, transform: np.ndarray, matches: int, look: Look, smaller: int = 1) -> Alignment:
    """Let the grey pictures themselves, made some times smaller, move the transform until blocks lie as well as they can."""
    from .alignment_loops import settle_blocks

    is_shrunk = abs(determinant(transform)) <= 1  # onto the one with fewer pixels for the same thing
    source, target, onto = (first, second, transform) if is_shrunk else (second, first, invert(transform))
    grey = _shrink(source.grey, math.sqrt(abs(determinant(onto))) / smaller)
    there = _shrink(target.grey, 1 / smaller)
    to_source, to_target = to_pixels(source.size, grey.shape), to_pixels(target.size, there.shape)
    back = then(invert(to_target), invert(onto), to_source)
    agrees = {1: AGREES, COARSE: AGREES_COARSE, COARSER: AGREES_COARSER}[smaller]
    cells = (CELL, SMALL_CELL) if smaller == 1 else (SMALL_CELL, SMALL_CELL)
    blocks, percent, apart, doubt, back, cell = settle_blocks(
        grey, there, back, *cells, FEW_BLOCKS, TEXTURED, ALIKE, agrees, MAX_STEPS, SETTLED_PIXELS
    )
    settled = then(to_target, back, invert(to_source))
    transform = invert(settled) if is_shrunk else settled
    shares = overlaps(transform, first.size, second.size)
    min_blocks = MIN_BLOCKS if min(shares) >= SMALL_SHARE else SMALL_BLOCKS
    if percent <= 0 or np.count_nonzero(~np.isnan(blocks)) < min_blocks or not _are_enough(shares, look.min_both):
        return NOTHING
    return Alignment(
        percent,
        matches,
        transform,
        *shares,
        blocks=blocks,
        apart=smaller * apart,
        frame="right" if is_shrunk else "left",
        cell=smaller * cell,
        agrees=agrees,
        doubt=doubt,
        coarse=smaller > 1,
    )


# -- frame on frame ---------------------------------------------------------------------------------------------------


def _align_frames(first: Features, second: Features) -> Alignment:
    """Lay the whole of one picture on the whole of the other, as copies lie that are too small or too blurred for features."""
    from .alignment_loops import SHOT, plausible

    view = _nearest_view(first.grey, second.grey)
    if view is None:
        return NOTHING
    transform = lay_frame(view, first.size, second.size)
    if not plausible(transform, view >= 4, WHOLE.max_scale, MAX_STRETCH):
        return NOTHING
    small = _settle(first, second, transform, 0, WHOLE, COARSER)
    share = 0.0 if small.blocks is None else _share(small.blocks, AGREES_COARSER)
    both_textured = first.is_textured and second.is_textured
    if both_textured and share < MOSTLY:
        return NOTHING
    found = _settle(first, second, transform, 0, WHOLE)
    if found.blocks is None or min(found.overlap_left, found.overlap_right) < STAYS:
        return NOTHING
    if found.similarity >= SETTLED:
        return found
    textured = float(np.mean(~np.isnan(found.blocks)))
    if textured < MUCH_TEXTURED:  # layouts of pages and logos agree by chance
        return found if _share(found.blocks, AGREES) >= NEARLY_ALL or not both_textured else NOTHING
    found = found if found.apart < SHOT else _judge_unvouched(found)
    if share >= NEARLY_ALL and textured >= MOST_TEXTURED and (is_enlarged(first.grey) or is_enlarged(second.grey)):
        found = max(found, _settle_small(first, second, transform), key=lambda each: each.similarity)
    return found


def _settle_small(first: Features, second: Features, transform: np.ndarray) -> Alignment:
    """Judge two frames by what is left of them when they are made small."""
    from .alignment_loops import weigh

    found = _settle(first, second, transform, 0, WHOLE, COARSE)
    if found.blocks is None:
        return NOTHING
    return replace(found, similarity=weigh(_share(found.blocks, AGREES_COARSE), found.apart, 1.0))


def is_enlarged(grey: np.ndarray) -> bool:
    """Whether a picture had so few pixels, below some 50 a side, that rows or columns come several times when it is enlarged.

    Only such a picture may lack the detail of its copy. Two sharp ones, alike once small, may be two shirts on one cloth.

    Examples
    --------
    >>> tiny = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    >>> is_enlarged(tiny), is_enlarged(tiny.repeat(4, axis=0).repeat(4, axis=1))
    (False, True)
    """
    lines = grey.astype(np.int16)
    changes = (np.abs(np.diff(lines, axis=axis)).mean(axis=1 - axis) for axis in (0, 1))
    return any(len(change) > 0 and float(np.median(change)) < REPEATS * float(change.mean()) for change in changes)


def _nearest_view(first: np.ndarray, second: np.ndarray) -> int | None:
    """Return in which of 8 views the first grey picture is most like the second: quarter turns, from 4 on mirrored before.

    None where it is like it in none, or one of them is all of one brightness.
    """
    alike = _level(first)[VIEWS] @ _level(second)
    best = 0 if alike[0] >= alike.max() - AS_GOOD else int(np.argmax(alike))  # symmetric pictures lie upright
    return best if alike[best] >= FRAME_ALIKE else None


def _level(grey: np.ndarray) -> np.ndarray:
    """Return a picture made very small, float64, of mean 0 and length 1, row after row."""
    cv2 = import_cv2()
    small = cv2.resize(grey, (FRAME_SIDE, FRAME_SIDE), interpolation=cv2.INTER_AREA).ravel().astype(np.float64)
    small -= small.mean()
    return small / max(math.sqrt(small @ small), 1e-6)


def _shrink(grey: np.ndarray, factor: float) -> np.ndarray:
    """Make a picture small properly: reading between pixels alone would pick single ones out of many."""
    if factor >= 0.75:
        return grey
    size = (max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor)))
    return import_cv2().resize(grey, size, interpolation=import_cv2().INTER_AREA)

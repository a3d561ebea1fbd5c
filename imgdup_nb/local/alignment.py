"""Two images' features -> how one lies on the other, and which part of what both show agrees.

Everything here depends on the two pictures alone, and not on which of them comes first: the picture with the smaller digest is
laid onto the other, whatever their names are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .features import Features, import_cv2

MAX_BITS = 68  # of 256: two ORB patches that differ by more show different things
MIN_MATCHES = 8  # three points always agree, and a few more by chance
MIN_MATCHED = 0.08  # of the features in the common area; chance agreements of text or bricks stay below
REPROJECTION = 4.0  # pixels of `Features.size` that a match may be off
MAX_SCALE, MAX_STRETCH = 6.0, 2.5  # what a copy may be enlarged by, and stretched in one direction more than in the other
CELL, SMALL_CELL = 8, 4  # pixels of the grey pictures; a block is 2 x 2 cells, and blocks overlap by half
FEW_BLOCKS = 40  # a common area of fewer blocks is looked at with small cells
MIN_BLOCKS = 8  # fewer textured blocks are no evidence
MIN_OVERLAP = 20.0  # percent that must be common of the picture of which more is
MIN_BOTH = 4.0  # percent that must be common of each
TEXTURED = 9.0  # variance of grey levels; a block flatter than this in both pictures says nothing
AGREES = 0.85  # correlation of a block; photographs taken a second apart mostly stay below in what moved
REFINE_FROM, REFINE_TO = 40.0, 95.0  # percent; below it is hopeless, above it would change little
CERTAIN_MATCHES = 24  # with so many, an alignment that agrees too little is worth refining whatever it scores


@dataclass(frozen=True, eq=False)
class Alignment:
    """How two pictures, left and right, lie on each other.

    Attributes
    ----------
    similarity
        percent of the textured blocks of the common area that agree; 0 where no alignment was found.
    matches
        features that the transform carries.
    transform : float64, 2 x 3, or None
        from left to right, in pixels of their `Features.size`.
    overlap_left, overlap_right
        percent of each picture's area that is common.
    blocks : float32, rows x columns
        correlation of each block of the common area; NaN where it is outside or both are flat.
    frame : {'left', 'right'}
        the picture whose grid the blocks are: the coarser one of what both show.
    cell
        pixels of the grey picture from one block to the next; a block is twice as wide.
    """

    similarity: float
    matches: int = 0
    transform: np.ndarray | None = None
    overlap_left: float = 0.0
    overlap_right: float = 0.0
    blocks: np.ndarray | None = None
    frame: str = "right"
    cell: int = CELL

    @property
    def scale(self) -> float:
        """How much larger right shows what left shows, as the square root of areas; NaN without a transform."""
        return math.sqrt(abs(np.linalg.det(self.transform[:, :2]))) if self.transform is not None else math.nan

    @property
    def mirrored(self) -> bool:
        """Whether one is turned over."""
        return self.transform is not None and bool(np.linalg.det(self.transform[:, :2]) < 0)

    @property
    def rotation(self) -> float:
        """Degrees by which left is turned counter-clockwise (after mirroring it left to right, if mirrored), -180 to 180."""
        if self.transform is None:
            return math.nan
        linear = self.transform[:, :2] @ np.diag([-1.0 if self.mirrored else 1.0, 1.0])
        u, _, v = np.linalg.svd(linear)  # the nearest rotation, so that a squashed picture counts as upright
        turn = u @ v
        return math.degrees(math.atan2(turn[0, 1], turn[0, 0]))


NOTHING = Alignment(0.0)


def align(left: Features, right: Features) -> Alignment:
    """Lay one picture onto the other and say what share of the common area agrees.

    Returns
    -------
    Alignment
        the better one of plain and mirrored; `similarity` 0 where nothing fits.
    """
    turned_round = left.key > right.key
    first, second = (right, left) if turned_round else (left, right)
    tries = [_align_view(first, second, view, mirror) for view, mirror in ((first.bits, False), (first.mirrored, True))]
    best = max(tries, key=lambda found: (found.similarity, found.matches))  # plain, if both are the same
    return _turn_round(best) if turned_round else best


def _turn_round(found: Alignment) -> Alignment:
    if found.transform is None:
        return found
    return Alignment(
        found.similarity,
        found.matches,
        invert(found.transform),
        found.overlap_right,
        found.overlap_left,
        found.blocks,
        "left" if found.frame == "right" else "right",
        found.cell,
    )


def _align_view(first: Features, second: Features, bits: np.ndarray, mirror: bool) -> Alignment:
    """Align one view of the first picture with the second."""
    from .feature_loops import mutual_matches

    angles = (180 - first.angles if mirror else first.angles).astype(np.float32)
    pairs = mutual_matches(bits, second.bits, angles, second.angles, MAX_BITS)
    if len(pairs) < MIN_MATCHES:
        return NOTHING
    transform, matches = _fit(first.points[pairs[:, 0]], second.points[pairs[:, 1]], mirror)
    if transform is None or matches < MIN_MATCHES:
        return NOTHING
    overlaps = _overlaps(transform, first.size, second.size)
    if (
        max(overlaps) < MIN_OVERLAP
        or min(overlaps) < MIN_BOTH
        or matches < MIN_MATCHED * _features_in_common(transform, first, second)
    ):
        return NOTHING
    found = _score(first, second, transform, matches)
    worth_it = found.similarity >= REFINE_FROM or matches >= CERTAIN_MATCHES
    if worth_it and found.similarity < REFINE_TO:
        refined = refine(first, second, transform)
        if _is_plausible(refined, mirror):
            found = max(found, _score(first, second, refined, matches), key=lambda each: each.similarity)
    return found


def _score(first: Features, second: Features, transform: np.ndarray, matches: int) -> Alignment:
    blocks, frame, cell = compare_blocks(first, second, transform)
    seen = blocks[~np.isnan(blocks)]
    if len(seen) < MIN_BLOCKS:
        return NOTHING
    overlaps = _overlaps(transform, first.size, second.size)
    return Alignment(100.0 * float((seen >= AGREES).mean()), matches, transform, *overlaps, blocks, frame, cell)


def _fit(source: np.ndarray, target: np.ndarray, mirror: bool) -> tuple[np.ndarray | None, int]:
    """Return the affine transform most matches agree on, if a copy may look like that, and their number."""
    transform, inside = import_cv2().estimateAffine2D(
        source, target, ransacReprojThreshold=REPROJECTION, maxIters=300, confidence=0.995, refineIters=10
    )
    if transform is None or not _is_plausible(transform, mirror):
        return None, 0
    transform, inside = _settle(transform, source, target)
    return (transform, int(inside.sum())) if _is_plausible(transform, mirror) else (None, 0)


def _settle(transform: np.ndarray, source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit all matches near the transform by least squares, ever nearer: RANSAC's own answer tilts where few matches are."""
    known = np.column_stack([source, np.ones(len(source))])
    inside = np.ones(len(source), dtype=bool)
    for within in (REPROJECTION, REPROJECTION / 2, REPROJECTION / 2):
        off = np.linalg.norm(carry(transform, source) - target, axis=1)
        inside = off <= within * max(1.0, math.sqrt(abs(np.linalg.det(transform[:, :2]))))
        if inside.sum() < MIN_MATCHES:
            break
        transform = np.linalg.lstsq(known[inside], target[inside], rcond=None)[0].T
    return transform, inside


def _is_plausible(transform: np.ndarray, mirror: bool) -> bool:
    """Whether a copy may look like that: not turned over unasked, not enlarged or stretched beyond measure."""
    large, small = np.linalg.svd(transform[:, :2], compute_uv=False)
    turned_over = np.linalg.det(transform[:, :2]) < 0
    return turned_over == mirror and small * MAX_SCALE >= 1 and large <= min(MAX_SCALE, MAX_STRETCH * small)


# -- what both show ---------------------------------------------------------------------------------------------------


def invert(transform: np.ndarray) -> np.ndarray:
    """Return the affine transform, 2 x 3, that goes back."""
    linear = np.linalg.inv(transform[:, :2])
    return np.column_stack([linear, -linear @ transform[:, 2]])


def carry(transform: np.ndarray, points: Any) -> np.ndarray:
    """Return where points, n x 2, go."""
    return np.asarray(points, dtype=np.float64) @ transform[:, :2].T + transform[:, 2]


def outline(size: tuple[int, int]) -> np.ndarray:
    """Return the four corners of a picture, float64, 4 x 2."""
    width, height = size
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float64)


def common_area(transform: np.ndarray, first: tuple[int, int], second: tuple[int, int]) -> np.ndarray:
    """Return the polygon, n x 2, of what both pictures show, in pixels of the second."""
    _, polygon = import_cv2().intersectConvexConvex(
        carry(transform, outline(first)).astype(np.float32), outline(second).astype(np.float32)
    )
    return np.zeros((0, 2)) if polygon is None else polygon.reshape(-1, 2)


def _overlaps(transform: np.ndarray, first: tuple[int, int], second: tuple[int, int]) -> tuple[float, float]:
    """Return the share of each picture that is common, percent."""
    polygon = common_area(transform, first, second)
    if len(polygon) < 3:
        return 0.0, 0.0
    x, y = polygon.astype(np.float64).T
    area = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
    of_first = area / abs(np.linalg.det(transform[:, :2])) / (first[0] * first[1])
    return min(100.0, 100 * of_first), min(100.0, 100 * area / (second[0] * second[1]))


def _features_in_common(transform: np.ndarray, first: Features, second: Features) -> int:
    """Return how many features lie in the common area, of the picture that has fewer there."""
    return min(
        _count_within(carry(transform, first.points), second.size),
        _count_within(carry(invert(transform), second.points), first.size),
    )


def _count_within(points: np.ndarray, size: tuple[int, int]) -> int:
    return int(((points >= 0) & (points < size)).all(axis=1).sum())


def compare_blocks(first: Features, second: Features, transform: np.ndarray) -> tuple[np.ndarray, str, int]:
    """Correlate the blocks of what both show; transform leads from first to second.

    Returns
    -------
    blocks : float32, rows x columns, NaN where a block is not common or both pictures are flat
    frame : 'left' if they lie in the first picture, 'right' if in the second
    cell : pixels of the grey picture from block to block
    """
    if abs(np.linalg.det(transform[:, :2])) <= 1:  # onto the one with fewer pixels for the same thing
        source, target, onto, frame = first, second, transform, "right"
    else:
        source, target, onto, frame = second, first, invert(transform), "left"
    laid, covered, there = lay_over(source, target, onto)
    for cell in (CELL, SMALL_CELL):
        blocks = _correlate(laid, covered, there, cell)
        if np.count_nonzero(~np.isnan(blocks)) >= FEW_BLOCKS:
            break
    return blocks, frame, cell


def lay_over(source: Features, target: Features, transform: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay one grey picture onto another.

    Returns
    -------
    laid, covered, there : float32, of the target's `grey`
        the source as it lies there, how much of each pixel it covers (0 to 1), and the target; both slightly blurred.
    """
    cv2 = import_cv2()
    grey = source.grey
    shrink = math.sqrt(abs(np.linalg.det(transform[:, :2])))
    if shrink < 0.75:  # first made small properly: warping alone would pick single pixels out of many
        size = (max(1, round(grey.shape[1] * shrink)), max(1, round(grey.shape[0] * shrink)))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    between = _to_pixels(target.grey, target.size) @ _square(transform) @ np.linalg.inv(_to_pixels(grey, source.size))
    height, width = target.grey.shape
    laid = cv2.warpAffine(grey, between[:2], (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    covered = cv2.warpAffine(np.ones(grey.shape, np.float32), between[:2], (width, height))
    laid, there = (cv2.GaussianBlur(view.astype(np.float32), (0, 0), 1.0) for view in (laid, target.grey))
    return laid, covered, there


def refine(first: Features, second: Features, transform: np.ndarray) -> np.ndarray:
    """Let the grey pictures themselves settle a transform that few or crowded features left open (ECC, Evangelidis 2008)."""
    cv2 = import_cv2()
    back = _to_pixels(second.grey, second.size)
    laid, covered, there = lay_over(first, second, transform)
    step = np.eye(2, 3, dtype=np.float32)  # from where a pixel is now to where it should be read
    enough = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
    try:
        _, step = cv2.findTransformECC(there, laid, step, cv2.MOTION_AFFINE, enough, (covered > 0.98).astype(np.uint8), 5)
    except cv2.error:  # no correlation to climb
        return transform
    scaled = np.linalg.inv(back) @ np.linalg.inv(_square(step)) @ back
    return (scaled @ _square(transform))[:2]


def _square(transform: np.ndarray) -> np.ndarray:
    return np.vstack([transform, [0, 0, 1]])


def _to_pixels(grey: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the 3 x 3 matrix from pixels of `Features.size` to those of a smaller picture, whose centres are whole numbers."""
    x, y = grey.shape[1] / size[0], grey.shape[0] / size[1]
    return np.array([[x, 0, 0.5 * x - 0.5], [0, y, 0.5 * y - 0.5], [0, 0, 1]])


def _correlate(a: np.ndarray, covered: np.ndarray, b: np.ndarray, cell: int) -> np.ndarray:
    """Return the correlation of each block of 2 x 2 cells, NaN where it is not covered or flat in both."""
    rows, columns = a.shape[0] // cell, a.shape[1] // cell
    if min(rows, columns) < 2:
        return np.full((0, 0), np.nan, np.float32)

    def mean(values: np.ndarray) -> np.ndarray:
        cropped = values[: rows * cell, : columns * cell]
        cells = import_cv2().resize(cropped, (columns, rows), interpolation=import_cv2().INTER_AREA)  # exactly the means
        return (cells[:-1, :-1] + cells[1:, :-1] + cells[:-1, 1:] + cells[1:, 1:]) / 4

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    spread = np.sqrt(np.maximum(var_a, 1e-3) * np.maximum(var_b, 1e-3))
    correlation = (mean(a * b) - mean_a * mean_b) / (spread + 1e-3)
    counts = (mean(covered) > 0.98) & (np.maximum(var_a, var_b) > TEXTURED)
    return np.where(counts, correlation, np.nan).astype(np.float32)

"""Two pages are read again at about a megapixel, to see whether the same is written in both.

Pictures are aligned on about 160 x 120 pixels, where a digit is less than a pixel. So two receipts
of one form look equal. If a pair has at least 80 percent and looks like a page, both files are read
again, one is warped onto the other by the transform that was found, and small blocks are compared.
Only blocks with ink on a plain ground count, in pictures that are mostly such blocks: a page,
table, slide or diagram, or a dark screen without noise. In a photograph a few other blocks are a
sticker or a logo. A small drawing, such as an icon of 64 pixels, is enlarged.

A darker copy of a page is in doubt, and one in a slight perspective has a residual. Where a page is
straightened by a homography, and the ink is equal, the pair is a copy all the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np

from ..engine.cache import ByteCache
from ..engine.decode import UnreadableImage, open_image
from ..engine.features import Features, import_cv2
from .agreement import Alignment, exchange_sides
from .bands import (
    MAX_COPY_RESIDUAL,
    MAX_SCENE_SIMILARITY,
    MAX_SLIGHT_SIMILARITY,
    MIN_SCENE_SIMILARITY,
    STOP_SIMILARITY,
)
from .ink import (
    GROUND_LEVELS,
    MAX_CLEAN_NOISE,
    MIN_CHANGED_BLOCKS,
    MIN_INK_SPREAD,
    InkChanges,
    are_on_ground,
    block_places,
    count_changed,
    noise_of,
    shrink_page,
    straighten_page,
)
from .ink_blocks import INK_BLOCK
from .perspective import straighten
from .registration import align

PAGE_AREA = 1_000_000  # pixels at which a page is read again; a smaller one is not enlarged
FLAT_TILE, MAX_FLAT_RANGE = (
    8,
    16,
)  # pixels a side and grey levels of a flat tile of the kept grey picture
MIN_FLAT_TILES = 0.05  # share of its tiles; a picture with fewer is no page
MIN_PAPER_LEVEL = 128  # grey level, the median of a page: paper is light
DARK_PAPER = 0.25  # share of the blocks without ink of a dark page that have no noise: of a screen
# share of the pixels that have one ground, as paper has; or of the blocks with ink that have one
MIN_PAPER_SHARE, SURE_PAPER_SHARE, MIN_KEPT_SHARE = 0.28, 0.4, 0.6
KEPT_BLOCK = 12  # pixels a side of a block of the kept grey picture
# blocks that are sampled first, and the share of them on a plain ground of what may be a page
SAMPLED_BLOCKS, MIN_SAMPLED_SHARE = 100, 0.75
# with a lower share than this, so many blocks of a page have one brightness of paper, up to so many
# grey levels: sand, sky and cloth are plain grounds of several
SURE_SAMPLED_SHARE, MIN_PAPER_BLOCKS, PAPER_LEVELS = 0.97, 0.7, 24
# two pages may be raised if the overlap covers this percent of both, and so many blocks with ink
# were compared
MIN_PAGE_OVERLAP, MIN_COMPARED_BLOCKS = 85.0, 20
MIN_DRIFT = 0.05  # residual from which the edges of a page may drift
PAGE_BYTES = 48 * 2**20  # of pages kept in memory, in each process

# None: it may be one, by its features
_is_page: WeakKeyDictionary[Features, bool | None] = WeakKeyDictionary()
_pages: ByteCache[tuple[str, bytes], np.ndarray] = ByteCache(PAGE_BYTES, lambda page: page.nbytes)


def align_files(left: Features, right: Features, files: tuple[str, str] | None = None) -> Alignment:
    """Align two pictures; if they are pages, read their files again and compare what is written.

    Parameters
    ----------
    files
        path or URL of each picture. None compares their features only. Nothing is read of a pair
        below 80 percent, or below 70 where the overlap covers nearly all of both; of equal
        features; or of a picture without flat tiles. A file that cannot be read changes nothing.

    Returns
    -------
    Alignment
        as by `align`. If other words are written, the similarity is at most 79, and `changed` is
        the number of blocks with other ink. If only one block differs more than all others, as by
        one digit or a stamp, the similarity is at most 89. A page that is darker, or seen a little
        from the side, is raised above 79 if its ink is equal.

    Notes
    -----
    About 10 ms to read a page at a megapixel, and 20 ms for a pair of pages. Pages read last are
    kept in memory.
    """
    found = align(left, right)
    may_be_raised = _may_be_raised(found) and _is_light(left.grey) and _is_light(right.grey)
    if (
        files is None
        or found.transform is None
        or not (found.similarity > MAX_SCENE_SIMILARITY or may_be_raised)
        or left.key == right.key
        or _is_no_page(left)
        or _is_no_page(right)
    ):
        return found
    pages = []
    for path, image in zip(files, (left, right), strict=True):
        try:
            page = _read_page(path, image)
        except (UnreadableImage, OSError, ValueError):
            return found
        # most copies are photographs: they are read once, and no pair of them is compared
        if not _remember_page(image, page):
            return found
        pages.append(page)
    changes = count_changed(found, left, right, pages)
    if may_be_raised:
        found, changes = _raise_page(found, changes, left, right, pages)
    if changes.n_changed >= MIN_CHANGED_BLOCKS:
        similarity = min(found.similarity, MAX_SCENE_SIMILARITY)
        return replace(found, similarity=similarity, changed=changes.n_changed)
    if changes.n_odd == 0:
        return found
    similarity = min(found.similarity, MAX_SLIGHT_SIMILARITY)
    return replace(found, similarity=similarity, changed=changes.n_odd)


def _may_be_raised(found: Alignment) -> bool:
    """Whether two pages may be equal though they have a doubt or their edges drift."""
    return (
        found.similarity >= MIN_SCENE_SIMILARITY
        and min(found.overlap_left, found.overlap_right) >= MIN_PAGE_OVERLAP
        and found.recoloured == 0
        and not found.coarse
        and (found.doubt > 0 or found.residual >= MIN_DRIFT)
    )


def _raise_page(
    found: Alignment,
    changes: InkChanges,
    left: Features,
    right: Features,
    pages: Sequence[np.ndarray],
) -> tuple[Alignment, InkChanges]:
    """Judge two pages again by their ink: without the doubt, or straightened, if it is equal.

    A darker copy has flat areas of another shade, which is a doubt. A page in a slight perspective
    has a residual, as a second photograph has. Both doubts end where a megapixel of ink is equal.
    """
    from .warp_loops import similarity_of

    if found.residual >= MIN_DRIFT and (
        found.residual >= MAX_COPY_RESIDUAL or changes.n_changed >= MIN_CHANGED_BLOCKS
    ):
        return _straighten_pages(found, changes, (left, right), pages)
    if (
        changes.n_changed + changes.n_odd > 0
        or changes.n_compared < MIN_COMPARED_BLOCKS
        or found.similarity >= STOP_SIMILARITY
    ):
        return found, changes
    similarity = similarity_of(found.agreeing / 100, found.residual, 0.0)
    return replace(found, similarity=max(found.similarity, similarity), doubt=0.0), changes


def _straighten_pages(
    found: Alignment,
    changes: InkChanges,
    images: tuple[Features, Features],
    pages: Sequence[np.ndarray],
) -> tuple[Alignment, InkChanges]:
    """Judge two pages by a homography, if their ink is equal then; else as they were.

    What is beyond a page in perspective misleads one direction. So both are tried, and either page
    is straightened.
    """
    assert found.transform is not None
    plain, turned = straighten(*images, found), straighten(*images[::-1], exchange_sides(found))
    tries = [(plain.alignment, plain.bent)] if plain else []
    tries += [(exchange_sides(turned.alignment), np.linalg.inv(turned.bent))] if turned else []
    if not tries:
        return found, changes
    again, bent = min(tries, key=lambda each: each[0].residual)
    straight = np.vstack([found.transform, [0, 0, 1]])
    bends = np.linalg.inv(straight) @ bent, straight @ np.linalg.inv(bent)
    compared = []
    for side in (0, 1):
        both = [*pages]
        both[side] = straighten_page(pages[side], images[side], bends[side])
        compared.append(count_changed(again, *images, both))
    equal = min(
        (each for each in compared if each.n_compared >= MIN_COMPARED_BLOCKS),
        key=lambda each: (each.n_changed, each.n_odd),
        default=None,
    )
    if equal is None or equal.n_changed >= MIN_CHANGED_BLOCKS:
        return found, changes
    return again, equal


def may_be_page(grey: np.ndarray) -> bool:
    """Whether a grey picture, uint8, has the ground and the flat tiles of paper or a dark screen.

    Examples
    --------
    >>> noise = np.random.default_rng(0).integers(0, 256, (80, 80), dtype=np.uint8)
    >>> may_be_page(noise), may_be_page(np.full((80, 80), 255, np.uint8))
    (False, True)
    """
    from .page_loops import count_flat_tiles

    n_tiles = (grey.shape[0] // FLAT_TILE) * (grey.shape[1] // FLAT_TILE)
    if n_tiles == 0:
        return False
    levels = import_cv2().calcHist([grey], [0], None, [256 // GROUND_LEVELS], [0, 256]).ravel()
    paper_share = float((levels[:-1] + levels[1:]).max()) / grey.size
    if paper_share >= SURE_PAPER_SHARE:  # noise of a scan leaves few flat tiles
        return True
    if not _is_light(grey):
        return False
    if count_flat_tiles(grey, FLAT_TILE, MAX_FLAT_RANGE) / n_tiles < MIN_FLAT_TILES:
        return False
    if paper_share >= MIN_PAPER_SHARE:
        return True
    return _share_on_ground(grey, KEPT_BLOCK) >= MIN_KEPT_SHARE


def _is_no_page(image: Features) -> bool:
    """Whether a picture is known to be no page, by its features or by its file."""
    if image not in _is_page:
        _is_page[image] = None if may_be_page(image.grey) else False
    return _is_page[image] is False


def _remember_page(image: Features, page: np.ndarray) -> bool:
    known = _is_page[image]
    if known is None:
        known = _is_page[image] = is_page(page)
    return known


def is_page(page: np.ndarray) -> bool:
    """Whether most blocks with ink of a grey picture, uint8, have a plain ground; some are sampled.

    Examples
    --------
    >>> noise = np.random.default_rng(0).integers(0, 256, (90, 90), dtype=np.uint8)
    >>> is_page(noise)
    False
    >>> lines = np.full((90, 90), 255, np.uint8)
    >>> lines[::12] = 0
    >>> is_page(lines)
    True
    """
    if not _is_light(page) and noise_of(page, DARK_PAPER) > MAX_CLEAN_NOISE:  # a night
        return False
    inked = _inked_places(page, INK_BLOCK)
    on_ground = are_on_ground([page], inked)
    share = float(on_ground.mean()) if len(inked) else 0.0
    if share < MIN_SAMPLED_SHARE or share >= SURE_SAMPLED_SHARE:
        return share >= MIN_SAMPLED_SHARE
    from .page_loops import ground_levels

    grounds = ground_levels(page, inked[on_ground], INK_BLOCK, GROUND_LEVELS)
    off = np.abs(grounds - np.median(grounds))
    return bool(np.mean(off <= PAPER_LEVELS) >= MIN_PAPER_BLOCKS)


def _is_light(grey: np.ndarray) -> bool:
    """Whether the median of a grey picture, uint8, is as light as paper."""
    return bool(2 * np.count_nonzero(grey >= MIN_PAPER_LEVEL) > grey.size)


def _share_on_ground(page: np.ndarray, side: int) -> float:
    """Return the share of the blocks with ink that have a plain ground; some are sampled."""
    inked = _inked_places(page, side)
    return float(are_on_ground([page], inked, side).mean()) if len(inked) else 0.0


def _inked_places(page: np.ndarray, side: int) -> np.ndarray:
    """Return where blocks with ink are; some are sampled."""
    from .page_loops import spreads_of

    places = block_places(page.shape, 0, side)
    places = places[:: max(1, len(places) // (4 * SAMPLED_BLOCKS))]
    return places[spreads_of(page, places, side) >= MIN_INK_SPREAD]


def _read_page(path: str, image: Features) -> np.ndarray:
    """Return the grey picture of a file at about PAGE_AREA, uint8; the last ones are remembered."""
    known = _pages.get((path, image.key))
    if known is None:
        short, long = sorted(image.size)
        side = math.ceil(math.sqrt(PAGE_AREA * short / long))
        known = shrink_page(np.asarray(open_image(path, min_side=side, mode="L")), PAGE_AREA)
        _pages.keep((path, image.key), known)
    return known

"""The flat areas of two aligned pictures, and what is drawn on their plain ground.

`colours` compares the blocks with texture. A chip, a shirt on white or a diagram is mostly flat:
its flat blocks are compared here. A drawing of a few strokes has too little texture to be aligned:
its strokes on a plain ground are compared here, too.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..engine.features import Features, import_cv2
from .agreement import Alignment, share_of, tell_once
from .bands import MAX_SCENE_SIMILARITY, MIN_SCENE_SIMILARITY
from .casts import has_cast
from .colours import AlignedColours, is_of_one_hue

if TYPE_CHECKING:
    from .colour_loops import ColourLimits

# -- colours of flat areas -------------------------------------------------------------------------

MIN_OTHER_SHARE, MIN_OTHER_BLOCKS = 0.03, 3  # of the compared blocks; fewer are noise
# levels of chroma by which a block has another colour: in a photograph; in a picture that is mostly
# flat, where compression and filters change colours less
PHOTO_DISTANCE, PLAIN_DISTANCE = 30.0, 12.0
# of the pixels of a picture that is mostly flat, in so many bins of 16 grey levels
MIN_PLAIN_SHARE, PLAIN_BINS = 0.7, 3
# and of those of a drawing or a page, in so many bins of 8; a sky or a cloth has more shades
MIN_FLAT_LEVELS_SHARE = 0.62
# grey levels and share of a picture's outermost pixels that are of one level: a thing on a plain
# ground. Its outline is most of what is left when it is made small, and other things share it
PLAIN_LEVELS, PLAIN_EDGE = 3, 0.5
# standard deviation of grey levels: a quarter of photographs have less than the second; what has
# less than the first is nearly of one level, such as water at night, and shows too little
FAINTEST_CONTRAST, FULL_CONTRAST = 8.0, 40.0
# mean change from a pixel to the next, as a share of the contrast: photographs have 0.09 and more,
# smooth shades 0.01 to 0.04. A part of a shade is like many others
MIN_TEXTURE = 0.06
# of the blocks that are flat or match: a picture on a black ground with fewer is a photograph
MIN_FLAT_BLOCKS = 0.3
# a copy that has kept less of its colours is pale; a pale block of another hue has so much chroma,
# and lies so far from the paler colour, in shares of that; only in pictures that are mostly flat
PALE_SHARE, MIN_TINT, MIN_TINT_DISTANCE = 0.6, 3.5, 0.7
# share of the blocks that have the colour of a ground, where little else is; levels of chroma by
# which it may be tinted
MIN_ONE_COLOUR_SHARE, MAX_GROUND_TINT = 0.8, 15.0
NEUTRAL_CHROMA, SURE_CHROMA = 8.0, 15.0  # levels: a grey block is below; a coloured one above
# of the compared blocks: the grey or white ground of an object; in a picture that is mostly flat
MIN_NEUTRAL_SHARE, MIN_PLAIN_NEUTRAL_SHARE = 0.3, 0.1
BRIGHT_LEVELS = 4.0  # levels below the brightest block, where the paper of a drawing is
# levels of brightness: a grey object instead of a coloured one differs by more than a copy in grey;
# an object differs by more than a change of contrast
GREY_OBJECT_DIFFERENCE, OBJECT_DIFFERENCE = 10.0, 40.0
MIN_BRIGHT_GROUND, MAX_GROUND_SHIFT = 180.0, 12.0  # levels of the ground around an object
SLACK = 0.01  # levels and shares, for rounding: what is so near to a limit is left to the rules


class BlockColours(NamedTuple):
    """The mean colours of blocks that are flat or match, in two pictures; float32, n x 3.

    Columns are brightness, Cr and Cb; chroma of grey is 0. `plain` tells whether both pictures are
    mostly flat.
    """

    one: np.ndarray
    other: np.ndarray
    plain: bool


def judge_flat_areas(found: Alignment, colours: AlignedColours) -> Alignment:
    """Judge an alignment again by the colours of its flat areas.

    A pair whose flat areas have another colour is in the scene band, as other recoloured pairs are.
    """
    if found.blocks is None or found.similarity <= MAX_SCENE_SIMILARITY:
        return found
    from .colour_loops import may_differ

    blocks = block_colours(found, colours)
    # most copies have no other colour: a drawing that is pale may have
    if not blocks.plain and not may_differ(blocks.one, blocks.other, _looser_limits()):
        return found
    share = other_share(blocks)
    if share == 0 or is_cast(blocks, colours):
        return found
    from .warp_loops import similarity_of

    agreeing = share_of(found.blocks, found.min_correlation)
    return replace(
        found,
        similarity=max(MIN_SCENE_SIMILARITY, similarity_of(agreeing, found.residual, 1.0)),
        recoloured=max(found.recoloured, 100 * share),
    )


def is_cast(blocks: BlockColours, colours: AlignedColours) -> bool:
    """Whether two pictures differ by a colour cast; not drawings, nor a thing on a plain ground.

    Those have few colours, and signs of one design may differ in one of them.
    """
    return (
        not blocks.plain
        and not (
            tell_once(has_plain_edge, colours.source) or tell_once(has_plain_edge, colours.target)
        )
        and has_cast(blocks.one, blocks.other)
    )


@lru_cache(1)
def _looser_limits() -> ColourLimits:
    """Return the limits for a quick look, which leaves what is near to one of them to the rules."""
    from .colour_loops import ColourLimits

    return ColourLimits(
        distance=PHOTO_DISTANCE - SLACK,
        brightness=OBJECT_DIFFERENCE - SLACK,
        neutral=NEUTRAL_CHROMA + SLACK,
        coloured=SURE_CHROMA - SLACK,
        ground=MIN_BRIGHT_GROUND - SLACK,
        shift=MAX_GROUND_SHIFT + SLACK,
        ground_share=MIN_NEUTRAL_SHARE - SLACK,
    )


def block_colours(found: Alignment, colours: AlignedColours) -> BlockColours:
    """Return the mean colours of the blocks of an overlap that are flat or match."""
    assert found.blocks is not None
    from .colour_loops import flat_or_matching

    one, other = flat_or_matching(
        colours.warped, colours.there, colours.covered, found.blocks, found.min_correlation
    )
    if not are_mostly_flat(colours.source, colours.target):
        return BlockColours(one, other, False)
    n_flat = np.count_nonzero(np.isnan(found.blocks))
    n_matching = np.count_nonzero(found.blocks >= found.min_correlation)
    return BlockColours(one, other, bool(n_flat >= MIN_FLAT_BLOCKS * (n_flat + n_matching)))


def are_mostly_flat(left: Features, right: Features) -> bool:
    """Whether both pictures are mostly flat; each is looked at once."""
    return tell_once(is_mostly_flat, left) and tell_once(is_mostly_flat, right)


def are_drawn(left: Features, right: Features) -> bool:
    """Whether both pictures are drawings or pages; each is looked at once."""
    return are_mostly_flat(left, right) and (
        tell_once(is_drawn, left) and tell_once(is_drawn, right)
    )


def is_drawn(grey: np.ndarray) -> bool:
    """Whether most pixels of a picture, uint8, have very few grey levels, or those at its edge.

    Levels are counted in bins of 8, and in narrower ones where a picture has little contrast: all
    levels of a photograph in fog are near each other.

    Examples
    --------
    >>> drawing, sky = np.zeros((60, 80), np.uint8), np.arange(90, 140, dtype=np.uint8)[None]
    >>> is_drawn(drawing), is_drawn(sky), is_mostly_flat(sky)
    (True, False, True)
    """
    n_bins = round(32 / _contrast(grey))
    return _share_of_commonest(grey, n_bins) >= MIN_FLAT_LEVELS_SHARE or has_plain_edge(grey)


def _contrast(grey: np.ndarray) -> float:
    """Return the contrast of a faint photograph, grey, as a share of a usual one; else 1.

    A smooth shade, such as a lit wall, is no such photograph.
    """
    contrast = float(import_cv2().meanStdDev(grey)[1][0, 0])
    is_faint = FAINTEST_CONTRAST <= contrast < FULL_CONTRAST
    return (
        contrast / FULL_CONTRAST if is_faint and _texture(grey) >= MIN_TEXTURE * contrast else 1.0
    )


def _texture(grey: np.ndarray) -> float:
    """Return the mean change from a pixel to the next, in grey levels.

    Examples
    --------
    >>> _texture(np.uint8([[3, 5, 4]])), _texture(np.uint8([[7]]))
    (1.5, 0.0)
    """
    values = grey.astype(np.int16)
    changes = [np.abs(np.diff(values, axis=axis)) for axis in (0, 1)]
    return float(sum(one.sum() for one in changes)) / max(1, sum(one.size for one in changes))


def has_plain_edge(grey: np.ndarray) -> bool:
    """Whether at least half of the outermost pixels of a picture, uint8, have one level.

    Levels of a faint picture must be nearer, as all of its levels are near.

    Examples
    --------
    >>> disc = np.full((40, 60), 255, np.uint8)
    >>> disc[5:35, 15:45] = np.arange(30)
    >>> has_plain_edge(disc), has_plain_edge(disc[5:35, 15:45])
    (True, False)
    """
    edge = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]]).astype(np.int16)
    off = np.abs(edge - np.median(edge))
    return bool((off <= PLAIN_LEVELS * _contrast(grey)).mean() >= PLAIN_EDGE)


def is_mostly_flat(grey: np.ndarray) -> bool:
    """Whether most pixels of a picture, uint8, have a few grey levels, as in drawings.

    Examples
    --------
    >>> drawing, shade = np.zeros((60, 80), np.uint8), np.arange(256, dtype=np.uint8)[None]
    >>> is_mostly_flat(drawing), is_mostly_flat(shade)
    (True, False)
    """
    return _share_of_commonest(grey, 16) >= MIN_PLAIN_SHARE


def _share_of_commonest(grey: np.ndarray, n_bins: int) -> float:
    """Return the share of the pixels, uint8, in the commonest bins of grey levels."""
    counts = np.sort(import_cv2().calcHist([grey], [0], None, [n_bins], [0, 256]).ravel())
    return float(counts[-PLAIN_BINS:].sum()) / grey.size


def other_share(blocks: BlockColours) -> float:
    """Return the share of the blocks that have another colour or brightness; 0 if too few have.

    Examples
    --------
    >>> white, blue, pink = [255, 0, 0], [150, -15, 30], [210, 20, 15]
    >>> one, other = (np.array([white] * 6 + [ink] * 4, np.float32) for ink in (blue, pink))
    >>> other_share(BlockColours(one, other, True)), other_share(BlockColours(one, one, True))
    (0.4, 0.0)
    """
    if not len(blocks.one):
        return 0.0
    pale, rich = blocks.one, blocks.other
    if (pale[:, 1:] ** 2).sum() > (rich[:, 1:] ** 2).sum():
        pale, rich = rich, pale
    strength = [np.linalg.norm(side[:, 1:], axis=1) for side in (pale, rich)]
    coloured = strength[1] >= SURE_CHROMA
    if _is_some(coloured) and np.mean(strength[0] < NEUTRAL_CHROMA) >= 0.98:
        other = _grey_objects(pale, rich, coloured, strength[1] < NEUTRAL_CHROMA, blocks.plain)
    elif blocks.plain or _is_some(coloured):
        other = _other_chroma(pale, rich, strength[0], blocks.plain)
    else:
        other = np.zeros(len(pale), bool)
    if not _is_some(other):
        other = _other_brightness(pale, rich, strength)
    return float(other.mean()) if _is_some(other) else 0.0


def _is_some(which: np.ndarray) -> bool:
    """Whether so many blocks, bool, are more than noise."""
    n = np.count_nonzero(which)
    return bool(n >= MIN_OTHER_BLOCKS and n >= MIN_OTHER_SHARE * len(which))


def _other_chroma(
    pale: np.ndarray, rich: np.ndarray, strength: np.ndarray, plain: bool
) -> np.ndarray:
    """Tell which blocks have another chroma; a filter may shift that of all blocks."""
    one, other = pale[:, 1:], rich[:, 1:]
    most = float((other**2).sum())
    has_ground = np.mean(strength < NEUTRAL_CHROMA) >= MIN_NEUTRAL_SHARE
    total = float((one**2).sum())
    toned = (
        not has_ground
        and total > 0
        and is_of_one_hue(one, total)
        and not is_of_one_hue(other, most)
    )
    if most == 0 or toned:
        return np.zeros(len(pale), bool)
    kept = max(0.0, float((one * other).sum()) / most)
    shift = one - kept * other
    far = np.linalg.norm(shift, axis=1)
    if not plain and not _is_some(far > PHOTO_DISTANCE):  # a tint brings blocks nearer
        return np.zeros(len(pale), bool)
    # of a drawing, the paper may have another tint; of a photograph, everything
    ground = _brightest(pale, rich) if plain else np.ones(len(one), bool)
    tint = np.median(shift[ground], axis=0)
    off = np.minimum(far, np.linalg.norm(shift - tint, axis=1))
    if plain and _has_other_ground(one, other, shift):
        off = far
    if not plain:
        return off > PHOTO_DISTANCE
    of_other_hue = (strength >= MIN_TINT) & (off >= MIN_TINT_DISTANCE * strength)
    return (off > PLAIN_DISTANCE) | (of_other_hue & (kept < PALE_SHARE))


def _has_other_ground(one: np.ndarray, other: np.ndarray, shift: np.ndarray) -> bool:
    """Whether nearly all of both pictures has one colour, n x 2, and it is not the same one."""
    for side in (one, other):
        middle = np.median(side, axis=0)
        is_ground = np.linalg.norm(side - middle, axis=1) <= PLAIN_DISTANCE
        if np.linalg.norm(middle) < SURE_CHROMA or is_ground.mean() < MIN_ONE_COLOUR_SHARE:
            return False
    return float(np.linalg.norm(np.median(shift, axis=0))) > MAX_GROUND_TINT


def _brightest(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Tell which blocks are among the brightest of both pictures, as paper is; at least one."""
    nearest = np.minimum(one[:, 0] - one[:, 0].max(), other[:, 0] - other[:, 0].max())
    return nearest >= min(-BRIGHT_LEVELS, float(nearest.max()))


def _grey_objects(
    grey: np.ndarray, rich: np.ndarray, coloured: np.ndarray, ground: np.ndarray, plain: bool
) -> np.ndarray:
    """Tell which coloured blocks are another grey than they would be in a grey copy.

    Only of objects on a grey or white ground: a filter may make a photograph grey in many ways.
    """
    changed = grey[:, 0] - rich[:, 0]
    if np.mean(ground) < (MIN_PLAIN_NEUTRAL_SHARE if plain else MIN_NEUTRAL_SHARE):
        return np.zeros(len(grey), bool)
    # the ground of a darker grey copy tells by what share all is darker, or by how much
    share = float(np.median(grey[ground, 0])) / max(float(np.median(rich[ground, 0])), 1.0)
    added = np.abs(changed - np.median(changed[ground]))[coloured].mean()
    darker = np.abs(grey[:, 0] - share * rich[:, 0])[coloured].mean()
    return coloured & (min(float(added), float(darker)) > GREY_OBJECT_DIFFERENCE)


def _other_brightness(one: np.ndarray, other: np.ndarray, strength: list[np.ndarray]) -> np.ndarray:
    """Tell which blocks are an object of another brightness on an unchanged bright ground."""
    changed = np.abs(one[:, 0] - other[:, 0])
    if changed.max() <= OBJECT_DIFFERENCE:  # most pairs
        return np.zeros(len(one), bool)
    ground = (
        (np.minimum(one[:, 0], other[:, 0]) >= MIN_BRIGHT_GROUND)
        & (np.maximum(*strength) < NEUTRAL_CHROMA)
        & (changed < MAX_GROUND_SHIFT)
    )
    if np.mean(ground) < MIN_NEUTRAL_SHARE or ground.all():
        return np.zeros(len(one), bool)
    return ~ground & (float(np.median(changed[~ground])) > OBJECT_DIFFERENCE)


# -- drawings on a plain ground --------------------------------------------------------------------

GROUND_WIDTH, MIN_GROUND = 12, 0.6  # levels of one ground; its least share of the pixels
MIN_INK = 24.0  # levels by which what is drawn differs from the ground
DRAWN_SIDE = 96  # pixels a side at which two drawings are compared
MIN_DRAWN_CORRELATION, MIN_INK_RATIO = 0.9, 0.75  # of what is drawn, where anything is
MAX_SHAPE_RATIO = 1.5  # of the shapes of two frames; a squashed copy differs by less


def draw_alike(left: Features, right: Features) -> bool:
    """Whether the same is drawn on two plain grounds; True if a picture has no such ground.

    A few strokes on black correlate with other strokes, because nearly everything is ground. So
    only the box in which anything is drawn is compared.

    Examples
    --------
    >>> from PIL import Image, ImageDraw
    >>> from imgdup_nb.engine.features import aligned_features
    >>> def mask(shape):
    ...     sheet = Image.new("L", (320, 240))
    ...     getattr(ImageDraw.Draw(sheet), shape)((200, 150, 260, 200), fill=255)
    ...     return aligned_features(sheet)
    >>> disc, box = mask("ellipse"), mask("rectangle")
    >>> draw_alike(disc, mask("ellipse")), draw_alike(disc, box)
    (True, False)
    """
    grounds = [ground_of(image.grey) for image in (left, right)]
    if None in grounds:
        return True
    shapes = [image.size[0] / image.size[1] for image in (left, right)]
    if max(shapes) > MAX_SHAPE_RATIO * min(shapes):
        return False
    one, other = (
        _ink_of(image.grey, float(ground or 0))
        for image, ground in zip((left, right), grounds, strict=True)
    )
    drawn = (one > MIN_INK) | (other > MIN_INK)
    if not drawn.any():
        return True
    rows, columns = np.nonzero(drawn.any(axis=1))[0], np.nonzero(drawn.any(axis=0))[0]
    box = (
        slice(max(0, rows[0] - 2), rows[-1] + 3),
        slice(max(0, columns[0] - 2), columns[-1] + 3),
    )
    one, other = one[box], other[box]
    masses = float(one.sum()), float(other.sum())
    if min(masses) < MIN_INK_RATIO * max(masses) or not (one.std() and other.std()):
        return False
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1]) >= MIN_DRAWN_CORRELATION


def ground_of(grey: np.ndarray) -> int | None:
    """Return the grey level of a plain ground, uint8; None if a picture has none."""
    counts = np.convolve(np.bincount(grey.ravel(), minlength=256), np.ones(GROUND_WIDTH), "same")
    level = int(counts.argmax())
    return level if counts[level] >= MIN_GROUND * grey.size else None


def _ink_of(grey: np.ndarray, ground: float) -> np.ndarray:
    """Return by how much each pixel differs from the ground, float32, at DRAWN_SIDE a side."""
    cv2 = import_cv2()
    ink = np.abs(grey.astype(np.float32) - np.float32(ground))
    ink[ink < MIN_INK / 2] = 0
    small = cv2.resize(ink, (DRAWN_SIDE, DRAWN_SIDE), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small, (0, 0), 1)

"""Whether one file holds at least as much as another in every respect, and in words what it lacks.

The proof that a file holds what another shows: the other can be made from it. The larger picture is
scaled down to the size of the smaller one, saved as that one was saved (its JPEG tables, its
palette), and compared. Some formats cannot be imitated. Then the two must look the same everywhere,
and the file that stays must have as much fine detail and quality.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from ..engine.decode import UnreadableImage, open_lazily, readable
from .derivatives import describe_turn, has_colour, is_part, lacks_colour
from .holdings import Holdings, in_seen_colours, tables_for
from .notes import NOT_AS_CALLED

ASPECTS = [
    "pixels", "quality", "depth", "colours", "alpha", "frames", "metadata", "edits", "raw",
    "damage",
]  # fmt: skip

SIZE_TOLERANCE = 1.02  # times the width and height: what rounding and a cut border change
CLEARLY_LARGER = 1.1  # times the pixels; below it an enlargement cannot be told from a copy
MIN_FULL_PALETTE = 200  # colours of a palette that is full, as of a photograph in a GIF
QUALITY_TOLERANCE = 2.0  # of 100
QUALITY_PER_HALVING = 25.0  # of 100: what a picture gains in quality when it is made half as large

# grey levels of 255, measured on the pairs of benchmarks/bench_keepers.py
MAX_MEAN_CHANGE = 2.0  # of blocks of 8 x 8 pixels, over the whole picture
MAX_LOCAL_CHANGE = 9.0  # of the most changed 24 x 24 pixels
EXACT_COARSE, MAX_COARSE = 0.35, 0.7  # between the means of 4 x 4 pixels
EXACT = 0.6  # between what a file was made into and what the other is
SHARE_OF_LOSS = 0.35  # of what the imitated compression itself changes
SAME_VALUES = 0.75
MAX_ERROR, MAX_SHARE_OF_LOSS = 0.3, 0.9  # where an encoder is not imitated exactly
MAX_QUIET_ERROR = 2.5  # in the blocks that have the least detail
MAX_QUIET_LOSS = 5.0  # there, of formats such as WebP, which smooth noise away
# fine detail of the keeper, as a share of the other's
SAME_SIZE_DETAIL = (0.94, 1.12)
SMALLER_DETAIL = (0.6, 1.8)
MIN_OWN_DETAIL = 1.55  # see _is_enlargement
NEXT_WAY = 1.15  # times the error of the best way of scaling: those within are tried
SMALL_FRAME_SIDE, MAX_FRAME_CHANGE = 32, 6.0  # pixels; grey levels of the mean

# EXIF orientation -> how a picture that is shown is turned to be stored, and back
ORIENTATION_TURNS: dict[int, tuple[Any, Any]] = {
    1: (None, None),
    2: (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_LEFT_RIGHT),
    3: (Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_180),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.FLIP_TOP_BOTTOM),
    5: (Image.Transpose.TRANSPOSE, Image.Transpose.TRANSPOSE),
    6: (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270),
    7: (Image.Transpose.TRANSVERSE, Image.Transpose.TRANSVERSE),
    8: (Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_90),
}

WAYS = [
    Image.Resampling.LANCZOS, Image.Resampling.BICUBIC, Image.Resampling.BOX,
    Image.Resampling.BILINEAR, Image.Resampling.HAMMING,
]  # fmt: skip

WINDOW = 512  # pixels of the sides of what is compared in full; large pictures are sampled
WHOLE = 1_500_000  # pixels up to which all is compared in full


@dataclass
class HoldingsComparison:
    """What a keeper lacks of a file that would leave.

    Attributes
    ----------
    lacks
        aspect, one of ASPECTS -> words; empty if the keeper holds all.
    doubt
        why the keeper itself seems to be made from the other file, else empty.
    flag
        how the leaving file was made from the keeper, where that is seen at a glance.
    """

    lacks: dict[str, str] = field(default_factory=dict)
    doubt: str = ""
    flag: str = ""


def compare_holdings(leaving: Holdings, keeper: Holdings) -> HoldingsComparison:
    """Compare two files by their pixels where they have been read, else by what the tables say."""
    found = HoldingsComparison()
    if leaving.content and leaving.content == keeper.content:
        return found
    _compare_kinds(leaving, keeper, found)
    _compare_notes(leaving, keeper, found)
    if leaving.pixels is None or keeper.pixels is None:
        if is_larger(leaving, keeper):
            found.lacks["pixels"] = f"{leaving.width} x {leaving.height} pixels"
        return found
    if not (leaving.raw or keeper.raw):
        _compare_values(leaving, keeper, found)
        _compare_pictures(leaving, keeper, found)
    return found


# -- what is in the file beside the picture --------------------------------------------------------


def _compare_kinds(leaving: Holdings, keeper: Holdings, found: HoldingsComparison) -> None:
    if leaving.raw:
        found.lacks["raw"] = "the camera's RAW data"
    elif keeper.raw:
        found.lacks["edits"] = "the developed picture"
    if keeper.damage:
        found.lacks["damage"] = f"the undamaged picture ({keeper.damage})"
    elif leaving.damage:
        found.lacks["damage"] = "its state"
        found.flag = f"damaged: {leaving.damage}"
    if leaving.frames > keeper.frames:
        found.lacks["frames"] = f"{leaving.frames} frames"


def _compare_notes(leaving: Holdings, keeper: Holdings, found: HoldingsComparison) -> None:
    """Name the kinds of metadata that only the leaving file has, or has with another value."""
    if leaving.pixels is None or keeper.pixels is None:
        if leaving.n_notes > keeper.n_notes:
            found.lacks["metadata"] = f"{leaving.n_notes - keeper.n_notes} metadata entries"
        return
    only = [kind for kind in leaving.notes if kind not in keeper.notes]
    other = [
        f"another {kind}"
        for kind in ("date", "GPS", "caption", "rating", "keywords", "text", "appended data")
        if kind in leaving.notes
        and kind in keeper.notes
        and leaving.notes[kind] != keeper.notes[kind]
    ]
    if only or other:
        found.lacks["metadata"] = list_words([*only, *other])


def list_words(words: list[str]) -> str:
    """Return words as people list them.

    Examples
    --------
    >>> list_words(["date", "GPS", "rating"])
    'date, GPS and rating'
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def is_larger(leaving: Holdings, keeper: Holdings) -> bool:
    """Tell whether a picture is larger in a direction, by more than rounding changes."""
    return (
        leaving.width > SIZE_TOLERANCE * keeper.width
        or leaving.height > SIZE_TOLERANCE * keeper.height
    )


# -- values ----------------------------------------------------------------------------------------


def _compare_values(leaving: Holdings, keeper: Holdings, found: HoldingsComparison) -> None:
    """Compare depth, transparency and the frames after the first."""
    if leaving.depth > keeper.depth:
        found.lacks["depth"] = f"{leaving.depth} bits"
    elif leaving.deep is not None and not _same_deep_values(leaving, keeper):
        found.lacks["depth"] = f"other values of {leaving.depth} bits"
    if leaving.alpha and not (keeper.alpha and _same_alpha(leaving, keeper)):
        found.lacks["alpha"] = "other transparency" if keeper.alpha else "transparency"
    if 1 < leaving.frames <= keeper.frames and not _same_frames(leaving, keeper):
        found.lacks["frames"] = f"other frames ({leaving.frames})"


def _same_deep_values(leaving: Holdings, keeper: Holdings) -> bool:
    one, other = leaving.deep, keeper.deep
    if one is None or other is None or one.shape != other.shape:
        return False
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))


def _same_alpha(leaving: Holdings, keeper: Holdings) -> bool:
    assert leaving.alphas is not None
    assert keeper.alphas is not None
    size = leaving.alphas.shape[::-1]
    other = np.asarray(Image.fromarray(keeper.alphas).resize(size, Image.Resampling.BOX))
    change = np.abs(leaving.alphas.astype(np.int16) - other)
    return bool(change.mean() < MAX_MEAN_CHANGE)


def _same_frames(leaving: Holdings, keeper: Holdings) -> bool:
    """Tell whether every frame of a file is, at its place, in another one."""
    try:
        pairs = zip(_frames(leaving.path), _frames(keeper.path), strict=False)
        changes = [
            np.abs(one.astype(np.int16) - other).mean() <= MAX_FRAME_CHANGE for one, other in pairs
        ]
    except UnreadableImage:
        return False
    return len(changes) >= leaving.frames and all(changes)


def _frames(path: str) -> Iterator[np.ndarray]:
    """Yield every frame, small: uint8, 32 x 32 x 3."""
    with readable(), open_lazily(path) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            yield np.asarray(
                image.convert("RGBA")
                .convert("RGB")
                .resize((SMALL_FRAME_SIDE, SMALL_FRAME_SIDE), Image.Resampling.BOX)
            )


# -- pictures --------------------------------------------------------------------------------------


def _compare_pictures(leaving: Holdings, keeper: Holdings, found: HoldingsComparison) -> None:
    assert leaving.pixels is not None
    assert keeper.pixels is not None
    own, other = (held.notes.get("colour profile", "") for held in (leaving, keeper))
    if other != own and other.endswith(NOT_AS_CALLED):
        found.lacks["edits"] = "its look (the other has an odd colour profile)"
        return
    if leaving.profile != keeper.profile:
        _compare_across_profiles(leaving, keeper, found)
        return
    if leaving.pixel_sum == keeper.pixel_sum and np.array_equal(
        np.asarray(leaving.pixels), np.asarray(keeper.pixels)
    ):
        return
    sketches = [leaving.sketch, keeper.sketch]
    if turn := describe_turn(*sketches):
        found.lacks["edits"] = f"its orientation ({turn})"
        found.flag = f"{turn} against {keeper.image}"
        return
    if lacks_colour(sketches[1], sketches[0]) or (keeper.grey and not leaving.grey):
        found.lacks["colours"] = "colours"
        found.doubt = f"without the colours of {leaving.image}"
        return
    if lacks_colour(*sketches) or (leaving.grey and not keeper.grey and has_colour(sketches[1])):
        found.lacks["edits"] = "its version without colours"
        found.flag = f"without the colours of {keeper.image}"
        return
    if is_part(sketches[1], sketches[0]):
        found.lacks["pixels"] = "what lies outside of the crop"
        found.doubt = f"shows less than {leaving.image} (cropped?)"
        return
    if is_part(*sketches):
        found.lacks["edits"] = "its crop"
        found.flag = f"a part of {keeper.image} (cropped)"
        return
    _compare_detail(leaving, keeper, found)


def _compare_across_profiles(
    leaving: Holdings, keeper: Holdings, found: HoldingsComparison
) -> None:
    """Compare pictures of two colour profiles as they are seen, or as numbers if one was dropped.

    A program that drops the profile keeps the numbers. Such a copy is paler, and can be made from
    the picture that has the profile.
    """
    _compare_pictures(in_seen_colours(leaving), in_seen_colours(keeper), found)
    if found.lacks.get("edits") and keeper.profile and not leaving.profile:
        bare = HoldingsComparison()
        _compare_pictures(leaving, replace(keeper, profile=b""), bare)
        if not bare.lacks:
            del found.lacks["edits"]


def _compare_detail(leaving: Holdings, keeper: Holdings, found: HoldingsComparison) -> None:
    assert leaving.pixels is not None
    assert keeper.pixels is not None
    sizes = leaving.width * leaving.height, keeper.width * keeper.height
    if is_larger(leaving, keeper):
        words = f"{leaving.width} x {leaving.height} pixels"
        bare = sizes[0] > CLEARLY_LARGER * sizes[1] and _is_enlargement(
            leaving, keeper, _make_from(keeper, leaving)
        )
        found.lacks["pixels"] = f"{words}, perhaps only enlarged" if bare else words
        return
    if _looks_edited(leaving, keeper):
        found.lacks["edits"] = "its look (edited?)"
        return
    made = _make_from(leaving, keeper)
    if sizes[1] > CLEARLY_LARGER * sizes[0] and _is_enlargement(keeper, leaving, made):
        found.doubt = f"larger than {leaving.image} without more detail (enlarged?)"
        found.lacks["quality"] = "its sharpness"
        return
    if lack := _missing_detail(leaving, keeper, made):
        found.lacks[lack[0]] = lack[1]


def _is_enlargement(large: Holdings, small: Holdings, made: Copied) -> bool:
    """Tell whether a large picture was made from a small one, not the other way round.

    The small picture is enlarged and compared with the large one; the large one is scaled down and
    compared with the small one. If the way of scaling is not imitated, the first difference
    decides. Measured on 64 pairs, it was at most 1.4 times the second one for an enlargement. For a
    picture with detail of its own it was at least 1.7 times the second one.
    """
    up = _make_from(large, small)
    if up.is_exact:
        return True
    if made.is_exact or (large.is_camera and not small.is_camera):
        return False
    return up.error < MIN_OWN_DETAIL * made.error


def _looks_edited(leaving: Holdings, keeper: Holdings) -> bool:
    """Tell whether two pictures differ somewhere by more than scaling and compression change."""
    assert leaving.pixels is not None
    assert keeper.pixels is not None
    shown = keeper.pixels.resize(leaving.pixels.size, Image.Resampling.LANCZOS)
    cell = max(1, min(8, min(shown.size) // 8))
    own = np.asarray(leaving.pixels.reduce(cell), dtype=np.float32)
    small = shown.width * shown.height <= WHOLE
    copies = [shown, *(_saved_like(leaving, shown) if small else ())]
    changes = [np.abs(own - np.asarray(copy.reduce(cell), dtype=np.float32)) for copy in copies]
    change = min(changes, key=lambda values: float((values**2).mean()))
    # a coarse table moves the mean of a block by up to half its first step
    steps = [held.tables[0][0] for held in (leaving,) if held.tables]
    steps += [tables_for(leaving.earlier_quality)[0][0]] if leaving.earlier_quality else []
    slack = max(steps, default=0) / 16 + (2.0 if leaving.n_colours else 0.0)
    mean = float(np.sqrt((change**2).mean()))
    grid = change.max(axis=2)
    local = np.asarray(Image.fromarray(grid).resize(
        (max(1, grid.shape[1] // 3), max(1, grid.shape[0] // 3)), Image.Resampling.BOX
    ))  # fmt: skip
    return mean > MAX_MEAN_CHANGE + slack / 2 or float(local.max()) > MAX_LOCAL_CHANGE + 2 * slack


class Copied(NamedTuple):
    """How well a file is made from another one; root mean squares in grey levels of 255.

    Attributes
    ----------
    error : between the file and what was made
    loss : what saving changed, 0 where the format is not imitated
    detail, kept : the fine detail of the file and of what was made
    quiet, rest : detail and error in the tenth of the blocks with the least detail
    coarse : the error between means of 4 x 4 pixels
    """

    error: float
    loss: float
    detail: float
    kept: float
    quiet: float
    rest: float
    coarse: float

    @property
    def is_exact(self) -> bool:
        """Whether the file is what was made, but for rounding."""
        allowed = EXACT + SHARE_OF_LOSS * self.loss if self.loss else SAME_VALUES
        return self.coarse <= EXACT_COARSE and self.error <= allowed


def _make_from(wanted: Holdings, given: Holdings) -> Copied:
    """Scale a picture to the size of another, save it like that one, and compare."""
    assert wanted.pixels is not None
    assert given.pixels is not None
    parts = [
        _imitate(wanted, wanted.pixels.crop(box), _scaled_part(wanted.pixels, given.pixels, box))
        for box in _windows(wanted.pixels.size)
    ]
    return Copied(*np.sqrt(np.mean(np.square(parts), axis=0)).tolist())


def _scaled_part(
    wanted: Image.Image, given: Image.Image, box: tuple[int, int, int, int]
) -> list[Image.Image]:
    """Return a part of a picture, scaled in each of the usual ways; the ways stay in order."""
    if wanted.size == given.size:
        return [given.crop(box)]
    across, down = given.width / wanted.width, given.height / wanted.height
    place = (box[0] * across, box[1] * down, box[2] * across, box[3] * down)
    size = (box[2] - box[0], box[3] - box[1])
    return [given.resize(size, way, box=place) for way in WAYS]


def _missing_detail(leaving: Holdings, keeper: Holdings, made: Copied) -> tuple[str, str] | None:
    """Return the aspect and the words of what the keeper lacks in fine detail, None if nothing."""
    same_size = (leaving.width, leaving.height) == (keeper.width, keeper.height)
    is_given = leaving.lossless and not leaving.palette
    if leaving.earlier_quality and (keeper.lossless or keeper.tables):
        is_given = False  # a WebP or HEIC may have been made from it; of a JPEG this can be told
    if same_size and made.is_exact and _is_later(keeper, leaving, made):
        return "quality", "its quality (the other was made from it)"
    if made.is_exact and not leaving.palette and not (same_size and is_given):
        return None  # the one can be made from the other
    if same_size and _is_source(leaving, keeper):
        return "quality", f"its quality (a {keeper.quality:.0f} of 100 was made from it)"
    if made.is_exact and not is_given:
        return None  # and colours of a palette do not come from a lossy copy
    if same_size and is_given:
        return "quality", "its values without loss"
    share = keeper.width * keeper.height / max(1, leaving.width * leaving.height)
    has_few_colours = keeper.n_colours >= MIN_FULL_PALETTE and not leaving.n_colours
    if has_few_colours and not leaving.grey and share <= CLEARLY_LARGER:
        return "colours", f"more than {keeper.n_colours} colours"
    quality = keeper.best_quality + QUALITY_PER_HALVING * math.log2(max(1.0, share)) / 2
    if quality + QUALITY_TOLERANCE < leaving.best_quality and not leaving.palette:
        words = f"quality {leaving.best_quality:.0f} of 100"
        return "quality", f"{words} (the other {keeper.best_quality:.0f})"
    noisy = leaving.tables and (
        made.error > MAX_ERROR + MAX_SHARE_OF_LOSS * made.loss or made.coarse > MAX_COARSE
    )
    quiet = MAX_QUIET_ERROR if leaving.tables or leaving.palette else MAX_QUIET_LOSS
    if same_size and (noisy or made.rest > max(quiet, made.quiet / 2)):
        return "edits", "its look (the other has noise, or was edited)"
    low, high = SAME_SIZE_DETAIL if same_size else SMALLER_DETAIL
    if made.kept < low * made.detail:
        return "quality", "fine detail, or sharpening"
    if made.kept > high * made.detail and (leaving.tables or not same_size):
        return "edits", "its softer version, or the other has more noise"
    return None


def _windows(size: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Return what is compared in full: all of a small picture, five places of a large one."""
    width, height = size
    if width * height <= WHOLE:
        return [(0, 0, width, height)]
    boxes = []
    for across, down in ((1, 1), (3, 1), (2, 2), (1, 3), (3, 3)):
        left = max(0, min(width * across // 4 - WINDOW // 2, width - WINDOW)) // 16 * 16
        top = max(0, min(height * down // 4 - WINDOW // 2, height - WINDOW)) // 16 * 16
        boxes.append((left, top, min(width, left + WINDOW), min(height, top + WINDOW)))
    return boxes


def _imitate(held: Holdings, part: Image.Image, ways: list[Image.Image]) -> tuple[float, ...]:
    """Save a part of the other file as this one was saved, and compare: the values of `Copied`."""
    wanted = _grey_levels(part)
    greys = [_grey_levels(way) for way in ways]
    errors = [_rms(wanted - grey) for grey in greys]
    # what the compression changed may hide which way is the right one: the next ones are tried, too
    near = [k for k in np.argsort(errors, kind="stable") if errors[k] <= NEXT_WAY * min(errors)]
    tried = [
        (greys[k], _grey_levels(saved))
        for k in (near if held.tables else near[:1])
        for saved in [*_saved_like(held, ways[k])] or [ways[k]]
    ]
    given, made = min(tried, key=lambda pair: _rms(wanted - pair[1]))
    return (
        _rms(wanted - made),
        _rms(given - made),
        _fine_detail(wanted),
        _fine_detail(made),
        *_in_quiet_blocks(wanted, made),
        _rms(_coarse(wanted - made)),
    )


def _coarse(values: np.ndarray) -> np.ndarray:
    """Return the means of 4 x 4 pixels."""
    rows, columns = (max(1, side // 4) for side in values.shape)
    part = values[: 4 * rows, : 4 * columns]
    if min(values.shape) < 4:
        return values.mean(keepdims=True)
    return np.asarray(part.reshape(rows, 4, columns, 4).mean(axis=(1, 3)))


def _in_quiet_blocks(wanted: np.ndarray, made: np.ndarray) -> tuple[float, float]:
    """Return the detail of a picture, and its difference to a copy, where it has least detail."""
    rows, columns = (side // 8 for side in wanted.shape)
    if not rows * columns:
        return 0.0, 0.0
    spreads = [
        values[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8).std(axis=(1, 3)).ravel()
        for values in (wanted, wanted - made)
    ]
    quiet = np.argsort(spreads[0], kind="stable")[: max(1, rows * columns // 10)]
    return _rms(spreads[0][quiet]), _rms(spreads[1][quiet])


def _saved_like(held: Holdings, picture: Image.Image) -> Iterator[Image.Image]:
    """Yield a picture as it would be after being saved as a file was; nothing for other formats."""
    settings: list[tuple[list[list[int]], int]] = []
    if held.tables:
        settings.append((held.tables, held.sampling))
    if held.earlier_quality:
        settings += [(tables_for(held.earlier_quality), sampling) for sampling in (2, 0)]
    to_stored, to_shown = ORIENTATION_TURNS[held.orientation]
    stored = picture if to_stored is None else picture.transpose(to_stored)
    for tables, sampling in settings:
        buffer = io.BytesIO()
        mode = "L" if len(tables) == 1 else "RGB"
        stored.convert(mode).save(buffer, "JPEG", qtables=tables, subsampling=sampling)
        saved = Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")
        yield saved if to_shown is None else saved.transpose(to_shown)
    if held.palette is not None:
        for dither in (Image.Dither.NONE, Image.Dither.FLOYDSTEINBERG):
            yield picture.quantize(palette=held.palette, dither=dither).convert("RGB")


def _is_later(keeper: Holdings, leaving: Holdings, made: Copied) -> bool:
    """Tell whether the keeper was made from a file that shows an earlier compression.

    A file that was saved at 75 and again at 95 can be made from its copy at 85: the steps of 75 are
    found again. The copy is the later one where it follows more exactly from the file.
    Which of a file without loss and a WebP or HEIC is the later one cannot be told.
    """
    if not leaving.earlier_quality or keeper.lossless:
        return False
    if not keeper.tables:
        return leaving.lossless
    if leaving.quality <= keeper.quality + QUALITY_TOLERANCE:
        return False
    given = _make_from(keeper, leaving)
    return given.is_exact and given.error <= made.error


def _is_source(leaving: Holdings, keeper: Holdings) -> bool:
    """Tell whether the keeper can be made from the leaving file, which is then the better one."""
    if not (keeper.tables or keeper.earlier_quality or keeper.palette):
        return False
    return _make_from(keeper, leaving).is_exact


def _grey_levels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L"), dtype=np.float32)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt((values * values).mean()))


def _fine_detail(grey: np.ndarray) -> float:
    """Return the standard deviation of what a blur by one pixel takes away."""
    if min(grey.shape) < 3:
        return 0.0
    blurred = (grey[:-2] + 2 * grey[1:-1] + grey[2:]) / 4
    blurred = (blurred[:, :-2] + 2 * blurred[:, 1:-1] + blurred[:, 2:]) / 4
    return float((grey[1:-1, 1:-1] - blurred).std())

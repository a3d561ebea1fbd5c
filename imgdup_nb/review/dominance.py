"""Whether one file holds at least as much as another in every respect, and in words what it lacks.

The proof that a file holds what another shows: the other can be made from it. The larger picture is
scaled down to the size of the smaller one, saved as that one was saved (its JPEG tables, its
palette), and compared. Where the format cannot be imitated, the two must look the same everywhere,
and the file that stays must have as much fine detail and quality.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from ..engine.decode import UnreadableImage, open_lazily, readable
from .derivatives import describe_turn, has_colour, is_enlarged, is_part, lacks_colour
from .holdings import Holdings, tables_for

ASPECTS = [
    "pixels", "quality", "depth", "colours", "alpha", "frames", "metadata", "edits", "raw", "damage",
]  # fmt: skip

SIZE_TOLERANCE = 1.02  # times the width and height: what rounding and a cut border change
CLEARLY_LARGER = 1.1  # times the pixels; below it an enlargement cannot be told from a copy
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
# fine detail of the keeper, as a share of the other's
SAME_SIZE_DETAIL = (0.94, 1.12)
SMALLER_DETAIL = (0.78, 1.7)
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
    """Compare two files, with their pixels where they have been read, else by what the tables say."""
    found = HoldingsComparison()
    if leaving.sha256 and leaving.sha256 == keeper.sha256:
        return found
    _compare_kinds(leaving, keeper, found)
    _compare_notes(leaving, keeper, found)
    if leaving.pixels is None or keeper.pixels is None:
        if _is_larger(leaving, keeper):
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
        for kind in ("date", "GPS", "caption", "rating", "keywords", "text")
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


def _is_larger(leaving: Holdings, keeper: Holdings) -> bool:
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


def _compare_detail(leaving: Holdings, keeper: Holdings, found: HoldingsComparison) -> None:
    assert leaving.pixels is not None
    assert keeper.pixels is not None
    sizes = leaving.width * leaving.height, keeper.width * keeper.height
    if _is_larger(leaving, keeper):
        bare = sizes[0] > CLEARLY_LARGER * sizes[1] and is_enlarged(leaving.pixels, keeper.pixels)
        words = f"{leaving.width} x {leaving.height} pixels"
        found.lacks["pixels"] = f"{words}, perhaps only enlarged" if bare else words
        return
    if (
        sizes[1] > CLEARLY_LARGER * sizes[0]
        and not (keeper.is_camera and not leaving.is_camera)
        and is_enlarged(keeper.pixels, leaving.pixels)
    ):
        found.doubt = f"larger than {leaving.image} without more detail (enlarged?)"
        found.lacks["quality"] = "its sharpness"
        return
    same_size = leaving.pixels.size == keeper.pixels.size
    shown = (
        keeper.pixels
        if same_size
        else keeper.pixels.resize(leaving.pixels.size, Image.Resampling.LANCZOS)
    )
    if _looks_edited(leaving, shown):
        found.lacks["edits"] = "its look (edited?)"
        return
    if lack := _missing_detail(leaving, keeper, shown, same_size):
        found.lacks[lack[0]] = lack[1]


def _looks_edited(leaving: Holdings, shown: Image.Image) -> bool:
    """Tell whether two pictures of one size differ somewhere by more than compression changes."""
    assert leaving.pixels is not None
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


def _missing_detail(
    leaving: Holdings, keeper: Holdings, shown: Image.Image, same_size: bool
) -> tuple[str, str] | None:
    """Return the aspect and the words of what the keeper lacks in fine detail, None if nothing."""
    assert leaving.pixels is not None
    scores = [
        _imitate(leaving, leaving.pixels.crop(box), shown.crop(box)) for box in _windows(shown.size)
    ]
    error, loss, own, kept, quiet, rest, coarse = np.sqrt(np.mean(np.square(scores), axis=0))
    exact = coarse <= EXACT_COARSE and (
        error <= EXACT + SHARE_OF_LOSS * loss or (not loss and error <= SAME_VALUES)
    )
    if exact and not leaving.palette:
        return None  # the one can be made from the other
    if same_size and _is_source(leaving, keeper):
        return "quality", f"its quality (a {keeper.quality:.0f} of 100 was made from it)"
    if exact:
        return None  # and colours of a palette do not come from a lossy copy
    halvings = np.log2(
        max(1.0, np.sqrt(keeper.width * keeper.height / max(1, shown.width * shown.height)))
    )
    quality = keeper.best_quality + QUALITY_PER_HALVING * float(halvings)
    if same_size and leaving.lossless and not (leaving.earlier_quality or leaving.palette):
        return "quality", "its values without loss"
    if quality + QUALITY_TOLERANCE < leaving.best_quality and not leaving.palette:
        return (
            "quality",
            f"quality {leaving.best_quality:.0f} of 100 (the other {keeper.best_quality:.0f})",
        )
    noisy = leaving.tables and (error > MAX_ERROR + MAX_SHARE_OF_LOSS * loss or coarse > MAX_COARSE)
    if same_size and (noisy or rest > max(MAX_QUIET_ERROR, quiet / 2)):
        return "edits", "its look (the other has noise, or was edited)"
    low, high = SAME_SIZE_DETAIL if same_size else SMALLER_DETAIL
    if kept < low * own:
        return "quality", "fine detail, or sharpening"
    if kept > high * own and (leaving.tables or not same_size):
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


def _imitate(leaving: Holdings, part: Image.Image, shown: Image.Image) -> list[float]:
    """Save a part of the keeper as the other file was saved, and compare.

    Returns
    -------
    seven root mean squares in grey levels: what is left between the two; what saving changed; the
    fine detail of the other; the fine detail of the keeper, so saved; in the tenth of the blocks
    with the least detail, the detail of the other, and what is left between the two; what is left
    between the means of 4 x 4 pixels.
    """
    wanted, given = _grey_levels(part), _grey_levels(shown)
    made = [_grey_levels(copy) for copy in _saved_like(leaving, shown)] or [given]
    errors = [_rms(wanted - copy) for copy in made]
    best = int(np.argmin(errors))
    return [
        errors[best],
        _rms(given - made[best]),
        _fine_detail(wanted),
        _fine_detail(made[best]),
        *_in_quiet_blocks(wanted, made[best]),
        _rms(_coarse(wanted - made[best])),
    ]


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


def _is_source(leaving: Holdings, keeper: Holdings) -> bool:
    """Tell whether the keeper can be made from the leaving file, which is then the better one."""
    assert leaving.pixels is not None
    assert keeper.pixels is not None
    if not (keeper.tables or keeper.earlier_quality or keeper.palette):
        return False
    scores = [
        _imitate(keeper, keeper.pixels.crop(box), leaving.pixels.crop(box))
        for box in _windows(leaving.pixels.size)
    ]
    error, loss, *_ = np.sqrt(np.mean(np.square(scores), axis=0))
    return bool(error <= EXACT + SHARE_OF_LOSS * loss)


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

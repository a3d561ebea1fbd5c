"""The hashes of many sketches at once, with the very bits that imagehash gives for each.

imagehash is the definition (`METHODS[name].compute`), and the tests compare bit by bit. This module
does the work of imagehash for a stack of images. It shrinks them as Pillow does, transforms, and
compares with the median or with a neighbour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import cache, partial
from typing import Any

import imagehash
import numpy as np
from PIL import Image

from ..methods import HashMethod, fingerprint_by, made_by, made_elsewhere, pack_bits
from .decode import UnreadableImage, no_decoder_warnings
from .parallel import map_batches
from .sketches import known_sketch, read_sketch, shrink_loops, sketches

NEARLY_EQUAL = 1e-4  # strengths of waves, which reach a million; rounding changes them by 1e-9
HUE_EDGES = np.linspace(0, 255, 7)  # colorhash's six hues
HUE_OF_VALUE = np.searchsorted(HUE_EDGES[1:-1], np.arange(256), side="right")


def hash_sketches(stack: np.ndarray, method: str, n_views: int = 1) -> np.ndarray:
    """Return the hash bits of sketches in each of their first `n_views` orientations.

    Parameters
    ----------
    stack : uint8, n x side x side; for colorhash, n x side x side x 3
    method : a hash method of `METHODS`
    n_views : 1, or 8 (see `turn_views`)

    Returns
    -------
    bool, n x n_views x n_bits
    """
    if method == "colorhash":  # it counts pixels, so turning changes nothing
        return np.repeat(_color_bits(stack)[:, None], n_views, axis=1)
    views = (
        list(stack) if n_views == 1 else [view for sketch in stack for view in turn_views(sketch)]
    )
    bits = _GREY_METHODS[method](views) if views else np.zeros((0, 0), bool)
    return bits.reshape(len(stack), n_views, bits.shape[-1])


def sketch_mode(method: str) -> str:
    """Return the mode, "L" or "RGB", of the sketches that a hash method needs."""
    return "RGB" if method == "colorhash" else "L"


def turn_views(picture: np.ndarray) -> list[np.ndarray]:
    """Return the eight ways to turn and mirror a picture, height x width (x channels).

    The first one is the picture itself.
    """
    mirrored = picture[:, ::-1]
    turned = [np.rot90(view, quarters) for view in (picture, mirrored) for quarters in range(4)]
    return [np.ascontiguousarray(view) for view in turned]


def _shrink(views: list[np.ndarray], width: int, height: int) -> np.ndarray:
    """Return uint8, n x height x width: what Pillow makes of each view, in two calls for all.

    Rows are shrunk first, then columns. A row does not depend on other rows, so the rows of all
    views are shrunk together.
    """
    if not views:
        return np.zeros((0, height, width), np.uint8)
    n, side = len(views), len(views[0])
    rows = shrink_loops().shrink_and_turn(np.concatenate(views).T.copy(), width)
    columns = rows.reshape(n, side, width).transpose(1, 0, 2).reshape(side, n * width)
    return (
        shrink_loops().shrink_and_turn(columns, height).reshape(n, width, height).transpose(0, 2, 1)
    )


def _above_median(values: np.ndarray) -> np.ndarray:
    flat = values.reshape(len(values), -1)
    return flat > np.median(flat, axis=1, keepdims=True)


def _phash_bits(views: list[np.ndarray], side: int) -> np.ndarray:
    """Return which waves are stronger than their median: the upper half of them.

    They are summed by matrices, in a quarter of the time of the transform that imagehash takes.
    Both round differently. So where the two values in the middle are nearly equal, as in a flat or
    symmetrical picture, that transform decides.
    """
    pixels = _shrink(views, 4 * side, 4 * side)
    waves = _cosine_waves(side)
    found = np.matmul(waves, np.matmul(pixels.astype(np.float64), waves.T))
    found = found.reshape(len(found), -1)
    half = found.shape[1] // 2
    below, above = np.sort(found, axis=1)[:, half - 1 : half + 1].T
    bits = found > ((below + above) / 2)[:, None]
    unsure = np.flatnonzero(above - below < NEARLY_EQUAL)
    if len(unsure):
        bits[unsure] = _above_median(_cosine_transform(pixels[unsure], side))
    return bits


@cache
def _cosine_waves(side: int) -> np.ndarray:
    """Return the first `side` cosine waves over four times as many pixels."""
    frequencies, places = np.arange(side)[:, None], 2 * np.arange(4 * side) + 1
    return 2 * np.cos(np.pi * frequencies * places / (8 * side))


def _cosine_transform(pixels: np.ndarray, side: int) -> np.ndarray:
    import scipy.fftpack

    waves = scipy.fftpack.dct(scipy.fftpack.dct(pixels, axis=1)[:, :side], axis=2)
    return waves[:, :, :side]


def _dhash_bits(views: list[np.ndarray]) -> np.ndarray:
    pixels = _shrink(views, 9, 8)
    return (pixels[:, :, 1:] > pixels[:, :, :-1]).reshape(len(views), -1)


def _ahash_bits(views: list[np.ndarray]) -> np.ndarray:
    pixels = _shrink(views, 8, 8).reshape(len(views), -1)
    return pixels > pixels.mean(axis=1, keepdims=True)


def _whash_bits(views: list[np.ndarray]) -> np.ndarray:
    import pywt

    pixels = np.stack(views) / 255.0
    side = pixels.shape[1]
    coefficients = pywt.wavedec2(pixels, "haar", level=int(np.log2(side)), axes=(1, 2))
    coefficients[0] = coefficients[0] * 0  # without the mean brightness
    pixels = pywt.waverec2(coefficients, "haar", axes=(1, 2))
    return _above_median(
        pywt.wavedec2(pixels, "haar", level=int(np.log2(side)) - 3, axes=(1, 2))[0]
    )


_GREY_METHODS: dict[str, Callable[[list[np.ndarray]], np.ndarray]] = {
    "phash": lambda views: _phash_bits(views, 8),
    "phash256": lambda views: _phash_bits(views, 16),
    "dhash": _dhash_bits,
    "ahash": _ahash_bits,
    "whash": _whash_bits,
}


def _color_bits(stack: np.ndarray) -> np.ndarray:
    """Return 14 fractions of three bits each.

    They are black, grey, six hues of faint colours, and six hues of bright colours.
    """
    bits = np.zeros((len(stack), 14, 3), bool)
    for sketch, row in zip(stack, bits, strict=True):
        grey = np.asarray(Image.fromarray(sketch).convert("L"))
        hue, saturation, _value = np.moveaxis(
            np.asarray(Image.fromarray(sketch).convert("HSV")), 2, 0
        )
        black = grey < 256 // 8
        colored = ~black & (saturation >= 256 // 3)
        faint, bright = colored & (saturation < 256 * 2 // 3), colored & (saturation > 256 * 2 // 3)
        counts = [np.bincount(HUE_OF_VALUE[hue[some]], minlength=6) for some in (faint, bright)]
        fractions = [
            black.mean(),
            (~black & ~colored).mean(),
            *np.concatenate(counts) / max(1, colored.sum()),
        ]
        levels = np.minimum(7, (np.array(fractions) * 8).astype(int))
        row[:] = (
            levels[:, None] // [4, 2, 1] % [8, 4, 2] > 0
        )  # imagehash's own way to spread 0..7 over three bits
    return bits.reshape(len(stack), 42)


HASH_BATCH = 64  # sketches hashed together
# add one whenever a bit of sketches or hashes changes: kept hashes are then made again
RECIPE = 4


def made_with() -> str:
    """Return the version of imagehash and of our recipe; other versions may give other bits."""
    return f"imagehash {imagehash.__version__}, recipe {RECIPE}"


@made_by.register
def _(_method: HashMethod) -> str:
    return made_with()


@fingerprint_by.register
def _(
    method: HashMethod, paths: Sequence[str], *, n_views: int, executor: Executor | None
) -> list[np.ndarray | str]:
    if method.function is None:
        raise made_elsewhere(method.name)
    batch = partial(_hash_batch, method=method.name, n_views=n_views)
    hash_all = partial(map_batches, batch, describe=method.name, size=HASH_BATCH)
    with no_decoder_warnings():
        if executor is None or not len(sketches):
            return list(hash_all(paths, executor=executor))
        # what this process has a sketch of is not fetched a second time by a worker
        known = partial(_hash_batch, method=method.name, n_views=n_views, only_known=True)
        results = list(map_batches(known, paths, describe=method.name, size=HASH_BATCH))
        left = [place for place, result in enumerate(results) if result is None]
        made = hash_all([paths[place] for place in left], executor=executor)
        for place, result in zip(left, made, strict=True):
            results[place] = result
        return results


# -- hashes ----------------------------------------------------------------------------------------


def _hash_batch(
    paths: Sequence[str], *, method: str, n_views: int, only_known: bool = False
) -> list[Any]:
    """Return packed codes, n_views x n_words, or the problem, of each path.

    It can be pickled, so any executor can run it. `only_known` gives None for pictures that would
    have to be decoded.
    """
    look_up = known_sketch if only_known else _sketch_or_problem
    results: list[Any] = [look_up(path, sketch_mode(method)) for path in paths]
    good = [place for place, result in enumerate(results) if isinstance(result, np.ndarray)]
    if good:
        codes = pack_bits(
            hash_sketches(np.stack([results[place] for place in good]), method, n_views)
        )
        for place, code in zip(good, codes, strict=True):
            results[place] = code
    return results


def _sketch_or_problem(path: str, mode: str) -> np.ndarray | str:
    try:
        return read_sketch(path, mode)
    except UnreadableImage as error:
        return str(error)

"""Bring each of Pillow's modes to what a screen shows: 8 bits a channel, opaque.

Some modes cannot be averaged as they are, such as palettes and 16 bits. Large pictures of them are
converted band by band, so that no second picture of the same size is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageCms

from .profiles import changes_colours, in_srgb, space_of, stored_profile

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
AVERAGED = {"L", "LA", "RGB", "RGBA", "CMYK", "YCbCr"}  # modes whose values may be averaged
# what the values of a picture of more than 8 bits may reach: 8, 10, 12, 14 and 16 bits
TOPS = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)
LARGE = 32_000_000  # pixels from which a picture is converted in bands
BAND_PIXELS = 2_000_000  # pixels of a band
VISIBLE = 8  # of 255: differences below this are not seen


def to_screen(image: Image.Image, mode: str, min_side: int | None = None) -> Image.Image:
    """Return what a screen shows of a decoded picture, not yet turned by its EXIF orientation.

    Parameters
    ----------
    mode : {'RGB', 'L'}
        of the result.
    min_side
        the result may be smaller as long as both its sides keep this many pixels.
    """
    image = reduced(image, min_side)
    if image.width * image.height <= LARGE or _is_screen_mode(image):
        shown = opaque(eight_bits(image))
        return shown if shown.mode == mode else shown.convert(mode)
    factor = max(1, min(image.size) // min_side) if min_side else 1
    convert = _converter(image, factor)
    size = -(-image.width // factor), -(-image.height // factor)
    shown = Image.new(mode, size)
    for top, band in bands(image, factor):
        part = convert(band).convert(mode)
        shown.paste(part.reduce(factor) if factor > 1 else part, (0, top // factor))
    shown.info = {key: image.info[key] for key in ("exif",) if key in image.info}
    return shown


def _is_screen_mode(image: Image.Image) -> bool:
    return (
        image.mode in {"L", "RGB"}
        and "transparency" not in image.info
        and not changes_colours(image)
    )


def bands(image: Image.Image, multiple: int = 1) -> Iterator[tuple[int, Image.Image]]:
    """Yield a picture in bands of whole rows, from top to bottom, each with the row it begins at.

    Bands begin at multiples of `multiple`, and have about BAND_PIXELS pixels.
    """
    rows = max(BAND_PIXELS // max(image.width, 1) // multiple, 1) * multiple
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _converter(image: Image.Image, multiple: int) -> Callable[[Image.Image], Image.Image]:
    """Return what makes a band of a large picture opaque, alike for all its bands."""
    if is_wide(image):
        values = (_finite(np.asarray(band)) for _, band in bands(image, multiple))
        extrema = np.array([(float(part.min()), float(part.max())) for part in values])
        low, high = float(extrema[:, 0].min()), float(extrema[:, 1].max())
        return lambda band: _seen(_scaled(band, *_range_of(image.mode, low, high)), image)
    if not image.has_transparency_data:
        return lambda band: opaque(eight_bits(band))
    if image.mode == "P":
        colors = _opaque_palette(image)
        return lambda band: _with_palette(band, colors)
    ground = WHITE
    if _is_uniform_on(image, WHITE) and not _is_uniform_on(image, BLACK):
        ground = BLACK
    return lambda band: _laid_on(eight_bits(band).convert("RGBA"), ground)


def _opaque_palette(image: Image.Image) -> bytes:
    """Return the palette of a picture on its background, RGB, 256 colours."""
    row = image.crop((0, 0, 256, 1))
    row.putdata(range(256))
    used = np.flatnonzero(image.histogram()[:256])
    colors = np.asarray(opaque(Image.fromarray(np.asarray(eight_bits(row))[:, used])))
    palette = np.zeros((256, 3), np.uint8)
    palette[used] = colors[0]
    return palette.tobytes()


def _with_palette(band: Image.Image, colors: bytes) -> Image.Image:
    band.putpalette(colors)
    band.info = {}
    return band.convert("RGB")


def _is_uniform_on(image: Image.Image, ground: tuple[int, int, int]) -> bool:
    laid = (_laid_on(eight_bits(band).convert("RGBA"), ground) for _, band in bands(image))
    extrema = np.array([band.getextrema() for band in laid])  # bands x channels x (low, high)
    return bool((extrema[:, :, 1].max(axis=0) - extrema[:, :, 0].min(axis=0) < VISIBLE).all())


def reduced(image: Image.Image, min_side: int | None) -> Image.Image:
    """Average whole pixels as long as both sides keep `min_side`, where the mode allows it."""
    factor = min(image.size) // min_side if min_side else 1
    if factor < 2 or image.mode not in AVERAGED:
        return image
    smaller = image.reduce(factor)
    smaller.info = image.info  # reduce() keeps transparency and EXIF only in part
    return smaller


def reduced_grey(grey: np.ndarray, min_side: int) -> np.ndarray:
    """Return what `reduced` makes of grey pixels, uint8, height x width."""
    if min(grey.shape) < 2 * min_side:
        return grey
    return np.asarray(reduced(Image.fromarray(grey), min_side))


def is_wide(image: Image.Image) -> bool:
    """Tell whether the values of a picture are of more than 8 bits, or fractions."""
    return image.mode.startswith("I") or image.mode == "F"


def eight_bits(image: Image.Image) -> Image.Image:
    """Return an image of mode L, LA, RGB or RGBA in colours of sRGB, transparency kept."""
    if image.mode == "CMYK":
        image = in_srgb(image, stored_profile(image), "CMYK")
    return _seen(_eight_bits(image), image)


def _seen(shown: Image.Image, image: Image.Image) -> Image.Image:
    """Bring a picture into colours of sRGB, by the profile of the picture it was made from."""
    return in_srgb(shown, stored_profile(image), space_of(image.mode))


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode in {"L", "LA", "RGB", "RGBA"}:
        transparent_color = "transparency" in image.info and image.mode in {"L", "RGB"}
        return image.convert("RGBA") if transparent_color else image
    if is_wide(image):
        values = _finite(np.asarray(image))
        return _scaled(image, *_range_of(image.mode, float(values.min()), float(values.max())))
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        # Pillow converts LAB only through colour profiles
        to_srgb = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
        return ImageCms.applyTransform(image, to_srgb) or image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _finite(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind != "f":
        return values
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)


def _range_of(mode: str, low: float, high: float) -> tuple[float, float]:
    """Return which values are black and white: the smallest usual range that holds them.

    So 10 and 12 bits in a file of 16 are as bright as the same picture of 8 bits.
    """
    if low < 0:
        return low, high
    tops = (1.0, 255.0, 65535.0) if mode == "F" else TOPS
    return 0.0, next((top for top in tops if high <= top), high)


def _scaled(image: Image.Image, low: float, high: float) -> Image.Image:
    """Bring 16-bit, 32-bit and float grey to 0..255."""
    values = _finite(np.asarray(image, dtype=np.float64))
    scaled = (values - low) * (255.0 / max(high - low, 1e-12))
    grey = Image.fromarray(np.rint(scaled.clip(0, 255)).astype(np.uint8))
    grey.info = {key: image.info[key] for key in ("exif",) if key in image.info}
    return grey


def opaque(image: Image.Image) -> Image.Image:
    """Lay a transparent picture on white, as viewers do. Returns mode L or RGB.

    The background is black if the picture could not be seen on white.
    """
    if image.mode in {"L", "RGB"}:
        return image
    image = image.convert("RGBA")
    on_white = _laid_on(image, WHITE)
    if is_uniform(on_white) and not is_uniform(on_black := _laid_on(image, BLACK)):
        return on_black
    return on_white


def _laid_on(image: Image.Image, color: tuple[int, int, int]) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, (*color, 255)), image).convert("RGB")


def is_uniform(image: Image.Image) -> bool:
    """Tell whether a picture of mode L or RGB shows nothing: no difference that an eye sees."""
    extrema = np.array(image.getextrema()).reshape(-1, 2)
    return bool((extrema[:, 1] - extrema[:, 0] < VISIBLE).all())

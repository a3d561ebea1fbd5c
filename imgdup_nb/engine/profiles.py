"""Colours as a viewer shows them: the numbers of a picture through its colour profile, in sRGB.

The same numbers look different under another profile. Pictures are therefore compared in sRGB,
if the profile changes what an eye sees. Most profiles are sRGB itself and are passed over.
"""

from __future__ import annotations

import hashlib
import io
import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

MAX_PROFILE_BYTES = 8_000_000  # larger ones are taken as damaged
MAX_UNSEEN_CHANGE = 8  # levels of 255: a profile that changes no colour by more is passed over


def space_of(mode: str) -> str:
    """Return what the numbers of one of Pillow's modes are: L, RGB, CMYK or LAB."""
    if mode in {"CMYK", "LAB"}:
        return mode
    return "L" if mode in {"1", "L", "LA", "La"} or mode.startswith("I") or mode == "F" else "RGB"


def stored_profile(image: Image.Image) -> bytes:
    """Return the colour profile of an opened picture, empty for none and for what is no profile.

    A TIFF file may have a number or a text in its place.
    """
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) else b""


def changes_colours(image: Image.Image) -> bool:
    """Tell whether a viewer shows other colours than the numbers of an opened picture in sRGB."""
    profile = stored_profile(image)
    return _is_seen(profile, space_of(image.mode)) if profile else False


def in_srgb(image: Image.Image, profile: bytes, space: str) -> Image.Image:
    """Return a picture in the colours that its profile gives to its numbers.

    Parameters
    ----------
    image
        of mode L, LA, RGB, RGBA or CMYK.
    profile
        as `stored_profile` returns it; none, a damaged one, one that changes nothing an eye sees,
        and one for pictures of another kind change nothing.
    space : {'L', 'RGB', 'CMYK', 'LAB'}
        what the numbers are, see `space_of`; grey numbers may be in a picture of mode RGB.

    Returns
    -------
    of the same mode; of mode RGB for CMYK.
    """
    if not profile or not _is_seen(profile, space):
        return image
    if space == "L":
        levels = _levels_by_profile(profile)
        if image.mode in {"LA", "RGBA"}:
            levels = levels * (len(image.getbands()) - 1) + list(range(256))
        elif image.mode == "RGB":
            levels = levels * 3
        return _with_info(image.point(levels), image)
    to_mode = "RGB" if image.mode == "CMYK" else image.mode
    return _with_info(_to_srgb(profile, image.mode, to_mode).apply(image), image)


def _with_info(changed: Image.Image, image: Image.Image) -> Image.Image:
    changed.info = {key: value for key, value in image.info.items() if key != "icc_profile"}
    return changed


@lru_cache(maxsize=64)
def _is_seen(profile: bytes, space: str) -> bool:
    shown = _through_profile(profile, space)
    if shown is None or space == "LAB":
        return False
    return space == "CMYK" or _most_change(shown) > MAX_UNSEEN_CHANGE


@lru_cache(maxsize=64)
def _levels_by_profile(profile: bytes) -> list[int]:
    shown = _through_profile(profile, "L")
    return list(range(256)) if shown is None else shown[0][0, :, 1].tolist()


def change_by_profile(profile: bytes, mode: str) -> float:
    """Return the most levels by which a profile changes a colour of sRGB, NaN if none is known."""
    space = space_of(mode)
    shown = _through_profile(profile, space)
    if shown is None or space not in {"L", "RGB"}:
        return math.nan
    return _most_change(shown)


def _most_change(shown: tuple[np.ndarray, np.ndarray]) -> float:
    return float(np.abs(shown[0].astype(int) - shown[1]).max())


@lru_cache(maxsize=64)
def profile_key(profile: bytes, space: str) -> str:
    """Return a name for what a profile makes of colours, empty if they stay as in sRGB."""
    shown = _through_profile(profile, space)
    if shown is None:
        return f"profile {hashlib.sha256(profile).hexdigest()}"
    if space in {"L", "RGB"} and _most_change(shown) <= 1:
        return ""
    return f"colours {hashlib.sha256(shown[0].tobytes()).hexdigest()}"


def _through_profile(profile: bytes, space: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return colours as seen through a profile, and as they are in sRGB, uint8, h x w x 3.

    None for a damaged profile, or one of another kind of picture.
    """
    try:
        steps = np.linspace(0, 255, 9).round().astype(np.uint8)
        if space == "L":
            values = np.arange(256, dtype=np.uint8)[None]
        else:
            grid = np.stack(np.meshgrid(*[steps] * Image.getmodebands(space)), -1)
            values = grid.reshape(9, -1, grid.shape[-1])
        image = Image.frombytes(space, values.shape[1::-1], values.tobytes())
        seen = np.asarray(_to_srgb(profile, space, "RGB").apply(image))
    except Exception:  # a damaged profile: viewers show the numbers as they are
        return None
    return seen, np.asarray(image.convert("RGB"))


@lru_cache(maxsize=64)
def _to_srgb(profile: bytes, from_mode: str, to_mode: str) -> ImageCms.ImageCmsTransform:
    if len(profile) > MAX_PROFILE_BYTES:
        raise ValueError("a profile is never that large")
    return ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        from_mode,
        to_mode,
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )

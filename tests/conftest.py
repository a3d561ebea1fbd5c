"""Pictures made on the spot: small, different from each other, and rich in detail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter


@pytest.fixture
def picture() -> Callable[..., Image.Image]:
    """Return a function: seed -> a smooth random RGB picture, the same for the same seed."""

    def make(seed: int, width: int = 160, height: int = 120) -> Image.Image:
        coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
        return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)

    return make


@pytest.fixture
def photos(tmp_path: Path, picture: Callable[..., Image.Image]) -> Path:
    """Return a folder with three pictures, copies of one of them, a blank one and broken files."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    cat = picture(1)
    cat.save(folder / "cat.png")
    cat.save(folder / "cat.bmp")
    cat.save(folder / "sub" / "cat.jpg", quality=90)
    cat.resize((80, 60)).save(folder / "cat small.png")
    cat.filter(ImageFilter.GaussianBlur(1)).save(folder / "sub" / "cat blurred.png")
    picture(2).save(folder / "dog.png")
    picture(3).save(folder / "tree.png")
    (folder / "dog again.png").write_bytes((folder / "dog.png").read_bytes())
    Image.new("RGB", (50, 50), "white").save(folder / "white.png")
    Image.new("RGB", (40, 60), "black").save(folder / "black.png")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "notes.txt").write_text("no picture")
    (folder / "half.png").write_bytes((folder / "tree.png").read_bytes()[:900])
    return folder

"""Pictures made on the spot: small, different from each other, and rich in detail."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter, ImageOps

from imgdup_nb import apply_plan


@pytest.fixture
def picture() -> Callable[..., Image.Image]:
    """Return a function: seed -> a smooth random RGB picture, the same for the same seed."""

    def make(seed: int, width: int = 160, height: int = 120) -> Image.Image:
        coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
        return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)

    return make


@pytest.fixture(scope="session")
def cat() -> Image.Image:
    """Return a photograph of a cat."""
    from aligned_pictures import photo

    return photo("cat")


@pytest.fixture(scope="session")
def temple() -> Image.Image:
    """Return a photograph of a temple."""
    from aligned_pictures import photo

    return photo("temple")


@pytest.fixture
def cats_and_temples(cat: Image.Image, temple: Image.Image) -> dict[str, Image.Image]:
    """Return two photographs, changed copies of both and a white picture, by name."""
    from aligned_pictures import crop

    return {
        "cat": cat,
        "cat-crop": crop(cat, 0.7),
        "cat-mirrored": ImageOps.mirror(cat),
        "temple": temple,
        "temple-turned": temple.rotate(30, expand=True),
        "white": Image.new("RGB", (200, 150), "white"),
    }


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


class PlannedPhotos:
    """Two groups of a kept file, a copy with the same bytes and a near one; and their plan."""

    def __init__(self, folder):
        self.folder, self.to = folder / "photos", folder / "spare"
        rows = [
            self.add(f"{group}/{name}.jpg", group)
            for group in (1, 2)
            for name in ("kept", "twin", "near")
        ]
        self.plan = pd.DataFrame(rows)

    def add(self, image, group, action=None):
        """Write a file and return its row of the plan."""
        path = self.folder / image
        path.parent.mkdir(parents=True, exist_ok=True)
        content = f"{group} {'near' if 'near' in image else 'kept'}".encode() * 100
        path.write_bytes(content)
        path.chmod(0o640)
        os.utime(path, ns=(10**18, 10**18 + 123_456_700))
        action = action or ("keep" if "kept" in image else "remove")
        digest = hashlib.sha256(content).hexdigest()
        return {
            "group": group,
            "image": image,
            "action": action,
            "path": str(path),
            "bytes": len(content),
            "sha256": digest,
        }

    def look(self):
        """Return bytes, time of change and permissions of each file that is not a journal."""
        return _look(self.folder)

    def look_spare(self):
        """Return the same of the files in the target folder."""
        return _look(self.to)

    def path(self, image):
        return self.folder / image

    def apply(self, action="move", **options):
        if action in {"move", "copy", "organise"}:
            options = {"to": self.to} | options
        return apply_plan(self.plan, action=action, dry_run=False, **options)

    @staticmethod
    def digest(path):
        return hashlib.sha256(path.read_bytes()).hexdigest()

    @staticmethod
    def status(log, image):
        return log.set_index("image").status[image]

    @staticmethod
    def note(log, image):
        return log.set_index("image").note[image]


def _look(folder):
    found = sorted(
        path
        for path in folder.rglob("*")
        if not path.is_dir() and not path.name.startswith(".imgdup-log")
    )
    return {
        path.relative_to(folder).as_posix(): (
            path.read_bytes(),
            path.stat().st_mtime_ns,
            path.stat().st_mode,
        )
        for path in found
    }


@pytest.fixture
def planned(tmp_path):
    """Return a small collection with its plan, and what tests ask of it."""
    return PlannedPhotos(tmp_path)


@pytest.fixture
def trash(tmp_path, monkeypatch):
    """Replace the trash of the computer, which a test must not fill, by a folder."""
    bin_ = tmp_path / "trash"
    bin_.mkdir()
    monkeypatch.setattr(
        "send2trash.send2trash",
        lambda path: shutil.move(path, bin_ / Path(path).as_posix().replace("/", "_")),
    )
    return bin_


@pytest.fixture
def two_disks(planned, monkeypatch):
    """Refuse hard links between the pictures and the folder `to`, as between two disks."""
    link = os.link

    def link_on_one_disk(source, target):
        if (str(planned.to) in str(source)) != (str(planned.to) in str(target)):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        link(source, target)

    monkeypatch.setattr("imgdup_nb.review.files.os.link", link_on_one_disk)


@pytest.fixture
def make_pairs() -> Callable[..., pd.DataFrame]:
    """Return a function: counts -> a pair table with so many pairs at each level.

    No two pairs have an image in common. The levels are 100, 97.5 ... 85 percent.
    """

    def make(counts: list[int]) -> pd.DataFrame:
        n, levels = sum(counts), 100 - 2.5 * np.arange(len(counts))
        names = [f"{k:04d}" for k in range(2 * n)]
        pairs = pd.DataFrame(
            {
                "left": pd.Categorical.from_codes(np.arange(0, 2 * n, 2), names),
                "right": pd.Categorical.from_codes(np.arange(1, 2 * n, 2), names),
                "similarity": np.repeat(levels, counts),
            }
        )
        pairs.attrs = {"floor": float(min(levels)), "method": "unknown", "n_images": 2 * n}
        return pairs

    return make

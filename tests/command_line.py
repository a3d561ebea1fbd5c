"""Run the command line as users do: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def run(*arguments, cwd, **options):
    """Run `python -m imgdup_nb` in a folder and return what it printed and its exit code."""
    return subprocess.run(
        [sys.executable, "-m", "imgdup_nb", *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        **options,
    )


def environment(**others):
    """Return the variables of a process that finds this package, and writes UTF-8."""
    return {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONIOENCODING": "utf-8", **others}


def make_data_set(folder, picture):
    """Write pictures: train and test with a class per folder, photos, and a CSV file of labels.

    One test picture is a JPEG copy of a training picture. One training picture is in two classes.
    """
    for split, seeds in (("train", range(1, 5)), ("test", range(5, 8))):
        for name, first in (("cat", 0), ("dog", 100)):
            (folder / split / name).mkdir(parents=True)
            for seed in seeds:
                picture(first + seed).save(folder / split / name / f"{seed}.png")
    picture(1).save(folder / "test/dog/5.jpg", quality=80)
    (folder / "train/dog/9.png").write_bytes((folder / "train/cat/2.png").read_bytes())
    (folder / "photos").mkdir()
    for name, seed in (("sea", 201), ("sea again", 201), ("hill", 202), ("wood", 203)):
        picture(seed).save(folder / "photos" / f"{name}.png")
    (folder / "photos/torn.jpg").write_bytes(b"no picture")
    (folder / "labels.csv").write_text(
        "path,class\ntrain/cat/2.png,cat\ntrain/dog/9.png,dog\ntrain/cat/1.png,cat\n", "utf-8"
    )

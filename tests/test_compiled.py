"""Loops are compiled without a folder to write: a read-only installation, a user without home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import imgdup_nb
from imgdup_nb.engine.jit import compiled

PACKAGE = Path(imgdup_nb.__file__).parent


def total(values):
    result = 0
    for value in values:
        result += value
    return result


@pytest.fixture
def no_cache_folder(monkeypatch):
    from numba.core import caching

    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])


@pytest.mark.parametrize("options", [{}, {"inline": "always"}])
def test_a_loop_runs_where_no_cache_can_be_written(no_cache_folder, options):
    loop = compiled(**options)(total)
    assert loop(np.arange(5)) == 10


def test_a_loop_is_kept_on_disk_where_that_is_possible():
    assert compiled(total)._cache.cache_path


RUN_LOOPS = """
import imgdup_nb
from imgdup_nb.aligned import colour_loops, match_loops, warp_loops
from imgdup_nb.engine import group_loops, multi_index, shrink

print(imgdup_nb.__file__)
print(warp_loops.similarity_of(1.0, 0.5, 0.0), match_loops.popcount(255), warp_loops.ramp._cache)
"""


def test_an_installation_that_cannot_be_written_runs_for_a_user_without_a_home(tmp_path):
    package = tmp_path / "imgdup_nb"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [package, *filter(Path.is_dir, package.rglob("*"))]:
        (folder / "__pycache__").touch()  # a file: not even root can write a cache below it
    nowhere = str(package / "__pycache__" / "home")
    env = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    env |= {"HOME": nowhere, "XDG_CACHE_HOME": nowhere, "LOCALAPPDATA": nowhere}
    env |= {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        [sys.executable, "-c", RUN_LOOPS], env=env, cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    place, answers = run.stdout.splitlines()
    assert Path(place).parent == package
    assert answers.startswith("79.0 8 ")
    assert "NullCache" in answers

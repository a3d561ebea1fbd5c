"""Loops are compiled where no folder can be written: a read-only installation, a user without home."""

from __future__ import annotations

import numpy as np
import pytest

from imgdup_nb.engine.jit import compiled


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

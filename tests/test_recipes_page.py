"""The page of recipes shows what happens."""

from __future__ import annotations

import pytest

from pages import run_page


@pytest.mark.filterwarnings("ignore")
def test_each_recipe_prints_what_stands_below_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = list(run_page("recipes.md"))
    for code, printed, got in shown:
        assert got == printed, code
    assert len(shown) >= 14

"""The page about sources shows what happens."""

from __future__ import annotations

import re

import pytest

from pages import DOCS, run_page
from test_sources import NAMES, ON_DISK

PAGE = (DOCS / "sources.md").read_text(encoding="utf-8")
TABLE = re.findall(
    r"^\| an? ([^|]+) \| yes \| yes \| yes \| yes \| yes \| (yes|no ¹) \|$", PAGE, re.M
)


@pytest.mark.filterwarnings("ignore")
def test_each_block_prints_what_stands_below_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = list(run_page("sources.md"))
    for code, printed, got in shown:
        assert got == printed, code
    assert len(shown) >= 12


def test_the_table_lists_the_sources_of_the_tests():
    ours = {re.sub(r"^(.*?) of paths$", r"\1", name).replace(" files", "") for name, _ in TABLE}
    assert len(TABLE) == len(ours) == len(NAMES)
    assert sum(applied == "yes" for _, applied in TABLE) == len(ON_DISK)

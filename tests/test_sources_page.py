"""The page about sources shows what happens."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from test_sources import NAMES, ON_DISK

PAGE = (Path(__file__).parent.parent / "docs/sources.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", PAGE, re.S)
TABLE = re.findall(
    r"^\| an? ([^|]+) \| yes \| yes \| yes \| yes \| yes \| (yes|no ¹) \|$", PAGE, re.M
)


@pytest.mark.filterwarnings("ignore")
def test_each_block_prints_what_stands_below_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for code, printed in BLOCKS:
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            exec(compile(code, "docs/sources.md", "exec"), names)
        assert shown.getvalue() == printed
    assert len(BLOCKS) >= 12


def test_the_table_lists_the_sources_of_the_tests():
    ours = {re.sub(r"^(.*?) of paths$", r"\1", name).replace(" files", "") for name, _ in TABLE}
    assert len(TABLE) == len(ours) == len(NAMES)
    assert sum(applied == "yes" for _, applied in TABLE) == len(ON_DISK)

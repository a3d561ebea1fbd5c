"""Run the blocks of Python on a page of the documentation, one after the other."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.S)


def run_page(name):
    """Yield (code, what the page says it prints, what it prints) of each block."""
    names: dict[str, object] = {}
    for code, printed in BLOCK.findall((DOCS / name).read_text(encoding="utf-8")):
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            exec(compile(code, f"docs/{name}", "exec"), names)
        yield code, printed, shown.getvalue()

"""The stored notebooks are complete pages: outputs in order, nothing of the machine that made them.

That a fresh run shows the same is nbval's part, which passes vacuously on notebooks without
outputs; hence this file.
"""

import re
from itertools import takewhile

import nbformat
import pytest

from regenerate_notebooks import NOTEBOOKS, WIDGET_VIEW, find_notebooks, normalise

MAX_BYTES = 1_500_000  # beyond this GitHub shows a link instead of the page

MACHINE_PATH = re.compile(
    r"/(?:home|root|Users|tmp|private|mnt)/|/var/folders/|\b[A-Za-z]:\\\\?Users"
)
INLINE_BINARY = re.compile(r"base64,[A-Za-z0-9+/=\s]+")  # may spell a path by chance

PATHS = find_notebooks()

every_notebook = pytest.mark.parametrize(
    "path", PATHS, ids=[str(path.relative_to(NOTEBOOKS)) for path in PATHS]
)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def may_fail(cell):
    return "raises-exception" in cell.metadata.get("tags", [])


def texts(output):
    """Yield what an output says in words, pictures left out."""
    yield output.get("text", "")
    yield output.get("evalue", "")
    yield from output.get("traceback", [])
    for kind, content in output.get("data", {}).items():
        if not kind.startswith("image/"):
            yield INLINE_BINARY.sub("", str(content))


def test_there_are_notebooks_and_solutions():
    folders = {path.parent for path in PATHS}
    assert {NOTEBOOKS, NOTEBOOKS / "solutions"} <= folders


def test_the_map_lists_every_lesson_and_nothing_else():
    listed = re.findall(r"^\| \[.*\]\((.*?)\)", (NOTEBOOKS / "README.md").read_text("utf-8"), re.M)
    assert listed == [path.name for path in PATHS if path.parent == NOTEBOOKS]
    assert {path.name for path in PATHS if path.parent != NOTEBOOKS} <= set(listed)


@every_notebook
def test_every_code_cell_was_run_in_order(path):
    counts = [cell.execution_count for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))


@every_notebook
def test_the_notebook_shows_something(path):
    assert any(cell.outputs for cell in code_cells(path))


@every_notebook
def test_only_cells_that_show_an_error_on_purpose_hold_one(path):
    for cell in code_cells(path):
        has_error = any(output.output_type == "error" for output in cell.outputs)
        assert has_error == may_fail(cell), cell.source


@every_notebook
def test_the_notebook_names_no_path_of_a_machine(path):
    for cell in read(path).cells:
        said = [cell.source] + [
            text for output in cell.get("outputs", []) for text in texts(output)
        ]
        assert [text for text in said if MACHINE_PATH.search(text)] == []


@every_notebook
def test_no_widget_needs_a_kernel_to_be_seen(path):
    assert "widgets" not in read(path).metadata
    outputs = [output for cell in code_cells(path) for output in cell.outputs]
    assert not any(WIDGET_VIEW in output.get("data", {}) for output in outputs)


@every_notebook
def test_the_notebook_is_stored_as_the_tool_stores_it(path):
    notebook = read(path)
    normalise(notebook)
    assert nbformat.writes(notebook) + "\n" == path.read_text(encoding="utf-8")


@every_notebook
def test_the_notebook_is_small_enough_to_be_shown(path):
    assert path.stat().st_size <= MAX_BYTES


@every_notebook
def test_prose_comes_before_code(path):
    assert list(takewhile(lambda cell: cell.cell_type == "markdown", read(path).cells))


@every_notebook
def test_every_figure_has_an_alt_text(path):
    for cell in code_cells(path):
        for output in (part for part in cell.outputs if "image/png" in part.get("data", {})):
            assert output.metadata.get("image/png", {}).get("alt"), cell.source

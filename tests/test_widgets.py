"""What holds for every widget."""

import ast
import json
from pathlib import Path

import anywidget
import ipywidgets
import numpy as np
import pandas as pd
import pytest
from ipywidgets.embed import embed_minimal_html

import imgdup_nb as dup
from imgdup_nb import widgets
from imgdup_nb.compare import AGREE_COLOR, DIFFER_COLOR
from imgdup_nb.evidence.labels import ANSWERS
from imgdup_nb.groups import LINKAGES
from imgdup_nb.plots.tables import BANDS, CURVES
from imgdup_nb.widgets import comparisons, thumbnails
from imgdup_nb.widgets.explorer import LINKAGE_WORDS
from imgdup_nb.widgets.labeler import BUTTONS
from imgdup_nb.widgets.reviewer import COLORS, PLAN_ORDERS, WORDS
from imgdup_nb.widgets.state import ORDERS
from made_pairs import pairs_of, pairs_of_five


@pytest.mark.parametrize("tool", [dup.ThresholdExplorer, dup.PairLabeler, dup.GroupReviewer])
def test_the_module_is_one_plain_es_module_that_loads_nothing(tool):
    module = str(tool._esm)
    assert module.count("export default") == 1
    assert "import " not in module.replace("important ", "")
    assert "http" not in module.replace("http://www.w3.org/2000/svg", "")
    assert "innerHTML" not in module


@pytest.mark.parametrize("tool", [dup.ThresholdExplorer, dup.PairLabeler])
def test_what_is_no_images_table_is_refused_with_the_way_to_one(tool):
    bits = np.zeros((2, 64), dtype=bool)
    pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a", "b"], bits))
    for wrong in (pairs, "photos/"):
        with pytest.raises(
            TypeError, match=r"images must be a table made by scan_images\(folder\)"
        ):
            tool(pairs, wrong)


ASSETS = Path(widgets.__file__).parent / "assets"


def test_nothing_is_styled_by_the_marks_of_tests():
    assert [path.name for path in ASSETS.glob("*.css") if "testid" in path.read_text("utf-8")] == []


def test_lines_of_the_browser_half_are_at_most_100_characters_long():
    lines = [
        f"{path.name}: {line}"
        for path in sorted(ASSETS.iterdir())
        for line in path.read_text(encoding="utf-8").splitlines()
        if len(line) > 100
    ]
    assert lines == []


def test_tables_are_written_once_in_python_and_travel():
    module, styles = str(dup.ThresholdExplorer._esm), str(dup.ThresholdExplorer._css)
    for band in BANDS:
        assert json.dumps(band.meaning) in module
    for name, color in CURVES.items():
        assert f"--{name}: {color}; " in styles
    for path in ASSETS.iterdir():
        text = path.read_text(encoding="utf-8")
        once = [*CURVES.values(), *COLORS.values(), AGREE_COLOR, DIFFER_COLOR]
        once = [color for color in once if color != "#2f7de1"]  # also the accent of the page
        once += [band.meaning for band in BANDS] + [*ORDERS.values(), *PLAN_ORDERS.values()]
        assert [word for word in once if word in text] == [], path.name


def test_every_choice_of_the_browser_is_one_that_python_takes():
    assert list(LINKAGE_WORDS) == LINKAGES
    assert [label for _key, label, _text in BUTTONS] == ANSWERS
    assert list(WORDS) == list(COLORS)


MEANT = {  # what our classes override on purpose
    "ToolWidget": {"__init__", "_repr_mimebundle_", "close", "set_state"},
    "ThresholdExplorer": {"__init__", "__repr__", "set_state"},
    "PairAnswers": {"send"},  # a part of ThresholdExplorer, which has it from there
    "_UnseenExplorer": {"open"},
    "SavedAsPage": {"_get_embed_state"},  # what ipywidgets.embed asks each widget for
}


def names_set_by(node):
    """Return the names that a class sets: methods, values, and `self.name`."""
    names = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store):
            names.add(part.attr)
    values = [part for part in node.body if isinstance(part, ast.Assign | ast.AnnAssign)]
    stored = [part for value in values for part in ast.walk(value) if isinstance(part, ast.Name)]
    return names | {part.id for part in stored if isinstance(part.ctx, ast.Store)}


def test_our_names_hide_none_of_those_of_ipywidgets_anywidget_and_traitlets():
    taken = set(dir(anywidget.AnyWidget)) | set(vars(anywidget.AnyWidget()))
    seen = set()
    for path in Path(widgets.__file__).parent.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                seen.add(node.name)
                meant = MEANT.get(node.name, {"__init__", "__repr__"})
                if node.name != "Thumbnails":  # which is no widget
                    assert names_set_by(node) & taken <= meant, f"{node.name} in {path.name}"
    assert seen >= {"ThresholdState", "ReviewState", "GroupReviewer", "PairLabeler", "PairViewer"}


def test_a_page_of_widgets_is_written_while_an_explorer_lives(tmp_path):
    ipywidgets.Widget.close_all()  # those that other tests left would be written, too
    explorer = dup.ThresholdExplorer(pairs_of_five())
    slider = ipywidgets.IntSlider(value=7)
    embed_minimal_html(tmp_path / "page.html", views=[slider, explorer])
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '"value": 7' in page
    assert f'"model_id": "{explorer.model_id}"' in page
    explorer.close()


def test_a_missing_package_is_an_error_of_its_own_and_no_damaged_picture(monkeypatch):
    def without_package(_path, _side):
        raise ImportError("numba needs another numpy")

    monkeypatch.setattr(thumbnails, "thumbnail", without_package)
    images = pd.DataFrame({"image": ["a.jpg", "b.jpg"], "path": ["a.jpg", "b.jpg"]})
    pool = thumbnails.Thumbnails(images)
    with pytest.raises(ImportError, match="another numpy"):
        pool.get(["a.jpg"], 32)
    with pytest.raises(ImportError, match="another numpy"):
        pool.get_ready(["a.jpg", "b.jpg"], 32, 1)
    assert pool._making == {}
    pool.close()
    monkeypatch.setattr(comparisons, "compare_images", without_package)
    with pytest.raises(ImportError, match="another numpy"):
        dup.PairViewer(pairs_of(["a.jpg", "b.jpg"], [0, 0]), images)

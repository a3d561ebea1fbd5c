"""What the threshold explorer answers to its browser half, and what it shows without one."""

import json
import threading
import types

import pandas as pd
import pytest
from PIL import Image

from imgdup_nb.widgets import ThresholdExplorer
from imgdup_nb.widgets.base import MAX_PICTURES
from imgdup_nb.widgets.explorer import MAX_DETAILS, MAX_ROW_TILES
from made_pairs import pairs_of, pairs_of_five


@pytest.fixture
def pairs():
    return pairs_of_five()


class Recorder(ThresholdExplorer):
    """An explorer that keeps what it sends."""

    def __init__(self, *args, **kwargs):
        self.sent = []
        super().__init__(*args, **kwargs)

    def send(self, content, buffers=None):
        self.sent.append((content, buffers or []))


@pytest.fixture
def explorer(pairs):
    made = Recorder(pairs)
    yield made
    made.close()


def test_a_move_of_the_browser_is_answered_with_one_page_of_rows(explorer):
    explorer.set_state({"threshold": 81.25, "asked": 7})
    ((page, buffers),) = explorer.sent
    assert buffers == []
    assert page["asked"] == 7
    assert page["total"] == 2
    assert json.loads(page["rows"])[0] == [1, 3, 812, 0, [0, 1, 1], [906, -94]]


def test_a_move_in_python_tells_the_browser_too(explorer):
    explorer.threshold = 100
    assert [content["type"] for content, _ in explorer.sent] == ["rows"]


def test_a_refused_move_of_the_browser_is_explained_and_the_old_threshold_holds(explorer):
    explorer.set_state({"threshold": 30.0, "asked": 1})
    error, page = [content for content, _ in explorer.sent]
    assert error["type"] == "error"
    assert "min_similarity=30" in error["text"]
    assert page["asked"] == 1
    assert explorer.threshold == 90.625


def test_rows_are_sent_from_where_they_are_asked_and_never_too_many(explorer):
    explorer._on_message(explorer, {"type": "rows", "first": 1, "count": 10**9}, [])
    ((page, _),) = explorer.sent
    assert page["first"] == 1
    assert [row[0] for row in json.loads(page["rows"])] == [2]


def test_a_message_that_makes_no_sense_is_an_error_shown_and_no_crash(explorer):
    explorer._on_message(explorer, {"type": "rows"}, [])
    assert explorer.sent[0][0]["type"] == "error"
    for nonsense in ({"type": "format"}, {}, "rows", None):
        explorer._on_message(explorer, nonsense, [])
    assert len(explorer.sent) == 1


def test_a_large_group_sends_a_few_images_and_a_bounded_table():
    n = MAX_DETAILS + 50
    explorer = Recorder(pairs_of([f"{k:04d}.jpg" for k in range(n)], [0] * n))
    explorer.select(1)
    assert len(json.loads(explorer._page(0)["rows"])[0][4]) == MAX_ROW_TILES
    assert explorer.details["size"] == n
    assert len(explorer.details["rows"]) == MAX_DETAILS
    explorer.close()


def test_a_large_group_shows_what_is_new_right_after_its_original():
    explorer = Recorder(
        pairs_of([f"{k:02d}.jpg" for k in range(12)] + ["new.jpg"], [0] * 12 + [6]), pinned=100
    )
    row = json.loads(explorer._page(0)["rows"])[0]
    assert explorer.graph.names[row[4][1]] == "new.jpg"
    assert row[6] == [1]
    explorer.close()


def test_selecting_in_the_browser_sends_the_table_of_the_group(explorer):
    explorer._on_message(explorer, {"type": "select", "group": 2}, [])
    assert explorer.selected == ("x.jpg", "y.jpg")
    assert [row[1] for row in explorer.details["rows"]] == ["x.jpg", "y.jpg"]
    explorer._on_message(explorer, {"type": "select", "group": None}, [])
    assert explorer.details == {}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "imgdup_nb.widgets.base.PICTURE_SECONDS", 20
    )  # on a busy machine a tenth of a second is short
    for k, color in enumerate(["red", "green"]):
        Image.new("RGB", (300, 200), color).save(tmp_path / f"{'ab'[k]}.jpg")
    (tmp_path / "c.jpg").write_bytes(b"no picture")
    names = ["a.jpg", "b.jpg", "c.jpg"]
    return pd.DataFrame(
        {"image": pd.Series(names, dtype=object), "path": [str(tmp_path / name) for name in names]}
    )


def test_pictures_come_as_jpeg_with_names_and_a_broken_one_with_its_problem(pairs, folder):
    explorer = Recorder(pairs, folder)
    explorer._on_message(explorer, {"type": "pictures", "ids": [0, 2, 99, -1], "side": 64}, [])
    ((message, buffers),) = explorer.sent
    assert [picture[2] for picture in message["pictures"]] == ["a.jpg", "c.jpg"]
    assert buffers[0].startswith(b"\xff\xd8")
    assert buffers[1] == b""
    assert "not an image" in message["pictures"][1][1]
    explorer.close()


def test_pictures_of_new_rows_follow_the_rows_once_and_only_if_the_browser_has_time(pairs, folder):
    explorer = Recorder(pairs, folder)
    four_rows_of_two = [4, 2, 40]  # pictures of 40 pixels
    explorer.set_state({"threshold": 81.25, "screen": [*four_rows_of_two, 1], "asked": 1})
    (rows, _), (pictures, buffers) = explorer.sent
    assert rows["following"] == len(buffers) == 4
    assert pictures["of"] == explorer.method
    assert [row[2] for row in pictures["pictures"]] == ["a.jpg", "b.jpg", "x.jpg", "y.jpg"]
    explorer.sent.clear()
    explorer.set_state({"threshold": 90.625, "asked": 2})  # the browser waits for other pictures
    explorer.set_state({"threshold": 81.25, "screen": [*four_rows_of_two, 3], "asked": 3})
    assert [content["type"] for content, _ in explorer.sent] == ["rows", "rows"]
    assert all("following" not in content for content, _ in explorer.sent)
    explorer.close()


def test_a_request_for_pictures_is_bounded_in_number_and_size(pairs, folder):
    explorer = Recorder(pairs, folder)
    explorer._on_message(explorer, {"type": "pictures", "ids": [0] * 1000, "side": 10**6}, [])
    ((message, buffers),) = explorer.sent
    assert len(message["pictures"]) == len(buffers) == MAX_PICTURES
    explorer.close()


def test_closing_twice_is_harmless_and_leaves_no_thread(pairs, folder):
    explorer = Recorder(pairs, folder)
    explorer._on_message(explorer, {"type": "pictures", "ids": [0, 1], "side": 64}, [])
    explorer.close()
    explorer.close()
    names = [thread.name for thread in threading.enumerate() if thread.is_alive()]
    assert (
        not any(name.startswith("imgdup_nb-thumbnails") for name in names)
        or explorer._thumbnails._threads is None
    )


def test_without_a_kernel_a_notebook_shows_a_picture_and_a_line_without_an_address(explorer):
    data, _metadata = explorer._repr_mimebundle_()
    assert data["text/plain"].startswith(
        "<ThresholdExplorer: 2 groups at 90.625 % (star linkage): 4 of 5 images"
    )
    assert "0x" not in data["text/plain"]
    assert len(data["image/png"]) < 150_000
    assert "application/vnd.jupyter.widget-view+json" in data


@pytest.mark.parametrize("in_vscode", [False, True])
def test_a_displayed_widget_leaves_a_table_and_a_picture_before_itself(
    explorer, monkeypatch, in_vscode
):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    names = {"__vsc_ipynb_file__": "x.ipynb"} if in_vscode else {}
    monkeypatch.setattr("IPython.get_ipython", lambda: types.SimpleNamespace(user_ns=names))
    explorer._ipython_display_()
    *stills, live = shown
    assert "application/vnd.jupyter.widget-view+json" in live
    assert live["text/plain"].startswith("<ThresholdExplorer: 2 groups")
    assert [list(data) for data in stills] == ([] if in_vscode else [["text/html"], ["image/png"]])


def test_the_table_a_widget_leaves_shows_file_names_as_text():
    explorer = Recorder(pairs_of(["<script>alert(1)</script>", "b"], [0, 0]))
    assert "&lt;script&gt;" in explorer._still_table()
    assert "<script" not in explorer._still_table()
    explorer.close()


def test_the_figure_is_unknown_to_pyplot(explorer):
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    figure = explorer.figure()
    assert pyplot.get_fignums() == before
    assert "2 groups at 90.625 %" in figure.get_suptitle()

"""The explorer's state, without a browser."""

import json
import threading
import time
import types

import numpy as np
import pandas as pd
import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import imgdup_nb as dup
from imgdup_nb.sweep import CHANGES
from imgdup_nb.widgets import ThresholdExplorer, ThresholdState
from imgdup_nb.widgets import thumbnails as thumbnails_module
from imgdup_nb.widgets.base import MAX_PICTURES
from imgdup_nb.widgets.explorer import MAX_DETAILS, MAX_TILES
from imgdup_nb.widgets.thumbnails import Thumbnails


def bits_of(distances, n_bits=64):
    """Hashes of which number k differs from the first in distances[k] bits, the first ones."""
    bits = np.zeros((len(distances), n_bits), dtype=bool)
    for row, distance in zip(bits, distances, strict=True):
        row[:distance] = True
    return bits


def pairs_of(names, distances, min_similarity=70, method="phash"):
    prints = dup.Fingerprints.from_bits(names, bits_of(distances), method)
    return dup.similar_pairs(prints, min_similarity=min_similarity)


@pytest.fixture
def pairs():
    # b is near a; c is near b, but not so near a; x and y are far from those and near each other
    return pairs_of(["a.jpg", "b.jpg", "c.jpg", "x.jpg", "y.jpg"], [0, 6, 12, 40, 42])


random_bits = st.lists(st.integers(0, 2**16 - 1), min_size=0, max_size=14).map(
    lambda codes: np.array(
        [[bool(code >> bit & 1) for bit in range(16)] * 4 for code in codes], dtype=bool
    ).reshape(-1, 64)
)


def random_pairs(bits):
    return dup.similar_pairs(
        dup.Fingerprints.from_bits([f"{k}.jpg" for k in range(len(bits))], bits), min_similarity=50
    )


# -- threshold and levels --------------------------------------------------------------------------


def test_a_threshold_moves_up_to_the_next_level_and_finds_the_same_groups(pairs):
    state = ThresholdState(pairs, threshold=90)
    assert state.threshold == 90.625
    assert list(state.groups) == list(dup.group_duplicates(pairs, 90))


@given(random_bits, st.floats(50, 100), st.sampled_from(["star", "connected", "complete"]))
@settings(max_examples=60, deadline=None)
def test_the_groups_are_those_of_group_duplicates_at_the_threshold_asked_for(
    bits, threshold, linkage
):
    pairs = random_pairs(bits)
    state = ThresholdState(pairs, threshold=threshold, linkage=linkage)
    expected = dup.group_duplicates(pairs, threshold, linkage=linkage)
    pd.testing.assert_frame_equal(state.groups.table, expected.table)
    assert state.sweep.set_index("threshold").groups[state.threshold] == len(expected)


def test_a_pair_table_with_a_high_floor_starts_at_its_floor():
    assert ThresholdState(pairs_of(["a", "b"], [0, 0], min_similarity=95)).threshold == 96.875


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (101, "from 0 to 100"),
        (-1, "from 0 to 100"),
        (np.nan, "from 0 to 100"),
        ("90", "float"),
        (60, "min_similarity=60"),
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused_and_the_old_one_stays(pairs, value, reason):
    state = ThresholdState(pairs)
    with pytest.raises(traitlets.TraitError, match=reason):
        state.threshold = value
    assert state.threshold == 90.625
    assert len(state.groups) == 2


@pytest.mark.parametrize("trait", ["linkage", "order", "method"])
def test_a_choice_that_does_not_exist_is_refused(pairs, trait):
    state = ThresholdState(pairs)
    with pytest.raises(traitlets.TraitError):
        setattr(state, trait, "nearest")


def test_results_cannot_be_set(pairs):
    state = ThresholdState(pairs)
    for result in ("groups", "selected", "sweep"):
        with pytest.raises(traitlets.TraitError):
            setattr(state, result, None)


def test_results_can_be_observed(pairs):
    state = ThresholdState(pairs)
    seen = []
    state.observe(lambda change: seen.append(len(change["new"])), "groups")
    state.threshold = 100
    state.threshold = 80
    assert seen == [0, 2]


def test_linkage_is_switched_live(pairs):
    state = ThresholdState(pairs)
    assert list(state.groups) == [["a.jpg", "b.jpg"], ["x.jpg", "y.jpg"]]
    state.linkage = "connected"
    assert list(state.groups) == [["a.jpg", "b.jpg", "c.jpg"], ["x.jpg", "y.jpg"]]
    assert state.sweep.largest.max() == 3


def test_methods_are_switched_live_and_the_threshold_takes_a_level_of_the_new_one(pairs):
    other = pairs_of(["a.jpg", "b.jpg"], [0, 1], min_similarity=95, method="dhash")
    state = ThresholdState({"phash": pairs, "dhash": other}, threshold=80, pinned=80)
    state.method = "dhash"
    assert state.pairs is other
    assert state.threshold == state.pinned == 95.3125
    assert list(state.groups) == [["a.jpg", "b.jpg"]]


def test_something_else_than_pairs_is_refused_with_the_way_out():
    with pytest.raises(TypeError, match="similar_pairs"):
        ThresholdState([1, 2, 3])
    with pytest.raises(ValueError, match="at least one pair table"):
        ThresholdState({})


def test_something_else_than_images_is_refused_with_the_way_out(pairs):
    with pytest.raises(TypeError, match="scan_images"):
        ThresholdState(pairs, images=["a.jpg"])


@pytest.mark.parametrize("n", [0, 1])
def test_a_collection_without_pairs_has_no_groups(n):
    state = ThresholdState(pairs_of(["a.jpg"][:n], [0][:n]))
    assert len(state.groups) == 0
    assert list(state.shown) == []
    state.pinned = 80
    state.search = "a"
    state.only_changed = True
    assert list(state.shown) == []


# -- range, pin, search, order ---------------------------------------------------------------------


def test_a_range_leaves_out_the_pairs_from_its_upper_limit_up(pairs):
    state = ThresholdState(pairs, threshold=80)
    state.upper = 90
    assert state.upper == 90.625
    in_range = pairs[pairs.similarity < 90.625]
    assert list(state.groups) == list(dup.group_duplicates(in_range, 80)) == [["a.jpg", "c.jpg"]]
    assert state.sweep.pairs.max() == len(in_range)


def test_an_upper_limit_at_the_threshold_or_below_is_refused(pairs):
    state = ThresholdState(pairs, threshold=90)
    with pytest.raises(traitlets.TraitError, match="above the threshold"):
        state.upper = 90


def test_a_threshold_that_closes_the_range_opens_it(pairs):
    state = ThresholdState(pairs, threshold=80, upper=90)
    state.threshold = 95
    assert state.upper is None
    assert list(state.groups) == list(dup.group_duplicates(pairs, 95))


@given(
    random_bits,
    st.floats(50, 100),
    st.floats(50, 100),
    st.sampled_from(["star", "connected", "complete"]),
)
@settings(max_examples=60, deadline=None)
def test_what_changed_agrees_with_threshold_changes(bits, threshold, pinned, linkage):
    pairs = random_pairs(bits)
    state = ThresholdState(pairs, threshold=threshold, pinned=pinned, linkage=linkage)
    expected = dup.threshold_changes(pairs, threshold, pinned, linkage=linkage)
    counts = expected.change.value_counts()
    assert state.changes == {name: counts.get(name, 0) for name in CHANGES[1:]}
    if state.pinned >= state.threshold:
        changed = {row.group: row.change for row in expected.itertuples()}
        kinds = [CHANGES[kind] for kind in state._changes.kinds]
        assert kinds == [changed.get(group, "same") for group in range(1, len(state.groups) + 1)]


def test_new_images_are_marked_from_the_stricter_to_the_looser_threshold(pairs):
    state = ThresholdState(pairs, threshold=80, pinned=90)
    images = state.groups.table.image[state._changes.new_rows]
    assert list(images) == ["c.jpg"]
    state.only_changed = True
    assert list(state.shown) == [1]


def test_a_group_says_what_it_would_become_at_a_looser_pinned_threshold(pairs):
    state = ThresholdState(pairs, threshold=90, pinned=80)
    assert [CHANGES[kind] for kind in state._changes.kinds] == ["grown", "same"]


def test_search_finds_groups_by_a_part_of_any_file_name(pairs):
    state = ThresholdState(pairs, search="Y.JPG")
    assert [list(state.groups)[group - 1] for group in state.shown] == [["x.jpg", "y.jpg"]]


def test_orders_put_first_what_they_promise(pairs):
    state = ThresholdState(pairs, threshold=80)
    assert list(state.groups) == [["a.jpg", "b.jpg", "c.jpg"], ["x.jpg", "y.jpg"]]
    state.order = "score"
    assert list(state.shown) == [2, 1]
    state.order = "risk"
    assert list(state.shown) == [1, 2]


# -- selection, guards, values ---------------------------------------------------------------------


def test_the_selected_group_is_a_value_and_follows_its_original(pairs):
    state = ThresholdState(pairs)
    state.select(1)
    assert state.selected == ("a.jpg", "b.jpg")
    state.threshold = 80
    assert state.selected == ("a.jpg", "b.jpg", "c.jpg")
    state.threshold = 100
    assert state.selected == ()
    with pytest.raises(ValueError, match="group must be from 1 to 0"):
        state.select(1)


def test_a_selected_image_that_joins_another_group_takes_the_selection_with_it(pairs):
    state = ThresholdState(pairs)
    state.select(2)
    state.threshold = 70
    assert "x.jpg" in state.selected


@pytest.fixture
def images():
    seconds = ["2024-05-01 12:00:00", "2024-05-01 12:00:02", "2024-05-01 12:30:00", None, None]
    return pd.DataFrame(
        {
            "image": pd.Series(["a.jpg", "b.jpg", "c.jpg", "x.jpg", "broken.jpg"], dtype=object),
            "path": "nowhere.jpg",
            "taken": pd.to_datetime(seconds),
            "frames": [1, 1, 7, 1, 0],
            "problem": ["", "", "", "", "the file is empty"],
        }
    )


def test_guards_are_counted(pairs, images):
    pairs.attrs["low_detail"] = 3
    assert ThresholdState(pairs, images).guards() == {"blank": 3, "unreadable": 1, "animated": 1}


def test_images_taken_seconds_after_their_original_are_a_burst(pairs, images):
    state = ThresholdState(pairs, images, threshold=80)
    assert list(state.groups.table.image[state._bursts]) == ["b.jpg"]


def test_bursts_are_left_out_on_request_and_are_those_of_mark_bursts(pairs, images):
    images = pd.concat([images, pd.DataFrame({"image": ["y.jpg"], "taken": [pd.NaT]})])
    marked = dup.mark_bursts(pairs, images)
    state = ThresholdState(pairs, images, threshold=80)
    assert state.count_burst_pairs() == marked.burst.sum() == 1
    assert list(state.groups) == [["a.jpg", "b.jpg", "c.jpg"], ["x.jpg", "y.jpg"]]
    state.without_bursts = True
    assert list(state.groups) == list(dup.group_duplicates(marked[~marked.burst], 80))
    assert state.sweep.pairs.max() == len(pairs) - 1
    assert ThresholdState(pairs, images.drop(columns="taken")).count_burst_pairs() is None


def test_the_code_makes_the_same_groups(pairs, images):
    everything = {"threshold": 80, "upper": 95, "linkage": "complete", "without_bursts": True}
    images = pd.concat([images, pd.DataFrame({"image": ["y.jpg"], "taken": [pd.NaT]})])
    for inputs in ({"threshold": 80}, everything):
        state = ThresholdState(pairs, images, **inputs)
        made = {"pairs": pairs, "images": images}
        exec(state.code(), made)
        pd.testing.assert_frame_equal(made["groups"].table, state.groups.table)


def test_the_code_names_the_method_where_there_are_several(pairs):
    tables = {"phash": pairs, "dhash": pairs_of(["a.jpg", "b.jpg"], [0, 0], method="dhash")}
    state = ThresholdState(tables, method="dhash")
    made = {"pairs": tables}
    exec(state.code(), made)
    pd.testing.assert_frame_equal(made["groups"].table, state.groups.table)


def test_the_table_knows_the_files(pairs, images):
    frame = ThresholdState(pairs, images).to_frame()
    assert list(frame.image) == ["a.jpg", "b.jpg", "x.jpg", "y.jpg"]
    assert list(frame.path[:2]) == ["nowhere.jpg", "nowhere.jpg"]


def test_two_states_of_one_pair_table_are_linked_by_their_traits(pairs):
    one, other = ThresholdState(pairs), ThresholdState(pairs, linkage="connected")
    traitlets.link((one, "threshold"), (other, "threshold"))
    other.threshold = 80
    assert one.threshold == 81.25
    assert list(one.groups) == list(dup.group_duplicates(pairs, 80))


def test_many_threads_moving_at_once_leave_a_state_that_agrees_with_itself(pairs):
    state = ThresholdState(pairs)
    levels = list(state.levels)

    def move(seed):
        for level in np.random.default_rng(seed).permutation(levels * 5):
            state.threshold = float(level)

    threads = [threading.Thread(target=move, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state.threshold = 90.625
    assert list(state.groups) == list(dup.group_duplicates(pairs, 90))


# -- the widget, as far as it needs no browser -----------------------------------------------------


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
    assert len(json.loads(explorer._page(0)["rows"])[0][4]) == MAX_TILES
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


def test_a_request_for_pictures_is_bounded_in_number_and_size(pairs, folder):
    explorer = Recorder(pairs, folder)
    explorer._on_message(explorer, {"type": "pictures", "ids": [0] * 1000, "side": 10**6}, [])
    ((message, buffers),) = explorer.sent
    assert len(message["pictures"]) == len(buffers) == MAX_PICTURES
    explorer.close()


def test_thumbnails_are_remembered_up_to_their_bytes(folder):
    thumbnails = Thumbnails(folder, max_bytes=1)
    first = thumbnails.get(["a.jpg", "b.jpg"], 32)
    assert thumbnails._n_bytes <= 1
    assert thumbnails.get(["a.jpg"], 32)[0] == first[0]
    thumbnails.close()
    thumbnails.close()
    assert thumbnails._n_bytes == 0


def test_a_slow_picture_keeps_nobody_waiting_and_comes_when_asked_again(folder, monkeypatch):
    go_on = threading.Event()
    quick = thumbnails_module.thumbnail

    def slow(path, side):
        if "b.jpg" in path:
            go_on.wait(10)
        return quick(path, side)

    monkeypatch.setattr(thumbnails_module, "thumbnail", slow)
    thumbnails = Thumbnails(folder)
    assert set(thumbnails.get_ready(["a.jpg", "b.jpg", "c.jpg"], 32, 0.05)) == {"a.jpg", "c.jpg"}
    go_on.set()
    assert thumbnails.get_ready(["b.jpg"], 32, 0)[
        "b.jpg"
    ].jpeg  # at least one, however long it takes
    assert thumbnails._making == {}
    thumbnails.close()


def test_a_picture_nobody_looks_at_any_more_is_not_made(monkeypatch):
    go_on, made = threading.Event(), []

    def slow(path, _side):
        if path != "0.jpg":
            go_on.wait(20)
        made.append(path)
        return b"jpeg"

    monkeypatch.setattr(thumbnails_module, "thumbnail", slow)
    names = [f"{k}.jpg" for k in range(20)]
    thumbnails = Thumbnails(pd.DataFrame({"image": names, "path": names}))
    assert list(thumbnails.get_ready(names[:19], 32, 0)) == ["0.jpg"]
    looking_elsewhere = threading.Thread(target=thumbnails.get_ready, args=(["19.jpg"], 32, 20))
    looking_elsewhere.start()
    while len(thumbnails._making) > 1:  # the others are given up first
        time.sleep(0.01)
    go_on.set()
    looking_elsewhere.join()
    thumbnails._threads.shutdown(wait=True)
    assert set(made) == {
        "0.jpg",
        "1.jpg",
        "2.jpg",
        "3.jpg",
        "4.jpg",
        "19.jpg",
    }  # four were being made already
    thumbnails.close()


def test_a_file_that_comes_back_is_shown_again(folder, tmp_path):
    thumbnails = Thumbnails(folder)
    (tmp_path / "a.jpg").rename(tmp_path / "away.jpg")
    assert "gone" in thumbnails.get(["a.jpg"], 32)[0].problem
    (tmp_path / "away.jpg").rename(tmp_path / "a.jpg")
    assert thumbnails.get(["a.jpg"], 32)[0].jpeg
    thumbnails.close()


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

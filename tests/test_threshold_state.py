"""The state of the threshold explorer, without a browser: one threshold, and its groups."""

import threading

import numpy as np
import pandas as pd
import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st

import imgdup_nb as dup
from imgdup_nb.sweep import CHANGES
from imgdup_nb.widgets import ThresholdState
from made_pairs import pairs_of, pairs_of_five


@pytest.fixture
def pairs():
    return pairs_of_five()


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
        ("90", "a number such as 90, not '90'"),
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
    assert ThresholdState(pairs, images).in_use.guards() == {
        "blank": 3,
        "unreadable": 1,
        "animated": 1,
    }


def test_images_taken_seconds_after_their_original_are_a_burst(pairs, images):
    state = ThresholdState(pairs, images, threshold=80)
    assert list(state.groups.table.image[state._bursts]) == ["b.jpg"]


def test_bursts_are_left_out_on_request_and_are_those_of_mark_bursts(pairs, images):
    images = pd.concat([images, pd.DataFrame({"image": ["y.jpg"], "taken": [pd.NaT]})])
    marked = dup.mark_bursts(pairs, images)
    state = ThresholdState(pairs, images, threshold=80)
    assert state.in_use.count_burst_pairs() == marked.burst.sum() == 1
    assert list(state.groups) == [["a.jpg", "b.jpg", "c.jpg"], ["x.jpg", "y.jpg"]]
    state.without_bursts = True
    assert list(state.groups) == list(dup.group_duplicates(marked[~marked.burst], 80))
    assert state.sweep.pairs.max() == len(pairs) - 1
    assert ThresholdState(pairs, images.drop(columns="taken")).in_use.count_burst_pairs() is None


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

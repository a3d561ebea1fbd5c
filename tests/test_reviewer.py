"""What a person decides becomes a plan, and is kept; nothing leaves a group without an image."""

import json

import pandas as pd
import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st

from imgdup_nb import GroupReviewer
from imgdup_nb.widgets import ReviewState


def make_plan(*sizes):
    """Return a plan of groups with so many images; the first of each stays."""
    rows = [
        {
            "group": group, "image": f"{group}{letter}.jpg",
            "action": "keep" if letter == "a" else "remove",
            "reason": "by the rule", "flag": "", "keeper": "" if letter == "a" else f"{group}a.jpg",
            "similarity": 95.0, "protected": False, "bytes": 10,
            "path": f"/nowhere/{group}{letter}.jpg", "sha256": f"{group}{letter}",
        }
        for group, size in enumerate(sizes, start=1)
        for letter in "abcdefgh"[:size]
    ]  # fmt: skip
    return pd.DataFrame(rows)


def rows_of(state):
    return {row.image: (row.group, row.action, row.keeper) for row in state.plan.itertuples()}


def test_without_decisions_the_plan_is_the_plan():
    plan = make_plan(3, 2)
    pd.testing.assert_frame_equal(ReviewState(plan).plan.drop(columns="reviewed"), plan)


def test_a_kept_image_stays_with_a_reason_and_others_know_their_keeper():
    state = ReviewState(make_plan(3))
    state.decide("1b.jpg", "keep")
    state.decide("1a.jpg", "remove")
    assert rows_of(state) == {
        "1b.jpg": (1, "keep", ""),
        "1a.jpg": (1, "remove", "1b.jpg"),
        "1c.jpg": (1, "remove", "1b.jpg"),
    }
    assert list(state.plan.reason) == ["kept by a person"] + 2 * [
        "removed by a person, who kept 1b.jpg"
    ]


@pytest.mark.parametrize(("image", "verdict"), [("1a.jpg", "remove"), ("1a.jpg", "different")])
def test_the_last_image_of_a_group_cannot_go(image, verdict):
    state = ReviewState(make_plan(2))
    with pytest.raises(traitlets.TraitError, match="at least one image of group 1 must stay"):
        state.decide(image, verdict)
    assert state.decisions == {}


@pytest.mark.parametrize("spoil", [{"protected": True}, {"sha256": ""}])
def test_what_is_protected_or_unreadable_cannot_go(spoil):
    state = ReviewState(make_plan(2).assign(action="keep", **spoil))
    with pytest.raises(traitlets.TraitError, match="so it stays"):
        state.decide("1b.jpg", "remove")


@pytest.mark.parametrize(
    "decisions",
    [{"99": ["keep", 0]}, {"0": ["burn", 0]}, {"0": ["keep", -1]}, {"0": ["keep", "1"]}],
)
def test_nonsense_from_a_page_is_refused(decisions):
    with pytest.raises(traitlets.TraitError):
        ReviewState(make_plan(2)).decisions = decisions


def test_what_is_not_a_duplicate_leaves_its_group_and_is_remembered():
    state = ReviewState(make_plan(3))
    state.decide("1b.jpg", "different")
    assert rows_of(state)["1b.jpg"] == (0, "keep", "")
    assert state.not_duplicates.to_numpy().tolist() == [["1a.jpg", "1b.jpg"], ["1b.jpg", "1c.jpg"]]


def test_what_is_split_off_is_a_group_with_a_keeper_of_its_own():
    state = ReviewState(make_plan(4, 2))
    state.decisions = {"2": ["keep", 1], "3": ["remove", 1]}
    assert rows_of(state)["1c.jpg"] == (3, "keep", "")
    assert rows_of(state)["1d.jpg"] == (3, "remove", "1c.jpg")
    assert len(state.not_duplicates) == 4
    with pytest.raises(traitlets.TraitError, match="must stay"):
        state.decisions = {"3": ["remove", 1]}


def test_decisions_are_kept_in_a_file_and_come_back(tmp_path):
    path = tmp_path / "decisions.json"
    state = ReviewState(make_plan(3, 2), save_to=path)
    state.decide("1b.jpg", "different")
    state.accept(2)
    again = ReviewState(make_plan(3, 2), save_to=path)
    assert again.decisions == state.decisions
    assert again.reviewed == [2]
    assert [entry.name for entry in tmp_path.iterdir()] == ["decisions.json"]


def test_decisions_on_files_that_have_changed_are_forgotten(tmp_path):
    path = tmp_path / "decisions.json"
    state = ReviewState(make_plan(3, 2), save_to=path)
    state.decide("1b.jpg", "keep")
    state.decide("2b.jpg", "keep")
    state.accept(1, 2)
    other = make_plan(3, 3)
    other.loc[other.image == "1b.jpg", "sha256"] = "edited"
    again = ReviewState(other, save_to=path)
    assert list(again.decisions) == [str(other.index[other.image == "2b.jpg"][0])]
    assert again.reviewed == [1]


def test_a_kept_decision_that_would_empty_a_group_today_is_forgotten(tmp_path):
    path = tmp_path / "decisions.json"
    path.write_text(json.dumps({"decisions": [["1a.jpg", "1a", "remove", 0]], "reviewed": []}))
    assert ReviewState(make_plan(2), save_to=path).decisions == {}


def test_groups_of_the_same_bytes_are_accepted_at_once():
    plan = make_plan(2, 2, 2)
    plan.loc[plan.group == 2, "sha256"] = "same"
    state = ReviewState(plan)
    state.accept()
    assert state.reviewed == [2]
    assert list(state.plan.reviewed) == [False, False, True, True, False, False]


def test_something_else_than_a_plan_is_refused():
    with pytest.raises(TypeError, match="choose_keepers"):
        ReviewState(pd.DataFrame({"group": [1]}))


said = st.tuples(
    st.integers(0, 6), st.sampled_from(["keep", "remove", "different"]), st.integers(0, 2)
)


@settings(max_examples=40, deadline=None)
@given(st.lists(said, max_size=12))
def test_whatever_is_decided_every_group_keeps_an_image_and_no_image_is_lost(decisions):
    state = ReviewState(make_plan(4, 3))
    for place, verdict, part in decisions:
        try:
            state.decisions = state.decisions | {str(place): [verdict, part]}
        except traitlets.TraitError:
            continue  # refused, as it should be
    plan = state.plan
    assert sorted(plan.image) == sorted(make_plan(4, 3).image)
    for number, rows in plan.groupby("group"):
        assert (rows.action == "keep").any(), number
        assert set(rows.keeper[rows.action == "remove"]) <= set(rows.image[rows.action == "keep"])


def test_a_still_picture_stands_in_where_there_is_no_kernel():
    reviewer = GroupReviewer(make_plan(2, 9 - 1))
    data, _ = reviewer._repr_mimebundle_()
    assert data["text/plain"] == "<GroupReviewer: 2 groups, 0 reviewed, 8 images to remove>"
    assert data["image/png"].startswith("iVBOR")
    reviewer.close()
    reviewer.close()


def test_the_table_that_stays_in_a_notebook_shows_marks_of_direction_and_escapes_names():
    plan = make_plan(2)
    plan["image"], plan["reason"] = ["<b>a.jpg", "cat\u202egnp.exe"], ["the best", "like cat\u202e"]
    plan.loc[1, "keeper"] = "<b>a.jpg"
    reviewer = GroupReviewer(plan)
    table = reviewer._still_table()
    assert "cat·gnp.exe" in table
    assert "like cat·" in table
    assert "&lt;b&gt;a.jpg" in table
    assert "\u202e" not in table
    assert "<b>" not in table
    reviewer.close()


def test_an_empty_plan_can_be_reviewed():
    reviewer = GroupReviewer(make_plan(2).iloc[:0])
    assert len(reviewer.plan) == 0
    assert repr(reviewer) == "<GroupReviewer: 0 groups, 0 reviewed, 0 images to remove>"
    reviewer.close()

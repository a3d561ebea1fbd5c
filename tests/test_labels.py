"""Answers are kept: through restarts, crashes and two writers."""

import pandas as pd
import pytest

from imgdup_nb import Labels

HOSTILE = ["<b>x</b>.jpg", 'a,"b"\n.jpg', "caf\udce9.jpg", "=1+1.jpg", "ünï ☃.jpg"]


def test_answers_survive_a_restart_whatever_the_names(tmp_path):
    path = tmp_path / "labels.csv"
    labels = Labels(path)
    for name in HOSTILE:
        labels.add("other.jpg", name, "different", when="2026-01-01T00:00:00+00:00")
    pd.testing.assert_frame_equal(Labels(path).table, labels.table)
    assert list(Labels(path).table.right) == HOSTILE


def test_the_last_answer_about_a_pair_counts_whichever_way_round():
    labels = Labels()
    labels.add("a", "b", "same")
    labels.add("b", "a", "different")
    assert list(labels.table.label) == ["different"]


def test_undo_goes_back_answer_by_answer_and_survives_a_restart(tmp_path):
    labels = Labels(tmp_path / "labels.csv")
    labels.add("a", "b", "same")
    labels.add("c", "d", "skip")
    assert labels.undo() == ("c", "d")
    assert len(Labels(tmp_path / "labels.csv")) == 1
    assert [labels.undo(), labels.undo()] == [("a", "b"), None]
    assert len(Labels(tmp_path / "labels.csv")) == 0


def test_a_line_cut_off_by_a_crash_costs_that_line_only(tmp_path):
    path = tmp_path / "labels.csv"
    labels = Labels(path)
    labels.add("a", "b", "same")
    labels.add("c", "d", "same")
    path.write_bytes(path.read_bytes()[:-30])
    again = Labels(path)
    assert len(again) == 1
    again.add("e", "f", "different")
    assert list(Labels(path).table.left) == ["a", "e"]


def test_two_writers_of_one_file_lose_no_answer(tmp_path):
    one, other = (Labels(tmp_path / "labels.csv") for _ in range(2))
    one.add("a", "b", "same")
    other.add("c", "d", "different")
    one.add("e", "f", "skip")
    assert len(Labels(tmp_path / "labels.csv")) == 3


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "shopping.csv"
    path.write_text("milk,bread\n")
    with pytest.raises(ValueError, match="not a table of labels"):
        Labels(path)
    assert path.read_text() == "milk,bread\n"


def test_an_answer_that_is_none_is_refused():
    with pytest.raises(ValueError, match="label must be one of 'same', 'different', 'skip'"):
        Labels().add("a", "b", "maybe")
    with pytest.raises(ValueError, match="must be two images"):
        Labels().add("a", "a", "same")


def test_names_are_escaped_where_labels_are_shown():
    labels = Labels()
    labels.add("<script>", "b", "same")
    assert "<script>" not in labels._repr_html_()

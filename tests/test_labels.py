"""Labels are kept, obeyed and asked for."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgdup_nb import (
    Fingerprints,
    Labels,
    apply_labels,
    group_duplicates,
    score_labels,
    similar_pairs,
)
from imgdup_nb.evidence.sampling import MOST_OFTEN, Survey

HOSTILE = ["<b>x</b>.jpg", 'a,"b"\n.jpg', "caf\udce9.jpg", "=1+1.jpg", "ünï ☃.jpg"]


def make_pairs(codes, min_similarity=70):
    bits = np.zeros((len(codes), 64), dtype=bool)
    for row, code in enumerate(codes):
        bits[row, sorted(code)] = True
    return similar_pairs(
        Fingerprints.from_bits([f"{k:03d}" for k in range(len(codes))], bits),
        min_similarity=min_similarity,
    )


# -- kept ------------------------------------------------------------------------------------------


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
    with pytest.raises(ValueError, match="no table of labels"):
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


# -- obeyed ----------------------------------------------------------------------------------------

codes = st.lists(st.sets(st.integers(0, 12), max_size=6), min_size=2, max_size=9)


@settings(max_examples=120, deadline=None)
@given(
    codes,
    st.data(),
    st.sampled_from(["star", "connected", "complete"]),
    st.sampled_from([100, 95, 90, 80, 70]),
)
def test_a_pair_called_different_is_never_in_one_group_again(codes, data, linkage, threshold):
    pairs = make_pairs(codes)
    names = [f"{k:03d}" for k in range(len(codes))]
    apart = data.draw(
        st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=4)
    )
    labels = Labels()
    for left, right in apart:
        if left != right:
            labels.add(left, right, "different")
    groups = group_duplicates(
        apply_labels(pairs, labels, linkage=linkage), threshold, linkage=linkage
    )
    for group in groups:
        assert not any(left in group and right in group for left, right in apart if left != right)


def test_without_labels_nothing_changes():
    pairs = make_pairs([{1}, {1, 2}, {2, 3}])
    for linkage in ("star", "connected", "complete"):
        pd.testing.assert_frame_equal(
            apply_labels(pairs, Labels(), linkage=linkage).drop(columns="label"), pairs
        )


def test_the_weaker_way_round_is_cut_unless_it_was_called_the_same():
    pairs = make_pairs([set(), {1, 2}, {3, 4, 5, 6}])  # 000 is nearer to 001
    labels = Labels()
    labels.add("001", "002", "different")
    assert list(group_duplicates(apply_labels(pairs, labels), 90)) == [["000", "001"]]
    labels.add("000", "002", "same")
    obeyed = apply_labels(pairs, labels)
    assert list(group_duplicates(obeyed, 90)) == [["000", "002"]]
    assert list(obeyed.label) == ["same"]
    assert obeyed.attrs["labels"] == {"different": 1, "cut": 1, "linkage": "star"}


@pytest.mark.parametrize("linkage", ["star", "connected"])
def test_answers_that_contradict_each_other_are_told(linkage):
    labels = Labels()
    labels.add("000", "001", "same")
    labels.add("000", "002", "same")
    labels.add("001", "002", "different")
    with pytest.raises(ValueError, match="labels contradict each other"):
        apply_labels(make_pairs([{1}, {1}, {1}]), labels, linkage=linkage)


def test_the_pair_table_itself_keeps_every_pair():
    pairs = make_pairs([{1}, {1}])
    labels = Labels()
    labels.add("000", "001", "different")
    assert len(apply_labels(pairs, labels)) == 0
    assert len(pairs) == 1


# -- asked for -------------------------------------------------------------------------------------


def ask(pairs, labels, truth, threshold, count):
    """Answer this many questions as the truth says; return how many were asked."""
    survey = Survey.of(pairs)
    for number in range(count):
        pair = survey.read(labels).next_pair(threshold)
        if pair is None:
            return number
        names = survey.names[survey.first[pair]], survey.names[survey.second[pair]]
        labels.add(*names, "same" if truth(*names) else "different")
    return count


def random_pairs(n_images, seed=0):
    rng = np.random.default_rng(seed)
    base = rng.random((n_images // 3, 64)) < 0.5
    bits = base[np.arange(n_images) % len(base)] ^ (rng.random((n_images, 64)) < 0.05)
    return similar_pairs(
        Fingerprints.from_bits([f"{k:03d}" for k in range(n_images)], bits), min_similarity=72
    )


def test_when_every_pair_is_answered_precision_is_known():
    pairs = random_pairs(40)
    labels = Labels()
    for left, right in zip(pairs.left, pairs.right, strict=True):
        labels.add(left, right, "same" if int(left) % 2 == 0 else "different")
    scores = score_labels(pairs, labels)
    for row in scores[scores.pairs > 0].itertuples():
        above = pairs[pairs.similarity >= row.threshold]
        true = np.mean([int(left) % 2 == 0 for left in above.left])
        np.testing.assert_allclose([row.precision, row.precision_low, row.precision_high], true)


def test_questions_do_not_depend_on_the_order_of_rows():
    pairs = random_pairs(60)
    mixed = pairs.sample(frac=1, random_state=1)
    mixed.attrs = pairs.attrs
    questions = []
    for table in (pairs, mixed):
        labels = Labels()
        ask(table, labels, lambda left, right: left < "030", 90, 15)
        questions.append([frozenset(row) for row in labels.table[["left", "right"]].to_numpy()])
    assert questions[0] == questions[1]


def test_no_pair_is_asked_twice_and_no_image_ten_times():
    rng = np.random.default_rng(2)
    bits = rng.random((60, 64)) < 0.03  # all near each other: every image is crowded
    pairs = similar_pairs(Fingerprints.from_bits([f"{k:03d}" for k in range(60)], bits))
    labels = Labels()
    n_asked = ask(pairs, labels, lambda left, right: False, 90, 400)
    assert 50 < n_asked < 400
    assert len(labels) == n_asked
    assert pd.concat([labels.table.left, labels.table.right]).value_counts().max() <= MOST_OFTEN


def test_certain_pairs_count_as_the_same_and_nobody_is_asked_about_them():
    pairs = random_pairs(30).head(6)
    pairs["relation"] = ["same bytes"] * 4 + ["near"] * 2
    labels = Labels()
    assert ask(pairs, labels, lambda left, right: True, 72, 10) == 2
    assert score_labels(pairs, labels).certain.iloc[-1] == 4


def test_a_skipped_pair_may_be_either():
    pairs = make_pairs([{1}, {1, 2}], min_similarity=90)
    labels = Labels()
    labels.add("000", "001", "skip")
    row = score_labels(pairs, labels).iloc[-1]
    assert (row.precision_low, row.precision_high, row.skipped) == (0, 1, 1)


def test_after_the_answers_promised_none_is_needed():
    pairs = random_pairs(300)
    labels, promised = Labels(), []
    for _ in range(3):
        promised.append(Survey.of(pairs).read(labels).more_answers(85))
        ask(pairs, labels, lambda left, right: int(left) % 100 == int(right) % 100, 85, 40)
    assert promised[0] > 0
    assert promised[-1] == 0
    row = score_labels(pairs, labels).query("threshold == 85").iloc[0]
    assert row.precision_high - row.precision_low <= 0.1


def test_surveys_of_nothing_ask_nothing():
    pairs = make_pairs([{1}, set(range(40))])
    assert len(pairs) == 0
    answers = Survey.of(pairs).read(Labels())
    assert answers.next_pair(90) is None
    assert answers.more_answers(90) == 0
    assert list(answers.score().pairs.unique()) == [0]

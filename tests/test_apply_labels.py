"""Two pictures called different are never in one group again."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgdup_nb import Fingerprints, Labels, apply_labels, group_duplicates, similar_pairs

codes = st.lists(st.sets(st.integers(0, 12), max_size=6), min_size=2, max_size=9)


def make_pairs(codes, min_similarity=70):
    bits = np.zeros((len(codes), 64), dtype=bool)
    for row, code in enumerate(codes):
        bits[row, sorted(code)] = True
    return similar_pairs(
        Fingerprints.from_bits([f"{k:03d}" for k in range(len(codes))], bits),
        min_similarity=min_similarity,
    )


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

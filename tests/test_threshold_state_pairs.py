"""The pairs that the explorer lists: beside the threshold, judged by truth or by labels."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imgdup_nb as dup
from imgdup_nb.widgets import ThresholdState
from imgdup_nb.widgets.pair_lists import IS_RIGHT, IS_WRONG
from made_pairs import pairs_of, pairs_of_five

NAMES = ["a.jpg", "b.jpg", "c.jpg", "x.jpg", "y.jpg"]
THREE_AND_TWO = dict(zip(NAMES, [1, 1, 1, 2, 3], strict=True))


def test_the_border_holds_the_pairs_nearest_to_the_threshold_on_each_side():
    border = ThresholdState(pairs_of_five(), threshold=90).border(1)
    assert list(border.similarity) == [90.625, 81.25]
    assert list(border.found) == [True, False]
    assert set(border.verdict) == {"unknown"}


@pytest.mark.parametrize("names", [[], ["a"], ["a", "b"]])
def test_the_border_of_few_images_is_short(names):
    state = ThresholdState(pairs_of(names, [0] * len(names)))
    assert len(state.border()) == max(0, len(names) - 1)
    assert len(state.pair_lists.missed(state._pool, 90, 6)) == 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 18), min_size=2, max_size=9), st.integers(70, 100))
def test_no_pair_is_nearer_by_a_band_than_those_at_the_border(distances, threshold):
    pairs = pairs_of([f"{k}.jpg" for k in range(len(distances))], distances)
    state = ThresholdState(pairs, threshold=threshold)
    border = state.border(2)
    for is_found, sign in ((True, 1), (False, -1)):
        side = pairs.similarity[(pairs.similarity >= state.threshold - 1e-9) == is_found]
        shown = border.similarity[border.found == is_found]
        assert len(shown) == min(2, len(side))
        left_out = sorted(sign * side)[len(shown) :]
        if len(shown) and left_out:
            assert max(sign * shown) <= min(left_out) + 2.5


def test_labels_are_kept_and_give_the_interval_of_score_labels():
    pairs = pairs_of_five()
    labels = dup.Labels()
    state = ThresholdState(pairs, threshold=90, labels=labels)
    state.label("b.jpg", "a.jpg", "same")
    state.label("b.jpg", "c.jpg", "different")
    known = state.pair_lists.precision(state._pool, 90, 0.95)
    expected = dup.score_labels(pairs, labels).set_index("threshold").loc[90]
    assert (known["low"], known["high"]) == pytest.approx(
        (expected.precision_low, expected.precision_high), abs=1e-4
    )
    assert (known["same"], known["different"]) == (1, 1)
    assert set(state.border().verdict) == {"right", "wrong", "unknown"}
    assert state.undo_label() == ("b.jpg", "c.jpg")
    assert len(labels) == 1


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 2)), min_size=0, max_size=8),
    st.integers(70, 100),
)
def test_right_wrong_and_missed_pairs_are_those_of_a_double_loop(images, threshold):
    names = [f"{k}.jpg" for k in range(len(images))]
    pairs = pairs_of(names, [distance for distance, _ in images])
    truth = {name: group for name, (_, group) in zip(names, images, strict=True)}
    state = ThresholdState(pairs, threshold=threshold, truth=truth)
    near = pairs[pairs.similarity >= state.threshold - 1e-9]
    found = {frozenset(pair) for pair in zip(near.left, near.right, strict=True)}
    same = {frozenset(pair) for pair in combinations(names, 2) if len({*map(truth.get, pair)}) == 1}
    lists, pool = state.pair_lists, state._pool

    def listed(places):
        return {
            frozenset(state.graph.names[end] for end in lists.describe(int(place))[:2])
            for place in places
        }

    assert listed(lists.judged(pool, state.threshold, IS_RIGHT)) == found & same
    assert listed(lists.judged(pool, state.threshold, IS_WRONG)) == found - same
    assert lists.count_missed(pool, state.threshold) == len(same - found)
    missed = lists.missed(pool, state.threshold, 99)
    assert {frozenset(state.graph.names[end] for end in row[:2]) for row in missed} == same - found


def test_a_truth_can_be_a_column_of_the_images_table():
    images = pd.DataFrame({"image": NAMES, "path": NAMES, "scene": list(THREE_AND_TWO.values())})
    state = ThresholdState(pairs_of_five(), images, threshold=80, truth="scene")
    known = state.pair_lists.precision(state._pool, 80, 0.95)
    assert (known["right"], known["wrong"]) == (3, 1)
    with pytest.raises(ValueError, match="truth must be a column of images, and 'group' is none"):
        ThresholdState(pairs_of_five(), images, truth="group")


def test_labels_of_pairs_below_the_floor_are_missed():
    labels = dup.Labels()
    labels.add("a.jpg", "x.jpg", "same")
    state = ThresholdState(pairs_of_five(), labels=labels, threshold=90)
    assert state.pair_lists.count_missed(state._pool, 90) == 1
    (row,) = state.pair_lists.missed(state._pool, 90, 6)
    assert np.isnan(row.similarity)


def test_the_range_and_bursts_limit_the_pairs_that_are_listed():
    state = ThresholdState(pairs_of_five(), threshold=80, upper=95)
    assert state.border().similarity.max() < 95

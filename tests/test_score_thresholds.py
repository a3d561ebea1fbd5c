"""Precision and recall against the plainest count, and the forms a truth may have."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgdup_nb import Fingerprints, score_thresholds, similar_pairs

BITS = 64


def make_pairs(codes, min_similarity=70):
    """Return the pair table of hashes given as sets of the bits that are set."""
    bits = np.zeros((len(codes), BITS), dtype=bool)
    for row, code in enumerate(codes):
        bits[row, sorted(code)] = True
    names = [f"{number:02d}" for number in range(len(codes))]
    return similar_pairs(Fingerprints.from_bits(names, bits), min_similarity=min_similarity)


@st.composite
def collections(draw):
    codes = draw(st.lists(st.sets(st.integers(0, 30), max_size=12), max_size=9))
    groups = draw(
        st.lists(st.sampled_from(["a", "b", "c", None]), min_size=len(codes), max_size=len(codes))
    )
    return codes, {f"{number:02d}": group for number, group in enumerate(groups)}


def count_plainly(codes, groups, threshold):
    """Return pairs, true and all true pairs by a double loop."""
    names = sorted(groups)
    found = true = there = 0
    for one, other in combinations(range(len(codes)), 2):
        same = groups[names[one]] is not None and groups[names[one]] == groups[names[other]]
        near = 100 * (BITS - len(codes[one] ^ codes[other])) / BITS >= threshold
        found, true, there = found + near, true + (near and same), there + same
    return found, true, there


@settings(max_examples=60, deadline=None)
@given(collections(), st.sampled_from([100, 95, 90, 85, 80]))
def test_scores_are_those_of_a_double_loop(collection, threshold):
    codes, groups = collection
    row = score_thresholds(make_pairs(codes), groups, thresholds=[threshold]).iloc[0]
    found, true, there = count_plainly(codes, groups, threshold)
    assert (row.pairs, row.true, row.false, row.missed) == (found, true, found - true, there - true)
    np.testing.assert_allclose(row.precision, true / found if found else np.nan)
    np.testing.assert_allclose(row.recall, true / there if there else np.nan)


@settings(max_examples=40, deadline=None)
@given(collections())
def test_all_forms_of_one_truth_give_the_same_scores(collection):
    codes, groups = collection
    pairs = make_pairs(codes)
    table = pd.DataFrame({"image": list(groups), "group": list(groups.values())}, dtype=object)
    listed = [
        pair
        for pair in combinations(groups, 2)
        if groups[pair[0]] is not None and groups[pair[0]] == groups[pair[1]]
    ]
    forms = [
        groups,
        pd.Series(groups, dtype=object),
        table,
        groups.get,
        pd.DataFrame([pair[::-1] for pair in listed], columns=["left", "right"], dtype=object),
    ]
    first, *others = [score_thresholds(pairs, form) for form in forms]
    for other in others:
        pd.testing.assert_frame_equal(first.drop(columns=["f1"]), other.drop(columns=["f1"]))


def test_true_pairs_below_the_floor_are_missed():
    pairs = make_pairs([{1}, {1, 2}, set(range(40))], min_similarity=90)
    scores = score_thresholds(pairs, {"00": 1, "01": 1, "02": 1})
    assert scores.missed.iloc[-1] == 2
    assert scores.recall.iloc[-1] == pytest.approx(1 / 3)


def test_average_precision_is_the_sum_over_the_levels_of_recall_gained_times_precision():
    # distances 0-1: 1, 1-2: 1, 0-2: 2, 2-3: 2, 1-3: 3, 0-3: 4; true are 0-1, 1-3 and 0-3
    pairs = make_pairs([set(), {1}, {1, 2}, {1, 2, 3, 4}])
    scores = score_thresholds(pairs, {"00": 1, "01": 1, "02": 2, "03": 1})
    by_hand = 1 / 3 * 1 / 2 + 1 / 3 * 2 / 5 + 1 / 3 * 3 / 6
    assert scores.average_precision.iloc[-1] == pytest.approx(by_hand)


def test_an_image_without_a_group_in_the_truth_is_an_error_and_none_is_not():
    pairs = make_pairs([{1}, {1}, {1}])
    with pytest.raises(ValueError, match=r"no group for 1 of 3 images, such as '02'"):
        score_thresholds(pairs, {"00": 1, "01": 1})
    scores = score_thresholds(pairs, {"00": 1, "01": 1, "02": None})
    assert (scores.true.iloc[0], scores["false"].iloc[0]) == (1, 2)


def test_true_pairs_of_images_that_were_not_compared_do_not_count_and_are_told():
    with pytest.warns(UserWarning, match="1 true pairs are of images that were not compared"):
        scores = score_thresholds(make_pairs([{1}, {1}]), {"00": 1, "01": 2, "99": 1})
    assert scores.missed.iloc[0] == 0


def test_labels_are_a_truth_too():
    truth = pd.DataFrame(
        [["00", "01", "same"], ["01", "02", "different"]], columns=["left", "right", "label"]
    )
    scores = score_thresholds(make_pairs([{1}, {1}, {1}]), truth)
    assert (scores.true.iloc[0], scores["false"].iloc[0]) == (1, 2)


def test_a_truth_of_another_kind_is_refused():
    with pytest.raises(TypeError, match="truth must be the group of each image"):
        score_thresholds(make_pairs([{1}]), [1, 2])


def test_a_threshold_below_the_floor_is_refused():
    with pytest.raises(ValueError, match="min_similarity=60"):
        score_thresholds(make_pairs([{1}]), {"00": 1}, thresholds=[60])


def test_ten_pairs_of_one_group_tell_less_than_ten_pairs_of_ten_groups():
    one_group = score_thresholds(
        make_pairs([{1}] * 5), dict.fromkeys(["00", "01", "02", "03", "04"], "x")
    )
    codes = [{k, k + 10, 20 + k, 31 + k, 42 + k, 53 + k} for k in range(10) for _ in range(2)]
    ten_groups = score_thresholds(
        make_pairs(codes), {f"{k:02d}": k // 2 for k in range(20)}, thresholds=[100]
    )
    assert one_group.pairs.iloc[0] == ten_groups.pairs.iloc[0] == 10
    assert one_group.precision_low.iloc[0] < ten_groups.precision_low.iloc[0]


def test_the_recall_interval_holds_the_truth_although_copies_of_one_picture_vary_together():
    rng = np.random.default_rng(3)
    held, recall = 0, 0.7
    for _ in range(80):
        codes, truth = [], {}
        for group in range(25):
            is_found = rng.random() < recall  # a picture's copies are all found, or none is
            for member in range(rng.integers(2, 5)):
                codes.append(
                    {group}
                    | (set() if is_found else set(range(16 * member, 16 * member + 16)) - {group})
                )
                truth[f"{len(codes) - 1:02d}"] = group
        scores = score_thresholds(make_pairs(codes, min_similarity=99), truth, thresholds=[100])
        held += scores.recall_low.iloc[0] <= recall <= scores.recall_high.iloc[0]
    assert held / 80 >= 0.95


def test_a_false_pair_seen_never_makes_an_interval_narrower():
    """Nine groups of unequal sizes: the low end is not higher with a false pair than without."""
    sizes = [12, 10, 8, 6, 5, 4, 3, 2, 2]
    group = np.repeat(np.arange(len(sizes)), sizes)
    names = [f"{k:03d}" for k in range(len(group))]
    ends = [(a, b) for a, b in combinations(range(len(group)), 2) if group[a] == group[b]]
    truth = dict(zip(names, group.tolist(), strict=True))
    lows = []
    for n_false in range(4):
        false = [(0, len(group) - 1 - k) for k in range(n_false)]
        rows = [(names[a], names[b], 95.0) for a, b in [*ends, *false]]
        pairs = pd.DataFrame(rows, columns=["left", "right", "similarity"])
        pairs.attrs = {"floor": 90.0, "method": "unknown", "n_images": len(names)}
        lows.append(score_thresholds(pairs, truth, thresholds=[95]).precision_low[0])
    assert lows == sorted(lows, reverse=True)
    assert 0.3 < lows[0] < 0.9


def test_a_missed_pair_seen_never_makes_the_interval_of_recall_narrower():
    sizes = [12, 10, 8, 6, 5, 4, 3, 2, 2]
    group = np.repeat(np.arange(len(sizes)), sizes)
    names = [f"{k:03d}" for k in range(len(group))]
    ends = [(a, b) for a, b in combinations(range(len(group)), 2) if group[a] == group[b]]
    truth = dict(zip(names, group.tolist(), strict=True))
    lows = []
    for n_missed in range(4):
        rows = [
            (names[a], names[b], 80.0 if k < n_missed else 95.0) for k, (a, b) in enumerate(ends)
        ]
        pairs = pd.DataFrame(rows, columns=["left", "right", "similarity"])
        pairs.attrs = {"floor": 70.0, "method": "unknown", "n_images": len(names)}
        lows.append(score_thresholds(pairs, truth, thresholds=[95]).recall_low[0])
    assert lows == sorted(lows, reverse=True)
    assert 0.3 < lows[-1] < 0.5


def test_the_interval_holds_for_large_groups_that_are_found_or_missed_as_a_whole():
    """Forty groups of four; a method finds all copies of a picture, or none."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(100):
        found = rng.random(40) < 0.7
        rows = [
            (f"{g:02d}-{a}", f"{g:02d}-{b}", 95.0 if found[g] else 80.0)
            for g in range(40)
            for a, b in combinations(range(4), 2)
        ]
        pairs = pd.DataFrame(rows, columns=["left", "right", "similarity"])
        pairs.attrs = {"floor": 70.0, "method": "unknown", "n_images": 160}
        row = score_thresholds(pairs, lambda name: name[:2], thresholds=[90]).iloc[0]
        held += row.recall_low <= 0.7 <= row.recall_high
    assert held >= 93

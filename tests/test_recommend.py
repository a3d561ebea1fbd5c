"""A recommendation never claims more than the evidence supports."""

import numpy as np
import pandas as pd
import pytest

from answering import Person, levelled_pairs
from imgdup_nb import (
    Fingerprints,
    Labels,
    calibrate,
    recommend_threshold,
    scan_images,
    similar_pairs,
)
from imgdup_nb.evidence.betting import log_capital
from imgdup_nb.evidence.intervals import stratified_interval
from imgdup_nb.evidence.questions import plan_for_precision
from imgdup_nb.evidence.requirements import Requirement

LEVELS = np.array([100, 97.5, 95, 92.5, 90, 87.5, 85])


def label_all(pairs, is_same):
    table = pairs.assign(label=np.where(is_same, "same", "different"))
    return Labels.from_frame(table[["left", "right", "label"]].astype(object))


def test_with_every_pair_labelled_the_lowest_threshold_that_meets_the_requirement_is_recommended(
    make_pairs,
):
    pairs = make_pairs([10, 10, 10, 10, 10, 10, 10])
    labels = label_all(pairs, np.arange(70) < 48)  # 48 of 50 down to 90, 48 of 60 down to 87.5
    found = recommend_threshold(pairs, labels=labels, min_precision=0.95)
    assert found.threshold == 90
    assert found.intervals["precision"] == (0.96, 0.96)
    assert found
    assert "precision is 0.96 to 0.96 by your answers" in found.reason
    assert "A pair counts as true if you call it the same." in found.reason


def test_without_answers_nothing_is_recommended_and_the_number_missing_is_told(make_pairs):
    found = recommend_threshold(make_pairs([100] * 7), labels=Labels(), min_precision=0.95)
    assert not found
    assert found.more_answers > 20
    assert f"Label about {found.more_answers} more pairs at 90 %" in found.reason


def test_a_requirement_that_the_labels_contradict_is_not_blamed_on_too_few_labels(make_pairs):
    pairs = make_pairs([30] * 7)
    found = recommend_threshold(
        pairs, labels=label_all(pairs, np.zeros(210, dtype=bool)), min_precision=0.9
    )
    assert (found.threshold, found.more_answers) == (None, 0)
    assert "Your answers contradict" in found.reason


def test_false_pairs_are_counted_by_a_truth(make_pairs):
    pairs = make_pairs([5, 5, 5, 5, 5, 5, 5])
    truth = {
        name: int(name) // 2 if int(name) < 44 else name for name in pairs.left.cat.categories
    }  # 22 true pairs
    found = recommend_threshold(pairs, truth=truth, max_false_pairs=3)
    assert found.threshold == 90
    assert found.intervals["false pairs"] == (3, 3)


def test_requirements_that_exclude_each_other_are_named(make_pairs):
    pairs = make_pairs([40] * 7)
    truth = {
        name: int(name) // 2 if int(name) < 160 or int(name) >= 480 else name
        for name in pairs.left.cat.categories
    }
    found = recommend_threshold(pairs, truth=truth, max_false_pairs=0, min_recall=0.9)
    assert found.threshold is None
    assert "No threshold meets all requirements" in found.reason


def test_recall_of_copies_gives_the_strictest_threshold_that_finds_them(tmp_path, picture):
    for seed in range(60):
        picture(seed).save(tmp_path / f"{seed}.png")
    calibration = calibrate(scan_images(tmp_path), variations=["jpeg 85", "mirrored"], n_sample=60)
    found = recommend_threshold(calibration=calibration, min_recall=0.9, variations=["jpeg 85"])
    rows = calibration.recall.query("variation == 'jpeg 85' and recall_low >= 0.9")
    assert found.threshold == rows.threshold.max()
    assert "recall of 'jpeg 85' is 0." in found.reason
    assert "(95 % confidence)" in found.reason
    both = recommend_threshold(calibration=calibration, min_recall=0.0)
    assert "recall of 'jpeg 85' is" in both.reason
    assert "(95 % confidence, each by itself)" in both.reason
    nothing = recommend_threshold(calibration=calibration, min_recall=0.9)
    assert nothing.threshold is None
    assert "'mirrored'" in nothing.reason
    unrelated = recommend_threshold(calibration=calibration, max_false_pairs=50, n_images=60)
    table = calibration.expected_false_pairs(60)
    assert unrelated.threshold == table.threshold[table.expected_high <= 50].min()


@pytest.mark.parametrize(
    ("required", "message"),
    [
        ({}, "name a requirement"),
        ({"min_precision": 95}, "min_precision must be a share from 0 to 1"),
        ({"max_false_pairs": -1}, "max_false_pairs must be a number from 0 up"),
        ({"min_recall": 0.9}, "min_recall needs evidence: give calibration= or truth="),
    ],
)
def test_requirements_that_cannot_be_judged_are_refused(required, message, make_pairs):
    with pytest.raises(ValueError, match=message):
        recommend_threshold(make_pairs([1] * 7), labels=Labels(), **required)


def test_levels_below_a_failed_one_are_not_recommended_although_they_pass():
    test = Requirement(
        "precision",
        (LEVELS[:4], np.array([0.99, 0.5, 0.99, 0.99]), np.ones(4)),
        0.9,
        True,
        True,
        "the truth",
    )
    assert test.supported().tolist() == [100]


def test_levels_where_even_perfect_answers_would_not_do_are_passed_over():
    provable = np.array([False, True, True, True])
    test = Requirement(
        "precision",
        (LEVELS[:4], np.array([0.2, 0.95, 0.95, 0.1]), np.ones(4)),
        0.9,
        True,
        True,
        "x",
        provable,
    )
    assert test.supported().tolist() == [97.5, 95]


def test_a_wrong_recommendation_is_rarer_than_promised_although_many_levels_are_tried():
    """Precision is below the requirement from the third level on."""
    rng = np.random.default_rng(8)
    shares = [1.0, 0.99, 0.78, 0.7, 0.5, 0.4, 0.3]
    pairs = levelled_pairs([60] * 7)
    wrong = right = 0
    for _ in range(12):
        same = np.concatenate([rng.permutation(60) < round(60 * share) for share in shares])
        found = Person(pairs, same).answer_for(0.95, 90, 90).supported
        wrong += found[2:].any()
        right += found[:2].any()
    assert wrong <= 1
    assert right >= 4  # and it is not by never recommending anything


def test_one_mistake_at_the_strictest_level_does_not_withhold_a_looser_one_that_is_proved():
    pairs = levelled_pairs([20, 0, 0, 0, 400, 0, 0])
    same = np.ones(420, dtype=bool)
    same[:4] = False  # at 100 %
    person = Person(pairs, same)
    person.answer_for(0.95, 90, 400)
    found = recommend_threshold(pairs, labels=person.labels, min_precision=0.95)
    assert found.threshold == 90
    at = found.evidence.set_index("threshold")
    assert not at.fulfilled[100]
    assert at.fulfilled[90]


def test_answers_move_to_a_stricter_threshold_where_they_speak_against_the_one_named():
    pairs = levelled_pairs([100] * 7)
    same = np.arange(700) < 300  # nothing below 95 % is a duplicate
    person = Person(pairs, same)
    support = person.answer_for(0.9, 85, 120)
    assert support.supported.tolist() == [False, False, True, False, False, False, False]
    assert len(person) < 100


def test_no_dead_end_when_every_pair_is_answered_or_skipped():
    pairs = levelled_pairs([3, 0, 0, 0, 3, 0, 0])
    person = Person(pairs, np.ones(6, dtype=bool))
    while (pair := person.answers.next_at(6)) is not None:
        person.answer(pair, "skip")
    found = recommend_threshold(pairs, labels=person.labels, min_precision=0.9)
    assert (found.threshold, found.more_answers) == (None, 0)
    assert "no pair is left to ask about" in found.reason
    assert "6 skipped pairs leave it open" in found.reason


def test_one_skipped_pair_is_said_as_one_and_a_number_is_not_said_twice():
    pairs = levelled_pairs([0, 0, 0, 0, 1000, 0, 0])
    person = Person(pairs, np.ones(1000, dtype=bool))
    person.answer_at(90, 36)
    plan = plan_for_precision(person.answers, 0.9, 90.0, 0.95)
    more = plan.missing.median
    assert more == plan.missing.most > 1
    assert plan.sentence == f"about {more} more answers would prove 0.9 at 90 %"
    found = recommend_threshold(pairs, labels=person.labels, min_precision=0.9)
    assert f"Label about {more} more pairs at 90 %: so far it is" in found.reason
    few = levelled_pairs([0, 0, 0, 0, 2, 0, 0])
    person = Person(few, np.ones(2, dtype=bool))
    person.answer_at(90, 1)
    person.answer(person.answers.next_at(4), "skip")
    found = recommend_threshold(few, labels=person.labels, min_precision=0.9)
    assert "1 skipped pair leaves it open." in found.reason


def test_the_number_of_answers_that_is_forecast_is_about_the_number_that_is_needed():
    pairs = levelled_pairs([0, 0, 0, 0, 3000, 0, 0])
    rng = np.random.default_rng(5)
    ratios = []
    for _ in range(15):
        person = Person(pairs, rng.random(3000) < 0.98)
        person.answer_at(90, 10)
        missing = person.answer_for(0.9, 90, 0).missing(4)
        assert person.answer_for(0.9, 90, 300).supported.any()
        ratios.append((len(person) - 10) / missing.median)
    ratio = np.median(ratios)
    assert 1 / 1.5 <= ratio <= 1.5


@pytest.mark.parametrize(("same", "different"), [(9, 1), (39, 1), (37, 3), (76, 4)])
def test_after_a_mistake_no_fewer_answers_are_promised_than_mistakes_as_usual_need(same, different):
    """As usual: half of the mistakes allowed."""
    person = Person(levelled_pairs([0, 0, 0, 0, 3000, 0, 0]), np.ones(3000, dtype=bool))
    for number in range(same + different):
        said = "different" if number < different else "same"
        person.answer(person.answers.next_at(4), said)
    support = person.answer_for(0.9, 90, 0)
    rng, n = np.random.default_rng(7), 1500
    hits = same + np.cumsum(rng.random((300, n)) < 0.95, axis=1)
    misses = same + different + np.arange(1, n + 1) - hits
    proved = log_capital(3000, int(support.most[4]), hits, misses) >= np.log(1 / 0.025)
    needed = np.median(np.where(proved.any(axis=1), proved.argmax(axis=1) + 1, n))
    assert 0.8 <= support.missing(4).median / needed <= 2.5


def test_a_few_large_groups_at_the_strictest_levels_do_not_hide_that_a_truth_supports_looser_ones():
    bits = np.zeros((66, 64), dtype=bool)
    names = [f"{k:02d}" for k in range(66)]
    for pair in range(30):  # thirty pictures with a copy four bits away, all far from each other
        bits[2 * pair] = np.random.default_rng(pair).random(64) < 0.5
        bits[2 * pair + 1] = bits[2 * pair] ^ (np.arange(64) < 4)
    pairs = similar_pairs(
        Fingerprints.from_bits(names, bits)
    )  # the last six are equal: one group at 100
    truth = {name: min(int(name) // 2, 30) for name in names}
    found = recommend_threshold(pairs, truth=truth, min_precision=0.6)
    assert found.threshold is not None
    assert found.threshold < 95


def test_labels_of_other_pictures_are_not_passed_over_in_silence(make_pairs):
    elsewhere = Labels()
    elsewhere.add("x.jpg", "y.jpg", "same")
    with pytest.warns(UserWarning, match="none of the 1 labels is about a pair"):
        assert not recommend_threshold(make_pairs([5] * 7), labels=elsewhere, min_precision=0.9)


def test_one_answer_is_not_enough_and_only_differences_contradict(make_pairs):
    pairs = make_pairs([5] * 7)
    one = label_all(pairs.head(1), np.ones(1, dtype=bool))
    assert recommend_threshold(pairs, labels=one, min_precision=0.9).more_answers > 0
    found = recommend_threshold(
        pairs, labels=label_all(pairs, np.zeros(35, dtype=bool)), min_precision=0.9
    )
    assert "Your answers contradict" in found.reason


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"calibration": pd.DataFrame(), "min_recall": 0.9},
            "calibration must be made by calibrate",
        ),
        (
            {"labels": Labels(), "variations": "jpeg 85", "min_recall": 0.9},
            "variations must be a list",
        ),
    ],
)
def test_arguments_of_another_kind_are_refused_by_name(options, message, make_pairs):
    with pytest.raises(TypeError, match=message):
        recommend_threshold(make_pairs([1] * 7), **options)


def test_in_the_calibrated_collection_false_pairs_are_counted_and_elsewhere_expected(
    tmp_path, picture
):
    for seed in range(40):
        picture(seed).save(tmp_path / f"{seed}.png")
    calibration = calibrate(scan_images(tmp_path), variations=["jpeg 85"], n_sample=2)
    here = recommend_threshold(calibration=calibration, max_false_pairs=0)
    assert here.intervals["false pairs"] == (0, 0)
    assert here.reason.endswith("false pairs are 0 by the calibration's count, required <= 0.")
    elsewhere = recommend_threshold(calibration=calibration, max_false_pairs=0, n_images=40)
    assert elsewhere.threshold is None
    assert "similar to more than 10 % of the others" in elsewhere.reason
    assert "cannot give less than" in elsewhere.reason
    assert "leave n_images out" in elsewhere.reason


def test_where_the_answers_lean_the_other_way_the_requirement_is_not_promised():
    pairs = levelled_pairs([0, 0, 0, 0, 300, 0, 0])
    person = Person(pairs, np.arange(300) % 6 > 0)  # five of six, and not surely below nine of ten
    person.answer_at(90, 40)
    found = recommend_threshold(pairs, labels=person.labels, min_precision=0.9)
    assert found.threshold is None
    assert found.reason.startswith("Your answers so far suggest that precision >= 0.9 is not met")
    assert found.more_answers > 0


def test_answers_of_an_old_file_still_give_the_recommendation_they_gave(tmp_path):
    pairs = levelled_pairs([60, 0, 0, 0, 60, 0, 0])
    path = tmp_path / "labels.csv"
    rows = [f"{row.left},{row.right},same,2026-01-01T00:00:00+00:00" for row in pairs.itertuples()]
    path.write_text("left,right,label,when\n" + "\n".join(rows[:50] + rows[60:110]) + "\n")
    found = recommend_threshold(pairs, labels=Labels(path), min_precision=0.9)
    assert found.threshold == 90
    low, _ = stratified_interval([60, 60], [50, 50], [50, 50])
    assert found.intervals["precision"][0] == pytest.approx(low)

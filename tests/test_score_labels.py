"""A person is asked about the right pairs, and the answers give precision with an interval."""

import numpy as np
import pandas as pd

from imgdup_nb import Fingerprints, Labels, score_labels, similar_pairs
from imgdup_nb.evidence.sampling import MOST_OFTEN, Survey


def make_pairs(codes, min_similarity=70):
    bits = np.zeros((len(codes), 64), dtype=bool)
    for row, code in enumerate(codes):
        bits[row, sorted(code)] = True
    return similar_pairs(
        Fingerprints.from_bits([f"{k:03d}" for k in range(len(codes))], bits),
        min_similarity=min_similarity,
    )


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

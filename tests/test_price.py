"""A price for false and missed pairs gives the threshold that costs least."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from answering import Person, levelled_pairs
from imgdup_nb import (
    Fingerprints,
    Labels,
    compare_decisions,
    recommend_threshold,
    record_decision,
    similar_pairs,
)
from imgdup_nb.evidence.price import check_price, costs_by_answers, costs_by_truth
from imgdup_nb.groups import group_duplicates

COUNTS = [30, 0, 30, 0, 30, 30, 30]
TRUE = [30, 0, 28, 0, 20, 10, 1]  # of each level; the break-even precision of 2 : 1 is two thirds


def pairs_and_truth():
    pairs = levelled_pairs(COUNTS)
    same = np.concatenate([np.arange(n) < k for n, k in zip(COUNTS, TRUE, strict=True)])
    names = pairs.left.cat.categories
    truth = {name: k // 2 if same[k // 2] else f"alone {k}" for k, name in enumerate(names)}
    return pairs, same, truth


@pytest.mark.parametrize(("cost_false", "cost_missed"), [(1, 1), (50, 1), (1, 50), (1, 0), (0, 1)])
def test_the_cheapest_threshold_is_that_of_the_plain_sum(cost_false, cost_missed):
    pairs, same, truth = pairs_and_truth()
    found = recommend_threshold(pairs, truth=truth, cost_false=cost_false, cost_missed=cost_missed)
    for row in found.evidence.itertuples():
        inside = pairs.similarity.to_numpy() >= row.threshold
        cost = cost_false * (inside & ~same).sum() + cost_missed * (~inside & same).sum()
        assert row.cost == cost
    assert found.evidence.set_index("threshold").cost[found.threshold] == found.evidence.cost.min()
    low, high = found.intervals["threshold"]
    assert low <= found.threshold <= high
    assert found.requirements == {"cost_false": cost_false, "cost_missed": cost_missed}
    assert f"{found.threshold:g} % costs least" in found.reason


def test_dearer_false_pairs_give_a_stricter_threshold():
    pairs, _, truth = pairs_and_truth()
    chosen = [
        recommend_threshold(pairs, truth=truth, cost_false=cost, cost_missed=1).threshold
        for cost in (0.01, 1, 50)
    ]
    assert chosen == sorted(chosen)
    assert chosen[0] < chosen[-1]


def test_a_share_near_one_is_not_called_one():
    pairs, _, truth = pairs_and_truth()
    found = recommend_threshold(pairs, truth=truth, cost_false=200, cost_missed=1)
    assert "at least 0.995 are duplicates" in found.reason


def test_with_every_pair_answered_the_cost_is_that_of_the_truth():
    pairs, same, truth = pairs_and_truth()
    person = Person(pairs, same)
    person.answer_at(85, 500)
    price = check_price(2, 1)
    table = costs_by_answers(person.answers, price, 0.95).table
    counted = costs_by_truth(pairs, truth, price, 0.95).table.set_index("threshold")
    assert table.cost.tolist() == counted.cost[table.threshold].tolist()
    assert (table.cost_low == table.cost_high).all()
    assert table.threshold[table.possible].tolist() == [95, 90]  # two thirds of 90 %: either


def test_the_cheapest_threshold_is_seldom_excluded_by_answers():
    rng = np.random.default_rng(2)
    pairs = levelled_pairs([80] * 7)
    shares, price, lost = [1, 0.97, 0.9, 0.8, 0.6, 0.4, 0.2], check_price(3, 1), 0
    for _ in range(20):
        same = np.concatenate([rng.permutation(80) < round(80 * share) for share in shares])
        person = Person(pairs, same)
        person.pairs = np.argsort(person.survey.rank)[:150].tolist()
        person.said = np.where(same[person.survey.row[person.pairs]], "same", "different").tolist()
        table = costs_by_answers(person.answers, price, 0.95).table
        lost += not table.possible[table.threshold == 92.5].item()  # 0.8 pays, 0.6 does not
    assert lost <= 1


def test_without_answers_every_threshold_is_possible_and_none_is_recommended():
    pairs, _, _ = pairs_and_truth()
    found = recommend_threshold(pairs, labels=Labels(), cost_false=5, cost_missed=1)
    assert found.evidence.possible.all()
    assert found.threshold is None
    assert "no random question about this table has been answered" in found.reason


@pytest.mark.parametrize("cost_false", [0.1, 1, 200])
def test_a_threshold_is_not_recommended_because_nobody_was_asked_below_it(cost_false):
    pairs, same, _ = pairs_and_truth()
    person = Person(pairs, same)
    person.answer_at(95, 500)  # all of the sixty pairs at 95 % or above, and none below
    found = recommend_threshold(
        pairs, labels=person.labels, cost_false=cost_false, cost_missed=1, threshold=95
    )
    assert found.threshold >= 95
    assert "leave out 90 pairs of this table" in found.reason
    assert "estimated by 60 answers" in found.reason
    at = found.evidence.set_index("threshold")
    assert at["false"][[95, 85]].tolist() == [2, 2]
    assert at.possible[85]  # nothing speaks against it either


@pytest.mark.parametrize(("said", "threshold"), [("same", 85), ("different", 100)])
def test_answers_of_one_kind_only_give_a_price_too(said, threshold):
    pairs, same, _ = pairs_and_truth()
    person = Person(pairs, np.full(len(same), said == "same"))
    person.answer_at(85, 80)
    found = recommend_threshold(pairs, labels=person.labels, cost_false=5, cost_missed=1)
    assert found.threshold == threshold
    low, high = found.intervals["cost"]
    assert low <= found.evidence.set_index("threshold").cost[threshold] <= high


def test_the_cost_of_a_threshold_lies_in_its_interval():
    rng = np.random.default_rng(5)
    pairs = levelled_pairs([80] * 7)
    shares, price, missed = [1, 0.97, 0.9, 0.8, 0.6, 0.4, 0.2], check_price(3, 1), 0
    for _ in range(40):
        same = np.concatenate([rng.permutation(80) < round(80 * share) for share in shares])
        person = Person(pairs, same)
        order = rng.permutation(560)
        person.survey = replace(person.survey, rank=order.astype(np.uint64))
        person.pairs = np.argsort(order)[:100].tolist()
        person.said = np.where(same[person.survey.row[person.pairs]], "same", "different").tolist()
        table = costs_by_answers(person.answers, price, 0.95).table.set_index("threshold")
        cost = 3 * (~same[:400]).sum() + same[400:].sum()  # at 90 %
        missed += not table.cost_low[90] <= cost <= table.cost_high[90]
    assert missed <= 2


@pytest.mark.parametrize(
    ("cost_false", "cost_missed", "said"),
    [
        (0, 1, "Every duplicate is worth including: false pairs cost nothing."),
        (1, 0, "No pair is worth including if it could be false: missed duplicates cost nothing."),
        (1, 5000, "pairs of which at least 0.0002 are duplicates"),
        (1e13, 1, "only if nearly all are duplicates"),
        (0.001, 0.0001, "make 0.0051"),
    ],
)
def test_small_and_large_prices_are_said_in_figures_that_can_be_read(cost_false, cost_missed, said):
    pairs, _, truth = pairs_and_truth()
    found = recommend_threshold(pairs, truth=truth, cost_false=cost_false, cost_missed=cost_missed)
    assert said in found.reason


@pytest.mark.parametrize("count", [0, 1, 2])
def test_tables_of_no_pair_and_of_one_have_a_price_too(count):
    prints = Fingerprints.from_bits(["a", "b"][:count], np.ones((count, 64), dtype=bool))
    pairs = similar_pairs(prints)
    by_labels = recommend_threshold(pairs, labels=Labels(), cost_false=5, cost_missed=1)
    assert not by_labels  # no pair, or nobody was asked
    answers = Labels()
    if count == 2:
        answers.add("a", "b", "same")
    by_labels = recommend_threshold(pairs, labels=answers, cost_false=5, cost_missed=1)
    assert by_labels.intervals.get("cost") == ((0, 0) if count == 2 else None)
    truth = dict.fromkeys(["a", "b"][:count], 1)
    by_truth = recommend_threshold(pairs, truth=truth, cost_false=5, cost_missed=1)
    assert by_truth.intervals["cost"] == (0, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cost_false": 5}, "cost_missed must be a number from 0 up"),
        ({"cost_false": -1, "cost_missed": 1}, "cost_false must be a number from 0 up"),
        ({"cost_false": 0, "cost_missed": 0}, "must not both be 0"),
        ({"cost_false": float("nan"), "cost_missed": 1}, "cost_false must be a number from 0 up"),
        ({"cost_false": float("inf"), "cost_missed": 1}, "together at most 1e"),
        ({"cost_false": 10**400, "cost_missed": 1}, "together at most 1e"),
        ({"cost_false": "5", "cost_missed": 1}, "cost_false must be a number from 0 up"),
        ({"cost_false": 5, "cost_missed": 1, "min_precision": 0.9}, "not both"),
    ],
)
def test_a_price_that_is_none_is_refused(options, message):
    pairs, _, truth = pairs_and_truth()
    with pytest.raises(ValueError, match=message):
        recommend_threshold(pairs, truth=truth, **options)
    with pytest.raises(ValueError, match="a price needs pairs"):
        recommend_threshold(pairs, cost_false=5, cost_missed=1)


def test_a_decision_holds_price_evidence_and_answer_and_compares():
    pairs, _, truth = pairs_and_truth()
    images = pd.DataFrame({"image": list(pairs.left.cat.categories)})
    records = []
    for cost in (1, 50):
        found = recommend_threshold(pairs, truth=truth, cost_false=cost, cost_missed=1)
        groups = group_duplicates(pairs, found.threshold)
        records.append(record_decision(groups, images, recommendation=found))
    evidence = records[1]["evidence"]
    assert evidence["price"] == {"cost_false": 50, "cost_missed": 1}
    assert evidence["recommended"] == found.threshold
    assert len(evidence["table"]) == len(found.evidence)
    assert set(evidence["table"][0]) >= {"threshold", "cost", "possible"}
    changed = compare_decisions(*records)
    assert {"threshold", "evidence"} <= set(changed.what)
    assert "price" in changed[changed.what == "evidence"].new.item()

"""How many more answers are said to be needed, and how many are."""

import numpy as np
import pytest

from answering import Person, levelled_pairs
from imgdup_nb import recommend_threshold
from imgdup_nb.evidence.questions import plan_for_precision
from imgdup_nb.evidence.support import Support


def test_where_a_proof_is_unlikely_it_is_said_and_the_next_best_threshold_is_named():
    pairs = levelled_pairs([0, 0, 400, 0, 400, 0, 0])
    person = Person(pairs, np.append(np.ones(400, bool), np.arange(400) % 3 > 0))
    person.answer_at(90, 60)  # all are the same at 95 %, and five of six at 90 %
    found = recommend_threshold(pairs, labels=person.labels, min_precision=0.9)
    assert found.threshold is None
    assert (
        "It can probably not be proved at 90 %; the next best is 95 %. Label about" in found.reason
    )
    plan = plan_for_precision(person.answers, 0.9, 90, 0.95)
    assert plan.sentence.startswith("precision >= 0.9 can probably not be proved at 90 %; about ")
    assert plan.sentence.endswith("would prove 0.9 at 95 %")
    assert plan.missing.median == found.more_answers
    person.answer_at(95, found.more_answers)
    assert recommend_threshold(pairs, labels=person.labels, min_precision=0.9).threshold == 95


def test_where_no_threshold_has_a_proof_in_sight_that_is_said():
    person = Person(levelled_pairs([0, 0, 0, 0, 300, 0, 0]), np.arange(300) % 6 > 0)
    person.answer_at(90, 40)
    plan = plan_for_precision(person.answers, 0.9, 90, 0.95)
    said = "precision >= 0.9 can probably not be proved at 90 %, nor at another threshold"
    assert plan.sentence == said
    assert plan.missing.median is None


@pytest.mark.parametrize(("share", "least"), [(1.0, 0.9), (0.97, 0.9)])
def test_as_many_answers_are_needed_as_are_said_within_a_factor_of_one_and_a_half(share, least):
    rng = np.random.default_rng(3)
    pairs, ratios, enough = levelled_pairs([0, 0, 0, 0, 900, 0, 0]), [], []
    for _ in range(7):
        person = Person(pairs, rng.permutation(900) < share * 900)
        forecasts = {}
        for at in (15, 30):
            support = person.answer_for(least, 90, at - len(person))
            if support.supported.any():
                break
            forecasts[at] = support.missing(support.named)
        person.answer_for(least, 90, 400)
        assert Support.of_precision(person.answers, least, 90, 0.95).supported.any()
        for at, said in forecasts.items():
            median = np.inf if said.median is None else said.median  # "probably never"
            ratios.append(median / (len(person) - at))
            enough.append(said.most is None or len(person) - at <= said.most)
    assert len(ratios) == 14
    assert 1 / 1.5 <= np.median(ratios) <= 1.5
    assert np.mean(enough) >= 0.8

"""Claims are refuted when they are false, and seldom when they are true, whenever one looks."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgdup_nb.evidence.betting import HOPES, STAKES, Draws, log_capital, refute_together


def plain_capital(size, most, answers):
    """Bet answer by answer, in exact fractions: the slow way that the module shortens."""
    parts, best = [Fraction(stake).limit_denominator(1000) for stake in STAKES], Fraction(1)
    hoped = [Fraction(hope).limit_denominator(1000) * (size - most) for hope in HOPES]
    hits = misses = 0
    for hit in answers:
        left = size - hits - misses
        if hit and hits == most:
            return math.inf
        for k, mistakes in enumerate(hoped):
            by_claim = Fraction(most - hits if hit else size - most - misses, left)
            by_hope = (size - mistakes - hits if hit else mistakes - misses) / left
            parts[k] = parts[k] * by_hope / by_claim if by_claim > 0 and by_hope >= 0 else 0
        hits, misses = hits + hit, misses + (not hit)
        parts = [
            part if misses <= mistakes else 0 for part, mistakes in zip(parts, hoped, strict=True)
        ]
        best = max(best, sum(parts))
    return math.log(best)


SMALL = st.integers(1, 12).flatmap(
    lambda size: st.tuples(
        st.just(size), st.integers(0, size), st.lists(st.booleans(), max_size=size)
    )
)


@given(SMALL)
def test_the_capital_is_that_of_a_player_who_bets_answer_by_answer(drawn):
    size, most, answers = drawn
    found = Draws.of(size, np.array(answers, dtype=bool)).capital(most)
    expected = plain_capital(size, most, answers)
    assert found == pytest.approx(expected, abs=1e-9)


@given(SMALL)
def test_a_claim_that_allows_fewer_hits_is_refuted_with_a_weaker_one(drawn):
    size, _, answers = drawn
    draws = Draws.of(size, np.array(answers, dtype=bool))
    capital = [draws.capital(most) for most in range(size + 1)]
    reachable = capital[: size - int(draws.misses[-1]) + 1]
    assert all(one >= other - 1e-9 for one, other in pairwise(reachable))


@given(SMALL)
def test_the_fewest_hits_are_the_first_number_that_is_not_refuted(drawn):
    size, _, answers = drawn
    draws = Draws.of(size, np.array(answers, dtype=bool))
    possible = range(int(draws.hits[-1]), size - int(draws.misses[-1]) + 1)
    open_ = [k for k in possible if draws.capital(k) < math.log(40)]
    assert draws.fewest(0.025) == (min(open_) if open_ else possible[-1])


def test_all_answers_leave_no_doubt():
    draws = Draws.of(6, np.array([True, False, True, True, False, True]))
    assert draws.fewest(0.025) == 4
    assert draws.mirrored().fewest(0.025) == 2


def test_no_answers_and_no_pairs_say_nothing():
    assert Draws.of(5, np.zeros(0, dtype=bool)).fewest(0.025) == 0
    assert Draws.of(0, np.zeros(0, dtype=bool)).fewest(0.025) == 0


@pytest.mark.parametrize(("size", "share"), [(40, 0.9), (200, 0.95), (3000, 0.9), (3000, 0.5)])
def test_who_looks_after_every_answer_is_misled_at_most_as_often_as_promised(size, share):
    rng = np.random.default_rng(size)
    true, alpha, repeats, misled = round(size * share), 0.05, 400, 0
    for _ in range(repeats):
        answers = rng.permutation(size)[: min(size, 300)] < true
        misled += Draws.of(size, answers).capital(true) >= math.log(1 / alpha)
    assert misled / repeats <= alpha + 0.025  # two and a third standard errors of 400 repeats


def test_a_claim_that_is_refuted_passes_its_share_on_and_blocks_nobody():
    capital = np.log([1.0, 50.0, 1000.0])  # the first is far from refuted
    weight = np.array([0.25, 0.5, 0.25])
    assert refute_together(capital, weight, 0.05, 0.05).tolist() == [False, True, True]
    alone = refute_together(np.log([1.0, 30.0, 1.0]), weight, 0.05, 0.05)
    assert alone.tolist() == [False, False, False]
    assert refute_together(np.zeros(0), np.zeros(0), 0.05, 0.05).tolist() == []


@pytest.mark.parametrize(("precision", "answers"), [(0.9, 41), (0.95, 85), (0.99, 430)])
def test_so_many_equal_answers_prove_a_precision_however_many_pairs_there_are(precision, answers):
    """The numbers of docs/what-it-can-do.md."""
    size = 10**9
    hits = np.array([answers - 1, answers])
    before, after = log_capital(size, round(precision * size) - 1, hits, 0 * hits)
    assert before < np.log(40) <= after


@pytest.mark.parametrize("wish", [0.8, 0.9, 0.95])
def test_up_to_twelve_mistakes_a_proof_needs_no_more_answers_than_with_three_equal_stakes(wish):
    size = 20_000
    for mistakes in range(13):
        hits = np.arange(700)
        misses = np.full(700, mistakes)
        found = log_capital(size, round(wish * size) - 1, hits, misses)
        plain = [
            hits * np.log((1 - hope * (1 - wish)) / wish) + (mistakes * np.log(hope) if hope else 0)
            for hope in (0, 0.25, 0.6)
            if hope or not mistakes
        ]
        plain = np.logaddexp.reduce(plain) - np.log(3)
        assert found.max() > np.log(40)
        assert np.argmax(found >= np.log(40)) <= np.argmax(plain >= np.log(40))

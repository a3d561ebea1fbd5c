"""Intervals keep what they promise, measured on answers drawn from truths that are known."""

from functools import cache

import numpy as np
import pytest
from scipy.stats import binom, hypergeom

from imgdup_nb.evidence.intervals import (
    binomial_interval,
    check_confidence,
    few_clusters,
    stratified_interval,
)

STRATA = {  # sizes, asked, true shares
    "equal strata": ([200] * 5, [10] * 5, [1, 1, 1, 0.98, 0.9]),
    "thirty answers": ([300, 100, 60, 80, 150], [4, 5, 6, 8, 7], [1, 0.99, 0.95, 0.8, 0.5]),
    "a large stratum, few answers": ([2000, 100], [5, 45], [0.97, 0.5]),
    "a small stratum, few answers": ([9000, 1000], [1000, 10], [1, 0.9]),
    "nearly all asked": ([20, 10, 8], [19, 9, 7], [0.95, 0.9, 0.875]),
    "crowded false pairs": ([500, 1000, 300], [10, 5, 15], [0.9, 0.02, 0.6]),
    "many thin strata": ([100] * 10, [3] * 10, list(np.linspace(1, 0.3, 10))),
}


@pytest.mark.parametrize(("sizes", "asked", "shares"), STRATA.values(), ids=STRATA)
def test_the_stratified_interval_holds_the_truth_at_least_as_often_as_it_says(sizes, asked, shares):
    rng = np.random.default_rng(1)
    good = [round(size * share) for size, share in zip(sizes, shares, strict=True)]
    truth = sum(good) / sum(sizes)
    interval = cache(
        lambda same: stratified_interval(sizes, asked, same)
    )  # many answers come up again and again
    held = 0
    for _ in range(300):
        drawn = [
            rng.hypergeometric(g, size - g, n)
            for g, size, n in zip(good, sizes, asked, strict=True)
        ]
        low, high = interval(tuple(map(int, drawn)))
        held += low - 1e-9 <= truth <= high + 1e-9
    assert held / 300 >= 0.95


def test_the_clopper_pearson_interval_is_where_the_tails_are_a_fortieth():
    low, high = binomial_interval(7, 30)
    assert binom.sf(6, 30, low) == pytest.approx(0.025)
    assert binom.cdf(7, 30, high) == pytest.approx(0.025)


def test_nothing_tried_says_nothing():
    assert [float(end) for end in binomial_interval(0, 0)] == [0.0, 1.0]
    assert stratified_interval([], [], []) == (0.0, 1.0)
    assert stratified_interval([10, 10], [0, 0], [0, 0]) == (0.0, 1.0)


def test_a_stratum_nobody_was_asked_about_adds_its_whole_share():
    low, high = stratified_interval([80, 20], [80, 0], [80, 0])
    assert (low, high) == (0.8, 1.0)


def test_when_all_answers_agree_the_end_is_that_of_drawing_without_replacement():
    low, _ = stratified_interval([40], [20], [20])
    # 35 true pairs of 40 can give twenty yes, also if one checks after each answer; 34 hardly can
    assert hypergeom.pmf(20, 40, 35, 20) > 0.025 / np.e
    assert hypergeom.pmf(20, 40, 34, 20) < 0.025
    assert low == 35 / 40


def test_more_answers_make_the_interval_narrower():
    widths = [
        np.subtract(*stratified_interval([1000, 500], [n, n], [n * 9 // 10, n // 2])[::-1])
        for n in (10, 40, 160)
    ]
    assert widths[0] > widths[1] > widths[2]


def test_same_and_different_mirror_each_other():
    low, high = stratified_interval([100, 50], [12, 9], [10, 4])
    mirrored_low, mirrored_high = stratified_interval([100, 50], [12, 9], [2, 5])
    assert (mirrored_low, mirrored_high) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize("value", [95, 0.5, 1, True, "0.95", float("nan")])
def test_a_confidence_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match="confidence must be between"):
        check_confidence(value)


def test_few_clusters_raise_the_variance_and_many_do_not():
    assert few_clusters(np.ones(3), 0.95) > 4
    assert few_clusters(np.ones(5000), 0.95) == pytest.approx(1, abs=0.001)

"""The interval of the rate of false pairs holds although pairs share images."""

import numpy as np
import pytest

from imgdup_nb.evidence.false_pairs import any_rate_above, rate_table

N = 300  # images


def alike(*expected):
    """Return a truth in which all images of a kind are similar; so many of each are expected."""

    def draw(rng):
        kind = rng.choice(len(shares) + 1, N, p=[*shares, 1 - shares.sum()])
        return np.triu((kind[:, None] == kind) & (kind < len(shares)), 1)

    shares = np.array(expected) / N
    return draw, float((shares**2).sum())


def hubs(expected, reach, *kinds):
    """Return a truth in which each image of one kind is similar to a fixed share of all others."""
    draw_kinds, rate = alike(*kinds)
    share = expected / N

    def draw(rng):
        is_hub, reached = rng.random(N) < share, rng.random(N) < reach
        touched = np.triu(
            (is_hub[:, None] & ~is_hub & reached) | (is_hub[:, None] & ~is_hub & reached).T, 1
        )
        return touched | draw_kinds(rng)

    both = 2 * share * (1 - share) * reach
    return draw, both + rate - both * rate


def at_random(expected):
    rate = expected / (N * (N - 1) / 2)
    return lambda rng: np.triu(rng.random((N, N), dtype=np.float32) < rate, 1), rate


TRUTHS = {
    "none but by chance": at_random(0.5),
    "five by chance": at_random(5),
    "a hundred by chance": at_random(100),
    "a kind of one": alike(1),
    "a kind of two": alike(2),
    "a kind of three": alike(3),
    "a kind of five": alike(5),
    "a kind of eight": alike(8),
    "a kind of twenty": alike(20),
    "twenty kinds of two": alike(*[2] * 20),
    "sixty kinds of a half": alike(*[0.5] * 60),
    "unequal kinds": alike(20, 8, 4, 4, 2, 2),
    "many kinds and one of four": alike(*[1] * 15, 4),
    "a hub seldom seen": hubs(0.3, 0.03),
    "a hub seen or not": hubs(1, 0.03),
    "ten hubs": hubs(10, 0.03),
    "a far hub seen or not": hubs(1, 0.1),
    "two far hubs": hubs(2, 0.1),
    "three far hubs": hubs(3, 0.1),
    "a far hub and many kinds": hubs(1, 0.1, *[2] * 30),
    "three far hubs and unequal kinds": hubs(3, 0.1, 10, 4, 4, 2),
}


def interval(alike, **options):
    first, second = np.nonzero(alike)
    table = rate_table(
        first, second, np.full(len(first), 90.0), np.array([90.0]), N, N * (N - 1) // 2, **options
    )
    return table.rate_low[0], table.rate_high[0]


def share_held(truth, repeats, **options):
    draw, rate = truth
    rng = np.random.default_rng(5)
    ends = [interval(draw(rng), **options) for _ in range(repeats)]
    return np.mean([low <= rate <= high for low, high in ends])


@pytest.mark.parametrize("name", TRUTHS)
def test_the_interval_holds_the_rate_at_least_as_often_as_it_says(name):
    assert share_held(TRUTHS[name], 100) >= 0.95


def test_an_interval_that_takes_nothing_for_granted_holds_for_a_kind_that_reaches_half_of_all():
    truth = hubs(1.5, 0.5)  # a fifth of the samples show none of it
    assert share_held(truth, 100) < 0.9  # it reaches further than the default assumes
    assert share_held(truth, 100, max_reach=1.0) >= 0.95


def test_for_any_collection_no_false_pair_among_n_images_excludes_only_one_in_n_over_seven():
    assert any_rate_above(np.zeros(1), 1000, 0.95)[0] == pytest.approx(1 - 0.025 ** (1 / 500))
    assert any_rate_above(np.array([0.0, 0.2, 1.0]), 40, 0.95) == pytest.approx(
        [1 - 0.025 ** (1 / 20), 0.493, 1.0], abs=0.001
    )


def test_a_smaller_reach_taken_for_granted_makes_a_smaller_upper_end():
    nothing = np.zeros((N, N), dtype=bool)
    ends = [interval(nothing, max_reach=reach)[1] for reach in (0.0, 0.01, 0.1, 0.5, 1.0)]
    assert ends == sorted(ends)
    assert ends[0] * N**2 / 2 == pytest.approx(
        15.5, rel=0.02
    )  # kinds that look like themselves only


def test_the_reach_seen_at_a_level_is_assumed_there_and_not_at_stricter_ones():
    star = np.zeros((N, N), dtype=bool)
    star[0, 1:121] = True  # one image looks like 120 others at 80, like none at 90
    first, second = np.nonzero(star)
    table = rate_table(
        first, second, np.full(120, 80.0), np.array([90.0, 80.0]), N, N * (N - 1) // 2
    )
    assert table.reach.tolist() == [0, 120 / (N - 1)]
    assert table.rate_high[0] == interval(np.zeros((N, N), dtype=bool))[1]
    assert table.rate_high[1] > interval(star, max_reach=0.0)[0]
    without = table.assign(reach=0.0).rate_high[1]
    assert without > table.rate_high[0]


def test_the_upper_end_at_a_level_does_not_depend_on_the_lowest_level():
    star = np.zeros((N, N), dtype=bool)
    star[0, 1:121] = True
    first, second = np.nonzero(star)
    ends = []
    for levels in ([100.0, 90.0], [100.0, 90.0, 80.0, 70.0]):
        inside = levels[-1] <= 80
        table = rate_table(
            first[: 120 * inside],
            second[: 120 * inside],
            np.full(120 * inside, 80.0),
            np.array(levels),
            N,
            N * (N - 1) // 2,
        )
        ends.append(table.rate_high[:2].tolist())
    assert ends[0] == ends[1]


def test_no_images_and_one_image_are_an_answer_too():
    for n in (0, 1):
        table = rate_table(*[np.zeros(0, int)] * 2, np.zeros(0), np.array([90.0]), n, 0)
        assert table[["rate", "rate_low", "rate_high"]].iloc[0].tolist() == [0, 0, 1]

"""A rule over two methods in the explorer's state: groups, code, what can be chosen."""

import pytest

import imgdup_nb as dup
from imgdup_nb.widgets import ThresholdState
from made_pairs import pairs_of

NAMES = ["a", "b", "c", "d"]


@pytest.fixture
def state():
    tables = {
        "phash": pairs_of(NAMES, [0, 6, 12, 40]),
        "dhash": pairs_of(NAMES, [0, 20, 2, 2], method="dhash"),
    }
    return ThresholdState(tables, threshold=90)


@pytest.mark.parametrize("rule", ["any", "all", "verified"])
def test_a_rule_gives_the_groups_of_combine_pairs_at_both_thresholds(state, rule):
    tables = {name: state.tables[name] for name in ("phash", "dhash")}
    state.combine("dhash", 80, rule)
    limits = {"phash": 90.625, "dhash": 80}
    expected = dup.combine_pairs(tables, limits, rule=rule)
    assert state.threshold == 90.625
    assert list(state.groups) == list(dup.group_duplicates(expected, 90.625))
    assert state.method == expected.attrs["method"]


def test_the_code_of_a_rule_makes_the_same_groups(state):
    pairs = {name: state.tables[name] for name in ("phash", "dhash")}
    for rule in ("any", "verified"):
        state.combine("dhash", 80, rule)
        names = {"pairs": pairs}
        exec(state.code(), names)
        assert list(names["groups"]) == list(state.groups)


def test_another_rule_takes_the_place_of_the_first_and_the_methods_stay(state):
    state.combine("dhash", 80, "any")
    state.combine("dhash", 85, "all")
    assert len(state.methods) == 3
    assert state.rule.base == "phash"
    state.method = "dhash"
    assert state.groups.method == "dhash"
    state.combine("phash", 80, "any")
    assert state.rule.base == "dhash"


def test_a_method_that_needs_pictures_is_refused_without_images(state):
    with pytest.raises(ValueError, match="other must be one of"):
        state.combine("aligned")
    assert state.method == "phash"


def test_a_rule_at_the_strictest_threshold_begins_one_level_below(state):
    state.threshold = 100
    state.combine("dhash", 80, "any")
    assert state.rule.base_threshold == 98.4375 or state.rule.base_threshold == 96.875

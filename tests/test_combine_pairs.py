"""A rule over two methods gives a pair table like any other."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imgdup_nb as dup
from made_pairs import pairs_of

NAMES = [f"{k}.jpg" for k in range(7)]


def tables_of(one, other):
    return {
        "phash": pairs_of(NAMES[: len(one)], one),
        "dhash": pairs_of(NAMES[: len(one)], other).pipe(as_dhash),
    }


def as_dhash(table):
    table.attrs["method"] = "dhash"
    return table


def found(table, threshold):
    near = table[table.similarity >= threshold - 1e-9]
    return {frozenset(pair) for pair in zip(near.left, near.right, strict=True)}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=0, max_size=7),
    st.sampled_from([75, 80, 90, 96.875]),
    st.sampled_from([75, 80, 90]),
)
def test_each_rule_finds_the_pairs_that_the_sets_say(bits, first, second):
    one, other = [a for a, _ in bits], [b for _, b in bits]
    tables = tables_of(one, other)
    limits = {"phash": first, "dhash": second}
    alone = [found(tables[name], limit) for name, limit in limits.items()]
    wanted = {"any": alone[0] | alone[1], "all": alone[0] & alone[1]}
    wanted["verified"] = wanted["all"]
    for rule, pairs in wanted.items():
        table = dup.combine_pairs(tables, limits, rule=rule)
        assert found(table, max(first, table.attrs["floor"])) == pairs
        grouping = dup.group_duplicates(table, max(first, table.attrs["floor"]))
        assert {name for group in grouping for name in group} <= {n for p in pairs for n in p}


def test_a_stricter_threshold_is_stricter_for_both_methods():
    tables = tables_of([0, 6, 12], [0, 2, 16])
    table = dup.combine_pairs(tables, {"phash": 80, "dhash": 75}, rule="any")
    assert found(table, 95) < found(table, 80)
    assert list(table.columns) == [
        "left", "right", "distance", "similarity", "relation", "phash", "dhash",
    ]  # fmt: skip
    assert table.attrs["method"] == "phash >= 80 or dhash >= 75"
    assert len(dup.sweep_thresholds(table)) > 1


def test_verified_keeps_the_similarity_of_the_first_method():
    tables = tables_of([0, 6], [0, 12])
    table = dup.combine_pairs(tables, {"phash": 90, "dhash": 80}, rule="verified")
    assert list(table.similarity) == [90.625]
    assert table.attrs["floor"] == 70


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"phash": 90}, "has none for 'dhash'"),
        ({"phash": 90, "dhash": 60}, "min_similarity=60"),
        ({"phash": 90, "dhash": 100}, "must be below 100"),
    ],
)
def test_a_threshold_that_cannot_be_is_explained(limits, message):
    with pytest.raises(ValueError, match=message):
        dup.combine_pairs(tables_of([0, 2], [0, 2]), limits)


def test_one_table_or_tables_of_different_images_are_refused():
    with pytest.raises(TypeError, match="two or more pair tables"):
        dup.combine_pairs({"phash": pairs_of(["a", "b"], [0, 0])}, {"phash": 90})
    tables = {"phash": pairs_of(["a", "b"], [0, 0]), "dhash": pairs_of(["a", "b", "c"], [0, 0, 0])}
    with pytest.raises(ValueError, match="same images"):
        dup.combine_pairs(tables, {"phash": 90, "dhash": 90})
    with pytest.raises(TypeError, match="pairs must be a dict"):
        dup.combine_pairs(pd.DataFrame(), {"phash": 90})

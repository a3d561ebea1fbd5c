"""Counts at many thresholds, and what changes between two."""

from hypothesis import given, settings
from hypothesis import strategies as st

from imgdup_nb import group_duplicates, sweep_thresholds, threshold_changes
from imgdup_nb.groups import LINKAGES
from pair_tables import THRESHOLDS, pair_table, pair_tables


@given(pair_tables(), st.sampled_from(LINKAGES))
@settings(deadline=None)
def test_the_sweep_counts_what_grouping_finds_at_every_level(pairs, linkage):
    levels = [100.0, 97.3, 95, 90, 87, 85, 80, 71, 70]
    sweep = sweep_thresholds(pairs, levels, linkage=linkage)
    assert sweep.threshold.tolist() == levels
    for row in sweep.itertuples():
        groups = group_duplicates(pairs, row.threshold, linkage=linkage)
        largest = max((len(group) for group in groups), default=0)
        assert (row.pairs, row.groups, row.images) == (
            groups.n_pairs,
            len(groups),
            len(groups.table),
        )
        assert (row.redundant, row.largest) == (groups.n_redundant, largest)


def test_the_sweep_takes_every_level_of_the_method_by_default():
    pairs = pair_table([("a", "b", 95), ("c", "d", 73)])
    levels = sweep_thresholds(pairs).threshold
    assert set(levels) == {100 - 3.125 * step for step in range(10)} | {95, 73}
    assert levels.is_monotonic_decreasing


def test_changes_tell_groups_born_grown_and_merged():
    pairs = pair_table(
        [
            ("a", "b", 96),
            ("c", "d", 96),
            ("b", "c", 91),
            ("e", "f", 92),
            ("g", "h", 97),
            ("g", "i", 90),
            ("x", "y", 99),
        ]
    )
    changes = threshold_changes(pairs, 95, 90, linkage="connected").set_index("change")
    assert changes.images["born"] == ["e", "f"]
    assert changes.added["grown"] == ["i"]
    assert changes.images["merged"] == ["a", "b", "c", "d"]
    assert changes.because["merged"] == [("b", "c", 91.0)]
    assert len(changes.before["merged"]) == 2
    assert len(changes) == 3  # x, y is the same group at both
    swapped = threshold_changes(pairs, 90, 95, linkage="connected")
    assert swapped.equals(changes.reset_index())


def test_changes_tell_images_that_go_to_another_original():
    pairs = pair_table([("b", "c", 96), ("b", "d", 95), ("a", "b", 90)])
    assert list(group_duplicates(pairs, 95)) == [["b", "c", "d"]]
    changes = threshold_changes(
        pairs, 95, 90
    )  # now a is near b, so b is a member, and of c, to which it is nearest
    assert changes.change.tolist() == ["regrouped"]
    assert changes.images[0] == ["c", "b"]


@given(pair_tables(), THRESHOLDS, THRESHOLDS, st.sampled_from(LINKAGES))
@settings(deadline=None)
def test_a_group_is_either_changed_or_the_same_at_both_thresholds(pairs, one, other, linkage):
    loose, strict = sorted([one, other])
    changed = threshold_changes(pairs, strict, loose, linkage=linkage)
    before = {frozenset(group) for group in group_duplicates(pairs, strict, linkage=linkage)}
    for number, group in enumerate(group_duplicates(pairs, loose, linkage=linkage), start=1):
        assert (number in set(changed.group)) == (frozenset(group) not in before)

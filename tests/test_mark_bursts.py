"""Photographs of one burst are told from copies by the time of their exposure."""

import numpy as np
import pandas as pd
import pytest

from imgdup_nb import Fingerprints, group_duplicates, mark_bursts, similar_pairs


def test_bursts_are_near_pairs_taken_at_different_times_close_together():
    names = ["a", "b", "c", "d"]
    pairs = similar_pairs(Fingerprints.from_bits(names, np.ones((4, 64), dtype=bool)))
    taken = pd.to_datetime(
        ["2024-01-01 10:00:00", "2024-01-01 10:00:10", "2024-01-01 10:00:00", None]
    )
    marked = mark_bursts(pairs, pd.DataFrame({"image": names, "taken": taken}))
    bursts = {(row.left, row.right): (row.seconds_apart, row.burst) for row in marked.itertuples()}
    assert bursts["a", "b"] == (10, True)  # inclusive
    assert bursts["a", "c"] == (0, False)  # an edited copy keeps the time
    assert np.isnan(bursts["a", "d"][0])
    assert not bursts["a", "d"][1]
    assert list(group_duplicates(marked[~marked.burst], 90)) == [["a", "c", "d"]]
    with pytest.raises(ValueError, match="lacks 'd'"):
        mark_bursts(pairs, pd.DataFrame({"image": names[:3], "taken": taken[:3]}))


def shots(*times, **columns):
    names = [f"{k}" for k in range(len(times))]
    pairs = similar_pairs(Fingerprints.from_bits(names, np.ones((len(times), 64), dtype=bool)))
    marked = mark_bursts(
        pairs, pd.DataFrame({"image": names, "taken": pd.Series(list(times), **columns)})
    )
    return {(row.left, row.right) for row in marked[marked.burst].itertuples()}


def test_a_series_is_one_burst_however_long_it_is():
    times = pd.to_datetime(
        ["2024-01-01 10:00:00", "2024-01-01 10:00:08", "2024-01-01 10:00:16", "2024-01-01 10:01:00"]
    )
    assert shots(*times) == {("0", "1"), ("1", "2"), ("0", "2")}


def test_fractions_of_seconds_and_time_zones_count_and_without_times_nothing_is_a_burst():
    assert shots(*pd.to_datetime(["2024-01-01 10:00:00.1", "2024-01-01 10:00:00.4"])) == {
        ("0", "1")
    }
    zones = [
        pd.Timestamp("2024-01-01 10:00:00", tz="UTC"),
        pd.Timestamp("2024-01-01 11:00:05", tz="Europe/Paris"),
    ]
    assert shots(*zones, dtype=object) == {("0", "1")}
    assert shots(None, None, dtype=object) == set()
    with pytest.raises(ValueError, match=r"images\.taken must hold times"):
        shots("yesterday noon", "now", dtype=object)
    with pytest.raises(ValueError, match="some have a time zone and some have none"):
        shots(zones[0], pd.Timestamp("2024-01-01 10:00:00"), dtype=object)

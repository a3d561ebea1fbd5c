"""Each tool's default threshold counts the pairs at or above it."""

import numpy as np
import pandas as pd

from imgdup_nb import Fingerprints, compare_tool_defaults, similar_pairs


def test_each_tool_counts_the_pairs_at_or_above_its_default(make_pairs):
    pairs = make_pairs([1, 2, 3, 4, 5, 6, 7])
    table = compare_tool_defaults(pairs).set_index("tool")
    assert table.loc["CleanVision", "pairs"] == 1
    assert table.loc["digiKam", "pairs"] == 15
    assert table.loc["digiKam", "redundant"] == 15
    assert pd.isna(table.loc["SSCD", "pairs"])  # below the floor: unknown, not zero
    assert table.more.sum() == table.pairs.max()


def test_a_default_in_bits_counts_the_pairs_at_just_that_many_bits():
    bits = np.zeros((3, 64), dtype=bool)
    bits[1, :4] = bits[2, 20:30] = True  # 4 and 10 of 64 bits from the first image
    table = compare_tool_defaults(
        similar_pairs(Fingerprints.from_bits(["a", "b", "c"], bits))
    ).set_index("tool")
    assert table.loc["imgdupes", "pairs"] == 1
    assert table.loc["imagededup (hashes)", "pairs"] == 2

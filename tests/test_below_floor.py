"""The explorer's bars below the floor: pairs that were counted, and not listed."""

import numpy as np
import pandas as pd
import pytest

import imgdup_nb as dup
from imgdup_nb.engine.pair_graph import PairGraph
from imgdup_nb.widgets.below_floor import bars_below_floor


def made_prints(n=60):
    rng = np.random.default_rng(1)
    return dup.Fingerprints.from_bits(
        [f"{k:03d}" for k in range(n)], rng.random((n, 64)) < 0.3, "dhash"
    )


def test_each_bar_holds_the_pairs_of_its_level_as_all_pairs_listed_have_them():
    prints = made_prints()
    pairs = dup.similar_pairs(prints, min_similarity=75)
    every = dup.similar_pairs(prints, min_similarity=0).similarity
    bars = bars_below_floor(prints.count_pairs(), PairGraph.read(pairs))
    assert len(pairs) + sum(count for _level, _width, count in bars) == 60 * 59 // 2
    for level, _width, count in bars:
        assert level < 75
        assert count == (every == level).sum()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_no_image_and_one_image_have_bars_without_pairs(n):
    prints = made_prints(n)
    pairs = dup.similar_pairs(prints, min_similarity=99)
    bars = bars_below_floor(prints.count_pairs(90), PairGraph.read(pairs))
    assert [level for level, _width, _count in bars] == [98.4375 - 1.5625 * k for k in range(6)]


def test_the_explorer_and_its_page_draw_the_counts_of_the_method_in_use_only():
    prints = made_prints()
    pairs = dup.similar_pairs(prints, min_similarity=80)
    other = pd.DataFrame(pairs).copy()
    other.attrs = pairs.attrs | {"method": "ahash"}
    tables = {"dhash": pairs, "ahash": other}
    explorer = dup.ThresholdExplorer(tables, counts=prints.count_pairs(60))
    assert [bar[0] for bar in explorer.scene["below"]][::-1] == [
        level for level in prints.count_pairs(60).similarity[::-1] if level < 80
    ]
    explorer.method = "ahash"
    assert explorer.scene["below"] == []
    explorer.close()


def test_without_counts_nothing_is_drawn_below_the_floor_and_other_tables_are_refused():
    prints = made_prints(4)
    pairs = dup.similar_pairs(prints)
    explorer = dup.ThresholdExplorer(pairs)
    assert explorer.scene["below"] == []
    explorer.close()
    for wrong in (pairs.drop(columns="similarity"), [1, 2], 50):
        with pytest.raises(TypeError, match=r"counts must be .*count_pairs\(50\)"):
            dup.ThresholdExplorer(pairs, counts=wrong)


def test_the_distinct_similarities_of_a_table_are_those_that_occur_once_each():
    for n in (0, 1, 2, 40):
        pairs = dup.similar_pairs(made_prints(n), min_similarity=60)
        graph = PairGraph.read(pairs)
        assert graph.distinct.tolist() == sorted(set(pairs.similarity))
        low = graph.below(75)
        assert low.distinct.tolist() == [value for value in graph.distinct if value < 75]

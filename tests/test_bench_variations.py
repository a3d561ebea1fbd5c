"""The benchmark of known variations counts right, without a search being run."""

import importlib
from pathlib import Path

import pandas as pd
import pytest

from imgdup_nb import scan_images


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    return importlib.import_module("bench_variations")


def test_found_copies_count_for_their_variation_and_all_other_pairs_are_false(bench):
    truth = pd.DataFrame(
        [
            ("1", "a", "half"),
            ("2", "b", "half"),
            ("3", "a", "logo"),
            ("4", "a", bench.QUARTER),
            ("4", "b", bench.QUARTER),
        ],
        columns=["copy", "original", "variation"],
        dtype=object,
    )
    found = [("1", "a", 90.0), ("2", "a", 99.0), ("2", "b", 89.9), ("4", "b", 71.0)]
    recall, false = bench.judge(pd.DataFrame(found, columns=["left", "right", "similarity"]), truth)
    assert recall.loc["half"].to_dict() == {95: 0.0, 90: 0.5, 80: 1.0, 70: 1.0}
    assert recall.loc[bench.QUARTER].to_dict() == {95: 0.0, 90: 0.0, 80: 0.0, 70: 0.5}
    assert not recall.loc["logo"].any()
    assert list(false.itertuples(index=False, name=None)) == [("2", "a", 99.0)]


def test_the_truth_names_every_file_written_and_each_picture_of_a_collage(bench, tmp_path, picture):
    pictures, copies = tmp_path / "pictures", tmp_path / "copies"
    pictures.mkdir()
    copies.mkdir()
    for seed in range(5):
        picture(seed).save(pictures / f"{seed}.png")
    truth = bench.write_copies(scan_images(pictures), copies)
    assert set(truth["copy"]) == {path.name for path in copies.iterdir()}
    assert sorted(truth.original[truth.variation == bench.QUARTER]) == [
        "0.png",
        "1.png",
        "2.png",
        "3.png",
    ]
    assert truth.groupby("variation").size().drop(bench.QUARTER).unique() == [5]

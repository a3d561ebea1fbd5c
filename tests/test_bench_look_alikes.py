"""The benchmark of look-alikes makes other pictures of each kind, and counts them right."""

import importlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    return importlib.import_module("bench_look_alikes")


def test_each_kind_makes_other_pictures_of_one_size_and_makes_them_again(bench):
    assert len(bench.LOOK_ALIKES) >= 65
    assert bench.LOOK_ALIKES.keys() > bench.SAME_WITH_WORDS
    for kind, maker in bench.LOOK_ALIKES.items():
        one, again, other = (maker(np.random.default_rng(seed), seed) for seed in (1, 1, 2))
        assert one.size == other.size, kind
        assert min(one.size) >= 100, kind
        assert one.tobytes() == again.tobytes(), kind
        assert one.tobytes() != other.tobytes(), kind


def test_the_halves_of_the_kinds_share_nothing(bench):
    tune, report = (set(bench.kinds_of(half)) for half in ("tune", "report"))
    assert not tune & report
    assert tune | report == set(bench.kinds_of("all")) == set(bench.LOOK_ALIKES)
    assert abs(len(tune) - len(report)) <= 1


def test_others_are_pairs_of_two_numbers_and_copies_of_one(bench):
    found = [
        ("000.png", "001.png", 90.0),
        ("000 half size.jpg", "001.png", 89.9),
        ("000 half size.jpg", "000.png", 95.0),
        ("001 half size.jpg", "001.png", 80.0),
        ("001 jpeg 70.jpg", "000.png", 51.0),
    ]
    row = bench.judge("some", pd.DataFrame(found, columns=["left", "right", "similarity"]), 2)
    assert row == {
        "kind": "some",
        "others": 1 + 2 * len(bench.COPIES),
        "at 90": 1,
        "at 80": 2,
        "most": 90.0,
        "copies at 90": 1 / (2 * len(bench.COPIES)),
        "copies at 80": 2 / (2 * len(bench.COPIES)),
    }
    nothing = pd.DataFrame({"left": [], "right": [], "similarity": []}, dtype=object)
    assert bench.judge("some", nothing, 1)["others"] == 0
    assert bench.judge("some", nothing, 1)["copies at 90"] == 0


def test_a_kind_is_measured_from_the_command_line(bench, tmp_path, capsys):
    options = ["--kinds", "qr codes", "--count", "2", "--methods", "phash"]
    bench.main([*options, "--keep", str(tmp_path), "--json", str(tmp_path / "result.json")])
    rows = json.loads((tmp_path / "result.json").read_text())["phash"]
    assert [(row["kind"], row["others"]) for row in rows] == [("qr codes", 9)]
    assert rows[0]["copies at 80"] > rows[0]["at 80"]
    assert len(list((tmp_path / "qr codes" / "copies").iterdir())) == 2 * len(bench.COPIES)
    assert "all: {'others': 9" in capsys.readouterr().out

"""The benchmark of realistic edits makes what it says and counts right; no search is run."""

import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from imgdup_nb import scan_images


@pytest.fixture
def load(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    return importlib.import_module


@pytest.fixture
def bench(load):
    return load("bench_edits")


@pytest.fixture
def images(tmp_path, picture):
    (tmp_path / "pictures").mkdir()
    for seed in range(5):
        picture(seed).save(tmp_path / "pictures" / f"{seed}.png")
    return scan_images(tmp_path / "pictures")


@pytest.mark.parametrize(
    ("module", "table", "n"),
    [("edits", "EDITS", 87), ("later_edits", "LATER_EDITS", 10), ("app_edits", "APP_EDITS", 42)],
)
def test_every_edit_makes_another_picture_and_makes_it_again(load, picture, module, table, n):
    edits, original = getattr(load(module), table), picture(3)
    assert len(edits) == n
    same = []
    for name, edit in edits.items():
        made = [edit.change(original, np.random.default_rng(1)) for _ in range(2)]
        assert min(made[0].size) >= 12, name
        assert made[0].tobytes() == made[1].tobytes(), name
        same += [name] if made[0].tobytes() == original.tobytes() else []
    assert not same


def test_the_truth_names_every_copy_and_each_picture_of_a_collage(bench, images, tmp_path):
    task = bench.make_edits(images, tmp_path, 4, 10)
    assert set(task.truth["copy"]) == {path.name for path in task.copies.iterdir()}
    assert len(list(task.originals.iterdir())) == 5  # one of them is a distractor only
    counts = task.truth.groupby("edit").size()
    assert counts.unique().tolist() == [4]
    assert set(bench.EDITS) <= set(counts.index)
    assert "quarter of a collage" in counts
    assert "ninth of a collage" not in counts  # four pictures are too few


@pytest.mark.parametrize(("name", "others"), [("later", "apps"), ("apps", "later")])
def test_edits_that_were_added_later_are_sets_of_their_own(bench, images, tmp_path, name, others):
    edits = bench.EDITS_OF[name]
    assert not edits.keys() & (bench.EDITS.keys() | bench.COLLAGES.keys())
    assert not edits.keys() & bench.EDITS_OF[others].keys()
    task = bench.make_edits(images, tmp_path, 2, 10, name)
    assert task.name == name
    assert task.truth.groupby("edit").size().to_dict() == dict.fromkeys(edits, 2)


def test_recall_counts_true_pairs_and_false_pairs_show_nothing_in_common(bench, tmp_path):
    rows = [("1", "a", "half"), ("2", "b", "half"), ("3", "a", "both"), ("3", "b", "both")]
    task = bench.as_task("made", tmp_path, None, rows)
    found = [
        ("a", "1", 90.0),  # in either order
        ("2", "a", 99.0),  # false
        ("2", "b", 89.9),
        ("1", "3", 95.0),  # copies of one picture: neither counted nor false
        ("3", "b", 71.0),
    ]
    scored, false = bench.judge(pd.DataFrame(found, columns=["left", "right", "similarity"]), task)
    table = bench.by_edit(scored)
    assert table.loc["half"].tolist() == [pytest.approx(89.95), 0.5, 1.0, 1.0]
    assert table.loc["both"].tolist() == [35.5, 0.0, 0.0, 0.5]
    assert false[["left", "right"]].to_numpy().tolist() == [["2", "a"]]
    said = bench.summary(scored, false)
    assert said["recall"] == {90: 0.25, 80: 0.5, 70: 0.75}
    assert said["false"] == {90: 1, 80: 1, 70: 1}
    # found in the order false, true, true, true; the fourth true pair is never found
    assert said["average_precision"] == pytest.approx((1 / 2 + 2 / 3 + 3 / 4) / 4)


def test_nothing_found_and_nothing_true_are_answers_too(bench, tmp_path):
    nothing = pd.DataFrame({"left": [], "right": [], "similarity": []})
    scored, false = bench.judge(
        nothing, bench.as_task("made", tmp_path, None, [("1", "a", "half")])
    )
    assert bench.summary(scored, false)["average_precision"] == 0
    assert len(bench.by_edit(scored)) == 1


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_the_halves_share_no_picture_and_do_not_depend_on_the_order(bench, n):
    table = pd.DataFrame({"image": [f"{k}.jpg" for k in range(n)]}, dtype=object)
    halves = [set(bench.halve(table, half).image) for half in ("tune", "report")]
    assert halves[0] | halves[1] == set(table.image)
    assert not halves[0] & halves[1]
    assert halves[0] == set(bench.halve(table.iloc[::-1], "tune").image)


def test_pages_of_one_form_differ_and_their_rescans_belong_to_them(load, bench, tmp_path):
    made = load("made_pages")
    pages = dict(made.pages(1, 2, 5))
    assert len(pages) == 3 * len(made.KINDS)
    assert len({page.tobytes() for page in pages.values()}) == len(pages)
    task = bench.make_family("forms", iter([*pages.items()][:3]), made.RESCANS, tmp_path)
    assert len(task.truth) == 3 * len(made.RESCANS)
    assert set(task.sources) == {path.name for path in tmp_path.iterdir()}


def test_tiny_pictures_and_icons_are_tiny_and_every_edit_changes_them(load, bench, images):
    made = load("made_pages")
    tiny = dict(bench.tiny_pictures(images, 4, 1))
    assert {name.split("-")[0] for name in tiny} == {"tiny", "icon"}
    assert max(max(picture.size) for picture in tiny.values()) <= 64
    random = np.random.default_rng(0)
    for name, change in made.TINY_EDITS.items():
        copy = change(tiny["tiny-00001"], random)
        assert isinstance(copy, Image.Image), name
        assert copy.tobytes() != tiny["tiny-00001"].tobytes(), name


@pytest.mark.usefixtures("images")
def test_nearly_blank_pictures_are_searched_among_but_not_edited(bench, tmp_path):
    Image.new("RGB", (256, 256), (38, 32, 51)).save(tmp_path / "pictures" / "0-blank.png")
    pictures = bench.find_pictures(str(tmp_path / "pictures"))
    ordered, count = bench.edited_first(bench.halve(pictures, "all"), 9)
    assert ordered.image.tolist() == [*[f"{k}.png" for k in range(5)], "0-blank.png"]
    assert count == 5
    (tmp_path / "made").mkdir()
    task = bench.make_edits(ordered, tmp_path / "made", 9, 9)
    assert set(task.truth.original) == {f"o{k:06d}.jpg" for k in range(5)}
    assert len(list(task.originals.iterdir())) == 6


def test_the_samples_are_named_and_everyone_has_the_same_ones(bench):
    samples = bench.find_pictures("samples")
    assert len(samples) == 16
    assert sorted(samples.image) == sorted(bench.SAMPLES)
    said = bench.say_pictures(bench.halve(samples, "all"), 2, "all")
    assert said.startswith("half all: 16 pictures, checksum of their names ")
    assert said.endswith(f"2 of them are edited: {', '.join(sorted(bench.SAMPLES)[:2])}")
    halves = [bench.say_pictures(bench.halve(samples, half), 0, "") for half in ("tune", "report")]
    assert halves[0] != halves[1]

"""Examples that must match, and examples that must not, choose the method and the threshold."""

import pytest
from PIL import Image, ImageOps

from imgdup_nb import scan_images, tune_from_examples
from imgdup_nb.methods import METHODS


@pytest.fixture
def images(tmp_path, picture):
    for seed in range(12):
        picture(seed).save(tmp_path / f"p{seed:02d}.png")
    Image.new("RGB", (90, 90), "white").save(tmp_path / "white.png")
    return scan_images(tmp_path)


def test_methods_that_satisfy_the_examples_come_first_with_all_their_levels(
    images, tmp_path, picture
):
    ImageOps.mirror(picture(0)).save(tmp_path / "mirrored.png")
    table = tune_from_examples(
        scan_images(tmp_path),
        [("p00.png", "mirrored.png")],
        [("p01.png", "p02.png")],
        methods=["phash", "dhash"],
    )
    best, worst = table.iloc[0], table.iloc[-1]
    assert best.orientations
    assert best.satisfied
    assert best.threshold == max(best.levels) <= best.lowest_match
    assert all(best.highest_other < level <= best.lowest_match for level in best.levels)
    assert worst.margin < best.margin
    assert worst.in_the_way == [("p00.png", "mirrored.png"), ("p01.png", "p02.png")]
    assert set(best.levels) <= set(METHODS[best.method].levels(0))


def test_where_nothing_satisfies_the_nearest_miss_and_the_pairs_in_the_way_are_told(
    images, tmp_path, picture
):
    picture(0).resize((80, 60)).save(tmp_path / "small.png")
    wrong_way_round = tune_from_examples(
        scan_images(tmp_path),
        [("p01.png", "p02.png"), ("p03.png", "p04.png")],
        [("p00.png", "small.png")],
        methods=["phash"],
        orientations=[False],
    )
    row = wrong_way_round.iloc[0]
    assert (row.satisfied, row.levels, row.wrong) == (False, [], 1)
    assert (
        row.threshold <= row.lowest_match
    )  # both matches found, at the price of the one that must not
    assert row.margin < 0
    assert row.in_the_way[1] == ("p00.png", "small.png")


def test_examples_that_cannot_be_judged_are_refused(images):
    with pytest.raises(ValueError, match="must match and must not match"):
        tune_from_examples(images, [("p00.png", "p01.png")], [("p01.png", "p00.png")])
    with pytest.raises(ValueError, match=r"'missing\.png' is not"):
        tune_from_examples(images, [("p00.png", "missing.png")], [("p01.png", "p00.png")])
    with pytest.raises(ValueError, match="must_match must hold at least one pair"):
        tune_from_examples(images, [], [("p01.png", "p00.png")])


def test_all_methods_are_tried_unless_told_local_features_once(images):
    table = tune_from_examples(images, [("p00.png", "p01.png")], [("p02.png", "p03.png")])
    assert sorted(table.method.unique()) == sorted(METHODS)
    assert (table.method == "aligned").sum() == 1


@pytest.mark.parametrize(
    "options", [{"methods": "phash"}, {"orientations": []}, {"methods": ["phsh"]}]
)
def test_methods_that_are_none_are_refused(images, options):
    with pytest.raises((TypeError, ValueError), match="methods"):
        tune_from_examples(images, [("p00.png", "p01.png")], [("p02.png", "p03.png")], **options)

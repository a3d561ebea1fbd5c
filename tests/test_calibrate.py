"""Known copies of one's own pictures, strangers, and examples."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from imgdup_nb import calibrate, fingerprint_images, scan_images, similar_pairs, tune_from_examples
from imgdup_nb.engine.variations import VARIATIONS
from imgdup_nb.evidence.calibrate import _distances
from imgdup_nb.methods import METHODS


@pytest.fixture
def images(tmp_path, picture):
    for seed in range(12):
        picture(seed).save(tmp_path / f"p{seed:02d}.png")
    Image.new("RGB", (90, 90), "white").save(tmp_path / "white.png")
    return scan_images(tmp_path)


def test_untouched_copies_are_all_found_and_negatives_are_not(images):
    result = calibrate(
        images, variations={"same": lambda picture: picture, "negative": ImageOps.invert}
    )
    at_90 = result.recall[
        result.recall.threshold == result.recall.threshold[result.recall.threshold >= 90].min()
    ]
    recall = at_90.set_index("variation")
    assert (recall.loc["same", "copies"], recall.loc["same", "recall"]) == (12, 1.0)
    assert recall.loc["same", "recall_low"] == pytest.approx(0.025 ** (1 / 12))
    assert recall.loc["negative", "recall"] == 0.0


def test_orientations_find_mirrored_copies(images):
    plain, turned = (
        calibrate(images, variations=["mirrored"], orientations=views) for views in (False, True)
    )
    assert plain.copies.similarity.max() < 90 <= turned.copies.similarity.min()


def test_the_same_seed_makes_the_same_copies_and_another_draws_others(images):
    one, again, other = (
        calibrate(images, variations=["half size"], n_sample=4, seed=seed) for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(one.copies, again.copies)
    assert set(one.copies.image) != set(other.copies.image)


def test_strangers_are_all_pairs_but_those_known_to_be_duplicates(images, tmp_path, picture):
    picture(0).resize((80, 60)).save(tmp_path / "small.png")
    (tmp_path / "again.png").write_bytes((tmp_path / "p01.png").read_bytes())
    table = scan_images(tmp_path)
    loose = calibrate(table, variations=["half size"], n_sample=2)
    truth = {name: name for name in table.image} | {"small.png": "p00", "p00.png": "p00"}
    strict = calibrate(table, variations=["half size"], n_sample=2, truth=truth)
    assert loose.strangers.comparisons.iloc[0] == 15 * 14 / 2 - 1  # the byte copy is no stranger
    assert strict.strangers.comparisons.iloc[0] == 15 * 14 / 2 - 2
    assert loose.strangers["false"].iloc[-1] == strict.strangers["false"].iloc[-1] + 1
    assert list(loose.suspects.iloc[0][["left", "right"]]) == ["p00.png", "small.png"]


def test_expected_false_pairs_grow_with_the_square_of_the_collection(images):
    result = calibrate(images, variations=["half size"], n_sample=1)
    small, large = result.expected_false_pairs(100), result.expected_false_pairs(1000)
    ratio = (1000 * 999) / (100 * 99)
    np.testing.assert_allclose(large.expected_high, small.expected_high * ratio)
    assert (small.expected_high > 0).all()  # none seen does not mean none
    with pytest.raises(ValueError, match="n_images must be a whole number"):
        result.expected_false_pairs(2.5)


def test_an_embedding_is_calibrated_like_a_hash(images):
    def mean_colours(pictures):
        return [np.asarray(picture.resize((4, 4))).ravel() for picture in pictures]

    result = calibrate(images, mean_colours, variations=["half size"], n_sample=3)
    assert result.copies.similarity.min() > 99
    assert result.method == "mean_colours"


@pytest.mark.parametrize("variations", ["half size", ["half-size"]])
def test_unknown_variations_are_named(images, variations):
    with pytest.raises(ValueError, match="variations must be a list of names"):
        calibrate(images, variations=variations)


def test_no_image_to_copy_is_an_error(images):
    with pytest.raises(ValueError, match="images must hold one with enough detail to copy"):
        calibrate(images[images.image == "white.png"])


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 7)])
def test_every_variation_can_be_made_of_the_thinnest_picture(tmp_path, size):
    stripes = np.arange(size[0] * size[1], dtype=np.uint8).reshape(size[::-1]) * 97
    Image.fromarray(stripes).save(tmp_path / "thin.png")
    images = scan_images(tmp_path).assign(detail=99.0)
    result = calibrate(images, variations=list(VARIATIONS), n_sample=1)
    assert len(result.copies) == len(VARIATIONS)


@pytest.mark.parametrize("views", [False, True])
def test_distances_row_by_row_are_those_of_the_matrix(images, views):
    from imgdup_nb.engine.search import all_distances

    codes = fingerprint_images(images, orientations=views).codes
    np.testing.assert_array_equal(
        _distances(codes[:-1], codes[1:]), np.diag(all_distances(codes), 1)
    )


# -- examples --------------------------------------------------------------------------------------


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


def test_a_reach_that_is_no_share_is_refused(images):
    with pytest.raises(ValueError, match="max_reach must be a share of all images"):
        calibrate(images, variations=["half size"], max_reach=10)


@pytest.mark.parametrize("method", ["aligned", "akaze"])
def test_copies_are_scored_by_local_features_as_in_a_pair_table(tmp_path, picture, method):
    """A picture with corners, and one too smooth for them, which its hash stands for."""
    picture(3, 300, 240).save(tmp_path / "corners.png")
    Image.radial_gradient("L").convert("RGB").save(tmp_path / "smooth.png")
    images = scan_images(tmp_path)
    changes = {
        "darker": lambda image: image.point(lambda value: value * 0.8),
        "same": lambda image: image,
    }
    copies = calibrate(images, method, variations=changes).copies
    assert len(copies) == 4
    for row in copies.itertuples():
        (tmp_path / "copies").mkdir(exist_ok=True)
        copy = tmp_path / "copies" / "copy.png"
        changes[row.variation](Image.open(tmp_path / row.image).convert("RGB")).save(copy)
        pairs = similar_pairs(
            fingerprint_images(scan_images([tmp_path / row.image, copy]), method), min_similarity=0
        )
        assert row.similarity == pytest.approx(max(pairs.similarity, default=0.0))
    assert copies.similarity[copies.variation == "same"].tolist() == [100, 100]

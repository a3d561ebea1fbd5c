"""Known copies are found as often as told, and unrelated pairs are counted."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image, ImageOps

from imgdup_nb import (
    calibrate,
    fingerprint_images,
    plot_calibration,
    scan_images,
    similar_pairs,
)
from imgdup_nb.engine.everyday import EVERYDAY
from imgdup_nb.engine.variations import VARIATIONS
from imgdup_nb.evidence.known_copies import _distances


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


def test_false_pairs_are_all_pairs_but_those_known_to_be_duplicates(images, tmp_path, picture):
    picture(0).resize((80, 60)).save(tmp_path / "small.png")
    (tmp_path / "again.png").write_bytes((tmp_path / "p01.png").read_bytes())
    table = scan_images(tmp_path)
    loose = calibrate(table, variations=["half size"], n_sample=2)
    truth = {name: name for name in table.image} | {"small.png": "p00", "p00.png": "p00"}
    strict = calibrate(table, variations=["half size"], n_sample=2, truth=truth)
    assert (
        loose.false_pairs.comparisons.iloc[0] == 15 * 14 / 2 - 1
    )  # the byte copy is not a false pair
    assert strict.false_pairs.comparisons.iloc[0] == 15 * 14 / 2 - 2
    assert loose.false_pairs["false"].iloc[-1] == strict.false_pairs["false"].iloc[-1] + 1
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
    made = VARIATIONS | EVERYDAY
    result = calibrate(images, variations=list(made), n_sample=1)
    assert len(result.copies) == len(made)


@pytest.mark.parametrize("views", [False, True])
def test_distances_row_by_row_are_those_of_the_matrix(images, views):
    from imgdup_nb.engine.search import all_distances

    codes = fingerprint_images(images, orientations=views).codes
    np.testing.assert_array_equal(
        _distances(codes[:-1], codes[1:]), np.diag(all_distances(codes), 1)
    )


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


def test_each_scene_is_copied_once_and_the_truth_says_what_a_scene_is(images, tmp_path, picture):
    for seed in range(6):  # very similar to six of the twelve
        picture(seed).resize((100, 75)).save(tmp_path / f"small{seed}.png")
    table = scan_images(tmp_path)
    found = calibrate(table, variations=["half size"], n_sample=50)
    scenes = found.copies.image.str.extract(r"(\d+)")[0].astype(int)
    assert scenes.is_unique
    assert len(scenes) == 12
    truth = {name: 0 if name < "p06" else name for name in table.image}
    known = calibrate(table, variations=["half size"], n_sample=50, truth=truth)
    assert (known.copies.image < "p06").sum() == 1


def test_what_people_do_is_called_by_name_and_has_medians_and_a_heat_map(images):
    found = calibrate(images, variations="everyday", n_sample=3)
    assert list(dict.fromkeys(found.copies.variation)) == list(EVERYDAY)
    assert len(found.copies) == 3 * len(EVERYDAY)
    median = found.median_similarity()
    for name, value in median.items():
        assert value == found.copies.similarity[found.copies.variation == name].median()
    assert median.is_monotonic_decreasing
    other = calibrate(images, "dhash", variations=["messenger", "filter"], n_sample=3)
    ax = plot_calibration([found, other], ax=Figure().subplots())
    columns = [label.get_text().replace("\n", " ") for label in ax.get_xticklabels()]
    assert columns[0] == "phash 95 %"
    assert columns[-1] == "dhash 70 %"
    shown = ax.images[0].get_array()
    assert shown.shape == (len(EVERYDAY), 8)
    names = [label.get_text() for label in ax.get_yticklabels()]
    at_90 = found.recall_table()
    at_90 = at_90[min(level for level in at_90.columns if level >= 90)]
    assert shown[:, 1].tolist() == at_90[names].tolist()


def test_a_messenger_changes_little_and_a_screenshot_much(images):
    median = calibrate(images, variations="everyday", n_sample=12).median_similarity()
    assert median["messenger"] >= 90 > median["screenshot"]


def test_the_least_bound_of_a_sample_is_stated_and_more_images_lower_it(images):
    found = calibrate(images, variations=["half size"], n_sample=2)
    table = found.expected_false_pairs(1000)
    clean = table.expected_high[found.false_pairs["false"] == 0]
    assert clean.min() == pytest.approx(found.least_bound(1000), rel=0.05)
    enough = found.images_for(1000, found.least_bound(1000) / 10)
    assert enough is None or 13 < enough <= 1000
    assert found.images_for(1000, 1e9) == 2
    assert found.images_for(1000, 0) is None


def test_the_low_end_allows_for_growth_by_albums_of_other_scenes(images):
    found = calibrate(images, variations=["half size"], n_sample=2, min_similarity=40)
    here, larger = found.expected_false_pairs(), found.expected_false_pairs(13 * 20)
    ratio = (larger.expected_low / here.expected_low).dropna()
    assert len(ratio)
    assert (ratio < 22).all()  # it grows with the number of albums, and not with its square
    assert (larger.expected_high >= here.expected_high * 380).all()

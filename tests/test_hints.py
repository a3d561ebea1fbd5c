"""What one knows without asking is a bound beside the answers, and never more."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from answering import levelled_pairs
from imgdup_nb import Labels, fingerprint_images, scan_images, score_labels, similar_pairs


def images_of(pairs, **columns):
    names = list(pairs.left.cat.categories)
    return pd.DataFrame({"image": names} | columns)


def test_classes_bound_precision_at_each_threshold_as_counted_by_hand():
    pairs = levelled_pairs([4, 0, 0, 0, 6, 0, 0])
    classes = ["cat"] * 8 + ["cat", "dog"] * 3 + ["dog", "dog"] * 3  # pairs of two neighbours
    table = score_labels(
        pairs, Labels(), images=images_of(pairs, label=classes), hints=["label"]
    ).set_index("threshold")
    assert table.label_agrees[100] == 1
    assert table.label_agrees[90] == (4 + 3) / 10
    chance = (11 * 10 + 9 * 8) / (20 * 19)
    assert table.label_by_chance[90] == pytest.approx(chance)
    assert table.label_at_most[90] == pytest.approx((0.7 - chance) / (1 - chance))
    assert table.precision.isna().all()  # a hint is no answer


def test_the_bound_is_never_below_precision_where_duplicates_always_agree():
    rng = np.random.default_rng(1)
    pairs = levelled_pairs([50] * 7)
    same = rng.random(350) < np.repeat([1, 0.9, 0.8, 0.6, 0.4, 0.2, 0.1], 50)
    for n_classes in (2, 5, 40):
        left = rng.integers(0, n_classes, 350)
        right = np.where(same, left, rng.integers(0, n_classes, 350))
        images = images_of(pairs, label=np.stack([left, right], axis=1).ravel())
        table = score_labels(pairs, Labels(), images=images, hints=["label"])
        precision = np.cumsum(same)[table.pairs - 1] / table.pairs
        assert (table.label_at_most >= precision - 0.1).all()  # chance of these images


def test_missing_values_are_left_out_and_folders_and_stems_are_read_from_names():
    pairs = pd.DataFrame(
        [("a/cat.jpg", "b/cat (1).png", 100.0), ("a/cat.jpg", "a/dog_2.jpg", 100.0)],
        columns=["left", "right", "similarity"],
    )
    pairs.attrs = {"floor": 90.0, "method": "phash", "n_images": 3}
    names = ["a/cat.jpg", "b/cat (1).png", "a/dog_2.jpg"]
    images = pd.DataFrame({"image": names, "camera": ["x", None, "x"]})
    table = score_labels(pairs, Labels(), images=images, hints=["folder", "stem", "camera"])
    row = table.iloc[-1]
    assert (row.folder_agrees, row.stem_agrees, row.camera_agrees) == (0.5, 0.5, 1.0)
    with pytest.raises(ValueError, match="hints must be columns of images"):
        score_labels(pairs, Labels(), images=images, hints=["colour"])


def test_cameras_are_read_from_the_files_and_times_from_the_table(tmp_path, picture):
    model, when = 0x0110, 0x0132
    for name, camera, second in [("a", "One", 1), ("b", "One", 1), ("c", "Two", 2), ("d", "", 3)]:
        exif = Image.Exif()
        if camera:
            exif[model] = camera
        exif[when] = f"2024:05:31 17:20:0{second}"
        picture(1).save(tmp_path / f"{name}.jpg", exif=exif, quality=90 - second)
    images = scan_images(tmp_path)
    pairs = similar_pairs(fingerprint_images(images), min_similarity=90)
    row = score_labels(pairs, Labels(), images=images, hints=["camera", "taken"]).iloc[-1]
    assert row.pairs == 6
    assert row.camera_agrees == 1 / 3  # of the three pairs whose cameras are known
    assert row.taken_agrees == 1 / 6
    (tmp_path / "a.jpg").unlink()
    row = score_labels(pairs, Labels(), images=images, hints=["camera"]).iloc[-1]
    assert row.camera_agrees == 0  # b and c are left
    given = images.assign(camera=["x", "x", "x", "x"])
    assert score_labels(pairs, Labels(), images=given, hints=["camera"]).iloc[-1].camera_agrees == 1


def test_aligned_gives_a_second_opinion_about_a_sample_with_its_interval(tmp_path, picture):
    for seed in range(3):
        picture(seed).resize((240, 180)).save(tmp_path / f"{seed}.png")
        picture(seed).resize((200, 150)).save(tmp_path / f"{seed} small.png")
    Image.new("RGB", (90, 90), "white").save(tmp_path / "white.png")
    images = scan_images(tmp_path)
    pairs = similar_pairs(fingerprint_images(images), min_similarity=90)
    row = score_labels(pairs, Labels(), images=images, hints=["aligned"]).iloc[-1]
    assert row.pairs >= 3
    assert row.aligned_confirms == 3 / row.pairs
    assert row.aligned_low <= row.aligned_confirms <= row.aligned_high

"""The method 'akaze': equal pictures have 100, and the order of two pictures does not matter."""

import itertools

from aligned_pictures import (
    captioned,
    crop,
    table_of,
)
from imgdup_nb import (
    fingerprint_images,
    scan_images,
)
from imgdup_nb.aligned.scores import score_akaze


def test_akaze_gives_equal_pictures_100_and_sees_an_erased_object(tmp_path, cat, temple):
    pairs = table_of(
        tmp_path, {"cat": cat, "again": cat, "temple": temple}, "akaze", min_similarity=10
    )
    assert pairs.similarity.tolist() == [100]
    assert list(pairs.columns[-2:]) == ["matches", "scored_by"]
    erased = table_of(tmp_path, {"again": captioned(cat)}, "akaze", min_similarity=10)
    assert erased.similarity.between(40, 90).all()
    assert len(erased) == 1


def test_akaze_scores_do_not_depend_on_which_picture_comes_first(tmp_path, cat, temple):
    for name, picture in {"a": cat, "b": crop(cat, 0.8), "c": temple}.items():
        picture.save(tmp_path / f"{name}.png")
    features = fingerprint_images(scan_images(tmp_path), "akaze").codes[:, 0]
    for one, other in itertools.combinations(features, 2):
        assert score_akaze(one, other) == score_akaze(other, one)

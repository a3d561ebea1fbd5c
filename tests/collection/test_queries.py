"""Questions about single pictures and tags."""

import numpy as np
import pandas as pd
import pytest

import imgdup_nb
from imgdup_nb import Collection
from imgdup_nb.collection.index import UnknownImage
from imgdup_nb.engine.decode import UnreadableImage

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*could not be (read|shown)",
    "ignore:no files found",
    "ignore:.*became unreadable since the scan",
)


def test_find_similar_agrees_with_the_pair_table(photos):
    with Collection(photos) as collection:
        pairs = collection.pairs(min_similarity=60)
        for image in collection.fingerprints().names:
            found = collection.find_similar(image, threshold=60)
            beside = pairs[(pairs.left == image) | (pairs.right == image)]
            others = np.where(beside.left == image, beside.right, beside.left)
            expected = dict(zip(others, beside.similarity, strict=True))
            assert dict(zip(found.image, found.similarity, strict=True)) == expected
            assert list(found.similarity) == sorted(found.similarity, reverse=True)


def test_find_similar_takes_a_picture_from_anywhere(photos, tmp_path, picture):
    picture(1).save(tmp_path / "outside.png")
    with Collection(photos) as collection:
        by_path = collection.find_similar(tmp_path / "outside.png", threshold=80)
        assert {"cat.png", "cat.bmp", "sub/cat.jpg"} <= set(by_path.image)
        pd.testing.assert_frame_equal(
            collection.find_similar((tmp_path / "outside.png").read_bytes(), threshold=80), by_path
        )
        with open(tmp_path / "outside.png", "rb") as file:
            pd.testing.assert_frame_equal(collection.find_similar(file, threshold=80), by_path)
        nearest = collection.find_similar(tmp_path / "outside.png", threshold=80, max_count=2)
        assert list(nearest.image) == list(by_path.image[:2])
        pd.testing.assert_frame_equal(
            collection.find_similar(photos / "cat.png"), collection.find_similar("cat.png")
        )  # a path into the folder is the image itself
        assert "outside.png" not in collection
        with pytest.raises(UnknownImage, match="neither an image of this collection"):
            collection.find_similar("mouse.png")
        with pytest.raises(UnreadableImage):
            collection.find_similar(photos / "notes.txt")
        for bad in (0, True, 1.5):
            with pytest.raises(ValueError, match="max_count"):
                collection.find_similar("cat.png", max_count=bad)


def test_compare_gives_every_kept_method_and_works_for_outsiders_and_blanks(
    photos, tmp_path, picture
):
    picture(1).save(tmp_path / "outside.png")
    with Collection(photos, methods=["phash", "dhash"]) as collection:
        table = collection.compare("cat.png", tmp_path / "outside.png").set_index("method")
        assert list(table.index) == ["phash", "dhash"]
        assert (table.similarity == 100).all()
        assert list(collection.compare("dog.png", "dog again.png").relation) == ["same bytes"] * 2
        assert len(collection.compare("white.png", "black.png", methods=["ahash"])) == 1
        pair = collection.compare("cat.png", "tree.png", methods=["phash"]).iloc[0]
        matrix = imgdup_nb.similarity_matrix(collection.fingerprints())
        assert pair.similarity == matrix.loc["cat.png", "tree.png"]


def test_tags_are_reference_pictures_that_stay(photos, tmp_path, picture):
    picture(3).save(tmp_path / "tree outside.png")
    with Collection(photos) as collection:
        collection.tag("cat", "cat.png")
        collection.tag("tree", tmp_path / "tree outside.png")
        collection.tag("gone", "dog.png")
        assert collection.untag("gone")
        assert not collection.untag("gone")
    (tmp_path / "tree outside.png").unlink()
    with Collection(photos) as collection:
        assert list(collection.tags.tag) == ["cat", "tree"]
        assert list(collection.tags.image) == ["cat.png", "tree outside.png"]
        assert list(collection.find_by_tags(["tree"]).image) == ["tree.png"]
        both = collection.find_by_tags(["cat", "tree"], threshold=90)
        assert set(both.tag) == {"cat", "tree"}
        assert both.image.is_unique
        assert set(both.image[both.tag == "cat"]) == {
            "cat.png",
            *collection.find_similar("cat.png", threshold=90).image,
        }
        assert len(collection.find_by_tags(["cat", "tree"], max_count=1)) == 1
        with pytest.raises(KeyError, match="there are 'cat', 'tree'"):
            collection.find_by_tags(["mouse"])


def test_features_can_be_looked_at(photos):
    with Collection(photos) as collection:
        prints = collection.fingerprints()
        features = collection.features("cat.png")
        assert (features.count, features.bits) == (1, 64)
        assert features.data == prints.codes[prints.names.index("cat.png")].tobytes()
        assert collection.features((photos / "cat.png").read_bytes(), orientations=True).count == 8

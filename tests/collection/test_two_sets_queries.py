"""Questions about single pictures give what the functions they stand on give."""

import numpy as np
import pytest

from imgdup_nb import Collection, fingerprint_images, scan_images, similar_pairs

pytestmark = pytest.mark.filterwarnings("ignore:.*could not be (read|shown)")


@pytest.mark.parametrize(("method", "orientations"), [("phash", False), ("dhash", True)])
def test_similar_images_are_those_that_two_sets_share(
    photos, tmp_path, picture, method, orientations
):
    picture(1).rotate(90, expand=True).save(tmp_path / "query.png")
    chosen = {"method": method, "orientations": orientations}
    query, kept = (
        fingerprint_images(scan_images(source), **chosen)
        for source in ([tmp_path / "query.png"], photos)
    )
    expected = similar_pairs(query, kept, min_similarity=40)
    with Collection(photos) as collection:
        found = collection.find_similar(tmp_path / "query.png", threshold=40, **chosen)
    pairs = dict(zip(expected.right, expected.similarity, strict=True))
    assert dict(zip(found.image, found.similarity, strict=True)) == pairs
    assert len(pairs) > 2
    assert list(zip(-found.similarity, found.image, strict=True)) == sorted(
        zip(-found.similarity, found.image, strict=True)
    )


def test_tags_find_what_their_pictures_find_each_image_once(photos):
    with Collection(photos) as collection:
        collection.tag("cat", "cat.png")
        collection.tag("dog", "dog.png")
        found = collection.find_by_tags(["cat", "dog"], threshold=40)
        best = {}
        for tag, image in (("cat", "cat.png"), ("dog", "dog.png")):
            similar = collection.find_similar(image, threshold=40)
            for name, similarity in [
                (image, 100.0),
                *zip(similar.image, similar.similarity, strict=True),
            ]:
                best[name] = max(
                    best.get(name, (0.0, "")), (similarity, tag), key=lambda each: each[0]
                )
        assert {row.image: (row.similarity, row.tag) for row in found.itertuples()} == best
        assert found.image.is_unique
        assert list(
            collection.find_by_tags(["cat", "dog"], threshold=40, max_count=3).image
        ) == list(found.image[:3])


def test_comparing_and_looking_at_features_are_a_table_of_two(photos, tmp_path, picture):
    picture(7).save(tmp_path / "unrelated.png")
    prints = {
        method: fingerprint_images(
            scan_images([photos / "tree.png", tmp_path / "unrelated.png"]), method
        )
        for method in ("phash", "whash")
    }
    with Collection(photos) as collection:
        compared = collection.compare(
            "tree.png", (tmp_path / "unrelated.png").read_bytes(), methods=["phash", "whash"]
        )
        for row, method in zip(compared.itertuples(), ("phash", "whash"), strict=True):
            [expected] = similar_pairs(prints[method], min_similarity=0).similarity
            assert (row.method, row.similarity) == (method, expected)
        features = collection.features(tmp_path / "unrelated.png", "whash")
        place = prints["whash"].names.index(
            "unrelated.png"
            if "unrelated.png" in prints["whash"].names
            else prints["whash"].names[0]
        )
        assert np.array_equal(
            np.frombuffer(features.data, np.uint64), prints["whash"].codes[place].ravel()
        )
        assert len(collection) == len(scan_images(photos))

"""`verify_pairs` removes the false pairs of another method and keeps the others."""

import pytest
from PIL import Image

from aligned_pictures import table_of
from imgdup_nb import (
    fingerprint_images,
    group_duplicates,
    scan_images,
    similar_pairs,
    verify_pairs,
)


def test_verifying_removes_the_false_pairs_of_a_hash_and_keeps_the_true_ones(
    tmp_path, cats_and_temples
):
    table_of(tmp_path, cats_and_temples)
    images = scan_images(tmp_path)
    everything = similar_pairs(fingerprint_images(images, "phash"), min_similarity=0)
    verified = verify_pairs(everything, images)
    assert {frozenset(pair) for pair in zip(verified.left, verified.right, strict=True)} == {
        frozenset(pair)
        for pair in [
            ("cat-crop.png", "cat.png"),
            ("cat-mirrored.png", "cat.png"),
            ("cat-crop.png", "cat-mirrored.png"),
            ("temple-turned.png", "temple.png"),
        ]
    }
    before = everything.set_index(["left", "right"]).similarity
    assert [
        before[pair] for pair in zip(verified.left, verified.right, strict=True)
    ] == verified.found_at.tolist()
    assert verified.attrs["method"] == "aligned"
    assert group_duplicates(verified, 80).floor == 70


def test_verifying_keeps_what_cannot_be_aligned_and_names_the_method_that_found_it(tmp_path):
    Image.new("RGB", (80, 60), "white").save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    images = scan_images(tmp_path)
    verified = verify_pairs(similar_pairs(fingerprint_images(images)), images)
    assert verified.scored_by.tolist() == ["phash"]
    assert verified.similarity.tolist() == [100]


def test_verifying_needs_a_pair_table_and_all_of_its_images(tmp_path, cats_and_temples):
    table_of(tmp_path, cats_and_temples)
    images = scan_images(tmp_path)
    pairs = similar_pairs(fingerprint_images(images), min_similarity=0)
    with pytest.raises(TypeError, match="similar_pairs"):
        verify_pairs([("a", "b")], images)
    for wrong in (None, str(tmp_path), pairs):
        with pytest.raises(TypeError, match="images must be a table made by scan_images"):
            verify_pairs(pairs, wrong)
    with pytest.raises(ValueError, match=r"cat\.png"):
        verify_pairs(pairs, images[images.image != "cat.png"])
    assert verify_pairs(pairs.iloc[:0], images).empty

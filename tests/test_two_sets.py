"""Two collections against each other: each pair once, sides kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgdup_nb import Fingerprints, fingerprint_images, group_duplicates, scan_images, similar_pairs, threshold_changes


def prints_of(names, distances, **options):
    """Make fingerprints that are so many bits away from all zeros."""
    bits = np.zeros((len(names), 64), bool)
    for row, distance in zip(bits, distances, strict=True):
        row[:distance] = True
    return Fingerprints.from_bits(names, bits, **options)


def rows(pairs):
    return list(zip(pairs.left, pairs.right, pairs.distance, strict=True))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 30), max_size=8), st.lists(st.integers(0, 30), max_size=8), st.sampled_from([70, 90, 100]))
def test_the_pairs_are_those_of_one_collection_that_have_a_side_in_each(new, old, floor):
    left, right = [f"n{k}" for k in range(len(new))], [f"o{k}" for k in range(len(old))]
    whole = similar_pairs(prints_of(left + right, new + old), min_similarity=floor)
    expected = {frozenset(row) for row in rows(whole) if row[0][0] == "n" and row[1][0] == "o"}
    found = similar_pairs(prints_of(left, new), prints_of(right, old), min_similarity=floor)
    assert {frozenset(row) for row in rows(found)} == expected
    assert len(found) == len(expected)
    assert found.attrs["n_images"] == len(new) + len(old)


def test_sides_are_kept_whatever_the_names():
    pairs = similar_pairs(prints_of(["z", "m"], [0, 9]), prints_of(["a", "m"], [1, 9]))
    assert rows(pairs)[:2] == [("m", "m", 0), ("z", "a", 1)]
    assert pairs.attrs["sides"] == 2
    assert list(pairs.left.cat.categories) == ["m", "z"]
    assert list(pairs.right.cat.categories) == ["a", "m"]


def test_a_name_on_both_sides_is_told_apart_in_groups_and_the_right_side_holds_the_originals():
    pairs = similar_pairs(prints_of(["a", "m"], [0, 30]), prints_of(["b", "m"], [1, 30]))
    assert list(group_duplicates(pairs, 90)) == [["b", "a"], ["right:m", "left:m"]]
    assert list(threshold_changes(pairs, 100, 90).images) == [["b", "a"]]


def test_what_changes_between_thresholds_names_images_as_the_groups_do():
    pairs = similar_pairs(prints_of(["m"], [0]), prints_of(["m"], [3]))
    changes = threshold_changes(pairs, 100, 90)
    assert changes.images[0] == ["right:m", "left:m"]
    assert changes.because[0] == [("left:m", "right:m", pytest.approx(100 * 61 / 64))]


def test_the_same_bytes_are_noticed_across_two_folders(photos, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "hound.png").write_bytes((photos / "dog.png").read_bytes())
    (tmp_path / "old" / "blank.png").write_bytes((photos / "white.png").read_bytes())
    with pytest.warns(UserWarning, match="could not be read"):
        new = fingerprint_images(scan_images(photos))
    pairs = similar_pairs(new, fingerprint_images(scan_images(tmp_path / "old")), min_similarity=95)
    found = set(zip(pairs.left, pairs.right, pairs.relation, strict=True))
    # blank pictures are in pairs only with equal ones
    assert found == {(n, "hound.png", "same bytes") for n in ("dog.png", "dog again.png")} | {
        ("white.png", "blank.png", "same bytes")
    }


def test_different_methods_or_orientations_are_an_error_that_says_what_to_do():
    ours = prints_of(["a"], [0])
    with pytest.raises(ValueError, match="by phash and dhash; make one of them again"):
        similar_pairs(ours, prints_of(["b"], [0], method="dhash"))
    views = Fingerprints(ours.images, ours.method, ours.codes.repeat(8, axis=1), ours.problems)
    with pytest.raises(ValueError, match="have 1 and 8; make one of them again"):
        similar_pairs(ours, views)
    with pytest.raises(TypeError, match="others must come from fingerprint_images"):
        similar_pairs(ours, [1, 2])

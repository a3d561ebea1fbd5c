"""Names typed on one system are found in a folder of another: composed and decomposed letters."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
import pytest

import imgdup_nb as dup
from imgdup_nb.engine.pair_graph import find_names

TYPED = ["café.jpg", "café 2.jpg", "cat.jpg"]
STORED = [unicodedata.normalize("NFD", name) for name in TYPED]


@pytest.fixture
def pairs():
    bits = np.zeros((3, 64), dtype=bool)
    bits[1, :2] = bits[2, :4] = True
    return dup.similar_pairs(dup.Fingerprints.from_bits(STORED, bits))


def test_a_truth_and_labels_typed_composed_are_about_decomposed_names(pairs):
    assert TYPED != STORED
    groups = dict(zip(TYPED, [1, 1, 2], strict=True))
    true_pairs = pd.DataFrame({"left": [TYPED[0]], "right": [TYPED[1]]})
    expected = dup.score_thresholds(pairs, dict(zip(STORED, [1, 1, 2], strict=True)))
    assert expected.true.max() == 1
    for truth in (groups, true_pairs):
        pd.testing.assert_frame_equal(dup.score_thresholds(pairs, truth), expected)


def test_labels_typed_composed_are_about_decomposed_names(pairs):
    labels = dup.Labels()
    labels.add(TYPED[0], TYPED[1], "different")
    assert dup.apply_labels(pairs, labels).attrs["labels"]["different"] == 1


def test_examples_typed_composed_are_found_among_decomposed_names(picture, tmp_path):
    for seed, name in zip([1, 1, 2], STORED, strict=True):
        picture(seed).save(tmp_path / name)
    images = dup.scan_images(tmp_path)
    tuned = dup.tune_from_examples(
        images, [tuple(TYPED[:2])], [tuple(TYPED[1:])], methods=["phash"], orientations=False
    )
    assert list(tuned.satisfied) == [True]


def test_where_both_forms_are_in_one_folder_each_is_itself():
    both = [STORED[0], TYPED[0]]
    assert find_names(both, [TYPED[0], STORED[0]]).tolist() == [1, 0]


def test_a_name_that_two_names_read_like_is_not_guessed():
    three = ["A\u030a.jpg", "\u212b.jpg"]
    assert find_names(three, ["\u00c5.jpg"]).tolist() == [-1]


def test_what_is_no_name_is_not_found():
    assert find_names(["a"], [None, np.nan, 3, "b"]).tolist() == [-1] * 4
    assert find_names([], ["a"]).tolist() == [-1]

"""Very many images of one fingerprint: few rows, and the same groups as with all pairs."""

from __future__ import annotations

import json
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from imgdup_nb import (
    Fingerprints,
    fingerprint_images,
    group_duplicates,
    scan_images,
    similar_pairs,
    sweep_thresholds,
)
from imgdup_nb.engine import copies
from imgdup_nb.engine.copies import order_of_originals, original_order
from imgdup_nb.groups import LINKAGES
from imgdup_nb.methods import METHODS

NAMES = ["cat.jpg", "cat (1).jpg", "cat copy.jpg", *(f"{k}.png" for k in "abcdefghijklmnopqrstuvw")]


@st.composite
def crowded(draw, n_views=1):
    """Few different codes, near each other, each of several images."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(0, len(NAMES)))
    kinds = np.zeros((4, n_views, 1), np.uint64)
    kinds[:, :, 0] = (1 << rng.integers(0, 14, (4, n_views))) - 1
    order = rng.permutation(len(NAMES))[:n]
    images = pd.DataFrame({"image": pd.Series(sorted(NAMES[k] for k in order), dtype=object)})
    return Fingerprints(
        images, METHODS["dhash"], kinds[rng.integers(0, 4, n)], images.iloc[:0].assign(problem="")
    )


def test_originals_come_in_the_order_of_their_sort_keys():
    rng = np.random.default_rng(0)
    parts = np.array(["cat", "a", " (1)", " copy", ".jpg", ".png", ".", "/", "\x01", "é", "\udcff"])
    names = ["".join(rng.choice(parts, rng.integers(1, 6))) for _ in range(3000)]
    order = sorted(range(len(names)), key=lambda k: original_order(names[k]))
    assert order_of_originals(names).tolist() == order
    assert order_of_originals([]).tolist() == []


def both_ways(prints, max_alike):
    with patch.object(copies, "MAX_COPIES", max_alike):
        folded = similar_pairs(prints, min_similarity=80)
    return folded, written_out(prints)


def written_out(prints):
    with patch.object(copies, "MAX_COPIES", 10**9):
        return similar_pairs(prints, min_similarity=80)


def same_groups(folded, full, linkage):
    for threshold in (80, 90, 97, 100):
        ours, theirs = (
            group_duplicates(table, threshold, linkage=linkage) for table in (folded, full)
        )
        pd.testing.assert_frame_equal(ours.table, theirs.table)
        assert (ours.n_pairs, ours.left_out) == (theirs.n_pairs, theirs.left_out)
    pd.testing.assert_frame_equal(
        sweep_thresholds(folded, linkage=linkage), sweep_thresholds(full, linkage=linkage)
    )


@settings(deadline=None, max_examples=60)
@given(crowded(), st.integers(1, 5), st.sampled_from(LINKAGES))
def test_groups_and_sweep_are_those_of_the_table_with_all_pairs(prints, max_alike, linkage):
    folded, full = both_ways(prints, max_alike)
    assert len(folded) <= len(full)
    same_groups(folded, full, linkage)


@settings(deadline=None, max_examples=40)
@given(crowded(n_views=8), st.integers(1, 5), st.sampled_from(["star", "connected"]))
def test_groups_of_turned_pictures_are_those_of_the_table_with_all_pairs(
    prints, max_alike, linkage
):
    same_groups(*both_ways(prints, max_alike), linkage)


def test_rows_grow_with_the_images_and_not_with_their_pairs():
    n = 3000
    prints = Fingerprints.from_bits(
        [f"{k:04d}" for k in range(n)], np.arange(64) % 2 * np.ones((n, 1))
    )
    table = similar_pairs(prints)
    assert len(table) == n - 1
    groups = group_duplicates(table, 90)
    assert (len(groups), len(groups.table), groups.n_pairs) == (1, n, n * (n - 1) // 2)
    assert groups.table.weakest.eq(100).all()


def test_the_table_survives_pandas_and_json():
    prints = Fingerprints.from_bits([f"{k:04d}" for k in range(1200)], np.zeros((1200, 64)))
    table = similar_pairs(prints)
    shuffled = table.sample(frac=1, random_state=0).reset_index(drop=True)
    assert list(group_duplicates(shuffled)) == list(group_duplicates(table))
    table.attrs = json.loads(json.dumps(table.attrs))
    assert list(group_duplicates(table)) == list(group_duplicates(shuffled))


def test_many_blank_images_are_told_apart_by_their_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "MAX_COPIES", 5)
    for k in range(30):
        note = PngImagePlugin.PngInfo()
        note.add_text("number", str(k))  # so that no two have the same bytes
        Image.new("RGB", (40, 30 + k % 2), "white").save(tmp_path / f"{k:02d}.png", pnginfo=note)
    prints = fingerprint_images(scan_images(tmp_path))
    table = similar_pairs(prints, min_similarity=80)
    assert len(table) == 2 * 14
    assert set(table.relation) == {"same pixels"}
    same_groups(table, written_out(prints), "star")


def test_very_many_equal_fingerprints_stay_small():
    n = 100_000
    images = pd.DataFrame({"image": pd.Series([f"{k:07d}" for k in range(n)], dtype=object)})
    prints = Fingerprints(images, METHODS["phash"], np.zeros((n, 1, 1), np.uint64), images.iloc[:0])
    table = similar_pairs(prints)
    assert len(table) == n - 1
    assert sweep_thresholds(table, [90]).pairs[0] == n * (n - 1) // 2


def test_so_many_near_neighbours_of_so_many_copies_are_an_error(monkeypatch):
    monkeypatch.setattr(copies, "MAX_COPIES", 5)
    monkeypatch.setattr(copies, "MAX_PAIRS", 20)
    bits = np.zeros((40, 64), bool)
    bits[20:] = np.tri(20, 64, -1, dtype=bool)
    with pytest.raises(ValueError, match="raise min_similarity"):
        similar_pairs(Fingerprints.from_bits([f"{k:02d}" for k in range(40)], bits, method="dhash"))

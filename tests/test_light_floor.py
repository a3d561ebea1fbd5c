"""Large tables stay small by default, say so, and give way to whoever asks for more."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from imgdup_nb import Collection, Fingerprints, find_duplicates, group_duplicates, similar_pairs
from imgdup_nb.collection import pairs as kept_pairs
from imgdup_nb.engine.pair_counts import expected_pairs
from imgdup_nb.pairs import LIGHT, light_floor

FLIPPED = 0.15  # of the bits, so that most pairs have 74 percent


def dense(n, seed=0, method="dhash"):
    """Return fingerprints of which nearly all pairs are 70 percent similar."""
    rng = np.random.default_rng(seed)
    bits = rng.random((n, 64)) < FLIPPED
    return Fingerprints.from_bits([f"{k:05d}" for k in range(n)], bits, method)


def counted(prints, others=None):
    """Return the similarity of all pairs, the plain way."""
    bits = prints.to_frame().to_numpy(dtype=np.float32)
    right = bits if others is None else others.to_frame().to_numpy(dtype=np.float32)
    apart = bits @ (1 - right).T + (1 - bits) @ right.T
    values = apart[np.triu_indices(len(bits), 1)] if others is None else apart.ravel()
    return 100 * (64 - np.round(values)) / 64


def test_a_small_collection_is_listed_from_70_without_a_word():
    for n in (0, 1, 2, 1000):
        pairs = similar_pairs(dense(n))
        assert pairs.attrs["floor"] == 70
    assert len(pairs) == (counted(dense(1000)) >= 70).sum()


def test_of_many_pairs_about_a_million_are_listed_and_a_warning_says_how_to_get_more():
    prints = dense(2500)
    similarity = counted(prints)
    assert (similarity >= 70).sum() > 2 * LIGHT
    with pytest.warns(UserWarning, match=r"only pairs from [\d.]+ % up .* min_similarity=\d"):
        pairs = similar_pairs(prints)
    floor = pairs.attrs["floor"]
    assert 70 < floor <= 90
    assert len(pairs) == (similarity >= floor).sum() <= 1.2 * LIGHT
    assert (similarity >= floor - 100 / 64).sum() > 0.8 * LIGHT  # one bit more is too many
    assert similar_pairs(prints, min_similarity=70).attrs["floor"] == 70


def test_the_floor_between_two_collections_is_chosen_by_the_pairs_across():
    prints, others = dense(1500), dense(2000, seed=1)
    with pytest.warns(UserWarning, match="only pairs from"):
        pairs = similar_pairs(prints, others)
    floor = pairs.attrs["floor"]
    assert floor > 70
    assert len(pairs) == (counted(prints, others) >= floor).sum() <= 1.2 * LIGHT


def test_pairs_from_90_up_are_always_listed():
    bits = np.zeros((2000, 64), dtype=bool)
    bits[np.arange(2000), np.arange(2000) % 64] = True  # all pairs have 2 bits or none
    prints = Fingerprints.from_bits([f"{k:05d}" for k in range(2000)], bits)
    with pytest.warns(UserWarning, match="only pairs from 90 % up"):
        assert light_floor(prints) == 90
    assert light_floor(prints, at_most=80, warn=False) == 80
    assert light_floor(prints, at_most=60, warn=False) == 60


def test_equal_fingerprints_raise_no_floor():
    prints = Fingerprints.from_bits([f"{k:05d}" for k in range(3000)], np.ones((3000, 64), bool))
    assert light_floor(prints) == 70


def test_the_sample_tells_the_number_well_enough():
    prints = dense(6000)
    similarity = counted(prints)
    levels = np.array([85.0, 80.0, 75.0])
    limits = np.array([*map(prints.method.max_distance, levels)])
    expected = expected_pairs(prints.codes, limits)
    np.testing.assert_allclose(expected, [(similarity >= x).sum() for x in levels], rtol=0.15)
    np.testing.assert_array_equal(expected, expected_pairs(prints.codes, limits))
    small = Fingerprints(prints.images[:90], prints.method, prints.codes[:90], prints.problems)
    exact = [((counted(small) >= x) & (counted(small) < 100)).sum() for x in levels]
    np.testing.assert_array_equal(expected_pairs(small.codes, limits), exact)


def test_vectors_have_a_light_floor_too():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(1800, 4)) + 2
    prints = Fingerprints.from_vectors([f"{k:05d}" for k in range(1800)], vectors)
    with pytest.warns(UserWarning, match="only pairs from"):
        pairs = similar_pairs(prints)
    assert 70 < pairs.attrs["floor"] <= 90
    assert len(pairs) == prints.count_pairs(pairs.attrs["floor"]).pairs_or_more.iloc[-1]


@pytest.mark.parametrize("n", [0, 1, 2, 90, 5000])
def test_counts_are_those_of_all_pairs(n):
    prints, similarity = dense(n), counted(dense(n))
    table = prints.count_pairs(70)
    assert list(table.pairs) == [int((similarity == level).sum()) for level in table.similarity]
    assert table.pairs_or_more.iloc[-1] == (similarity >= 70).sum()


def test_counts_of_orientations_take_the_nearest_view():
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 2**64, (300, 8, 1), dtype=np.uint64)
    plain = dense(300)
    prints = Fingerprints(plain.images, plain.method, codes, plain.problems)
    pairs = similar_pairs(prints, min_similarity=60)
    table = prints.count_pairs(60)
    assert table.pairs_or_more.iloc[-1] == len(pairs) > 0
    twenty = np.repeat(codes, 20, axis=0)[:4800]  # too many for numpy
    many = dense(4800)
    many = Fingerprints(many.images, many.method, twenty, many.problems)
    found = similar_pairs(many, min_similarity=65)
    counts = found.similarity.value_counts().reindex(many.count_pairs(65).similarity, fill_value=0)
    np.testing.assert_array_equal(many.count_pairs(65).pairs, counts)


def test_local_features_cannot_be_counted():
    prints = dense(0)
    local = Fingerprints(prints.images, _aligned(), prints.codes, prints.problems)
    assert light_floor(local) == 70
    with pytest.raises(ValueError, match="cannot be counted"):
        local.count_pairs()


def _aligned():
    from imgdup_nb import METHODS

    return METHODS["aligned"]


@pytest.fixture
def folder(tmp_path, picture):
    for seed in range(8):
        picture(seed).save(tmp_path / f"{seed}.png")
        picture(seed).save(tmp_path / f"{seed}.jpg", quality=30)
        picture(seed).resize((40, 30), Image.Resampling.BOX).save(tmp_path / f"{seed}-small.png")
    return tmp_path


def test_groups_of_a_large_collection_need_no_pairs_below_the_threshold(folder, monkeypatch):
    with Collection(folder) as photos:
        whole = {threshold: photos.groups(threshold) for threshold in (95, 90, 75)}
    (folder / ".imgdup_nb.sqlite").unlink()
    monkeypatch.setattr(kept_pairs, "SHALLOW", 10)
    with Collection(folder) as photos:
        for threshold in (95, 90, 75, 90):
            groups = photos.groups(threshold)
            assert groups.floor == threshold
            columns = ["group", "image", "similarity", "original"]
            pd.testing.assert_frame_equal(groups.table[columns], whole[threshold].table[columns])
        assert photos.pairs().attrs["floor"] == 70
        photos.label("0.png", "1.png", "different")
        assert photos.groups(90).floor == 70
        assert photos.groups(90, linkage="connected", use_labels=False).floor == 70


def test_a_collection_and_one_call_choose_the_same_floor(folder, picture, monkeypatch):
    for seed in range(1, 12):
        Image.blend(picture(0), picture(seed), 0.4).save(folder / f"blend-{seed}.png")
    monkeypatch.setattr("imgdup_nb.pairs.LIGHT", 3)
    with Collection(folder) as photos:
        with pytest.warns(UserWarning, match="only pairs from"):
            kept = photos.pairs()
        prints = photos.fingerprints()
    with pytest.warns(UserWarning, match="only pairs from"):
        plain = similar_pairs(prints)
    pd.testing.assert_frame_equal(kept, plain)
    assert kept.attrs["floor"] == plain.attrs["floor"] > 70
    with pytest.warns(UserWarning, match="only pairs from"):
        found = find_duplicates(folder, verify=False)
    assert found.pairs.attrs["floor"] == plain.attrs["floor"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        low = find_duplicates(folder, threshold=75, verify=False)
    assert low.pairs.attrs["floor"] <= 75
    assert list(group_duplicates(low.pairs, 90)) == list(found.groups)

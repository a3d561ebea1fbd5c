"""The pair search returns the very set that a double loop returns, whichever way it takes."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgdup_nb.engine import multi_index, search
from imgdup_nb.methods import pack_bits


def double_loop(codes, max_distance, others=None):
    """The definition, in Python's own integers."""
    left, right = (as_integers(side) for side in (codes, codes if others is None else others))
    found = []
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            nearest = min(
                [(view ^ b[0]).bit_count() for view in a]
                + [(a[0] ^ view).bit_count() for view in b]
            )
            if nearest <= max_distance and (others is not None or i < j):
                found.append((i, j, nearest))
    return found


def as_integers(codes):
    return [[int.from_bytes(view.tobytes(), "little") for view in image] for image in codes]


def found_by(codes, max_distance, n_bands=None, **options):
    """Search with numba at any size, with so many bands (0: brute force, None: automatic)."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(search, "MAX_NUMPY_COMPARISONS", -1))
        if n_bands is not None:
            stack.enter_context(
                patch.object(multi_index, "choose_bands", lambda *a: fixed_bands(*a, n_bands))
            )
        return as_list(search.find_pairs(codes, max_distance, **options))


def fixed_bands(left, right, max_distance, n_bands):
    bits = multi_index._varying_bits(left, right)
    if not n_bands or len(bits) < n_bands or len(bits) / n_bands > 13 or max_distance >= len(bits):
        return multi_index.BRUTE_FORCE
    return multi_index._spend(left, right, bits, n_bands, max_distance)[0]


def as_list(found):
    return list(zip(*(column.tolist() for column in found), strict=True))


@st.composite
def code_tables(draw, max_images=25):
    """Some unrelated images, and near copies of each: as hashes of real folders are."""
    n_bits, n_views = draw(st.sampled_from([42, 64, 256])), draw(st.sampled_from([1, 8]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, n_unrelated = draw(st.integers(0, max_images)), draw(st.integers(1, 6))
    unrelated = rng.random((n_unrelated, n_views, n_bits)) < 0.5
    flips = rng.random((n, n_views, n_bits)) < draw(st.sampled_from([0.0, 0.02, 0.1, 0.3]))
    return pack_bits(unrelated[rng.integers(0, n_unrelated, n)] ^ flips)


@settings(deadline=None, max_examples=40)
@given(code_tables(), st.integers(0, 60), st.sampled_from([None, 0, 4, 5, 20]))
def test_the_compiled_search_finds_the_pairs_of_a_double_loop(codes, max_distance, n_bands):
    assert found_by(codes, max_distance, n_bands) == double_loop(codes, max_distance)


@settings(deadline=None, max_examples=40)
@given(code_tables(), st.integers(0, 60))
def test_the_search_in_numpy_finds_the_pairs_of_a_double_loop(codes, max_distance):
    with patch.object(search, "BLOCK_BYTES", 800):  # blocks of ten images
        assert as_list(search.find_pairs(codes, max_distance)) == double_loop(codes, max_distance)


@settings(deadline=None, max_examples=40)
@given(
    code_tables(max_images=25),
    st.integers(0, 30),
    st.floats(0, 1),
    st.sampled_from([None, 0, 4]),
    st.booleans(),
)
def test_two_sets_are_compared_with_each_other_and_not_within(
    codes, max_distance, cut, n_bands, compiled
):
    new, old = np.split(codes, [int(cut * len(codes))])
    if compiled:
        found = found_by(new, max_distance, n_bands, others=old)
    else:
        found = as_list(search.find_pairs(new, max_distance, others=old))
    assert found == double_loop(new, max_distance, old)


def test_the_bands_that_are_chosen_find_all_pairs_of_a_larger_collection():
    rng = np.random.default_rng(3)
    bits = (rng.random((300, 64)) < 0.5)[rng.integers(0, 300, 8000)] ^ (
        rng.random((8000, 64)) < 0.06
    )
    codes = pack_bits(bits[:, None])
    for max_distance in (0, 3, 6, 12):
        assert (
            multi_index.choose_bands(codes[:, 0], codes[:, 0], max_distance)
            is not multi_index.BRUTE_FORCE
        )
        with patch.object(search, "MAX_NUMPY_COMPARISONS", 1e12):
            plain = search.find_pairs(codes, max_distance)
        for ours, theirs in zip(search.find_pairs(codes, max_distance), plain, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_brute_force_is_chosen_where_bands_would_compare_more():
    codes = pack_bits(np.random.default_rng(0).random((5000, 64)) < 0.5)
    assert multi_index.choose_bands(codes, codes, 30) is multi_index.BRUTE_FORCE


def test_a_crowded_band_is_searched_less_than_the_others():
    codes = pack_bits(np.random.default_rng(0).random((5000, 64)) < 0.5)
    positions = np.arange(64)
    first = multi_index.BitBand(positions[::5], 0)
    codes &= ~first.mask(1)  # one value, so all images are in one bucket
    bands, _cost = multi_index._spend(codes, codes, positions, 5, 6)
    assert sum(band.reach + 1 for band in bands) == 7
    assert not [band for band in bands if 0 in band.bits]


def test_the_cost_counts_the_comparisons_that_are_made():
    codes = pack_bits(np.random.default_rng(0).random((200, 64)) < 0.5)
    values = multi_index.band_values(codes, np.arange(8))
    by_hand = np.zeros(9)
    np.add.at(by_hand, np.bitwise_count(values[:, None] ^ values[None, :]).ravel(), 1)
    with patch.multiple(multi_index, VISIT=0, SCAN=0, COMPARE=(1, 1)):
        np.testing.assert_allclose(multi_index._prices(codes, codes, np.arange(8)), by_hand)


@given(st.lists(st.integers(0, 50), min_size=8, max_size=8))
def test_the_walsh_hadamard_transform_is_its_own_inverse(values):
    twice = multi_index.walsh_hadamard(multi_index.walsh_hadamard(np.array(values)))
    np.testing.assert_array_equal(twice, 8 * np.array(values))


def test_too_many_pairs_are_an_error_that_says_what_to_do(monkeypatch):
    monkeypatch.setattr(search, "MAX_PAIRS", 1000)
    codes = np.zeros((60, 1, 1), np.uint64)
    with pytest.raises(ValueError, match="raise min_similarity"):
        search.find_pairs(codes, 6)
    with pytest.raises(ValueError, match="raise min_similarity"):
        found_by(codes, 6)


def test_the_limit_counts_pairs_and_not_the_views_in_which_they_were_found(monkeypatch):
    monkeypatch.setattr(search, "MAX_PAIRS", 60 * 59 // 2)
    assert len(found_by(np.zeros((60, 8, 1), np.uint64), 0)) == 60 * 59 // 2


def test_all_tasks_together_stop_soon_after_the_limit(monkeypatch):
    monkeypatch.setattr(
        multi_index, "TASK", 1e-5
    )  # hundreds of tasks, each of which finds more than is allowed
    codes = np.zeros((2000, 1), np.uint64)
    n_found = sum(map(len, multi_index.find_near(codes, codes.copy(), 0, 3000)))
    assert 3000 < n_found < 200_000


def test_a_few_images_are_compared_without_importing_numba():
    program = (
        "import sys, numpy as np; from imgdup_nb.engine.search import find_pairs; "
        "find_pairs(np.zeros((9, 1, 1), np.uint64), 3)"
    )
    subprocess.run(
        [sys.executable, "-c", program + "; assert 'numba' not in sys.modules"], check=True
    )


@settings(deadline=None, max_examples=30)
@given(
    st.integers(0, 20), st.sampled_from([1, 8]), st.sampled_from([0.0, 0.05, 0.5]), st.booleans()
)
def test_vectors_are_compared_like_a_double_loop(n, n_views, max_distance, two_sets):
    vectors = np.random.default_rng(n).normal(size=(n, n_views, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    left, right = (vectors[: n // 3], vectors[n // 3 :]) if two_sets else (vectors, vectors)
    expected = {}
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            dots = [float(np.dot(v.astype(float), b[0])) for v in a] + [
                float(np.dot(a[0].astype(float), v)) for v in b
            ]
            if (two_sets or i < j) and round(max(0.0, 1 - max(dots)), 6) <= max_distance + 1e-9:
                expected[i, j] = pytest.approx(max(0.0, 1 - max(dots)), abs=1e-6)
    with patch.object(search, "BLOCK_BYTES", 800):
        found = search.find_pairs(left, max_distance, others=right if two_sets else None)
    assert {(i, j): distance for i, j, distance in as_list(found)} == expected

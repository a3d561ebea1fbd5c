"""The band join of docs/scale.md finds the pairs of `similar_pairs`, to the last one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imgdup_nb import Fingerprints, similar_pairs

PAGE = (Path(__file__).parents[1] / "docs/scale.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def find_pairs_by_join():
    [block] = [block for block in PAGE.split("```python\n") if "BAND_JOIN =" in block]
    recipe = {}
    exec(block.split("```")[0], recipe)
    return recipe["find_pairs_by_join"]


def near_codes(n):
    """Return hashes of which many differ by 0 to 9 bits from the one before."""
    rng = np.random.default_rng(n)
    bits = rng.random((n, 64)) < 0.5
    for k in range(1, n, 3):
        bits[k] = bits[k - 1]
        bits[k, rng.permutation(64)[: k % 10]] ^= True
    return Fingerprints.from_bits([f"{k:05d}" for k in range(n)], bits, "dhash")


@pytest.mark.parametrize(("n", "bits"), [(0, 6), (1, 6), (2, 6), (10_000, 6), (900, 7), (900, 3)])
def test_the_join_finds_the_same_pairs(find_pairs_by_join, tmp_path, n, bits):
    prints = near_codes(n)
    pairs = similar_pairs(prints, min_similarity=100 * (64 - bits) / 64)
    ours = {*zip(pairs.left.cat.codes, pairs.right.cat.codes, pairs.distance, strict=True)}
    joined = find_pairs_by_join(prints, bits, tmp_path)
    theirs = [*zip(joined["left"], joined["right"], joined["distance"], strict=True)]
    assert sorted(theirs) == sorted(ours)
    assert bool(theirs) == (n > 1)

"""In a set of pictures that look alike, each is aligned with its nearest ones by hash only."""

from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from imgdup_nb.aligned import near_hashes
from imgdup_nb.aligned.near_hashes import best_by_hash
from imgdup_nb.engine.features import aligned_features


@pytest.fixture(scope="module")
def textured():
    """Return the features of 12 pictures with texture."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (12, 24, 32), dtype=np.uint8)
    return [aligned_features(Image.fromarray(each).resize((160, 120))) for each in noise]


def all_pairs(n):
    return np.array(list(combinations(range(n), 2)), np.int64).reshape(-1, 2)


def names_of(pairs, order):
    return {frozenset((order[a], order[b])) for a, b in pairs.tolist()}


def test_each_keeps_its_nearest_partners_and_the_order_of_pictures_does_not_matter(
    textured, monkeypatch
):
    monkeypatch.setattr(near_hashes, "MAX_HASHED_PARTNERS", 2)
    pairs, near = all_pairs(12), {frozenset((0, 7)), frozenset((3, 4))}
    percent = np.array([95.3 if frozenset(pair) in near else 85.9 for pair in pairs.tolist()])
    kept, of_kept = best_by_hash(pairs, percent, textured)
    assert 12 <= len(kept) <= 24 < len(pairs)
    assert near <= names_of(kept, range(12))
    assert (of_kept == 95.3).sum() == 2
    order = np.random.default_rng(1).permutation(12)
    turned = [textured[k] for k in order]
    again = np.array(
        [95.3 if frozenset((order[a], order[b])) in near else 85.9 for a, b in pairs.tolist()]
    )
    assert names_of(best_by_hash(pairs, again, turned)[0], order) == names_of(kept, range(12))


def test_few_pairs_and_pictures_without_texture_are_all_kept(textured, monkeypatch):
    for n in (0, 1, 2, 12):
        pairs = all_pairs(n)
        assert np.array_equal(best_by_hash(pairs, np.full(len(pairs), 90.0), textured)[0], pairs)
    monkeypatch.setattr(near_hashes, "MAX_HASHED_PARTNERS", 1)
    blank = aligned_features(Image.new("L", (160, 120), 255))
    some = [*textured[:5], blank]
    kept = names_of(best_by_hash(all_pairs(6), np.full(15, 90.0), some)[0], range(6))
    assert {frozenset((k, 5)) for k in range(5)} <= kept
    assert len(kept) < 15

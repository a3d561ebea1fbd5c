"""Which pairs the vote proposes: new images get all their votes; each image has few partners."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from aligned_pictures import crop, noise
from imgdup_nb.aligned import best_votes, candidates
from imgdup_nb.aligned import feature_index as feature_sets
from imgdup_nb.aligned import votes as vote
from imgdup_nb.aligned.best_votes import VOTES, BestVotes
from imgdup_nb.aligned.candidates import (
    MANY_VOTES,
    MAX_PARTNERS,
    MAX_VOTED_PARTNERS,
    best_pairs,
    find_candidates,
)
from imgdup_nb.aligned.feature_index import FeatureIndex, FeatureParts, FeatureSet
from imgdup_nb.aligned.key_loops import (
    SLOT_BITS,
    add_keys,
    count_keys,
    lengthen_keys,
    may_hold,
    read_keys,
)
from imgdup_nb.aligned.scores import MAX_VOTE_BITS
from imgdup_nb.aligned.votes import count_votes
from imgdup_nb.engine.features import (
    Features,
    aligned_features,
)


def flipped(bits, rng, n):
    """Return descriptors with n bits changed in each."""
    changed = bits.copy()
    for row in changed:
        for place in rng.permutation(256)[:n]:
            row[place // 64] ^= np.uint64(1) << np.uint64(place % 64)
    return changed


def made_up(n, seed):
    """Return features of n images that share some patches, plain, mirrored or enlarged."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 2**64, (60, 4), dtype=np.uint64)
    images = []
    for _ in range(n):
        some = rng.permutation(60)[: rng.integers(0, 40)]
        bits, mirrored = (
            flipped(patches[some], rng, 6),
            flipped(patches[rng.permutation(60)[: len(some)]], rng, 6),
        )
        points = np.zeros((len(some), 2), np.float32)
        angles = np.where(rng.random(len(some)) < 0.7, 40, 200).astype(np.float32)
        image = Features(
            (320, 240),
            rng.integers(0, 256, (4, 4), dtype=np.uint8),
            np.full((1, 1, 2), 128, np.uint8),
            points,
            angles,
            bits,
            mirrored,
        )
        zoomed_view = rng.permutation(60)[: rng.integers(0, 60)]
        zoomed = (
            np.zeros((len(zoomed_view), 2), np.float32),
            np.full(len(zoomed_view), 40, np.float32),
            flipped(patches[zoomed_view], rng, 6),
        )
        images.append(image.with_zoomed(*zoomed) if rng.random() < 0.3 else image)
    return images


def without_bits():
    """Return an image without features."""
    return aligned_features(Image.new("L", (40, 40)))


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 25), st.integers(0, 10**6), st.data())
def test_votes_of_new_images_are_those_that_all_would_have(n, seed, data):
    images = made_up(n, seed)
    is_query = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    whole = count_votes(images, np.ones(n, dtype=bool), 56)
    one, other = is_query[whole["one"]], is_query[whole["other"]]
    with ThreadPoolExecutor(2) as pool:
        for executor in (None, pool):
            assert (
                count_votes(images, is_query, 56, executor).tolist() == whole[one | other].tolist()
            )
            assert (
                count_votes(images, is_query, 56, executor, within=False).tolist()
                == whole[one != other].tolist()
            )


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 25), st.integers(0, 10**6), st.integers(1, 200))
def test_votes_do_not_depend_on_how_the_collection_is_cut(n, seed, most):
    images = made_up(n, seed)
    everything, some = np.ones(n, dtype=bool), np.arange(n) % 3 == 0
    expected = [count_votes(images, asked, 56).tolist() for asked in (everything, some)]
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(vote, "TARGETS_A_TILE", most)
        changed.setattr(vote, "QUERIES_A_SPAN", 3)
        changed.setattr(feature_sets, "PART_IMAGES", 2)
        cut = [count_votes(images, asked, 56).tolist() for asked in (everything, some)]
    assert cut == expected


@settings(deadline=None)
@given(st.integers(2, 12), st.integers(1, 4), st.integers(0, 10**6), st.integers(1, 9))
def test_best_votes_are_those_that_weigh_most_for_an_image_in_any_order(n, most, seed, room):
    rng = np.random.default_rng(seed)
    one, other = np.triu_indices(n, 1)
    votes = np.zeros(len(one), VOTES)
    votes["one"], votes["other"], votes["weight"] = one, other, rng.integers(0, 20, len(one))
    least = [
        np.sort(votes["weight"][(one == k) | (other == k)])[::-1][:most].min() for k in range(n)
    ]
    expected = votes[votes["weight"] >= np.minimum(np.take(least, one), np.take(least, other))]
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(best_votes, "MIN_ROWS", room)
        best = BestVotes(n, most)
        for part in np.array_split(votes[rng.permutation(len(votes))], 4):
            best.add(part)
    assert best.votes().tolist() == expected.tolist()


def test_best_votes_of_no_votes_are_none():
    assert BestVotes(0, 3).votes().tolist() == BestVotes(5, 3).votes().tolist() == []


def test_the_made_up_images_share_enough_features_for_votes():
    votes = count_votes(made_up(25, 0), np.ones(25, dtype=bool), 56)
    for zoomed in (False, True):
        assert 50 < (votes["zoomed"] == zoomed).sum() < 300
    assert (votes["votes"] >= vote.MIN_VOTES).all()


def test_the_prefilter_leaves_out_features_that_share_no_key_with_a_few_others():
    images = made_up(40, 3)
    features = FeatureSet.join(images)
    positions = vote.draw_positions(256, zoomed=False)
    few = features.keep(features.owner == 0)
    prefiltered = features.keep_sharing(few, positions)
    part_by_part = FeatureParts.of(images).keep_sharing(few, positions)
    assert part_by_part.bits.tolist() == prefiltered.bits.tolist()
    assert part_by_part.starts.tolist() == prefiltered.starts.tolist()
    assert len(few.angles) <= len(prefiltered.angles) < len(features.angles)
    assert (np.diff(prefiltered.starts)[0]) == len(few.angles)


@settings(deadline=None)
@given(st.integers(0, 130), st.integers(1, 8), st.integers(1, 32), st.integers(0, 10**6))
def test_keys_are_the_bits_at_their_positions_the_first_one_the_highest(n, n_words, n_bits, seed):
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2**64, (n, n_words), dtype=np.uint64)
    positions = rng.integers(0, 64 * n_words, (3, n_bits))
    expected = [
        [int("".join(str(int(row[p // 64]) >> int(p % 64) & 1) for p in places), 2) for row in bits]
        for places in positions
    ]
    assert read_keys(bits, positions).tolist() == expected


def test_a_bloom_filter_holds_every_added_key_and_few_others():
    rng = np.random.default_rng(0)
    keys, others = rng.integers(0, 2**28, (2, 1, 5000)).astype(np.uint32)
    bloom = np.zeros((1, 2**SLOT_BITS // 64), np.uint64)
    add_keys(keys, bloom)
    assert may_hold(keys, bloom).all()
    assert may_hold(others, bloom).mean() < 0.01


def features_with_key(index, keys, begins, ends):
    """Return the features that an index finds by each key of a table, and their own keys."""
    found = [index.target.entries[0][begin:end] for begin, end in zip(begins, ends, strict=True)]
    return [
        (some & 0xFFFFFFFF)[some >> 32 == key].tolist()
        for some, key in zip(found, keys.tolist(), strict=True)
    ]


@pytest.mark.parametrize("n", [0, 1, 20])
def test_an_index_finds_the_features_of_equal_keys_in_their_order(n):
    features = FeatureSet.join([without_bits(), *made_up(n, 4)])
    positions = vote.draw_positions(256, zoomed=False)
    index = FeatureIndex.build(features, np.arange(n + 1), positions)
    keys, (begins, ends) = index.look_up(features.mirrored)
    own, asked = (
        read_keys(bits, positions.first)[0] for bits in (features.bits, features.mirrored)
    )
    assert keys[0].tolist() == asked.tolist()
    expected = [np.flatnonzero(own == key).tolist() for key in asked]
    assert features_with_key(index, keys[0], begins[0], ends[0]) == expected
    assert any(expected) == (n > 0)


def test_of_few_votes_only_the_best_of_an_image_count(monkeypatch):
    monkeypatch.setattr(candidates, "MAX_PARTNERS", 1)
    counted = [(0, 1, 5, 50), (0, 2, 5, 60), (1, 2, 5, 40), (1, 3, 25, 1), (2, 3, 5, 60)]
    votes = np.array([(*each, False) for each in counted], VOTES)
    assert best_pairs(votes, 4).tolist() == [[0, 1], [0, 2], [1, 3], [2, 3]]
    assert best_pairs(votes[[1, 2, 3, 4]], 4).tolist() == [[0, 2], [1, 2], [1, 3], [2, 3]]


def test_where_all_images_share_many_features_only_the_best_partners_of_each_are_candidates():
    n = 100  # as pages of text do, of which each has the letters of all
    one, other = np.triu_indices(n, 1)
    votes = np.zeros(len(one), VOTES)
    votes["one"], votes["other"] = one, other
    votes["votes"] = votes["weight"] = (
        MANY_VOTES + np.random.default_rng(0).permutation(len(one)) % 200
    )
    looked_at = np.unique(best_pairs(votes, n), axis=0)
    assert (
        len(looked_at) <= n * (MAX_VOTED_PARTNERS + 2) < len(one)
    )  # and ties with the last of them
    strongest = votes[votes["votes"] == votes["votes"].max()]
    assert {*zip(strongest["one"], strongest["other"], strict=True)} <= {
        *map(tuple, looked_at.tolist())
    }
    votes["votes"] = MANY_VOTES - 1
    assert (
        n * MAX_PARTNERS / 2
        <= len(np.unique(best_pairs(votes, n), axis=0))
        <= n * (MAX_PARTNERS + 2)
    )


def test_candidates_are_found_in_any_order(cat, temple):
    features = [
        aligned_features(view)
        for view in (cat, temple, crop(cat, 0.8), ImageOps.flip(temple), noise(5))
    ]
    expected = {frozenset((0, 2)), frozenset((1, 3))}
    for order in itertools.islice(itertools.permutations(range(5)), 0, 120, 30):
        found = find_candidates([features[k] for k in order], MAX_VOTE_BITS["aligned"])
        assert {frozenset((order[a], order[b])) for a, b in found} >= expected
        assert (found[:, 0] < found[:, 1]).all()


def test_parts_of_a_collection_on_an_executor_find_the_same_candidates(cat, temple):
    views = [
        cat,
        temple,
        crop(cat, 0.8),
        ImageOps.flip(temple),
        noise(5),
        ImageOps.mirror(cat),
        crop(temple, 0.9),
    ]
    features = [aligned_features(view) for view in views]
    with ThreadPoolExecutor(2) as pool:
        for n in (1, 2, 5, 7):
            alone, elsewhere = (
                find_candidates(features[:n], MAX_VOTE_BITS["aligned"], executor)
                for executor in (None, pool)
            )
            assert alone.tolist() == elsewhere.tolist()
    assert [0, 5] in alone.tolist()


def test_keys_that_many_features_share_are_made_longer_in_large_collections(monkeypatch):
    images = made_up(25, 0)
    everything = np.ones(25, dtype=bool)
    expected = count_votes(images, everything, 56).tolist()
    monkeypatch.setattr(feature_sets, "MAX_UNCOUNTED_FEATURES", 0)
    monkeypatch.setattr(feature_sets, "MAX_SHARING", 128)
    assert count_votes(images, everything, 56).tolist() == expected  # none is shared by so many
    monkeypatch.setattr(feature_sets, "MAX_SHARING", 4)
    fewer = count_votes(images, everything, 56)
    assert len(expected) / 2 < len(fewer) < len(expected)
    monkeypatch.setattr(vote, "TARGETS_A_TILE", 100)  # what is common depends on all, not on a tile
    monkeypatch.setattr(feature_sets, "PART_IMAGES", 3)
    assert count_votes(images, everything, 56).tolist() == fewer.tolist()
    with ThreadPoolExecutor(2) as pool:
        assert count_votes(images, everything, 56, pool).tolist() == fewer.tolist()


def test_the_longest_keys_are_not_looked_up_if_very_many_features_share_them(monkeypatch):
    image = replace(max(made_up(5, 1), key=len), zoomed=None)
    images = [replace(image, colours=np.full((1, 1, 2), k, np.uint8)) for k in range(12)]
    everything = np.ones(12, dtype=bool)
    for name, most in [("MAX_UNCOUNTED_FEATURES", 0), ("MAX_SHARING", 4)]:
        monkeypatch.setattr(feature_sets, name, most)
    assert len(image) > 20
    assert len(count_votes(images, everything, 56)) == 66  # all pairs: however long, keys are equal
    monkeypatch.setattr(feature_sets, "MAX_SHARING_LONGEST", 8)
    assert len(count_votes(images, everything, 56)) == 0


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 60), st.integers(1, 6), st.integers(0, 10**6))
def test_a_key_is_as_long_as_it_takes_to_be_shared_by_few(n, most, seed):
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (n, 4), dtype=np.uint64)  # a few descriptors, often
    positions = np.array([[[64], [128], [192]]])
    first = np.array([[0]])
    descriptors = (bits & np.uint64(1)).astype(int).tolist()
    counts = np.zeros((1, 2**SLOT_BITS), np.uint8)
    for step in range(4):
        keys = read_keys(bits, first)
        steps = lengthen_keys(keys, bits, positions, counts, most)
        count_keys(keys[0], steps[0] == step, counts[0])
    expected = []
    for one in descriptors:
        length = 1
        while length < 4 and sum(other[:length] == one[:length] for other in descriptors) > most:
            length += 1
        expected.append(tuple(one[:length]))
    keys = read_keys(bits, first)
    lengthen_keys(keys, bits, positions, counts, most)
    pairs = {*zip(expected, keys[0].tolist(), strict=True)}
    assert len(pairs) == len(set(expected)) == len(set(keys[0].tolist()))

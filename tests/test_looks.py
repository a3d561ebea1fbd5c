"""Which pairs of local features are looked at: what is known is not counted again, and two collections are compared as one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter, ImageOps

from imgdup_nb import fingerprint_images, group_duplicates, scan_images, similar_pairs
from imgdup_nb.aligned import candidates, matching
from imgdup_nb.aligned import feature_index as feature_sets
from imgdup_nb.aligned.candidates import (
    MANY_VOTES,
    MAX_PARTNERS,
    MAX_VOTED_PARTNERS,
    VOTES,
    best_pairs,
    count_votes,
    find_candidates,
)
from imgdup_nb.aligned.feature_index import FeatureIndex, FeatureSet
from imgdup_nb.aligned.match_loops import SLOT_BITS, add_keys, may_hold, read_keys
from imgdup_nb.aligned.matching import SCORED_PAIRS, Known, find_local_pairs, partners_across
from imgdup_nb.demo import PHOTOS, _open_original
from imgdup_nb.engine.features import Features


def flipped(bits, rng, n):
    """Return descriptors with n bits changed in each."""
    changed = bits.copy()
    for row in changed:
        for place in rng.permutation(256)[:n]:
            row[place // 64] ^= np.uint64(1) << np.uint64(place % 64)
    return changed


def made_up(n, seed):
    """Return the features of n images that share patches here and there, plain, in the mirror or from closer by."""
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


# -- votes -----------------------------------------------------------------------------------------


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


def test_made_up_images_do_share_enough_for_votes():
    votes = count_votes(made_up(25, 0), np.ones(25, dtype=bool), 56)
    for zoomed in (False, True):
        assert 50 < (votes["zoomed"] == zoomed).sum() < 300
    assert (votes["votes"] >= candidates.MIN_VOTES).all()


def test_features_that_share_no_key_with_a_few_others_are_passed_over():
    images = made_up(40, 3)
    features = FeatureSet.join(images)
    positions = candidates.draw_positions(256, zoomed=False)
    few = features.keep(features.owner == 0)
    prefiltered = features.keep_sharing(few, positions)
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


def test_a_key_noted_is_known_and_few_others_are():
    rng = np.random.default_rng(0)
    keys, others = rng.integers(0, 2**28, (2, 1, 5000)).astype(np.uint32)
    bloom = np.zeros((1, 2**SLOT_BITS // 64), np.uint64)
    add_keys(keys, bloom)
    assert may_hold(keys, bloom).all()
    assert may_hold(others, bloom).mean() < 0.01


def test_an_index_of_few_features_answers_as_one_of_many(monkeypatch):
    features = FeatureSet.join(made_up(20, 4))
    positions = candidates.draw_positions(256, zoomed=False)
    answers = []
    for limit in (0, 2**16):
        monkeypatch.setattr(feature_sets, "MAX_BLOOM_FEATURES", limit)
        begins, ends = FeatureIndex.build(features, positions).look_up(features.mirrored)
        answers.append([ends - begins, np.where(ends > begins, begins, 0)])
    assert np.array_equal(*answers)
    assert answers[0][0].any()


def test_of_few_votes_only_the_best_of_an_image_count(monkeypatch):
    monkeypatch.setattr(candidates, "MAX_PARTNERS", 1)
    counted = [(0, 1, 5, 50), (0, 2, 5, 60), (1, 2, 5, 40), (1, 3, 25, 1), (2, 3, 5, 60)]
    votes = np.array([(*each, False) for each in counted], VOTES)
    assert best_pairs(votes, 4).tolist() == [[0, 1], [0, 2], [1, 3], [2, 3]]
    assert best_pairs(votes[[1, 2, 3, 4]], 4).tolist() == [[0, 2], [1, 2], [1, 3], [2, 3]]


def test_where_all_images_share_many_features_only_the_best_partners_of_each_are_looked_at():
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


# -- looks -----------------------------------------------------------------------------------------


def test_the_way_across_leads_over_one_image_of_each_side():
    near = np.array([(0, 5), (1, 5), (1, 6), (2, 6), (3, 7)])
    assert partners_across(near, near).tolist() == [[0, 6], [2, 5]]
    assert partners_across(near, np.append(near, [(0, 6)], axis=0)).tolist() == [[2, 5]]
    assert partners_across(near[:0], near).shape == (0, 2)


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Return the images of a folder: cats and temples changed in many ways, and what has too little texture."""
    folder = tmp_path_factory.mktemp("album")
    for name in ("cat", "temple"):
        photo = _open_original(PHOTOS[name]).convert("RGB")
        photo.save(folder / f"{name}.png")
        photo.crop((20, 30, photo.width - 60, photo.height - 25)).save(folder / f"{name}-crop.png")
        ImageOps.mirror(photo).save(folder / f"{name}-mirror.png")
        photo.rotate(25, Image.Resampling.BICUBIC).save(folder / f"{name}-turned.png")
        photo.save(folder / f"{name}-again.bmp")
    noise = Image.fromarray(np.random.default_rng(7).integers(0, 256, (9, 12, 3), dtype=np.uint8))
    for name, side in (("moon", 200), ("moon-small", 100)):
        noise.resize((side, side), Image.Resampling.BICUBIC).filter(
            ImageFilter.GaussianBlur(side / 8)
        ).save(folder / f"{name}.png")
    Image.new("RGB", (50, 50), "white").save(folder / "white.png")
    return scan_images(folder)


def rows(pairs):
    """Return what is said of each pair, whichever image is called left."""
    names = zip(pairs.left.astype(object), pairs.right.astype(object), strict=True)
    return dict(
        zip(
            map(frozenset, names),
            zip(pairs.similarity, pairs.relation, pairs.scored_by, strict=True),
            strict=True,
        )
    )


@pytest.mark.parametrize("method", ["aligned", "akaze"])
def test_two_collections_have_the_pairs_of_one_that_have_an_image_in_each(album, method):
    is_left = album.image.str.contains("crop|mirror|small|again")
    left, right = (fingerprint_images(some, method) for some in (album[is_left], album[~is_left]))
    whole = similar_pairs(fingerprint_images(album, method))
    pairs = similar_pairs(left, right)
    assert set(pairs.left) <= set(left.names)
    assert set(pairs.right) <= set(right.names)
    across = {pair: said for pair, said in rows(whole).items() if len(pair & set(left.names)) == 1}
    assert len(across) > 2
    assert rows(pairs) == across
    assert list(pairs) == list(whole)
    assert pairs.dtypes[2:].equals(whole.dtypes[2:])
    assert (pairs.attrs["sides"], pairs.attrs["n_images"], pairs.attrs["low_detail"]) == (
        2,
        len(album),
        1,
    )


def test_how_pictures_lie_is_told_from_the_left_collection_to_the_right_one(album):
    prints = {
        name: fingerprint_images(album[album.image == f"{name}.png"], "aligned")
        for name in ("cat", "cat-crop")
    }
    [there], [back] = (
        similar_pairs(prints[a], prints[b]).itertuples()
        for a, b in (("cat", "cat-crop"), ("cat-crop", "cat"))
    )
    assert there.overlap_right == pytest.approx(100, abs=2)
    assert there.overlap_left == pytest.approx(back.overlap_right)
    assert back.overlap_left > 1.1 * back.overlap_right


def test_two_collections_compared_on_an_executor_give_the_same_table(album):
    left, right = (fingerprint_images(some, "aligned") for some in (album[::2], album[1::2]))
    with ThreadPoolExecutor(2) as pool:
        elsewhere = similar_pairs(left, right, executor=pool)
    pd.testing.assert_frame_equal(elsewhere, similar_pairs(left, right), check_exact=True)


def test_groups_and_evidence_take_the_pairs_of_two_collections(album):
    left, right = (fingerprint_images(some, "aligned") for some in (album[::2], album[1::2]))
    pairs = similar_pairs(left, right)
    groups = list(group_duplicates(pairs, 80, linkage="connected"))
    assert sorted(
        sorted(name.split("-")[0].split(".")[0] for name in group)[0] for group in groups
    )[:1] == ["cat"]
    assert all(len({name.split("-")[0].split(".")[0] for name in group}) == 1 for group in groups)


@pytest.mark.parametrize("n_left", [0, 1])
def test_a_collection_without_images_or_partners_has_no_pairs(album, n_left):
    left, right = (
        fingerprint_images(album.iloc[:n_left], "aligned"),
        fingerprint_images(album.iloc[10:], "aligned"),
    )
    assert similar_pairs(left, right).empty
    assert similar_pairs(right, left).empty
    assert find_candidates([], 56).shape == (0, 2)


def test_what_is_known_is_not_looked_at_again_and_changes_nothing(album, monkeypatch):
    prints = fingerprint_images(album, "aligned")
    n, votes, seen = len(prints), [], []
    whole = find_local_pairs(
        prints,
        70,
        known=Known(
            np.ones(n, bool),
            np.zeros(0, VOTES),
            np.zeros(0, SCORED_PAIRS),
            votes.append,
            seen.append,
        ),
    )
    looked = []
    monkeypatch.setattr(
        matching, "score_pairs", lambda pairs, *_: looked.extend(pairs) or (score for score in ())
    )
    known = Known(np.zeros(n, bool), votes[0], np.concatenate(seen))
    for ours, theirs in zip(find_local_pairs(prints, 70, known=known), whole, strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(ours), pd.DataFrame(theirs), check_exact=True)
    assert looked == []

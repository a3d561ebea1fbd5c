"""Two collections have the pairs of one; what is known is not computed again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter, ImageOps

from aligned_pictures import photo
from imgdup_nb import fingerprint_images, group_duplicates, scan_images, similar_pairs
from imgdup_nb.aligned import matching
from imgdup_nb.aligned.best_votes import VOTES
from imgdup_nb.aligned.candidates import (
    find_candidates,
)
from imgdup_nb.aligned.matching import SCORED_PAIRS, Known, find_local_pairs, partners_across


def test_the_way_across_leads_over_one_image_of_each_side():
    near = np.array([(0, 5), (1, 5), (1, 6), (2, 6), (3, 7)])
    assert partners_across(near, near).tolist() == [[0, 6], [2, 5]]
    assert partners_across(near, np.append(near, [(0, 6)], axis=0)).tolist() == [[2, 5]]
    assert partners_across(near[:0], near).shape == (0, 2)


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Return a folder's images: cats and temples in many variations, and some without texture."""
    folder = tmp_path_factory.mktemp("album")
    for name in ("cat", "temple"):
        picture = photo(name)
        picture.save(folder / f"{name}.png")
        picture.crop((20, 30, picture.width - 60, picture.height - 25)).save(
            folder / f"{name}-crop.png"
        )
        ImageOps.mirror(picture).save(folder / f"{name}-mirror.png")
        picture.rotate(25, Image.Resampling.BICUBIC).save(folder / f"{name}-turned.png")
        picture.save(folder / f"{name}-again.bmp")
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


def test_overlaps_are_those_of_the_left_collection_and_of_the_right_one(album):
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


def test_known_scores_are_not_computed_again_and_change_nothing(album, monkeypatch):
    prints = fingerprint_images(album, "aligned")
    n, votes, seen = len(prints), [], []
    whole = find_local_pairs(
        prints,
        70,
        known=Known(
            np.ones(n, bool),
            np.zeros(0, VOTES),
            np.zeros(0, SCORED_PAIRS),
            lambda counted, _numbers: votes.append(counted),
            seen.append,
        ),
    )
    looked = []
    monkeypatch.setattr(
        matching, "score_pairs", lambda pairs, *_: looked.extend(pairs) or (score for score in ())
    )
    known = Known(np.zeros(n, bool), np.concatenate(votes), np.concatenate(seen))
    for ours, theirs in zip(find_local_pairs(prints, 70, known=known), whole, strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(ours), pd.DataFrame(theirs), check_exact=True)
    assert looked == []

"""Copies across splits: counts, shares, classes, and the table without them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

import imgdup_nb as dup

LEFT, RIGHT = ["left", "right"]


def images_of(splits, **columns):
    return pd.DataFrame(
        {"image": [f"{k}.png" for k in range(len(splits))], "split": splits}
    ).assign(problem="", **columns)


def pairs_of(links, n, floor=70.0):
    """Return a pair table of (place, place, similarity, relation)."""
    rows = [(f"{a}.png", f"{b}.png", 0, s, kind) for a, b, s, kind in links]
    pairs = pd.DataFrame(rows, columns=[LEFT, RIGHT, "distance", "similarity", "relation"])
    pairs.attrs = {"floor": floor, "method": "phash", "n_images": n}
    return pairs


@st.composite
def data_sets(draw):
    n = draw(st.integers(0, 9))
    splits = [draw(st.sampled_from(["train", "test", "val", None])) for _ in range(n)]
    if n and not any(splits):
        splits[0] = "train"
    couples = [(a, b) for a in range(n) for b in range(a + 1, n) if draw(st.booleans())]
    kinds = st.sampled_from(["same bytes", "same pixels", "near"])
    levels = st.sampled_from([100.0, 93.75, 90.0, 89.0, 75.0])
    return splits, [(a, b, draw(levels), draw(kinds)) for a, b in couples]


@settings(deadline=None, max_examples=40)
@given(data_sets())
def test_counts_are_those_of_a_plain_loop(made):
    splits, links = made
    leaks = dup.find_leaks(pairs_of(links, len(splits)), images_of(splits), threshold=90)
    near = [link for link in links if link[2] >= 90]
    for one in leaks.matrix.index:
        inside = [k for k, split in enumerate(splits) if split == one]
        elsewhere, exact_elsewhere = set(), set()
        for other in leaks.matrix.index:
            touching = [
                (k, kind)
                for k in inside
                for a, b, _, kind in near
                if k in (a, b) and splits[a + b - k] == other
            ]
            found = {k for k, _ in touching}
            exact = {k for k, kind in touching if kind != "near"}
            n_pairs = sum({splits[a], splits[b]} == {one, other} for a, b, _, _ in near)
            assert leaks.matrix.loc[one, ("images", other)] == len(found)
            assert leaks.matrix.loc[one, ("exact", other)] == len(exact)
            assert leaks.matrix.loc[one, ("pairs", other)] == n_pairs
            if other != one:
                elsewhere |= found
                exact_elsewhere |= exact
        row = leaks.shares.loc[one]
        assert (row.images, row.leaked) == (len(inside), len(elsewhere))
        assert (row.exact, row.near) == (
            len(exact_elsewhere),
            len(elsewhere) - len(exact_elsewhere),
        )
    across = [
        link for link in near if None not in (splits[link[0]], splits[link[1]])
        and splits[link[0]] != splits[link[1]]
    ]  # fmt: skip
    assert len(leaks) == len(across)
    assert leaks.n_without == splits.count(None)


@settings(deadline=None, max_examples=40)
@given(data_sets(), st.sampled_from(["train", "test", "val"]))
def test_after_removal_nothing_leaks_into_the_split_that_stays_whole(made, keep):
    splits, links = made
    images, pairs = images_of(splits), pairs_of(links, len(splits))
    if keep not in splits:
        with pytest.raises(ValueError, match="keep must be one of"):
            dup.remove_leaks(pairs, images, keep)
        return
    left = dup.remove_leaks(pairs, images, keep)
    removed = set(images.image) - set(left.image)
    wanted = {
        f"{one}.png"
        for a, b, similarity, _ in links
        for one, other in ((a, b), (b, a))
        if similarity >= 90 and splits[other] == keep and splits[one] not in (keep, None)
    }
    assert removed == wanted
    leaks = dup.find_leaks(pairs, images)
    pd.testing.assert_frame_equal(dup.remove_leaks(leaks, images, keep), left)


def test_a_list_of_splits_keeps_the_first_whole_then_the_second():
    images = images_of(["test", "val", "train", "val", "train"])
    pairs = pairs_of([(0, 1, 100, "near"), (1, 2, 100, "near"), (3, 4, 100, "near")], 5)
    left = dup.remove_leaks(pairs, images, ["test", "val"])
    # 1 is a copy of 0; so 2, which is a copy of 1 only, may stay; 4 is a copy of 3
    assert list(left.image) == ["0.png", "2.png", "3.png"]


def test_the_interval_is_that_of_clopper_and_pearson():
    images = images_of(["test"] * 10 + ["train"])
    pairs = pairs_of([(0, 10, 100, "same bytes"), (1, 10, 95, "near")], 11)
    row = dup.find_leaks(pairs, images).shares.loc["test"]
    assert (row.leaked, row.exact, row.near, row.share) == (2, 1, 1, 0.2)
    np.testing.assert_allclose(
        [row.low, row.high], [beta.ppf(0.025, 2, 9), beta.ppf(0.975, 3, 8)], rtol=1e-9
    )


def test_with_a_label_the_shares_are_counted_for_each_class():
    images = images_of(["test", "test", "train", "train"], label=["cat", "dog", "cat", None])
    leaks = dup.find_leaks(pairs_of([(0, 2, 100, "near")], 4), images, label="label")
    rows = leaks.classes.set_index(["split", "label"])
    assert list(rows.leaked) == [1, 0, 1]
    assert list(rows.index) == [("test", "cat"), ("test", "dog"), ("train", "cat")]
    assert list(leaks.table.left_label) == ["cat"]
    assert dup.find_leaks(pairs_of([], 4), images).classes.empty


def test_the_most_similar_pair_comes_first_and_the_exact_one_before_the_near_one():
    images = images_of(["test", "test", "test", "train"])
    links = [(0, 3, 95, "near"), (1, 3, 100, "near"), (2, 3, 100, "same bytes")]
    table = dup.find_leaks(pairs_of(links, 4), images).table
    assert list(table.left) == ["2.png", "1.png", "0.png"]
    assert list(table.right_split) == ["train"] * 3
    assert table.attrs["floor"] == 70


def test_left_and_right_are_those_of_the_pair_table():
    pairs = pairs_of([(1, 0, 100, "near")], 2)
    table = dup.find_leaks(pairs, images_of(["test", "train"])).table
    assert table[[LEFT, RIGHT, "left_split"]].to_numpy().tolist() == [["1.png", "0.png", "train"]]


def test_unreadable_images_are_counted_apart():
    images = images_of(["test", "test", "train"])
    images.loc[1, "problem"] = "empty file"
    shares = dup.find_leaks(pairs_of([(0, 2, 100, "near")], 3), images).shares
    assert list(shares.loc["test", ["images", "leaked", "share", "unreadable"]]) == [1, 1, 1, 1]


def test_a_split_without_readable_images_has_no_share():
    images = images_of(["test", "train"])
    images.loc[0, "problem"] = "empty file"
    leaks = dup.find_leaks(pairs_of([], 2), images)
    assert np.isnan(leaks.shares.share["test"])
    assert "test: 0 of 0 images (no share)" in repr(leaks)


def test_columns_that_are_missing_give_an_error_that_names_those_there():
    images = images_of(["test", "train"])
    for call in (
        lambda: dup.find_leaks(pairs_of([], 2), images, by="fold"),
        lambda: dup.find_leaks(pairs_of([], 2), images, label="fold"),
        lambda: dup.remove_leaks(pairs_of([], 2), images, by="fold"),
    ):
        with pytest.raises(ValueError, match=r"'fold' is not one of them: 'image', 'split', 'p"):
            call()


def test_an_image_of_a_pair_without_a_row_is_an_error():
    with pytest.raises(ValueError, match=r"a row for '2\.png'"):
        dup.find_leaks(pairs_of([(0, 2, 100, "near")], 3), images_of(["test", "train"]))


def test_a_threshold_below_the_floor_is_an_error():
    with pytest.raises(ValueError, match="would be incomplete"):
        dup.find_leaks(pairs_of([], 2, floor=95), images_of(["test", "train"]), threshold=90)


def test_a_column_of_ids_is_no_split():
    images = images_of([f"id {k}" for k in range(1001)])
    with pytest.raises(ValueError, match="at most 1,000 different values"):
        dup.find_leaks(pairs_of([], 1001), images)


@pytest.mark.parametrize("n_test", [1, 7])
def test_of_very_many_copies_every_image_that_leaks_is_counted(n_test):
    """The pair table lists only pairs with the original; the others leak all the same."""
    n = 1100
    bits = np.zeros((n + 2, 64), dtype=bool)
    bits[n, :3] = True  # near all of them
    bits[n + 1, 30:] = True  # near none
    names = [f"{k:04}.png" for k in range(n + 2)]
    splits = ["test"] * n_test + ["train"] * (n - n_test) + ["val", "val"]
    images = pd.DataFrame({"image": names, "split": splits})
    pairs = dup.similar_pairs(dup.Fingerprints.from_bits(names, bits))
    assert len(pairs.attrs["copies"]) == 1
    leaks = dup.find_leaks(pairs, images)
    assert list(leaks.shares.leaked[["test", "train", "val"]]) == [n_test, n - n_test, 1]
    assert leaks.matrix.loc["train", ("images", "val")] == n - n_test
    assert leaks.matrix.loc["val", ("images", "test")] == 1
    assert leaks.matrix.loc["test", ("images", "test")] == (n_test if n_test > 1 else 0)
    left = dup.remove_leaks(leaks, images, "val")
    assert list(left.image) == names[n:]


def test_very_many_copies_in_one_split_leak_through_a_near_one():
    n = 1100
    bits = np.zeros((n + 1, 64), dtype=bool)
    bits[n, :3] = True
    names = [f"{k:04}.png" for k in range(n + 1)]
    images = pd.DataFrame({"image": names, "split": ["train"] * n + ["test"]})
    leaks = dup.find_leaks(dup.similar_pairs(dup.Fingerprints.from_bits(names, bits)), images)
    assert list(leaks.shares.leaked[["train", "test"]]) == [n, 1]


def test_the_text_says_what_was_found_and_escapes_names():
    images = images_of(["<b>", "<b>", "train"])
    leaks = dup.find_leaks(pairs_of([(0, 2, 95, "near")], 3), images)
    assert repr(leaks).startswith(
        "<Leaks: 1 pair across splits at 90 % (phash)\n<b>: 1 of 2 images"
    )
    assert "verify_pairs(pairs, images) checks them" in repr(leaks)
    assert "<b>" not in leaks._repr_html_()


def test_a_viewer_shows_the_leaks(photos):
    with pytest.warns(UserWarning, match="could not be read"):
        images = dup.scan_images(photos)
    images["split"] = np.where(images.image.str.startswith("sub"), "test", "train")
    pairs = dup.similar_pairs(dup.fingerprint_images(images))
    leaks = dup.find_leaks(pairs, images)
    assert list(leaks.shares.leaked[["test", "train"]]) == [2, 3]
    viewer = dup.PairViewer(leaks.table, images)
    viewer.close()

"""Groups against plain versions of the same rules, and the promises made about them."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imgdup_nb import (
    Fingerprints,
    group_duplicates,
    similar_pairs,
    sweep_thresholds,
    threshold_changes,
)
from imgdup_nb.engine.group_loops import complete_levels
from imgdup_nb.groups import LINKAGES
from made_pairs import pairs_of
from pair_tables import THRESHOLDS, pair_table, pair_tables


def lookup(pairs):
    table = {}
    for left, right, similarity in zip(pairs.left, pairs.right, pairs.similarity, strict=True):
        table[left, right] = table[right, left] = similarity
    return table


def plain_star(pairs, threshold):
    """An image is an original unless an earlier one is near; members join the nearest original."""
    similarity = lookup(pairs)
    names = sorted({*pairs.left, *pairs.right})
    originals = []
    for name in names:
        if not any(similarity.get((original, name), 0) >= threshold for original in originals):
            originals.append(name)
    groups = {original: [original] for original in originals}
    for name in names:
        if name not in groups:
            best = max(similarity.get((original, name), 0) for original in originals)
            groups[next(o for o in originals if similarity.get((o, name), 0) == best)].append(name)
    return {frozenset(group) for group in groups.values() if len(group) > 1}


def plain_connected(pairs, threshold):
    groups = [{name} for name in {*pairs.left, *pairs.right}]
    for (one, other), similarity in lookup(pairs).items():
        if similarity >= threshold:
            joined = [group for group in groups if one in group or other in group]
            groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    return {frozenset(group) for group in groups if len(group) > 1}


@given(pair_tables(), THRESHOLDS)
@settings(deadline=None)
def test_star_groups_are_those_of_the_plain_rule(pairs, threshold):
    assert {frozenset(group) for group in group_duplicates(pairs, threshold)} == plain_star(
        pairs, threshold
    )


@given(pair_tables(), THRESHOLDS)
@settings(deadline=None)
def test_connected_groups_are_the_components(pairs, threshold):
    groups = group_duplicates(pairs, threshold, linkage="connected")
    assert {frozenset(group) for group in groups} == plain_connected(pairs, threshold)


@given(pair_tables(), THRESHOLDS)
@settings(deadline=None)
def test_star_members_reach_the_threshold_to_the_original(pairs, threshold):
    similarity = lookup(pairs)
    for original, *members in group_duplicates(pairs, threshold):
        assert all(similarity[original, member] >= threshold for member in members)


@given(pair_tables(), THRESHOLDS)
@settings(deadline=None)
def test_complete_groups_hold_no_pair_below_the_threshold_and_could_not_be_joined(pairs, threshold):
    similarity = lookup(pairs)
    groups = list(group_duplicates(pairs, threshold, linkage="complete"))
    for group in groups:
        assert all(similarity[pair] >= threshold for pair in itertools.combinations(group, 2))
    alone = {*pairs.left, *pairs.right} - {name for group in groups for name in group}
    for one, other in itertools.combinations([*groups, *([name] for name in alone)], 2):
        assert any(similarity.get(pair, 0) < threshold for pair in itertools.product(one, other))


def plain_complete_levels(first, second, level, like, n_levels):
    """Merge two clusters as soon as all pairs between them have been met, with lists and dicts."""
    members = {image: [image] for image in range(len(like))}
    met = {}
    tally = []
    for k in range(n_levels):
        for a, b in zip(first[level == k].tolist(), second[level == k].tolist(), strict=True):
            met[a, b] = True
            a, b = (
                next(head for head, images in members.items() if image in images)
                for image in (a, b)
            )
            a, b = min(a, b), max(a, b)
            if all((min(x, y), max(x, y)) in met for x in members[a] for y in members[b]):
                members[a] += members.pop(b)
        sizes = [
            sum((like == image).sum() for image in images)
            for head, images in members.items()
            if like[head] == head
        ]
        sizes = [size for size in sizes if size > 1]
        tally.append((len(sizes), sum(sizes), max(sizes, default=0)))
    owner = {image: head for head, images in members.items() for image in images}
    return [owner[image] for image in range(len(like))], tally


@given(st.integers(0, 2**32), st.integers(0, 14), st.floats(0, 1), st.floats(0, 0.3))
@example(seed=1, n=50, density=0.6, copied=0.0)  # more pairs of clusters than its tables begin with
@settings(max_examples=60, deadline=None)
def test_the_compiled_complete_linkage_gives_what_lists_and_dicts_give(seed, n, density, copied):
    random = np.random.default_rng(seed)
    like = np.arange(n, dtype=np.int32)
    if n:
        like[random.random(n) < copied] = 0
    pairs = [
        (a, b)
        for a in range(n)
        for b in range(a + 1, n)
        if like[a] == a and like[b] == b and random.random() < density
    ]
    first, second = np.array(pairs, dtype=np.int32).reshape(-1, 2).T
    level = np.sort(random.integers(0, 5, len(pairs))).astype(np.int32)
    owner, tally = complete_levels(first.copy(), second.copy(), level, like, 4)
    expected_owner, expected_tally = plain_complete_levels(first, second, level, like, 4)
    kept = like == np.arange(n)
    assert owner[kept].tolist() == np.array(expected_owner, dtype=int)[kept].tolist()
    assert [tuple(row) for row in tally] == expected_tally


@given(pair_tables(), THRESHOLDS, THRESHOLDS, st.sampled_from(["connected", "complete"]))
@settings(deadline=None)
def test_a_stricter_threshold_only_splits_groups(pairs, one, other, linkage):
    loose, strict = sorted([one, other])
    wholes = [set(group) for group in group_duplicates(pairs, loose, linkage=linkage)]
    for group in group_duplicates(pairs, strict, linkage=linkage):
        assert any(set(group) <= whole for whole in wholes)


@given(pair_tables(), THRESHOLDS, st.sampled_from(LINKAGES), st.randoms())
@settings(deadline=None)
def test_rows_in_any_order_and_direction_give_the_same_table(pairs, threshold, linkage, random):
    rows = [
        tuple(row) if random.random() < 0.5 else (row[1], row[0], row[2])
        for row in pairs.to_numpy().tolist()
    ]
    random.shuffle(rows)
    shuffled = pair_table(rows, n_images=pairs.attrs["n_images"])
    one, other = (
        group_duplicates(table, threshold, linkage=linkage) for table in (pairs, shuffled)
    )
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.left_out == other.left_out


@given(pair_tables(), THRESHOLDS, st.sampled_from(LINKAGES))
@settings(deadline=None)
def test_an_image_is_in_one_group_at_most_and_groups_have_two_or_more(pairs, threshold, linkage):
    groups = group_duplicates(pairs, threshold, linkage=linkage)
    names = [name for group in groups for name in group]
    assert len(names) == len(set(names)) == len(groups.table)
    assert all(len(group) > 1 for group in groups)
    near = pairs[pairs.similarity >= threshold]
    assert set(groups.left_out) == {*near.left, *near.right} - set(names)


@given(pair_tables(), THRESHOLDS, st.sampled_from(LINKAGES))
@settings(deadline=None)
def test_similarity_is_to_the_original_and_weakest_is_over_all_pairs(pairs, threshold, linkage):
    similarity = lookup(pairs)
    for _, rows in group_duplicates(pairs, threshold, linkage=linkage).table.groupby("group"):
        original, *members = rows.image
        assert rows.original.tolist() == [True] + [False] * len(members)
        assert rows.similarity.iloc[0] == 100
        expected = [similarity.get((original, member), np.nan) for member in members]
        np.testing.assert_array_equal(rows.similarity.iloc[1:], expected)
        pairs_inside = [
            similarity.get(pair, np.nan) for pair in itertools.combinations(rows.image, 2)
        ]
        np.testing.assert_array_equal(rows.weakest, [np.min(pairs_inside)] * len(rows))


def test_the_original_comes_first_then_the_most_similar_and_the_largest_group_leads():
    pairs = pair_table([("x", "y", 99), ("a", "c", 92), ("a", "b", 91), ("b", "c", 90)])
    assert list(group_duplicates(pairs, 90)) == [["a", "c", "b"], ["x", "y"]]


def test_the_original_is_the_name_without_additions():
    pairs = pair_table(
        [
            ("cat (1).jpg", "cat.jpg", 99),
            ("cat copy.png", "cat.jpg", 98),
            ("cat (1).jpg", "cat copy.png", 97),
        ]
    )
    assert next(iter(group_duplicates(pairs, 90)))[0] == "cat.jpg"


def test_the_threshold_is_inclusive():
    pairs = pair_table([("a", "b", 90.625)])
    assert len(group_duplicates(pairs, 90.625)) == 1
    assert len(group_duplicates(pairs, 90.626)) == 0
    thirds = pair_table([("a", "b", 100 * (1 - 3 / 42))])
    assert len(group_duplicates(thirds, 100 * (42 - 3) / 42)) == 1


def test_a_chain_is_shown_as_such():
    pairs = pair_table([("a", "b", 95), ("b", "c", 95), ("a", "c", 75)])
    connected = group_duplicates(pairs, 90, linkage="connected")
    assert connected.summary.iloc[0].to_dict() == {
        "group": 1, "original": "a", "lowest": 75, "images": 3, "weakest": 75, "chained": True,
    }  # fmt: skip
    assert list(group_duplicates(pairs, 90)) == [["a", "b"]]
    assert group_duplicates(pairs, 90).left_out == ["c"]


def test_a_chain_below_the_floor_has_no_number():
    pairs = pair_table([("a", "b", 95), ("b", "c", 95)])
    connected = group_duplicates(pairs, 90, linkage="connected")
    assert connected.summary.chained.tolist() == [True]
    assert np.isnan(connected.table.weakest).all()
    response = connected.to_response()
    assert response["Duplicates"][0]["duplicatesInGroup"][2] == {"ImageId": "c", "Similarity": None}
    assert json.loads(json.dumps(response, allow_nan=False)) == response


def test_the_response_is_the_tutorials_and_on_request_the_clients():
    groups = group_duplicates(pair_table([("image1.jpg", "image1_copy.jpg", 98.4375)]), 90)
    assert groups.to_response() == {
        "Duplicates": [
            {
                "duplicatesInGroup": [
                    {"ImageId": "image1.jpg", "Similarity": 100.0},
                    {"ImageId": "image1_copy.jpg", "Similarity": 98.4375},
                ]
            }
        ],
        "Code": 200,
        "Status": "OK",
    }
    assert groups.to_response("sdk") == {
        "duplicates": [
            {
                "duplicateImages": [
                    {"imageId": "image1.jpg", "similarity": 100.0},
                    {"imageId": "image1_copy.jpg", "similarity": 98.4375},
                ]
            }
        ]
    }
    with pytest.raises(ValueError, match="'tutorial', 'sdk'"):
        groups.to_response("camel")


def test_a_threshold_below_the_floor_is_an_error_that_says_how():
    pairs = pair_table([("a", "b", 95)], floor=85)
    message = (
        "from 85 up, so groups at 80 would be incomplete; "
        r"make it with similar_pairs\(fingerprints, min_similarity=80\)"
    )
    for ask in (
        lambda: group_duplicates(pairs, 80),
        lambda: sweep_thresholds(pairs, [90, 80]),
        lambda: threshold_changes(pairs, 90, 80),
    ):
        with pytest.raises(ValueError, match=message):
            ask()
    assert len(group_duplicates(pairs, 85)) == 1


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (101, ValueError),
        (-1, ValueError),
        (float("nan"), ValueError),
        ("90", TypeError),
        (True, TypeError),
    ],
)
def test_a_wrong_threshold_is_an_error_that_names_it(value, error):
    with pytest.raises(error, match="threshold must be"):
        group_duplicates(pair_table([("a", "b", 95)]), value)


def test_a_wrong_linkage_or_table_is_an_error_that_names_it():
    pairs = pair_table([("a", "b", 95)])
    with pytest.raises(ValueError, match="linkage must be one of 'star', 'connected', 'complete'"):
        group_duplicates(pairs, 90, linkage="single")
    with pytest.raises(TypeError, match="similar_pairs"):
        group_duplicates(pairs.drop(columns="similarity"), 90)
    with pytest.raises(TypeError, match="similar_pairs"):
        group_duplicates([("a", "b", 95)], 90)


def test_a_table_from_a_csv_file_asks_for_its_floor(tmp_path):
    bits = np.zeros((3, 64), dtype=bool)
    bits[2, :30] = True
    pairs = similar_pairs(Fingerprints.from_bits(["a", "b", "c"], bits))
    pairs.to_csv(tmp_path / "pairs.csv", index=False)
    again = pd.read_csv(tmp_path / "pairs.csv")
    with pytest.raises(ValueError, match=r"pairs.attrs\['floor'\] = 70"):
        group_duplicates(again, 90)
    again.attrs["floor"] = 70
    assert list(group_duplicates(again, 90)) == list(group_duplicates(pairs, 90)) == [["a", "b"]]


def test_the_floor_travels_with_selections():
    pairs = pair_table([("a", "b", 95), ("c", "d", 92)], floor=85)
    assert list(group_duplicates(pairs[pairs.left == "a"].sort_values("right"), 85)) == [["a", "b"]]


@pytest.mark.parametrize("linkage", LINKAGES)
def test_no_pairs_give_no_groups(linkage):
    empty = similar_pairs(Fingerprints.from_bits([], np.zeros((0, 64))))
    groups = group_duplicates(empty, 90, linkage=linkage)
    assert len(groups) == len(list(groups)) == len(groups.summary) == 0
    assert groups.to_response()["Duplicates"] == []
    assert sweep_thresholds(empty, linkage=linkage)[["pairs", "groups", "largest"]].sum().sum() == 0
    assert len(threshold_changes(empty, 95, 90, linkage=linkage)) == 0
    assert len(sweep_thresholds(empty, [], linkage=linkage)) == 0


def test_nothing_found_says_what_to_try():
    pairs = pair_table([("a", "b", 91)], n_images=5)
    assert "lower threshold: the nearest pair has 91 %" in repr(group_duplicates(pairs, 95))
    nothing = pair_table([], n_images=5)
    assert "orientations=True" in repr(group_duplicates(nothing, 95))
    assert "add images" in repr(group_duplicates(pair_table([], n_images=1), 95))


def test_everything_in_one_group_says_what_to_try():
    pairs = pair_table([(*pair, 95) for pair in itertools.combinations("abcde", 2)])
    assert "raise the threshold" in repr(group_duplicates(pairs, 90))
    assert "star" in repr(group_duplicates(pairs, 90, linkage="connected"))


def test_a_grouping_shows_its_numbers_and_escapes_names():
    groups = group_duplicates(
        pair_table([("<script>alert(1)</script>.jpg", "b.jpg", 95)], n_images=7), 90
    )
    assert "1 group at 90 % (star linkage): 2 of 7 images, 1 redundant, largest 2 (phash)" in repr(
        groups
    )
    assert "<script>" not in groups._repr_html_()
    assert "&lt;script&gt;" in groups._repr_html_()


def test_groups_are_taken_by_number_and_written_to_a_file(tmp_path):
    groups = group_duplicates(pair_table([("a", "b", 95), ("b", "c", 91), ("x", "y", 99)]), 90)
    assert groups[2] == ["x", "y"]
    with pytest.raises(KeyError, match="numbered from 1 to 2, and 0 is none of them"):
        groups[0]
    groups.to_csv(tmp_path / "groups.csv")
    assert list(pd.read_csv(tmp_path / "groups.csv").image) == list(groups.table.image)


def test_every_image_has_a_group_number_and_singles_one_of_their_own():
    groups = group_duplicates(pair_table([("a", "b", 95), ("x", "y", 99)]), 90)
    images = pd.DataFrame({"image": ["n", "b", "a", "y", "x", "m"]}, index=[5, 4, 3, 2, 1, 0])
    ids = groups.ids(images)
    assert ids.to_dict() == {5: 3, 4: 1, 3: 1, 2: 2, 1: 2, 0: 4}
    assert list(groups.keep_list(images).image) == ["n", "a", "x", "m"]
    with pytest.raises(TypeError, match="images must be a table made by scan_images"):
        groups.ids(["a"])


def test_a_mark_of_direction_in_a_name_is_seen_in_a_notebook():
    pairs = pair_table([("cat\u202egnp.exe", "cat\u202egnp.jpg", 95)])
    shown = group_duplicates(pairs, 90)._repr_html_()
    assert "\u202e" not in shown
    assert "cat·gnp." in shown


def test_a_methods_name_is_escaped_in_a_notebook():
    pairs = pair_table([("a", "b", 95)])
    pairs.attrs["method"] = "<script>alert(1)</script>"
    assert "<script>" not in group_duplicates(pairs, 90)._repr_html_()


def test_the_path_between_two_images_is_the_chain_with_the_strongest_weakest_pair():
    pairs = pairs_of(["a", "b", "c", "d"], [0, 6, 12, 40], min_similarity=70)
    groups = group_duplicates(pairs, 80, linkage="connected")
    steps = groups.path("c", "a")
    assert list(zip(steps.left, steps.right, steps.similarity, strict=True)) == [
        ("c", "b", 90.625),
        ("b", "a", 90.625),
    ]  # the direct pair has 81.25 only
    assert len(groups.path("a", "b")) == 1
    assert len(groups.path("a", "a")) == 0
    with pytest.raises(ValueError, match="must be of one group"):
        groups.path("a", "d")


@pytest.mark.parametrize(("n_images", "words"), [(0, "0 images"), (1, "1 image"), (2, "2 images")])
def test_no_groups_are_said_in_words_for_any_number_of_images(n_images, words):
    bits = np.arange(n_images * 64).reshape(n_images, 64) % 5 == 0
    prints = Fingerprints.from_bits(list("ab")[:n_images], bits)
    groups = group_duplicates(similar_pairs(prints, min_similarity=100), 100)
    assert f"no groups at 100 % (star linkage, {words}, phash)" in repr(groups)
    assert "(s)" not in repr(groups)
    with pytest.raises(KeyError, match="there are no groups, so there is no group 1"):
        groups[1]

"""Two collections against each other: each pair once, sides kept."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from imgdup_nb import (
    Fingerprints,
    Labels,
    PairLabeler,
    PairViewer,
    ThresholdExplorer,
    apply_labels,
    choose_keepers,
    fingerprint_images,
    group_duplicates,
    mark_bursts,
    plot_matrix,
    plot_true_and_false,
    record_decision,
    scan_images,
    score_labels,
    score_thresholds,
    similar_pairs,
    similarity_matrix,
    threshold_changes,
    verify_pairs,
)


def prints_of(names, distances, **options):
    """Make fingerprints that are so many bits away from all zeros."""
    bits = np.zeros((len(names), 64), bool)
    for row, distance in zip(bits, distances, strict=True):
        row[:distance] = True
    return Fingerprints.from_bits(names, bits, **options)


def rows(pairs):
    return list(zip(pairs.left, pairs.right, pairs.distance, strict=True))


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.integers(0, 30), max_size=8),
    st.lists(st.integers(0, 30), max_size=8),
    st.sampled_from([70, 90, 100]),
)
def test_the_pairs_are_those_of_one_collection_that_have_a_side_in_each(new, old, floor):
    left, right = [f"n{k}" for k in range(len(new))], [f"o{k}" for k in range(len(old))]
    whole = similar_pairs(prints_of(left + right, new + old), min_similarity=floor)
    expected = {frozenset(row) for row in rows(whole) if row[0][0] == "n" and row[1][0] == "o"}
    found = similar_pairs(prints_of(left, new), prints_of(right, old), min_similarity=floor)
    assert {frozenset(row) for row in rows(found)} == expected
    assert len(found) == len(expected)
    assert found.attrs["n_images"] == len(new) + len(old)


def test_sides_are_kept_whatever_the_names():
    pairs = similar_pairs(prints_of(["z", "m"], [0, 9]), prints_of(["a", "m"], [1, 9]))
    assert rows(pairs)[:2] == [("m", "m", 0), ("z", "a", 1)]
    assert pairs.attrs["sides"] == 2
    assert list(pairs.left.cat.categories) == ["m", "z"]
    assert list(pairs.right.cat.categories) == ["a", "m"]


def test_a_name_on_both_sides_is_told_apart_in_groups_and_the_right_side_holds_the_originals():
    pairs = similar_pairs(prints_of(["a", "m"], [0, 30]), prints_of(["b", "m"], [1, 30]))
    assert list(group_duplicates(pairs, 90)) == [["b", "a"], ["right:m", "left:m"]]
    assert list(threshold_changes(pairs, 100, 90).images) == [["b", "a"]]


def test_what_changes_between_thresholds_names_images_as_the_groups_do():
    pairs = similar_pairs(prints_of(["m"], [0]), prints_of(["m"], [3]))
    changes = threshold_changes(pairs, 100, 90)
    assert changes.images[0] == ["right:m", "left:m"]
    assert changes.because[0] == [("left:m", "right:m", pytest.approx(100 * 61 / 64))]


def test_the_same_bytes_are_noticed_across_two_folders(photos, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "hound.png").write_bytes((photos / "dog.png").read_bytes())
    (tmp_path / "old" / "blank.png").write_bytes((photos / "white.png").read_bytes())
    with pytest.warns(UserWarning, match="could not be read"):
        new = fingerprint_images(scan_images(photos))
    pairs = similar_pairs(new, fingerprint_images(scan_images(tmp_path / "old")), min_similarity=95)
    found = set(zip(pairs.left, pairs.right, pairs.relation, strict=True))
    # blank pictures are in pairs only with equal ones
    assert found == {(n, "hound.png", "same bytes") for n in ("dog.png", "dog again.png")} | {
        ("white.png", "blank.png", "same bytes")
    }


def test_different_methods_or_orientations_are_an_error_that_says_what_to_do():
    ours = prints_of(["a"], [0])
    with pytest.raises(ValueError, match="by phash and dhash; make one of them again"):
        similar_pairs(ours, prints_of(["b"], [0], method="dhash"))
    views = Fingerprints(ours.images, ours.method, ours.codes.repeat(8, axis=1), ours.problems)
    with pytest.raises(ValueError, match="have 1 and 8; make one of them again"):
        similar_pairs(ours, views)
    with pytest.raises(TypeError, match="others must be made by fingerprint_images"):
        similar_pairs(ours, [1, 2])


# -- evidence about two collections ----------------------------------------------------------------


def two_sides(names_left, left, names_right, right, floor=70):
    return similar_pairs(
        prints_of(names_left, left), prints_of(names_right, right), min_similarity=floor
    )


def test_only_pairs_across_count_and_those_of_images_without_any_pair_are_missed():
    pairs = two_sides(
        ["a1", "a2", "b1"], [0, 1, 40], ["a3", "b2"], [2, 64]
    )  # b1 and b2 are 24 bits apart: not in the table
    scores = score_thresholds(pairs, lambda name: name[0], thresholds=[90])
    assert scores[["pairs", "true", "false", "missed", "recall"]].iloc[0].tolist() == [
        2,
        2,
        0,
        1,
        pytest.approx(2 / 3),
    ]


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abc")), max_size=6),
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abc")), max_size=6),
    st.booleans(),
)
def test_scores_of_two_collections_are_those_of_a_double_loop(new, old, is_shared):
    names = [
        [f"{group}{word}{k}" for k, (_, group) in enumerate(side)]
        for word, side in (("l", new), ("r", old))
    ]
    if is_shared:  # the same name on both sides wherever their groups are equal
        names = [[name.replace("l", "x").replace("r", "x") for name in side] for side in names]
    pairs = two_sides(names[0], [d for d, _ in new], names[1], [d for d, _ in old])
    row = score_thresholds(pairs, lambda name: name[0], thresholds=[90]).iloc[0]
    across = [(abs(one - other) <= 6, a == b) for one, a in new for other, b in old]
    found, true = sum(near for near, _ in across), sum(near and same for near, same in across)
    assert (row.pairs, row.true, row.missed) == (
        found,
        true,
        sum(same for _, same in across) - true,
    )


def test_a_truth_may_call_images_as_their_collections_do():
    pairs = two_sides(["cat", "dog"], [0, 40], ["cat", "tom"], [3, 1])
    groups = {"cat": "cat", "tom": "cat", "dog": "dog"}
    table = pd.DataFrame({"left": ["cat", "cat"], "right": ["cat", "tom"]})
    told_apart = {"left:cat": "cat", "right:cat": "cat", "tom": "cat", "dog": "dog"}
    expected = score_thresholds(pairs, lambda name: groups[name])
    assert expected.recall.iloc[-1] == 1
    for truth in (groups, told_apart, table):
        pd.testing.assert_frame_equal(score_thresholds(pairs, truth), expected)
    assert (
        plot_true_and_false(pairs, groups, ax=Figure().subplots()).containers[0].get_label()
        == "true: 2 pairs"
    )


def test_labels_take_out_the_pair_they_name_where_names_are_shared():
    pairs = two_sides(["cat", "dog", "new"], [0, 2, 4], ["cat", "dog"], [1, 3])
    labels = Labels()
    labels.add("left:cat", "right:dog", "different")
    kept = apply_labels(pairs, labels, linkage="complete")
    lost = set(zip(pairs.left, pairs.right, strict=True)) - set(
        zip(kept.left, kept.right, strict=True)
    )
    assert lost == {("cat", "dog")}
    assert score_labels(pairs, labels).asked.iloc[-1] == 1


def test_a_label_that_could_mean_either_of_two_images_is_ignored_with_a_warning():
    pairs = two_sides(["cat", "new"], [0, 4], ["cat", "dog"], [1, 3])
    labels = Labels()
    labels.add("cat", "dog", "different")
    with pytest.warns(
        UserWarning,
        match="1 label ignored: both collections have an image called 'cat'; call it 'left:cat' or",
    ):
        assert len(apply_labels(pairs, labels)) == len(pairs)


def test_the_labeler_asks_about_and_shows_the_similarity_of_the_same_pair():
    pairs = two_sides(["cat", "dog", "new"], [0, 20, 4], ["cat", "dog"], [1, 33])
    labeler = PairLabeler(pairs, threshold=70)
    known = {
        (f"left:{a}" if a in "catdog" else a, f"right:{b}"): s
        for a, b, s in zip(pairs.left, pairs.right, pairs.similarity, strict=True)
    }
    similarity = labeler._similarity
    for number, (first, second) in enumerate(
        zip(labeler._survey.first, labeler._survey.second, strict=True)
    ):
        names = [labeler._survey.names[first], labeler._survey.names[second]]
        assert similarity[number] == next(s for pair, s in known.items() if set(pair) == set(names))


@pytest.mark.parametrize("method", ["aligned", "akaze", "phash"])
@pytest.mark.filterwarnings("ignore:.*could not be read")
def test_what_wants_a_row_for_each_image_says_how_to_name_them_where_names_are_shared(
    photos, tmp_path, method
):
    shutil.copytree(photos, tmp_path / "old")
    new, old = scan_images(photos), scan_images(tmp_path / "old")
    pairs = similar_pairs(*(fingerprint_images(images, method) for images in (new, old)))
    groups = group_duplicates(pairs, 90)
    for images in (new, pd.concat([new, old], ignore_index=True)):
        for ask in (
            lambda images: mark_bursts(pairs, images),
            lambda images: record_decision(groups, images),
            lambda images: choose_keepers(groups, images, compare=False),
            lambda images: ThresholdExplorer(pairs, images),
            lambda images: PairViewer(pairs, images),
            lambda images: PairLabeler(pairs, images),
            lambda images: verify_pairs(pairs, images),
        ):
            with pytest.raises(
                (ValueError, KeyError),
                match=r"old\['image'\] = 'old/' \+ old\.image; then images=pd\.concat",
            ):
                ask(images)
    old["image"] = "old/" + old.image
    both = pd.concat([new, old], ignore_index=True)
    pairs = similar_pairs(*(fingerprint_images(images, method) for images in (new, old)))
    assert not mark_bursts(pairs, both).burst.any()
    plan = choose_keepers(group_duplicates(pairs, 90), both, compare=False)
    assert set(plan.image[plan.path.str.contains("old")]) <= set(old.image)
    assert ThresholdExplorer(pairs, both).groups.table.image.isin(both.image).all()


def test_pairs_across_two_folders_are_verified_by_the_pictures_that_they_name(photos, tmp_path):
    """With shared names, each was aligned with a picture of the wrong folder."""
    for folder, cat, dog in (("new", "cat.png", "dog.png"), ("old", "dog.png", "cat.png")):
        (tmp_path / folder).mkdir()
        shutil.copy(photos / cat, tmp_path / folder / "cat.png")
        shutil.copy(photos / dog, tmp_path / folder / "dog.png")
    new, old = (scan_images(tmp_path / folder) for folder in ("new", "old"))
    pairs = similar_pairs(*(fingerprint_images(images) for images in (new, old)), min_similarity=0)
    with pytest.raises(
        ValueError,
        match=r"two are called 'cat.png'; where two collections share names, "
        r".*old\['image'\] = 'old/'",
    ):
        verify_pairs(pairs, new)
    old["image"] = "old/" + old.image
    pairs = similar_pairs(*(fingerprint_images(images) for images in (new, old)), min_similarity=0)
    assert len(pairs) == 4
    verified = verify_pairs(pairs, pd.concat([new, old], ignore_index=True))
    assert rows(verified) == [("cat.png", "old/dog.png", 0), ("dog.png", "old/cat.png", 0)]
    assert verified.attrs["sides"] == 2
    assert list(group_duplicates(verified, 90)) == [
        ["old/cat.png", "dog.png"],
        ["old/dog.png", "cat.png"],
    ]


def test_a_matrix_does_not_know_images_of_two_sides():
    pairs = two_sides(["cat"], [0], ["cat"], [1])
    with pytest.raises(
        ValueError, match=r"'left:cat' is not in it; .*give one of them names of its own"
    ):
        plot_matrix(
            similarity_matrix(prints_of(["cat"], [0])),
            group_duplicates(pairs, 90),
            ax=Figure().subplots(),
        )

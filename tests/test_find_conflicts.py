"""Groups of duplicates whose labels differ."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imgdup_nb as dup


def made(groups, labels):
    """Return a table of groups, and images with labels: one list of places for each group."""
    rows = [(number, f"{k}.png") for number, some in enumerate(groups, 1) for k in some]
    images = pd.DataFrame({"image": [f"{k}.png" for k in range(len(labels))], "label": labels})
    return pd.DataFrame(rows, columns=["group", "image"]), images


@st.composite
def labelled_groups(draw):
    sizes = draw(st.lists(st.integers(2, 5), max_size=5))
    places = iter(range(sum(sizes)))
    groups = [[next(places) for _ in range(size)] for size in sizes]
    labels = [draw(st.sampled_from(["cat", "dog", "owl", None])) for _ in range(sum(sizes) + 1)]
    return groups, ["cat", *labels[1:]]


@settings(deadline=None, max_examples=40)
@given(labelled_groups())
def test_votes_suspects_and_confusion_are_those_of_a_plain_loop(what):
    groups, labels = what
    conflicts = dup.find_conflicts(*made(groups, labels))
    counted = [Counter(labels[k] for k in some if labels[k]) for some in groups]
    differing = {n for n, votes in enumerate(counted, 1) if len(votes) > 1}
    assert set(conflicts.table.group) == differing
    for row in conflicts.table.itertuples():
        votes = counted[row.group - 1]
        best = [label for label, n in votes.items() if n == max(votes.values())]
        majority = best[0] if len(best) == 1 else ""
        assert row.majority == majority
        assert row.images == len(groups[row.group - 1])
        assert row.suspects == sum(n for label, n in votes.items() if label != majority)
        mine = conflicts.images[conflicts.images.group == row.group]
        suspect = {f"{k}.png" for k in groups[row.group - 1] if labels[k] not in (None, majority)}
        assert set(mine.image[mine.suspect]) == suspect
    names = sorted({label for label in labels if label})
    for one in names:
        for other in names:
            held = [set(votes) for votes in counted if votes.total() > 1]
            n = sum(some == {one} if one == other else {one, other} <= some for some in held)
            assert conflicts.confusion.loc[one, other] == n
    assert conflicts.n_groups == sum(votes.total() > 1 for votes in counted)


def test_the_vote_names_the_rarest_label_first():
    conflicts = dup.find_conflicts(*made([range(7)], ["glioma"] + ["meningioma"] * 6))
    assert list(conflicts.table.vote) == ["glioma 1 : meningioma 6"]
    assert list(conflicts.suspects.image) == ["0.png"]


def test_without_a_majority_all_images_are_suspect_but_those_without_a_label():
    conflicts = dup.find_conflicts(*made([range(3)], ["cat", "dog", ""]))
    assert list(conflicts.table.majority) == [""]
    assert list(conflicts.suspects.image) == ["0.png", "1.png"]


@pytest.fixture
def scanned(tmp_path, picture):
    """Three groups whose labels differ: near, same pixels, same bytes; and one that agrees."""
    for group in range(4):
        picture(group).save(tmp_path / f"{group}a.png")
    picture(0).resize((120, 90)).save(tmp_path / "0b.png")
    picture(1).save(tmp_path / "1b.bmp")
    for group in (2, 3):
        (tmp_path / f"{group}b.png").write_bytes((tmp_path / f"{group}a.png").read_bytes())
    images = dup.scan_images(tmp_path)
    images["label"] = ["cat" if "a." in name else "dog" for name in images.image]
    images.loc[images.image.str.startswith("3"), "label"] = "cat"
    pairs = dup.similar_pairs(dup.fingerprint_images(images))
    return dup.group_duplicates(pairs, 90), images


def test_same_bytes_come_before_same_pixels_and_both_before_near(scanned):
    conflicts = dup.find_conflicts(*scanned)
    assert list(conflicts.table.relation) == ["same bytes", "same pixels", "not verified"]
    assert [name[0] for name in conflicts.images.image] == list("221100")
    assert list(conflicts.images.path) == [
        scanned[1].set_index("image").path[name] for name in conflicts.images.image
    ]


def test_a_near_image_in_a_group_with_an_equal_pair_is_called_near(scanned):
    groups, images = scanned
    table = pd.DataFrame({"group": 1, "image": ["2a.png", "2b.png", "0a.png"]})
    images.loc[images.image == "0a.png", "label"] = "owl"
    conflicts = dup.find_conflicts(table, images)
    assert dict(zip(conflicts.images.image, conflicts.images.relation, strict=True)) == {
        "2a.png": "same bytes", "2b.png": "same bytes", "0a.png": "not verified"
    }  # fmt: skip
    assert len(groups) == 4


def test_verified_pairs_come_before_those_that_are_not(scanned):
    groups, images = scanned
    pairs = dup.verify_pairs(dup.similar_pairs(dup.fingerprint_images(images)), images)
    verified = dup.group_duplicates(pairs, 90)
    kinds = ["same bytes", "same pixels", "verified"]
    assert list(dup.find_conflicts(verified, images).table.relation) == kinds
    assert list(dup.find_conflicts(verified, images, pairs=pairs).table.relation) == kinds
    unaligned = pairs.assign(scored_by="phash")
    conflicts = dup.find_conflicts(verified, images, pairs=unaligned)
    assert list(conflicts.table.relation) == [*kinds[:2], "not verified"]
    assert "1 not verified" in repr(conflicts)
    by_hash = dup.similar_pairs(dup.fingerprint_images(images))
    conflicts = dup.find_conflicts(groups, images, pairs=by_hash)
    assert list(conflicts.table.relation) == [*kinds[:2], "not verified"]


def test_agreement_is_called_an_upper_bound(scanned):
    conflicts = dup.find_conflicts(*scanned)
    assert "Labels agree in 25.0 % of 4 groups" in repr(conflicts)
    assert "at most this share of the groups is right" in repr(conflicts)


def test_nothing_to_compare_is_said():
    conflicts = dup.find_conflicts(*made([], ["cat"]))
    assert "No group has two labelled images" in repr(conflicts)
    assert len(conflicts) == len(conflicts.images) == 0


def test_the_page_escapes_labels():
    conflicts = dup.find_conflicts(*made([range(2)], ["<b>", "dog"]))
    assert "<b>" not in conflicts._repr_html_()


def test_a_missing_column_gives_an_error_that_names_those_there():
    with pytest.raises(ValueError, match="'class' is not one of them: 'image', 'label'"):
        dup.find_conflicts(*made([], ["cat"]), by="class")


def test_an_image_of_the_groups_without_a_row_is_an_error():
    groups, images = made([range(3)], ["cat", "dog", "cat"])
    with pytest.raises(ValueError, match=r"a row for '2\.png'"):
        dup.find_conflicts(groups, images.iloc[:2])

"""One call gives what the steps give."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import imgdup_nb as dup
from page_file import data_of


@pytest.fixture
def scanned(photos):
    with pytest.warns(UserWarning, match="could not be read"):
        return dup.scan_images(photos)


def test_without_verification_it_is_the_sum_of_the_steps(scanned):
    result = dup.find_duplicates(scanned, 90, "dhash", verify=False)
    pairs = dup.similar_pairs(dup.fingerprint_images(scanned, "dhash"))
    pd.testing.assert_frame_equal(result.pairs, pairs)
    groups = dup.group_duplicates(pairs, 90)
    assert list(result.groups) == list(groups)
    pd.testing.assert_frame_equal(result.plan(), dup.choose_keepers(groups, scanned))


def test_with_verification_the_pairs_at_the_threshold_are_aligned(scanned):
    result = dup.find_duplicates(scanned, 90)
    pairs = dup.similar_pairs(dup.fingerprint_images(scanned))
    found = pairs[pairs.similarity >= 90].reset_index(drop=True)
    pd.testing.assert_frame_equal(result.pairs, dup.verify_pairs(found, scanned))
    assert result.verified
    assert result.n_refused == len(found) - (result.pairs.similarity >= 90).sum()


def test_a_false_pair_of_a_hash_is_refused(tmp_path):
    """Two pictures with the same coarse light and other details: ahash takes them for copies."""
    light = np.random.default_rng(0).integers(70, 186, (8, 8)).repeat(40, 0).repeat(40, 1)
    for seed, name in enumerate(["a.png", "b.png"], start=1):
        texture = np.random.default_rng(seed).choice([-50, 50], (80, 80)).repeat(4, 0).repeat(4, 1)
        Image.fromarray((light + texture).astype(np.uint8)).save(tmp_path / name)
    loose = dup.find_duplicates(tmp_path, 80, "ahash", verify=False)
    assert list(loose.groups) == [["a.png", "b.png"]]
    strict = dup.find_duplicates(tmp_path, 80, "ahash", verify=True)
    assert (strict.n_refused, list(strict.groups)) == (1, [])


def test_pairs_of_aligned_are_not_aligned_twice(scanned):
    result = dup.find_duplicates(scanned, 90, "aligned", verify=True)
    assert not result.verified
    pairs = dup.similar_pairs(dup.fingerprint_images(scanned, "aligned"))
    pd.testing.assert_frame_equal(result.pairs, pairs)
    assert "crops" not in repr(result)


def test_kept_and_removed_are_all_images(scanned):
    result = dup.find_duplicates(scanned.assign(split="train"), 90)
    plan = result.plan()
    assert sorted([*result.kept.image, *result.removed.image]) == sorted(scanned.image)
    assert set(result.removed.image) == set(plan.image[plan.action == "remove"])
    assert len(result.removed) > 0
    assert "split" in result.kept


def test_the_plan_removes_no_file_for_one_of_another_class(scanned):
    labels = ["a" if k % 2 else "b" for k in range(len(scanned))]
    result = dup.find_duplicates(scanned.assign(label=labels), 90, sample=0)
    plan = result.plan()
    label = dict(zip(scanned.image, labels, strict=True))
    removed = plan[plan.action == "remove"]
    assert all(label[row.image] == label[row.keeper] for row in removed.itertuples())
    assert (plan.flag.str.startswith("labels differ: a, b")).any()
    without = dup.choose_keepers(result.groups, result.images, by=None)
    assert (without.action == "remove").sum() > len(removed)


def test_a_folder_is_scanned(photos):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = dup.find_duplicates(photos, 90, verify=False)
    assert len(result.images) == 13
    assert "2 files that could not be read" in repr(result)


def test_a_folder_without_pictures_is_warned_of(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.warns(UserWarning, match="none of the 1 file is a picture"):
        dup.find_duplicates(tmp_path, 90)


def test_pairs_are_listed_from_70_up_or_from_a_lower_threshold(scanned):
    assert dup.find_duplicates(scanned, 90, verify=False).pairs.attrs["floor"] == 70
    assert dup.find_duplicates(scanned, 60, verify=False).pairs.attrs["floor"] == 60
    assert dup.find_duplicates(scanned, 60).groups.threshold == 60


def test_the_text_says_what_was_found_what_was_not_looked_for_and_what_is_next(scanned):
    lines = repr(dup.find_duplicates(scanned, 90)).split("\n")
    assert len(lines) == 3
    assert lines[0].startswith("<Duplicates: 2 groups at 90 % (phash, verified by alignment)")
    assert (
        "2 files that could not be read, 1 file without a picture, 2 nearly blank images"
        in lines[1]
    )
    assert "crops, turned or mirrored copies. A search of all 8 images" in lines[1]
    assert "result.plan()" in lines[2]
    plain = repr(dup.find_duplicates(scanned, 90, sample=0)).split("\n")
    assert "method='aligned' finds them" in plain[1]


def test_without_opencv_the_pairs_are_not_verified_and_the_text_says_so(scanned, monkeypatch):
    monkeypatch.setattr("imgdup_nb.engine.features.find_spec", lambda _name: None)
    result = dup.find_duplicates(scanned, 90)
    assert not result.verified
    assert 'pip install "imgdup-nb[local]" checks them' in repr(result)
    assert "A search of all 8 images for mirrored and turned ones finds none" in repr(result)


def test_a_slow_verification_is_announced(scanned, monkeypatch, capsys):
    dup.find_duplicates(scanned, 90)
    assert "Aligning" not in capsys.readouterr().err
    monkeypatch.setattr("imgdup_nb.engine.parallel.SLOW", 0.0)
    dup.find_duplicates(scanned, 90)
    assert "pairs takes about 0.1 minutes" in capsys.readouterr().err.split("Aligning")[1]


def test_an_empty_folder_gives_no_groups_and_a_hint(tmp_path):
    with pytest.warns(UserWarning, match="no files found"):
        result = dup.find_duplicates(tmp_path)
    assert len(result.groups) == len(result.kept) == len(result.removed) == 0
    assert "a lower threshold" in repr(result)


def test_the_result_opens_the_widgets_and_writes_a_report(scanned, tmp_path):
    result = dup.find_duplicates(scanned, 90)
    explorer, reviewer = result.explore(), result.review()
    assert explorer.threshold == 90
    assert "not looked for" in explorer.scene["hint"].lower()
    assert list(explorer.groups) == list(result.groups)
    assert len(reviewer.plan) == len(result.plan())
    explorer.close()
    reviewer.close()
    page = result.report(tmp_path / "plan.html").read_text("utf-8")
    assert "sub/cat blurred.png" in data_of(page)["names"]
    (of_pairs,) = data_of(page)["methods"].values()
    assert of_pairs["scene"]["hint"] == explorer.scene["hint"]
    assert "<b>" not in result._repr_html_()


def test_a_share_in_place_of_a_percent_is_asked_about(scanned):
    with pytest.raises(ValueError, match="did you mean 90"):
        dup.find_duplicates(scanned, 0.9)


def test_options_of_the_scan_are_passed_on_and_refused_for_a_table(scanned, photos):
    result = dup.find_duplicates(photos, 90, verify=False, include="cat*.jpg", sample=0)
    assert len(result.images) > 0
    assert all("cat" in name for name in result.images.image)
    with pytest.raises(ValueError, match="source is a table of it"):
        dup.find_duplicates(scanned, include="*.jpg")

"""A wrong argument is answered by a sentence that names the argument and the way out."""

from __future__ import annotations

import os
import time
import warnings

import fsspec
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

import imgdup_nb as dup
from imgdup_nb import Collection, Fingerprints

quiet = pytest.mark.filterwarnings(
    "ignore:.*could not be"
)  # the folder of the tests has bad files on purpose


@pytest.fixture
def pairs():
    bits = np.zeros((3, 64), dtype=bool)
    bits[1, :6] = bits[2, :12] = True
    return dup.similar_pairs(Fingerprints.from_bits(["a", "b", "c"], bits))


@pytest.mark.parametrize("listed", [["memory://slips", "."], [".", "memory://slips"]])
def test_urls_and_folders_in_one_list_are_refused_whichever_comes_first(listed):
    with pytest.raises(
        ValueError, match=r"'memory://slips' is a URL and '\.' is none: scan each kind alone"
    ):
        dup.scan_images(listed)


@pytest.mark.parametrize(
    ("folder", "what"),
    [(None, "NoneType"), (3, "int"), (2.5, "float")],
)
def test_what_is_no_folder_is_told_so(folder, what):
    with pytest.raises(
        TypeError, match=f"source must be the path of a folder, or a list of paths, not {what}"
    ):
        dup.scan_images(folder)
    with pytest.raises(TypeError, match="source must be a list of paths, and 3 is none"):
        dup.scan_images([3])


@quiet
def test_a_limit_of_pixels_is_a_number_above_zero_also_of_numpy(photos):
    for bad in (0, -1, "a", True):
        with pytest.raises(ValueError, match="max_pixels must be a number of pixels above 0"):
            dup.scan_images(photos, max_pixels=bad)
    pd.testing.assert_frame_equal(
        dup.scan_images(photos, max_pixels=np.int64(10**8)), dup.scan_images(photos)
    )


@quiet
def test_text_in_place_of_a_list_is_not_taken_letter_by_letter(photos, pairs):
    with pytest.raises(
        TypeError, match=r"methods must be a list, such as \['phash'\], not 'phash'"
    ):
        Collection(photos, methods="phash")
    with Collection(photos) as collection:
        with pytest.raises(
            TypeError, match=r"methods must be a list, such as \['phash'\], not 'phash'"
        ):
            collection.compare("cat.png", "dog.png", methods="phash")
        with pytest.raises(TypeError, match=r"tags must be a list, such as \['logo'\], not None"):
            collection.find_by_tags(None)
        for bad in (None, "ab", collection.labels):
            with pytest.raises(
                TypeError,
                match=r"pairs must be a list, such as \[\('cat\.jpg', 'dog\.jpg'\)\], not ",
            ):
                collection.label_pairs(bad, "same")
        collection.label_pairs(np.array([["cat.png", "dog.png"]]), "different")
        assert len(collection.labels) == 1
    with pytest.raises(
        TypeError, match=r"thresholds must be a list, such as \[95, 90, 80\], not 90"
    ):
        dup.sweep_thresholds(pairs, 90)


@quiet
def test_a_collection_says_which_argument_is_none(photos, tmp_path):
    with Collection(photos) as collection:
        with pytest.raises(
            ValueError, match=r"tags must name at least one tag.*photos\.tags lists them"
        ):
            collection.find_by_tags([])
        for call in (
            collection.delete,
            collection.get,
            lambda name: collection.label(name, "cat.png", "same"),
        ):
            with pytest.raises(
                TypeError, match=r"image must be a text such as 'holiday/cat\.jpg', not None"
            ):
                call(None)
        with pytest.raises(
            TypeError, match="a picture must be a path, bytes, or an open binary file, not NoneType"
        ):
            collection.add(None)
        with pytest.raises(
            IsADirectoryError, match=r"add takes one picture, and .* is a folder; .*update\(\)"
        ):
            collection.add(tmp_path)


@quiet
def test_one_is_one_and_not_ones(photos):
    with Collection(photos) as collection:
        collection.label("cat.png", "dog.png", "different")
        collection.tag("cat", "cat.png")
        assert repr(collection).endswith(", 1 label, 1 tag>")
        collection.label("cat.png", "tree.png", "different")
        assert repr(collection).endswith(", 2 labels, 1 tag>")
    assert (
        repr(Fingerprints.from_bits(["a"], np.zeros((1, 64), bool)))
        == "<Fingerprints: 1 image, phash, 64 bits>"
    )


@quiet
def test_whole_numbers_of_numpy_are_whole_numbers(photos):
    with Collection(photos) as collection:
        expected = collection.find_similar("cat.png", threshold=50, max_count=2)
        pd.testing.assert_frame_equal(
            collection.find_similar("cat.png", threshold=50, max_count=np.int64(2)), expected
        )
        found = dup.calibrate(collection.images, n_sample=np.int64(2), variations=["jpeg 85"])
        assert found.expected_false_pairs(np.int32(9)).equals(found.expected_false_pairs(9))
        with pytest.raises(
            ValueError, match=r"n_sample must be a whole number from 1 up, not 2\.5"
        ):
            dup.calibrate(collection.images, n_sample=2.5)


@pytest.mark.parametrize("number", [np.int64(90), np.float32(90), np.float16(90)])
def test_a_widget_takes_a_threshold_out_of_a_table(pairs, number):
    explorer = dup.ThresholdExplorer(pairs, threshold=number)
    assert explorer.threshold == 90.625  # the next level up
    explorer.pinned = explorer.upper = number + 5
    explorer.only_changed = np.bool_(True)
    assert (explorer.pinned, explorer.upper, explorer.only_changed) == (96.875, 96.875, True)
    assert dup.PairLabeler(pairs, threshold=number).threshold == 90


def test_a_group_to_draw_has_a_number(pairs):
    images = pd.DataFrame({"image": ["a", "b", "c"], "path": ["none"] * 3})
    groups = dup.group_duplicates(pairs, 90)
    with pytest.raises(ValueError, match="group must be a whole number from 0 up, not 'first'"):
        dup.plot_group(images, groups, "first", ax=Figure().subplots())
    with pytest.raises(ValueError, match="max_images must be a whole number from 1 up, not 0"):
        dup.plot_group(images, groups, 1, max_images=0, ax=Figure().subplots())


def test_a_plan_for_files_at_urls_is_refused_in_words(photos, tmp_path):
    store = fsspec.filesystem("memory")
    contents = (photos / "cat.png").read_bytes()
    store.pipe({"/slips/a.png": contents, "/slips/b.png": contents})
    images = dup.scan_images("memory://slips")
    plan = dup.choose_keepers(
        dup.group_duplicates(dup.similar_pairs(dup.fingerprint_images(images))), images
    )
    for wanted in (
        {"action": "delete", "confirm": "delete", "dry_run": False},
        {"to": tmp_path / "spare"},
    ):
        with pytest.raises(
            ValueError,
            match=r"at URLs, such as 'memory://slips/.*only files of this machine are changed",
        ):
            dup.apply_plan(plan, **wanted)
    assert len(store.find("/slips")) == 2


@quiet
def test_an_index_that_became_an_empty_file_is_said_and_one_just_made_is_not(photos, tmp_path):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*is an empty file")
        fresh = tmp_path / "fresh.sqlite"
        fresh.touch()
        Collection(photos, index=fresh).close()
    for index in (tmp_path / "lost.sqlite", photos / ".imgdup_nb.sqlite"):
        index.write_bytes(b"")
        os.utime(index, (time.time() - 3600,) * 2)
        with pytest.warns(
            UserWarning, match="is an empty file and begins anew: if you said anything"
        ):
            Collection(photos, index=index if index.parent == tmp_path else None).close()


def test_an_index_is_a_file(photos, tmp_path):
    with pytest.raises(
        IsADirectoryError,
        match=r"index must name a file, and .* is a folder; index='.*\.imgdup_nb\.sqlite'",
    ):
        Collection(photos, index=tmp_path)
    with pytest.raises(TypeError, match="index must be the path of a file, new or old, not int"):
        Collection(photos, index=3)


@pytest.fixture
def table(tmp_path):
    """Return an images table of two files with the same bytes, and their groups."""
    for name in ("a.png", "b.png"):
        Image.radial_gradient("L").save(tmp_path / name)
    images = dup.scan_images(tmp_path)
    return images, pd.DataFrame({"group": 1, "image": ["a.png", "b.png"]})


NO_LIST = "must be a list, such as "
KEEPER_MISTAKES = [
    ({"rule": 3}, TypeError, f"rule {NO_LIST}"),
    ({"rule": [3]}, TypeError, "rule must be a text such as 'largest', not 3"),
    ({"rule": "lagrest"}, KeyError, "rule names 'lagrest', and there are the rules largest"),
    ({"accept": None}, TypeError, f"accept {NO_LIST}"),
    ({"accept": "metdata"}, ValueError, "accept must be one of"),
    ({"protected": None}, TypeError, f"protected {NO_LIST}"),
    ({"protected": [3]}, TypeError, "protected must be a path such as 'originals/2023', not 3"),
    ({"protected": ""}, ValueError, "protected must be a path .* and it is empty"),
    ({"prefer": 3.5}, TypeError, f"prefer {NO_LIST}"),
    ({"keep": 3}, TypeError, "keep must be a dict such as .* not int"),
    ({"keep": ["a.png"]}, TypeError, "keep must be a dict such as .* not list"),
    ({"keep": {1: 3}}, TypeError, f"keep {NO_LIST}"),
    ({"keep": "no.json"}, FileNotFoundError, "keep names the file 'no.json', which does not exist"),
    ({"by": ["label"]}, TypeError, "by must be a text such as 'label', not list"),
    ({"by": "lable"}, KeyError, "by names 'lable', and images has no such column"),
    ({"compare": "no"}, TypeError, "compare must be True or False, not 'no'"),
    ({"keep_metadata": None}, TypeError, "keep_metadata must be True or False, not None"),
]


@pytest.mark.parametrize(("wrong", "kind", "words"), KEEPER_MISTAKES)
def test_a_mistake_in_how_keepers_are_chosen_is_named(table, wrong, kind, words):
    images, groups = table
    with pytest.raises(kind, match=words):
        dup.choose_keepers(groups, images, **wrong)


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        ({"dry_run": None}, TypeError, "dry_run must be True or False, not None"),
        ({"dry_run": "False"}, TypeError, "dry_run must be True or False, not 'False'"),
        ({"move": "yes"}, TypeError, "move must be True or False, not 'yes'"),
        ({"to": 3}, TypeError, "to must be a path such as 'spare', not 3"),
        ({"to": ["spare"]}, TypeError, "to must be a path such as 'spare', not list"),
        ({"to": ""}, ValueError, "to must be a path such as 'spare', and it is empty"),
        ({"journal": 3}, TypeError, "journal must be a path such as 'run.jsonl', not 3"),
    ],
)
def test_a_mistake_in_how_a_plan_is_applied_touches_no_file(table, tmp_path, wrong, kind, words):
    images, groups = table
    plan = dup.choose_keepers(groups, images)
    assert list(plan.action) == ["keep", "remove"]
    with pytest.raises(kind, match=words):
        dup.apply_plan(plan, **{"to": tmp_path / "spare", "dry_run": False} | wrong)
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        ({"variations": 3}, TypeError, f"variations {NO_LIST}"),
        ({"variations": []}, ValueError, r"variations must be a list of names .*; \[\] is not"),
        ({"variations": {"half": 2}}, TypeError, f"variations {NO_LIST}"),
        ({"seed": "now"}, ValueError, "seed must be a whole number from 0 up, not 'now'"),
        ({"seed": -1}, ValueError, "seed must be a whole number from 0 up, not -1"),
        ({"orientations": "all"}, TypeError, "orientations must be True or False, not 'all'"),
    ],
)
def test_a_mistake_in_a_calibration_is_named(table, wrong, kind, words):
    with pytest.raises(kind, match=words):
        dup.calibrate(table[0], **wrong)


def test_an_empty_text_is_not_the_current_folder():
    with pytest.raises(ValueError, match="source must be a path such as 'photos', and it is empty"):
        dup.scan_images("")
    with pytest.raises(ValueError, match="folder must be a path such as 'photos', and it is empty"):
        Collection("")


def test_a_decision_that_is_not_there_is_named():
    for wrong in ({"old": "no.json", "new": {}}, {"old": "", "new": {}}):
        with pytest.raises(FileNotFoundError, match=f"old names '{wrong['old']}', and there is no"):
            dup.compare_decisions(**wrong)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda images, groups: dup.Labels(3), "path must be a path such as 'labels.csv', not 3"),
        (lambda images, groups: dup.Labels(""), "path must be a path such as .* and it is empty"),
        (lambda images, groups: dup.read_log(None), "journal must be a path such as 'run.jsonl'"),
        (
            lambda images, groups: dup.record_decision(groups, images, path=3),
            "path must be a path such as 'decision.json', not 3",
        ),
        (
            lambda images, groups: dup.tune_from_examples(images, [3], [("a.png", "b.png")]),
            f"must_match {NO_LIST}",
        ),
        (
            lambda images, groups: dup.tune_from_examples(
                images, [("a.png", "b.png")], [("a.png", "c.png")], orientations=3
            ),
            f"orientations {NO_LIST}",
        ),
        (
            lambda images, groups: dup.find_duplicates(images, verify="yes"),
            "verify must be True or False, not 'yes'",
        ),
        (
            lambda images, groups: dup.plot_matches(images, None, images.assign(similarity=90.0)),
            "query must be a path such as 'cat.jpg', not None",
        ),
        (
            lambda images, groups: dup.make_demo_collection(None),
            "folder must be a path such as 'demo', not None",
        ),
    ],
)
def test_one_value_of_another_kind_is_named(table, call, words):
    images, _ = table
    groups = dup.group_duplicates(dup.similar_pairs(dup.fingerprint_images(images)), 90)
    with pytest.raises((TypeError, ValueError), match=words):
        call(images, groups)


def test_the_table_of_images_is_not_a_table_of_pairs(tmp_path):
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    with pytest.raises(TypeError, match=r"made by fingerprint_images\(images\).*images itself"):
        dup.similar_pairs(dup.scan_images(tmp_path))


def test_a_folder_is_no_file_of_labels(tmp_path):
    with pytest.raises(IsADirectoryError, match=r"path must be a file such as 'labels\.csv'"):
        dup.Labels(tmp_path)

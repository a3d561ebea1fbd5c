"""What version 0.1 kept on disk opens and means the same: index, labels, review decisions."""

import json
import lzma
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import imgdup_nb as dup
from imgdup_nb.aligned import matching
from imgdup_nb.collection import fingerprints as recipes
from imgdup_nb.collection.store import INDEX_NAME, Store
from imgdup_nb.widgets import ReviewState

INDEX = Path(__file__).with_name("index_of_0_1.sqlite.xz")


def make_pictures(folder):
    """Write the four pictures of the index, byte by byte, with the times that it holds."""
    x, y = np.meshgrid(np.arange(64), np.arange(48))
    scenes = [(x * x + 3 * y * y) // 9, (5 * x + 7 * y * x) // 11]
    for name, scene in {"0": 0, "0 copy": 0, "1": 1, "0 brighter": 0}.items():
        values = scenes[scene] % 200 + 20 * (name == "0 brighter")
        pixels = np.stack([values, values // 2, 255 - values], axis=2).astype(np.uint8)
        path = folder / f"{name}.ppm"
        path.write_bytes(b"P6 64 48 255\n" + pixels.tobytes())
        os.utime(path, ns=(10**18, 10**18))


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the index as version 0.1 wrote it.

    The libraries of today are written into it: others would make all fingerprints again.
    """
    lay_out(tmp_path, ["phash", "dhash", "aligned"])
    return tmp_path


def lay_out(folder, methods):
    """Write pictures and index; these methods seem to be made with the libraries of today."""
    make_pictures(folder)
    (folder / INDEX_NAME).write_bytes(lzma.decompress(INDEX.read_bytes()))
    store = Store(str(folder / INDEX_NAME))
    with store.transaction() as run:
        for method in methods:
            made_with = dup.METHODS[method].made_with()
            run("UPDATE recipes SET made_with = ? WHERE method = ?", (made_with, method))
    store.close()


def test_an_index_opens_and_no_file_is_read_again(folder, decoded, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("computed again")

    monkeypatch.setattr(recipes, "fingerprint_images", refuse)
    monkeypatch.setattr(matching, "score_pairs", refuse)
    with dup.Collection(folder) as photos:
        assert photos.update().empty
        assert len(photos) == 4
        assert photos.methods == ["phash", "dhash", "aligned"]
        for method, orientations in [("phash", False), ("dhash", True), ("aligned", False)]:
            assert len(photos.pairs(method, orientations=orientations)) == 3
        assert list(photos.groups(90)) == [["0.ppm", "0 brighter.ppm", "0 copy.ppm"]]
    assert decoded == []


def test_its_answers_are_those_of_the_functions(folder, assert_like_fresh):
    with dup.Collection(folder) as photos:
        assert_like_fresh(photos)
        for method, orientations in [("dhash", True), ("aligned", False)]:
            fresh = dup.fingerprint_images(photos.images, method, orientations=orientations)
            kept = photos.fingerprints(method, orientations=orientations)
            packed = [
                [prints.method.pack(code) for code in prints.codes] for prints in (kept, fresh)
            ]
            assert packed[0] == packed[1]
            if method == "dhash":  # `aligned` scores otherwise today, see below
                pd.testing.assert_frame_equal(
                    photos.pairs(method, orientations=orientations), dup.similar_pairs(fresh)
                )


def test_scores_of_another_recipe_are_made_again(tmp_path):
    lay_out(tmp_path, ["phash", "dhash"])
    with dup.Collection(tmp_path) as photos:
        with pytest.warns(UserWarning, match="aligned fingerprints kept here were made with"):
            kept = photos.pairs("aligned")
        fresh = dup.similar_pairs(dup.fingerprint_images(photos.images, "aligned"))
        pd.testing.assert_frame_equal(kept, fresh)


def test_its_labels_and_tags_are_there(folder):
    with dup.Collection(folder) as photos:
        assert photos.labels[["left", "right", "label"]].to_numpy().tolist() == [
            ["0 copy.ppm", "0.ppm", "same"],
            ["0.ppm", "1.ppm", "different"],
        ]
        assert not photos.labels.changed.any()
        assert list(photos.tags.tag) == ["zero"]
        assert photos.find_by_tags("zero").image[0] == "0 brighter.ppm"


def test_a_file_of_labels_is_read(tmp_path):
    (tmp_path / "labels.csv").write_text(
        "left,right,label,when\n"
        "0.jpg,0 copy.jpg,same,2026-11-29T18:31:41+00:00\n"
        "1.jpg,2.jpg,different,2026-11-29T18:31:41+00:00\n"
    )
    labels = dup.Labels(tmp_path / "labels.csv").table
    assert set(zip(labels.left, labels.right, labels.label, strict=True)) == {
        ("0.jpg", "0 copy.jpg", "same"),
        ("1.jpg", "2.jpg", "different"),
    }


def test_decisions_of_a_review_that_say_apart_mean_different(folder, tmp_path):
    images = dup.scan_images(folder)
    groups = dup.group_duplicates(dup.similar_pairs(dup.fingerprint_images(images)))
    plan = dup.choose_keepers(groups, images)
    [row] = images[images.image == "0 copy.ppm"].itertuples()
    path = tmp_path / "review.json"
    decisions = [[row.image, row.sha256, "apart", 0]]
    path.write_text(json.dumps({"decisions": decisions, "reviewed": []}))
    state = ReviewState(plan, save_to=path)
    place = list(plan.image).index(row.image)
    assert state.decisions[str(place)] == ["different", 0]
    assert row.image not in set(state.plan.image[state.plan.action == "remove"])

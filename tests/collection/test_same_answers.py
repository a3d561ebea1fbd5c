"""A kept folder gives the answers of a fresh scan, whatever happened in between."""

import os
import random
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from imgdup_nb import Collection, fingerprint_images, group_duplicates, scan_images, similar_pairs
from imgdup_nb.collection import fingerprints as recipes
from imgdup_nb.groups import LINKAGES

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*could not be (read|shown)",
    "ignore:no files found",
    "ignore:.*became unreadable since the scan",
)


@pytest.mark.parametrize(
    ("method", "orientations"), [("phash", False), ("dhash", False), ("phash256", True)]
)
def test_answers_are_those_of_the_functions(photos, method, orientations):
    images = scan_images(photos)
    prints = fingerprint_images(images, method, orientations=orientations)
    with Collection(photos) as collection:
        pd.testing.assert_frame_equal(collection.images, images)
        assert np.array_equal(
            collection.fingerprints(method, orientations=orientations).codes, prints.codes
        )
        for floor in (90, 50, 70):  # a lower floor than kept, and a higher one
            pairs = collection.pairs(method, min_similarity=floor, orientations=orientations)
            expected = similar_pairs(prints, min_similarity=floor)
            pd.testing.assert_frame_equal(pairs, expected)
            assert pairs.attrs == expected.attrs
        for linkage in LINKAGES:
            groups = collection.groups(
                90, method=method, linkage=linkage, orientations=orientations
            )
            expected = group_duplicates(similar_pairs(prints), 90, linkage=linkage)
            pd.testing.assert_frame_equal(groups.table, expected.table)
            assert repr(groups) == repr(expected)


def test_a_second_session_decodes_nothing_and_answers_the_same(
    photos, decoded, age, assert_like_fresh
):
    with Collection(photos) as collection:
        pairs = collection.pairs()
        assert sorted(decoded) == sorted(
            path.name for path in photos.rglob("*") if path.is_file() and path.name[0] != "."
        )
    age(photos)
    with Collection(photos) as collection:
        collection.update()
    decoded.clear()
    with Collection(photos) as collection:
        assert collection.update().empty
        pd.testing.assert_frame_equal(collection.pairs(), pairs)
        assert_like_fresh(collection)
    assert decoded == []


def test_one_decode_serves_the_table_and_all_methods_kept(photos, monkeypatch):
    with Collection(photos, methods=["phash", "dhash"]) as collection:
        collection.update()
        monkeypatch.setattr(recipes, "fingerprint_images", None)  # nothing is left to compute
        assert collection.methods == ["phash", "dhash"]
        assert len(collection.fingerprints("dhash")) == len(collection.fingerprints()) == 10


def change_something(folder, rng, picture):
    """Do one of the things people do to files."""
    files = sorted(path for path in folder.rglob("*.png"))
    one, other = rng.choice(files), rng.choice(files)
    new = folder / rng.choice(["", "sub/", "new/"]) / f"{rng.randrange(10**6)}.png"
    new.parent.mkdir(exist_ok=True)
    deed = rng.choice(
        ["new", "edit", "touch", "move", "copy", "delete", "swap", "over", "chain", "break"]
    )
    if deed == "new":
        picture(rng.randrange(6)).rotate(rng.choice([0, 1])).save(new)
    elif deed == "edit":
        picture(rng.randrange(6), 120, 90).save(one)
    elif deed == "touch":
        os.utime(one)
    elif deed == "move":
        one.rename(new)
    elif deed == "copy":
        shutil.copy(one, new)
    elif deed == "delete" and len(files) > 3:
        one.unlink()
    elif deed in {"swap", "chain"} and one != other:
        one.rename(new)
        other.rename(one)
        if deed == "swap":
            new.rename(other)
    elif deed == "over" and one != other:
        one.replace(other)
    elif deed == "break":
        one.write_bytes(one.read_bytes()[:200])


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_in_the_folder_answers_stay_those_of_a_fresh_look(
    photos, picture, seed, assert_like_fresh
):
    rng = random.Random(seed)
    with Collection(photos) as collection:
        for _round in range(6):
            for _deed in range(rng.randrange(1, 4)):
                change_something(photos, rng, picture)
            changes = collection.update()
            assert set(changes.image[changes.change != "gone"]) <= set(collection.images.image)
            assert not set(changes.image[changes.change == "gone"]) & set(collection.images.image)
            assert_like_fresh(collection)
            assert collection.update().empty
        collection._index.store.check()


@pytest.mark.parametrize("n", [0, 1])
def test_an_empty_folder_and_one_image_are_collections_too(tmp_path, picture, n, assert_like_fresh):
    for k in range(n):
        picture(k).save(tmp_path / f"{k}.png")
    with Collection(tmp_path) as collection:
        assert len(collection) == n
        assert len(collection.groups(90)) == 0
        assert_like_fresh(collection)
        picture(9).save(tmp_path / "another.png")
        assert list(collection.update().change) == ["new"]
        assert_like_fresh(collection)


def test_work_may_be_done_by_any_executor(photos, assert_like_fresh):
    with ThreadPoolExecutor(2) as executor, Collection(photos) as collection:
        collection.update(executor=executor)
        collection.fingerprints("dhash", executor=executor)
        assert_like_fresh(collection)

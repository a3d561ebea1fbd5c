"""Index files of other versions, of other programs, damaged ones, and where the file is."""

import os
import sqlite3
import sys
from pathlib import Path

import pandas as pd
import pytest

from imgdup_nb import Collection
from imgdup_nb.collection import intake as reading
from imgdup_nb.collection import store
from imgdup_nb.collection.store import DamagedIndex
from imgdup_nb.engine import hashing

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*could not be (read|shown)",
    "ignore:no files found",
    "ignore:.*became unreadable since the scan",
)


def test_another_library_version_is_noticed_and_said(photos, monkeypatch, assert_like_fresh):
    with Collection(photos) as collection:
        collection.pairs()
    for module in (hashing, reading):
        monkeypatch.setattr(module, "made_with", lambda: "imagehash 99, recipe 1")
    with pytest.warns(UserWarning, match=r"made with imagehash 4.*and this is imagehash 99"):
        collection = Collection(photos)
    with collection:
        assert collection._index.store.read("SELECT count(*) FROM fingerprints") == [(0,)]
        assert_like_fresh(collection)
    with Collection(photos) as collection:  # said once
        assert_like_fresh(collection)


def set_pragma(path, name, value):
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA {name} = {value}")
    connection.commit()
    connection.close()


def test_an_index_of_a_newer_version_is_refused_with_the_way_out(photos):
    with Collection(photos) as collection:
        path = collection.index
    set_pragma(path, "user_version", store.SCHEMA_VERSION + 1)
    with pytest.raises(ValueError, match=r"newer imgdup_nb.*pip install --upgrade imgdup-nb"):
        Collection(photos)


def test_an_index_of_an_older_version_is_upgraded_or_refused(photos, monkeypatch):
    with Collection(photos) as collection:
        collection.label("cat.png", "cat.bmp", "same")
    now = store.SCHEMA_VERSION
    monkeypatch.setattr(store, "SCHEMA_VERSION", now + 1)
    with pytest.raises(ValueError, match=r"older imgdup_nb.*Collection.repair"):
        Collection(photos)
    monkeypatch.setitem(store.UPGRADES, now, "CREATE TABLE something (name TEXT)")
    with Collection(photos) as collection:
        assert collection._index.store.read("SELECT * FROM something") == []
        assert len(collection.labels) == 1
        assert collection._index.store.read("PRAGMA user_version") == [(now + 1,)]


def test_a_sqlite_file_of_another_program_is_left_alone(photos, tmp_path):
    path = tmp_path / "catalogue.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (name TEXT)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ValueError, match="of another program"):
        Collection(photos, index=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("open_or_repair", [Collection, Collection.repair])
def test_a_picture_named_as_the_index_is_left_alone(photos, open_or_repair):
    before = sorted(os.listdir(photos)), (photos / "cat.png").read_bytes()
    with pytest.raises(ValueError, match=r"cat\.png' is no index"):
        open_or_repair(photos, index=photos / "cat.png")
    assert (sorted(os.listdir(photos)), (photos / "cat.png").read_bytes()) == before


def test_an_index_that_lacks_a_table_says_how_to_go_on(photos):
    Collection(photos).close()
    connection = sqlite3.connect(photos / store.INDEX_NAME)
    connection.execute("DROP TABLE images")
    connection.close()
    with Collection(photos) as collection, pytest.raises(store.DamagedIndex, match="no such table"):
        collection.update()


def test_an_index_that_is_no_database_is_an_error_that_says_how_to_go_on(photos, assert_like_fresh):
    path = photos / store.INDEX_NAME
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 100)
    with pytest.raises(DamagedIndex, match=r"pictures are not touched.*Collection.repair"):
        Collection(photos)
    with pytest.warns(UserWarning, match="0 labels and 0 tags"):
        collection = Collection.repair(photos)
    with collection:
        assert_like_fresh(collection)
    assert (photos / f"{store.INDEX_NAME}.damaged").read_bytes().startswith(b"not a database")


def test_repair_saves_labels_and_tags_from_an_index_with_a_damaged_page(photos, assert_like_fresh):
    with Collection(photos) as collection:
        collection.label("cat.png", "cat.bmp", "same")
        collection.label("dog.png", "tree.png", "different")
        collection.tag("cat", "cat.png")
        labels, path = collection.labels, collection.index
        [(page,)] = collection._index.store.read(
            "SELECT rootpage FROM sqlite_master WHERE name = 'images'"
        )
        [(size,)] = collection._index.store.read("PRAGMA page_size")
    with open(path, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with Collection(photos) as collection, pytest.raises(DamagedIndex):
        collection.update()
    with pytest.warns(UserWarning, match="2 labels and 1 tag"):
        collection = Collection.repair(photos)
    with collection:
        pd.testing.assert_frame_equal(collection.labels, labels)
        assert collection.find_by_tags("cat").image[0].startswith("cat")
        assert_like_fresh(collection)


def test_a_folder_that_cannot_be_written_to_has_its_index_in_the_cache(
    photos, tmp_path, monkeypatch, assert_like_fresh
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(store, "is_writable", lambda folder: False)
    with pytest.warns(UserWarning, match=r"cannot be written to.*labels and tags.*index="):
        collection = Collection(photos)
    with collection:
        assert Path(collection.index).parent == tmp_path / "cache" / "imgdup_nb"
        assert_like_fresh(collection)
    assert not (photos / store.INDEX_NAME).exists()


@pytest.mark.filterwarnings("ignore:the folder cannot be written to")
def test_what_was_said_before_a_folder_became_read_only_is_not_lost(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path / "cache")
    with Collection(photos) as collection:
        collection.label("cat.png", "dog.png", "different")
        labels = collection.labels
    monkeypatch.setattr(store, "is_writable", lambda folder: False)
    with Collection(photos) as collection:
        pd.testing.assert_frame_equal(collection.labels, labels)
        collection.label("cat.png", "tree.png", "same")
    with Collection(photos) as collection:
        assert len(collection.labels) == 2


def test_whether_a_folder_can_be_written_to_is_tried(tmp_path):
    assert store.is_writable(str(tmp_path))
    assert not store.is_writable(str(tmp_path / "not there"))
    assert list(tmp_path.iterdir()) == []


DAMAGES = {
    "no counter": "DELETE FROM counters",
    "a counter that is a text": "UPDATE counters SET value = 'x'",
    "a file that is a text": "UPDATE images SET file = 'dog.png' WHERE image = 'dog.png'",
    "a counter that gives numbers again": "UPDATE counters SET value = 3",
    "a state that is none": "UPDATE images SET state = 'here' WHERE image = 'dog.png'",
    "a width that is a text": "UPDATE images SET width = 'wide' WHERE image = 'dog.png'",
    "a detail that is a text": "UPDATE images SET detail = 'much' WHERE image = 'dog.png'",
    "a short fingerprint": "UPDATE fingerprints SET code = x'00ff00'",
    "a version that is a text": "UPDATE fingerprints SET version = 'x' WHERE version = 1",
    "short pairs": "UPDATE pair_parts SET pairs = x'00ff00'",
    "short versions of pairs": "UPDATE pair_parts SET covered = x'00ff00'",
    "a relation that is none": "UPDATE pair_parts SET pairs = zeroblob(12) || x'09'",
    "a floor that is a text": "UPDATE pair_parts SET floor = 'high'",
    "a label that is none": "UPDATE labels SET label = 'similar'",
    "a time that is none": "UPDATE labels SET made = 'yesterday'",
    "a time of a tag that is none": "UPDATE tags SET made = 'yesterday'",
    "a table that is missing": "DROP TABLE fingerprints",
}


def ask_everything(folder):
    with Collection(folder) as collection:
        collection.update()
        return collection.groups(90), collection.labels, collection.tags


@pytest.mark.parametrize("damage", DAMAGES)
def test_values_that_nobody_wrote_are_damage_and_no_other_error(photos, picture, damage):
    with Collection(photos) as collection:
        collection.pairs()
        collection.label("cat.png", "dog.png", "different")
        collection.tag("logo", "cat.png")
        path = collection.index
    connection = sqlite3.connect(path)
    connection.execute(DAMAGES[damage])
    connection.commit()
    connection.close()
    picture(9).save(photos / "new.png")
    with pytest.raises(DamagedIndex, match=r"is damaged .*pictures are not touched"):
        ask_everything(photos)


def test_mistyped_arguments_are_refused(photos):
    with pytest.raises(TypeError, match="method"):
        Collection(photos, method=["phash"])
    with Collection(photos) as collection:
        for ask in (
            lambda: collection.update(verfy=True),
            lambda: collection.pairs(min_similarty=90),
            lambda: collection.groups(90, methods="phash"),
            lambda: collection.find_duplicates(threshhold=90),
            lambda: collection.find_similar("cat.png", treshold=90),
            lambda: collection.find_by_tags("logo", limit=3),
            lambda: collection.add("cat.png", nme="x.png"),
            lambda: collection.delete("cat.png", delete=True),
        ):
            with pytest.raises(TypeError, match="unexpected keyword argument"):
                ask()

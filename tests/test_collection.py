"""A kept folder answers what a fresh look answers, whatever happened in between."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import imgdup_nb
from imgdup_nb import Collection, fingerprint_images, group_duplicates, scan_images, similar_pairs
from imgdup_nb.collection import fingerprints as recipes
from imgdup_nb.collection import intake as reading
from imgdup_nb.collection import intake as rows
from imgdup_nb.collection import pairs as kept
from imgdup_nb.collection import rescan, store
from imgdup_nb.collection.index import Stopped, UnknownImage
from imgdup_nb.collection.store import DamagedIndex
from imgdup_nb.engine import copies
from imgdup_nb.engine.decode import UnreadableImage
from imgdup_nb.engine.paths import check_name
from imgdup_nb.engine.reading import read_batch
from imgdup_nb.groups import LINKAGES

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*could not be (read|shown)",
    "ignore:no files found",
    "ignore:.*became unreadable since the scan",
)


@pytest.fixture
def decoded(monkeypatch):
    """Return the list of names that were decoded since it was cleared."""
    names = []

    def read(files, **options):
        names.extend(os.path.basename(path) for _, path in files)
        return read_batch(files, **options)

    monkeypatch.setattr(reading, "read_batch", read)
    return names


def age(folder):
    """Make all files look old, so that size and time are believed."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            os.utime(path, ns=(10**18, 10**18))


def assert_like_fresh(collection, floor=70):
    images = scan_images(collection.folder)
    pd.testing.assert_frame_equal(collection.images, images)
    prints = fingerprint_images(images)
    kept_prints = collection.fingerprints()
    assert np.array_equal(kept_prints.codes, prints.codes)
    assert kept_prints.names == prints.names
    pairs = similar_pairs(prints, min_similarity=floor)
    pd.testing.assert_frame_equal(collection.pairs(min_similarity=floor), pairs)
    assert collection.pairs(min_similarity=floor).attrs == pairs.attrs


# -- the same answers ------------------------------------------------------------------------------


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


def test_a_second_session_decodes_nothing_and_answers_the_same(photos, decoded):
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
def test_whatever_happens_in_the_folder_answers_stay_those_of_a_fresh_look(photos, picture, seed):
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
        collection._store.check()


@pytest.mark.parametrize("n", [0, 1])
def test_an_empty_folder_and_one_image_are_collections_too(tmp_path, picture, n):
    for k in range(n):
        picture(k).save(tmp_path / f"{k}.png")
    with Collection(tmp_path) as collection:
        assert len(collection) == n
        assert len(collection.groups(90)) == 0
        assert_like_fresh(collection)
        picture(9).save(tmp_path / "another.png")
        assert list(collection.update().change) == ["new"]
        assert_like_fresh(collection)


def test_work_may_be_done_by_any_executor(photos):
    with ThreadPoolExecutor(2) as executor, Collection(photos) as collection:
        collection.update(executor=executor)
        collection.fingerprints("dhash", executor=executor)
        assert_like_fresh(collection)


# -- what is decoded again, and what not -----------------------------------------------------------


def test_only_new_and_changed_files_are_decoded(photos, picture, decoded):
    with Collection(photos) as collection:
        collection.update()
        age(photos)
        collection.update()
        decoded.clear()
        picture(7).save(photos / "new.png")
        picture(8).save(photos / "dog.png")
        (photos / "cat.png").rename(photos / "sub" / "cat moved.png")
        shutil.copy(photos / "tree.png", photos / "tree copy.png")
        os.utime(photos / "white.png")
        (photos / "black.png").unlink()
        changes = collection.update().set_index("image")
    assert sorted(decoded) == ["dog.png", "new.png"]
    assert dict(changes.change) == {
        "new.png": "new",
        "dog.png": "changed",
        "sub/cat moved.png": "moved",
        "tree copy.png": "new",
        "black.png": "gone",
    }
    assert changes.before["sub/cat moved.png"] == "cat.png"


def test_what_is_gone_and_comes_back_is_not_decoded_again(photos, decoded):
    with Collection(photos) as collection:
        collection.update()
        photos.rename(photos.with_name("unplugged"))
        photos.mkdir()
        index = photos.with_name("unplugged") / store.INDEX_NAME
        assert index.exists()
    with Collection(photos, index=index) as collection:
        assert set(collection.update().change) == {"gone"}
        assert len(collection) == 0
        decoded.clear()
        photos.rmdir()
        photos.with_name("unplugged").rename(photos)
    with Collection(photos) as collection:
        assert set(collection.update().change) <= {"back", "new"}
        assert set(decoded) <= {"empty.jpg", "notes.txt"}  # no digest is kept of what is no picture
        assert_like_fresh(collection)


def test_a_change_right_after_a_look_is_seen_although_size_and_time_are_the_same(tmp_path, picture):
    picture(1).save(tmp_path / "a.bmp")
    with Collection(tmp_path) as collection:
        collection.update()
        before = os.stat(tmp_path / "a.bmp")
        picture(2).save(tmp_path / "a.bmp")
        os.utime(tmp_path / "a.bmp", ns=(before.st_atime_ns, before.st_mtime_ns))
        assert list(collection.update().change) == ["changed"]
        assert_like_fresh(collection)


def test_a_hidden_change_of_an_old_file_is_seen_by_verify(tmp_path, picture):
    picture(1).save(tmp_path / "a.bmp")
    age(tmp_path)
    with Collection(tmp_path) as collection:
        collection.update()
        picture(2).save(tmp_path / "a.bmp")
        age(tmp_path)
        assert collection.update().empty
        assert list(collection.update(verify=True).change) == ["changed"]
        assert_like_fresh(collection)


def test_an_unreadable_file_is_read_again_when_another_decoder_is_installed(
    photos, decoded, monkeypatch
):
    with Collection(photos) as collection:
        collection.update()
        age(photos)
        collection.update()
        decoded.clear()
        collection.update()
        assert decoded == []
        for module in (rescan, reading):
            monkeypatch.setattr(module, "reader", lambda: "Pillow 99")
        collection.update()
        assert sorted(decoded) == ["empty.jpg", "half.png", "notes.txt"]
        decoded.clear()
        collection.update()
        assert decoded == []


def test_new_images_are_compared_with_all_and_old_ones_not_again(photos, picture, monkeypatch):
    sizes = []

    def count(prints, others=None, **options):
        sizes.append((len(prints), None if others is None else len(others)))
        return similar_pairs(prints, others, **options)

    monkeypatch.setattr(kept, "similar_pairs", count)
    with Collection(photos) as collection:
        collection.pairs()
        assert sizes == [(10, None)]
        picture(1).rotate(1).save(photos / "new.png")
        collection.update()
        sizes.clear()
        collection.pairs()
        assert sizes == [(1, None), (1, 10)]
        sizes.clear()
        (photos / "cat.png").rename(photos / "cat moved.png")
        collection.update()
        collection.pairs()
        assert sizes == []
        assert_like_fresh(collection)


def test_many_images_of_one_fingerprint_are_listed_in_short_as_similar_pairs_does(
    photos, monkeypatch
):
    for module in (kept, copies):
        monkeypatch.setattr(module, "MAX_COPIES", 2)
    with Collection(photos) as collection:
        assert "copies" in collection.pairs().attrs
        assert_like_fresh(collection)


def test_pairs_found_part_by_part_are_all_pairs(photos, monkeypatch):
    monkeypatch.setattr(kept, "PART", 3)
    with Collection(photos) as collection:
        assert_like_fresh(collection)


def test_what_a_file_was_is_forgotten_without_searching_whole_tables(photos):
    statements = []
    rows.forget_files(lambda sql, _keys, many: statements.append(sql), [b"cat.png"])
    with Collection(photos) as collection:
        plans = [
            str(collection._store.read(f"EXPLAIN QUERY PLAN {sql}", (b"cat.png",)))
            for sql in statements
        ]
    assert len(plans) == 2
    assert not any("SCAN" in plan for plan in plans)


# -- library versions, index versions, damage ------------------------------------------------------


def test_another_library_version_is_noticed_and_said(photos, monkeypatch):
    with Collection(photos) as collection:
        collection.pairs()
    for module in (recipes, reading):
        monkeypatch.setattr(module, "made_with", lambda: "imagehash 99, recipe 1")
    with pytest.warns(UserWarning, match=r"made with imagehash 4.*and this is imagehash 99"):
        collection = Collection(photos)
    with collection:
        assert collection._store.read("SELECT count(*) FROM fingerprints") == [(0,)]
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
        assert collection._store.read("SELECT * FROM something") == []
        assert len(collection.labels) == 1
        assert collection._store.read("PRAGMA user_version") == [(now + 1,)]


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


def test_an_index_that_is_no_database_is_an_error_that_says_how_to_go_on(photos):
    path = photos / store.INDEX_NAME
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 100)
    with pytest.raises(DamagedIndex, match=r"pictures are not touched.*Collection.repair"):
        Collection(photos)
    with pytest.warns(UserWarning, match="0 labels and 0 tags"):
        collection = Collection.repair(photos)
    with collection:
        assert_like_fresh(collection)
    assert (photos / f"{store.INDEX_NAME}.damaged").read_bytes().startswith(b"not a database")


def test_repair_saves_labels_and_tags_from_an_index_with_a_damaged_page(photos):
    with Collection(photos) as collection:
        collection.label("cat.png", "cat.bmp", "same")
        collection.label("dog.png", "tree.png", "different")
        collection.tag("cat", "cat.png")
        labels, path = collection.labels, collection.index
        [(page,)] = collection._store.read(
            "SELECT rootpage FROM sqlite_master WHERE name = 'images'"
        )
        [(size,)] = collection._store.read("PRAGMA page_size")
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
    photos, tmp_path, monkeypatch
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


# -- accidents -------------------------------------------------------------------------------------

VICTIM = """
import sys, warnings
warnings.simplefilter("ignore")
from imgdup_nb import Collection
from imgdup_nb.collection import fingerprints, intake, pairs
intake.BATCH = fingerprints.BATCH = 5
pairs.PART = 7
with Collection(sys.argv[1]) as photos:
    print("go", flush=True)
    photos.update()
    photos.label("000.png", "001.png", "different")
    photos.fingerprints("dhash")
    photos.pairs()
    photos.pairs("dhash", min_similarity=50)
print("done", flush=True)
"""


def start(code, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(Path(imgdup_nb.__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, env=environment
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_killed_at_any_point_it_opens_again_and_continues(tmp_path, picture):
    for k in range(150):
        picture(k % 40, 64, 48).rotate(k // 40).save(tmp_path / f"{k:03d}.png")
    rng, done_before = random.Random(5), 0
    for _round in range(4):
        victim = start(VICTIM, str(tmp_path))
        assert victim.stdout.readline() == "go\n"
        time.sleep(rng.uniform(0.0, 0.6))
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
        with Collection(tmp_path) as collection:
            collection._store.check()
            [(done,)] = collection._store.read("SELECT count(*) FROM images")
        assert done >= done_before  # nothing that was saved is lost
        done_before = done
    with Collection(tmp_path) as collection:
        assert_like_fresh(collection)
        prints = fingerprint_images(scan_images(tmp_path), "dhash")
        pd.testing.assert_frame_equal(
            collection.pairs("dhash", min_similarity=50), similar_pairs(prints, min_similarity=50)
        )


def test_two_programs_at_once_do_not_disturb_each_other(tmp_path, picture):
    for k in range(60):
        picture(k % 20, 64, 48).rotate(k // 20).save(tmp_path / f"{k:03d}.png")
    programs = [start(VICTIM, str(tmp_path)) for _ in range(2)]
    said = [program.communicate(timeout=120)[0] for program in programs]
    assert said == ["go\ndone\n"] * 2
    with Collection(tmp_path) as collection:
        collection._store.check()
        assert_like_fresh(collection)
        assert list(collection.labels.label) == ["different"]


def test_another_program_that_knows_other_files_cannot_keep_a_question_from_its_answer(
    photos, monkeypatch
):
    """Each of two that read a folder at different times finds pairs of files that are gone, as it thinks, and drops them."""
    save, saved = kept.save_part, []

    def save_and_be_replaced(prints, floor, last, covered, pairs, *, instead):
        part = save(prints, floor, last, covered, pairs, instead=instead)
        theirs = save(prints, floor, part, np.array([10**6 + len(saved)]), pairs[:0], instead=True)
        saved.append(theirs)
        return part

    monkeypatch.setattr(kept, "save_part", save_and_be_replaced)
    with Collection(photos) as collection:
        pairs = collection.pairs()
        assert len(saved) > 2
        pd.testing.assert_frame_equal(pairs, similar_pairs(fingerprint_images(collection.images)))
        monkeypatch.setattr(kept, "save_part", save)
        pd.testing.assert_frame_equal(collection.pairs(), pairs)


def test_two_collections_on_one_folder_see_each_other(photos, picture):
    with Collection(photos) as one, Collection(photos) as other:
        assert len(one) == len(other) == 13
        picture(5).save(photos / "new.png")
        one.update()
        one.pairs()
        assert "new.png" in other
        one.label("cat.png", "new.png", "different")
        assert len(other.labels) == 1
        other.delete("new.png")
        assert "new.png" not in one
        assert "new.png" not in set(one.pairs(min_similarity=0).left.astype(object))


def test_what_another_notebook_changes_in_the_middle_of_a_question_is_left_out(photos, picture):
    with Collection(photos) as one, Collection(photos) as other:
        known = one._kept("phash", False)
        picture(9).save(photos / "dog.png")
        other.update()
        still, prints = known.loaded()
        assert set(known.images.image) - set(prints.names) == {"dog.png"}
        assert list(still.images.image) == prints.names
        assert len(still.versions) == len(prints.codes) == 9
        assert "dog.png" in one.fingerprints().names


def test_an_interrupted_update_leaves_what_was_saved_and_no_threads(photos, monkeypatch):
    monkeypatch.setattr(reading, "BATCH", 4)
    save, saved = reading._save, []

    def save_once(*arguments):
        if saved:
            raise KeyboardInterrupt
        saved.append(arguments)
        save(*arguments)

    threads = threading.active_count()
    with Collection(photos) as collection:
        monkeypatch.setattr(reading, "_save", save_once)
        with pytest.raises(KeyboardInterrupt):
            collection.update()
        assert collection.status.state == "Idle"
        assert threading.active_count() == threads
        assert collection._store.read("SELECT count(*) FROM images") == [(4,)]
        monkeypatch.setattr(reading, "_save", save)
        collection.update()
        assert_like_fresh(collection)


def test_an_image_that_changes_between_two_updates_gets_no_wrong_fingerprint(photos, picture):
    with Collection(photos) as collection:
        collection.update()
        picture(9).save(photos / "dog.png")
        with pytest.warns(UserWarning, match=r"1 image changed.*update\(\)"):
            prints = collection.fingerprints("dhash")
        assert "dog.png" not in prints.names
        assert list(prints.problems.image) == ["dog.png"]
        collection.update()
        assert "dog.png" in collection.fingerprints("dhash").names


def test_status_tells_what_is_done_and_how_far(photos, monkeypatch):
    monkeypatch.setattr(reading, "BATCH", 5)
    seen = []
    save = reading._save
    with Collection(photos) as collection:

        def watch(*arguments):
            seen.append(str(collection.status))
            save(*arguments)

        monkeypatch.setattr(reading, "_save", watch)
        assert str(collection.status) == "Idle"
        collection.update()
        assert seen == [
            "ExtractingFeatures 0 of 13",
            "ExtractingFeatures 5 of 13",
            "ExtractingFeatures 10 of 13",
        ]
        monkeypatch.setattr(
            kept,
            "_compare",
            lambda *a: seen.append(str(collection.status)) or np.zeros(0, kept.PAIR),
        )
        collection.pairs()
        assert seen[-1] == "MatchingFeatures 0 of 10"
        monkeypatch.setattr(
            "imgdup_nb.collection.queries.similar_pairs",
            lambda *a, **o: seen.append(str(collection.status)) or similar_pairs(*a, **o),
        )
        collection.find_similar("cat.png")
        assert seen[-1] == "Searching 0 of 10"
        assert str(collection.status) == "Idle"


# -- names -----------------------------------------------------------------------------------------

HOSTILE = [
    "it's.png",
    'a "quoted" name.png',
    "two\nlines.png",
    "<b>bold<b>.png",
    "x'); DROP TABLE images; --.png",
    "Kätzchen 😺.png",
]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file names")
def test_hostile_names_make_the_round_trip(tmp_path, picture):
    for k, name in enumerate([*HOSTILE, "caf\udce9.png"]):
        picture(k % 3).save(os.path.join(os.fsencode(tmp_path), os.fsencode(name)))
    names = {*HOSTILE, "caf\\xe9.png"}
    with Collection(tmp_path) as collection:
        assert set(collection.images.image) == names
        assert_like_fresh(collection)
        for name in names:
            assert collection.get(name)[:4] == b"\x89PNG"
            assert len(collection.find_similar(name, threshold=100)) >= 1
        collection.label("caf\\xe9.png", HOSTILE[4], "different")
        os.rename(os.fsencode(tmp_path) + b"/caf\xe9.png", os.fsencode(tmp_path) + b"/caf\xe8.png")
        assert list(collection.update().change) == ["moved"]
        assert set(collection.labels.iloc[0][["left", "right"]]) == {"caf\\xe8.png", HOSTILE[4]}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file names")
def test_the_folder_itself_may_have_a_hostile_name(tmp_path, picture):
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 'n\" ?mode=ro#\n")
    os.mkdir(folder)
    picture(1).save(os.path.join(folder, "a.png"))
    with Collection(folder) as collection:
        assert list(collection.images.image) == ["a.png"]
        assert os.path.exists(os.path.join(folder, store.INDEX_NAME))


# -- labels ----------------------------------------------------------------------------------------


def as_dict(labels):
    return {(row.left, row.right): row.label for row in labels.itertuples()}


def test_labels_are_kept_changed_and_taken_back(photos):
    with Collection(photos) as collection:
        collection.label("dog.png", "cat.png", "different")
        collection.label("cat.png", "tree.png", "skip")
        collection.label("cat.png", "dog.png", "same")
        assert as_dict(collection.labels) == {
            ("cat.png", "dog.png"): "same",
            ("cat.png", "tree.png"): "skip",
        }
    with Collection(photos) as collection:
        collection.label("tree.png", "cat.png", None)
        assert as_dict(collection.labels) == {("cat.png", "dog.png"): "same"}
        assert str(collection.labels.made.dtype).startswith("datetime64")
        with pytest.raises(ValueError, match="label must be one of 'same', 'different', 'skip'"):
            collection.label("cat.png", "dog.png", "maybe")
        with pytest.raises(UnknownImage, match=r"no image 'mouse\.png'"):
            collection.label("cat.png", "mouse.png", "same")
        with pytest.raises(ValueError, match="two images"):
            collection.label("cat.png", "cat.png", "same")


def test_labels_follow_files_that_are_moved_or_change_places(photos):
    with Collection(photos) as collection:
        collection.label("cat.png", "dog.png", "different")
        collection.label("cat.png", "tree.png", "same")
        (photos / "tree.png").rename(photos / "a.png")
        (photos / "cat.png").rename(photos / "tree.png")
        (photos / "a.png").rename(photos / "cat.png")
        (photos / "dog.png").rename(photos / "sub" / "hound.png")
        collection.update()
        assert as_dict(collection.labels) == {
            ("sub/hound.png", "tree.png"): "different",
            ("cat.png", "tree.png"): "same",
        }
        assert not collection.labels.changed.any()


def test_labels_stay_when_images_go_and_say_when_contents_change(photos, picture):
    with Collection(photos) as collection:
        collection.label("cat.png", "dog.png", "different")
        contents = (photos / "dog.png").read_bytes()
        (photos / "dog again.png").unlink()
        collection.update()
        (photos / "dog.png").unlink()
        collection.update()
        assert as_dict(collection.labels) == {("cat.png", "dog.png"): "different"}
        (photos / "hound.png").write_bytes(contents)
        collection.update()
        assert as_dict(collection.labels) == {("cat.png", "hound.png"): "different"}
        assert not collection.labels.changed[0]
        picture(8).save(photos / "hound.png")
        collection.update()
        assert as_dict(collection.labels) == {("cat.png", "hound.png"): "different"}
        assert collection.labels.changed[0]


@pytest.mark.parametrize("linkage", LINKAGES)
def test_what_is_called_different_is_kept_apart_unless_asked(photos, linkage):
    with Collection(photos) as collection:
        before = list(collection.groups(90, linkage=linkage))
        assert {"cat.png", "sub/cat.jpg", "cat.bmp"} <= set(before[0])
        collection.label("sub/cat.jpg", "cat.bmp", "different")
        for group in collection.groups(90, linkage=linkage):
            assert not {"sub/cat.jpg", "cat.bmp"} <= set(group)
        assert list(collection.groups(90, linkage=linkage, use_labels=False)) == before


def test_what_is_said_of_one_copy_holds_for_the_other(photos):
    with Collection(photos) as collection:
        assert ["dog again.png", "dog.png"] in [sorted(group) for group in collection.groups(90)]
        shutil.copy(photos / "cat.bmp", photos / "cat copy.bmp")
        collection.update()
        collection.label("sub/cat.jpg", "cat.bmp", "different")
        for group in collection.groups(90):
            assert not {"sub/cat.jpg", "cat copy.bmp"} <= set(group)
        collection.label(
            "dog.png", "dog again.png", "different"
        )  # of two equal files only these are meant
        assert not any("dog.png" in group for group in collection.groups(90))


# -- adding and taking out -------------------------------------------------------------------------


def test_a_picture_is_added_from_a_path_bytes_or_an_open_file(photos, tmp_path, picture):
    picture(5).save(tmp_path / "five.png")
    contents = (tmp_path / "five.png").read_bytes()
    with Collection(photos) as collection:
        assert collection.add(tmp_path / "five.png") == "five.png"
        assert collection.add(contents, "2024/bytes.png") == "2024/bytes.png"
        with open(tmp_path / "five.png", "rb") as file:
            assert collection.add(file, name="open.png") == "open.png"
        assert (
            (photos / "2024" / "bytes.png").read_bytes() == contents == collection.get("open.png")
        )
        assert_like_fresh(collection)
        with pytest.raises(FileExistsError, match="update_image"):
            collection.add(tmp_path / "five.png")
        with pytest.raises(ValueError, match="name must be given"):
            collection.add(contents)
        with pytest.raises(UnreadableImage):
            collection.add(b"no picture", "words.png")
        assert not (photos / "words.png").exists()
        assert list(photos.rglob(".imgdup_nb-*")) == []


@pytest.mark.parametrize(
    "name", ["", "../a.png", "/a.png", "a/../b.png", "a//b.png", "C:a.png", "a\\b.png", "a\0.png", ".hidden.png", "a/.b/c.png",
             "Thumbs.db", "caf\udce9.png", "..", "//host/share/a.png", None]
)  # fmt: skip
def test_a_name_cannot_leave_the_folder_nor_hide_in_it(name):
    with pytest.raises(ValueError, match="name must be a path inside the folder"):
        check_name(name)


def test_nothing_is_written_through_a_link_that_leads_out(photos, tmp_path, picture):
    (tmp_path / "outside").mkdir()
    (photos / "link").symlink_to(tmp_path / "outside")
    with (
        Collection(photos) as collection,
        pytest.raises(ValueError, match="a link on its way leads out"),
    ):
        collection.add((photos / "cat.png").read_bytes(), "link/a.png")
    assert list((tmp_path / "outside").iterdir()) == []


def test_update_image_replaces_stored_copies_only(photos, tmp_path, picture):
    picture(5).save(tmp_path / "five.png")
    picture(6).save(tmp_path / "six.png")
    with Collection(photos) as collection:
        assert collection.update_image(tmp_path / "five.png", "x.png") == "x.png"
        collection.update_image(tmp_path / "six.png", "x.png")
        assert collection.get("x.png") == (tmp_path / "six.png").read_bytes()
        assert_like_fresh(collection)
        before = (photos / "cat.png").read_bytes()
        with pytest.raises(FileExistsError, match="did not store"):
            collection.update_image(tmp_path / "six.png", "cat.png")
        assert (photos / "cat.png").read_bytes() == before


def test_deleting_takes_out_of_the_collection_and_leaves_the_file(photos):
    with Collection(photos) as collection:
        collection.label("dog.png", "cat.png", "different")
        assert collection.delete("dog.png", delete_stored_copy=True)
        assert not collection.delete("dog.png")
        assert (photos / "dog.png").exists()
        collection.update()
        assert "dog.png" not in collection
        assert "dog.png" not in set(collection.pairs().right.astype(object))
        assert not any("dog.png" in group for group in collection.groups(90))
        assert len(collection.labels) == 1
        assert collection.add(photos / "dog.png") == "dog.png"
        assert_like_fresh(collection)


def test_a_stored_copy_is_deleted_on_request_unless_somebody_changed_it(photos, tmp_path, picture):
    picture(5).save(tmp_path / "five.png")
    with Collection(photos) as collection:
        for name in ("one.png", "two.png", "three.png"):
            collection.add(tmp_path / "five.png", name)
        picture(6).save(photos / "three.png")
        for name in ("one.png", "three.png"):
            collection.delete(name, delete_stored_copy=True)
        collection.delete("two.png")
    assert [name for name in ("one.png", "two.png", "three.png") if (photos / name).exists()] == [
        "two.png",
        "three.png",
    ]


# -- questions about single pictures ---------------------------------------------------------------


def test_find_similar_agrees_with_the_pair_table(photos):
    with Collection(photos) as collection:
        pairs = collection.pairs(min_similarity=60)
        for image in collection.fingerprints().names:
            found = collection.find_similar(image, threshold=60)
            beside = pairs[(pairs.left == image) | (pairs.right == image)]
            others = np.where(beside.left == image, beside.right, beside.left)
            expected = dict(zip(others, beside.similarity, strict=True))
            assert dict(zip(found.image, found.similarity, strict=True)) == expected
            assert list(found.similarity) == sorted(found.similarity, reverse=True)


def test_find_similar_takes_a_picture_from_anywhere(photos, tmp_path, picture):
    picture(1).save(tmp_path / "outside.png")
    with Collection(photos) as collection:
        by_path = collection.find_similar(tmp_path / "outside.png", threshold=80)
        assert {"cat.png", "cat.bmp", "sub/cat.jpg"} <= set(by_path.image)
        pd.testing.assert_frame_equal(
            collection.find_similar((tmp_path / "outside.png").read_bytes(), threshold=80), by_path
        )
        with open(tmp_path / "outside.png", "rb") as file:
            pd.testing.assert_frame_equal(collection.find_similar(file, threshold=80), by_path)
        nearest = collection.find_similar(tmp_path / "outside.png", threshold=80, max_count=2)
        assert list(nearest.image) == list(by_path.image[:2])
        pd.testing.assert_frame_equal(
            collection.find_similar(photos / "cat.png"), collection.find_similar("cat.png")
        )  # a path into the folder is the image itself
        assert "outside.png" not in collection
        with pytest.raises(UnknownImage, match="neither an image of this collection"):
            collection.find_similar("mouse.png")
        with pytest.raises(UnreadableImage):
            collection.find_similar(photos / "notes.txt")
        for bad in (0, True, 1.5):
            with pytest.raises(ValueError, match="max_count"):
                collection.find_similar("cat.png", max_count=bad)


def test_compare_gives_every_kept_method_and_works_for_outsiders_and_blanks(
    photos, tmp_path, picture
):
    picture(1).save(tmp_path / "outside.png")
    with Collection(photos, methods=["phash", "dhash"]) as collection:
        table = collection.compare("cat.png", tmp_path / "outside.png").set_index("method")
        assert list(table.index) == ["phash", "dhash"]
        assert (table.similarity == 100).all()
        assert list(collection.compare("dog.png", "dog again.png").relation) == ["same bytes"] * 2
        assert len(collection.compare("white.png", "black.png", methods=["ahash"])) == 1
        pair = collection.compare("cat.png", "tree.png", methods=["phash"]).iloc[0]
        matrix = imgdup_nb.similarity_matrix(collection.fingerprints())
        assert pair.similarity == matrix.loc["cat.png", "tree.png"]


def test_tags_are_reference_pictures_that_stay(photos, tmp_path, picture):
    picture(3).save(tmp_path / "tree outside.png")
    with Collection(photos) as collection:
        collection.tag("cat", "cat.png")
        collection.tag("tree", tmp_path / "tree outside.png")
        collection.tag("gone", "dog.png")
        assert collection.untag("gone")
        assert not collection.untag("gone")
    (tmp_path / "tree outside.png").unlink()
    with Collection(photos) as collection:
        assert list(collection.tags.tag) == ["cat", "tree"]
        assert list(collection.tags.image) == ["cat.png", "tree outside.png"]
        assert list(collection.find_by_tags(["tree"]).image) == ["tree.png"]
        both = collection.find_by_tags(["cat", "tree"], threshold=90)
        assert set(both.tag) == {"cat", "tree"}
        assert both.image.is_unique
        assert set(both.image[both.tag == "cat"]) == {
            "cat.png",
            *collection.find_similar("cat.png", threshold=90).image,
        }
        assert len(collection.find_by_tags(["cat", "tree"], max_count=1)) == 1
        with pytest.raises(KeyError, match="there are 'cat', 'tree'"):
            collection.find_by_tags(["mouse"])


def test_features_can_be_looked_at(photos):
    with Collection(photos) as collection:
        prints = collection.fingerprints()
        features = collection.features("cat.png")
        assert (features.count, features.bits) == (1, 64)
        assert features.data == prints.codes[prints.names.index("cat.png")].tobytes()
        assert collection.features((photos / "cat.png").read_bytes(), orientations=True).count == 8


# -- the collection itself -------------------------------------------------------------------------


def test_a_collection_says_what_it_holds_and_can_be_closed_twice(photos):
    collection = Collection(photos)
    collection.label("cat.png", "dog.png", "different")
    assert repr(collection) == "<Collection 'photos': 13 files, 3 unreadable, phash kept, 1 label>"
    collection.close()
    collection.close()
    assert repr(collection) == "<Collection 'photos', closed>"
    with pytest.raises(ValueError, match="was closed"):
        collection.update()


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        Collection(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        Collection(tmp_path / "file")


def test_a_url_is_refused_with_the_way_to_read_it():
    with pytest.raises(ValueError, match=r"must be on this machine.*scan_images\(url\)"):
        Collection("s3://bucket/photos")


def test_a_folder_that_vanishes_does_not_empty_the_collection(photos):
    with Collection(photos, index=photos.with_name("index.sqlite")) as collection:
        n = len(collection)
        photos.rename(photos.with_name("elsewhere"))
        with pytest.raises(FileNotFoundError):
            collection.update()
        assert len(collection) == n


def test_the_folder_may_move_with_its_index(photos, decoded):
    with Collection(photos) as collection:
        collection.update()
    moved = photos.rename(photos.with_name("moved"))
    decoded.clear()
    with Collection(moved) as collection:
        assert_like_fresh(collection)
    assert set(decoded) <= {"empty.jpg", "notes.txt"}


@pytest.mark.filterwarnings("ignore:.*could not be shown")
def test_work_that_is_not_wanted_any_more_stops_and_goes_on_from_what_was_kept(
    photos, picture, monkeypatch
):
    for seed in range(60):
        picture(seed).save(photos / f"more {seed:02d}.png")
    monkeypatch.setattr(reading, "BATCH", 8)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    read, stopped, read_some = [], threading.Event(), reading._read_some

    def read_slowly(files, **how):
        if len(read) >= 24:
            stopped.wait(10)
        read.extend(files)
        return read_some(files, **how)

    monkeypatch.setattr(reading, "_read_some", read_slowly)
    with Collection(photos) as collection:
        collection.is_wanted = lambda: collection.status.done < 16 or stopped.set()
        with pytest.raises(
            Stopped, match=r"stopped at ExtractingFeatures 16 of .*; what was kept stays"
        ):
            collection.update()
        assert collection._store.read("SELECT count(*) FROM images") == [(16,)]
        assert len(read) <= 32  # what was in the queue is not read all the same
        collection.is_wanted = lambda: True
        assert (collection.update().change == "new").all()
        assert_like_fresh(collection)


@pytest.mark.filterwarnings("ignore:.*could not be shown")
def test_what_was_read_before_someone_pressed_stop_is_kept(photos, picture, monkeypatch):
    for seed in range(40):
        picture(seed).save(photos / f"more {seed:02d}.png")
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    read_some, calls = reading._read_some, []

    def read_until_stopped(files, **how):
        calls.append(len(files))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return read_some(files, **how)

    monkeypatch.setattr(reading, "_read_some", read_until_stopped)
    with Collection(photos) as collection:
        with pytest.raises(KeyboardInterrupt):
            collection.update()
        assert collection._store.read("SELECT count(*) FROM images") == [(sum(calls[:3]),)]
        assert_like_fresh(collection)

"""Killed processes, several processes and several notebooks on one collection."""

import random
import signal
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest

from imgdup_nb import Collection, fingerprint_images, scan_images, similar_pairs
from imgdup_nb.collection import intake as reading
from imgdup_nb.collection import pairs as kept
from imgdup_nb.collection.fingerprints import keep_prints
from imgdup_nb.collection.store import Overtaken

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*could not be (read|shown)",
    "ignore:no files found",
    "ignore:.*became unreadable since the scan",
)


VICTIM = """
import sys, warnings
warnings.simplefilter("ignore")
from imgdup_nb import Collection
from imgdup_nb.collection import fingerprints, intake, pairs
intake.FILES_SAVED_AT_ONCE = fingerprints.BATCH = 5
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


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_killed_at_any_point_it_opens_again_and_continues(
    tmp_path, picture, assert_like_fresh, start
):
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
            collection._index.store.check()
            [(done,)] = collection._index.store.read("SELECT count(*) FROM images")
        assert done >= done_before  # nothing that was saved is lost
        done_before = done
    with Collection(tmp_path) as collection:
        assert_like_fresh(collection)
        prints = fingerprint_images(scan_images(tmp_path), "dhash")
        pd.testing.assert_frame_equal(
            collection.pairs("dhash", min_similarity=50), similar_pairs(prints, min_similarity=50)
        )


def test_two_programs_at_once_do_not_disturb_each_other(
    tmp_path, picture, assert_like_fresh, start
):
    for k in range(60):
        picture(k % 20, 64, 48).rotate(k // 20).save(tmp_path / f"{k:03d}.png")
    programs = [start(VICTIM, str(tmp_path)) for _ in range(2)]
    said = [program.communicate(timeout=120)[0] for program in programs]
    assert said == ["go\ndone\n"] * 2
    with Collection(tmp_path) as collection:
        collection._index.store.check()
        assert_like_fresh(collection)
        assert list(collection.labels.label) == ["different"]


def test_another_program_that_knows_other_files_cannot_keep_a_question_from_its_answer(
    photos, monkeypatch
):
    """Two processes read a folder at different times, so each removes pairs of the other."""
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


def test_what_another_notebook_changes_in_the_middle_of_a_question_is_asked_again(photos, picture):
    with Collection(photos) as one, Collection(photos) as other:
        kept_before = keep_prints(one._index, "phash")
        picture(9).save(photos / "dog.png")
        other.update()
        with pytest.raises(Overtaken):
            kept_before.load()
        assert one.fingerprints().names == other.fingerprints().names
        assert np.array_equal(one.fingerprints().codes, other.fingerprints().codes)


def test_an_interrupted_update_leaves_what_was_saved_and_no_threads(
    photos, monkeypatch, assert_like_fresh
):
    monkeypatch.setattr(reading, "FILES_SAVED_AT_ONCE", 4)
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
        assert collection._index.store.read("SELECT count(*) FROM images") == [(4,)]
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

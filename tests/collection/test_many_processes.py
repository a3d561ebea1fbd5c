"""Several processes on one collection: each gets the right answer or an error, never less."""

import json

import numpy as np
import pytest

import imgdup_nb as dup
from imgdup_nb.collection import collection as page
from imgdup_nb.collection import index as index_module
from imgdup_nb.collection import intake
from imgdup_nb.collection.fingerprints import keep_prints
from imgdup_nb.collection.store import Overtaken
from imgdup_nb.engine.reading import read_batch

pytestmark = pytest.mark.filterwarnings("ignore:.*could not be (read|shown)")

ASKING = """
import json, sys, warnings
warnings.simplefilter("ignore")
import imgdup_nb as dup
print("ready", flush=True)
sys.stdin.readline()
with dup.Collection(sys.argv[1]) as photos:
    photos.update()
    answers = [list(photos.groups(90, method=method)) for method in ("phash", "dhash")]
print(json.dumps(answers), flush=True)
"""


def groups_of(folder):
    images = dup.scan_images(folder)
    prints = [dup.fingerprint_images(images, method) for method in ("phash", "dhash")]
    return [list(dup.group_duplicates(dup.similar_pairs(some), 90)) for some in prints]


def test_four_processes_get_all_groups_of_a_new_index_and_of_changed_files(
    tmp_path, picture, start
):
    for k in range(150):
        picture(k // 2).save(tmp_path / f"{k:03d}.png")
    for is_new in (True, False):
        if not is_new:
            for k in range(0, 150, 3):  # other contents, and other places
                picture(1000 + k // 6).save(tmp_path / f"{k:03d}.png")
                (tmp_path / f"{k + 1:03d}.png").rename(tmp_path / f"moved {k:03d}.png")
        processes = [start(ASKING, str(tmp_path)) for _ in range(4)]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        expected = groups_of(tmp_path)
        for process in processes:
            assert json.loads(process.communicate(timeout=120)[0]) == expected


def meanwhile(monkeypatch, module, name, act):
    """Let something happen once, after a function of a module has given its result."""
    function = getattr(module, name)

    def call_and_act(*arguments, **options):
        result = function(*arguments, **options)
        monkeypatch.setattr(module, name, function)
        act()
        return result

    monkeypatch.setattr(module, name, call_and_act)


def test_what_another_process_has_just_saved_keeps_its_versions(photos, monkeypatch):
    with dup.Collection(photos) as one, dup.Collection(photos) as other:
        saved = []

        def update_other():
            saved.append(keep_prints(other._index, "phash"))

        meanwhile(monkeypatch, intake, "read_batch", update_other)
        one.update()
        assert np.array_equal(one._index.current().versions, other._index.current().versions)
        assert saved[0].load().names == one.fingerprints().names


def test_a_reading_that_is_out_of_date_does_not_replace_a_newer_one(photos, picture, monkeypatch):
    with dup.Collection(photos) as one, dup.Collection(photos) as other:
        one.update()
        picture(8).save(photos / "dog.png")

        def change_again():
            picture(9).save(photos / "dog.png")
            other.update()

        meanwhile(monkeypatch, intake, "read_batch", change_again)
        one.update()
        assert intake.read_batch is read_batch
        fresh = dup.scan_images(photos)
        assert list(one.images.sha256) == list(fresh.sha256)
        assert list(one.groups(90)) == list(other.groups(90))


def test_a_file_that_came_after_the_folder_was_listed_is_not_marked_as_gone(
    photos, picture, monkeypatch
):
    with dup.Collection(photos) as one, dup.Collection(photos) as other:
        one.update()

        def add_one():
            picture(9).save(photos / "new.png")
            other.update()

        meanwhile(monkeypatch, index_module, "list_folder", add_one)
        assert list(one.update().change) in ([], ["new"])
        assert "new.png" in one
        assert "new.png" in other


def test_a_move_that_another_process_has_just_seen_is_no_error(photos, monkeypatch):
    with dup.Collection(photos) as one, dup.Collection(photos) as other:
        one.label("cat.png", "dog.png", "different")
        (photos / "dog.png").rename(photos / "hound.png")
        meanwhile(monkeypatch, index_module, "find_differences", other.update)
        assert one.update().empty
        assert "hound.png" in one
        assert one.labels[["left", "right"]].to_numpy().tolist() == [["cat.png", "hound.png"]]


def test_what_a_user_takes_out_while_it_is_read_stays_out(photos, picture, monkeypatch):
    with dup.Collection(photos) as one, dup.Collection(photos) as other:
        one.update()
        picture(8).save(photos / "dog.png")
        meanwhile(monkeypatch, intake, "read_batch", lambda: other.delete("dog.png"))
        one.update()
        assert "dog.png" not in one


def test_a_question_that_others_disturb_each_time_is_an_error(photos, monkeypatch):
    tries = []

    def be_overtaken(*_arguments, **_options):
        tries.append(None)
        raise Overtaken

    with dup.Collection(photos) as collection:
        collection.update()
        monkeypatch.setattr(page, "keep_prints", be_overtaken)
        with pytest.raises(TimeoutError, match=r"other programs changed the index .* 20 times"):
            collection.groups(90)
    assert len(tries) == 20


def test_a_recipe_that_another_library_version_replaced_is_made_again(photos):
    with dup.Collection(photos) as one, dup.Collection(photos) as other:
        expected = one.fingerprints().codes
        kept = keep_prints(one._index, "phash")
        with other._index.store.transaction() as run:
            run("DELETE FROM recipes")
            run("DELETE FROM fingerprints")
        with pytest.raises(Overtaken):
            kept.load()
        assert np.array_equal(one.fingerprints().codes, expected)

"""Only files that are new or changed are decoded, and only new pairs are compared."""

import os
import shutil

import pytest

from imgdup_nb import Collection, scan_images, similar_pairs
from imgdup_nb.collection import intake as reading
from imgdup_nb.collection import intake as rows
from imgdup_nb.collection import pairs as kept
from imgdup_nb.collection import rescan, store
from imgdup_nb.engine import copies

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*could not be (read|shown)",
    "ignore:no files found",
    "ignore:.*became unreadable since the scan",
)


def test_only_new_and_changed_files_are_decoded(photos, picture, decoded, age):
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


def test_what_is_gone_and_comes_back_is_not_decoded_again(photos, decoded, assert_like_fresh):
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


def test_a_change_right_after_a_look_is_seen_although_size_and_time_are_the_same(
    tmp_path, picture, assert_like_fresh
):
    picture(1).save(tmp_path / "a.bmp")
    with Collection(tmp_path) as collection:
        collection.update()
        before = os.stat(tmp_path / "a.bmp")
        picture(2).save(tmp_path / "a.bmp")
        os.utime(tmp_path / "a.bmp", ns=(before.st_atime_ns, before.st_mtime_ns))
        assert list(collection.update().change) == ["changed"]
        assert_like_fresh(collection)


def test_a_hidden_change_of_an_old_file_is_seen_by_verify(tmp_path, picture, age):
    picture(1).save(tmp_path / "a.bmp")
    age(tmp_path)
    with Collection(tmp_path) as collection:
        collection.update()
        picture(2).save(tmp_path / "a.bmp")
        age(tmp_path)
        assert collection.update().empty
        assert list(collection.update(verify=True).change) == ["damaged"]
        [(sha256, remark)] = collection.images[["sha256", "remarks"]].to_numpy().tolist()
        assert sha256 == scan_images(tmp_path).sha256[0]
        assert "perhaps a damaged disk" in remark
        picture(3).save(tmp_path / "a.bmp")  # an edit, with a time of its own
        assert list(collection.update().change) == ["changed"]
        assert collection.images.remarks[0] == ""


def test_an_unreadable_file_is_read_again_when_another_decoder_is_installed(
    photos, decoded, monkeypatch, age
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


def test_new_images_are_compared_with_all_and_old_ones_not_again(
    photos, picture, monkeypatch, assert_like_fresh
):
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
    photos, monkeypatch, assert_like_fresh
):
    for module in (kept, copies):
        monkeypatch.setattr(module, "MAX_COPIES", 2)
    with Collection(photos) as collection:
        assert "copies" in collection.pairs().attrs
        assert_like_fresh(collection)


def test_pairs_found_part_by_part_are_all_pairs(photos, monkeypatch, assert_like_fresh):
    monkeypatch.setattr(kept, "PART", 3)
    with Collection(photos) as collection:
        assert_like_fresh(collection)


def test_what_a_file_was_is_forgotten_without_searching_whole_tables(photos):
    statements = []
    rows.forget_files(lambda sql, _keys, many: statements.append(sql), [b"cat.png"])
    with Collection(photos) as collection:
        plans = [
            str(collection._index.store.read(f"EXPLAIN QUERY PLAN {sql}", (b"cat.png",)))
            for sql in statements
        ]
    assert len(plans) == 2
    assert not any("SCAN" in plan for plan in plans)

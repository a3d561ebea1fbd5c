"""The collection as an object, and the folder that it stands for."""

import pytest

from imgdup_nb import Collection

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*could not be (read|shown)",
    "ignore:no files found",
    "ignore:.*became unreadable since the scan",
)


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


def test_the_folder_may_move_with_its_index(photos, decoded, assert_like_fresh):
    with Collection(photos) as collection:
        collection.update()
    moved = photos.rename(photos.with_name("moved"))
    decoded.clear()
    with Collection(moved) as collection:
        assert_like_fresh(collection)
    assert set(decoded) <= {"empty.jpg", "notes.txt"}

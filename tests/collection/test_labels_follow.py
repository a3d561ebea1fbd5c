"""Labels are kept, follow their files, and are used by groups."""

import shutil

import pytest

from imgdup_nb import Collection
from imgdup_nb.collection.index import UnknownImage
from imgdup_nb.groups import LINKAGES

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*could not be (read|shown)",
    "ignore:no files found",
    "ignore:.*became unreadable since the scan",
)


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

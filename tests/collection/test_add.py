"""Pictures are added, replaced and taken out."""

import os
import time

import pytest

from imgdup_nb import Collection
from imgdup_nb.engine.decode import UnreadableImage
from imgdup_nb.engine.paths import check_name, write_file

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*could not be (read|shown)",
    "ignore:no files found",
    "ignore:.*became unreadable since the scan",
)


def test_a_picture_is_added_from_a_path_bytes_or_an_open_file(
    photos, tmp_path, picture, assert_like_fresh
):
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
    "name",
    ["", "../a.png", "/a.png", "a/../b.png", "a//b.png", "C:a.png", "a\\b.png", "a\0.png", "..",
     ".hidden.png", "a/.b/c.png", "Thumbs.db", "caf\udce9.png", "//host/share/a.png", None],
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
        collection.add((photos / "cat.png").read_bytes(), "link/new/a.png")
    assert list((tmp_path / "outside").iterdir()) == []


def test_update_image_replaces_stored_copies_only(photos, tmp_path, picture, assert_like_fresh):
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


def test_deleting_takes_out_of_the_collection_and_leaves_the_file(photos, assert_like_fresh):
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


ADDING = """
import sys, time
from imgdup_nb import Collection
folder, mine = sys.argv[1:]
names = []
with Collection(folder) as photos:
    photos.update()
    print("ready", flush=True)
    begin = float(sys.stdin.readline())
    for k in range(25):
        time.sleep(max(0, begin + k / 20 - time.time()))
        try:
            names.append(photos.add(f"{mine}/{k}.png", f"n{k}.png"))
        except FileExistsError:
            pass
print(" ".join(names), flush=True)
"""


def test_of_two_programs_that_add_one_name_at_once_one_is_told_that_it_is_taken(
    tmp_path, picture, start
):
    (tmp_path / "photos").mkdir()
    for mine in (1, 2):
        (tmp_path / str(mine)).mkdir()
        for k in range(25):
            picture(100 * mine + k).save(tmp_path / str(mine) / f"{k}.png")
    programs = [start(ADDING, str(tmp_path / "photos"), str(tmp_path / mine)) for mine in "12"]
    for program in programs:
        assert program.stdout.readline() == "ready\n"
    begin = time.time() + 0.5
    for program in programs:
        program.stdin.write(f"{begin}\n")
        program.stdin.flush()
    outputs = [program.communicate()[0].split() for program in programs]
    assert sorted(outputs[0] + outputs[1]) == sorted(f"n{k}.png" for k in range(25))
    for mine, names in zip("12", outputs, strict=True):
        for name in names:
            source = tmp_path / mine / name[1:]
            assert (tmp_path / "photos" / name).read_bytes() == source.read_bytes()


def refuse(*_):
    raise PermissionError("not here")


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_appears_after_the_check_is_not_overwritten(tmp_path, monkeypatch, has_links):
    (tmp_path / "a.png").write_bytes(b"theirs")
    monkeypatch.setattr(os.path, "lexists", lambda path: str(path).endswith(".part"))
    if not has_links:
        monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(FileExistsError, match=r"'a\.png' is there already"):
        write_file(str(tmp_path), str(tmp_path / "a.png"), b"mine", replace=False)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"theirs"]
    write_file(str(tmp_path), str(tmp_path / "b.png"), b"mine", replace=False)
    assert (tmp_path / "b.png").read_bytes() == b"mine"


def test_where_a_file_cannot_take_its_place_no_empty_one_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError):
        write_file(str(tmp_path), str(tmp_path / "a.png"), b"1", replace=False)
    assert list(tmp_path.iterdir()) == []


def test_contents_that_were_taken_out_and_removed_are_added_under_another_name(photos):
    contents = (photos / "dog.png").read_bytes()
    (photos / "dog again.png").unlink()
    with Collection(photos) as collection:
        collection.delete("dog.png")
        (photos / "dog.png").unlink()
        assert collection.add(contents, "back.png") == "back.png"
        assert "back.png" in collection

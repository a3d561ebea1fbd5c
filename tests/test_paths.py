"""Names and places of files: what is in a folder, what a name means, files written whole."""

from __future__ import annotations

import errno
import os
import unicodedata

import numpy as np
import pytest

import imgdup_nb as dup
from imgdup_nb.engine.cache import ByteCache
from imgdup_nb.engine.files import walk_files
from imgdup_nb.engine.paths import is_inside, name_key, safe_parts, same_name, write_whole


@pytest.fixture
def full_disk(monkeypatch):
    """Let every file be opened, and its bytes not reach the disk."""

    def fail(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)


@pytest.fixture
def decided():
    bits = np.zeros((2, 64), dtype=bool)
    bits[1, :2] = True
    prints = dup.Fingerprints.from_bits(["a.png", "b.png"], bits)
    return dup.group_duplicates(dup.similar_pairs(prints), 90), prints.images


def test_a_decision_that_does_not_fit_on_the_disk_leaves_the_old_one_and_nothing_else(
    decided, tmp_path, full_disk
):
    path = tmp_path / "decision.json"
    path.write_text("the old one")
    with pytest.raises(OSError, match=r"cannot be written \(No space left"):
        dup.record_decision(*decided, path=path)
    assert os.listdir(tmp_path) == ["decision.json"]
    assert path.read_text() == "the old one"


def test_a_report_that_does_not_fit_on_the_disk_leaves_nothing(decided, tmp_path, full_disk):
    _, images = decided
    plan = images.assign(group=1, action="keep")
    with pytest.raises(OSError, match=r"cannot be written \(No space left"):
        dup.write_report(tmp_path / "report.json", plan)
    assert os.listdir(tmp_path) == []


def test_a_file_written_whole_replaces_only_where_it_may(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, b"one", replace=False)
    with pytest.raises(FileExistsError):
        write_whole(path, b"two", replace=False)
    assert path.read_bytes() == b"one"
    write_whole(path, b"two")
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"two", ["a.txt"])


def test_a_file_is_written_beside_the_current_folder_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_whole("a.txt", b"one")
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(
    ("path", "folder", "inside"),
    [
        ("photos/cat.jpg", "photos", True),
        ("photos", "photos", True),
        ("photos2/cat.jpg", "photos", False),
        ("cat.jpg", "photos", False),
        ("link/cat.jpg", "photos", True),
        ("photos/out/cat.jpg", "photos", False),
    ],
)
def test_a_path_is_inside_a_folder_if_it_really_leads_there(tmp_path, path, folder, inside):
    (tmp_path / "photos").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    (tmp_path / "photos" / "out").symlink_to(tmp_path / "elsewhere")
    assert is_inside(str(tmp_path / path), str(tmp_path / folder)) is inside


def test_every_path_is_inside_the_root_folder():
    assert is_inside(os.path.abspath(os.sep), os.path.abspath(os.sep))
    assert is_inside(os.path.abspath("cat.jpg"), os.path.abspath(os.sep))


def test_as_spelled_a_link_is_a_folder_of_its_own(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    path = str(tmp_path / "link" / "cat.jpg")
    assert is_inside(path, str(tmp_path / "link"), follow_links=False)
    assert not is_inside(str(tmp_path / "cat.jpg"), str(tmp_path / "link"), follow_links=False)
    assert is_inside(str(tmp_path / "cat.jpg"), str(tmp_path / "link"))


def test_a_link_to_a_folder_above_or_below_lists_no_file_twice(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "cat.png").touch()
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "down").symlink_to(tmp_path / "a" / "b")
    names = [
        os.path.relpath(entry.path, tmp_path / "a") for entry in walk_files(str(tmp_path / "a"))
    ]
    assert names == [os.path.join("b", "cat.png")]


@pytest.mark.parametrize("text", ["Été 2023/café.jpg", "Ängström.png", "한국.jpg"])
def test_a_name_is_the_same_composed_and_decomposed(text):
    one, other = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert one != other
    assert same_name(one, other)
    assert name_key(one) == name_key(other) == one


def test_names_that_differ_are_not_the_same():
    assert not same_name("cafe.jpg", "café.jpg")
    assert not same_name("Cat.jpg", "cat.jpg")


@pytest.mark.parametrize("name", ["con", "NUL.jpg", "com1 .tar.gz", "lpt³", "conin$"])
def test_no_target_is_called_like_a_device_of_windows(name):
    assert safe_parts(name) == [f"_{name}"]


def test_a_cache_forgets_what_was_used_longest_ago():
    cache = ByteCache(6, len)
    for key in "abc":
        cache.keep(key, b"12")
    assert cache.get("a") == b"12"
    cache.keep("d", b"12")
    assert [cache.get(key) is None for key in "abcd"] == [False, True, False, False]
    cache.keep("d", b"1")
    assert (cache.n_bytes, len(cache)) == (5, 3)
    cache.forget()
    assert (cache.n_bytes, len(cache)) == (0, 0)

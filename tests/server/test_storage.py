"""The storage without a server around it: names, what is moved aside, and disks that fail."""

import contextlib
import errno
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgdup_nb.engine.paths import is_inside
from imgdup_nb.server import storage as module
from imgdup_nb.server.contexts import Contexts
from imgdup_nb.server.errors import Refused, refusal_for
from imgdup_nb.server.storage import REMOVED, Storage, StoredEntry


@pytest.fixture
def storage(tmp_path):
    (tmp_path / "storage").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("secret")
    return Storage(str(tmp_path / "storage"))


def names(storage, folder=""):
    return [entry.name for entries in storage.list(folder) for entry in entries]


def contents(storage, name):
    with open(storage.file(name), "rb") as file:
        return file.read()


def moved_aside(storage):
    """Return what lies below `.deleted`: the path in the storage, and the contents."""
    home = os.path.join(storage.folder, REMOVED)
    found = []
    for folder, _, files in os.walk(home):
        for name in files:
            path = os.path.join(folder, name)
            inside = os.path.relpath(path, home).split(os.sep, 1)[1]
            with open(path, "rb") as file:
                found.append((inside.replace(os.sep, "/"), file.read()))
    return sorted(found)


def refused(function, *arguments, **options):
    with pytest.raises(Refused) as error:
        function(*arguments, **options)
    return error.value.status


def test_an_empty_storage_has_no_files_and_a_file_is_found_under_its_path(storage):
    assert names(storage) == []
    storage.put("2024/cat.jpg", b"cat")
    assert names(storage) == ["2024"]
    [[entry]] = storage.list("/2024/")
    assert (entry.name, entry.is_folder, entry.bytes) == ("cat.jpg", False, 3)
    assert entry.path == "/2024/cat.jpg"
    assert contents(storage, "/2024/cat.jpg") == b"cat"
    assert storage.find("2024").is_folder
    assert storage.find("2023") is None
    assert storage.find("2024/cat.jpg/x") is None


def test_what_is_replaced_or_removed_is_moved_aside_with_its_path(storage):
    storage.put("a/cat.jpg", b"first")
    storage.put("a/cat.jpg", b"second")
    assert contents(storage, "a/cat.jpg") == b"second"
    assert moved_aside(storage) == [("a/cat.jpg", b"first")]
    storage.remove_file("a/cat.jpg")
    storage.remove_file("a/cat.jpg")
    assert names(storage, "a") == []
    storage.put("a/b/dog.jpg", b"dog")
    assert refused(storage.remove_folder, "a", recursive=False) == 409
    storage.remove_folder("a", recursive=True)
    storage.remove_folder("a", recursive=True)
    assert names(storage) == []
    assert moved_aside(storage) == [
        ("a/b/dog.jpg", b"dog"),
        ("a/cat.jpg", b"first"),
        ("a/cat.jpg", b"second"),
    ]


def test_a_removed_folder_is_back_when_it_is_moved_back(storage):
    storage.put("a/b/dog.jpg", b"dog")
    storage.remove_folder("a/b", recursive=True)
    [time] = os.listdir(os.path.join(storage.folder, REMOVED))
    aside = os.path.join(storage.folder, REMOVED, time, "a", "b")
    os.rename(aside, os.path.join(storage.folder, "a", "b"))
    assert contents(storage, "a/b/dog.jpg") == b"dog"


def test_files_and_folders_are_copied_and_moved(storage):
    storage.put("a/b/dog.jpg", b"dog")
    storage.put("cat.jpg", b"cat")
    storage.copy_file("cat.jpg", "new/cat.jpg")
    storage.copy_file("cat.jpg", "cat.jpg")
    storage.copy_file("new/cat.jpg", "a/b/dog.jpg", move=True)
    assert contents(storage, "a/b/dog.jpg") == contents(storage, "cat.jpg") == b"cat"
    assert moved_aside(storage) == [("a/b/dog.jpg", b"dog")]
    storage.copy_folder("a", "x/copy")
    storage.copy_folder("a", "moved", move=True)
    assert names(storage) == ["cat.jpg", "moved", "new", "x"]
    assert contents(storage, "x/copy/b/dog.jpg") == contents(storage, "moved/b/dog.jpg") == b"cat"


def test_the_storage_itself_and_folders_in_the_way_are_refused(storage):
    storage.put("a/cat.jpg", b"cat")
    storage.put("dog.jpg", b"dog")
    for top in ("", "/", "//"):
        assert refused(storage.remove_folder, top, recursive=True) == 400
        assert refused(storage.copy_folder, top, "elsewhere", move=True) == 400
        assert refused(storage.put, top, b"x") == 409
        assert refused(storage.remove_file, top) == 409
    assert refused(storage.put, "a", b"x") == 409
    assert refused(storage.put, "a/cat.jpg/x.jpg", b"x") == 409
    assert refused(storage.make_folder, "a/cat.jpg") == 409
    assert refused(storage.make_folder, "a/cat.jpg/b") == 409
    assert refused(storage.remove_folder, "dog.jpg", recursive=True) == 409
    assert refused(storage.copy_file, "dog.jpg", "a") == 409
    assert refused(storage.copy_folder, "a", "a/b") == 400
    assert refused(storage.copy_folder, "a", "dog.jpg") == 409
    assert refused(storage.copy_folder, "nothing", "b") == 404
    assert refused(storage.copy_file, "nothing.jpg", "b.jpg") == 404
    assert refused(storage.file, "nothing.jpg") == 404
    assert refused(lambda: names(storage, "nothing")) == 404
    storage.make_folder("a")
    assert contents(storage, "a/cat.jpg") == b"cat"
    assert moved_aside(storage) == []


NOT_NAMES = [
    "..",
    "../outside/secret.txt",
    "a/../../outside",
    ".hidden",
    "a/.deleted/x",
    "C:\\x",
    "c:x.jpg",
    "\\\\host\\share",
    "a\\..\\b",
    "a\0b",
    "nul.jpg",
    "a//b",
    "a/./b",
    "cat.",
    "\ud800.jpg",
]


@pytest.mark.parametrize("name", NOT_NAMES)
def test_what_is_no_name_inside_is_refused_everywhere(storage, name):
    storage.put("a/cat.jpg", b"cat")
    calls = [
        lambda: storage.find(name),
        lambda: storage.file(name),
        lambda: names(storage, name),
        lambda: storage.make_folder(name),
        lambda: storage.put(name, b"x"),
        lambda: storage.remove_file(name),
        lambda: storage.remove_folder(name, recursive=True),
        lambda: storage.copy_file("a/cat.jpg", name),
        lambda: storage.copy_file(name, "b.jpg"),
        lambda: storage.copy_folder("a", name),
        lambda: storage.copy_folder(name, "b"),
    ]
    assert [refused(call) for call in calls] == [400] * len(calls)
    assert sorted(os.listdir(storage.folder)) == ["a"]


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(max_size=12) | st.from_regex(r"[./\\\\a%0-9:]{1,9}", fullmatch=True))
def test_any_text_is_a_place_inside_or_refused(storage, text):
    path = storage.folder
    with contextlib.suppress(Refused):
        path = storage.path(text)
    assert is_inside(path, storage.folder)
    assert ".." not in path.split(os.sep)


def test_links_that_lead_out_are_not_followed_listed_or_copied(storage, tmp_path):
    storage.make_folder("a")
    os.symlink(tmp_path / "outside", os.path.join(storage.folder, "a", "out"))
    os.symlink(tmp_path / "outside" / "secret.txt", os.path.join(storage.folder, "a", "s.txt"))
    os.symlink("loop", os.path.join(storage.folder, "a", "loop"))
    storage.put("a/cat.jpg", b"cat")
    assert names(storage, "a") == ["cat.jpg"]
    for name in ("a/out", "a/out/secret.txt", "a/s.txt"):
        assert refused(storage.file, name) == 404
        assert refused(storage.put, name, b"x") == 404
    assert refused(storage.put, "a/out/new.txt", b"x") == 404
    storage.copy_folder("a", "b")
    assert os.listdir(os.path.join(storage.folder, "b")) == ["cat.jpg"]
    with pytest.raises((Refused, OSError)) as error:
        storage.file("a/loop")
    assert refusal_for(error.value).status == 404
    assert (tmp_path / "outside" / "secret.txt").read_text() == "secret"
    assert os.listdir(tmp_path / "outside") == ["secret.txt"]


def test_pipes_are_neither_listed_nor_opened(storage):
    os.mkfifo(os.path.join(storage.folder, "pipe"))
    assert names(storage) == []
    assert storage.find("pipe") is None
    assert refused(storage.file, "pipe") == 404


def test_an_upload_that_fails_leaves_the_old_file_and_nothing_else(storage, monkeypatch):
    storage.put("a/cat.jpg", b"old")

    def full(*_given, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "write_file", full)
    with pytest.raises(OSError, match="No space") as error:
        storage.put("a/cat.jpg", b"new")
    assert refusal_for(error.value).status == 507
    assert contents(storage, "a/cat.jpg") == b"old"
    monkeypatch.setattr(module.shutil, "copytree", full)
    with pytest.raises(OSError, match="No space"):
        storage.copy_folder("a", "b")
    assert names(storage) == ["a"]


def test_a_read_only_disk_is_said_to_be_one(storage, monkeypatch):
    storage.put("a/cat.jpg", b"old")

    def read_only(*_given, **_options):
        raise OSError(errno.EROFS, "Read-only file system")

    for name in ("rename", "mkdir", "makedirs", "link", "replace"):
        monkeypatch.setattr(os, name, read_only)
    monkeypatch.setattr(module.shutil, "copy2", read_only)
    for call in (
        lambda: storage.put("a/new.jpg", b"new"),
        lambda: storage.put("a/cat.jpg", b"new"),
        lambda: storage.remove_file("a/cat.jpg"),
        lambda: storage.remove_folder("a", recursive=True),
        lambda: storage.make_folder("b"),
        lambda: storage.copy_file("a/cat.jpg", "b.jpg"),
        lambda: storage.copy_folder("a", "b", move=True),
    ):
        with pytest.raises(OSError, match="Read-only") as error:
            call()
        answer = refusal_for(error.value)
        assert (answer.status, "read-only" in answer.message) == (403, True)
    assert contents(storage, "a/cat.jpg") == b"old"
    with storage.keeping(storage.path("a/cat.jpg")):  # nothing is changed, so nothing is needed
        pass


def test_only_what_was_replaced_or_removed_is_kept_aside(storage):
    storage.put("a/cat.jpg", b"old")
    path = storage.path("a/cat.jpg")
    with storage.keeping(path):
        pass
    with storage.keeping(storage.path("a/nothing.jpg")):
        pass
    assert moved_aside(storage) == []
    assert os.listdir(os.path.join(storage.folder, REMOVED)) == []
    with storage.keeping(path):
        os.remove(path)
    assert moved_aside(storage) == [("a/cat.jpg", b"old")]


def test_many_clients_that_replace_one_file_lose_none_of_their_contents(storage):
    sent = [f"{number}".encode() for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda data: storage.put("a/cat.jpg", data), sent))
    kept = [data for _, data in moved_aside(storage)] + [contents(storage, "a/cat.jpg")]
    assert sorted(kept) == sorted(sent)


@pytest.mark.parametrize(("seconds", "year"), [(10**12, "9999"), (-(10**9), "1970"), (0, "1970")])
def test_a_date_beyond_all_calendars_is_listed(seconds, year):
    entry = StoredEntry("a.jpg", False, 1, seconds, "/a.jpg")
    assert entry.reply["modifiedDate"][:4] == year


def test_the_storage_must_not_hold_the_root_of_the_contexts(tmp_path):
    root = tmp_path / "contexts"
    root.mkdir()
    for storage in (root, tmp_path):
        with pytest.raises(ValueError, match="must not hold the root"):
            Contexts(str(root), storage=str(storage))


def test_a_storage_below_the_root_is_no_context_that_could_be_deleted(tmp_path):
    contexts = Contexts(str(tmp_path), storage=str(tmp_path / "pictures" / "all"))
    assert refused(contexts.folder, "pictures") == 404
    (tmp_path / "holidays").mkdir()
    assert contexts.folder("holidays") == str(tmp_path / "holidays")

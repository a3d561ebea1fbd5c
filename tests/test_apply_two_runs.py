"""Two runs at once, also with opposite plans, lose nothing."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import imgdup_nb
from imgdup_nb import apply_plan, resume, undo
from imgdup_nb.review.journal import Journal
from imgdup_nb.review.lock import locked

# Holds the lock of a file until it is killed. It loads none of the libraries of the package.
HOLDER = """\
import sys, time, types
package, path = sys.argv[1:]
sys.modules["imgdup_nb"] = types.ModuleType("imgdup_nb")
sys.modules["imgdup_nb"].__path__ = [package]
from imgdup_nb.review.lock import locked
with locked([path]):
    print("locked", flush=True)
    time.sleep(600)
"""


def opposite(plan):
    """Return the plan that removes what another one keeps, for groups of two files."""
    return plan.assign(action=plan.action.map({"keep": "remove", "remove": "keep"}))


@pytest.mark.filterwarnings("ignore:.*left alone")
@pytest.mark.parametrize("action", ["delete", "symlink", "hardlink", "move"])
def test_opposite_plans_at_once_lose_nothing(planned, action, tmp_path):
    plan = planned.plan[~planned.plan.image.str.contains("near")]
    digests = set(plan.sha256)
    refused = []

    def run(plan, start, number):
        start.wait()
        options = {"to": tmp_path / f"to {number}"} if action == "move" else {}
        try:
            journal = tmp_path / f"{number}.jsonl"
            apply_plan(
                plan, action=action, dry_run=False, confirm="delete", journal=journal, **options
            )
        except BlockingIOError as error:
            refused.append(error)

    for round_ in range(10):
        for image, group in zip(plan.image, plan.group, strict=True):
            planned.path(image).unlink(missing_ok=True)
            planned.add(image, group)
        start = threading.Barrier(2)
        threads = [
            threading.Thread(target=run, args=(each, start, f"{round_}-{side}"))
            for side, each in enumerate([plan, opposite(plan)])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        left = [*planned.folder.rglob("*.jpg"), *tmp_path.glob(f"to {round_}-*/*/*.jpg")]
        assert {planned.digest(path) for path in left if path.exists()} >= digests
    assert all("another run is at work" in str(error) for error in refused)


def test_a_run_is_refused_while_another_process_is_at_work_and_goes_when_it_was_killed(planned):
    before, package = planned.look(), Path(imgdup_nb.__file__).parent
    holder = subprocess.Popen(
        [sys.executable, "-S", "-E", "-c", HOLDER, package, planned.path("1/kept.jpg")],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(BlockingIOError, match="another run is at work"):
            planned.apply()
        assert planned.look() == before
        assert not planned.to.exists()
    finally:
        holder.kill()
        holder.communicate()
    assert set(planned.apply().status) == {"done", "kept"}


@pytest.mark.parametrize("function", [resume, undo])
def test_resume_and_undo_wait_for_no_other_run_either(planned, function):
    log = planned.apply()
    before = planned.look()
    with (
        locked([str(planned.path("1/kept.jpg"))]),
        pytest.raises(BlockingIOError, match="another run is at work"),
    ):
        function(log)
    assert planned.look() == before


def test_a_lock_on_a_folder_holds_for_the_folders_inside_and_around_it(tmp_path):
    (tmp_path / "2023" / "may").mkdir(parents=True)
    (tmp_path / "2024").mkdir()
    (tmp_path / "link to may").symlink_to("2023/may")
    with locked([str(tmp_path / "2023" / "a.jpg")]) as has_lock:
        assert has_lock
        for meets in ("b.jpg", "2023/b.jpg", "2023/may/b.jpg", "link to may/b.jpg"):
            with pytest.raises(BlockingIOError), locked([str(tmp_path / meets)]):
                pass
        with locked([str(tmp_path / "2024" / "b.jpg")]) as has_lock_too:
            assert has_lock_too


@pytest.mark.parametrize("action", ["delete", "hardlink", "symlink"])
def test_without_locks_nothing_is_destroyed(planned, action, monkeypatch):
    before = planned.look()
    monkeypatch.setattr("fcntl.flock", no_locks)
    with pytest.raises(OSError, match="has no locks") as caught:
        planned.apply(action, confirm="delete")
    assert caught.value.errno == errno.ENOLCK
    assert planned.look() == before


def test_without_locks_files_are_moved_and_come_back(planned, monkeypatch):
    before = planned.look()
    monkeypatch.setattr("fcntl.flock", no_locks)
    log = planned.apply()
    assert set(log.status) == {"done", "kept"}
    undo(log)
    assert planned.look() == before


def no_locks(_handle, _kind):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@pytest.mark.filterwarnings("ignore:.*left alone")
@pytest.mark.parametrize("action", ["delete", "move", "symlink"])
def test_a_keeper_that_another_computer_removes_at_the_last_moment_saves_the_file(
    planned, action, monkeypatch
):
    write = Journal.write

    def write_late(journal, row, event, **details):
        write(journal, row, event, **details)
        if event == "begun":
            planned.path("1/kept.jpg").unlink(missing_ok=True)

    monkeypatch.setattr(Journal, "write", write_late)
    log = planned.apply(action, confirm="delete")
    assert planned.note(log, "1/twin.jpg") == "its keeper changed while it was looked at"
    assert planned.path("1/twin.jpg").read_bytes() == b"1 kept" * 100


@pytest.mark.filterwarnings("ignore:.*left alone")
def test_a_keeper_that_became_a_link_to_the_file_after_the_start_saves_it(planned, monkeypatch):
    write = Journal.write

    def write_late(journal, row, event, **details):
        write(journal, row, event, **details)
        if event == "done" and planned.plan.image[row] == "1/twin.jpg":
            planned.path("1/kept.jpg").unlink()
            planned.path("1/kept.jpg").symlink_to("near.jpg")

    planned.plan.loc[0, "sha256"] = planned.plan.sha256[2]
    planned.path("1/kept.jpg").write_bytes(planned.path("1/near.jpg").read_bytes())
    monkeypatch.setattr(Journal, "write", write_late)
    log = planned.apply("delete", confirm="delete")
    assert "kept.jpg is the same file" in planned.note(log, "1/near.jpg")
    assert planned.path("1/kept.jpg").read_bytes() == b"1 near" * 100

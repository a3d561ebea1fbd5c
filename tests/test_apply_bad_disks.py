"""Full, read-only and damaged disks: no file is lost."""

import errno
import os
from pathlib import Path

import pytest

from imgdup_nb import resume, undo
from imgdup_nb.review import files

REFUSING = pytest.mark.filterwarnings(
    "ignore:.*left alone", "ignore:the run stopped", "ignore:.*could not be restored"
)


def fail_after(n_calls, error, function):
    """Return a function that works a few times and then fails as a disk does."""
    calls = iter(range(n_calls))

    def failing(*arguments):
        if next(calls, None) is None:
            raise OSError(error, os.strerror(error))
        return function(*arguments)

    return failing


def half_copy(original, copy):
    copy.write(original.read(10))
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@REFUSING
@pytest.mark.usefixtures("two_disks")
def test_a_full_disk_stops_the_run_and_leaves_no_half_file(planned, monkeypatch):
    before = planned.look()
    with monkeypatch.context() as full:
        full.setattr(files, "copy_bytes", half_copy)
        log = planned.apply()
    assert list(log.status) == [
        "kept",
        "failed",
        "not reached",
        "kept",
        "not reached",
        "not reached",
    ]
    assert "No space left" in planned.note(log, "1/twin.jpg")
    assert planned.look() == before
    assert planned.look_spare() == {}
    assert set(resume(log).status) == {"kept", "done"}
    undo(log)
    assert planned.look() == before


@REFUSING
@pytest.mark.parametrize("n_lines", range(2, 13))
def test_a_disk_too_full_for_the_journal_stops_the_run_before_the_next_file(
    planned, monkeypatch, n_lines
):
    before = planned.look()
    with monkeypatch.context() as full:
        full.setattr(
            "imgdup_nb.review.journal.os.fsync", fail_after(n_lines, errno.ENOSPC, os.fsync)
        )
        log = planned.apply()
    assert {path.read_bytes() for path in planned.folder.parent.rglob("*.jpg")} == {
        file[0] for file in before.values()
    }
    assert set(resume(log).status) == {"kept", "done"}
    undo(log)
    assert planned.look() == before


def test_where_no_journal_can_be_made_nothing_is_done(planned, monkeypatch):
    before = planned.look()
    monkeypatch.setattr("imgdup_nb.review.journal.os.fsync", fail_after(0, errno.ENOSPC, os.fsync))
    with pytest.raises(OSError, match="No space left"):
        planned.apply()
    assert planned.look() == before
    assert list(planned.to.iterdir()) == []


@REFUSING
@pytest.mark.parametrize(("error", "goes_on"), [(errno.EACCES, True), (errno.EROFS, False)])
def test_one_forbidden_file_stops_nothing_and_a_read_only_disk_stops_the_run(
    planned, monkeypatch, error, goes_on
):
    before = planned.look()
    with monkeypatch.context() as bad:
        link = os.link
        calls = iter([OSError(error, os.strerror(error))])

        def fail_once(source, target):
            if problem := next(calls, None):
                raise problem
            link(source, target)

        bad.setattr("imgdup_nb.review.files.os.link", fail_once)
        log = planned.apply()
    assert planned.status(log, "1/twin.jpg") == "failed"
    assert (planned.status(log, "2/near.jpg") == "done") == goes_on
    undo(log)
    assert planned.look() == before


@REFUSING
@pytest.mark.usefixtures("two_disks")
def test_a_copy_that_does_not_read_back_is_thrown_away_and_the_original_stays(planned, monkeypatch):
    before = planned.look()

    def damaged(original, copy):
        copy.write(original.read()[:-1] + b"?")

    monkeypatch.setattr(files, "copy_bytes", damaged)
    log = planned.apply()
    assert "read back" in planned.note(log, "1/twin.jpg")
    assert planned.look() == before
    assert planned.look_spare() == {}


@REFUSING
@pytest.mark.usefixtures("two_disks")
def test_a_file_that_is_written_to_while_it_is_copied_stays_and_so_does_the_copy(
    planned, monkeypatch
):
    def copy_and_change(original, copy):
        copy.write(original.read())
        Path(original.name).write_bytes(b"saved by an editor just now")

    monkeypatch.setattr(files, "copy_bytes", copy_and_change)
    log = planned.apply()
    assert "changed while it was copied" in planned.note(log, "1/near.jpg")
    assert planned.path("1/near.jpg").read_bytes() == b"saved by an editor just now"
    assert "something else stands in its place" in planned.note(undo(log), "1/near.jpg")
    assert (planned.to / "1/near.jpg").read_bytes() == b"1 near" * 100


@REFUSING
@pytest.mark.usefixtures("two_disks")
def test_where_the_source_cannot_be_removed_both_stay_and_undo_removes_the_copy(
    planned, monkeypatch
):
    before = planned.look()
    with monkeypatch.context() as stuck:
        stuck.setattr(files, "remove", fail_after(0, errno.EACCES, os.unlink))
        log = planned.apply()
    assert set(log.status) == {"kept", "failed"}
    assert planned.look() == before
    undo(log)
    assert planned.look() == before
    assert planned.look_spare() == {}


@REFUSING
def test_a_file_whose_folder_may_not_be_changed_has_no_second_name_and_nothing_to_undo(
    planned, monkeypatch, capsys
):
    before, unlink = planned.look(), os.unlink

    def refuse_originals(path, **options):
        if "spare" not in Path(path).parts and not str(path).endswith(".part"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        unlink(path, **options)

    with monkeypatch.context() as locked:
        locked.setattr("imgdup_nb.review.files.os.unlink", refuse_originals)
        log = planned.apply()
    assert set(log.status) == {"kept", "failed"}
    assert planned.look() == before
    assert planned.look_spare() == {}
    undo(log)
    assert capsys.readouterr().out.endswith("0 files restored.\n")
    assert planned.look() == before

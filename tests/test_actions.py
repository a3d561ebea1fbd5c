"""Acting on a plan: what is checked before, what is refused, what a bad disk does, and the way back."""

import errno
import hashlib
import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgdup_nb import apply_plan, read_log, resume, undo
from imgdup_nb.engine import paths
from imgdup_nb.review import files
from imgdup_nb.review.apply import ACTIONS
from imgdup_nb.review.journal import Journal

REFUSING = pytest.mark.filterwarnings(
    "ignore:.*left alone", "ignore:the run stopped", "ignore:.*could not be restored"
)


class Photos:
    """A small collection: two groups of a kept file, a copy with the same bytes and a near one."""

    def __init__(self, folder):
        self.folder, self.to = folder / "photos", folder / "spare"
        rows = [
            self.add(f"{group}/{name}.jpg", group)
            for group in (1, 2)
            for name in ("kept", "twin", "near")
        ]
        self.plan = pd.DataFrame(rows)

    def add(self, image, group, action=None):
        path = self.folder / image
        path.parent.mkdir(parents=True, exist_ok=True)
        content = f"{group} {'near' if 'near' in image else 'kept'}".encode() * 100
        path.write_bytes(content)
        path.chmod(0o640)
        os.utime(path, ns=(10**18, 10**18 + 123_456_700))
        action = action or ("keep" if "kept" in image else "remove")
        digest = hashlib.sha256(content).hexdigest()
        return {
            "group": group,
            "image": image,
            "action": action,
            "path": str(path),
            "bytes": len(content),
            "sha256": digest,
        }

    def look(self):
        """Return bytes, time of change and permissions of each file that is not a journal."""
        return look(self.folder)

    def path(self, image):
        return self.folder / image

    def apply(self, action="move", **options):
        if action in {"move", "copy", "organise"}:
            options = {"to": self.to} | options
        return apply_plan(self.plan, action=action, dry_run=False, **options)


def look(folder):
    found = sorted(
        path
        for path in folder.rglob("*")
        if not path.is_dir() and not path.name.startswith(".imgdup-log")
    )
    return {
        path.relative_to(folder).as_posix(): (
            path.read_bytes(),
            path.stat().st_mtime_ns,
            path.stat().st_mode,
        )
        for path in found
    }


def status(log, image):
    return log.set_index("image").status[image]


def note(log, image):
    return log.set_index("image").note[image]


@pytest.fixture
def photos(tmp_path):
    return Photos(tmp_path)


@pytest.fixture
def trash(tmp_path, monkeypatch):
    """Stand in for the trash of the computer, which a test must not fill."""
    bin_ = tmp_path / "trash"
    bin_.mkdir()
    monkeypatch.setattr(
        "send2trash.send2trash",
        lambda path: shutil.move(path, bin_ / Path(path).as_posix().replace("/", "_")),
    )
    return bin_


@pytest.fixture
def two_disks(photos, monkeypatch):
    """Make the folder `to` lie on a disk of its own, as far as giving a file a second name goes."""
    link = os.link

    def link_on_one_disk(source, target):
        if (str(photos.to) in str(source)) != (str(photos.to) in str(target)):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        link(source, target)

    monkeypatch.setattr("imgdup_nb.review.files.os.link", link_on_one_disk)


# -- looking first ---------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ACTIONS)
def test_without_being_told_otherwise_nothing_is_changed(photos, action, capsys):
    before = photos.look()
    log = apply_plan(
        photos.plan, action=action, to=photos.to if action in {"move", "copy", "organise"} else None
    )
    assert photos.look() == before
    assert not photos.to.exists()
    assert log.attrs["dry_run"]
    assert "nothing was changed" in capsys.readouterr().out


def test_a_dry_run_says_how_many_files_and_how_much_space(photos, capsys):
    apply_plan(photos.plan, action="delete")
    assert (
        "4 files (2,400 bytes) would be deleted, 2 files kept. Disk space would be freed: 2,400 "
        "bytes." in capsys.readouterr().out
    )


@REFUSING
def test_a_dry_run_and_the_run_itself_leave_the_same_files_alone(photos):
    photos.path("1/near.jpg").write_bytes(b"edited")
    photos.path("2/kept.jpg").unlink()
    looked = apply_plan(photos.plan, to=photos.to)
    done = photos.apply()
    assert list(looked.note) == list(done.note)
    assert list(looked.status.replace("would be done", "done")) == list(done.status)


def test_a_dry_run_cannot_be_undone_and_says_so(photos):
    with pytest.raises(ValueError, match="dry run"):
        undo(apply_plan(photos.plan, to=photos.to))


# -- there and back --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "options"),
    [
        ("move", {}), ("copy", {}), ("organise", {}), ("organise", {"move": True}), ("hardlink", {"to": "spare"}),
        ("symlink", {"to": "spare"}),
    ],
)  # fmt: skip
def test_what_was_done_is_undone_byte_for_byte_with_times_and_permissions(photos, action, options):
    before = photos.look()
    options = {name: photos.to if name == "to" else value for name, value in options.items()}
    log = photos.apply(action, **options)
    assert set(log.status) <= {"done", "kept"}
    assert photos.look() != before or action in {"copy", "organise"}
    assert set(undo(log).status) <= {"restored", "kept"}
    assert photos.look() == before
    assert look(photos.to) == {}
    assert [path for path in photos.to.iterdir() if path.is_dir()] == []


@pytest.mark.usefixtures("two_disks")
@pytest.mark.parametrize(("action", "options"), [("move", {}), ("organise", {"move": True})])
def test_files_go_to_another_disk_and_back_with_times_and_permissions(photos, action, options):
    before = photos.look()
    log = photos.apply(action, **options)
    assert len(photos.look()) + len(look(photos.to)) == 6
    assert set(look(photos.to).values()) <= set(before.values())
    undo(log)
    assert photos.look() == before
    assert look(photos.to) == {}


def test_moved_files_have_the_names_they_had_in_the_collection(photos):
    photos.apply()
    assert set(look(photos.to)) == {"1/twin.jpg", "1/near.jpg", "2/twin.jpg", "2/near.jpg"}


def test_organise_makes_one_folder_for_each_group_with_the_kept_image_in_it(photos):
    photos.apply("organise")
    assert set(look(photos.to)) == {
        f"group-00{g}/{name}.jpg" for g in (1, 2) for name in ("kept", "twin", "near")
    }
    assert len(photos.look()) == 6


def test_organising_by_moving_copies_what_is_protected(photos):
    photos.plan["protected"] = photos.plan.image == "1/kept.jpg"
    photos.apply("organise", move=True)
    assert set(photos.look()) == {"1/kept.jpg"}
    assert len(look(photos.to)) == 6


@REFUSING
@pytest.mark.parametrize("action", ["hardlink", "symlink"])
def test_without_a_folder_only_files_with_the_very_bytes_of_the_keeper_become_links(photos, action):
    before = photos.look()
    log = photos.apply(action)
    assert status(log, "1/twin.jpg") == "done"
    assert os.path.samefile(photos.path("1/twin.jpg"), photos.path("1/kept.jpg"))
    assert status(log, "1/near.jpg") == "skipped"
    assert "bytes differ" in note(log, "1/near.jpg")
    undo(log)
    assert photos.look() == before
    assert not os.path.samefile(photos.path("1/twin.jpg"), photos.path("1/kept.jpg"))


def test_a_symbolic_link_survives_a_move_of_the_whole_collection(photos):
    photos.apply("symlink", to=photos.to)
    moved = photos.folder.rename(photos.folder.with_name("elsewhere"))
    assert (moved / "1/near.jpg").read_bytes() == (moved / "1/kept.jpg").read_bytes()


def test_deleting_needs_the_word(photos):
    before = photos.look()
    with pytest.raises(ValueError, match='confirm="delete"'):
        photos.apply("delete")
    with pytest.raises(ValueError, match='confirm="delete"'):
        photos.apply("delete", confirm="yes")
    assert photos.look() == before


@REFUSING
def test_of_deleted_files_those_come_back_whose_bytes_were_kept_and_the_others_are_named(photos):
    before = photos.look()
    log = photos.apply("delete", confirm="delete")
    assert set(photos.look()) == {"1/kept.jpg", "2/kept.jpg"}
    assert log.set_index("image").undo["1/near.jpg"] == "impossible"
    back = undo(log)
    assert photos.look() == {image: file for image, file in before.items() if "near" not in image}
    assert status(back, "1/near.jpg") == "not restored"
    assert "deleted" in note(back, "1/near.jpg")


@REFUSING
def test_the_trash_takes_files_and_undo_says_where_the_rest_is(photos, trash):
    log = photos.apply("trash")
    assert len(list(trash.iterdir())) == 4
    assert set(photos.look()) == {"1/kept.jpg", "2/kept.jpg"}
    back = undo(log)
    assert status(back, "1/twin.jpg") == "restored"
    assert "trash" in note(back, "1/near.jpg")


@REFUSING
def test_a_trash_that_does_not_work_is_a_note_and_the_file_stays(photos, monkeypatch):
    monkeypatch.setattr("send2trash.send2trash", lambda path: 1 / 0)
    before = photos.look()
    log = photos.apply("trash")
    assert "the trash does not take it" in note(log, "1/near.jpg")
    assert photos.look() == before


# -- looking again, right before -------------------------------------------------------------------


@REFUSING
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), "not there any more"),
        (lambda path: path.write_bytes(b"edited"), "changed since it was scanned"),
        (
            lambda path: path.write_bytes(path.read_bytes().swapcase()),
            "changed since it was scanned",
        ),
        (lambda path: (path.unlink(), path.symlink_to("kept.jpg")), "symbolic link"),
        (
            lambda path: (path.unlink(), os.link(path.with_name("kept.jpg"), path)),
            "changed|same file as kept.jpg",
        ),
        (lambda path: (path.unlink(), path.mkdir()), "not a regular file"),
    ],
)
def test_a_file_that_is_not_what_was_scanned_is_left_alone(photos, spoil, words):
    spoil(photos.path("1/near.jpg"))
    before = {
        image: file
        for image, file in photos.look().items()
        if image in {"1/near.jpg", "1/kept.jpg"}
    }
    log = photos.apply()
    assert status(log, "1/near.jpg") == "skipped"
    assert any(word in note(log, "1/near.jpg") for word in words.split("|"))
    assert before.items() <= photos.look().items()
    assert status(log, "2/near.jpg") == "done"


@REFUSING
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), "not there any more"),
        (lambda path: path.write_bytes(b"edited"), "has changed"),
        (lambda path: (path.unlink(), path.symlink_to("nowhere.jpg")), "not there any more"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be read"),
    ],
)
def test_nothing_leaves_a_group_whose_keeper_is_not_what_was_scanned(photos, spoil, words):
    spoil(photos.path("1/kept.jpg"))
    log = photos.apply()
    assert "nothing of its group would stay" in note(log, "1/twin.jpg")
    assert words in note(log, "1/twin.jpg")
    assert photos.path("1/twin.jpg").exists()
    assert not photos.path("2/twin.jpg").exists()


@REFUSING
@pytest.mark.parametrize("link", [os.link, lambda source, target: os.symlink(source, target)])
def test_a_file_that_is_the_keeper_under_another_name_is_never_removed(photos, link):
    photos.path("1/kept.jpg").unlink()
    link(photos.path("1/twin.jpg"), photos.path("1/kept.jpg"))
    log = photos.apply("delete", confirm="delete")
    assert "same file as kept.jpg" in note(log, "1/twin.jpg")
    assert photos.path("1/kept.jpg").read_bytes() == b"1 kept" * 100


@REFUSING
def test_a_keeper_that_leads_to_a_file_removed_in_another_group_protects_it(photos):
    photos.path("1/kept.jpg").unlink()
    photos.path("1/kept.jpg").symlink_to(photos.path("2/twin.jpg"))
    photos.plan.loc[0, "sha256"] = photos.plan.sha256[4]
    photos.apply("delete", confirm="delete")
    assert photos.path("1/kept.jpg").read_bytes() == b"2 kept" * 100


@REFUSING
def test_one_of_two_keepers_is_enough(photos):
    photos.plan.loc[2, "action"] = "keep"
    photos.path("1/kept.jpg").unlink()
    assert status(photos.apply(), "1/twin.jpg") == "done"


def test_a_file_written_to_between_check_and_act_stays(photos, monkeypatch):
    write = Journal.write

    def write_late(journal, row, event, **details):
        write(journal, row, event, **details)
        if event == "begun" and row == 2:
            photos.path("1/near.jpg").write_bytes(b"saved by an editor just now")

    monkeypatch.setattr(Journal, "write", write_late)
    with pytest.warns(UserWarning, match="left alone"):
        log = photos.apply()
    assert note(log, "1/near.jpg") == "it changed while it was looked at"
    assert photos.path("1/near.jpg").read_bytes() == b"saved by an editor just now"


# -- a plan that must not be followed --------------------------------------------------------------


def test_a_plan_that_keeps_nothing_of_a_group_is_refused(photos):
    photos.plan.loc[0, "action"] = "remove"
    with pytest.raises(ValueError, match="keeps no image of group 1"):
        photos.apply()


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("action", "destroy", "'destroy' is not"),
        ("image", "1/kept.jpg", "two rows"),
        ("sha256", "", "without a digest"),
    ],
)
def test_a_spoiled_plan_is_refused_before_anything_is_done(photos, column, value, words):
    photos.plan.loc[1, column] = value
    with pytest.raises(ValueError, match=words):
        photos.apply()
    assert len(photos.look()) == 6


def test_one_path_written_in_two_ways_is_still_one_file(photos):
    photos.plan.loc[1, "path"] = str(photos.folder / "1" / ".." / "1" / "kept.jpg")
    with pytest.raises(ValueError, match="two rows for the path"):
        photos.apply()


@pytest.mark.parametrize(
    ("action", "options", "words"),
    [
        ("move", {"to": None}, "needs a folder"),
        ("trash", {"to": "spare"}, "takes no folder"),
        ("burn", {}, "'burn' is not"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(photos, action, options, words):
    with pytest.raises(ValueError, match=words):
        photos.apply(action, **options)


def test_the_target_folder_must_not_hold_the_pictures_and_must_be_a_folder(photos):
    with pytest.raises(ValueError, match="outside of the pictures"):
        photos.apply(to=photos.folder)
    with pytest.raises(NotADirectoryError, match="is a file"):
        photos.apply(to=photos.path("1/kept.jpg"))


def test_an_empty_plan_is_no_work_and_no_journal(photos):
    photos.plan = photos.plan.iloc[:0]
    log = photos.apply()
    assert len(log) == 0
    assert log.attrs["journal"] == ""
    assert not photos.to.exists()


# -- names -----------------------------------------------------------------------------------------

HOSTILE = [
    "../../up.jpg",
    "/etc/x.jpg",
    "C:\\x.jpg",
    "a\0b.jpg",
    "con.jpg",
    "a/../../b.jpg",
    "..",
    "<img src=x>.jpg",
    "x. ",
    "ü" * 300,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leads_out_of_the_target_folder(photos, name):
    photos.plan.loc[2, "image"] = name
    before = photos.look()
    log = photos.apply()
    target = Path(log.set_index("image").target[name])
    assert target.resolve().is_relative_to(photos.to.resolve())
    assert target.read_bytes() == b"1 near" * 100
    undo(log)
    assert photos.look() == before


@given(
    st.text(st.characters() | st.sampled_from("../ \\:\0\ud800\udce9"), max_size=30)
    | st.builds(str.__mul__, st.text(), st.just(200))
)
def test_any_text_becomes_parts_that_every_system_takes(name):
    for part in paths.safe_parts(name):
        assert part
        assert not set(part) & set('/\\:*?"<>|\0')
        assert part.rstrip(". ") == part
        assert part.partition(".")[0].lower() not in paths.RESERVED
        assert len(os.fsencode(part)) <= paths.LONGEST_PART + 1


def test_a_name_that_is_taken_is_never_overwritten(photos):
    (photos.to / "1").mkdir(parents=True)
    (photos.to / "1/near.jpg").write_bytes(b"something of the user's")
    (photos.to / "1/near (2).jpg").write_bytes(b"and one more")
    log = photos.apply()
    assert (photos.to / "1/near.jpg").read_bytes() == b"something of the user's"
    assert log.set_index("image").target["1/near.jpg"].endswith("near (3).jpg")


def test_a_name_that_is_taken_at_the_last_moment_is_not_overwritten_either(photos, monkeypatch):
    place = files.move_new

    def place_late(source, target, part, sha256):
        if target.endswith("near.jpg"):
            Path(target).write_bytes(b"somebody was faster")
        place(source, target, part, sha256)

    monkeypatch.setattr(files, "move_new", place_late)
    log = photos.apply()
    assert (photos.to / "1/near.jpg").read_bytes() == b"somebody was faster"
    assert log.set_index("image").target["1/near.jpg"].endswith("near (2).jpg")


@REFUSING
def test_a_link_in_the_target_folder_leads_no_file_out_of_it(photos, tmp_path):
    (tmp_path / "private").mkdir()
    photos.to.mkdir()
    (photos.to / "1").symlink_to(tmp_path / "private")
    log = photos.apply()
    assert "leads out" in note(log, "1/near.jpg")
    assert list((tmp_path / "private").iterdir()) == []


def test_a_disk_where_files_cannot_have_two_names_gets_them_all_the_same(photos, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("imgdup_nb.review.files.os.link", refuse)
    (photos.to / "1").mkdir(parents=True)
    (photos.to / "1/near.jpg").write_bytes(b"something of the user's")
    before = photos.look()
    log = photos.apply()
    assert len(look(photos.to)) == 5
    assert (photos.to / "1/near.jpg").read_bytes() == b"something of the user's"
    undo(log)
    assert photos.look() == before


def test_a_name_that_is_no_text_is_moved_and_restored(photos):
    raw = os.fsdecode(b"caf\xe9-near.jpg")
    photos.plan = pd.concat(
        [photos.plan, pd.DataFrame([photos.add(f"1/{raw}", 1)])], ignore_index=True
    )
    before = {os.fsencode(name): file for name, file in photos.look().items()}
    log = photos.apply()
    assert set(log.status) == {"kept", "done"}
    undo(log)
    assert {os.fsencode(name): file for name, file in photos.look().items()} == before


# -- bad disks -------------------------------------------------------------------------------------


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
def test_a_full_disk_stops_the_run_and_leaves_no_half_file(photos, monkeypatch):
    before = photos.look()
    with monkeypatch.context() as full:
        full.setattr(files, "copy_bytes", half_copy)
        log = photos.apply()
    assert list(log.status) == [
        "kept",
        "failed",
        "not reached",
        "kept",
        "not reached",
        "not reached",
    ]
    assert "No space left" in note(log, "1/twin.jpg")
    assert photos.look() == before
    assert look(photos.to) == {}
    assert set(resume(log).status) == {"kept", "done"}
    undo(log)
    assert photos.look() == before


@REFUSING
@pytest.mark.parametrize("n_lines", range(2, 13))
def test_a_disk_too_full_for_the_journal_stops_the_run_before_the_next_file(
    photos, monkeypatch, n_lines
):
    before = photos.look()
    with monkeypatch.context() as full:
        full.setattr(
            "imgdup_nb.review.journal.os.fsync", fail_after(n_lines, errno.ENOSPC, os.fsync)
        )
        log = photos.apply()
    assert {path.read_bytes() for path in photos.folder.parent.rglob("*.jpg")} == {
        file[0] for file in before.values()
    }
    assert set(resume(log).status) == {"kept", "done"}
    undo(log)
    assert photos.look() == before


def test_where_no_journal_can_be_made_nothing_is_done(photos, monkeypatch):
    before = photos.look()
    monkeypatch.setattr("imgdup_nb.review.journal.os.fsync", fail_after(0, errno.ENOSPC, os.fsync))
    with pytest.raises(OSError, match="No space left"):
        photos.apply()
    assert photos.look() == before
    assert list(photos.to.iterdir()) == []


@REFUSING
@pytest.mark.parametrize(("error", "goes_on"), [(errno.EACCES, True), (errno.EROFS, False)])
def test_one_forbidden_file_stops_nothing_and_a_read_only_disk_stops_the_run(
    photos, monkeypatch, error, goes_on
):
    before = photos.look()
    with monkeypatch.context() as bad:
        link = os.link
        calls = iter([OSError(error, os.strerror(error))])

        def fail_once(source, target):
            if problem := next(calls, None):
                raise problem
            link(source, target)

        bad.setattr("imgdup_nb.review.files.os.link", fail_once)
        log = photos.apply()
    assert status(log, "1/twin.jpg") == "failed"
    assert (status(log, "2/near.jpg") == "done") == goes_on
    undo(log)
    assert photos.look() == before


@REFUSING
@pytest.mark.usefixtures("two_disks")
def test_a_copy_that_does_not_read_back_is_thrown_away_and_the_original_stays(photos, monkeypatch):
    before = photos.look()

    def damaged(original, copy):
        copy.write(original.read()[:-1] + b"?")

    monkeypatch.setattr(files, "copy_bytes", damaged)
    log = photos.apply()
    assert "read back" in note(log, "1/twin.jpg")
    assert photos.look() == before
    assert look(photos.to) == {}


@REFUSING
@pytest.mark.usefixtures("two_disks")
def test_a_file_that_is_written_to_while_it_is_copied_stays_and_so_does_the_copy(
    photos, monkeypatch
):
    def copy_and_change(original, copy):
        copy.write(original.read())
        Path(original.name).write_bytes(b"saved by an editor just now")

    monkeypatch.setattr(files, "copy_bytes", copy_and_change)
    log = photos.apply()
    assert "changed while it was copied" in note(log, "1/near.jpg")
    assert photos.path("1/near.jpg").read_bytes() == b"saved by an editor just now"
    assert "something else stands in its place" in note(undo(log), "1/near.jpg")
    assert (photos.to / "1/near.jpg").read_bytes() == b"1 near" * 100


@REFUSING
@pytest.mark.usefixtures("two_disks")
def test_where_the_source_cannot_be_removed_both_stay_and_undo_removes_the_copy(
    photos, monkeypatch
):
    before = photos.look()
    with monkeypatch.context() as stuck:
        stuck.setattr(files, "remove", fail_after(0, errno.EACCES, os.unlink))
        log = photos.apply()
    assert set(log.status) == {"kept", "failed"}
    assert photos.look() == before
    undo(log)
    assert photos.look() == before
    assert look(photos.to) == {}


# -- the way back, when the world has moved on -----------------------------------------------------


@REFUSING
def test_undo_overwrites_nothing_that_stands_in_a_files_place_now(photos):
    log = photos.apply()
    photos.path("1/near.jpg").write_bytes(b"a new picture")
    back = undo(log)
    assert "something else stands in its place" in note(back, "1/near.jpg")
    assert photos.path("1/near.jpg").read_bytes() == b"a new picture"
    assert (photos.to / "1/near.jpg").read_bytes() == b"1 near" * 100
    assert status(back, "2/near.jpg") == "restored"


@REFUSING
def test_undo_leaves_a_moved_file_that_was_edited_since_and_says_so(photos):
    log = photos.apply()
    (photos.to / "1/near.jpg").write_bytes(b"retouched")
    (photos.to / "2/near.jpg").unlink()
    back = undo(log)
    assert "has changed since" in note(back, "1/near.jpg")
    assert (photos.to / "1/near.jpg").read_bytes() == b"retouched"
    assert "not in the target folder any more" in note(back, "2/near.jpg")


@REFUSING
def test_undo_of_a_copy_keeps_the_copy_when_the_original_is_gone(photos):
    log = photos.apply("copy")
    photos.path("1/near.jpg").unlink()
    back = undo(log)
    assert "its copy stays" in note(back, "1/near.jpg")
    assert (photos.to / "1/near.jpg").read_bytes() == b"1 near" * 100


@REFUSING
def test_undo_brings_a_link_back_to_a_file_though_its_keeper_is_gone(photos):
    log = photos.apply("symlink", to=photos.to)
    photos.path("1/kept.jpg").unlink()
    undo(log)
    assert photos.path("1/near.jpg").read_bytes() == b"1 near" * 100
    assert not photos.path("1/near.jpg").is_symlink()


@REFUSING
def test_undo_does_not_replace_the_last_name_of_a_keepers_bytes(photos):
    log = photos.apply("hardlink", to=photos.to)
    photos.path("1/kept.jpg").unlink()
    undo(log)
    assert photos.path("1/near.jpg").read_bytes() == b"1 kept" * 100
    assert (photos.to / "1/near.jpg").read_bytes() == b"1 near" * 100


def test_undo_twice_is_undo_once(photos):
    before = photos.look()
    log = photos.apply()
    undo(log)
    undo(log)
    assert photos.look() == before


def test_folders_that_were_deleted_meanwhile_are_made_again(photos):
    before = photos.look()
    photos.plan = photos.plan[photos.plan.group == 1]
    log = photos.apply()
    (photos.folder / "1/kept.jpg").rename(photos.folder / "kept.jpg")
    (photos.folder / "1").rmdir()
    undo(log)
    assert photos.look()["1/near.jpg"] == before["1/near.jpg"]


def test_an_undone_run_is_not_resumed(photos):
    log = photos.apply()
    undo(log)
    with pytest.raises(ValueError, match="has been undone"):
        resume(log)


# -- the journal -----------------------------------------------------------------------------------


def test_the_journal_tells_what_will_happen_before_it_happens(photos, monkeypatch):
    place, seen = files.move_new, []

    def look_first(source, target, part, sha256):
        (journal,) = photos.to.glob(".imgdup-log-*.jsonl")
        last = json.loads(journal.read_bytes().splitlines()[-1])
        seen.append(last["event"] == "begun" and last["target"] == target)
        place(source, target, part, sha256)

    monkeypatch.setattr(files, "move_new", look_first)
    photos.apply()
    assert seen == [True] * 4


def test_the_log_can_be_read_from_its_journal_alone(photos):
    log = photos.apply()
    again = read_log(log.attrs["journal"])
    pd.testing.assert_frame_equal(again, log)
    assert again.attrs == log.attrs
    assert log.when.notna().sum() == 4


def test_a_journal_that_ends_in_half_a_line_is_read_and_continued(photos):
    log = photos.apply()
    with open(log.attrs["journal"], "ab") as journal:
        journal.write(b'{"row": 5, "ev')
    assert set(read_log(log.attrs["journal"]).status) == {"kept", "done"}
    undo(log)
    assert set(read_log(log.attrs["journal"]).status) == {"kept", "restored"}


def test_a_file_that_is_no_journal_is_refused(photos, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    for function in (undo, resume, read_log):
        with pytest.raises(ValueError, match="is no journal"):
            function(tmp_path / "notes.txt")


def test_two_runs_do_not_write_one_journal(photos):
    log = photos.apply()
    with Journal.open(log.attrs["journal"]), pytest.raises(BlockingIOError, match="another run"):
        undo(log)


def test_the_same_plan_applied_again_leaves_alone_what_is_gone(photos):
    photos.apply()
    with pytest.warns(UserWarning, match="4 files were left alone"):
        log = photos.apply()
    assert set(log.note) == {"", "it is not there any more"}
    assert len(look(photos.to)) == 4


def test_the_journal_can_be_named_and_is_never_overwritten(photos, tmp_path):
    log = photos.apply(journal=tmp_path / "mine.jsonl")
    assert log.attrs["journal"] == str(tmp_path / "mine.jsonl")
    undo(log)
    with pytest.raises(FileExistsError):
        photos.apply(journal=tmp_path / "mine.jsonl")


def test_a_run_in_a_thread_is_as_good_as_one_in_the_main_thread(photos):
    before = photos.look()
    logs = []
    thread = threading.Thread(target=lambda: logs.append(photos.apply()))
    thread.start()
    thread.join()
    undo(logs[0])
    assert photos.look() == before


def test_numbers_in_the_log_add_up(photos):
    log = photos.apply()
    assert (log.status == "kept").sum() + (log.status == "done").sum() == len(photos.plan)
    assert (
        log.bytes.sum()
        == sum(len(file[0]) for file in photos.look().values())
        + log.bytes[log.status == "done"].sum()
    )
    assert log.bytes.dtype == log.frees.dtype == np.int64

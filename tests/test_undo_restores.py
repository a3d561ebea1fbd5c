"""Each action and its undo: every file comes back byte for byte."""

import os

import pytest

from imgdup_nb import undo

REFUSING = pytest.mark.filterwarnings(
    "ignore:.*left alone", "ignore:the run stopped", "ignore:.*could not be restored"
)


@pytest.mark.parametrize(
    ("action", "options"),
    [
        ("move", {}),
        ("copy", {}),
        ("organise", {}),
        ("organise", {"move": True}),
        ("hardlink", {"to": "spare"}),
        ("symlink", {"to": "spare"}),
    ],
)
def test_what_was_done_is_undone_byte_for_byte_with_times_and_permissions(planned, action, options):
    before = planned.look()
    options = {name: planned.to if name == "to" else value for name, value in options.items()}
    log = planned.apply(action, **options)
    assert set(log.status) <= {"done", "kept"}
    assert planned.look() != before or action in {"copy", "organise"}
    assert set(undo(log).status) <= {"restored", "kept"}
    assert planned.look() == before
    assert planned.look_spare() == {}
    assert [path for path in planned.to.iterdir() if path.is_dir()] == []


@pytest.mark.usefixtures("two_disks")
@pytest.mark.parametrize(("action", "options"), [("move", {}), ("organise", {"move": True})])
def test_files_go_to_another_disk_and_back_with_times_and_permissions(planned, action, options):
    before = planned.look()
    log = planned.apply(action, **options)
    assert len(planned.look()) + len(planned.look_spare()) == 6
    assert set(planned.look_spare().values()) <= set(before.values())
    undo(log)
    assert planned.look() == before
    assert planned.look_spare() == {}


def test_moved_files_have_the_names_they_had_in_the_collection(planned):
    planned.apply()
    assert set(planned.look_spare()) == {"1/twin.jpg", "1/near.jpg", "2/twin.jpg", "2/near.jpg"}


def test_organise_makes_one_folder_for_each_group_with_the_kept_image_in_it(planned):
    planned.apply("organise")
    assert set(planned.look_spare()) == {
        f"group-00{g}/{name}.jpg" for g in (1, 2) for name in ("kept", "twin", "near")
    }
    assert len(planned.look()) == 6


def test_organising_by_moving_copies_what_is_protected(planned):
    planned.plan["protected"] = planned.plan.image == "1/kept.jpg"
    planned.apply("organise", move=True)
    assert set(planned.look()) == {"1/kept.jpg"}
    assert len(planned.look_spare()) == 6


@REFUSING
@pytest.mark.parametrize("action", ["hardlink", "symlink"])
def test_without_a_folder_only_files_with_the_bytes_of_the_keeper_become_links(planned, action):
    before = planned.look()
    log = planned.apply(action)
    assert planned.status(log, "1/twin.jpg") == "done"
    assert os.path.samefile(planned.path("1/twin.jpg"), planned.path("1/kept.jpg"))
    assert planned.status(log, "1/near.jpg") == "skipped"
    assert "bytes differ" in planned.note(log, "1/near.jpg")
    undo(log)
    assert planned.look() == before
    assert not os.path.samefile(planned.path("1/twin.jpg"), planned.path("1/kept.jpg"))


def test_a_symbolic_link_survives_a_move_of_the_whole_collection(planned):
    planned.apply("symlink", to=planned.to)
    moved = planned.folder.rename(planned.folder.with_name("elsewhere"))
    assert (moved / "1/near.jpg").read_bytes() == (moved / "1/kept.jpg").read_bytes()


def test_deleting_needs_the_word(planned):
    before = planned.look()
    with pytest.raises(ValueError, match='confirm="delete"'):
        planned.apply("delete")
    with pytest.raises(ValueError, match='confirm="delete"'):
        planned.apply("delete", confirm="yes")
    assert planned.look() == before


@REFUSING
def test_of_deleted_files_those_come_back_whose_bytes_were_kept_and_the_others_are_named(planned):
    before = planned.look()
    log = planned.apply("delete", confirm="delete")
    assert set(planned.look()) == {"1/kept.jpg", "2/kept.jpg"}
    assert log.set_index("image").undo["1/near.jpg"] == "impossible"
    back = undo(log)
    assert planned.look() == {image: file for image, file in before.items() if "near" not in image}
    assert planned.status(back, "1/near.jpg") == "not restored"
    assert "deleted" in planned.note(back, "1/near.jpg")


@REFUSING
def test_the_trash_takes_files_and_undo_says_where_the_rest_is(planned, trash):
    log = planned.apply("trash")
    assert len(list(trash.iterdir())) == 4
    assert set(planned.look()) == {"1/kept.jpg", "2/kept.jpg"}
    back = undo(log)
    assert planned.status(back, "1/twin.jpg") == "restored"
    assert "trash" in planned.note(back, "1/near.jpg")


@REFUSING
def test_a_trash_that_does_not_work_is_a_note_and_the_file_stays(planned, monkeypatch):
    monkeypatch.setattr("send2trash.send2trash", lambda path: 1 / 0)
    before = planned.look()
    log = planned.apply("trash")
    assert "the trash does not take it" in planned.note(log, "1/near.jpg")
    assert planned.look() == before

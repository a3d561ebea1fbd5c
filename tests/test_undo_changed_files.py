"""Undo where files were changed, removed or replaced after the run."""

import pytest

from imgdup_nb import resume, undo

REFUSING = pytest.mark.filterwarnings(
    "ignore:.*left alone", "ignore:the run stopped", "ignore:.*could not be restored"
)


@REFUSING
def test_undo_overwrites_nothing_that_stands_in_a_files_place_now(planned):
    log = planned.apply()
    planned.path("1/near.jpg").write_bytes(b"a new picture")
    back = undo(log)
    assert "something else stands in its place" in planned.note(back, "1/near.jpg")
    assert planned.path("1/near.jpg").read_bytes() == b"a new picture"
    assert (planned.to / "1/near.jpg").read_bytes() == b"1 near" * 100
    assert planned.status(back, "2/near.jpg") == "restored"


@REFUSING
def test_undo_leaves_a_moved_file_that_was_edited_since_and_says_so(planned):
    log = planned.apply()
    (planned.to / "1/near.jpg").write_bytes(b"retouched")
    (planned.to / "2/near.jpg").unlink()
    back = undo(log)
    assert "has changed since" in planned.note(back, "1/near.jpg")
    assert (planned.to / "1/near.jpg").read_bytes() == b"retouched"
    assert "not in the target folder any more" in planned.note(back, "2/near.jpg")


@REFUSING
def test_undo_of_a_copy_keeps_the_copy_when_the_original_is_gone(planned):
    log = planned.apply("copy")
    planned.path("1/near.jpg").unlink()
    back = undo(log)
    assert "its copy stays" in planned.note(back, "1/near.jpg")
    assert (planned.to / "1/near.jpg").read_bytes() == b"1 near" * 100


@REFUSING
def test_undo_brings_a_link_back_to_a_file_though_its_keeper_is_gone(planned):
    log = planned.apply("symlink", to=planned.to)
    planned.path("1/kept.jpg").unlink()
    undo(log)
    assert planned.path("1/near.jpg").read_bytes() == b"1 near" * 100
    assert not planned.path("1/near.jpg").is_symlink()


@REFUSING
def test_undo_does_not_replace_the_last_name_of_a_keepers_bytes(planned):
    log = planned.apply("hardlink", to=planned.to)
    planned.path("1/kept.jpg").unlink()
    undo(log)
    assert planned.path("1/near.jpg").read_bytes() == b"1 kept" * 100
    assert (planned.to / "1/near.jpg").read_bytes() == b"1 near" * 100


def test_undo_twice_is_undo_once(planned):
    before = planned.look()
    log = planned.apply()
    undo(log)
    undo(log)
    assert planned.look() == before


def test_folders_that_were_deleted_meanwhile_are_made_again(planned):
    before = planned.look()
    planned.plan = planned.plan[planned.plan.group == 1]
    log = planned.apply()
    (planned.folder / "1/kept.jpg").rename(planned.folder / "kept.jpg")
    (planned.folder / "1").rmdir()
    undo(log)
    assert planned.look()["1/near.jpg"] == before["1/near.jpg"]


def test_an_undone_run_is_not_resumed(planned):
    log = planned.apply()
    undo(log)
    with pytest.raises(ValueError, match="has been undone"):
        resume(log)

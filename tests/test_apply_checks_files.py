"""Files and keepers are read again right before anything is done to them."""

import os

import pytest

from imgdup_nb.review.journal import Journal

REFUSING = pytest.mark.filterwarnings(
    "ignore:.*left alone", "ignore:the run stopped", "ignore:.*could not be restored"
)


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
def test_a_file_that_is_not_what_was_scanned_is_left_alone(planned, spoil, words):
    spoil(planned.path("1/near.jpg"))
    before = {
        image: file
        for image, file in planned.look().items()
        if image in {"1/near.jpg", "1/kept.jpg"}
    }
    log = planned.apply()
    assert planned.status(log, "1/near.jpg") == "skipped"
    assert any(word in planned.note(log, "1/near.jpg") for word in words.split("|"))
    assert before.items() <= planned.look().items()
    assert planned.status(log, "2/near.jpg") == "done"


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
def test_nothing_leaves_a_group_whose_keeper_is_not_what_was_scanned(planned, spoil, words):
    spoil(planned.path("1/kept.jpg"))
    log = planned.apply()
    assert "nothing of its group would stay" in planned.note(log, "1/twin.jpg")
    assert words in planned.note(log, "1/twin.jpg")
    assert planned.path("1/twin.jpg").exists()
    assert not planned.path("2/twin.jpg").exists()


@REFUSING
@pytest.mark.parametrize("link", [os.link, lambda source, target: os.symlink(source, target)])
def test_a_file_that_is_the_keeper_under_another_name_is_never_removed(planned, link):
    planned.path("1/kept.jpg").unlink()
    link(planned.path("1/twin.jpg"), planned.path("1/kept.jpg"))
    log = planned.apply("delete", confirm="delete")
    assert "same file as kept.jpg" in planned.note(log, "1/twin.jpg")
    assert planned.path("1/kept.jpg").read_bytes() == b"1 kept" * 100


@REFUSING
def test_a_keeper_that_leads_to_a_file_removed_in_another_group_protects_it(planned):
    planned.path("1/kept.jpg").unlink()
    planned.path("1/kept.jpg").symlink_to(planned.path("2/twin.jpg"))
    planned.plan.loc[0, "sha256"] = planned.plan.sha256[4]
    planned.apply("delete", confirm="delete")
    assert planned.path("1/kept.jpg").read_bytes() == b"2 kept" * 100


@REFUSING
def test_one_of_two_keepers_is_enough(planned):
    planned.plan.loc[2, "action"] = "keep"
    planned.path("1/kept.jpg").unlink()
    assert planned.status(planned.apply(), "1/twin.jpg") == "done"


def test_a_file_written_to_between_check_and_act_stays(planned, monkeypatch):
    write = Journal.write

    def write_late(journal, row, event, **details):
        write(journal, row, event, **details)
        if event == "begun" and row == 2:
            planned.path("1/near.jpg").write_bytes(b"saved by an editor just now")

    monkeypatch.setattr(Journal, "write", write_late)
    with pytest.warns(UserWarning, match="left alone"):
        log = planned.apply()
    assert planned.note(log, "1/near.jpg") == "it changed while it was looked at"
    assert planned.path("1/near.jpg").read_bytes() == b"saved by an editor just now"

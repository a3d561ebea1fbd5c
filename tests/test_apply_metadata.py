"""The plan's column `sidecar`: metadata that the keeper gets as an XMP side file."""

import errno
import os

import pandas as pd
import pytest

from imgdup_nb import apply_plan, read_log, undo
from imgdup_nb.review import files

XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/">Zürich, 5 stars</x:xmpmeta>'
LEFT_ALONE = pytest.mark.filterwarnings("ignore:.*left alone", "ignore:.*could not be restored")


@pytest.fixture
def with_metadata(planned):
    """Return the small collection; the plan has metadata for the keeper of its first group."""
    planned.plan["sidecar"] = [XMP, "", "", None, "", ""]
    return planned


@pytest.mark.parametrize("action", ["move", "delete", "hardlink"])
@LEFT_ALONE
def test_metadata_is_written_beside_the_keeper_and_undone(with_metadata, action):
    before = with_metadata.look()
    log = with_metadata.apply(action, confirm="delete")
    assert with_metadata.path("1/kept.jpg.xmp").read_text(encoding="utf-8") == XMP
    assert not with_metadata.path("2/kept.jpg.xmp").exists()
    assert with_metadata.note(log, "1/kept.jpg") == "metadata in kept.jpg.xmp"
    assert read_log(log.attrs["journal"]).attrs["n_written"] == 1
    undo(log)
    assert set(with_metadata.look()) <= set(before)


def test_it_is_on_the_disk_before_the_first_file_leaves(with_metadata, monkeypatch):
    place, seen = files.move_new, []

    def look_first(*arguments):
        seen.append(with_metadata.path("1/kept.jpg.xmp").exists())
        place(*arguments)

    monkeypatch.setattr(files, "move_new", look_first)
    with_metadata.apply()
    assert seen == [True] * 4


@pytest.mark.parametrize("name", ["1/kept.jpg.xmp", "1/kept.xmp", "1/kept.XMP"])
def test_an_existing_side_file_is_never_overwritten(with_metadata, name):
    with_metadata.path(name).write_text("of the user")
    log = with_metadata.apply()
    assert with_metadata.path(name).read_text() == "of the user"
    assert "is there already" in with_metadata.note(log, "1/kept.jpg")
    assert with_metadata.status(log, "1/near.jpg") == "done"
    undo(log)
    assert with_metadata.path(name).read_text() == "of the user"


@LEFT_ALONE
def test_nothing_is_deleted_whose_metadata_could_not_be_written(with_metadata):
    with_metadata.path("1/kept.xmp").write_text("of the user")
    log = with_metadata.apply("delete", confirm="delete")
    assert "could not be written to kept.jpg.xmp" in with_metadata.note(log, "1/near.jpg")
    assert with_metadata.path("1/near.jpg").exists()
    assert with_metadata.status(log, "2/near.jpg") == "done"


@LEFT_ALONE
def test_a_full_disk_leaves_no_half_side_file(with_metadata, monkeypatch):
    before = with_metadata.look()

    def no_space(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "rename_new", no_space)
    with pytest.warns(UserWarning, match="the run stopped: No space left"):
        with_metadata.apply()
    assert with_metadata.look() == before


@LEFT_ALONE
def test_undo_leaves_a_side_file_that_was_edited_since(with_metadata):
    log = with_metadata.apply()
    with_metadata.path("1/kept.jpg.xmp").write_text("edited")
    back = undo(log)
    assert with_metadata.path("1/kept.jpg.xmp").read_text() == "edited"
    assert "has changed since, and stays" in with_metadata.note(back, "1/kept.jpg")
    assert with_metadata.status(back, "1/near.jpg") == "restored"


def test_a_dry_run_writes_none_and_says_how_many(with_metadata, capsys):
    before = with_metadata.look()
    apply_plan(with_metadata.plan, to=with_metadata.to)
    assert with_metadata.look() == before
    assert "1 side file with metadata would be written" in capsys.readouterr().out


@pytest.mark.parametrize("action", ["copy", "organise"])
def test_actions_after_which_all_files_are_there_write_none(with_metadata, action):
    with_metadata.apply(action)
    assert not with_metadata.path("1/kept.jpg.xmp").exists()


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [(b"<x/>", TypeError, "must hold texts, not bytes"), ("\ud800", ValueError, "UTF-8")],
)
def test_what_is_no_text_is_refused_before_anything_is_done(with_metadata, value, error, words):
    with_metadata.plan["sidecar"] = pd.Series([value, "", "", "", "", ""], dtype=object)
    before = with_metadata.look()
    with pytest.raises(error, match=words):
        with_metadata.apply()
    assert with_metadata.look() == before

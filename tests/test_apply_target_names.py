"""The names of files in the target folder: inside it, and never one that is taken."""

import errno
import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgdup_nb import undo
from imgdup_nb.engine import paths
from imgdup_nb.review import files

REFUSING = pytest.mark.filterwarnings(
    "ignore:.*left alone", "ignore:the run stopped", "ignore:.*could not be restored"
)

# as Windows documents them
DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"
}

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
def test_no_name_leads_out_of_the_target_folder(planned, name):
    planned.plan.loc[2, "image"] = name
    before = planned.look()
    log = planned.apply()
    target = Path(log.set_index("image").target[name])
    assert target.resolve().is_relative_to(planned.to.resolve())
    assert target.read_bytes() == b"1 near" * 100
    undo(log)
    assert planned.look() == before


@given(
    st.text(st.characters() | st.sampled_from("../ \\:\0\ud800\udce9"), max_size=30)
    | st.builds(str.__mul__, st.text(), st.just(200))
)
def test_any_text_becomes_parts_that_every_system_takes(name):
    for part in paths.safe_parts(name):
        assert part
        assert not set(part) & set('/\\:*?"<>|\0')
        assert part.rstrip(". ") == part
        assert part.partition(".")[0].lower() not in DEVICES
        assert len(os.fsencode(part)) <= paths.MAX_PART_BYTES + 1


def test_a_name_that_is_taken_is_never_overwritten(planned):
    (planned.to / "1").mkdir(parents=True)
    (planned.to / "1/near.jpg").write_bytes(b"something of the user's")
    (planned.to / "1/near (2).jpg").write_bytes(b"and one more")
    log = planned.apply()
    assert (planned.to / "1/near.jpg").read_bytes() == b"something of the user's"
    assert log.set_index("image").target["1/near.jpg"].endswith("near (3).jpg")


def test_a_name_that_is_taken_at_the_last_moment_is_not_overwritten_either(planned, monkeypatch):
    place = files.move_new

    def place_late(source, target, part, sha256):
        if target.endswith("near.jpg"):
            Path(target).write_bytes(b"somebody was faster")
        place(source, target, part, sha256)

    monkeypatch.setattr(files, "move_new", place_late)
    log = planned.apply()
    assert (planned.to / "1/near.jpg").read_bytes() == b"somebody was faster"
    assert log.set_index("image").target["1/near.jpg"].endswith("near (2).jpg")


@REFUSING
def test_a_link_in_the_target_folder_leads_no_file_out_of_it(planned, tmp_path):
    (tmp_path / "private").mkdir()
    planned.to.mkdir()
    (planned.to / "1").symlink_to(tmp_path / "private")
    log = planned.apply()
    assert "leads out" in planned.note(log, "1/near.jpg")
    assert list((tmp_path / "private").iterdir()) == []


def test_a_disk_where_files_cannot_have_two_names_gets_them_all_the_same(planned, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("imgdup_nb.review.files.os.link", refuse)
    (planned.to / "1").mkdir(parents=True)
    (planned.to / "1/near.jpg").write_bytes(b"something of the user's")
    before = planned.look()
    log = planned.apply()
    assert len(planned.look_spare()) == 5
    assert (planned.to / "1/near.jpg").read_bytes() == b"something of the user's"
    undo(log)
    assert planned.look() == before


def test_a_name_that_is_no_text_is_moved_and_restored(planned):
    raw = os.fsdecode(b"caf\xe9-near.jpg")
    row = pd.DataFrame([planned.add(f"1/{raw}", 1)], dtype=object)  # no text type holds the name
    planned.plan = pd.concat([planned.plan, row], ignore_index=True)
    before = {os.fsencode(name): file for name, file in planned.look().items()}
    log = planned.apply()
    assert set(log.status) == {"kept", "done"}
    undo(log)
    assert {os.fsencode(name): file for name, file in planned.look().items()} == before

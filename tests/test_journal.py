"""The journal of a run: written ahead, readable, never shared."""

import json
import threading

import numpy as np
import pandas as pd
import pytest

from imgdup_nb import read_log, resume, undo
from imgdup_nb.review import files
from imgdup_nb.review.journal import Journal


def test_the_journal_tells_what_will_happen_before_it_happens(planned, monkeypatch):
    place, seen = files.move_new, []

    def look_first(source, target, part, sha256):
        (journal,) = planned.to.glob(".imgdup-log-*.jsonl")
        last = json.loads(journal.read_bytes().splitlines()[-1])
        seen.append(last["event"] == "begun" and last["target"] == target)
        place(source, target, part, sha256)

    monkeypatch.setattr(files, "move_new", look_first)
    planned.apply()
    assert seen == [True] * 4


def test_the_log_can_be_read_from_its_journal_alone(planned):
    log = planned.apply()
    again = read_log(log.attrs["journal"])
    pd.testing.assert_frame_equal(again, log)
    assert again.attrs == log.attrs
    assert log.when.notna().sum() == 4


def test_a_journal_that_ends_in_half_a_line_is_read_and_continued(planned):
    log = planned.apply()
    with open(log.attrs["journal"], "ab") as journal:
        journal.write(b'{"row": 5, "ev')
    assert set(read_log(log.attrs["journal"]).status) == {"kept", "done"}
    undo(log)
    assert set(read_log(log.attrs["journal"]).status) == {"kept", "restored"}


def test_a_file_that_is_no_journal_is_refused(planned, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    for function in (undo, resume, read_log):
        with pytest.raises(ValueError, match="is not a journal"):
            function(tmp_path / "notes.txt")


def test_two_runs_do_not_write_one_journal(planned):
    log = planned.apply()
    with Journal.open(log.attrs["journal"]), pytest.raises(BlockingIOError, match="another run"):
        undo(log)


def test_the_same_plan_applied_again_leaves_alone_what_is_gone(planned):
    planned.apply()
    with pytest.warns(UserWarning, match="4 files were left alone"):
        log = planned.apply()
    assert set(log.note) == {"", "it is not there any more"}
    assert len(planned.look_spare()) == 4


def test_the_journal_can_be_named_and_is_never_overwritten(planned, tmp_path):
    log = planned.apply(journal=tmp_path / "mine.jsonl")
    assert log.attrs["journal"] == str(tmp_path / "mine.jsonl")
    undo(log)
    with pytest.raises(FileExistsError):
        planned.apply(journal=tmp_path / "mine.jsonl")


def test_a_run_in_a_thread_is_as_good_as_one_in_the_main_thread(planned):
    before = planned.look()
    logs = []
    thread = threading.Thread(target=lambda: logs.append(planned.apply()))
    thread.start()
    thread.join()
    undo(logs[0])
    assert planned.look() == before


def test_numbers_in_the_log_add_up(planned):
    log = planned.apply()
    assert (log.status == "kept").sum() + (log.status == "done").sum() == len(planned.plan)
    assert (
        log.bytes.sum()
        == sum(len(file[0]) for file in planned.look().values())
        + log.bytes[log.status == "done"].sum()
    )
    assert log.bytes.dtype == log.frees.dtype == np.int64

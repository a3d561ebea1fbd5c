"""A run that is stopped by hand says in one sentence how to go on; the same plan continues it."""

import os
import signal
import subprocess
import sys

import pytest

from imgdup_nb import apply_plan, read_log, resume, undo
from imgdup_nb.review import files

LEFT_ALONE = pytest.mark.filterwarnings("ignore:.*left alone", "ignore:the run stopped")


@pytest.fixture
def interrupt(monkeypatch):
    """Return a function that lets a module's function be interrupted at its n-th call."""

    def patch(name, n_calls):
        function, calls = getattr(files, name), iter(range(n_calls - 1))

        def interrupted(*arguments):
            if next(calls, None) is None:
                monkeypatch.setattr(files, name, function)
                raise KeyboardInterrupt
            return function(*arguments)

        monkeypatch.setattr(files, name, interrupted)

    return patch


def stop(planned, **options):
    """Start a run that is interrupted; return the exception and the path of the journal."""
    with pytest.raises(KeyboardInterrupt) as caught:
        planned.apply(**options)
    (journal,) = planned.to.glob(".imgdup-log-*.jsonl")
    return caught.value, journal


@pytest.mark.parametrize("n_calls", [1, 2, 4])
def test_the_sentence_names_resume_and_undo_and_the_journal(planned, interrupt, n_calls):
    interrupt("move_new", n_calls)
    error, journal = stop(planned)
    done = f"Stopped after {n_calls - 1} of 4 files; no file is lost."
    ways = f"resume({str(journal)!r}) continues it, undo({str(journal)!r}) goes back."
    assert str(error) == f"{done} {ways}"
    assert error._render_traceback_() == [str(error)]
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize("name", ["move_new", "rename_new", "sync_folder", "read_digest"])
@pytest.mark.parametrize("n_calls", [1, 3, 4])
def test_both_work_after_an_interrupt_anywhere(planned, interrupt, name, n_calls):
    before = planned.look()
    interrupt(name, n_calls)
    _, journal = stop(planned)
    assert set(resume(journal).status) == {"done", "kept"}
    assert len(planned.look_spare()) == 4
    undo(journal)
    assert planned.look() == before
    journal.unlink()
    interrupt(name, n_calls)
    _, journal = stop(planned)
    undo(journal)
    assert planned.look() == before
    assert planned.look_spare() == {}


def test_an_undo_that_is_interrupted_says_that_undo_continues_it(planned, interrupt):
    before = planned.look()
    log = planned.apply()
    interrupt("move_new", 2)
    with pytest.raises(KeyboardInterrupt, match=r"Stopped after 1 of 4 files.*undo\(.*continues"):
        undo(log)
    undo(log)
    assert planned.look() == before


def test_the_same_plan_continues_the_run_that_was_interrupted(planned, interrupt, capsys):
    interrupt("move_new", 3)
    _, journal = stop(planned)
    log = planned.apply()
    assert "cut short; that run is continued" in capsys.readouterr().out
    assert log.attrs["journal"] == str(journal)
    assert set(log.status) == {"done", "kept"}
    assert list(planned.to.glob(".imgdup-log-*.jsonl")) == [journal]


def test_it_does_so_with_a_journal_that_was_named(planned, interrupt, tmp_path):
    interrupt("move_new", 3)
    with pytest.raises(KeyboardInterrupt):
        planned.apply(journal=tmp_path / "mine.jsonl")
    log = planned.apply(journal=tmp_path / "mine.jsonl")
    assert set(log.status) == {"done", "kept"}
    with pytest.raises(FileExistsError):
        planned.apply(journal=tmp_path / "mine.jsonl")


@LEFT_ALONE
def test_another_plan_or_an_undone_run_gets_a_journal_of_its_own(planned, interrupt):
    interrupt("move_new", 3)
    _, journal = stop(planned)
    log = planned.apply("copy")
    assert log.attrs["journal"] != str(journal)
    undo(log)
    undo(journal)
    again = planned.apply()
    assert again.attrs["journal"] != str(journal)
    assert set(again.status) == {"done", "kept"}


def test_a_process_that_is_interrupted_ends_with_the_sentence(planned, tmp_path):
    planned.plan.to_csv(tmp_path / "plan.csv", index=False)
    code = (
        "import os, signal, sys, pandas as pd, imgdup_nb as dup\n"
        "from imgdup_nb.review import files\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # nohup ignores it
        "place, calls = files.move_new, iter('ab')\n"
        "def slow(*arguments):\n"
        "    next(calls, None) or os.kill(os.getpid(), signal.SIGINT)\n"
        "    place(*arguments)\n"
        "files.move_new = slow\n"
        "dup.apply_plan(pd.read_csv(sys.argv[1]), to=sys.argv[2], dry_run=False)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "plan.csv", planned.to],
        capture_output=True,
        text=True,
        check=False,
    )
    last = ended.stderr.strip().splitlines()[-1]
    assert ended.returncode in {1, -signal.SIGINT, 128 + signal.SIGINT}
    assert "Stopped after 2 of 4 files; no file is lost. resume(" in last
    (journal,) = planned.to.glob(".imgdup-log-*.jsonl")
    assert list(read_log(journal).status).count("done") == 2
    assert os.path.exists(planned.path("1/near.jpg")) != (planned.to / "1/near.jpg").exists()


def test_a_dry_run_may_be_interrupted_as_anything_else(planned, interrupt):
    interrupt("read_digest", 2)
    with pytest.raises(KeyboardInterrupt):
        apply_plan(planned.plan, to=planned.to)
    assert not planned.to.exists()

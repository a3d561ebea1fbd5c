"""A dry run: what it says, and that it changes nothing."""

import pytest

from imgdup_nb import apply_plan, undo
from imgdup_nb.review.apply import ACTIONS

REFUSING = pytest.mark.filterwarnings(
    "ignore:.*left alone", "ignore:the run stopped", "ignore:.*could not be restored"
)


@pytest.mark.parametrize("action", ACTIONS)
def test_without_being_told_otherwise_nothing_is_changed(planned, action, capsys):
    before = planned.look()
    log = apply_plan(
        planned.plan,
        action=action,
        to=planned.to if action in {"move", "copy", "organise"} else None,
    )
    assert planned.look() == before
    assert not planned.to.exists()
    assert log.attrs["dry_run"]
    assert "nothing was changed" in capsys.readouterr().out


def test_a_dry_run_says_how_many_files_and_how_much_space(planned, capsys):
    apply_plan(planned.plan, action="delete")
    assert (
        "4 files (2,400 bytes) would be deleted, 2 files kept. Disk space would be freed: 2,400 "
        "bytes." in capsys.readouterr().out
    )


@REFUSING
def test_a_dry_run_and_the_run_itself_leave_the_same_files_alone(planned):
    planned.path("1/near.jpg").write_bytes(b"edited")
    planned.path("2/kept.jpg").unlink()
    looked = apply_plan(planned.plan, to=planned.to)
    done = planned.apply()
    assert list(looked.note) == list(done.note)
    assert list(looked.status.replace("would be done", "done")) == list(done.status)


def test_a_dry_run_cannot_be_undone_and_says_so(planned):
    with pytest.raises(ValueError, match="dry run"):
        undo(apply_plan(planned.plan, to=planned.to))


@pytest.mark.parametrize("action", ["move", "copy", "organise", "symlink", "delete"])
def test_a_dry_run_names_the_very_targets_that_the_run_uses(planned, action):
    planned.plan.loc[1, "image"] = "1/near.jpg\0"  # becomes a name that another file has
    planned.plan.loc[4, "image"] = "../con.jpg"
    (planned.to / "1").mkdir(parents=True)
    (planned.to / "1/near.jpg_").write_bytes(b"something of the user's")
    looked = apply_plan(planned.plan, action=action, to=None if action == "delete" else planned.to)
    done = planned.apply(action, confirm="delete", to=None if action == "delete" else planned.to)
    assert list(looked.target) == list(done.target)
    assert (looked.target != "").sum() == (
        0 if action == "delete" else (done.status == "done").sum()
    )


@pytest.mark.filterwarnings("ignore:.*left alone")
def test_a_dry_run_refuses_the_links_that_lead_out_of_the_target_folder(planned, tmp_path):
    (tmp_path / "private").mkdir()
    planned.to.mkdir()
    (planned.to / "1").symlink_to(tmp_path / "private")
    assert "leads out" in planned.note(apply_plan(planned.plan, to=planned.to), "1/near.jpg")

"""Side files go where their picture goes, come back with it, and are counted in the log."""

import pytest

from imgdup_nb import apply_plan, read_log, undo

SIDES = [
    "1/near.xmp",
    "1/near.jpg.xmp",
    "1/near.AAE",
    "1/near.jpg.json",
    "1/near.mov",
    "1/near.pp3",
]
LEFT_ALONE = pytest.mark.filterwarnings("ignore:.*left alone", "ignore:.*could not be restored")


@pytest.fixture
def with_sides(planned):
    """Return the small collection where one of the files to remove has six side files."""
    for image in SIDES:
        planned.path(image).write_text(f"side file {image}")
    return planned


def test_side_files_move_with_their_picture_and_come_back(with_sides):
    before = with_sides.look()
    log = with_sides.apply()
    assert set(SIDES) <= set(with_sides.look_spare())
    assert not set(SIDES) & set(with_sides.look())
    assert set(undo(log).status) == {"restored", "kept"}
    assert with_sides.look() == before
    assert with_sides.look_spare() == {}


def test_the_log_names_and_counts_them(with_sides, capsys):
    log = with_sides.apply()
    assert len(log) == len(with_sides.plan)
    assert log.attrs["n_side_files"] == 6
    assert with_sides.note(log, "1/near.jpg").count("with near.") == 6
    assert with_sides.note(log, "1/twin.jpg") == ""
    assert "6 side files moved with them" in capsys.readouterr().out
    assert read_log(log.attrs["journal"]).attrs["n_side_files"] == 6


def test_a_dry_run_tells_of_them_and_moves_none(with_sides, capsys):
    before = with_sides.look()
    log = apply_plan(with_sides.plan, to=with_sides.to)
    assert log.attrs["n_side_files"] == 6
    assert "6 side files would be moved with them" in capsys.readouterr().out
    assert with_sides.look() == before


def test_a_side_file_gets_the_new_name_of_its_picture(with_sides):
    (with_sides.to / "1").mkdir(parents=True)
    (with_sides.to / "1/near.jpg").write_bytes(b"something of the user's")
    with_sides.apply()
    moved = set(with_sides.look_spare())
    assert {"1/near (2).jpg", "1/near (2).xmp", "1/near (2).jpg.xmp", "1/near (2).mov"} <= moved


@pytest.mark.parametrize("other", ["1/near.cr2", "1/near.png"])
def test_a_side_file_that_belongs_to_a_picture_that_stays_stays(planned, other):
    planned.path(other).write_bytes(b"a RAW file of the same shot, in no group")
    planned.path("1/near.xmp").write_text("of both")
    planned.path("1/near.jpg.xmp").write_text("of one")
    planned.apply()
    assert "1/near.xmp" in planned.look()
    assert "1/near.jpg.xmp" in planned.look_spare()


def test_it_stays_too_if_the_raw_file_leaves_and_the_jpeg_stays(planned):
    raw = planned.add("1/kept.cr2", 1, "remove")
    planned.plan.loc[len(planned.plan)] = raw
    planned.path("1/kept.xmp").write_text("of both")
    log = planned.apply()
    assert planned.status(log, "1/kept.cr2") == "done"
    assert "1/kept.xmp" in planned.look()
    assert "kept.xmp stays" in planned.note(log, "1/kept.cr2")


def test_it_leaves_with_the_last_of_its_pictures_and_not_if_one_of_them_is_left_alone(planned):
    planned.plan.loc[len(planned.plan)] = planned.add("1/near.cr2", 1, "remove")
    planned.path("1/near.xmp").write_text("of both")
    log = planned.apply()
    assert set(planned.look_spare()) >= {"1/near.jpg", "1/near.cr2", "1/near.xmp"}
    undo(log)
    planned.path("1/near.cr2").write_bytes(b"edited")
    with pytest.warns(UserWarning, match="1 file was left alone"):
        planned.apply()
    assert "1/near.xmp" in planned.look()


@LEFT_ALONE
def test_a_side_file_stays_with_a_picture_that_is_left_alone(with_sides):
    with_sides.path("1/near.jpg").write_bytes(b"edited")
    with_sides.apply()
    assert set(SIDES) <= set(with_sides.look())


@pytest.mark.parametrize("action", ["hardlink", "symlink"])
def test_side_files_stay_beside_the_link_that_replaces_their_picture(with_sides, action):
    with_sides.apply(action, to=with_sides.to)
    assert set(SIDES) <= set(with_sides.look())


@pytest.mark.parametrize("options", [{"action": "copy"}, {"action": "organise"}])
def test_copies_have_copies_of_the_side_files(with_sides, options):
    before = with_sides.look()
    log = with_sides.apply(**options)
    assert log.attrs["n_side_files"] == 6
    assert with_sides.look() == before
    assert len(with_sides.look_spare()) == 6 + (log.status == "done").sum()
    undo(log)
    assert with_sides.look() == before
    assert with_sides.look_spare() == {}


@LEFT_ALONE
def test_a_side_file_is_deleted_only_if_the_keeper_has_the_same_one(planned):
    planned.path("1/twin.xmp").write_text("rating 5")
    planned.path("1/twin.mov").write_text("film")
    planned.path("1/kept.mov").write_text("film")
    before = planned.look()
    log = planned.apply("delete", confirm="delete")
    assert "1/twin.xmp" in planned.look()
    assert "1/twin.mov" not in planned.look()
    assert "twin.xmp stays" in planned.note(log, "1/twin.jpg")
    undo(log)
    assert planned.look()["1/twin.mov"] == before["1/twin.mov"]


def test_side_files_go_to_the_trash_with_their_picture(with_sides, trash):
    with_sides.apply("trash")
    assert len(list(trash.iterdir())) == 4 + 6


@pytest.mark.usefixtures("two_disks")
def test_side_files_go_to_another_disk_and_back(with_sides):
    before = with_sides.look()
    log = with_sides.apply()
    assert set(SIDES) <= set(with_sides.look_spare())
    undo(log)
    assert with_sides.look() == before

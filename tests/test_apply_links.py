"""Symbolic links of the collection whose picture leaves, and hard links in what is freed."""

import os

import pytest

from imgdup_nb import apply_plan, undo


@pytest.fixture
def album(planned):
    """Return a folder of the collection with links to a file that the plan removes."""
    folder = planned.folder / "album"
    folder.mkdir()
    (folder / "relative.jpg").symlink_to("../1/near.jpg")
    (folder / "absolute.jpg").symlink_to(planned.path("1/near.jpg"))
    (folder / "other.jpg").symlink_to("../2/kept.jpg")
    (folder / "folder").symlink_to("../1")
    return folder


def texts(folder):
    return {path.name: os.readlink(path) for path in folder.iterdir()}


@pytest.mark.parametrize("action", ["move", "delete"])
def test_a_link_whose_picture_leaves_leads_to_the_keeper(planned, album, action):
    before = texts(album)
    log = planned.apply(action, confirm="delete")
    assert texts(album) == before | {
        "relative.jpg": "../1/kept.jpg",
        "absolute.jpg": str(planned.path("1/kept.jpg").resolve()),
    }
    assert log.attrs["n_links"] == 2
    assert "the link relative.jpg leads to what stays" in planned.note(log, "1/near.jpg")


def test_undo_lets_it_lead_to_its_picture_again(planned, album):
    before = texts(album)
    undo(planned.apply())
    assert texts(album) == before
    assert (album / "relative.jpg").read_bytes() == b"1 near" * 100


def test_a_dry_run_counts_such_links_and_changes_none(planned, album, capsys):
    before = texts(album)
    log = apply_plan(planned.plan, to=planned.to)
    assert log.attrs["n_links"] == 2
    assert "2 symbolic links would be led to what stays" in capsys.readouterr().out
    assert texts(album) == before


def test_where_all_files_of_a_group_are_moved_a_link_leads_to_the_new_place(planned, album):
    log = planned.apply("organise", move=True)
    assert (album / "relative.jpg").read_bytes() == b"1 near" * 100
    assert planned.to in (album / "relative.jpg").resolve().parents
    undo(log)
    assert os.readlink(album / "relative.jpg") == "../1/near.jpg"


@pytest.mark.filterwarnings("ignore:.*left alone")
def test_a_link_to_a_file_that_is_left_alone_stays_as_it_is(planned, album):
    before = texts(album)
    planned.path("1/near.jpg").write_bytes(b"edited")
    planned.apply()
    assert texts(album) == before


@pytest.mark.filterwarnings("ignore:.*could not be restored")
def test_undo_leaves_a_link_that_somebody_changed_since(planned, album):
    log = planned.apply()
    (album / "relative.jpg").unlink()
    (album / "relative.jpg").symlink_to("../2/kept.jpg")
    back = undo(log)
    assert os.readlink(album / "relative.jpg") == "../2/kept.jpg"
    assert "relative.jpg: the link has changed since" in planned.note(back, "1/near.jpg")
    assert planned.status(back, "1/near.jpg") == "restored"


def test_a_file_with_two_names_frees_its_space_with_the_last_of_them(planned):
    os.link(planned.path("1/near.jpg"), planned.folder / "a second name.jpg")
    log = apply_plan(planned.plan, action="delete")
    assert log.set_index("image").frees.to_dict() == {
        "1/kept.jpg": 0,
        "1/twin.jpg": 600,
        "1/near.jpg": 0,
        "2/kept.jpg": 0,
        "2/twin.jpg": 600,
        "2/near.jpg": 600,
    }
    second = planned.plan.iloc[[2]].assign(
        image="a second name.jpg", path=str(planned.folder / "a second name.jpg")
    )
    planned.plan = planned.plan.merge(second, how="outer")
    both = apply_plan(planned.plan, action="delete").set_index("image").frees
    assert both[["1/near.jpg", "a second name.jpg"]].sum() == 600

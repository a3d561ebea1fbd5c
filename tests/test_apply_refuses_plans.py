"""A plan or an argument that is wrong is refused before anything is done."""

import pytest


def test_a_plan_that_keeps_nothing_of_a_group_is_refused(planned):
    planned.plan.loc[0, "action"] = "remove"
    with pytest.raises(ValueError, match="keeps no image of group 1"):
        planned.apply()


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("action", "destroy", "'destroy' is not"),
        ("image", "1/kept.jpg", "two rows"),
        ("sha256", "", "without a digest"),
    ],
)
def test_a_spoiled_plan_is_refused_before_anything_is_done(planned, column, value, words):
    planned.plan.loc[1, column] = value
    with pytest.raises(ValueError, match=words):
        planned.apply()
    assert len(planned.look()) == 6


def test_one_path_written_in_two_ways_is_still_one_file(planned):
    planned.plan.loc[1, "path"] = str(planned.folder / "1" / ".." / "1" / "kept.jpg")
    with pytest.raises(ValueError, match="two rows for the path"):
        planned.apply()


@pytest.mark.parametrize(
    ("action", "options", "words"),
    [
        ("move", {"to": None}, "needs a folder"),
        ("trash", {"to": "spare"}, "takes no folder"),
        ("burn", {}, "'burn' is not"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(planned, action, options, words):
    with pytest.raises(ValueError, match=words):
        planned.apply(action, **options)


def test_the_target_folder_must_not_hold_the_pictures_and_must_be_a_folder(planned):
    with pytest.raises(ValueError, match="outside of the pictures"):
        planned.apply(to=planned.folder)
    with pytest.raises(NotADirectoryError, match="is a file"):
        planned.apply(to=planned.path("1/kept.jpg"))


def test_an_empty_plan_is_no_work_and_no_journal(planned):
    planned.plan = planned.plan.iloc[:0]
    log = planned.apply()
    assert len(log) == 0
    assert log.attrs["journal"] == ""
    assert not planned.to.exists()

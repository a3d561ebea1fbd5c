"""The reviewer in a browser, group by group: by keyboard, with hostile names, in JupyterLab."""

import re
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import expect

import imgdup_nb as dup
from labkit import write_notebook
from reviewer_page import HOSTILE, tiles, write_pictures


@pytest.fixture
def plan(tmp_path):
    return write_pictures(tmp_path / "photos")


@pytest.fixture
def reviewer(plan, tmp_path):
    reviewer = dup.GroupReviewer(plan, save_to=tmp_path / "decisions.json")
    yield reviewer
    reviewer.close()


def test_a_group_is_shown_side_by_side_with_its_verdicts_and_pictures(mount, reviewer):
    view = mount(reviewer).view()
    expect(view.get_by_test_id("title")).to_have_text("Group 1 (1 of 2)")
    expect(tiles(view)).to_have_count(3)
    assert [tile.get_attribute("data-verdict") for tile in tiles(view).all()] == [
        "keep",
        "remove",
        "remove",
    ]
    for tile in tiles(view).all():
        expect(tile.locator("img")).to_have_js_property("complete", True)
        expect(tile.locator("img")).not_to_have_js_property("naturalWidth", 0)
    heights = {tile.locator(".dup-frame").bounding_box()["height"] for tile in tiles(view).all()}
    assert len(heights) == 1


def test_a_whole_review_by_keyboard(mount, reviewer, page):
    bridge = mount(reviewer)
    view = bridge.view()
    tiles(view).first.focus()
    page.keyboard.press("ArrowRight")
    expect(tiles(view).nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(tiles(view).nth(1)).to_have_attribute("data-verdict", "keep")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("d")
    expect(tiles(view).nth(2)).to_have_attribute("data-verdict", "different")
    page.keyboard.press("Enter")
    expect(view.get_by_test_id("title")).to_have_text("Group 2 (2 of 2)")
    expect(tiles(view).first).to_be_focused()
    page.keyboard.press("Enter")
    expect(view.get_by_test_id("status")).to_contain_text("it was the last")
    bridge.wait_until(lambda: reviewer.reviewed == [1, 2])
    plan = reviewer.plan.set_index("image")
    assert plan.action.to_dict() == {
        "small.jpg": "keep", "big.png": "keep", HOSTILE: "keep", "one.png": "keep",
        "two.png": "remove",
    }  # fmt: skip
    assert list(plan.group) == [0, 1, 1, 2, 2]
    assert plan.reason["small.jpg"] == "not a duplicate, says a person"
    assert plan.reviewed.all()


def test_nothing_lets_the_last_image_of_a_group_go(mount, reviewer, page):
    bridge = mount(reviewer)
    view = bridge.view()
    tiles(view).first.focus()
    page.keyboard.press("r")
    expect(view.get_by_role("alert")).to_have_text("At least one image of a group must stay.")
    expect(tiles(view).first).to_have_attribute("data-verdict", "keep")
    page.keyboard.press("d")
    expect(view.get_by_role("alert")).to_be_visible()
    assert reviewer.decisions == {}


def test_undo_takes_back_one_step_after_another_across_groups(mount, reviewer, page):
    bridge = mount(reviewer)
    view = bridge.view()
    tiles(view).nth(1).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("o")
    bridge.wait_until(lambda: len(reviewer.decisions) == 3)
    page.keyboard.press("Enter")
    expect(view.get_by_test_id("title")).to_contain_text("Group 2")
    page.keyboard.press("u")
    expect(view.get_by_test_id("title")).to_have_text("Group 1 (1 of 2)")
    page.keyboard.press("u")
    bridge.wait_until(lambda: reviewer.decisions == {})
    for place, verdict in enumerate(["keep", "remove", "remove"]):
        expect(tiles(view).nth(place)).to_have_attribute("data-verdict", verdict)
    page.keyboard.press("u")
    expect(view.get_by_test_id("status")).to_have_text("nothing to undo")


def test_an_image_split_off_is_a_group_of_its_own(mount, reviewer, page):
    bridge = mount(reviewer)
    view = bridge.view()
    tiles(view).nth(1).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("s")
    expect(tiles(view).nth(2)).to_have_attribute("data-part", "1")
    expect(tiles(view).nth(2)).to_have_attribute("data-verdict", "keep")
    bridge.wait_until(lambda: sorted(reviewer.plan.group) == [1, 1, 2, 2, 3])
    assert len(reviewer.not_duplicates) == 2
    page.keyboard.press("s")
    bridge.wait_until(lambda: sorted(reviewer.plan.group) == [1, 1, 1, 2, 2])


def test_all_pictures_zoom_and_pan_together(mount, reviewer, page):
    view = mount(reviewer).view()
    tiles(view).first.focus()
    page.keyboard.press("+")
    page.keyboard.press("Shift+ArrowRight")
    expect(view.get_by_test_id("reviewer")).to_have_attribute("data-zoom", "2")
    moved = re.compile(re.escape("transform: scale(2) translate(-10%, 0%)"))
    for tile in tiles(view).all():
        expect(tile.locator("img")).to_have_attribute("style", moved)
    page.keyboard.press("0")
    expect(tiles(view).first.locator("img")).to_have_css("transform", "none")


def test_the_least_similar_group_comes_first_when_asked_for(mount, plan):
    swapped = plan.assign(group=3 - plan.group)
    view = mount(dup.GroupReviewer(swapped)).view()
    expect(view.get_by_test_id("title")).to_contain_text("Group 1")
    view.get_by_label("order").select_option("near")
    expect(view.get_by_test_id("title")).to_have_text("Group 2 (1 of 2)")


def test_only_what_would_be_lost_is_marked(mount, plan):
    swapped = plan.copy()
    swapped.loc[swapped.group == 1, "action"] = ["remove", "remove", "keep"]
    swapped.loc[swapped.group == 1, "keeper"] = [plan.image[2], plan.image[2], ""]
    swapped["loses"] = ["GPS and date", "", "", "", ""]
    view = mount(dup.GroupReviewer(swapped)).view()
    expect(tiles(view)).to_have_count(3)
    marked = view.locator("dd.dup-differs")
    sizes = [f"{row.width} x {row.height}" for row in swapped[:3].itertuples()]
    larger = [sizes[k] for k in range(3) if swapped.width[k] >= swapped.width[2]]
    assert sorted(marked.all_inner_texts()) == sorted(larger)
    loses = tiles(view).first.get_by_text("loses: GPS and date")
    expect(loses).to_have_css("font-weight", "600")
    red, green, _blue = map(int, re.findall(r"\d+", loses.evaluate(COLOR))[:3])
    assert red > 2 * green
    expect(view.get_by_text("loses:")).to_have_count(1)


COLOR = """\
(node) => {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = getComputedStyle(node).color;
  canvas.fillRect(0, 0, 1, 1);
  return canvas.getImageData(0, 0, 1, 1).data.join(" ");
}
"""


def test_similarity_is_that_to_the_keeper_and_space_is_counted(mount, reviewer, page):
    view = mount(reviewer).view()
    plan = reviewer.plan
    removed = plan[(plan.group == 1) & (plan.action == "remove")]
    expect(tiles(view).first).to_contain_text("keeper")
    for row in removed.itertuples():
        percent = f"{row.similarity:.1f}\u00a0% to keeper"
        expect(view.get_by_role("option", name=row.image)).to_contain_text(percent)
    freed = f"2 to remove, {removed.bytes.sum() / 1e3:.1f}\u00a0kB"
    expect(view.get_by_test_id("freed")).to_have_text(freed)
    tiles(view).nth(1).focus()
    page.keyboard.press("o")
    expect(view.get_by_role("option", name="big.png")).not_to_contain_text("keeper")


def test_title_and_keys_stay_on_the_screen_while_the_pictures_scroll(mount, plan, page):
    page.set_viewport_size({"width": 600, "height": 620})
    group = pd.concat([plan[plan.group == 1]] * 8, ignore_index=True)
    group["image"] = [f"{k}.png" for k in range(len(group))]
    view = mount(dup.GroupReviewer(group)).view()
    expect(tiles(view)).to_have_count(24)
    tiles(view).last.scroll_into_view_if_needed()
    for part in ("title", "accept"):
        expect(view.get_by_test_id(part)).to_be_in_viewport(ratio=1)


def test_a_hostile_name_is_text(mount, reviewer, page):
    view = mount(reviewer).view()
    expect(tiles(view).nth(1)).to_contain_text("<img src=x")
    assert page.evaluate("window.hit") is None


def test_python_refuses_what_a_broken_page_sends(mount, reviewer, page):
    bridge = mount(reviewer)
    with pytest.raises(Exception, match="must stay"):
        reviewer.decide("big.png", "remove")
    reviewer.set_state({"decisions": {"0": ["remove", 0]}})
    bridge.deliver()
    expect(bridge.view().get_by_role("alert")).to_contain_text("must stay")
    assert reviewer.decisions == {}


def test_a_decision_made_in_python_shows_at_once(mount, reviewer):
    view = mount(reviewer).view()
    expect(tiles(view)).to_have_count(3)
    reviewer.decide("small.jpg", "different")
    expect(view.get_by_role("option", name="small.jpg")).to_have_attribute(
        "data-verdict", "different"
    )


def test_two_views_show_the_same_and_go_one_by_one(mount, reviewer, page):
    bridge = mount(reviewer)
    second = bridge.add_view()
    expect(tiles(second)).to_have_count(3)
    tiles(bridge.view()).nth(1).focus()
    page.keyboard.press("k")
    expect(tiles(second).nth(1)).to_have_attribute("data-verdict", "keep")
    bridge.close_view(0)
    expect(tiles(second)).to_have_count(3)


def test_an_empty_plan_says_that_there_is_nothing_to_review(mount, plan):
    view = mount(dup.GroupReviewer(plan.iloc[:0])).view()
    expect(view.get_by_text("nothing to review")).to_be_visible()


def test_a_narrow_page_shows_everything_without_scrolling_sideways(mount, reviewer, page):
    page.set_viewport_size({"width": 420, "height": 900})
    view = mount(reviewer).view()
    expect(tiles(view)).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


CELLS = """\
import sys
sys.path[:0] = {path!r}
import json, pandas as pd, imgdup_nb as dup
plan = pd.read_pickle({plan!r})
reviewer = dup.GroupReviewer(plan)
reviewer
"""


def test_in_jupyterlab_keys_decide_and_cut_no_cell(notebook, plan, tmp_path):
    plan.to_pickle(tmp_path / "plan.pickle")
    source = CELLS.format(
        path=[str(Path(dup.__file__).parent.parent)], plan=str(tmp_path / "plan.pickle")
    )
    opened = notebook(write_notebook(tmp_path / "review.ipynb", source, "1 + 1"))
    options = opened.page.get_by_role("option", name="keep")
    options.first.click()
    opened.page.keyboard.press("ArrowRight")
    for key in ("x", "k", "d", "d"):  # to JupyterLab x cuts the cell, and two d delete it
        opened.page.keyboard.press(key)
    opened.wait_until("'different' in [said[0] for said in reviewer.decisions.values()]")
    expect(opened.page.locator(".jp-Notebook .jp-Cell")).to_have_count(2)
    assert opened.evaluate("reviewer.plan.group.tolist()") == [0, 1, 1, 2, 2]

"""The overview of the reviewer: many groups at once, what it accepts, and the end of a review."""

import pytest
from playwright.sync_api import expect

import imgdup_nb as dup
from reviewer_page import many_groups, tiles, write_pictures


@pytest.fixture
def plan(tmp_path):
    return write_pictures(tmp_path / "photos")


@pytest.fixture
def reviewer(plan):
    """A review of thirty groups; the images of group k are 100 - k percent similar."""
    reviewer = dup.GroupReviewer(many_groups(plan, 30))
    yield reviewer
    reviewer.close()


@pytest.fixture
def bridge(mount, reviewer):
    return mount(reviewer)


def lines(view):
    return view.locator(".dup-line")


def test_a_page_shows_twelve_groups_with_their_pictures_and_turns(bridge, page):
    view = bridge.view()
    view.get_by_test_id("overview-toggle").click()
    expect(lines(view)).to_have_count(12)
    expect(lines(view).nth(2)).to_contain_text("97\u00a0% or more")
    expect(view.get_by_test_id("page")).to_contain_text("page 1 of 3")
    expect(lines(view).last.locator("img").last).to_have_js_property("complete", True)
    expect(lines(view).last.locator("img").last).not_to_have_js_property("naturalWidth", 0)
    view.get_by_test_id("overview").focus()
    page.keyboard.press("n")
    expect(lines(view).first).to_contain_text("Group 13")
    page.keyboard.press("p")
    expect(lines(view).first).to_contain_text("Group 1")
    page.keyboard.press("v")
    expect(tiles(view).first).to_be_focused()


def test_a_page_is_accepted_but_for_its_exceptions(bridge, reviewer):
    view = bridge.view()
    view.get_by_test_id("overview-toggle").click()
    view.get_by_label("Group 3", exact=True).uncheck()
    view.get_by_role("button", name="5b.png").click()
    view.get_by_role("button", name="accept these 11 groups").click()
    bridge.wait_until(lambda: len(reviewer.reviewed) == 11)
    assert 3 not in reviewer.reviewed
    kept = reviewer.plan.set_index("image").action
    assert (kept["5b.png"], kept["6b.png"]) == ("keep", "remove")
    expect(view.get_by_test_id("page")).to_contain_text("page 2 of 3")
    view.get_by_test_id("undo-page").click()
    bridge.wait_until(lambda: reviewer.reviewed == [])
    expect(view.get_by_test_id("page")).to_contain_text("page 1 of 3")


def test_the_last_image_of_a_group_stays_in_the_overview_too(bridge, reviewer):
    view = bridge.view()
    view.get_by_test_id("overview-toggle").click()
    view.get_by_role("button", name="5a.png").click()
    expect(view.get_by_role("alert")).to_have_text("At least one image of a group must stay.")
    assert reviewer.decisions == {}


def test_groups_that_lose_nothing_are_accepted_from_a_similarity_on(mount, plan):
    many = many_groups(plan, 30)
    many["loses"] = ["GPS and date" if image == "2b.png" else "" for image in many.image]
    many.loc[many.image == "3b.png", "flag"] = "look at it"
    reviewer = dup.GroupReviewer(many)
    reviewer.decide("4b.png", "keep")
    bridge = mount(reviewer)
    view = bridge.view()
    view.get_by_test_id("limit").select_option("95")
    view.get_by_role("button", name="accept 2 groups that").click()
    bridge.wait_until(lambda: reviewer.reviewed == [1, 5])
    reviewer.reviewed = []
    reviewer.accept(min_similarity=95)
    assert reviewer.reviewed == [1, 5]


def test_groups_of_exact_copies_are_accepted_at_once(mount, plan):
    reviewer = dup.GroupReviewer(plan)
    bridge = mount(reviewer)
    view = bridge.view()
    view.get_by_role("button", name="accept 1 group that").click()
    bridge.wait_until(lambda: reviewer.reviewed == [2])
    expect(view.get_by_test_id("accept-many")).to_be_disabled()
    view.get_by_label("hide reviewed").check()
    expect(view.get_by_test_id("title")).to_have_text("Group 1 (1 of 1)")


def test_a_group_of_the_overview_opens_and_accepting_it_leads_to_the_next_open_one(bridge, page):
    view = bridge.view()
    view.get_by_test_id("overview-toggle").click()
    lines(view).nth(4).get_by_role("button", name="open group").click()
    expect(view.get_by_test_id("title")).to_have_text("Group 5 (5 of 30)")
    expect(tiles(view).first).to_be_focused()
    page.keyboard.press("Enter")
    expect(view.get_by_test_id("title")).to_have_text("Group 6 (6 of 30)")


def test_the_end_says_what_was_decided_and_the_next_line_of_code_runs(mount, plan, page, tmp_path):
    reviewer = dup.GroupReviewer(plan)
    view = mount(reviewer).view()
    tiles(view).first.focus()
    page.keyboard.press("Enter")
    expect(view.get_by_test_id("title")).to_contain_text("Group 2")
    page.keyboard.press("Enter")
    end = view.get_by_test_id("end")
    expect(end).to_contain_text("2 groups reviewed: 3 images to remove")
    expect(end).to_be_focused()
    first, *_ = view.get_by_test_id("next-lines").inner_text().splitlines()
    code = first.replace('"spare"', repr(str(tmp_path / "spare")))
    log = eval(code, {"dup": dup, "reviewer": reviewer})
    assert len(log) >= 3
    assert not (tmp_path / "spare").exists()
    page.keyboard.press("u")
    expect(view.get_by_test_id("title")).to_have_text("Group 2 (2 of 2)")
    expect(tiles(view).first).to_be_focused()


def test_the_pictures_of_the_next_group_are_there_before_it_is_looked_at(
    mount, reviewer, page, monkeypatch
):
    answered, send = set(), reviewer.send

    def note_and_send(content, buffers=None):
        answered.update(row[0] for row in content.get("pictures", []))
        send(content, buffers)

    monkeypatch.setattr(reviewer, "send", note_and_send)
    bridge = mount(reviewer)
    view = bridge.view()
    tiles(view).first.focus()
    wanted = {2, 3, 4, 5}  # places in the plan: the images of the groups 2 and 3
    bridge.wait_until(lambda: wanted <= answered)
    page.wait_for_function("() => !document.querySelector('.dup-frame img[hidden]')")
    page.keyboard.press("Enter")
    expect(view.get_by_test_id("title")).to_have_text("Group 2 (2 of 30)")
    assert [tile.locator("img").get_attribute("hidden") for tile in tiles(view).all()] == [None] * 2

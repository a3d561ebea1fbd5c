"""Zoom of a pair: both pictures are enlarged together, in every view, by every means."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import expect

import imgdup_nb as dup
from opened_page import OpenPage

OVERLAYS = {"wipe": ["below", "laid"], "blend": ["below", "laid"], "difference": ["off"]}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A picture, its small copy, and its lower right quarter."""
    folder = tmp_path_factory.mktemp("zoom")
    values = np.random.default_rng(1).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    picture = Image.fromarray(values).resize((640, 480), Image.Resampling.NEAREST)
    picture.save(folder / "a.png")
    picture.resize((320, 240)).save(folder / "b.png")
    picture.crop((320, 240, 640, 480)).save(folder / "quarter.png")
    return dup.scan_images(folder)


@pytest.fixture(scope="module")
def made(images):
    """One viewer for all tests, which remembers what it has compared."""
    pairs = pd.DataFrame({"left": ["a.png"] * 2, "right": ["b.png", "quarter.png"]}, dtype=object)
    viewer = dup.PairViewer(pairs, images)
    yield viewer
    viewer.close()


@pytest.fixture
def section(mount, made):
    made.index = 0
    return ready(mount(made).view().get_by_test_id("viewer"))


def ready(section, index=0):
    """Wait until the pictures of a pair are shown."""
    expect(section).to_have_attribute("data-index", str(index))
    expect(section.get_by_test_id("working")).to_be_hidden()
    for name in ("left", "right"):
        expect(section.get_by_test_id(name)).not_to_have_js_property("naturalWidth", 0)
    return section


def expect_zoom(section, times):
    expect(section.get_by_test_id("zoom")).to_have_text(f"{times}\N{MULTIPLICATION SIGN}")


def seen(section, name):
    """Return which part of a picture is in its frame: left, top, width, height, as shares."""
    return section.get_by_test_id(name).evaluate(
        """picture => {
          const [whole, frame] = [picture, picture.closest(".dup-stage")].map((node) =>
            node.getBoundingClientRect());
          return [(frame.left - whole.left) / whole.width, (frame.top - whole.top) / whole.height,
            frame.width / whole.width, frame.height / whole.height];
        }"""
    )


def middle(section, name):
    left, top, width, height = seen(section, name)
    return [left + width / 2, top + height / 2]


def point(page, section, name, x, y):
    """Move the mouse to a place in the frame of a picture, as shares of its sides."""
    box = section.get_by_test_id(name).locator("xpath=ancestor::div[contains(@class, 'stage')]")
    frame = box.bounding_box()
    page.mouse.move(frame["x"] + x * frame["width"], frame["y"] + y * frame["height"])
    return frame


def drag(page, start, end, y):
    page.mouse.move(start, y)
    page.mouse.down()
    page.mouse.move(end, y, steps=4)
    page.mouse.up()


def wheel(page, turns, key="Control"):
    if key:
        page.keyboard.down(key)
    page.mouse.wheel(0, turns)
    if key:
        page.keyboard.up(key)


def test_the_wheel_with_ctrl_enlarges_both_and_keeps_what_is_under_the_pointer(section, page):
    for name in ("left", "right"):
        assert seen(section, name) == pytest.approx([0, 0, 1, 1], abs=0.01)
    point(page, section, "left", 0.25, 0.75)
    wheel(page, -347)  # twice: exp(347 * 0.002)
    expect_zoom(section, 2)
    for name in ("left", "right"):
        assert seen(section, name) == pytest.approx([0.125, 0.375, 0.5, 0.5], abs=0.02)
    wheel(page, 2000, key=None)  # enlarged, the wheel needs no key
    expect_zoom(section, 1)
    assert seen(section, "right") == pytest.approx([0, 0, 1, 1], abs=0.01)


def test_the_wheel_alone_turns_the_page_while_pictures_are_whole(section, page):
    page.add_style_tag(content="body { height: 4000px }")
    point(page, section, "left", 0.5, 0.5)
    wheel(page, 300, key=None)
    page.wait_for_function("() => scrollY > 0")
    expect_zoom(section, 1)


def test_keys_enlarge_move_and_show_the_whole_again(section, made):
    section.press("+")
    section.press("=")
    expect_zoom(section, 1.6)
    section.press("Shift+ArrowRight")
    section.press("Shift+ArrowDown")
    for name in ("left", "right"):
        assert middle(section, name) == pytest.approx([0.564, 0.564], abs=0.01)
    assert made.index == 0  # arrows with Shift do not turn pages
    section.press("-")
    expect_zoom(section, 1.3)
    section.press("0")
    expect_zoom(section, 1)
    assert seen(section, "left") == pytest.approx([0, 0, 1, 1], abs=0.01)
    section.press("Shift+ArrowRight")  # nothing to move
    assert seen(section, "left") == pytest.approx([0, 0, 1, 1], abs=0.01)


def test_buttons_enlarge_as_far_as_it_goes_and_show_the_whole_again(section):
    closer, back = section.get_by_test_id("zoom-in"), section.get_by_test_id("zoom-out")
    whole = section.get_by_test_id("zoom-reset")
    expect(back).to_be_disabled()
    expect(whole).to_be_disabled()
    for _ in range(10):
        closer.click()
    expect_zoom(section, 8)
    expect(closer).to_be_disabled()
    back.click()
    expect_zoom(section, 6.4)
    whole.click()
    expect_zoom(section, 1)
    expect(section).to_be_focused()  # so that the notebook does not get the next key


def test_a_drag_moves_both_pictures_and_stops_at_their_edges(section, page):
    section.press("+")
    section.press("+")
    section.press("+")
    expect_zoom(section, 2)
    frame = point(page, section, "right", 0.5, 0.5)
    y = frame["y"] + frame["height"] / 2
    drag(page, frame["x"] + 0.5 * frame["width"], frame["x"] + 0.7 * frame["width"], y)
    for name in ("left", "right"):
        assert middle(section, name) == pytest.approx([0.398, 0.5], abs=0.02)
    drag(page, frame["x"] + 0.1 * frame["width"], frame["x"] + 3 * frame["width"], y)
    for name in ("left", "right"):
        assert seen(section, name)[0] == pytest.approx(0, abs=0.01)


def test_a_double_click_enlarges_and_the_next_one_shows_the_whole(section, page):
    frame = point(page, section, "left", 0.5, 0.5)
    place = (frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)
    page.mouse.dblclick(*place)
    expect_zoom(section, 2.5)
    page.mouse.dblclick(*place)
    expect_zoom(section, 1)


def test_two_fingers_enlarge_and_one_finger_moves(section, page):
    frame = point(page, section, "left", 0.5, 0.5)
    middle_x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    chrome = page.context.new_cdp_session(page)
    chrome.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})

    def touch(kind, *places):
        points = [{"x": x, "y": y, "id": k} for k, x in enumerate(places)]
        chrome.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", middle_x - 30, middle_x + 30)
    for spread in (40, 50, 60):
        touch("touchMove", middle_x - spread, middle_x + spread)
    touch("touchEnd")
    expect_zoom(section, 2)
    assert page.evaluate("() => visualViewport.scale") == 1  # the page was not enlarged
    touch("touchStart", middle_x)
    for moved in (20, 40, 60):
        touch("touchMove", middle_x + moved)
    touch("touchEnd")
    page.wait_for_function(
        """() => {
          const [whole, frame] = ["[data-testid=right]", ".dup-pair figure:last-child .dup-stage"]
            .map((name) => document.querySelector(name).getBoundingClientRect());
          return frame.left - whole.left < 0.23 * whole.width;
        }"""
    )


def test_views_laid_on_each_other_show_the_same_part(section):
    section.press("+")
    section.press("+")
    section.press("Shift+ArrowRight")
    part = seen(section, "right")
    for mode, names in OVERLAYS.items():
        section.get_by_test_id(mode).click()
        for name in names:
            assert seen(section, name) == pytest.approx(part, abs=0.01)
    section.press("0")
    section.press("s")
    assert seen(section, "left") == pytest.approx([0, 0, 1, 1], abs=0.01)


def test_blink_keeps_the_part_that_is_seen(section):
    section.press("+")
    section.press("Shift+ArrowLeft")
    part = seen(section, "right")
    for _ in range(2):
        section.press("x")
        assert seen(section, "laid") == pytest.approx(part, abs=0.01)


def test_blocks_are_enlarged_with_their_pictures(section):
    section.press("k")
    section.press("+")
    section.press("+")
    drawn = section.get_by_test_id("pair").locator("svg").nth(1).bounding_box()
    assert drawn == pytest.approx(section.get_by_test_id("right").bounding_box(), abs=1)


def test_in_an_enlarged_wipe_a_drag_at_the_line_moves_it_and_elsewhere_the_pictures(section, page):
    section.press("w")
    section.press("+")
    section.press("+")
    slider = section.get_by_role("slider", name="Wipe")
    before = seen(section, "below")
    frame = section.get_by_test_id("stage").bounding_box()
    y = frame["y"] + frame["height"] / 2
    drag(page, frame["x"] + 0.5 * frame["width"], frame["x"] + 0.8 * frame["width"], y)
    expect(slider).to_have_value("80")
    assert seen(section, "below") == pytest.approx(before, abs=0.01)
    drag(page, frame["x"] + 0.3 * frame["width"], frame["x"] + 0.4 * frame["width"], y)
    expect(slider).to_have_value("80")
    assert seen(section, "below")[0] < before[0] - 0.03


def test_a_part_and_its_whole_show_the_same_place_at_the_same_size(section):
    section.press("n")
    ready(section, 1)
    for _ in range(6):
        section.press("+")
    expect_zoom(section, 3.8)
    left, right = (seen(section, name) for name in ("left", "right"))
    # the quarter begins at half of the width and of the height of the whole
    assert left[:2] == pytest.approx([0.5 + right[0] / 2, 0.5 + right[1] / 2], abs=0.02)
    assert left[2:] == pytest.approx([right[2] / 2, right[3] / 2], abs=0.02)


def test_the_next_pair_is_whole(section):
    section.press("+")
    section.press("n")
    ready(section, 1)
    expect_zoom(section, 1)
    assert seen(section, "right") == pytest.approx([0, 0, 1, 1], abs=0.01)


def test_it_works_in_the_large_pair_of_the_explorer(show_explorer, images):
    pairs = dup.similar_pairs(dup.fingerprint_images(images))
    bridge = show_explorer(pairs, images)
    bridge.view().get_by_role("button", name=re.compile("^Pairs")).click()
    bridge.view().locator(".dup-card").first.click()
    section = ready(bridge.view().get_by_test_id("viewer"))
    section.press("+")
    expect_zoom(section, 1.3)
    assert seen(section, "left")[2:] == pytest.approx([0.8, 0.8], abs=0.01)


def test_it_works_in_the_page_without_a_kernel(page, images, tmp_path):
    pairs = dup.similar_pairs(dup.fingerprint_images(images))
    explorer = dup.ThresholdExplorer(pairs, images)
    opened = OpenPage(page, explorer, explorer.save_html(tmp_path / "page.html"))
    page.get_by_role("button", name=re.compile("^Pairs")).click()
    opened.settle()
    page.locator(".dup-card").first.click()
    section = ready(page.get_by_test_id("viewer"))
    point(page, section, "right", 0.5, 0.5)
    wheel(page, -347)
    expect_zoom(section, 2)
    for mode, names in OVERLAYS.items():
        section.get_by_test_id(mode).click()
        for name in names:
            assert seen(section, name) == pytest.approx([0.25, 0.25, 0.5, 0.5], abs=0.02)
    section.press("0")
    expect_zoom(section, 1)

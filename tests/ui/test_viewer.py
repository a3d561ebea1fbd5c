"""The pair viewer in a browser: keys, one picture above the other, states."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

import imgdup_nb as dup
from imgdup_nb.compare import block_corners

HOSTILE = "<img src=x onerror=alert(1)>.png"
NAME = "Compare pairs of images"


def speckled(seed):
    """Return a picture with corners everywhere, so that it can be aligned."""
    values = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((320, 240), Image.Resampling.NEAREST)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    picture = speckled(1)
    covered = picture.copy()
    ImageDraw.Draw(covered).rectangle((0, 120, 160, 240), fill="black")
    made = {
        "a.png": picture,
        "covered.png": covered,
        HOSTILE: picture.crop((40, 30, 320, 240)),
        "unrelated.png": speckled(2),
    }
    for name, made_picture in made.items():
        made_picture.save(folder / name)
    (folder / "words.jpg").write_text("no picture")
    with pytest.warns(UserWarning, match="1 of 5 files"):
        return dup.scan_images(folder)


@pytest.fixture(scope="module")
def made(images):
    """Return one viewer for all tests: it remembers what it has compared."""
    others = ["covered.png", HOSTILE, "unrelated.png", "words.jpg"]
    pairs = pd.DataFrame(
        {
            "left": pd.Series("a.png", range(4), dtype=object),
            "right": pd.Series(others, dtype=object),
        }
    )
    made = dup.PairViewer(pairs.assign(similarity=[93.75, 80, 75, 70]), images)
    yield made
    made.close()


@pytest.fixture
def viewer(made):
    made.index = 0
    return made


@pytest.fixture
def section(mount, viewer):
    """Show the viewer and wait for the pictures of its first pair."""
    return ready(mount(viewer).view().get_by_role("region", name=NAME), 0)


def ready(section, index):
    """Wait until a pair is shown."""
    expect(section).to_have_attribute("data-index", str(index))
    expect(section.get_by_test_id("working")).to_be_hidden()
    return section


def press(section, key, index):
    """Press a key with the focus inside the widget, and wait until a pair is shown."""
    section.press(key)
    return ready(section, index)


def test_arrow_keys_step_through_the_pairs(section, viewer):
    expect(section.get_by_test_id("title")).to_have_text("Pair 1 of 4")
    expect(section.get_by_test_id("found")).to_have_text("93.75\u00a0% similar")
    expect(section.get_by_test_id("previous")).to_be_disabled()
    for key, index in [
        ("ArrowRight", 1),
        ("n", 2),
        ("ArrowLeft", 1),
        ("p", 0),
        ("End", 3),
        ("Home", 0),
    ]:
        press(section, key, index)
        assert viewer.index == index
    expect(section.get_by_test_id("sentence")).to_have_text(viewer.comparison.sentence)


def test_the_pictures_of_a_pair_are_shown_at_the_size_they_were_aligned_at(section, viewer):
    height, width = viewer.comparison.pictures[1].shape[:2]
    for name in ("left", "right", "below", "laid", "off"):
        expect(section.get_by_test_id(name)).to_have_js_property("naturalWidth", width)
        expect(section.get_by_test_id(name)).to_have_js_property("naturalHeight", height)


def test_a_picture_has_an_edge_also_where_it_is_as_white_as_the_page(section):
    expect(section.locator(".dup-pair .dup-stage").first).to_have_css(
        "box-shadow", re.compile("0px 0px 0px 1px")
    )


def test_each_key_shows_another_view(section):
    for key, mode, words in [
        ("w", "wipe", "a.png left of the line, covered.png right of it"),
        ("b", "blend", "50 % a.png over covered.png"),
        ("d", "difference", "difference of brightness; black: none"),
    ]:
        section.press(key)
        expect(section.get_by_test_id(mode)).to_have_attribute("aria-pressed", "true")
        expect(section.get_by_role("img", name=words)).to_be_visible()
        expect(section.get_by_test_id("pair")).to_be_hidden()
    expect(section.get_by_test_id("slider")).to_be_hidden()
    section.press("s")
    expect(section.get_by_test_id("pair")).to_be_visible()
    expect(section.get_by_test_id("stage")).to_be_hidden()


def test_the_wipe_moves_by_arrow_key_and_by_mouse_and_leaves_the_pair(section, viewer, page):
    section.get_by_test_id("wipe").click()
    slider = section.get_by_role("slider", name="Wipe")
    slider.press("ArrowRight")
    expect(slider).to_have_value("51")
    slider.press("Home")
    expect(slider).to_have_value("0")
    box = section.get_by_test_id("stage").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + 20)
    expect(slider).to_have_value("25")
    expect(section.locator(".dup-wiped")).to_have_css("clip-path", "inset(0px 75% 0px 0px)")
    assert viewer.index == 0


def test_blink_shows_one_picture_alone_and_then_the_other(section):
    stage = section.get_by_test_id("stage")
    below = section.get_by_test_id("below")
    for words, opacity, seen in [
        ("a.png alone", "1", "hidden"),
        ("covered.png alone", "0", "visible"),
        ("a.png alone", "1", "hidden"),
    ]:
        section.press("x")
        expect(stage).to_have_accessible_name(words)
        expect(section.get_by_test_id("status")).to_have_text(words)
        expect(section.locator(".dup-wiped")).to_have_css("opacity", opacity)
        expect(below).to_have_css("visibility", seen)


def test_blocks_are_drawn_where_they_agree_and_where_they_differ(section, viewer):
    expect(section.get_by_test_id("legend")).to_be_hidden()
    section.press("k")
    _, agrees = block_corners(viewer.comparison)
    words = f"{agrees.sum()} blocks agree{(~agrees).sum()} differ (crossed)"
    expect(section.get_by_test_id("legend")).to_have_text(words)
    drawn = section.get_by_test_id("pair").locator("svg").nth(1)
    for kind, moves in [
        ("dup-agree", agrees.sum()),
        ("dup-differ", 2 * (~agrees).sum()),
    ]:  # a diagonal is a move too
        assert drawn.locator(f".{kind}").get_attribute("d").count("M") == moves
        expect(drawn.locator(f".{kind}")).to_be_visible()


def test_every_methods_score_stands_in_the_table(section, viewer):
    rows = section.get_by_test_id("scores").locator("tbody tr")
    expect(rows).to_have_count(len(dup.METHODS))
    expect(rows.first).to_contain_text(
        f"phash{viewer.comparison.scores.similarity['phash']:g}\u00a0%"
    )


def test_unrelated_pictures_are_shown_side_by_side_and_the_next_copy_aligned(section):
    section.press("w")
    press(section, "n", 1)
    press(section, "n", 2)
    expect(section.get_by_test_id("sentence")).to_have_text(
        "Nothing of one picture was found in the other."
    )
    expect(section.get_by_test_id("pair")).to_be_visible()
    for name in ("wipe", "blend", "difference", "blink", "blocks"):
        expect(section.get_by_test_id(name)).to_be_disabled()
    section.press("x")
    press(section, "p", 1)
    expect(section.get_by_test_id("stage")).to_be_visible()
    expect(section.get_by_test_id("wipe")).to_have_attribute("aria-pressed", "true")


def test_a_file_that_cannot_be_read_is_named_with_the_reason(section):
    press(section, "End", 3)
    expect(section.get_by_test_id("alert")).to_have_text(
        "words.jpg: not an image, or of a format that Pillow cannot read here"
    )
    expect(section.get_by_test_id("scores")).to_be_hidden()
    expect(section.get_by_test_id("pair")).to_contain_text("words.jpg")
    press(section, "p", 2)
    expect(section.get_by_test_id("alert")).to_be_hidden()
    expect(section.get_by_test_id("scores")).to_be_visible()


def test_a_file_that_is_missing_does_not_hide_its_partner(section):
    press(section, "End", 3)
    expect(section.get_by_test_id("missing-right")).to_have_text(
        re.compile("Cannot be shown: not an image")
    )
    expect(section.get_by_test_id("left")).to_be_visible()
    expect(section.get_by_test_id("left")).to_have_js_property("naturalWidth", 320)
    expect(section.get_by_test_id("right")).to_be_hidden()
    press(section, "p", 2)
    expect(section.get_by_test_id("missing-right")).to_be_hidden()
    expect(section.get_by_test_id("right")).to_be_visible()


def test_panoramas_are_high_enough_to_be_looked_at_and_move_together(mount, page, tmp_path):
    strip = np.random.default_rng(3).integers(0, 256, (10, 200, 3), dtype=np.uint8)
    for name, size in (("one.png", (4000, 200)), ("two.png", (3000, 150))):
        Image.fromarray(strip).resize(size).save(tmp_path / name)
    viewer = dup.PairViewer((tmp_path / "one.png", tmp_path / "two.png"))
    section = ready(mount(viewer).view().get_by_role("region", name=NAME), 0)
    left, right = (section.get_by_test_id(name) for name in ("left", "right"))
    for picture in (left, right):
        expect(picture).not_to_have_js_property("naturalWidth", 0)
    assert left.bounding_box()["height"] >= 95
    assert left.bounding_box()["x"] == right.bounding_box()["x"]  # one above the other
    section.locator(".dup-scroll").first.evaluate("node => node.scrollTo(400, 0)")
    expect(section.locator(".dup-scroll").nth(1)).to_have_js_property("scrollLeft", 400)
    section.press("w")
    expect(section.get_by_test_id("off")).to_be_hidden()
    section.get_by_role("slider", name="Wipe").press("End")
    page.wait_for_function(
        "node => node.scrollLeft + node.clientWidth >= node.scrollWidth - 1",
        arg=section.locator(".dup-over .dup-scroll").element_handle(),
    )
    viewer.close()


def test_names_are_shown_as_text(section, page):
    press(section, "n", 1)
    expect(section.get_by_test_id("pair")).to_contain_text(HOSTILE)
    expect(section.get_by_test_id("sentence")).to_contain_text(HOSTILE)
    assert page.locator("img[src='x']").count() == 0


def test_a_pair_that_is_still_compared_is_called_so(section, viewer):
    viewer.unobserve(viewer._show, "index")  # as if Python needed long
    section.press("ArrowRight")
    expect(section.get_by_test_id("working")).to_be_visible()
    expect(section.get_by_test_id("title")).to_have_text("Pair 2 of 4")
    viewer.observe(viewer._show, "index")
    viewer._show()
    ready(section, 1)


def test_a_row_chosen_in_python_is_shown_and_the_focus_stays_with_the_widget(section, viewer):
    section.get_by_test_id("next").focus()
    viewer.index = 3
    ready(section, 3)
    expect(section.get_by_test_id("next")).to_be_disabled()
    expect(section).to_be_focused()


def test_a_second_view_has_pictures_of_its_own(mount, viewer):
    bridge = mount(viewer)
    ready(bridge.view().get_by_role("region", name=NAME), 0)
    other = ready(bridge.add_view().get_by_role("region", name=NAME), 0)
    bridge.close_view(0)
    expect(other.get_by_test_id("left")).to_have_js_property(
        "naturalWidth", viewer.comparison.pictures[0].shape[1]
    )

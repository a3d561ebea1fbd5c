"""The map in the explorer: points, groups, the lasso, keys, and the page without a kernel."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import expect

import imgdup_nb as dup
from explorer_page import families, prints_of
from test_accessibility import violations
from test_explorer_groups import HOSTILE

COUNT_COLORS = """\
(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const found = {};
  for (let k = 0; k < data.length; k += 4) {
    if (data[k + 3] < 255) continue;
    const color = [data[k], data[k + 1], data[k + 2]].join(" ");
    found[color] = (found[color] ?? 0) + 1;
  }
  return found;
}
"""
LOOSE = "117 124 134"


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Compile the loops of the layout before a page waits for them."""
    for linkage in ("star", "connected"):
        explorer = dup.ThresholdExplorer(families()[0], linkage=linkage)
        explorer.map()
        explorer._lines()
        explorer.close()


def show_map(bridge):
    bridge.view().get_by_test_id("show-map").click()
    bridge.settle()
    return bridge.view().get_by_test_id("map-canvas")


def place_on_page(bridge, canvas, name):
    """Return where a point is on the page while the whole map is shown."""
    table = bridge.widget.map().set_index("image")
    bridge.settle()
    box = canvas.bounding_box()
    low, high = table[["x", "y"]].min(), table[["x", "y"]].max()
    room = max(40, min(box["width"], box["height"])) - 24
    spans = (high - low).replace(0, 1e-9)
    scale = min((box["width"] - 24) / spans.x, (box["height"] - 24) / spans.y, room)
    across, down = (table.loc[name, ["x", "y"]] - (low + high) / 2) * scale
    return box["x"] + box["width"] / 2 + across, box["y"] + box["height"] / 2 + down


def test_groups_are_coloured_and_follow_the_threshold(explorer):
    canvas = show_map(explorer)
    title = explorer.view().get_by_test_id("map-title")
    for percent in ("80", "95"):
        explorer.view().get_by_role("button", name=percent, exact=True).click()
        explorer.settle()
        n_grouped = len(explorer.widget.groups.table)
        expect(title).to_have_text(f"14 images, {n_grouped} in groups")
        colors = canvas.evaluate(COUNT_COLORS)
        assert len(set(colors) - {LOOSE}) >= 1
        assert (LOOSE in colors) == (n_grouped < 14)


def test_a_point_shows_its_picture_and_a_click_selects_its_group(explorer, page):
    canvas = show_map(explorer)
    name = explorer.widget.groups.table.image[1]
    page.mouse.move(*place_on_page(explorer, canvas, name))
    tip = explorer.view().get_by_test_id("map-tip")
    expect(tip).to_contain_text(name)
    expect(tip.locator("img")).to_have_js_property("complete", True)
    page.mouse.down()
    page.mouse.up()
    explorer.settle()
    explorer.wait_until(lambda: name in explorer.widget.selected)


def test_a_lasso_shows_only_the_groups_that_it_touches_until_all_are_asked_for(explorer, page):
    canvas = show_map(explorer)
    explorer.widget.threshold = 80
    explorer.settle()
    wanted = list(explorer.widget.groups)[1]
    spots = [place_on_page(explorer, canvas, name) for name in wanted]
    (left, top), (right, bottom) = np.min(spots, axis=0) - 7, np.max(spots, axis=0) + 7
    explorer.view().get_by_test_id("lasso").click()
    page.mouse.move(left, top)
    page.mouse.down()
    for corner in ((right, top), (right, bottom), (left, bottom), (left, top)):
        page.mouse.move(*corner, steps=3)
    page.mouse.up()
    explorer.settle()
    count = explorer.view().get_by_test_id("count")
    explorer.wait_until(lambda: set(wanted) <= set(explorer.widget.within))
    n_shown = len(explorer.widget.shown)
    n_groups = len(explorer.widget.groups)
    assert 1 <= n_shown < n_groups
    expect(count).to_have_text(f"{n_shown} of {n_groups} groups")
    explorer.view().get_by_test_id("map-all").click()
    explorer.settle()
    expect(count).to_have_text(f"{n_groups} groups")
    assert explorer.widget.within == ()


def test_the_map_is_used_by_keys_alone(explorer, page):
    canvas = show_map(explorer)
    canvas.focus()
    scale = explorer.view().get_by_test_id("map")
    page.keyboard.press("n")
    tip = explorer.view().get_by_test_id("map-tip")
    expect(tip).to_contain_text("group 1: 5 images")
    page.keyboard.press("n")
    page.keyboard.press("p")
    page.keyboard.press("Enter")
    explorer.settle()
    explorer.wait_until(lambda: explorer.widget.selected_group == 1)
    for key in ("+", "+", "-", "+", "+"):
        page.keyboard.press(key)
    explorer.settle()
    expect(scale).to_have_attribute("data-scale", "2.744")  # three steps of 1.4
    page.keyboard.press("v")
    explorer.settle()
    explorer.wait_until(lambda: 0 < len(explorer.widget.within) < 14)
    page.keyboard.press("Backspace")
    explorer.settle()
    explorer.wait_until(lambda: explorer.widget.within == ())
    page.keyboard.press("0")
    explorer.settle()
    expect(scale).to_have_attribute("data-scale", "1.000")


def test_near_enough_pictures_stand_in_place_of_points(show_explorer, page, tmp_path):
    Image.new("RGB", (80, 60), (250, 90, 20)).save(tmp_path / "orange.png")
    names = [f"{k}.png" for k in range(60)]
    images = pd.DataFrame({"image": pd.Series(names, dtype=object)})
    images["path"] = str(tmp_path / "orange.png")
    pairs = dup.similar_pairs(prints_of(names, range(60), [0] * 60), min_similarity=90)
    bridge = show_explorer(pairs, images)
    canvas, shown = show_map(bridge), bridge.view().get_by_test_id("map")
    expect(shown).to_have_attribute("data-pictures", "0")
    for _ in range(4):
        canvas.press("+")
    bridge.settle()
    expect(shown).not_to_have_attribute("data-pictures", "0")

    def is_orange_seen():
        seen = [[int(part) for part in color.split()] for color in canvas.evaluate(COUNT_COLORS)]
        return (np.abs(np.array(seen) - [250, 90, 20]).max(axis=1) < 9).any()

    bridge.wait_until(is_orange_seen)  # pictures are drawn when they have been read


def test_names_on_the_map_stay_text(show_explorer, page):
    pairs = dup.similar_pairs(prints_of(HOSTILE, [0] * len(HOSTILE), [0] * len(HOSTILE)))
    bridge = show_explorer(pairs)
    show_map(bridge).focus()
    page.keyboard.press("n")
    tip = bridge.view().get_by_test_id("map-tip")
    original = bridge.widget.groups.table.image[0]
    expect(tip.locator("bdi")).to_have_attribute("title", original)
    assert page.evaluate("() => window.pwned") is None


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_images_without_pairs_are_shown(show_explorer, n):
    bits = np.random.default_rng(1).random((n, 64)) < 0.5
    prints = dup.Fingerprints.from_bits(list("ab")[:n], bits)
    bridge = show_explorer(dup.similar_pairs(prints, min_similarity=90))
    canvas = show_map(bridge)
    noun = "image" if n == 1 else "images"
    expect(bridge.view().get_by_test_id("map-title")).to_have_text(f"{n} {noun}, 0 in groups")
    assert set(canvas.evaluate(COUNT_COLORS)) == ({LOOSE} if n else set())
    canvas.press("n")
    canvas.press("v")
    canvas.press("+")
    bridge.settle()


def test_another_method_brings_its_own_map(show_explorer):
    tables = {name: families(name)[0] for name in ("phash", "dhash")}
    tables["dhash"] = tables["dhash"][tables["dhash"].left.str.contains("beach")]
    for side in ("left", "right"):
        tables["dhash"][side] = tables["dhash"][side].astype(object)
    bridge = show_explorer(tables)
    show_map(bridge)
    title = bridge.view().get_by_test_id("map-title")
    expect(title).to_contain_text("14 images")
    bridge.view().get_by_test_id("method").select_option("dhash")
    expect(title).to_contain_text("5 images")
    bridge.widget.method = "phash"
    expect(title).to_contain_text("14 images")


def test_the_page_without_a_kernel_has_the_map_and_keeps_what_was_chosen(
    page, tmp_path, family_pairs, family_images
):
    explorer = dup.ThresholdExplorer(family_pairs, family_images, linkage="connected")
    n_groups, n_grouped = len(explorer.groups), len(explorer.groups.table)
    explorer.save_html(tmp_path / "folded.html")
    explorer.map()
    explorer.within = next(iter(explorer.groups))
    explorer.save_html(tmp_path / "chosen.html")
    page.goto((tmp_path / "folded.html").as_uri())
    tool, canvas = page.get_by_test_id("explorer"), page.get_by_test_id("map-canvas")
    expect(tool).to_have_attribute("data-state", "ready")
    expect(canvas).to_be_hidden()
    page.get_by_test_id("show-map").click()
    title = page.get_by_test_id("map-title")
    expect(title).to_have_text(f"14 images, {n_grouped} in groups")
    page.goto((tmp_path / "chosen.html").as_uri())
    expect(tool).to_have_attribute("data-state", "ready")
    expect(page.get_by_test_id("count")).to_have_text(f"1 of {n_groups} groups")
    expect(title).to_have_text(f"14 images, {n_grouped} in groups, 5 chosen")
    canvas.press("Backspace")
    expect(page.get_by_test_id("count")).to_have_text(f"{n_groups} groups")
    canvas.press("n")
    expect(page.get_by_test_id("map-tip")).to_contain_text(explorer.groups.table.image[0])
    assert len(canvas.evaluate(COUNT_COLORS)) >= 2
    explorer.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_mend_in_the_map(explorer, page, scheme):
    page.emulate_media(color_scheme=scheme)
    canvas = show_map(explorer)
    canvas.focus()
    page.keyboard.press("n")
    expect(explorer.view().get_by_test_id("map-tip")).to_be_visible()
    explorer.settle()
    assert violations(page) == []


@pytest.mark.parametrize("width", [450, 850])
def test_the_map_fits_into_a_narrow_page(explorer, page, width):
    page.set_viewport_size({"width": width, "height": 1000})
    canvas = show_map(explorer)
    box = canvas.bounding_box()
    assert box["width"] > 250
    assert box["height"] > 200
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width

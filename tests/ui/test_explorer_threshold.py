"""The threshold explorer in a browser page: moving the threshold, choosing linkage and range."""

import re

import pandas as pd
import pytest
from playwright.sync_api import expect

import imgdup_nb as dup
from explorer_page import (
    counts_of,
    expect_threshold,
    families,
    open_tools,
    place_of,
    slider_of,
)


@pytest.mark.parametrize(("preset", "level"), [(95, 96.875), (90, 90.625), (80, 81.25)])
def test_a_preset_sets_the_level_and_shows_what_python_finds(explorer, preset, level):
    button = explorer.view().get_by_role("button", name=str(preset), exact=True)
    button.click()
    expect_threshold(explorer, level)
    expect(button).to_have_attribute("aria-pressed", "true")


def test_a_preset_that_is_no_level_says_which_level_it_became(explorer):
    meaning = explorer.view().get_by_test_id("meaning")
    explorer.view().get_by_role("button", name="80", exact=True).click()
    expect(meaning).to_have_text(re.compile(r"^80 asked: next level 81\.25\s%$"))
    explorer.view().get_by_role("button", name="Looser by one level").click()
    expect(meaning).to_have_text("up to 14 of 64 bits differ")


def test_the_threshold_stands_at_the_same_percent_in_both_plots_and_at_the_edge_of_its_bar(
    explorer,
):
    view = explorer.view()
    places = view.locator(".dup-plot").evaluate_all(
        """(plots) => plots.map((svg) => {
          const left = svg.getBoundingClientRect().left;
          const at = (node, side) => node.getBoundingClientRect()[side] - left;
          const middle = (node) => (at(node, "left") + at(node, "right")) / 2;
          const tick = middle(svg.querySelector('[data-tick="90"]'));
          return [middle(svg.querySelector(".dup-threshold line")) - tick,
            ...[...svg.querySelectorAll(".dup-bars rect:not(.off)")].slice(-1)
              .map((bar) => at(bar, "left") - tick)];
        })"""
    )
    (line, bar), (other_line,) = places
    assert abs(line - other_line) < 1.5
    assert 0 <= bar - line < 2.5


def test_pairs_below_the_floor_are_drawn_as_counted_and_no_threshold_reaches_them(
    show_explorer, family_pairs
):
    floor = family_pairs.attrs["floor"]
    method = family_pairs.attrs["method"]
    counts = pd.DataFrame({"similarity": [floor, floor - 5, floor - 10], "pairs": [1, 20, 300]})
    counts.attrs["method"] = method
    explorer = show_explorer(family_pairs, counts=counts)
    bars = explorer.view().locator(".dup-unlisted")
    expect(bars).to_have_count(2)
    assert [bar.text_content() for bar in bars.all()] == [
        f"{floor - 5:g}\N{NO-BREAK SPACE}%: 20 pairs, counted and not listed",
        f"{floor - 10:g}\N{NO-BREAK SPACE}%: 300 pairs, counted and not listed",
    ]
    heights = [bar.bounding_box()["height"] for bar in bars.all()]
    assert heights[0] < heights[1]
    slider_of(explorer).press("Home")
    expect_threshold(explorer, explorer.widget.levels[-1])


def test_curves_are_linear_without_the_pairs_or_logarithmic_with_them(explorer):
    view = explorer.view()
    paths, pairs = (view.locator(f".dup-curves path{name}") for name in ("", ".dup-pairs"))
    expect(paths).to_have_count(4)
    expect(pairs).to_have_count(0)
    pixels_for_one = """(svg) => {
      const [zero, ...ticks] = [...svg.querySelectorAll(".dup-axes line")].map((line) =>
        Number(line.getAttribute("y1")));
      const numbers = [...svg.querySelectorAll(".dup-axes text[text-anchor=end]")].map((text) =>
        Number(text.textContent));
      return ticks.map((tick, place) => (zero - tick) / numbers[place + 1]);
    }"""
    pixels = view.locator(".dup-plot").nth(1).evaluate(pixels_for_one)
    assert len(pixels) >= 2
    assert max(pixels) == pytest.approx(min(pixels))  # as many for each image
    view.get_by_test_id("logarithmic").check()
    expect(paths).to_have_count(5)
    expect(pairs).to_have_count(1)
    expect_threshold(explorer, 90.625)


def test_no_two_numbers_of_an_axis_overlap_and_curves_stay_below_the_names_of_bands(explorer):
    view = explorer.view()
    for size in ("small", "large", "slim"):
        view.get_by_test_id("plot-size").select_option(size)
        explorer.settle()
        for plot in view.locator(".dup-plot:visible").all():
            boxes = [text.bounding_box() for text in plot.locator(".dup-axes text").all()]
            boxes = [box for box in boxes if box]
            for place, one in enumerate(boxes):
                for other in boxes[:place]:
                    assert not overlap(one, other), (size, one, other)
            if size != "slim":
                names = [text.bounding_box() for text in plot.locator(".dup-bands text").all()]
                lowest = max(box["y"] + box["height"] for box in names)
                for curve in plot.locator(".dup-curves path").all():
                    assert curve.bounding_box()["y"] >= lowest - 3


def overlap(one, other):
    """Whether two boxes cover a pixel in common; a line of text has some room above and below."""
    room = {"x": 0, "y": 2}
    return all(
        min(one[at] + one[side], other[at] + other[side]) - max(one[at], other[at]) > room[at]
        for at, side in (("x", "width"), ("y", "height"))
    )


@pytest.mark.parametrize("width", [1280, 850, 450])
def test_slider_numbers_and_two_whole_groups_are_on_one_screen(
    show_explorer, family_pairs, family_images, page, width
):
    page.set_viewport_size({"width": width, "height": 760})  # what JupyterLab leaves of 900
    bridge = show_explorer(family_pairs, family_images)
    view = bridge.view()
    for part in (slider_of(bridge), view.get_by_test_id("groups"), view.get_by_test_id("value")):
        expect(part).to_be_in_viewport(ratio=1)
    for place in (0, 1):
        expect(view.locator(f'.dup-row[data-place="{place}"]')).to_be_in_viewport(ratio=0.99)
    first = view.locator('.dup-row[data-place="0"] .dup-picture')
    assert first.count() >= 4


def test_plots_can_be_large_or_only_the_slider(explorer):
    heights = []
    for size in ("large", "small", "slim"):
        explorer.view().get_by_test_id("plot-size").select_option(size)
        heights.append(slider_of(explorer).bounding_box()["height"])
        expect_threshold(explorer, 90.625)
    assert heights == sorted(heights, reverse=True)
    expect(explorer.view().get_by_role("img", name="Pairs, groups")).to_be_hidden()


def test_keys_move_by_level_by_band_and_to_the_ends(explorer, page):
    slider_of(explorer).focus()
    keys = [
        ("ArrowRight", 93.75), ("ArrowLeft", 90.625), ("ArrowDown", 87.5), ("ArrowUp", 90.625),
        ("PageDown", 81.25),
        ("PageUp", 90.625), ("PageUp", 100), ("Home", 71.875), ("End", 100),
    ]  # fmt: skip
    for key, level in keys:
        page.keyboard.press(key)
        expect_threshold(explorer, level)


def test_the_slider_tells_screen_readers_value_meaning_and_result(explorer):
    expect(slider_of(explorer)).to_have_attribute(
        "aria-valuetext",
        re.compile(r"^90\.63\s%, up to 6 of 64 bits differ, 4 groups, 10 redundant images$"),
    )
    expect(slider_of(explorer)).to_have_attribute("aria-valuemin", "71.875")
    expect(explorer.view().get_by_test_id("status")).to_have_text(re.compile(r"90\.6\s%: 4 groups"))


@pytest.mark.parametrize(
    ("unit", "meaning"),
    [
        ("cosine", "cosine of the angle between two embeddings"),
        ("percent", "how alike two pictures are, by this method"),
    ],
)
def test_the_meaning_of_a_threshold_is_in_the_unit_of_the_method(
    show_explorer, family_pairs, unit, meaning
):
    pairs = family_pairs.copy()
    pairs.attrs = {**family_pairs.attrs, "method": "other", "unit": unit, "bits": 0}
    slider = slider_of(show_explorer(pairs))
    expect(slider).to_have_attribute("aria-valuetext", re.compile(f"%, {meaning}, "))


def test_a_drag_follows_the_mouse_and_ends_at_its_last_place(explorer, page):
    page.mouse.move(*place_of(page, explorer, 90.6))
    page.mouse.down()
    page.mouse.move(*place_of(page, explorer, 75), steps=12)
    page.mouse.move(*place_of(page, explorer, 84), steps=12)
    page.mouse.up()
    expect_threshold(explorer, 84.375)
    page.mouse.move(*place_of(page, explorer, 95), steps=3)
    expect_threshold(explorer, 84.375)


TWO_FRAMES = """\
() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))
"""


def test_plots_that_were_hidden_fill_their_place_again(explorer, page):
    for display in ("none", "block"):
        explorer.view().evaluate("(node, display) => { node.style.display = display; }", display)
        page.evaluate(TWO_FRAMES)
    width = slider_of(explorer).evaluate("(svg) => svg.clientWidth")
    expect(slider_of(explorer)).to_have_attribute("viewBox", f"0 0 {width} 116")


def test_a_click_on_the_curves_moves_the_threshold_too(explorer, page):
    x, _ = place_of(page, explorer, 75)
    histogram = slider_of(explorer).bounding_box()
    curves = explorer.view().get_by_role("img", name="Pairs, groups").bounding_box()
    page.mouse.click(x - histogram["x"] + curves["x"], curves["y"] + 60)
    expect_threshold(explorer, 75)


def test_the_step_buttons_stop_at_the_ends(explorer):
    looser = explorer.view().get_by_role("button", name="Looser by one level")
    for level in (87.5, 84.375, 81.25, 78.125, 75, 71.875):
        looser.click()
        expect_threshold(explorer, level)
    expect(looser).to_be_disabled()


def test_a_threshold_set_in_python_moves_the_line(explorer):
    explorer.widget.threshold = 80
    expect_threshold(explorer, 81.25)


def test_many_fast_moves_end_with_the_last_one(explorer, page):
    slider_of(explorer).focus()
    for key in ["ArrowLeft"] * 6 + ["ArrowRight"] * 9 + ["ArrowLeft"] * 4:
        page.keyboard.press(key)
    expect_threshold(explorer, 87.5)


def test_linkage_and_method_are_switched_live(show_explorer, family_pairs, family_images):
    other = families("dhash")[0]
    dup.group_duplicates(
        family_pairs, 90, linkage="complete"
    )  # the first time it is compiled, for longer than a test waits
    bridge = show_explorer({"phash": family_pairs, "dhash": other}, family_images)
    bridge.view().get_by_test_id("linkage").select_option("complete")
    bridge.settle()
    assert bridge.widget.groups.linkage == "complete"
    bridge.view().get_by_test_id("method").select_option("dhash")
    bridge.settle()
    assert bridge.widget.groups.method == "dhash"
    expect(slider_of(bridge)).to_have_attribute("aria-valuemin", "70.3125")
    expect(bridge.view().locator(".dup-picture img").first).to_be_visible()


def test_a_range_shows_only_what_a_looser_threshold_adds(explorer):
    open_tools(explorer)
    explorer.view().get_by_test_id("upper").select_option("96.875")
    explorer.settle()
    assert explorer.widget.upper == 96.875
    expect_threshold(explorer, 90.625)
    expected = dup.group_duplicates(explorer.widget.pairs.query("similarity < 96.875"), 90.625)
    assert list(explorer.widget.groups) == list(expected)


def test_a_range_chosen_below_the_threshold_takes_the_threshold_along(explorer):
    open_tools(explorer)
    explorer.view().get_by_test_id("upper").select_option("90.625")
    expect_threshold(explorer, 87.5)
    assert explorer.widget.upper == 90.625


def test_a_pinned_threshold_is_compared_with(explorer):
    view = explorer.view()
    view.get_by_role("button", name="95", exact=True).click()
    open_tools(explorer)
    view.get_by_test_id("pin").click()
    view.get_by_role("button", name="90", exact=True).click()
    explorer.settle()
    expected = dup.threshold_changes(explorer.widget.pairs, 96.875, 90.625).change.value_counts()
    changes = view.get_by_test_id("changes")
    for change, count in expected.items():
        expect(changes).to_contain_text(f"{count} {change}")
    view.get_by_label("only changed").check()
    explorer.settle()
    expect(view.locator('.dup-badge[data-change="born"]')).to_have_count(int(expected["born"]))
    expect(view.get_by_test_id("count")).to_have_text(f"{expected.sum()} of 4 groups")
    view.get_by_test_id("pin").click()
    explorer.settle()
    assert explorer.widget.pinned is None


def test_pictures_of_one_scene_taken_seconds_apart_are_counted_and_left_out(
    show_explorer, family_pairs, family_images
):
    taken = pd.Timestamp("2024-05-01 12:00") + pd.to_timedelta(
        [3 * k for k in range(len(family_images))], unit="s"
    )
    bridge = show_explorer(family_pairs, family_images.assign(taken=taken))
    before = len(bridge.widget.groups.table)
    open_tools(bridge)
    box = bridge.view().get_by_label("leave out bursts")
    expect(
        bridge.view().get_by_text(f"({bridge.widget.in_use.count_burst_pairs()} pairs)")
    ).to_be_visible()
    box.check()
    bridge.settle()
    assert bridge.widget.without_bursts
    assert len(bridge.widget.groups.table) < before
    assert counts_of(bridge)[0] == bridge.widget.sweep.set_index("threshold").pairs[90.625]
    box.uncheck()
    bridge.settle()
    assert len(bridge.widget.groups.table) == before


def test_a_second_method_is_combined_by_a_rule_and_its_slider_moves_the_groups(
    show_explorer, family_pairs, family_images
):
    tables = {"phash": family_pairs, "dhash": families("dhash")[0]}
    bridge = show_explorer(tables, family_images)
    view = bridge.view()
    open_tools(bridge)
    view.get_by_test_id("rule").select_option("all")
    view.get_by_test_id("rule-method").select_option("dhash")
    view.get_by_test_id("combine").click()
    expect(view.get_by_test_id("meaning")).to_contain_text("and dhash ≥ 80")
    bridge.settle()
    expected = dup.combine_pairs(tables, {"phash": 90.625, "dhash": 80}, rule="all")
    assert list(bridge.widget.groups) == list(dup.group_duplicates(expected, 90.625))
    view.get_by_test_id("rule-threshold").fill("97")
    expect(view.get_by_test_id("meaning")).to_contain_text("and dhash ≥ 97")
    bridge.settle()
    stricter = dup.combine_pairs(tables, {"phash": 90.625, "dhash": 97}, rule="all")
    assert list(bridge.widget.groups) == list(dup.group_duplicates(stricter, 90.625))

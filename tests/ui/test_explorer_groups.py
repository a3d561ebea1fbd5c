"""The threshold explorer in a browser page: the list of groups, details, accessibility."""

import re

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect

import imgdup_nb as dup
from explorer_page import expect_threshold, open_tools, prints_of, slider_of

HOSTILE = [
    '"><img src=x onerror="window.pwned=1">.jpg',
    "<script>window.pwned=1</script>.jpg",
    "two\nlines\tand 'quotes'.jpg",
    "\u202egpj.exe\u2066.jpg",
    "holiday/" + "x" * 300 + ".jpg",
    "${7*7}{{7*7}}.jpg",
]


def test_search_shows_the_groups_that_hold_a_name(explorer):
    explorer.view().get_by_test_id("search").fill("FOREST (1)")
    expect(explorer.view().get_by_test_id("count")).to_have_text("1 of 4 groups")
    expect(explorer.view().locator(".dup-row")).to_have_count(1)
    explorer.view().get_by_test_id("search").fill("nothing like it")
    expect(explorer.view().get_by_text("No group matches the search.")).to_be_visible()


SLOW_FRAMES = """\
const askFrame = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (callback) => setTimeout(() => askFrame(callback), 100);
window.cancelAnimationFrame = (number) => clearTimeout(number);
"""


def test_order_puts_the_weakest_pair_first_and_the_page_is_ready_only_when_it_shows(
    page, show_explorer, family_pairs, family_images
):
    page.add_init_script(SLOW_FRAMES)
    explorer = show_explorer(family_pairs, family_images)
    explorer.view().get_by_test_id("order").select_option("risk")
    explorer.settle()
    first = explorer.view().locator(".dup-row").first
    assert int(first.get_attribute("data-group")) == explorer.widget.shown[0] != 1
    assert explorer.widget.order == "risk"


def test_a_group_is_selected_by_click_and_by_key_and_its_table_is_shown(explorer, page):
    gallery = explorer.view().get_by_test_id("gallery")
    explorer.view().locator(".dup-row").nth(1).click()
    details = explorer.view().get_by_test_id("details")
    expect(details).to_contain_text("Group 2: 4 images")
    explorer.wait_until(lambda: explorer.widget.selected == tuple(list(explorer.widget.groups)[1]))
    gallery.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(details).to_contain_text("Group 3: 3 images")
    expect(gallery.get_by_role("option", selected=True)).to_have_attribute("data-group", "3")
    details.get_by_role("button", name="Close the table").click()
    expect(details).to_be_hidden()
    assert explorer.widget.selected == ()


def test_thumbnails_are_shown_and_a_broken_file_says_so(explorer):
    view = explorer.view()
    expect(view.locator(".dup-picture img").first).to_have_js_property("complete", True)
    assert view.locator(".dup-picture img").first.evaluate("(image) => image.naturalWidth") > 0
    view.get_by_test_id("search").fill("harbour")
    broken = view.get_by_role("img", name=re.compile("harbour.* cannot be shown: not an image"))
    expect(broken).to_be_visible()


def test_names_alone_are_enough(show_explorer, family_pairs):
    bridge = show_explorer(family_pairs)
    expect(bridge.view().locator(".dup-tile").first).to_contain_text("album/beach.jpg")
    expect(bridge.view().locator(".dup-picture")).to_have_count(0)
    expect_threshold(bridge, 90.625)


def test_ten_thousand_groups_scroll_with_a_few_rows_in_the_page(show_explorer, page):
    n = 10_000
    names = pd.Index([f"{k // 2:05d}-{k % 2}.jpg" for k in range(2 * n)], dtype=object)
    left = np.arange(0, 2 * n, 2)
    sides = {
        side: pd.Categorical.from_codes(codes, names)
        for side, codes in (("left", left), ("right", left + 1))
    }
    pairs = pd.DataFrame({**sides, "distance": 0, "similarity": 100.0})
    pairs.attrs = {"method": "phash", "floor": 70.0, "n_images": 2 * n}
    bridge = show_explorer(pairs)
    gallery = bridge.view().get_by_test_id("gallery")
    for place in (0.5, 1.0, 0.25):
        gallery.evaluate("(node, place) => { node.scrollTop = place * node.scrollHeight; }", place)
        wanted = min(int(place * n), n - 1)
        row = bridge.view().locator(f'.dup-row[data-place="{wanted}"]')
        expect(row).to_contain_text(f"Group {wanted + 1:,}")
        expect(row).to_contain_text(f"{wanted:05d}-1.jpg")
        assert bridge.view().locator(".dup-row").count() <= 12


def test_hostile_names_are_text_shortened_in_the_middle_with_the_whole_in_a_tooltip(
    show_explorer, page
):
    bridge = show_explorer(
        dup.similar_pairs(prints_of(HOSTILE, [0] * len(HOSTILE), [0] * len(HOSTILE)))
    )
    bridge.view().locator(".dup-row").first.click()
    cells = bridge.view().locator(".dup-details bdi")
    expect(cells).to_have_count(len(HOSTILE))
    assert {cell.get_attribute("title") for cell in cells.all()} == set(HOSTILE)
    assert all(len(cell.inner_text()) <= 60 for cell in cells.all())
    assert not any("\u202e" in cell.inner_text() for cell in cells.all())
    assert page.evaluate("() => window.pwned") is None
    expect(bridge.view().locator("script, img[src='x']")).to_have_count(0)


def test_a_screen_reader_is_told_names_without_marks_that_nobody_sees(show_explorer):
    bridge = show_explorer(
        dup.similar_pairs(prints_of(HOSTILE, [0] * len(HOSTILE), [0] * len(HOSTILE)))
    )
    bridge.view().locator(".dup-row").first.click()
    expect(bridge.view().locator(".dup-details bdi")).to_have_count(len(HOSTILE))
    told = (
        bridge.view()
        .locator("[aria-label]")
        .evaluate_all("nodes => nodes.map(node => node.getAttribute('aria-label'))")
    )
    assert any("·gpj.exe·.jpg" in text for text in told), told
    assert not [text for text in told if re.search("[\u202e\u2066\n\u200b]", text)]


def test_a_refused_value_is_explained_in_the_widget_and_taken_back(explorer):
    open_tools(explorer)
    explorer.view().get_by_test_id("upper").evaluate(
        """(select) => {
          select.append(new Option("wrong", "20"));
          select.value = "20";
          select.dispatchEvent(new Event("change"));
        }"""
    )
    expect(explorer.view().get_by_role("alert")).to_contain_text("min_similarity=20")
    explorer.settle()
    assert explorer.widget.upper is None


def test_the_code_of_the_choice_is_shown_and_follows(explorer):
    explorer.view().get_by_text("code for this choice").click()
    expect(explorer.view().get_by_test_id("code")).to_contain_text("threshold=90.625")
    explorer.view().get_by_role("button", name="80", exact=True).click()
    expect(explorer.view().get_by_test_id("code")).to_contain_text("threshold=81.25")


def test_other_tools_defaults_are_ticks_with_names(explorer):
    view = explorer.view()
    open_tools(explorer)
    view.get_by_label("defaults").check()
    expect(view.locator(".dup-tool-list")).to_contain_text("imagededup (hashes)")
    expect(slider_of(explorer).locator(".dup-tools-ticks path")).to_have_count(
        len(explorer.widget.scene["tools"])
    )


def test_two_views_of_one_explorer_stay_in_step_and_one_survives_the_other(explorer):
    second = explorer.add_view()
    slider = second.get_by_role("slider", name="Similarity threshold")
    expect(second.get_by_test_id("explorer")).to_have_attribute("data-state", "ready")
    explorer.view().get_by_role("button", name="80", exact=True).click()
    expect(slider).to_have_attribute("aria-valuenow", "81.25")
    expect(second.locator(".dup-picture img").first).to_be_visible()
    explorer.close_view(0)
    second.get_by_role("button", name="95", exact=True).click()
    expect(slider).to_have_attribute("aria-valuenow", "96.875")
    explorer.wait_until(lambda: explorer.widget.threshold == 96.875)


def test_everything_can_be_reached_with_the_tab_key_and_shows_its_focus(explorer, page):
    open_tools(explorer)
    page.keyboard.press("Shift+Tab")
    explorer.view().get_by_role("button", name="Looser by one level").focus()
    page.keyboard.press("Shift+Tab")
    reached = []
    for _ in range(24):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                """() => {
                  const node = document.activeElement;
                  const label = node.getAttribute("aria-label");
                  const name = label ?? node.dataset.testid ?? node.textContent;
                  return [name, getComputedStyle(node).outlineStyle !== "none"];
                }"""
            )
        )
    names = [name for name, _ in reached]
    for wanted in (
        "Looser by one level",
        "95",
        "linkage",
        "Similarity threshold",
        "pin",
        "upper",
        "Search",
        "Order",
        "tools",
        "Groups",
    ):
        assert wanted in names
    assert all(
        is_visible for name, is_visible in reached if name in ("95", "pin", "Similarity threshold")
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_both_schemes_and_a_narrow_page_does_not_scroll_sideways(
    show_explorer, family_pairs, family_images, page, scheme
):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 420, "height": 900})
    bridge = show_explorer(family_pairs, family_images)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    ratios = bridge.view().get_by_test_id("explorer").evaluate(CONTRAST)
    assert min(ratios.values()) >= 4.5, ratios


CONTRAST = """\
(explorer) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour, below) => {
    canvas.fillStyle = below;
    canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (colour) => colour
    .map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = getComputedStyle(explorer).backgroundColor;
  const ratios = {};
  const selectors = [
    ".dup-meaning", ".dup-value", ".dup-field span", ".dup-count", ".dup-name",
    ".dup-row-head span", "dt",
  ];
  for (const selector of selectors) {
    const style = getComputedStyle(explorer.querySelector(selector));
    const [text, back] = [luminance(rgb(style.color, ground)), luminance(rgb(ground, ground))];
    ratios[selector] = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
  }
  return ratios;
}
"""


def test_only_groups_across_splits_or_labels_are_shown(show_explorer):
    names = ["a", "b", "c", "d"]
    pairs = dup.similar_pairs(prints_of(names, [1, 1, 2, 2], [0] * 4))
    images = pd.DataFrame({"image": names, "path": "", "problem": ""})
    bridge = show_explorer(pairs, images.assign(split=["train", *["test"] * 3]))
    across = bridge.view().get_by_test_id("across")
    expect(across.locator("option")).to_have_text(["all groups", "across splits"])
    expect(bridge.view().locator(".dup-belongs").nth(0)).to_have_text(" train")
    across.select_option("split")
    expect(bridge.view().get_by_test_id("count")).to_have_text("1 of 2 groups")
    assert bridge.widget.across == "split"
    across.select_option("")
    expect(bridge.view().get_by_test_id("count")).to_have_text("2 groups")
    bridge.widget.across = "split"
    expect(across).to_have_value("split")


def test_without_splits_and_labels_there_is_nothing_to_choose(explorer):
    expect(explorer.view().get_by_test_id("across")).to_be_hidden()


def test_a_click_on_a_picture_shows_it_large_beside_its_original(explorer, page):
    view = explorer.view()
    row = view.locator(".dup-row").nth(1)
    row.locator(".dup-picture").nth(2).click()
    viewer = view.get_by_test_id("viewer")
    expect(viewer.get_by_test_id("title")).to_contain_text("Pair 2 of 3")
    expect(viewer).to_have_attribute("aria-busy", "false")
    names = list(explorer.widget.groups)[1]
    expect(viewer.locator("figcaption bdi").first).to_have_attribute("title", names[0])
    expect(viewer.locator("figcaption bdi").nth(1)).to_have_attribute("title", names[2])
    view.get_by_test_id("back").click()
    expect(view.get_by_test_id("gallery")).to_be_visible()
    row.locator(".dup-picture").nth(2).click()
    expect(viewer.get_by_test_id("title")).to_contain_text("Pair 2 of 3")
    view.get_by_test_id("show-pairs").click()  # from here, too, it leads to the pairs
    expect(view.get_by_test_id("pair-pane").locator(".dup-card").first).to_be_visible()
    expect(view.get_by_test_id("back")).to_be_hidden()


def test_why_two_images_are_together_is_drawn_as_a_chain(show_explorer, page):
    prints = prints_of(["a.jpg", "b.jpg", "c.jpg"], [0, 0, 0], [0, 6, 12])
    bridge = show_explorer(dup.similar_pairs(prints), threshold=90, linkage="connected")
    bridge.view().locator(".dup-row").first.click()
    bridge.view().get_by_role("button", name="Why is c.jpg in this group?").click()
    why = bridge.view().get_by_test_id("why")
    expect(why).to_contain_text("by a chain of 2 pairs; the weakest is 90.63")
    expect(why.locator(".dup-knot")).to_have_count(3)


def test_short_names_keep_what_differs(show_explorer, family_images, tmp_path):
    names = ["long/holiday-in-spain-1.jpg", "long/holiday-in-spain-2.jpg", "other/x.jpg", "z/x.jpg"]
    pairs = dup.similar_pairs(prints_of(names, [0] * 4, [0] * 4))
    images = family_images.head(4).assign(image=names)
    bridge = show_explorer(pairs, images)
    shown = bridge.view().locator(".dup-row .dup-name").all_inner_texts()
    assert len(set(shown)) == 4
    assert [name[-5:] for name in shown[:2]] == ["1.jpg", "2.jpg"]

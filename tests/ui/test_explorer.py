"""The threshold explorer in a browser page, wired to the real Python object."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import expect

import imgdup_nb as dup

HOSTILE = [
    '"><img src=x onerror="window.pwned=1">.jpg',
    "<script>window.pwned=1</script>.jpg",
    "two\nlines\tand 'quotes'.jpg",
    "\u202egpj.exe\u2066.jpg",
    "holiday/" + "x" * 300 + ".jpg",
    "${7*7}{{7*7}}.jpg",
]
ORIGINALS = ["album/beach.jpg", "album/forest.jpg", "album/city.jpg", "album/harbour.jpg"]


def prints_of(names, seeds, distances, method="phash"):
    """Fingerprints of families: a seed for each, and how many bits an image is from its family's first."""
    bits = np.array(
        [np.random.default_rng(seed).random(dup.METHODS[method].bits) < 0.5 for seed in seeds]
    )
    for row, distance in zip(bits, distances, strict=True):
        row[:distance] ^= True
    return dup.Fingerprints.from_bits(names, bits, method)


def families(method="phash"):
    """Four families of a beach, a forest, a city and a harbour, each looser than the one before."""
    names, seeds, distances = [], [], []
    for family, original in enumerate(ORIGINALS):
        for copy in range(5 - family):
            names.append(original if copy == 0 else original.replace(".jpg", f" ({copy}).jpg"))
            seeds.append(family)
            distances.append(2 * family * (copy > 0) + 2 * (copy > 2))
    return dup.similar_pairs(prints_of(names, seeds, distances, method)), names


@pytest.fixture
def pairs():
    return families()[0]


@pytest.fixture
def images(tmp_path):
    """One small picture each; the last one is no picture."""
    names = families()[1]
    for k, _ in enumerate(names):
        Image.new("RGB", (60 + 20 * (k % 3), 60), (20 * k, 90, 255 - 20 * k)).save(
            tmp_path / f"{k}.jpg"
        )
    (tmp_path / f"{len(names) - 1}.jpg").write_bytes(b"no picture")
    paths = [str(tmp_path / f"{k}.jpg") for k in range(len(names))]
    return pd.DataFrame(
        {"image": pd.Series(names, dtype=object), "path": paths, "problem": "", "frames": 1}
    )


@pytest.fixture
def show(mount, page):
    """Show an explorer and wait until it has nothing left to do."""

    def open_explorer(*args, **kwargs):
        bridge = mount(dup.ThresholdExplorer(*args, **kwargs))
        bridge.settle = lambda: expect(bridge.view().get_by_test_id("explorer")).to_have_attribute(
            "data-state", "ready"
        )
        bridge.settle()
        return bridge

    return open_explorer


@pytest.fixture
def explorer(show, pairs, images):
    return show(pairs, images)


def slider_of(bridge):
    return bridge.view().get_by_role("slider", name="Similarity threshold")


def counts_of(bridge):
    names = ("pairs", "groups", "images", "redundant", "largest")
    return [int(bridge.view().get_by_test_id(name).inner_text().split(" ")[0]) for name in names]


def expect_threshold(bridge, percent):
    """Both sides agree on a threshold, and the page shows what Python finds at it."""
    expect(slider_of(bridge)).to_have_attribute("aria-valuenow", f"{percent:g}")
    bridge.settle()
    assert bridge.widget.threshold == percent
    row = bridge.widget.sweep.set_index("threshold").loc[percent]
    assert counts_of(bridge) == [row.pairs, row.groups, row.images, row.redundant, row.largest]
    assert row.groups == len(bridge.widget.groups)
    expect(bridge.view().get_by_test_id("count")).to_have_text(
        f"{row.groups} group{'s' * bool(row.groups != 1)}"
    )


@pytest.mark.parametrize(("preset", "level"), [(95, 96.875), (90, 90.625), (80, 81.25)])
def test_a_preset_sets_the_level_and_shows_what_python_finds(explorer, preset, level):
    button = explorer.view().get_by_role("button", name=str(preset), exact=True)
    button.click()
    expect_threshold(explorer, level)
    expect(button).to_have_attribute("aria-pressed", "true")


def test_keys_move_by_level_by_band_and_to_the_ends(explorer, page):
    slider_of(explorer).focus()
    keys = [
        ("ArrowRight", 93.75), ("ArrowLeft", 90.625), ("ArrowDown", 87.5), ("ArrowUp", 90.625), ("PageDown", 81.25),
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


def place_of(page, bridge, percent):
    """Return where on the histogram a percentage is, from the axis labels drawn."""
    boxes = [
        slider_of(bridge).locator(f'[data-tick="{tick}"]').bounding_box() for tick in (80, 100)
    ]
    left, right = (box["x"] + box["width"] / 2 for box in boxes)
    box = slider_of(bridge).bounding_box()
    return left + (percent - 80) / 20 * (right - left), box["y"] + box["height"] / 2


def test_a_drag_follows_the_mouse_and_ends_at_its_last_place(explorer, page):
    page.mouse.move(*place_of(page, explorer, 90.6))
    page.mouse.down()
    page.mouse.move(*place_of(page, explorer, 75), steps=12)
    page.mouse.move(*place_of(page, explorer, 84), steps=12)
    page.mouse.up()
    expect_threshold(explorer, 84.375)
    page.mouse.move(*place_of(page, explorer, 95), steps=3)
    expect_threshold(explorer, 84.375)


def test_plots_that_were_hidden_fill_their_place_again(explorer, page):
    for display in ("none", "block"):
        explorer.view().evaluate("(node, display) => { node.style.display = display; }", display)
        page.wait_for_timeout(100)
    width = slider_of(explorer).evaluate("(svg) => svg.clientWidth")
    expect(slider_of(explorer)).to_have_attribute("viewBox", f"0 0 {width} 220")


def test_a_click_on_the_curves_moves_the_threshold_too(explorer, page):
    x, _ = place_of(page, explorer, 75)
    histogram = slider_of(explorer).bounding_box()
    curves = explorer.view().get_by_role("img", name="Pairs, groups").bounding_box()
    page.mouse.click(x - histogram["x"] + curves["x"], curves["y"] + 120)
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


def test_linkage_and_method_are_switched_live(show, images):
    pairs, other = families()[0], families("dhash")[0]
    dup.group_duplicates(
        pairs, 90, linkage="complete"
    )  # the first time it is compiled, for longer than a test waits
    bridge = show({"phash": pairs, "dhash": other}, images)
    bridge.view().get_by_test_id("linkage").select_option("complete")
    bridge.settle()
    assert bridge.widget.groups.linkage == "complete"
    bridge.view().get_by_test_id("method").select_option("dhash")
    bridge.settle()
    assert bridge.widget.groups.method == "dhash"
    expect(slider_of(bridge)).to_have_attribute("aria-valuemin", "70.3125")
    expect(bridge.view().locator(".dup-picture img").first).to_be_visible()


def test_a_range_shows_only_what_a_looser_threshold_adds(explorer):
    explorer.view().get_by_test_id("upper").select_option("96.875")
    explorer.settle()
    assert explorer.widget.upper == 96.875
    expect_threshold(explorer, 90.625)
    expected = dup.group_duplicates(explorer.widget.pairs.query("similarity < 96.875"), 90.625)
    assert list(explorer.widget.groups) == list(expected)


def test_a_range_chosen_below_the_threshold_takes_the_threshold_along(explorer):
    explorer.view().get_by_test_id("upper").select_option("90.625")
    expect_threshold(explorer, 87.5)
    assert explorer.widget.upper == 90.625


def test_a_pinned_threshold_is_compared_with(explorer):
    view = explorer.view()
    view.get_by_role("button", name="95", exact=True).click()
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


def test_pictures_of_one_scene_taken_seconds_apart_are_counted_and_left_out(show, pairs, images):
    taken = pd.Timestamp("2024-05-01 12:00") + pd.to_timedelta(
        [3 * k for k in range(len(images))], unit="s"
    )
    bridge = show(pairs, images.assign(taken=taken))
    before = len(bridge.widget.groups.table)
    box = bridge.view().get_by_label("leave out bursts")
    expect(
        bridge.view().get_by_text(f"({bridge.widget.count_burst_pairs()} pairs)")
    ).to_be_visible()
    box.check()
    bridge.settle()
    assert bridge.widget.without_bursts
    assert len(bridge.widget.groups.table) < before
    assert counts_of(bridge)[0] == bridge.widget.sweep.set_index("threshold").pairs[90.625]
    box.uncheck()
    bridge.settle()
    assert len(bridge.widget.groups.table) == before


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
    page, show, pairs, images
):
    page.add_init_script(SLOW_FRAMES)
    explorer = show(pairs, images)
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


def test_names_alone_are_enough(show, pairs):
    bridge = show(pairs)
    expect(bridge.view().locator(".dup-tile").first).to_contain_text("album/beach.jpg")
    expect(bridge.view().locator(".dup-picture")).to_have_count(0)
    expect_threshold(bridge, 90.625)


def test_ten_thousand_groups_scroll_with_a_few_rows_in_the_page(show, page):
    n = 10_000
    names = pd.Index([f"{k // 2:05d}-{k % 2}.jpg" for k in range(2 * n)], dtype=object)
    left = np.arange(0, 2 * n, 2)
    sides = {
        side: pd.Categorical.from_codes(codes, names)
        for side, codes in (("left", left), ("right", left + 1))
    }
    pairs = pd.DataFrame({**sides, "distance": 0, "similarity": 100.0})
    pairs.attrs = {"method": "phash", "floor": 70.0, "n_images": 2 * n}
    bridge = show(pairs)
    gallery = bridge.view().get_by_test_id("gallery")
    for place in (0.5, 1.0, 0.25):
        gallery.evaluate("(node, place) => { node.scrollTop = place * node.scrollHeight; }", place)
        page.wait_for_timeout(50)
        bridge.settle()
        wanted = min(int(place * n), n - 1)
        row = bridge.view().locator(f'.dup-row[data-place="{wanted}"]')
        expect(row).to_contain_text(f"Group {wanted + 1:,}")
        expect(row).to_contain_text(f"{wanted:05d}-1.jpg")
        assert bridge.view().locator(".dup-row").count() <= 12


def test_hostile_names_are_text_shortened_in_the_middle_with_the_whole_in_a_tooltip(show, page):
    bridge = show(dup.similar_pairs(prints_of(HOSTILE, [0] * len(HOSTILE), [0] * len(HOSTILE))))
    bridge.view().locator(".dup-row").first.click()
    cells = bridge.view().locator(".dup-details bdi")
    expect(cells).to_have_count(len(HOSTILE))
    assert {cell.get_attribute("title") for cell in cells.all()} == set(HOSTILE)
    assert all(len(cell.inner_text()) <= 60 for cell in cells.all())
    assert not any("\u202e" in cell.inner_text() for cell in cells.all())
    assert page.evaluate("() => window.pwned") is None
    expect(bridge.view().locator("script, img[src='x']")).to_have_count(0)


def test_a_refused_value_is_explained_in_the_widget_and_taken_back(explorer):
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
    reached = []
    for _ in range(22):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                """() => {
                  const node = document.activeElement;
                  const name = node.getAttribute("aria-label") ?? node.dataset.testid ?? node.textContent;
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
        "search",
        "order",
        "Groups",
    ):
        assert wanted in names
    assert all(
        is_visible for name, is_visible in reached if name in ("95", "pin", "Similarity threshold")
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_both_schemes_and_a_narrow_page_does_not_scroll_sideways(
    show, pairs, images, page, scheme
):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 420, "height": 900})
    bridge = show(pairs, images)
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
  const selectors = [".dup-meaning", ".dup-value", ".dup-field span", ".dup-changes", ".dup-name", ".dup-row-head span", "dt"];
  for (const selector of selectors) {
    const style = getComputedStyle(explorer.querySelector(selector));
    const [text, back] = [luminance(rgb(style.color, ground)), luminance(rgb(ground, ground))];
    ratios[selector] = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
  }
  return ratios;
}
"""

"""The threshold explorer in a real JupyterLab: clicks in the page, values in the kernel."""

import nbformat
import pytest
from nbconvert import HTMLExporter
from PIL import Image
from playwright.sync_api import expect

from labkit import write_notebook

SET_UP = """\
import numpy as np, pandas as pd
import imgdup_nb as dup

names = ["a.jpg", "b.jpg", "c.jpg", "<img src=x onerror=alert(1)>.jpg", "y.jpg"]
bits = np.zeros((5, 64), dtype=bool)
for row, distance in zip(bits, [0, 6, 12, 40, 42]):
    row[:distance] = True
pairs = dup.similar_pairs(dup.Fingerprints.from_bits(names, bits))
paths = [f"{k}.jpg" for k in range(5)]
images = pd.DataFrame({"image": pd.Series(names, dtype=object), "path": paths})
explorer = dup.ThresholdExplorer(pairs, images)
"""


# A cell that goes on until the widget has moved, which it can only do beside the cell.
WAIT_FOR_MOVE = """\
import time
end = time.monotonic() + 20
while explorer.threshold != 81.25 and time.monotonic() < end:
    time.sleep(0.02)
moved_meanwhile = explorer.threshold == 81.25
"""

START = """\
(code) => {
  const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
  kernel.requestExecute({ code, store_history: false });
}
"""


@pytest.fixture
def opened(notebook, tmp_path):
    """A notebook that shows an explorer; its pictures are in the same folder."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for k in range(5):
        Image.new("RGB", (80, 60), (50 * k, 90, 200)).save(pictures / f"{k}.jpg")
    path = write_notebook(
        tmp_path / "explorer.ipynb", f"import os; os.chdir({str(pictures)!r})\n{SET_UP}", "explorer"
    )
    made = notebook(path)
    expect_ready(made)
    return made


def expect_ready(opened):
    expect(opened.page.get_by_test_id("explorer")).to_have_attribute(
        "data-state", "ready", timeout=30_000
    )


def slider_of(opened):
    return opened.page.get_by_role("slider", name="Similarity threshold")


def expect_groups(opened, threshold, sizes):
    """Page and kernel agree."""
    expect(slider_of(opened)).to_have_attribute("aria-valuenow", f"{threshold:g}")
    opened.wait_until(f"explorer.threshold == {threshold}")
    assert opened.evaluate("[len(group) for group in explorer.groups]") == sizes
    expect(opened.page.get_by_test_id("groups")).to_have_text(str(len(sizes)))


def drag_to_the_left_end(opened):
    box = slider_of(opened).bounding_box()
    height = box["y"] + box["height"] / 2
    opened.page.mouse.move(box["x"] + box["width"] * 0.8, height)
    opened.page.mouse.down()
    opened.page.mouse.move(box["x"] + box["width"] - 5, height, steps=6)
    opened.page.mouse.move(box["x"] + 5, height, steps=12)
    opened.page.mouse.up()


def change_theme(page, theme, is_light):
    page.evaluate(
        "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme
    )
    page.wait_for_function(
        "(wanted) => document.body.dataset.jpThemeLight === wanted", arg=str(is_light).lower()
    )


def background_of(page, selector):
    return page.locator(selector).first.evaluate("(node) => getComputedStyle(node).backgroundColor")


def test_mouse_keys_and_buttons_choose_and_the_kernel_knows(opened):
    page = opened.page
    page.get_by_role("button", name="80", exact=True).click()
    expect_groups(opened, 81.25, [3, 2])
    slider_of(opened).focus()
    page.keyboard.press("End")
    expect_groups(opened, 100, [])
    page.keyboard.press("PageDown")
    expect_groups(opened, 90.625, [2, 2])
    drag_to_the_left_end(opened)
    expect(slider_of(opened)).to_have_attribute("aria-valuenow", "71.875")
    opened.wait_until("explorer.threshold == 71.875")
    opened.execute("explorer.threshold = 95")
    expect_groups(opened, 96.875, [2])

    # a name that is code stays text, and its picture comes from the kernel
    page.locator(".dup-row").first.click()
    cells = page.get_by_test_id("details").locator("bdi")
    expect(cells.first).to_have_attribute("title", "<img src=x onerror=alert(1)>.jpg")
    opened.wait_until("len(explorer.selected) == 2")
    expect(page.locator(".dup-picture img").first).to_have_js_property("naturalWidth", 80)

    # a plain key on any control is the widget's: JupyterLab would cut, add and merge cells
    n_cells = page.locator(".jp-Notebook .jp-Cell").count()
    page.get_by_test_id("tools").click()
    page.get_by_test_id("show-map").click()
    stops = ("gallery", "linkage", "search", "pin", "map-canvas", "threshold")
    for stop in stops:
        page.get_by_test_id(stop).focus()
        for key in "xddbmy":
            page.keyboard.press(key)
    expect(page.get_by_test_id("search")).to_have_value("xddbmy")
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(n_cells)

    # the kernel answers the map, too
    title = page.get_by_test_id("map-title")
    expect(title).to_have_text("5 images, 2 in groups", timeout=60_000)  # loops are compiled once
    page.get_by_test_id("map-canvas").press("n")
    tip = page.get_by_test_id("map-tip")
    expect(tip.locator("bdi")).to_have_attribute("title", "<img src=x onerror=alert(1)>.jpg")
    expect(tip.locator("img")).to_have_js_property("naturalWidth", 80)
    assert opened.evaluate("explorer.shows_map")

    # it works while a cell runs
    page.evaluate(START, WAIT_FOR_MOVE)
    page.get_by_role("button", name="80", exact=True).click()
    expect_ready(opened)
    assert opened.evaluate("moved_meanwhile")

    # it looks like the notebook around it, and keeps what it shows while JupyterLab hides
    # everything for a moment
    page.get_by_test_id("search").fill("")
    expect(page.locator(".dup-row").first).to_be_visible()
    for theme, is_light in (("JupyterLab Dark", False), ("JupyterLab Light", True)):
        change_theme(page, theme, is_light)
        ground = background_of(page, ".jp-Notebook")
        expect(page.get_by_test_id("explorer")).to_have_css("background-color", ground)
        expect_ready(opened)
        expect(page.locator(".dup-row").first).to_be_visible()


def test_it_works_after_a_restart_and_a_stored_notebook_shows_its_picture(opened, problems):
    page = opened.page
    page.get_by_role("button", name="80", exact=True).click()
    expect_groups(opened, 81.25, [3, 2])
    page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
    )
    # nothing follows any more: it says so, and keeps numbers and groups of one moment
    expect(page.get_by_test_id("alert").first).to_contain_text("run the cell again")
    page.get_by_role("button", name="95", exact=True).click()
    expect(slider_of(opened)).to_have_attribute("aria-valuenow", "81.25")
    expect(page.get_by_test_id("groups")).to_have_text("2")
    opened.run_all()
    expect_ready(opened)
    expect_groups(opened, 90.625, [2, 2])
    page.get_by_role("button", name="95", exact=True).click()
    expect_groups(opened, 96.875, [2])

    # what is saved for pages without a kernel does not stand beside the live widget
    table, picture = (
        page.locator(".dup-still"),
        page.locator(".jp-OutputArea-output.jp-RenderedImage img"),
    )
    expect(table).to_be_hidden()
    expect(picture).to_be_hidden()

    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    opened._lab.stop_kernels()
    stored = nbformat.read(opened._path, 4)
    html, _resources = HTMLExporter().from_notebook_node(stored)
    assert "dup-still" in html
    assert "data:image/png;base64," in html
    with page.expect_console_message(lambda message: "widget model not found" in message.text):
        # as it was saved: the widget's kernel is gone, and nothing is known of it any more
        opened.open()
    expect(table).to_contain_text("2 groups at 90.625 %")
    expect(picture).to_be_visible()
    expect(picture).not_to_have_js_property("naturalWidth", 0)
    assert picture.evaluate("(image) => image.naturalWidth") > 600
    expect(page.get_by_test_id("explorer")).to_have_count(0)
    problems[:] = [
        line for line in problems if "widget model not found" not in line
    ]  # as JupyterLab says, and rightly

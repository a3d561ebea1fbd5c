"""Whatever can be pressed, chosen or read as a term in the explorer and its page is explained."""

import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

import imgdup_nb as dup
from opened_page import OpenPage

# controls, terms and badges; what stands in a row of its own has names or is a sentence
TERMS = """button, select, summary, dt, thead th, figcaption > span, .dup-check, .dup-field,
.dup-badge, .dup-meaning, .dup-changes, .dup-tile b, .dup-more, .dup-weakest,
.dup-guards span, input"""
UNEXPLAINED = f"""(root) => [...root.querySelectorAll(`{TERMS}`)]
  .filter((node) => node.checkVisibility() && !node.querySelector(":scope > .dup-hidden"))
  .filter((node) => !(node.closest("[title]") ?? node.querySelector("[title]"))?.title)
  .map((node) => `${{node.tagName}} ${{node.textContent || node.ariaLabel || node.type}}`)"""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Return two photographs in three sizes each."""
    folder = tmp_path_factory.mktemp("photos")
    for k in range(2):
        noise = np.random.default_rng(k).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC)
        for side in (320, 200, 100):
            picture.resize((side, side * 3 // 4)).save(folder / f"{k} {side}.png")
    return dup.scan_images(folder)


def pairs_by(images, method="phash"):
    return dup.similar_pairs(dup.fingerprint_images(images, method))


def walk(page, settle):
    """Open one part after the other; after each step list what has no explanation."""
    tool = page.get_by_test_id("explorer")

    def look(where):
        settle()
        root = page.locator("main") if page.locator("main").count() else tool
        assert root.evaluate(UNEXPLAINED) == [], where
        words = root.inner_text()
        for word in ("guard", "weakest link", "no upper limit"):
            assert word not in words.lower()

    look("start")
    page.get_by_test_id("tools").click()
    look("tools")
    page.get_by_test_id("pin").click()
    page.get_by_role("slider", name="Similarity threshold").press("Home")
    look("pinned")
    page.get_by_test_id("show-map").click()
    look("map")
    page.get_by_test_id("show-map").click()
    page.locator(".dup-row .dup-row-head").first.click()
    look("group")
    page.get_by_role("button", name=re.compile("^Why is")).first.click()
    look("why")
    page.get_by_test_id("show-pairs").click()
    look("pairs")
    page.locator(".dup-card").first.click()
    expect(page.get_by_test_id("working")).to_be_hidden()
    look("large pair")


def test_each_term_of_the_explorer_is_explained(show_explorer, page, images):
    bridge = show_explorer(
        {method: pairs_by(images, method) for method in ("phash", "dhash")}, images
    )
    walk(page, bridge.settle)


@pytest.mark.parametrize("with_plan", [False, True])
def test_each_term_of_the_page_is_explained(page, images, tmp_path, with_plan):
    explorer = dup.ThresholdExplorer(pairs_by(images), images)
    plan = dup.choose_keepers(explorer.groups, images) if with_plan else None
    opened = OpenPage(page, explorer, explorer.save_html(tmp_path / "page.html", plan=plan))
    walk(page, opened.settle)

"""What axe-core finds in the widgets: names, roles, values, contrast, in both schemes."""

from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageOps
from playwright.sync_api import expect

import imgdup_nb as dup

# The page around the widget is the test's own: it has no heading and no landmark.
OF_A_WHOLE_PAGE = ("page-has-heading-one", "landmark-one-main", "region")
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {name: {"enabled": False} for name in OF_A_WHOLE_PAGE},
}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for k in range(3):
        picture = Image.radial_gradient("L").resize((200, 150)).rotate(50 * k)
        picture.save(folder / f"{k}.png")
        picture.resize((120, 90)).save(folder / f"{k} small.jpg")
    return dup.scan_images(folder)


@pytest.fixture(scope="module")
def pairs(images):
    return dup.similar_pairs(dup.fingerprint_images(images))


def explorer(pairs, images):
    made = dup.ThresholdExplorer(pairs, images, pinned=95)
    made.select(1)
    return made


def labeler(pairs, images):
    made = dup.PairLabeler(pairs, images)
    made.answer("same")
    return made


def reviewer(pairs, images):
    groups = dup.group_duplicates(pairs, 90)
    plan = dup.choose_keepers(groups, images, compare=False)
    plan["loses"] = ["GPS and date" if action == "remove" else "" for action in plan.action]
    return dup.GroupReviewer(plan)


def viewer(_pairs, images):
    left = Path(images.path[0]).with_name(
        "corners.png"
    )  # what a picture needs to be laid on another one
    corners = Image.fromarray(
        np.random.default_rng(1).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    )
    corners.resize((320, 240), Image.Resampling.NEAREST).save(left)
    right = left.with_name("covered.png")
    ImageOps.expand(Image.open(left).crop((0, 0, 320, 160)), (0, 0, 0, 80)).save(right)
    return dup.PairViewer((left, right))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tool", [explorer, labeler, reviewer, viewer])
def test_axe_finds_nothing_to_mend(mount, page, pairs, images, tool, scheme):
    page.emulate_media(color_scheme=scheme)
    view = mount(tool(pairs, images)).view()
    expect(view.locator("img").first).to_be_visible()
    if tool is explorer:
        view.get_by_test_id("tools").click()
        view.get_by_label("other tools\u2019 defaults").check()
        view.get_by_text("code for this choice").click()
        expect(view.get_by_test_id("code")).to_contain_text("group_duplicates")
        expect(view.get_by_test_id("explorer")).to_have_attribute("data-state", "ready")
    if tool is viewer:
        view.get_by_test_id("blocks").click()
        view.get_by_test_id("wipe").click()
        expect(view.get_by_test_id("slider")).to_be_visible()
        expect(view.get_by_role("region")).to_have_attribute("aria-busy", "false")
    assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_pairs_of_the_explorer(mount, page, pairs, images, scheme):
    page.emulate_media(color_scheme=scheme)
    truth = {name: name[0] for name in images.image}
    view = mount(dup.ThresholdExplorer(pairs, images, truth=truth)).view()
    view.get_by_test_id("show-pairs").click()
    expect(view.locator(".dup-card img").first).to_be_visible()
    expect(view.get_by_test_id("explorer")).to_have_attribute("data-state", "ready")
    assert violations(page) == []
    view.locator(".dup-card").first.click()
    expect(view.get_by_test_id("viewer")).to_have_attribute("aria-busy", "false")
    assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_overview_and_at_the_end(mount, page, pairs, images, scheme):
    page.emulate_media(color_scheme=scheme)
    view = mount(reviewer(pairs, images)).view()
    view.get_by_test_id("overview-toggle").click()
    expect(view.locator(".dup-thumb img").first).to_be_visible()
    assert violations(page) == []
    view.get_by_test_id("accept-page").click()
    expect(view.get_by_test_id("end")).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stays_readable_while_a_pair_is_compared(mount, page, pairs, images, scheme):
    page.emulate_media(color_scheme=scheme, reduced_motion="no-preference")
    made = dup.PairViewer(pairs, images)
    section = mount(made).view().get_by_role("region")
    expect(section).to_have_attribute("aria-busy", "false")
    made.unobserve(made._show, "index")  # as if Python needed long
    section.press("ArrowRight")
    expect(section).to_have_attribute("aria-busy", "true")
    expect(section.locator(".dup-stage").first).to_have_css("opacity", "0.35")
    assert violations(page) == []


def violations(page):
    """Return what axe-core finds, each as its rule and the nodes that break it."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found]

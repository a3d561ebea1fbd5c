"""The page without a kernel, opened from a file: it does what the explorer does in a notebook."""

import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect

import imgdup_nb as dup
from explorer_page import families, prints_of
from opened_page import OpenPage

HOSTILE = "\"><img src=x onerror=alert(1)>&amp;'</script>.jpg"
NOT_UTF8 = "caf\udce9.jpg"


@pytest.fixture
def open_page(page, tmp_path):
    def show(pairs, images=None, plan=None, max_mb=6, **traits):
        explorer = dup.ThresholdExplorer(pairs, images, **traits)
        path = explorer.save_html(tmp_path / "duplicates.html", plan=plan, max_mb=max_mb)
        return OpenPage(page, explorer, path)

    return show


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Three photographs in two sizes each, one of them with a hostile name."""
    folder = tmp_path_factory.mktemp("photos")
    for k, name in enumerate(["a.png", "b.png", "c.png"]):
        noise = np.random.default_rng(k).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC)
        picture.save(folder / name)
        picture.resize((160, 120)).save(folder / name.replace(".png", " small.png"))
    return dup.scan_images(folder)


@pytest.fixture(scope="module")
def pairs(images):
    return dup.similar_pairs(dup.fingerprint_images(images))


def named(name):
    """Two images of one picture; the second has this name."""
    return dup.similar_pairs(prints_of(["a.jpg", name], [0, 0], [0, 0]))


def test_groups_are_those_of_the_explorer_at_every_level_and_linkage(open_page):
    opened = open_page({method: families(method)[0] for method in ("phash", "dhash")})
    for method in ("phash", "dhash"):
        opened.page.get_by_test_id("method").select_option(method)
        opened.explorer.method = method
        for linkage in ("star", "connected", "complete"):
            opened.page.get_by_test_id("linkage").select_option(linkage)
            opened.explorer.linkage = linkage
            opened.press("End")
            for level in opened.explorer.levels[:8]:
                opened.explorer.threshold = level
                table = opened.explorer.groups.table
                pd.testing.assert_frame_equal(opened.groups(), table, check_dtype=False)
                opened.press("ArrowLeft")


def test_the_groups_are_saved_as_the_table_of_python(open_page):
    opened = open_page(families()[0], linkage="connected", threshold=80)
    saved = pd.read_csv(io.BytesIO(opened.saved("Save groups")))
    pd.testing.assert_frame_equal(saved, opened.explorer.groups.table, check_dtype=False)


def test_search_order_range_and_pin_work_in_the_page(open_page):
    opened = open_page(families()[0], threshold=80)
    page = opened.page
    count = page.get_by_test_id("count")
    expect(count).to_have_text("4 groups")
    page.get_by_test_id("search").fill("BEACH")
    expect(count).to_have_text("1 of 4 groups")
    page.get_by_test_id("search").fill("")
    page.get_by_test_id("order").select_option("risk")
    first = page.locator(".dup-row").first
    expect(first).to_contain_text("harbour.jpg")
    page.get_by_test_id("tools").click()
    page.get_by_test_id("pin").click()
    opened.press("End")
    changes = page.get_by_test_id("changes")
    expect(changes).to_contain_text("100\u00a0% → 81.3\u00a0%")
    opened.explorer.pinned, opened.explorer.threshold = 81.25, 100
    for name, number in opened.explorer.changes.items():
        assert (f"{number} {name}" in changes.inner_text()) == bool(number)
    page.get_by_test_id("pin").click()
    page.get_by_test_id("upper").select_option("93.75")
    opened.settle()
    opened.explorer.set_state({"pinned": None, "threshold": 90.625, "upper": 93.75})
    expect(page.get_by_test_id("pairs")).to_have_text(str(opened.explorer.groups.n_pairs))
    assert len(opened.explorer.groups) == 1
    expect(count).to_have_text("1 group")


def test_groups_across_splits_can_be_listed(open_page, page, images, pairs):
    split = ["train", "test", "train", "train", "test", ""]
    open_page(pairs, images.assign(split=split))
    count = page.get_by_test_id("count")
    expect(count).to_have_text("3 groups")
    page.get_by_test_id("across").select_option("split")
    expect(count).to_have_text("1 of 3 groups")


def test_marks_and_labels_of_the_page_are_read_back_by_python(open_page, images, pairs, tmp_path):
    opened = open_page(pairs, images)
    page = opened.page
    page.locator(".dup-row").first.click()
    cards = page.locator(".dup-page-card")
    expect(cards).to_have_count(2)
    cards.nth(1).get_by_role("button", name="Keep", exact=True).click()
    cards.nth(1).get_by_role("button", name="Different").click()
    page.locator(".dup-row").nth(1).click()
    expect(page.get_by_role("heading", name="Group 2: 2 images")).to_be_visible()
    cards.nth(1).get_by_role("button", name="Same picture").click()
    cards.nth(0).get_by_role("button", name="Remove").click()
    expect(page.get_by_test_id("marks")).to_have_text("2 marks, 2 labels")
    (tmp_path / "marks.json").write_bytes(opened.saved("Save marks"))
    (tmp_path / "labels.csv").write_bytes(opened.saved("Save labels"))
    groups = opened.explorer.groups
    kept_by_rule = dup.choose_keepers(groups, images, compare=False)
    plan = dup.choose_keepers(groups, images, keep=tmp_path / "marks.json", compare=False)
    keepers = plan[plan.action == "keep"].groupby("group").image.first()
    assert keepers[1] == groups[1][1] == "a small.png"
    assert keepers[2] == groups[2][1] == "b small.png"
    assert list(kept_by_rule.groupby("group").image.first()[:2]) == ["a.png", "b.png"]
    labels = dup.Labels(tmp_path / "labels.csv").table
    assert labels[["left", "right", "label"]].to_numpy().tolist() == [
        ["a.png", "a small.png", "different"],
        ["b.png", "b small.png", "same"],
    ]
    assert len(dup.apply_labels(pairs, dup.Labels(tmp_path / "labels.csv"))) < len(pairs)


def test_labels_saved_by_the_page_are_evidence_for_a_threshold(open_page, images, pairs, tmp_path):
    opened = open_page(pairs, images)
    cards = opened.page.locator(".dup-page-card")
    for row, said in enumerate(["Different", "Same picture"]):
        opened.page.locator(".dup-row").nth(row).click()
        name = re.compile(rf"Group {row + 1}: 2 images")
        expect(opened.page.get_by_role("heading", name=name)).to_be_visible()
        cards.nth(1).get_by_role("button", name=said).click()
    (tmp_path / "labels.csv").write_bytes(opened.saved("Save labels"))
    counts = dup.score_labels(pairs, dup.Labels(tmp_path / "labels.csv")).iloc[-1]
    assert (counts.asked, counts.same, counts.skipped) == (2, 1, 0)
    labeler = dup.PairLabeler(pairs, images, labels=tmp_path / "labels.csv", min_precision=0.6)
    while labeler.question is not None:
        assert set(labeler.question) not in [{"a.png", "a small.png"}, {"b.png", "b small.png"}]
        labeler.answer("same")
    assert labeler.labels.count("different") == 1
    assert labeler.labels.count("same") == len(pairs) - 1
    truth = dup.score_thresholds(pairs, dup.Labels(tmp_path / "labels.csv").table).iloc[-1]
    judged = labeler.scores.iloc[-1]
    assert judged.counted == judged.pairs == truth.pairs == len(pairs)
    assert judged.precision_low == judged.precision_high == truth.precision
    found = dup.recommend_threshold(pairs, labels=labeler.labels, min_precision=0.6)
    assert found.threshold is not None
    labeler.close()


def test_marks_survive_closing_the_page_and_the_last_image_stays(open_page, images, pairs):
    opened = open_page(pairs, images)
    page = opened.page
    page.locator(".dup-row").first.click()
    remove = page.locator(".dup-page-card").get_by_role("button", name="Remove")
    remove.nth(0).click()
    remove.nth(1).click()
    expect(page.get_by_text("At least one image of a group must stay.")).to_be_visible()
    expect(page.get_by_test_id("marks")).to_have_text("1 mark, 0 labels")
    page.reload()
    expect(page.get_by_test_id("marks")).to_have_text("1 mark, 0 labels")
    page.get_by_role("button", name="Clear").click()
    page.reload()
    expect(page.get_by_test_id("marks")).to_contain_text("Select a group")


@pytest.mark.parametrize("name", [HOSTILE, NOT_UTF8, "=1+1\n.jpg", "\u202egpj.exe"])
def test_a_hostile_name_is_text_and_comes_back_unchanged(open_page, page, tmp_path, name):
    opened = open_page(named(name))
    page.locator(".dup-row").first.click()
    cards = page.locator(".dup-page-card")
    expect(cards).to_have_count(2)
    place = opened.explorer.groups[1].index(name)
    assert page.evaluate("() => document.querySelectorAll('[onerror], img[src=x]').length") == 0
    page.get_by_role("button", name="Different").click()
    cards.nth(place).get_by_role("button", name="Keep", exact=True).click()
    (tmp_path / "labels.csv").write_bytes(opened.saved("Save labels"))
    assert set(dup.Labels(tmp_path / "labels.csv").table.iloc[0][["left", "right"]]) == {
        "a.jpg",
        name,
    }
    assert json.loads(opened.saved("Save marks"))["marks"][0]["image"] == name


def test_pictures_are_shown_small_and_large(open_page, page, images, pairs):
    open_page(pairs, images)
    small = page.locator(".dup-tile img").first
    expect(small).to_be_visible()
    expect(small).to_have_js_property("naturalWidth", 160)
    page.locator(".dup-row").first.click()
    page.get_by_role("button", name="Enlarge a small.png").click()
    both = page.get_by_role("dialog").locator("img")
    expect(both).to_have_count(2)
    expect(both.first).to_have_js_property("naturalWidth", 320)
    frames = page.get_by_role("dialog").locator(".dup-frame")
    whole = [frame.bounding_box() for frame in frames.all()]
    frames.last.dblclick(position={"x": 20, "y": 20})
    for place, frame in enumerate(frames.all()):  # the same part of both, in frames as before
        expect(frame.locator("img")).to_have_css("transform", re.compile(r"^matrix\(2\.5, 0, 0, 2"))
        assert frame.bounding_box() == whole[place]
        inner = frame.locator("img").bounding_box()
        assert inner["x"] <= whole[place]["x"] + 1
        assert inner["x"] - whole[place]["x"] == pytest.approx(
            -1.5 * 20 * whole[place]["width"] / whole[1]["width"], abs=1.5
        )
    page.keyboard.press("-")
    expect(both.first).to_have_css("transform", re.compile(r"^matrix\(2, 0, 0, 2"))
    page.keyboard.press("0")
    expect(both.first).to_have_css("transform", re.compile(r"^matrix\(1, 0, 0, 1, 0, 0"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_pairs_beside_the_threshold_are_looked_at_and_answered_in_the_page(
    open_page, page, images, pairs, tmp_path
):
    opened = open_page(pairs, images)
    page.get_by_test_id("show-pairs").click()
    above = page.locator('[data-part="above"] .dup-card')
    expect(above).to_have_count(opened.explorer.groups.n_pairs)
    expect(page.locator('[data-part="below"]')).to_contain_text("none")
    above.first.press("2")
    expect(above.first).to_contain_text("different")
    above.nth(1).click()
    names = page.get_by_test_id("pair").locator("figcaption bdi")
    expect(names).to_have_count(2)  # also while the plots are folded
    for name in names.all():
        expect(name).to_be_visible()
    page.get_by_test_id("wipe").click()
    expect(page.get_by_test_id("laid")).to_be_visible()
    page.get_by_test_id("difference").click()
    expect(page.get_by_test_id("off")).to_be_visible()
    page.get_by_test_id("answer-same").click()
    page.get_by_test_id("back").click()
    expect(page.get_by_test_id("precision")).to_have_text("1 right, 1 wrong")
    (tmp_path / "labels.csv").write_bytes(opened.saved("Save labels"))
    assert list(dup.Labels(tmp_path / "labels.csv").table.label) == ["different", "same"]


def test_the_plan_is_shown_with_its_reasons(open_page, page, images, pairs):
    plan = dup.choose_keepers(dup.group_duplicates(pairs, 90), images, compare=False)
    plan["loses"] = ["" if action == "keep" else "GPS" for action in plan.action]
    open_page(pairs, images, plan=plan)
    tiles = page.locator(".dup-row").first.locator(".dup-tile")
    expect(tiles.nth(0)).to_have_attribute("data-verdict", "keep")
    expect(tiles.nth(1)).to_have_attribute("data-verdict", "remove")
    page.locator(".dup-row").first.click()
    card = page.locator(".dup-page-card").nth(1)
    expect(card).to_contain_text("✗ remove")
    expect(card).to_contain_text(plan.reason[1])  # of "a small.png"
    expect(card).to_contain_text("loses: GPS")


def test_the_report_of_a_log_shows_its_groups_and_sums_without_a_slider(
    page, images, pairs, tmp_path
):
    groups = dup.group_duplicates(pairs, 90)
    plan = dup.choose_keepers(groups, images, compare=False)
    log = dup.apply_plan(plan, to=tmp_path / "spare")
    record = {"threshold": 90.0, "why": "looked at"}
    path = dup.write_report(tmp_path / "report.html", log, plan=plan, record=record)
    page.goto(path.as_uri())
    expect(page.locator(".dup-row")).to_have_count(3)
    expect(page.get_by_test_id("count")).to_have_text("3 groups")
    expect(page.get_by_role("slider")).to_be_hidden()
    expect(page.locator(".dup-sums")).to_contain_text("would go")
    page.get_by_text("Why this threshold").click()
    expect(page.get_by_text("looked at")).to_be_visible()
    page.locator(".dup-row").nth(1).click()
    expect(page.get_by_role("heading", name="Group 2: 2 images")).to_be_visible()
    removed = page.locator(".dup-page-card").nth(1)
    expect(removed).to_contain_text("would be done")
    expect(removed).to_contain_text("keeps 320 x 240 PNG; this is 160 x 120 PNG")


@pytest.mark.parametrize("n", [0, 1])
def test_a_page_of_no_or_one_image_says_that_there_are_no_duplicates(open_page, page, n):
    prints = dup.Fingerprints.from_bits(["a.jpg"][:n], np.zeros((n, 64), dtype=bool))
    open_page(dup.similar_pairs(prints))
    expect(page.get_by_text("No duplicates at this threshold")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_to_mend_in_the_page(open_page, page, images, pairs, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 844})
    plan = dup.choose_keepers(dup.group_duplicates(pairs, 90), images, compare=False)
    open_page(pairs, images, plan=plan, pinned=95)
    page.locator(".dup-row").first.click()
    page.locator(".dup-page-card").get_by_role("button", name="Keep", exact=True).first.click()
    expect(page.get_by_test_id("marks")).to_have_text("1 mark, 0 labels")
    assert_fits_and_is_clean(page)
    page.get_by_test_id("show-map").click()
    expect(page.get_by_test_id("map-title")).to_have_text("6 images, 6 in groups")
    page.get_by_test_id("map-canvas").press("n")
    expect(page.get_by_test_id("map-tip")).to_be_visible()
    assert_fits_and_is_clean(page)
    page.get_by_test_id("show-pairs").click()
    card = page.locator('[data-part="above"] .dup-card').first
    expect(card.locator("img").first).to_be_visible()
    assert_fits_and_is_clean(page)
    card.click()
    page.get_by_test_id("wipe").click()
    expect(page.get_by_test_id("laid")).to_be_visible()
    assert_fits_and_is_clean(page)


def assert_fits_and_is_clean(page):
    """Nothing is left to do, axe-core finds nothing, and no part is wider than the page."""
    expect(page.get_by_test_id("explorer")).to_have_attribute("data-state", "ready")
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": rules}).response["violations"]
    assert [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found] == []
    overflow = "() => document.documentElement.scrollWidth - window.innerWidth"
    assert page.evaluate(overflow) <= 0


def test_embed_minimal_html_shows_the_groups_without_a_kernel(page, images, pairs):
    explorer = dup.ThresholdExplorer(pairs, images)
    state = explorer._get_embed_state()["state"]
    page.goto("about:blank")
    page.evaluate(
        """async ({ code, text }) => {
          const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
          const tool = (await import(url)).default;
          tool.render({ model: { get: () => text }, el: document.body });
        }""",
        {"code": state["_esm"], "text": state["page"]},
    )
    frame = page.frame_locator("iframe")
    expect(frame.get_by_test_id("count")).to_have_text("3 groups")
    expect(frame.locator(".dup-tile img").first).to_be_visible()


def test_a_hint_is_shown_as_text_and_without_one_there_is_no_room_for_it(open_page, page):
    open_page(families()[0])
    expect(page.get_by_test_id("not-looked-for")).to_be_hidden()
    text = "Not looked for: <b>crops</b>."
    open_page(families()[0], hint=text)
    expect(page.get_by_test_id("not-looked-for")).to_have_text(text)


def test_a_sample_that_was_not_confirmed_before_is_said_in_the_page(page, images, pairs, tmp_path):
    explorer = dup.ThresholdExplorer(pairs, images, threshold=80)
    explorer._count_confirmed = lambda _table: 0  # as if all of them were false
    sample = explorer._sample_found()
    assert len(sample) > 0
    explorer._answer_verify({})
    OpenPage(page, explorer, explorer.save_html(tmp_path / "duplicates.html"))
    words = f"Only 0 of {len(sample)} sampled pairs at {explorer.threshold:g} % are confirmed"
    expect(page.get_by_test_id("not-looked-for")).to_contain_text(words)

"""The explorer in a browser page: pairs beside the threshold, large ones, answers, truth."""

import re

import pytest
from playwright.sync_api import expect

import imgdup_nb as dup
from explorer_page import expect_threshold, families, slider_of
from test_explorer_groups import HOSTILE, prints_of


def show_pairs(bridge):
    bridge.view().get_by_test_id("show-pairs").click()
    bridge.settle()
    return bridge.view().get_by_test_id("pair-pane")


def cards_of(pane, part):
    return pane.locator(f'[data-part="{part}"] .dup-card')


def test_six_pairs_above_and_six_below_the_threshold_are_those_of_python(explorer):
    pane = show_pairs(explorer)
    border = explorer.widget.border(6)
    for part, is_found in (("above", True), ("below", False)):
        rows = border[border.found == is_found]
        expect(cards_of(pane, part)).to_have_count(len(rows))
        for card, row in zip(cards_of(pane, part).all(), rows.itertuples(), strict=True):
            names = {row.left, row.right}
            expect(card).to_have_attribute("title", re.compile(re.escape(row.left)))
            assert set(card.get_attribute("title").split("\n")) == names
            expect(card).to_contain_text(re.compile(rf"{row.similarity:.2f}".rstrip("0")))
    explorer.view().get_by_role("button", name="80", exact=True).click()
    explorer.settle()
    below = explorer.widget.border(6)
    expect(cards_of(pane, "below")).to_have_count(int((~below.found).sum()))


def test_more_pairs_come_on_demand(explorer):
    pane = show_pairs(explorer)
    more = pane.locator('[data-part="above"]').get_by_test_id("more-pairs")
    n_pairs = explorer.widget.groups.n_pairs
    expect(more).to_have_text(f"show {min(12, n_pairs - 6)} more")
    expect(more).to_have_attribute("title", f"6 of {n_pairs} pairs are listed")
    more.click()
    expect(cards_of(pane, "above")).to_have_count(min(18, explorer.widget.groups.n_pairs))


def test_a_click_on_a_bar_lists_its_pairs_and_a_drag_from_it_moves_the_threshold(explorer, page):
    bar = slider_of(explorer).locator(".bar:not(.off)").last  # of the threshold's own level
    bar.click()
    explorer.settle()
    expect_threshold(explorer, 90.625)
    pane = explorer.view().get_by_test_id("pair-pane")
    n_here = int((explorer.widget.pairs.similarity.round(3) == 90.625).sum())
    assert n_here > 0
    expect(cards_of(pane, "list")).to_have_count(n_here)
    box = bar.bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] - 3 * box["width"], box["y"] + 2, steps=5)
    page.mouse.up()
    explorer.wait_until(lambda: explorer.widget.threshold < 90)
    explorer.settle()


def test_a_pair_opens_large_and_keys_answer_it_while_precision_follows(explorer, page):
    pane = show_pairs(explorer)
    precision = pane.get_by_test_id("precision")
    expect(precision).to_contain_text("not known yet")
    cards_of(pane, "above").first.click()
    viewer = pane.get_by_test_id("viewer")
    expect(viewer.get_by_test_id("title")).to_contain_text("Pair 1 of")
    expect(viewer).to_have_attribute("aria-busy", "false")
    expect(viewer.get_by_test_id("left")).to_have_js_property("complete", True)
    for key in ("w", "b", "s"):
        page.keyboard.press(key)
    page.keyboard.press("1")
    expect(viewer.get_by_test_id("title")).to_contain_text("Pair 2 of")
    explorer.wait_until(lambda: explorer.widget.labels.count("same") == 1)
    page.keyboard.press("2")
    explorer.wait_until(lambda: explorer.widget.labels.count("different") == 1)
    expect(precision).to_have_text(
        re.compile(r"precision at 90\.6\s%: 0\.\d\d to [01]\.\d\d .*2 an")
    )
    page.keyboard.press("u")
    explorer.wait_until(lambda: len(explorer.widget.labels) == 1)
    page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)
    expect(cards_of(pane, "above").first).to_contain_text("same")
    explorer.view().get_by_test_id("show-groups").click()
    explorer.settle()
    expect(explorer.view().locator(".dup-row").first).to_be_visible()


def test_a_key_on_a_card_answers_it_too(explorer, page):
    pane = show_pairs(explorer)
    cards_of(pane, "above").first.focus()
    page.keyboard.press("2")
    explorer.wait_until(lambda: explorer.widget.labels.count("different") == 1)
    expect(cards_of(pane, "above").first).to_contain_text("different")


@pytest.fixture
def judged(show_explorer, family_pairs, family_images):
    truth = {name: name[:7] for name in family_images.image}
    truth["album/beach (1).jpg"] = "another picture"
    return show_explorer(family_pairs, family_images, truth=truth)


def test_a_truth_splits_pairs_into_right_wrong_and_missed_and_lists_them(judged):
    view = judged.view()

    def counts():
        names = ("right", "wrong", "unknown", "missed")
        return {name: int(view.get_by_test_id(name).inner_text()) for name in names}

    pairs = judged.widget.pairs
    for threshold, button in ((90.625, "90"), (96.875, "95")):
        view.get_by_role("button", name=button, exact=True).click()
        expect_threshold(judged, threshold)
        near = pairs[pairs.similarity >= threshold]
        wrong = near.left.eq("album/beach (1).jpg") | near.right.eq("album/beach (1).jpg")
        found = counts()
        assert found["wrong"] == wrong.sum() > 0
        assert found["right"] == (~wrong).sum()
        assert found["unknown"] == 0
    assert found["missed"] > 0
    view.get_by_role("button", name="wrong pairs").click()
    judged.settle()
    pane = view.get_by_test_id("pair-pane")
    expect(cards_of(pane, "list")).to_have_count(found["wrong"])
    assert all("(1)" in card.get_attribute("title") for card in cards_of(pane, "list").all())
    pane.get_by_test_id("pair-list").select_option("missed")
    judged.settle()
    expect(cards_of(pane, "missed")).to_have_count(min(6, found["missed"]))


def test_labels_split_the_bars_as_soon_as_they_are_given(explorer):
    view = explorer.view()
    expect(view.locator(".dup-bars .dup-wrong")).to_have_count(0)
    row = explorer.widget.border().iloc[0]
    explorer.widget.label(row.left, row.right, "different")
    expect(view.locator(".dup-bars .dup-wrong").first).to_be_attached()
    expect(view.get_by_test_id("wrong")).to_have_text("1")


def test_hostile_names_of_pairs_stay_text(show_explorer, page):
    prints = prints_of(HOSTILE, [0] * len(HOSTILE), [2 * k for k in range(len(HOSTILE))])
    bridge = show_explorer(dup.similar_pairs(prints))
    pane = show_pairs(bridge)
    expect(pane.locator(".dup-card").first).to_be_visible()
    assert page.evaluate("() => window.pwned") is None
    expect(bridge.view().locator("script, img[src='x']")).to_have_count(0)


def test_without_pictures_a_pair_cannot_be_opened_and_the_page_says_why(show_explorer):
    bridge = show_explorer(families()[0])
    pane = show_pairs(bridge)
    pane.locator(".dup-card").first.click()
    expect(bridge.view().get_by_role("alert").first).to_contain_text("images=scan_images(folder)")

"""The page without a kernel knows truth and labels: its counts and lists are those of Python."""

import json

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect

import imgdup_nb as dup
from explorer_page import families
from opened_page import OpenPage

LISTS = ["right", "wrong", "unknown", "missed"]

PARTS = """\
([of, count]) => {
  const { model } = document.getElementById("page");
  const names = (id) => model.nameOf(id);
  const { parts, precision } = model.pairs.listMessage({ of, count });
  return {
    precision,
    parts: parts.map(([kind, total, rows]) => [
      kind, total, rows.map(([left, right, ...rest]) => [names(left), names(right), ...rest]),
    ]),
  };
}
"""
JUDGED = "() => document.getElementById('page').model.get('scene').judged"


@pytest.fixture
def open_page(page, tmp_path):
    def show(pairs, **options):
        explorer = dup.ThresholdExplorer(pairs, **options)
        return OpenPage(page, explorer, explorer.save_html(tmp_path / "duplicates.html"))

    return show


@pytest.fixture(scope="module")
def pairs():
    return families()[0]


def some_truth(pairs):
    """Some of the pairs, and two more that are below the floor."""
    rows = list(zip(pairs.left, pairs.right, strict=True))
    names = sorted(set(pairs.left) | set(pairs.right))
    listed = {frozenset(row) for row in rows}
    others = [(a, b) for a in names for b in names if a < b and frozenset((a, b)) not in listed]
    return pd.DataFrame([*rows[::2], *others[:2]], columns=["left", "right"])


def python_parts(explorer, of, count=120):
    message = explorer._list_pairs(of, count)
    names = explorer.graph.names
    return [
        [kind, total, [[names[left], names[right], *rest] for left, right, *rest in rows]]
        for kind, total, rows in message["parts"]
    ]


def as_text(row):
    """A row as text; half a hundredth is rounded up in JavaScript, and to even in Python."""
    left, right, similarity, *rest = row
    return json.dumps([left, right, None if similarity is None else f"{similarity:.1f}", *rest])


def assert_same_lists(opened):
    explorer = opened.explorer
    for of in LISTS:
        [[kind, total, rows]] = opened.page.evaluate(PARTS, [of, 120])["parts"]
        [[expected_kind, expected_total, expected]] = python_parts(explorer, of)
        assert (kind, total) == (expected_kind, expected_total), of
        assert sorted(map(as_text, rows)) == sorted(map(as_text, expected)), of


@pytest.mark.parametrize("traits", [{}, {"upper": 93.75, "threshold": 81.25}])
def test_truth_splits_bars_and_lists_as_in_python(open_page, pairs, traits):
    opened = open_page(pairs, truth=some_truth(pairs), **traits)
    judged = opened.explorer.scene["judged"]
    assert judged["all_right"] > 0
    assert sum(judged["wrong"]) > 0
    assert opened.page.evaluate(JUDGED) == judged
    assert_same_lists(opened)
    precision = opened.page.evaluate(PARTS, ["border", 6])["precision"]
    lists = opened.explorer.pair_lists
    assert precision == pytest.approx(
        lists.precision(opened.explorer._pool, opened.explorer.threshold, 0.95)
    )
    opened.page.get_by_role("button", name="missed").click()
    expect(opened.page.locator('[data-part="missed"]')).to_contain_text(
        str(
            judged["all_right"]
            - sum(
                count
                for level, count in zip(opened.explorer.levels, judged["right"], strict=True)
                if level >= opened.explorer.threshold
            )
        )
    )


def test_labels_given_before_are_in_the_page_and_count_with_new_ones(open_page, pairs, tmp_path):
    labels = dup.Labels(tmp_path / "given.csv")
    rows = list(zip(pairs.left, pairs.right, strict=True))
    labels.add(*rows[0], "same")
    labels.add(*rows[-1], "same")
    labels.add(*rows[3], "different")
    opened = open_page(pairs, labels=labels)
    page = opened.page
    assert page.evaluate(JUDGED) == opened.explorer.scene["judged"]
    assert_same_lists(opened)
    expect(page.get_by_test_id("marks")).to_contain_text("3 labels came with this page")
    page.get_by_test_id("show-pairs").click()
    card = page.locator('[data-part="above"] .dup-card[data-verdict="0"]').last
    left, right = (card.get_attribute("title") or "").split("\n")
    card.press("2")
    expect(page.get_by_test_id("marks")).to_have_text("0 marks, 4 labels")
    opened.explorer.label(left, right, "different")
    assert page.evaluate(JUDGED) == opened.explorer.scene["judged"]
    (tmp_path / "saved.csv").write_bytes(opened.saved("Save labels"))
    saved, given = dup.Labels(tmp_path / "saved.csv").table, labels.table
    assert saved[["left", "right", "label", "aim"]].equals(given[["left", "right", "label", "aim"]])
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_test_id("marks")).to_contain_text("3 labels came with this page")


def test_beside_the_threshold_those_pairs_come_first_that_are_nearest_to_it(open_page, pairs):
    opened = open_page(pairs, threshold=87.5)
    above, below = opened.page.evaluate(PARTS, ["border", 6])["parts"]
    graph = opened.explorer.graph
    near = graph.similarity[graph.at_or_above(opened.explorer.threshold)]
    far = graph.similarity[~graph.at_or_above(opened.explorer.threshold)]
    assert [row[2] for row in above[2]] == pytest.approx(np.sort(near)[:6][::-1], abs=0.006)
    assert [row[2] for row in below[2]] == pytest.approx(np.sort(far)[::-1][:6], abs=0.006)


def test_the_page_tells_why_an_image_is_in_its_group(open_page, page):
    bits = np.zeros((3, 64), dtype=bool)
    bits[1, :6] = bits[2, :12] = True
    pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a.jpg", "b.jpg", "c.jpg"], bits))
    open_page(pairs, linkage="connected", threshold=90)
    page.locator(".dup-row").first.click()
    page.get_by_role("button", name="Why is c.jpg in this group?").click()
    why = page.get_by_test_id("why")
    expect(why).to_contain_text("by a chain of 2 pairs; the weakest is 90.63\u00a0% similar")
    expect(why.locator(".dup-knot")).to_have_count(3)
    page.get_by_role("button", name="Close the chain").click()
    expect(why).to_be_hidden()

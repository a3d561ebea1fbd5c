"""The pair labeler in a browser: keys, pictures, states."""

import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

import imgdup_nb as dup
from labkit import write_notebook

HOSTILE = "<img src=x onerror=alert(1)>.png"


def patches(seed):
    """Return a picture of eight by eight grey squares."""
    values = [(k * k * (seed + 3) + 37 * k * seed) % 256 for k in range(64)]
    small = Image.new("L", (8, 8))
    small.putdata(values)
    return small.resize((160, 160), Image.Resampling.NEAREST).convert("RGB")


@pytest.fixture
def labeler(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(6):
        patches(seed).save(folder / f"p{seed}.png")
        patches(seed).resize((120, 120)).save(folder / f"p{seed}-small.jpg")
    patches(0).resize((90, 90)).save(folder / HOSTILE)
    images = dup.scan_images(folder)
    pairs = dup.similar_pairs(dup.fingerprint_images(images))
    made = dup.PairLabeler(pairs, images, labels=tmp_path / "labels.csv")
    yield made
    made.close()


def press(view, key):
    """Press a key with the focus inside the widget, and wait for the next question."""
    section = view.get_by_role("region", name="Label pairs of images")
    before = section.get_attribute("data-question")
    section.press(key)
    expect(section).not_to_have_attribute("data-question", before)


def test_pairs_are_labelled_by_keyboard_and_the_answers_are_kept(mount, labeler, tmp_path):
    bridge = mount(labeler)
    view = bridge.view()
    questions = []
    for key in "sdk":
        questions.append(labeler.question)
        press(view, key)
    assert [
        tuple(row)
        for row in dup.Labels(tmp_path / "labels.csv").table[["left", "right", "label"]].to_numpy()
    ] == [
        (*question, label)
        for question, label in zip(questions, ["same", "different", "skip"], strict=True)
    ]
    expect(view.get_by_test_id("counts")).to_have_text("1 same, 1 different, 1 skipped")
    expect(view.get_by_test_id("status")).to_contain_text("Precision at 90 % is from")


def test_undo_asks_the_same_question_again(mount, labeler):
    view = mount(labeler).view()
    question = labeler.question
    press(view, "s")
    press(view, "u")
    assert labeler.question == question
    assert len(labeler.labels) == 0
    expect(view.get_by_test_id("undo")).to_be_disabled()


def test_a_whole_group_is_answered_with_one_key_and_marked_images_are_different(mount, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for k in range(5):
        patches(1).resize((160 - 8 * k, 160 - 8 * k)).save(folder / f"p{k}.jpg")
    images = dup.scan_images(folder)
    labeler = dup.PairLabeler(dup.similar_pairs(dup.fingerprint_images(images)), images)
    view = mount(labeler).view()
    members = view.get_by_test_id("group").get_by_role("button")
    expect(members).to_have_count(5)
    expect(view.locator(".dup-member img")).to_have_count(5)
    view.get_by_role("button", name="p3.jpg is another picture").click()
    expect(view.get_by_test_id("all-same")).to_contain_text("All but 1 the same")
    press(view, "g")
    said = labeler.labels.table
    assert len(said) == 10
    assert (said.label == "different").sum() == 4
    expect(view.get_by_test_id("group")).to_be_hidden()
    press(view, "u")
    assert len(labeler.labels) == 0
    labeler.close()


def test_the_pictures_of_a_group_stay_small_on_a_narrow_page_and_in_zoom(mount, page, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for k in range(3):
        patches(1).resize((160 - 8 * k, 160 - 8 * k)).save(folder / f"p{k}.jpg")
    images = dup.scan_images(folder)
    labeler = dup.PairLabeler(dup.similar_pairs(dup.fingerprint_images(images)), images)
    page.set_viewport_size({"width": 450, "height": 900})
    view = mount(labeler).view()
    members = view.get_by_test_id("group").get_by_role("button")
    expect(members).to_have_count(3)
    view.get_by_role("region", name="Label pairs of images").press("z")
    expect(view.get_by_test_id("zoom")).to_have_attribute("aria-pressed", "true")
    assert [member.bounding_box()["height"] for member in members.all()] == [84, 84, 84]
    frame = view.locator(".dup-pair .dup-frame").first
    assert frame.bounding_box()["height"] > 84
    labeler.close()


def test_both_pictures_are_shown_and_zoom_asks_for_larger_ones(mount, labeler):
    bridge = mount(labeler)
    view = bridge.view()
    expect(view.locator(".dup-pair .dup-frame img")).to_have_count(2)
    section = view.get_by_role("region", name="Label pairs of images")
    section.press("z")
    expect(view.get_by_test_id("zoom")).to_have_attribute("aria-pressed", "true")
    bridge.wait_until(
        lambda: [m for m in bridge.received if m["data"].get("content", {}).get("side") == 1400]
    )
    expect(view.locator(".dup-pair .dup-frame img")).to_have_count(2)


def test_names_are_shown_as_text(mount, labeler, page):
    view = mount(labeler).view()
    for _ in range(30):
        if labeler.question is None or HOSTILE in labeler.question:
            break
        press(view, "s")
    assert HOSTILE in labeler.question
    expect(view.get_by_test_id("pair")).to_contain_text(HOSTILE)
    assert page.locator("img[src='x']").count() == 0


def test_a_key_pressed_twice_answers_one_question(mount, labeler):
    bridge = mount(labeler)
    view = bridge.view()
    section = view.get_by_role("region", name="Label pairs of images")
    press_twice = """(node) => {
      const press = () => new KeyboardEvent("keydown", { key: "s", bubbles: true });
      for (let k = 0; k < 2; k += 1) node.dispatchEvent(press());
    }"""
    section.evaluate(press_twice)
    bridge.wait_until(lambda: len(labeler.labels) == 1)
    press(view, "d")  # what the page had to say about the first question has come before this
    assert list(labeler.labels.table.label) == ["same", "different"]


def test_when_all_is_answered_the_buttons_rest(mount, labeler):
    while labeler.question is not None:
        labeler.answer("same")
    view = mount(labeler).view()
    expect(view.get_by_role("heading")).to_contain_text("Every pair is answered")
    expect(view.get_by_test_id("same")).to_be_disabled()
    expect(view.get_by_test_id("scores")).to_contain_text(re.compile(r"1\.00 to 1\.00"))


def test_the_threshold_is_chosen_among_the_bands(mount, labeler):
    bridge = mount(labeler)
    bridge.view().get_by_test_id("threshold").select_option("80")
    bridge.wait_until(lambda: labeler.threshold == 80)
    expect(bridge.view().get_by_test_id("status")).to_contain_text("Precision at 80 % is from")


def test_what_goes_wrong_in_python_is_shown(mount, labeler):
    labeler.labels.add = lambda *_, **__: (_ for _ in ()).throw(OSError("the disk is full"))
    view = mount(labeler).view()
    view.get_by_test_id("same").click()
    expect(view.get_by_test_id("alert")).to_have_text("OSError: the disk is full")


def test_a_widget_that_nobody_answers_says_so_until_somebody_does(mount, page, monkeypatch):
    monkeypatch.setattr(dup.PairLabeler, "_answer_hello", lambda *_: None)
    page.clock.install()
    pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a", "b"], np.ones((2, 64), dtype=bool)))
    labeler = dup.PairLabeler(pairs)
    view = mount(labeler).view()
    expect(view.get_by_test_id("lonely")).to_have_count(0)
    page.clock.run_for(9_000)
    expect(view.get_by_test_id("lonely")).to_contain_text("The kernel does not answer")
    labeler.send({"type": "hello"})
    expect(view.get_by_test_id("lonely")).to_have_count(0)


LAB_CELL = """\
import numpy as np, pandas as pd
from PIL import Image
import imgdup_nb as dup
names = [f"{k}.jpg" for k in range(6)]
for name in names:
    Image.new("RGB", (80, 60), (40, 90, 200)).save(name)
bits = np.tri(6, 64, -1, dtype=bool)
pairs = dup.similar_pairs(dup.Fingerprints.from_bits(names, bits))
images = pd.DataFrame({"image": pd.Series(names, dtype=object), "path": names})
labeler = dup.PairLabeler(pairs, images)
labeler
"""


def test_in_jupyterlab_keys_label_pairs_and_do_not_cut_cells(notebook, tmp_path):
    opened = notebook(write_notebook(tmp_path / "label.ipynb", LAB_CELL, "1 + 1"))
    section = opened.page.get_by_role("region", name="Label pairs of images")
    expect(section.locator(".dup-pair .dup-frame img")).to_have_count(2)
    for key in ("s", "d"):
        press(opened.page, key)
    section.press("x")
    opened.wait_until("len(labeler.labels) == 2")
    assert opened.evaluate("sorted(labeler.labels.table.label)") == ["different", "same"]
    expect(opened.cell(1)).to_contain_text("1 + 1")

"""The page as a file: complete, as large as asked for, and forbidden to load or send anything."""

import html
import json
import re

import numpy as np
import pytest
from ipywidgets.embed import embed_minimal_html
from PIL import Image

import imgdup_nb as dup
from made_pairs import pairs_of_five
from page_file import data_of, part

HOSTILE = "</script><script>alert(1)</script><!--"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for k in range(6):
        noise = np.random.default_rng(k // 2).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC)
        picture.save(folder / f"{k}.jpg", quality=90 - k)
    (folder / "5.jpg").unlink()
    return dup.scan_images(folder)


@pytest.fixture
def explorer(images):
    made = dup.ThresholdExplorer(dup.similar_pairs(dup.fingerprint_images(images)), images)
    yield made
    made.close()


def test_the_page_may_run_its_own_script_and_nothing_else(explorer, tmp_path):
    page = explorer.save_html(tmp_path / "x.html").read_text("utf-8")
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    kinds = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert kinds["default-src"] == kinds["base-uri"] == kinds["form-action"] == "'none'"
    assert re.fullmatch(r"'sha256-[\w+/=]{44}'", kinds["script-src"])
    assert re.fullmatch(r"'sha256-[\w+/=]{44}'", kinds["style-src"])
    assert kinds["img-src"] == "blob: data:"
    without_names = page.replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?://", without_names) == []


def test_a_title_and_names_cannot_leave_their_place(tmp_path):
    pairs = pairs_of_five()
    pairs["left"] = pairs.left.astype(object).replace("a.jpg", HOSTILE)
    made = dup.ThresholdExplorer(pairs)
    page = made.save_html(tmp_path / "x.html", title=HOSTILE).read_text("utf-8")
    made.close()
    assert "alert(1)</script>" not in page
    assert page.count("<script") == 3
    assert data_of(page)["title"] == HOSTILE


def test_the_same_explorer_gives_the_same_bytes(explorer, tmp_path):
    one = explorer.save_html(tmp_path / "one.html").read_bytes()
    assert explorer.save_html(tmp_path / "two.html").read_bytes() == one


def test_a_page_is_not_larger_than_asked_for_and_says_beforehand_what_it_lacks(
    explorer, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("TQDM_DISABLE", "1")  # a bar appears where it takes more than a second
    whole = explorer.save_html(tmp_path / "whole.html")
    assert data_of(whole.read_text("utf-8"))["large"].count(None) == 1  # in no group
    assert capsys.readouterr().err == ""
    bare = explorer.save_html(tmp_path / "bare.html", max_mb=0)
    assert part(bare.read_text("utf-8"), "pictures") == ""
    assert "The page will hold about 0 of " in capsys.readouterr().err
    room = bare.stat().st_size / 1e6 + 0.006
    some = explorer.save_html(tmp_path / "some.html", max_mb=room)
    assert bare.stat().st_size < some.stat().st_size <= 1e6 * room
    assert some.stat().st_size < whole.stat().st_size


def test_an_image_that_cannot_be_read_says_so_in_the_page(explorer, images, tmp_path):
    gone = images.assign(path=images.path.str.replace("0.jpg", "gone.jpg"))
    made = dup.ThresholdExplorer(explorer.pairs, gone)
    data = data_of(made.save_html(tmp_path / "x.html").read_text("utf-8"))
    made.close()
    assert list(data["problems"]) == [str(data["names"].index("0.jpg"))]


def test_an_embedded_page_can_do_nothing_but_show_itself_and_save_files(explorer):
    embedded = explorer.embed(max_mb=1, height=500)
    frame = embedded._repr_html_()
    assert 'sandbox="allow-scripts allow-downloads allow-modals"' in frame
    assert html.unescape(re.search('srcdoc="([^"]*)"', frame)[1]) == embedded.page
    assert re.match(r"<page of 0\.\d MB in this output: 2 groups at 90", repr(embedded))


def test_embed_minimal_html_of_ipywidgets_holds_the_page(explorer, tmp_path):
    embed_minimal_html(tmp_path / "x.html", views=[explorer], drop_defaults=True)
    text = (tmp_path / "x.html").read_text("utf-8")
    assert "application/vnd.jupyter.widget-view+json" in text
    [state] = re.findall(r'widget-state\+json">(.*?)</script>', text, re.S)
    model = json.loads(state)["state"][explorer.model_id]
    assert model["state"]["_view_name"] == "AnyView"
    assert "createElement" in model["state"]["_esm"]
    page = model["state"]["page"]
    assert data_of(page)["names"] == list(explorer.graph.names)
    assert len(page) < 2.1e6


def test_marks_that_are_no_marks_are_refused(explorer, images, tmp_path):
    path = tmp_path / "marks.json"
    for text in ("{}", "[]", "no json", '{"format": "imgdup_nb marks", "marks": [{"image": "a"}]}'):
        path.write_text(text)
        with pytest.raises(ValueError, match="not a file of marks"):
            dup.choose_keepers(explorer.groups, images, keep=path, compare=False)


def test_a_plan_without_verdicts_is_refused(explorer, images, tmp_path):
    with pytest.raises(TypeError, match="plan must be a table made by choose_keepers"):
        explorer.save_html(tmp_path / "x.html", plan=images)

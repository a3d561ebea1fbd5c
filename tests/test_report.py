"""The report: complete, one file, and safe whatever a file is called."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from imgdup_nb import apply_plan, choose_keepers, scan_images, undo, write_report

HOSTILE = '"><img src=x onerror=alert(1)>&amp;.png'


@pytest.fixture
def plan(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    ramp = np.add.outer(np.arange(60), np.arange(80)).astype(np.uint8)
    for name, side in (("a.png", 80), (HOSTILE, 60), ("c.jpg", 40)):
        Image.fromarray(ramp).convert("RGB").resize((side, side * 3 // 4)).save(folder / name)
    images = scan_images(folder)
    groups = pd.DataFrame({"group": 1, "image": images.image, "similarity": [97.0, 100.0, 90.6]})
    return choose_keepers(groups, images, compare=False)


@pytest.fixture
def log(plan, tmp_path):
    return apply_plan(plan, to=tmp_path / "spare", dry_run=False)


def pictures_in(page):
    return re.findall(r'<img alt="" loading="lazy" src="data:image/jpeg;base64,[^"]{100,}">', page)


def test_a_page_shows_each_image_where_it_is_now_with_its_reason(plan, log, tmp_path):
    page = write_report(tmp_path / "report.html", log, plan=plan).read_text()
    assert len(pictures_in(page)) == 3
    assert page.count("<figure") == 3
    assert "keeps 80 x 60 PNG; this is 40 x 30 JPEG" in page
    assert page.count("✗ moved") == 2
    assert re.search(
        "<b>3</b><span>files in groups</span>.*<b>1</b><span>stay</span>"
        ".*<b>2</b><span>gone</span>",
        page,
    )


def test_a_page_is_one_file_that_loads_nothing_and_runs_nothing(plan, tmp_path):
    page = write_report(tmp_path / "report.html", plan).read_text()
    assert (
        re.findall(
            r"<script|<link|url\(|@import|https?://|\son\w+=",
            page.replace("onerror=alert(1)&gt;", ""),
        )
        == []
    )


def test_a_hostile_name_is_text_in_the_page(plan, log, tmp_path):
    page = write_report(
        tmp_path / "report.html", log, plan=plan, title=HOSTILE, record={HOSTILE: [HOSTILE]}
    ).read_text()
    assert "<img src=x" not in page
    assert "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&amp;amp;.png" in page


def test_a_plan_alone_makes_a_report_too(plan, tmp_path):
    page = write_report(tmp_path / "report.html", plan).read_text()
    assert "<span>to be removed</span>" in page
    assert len(pictures_in(page)) == 3


def test_a_picture_that_is_gone_is_a_place_without_picture(plan, tmp_path):
    (tmp_path / "photos" / "c.jpg").unlink()
    page = write_report(tmp_path / "report.html", plan).read_text()
    assert page.count('<span class="none">no picture</span>') == 1


def test_json_holds_rows_settings_and_the_decision_record(plan, log, tmp_path):
    record = {
        "threshold": 90.0,
        "precision": np.float64(0.99),
        "interval": (0.97, 1.0),
        "pairs": pd.DataFrame({"left": ["a"]}),
    }
    content = json.loads(
        write_report(tmp_path / "report.json", log, plan=plan, record=record).read_text()
    )
    assert content["decision_record"] == {
        "threshold": 90.0,
        "precision": 0.99,
        "interval": [0.97, 1.0],
        "pairs": [{"left": "a"}],
    }
    assert content["settings"]["action"] == "move"
    assert [row["status"] for row in content["rows"]] == ["kept", "done", "done"]
    assert content["rows"][0]["when"] is None


def test_csv_is_the_table(plan, log, tmp_path):
    back = pd.read_csv(write_report(tmp_path / "report.csv", log, plan=plan), keep_default_na=False)
    assert list(back.image) == list(log.image)
    assert list(back.reason) == list(log.reason)
    assert set(plan) <= set(back)


def test_after_an_undo_everything_stays(plan, log, tmp_path):
    page = write_report(tmp_path / "report.html", undo(log)).read_text()
    assert "<b>3</b><span>stay</span>" in page
    assert "move: restored" in page


def test_an_empty_plan_and_an_unknown_ending(plan, tmp_path):
    assert "<figure" not in write_report(tmp_path / "report.html", plan.iloc[:0]).read_text()
    with pytest.raises(ValueError, match=r"\.csv, \.json, \.html"):
        write_report(tmp_path / "report.pdf", plan)


@pytest.mark.parametrize("ending", ["html", "json", "csv"])
def test_a_name_that_is_no_text_does_not_stop_the_report(plan, tmp_path, ending):
    odd = plan.assign(path=plan.path + "\udce9")
    assert write_report(tmp_path / f"report.{ending}", odd).stat().st_size > 100

"""The report: complete, one file, and safe whatever a file is called."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from imgdup_nb import (
    GroupReviewer,
    apply_plan,
    choose_keepers,
    scan_images,
    undo,
    write_report,
)
from made_pairs import pairs_of_five
from page_file import data_of

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


def html_report(tmp_path, *args, **kwargs):
    page = write_report(tmp_path / "report.html", *args, **kwargs).read_text("utf-8")
    return page, data_of(page)


def numbers_of(data):
    return {name: value for value, name in data["headings"]["numbers"]}


def test_a_page_shows_each_image_where_it_is_now_with_its_reason(plan, log, tmp_path):
    _page, data = html_report(tmp_path, log, plan=plan)
    assert None not in data["small"]
    assert data["problems"] == {}
    assert data["methods"]["plan"]["groups"]["numbers"] == [1]
    told = dict(zip(data["names"], data["plan"], strict=True))
    assert told["c.jpg"]["words"] == "✗ moved"
    assert told["c.jpg"]["reason"] == "keeps 80 x 60 PNG; this is 40 x 30 JPEG"
    assert told["a.png"]["words"] == "✓ keep"
    numbers = numbers_of(data)
    assert [numbers[name] for name in ("files in groups", "stay", "gone")] == ["3", "1", "2"]


def test_losses_and_decisions_of_a_person_stay_visible(plan, tmp_path):
    reviewer = GroupReviewer(plan.assign(loses=["", "GPS", ""]))
    reviewer.decisions = {"2": ["different", 0]}
    _page, data = html_report(tmp_path, reviewer.plan)
    reviewer.close()
    told = dict(zip(data["names"], data["plan"], strict=True))
    assert told[plan.image[1]]["loses"] == "GPS"
    assert told[plan.image[2]]["reason"] == "not a duplicate, says a person"
    assert data["methods"]["plan"]["groups"]["numbers"] == [1, 0]
    assert numbers_of(data)["hold more than their keeper"] == "1"


def test_with_its_pairs_a_report_is_the_explorer_at_the_threshold_of_the_plan(tmp_path):
    pairs = pairs_of_five()
    plan = pd.DataFrame({"group": 1, "image": ["a.jpg"], "action": ["keep"], "reason": ["best"]})
    plan.attrs = {"threshold": 95.0}
    _page, data = html_report(tmp_path, plan, pairs=pairs)
    assert sum(data["methods"]["phash"]["pairs"]["counts"]) == len(pairs)
    assert "groups" not in data["methods"]["phash"]
    assert data["state"]["threshold"] >= 95
    assert data["plan"][data["names"].index("a.jpg")]["reason"] == "best"


def test_a_page_is_one_file_that_loads_nothing(plan, tmp_path):
    page, _data = html_report(tmp_path, plan)
    assert "default-src 'none'" in page
    without_namespace = page.replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"<link rel=\"style|@import|https?://", without_namespace) == []


def test_a_hostile_name_is_data_in_the_page(plan, log, tmp_path):
    record = {HOSTILE: [HOSTILE]}
    page, data = html_report(tmp_path, log, plan=plan, title=HOSTILE, record=record)
    assert "<img src=x" not in page
    assert HOSTILE in data["names"]
    assert data["headings"]["sections"][-1] == ["Why this threshold", {HOSTILE: [HOSTILE]}]


def test_a_plan_alone_makes_a_report_too(plan, tmp_path):
    _page, data = html_report(tmp_path, plan)
    assert numbers_of(data)["to be removed"] == "2"
    assert None not in data["small"]


def test_a_picture_that_is_gone_is_a_place_without_picture(plan, tmp_path):
    (tmp_path / "photos" / "c.jpg").unlink()
    _page, data = html_report(tmp_path, plan)
    assert list(data["problems"]) == [str(data["names"].index("c.jpg"))]


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
    _page, data = html_report(tmp_path, undo(log))
    assert numbers_of(data)["stay"] == "3"
    assert "move: restored" in data["plan"][1]["words"]


def test_an_empty_plan_and_an_unknown_ending(plan, tmp_path):
    _page, data = html_report(tmp_path, plan.iloc[:0])
    assert data["names"] == data["plan"] == []
    with pytest.raises(ValueError, match=r"\.csv, \.json, \.html"):
        write_report(tmp_path / "report.pdf", plan)


@pytest.mark.parametrize("ending", ["html", "json", "csv"])
def test_a_name_that_is_no_text_does_not_stop_the_report(plan, tmp_path, ending):
    odd = plan.assign(path=plan.path + "\udce9")
    assert write_report(tmp_path / f"report.{ending}", odd).stat().st_size > 100

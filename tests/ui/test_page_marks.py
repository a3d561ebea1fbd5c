"""Marks and answers of the page without a kernel, apart from the page: what is kept and saved."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

import imgdup_nb

ASSETS = Path(imgdup_nb.__file__).parent / "widgets/assets"
ADDRESS = "http://marks.localhost/"
NAMES = ["a.jpg", 'b,"b".jpg', "c\nc.jpg"]
GIVEN = [[0, 1, "same", "2026-01-01T00:00:00+00:00", "90"]]
OPEN = "(given) => { globalThis.marks = new Marks('key', given, () => {}); }"
LABELS = "(names) => marks.toLabels(names)"
STATE = {"method": "phash", "threshold": 90.625, "linkage": "star"}
SECOND = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"


@pytest.fixture
def ask(page):
    """Load the marks into a bare page that may keep things, and return a function that asks."""
    page.route(ADDRESS, lambda route: route.fulfill(content_type="text/html", body="<body>"))

    def open_marks(given=GIVEN):
        page.goto(ADDRESS)
        for part in ("dom.js", "page_marks.js"):
            page.add_script_tag(content=(ASSETS / part).read_text(encoding="utf-8"))
        page.evaluate(OPEN, given)

    open_marks()
    page.evaluate("() => localStorage.clear()")
    open_marks()
    page.open_marks = open_marks
    return page.evaluate


def labels(ask):
    """Return the saved labels, one list of left, right and answer each."""
    rows = list(csv.reader(io.StringIO(ask(LABELS, NAMES))))
    assert rows[0] == ["left", "right", "label", "when", "aim"]
    for row in rows[1:]:
        assert re.fullmatch(SECOND, row[3])
    return [row[:3] for row in rows[1:]]


def test_the_last_answer_is_the_last_line_and_is_the_one_taken_back(ask):
    ask("() => { marks.setLabel(1, 2, 'same'); marks.setLabel(0, 2, 'different'); }")
    ask("() => marks.setLabel(2, 1, 'skip')")  # the other way round it is the same pair
    given = [NAMES[0], NAMES[1], "same"]
    later = [[NAMES[0], NAMES[2], "different"], [NAMES[2], NAMES[1], "skip"]]
    assert labels(ask) == [given, *later]
    ask("() => marks.undoLabel()")
    assert labels(ask) == [given, later[0]]


def test_the_same_mark_or_answer_again_takes_it_back(ask):
    for _ in range(2):
        ask("() => { marks.mark(2, 'remove'); marks.label(1, 2, 'same'); }")
    assert ask("() => [marks.verdict(2), marks.answer(1, 2), marks.isEmpty]") == [None, None, True]
    ask("() => { marks.mark(2, 'remove'); marks.mark(2, 'keep'); }")
    assert ask("() => marks.verdict(2)") == "keep"


def test_clear_brings_back_the_answers_that_came_with_the_page(ask):
    ask("() => { marks.mark(0, 'keep'); marks.setLabel(0, 1, 'different'); }")
    assert ask("() => marks.isEmpty") is False
    ask("() => marks.clear()")
    assert labels(ask) == [[NAMES[0], NAMES[1], "same"]]
    assert ask("() => [marks.isEmpty, localStorage.length]") == [True, 0]


def test_marks_and_answers_are_kept_until_the_page_is_opened_again(ask, page):
    ask("() => { marks.mark(1, 'keep'); marks.setLabel(1, 2, 'different'); }")
    page.open_marks()
    assert ask("() => [marks.verdict(1), marks.answer(2, 1)]") == ["keep", "different"]
    assert labels(ask)[0] == [NAMES[0], NAMES[1], "same"]


def test_the_file_of_marks_says_which_groups_they_are_about(ask):
    ask("() => marks.mark(2, 'remove')")
    saved = json.loads(ask("([names, state]) => marks.toJson(names, state)", [NAMES, STATE]))
    (mark,) = saved.pop("marks")
    assert saved == {"format": "imgdup_nb marks", "version": 1, **STATE}
    assert re.fullmatch(SECOND, mark.pop("when"))
    assert mark == {"image": NAMES[2], "mark": "remove"}

"""Every lesson has the same parts, and the solutions pass the checks of its exercises."""

import re
from itertools import pairwise

import nbformat
import pytest

from imgdup_nb.lab import check_answer, digest_answer
from regenerate_notebooks import NOTEBOOKS

LESSONS = sorted(NOTEBOOKS.glob("0*.ipynb"))
QUIZ = re.compile(
    r"^<details><summary>(\d)\. [^\n]+\?</summary>\n\n[^<]+\n\n</details>$", re.MULTILINE
)

# The words of the glossary that each lesson explains; it links each where it uses it first.
WORDS = {
    "01": "digest bit hash similarity threshold fingerprint method",
    "02": "detail fingerprint hash method pair similarity floor distance group original threshold "
    "redundant linkage orientation",
    "03": "unrelated level truth false-pair price interval confidence linkage",
    "04": "truth local-feature false-pair unrelated",
    "05": "local-feature registration overlap block residual burst",
    "06": "precision recall interval confidence truth label random-order requirement calibration "
    "reach digest",
    "07": "original holdings keeper plan log journal digest",
    "08": "index tag leak interval linkage",
    "09": "search-context",
}
TO_GLOSSARY = re.compile(r"\[([^\]]+)\]\(\.\./docs/glossary\.md#([\w-]+)\)")
GLOSSARY = NOTEBOOKS.parent / "docs" / "glossary.md"

every_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def cells(path):
    return nbformat.read(path, as_version=4).cells


def prose(path):
    return "\n\n".join(cell.source for cell in cells(path) if cell.cell_type == "markdown")


def checks(path):
    """Return the cells that check an answer."""
    return [
        cell for cell in cells(path) if cell.cell_type == "code" and "check_answer(" in cell.source
    ]


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


def digests(path):
    asked = r'check_answer\(\s*answer,\s*"([0-9a-f]{8})"'
    return [digest for cell in checks(path) for digest in re.findall(asked, cell.source)]


def test_there_are_nine_lessons():
    assert [path.name[:2] for path in LESSONS] == [f"{number:02}" for number in range(1, 10)]


@every_lesson
def test_a_lesson_begins_with_its_question_and_a_head(path):
    first = cells(path)[0].source
    assert re.match(r"# [^\n]+\?\n", first)
    for row in ("You need", "You will be able to", "Time"):
        assert re.search(rf"^\| {row} \| .+ \|$", first, re.MULTILINE), row


@every_lesson
def test_a_lesson_links_to_its_solutions_and_to_the_next_lesson(path):
    last = prose(path)
    assert f"](solutions/{path.name})" in last
    following = [*LESSONS, NOTEBOOKS / "my_pictures.ipynb"][LESSONS.index(path) + 1]
    if path != LESSONS[-1]:
        assert re.search(rf"^\*\*Next:\*\* \[.+\]\({following.name}\)$", last, re.MULTILINE)


@every_lesson
def test_a_lesson_says_what_it_taught_and_asks_five_questions(path):
    text = prose(path)
    assert re.search(r"^## In short\n\n1\. ", text, re.MULTILINE)
    assert QUIZ.findall(text) == ["1", "2", "3", "4", "5"]
    assert text.count("<details") == 5


@every_lesson
def test_each_exercise_has_an_empty_answer_and_a_check_that_runs(path):
    assert len(checks(path)) >= 2
    everything = cells(path)
    for cell in checks(path):
        assert printed(cell).startswith("not yet: ")
        before = everything[everything.index(cell) - 1]
        assert before.source == "answer = None  # your answer"


@every_lesson
def test_the_solutions_pass_the_checks_of_the_lesson(path):
    solutions = path.parent / "solutions" / path.name
    assert digests(solutions) == digests(path)
    assert len(digests(path)) == len(checks(path)) == len(checks(solutions))
    for cell in checks(solutions):
        assert printed(cell).splitlines()[-1] == "right"


@every_lesson
def test_every_prediction_stands_before_a_cell_that_shows_the_answer(path):
    everything = cells(path)
    for cell, following in pairwise(everything):
        if cell.cell_type == "markdown" and "*Predict:*" in cell.source:
            assert following.cell_type == "code"


@every_lesson
def test_a_lesson_links_its_words_to_the_glossary_where_it_uses_them_first(path):
    text = "\n\n".join(
        cell.source for cell in cells(path)[1:] if cell.cell_type == "markdown"
    ).split("## In short")[0]
    links = list(TO_GLOSSARY.finditer(prose(path)))
    assert {link[2] for link in links} == set(WORDS[path.name[:2]].split())
    defined = re.findall(r'<a id="([\w-]+)">', GLOSSARY.read_text("utf-8"))
    assert {link[2] for link in links} <= set(defined)
    for link in TO_GLOSSARY.finditer(text):
        before = re.sub(r"`[^`]*`|^##.*$", "", text[: link.start()], flags=re.MULTILINE)
        word = re.escape(link[1].strip("`"))
        assert not re.search(rf"\b{word}\b", before, re.IGNORECASE), f"{link[1]} is used before"


@pytest.mark.parametrize(
    ("answer", "same"),
    [
        (8.5, 8.4999),
        (3, 3.0),
        (0, -0.0),
        (True, True),
        ("JPEG 10", " jpeg 10 "),
        (["b", "a"], ("a", "b")),
    ],
)
def test_answers_that_mean_the_same_have_one_digest(answer, same):
    assert digest_answer(answer, 1) == digest_answer(same, 1)


@pytest.mark.parametrize(
    ("answer", "other"), [(8.5, 8.6), (3, "4"), (["a"], ["a", "b"]), (True, False), (None, 0)]
)
def test_answers_that_differ_have_different_digests(answer, other):
    assert digest_answer(answer, 1) != digest_answer(other, 1)


@pytest.mark.parametrize("answer", [None, 7, "eight", [], float("nan")])
def test_a_wrong_answer_gets_the_hint(answer, capsys):
    check_answer(answer, digest_answer(8), "count again")
    assert capsys.readouterr().out == "not yet: count again\n"


def test_the_right_answer_is_right(capsys):
    check_answer(8.04, digest_answer(8.0, 1), decimals=1)
    assert capsys.readouterr().out == "right\n"
    check_answer(None, digest_answer(None))
    assert capsys.readouterr().out.startswith("not yet: ")

"""The pages in docs/ name what there is: rooms, tests, decisions, words."""

import re
from pathlib import Path

import pytest

from test_layers import LAYERS

PROJECT = Path(__file__).parent.parent
DOCS = PROJECT / "docs"
PAGES = [PROJECT / "README.md", *sorted(DOCS.glob("*.md"))]
ARCHITECTURE = (DOCS / "architecture.md").read_text(encoding="utf-8")
DECISIONS = re.findall(r"^- \*\*(D\d+) ", ARCHITECTURE, flags=re.MULTILINE)


def read(path):
    return path.read_text(encoding="utf-8")


def test_the_picture_shows_the_rooms_and_the_direction_of_imports():
    [picture] = re.findall(r"```mermaid\n(.*?)```", ARCHITECTURE, flags=re.DOTALL)
    boxes = dict(re.findall(r'(\w)\["([^<"]*)<br/>', picture))
    [arrows] = re.findall(r"^ *(\w(?: --> \w)+)$", picture, flags=re.MULTILINE)
    assert [set(boxes[box].split(" · ")) for box in arrows.split(" --> ")] == LAYERS


def test_the_architecture_is_read_in_some_minutes():
    assert len(re.findall(r"[A-Za-z][\w'-]*", ARCHITECTURE)) < 1700


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_test_that_a_page_names_exists(path):
    for file, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", read(path)):
        assert (PROJECT / file).exists(), file
        assert not name or f"def {name}(" in read(PROJECT / file), f"{file}::{name}"


def test_every_decision_has_one_id_and_those_in_the_code_are_on_the_page():
    assert sorted(DECISIONS, key=lambda name: int(name[1:])) == [
        f"D{number}" for number in range(1, len(DECISIONS) + 1)
    ]
    sources = [*PROJECT.glob("imgdup_nb_*.py"), *(PROJECT / "imgdup_nb").rglob("*.py")]
    named = {name for path in sources for name in re.findall(r"\((D\d+)\)", read(path))}
    assert named <= set(DECISIONS)
    assert len(named) >= 5


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_to_a_page_and_a_place_on_it(path):
    for target in re.findall(r"\]\((?!http)([^)]+)\)", read(path)):
        file, _, place = target.partition("#")
        page = path.parent / file if file else path
        assert page.exists(), target
        if place:
            headings = re.findall(r"^#+ (.*)$", read(page), flags=re.MULTILINE)
            places = {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}
            assert place in places | set(re.findall(r'<a id="([\w-]+)">', read(page))), target


def test_the_glossary_defines_each_word_once():
    words = re.findall(
        r'^<a id="([\w-]+)"></a>\*\*', read(DOCS / "glossary.md"), flags=re.MULTILINE
    )
    assert len(words) == len(set(words)) > 40

"""One name, one meaning: a name at the top of two modules is the same thing in both."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

import imgdup_nb

PACKAGE = Path(imgdup_nb.__file__).parent

# names that two modules define, and why they mean the same
SAME = {
    "__all__": "what a module exports",
    "_": "a function that `functools.singledispatch` registers by its type",
    "RECIPE": "the number of the recipe that made the bytes of a fingerprint",
    "compare": "the question of `Collection.compare`: asked by a client, answered by the index",
    "find_by_tags": "the question of `Collection.find_by_tags`, likewise",
    "find_duplicates": "all steps from pictures to groups: of a user, and of a client",
    "find_similar": "the question of `Collection.find_similar`, likewise",
}


def names_at_the_top(text: str) -> set[str]:
    """Return the functions, classes and values that a module defines, without its imports."""
    found = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [part for target in targets for part in ast.walk(target)]
            found |= {
                part.id
                for part in names
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            }
    return found


def modules_by_name() -> dict[str, list[str]]:
    modules = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in names_at_the_top(path.read_text(encoding="utf-8")):
            modules[name].append(path.relative_to(PACKAGE).as_posix())
    return modules


def test_a_name_of_two_modules_is_one_thing():
    doubled = {name: where for name, where in modules_by_name().items() if len(where) > 1}
    assert {name: where for name, where in doubled.items() if name not in SAME} == {}


def test_no_reason_is_left_of_a_name_that_is_gone():
    modules = modules_by_name()
    assert [name for name in SAME if len(modules.get(name, [])) < 2] == []


def test_names_are_read_as_python_defines_them():
    text = (
        "import a\nfrom b import c\nD, e = [k for k in a]\nf: int = 3\na.k[0] = 1\n"
        "def g(): h = 4\nclass I: j = 5\n"
    )
    assert names_at_the_top(text) == {"D", "e", "f", "g", "I"}


MAPPED = ["aligned", "datasets", "engine", "evidence", "review", "server"]


@pytest.mark.parametrize("folder", MAPPED)
def test_the_docstring_of_a_folder_names_each_of_its_files(folder):
    text = (PACKAGE / folder / "__init__.py").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", ast.get_docstring(ast.parse(text)) or ""))
    files = {path.stem for path in (PACKAGE / folder).glob("*.py")} - {"__init__"}
    assert files - words == set()

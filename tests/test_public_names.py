"""What `import imgdup_nb as dup` offers: names, exceptions, types, answers to slips."""

import builtins
import doctest
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest

import imgdup_nb as dup
from made_pairs import pairs_of_five

ROOT = Path(__file__).parents[1]
EXCEPTIONS = [
    name
    for name in dup.__all__
    if inspect.isclass(getattr(dup, name)) and issubclass(getattr(dup, name), Exception)
]
PAGE = (ROOT / "docs/exceptions.md").read_text(encoding="utf-8")


def test_completion_offers_the_public_names_and_nothing_else():
    assert dir(dup) == sorted(dup.__all__)
    assert [name for name in dup.__all__ if inspect.ismodule(getattr(dup, name))] == []


def test_every_name_is_imported_when_it_is_used_and_can_be_pickled():
    code = (
        "import imgdup_nb as dup, pickle, sys\n"
        "from imgdup_nb import METHODS\n"
        "assert METHODS['phash'].made_with() and 'sqlite3' not in sys.modules\n"
        "kinds = [dup.Collection, dup.scan_images, dup.UnknownImage, dup.ThresholdExplorer]\n"
        "assert pickle.loads(pickle.dumps(kinds)) == kinds\n"
        "from imgdup_nb import *\n"
        "print(all(globals()[name] is getattr(dup, name) for name in dup.__all__))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]
    with pytest.raises(AttributeError, match="no_such_name"):
        dup.no_such_name  # noqa: B018


def test_every_exception_that_a_public_docstring_names_is_public():
    documented = {"UnreadableImage", "UnknownImage", "DamagedIndex", "Stopped"}
    for name in dup.__all__:
        things = [getattr(dup, name)]
        things += vars(things[0]).values() if inspect.isclass(things[0]) else []
        for thing in things:
            raises = re.search(r"Raises\n-{4,}\n(.*?)(\n\n|\Z)", inspect.getdoc(thing) or "", re.S)
            documented |= set(re.findall(r"^(\w+)$", raises[1], re.M)) if raises else set()
    assert documented - set(dir(builtins)) <= set(EXCEPTIONS)


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_every_public_exception_has_a_row_on_the_page_with_its_builtin_kind(name):
    kind = getattr(dup, name).__base__.__name__
    assert f"| `{name}` | `{kind}` |" in PAGE


def test_the_example_of_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cat.jpg").write_bytes(b"no picture")
    (tmp_path / "dog.jpg").write_bytes(b"no picture")
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    exec(example, {})
    assert capsys.readouterr().out.startswith("One of the files is not a picture: ")


def test_types_are_shipped():
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert (Path(dup.__file__).parent / "py.typed").exists()
    assert "imgdup_nb" in wheel["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]


PLAN = pd.DataFrame(
    {
        "group": 1, "image": ["a.png", "b.jpg"], "action": ["keep", "remove"], "reason": "",
        "flag": "",
        "keeper": ["", "a.png"], "similarity": [100.0, 96.9], "protected": False, "bytes": 10,
        "path": ["a.png", "b.jpg"], "sha256": ["1", "2"],
    }
)  # fmt: skip
SLIPS = [
    (lambda: dup.ThresholdExplorer(pairs_of_five(), threshhold=95), "'threshhold'", "'threshold'"),
    (lambda: dup.ThresholdExplorer(pairs_of_five(), image=None), "'image'", "'images'"),
    (lambda: dup.ThresholdExplorer(pairs_of_five(), scene={}), "'scene'", "it takes pairs, images"),
    (lambda: dup.GroupReviewer(PLAN, saveto="x.json"), "'saveto'", "'save_to'"),
    (lambda: dup.GroupReviewer(PLAN, label=None), "'label'", "'labels'"),
    (lambda: dup.PairLabeler(pairs_of_five(), confidense=0.9), "'confidense'", ""),
    (lambda: dup.PairViewer(pairs_of_five(), None, inde=1), "'inde'", ""),
]


@pytest.mark.parametrize(("call", "slip", "right"), SLIPS)
def test_a_mistyped_keyword_of_a_widget_is_refused_with_the_nearest_right_one(call, slip, right):
    with pytest.raises(TypeError, match=slip) as caught:
        call()
    assert right in str(caught.value)


def test_a_widget_takes_the_layout_of_ipywidgets():
    explorer = dup.ThresholdExplorer(pairs_of_five(), layout={"width": "500px"})
    assert explorer.layout.width == "500px"
    explorer.close()


PASSED_ON = ["Collection.find_duplicates", "Grouping.to_csv"]


def test_no_other_public_function_or_method_takes_any_keyword_at_all():
    def takes_any(thing):
        return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(thing).parameters.values())

    functions = [name for name in dup.__all__ if callable(getattr(dup, name))]
    found = [name for name in functions if name not in EXCEPTIONS and takes_any(getattr(dup, name))]
    for name in dup.__all__:
        methods = vars(getattr(dup, name)) if inspect.isclass(getattr(dup, name)) else {}
        found += [
            f"{name}.{method}"
            for method, thing in methods.items()
            if inspect.isfunction(thing) and method[0] != "_" and takes_any(thing)
        ]
    assert set(found) <= {"GroupReviewer", "ThresholdExplorer", *PASSED_ON}


@pytest.mark.parametrize("method", PASSED_ON)
def test_a_keyword_that_is_passed_on_is_refused_there(method, tmp_path):
    groups = dup.group_duplicates(pairs_of_five())
    with dup.Collection(tmp_path) as photos:
        takers = {"Collection": photos, "Grouping": groups}
        owner, name = method.split(".")
        arguments = [tmp_path / "groups.csv"] if name == "to_csv" else []
        with pytest.raises(TypeError, match="treshold"):
            getattr(takers[owner], name)(*arguments, treshold=95)


@pytest.mark.parametrize("name", sorted(set(dup.__all__) - {"METHODS"}))
def test_the_example_of_a_public_name_runs_when_pasted(name):
    """Nothing is known but `dup`; what else an example needs, it imports itself."""
    text = inspect.getdoc(getattr(dup, name))
    example = doctest.DocTestParser().get_doctest(text, {"dup": dup}, name, None, 0)
    assert example.examples, f"{name} has no example"
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    said = []
    doctest.DocTestRunner(optionflags=options).run(example, out=said.append)
    assert "".join(said) == ""

"""A journal that is damaged, or made by somebody else, does no harm."""

import contextlib
import copy
import json
import os
import shutil
import tempfile
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgdup_nb import read_log, resume, undo
from tests.conftest import PlannedPhotos

FUNCTIONS = [undo, resume, read_log]


def lines_of(journal):
    return [json.loads(line) for line in Path(journal).read_bytes().splitlines()]


def write_lines(journal, lines):
    Path(journal).write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def journal(planned):
    """Return the journal of a run that moved four files."""
    return planned.apply().attrs["journal"]


def change_begun(journal, **changes):
    """Change what the journal says of the first act."""
    lines = lines_of(journal)
    begun = next(line for line in lines if line.get("event") == "begun")
    begun.update(changes)
    write_lines(journal, lines)


@pytest.mark.parametrize("role", ["part", "link", "back"])
@pytest.mark.parametrize(
    "name",
    [
        "diary.txt",
        "photos/1/kept.jpg",
        "photos/1/.imgdup-x.part",
        "elsewhere/.imgdup-0123456789abcdef0123456789abcdef.part",
        "spare/../elsewhere/.imgdup-0123456789abcdef0123456789abcdef.part",
    ],
)
def test_no_file_is_removed_because_a_journal_calls_it_unfinished(
    planned, journal, tmp_path, role, name
):
    victim = tmp_path / name
    victim.parent.mkdir(exist_ok=True)
    victim.write_text("dear diary")
    before = planned.look() | planned.look_spare()
    change_begun(journal, **{role: str(victim)})
    for function in FUNCTIONS:
        with pytest.raises(ValueError, match="not one of ours"):
            function(journal)
    assert victim.read_text() == "dear diary"
    assert planned.look() | planned.look_spare() == before


def test_our_own_unfinished_files_are_removed(planned, journal):
    name = ".imgdup-0123456789abcdef0123456789abcdef.part"
    planned.path(f"1/{name}").write_bytes(b"half")
    change_begun(journal, part=str(planned.path(f"1/{name}")))
    undo(journal)
    assert f"1/{name}" not in planned.look()


def test_a_journal_sets_permissions_only(planned, journal):
    change_begun(journal, mode=0o107777)
    undo(journal)
    assert planned.path("1/twin.jpg").stat().st_mode & 0o7777 == 0o777


def test_only_empty_folders_that_a_target_lay_in_are_removed(planned, journal):
    (planned.to / "empty").mkdir()
    (planned.folder / "empty").mkdir()
    lines = lines_of(journal)
    write_lines(journal, [*lines, {"folder": str(planned.to / "empty")}])
    undo(journal)
    assert (planned.to / "empty").is_dir()
    assert not (planned.to / "1").exists()
    write_lines(journal, [*lines, {"folder": str(planned.folder / "empty")}])
    with pytest.raises(ValueError, match="folder outside of its target folder"):
        undo(journal)
    assert (planned.folder / "empty").is_dir()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": "/etc/passwd"}, "target of row 1"),
        ({"target": "spare/../../x"}, "target of row 1"),
        ({"keeper": "/etc/passwd"}, "another keeper"),
        ({"mode": "rwx"}, "wrong 'mode'"),
        ({"modified": 10**30}, "wrong 'modified'"),
        ({"accessed": None}, "wrong 'accessed'"),
        ({"row": 99}, "a row that is not there"),
        ({"row": [1]}, "a row that is not there"),
        ({"event": "burnt"}, "unknown event"),
        ({"when": "yesterday"}, "wrong 'when'"),
    ],
)
def test_a_line_that_no_run_would_write_is_an_error_that_says_so(planned, journal, changes, words):
    change_begun(journal, **changes)
    before = planned.look()
    for function in FUNCTIONS:
        with pytest.raises(ValueError, match=words):
            function(journal)
    assert planned.look() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("source", None),
        ("source", "photos/a.jpg"),
        ("source", "/a\0b"),
        ("sha256", "?"),
        ("bytes", -1),
        ("acts", 1),
        ("by", "burn"),
        ("keepers", [["a.jpg"]]),
        ("of", 99),
        ("by", "delete"),
        ("needs", [5]),
    ],
)
def test_a_wrong_row_of_the_plan_is_an_error_that_says_so(journal, field, value):
    header, *others = lines_of(journal)
    header["rows"][1] |= {"keepers": []} | {field: value}
    write_lines(journal, [header, *others])
    for function in FUNCTIONS:
        with pytest.raises(ValueError, match=r"damaged journal.*row 1"):
            function(journal)


@pytest.mark.parametrize("field", ["action", "to", "rows"])
def test_a_first_line_that_lacks_something_is_an_error_that_says_so(journal, field):
    header, *others = lines_of(journal)
    del header[field]
    write_lines(journal, [header, *others])
    for function in FUNCTIONS:
        with pytest.raises(ValueError, match="damaged journal"):
            function(journal)


def test_a_journal_of_a_later_version_is_refused(journal):
    header, *others = lines_of(journal)
    write_lines(journal, [header | {"journal": 3}, *others])
    with pytest.raises(ValueError, match="is not a journal"):
        undo(journal)


# -- mutations -------------------------------------------------------------------------------------

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10) | st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["delete", "move", "repoint", "write", "begun", "undoing", "restored", ""]),
    st.sampled_from(
        ["/HOME", "/HOME/photos", "/HOME/diary.txt", "/HOME/spare", "../..", "/", "\0"]
    ),
    st.sampled_from([[], {}, [[]], [0], [["/HOME/diary.txt", ""]]]),
)


@pytest.fixture(scope="module")
def sample():
    """Return a folder with the files and the journal of a run that was cut short."""
    home = Path(tempfile.mkdtemp())
    planned = PlannedPhotos(home / "home")
    planned.path("1/near.xmp").write_text("a side file")
    (planned.folder / "link.jpg").symlink_to("1/near.jpg")
    planned.plan["sidecar"] = ["<xmp/>", "", "", "", "", ""]
    journal = Path(planned.apply(journal=home / "journal.jsonl").attrs["journal"])
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join(lines[:-2]).replace(str(home / "home"), "/HOME"))
    yield home
    shutil.rmtree(home)


def everything(folder):
    """Return what there is in a folder: bytes, links and permissions."""
    return {
        str(path.relative_to(folder)): (
            os.readlink(path) if path.is_symlink() else path.is_dir() or path.read_bytes(),
            path.lstat().st_mode,
        )
        for path in sorted(folder.rglob("*"))
    }


def places_of(value):
    """Return all places in a journal's lines where something can be changed."""
    if isinstance(value, dict):
        inside = [(key, sub) for key in value for sub in [*places_of(value[key]), None]]
    elif isinstance(value, list):
        inside = [(k, sub) for k in range(len(value)) for sub in [*places_of(value[k]), None]]
    else:
        return []
    return [(key, *(sub or ())) for key, sub in inside]


def mutate(lines, data):
    """Change, remove or copy a value somewhere in the lines."""
    place = data.draw(st.sampled_from(places_of(lines)))
    *way, last = place
    container = lines
    for key in way:
        container = container[key]
    kind = data.draw(st.sampled_from(["change", "change", "change", "remove", "copy"]))
    if kind == "change":
        container[last] = copy.deepcopy(data.draw(VALUES))
    elif kind == "remove":
        del container[last]
    elif isinstance(container, list):
        container.insert(data.draw(st.integers(0, len(container))), copy.deepcopy(container[last]))
    else:
        container[data.draw(st.sampled_from(list(container)))] = copy.deepcopy(container[last])


@settings(max_examples=int(os.environ.get("IMGDUP_JOURNAL_MUTANTS", "100")), deadline=None)
@given(st.data())
def test_a_mutated_journal_ends_in_a_documented_error_and_touches_nothing_else(sample, data):
    lines = [json.loads(line) for line in (sample / "journal.jsonl").read_text().splitlines()]
    for _ in range(data.draw(st.integers(1, 3))):
        if places_of(lines):
            mutate(lines, data)
    text = "\n".join(map(json.dumps, lines))
    if data.draw(st.integers(0, 9)) == 0:  # a damaged sector
        start = data.draw(st.integers(0, len(text)))
        text = text[:start] + data.draw(st.text(max_size=20)) + text[start + 20 :]
    with tempfile.TemporaryDirectory() as folder:
        outer = Path(folder)
        home = outer / "home"
        shutil.copytree(sample / "home", home, symlinks=True)
        (outer / "diary.txt").write_text("dear diary")
        (outer / "empty").mkdir()
        (home / "diary.txt").write_text("dear diary")
        before, whole = everything(outer), kept_contents(outer)
        journal = outer / "journal.jsonl"
        journal.write_bytes(text.replace("/HOME", str(home)).encode("utf-8", "surrogatepass"))
        for function in data.draw(st.permutations(FUNCTIONS)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with contextlib.suppress(ValueError, OSError):  # what the docstrings name
                    function(journal)
        journal.unlink()
        after = everything(outer)
        for name in ("diary.txt", "empty", "home/diary.txt"):
            assert after[name] == before[name]
        assert kept_contents(outer) >= whole
        assert {mode & 0o7000 for _, mode in after.values()} == {0}


def kept_contents(folder):
    found = {path.read_bytes() for path in folder.rglob("*.jpg") if path.is_file()}
    return {content for content in found if b"kept" in content}

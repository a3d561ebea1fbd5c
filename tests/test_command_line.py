"""The program in a process of its own: exit codes, output, mistakes, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from types import SimpleNamespace

import pandas as pd
import pytest
from PIL import Image

from command_line import PROJECT, environment, make_data_set, run
from imgdup_nb import cli
from imgdup_nb.cli import main
from imgdup_nb.engine.parallel import Interrupted
from page_file import data_of


@pytest.fixture
def folder(tmp_path, picture):
    make_data_set(tmp_path, picture)
    return tmp_path


@pytest.fixture
def call(folder, monkeypatch, capsys):
    """Return a function that runs a command in this process, which takes less time."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TQDM_DISABLE", "1")

    def run_here(*arguments):
        code = main([*map(str, arguments)])
        printed = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=printed.out, stderr=printed.err)

    return run_here


def is_one_sentence(result):
    lines = result.stderr.strip().split("\n")
    return len(lines) == 1 and lines[0].startswith("Error: ") and not result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["find", "fotos"], "'fotos' does not exist"),
        (["find", "photos", "--treshold", "95"], "'--threshold'"),
        (["find", "photos", "--method", "fhash"], "'fhash' is not one of"),
        (["find", "photos", "--threshold", "0.9"], "did you mean 90"),
        (["fnid", "photos"], "'fnid'"),
        (["leaks", "train"], "Missing argument 'TEST'"),
        (["leaks", "train", "test", "--max-share", "1.5"], "1.5 is not in the range"),
        (["leaks", "train", "test", "--max-share", "nan"], "nan is not in the range"),
        (["leaks", "train", "train/cat"], "one is inside the other"),
        (["leaks", "train", "train"], "one is inside the other"),
        (["leaks", "train", "empty"], "TEST holds no picture that can be read"),
        (["leaks", "empty", "test"], "TRAIN holds no picture that can be read"),
        (["conflicts", "labels.csv"], "must have a column 'label'"),
        (["conflicts", "semicolons.csv"], "commas between columns"),
        (["conflicts", "photos/sea.png"], "photos/sea.png is not a CSV file in UTF-8"),
        (["conflicts", "nothing.csv"], "nothing.csv is not a CSV file in UTF-8"),
        (["conflicts", "torn.zip"], "torn.zip is not a CSV file in UTF-8"),
        (["conflicts", "gap.csv"], "gap.csv has no path in row 2 below its header"),
        (["conflicts", "folder.csv"], "photos' is a folder"),
        (["conflicts", "photos"], "photos must have one folder per class"),
        (["find", "photos", "--csv", "no/groups.csv"], "no' does not exist"),
        (["find", "photos", "--html", "no/plan.html"], "no' does not exist"),
        (["compare", "labels.csv", "photos/sea.png"], "not an image"),
        (["clean", "photos"], "Missing option '--to'"),
        (["undo", "labels.csv"], "journal"),
        (["undo", "photos"], "'photos' has no journal of imgdup clean"),
    ],
)
def test_a_mistake_gives_exit_code_2_and_one_sentence(folder, call, arguments, words):
    (folder / "empty").mkdir()
    (folder / "empty/torn.png").write_bytes(b"no picture")
    (folder / "semicolons.csv").write_text("path;label\na.png;cat\n", "utf-8")
    (folder / "nothing.csv").write_bytes(b"")
    (folder / "torn.zip").write_bytes(b"PK")
    (folder / "gap.csv").write_text("path,label\nphotos/sea.png,cat\n,dog\n", "utf-8")
    (folder / "folder.csv").write_text("path,label\nphotos,cat\n", "utf-8")
    result = call(*arguments)
    assert result.returncode == 2
    assert words in result.stderr
    result.stderr = "\n".join(
        line for line in result.stderr.split("\n") if not line.startswith("Warning: ")
    )
    assert is_one_sentence(result)


def test_the_gate_is_closed_above_the_share_and_open_at_it(call):
    shares = {0.0: 1, 0.14: 1, 1 / 7: 0, 0.15: 0}
    for share, code in shares.items():
        result = call("leaks", "train", "test", "--max-share", share)
        assert result.returncode == code, result.stderr
    assert "1 of 7 images of TEST have a copy in TRAIN: 14.29 %" in result.stdout


def test_the_gate_counts_test_images_and_not_training_images(call):
    answer = json.loads(call("leaks", "test", "train", "--json").stdout)
    assert (answer["leaked"], answer["images"], answer["leak"]) == (1, 9, True)
    assert {answer["pairs"][0][side] for side in ("left", "right")} == {
        "test/dog/5.jpg",
        "train/cat/1.png",
    }


def test_find_writes_csv_html_and_json(folder, call):
    result = call("find", "photos", "--csv", "groups.csv", "--html", "plan.html", "--json")
    answer = json.loads(result.stdout)
    assert [row["image"] for row in answer["groups"][0]] == ["sea.png", "sea again.png"]
    assert (answer["images"], answer["unreadable"], answer["redundant"]) == (5, 1, 1)
    assert list(pd.read_csv(folder / "groups.csv").image) == ["sea.png", "sea again.png"]
    assert "sea again.png" in data_of((folder / "plan.html").read_text("utf-8"))["names"]
    assert result.stderr.startswith("Warning: 1 of 5 files could not be read")
    assert result.returncode == 0


def test_patterns_leave_files_out_and_let_files_in(folder, call):
    assert json.loads(call("find", "photos", "--json").stdout)["images"] > 1
    found = json.loads(call("find", "photos", "--json", "--include", "sea.png").stdout)
    assert (found["images"], found["groups"]) == (1, [])
    found = json.loads(call("find", "photos", "--json", "--exclude", "*.png").stdout)
    assert not [row for group in found["groups"] for row in group if row["image"].endswith("png")]


@pytest.mark.parametrize(
    ("arguments", "code"), [(["train", "test"], 1), (["train", "photos"], 0), (["no", "test"], 2)]
)
def test_a_shell_sees_the_exit_codes_of_the_gate(folder, arguments, code):
    assert run("leaks", *arguments, cwd=folder).returncode == code


def test_a_pipe_gets_plain_text_without_progress(folder):
    result = run("find", "photos", cwd=folder)
    assert "\x1b" not in result.stdout + result.stderr
    assert "\r" not in result.stderr
    assert "%|" not in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no such names")
def test_names_cannot_change_the_screen(folder, call):
    data = (folder / "photos/sea.png").read_bytes()
    (folder / "photos/\x1b[31mred\n.png").write_bytes(data)
    with open(os.fsencode(folder) + b"/photos/caf\xe9.png", "wb") as file:
        file.write(data)
    result = call("find", "photos", "--csv", "groups.csv")
    assert result.returncode == 0, result.stderr
    assert r"\x1b[31mred\n.png" in result.stdout
    assert r"caf\xe9.png" in result.stdout
    assert "\x1b" not in result.stdout
    assert len(pd.read_csv(folder / "groups.csv")) == 4
    labelled = call("conflicts", ".", "--csv", "conflicts.csv")
    assert labelled.returncode == 0, labelled.stderr


def test_a_long_name_does_not_make_every_line_long(folder, call):
    name = "holiday " * 30 + ".png"
    (folder / "photos/sea again.png").rename(folder / "photos" / name)
    result = call("find", "photos")
    assert max(map(len, result.stdout.split("\n")[2:])) < 140
    assert "\u2026" in result.stdout
    assert name in json.dumps(json.loads(call("find", "photos", "--json").stdout))


def test_a_terminal_without_a_letter_shows_its_code(folder):
    (folder / "photos/sea again.png").rename(folder / "photos/\u65e5.png")
    result = subprocess.run(
        [sys.executable, "-m", "imgdup_nb", "find", "photos"],
        cwd=folder, env=environment(PYTHONIOENCODING="latin-1"), capture_output=True, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0
    assert rb"\u65e5.png" in result.stdout


def test_clean_changes_nothing_without_yes_and_undo_brings_all_back(folder, call):
    def files():
        return {
            path.relative_to(folder): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and path.suffix != ".jsonl"
        }

    before = files()
    assert call("clean", "photos", "--to", "spare").returncode == 0
    assert files() == before
    assert not (folder / "spare").exists()
    done = call("clean", "photos", "--to", "spare", "--yes")
    assert done.returncode == 0
    assert (folder / "spare/sea again.png").exists()
    assert not (folder / "photos/sea again.png").exists()
    [journal] = (folder / "spare").glob(".imgdup-log-*.jsonl")
    assert str(journal) in done.stdout
    assert call("undo", journal).returncode == 0
    assert files() == before


def test_undo_of_a_folder_takes_the_newest_run_that_has_files_to_bring_back(folder, call):
    call("clean", "photos", "--to", "spare", "--yes")
    (folder / "photos/late.png").write_bytes((folder / "photos/sea.png").read_bytes())
    call("clean", "photos", "--to", "spare", "--yes")
    assert len(list((folder / "spare").glob(".imgdup-log-*.jsonl"))) == 2
    late, first = folder / "photos/late.png", folder / "photos/sea again.png"
    assert not late.exists()
    assert call("undo", "spare").stdout == "1 file restored.\n"
    assert late.exists()
    assert not first.exists()
    assert call("undo", "spare").stdout == "1 file restored.\n"
    assert first.exists()
    assert call("undo", "spare").stdout == "0 files restored.\n1 file restored before.\n"


def test_clean_says_nothing_of_python_and_prints_json(folder, call):
    listed = call("clean", "photos", "--to", "spare", "--dry-run")
    done = call("clean", "photos", "--to", "spare", "--yes", "--json")
    [journal] = (folder / "spare").glob(".imgdup-log-*.jsonl")
    answer = json.loads(done.stdout)
    assert (answer["dry_run"], answer["journal"]) == (False, str(journal))
    assert [(row["image"], row["status"]) for row in answer["files"]] == [("sea again.png", "done")]
    assert f"Journal: {journal}" in done.stderr
    undone = call("undo", journal, "--json")
    [row] = json.loads(undone.stdout)["files"]
    assert (row["image"], row["status"]) == ("sea again.png", "restored")
    for result in (listed, done, undone):
        assert not re.search(r"\w\(|dry_run=|images\[", result.stdout + result.stderr)


def test_clean_lists_the_files_that_stay_until_somebody_has_looked(folder, call):
    with Image.open(folder / "photos/sea.png") as picture:
        picture.resize([2 * side for side in picture.size]).save(folder / "photos/sea large.jpg")
    listed = call("clean", "photos", "--to", "spare").stdout
    assert "1 file of these groups stays until you have looked." in listed
    [row] = json.loads(call("clean", "photos", "--to", "spare", "--json").stdout)["to_look_at"]
    assert row["image"] == "sea large.jpg"
    assert row["flag"] in " ".join(listed.split())


@pytest.mark.parametrize(
    ("system", "path", "typed"),
    [
        ("win32", r"C:\my photos\log.jsonl", r'"C:\my photos\log.jsonl"'),
        ("win32", r"C:\photos\log.jsonl", r"C:\photos\log.jsonl"),
        ("linux", "/my photos/log.jsonl", "'/my photos/log.jsonl'"),
    ],
)
def test_the_command_to_go_back_is_quoted_as_the_system_wants_it(monkeypatch, system, path, typed):
    monkeypatch.setattr(sys, "platform", system)
    assert cli._quoted(path) == typed
    stopped = f"undo({path!r}) goes back."
    assert cli._in_commands(stopped) == f"imgdup undo {typed} goes back."


def test_leaks_do_not_depend_on_copies_within_a_folder(folder, call):
    before = json.loads(call("leaks", "train", "test", "--json").stdout)
    for name in "xyz":
        shutil.copy(folder / "train/cat/1.png", folder / f"train/dog/{name}.png")
        shutil.copy(folder / "test/cat/6.png", folder / f"test/dog/{name}.png")
    after = json.loads(call("leaks", "train", "test", "--json").stdout)
    assert (before["leaked"], after["leaked"]) == (1, 1)
    assert {(row["left_split"], row["right_split"]) for row in after["pairs"]} == {
        ("train", "test")
    }
    assert len(after["pairs"]) == 4


def test_lab_copies_the_notebooks_once_and_opens_jupyterlab_there(folder, call, monkeypatch):
    opened = []
    monkeypatch.setattr("jupyterlab.labapp.LabApp.launch_instance", opened.append)
    monkeypatch.setenv("IMGDUP_PHOTOS", "")
    first = call("lab", "course", "--photos", "photos")
    assert first.returncode == 0, first.stderr
    copied = sorted(path.name for path in (folder / "course").glob("*.ipynb"))
    assert copied == sorted(path.name for path in (PROJECT / "notebooks").glob("*.ipynb"))
    for name in copied:  # what they link to was copied, too
        text = (folder / "course" / name).read_text("utf-8")
        links = re.findall(r"\]\((?!http)([\w./-]+)[)#]", text)
        assert links
        for link in links:
            assert (folder / "course" / link).is_file(), f"{name}: {link}"
    assert (folder / "course/solutions").is_dir()
    assert f"--ServerApp.root_dir={folder / 'course'}" in opened[0]
    assert "--LabApp.default_url=/lab/tree/my_pictures.ipynb" in opened[0]
    assert os.environ["IMGDUP_PHOTOS"] == str(folder / "photos")
    (folder / "course" / copied[0]).write_text("mine", "utf-8")
    second = json.loads(call("lab", "course", "--copy-only", "--json").stdout)
    assert second["copied"] == []
    assert (folder / "course" / copied[0]).read_text("utf-8") == "mine"
    assert len(opened) == 1


def test_undo_of_a_file_whose_place_is_taken_has_exit_code_1(folder, call):
    call("clean", "photos", "--to", "spare", "--yes")
    (folder / "photos/sea again.png").write_bytes(b"new")
    [journal] = (folder / "spare").glob(".imgdup-log-*.jsonl")
    result = call("undo", journal)
    assert result.returncode == 1
    assert (folder / "photos/sea again.png").read_bytes() == b"new"


def test_conflicts_of_folders_and_of_a_table_are_the_same(call):
    by_folder = json.loads(call("conflicts", "train", "--json").stdout)
    result = call("conflicts", "labels.csv", "--label", "class", "--json")
    assert json.loads(result.stdout) == by_folder
    assert [row["image"] for row in by_folder["images"]] == ["cat/2.png", "dog/9.png"]
    assert call("conflicts", "train", "--max-groups", "1").returncode == 0
    assert call("conflicts", "train", "--max-groups", "0").returncode == 1


def test_a_file_that_the_table_of_labels_lists_in_vain_is_a_warning(folder, call):
    with open(folder / "labels.csv", "a", encoding="utf-8") as file:
        file.write("train/cat/99.png,cat\n")
    result = call("conflicts", "labels.csv", "--label", "class")
    assert result.returncode == 0
    assert "Warning: 1 of 4 files could not be read" in result.stderr


def test_compare_prints_the_sentence_and_the_scores(call):
    answer = json.loads(call("compare", "train/cat/2.png", "train/dog/9.png", "--json").stdout)
    assert answer["relation"] == "same bytes"
    assert {row["method"] for row in answer["scores"]} >= {"phash", "aligned"}


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to all processes at once")
def test_ctrl_c_ends_with_exit_code_130_and_no_traceback(folder):
    program = (
        "import signal, sys, time; from imgdup_nb import cli\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # nohup ignores it
        "cli.find_duplicates = lambda *_, **__: (print('begun', flush=True), time.sleep(60))\n"
        "sys.exit(cli.main(['find', 'photos']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=folder, env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=50)
    assert process.returncode == 130
    assert printed.strip() == "Stopped."


def test_a_command_that_is_stopped_prints_the_sentence_of_its_step(folder, monkeypatch, capsys):
    def stop(*_, **__):
        raise Interrupted("Stopped by hand: scan 8 of 9. Run it again to start anew.")

    monkeypatch.setattr(cli, "find_duplicates", stop)
    assert cli.main(["find", str(folder / "photos")]) == 130
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.strip() == "Stopped by hand: scan 8 of 9. Run it again to start anew."


STOP_AT_IMPORT = """\
import os, signal, sys, imgdup_nb_command

class Stop:
    def find_spec(self, name, *_):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Stop())
sys.exit(imgdup_nb_command.start())
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to all processes at once")
@pytest.mark.parametrize("module", ["imgdup_nb", "numpy", "pandas", "imgdup_nb.cli", "click"])
def test_ctrl_c_while_the_program_is_loaded_prints_one_word(tmp_path, module):
    result = subprocess.run(
        [sys.executable, "-c", STOP_AT_IMPORT.format(module=module)],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 130
    assert result.stderr == "\nStopped.\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to all processes at once")
@pytest.mark.parametrize("module", ["numpy", "pandas", "imgdup_nb.cli"])
def test_ctrl_c_while_the_module_is_loaded_prints_one_word(tmp_path, module):
    code = STOP_AT_IMPORT.format(module=module).replace(
        "sys.exit(imgdup_nb_command.start())",
        "import runpy; sys.argv = ['-m']; runpy.run_module('imgdup_nb', run_name='__main__')",
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 130
    assert result.stderr == "\nStopped.\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to all processes at once")
def test_a_signal_that_the_caller_ignores_does_not_stop_the_program(tmp_path):
    code = STOP_AT_IMPORT.format(module="numpy").replace(
        "signal.default_int_handler", "signal.SIG_IGN"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, "--version"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")


def test_a_reader_who_leaves_early_sees_no_traceback(folder):
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(
        [sys.executable, "-m", "imgdup_nb", "find", "photos"],
        cwd=folder, env=environment(), stdout=write, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    os.close(write)
    _, printed = process.communicate(timeout=300)
    assert "Traceback" not in printed
    assert "Exception" not in printed


def test_help_and_version_are_printed(call):
    told = call("--help").stdout
    assert "Commands:" in told
    assert not re.search(r"\w\.\.\.|;\.\.\.", told)  # no sentence is cut off
    assert call("--version").stdout.startswith("imgdup, version ")
    assert call().returncode == 2


def test_the_console_script_is_the_same_program():
    scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert scripts == {"imgdup": "imgdup_nb_command:start"}
    assert main(["--version"]) == 0


def test_importing_the_package_does_not_load_the_command_line():
    code = "import sys, imgdup_nb; print('click' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"

"""The programs in tools/, which check that test runs are honest and notebooks up to date."""

import argparse
import base64
import importlib
import io
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngInfo

import regenerate_notebooks
import run_tests
import start_lab

JUNIT_REPORT = """\
<testsuites>
<testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10"></testsuite>
</testsuites>
"""


def make_png(**text):
    """Return a 2 x 2 picture as PNG bytes, with these texts in it."""
    info = PngInfo()
    for key, value in text.items():
        info.add_text(key, value)
    file = io.BytesIO()
    Image.new("RGB", (2, 2), (10, 200, 30)).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def write_notebook(path, *cells):
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    return importlib.import_module("report")


@pytest.mark.parametrize("sizes", ["0", "100,none", "", "10,-3", "2.5", "nan"])
def test_a_benchmark_of_no_images_says_what_is_missing(report, sizes):
    with pytest.raises(
        argparse.ArgumentTypeError, match=r"must be a whole number from 1 up, and '.*' is not"
    ):
        report.whole_list(sizes)
    assert report.whole_list("1e4,30000") == [10_000, 30_000]


def test_one_size_tells_nothing_of_growth(report):
    same = report.growth(pd.Series([100, 100]), pd.Series([0.1, 0.2]))
    assert same == "how seconds grow takes two sizes or more, --sizes 10000,30000"
    assert (
        report.growth(pd.Series([10, 100]), pd.Series([0.1, 10.0]))
        == "seconds grow as images ** 2.00"
    )


def test_errors_count_as_failures_and_skipped_tests_not_as_passed(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(JUNIT_REPORT)
    assert run_tests.count_tests(report) == Counter(passed=4, failed=3, skipped=3)


def test_a_step_without_a_report_counts_no_test(tmp_path):
    assert run_tests.count_tests(tmp_path / "report.xml") == Counter()


def test_the_summary_adds_the_steps_and_says_what_was_left_out():
    outcomes = [
        run_tests.Outcome("unit", "failed", 1.5, Counter(passed=5, failed=1)),
        run_tests.Outcome("notebooks", "passed", 2.0, Counter(passed=2, failed=0)),
        run_tests.Outcome("browser", "left out", 0.0, Counter()),
    ]
    lines = run_tests.summarise(outcomes).splitlines()
    assert lines[0].split() == ["unit", "failed", "1.5", "s"]
    assert lines[-2].startswith("LEFT OUT: browser.")
    assert lines[-1] == "7 passed, 1 failed"


@pytest.mark.parametrize(
    ("ci", "found", "verdict"),
    [
        ("", False, "left out"),
        ("true", False, "ran"),
        ("", True, "ran"),
        ("false", False, "left out"),
    ],
)
@pytest.mark.parametrize("step", ["browser", "javascript"])
def test_a_step_is_left_out_only_without_its_program_and_outside_ci(
    monkeypatch, ci, found, verdict, step
):
    monkeypatch.setenv("CI", ci)
    monkeypatch.setitem(run_tests.NEEDS, step, lambda: found)
    monkeypatch.setattr(
        run_tests, "run_step", lambda step: run_tests.Outcome(step, "ran", 0.0, Counter())
    )
    assert run_tests.run_or_leave_out(step).verdict == verdict


def test_every_step_runs_and_one_failure_fails_the_run(monkeypatch, capsys):
    ran = []

    def run(step):
        ran.append(step)
        return run_tests.Outcome(step, "failed" if step == "lint" else "passed", 0.0, Counter())

    monkeypatch.setattr(run_tests, "run_or_leave_out", run)
    monkeypatch.setattr(run_tests, "COMPILE", "")
    assert run_tests.main([]) == 1
    assert ran == list(run_tests.STEPS)
    assert run_tests.main(["unit", "types"]) == 0
    assert "0 passed, 0 failed" in capsys.readouterr().out


def test_what_compiles_the_loops_before_the_tests_aligns_three_pictures():
    count = "\nprint(len(dup.similar_pairs(dup.fingerprint_images(images, 'aligned'))))"
    done = subprocess.run(
        [sys.executable, "-c", run_tests.COMPILE + count],
        cwd=run_tests.ROOT, env=run_tests.step_environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr


def test_the_photos_folder_may_be_relative_and_hold_spaces_and_dollars(tmp_path, monkeypatch):
    folder = tmp_path / "my $HOME photos"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    assert start_lab.find_photos("my $HOME photos") == str(folder)


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert start_lab.find_photos("~") == str(tmp_path)


def test_a_photos_folder_that_is_not_there_is_named_in_the_message(tmp_path):
    with pytest.raises(
        SystemExit, match=r"PHOTOS must be a folder with pictures, and .*missing is none"
    ):
        start_lab.find_photos(str(tmp_path / "missing"))


def test_options_that_are_not_ours_go_to_jupyterlab():
    arguments = ["--photos", "a b", "--no-browser", "--port", "8899"]
    assert start_lab.read_arguments(arguments) == ("a b", ["--no-browser", "--port", "8899"])


def test_the_lab_opens_a_lesson_where_its_links_to_the_docs_can_be_followed(monkeypatch):
    opened = []
    monkeypatch.setattr("jupyterlab.labapp.LabApp.launch_instance", opened.append)
    start_lab.main(["--no-browser"])
    [options] = opened
    assert f"--ServerApp.root_dir={regenerate_notebooks.NOTEBOOKS.parent}" in options
    [url] = [option for option in options if option.startswith("--LabApp.default_url=")]
    assert url == "--LabApp.default_url=/lab/tree/notebooks/01_what_is_a_hash.ipynb"
    assert "--no-browser" in options


def test_a_large_figure_is_stored_in_few_colours_once_and_looks_the_same():
    noise = Image.effect_noise((300, 200), 40).convert("RGB")
    file = io.BytesIO()
    noise.convert("RGBA").save(file, "PNG")
    reduced = regenerate_notebooks.reduce_colours(file.getvalue())
    assert len(reduced) < len(file.getvalue())
    assert regenerate_notebooks.reduce_colours(reduced) == reduced
    difference = ImageChops.difference(Image.open(io.BytesIO(reduced)).convert("RGB"), noise)
    assert max(high for _, high in difference.getextrema()) <= 8
    assert regenerate_notebooks.reduce_colours(make_png()) == make_png()


def test_a_large_figure_without_ground_has_none_in_few_colours():
    noise = Image.effect_noise((300, 200), 40).convert("RGBA")
    noise.putalpha(
        Image.linear_gradient("L").resize(noise.size).point(lambda level: 255 * (level > 99))
    )
    file = io.BytesIO()
    noise.save(file, "PNG")
    reduced = regenerate_notebooks.reduce_colours(file.getvalue())
    assert len(reduced) < len(file.getvalue())
    stored = Image.open(io.BytesIO(reduced)).convert("RGBA")
    assert stored.getchannel("A").tobytes() == noise.getchannel("A").tobytes()
    assert regenerate_notebooks.reduce_colours(reduced) == reduced


def test_a_png_keeps_its_picture_and_loses_its_texts():
    plain = make_png()
    assert regenerate_notebooks.strip_png_text(make_png(Software="Matplotlib 9.9")) == plain
    assert regenerate_notebooks.strip_png_text(plain) == plain


def test_an_output_keeps_its_picture_and_loses_what_changes():
    output = nbformat.v4.new_output(
        "display_data",
        data={
            "image/png": base64.b64encode(make_png(Software="Matplotlib 9.9")).decode(),
            regenerate_notebooks.WIDGET_VIEW: {"model_id": "0123"},
        },
    )
    regenerate_notebooks.normalise_output(output)
    assert output.data == {"image/png": base64.b64encode(make_png()).decode()}


def test_an_error_keeps_its_sentence_and_loses_the_paths():
    output = nbformat.v4.new_output(
        "error", ename="ValueError", evalue="no", traceback=["/a/b.py:1", "ValueError: no"]
    )
    regenerate_notebooks.normalise_output(output)
    assert output.traceback == ["ValueError: no"]


def test_a_notebook_runs_in_a_copy_of_its_folder_and_comes_out_the_same_twice(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("IMGDUP_PHOTOS", "somebody's own")
    (tmp_path / "data.txt").write_text("beside the notebook")
    path = write_notebook(
        tmp_path / "small.ipynb",
        nbformat.v4.new_markdown_cell("# Reads a file"),
        nbformat.v4.new_code_cell(
            "import os, pathlib, sys\nprint('one'); sys.stdout.flush(); print('two')"
        ),
        nbformat.v4.new_code_cell(
            "pathlib.Path('made.txt').touch()\npathlib.Path('data.txt').read_text()"
        ),
        nbformat.v4.new_code_cell(
            "1 / 0", metadata={"tags": ["raises-exception"], "scrolled": True}
        ),
        nbformat.v4.new_code_cell("os.environ.get('IMGDUP_PHOTOS', 'the demo')"),
    )
    assert regenerate_notebooks.main([str(path)]) == 0
    assert sorted(os.listdir(tmp_path)) == ["data.txt", "small.ipynb"]
    assert regenerate_notebooks.main(["--check", str(path)]) == 0
    stored = nbformat.read(path, as_version=4)
    assert [cell.execution_count for cell in stored.cells[1:]] == [1, 2, 3, 4]
    assert stored.cells[1].outputs[0].text == "one\ntwo\n"
    assert stored.cells[2].outputs[0].data["text/plain"] == "'beside the notebook'"
    assert stored.cells[3].outputs[0].traceback == ["ZeroDivisionError: division by zero"]
    assert stored.cells[3].metadata == {"tags": ["raises-exception"]}
    assert stored.cells[4].outputs[0].data["text/plain"] == "'the demo'"


def test_check_fails_and_writes_nothing_when_a_run_shows_something_else(tmp_path, capsys):
    path = write_notebook(tmp_path / "small.ipynb", nbformat.v4.new_code_cell("1 + 1"))
    before = path.read_bytes()
    assert regenerate_notebooks.main(["--check", str(path)]) == 1
    assert path.read_bytes() == before
    assert "DIFFERS" in capsys.readouterr().out


def test_a_notebook_that_fails_is_left_as_it_was(tmp_path, capsys):
    path = write_notebook(tmp_path / "small.ipynb", nbformat.v4.new_code_cell("1 / 0"))
    before = path.read_bytes()
    assert regenerate_notebooks.main([str(path)]) == 1
    assert path.read_bytes() == before
    assert "ZeroDivisionError" in capsys.readouterr().out

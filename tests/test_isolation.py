"""A file that ends the process that reads it is a row with a problem, and no other row is lost."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

import deadly_reading
import imgdup_nb as dup
from imgdup_nb import images as images_module
from imgdup_nb.engine import isolation
from imgdup_nb.engine.isolation import ENDED, Isolated, map_isolated
from imgdup_nb.engine.sketches import sketches

WAYS = ["exit", "killed", "segfault"]


def explain(item, problem):
    return f"{item}: {problem}"


@pytest.fixture(autouse=True)
def one_worker(monkeypatch):
    """Use one worker at a time: starting one takes a second."""
    monkeypatch.setattr(os, "cpu_count", lambda: 1)


def test_nothing_to_do_starts_no_worker(monkeypatch):
    monkeypatch.setattr(isolation, "START", "raise SystemExit")
    assert list(map_isolated(deadly_reading.shout, [], explain)) == []


def test_items_that_end_their_worker_are_explained_and_all_others_are_done_in_order():
    words = ["a", "b", *WAYS, *"cdefghijklm"]
    results = list(map_isolated(deadly_reading.shout, words, explain))
    assert results == ["A", "B", *(f"{way}: {ENDED}" for way in WAYS), *"CDEFGHIJKLM"]


def test_items_that_take_too_long_are_explained():
    words = ["a", "loop", "b"]
    with Isolated(deadly_reading.shout, explain, max_seconds=0.5) as isolated:
        results = isolated(words)
    assert results == ["A", "loop: reading this file took more than 0.5 seconds", "B"]


def test_an_error_of_the_function_is_raised_here_and_the_worker_goes_on():
    with Isolated(deadly_reading.fail, explain) as isolated:
        for _ in range(2):
            with pytest.raises(KeyError, match="this one"):
                isolated(["this one"])
        assert len(isolated._idle) == 1


def test_what_a_library_prints_is_no_part_of_the_answer_and_a_worker_is_used_again(capfd):
    with Isolated(deadly_reading.chatter, explain) as isolated:
        [first], [second] = isolated(["a"]), isolated(["b"])
    assert first == second != os.getpid()
    assert "chatter" not in "".join(capfd.readouterr())


def test_large_answers_arrive_whole():
    [ones, twos] = map_isolated(deadly_reading.big, [1, 2], explain)
    assert ones.sum() == 10_000_000
    assert twos.sum() == 20_000_000


def test_closing_ends_a_call_that_hangs():
    isolated, ended = Isolated(deadly_reading.shout, explain, max_seconds=60), []

    def call():
        try:
            isolated(["loop"])
        except RuntimeError as error:
            ended.append(str(error))

    thread = threading.Thread(target=call)
    thread.start()
    while not isolated._busy:
        time.sleep(0.01)
    isolated.close()
    thread.join(20)
    assert ended == ["the workers were closed"]


def test_a_worker_that_cannot_start_is_an_error_and_blames_no_picture(monkeypatch):
    monkeypatch.setattr(isolation, "START", "raise SystemExit")
    with pytest.raises(RuntimeError, match=r"no worker process .* without isolate=True"):
        list(map_isolated(deadly_reading.shout, ["a"], explain))


# -- scan_images -----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, picture):
    for seed in range(10):
        picture(seed).save(tmp_path / f"{seed}.{'png' if seed % 2 else 'jpg'}")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return tmp_path


@pytest.mark.filterwarnings("ignore:1 of 11 files could not be read")
def test_a_scan_in_workers_gives_the_table_of_a_scan_in_this_process(folder):
    pd.testing.assert_frame_equal(
        dup.scan_images(folder, isolate=True), dup.scan_images(folder), check_exact=True
    )


def test_a_file_that_ends_its_worker_is_a_row_with_a_problem_and_the_others_have_sketches(
    folder, picture, monkeypatch
):
    picture(1).save(folder / "exit.png")
    monkeypatch.setattr(images_module, "_describe_batch", deadly_reading.describe_batch)
    with pytest.warns(UserWarning, match=f"1 x {ENDED}"):
        images = dup.scan_images(folder, isolate=True)
    ended = images[images.problem == ENDED]
    assert list(ended.image) == ["exit.png"]
    assert list(ended.bytes) == [os.path.getsize(path) for path in ended.path]
    assert ended.modified.notna().all()
    assert set(ended.width) == {0}

    read = images[images.problem == ""]
    assert len(read) == 10
    kept = [
        sketches.get((path, os.path.getsize(path), os.stat(path).st_mtime_ns, "L"))
        for path in read.path
    ]
    assert all(sketch.shape == (64, 64) for sketch in kept)
    fingerprints = dup.fingerprint_images(images)
    assert list(fingerprints.images.image) == list(read.image)


def test_isolate_and_an_executor_exclude_each_other(folder):
    with ThreadPoolExecutor(1) as executor, pytest.raises(ValueError, match="leave out executor="):
        dup.scan_images(folder, isolate=True, executor=executor)


def test_a_script_needs_no_guard(folder):
    script = folder.parent / "script.py"
    script.write_text(
        "import warnings; warnings.simplefilter('ignore')\n"
        "import sys, imgdup_nb\n"
        "print(len(imgdup_nb.scan_images(sys.argv[1], isolate=True)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(script), str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == "11\n"

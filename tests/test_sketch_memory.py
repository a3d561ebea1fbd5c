"""Each picture is decoded once: the scan's sketches are kept in memory, and then in a file."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from PIL import Image

from imgdup_nb import fingerprint_images, scan_images
from imgdup_nb.engine.sketches import SketchMemory, known_sketch, read_sketch, sketches

SKETCH = 64 * 64


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(5)
    for k in range(12):
        noise = Image.fromarray(rng.integers(0, 256, (9, 9), dtype=np.uint8))
        noise.resize((70, 80)).save(tmp_path / f"{k}.png")
    return tmp_path


@pytest.fixture
def small_memory(monkeypatch):
    sketches.forget()
    monkeypatch.setattr(sketches, "max_bytes", 3 * SKETCH)
    yield
    sketches.forget()


def spoil(folder):
    """Make each file unreadable; size and time stay, so that only a decoder can notice."""
    for path in folder.iterdir():
        status = path.stat()
        path.write_bytes(bytes(status.st_size))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def key(k):
    return f"{k}.jpg", 9, 9, "L"


@pytest.mark.parametrize("method", ["phash", "dhash"])
def test_more_pictures_than_memory_holds_are_decoded_once(folder, small_memory, method):
    before = fingerprint_images(scan_images(folder), method)
    sketches.forget()
    images = scan_images(folder)
    assert sketches.n_bytes == 3 * SKETCH < len(sketches) * SKETCH
    spoil(folder)
    after = fingerprint_images(images, method)
    assert len(after) == 12
    np.testing.assert_array_equal(after.codes, before.codes)


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_an_executor_gets_only_the_pictures_that_no_scan_has_decoded(folder, small_memory, kind):
    images = scan_images(folder)
    plain = fingerprint_images(images)
    spoil(folder)
    rng = np.random.default_rng(6)
    Image.fromarray(rng.integers(0, 256, (80, 80), dtype=np.uint8)).save(folder / "3.png")
    options = {"mp_context": get_context("spawn")} if kind is ProcessPoolExecutor else {}
    with kind(2, **options) as pool:
        prints = fingerprint_images(images, executor=pool)
    same = (prints.codes == plain.codes).ravel()
    assert prints.names == plain.names
    assert [name for name, is_same in zip(prints.names, same, strict=True) if not is_same] == [
        "3.png"
    ]


def test_a_picture_that_is_gone_since_the_scan_is_a_problem_on_an_executor_too(folder):
    images = scan_images(folder)
    (folder / "7.png").unlink()
    with ThreadPoolExecutor(1) as pool, pytest.warns(UserWarning, match="1 image became"):
        prints = fingerprint_images(images, executor=pool)
    assert list(prints.problems.image) == ["7.png"]
    assert len(prints) == 11


def test_a_changed_picture_has_no_known_sketch(folder):
    path = str(folder / "1.png")
    sketch = read_sketch(path)
    np.testing.assert_array_equal(known_sketch(path), sketch)
    assert known_sketch(path, "RGB") is None
    os.utime(path, ns=(1, 1))
    assert known_sketch(path) is None


def test_sketches_of_both_modes_come_back_from_the_file():
    memory = SketchMemory(max_bytes=0, spare=0)
    rng = np.random.default_rng(0)
    made = {key(0): rng.integers(0, 256, (4, 4), dtype=np.uint8)}
    made["0.jpg", 9, 9, "RGB"] = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    for _ in range(2):  # keeping one twice changes nothing
        for name, sketch in made.items():
            memory.keep(name, sketch)
    for name, sketch in made.items():
        np.testing.assert_array_equal(memory.get(name), sketch)
    assert (len(memory), memory.n_bytes) == (2, 0)
    memory.forget()
    assert len(memory) == 0
    assert memory.get(key(0)) is None


def test_a_full_disk_forgets_older_sketches_and_nothing_fails(monkeypatch):
    full = shutil.disk_usage("/")._replace(free=1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
    memory = SketchMemory(max_bytes=32, spare=0)
    for k in range(5):
        memory.keep(key(k), np.full((4, 4), k, np.uint8))
    assert [memory.get(key(k)) is not None for k in range(5)] == [False] * 3 + [True] * 2


def test_no_folder_for_the_file_forgets_older_sketches(monkeypatch):
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: (_ for _ in ()).throw(OSError))
    memory = SketchMemory(max_bytes=16, spare=0)
    memory.keep(key(0), np.zeros((4, 4), np.uint8))
    memory.keep(key(1), np.ones((4, 4), np.uint8))
    assert memory.get(key(0)) is None
    assert memory.get(key(1)) is not None


def test_another_process_does_not_write_into_the_file_of_its_parent(monkeypatch):
    memory = SketchMemory(max_bytes=0, spare=0)
    memory.keep(key(0), np.full((4, 4), 7, np.uint8))
    parents = memory._file
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: -1)
        assert memory.get(key(0)) is None
        memory.keep(key(5), np.full((4, 4), 99, np.uint8))
        assert memory.get(key(5))[0, 0] == 99
        assert memory._file is not parents

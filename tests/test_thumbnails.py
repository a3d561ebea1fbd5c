"""Thumbnails are made on request, remembered up to a number of bytes, and wait for no slow one."""

import threading
import time

import pandas as pd
import pytest
from PIL import Image

from imgdup_nb.widgets import thumbnails as thumbnails_module
from imgdup_nb.widgets.thumbnails import Thumbnails


@pytest.fixture
def folder(tmp_path):
    for k, color in enumerate(["red", "green"]):
        Image.new("RGB", (300, 200), color).save(tmp_path / f"{'ab'[k]}.jpg")
    (tmp_path / "c.jpg").write_bytes(b"no picture")
    names = ["a.jpg", "b.jpg", "c.jpg"]
    return pd.DataFrame(
        {"image": pd.Series(names, dtype=object), "path": [str(tmp_path / name) for name in names]}
    )


def test_thumbnails_are_remembered_up_to_their_bytes(folder):
    thumbnails = Thumbnails(folder, max_bytes=1)
    first = thumbnails.get(["a.jpg", "b.jpg"], 32)
    assert thumbnails._made.n_bytes <= 1
    assert thumbnails.get(["a.jpg"], 32)[0] == first[0]
    thumbnails.close()
    thumbnails.close()
    assert thumbnails._made.n_bytes == 0


def test_a_slow_picture_keeps_nobody_waiting_and_comes_when_asked_again(folder, monkeypatch):
    go_on = threading.Event()
    quick = thumbnails_module.thumbnail

    def slow(path, side):
        if "b.jpg" in path:
            go_on.wait(10)
        return quick(path, side)

    monkeypatch.setattr(thumbnails_module, "thumbnail", slow)
    thumbnails = Thumbnails(folder)
    assert set(thumbnails.get_ready(["a.jpg", "b.jpg", "c.jpg"], 32, 0.05)) == {"a.jpg", "c.jpg"}
    go_on.set()
    assert thumbnails.get_ready(["b.jpg"], 32, 0)[
        "b.jpg"
    ].jpeg  # at least one, however long it takes
    assert thumbnails._making == {}
    thumbnails.close()


def test_a_picture_nobody_looks_at_any_more_is_not_made(monkeypatch):
    go_on, made = threading.Event(), []

    def slow(path, _side):
        if path != "0.jpg":
            go_on.wait(20)
        made.append(path)
        return b"jpeg"

    monkeypatch.setattr(thumbnails_module, "thumbnail", slow)
    names = [f"{k}.jpg" for k in range(20)]
    thumbnails = Thumbnails(pd.DataFrame({"image": names, "path": names}))
    assert list(thumbnails.get_ready(names[:19], 32, 0)) == ["0.jpg"]
    looking_elsewhere = threading.Thread(target=thumbnails.get_ready, args=(["19.jpg"], 32, 20))
    looking_elsewhere.start()
    while len(thumbnails._making) > 1:  # the others are given up first
        time.sleep(0.01)
    go_on.set()
    looking_elsewhere.join()
    thumbnails._threads.shutdown(wait=True)
    assert set(made) == {
        "0.jpg",
        "1.jpg",
        "2.jpg",
        "3.jpg",
        "4.jpg",
        "19.jpg",
    }  # four were being made already
    thumbnails.close()


def test_a_file_that_comes_back_is_shown_again(folder, tmp_path):
    thumbnails = Thumbnails(folder)
    (tmp_path / "a.jpg").rename(tmp_path / "away.jpg")
    assert "gone" in thumbnails.get(["a.jpg"], 32)[0].problem
    (tmp_path / "away.jpg").rename(tmp_path / "a.jpg")
    assert thumbnails.get(["a.jpg"], 32)[0].jpeg
    thumbnails.close()

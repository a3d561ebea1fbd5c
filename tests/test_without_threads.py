"""In a browser Python has no threads: the same work is done one thing after the other."""

from __future__ import annotations

import threading

import pandas as pd
import pytest
from PIL import Image

import imgdup_nb as dup
from imgdup_nb.engine import parallel
from imgdup_nb.engine.sketches import sketches
from imgdup_nb.widgets.thumbnails import Thumbnails


@pytest.fixture
def folder(tmp_path):
    for k in range(20):
        Image.effect_noise((70, 80), 60).save(tmp_path / f"{k:02d}.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return tmp_path


@pytest.fixture
def no_threads(monkeypatch):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    def take_away():
        monkeypatch.setattr(parallel, "HAS_THREADS", False)
        monkeypatch.setattr(threading.Thread, "start", refuse)
        sketches.forget()

    return take_away


@pytest.mark.filterwarnings("ignore:.*could not be read")
def test_the_tables_are_the_same_without_threads(folder, no_threads):
    def tables():
        images = dup.scan_images(folder)
        prints = dup.fingerprint_images(images)
        pairs = dup.similar_pairs(prints, min_similarity=50)
        return images, prints.to_frame(), pairs, dup.group_duplicates(pairs, 55).table

    before = tables()
    assert len(before[2])
    no_threads()
    for one, other in zip(tables(), before, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_thumbnails_are_made_without_threads(folder, no_threads):
    images = pd.DataFrame({"image": ["a", "b"], "path": [f"{folder}/00.png", f"{folder}/01.png"]})
    before = Thumbnails(images).get(["a", "b"], 40)
    no_threads()
    thumbnails = Thumbnails(images)
    assert thumbnails.get(["a", "b"], 40) == before
    assert thumbnails.get_ready(["b"], 40, 1) == {"b": before[1]}
    thumbnails.close()


def test_an_error_in_the_work_comes_out_without_threads(no_threads):
    no_threads()
    with pytest.raises(ZeroDivisionError):
        list(parallel.map_batches(lambda batch: [1 // item for item in batch], [1, 0]))
    assert list(parallel.map_batches(list, [])) == []

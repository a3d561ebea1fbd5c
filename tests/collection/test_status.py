"""A collection shows what it does, and its work can be stopped."""

import os
import threading

import numpy as np
import pytest

from imgdup_nb import Collection, similar_pairs
from imgdup_nb.collection import intake as reading
from imgdup_nb.collection import pairs as kept
from imgdup_nb.collection.index import Stopped

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*could not be (read|shown)",
    "ignore:no files found",
    "ignore:.*became unreadable since the scan",
)


def test_status_tells_what_is_done_and_how_far(photos, monkeypatch):
    monkeypatch.setattr(reading, "FILES_SAVED_AT_ONCE", 5)
    seen = []
    save = reading._save
    with Collection(photos) as collection:

        def watch(*arguments):
            seen.append(str(collection.status))
            save(*arguments)

        monkeypatch.setattr(reading, "_save", watch)
        assert str(collection.status) == "Idle"
        collection.update()
        assert seen == [
            "ExtractingFeatures 0 of 13",
            "ExtractingFeatures 5 of 13",
            "ExtractingFeatures 10 of 13",
        ]
        monkeypatch.setattr(
            kept,
            "_compare",
            lambda *a: seen.append(str(collection.status)) or np.zeros(0, kept.PAIR),
        )
        collection.pairs()
        assert seen[-1] == "MatchingFeatures 0 of 10"
        monkeypatch.setattr(
            "imgdup_nb.collection.queries.similar_pairs",
            lambda *a, **o: seen.append(str(collection.status)) or similar_pairs(*a, **o),
        )
        collection.find_similar("cat.png")
        assert seen[-1] == "Searching 0 of 10"
        assert str(collection.status) == "Idle"


@pytest.mark.filterwarnings("ignore:.*could not be shown")
def test_work_that_is_not_wanted_any_more_stops_and_goes_on_from_what_was_kept(
    photos, picture, monkeypatch, assert_like_fresh
):
    for seed in range(60):
        picture(seed).save(photos / f"more {seed:02d}.png")
    monkeypatch.setattr(reading, "FILES_SAVED_AT_ONCE", 8)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    read, stopped, read_some = [], threading.Event(), reading._read_some

    def read_slowly(files, **how):
        if len(read) >= 24:
            stopped.wait(10)
        read.extend(files)
        return read_some(files, **how)

    monkeypatch.setattr(reading, "_read_some", read_slowly)
    with Collection(photos) as collection:
        collection.is_wanted = lambda: collection.status.done < 16 or stopped.set()
        with pytest.raises(
            Stopped, match=r"stopped at ExtractingFeatures 16 of .*; what was kept stays"
        ):
            collection.update()
        assert collection._index.store.read("SELECT count(*) FROM images") == [(16,)]
        assert len(read) <= 32  # what was in the queue is not read all the same
        collection.is_wanted = lambda: True
        assert (collection.update().change == "new").all()
        assert_like_fresh(collection)


@pytest.mark.filterwarnings("ignore:.*could not be shown")
def test_what_was_read_before_someone_pressed_stop_is_kept(
    photos, picture, monkeypatch, assert_like_fresh
):
    for seed in range(40):
        picture(seed).save(photos / f"more {seed:02d}.png")
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    read_some, calls = reading._read_some, []

    def read_until_stopped(files, **how):
        calls.append(len(files))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return read_some(files, **how)

    monkeypatch.setattr(reading, "_read_some", read_until_stopped)
    with Collection(photos) as collection:
        with pytest.raises(KeyboardInterrupt):
            collection.update()
        assert collection._index.store.read("SELECT count(*) FROM images") == [(sum(calls[:3]),)]
        assert_like_fresh(collection)

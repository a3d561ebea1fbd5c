"""What the tests of collections share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import imgdup_nb
from imgdup_nb import fingerprint_images, scan_images, similar_pairs
from imgdup_nb.collection import intake
from imgdup_nb.engine.reading import read_batch


@pytest.fixture
def decoded(monkeypatch):
    """Return the list of names that were decoded since it was cleared."""
    names = []

    def read(files, **options):
        names.extend(os.path.basename(path) for _, path in files)
        return read_batch(files, **options)

    monkeypatch.setattr(intake, "read_batch", read)
    return names


@pytest.fixture
def age():
    """Return a function that makes all files of a folder look old: size and time are believed."""

    def make_old(folder):
        for path in folder.rglob("*"):
            if path.is_file() and not path.name.startswith("."):
                os.utime(path, ns=(10**18, 10**18))

    return make_old


@pytest.fixture
def assert_like_fresh():
    """Return a function that compares a collection with a fresh scan of its folder."""

    def compare(collection, floor=70):
        images = scan_images(collection.folder)
        pd.testing.assert_frame_equal(collection.images, images)
        prints = fingerprint_images(images)
        kept_prints = collection.fingerprints()
        assert np.array_equal(kept_prints.codes, prints.codes)
        assert kept_prints.names == prints.names
        pairs = similar_pairs(prints, min_similarity=floor)
        pd.testing.assert_frame_equal(collection.pairs(min_similarity=floor), pairs)
        assert collection.pairs(min_similarity=floor).attrs == pairs.attrs

    return compare


@pytest.fixture
def start():
    """Return a function that starts a program of Python with this package."""

    def start_program(code, *arguments):
        environment = {**os.environ, "PYTHONPATH": str(Path(imgdup_nb.__file__).parents[1])}
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    return start_program

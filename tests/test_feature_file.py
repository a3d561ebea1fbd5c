"""The features of many pictures are kept in a temporary file, and nothing else changes."""

from __future__ import annotations

import mmap
import pickle
import tempfile

import numpy as np
import pytest
from PIL import Image

import imgdup_nb as dup
from aligned_pictures import crop, noise
from imgdup_nb.engine import feature_file
from imgdup_nb.engine.feature_file import keep_features, release_pages
from imgdup_nb.engine.features import aligned_features


@pytest.fixture
def small_memory(monkeypatch):
    """Keep one picture in memory, and write two at a time."""
    monkeypatch.setattr(feature_file, "MAX_FEATURE_BYTES", 100_000)
    monkeypatch.setattr(feature_file, "SEGMENT_BYTES", 100_000)


def is_mapped(features):
    """Tell whether an array is a view of a file."""
    base = features.bits
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(getattr(base, "obj", base), mmap.mmap)


def pictures():
    """Return large and small pictures, and one without features."""
    sizes = [(700, 500), (300, 200), (640, 480), (41, 33), (801, 603)]
    some = [noise(seed, *size) for seed, size in enumerate(sizes)]
    return [*some, Image.new("L", (50, 40))]


def test_features_in_a_file_are_the_same_to_the_last_byte(small_memory):
    made = [aligned_features(picture) for picture in pictures()]
    kept = keep_features([made[0], "truncated", *made[1:]])
    assert kept.pop(1) == "truncated"
    assert [is_mapped(features) for features in kept].count(True) >= 4
    for _ in range(2):
        assert [a.to_bytes() for a in kept] == [b.to_bytes() for b in made]
        assert [a.key for a in kept] == [b.key for b in made]
        release_pages()
    for features in kept:
        assert all(a.flags.carray for a in (features.bits, features.points, features.grey))
    assert pickle.loads(pickle.dumps(kept[3])).to_bytes() == made[3].to_bytes()


def test_few_features_stay_in_memory_and_none_are_an_empty_list():
    made = [aligned_features(noise(1)), "truncated"]
    assert [a is b for a, b in zip(keep_features(made), made, strict=True)] == [True, True]
    assert keep_features([]) == []
    assert keep_features(["truncated"]) == ["truncated"]


def test_on_a_full_disk_features_stay_in_memory(small_memory, monkeypatch):
    monkeypatch.setattr(feature_file, "SPARE_BYTES", 2**62)
    made = [aligned_features(picture) for picture in pictures()]
    assert all(a is b for a, b in zip(keep_features(made), made, strict=True))


def test_pairs_of_features_in_a_file_are_those_of_features_in_memory(small_memory, monkeypatch):
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(4):
            picture = noise(seed, 105, 75).resize((700, 500))
            picture.save(f"{folder}/{seed}.png")
            crop(picture, 0.8).save(f"{folder}/{seed} (1).png")
        images = dup.scan_images(folder)
        in_file = dup.fingerprint_images(images, "aligned")
        assert is_mapped(in_file.codes[-1, 0])
        found = dup.similar_pairs(in_file)
        with dup.Collection(folder) as photos:
            kept = photos.pairs("aligned")
        monkeypatch.setattr(feature_file, "MAX_FEATURE_BYTES", 2**30)
        in_memory = dup.fingerprint_images(images, "aligned")
        assert not is_mapped(in_memory.codes[-1, 0])
        expected = dup.similar_pairs(in_memory)
    assert len(expected) == 4
    assert found.equals(expected)
    assert kept.similarity.tolist() == expected.similarity.tolist()

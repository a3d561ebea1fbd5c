"""Workers of an executor read features from a file, and few bytes are sent to them."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import Executor, Future

import numpy as np
import pytest

import imgdup_nb as dup
from aligned_pictures import crop, noise
from imgdup_nb.aligned import feature_index
from imgdup_nb.aligned.candidates import find_candidates
from imgdup_nb.aligned.scores import MAX_VOTE_BITS, SharedPairs
from imgdup_nb.engine.feature_file import shared_features
from imgdup_nb.engine.features import aligned_features


class Elsewhere(Executor):
    """Do each task at once with a copy of what would be sent, and note its bytes."""

    def __init__(self, has_our_disk=True):
        self.has_our_disk, self.sent = has_our_disk, []

    def submit(self, function, /, *arguments):
        sent = pickle.dumps((function, arguments))
        self.sent.append(len(sent))
        function, arguments = pickle.loads(sent)
        result = Future()
        there = function is not os.path.exists or self.has_our_disk
        result.set_result(there and pickle.loads(pickle.dumps(function(*arguments))))
        return result


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Return the fingerprints of four pictures and a part of each."""
    folder = tmp_path_factory.mktemp("album")
    for seed in range(4):
        picture = noise(seed, 105, 75).resize((700, 500))
        picture.save(folder / f"{seed}.png")
        crop(picture, 0.8).save(folder / f"{seed} (1).png")
    return dup.fingerprint_images(dup.scan_images(folder), "aligned")


@pytest.mark.parametrize("most", [2**60, 0])
def test_pairs_found_by_workers_are_those_found_here(album, monkeypatch, most):
    monkeypatch.setattr(feature_index, "MAX_UNCOUNTED_FEATURES", most)
    expected = dup.similar_pairs(album)
    assert len(expected) == 4
    ours, others = Elsewhere(), Elsewhere(has_our_disk=False)
    assert dup.similar_pairs(album, executor=ours).equals(expected)
    assert dup.similar_pairs(album, executor=others).equals(expected)
    assert max(ours.sent) < 20_000 < max(others.sent)


def test_one_image_and_none_need_no_file():
    executor = Elsewhere()
    one = [aligned_features(noise(1))]
    for images in ([], one):
        assert find_candidates(images, MAX_VOTE_BITS["aligned"], executor).shape == (0, 2)
    assert np.max(executor.sent, initial=0) < 20_000


def test_a_batch_of_pairs_is_sent_without_features_and_reads_each_image_once():
    features = [aligned_features(noise(seed)) for seed in range(3)]
    with shared_features(features, Elsewhere()) as shared:
        pairs = SharedPairs(shared, np.array([(0, 1), (0, 2), (1, 2)]), ["a", "b", "c"])
        sent = pickle.dumps(pairs[1:])
        assert len(sent) < 1000
        some = pickle.loads(sent)
        assert [pair.files for pair in some] == [("a", "c"), ("b", "c")]
        assert [(pair.left.key, pair.right.key) for pair in some] == [
            (features[0].key, features[2].key),
            (features[1].key, features[2].key),
        ]
        assert some[0].right is some[1].right
        assert len(pairs[3:]) == 0
        assert SharedPairs(shared, np.array([(1, 0)]), None)[0].files is None

"""Features of a picture are the same every time and come back from their bytes."""

import cv2
import numpy as np
import pandas as pd
import pytest

from imgdup_nb.engine.features import (
    Features,
    akaze_features,
    aligned_features,
    features_made_with,
    one_cv2_thread,
)


def test_opencv_keeps_the_number_of_threads_the_user_set():
    before = cv2.getNumThreads()
    with one_cv2_thread():
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == before


def test_features_of_one_picture_are_the_same_every_time(cat):
    one, other = aligned_features(cat), aligned_features(cat.copy())
    assert one.key == other.key
    pd.testing.assert_frame_equal(pd.DataFrame(one.bits), pd.DataFrame(other.bits))
    assert repr(one) == f"<Features: {len(one)} points in {one.size[0]} x {one.size[1]} pixels>"


@pytest.mark.parametrize("extract", [aligned_features, akaze_features])
@pytest.mark.parametrize("size", [None, (8, 8)])
def test_features_come_back_from_their_bytes(cat, extract, size):
    features = extract(cat if size is None else cat.resize(size))
    kept = features.to_bytes()
    again = Features.from_bytes(kept)
    assert again.to_bytes() == kept
    assert (again.key, again.size) == (features.key, features.size)
    for name in ("grey", "points", "angles", "bits", "mirrored"):
        np.testing.assert_array_equal(getattr(again, name), getattr(features, name), strict=True)


def test_damaged_bytes_of_features_are_refused(cat):
    kept = aligned_features(cat).to_bytes()
    for damaged in (b"", b"words", kept[:20], b"imgdupF9" + kept[8:]):
        with pytest.raises(ValueError, match="make them again"):
            Features.from_bytes(damaged)
    for cut in (kept[:-1], kept + b"x"):
        with pytest.raises(ValueError, match="do not fit"):
            Features.from_bytes(cut)
    assert cv2.__version__ in features_made_with()

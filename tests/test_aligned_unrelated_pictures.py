"""Unrelated pictures are not matched, and odd pictures do not fail."""

import itertools

import numpy as np
import pytest
from PIL import Image, ImageOps

from aligned_pictures import (
    align_pictures,
    noise,
    page,
    ramp,
    stripes,
)
from imgdup_nb.aligned import registration as alignment
from imgdup_nb.aligned.agreement import Alignment, judge_unsupported
from imgdup_nb.aligned.registration import align
from imgdup_nb.aligned.scores import score_akaze
from imgdup_nb.demo import PHOTOS, _open_original
from imgdup_nb.engine.features import (
    akaze_features,
    aligned_features,
)

UNRELATED = {
    "photographs": lambda: [
        _open_original(source).convert("RGB") for source in list(PHOTOS.values())[:6]
    ],
    "text pages": lambda: [page(seed) for seed in range(4)],
    "noise": lambda: [noise(seed) for seed in range(4)],
    "stripes and checks": lambda: [stripes(period) for period in (7, 11, 16)],
}


@pytest.mark.parametrize(("correlation", "similarity"), [(0.95, 79.0), (0.87, 0.0)])
def test_blocks_with_a_residual_and_few_matches_need_a_higher_correlation(correlation, similarity):
    blocks = np.full((6, 8), correlation, np.float32)
    blocks[0] = np.nan  # flat in both
    found = Alignment(79.0, matches=25, transform=np.eye(3)[:2], blocks=blocks, residual=0.35)
    assert judge_unsupported(found).similarity == pytest.approx(similarity)


@pytest.mark.parametrize(
    ("residual", "supported", "similarity"), [(0.35, 2.0, 0.0), (0.35, 0.1, 79.0), (0.1, 2.0, 79.0)]
)
def test_a_higher_correlation_is_needed_only_with_a_residual_and_few_matches(
    monkeypatch, cat, residual, supported, similarity
):
    blocks = np.full((6, 8), 0.87, np.float32)
    found = Alignment(79.0, matches=25, transform=np.eye(3)[:2], blocks=blocks, residual=residual)
    monkeypatch.setattr(alignment, "refine", lambda *_: found)
    monkeypatch.setattr(
        alignment, "MIN_SUPPORTED_SHARE", supported
    )  # of the features; 2.0 is more than there are
    features = aligned_features(cat)
    straight = np.repeat(np.arange(len(features.points)), 2).reshape(-1, 2)
    assert alignment._align_view(features, features, straight, False).similarity == pytest.approx(
        similarity
    )


@pytest.mark.parametrize("pictures", UNRELATED.values(), ids=UNRELATED)
def test_unrelated_pictures_are_below_70(pictures):
    features = [aligned_features(picture) for picture in pictures()]
    for one, other in itertools.combinations(features, 2):
        assert align(one, other).similarity < 70


def test_a_shared_wall_is_not_a_shared_picture(cat, temple):
    wall = noise(9, 480, 360).resize((960, 720)).crop((0, 0, 640, 480))
    one, other = wall.copy(), wall.copy()
    one.paste(cat.resize((420, 320)), (110, 80))
    other.paste(temple.resize((420, 320)), (110, 80))
    assert align_pictures(one, other).similarity < 75


ODD = {
    "a pixel": lambda: Image.new("RGB", (1, 1), "red"),
    "a small icon": lambda: noise(1, 24, 24),
    "a line": lambda: noise(2, 1000, 1),
    "a panorama": lambda: noise(3, 2000, 100),
    "black": lambda: Image.new("RGB", (300, 200)),
    "a ramp": ramp,
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_odd_pictures_neither_fail_nor_agree_with_a_photograph(cat, make):
    odd = aligned_features(make())
    assert align(odd, aligned_features(cat)).similarity < 70
    assert align(odd, odd).similarity in {0, 100}
    assert score_akaze(akaze_features(make()), akaze_features(cat)).similarity < 15


def test_a_panorama_keeps_its_height(temple):
    wide = Image.new("RGB", (temple.width * 8, temple.height // 3))
    for k in range(8):
        wide.paste(
            ImageOps.posterize(temple, 1 + k % 7).crop(
                (0, 60 + k, temple.width, 60 + k + wide.height)
            ),
            (temple.width * k, 0),
        )
    assert wide.width / wide.height > 20
    found = align_pictures(wide, wide.resize((wide.width // 2, wide.height // 2)))
    assert found.similarity > 90


def test_a_small_copy_of_64_pixels_is_found(cat):
    assert align_pictures(cat, cat.resize((96, 64), Image.Resampling.LANCZOS)).similarity >= 70

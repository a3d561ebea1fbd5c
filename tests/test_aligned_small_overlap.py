"""How little two pictures may share: matches, their share of the features, and blocks."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from imgdup_nb.aligned.registration import align
from imgdup_nb.engine.features import Features

SIZE = (320, 240)  # pixels at which features are found; the grey picture has half of it


def texture(seed, width=160, height=120):
    """Return a soft random pattern, uint8, height x width."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    soft = np.asarray(Image.fromarray(noise).filter(ImageFilter.GaussianBlur(2)), float)
    return np.clip(128 + 60 * (soft - soft.mean()) / soft.std(), 0, 255).astype(np.uint8)


def features_of(grey, points=(), bits=None):
    """Return a picture with features at some points, all of one direction."""
    points = np.asarray(points, np.float32).reshape(-1, 2)
    bits = np.zeros((0, 4), np.uint64) if bits is None else bits
    colours = np.full((30, 40, 2), 128, np.uint8)
    return Features(SIZE, grey, colours, points, np.zeros(len(points), np.float32), bits, bits[:0])


def random_bits(seed, n):
    return np.random.default_rng(seed).integers(0, 2**64, (n, 4), dtype=np.uint64)


def points_within(seed, n, left, top, right, bottom):
    return np.random.default_rng(seed).uniform((left, top), (right, bottom), (n, 2))


def pictures_with_one_spot(width, height):
    """Return two plain pictures with one textured spot (in grey pixels) at opposite ends.

    The many features of the spot align 22 percent of each picture, the ends.
    """
    spot = texture(1, width, height)
    one, other = np.full((2, 120, 160), 100, np.uint8)
    x, y, across, down = 88, 72, 80, 67
    one[y : y + height, x : x + width] = spot
    other[y - down : y - down + height, x - across : x - across + width] = spot
    points = points_within(2, 40, 2 * x, 2 * y, 2 * (x + width), 2 * (y + height))
    bits = random_bits(3, 40)
    return features_of(one, points, bits), features_of(other, points - (2 * across, 2 * down), bits)


@pytest.mark.parametrize(("width", "height", "is_enough"), [(10, 10, False), (16, 16, True)])
def test_in_a_small_overlap_a_small_spot_is_not_enough_and_a_larger_one_is(
    width, height, is_enough
):
    found = align(*pictures_with_one_spot(width, height))
    assert (found.similarity >= 70) == is_enough
    if is_enough:
        assert 20 < found.overlap_left < 25
    else:
        assert found.similarity == 0


def crop_and_whole():
    """Return grey pictures of an enlarged crop and of the whole, and the transform between them."""
    whole = Image.fromarray(texture(4))
    crop = whole.transform(
        (160, 120), Image.Transform.AFFINE, (0.6, 0, 32, 0, 0.6, 24), Image.Resampling.BICUBIC
    )
    return np.asarray(crop), np.asarray(whole), lambda points: 0.6 * points + (64, 48)


@pytest.mark.parametrize(("n_matches", "is_found"), [(7, False), (8, True)])
def test_a_zoomed_part_is_found_by_eight_matches(n_matches, is_found):
    crop, whole, to_whole = crop_and_whole()
    points, bits = points_within(5, n_matches, 10, 10, 310, 230), random_bits(6, n_matches)
    zoomed_view = to_whole(points).astype(np.float32), np.zeros(n_matches, np.float32), bits
    found = align(features_of(crop, points, bits), features_of(whole).with_zoomed(*zoomed_view))
    assert (found.matches, found.similarity >= 90) == (
        (n_matches, True) if is_found else (0, False)
    )


@pytest.mark.parametrize(("n_matches", "is_found"), [(8, False), (13, True)])  # 4 and 6.5 percent
def test_a_twentieth_of_the_features_in_common_is_enough_where_blocks_agree(n_matches, is_found):
    crop, whole, to_whole = crop_and_whole()
    points, others = (
        points_within(7, 200, 10, 10, 310, 230),
        points_within(8, 200, 10, 10, 310, 230),
    )
    bits, other_bits = random_bits(9, 200), random_bits(10, 200)
    others[:n_matches], other_bits[:n_matches] = points[:n_matches], bits[:n_matches]
    found = align(features_of(crop, points, bits), features_of(whole, to_whole(others), other_bits))
    assert (found.matches, found.similarity >= 90) == (
        (n_matches, True) if is_found else (0, False)
    )

"""Copies are found after any change, and the numbers say what the change was."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from aligned_pictures import align_pictures, captioned, crop, shaken, side_by_side
from imgdup_nb.aligned.geometry import apply
from imgdup_nb.aligned.registration import align
from imgdup_nb.aligned.warp_loops import (
    similarity_of,
)
from imgdup_nb.engine.features import (
    aligned_features,
    working_size,
)

CHANGES = {
    "cropped to 80 %": lambda image: crop(image, 0.8, 0.9, 0.2),
    "cropped to 60 %": lambda image: crop(image, 0.6, 0.3, 0.6),
    "turned by 25 degrees": lambda image: image.rotate(25, Image.Resampling.BICUBIC),
    "turned by 160 degrees": lambda image: image.rotate(160, Image.Resampling.BICUBIC, expand=True),
    "mirrored": ImageOps.mirror,
    "upside down": ImageOps.flip,
    "mirrored and turned": lambda image: ImageOps.mirror(image).rotate(
        40, Image.Resampling.BICUBIC, expand=True
    ),
    "squashed": lambda image: image.resize((image.width * 2 // 3, image.height)),
    "a third of the size": lambda image: image.resize(
        (image.width // 3, image.height // 3), Image.Resampling.LANCZOS
    ),
    "twice the size": lambda image: image.resize((image.width * 2, image.height * 2)),
    "brighter": lambda image: image.point(lambda value: min(255, round(value * 1.3))),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_copy_agrees_where_both_show_the_same(cat, change):
    assert align_pictures(cat, change(cat)).similarity >= 90


def test_a_covered_part_counts_against_the_similarity(cat):
    found = align_pictures(cat, captioned(cat))
    assert 50 <= found.similarity <= 80  # 28 % of the picture lie under the bar
    blocks = found.blocks
    lower = np.arange(len(blocks)) > 0.78 * len(blocks)
    assert np.nanmean(blocks[: round(0.6 * len(blocks))]) > 0.95
    assert np.nanmean(blocks[lower]) < 0.5


def test_a_picture_is_found_in_a_collage(cat, temple):
    both = side_by_side(cat, temple)
    for part in (cat, temple):
        found = align_pictures(part, both)
        assert found.similarity >= 90
        assert found.overlap_left > 97
        assert 30 < found.overlap_right < 60


def test_overlap_rotation_scale_and_mirror_are_those_of_the_change(cat):
    turned = align_pictures(cat, cat.rotate(30, Image.Resampling.BICUBIC))
    assert turned.rotation == pytest.approx(30, abs=1)
    assert not turned.mirrored
    part = align_pictures(cat, crop(cat, 0.7))
    assert part.overlap_left == pytest.approx(49, abs=2)
    assert part.overlap_right == pytest.approx(100, abs=1)
    assert part.scale == pytest.approx(1 / 0.7, abs=0.03)
    whole = align_pictures(cat, ImageOps.mirror(cat))
    assert whole.mirrored
    assert whole.rotation == pytest.approx(0, abs=1)
    assert (whole.overlap_left, whole.overlap_right) == pytest.approx((100, 100), abs=1.5)
    assert whole.scale == pytest.approx(1, abs=0.02)


def test_the_transform_leads_points_of_left_to_the_same_points_of_right(cat):
    found = align_pictures(cat, crop(cat, 0.5, 0, 0))
    width, height = working_size(*cat.size)
    assert apply(found.transform, [(0, 0), (width / 2, height / 2)]) == pytest.approx(
        np.array([(0, 0), working_size(*crop(cat, 0.5).size)]), abs=3
    )


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_similarity_does_not_depend_on_which_picture_comes_first(cat, change):
    one, other = aligned_features(cat), aligned_features(change(cat))
    forth, back = align(one, other), align(other, one)
    assert (forth.similarity, forth.matches, forth.mirrored) == (
        back.similarity,
        back.matches,
        back.mirrored,
    )
    assert (forth.overlap_left, forth.overlap_right) == (back.overlap_right, back.overlap_left)
    assert forth.scale == pytest.approx(1 / back.scale)


def test_a_second_photograph_of_a_scene_has_at_most_79_and_a_copy_at_least_90(cat, temple):
    for picture in (cat, temple):
        small = picture.resize((160, 107), Image.Resampling.LANCZOS)
        assert align_pictures(picture, shaken(picture, 1.5)).similarity <= 79
        assert align_pictures(picture, shaken(picture, 0)).similarity >= 90
        assert align_pictures(picture, small).similarity >= 90
        assert (
            align_pictures(picture, small).residual
            < 0.15
            < 0.22
            < align_pictures(picture, shaken(picture, 1.5)).residual
        )


def test_a_residual_changes_nothing_below_70_and_keeps_the_order_above():
    assert [similarity_of(share / 100, 0.05, 0.0) for share in (0, 69, 85, 100)] == pytest.approx(
        [0, 69, 85, 100]
    )
    assert [
        similarity_of(share / 100, 0.5, 0.0) for share in (0, 69, 70, 85, 100)
    ] == pytest.approx([0, 69, 70, 74.5, 79])
    assert 79 < similarity_of(1.0, 0.18, 0.0) < 100


def test_a_pair_in_doubt_has_at_most_79_however_small_its_residual():
    assert [similarity_of(share / 100, 0.05, 1.0) for share in (0, 69, 85, 100)] == pytest.approx(
        [0, 69, 74.5, 79]
    )
    assert similarity_of(1.0, 0.05, 0.5) == pytest.approx(89.5)

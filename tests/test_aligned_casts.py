"""A copy under other light keeps its score; one colour among others that changed does not."""

import numpy as np
import pytest
from PIL import Image

from aligned_pictures import photo
from imgdup_nb.aligned.casts import has_cast
from imgdup_nb.aligned.registration import align
from imgdup_nb.engine.features import aligned_features

RED, GREEN, BLUE, SAND = (190, 60, 60), (70, 140, 80), (60, 80, 180), (190, 170, 130)


def cloths(*colours, side=320):
    """Return four cloths beside each other, of one weave."""
    weave = np.random.default_rng(0).normal(0, 18, (side // 2, side // 2)).repeat(2, 0).repeat(2, 1)
    tops = [np.broadcast_to(np.array(colour, float), (side, side // 4, 3)) for colour in colours]
    values = np.concatenate(tops, axis=1) + weave[..., None]
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def lit(picture, *gains):
    """Multiply red, green and blue of the light."""
    light = (np.asarray(picture, float) / 255) ** 2.2 * gains
    return Image.fromarray((255 * light.clip(0, 1) ** (1 / 2.2)).astype(np.uint8))


def similarity(*pictures):
    return align(*(aligned_features(picture) for picture in pictures)).similarity


@pytest.mark.parametrize("gains", [(1.5, 0.95, 0.4), (0.55, 0.9, 1.7), (1, 0.55, 0.2)])
def test_a_copy_under_other_light_is_a_copy(gains):
    plain = cloths(RED, GREEN, BLUE, SAND)
    assert 90 <= similarity(plain, lit(plain, *gains)) <= 99
    astronaut = photo("astronaut")
    assert 90 <= similarity(astronaut, lit(astronaut, *gains)) <= 99


@pytest.mark.parametrize(
    "colours",
    [
        (BLUE, GREEN, BLUE, SAND),  # the red one is blue
        (RED, RED, BLUE, SAND),
        (GREEN, BLUE, RED, SAND),  # each is another one
        (RED, GREEN, BLUE, (190, 60, 130)),
    ],
)
def test_cloths_of_which_one_has_another_colour_are_no_copies(colours):
    assert 70 <= similarity(cloths(RED, GREEN, BLUE, SAND), cloths(*colours)) < 80


def test_a_cloth_of_one_colour_has_no_cast():
    red, orange = cloths(*[RED] * 4), cloths(*[(190, 130, 20)] * 4)
    assert 70 <= similarity(red, orange) < 80


def test_a_cast_needs_blocks_of_several_colours():
    blocks = np.float32([[100, 40, 0], [120, -20, 30], [90, 0, -40]])
    many = blocks.repeat(20, axis=0)
    assert has_cast(many, many)
    assert not has_cast(blocks, blocks)  # too few
    assert not has_cast(blocks[:0], blocks[:0])
    one_hue = many * [1, 1, 0]
    assert not has_cast(one_hue, one_hue)

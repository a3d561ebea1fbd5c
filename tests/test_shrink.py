"""Small pictures are Pillow's, byte by byte, and sketches are made of them."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgdup_nb.engine.files import read_bytes
from imgdup_nb.engine.shrink import FRACTION_BITS, lanczos_weights, shrink_and_turn, shrink_pixels
from imgdup_nb.engine.sketches import SKETCH_SIDE, sketch_image

LANCZOS = Image.Resampling.LANCZOS
SIZES = st.sampled_from([(64, 64), (32, 32), (9, 8), (1, 1)])


def shrink_with_pillow(pixels, width, height):
    """Columns first, then rows; for both at once, the order depends on Pillow's version."""
    return np.asarray(
        Image.fromarray(pixels)
        .resize((pixels.shape[1], height), LANCZOS)
        .resize((width, height), LANCZOS)
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), SIZES, st.integers(0, 2**32 - 1))
def test_every_byte_is_that_of_pillow(height, width, size, seed):
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (height, width), dtype=np.uint8)
    for pixels in (noise, (noise > 127) * np.uint8(255)):  # black beside white reaches beyond both
        np.testing.assert_array_equal(
            shrink_pixels(pixels, *size), shrink_with_pillow(pixels, *size)
        )


def test_a_step_exchanges_columns_and_rows():
    pixels = np.arange(5 * 70, dtype=np.uint8).reshape(5, 70)
    small = shrink_and_turn(pixels, 3)
    assert small.shape == (70, 3)
    np.testing.assert_array_equal(shrink_and_turn(small, 64), shrink_pixels(pixels, 64, 3))


@pytest.mark.parametrize("n_in", [1, 2, 63, 64, 65, 267, 2047])
def test_weights_add_up_to_one_and_lie_within_the_picture(n_in):
    weights = lanczos_weights(n_in, 64)
    np.testing.assert_allclose(
        weights.shares.sum(axis=1), 2**FRACTION_BITS, atol=weights.shares.shape[1]
    )
    reach = weights.starts[:, None] + np.arange(weights.shares.shape[1])
    assert (weights.starts >= 0).all()
    assert (weights.shares[reach >= n_in] == 0).all()


def test_a_grey_sketch_is_the_picture_shrunk_in_one_step(picture):
    grey = picture(3, 300, 211).convert("L")
    np.testing.assert_array_equal(
        sketch_image(np.asarray(grey)), shrink_with_pillow(np.asarray(grey), 64, 64)
    )


def test_a_sketch_in_colour_has_each_channel_shrunk_alone(picture):
    colored = picture(4, 150, 230)
    sketch = sketch_image(np.asarray(colored))
    assert sketch.shape == (SKETCH_SIDE, SKETCH_SIDE, 3)
    for channel, band in enumerate(colored.split()):
        np.testing.assert_array_equal(sketch[:, :, channel], sketch_image(np.asarray(band)))


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (5000, 64), (2100, 2100)])
def test_very_large_and_very_narrow_pictures_keep_what_they_show(size):
    halves = Image.new("L", size, 200)
    halves.paste(40, (0, 0, size[0], size[1] // 2))
    sketch = sketch_image(np.asarray(halves)).astype(int)
    assert abs(sketch[-8:] - 200).max() <= 1
    assert size[1] == 1 or abs(sketch[:8] - 40).max() <= 1
    assert (sketch == sketch[:, :1]).all()


@pytest.mark.parametrize("size", [None, 1, 999, 1000, 5000])
def test_a_file_is_read_as_far_as_its_size_was_known(size, tmp_path):
    content = os.urandom(1000)
    path = tmp_path / "some bytes"
    path.write_bytes(content)
    assert read_bytes(str(path), size) == content[:size]
    assert read_bytes(str(path)) == content


def test_line_ends_are_read_as_they_are(tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"\r\n\x1a\n" * 9)
    assert read_bytes(str(path), 36) == b"\r\n\x1a\n" * 9

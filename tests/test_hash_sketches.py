"""Hashing many sketches at once gives the very bits of imagehash, one by one."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from imgdup_nb import METHODS, fingerprint_images, scan_images
from imgdup_nb.engine.hashing import hash_sketches, sketch_mode, turn_views
from imgdup_nb.engine.reading import read_batch
from imgdup_nb.engine.sketches import sketch_image

HASHES = list(METHODS.hashes)


def some_sketches(picture, mode):
    """Pictures, noise, and three kinds with many ties: flat colours, checkers, few levels."""
    rng = np.random.default_rng(0)
    sketches = [sketch_image(np.asarray(picture(seed))) for seed in range(12)]
    sketches += [rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(12)]
    sketches += [np.full((64, 64, 3), value, np.uint8) for value in (0, 1, 127, 128, 255)]
    sketches += [
        (rng.integers(0, 2, (8, 8, 3)) * 255).repeat(8, 0).repeat(8, 1).astype(np.uint8)
        for _ in range(8)
    ]
    sketches += [
        (rng.integers(0, 4, (4, 4, 1)) * 80)
        .repeat(16, 0)
        .repeat(16, 1)
        .repeat(3, 2)
        .astype(np.uint8)
        for _ in range(8)
    ]
    return np.stack([np.asarray(Image.fromarray(sketch).convert(mode)) for sketch in sketches])


@pytest.mark.parametrize("method", HASHES)
def test_every_bit_is_that_of_imagehash(method, picture):
    sketches = some_sketches(picture, sketch_mode(method))
    expected = [
        [METHODS[method].compute(Image.fromarray(view)).ravel() for view in turn_views(sketch)]
        for sketch in sketches
    ]
    np.testing.assert_array_equal(hash_sketches(sketches, method, 8), expected)
    np.testing.assert_array_equal(hash_sketches(sketches, method)[:, 0], np.array(expected)[:, 0])
    assert hash_sketches(sketches[:0], method).shape[0] == 0


@pytest.mark.filterwarnings("ignore:.*could not be read")
def test_one_look_gives_the_row_and_the_codes_of_all_methods(photos):
    images = scan_images(photos)
    readings = read_batch(
        list(zip(images.image, images.path, strict=True)), methods=HASHES, orientations=True
    )
    for column in ("sha256", "width", "height", "detail", "problem", "format", "metadata"):
        np.testing.assert_array_equal([reading.row[column] for reading in readings], images[column])
    good = [reading for reading in readings if not reading.row["problem"]]
    for method in HASHES:
        codes = fingerprint_images(images, method=method, orientations=True).codes
        np.testing.assert_array_equal(np.stack([reading.codes[method] for reading in good]), codes)
    assert not any(reading.codes for reading in readings if reading.row["problem"])

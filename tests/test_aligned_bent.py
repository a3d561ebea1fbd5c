"""Pictures bent by a lens are copies; second photographs of a scene stay second photographs."""

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from aligned_pictures import align_pictures, photo, shaken
from imgdup_nb.aligned.agreement import NOTHING
from imgdup_nb.aligned.bent import align_bent, fit_robustly
from imgdup_nb.aligned.words import say_alignment
from imgdup_nb.engine.features import aligned_features

PHOTOS = ["astronaut", "coffee", "temple"]


def through_a_lens(picture, strength):
    """Bend lines outwards (barrel, above 0) or inwards (pincushion)."""
    height, width = np.asarray(picture).shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    stretch = (1 + strength * (x * x + y * y)) / (1 + max(0, 2 * strength))
    places = (x * stretch + 1) * (width - 1) / 2, (y * stretch + 1) * (height - 1) / 2
    return Image.fromarray(cv2.remap(np.asarray(picture), *places, cv2.INTER_CUBIC))


@pytest.mark.parametrize("strength", [0.2, -0.12])
@pytest.mark.parametrize("name", PHOTOS)
def test_a_picture_bent_by_a_lens_is_a_copy(name, strength):
    found = align_pictures(photo(name), through_a_lens(photo(name), strength))
    assert 90 <= found.similarity < 100
    assert found.treatment == "bend"
    assert "bent, as by a lens" in say_alignment(found, "one", "other")


@pytest.mark.parametrize("name", PHOTOS)
def test_a_rippled_picture_is_a_copy(name):
    picture = np.asarray(photo(name))
    height, width = picture.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    x, y = x + 0.015 * (np.sin(4 * y) + np.sin(5 * x + 1)), y + 0.015 * np.cos(4 * x + 2)
    places = (x + 1) * (width - 1) / 2, (y + 1) * (height - 1) / 2
    rippled = cv2.remap(picture, *(each.astype(np.float32) for each in places), cv2.INTER_CUBIC)
    found = align_pictures(photo(name), Image.fromarray(rippled))
    assert found.similarity >= 90
    assert found.treatment == "bend"
    assert found.residual < 0.1


def test_a_bent_picture_is_no_copy_of_others():
    for name, other in zip(PHOTOS, PHOTOS[1:] + PHOTOS[:1], strict=True):
        assert align_pictures(photo(name), through_a_lens(photo(other), 0.2)).similarity < 70


def test_what_moved_against_its_ground_is_no_bend():
    left, right, _ = data.stereo_motorcycle()
    assert align_pictures(Image.fromarray(left), Image.fromarray(right)).similarity < 80
    for name in PHOTOS:
        assert align_pictures(photo(name), shaken(photo(name), 2)).similarity < 80


def test_nothing_is_bent_where_nothing_was_aligned():
    one, other = (aligned_features(photo(name)) for name in ("coffee", "temple"))
    assert align_bent(one, other, NOTHING) is NOTHING


def test_a_few_places_far_off_do_not_change_a_fit():
    known = np.column_stack([np.ones(50), np.linspace(-1, 1, 50)])
    wanted = known @ np.array([[2.0, 0], [1, 3]])
    wanted[:5] += 40
    assert fit_robustly(known, wanted) == pytest.approx(np.array([[2, 0], [1, 3]]), abs=0.01)

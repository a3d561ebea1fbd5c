"""Smooth pictures, such as skies, glows and gradients: copies are found, look-alikes are not."""

import io
from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from aligned_pictures import align_pictures, crop, photo, table_of
from imgdup_nb.aligned.candidates import MAX_PARTNERS, find_near_shades
from imgdup_nb.aligned.shades import is_smooth
from imgdup_nb.aligned.words import say_alignment
from imgdup_nb.engine.features import aligned_features

Y, X = np.mgrid[:200, :300]


def picture(levels):
    """Return a picture of grey levels or colours, RGB."""
    return Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8)).convert("RGB")


def glow(x, y, area, height=40.0, ground=100.0):
    return picture(ground + height * np.exp(-((X - x) ** 2 + (Y - y) ** 2) / area))


def sky(top, bottom):
    """Return a picture that goes from one colour to another, from above to below."""
    share = (Y / Y.max())[:, :, None]
    return picture(np.array(top) + (np.array(bottom) - np.array(top)) * share)


SMOOTH = {
    "glow": glow(90, 70, 9000),
    "wide": glow(90, 70, 14000),
    "narrow": glow(90, 70, 5000),
    "moved": glow(150, 100, 9000),
    "low": glow(90, 70, 9000, height=25),
    "light": glow(90, 70, 9000, ground=160),
    "two": picture(np.maximum(glow(90, 70, 9000), glow(220, 150, 9000))),
    "morning": sky((60, 110, 190), (235, 190, 160)),
    "evening": sky((20, 30, 80), (240, 120, 60)),
    "noon": sky((40, 100, 200), (180, 215, 240)),
    "ramp": picture(60 + X / 2),
    "slope": picture(90 + X / 6 + Y / 3),
}


def jpeg(image):
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=60)
    return Image.open(packed)


COPIES = {
    "jpeg": (90, jpeg),
    "small": (95, lambda image: image.resize((130, 87), Image.Resampling.LANCZOS)),
    "brighter": (90, lambda image: ImageEnhance.Brightness(image).enhance(1.1)),
    "paler": (90, lambda image: ImageEnhance.Contrast(image).enhance(0.9)),
    "cropped": (80, lambda image: crop(image, 0.95, 0.2, 0.8)),
    "mirrored": (95, lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_of_smooth_pictures_are_found(kind):
    least, change = COPIES[kind]
    scores = {
        name: align_pictures(image, change(image)).similarity for name, image in SMOOTH.items()
    }
    assert min(scores.values()) >= least, scores


def test_other_smooth_pictures_are_no_copies_however_well_they_fit_when_zoomed():
    features = {name: aligned_features(image) for name, image in SMOOTH.items()}
    assert all(map(is_smooth, features.values()))
    scores = {
        pair: align_pictures(SMOOTH[pair[0]], SMOOTH[pair[1]]).similarity
        for pair in combinations(SMOOTH, 2)
    }
    assert max(scores.values()) <= 79, scores


def test_smooth_pictures_are_scored_alike_from_both_sides():
    one, other = SMOOTH["glow"], crop(SMOOTH["glow"], 0.95)
    assert align_pictures(one, other).similarity == align_pictures(other, one).similarity
    assert align_pictures(one, one.copy()).similarity == 100


def test_a_small_part_of_a_smooth_picture_is_no_copy_of_it():
    assert align_pictures(SMOOTH["glow"], crop(SMOOTH["glow"], 0.5)).similarity <= 79
    assert align_pictures(SMOOTH["noon"], crop(SMOOTH["noon"], 0.5)).similarity <= 79


def test_a_smooth_picture_is_no_copy_of_a_photograph_in_which_something_is_smooth(temple):
    shades = [image for name, image in SMOOTH.items() if name in ("noon", "ramp", "glow")]
    assert max(align_pictures(temple, shade).similarity for shade in shades) < 70


def test_a_shot_out_of_focus_is_found_again_and_another_one_is_not():
    cat, rocket = (photo(name).filter(ImageFilter.GaussianBlur(60)) for name in ("cat", "rocket"))
    assert align_pictures(cat, jpeg(cat.resize((300, 200)))).similarity >= 90
    assert align_pictures(cat, rocket).similarity <= 79


def test_a_table_of_skies_and_glows_holds_their_copies_only(tmp_path):
    small = {f"{name} small": COPIES["small"][1](SMOOTH[name]) for name in ("glow", "evening")}
    pairs = table_of(tmp_path, SMOOTH | small, min_similarity=80)
    assert {*zip(pairs.left, pairs.right, strict=True)} == {
        ("glow small.png", "glow.png"),
        ("evening small.png", "evening.png"),
    }


def test_copies_of_gradients_are_candidates_though_their_hashes_are_noise(tmp_path):
    names = ("ramp", "slope", "noon", "morning", "evening")
    pictures = {name: SMOOTH[name] for name in names}
    changed = {f"{name} copy": jpeg(COPIES["small"][1](SMOOTH[name])) for name in names}
    mirrored = {"ramp mirrored": COPIES["mirrored"][1](SMOOTH["ramp"])}
    pairs = table_of(tmp_path, pictures | changed | mirrored, min_similarity=90)
    groups = {frozenset(pair) for pair in zip(pairs.left, pairs.right, strict=True)}
    assert groups == {frozenset((f"{name}.png", f"{name} copy.png")) for name in names} | {
        frozenset(("ramp.png", "ramp mirrored.png")),
        frozenset(("ramp copy.png", "ramp mirrored.png")),
    }


def test_smooth_pictures_of_two_collections_are_paired_across_only():
    features = [aligned_features(SMOOTH[name]) for name in ("ramp", "noon", "ramp", "evening")]
    blank = np.zeros(4, bool)
    assert find_near_shades(features, blank, 2).tolist() == [[0, 2]]
    assert find_near_shades(features, blank, 4).tolist() == []
    assert find_near_shades(features, np.array([True, False, False, False])).tolist() == []
    assert find_near_shades(features[:1], blank[:1]).tolist() == []
    assert find_near_shades([], blank[:0]).tolist() == []


def test_of_twenty_near_gradients_each_has_its_nearest_as_partners():
    features = [aligned_features(picture(60 + 0.1 * k + X / 2)) for k in range(0, 100, 5)]
    pairs = find_near_shades(features, np.zeros(20, bool))
    assert [0, 1] in pairs.tolist()
    assert [0, 19] not in pairs.tolist()
    assert np.bincount(pairs.ravel(), minlength=20).max() <= 3 * MAX_PARTNERS
    turned = find_near_shades(features[::-1], np.zeros(20, bool))
    assert np.array_equal(np.unique(np.sort(19 - turned, axis=1), axis=0), pairs)


def test_a_sentence_says_why_smooth_pictures_are_compared_in_place():
    said = say_alignment(align_pictures(SMOOTH["glow"], SMOOTH["wide"]), "glow", "wide")
    assert said.endswith("so only their colours in place are compared.")


@pytest.mark.parametrize("size", [(1, 1), (300, 1), (1, 300), (9, 9), (40, 300)])
def test_smooth_pictures_of_odd_sizes_are_scored(size):
    tiny = SMOOTH["ramp"].resize(size)
    found = align_pictures(tiny, SMOOTH["glow"])
    assert found.similarity <= 79
    assert align_pictures(tiny, tiny).similarity in (0, 100)

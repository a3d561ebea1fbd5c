"""One sky, glow or gradient behind other things does not make two pictures copies."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from aligned_pictures import align_pictures, photo
from imgdup_nb.aligned.backdrops import judge_backdrop, smooth_share
from imgdup_nb.aligned.registration import align
from imgdup_nb.aligned.words import say_alignment
from imgdup_nb.engine.features import aligned_features


def night(seed):
    """Make a glow across the sky, always the same one, with stars."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:480j, -1:1:720j]
    sky = 90 * np.exp(-(((y - 0.3 * x) / 0.3) ** 2))
    for row, column, light in zip(
        rng.integers(2, 478, 300), rng.integers(2, 718, 300), rng.pareto(1.5, 300), strict=True
    ):
        sky[row - 1 : row + 2, column - 1 : column + 2] += min(255, 60 * light)
    return Image.fromarray(sky.clip(0, 255).astype(np.uint8)).convert("RGB")


def evening(seed):
    """Make a sky from violet to orange, always the same one, and hills in front of it."""
    rng = np.random.default_rng(seed)
    share = np.linspace(0, 1, 480)[:, None, None]
    sky = (1 - share) * (40, 30, 90) + share * (255, 140, 60)
    picture = Image.fromarray(np.broadcast_to(sky, (480, 720, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for left in rng.integers(0, 640, 3):
        top = 480 - int(rng.integers(60, 200))
        draw.polygon([(left - 90, 480), (left + 40, top), (left + 170, 480)], fill="#141828")
    return picture


def shore(seed):
    """Make that sky with a sun and hills above a dark sea: the horizon is always the same one."""
    rng = np.random.default_rng([3, seed])
    share = np.linspace(0, 1, 480)[:, None, None]
    sky = (1 - share) * (40, 30, 90) + share * (255, 140, 60)
    picture = Image.fromarray(np.broadcast_to(sky, (480, 720, 3)).astype(np.uint8))
    draw, left = ImageDraw.Draw(picture), int(rng.integers(80, 640))
    draw.ellipse((left - 40, 250, left + 40, 330), fill="#ffe9a0")
    draw.rectangle((0, 320, 720, 480), fill="#20304a")
    for left in rng.integers(0, 720, 4):
        top = 320 - int(rng.integers(30, 120))
        draw.polygon([(left - 90, 320), (left, top), (left + 90, 320)], fill="#141828")
    return picture


def compressed(picture, quality):
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)


def grainy(picture, spread):
    noise = np.random.default_rng(0).normal(0, spread, (picture.height, picture.width, 1))
    return Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("scene", [night, evening])
def test_other_things_before_one_sky_are_no_copies(scene):
    for one, other in ((0, 1), (2, 3), (4, 5)):
        assert align_pictures(scene(one), scene(other)).similarity < 80


def test_other_hills_at_one_shore_are_no_copies_though_the_horizon_matches():
    for one, other in ((1, 3), (5, 6), (0, 2)):
        assert align_pictures(shore(one), shore(other)).similarity < 80


@pytest.mark.parametrize("scene", [night, evening, shore])
def test_copies_of_such_a_picture_stay_copies(scene):
    picture = scene(7)
    for copy in (
        compressed(picture, 20),
        picture.resize((360, 240)),
        picture.crop((30, 20, 700, 470)),
        grainy(picture, 20),
        picture.point(lambda level: min(255, round(1.2 * level))),
    ):
        assert align_pictures(picture, copy).similarity >= 90


def test_noise_of_a_copy_is_no_detail_of_its_own():
    rising = np.concatenate([np.arange(0, 255, 1.7), np.arange(255, 0, -1.7)])
    tent = Image.fromarray(np.tile(rising, (200, 1)).astype(np.uint8)).convert("RGB")
    draw = ImageDraw.Draw(tent)
    for left in (30, 130, 220):
        draw.polygon([(left, 200), (left + 20, 140), (left + 40, 200)], fill="#208040")
    noisy = grainy(tent, 7)
    assert smooth_share(aligned_features(noisy).grey) > 0.25
    assert align_pictures(tent, noisy).similarity >= 90


def test_words_on_a_photograph_of_a_sky_are_no_other_picture():
    rocket = photo("rocket")
    marked = rocket.copy()
    ImageDraw.Draw(marked).text((20, 20), "LIFT-OFF", "white", font_size=60)
    assert smooth_share(aligned_features(rocket).grey) > 0.25
    assert align_pictures(rocket, marked).similarity >= 80


def test_the_sentence_names_the_backdrop():
    pair = [aligned_features(night(seed)) for seed in (0, 1)]
    found = align(*pair)
    assert (found.similarity, found.treatment) == (79, "backdrop")
    assert "one smooth backdrop" in say_alignment(found, "a.jpg", "b.jpg")
    assert judge_backdrop(found, *pair) is found


def test_a_strip_has_no_blocks_and_no_backdrop():
    assert smooth_share(aligned_features(Image.linear_gradient("L").resize((600, 4))).grey) == 0

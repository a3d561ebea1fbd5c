"""Parts of large pictures are found: collages, pictures inside pictures, small crops."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from aligned_pictures import photo
from imgdup_nb import fingerprint_images, scan_images, similar_pairs
from imgdup_nb.aligned import registration as alignment
from imgdup_nb.aligned import votes
from imgdup_nb.aligned.agreement import Alignment
from imgdup_nb.aligned.candidates import find_candidates
from imgdup_nb.aligned.registration import WHOLE_IN_ZOOMED, WHOLES, align
from imgdup_nb.aligned.scores import MAX_VOTE_BITS
from imgdup_nb.demo import PHOTOS
from imgdup_nb.engine.features import (
    Features,
    aligned_features,
    is_large,
    read_features,
    spread_evenly,
    working_size,
)

TILE = (400, 300)  # of a collage of three by three


@pytest.fixture(scope="module")
def photos():
    return {name: photo(name) for name in PHOTOS}


@pytest.fixture(scope="module")
def features(photos):
    return {name: aligned_features(photo) for name, photo in photos.items()}


def collage(pictures, columns=3):
    """Return tiles row by row, with white between them."""
    rows = -(-len(pictures) // columns)
    canvas = Image.new("RGB", (columns * (TILE[0] + 6), rows * (TILE[1] + 6)), "white")
    for k, picture in enumerate(pictures):
        canvas.paste(
            ImageOps.fit(picture, TILE), (k % columns * (TILE[0] + 6), k // columns * (TILE[1] + 6))
        )
    return canvas


@pytest.fixture(scope="module")
def nine(photos):
    return aligned_features(collage(list(photos.values())))


def on_canvas(picture, background, share):
    """Return a picture, as wide as a share of it, on a large background."""
    canvas = background.resize((1500, 1000))
    inner = picture.resize(
        (round(1500 * share), round(1500 * share * picture.height / picture.width))
    )
    canvas.paste(ImageOps.expand(inner, 8, "white"), (700, 150))
    return canvas


# -- what is found ---------------------------------------------------------------------------------

SHARP = ["astronaut", "cat", "coffee", "flower", "temple"]


@pytest.mark.parametrize("name", SHARP)
def test_a_ninth_of_a_collage_is_found_with_its_overlap(features, nine, name):
    found = align(features[name], nine)
    assert found.similarity >= 80
    assert found.overlap_left > 60  # tiles are cut to one shape
    assert found.overlap_right == pytest.approx(12, abs=1.5)
    back = align(nine, features[name])
    assert (back.similarity, back.matches, back.overlap_left) == (
        found.similarity,
        found.matches,
        found.overlap_right,
    )


def test_a_tile_may_be_mirrored(photos, features):
    tiles = {name: ImageOps.mirror(photo) for name, photo in photos.items()}
    found = align(features["temple"], aligned_features(collage(list(tiles.values()))))
    assert found.similarity >= 80
    assert found.mirrored


def test_each_of_several_versions_of_one_picture_is_found_in_its_own_place(photos):
    cat = photos["cat"]
    versions = [
        cat,
        ImageOps.mirror(cat),
        cat.rotate(180),
        cat.crop((120, 40, 400, 250)),
        cat.rotate(90),
        cat.rotate(20),
    ]
    all_of_them = aligned_features(collage(versions))
    for picture in versions[:4]:
        found = align(aligned_features(ImageOps.fit(picture, TILE)), all_of_them)
        assert found.similarity >= 90
        assert found.overlap_left > 97
        assert found.overlap_right == pytest.approx(100 / 6, abs=1.5)


@pytest.mark.parametrize(("mode", "similarity"), [(WHOLE_IN_ZOOMED, 95), (WHOLES, 60)])
def test_a_zoomed_part_that_matches_little_in_one_place_is_tried_in_the_next(
    monkeypatch, features, mode, similarity
):
    cat, given = features["cat"], []
    answers = iter(
        [Alignment(60.0, 20, np.eye(3)[:2]), Alignment(95.0, 10, np.eye(3)[:2]), Alignment(40.0)]
    )

    def answer(_first, _second, pairs, *_):
        given.append(pairs.tolist())
        return next(answers)

    monkeypatch.setattr(alignment, "_align_place", answer)
    pairs = np.array(
        [(0, 0), (1, 1), (0, 1), (1, 0)]
    )  # the first two are carried by a transform that moves nothing
    assert alignment._align_view(cat, cat, pairs, False, mode).similarity == similarity
    assert given == [pairs.tolist(), [[0, 1], [1, 0]]][: len(given)]
    assert len(given) == (2 if mode is WHOLE_IN_ZOOMED else 1)


def test_a_picture_inside_another_is_found(photos, features):
    for share, name in ((0.25, "temple"), (0.3, "coffee")):
        found = align(
            features[name], aligned_features(on_canvas(photos[name], photos["galaxies"], share))
        )
        assert found.similarity >= 80
        assert found.overlap_left > 95


def test_a_small_section_of_a_large_picture_is_found(photos):
    large = collage(list(photos.values()))
    left = 2 * (TILE[0] + 6)
    section = large.crop((left + 20, 10, left + 380, 280)).resize(
        (900, 675), Image.Resampling.BICUBIC
    )
    found = align(aligned_features(section), aligned_features(large))
    assert found.similarity >= 90
    assert found.overlap_left > 97


def test_collages_of_four_that_share_a_tile_agree_in_it_and_say_how_little_it_is(photos):
    one = collage([photos[name] for name in ("temple", "cat", "coffee", "flower")], columns=2)
    other = collage(
        [photos[name] for name in ("galaxies", "portrait", "rocket", "temple")], columns=2
    )
    found = align(aligned_features(one), aligned_features(other))
    assert 70 <= found.similarity <= 79  # neither lies in the other
    assert (found.overlap_left, found.overlap_right) == pytest.approx((25, 25), abs=1)


def test_the_vote_passes_collages_on_whatever_the_order_and_elsewhere_too(features, nine):
    images, most = [*(features[name] for name in SHARP), nine], MAX_VOTE_BITS["aligned"]
    for order in (range(6), range(5, -1, -1)):
        found = {
            frozenset(order[k] for k in pair)
            for pair in find_candidates([images[k] for k in order], most)
        }
        assert {frozenset((k, 5)) for k in range(5)} <= found
    with ThreadPoolExecutor(2) as pool:
        np.testing.assert_array_equal(
            find_candidates(images, most, pool), find_candidates(images, most)
        )


def test_the_number_of_images_in_a_tile_changes_nothing(monkeypatch, features, nine):
    images = [*(features[name] for name in SHARP), nine, replace(nine, zoomed=None)]
    at_once = find_candidates(images, MAX_VOTE_BITS["aligned"])
    monkeypatch.setattr(votes, "TARGETS_A_TILE", 900)
    np.testing.assert_array_equal(find_candidates(images, MAX_VOTE_BITS["aligned"]), at_once)


def test_the_mirrored_tiles_of_a_collage_are_voted_for(photos, features):
    mirrored = aligned_features(collage([ImageOps.mirror(photos[name]) for name in SHARP]))
    for images in ([features["temple"], mirrored], [mirrored, features["temple"]]):
        assert find_candidates(images, MAX_VOTE_BITS["aligned"]).tolist() == [[0, 1]]


def test_the_pair_table_holds_a_collage_and_its_tiles(tmp_path, photos):
    for name in SHARP:
        photos[name].save(tmp_path / f"{name}.jpg", quality=90)
    collage([photos[name] for name in SHARP]).save(tmp_path / "wall.jpg", quality=90)
    pairs = similar_pairs(fingerprint_images(scan_images(tmp_path), "aligned"), min_similarity=80)
    assert {frozenset(pair) for pair in zip(pairs.left, pairs.right, strict=True)} == {
        frozenset((f"{name}.jpg", "wall.jpg")) for name in SHARP
    }


# -- what is not mistaken --------------------------------------------------------------------------


def test_unrelated_pictures_stay_below_70_when_zoomed(photos, features):
    names = list(photos)
    for left_out, walls in itertools.product(names[:5], [names[5:]]):
        wall = aligned_features(collage([photos[name] for name in walls], columns=2))
        assert align(features[left_out], wall).similarity < 70
    halves = [
        aligned_features(collage([photos[name] for name in part], columns=2))
        for part in (names[:4], names[4:8])
    ]
    assert align(*halves).similarity < 70


@pytest.mark.parametrize(
    ("mode", "residual", "similarity"),
    [(WHOLES, 0.35, 79), (WHOLE_IN_ZOOMED, 0.35, 0), (WHOLE_IN_ZOOMED, 0.2, 79)],
)
def test_a_zoomed_part_needs_a_small_residual_however_many_matches_it_has(
    monkeypatch, features, mode, residual, similarity
):
    found = Alignment(
        79.0,
        matches=25,
        transform=np.eye(3)[:2],
        blocks=np.full((6, 8), 0.95, np.float32),
        residual=residual,
    )
    monkeypatch.setattr(alignment, "refine", lambda *_: found)
    cat = features["cat"]
    straight = np.repeat(np.arange(len(cat)), 2).reshape(-1, 2)
    assert alignment._align_view(cat, cat, straight, False, mode).similarity == pytest.approx(
        similarity
    )


# -- what is kept ----------------------------------------------------------------------------------


def test_only_a_picture_of_more_than_twice_the_working_size_is_zoomed(photos):
    temple = photos["temple"]
    assert aligned_features(temple.resize((640, 480))).zoomed is None
    assert not is_large(640, 480)
    large = aligned_features(temple.resize((660, 495)))
    assert large.zoomed is not None
    assert (large.zoomed.size, len(large.zoomed.mirrored)) == (large.size, 0)
    assert 300 < len(large.zoomed) <= 600


def test_a_jpeg_that_is_decoded_smaller_is_zoomed_as_its_png_is(tmp_path, photos):
    picture = collage(list(photos.values())).resize(
        (1280, 960)
    )  # at half the size it would just not be large
    picture.save(tmp_path / "a.jpg", quality=97)
    picture.save(tmp_path / "a.png")
    jpeg, png = (read_features(str(tmp_path / name), "aligned") for name in ("a.jpg", "a.png"))
    assert jpeg.zoomed is not None
    assert png.zoomed is not None
    assert align(jpeg, png).similarity > 97
    assert read_features(str(tmp_path / "a.png"), "akaze").zoomed is None


def test_faint_parts_of_a_picture_get_their_features_too(photos):
    faint = ImageEnhance.Contrast(photos["temple"]).enhance(0.35)
    zoomed = aligned_features(
        collage([photos["coffee"], photos["astronaut"], photos["cat"], faint], columns=2)
    ).zoomed
    width, height = zoomed.size
    in_faint = ((zoomed.points[:, 0] > width / 2) & (zoomed.points[:, 1] > height / 2)).sum()
    assert in_faint > 0.12 * len(zoomed)


def test_zoomed_points_are_in_the_pixels_of_the_whole(nine):
    width, height = nine.size
    for points in (nine.points, nine.zoomed.points):
        assert (points >= 0).all()
        assert (points <= (width, height)).all()
    assert nine.zoomed.points.max(axis=0) == pytest.approx((width, height), rel=0.1)


def test_points_are_spread_in_turns_over_the_cells():
    points = np.array([(x, y) for x in (5, 15, 25) for y in (5, 6, 7)])
    strength = [9, 8, 7, 3, 2, 1, 6, 5, 4]
    assert spread_evenly(points, strength, cell=10, most=3).tolist() == [0, 3, 6]
    assert spread_evenly(points, strength, cell=10, most=5).tolist() == [0, 1, 3, 6, 7]
    assert spread_evenly(points, strength, cell=10, most=99).tolist() == list(range(9))
    assert spread_evenly(np.zeros((0, 2)), [], cell=10, most=9).tolist() == []


def test_zoomed_features_are_written_to_bytes_and_part_of_the_key(nine):
    kept = nine.to_bytes()
    again = Features.from_bytes(kept)
    assert again.to_bytes() == kept
    assert again.key == nine.key != replace(nine, zoomed=None).key
    assert len(kept) < 72_000
    for name in ("points", "angles", "bits", "mirrored"):
        np.testing.assert_array_equal(
            getattr(again.zoomed, name), getattr(nine.zoomed, name), strict=True
        )


@pytest.mark.parametrize("size", [(6000, 90), (1300, 17), (2500, 2500)])
def test_odd_large_pictures_neither_fail_nor_agree_with_a_photograph(features, size):
    random = np.random.default_rng(4)
    for picture in (
        Image.new("RGB", size, "white"),
        Image.fromarray(random.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)),
    ):
        odd = aligned_features(picture, zoomed=True)
        assert odd.size == working_size(*size)
        assert align(odd, features["cat"]).similarity < 70
        assert Features.from_bytes(odd.to_bytes()).key == odd.key

"""Pictures of straight edges or soft spots have few features; small frames find their copies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from imgdup_nb import Collection, fingerprint_images, scan_images, similar_pairs
from imgdup_nb.aligned import candidates as flat_frames
from imgdup_nb.aligned.agreement import is_textured
from imgdup_nb.aligned.candidates import MAX_PARTNERS, find_alike_frames
from imgdup_nb.engine.features import Features, aligned_features


def bars(*places, size=(320, 240)):
    """Return bright upright bars on grey; places are where each bar begins and ends."""
    picture = Image.new("RGB", size, (70, 80, 90))
    for left, right in places:
        ImageDraw.Draw(picture).rectangle((left, -1, right, size[1]), fill=(220, 190, 90))
    return picture


def spot(x, y):
    picture = Image.new("RGB", (320, 240), (20, 40, 90))
    ImageDraw.Draw(picture).ellipse((x - 60, y - 60, x + 60, y + 60), fill=(230, 220, 200))
    return picture.filter(ImageFilter.GaussianBlur(12))


def shade(turn=0):
    return Image.linear_gradient("L").rotate(turn)


def of_grey(grey, n_features=0):
    """Return the features of a grey picture, as if so many had been found."""
    bits = np.zeros((n_features, 4), np.uint64)
    points, angles = np.zeros((n_features, 2), np.float32), np.zeros(n_features, np.float32)
    colours = np.full((8, 10, 2), 128, np.uint8)
    return Features((320, 240), np.asarray(grey, np.uint8), colours, points, angles, bits, bits)


def random_flat(rng, n_designs=4):
    """Return an upright or a level bar, which has few features; its small versions are equal."""
    grey = np.full((32, 32), 60)
    left = 4 + 4 * rng.integers(n_designs)
    grey[:, left : left + 10] = 200
    grey[:12, left : left + 4] = 100  # so that its mirror image is another one
    grey = np.rot90(grey[:, :: rng.choice([-1, 1])], rng.integers(4)) + rng.integers(3)
    return of_grey(grey, int(rng.choice([0, 15, 16, 63, 64])))


def pairs_of(features, is_blank=None, n_left=None):
    blank = np.zeros(len(features), dtype=bool) if is_blank is None else is_blank
    return [tuple(pair) for pair in find_alike_frames(features, blank, n_left).tolist()]


def correlation(one, other):
    """Return the similarity of two grey pictures at 16 x 16, in the most similar view."""
    one, other = (
        np.asarray(Image.fromarray(grey).resize((16, 16), Image.Resampling.BOX), float)
        for grey in (one.grey, other.grey)
    )
    views = [np.rot90(view, turns) for view in (one, one[:, ::-1]) for turns in range(4)]
    return max(np.corrcoef(view.ravel(), other.ravel())[0, 1] for view in views)


# -- which are looked at ---------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 8), st.integers(0, 10**6), st.data())
def test_of_few_pictures_all_that_are_similar_in_some_orientation_are_candidates(n, seed, data):
    rng = np.random.default_rng(seed)
    pictures = [random_flat(rng) for _ in range(n)]
    blank = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), dtype=bool)
    n_left = data.draw(st.one_of(st.none(), st.integers(0, n)))
    expected = [
        (a, b)
        for b in range(n)
        for a in range(b)
        if min(len(pictures[a]), len(pictures[b])) < 16
        and max(len(pictures[a]), len(pictures[b])) < 64
        and not (blank[a] or blank[b])
        and (n_left is None or a < n_left <= b)
        and correlation(pictures[a], pictures[b]) >= 0.85
    ]
    assert pairs_of(pictures, blank, n_left) == sorted(expected)


def test_the_answer_depends_neither_on_the_order_of_images_nor_on_the_size_of_blocks(monkeypatch):
    rng = np.random.default_rng(1)
    grey = np.asarray(bars((60, 140)).convert("L").resize((40, 30)))
    pictures = [of_grey(grey + rng.integers(0, 3, grey.shape)) for _ in range(60)]
    pairs = pairs_of(pictures)
    assert 60 * MAX_PARTNERS / 2 <= len(pairs) <= 60 * MAX_PARTNERS < 60 * 59 / 2
    order = rng.permutation(60)
    again = pairs_of([pictures[k] for k in order])
    assert sorted(tuple(sorted(order[list(pair)].tolist())) for pair in again) == pairs
    monkeypatch.setattr(flat_frames, "WEIGHT_BLOCK_BYTES", 8 * 60 * 7)
    assert pairs_of(pictures) == pairs


def test_of_a_thousand_equal_frames_each_has_few_partners():
    grey = np.asarray(bars((60, 140)).convert("L").resize((40, 30)))
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(1000):  # other features each, so that they are told apart
        pictures.append(of_grey(grey, 1))
        pictures[-1].bits[:] = number
    n_partners = np.bincount(np.array(pairs_of(pictures)).ravel(), minlength=1000)
    assert n_partners.min() >= MAX_PARTNERS
    assert n_partners.max() <= 2 * MAX_PARTNERS
    copies = [pictures[0]] * (4 * MAX_PARTNERS) + [
        random_flat(rng) for _ in range(3)
    ]  # these cannot be told apart: all or none
    assert {(a, b) for b in range(4 * MAX_PARTNERS) for a in range(b)} <= set(pairs_of(copies))


def test_the_cleanest_of_many_scans_is_not_the_partner_of_all():
    rng = np.random.default_rng(5)
    sharp = np.asarray(bars((60, 140)).convert("L").resize((40, 30)), int)
    scans = [
        of_grey(np.clip(sharp + rng.normal(0, 1 + 0.1 * k, (30, 40)), 0, 255)) for k in range(60)
    ]
    n_partners = np.bincount(np.array(pairs_of(scans)).ravel(), minlength=len(scans))
    assert n_partners.min() >= MAX_PARTNERS
    assert n_partners.max() <= 4 * MAX_PARTNERS


def test_the_most_similar_frames_are_the_partners():
    rng = np.random.default_rng(3)
    sharp = np.asarray(bars((60, 140)).convert("L").resize((40, 30)), int)
    pictures = [
        of_grey(np.clip(sharp + rng.normal(0, 4 * k, (30, 40)), 0, 255))
        for k in range(MAX_PARTNERS + 4)
    ]
    partners = {
        b for a, b in pairs_of([pictures[0], *pictures[:0:-1]]) if a == 0
    }  # the least alike first
    assert {MAX_PARTNERS + 3, MAX_PARTNERS + 2} <= partners


def test_a_gradient_from_side_to_side_is_not_a_candidate_of_every_other():
    pictures = [
        aligned_features(each)
        for each in (shade(), shade(90), shade(180), bars((40, 130)), bars((40, 130)).rotate(180))
    ]
    assert pairs_of(pictures) == [(3, 4)]
    halves = bars((160, 320))  # one edge only
    assert pairs_of([aligned_features(each) for each in (halves, shade(), halves.rotate(180))]) == [
        (0, 2)
    ]


# -- what comes of it ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    """Return a folder of flat pictures and copies that phash misses: turned, then made paler."""
    folder = tmp_path_factory.mktemp("flat")
    originals = {"bars": bars((30, 90), (200, 230)), "bar": bars((70, 150)), "spot": spot(90, 150)}
    for name, picture in originals.items():
        picture.save(folder / f"{name}.png")
        picture.rotate(90, expand=True).save(folder / f"{name}-turned.png")
        pale = picture.rotate(180).point(lambda value: round(60 + 0.6 * value))
        pale.save(folder / f"{name}-pale.jpg", quality=30)
    Image.new("RGB", (50, 50), "white").save(folder / "white.png")
    return folder


def names_of(pairs):
    return {frozenset(pair) for pair in zip(pairs.left, pairs.right, strict=True)}


def test_copies_of_flat_pictures_are_found_and_no_others(flat):
    prints = fingerprint_images(scan_images(flat), "aligned")
    assert not any(is_textured(features) for features in prints.codes[:, 0])
    pairs = similar_pairs(prints)
    copies = [
        [f"{name}{kind}" for kind in (".png", "-turned.png", "-pale.jpg")]
        for name in ("bars", "bar", "spot")
    ]
    assert names_of(pairs) == {
        frozenset(pair) for a, b, c in copies for pair in ((a, b), (a, c), (b, c))
    }
    assert set(pairs.scored_by) == {"aligned"}


def test_two_collections_of_flat_pictures_have_the_pairs_across(flat):
    images = scan_images(flat)
    is_left = images.image.str.contains("turned")
    left, right = (
        fingerprint_images(some, "aligned") for some in (images[is_left], images[~is_left])
    )
    across = {
        pair
        for pair in names_of(similar_pairs(fingerprint_images(images, "aligned")))
        if len(pair & set(left.names)) == 1
    }
    assert len(across) == 6
    with ThreadPoolExecutor(2) as pool:
        for executor in (None, pool):
            assert names_of(similar_pairs(left, right, executor=executor)) == across


def test_a_collection_of_flat_pictures_that_grows_has_the_pairs_of_a_new_one(flat, tmp_path):
    files = sorted(flat.iterdir())
    with Collection(tmp_path) as photos:
        for start in range(0, len(files), 4):
            for file in files[start : start + 4]:
                photos.add(file)
            fresh = similar_pairs(fingerprint_images(photos.images, "aligned"))
            pd.testing.assert_frame_equal(photos.pairs("aligned"), fresh, check_exact=True)
        photos.delete("bar.png")
        fresh = similar_pairs(fingerprint_images(photos.images, "aligned"))
        pd.testing.assert_frame_equal(photos.pairs("aligned"), fresh, check_exact=True)
        assert len(fresh) == 7

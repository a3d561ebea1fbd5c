"""The matrix and the pair table against a double loop."""

import itertools
import warnings
import zlib

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgdup_nb import (
    METHODS,
    Fingerprints,
    fingerprint_images,
    scan_images,
    similar_pairs,
    similarity_matrix,
)
from imgdup_nb.engine.decode import open_image
from imgdup_nb.engine.hashing import turn_views
from imgdup_nb.engine.sketches import read_sketch, sketches
from imgdup_nb.methods import pack_bits

HASHES = list(METHODS.hashes)

pytestmark = pytest.mark.filterwarnings("ignore:.*could not be read")


def random_prints(n, seed=0, method="phash", flips=10):
    """Return fingerprints of n images, near copies of a few random ones."""
    rng = np.random.default_rng(seed)
    bits = rng.random((max(1, n // 3), METHODS[method].bits)) < 0.5
    bits = bits[rng.integers(0, len(bits), n)]
    for row in bits:
        row[rng.integers(0, len(row), rng.integers(0, flips + 1))] ^= True
    return Fingerprints.from_bits([f"{k:04d}.jpg" for k in range(n)], bits, method)


def as_set(pairs):
    return set(zip(pairs.left, pairs.right, pairs.distance, strict=True))


@given(
    n=st.integers(0, 25),
    seed=st.integers(0, 10**6),
    floor=st.just(0) | st.integers(2, 100),
    method=st.sampled_from(HASHES),
)
@settings(deadline=None, max_examples=60)
def test_pairs_are_those_of_a_double_loop(n, seed, floor, method):
    prints = random_prints(n, seed, method)
    bits = prints.to_frame()
    expected = {
        (one, other, int((bits.loc[one] != bits.loc[other]).sum()))
        for one, other in itertools.combinations(prints.names, 2)
        if 100 * (1 - (bits.loc[one] != bits.loc[other]).mean()) >= floor - 1e-9
    }
    assert as_set(similar_pairs(prints, min_similarity=floor)) == expected


@given(n=st.integers(0, 25), seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=30)
def test_matrix_and_pairs_agree(n, seed):
    prints = random_prints(n, seed)
    matrix = similarity_matrix(prints)
    assert (matrix == matrix.T).all(axis=None)
    assert (np.diag(matrix) == 100).all()
    pairs = similar_pairs(prints, min_similarity=0)
    assert len(pairs) == n * (n - 1) // 2
    for left, right, similarity in zip(pairs.left, pairs.right, pairs.similarity, strict=True):
        assert matrix.loc[left, right] == similarity


def test_real_pictures_agree_with_a_double_loop_of_imagehash(photos):
    prints = fingerprint_images(scan_images(photos))
    hashes = {
        image: imagehash.phash(Image.fromarray(read_sketch(path)))
        for image, path in zip(prints.images.image, prints.images.path, strict=True)
    }
    expected = {
        (one, other, hashes[one] - hashes[other])
        for one, other in itertools.combinations(sorted(hashes), 2)
        if hashes[one] - hashes[other] <= 19  # 70 percent
    }
    assert as_set(similar_pairs(prints, include_low_detail=True)) == expected


def test_turned_and_mirrored_copies_are_found_with_orientations(tmp_path, picture):
    for number, view in enumerate(turn_views(np.asarray(picture(5, 128, 96)))):
        Image.fromarray(view).save(tmp_path / f"view {number}.png")
    picture(6).save(tmp_path / "other.png")
    images = scan_images(tmp_path)
    assert len(similar_pairs(fingerprint_images(images), min_similarity=90)) == 0
    found = similar_pairs(fingerprint_images(images, orientations=True), min_similarity=90)
    assert len(found) == 8 * 7 / 2
    assert "other.png" not in set(found.left) | set(found.right)


@given(n=st.integers(0, 9), seed=st.integers(0, 10**6), floor=st.integers(30, 100))
@settings(deadline=None, max_examples=40)
def test_with_orientations_the_nearest_view_counts_in_both_directions(n, seed, floor):
    bits = np.random.default_rng(seed).random((n, 8, 64)) < 0.5
    plain = Fingerprints.from_bits([f"{k}" for k in range(n)], bits[:, 0])
    prints = Fingerprints(plain.images, plain.method, pack_bits(bits), plain.problems)
    expected = set()
    for one, other in itertools.combinations(range(n), 2):
        turned = [(bits[one, view] != bits[other, 0]).sum() for view in range(8)]
        turned += [(bits[one, 0] != bits[other, view]).sum() for view in range(8)]
        if 100 * (1 - min(turned) / 64) >= floor:
            expected.add((str(one), str(other), int(min(turned))))
    assert as_set(similar_pairs(prints, min_similarity=floor)) == expected


def test_vectors_agree_with_a_double_loop_of_cosines(photos):
    def corner(images):
        return [np.asarray(image.resize((8, 8)), dtype=float).ravel() - 128 for image in images]

    prints = fingerprint_images(scan_images(photos), corner)
    vectors = prints.to_frame().astype(float)
    pairs = similar_pairs(prints, min_similarity=50)
    expected = {
        (one, other)
        for one, other in itertools.combinations(prints.names, 2)
        if 100 * vectors.loc[one].dot(vectors.loc[other]) >= 50
    }
    expected = {pair for pair in expected if not set(pair) & {"white.png", "black.png"}}
    assert set(zip(pairs.left, pairs.right, strict=True)) == expected
    same = pairs.set_index(["left", "right"]).loc[("dog again.png", "dog.png")]
    assert same.similarity == 100
    matrix = similarity_matrix(prints)
    assert matrix.loc["cat.png", "cat.bmp"] == 100
    assert (matrix == matrix.T).all(axis=None)


def test_relations_tell_copies_from_look_alikes(photos):
    pairs = similar_pairs(fingerprint_images(scan_images(photos))).set_index(["left", "right"])
    assert pairs.relation["dog again.png", "dog.png"] == "same bytes"
    assert pairs.relation["cat.bmp", "cat.png"] == "same pixels"
    assert pairs.relation["cat.png", "sub/cat.jpg"] == "near"
    assert pairs.relation["cat small.png", "cat.png"] == "near"


def test_a_turned_copy_shows_the_same_pixels(tmp_path, picture):
    exif = Image.Exif()
    exif[0x0112] = 3
    picture(1).save(tmp_path / "a.png")
    picture(1).transpose(Image.Transpose.ROTATE_180).save(tmp_path / "b.png", exif=exif)
    assert similar_pairs(fingerprint_images(scan_images(tmp_path))).relation.tolist() == [
        "same pixels"
    ]


def test_what_a_decoder_remarks_is_not_shown_when_pixels_are_compared(tmp_path, picture):
    for name, level in (("one", 1), ("two", 9)):
        picture(1).save(tmp_path / f"{name}.png", compress_level=level)
        stored = (tmp_path / f"{name}.png").read_bytes()
        chunk = b"acTL" + bytes(8)  # an animation of no frames, on which Pillow remarks
        animated = (
            stored[:33] + (8).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4) + stored[33:]
        )
        (tmp_path / f"{name}.png").write_bytes(animated)
    with pytest.warns(UserWarning, match="Invalid APNG"):
        open_image(tmp_path / "one.png")
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        images = scan_images(tmp_path)
        sketches.forget()
        prints = fingerprint_images(images)
        assert list(similar_pairs(prints).relation) == ["same pixels"]
    assert shown == []


def test_blank_pictures_are_kept_out_and_counted(photos):
    prints = fingerprint_images(scan_images(photos))
    pairs = similar_pairs(prints, min_similarity=0)
    assert not {"white.png", "black.png"} & (set(pairs.left) | set(pairs.right))
    assert pairs.attrs["low_detail"] == 2
    with_blank = similar_pairs(prints, min_similarity=0, include_low_detail=True)
    assert len(with_blank) == 10 * 9 / 2
    assert with_blank.attrs["low_detail"] == 0


def test_blank_files_of_the_same_bytes_or_pixels_are_still_found(tmp_path):
    Image.new("RGB", (50, 50), "white").save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    Image.new("L", (50, 50), 255).save(tmp_path / "c.bmp")
    Image.new("L", (50, 50), 0).save(tmp_path / "d.bmp")
    pairs = similar_pairs(fingerprint_images(scan_images(tmp_path)))
    found = {
        (left, right): relation
        for left, right, relation in zip(pairs.left, pairs.right, pairs.relation, strict=True)
    }
    assert found == {
        ("a.png", "b.png"): "same bytes",
        ("a.png", "c.bmp"): "same pixels",
        ("b.png", "c.bmp"): "same pixels",
    }


def test_pairs_are_sorted_and_know_their_floor():
    pairs = similar_pairs(random_prints(40), min_similarity=80)
    assert pairs.similarity.is_monotonic_decreasing
    assert pairs.equals(pairs.sort_values(["distance", "left", "right"], ignore_index=True))
    assert (pairs.left.astype(str) < pairs.right.astype(str)).all()
    assert pairs.similarity.min() >= 80
    assert pairs.attrs == {
        "method": "phash", "unit": "bits", "bits": 64, "floor": 80.0, "n_images": 40,
        "low_detail": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "error"),
    [(101, ValueError), (-1, ValueError), (float("nan"), ValueError), ("90", TypeError)],
)
def test_a_wrong_floor_is_an_error_that_names_it(value, error):
    with pytest.raises(error, match="min_similarity"):
        similar_pairs(random_prints(3), min_similarity=value)


def test_fingerprints_are_asked_for():
    with pytest.raises(TypeError, match="fingerprint_images"):
        similar_pairs(np.zeros((3, 64)))


def test_a_matrix_too_large_says_how_much_memory_it_would_need():
    names = [str(number) for number in range(10_001)]
    with pytest.raises(ValueError, match=r"10,001 images would need 0.8 GB; similar_pairs"):
        similarity_matrix(Fingerprints.from_bits(names, np.zeros((10_001, 64))))


@pytest.mark.parametrize("n", [0, 1])
def test_few_images_have_no_pairs(n):
    prints = random_prints(n)
    assert len(similar_pairs(prints)) == 0
    assert similarity_matrix(prints).shape == (n, n)

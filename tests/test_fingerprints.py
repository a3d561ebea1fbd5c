"""Fingerprints against imagehash, which defines them."""

import pickle

import imagehash
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from imgdup_nb import METHODS, Fingerprints, fingerprint_images, scan_images, similar_pairs
from imgdup_nb.engine.hashing import sketch_mode, turn_views
from imgdup_nb.engine.sketches import read_sketch
from imgdup_nb.methods import pack_bits, unpack_bits

pytestmark = pytest.mark.filterwarnings("ignore:.*could not be read")

ORACLE = {
    "phash": imagehash.phash,
    "phash256": lambda image: imagehash.phash(image, hash_size=16),
    "dhash": imagehash.dhash,
    "ahash": imagehash.average_hash,
    "whash": imagehash.whash,
    "colorhash": imagehash.colorhash,
}


def test_the_methods_are_those_promised():
    assert list(METHODS) == [*ORACLE, "tiny", "aligned", "akaze"]


@pytest.mark.parametrize("method", ORACLE)
def test_bits_are_those_of_imagehash_on_the_same_sketch(photos, method):
    prints = fingerprint_images(scan_images(photos), method)
    bits = prints.to_frame()
    for image, path in zip(prints.images.image, prints.images.path, strict=True):
        expected = ORACLE[method](
            Image.fromarray(read_sketch(path, sketch_mode(method)))
        ).hash.ravel()
        assert bits.loc[image].tolist() == expected.tolist()


@pytest.mark.parametrize("method", ["phash", "dhash"])
def test_every_view_is_the_hash_of_the_turned_picture(photos, method):
    prints = fingerprint_images(scan_images(photos), method, orientations=True)
    assert prints.n_views == 8
    for path, codes in zip(prints.images.path, prints.codes, strict=True):
        for view, code in zip(turn_views(read_sketch(path)), codes, strict=True):
            expected = ORACLE[method](Image.fromarray(view)).hash.ravel()
            assert unpack_bits(code, METHODS[method].bits).tolist() == expected.tolist()


def test_the_eight_views_are_all_different_and_complete():
    picture = np.arange(16).reshape(4, 4)
    views = {view.tobytes() for view in turn_views(picture)}
    assert len(views) == 8
    assert {
        view.tobytes() for turned in turn_views(picture) for view in turn_views(turned)
    } == views


@pytest.mark.parametrize("method", ["phash", "whash"])
def test_distances_move_in_the_steps_the_method_says(picture, method):
    bits = [ORACLE[method](picture(seed, 64, 64)).hash.ravel() for seed in range(30)]
    distances = {int((a != b).sum()) for a in bits for b in bits}
    assert {distance % METHODS[method].step for distance in distances} == {0}


def test_levels_are_percent_from_100_down_to_the_floor_inclusive():
    assert METHODS["phash"].levels(90).tolist() == [100, 96.875, 93.75, 90.625]
    assert METHODS["dhash"].levels(98.4375).tolist() == [100, 98.4375]
    assert METHODS["colorhash"].levels(100 * 40 / 42)[-1] == pytest.approx(100 * 40 / 42)


@pytest.mark.parametrize("method", ORACLE)
def test_the_largest_distance_is_inclusive(method):
    scale = METHODS[method]
    for distance in range(scale.bits + 1):
        assert scale.max_distance(float(scale.similarity(distance))) == distance


@pytest.mark.parametrize("n_bits", [1, 42, 64, 65, 256])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_packing_loses_no_bit(n, n_bits):
    bits = np.random.default_rng(0).random((n, n_bits)) < 0.5
    assert (unpack_bits(pack_bits(bits), n_bits) == bits).all()


def test_bits_from_elsewhere_are_sorted_by_name():
    bits = np.eye(64, dtype=bool)[:3]
    prints = Fingerprints.from_bits(["c", "a", "b"], bits)
    assert prints.names == ["a", "b", "c"]
    assert (prints.to_frame().to_numpy() == bits[[1, 2, 0]]).all()
    assert len(Fingerprints.from_bits([], np.zeros((0, 64)))) == 0


@pytest.mark.parametrize(
    ("names", "bits", "method", "message"),
    [
        (["a"], np.zeros((2, 64)), "phash", "1 x 64"),
        (["a"], np.zeros((1, 63)), "phash", "1 x 64"),
        (["a", "a"], np.zeros((2, 64)), "phash", "unique"),
        (["a"], np.zeros((1, 64)), "phush", "'phash', 'phash256'"),
    ],
)
def test_bits_that_do_not_fit_are_errors(names, bits, method, message):
    with pytest.raises(ValueError, match=message):
        Fingerprints.from_bits(names, bits, method)


def test_a_function_is_a_method(photos):
    def mean_color(images):
        assert all(image.mode == "RGB" for image in images)
        return [np.asarray(image).mean(axis=(0, 1)) for image in images]

    prints = fingerprint_images(scan_images(photos), mean_color)
    assert prints.method.name == "mean_color"
    assert prints.codes.dtype == np.float32
    lengths = np.linalg.norm(prints.codes[:, 0], axis=1)
    assert lengths[prints.names.index("black.png")] == 0
    assert np.delete(lengths, prints.names.index("black.png")) == pytest.approx(1)
    assert fingerprint_images(scan_images(photos), mean_color, orientations=True).codes.shape == (
        10,
        8,
        3,
    )


RAGGED, COMPLEX, NOTHING = [[1.0], [1.0, 2.0]] * 5, [[1j]] * 10, [[]] * 10


@pytest.mark.parametrize(
    "answer",
    [
        [[1.0]],
        [[np.nan]] * 10,
        [1.0] * 10,
        [[np.inf, 1]] * 10,
        RAGGED,
        COMPLEX,
        NOTHING,
        [["a"]] * 10,
        None,
        3.0,
    ],
)
def test_an_embedding_must_return_a_finite_vector_per_image(photos, answer):
    with pytest.raises(ValueError, match="one finite vector per image"):
        fingerprint_images(scan_images(photos), lambda images: answer)


def test_unknown_methods_and_what_is_no_table_are_errors(photos):
    with pytest.raises(ValueError, match="method must be one of 'phash'"):
        fingerprint_images(scan_images(photos), "sift?")
    with pytest.raises(TypeError, match="scan_images"):
        fingerprint_images(str(photos))


def test_an_image_that_comes_twice_is_named_with_the_way_out(photos):
    images = scan_images(photos)
    with pytest.raises(
        ValueError, match=r"'black.png' is there twice; scan several folders together"
    ):
        fingerprint_images(pd.concat([images, images]))


def test_a_file_gone_since_the_scan_is_listed_with_the_reason(photos):
    images = scan_images(photos)
    (photos / "dog.png").unlink()
    with pytest.warns(UserWarning, match="1 image became unreadable"):
        prints = fingerprint_images(images)
    assert prints.problems.image.tolist() == ["dog.png"]
    assert "gone" in prints.problems.problem.iloc[0]
    assert "dog.png" not in prints.names
    assert len(prints) == 9


def test_a_changed_file_is_read_again(photos, picture):
    images = scan_images(photos)
    before = fingerprint_images(images)
    picture(9).save(photos / "tree.png")
    after = fingerprint_images(images)
    row = before.names.index("tree.png")
    assert (before.codes[row] != after.codes[row]).any()
    assert (np.delete(before.codes, row, 0) == np.delete(after.codes, row, 0)).all()


def test_rows_in_another_order_give_the_same_fingerprints(photos):
    images = scan_images(photos)
    shuffled = fingerprint_images(images.sample(frac=1, random_state=0))
    assert (shuffled.codes == fingerprint_images(images).codes).all()


def test_no_images_give_no_fingerprints(photos):
    none = fingerprint_images(scan_images(photos).iloc[:0])
    assert len(none) == 0
    assert none.to_frame().empty


def test_the_methods_describe_themselves():
    table = METHODS.to_frame()
    assert table.loc["phash", "90 means"] == "at most 6 of 64 bits"
    assert table.loc["phash", "levels >= 70"] == 10
    assert "phash256" in repr(METHODS)


@pytest.mark.parametrize("method", list(METHODS))
def test_fingerprints_of_every_method_can_be_pickled(photos, method):
    prints = fingerprint_images(scan_images(photos).head(4), method)
    again = pickle.loads(pickle.dumps(prints))
    assert again.method == prints.method == METHODS[method]
    assert again.method.gather(list(again.codes), prints.n_views).shape == prints.codes.shape
    packed = [prints.method.pack(code) for code in prints.codes]
    assert [again.method.pack(code) for code in again.codes] == packed
    pd.testing.assert_frame_equal(similar_pairs(again), similar_pairs(prints))


def test_fingerprints_by_a_function_are_pickled_without_it(photos):
    prints = fingerprint_images(scan_images(photos).head(4), lambda some: np.ones((len(some), 3)))
    again = pickle.loads(pickle.dumps(prints))
    pd.testing.assert_frame_equal(again.to_frame(), prints.to_frame())
    with pytest.raises(ValueError, match="pickled without it"):
        fingerprint_images(scan_images(photos).head(4), again.method)


@pytest.mark.parametrize("orientations", [False, True])
@pytest.mark.parametrize(
    "method", ["phash", "phash256", "colorhash", "tiny", "aligned", "akaze", None]
)
def test_packed_codes_are_unpacked_again_and_others_refused(photos, method, orientations):
    function = method or (lambda some: [np.asarray(one).mean((0, 1)) for one in some])
    prints = fingerprint_images(scan_images(photos).head(4), function, orientations=orientations)
    packed = [prints.method.pack(code) for code in prints.codes]
    again = prints.method.unpack(packed, prints.n_views)
    assert again.shape == prints.codes.shape
    assert [prints.method.pack(code) for code in again] == packed
    for damaged in ([*packed[:-1], packed[-1][:-1]], [packed[0][:-3]]):
        with pytest.raises(ValueError, match=r"bytes|damaged"):
            prints.method.unpack(damaged, prints.n_views)
    empty = prints.method.unpack([], prints.n_views)
    assert empty.shape[:2] == (0, prints.n_views)

"""Fingerprints that were made elsewhere: hexadecimal texts, bits of any number, vectors."""

from __future__ import annotations

import pickle

import imagehash
import numpy as np
import pytest

import imgdup_nb as dup

NAMES = ["a.png", "b.png", "c.png"]


def hex_of(bits):
    return str(imagehash.ImageHash(np.asarray(bits, dtype=bool).reshape(1, -1)))


@pytest.mark.parametrize("n_bits", [42, 64, 128, 256, 1024])
def test_hexadecimal_texts_are_the_bits_that_imagehash_printed(n_bits):
    bits = np.random.default_rng(n_bits).random((3, n_bits)) < 0.5
    bits[0] = False
    prints = dup.Fingerprints.from_hex(NAMES, list(map(hex_of, bits)), "theirs", n_bits=n_bits)
    assert (prints.to_frame().to_numpy() == bits).all()
    assert prints.method.bits == n_bits


def test_what_imagehash_prints_of_a_picture_is_our_fingerprint_of_it(picture):
    images = dup.scan_images({"a": picture(1), "b": picture(2)})
    ours = dup.fingerprint_images(images, "phash")
    texts = [str(imagehash.ImageHash(bits.reshape(8, 8))) for bits in ours.to_frame().to_numpy()]
    again = dup.Fingerprints.from_hex(["a", "b"], texts)
    assert (again.codes == ours.codes).all()


@pytest.mark.parametrize(("n_bits", "next_level"), [(256, 99.609), (128, 99.219), (42, 97.619)])
def test_levels_are_those_of_the_bits(n_bits, next_level):
    bits = np.zeros((3, n_bits), dtype=bool)
    bits[1, :1] = bits[2, :4] = True
    prints = dup.Fingerprints.from_bits(NAMES, bits, "pdq")
    pairs = dup.similar_pairs(prints, min_similarity=90)
    assert pairs.attrs["method"] == "pdq"
    assert list(pairs.distance) == sorted(pairs.distance)
    sweep = dup.sweep_thresholds(pairs)
    assert sweep.threshold[1] == pytest.approx(next_level, abs=0.001)
    steps = np.diff(sweep.threshold)
    assert np.allclose(steps, -100 / n_bits)
    explorer = dup.ThresholdExplorer(pairs)
    assert list(explorer.levels) == list(sweep.threshold)
    explorer.close()


def test_pairs_of_long_hashes_are_those_of_a_plain_count():
    rng = np.random.default_rng(7)
    bits = np.repeat(rng.random((40, 256)) < 0.5, 2, axis=0)
    bits[1::2] ^= rng.random((40, 256)) < 0.05
    names = [f"{k:02d}" for k in range(80)]
    pairs = dup.similar_pairs(dup.Fingerprints.from_bits(names, bits, "pdq"), min_similarity=80)
    apart = (bits[:, None] != bits[None]).sum(axis=2)
    wanted = {
        (names[i], names[j]): apart[i, j]
        for i in range(80)
        for j in range(i)
        if apart[i, j] <= 256 * 0.2
    }
    found = {
        tuple(sorted(pair, reverse=True)): distance
        for *pair, distance in pairs[["left", "right", "distance"]].itertuples(index=False)
    }
    assert found == wanted


def test_vectors_of_any_length_give_100_times_the_cosine():
    prints = dup.Fingerprints.from_vectors(NAMES, [[3, 4], [0.6, 0.8], [4, -3]], "clip")
    pairs = dup.similar_pairs(prints, min_similarity=0)
    assert prints.method.name == "clip"
    assert dict(zip(pairs.right, pairs.similarity, strict=True))["b.png"] == pytest.approx(100)
    assert list(dup.group_duplicates(pairs, 90)) == [["a.png", "b.png"]]


@pytest.mark.parametrize(
    "prints",
    [
        dup.Fingerprints.from_hex(NAMES, ["00" * 32, "0f" * 32, "ff" * 32], "pdq"),
        dup.Fingerprints.from_bits(NAMES, np.eye(3, 128, dtype=bool)),
        dup.Fingerprints.from_vectors(NAMES, np.eye(3), "clip"),
    ],
)
def test_what_was_brought_in_can_be_pickled_and_is_the_same(prints):
    again = pickle.loads(pickle.dumps(prints))
    assert again.method == prints.method
    assert (again.codes == prints.codes).all()
    assert dup.similar_pairs(again, min_similarity=0).equals(
        dup.similar_pairs(prints, min_similarity=0)
    )


def test_a_name_is_given_only_where_the_bits_leave_no_doubt():
    assert dup.Fingerprints.from_bits(["a"], [[True] * 64]).method.name == "phash"
    assert dup.Fingerprints.from_bits(["a"], [[True] * 63]).method.name == "hash"
    assert dup.Fingerprints.from_hex(["a"], ["0" * 16], "dhash").method is dup.METHODS["dhash"]
    assert len(dup.Fingerprints.from_hex([], [])) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dup.Fingerprints.from_hex(["a"], ["xyz"]), "'xyz' are none"),
        (lambda: dup.Fingerprints.from_hex(["a", "b"], ["0f", "0"]), "one length, not 1 to 2"),
        (lambda: dup.Fingerprints.from_hex(["a"], ["0f"], n_bits=4), "5 to 8, not 4"),
        (lambda: dup.Fingerprints.from_hex(["a"], ["0f", "0f"]), "bits must be 1 x 8"),
        (lambda: dup.Fingerprints.from_hex(["a"], ["0f"], "phash"), "1 x 64"),
        (lambda: dup.Fingerprints.from_bits(["a"], [[True] * 64], "phush"), "'phash'"),
        (lambda: dup.Fingerprints.from_vectors(["a"], [[1, np.nan]]), "finite"),
        (lambda: dup.Fingerprints.from_vectors(["a"], [[1], [2]]), "1 x n_dimensions, not 2 x 1"),
        (lambda: dup.Fingerprints.from_vectors(["a"], [["x"]]), "array of numbers"),
        (lambda: dup.Fingerprints.from_vectors(["a"], [[1]], "phash"), "name must be that of"),
        (lambda: dup.Fingerprints.from_vectors(["a", "a"], [[1], [1]]), "unique"),
    ],
)
def test_what_does_not_fit_is_an_error_with_the_shape_that_does(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_pictures_cannot_be_hashed_by_a_method_made_elsewhere():
    images = dup.scan_images({"a": np.eye(64, dtype=bool)})
    method = dup.Fingerprints.from_bits(["a"], [[True] * 128], "pdq").method
    with pytest.raises(ValueError, match="pdq fingerprints were made elsewhere"):
        dup.fingerprint_images(images, method)


@pytest.mark.parametrize(("n_bits", "digits"), [(64, 16), (256, 64), (42, 11), (6, 2)])
def test_hashes_are_packed_in_parts_and_sorted_by_name(monkeypatch, n_bits, digits):
    rng = np.random.default_rng(n_bits)
    bits = rng.random((9, n_bits)) < 0.5
    names = [f"{k}.jpg" for k in rng.permutation(9)]
    numbers = [int("".join("01"[int(bit)] for bit in row), 2) for row in bits]
    texts = [f"{number:0{digits}X}" for number in numbers]
    monkeypatch.setattr("imgdup_nb.fingerprints.PACKED_TOGETHER", 4)
    from_bits = dup.Fingerprints.from_bits(names, bits, "made")
    from_hex = dup.Fingerprints.from_hex(names, texts, "made", n_bits=n_bits)
    expected = dict(zip(names, bits.tolist(), strict=True))
    for prints in (from_bits, from_hex):
        assert prints.names == sorted(names)
        frame = prints.to_frame()
        rows = zip(frame.index, frame.to_numpy().tolist(), strict=True)
        assert dict(rows) == expected
    with pytest.raises(ValueError, match="'zz' are none"):
        dup.Fingerprints.from_hex(["a"] * 6, ["00"] * 5 + ["zz"])
    with pytest.raises(ValueError, match="one length, not 1 to 2 digits"):
        dup.Fingerprints.from_hex(list("abcdef"), ["00"] * 5 + ["0"])
    with pytest.raises(ValueError, match="unique"):
        dup.Fingerprints.from_hex(list("fabcda"), ["00"] * 6)

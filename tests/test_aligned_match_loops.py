"""The loops over descriptors give what plain double loops give."""

import numpy as np
import pytest

from imgdup_nb.aligned.match_loops import (
    ANGLE_BINS,
    _bin_of,
    mutual_matches,
    popcount,
    ratio_matches,
)


def hamming(a, b):
    return sum(int(x).bit_count() for x in np.bitwise_xor(a, b))


def random_bits(seed, n):
    return np.random.default_rng(seed).integers(0, 2**63, (n, 4), dtype=np.uint64)


def near_copies(bits, seed, flips):
    """Return the descriptors with some bits turned over."""
    random, copies = np.random.default_rng(seed), bits.copy()
    for row in copies:
        for place in random.choice(256, flips, replace=False):
            row[place // 64] ^= np.uint64(1 << int(place % 64))
    return copies


def test_popcount_counts_ones():
    words = random_bits(0, 50).ravel()
    assert [popcount(word) for word in words] == [int(word).bit_count() for word in words]


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (5, 1), (30, 40)])
def test_ratio_matches_are_those_of_a_double_loop(n, m):
    a = random_bits(1, n)
    b = np.concatenate([near_copies(a, 2, 20), random_bits(3, 40)])[:m]
    table = np.array([[hamming(x, y) for y in b] for x in a]).reshape(n, m)

    def is_clear(distances, best):
        return all(
            table_value > distances[best] / 0.6
            for k, table_value in enumerate(distances)
            if k != best
        )

    expected = []
    for i in range(n if m else 0):
        j = int(table[i].argmin())
        if int(table[:, j].argmin()) == i and is_clear(table[i], j) and is_clear(table[:, j], i):
            expected.append([i, j])
    assert ratio_matches(a, b, 0.6).tolist() == expected


def test_mutual_matches_keep_those_with_the_common_rotation():
    bits = random_bits(4, 20)
    angles = np.linspace(0, 350, 20).astype(np.float32)
    turned = (angles + 40) % 360
    turned[:3] = (angles[:3] + 200) % 360  # three that turn otherwise
    kept = mutual_matches(bits, near_copies(bits, 5, 30), angles, turned.astype(np.float32), 72)
    assert kept.tolist() == [[k, k] for k in range(3, 20)]


@pytest.mark.parametrize("n_words", [4, 8])
def test_mutual_matches_are_those_of_a_double_loop(n_words):
    random = np.random.default_rng(6)
    a, b = (random.integers(0, 2**64, (n, n_words), dtype=np.uint64) for n in (30, 40))
    b[:25] = a[:25] ^ (
        random.integers(0, 2**64, (25, n_words), dtype=np.uint64) & np.uint64(0x1111111111111111)
    )
    table = np.array([[hamming(x, y) for y in b] for x in a])
    expected = [
        [i, j]
        for i, j in enumerate(table.argmin(axis=1))
        if table[i, j] <= 68 and table[:, j].argmin() == i
    ]
    upright = [np.zeros(len(each), np.float32) for each in (a, b)]
    assert mutual_matches(a, b, *upright, 68).tolist() == expected
    assert len(expected) > 10


def test_an_angle_has_the_bin_of_its_remainder_after_whole_turns():
    angles = np.arange(-359.5, 719.5, 0.25, dtype=np.float32)
    assert [_bin_of(angle) for angle in angles] == [
        int(angle % 360 / 360 * ANGLE_BINS) for angle in angles.tolist()
    ]

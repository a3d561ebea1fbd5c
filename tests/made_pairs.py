"""Pair tables of a few images whose hashes differ in chosen bits."""

import numpy as np

import imgdup_nb as dup


def bits_of(distances, n_bits=64):
    """Hashes of which number k differs from the first in distances[k] bits, the first ones."""
    bits = np.zeros((len(distances), n_bits), dtype=bool)
    for row, distance in zip(bits, distances, strict=True):
        row[:distance] = True
    return bits


def pairs_of(names, distances, min_similarity=70, method="phash"):
    prints = dup.Fingerprints.from_bits(names, bits_of(distances), method)
    return dup.similar_pairs(prints, min_similarity=min_similarity)


def pairs_of_five():
    """b is near a; c is near b, less near a; x and y are near each other and far from those."""
    return pairs_of(["a.jpg", "b.jpg", "c.jpg", "x.jpg", "y.jpg"], [0, 6, 12, 40, 42])

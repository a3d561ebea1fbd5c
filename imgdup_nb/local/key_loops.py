"""Keys of descriptors: some of their bits as a number, and who shares one, compiled by numba and cached on disk.

To read a key bit by bit would take longer than all that is done with it, so the bits of 64 descriptors are turned first: then
each bit's place is one word, and a key's bits are picked 64 at a time.
"""

from __future__ import annotations

import numpy as np
from numba import njit

SLOT_BITS = 22  # of the table that remembers keys: of some ten thousand keys two seldom share a slot
SPREAD = np.uint64(0x9E3779B1)  # an odd number; the upper bits of a product with it depend on all bits of a key


@njit(nogil=True, cache=True)
def turn_bits(rows: np.ndarray) -> None:
    """Swap rows and columns of 64 x 64 bits, uint64, in place (Warren, Hacker's Delight, 7-3)."""
    half, mask = 32, np.uint64(0x00000000FFFFFFFF)
    while half:
        by = np.uint64(half)
        for start in range(0, 64, 2 * half):
            for row in range(start, start + half):
                change = ((rows[row] >> by) ^ rows[row + half]) & mask
                rows[row + half] ^= change
                rows[row] ^= change << by
        half >>= 1
        mask ^= mask << np.uint64(half)


@njit(nogil=True, cache=True)
def read_keys(bits: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Read the bits at some positions of each descriptor as a number, the first one the highest; uint32, n_keys x n_features.

    bits : uint64, n_features x n_words; positions : int64, n_keys x up to 32.
    """
    n_words, n_bits = bits.shape[1], positions.shape[1]
    keys = np.empty((len(positions), len(bits)), np.uint32)
    turned, picked = np.zeros((n_words, 64), np.uint64), np.zeros(64, np.uint64)
    for first in range(0, len(bits), 64):
        n = min(64, len(bits) - first)
        for word in range(n_words):
            for k in range(n):
                turned[word, k] = bits[first + k, word]
            turn_bits(turned[word])
        for key in range(len(positions)):
            picked[:] = 0
            for place in range(n_bits):
                position = positions[key, n_bits - 1 - place]
                picked[place] = turned[position >> 6, position & 63]
            turn_bits(picked)
            for k in range(n):
                keys[key, first + k] = np.uint32(picked[k])
    return keys


@njit(nogil=True, cache=True, inline="always")
def _slot(key: np.uint32) -> np.uint64:
    return ((np.uint64(key) * SPREAD) & np.uint64(0xFFFFFFFF)) >> np.uint64(32 - SLOT_BITS)


@njit(nogil=True, cache=True)
def note_keys(keys: np.ndarray, noted: np.ndarray) -> None:
    """Note keys, uint32, n_keys x n, in tables of 2**SLOT_BITS bits; uint64, n_keys x 2**SLOT_BITS / 64."""
    for table in range(len(keys)):
        for key in keys[table]:
            slot = _slot(key)
            noted[table, slot >> np.uint64(6)] |= np.uint64(1) << (slot & np.uint64(63))


@njit(nogil=True, cache=True)
def are_noted(keys: np.ndarray, noted: np.ndarray) -> np.ndarray:
    """Tell of each key, uint32, n_keys x n, whether it may have been noted; bool. Never wrongly no."""
    found = np.zeros(keys.shape, np.bool_)
    for table in range(len(keys)):
        for place in range(keys.shape[1]):
            slot = _slot(keys[table, place])
            found[table, place] = (noted[table, slot >> np.uint64(6)] >> (slot & np.uint64(63))) & np.uint64(1)
    return found

"""Compiled loops over keys, which are some bits of a descriptor: to read, count and find them.

Descriptors are uint64, n_features x n_words, and keys uint32, n_tables x n_features. All loops
release Python's lock, so that threads run at the same time.
"""

from __future__ import annotations

import numpy as np

from ..engine.jit import compiled

SLOT_BITS = 22  # of tables that are not as large as there are keys; few keys share a slot
HASH_FACTOR = np.uint64(0x9E3779B1)  # odd; the upper bits of a product depend on all bits of a key
LONG_KEY = np.uint32(0x80000000)  # the bit of a key that was made longer
NO_KEY = np.uint32(0xFFFFFFFF)  # is not looked up
MIXER = np.uint64(0x9E3779B97F4A7C15)  # odd


@compiled
def transpose_bits(rows: np.ndarray) -> None:
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


@compiled
def read_keys(bits: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return the bits of each descriptor at some positions as a number, the first bit the highest.

    Parameters
    ----------
    bits : uint64, n_features x n_words
    positions : int64, n_keys x up to 32

    Returns
    -------
    uint32, n_keys x n_features
    """
    n_words, n_bits = bits.shape[1], positions.shape[1]
    keys = np.empty((len(positions), len(bits)), np.uint32)
    transposed, picked = np.zeros((n_words, 64), np.uint64), np.zeros(64, np.uint64)
    for first in range(0, len(bits), 64):
        n = min(64, len(bits) - first)
        for word in range(n_words):
            for k in range(n):
                transposed[word, k] = bits[first + k, word]
            transpose_bits(transposed[word])
        for key in range(len(positions)):
            picked[:] = 0
            for place in range(n_bits):
                position = positions[key, n_bits - 1 - place]
                picked[place] = transposed[position >> 6, position & 63]
            transpose_bits(picked)
            for k in range(n):
                keys[key, first + k] = np.uint32(picked[k])
    return keys


@compiled(inline="always")
def _slot(key: np.uint32) -> np.uint64:
    return ((np.uint64(key) * HASH_FACTOR) & np.uint64(0xFFFFFFFF)) >> np.uint64(32 - SLOT_BITS)


@compiled(inline="always")
def _slot_among(key: np.uint32, n_slots: int) -> np.uint64:
    """Return the slot of a key; `n_slots` is a power of two."""
    product = (np.uint64(key) * HASH_FACTOR) & np.uint64(0xFFFFFFFF)
    return (product * np.uint64(n_slots)) >> np.uint64(32)


@compiled
def lengthen_keys(
    keys: np.ndarray,
    bits: np.ndarray,
    positions: np.ndarray,
    counts: np.ndarray,
    most: int,
) -> np.ndarray:
    """Make the keys longer that many features share; return how often each was made longer.

    Parameters
    ----------
    keys
        are changed in place.
    positions : int64, n_tables x n_steps x n_bits
        the bits that are taken in each step, of each table.
    counts : uint8, n_tables x 2**SLOT_BITS, how many features have a key, by `count_keys`
    most
        so many features may share a key.

    Returns
    -------
    uint32, n_tables x n_features
    """
    steps = np.zeros(keys.shape, np.uint32)
    for table in range(len(keys)):
        for row in range(len(bits)):
            key, step = keys[table, row], 0
            while step < positions.shape[1] and counts[table, _slot(key)] > most:
                longer = np.uint64(key)
                for position in positions[table, step]:
                    bit = bits[row, position >> 6] >> np.uint64(position & 63)
                    longer = (longer << np.uint64(1)) | (bit & np.uint64(1))
                key = np.uint32((longer * MIXER) >> np.uint64(32)) | LONG_KEY
                step += 1
            keys[table, row], steps[table, row] = key, step
    return steps


@compiled
def count_keys(keys: np.ndarray, counted: np.ndarray, counts: np.ndarray) -> None:
    """Count some keys of one table in uint8, 2**SLOT_BITS, up to 255; `counted` is bool, n.

    Few keys share a slot, and their counts are added.
    """
    for place in range(len(keys)):
        slot = _slot(keys[place])
        if counted[place] and counts[slot] < 255:
            counts[slot] += np.uint8(1)


@compiled
def drop_common(keys: np.ndarray, counts: np.ndarray, most: int) -> None:
    """Replace keys that more than so many features share by NO_KEY, in place."""
    for table in range(len(keys)):
        for place in range(keys.shape[1]):
            if counts[table, _slot(keys[table, place])] > most:
                keys[table, place] = NO_KEY


@compiled
def sort_keys(keys: np.ndarray, n_slots: int) -> tuple[np.ndarray, np.ndarray]:
    """Sort the features of one table by slot; return where slots begin, int32, and the entries.

    An entry, uint64, is a key and the number of its feature, which ascends within a slot.
    """
    begins = np.zeros(n_slots + 1, np.int32)
    for key in keys:
        begins[_slot_among(key, n_slots) + np.uint64(1)] += np.int32(1)
    for slot in range(n_slots):
        begins[slot + 1] += begins[slot]
    where, entries = begins[:-1].copy(), np.empty(len(keys), np.uint64)
    for row in range(len(keys)):
        slot = _slot_among(keys[row], n_slots)
        entries[where[slot]] = np.uint64(keys[row]) << np.uint64(32) | np.uint64(row)
        where[slot] += np.int32(1)
    return begins, entries


@compiled
def find_slots(keys: np.ndarray, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where the entries of each key's slot begin and end, int32, n_tables x n each."""
    n_slots = slots.shape[1] - 1
    begins, ends = np.zeros(keys.shape, np.int32), np.zeros(keys.shape, np.int32)
    for table in range(len(keys)):
        for place in range(keys.shape[1]):
            if keys[table, place] != NO_KEY:
                slot = _slot_among(keys[table, place], n_slots)
                begins[table, place] = slots[table, slot]
                ends[table, place] = slots[table, slot + np.uint64(1)]
    return begins, ends


@compiled
def add_keys(keys: np.ndarray, bloom: np.ndarray) -> None:
    """Add keys, uint32, n_tables x n, to a Bloom filter, uint64, n_tables x 2**SLOT_BITS / 64."""
    for table in range(len(keys)):
        for key in keys[table]:
            slot = _slot(key)
            bloom[table, slot >> np.uint64(6)] |= np.uint64(1) << (slot & np.uint64(63))


@compiled
def may_hold(keys: np.ndarray, bloom: np.ndarray) -> np.ndarray:
    """Tell whether a Bloom filter may hold each key, uint32, n_tables x n. False is certain."""
    found = np.zeros(keys.shape, np.bool_)
    for table in range(len(keys)):
        for place in range(keys.shape[1]):
            slot = _slot(keys[table, place])
            found[table, place] = (
                bloom[table, slot >> np.uint64(6)] >> (slot & np.uint64(63))
            ) & np.uint64(1)
    return found

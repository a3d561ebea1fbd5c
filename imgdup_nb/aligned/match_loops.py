"""Compiled loops over descriptors: matches, votes, keys and Bloom filters.

Descriptors are uint64, n_features x n_words. All loops release Python's lock, so that threads run
at the same time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..engine.jit import compiled

# of a number that holds a distance and a place: a million features, distances to 2047
PLACE_BITS = 20
NO_DISTANCE = 2**31 - 1  # larger than any distance and place
# of an image at an angle; the last feature that voted there, from 1 on
N_VOTES, WEIGHT, LAST_VOTER = 0, 1, 2
ANGLE_BINS = 12  # of 30 degrees; all patches of a copy are rotated by one angle


@compiled
def mutual_matches(
    bits_a: np.ndarray,
    bits_b: np.ndarray,
    angles_a: np.ndarray,
    angles_b: np.ndarray,
    max_bits: int,
) -> np.ndarray:
    """Return int64, n x 2: features that are nearest to each other and have the common rotation.

    The descriptors have 4 words, or 8, and so on.
    """
    n, m = len(bits_a), len(bits_b)
    # distance and place in one number, so that the minimum is the nearest, without a branch
    to_a = np.full(m, NO_DISTANCE, np.int32)
    to_b = np.full(n, NO_DISTANCE, np.int32)
    columns = np.ascontiguousarray(bits_b.T)
    distances = np.empty(m, np.int32)
    for i in range(n):
        distances[:] = 0
        # four words at once take three quarters of the time of one after the other
        for word in range(0, bits_a.shape[1], 4):
            a, b, c, d = (
                bits_a[i, word],
                bits_a[i, word + 1],
                bits_a[i, word + 2],
                bits_a[i, word + 3],
            )
            of_a, of_b, of_c, of_d = (
                columns[word],
                columns[word + 1],
                columns[word + 2],
                columns[word + 3],
            )
            for j in range(m):
                ones = (
                    popcount(a ^ of_a[j])
                    + popcount(b ^ of_b[j])
                    + popcount(c ^ of_c[j])
                    + popcount(d ^ of_d[j])
                )
                distances[j] += np.int32(ones)
        nearest = np.int32(NO_DISTANCE)
        for j in range(m):
            nearest = min(nearest, np.int32((distances[j] << PLACE_BITS) | j))
            to_a[j] = min(to_a[j], np.int32((distances[j] << PLACE_BITS) | i))
        to_b[i] = nearest
    turns = np.zeros(ANGLE_BINS, np.int64)
    pairs, bins = np.empty((n, 2), np.int64), np.empty(n, np.int64)
    count = 0
    for i in range(n):
        j = to_b[i] & ((1 << PLACE_BITS) - 1)
        if to_b[i] >> PLACE_BITS <= max_bits and to_a[j] & ((1 << PLACE_BITS) - 1) == i:
            turn = _bin_of(angles_b[j] - angles_a[i])
            turns[turn] += 1
            pairs[count, 0], pairs[count, 1], bins[count] = i, j, turn
            count += 1
    peak, most = 0, -1
    # a bin and its neighbours: a squashed picture rotates its patches by different angles
    for turn in range(ANGLE_BINS):
        around = turns[turn] + turns[turn - 1] + turns[(turn + 1) % ANGLE_BINS]
        if around > most:
            peak, most = turn, around
    kept = np.empty((most, 2), np.int64)
    where = 0
    for k in range(count):
        if (bins[k] - peak + 1) % ANGLE_BINS <= 2:
            kept[where, 0], kept[where, 1] = pairs[k, 0], pairs[k, 1]
            where += 1
    return kept


@compiled(inline="always")
def _bin_of(angle: float) -> int:
    """Return the bin of an angle from -360 up to 720 degrees; it avoids the slow remainder."""
    degrees = np.float64(angle)
    if degrees < 0:
        degrees += 360
    elif degrees >= 360:
        degrees -= 360
    return int(degrees / 360 * ANGLE_BINS) % ANGLE_BINS


@compiled(inline="always")
def popcount(word: np.uint64) -> np.int64:
    """Count the ones of a word. LLVM makes one instruction of this; numba has no bitwise_count."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + (
        (word >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@compiled
def ratio_matches(bits_a: np.ndarray, bits_b: np.ndarray, ratio: float) -> np.ndarray:
    """Return int64, n x 2: features nearest to each other, by the ratio test.

    The second nearest must be much farther (Lowe 2004).
    """
    n, m = len(bits_a), len(bits_b)
    far = 64 * bits_a.shape[1] + 1
    nearest_a, second_a, to_b = np.full(n, far), np.full(n, far), np.full(n, -1)
    nearest_b, second_b, to_a = np.full(m, far), np.full(m, far), np.full(m, -1)
    for i in range(n):
        for j in range(m):
            distance = np.int64(0)
            for word in range(bits_a.shape[1]):
                distance += popcount(bits_a[i, word] ^ bits_b[j, word])
            if distance < nearest_a[i]:
                second_a[i], nearest_a[i], to_b[i] = nearest_a[i], distance, j
            elif distance < second_a[i]:
                second_a[i] = distance
            if distance < nearest_b[j]:
                second_b[j], nearest_b[j], to_a[j] = nearest_b[j], distance, i
            elif distance < second_b[j]:
                second_b[j] = distance
    pairs = np.empty((n, 2), np.int64)
    count = 0
    for i in range(n):
        j = to_b[i]
        if (
            j >= 0
            and to_a[j] == i
            and nearest_a[i] < ratio * second_a[i]
            and nearest_b[j] < ratio * second_b[j]
        ):
            pairs[count, 0], pairs[count, 1] = i, j
            count += 1
    return pairs[:count]


@compiled(inline="always")
def _two_bins(counts: np.ndarray, partner: int, turn: int, what: int) -> np.int64:
    """Return the count in a bin and the next one: the angle of a copy may be between two bins."""
    return np.int64(counts[partner, turn, what]) + np.int64(
        counts[partner, (turn + 1) % ANGLE_BINS, what]
    )


class QueryFeatures(NamedTuple):
    """The features that are searched for.

    Attributes
    ----------
    bits : uint64, n_features x n_words
    angles : float32, n_features
    starts : int64, n_images + 1, where the features of each image begin
    numbers : int64, n_images, of each image in the order of all, ascending
    """

    bits: np.ndarray
    angles: np.ndarray
    starts: np.ndarray
    numbers: np.ndarray


class TargetFeatures(NamedTuple):
    """The features that are searched among, and their index.

    Attributes
    ----------
    bits : uint64, n_features x n_words
    angles : float32, n_features
    owner : int32, n_features, the image of each feature
    rows : int32, n_tables x n_features, the features sorted by key, then by image
    numbers : int64, n_images, of each image in the order of all, ascending
    """

    bits: np.ndarray
    angles: np.ndarray
    owner: np.ndarray
    rows: np.ndarray
    numbers: np.ndarray


@compiled
def collect_votes(
    query: QueryFeatures,
    target: TargetFeatures,
    places: tuple[np.ndarray, np.ndarray],
    only_later: bool,
    max_bits: int,
    min_votes: int,
) -> np.ndarray:
    """Count the votes of some images; return their pairs with enough votes, int64, n x 4.

    Each row holds the numbers of the querying image and of the one it voted for, votes and weight.
    Votes are counted at one angle. A feature has one vote for each image and angle, however many
    features of the image are near. A vote weighs more if the two descriptors are nearer.

    Parameters
    ----------
    places : (begins, ends), int32, n_tables x n_features
        where the rows of the target with the key of each feature are.
    only_later
        an image votes for images of higher numbers only, so that each pair is looked for once.
    max_bits
        by which two near descriptors may differ, inclusive.
    """
    starts, (begins, ends) = query.starts, places
    bits, owner, rows = target.bits, target.owner, target.rows
    # the counts of an image are side by side, so that one memory access reads all of them
    n_targets = len(target.numbers)
    counts = np.zeros((n_targets, ANGLE_BINS, 4), np.int32)
    is_listed = np.zeros(n_targets, np.bool_)
    listed = np.empty(n_targets, np.int64)
    found = []
    for image in range(len(query.numbers)):
        n_listed, number = 0, query.numbers[image]
        for feature in range(starts[image], starts[image + 1]):
            for table in range(len(rows)):
                # from the back: features of one key are sorted by image, and earlier images have
                # voted for this pair already
                for place in range(ends[table, feature] - 1, begins[table, feature] - 1, -1):
                    other = rows[table, place]
                    partner = owner[other]
                    if only_later and target.numbers[partner] <= number:
                        break
                    distance = np.int64(0)
                    for word in range(bits.shape[1]):
                        distance += popcount(query.bits[feature, word] ^ bits[other, word])
                    if distance > max_bits:  # half of them; the rest reads more memory
                        continue
                    turn = _bin_of(target.angles[other] - query.angles[feature])
                    if counts[partner, turn, LAST_VOTER] == feature + 1:
                        continue
                    counts[partner, turn, LAST_VOTER] = feature + 1
                    counts[partner, turn, N_VOTES] += 1
                    counts[partner, turn, WEIGHT] += max_bits + 1 - distance
                    if not is_listed[partner]:
                        is_listed[partner] = True
                        listed[n_listed] = partner
                        n_listed += 1
        for k in range(n_listed):
            partner = listed[k]
            best = 0
            for turn in range(1, ANGLE_BINS):
                if _two_bins(counts, partner, turn, N_VOTES) > _two_bins(
                    counts, partner, best, N_VOTES
                ):
                    best = turn
            votes = _two_bins(counts, partner, best, N_VOTES)
            if votes >= min_votes:
                weight = _two_bins(counts, partner, best, WEIGHT)
                found.append((number, target.numbers[partner], votes, weight))
            counts[partner] = 0
            is_listed[partner] = False
    pairs = np.empty((len(found), 4), np.int64)
    for k in range(len(found)):
        pairs[k, 0], pairs[k, 1], pairs[k, 2], pairs[k, 3] = found[k]
    return pairs


SLOT_BITS = 22  # of the Bloom filter's table: of some ten thousand keys two seldom share a slot
HASH_FACTOR = np.uint64(  # odd; the upper bits of a product with it depend on all bits of a key
    0x9E3779B1
)  # an odd number; the upper bits of a product with it depend on all bits of a key


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


@compiled
def count_keys(keys: np.ndarray, counts: np.ndarray) -> None:
    """Count keys, uint32, n_tables x n, in uint16, n_tables x 2**SLOT_BITS, up to 65,535.

    Few keys share a slot, and their counts are added.
    """
    for table in range(len(keys)):
        for key in keys[table]:
            slot = _slot(key)
            if counts[table, slot] < 65535:
                counts[table, slot] += np.uint16(1)


@compiled
def are_common(keys: np.ndarray, counts: np.ndarray, most: int) -> np.ndarray:
    """Tell which keys, uint32, n_tables x n, were counted more than so many times."""
    common = np.empty(keys.shape, np.bool_)
    for table in range(len(keys)):
        for place in range(keys.shape[1]):
            common[table, place] = counts[table, _slot(keys[table, place])] > most
    return common


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

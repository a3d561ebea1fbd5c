"""Compiled loops over descriptors: matches and votes.

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
ROWS_AT_ONCE = 1024  # features that one feature is compared with in one call
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
                distances[j] = np.int32(ones if word == 0 else distances[j] + ones)
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
    keys : uint32, n_tables x n_features
    places : (begins, ends), int32, n_tables x n_features
        where the entries of the target are that may have the key of each feature.
    starts : int64, n_images + 1, where the features of each image begin
    numbers : int64, n_images, of each image in the order of all, ascending
    """

    bits: np.ndarray
    angles: np.ndarray
    keys: np.ndarray
    places: tuple[np.ndarray, np.ndarray]
    starts: np.ndarray
    numbers: np.ndarray


class TargetFeatures(NamedTuple):
    """The features that are searched among, and their index.

    Attributes
    ----------
    bits : uint64, n_features x n_words
    angles : float32, n_features
    owner : int32, n_features, the image of each feature
    starts, numbers
        as those of the queries.
    entries : uint64, n_tables x n_features
        a key and the number of its feature; between two places they ascend by the feature.
    """

    bits: np.ndarray
    angles: np.ndarray
    owner: np.ndarray
    starts: np.ndarray
    numbers: np.ndarray
    entries: np.ndarray


class Tally(NamedTuple):
    """The votes of one image.

    Attributes
    ----------
    counts : int32, n_targets x ANGLE_BINS x 4
        what an image has at each angle, side by side, so that one memory access reads all.
    listed : int64, n_targets
        the images with any vote; the first `n_listed[0]` are set.
    total : int32, n_targets, votes at any angle
    """

    counts: np.ndarray
    listed: np.ndarray
    n_listed: np.ndarray
    total: np.ndarray


@compiled
def collect_votes(
    query: QueryFeatures,
    target: TargetFeatures,
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
    only_later
        an image votes for images of higher numbers only, so that each pair is looked for once.
    max_bits
        by which two near descriptors may differ, inclusive.
    """
    n_targets, entries = len(target.numbers), target.entries
    keys, (begins, ends) = query.keys, query.places
    tally = Tally(
        np.zeros((n_targets, ANGLE_BINS, 4), np.int32),
        np.empty(n_targets, np.int64),
        np.zeros(1, np.int64),
        np.zeros(n_targets, np.int32),
    )
    rows, n_rows = np.empty(ROWS_AT_ONCE, np.int64), 0
    found = []
    for image in range(len(query.numbers)):
        number, first_row = query.numbers[image], np.int64(0)
        if only_later:
            first_row = target.starts[np.searchsorted(target.numbers, number, "right")]
        for feature in range(query.starts[image], query.starts[image + 1]):
            for table in range(len(entries)):
                # from the back: features are sorted by image, and earlier images have voted for
                # this pair already
                for place in range(ends[table, feature] - 1, begins[table, feature] - 1, -1):
                    row = np.int64(entries[table, place] & np.uint64(0xFFFFFFFF))
                    if row < first_row:
                        break
                    if np.uint32(entries[table, place] >> np.uint64(32)) != keys[table, feature]:
                        continue
                    rows[n_rows] = row
                    n_rows += 1
                    if n_rows == ROWS_AT_ONCE:
                        _vote(query, feature, target, rows, max_bits, tally)
                        n_rows = 0
            _vote(query, feature, target, rows[:n_rows], max_bits, tally)
            n_rows = 0
        for k in range(tally.n_listed[0]):
            partner = tally.listed[k]
            votes, weight = (
                _most_votes(tally, partner)
                if tally.total[partner] >= min_votes
                else (np.int64(0), np.int64(0))
            )
            if votes >= min_votes:
                found.append((number, target.numbers[partner], votes, weight))
            tally.counts[partner] = 0
            tally.total[partner] = 0
        tally.n_listed[0] = 0
    pairs = np.empty((len(found), 4), np.int64)
    for k in range(len(found)):
        pairs[k, 0], pairs[k, 1], pairs[k, 2], pairs[k, 3] = found[k]
    return pairs


@compiled
def _vote(
    query: QueryFeatures,
    feature: int,
    target: TargetFeatures,
    rows: np.ndarray,
    max_bits: int,
    tally: Tally,
) -> None:
    """Add the votes of one feature for target features, which are in `rows` and may be repeated."""
    bits, counts = target.bits, tally.counts
    distances = np.empty(len(rows), np.int64)
    for k in range(len(rows)):
        distance = np.int64(0)
        for word in range(bits.shape[1]):
            distance += popcount(query.bits[feature, word] ^ bits[rows[k], word])
        distances[k] = distance
    for k in range(len(rows)):
        if distances[k] > max_bits:
            continue
        partner = target.owner[rows[k]]
        turn = _bin_of(target.angles[rows[k]] - query.angles[feature])
        if counts[partner, turn, LAST_VOTER] == feature + 1:
            continue
        counts[partner, turn, LAST_VOTER] = feature + 1
        counts[partner, turn, N_VOTES] += 1
        counts[partner, turn, WEIGHT] += max_bits + 1 - distances[k]
        if not tally.total[partner]:
            tally.listed[tally.n_listed[0]] = partner
            tally.n_listed[0] += 1
        tally.total[partner] += 1


@compiled
def _most_votes(tally: Tally, partner: int) -> tuple[int, int]:
    """Return the votes for an image at the angle where it has most, and their weight."""
    best = 0
    for turn in range(1, ANGLE_BINS):
        if _two_bins(tally.counts, partner, turn, N_VOTES) > _two_bins(
            tally.counts, partner, best, N_VOTES
        ):
            best = turn
    return (
        _two_bins(tally.counts, partner, best, N_VOTES),
        _two_bins(tally.counts, partner, best, WEIGHT),
    )

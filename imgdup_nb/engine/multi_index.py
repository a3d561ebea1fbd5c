"""Multi-index hashing: all pairs of bit codes within a distance, without comparing all codes.

The idea (Norouzi, Punjani and Fleet, "Fast exact search in Hamming space with multi-index hashing",
2014): cut the bits into bands. Two codes that differ by at most r bits differ by few bits in at
least one band. Band b is searched up to t_b differing bits. If the t_b + 1 add up to r + 1, no pair
is missed. Codes are sorted into buckets by the value of a band. Each bucket is compared with the
buckets whose value is within t_b bits of its own.

The sizes of the buckets give the exact number of comparisons. A Walsh-Hadamard transform counts
them for all differences at once. So the cheapest bands and the t_b are known before the search, and
crowded bands get a smaller t_b. Brute force is used if it is cheaper.

Measured (`docs/performance.md`): all pairs of 1,000,000 hashes of 64 bits at 90 % take 2 seconds,
where faiss (`IndexBinaryFlat`) would take some 350.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from .jit import compiled
from .parallel import each, map_batches

WIDTHS = (8, 10, 12, 13, 16, 18, 21)  # bits of a band that are tried
# nanoseconds of one thread, measured; only their ratios matter, and only for speed
COMPARE = 0.35, 0.46  # two codes of one word in a long run of codes, in a short one
COMPARE_WORD = 0.46  # each further word of them
SCAN = 9.0  # beginning and ending one code's run through a bucket
VISIT = 15.0  # finding the bucket
CODES_AT_A_TIME = 128  # codes compared before it is asked whether any was near
# seconds; the longest one thread should work on its own, because pressing stop waits for it
TASK = 0.2


@dataclass(frozen=True)
class BitBand:
    """Some of the bits, and by how many of them compared buckets may differ.

    A band of no bits has one bucket that holds all codes.
    """

    bits: np.ndarray  # int64, positions
    reach: int

    def differences(self) -> np.ndarray:
        """Return the ways in which the values of two compared buckets differ, uint32."""
        values = np.arange(2 ** len(self.bits), dtype=np.uint32)
        return values[np.bitwise_count(values) <= self.reach]

    def mask(self, n_words: int) -> np.ndarray:
        """Return the band's bits as they stand in a code, uint64 n_words."""
        words = np.zeros(n_words, np.uint64)
        for bit in self.bits:
            words[bit // 64] |= np.uint64(1) << np.uint64(bit % 64)
        return words


BRUTE_FORCE = [BitBand(np.zeros(0, np.int64), 0)]


def find_near(
    left: np.ndarray, right: np.ndarray | None, max_distance: int, limit: int, times: int = 1
) -> Iterator[np.ndarray]:
    """Yield all pairs of codes within a distance, inclusive, each pair once, in any order.

    Parameters
    ----------
    left, right : uint64, n x n_words
        right None compares left with itself, each unordered pair once.
    max_distance : bits
    limit
        the search stops early when more pairs than this are found.
    times
        how often a pair of images may be found, so that the limit is multiplied by it.

    Yields
    ------
    int32, n_found x 3: place in left, place in right, distance
    """
    others = left if right is None else right
    if not len(left) or not len(others):
        return
    if max_distance % 2 and _all_even(left, others):
        max_distance -= 1
    searched: list[BitBand] = []
    # shared by the threads: else each may find as many as are allowed in all, faster than they are
    # put in order
    count = np.zeros(1, np.int64)
    for band in choose_bands(left, others, max_distance):
        yield from _search_band(band, searched, left, right, max_distance, count, limit * times)
        searched.append(band)


def _all_even(left: np.ndarray, right: np.ndarray) -> bool:
    """Tell whether all distances are even: phash sets half of its bits, so bits change in pairs."""
    odd = [np.bitwise_count(codes).sum(axis=1) % 2 for codes in (left, right)]
    return bool((odd[0] == odd[0][0]).all() and (odd[1] == odd[0][0]).all())


# -- the choice ------------------------------------------------------------------------------------


def choose_bands(left: np.ndarray, right: np.ndarray, max_distance: int) -> list[BitBand]:
    """Return the bands that cost least, or `BRUTE_FORCE`."""
    best, least = (
        BRUTE_FORCE,
        len(left) * len(right) * (COMPARE[0] + COMPARE_WORD * (left.shape[1] - 1)),
    )
    bits = _varying_bits(left, right)
    # buckets of about one code up to about thirty: outside of that range it never pays
    widths = [
        width
        for width in WIDTHS
        if 2 ** (width - 1) <= max(len(left), len(right)) <= 2 ** (width + 5)
    ]
    for n_bands in sorted({max(1, round(len(bits) / width)) for width in widths}):
        bands, cost = _spend(left, right, bits, n_bands, max_distance)
        if cost < least:
            best, least = bands, cost
    return best


def _varying_bits(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the positions of the bits in which any two codes differ, int64."""
    differing = np.bitwise_or.reduce(left ^ left[0]) | np.bitwise_or.reduce(right ^ left[0])
    positions = np.arange(64 * len(differing))
    return positions[
        (differing[positions // 64] >> (positions % 64).astype(np.uint64)) & np.uint64(1) == 1
    ]


def _spend(
    left: np.ndarray, right: np.ndarray, bits: np.ndarray, n_bands: int, max_distance: int
) -> tuple[list[BitBand], float]:
    """Return each band with its reach, and the cost in nanoseconds.

    Each further bit goes to the band where it costs least.
    """
    # every n_bands-th bit: neighbouring bits of a hash are alike, and a band of such bits has
    # crowded buckets
    positions = [bits[start::n_bands] for start in range(n_bands)]
    prices = [_prices(left, right, some) for some in positions]
    reach, cost = [-1] * n_bands, 0.0
    for _ in range(max_distance + 1):
        nexts = [
            price[at + 1] if at + 1 < len(price) else np.inf
            for price, at in zip(prices, reach, strict=True)
        ]
        cheapest = int(np.argmin(nexts))
        cost += nexts[cheapest]
        reach[cheapest] += 1
    return [BitBand(some, at) for some, at in zip(positions, reach, strict=True) if at >= 0], cost


def _prices(left: np.ndarray, right: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Return the cost of comparing all buckets that differ in 0, 1, 2 ... bits; nanoseconds."""
    size = 2 ** len(bits)
    lefts = walsh_hadamard(np.bincount(band_values(left, bits), minlength=size))
    rights = (
        lefts
        if right is left
        else walsh_hadamard(np.bincount(band_values(right, bits), minlength=size))
    )
    compared = (
        walsh_hadamard(lefts * rights) / size
    )  # for each difference, the number of pairs of codes that have it
    compare = COMPARE[1] + COMPARE_WORD * (left.shape[1] - 1)
    cost = size * VISIT + np.minimum(compared, len(left)) * SCAN + compared * compare
    return np.bincount(np.bitwise_count(np.arange(size, dtype=np.uint32)), weights=cost)


def walsh_hadamard(values: np.ndarray) -> np.ndarray:
    """Return the Walsh-Hadamard transform of 2**k values; done twice it multiplies by 2**k.

    Examples
    --------
    >>> walsh_hadamard(np.array([3, 1]))
    array([4., 2.])
    """
    values = values.astype(np.float64)
    step = 1
    while step < len(values):
        halves = values.reshape(-1, 2, step)
        values = np.stack(
            [halves[:, 0] + halves[:, 1], halves[:, 0] - halves[:, 1]], axis=1
        ).reshape(-1)
        step *= 2
    return values


# -- the search ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Buckets:
    """Codes sorted by the value of a band."""

    codes: np.ndarray  # uint64, n_words x n
    places: np.ndarray  # int32, n: where each code stood before
    starts: np.ndarray  # int64, 2**n_bits + 1: where each bucket begins

    @classmethod
    def of(cls, codes: np.ndarray, band: BitBand) -> _Buckets:
        places, starts = sort_by_value(band_values(codes, band.bits), 2 ** len(band.bits))
        return cls(np.ascontiguousarray(codes[places].T), places, starts)


def _search_band(
    band: BitBand,
    searched: list[BitBand],
    left: np.ndarray,
    right: np.ndarray | None,
    max_distance: int,
    count: np.ndarray,
    limit: int,
) -> Iterator[np.ndarray]:
    """Yield the pairs that this band finds and the bands searched before did not."""
    n_words = left.shape[1]
    lefts = _Buckets.of(left, band)
    rights = lefts if right is None else _Buckets.of(right, band)
    search = partial(
        _search_part,
        lefts=lefts,
        rights=rights,
        within=right is None,
        differences=band.differences(),
        max_distance=max_distance,
        masks=np.array([other.mask(n_words) for other in searched], np.uint64).reshape(-1, n_words),
        reaches=np.array([other.reach for other in searched], np.uint64),
        count=count,
        limit=limit,
    )
    return map_batches(
        partial(each, search), _cut_band(lefts, rights, band), describe="compare", size=1
    )


def _cut_band(lefts: _Buckets, rights: _Buckets, band: BitBand) -> list[tuple[int, int, int, int]]:
    """Cut a band's work into parts of about TASK seconds: ranges of buckets, or of codes."""
    n_words, n = lefts.codes.shape
    n_buckets, n_right = len(lefts.starts) - 1, rights.codes.shape[1]
    if n_buckets == 1:
        height = max(1, int(TASK * 1e9 / (n_words * max(1, n_right))))
        return [(0, 1, start, start + height) for start in range(0, n, height)]
    cost = len(band.differences()) * (
        n_buckets * VISIT + n * SCAN + n_words * n * n_right / n_buckets
    )
    edges = np.linspace(0, n_buckets, int(np.clip(cost / (TASK * 1e9), 8, n_buckets)) + 1).astype(
        int
    )
    return [(int(start), int(stop), 0, n) for start, stop in pairwise(edges)]


def _search_part(
    part: tuple[int, int, int, int], *, lefts: _Buckets, rights: _Buckets, **search: object
) -> np.ndarray:
    arguments = (
        search[name]
        for name in ("differences", "within", "max_distance", "masks", "reaches", "count", "limit")
    )
    sides = (lefts.codes, lefts.places, lefts.starts, rights.codes, rights.places, rights.starts)
    return compare_buckets(*part, *sides, *arguments)


@compiled
def band_values(codes: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Return the number that the bits at some positions make, uint32 n."""
    values = np.zeros(len(codes), np.uint32)
    for k in range(len(codes)):
        value = np.uint32(0)
        for bit in bits:
            value = np.uint32(value << np.uint32(1)) | np.uint32(
                (codes[k, bit >> 6] >> np.uint64(bit & 63)) & np.uint64(1)
            )
        values[k] = value
    return values


@compiled
def sort_by_value(values: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of small numbers in sorted order, and where each number's run begins.

    int32 n, int64 size + 1
    """
    starts = np.zeros(size + 1, np.int64)
    for value in values:
        starts[value + 1] += 1
    for value in range(size):
        starts[value + 1] += starts[value]
    places, ends = np.empty(len(values), np.int32), starts[:-1].copy()
    for place in range(len(values)):
        places[ends[values[place]]] = place
        ends[values[place]] += 1
    return places, starts


@intrinsic
def count_ones(_typing: Any, word: Any = None) -> Any:
    """Return the number of ones in a word: a processor instruction that numba does not offer."""
    return types.uint64(types.uint64), lambda context, builder, signature, arguments: builder.ctpop(
        arguments[0]
    )


@compiled
def _is_known(
    left: np.ndarray, i: int, right: np.ndarray, j: int, masks: np.ndarray, reaches: np.ndarray
) -> bool:
    """Tell whether a band searched before has found a pair."""
    for band in range(len(masks)):
        apart = np.uint64(0)
        for word in range(len(left)):
            apart += count_ones((left[word, i] ^ right[word, j]) & masks[band, word])
        if apart <= reaches[band]:
            return True
    return False


@compiled
def _nearest(code: np.uint64, run: np.ndarray) -> np.uint64:
    """Return the smallest distance of a code of one word to a run of such codes.

    There is no branch, so compilers use wide registers.
    """
    least = np.uint64(64)
    for k in range(len(run)):
        least = min(least, count_ones(code ^ run[k]))
    return least


@compiled
def _nearest_of_words(
    left: np.ndarray, i: int, right: np.ndarray, start: int, stop: int
) -> np.uint64:
    """Return the smallest distance of a code of several words to a run of such codes."""
    distances = np.zeros(stop - start, np.uint64)
    for word in range(len(left)):
        code, run = left[word, i], right[word, start:stop]
        for k in range(len(run)):
            distances[k] += count_ones(code ^ run[k])
    return distances.min()


@compiled
def compare_buckets(
    bucket: int,
    last: int,
    start: int,
    stop: int,
    left: np.ndarray,
    left_places: np.ndarray,
    left_starts: np.ndarray,
    right: np.ndarray,
    right_places: np.ndarray,
    right_starts: np.ndarray,
    differences: np.ndarray,
    within: bool,
    max_distance: int,
    masks: np.ndarray,
    reaches: np.ndarray,
    count: np.ndarray,
    limit: int,
) -> np.ndarray:
    """Compare some buckets of the left codes with the right buckets that `differences` name.

    The buckets are `bucket` up to `last`, their codes `start` up to `stop`. `within` means that
    both sides are the same, so each pair comes once. `masks` and `reaches` are the bands searched
    before: their pairs are known. All threads add to `count` without a lock, so it may be a
    little low. If it exceeds `limit`, the search ends. Codes are n_words x n.
    """
    reach = np.uint64(max_distance)
    found, n_found, n_counted = np.empty((256, 3), np.int32), 0, 0
    for difference in differences:
        for value in range(bucket, last):
            other = value ^ difference
            first, end = right_starts[other], right_starts[other + 1]
            # the two buckets meet when it is the other's turn
            if first == end or (within and other < value):
                continue
            for i in range(max(start, left_starts[value]), min(stop, left_starts[value + 1])):
                if count[0] > limit:
                    return found[:n_found]
                if within and other == value:
                    first = i + 1  # each pair once, and no image with itself
                for block in range(first, end, CODES_AT_A_TIME):
                    until = min(block + CODES_AT_A_TIME, end)
                    if len(left) == 1:
                        nearest = _nearest(left[0, i], right[0, block:until])
                    else:
                        nearest = _nearest_of_words(left, i, right, block, until)
                    if nearest > reach:
                        continue
                    for j in range(block, until):
                        distance: Any = count_ones(left[0, i] ^ right[0, j])
                        # in place: a call with arrays costs more than the loop
                        for word in range(1, len(left)):
                            distance += count_ones(left[word, i] ^ right[word, j])
                        if distance > reach or _is_known(left, i, right, j, masks, reaches):
                            continue
                        if n_found == len(found):
                            found = np.concatenate((found, np.empty_like(found)))
                        found[n_found, 0], found[n_found, 1] = left_places[i], right_places[j]
                        found[n_found, 2] = distance
                        n_found += 1
                if n_found > n_counted:
                    count[0] += n_found - n_counted
                    n_counted = n_found
    return found[:n_found].copy()

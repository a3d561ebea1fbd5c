"""The loops that put pairs into groups, compiled by numba.

Images are numbered 0..n-1 in the order in which they may become originals. A pair is (first,
second), first < second, and comes with its level: the index of the strictest threshold it reaches,
0 being the strictest. Pairs are sorted by similarity, largest first, then by first and second.
"""

from __future__ import annotations

import numpy as np

from .jit import compiled


@compiled
def star_owners(
    first: np.ndarray,
    second: np.ndarray,
    level: np.ndarray,
    by_second: np.ndarray,
    n: int,
    n_levels: int,
) -> np.ndarray:
    """Return the original each image belongs to at each level, int32 n x n_levels.

    An image is an original unless an earlier original is near. A member belongs to the most similar
    original, the earlier one of two. An original owns itself, and so do images without any pair. An
    image that belongs to no original gets -1. `by_second` sorts the pairs by second image.
    """
    owner = np.empty((n, n_levels), np.int32)
    for image in range(n):
        owner[image] = image
    # pairs by second image: whether `first` is an original is settled before it is asked
    for pair in by_second:
        for k in range(level[pair], n_levels):
            if owner[first[pair], k] == first[pair]:
                owner[second[pair], k] = -1
    # most similar pairs first: the first original that claims a member is its best
    for pair in range(len(first)):
        a, b = first[pair], second[pair]
        for k in range(level[pair], n_levels):
            if owner[b, k] == -1 and owner[a, k] == a:
                owner[b, k] = a
            elif owner[a, k] == -1 and owner[b, k] == b:
                owner[a, k] = b
    return owner


@compiled
def star_owners_of(
    first: np.ndarray, second: np.ndarray, by_second: tuple[np.ndarray, ...], n: int
) -> np.ndarray:
    """Return the original each image belongs to if all these pairs are near, int32 n.

    It is `star_owners` at one level, without a second axis. `by_second` are the pairs of a longer
    table, sorted by second image: first, second, and the row of each. Rows that are not among the
    pairs here are passed over.
    """
    owner = np.arange(n).astype(np.int32)
    earlier, later, row = by_second
    for place in range(len(row)):
        if row[place] < len(first) and owner[earlier[place]] == earlier[place]:
            owner[later[place]] = -1
    for pair in range(len(first)):
        a, b = first[pair], second[pair]
        if owner[b] == -1:
            if owner[a] == a:
                owner[b] = a
        elif owner[a] == -1 and owner[b] == b:
            owner[a] = b
    return owner


@compiled
def tally_owners(owner: np.ndarray) -> np.ndarray:
    """Return groups, images in groups and largest group for each level, int64 n_levels x 3."""
    n, n_levels = owner.shape
    tally = np.zeros((n_levels, 3), np.int64)
    size = np.empty(n, np.int64)
    for k in range(n_levels):
        size[:] = 0
        for image in range(n):
            size[owner[image, k]] += 1
        for count in size:
            if count > 1:
                tally[k, 0] += 1
                tally[k, 1] += count
                tally[k, 2] = max(tally[k, 2], count)
    return tally


@compiled
def connected_levels(
    first: np.ndarray, second: np.ndarray, level: np.ndarray, n: int, n_levels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Join images along pairs, strictest level first.

    Returns
    -------
    two arrays. int32 n: the first image of each image's component at the last level. int64 n_levels
    x 3: the number of groups, of images in groups, and the size of the largest group.
    """
    parent = np.arange(n).astype(np.int32)
    size = np.ones(n, np.int64)
    tally = np.zeros((n_levels, 3), np.int64)
    groups, images, largest, pair = 0, 0, 0, 0
    for k in range(n_levels):
        while pair < len(first) and level[pair] <= k:
            a, b = first[pair], second[pair]
            while parent[a] != a:
                parent[a] = parent[parent[a]]
                a = parent[a]
            while parent[b] != b:
                parent[b] = parent[parent[b]]
                b = parent[b]
            if a != b:
                groups += 1 - int(size[a] > 1) - int(size[b] > 1)
                images += int(size[a] == 1) + int(size[b] == 1)
                parent[max(a, b)] = min(a, b)
                size[min(a, b)] += size[max(a, b)]
                largest = max(largest, size[min(a, b)])
            pair += 1
        tally[k] = groups, images, largest
    for image in range(n):
        parent[image] = parent[parent[image]]  # earlier images are already at their root
    return parent, tally


@compiled
def score_members(
    first: np.ndarray,
    second: np.ndarray,
    similarity: np.ndarray,
    owner: np.ndarray,
    n_copies: np.ndarray,
    start: np.ndarray,
    n_near: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return how similar images are within their groups; `owner` is the first image of the group.

    `start` is the place of the first image of each group in a list of all groups, -1 for images
    that own nobody else. The first `n_near` pairs are at or above the threshold.

    Returns
    -------
    five arrays. The list of all groups, int64: each one's first image, then those most similar to
    it, then by image. By image: its similarity to the first of its group, NaN if the table lacks
    that pair. By first image: the similarity of the least similar pair, infinity if there is none.
    By first image: the number of pairs, with those between copies. By image: whether it has a near
    pair and is in no group.
    """
    n = len(owner)
    to_first = np.full(n, np.nan)
    weakest = np.full(n, np.inf)
    met = np.zeros(n, np.int64)
    is_left_out = np.zeros(n, np.bool_)
    members = np.empty(n, np.int64)
    free = start.copy()  # the next free place of each group
    n_listed = 0
    for image in range(n):
        head = owner[image]
        n_listed += int(start[head] >= 0)
        if head == image:
            to_first[image] = 100.0
            if free[image] >= 0:
                members[free[image]] = image
                free[image] += 1
        met[head] += n_copies[image] * (n_copies[image] - 1) // 2
    for pair in range(len(first)):
        a, b = first[pair], second[pair]
        head = owner[a]
        if pair < n_near:
            is_left_out[a] = is_left_out[b] = True
        if head != owner[b]:
            continue
        if head in (a, b):  # in a star a later original may own an earlier image
            member = b if head == a else a
            if np.isnan(to_first[member]):  # the most similar pairs come first
                to_first[member] = similarity[pair]
                members[free[head]] = member
                free[head] += 1
        weakest[head] = min(weakest[head], similarity[pair])
        met[head] += 1 + n_copies[a] * n_copies[b]
    for image in range(n):
        head = owner[image]
        if start[head] < 0:
            continue
        is_left_out[image] = False
        if np.isnan(to_first[image]):
            members[free[head]] = image
            free[head] += 1
    return members[:n_listed], to_first, weakest, met, is_left_out


@compiled
def complete_levels(
    first: np.ndarray, second: np.ndarray, level: np.ndarray, like: np.ndarray, n_levels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Merge two clusters as soon as all pairs between them have been met, strictest level first.

    If there are very many copies of an image, only that image (`like`) has pairs. The counts
    include its copies.

    Returns
    -------
    as `connected_levels`; the caller fills in the owners of copies.

    Notes
    -----
    A table with open addressing counts the pairs between each two clusters. Each cluster has a
    linked list of its neighbours. A neighbour that was merged stays in the list and is passed over.
    """
    n = len(like)
    owner = like.copy()
    size = np.zeros(n, np.int64)  # images, copies included
    for image in range(n):
        size[like[image]] += 1
    n_members = np.ones(n, np.int64)  # images with pairs of their own
    last = np.arange(n)  # the members of a cluster are a linked list that ends here
    following = np.full(n, -1)
    grouped = size[size > 1]
    groups, images, largest = len(grouped), grouped.sum(), grouped.max() if len(grouped) else 0
    keys, counts, n_keys = np.full(1024, -1), np.zeros(1024, np.int64), 0
    newest = np.full(n, -1)  # of each cluster: its latest neighbour in the list below
    neighbour, earlier, n_links = np.empty(1024, np.int64), np.empty(1024, np.int64), 0
    tally = np.zeros((n_levels, 3), np.int64)
    pair = 0
    for k in range(n_levels):
        while pair < len(first) and level[pair] <= k:
            a, b = owner[first[pair]], owner[second[pair]]
            a, b = min(a, b), max(a, b)
            pair += 1
            if 2 * n_keys > len(keys):
                keys, counts = _grow(keys, counts)
            if n_links + 2 > len(neighbour):
                neighbour, earlier = np.append(neighbour, neighbour), np.append(earlier, earlier)
            place = _find(keys, a * n + b)
            if keys[place] < 0:
                keys[place], n_keys = a * n + b, n_keys + 1
                n_links = _link(a, b, newest, neighbour, earlier, n_links)
                n_links = _link(b, a, newest, neighbour, earlier, n_links)
            counts[place] += 1
            if counts[place] < n_members[a] * n_members[b]:
                continue
            counts[place] = 0
            groups += 1 - int(size[a] > 1) - int(size[b] > 1)
            images += int(size[a] == 1) + int(size[b] == 1)
            member = b
            while member >= 0:
                owner[member] = a
                member = following[member]
            following[last[a]], last[a] = b, last[b]
            size[a] += size[b]
            n_members[a] += n_members[b]
            largest = max(largest, size[a])
            link = newest[b]
            while link >= 0:
                other = neighbour[link]
                link = earlier[link]
                if owner[other] != other or other == a:
                    continue  # merged meanwhile
                place = _find(keys, min(b, other) * n + max(b, other))
                moved, counts[place] = counts[place], 0
                if moved == 0:
                    continue  # moved already, by the same neighbour further up
                if 2 * n_keys > len(keys):
                    keys, counts = _grow(keys, counts)
                if n_links + 2 > len(neighbour):
                    neighbour, earlier = (
                        np.append(neighbour, neighbour),
                        np.append(earlier, earlier),
                    )
                place = _find(keys, min(a, other) * n + max(a, other))
                if keys[place] < 0:
                    keys[place], n_keys = min(a, other) * n + max(a, other), n_keys + 1
                    n_links = _link(a, other, newest, neighbour, earlier, n_links)
                    n_links = _link(other, a, newest, neighbour, earlier, n_links)
                counts[place] += moved
        tally[k] = groups, images, largest
    return owner, tally


@compiled
def _link(
    one: int,
    other: int,
    newest: np.ndarray,
    neighbour: np.ndarray,
    earlier: np.ndarray,
    n_links: int,
) -> int:
    """Add a neighbour to a cluster's list; return how many links there are now."""
    neighbour[n_links], earlier[n_links] = other, newest[one]
    newest[one] = n_links
    return n_links + 1


@compiled
def _find(keys: np.ndarray, key: int) -> np.int64:
    """Return the place of a key in a table with open addressing; -1 marks a free place."""
    mask = len(keys) - 1
    # 2**64 divided by the golden ratio puts neighbouring keys far apart
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    place = np.int64(mixed >> np.uint64(32)) & mask
    while keys[place] >= 0 and keys[place] != key:
        place = (place + 1) & mask
    return place


@compiled
def _grow(keys: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a table twice as large with the same content."""
    more_keys, more_counts = np.full(2 * len(keys), -1), np.zeros(2 * len(keys), np.int64)
    for old in range(len(keys)):
        if keys[old] >= 0:
            place = _find(more_keys, keys[old])
            more_keys[place], more_counts[place] = keys[old], counts[old]
    return more_keys, more_counts

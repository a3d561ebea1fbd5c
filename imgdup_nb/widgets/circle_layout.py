"""Where the images of a pair table lie on a map: circles within circles, one for each level.

Images that pairs connect at 97.5 % lie in one circle. Circles that pairs connect at 95 % lie in one
larger circle, and so on down to the floor of the pair table. So a group is one spot of the map at
every threshold, and the same pairs always give the same map. The circles of a level are laid side
by side from the centre outwards (Wang et al., "Visualization of large hierarchical data by circle
packing", CHI 2006). Images without any pair lie around all others.

Why own code: it takes 0.5 s for 50,000 images and a million pairs. A layout by forces of such a
graph takes igraph minutes, and draws groups that chains connect as one ball.
"""

from __future__ import annotations

import numpy as np

from ..engine.jit import compiled
from ..engine.pair_graph import TOLERANCE, PairGraph

LEAF_GAP = 0.3  # around the circle of a group, where an image has a radius of 1
LOOSE_GAP = 1.1  # from circles to the images without a pair, and between these
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
N_STEPS = 40  # towards the middle of circles: then it is within some percent of the best one
LEVEL_STEP = 2.5  # percent; finer levels would take space for circles that nobody can tell apart


def circle_positions(graph: PairGraph) -> np.ndarray:
    """Return where each image lies, float32 n_names x 2; the centre is 0, the outermost 1 away.

    Examples
    --------
    >>> import pandas as pd
    >>> pairs = pd.DataFrame({"left": ["a", "b"], "right": ["b", "c"], "similarity": [95.0, 90.0]})
    >>> pairs.attrs = {"floor": 90, "method": "phash"}
    >>> a, b, c = circle_positions(PairGraph.read(pairs))
    >>> bool(np.hypot(*(a - b)) < np.hypot(*(a - c)))
    True
    """
    n = len(graph.names)
    if not n:
        return np.zeros((0, 2), np.float32)
    first, second, similarity = _edges_of(graph)
    parent = _merge_by_level(n, first, second, np.floor(similarity / LEVEL_STEP + TOLERANCE))
    n_nodes = len(parent)
    roots = np.flatnonzero(parent < 0)
    loose, grouped = roots[roots < n], roots[roots >= n]
    # all groups lie in one more circle; its place is the centre
    parent[grouped] = n_nodes
    parent = np.append(parent, -1)
    inside = np.flatnonzero(parent >= 0)
    order = inside[np.argsort(parent[inside], kind="stable")]
    start = np.searchsorted(parent[order], np.arange(n_nodes + 2))
    places, radius = _pack_all(n, order, start)
    whole = places[:n].copy()
    edge = radius[n_nodes] if len(grouped) else 0.0
    turn = np.arange(len(loose)) * GOLDEN_ANGLE
    away = np.sqrt(edge**2 + np.arange(len(loose)) * LOOSE_GAP**2) + LOOSE_GAP * bool(len(grouped))
    whole[loose] = np.column_stack([away * np.cos(turn), away * np.sin(turn)])
    reach = np.hypot(*whole.T).max(initial=0)
    return (whole / (reach or 1.0)).astype(np.float32)


def strongest_edges(graph: PairGraph) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the fewest pairs that connect what all pairs connect: first, second, similarity.

    This holds at every threshold, with the pairs from it up (a maximum spanning forest).
    """
    first, second, similarity = _edges_of(graph)
    kept = _find_forest(len(graph.names), first, second)
    return first[kept], second[kept], similarity[kept]


def _edges_of(graph: PairGraph) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pairs, most similar first, with those of copies that are not in the table."""
    copies = np.flatnonzero(graph.like != np.arange(len(graph.like)))
    first = np.concatenate([graph.like[copies], graph.first]).astype(np.int64)
    second = np.concatenate([copies, graph.second]).astype(np.int64)
    similarity = np.concatenate([np.full(len(copies), 100.0), graph.similarity])
    return first, second, similarity


@compiled
def _find_root(above, node):
    while above[node] != node:
        above[node] = above[above[node]]
        node = above[node]
    return node


@compiled
def _find_forest(n, first, second):
    """Tell which pairs connect images that no pair before them connects."""
    above = np.arange(n)
    kept = np.zeros(len(first), np.bool_)
    for pair in range(len(first)):
        one, other = _find_root(above, first[pair]), _find_root(above, second[pair])
        if one != other:
            above[max(one, other)] = min(one, other)
            kept[pair] = True
    return kept


@compiled
def _merge_by_level(n, first, second, similarity):
    """Return the parent of each node, -1 of roots: images come first, then circles as they arise.

    Circles that merge at one level get one parent.
    """
    parent = np.full(2 * n, -1, np.int64)
    above = np.arange(n)  # union-find of the images
    node_of = np.arange(n)  # the circle of each root
    merged = np.zeros(n, np.int64)  # roots that a level has put under another one
    n_nodes = n
    start = 0
    while start < len(first):
        end = start
        n_merged = 0
        while end < len(first) and similarity[end] == similarity[start]:
            one, other = _find_root(above, first[end]), _find_root(above, second[end])
            if one != other:
                low, high = min(one, other), max(one, other)
                above[high] = low
                merged[n_merged] = high
                n_merged += 1
            end += 1
        level_start = n_nodes
        for place in range(n_merged):
            root = _find_root(above, merged[place])
            if node_of[root] < level_start:  # not yet a circle of this level
                parent[node_of[root]] = n_nodes
                node_of[root] = n_nodes
                n_nodes += 1
            parent[node_of[merged[place]]] = node_of[root]
        start = end
    return parent[:n_nodes]


@compiled
def _pack_all(n, order, start):
    """Return the place and the radius of each node; the last node is around all.

    `order[start[k]:start[k + 1]]` are the children of node k. They have lower numbers.
    """
    n_nodes = len(start) - 1
    radius = np.ones(n_nodes)
    places = np.zeros((n_nodes, 2))
    for node in range(n, n_nodes):
        children = order[start[node] : start[node + 1]]
        if not len(children):
            continue
        children = children[np.argsort(-radius[children], kind="mergesort")]
        found = _pack_circles(radius[children], node * GOLDEN_ANGLE)
        for place in range(len(children)):
            places[children[place]] = found[place]
        reach = 0.0
        for place in range(len(children)):
            reach = max(reach, np.hypot(found[place, 0], found[place, 1]) + radius[children[place]])
        radius[node] = reach + LEAF_GAP
    for node in range(n_nodes - 1, n - 1, -1):
        for child in order[start[node] : start[node + 1]]:
            places[child] += places[node]
    return places, radius


@compiled
def _pack_circles(radius, turn):
    """Return the centres of circles side by side, the largest first; the middle is 0.

    `turn` is the direction from the first to the second, in radians.
    """
    n = len(radius)
    centre = np.zeros((n, 2))
    following, before = np.zeros(n, np.int64), np.zeros(n, np.int64)  # of circles on the front
    if n > 1:
        centre[1, 0] = (radius[0] + radius[1]) * np.cos(turn)
        centre[1, 1] = (radius[0] + radius[1]) * np.sin(turn)
    if n > 2:
        _place_beside(centre, radius, 0, 1, 2)
        for place in range(3):
            following[place], before[place] = (place + 2) % 3, (place + 1) % 3
        _pack_along_front(centre, radius, following, before)
    middle = _middle_of(centre, radius)
    for axis in range(2):
        centre[:, axis] -= middle[axis]
    return centre


@compiled
def _middle_of(centre, radius):
    """Return the centre of a circle around all circles that is nearly the smallest one.

    It steps towards the circle that is farthest away, less each time (Badoiu and Clarkson, "Smaller
    core-sets for balls", 2003).
    """
    middle = centre[0].copy()
    for step in range(1, N_STEPS + 1):
        farthest, reach = 0, 0.0
        for circle in range(len(radius)):
            across = centre[circle] - middle
            away = np.hypot(across[0], across[1]) + radius[circle]
            if away > reach:
                farthest, reach = circle, away
        middle += (centre[farthest] - middle) * ((1 - radius[farthest] / reach) / (step + 1))
    return middle


@compiled
def _pack_along_front(centre, radius, following, before):
    """Put each circle where the front is nearest to the largest one; go on if it does not fit."""
    left = 0
    for circle in range(3, len(radius)):
        left = _nearest_gap(centre, radius, following, left, centre[0])
        right = following[left]
        while True:
            _place_beside(centre, radius, left, right, circle)
            hit, is_ahead = _first_hit(centre, radius, following, before, left, right, circle)
            if hit < 0:
                break
            if is_ahead:  # what lies between is closed in, and leaves the front
                right = hit
            else:
                left = hit
            following[left], before[right] = right, left
        following[left], before[circle] = circle, left
        following[circle], before[right] = right, circle


@compiled
def _place_beside(centre, radius, left, right, circle):
    """Put a circle so that it touches two others, outside of the front from left to right."""
    across = centre[right] - centre[left]
    apart = np.hypot(across[0], across[1])
    to_left, to_right = radius[left] + radius[circle], radius[right] + radius[circle]
    along = (apart**2 + to_left**2 - to_right**2) / (2 * apart)
    aside = np.sqrt(max(0.0, to_left**2 - along**2))
    centre[circle, 0] = centre[left, 0] + (along * across[0] - aside * across[1]) / apart
    centre[circle, 1] = centre[left, 1] + (along * across[1] + aside * across[0]) / apart


@compiled
def _first_hit(centre, radius, following, before, left, right, circle):
    """Return the circle of the front that another one overlaps, -1 if none, and the side of it."""
    ahead, behind = following[right], before[left]
    way_ahead, way_behind = radius[right], radius[left]
    while True:
        is_ahead = way_ahead <= way_behind
        near = ahead if is_ahead else behind
        if near in (left, right):
            return -1, True
        across = centre[near] - centre[circle]
        if np.hypot(across[0], across[1]) < radius[near] + radius[circle] - 1e-6:
            return near, is_ahead
        if ahead == behind:  # the last of the others
            return -1, True
        if is_ahead:
            way_ahead += radius[near]
            ahead = following[near]
        else:
            way_behind += radius[near]
            behind = before[near]


@compiled
def _nearest_gap(centre, radius, following, first, middle):
    """Return the circle of the front after which the front is nearest to the middle."""
    best, least, circle = first, np.inf, first
    while True:
        beside = following[circle]
        share = radius[beside] / (radius[circle] + radius[beside])
        x = centre[circle, 0] * share + centre[beside, 0] * (1 - share) - middle[0]
        y = centre[circle, 1] * share + centre[beside, 1] * (1 - share) - middle[1]
        if x * x + y * y < least:
            best, least = circle, x * x + y * y
        circle = beside
        if circle == first:
            return best

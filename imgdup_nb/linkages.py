"""How pairs become groups: for each image the first image of its group, at one threshold or at all of them."""

from __future__ import annotations

import numpy as np

from .graph import TOLERANCE, PairGraph

LINKAGES = ["star", "connected", "complete"]


def find_owners(graph: PairGraph, near: np.ndarray, linkage: str) -> np.ndarray:
    """Return for each image the first image of its group, itself if it is alone; int32."""
    from .loops import connected_levels, star_owners

    n = len(graph.names)
    n_near = int(near.sum())
    first, second = graph.first[:n_near], graph.second[:n_near]  # the most similar pairs stand first
    level = np.zeros(n_near, np.int32)
    if linkage == "star":
        by_second = graph.by_second[graph.by_second < n_near]
        return star_owners(first, second, level, by_second, n, 1)[:, 0]
    if linkage == "connected":
        return connected_levels(first, second, level, n, 1)[0]
    return _complete_levels(first, second, level, 1, graph)[0]


def tally_levels(graph: PairGraph, strictest_first: np.ndarray, linkage: str) -> np.ndarray:
    """Return groups, images and largest for each threshold, int64 n_thresholds x 3."""
    from .loops import connected_levels, star_owners, tally_owners

    n, n_levels = len(graph.names), len(strictest_first)
    level = np.searchsorted(-strictest_first, -(graph.similarity + TOLERANCE)).astype(np.int32)
    n_near = int((level < n_levels).sum())
    first, second, level = graph.first[:n_near], graph.second[:n_near], level[:n_near]
    if linkage == "star":
        by_second = graph.by_second[graph.by_second < n_near]
        return tally_owners(star_owners(first, second, level, by_second, n, n_levels))
    if linkage == "connected":
        return connected_levels(first, second, level, n, n_levels)[1]
    return _complete_levels(first, second, level, n_levels, graph)[1]


def _complete_levels(
    first: np.ndarray, second: np.ndarray, level: np.ndarray, n_levels: int, graph: PairGraph
) -> tuple[np.ndarray, np.ndarray]:
    """Merge two clusters as soon as all pairs between them have been met; the same answers as `loops.connected_levels`.

    Of very many copies (`graph.like`) only the original is clustered; the others go where it goes.
    """
    from .loops import complete_levels

    owner, tally = complete_levels(*_without_copies(first, second, level, graph), graph.like, n_levels)
    return owner[graph.like], tally


def _without_copies(
    first: np.ndarray, second: np.ndarray, level: np.ndarray, graph: PairGraph
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pairs of images that are no copies, in the order in which their copies' last pairs would come."""
    like, similarity = graph.like, graph.similarity[: len(first)]
    if (like == np.arange(len(like))).all():
        return first, second, level
    kept = (like[first] == first) & (like[second] == second)
    first, second, level = first[kept], second[kept], level[kept]
    last = np.arange(len(like))
    np.maximum.at(last, like, np.arange(len(like)))
    one, other = last[first], last[second]
    order = np.lexsort((np.maximum(one, other), np.minimum(one, other), -similarity[kept]))
    return first[order], second[order], level[order]

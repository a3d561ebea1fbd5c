"""The chain of similar pairs that connects two images of a group."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from .pair_graph import PairGraph


def strongest_chain(
    graph: PairGraph | None, members: list[str], threshold: float, one: str, other: str
) -> pd.DataFrame:
    """Return the chain of `Grouping.path`: the way through the tree of the most similar pairs."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

    place = {name: k for k, name in enumerate(members)}
    links: dict[tuple[int, int], float] = {}
    if graph is not None:
        number = {name: k for k, name in enumerate(graph.names)}
        local = np.full(len(graph.names), -1)
        local[[number[name] for name in members]] = np.arange(len(members))
        near = graph.at_or_above(threshold) & (local[graph.first] >= 0) & (local[graph.second] >= 0)
        ends = zip(
            local[graph.first[near]].tolist(), local[graph.second[near]].tolist(), strict=True
        )
        links = dict(zip(ends, graph.similarity[near].tolist(), strict=True))
        for name in members:  # one of very many copies has no rows but those of its like
            like = int(graph.like[number[name]])
            if graph.names[like] != name and graph.names[like] in place:
                links[place[graph.names[like]], place[name]] = 100.0
    # scipy before 1.15 takes no places of 64 bits
    first, second = np.array(list(links), dtype=np.int32).reshape(-1, 2).T
    far = 101.0 - np.array(list(links.values()))
    tree = minimum_spanning_tree(coo_array((far, (first, second)), shape=(len(members),) * 2))
    _, before = breadth_first_order(tree, place[one], directed=False)
    chain = [place[other]]
    while chain[-1] != place[one] and before[chain[-1]] >= 0:
        chain.append(int(before[chain[-1]]))
    chain = chain[::-1]
    steps = list(itertools.pairwise(chain))
    scores = [links.get((a, b), links.get((b, a), np.nan)) for a, b in steps]
    return pd.DataFrame(
        {
            "left": pd.Series([members[a] for a, _ in steps], dtype=object),
            "right": pd.Series([members[b] for _, b in steps], dtype=object),
            "similarity": pd.Series(scores, dtype=float),
        }
    )

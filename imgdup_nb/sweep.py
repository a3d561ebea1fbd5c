"""What happens to the groups between two thresholds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .engine.checks import check_choice, check_percent, check_percents
from .engine.pair_graph import TOLERANCE, PairGraph, image_names
from .engine.parallel import stoppable
from .groups import LINKAGES, group_duplicates, tally_levels
from .methods import known_method

CHANGES = ["same", "born", "grown", "merged", "regrouped"]


@stoppable
def threshold_changes(
    pairs: pd.DataFrame, strict: float, loose: float, *, linkage: str = "star"
) -> pd.DataFrame:
    """Tell what happens to the groups when the threshold goes from `strict` down to `loose`.

    Parameters
    ----------
    pairs
        made by `similar_pairs`.
    strict, loose
        percent, inclusive; given the other way round they are swapped.
    linkage : {'star', 'connected', 'complete'}

    Returns
    -------
    pandas.DataFrame, one row per group at `loose` that is not a group at `strict`:
        change, group (its number at `loose`), images (names, original first), before, added (names
        that were in no group), because. `before` has the numbers at `strict` of the groups its
        images come from. `because` lists the pairs from `loose` up to `strict` that link images of
        different groups, as (left, right, similarity), most similar first. Values of `change`:
        "born" (no two of its images were grouped), "grown" (one group got more images), "merged"
        (of two or more groups), "regrouped" (images have another original now; star and complete
        linkage allow that).

    Examples
    --------
    >>> import numpy as np
    >>> bits = np.zeros((3, 64), dtype=bool)
    >>> bits[1, :6] = bits[2, :12] = True  # each 6 bits from the one before
    >>> pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a", "b", "c"], bits))
    >>> dup.threshold_changes(pairs, 90, 80)[["change", "images", "added"]]
      change     images added
    0  grown  [a, b, c]   [c]
    """
    check_choice("linkage", linkage, LINKAGES)
    low, high = sorted([check_percent("strict", strict), check_percent("loose", loose)])
    before, after = (group_duplicates(pairs, value, linkage=linkage) for value in (high, low))
    number_before = dict(zip(before.table.image, before.table.group, strict=True))
    sources_of_images = np.array(
        [number_before.get(image, 0) for image in after.table.image], dtype=np.int64
    )
    kinds = change_kinds(
        after.table.group.to_numpy(), sources_of_images, before.table.group.to_numpy()
    )
    between = pairs[(pairs.similarity >= low - TOLERANCE) & (pairs.similarity < high - TOLERANCE)]
    group_after = dict(zip(after.table.image, after.table.group, strict=True))
    links = _links_by_group(between, group_after, number_before)
    rows = []
    for number, images in enumerate(after, start=1):
        sources = sorted({number_before[image] for image in images if image in number_before})
        added = [image for image in images if image not in number_before]
        change = CHANGES[kinds[number - 1]]
        if change != "same":
            rows.append((change, number, images, sources, added, links.get(number, [])))
    return pd.DataFrame(rows, columns=["change", "group", "images", "before", "added", "because"])


def change_kinds(group: np.ndarray, source: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Tell what became of each group, as its place in CHANGES.

    Parameters
    ----------
    group, source : int, n_rows
        of each image in a group now: its group (1 is the first), and the one it was in before (0
        where it was in none).
    before : int
        the group of each image that was in one before.
    """
    n_groups, n_before = int(group.max(initial=0)), int(before.max(initial=0))
    known = np.unique(
        group[source > 0] * (n_before + 1) + source[source > 0]
    )  # each group with each of its sources
    into, came_from = known // (n_before + 1), known % (n_before + 1)
    n_sources = np.bincount(into, minlength=n_groups + 1)
    n_in_sources = np.bincount(
        into, np.bincount(before, minlength=n_before + 1)[came_from], n_groups + 1
    )
    n_added = np.bincount(group[source == 0], minlength=n_groups + 1)
    moved = np.bincount(group, minlength=n_groups + 1) - n_added < n_in_sources
    kinds = np.minimum(n_sources, 2) + CHANGES.index("born")
    kinds[(n_sources == 1) & (n_added == 0)] = CHANGES.index("same")
    kinds[moved] = CHANGES.index("regrouped")
    return kinds[1:]


def _links_by_group(
    between: pd.DataFrame, group_after: dict[str, int], number_before: dict[str, int]
) -> dict[int, list[tuple[str, str, float]]]:
    """Return for each later group its pairs of images that were not in one group before."""
    links: dict[int, list[tuple[str, str, float]]] = {}
    left, right = image_names(between)
    ordered = between.assign(left=left, right=right).sort_values(
        "similarity", ascending=False, kind="stable"
    )
    for left, right, similarity in zip(
        ordered.left, ordered.right, ordered.similarity, strict=True
    ):
        group = group_after.get(left)
        together = left in number_before and number_before[left] == number_before.get(right)
        if group is not None and group == group_after.get(right) and not together:
            links.setdefault(group, []).append((left, right, float(similarity)))
    return links


MAX_LEVELS = 400


@stoppable
def sweep_thresholds(
    pairs: pd.DataFrame, thresholds: Sequence[float] | None = None, *, linkage: str = "star"
) -> pd.DataFrame:
    """Count pairs and groups at many thresholds, in one pass over the pairs.

    Parameters
    ----------
    pairs
        made by `similar_pairs`.
    thresholds
        percent, inclusive, each at or above the floor; None takes every level the method has,
        strictest first.
    linkage : {'star', 'connected', 'complete'}

    Returns
    -------
    pandas.DataFrame, one row per threshold, in the order given:
        threshold, pairs, groups, images (in groups), redundant (images - groups), largest (images
        in the largest group).

    Examples
    --------
    >>> import numpy as np
    >>> bits = np.zeros((3, 64), dtype=bool)
    >>> bits[1, :6] = bits[2, :12] = True
    >>> pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a", "b", "c"], bits))
    >>> dup.sweep_thresholds(pairs, [95, 90, 80])
       threshold  pairs  groups  images  redundant  largest
    0       95.0      0       0       0          0        0
    1       90.0      2       1       2          1        2
    2       80.0      3       1       3          2        3
    """
    check_choice("linkage", linkage, LINKAGES)
    graph = PairGraph.read(pairs)
    wanted = sweep_levels(graph) if thresholds is None else check_percents("thresholds", thresholds)
    for value in wanted:
        graph.check_floor(value)
    return sweep_graph(graph, wanted, linkage)


def sweep_graph(
    graph: PairGraph, wanted: Sequence[float] | np.ndarray, linkage: str
) -> pd.DataFrame:
    """Return the table of `sweep_thresholds`."""
    strictest_first = np.unique(wanted)[::-1]
    tally = tally_levels(graph, strictest_first, linkage)
    place = np.searchsorted(-strictest_first, -np.asarray(wanted, dtype=float))
    groups, images, largest = tally[place].T if len(wanted) else np.zeros((3, 0), np.int64)
    return pd.DataFrame(
        {
            "threshold": np.asarray(wanted, dtype=float),
            "pairs": [graph.count_pairs(graph.count_near(value)) for value in wanted],
            "groups": groups,
            "images": images,
            "redundant": images - groups,
            "largest": largest,
        }
    )


def real_levels(pairs: pd.DataFrame) -> np.ndarray:
    """Return the similarities that a threshold can take, strictest first.

    These are the method's levels, or half percents of an embedding.

    Examples
    --------
    >>> prints = dup.Fingerprints.from_bits(["a", "b"], [[True] * 64, [True] * 64])
    >>> pairs = dup.similar_pairs(prints, min_similarity=90)
    >>> real_levels(pairs)
    array([100.   ,  96.875,  93.75 ,  90.625])
    """
    return graph_levels(PairGraph.read(pairs))


def graph_levels(graph: PairGraph) -> np.ndarray:
    """Return `real_levels` of a pair table that has been read."""
    known = known_method(graph.method, graph.bits)
    return sweep_levels(graph) if known else _half_percents(graph.floor)


def sweep_levels(graph: PairGraph) -> np.ndarray:
    """Return every similarity from the floor up that can occur, strictest first.

    Half percents if there are more than MAX_LEVELS.
    """
    seen = graph.distinct
    if len(seen) > MAX_LEVELS:
        return _half_percents(graph.floor)
    known = known_method(graph.method, graph.bits)
    nominal = known.levels(graph.floor) if known else _half_percents(graph.floor)
    return np.unique(np.concatenate([nominal, seen]))[::-1]


def _half_percents(floor: float) -> np.ndarray:
    return np.arange(100.0, floor - TOLERANCE, -0.5)


def count_by_level(similarity: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Count the similarities at each level, up to the next stricter one, exclusive.

    A bar then holds what its threshold would add.

    Examples
    --------
    >>> import numpy as np
    >>> count_by_level(np.array([100.0, 91.0, 90.0]), np.array([100.0, 95.0, 90.0]))
    array([1, 0, 2])
    """
    at_or_above = np.searchsorted(np.sort(similarity), levels - TOLERANCE)
    return np.diff(len(similarity) - at_or_above, prepend=0)

"""What happens to the groups between two thresholds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .checks import check_choice, check_percent
from .graph import TOLERANCE, image_names
from .groups import group_duplicates
from .linkages import LINKAGES

CHANGES = ["same", "born", "grown", "merged", "regrouped"]


def threshold_changes(pairs: pd.DataFrame, strict: float, loose: float, *, linkage: str = "star") -> pd.DataFrame:
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
        change ("born": no two of its images were grouped; "grown": one group took in images; "merged": two or more groups;
        "regrouped": images left for another original, which star and complete linkage allow), group (its number at `loose`),
        images (names, original first), before (the numbers at `strict` of the groups its images come from), added (names that
        were in no group), because (the pairs from `loose` up to `strict`, as (left, right, similarity), that link what was not
        together before, most similar first).
    """
    check_choice("linkage", linkage, LINKAGES)
    low, high = sorted([check_percent("strict", strict), check_percent("loose", loose)])
    before, after = (group_duplicates(pairs, value, linkage=linkage) for value in (high, low))
    number_before = dict(zip(before.table.image, before.table.group, strict=True))
    sources_of_images = np.array([number_before.get(image, 0) for image in after.table.image], dtype=np.int64)
    kinds = change_kinds(after.table.group.to_numpy(), sources_of_images, before.table.group.to_numpy())
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
        of each image in a group now: its group (1 is the first), and the one it was in before (0 where it was in none).
    before : int
        the group of each image that was in one before.
    """
    n_groups, n_before = int(group.max(initial=0)), int(before.max(initial=0))
    known = np.unique(group[source > 0] * (n_before + 1) + source[source > 0])  # each group with each of its sources
    into, came_from = known // (n_before + 1), known % (n_before + 1)
    n_sources = np.bincount(into, minlength=n_groups + 1)
    n_in_sources = np.bincount(into, np.bincount(before, minlength=n_before + 1)[came_from], n_groups + 1)
    n_added = np.bincount(group[source == 0], minlength=n_groups + 1)
    moved = np.bincount(group, minlength=n_groups + 1) - n_added < n_in_sources
    kinds = np.minimum(n_sources, 2) + CHANGES.index("born")
    kinds[(n_sources == 1) & (n_added == 0)] = CHANGES.index("same")
    kinds[moved] = CHANGES.index("regrouped")
    return kinds[1:]


def _links_by_group(
    between: pd.DataFrame, group_after: dict[str, int], number_before: dict[str, int]
) -> dict[int, list[tuple[str, str, float]]]:
    """Return for each later group the pairs inside it whose two images were not in one group before."""
    links: dict[int, list[tuple[str, str, float]]] = {}
    left, right = image_names(between)
    ordered = between.assign(left=left, right=right).sort_values("similarity", ascending=False, kind="stable")
    for left, right, similarity in zip(ordered.left, ordered.right, ordered.similarity, strict=True):
        group = group_after.get(left)
        together = left in number_before and number_before[left] == number_before.get(right)
        if group is not None and group == group_after.get(right) and not together:
            links.setdefault(group, []).append((left, right, float(similarity)))
    return links

"""Groups that keep apart what a person called different."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

import numpy as np
import pandas as pd

from ..groups import TOLERANCE, Grouping, group_duplicates

Classes = Mapping[str, Hashable]


def group_apart(
    pairs: pd.DataFrame,
    different: Iterable[tuple[str, str]],
    threshold: float,
    *,
    linkage: str,
    same_contents: Classes,
) -> Grouping:
    """Group a pair table so that no two images called different are in one group.

    Parameters
    ----------
    pairs, threshold, linkage
        as for `group_duplicates`.
    different
        pairs of images.
    same_contents
        for each image something that only images of the same bytes share: what is said of one copy holds for all.

    Notes
    -----
    Such pairs are left out of the table. Where both images are still in one group through others: of a star, the one less
    similar to the original leaves; a chain is cut where it is weakest, with all pairs of the group no more similar than that.
    """
    keys = {key for one, other in different for key in _keys(one, other, same_contents)}
    pairs = pairs[~_match(pairs, keys, same_contents)]
    while True:
        groups = group_duplicates(pairs, threshold, linkage=linkage)
        drop = _pairs_to_drop(pairs, groups, keys, same_contents)
        if not drop.any():
            return groups
        pairs = pairs[~drop]


Key = frozenset  # two contents; or two images, where their contents are the same


def _keys(one: str, other: str, contents: Classes) -> list[Key]:
    ends = (contents.get(one, one), contents.get(other, other))
    return [Key((one, other) if ends[0] == ends[1] else ends)]


def _match(pairs: pd.DataFrame, keys: set[Key], contents: Classes) -> np.ndarray:
    """Tell which pairs are called different."""
    named = {end for key in keys for end in key}
    of_interest = pd.Index([name for name in pairs.left.cat.categories if contents.get(name, name) in named or name in named])
    places = np.flatnonzero(pairs.left.isin(of_interest) & pairs.right.isin(of_interest))
    found = np.zeros(len(pairs), dtype=bool)
    for place, one, other in zip(places, pairs.left.iloc[places], pairs.right.iloc[places], strict=True):
        found[place] = _keys(one, other, contents)[0] in keys
    return found


def _pairs_to_drop(pairs: pd.DataFrame, groups: Grouping, keys: set[Key], contents: Classes) -> np.ndarray:
    """Return which pairs to leave out so that one conflict of each group is solved; none where there is no conflict."""
    drop = np.zeros(len(pairs), dtype=bool)
    named = {end for key in keys for end in key}
    interesting = [name in named or contents.get(name, name) in named for name in groups.table.image]
    for number, rows in groups.table[np.array(interesting, dtype=bool)].groupby("group"):
        conflict = _first_conflict(list(rows.image), keys, contents)
        if conflict is None:
            continue
        members = groups.table[groups.table.group == number]
        inside = (pairs.left.isin(members.image) & pairs.right.isin(members.image)).to_numpy()
        if groups.linkage == "star":
            # members stand most similar first, so the later of the two is the one to leave
            leaves, original = max(conflict, key=list(members.image).index), members.image.iloc[0]
            drop |= inside & pairs.left.isin([leaves, original]).to_numpy() & pairs.right.isin([leaves, original]).to_numpy()
        else:
            weakest = _weakest_link(pairs[inside], *conflict)
            drop |= inside & (pairs.similarity <= weakest + TOLERANCE).to_numpy()
    return drop


def _first_conflict(images: list[str], keys: set[Key], contents: Classes) -> tuple[str, str] | None:
    for place, one in enumerate(images):
        for other in images[place + 1 :]:
            if _keys(one, other, contents)[0] in keys:
                return one, other
    return None


def _weakest_link(pairs: pd.DataFrame, one: str, other: str) -> float:
    """Return the similarity of the weakest pair of the strongest chain between two images."""
    owner: dict[str, str] = {}

    def head(image: str) -> str:
        while image in owner:
            image = owner[image]
        return image

    ordered = pairs.sort_values("similarity", ascending=False, kind="stable")
    for left, right, similarity in zip(ordered.left, ordered.right, ordered.similarity, strict=True):
        if head(left) != head(right):
            owner[head(right)] = head(left)
        if head(one) == head(other):
            return float(similarity)
    raise AssertionError("two images of a connected group have a chain between them")

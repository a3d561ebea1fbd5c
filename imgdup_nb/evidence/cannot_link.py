"""Pairs leave a table until no group can hold two images called different (D24)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ..engine.checks import check_choice
from ..engine.copies import SharedList
from ..engine.pair_graph import PairGraph, components
from ..groups import LINKAGES
from .labels import Labels, labels_table, number_answers


def apply_labels(
    pairs: pd.DataFrame, labels: Labels | pd.DataFrame, *, linkage: str = "star"
) -> pd.DataFrame:
    """Remove pairs from a table so that no group holds two images called different.

    Parameters
    ----------
    pairs
        made by `similar_pairs`. It is not changed.
    labels
        answers. Those about images that are not in the table are ignored. In a table between two
        collections, an image whose name both have is called "left:NAME" or "right:NAME", as in its
        groups. An answer about an image holds for all files of the same bytes, too. An answer about
        two files of the same bytes holds for these two only.
    linkage : {'star', 'connected', 'complete'}
        the linkage that groups will be made with.

        - 'complete': the pairs called different are removed. That is enough, because all pairs of a
          group are in the table;
        - 'star' (also valid for complete linkage): if A and B are different pictures, at most one
          of them is a copy of C. So the weaker of the pairs A-C and B-C is removed, too;
        - 'connected' (valid for all): each pair that would join two images called different by a
          chain is removed, too. The strongest pairs are kept. This can remove many pairs of images
          that nobody was asked about.

    Returns
    -------
    pandas.DataFrame
        the remaining rows with a column label ("same", or empty), for `group_duplicates` at any
        threshold. `attrs` gains labels: {"different": pairs called different, "cut": other pairs
        removed, "linkage": as given}.

    Raises
    ------
    ValueError
        if the answers contradict each other: A and C the same, B and C the same, A and B
        different.

    Notes
    -----
    Cost: with star linkage it grows with the common neighbours of the images called different, with
    connected linkage with all pairs of their connected components.

    Examples
    --------
    >>> import numpy as np
    >>> import imgdup_nb as dup
    >>> bits = np.zeros((3, 64), dtype=bool)
    >>> bits[1, :4] = bits[2, 4:6] = True
    >>> pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a", "b", "c"], bits))
    >>> list(dup.group_duplicates(pairs, 90))
    [['a', 'c', 'b']]
    >>> labels = dup.Labels()
    >>> labels.add("b", "c", "different")
    >>> list(dup.group_duplicates(dup.apply_labels(pairs, labels), 90))
    [['a', 'c']]
    """
    check_choice("linkage", linkage, LINKAGES)
    graph = PairGraph.read(pairs)
    verdicts = _Verdicts(graph, pairs, labels_table(labels))
    different, cut = verdicts.different.copy(), verdicts.different.copy()
    if linkage == "connected":
        _trim_chains(verdicts, cut)
    elif (
        linkage == "star" or graph.n_copies.any()
    ):  # of very many copies most pairs are not in the table
        _trim_stars(verdicts, cut)
    label = np.where(verdicts.together, "same", "")
    kept = pairs.assign(
        label=pd.Series(label[np.argsort(graph.row)], index=pairs.index, dtype=object)
    )
    kept = kept.drop(index=pairs.index[graph.row[cut]]).reset_index(drop=True)
    kept.attrs = pairs.attrs | {
        "labels": {
            "different": int(different.sum()),
            "cut": int((cut & ~different).sum()),
            "linkage": linkage,
        }
    }
    if pairs.attrs.get("copies"):
        lost = {
            graph.names[image] for image in np.concatenate([graph.first[cut], graph.second[cut]])
        }
        sets = (
            [first, *(copy for copy in copies if copy not in lost)]
            for first, *copies in pairs.attrs["copies"]
        )
        kept.attrs["copies"] = SharedList(some for some in sets if len(some) > 1)
    return kept


class _Verdicts:
    """Answers about the pairs of a graph, and about pairs of byte copies of the images they name.

    An answer is about two *ends*. An end is the contents of an image or, if both images have the
    same contents, the image itself. Image k is end k. The contents whose first image is k are end
    n + k.
    """

    def __init__(self, graph: PairGraph, pairs: pd.DataFrame, table: pd.DataFrame) -> None:
        self.graph, self.n = graph, len(graph.names)
        self.contents = _same_contents(graph, pairs)
        answers = number_answers(table, graph.names, graph.sides)
        answers = answers.assign(
            key=self.keys(answers["first"].to_numpy(), answers["second"].to_numpy())
        )
        answers = answers.drop_duplicates(
            "key", keep="last"
        )  # the last answer counts, also if it is about another copy
        self.apart = answers.key[answers.label == "different"].to_numpy()
        keys = self.keys(graph.first, graph.second)
        self.different = np.isin(keys, self.apart)
        self.together = np.isin(keys, answers.key[answers.label == "same"].to_numpy())

    def keys(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return a number for the two ends of each pair of images, int64."""
        one, other = self.contents[first], self.contents[second]
        alone = one == other
        ends = np.sort(
            [np.where(alone, first, self.n + one), np.where(alone, second, self.n + other)], axis=0
        )
        return ends[0] * 2 * max(self.n, 1) + ends[1]

    def unlike_ends(self) -> list[tuple[int, int]]:
        """Return the two ends of every answer "different"."""
        return [divmod(key, 2 * self.n) for key in sorted(self.apart.tolist())]

    def ends_of(self, image: int) -> tuple[int, int]:
        """Return the ends that an image belongs to."""
        return image, self.n + int(self.contents[image])

    def touches(self, ends: Iterable[int]) -> np.ndarray:
        """Tell for each image whether it belongs to one of these ends; bool."""
        wanted = np.zeros(2 * self.n, dtype=bool)
        wanted[list(ends)] = True
        return wanted[: self.n] | wanted[self.n + self.contents]

    def name(self, end: int) -> str:
        """Return the name of an end's first image."""
        return self.graph.names[end % self.n]


def _same_contents(graph: PairGraph, pairs: pd.DataFrame) -> np.ndarray:
    """Return for each image the first one of the same bytes, possibly itself; int64."""
    if "relation" not in pairs:
        return np.arange(len(graph.names))
    same = (pairs.relation == "same bytes").to_numpy()[graph.row]
    return _first_linked(graph, same)


def _first_linked(graph: PairGraph, linking: np.ndarray) -> np.ndarray:
    """Return for each image the first one that is connected by some pairs; int64."""
    number = components(graph.first[linking], graph.second[linking], len(graph.names))
    return np.unique(number, return_index=True)[1].astype(np.int64)[number]


def _trim_stars(verdicts: _Verdicts, cut: np.ndarray) -> None:
    """If an image has pairs to both ends of a different pair, cut the weaker, unless labelled."""
    ends = verdicts.unlike_ends()
    neighbours = _neighbours(verdicts, {end for both in ends for end in both}, ~cut)
    for a, b in ends:
        of_a, of_b = neighbours.get(a, {}), neighbours.get(b, {})
        for shared in sorted(of_a.keys() & of_b.keys()):
            one, other = (
                [pair for pair in pairs if not cut[pair]] for pairs in (of_a[shared], of_b[shared])
            )
            if not one or not other:
                continue
            if verdicts.together[one].any() and verdicts.together[other].any():
                raise _contradiction(
                    verdicts, a, b, f"both called the same as {verdicts.graph.names[shared]!r}"
                )
            # pairs are numbered by similarity, then by name
            one_is_weaker = min(one) > min(other)
            cut[
                one
                if verdicts.together[other].any()
                or (one_is_weaker and not verdicts.together[one].any())
                else other
            ] = True


def _neighbours(
    verdicts: _Verdicts, wanted: set[int], usable: np.ndarray
) -> dict[int, dict[int, list[int]]]:
    """Return end -> image -> the pairs between them, for some ends and pairs."""
    graph, touched = verdicts.graph, verdicts.touches(wanted)
    neighbours: dict[int, dict[int, list[int]]] = {}
    for pair in np.flatnonzero((touched[graph.first] | touched[graph.second]) & usable).tolist():
        first, second = int(graph.first[pair]), int(graph.second[pair])
        for image, other in ((first, second), (second, first)):
            for end in verdicts.ends_of(image):
                if end in wanted:
                    neighbours.setdefault(end, {}).setdefault(other, []).append(pair)
    return neighbours


def _trim_chains(verdicts: _Verdicts, cut: np.ndarray) -> None:
    """Join images, labelled and strong pairs first; cut each pair that joins different images."""
    graph, together = verdicts.graph, verdicts.together
    unlike: dict[
        int, set[int]
    ] = {}  # ends that must not be where this end is; later, where anything of this group is
    for a, b in verdicts.unlike_ends():
        unlike.setdefault(a, set()).add(b)
        unlike.setdefault(b, set()).add(a)
    chains = _first_linked(graph, ~cut)
    concerned = np.isin(chains, chains[verdicts.touches(unlike)])[graph.first] & ~cut
    images = np.unique([graph.first[concerned], graph.second[concerned]]).tolist()
    holds = {image: {end for end in verdicts.ends_of(image) if end in unlike} for image in images}
    against = {image: {other for end in holds[image] for other in unlike[end]} for image in images}
    head = {image: image for image in images}
    order = np.concatenate(
        [np.flatnonzero(concerned & together), np.flatnonzero(concerned & ~together)]
    )
    for pair in order.tolist():
        first, second = int(graph.first[pair]), int(graph.second[pair])
        one, other = _first_of_chain(head, first), _first_of_chain(head, second)
        if one == other:
            continue
        if not holds[one].isdisjoint(against[other]):
            if together[pair]:
                raise _contradiction(
                    verdicts,
                    first,
                    second,
                    "called the same, yet a chain of such pairs joins images called different",
                )
            cut[pair] = True
            continue
        if len(holds[one]) < len(holds[other]):
            one, other = other, one
        head[other] = one
        holds[one] |= holds.pop(other)
        against[one] |= against.pop(other)


def _first_of_chain(head: dict[int, int], image: int) -> int:
    while head[image] != image:
        head[image] = head[head[image]]  # path halving of a union-find
        image = head[image]
    return image


def _contradiction(verdicts: _Verdicts, a: int, b: int, why: str) -> ValueError:
    return ValueError(
        f"labels contradict each other: {verdicts.name(a)!r} and {verdicts.name(b)!r} are {why}; "
        "correct one of these answers"
    )

"""The true duplicates and a pair table -> precision and recall at every threshold.

The truth is read once into a `Truth`: the group of each image, or the true pairs. True pairs are
counted from the sizes of the groups and never listed. So memory grows with the pair table, not with
the square of the number of images.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ..engine.checks import check_percents, shown
from ..engine.pair_graph import LEFT, RIGHT, TOLERANCE, PairGraph, Sides, components, find_names
from ..sweep import sweep_levels
from .intervals import binomial_interval, check_confidence, few_clusters, paired_interval

MAX_NAMES_SHOWN = 3  # in an error

PairsOrGroups: TypeAlias = pd.DataFrame | pd.Series | Mapping[str, Any] | Callable[[str], Any]


def score_thresholds(
    pairs: pd.DataFrame,
    truth: PairsOrGroups,
    *,
    thresholds: Sequence[float] | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Give precision and recall of a pair table at each threshold, by the truth.

    Parameters
    ----------
    pairs
        made by `similar_pairs`.
    truth
        the real duplicates, in one of these forms:

        - the group of each image: a dict or Series by image, or a table with the columns image and
          group. Two images are duplicates if their groups are equal. An image whose group is None
          or NaN has no duplicate;
        - a function that returns the group for an image's name, such as
          ``lambda name: name.split("/")[0]`` for folders;
        - a table of true pairs with the columns left and right. Every other pair is false. If it
          has a column label (see `Labels`), only rows with "same" are true.

        In a table between two collections only pairs across them count. If both have an image of
        one name, a dict may tell them apart by "left:NAME" and "right:NAME". In a table of true
        pairs, left is the image of the left collection.
    thresholds
        percent, inclusive, at or above the floor; None takes every level of the method.
    confidence
        of the intervals.

    Returns
    -------
    pandas.DataFrame, one row per threshold, strictest first unless given otherwise:
        - threshold (percent), pairs (at or above it), true, false;
        - missed: true pairs below the threshold, and those that are not in the table;
        - precision, recall, each with _low and _high, and f1: shares from 0 to 1, NaN if nothing
          was counted;
        - average_precision: of the ranking down to this threshold. The last row is that of the
          whole table.

    Raises
    ------
    TypeError, ValueError
        if the truth cannot be read, or has no group for an image.

    Warns
    -----
    UserWarning
        if the truth has pairs of images that were not compared. They do not count.

    Notes
    -----
    The shares are exact for this collection. The intervals are about the kind of collection that it
    is a sample of: the share in very many such groups. They do not predict the share of one other
    collection, which may lie outside. Pairs that share a group of the truth vary together (a dyadic
    variance). So ten groups of ten count for much less than 450 independent pairs, and for no more
    than if all pairs of a group agreed. A false pair never makes an interval narrower.

    Cost: one sort of the pairs.

    Examples
    --------
    >>> import numpy as np
    >>> import imgdup_nb as dup
    >>> bits = np.zeros((4, 64), dtype=bool)
    >>> bits[1, :2] = bits[2, :6] = bits[3, 32:] = True
    >>> pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a1", "a2", "b1", "a3"], bits))
    >>> scores = dup.score_thresholds(pairs, lambda name: name[0], thresholds=[95, 90])
    >>> scores[["threshold", "pairs", "true", "false", "missed", "precision", "recall"]].round(3)
       threshold  pairs  true  false  missed  precision  recall
    0       95.0      1     1      0       2      1.000   0.333
    1       90.0      3     1      2       2      0.333   0.333
    """
    return score_in_full(pairs, truth, thresholds, confidence).drop(columns="precision_best")


def score_in_full(
    pairs: pd.DataFrame, truth: PairsOrGroups, thresholds: Sequence[float] | None, confidence: float
) -> pd.DataFrame:
    """Return the table of `score_thresholds` with one more column.

    precision_best is the low end of precision if every pair were true. It depends on how the pairs
    are spread over the groups, not on which of them are true.
    """
    check_confidence(confidence)
    graph = PairGraph.read(pairs)
    known = read_truth_of(graph, truth, pairs)
    levels = sweep_levels(graph) if thresholds is None else check_percents("thresholds", thresholds)
    for value in levels:
        graph.check_floor(value)
    strictest_first = np.unique(levels)[::-1]
    table = _score(graph, known, strictest_first, confidence)
    return table.iloc[
        np.searchsorted(-strictest_first, -np.asarray(levels, dtype=float))
    ].reset_index(drop=True)


def _score(graph: PairGraph, truth: Truth, levels: np.ndarray, confidence: float) -> pd.DataFrame:
    same = truth.same(graph.first, graph.second)
    level = np.searchsorted(-levels, -(graph.similarity + TOLERANCE))
    counted = np.cumsum(np.bincount(level, minlength=len(levels) + 1))[: len(levels)]
    true = np.cumsum(np.bincount(level[same], minlength=len(levels) + 1))[: len(levels)]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = true / counted, true / np.float64(truth.n_pairs)
        f1 = 2 * true / (counted + truth.n_pairs)
    for_precision, for_recall, if_all_true = _effective_numbers(
        graph, truth, same, counted, confidence
    )
    precision_low, precision_high = paired_interval(precision, counted, for_precision, confidence)
    recall_low, recall_high = paired_interval(
        recall, np.full(len(levels), truth.n_pairs), for_recall, confidence
    )
    gained = np.diff(recall, prepend=0.0)
    return pd.DataFrame(
        {
            "threshold": levels,
            "pairs": counted,
            "true": true,
            "false": counted - true,
            "missed": truth.n_pairs - true,
            "precision": precision,
            "precision_low": precision_low,
            "precision_high": precision_high,
            "recall": recall,
            "recall_low": recall_low,
            "recall_high": recall_high,
            "f1": f1,
            "average_precision": np.cumsum(gained * np.nan_to_num(precision)),
            "precision_best": binomial_interval(if_all_true, if_all_true, confidence)[0],
        }
    )


# -- the truth -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Truth:
    """Which pairs of n_images images are duplicates.

    Attributes
    ----------
    group
        int64, n_images. Images of one group may be duplicates; they are if `listed` is None.
    listed
        None, or the true pairs as sorted keys ``first * n_images + second``, first < second.
    n_pairs
        true pairs.
    is_right
        None, or, between two collections, which images are of the right one. Only pairs across
        count.
    """

    group: np.ndarray
    listed: np.ndarray | None
    n_pairs: int
    is_right: np.ndarray | None = None

    def same(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return for each pair of image numbers whether it is true."""
        if self.listed is None:
            return self.group[first] == self.group[second]
        keys = np.minimum(first, second).astype(np.int64) * len(self.group) + np.maximum(
            first, second
        )
        place = np.minimum(np.searchsorted(self.listed, keys), max(len(self.listed) - 1, 0))
        return self.listed[place] == keys if len(self.listed) else np.zeros(len(keys), dtype=bool)

    def pairs_per_group(self) -> np.ndarray:
        """Return the number of true pairs in each group, int64."""
        if self.listed is not None:
            return np.bincount(
                self.group[self.listed // len(self.group)], minlength=self.group.max(initial=-1) + 1
            )
        size = np.bincount(self.group)
        if self.is_right is not None:
            on_right = np.bincount(self.group[self.is_right], minlength=len(size))
            return (size - on_right) * on_right
        return size * (size - 1) // 2


def read_truth_of(graph: PairGraph, truth: Any, pairs: pd.DataFrame) -> Truth:
    """Read a truth for the images of a pair table; one from a file may not know all of them."""
    complete = graph.sides is not None or isinstance(pairs.left.dtype, pd.CategoricalDtype)
    return read_truth(truth, graph.names, complete=complete, sides=graph.sides)


def read_truth(
    truth: Any, names: list[str], *, complete: bool, sides: Sides | None = None
) -> Truth:
    """Read a truth in any of its forms (see `score_thresholds`) for images in the order of `names`.

    `complete`: `names` are all images compared. Otherwise true pairs of other images count as well.
    """
    if isinstance(truth, pd.DataFrame) and {"left", "right"} <= set(truth):
        return _read_pairs(truth, names, complete=complete, sides=sides)
    if callable(truth) and not isinstance(truth, Mapping | pd.Series | pd.DataFrame):
        return _from_groups(
            [truth(name) for name in (sides.own if sides else names)], [], sides=sides
        )
    if isinstance(truth, pd.DataFrame) and {"image", "group"} <= set(truth):
        truth = pd.Series(
            truth["group"].to_numpy(dtype=object), index=truth["image"].to_numpy(dtype=object)
        )
    if not isinstance(truth, Mapping | pd.Series):
        raise TypeError(
            "truth must be the group of each image (dict, Series, or table with image and group), "
            "a function of the name, or a "
            f"table of pairs with left and right, not {type(truth).__name__}"
        )
    return _read_groups(truth, names, complete=complete, sides=sides)


def _read_groups(truth: Any, names: list[str], *, complete: bool, sides: Sides | None) -> Truth:
    if isinstance(truth, pd.Series) and truth.index.has_duplicates:
        twice = truth.index[truth.index.duplicated()][0]
        raise ValueError(f"truth must name each image once, and names {twice!r} twice")
    by_name = dict(truth.items())
    known = list(by_name)
    nameless = [name for name in known if not isinstance(name, str)]
    if nameless:
        raise TypeError(f"truth must name images by texts, and {shown(nameless[0])} is none")
    places = find_names(known, names)
    if sides is not None:  # the truth may tell apart names that both collections have
        places = np.where(places < 0, find_names(known, sides.own), places)
    missing = [name for name, place in zip(names, places, strict=True) if place < 0]
    if missing:
        raise ValueError(
            f"truth gives no group for {len(missing)} of {len(names)} images, such as "
            f"{_some(missing)}; give each image one, "
            "None if it has no duplicate"
        )
    groups = list(by_name.values())
    others = [groups[place] for place in sorted(set(range(len(groups))) - set(places.tolist()))]
    return _from_groups(
        [groups[place] for place in places], others, count_others=not complete, sides=sides
    )


def _from_groups(
    groups: list[Any], others: list[Any], *, count_others: bool = False, sides: Sides | None = None
) -> Truth:
    """Make a truth of each image's group; `others` are groups of images not compared."""
    numbers = pd.factorize(pd.Series([*groups, *others], dtype=object))[0]  # None and NaN become -1
    inside, outside = numbers[: len(groups)].astype(np.int64), numbers[len(groups) :]
    lonely = inside < 0
    inside[lonely] = numbers.max(initial=-1) + 1 + np.arange(lonely.sum())
    n_all, n_inside = (
        int(Truth(some, None, 0).pairs_per_group().sum())
        for some in (numbers[numbers >= 0], inside)
    )
    if not count_others and n_all > n_inside and len(outside):
        _warn_of_absent(n_all - n_inside)
    if sides is not None:
        across = Truth(inside, None, 0, sides.is_right)
        return replace(across, n_pairs=int(across.pairs_per_group().sum()))
    return Truth(inside, None, n_all if count_others else n_inside)


def _read_pairs(
    truth: pd.DataFrame, names: list[str], *, complete: bool, sides: Sides | None
) -> Truth:
    if "label" in truth:
        truth = truth[truth.label == "same"]
    left, right = (find_names(names, truth[side]) for side in ("left", "right"))
    if sides is not None:
        left, right = (
            np.where(
                found < 0,
                find_names(names, [f"{before}{name}" for name in truth[side]]),
                found,
            )
            for found, side, before in ((left, "left", LEFT), (right, "right", RIGHT))
        )
    unnamed = (left < 0) | (right < 0)
    if len(truth) and unnamed.all():
        example = tuple(truth[["left", "right"]].iloc[0])
        raise ValueError(f"truth names none of the images compared; its first pair is {example!r}")
    if complete and unnamed.any():
        _warn_of_absent(int(unnamed.sum()))
    left, right = left[~unnamed], right[~unnamed]
    if sides is not None:
        across = sides.is_right[left] != sides.is_right[right]
        left, right = left[across], right[across]
    n = len(names)
    keys = np.unique(np.minimum(left, right).astype(np.int64) * n + np.maximum(left, right))
    keys = keys[keys // max(n, 1) != keys % max(n, 1)]  # not an image with itself
    group = components(keys // max(n, 1), keys % max(n, 1), n)
    return Truth(group, keys, len(keys) + (0 if complete else int(unnamed.sum())))


def _warn_of_absent(count: int) -> None:
    warnings.warn(
        f"{count} true pairs are of images that were not compared (unreadable, or not in this "
        "collection); they do not count",
        stacklevel=5,
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:MAX_NAMES_SHOWN])) + (
        ", ..." if len(names) > MAX_NAMES_SHOWN else ""
    )


# -- how much the pairs tell -----------------------------------------------------------------------


def _effective_numbers(
    graph: PairGraph, truth: Truth, same: np.ndarray, counted: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return effective numbers of pairs by level: for precision, for recall, if all were true.

    Pairs vary together if they share a group of the truth. Let e be 1 or 0 less the share. The
    variance of the share is the sum of e * e' over all two pairs that share a group. It is summed
    by group: the squares of the groups' sums, less the pairs between two groups, which were counted
    twice.
    """
    first, second = truth.group[graph.first], truth.group[graph.second]
    n_groups = int(truth.group.max(initial=-1)) + 1
    there = truth.pairs_per_group().astype(float)
    ends, good, n_between = np.zeros(n_groups), np.zeros(n_groups), 0
    (precision, recall, if_all_true), start = np.zeros((3, len(counted))), 0
    for k, stop in enumerate(counted):  # pairs are sorted by level
        one, other, true = first[start:stop], second[start:stop], same[start:stop]
        between = (
            one != other
        )  # such pairs are false: a true pair is within one group, also of a listed truth
        ends += np.bincount(one, minlength=n_groups) + np.bincount(
            other[between], minlength=n_groups
        )
        good += np.bincount(one[true], minlength=n_groups)
        n_between += int(between.sum())
        # a mistake seen must never make an interval narrower: at most as if all agreed
        if_all_true[k] = agreeing_pairs(ends, n_between)
        precision[k] = min(effective_pairs(ends, good, n_between, confidence), if_all_true[k])
        recall[k] = min(effective_pairs(there, good, 0, confidence), agreeing_pairs(there, 0))
        start = stop
    return precision, recall, if_all_true


def effective_pairs(
    ends: np.ndarray, good: np.ndarray, n_between: float, confidence: float
) -> float:
    """Return the number of independent pairs that have the same variance as these.

    Parameters
    ----------
    ends
        n_groups; pairs that touch each group.
    good
        n_groups; successes among them, each counted in one group.
    n_between
        pairs that touch two groups. They are failures.

    Notes
    -----
    If all pairs agree, there is no variance to measure: see `agreeing_pairs`.
    """
    n = ends.sum() - n_between
    share = good.sum() / n if n > 0 else 0.0
    if share <= 0 or share >= 1:
        return agreeing_pairs(ends, n_between)
    residual = good - share * ends
    variance = ((residual**2).sum() - n_between * share**2) / n**2 * few_clusters(ends, confidence)
    return float(np.clip(share * (1 - share) / max(variance, 1e-300), min(1.0, n), n))


def agreeing_pairs(ends: np.ndarray, n_between: float) -> float:
    """Return the effective number of pairs that all agree: each group counts as one (Kish)."""
    n = ends.sum() - n_between
    return float(min(n, n**2 / (ends**2).sum())) if n > 0 else 0.0

"""Copies across splits: pictures of the test set that are in the training set, too."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ..engine.checks import check_list, check_pairs_table, check_percent, count_of, shown
from ..engine.copies import RELATIONS
from ..engine.pair_graph import PairGraph, check_unique_images
from ..evidence.intervals import binomial_interval, check_confidence
from .columns import check_column, check_rows, could_be_read, rows_of_names

NEAR = RELATIONS.index("near")


@dataclass(frozen=True, eq=False)
class Leaks:
    """Copies across splits, made by `find_leaks`.

    Attributes
    ----------
    table
        one row per pair across splits, most similar first: left, right, left_split, right_split
        (with the name of the column `by`), similarity (percent), relation. With a label also
        left_label and right_label. It is a pair table, so `PairViewer` shows it.
    matrix
        one row per split. `matrix["images"]`: how many of its images have a copy in each split, its
        own included. `matrix["exact"]`: how many have one with the same bytes or pixels.
        `matrix["pairs"]`: pairs between the two splits.
    shares
        one row per split: images (that could be read), leaked (with a copy in another split), exact
        (same bytes or pixels), near (of the others), share (leaked / images), low, high (its
        interval), unreadable.
    classes
        the same for each split and label; empty if no label was named.
    by, threshold, method
        the column, the percent, and the method of the pair table.
    n_without
        images whose split is not known; they are left out.
    """

    table: pd.DataFrame
    matrix: pd.DataFrame
    shares: pd.DataFrame
    classes: pd.DataFrame
    by: str
    threshold: float
    method: str
    n_without: int = 0
    _splits: tuple[Any, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.table)

    def _lines(self) -> list[str]:
        lines = [
            f"{count_of(len(self.table), 'pair')} across splits at {self.threshold:g} % "
            f"({self.method})"
        ]
        lines += [
            f"{split}: {row.leaked:,} of {count_of(int(row.images), 'image')} "
            f"({_percents(row)}) have a copy elsewhere: {row.exact:,} exact, {row.near:,} near"
            for split, row in zip(
                self.shares.index, self.shares.itertuples(index=False), strict=True
            )
        ]
        if self.n_without:
            lines.append(
                f"{count_of(self.n_without, 'image')} without a value in {self.by!r}: left out"
            )
        if self.shares.near.any() and self.method != "aligned":
            lines.append(
                "Some near pairs may not be copies: verify_pairs(pairs, images) checks them"
            )
        return lines

    def __repr__(self) -> str:
        return "<Leaks: " + "\n".join(self._lines()) + ">"

    def _repr_html_(self) -> str:
        words = "<br>".join(html.escape(line) for line in self._lines())
        return f"<p>{words}</p>{self.matrix.to_html(max_rows=20, max_cols=60)}"


def _percents(row: Any) -> str:
    if not row.images:
        return "no share"
    return f"{100 * row.share:.1f} %, interval {100 * row.low:.1f} to {100 * row.high:.1f} %"


def find_leaks(
    pairs: pd.DataFrame,
    images: pd.DataFrame,
    by: str = "split",
    threshold: float = 90.0,
    *,
    label: str | None = None,
    confidence: float = 0.95,
) -> Leaks:
    """Find the images that have a copy in another split, such as test images in training.

    Parameters
    ----------
    pairs
        made by `similar_pairs` or `verify_pairs`, with a floor at or below the threshold.
    images
        made by `scan_images`, with one more column that you merged in: the split of each image.
    by
        the name of that column. An image without a value there is left out.
    threshold
        percent, inclusive: from here up a pair is a copy.
    label
        a column with the class of each image; the shares are then also counted for each class.
    confidence
        of the intervals, between 0.5 and 1, exclusive.

    Returns
    -------
    Leaks
        a matrix split x split, the share of each split, and the pairs across splits.

    Raises
    ------
    ValueError
        if `by` or `label` is not a column of `images`, or an image of a pair has no row there. Also
        if the threshold is below the floor of `pairs`.

    Notes
    -----
    The share of these images is counted, so it is exact. The interval is that of
    Clopper and Pearson. It is for the source that the split is a sample of, and assumes that its
    images were drawn one by one. Images drawn in series give a wider interval.

    Where more than 1,000 images have one fingerprint, each is paired with one image of each split.
    The counts of images are then complete, and the counts of pairs are not.

    Examples
    --------
    >>> bits = [[True] * 64, [True] * 62 + [False] * 2, [False] * 64]
    >>> pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a", "b", "c"], bits))
    >>> import pandas as pd
    >>> images = pd.DataFrame({"image": ["a", "b", "c"], "split": ["train", "test", "test"]})
    >>> leaks = dup.find_leaks(pairs, images)
    >>> leaks.table[["left", "left_split", "right", "right_split", "similarity"]]
      left left_split right right_split  similarity
    0    a      train     b        test      96.875
    >>> leaks.matrix["images"]
    split  test  train
    split
    test      0      1
    train     1      0
    >>> leaks
    <Leaks: 1 pair across splits at 90 % (phash)
    test: 1 of 2 images (50.0 %, interval 1.3 to 98.7 %) have a copy elsewhere: 0 exact, 1 near
    train: 1 of 1 image (100.0 %, interval 2.5 to 100.0 %) have a copy elsewhere: 0 exact, 1 near
    Some near pairs may not be copies: verify_pairs(pairs, images) checks them>
    """
    threshold = check_percent("threshold", threshold)
    graph = PairGraph.read(pairs, threshold)
    images, splits = check_rows(images, by)
    check_unique_images(images, pairs)
    classes = None if label is None else check_column("label", images, label)
    confidence = check_confidence(confidence)
    links = _read_links(graph, pairs, images, splits, threshold)
    known = (splits.codes[links.left] >= 0) & (splits.codes[links.right] >= 0)
    links = links[known]
    has_copy, has_exact, n_pairs = _count_links(links, splits)
    good = could_be_read(images) & (splits.codes >= 0)
    across = links[splits.codes[links.left] != splits.codes[links.right]]
    code = splits.codes.astype(np.int64)
    elsewhere = np.array(has_copy, copy=True)
    exact_elsewhere = np.array(has_exact, copy=True)
    rows = np.flatnonzero(code >= 0)
    elsewhere[rows, code[rows]] = exact_elsewhere[rows, code[rows]] = False
    leaked, exact = elsewhere.any(axis=1), exact_elsewhere.any(axis=1)
    facts = pd.DataFrame(
        {
            by: splits,
            "images": good,
            "leaked": leaked & good,
            "exact": exact & good,
            "unreadable": ~could_be_read(images),
        }
    )
    table = _leak_table(across, pairs, images, by, splits, classes)
    return Leaks(
        table=table,
        matrix=_matrix(by, splits, good, has_copy, has_exact, n_pairs),
        shares=_tally(facts, [by], confidence),
        classes=_classes(facts, by, label, classes, confidence),
        by=by,
        threshold=threshold,
        method=graph.method,
        n_without=int((splits.codes < 0).sum()),
        _splits=tuple(splits.categories),
    )


def remove_leaks(
    leaks: Leaks | pd.DataFrame,
    images: pd.DataFrame,
    keep: str | Iterable[str] = "test",
    *,
    by: str = "split",
    threshold: float = 90.0,
) -> pd.DataFrame:
    """Return the images without those of other splits that have a copy in one split.

    No file is touched: the table lists what to train on.

    Parameters
    ----------
    leaks
        made by `find_leaks`; or a pair table, which is then asked with `by` and `threshold`.
    images
        the table that the leaks come from.
    keep
        the split that stays whole. A list of splits: the first stays whole. The second loses only
        its copies of the first, and so on.
    by, threshold
        as in `find_leaks`; what `find_leaks` made has its own.

    Returns
    -------
    pandas.DataFrame
        the rows of `images` that stay, in their order. Images without a split stay.

    Raises
    ------
    TypeError, ValueError
        as `find_leaks`; and if `keep` is not a split.

    Examples
    --------
    >>> bits = [[True] * 64, [True] * 62 + [False] * 2, [False] * 64]
    >>> pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a", "b", "c"], bits))
    >>> import pandas as pd
    >>> images = pd.DataFrame({"image": ["a", "b", "c"], "split": ["train", "test", "train"]})
    >>> dup.remove_leaks(pairs, images, keep="test")
      image  split
    0     b   test
    1     c  train
    """
    if not isinstance(leaks, Leaks):
        check_pairs_table("leaks", leaks)
        leaks = find_leaks(leaks, images, by, threshold)
    images, splits = check_rows(images, leaks.by)
    wanted = [keep] if isinstance(keep, str) else check_list("keep", keep, ["test"])
    for split in wanted:
        if split not in leaks._splits:
            raise ValueError(
                f"keep must be one of {', '.join(map(repr, leaks._splits))}, "
                f"and {shown(split)} is not"
            )
    row = dict(zip(images.image, range(len(images)), strict=True))
    ends = [
        [row.get(name, -1) for name in leaks.table[side].astype(object)]
        for side in ("left", "right")
    ]
    left, right = np.array(ends, dtype=np.int64).reshape(2, -1)
    there = (left >= 0) & (right >= 0)
    first = np.concatenate([left[there], right[there]])
    second = np.concatenate([right[there], left[there]])
    stays = np.ones(len(images), dtype=bool)
    safe = np.zeros(len(images), dtype=bool)
    for split in wanted:
        inside = np.asarray(splits == split) & stays
        safe |= inside
        leaves = second[inside[first] & ~safe[second]]
        stays[leaves] = False
    return images[stays].reset_index(drop=True)


# -- counting --------------------------------------------------------------------------------------


def _read_links(
    graph: PairGraph,
    pairs: pd.DataFrame,
    images: pd.DataFrame,
    splits: pd.Categorical,
    threshold: float,
) -> pd.DataFrame:
    """Return the pairs at or above the threshold: rows of `images`, similarity, relation."""
    near = graph.at_or_above(threshold)
    first, second, rows = graph.first[near], graph.second[near], graph.row[near]
    is_copy = graph.like != np.arange(len(graph.names))
    used = np.zeros(len(graph.names), dtype=bool)
    used[first] = used[second] = used[is_copy] = used[graph.like[is_copy]] = True
    numbers = np.flatnonzero(used)
    place = np.full(len(graph.names), -1, dtype=np.int64)
    place[numbers] = rows_of_names(images, [graph.names[k] for k in numbers])
    relation = (
        pd.Categorical(pairs.relation.iloc[rows], categories=RELATIONS).codes.astype(np.int64)
        if "relation" in pairs
        else np.full(len(rows), NEAR)
    )
    links = pd.DataFrame(
        {
            "left": place[first],
            "right": place[second],
            "similarity": graph.similarity[near],
            "relation": np.where(relation < 0, NEAR, relation),
            "row": rows,
        }
    )
    if is_copy.any():
        links = _with_copies(links, place, graph.like, images, splits)
    return links


def _with_copies(
    links: pd.DataFrame,
    place: np.ndarray,
    like: np.ndarray,
    images: pd.DataFrame,
    splits: pd.Categorical,
) -> pd.DataFrame:
    """Add pairs of very many copies, which the pair table does not list.

    Each copy, and each image near to the original, gets one partner in every split.
    """
    heads = np.unique(like[like != np.arange(len(like))])
    members = {int(place[head]): place[np.flatnonzero(like == head)] for head in heads}
    codes = splits.codes
    contents = images.sha256.to_numpy() if "sha256" in images else np.full(len(images), "")
    firsts = {head: _first_of_each_split(some, codes) for head, some in members.items()}
    first_of_content: dict[tuple[str, int], list[int]] = {}
    for some in members.values():
        for member in some:
            if contents[member]:
                first_of_content.setdefault((contents[member], codes[member]), []).append(member)
    near = _near_copies(links, members)
    added = []
    for head, some in members.items():
        for member in some:
            for split in range(len(splits.categories)):
                same = first_of_content.get((contents[member], split), [])
                partner = next((other for other in same[:2] if other != member), None)
                if partner is not None:
                    added.append((member, partner, 100.0, 0))
                    continue
                partner = next((k for k in firsts[head].get(split, []) if k != member), None)
                if partner is not None:
                    added.append((member, partner, 100.0, NEAR))
                    continue
                for other, similarity in near[head]:
                    found = (
                        firsts[other].get(split, [])
                        if other in firsts
                        else ([other] if codes[other] == split else [])
                    )
                    if found:
                        added.append((member, found[0], similarity, NEAR))
                        break
        for other, similarity in near[head]:
            if other not in members:
                added += [(other, some[0], similarity, NEAR) for some in firsts[head].values()]
    extra = pd.DataFrame(added, columns=["left", "right", "similarity", "relation"])
    extra[["left", "right"]] = np.sort(extra[["left", "right"]].to_numpy(np.int64), axis=1)
    both = pd.concat([links, extra.assign(row=-1)], ignore_index=True)
    low = both[["left", "right"]].min(axis=1)
    high = both[["left", "right"]].max(axis=1)
    return both[~pd.DataFrame({"low": low, "high": high}).duplicated()].reset_index(drop=True)


def _first_of_each_split(places: np.ndarray, codes: np.ndarray) -> dict[int, list[int]]:
    """Return the first two images of each split: the second is the partner of the first."""
    found: dict[int, list[int]] = {}
    for place in places:
        some = found.setdefault(int(codes[place]), [])
        if len(some) < 2:
            some.append(int(place))
    return found


def _near_copies(
    links: pd.DataFrame, members: dict[int, np.ndarray]
) -> dict[int, list[tuple[int, float]]]:
    """Return of each set of copies the images near to its original, the most similar first."""
    inside = {int(place): head for head, some in members.items() for place in some}
    near: dict[int, list[tuple[int, float]]] = {head: [] for head in members}
    for left, right, similarity in zip(links.left, links.right, links.similarity, strict=True):
        for one, other in ((left, right), (right, left)):
            if one in members and inside.get(other) != one:
                near[one].append((int(other), float(similarity)))
    return near


def _count_links(
    links: pd.DataFrame, splits: pd.Categorical
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which image has a copy, and an exact one, in which split; and pairs split x split."""
    n_splits = len(splits.categories)
    has_copy, has_exact = np.zeros((2, len(splits), n_splits), dtype=bool)
    n_pairs = np.zeros((n_splits, n_splits), dtype=np.int64)
    left, right = links.left.to_numpy(), links.right.to_numpy()
    one, other = splits.codes[left], splits.codes[right]
    exact = (links.relation < NEAR).to_numpy()
    has_copy[left, other] = has_copy[right, one] = True
    has_exact[left[exact], other[exact]] = has_exact[right[exact], one[exact]] = True
    np.add.at(n_pairs, (one, other), 1)
    return has_copy, has_exact, n_pairs + n_pairs.T - np.diag(np.diag(n_pairs))


def _matrix(
    by: str,
    splits: pd.Categorical,
    good: np.ndarray,
    has_copy: np.ndarray,
    has_exact: np.ndarray,
    n_pairs: np.ndarray,
) -> pd.DataFrame:
    names = pd.Index(splits.categories, name=by)
    inside = np.array([(splits.codes == k) & good for k in range(len(names))], dtype=np.int64)
    inside = inside.reshape(len(names), len(splits))
    parts = {"images": inside @ has_copy, "exact": inside @ has_exact, "pairs": n_pairs}
    tables = {
        what: pd.DataFrame(counts.astype(np.int64), index=names, columns=names)
        for what, counts in parts.items()
    }
    return pd.concat(tables, axis=1)


def _tally(facts: pd.DataFrame, columns: list[str], confidence: float) -> pd.DataFrame:
    """Return sums and the share of each split, or of each split and class, with its interval."""
    sums = (
        facts.groupby(columns, observed=len(columns) > 1)[
            ["images", "leaked", "exact", "unreadable"]
        ]
        .sum()
        .astype("int64")
    )
    low, high = binomial_interval(sums.leaked, sums.images, confidence)
    share = (sums.leaked / sums.images.where(sums.images > 0)).astype(float)
    unreadable = sums.pop("unreadable")
    tally = sums.assign(
        near=sums.leaked - sums.exact, share=share, low=low, high=high, unreadable=unreadable
    )
    if len(columns) == 1:
        tally.index = pd.Index(list(tally.index), name=columns[0])
    return tally


def _classes(
    facts: pd.DataFrame,
    by: str,
    label: str | None,
    classes: pd.Categorical | None,
    confidence: float,
) -> pd.DataFrame:
    if label is None or classes is None:
        return _tally(facts.iloc[:0], [by], confidence).iloc[:0].reset_index()
    labelled = facts.assign(**{label: classes})
    return _tally(labelled, [by, label], confidence).reset_index()


def _leak_table(
    across: pd.DataFrame,
    pairs: pd.DataFrame,
    images: pd.DataFrame,
    by: str,
    splits: pd.Categorical,
    classes: pd.Categorical | None,
) -> pd.DataFrame:
    names = images.image.to_numpy(dtype=object)
    left, right = names[across.left], names[across.right]
    # as in the pair table: which of the two is called left
    listed = across.row.to_numpy() >= 0
    rows = across.row.to_numpy()[listed]
    turned = np.zeros(len(across), dtype=bool)
    turned[listed] = (
        rows_of_names(images, list(pairs.left.iloc[rows].astype(object)))
        != (across.left.to_numpy()[listed])
    )
    ends = [
        np.where(turned, across.right, across.left),
        np.where(turned, across.left, across.right),
    ]
    left, right = (names[end.astype(np.int64)] for end in ends)
    values = {"left": left, "right": right}
    for what, column in ((by, splits), ("label", classes)):
        if column is not None:
            of_image = np.asarray(column, dtype=object)
            values |= {
                f"{side}_{what}": of_image[end.astype(np.int64)]
                for side, end in zip(("left", "right"), ends, strict=True)
            }
    values |= {
        "similarity": across.similarity.to_numpy(dtype=float),
        "relation": np.array(RELATIONS, dtype=object)[across.relation.to_numpy(np.int64)],
    }
    order = np.lexsort((right, left, across.relation, -across.similarity))
    table = pd.DataFrame(values).iloc[order].reset_index(drop=True)
    table.attrs = {name: value for name, value in pairs.attrs.items() if name != "copies"}
    return table

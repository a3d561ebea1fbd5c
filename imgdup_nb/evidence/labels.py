"""A person's answers about pairs: kept in a CSV file, and obeyed when groups are made."""

from __future__ import annotations

import csv
import io
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from ..checks import check_choice
from ..groups import LINKAGES, PairGraph

ANSWERS = ["same", "different", "skip"]
WITHDRAWN = "withdrawn"  # how a file that is only ever added to says "undone"
COLUMNS = ["left", "right", "label", "when"]


class Labels:
    """A person's answers about pairs: the same picture, or different ones.

    The last answer about a pair counts, whichever way round the pair is named.

    Parameters
    ----------
    path
        a CSV file, new or written here before; each answer is added to it at once. None keeps answers in memory only.

    Raises
    ------
    ValueError
        if the file is no table of labels; it is left as it is.

    Notes
    -----
    The file is a log with the columns left, right, label and when (UTC). It is only ever added to, one whole line at a time, so
    a crash can spoil no earlier answer and two notebooks may write to one file. Undoing adds a line that says "withdrawn".

    Examples
    --------
    >>> labels = Labels()
    >>> labels.add("cat.jpg", "cat-small.jpg", "same")
    >>> labels.add("cat.jpg", "tiger.jpg", "different")
    >>> labels
    <Labels: 1 same, 1 different, 0 skipped>
    >>> labels.undo()
    ('cat.jpg', 'tiger.jpg')
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = None if path is None else Path(path)
        self._rows: list[tuple[str, str, str, str]] = []
        if self.path is not None and self.path.exists():
            self._rows = _read_log(self.path)

    @classmethod
    def from_frame(cls, table: pd.DataFrame, path: str | os.PathLike[str] | None = None) -> Labels:
        """Take over answers from a table with the columns left, right, label and perhaps when."""
        labels = cls(path)
        when = table["when"] if "when" in table else [None] * len(table)
        for row in zip(table.left, table.right, table.label, when, strict=True):
            labels.add(*row)
        return labels

    def add(self, left: str, right: str, label: str, when: str | None = None) -> None:
        """Keep an answer: "same", "different", or "skip" for someone who cannot tell."""
        check_choice("label", label, ANSWERS)
        if left == right:
            raise ValueError(f"left and right must be two images, and both are {left!r}")
        self._keep((left, right, label, when or datetime.now(UTC).isoformat(timespec="seconds")))

    def undo(self) -> tuple[str, str] | None:
        """Withdraw the answer given last and return its pair; None if there is none."""
        if not len(self):
            return None
        left, right = self.table.iloc[-1][["left", "right"]]
        self._keep((left, right, WITHDRAWN, datetime.now(UTC).isoformat(timespec="seconds")))
        return left, right

    @property
    def table(self) -> pd.DataFrame:
        """One row per pair answered, in the order of the answers that count: left, right, label, when."""
        last: dict[frozenset[str], tuple[str, str, str, str]] = {}
        for row in self._rows:
            last.pop(frozenset(row[:2]), None)
            last[frozenset(row[:2])] = row
        rows = [row for row in last.values() if row[2] != WITHDRAWN]
        return pd.DataFrame(rows, columns=COLUMNS, dtype=object)

    def count(self, label: str) -> int:
        """Return how many pairs have this answer."""
        return int((self.table.label == check_choice("label", label, ANSWERS)).sum())

    def _keep(self, row: tuple[str, str, str, str]) -> None:
        if self.path is not None:
            _append_to_log(self.path, row)
        self._rows.append(row)

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        return f"<Labels: {self.count('same')} same, {self.count('different')} different, {self.count('skip')} skipped>"

    def _repr_html_(self) -> str:
        return self.table.to_html(max_rows=20)  # to_html escapes file names


def _read_log(path: Path) -> list[tuple[str, str, str, str]]:
    # surrogatepass: names may hold what UTF-8 does not allow, and must come back as they went
    text = path.read_bytes().decode("utf-8", "surrogatepass")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows:
        return []
    if rows[0] != COLUMNS:
        raise ValueError(f"{path} is no table of labels: its first line must be {','.join(COLUMNS)}, and is {rows[0]}")
    # a line without all its fields is what a crash left of one
    return [(row[0], row[1], row[2], row[3]) for row in rows[1:] if len(row) == 4 and row[2] in [*ANSWERS, WITHDRAWN]]


def _append_to_log(path: Path, row: tuple[str, str, str, str]) -> None:
    line = io.StringIO(newline="")
    if not path.exists() or path.stat().st_size == 0:
        csv.writer(line, lineterminator="\n").writerow(COLUMNS)
    elif _ends_within_a_line(path):
        line.write("\n")
    csv.writer(line, lineterminator="\n").writerow(row)
    with open(path, "ab", buffering=0) as log:  # one write, at the end of the file: whole lines, also from two writers
        log.write(line.getvalue().encode("utf-8", "surrogatepass"))
        os.fsync(log.fileno())


def _ends_within_a_line(path: Path) -> bool:
    with open(path, "rb") as log:
        log.seek(-1, os.SEEK_END)
        return log.read() != b"\n"


def read_labels(labels: Labels | pd.DataFrame) -> pd.DataFrame:
    """Return labels as a table with left, right and label, each pair once."""
    if isinstance(labels, pd.DataFrame) and {"left", "right", "label"} <= set(labels):
        return Labels.from_frame(labels).table
    if not isinstance(labels, Labels):
        raise TypeError(f"labels must be Labels, or a table with left, right and label, not {type(labels).__name__}")
    return labels.table


def apply_labels(pairs: pd.DataFrame, labels: Labels | pd.DataFrame, *, linkage: str = "star") -> pd.DataFrame:
    """Take what a person called different out of a pair table, so that no group holds it again.

    Parameters
    ----------
    pairs
        made by `similar_pairs`; it is not changed, and still holds every pair should you want them back.
    labels
        answers; those about images that are not in the table are passed over.
    linkage : {'star', 'connected', 'complete'}
        what groups will be made with.

        - 'complete': the pairs called different go; that is enough, for all pairs of a group are in the table;
        - 'star' (enough for complete linkage too): so does the weaker of two pairs through which an original would hold
          both images: if A and B are different pictures, at most one of them is a copy of C;
        - 'connected' (enough for all): so does each pair that would close a chain between two images called different; the
          strongest pairs are kept. This can cost many pairs between images nobody was asked about.

    Returns
    -------
    pandas.DataFrame
        the remaining rows with a column label ("same", or empty), for `group_duplicates` and all else at any threshold. `attrs`
        gains labels: {"different": pairs called so, "cut": pairs that went with them, "linkage": as given}.

    Raises
    ------
    ValueError
        if the answers contradict each other: both pairs of C called the same, and A and B different.

    Examples
    --------
    >>> from imgdup_nb import Fingerprints, group_duplicates, similar_pairs
    >>> bits = np.zeros((3, 64), dtype=bool)
    >>> bits[1, :4] = bits[2, 4:6] = True
    >>> pairs = similar_pairs(Fingerprints.from_bits(["a", "b", "c"], bits))
    >>> list(group_duplicates(pairs, 90))
    [['a', 'c', 'b']]
    >>> labels = Labels()
    >>> labels.add("b", "c", "different")
    >>> list(group_duplicates(apply_labels(pairs, labels), 90))
    [['a', 'c']]
    """
    check_choice("linkage", linkage, LINKAGES)
    graph = PairGraph.read(pairs)
    answers = _numbered(read_labels(labels), graph.names)
    row_of = _rows_of(pairs, graph)
    keys = graph.first.astype(np.int64) * len(graph.names) + graph.second
    apart = answers[answers.label == "different"].key.to_numpy()
    together = np.isin(keys, answers[answers.label == "same"].key.to_numpy())
    different = np.isin(keys, apart)
    cut = different.copy()
    if linkage != "complete":
        trim = _trim_stars if linkage == "star" else _trim_chains
        trim(graph, apart, together, cut)
    label = np.where(together, "same", "")
    kept = pairs.assign(label=pd.Series(label[np.argsort(row_of)], index=pairs.index, dtype=object))
    kept = kept.drop(index=pairs.index[row_of[cut]]).reset_index(drop=True)
    kept.attrs = pairs.attrs | {
        "labels": {"different": int(different.sum()), "cut": int((cut & ~different).sum()), "linkage": linkage}
    }
    return kept


def _numbered(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return the labels of known images with a key: first * n + second, first < second."""
    places = pd.Index(names, dtype=object)
    left, right = (places.get_indexer(table[side]) for side in ("left", "right"))
    key = np.minimum(left, right).astype(np.int64) * len(names) + np.maximum(left, right)
    return table.assign(key=key)[(left >= 0) & (right >= 0)]


def _rows_of(pairs: pd.DataFrame, graph: PairGraph) -> np.ndarray:
    """Return the row of `pairs` that each pair of the graph came from."""
    places = pd.Index(graph.names, dtype=object)
    left, right = (places.get_indexer(pairs[side].astype(object)) for side in ("left", "right"))
    return np.lexsort((np.maximum(left, right), np.minimum(left, right), -pairs.similarity.to_numpy()))


def _trim_stars(graph: PairGraph, apart: np.ndarray, together: np.ndarray, cut: np.ndarray) -> None:
    """Of two pairs through which one image holds both of an unlike pair, cut the weaker; never one called the same."""
    neighbours: dict[int, dict[int, int]] = {}
    wanted = set((apart // len(graph.names)).tolist()) | set((apart % len(graph.names)).tolist())
    of_wanted = np.isin(graph.first, list(wanted)) | np.isin(graph.second, list(wanted))
    for pair in np.flatnonzero(of_wanted & ~cut).tolist():
        first, second = int(graph.first[pair]), int(graph.second[pair])
        neighbours.setdefault(first, {})[second] = pair
        neighbours.setdefault(second, {})[first] = pair
    for key in sorted(apart.tolist()):
        a, b = divmod(key, len(graph.names))
        of_a, of_b = neighbours.get(a, {}), neighbours.get(b, {})
        for shared in sorted(of_a.keys() & of_b.keys()):
            one, other = of_a[shared], of_b[shared]
            if cut[one] or cut[other]:
                continue
            if together[one] and together[other]:
                raise _contradiction(graph, a, b, f"both called the same as {graph.names[shared]!r}")
            # pairs are numbered strongest first, and by name among equals
            cut[one if together[other] or (one > other and not together[one]) else other] = True


def _trim_chains(graph: PairGraph, apart: np.ndarray, together: np.ndarray, cut: np.ndarray) -> None:
    """Join images along the strongest pairs first, those called the same before all; cut each pair that joins unlike images."""
    n = len(graph.names)
    group = list(range(n))
    members: list[list[int]] = [[image] for image in range(n)]
    unlike: list[set[int]] = [set() for _ in range(n)]
    for a, b in zip((apart // n).tolist(), (apart % n).tolist(), strict=True):
        unlike[a].add(b)
        unlike[b].add(a)
    order = np.concatenate([np.flatnonzero(together & ~cut), np.flatnonzero(~together & ~cut)])
    for pair in order.tolist():
        one, other = group[graph.first[pair]], group[graph.second[pair]]
        if one == other:
            continue
        if len(members[one]) < len(members[other]):
            one, other = other, one
        if any(group[image] == one for image in unlike[other]):
            if together[pair]:
                first, second = int(graph.first[pair]), int(graph.second[pair])
                raise _contradiction(graph, first, second, "called the same, yet a chain of such pairs joins unlike images")
            cut[pair] = True
            continue
        for image in members[other]:
            group[image] = one
        members[one] += members[other]
        unlike[one] |= unlike[other]


def _contradiction(graph: PairGraph, a: int, b: int, why: str) -> ValueError:
    return ValueError(
        f"labels contradict each other: {graph.names[a]!r} and {graph.names[b]!r} are {why}; correct one answer with "
        "labels.add(left, right, ...)"
    )

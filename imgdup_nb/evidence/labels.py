"""A person's answers about pairs, kept in a CSV file."""

from __future__ import annotations

import csv
import io
import os
import warnings
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from ..engine.checks import (
    check_choice,
    check_list,
    check_pair,
    check_path,
    check_table,
    check_text,
    count_of,
)
from ..engine.pair_graph import LEFT, RIGHT, Sides, find_names
from ..engine.paths import naming, write_whole

ANSWERS = ["same", "different", "skip"]
WITHDRAWN = "withdrawn"  # an answer that was undone; the file only grows
FROM_BANDS = "bands"  # the aim of answers in files without this column: drawn from bands of percent
OLD_COLUMNS = ["left", "right", "label", "when"]
LABEL_COLUMNS = [*OLD_COLUMNS, "aim"]

LabelRow = tuple[str, str, str, str, str]  # of LABEL_COLUMNS


class Labels:
    """A person's answers about pairs: the same picture, or different ones.

    The last answer about a pair counts. The order of its two names does not matter.

    Parameters
    ----------
    path
        a CSV file, new or written by `Labels` before. Each answer is added to it at once. None
        keeps answers in memory only.

    Raises
    ------
    ValueError
        if the file is not a table of labels. It is left unchanged.
    IsADirectoryError
        if it is a folder.

    Notes
    -----
    The file is a log with the columns left, right, label, when (UTC) and aim: the threshold that
    the question was about, empty for pairs that you chose yourself. Lines are only added, each as a
    whole. So a crash cannot damage earlier answers, and two notebooks may write to one file.
    Undoing adds a line "withdrawn". A file of an earlier version has no column aim. It gets one,
    with "bands" for its answers, when the next answer is added.

    Examples
    --------
    >>> import imgdup_nb as dup
    >>> labels = dup.Labels()
    >>> labels.add("cat.jpg", "cat-small.jpg", "same")
    >>> labels.add("cat.jpg", "tiger.jpg", "different")
    >>> labels
    <Labels: 1 same, 1 different, 0 skipped>
    >>> labels.undo()
    ('cat.jpg', 'tiger.jpg')
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = None if path is None else Path(check_path("path", path, "labels.csv"))
        if self.path is not None and self.path.is_dir():
            raise IsADirectoryError(
                f"path must be a file such as 'labels.csv', and {str(self.path)!r} is a folder"
            )
        self._rows: list[LabelRow] = []
        if self.path is not None and self.path.exists():
            self._rows = _read_log(self.path)

    @classmethod
    def from_frame(cls, table: pd.DataFrame, path: str | os.PathLike[str] | None = None) -> Labels:
        """Make labels from a table with left, right, label and, if known, when and aim."""
        check_table("table", table, ("left", "right", "label"), "labels.table")
        labels = cls(path)
        when = table["when"] if "when" in table else [None] * len(table)
        aim = table["aim"] if "aim" in table else [""] * len(table)
        for row in zip(table.left, table.right, table.label, when, aim, strict=True):
            labels.add(*row)
        return labels

    def add(
        self, left: str, right: str, label: str, when: str | None = None, aim: str = ""
    ) -> None:
        """Add an answer: "same", "different", or "skip" if you cannot tell."""
        self.add_pairs([(left, right)], label, when, aim)

    def add_pairs(
        self,
        pairs: Iterable[tuple[str, str]],
        label: str,
        when: str | None = None,
        aim: str = "",
    ) -> None:
        """Add one answer about many pairs: all of them, or none if one is refused."""
        check_choice("label", label, ANSWERS)
        when = _seconds_now() if when is None else check_text("when", when, "2026-11-30T12:00:00")
        check_text("aim", aim, FROM_BANDS)
        rows = [(left, right, label, when, aim) for left, right in _check_pairs(pairs)]
        for left, right, *_ in rows:
            if left == right:
                raise ValueError(f"left and right must be two images, and both are {left!r}")
        self._keep(rows)

    def withdraw(self, pairs: Iterable[tuple[str, str]], label: str | None = None) -> None:
        """Withdraw the answers about some pairs; with `label`, only answers of this kind."""
        table = self.table
        if label is not None:
            table = table[table.label == check_choice("label", label, ANSWERS)]
        answered = set(map(frozenset, zip(table.left, table.right, strict=True)))
        self._keep(
            [
                (left, right, WITHDRAWN, _seconds_now(), "")
                for left, right in _check_pairs(pairs)
                if frozenset((left, right)) in answered
            ]
        )

    def undo(self) -> tuple[str, str] | None:
        """Withdraw the last answer and return its pair; None if there is none."""
        if not len(self):
            return None
        left, right = self.table.iloc[-1][["left", "right"]]
        self._keep([(left, right, WITHDRAWN, _seconds_now(), "")])
        return left, right

    @property
    def table(self) -> pd.DataFrame:
        """One row per answered pair, oldest answer first: left, right, label, when, aim."""
        last: dict[frozenset[str], LabelRow] = {}
        for row in self._rows:
            last.pop(frozenset(row[:2]), None)
            last[frozenset(row[:2])] = row
        rows = [row for row in last.values() if row[2] != WITHDRAWN]
        return pd.DataFrame(rows, columns=LABEL_COLUMNS, dtype=object)

    def count(self, label: str) -> int:
        """Return how many pairs have this answer."""
        return int((self.table.label == check_choice("label", label, ANSWERS)).sum())

    def _keep(self, rows: list[LabelRow]) -> None:
        if self.path is not None and rows:
            _append_to_log(self.path, rows)
        self._rows += rows

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        same, different, skipped = map(self.count, ANSWERS)
        return f"<Labels: {same} same, {different} different, {skipped} skipped>"

    def _repr_html_(self) -> str:
        return self.table.to_html(max_rows=20)  # to_html escapes file names


def _check_pairs(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    given = check_list("pairs", pairs, [("cat.jpg", "dog.jpg")])
    return [check_pair("pairs", pair) for pair in given]


def _seconds_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _read_log(path: Path) -> list[LabelRow]:
    rows = _read_lines(path)
    if not rows:
        return []
    if rows[0] not in (OLD_COLUMNS, LABEL_COLUMNS):
        raise ValueError(
            f"{path} is not a table of labels: its first line must be "
            f"{','.join(LABEL_COLUMNS)}, and is {rows[0]}"
        )
    aim = [FROM_BANDS] if rows[0] == OLD_COLUMNS else []
    # a line with missing fields was cut off by a crash; a longer one is of a later version
    return [
        (row[0], row[1], row[2], row[3], row[4])
        for row in (row + aim for row in rows[1:])
        if len(row) >= 5 and row[2] in [*ANSWERS, WITHDRAWN]
    ]


def _read_lines(path: Path) -> list[list[str]]:
    # surrogatepass: a name that is not UTF-8 must come back unchanged
    try:
        text = path.read_bytes().decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a table of labels: it is not a text in UTF-8") from None
    return list(csv.reader(io.StringIO(text, newline="")))


def _append_to_log(path: Path, rows: list[LabelRow]) -> None:
    is_new = not path.exists() or path.stat().st_size == 0
    if not is_new and _has_old_columns(path):
        write_whole(path, _as_csv([LABEL_COLUMNS, *_read_log(path)]))
    lines = _as_csv([LABEL_COLUMNS, *rows] if is_new else rows)
    if not is_new and _ends_within_a_line(path):
        lines = b"\n" + lines
    with naming(path), open(path, "ab", buffering=0) as log:
        left = memoryview(lines)
        while left:  # one write as a rule, so that lines stay whole with two writers
            left = left[log.write(left) :]  # a disk that is nearly full takes a part
        os.fsync(log.fileno())


def _has_old_columns(path: Path) -> bool:
    with open(path, "rb") as log:
        return log.readline().strip() == ",".join(OLD_COLUMNS).encode()


def _as_csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def _ends_within_a_line(path: Path) -> bool:
    with open(path, "rb") as log:
        log.seek(-1, os.SEEK_END)
        return log.read() != b"\n"


def labels_table(labels: Labels | pd.DataFrame) -> pd.DataFrame:
    """Return labels as a table with left, right and label; each pair once."""
    if isinstance(labels, pd.DataFrame) and {"left", "right", "label"} <= set(labels):
        return Labels.from_frame(labels).table
    if not isinstance(labels, Labels):
        raise TypeError(
            "labels must be Labels, or a table with left, right and label, not "
            f"{type(labels).__name__}"
        )
    return labels.table


# -- answers and pair tables -----------------------------------------------------------------------


def number_answers(
    table: pd.DataFrame, names: list[str], sides: Sides | None = None
) -> pd.DataFrame:
    """Return the answers about known images, with the columns first < second (numbers) and key."""
    if sides is not None:
        _warn_of_shared(table, sides.shared)
    left, right = (find_names(names, table[side]) for side in ("left", "right"))
    first, second = np.minimum(left, right), np.maximum(left, right)
    return table.assign(first=first, second=second, key=first * len(names) + second)[first >= 0]


def _warn_of_shared(table: pd.DataFrame, shared: set[str]) -> None:
    """Warn of answers about a name that both of two collections have: it is ambiguous."""
    unclear = table[table.left.isin(shared) | table.right.isin(shared)]
    if len(unclear):
        name = next(name for name in unclear.iloc[0][["left", "right"]] if name in shared)
        warnings.warn(
            f"{count_of(len(unclear), 'label')} ignored: both collections have an image called "
            f"{name!r}; call it {LEFT + name!r} or {RIGHT + name!r}",
            stacklevel=4,
        )

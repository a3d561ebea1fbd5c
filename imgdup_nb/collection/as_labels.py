"""`CollectionLabels`: the labels of a collection, for all functions that take `Labels`."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd

from ..evidence.labels import LABEL_COLUMNS, WITHDRAWN, LabelRow, Labels
from .collection import Collection


class CollectionLabels(Labels):
    """The labels of a collection as `Labels`; both hold the same answers at any time.

    Parameters
    ----------
    collection
        an open one. Answers of another notebook are read with the next question.

    Notes
    -----
    `undo` withdraws the answers given through this object first, then the latest of all others.
    """

    def __init__(self, collection: Collection) -> None:
        super().__init__()
        self.collection = collection

    @property
    def table(self) -> pd.DataFrame:
        """One row per answered pair, oldest answer first: left, right, label, when, aim (empty)."""
        labels = self.collection.labels.sort_values("made", kind="stable", ignore_index=True)
        when = [made.isoformat(timespec="seconds") for made in labels.made]
        return labels.assign(when=pd.Series(when, dtype=object), aim="")[LABEL_COLUMNS]

    def undo(self) -> tuple[str, str] | None:
        """Withdraw the answer given last and return its pair; None if there is none."""
        answered = set(map(frozenset, zip(self.table.left, self.table.right, strict=True)))
        while self._rows:
            left, right, *_ = self._rows.pop()
            if frozenset((left, right)) in answered:
                self.withdraw([(left, right)])
                return left, right
        return super().undo()

    def _keep(self, rows: list[LabelRow]) -> None:
        for label in dict.fromkeys(row[2] for row in rows):
            pairs = [(left, right) for left, right, said, *_ in rows if said == label]
            self.collection.label_pairs(pairs, None if label == WITHDRAWN else label)
        self._rows += [row for row in rows if row[2] != WITHDRAWN]


def open_labels(labels: Any) -> Labels:
    """Return where answers are kept, as `Labels`.

    That is a `Collection`, a CSV file given by its path, `Labels`, or memory (None).

    Raises
    ------
    TypeError
        if it is something else.
    """
    if isinstance(labels, Labels):
        return labels
    if isinstance(labels, Collection):
        return CollectionLabels(labels)
    if labels is None or isinstance(labels, str | os.PathLike):
        return Labels(labels)
    raise TypeError(
        "labels must be Labels, a Collection, or the path of a CSV file, not "
        f"{type(labels).__name__}"
    )

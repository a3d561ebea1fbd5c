"""The pairs of one method in an explorer, and what is known of their images."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ..engine.checks import check_images_table, check_pairs_table
from ..engine.pair_graph import PairGraph, check_unique_images
from ..evidence.bursts import are_certain, find_bursts, is_near, read_times, seconds_apart
from ..evidence.labels import Labels
from .group_rows import GroupRows
from .pair_lists import PairLists


class MethodPairs:
    """The pair table of one method; what it takes long to find out is found out once.

    Parameters
    ----------
    pairs
        made by `similar_pairs`.
    images
        the table made by `scan_images`, or None.

    Attributes
    ----------
    lists : PairLists or None
        None until `read_lists` was called.
    """

    def __init__(self, pairs: pd.DataFrame, images: pd.DataFrame | None) -> None:
        self.pairs, self._images = pairs, images
        self.lists: PairLists | None = None
        self._codes: dict[str, np.ndarray] = {}  # by column

    @cached_property
    def graph(self) -> PairGraph:
        """The table as arrays."""
        return PairGraph.read(self.pairs)

    def read_lists(self, labels: Labels, truth: Any) -> PairLists:
        """Return the pairs to look at, and what truth and labels say of them."""
        if self.lists is None:
            self.lists = PairLists(self.pairs, self.graph, labels, truth)
        return self.lists

    # -- of the images -----------------------------------------------------------------------------

    @cached_property
    def sizes(self) -> np.ndarray | None:
        """The bytes of each image of the graph, int64; None where they are not known."""
        if self._images is None or "bytes" not in self._images:
            return None
        sizes = self._images.set_index("image").bytes.reindex(self.graph.names)
        return sizes.fillna(0).to_numpy(dtype=np.int64)

    @cached_property
    def taken_at(self) -> np.ndarray | None:
        """When each image of the graph was taken, datetime64; None where nothing is known of it."""
        if self._images is None or "taken" not in self._images:
            return None
        taken = pd.Series(
            read_times(self._images.taken), index=self._images.image.to_numpy(dtype=object)
        )
        return taken.reindex(self.graph.names).to_numpy()

    def codes_of(self, column: str) -> np.ndarray:
        """Return the value of each image in a column as a number, -1 where it has none."""
        if column not in self._codes:
            assert self._images is not None
            values = self._images[column].astype(object)
            values = values.where(values.notna() & (values != ""), None)
            codes = pd.Series(pd.factorize(values.map(str, na_action="ignore"))[0])
            codes.index = pd.Index(self._images.image, dtype=object)
            self._codes[column] = codes.reindex(self.graph.names).fillna(-1).to_numpy(np.int64)
        return self._codes[column]

    def columns_to_compare(self) -> list[str]:
        """Return which of the columns split and label have two values or more."""
        return [
            column
            for column in ("split", "label")
            if self._images is not None
            and column in self._images
            and self.codes_of(column).max(initial=-1) > 0
        ]

    def guards(self) -> dict[str, int]:
        """Count what was kept out or deserves care: blank, unreadable and animated images."""
        counts = {"blank": int(self.pairs.attrs.get("low_detail", 0))}
        if self._images is not None:
            counts["unreadable"] = (
                int((self._images.problem != "").sum()) if "problem" in self._images else 0
            )
            counts["animated"] = (
                int((self._images.frames > 1).sum()) if "frames" in self._images else 0
            )
        return counts

    # -- pictures taken seconds apart --------------------------------------------------------------

    @cached_property
    def burst_pairs(self) -> np.ndarray:
        """Tell which pairs of the graph were taken seconds apart."""
        graph, taken = self.graph, self.taken_at
        if taken is None:
            return np.zeros(len(graph.first), dtype=bool)
        apart = seconds_apart(taken[graph.first], taken[graph.second])
        return find_bursts(graph.first, graph.second, apart, are_certain(self.pairs)[graph.row])

    def count_burst_pairs(self) -> int | None:
        """Count the pairs taken seconds apart; None where the images table has no times."""
        return None if self.taken_at is None else int(self.burst_pairs.sum())

    def find_burst_rows(self, rows: GroupRows, numbers: np.ndarray) -> np.ndarray:
        """Tell for each row of the groups' table whether it was taken seconds from its original.

        `numbers` are the images of the rows.
        """
        if self.taken_at is None or not rows.n_groups:
            return np.zeros(len(numbers), dtype=bool)
        taken = self.taken_at[numbers]
        return is_near(seconds_apart(taken, taken[rows.start][rows.group - 1]))


def tables_by_method(pairs: Any) -> dict[str, pd.DataFrame]:
    """Return pair tables by method, of a dict of them or of a single one."""
    if isinstance(pairs, Mapping):
        if not pairs:
            raise ValueError(
                "pairs must hold at least one pair table, such as {'phash': "
                "similar_pairs(fingerprints)}"
            )
        return {
            str(name): check_pairs_table(f"pairs[{name!r}]", table) for name, table in pairs.items()
        }
    return {str(check_pairs_table("pairs", pairs).attrs.get("method", "unknown method")): pairs}


def read_column(truth: Any, images: pd.DataFrame | None) -> Any:
    """Return a truth, read from a column of the images table if it is the name of one."""
    if not isinstance(truth, str):
        return truth
    if images is None or truth not in images:
        raise ValueError(f"truth must be a column of images, and {truth!r} is none")
    return pd.Series(
        images[truth].to_numpy(dtype=object), index=images.image.to_numpy(dtype=object)
    )


def check_images(images: Any, *tables: pd.DataFrame) -> pd.DataFrame | None:
    """Return `images` if it is None or has a row for each image of the pair tables, else raise."""
    if images is None:
        return None
    images = check_images_table("images", images)
    for pairs in tables:
        check_unique_images(images, pairs)
    return images

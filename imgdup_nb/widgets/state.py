"""The state of the threshold explorer: pairs, one threshold, and the groups that follow."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import traitlets as t

from ..collection.as_labels import open_labels
from ..collection.collection import Collection
from ..engine.checks import check_images_table, check_level, check_pairs_table, check_percent
from ..engine.pair_graph import TOLERANCE, PairGraph, check_unique_images
from ..evidence.bursts import are_certain, find_bursts, is_near, read_times, seconds_apart
from ..evidence.labels import Labels
from ..groups import LINKAGES, Grouping, group_graph
from ..sweep import CHANGES, graph_levels, sweep_graph
from .base import Number, Switch, check_keywords
from .combined import CombinedRule, CombinedTables
from .group_rows import Changes, GroupRows
from .pair_lists import PAIR_VERDICTS, PairLists

ORDERS = {
    "size": "largest first",
    "score": "most similar first",
    "risk": "weakest pair first",
}
INPUT = {"sync": True, "echo_update": False}  # read by the widget; a state without one ignores it


class ThresholdState(t.HasTraits):
    """A pair table, one threshold, and the groups that follow.

    Parameters
    ----------
    pairs
        made by `similar_pairs`; or a dict of such tables, method name: pairs, to switch between.
    images
        the table made by `scan_images`, for what is known of each file; None works with names
        alone.
    labels
        a person's answers about pairs: a `Collection`, `Labels`, or the path of a CSV file, new or
        written before. None keeps them in memory.
    truth
        which images are the same picture, in any form that `score_thresholds` takes, or the name of
        a column of `images` that is equal for images of one picture.
    **traits
        first values of the traits below.

    Attributes
    ----------
    labels : Labels
        the answers.
    threshold : float, percent, inclusive
        moves up to the next level the method has, which gives the same groups.
    method, linkage : str
        which pair table, and how pairs become groups.
    upper : float, percent, exclusive, or None
        range mode: pairs from here up are left out, to look at what a looser threshold adds.
    without_bursts : bool
        leaves out pairs of one scene taken seconds apart, as `mark_bursts` finds them.
    pinned : float, percent, or None
        a second threshold to compare with.
    search : str
        shows groups that have this text in a file name, in upper or lower case.
    order : {'size', 'score', 'risk'}
        shows the largest groups first, or those most similar to their originals, or those with the
        weakest pair.
    only_changed : bool
        shows groups that are not the same at the pinned threshold.
    across : str
        a column of `images`, such as "split" or "label": shows groups whose images have different
        values there. Empty shows all groups.
    groups : Grouping, read-only
    selected : tuple of str, read-only
        the names of the selected group, original first; empty where none is.
    sweep : pandas.DataFrame, read-only
        `sweep_thresholds` of the current pairs at every level, strictest first.

    Examples
    --------
    >>> import numpy as np
    >>> import imgdup_nb as dup
    >>> from imgdup_nb.widgets import ThresholdState
    >>> bits = np.zeros((3, 64), dtype=bool)
    >>> bits[1, :6] = bits[2, :12] = True          # each 6 bits from the one before
    >>> prints = dup.Fingerprints.from_bits(["a", "b", "c"], bits)
    >>> state = ThresholdState(dup.similar_pairs(prints))
    >>> list(state.groups)
    [['a', 'b']]
    >>> state.threshold = 80
    >>> state.threshold, list(state.groups)
    (81.25, [['a', 'b', 'c']])
    """

    method = t.Unicode(help="name of the pair table in use").tag(**INPUT)
    threshold = Number(90.0, help="percent, inclusive").tag(**INPUT)
    linkage = t.Enum(LINKAGES, "star").tag(**INPUT)
    upper = Number(None, allow_none=True, help="percent, exclusive; None is no limit").tag(**INPUT)
    without_bursts = Switch(False, help="leaves out pairs taken seconds apart").tag(**INPUT)
    pinned = Number(None, allow_none=True, help="percent; None compares with nothing").tag(**INPUT)
    search = t.Unicode("").tag(**INPUT)
    order = t.Enum(list(ORDERS), "size").tag(**INPUT)
    only_changed = Switch(False).tag(**INPUT)
    across = t.Unicode("", help="column whose values differ in a group").tag(**INPUT)
    groups = t.Instance(Grouping, read_only=True)
    selected = t.Tuple(read_only=True)
    sweep = t.Instance(pd.DataFrame, read_only=True)
    revision = t.Int(
        read_only=True,
        help="counts up whenever the groups to show, or their order, may have changed",
    )

    def __init__(
        self,
        pairs: pd.DataFrame | Mapping[str, pd.DataFrame],
        images: pd.DataFrame | None = None,
        *,
        labels: Collection | Labels | str | os.PathLike[str] | None = None,
        truth: Any = None,
        **traits: Any,
    ) -> None:
        check_keywords(type(self), ThresholdState, traits)
        # callbacks of a notebook run beside its cells: one of them at a time changes the state
        self.lock = threading.RLock()
        self._is_ready = False
        self._tables = _tables_by_method(pairs)
        self._graphs: dict[str, PairGraph] = {}
        self._taken: dict[str, np.ndarray] = {}  # by method, as the graphs
        self._together: dict[str, np.ndarray] = {}
        self._sizes: dict[str, np.ndarray] = {}
        self._codes: dict[tuple[str, str], np.ndarray] = {}  # by method and column
        self.images = check_images(images, *self._tables.values())
        self.labels = open_labels(labels)
        self._truth = _read_column(truth, self.images)
        self._lists: dict[str, PairLists] = {}
        self._combined: CombinedTables | None = None
        self.rule: CombinedRule | None = None  # of the combined table, if there is one
        self._rule_name: str | None = None
        traits.setdefault("method", next(iter(self._tables)))
        if traits["method"] in self._tables:
            graph = self._graphs[traits["method"]] = PairGraph.read(self._tables[traits["method"]])
            traits.setdefault("threshold", max(90.0, graph.floor))
        super().__init__(**traits)
        self._is_ready = True
        with self.lock:
            self._recount()

    # -- what can be chosen ------------------------------------------------------------------------

    @property
    def pairs(self) -> pd.DataFrame:
        """The pair table in use."""
        return self._tables[self.method]

    @property
    def methods(self) -> list[str]:
        """The names of the pair tables there are."""
        return list(self._tables)

    @property
    def graph(self) -> PairGraph:
        """The pair table in use as arrays, read once."""
        if self.method not in self._graphs:
            self._graphs[self.method] = PairGraph.read(self._tables[self.method])
        return self._graphs[self.method]

    @property
    def levels(self) -> np.ndarray:
        """The values `threshold` can take, percent, strictest first."""
        levels = graph_levels(self.graph)
        if self.rule is None or not self._is_combined:
            return levels
        # where both methods are as they were asked for is a level, too
        return np.unique(np.append(levels, self.rule.base_threshold))[::-1]

    @property
    def _is_combined(self) -> bool:
        return self.rule is not None and self.method == self._rule_name

    def snap(self, percent: float) -> float:
        """Return the next level at or above `percent`: between two levels nothing changes."""
        levels = self.levels
        reached = levels[levels >= percent - TOLERANCE]
        return float(reached[-1] if len(reached) else levels[0])

    @t.validate("method")
    def _validate_method(self, proposal: Any) -> str:
        if proposal["value"] not in self._tables:
            known = ", ".join(map(repr, self._tables))
            raise t.TraitError(f"method must be one of {known}, and {proposal['value']!r} is not")
        return proposal["value"]

    @t.validate("threshold", "pinned")
    def _validate_level(self, proposal: Any) -> float | None:
        return self._check_level(proposal["trait"].name, proposal["value"])

    @t.validate("upper")
    def _validate_upper(self, proposal: Any) -> float | None:
        upper = self._check_level("upper", proposal["value"])
        if upper is not None and upper <= self.threshold + TOLERANCE:
            raise t.TraitError(
                f"upper must be above the threshold of {self.threshold:g} %, and "
                f"{proposal['value']:g} is not"
            )
        return upper

    @t.validate("across")
    def _validate_across(self, proposal: Any) -> str:
        column = proposal["value"]
        if column and (self.images is None or column not in self.images):
            known = "" if self.images is None else ", ".join(map(repr, self.images.columns))
            raise t.TraitError(
                f"across must be a column of images ({known or 'there are none'}), and "
                f"{column!r} is not"
            )
        return column

    def _check_level(self, name: str, value: float | None) -> float | None:
        if value is None:
            return None
        try:
            percent = (check_level if value in self.levels else check_percent)(name, value)
            self.graph.check_floor(percent)
        except (TypeError, ValueError) as error:
            raise t.TraitError(str(error)) from error
        return self.snap(percent)

    # -- what follows ------------------------------------------------------------------------------

    @t.observe("method", "linkage", "upper", "without_bursts")
    def _on_scope(self, change: Any) -> None:
        if self._is_ready:
            with self.lock:
                if change["name"] == "method":
                    self._fit_to_levels()
                self._recount()

    @t.observe("threshold")
    def _on_threshold(self, _change: Any) -> None:
        if self._is_ready:
            with self.lock:
                if self.upper is not None and self.upper <= self.threshold + TOLERANCE:
                    self.upper = None  # the range has closed; this groups anew
                else:
                    self._regroup()

    @t.observe("pinned")
    def _on_pinned(self, _change: Any) -> None:
        if self._is_ready:
            with self.lock:
                self._find_changes()

    @t.observe("search", "order", "only_changed", "across")
    def _on_filter(self, _change: Any) -> None:
        if self._is_ready:
            with self.lock:
                self._filter()

    def _fit_to_levels(self) -> None:
        """Bring thresholds to the levels of another method, at least to its floor."""
        floor = self.graph.floor
        self.threshold = max(self.threshold, floor)
        if self.pinned is not None:
            self.pinned = max(self.pinned, floor)
        if self.upper is not None:
            self.upper = None if self.upper <= max(self.threshold, floor) else self.upper

    def _recount(self) -> None:
        """Sweep the pairs in range; then group them."""
        self._pool = self.graph.only(~self._burst_pairs) if self.without_bursts else self.graph
        if self.upper is not None:
            self._pool = self._pool.below(self.upper)
        self.set_trait("sweep", sweep_graph(self._pool, self.levels, self.linkage))
        self._regroup()

    def _regroup(self) -> None:
        grouping, self._numbers = group_graph(self._pool, self.threshold, self.linkage)
        self._rows = GroupRows(grouping.table)
        self._bursts = self._find_bursts()
        self.set_trait("groups", grouping)
        self._find_changes()

    def _find_changes(self) -> None:
        """Find which groups are not the same at the pinned threshold."""
        if self.pinned is None:
            self._changes = Changes.none(self._rows)
        else:
            other, numbers = group_graph(self._pool, self.pinned, self.linkage)
            now = (self._rows.group, self._numbers)
            then = (other.table.group.to_numpy(), numbers)
            n = len(self._pool.names)
            self._changes = (
                Changes.forward(now, then, n)
                if self.pinned >= self.threshold
                else Changes.backward(now, then, n)
            )
        self._filter()

    def _filter(self) -> None:
        """Choose the groups to show and their order."""
        shown = np.ones(self._rows.n_groups, dtype=bool)
        if self.search:
            shown &= self._rows.any(self._name_hits()[self._numbers])
        if self.only_changed:
            shown &= self._changes.kinds > 0
        if self.across:
            shown &= self._rows.differ(self._codes_of(self.across)[self._numbers])
        keys = {
            "size": -self._rows.size,
            "score": -np.nan_to_num(self._rows.mean, nan=-1.0),
            "risk": np.nan_to_num(self._rows.weakest, nan=-1.0),
        }
        order = np.argsort(keys[self.order], kind="stable")
        self.shown = order[shown[order]] + 1
        self._keep_selection()
        self.set_trait("revision", self.revision + 1)

    def _codes_of(self, column: str) -> np.ndarray:
        """Return the value of each image in a column as a number, -1 where it has none."""
        key = self.method, column
        if key not in self._codes:
            assert self.images is not None
            values = self.images[column].astype(object)
            values = values.where(values.notna() & (values != ""), None)
            codes = pd.Series(pd.factorize(values.map(str, na_action="ignore"))[0])
            codes.index = pd.Index(self.images.image, dtype=object)
            self._codes[key] = codes.reindex(self.graph.names).fillna(-1).to_numpy(np.int64)
        return self._codes[key]

    def columns_to_compare(self) -> list[str]:
        """Return which of the columns split and label have two values or more."""
        return [
            column
            for column in ("split", "label")
            if self.images is not None
            and column in self.images
            and self._codes_of(column).max(initial=-1) > 0
        ]

    def _name_hits(self) -> np.ndarray:
        """Tell for each image whether its name holds the text searched for."""
        text = self.search.casefold()
        return np.array([text in name.casefold() for name in self.graph.names], dtype=bool)

    # -- selection ---------------------------------------------------------------------------------

    def select(self, group: int | None) -> None:
        """Select a group by its number; None selects nothing.

        Raises
        ------
        ValueError
            if there is no such group.
        """
        with self.lock:
            if group is None:
                self.set_trait("selected", ())
                return
            if not 1 <= group <= len(self.groups):
                raise ValueError(f"group must be from 1 to {len(self.groups)}, and {group} is not")
            table = self.groups.table
            self.set_trait("selected", tuple(table.image[table.group == group]))

    @property
    def selected_group(self) -> int | None:
        """The number of the selected group, None where none is."""
        if not self.selected:
            return None
        table = self.groups.table
        return int(table.group[table.image == self.selected[0]].iloc[0])

    def _keep_selection(self) -> None:
        """Keep the selection on the group of its original; without such a group, select nothing."""
        if not self.selected:
            return
        table = self.groups.table
        found = table.group[table.image == self.selected[0]]
        self.select(int(found.iloc[0]) if len(found) else None)

    # -- rules over two methods --------------------------------------------------------------------

    def combine(
        self, other: str = "aligned", threshold: float = 80.0, rule: str = "verified"
    ) -> None:
        """Combine the pairs in use with those of another method, and go on with the result.

        The threshold moves both methods: at its present place the other one has `threshold`, and
        100 is 100 for both. The result is `pairs`, a table as `combine_pairs` makes it.

        Parameters
        ----------
        other
            a method; if its table was not given, it is made from the images.
        threshold
            percent of the other method, inclusive.
        rule : {'verified', 'any', 'all'}
            'verified': pairs in use from the threshold up that the other method confirms. 'any':
            pairs that one of both finds. 'all': pairs that both find.

        Raises
        ------
        ValueError
            if there is no such method, or a threshold is 100 or below a floor.
        """
        with self.lock:
            if self._combined is None:
                self._combined = CombinedTables(self._tables, self.images)
            base = self.rule.base if self.rule and self._is_combined else self.method
            own = self.threshold if self.threshold < 100 else float(self.levels[1])
            wanted = CombinedRule(base, own, other, float(threshold), rule)
        table = self._combined.combine(wanted)  # without the lock: it may take long
        with self.lock:
            name, before = str(table.attrs["method"]), self._rule_name
            self._tables[name] = table
            self.rule, self._rule_name = wanted, name
            self.pinned = self.upper = None
            if self.method == name:
                self._forget(name)
                self._recount()
            else:
                self.method = name
            if before not in (None, name):
                self._forget(before)
                self._tables.pop(before, None)

    def _forget(self, method: str) -> None:
        for kept in (self._graphs, self._taken, self._together, self._sizes, self._lists):
            kept.pop(method, None)

    # -- pairs -------------------------------------------------------------------------------------

    @property
    def pair_lists(self) -> PairLists:
        """The pairs to look at, and what truth and labels say of them."""
        if self.method not in self._lists:
            self._lists[self.method] = PairLists(self.pairs, self.graph, self.labels, self._truth)
        return self._lists[self.method]

    def border(self, count: int = 6) -> pd.DataFrame:
        """Return the pairs just above and just below the threshold, `count` of each.

        Returns
        -------
        pandas.DataFrame, most similar first:
            left, right, similarity (percent), found (whether at or above the threshold), verdict
            ("right", "wrong" or "unknown", by truth or labels).
        """
        lists, names = self.pair_lists, self.graph.names
        above, below = (np.sort(side[:count]) for side in lists.beside(self._pool, self.threshold))
        rows = [lists.describe(int(place)) for place in np.concatenate([above, below])]
        return pd.DataFrame(
            {
                "left": pd.Series([names[row.left] for row in rows], dtype=object),
                "right": pd.Series([names[row.right] for row in rows], dtype=object),
                "similarity": [row.similarity for row in rows],
                "found": np.arange(len(rows)) < len(above),
                "verdict": [PAIR_VERDICTS[row.verdict] for row in rows],
            }
        )

    def label(self, left: str, right: str, label: str) -> None:
        """Keep an answer about two images: "same", "different" or "skip"."""
        with self.lock:
            self.labels.add(left, right, label)
            self._on_labels()

    def undo_label(self) -> tuple[str, str] | None:
        """Withdraw the last answer and return its pair; None if there is none."""
        with self.lock:
            withdrawn = self.labels.undo()
            self._on_labels()
            return withdrawn

    def _on_labels(self) -> None:
        for lists in self._lists.values():
            lists.refresh()

    # -- other counts ------------------------------------------------------------------------------

    @property
    def changes(self) -> dict[str, int]:
        """How many groups appear, grow, merge or regroup at the looser of both thresholds."""
        return {
            name: int((self._changes.all_kinds == place).sum())
            for place, name in enumerate(CHANGES)
            if place
        }

    def guards(self) -> dict[str, int]:
        """Count what was kept out or deserves care: blank, unreadable and animated images."""
        counts = {"blank": int(self.pairs.attrs.get("low_detail", 0))}
        if self.images is not None:
            counts["unreadable"] = (
                int((self.images.problem != "").sum()) if "problem" in self.images else 0
            )
            counts["animated"] = (
                int((self.images.frames > 1).sum()) if "frames" in self.images else 0
            )
        return counts

    def count_freed_bytes(self) -> int | None:
        """Count the bytes of the redundant images; None where the images table has no sizes."""
        if self._bytes is None:
            return None
        redundant = np.ones(len(self._numbers), dtype=bool)
        redundant[self._rows.start] = False
        return int(self._bytes[self._numbers[redundant]].sum())

    @property
    def _bytes(self) -> np.ndarray | None:
        """The bytes of each image of the graph, int64; None where they are not known."""
        if self.images is None or "bytes" not in self.images:
            return None
        if self.method not in self._sizes:
            sizes = self.images.set_index("image").bytes.reindex(self.graph.names)
            self._sizes[self.method] = sizes.fillna(0).to_numpy(dtype=np.int64)
        return self._sizes[self.method]

    @property
    def _taken_at(self) -> np.ndarray | None:
        """When each image of the graph was taken, datetime64; None where nothing is known of it."""
        if self.images is None or "taken" not in self.images:
            return None
        if self.method not in self._taken:
            taken = pd.Series(
                read_times(self.images.taken), index=self.images.image.to_numpy(dtype=object)
            )
            self._taken[self.method] = taken.reindex(self.graph.names).to_numpy()
        return self._taken[self.method]

    @property
    def _burst_pairs(self) -> np.ndarray:
        """Tell which pairs of the graph were taken seconds apart."""
        if self.method not in self._together:
            graph, taken = self.graph, self._taken_at
            if taken is None:
                return np.zeros(len(graph.first), dtype=bool)
            apart = seconds_apart(taken[graph.first], taken[graph.second])
            self._together[self.method] = find_bursts(
                graph.first, graph.second, apart, are_certain(self.pairs)[graph.row]
            )
        return self._together[self.method]

    def count_burst_pairs(self) -> int | None:
        """Count the pairs taken seconds apart; None where the images table has no times."""
        return None if self._taken_at is None else int(self._burst_pairs.sum())

    def _find_bursts(self) -> np.ndarray:
        """Tell for each row of the groups' table whether it was taken seconds from its original."""
        if self._taken_at is None or not self._rows.n_groups:
            return np.zeros(len(self._numbers), dtype=bool)
        taken = self._taken_at[self._numbers]
        return is_near(seconds_apart(taken, taken[self._rows.start][self._rows.group - 1]))

    def to_frame(self) -> pd.DataFrame:
        """Return the table of the groups with path, bytes, width, height, format and taken."""
        table = self.groups.table
        if self.images is None:
            return table.copy()
        known = [
            column
            for column in ("image", "path", "bytes", "width", "height", "format", "taken")
            if column in self.images
        ]
        return table.merge(self.images[known], on="image", how="left")

    def code(self) -> str:
        """Return the code that makes the same groups from the same `pairs` and `images`."""
        lines = ["import imgdup_nb as dup", ""]
        name = "pairs"
        given = [method for method in self._tables if method != self._rule_name]
        if self.rule and self._is_combined:
            lines += self.rule.code(given)
        elif len(given) > 1:
            lines.append(f"pairs = pairs[{self.method!r}]")
        if self.without_bursts and self._taken_at is not None:
            lines += ["marked = dup.mark_bursts(pairs, images)", "pairs = marked[~marked.burst]"]
        if self.upper is not None:
            lines.append(f"in_range = pairs[pairs.similarity < {self.upper!r} - 1e-9]")
            name = "in_range"
        lines.append(
            f"groups = dup.group_duplicates({name}, threshold={self.threshold!r}, "
            f"linkage={self.linkage!r})"
        )
        return "\n".join(lines)


def _tables_by_method(pairs: Any) -> dict[str, pd.DataFrame]:
    if isinstance(pairs, Mapping):
        if not pairs:
            raise ValueError(
                "pairs must hold at least one pair table, such as {'phash': "
                "similar_pairs(fingerprints)}"
            )
        return {
            str(name): check_pairs_table(f"pairs[{name!r}]", table) for name, table in pairs.items()
        }
    graph = PairGraph.read(pairs)  # says what is wrong with it, before anything is shown
    return {graph.method: pairs}


def _read_column(truth: Any, images: pd.DataFrame | None) -> Any:
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

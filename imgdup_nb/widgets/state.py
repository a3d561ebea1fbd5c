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
from ..engine.checks import check_count, check_level, check_percent
from ..engine.pair_graph import TOLERANCE, find_names
from ..evidence.labels import Labels
from ..groups import LINKAGES, Grouping, group_graph
from ..sweep import CHANGES, graph_levels, sweep_graph
from .base import Number, Switch, check_keywords
from .combined import CombinedRule, CombinedTables
from .group_rows import Changes, GroupRows
from .judged_pairs import JudgedPairs
from .method_pairs import MethodPairs, check_images, read_column, tables_by_method

ORDERS = {
    "size": "largest first",
    "score": "most similar first",
    "risk": "weakest pair first",
}
INPUT = {"sync": True, "echo_update": False}  # read by the widget; a state without one ignores it


class ThresholdState(JudgedPairs, t.HasTraits):
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
    within : tuple of str
        names of images: shows groups with at least one of them. Empty shows all groups.
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
    within = t.Tuple(help="images; groups without any of them are not shown")
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
        tables = tables_by_method(pairs)
        self.images = check_images(images, *tables.values())
        self._by_method = {name: MethodPairs(table, self.images) for name, table in tables.items()}
        self.labels = open_labels(labels)
        self._truth = read_column(truth, self.images)
        self._combined: CombinedTables | None = None
        self.rule: CombinedRule | None = None  # of the combined table, if there is one
        self._rule_name: str | None = None
        traits.setdefault("method", next(iter(self._by_method)))
        if traits["method"] in self._by_method:
            floor = self._by_method[traits["method"]].graph.floor
            traits.setdefault("threshold", max(90.0, floor))
        super().__init__(**traits)
        self._is_ready = True
        with self.lock:
            self._recount()

    # -- what can be chosen ------------------------------------------------------------------------

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
        check_level("percent", percent)
        levels = self.levels
        reached = levels[levels >= percent - TOLERANCE]
        return float(reached[-1] if len(reached) else levels[0])

    @t.validate("method")
    def _validate_method(self, proposal: Any) -> str:
        if proposal["value"] not in self._by_method:
            known = ", ".join(map(repr, self._by_method))
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

    @t.observe("search", "order", "only_changed", "across", "within")
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
        self._pool = (
            self.graph.only(~self.in_use.burst_pairs) if self.without_bursts else self.graph
        )
        if self.upper is not None:
            self._pool = self._pool.below(self.upper)
        self.set_trait("sweep", sweep_graph(self._pool, self.levels, self.linkage))
        self._regroup()

    def _regroup(self) -> None:
        grouping = group_graph(self._pool, self.threshold, self.linkage)
        self._rows = GroupRows(grouping._members)
        self._numbers = self._rows.number
        self._bursts = self.in_use.find_burst_rows(self._rows, self._numbers)
        self.set_trait("groups", grouping)
        self._find_changes()

    def _find_changes(self) -> None:
        """Find which groups are not the same at the pinned threshold."""
        if self.pinned is None:
            self._changes = Changes.none(self._rows)
        else:
            other = group_graph(self._pool, self.pinned, self.linkage)._members
            now = (self._rows.group, self._numbers)
            then = (other.group, other.number)
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
            shown &= self._rows.differ(self.in_use.codes_of(self.across)[self._numbers])
        if self.within:
            chosen = np.isin(np.arange(len(self.graph.names)), self._places_within())
            shown &= self._rows.any(chosen[self._numbers])
        keys = {
            "size": -self._rows.size,
            "score": -np.nan_to_num(self._rows.mean, nan=-1.0),
            "risk": np.nan_to_num(self._rows.weakest, nan=-1.0),
        }
        order = np.argsort(keys[self.order], kind="stable")
        self.shown = order[shown[order]] + 1
        self._keep_selection()
        self.set_trait("revision", self.revision + 1)

    def _places_within(self) -> np.ndarray:
        """Return the numbers of the images of `within` that the method in use has."""
        places = find_names(self.graph.names, self.within)
        return np.unique(places[places >= 0])

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
            if not 1 <= check_count("group", group) <= len(self.groups):
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
        threshold = check_percent("threshold", threshold)
        with self.lock:
            if self._combined is None:
                self._combined = CombinedTables(self.tables, self.images)
            base = self.rule.base if self.rule and self._is_combined else self.method
            own = self.threshold if self.threshold < 100 else float(self.levels[1])
            wanted = CombinedRule(base, own, other, threshold, rule)
        table = self._combined.combine(wanted)  # without the lock: it may take long
        with self.lock:
            name, before = str(table.attrs["method"]), self._rule_name
            self._by_method[name] = MethodPairs(table, self.images)
            self.rule, self._rule_name = wanted, name
            self.pinned = self.upper = None
            if self.method == name:
                self._recount()
            else:
                self.method = name
            if before is not None and before != name:
                self._by_method.pop(before, None)

    # -- other counts ------------------------------------------------------------------------------

    @property
    def changes(self) -> dict[str, int]:
        """How many groups appear, grow, merge or regroup at the looser of both thresholds."""
        return {
            name: int((self._changes.all_kinds == place).sum())
            for place, name in enumerate(CHANGES)
            if place
        }

    def count_freed_bytes(self) -> int | None:
        """Count the bytes of the redundant images; None where the images table has no sizes."""
        sizes = self.in_use.sizes
        if sizes is None:
            return None
        redundant = np.ones(len(self._numbers), dtype=bool)
        redundant[self._rows.start] = False
        return int(sizes[self._numbers[redundant]].sum())

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
        given = [method for method in self._by_method if method != self._rule_name]
        if self.rule and self._is_combined:
            lines += self.rule.code(given)
        elif len(given) > 1:
            lines.append(f"pairs = pairs[{self.method!r}]")
        if self.without_bursts and self.in_use.taken_at is not None:
            lines += ["marked = dup.mark_bursts(pairs, images)", "pairs = marked[~marked.burst]"]
        if self.upper is not None:
            lines.append(f"in_range = pairs[pairs.similarity < {self.upper!r} - 1e-9]")
            name = "in_range"
        lines.append(
            f"groups = dup.group_duplicates({name}, threshold={self.threshold!r}, "
            f"linkage={self.linkage!r})"
        )
        return "\n".join(lines)

"""The threshold explorer: a `ThresholdState` that shows itself in a notebook.

Who does what: Python holds the pairs, makes the groups and decodes thumbnails. The browser gets,
once per method and linkage, the counts at every level (a few kilobytes: `scene`), so it paints
histogram, curves and numbers at once when the threshold moves, while Python still groups. The
groups themselves never travel as a whole: the browser gets the rows it shows.

Messages, besides the traits and those of `base`, all of them plain JSON. The facts of a picture are
its name, its size and format, and the split and label if they are known.

==========  ========================================================================================
to Python   ``{type: "rows", first, count}``, ``{type: "select", group}``, ``{type: "code"}``,
            about pairs ``pairs``, ``pair``, ``layers``, ``label``, ``undo``, ``why``, ``verify``
            (see `PairAnswers`)
to browser  ``{type: "rows", ...}`` (see `_page`), ``{type: "code", text}``, ``{type: "pairs",
            ...}``, ``{type: "pair", view}``, ``{type: "layers", ...}`` and its pictures, ``{type:
            "why", image, steps}``, ``{type: "verified", asked, confirmed}``
both        ``map`` and ``joined``, see `collection_map`
==========  ========================================================================================
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import traitlets as t

from ..collection.collection import Collection
from ..compare import AGREE_COLOR, DIFFER_COLOR
from ..engine.cache import ByteCache
from ..evidence.labels import Labels
from ..evidence.tool_defaults import TOOL_DEFAULTS
from ..groups import LINKAGES
from ..methods import METHODS
from ..plots.evidence import FALSE, TRUE
from ..plots.parts import bar_widths
from ..plots.tables import BANDS, CURVES, draw_summary
from ..sweep import CHANGES, count_by_level
from .base import MAX_PICTURES, ToolWidget, belongs_by_name, facts_by_name, join_module, join_styles
from .below_floor import bars_below_floor, check_counts
from .collection_map import GROUP_COLORS, CollectionMap
from .combined import CombinedTables
from .method_pairs import check_images
from .page import SavedAsPage
from .pair_answers import PairAnswers
from .state import ORDERS, ThresholdState
from .thumbnails import Thumbnails

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAIR_KEYS = [("1", "same", "Same picture"), ("2", "different", "Different"), ("3", "skip", "Skip")]
PRESETS = [95, 90, 80]  # percent; the thresholds of the tutorial
LINKAGE_WORDS = {
    "star": "star: like the original",
    "connected": "connected: in chains",
    "complete": "complete: all alike",
}
FIRST_ROWS = {
    True: 4,
    False: 6,
}  # sent with every change: what a list with pictures, or without, shows unscrolled
MAX_PAGE_ROWS = 60  # answered to one request
MAX_ROW_TILES = 8  # images of a group in its row; the table of the selected group has more
MAX_SENT = 600  # pictures; a browser keeps some more
MAX_DETAILS = 300  # rows of the table of the selected group


class ThresholdExplorer(CollectionMap, PairAnswers, ThresholdState, SavedAsPage, ToolWidget):
    """Move a threshold and see what it finds: histogram, curves, groups with their pictures.

    The attributes are those of `ThresholdState`. Programs read and observe `explorer.threshold`,
    `explorer.groups` and `explorer.selected`, and set the inputs, such as the threshold.

    Parameters
    ----------
    pairs
        made by `similar_pairs`; or a dict of such tables, method name: pairs, to switch between.
    images
        the table made by `scan_images`; None shows names without pictures.
    labels
        a person's answers about pairs: a `Collection`, `Labels`, or the path of a CSV file, new or
        written before. None keeps them in memory.
    truth
        which images are the same picture, in any form that `score_thresholds` takes, or the name of
        a column of `images`. Bars and curves then show right and wrong pairs, and missed ones are
        counted.
    counts
        how many pairs there are at each similarity below the floor of `pairs`, as
        `fingerprints.count_pairs(50)` makes it. The histogram draws them in outline: they are
        counted, not listed. None draws nothing below the floor.
    hint
        a text above the groups, such as what was not looked for; `Duplicates.explore` gives one.
    **traits
        first values, such as `threshold=95` or `linkage="connected"`.

    Examples
    --------
    >>> import imgdup_nb as dup
    >>> prints = dup.Fingerprints.from_bits(["a", "b"], [[True] * 64, [True] * 64])
    >>> pairs = dup.similar_pairs(prints)
    >>> explorer = dup.ThresholdExplorer(pairs, threshold=95)
    >>> explorer
    <ThresholdExplorer: 1 group at 96.875 % (star linkage): 2 of 2 images, 1 redundant, ...>
    >>> print(explorer.code())
    import imgdup_nb as dup
    <BLANKLINE>
    groups = dup.group_duplicates(pairs, threshold=96.875, linkage='star')
    >>> explorer.close()
    """

    _esm = join_module(
        "scale.js", "plots.js", "gallery.js", "details.js", "controls.js", "zoom.js", "viewer.js",
        "pair_lists.js", "map_points.js", "map_pictures.js", "map.js", "explorer.js",
        BANDS=[band._asdict() for band in BANDS],
        CURVES=list(CURVES),
        CHANGES=CHANGES,
        PRESETS=PRESETS,
        LINKAGES=[[linkage, LINKAGE_WORDS[linkage]] for linkage in LINKAGES],
        GROUP_ORDERS=list(ORDERS.items()),
        ANSWERS=PAIR_KEYS,
        GROUP_COLORS=GROUP_COLORS,
    )  # fmt: skip
    _css = join_styles(
        "explorer.css",
        "viewer.css",
        "map.css",
        **CURVES,
        right=TRUE,
        wrong=FALSE,
        agree=AGREE_COLOR,
        differ=DIFFER_COLOR,
    )

    scene = t.Dict().tag(sync=True)
    details = t.Dict().tag(sync=True)
    asked = t.Int(0).tag(
        sync=True, echo_update=False
    )  # counted up by the browser with each change, and answered
    # what the browser shows unscrolled: rows, images a row, pixels of a picture's side, and at
    # which count of `asked` it has time for the pictures of the answer
    screen: t.List[int] = t.List().tag(sync=True, echo_update=False)

    def __init__(
        self,
        pairs: pd.DataFrame | Mapping[str, pd.DataFrame],
        images: pd.DataFrame | None = None,
        *,
        labels: Collection | Labels | str | os.PathLike[str] | None = None,
        truth: Any = None,
        counts: pd.DataFrame | None = None,
        hint: str = "",
        **traits: Any,
    ) -> None:
        self._is_answering = False
        self._hint = str(hint)
        self._counts = check_counts(counts)
        self._verified: dict[tuple[str, tuple[int, ...]], int] = {}
        # pictures that were sent: method, image, side
        self._sent: ByteCache[tuple[str | None, int, int], bool] = ByteCache(MAX_SENT, int)
        images = check_images(images)
        self._thumbnails = None if images is None else Thumbnails(images)
        super().__init__(pairs, images, labels=labels, truth=truth, **traits)
        self._facts = facts_by_name(self.images)
        self._belongs = belongs_by_name(self.images)
        self._set_scene()
        self.observe(self._set_scene, "sweep")
        self.observe(self._on_revision, "revision")
        self.observe(self._set_details, "selected")

    # -- from the browser --------------------------------------------------------------------------

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take values from the browser, and answer with the groups or with what is wrong."""
        with self.lock:
            self._is_answering = True
            values = dict(sync_data)
            if "asked" in values:  # apart, because a refused value takes back all that came with it
                super().set_state({"asked": values.pop("asked")})
            super().set_state(values)
            self._is_answering = False
            following = self._pictures_to_follow()
            self.send(self._page(0) | ({"following": len(following)} if following else {}))
            of, side = self.method, self.screen[2] if following else 0
        if following:
            self._send_pictures(following, side, of)

    def _pictures_to_follow(self) -> list[int]:
        """Return the images of the first rows whose pictures the browser does not have yet."""
        if self._thumbnails is None or len(self.screen) != 4 or self.screen[3] != self.asked:
            return []
        n_rows, n_tiles, side = (int(value) for value in self.screen[:3])
        tiles = [self._tiles(int(group))[:n_tiles] for group in self.shown[: max(0, n_rows)]]
        ids = self._numbers[np.concatenate([*tiles, np.zeros(0, int)])].tolist()
        return [number for number in ids if not self._sent.get((self.method, number, side))][
            :MAX_PICTURES
        ]

    def _send_pictures(self, ids: Iterable[int], asked_side: int, of: str | None) -> list[int]:
        sent = super()._send_pictures(ids, asked_side, of)
        for number in sent:
            self._sent.keep((of, number, asked_side), True)
        return sent

    def _answer_rows(self, content: dict[str, Any]) -> None:
        with self.lock:
            self.send(
                self._page(max(0, int(content["first"])), min(int(content["count"]), MAX_PAGE_ROWS))
            )

    @property
    def _picture_names(self) -> Sequence[str]:
        return self.graph.names

    def _picture_facts(self, name: str) -> list[str]:
        belongs = self._belongs.get(name)
        return [name, self._facts.get(name, ""), *([belongs] if belongs else [])]

    def _answer_select(self, content: dict[str, Any]) -> None:
        group = content["group"]
        self.select(None if group is None else int(group))

    def _answer_code(self, _content: dict[str, Any]) -> None:
        self.send({"type": "code", "text": self.code()})

    # -- to the browser ----------------------------------------------------------------------------

    def _on_revision(self, _change: Any) -> None:
        self._set_details()
        if not self._is_answering:
            self.send(self._page(0))

    def _set_scene(self, _change: Any = None) -> None:
        """Bring together what changes with method, linkage and range only."""
        method = METHODS.get(self.method) or METHODS.get(self.graph.method)
        levels = self.levels
        self.scene = {
            "methods": self.methods,
            "unit": self.pairs.attrs.get("unit", method.unit if method else ""),
            "bits": int(self.pairs.attrs.get("bits", method.bits if method else 0)),
            "floor": self.graph.floor,
            "n_images": self.graph.n_images,
            "levels": levels.tolist(),
            "bars": count_by_level(self._pool.similarity, levels).tolist(),
            "widths": bar_widths(levels).round(3).tolist(),
            **{
                name: self.sweep[name].tolist()
                for name in ("pairs", "groups", "images", "redundant", "largest")
            },
            "guards": self.in_use.guards(),
            "bursts": self.in_use.count_burst_pairs(),
            "below": bars_below_floor(self._counts, self.graph),
            "hint": self._hint,
            "tools": _tools_from(self.graph.floor),
            "pictures": self.images is not None,
            "columns": self.in_use.columns_to_compare(),
            "judged": self._judged_counts(),
            "others": self._other_methods(),
            "rule": self.rule._asdict() if self.rule and self._is_combined else None,
        }

    def _other_methods(self) -> list[str]:
        combined = self._combined or CombinedTables(self.tables, self.images)
        return combined.others(self.rule.base if self.rule and self._is_combined else self.method)

    def _on_labels(self) -> None:
        super()._on_labels()
        self._set_scene()

    def _page(self, first: int, count: int | None = None) -> dict[str, Any]:
        """Return a message with the rows of the list from `first` on, and what they belong to.

        A row is [group, images, weakest pair, change, ids, similarities, places of new images,
        places of burst shots]. The ids are those of the first images, the similarities those of all
        others to the original. Similarities are in tenths of a percent. The message is sent at
        every move, so it is short: empty parts are left out, and the rows travel as text without
        blanks. Ids and similarities are differences from the value before. These are small where
        neighbours have similar names.
        """
        count = FIRST_ROWS[self.images is not None] if count is None else count
        page = {
            "type": "rows",
            "revision": self.revision,
            "asked": self.asked,
            "total": len(self.shown),
            "rows": json.dumps(
                [self._row(int(group)) for group in self.shown[first : first + count]],
                separators=(",", ":"),
            ),
        }
        if first:
            page["first"] = first
        freed = self.count_freed_bytes()
        if freed is not None:
            page["freed"] = freed
        if self.pinned is not None:
            page["changes"] = self.changes
        if self._bursts.any():
            page["bursts"] = int(self._bursts.sum())
        return page

    def _row(self, group: int) -> list[Any]:
        rows = self._rows
        tiles = self._tiles(group)
        row = [
            group,
            int(rows.size[group - 1]),
            _tenths(rows.weakest[group - 1]),
            int(self._changes.kinds[group - 1]),
            _differences(self._numbers[tiles].tolist()),
            _differences([_tenths(value) for value in rows.similarity[tiles[1:]]]),
        ]
        marks = [
            np.flatnonzero(marked[tiles]).tolist()
            for marked in (self._changes.new_rows, self._bursts)
        ]
        return [*row, *marks] if any(marks) else row

    def _tiles(self, group: int) -> np.ndarray:
        """Return the rows of the groups' table to show for a group, new images early."""
        start, size = self._rows.start[group - 1], self._rows.size[group - 1]
        others = np.arange(start + 1, start + size)  # most similar first
        if self.order == "risk":
            others = others[::-1]
        new = self._changes.new_rows[others]
        return np.concatenate([[start], others[new], others[~new]])[:MAX_ROW_TILES]

    def _set_details(self, _change: Any = None) -> None:
        """Send the table of the selected group."""
        group = self.selected_group
        if group is None:
            self.details = {}
            return
        start, size = self._rows.start[group - 1], int(self._rows.size[group - 1])
        shown = slice(start, start + min(size, MAX_DETAILS))
        table = self.groups.table.iloc[shown]
        self.details = {
            "group": group,
            "size": size,
            "rows": [
                [number, name, _percent_or_none(similarity), self._facts.get(name, "")]
                for number, name, similarity in zip(
                    self._numbers[shown].tolist(), table.image, table.similarity, strict=True
                )
            ],
        }

    # -- without a browser -------------------------------------------------------------------------

    def figure(self) -> Figure:
        """Return histogram, curves and largest groups at the threshold as a matplotlib figure."""
        return draw_summary(self.pairs, self.sweep, self.groups)

    def _still_table(self) -> str:
        return self.groups._repr_html_()

    def __repr__(self) -> str:
        return f"<ThresholdExplorer: {self.groups._headline()}>"


def _tools_from(floor: float) -> list[tuple[float, str]]:
    """Return the default thresholds of other tools from the floor up, with their tools."""
    levels = dict.fromkeys(percent for percent in TOOL_DEFAULTS.values() if percent >= floor)
    return [
        (level, ", ".join(tool for tool, percent in TOOL_DEFAULTS.items() if percent == level))
        for level in levels
    ]


def _percent_or_none(value: float) -> float | None:
    """Round for showing; a similarity below the floor is not known."""
    return None if np.isnan(value) else round(float(value), 2)


def _differences(values: list[Any]) -> list[Any]:
    """Return each value as the difference from the last known one before it, or from 0.

    None stays None.

    Examples
    --------
    >>> _differences([1000, None, 984])
    [1000, None, -16]
    """
    before, differences = 0, []
    for value in values:
        differences.append(None if value is None else value - before)
        before = before if value is None else value
    return differences


def _tenths(value: float) -> int | None:
    """Return tenths of a percent."""
    return None if np.isnan(value) else round(10 * float(value))

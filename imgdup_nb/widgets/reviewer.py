"""The reviewer: a `ReviewState` that shows itself in a notebook, many groups at once or one by one.

The browser proposes decisions. `ReviewState` refuses a decision that would remove every image of a
group. The plan with the decisions is a table at any moment. Rows and pictures travel when a person
looks at them, so a plan of thousands of groups opens as fast as one of ten. Decisions work while
the kernel is busy.

==========  ========================================================================================
to Python   traits ``decisions``, ``reviewed``; ``{type: "groups", groups}``
to browser  traits ``scene``, ``totals``; ``{type: "groups", groups: {number: rows}}`` (see `_tile`)
==========  ========================================================================================

Pictures and errors travel as `base` says.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any

import pandas as pd
import traitlets as t
from PIL import Image, ImageDraw, ImageFont

from ..collection.collection import Collection
from ..engine.checks import count_of, one_line, shorten_middle
from ..evidence.labels import Labels
from .base import ToolWidget, join_module, join_styles, size_text
from .review_state import ReviewState
from .thumbnails import Thumbnails

WORDS = {"keep": "✓ keep", "remove": "✗ remove", "different": "≠ not a duplicate"}
COLORS = {"keep": "#1d7a4c", "remove": "#c0392b", "different": "#6d4bc4"}
PLAN_ORDERS = {
    "given": "largest first",
    "near": "least similar first",
    "flagged": "flagged first",
}
ACCEPT_FROM = [100, 99, 98, 95, 90, 85, 80, 70]  # percent, to accept many groups at once
NEXT_LINES = """\
dup.apply_plan(reviewer.plan, to="spare")  # shows what would be done
log = dup.apply_plan(reviewer.plan, to="spare", dry_run=False)  # moves the files
dup.undo(log)  # brings them back"""

MAX_GROUPS = 16  # answered to one request
MAX_TILES = 300  # images of a group that are shown
# of the still picture, in pixels; rows of the table above it
SHEET = {"groups": 3, "images": 6, "side": 140, "text": 16, "gap": 10, "rows": 20}


class GroupReviewer(ReviewState, ToolWidget):
    """Look at a plan, many groups at once or one by one, and change it.

    `reviewer.plan` is the table with the decisions in it, which `apply_plan` takes. The parameters
    and attributes are those of `ReviewState`: plan, save_to, labels; decisions, reviewed, plan,
    not_duplicates.

    Keys: arrows to an image; K keep, R remove, O only this, D not a duplicate, S split off; Enter
    accept and next, N next, P previous; U undo; V overview; + - 0 zoom, Shift with arrows pans.

    Examples
    --------
    >>> import pandas as pd
    >>> import imgdup_nb as dup
    >>> plan = pd.DataFrame({
    ...     "group": 1, "image": ["a.png", "b.jpg"], "action": ["keep", "remove"], "reason": "",
    ...     "flag": "", "keeper": ["", "a.png"], "similarity": [100.0, 96.9], "protected": False,
    ...     "bytes": 10, "path": ["a.png", "b.jpg"], "sha256": ["1", "2"]})
    >>> reviewer = dup.GroupReviewer(plan)
    >>> reviewer
    <GroupReviewer: 1 group, 0 reviewed, 1 image to remove>
    >>> reviewer.decide("b.jpg", "keep")
    >>> reviewer.plan[["image", "action", "reason"]]
       image action            reason
    0  a.png   keep
    1  b.jpg   keep  kept by a person
    >>> reviewer.close()
    """

    _esm = join_module(
        "tiles.js", "overview.js", "reviewer.js",
        VERDICTS=WORDS,
        PLAN_ORDERS=list(PLAN_ORDERS.items()),
        ACCEPT_FROM=ACCEPT_FROM,
        NEXT_LINES=NEXT_LINES,
    )  # fmt: skip
    _css = join_styles("reviewer.css", **COLORS)

    scene = t.Dict().tag(sync=True)
    totals = t.Dict().tag(sync=True)
    _thumbnails: Thumbnails

    def __init__(
        self,
        plan: pd.DataFrame,
        *,
        save_to: str | os.PathLike[str] | None = None,
        labels: Collection | Labels | str | os.PathLike[str] | None = None,
        **traits: Any,
    ) -> None:
        super().__init__(plan, save_to=save_to, labels=labels, **traits)
        self._thumbnails = Thumbnails(self._plan)
        self.scene = {"groups": self._headlines()}
        self._count()
        self.observe(self._count, ["decisions", "reviewed"])

    def _headlines(self) -> list[list[Any]]:
        """Return for each group [number, images, lowest similarity, exact, flagged, safe]."""
        return [
            [
                number,
                images,
                None if pd.isna(lowest) else round(lowest, 2),
                bool(exact),
                bool(flagged),
                bool(safe),
            ]
            for number, images, lowest, exact, flagged, safe in self._groups.itertuples()
        ]

    def _count(self, _change: Any = None) -> None:
        with self.lock:
            going = [
                place
                for place in self._plan.index
                if self._verdict(place, self.decisions) == "remove"
            ]
        n_bytes = int(self._plan.bytes[going].sum()) if "bytes" in self._plan else 0
        changed = sorted(self._changed_groups())
        self.totals = {"remove": len(going), "bytes": n_bytes, "changed": changed}

    # -- from the browser --------------------------------------------------------------------------

    def _answer_groups(self, content: dict[str, Any]) -> None:
        wanted = [
            int(number) for number in content["groups"][:MAX_GROUPS] if int(number) in self._places
        ]
        self.send(
            {"type": "groups", "groups": {str(number): self._rows(number) for number in wanted}}
        )

    def _rows(self, number: int) -> list[dict[str, Any]]:
        places = self._places[number][:MAX_TILES]
        return [_tile(place, self._plan.loc[place]) for place in places]

    @property
    def _picture_names(self) -> Sequence[str]:
        return self._plan.image.to_numpy()

    # -- without a browser -------------------------------------------------------------------------

    def sheet(self) -> Image.Image:
        """Return the first groups with their verdicts as a still picture."""
        plan = self.plan
        numbers = [number for number in plan.group.unique() if number > 0][: SHEET["groups"]]
        side, gap, line = SHEET["side"], SHEET["gap"], SHEET["text"]
        height = side + 3 * line + 2 * gap
        sheet = Image.new(
            "RGB", (gap + SHEET["images"] * (side + gap), max(1, len(numbers)) * height), "white"
        )
        for row, number in enumerate(numbers):
            shown = plan[plan.group == number].head(SHEET["images"])
            jpegs = self._thumbnails.get(list(shown.image), side)
            for column, (image, action, thumb) in enumerate(
                zip(shown.image, shown.action, jpegs, strict=True)
            ):
                _paste_tile(
                    sheet,
                    (gap + column * (side + gap), row * height + gap),
                    image,
                    action,
                    thumb.jpeg,
                )
        return sheet

    def still(self) -> bytes:
        """Return the sheet as a PNG of few colours, a third of the bytes in a saved notebook."""
        buffer = io.BytesIO()
        self.sheet().quantize(128).save(buffer, "PNG")
        return buffer.getvalue()

    def _still_table(self) -> str:
        plan = self.plan[["group", "image", "action", "reason", "reviewed"]].head(SHEET["rows"])
        names = {"image": one_line, "reason": one_line}  # to_html escapes the rest
        return plan.to_html(index=False, formatters=names)

    def __repr__(self) -> str:
        groups, going = len(self._places), self.totals["remove"]
        seen, images = len(self.reviewed), count_of(going, "image")
        return f"<GroupReviewer: {count_of(groups, 'group')}, {seen} reviewed, {images} to remove>"


def _tile(place: int, row: pd.Series) -> dict[str, Any]:
    """Return what the browser shows of an image.

    Its facts are [label, text, value]: value is a number where more is better, else None.
    """
    facts: list[list[Any]] = []
    if {"width", "height"} <= set(row.index):
        facts.append(["size", f"{row.width} x {row.height}", int(row.width * row.height)])
        facts.append(["format", row.get("format", ""), None])
    if "bytes" in row.index:
        facts.append(["file", size_text(row.bytes, digits=1), None])
    if "metadata" in row.index:
        n_entries = int(row.metadata)
        words = "1 entry" if n_entries == 1 else f"{n_entries:,} entries"
        facts.append(["metadata", words, n_entries])
    if "modified" in row.index and not pd.isna(row.modified):
        facts.append(["changed", f"{row.modified:%Y-%m-%d %H:%M}", None])
    return {
        "id": place,
        "name": row.image,
        "action": row.action,
        "keeper": row.get("keeper", ""),
        "similarity": None if pd.isna(row.similarity) else round(float(row.similarity), 1),
        "facts": facts,
        "flag": row.flag,
        "loses": row.get("loses", ""),
        "reason": row.reason,
        "bytes": int(row.get("bytes", 0)),
        "protected": bool(row.protected) or not row.sha256,
        "digest": row.sha256[:16],
    }


def _paste_tile(
    sheet: Image.Image, corner: tuple[int, int], image: str, action: str, jpeg: bytes
) -> None:
    side, line = SHEET["side"], SHEET["text"]
    draw, (x, y) = ImageDraw.Draw(sheet), corner
    color = COLORS[action]
    if jpeg:
        picture = Image.open(io.BytesIO(jpeg))
        sheet.paste(picture, (x + (side - picture.width) // 2, y + (side - picture.height) // 2))
    draw.rectangle((x, y, x + side - 1, y + side - 1), outline=color, width=3)
    draw.text((x, y + side + 3), action, fill=color, font=ImageFont.load_default(13))
    draw.text(
        (x, y + side + 3 + line),
        shorten_middle(image, 22),
        fill="#333",
        font=ImageFont.load_default(11),
    )

"""The reviewer: a plan, and what a person says about it, group by group.

The browser decides nothing for good: it proposes, `ReviewState` refuses what would leave a group
without an image, and the plan that follows is a table at any moment. Rows and pictures travel when
they are looked at, so a plan of thousands of groups opens as fast as one of ten; decisions work
while the kernel is busy.

==========  =======================================================================================================
to Python   traits ``decisions``, ``reviewed``; ``{type: "groups", groups}``
to browser  traits ``scene``, ``totals``; ``{type: "groups", groups: {number: rows}}`` (see `_rows`)
==========  =======================================================================================================

Pictures and errors travel as `base` says.
"""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import traitlets as t
from PIL import Image, ImageDraw, ImageFont

from ..collection.as_labels import open_labels
from ..collection.collection import Collection
from ..engine.checks import check_plan_table, count_of, shorten_middle
from ..engine.paths import write_whole
from ..evidence.labels import Labels
from .base import ToolWidget, check_keywords, join_module, join_styles, size_text
from .thumbnails import Thumbnails

WORDS = {"keep": "✓ keep", "remove": "✗ remove", "different": "≠ not a duplicate"}
COLORS = {"keep": "#1d7a4c", "remove": "#c0392b", "different": "#6d4bc4"}
PLAN_ORDERS = {
    "given": "largest first",
    "near": "near the threshold first",
    "flagged": "flagged first",
}
NEEDED = {"group", "image", "action", "reason", "flag", "similarity", "protected", "path", "sha256"}

MAX_GROUPS = 8  # answered to one request
MAX_TILES = 300  # images of a group that are shown
# of the still picture, pixels; and rows of the table beside it
SHEET = {"groups": 3, "images": 6, "side": 140, "text": 16, "gap": 10, "rows": 20}


class ReviewState(t.HasTraits):
    """A plan, what a person decided, and the plan that follows. Needs no notebook.

    Parameters
    ----------
    plan
        made by `choose_keepers`.
    save_to
        a file (JSON) that decisions are kept in as they are made, and taken from at the start:
        those on files that are still the same, by name and digest. None keeps them in memory.
    labels
        where it is remembered that images are no duplicates of each other: a `Collection`, whose
        groups keep them apart from now on, `Labels`, or the path of a CSV file. None remembers it
        in the plan only.

    Attributes
    ----------
    decisions
        place of the image in the plan, as text -> [verdict, part]; only what differs from the plan.
        A verdict is "keep", "remove" or "different" (not a duplicate); part 0 is the group, 1 and up
        are what was split off.
    reviewed
        numbers of the groups that somebody has accepted.
    """

    decisions = t.Dict(help="place in the plan -> [verdict, part]").tag(sync=True)
    reviewed = t.List(t.Int(), help="numbers of accepted groups").tag(sync=True)

    def __init__(
        self,
        plan: pd.DataFrame,
        *,
        save_to: str | os.PathLike[str] | None = None,
        labels: Collection | Labels | str | os.PathLike[str] | None = None,
        **traits: Any,
    ) -> None:
        check_keywords(type(self), ReviewState, traits)
        plan = check_plan_table("plan", plan, NEEDED)
        self.lock = threading.RLock()  # notebooks call back from a thread of their own
        self._plan = plan.reset_index(drop=True)
        self._places = {
            int(number): list(rows.index) for number, rows in self._plan.groupby("group")
        }
        self._save_to = None if save_to is None else Path(save_to)
        self._labels = None if labels is None else open_labels(labels)
        super().__init__(**traits)
        if self._save_to is not None and self._save_to.exists():
            self._load(self._save_to)
        if self._labels is not None:
            self._remember({"old": {}, "new": self.decisions})
            self.observe(self._remember, "decisions")
        self.observe(self._save, ["decisions", "reviewed"])

    # -- what holds --------------------------------------------------------------------------------

    @t.validate("decisions")
    def _validate_decisions(self, proposal: Any) -> dict[str, list[Any]]:
        checked = {
            str(int(place)): self._check_decision(int(place), said)
            for place, said in proposal["value"].items()
        }
        for number in sorted({int(self._plan.group[int(place)]) for place in checked}):
            self._check_group(number, checked)
        return checked

    def _check_decision(self, place: int, said: Any) -> list[Any]:
        if place not in self._plan.index:
            raise t.TraitError(f"there is no image at place {place} of the plan")
        verdict, part = said
        if verdict not in WORDS or not isinstance(part, int) or part < 0:
            raise t.TraitError(
                f"a decision is [verdict, part], a verdict one of {', '.join(WORDS)}, and "
                f"{said!r} is not"
            )
        row = self._plan.loc[place]
        if verdict == "remove" and (row.protected or not row.sha256):
            raise t.TraitError(f"{row.image} is protected or cannot be read, so it stays")
        return [verdict, part]

    def _check_group(self, number: int, decisions: dict[str, list[Any]]) -> None:
        for places in self._parts(number, decisions).values():
            if not any(
                self._verdict(place, decisions) != "remove" and self._plan.sha256[place]
                for place in places
            ):
                raise t.TraitError(f"at least one image of group {number} must stay")

    def _verdict(self, place: int, decisions: dict[str, list[Any]]) -> str:
        return str(
            decisions[str(place)][0] if str(place) in decisions else self._plan.action[place]
        )

    def _parts(self, number: int, decisions: dict[str, list[Any]]) -> dict[int, list[int]]:
        """Return part -> places of a group, without images that are set apart."""
        parts: dict[int, list[int]] = {}
        for place in self._places[number]:
            if self._verdict(place, decisions) != "different":
                parts.setdefault(decisions.get(str(place), ["", 0])[1], []).append(place)
        return parts

    # -- what follows ------------------------------------------------------------------------------

    @property
    def plan(self) -> pd.DataFrame:
        """The plan with the decisions in it, and one more column: reviewed (bool).

        An image that is not a duplicate is in group 0; what was split off has a group number above
        the others.
        """
        with self.lock:
            plan = self._plan.assign(reviewed=self._plan.group.isin(self.reviewed))
            fresh = max(self._places, default=0)
            for number in sorted({int(self._plan.group[int(place)]) for place in self.decisions}):
                self._mark_apart(plan, number)
                for part, places in sorted(self._parts(number, self.decisions).items()):
                    fresh += part > 0
                    self._decide_part(plan, places, fresh if part else number)
            order = np.lexsort((plan.index, plan.action != "keep", plan.group))
        decided = plan.iloc[order].reset_index(drop=True)
        decided.attrs = dict(self._plan.attrs)
        return decided

    def _mark_apart(self, plan: pd.DataFrame, number: int) -> None:
        for place in self._places[number]:
            if self._verdict(place, self.decisions) == "different":
                plan.loc[place, ["group", "action", "keeper", "reason"]] = [
                    0,
                    "keep",
                    "",
                    "not a duplicate, says a person",
                ]

    def _decide_part(self, plan: pd.DataFrame, places: list[int], number: int) -> None:
        verdicts = {place: self._verdict(place, self.decisions) for place in places}
        keepers = [
            place for place in places if verdicts[place] == "keep" and self._plan.sha256[place]
        ]
        for place, verdict in verdicts.items():
            suggested = self._plan.action[place], self._plan.keeper[place]
            keeper = "" if verdict == "keep" else str(self._plan.image[keepers[0]])
            if (verdict, keeper) != suggested:
                words = (
                    "kept by a person"
                    if verdict == "keep"
                    else f"removed by a person, who kept {keeper}"
                )
                plan.loc[place, ["action", "keeper", "reason"]] = [verdict, keeper, words]
            plan.loc[place, "group"] = number

    @property
    def not_duplicates(self) -> pd.DataFrame:
        """Pairs that were put together and that a person has parted: left, right, one row per pair, left before right."""
        numbers = sorted({int(self._plan.group[int(place)]) for place in self.decisions})
        names = [pair for number in numbers for pair in self._parted(number, self.decisions)]
        return pd.DataFrame(names, columns=["left", "right"], dtype=object)

    def _parted(self, number: int, decisions: dict[str, list[Any]]) -> list[tuple[str, str]]:
        """Return the pairs of a group that decisions have parted."""
        sides = list(self._parts(number, decisions).values())
        sides += [[place] for place in sorted(set(self._places[number]).difference(*sides))]
        parted = (pair for one, other in combinations(sides, 2) for pair in product(one, other))
        names = self._plan.image
        return sorted((min(names[a], names[b]), max(names[a], names[b])) for a, b in parted)

    def _remember(self, change: Any) -> None:
        """Label as different what a decision has parted, and take that back with the decision."""
        assert self._labels is not None
        old, new = change["old"], change["new"]
        places = [place for place in old.keys() | new.keys() if old.get(place) != new.get(place)]
        numbers = sorted({int(self._plan.group[int(place)]) for place in places})
        with self.lock:
            before, after = (
                {pair for number in numbers for pair in self._parted(number, said)}
                for said in (old, new)
            )
            self._labels.withdraw(before - after, "different")
            self._labels.add_pairs(sorted(after - before), "different")

    # -- by program --------------------------------------------------------------------------------

    def decide(self, image: str, verdict: str, *, part: int = 0) -> None:
        """Say "keep", "remove" or "different" of an image.

        Raises
        ------
        KeyError
            if the image is not in the plan.
        traitlets.TraitError
            if nothing of its group would stay, or it is protected.
        """
        places = self._plan.index[self._plan.image == image]
        if not len(places):
            raise KeyError(f"the plan has no image {image!r}")
        self.decisions = self.decisions | {str(places[0]): [verdict, part]}

    def accept(self, *groups: int) -> None:
        """Count groups as reviewed; without numbers those that are nothing but files of the same bytes."""
        wanted = list(groups) or [
            number for number, places in self._places.items() if self._is_exact(places)
        ]
        self.reviewed = sorted({*self.reviewed, *wanted} & set(self._places))

    def _is_exact(self, places: list[int]) -> bool:
        digests = set(self._plan.sha256[places])
        return len(digests) == 1 and "" not in digests

    # -- kept in a file ----------------------------------------------------------------------------

    def _save(self, _change: Any = None) -> None:
        if self._save_to is None:
            return
        with self.lock:
            names, digests = self._plan.image, self._plan.sha256
            content = {
                "decisions": [
                    [names[int(p)], digests[int(p)], *said] for p, said in self.decisions.items()
                ],
                "reviewed": [
                    [names[place] for place in self._places[number]] for number in self.reviewed
                ],
            }
            write_whole(self._save_to, json.dumps(content, indent=1).encode("ascii"))

    def _load(self, path: Path) -> None:
        content = json.loads(path.read_text(encoding="ascii"))
        places = {
            (image, sha256): place
            for place, (image, sha256) in enumerate(
                zip(self._plan.image, self._plan.sha256, strict=True)
            )
        }
        kept = {
            str(places[image, digest]): ["different" if verdict == "apart" else verdict, part]
            for image, digest, verdict, part in content["decisions"]  # "apart" is the word of 0.1
            if (image, digest) in places
        }
        groups = {
            frozenset(self._plan.image[rows]): number for number, rows in self._places.items()
        }
        for number in {int(self._plan.group[int(place)]) for place in kept}:
            try:
                self._check_group(number, kept)
            except (
                t.TraitError
            ):  # the group is another one by now, and its images have to be looked at again
                kept = {
                    place: said
                    for place, said in kept.items()
                    if int(place) not in self._places[number]
                }
        self.decisions = kept
        self.reviewed = sorted(
            groups[frozenset(names)] for names in content["reviewed"] if frozenset(names) in groups
        )


class GroupReviewer(ReviewState, ToolWidget):
    """Look at a plan group by group, and change it: `reviewer.plan` is the table that `apply_plan` takes.

    Takes the parameters of `ReviewState` and has its attributes. Keys: arrows to an image; k keep,
    r remove, o only this, d not a duplicate, s split off; Enter accept and next, n next, p
    previous; u undo; + - 0 zoom, Shift with arrows pans.

    Examples
    --------
    >>> plan = pd.DataFrame({
    ...     "group": 1, "image": ["a.png", "b.jpg"], "action": ["keep", "remove"], "reason": "", "flag": "",
    ...     "keeper": ["", "a.png"], "similarity": [100.0, 96.9], "protected": False, "bytes": 10,
    ...     "path": ["a.png", "b.jpg"], "sha256": ["1", "2"]})
    >>> reviewer = GroupReviewer(plan)
    >>> reviewer
    <GroupReviewer: 1 group, 0 reviewed, 1 image to remove>
    >>> reviewer.decide("b.jpg", "keep")
    >>> reviewer.plan[["image", "action", "reason"]]
       image action            reason
    0  a.png   keep
    1  b.jpg   keep  kept by a person
    >>> reviewer.close()
    """

    _esm = join_module("reviewer.js", VERDICTS=WORDS, PLAN_ORDERS=list(PLAN_ORDERS.items()))
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
        self.scene = {
            "groups": [self._headline_of(number) for number in self._places],
            "threshold": self._plan.attrs.get("threshold"),
        }
        self._count()
        self.observe(self._count, ["decisions", "reviewed"])

    def _headline_of(self, number: int) -> list[Any]:
        """Return [number, images, lowest similarity or None, same bytes?, flagged?]."""
        rows = self._plan.loc[self._places[number]]
        lowest = rows.similarity.min(skipna=False)
        flagged = bool((rows.flag != "").any())
        return [
            number,
            len(rows),
            None if np.isnan(lowest) else round(float(lowest), 2),
            self._is_exact(list(rows.index)),
            flagged,
        ]

    def _count(self, _change: Any = None) -> None:
        with self.lock:
            going = [
                place
                for place in self._plan.index
                if self._verdict(place, self.decisions) == "remove"
            ]
        n_bytes = int(self._plan.bytes[going].sum()) if "bytes" in self._plan else 0
        self.totals = {"remove": len(going), "bytes": n_bytes}

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
        """Return the sheet as a PNG of few colours: a third of the bytes in every saved notebook."""
        buffer = io.BytesIO()
        self.sheet().quantize(128).save(buffer, "PNG")
        return buffer.getvalue()

    def _still_table(self) -> str:
        plan = self.plan[["group", "image", "action", "reason", "reviewed"]].head(SHEET["rows"])
        return plan.to_html(index=False)  # which escapes file names

    def __repr__(self) -> str:
        groups, going = len(self._places), self.totals["remove"]
        return f"<GroupReviewer: {count_of(groups, 'group')}, {len(self.reviewed)} reviewed, {count_of(going, 'image')} to remove>"


def _tile(place: int, row: pd.Series) -> dict[str, Any]:
    """Return what the browser shows of an image: facts are [label, text, value to compare]."""
    facts = []
    if {"width", "height"} <= set(row.index):
        facts += [["size", f"{row.width} x {row.height}"], ["format", row.get("format", "")]]
    if "bytes" in row.index:
        facts.append(["file", size_text(row.bytes, digits=1)])
    if "metadata" in row.index:
        facts.append(["metadata", f"{row.metadata} entries"])
    if "modified" in row.index and not pd.isna(row.modified):
        facts.append(["changed", f"{row.modified:%Y-%m-%d %H:%M}"])
    return {
        "id": place,
        "name": row.image,
        "action": row.action,
        "similarity": None if pd.isna(row.similarity) else round(float(row.similarity), 1),
        "facts": facts,
        "flag": row.flag,
        "reason": row.reason,
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

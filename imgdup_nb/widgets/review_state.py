"""The state of the reviewer: a plan, the decisions of a person, and the plan that follows."""

from __future__ import annotations

import json
import os
import threading
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import traitlets as t

from ..collection.as_labels import open_labels
from ..collection.collection import Collection
from ..engine.checks import check_path, check_percent, check_plan_table, check_text, shown
from ..engine.pair_graph import TOLERANCE
from ..engine.paths import write_whole
from ..evidence.labels import Labels
from .base import check_keywords

VERDICTS = ["keep", "remove", "different"]
NEEDED = {"group", "image", "action", "reason", "flag", "similarity", "protected", "path", "sha256"}


class ReviewState(t.HasTraits):
    """A plan, what a person decided, and the plan that follows. Needs no notebook.

    Parameters
    ----------
    plan
        made by `choose_keepers`.
    save_to
        a file (JSON) that keeps the decisions as you make them. A later reviewer reads it, and
        applies the decisions on files with the same name and digest. None keeps them in memory.
    labels
        where to write which images are not duplicates of each other: a `Collection`, `Labels`, or
        the path of a CSV file. The collection does not group them again. None writes it in the plan
        only.

    Attributes
    ----------
    decisions
        place of the image in the plan, as text -> [verdict, part]; only what differs from the plan.
        A verdict is "keep", "remove" or "different" (not a duplicate). Part 0 is the group, 1 up
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
        if "loses" in self._plan:
            self._plan["loses"] = self._plan.loses.fillna("")
        self._groups = _describe_groups(self._plan)
        self._save_to = (
            None if save_to is None else Path(check_path("save_to", save_to, "marks.json"))
        )
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
        if (
            not isinstance(verdict, str)
            or verdict not in VERDICTS
            or not isinstance(part, int)
            or part < 0
        ):
            raise t.TraitError(
                f"a decision is [verdict, part], a verdict one of {', '.join(VERDICTS)}, and "
                f"[{shown(verdict)}, {shown(part)}] is not"
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
        """The pairs of a group that a person separated: left and right, one row each."""
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
        places = self._plan.index[self._plan.image == check_text("image", image, "cat.jpg")]
        if not len(places):
            raise KeyError(f"the plan has no image {image!r}")
        self.decisions = self.decisions | {str(places[0]): [verdict, part]}

    def accept(self, *groups: int, min_similarity: float | None = None) -> None:
        """Count groups as reviewed: those with these numbers, or many at once.

        Parameters
        ----------
        *groups
            their numbers. Without numbers: the groups whose files all have the same bytes.
        min_similarity
            percent, inclusive. Accepts each group whose images to remove are at least so similar to
            their keeper. A group with a flag, a loss or your own decision is left out.
        """
        wanted = list(groups)
        if min_similarity is not None:
            percent = check_percent("min_similarity", min_similarity)
            is_wanted = self._groups.safe & (self._groups.lowest >= percent - TOLERANCE)
            wanted += sorted(set(self._groups.index[is_wanted]) - self._changed_groups())
        elif not groups:
            wanted = list(self._groups.index[self._groups.exact])
        self.reviewed = sorted({*self.reviewed, *wanted} & set(self._places))

    def _changed_groups(self) -> set[int]:
        """Return the numbers of the groups that decisions are about."""
        return {int(self._plan.group[int(place)]) for place in self.decisions}

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
        try:
            content = json.loads(path.read_text(encoding="ascii"))
            decisions, reviewed = content["decisions"], content["reviewed"]
        except (ValueError, TypeError, KeyError):
            raise ValueError(
                f"save_to names {str(path)!r}, which is not a file that a reviewer saved"
            ) from None
        places = {
            (image, sha256): place
            for place, (image, sha256) in enumerate(
                zip(self._plan.image, self._plan.sha256, strict=True)
            )
        }
        kept = {
            str(places[image, digest]): ["different" if verdict == "apart" else verdict, part]
            for image, digest, verdict, part in decisions  # "apart" is the word of 0.1
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
            groups[frozenset(names)] for names in reviewed if frozenset(names) in groups
        )


def _describe_groups(plan: pd.DataFrame) -> pd.DataFrame:
    """Return what the plan says of each group, by its number.

    Columns: images (how many), lowest, exact (do all files have the same bytes?), flagged, safe (is
    nothing flagged or lost?). `lowest` is the lowest similarity to a keeper among the images to
    remove, in percent, NaN if one is not known.
    """
    leaving = plan.action == "remove"
    loses = plan.loses != "" if "loses" in plan else pd.Series(False, index=plan.index)
    rows = pd.DataFrame(
        {
            "group": plan.group,
            "sha256": plan.sha256,
            "leaving": leaving,
            "similarity": plan.similarity.where(leaving),
            "unknown": leaving & plan.similarity.isna(),
            "flagged": plan.flag != "",
            "lossy": leaving & loses,
            "unreadable": plan.sha256 == "",
        }
    ).groupby("group")
    some = rows[["leaving", "unknown", "flagged", "lossy", "unreadable"]].any()
    return pd.DataFrame(
        {
            "images": rows.size(),
            "lowest": rows.similarity.min().mask(some.unknown),
            "exact": (rows.sha256.min() == rows.sha256.max()) & ~some.unreadable,
            "flagged": some.flagged,
            "safe": some.leaving & ~some.flagged & ~some.lossy,
        }
    )

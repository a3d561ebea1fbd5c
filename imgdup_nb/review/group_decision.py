"""One group -> which image stays, which is removed, and why.

`decide_group` finds the keeper of a group, compares each other file with it, and explains the
result in words.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cmp_to_key, partial
from typing import Any

import numpy as np
import pandas as pd

from ..engine.checks import shown
from ..engine.decode import UnreadableImage
from ..engine.pair_graph import TOLERANCE
from ..engine.selection import side_files
from .dominance import ASPECTS, HoldingsComparison, compare_holdings, is_larger, list_words
from .holdings import Holdings, Pictures, from_row
from .names import compare_provenance, is_bin, same_shot
from .sidecar import merged_xmp, notes_to_carry

Row = dict[str, Any]

MAX_CANDIDATES = 6  # of a group that are tried as its keeper
MAX_BESIDE = 8  # of the files that stay, which a file is compared with


@dataclass(frozen=True)
class Settings:
    """What `choose_keepers` was asked for, checked."""

    columns: list[str]
    function: Callable[[pd.DataFrame], str] | None
    by_dominance: bool  # the order of a group follows from what its files hold
    accepted: frozenset[str]
    compare: bool
    keep_metadata: bool
    threshold: float  # percent; NaN where it is not known


def can_keep(row: Row) -> bool:
    """Tell whether an image can be read, so that it may be a keeper."""
    return bool(row["problem"] == "" and row["sha256"])


def decide_group(
    task: tuple[list[Row], list[str]],
    *,
    settings: Settings,
    similarity: Callable[[str, str], float],
) -> list[Row]:
    """Return a group's rows with action, reason, flag, loses and keeper, what stays first."""
    rows, chosen = task
    readable = [row for row in rows if can_keep(row)]
    for row in rows:
        row["action"] = "keep"
        row["reason"] = (
            "no image of its group can be read, so nothing is removed"
            if not readable
            else f"cannot be read ({row['problem'] or 'no digest'}), so it is left alone"
        )
    ordered = _sorted(rows, settings.columns)
    if readable:
        unread = [row for row in ordered if not can_keep(row)]
        group = _Group(_sorted(readable, settings.columns), chosen, settings, similarity)
        ordered = [*group.decide(), *unread]
    for row in ordered:
        row["protected"] = bool(row["protected"])
    return sorted(ordered, key=lambda row: (row is not ordered[0], row["action"] != "keep"))


def _sorted(rows: list[Row], columns: list[str]) -> list[Row]:
    """Return a group's images, the best first by the columns, then by where they come from."""
    ordered = sorted(rows, key=cmp_to_key(compare_provenance))
    for column in reversed(columns):
        name, smallest_first = column.removeprefix("-"), column.startswith("-")
        ordered.sort(
            key=partial(_rank, column=name, smallest_first=smallest_first),
            reverse=not smallest_first,
        )
    return _by_folder(ordered)


def _by_folder(rows: list[Row]) -> list[Row]:
    """Put protected images first, then those of preferred folders, and damaged ones last."""
    return sorted(
        rows,
        key=lambda row: (
            not row["protected"],
            row["preferred"],
            bool(row.get("remarks")),
            is_bin(row["image"]),
        ),
    )


def _rank(row: Row, *, column: str, smallest_first: bool) -> tuple[bool, Any]:
    """Return a sort key that puts what is missing last either way."""
    value = row[column]
    is_missing = bool(pd.isna(value))
    return (is_missing == smallest_first, 0 if is_missing else value)


class _Group:
    """The readable images of one group, and what their files hold."""

    def __init__(
        self,
        rows: list[Row],
        chosen: list[str],
        settings: Settings,
        similarity: Callable[[str, str], float],
    ) -> None:
        self.rows, self.settings, self._similarity = rows, settings, similarity
        self._pictures = Pictures()
        self._compared: dict[tuple[str, str], HoldingsComparison] = {}
        self.one_content = len({row["content"] for row in rows}) == 1
        self._without_pixels: set[str] = set()
        self._notes: dict[str, Mapping[str, str]] = {}  # by digest
        self._added: dict[str, dict[str, str]] = {}  # keeper -> the notes of its side file
        self._carried: dict[str, dict[str, str]] = {}  # leaving file -> its notes among these
        self._can_have_side_file: dict[str, bool] = {}
        if settings.by_dominance and not self.one_content:
            self.rows = self._by_holdings()
        function = settings.function
        self.forced = chosen or ([_ask(function, self.rows)] if function else [])

    def decide(self) -> list[Row]:
        """Fill in the rows and return them, the keeper first."""
        keeper = self._find_keeper()
        others = [row for row in self.rows if row is not keeper]
        stays = [keeper, *(row for row in others if self._must_stay(row))]
        for row in others:
            if row not in stays and not self._leave(row, stays):
                stays.append(row)
        self._look_again(stays)
        for row in self.rows:
            self._explain(row, keeper)
            if added := self._added.get(row["image"]):
                row["sidecar"] = merged_xmp(added)
        return [keeper, *others]

    # -- what files hold ---------------------------------------------------------------------------

    def _held(self, row: Row) -> Holdings:
        known = from_row(row)
        if (
            known.raw
            or not self.settings.compare
            or self.one_content
            or row["image"] in self._without_pixels
        ):
            return known
        try:
            held = self._pictures.of(row)
            self._notes[row["content"]] = held.notes
            return held
        except UnreadableImage as error:
            self._without_pixels.add(row["image"])
            row["doubt"] = f"cannot be compared: {error}"
            return known

    def _by_holdings(self) -> list[Row]:
        """Return the images, those that hold most first."""
        held = {row["image"]: self._held(row) for row in self.rows}
        lossy_sums = {h.pixel_sum: h.best_quality for h in held.values() if not h.lossless}
        for row in self.rows:
            own = held[row["image"]]
            row["is_camera"] = own.is_camera
            # the pixels of a lossy file in a lossless one: saved again from it
            copied = own.lossless and own.pixel_sum in lossy_sums and own.pixels is not None
            quality = lossy_sums[own.pixel_sum] if copied else own.best_quality
            row["holds"] = (
                row["image"] in self._without_pixels,
                bool(own.damage),
                not own.raw,
                own.grey,
                -round(np.log(max(1, own.width * own.height)) / np.log(1.04)),
                own.n_colours > 0,
                -own.frames,
                not own.alpha,
                -own.depth,
                -round(quality / 2),
                -len(own.notes),
                copied,
            )
        ordered = sorted(self.rows, key=cmp_to_key(compare_provenance))
        return _by_folder(sorted(ordered, key=lambda row: row["holds"]))

    def _compare(self, leaving: Row, keeper: Row) -> HoldingsComparison:
        """Return what a keeper lacks of a file; each pair of contents is compared once."""
        pair = leaving["content"], keeper["content"]
        if pair not in self._compared:
            self._compared[pair] = compare_holdings(self._held(leaving), self._held(keeper))
        return self._compared[pair]

    def _lacks(self, leaving: Row, keeper: Row) -> dict[str, str]:
        """Return what a keeper lacks of a file, but for what is accepted."""
        accepted = self.settings.accepted
        if leaving["content"] == keeper["content"]:
            return {}
        if len(accepted) == len(ASPECTS):
            return {}
        found = self._compare(leaving, keeper).lacks
        found = {aspect: words for aspect, words in found.items() if aspect not in accepted}
        if "metadata" in found and not self._left_notes(leaving, keeper):
            del found["metadata"]
        return found

    # -- notes that go into a side file ------------------------------------------------------------

    def _notes_of(self, row: Row) -> Mapping[str, str] | None:
        """Return the notes of a file, None where they are not known."""
        if row["content"] not in self._notes and self._held(row).pixels is None:
            return None
        return self._notes[row["content"]]

    def _to_carry(self, leaving: Row, keeper: Row) -> tuple[dict[str, str], list[str]]:
        """Return the notes that a side file of the keeper would get, and the kinds that are lost.

        What earlier files brought into the side file counts as the keeper's.
        """
        own, other = self._notes_of(leaving), self._notes_of(keeper)
        if own is None or other is None:
            return {}, ["metadata"]
        found = notes_to_carry(own, {**other, **self._added.get(keeper["image"], {})})
        if found[0] and not self._may_have_side_file(keeper):
            return {}, [*found[0], *found[1]]
        return found

    def _may_have_side_file(self, keeper: Row) -> bool:
        """Tell whether the keeper's side file can be written: there is none yet."""
        path = keeper["path"]
        if path not in self._can_have_side_file:
            self._can_have_side_file[path] = not any(
                name.lower().endswith(".xmp") for name in side_files(path)
            )
        return self._can_have_side_file[path]

    def _left_notes(self, leaving: Row, keeper: Row) -> list[str]:
        """Return the kinds of notes that would be lost even with a side file."""
        return self._to_carry(leaving, keeper)[1] if self.settings.keep_metadata else ["metadata"]

    def _remove(self, row: Row, keeper: Row) -> None:
        """Mark an image for removal, and take its notes along where this is asked for."""
        row["action"], row["keeper"] = "remove", keeper["image"]
        self._carried[row["image"]] = self._add_notes(row, keeper)

    def _add_notes(self, row: Row, keeper: Row) -> dict[str, str]:
        """Add to the keeper's side file what only another file has; return what was added."""
        if not self.settings.keep_metadata or row["content"] == keeper["content"]:
            return {}
        notes, _ = self._to_carry(row, keeper)
        self._added[keeper["image"]] = self._added.get(keeper["image"], {}) | notes
        return notes

    # -- who stays ---------------------------------------------------------------------------------

    def _find_keeper(self) -> Row:
        """Return the image that the others are removed for."""
        candidates = [row for row in self.rows if row["image"] in self.forced] or self.rows
        first = candidates[0]
        if self.forced:
            self._doubt(first, [row for row in self.rows if row is not first])
        if self.one_content or self.forced or len(candidates) == 1:
            return first
        if not self.settings.by_dominance:
            return self._first_without_doubt(candidates)
        best, most = first, -1
        for candidate in self._candidates():
            others = [row for row in self.rows if row is not candidate]
            count = sum(not self._lacks(row, candidate) for row in others)
            if count > most and not self._doubt(candidate, others):
                best, most = candidate, count
            if 4 * most >= len(others):
                break
        return self._source_of(best)

    def _source_of(self, keeper: Row) -> Row:
        """Return the file that the keeper was saved again from, if both hold the same."""
        for row in self.rows:
            if (row["protected"], row["preferred"]) != (keeper["protected"], keeper["preferred"]):
                continue
            own, other = self._held(row), self._held(keeper)
            is_source = not own.lossless and (other.lossless or own.quality + 1 < other.quality)
            if (
                is_source
                and not (is_larger(own, other) or is_larger(other, own))
                and row["content"] != keeper["content"]
                and not self._compare(row, keeper).lacks
                and not self._compare(keeper, row).lacks
            ):
                return row
        return keeper

    def _candidates(self) -> list[Row]:
        """Return the first images, one of each content, of the same standing as the first."""
        seen: dict[str, Row] = {}
        first = self.rows[0]
        for row in self.rows:
            if (row["protected"], row["preferred"]) == (first["protected"], first["preferred"]):
                seen.setdefault(row["content"], row)
        return list(seen.values())[:MAX_CANDIDATES]

    def _first_without_doubt(self, candidates: list[Row]) -> Row:
        for candidate in candidates:
            others = [row for row in self.rows if row is not candidate]
            if candidate["protected"] or not self._doubt(candidate, others):
                return candidate
        return candidates[0]

    def _doubt(self, candidate: Row, others: list[Row]) -> str:
        """Return why an image should not be the keeper: it seems to be made from another."""
        if len(self.settings.accepted) == len(ASPECTS) or not self.settings.compare:
            return ""
        if candidate["doubt"]:
            return str(candidate["doubt"])
        for row in others:
            if row["content"] != candidate["content"]:
                doubt = self._compare(row, candidate).doubt
                if doubt:
                    candidate["doubt"] = doubt
                    return doubt
        return ""

    def _must_stay(self, row: Row) -> bool:
        """Tell whether an image stays whatever it holds."""
        return bool(
            row["protected"]
            or row["image"] in self.forced
            or row["image"] in self._without_pixels
            or self._raw_of(row)
        )

    def _raw_of(self, row: Row) -> str:
        """Return the RAW file of a developed picture, if it is in the same folder."""
        if from_row(row).raw:
            return ""
        return next(
            (
                other["image"]
                for other in self.rows
                if from_row(other).raw and same_shot(row["path"], other["path"])
            ),
            "",
        )

    def _leave(self, row: Row, stays: list[Row]) -> bool:
        """Mark an image for removal if one of those that stay holds all that it holds."""
        same = [other for other in stays if other["content"] == row["content"]]
        for other in [*same, *stays[:MAX_BESIDE]]:
            if self._may_replace(row, other):
                self._remove(row, other)
                return True
        return False

    def _may_replace(self, row: Row, other: Row) -> bool:
        if row["label"] != other["label"] or not self._is_near(row, other):
            return False
        exact = row["content"] == other["content"]
        if row["prefer"] and not (exact and other["prefer"]):
            return False
        if other["image"] in self._without_pixels and not exact:
            return False
        return not self._lacks(row, other)

    def _is_near(self, row: Row, other: Row) -> bool:
        """Tell whether two images reach the threshold; where it is not known, they do."""
        percent = self.similarity(row, other)
        return bool(
            np.isnan(self.settings.threshold) or percent >= self.settings.threshold - TOLERANCE
        )

    def similarity(self, row: Row, other: Row) -> float:
        """Return the similarity of two images in percent, NaN where it is not known."""
        if row is other or row["sha256"] == other["sha256"]:
            return 100.0
        return self._similarity(row["image"], other["image"])

    def _look_again(self, stays: list[Row]) -> None:
        """Remove what stayed only because its better came later."""
        for row in stays[1:]:
            if self._must_stay(row):
                continue
            waiting = [other for other in self.rows if other["keeper"] == row["image"]]
            for other in stays[1:MAX_BESIDE]:
                if other is row or other["action"] == "remove":
                    continue
                if self._may_replace_all([row, *waiting], other):
                    self._added.pop(row["image"], None)
                    for copy in [row, *waiting]:
                        self._remove(copy, other)
                    break

    def _may_replace_all(self, rows: list[Row], other: Row) -> bool:
        """Tell whether an image holds what several hold, their notes taken together."""
        before = self._added.get(other["image"], {})
        try:
            for row in rows:
                if not self._may_replace(row, other):
                    return False
                self._add_notes(row, other)
            return True
        finally:
            self._added[other["image"]] = before

    # -- why ---------------------------------------------------------------------------------------

    def _explain(self, row: Row, keeper: Row) -> None:
        """Write down the reason, what would be lost, the flag and the similarity to the keeper."""
        stays = row["action"] == "keep"
        against = keeper if stays else self._named(row["keeper"])
        labels = sorted({other["label"] for other in self.rows})
        if not stays:
            row["reason"] = self._why_removed(row, against) + self._what_is_carried(row, against)
            found = self._accepted_losses(row, against)
            row["loses"], row["flag"] = "; ".join(found.lacks.values()), found.flag
        elif row["image"] in self.forced:
            row["reason"], row["flag"] = "chosen for this group", row["doubt"]
        elif row["protected"]:
            row["reason"] = f"in the protected folder {row['protected']}"
            row["reason"] += f": {_describe(row)}" if row is keeper else ""
        elif raw := self._raw_of(row):
            row["reason"] = f"one picture with {raw}: RAW and developed, of one shot"
        elif row is keeper:
            row["reason"] = f"the best of {len(self.rows)}: {_describe(row)}"
            row["flag"] = row["doubt"]
        else:
            self._explain_beside(row, keeper)
        if stays and row.get("remarks") and not row["flag"]:
            row["flag"] = f"damaged: {row['remarks']}"
        if stays and len(labels) > 1:
            row["flag"] = f"labels differ: {', '.join(label or 'none' for label in labels)}"
        row["similarity"] = self.similarity(row, against)

    def _explain_beside(self, row: Row, keeper: Row) -> None:
        """Explain an image that stays beside the keeper."""
        losses = self._lacks(row, keeper) if row["image"] not in self._without_pixels else {}
        row["loses"] = "; ".join(losses.values())
        row["reason"] = f"stays beside {keeper['image']} until somebody has looked at it"
        if losses:
            seen = self._compare(row, keeper).flag
            row["flag"] = row["doubt"] or seen or f"{keeper['image']} lacks {row['loses']}"
        elif row["doubt"]:
            row["flag"] = row["doubt"]
        elif row["prefer"]:
            row["reason"] = f"in the preferred folder {row['prefer']}"
        elif not self._is_near(row, keeper):
            row["flag"] = f"below the threshold to the keeper {keeper['image']}"

    def _accepted_losses(self, row: Row, other: Row) -> HoldingsComparison:
        if row["content"] == other["content"] or not self.settings.accepted:
            return HoldingsComparison()
        found = self._compare(row, other)
        if "metadata" not in found.lacks or not self.settings.keep_metadata:
            return found
        left = {"metadata": list_words(self._left_notes(row, other))}
        lacks = {k: words for k, words in (found.lacks | left).items() if words}
        return HoldingsComparison(lacks, found.doubt, found.flag)

    def _what_is_carried(self, row: Row, keeper: Row) -> str:
        """Return words for the notes that go into the keeper's side file."""
        kinds = list(self._carried.get(row["image"], {}))
        if not kinds:
            return ""
        verb = "go" if len(kinds) > 1 or kinds == ["keywords"] else "goes"
        return f"; its {list_words(kinds)} {verb} into {os.path.basename(keeper['path'])}.xmp"

    def _named(self, image: str) -> Row:
        return next(row for row in self.rows if row["image"] == image)

    def _why_removed(self, row: Row, keeper: Row) -> str:
        """Compare with the keeper in what made the difference."""
        if row["content"] == keeper["content"]:
            return f"same bytes as {keeper['image']}"
        this, kept = _describe(row), _describe(keeper)
        if self.settings.by_dominance and this.split()[:3] == kept.split()[:3]:
            own, other = self._held(row), self._held(keeper)
            if other.frames > max(1, own.frames):
                return f"keeps {other.frames} frames; this has {own.frames}"
            if other.alpha and not own.alpha:
                return f"keeps the transparency of {keeper['image']}; this has none"
            if other.depth > own.depth:
                return f"keeps {other.depth} bits; this has {own.depth}"
        if this != kept:
            return f"keeps {kept}; this is {this}"
        if self.settings.by_dominance:
            if round(other.best_quality) > round(own.best_quality):
                kept_quality, quality = round(other.best_quality), round(own.best_quality)
                return f"keeps quality {kept_quality} of 100; this has {quality}"
            if _same_values(own, other):
                return f"same pixels as {keeper['image']}"
            return f"keeps {keeper['image']}, which holds all of it"
        for column in self.settings.columns:
            name = column.removeprefix("-")
            if not pd.isna(row[name]) and not pd.isna(keeper[name]) and row[name] != keeper[name]:
                return (
                    f"keeps {kept} with {name} {_value_text(keeper[name])}; "
                    f"this is {this} with {_value_text(row[name])}"
                )
        return f"keeps {keeper['image']}, the plainer name; otherwise equal"


def _same_values(own: Holdings, other: Holdings) -> bool:
    """Tell whether two files of one frame have the same pixels, transparency included."""
    if not own.frames == other.frames == 1 or own.pixels is None:
        return False
    if own.pixel_sum != other.pixel_sum or own.depth != other.depth:
        return False
    if own.alphas is None or other.alphas is None:
        return own.alphas is other.alphas
    return bool(np.array_equal(own.alphas, other.alphas))


def _ask(rule: Callable[[pd.DataFrame], str], readable: list[Row]) -> str:
    answer = rule(pd.DataFrame(readable))
    if not isinstance(answer, str) or answer not in [row["image"] for row in readable]:
        raise ValueError(
            "rule must return the name of an image of the group, such as "
            f"{readable[0]['image']!r}, not {shown(answer)}"
        )
    return answer


def _describe(row: Row) -> str:
    return f"{row['width']} x {row['height']} {row['format']}".strip()


def _value_text(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)

"""Rules over two methods in the explorer: the other table is made when it is asked for."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from ..aligned.verify import verify_pairs
from ..engine.checks import check_choice
from ..evidence.combine import RULES, combine_pairs
from ..fingerprints import fingerprint_images
from ..methods import METHODS
from ..pairs import similar_pairs

MADE_FROM = 70.0  # percent, of a table that is made for a rule


class CombinedRule(NamedTuple):
    """A rule over two methods: "phash >= 90, verified by aligned >= 80"."""

    base: str
    base_threshold: float
    other: str
    threshold: float
    rule: str

    def code(self, methods: list[str]) -> list[str]:
        """Return the lines that make the combined table from `pairs` and `images`."""
        base = f"pairs[{self.base!r}]" if len(methods) > 1 else "pairs"
        limits = f"{{{self.base!r}: {self.base_threshold!r}, {self.other!r}: {self.threshold!r}}}"
        lines = [f"base = {base}"]
        if self.rule == "verified":
            lines += [
                f"base = base[base.similarity >= {self.base_threshold!r} - 1e-9]",
                f"base.attrs['floor'] = {self.base_threshold!r}",
            ]
        if self.rule == "verified" and self.other == "aligned":
            lines.append(f"other = dup.verify_pairs(base, images, min_similarity={self.floor!r})")
        elif self.other in methods:
            lines.append(f"other = pairs[{self.other!r}]")
        else:
            lines += [
                f"prints = dup.fingerprint_images(images, {self.other!r})",
                f"other = dup.similar_pairs(prints, min_similarity={self.floor!r})",
            ]
        return [
            *lines,
            f"tables = {{{self.base!r}: base, {self.other!r}: other}}",
            f"pairs = dup.combine_pairs(tables, {limits}, rule={self.rule!r})",
        ]

    @property
    def floor(self) -> float:
        """The floor of a table that is made for the rule."""
        return min(MADE_FROM, self.threshold)


class CombinedTables:
    """The tables that rules need, made when they are asked for, and kept.

    Parameters
    ----------
    tables
        method name: pair table, as given by the user.
    images
        None can only combine these tables.
    """

    def __init__(self, tables: dict[str, pd.DataFrame], images: pd.DataFrame | None) -> None:
        self._given, self._images = dict(tables), images
        self._made: dict[tuple[Any, ...], pd.DataFrame] = {}

    def others(self, base: str) -> list[str]:
        """Return the methods that can be combined with one."""
        made = [] if self._images is None else ["aligned", *(n for n in METHODS if n != "aligned")]
        return [name for name in dict.fromkeys([*self._given, *made]) if name != base]

    def combine(self, rule: CombinedRule) -> pd.DataFrame:
        """Return the combined pair table."""
        check_choice("rule", rule.rule, RULES)
        check_choice("other", rule.other, self.others(rule.base))
        base = self._given[rule.base]
        if rule.rule == "verified":
            base = base[base.similarity >= rule.base_threshold - 1e-9].reset_index(drop=True)
            base.attrs = {**self._given[rule.base].attrs, "floor": rule.base_threshold}
        limits = {rule.base: rule.base_threshold, rule.other: rule.threshold}
        tables = {rule.base: base, rule.other: self._other(rule, base)}
        return combine_pairs(tables, limits, rule=rule.rule)

    def _other(self, rule: CombinedRule, base: pd.DataFrame) -> pd.DataFrame:
        is_verified = rule.rule == "verified" and rule.other == "aligned"
        if rule.other in self._given and not is_verified:
            return self._given[rule.other]
        if self._images is None:
            raise ValueError("another method needs images=scan_images(folder)")
        key = (rule.other, rule.floor, (rule.base, rule.base_threshold) if is_verified else None)
        if key not in self._made:
            if is_verified:
                made = verify_pairs(base, self._images, min_similarity=rule.floor)
            else:
                prints = fingerprint_images(self._images, rule.other)
                made = similar_pairs(prints, min_similarity=rule.floor)
            self._made[key] = made
        return self._made[key]

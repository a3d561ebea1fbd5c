"""The plan as a table that says in one line what it would do, and that survives a CSV file."""

from __future__ import annotations

import html

import pandas as pd

from ..engine.checks import count_of

PLAN_COLUMNS = {
    "group": "int64", "image": object, "action": object, "reason": object, "flag": object,
    "loses": object, "keeper": object, "similarity": "float64", "protected": bool, "format": object,
    "width": "int64", "height": "int64", "bytes": "int64", "metadata": "int64",
    "modified": "datetime64[ns, UTC]", "path": object, "sha256": object,
}  # fmt: skip
SHOWN = ["group", "image", "action", "similarity", "loses", "reason"]
MAX_ROWS = 12


class Plan(pd.DataFrame):
    """A plan: one row for each file of a group, made by `choose_keepers`.

    It is a DataFrame. Its text starts with the sums: files, groups, megabytes, flags.
    """

    @property
    def _constructor(self) -> type[Plan]:
        return Plan

    @property
    def kept(self) -> pd.DataFrame:
        """The files of the groups that stay, all of them, as a plain table."""
        stays = pd.DataFrame(self)
        return stays[stays.action == "keep"].reset_index(drop=True)

    @property
    def _is_whole(self) -> bool:
        return {"group", "image", "action", "path", "sha256"} <= set(self.columns)

    def _headline(self) -> str:
        leaves = (self["action"] == "remove").to_numpy()
        n_groups = int(self["group"][self["group"] > 0].nunique())
        words = [
            f"{count_of(int(leaves.sum()), 'file')} of {len(self):,} to remove",
            f"{int((~leaves).sum()):,} stay",
            count_of(n_groups, "group"),
        ]
        if "bytes" in self.columns:
            words.append(f"{self['bytes'].to_numpy()[leaves].sum() / 1e6:,.1f} MB to free")
        if "flag" in self.columns:
            words.append(f"{int((self['flag'].fillna('') != '').sum()):,} flagged")
        return "; ".join(words)

    def _body(self) -> pd.DataFrame:
        return pd.DataFrame(self)[[name for name in SHOWN if name in self.columns]]

    def __repr__(self) -> str:
        if not self._is_whole:
            return repr(pd.DataFrame(self))
        body = self._body().to_string(max_rows=MAX_ROWS, max_colwidth=40)
        return f"<Plan: {self._headline()}>\n{body}"

    def _repr_html_(self) -> str | None:
        if not self._is_whole:
            return pd.DataFrame(self)._repr_html_()
        body = self._body().round(2).to_html(max_rows=MAX_ROWS, notebook=True)  # escapes names
        return f"<p>{html.escape(self._headline())}</p>{body}"

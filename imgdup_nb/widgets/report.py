"""What was decided and done, as a file: CSV and JSON for programs, a page for people."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..engine.checks import check_table
from ..engine.paths import write_result
from ..review.log import DONE_WORDS
from .base import facts_by_name
from .explorer import ThresholdExplorer
from .page import MAX_MEGABYTES, PageContent, explorer_content, join_page, plan_rows, write_page
from .page_data import paths_of

ENDINGS = (".csv", ".json", ".html")
SHOWN_SETTINGS = [
    "threshold",
    "linkage",
    "method",
    "floor",
    "n_images",
    "rule",
    "action",
    "to",
    "journal",
]
SETTING_WORDS = {
    "threshold": "threshold (percent)",
    "floor": "pairs from (percent)",
    "n_images": "images compared",
    "to": "target folder",
    "rule": "rule for keepers",
}


def write_report(
    path: str | os.PathLike[str],
    table: pd.DataFrame,
    *,
    plan: pd.DataFrame | None = None,
    record: Mapping[str, Any] | None = None,
    pairs: pd.DataFrame | None = None,
    images: pd.DataFrame | None = None,
    hint: str = "",
    title: str = "Duplicate images: what was decided and done",
    max_mb: float = MAX_MEGABYTES,
) -> Path:
    """Write a plan or a log to a file, by its ending: .csv, .json or .html.

    Parameters
    ----------
    path
        a new or existing file; an existing one is replaced.
    table
        a plan, or the log of what was done.
    plan
        beside a log, the plan it came from: threshold, method, rule and flags are taken from there.
    record
        why the threshold is what it is: any dict, such as a decision record.
    pairs, images
        the tables that the plan was made from. With them the HTML page is the explorer, and its
        slider works. Without them it shows the groups of the table only.
    hint
        a text above the groups of that explorer, such as what was not looked for.
    title
        of the HTML page.
    max_mb
        of the HTML page, in megabytes, as in `ThresholdExplorer.save_html`.

    Returns
    -------
    pathlib.Path
        the file, as an absolute path.

    Raises
    ------
    ValueError
        for another ending.

    Notes
    -----
    The HTML page is that of `ThresholdExplorer.save_html`: one file that loads nothing from
    elsewhere. It shows each image with its verdict, the reason, and what would be lost. Pictures
    are taken where a file is now: in its place, or in the target folder.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> log = pd.DataFrame({"group": [1], "image": ["a.png"], "action": ["keep"]})
    >>> log["reason"] = "the best of 2"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(dup.write_report(f"{folder}/log.csv", log).read_text())
    group,image,action,reason
    1,a.png,keep,the best of 2
    """
    check_table("table", table, ("image",), "choose_keepers(groups, images) or apply_plan(plan)")
    if plan is not None:
        check_table("plan", plan, ("image",), "choose_keepers(groups, images)")
    target = Path(os.path.abspath(path))
    ending = target.suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(f"path must end in {', '.join(ENDINGS)}, and {target.name!r} does not")
    settings = {
        name: value
        for source in (plan, table)
        if source is not None
        for name, value in source.attrs.items()
    }
    merged = _with_plan(table, plan)
    if ending == ".html":
        content = _page_content(merged, pairs, images, hint)
        content.data["headings"] = _headings(merged, settings, record or {})
        parts = str(ThresholdExplorer._esm), str(ThresholdExplorer._css)
        return write_page(target, join_page(content, *parts, title, max_mb))
    text = (
        merged.to_csv(index=False, lineterminator="\n")
        if ending == ".csv"
        else _to_json(merged, settings, dict(record or {}), title)
    )
    # names may hold what UTF-8 cannot: written out as \udc.. rather than lost with the report
    write_result(target, text.encode("utf-8", "backslashreplace"))
    return target


def _with_plan(table: pd.DataFrame, plan: pd.DataFrame | None) -> pd.DataFrame:
    """Add the columns that only the plan has."""
    if plan is None:
        return table
    extra = [name for name in plan if name not in table]
    return table.merge(plan[["image", *extra]], on="image", how="left")


# -- for programs ----------------------------------------------------------------------------------


def _to_json(
    table: pd.DataFrame, settings: dict[str, Any], record: dict[str, Any], title: str
) -> str:
    rows = [
        {name: _plain(value) for name, value in row.items()} for row in table.to_dict("records")
    ]
    content = {
        "title": title,
        "settings": _plain(settings),
        "decision_record": _plain(record),
        "rows": rows,
    }
    return json.dumps(content, indent=1) + "\n"


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it; NaN and NaT are null, whatever is foreign becomes text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | np.ndarray):
        return [_plain(inner) for inner in value]
    if isinstance(value, pd.DataFrame | pd.Series):
        return _plain(value.to_dict("records" if isinstance(value, pd.DataFrame) else "dict"))
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NaT or (isinstance(value, float) and not np.isfinite(value)):
        return None
    return value if isinstance(value, str | int | float | bool) else str(value)


# -- for people ------------------------------------------------------------------------------------


class _UnseenExplorer(ThresholdExplorer):
    """An explorer that is only written to a page."""

    def open(self) -> None:
        """Open no channel to a browser."""


def _page_content(
    table: pd.DataFrame, pairs: pd.DataFrame | None, images: pd.DataFrame | None, hint: str
) -> PageContent:
    """Return what the page shows: the explorer of the pairs, or the groups of the table alone."""
    rows = table.assign(
        words=[_verdict(row) for row in table.to_dict("records")],
        action=np.where(_stays(table), "keep", "remove"),
    )
    if pairs is None:
        return _content_of_groups(rows)
    threshold = table.attrs.get("threshold")
    traits = {} if threshold is None else {"threshold": threshold}
    explorer = _UnseenExplorer(pairs, images, hint=hint, **traits)
    content = explorer_content(explorer, rows)
    explorer.close()
    return content


def _content_of_groups(table: pd.DataFrame) -> PageContent:
    """Return the groups of a plan, which no threshold changes."""
    none = pd.DataFrame({"left": [], "right": [], "similarity": []}, dtype=object)
    none = none.astype({"similarity": float})
    none.attrs = {"floor": 100.0, "method": "plan", "n_images": len(table)}
    explorer = _UnseenExplorer(none)
    data = explorer_content(explorer).data
    explorer.close()
    table = table.sort_values("group", kind="stable", key=lambda group: group.where(group > 0, 9e9))
    table = table.reset_index(drop=True)
    names = [str(name) for name in table.image]
    facts = facts_by_name(table)
    starts = np.flatnonzero(table.group.ne(table.group.shift()))
    percents = table.similarity if "similarity" in table else pd.Series(np.nan, table.index)
    method = data["methods"]["plan"]
    method["images"] = list(range(len(table)))
    method["groups"] = {
        "image": method["images"],
        "similarity": [_plain(value) for value in percents],
        "start": starts.tolist(),
        "weakest": [None] * len(starts),
        "numbers": [int(table.group[start]) for start in starts],
    }
    method["scene"]["pictures"] = True
    data |= {
        "names": names,
        "facts": [facts.get(name, "") for name in names],
        "plan": plan_rows(table, names),
    }
    order = list(range(len(table)))
    return PageContent(data, paths_of([table], names), order, order)


def _headings(
    table: pd.DataFrame, settings: Mapping[str, Any], record: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the sums that must add up, the settings, and why the threshold is what it is."""
    shown = {
        SETTING_WORDS.get(name, name): settings[name]
        for name in SHOWN_SETTINGS
        if settings.get(name) not in (None, "")
    }
    sections = [("Settings", shown), ("Why this threshold", record)]
    return {
        "numbers": _sums(table),
        "sections": [[name, _in_words(entries)] for name, entries in sections if entries],
    }


def _sums(table: pd.DataFrame) -> list[tuple[str, str]]:
    stays = _stays(table)
    numbers = {
        "files in groups": f"{len(table):,}",
        "groups": f"{table.group[table.group > 0].nunique():,}",
        "stay": f"{int(stays.sum()):,}",
        _word_for_going(table): f"{int((~stays).sum()):,}",
    }
    if "bytes" in table:
        numbers["MB in them"] = f"{table.bytes[~stays].sum() / 1e6:,.1f}"
    if "loses" in table:
        numbers["hold more than their keeper"] = f"{int((table.loses.fillna('') != '').sum()):,}"
    if "status" in table:
        left_out = table.status.isin(["skipped", "failed", "not reached", "not restored"])
        if left_out.any():
            numbers["not done"] = f"{int(left_out.sum()):,}"
    return [(value, name) for name, value in numbers.items()]


def _in_words(value: Any) -> Any:
    """Return a value as texts in lists and dicts."""
    plain = _plain(value)
    if isinstance(plain, dict):
        return {name: _in_words(inner) for name, inner in plain.items()}
    if isinstance(plain, list):
        return [_in_words(inner) for inner in plain]
    return "" if plain is None else f"{plain:g}" if isinstance(plain, float) else str(plain)


def _stays(table: pd.DataFrame) -> pd.Series:
    """Tell which files are, after it all, where they were; a copied file is."""
    if "status" not in table:
        return table.action != "remove"
    return ~(
        table.status.isin(["done", "would be done", "cut short"])
        & ~table.action.isin(["copy", "keep"])
    )


def _word_for_going(table: pd.DataFrame) -> str:
    if "status" not in table:
        return "to be removed"
    return "would go" if (table.status == "would be done").any() else "gone"


def _verdict(row: Mapping[str, Any]) -> str:
    status = row.get("status", "kept")
    if status == "kept":
        return str(row["action"])
    words = DONE_WORDS.get(row["action"], row["action"])
    return str(words) if status == "done" else f"{row['action']}: {status}"

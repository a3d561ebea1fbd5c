"""What was decided and done, as a file: CSV and JSON for programs, one HTML page for people."""

from __future__ import annotations

import base64
import html
import json
import os
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..engine.checks import check_table, count_of
from ..engine.decode import UnreadableImage, thumbnail
from ..engine.parallel import each, map_batches
from ..engine.paths import write_whole
from .log import DONE_WORDS

THUMBNAIL_SIDE = 160  # pixels; about 5 kB in the page
MAX_THUMBNAILS = 2000  # about 10 MB of page

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
    title: str = "Duplicate images: what was decided and done",
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
    title
        of the HTML page.

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
    The HTML page is one file without scripts and without anything loaded from elsewhere; its
    thumbnails (of the first 2,000 images) are inside, about 5 kB each. They are taken where a file
    is now: in its place, or in the target folder.

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
    writers = {".csv": _to_csv, ".json": _to_json, ".html": _to_html}
    if target.suffix.lower() not in writers:
        raise ValueError(f"path must end in {', '.join(writers)}, and {target.name!r} does not")
    settings = {
        name: value
        for source in (plan, table)
        if source is not None
        for name, value in source.attrs.items()
    }
    merged = _with_plan(table, plan)
    text = writers[target.suffix.lower()](merged, settings, dict(record or {}), title)
    # names may hold what UTF-8 cannot: written out as \udc.. rather than lost with the report
    write_whole(os.path.realpath(target), text.encode("utf-8", "backslashreplace"))
    return target


def _with_plan(table: pd.DataFrame, plan: pd.DataFrame | None) -> pd.DataFrame:
    """Add the columns that only the plan has."""
    if plan is None:
        return table
    extra = [name for name in plan if name not in table]
    return table.merge(plan[["image", *extra]], on="image", how="left")


# -- for programs ----------------------------------------------------------------------------------


def _to_csv(
    table: pd.DataFrame, _settings: dict[str, Any], _record: dict[str, Any], _title: str
) -> str:
    return table.to_csv(index=False, lineterminator="\n")


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


def _to_html(
    table: pd.DataFrame, settings: dict[str, Any], record: dict[str, Any], title: str
) -> str:
    style = (files(__package__) / "report.css").read_text(encoding="utf-8")
    pictures = _thumbnails(table.head(MAX_THUMBNAILS))
    body = [
        f"<h1>{_esc(title)}</h1>",
        _numbers(table),
        _definitions(
            {
                SETTING_WORDS.get(name, name): settings[name]
                for name in SHOWN_SETTINGS
                if settings.get(name) not in (None, "")
            }
        ),
        *(["<h2>Why this threshold</h2>", _definitions(record)] if record else []),
        *_groups(table, pictures),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n<meta name="color-scheme" '
        'content="light dark">\n'
        f"<title>{_esc(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _esc(value: Any) -> str:
    return html.escape(str(value), quote=True)


def _numbers(table: pd.DataFrame) -> str:
    """Return the sums that must add up, as large numbers."""
    stays = _stays(table)
    numbers = {
        "files in groups": f"{len(table):,}",
        "groups": f"{table.group[table.group > 0].nunique():,}",
        "stay": f"{int(stays.sum()):,}",
        _word_for_going(table): f"{int((~stays).sum()):,}",
    }
    if "bytes" in table:
        numbers["MB in them"] = f"{table.bytes[~stays].sum() / 1e6:,.1f}"
    if "status" in table:
        left_out = table.status.isin(["skipped", "failed", "not reached", "not restored"])
        if left_out.any():
            numbers["not done"] = f"{int(left_out.sum()):,}"
    items = "".join(
        f"<div><b>{value}</b><span>{_esc(name)}</span></div>" for name, value in numbers.items()
    )
    return f'<div class="numbers">{items}</div>'


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


def _definitions(entries: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<dt>{_esc(name)}</dt><dd>{_value(value)}</dd>" for name, value in entries.items()
    )
    return f"<dl>{rows}</dl>" if rows else ""


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _definitions(value)
    plain = _plain(value)
    if isinstance(plain, list):
        return "<ul>" + "".join(f"<li>{_value(inner)}</li>" for inner in plain) + "</ul>"
    return _esc("" if plain is None else f"{plain:g}" if isinstance(plain, float) else plain)


def _groups(table: pd.DataFrame, pictures: dict[Any, bytes]) -> Iterator[str]:
    for number, rows in table.groupby("group"):
        weakest = rows.similarity.min() if "similarity" in rows else np.nan
        note = "" if np.isnan(weakest) else f", from {weakest:.1f} %"
        heading = f"Group {number}" if number else "Not duplicates"
        size = count_of(len(rows), "file")
        yield f'<section><h2>{heading} <small>{size}{note}</small></h2><div class="tiles">'
        for place, row in rows.iterrows():
            yield _picture_html(row, pictures.get(place, b""))
        yield "</div></section>"


def _picture_html(row: pd.Series, jpeg: bytes) -> str:
    goes = not bool(_stays(row.to_frame().T).iloc[0])
    picture = (
        '<img alt="" loading="lazy" '
        f'src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode("ascii")}">'
        if jpeg
        else '<span class="none">no picture</span>'
    )
    verdict = _verdict(row)
    lines = [
        f'<b class="verdict">{"✗" if goes else "✓"} {_esc(verdict)}</b>',
        f"<bdi>{_esc(row.image)}</bdi>",
    ]
    lines += [
        f'<span class="{name}">{_esc(row[name])}</span>'
        for name in ("reason", "note", "flag")
        if row.get(name)
    ]
    kind, caption = "goes" if goes else "stays", "".join(lines)
    return f'<figure class="{kind}">{picture}<figcaption>{caption}</figcaption></figure>'


def _verdict(row: pd.Series) -> str:
    if "status" not in row or row.status == "kept":
        return str(row.action)
    return (
        DONE_WORDS.get(row.action, row.action)
        if row.status == "done"
        else f"{row.action}: {row.status}"
    )


def _thumbnails(table: pd.DataFrame) -> dict[Any, bytes]:
    """Return a JPEG of each row's image, by the row's label, from where its file is now."""
    columns = [table[name] for name in ("source", "path", "target") if name in table]
    places = [
        [str(path) for path in paths if isinstance(path, str) and path]
        for paths in zip(*columns, strict=True)
    ]
    made = map_batches(partial(each, _thumbnail), places, describe="thumbnails")
    return dict(zip(table.index, made, strict=False))


def _thumbnail(paths: list[str]) -> bytes:
    for path in paths:
        try:
            return thumbnail(path, THUMBNAIL_SIDE)
        except UnreadableImage:
            continue  # moved, or gone: perhaps it is at the next place
    return b""

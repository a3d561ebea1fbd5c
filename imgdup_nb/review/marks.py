"""The marks that somebody made in a page without a kernel: what stays, what is removed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from ..engine.checks import check_saved_file

MARKS_FORMAT = "imgdup_nb marks"  # as `assets/page_marks.js` writes it
MARKS = ("keep", "remove")


def read_marks(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return image -> "keep" or "remove" of a file that a page has saved.

    Raises
    ------
    FileNotFoundError, ValueError
        if there is no such file, or it is not a file of marks.
    """
    path = check_saved_file("keep", path, "marks.json")
    try:
        with open(path, encoding="utf-8") as file:
            content = json.loads(file.read())
        is_known = content["format"] == MARKS_FORMAT
        marks = {str(row["image"]): row["mark"] for row in content["marks"]}
    except (ValueError, TypeError, KeyError) as error:
        raise _no_marks(path) from error
    if not is_known or not set(marks.values()) <= set(MARKS):
        raise _no_marks(path)
    return marks


def _no_marks(path: Any) -> ValueError:
    return ValueError(
        f"keep names {os.fspath(path)!r}, which is not a file of marks; the button 'Save marks' of "
        "a page writes one"
    )


def kept_by_marks(
    marks: Mapping[str, str], members: Mapping[int, Iterable[Mapping[str, Any]]]
) -> dict[int, list[str]]:
    """Return group -> what stays there by the marks, for the groups that hold a marked image.

    Marked "keep": these stay. If a group has only images marked "remove", all others stay.

    Examples
    --------
    >>> members = {1: [{"image": "a"}, {"image": "b"}, {"image": "c"}], 2: [{"image": "d"}]}
    >>> kept_by_marks({"b": "remove"}, members), kept_by_marks({"c": "keep"}, members)
    ({1: ['a', 'c']}, {1: ['c']})
    """
    kept = {}
    for group, rows in members.items():
        names = [row["image"] for row in rows]
        keep = [name for name in names if marks.get(name) == "keep"]
        if not keep and any(name in marks for name in names):
            keep = [name for name in names if name not in marks]
        if keep:
            kept[group] = keep
    return kept

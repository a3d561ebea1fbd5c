"""What a journal may say: each line is checked before anybody acts on it.

A journal may come from somebody else, or from a damaged disk. It names files, and `undo` acts on
them. So every path must be one that a run would have written. A target is below the target folder.
An unfinished file has one of our names and is in the folder of the source or the target.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ..engine.paths import is_inside

Record = dict[str, Any]

VERSION = 2
READABLE = (1, 2)  # version 1 has no side files, no links and no written metadata

PART_NAME = re.compile(r"\.imgdup-[0-9a-f]{32}\.part")
DIGEST = re.compile(r"[0-9a-f]{64}|")
ACTIONS = ("move", "trash", "copy", "hardlink", "symlink", "delete", "organise")
NEEDS_TARGET = {"move", "copy", "organise"}
NEEDS_KEEPER = {"delete", "hardlink", "symlink"}  # acts after which a file is nowhere else
EVENTS = ("begun", "done", "skipped", "failed", "undoing", "restored", "not restored")
MAX_NUMBER = 2**63


def read_journal(path: str) -> tuple[Record, list[Record]]:
    """Return the first line of a journal and the others.

    Half a line, written when a run was killed, is ignored.

    Raises
    ------
    FileNotFoundError
        if there is none.
    ValueError
        if the first line is not that of a journal, or a line says what no run would write.
    """
    with open(path, "rb") as file:
        first, *others = file.read().split(b"\n")
    header = _parse(first)
    if header is None or header.get("journal") not in READABLE:
        raise ValueError(
            f"{path!r} is not a journal of apply_plan, or its run ended before it did anything; "
            "the first line of a journal is the plan"
        )
    records = [record for record in map(_parse, others) if record is not None]
    try:
        _check_header(header)
        for record in records:
            _check_record(record, header)
    except _Damage as damage:
        raise ValueError(
            f"{path!r} is a damaged journal, or not one of apply_plan: {damage}; nothing was "
            "changed"
        ) from None
    return header, records


def _parse(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


class _Damage(Exception):
    """A journal says what no run would write; the text names it."""


# -- the first line --------------------------------------------------------------------------------


def _check_header(header: Record) -> None:
    _need(header.get("action") in ACTIONS, "its action is unknown")
    to = header.get("to")
    _need(to == "" or is_path(to), "its target folder is not an absolute path of this computer")
    rows = header.get("rows")
    _need(isinstance(rows, list), "it has no rows")
    assert isinstance(rows, list)
    for number, row in enumerate(rows):
        _need(isinstance(row, dict), f"row {number} is not a record")
        for name, is_good in ROW_FIELDS.items():
            _need(
                name in row and is_good(row[name]), f"row {number} has no {name!r}, or a wrong one"
            )
        for name, is_good in EXTRA_FIELDS.items():
            _need(name not in row or is_good(row[name]), f"row {number} has a wrong {name!r}")
        _need(not row["acts"] or row["by"] not in NEEDS_TARGET or to, "it has no target folder")
        _need(
            not row["acts"] or row["by"] not in NEEDS_KEEPER or row["keepers"],
            f"row {number} has no keeper",
        )
        for other in row.get("needs", []):
            _need(other < number, f"row {number} needs one that comes later")
        _need(
            row["by"] not in FIELDS_OF_TASK or FIELDS_OF_TASK[row["by"]] <= set(row),
            f"row {number} lacks a field",
        )
        _need("of" not in row or row["of"] < len(rows), f"row {number} belongs to none")


def is_path(value: Any) -> bool:
    """Tell whether a value is an absolute path that this system can open."""
    return _is_plain_text(value) and os.path.isabs(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_plain_text(value: Any) -> bool:
    """Tell whether a text can be written to the disk."""
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return True


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_NUMBER


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int) and not isinstance(value, bool) and -MAX_NUMBER <= value < MAX_NUMBER
    )


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def _are_keepers(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and is_path(pair[0]) and _is_digest(pair[1])
        for pair in value
    )


def _are_counts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_count, value))


FIELDS_OF_TASK = {
    "repoint": {"old", "of"},
    "write": {"text", "unless", "of"},
}  # what these rows need besides
ROW_FIELDS: dict[str, Callable[[Any], bool]] = {
    "group": _is_number,
    "image": _is_text,
    "reason": _is_text,
    "source": is_path,
    "bytes": _is_count,
    "sha256": _is_digest,
    "name": _is_text,
    "acts": _is_flag,
    "frees": _is_count,
    "by": lambda by: isinstance(by, str) and by in {*ACTIONS, *FIELDS_OF_TASK},
    "kept": _is_flag,
    "keepers": _are_keepers,
}
EXTRA_FIELDS: dict[str, Callable[[Any], bool]] = {
    "of": _is_count,  # the row of the picture that this file belongs to
    "needs": _are_counts,  # rows that must be done first
    "tail": _is_text,  # what follows the picture's name in that of its side file
    "whole": _is_flag,  # does the name of the side file begin with the picture's whole name?
    "old": _is_plain_text,  # what a link led to
    "text": _is_plain_text,  # what a new side file holds
    "unless": lambda value: isinstance(value, list) and all(map(is_path, value)),
    "remark": _is_text,  # said in the log when the row is done
}


# -- the other lines -------------------------------------------------------------------------------


def _check_record(record: Record, header: Record) -> None:
    if "folder" in record:
        folder = record["folder"]
        _need(
            is_path(folder) and _is_below(folder, header["to"]),
            "it names a folder outside of its target folder",
        )
        return
    number = record.get("row")
    if number is None:
        return
    _need(_is_count(number) and number < len(header["rows"]), "it names a row that is not there")
    row = header["rows"][number]
    _need(record.get("event") in EVENTS, f"row {number} has an unknown event")
    for name, is_good in RECORD_FIELDS.items():
        _need(name not in record or is_good(record[name]), f"row {number} has a wrong {name!r}")
    if record["event"] == "begun":
        missing = BEGUN_FIELDS.get(row["by"], FILE_FIELDS) - set(record)
        _need(not missing, f"row {number} began without {', '.join(sorted(missing))}")
    target = record.get("target", "")
    _need(
        target == "" or (is_path(target) and _is_below(target, header["to"])),
        f"the target of row {number} lies outside of the target folder",
    )
    keepers = [path for path, _ in row["keepers"]]
    _need(
        "keeper" not in record or record["keeper"] in keepers, f"row {number} names another keeper"
    )
    for role in ("part", "link", "back"):
        if role in record:
            _need(
                _is_our_part(record[role], row["source"], header["to"]),
                f"row {number} names an unfinished file that is not one of ours",
            )


def _is_when(value: Any) -> bool:
    """Tell whether a value is a time in UTC that a table can hold."""
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return time.utcoffset() == timedelta(0) and 1970 <= time.year < 2262


RECORD_FIELDS: dict[str, Callable[[Any], bool]] = {
    "when": _is_when,
    "why": _is_text,
    "mode": _is_count,
    "accessed": _is_number,
    "modified": _is_number,
    "new": _is_plain_text,
}


FILE_FIELDS = {"mode", "accessed", "modified"}  # what must be known of a file to restore it
BEGUN_FIELDS = {"repoint": {"new", "part"}, "write": {"part"}}


def _is_our_part(path: Any, source: str, to: str) -> bool:
    """Tell whether a path is that of an unfinished file beside the source, or in the target."""
    if not is_path(path) or not PART_NAME.fullmatch(os.path.basename(path)):
        return False
    return os.path.dirname(path) == os.path.dirname(source) or _is_below(path, to)


def _is_below(path: str, folder: str) -> bool:
    """Tell whether a path lies in a folder, by its spelling."""
    inner, outer = os.path.normpath(path), os.path.normpath(folder)
    return bool(folder) and inner != outer and is_inside(inner, outer, follow_links=False)


def _need(is_true: Any, what: str) -> None:
    if not is_true:
        raise _Damage(what)

"""The log of a run, as a table, and what it says in a sentence or two."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ..engine.checks import count_of
from .journal_format import Record
from .run import LINKS

DONE_WORDS = {
    "move": "moved",
    "trash": "put into the trash",
    "copy": "copied",
    "hardlink": "replaced by a hard link",
    "symlink": "replaced by a symbolic link",
    "delete": "deleted",
    "organise": "organised",
}
LOG_COLUMNS = [
    "group",
    "image",
    "action",
    "status",
    "note",
    "reason",
    "bytes",
    "frees",
    "source",
    "target",
    "sha256",
    "when",
    "undo",
]
STATUS_WORDS = {"would": "would be done", "begun": "cut short", "undoing": "undo cut short"}
DONE = {"done", "would"}
HAS_TARGET = {"done", "begun", "undoing", "not restored", "would"}


def make_log(
    header: Record, states: dict[int, Record], *, dry_run: bool, journal: str
) -> pd.DataFrame:
    """Return the log: one row for each row of the plan.

    Parameters
    ----------
    states
        row number -> what is known of it; see `journal.Journal`.
    journal
        the path of its file, or "".
    """
    rows = header["rows"]
    followers: dict[int, list[int]] = {}
    for number, row in enumerate(rows):
        if "of" in row:
            followers.setdefault(row["of"], []).append(number)
    records = [
        _log_row(header, number, states, followers.get(number, []))
        for number, row in enumerate(rows)
        if "of" not in row
    ]
    table = pd.DataFrame(
        {
            name: pd.Series([record[name] for record in records], dtype=_dtype(name))
            for name in LOG_COLUMNS
        }
    )
    done = [
        row["by"]
        for number, row in enumerate(rows)
        if "of" in row and _event(states, number) in DONE
    ]
    n_links, n_written = done.count("repoint"), done.count("write")
    table.attrs = {
        "journal": journal,
        "action": header["action"],
        "to": header["to"],
        "dry_run": dry_run,
        "n_side_files": len(done) - n_links - n_written,
        "n_links": n_links,
        "n_written": n_written,
    }
    return table


def _dtype(column: str) -> Any:
    return (
        np.int64
        if column in {"group", "bytes", "frees"}
        else "datetime64[ns, UTC]"
        if column == "when"
        else object
    )


def _event(states: dict[int, Record], number: int) -> str:
    return str(states.get(number, {}).get("event", ""))


def _log_row(
    header: Record, number: int, states: dict[int, Record], followers: list[int]
) -> Record:
    row, state = header["rows"][number], states.get(number, {"event": ""})
    event = state["event"]
    status = STATUS_WORDS.get(event, event) or "not reached"
    if not row["acts"]:
        status = "kept"
    return {
        "group": row["group"],
        "image": row["image"],
        "action": row["by"] if row["acts"] else "keep",
        "status": status,
        "note": "; ".join(_notes(header["rows"], number, states, followers)),
        "reason": row["reason"],
        "bytes": row["bytes"],
        "frees": row["frees"] if event in DONE else 0,
        "source": row["source"],
        "target": state.get("target", "") if event in HAS_TARGET else "",
        "sha256": row["sha256"],
        "when": pd.Timestamp(state["when"]) if "when" in state else pd.NaT,
        "undo": _way_back(header, row) if event in DONE else "",
    }


def _notes(
    rows: list[Record], number: int, states: dict[int, Record], followers: list[int]
) -> Iterator[str]:
    """Yield what is said of a picture and of what follows it."""
    row = rows[number]
    if why := states.get(number, {}).get("why", ""):
        yield why
    if row["acts"] and _event(states, number) not in DONE | {"restored", "not restored"}:
        return
    if row.get("remark") and _event(states, number) not in {"restored", "not restored"}:
        yield row["remark"]
    for follower in followers:
        state, name = states.get(follower, {}), os.path.basename(rows[follower]["source"])
        if state.get("event") in DONE:
            yield _followed(rows[follower], name)
        elif state.get("why"):
            yield f"{name}: {state['why']}"


def _followed(row: Record, name: str) -> str:
    if row["by"] == "repoint":
        return f"the link {name} leads to what stays"
    return f"metadata in {name}" if row["by"] == "write" else f"with {name}"


def _way_back(header: Record, row: Record) -> str:
    has_twin = any(sha256 == row["sha256"] for _, sha256 in row["keepers"])
    if row["by"] in {"trash", "delete"}:
        return (
            "copy from the keeper"
            if has_twin
            else "from the trash, by hand"
            if row["by"] == "trash"
            else "impossible"
        )
    if row["by"] in LINKS and not header["to"]:
        return "copy from the keeper"
    return "remove the copy" if row["by"] == "copy" else "move back"


# -- in words --------------------------------------------------------------------------------------


def summarise(log: pd.DataFrame) -> str:
    """Say what happened, to how many files, how many bytes are free, and how to go back."""
    hit = log[log.status.isin(["done", "would be done"])]
    n_kept, would = (log.status == "kept").sum(), "would be " if log.attrs["dry_run"] else ""
    lines = [
        f"{count_of(len(hit), 'file')} ({megabytes(hit.bytes.sum())}) {would}"
        f"{DONE_WORDS[log.attrs['action']]}, {count_of(n_kept, 'file')} kept.",
        *_followers(log, would),
        f"Disk space {would}freed: {megabytes(hit.frees.sum())}.",
    ]
    left = log[log.status.isin(["skipped", "failed", "not reached"])]
    if len(left):
        lines.append(
            f"{count_of(len(left), 'file')} {would}left alone: {'; '.join(_reasons(left))}."
        )
    if len(hit):
        lines.append(
            "To do it, say dry_run=False." if log.attrs["dry_run"] else _how_to_go_back(hit)
        )
    return " ".join(lines)


def _followers(log: pd.DataFrame, would: str) -> Iterator[str]:
    attrs, word = log.attrs, DONE_WORDS[log.attrs["action"]]
    if attrs["n_side_files"]:
        yield f"{count_of(attrs['n_side_files'], 'side file')} {would}{word} with them."
    if attrs["n_links"]:
        yield f"{count_of(attrs['n_links'], 'symbolic link')} {would}led to what stays."
    if attrs["n_written"]:
        yield f"{count_of(attrs['n_written'], 'side file')} with metadata {would}written."


def _how_to_go_back(hit: pd.DataFrame) -> str:
    lost = hit.undo.isin(["impossible", "from the trash, by hand"]).sum()
    where = "in the trash" if hit.attrs["action"] == "trash" else "gone for good"
    if not lost:
        return "To go back: undo(log)."
    if lost == len(hit):
        return f"They are {where}: undo(log) cannot bring them back."
    return f"To go back: undo(log), for {len(hit) - lost:,} of them; the others are {where}."


def _reasons(left: pd.DataFrame) -> Iterator[str]:
    notes = left.note.where(left.note != "", "not reached")
    for note, count in notes.value_counts().head(3).items():
        yield f"{count} x {note}"


def megabytes(n_bytes: int) -> str:
    """Say a number of bytes; from 50,000 on in millions.

    Examples
    --------
    >>> megabytes(2400), megabytes(5_700_000)
    ('2,400 bytes', '5.7 MB')
    """
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 50_000 else f"{n_bytes:,} bytes"

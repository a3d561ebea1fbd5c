"""The plan -> files moved, linked or removed, and back: nothing is done without a plan, a dry run and a journal.

`apply_plan` shows what it would do until it is told `dry_run=False`. Whatever ends a run, be it a
full disk or a power cut, every picture is whole where it was or where the journal says; `resume`
continues, `undo` goes back.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from ..engine.checks import check_choice, check_plan_table, count_of
from ..engine.files import is_url
from ..engine.paths import is_inside
from .files import native
from .journal import Journal, Record, read_journal
from .run import LINKS, NEEDS_TARGET, Run

ACTIONS = ["move", "trash", "copy", "hardlink", "symlink", "delete", "organise"]
PLANNED = ["keep", "remove"]
NEEDED = ["group", "image", "action", "path", "bytes", "sha256"]

DONE_WORDS = {
    "move": "moved", "trash": "put into the trash", "copy": "copied", "hardlink": "replaced by a hard link",
    "symlink": "replaced by a symbolic link", "delete": "deleted", "organise": "organised",
}  # fmt: skip

LOG_COLUMNS = [
    "group", "image", "action", "status", "note", "reason", "bytes", "frees", "source", "target", "sha256", "when", "undo",
]  # fmt: skip


def apply_plan(
    plan: pd.DataFrame,
    *,
    action: str = "move",
    to: str | os.PathLike[str] | None = None,
    dry_run: bool = True,
    confirm: str = "",
    move: bool = False,
    journal: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Do to the files of a plan what it says, or show what would be done.

    Parameters
    ----------
    plan
        made by `choose_keepers`, perhaps edited: the rows whose action is "remove" are acted on.
    action : {'move', 'trash', 'copy', 'hardlink', 'symlink', 'delete', 'organise'}
        'move': to the folder `to`, under the names they have in the collection. 'trash': into the
        trash of this computer. 'copy': to the folder `to`; the files stay. 'hardlink', 'symlink': a
        link to the group's keeper takes the file's place. A file whose bytes differ from the
        keeper's is saved in `to` before; without `to` it is left alone. 'delete': for ever; needs
        `confirm="delete"`. 'organise': a folder for each group is made in `to`, with copies of all
        its files, kept ones included.
    to
        a folder, new or old, outside of the pictures it is to take. Nothing in it is ever
        overwritten: a name that is taken becomes "name (2)".
    dry_run
        True only looks, prints what would happen, and changes nothing.
    confirm
        the word "delete", for that action.
    move
        for 'organise': move the files instead of copying them; those of protected folders are
        copied all the same.
    journal
        a new file for the journal. None makes one of the name ``.imgdup-log-<time>.jsonl`` in `to`,
        or in the folder that holds all the images.

    Returns
    -------
    pandas.DataFrame, the log, one row per row of the plan:
        group, image, action (what was done, or "keep"), status ("done", "kept", "skipped",
        "failed", "not reached"; in a dry run "would be done"), note (why it was skipped or failed),
        reason (the plan's), bytes, frees (bytes of disk space), source, target, sha256, when (UTC),
        undo (what `undo` can do). `attrs`: journal (path of the file, empty for a dry run), action,
        to, dry_run.

    Raises
    ------
    ValueError
        if the plan would leave a group without a keeper, an image has two rows, files are at URLs
        (those are not changed), or the arguments do not go together.
    OSError
        if the journal cannot be made.

    Warns
    -----
    UserWarning
        if files were skipped or failed, or the run had to stop.

    Notes
    -----
    Right before a file is touched it is read once more: it must be what was scanned, and so must a
    keeper of its group, which must not be the same file under another name. What is about to happen
    is on the disk (fsync) before it happens: about 10 ms a file. Times and permissions are kept.
    """
    check_choice("action", action, ACTIONS)
    rows = _check_plan(plan)
    folder = _check_target(action, to, plan)
    if action == "delete" and not dry_run and confirm != "delete":
        raise ValueError(
            'deleting cannot be undone: say confirm="delete", or use action="move" or "trash"'
        )
    keepers = _keepers(rows)
    header: Record = {
        "action": action,
        "to": folder,
        "rows": [_row(row, keepers, action, folder, move) for row in rows],
    }
    if dry_run:
        return _dry_run(header)
    if not any(row["acts"] for row in header["rows"]):
        return _table(header, {}, dry_run=False, journal="")
    if folder:
        os.makedirs(folder, exist_ok=True)
    place = os.path.abspath(journal) if journal else _journal_name(folder or _common_folder(rows))
    with Journal.create(native(place), header) as opened:
        print(
            f"Journal: {os.fspath(journal) if journal else place}"
        )  # now: it is what a killed run leaves
        return _finish(Run(header, opened), opened)


def resume(log: pd.DataFrame | str | os.PathLike[str]) -> pd.DataFrame:
    """Continue a run that was stopped or killed; files that were skipped or failed are tried again.

    Parameters
    ----------
    log
        what `apply_plan` returned, or the path of its journal.

    Returns
    -------
    pandas.DataFrame
        the log of the whole run.

    Raises
    ------
    ValueError
        if the run has been undone, in part or in whole.
    BlockingIOError
        if it is still at work.
    """
    with Journal.open(_journal_path(log)) as opened:
        if any(
            state["event"] in {"undoing", "restored", "not restored"}
            for state in opened.states.values()
        ):
            raise ValueError(
                "the run has been undone, in part or in whole: undo(log) continues that, "
                "apply_plan(plan) begins anew"
            )
        if opened.header["to"]:
            os.makedirs(opened.header["to"], exist_ok=True)
        return _finish(Run(opened.header, opened), opened)


def undo(log: pd.DataFrame | str | os.PathLike[str]) -> pd.DataFrame:
    """Bring every file back to where and what it was, byte for byte and with its times, as far as that is possible.

    Parameters
    ----------
    log
        what `apply_plan` returned, or the path of its journal; the run may have been cut short.

    Returns
    -------
    pandas.DataFrame
        the log; the status of the files it was about is "restored" or "not restored", with the
        reason in the note: deleted for ever, in the trash, changed since, or something else in its
        place. Nothing is overwritten to make room.

    Raises
    ------
    BlockingIOError
        if the run is still at work.

    Warns
    -----
    UserWarning
        if a file could not be restored.
    """
    with Journal.open(_journal_path(log)) as opened:
        run = Run(opened.header, opened)
        outcomes = [outcome for _, outcome, _ in run.undo()]
        table = _table(opened.header, opened.states, dry_run=False, journal=opened.path)
    lost = outcomes.count("not restored")
    print(f"{count_of(outcomes.count('restored'), 'file')} restored.")
    if run.stopped:
        warnings.warn(f"the undo stopped: {run.stopped}; undo(log) continues it", stacklevel=2)
    elif lost:
        warnings.warn(
            f"{count_of(lost, 'file')} could not be restored; see log[log.status == 'not "
            "restored']",
            stacklevel=2,
        )
    return table


def read_log(journal: str | os.PathLike[str]) -> pd.DataFrame:
    """Return the log of a run from its journal, however the run ended.

    Raises
    ------
    FileNotFoundError, ValueError
        if there is no such file, or it is no journal.
    """
    path = os.path.abspath(journal)
    header, records = read_journal(native(path))
    states: dict[int, Record] = {}
    for record in records:
        if "row" in record:
            states.setdefault(record["row"], {"event": ""}).update({"why": ""} | record)
    return _table(header, states, dry_run=False, journal=path)


# -- what is asked for -----------------------------------------------------------------------------


def _check_plan(plan: pd.DataFrame) -> list[Record]:
    """Return the rows of a plan as dicts of Python values, or say what is wrong with it."""
    plan = check_plan_table("plan", plan, NEEDED)
    for action in plan.action.unique():
        check_choice("plan.action", action, PLANNED)
    elsewhere = [path for path in plan.path if is_url(path)]
    if elsewhere:
        raise ValueError(
            f"plan has files at URLs, such as {elsewhere[0]!r}, and files elsewhere are not "
            "changed from here; the paths to "
            "remove there are plan.path[plan.action == 'remove'], for the tools of that store"
        )
    paths = [os.path.abspath(path) for path in plan.path]
    for name, values in (("image", list(plan.image)), ("path", paths)):
        if len(set(values)) < len(values):
            twice = next(value for k, value in enumerate(values) if value in values[:k])
            raise ValueError(
                f"plan has two rows for the {name} {twice!r}: an image is in one group at most"
            )
    can_keep = (plan.action == "keep") & (plan.sha256 != "")
    left_without = set(plan.group[plan.action == "remove"]) - set(plan.group[can_keep])
    if left_without:
        listed = ", ".join(map(str, sorted(left_without)[:5]))
        raise ValueError(
            f"plan keeps no image of group {listed}: set the action of one row of each group to "
            "'keep'"
        )
    if (plan.sha256[plan.action == "remove"] == "").any():
        raise ValueError(
            "plan removes files without a digest (sha256), so nobody could tell if they changed: "
            "scan them again"
        )
    wanted = NEEDED + [name for name in ("reason", "protected") if name in plan]
    rows = plan[wanted].to_dict("records")
    return [row | {"path": path} for row, path in zip(rows, paths, strict=True)]


def _check_target(action: str, to: Any, plan: pd.DataFrame) -> str:
    """Return the folder `to` as an absolute path, "" for none."""
    if to is None:
        if action in NEEDS_TARGET:
            raise ValueError(
                f'action "{action}" needs a folder: apply_plan(plan, action="{action}", to="...")'
            )
        return ""
    if action not in NEEDS_TARGET | LINKS:
        raise ValueError(
            f'action "{action}" takes no folder, and to is {os.fspath(to)!r}; did you mean '
            'action="move"?'
        )
    folder = os.path.abspath(to)
    if os.path.lexists(folder) and not os.path.isdir(folder):
        raise NotADirectoryError(
            f"to must name a folder, new or old, and {os.fspath(to)!r} is a file"
        )
    inside = [
        image
        for image, path in zip(plan.image, plan.path, strict=True)
        if is_inside(os.path.dirname(path), folder)
    ]
    if inside:
        raise ValueError(
            f"to must lie outside of the pictures it takes, and {os.fspath(to)!r} holds "
            f"{inside[0]!r}"
        )
    return folder


def _row(
    row: Record, group_keepers: dict[int, list[list[str]]], action: str, folder: str, move: bool
) -> Record:
    """Return what the journal needs to know of one file; see `steps.Run`."""
    kept = row["action"] == "keep"
    name, by, acts = str(row["image"]), action, not kept
    if action == "organise":
        by = "move" if move and not row.get("protected", False) else "copy"
        acts, kept = row["group"] > 0, kept and by == "copy"
        name = f"group-{row['group']:03d}/{name.rpartition('/')[2]}"
    keepers = [] if kept or action in {"copy", "organise"} else group_keepers[row["group"]]
    return {
        "group": int(row["group"]),
        "image": str(row["image"]),
        "planned": row["action"],
        "reason": str(row.get("reason", "")),
        "source": row["path"],
        "bytes": int(row["bytes"]),
        "sha256": str(row["sha256"]),
        "name": name,
        "acts": bool(acts),
        "frees": _frees(row, by, folder) if acts else 0,
        "by": by,
        "kept": bool(kept),
        "keepers": keepers,
    }


def _keepers(rows: list[Record]) -> dict[int, list[list[str]]]:
    """Return the path and digest of each group's kept images."""
    keepers: dict[int, list[list[str]]] = {}
    for row in rows:
        if row["action"] == "keep" and row["sha256"]:
            keepers.setdefault(row["group"], []).append([row["path"], row["sha256"]])
    return keepers


def _common_folder(rows: list[Record]) -> str:
    folders = {os.path.dirname(row["path"]) for row in rows}
    try:
        return os.path.commonpath(folders)
    except ValueError as error:
        raise ValueError(
            "the images lie on several drives; say where the journal shall be: journal='...'"
        ) from error


def _journal_name(folder: str) -> str:
    """Return a new hidden name: the next scan of the folder passes it over."""
    stem = f".imgdup-log-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    numbers: Iterable[str] = ("", *(f"-{n}" for n in range(2, 1000)))
    free = (os.path.join(folder, f"{stem}{n}.jsonl") for n in numbers)
    return next(path for path in free if not os.path.lexists(path))


def _journal_path(log: Any) -> str:
    if isinstance(log, pd.DataFrame):
        path = log.attrs.get("journal", "")
        if not path:
            raise ValueError(
                "log has no journal: it is of a dry run, or its attrs got lost; pass the path of "
                "the journal itself"
            )
        return native(path)
    if not isinstance(log, str | os.PathLike):
        raise TypeError(
            "log must be what apply_plan returned, or the path of its journal, not "
            f"{type(log).__name__}"
        )
    return native(os.path.abspath(log))


# -- what was done ---------------------------------------------------------------------------------


def _dry_run(header: Record) -> pd.DataFrame:
    run = Run(header)
    states = {number: {"event": outcome, "why": why} for number, outcome, why in run.apply()}
    table = _table(header, states, dry_run=True, journal="")
    print(f"Dry run, nothing was changed. {_summary(table)}")
    return table


def _finish(run: Run, journal: Journal) -> pd.DataFrame:
    """Do all that is left to do and say how it went."""
    for _ in run.apply():
        pass
    table = _table(journal.header, journal.states, dry_run=False, journal=journal.path)
    print(_summary(table))
    if run.stopped:
        warnings.warn(
            f"the run stopped: {run.stopped}. resume(log) continues it, undo(log) goes back",
            stacklevel=3,
        )
    elif table.status.isin(["skipped", "failed"]).any():
        n_left = int(table.status.isin(["skipped", "failed"]).sum())
        left = f"{count_of(n_left, 'file')} {'was' if n_left == 1 else 'were'} left alone"
        warnings.warn(f"{left}; see log[log.note != '']", stacklevel=3)
    return table


def _table(
    header: Record, states: dict[int, Record], *, dry_run: bool, journal: str
) -> pd.DataFrame:
    """Return the log."""
    records = [
        _log_row(header, row, states.get(number, {"event": ""}))
        for number, row in enumerate(header["rows"])
    ]
    table = pd.DataFrame(
        {
            name: pd.Series([record[name] for record in records], dtype=_dtype(name))
            for name in LOG_COLUMNS
        }
    )
    table.attrs = {
        "journal": journal,
        "action": header["action"],
        "to": header["to"],
        "dry_run": dry_run,
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


def _log_row(header: Record, row: Record, state: Record) -> Record:
    event = state["event"]
    status = {"would": "would be done", "begun": "cut short", "undoing": "undo cut short"}.get(
        event, event
    )
    if not row["acts"]:
        status = "kept"
    elif not event:
        status = "not reached"
    is_done = event in {"done", "would"}
    target = state.get("target", "")
    return {
        "group": row["group"],
        "image": row["image"],
        "action": row["by"] if row["acts"] else "keep",
        "status": status,
        "note": state.get("why", ""),
        "reason": row["reason"],
        "bytes": row["bytes"],
        "frees": row["frees"] if is_done else 0,
        "source": row["source"],
        "target": target if event in {"done", "begun", "undoing", "not restored"} else "",
        "sha256": row["sha256"],
        "when": pd.Timestamp(state["when"]) if "when" in state else pd.NaT,
        "undo": _way_back(header, row) if is_done else "",
    }


def _frees(row: Record, by: str, folder: str) -> int:
    """Return the disk space that an act gives back, in bytes; moving within one disk and the trash give none."""
    frees = (
        by == "delete"
        or (by in LINKS and not folder)
        or (by == "move" and _device(row["path"]) != _device(folder))
    )
    return int(row["bytes"]) if frees else 0


def _device(path: str) -> int:
    """Return the number of the disk that a path lies on, or will when its folders have been made."""
    while not os.path.exists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return os.stat(path).st_dev


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


def _summary(table: pd.DataFrame) -> str:
    """Say in a sentence or two what a log tells."""
    hit = table[table.status.isin(["done", "would be done"])]
    done = DONE_WORDS[table.attrs["action"]]
    would = "would be " if table.attrs["dry_run"] else ""
    lines = [
        f"{count_of(len(hit), 'file')} ({_megabytes(hit.bytes.sum())}) {would}{done}, "
        f"{count_of((table.status == 'kept').sum(), 'file')} kept. Disk space {would}freed: "
        f"{_megabytes(hit.frees.sum())}."
    ]
    left = table[table.status.isin(["skipped", "failed", "not reached"])]
    if len(left):
        lines.append(
            f"{count_of(len(left), 'file')} {would}left alone: {'; '.join(_reasons(left))}."
        )
    return " ".join(lines)


def _reasons(left: pd.DataFrame) -> Iterator[str]:
    notes = left.note.where(left.note != "", "not reached")
    for note, count in notes.value_counts().head(3).items():
        yield f"{count} x {note}"


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 50_000 else f"{n_bytes:,} bytes"

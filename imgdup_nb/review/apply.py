"""Do what a plan says, continue it, go back: nothing is done without a plan and a journal.

`apply_plan` only shows what it would do until you say `dry_run=False`. A run may end at any moment,
for example by a full disk or a power cut. Each picture is then whole, in its place or where the
journal says. `resume` continues the run, `undo` goes back.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from ..engine.addresses import is_inside_a_source, is_url
from ..engine.checks import (
    check_choice,
    check_flag,
    check_path,
    check_plan_table,
    check_saved_file,
    count_of,
)
from ..engine.parallel import Interrupted, progress_bar
from ..engine.paths import is_inside
from . import lock
from .files import native
from .journal import Journal
from .journal_format import ACTIONS, NEEDS_TARGET, Record, read_journal
from .log import make_log, summarise
from .restore import Restoration
from .run import LINKS, Run
from .tasks import make_tasks

PLANNED = ["keep", "remove"]
REQUIRED_COLUMNS = ["group", "image", "action", "path", "bytes", "sha256"]
OPTIONAL = ["reason", "protected", "sidecar"]

NEEDS_LOCK = {"delete", "hardlink", "symlink"}  # these remove bytes that are nowhere else
JOURNAL_NAME = ".imgdup-log-"  # what the names of journals begin with
UNDO_EVENTS = {"undoing", "restored", "not restored"}


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
        made by `choose_keepers`, perhaps edited. The rows whose action is "remove" are acted on.
    action : {'move', 'trash', 'copy', 'hardlink', 'symlink', 'delete', 'organise'}
        - 'move': to the folder `to`, under the names that the files have in the collection.
        - 'trash': into the trash of this computer.
        - 'copy': to the folder `to`; the files stay.
        - 'hardlink', 'symlink': a link to the group's keeper replaces the file. If its bytes differ
          from the keeper's, the file is saved in `to` before; without `to` it is left alone.
        - 'delete': for ever; needs `confirm="delete"`.
        - 'organise': makes a folder for each group in `to`, with copies of all its files, kept ones
          included.
    to
        a folder, new or old, outside of the pictures. Nothing in it is ever overwritten: a file
        whose name is taken becomes "name (2)".
    dry_run
        True changes nothing: it looks at the files and prints what would happen.
    confirm
        the word "delete", for that action.
    move
        for 'organise': move the files, do not copy them. Files in protected folders are copied all
        the same.
    journal
        a new file for the journal. None makes one with the name ``.imgdup-log-<time>.jsonl``, in
        `to`, or without it in the folder that holds all the images.

    Returns
    -------
    pandas.DataFrame, the log, one row per row of the plan:
        group, image, action (what was done, or "keep"), status ("done", "kept", "skipped",
        "failed", "not reached"; in a dry run "would be done"), note (why a file was skipped, and
        what was done to its side files and links), reason (the plan's), bytes, frees (bytes of disk
        space), source, target (in a dry run the name that the file would get), sha256, when (UTC),
        undo (what `undo` can do). `attrs`: journal (path of the file, empty for a dry run), action,
        to, dry_run, n_side_files, n_links, n_written.

    Raises
    ------
    ValueError
        if the plan would leave a group without a keeper, an image has two rows, or the arguments do
        not fit together. Also if files are at URLs, because those are not changed.
    BlockingIOError
        if another run is at work on files of the same folder.
    OSError
        if the journal cannot be made. For 'delete', 'hardlink' and 'symlink' also if the disk has
        no locks: two runs at once could then each remove what the other one keeps.
    KeyboardInterrupt
        if you stop the run. The message names the journal; `resume` and `undo` take it.

    Warns
    -----
    UserWarning
        if files were skipped or failed, or the run had to stop.

    Notes
    -----
    Each file is read once more right before it is touched. It must be what was scanned, and so must
    be a keeper of its group, which must be another file. What is about to happen is on the disk
    (fsync) before it happens: about 10 ms a file. Times and permissions are kept.

    Side files (`IMG_1.xmp`, `IMG_1.jpg.xmp`, `.aae`, `.json`, `.mov` and others) go where their
    picture goes. One that also belongs to a picture that stays, stays. 'delete' removes a side file
    only if the keeper has the same one. A symbolic link in the collection whose picture leaves is
    changed: it leads to the keeper, or where there is none to the new place. If the plan has a
    column `sidecar`, its text is written beside the keeper as `<name>.xmp`, unless the keeper has
    such a file.

    If the same plan was applied before and that run was cut short, its journal is continued.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ["a.png", "a copy.png"]:
    ...     Image.radial_gradient("L").save(folder / name)
    >>> images = dup.scan_images(folder)
    >>> pairs = dup.similar_pairs(dup.fingerprint_images(images))
    >>> plan = dup.choose_keepers(dup.group_duplicates(pairs, 90), images)
    >>> log = dup.apply_plan(plan, to=folder / "spare")
    Dry run, nothing was changed. 1 file (... bytes) would be moved, 1 file kept. ...
    >>> log[["image", "status"]]
            image         status
    0       a.png           kept
    1  a copy.png  would be done
    """
    check_choice("action", action, ACTIONS)
    rows = _check_plan(plan)
    folder = _check_target(action, to, plan)
    dry_run, move = check_flag("dry_run", dry_run), check_flag("move", move)
    if journal is not None:
        journal = check_path("journal", journal, "run.jsonl")
    if action == "delete" and not dry_run and confirm != "delete":
        raise ValueError(
            'deleting cannot be undone: say confirm="delete", or use action="move" or "trash"'
        )
    if dry_run:
        return _dry_run(_header(rows, action, folder, move))
    if not rows:
        return make_log(_header(rows, action, folder, move), {}, dry_run=False, journal="")
    with _locked(action, [row["path"] for row in rows]):
        header = _header(rows, action, folder, move)
        if not any(row["acts"] for row in header["rows"]):
            return make_log(header, {}, dry_run=False, journal="")
        if folder:
            os.makedirs(folder, exist_ok=True)
        with _open_journal(journal, folder or _folder_of_all(rows), header) as opened:
            # now, and not at the end: a killed run leaves nothing else
            print(f"Journal: {os.fspath(journal) if journal else opened.path}")
            return _finish(Run(opened.header, opened), opened)


def resume(log: pd.DataFrame | str | os.PathLike[str]) -> pd.DataFrame:
    """Continue a run that was stopped; files that were skipped or failed are tried again.

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
    FileNotFoundError
        if there is no such journal.
    ValueError
        if the run has been undone, in part or in whole; if the file is not a journal, or is
        damaged.
    BlockingIOError
        if the run is still at work, or another one on files of the same folder.
    KeyboardInterrupt
        if you stop the run; the message says how to continue.

    Warns
    -----
    UserWarning
        if files were skipped or failed, or the run had to stop.

    Examples
    --------
    >>> import hashlib, os, tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> folder = Path(tempfile.mkdtemp())
    >>> rows = []
    >>> for name, action in [("a.jpg", "keep"), ("b.jpg", "remove")]:
    ...     content = b"in place of a picture"
    ...     digest = hashlib.sha256(content).hexdigest()
    ...     size = (folder / name).write_bytes(content)
    ...     rows.append([1, name, action, str(folder / name), size, digest])
    >>> names = ["group", "image", "action", "path", "bytes", "sha256"]
    >>> plan = pd.DataFrame(rows, columns=names)
    >>> log = dup.apply_plan(plan, to=folder / "spare", dry_run=False, journal=folder / "run.jsonl")
    Journal: ...
    1 file (21 bytes) moved, 1 file kept. Disk space freed: 0 bytes. To go back: undo(log).
    >>> log = dup.resume(folder / "run.jsonl")
    1 file (21 bytes) moved, 1 file kept. Disk space freed: 0 bytes. To go back: undo(log).
    >>> sorted(os.listdir(folder / "spare"))
    ['b.jpg']
    """
    with Journal.open(_journal_path(log)) as opened:
        if any(state["event"] in UNDO_EVENTS for state in opened.states.values()):
            raise ValueError(
                "the run has been undone, in part or in whole: undo(log) continues that, "
                "apply_plan(plan) begins anew"
            )
        with _locked(opened.header["action"], _sources(opened)):
            if opened.header["to"]:
                os.makedirs(opened.header["to"], exist_ok=True)
            return _finish(Run(opened.header, opened), opened)


def undo(log: pd.DataFrame | str | os.PathLike[str]) -> pd.DataFrame:
    """Bring every file back to its place, with the same bytes, times and permissions.

    Parameters
    ----------
    log
        what `apply_plan` returned, or the path of its journal. The run may have been cut short.

    Returns
    -------
    pandas.DataFrame
        the log. The status of the files that were acted on is "restored" or "not restored". The
        note gives the reason: the file was deleted for ever, is in the trash, has changed since, or
        its place is taken. Nothing is overwritten to make room.

    Raises
    ------
    FileNotFoundError
        if there is no such journal.
    ValueError
        if the file is not a journal, or is damaged: then nothing is changed. In a journal only
        names that a run makes are accepted.
    BlockingIOError
        if the run is still at work, or another one on files of the same folder.
    KeyboardInterrupt
        if you stop it; the message says how to continue.

    Warns
    -----
    UserWarning
        if a file could not be restored.

    Examples
    --------
    >>> import hashlib, os, tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> folder = Path(tempfile.mkdtemp())
    >>> rows = []
    >>> for name, action in [("a.jpg", "keep"), ("b.jpg", "remove")]:
    ...     content = b"in place of a picture"
    ...     digest = hashlib.sha256(content).hexdigest()
    ...     size = (folder / name).write_bytes(content)
    ...     rows.append([1, name, action, str(folder / name), size, digest])
    >>> names = ["group", "image", "action", "path", "bytes", "sha256"]
    >>> plan = pd.DataFrame(rows, columns=names)
    >>> log = dup.apply_plan(plan, to=folder / "spare", dry_run=False, journal=folder / "run.jsonl")
    Journal: ...
    1 file (21 bytes) moved, 1 file kept. Disk space freed: 0 bytes. To go back: undo(log).
    >>> sorted(os.listdir(folder))
    ['a.jpg', 'run.jsonl', 'spare']
    >>> log = dup.undo(log)
    1 file restored.
    >>> sorted(os.listdir(folder))
    ['a.jpg', 'b.jpg', 'run.jsonl', 'spare']
    """
    with (
        Journal.open(_journal_path(log)) as opened,
        _locked("undo", _sources(opened)),
    ):
        back = Restoration(opened.header, opened)
        again = "undo({!r}) continues it."
        outcomes = _work(back.restore, back.touched(), "restore files", opened, again)
        table = make_log(opened.header, opened.states, dry_run=False, journal=opened.path)
    pictures = [
        outcome for number, outcome, _ in outcomes if "of" not in opened.header["rows"][number]
    ]
    lost = [outcome for _, outcome, _ in outcomes].count("not restored")
    n_others = len(outcomes) - len(pictures) - (lost - pictures.count("not restored"))
    others = f" Side files and links restored with them: {n_others:,}." if n_others else ""
    print(f"{count_of(pictures.count('restored'), 'file')} restored.{others}")
    if back.stopped:
        warnings.warn(f"the undo stopped: {back.stopped}; undo(log) continues it", stacklevel=2)
    elif lost:
        warnings.warn(
            f"{count_of(lost, 'file')} could not be restored; the column note says why",
            stacklevel=2,
        )
    return table


def read_log(journal: str | os.PathLike[str]) -> pd.DataFrame:
    """Return the log of a run from its journal, whatever ended the run.

    Parameters
    ----------
    journal
        the path of its file.

    Returns
    -------
    pandas.DataFrame
        as `apply_plan` returns it.

    Raises
    ------
    FileNotFoundError, ValueError
        if there is no such file, it is not a journal, or it is damaged.

    Examples
    --------
    >>> import hashlib, tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> folder = Path(tempfile.mkdtemp())
    >>> rows = []
    >>> for name, action in [("a.jpg", "keep"), ("b.jpg", "remove")]:
    ...     content = b"in place of a picture"
    ...     digest = hashlib.sha256(content).hexdigest()
    ...     size = (folder / name).write_bytes(content)
    ...     rows.append([1, name, action, str(folder / name), size, digest])
    >>> names = ["group", "image", "action", "path", "bytes", "sha256"]
    >>> plan = pd.DataFrame(rows, columns=names)
    >>> log = dup.apply_plan(plan, to=folder / "spare", dry_run=False, journal=folder / "run.jsonl")
    Journal: ...
    >>> dup.read_log(folder / "run.jsonl")[["image", "status", "undo"]]
       image status       undo
    0  a.jpg   kept
    1  b.jpg   done  move back
    """
    path = os.path.abspath(check_saved_file("journal", journal, "run.jsonl"))
    header, records = read_journal(native(path))
    return make_log(header, _states(records), dry_run=False, journal=path)


# -- what is asked for -----------------------------------------------------------------------------


def _check_plan(plan: pd.DataFrame) -> list[Record]:
    """Return the rows of a plan as dicts of Python values, or say what is wrong with it."""
    plan = check_plan_table("plan", plan, REQUIRED_COLUMNS)
    for action in plan.action.unique():
        check_choice("plan.action", action, PLANNED)
    elsewhere = [path for path in plan.path if is_url(path)]
    inside = [path for path in elsewhere if is_inside_a_source(path)]
    if inside:
        raise ValueError(
            "plan has members of archives or rows of data sets, which are never changed, such as "
            f"{inside[0]!r}; groups.keep_list(images) returns the rows to keep, and the filter of "
            "what find_duplicates returns the data set without the others"
        )
    if elsewhere:
        raise ValueError(
            f"plan has files at URLs, such as {elsewhere[0]!r}, and only files of this machine are "
            "changed; the files to remove are plan.path[plan.action == 'remove'], for the tools of "
            "that store"
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
            "plan removes files without a digest (sha256), so a change could not be noticed: "
            "scan them again"
        )
    _check_sidecars(plan)
    wanted = REQUIRED_COLUMNS + [name for name in OPTIONAL if name in plan]
    rows = plan[wanted].to_dict("records")
    return [row | {"path": path} for row, path in zip(rows, paths, strict=True)]


def _check_sidecars(plan: pd.DataFrame) -> None:
    for value in plan.sidecar if "sidecar" in plan else ():
        if not isinstance(value, str) and not pd.isna(value):
            raise TypeError(f"plan.sidecar must hold texts, not {type(value).__name__}")
        if isinstance(value, str) and ("\0" in value or not _is_unicode(value)):
            raise ValueError("plan.sidecar holds a text that cannot be written as UTF-8")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_target(action: str, to: Any, plan: pd.DataFrame) -> str:
    """Return the folder `to` as an absolute path, "" for none."""
    if to is None:
        if action in NEEDS_TARGET:
            raise ValueError(
                f'action "{action}" needs a folder: apply_plan(plan, action="{action}", to="...")'
            )
        return ""
    to = check_path("to", to, "spare")
    if action not in NEEDS_TARGET | LINKS:
        raise ValueError(
            f'action "{action}" takes no folder, and to is {to!r}; did you mean action="move"?'
        )
    folder = os.path.abspath(to)
    if os.path.lexists(folder) and not os.path.isdir(folder):
        raise NotADirectoryError(f"to must name a folder, new or old, and {to!r} is a file")
    inside = [
        image
        for image, path in zip(plan.image, plan.path, strict=True)
        if is_inside(os.path.dirname(path), folder)
    ]
    if inside:
        raise ValueError(
            f"to must lie outside of the pictures it takes, and {to!r} holds {inside[0]!r}"
        )
    return folder


def _header(rows: list[Record], action: str, folder: str, move: bool) -> Record:
    return {"action": action, "to": folder, "rows": make_tasks(rows, action, folder, move)}


@contextlib.contextmanager
def _locked(action: str, paths: list[str]) -> Iterator[None]:
    """Keep other runs away from the files of this one."""
    with lock.locked(paths) as has_lock:
        if not has_lock and action in NEEDS_LOCK:
            raise OSError(
                errno.ENOLCK,
                f'this disk has no locks, and without them action="{action}" is not safe: another '
                'run could remove what this one keeps; use action="move"',
                paths[0],
            )
        yield


def _folder_of_all(rows: list[Record]) -> str:
    folders = {os.path.dirname(row["path"]) for row in rows}
    try:
        return os.path.commonpath(folders)
    except ValueError as error:
        raise ValueError(
            "the images are on several drives; say where to write the journal: journal='...'"
        ) from error


# -- journals --------------------------------------------------------------------------------------


def _open_journal(journal: Any, folder: str, header: Record) -> Journal:
    """Make a new journal, or open that of a run of the same plan that was cut short."""
    named = native(os.path.abspath(journal)) if journal else ""
    pattern = os.path.join(glob.escape(folder), f"{JOURNAL_NAME}*.jsonl")
    for place in [named] if named else sorted(glob.glob(pattern), reverse=True):
        if _is_unfinished(place, header):
            print("This plan was applied before and cut short; that run is continued.")
            return Journal.open(place)
    return Journal.create(named or native(_new_name(folder)), header)


def _is_unfinished(place: str, header: Record) -> bool:
    """Tell whether a journal is that of a run of the same plan that was cut short."""
    try:
        other, records = read_journal(place)
    except (OSError, ValueError):
        return False
    states = _states(records)
    events = [
        states.get(number, {"event": ""})["event"]
        for number, row in enumerate(other["rows"])
        if row["acts"]
    ]
    return (
        _asked_for(other) == _asked_for(header)
        and not UNDO_EVENTS & set(events)
        and bool({"", "begun"} & set(events))
    )


def _asked_for(header: Record) -> tuple[Any, ...]:
    pictures = [
        (row["source"], row["sha256"], row["acts"], row["by"])
        for row in header["rows"]
        if "of" not in row
    ]
    return header["action"], header["to"], pictures


def _states(records: list[Record]) -> dict[int, Record]:
    states: dict[int, Record] = {}
    for record in records:
        if "row" in record:
            states.setdefault(record["row"], {"event": ""}).update({"why": ""} | record)
    return states


def _new_name(folder: str) -> str:
    """Return a new hidden name: the next scan of the folder ignores it."""
    stem = f"{JOURNAL_NAME}{datetime.now(UTC):%Y%m%dT%H%M%S}"
    numbers: Iterable[str] = ("", *(f"-{n}" for n in range(2, 1000)))
    free = (os.path.join(folder, f"{stem}{n}.jsonl") for n in numbers)
    return next(path for path in free if not os.path.lexists(path))


def _journal_path(log: Any) -> str:
    if isinstance(log, pd.DataFrame):
        path = log.attrs.get("journal", "")
        if not path:
            raise ValueError(
                "log has no journal: it is of a dry run, or nothing was to be done, or its attrs "
                "got lost; then pass the path of the journal itself"
            )
        return native(check_saved_file("log", path, "run.jsonl"))
    if not isinstance(log, str | os.PathLike):
        raise TypeError(
            "log must be what apply_plan returned, or the path of its journal, not "
            f"{type(log).__name__}"
        )
    return native(os.path.abspath(check_saved_file("log", log, "run.jsonl")))


def _sources(journal: Journal) -> list[str]:
    return [row["source"] for row in journal.header["rows"]]


# -- the work --------------------------------------------------------------------------------------


def _dry_run(header: Record) -> pd.DataFrame:
    run = Run(header)
    states = {
        number: {"event": outcome, "why": why, "target": run.targets.get(number, "")}
        for number, outcome, why in run.apply()
    }
    table = make_log(header, states, dry_run=True, journal="")
    print(f"Dry run, nothing was changed. {summarise(table)}")
    return table


def _finish(run: Run, journal: Journal) -> pd.DataFrame:
    """Do all that is left to do and say how it went."""
    again = "resume({0!r}) continues it, undo({0!r}) goes back."
    _work(run.apply, run.remaining(), f"{journal.header['action']} files", journal, again)
    table = make_log(journal.header, journal.states, dry_run=False, journal=journal.path)
    print(summarise(table))
    if run.stopped:
        warnings.warn(
            f"the run stopped: {run.stopped}. resume(log) continues it, undo(log) goes back",
            stacklevel=3,
        )
    elif table.status.isin(["skipped", "failed"]).any():
        n_left = int(table.status.isin(["skipped", "failed"]).sum())
        left = f"{count_of(n_left, 'file')} {'was' if n_left == 1 else 'were'} left alone"
        warnings.warn(f"{left}; the column note says why", stacklevel=3)
    return table


def _work(
    outcomes: Callable[[], Iterator[tuple[int, str, str]]],
    total: int,
    describe: str,
    journal: Journal,
    again: str,
) -> list[tuple[int, str, str]]:
    """Return all outcomes, with a progress bar; an interrupt ends with one sentence."""
    seen = []
    try:
        with progress_bar(total, describe) as bar:
            for outcome in outcomes():
                seen.append(outcome)
                bar.update()
    except KeyboardInterrupt:
        done = f"Stopped after {len(seen):,} of {count_of(total, 'file')}; no file is lost."
        raise Interrupted(f"{done} {again.format(journal.path)}") from None
    return seen

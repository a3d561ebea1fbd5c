"""The rows of a journal, one after the other: look again, announce, act, note.

What a row needs is in the journal's first line, so a run can be continued from the journal alone.
After a run was stopped, the disk itself tells what became of the last row: `_settle` looks there,
and not at what should have happened. The way back is in `restore`.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..engine import paths
from . import files
from .journal import Journal
from .journal_format import NEEDS_TARGET, Record

LINKS = {"hardlink", "symlink"}
# an error of these would come back for each further file
ENDS_RUN = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


class Skip(Exception):
    """A file is better left alone; the text says why."""


class Checked(NamedTuple):
    """What was found right before an act: it must still be so when the act begins."""

    stamp: files.Stamp
    keeper: str = ""  # path
    keeper_stamp: files.Stamp | None = None


class Pass:
    """What both ways have in common: a journal, its rows, and what ended the pass early.

    Parameters
    ----------
    header
        action ("move", "copy", "organise", "trash", "delete", "hardlink", "symlink"), to (a folder
        or ""), rows. A row has source, sha256, bytes, name (of the target), acts (bool: is anything
        done to it?), by, kept (bool: does it stay?), keepers. `by` is "move", "copy", the action,
        "repoint" or "write". `keepers` lists [path, sha256]: one of them must be good. Rows that
        belong to another row are explained in `tasks`.
    journal
        open for writing; None only looks (a dry run).
    """

    def __init__(self, header: Record, journal: Journal | None = None) -> None:
        self.journal = journal
        self.to = str(header["to"])
        self.rows: list[Record] = header["rows"]
        self.stopped = ""

    def _note(self, number: int, outcome: str, why: str) -> bool:
        """Write an outcome to the journal; return False if the run cannot go on without it."""
        if self.journal is None:
            return True
        details = {"why": why} if why else {}
        target = self.journal.state(number).get("target", "")
        if outcome != "done" and not os.path.lexists(files.native(target)):
            details["target"] = ""  # a later file of that name is not this run's
        try:
            self.journal.write(number, outcome, **details)
        except OSError as error:
            self.stopped = f"the journal cannot be written: {explain(error)}"
            return False
        return True


class Run(Pass):
    """One pass over a journal's rows, forward.

    Attributes
    ----------
    targets
        row number -> the name that a file would get, after a dry run.
    stopped
        why the run ended early, else empty.
    """

    def __init__(self, header: Record, journal: Journal | None = None) -> None:
        super().__init__(header, journal)
        self.targets: dict[int, str] = {}
        self._taken: set[str] = set()  # targets of a dry run
        self._outcomes: dict[int, str] = {}
        self._kept = dict(self._kept_identities())
        self._digests: dict[tuple[str, files.Stamp], str] = {}

    def _kept_identities(self) -> Iterator[tuple[Any, str]]:
        for row in self.rows:
            if row["kept"]:
                try:
                    yield files.identity(files.native(row["source"])), row["source"]
                except OSError:
                    continue  # gone: then no file of the plan can be the same

    def apply(self) -> Iterator[tuple[int, str, str]]:
        """Do what is not done yet; yield row number, outcome ("done", "skipped", "failed") and why.

        In a dry run the outcome of what could be done is "would". An error that would come back for
        each further file, such as a full disk, ends the run, and `stopped` says why.
        """
        for number, row in enumerate(self.rows):
            if not self._is_open(number, row):
                continue
            try:
                outcome, why = self._apply_one(number, row), ""
            except Skip as reason:
                outcome, why = "skipped", str(reason)
            except OSError as error:
                outcome, why = "failed", explain(error)
                if error.errno in ENDS_RUN:
                    self.stopped = why
            self._outcomes[number] = outcome
            if outcome != "would" and not self._note(number, outcome, why):
                return
            yield number, outcome, why
            if self.stopped:
                return

    def remaining(self) -> int:
        """Return the number of rows that are not done yet."""
        return sum(self._is_open(number, row) for number, row in enumerate(self.rows))

    def _is_open(self, number: int, row: Record) -> bool:
        is_done = self.journal is not None and self.journal.state(number)["event"] == "done"
        return row["acts"] and not is_done

    def _apply_one(self, number: int, row: Record) -> str:
        if (
            self.journal
            and self.journal.state(number)["event"] == "begun"
            and self._settle(number, row)
        ):
            return "done"
        self._check_needed(row)
        if row["by"] == "repoint":
            return self._repoint(number, row)
        if row["by"] == "write":
            return self._write(number, row)
        checked = self._check(row)
        if self.journal is None:
            self._foresee_target(number, row)
            return "would"
        self._act(number, row, checked)
        return "done"

    # -- checks --

    def _check_needed(self, row: Record) -> None:
        """Raise Skip if a row that this one needs was not done."""
        for number in row.get("needs", ()):
            outcome = (
                self.journal.state(number)["event"]
                if self.journal
                else self._outcomes.get(number, "")
            )
            if outcome not in {"done", "would"}:
                needed = self.rows[number]
                name = os.path.basename(needed["source"])
                raise Skip(
                    f"what only this file tells could not be written to {name}"
                    if needed["by"] == "write"
                    else f"it stays with {name}"
                )

    def _check(self, row: Record) -> Checked:
        """Return what was found of a file that may be acted on.

        Raises
        ------
        Skip
            if it is not what was scanned, or no keeper of its group is.
        """
        stamp = self._check_source(row)
        if not row["keepers"]:
            return Checked(stamp)
        keeper, keeper_stamp = self._find_keeper(row)
        if row["by"] == "hardlink" and keeper_stamp.device != stamp.device:
            raise Skip("its keeper is on another disk, and a hard link cannot lead there")
        return Checked(stamp, keeper, keeper_stamp)

    def _check_source(self, row: Record) -> files.Stamp:
        """Return the stamp of a file that is still what was scanned, or raise Skip."""
        source = files.native(row["source"])
        if not os.path.lexists(source):
            raise Skip("it is not there any more")
        if os.path.islink(source):
            raise Skip("it is a symbolic link, not a file of its own")
        if not files.is_regular(source):
            raise Skip("it is not a regular file")
        stamp = files.read_stamp(source)
        if stamp.size != row["bytes"] or files.read_digest(source) != row["sha256"]:
            raise Skip("it has changed since it was scanned")
        if not row["kept"] and (kept := self._kept.get(files.identity(source))):
            raise Skip(
                f"it is the same file as {os.path.basename(kept)}, which stays (two names, one "
                "file)"
            )
        return stamp

    def _find_keeper(self, row: Record) -> tuple[str, files.Stamp]:
        """Return path and stamp of a keeper that is there and unchanged, or raise Skip."""
        keepers, problems = row["keepers"], []
        if row["by"] in LINKS and not self.to:
            keepers = [keeper for keeper in keepers if keeper[1] == row["sha256"]]
            if not keepers:
                raise Skip(
                    "its bytes differ from its keeper's, and no to= names a folder to save them in"
                )
        for path, sha256 in keepers:
            try:
                return str(path), self._check_keeper(row, files.native(path), sha256)
            except Skip as problem:
                problems.append(f"{os.path.basename(path)} {problem}")
        raise Skip(f"nothing of its group would stay: {'; '.join(problems)}")

    def _check_keeper(self, row: Record, path: str, sha256: str) -> files.Stamp:
        try:
            stamp = files.read_stamp(path, follow=True)
            if (path, stamp) not in self._digests:
                self._digests[path, stamp] = files.read_digest(path)
            source = files.native(row["source"])
            if os.path.lexists(source) and files.identity(source) == files.identity(path):
                raise Skip("is the same file (two names, one file)")
        except FileNotFoundError:
            raise Skip("is not there any more") from None
        except OSError as error:
            raise Skip(f"cannot be read ({explain(error)})") from None
        if self._digests[path, stamp] != sha256:
            raise Skip("has changed since it was scanned")
        return stamp

    # -- acts on pictures and on their side files --

    def _act(self, number: int, row: Record, checked: Checked) -> None:
        by = row["by"]
        if by in NEEDS_TARGET:
            self._to_target(number, row, checked)
        elif by in LINKS:
            self._link(number, row, checked)
        else:
            source = self._begin(number, row, checked)
            _trash(source) if by == "trash" else files.remove(source)

    def _begin(self, number: int, row: Record, checked: Checked, **details: Any) -> str:
        """Announce an act; return the file's path if file and keeper are still what they were."""
        assert self.journal is not None
        source = files.native(row["source"])
        status = os.lstat(source)
        self.journal.write(
            number,
            "begun",
            mode=status.st_mode & 0o7777,
            accessed=status.st_atime_ns,
            modified=status.st_mtime_ns,
            **details,
        )
        if files.read_stamp(source) != checked.stamp:
            raise Skip("it changed while it was looked at")
        if checked.keeper and not self._is_unchanged(checked):
            raise Skip("its keeper changed while it was looked at")
        return source

    def _is_unchanged(self, checked: Checked) -> bool:
        try:
            now = files.read_stamp(files.native(checked.keeper), follow=True)
        except OSError:
            return False
        return now == checked.keeper_stamp

    def _to_target(self, number: int, row: Record, checked: Checked) -> None:
        """Move or copy a file to a free name in `to`; if another program takes it, to the next."""
        wanted = self._wanted(row)
        self._make_folders(os.path.dirname(wanted))
        for target in _free_names(wanted):
            part = part_beside(target)
            source = self._begin(number, row, checked, target=target, part=part)
            place = files.move_new if row["by"] == "move" else files.copy_new
            try:
                return place(source, files.native(target), files.native(part), row["sha256"])
            except FileExistsError:
                continue

    def _wanted(self, row: Record) -> str:
        """Return the name that a file shall have in `to`: a side file keeps to its picture."""
        if "tail" not in row:
            return os.path.join(self.to, *paths.safe_parts(row["name"]))
        of = row["of"]
        picture = self.journal.state(of).get("target") if self.journal else self.targets.get(of)
        if not picture:
            raise Skip("it stays with its picture")
        folder, name = os.path.split(picture)
        stem = name if row["whole"] else os.path.splitext(name)[0]
        return os.path.join(folder, paths.safe_parts(stem + row["tail"].replace("/", "_"))[0])

    def _make_folders(self, folder: str) -> None:
        """Make the folders of a target; the journal names new ones before they are made."""
        assert self.journal is not None
        for new in self._missing_folders(folder):
            self.journal.write_folder(new)
            os.makedirs(files.native(new), exist_ok=True)

    def _missing_folders(self, folder: str) -> list[str]:
        """Return the folders to make, outermost first; a link must not lead out of `to`."""
        missing: list[str] = []
        while not os.path.lexists(files.native(folder)) and folder != self.to:
            missing.insert(0, folder)
            folder = os.path.dirname(folder)
        if not paths.is_inside(folder, self.to):
            raise Skip(
                f"{os.path.basename(folder)} in the target folder is a link that leads out of it"
            )
        return missing

    def _foresee_target(self, number: int, row: Record) -> None:
        """Find the name that a file would get, as the run itself would."""
        if row["by"] not in NEEDS_TARGET and not (row["by"] in LINKS and self.to):
            return
        wanted = self._wanted(row)
        self._missing_folders(os.path.dirname(wanted))
        target = next(name for name in _free_names(wanted) if name not in self._taken)
        self._taken.add(target)
        self.targets[number] = target

    def _link(self, number: int, row: Record, checked: Checked) -> None:
        """Put a link to the keeper in a file's place; bytes that differ go to `to` first."""
        assert self.journal is not None
        known = self.journal.state(number).get("target", "")
        if self.to and not (known and files.holds(files.native(known), row["sha256"])):
            self._to_target(number, row, checked)
        part = part_beside(row["source"])
        source = self._begin(number, row, checked, link=part, keeper=checked.keeper)
        kept = files.native(checked.keeper)
        files.replace_by_link(kept, source, files.native(part), symbolic=row["by"] == "symlink")

    # -- what follows from them --

    def _repoint(self, number: int, row: Record) -> str:
        """Let a symbolic link lead to the keeper of its picture, else to where the picture went."""
        link, picture = files.native(row["source"]), self.rows[row["of"]]
        if files.read_link(link) != row["old"]:
            raise Skip("the link has changed since")
        if self.journal is None:
            return "would"
        goal = (
            self._find_keeper(picture)[0]
            if picture["keepers"]
            else self.journal.state(row["of"]).get("target", "")
        )
        new = files.text_of_link(files.native(goal), link, absolute=os.path.isabs(row["old"]))
        part = part_beside(row["source"])
        self.journal.write(number, "begun", new=new, part=part)
        files.replace_link(link, new, files.native(part))
        return "done"

    def _write(self, number: int, row: Record) -> str:
        """Write a new side file, unless the picture has one."""
        path = files.native(row["source"])
        for other in row["unless"]:
            if os.path.lexists(files.native(other)):
                raise Skip(f"{os.path.basename(other)} is there already, and is not changed")
        if self.journal is None:
            return "would"
        part = part_beside(row["source"])
        self.journal.write(number, "begun", part=part)
        files.write_new(path, row["text"].encode(), files.native(part))
        return "done"

    # -- after a run that was cut short --

    def _settle(self, number: int, row: Record) -> bool:
        """Look what became of an act that was cut short; finish it, or return False."""
        assert self.journal is not None
        state, source = self.journal.state(number), files.native(row["source"])
        if row["by"] == "repoint":
            discard_parts(state)
            return files.read_link(source) == state["new"]
        target = files.native(state.get("target", ""))
        has_source = files.holds(source, row["sha256"])
        has_target = bool(target) and files.holds(target, row["sha256"])
        if has_source or has_target or row["by"] == "write":
            discard_parts(state)
        if row["by"] in LINKS:
            return has_source_as_link(source, state)
        if row["by"] == "write":
            return has_source
        if row["by"] in {"copy", "organise"}:
            return has_target
        if row["by"] in {"delete", "trash"}:
            return not os.path.lexists(source)
        if has_target and has_source:  # two names of one file, or a copy that has been read back
            files.sync_folder(os.path.dirname(target))
            files.remove(source)
        elif has_source:
            _discard_empty(target)
        return has_target


def has_source_as_link(source: str, state: Record) -> bool:
    """Tell whether a link to the keeper stands in a file's place."""
    keeper = files.native(state.get("keeper", ""))
    if not keeper:
        return False
    if os.path.islink(source):
        return os.path.realpath(source) == os.path.realpath(keeper)
    if not os.path.exists(source) or not os.path.exists(keeper):
        return False
    return files.identity(source) == files.identity(keeper)


def explain(error: OSError) -> str:
    """Return an error of the system in words, without the path, which the log has in a column."""
    return error.strerror or str(error) or type(error).__name__


def part_beside(path: str) -> str:
    """Return a name in the same folder that nobody else uses."""
    return os.path.join(os.path.dirname(path), f".imgdup-{uuid.uuid4().hex}.part")


def discard_parts(state: Record) -> None:
    """Remove the unfinished files that a row's records name."""
    for role in ("part", "link", "back"):
        if role in state:
            files.discard(files.native(state[role]))


def _free_names(wanted: str) -> Iterator[str]:
    number = 1
    while True:
        target = paths.numbered(wanted, number)
        if not os.path.lexists(files.native(target)):
            yield target
        number += 1


def _discard_empty(target: str) -> None:
    """Remove the empty file that held a target's place."""
    if (
        target
        and os.path.lexists(target)
        and files.is_regular(target)
        and not os.path.getsize(target)
    ):
        files.remove(target)


def _trash(path: str) -> None:
    from send2trash import send2trash

    try:
        send2trash(path)
    except OSError:
        raise
    except Exception as error:  # each system's trash has errors of its own
        raise OSError(errno.EINVAL, f"the trash does not take it: {error}", path) from error

"""The rows of a plan, one after the other: look again, announce, act, note; and the way back.

What a row needs is in the journal's first line, so a run can be continued, or undone, from the
journal alone. Whatever stopped a run, the disk itself tells what became of the row it was at:
`_settle` and `_restore` look there and not at what should have happened.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from typing import Any

from ..engine import paths
from . import files
from .journal import Journal, Record

NEEDS_TARGET = {"move", "copy", "organise"}
LINKS = {"hardlink", "symlink"}
ENDS_RUN = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EIO,
}  # it would fail for the other files too


class Skip(Exception):
    """A file is better left alone; the text says why."""


class Run:
    """One pass over a journal's rows.

    Parameters
    ----------
    journal
        open for writing; None only looks (a dry run).
    header
        action ("move", "copy", "organise", "trash", "delete", "hardlink", "symlink"), to (a folder
        or ""), rows. A row has source, sha256, bytes, name (of the target), acts (bool: is anything
        done to it?), by ("move", "copy" or the action), kept (bool: does it stay?), keepers (a list
        of [path, sha256]: one of them must be good).
    """

    def __init__(self, header: Record, journal: Journal | None = None) -> None:
        self.journal = journal
        self.to = str(header["to"])
        self.rows: list[Record] = header["rows"]
        self.stopped = ""
        self._kept = dict(self._kept_identities())
        self._digests: dict[tuple[str, files.Stamp], str] = {}

    def _kept_identities(self) -> Iterator[tuple[Any, str]]:
        for row in self.rows:
            if row["kept"]:
                try:
                    yield files.identity(files.native(row["source"])), row["source"]
                except OSError:
                    continue  # gone: then no file of the plan can be the same

    # -- forward --

    def apply(self) -> Iterator[tuple[int, str, str]]:
        """Do what is not done yet; yield row number, outcome ("done", "skipped", "failed") and why.

        In a dry run the outcome of what could be done is "would". After an error that every further
        file would meet, such as a full disk, the run ends and `stopped` says why.
        """
        for number, row in enumerate(self.rows):
            if not row["acts"] or (self.journal and self.journal.state(number)["event"] == "done"):
                continue
            try:
                outcome, why = self._apply_one(number, row), ""
            except Skip as reason:
                outcome, why = "skipped", str(reason)
            except OSError as error:
                outcome, why = "failed", explain(error)
                if error.errno in ENDS_RUN:
                    self.stopped = why
            if outcome != "would" and not self._note(number, outcome, why):
                return
            yield number, outcome, why
            if self.stopped:
                return

    def _note(self, number: int, outcome: str, why: str) -> bool:
        """Write an outcome down; without a journal that can be written nothing more may happen."""
        if self.journal is None:
            return True
        details = {"why": why} if why else {}
        target = self.journal.state(number).get("target", "")
        if outcome != "done" and not os.path.lexists(files.native(target)):
            details["target"] = ""  # whoever makes a file of that name later, it is not this run's
        try:
            self.journal.write(number, outcome, **details)
        except OSError as error:
            self.stopped = f"the journal cannot be written: {explain(error)}"
            return False
        return True

    def _apply_one(self, number: int, row: Record) -> str:
        if (
            self.journal
            and self.journal.state(number)["event"] == "begun"
            and self._settle(number, row)
        ):
            return "done"
        stamp = self._check_source(row)
        keeper = self._check_keepers(row)
        if self.journal is None:
            return "would"
        self._act(number, row, keeper, stamp)
        return "done"

    def _check_source(self, row: Record) -> files.Stamp:
        """Return the stamp of a file that is still what was scanned.

        Raises
        ------
        Skip
            if it is not.
        """
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

    def _check_keepers(self, row: Record) -> str:
        """Return the path of a keeper of the row's group that is there and unchanged, "" if the row needs none.

        Raises
        ------
        Skip
            if there is none.
        """
        if not row["keepers"]:
            return ""
        keepers, problems = row["keepers"], []
        if row["by"] in LINKS and not self.to:
            keepers = [keeper for keeper in keepers if keeper[1] == row["sha256"]]
            if not keepers:
                raise Skip(
                    "its bytes differ from its keeper's, and no to= names a folder to save them in"
                )
        for path, sha256 in keepers:
            problem = self._keeper_problem(files.native(path), sha256)
            if not problem:
                return str(path)
            problems.append(f"{os.path.basename(path)} {problem}")
        raise Skip(f"nothing of its group would stay: {'; '.join(problems)}")

    def _keeper_problem(self, path: str, sha256: str) -> str:
        try:
            stamp = files.read_stamp(path, follow=True)
            if (path, stamp) not in self._digests:
                self._digests[path, stamp] = files.read_digest(path)
        except OSError as error:
            return (
                "is not there any more"
                if isinstance(error, FileNotFoundError)
                else f"cannot be read ({explain(error)})"
            )
        return "" if self._digests[path, stamp] == sha256 else "has changed since it was scanned"

    def _act(self, number: int, row: Record, keeper: str, stamp: files.Stamp) -> None:
        by = row["by"]
        if by in NEEDS_TARGET:
            self._to_target(number, row, stamp)
        elif by in LINKS:
            self._link(number, row, keeper, stamp)
        else:
            source = self._begin(number, row, stamp)
            _trash(source) if by == "trash" else files.remove(source)

    def _begin(self, number: int, row: Record, stamp: files.Stamp, **details: Any) -> str:
        """Announce an act; return the file's path once it is sure that the file is still the one that was checked."""
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
        if files.read_stamp(source) != stamp:
            raise Skip("it changed while it was looked at")
        return source

    def _to_target(self, number: int, row: Record, stamp: files.Stamp) -> None:
        """Move or copy a file to a name in `to` that is free, trying the next where another program takes it first."""
        for target in self._free_targets(row):
            part = _part_beside(target)
            source = self._begin(number, row, stamp, target=target, part=part)
            place = files.move_new if row["by"] == "move" else files.copy_new
            try:
                return place(source, files.native(target), files.native(part), row["sha256"])
            except FileExistsError:
                continue

    def _free_targets(self, row: Record) -> Iterator[str]:
        wanted = os.path.join(self.to, *paths.safe_parts(row["name"]))
        self._make_folders(os.path.dirname(wanted))
        number = 1
        while True:
            target = paths.numbered(wanted, number)
            if not os.path.lexists(files.native(target)):
                yield target
            number += 1

    def _make_folders(self, folder: str) -> None:
        """Make the folders of a target, noting those that are new; a link among them must not lead out of `to`."""
        assert self.journal is not None
        missing = []
        while not os.path.lexists(files.native(folder)):
            missing.append(folder)
            folder = os.path.dirname(folder)
        if not paths.is_inside(folder, self.to):
            raise Skip(
                f"{os.path.basename(folder)} in the target folder is a link that leads out of it"
            )
        for new in reversed(missing):
            self.journal.write_folder(new)
            os.makedirs(files.native(new), exist_ok=True)

    def _link(self, number: int, row: Record, keeper: str, stamp: files.Stamp) -> None:
        """Put a link to the keeper in a file's place; where their bytes differ, its own go to `to` first."""
        assert self.journal is not None
        kept = files.native(keeper)
        if row["by"] == "hardlink" and files.read_stamp(kept, follow=True).device != stamp.device:
            raise Skip("its keeper is on another disk, where no hard link can lead")
        known = self.journal.state(number).get("target", "")
        if self.to and not (known and files.holds(files.native(known), row["sha256"])):
            self._to_target(number, row, stamp)
        part = _part_beside(row["source"])
        source = self._begin(number, row, stamp, link=part, keeper=keeper)
        files.replace_by_link(kept, source, files.native(part), symbolic=row["by"] == "symlink")

    def _settle(self, number: int, row: Record) -> bool:
        """Look what became of an act that was cut short; finish it if its end is near, and tell whether it is done."""
        assert self.journal is not None
        state, source = self.journal.state(number), files.native(row["source"])
        target = files.native(state.get("target", ""))
        has_source = files.holds(source, row["sha256"])
        has_target = bool(target) and files.holds(target, row["sha256"])
        if has_source or has_target:
            _discard_parts(state)
        if row["by"] in LINKS:
            return has_source_as_link(source, state)
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

    # -- back --

    def undo(self) -> Iterator[tuple[int, str, str]]:
        """Restore what can be restored, last row first; yield row number, "restored" or "not restored", and why."""
        assert self.journal is not None
        for number in reversed(range(len(self.rows))):
            state = self.journal.state(number)
            if state["event"] == "restored" or not self._was_touched(number, state):
                continue
            try:
                self.journal.write(number, "undoing")
                outcome, why = "restored", self._restore(number, self.rows[number])
            except Skip as reason:
                outcome, why = "not restored", str(reason)
            except OSError as error:
                outcome, why = "not restored", explain(error)
                if error.errno in ENDS_RUN:
                    self.stopped = why
            if not self._note(number, outcome, why):
                return
            yield number, outcome, why
            if self.stopped:
                return
        self._remove_folders()

    def _was_touched(self, number: int, state: Record) -> bool:
        """Tell whether there may be anything to restore: an act was announced and did not simply fail."""
        has_failed = state["event"] in {"skipped", "failed"} and not state.get("target")
        return "modified" in state and not (
            has_failed and os.path.lexists(files.native(self.rows[number]["source"]))
        )

    def _restore(self, number: int, row: Record) -> str:
        """Bring one file back to where and what it was; return a remark, seldom more than "".

        Raises
        ------
        Skip
            if that cannot be done.
        """
        assert self.journal is not None
        state, source, sha256 = (
            self.journal.state(number),
            files.native(row["source"]),
            row["sha256"],
        )
        target = files.native(state.get("target", ""))
        is_link = has_source_as_link(source, state)
        if files.holds(source, sha256) and not is_link:
            _discard_parts(state)
            if "back" in state:  # an undo was cut short, perhaps before it came to the times
                files.set_times(source, state["accessed"], state["modified"], state["mode"])
            return self._drop_second(row, target)
        if row["by"] in {"copy", "organise"}:
            raise Skip("the original is gone or has changed; its copy stays where it is")
        if os.path.lexists(source) and not is_link:
            raise Skip(f"something else stands in its place now; it is still {_where(target, row)}")
        if target and files.holds(target, sha256):
            self._bring_back(number, source, target, sha256, is_link)
        else:
            self._rebuild(number, row, source, target)
        files.set_times(source, state["accessed"], state["modified"], state["mode"])
        _discard_parts(self.journal.state(number))
        return ""

    def _drop_second(self, row: Record, target: str) -> str:
        """Remove what an act left in `to` of a file that is whole in its place."""
        if not target or not os.path.lexists(target):
            return ""
        if files.holds(target, row["sha256"]):
            files.remove(target)
            return ""
        if row["bytes"] and files.is_regular(target) and not os.path.getsize(target):
            files.remove(target)  # the empty file that held the place
            return ""
        return (
            f"what stands at {os.path.basename(target)} in the target folder has changed, and stays"
        )

    def _bring_back(
        self, number: int, source: str, target: str, sha256: str, is_link: bool
    ) -> None:
        assert self.journal is not None
        part = self._begin_back(number, source)
        if not is_link:
            files.move_new(target, source, part, sha256)
            return
        files.replace_by_copy(target, source, part, sha256)
        files.remove(target)

    def _begin_back(self, number: int, source: str) -> str:
        """Announce a restoration and clear away what earlier ones left; return the name for its unfinished copy."""
        assert self.journal is not None
        _discard_parts(self.journal.state(number))
        os.makedirs(os.path.dirname(source), exist_ok=True)
        part = _part_beside(source)
        self.journal.write(number, "undoing", back=part)
        return part

    def _rebuild(self, number: int, row: Record, source: str, target: str) -> None:
        """Make a file again from a kept one with the very same bytes, if there is one."""
        assert self.journal is not None
        for path, sha256 in row["keepers"]:
            kept = files.native(path)
            if (
                sha256 == row["sha256"]
                and os.path.exists(kept)
                and files.read_digest(kept) == sha256
            ):
                part = self._begin_back(number, source)
                place = files.replace_by_copy if os.path.lexists(source) else files.copy_new
                place(kept, source, part, sha256)
                return
        raise Skip(_why_lost(row["by"], target))

    def _remove_folders(self) -> None:
        """Remove the folders that the run made, where they are empty again."""
        assert self.journal is not None
        for folder in reversed(self.journal.folders):
            try:
                os.rmdir(files.native(folder))
            except OSError:
                continue  # not empty, or gone: both are as they should be


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
    """Return an error of the system in words, without a path, which the log has in columns of its own."""
    return error.strerror or str(error) or type(error).__name__


def _part_beside(path: str) -> str:
    """Return a name in the same folder that nobody else uses."""
    return os.path.join(os.path.dirname(path), f".imgdup-{uuid.uuid4().hex}.part")


def _discard_parts(state: Record) -> None:
    for role in ("part", "link", "back"):
        if role in state:
            files.discard(files.native(state[role]))


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


def _where(target: str, row: Record) -> str:
    return (
        "in the target folder" if target and files.holds(target, row["sha256"]) else "not restored"
    )


def _why_lost(by: str, target: str) -> str:
    if by == "trash":
        return "it is in the trash of this computer: restore it there"
    if by == "delete":
        return "it was deleted, and no file with the same bytes was kept"
    if target and os.path.lexists(target):
        return "its file in the target folder has changed since"
    return "it is not in the target folder any more"

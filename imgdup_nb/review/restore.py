"""The way back: the rows of a journal, last first. The disk tells what there is to restore."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from . import files
from .journal_format import Record
from .run import ENDS_RUN, Pass, Skip, discard_parts, explain, has_source_as_link, part_beside

FOLLOWERS = {"repoint", "write"}  # rows that are not about a file that was there before
PERMISSIONS = 0o777  # a journal sets no other bits of a file's mode, such as set-user-id


class Restoration(Pass):
    """One pass over a journal's rows, back."""

    def restore(self) -> Iterator[tuple[int, str, str]]:
        """Restore what can be restored; yield row number, "restored" or "not restored", and why."""
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

    def touched(self) -> int:
        """Return the number of rows that there may be something to restore of."""
        assert self.journal is not None
        states = ((number, self.journal.state(number)) for number in range(len(self.rows)))
        return sum(
            state["event"] != "restored" and self._was_touched(number, state)
            for number, state in states
        )

    def _was_touched(self, number: int, state: Record) -> bool:
        """Tell whether an act was announced and did not simply fail."""
        row = self.rows[number]
        target = files.native(state.get("target", ""))
        has_failed = state["event"] in {"skipped", "failed"} and not os.path.lexists(target)
        if row["by"] in FOLLOWERS:
            return "part" in state
        return "modified" in state and not (
            has_failed and os.path.lexists(files.native(row["source"]))
        )

    def _restore(self, number: int, row: Record) -> str:
        """Bring one row back to what it was; return a remark, mostly "".

        Raises
        ------
        Skip
            if that cannot be done.
        """
        assert self.journal is not None
        state, source = self.journal.state(number), files.native(row["source"])
        if row["by"] == "repoint":
            return self._restore_link(number, row, source)
        if row["by"] == "write":
            return _remove_written(row, source, state)
        sha256 = row["sha256"]
        target = files.native(state.get("target", ""))
        is_link = has_source_as_link(source, state)
        if files.holds(source, sha256) and not is_link:
            discard_parts(state)
            if "back" in state:  # an undo was cut short, perhaps before it came to the times
                _set_times(source, state)
            return _drop_second(row, target)
        if row["by"] in {"copy", "organise"}:
            raise Skip("the original is gone or has changed; its copy stays where it is")
        if os.path.lexists(source) and not is_link:
            raise Skip(f"something else stands in its place now; it is still {_where(target, row)}")
        if target and files.holds(target, sha256):
            self._bring_back(number, row, target, is_link)
        else:
            self._rebuild(number, row, target)
        _set_times(source, state)
        discard_parts(self.journal.state(number))
        return ""

    def _bring_back(self, number: int, row: Record, target: str, is_link: bool) -> None:
        source = files.native(row["source"])
        part = self._begin_back(number, row)
        if not is_link:
            files.move_new(target, source, part, row["sha256"])
            return
        files.replace_by_copy(target, source, part, row["sha256"])
        files.remove(target)

    def _begin_back(self, number: int, row: Record) -> str:
        """Announce a restoration; return the name for its unfinished copy."""
        assert self.journal is not None
        discard_parts(self.journal.state(number))
        os.makedirs(os.path.dirname(files.native(row["source"])), exist_ok=True)
        part = part_beside(row["source"])
        self.journal.write(number, "undoing", back=part)
        return files.native(part)

    def _rebuild(self, number: int, row: Record, target: str) -> None:
        """Make a file again from a kept one with the same bytes, if there is one."""
        source = files.native(row["source"])
        for path, sha256 in row["keepers"]:
            kept = files.native(path)
            if (
                sha256 == row["sha256"]
                and os.path.exists(kept)
                and files.read_digest(kept) == sha256
            ):
                part = self._begin_back(number, row)
                place = files.replace_by_copy if os.path.lexists(source) else files.copy_new
                place(kept, source, part, sha256)
                return
        raise Skip(_why_lost(row["by"], target))

    def _restore_link(self, number: int, row: Record, link: str) -> str:
        """Let a symbolic link lead to where it led before."""
        assert self.journal is not None
        state = self.journal.state(number)
        discard_parts(state)
        now = files.read_link(link)
        if now == row["old"]:
            return ""
        if now != state.get("new"):
            raise Skip("the link has changed since, and stays as it is")
        part = part_beside(row["source"])
        self.journal.write(number, "undoing", back=part)
        files.replace_link(link, row["old"], files.native(part))
        return ""

    def _remove_folders(self) -> None:
        """Remove the folders that the run made for its files, if they are empty again."""
        assert self.journal is not None
        for folder in reversed(self.journal.folders):
            inside = os.path.join(folder, "")
            if not any(target.startswith(inside) for target in self.journal.targets):
                continue
            try:
                os.rmdir(files.native(folder))
            except OSError:
                continue  # not empty, or gone: both are as they should be


def _set_times(source: str, state: Record) -> None:
    mode = state["mode"] & PERMISSIONS | stat.S_IMODE(os.stat(source).st_mode) & ~PERMISSIONS
    files.set_times(source, state["accessed"], state["modified"], mode)


def _remove_written(row: Record, path: str, state: Record) -> str:
    """Remove a side file that the run wrote, if nobody has changed it since."""
    discard_parts(state)
    if not os.path.lexists(path):
        return ""
    if not files.holds(path, row["sha256"]):
        raise Skip("the side file has changed since, and stays")
    files.remove(path)
    return ""


def _drop_second(row: Record, target: str) -> str:
    """Remove what an act left in `to` of a file that is whole in its place."""
    if not target or not os.path.lexists(target):
        return ""
    if files.holds(target, row["sha256"]):
        files.remove(target)
        return ""
    if row["bytes"] and files.is_regular(target) and not os.path.getsize(target):
        files.remove(target)  # the empty file that held the place
        return ""
    return f"what stands at {os.path.basename(target)} in the target folder has changed, and stays"


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

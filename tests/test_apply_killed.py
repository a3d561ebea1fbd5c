"""A process is killed at more than a hundred points of apply, resume and undo; no file is lost.

Some are killed from outside after a random time, as by a power cut. The others are killed between
two lines of Python, which reaches the moments that are too short to be met by chance.
"""

import hashlib
import json
import os
import random
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import imgdup_nb
from imgdup_nb import resume, undo
from imgdup_nb.review.tasks import make_tasks

# Loads three small modules and none of the libraries that the package as a whole needs.
CHILD = """\
import errno, os, signal, sys, types
package, header, path, deed, fatal_line, disks = sys.argv[1:]
sys.modules["imgdup_nb"] = types.ModuleType("imgdup_nb")
sys.modules["imgdup_nb"].__path__ = [package]
import json
from imgdup_nb.review import files
from imgdup_nb.review.journal import Journal
from imgdup_nb.review.restore import Restoration
from imgdup_nb.review.run import Run

if disks == "two":
    link = os.link
    def link_on_one_disk(source, target):
        if os.path.dirname(source) != os.path.dirname(target):
            raise OSError(errno.EXDEV, "another disk")
        link(source, target)
    os.link = link_on_one_disk

lines = 0
def count(frame, event, _argument):
    global lines
    lines += event == "line"
    if lines == int(fatal_line) > 0:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    return count

print("ready", flush=True)
if int(fatal_line) >= 0:
    sys.settrace(count)
if not os.path.exists(path):
    Journal.create(path, json.load(open(header))).close()
with Journal.open(path) as journal:
    passes = {"apply": Run, "undo": Restoration}
    forth_or_back = passes[deed](journal.header, journal)
    for _ in forth_or_back.apply() if deed == "apply" else forth_or_back.restore():
        pass
sys.settrace(None)
print(lines)
"""

# (action, disks, kills between lines, kills from outside)
SCENARIOS = [
    ("move", "one", 16, 8),
    ("move", "two", 16, 8),
    ("copy", "one", 8, 4),
    ("organise", "two", 8, 4),
    ("hardlink", "one", 14, 4),
    ("symlink", "one", 8, 4),
    ("delete", "one", 6, 4),
]


LEAVING = {"move", "delete"}  # acts after which a link would lead to nothing


def test_more_than_a_hundred_deaths_are_died_here():
    assert sum(between + outside for _, _, between, outside in SCENARIOS) >= 100


class Victim:
    """Two groups of files, the header of a run on them, and processes that die of it."""

    def __init__(self, folder, action, disks):
        self.photos, self.to, self.disks = folder / "photos", folder / "to", disks
        self.journal, self.header = folder / "journal.jsonl", folder / "header.json"
        self.to.mkdir(parents=True)
        names = ("kept", "twin") if action == "delete" else ("kept", "twin", "near")
        rows = [self._row(group, name) for group in (1, 2) for name in names]
        self.photos.joinpath("album").mkdir()
        self.photos.joinpath("album", "link.jpg").symlink_to("../1/twin.jpg")
        tasks = make_tasks(rows, action, str(self.to), move=True)
        assert {"write", "repoint"} <= {task["by"] for task in tasks} or action not in LEAVING
        self.header.write_text(json.dumps({"action": action, "to": str(self.to), "rows": tasks}))
        self.before = self.look()

    def _row(self, group, name):
        """Write a picture and its side file; return the picture's row of a plan."""
        path = self.photos / f"{group}" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = f"{group} {'near' if name == 'near' else 'kept'}".encode() * 9000
        path.write_bytes(content)
        path.with_name(f"{name}.jpg.aae").write_text(f"edits of group {group}")
        path.chmod(0o640 if name == "twin" else 0o644)
        os.utime(path, ns=(10**18, 10**18 + len(name) * 10**9 + group))
        return {
            "group": group,
            "image": f"{group}/{name}.jpg",
            "action": "keep" if name == "kept" else "remove",
            "path": str(path),
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "sidecar": "<xmp/>" if name == "kept" else "",
        }

    def look(self):
        """Return bytes, time of change and permissions of each file, and the text of each link."""
        return {
            path.name + path.parent.name: (
                os.readlink(path).encode() if path.is_symlink() else path.read_bytes(),
                path.lstat().st_mtime_ns * (not path.is_symlink()),
                path.lstat().st_mode,
            )
            for path in sorted(self.photos.rglob("*"))
            if path.is_file() or path.is_symlink()
        }

    def bytes_to_keep(self):
        return {content for content, _, mode in self.before.values() if not stat.S_ISLNK(mode)}

    def contents(self):
        """Return what can be read anywhere under a name that is not one of a half-made file."""
        files = [
            path
            for folder in (self.photos, self.to)
            for path in folder.rglob("*")
            if path.is_file()
        ]
        return {path.read_bytes() for path in files if not path.name.startswith(".imgdup-")}

    def start(self, deed, fatal_line=-1):
        package = Path(imgdup_nb.__file__).parent
        arguments = [package, self.header, self.journal, deed, fatal_line, self.disks]
        return subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", CHILD, *map(str, arguments)], stdout=subprocess.PIPE
        )

    def finish(self, deed, fatal_line=-1):
        """Run a deed until its end, or its death; return its exit code and what it printed last."""
        process = self.start(deed, fatal_line)
        printed = process.communicate(timeout=30)[0].split()
        return process.returncode, printed[-1]

    def kill_after(self, deed, seconds):
        process = self.start(deed)
        process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        process.communicate(timeout=30)
        return process.returncode

    def restore(self):
        """Undo in this process what the dead ones did."""
        undo(self.journal)
        assert self.look() == self.before
        assert not [path for path in self.to.rglob("*") if path.is_file()]
        self.journal.unlink()


@pytest.mark.parametrize(("action", "disks", "between", "outside"), SCENARIOS)
def test_a_run_killed_anywhere_loses_nothing_and_can_be_undone(
    tmp_path, action, disks, between, outside
):
    victim, chance = Victim(tmp_path, action, disks), random.Random(f"{action} {disks}")
    started = time.monotonic()
    _, lines = victim.finish("apply", 0)
    seconds = (time.monotonic() - started) / 2
    victim.restore()
    whole = victim.bytes_to_keep()
    deaths = {"between": 0, "outside": 0}

    def die(kind, deed):
        if kind == "between":
            code, _ = victim.finish(deed, chance.randint(1, int(lines)))
        else:
            code = victim.kill_after(deed, chance.uniform(0, seconds))
        deaths[kind] += code != 0
        assert victim.contents() >= whole

    while deaths["between"] < between or deaths["outside"] < outside:
        kind = "between" if deaths["between"] < between else "outside"
        die(kind, "apply")
        if chance.random() < 0.5 and victim.journal.exists():
            die(kind, "apply")  # the run that continues it dies too
        if not victim.journal.exists() or not victim.journal.read_bytes().count(b"\n"):
            victim.journal.unlink(
                missing_ok=True
            )  # killed before the plan was written down: nothing was begun
            assert victim.look() == victim.before
            continue
        if chance.random() < 0.5:
            die(kind, "undo")
            victim.restore()
        else:
            log = resume(victim.journal)
            assert set(log.status) <= {"done", "kept"}
            assert victim.contents() >= whole
            assert (victim.photos / "album" / "link.jpg").exists()
            victim.restore()

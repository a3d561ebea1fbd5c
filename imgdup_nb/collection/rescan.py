"""A folder against its index: which files are new, changed, moved or gone.

Size and time decide first: they cost only the walk through the folder. Where they differ, the
SHA-256 of the contents is compared with those of known files of that size. A file of known contents
was touched, moved or copied, and needs no decoder.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec

import PIL

from ..engine.files import NOT_KNOWN, known_time, printable, walk_files
from ..engine.parallel import each, map_batches
from ..engine.paths import read_digest
from ..engine.selection import ALL_FILES, Selection
from .store import Store

# nanoseconds; a file read this soon after it was written may have been changed again unseen (FAT: 2
# s)
YOUNG = 2_000_000_000
UNPAIRED = (
    "surrogatepass" if os.name == "nt" else "surrogateescape"
)  # how Python carries what is not Unicode in file names

STAND_INS = ".imgdup_nb-sent"  # a folder of pictures that stand for files: STAND_INS/owner/name

FileState = tuple[int, int | None]  # bytes, and time of the last change in nanoseconds


def file_key(root: str, path: str) -> bytes:
    """Return how the index calls a file below `root`.

    It is the name as the file system spells it, which need not be text.
    """
    name = path[len(os.path.join(root, "")) :]
    return (name if os.sep == "/" else name.replace(os.sep, "/")).encode("utf-8", UNPAIRED)


def file_name(file: bytes) -> str:
    """Undo `file_key`, but for the root."""
    return file.decode("utf-8", UNPAIRED)


def image_name(file: bytes) -> str:
    """Return the name of an image by how the index calls its file.

    A picture that stands for a file lies in a hidden folder, and has the name of that file.

    Examples
    --------
    >>> image_name(b"2024/cat.jpg"), image_name(b".imgdup_nb-sent/some-id/2024/cat.jpg")
    ('2024/cat.jpg', '2024/cat.jpg')
    """
    name = printable(file_name(file))
    return name.split("/", 2)[2] if name.startswith(f"{STAND_INS}/") else name


def file_path(root: str, file: bytes) -> str:
    """Undo `file_key`."""
    name = file_name(file)
    return os.path.join(root, name if os.sep == "/" else name.replace("/", os.sep))


def list_folder(
    root: str, selection: Selection = ALL_FILES, left_out: list[str] | None = None
) -> dict[bytes, FileState]:
    """Return the stamp of every file below `root` that is wanted.

    A missing drive is an error, not an empty folder. `left_out` takes the names of the
    folders of the system, which are passed over.
    """
    if not os.path.isdir(root):
        raise FileNotFoundError(
            f"folder {printable(root)!r} is not there any more; nothing was changed in its index"
        )
    start, found, other_separator = len(os.path.join(root, "")), {}, os.sep != "/"
    for entry in walk_files(root, selection, left_out=left_out):
        name = entry.path[
            start:
        ]  # the lines of `file_key`, written out because they run for every file
        if other_separator:
            name = name.replace(os.sep, "/")
        if selection != ALL_FILES and not selection.takes(printable(name)):
            continue
        try:
            stamp = stamp_of(entry.stat())
        except OSError:  # a link that leads nowhere: a row with a problem
            stamp = (0, None)
        found[name.encode("utf-8", UNPAIRED)] = stamp
    return found


def list_added(root: str, store: Store) -> dict[bytes, FileState]:
    """Return the stamp of every file of the index that still lies below `root`."""
    if not os.path.isdir(root):
        raise FileNotFoundError(
            f"folder {printable(root)!r} is not there any more; nothing was changed in its index"
        )
    found = {}
    for (file,) in store.read("SELECT file FROM images WHERE state != 'out'"):
        try:
            status = os.stat(file_path(root, file))
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            found[file] = stamp_of(status)
    return found


def stamp_of(status: os.stat_result) -> FileState:
    """Return the stamp of a file; the time is None where a table cannot hold it."""
    is_known = known_time(status.st_mtime_ns) != NOT_KNOWN
    return status.st_size, status.st_mtime_ns if is_known else None


def reader() -> str:
    """Return what reads pictures here; another version may read or show a file differently."""
    others = [name for name in ("pillow_heif", "rawpy") if find_spec(name) is not None]
    return ", ".join([f"Pillow {PIL.__version__}", *others, "shown as in version 2"])


# which rows may have been read otherwise by another reader: 16 bits that use only some of them,
# RAW files, and animations that begin with an empty frame
READ_OTHERWISE = (
    "problem != '' OR kind = 'raw' OR format = 'TIFF' OR mode LIKE 'I%' "
    "OR frames > 1 AND detail < 2"
)


# -- finding out -----------------------------------------------------------------------------------


@dataclass
class Difference:
    """How a folder differs from its index; files by their key in the index."""

    found: dict[bytes, FileState]
    settled: list[bytes] = field(default_factory=list)  # the same as before, down to the contents
    moved: dict[bytes, bytes] = field(default_factory=dict)  # where it was -> where it is
    copied: dict[bytes, bytes] = field(default_factory=dict)  # the copy -> what it is a copy of
    unread: list[bytes] = field(default_factory=list)  # to be decoded
    gone: list[bytes] = field(default_factory=list)
    # other contents though size and time are the same; to be decoded, too
    rotten: list[bytes] = field(default_factory=list)
    selection: Selection = ALL_FILES  # which files were wanted
    digests: dict[bytes, str] = field(default_factory=dict)  # SHA-256 of those that were compared


def find_differences(
    store: Store,
    root: str,
    found: dict[bytes, FileState],
    *,
    complete: bool = True,
    verify: bool = False,
) -> Difference:
    """Compare what is in the folder with what is in the index.

    Parameters
    ----------
    found
        made by `list_folder`; where not `complete`, some files of it.
    verify
        read all these files and compare digests, also where size and time are the same.
    """
    with store.decoding("images"):
        known, left_out, again = _known_stamps(store)
        doubtful = [
            file
            for file, stamp in found.items()
            if (verify or known.get(file) != stamp) and file not in left_out
        ]
        missing = known.keys() - found.keys() if complete else set()
        if not doubtful and not missing:
            return Difference(found)
        rows = store.read("SELECT file, sha256, bytes FROM images")
        sizes = {size for _, sha256, size in rows if sha256}
        to_digest = [file for file in doubtful if found[file][0] in sizes and file not in again]
        paths = [file_path(root, file) for file in to_digest]
        digests = dict(zip(to_digest, _digests(paths), strict=True))
        labelled = {
            file for (file,) in store.read("SELECT one FROM labels UNION SELECT other FROM labels")
        }
        difference = _sort_out(root, found, rows, doubtful, digests, again, labelled, complete)
        difference.gone = sorted(missing - difference.moved.keys())
        difference.rotten = [
            file for file in difference.unread if verify and known.get(file) == found[file]
        ]
        return difference


def _known_stamps(store: Store) -> tuple[dict[bytes, FileState | None], set[bytes], set[bytes]]:
    """Return the stamps of known files, the files taken out, and those whose problem may be over.

    A file that was read right after it was written, or whose problem may be over, has the stamp
    None, which no file has.
    """
    known: dict[bytes, FileState | None] = {}
    left_out, again = set(), set()
    rows = store.read(
        "SELECT file, state, bytes, modified, abs(seen - modified) < ?, "
        f"({READ_OTHERWISE}) AND reader != ? OR problem LIKE 'no permission%' FROM images WHERE "
        "state != 'gone'",
        (YOUNG, reader()),
    )
    for file, state, size, modified, is_young, once_more in rows:
        if state == "out":
            left_out.add(file)
            continue
        if state != "present":
            raise ValueError(f"no such state: {state!r}")
        known[file] = None if is_young or once_more else (size, modified)
        if once_more:
            again.add(file)
    return known, left_out, again


def _sort_out(
    root: str,
    found: dict[bytes, FileState],
    rows: list[tuple],
    doubtful: list[bytes],
    digests: dict[bytes, str],
    again: set[bytes],
    labelled: set[bytes],
    complete: bool,
) -> Difference:
    """Decide of each doubtful file: it is the same, it was moved or copied, or it must be read."""
    owners: dict[str, list[bytes]] = {}  # which rows have these contents
    wanted = set(digests.values()) - {""}
    for file, sha256, _ in rows:
        if sha256 in wanted:
            owners.setdefault(sha256, []).append(file)
    settled = [file for file in doubtful if file in owners.get(digests.get(file, ""), ())]
    difference = Difference(found, settled=settled, digests=digests)
    overwritten = set(doubtful) - set(difference.settled) - again

    def was_left(file: bytes) -> bool:
        is_there = file in found if complete else os.path.lexists(file_path(root, file))
        return file not in difference.moved and (not is_there or file in overwritten)

    for file in sorted(set(doubtful) - set(difference.settled)):
        same = owners.get(digests.get(file, ""), [])
        # of equal files that were moved each keeps its own name; else the one of which something
        # was said comes first
        movable = sorted(
            (_base(old) != _base(file), old not in labelled, old) for old in same if was_left(old)
        )
        if movable:
            difference.moved[movable[0][-1]] = file
        elif same:
            difference.copied[file] = same[0]
        else:
            difference.unread.append(file)
    return difference


def _base(file: bytes) -> bytes:
    return file.rpartition(b"/")[2]


def _digests(paths: Sequence[str]) -> list[str]:
    return (
        list(map_batches(partial(each, _digest), paths, describe="compare contents"))
        if paths
        else []
    )


def _digest(path: str) -> str:
    """Return the SHA-256 of a file, empty where it cannot be read: the scan says why."""
    try:
        return read_digest(path)
    except OSError:
        return ""

"""A checked plan -> the rows of a journal: all that a run needs to know of each file.

There is one row for each row of the plan. Three kinds of rows belong to a picture's row (`of`), and
are done only if other rows were done before (`needs`):

- a side file, such as `IMG_1.xmp`, goes where its picture goes;
- "repoint": a symbolic link that leads to a picture leads to the keeper when the picture has left;
- "write": metadata that only a leaving file has is written to a new side file of the keeper.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..engine.paths import is_inside, read_digest
from ..engine.selection import side_files
from .files import identity, is_regular, native, read_link
from .journal_format import Record
from .run import LINKS

STAYING = {"hardlink", "symlink"}  # the file's name stays, and so do its side files
METADATA_SUFFIX = ".xmp"


def make_tasks(rows: list[Record], action: str, folder: str, move: bool) -> list[Record]:
    """Return the rows of a journal.

    Parameters
    ----------
    rows
        of the plan, checked.
    folder
        the target folder, or "".
    move
        for "organise": move the files, do not copy them.
    """
    keepers = _keepers(rows)
    pictures = [_picture(row, keepers, action, move) for row in rows]
    _add_frees(pictures, folder)
    written = list(_metadata_to_write(rows, pictures, action))
    followers: dict[int, list[Record]] = {}
    for number, follower in [*_side_rows(pictures), *_link_rows(rows, pictures)]:
        followers.setdefault(number, []).append(follower)
    return _in_order_of_run(written, pictures, followers)


def _in_order_of_run(
    written: list[Record], pictures: list[Record], followers: dict[int, list[Record]]
) -> list[Record]:
    """Return all rows in the order of the run: metadata, then each picture and what follows it."""
    tasks: list[Record] = list(written)
    place: dict[int, int] = {}
    for number, picture in enumerate(pictures):
        place[number] = len(tasks)
        tasks += [picture, *followers.get(number, [])]
    for task in tasks:
        if "of" in task:
            task["of"] = place[task["of"]]
            task["needs"] = [place[number] for number in task["needs"]]
    for picture in pictures:
        if picture["acts"] and picture["by"] == "delete":  # the others can still be read elsewhere
            picture["needs"] = [
                number for number, task in enumerate(written) if task["group"] == picture["group"]
            ]
    return tasks


# -- pictures --------------------------------------------------------------------------------------


def _keepers(rows: list[Record]) -> dict[int, list[list[str]]]:
    """Return the path and digest of each group's kept images."""
    keepers: dict[int, list[list[str]]] = {}
    for row in rows:
        if row["action"] == "keep" and row["sha256"]:
            keepers.setdefault(row["group"], []).append([row["path"], row["sha256"]])
    return keepers


def _picture(
    row: Record, group_keepers: dict[int, list[list[str]]], action: str, move: bool
) -> Record:
    """Return the row of one image; its fields are explained in `run.Pass`."""
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
        "frees": 0,
        "by": by,
        "kept": bool(kept),
        "keepers": keepers,
    }


def _add_frees(pictures: list[Record], folder: str) -> None:
    """Write down the bytes of disk space that each act frees.

    Moving within one disk and the trash free none. A file with several names (hard links) is freed
    with its last name.
    """
    left: Counter[Any] = Counter()
    for picture in pictures:
        by = picture["by"]
        frees = (
            by == "delete"
            or (by in LINKS and not folder)
            or (by == "move" and _device(picture["source"]) != _device(folder))
        )
        if picture["acts"] and frees:
            n_names, file = _names_of_file(picture["source"])
            left[file] += 1
            picture["frees"] = picture["bytes"] if left[file] == n_names else 0


def _names_of_file(path: str) -> tuple[int, Any]:
    """Return how many names a file has, and what is equal for all of them."""
    try:
        return os.lstat(native(path)).st_nlink or 1, identity(native(path))
    except OSError:
        return 1, path


def _device(path: str) -> int:
    """Return the number of the disk of a path, also before its folders are made."""
    while not os.path.exists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return os.stat(path).st_dev


# -- side files ------------------------------------------------------------------------------------


def _side_rows(pictures: list[Record]) -> Iterator[tuple[int, Record]]:
    """Yield the rows of side files with the number of the picture that they follow.

    A side file that belongs to several pictures follows the last of them. If one of them stays, so
    does the side file.
    """
    folders = _Folders()
    acting = {
        picture["source"]: number
        for number, picture in enumerate(pictures)
        if picture["acts"] and picture["by"] not in STAYING
    }
    leaving = {path for path, number in acting.items() if pictures[number]["by"] != "copy"}
    owners: dict[str, list[int]] = {}
    for path, number in acting.items():
        near = folders.near(path)
        gone = {os.path.basename(name) for name in near if name in leaving}
        names = [os.path.basename(name) for name in near]
        others = [name for name in names if name not in gone] if path in leaving else names
        mine = side_files(path, {*others, os.path.basename(path)})
        for side in mine:
            if side in acting or not is_regular(native(side)):
                continue
            if path in leaving and (stays := _other_owner(side, path, others)):
                _remark(
                    pictures[number], f"{os.path.basename(side)} stays: it belongs to {stays}, too"
                )
            else:
                owners.setdefault(side, []).append(number)
    for side, numbers in owners.items():
        if (row := _side_row(side, numbers, pictures)) is not None:
            yield numbers[-1], row


def _other_owner(side: str, path: str, staying: list[str]) -> str:
    """Return a picture that stays and to which a side file belongs when another one has left."""
    stem = os.path.splitext(os.path.basename(path))[0].lower()
    names = [name for name in staying if name != os.path.basename(path)]
    for name in names:
        if os.path.splitext(name)[0].lower() == stem and side in side_files(
            os.path.join(os.path.dirname(path), name), names
        ):
            return name
    return ""


def _side_row(side: str, numbers: list[int], pictures: list[Record]) -> Record | None:
    picture = pictures[numbers[-1]]
    name, owner = os.path.basename(side), os.path.basename(picture["source"])
    try:
        size, sha256 = os.path.getsize(native(side)), read_digest(native(side))
    except OSError:
        _remark(picture, f"{name} stays: it cannot be read")
        return None
    keepers = _same_side_file(size, sha256, picture) if picture["by"] == "delete" else []
    if picture["by"] == "delete" and not keepers:
        _remark(picture, f"{name} stays: no keeper has the same one")
        return None
    whole = name.lower().startswith(owner.lower())
    return picture | {
        "planned": "remove",
        "reason": f"belongs to {owner}",
        "source": side,
        "bytes": size,
        "sha256": sha256,
        "frees": 0,
        "kept": False,
        "keepers": keepers,
        "remark": "",
        "of": numbers[-1],
        "needs": numbers,
        "whole": whole,
        "tail": name[len(owner if whole else os.path.splitext(owner)[0]) :],
    }


def _same_side_file(size: int, sha256: str, picture: Record) -> list[list[str]]:
    """Return the keepers' side files with the same bytes, each with its digest."""
    near = [side for path, _ in picture["keepers"] for side in side_files(path)]
    return [
        [side, sha256]
        for side in near
        if is_regular(native(side))
        and os.path.getsize(native(side)) == size
        and read_digest(native(side)) == sha256
    ]


class _Folders:
    """The files of folders, each listed once and found by how their names begin."""

    def __init__(self) -> None:
        self._listed: dict[str, dict[str, list[str]]] = {}

    def near(self, path: str) -> list[str]:
        """Return the paths of the files whose names begin as that of a picture."""
        folder, name = os.path.split(path)
        if folder not in self._listed:
            self._listed[folder] = {}
            try:
                names = os.listdir(native(folder))
            except OSError:
                names = []
            for other in names:
                self._listed[folder].setdefault(_beginning(other), []).append(
                    os.path.join(folder, other)
                )
        return self._listed[folder].get(_beginning(name), [])


def _beginning(name: str) -> str:
    """Return what all files that belong together have in common: `a.jpg`, `a(1).jpg`, `a.xmp`."""
    return re.sub(r"\(\d+\)$", "", name.lower().partition(".")[0])


def _remark(picture: Record, text: str) -> None:
    picture["remark"] = "; ".join(filter(None, [picture.get("remark", ""), text]))


# -- symbolic links --------------------------------------------------------------------------------


def _link_rows(rows: list[Record], pictures: list[Record]) -> Iterator[tuple[int, Record]]:
    """Yield rows for the symbolic links of the collection whose picture leaves its place."""
    leaving = {
        os.path.join(os.path.realpath(folder), name): number
        for number, picture in enumerate(pictures)
        if picture["acts"] and picture["by"] in {"move", "trash", "delete"}
        for folder, name in [os.path.split(picture["source"])]
    }
    if not leaving:
        return
    for link in _find_links(_roots(rows)):
        text = read_link(native(link)) or ""
        goal = os.path.join(os.path.realpath(os.path.dirname(link)), text)
        folder, name = os.path.split(os.path.normpath(goal))
        number = leaving.get(os.path.join(os.path.realpath(folder), name))
        if number is not None:
            yield (
                number,
                pictures[number]
                | {
                    "by": "repoint",
                    "reason": f"leads to {name}",
                    "source": link,
                    "bytes": 0,
                    "sha256": "",
                    "frees": 0,
                    "kept": False,
                    "keepers": [],
                    "remark": "",
                    "of": number,
                    "needs": [number],
                    "old": text,
                },
            )


def _roots(rows: list[Record]) -> list[str]:
    """Return the folders of the collection, none inside another."""
    folders = set()
    for row in rows:
        path, name = row["path"], os.path.normpath(str(row["image"]))
        root = path.removesuffix(name).rstrip(os.sep) if path.endswith(os.sep + name) else ""
        # a whole disk is not searched
        folders.add(root if root and os.path.dirname(root) != root else os.path.dirname(path))
    return [
        folder
        for folder in folders
        if not any(is_inside(folder, top, follow_links=False) for top in folders - {folder})
    ]


def _find_links(roots: list[str]) -> Iterator[str]:
    """Yield the symbolic links below some folders; links to folders are not followed."""
    waiting = list(roots)
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        yield entry.path
                    elif entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue  # a folder of somebody else


# -- metadata --------------------------------------------------------------------------------------


def _metadata_to_write(rows: list[Record], pictures: list[Record], action: str) -> Iterator[Record]:
    """Yield rows for the new side files of keepers, from the plan's column `sidecar`."""
    if action in {"copy", "organise"}:
        return  # all files are still there afterwards
    for number, (row, picture) in enumerate(zip(rows, pictures, strict=True)):
        text = row.get("sidecar")
        if not isinstance(text, str) or not text or not picture["kept"]:
            continue
        path = picture["source"] + METADATA_SUFFIX
        there = [
            side
            for side in side_files(picture["source"])
            if side.lower().endswith(METADATA_SUFFIX) and side != path
        ]
        contents = text.encode()
        yield picture | {
            "reason": f"metadata for {os.path.basename(picture['source'])}",
            "source": path,
            "bytes": len(contents),
            "sha256": hashlib.sha256(contents).hexdigest(),
            "acts": True,
            "by": "write",
            "kept": False,
            "keepers": [],
            "of": number,
            "needs": [],
            "text": text,
            "unless": [path, *there],
        }

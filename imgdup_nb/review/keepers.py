"""Groups -> the plan: which image of each group stays, what would be done to the others, and why.

A file is removed only if a file that stays holds at least as much in every respect: see
`dominance`. Otherwise both stay, and the plan says in words what would be lost.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..engine.addresses import name_in_address
from ..engine.checks import (
    check_choice,
    check_flag,
    check_images_table,
    check_list,
    check_path,
    check_table,
    check_text,
)
from ..engine.pair_graph import WHERE_FROM, check_unique_images
from ..engine.parallel import each, map_batches, stoppable
from ..groups import Grouping, similarity_lookup
from .dominance import ASPECTS
from .group_decision import Row, Settings, can_keep, decide_group
from .holdings import content_of
from .marks import kept_by_marks, read_marks
from .names import lies_in
from .plan import PLAN_COLUMNS, Plan

DEFAULT_RULE = ("pixels", "lossless", "metadata", "bytes", "-modified")
READY_RULES = {
    "largest": ("pixels", "bytes"),
    "oldest": ("-modified",),
    "newest": ("modified",),
    "shortest name": ("-name length",),
    "prefer folders": ("-preferred",),
    "prefer formats": ("-format order",),
}
FORMAT_ORDER = [
    "TIFF",
    "PNG",
    "HEIF",
    "AVIF",
    "JXL",
    "MPO",
    "JPEG",
    "WEBP",
    "GIF",
]  # most to hold first

Rule = str | Sequence[str] | Callable[[pd.DataFrame], str]


@stoppable
def choose_keepers(
    groups: Grouping | pd.DataFrame,
    images: pd.DataFrame,
    *,
    rule: Rule | None = None,
    accept: str | Iterable[str] = (),
    protected: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    prefer: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    keep: Mapping[int, str | Sequence[str]] | str | os.PathLike[str] | None = None,
    by: str | None = "label",
    compare: bool = True,
    keep_metadata: bool = False,
) -> Plan:
    """Decide which image of each group stays, and say why.

    A file is removed only if a file that stays holds at least as much in every respect. Otherwise
    both stay, flagged, and the column `loses` says what would be lost.

    Parameters
    ----------
    groups
        made by `group_duplicates`, or a table with the columns group and image.
    images
        made by `scan_images`, with a row for every image of the groups.
    rule
        None: the file that holds most is the keeper. Among equals the order is: the earliest time
        of change, the camera's own file, the plainest name ("IMG_1" before "Copy of IMG_1").
        A ready rule: "largest", "oldest", "newest", "shortest name", "prefer folders", "prefer
        formats" (TIFF, PNG, HEIF, ..., or the endings in `prefer`). Or columns of `images`, the
        most important first, the largest value first; a minus sign takes the smallest first
        ("-modified": the oldest). Also "pixels" (width x height) and "similarity" (to the group's
        original). Or a function: it gets the rows of one group and returns the name of the image
        to keep. Whatever the rule, a file that holds more than the keeper is not removed.
    accept
        kinds of loss that are fine: "pixels", "quality", "depth", "colours", "alpha", "frames",
        "metadata", "edits", "raw", "damage". "all" removes all but the keeper, as the rule says.
    protected
        folders, by their names in the collection ("originals/2023") or as absolute paths. Nothing
        in them is ever removed, and their images come before all others as keepers.
    prefer
        folders in order, the most preferred first. Their images come first as keepers; of what is
        in them, only files with the same bytes as a preferred keeper are removed. A text such as
        ".heic" is an ending, for rule="prefer formats".
    keep
        group number -> the name, or names, of what stays there, whatever the rule says. Or the path
        of the marks ("marks.json") that somebody saved in a page of `ThresholdExplorer.save_html`:
        images marked "keep" stay; where a group has only images marked "remove", all others stay.
    by
        a column of `images` with a label. Images with different labels are never removed for each
        other; their groups are flagged. A table without a column `label` has no labels; None
        ignores them.
    compare
        open the pictures and measure what they hold. On Linux, tags, comment and rating that a file
        manager keeps beside the bytes of a file count as its metadata. False trusts the table
        alone: size, frames, number of metadata entries; of two files alike in these, the rule
        decides.
    keep_metadata
        True: date, GPS, rating, keywords and caption that only a leaving file has go into a side
        file of its keeper, `<name>.xmp`, which `apply_plan` writes. Such a file may leave then.
        Not where the keeper has another date, or an .xmp file already.

    Returns
    -------
    Plan, a pandas.DataFrame, one row per image of a group, keepers first:
        group, image, action ("keep" or "remove"), reason, flag (what a person should look at, else
        empty), loses (what only this file holds), keeper (the image that stays instead), similarity
        (percent, to that keeper; of files that stay, to the first of the group; NaN where it is not
        known), protected, format, width, height, bytes, metadata, modified, path, sha256. With
        `keep_metadata` also sidecar (the text of the keeper's side file, or empty).
        `plan.kept` are the rows that stay. `attrs`: rule, accept, and threshold, linkage, method,
        floor, n_images of the groups.

    Raises
    ------
    KeyError
        if an image of the groups is not in `images`, or `rule` or `by` names a column that is not
        there.
    ValueError
        if `protected` or `prefer` names a folder without images, or `accept` an unknown kind. Also
        if `keep` names a group or image that is not there or a file that holds no marks, or a
        function returns such an image. Also if `keep_metadata` is asked for without `compare`.

    Notes
    -----
    A removal is never below the threshold of the groups to the keeper. Files with the same bytes
    never all stay, whether flagged or not. A camera's RAW file is never removed for a developed
    picture, and a RAW file and the JPEG of the same shot stay together. A file that cannot be read
    is never a keeper and never removed; a damaged one is the last choice.
    Cost: each file of a group is decoded once at full size, unless all files of the group have the
    same bytes. That takes 0.2 processor seconds for a photograph of 2 megapixels, 0.5 for 12. At
    most 60 megapixels of a group are in memory at once for each thread.

    Examples
    --------
    >>> import pandas as pd
    >>> import imgdup_nb as dup
    >>> images = pd.DataFrame({
    ...     "image": ["a.jpg", "b.png"], "path": ["a.jpg", "b.png"], "format": ["JPEG", "PNG"],
    ...     "width": [1024, 4000], "height": [768, 3000], "bytes": [90_000, 9_000_000],
    ...     "lossless": [False, True], "metadata": [0, 0], "problem": "", "sha256": ["1", "2"],
    ...     "modified": pd.Timestamp("2024-05-31", tz="UTC")})
    >>> groups = pd.DataFrame({"group": 1, "image": ["a.jpg", "b.png"]})
    >>> plan = dup.choose_keepers(groups, images, compare=False)
    >>> pd.DataFrame(plan[["image", "action", "reason"]])
       image  action                                            reason
    0  b.png    keep                    the best of 2: 4000 x 3000 PNG
    1  a.jpg  remove  keeps 4000 x 3000 PNG; this is 1024 x 768 JPEG
    """
    table = groups.table if isinstance(groups, Grouping) else groups
    check_table("groups", table, ("group", "image"), "group_duplicates(pairs, threshold)")
    images = check_images_table("images", images, ("image", "path", "sha256", "problem"))
    members = _members(table, images, by)
    endings = [text for text in _listed("prefer", prefer) if _is_ending(text)]
    folders = [text for text in _listed("prefer", prefer) if not _is_ending(text)]
    columns, function = _check_rule(rule, images)
    _mark_folders("protected", members, images, _listed("protected", protected))
    _mark_folders("prefer", members, images, folders)
    _mark_formats(members, endings)
    if isinstance(keep, str | os.PathLike):
        readable = {group: filter(can_keep, rows) for group, rows in members.items()}
        keep = kept_by_marks(read_marks(keep), readable)
    chosen = _check_keep({} if keep is None else keep, members)
    compare = check_flag("compare", compare)
    settings = Settings(
        columns=columns,
        function=function,
        by_dominance=rule is None and compare,
        accepted=_check_accept(accept),
        compare=compare,
        keep_metadata=_check_keep_metadata(keep_metadata, compare),
        threshold=groups.threshold if isinstance(groups, Grouping) else np.nan,
    )
    similarity = (
        similarity_lookup(groups) if isinstance(groups, Grouping) else _similarity_of_table(table)
    )
    decided = map_batches(
        partial(each, partial(decide_group, settings=settings, similarity=similarity)),
        [(rows, chosen.get(number, [])) for number, rows in members.items()],
        describe="compare copies",
    )
    rows = [row for group in decided for row in group]
    plan = Plan(
        {
            name: pd.Series([row[name] for row in rows], dtype=kind)
            for name, kind in (
                PLAN_COLUMNS | ({"sidecar": object} if keep_metadata else {})
            ).items()
        }
    )
    plan.attrs = {"rule": _name_of(rule, columns)}
    if settings.accepted:
        plan.attrs["accept"] = ", ".join(sorted(settings.accepted))
    if isinstance(groups, Grouping):
        plan.attrs |= {
            name: getattr(groups, name)
            for name in ("threshold", "linkage", "method", "floor", "n_images")
        }
    return plan


# -- what is asked for -----------------------------------------------------------------------------


def _listed(argument: str, names: Any) -> list[str]:
    """Return one folder or several as a list of texts."""
    example = "originals/2023"
    one = isinstance(names, str | os.PathLike)
    several = [names] if one else check_list(argument, names, [example])
    return [check_path(argument, name, example) for name in several]


def _is_ending(text: Any) -> bool:
    return isinstance(text, str) and text.startswith(".") and len(text) > 1 and "/" not in text


def _members(table: pd.DataFrame, images: pd.DataFrame, by: str | None) -> dict[int, list[Row]]:
    """Return each group's images with what is known of them."""
    if by is not None:
        check_text("by", by, "label")
    if by == "label" and by not in images:
        by = None
    if by is not None and by not in images:
        raise KeyError(f"by names {by!r}, and images has no such column")
    check_unique_images(images)
    wanted = images[images.image.isin(set(table.image))]
    known = {row["image"]: row for row in wanted.to_dict("records")}
    missing = [image for image in table.image if image not in known]
    if missing:
        raise KeyError(f"images has no row for {missing[0]!r}, which is in a group; {WHERE_FROM}")
    if table.image.duplicated().any():
        raise ValueError(
            f"groups has {table.image[table.image.duplicated()].iloc[0]!r} twice: an image is in "
            "one group at most"
        )
    members: dict[int, list[Row]] = {}
    similarity = table.similarity if "similarity" in table else [np.nan] * len(table)
    for group, image, percent in zip(table.group, table.image, similarity, strict=True):
        row = known[image]
        extra = {
            "group": int(group),
            "similarity": percent,
            "pixels": row["width"] * row["height"],
            "name length": len(row["image"]),
            "label": "" if by is None or pd.isna(row[by]) else str(row[by]),
            "content": content_of(row["path"], row["sha256"]),
        }
        empty = {"flag": "", "doubt": "", "keeper": "", "loses": "", "sidecar": ""}
        members.setdefault(int(group), []).append(row | extra | empty)
    return members


def _similarity_of_table(table: pd.DataFrame) -> Callable[[str, str], float]:
    """Return what a table of groups says of two images: only similarities to the original."""
    if "similarity" not in table:
        return lambda _one, _other: np.nan
    known = dict(zip(table.image, table.similarity, strict=True))
    originals = set(table.groupby("group").image.first())

    def similarity(one: str, other: str) -> float:
        if one in originals:
            return float(known[other])
        return float(known[one]) if other in originals else np.nan

    return similarity


def _check_rule(rule: Rule | None, images: pd.DataFrame) -> tuple[list[str], Any]:
    """Return the columns to sort by and the function of the user, if there is one."""
    if rule is None:
        return list(DEFAULT_RULE), None
    if callable(rule):
        return list(DEFAULT_RULE), rule
    if isinstance(rule, str) and rule in READY_RULES:
        return list(READY_RULES[rule]), None
    columns = [rule] if isinstance(rule, str) else check_list("rule", rule, ["-bytes"])
    known = {*images.columns, "pixels", "similarity"}
    for column in columns:
        if check_text("rule", column, "largest").removeprefix("-") not in known:
            raise KeyError(
                f"rule names {column!r}, and there are the rules {', '.join(READY_RULES)} and the "
                f"columns {', '.join(sorted(map(str, known)))}"
            )
    return columns, None


def _name_of(rule: Rule | None, columns: list[str]) -> str:
    if rule is None:
        return "the file that holds most"
    if isinstance(rule, str) and rule in READY_RULES:
        return rule
    return getattr(rule, "__name__", None) or ", ".join(columns)


def _check_accept(accept: str | Iterable[str]) -> frozenset[str]:
    wanted = [accept] if isinstance(accept, str) else check_list("accept", accept, ["metadata"])
    if "all" in wanted:
        return frozenset(ASPECTS)
    return frozenset(check_choice("accept", kind, [*ASPECTS, "all"]) for kind in wanted)


def _check_keep_metadata(keep_metadata: bool, compare: bool) -> bool:
    if check_flag("keep_metadata", keep_metadata) and not compare:
        raise ValueError("keep_metadata needs compare=True: metadata is read from the files")
    return bool(keep_metadata)


def _mark_folders(
    argument: str, members: dict[int, list[Row]], images: pd.DataFrame, folders: list[Any]
) -> None:
    """Write down in each row the folder of a list that it lies in, and the folder's place."""
    for folder in folders:
        if not any(map(partial(lies_in, folder=folder), images.image, images.path)):
            raise ValueError(
                f"{argument} names {os.fspath(folder)!r}, and no image lies in a folder of that "
                "name"
            )
    for rows in members.values():
        for row in rows:
            place = next(
                (k for k, f in enumerate(folders) if lies_in(row["image"], row["path"], f)),
                len(folders),
            )
            row[argument] = os.fspath(folders[place]) if place < len(folders) else ""
            if argument == "prefer":
                row["preferred"] = place


def _mark_formats(members: dict[int, list[Row]], endings: list[str]) -> None:
    lower = [ending.lower() for ending in endings]
    for rows in members.values():
        for row in rows:
            ending = os.path.splitext(name_in_address(row["path"]))[1].lower()
            kind = row.get("format", "")
            row["format order"] = (
                (lower.index(ending) if ending in lower else len(lower))
                if lower
                else (FORMAT_ORDER.index(kind) if kind in FORMAT_ORDER else len(FORMAT_ORDER))
            )


def _check_keep(
    keep: Mapping[int, str | Sequence[str]], members: dict[int, list[Row]]
) -> dict[int, list[str]]:
    if not isinstance(keep, Mapping):
        raise TypeError(
            "keep must be a dict such as {1: 'a.jpg'}, or the path of a file of marks, not "
            f"{type(keep).__name__}"
        )
    chosen = {
        group: [names] if isinstance(names, str) else check_list("keep", names, {1: ["a.jpg"]})
        for group, names in keep.items()
    }
    for group, names in chosen.items():
        if group not in members:
            raise ValueError(
                f"keep names group {group}, and the groups are numbered 1 to "
                f"{max(members, default=0)}"
            )
        for name in names:
            if not any(can_keep(row) and row["image"] == name for row in members[group]):
                raise ValueError(
                    f"keep names {name!r}, which is no readable image of group {group}"
                )
    return {group: names for group, names in chosen.items() if names}

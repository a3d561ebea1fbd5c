"""Groups -> the plan: which image of each group stays, what would be done to the others, and why.

In doubt both stay: a picture that is larger than the keeper but perhaps only enlarged, or that
shows more than it, is flagged for a person and not removed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..engine.checks import check_images_table, check_table
from ..engine.copies import original_order
from ..engine.decode import UnreadableImage, open_image
from ..engine.pair_graph import WHERE_FROM, check_unique_images
from ..engine.parallel import each, map_batches
from ..engine.sketches import read_sketch
from ..groups import Grouping
from .derivatives import describe_turn, is_enlarged, is_part, lacks_colour

DEFAULT_RULE = ("pixels", "lossless", "metadata", "bytes", "-modified")

Row = dict[str, Any]
Rule = Sequence[str] | Callable[[pd.DataFrame], str]

PLAN_COLUMNS = {
    "group": "int64", "image": object, "action": object, "reason": object, "flag": object, "keeper": object,
    "similarity": "float64", "protected": bool, "format": object, "width": "int64", "height": "int64", "bytes": "int64",
    "metadata": "int64", "modified": "datetime64[ns, UTC]", "path": object, "sha256": object,
}  # fmt: skip

CLEARLY_LARGER = 1.1  # times the pixels; below it an enlargement cannot be told from a copy


def choose_keepers(
    groups: Grouping | pd.DataFrame,
    images: pd.DataFrame,
    *,
    rule: Rule = DEFAULT_RULE,
    protected: Iterable[str | os.PathLike[str]] = (),
    keep: Mapping[int, str | Sequence[str]] | None = None,
    compare: bool = True,
) -> pd.DataFrame:
    """Decide which image of each group stays, and say why.

    Parameters
    ----------
    groups
        made by `group_duplicates`, or a table with the columns group and image.
    images
        made by `scan_images`, with a row for every image of the groups.
    rule
        columns of `images`, the most important first, the largest value first; a minus sign takes
        the smallest first ("-modified": the oldest). Also "pixels" (width x height) and
        "similarity" (to the group's original). What is equal in all is decided by the plainer name.
        The default is the tutorial's: resolution, lossless format, metadata, size, age. Or a
        function: it gets the rows of one group (those columns, best by the default rule first) and
        returns the name of the image to keep.
    protected
        folders, by their names in the collection ("originals/2023") or as absolute paths. Nothing
        in them is ever removed, and their images come before all others as keepers.
    keep
        group number -> the name, or names, of what stays there, whatever the rule says.
    compare
        open the pictures to look for crops, turned, grey and enlarged copies; False trusts the
        tables alone.

    Returns
    -------
    pandas.DataFrame, the plan, one row per image of a group, keepers first:
        group, image, action ("keep" or "remove"), reason, flag (what a person should look at, else
        empty), keeper (the image that stays in its stead), similarity, protected, format, width,
        height, bytes, metadata, modified, path, sha256. `attrs`: rule, and threshold, linkage,
        method, floor, n_images of the groups.

    Raises
    ------
    KeyError
        if an image of the groups is not in `images`, or the rule names a column that is not there.
    ValueError
        if `protected` names a folder without images, `keep` a group or image that is not there, or
        a function returns one.

    Notes
    -----
    An image that a list of columns puts first, but that is larger than another without having more
    detail, is a part of another, has lost its colours, or is mirrored against most of its group,
    does not become the keeper; it stays beside it, flagged. An image that cannot be read is never a
    keeper and never removed.

    Examples
    --------
    >>> images = pd.DataFrame({
    ...     "image": ["a.jpg", "b.png"], "path": ["a.jpg", "b.png"], "format": ["JPEG", "PNG"], "width": [1024, 4000],
    ...     "height": [768, 3000], "bytes": [90_000, 9_000_000], "lossless": [False, True], "metadata": [0, 0], "problem": "",
    ...     "sha256": ["1", "2"], "modified": pd.Timestamp("2024-05-31", tz="UTC")})
    >>> plan = choose_keepers(pd.DataFrame({"group": 1, "image": ["a.jpg", "b.png"]}), images, compare=False)
    >>> plan[["image", "action", "reason"]]
       image  action                                            reason
    0  b.png    keep                    the best of 2: 4000 x 3000 PNG
    1  a.jpg  remove  keeps 4000 x 3000 PNG; this is 1024 x 768 JPEG
    """
    table = groups.table if isinstance(groups, Grouping) else groups
    check_table("groups", table, ("group", "image"), "group_duplicates(pairs, threshold)")
    images = check_images_table("images", images, ("image", "path", "sha256", "problem"))
    members = _members(table, images)
    columns = _check_rule(rule, images, table)
    _mark_protected(members, images, protected)
    chosen = _check_keep(keep or {}, members)
    prints = map_batches(
        partial(
            each,
            partial(
                _decide, rule=rule if callable(rule) else None, columns=columns, compare=compare
            ),
        ),
        [(rows, chosen.get(number, [])) for number, rows in members.items()],
        describe="compare copies",
    )
    rows = [row for group in prints for row in group]
    plan = pd.DataFrame(
        {
            name: pd.Series([row[name] for row in rows], dtype=kind)
            for name, kind in PLAN_COLUMNS.items()
        }
    )
    plan.attrs = {"rule": getattr(rule, "__name__", None) or ", ".join(columns)}
    if isinstance(groups, Grouping):
        plan.attrs |= {
            name: getattr(groups, name)
            for name in ("threshold", "linkage", "method", "floor", "n_images")
        }
    return plan


# -- what is asked for -----------------------------------------------------------------------------


def _members(table: pd.DataFrame, images: pd.DataFrame) -> dict[int, list[Row]]:
    """Return each group's images with what is known of them."""
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
        extra = {"group": int(group), "similarity": percent, "pixels": row["width"] * row["height"]}
        members.setdefault(int(group), []).append(
            row | extra | {"flag": "", "doubt": "", "keeper": ""}
        )
    return members


def _check_rule(rule: Rule, images: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """Return the columns to sort by, those of the default rule for a function of the user's."""
    columns = (
        list(DEFAULT_RULE) if callable(rule) else [rule] if isinstance(rule, str) else list(rule)
    )
    known = {*images.columns, "pixels", "similarity"}
    for column in columns:
        if column.removeprefix("-") not in known:
            raise KeyError(
                f"rule names {column!r}, and there are the columns {', '.join(sorted(known))}"
            )
    return columns


def _mark_protected(members: dict[int, list[Row]], images: pd.DataFrame, protected: Any) -> None:
    folders = [protected] if isinstance(protected, str | os.PathLike) else list(protected)
    for folder in folders:
        if not any(
            _lies_in(image, path, folder)
            for image, path in zip(images.image, images.path, strict=True)
        ):
            raise ValueError(
                f"protected names {os.fspath(folder)!r}, and no image lies in a folder of that name"
            )
    for rows in members.values():
        for row in rows:
            row["protected"] = next(
                (os.fspath(f) for f in folders if _lies_in(row["image"], row["path"], f)), ""
            )


def _lies_in(image: str, path: str, folder: str | os.PathLike[str]) -> bool:
    name = os.fspath(folder)
    whole, start = (
        (path, os.path.normpath(name)) if os.path.isabs(name) else (image, os.path.normpath(name))
    )
    whole, start = os.path.normcase(os.path.normpath(whole)), os.path.normcase(start)
    return start == os.curdir or whole.startswith(os.path.join(start, ""))


def _check_keep(
    keep: Mapping[int, str | Sequence[str]], members: dict[int, list[Row]]
) -> dict[int, list[str]]:
    chosen = {
        group: [names] if isinstance(names, str) else list(names) for group, names in keep.items()
    }
    for group, names in chosen.items():
        if group not in members:
            raise ValueError(
                f"keep names group {group}, and the groups are numbered 1 to "
                f"{max(members, default=0)}"
            )
        for name in names:
            if not any(_can_keep(row) and row["image"] == name for row in members[group]):
                raise ValueError(
                    f"keep names {name!r}, which is no readable image of group {group}"
                )
    return {group: names for group, names in chosen.items() if names}


# -- one group -------------------------------------------------------------------------------------


def _decide(
    task: tuple[list[Row], list[str]], *, rule: Any, columns: list[str], compare: bool
) -> list[Row]:
    """Return a group's rows with action, reason, flag and keeper, what stays first."""
    rows, chosen = task
    ordered = _sorted(rows, columns)
    readable = [row for row in ordered if _can_keep(row)]
    if not readable:
        return [
            row
            | {
                "action": "keep",
                "reason": "no image of its group can be read, so nothing is removed",
            }
            for row in ordered
        ]
    forced = chosen or ([_ask(rule, readable)] if rule else [])
    keeper, doubtful = _find_keeper(readable, forced, compare)
    for row in ordered:
        row["action"], row["reason"] = _verdict(
            row, keeper, forced, doubtful, columns, len(ordered)
        )
        row["keeper"] = "" if row["action"] == "keep" else keeper["image"]
        row["protected"] = bool(row["protected"])
        row["flag"] = row["doubt"] or row["flag"]
    return sorted(ordered, key=lambda row: (row is not keeper, row["action"] != "keep"))


def _can_keep(row: Row) -> bool:
    return bool(row["problem"] == "" and row["sha256"])


def _sorted(rows: list[Row], columns: list[str]) -> list[Row]:
    """Return a group's images, the best first: protected ones, then by the rule, then by name."""
    ordered = sorted(rows, key=lambda row: original_order(row["image"]))
    for column in reversed(columns):
        name, smallest_first = column.removeprefix("-"), column.startswith("-")
        ordered.sort(
            key=partial(_rank, column=name, smallest_first=smallest_first),
            reverse=not smallest_first,
        )
    return sorted(ordered, key=lambda row: not row["protected"])


def _rank(row: Row, *, column: str, smallest_first: bool) -> tuple[bool, Any]:
    """Return a sort key that puts what is missing last either way."""
    value = row[column]
    is_missing = bool(pd.isna(value))
    return (is_missing == smallest_first, 0 if is_missing else value)


def _ask(rule: Callable[[pd.DataFrame], str], readable: list[Row]) -> str:
    answer = rule(pd.DataFrame(readable))
    if answer not in [row["image"] for row in readable]:
        raise ValueError(
            "rule must return the name of an image of the group, such as "
            f"{readable[0]['image']!r}, not {answer!r}"
        )
    return answer


def _find_keeper(readable: list[Row], forced: list[str], compare: bool) -> tuple[Row, list[str]]:
    """Return the keeper, and the names of those that the rule puts first but that had better not stay alone.

    The rule's first image is compared with the others; if it is in doubt the next one is, until one
    is not.
    """
    candidates = [row for row in readable if row["image"] in forced] or readable
    doubtful: list[str] = []
    for candidate in candidates:
        others = [
            row for row in readable if row is not candidate and row["sha256"] != candidate["sha256"]
        ]
        doubt = _compare(candidate, others) if compare else ""
        if not doubt:
            return candidate, doubtful
        candidate["doubt"] = doubt
        if forced or candidate["protected"]:
            return candidate, doubtful
        doubtful.append(candidate["image"])
    return candidates[0], doubtful[1:]


def _compare(candidate: Row, others: list[Row]) -> str:
    """Flag what is a turned copy or a part of the candidate; return what is doubtful about the candidate itself."""
    try:
        return _compare_pictures(candidate, others)
    except UnreadableImage as error:
        return f"cannot be compared: {error}"


def _compare_pictures(candidate: Row, others: list[Row]) -> str:
    sketch = read_sketch(candidate["path"], "RGB")
    turned = [_flag_other(row, candidate, sketch) for row in others]
    wholes = [row["image"] for row in others if is_part(sketch, read_sketch(row["path"], "RGB"))]
    if wholes:
        return f"shows less than {wholes[0]} (cropped?)"
    if coloured := [
        row["image"] for row in others if lacks_colour(sketch, read_sketch(row["path"], "RGB"))
    ]:
        return f"without the colours of {coloured[0]}"
    if len(others) > 1 and 2 * sum(turned) > len(others):
        return "turned or mirrored against most of its group"
    smaller = [
        row for row, is_turned in zip(others, turned, strict=True) if not (is_turned or row["flag"])
    ]
    return _doubt_size(
        candidate,
        [row for row in smaller if candidate["pixels"] > CLEARLY_LARGER * row["pixels"] > 0],
    )


def _flag_other(row: Row, candidate: Row, sketch: np.ndarray) -> bool:
    """Write down what a copy is of the candidate; tell whether it is turned or mirrored."""
    other = read_sketch(row["path"], "RGB")
    turn = describe_turn(other, sketch)
    part = (
        f"a part of {candidate['image']} (cropped)" if not turn and is_part(other, sketch) else ""
    )
    grey = f"without the colours of {candidate['image']}" if lacks_colour(other, sketch) else ""
    row["flag"] = f"{turn} against {candidate['image']}" if turn else part or grey
    return bool(turn)


def _doubt_size(candidate: Row, smaller: list[Row]) -> str:
    """Return a doubt if the candidate is larger than the best smaller copy but has no more detail."""
    if not smaller:
        return ""
    picture, copy = open_image(candidate["path"]), open_image(smaller[0]["path"])
    return (
        f"larger than {smaller[0]['image']} without more detail (enlarged?)"
        if is_enlarged(picture, copy)
        else ""
    )


# -- reasons ---------------------------------------------------------------------------------------


def _verdict(
    row: Row, keeper: Row, forced: list[str], doubtful: list[str], columns: list[str], n_images: int
) -> tuple[str, str]:
    """Return action and reason of one image."""
    if not _can_keep(row):
        return "keep", f"cannot be read ({row['problem'] or 'no digest'}), so it is left alone"
    if row["image"] in forced:
        return "keep", "chosen for this group"
    if row["protected"] and row is not keeper:
        return "keep", f"in the protected folder {row['protected']}"
    if row is keeper:
        return "keep", _why_kept(row, n_images)
    if row["image"] in doubtful:
        return "keep", f"stays beside {keeper['image']} until somebody has looked at it"
    return "remove", _why_removed(row, keeper, columns)


def _why_kept(row: Row, n_images: int) -> str:
    if row["protected"]:
        return f"in the protected folder {row['protected']}: {_describe(row)}"
    return f"the best of {n_images}: {_describe(row)}"


def _why_removed(row: Row, keeper: Row, columns: list[str]) -> str:
    """Compare with the keeper in what made the difference."""
    if row["sha256"] == keeper["sha256"]:
        return f"same bytes as {keeper['image']}"
    this, kept = _describe(row), _describe(keeper)
    if this != kept:
        return f"keeps {kept}; this is {this}"
    for column in columns:
        name = column.removeprefix("-")
        if not pd.isna(row[name]) and not pd.isna(keeper[name]) and row[name] != keeper[name]:
            return f"keeps {kept} with {name} {_show(keeper[name])}; this is {this} with {_show(row[name])}"
    return f"keeps {keeper['image']}, the plainer name; otherwise equal"


def _describe(row: Row) -> str:
    return f"{row['width']} x {row['height']} {row['format']}".strip()


def _show(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)

"""Checks of what a user passes in: each returns the good value or raises with the way out.

Numbers, choices and lists come first, then tables: an images table, a pairs table, a plan. Every
public function checks its tables here, so that the error always names the argument.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
import pandas as pd

Kind = TypeVar("Kind")

MAX_SHOWN = 80  # characters of a wrong value in an error


def check_level(name: str, value: Any) -> float:
    """Return `value` as a float if it is a number from 0 to 100 (both inclusive), else raise.

    Raises
    ------
    TypeError
        if it is not a number ("90" is text, True is a yes/no).
    ValueError
        if it is NaN or outside 0..100.

    Examples
    --------
    >>> check_level("threshold", 101)
    Traceback (most recent call last):
    ...
    ValueError: threshold must be from 0 to 100 percent, and 101 is not
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(
            f"{name} must be a number from 0 to 100 percent, such as 90, not {shown(value)}"
        )
    number = float(value)
    if not 0 <= number <= 100:  # NaN is not
        raise ValueError(f"{name} must be from 0 to 100 percent, and {shown(value)} is not")
    return number


def check_percent(name: str, value: Any) -> float:
    """Return a percent that somebody typed as a float, else raise.

    Raises
    ------
    TypeError, ValueError
        as `check_level` does; and if it is above 0 and at most 1, for then it is a share.

    Examples
    --------
    >>> check_percent("threshold", 90)
    90.0
    >>> check_percent("threshold", 0.9)
    Traceback (most recent call last):
    ...
    ValueError: threshold is in percent: did you mean 90 instead of 0.9?
    """
    number = check_level(name, value)
    if 0 < number <= 1:
        raise ValueError(f"{name} is in percent: did you mean {100 * number:g} instead of {value}?")
    return number


def check_percents(name: str, values: Any) -> list[float]:
    """Return several percents as floats; small ones may stand beside larger ones, as levels do.

    Examples
    --------
    >>> check_percents("thresholds", [95, 90])
    [95.0, 90.0]
    """
    given = check_list(name, values, [95, 90, 80])
    levels = [check_level(name, value) for value in given]
    for value in given if max(levels, default=0) <= 1 else []:
        check_percent(name, value)
    return levels


def check_choice(name: str, value: Any, allowed: Collection[str]) -> str:
    """Return `value` if it is one of `allowed`, else raise a ValueError that lists them.

    Examples
    --------
    >>> check_choice("linkage", "stars", ["star", "connected"])
    Traceback (most recent call last):
    ...
    ValueError: linkage must be one of 'star', 'connected', and 'stars' is not
    """
    if not len(allowed):
        raise ValueError(f"{name} is {shown(value)}, and there is nothing to choose from")
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, allowed))}, and {shown(value)} is not"
        )
    return value


def check_count(name: str, value: Any, *, at_least: int = 1, instead: str = "") -> int:
    """Return `value` as an int if it is a whole number from `at_least` up, else raise.

    Parameters
    ----------
    instead
        what else is allowed, for the text of the error, such as ", or None for all".

    Raises
    ------
    ValueError
        if it is not (True is a yes/no, 2.0 is no count).

    Examples
    --------
    >>> import numpy as np
    >>> check_count("max_count", np.int64(2))
    2
    >>> check_count("max_count", 0, instead=", or None for all")
    Traceback (most recent call last):
    ...
    ValueError: max_count must be a whole number from 1 up, or None for all, not 0
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < at_least:
        raise ValueError(
            f"{name} must be a whole number from {at_least} up{instead}, not {shown(value)}"
        )
    return int(value)


def check_above_zero(
    name: str, value: Any, instead: str = "a number above 0", *, or_zero: bool = False
) -> float:
    """Return a number above 0 as it is, else raise a ValueError that says what it must be.

    With `or_zero` 0 is allowed, too.

    Examples
    --------
    >>> check_above_zero("max_seconds", -1)
    Traceback (most recent call last):
    ...
    ValueError: max_seconds must be a number above 0, not -1
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not (float(value) > 0 or (or_zero and float(value) == 0)):
        raise ValueError(f"{name} must be {instead}, not {shown(value)}")
    return value


def check_list(name: str, value: Any, example: Any) -> list[Any]:
    """Return `value` as a list if it holds several values, else raise; text is one value.

    Raises
    ------
    TypeError
        if it is a text, a table, a dict, or nothing that can be gone through.

    Examples
    --------
    >>> check_list("methods", ("phash", "dhash"), ["phash"])
    ['phash', 'dhash']
    >>> check_list("methods", "dhash", ["phash"])
    Traceback (most recent call last):
    ...
    TypeError: methods must be a list, such as ['phash'], not 'dhash'
    """
    # a table would be gone through by its columns, and an array of no dimensions cannot be
    is_one = (
        isinstance(value, str | bytes | Mapping)
        or hasattr(value, "columns")
        or getattr(value, "ndim", 1) == 0
    )
    if is_one or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a list, such as {example!r}, not {shown(value)}")
    return list(value)


def check_pair(name: str, pair: Any) -> tuple[str, str]:
    """Return a pair as a tuple of two image names, else raise.

    Raises
    ------
    TypeError
        if it is not two texts.

    Examples
    --------
    >>> check_pair("pairs", "cat.jpg")
    Traceback (most recent call last):
    ...
    TypeError: pairs must hold pairs of names such as ('cat.jpg', 'dog.jpg'), not 'cat.jpg'
    """
    is_text = isinstance(pair, str) or not isinstance(pair, Iterable)
    names = [] if is_text else list(pair)
    if len(names) != 2:
        raise TypeError(
            f"{name} must hold pairs of names such as ('cat.jpg', 'dog.jpg'), not {shown(pair)}"
        )
    left, right = (check_text("image", each, "holiday/cat.jpg") for each in names)
    return left, right


def check_text(name: str, value: Any, example: str) -> str:
    """Return `value` if it is a text, else raise.

    Raises
    ------
    TypeError
        if it is not.

    Examples
    --------
    >>> check_text("image", None, "cat.jpg")
    Traceback (most recent call last):
    ...
    TypeError: image must be a text such as 'cat.jpg', not None
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a text such as {example!r}, not {shown(value)}")
    return value


def check_flag(name: str, value: Any) -> bool:
    """Return `value` as a bool if it is True or False, else raise: "no" and None are neither.

    Raises
    ------
    TypeError
        if it is not.

    Examples
    --------
    >>> check_flag("dry_run", "False")
    Traceback (most recent call last):
    ...
    TypeError: dry_run must be True or False, not 'False'
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, not {shown(value)}")
    return bool(value)


def check_path(name: str, value: Any, example: str) -> str:
    """Return a path as a text, else raise; the empty text is no path.

    Raises
    ------
    TypeError
        if it is no path.
    ValueError
        if it is empty, as of a variable that was never set.

    Examples
    --------
    >>> check_path("to", 3, "spare")
    Traceback (most recent call last):
    ...
    TypeError: to must be a path such as 'spare', not 3
    """
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str):
        raise TypeError(f"{name} must be a path such as {example!r}, not {shown(value)}")
    if not path:
        raise ValueError(f"{name} must be a path such as {example!r}, and it is empty")
    if "\0" in path:
        raise ValueError(f"{name} must be a path such as {example!r}, and {path!r} has a zero byte")
    return path


def check_saved_file(name: str, value: Any, example: str) -> str:
    """Return the path of a file that is there as a text, else raise.

    Raises
    ------
    TypeError, ValueError
        as `check_path`.
    FileNotFoundError, IsADirectoryError
        if there is no such file, or it is a folder.

    Examples
    --------
    >>> check_saved_file("journal", "no.jsonl", "run.jsonl")
    Traceback (most recent call last):
    ...
    FileNotFoundError: journal names the file 'no.jsonl', which does not exist
    """
    path = check_path(name, value, example)
    if "\0" in path or not os.path.lexists(path):
        raise FileNotFoundError(f"{name} names the file {path!r}, which does not exist")
    if os.path.isdir(path):
        raise IsADirectoryError(f"{name} must name a file, and {path!r} is a folder")
    return path


def shown(value: Any) -> str:
    """Return how an error shows what came: a text or a number itself, of others the kind.

    Examples
    --------
    >>> import numpy as np
    >>> shown("90"), shown(np.float64(90)), shown(pd.DataFrame())
    ("'90'", '90.0', 'DataFrame')
    """
    plain = value.item() if isinstance(value, np.generic) else value
    if not isinstance(plain, str | bytes | Real | None):
        return type(value).__name__
    try:
        return shorten_middle(repr(plain), MAX_SHOWN)
    except ValueError:  # a whole number with thousands of digits
        return f"that {type(value).__name__}"


def one_line(text: object) -> str:
    r"""Return a text whose invisible characters are dots, as in a table of file names.

    After a mark of direction, ``gpj.exe`` would be read as ``exe.jpg``.

    Examples
    --------
    >>> one_line("two\nlines.jpg"), one_line("cat\u202egnp.jpg")
    ('two·lines.jpg', 'cat·gnp.jpg')
    """
    return "".join(
        "·" if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else character
        for character in str(text)
    )


def shorten_middle(name: str, length: int = 32) -> str:
    r"""Return a name on one line of at most `length` characters, cut in its middle.

    Names mostly differ at their ends. Line breaks and other invisible characters become a dot in
    the middle of the line; so do those that change the direction of writing.

    Examples
    --------
    >>> shorten_middle("holiday/2024/beach/IMG_20240531_172009 (1).jpg", 24)
    'holiday/202…2009 (1).jpg'
    >>> shorten_middle("two\nlines.jpg")
    'two·lines.jpg'
    """
    visible = one_line(name)
    if len(visible) <= length:
        return visible
    head = (length - 1) // 2
    return visible[:head] + "…" + visible[len(visible) - (length - 1 - head) :]


def count_of(count: int, thing: str) -> str:
    """Say how many there are of something whose plural takes an s.

    Examples
    --------
    >>> count_of(1, "file"), count_of(2000, "file")
    ('1 file', '2,000 files')
    """
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


# -- tables ----------------------------------------------------------------------------------------

TEXTS = (
    "path", "sha256", "format", "mode", "problem", "remarks", "kind", "action", "reason", "flag",
    "loses", "keeper",
)  # fmt: skip


def check_made_by(name: str, value: Any, kind: type[Kind], maker: str) -> Kind:
    """Return `value` if it is what a function makes, else raise.

    Raises
    ------
    TypeError
        that names the argument, the function that makes it, and what came.

    Examples
    --------
    >>> check_made_by("fingerprints", None, dict, "fingerprint_images(images)")
    Traceback (most recent call last):
    ...
    TypeError: fingerprints must be made by fingerprint_images(images), not None
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be made by {maker}, not {shown(value)}")
    return value


def check_table(name: str, value: Any, columns: Iterable[str], maker: str) -> pd.DataFrame:
    """Return `value` if it is a table with these columns, else raise.

    Raises
    ------
    TypeError
        that names the argument, the function that makes it, and what came or is missing.

    Examples
    --------
    >>> check_table("sweep", None, ["threshold"], "sweep_thresholds(pairs)")
    Traceback (most recent call last):
    ...
    TypeError: sweep must be a table made by sweep_thresholds(pairs), not None
    >>> check_table("sweep", pd.DataFrame({"a": [1]}), ["threshold"], "sweep_thresholds(pairs)")
    Traceback (most recent call last):
    ...
    TypeError: sweep must be a table made by sweep_thresholds(pairs), and has no column 'threshold'
    """
    if not isinstance(value, pd.DataFrame):
        raise TypeError(f"{name} must be a table made by {maker}, not {shown(value)}")
    if not value.columns.is_unique:
        twice = value.columns[value.columns.duplicated()][0]
        raise TypeError(f"{name} must be a table made by {maker}, and has two columns {twice!r}")
    for column in columns:
        if column not in value:
            raise TypeError(f"{name} must be a table made by {maker}, and has no column {column!r}")
    return value


def check_pairs_table(name: str, value: Any) -> pd.DataFrame:
    """Return `value` if it is a pair table, else raise; `PairGraph.read` checks its floor."""
    columns = ("left", "right", "similarity")
    table = check_table(name, value, columns, "similar_pairs(fingerprints)")
    for side in ("left", "right"):
        if table[side].hasnans:
            raise _no_name(name, side)
    if len(table) and not pd.api.types.is_numeric_dtype(table.similarity):
        raise TypeError(f"{name}.similarity must hold numbers, in percent")
    if table.similarity.hasnans:
        raise ValueError(f"{name}.similarity must hold numbers, and one is missing")
    return table


def check_images_table(
    name: str, value: Any, columns: Iterable[str] = ("image", "path")
) -> pd.DataFrame:
    """Return `value` as an images table, else raise.

    A table that went through a CSV file is as it was before: an empty text is not NaN, and times
    are times.

    Raises
    ------
    TypeError
        if it is no table, lacks a column, or has other names than texts.
    ValueError
        if `modified` cannot be read as times.
    """
    table = check_table(name, value, columns, "scan_images(folder)")
    return _restored(name, table)


def check_plan_table(name: str, value: Any, columns: Iterable[str]) -> pd.DataFrame:
    """Return `value` as a plan, as it was before it went through a CSV file; else raise."""
    table = check_table(name, value, columns, "choose_keepers(groups, images)")
    return _restored(name, table)


def _restored(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with texts and times as they were before a CSV file; itself if they are."""
    restored = {}
    for column in TEXTS:
        if column in table and (table[column].hasnans or not _holds_text(table[column])):
            restored[column] = table[column].astype(object).fillna("")
    if "modified" in table and not pd.api.types.is_numeric_dtype(table.modified):
        restored["modified"] = _read_modified(name, table.modified)
    if table.image.hasnans:
        raise _no_name(name, "image")
    if len(table) and not _holds_text(table.image):
        raise TypeError(
            f"{name}.image must hold names, not numbers; "
            "pd.read_csv(path, dtype={'image': str}) keeps them"
        )
    return table.assign(**restored) if restored else table


def _holds_text(values: pd.Series) -> bool:
    """Tell whether a column may hold texts: nothing but missing values is read back as numbers."""
    return not pd.api.types.is_numeric_dtype(values)


def _read_modified(name: str, times: pd.Series) -> pd.Series:
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        return times
    try:
        return pd.to_datetime(times, utc=True, format="ISO8601").dt.as_unit("ns")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name}.modified must hold times: {error}") from error


def _no_name(name: str, column: str) -> TypeError:
    return TypeError(
        f"{name}.{column} must hold names, and one is missing; if the table comes from a CSV file, "
        "pd.read_csv(path, keep_default_na=False) keeps a file called 'NA'"
    )

"""Checks of what a user passes in: each returns the good value or raises with the way out."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from numbers import Integral, Real
from typing import Any


def check_percent(name: str, value: Any) -> float:
    """Return `value` as a float if it is a number from 0 to 100 (both inclusive), else raise.

    Raises
    ------
    TypeError
        if it is not a number ("90" is text, True is a yes/no).
    ValueError
        if it is NaN or outside 0..100.

    Examples
    --------
    >>> check_percent("threshold", 90)
    90.0
    >>> check_percent("threshold", 101)
    Traceback (most recent call last):
    ...
    ValueError: threshold must be from 0 to 100 percent, and 101 is not
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number from 0 to 100 percent, such as 90, not {value!r}")
    number = float(value)
    if math.isnan(number) or not 0 <= number <= 100:
        raise ValueError(f"{name} must be from 0 to 100 percent, and {value} is not")
    return number


def check_percents(name: str, values: Any) -> list[float]:
    """Return several values as `check_percent` does each.

    Examples
    --------
    >>> check_percents("thresholds", [95, 90])
    [95.0, 90.0]
    """
    return [check_percent(name, value) for value in check_list(name, values, [95, 90, 80])]


def check_choice(name: str, value: Any, allowed: Collection[str]) -> str:
    """Return `value` if it is one of `allowed`, else raise a ValueError that lists them.

    Examples
    --------
    >>> check_choice("linkage", "stars", ["star", "connected"])
    Traceback (most recent call last):
    ...
    ValueError: linkage must be one of 'star', 'connected', and 'stars' is not
    """
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, allowed))}, and {value!r} is not"
        )
    return value


def check_count(name: str, value: Any, *, at_least: int = 1, instead: str = "") -> int:
    """Return `value` as an int if it is a whole number from `at_least` up, of Python or numpy, else raise.

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
            f"{name} must be a whole number from {at_least} up{instead}, not {value!r}"
        )
    return int(value)


def check_list(name: str, value: Any, example: Any) -> list[Any]:
    """Return `value` as a list if it holds several values, else raise; text is one value, not a list of letters.

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
        raise TypeError(f"{name} must be a list, such as {example!r}, not {_shown(value)}")
    return list(value)


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
        raise TypeError(f"{name} must be a text such as {example!r}, not {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    """Return how an error shows what came: itself where it is short, else its kind."""
    return repr(value) if isinstance(value, str | bytes | Real | None) else type(value).__name__


def shorten_middle(name: str, length: int = 32) -> str:
    r"""Show a name on one line of at most `length` characters; what tells names apart is mostly at their ends.

    Line breaks and other characters without a shape, among them those that turn the direction of
    writing, become a dot in the middle of the line.

    Examples
    --------
    >>> shorten_middle("holiday/2024/beach/IMG_20240531_172009 (1).jpg", 24)
    'holiday/202…2009 (1).jpg'
    >>> shorten_middle("two\nlines.jpg")
    'two·lines.jpg'
    """
    visible = "".join(
        "·" if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else character
        for character in name
    )
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

"""Checks of what a user passes in: each returns the good value or raises with the way out."""

from __future__ import annotations

import math
from collections.abc import Collection
from numbers import Real
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
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, and {value!r} is not")
    return value

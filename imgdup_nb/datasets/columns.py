"""The columns of an images table that a user adds, such as split and label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..engine.checks import check_images_table, shown
from ..engine.pair_graph import WHERE_FROM, check_unique_images, find_names

MAX_VALUES = 1000  # different splits or classes; a column of names or ids has more


def check_column(argument: str, images: pd.DataFrame, column: Any) -> pd.Categorical:
    """Return a column of `images` as categories; missing and empty values have code -1.

    Raises
    ------
    ValueError
        if there is no such column, it has no values, or more than 1,000 different ones.

    Examples
    --------
    >>> images = pd.DataFrame({"image": ["a", "b"], "split": ["test", ""]})
    >>> check_column("by", images, "split").codes
    array([ 0, -1], dtype=int8)
    >>> check_column("by", images, "fold")
    Traceback (most recent call last):
    ...
    ValueError: by must be a column of images, and 'fold' is not one of them: 'image', 'split'
    """
    if not isinstance(column, str) or column not in images:
        raise ValueError(
            f"{argument} must be a column of images, and {shown(column)} is not one of them: "
            f"{', '.join(map(repr, images.columns))}"
        )
    values = images[column].astype(object)
    values = values.where(values.notna() & (values != ""), None)
    try:
        found = pd.Categorical(values)
    except TypeError as error:  # lists in a column cannot be compared
        raise ValueError(f"images.{column} must hold texts or numbers: {error}") from error
    if len(found.categories) > MAX_VALUES:
        raise ValueError(
            f"{argument} must be a column with at most {MAX_VALUES:,} different values, and "
            f"{column!r} has {len(found.categories):,}"
        )
    if not len(found.categories) and len(images):
        raise ValueError(f"images.{column} is empty, so there is nothing to compare by")
    return found


def check_rows(images: Any, column: Any, argument: str = "by") -> tuple[pd.DataFrame, Any]:
    """Return a checked images table and the categories of one of its columns."""
    images = check_images_table("images", images, ("image",))
    check_unique_images(images)
    return images, check_column(argument, images, column)


def could_be_read(images: pd.DataFrame) -> np.ndarray:
    """Return which images could be read, bool, n_images; all if the table does not say."""
    if "problem" not in images:
        return np.ones(len(images), dtype=bool)
    return (images.problem == "").to_numpy()


def rows_of_names(images: pd.DataFrame, names: list[str]) -> np.ndarray:
    """Return the row of each name, int64.

    Raises
    ------
    ValueError
        if one of the names is not in the table.
    """
    places = find_names(list(images.image), names)
    if len(places) and places.min() < 0:
        lost = names[int(np.flatnonzero(places < 0)[0])]
        raise ValueError(f"images must have a row for {lost!r}; {WHERE_FROM}")
    return places

"""A source of pictures without some of them: the filtered table, data set, array or list."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..engine.addresses import is_url


def filter_source(source: Any, images: pd.DataFrame, removed: set[str], path: str = "path") -> Any:
    """Return a source without the images of some names.

    Parameters
    ----------
    source
        what `scan_images` got.
    images
        the table that `scan_images` made of it.
    removed
        names in this table.
    path
        of a DataFrame: the column of paths.

    Examples
    --------
    >>> images = pd.DataFrame({"image": ["000000", "000001"], "path": ["item://1/0", "item://1/1"]})
    >>> filter_source(["one", "other"], images, {"000001"})
    ['one']
    """
    if isinstance(source, pd.DataFrame):
        return _filter_table(source, images, removed, path)
    if isinstance(source, Mapping):
        return _filter_mapping(source, images, removed)
    if isinstance(source, str | os.PathLike) or not hasattr(source, "__len__"):
        raise TypeError(
            f"source must be a table, a data set or pictures in memory, not "
            f"{type(source).__name__}; for files, result.kept lists what stays"
        )
    stays = _which_stay(images, removed, len(source))
    if hasattr(source, "select"):
        return source.select(stays)
    if isinstance(source, np.ndarray):
        return source[stays]
    if isinstance(source, list | tuple):
        return type(source)(source[k] for k in stays)
    return stays


def _filter_table(
    table: pd.DataFrame, images: pd.DataFrame, removed: set[str], path: str
) -> pd.DataFrame:
    if path not in table and images.path.str.startswith("item://").all():
        return table.iloc[_which_stay(images, removed, len(table))]
    if path not in table:
        raise ValueError(f"path must be the column of paths, and source has no column {path!r}")
    gone = set(images.path[images.image.isin(removed)])
    known = set(images.path)
    paths = [one if is_url(one) else os.path.abspath(one) for one in table[path].map(str)]
    if gone and not known & set(paths):
        raise ValueError("source must be the table that was scanned, and holds none of its paths")
    return table[[one not in gone for one in paths]]


def _filter_mapping(source: Any, images: pd.DataFrame, removed: set[str]) -> Any:
    """Return a dict of pictures by name, or of sources by split, such as a DatasetDict."""
    names = set(images.image)
    if all(str(name) in names for name in source):
        return {name: value for name, value in source.items() if str(name) not in removed}
    kept = {}
    for split, one in source.items():
        inside = images[images.image.str.startswith(f"{split}/")]
        kept[split] = filter_source(one, inside, removed)
    return type(source)(kept)


def _which_stay(images: pd.DataFrame, removed: set[str], n_items: int) -> list[int]:
    """Return the numbers of the items that stay; an address ends with the number of its item."""
    is_item = images.path.str.startswith("item://")
    numbers = images.path[is_item].str.rpartition("/")[2].astype(int)
    if not is_item.all() or sorted(numbers) != list(range(n_items)):
        raise ValueError(f"source must be what was scanned: {len(images)} images, not {n_items}")
    gone = set(numbers[images.image.isin(removed)])
    return [number for number in range(n_items) if number not in gone]

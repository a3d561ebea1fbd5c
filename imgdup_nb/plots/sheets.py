"""Sheets of pictures: many pairs, and what joins when the threshold goes down."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..engine.checks import (
    check_count,
    check_images_table,
    check_pairs_table,
    check_percents,
    count_of,
    shorten_middle,
)
from ..engine.figures import drawn_for_any_page, set_alt_text
from ..groups import group_duplicates
from ..sweep import CHANGES, threshold_changes
from .parts import NEW, PICTURE_SIDE, Sheet, draw_frame, lines_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAIR_WIDTH = 2.3  # of two tiles and the gap after them
PAIRS_IN_LINE = 3
CHANGE_WORDS = {
    "born": "a new group",
    "grown": "a group grows",
    "merged": "groups merge",
    "regrouped": "images move to another original",
}


@drawn_for_any_page
def plot_pairs(
    images: pd.DataFrame, pairs: pd.DataFrame, *, max_pairs: int = 12, ax: Axes | None = None
) -> Axes:
    """Draw pairs as pictures side by side, with their names and their similarity.

    Parameters
    ----------
    images
        made by `scan_images`.
    pairs
        made by `similar_pairs`, or some of its rows, such as ``pairs[pairs.similarity < 80]``. They
        are drawn in the order of the rows.
    max_pairs
        more are counted, not drawn.
    ax
        where to draw; None makes a figure.

    Raises
    ------
    TypeError
        if `pairs` is no pair table, or `images` is no table of images.

    Examples
    --------
    >>> import tempfile
    >>> from matplotlib.figure import Figure
    >>> from PIL import Image
    >>> import imgdup_nb as dup
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat.png", "cat copy.png"):
    ...         Image.linear_gradient("L").save(f"{folder}/{name}")
    ...     images = dup.scan_images(folder)
    ...     pairs = dup.similar_pairs(dup.fingerprint_images(images))
    ...     ax = dup.plot_pairs(images, pairs, ax=Figure().subplots())
    >>> ax.get_title(loc="left")
    '1 pair, 100.0 % similar'
    """
    images = check_images_table("images", images)
    check_pairs_table("pairs", pairs)
    shown = pairs.head(check_count("max_pairs", max_pairs))
    sheet = Sheet(ax, PAIR_WIDTH * min(PAIRS_IN_LINE, max(1, len(shown))))
    paths = dict(zip(images.image, images.path, strict=True))
    for rows in lines_of(shown.itertuples(), PAIRS_IN_LINE):
        sheet.draw_line(
            (
                PAIR_WIDTH * column + side,
                paths.get(name),
                shorten_middle(str(name), 20) + ("" if side else f"\n{row.similarity:.1f} %"),
            )
            for column, row in enumerate(rows)
            for side, name in enumerate((row.left, row.right))
        )
    title = _pairs_title(pairs, len(shown))
    set_alt_text(sheet.ax, f"Pictures side by side: {title}.")
    return sheet.finish(title)


def _pairs_title(pairs: pd.DataFrame, n_shown: int) -> str:
    title = count_of(len(pairs), "pair")
    if len(pairs):
        ends = sorted(
            {f"{value:.1f}" for value in (pairs.similarity.min(), pairs.similarity.max())}
        )
        title += f", {' to '.join(sorted(ends, key=float))} % similar"
    hidden = len(pairs) - n_shown
    return title + (f"; {hidden} more not shown" if hidden else "")


@drawn_for_any_page
def plot_changes(
    images: pd.DataFrame,
    pairs: pd.DataFrame,
    thresholds: Sequence[float] = (95, 90, 80),
    *,
    linkage: str = "star",
    max_groups: int = 3,
    max_images: int = 6,
    ax: Axes | None = None,
) -> Axes:
    """Draw what joins when the threshold goes down, as pictures: new images have a frame.

    Parameters
    ----------
    images
        made by `scan_images`.
    pairs
        made by `similar_pairs`.
    thresholds
        percent, inclusive, two or more; each is compared with the next lower one.
    linkage : {'star', 'connected', 'complete'}
    max_groups
        drawn for each step, those with most images first; all are counted.
    max_images
        drawn for each group: the original, then what joins, most similar first.
    ax
        where to draw; None makes a figure.

    Raises
    ------
    ValueError
        if there are fewer than two thresholds, or one is below the floor of the pairs.

    Examples
    --------
    >>> import tempfile
    >>> from matplotlib.figure import Figure
    >>> from PIL import Image
    >>> import imgdup_nb as dup
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat.png", "cat copy.png"):
    ...         Image.linear_gradient("L").save(f"{folder}/{name}")
    ...     images = dup.scan_images(folder)
    ...     pairs = dup.similar_pairs(dup.fingerprint_images(images))
    ...     ax = dup.plot_changes(images, pairs, ax=Figure().subplots())
    >>> [text.get_text() for text in ax.texts]
    ['95 → 90 %: no group changes', '90 → 80 %: no group changes']
    """
    images = check_images_table("images", images)
    levels = sorted(set(check_percents("thresholds", thresholds)), reverse=True)
    if len(levels) < 2:
        raise ValueError("thresholds must be two or more different percentages, such as (95, 90)")
    check_count("max_groups", max_groups)
    check_count("max_images", max_images)
    steps = [
        (strict, loose, threshold_changes(pairs, strict, loose, linkage=linkage))
        for strict, loose in itertools.pairwise(levels)
    ]
    sheet = Sheet(ax, max_images)
    paths = dict(zip(images.image, images.path, strict=True))
    described = []
    for strict, loose, changes in steps:
        heading = f"{strict:g} → {loose:g} %: {_count_changes(changes)}"
        described.append(heading)
        sheet.write(heading, weight="bold")
        table = group_duplicates(pairs, strict, linkage=linkage).table
        group_before = dict(zip(table.image, table.group, strict=True))
        largest = changes.iloc[changes.images.map(len).argsort(kind="stable")[::-1]]
        for row in largest.head(max_groups).itertuples():
            sheet.write(f"{CHANGE_WORDS[row.change]}: {count_of(len(row.images), 'image')}")
            _draw_change(sheet, row, group_before, max_images, paths)
    ax = sheet.finish()
    set_alt_text(ax, f"Pictures: what joins when the threshold goes down. {'; '.join(described)}.")
    return ax


def _count_changes(changes: pd.DataFrame) -> str:
    counts = changes.change.value_counts()
    parts = [f"{counts[kind]} {kind}" for kind in CHANGES if kind in counts]
    return ", ".join(parts) if parts else "no group changes"


def _draw_change(
    sheet: Sheet,
    row: Any,
    group_before: dict[str, int],
    max_images: int,
    paths: dict[str, str],
) -> None:
    """Draw the original of a changed group and what joins it; `group_before` is by name."""
    original, *others = row.images
    known = [group_before[name] for name in row.images if name in group_before]
    home = max(set(known), key=lambda group: (known.count(group), -group)) if known else None
    new = {name for name in row.images if home is None or group_before.get(name) != home}
    joins: dict[str, float] = {}
    for left, right, similarity in row.because:  # most similar first
        for name in (left, right):
            joins.setdefault(name, similarity)
    arrivals = sorted(new - {original}, key=lambda name: (-joins.get(name, 0.0), name))
    order = [original, *arrivals, *(name for name in others if name not in new)]
    tiles = []
    for column, name in enumerate(order[:max_images]):
        what = f"joins at {joins[name]:.1f} %" if name in new and name in joins else ""
        words = "original" if name == original else what
        tiles.append((column, paths.get(name), f"{shorten_middle(str(name), 20)}\n{words}"))
    if len(order) > max_images:
        right = max_images - (1 - PICTURE_SIDE)
        sheet.ax.text(right, sheet.top - 0.02, f"and {len(order) - max_images} more",
                      ha="right", va="bottom", fontsize="x-small")  # fmt: skip
    for name, picture in zip(order, sheet.draw_line(tiles), strict=False):
        if name in new and name != original and picture is not None:
            draw_frame(sheet.ax, picture.get_extent(), NEW)

"""Every figure: takes `ax` and returns `ax`, and never shows or saves.

Without `ax` a function makes its figure with pyplot, so that a notebook shows it at the end of the
cell like any other. Other code, such as a widget's callback, passes the axes of a
`matplotlib.figure.Figure` of its own. The reason is that pyplot keeps one list of figures for all
threads.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from ..engine.checks import (
    check_count,
    check_images_table,
    check_list,
    check_made_by,
    check_percent,
    check_table,
    count_of,
    shorten_middle,
)
from ..engine.figures import INK, drawn_for_any_page, set_alt_text
from ..engine.pair_graph import TOLERANCE, WHERE_FROM, PairGraph
from ..groups import Grouping
from ..sweep import count_by_level, graph_levels
from .parts import LINE, Sheet, axes_or_new, bar_widths, draw_legend, draw_line, lines_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Band(NamedTuple):
    """The tutorial's reading of the thresholds from `low` (inclusive) to `high`, in percent."""

    low: float
    high: float
    name: str
    meaning: str


BANDS = [
    Band(90.0, 100.0, "90\N{EN DASH}100", "very close or exact"),
    Band(80.0, 90.0, "80\N{EN DASH}89", "minor variations"),
    Band(70.0, 80.0, "70\N{EN DASH}79", "visually similar"),
    Band(0.0, 70.0, "below 70", "not recommended"),
]
CURVES = {  # column of the sweep: its colour, at least 3 : 1 on white and on black
    "pairs": "#6e7f96",
    "groups": "#2f7de1",
    "images": "#2a9461",
    "redundant": "#cf6f12",
    "largest": "#9a63d6",
}
MAX_TICK_NAMES = 40  # images named at the edges of a matrix; more cannot be read


@drawn_for_any_page
def plot_similarities(
    pairs: pd.DataFrame, threshold: float | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw how many pairs there are at each similarity, with the tutorial's bands.

    Parameters
    ----------
    pairs
        made by `similar_pairs`.
    threshold
        percent, inclusive; draws a line, and bars below it in grey.
    ax
        where to draw; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        One bar per level the method has (per half percent for an embedding). The scale of counts is
        logarithmic from one pair up, and empty bars have no height. So you see three duplicates
        next to a thousand unrelated pairs.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import imgdup_nb as dup
    >>> prints = dup.Fingerprints.from_bits(["a", "b"], [[True] * 64, [True] * 64])
    >>> pairs = dup.similar_pairs(prints)
    >>> ax = dup.plot_similarities(pairs, 90, ax=Figure().subplots())
    >>> len(ax.patches) > 0
    True
    """
    ax = axes_or_new(ax, (7, 3))
    graph = PairGraph.read(pairs)
    levels = graph_levels(graph)
    counts = count_by_level(graph.similarity, levels)
    line = 0.0 if threshold is None else check_percent("threshold", threshold)
    colours = np.where(levels >= line - TOLERANCE, CURVES["groups"], "#9aa5b1")
    # a bar begins at its level: the line of a threshold has all that counts on its right
    widths = bar_widths(levels)
    ax.bar(levels, counts, widths, color=list(colours), align="edge", zorder=2, label="pairs")
    _scale_counts(ax, counts.max(initial=1), height=0.82)  # above it are the names of the bands
    _draw_bands(ax, graph.floor)
    if threshold is not None:
        ax.axvline(line, color=LINE, linewidth=1.6, zorder=3)
    ax.set_xlim(right=max(101.0, 100 + 1.2 * widths.max(initial=0)))
    ax.set(xlabel=f"similarity, percent ({graph.method})", ylabel="pairs (logarithmic)")
    above = "" if threshold is None else f" {graph.count_near(line):,} at {line:g} % or more."
    set_alt_text(
        ax,
        f"Bars: {count_of(len(graph.similarity), 'pair')} by similarity ({graph.method}), "
        f"from {graph.floor:g} to 100 %.{above}",
    )
    return ax


@drawn_for_any_page
def plot_sweep(
    sweep: pd.DataFrame, threshold: float | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw what each threshold finds: pairs, groups, images, redundant images, the largest group.

    Parameters
    ----------
    sweep
        made by `sweep_thresholds`.
    threshold
        percent; draws a line.
    ax
        where to draw; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        Steps, not slopes: between two levels of a method nothing changes.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import imgdup_nb as dup
    >>> prints = dup.Fingerprints.from_bits(["a", "b"], [[True] * 64, [True] * 64])
    >>> sweep = dup.sweep_thresholds(dup.similar_pairs(prints))
    >>> ax = dup.plot_sweep(sweep, ax=Figure().subplots())
    >>> [line.get_label() for line in ax.lines]
    ['pairs', 'groups', 'images', 'redundant', 'largest']
    """
    check_table("sweep", sweep, ("threshold", *CURVES), "sweep_thresholds(pairs)")
    ax = axes_or_new(ax, (7, 3))
    rising = sweep.sort_values("threshold")
    rising = pd.concat([rising.head(1).assign(threshold=rising.threshold.min() - 1.0), rising])
    for column, colour in CURVES.items():
        # a threshold between two levels finds what the next stricter level does
        ax.step(
            rising.threshold, rising[column], where="pre", color=colour, label=column, linewidth=1.8
        )
    _scale_counts(ax, rising[list(CURVES)].to_numpy().max(initial=1))
    draw_line(ax, threshold)
    ax.set(xlabel="threshold, percent", ylabel="count (logarithmic)")
    draw_legend(ax, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    set_alt_text(ax, _sweep_in_words(sweep, threshold))
    return ax


@drawn_for_any_page
def plot_matrix(
    matrix: pd.DataFrame,
    groups: Grouping | Iterable[Iterable[str]] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw a similarity matrix as a heat map, the images of a group side by side.

    Parameters
    ----------
    matrix : n_images x n_images, percent
        made by `similarity_matrix`.
    groups
        made by `group_duplicates`, or lists of names; each is framed. None keeps the matrix's
        order.
    ax
        where to draw; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        with the names at the edges as long as there are 40 images or fewer.

    Raises
    ------
    ValueError
        if an image of the groups is not in the matrix.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import imgdup_nb as dup
    >>> prints = dup.Fingerprints.from_bits(["a", "b"], [[True] * 64, [True] * 64])
    >>> ax = dup.plot_matrix(dup.similarity_matrix(prints), [["a", "b"]], ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['a', 'b']
    """
    check_table("matrix", matrix, getattr(matrix, "index", ()), "similarity_matrix(fingerprints)")
    ax = axes_or_new(ax, (6.4, 5.2))
    named = [] if groups is None else groups
    named = named if isinstance(named, Grouping) else check_list("groups", named, [["a", "b"]])
    members = [list(group) for group in named]
    first = [name for group in members for name in group]
    grouped = set(first)
    unknown = sorted(grouped - set(matrix.index))
    if unknown:
        raise ValueError(
            f"groups must be of images of the matrix, and {unknown[0]!r} is not in it; {WHERE_FROM}"
        )
    order = first + [name for name in matrix.index if name not in grouped]
    values = matrix.loc[order, order].to_numpy(dtype=float)
    if not len(values):
        values = np.full((1, 1), np.nan)  # a blank cell: no image has a size that can be drawn
    picture = ax.imshow(
        values, vmin=min(50.0, np.nanmin(values, initial=50.0)), vmax=100, cmap="viridis"
    )
    ax.figure.colorbar(picture, ax=ax, label="similarity, percent", shrink=0.85)
    _frame_groups(ax, [len(group) for group in members])
    _name_edges(ax, order)
    framed = f", {count_of(len(members), 'group')} framed" if members else ""
    set_alt_text(
        ax,
        f"Heat map: the similarity of {count_of(len(order), 'image')} to each other in percent"
        f"{framed}.",
    )
    return ax


@drawn_for_any_page
def plot_group(
    images: pd.DataFrame,
    grouping: Grouping,
    group: int = 1,
    *,
    max_images: int = 24,
    ax: Axes | None = None,
) -> Axes:
    """Draw the pictures of one group with their names and their similarity to the original.

    Parameters
    ----------
    images
        made by `scan_images`.
    grouping
        made by `group_duplicates`.
    group
        its number, 1 for the largest.
    max_images
        more are counted, not drawn.
    ax
        where to draw; None makes a figure.

    Raises
    ------
    TypeError
        if the tables are given in another order.
    ValueError
        if there is no such group.

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
    ...     groups = dup.group_duplicates(dup.similar_pairs(dup.fingerprint_images(images)), 90)
    ...     ax = dup.plot_group(images, groups, ax=Figure().subplots())
    >>> ax.get_title(loc="left")
    'Group 1: 2 images at 90 %'
    """
    if isinstance(images, Grouping):
        raise TypeError(
            "plot_group takes the table of images first, then the groups: "
            f"plot_group(images, groups), not {type(images).__name__} and {type(grouping).__name__}"
        )
    images = check_images_table("images", images)
    check_made_by("grouping", grouping, Grouping, "group_duplicates(pairs, threshold)")
    if not len(grouping):
        raise ValueError("grouping has no groups, so none can be drawn")
    if not 1 <= check_count("group", group, at_least=0) <= len(grouping):
        raise ValueError(f"group must be from 1 to {len(grouping)}, and {group} is not")
    check_count("max_images", max_images)
    rows = grouping.table[grouping.table.group == group]
    shown = rows.head(max_images)
    n_columns = min(6, max(2, len(shown)))
    sheet = Sheet(ax, n_columns)
    paths = dict(zip(images.image, images.path, strict=True))
    for line in lines_of(shown.itertuples(), n_columns):
        sheet.draw_line(
            (column, paths.get(row.image), _tile_caption(row)) for column, row in enumerate(line)
        )
    more = f", {len(rows) - len(shown)} more not shown" if len(rows) > len(shown) else ""
    title = f"Group {group}: {len(rows)} images at {grouping.threshold:g} %{more}"
    original = shorten_middle(rows.image.iloc[0], 60)
    set_alt_text(sheet.ax, f"Pictures. {title}; the original is {original}.")
    return sheet.finish(title)


def _sweep_in_words(sweep: pd.DataFrame, threshold: float | None) -> str:
    """Return the counts at a threshold, or at the strictest and the loosest one."""
    ordered = sweep.sort_values("threshold")
    if threshold is not None:
        ordered = ordered[ordered.threshold >= threshold - TOLERANCE].head(1)
    ends = ordered.iloc[sorted({0, len(ordered) - 1})] if len(ordered) else ordered
    counts = [
        f"At {row['threshold']:g} %: " + ", ".join(f"{name} {row[name]:,.0f}" for name in CURVES)
        for row in ends.to_dict("records")
    ]
    return f"Curves: {', '.join(CURVES)} by threshold. {'. '.join(counts)}.".strip()


def draw_summary(pairs: pd.DataFrame, sweep: pd.DataFrame, grouping: Grouping) -> Figure:
    """Return histogram, curves and largest groups as a figure that pyplot does not know."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.6), layout="constrained")
    parts = figure.subplot_mosaic("HC;TT", height_ratios=[3, 1.5])
    plot_similarities(pairs, grouping.threshold, ax=parts["H"])
    plot_sweep(sweep, grouping.threshold, ax=parts["C"])
    figure.suptitle(grouping._headline(), fontsize="medium", parse_math=False)
    _draw_table(parts["T"], grouping)
    return figure


def _scale_counts(ax: Axes, most: float, height: float = 1.0) -> None:
    """Scale counts as log(1 + count): 0 has a place, 1 is seen, and a million still fits.

    The largest count takes at most that part of the height.
    """
    ticks = [0.0, *(10.0**k for k in range(int(np.log10(max(most, 1))) + 1))]
    ax.set_yscale("function", functions=(np.log1p, np.expm1))
    ax.set_ylim(0, max(2.2 * max(most, 1), np.expm1(np.log1p(max(most, 1)) / height)))
    ax.set_yticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    ax.spines[["top", "right"]].set_visible(False)


def _draw_bands(ax: Axes, floor: float) -> None:
    """Shade the tutorial's bands and write their names along the top."""
    left = floor - 0.03 * (100 - floor) - 0.5
    for place, (low, high, name, meaning) in enumerate(BANDS):
        start, stop = max(low, left), 110.0 if high == 100 else high
        if start >= stop:
            continue
        if place % 2:
            ax.axvspan(start, stop, color="#7f8ea3", alpha=0.10, linewidth=0, zorder=0)
        stop = min(stop, 101.0)
        share = (stop - start) / (101 - left)
        if share < 0.1:
            continue
        label = f"{name}\n{meaning}" if share >= 0.2 else name
        ax.annotate(
            label, ((start + stop) / 2, 1), xycoords=("data", "axes fraction"), xytext=(0, -3),
            textcoords="offset points", ha="center", va="top", fontsize="x-small", color=INK,
            annotation_clip=True,
        )  # fmt: skip
    ax.set_xlim(left, 101)


def _draw_table(ax: Axes, grouping: Grouping, n_rows: int = 5) -> None:
    """Write the largest groups as a table."""
    ax.set_axis_off()
    groups = grouping.summary.head(n_rows)
    if groups.empty:
        ax.text(
            0.5,
            0.7,
            grouping.advice,
            ha="center",
            va="top",
            transform=ax.transAxes,
            wrap=True,
            parse_math=False,
        )
        return
    cells = [
        [
            str(row.group),
            shorten_middle(row.original, 60),
            f"{row.images}",
            _percent_text(row.lowest),
            _percent_text(row.weakest),
        ]
        for row in groups.itertuples()
    ]
    heads = ["group", "original", "images", "lowest to original", "weakest pair"]
    table = ax.table(
        cells,
        colLabels=heads,
        colWidths=[0.08, 0.47, 0.1, 0.18, 0.17],
        cellLoc="left",
        loc="upper center",
    )
    table.auto_set_font_size(False)
    table.set_fontsize(8.5)
    for cell in table.get_celld().values():
        cell.visible_edges = "B"
        cell.set_edgecolor("#c5ccd6")
        cell.get_text().set_parse_math(False)


def _percent_text(value: float) -> str:
    return "below the floor" if np.isnan(value) else f"{value:.1f} %"


def _frame_groups(ax: Axes, sizes: list[int]) -> None:
    from matplotlib.patches import Rectangle

    start = 0
    for size in sizes:
        ax.add_patch(
            Rectangle(
                (start - 0.5, start - 0.5),
                size,
                size,
                fill=False,
                edgecolor="#e8453c",
                linewidth=1.4,
            )
        )
        start += size


def _name_edges(ax: Axes, names: list[str]) -> None:
    if len(names) > MAX_TICK_NAMES:
        ax.set(xticks=[], yticks=[], xlabel=f"{len(names)} images", ylabel=f"{len(names)} images")
        return
    short = [shorten_middle(name, 24) for name in names]
    # names are text: a dollar sign in one starts no formula
    ax.set_xticks(range(len(names)), short, rotation=90, fontsize="x-small", parse_math=False)
    ax.set_yticks(range(len(names)), short, fontsize="x-small", parse_math=False)


def _tile_caption(row: Any) -> str:
    name = shorten_middle(row.image, 22)
    if row.original:
        return f"{name}\noriginal"
    return f"{name}\n{_percent_text(row.similarity)}"

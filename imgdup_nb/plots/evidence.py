"""Figures of evidence: precision and recall, true and false pairs, labels, calibration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..engine.checks import check_list, check_made_by, check_table, count_of
from ..engine.figures import drawn_for_any_page, set_alt_text
from ..engine.pair_graph import TOLERANCE, PairGraph
from ..evidence.calibrate import Calibration
from ..evidence.evaluate import PairsOrGroups, read_truth_of
from ..evidence.price import check_price
from ..evidence.tool_defaults import TOOL_DEFAULTS
from ..sweep import count_by_level, graph_levels
from .parts import axes_or_new, bar_widths, draw_legend, draw_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAP_THRESHOLDS = (95.0, 90.0, 80.0, 70.0)  # columns of the heat map of each method
TRUE, FALSE = "#2f7de1", "#cf6f12"  # blue and orange: told apart by all eyes


@drawn_for_any_page
def plot_precision_recall(
    scores: pd.DataFrame, threshold: float | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw precision and recall by threshold, with their intervals.

    Parameters
    ----------
    scores
        made by `score_thresholds`.
    threshold
        percent; draws a line.
    ax
        where to draw; None makes a figure.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import imgdup_nb as dup
    >>> prints = dup.Fingerprints.from_bits(["a", "b"], [[True] * 64, [True] * 64])
    >>> pairs = dup.similar_pairs(prints)
    >>> scores = dup.score_thresholds(pairs, {"a": 1, "b": 1})
    >>> ax = dup.plot_precision_recall(scores, ax=Figure().subplots())
    >>> [line.get_label() for line in ax.lines]
    ['precision', 'recall']
    """
    columns = [f"{name}{end}" for name in ("precision", "recall") for end in ("", "_low", "_high")]
    check_table("scores", scores, ["threshold", *columns], "score_thresholds(pairs, truth)")
    ax = axes_or_new(ax, (7, 3))
    rising = scores.sort_values("threshold")
    for name, colour in (("precision", TRUE), ("recall", FALSE)):
        known = rising[rising[name].notna()]
        low, high = known[f"{name}_low"], known[f"{name}_high"]
        ax.fill_between(
            known.threshold, low, high, step="pre", color=colour, alpha=0.2, linewidth=0
        )
        ax.step(known.threshold, known[name], where="pre", color=colour, label=name, linewidth=1.8)
    draw_line(ax, threshold)
    ax.set(xlabel="threshold, percent", ylabel="share", ylim=(-0.02, 1.02))
    draw_legend(ax)
    set_alt_text(
        ax,
        "Curves: precision and recall by threshold, with intervals."
        + _scores_at(rising, threshold),
    )
    return ax


@drawn_for_any_page
def plot_true_and_false(
    pairs: pd.DataFrame,
    truth: PairsOrGroups,
    threshold: float | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw how similar true pairs (upward) and false pairs (downward) are.

    Parameters
    ----------
    pairs
        made by `similar_pairs`.
    truth
        in any form that `score_thresholds` takes.
    threshold
        percent; draws a line.
    ax
        where to draw; None makes a figure.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import imgdup_nb as dup
    >>> prints = dup.Fingerprints.from_bits(["a", "b"], [[True] * 64, [True] * 64])
    >>> pairs = dup.similar_pairs(prints)
    >>> ax = dup.plot_true_and_false(pairs, {"a": 1, "b": 1}, 90, ax=Figure().subplots())
    >>> [bars.get_label() for bars in ax.containers]
    ['true: 1 pair', 'false: 0 pairs']
    """
    ax = axes_or_new(ax, (7, 3))
    graph = PairGraph.read(pairs)
    known = read_truth_of(graph, truth, pairs)
    same = known.same(graph.first, graph.second)
    levels = graph_levels(graph)
    labels = []
    for name, chosen, colour, sign in (("true", same, TRUE, 1), ("false", ~same, FALSE, -1)):
        counts = count_by_level(graph.similarity[chosen], levels)
        count = int(chosen.sum())
        label = f"{name}: {count_of(count, 'pair')}"
        labels.append(label)
        heights = sign * np.log10(1 + counts)
        ax.bar(levels, heights, bar_widths(levels), color=colour, align="edge", label=label)
    ax.axhline(0, color="#888888", linewidth=0.8)
    draw_line(ax, threshold)
    ax.yaxis.set_major_formatter(lambda value, _: f"{10 ** abs(value) - 1:,.0f}")
    ax.set(xlabel=f"similarity, percent ({graph.method})", ylabel="pairs (logarithmic)")
    draw_legend(ax)
    set_alt_text(
        ax,
        f"Bars by similarity ({graph.method}), true pairs upward, false pairs downward. "
        f"{'; '.join(labels)}.",
    )
    return ax


@drawn_for_any_page
def plot_calibration(
    calibration: Calibration | Sequence[Calibration],
    threshold: float | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw known copies, one row per variation, and the unrelated pairs below them.

    Several calibrations, of one method each, are drawn as a heat map: recall of each variation at
    95, 90, 80 and 70 by each method.

    Parameters
    ----------
    calibration
        made by `calibrate`, or a list of them.
    threshold
        percent; draws a line.
    ax
        where to draw; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        A dot per similarity that occurs; its area is the share of the row's copies. The bottom row
        shows the unrelated pairs at or above the floor. There the area follows the logarithm of
        their number.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from PIL import Image
    >>> import imgdup_nb as dup
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for k in range(3):
    ...         noise = np.random.default_rng(k).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    ...         Image.fromarray(noise).resize((160, 160)).save(f"{folder}/{k}.png")
    ...     found = dup.calibrate(dup.scan_images(folder), variations=["jpeg 85"])
    >>> ax = dup.plot_calibration(found, 90, ax=Figure().subplots())
    >>> len(ax.get_yticklabels())
    2
    """
    if not isinstance(calibration, Calibration) and isinstance(calibration, Sequence):
        return _draw_recall_map(list(calibration), ax)
    check_made_by("calibration", calibration, Calibration, "calibrate(images)")
    names = calibration.recall_table().index[::-1]
    ax = axes_or_new(ax, (7, 1.2 + 0.24 * len(names)))
    lowest = calibration.false_pairs.threshold.min() if len(calibration.false_pairs) else 0.0
    for row, name in enumerate(names, start=1):
        found = calibration.copies.similarity[calibration.copies.variation == name].clip(
            lower=lowest - 2
        )
        counts = found.round(2).value_counts()
        ax.scatter(
            counts.index,
            np.full(len(counts), row),
            s=4 + 120 * counts / counts.sum(),
            color=TRUE,
            linewidths=0,
        )
    false_pairs = calibration.false_pairs.sort_values("threshold", ascending=False)
    new = false_pairs["false"].diff().fillna(false_pairs["false"]).to_numpy()
    sizes = np.where(new > 0, 4 + 30 * np.log10(1 + new), 0)
    ax.scatter(
        false_pairs.threshold, np.zeros(len(false_pairs)), s=sizes, color=FALSE, linewidths=0
    )
    draw_line(ax, threshold)
    ax.set_yticks(range(len(names) + 1), ["unrelated", *names])
    ax.set(
        xlabel=f"similarity to the original, percent ({calibration.method}); "
        f"left edge: below {lowest:.0f}"
    )
    set_alt_text(
        ax,
        f"Dots: how similar the copies of {count_of(len(names), 'variation')} are to their "
        f"originals ({calibration.method}), and below them unrelated pairs.",
    )
    return ax


def _draw_recall_map(calibrations: list[Calibration], ax: Axes | None) -> Axes:
    if not calibrations:
        raise ValueError("calibration must be one, or a list of at least one")
    columns, parts = [], []
    for found in calibrations:
        check_made_by("calibration", found, Calibration, "calibrate(images)")
        table = found.recall_table()
        levels = np.sort(table.columns.to_numpy())
        for threshold in MAP_THRESHOLDS:
            above = levels[levels >= threshold - TOLERANCE]
            step = levels[1] - levels[0] if len(levels) > 1 else 0.0  # to the next level below
            if len(above) and levels.min() - threshold < max(step, TOLERANCE):
                columns.append((found.method, threshold))
                parts.append(table[above.min()])
    if not parts:
        raise ValueError("calibration must reach 95, 90, 80 or 70 percent; lower min_similarity")
    recall = pd.concat(parts, axis=1)
    recall = recall.loc[recall.mean(axis=1).sort_values(ascending=False, kind="stable").index]
    ax = axes_or_new(ax, (1.5 + 0.62 * len(columns), 1.4 + 0.3 * len(recall)))
    ax.imshow(recall.to_numpy(dtype=float), vmin=0, vmax=1, cmap="viridis", aspect="auto")
    for (row, column), share in np.ndenumerate(recall.to_numpy(dtype=float)):
        text = "" if np.isnan(share) else f"{100 * share:.0f}"
        colour = "black" if share > 0.6 else "white"
        ax.text(column, row, text, ha="center", va="center", color=colour, fontsize="small")
    for column in range(1, len(columns)):
        if columns[column][0] != columns[column - 1][0]:
            ax.axvline(column - 0.5, color="white", linewidth=2)
    ax.set_xticks(range(len(columns)), [f"{method}\n{at:g} %" for method, at in columns])
    ax.tick_params(axis="x", labelsize="small")
    ax.set_yticks(range(len(recall)), recall.index)
    ax.set(xlabel="method and threshold", title="copies found, percent")
    methods = ", ".join(dict.fromkeys(method for method, _at in columns))
    set_alt_text(
        ax,
        f"Heat map: percent of the copies found, for {count_of(len(recall), 'variation')} "
        f"in rows and thresholds of {methods} in columns.",
    )
    return ax


@drawn_for_any_page
def plot_costs(
    scores: pd.DataFrame,
    prices: Iterable[tuple[float, float]] = ((1, 1), (10, 1), (50, 1)),
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw what each threshold costs, for several prices; a dot marks the least cost.

    Parameters
    ----------
    scores
        made by `score_thresholds`, or by `score_labels`. Labels know nothing of duplicates below
        the lowest threshold.
    prices
        (what a false pair costs, what a missed duplicate costs), one line each.
    ax
        where to draw; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        Each line is the cost over the least cost of its price, so 1 is best.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import imgdup_nb as dup
    >>> bits = [[True] * 64, [True] * 62 + [False] * 2, [True] * 58 + [False] * 6]
    >>> pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a", "b", "c"], bits))
    >>> scores = dup.score_thresholds(pairs, {"a": 1, "b": 1, "c": 2})
    >>> ax = dup.plot_costs(scores, [(1, 1), (50, 1)], ax=Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['false 1 : missed 1, least at 96.875 %', 'false 50 : missed 1, least at 96.875 %']
    """
    check_table("scores", scores, ("threshold", "pairs", "precision"), "score_thresholds(...)")
    ax = axes_or_new(ax, (7, 3))
    rising = scores[scores.precision.notna() & (scores.pairs > 0)].sort_values("threshold")
    true = rising.pairs * rising.precision
    false = rising.pairs - true
    missed = rising.missed if "missed" in rising else true.max() - true
    labels = []
    for price in check_list("prices", prices, [(50, 1)]):
        if len(check_list("prices", price, (50, 1))) != 2:
            raise ValueError(f"prices must hold pairs, such as (50, 1), and {price!r} is none")
        cost_false, cost_missed = price
        check_price(cost_false, cost_missed)
        cost = (cost_false * false + cost_missed * missed).to_numpy(dtype=float)
        if not len(cost):
            continue
        least = len(cost) - 1 - int(np.argmin(cost[::-1]))  # among equal ones the strictest
        at = rising.threshold.iloc[least]
        relative = (1 + cost) / (1 + cost[least])
        label = f"false {cost_false:g} : missed {cost_missed:g}, least at {at:g} %"
        labels.append(label)
        [line] = ax.step(rising.threshold, relative, where="pre", label=label)
        ax.plot([at], [1.0], "o", color=line.get_color())
    ax.set_yscale("log")
    ax.set(xlabel="threshold, percent", ylabel="cost, least = 1")
    draw_legend(ax)
    set_alt_text(ax, f"Curves: what each threshold costs. {'; '.join(labels)}.")
    return ax


@drawn_for_any_page
def plot_label_scores(
    scores: pd.DataFrame, threshold: float | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw what labels say about precision at each threshold: an interval, and the estimate in it.

    Parameters
    ----------
    scores
        made by `score_labels`.
    threshold
        percent; draws a line.
    ax
        where to draw; None makes a figure.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import pandas as pd
    >>> import imgdup_nb as dup
    >>> scores = pd.DataFrame({"threshold": [95.0, 90.0], "pairs": [3, 9], "precision": [1.0, 0.8]})
    >>> scores = scores.assign(precision_low=[0.4, 0.3], precision_high=1.0)
    >>> ax = dup.plot_label_scores(scores, ax=Figure().subplots())
    >>> [float(x) for x in ax.lines[0].get_xdata()]
    [95.0, 90.0]
    """
    columns = ("threshold", "pairs", "precision", "precision_low", "precision_high")
    check_table("scores", scores, columns, "score_labels(pairs, labels)")
    ax = axes_or_new(ax, (7, 3))
    some = scores[scores.pairs > 0]
    ax.vlines(
        some.threshold, some.precision_low, some.precision_high, color=TRUE, alpha=0.35, linewidth=7
    )
    ax.plot(some.threshold, some.precision, "o", color=TRUE, label="precision")
    draw_line(ax, threshold)
    ax.set(xlabel="threshold, percent", ylabel="precision by labels", ylim=(-0.02, 1.02))
    at = _scores_at(scores.sort_values("threshold"), threshold)
    set_alt_text(ax, f"Dots in intervals: precision by labels at each threshold.{at}")
    return ax


@drawn_for_any_page
def plot_tool_defaults(pairs: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw how many pairs reach the default threshold of each tool.

    Parameters
    ----------
    pairs
        made by `similar_pairs`.
    ax
        where to draw; None makes a figure.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import imgdup_nb as dup
    >>> prints = dup.Fingerprints.from_bits(["a", "b"], [[True] * 64, [True] * 64])
    >>> ax = dup.plot_tool_defaults(dup.similar_pairs(prints), ax=Figure().subplots())
    >>> {int(bar.get_width()) for bar in ax.patches}
    {1}
    """
    graph = PairGraph.read(pairs)
    shown = {
        tool: value for tool, value in TOOL_DEFAULTS.items() if value >= graph.floor - TOLERANCE
    }
    counts = [graph.count_near(value) for value in shown.values()]
    ax = axes_or_new(ax, (7, 0.8 + 0.25 * len(shown)))
    bars = ax.barh(range(len(shown)), counts, color=TRUE)
    ax.bar_label(bars, [f"{count:,}" for count in counts], padding=3, fontsize="small")
    ax.set_yticks(range(len(shown)), _with_percent(shown.items()))
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set(xlabel=f"pairs at or above each tool's default ({graph.method})")
    described = ", ".join(f"{tool} {count:,}" for tool, count in zip(shown, counts, strict=True))
    set_alt_text(
        ax, f"Bars: pairs at or above the default of each tool ({graph.method}). {described}."
    )
    return ax


def _scores_at(rising: pd.DataFrame, threshold: float | None) -> str:
    """Return what a table of scores has at a threshold, in words; nothing without one."""
    if threshold is None:
        return ""
    parts = [
        f"{name} {row[name]:.2f} ({row[f'{name}_low']:.2f} to {row[f'{name}_high']:.2f})"
        for row in rising[rising.threshold >= threshold - TOLERANCE].head(1).to_dict("records")
        for name in ("precision", "recall")
        if row.get(name) is not None and not np.isnan(row[name])
    ]
    return f" At {threshold:g} %: {', '.join(parts)}." if parts else ""


def _with_percent(tools: Iterable[tuple[str, float]]) -> list[str]:
    return [f"{tool}, {round(value, 1):g} %" for tool, value in tools]

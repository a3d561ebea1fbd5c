"""What several figures share: the threshold line, the legend, bars and tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.checks import check_percent, shorten_middle
from ..engine.decode import UnreadableImage, open_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes
LINE = "#c2362b"  # of a threshold
NEW = "#2f7de1"  # of the frame of what is new, or asked about
TILE = 160  # pixels; the longer side of a picture on a contact sheet


def bar_widths(levels: np.ndarray) -> np.ndarray:
    """Return for each level 0.8 of the distance to its nearest neighbour, in percent."""
    if len(levels) < 2:
        return np.full(len(levels), 1.0)
    gaps = np.abs(np.diff(levels))
    return 0.8 * np.minimum(np.append(gaps, gaps[-1]), np.insert(gaps, 0, gaps[0]))


# -- parts of figures ------------------------------------------------------------------------------


def axes_or_new(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return the axes to draw on: those given, or new ones of this size in inches."""
    if ax is not None:
        return ax
    from matplotlib import pyplot

    _figure, made = pyplot.subplots(figsize=size, layout="constrained")
    return made


def draw_line(ax: Axes, threshold: float | None) -> None:
    """Draw the line of a threshold in percent; None draws none."""
    if threshold is not None:
        ax.axvline(check_percent("threshold", threshold), color=LINE, linewidth=1.6)


def draw_legend(ax: Axes, **place: Any) -> None:
    """Draw the legend as all figures have it, where it is least in the way unless told."""
    ax.legend(**({"fontsize": "small", "frameon": False, "loc": "best"} | place))


def draw_frame(ax: Axes, extent: tuple[float, float, float, float], color: str) -> None:
    """Draw a frame around a picture."""
    from matplotlib.patches import Rectangle

    left, right, bottom, top = extent
    ax.add_patch(
        Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=color, linewidth=3)
    )


def _draw_tile(ax: Axes, column: float, line: float, path: str | None, caption: str) -> None:
    """Draw one picture in its square, height 1 plus a caption below."""
    left, top = float(column), line * 1.22
    try:
        if path is None:
            raise UnreadableImage("not in the images table")
        picture = open_image(path, min_side=TILE)
        picture.thumbnail((TILE, TILE))
    except UnreadableImage as error:
        words = shorten_middle(str(error), 40)
        ax.text(left + 0.46, top + 0.46, words, ha="center", va="center", fontsize="x-small",
                wrap=True, parse_math=False)  # fmt: skip
    else:
        width, height = (0.92 * side / max(picture.size) for side in picture.size)
        x, y = left + (0.92 - width) / 2, top + (0.92 - height)
        ax.imshow(
            np.asarray(picture), extent=(x, x + width, y + height, y), interpolation="lanczos"
        )
    ax.text(
        left + 0.46,
        top + 0.95,
        caption,
        ha="center",
        va="top",
        fontsize="x-small",
        parse_math=False,
    )

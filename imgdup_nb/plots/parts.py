"""What several figures share: the threshold line, the legend, bars and tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..engine.checks import check_percent, shorten_middle
from ..engine.decode import UnreadableImage, open_image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

LINE = "#c2362b"  # of a threshold
NEW = "#2f7de1"  # of the frame of what is new, or asked about
TILE = 160  # pixels; the longer side of a picture on a sheet
# of a tile and its width in inches; the others are in widths of a tile
PICTURE_SIDE, INCHES = 0.92, 1.6  # the longer side of a picture; the rest is the gap to the next
CAPTION, HEADING = 0.32, 0.3  # height of two lines below a picture, of a heading above a line


def bar_widths(levels: np.ndarray) -> np.ndarray:
    """Return for each level 0.8 of the distance to its nearest neighbour, in percent."""
    if len(levels) < 2:
        return np.full(len(levels), 1.0)
    gaps = np.abs(np.diff(levels))
    return 0.8 * np.minimum(np.append(gaps, gaps[-1]), np.insert(gaps, 0, gaps[0]))


# -- parts of figures ------------------------------------------------------------------------------


def axes_or_new(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return the axes to draw on: those given, or new ones of this size in inches."""
    from matplotlib import axes, pyplot

    if ax is not None:
        if not isinstance(ax, axes.Axes):
            kind = type(ax).__name__
            raise TypeError(
                f"ax must be one Axes of matplotlib, as fig.subplots() makes, not {kind}"
            )
        return ax

    _figure, made = pyplot.subplots(figsize=size, layout="constrained")
    return made


def draw_line(ax: Axes, threshold: float | None) -> None:
    """Draw the line of a threshold in percent; None draws none."""
    if threshold is not None:
        ax.axvline(check_percent("threshold", threshold), color=LINE, linewidth=1.6)


def draw_legend(ax: Axes, **place: Any) -> None:
    """Draw the legend as all figures have it, where it is least in the way unless told.

    Nothing is drawn where nothing has a label, as of an empty table.
    """
    if ax.get_legend_handles_labels()[0]:
        ax.legend(**({"fontsize": "small", "frameon": False, "loc": "best"} | place))


def draw_frame(ax: Axes, extent: tuple[float, float, float, float], color: str) -> None:
    """Draw a frame around a picture."""
    from matplotlib.patches import Rectangle

    left, right, bottom, top = extent
    ax.add_patch(
        Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=color, linewidth=3)
    )


def lines_of(rows: Iterable[Any], n_columns: int) -> list[list[Any]]:
    """Cut rows into lines of so many; the last may be shorter."""
    rows = list(rows)
    return [rows[start : start + n_columns] for start in range(0, len(rows), n_columns)]


class Sheet:
    """Pictures in lines, from the top down; a line is as high as its highest picture.

    Lengths are in widths of a tile. Without axes it makes a figure of the height that was needed.
    """

    def __init__(self, ax: Axes | None, width: float):
        self.is_made = ax is None
        self.ax = axes_or_new(ax, (INCHES * width, INCHES * width))
        self.width = width
        self.top = 0.0

    def draw_line(self, tiles: Iterable[tuple[float, str | None, str]]) -> list[AxesImage | None]:
        """Draw pictures with their captions, each (column, path, caption); None: not readable."""
        line = [(column, _read_tile(path), caption) for column, path, caption in tiles]
        height = max((_height_of(content) for _, content, _ in line), default=0.0)
        drawn = [self._draw_tile(column, height, what, words) for column, what, words in line]
        self.top += height + CAPTION
        return drawn

    def _draw_tile(
        self, left: float, height: float, content: np.ndarray | str, caption: str
    ) -> AxesImage | None:
        bottom, middle = self.top + height, left + PICTURE_SIDE / 2
        words: dict[str, Any] = {"ha": "center", "fontsize": "x-small", "parse_math": False}
        self.ax.text(middle, bottom + 0.03, caption, va="top", **words)
        if isinstance(content, str):
            self.ax.text(middle, bottom - height / 2, content, va="center", wrap=True, **words)
            return None
        half = PICTURE_SIDE * content.shape[1] / max(content.shape[:2]) / 2
        extent = (middle - half, middle + half, bottom, bottom - _height_of(content))
        return self.ax.imshow(content, extent=extent, interpolation="lanczos")

    def write(self, text: str, **style: Any) -> None:
        """Write a heading above the next line."""
        middle = self.top + HEADING / 2
        self.ax.text(0, middle, text, va="center", fontsize="small", parse_math=False, **style)
        self.top += HEADING

    def finish(self, title: str | None = None) -> Axes:
        """Cut the axes to what was drawn and return them."""
        height = max(self.top, HEADING)
        self.ax.set(xlim=(-0.06, self.width), ylim=(height, -0.06), aspect="equal")
        self.ax.set_axis_off()
        if title is not None:
            self.ax.set_title(title, loc="left", fontsize="medium", parse_math=False)
        if self.is_made:
            above = 0.1 if title is None else 0.4
            figure = cast("Figure", self.ax.figure)
            figure.set_size_inches(INCHES * self.width, INCHES * height + above)
        return self.ax


def _read_tile(path: str | None) -> np.ndarray | str:
    """Return a small picture, or why there is none."""
    try:
        if path is None:
            raise UnreadableImage("not in the images table")
        picture = open_image(path, min_side=TILE)
    except UnreadableImage as error:
        return shorten_middle(str(error), 40)
    picture.thumbnail((TILE, TILE))
    return np.asarray(picture)


def _height_of(content: np.ndarray | str) -> float:
    if isinstance(content, str):
        return PICTURE_SIDE / 2
    return PICTURE_SIDE * content.shape[0] / max(content.shape[:2])

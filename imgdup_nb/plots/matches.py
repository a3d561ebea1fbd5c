"""A query picture beside what was found for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pandas as pd

from ..engine.checks import (
    check_count,
    check_images_table,
    check_path,
    check_percent,
    check_table,
    shorten_middle,
)
from ..engine.figures import drawn_for_any_page, set_alt_text
from ..engine.pair_graph import TOLERANCE
from .parts import LINE, NEW, Sheet, draw_frame, lines_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALE = 0.35  # opacity of what is below the threshold


@drawn_for_any_page
def plot_matches(
    images: pd.DataFrame,
    query: str | os.PathLike[str],
    found: pd.DataFrame,
    threshold: float = 90.0,
    *,
    max_images: int = 11,
    ax: Axes | None = None,
) -> Axes:
    """Draw a query picture and the pictures similar to it; those below the threshold are pale.

    Parameters
    ----------
    images
        the images table of the collection, `photos.images`.
    query
        the picture that was asked for: the name of an image of the collection, or a path.
    found
        made by `photos.find_similar(query, threshold=70)` or `photos.find_by_tags`; ask for less
        than `threshold`, to see what the threshold leaves out.
    threshold
        percent, inclusive; a line stands before the first picture below it.
    max_images
        more are counted, not drawn.
    ax
        where to draw; None makes a figure.

    Raises
    ------
    TypeError
        if `found` is not such a table.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import pandas as pd
    >>> import imgdup_nb as dup
    >>> images = pd.DataFrame({"image": [], "path": []})
    >>> found = pd.DataFrame({"image": ["a.png", "b.png"], "similarity": [96.875, 75.0]})
    >>> dup.plot_matches(images, "cat.png", found, ax=Figure().subplots()).get_title(loc="left")
    'cat.png: 1 of 2 similar images at 90 % or more'
    """
    images = check_images_table("images", images)
    check_table("found", found, ("image", "similarity"), "photos.find_similar(image)")
    check_count("max_images", max_images)
    within = (found.similarity >= check_percent("threshold", threshold) - TOLERANCE).to_numpy()
    query = check_path("query", query, "cat.jpg")
    shown, name = found.head(max_images), os.path.basename(query)
    n_columns = min(6, len(shown) + 1)
    sheet = Sheet(ax, max(n_columns, 3))
    paths = dict(zip(images.image, images.path, strict=True))
    asked = paths.get(query, query), f"{shorten_middle(name, 22)}\nquery"
    tiles = [asked] + [
        (paths.get(row.image), f"{shorten_middle(str(row.image), 22)}\n{row.similarity:.1f} %")
        for row in shown.itertuples()
    ]
    pictures, tops = [], []
    for line in lines_of(tiles, n_columns):
        tops.append(sheet.top)
        pictures += sheet.draw_line((column, *tile) for column, tile in enumerate(line))
    if pictures[0] is not None:
        draw_frame(sheet.ax, pictures[0].get_extent(), NEW)
    for picture, is_within in zip(pictures[1:], within, strict=False):
        if picture is not None and not is_within:
            picture.set_alpha(PALE)
    if within.sum() < len(shown):
        n_lines, column = divmod(int(within.sum()) + 1, n_columns)
        ends = [tops[n_lines], [*tops, sheet.top][n_lines + 1] - 0.12]
        sheet.ax.plot([column - 0.04] * 2, ends, color=LINE, linestyle="--", linewidth=1.4)
    more = f", {len(found) - len(shown)} more not drawn" if len(found) > len(shown) else ""
    title = (
        f"{name}: {within.sum()} of {len(found)} similar images at {threshold:g} % or more{more}"
    )
    set_alt_text(sheet.ax, f"Pictures. {title}.")
    return sheet.finish(title)

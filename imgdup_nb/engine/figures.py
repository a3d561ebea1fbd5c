"""What figures have in common: they can be read on light and on dark pages, and have an alt text.

matplotlib is imported when the first figure is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from .parallel import Arguments

if TYPE_CHECKING:
    from matplotlib.artist import Artist

Drawn = TypeVar("Drawn", bound="Artist")

INK = "#757c86"  # of text and axes: can be read on white and on black
# matplotlib lays white below a transparent figure if the ticks of all its axes are equally dark.
# This one is on the other side of its limit, and looks the same.
OTHER_INK = "#7d848e"
GROUNDS: tuple[Any, ...] = ("figure.facecolor", "axes.facecolor")
INKS: tuple[Any, ...] = (
    "text.color",
    "axes.labelcolor",
    "axes.edgecolor",
    "xtick.color",
    "ytick.color",
)
MAX_ALT = 400  # characters


@contextmanager
def inks_for_any_page() -> Iterator[list[Any]]:
    """Give a figure no ground and grey text, so that light and dark pages can show it.

    Where somebody has chosen the colours of matplotlib, such as ``style.use("dark_background")``,
    those are used. What is drawn is put into the list.
    """
    from matplotlib import rcParams, rcParamsDefault

    drawn: list[Any] = []
    before = {name: rcParams[name] for name in (*GROUNDS, *INKS)}
    if any(value != rcParamsDefault[name] for name, value in before.items()):
        yield drawn
        return
    rcParams.update(dict.fromkeys(GROUNDS, "none") | dict.fromkeys(INKS, INK))
    try:
        yield drawn
    finally:
        # only these: the first figure of a notebook makes matplotlib interactive, which must last
        rcParams.update(before)
    for ax in (ax for part in drawn for ax in root_figure(part).axes):
        ax.tick_params(axis="x", colors=INK)  # ticks are made when they are shown
        ax.tick_params(axis="y", colors=OTHER_INK)


def drawn_for_any_page(draw: Callable[Arguments, Drawn]) -> Callable[Arguments, Drawn]:
    """Wrap a function that makes a figure of its own unless it is given `ax`."""

    @wraps(draw)
    def wrapped(*args: Arguments.args, **options: Arguments.kwargs) -> Drawn:
        if options.get("ax") is not None:
            return draw(*args, **options)
        with inks_for_any_page() as drawn:
            drawn.append(draw(*args, **options))
        return drawn[0]

    return wrapped


def set_alt_text(drawn: Artist, text: str) -> None:
    """Give axes or a figure an alt text.

    IPython sends it with the picture. The classic template of nbconvert shows it as ``alt``, and VS
    Code reads it from the text form of the output. JupyterLab 4.6 gives outputs no ``alt`` at all.
    """
    figure = root_figure(drawn)
    alt = getattr(figure, "_repr_mimebundle_", None)
    if not isinstance(alt, AltText):
        alt = figure._repr_mimebundle_ = AltText()
    alt.texts[drawn] = " ".join(text.split())[:MAX_ALT]


def root_figure(drawn: Artist) -> Any:
    """Return the figure that is shown: that of the axes, and not a part of it."""
    return drawn.figure.figure  # of a figure that is itself


def is_shown(part: Artist) -> bool:
    """Tell whether axes are still in their figure; a figure itself is."""
    root = root_figure(part)
    return part is root or part in root.axes


class AltText:
    """What a figure says to somebody who does not see it: a text of each part that is drawn."""

    def __init__(self) -> None:
        self.texts: dict[Any, str] = {}

    def __str__(self) -> str:
        shown = {part: text for part, text in self.texts.items() if is_shown(part)}
        return " ".join(shown.values())

    def __call__(self, **_options: Any) -> tuple[dict[str, str], dict[str, Any]]:
        """Return the text form of the output and its metadata; IPython adds the picture."""
        text = str(self)
        if not text:
            return {}, {}
        return {"text/plain": text}, {"alt": text, "image/png": {"alt": text}}

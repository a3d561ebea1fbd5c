"""The pair viewer: two pictures side by side or aligned, and their similarity by each method.

Python compares, and makes the pictures; the browser fades and wipes them. Python compares a
pair when somebody looks at it. Meanwhile the browser shows "working".
Messages, besides the traits and those of `base`:

==========  ========================================================================================
to Python   ``{type: "layers", index}``: asks for the pictures of the pair with this number
to browser  ``{type: "layers", index, ...}`` (see `_layers`) and a JPEG each: left, right; if they
            are aligned, left warped onto right, and the difference. Of a pair that cannot be
            compared: left and right, empty where it cannot be shown
==========  ========================================================================================
"""

from __future__ import annotations

import html
import io
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import traitlets as t
from PIL import Image

from ..compare import (
    AGREE_COLOR,
    DIFFER_COLOR,
    FIGURE_INCHES,
    MAX_NAME,
    Comparison,
    block_corners,
    check_file,
    compare_images,
    name_files,
)
from ..engine.checks import shorten_middle
from ..engine.decode import UnreadableImage, thumbnail
from .base import ToolWidget, facts_by_name, join_module, join_styles
from .state import check_images
from .thumbnails import Thumbnail

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_SIDE = 900  # pixels of a picture that is sent
STRIP_SIDE = (
    192  # pixels that the shorter side keeps all the same, so that a panorama can be looked at
)
KEPT = 8  # comparisons, about 2 MB each, so that going back costs nothing

Path = str | os.PathLike[str]


class PairViewer(ToolWidget):
    """Look at pairs: side by side, by wipe, blend, blink, difference, and each method's score.

    Keys: right and left arrow (or N and P) to the next pair and back, Home and End; S side by side,
    W wipe, B blend, X blink, D difference, K blocks.

    Parameters
    ----------
    pairs
        a table with left and right, such as `similar_pairs` makes: all of it, or the rows to look
        at. Or a `Comparison` made by `compare_images`. Or the paths of two image files.
    images
        with a table of pairs, the table made by `scan_images`.
    index
        row to begin with, 0 is the first.

    Attributes
    ----------
    index : int
        the row shown; set it to go there.
    pair : tuple of two image names
        what is shown; empty where the table has no rows.
    comparison : Comparison or None
        what is known of the pair; None where there is a `problem`.
    problem : str
        why the pair cannot be compared, or empty.

    Notes
    -----
    About 0.2 seconds a pair; the last 8 are remembered.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> import imgdup_nb as dup
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (80, 60), "white").save(f"{folder}/a.png")
    ...     Image.new("RGB", (80, 60), "white").save(f"{folder}/b.png")
    ...     viewer = dup.PairViewer((f"{folder}/a.png", f"{folder}/b.png"))
    >>> viewer
    <PairViewer: a.png and b.png: The files are equal, byte for byte.>
    >>> viewer.close()
    """

    _esm = join_module("viewer.js")
    _css = join_styles("viewer.css", agree=AGREE_COLOR, differ=DIFFER_COLOR)

    index = t.Int(0, help="the row shown, 0 is the first").tag(sync=True)
    pair = t.Tuple(read_only=True)
    comparison = t.Instance(Comparison, allow_none=True, read_only=True)
    problem = t.Unicode(read_only=True)
    view = t.Dict().tag(sync=True)

    def __init__(
        self,
        pairs: pd.DataFrame | Comparison | tuple[Path, Path],
        images: pd.DataFrame | None = None,
        *,
        index: int = 0,
    ) -> None:
        self.lock = threading.RLock()  # callbacks run beside the notebook's cells
        self._pairs, self._paths = _open_pairs(pairs, images)
        self._facts = facts_by_name(check_images(images))
        self._given = pairs if isinstance(pairs, Comparison) else None
        self._compare_files = lru_cache(KEPT)(compare_images)
        super().__init__(index=index)
        self._show()
        self.observe(self._show, "index")

    @t.validate("index")
    def _validate_index(self, proposal: Any) -> int:
        index, last = int(proposal["value"]), max(len(self._pairs) - 1, 0)
        if not 0 <= index <= last:
            raise t.TraitError(f"index must be from 0 to {last}, and {index} is not")
        return index

    # -- comparing ---------------------------------------------------------------------------------

    def _show(self, _change: Any = None) -> None:
        """Compare the pair at `index`, then tell everybody."""
        with self.lock:
            names = (
                tuple(self._pairs[side].iloc[self.index] for side in ("left", "right"))
                if len(self._pairs)
                else ()
            )
            comparison, problem = self._comparison_of(names)
            self._alone = (
                [] if comparison is not None else [self._open_alone(name) for name in names]
            )
            lost = [
                f"{name}: {one.problem}"
                for name, one in zip(names, self._alone, strict=False)
                if one.problem
            ]
            problem = "; ".join(lost) or problem
            self.set_trait("comparison", comparison)
            self.set_trait("problem", problem)
            self.set_trait("pair", names)
            self.view = self._describe()

    def _comparison_of(self, names: tuple[str, ...]) -> tuple[Comparison | None, str]:
        """Return the comparison of two images and an empty text, or None and why there is none."""
        if self._given is not None or not names:
            return self._given, "" if names else "There is no pair to show."
        if any(name not in self._paths for name in names):
            return None, "not in the images table"
        try:
            made = self._compare_files(*(self._paths[name] for name in names))
        except ImportError:  # not of this pair: nothing can be compared
            raise
        except Exception as error:  # whatever it is, the next pair may be fine
            return None, str(error) or type(error).__name__
        return replace(made, left=names[0], right=names[1]), ""

    def _open_alone(self, name: str) -> Thumbnail:
        """Return the picture of an image whose pair cannot be compared, if it has one."""
        if name not in self._paths:
            return Thumbnail(b"", "not in the images table")
        try:
            return Thumbnail(thumbnail(self._paths[name], MAX_SIDE), "")
        except UnreadableImage as error:
            return Thumbnail(b"", str(error))

    # -- to and from the browser -------------------------------------------------------------------

    def _describe(self) -> dict[str, Any]:
        found = self.comparison
        return {
            "index": self.index,
            "total": len(self._pairs),
            "names": list(self.pair),
            "facts": [self._facts.get(name, "") for name in self.pair],
            "found": self._found_by(),
            "sentence": "" if found is None else found.sentence,
            "problem": shorten_middle(self.problem, 300),
            "alone": [one.problem for one in self._alone],
            "aligned": found is not None and found.alignment.transform is not None,
            "scores": []
            if found is None
            else [[str(name), *row] for name, *row in found.scores.round(1).itertuples()],
        }

    def _found_by(self) -> list[Any]:
        """Return similarity and method of the row in the table of pairs, as far as it tells."""
        if self._pairs.empty or "similarity" not in self._pairs:
            return []
        return [
            round(float(self._pairs.similarity.iloc[self.index]), 2),
            str(self._pairs.attrs.get("method", "")),
        ]

    def _answer_layers(self, content: dict[str, Any]) -> None:
        with self.lock:
            index, comparison, alone = self.index, self.comparison, self._alone
        if content["index"] != index:  # the browser asks again for the pair that came after
            return
        if comparison is not None:
            drawn, pictures = _layers(comparison)
            self.send(
                {"type": "layers", "index": index, **drawn},
                buffers=[_jpeg(picture) for picture in pictures],
            )
        elif alone:
            sizes = [Image.open(io.BytesIO(one.jpeg)).size if one.jpeg else (3, 2) for one in alone]
            drawn = {"sizes": sizes, "areas": [], "agree": [], "differ": []}
            self.send(
                {"type": "layers", "index": index, **drawn}, buffers=[one.jpeg for one in alone]
            )

    # -- without a browser -------------------------------------------------------------------------

    def figure(self) -> Figure:
        """Return the pair as a matplotlib figure, as `Comparison.plot` draws it.

        If the pair cannot be compared, the figure shows the pictures there are and the problem.
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=FIGURE_INCHES, dpi=60, layout="constrained")
        if self.comparison is not None:
            return self.comparison.plot(figure)
        if not any(one.jpeg for one in self._alone):
            figure.text(
                0.5,
                0.5,
                shorten_middle(self.problem, 100),
                ha="center",
                wrap=True,
                parse_math=False,
            )
            return figure
        figure.set_size_inches(FIGURE_INCHES[0], FIGURE_INCHES[1] / 2)
        for ax, name, one in zip(figure.subplots(1, 2), self.pair, self._alone, strict=True):
            ax.set_axis_off()
            ax.set_title(shorten_middle(name, MAX_NAME), parse_math=False)
            if one.jpeg:
                ax.imshow(np.asarray(Image.open(io.BytesIO(one.jpeg))))
            else:
                why = shorten_middle(one.problem, 100)
                ax.text(
                    0.5,
                    0.5,
                    why,
                    ha="center",
                    va="center",
                    wrap=True,
                    transform=ax.transAxes,
                    parse_math=False,
                )
        return figure

    def still(self) -> bytes:
        """Return the figure as a PNG of few colours, a third of the bytes in a saved notebook."""
        buffer = io.BytesIO()
        Image.open(io.BytesIO(super().still())).convert("RGB").quantize(256).save(buffer, "PNG")
        return buffer.getvalue()

    def _still_table(self) -> str:
        names = f"<p>{html.escape(self._place(), quote=True)}</p>"
        if self.comparison is None:
            return f"{names}<p>{html.escape(self.problem, quote=True)}</p>"
        return names + self.comparison._repr_html_()

    def _place(self) -> str:
        where = f"pair {self.index + 1} of {len(self._pairs)}, " if len(self._pairs) > 1 else ""
        return where + " and ".join(shorten_middle(name, MAX_NAME) for name in self.pair)

    def __repr__(self) -> str:
        what = (
            self.comparison.sentence
            if self.comparison is not None
            else shorten_middle(self.problem, 300)
        )
        return f"<PairViewer: {self._place()}: {what}>" if self.pair else f"<PairViewer: {what}>"


def _open_pairs(pairs: Any, images: pd.DataFrame | None) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return a table of the pairs to show (left, right) and where each image is."""
    if isinstance(pairs, Comparison):
        return pd.DataFrame({"left": [pairs.left], "right": [pairs.right]}, dtype=object), {}
    if isinstance(pairs, pd.DataFrame) and {"left", "right"} <= set(pairs):
        known = check_images(images, pairs)
        if known is None:
            raise TypeError(
                "images must be the table made by scan_images(folder): a table of pairs holds "
                "names, not files"
            )
        return pairs, dict(zip(known.image, known.path, strict=True))
    if isinstance(pairs, Sequence) and not isinstance(pairs, str) and len(pairs) == 2:
        for side, path in zip(("left", "right"), pairs, strict=True):
            check_file(side, path)
        names = name_files(*pairs)
        return pd.DataFrame([names], columns=["left", "right"], dtype=object), dict(
            zip(names, pairs, strict=True)
        )
    raise TypeError(
        "pairs must be a table with left and right made by similar_pairs, a Comparison made by "
        "compare_images(left, right), or "
        f"the paths of two files as one tuple, PairViewer((left, right)), not {_kind(pairs)}"
    )


def _kind(pairs: Any) -> str:
    """Say what was given instead of pairs."""
    if isinstance(pairs, pd.DataFrame):
        return f"a table of {', '.join(map(str, pairs.columns))}"
    return type(pairs).__name__ + (f" of {len(pairs)}" if isinstance(pairs, list | tuple) else "")


def _layers(comparison: Comparison) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Return what is drawn of a comparison, in pixels of `sizes`, and its pictures.

    ``sizes`` are (width, height) of left and right. ``areas`` are the corners of the overlap
    on left and on right. ``agree`` and ``differ`` are the corners of blocks on right.
    """
    if comparison.alignment.transform is None:
        return {"sizes": comparison.sizes, "areas": [], "agree": [], "differ": []}, list(
            comparison.pictures
        )
    squares, agrees = block_corners(comparison)
    areas = [area.round(1).tolist() for area in comparison.common_areas()]
    blocks = {
        "agree": squares[agrees].round(1).tolist(),
        "differ": squares[~agrees].round(1).tolist(),
    }
    pictures = [*comparison.pictures, comparison.warped()[0], comparison.difference()]
    return {"sizes": comparison.sizes, "areas": areas, **blocks}, pictures


def _jpeg(picture: np.ndarray) -> bytes:
    """Return a picture as a JPEG of at most MAX_SIDE pixels, a strip of STRIP_SIDE across."""
    image = Image.fromarray(picture)
    short, long = sorted(image.size)
    side = round(max(MAX_SIDE, long * STRIP_SIDE / short))
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()

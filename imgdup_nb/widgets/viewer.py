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
import threading
from collections.abc import Sequence
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
    check_file,
    name_files,
)
from ..engine.checks import check_pairs_table, shorten_middle
from .base import ToolWidget, facts_by_name, join_module, join_styles
from .comparisons import Comparisons, Path
from .method_pairs import check_images

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class PairViewer(ToolWidget):
    """Look at pairs: side by side, by wipe, blend, blink, difference, and each method's score.

    Keys: right and left arrow (or N and P) to the next pair and back, Home and End; S side by side,
    W wipe, B blend, X blink, D difference, K blocks. Plus and minus zoom both pictures, 0 shows
    them whole, Shift and an arrow move them. So do the wheel (hold Ctrl), a drag, and two fingers.

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

    _esm = join_module("zoom.js", "viewer.js", "viewer_tool.js")
    _css = join_styles("viewer.css", agree=AGREE_COLOR, differ=DIFFER_COLOR)

    _is_clear = False  # photographs are stored with few colours, which need a ground

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
        self._comparisons = Comparisons(self._paths)
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
            self._shown = self._comparisons.get(names, self._given)
            self.set_trait("comparison", self._shown.comparison)
            self.set_trait("problem", self._shown.problem)
            self.set_trait("pair", names)
            self.view = self._describe()

    # -- to and from the browser -------------------------------------------------------------------

    def _describe(self) -> dict[str, Any]:
        return {
            "index": self.index,
            "total": len(self._pairs),
            "facts": [self._facts.get(name, "") for name in self.pair],
            "found": self._found_by(),
            **self._shown.describe(),
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
            index, shown = self.index, self._shown
        layers = shown.layers() if content["index"] == index else None
        if layers is not None:  # else the browser asks again for the pair that came after
            drawn, jpegs = layers
            self.send({"type": "layers", "index": index, **drawn}, buffers=jpegs)

    # -- without a browser -------------------------------------------------------------------------

    def figure(self) -> Figure:
        """Return the pair as a matplotlib figure, as `Comparison.plot` draws it.

        If the pair cannot be compared, the figure shows the pictures there are and the problem.
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=FIGURE_INCHES, dpi=60, layout="constrained")
        if self.comparison is not None:
            return self.comparison.plot(figure)
        if not any(one.jpeg for one in self._shown.alone):
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
        for ax, name, one in zip(figure.subplots(1, 2), self.pair, self._shown.alone, strict=True):
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
        if "similarity" in pairs:
            check_pairs_table("pairs", pairs)
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

"""What the widgets share: messages, pictures, errors, and the page without a kernel.

In the browser `assets/base.js` (class `View`) and `assets/base.css` are the other half. Messages
every widget knows:

==========  ========================================================================================
to Python   ``{type: "hello"}``, ``{type: "pictures", ids, side, of}``; ``_answer_t`` answers
            any other type ``t``
to browser  ``{type: "hello"}``, ``{type: "pictures", side, of, pictures: [[id, problem, *facts]]}``
            and a JPEG each (empty where there is none), ``{type: "error", text}``
==========  ========================================================================================
"""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib.resources import files
from inspect import signature
from numbers import Real
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import pandas as pd
import traitlets as t
from ipywidgets import DOMWidget

from ..engine.checks import shown
from ..engine.figures import INK, INKS
from .thumbnails import Thumbnail, Thumbnails

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_PICTURES = 48  # answered to one request
PICTURE_SECONDS = 0.1  # what is made by then is sent; the browser asks again for the others
PICTURE_SIDES = (32, 1600)  # pixels of the longer side, smallest and largest

_ASSETS = files(__package__) / "assets"


def join_module(*parts: str, **tables: Any) -> str:
    """Return one ES module of the shared parts and these, in the order they need each other.

    A notebook loads one module without a build step, so the parts are joined here. Each table
    becomes a constant of the module, so that it is written once, in Python.

    Examples
    --------
    >>> join_module(PRESETS=[95, 90]).splitlines()[0]
    'const PRESETS = [95, 90];'
    """
    constants = [f"const {name} = {json.dumps(table)};" for name, table in tables.items()]
    return "\n".join([*constants, *map(read_asset, ("dom.js", "base.js", "pictures.js", *parts))])


def join_styles(*parts: str, **colors: str) -> str:
    """Return the shared styles and these; each color becomes a variable of the widget."""
    variables = "".join(f"--{name}: {color}; " for name, color in colors.items())
    return "\n".join([*map(read_asset, ("base.css", *parts)), f".dup-tool {{ {variables}}}"])


def read_asset(part: str) -> str:
    """Return the text of a file of the browser half."""
    return (_ASSETS / part).read_text(encoding="utf-8")


class ToolWidget(anywidget.AnyWidget):
    """A widget that answers the browser, and explains there what went wrong.

    A subclass sets `lock`. If it shows pictures, it sets `_thumbnails`, and `_picture_names` lists
    the image of each number. `_answer_t(content)` answers messages of type ``t``. A subclass draws
    `figure()` or `still()`, and has a `__repr__` of one line.
    """

    lock: (
        threading.RLock
    )  # callbacks of a notebook run beside its cells: one of them at a time changes the widget
    _thumbnails: Thumbnails | None = None
    _is_clear = True  # whether the still picture has no ground of its own, for dark pages

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(self._on_message)

    # -- from the browser --------------------------------------------------------------------------

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take values from the browser; what is refused is explained and set back there."""
        with self.lock:
            try:
                super().set_state(sync_data)
            except (
                Exception
            ) as error:  # whatever it is, people look at the widget and not at the log
                self._explain(error)
                self.send_state([name for name in sync_data if name in self.keys])

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        kind = str(content.get("type")) if isinstance(content, dict) else ""
        answer = getattr(self, f"_answer_{kind}", None)
        if answer is None:
            return
        try:
            answer(content)
        except Exception as error:  # as in set_state
            self._explain(error)

    def _explain(self, error: Exception) -> None:
        text = str(error) if isinstance(error, t.TraitError) else f"{type(error).__name__}: {error}"
        self.send({"type": "error", "text": text})

    def _answer_hello(self, _content: dict[str, Any]) -> None:
        """Tell a new view that somebody is there: else it leaves the still picture where it is."""
        self.send({"type": "hello"})

    def _answer_pictures(self, content: dict[str, Any]) -> None:
        self._send_pictures(content["ids"], content["side"], content.get("of"))

    def _send_pictures(self, ids: Iterable[int], asked_side: int, of: str | None) -> list[int]:
        """Send the pictures that are ready in time; return the numbers of their images."""
        names = self._picture_names  # without the lock: moving on must not wait for decoders
        ids = [number for number in map(int, list(ids)[:MAX_PICTURES]) if 0 <= number < len(names)]
        side = int(np.clip(int(asked_side), *PICTURE_SIDES))
        made = {names[number]: Thumbnail(b"", "") for number in ids}
        if self._thumbnails is not None and ids:
            made = self._thumbnails.get_ready(list(made), side, PICTURE_SECONDS)
        ids = [number for number in ids if names[number] in made]
        pictures = [
            [number, made[names[number]].problem, *self._picture_facts(names[number])]
            for number in ids
        ]
        answer = {
            "type": "pictures",
            "side": asked_side,
            "of": of,
            "pictures": pictures,
        }
        self.send(answer, buffers=[made[names[number]].jpeg for number in ids])
        return ids

    @property
    def _picture_names(self) -> Sequence[str]:
        """The names of the images, in the order of the numbers that the browser asks for."""
        return ()

    def _picture_facts(self, _name: str) -> list[str]:
        """Return what travels with a picture."""
        return []

    # -- without a browser -------------------------------------------------------------------------

    def figure(self) -> Figure:
        """Return what the widget shows as a matplotlib figure."""
        raise NotImplementedError(f"{type(self).__name__} draws no figure")

    def still(self) -> bytes:
        """Return what a notebook shows without a kernel, as a PNG."""
        from matplotlib import rc_context

        buffer = io.BytesIO()
        with rc_context(dict.fromkeys(INKS, INK) if self._is_clear else {}):
            self.figure().savefig(
                buffer,
                format="png",
                dpi=96,
                metadata={"Software": None},
                transparent=self._is_clear,
            )
        return buffer.getvalue()

    def _still_table(self) -> str:
        """Return what the widget says as an HTML table, file names escaped."""
        raise NotImplementedError(f"{type(self).__name__} writes no table")

    def _ipython_display_(self) -> None:
        """Show a table and a picture, for pages without a kernel, and then the live widget.

        Each is an output of its own: without a kernel, a page shows "model not found" instead of
        everything in the widget's output. The widget hides both as soon as Python answers. In
        VS Code it cannot reach other outputs, so there the widget comes alone.
        """
        from IPython import get_ipython
        from IPython.display import display

        data, metadata = super()._repr_mimebundle_() or ({}, {})
        live = {**data, "text/plain": repr(self)}
        if "__vsc_ipynb_file__" not in getattr(get_ipython(), "user_ns", {}):
            display({"text/html": f'<div class="dup-still">{self._still_table()}</div>'}, raw=True)
            picture = base64.b64encode(self.still()).decode("ascii")
            words = {"image/png": {"alt": repr(self)[1:-1]}}  # of the picture, for those who listen
            display({"image/png": picture}, metadata=words, raw=True)
        display(live, metadata=metadata, raw=True)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """Return the live widget with its picture as one output, for programs that ask for it."""
        bundle = super()._repr_mimebundle_(**options)
        if bundle is None:
            return None
        data, metadata = bundle
        picture = base64.b64encode(self.still()).decode("ascii")
        return {**data, "text/plain": repr(self), "image/png": picture}, metadata

    def close(self) -> None:
        """Remove the widget from the page, and free its pictures and threads; twice is fine."""
        if self._thumbnails is not None:  # as it is where the arguments were refused
            self._thumbnails.close()
        super().close()


def facts_by_name(images: pd.DataFrame | None) -> dict[str, str]:
    """Return by name what people compare of a file: split and label, pixels, bytes, format."""
    if images is None or not {"width", "height", "bytes", "format"} <= set(images):
        return {}
    belongs = belongs_by_name(images)
    start = {image: f"{words}, " for image, words in belongs.items()}
    return {
        image: f"{start.get(image, '')}{width} x {height}, {size_text(n_bytes)}, {kind}"
        for image, width, height, n_bytes, kind in zip(
            images.image, images.width, images.height, images.bytes, images.format, strict=True
        )
        if width
    }


def belongs_by_name(images: pd.DataFrame | None) -> dict[str, str]:
    """Return by name the split and the label of an image, of those that have one."""
    names = [name for name in ("split", "label") if images is not None and name in images]
    if images is None or not names:
        return {}
    columns = [images[name] for name in names]
    words = {
        image: ", ".join(str(value) for value in values if pd.notna(value) and value != "")
        for image, *values in zip(images.image, *columns, strict=True)
    }
    return {image: text for image, text in words.items() if text}


def size_text(n_bytes: int, digits: int = 0) -> str:
    """Return a size on disk as people read it; `digits` after the point of kilobytes."""
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:,.{digits}f} kB"


def check_keywords(
    kind: type[t.HasTraits], inputs: type[t.HasTraits], given: Iterable[str]
) -> None:
    """Raise a TypeError for a keyword that a widget does not take; traitlets would ignore it.

    Parameters
    ----------
    kind
        the class that is made.
    inputs
        the class whose traits are its keywords. A widget takes those of `ipywidgets.DOMWidget` too.
    given
        the names of the keywords.

    Examples
    --------
    >>> class Slider(t.HasTraits):
    ...     threshold = Number()
    >>> check_keywords(Slider, Slider, ["threshhold"])
    Traceback (most recent call last):
    ...
    TypeError: Slider has no argument 'threshhold'; did you mean 'threshold'?
    """
    takes = [name for name in signature(kind.__init__).parameters if name not in ("self", "traits")]
    owners = [inputs, DOMWidget] if issubclass(kind, DOMWidget) else [inputs]
    for owner in owners:
        own = owner.class_own_traits()
        takes += [name for name in own if name[0] != "_" and not own[name].read_only]
    for name in given:
        if name not in takes:
            near = get_close_matches(name, takes, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(takes)}"
            raise TypeError(f"{kind.__name__} has no argument {name!r}; {hint}")


class Number(t.Float):
    """A float trait.

    Examples
    --------
    >>> class Slider(t.HasTraits):
    ...     threshold = Number()
    >>> Slider(threshold=np.int64(90)).threshold
    90.0
    """

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the value as a float, or raise a TraitError."""
        if isinstance(value, bool) or not isinstance(value, Real):
            raise t.TraitError(f"{self.name} must be a number such as 90, not {shown(value)}")
        return super().validate(obj, float(value))


class Switch(t.Bool):
    """A yes or no, also numpy's."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the value as a bool, or raise a TraitError."""
        if not isinstance(value, bool | np.bool_):
            raise t.TraitError(f"{self.name} must be True or False, not {shown(value)}")
        return super().validate(obj, bool(value))

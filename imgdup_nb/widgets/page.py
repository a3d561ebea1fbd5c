"""The explorer as one file that works without a kernel: `ThresholdExplorer.save_html`.

The page holds the explorer's own module and styles, the pairs of every method, the pictures that
fit, and a small model in JavaScript that answers in the place of Python (`assets/page_model.js`,
`assets/grouping.js`). A Content-Security-Policy in the page forbids everything that the page does
not bring along.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..engine.checks import check_above_zero, check_count, check_path, check_plan_table, check_text
from ..engine.pair_graph import PairGraph
from ..engine.paths import write_result
from .base import read_asset
from .page_data import announce_pictures, answer_rows, method_data, page_pictures, paths_of
from .reviewer import COLORS

PAGE_PARTS = (
    "grouping.js", "page_model.js", "page_map.js", "page_marks.js", "page_pairs.js",
    "page_cards.js", "page.js",
)  # fmt: skip
MADE_IN_THE_PAGE = {"scene", "details", "layout", "tabbable", "tooltip"}  # or of a notebook only
PLAN_MARKS = {"keep": "✓", "remove": "✗"}
MAX_MEGABYTES = 6.0  # of 10**6 bytes
IN_A_NOTEBOOK = 2.0


class PageContent(NamedTuple):
    """What a page shows, before its pictures are made."""

    data: dict[str, Any]
    paths: list[list[str]]  # of each image where its file may be
    order: list[int]  # images, those that get a picture first
    closer: list[int]  # images that get a large picture, too


class EmbeddedPage:
    """A page inside a notebook: it stays alive without a kernel. Made by `embed`."""

    def __init__(self, page: str, height: int, headline: str) -> None:
        self.page = page
        self.height = height
        self._headline = headline

    def __repr__(self) -> str:
        return f"<page of {len(self.page.encode()) / 1e6:.1f} MB in this output: {self._headline}>"

    def _repr_html_(self) -> str:
        """Return a frame that can do nothing but show the page and save files."""
        return (
            f'<iframe title="Duplicate images" width="100%" height="{self.height}" '
            'style="border:0" sandbox="allow-scripts allow-downloads allow-modals" '
            f'srcdoc="{html.escape(self.page, quote=True)}"></iframe>'
        )


class SavedAsPage:
    """What an explorer can do to be looked at without a kernel."""

    def _get_embed_state(self, drop_defaults: bool = False) -> dict[str, Any]:
        """Return what `embed_minimal_html` of ipywidgets writes: the page, in a frame."""
        explorer: Any = self
        # with all defaults: else the name of the view is missing, and nothing is shown
        made = super()._get_embed_state(drop_defaults=False)  # type: ignore[misc]
        page = explorer_page(explorer, None, "Duplicate images", IN_A_NOTEBOOK)
        kept = {
            name: value
            for name, value in made["state"].items()
            if name[0] == "_" or name == "layout"
        }
        made["state"] = {**kept, "_esm": read_asset("page_frame.js"), "_css": "", "page": page}
        made.pop("buffers", None)
        return made

    def save_html(
        self,
        path: str | os.PathLike[str],
        *,
        plan: pd.DataFrame | None = None,
        title: str = "Duplicate images",
        max_mb: float = MAX_MEGABYTES,
    ) -> Path:
        """Write the explorer to one HTML file that works without a kernel and without a network.

        The slider, the linkages, the groups, the map, search, order, range and pin work in the file
        as they do here. Whoever opens it can mark images (keep or remove) and label pairs (same or
        different), and save both as files: ``choose_keepers(groups, images, keep="marks.json")``
        and ``Labels("labels.csv")`` read them.

        Parameters
        ----------
        path
            a new or existing file; an existing one is replaced.
        plan
            made by `choose_keepers`: its verdicts, reasons and losses are shown, too.
        title
            of the page.
        max_mb
            how large the file may be, in megabytes of 10**6 bytes. Small pictures come first,
            those of the most similar pairs before others, then large ones of the groups at the
            present threshold. If not all small ones fit, a line on the error output says so
            before they are made. Pairs and names are always written, even if they need more.

        Returns
        -------
        pathlib.Path
            the file, as an absolute path.

        Notes
        -----
        File names and small pictures of your images are in the file: send it only to people who
        may see them. A picture of 96 pixels takes about 1.5 kB, one of 560 pixels about 20 kB, a
        pair about 2 bytes. Making a picture takes 3 to 20 ms.
        """
        return write_page(path, explorer_page(self, plan, title, max_mb))

    def embed(
        self,
        *,
        plan: pd.DataFrame | None = None,
        title: str = "Duplicate images",
        max_mb: float = IN_A_NOTEBOOK,
        height: int = 900,
    ) -> EmbeddedPage:
        """Return the same page as an output of a notebook; without a kernel it stays alive.

        Write ``explorer.embed()`` as the last line of a cell. The saved notebook is larger by
        `max_mb` at most, and shows the page in JupyterLab, in nbviewer and in the HTML of nbconvert
        where a widget shows "model not found". JupyterLab shows it after you trust the notebook.

        Parameters
        ----------
        plan, title, max_mb
            as in `save_html`.
        height
            of the frame, in pixels.
        """
        check_count("height", height)
        explorer: Any = self
        page = explorer_page(explorer, plan, title, max_mb)
        return EmbeddedPage(page, height, explorer.groups._headline())


def explorer_page(explorer: Any, plan: pd.DataFrame | None, title: str, max_mb: float) -> str:
    """Return the page of an explorer as it stands."""
    content = explorer_content(explorer, plan)
    return join_page(content, str(explorer._esm), str(explorer._css), title, max_mb)


def explorer_content(explorer: Any, plan: pd.DataFrame | None = None) -> PageContent:
    """Return what the page of an explorer shows."""
    if plan is not None:
        plan = check_plan_table("plan", plan, {"image", "action"})
    sources = {
        method: explorer
        if method == explorer.method
        else type(explorer)(
            {method: table},
            explorer.images,
            labels=explorer.labels,
            truth=explorer._truth,
            hint=explorer._hint,
        )
        for method, table in explorer.tables.items()
    }
    names: dict[str, int] = {}
    for source in sources.values():
        for name in source.graph.names:
            names.setdefault(name, len(names))
    listed = list(names)
    data: dict[str, Any] = {
        "headings": {},
        "methods": {
            method: method_data(source, names)
            | ({"map": source._page_map(explorer)} if source.graph.names else {})
            for method, source in sources.items()
        },
        "state": {
            name: getattr(explorer, name)
            for name in sorted(set(explorer.keys) - MADE_IN_THE_PAGE)
            if not name.startswith("_")
        },
        "names": listed,
        "facts": [explorer._facts.get(name, "") for name in listed],
        "bytes": _bytes_of(explorer.images, listed),
        "answers": answer_rows(explorer.labels, names),
    }
    scene = data["methods"][explorer.method]["scene"]
    scene["hint"] = " ".join(filter(None, [scene["hint"], explorer._verified_words()]))
    if plan is not None:
        data["plan"] = plan_rows(plan, listed)
    best = _best_similarity([source.graph for source in sources.values()], names)
    for source in sources.values():
        if source is not explorer:
            source.close()
    grouped = set(explorer.groups.table.image)
    order = [int(image) for image in np.argsort(-best, kind="stable") if best[image] > 0]
    closer = [image for image in order if listed[image] in grouped]
    paths = paths_of([explorer.images, plan], listed)
    return PageContent(data, paths, order, closer)


def plan_rows(plan: pd.DataFrame, names: Sequence[str]) -> list[dict[str, str] | None]:
    """Return what a plan says of each image in words, None of the others."""
    rows = {
        row["image"]: {
            "action": str(row["action"]),
            "words": f"{PLAN_MARKS.get(row['action'], '')} {row.get('words', row['action'])}",
        }
        | {
            name: str(row[name])
            for name in ("reason", "loses", "flag", "note")
            if isinstance(row.get(name), str) and row[name]
        }
        for row in plan.to_dict("records")
    }
    return [rows.get(name) for name in names]


def join_page(content: PageContent, module: str, styles: str, title: str, max_mb: float) -> str:
    """Return a page: its data, the pictures that fit, the explorer's module and styles."""
    data = {"title": check_text("title", title, "Duplicate images"), **content.data}
    check_above_zero("max_mb", max_mb, "a number of megabytes from 0 up", or_zero=True)
    code = "\n".join([module, *map(read_asset, PAGE_PARTS)])
    verdicts = "".join(f"--{name}: {color}; " for name, color in COLORS.items())
    styles = "\n".join([styles, read_asset("page.css"), f".dup-tile {{ {verdicts}}}"])
    n_bytes = len(code) + len(styles) + 4 / 3 * len(_pack(data))
    room = 1e6 * max_mb - n_bytes - 4 * len(data["names"])
    announce_pictures(len(content.order), n_bytes, room)
    pictures = page_pictures(content.paths, content.order, content.closer, room)
    data |= {"small": pictures.small, "large": pictures.large, "problems": pictures.problems}
    data["key"] = hashlib.sha256(_pack(data)).hexdigest()[:16]
    policy = (
        f"default-src 'none'; script-src '{_source_hash(code)}'; style-src "
        f"'{_source_hash(styles)}'; img-src blob: data:; base-uri 'none'; form-action 'none'"
    )
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{html.escape(title)}</title>",
        '<link rel="icon" href="data:,">',
        f"<style>{styles}</style>",
        "</head>",
        "<body>",
        "<noscript>This page needs JavaScript. It loads nothing from elsewhere.</noscript>",
        '<main id="page"></main>',
        f'<script type="text/plain" id="page-data">{_base64(_pack(data))}</script>',
        f'<script type="text/plain" id="page-pictures">{" ".join(pictures.texts)}</script>',
        f'<script type="module">{code}</script>',
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def write_page(path: str | os.PathLike[str], page: str) -> Path:
    """Write a page to a file, whole or not at all; return its absolute path."""
    target = Path(os.path.abspath(check_path("path", path, "duplicates.html")))
    # a title may hold what UTF-8 cannot: written as \udc.. rather than lost with the page
    write_result(target, page.encode("utf-8", "backslashreplace"))
    return target


def _pack(data: dict[str, Any]) -> bytes:
    """Return data as JSON, zipped; the same data give the same bytes."""
    text = json.dumps(data, separators=(",", ":"))
    return gzip.compress(text.encode("ascii"), mtime=0)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _source_hash(text: str) -> str:
    """Return what a Content-Security-Policy calls a text by."""
    return f"sha256-{_base64(hashlib.sha256(text.encode('utf-8')).digest())}"


def _bytes_of(images: pd.DataFrame | None, names: list[str]) -> list[int] | None:
    if images is None or "bytes" not in images:
        return None
    sizes = pd.Series(images.bytes.to_numpy(), index=images.image.to_numpy(dtype=object))
    return [int(size) for size in sizes.reindex(names).fillna(0)]


def _best_similarity(graphs: list[PairGraph], names: dict[str, int]) -> np.ndarray:
    """Return for each image of the page its most similar pair in percent, 0 without one."""
    best = np.zeros(len(names))
    for graph in graphs:
        places = np.array([names[name] for name in graph.names], dtype=np.int64)
        for side in (graph.first, graph.second):
            np.maximum.at(best, places[side], graph.similarity)
        copies = np.flatnonzero(graph.n_copies[graph.like] > 0)
        best[places[copies]] = 100.0
    return best

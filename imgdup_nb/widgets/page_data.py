"""What a page without a kernel holds: pairs, names, counts, and as many pictures as fit.

`page_pictures` makes the pictures, those of the most similar pairs first. `assets/page_model.js`
reads all of it.
"""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image, features

from ..engine.checks import count_of
from ..engine.decode import UnreadableImage, open_image
from ..engine.pair_graph import PairGraph
from ..engine.parallel import each, map_batches
from ..evidence.bursts import are_certain
from ..evidence.labels import Labels
from .pair_lists import IS_RIGHT, MAX_LISTED_PAIRS

SMALL_SIDES = (160, 96)  # pixels of the longer side; the larger where the pictures fit with it
LARGE_SIDE = 560
TYPICAL_BYTES = {160: 3300, 96: 1500}  # of a picture as base64, in a page
COUNTED = ("pairs", "groups", "images", "redundant", "largest", "bars")  # the page counts anew


def method_data(explorer: Any, places: dict[str, int]) -> dict[str, Any]:
    """Return what a page needs of the method in use; `places` numbers the images of the page."""
    known, graph, taken = explorer.in_use, explorer.graph, explorer.in_use.taken_at
    scene = {name: fact for name, fact in explorer.scene.items() if name not in COUNTED}
    return {
        "scene": scene | {"others": [], "rule": None, "judged": {}},  # the first two need Python
        "known": judged_data(explorer),
        "images": [places[name] for name in graph.names],
        "pairs": pack_pairs(graph),
        "bursts": np.flatnonzero(known.burst_pairs).tolist(),
        "columns": {
            column: known.codes_of(column).tolist() for column in known.columns_to_compare()
        },
        "taken": None if taken is None else _seconds(taken),
    }


def judged_data(explorer: Any) -> dict[str, Any]:
    """Return what truth says of each pair; without one, which pairs have the same bytes or pixels.

    ``verdicts`` has a digit for each pair, its place in PAIR_VERDICTS. ``below`` are the first
    right pairs below the floor, of ``n_below``.
    """
    lists = explorer.pair_lists
    if lists.truth is None:
        certain = are_certain(explorer.pairs)[explorer.graph.row]
        return {"certain": np.flatnonzero(certain).tolist()}
    below = [list(pair) for pair in islice(lists.below_floor(), MAX_LISTED_PAIRS)]
    return {
        "verdicts": "".join(map(str, lists.verdict.tolist())),
        "below": below,
        "n_below": lists.n_right - int((lists.verdict == IS_RIGHT).sum()),
    }


def answer_rows(labels: Labels, places: Mapping[str, int]) -> list[list[Any]]:
    """Return the answers about images of the page: [left, right, label, when, aim]."""
    return [
        [places[left], places[right], *rest]
        for left, right, *rest in labels.table.to_numpy(dtype=object).tolist()
        if left in places and right in places
    ]


def _seconds(taken: np.ndarray) -> list[float | None]:
    since = (taken - np.datetime64(0, "s")) / np.timedelta64(1, "s")
    return [None if np.isnan(value) else float(value) for value in since]


def pack_pairs(graph: PairGraph) -> dict[str, Any]:
    """Return pairs as short lists: similarities once with their counts, images as differences.

    Examples
    --------
    >>> import pandas as pd
    >>> pairs = pd.DataFrame({"left": ["a", "b"], "right": ["b", "c"], "similarity": [95.0, 90.0]})
    >>> pairs.attrs = {"floor": 90, "method": "phash"}
    >>> pack_pairs(PairGraph.read(pairs))["values"]
    [95.0, 90.0]
    """
    values, counts = np.unique(-graph.similarity, return_counts=True)
    has_copies = bool((graph.like != np.arange(len(graph.like))).any())
    return {
        "n": len(graph.names),
        "values": (-values).tolist(),
        "counts": counts.tolist(),
        "first": np.diff(graph.first, prepend=0).tolist(),
        "second": np.diff(graph.second, prepend=0).tolist(),
        "like": graph.like.tolist() if has_copies else None,
    }


# -- pictures --------------------------------------------------------------------------------------


class PagePictures(NamedTuple):
    """Pictures as base64 text, and where those of each image are: None where there is none."""

    texts: list[str]
    small: list[int | None]
    large: list[int | None]
    problems: dict[int, str]


def page_pictures(
    paths: Sequence[Sequence[str]],
    order: Sequence[int],
    closer: Sequence[int],
    max_bytes: float,
) -> PagePictures:
    """Make the pictures of a page.

    Parameters
    ----------
    paths
        of each image where its file may be; the first that can be read is taken.
    order
        the images that get a small picture, the most important first.
    closer
        the images that get a large one, too, if there is room.
    max_bytes
        of all pictures as text.
    """
    made = PagePictures([], [None] * len(paths), [None] * len(paths), {})
    side = SMALL_SIDES[len(order) * TYPICAL_BYTES[SMALL_SIDES[0]] > 0.5 * max_bytes]
    room = _add_pictures(made, made.small, paths, order, side, max_bytes)
    _add_pictures(made, made.large, paths, closer, LARGE_SIDE, room)
    return made


def _add_pictures(
    made: PagePictures,
    into: list[int | None],
    paths: Sequence[Sequence[str]],
    wanted: Sequence[int],
    side: int,
    room: float,
) -> float:
    """Add pictures while there is room; return the room that is left."""
    tasks = [paths[image] for image in wanted]
    make = partial(each, partial(_page_picture, side=side))
    pictures = map_batches(make, tasks, describe="pictures of the page")
    for image, picture in zip(wanted, pictures, strict=True):
        if isinstance(picture, str):
            made.problems[image] = picture
            continue
        text = base64.b64encode(picture).decode("ascii")
        room -= len(text) + 1
        if room < 0:
            return 0  # those not made yet are cancelled
        into[image] = len(made.texts)
        made.texts.append(text)
    return room


def _page_picture(paths: Sequence[str], side: int) -> bytes | str:
    """Return the bytes of a picture as a person sees it, or why there is none."""
    problem = "no file"
    for path in paths:
        try:
            image = open_image(path, min_side=side)
        except UnreadableImage as error:
            problem = str(error)  # moved, or gone: perhaps it is at the next place
            continue
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        if features.check("webp"):
            image.save(buffer, "WEBP", quality=58 if side < LARGE_SIDE else 65, method=4)
        else:
            image.save(buffer, "JPEG", quality=65, optimize=True)
        return buffer.getvalue()
    return problem


def paths_of(tables: Iterable[pd.DataFrame | None], names: Sequence[str]) -> list[list[str]]:
    """Return the paths where the file of each image may be, by the columns of tables."""
    found: dict[str, list[str]] = {}
    for table in tables:
        for column in ("source", "path", "target"):
            if table is None or column not in table:
                continue
            for name, path in zip(table.image, table[column], strict=True):
                if isinstance(path, str) and path and path not in found.setdefault(name, []):
                    found[name].append(path)
    return [found.get(name, []) for name in names]


def announce_pictures(n_wanted: int, n_bytes: float, room: float) -> None:
    """Say beforehand how many pictures will be in a page, where not all fit."""
    needed = n_wanted * TYPICAL_BYTES[SMALL_SIDES[1]]
    if needed > room:
        fitting = max(0, int(room / TYPICAL_BYTES[SMALL_SIDES[1]]))
        max_mb = np.ceil((needed + n_bytes) / 1e6)
        print(
            f"The page will hold about {fitting:,} of {count_of(n_wanted, 'picture')}, those of "
            f"the most similar pairs. All of them need max_mb={max_mb:g}.",
            file=sys.stderr,
        )

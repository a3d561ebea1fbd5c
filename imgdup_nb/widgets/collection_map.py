"""The collection as a map in the explorer: where the images lie, and which groups are joined.

The browser asks, and gets arrays: positions once per method, the joined images at every move.
`assets/map.js` paints them. jupyter-scatter could, too: but it needs pyarrow and a kernel, and
shows no pictures that come when they are asked for. It can plot the table that `map` returns.

==========  ========================================================================================
to Python   ``{type: "map"}``, ``{type: "joined"}``; the trait `lassoed` has the numbers of images
to browser  ``{type: "map", of, by}`` and x, y of each image (float32, NaN of images that are not
            on the map), ``{type: "joined", of}`` and three arrays (uint32): the images of all
            groups, originals first; the sizes of the groups; pairs of images that lines join,
            which is empty where each image is joined to its original. `of` is a number that
            changes with the positions
==========  ========================================================================================
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import traitlets as t

from ..engine.checks import check_made_by
from ..engine.pair_graph import TOLERANCE, PairGraph, find_names
from ..fingerprints import Fingerprints
from ..methods import VectorMethod
from .base import Switch
from .circle_layout import circle_positions, strongest_edges
from .vector_layout import vector_positions

BY_PAIRS = "pairs"
PLACE_STEPS = 65535  # of a position in a page without a kernel, which is a whole number
GROUP_COLORS = [  # Okabe and Ito's that have 3 : 1 on white and on black: safe for colour blindness
    "#0072b2", "#d55e00", "#009e73", "#cc79a7",
]  # fmt: skip


class CollectionMap(t.HasTraits):
    """What an explorer can do to show its images as points of a map."""

    shows_map = Switch(False, help="whether the map is unfolded").tag(sync=True)
    lassoed = t.List(t.Int(), help="numbers of the images in `within`").tag(
        sync=True, echo_update=False
    )

    _places: tuple[PairGraph, Any, np.ndarray] | None = None  # and what they were made from
    _n_places = 0  # counts up with the positions
    _projected: tuple[str, pd.DataFrame] | None = None
    _strongest: tuple[PairGraph, tuple[np.ndarray, ...]] | None = None

    def map(self, fingerprints: Fingerprints | None = None) -> pd.DataFrame:
        """Unfold the map of the collection: each image is a point, groups are joined and coloured.

        Move the threshold and see groups grow together. A point shows its picture when you point
        at it. Zoom in, and pictures stand in place of points. Draw a line around points with the
        lasso, or press *This view*: the gallery shows only their groups, and the attribute `within`
        has the names of the images.

        Parameters
        ----------
        fingerprints
            vectors of the images, as `Fingerprints.from_vectors` or an embedding gives them:
            images that look alike to the model lie near each other, also where they are no pair.
            Needs ``pip install "imgdup-nb[map]"``. None draws the map from the pairs in use:
            images that pairs connect at a high threshold lie in one small circle, this one in a
            larger circle of a lower threshold, and images without any pair lie around all.

        Returns
        -------
        pandas.DataFrame, one row for each image on the map:
            image, x, y (from -1 to 1), group (at the present threshold; 0 is in no group). It can
            be plotted by other libraries.

        Raises
        ------
        TypeError, ValueError
            if `fingerprints` are no vectors, or not of these images.
        ImportError
            for vectors, without umap-learn.

        Notes
        -----
        50,000 images and a million pairs take 0.2 s. Vectors of 50,000 images take a minute of
        processor time and 0.9 GB. The same input gives the same map.

        Examples
        --------
        >>> prints = dup.Fingerprints.from_bits(["a", "b"], [[True] * 64, [True] * 64])
        >>> explorer = dup.ThresholdExplorer(dup.similar_pairs(prints))
        >>> explorer.map().group.tolist()
        [1, 1]
        >>> explorer.close()
        """
        explorer: Any = self
        projected = None
        if fingerprints is not None:
            projected = _project(fingerprints, explorer.graph.names)
        with explorer.lock:
            self._projected = projected
            positions = self._positions()
            self.shows_map = True
            self._answer_map({})
            group = np.zeros(len(positions), dtype=int)
            group[explorer._numbers] = explorer._rows.group
            table = pd.DataFrame(
                {
                    "image": explorer.graph.name_array,
                    "x": positions[:, 0],
                    "y": positions[:, 1],
                    "group": group,
                }
            )
        return table[table.x.notna()].reset_index(drop=True)

    def _positions(self) -> np.ndarray:
        """Return x and y of each image of the graph in use, float32; NaN where it has no place."""
        graph: PairGraph = self.graph  # type: ignore[attr-defined]
        known = self._places
        if known is None or known[0] is not graph or known[1] is not self._projected:
            if self._projected is None:
                positions = circle_positions(graph)
            else:
                positions = self._projected[1].reindex(graph.names).to_numpy(np.float32)
            self._places = graph, self._projected, positions
            self._n_places += 1
        return self._places[2]  # type: ignore[index]

    def _answer_map(self, _content: dict[str, Any]) -> None:
        explorer: Any = self
        with explorer.lock:
            positions = self._positions()
            explorer.send(
                {"type": "map", "of": self._n_places, "by": self._made_by},
                buffers=[positions.astype("<f4").tobytes()],
            )

    def _answer_joined(self, _content: dict[str, Any]) -> None:
        explorer: Any = self
        with explorer.lock:
            self._positions()
            parts = [explorer._numbers, explorer._rows.size, self._lines()]
            explorer.send(
                {"type": "joined", "of": self._n_places},
                buffers=[np.ascontiguousarray(part, dtype="<u4").tobytes() for part in parts],
            )

    def _lines(self) -> np.ndarray:
        """Return the images that lines join in chains; empty where all join their originals."""
        explorer: Any = self
        if explorer.linkage != "connected":
            return np.zeros((0, 2), np.uint32)
        pool = explorer._pool
        if self._strongest is None or self._strongest[0] is not pool:
            self._strongest = pool, strongest_edges(pool)
        first, second, similarity = self._strongest[1]
        return np.column_stack([first, second])[similarity >= explorer.threshold - TOLERANCE]

    def _page_map(self, shown: CollectionMap) -> dict[str, Any]:
        """Return what a page without a kernel needs of the map; `shown` is the explorer in use."""
        self._projected = shown._projected
        steps = np.round((self._positions() + 1) / 2 * PLACE_STEPS).ravel().tolist()
        places = [None if np.isnan(step) else int(step) for step in steps]
        return {"by": self._made_by, "places": places}

    @property
    def _made_by(self) -> str:
        return BY_PAIRS if self._projected is None else self._projected[0]

    # -- the lasso ---------------------------------------------------------------------------------

    @t.observe("lassoed")
    def _on_lasso(self, change: Any) -> None:
        explorer: Any = self
        names = explorer.graph.names
        explorer.within = tuple(
            names[number] for number in change["new"] if 0 <= number < len(names)
        )

    @t.observe("within", "method")
    def _show_within(self, _change: Any = None) -> None:
        """Tell the browser which images `within` names, by their numbers in the method in use."""
        explorer: Any = self
        self.lassoed = explorer._places_within().tolist()


def _project(fingerprints: Fingerprints, names: list[str]) -> tuple[str, pd.DataFrame]:
    maker = "Fingerprints.from_vectors(names, vectors)"
    fingerprints = check_made_by("fingerprints", fingerprints, Fingerprints, maker)
    if not isinstance(fingerprints.method, VectorMethod):
        raise ValueError(
            f"fingerprints must be vectors, and these are of {fingerprints.method.name}; without "
            "fingerprints the map is drawn from the pairs"
        )
    own = fingerprints.images.image.to_numpy(dtype=object)
    found = np.flatnonzero(find_names(names, own) >= 0)
    if len(own) and not len(found):
        raise ValueError("fingerprints must be of the images of pairs, and none of them is")
    places = vector_positions(fingerprints.codes[found, 0])
    return fingerprints.method.name, pd.DataFrame(places, index=own[found])

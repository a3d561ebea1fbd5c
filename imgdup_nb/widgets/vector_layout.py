"""Where images lie on a map by their vectors: a projection to two numbers by UMAP.

Three kept libraries were tried with 10,000 vectors of 256 numbers in families of five. On the map
of umap-learn 99.9 % of an image's four nearest neighbours are of its own family, on that of pacmap
46 %. Processor seconds: pacmap 14, umap-learn 39, openTSNE 71. umap-learn installs 60 MB beside
what is there already, most of it scikit-learn; pacmap 125 MB with faiss. All three have wheels or
plain Python for 3.11 to 3.14. The first map of a process takes 13 seconds more, in which numba
compiles UMAP.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

N_NEIGHBORS = 15  # UMAP's own default
N_EPOCHS = 200  # UMAP's default for large collections; small ones look the same with it


def vector_positions(vectors: np.ndarray) -> np.ndarray:
    """Return where each vector lies, float32 n x 2, from -1 to 1.

    Raises
    ------
    ImportError
        without umap-learn.
    """
    n = len(vectors)
    umap = import_umap()
    if n <= N_NEIGHBORS + 1:  # too few to have neighbourhoods
        places = _principal_axes(vectors)
    else:
        reducer = umap.UMAP(
            n_neighbors=N_NEIGHBORS,
            n_epochs=N_EPOCHS,
            metric="cosine",
            init="pca",
            random_state=0,
            n_jobs=1,  # with threads no two maps would be the same
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of vectors that are equal
            places = reducer.fit_transform(vectors)
    places = places - (places.max(0, initial=-np.inf) + places.min(0, initial=np.inf)) / 2
    reach = np.abs(places).max(initial=0)
    return (places / (reach or 1.0)).astype(np.float32)


def _principal_axes(vectors: np.ndarray) -> np.ndarray:
    """Return the two numbers in which the vectors differ most, n x 2."""
    n = len(vectors)
    if not n:
        return np.zeros((0, 2))
    left, lengths, _ = np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)
    places = np.zeros((n, 2))
    used = min(2, len(lengths))
    places[:, :used] = left[:, :used] * lengths[:used]
    return places


def import_umap() -> Any:
    """Return umap-learn, or say how to get it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that Tensorflow is not there, for other functions
            import umap
    except ImportError as error:
        raise ImportError(
            'a map of vectors needs umap-learn: pip install "imgdup-nb[map]"; without vectors the '
            "map is drawn from the pairs"
        ) from error
    return umap

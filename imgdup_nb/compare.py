"""Two files -> what is known of them: every method's score, and how one picture lies on the other."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd

from .comparison import SHARP, Comparison
from .decode import UnreadableImage, open_image
from .fingerprints import fingerprint_images
from .images import LOW_DETAIL, describe_file, printable, tabulate
from .local.agreement import Alignment
from .local.alignment import align
from .local.features import Features
from .local.scores import Score, fall_back, score_akaze
from .methods import METHODS, Method
from .relations import MAYBE_SAME_PIXELS, RELATIONS, relate
from .search import all_distances
from .sketches import sketches
from .storage import exists, is_url


def compare_images(left: str | os.PathLike[str], right: str | os.PathLike[str]) -> Comparison:
    """Compare two pictures by every method, and lay one on the other.

    Parameters
    ----------
    left, right
        paths of two image files, or URLs that fsspec opens.

    Returns
    -------
    Comparison
        its `scores` are a table, its `sentence` says what the alignment means, and `plot()` draws it.

    Raises
    ------
    UnreadableImage
        if one of them cannot be shown.
    FileNotFoundError
        if it is not there.
    TypeError
        if one of them is no path: a picture in memory must be saved first.
    ImportError
        without the packages of `imgdup-nb[local]`.

    Notes
    -----
    About 0.2 seconds. The similarities are those `similar_pairs` gives the two pictures in any collection; those of 'aligned'
    and 'akaze' are therefore that of phash where one picture has too little texture for them, and "90 means" says so.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (80, 60), "white").save(f"{folder}/a.png")
    ...     Image.new("RGB", (80, 60), "white").save(f"{folder}/b.png")
    ...     comparison = compare_images(f"{folder}/a.png", f"{folder}/b.png")
    >>> comparison.sentence
    'The files are equal, byte for byte.'
    """
    paths = [_locate(name, path) for name, path in (("left", left), ("right", right))]
    images = tabulate([_scan_one(path) for path in paths]).assign(image=["left", "right"])
    features = {name: list(fingerprint_images(images, name).codes[:, 0]) for name in ("aligned", "akaze")}
    alignment = align(*features["aligned"])
    scores = _score_all(images, alignment, features)
    left_name, right_name = name_files(*paths)
    blank_left, blank_right = (images.detail < LOW_DETAIL).tolist()
    return Comparison(
        left=left_name,
        right=right_name,
        scores=scores,
        alignment=alignment,
        textured=alignment.transform is not None or all(found.is_textured for found in features["aligned"]),
        pictures=(_picture(paths[0], features["aligned"][0]), _picture(paths[1], features["aligned"][1])),
        relation=_relate(images, scores.similarity["phash"]),
        blank=(blank_left, blank_right),
    )


def name_files(left: str | os.PathLike[str], right: str | os.PathLike[str]) -> tuple[str, str]:
    """Return what two files are called in a comparison: their names without folders, as long as these differ.

    Examples
    --------
    >>> name_files("old/cat.jpg", "dog.jpg"), name_files("old/cat.jpg", "new/cat.jpg")
    (('cat.jpg', 'dog.jpg'), ('left', 'right'))
    """
    names = _base_name(left), _base_name(right)
    return names if names[0] != names[1] else ("left", "right")


def check_file(name: str, path: Any) -> None:
    """Raise where something is no path of a file, such as a picture in memory.

    Examples
    --------
    >>> check_file("left", None)
    Traceback (most recent call last):
    ...
    TypeError: left must be the path or URL of an image file, not NoneType
    """
    if not isinstance(path, str | os.PathLike):
        in_memory = hasattr(path, "tobytes")  # of Pillow, or an array
        raise TypeError(
            f"{name} must be the path or URL of an image file, not {type(path).__name__}"
            f"{'; save the picture first' if in_memory else ''}"
        )


def _locate(name: str, path: Any) -> str:
    """Return where a picture is, as an absolute path or a URL."""
    check_file(name, path)
    located = str(path) if is_url(path) else os.path.abspath(os.fsdecode(path))
    if not (exists(located) if is_url(located) else os.path.lexists(located)):
        raise FileNotFoundError(
            f"{name} {printable(located)!r} does not exist; where the images of a table are, its column path says"
        )
    return located


def _relate(images: pd.DataFrame, percent: float) -> str:
    """Return how the files of two rows are related; percent by phash."""
    first, second = images.iloc[[0]], images.iloc[[1]]
    only = np.zeros(1, np.int64)
    return RELATIONS[relate(first, second, only, only, np.array([percent >= MAYBE_SAME_PIXELS]))[0]]


def _scan_one(path: str) -> dict[str, Any]:
    """Return the file's row of an `images` table; its sketch is remembered for the hashes."""
    row, sketch = describe_file(_base_name(path), path)
    if sketch is None:
        raise UnreadableImage(f"{row['image']}: {row['problem']}")
    sketches.keep((path, row["bytes"], row["modified"], "L"), sketch)
    return row


def _base_name(path: str | os.PathLike[str]) -> str:
    return printable(os.path.basename(os.fspath(path)))


def _score_all(images: pd.DataFrame, alignment: Alignment, features: dict[str, list[Features]]) -> pd.DataFrame:
    """Return one row per method, with the score that `similar_pairs` gives."""
    percents = {method.name: _by_hash(images, method) for method in METHODS.values() if method.bits}
    meanings = {method.name: method.meaning(90) for method in METHODS.values()}
    for name, score in (("aligned", _as_score(alignment)), ("akaze", score_akaze(*features["akaze"]))):
        if not all(found.is_textured for found in features[name]):
            score = fall_back(score, percents["phash"][0], *features[name])
        percents[name] = (score.similarity, score.similarity)
        if score.scored_by == "phash":
            meanings[name] = "too little texture: as by phash"
    rows = [(name, *percents[name], meanings[name]) for name in METHODS]
    return pd.DataFrame(rows, columns=["method", "similarity", "any_turn", "90 means"]).set_index("method")


def _as_score(found: Alignment) -> Score:
    """Return as much of an alignment's score as `fall_back` asks for."""
    overlaps = () if found.transform is None else (found.overlap_left, found.overlap_right)
    return Score(found.similarity, *overlaps)


def _by_hash(images: pd.DataFrame, method: Method) -> tuple[float, float]:
    """Return the similarity of two images by a hash, percent: upright, and in any turn."""
    prints = fingerprint_images(images, method.name, orientations=True)
    upright, turned = (all_distances(prints.codes[:, :n_views])[0, 1] for n_views in (1, prints.n_views))
    return float(method.similarity(upright)), float(method.similarity(turned))


def _picture(path: str, features: Features) -> np.ndarray:
    """Return the picture at SHARP times the size it was aligned at, uint8, height x width x 3."""
    width, height = (SHARP * side for side in features.size)
    return np.array(open_image(path, min_side=min(width, height)).resize((width, height)))

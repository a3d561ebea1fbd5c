"""Examples that must match, and that must not -> methods and thresholds that separate them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ..embeddings import Embedding
from ..engine.checks import check_choice, check_images_table, check_list, check_table
from ..engine.pair_graph import TOLERANCE, find_names
from ..fingerprints import Fingerprints, fingerprint_images
from ..methods import METHODS, LocalMethod
from ..pairs import similar_pairs, similarity_matrix

Examples: TypeAlias = pd.DataFrame | Iterable[tuple[str, str]]


def tune_from_examples(
    images: pd.DataFrame,
    must_match: Examples,
    must_not_match: Examples,
    *,
    methods: Sequence[str | Embedding] | None = None,
    orientations: Sequence[bool] | bool = (False, True),
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Find the methods and thresholds that separate your examples.

    Parameters
    ----------
    images
        a table made by `scan_images`. Only the images of the examples are fingerprinted.
    must_match, must_not_match
        pairs of image names: a list of (left, right), or a table with the columns left and right.
    methods
        names from `METHODS`, or functions (see `fingerprint_images`). None takes all of `METHODS`;
        methods of local features only if `imgdup-nb[local]` is installed.
    orientations
        tried for each method: False, True or both. Local features do not need it, so only the first
        is tried for them.
    executor
        as for `fingerprint_images`.

    Returns
    -------
    pandas.DataFrame, one row per method and orientation, widest margin first:
        - method, orientations;
        - satisfied (bool), levels: all thresholds that satisfy every example;
        - threshold: the strictest of them, otherwise the strictest with fewest examples wrong;
        - wrong: the number of examples on the wrong side of it;
        - lowest_match, highest_other: percent, of the examples that must and must not match;
        - margin: their difference;
        - in_the_way: these two pairs, the least similar match and the most similar other.

    Raises
    ------
    ValueError
        if an image of an example is not in the table or cannot be read, or a pair must both match
        and not match.

    Notes
    -----
    A few examples show what is impossible, not what is safe. Measure with `score_thresholds`,
    labels or `calibrate` before use.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from PIL import Image
    >>> import imgdup_nb as dup
    >>> folder = tempfile.TemporaryDirectory()
    >>> for seed in range(2):
    ...     noise = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    ...     picture = Image.fromarray(noise).resize((160, 120))
    ...     picture.save(f"{folder.name}/{seed}.png")
    ...     picture.resize((80, 60)).save(f"{folder.name}/{seed} small.png")
    >>> images = dup.scan_images(folder.name)
    >>> match, other = [("0.png", "0 small.png")], [("0.png", "1.png")]
    >>> best = dup.tune_from_examples(images, match, other, methods=["phash", "ahash"]).iloc[0]
    >>> print(best.satisfied, best.threshold)
    True 100.0
    >>> folder.cleanup()
    """
    chosen = _all_methods() if methods is None else check_list("methods", methods, ["phash"])
    for method in chosen:
        if not callable(method):
            check_choice("methods", method, METHODS)
    several = [orientations] if isinstance(orientations, bool) else orientations
    views_tried = check_list("orientations", several, [False, True])
    if not chosen or not views_tried:
        raise ValueError("methods and orientations must name at least one each")
    images = check_images_table("images", images, ("image", "path", "problem"))
    match, other = (
        _read_examples("must_match", must_match),
        _read_examples("must_not_match", must_not_match),
    )
    both = {frozenset(pair) for pair in match} & {frozenset(pair) for pair in other}
    if both:
        raise ValueError(
            f"the pair {tuple(sorted(both.pop()))} must match and must not match; take it out of "
            "one list"
        )
    readable = images[images.problem == ""]
    wanted = sorted({name for pair in [*match, *other] for name in pair})
    places = find_names(list(readable.image), wanted)
    if (places < 0).any():
        raise ValueError(
            "every image of the examples must be a readable row of images, and "
            f"{wanted[int(np.argmin(places))]!r} is not"
        )
    spelled = dict(zip(wanted, readable.image.iloc[places], strict=True))
    match, other = ([(spelled[a], spelled[b]) for a, b in pairs] for pairs in (match, other))
    used = readable[readable.image.isin(spelled.values())]
    rows = [
        _try(used, method, views, match, other, executor)
        for method in chosen
        for views in (views_tried[:1] if _is_local(method) else views_tried)
    ]
    table = pd.DataFrame(rows)
    return table.sort_values(
        ["wrong", "margin"], ascending=[True, False], kind="stable", ignore_index=True
    )


def _all_methods() -> list[str]:
    return [method for method in METHODS if not _is_local(method) or find_spec("cv2")]


def _is_local(method: str | Embedding) -> bool:
    return not callable(method) and isinstance(METHODS[method], LocalMethod)


def _read_examples(name: str, examples: Examples) -> list[tuple[str, str]]:
    if isinstance(examples, pd.DataFrame):
        check_table(name, examples, ("left", "right"), "you, with a pair of images in each row")
        pairs = list(zip(examples.left, examples.right, strict=True))
    else:
        given = check_list(name, examples, [("a.jpg", "b.jpg")])
        pairs = [tuple(check_list(name, pair, ("a.jpg", "b.jpg"))) for pair in given]
    if not pairs or any(len(pair) != 2 or pair[0] == pair[1] for pair in pairs):
        raise ValueError(f"{name} must hold at least one pair of two image names")
    return [(str(left), str(right)) for left, right in pairs]


def _try(
    images: pd.DataFrame,
    method: str | Embedding,
    views: bool,
    match: list[tuple[str, str]],
    other: list[tuple[str, str]],
    executor: Executor | None,
) -> dict[str, Any]:
    prints = fingerprint_images(images, method, orientations=views, executor=executor)
    inside, outside = (_similarities(prints, pairs) for pairs in (match, other))
    levels = prints.method.levels(0.0)
    wrong = np.array(
        [
            (inside < level - TOLERANCE).sum() + (outside >= level - TOLERANCE).sum()
            for level in levels
        ]
    )
    good = levels[wrong == 0]
    best = int(np.argmin(wrong))  # levels begin with the strictest
    return {
        "method": prints.method.name,
        "orientations": views,
        "satisfied": len(good) > 0,
        "levels": [float(level) for level in good],
        "threshold": float(levels[best]),
        "wrong": int(wrong[best]),
        "lowest_match": float(inside.min()),
        "highest_other": float(outside.max()),
        "margin": float(inside.min() - outside.max()),
        "in_the_way": [match[int(inside.argmin())], other[int(outside.argmax())]],
    }


def _similarities(prints: Fingerprints, examples: list[tuple[str, str]]) -> np.ndarray:
    """Return the similarity of each example, in percent; 0 if local features find no match."""
    if not isinstance(prints.method, LocalMethod):
        similarity = similarity_matrix(prints)
        return np.array([similarity.loc[pair] for pair in examples])
    pairs = similar_pairs(prints, min_similarity=0.0, include_low_detail=True)
    rows = zip(pairs.left, pairs.right, pairs.similarity, strict=True)
    found = {frozenset((left, right)): similarity for left, right, similarity in rows}
    return np.array([found.get(frozenset(pair), 0.0) for pair in examples])

"""What one has anyway beside answers: classes, folders, cameras, times, and a second opinion.

A hint never proves precision. Unrelated pictures of one class, folder or minute agree as well: in
public data sets 91 % of pairs that were all false agreed on the class.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..aligned.verify import verify_pairs
from ..engine.checks import check_images_table, check_list
from ..engine.decode import no_decoder_warnings
from ..engine.pair_graph import find_names
from ..engine.reading import read_camera
from .intervals import binomial_interval
from .sampling import Survey

SECOND_OPINION = "aligned"
N_SECOND = 40  # pairs per threshold that are aligned
COUNTER = re.compile(r"[\s_-]*\(\d+\)$|[\s_-]+(copy|\d{1,2})$")  # "cat (1)", "cat copy", "cat_2"


def score_hints(
    pairs: pd.DataFrame, survey: Survey, images: Any, hints: Sequence[str], confidence: float
) -> pd.DataFrame:
    """Return the columns that `score_labels` adds for its hints, one row per edge."""
    hints = check_list("hints", hints, ["label", SECOND_OPINION])
    images = check_images_table("images", images, ("image",))
    columns: dict[str, np.ndarray] = {}
    for hint in hints:
        if hint == SECOND_OPINION:
            columns |= _ask_aligned(pairs, survey, images, confidence)
        else:
            columns |= _agreement_of_pairs(survey, hint, _values(images, hint))
    return pd.DataFrame(columns)


def _values(images: pd.DataFrame, hint: str) -> pd.Series:
    """Return the value of a hint for each image, by name."""
    names = images.image.astype(object)
    if hint in images:
        values = images[hint].astype(object)
    elif hint == "folder":
        values = names.map(lambda name: name.rpartition("/")[0])
    elif hint == "camera" and "path" in images:
        with no_decoder_warnings():
            values = images.path.astype(object).map(read_camera)
    elif hint == "stem":
        values = names.map(_plain_stem)
    else:
        raise ValueError(
            f"hints must be columns of images, or 'folder', 'stem', 'camera' (where images have "
            f"paths) or '{SECOND_OPINION}', and {hint!r} is none"
        )
    return pd.Series(values.to_numpy(dtype=object), index=names.to_numpy(dtype=object))


def _plain_stem(name: str) -> str:
    """Return a file's name without folder, ending and counter.

    Examples
    --------
    >>> _plain_stem("2024/Cat (1).jpg"), _plain_stem("cat.png"), _plain_stem("IMG_2041.jpg")
    ('cat', 'cat', 'img_2041')
    """
    stem = name.rpartition("/")[2].rpartition(".")[0].lower()
    return COUNTER.sub("", stem) or stem


def _agreement_of_pairs(survey: Survey, hint: str, values: pd.Series) -> dict[str, np.ndarray]:
    """Return how often pairs agree at each edge, how often by chance, and the bound."""
    places = find_names(list(values.index), survey.names)
    kinds = pd.factorize(values)[0]  # -1 where missing
    kind = np.where(places >= 0, kinds[places] if len(kinds) else -1, -1)
    one, other = kind[survey.first], kind[survey.second]
    known = (one >= 0) & (other >= 0)
    n_known, n_agree = (
        np.cumsum(np.bincount(survey.band[some], minlength=len(survey.edges)))
        for some in (known, known & (one == other))
    )
    sizes = np.bincount(kinds[kinds >= 0]).astype(float)
    n = sizes.sum()
    chance = float((sizes * (sizes - 1)).sum() / (n * (n - 1))) if n > 1 else 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(n_known > 0, n_agree / np.maximum(n_known, 1), np.nan)
        most = np.clip((share - chance) / (1 - chance), 0.0, 1.0) if chance < 1 else share
    return {
        f"{hint}_agrees": share,
        f"{hint}_by_chance": np.full(len(share), chance),
        f"{hint}_at_most": most,
    }


def _ask_aligned(
    pairs: pd.DataFrame, survey: Survey, images: pd.DataFrame, confidence: float
) -> dict[str, np.ndarray]:
    """Align a random sample of pairs at each edge; return the share confirmed and its interval."""
    order = np.argsort(survey.rank, kind="stable")
    samples = {k: order[survey.band[order] <= k][:N_SECOND] for k in survey.used}
    asked = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *samples.values()]))
    some = pairs.iloc[np.sort(survey.row[asked])]
    some.attrs = {name: value for name, value in pairs.attrs.items() if name != "copies"}
    names = {*some.left.astype(object), *some.right.astype(object)}
    found = verify_pairs(some, images[images.image.isin(names)])
    confirmed = set(map(frozenset, zip(found.left, found.right, strict=True)))
    is_confirmed = {
        pair: frozenset((survey.names[survey.first[pair]], survey.names[survey.second[pair]]))
        in confirmed
        for pair in asked.tolist()
    }
    share, low, high = np.full((3, len(survey.edges)), np.nan)
    for k in range(len(survey.edges)):
        sample = samples.get(k, order[survey.band[order] <= k][:N_SECOND])
        if len(sample):
            count = sum(is_confirmed[pair] for pair in sample.tolist())
            share[k] = count / len(sample)
            if len(sample) == survey.counts[k]:
                low[k] = high[k] = share[k]
            else:
                low[k], high[k] = map(float, binomial_interval(count, len(sample), confidence))
    return {"aligned_confirms": share, "aligned_low": low, "aligned_high": high}

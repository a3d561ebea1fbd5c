"""Precision at each threshold by a person's answers, with hints beside them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import pandas as pd

from ..engine.checks import check_list, check_text
from .hints import score_hints
from .labels import Labels, labels_table
from .sampling import Answers, Survey


def score_labels(
    pairs: pd.DataFrame,
    labels: Labels | pd.DataFrame,
    *,
    images: pd.DataFrame | None = None,
    hints: Sequence[str] = (),
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Estimate precision at each threshold by a person's answers.

    Precision is the share of the pairs that this person would call the same.

    Parameters
    ----------
    pairs
        made by `similar_pairs`.
    labels
        answers about pairs. `PairLabeler` asks about the pairs that count at once.
    images
        the table made by `scan_images`, for `hints`.
    hints
        what you know without asking: columns of `images` such as "label", "split" or "taken" (the
        second of the photograph); "camera" (maker and model by EXIF, read from the files), "folder"
        and "stem" (the file's name without ending and counter); "aligned" for a second opinion.
    confidence
        of each interval by itself.

    Returns
    -------
    pandas.DataFrame, one row per band of 2.5 percent, strictest first:
        - threshold (percent, inclusive), pairs (at or above it);
        - certain: pairs of the same bytes or pixels among them, which count as the same;
        - asked, same, skipped: answers about pairs at or above the threshold;
        - counted: the first so many pairs of the random order at this threshold are answered. These
          answers are the evidence;
        - precision (NaN if more than a tenth of the pairs are in bands without an answer),
          precision_low, precision_high;
        - for each hint HINT: HINT_agrees (share of the pairs whose images have the same value),
          HINT_by_chance (the same for any two images), HINT_at_most (upper bound of precision);
        - for "aligned": aligned_confirms (share of a random sample of 40 pairs at or above the
          threshold that `verify_pairs` keeps), aligned_low, aligned_high.

    Raises
    ------
    ValueError
        if a hint is not known.

    Notes
    -----
    The intervals are for this collection. Each is valid at any moment: you may look after every
    answer and stop when you like. A skipped pair counts as different for the low end and as the
    same for the high end. When every pair is answered, low and high are equal.

    A hint is used beside answers and never alone. The bound assumes that duplicates always agree,
    which is plausible for classes and times, and not for folders into which copies are sorted. It
    is no estimate: false pairs agree more often than by chance, because classes come in sessions
    and layouts. What `aligned` confirms is not what you would call the same.

    Answers of a file written before questions had this order keep the interval they had.

    Examples
    --------
    >>> import imgdup_nb as dup
    >>> prints = dup.Fingerprints.from_bits(["a", "b"], [[True] * 64, [True] * 58 + [False] * 6])
    >>> labels = dup.Labels()
    >>> labels.add("b", "a", "same")
    >>> scores = dup.score_labels(dup.similar_pairs(prints, min_similarity=90), labels)
    >>> scores[["threshold", "pairs", "asked", "same", "precision", "precision_low"]].tail(2)
       threshold  pairs  asked  same  precision  precision_low
    3       92.5      0      0     0        NaN            0.0
    4       90.0      1      1     1        1.0            1.0
    """
    answers = read_answers(pairs, labels)
    scores = answers.score(confidence)
    hints = [check_text("hints", hint, "camera") for hint in check_list("hints", hints, ["camera"])]
    if not hints:
        return scores
    found = score_hints(pairs, answers.survey, images, hints, confidence)
    return pd.concat([scores, found], axis=1)


def read_answers(pairs: pd.DataFrame, labels: Labels | pd.DataFrame) -> Answers:
    """Return the answers about a pair table; warn if none of the labels is about it."""
    answers = Survey.of(pairs).read(labels)
    n_given = len(labels_table(labels))
    if n_given and not len(answers.table):
        warnings.warn(
            f"none of the {n_given} labels is about a pair that is asked about here; names must be "
            "those of the pair table",
            stacklevel=3,
        )
    return answers

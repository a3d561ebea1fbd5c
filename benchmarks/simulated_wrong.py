"""How often a recommendation is wrong where the truth is just too bad, whatever is asked and when.

At each level the first 600 pairs of the order are answered, or all. Evidence at a level is the
highest capital so far, so a recommendation that anybody could have had on the way, by asking in any
order and stopping at any answer, is counted.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import combinations
from math import ceil, log

import numpy as np
import pandas as pd
from simulated_answers import LEVELS, NAMED, simulated_pairs

from imgdup_nb.evidence.sampling import Answers, Survey
from imgdup_nb.evidence.support import Support

MOST, CONFIDENCE, ALBUM = 600, 0.95, 8
EVERYWHERE, AT_NAMED, LATE = (
    "just below everywhere",
    "just below at 90 only",
    "good to 95, then bad",
)
ALBUMS, TOO_MANY = "false albums, just below", "one false pair more than 5"
CASES = [  # pairs, case, share required
    *((n, EVERYWHERE, 0.9) for n in (0, 1, 2, 5, 20, 60)),
    *((200, EVERYWHERE, share) for share in (0.8, 0.9, 0.95)),
    (2_000, EVERYWHERE, 0.9),
    *((20_000, EVERYWHERE, share) for share in (0.8, 0.9, 0.95, 0.99)),
    *((n, AT_NAMED, 0.9) for n in (200, 2_000, 20_000)),
    *((n, LATE, 0.9) for n in (200, 2_000)),
    (1_120, ALBUMS, 0.9),
    (200, TOO_MANY, None),
]


def count_wrong(repeats: int) -> pd.DataFrame:
    """Count wrong recommendations, and intervals that ever missed the truth."""
    rows = []
    for number, (n, case, least) in enumerate(CASES):
        rng, counts = np.random.default_rng(number), np.zeros((repeats, 3), dtype=bool)
        for count in counts:
            survey, same = _draw(n, case, least, rng)
            count[:] = _judge(survey, same, least)
        names = ("wrong", "missed at 90", "missed at any")
        row = {"pairs": n, "case": case, "required": least or "at most 5 false"}
        rows.append(row | dict(zip(names, counts.mean(axis=0), strict=True)))
        print(*rows[-1].values(), sep=" | ", flush=True)
    return pd.DataFrame(rows)


def _draw(n: int, case: str, least: float | None, rng: np.random.Generator):
    """Return a survey in a random order, and which of its pairs are true, by row."""
    if case == ALBUMS:
        return _albums(n, rng)
    survey = replace(_survey_of(n), rank=rng.permutation(n).astype(np.uint64))
    level, same = np.arange(n) * len(LEVELS) // max(n, 1), np.ones(n, dtype=bool)
    if case == TOO_MANY:
        same[:6] = False
        return survey, same
    assert least is not None
    n_true = n_above = 0
    for k, threshold in enumerate(LEVELS):
        places = rng.permutation(np.flatnonzero(level == k))
        n_above += len(places)
        good_enough = ceil(least * n_above - 1e-9)
        if case == LATE:
            wanted = n_true + len(places) if threshold >= 95 else n_true + len(places) // 2
        else:
            wanted = good_enough - (case == EVERYWHERE or threshold == NAMED)
        here = min(max(wanted - n_true, 0), len(places))
        n_true += here
        same[places[here:]] = False
    return survey, same


@cache
def _survey_of(n: int) -> Survey:
    """Return the survey of n made pairs; they are alike in all collections of this size."""
    return Survey.of(simulated_pairs(n))


def _albums(n: int, rng: np.random.Generator):
    """Return albums whose pictures are all alike; false by albums; ordered by their names."""
    per_album = ALBUM * (ALBUM - 1) // 2
    name = rng.integers(1 << 40)
    rows = [
        (f"{name}/{album:02d}/{one}.jpg", f"{name}/{album:02d}/{other}.jpg")
        for album in range(n // per_album)
        for one, other in combinations(range(ALBUM), 2)
    ]
    pairs = pd.DataFrame(rows, columns=["left", "right"]).assign(similarity=NAMED)
    pairs.attrs = {"floor": NAMED, "method": "unknown", "n_images": ALBUM * (n // per_album)}
    same = np.ones(n, dtype=bool)
    same[: n // 10 + 1] = False
    return Survey.of(pairs), same


def _judge(survey: Survey, same: np.ndarray, least: float | None) -> tuple[bool, bool, bool]:
    """Return whether a recommendation, the interval at 90, or any interval was ever wrong."""
    order = np.argsort(survey.rank)
    asked = [np.zeros(0, dtype=np.int64)]
    asked += [order[survey.band[order] <= edge][:MOST] for edge in survey.used]
    pairs = np.unique(np.concatenate(asked))
    table = pd.DataFrame({"pair": pairs, "aim": ""})
    table["label"] = np.where(same[survey.row[pairs]], "same", "different").astype(object)
    answers = Answers(survey, table)
    true = np.cumsum(np.bincount(survey.band[same[survey.row]], minlength=len(survey.edges)))
    if least is None:
        support = Support.of_false_pairs(answers, 5, NAMED, CONFIDENCE)
        bad = survey.counts - true > 5
    else:
        support = Support.of_precision(answers, least, NAMED, CONFIDENCE)
        bad = true < least * survey.counts - 1e-9
    bound, missed = log(2 / (1 - CONFIDENCE)), {}
    for edge in survey.used:
        ends = (
            answers.draws(edge).capital(int(true[edge])),
            answers.draws(edge, "different").capital(int(survey.sizes[edge] - true[edge])),
        )
        missed[edge] = max(ends) >= bound
    wrong = bool((support.supported & bad).any())
    return wrong, missed.get(support.named, False), any(missed.values())

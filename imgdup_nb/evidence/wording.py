"""A recommendation in words: why this threshold, or what is missing."""

from __future__ import annotations

import math

import numpy as np

from ..engine.checks import count_of
from .requirements import Requirement
from .support import Missing, Support


def span_text(low: float, high: float, name: str = "") -> str:
    """Write an interval so that rounding never makes it look better than it is.

    Examples
    --------
    >>> span_text(0.949, 0.991), span_text(3.21, 4.0, "false pairs"), span_text(0, 5, "false pairs")
    ('0.94 to 1.00', '3.2 to 4.0', '0 to 5')
    """
    if name.endswith("false pairs"):
        if low == high:
            return f"{low:,.0f}"
        if float(low).is_integer() and float(high).is_integer():  # counted
            return f"{low:,.0f} to {high:,.0f}"
        return f"{math.floor(10 * low + 1e-9) / 10:,.1f} to {math.ceil(10 * high - 1e-9) / 10:,.1f}"
    return f"{math.floor(100 * low + 1e-9) / 100:.2f} to {math.ceil(100 * high - 1e-9) / 100:.2f}"


def say_why(threshold: float, tests: list[Requirement], confidence: float, is_lowest: bool) -> str:
    """Say why a threshold is recommended."""
    parts: dict[str, list[str]] = {}  # what is said alike is said once
    for test in tests:
        said = f"{span_text(*test.at(threshold), test.name)} by {test.source}"
        parts.setdefault(f"{said}, required {_limit(test)}", []).append(test.name)
    said = "; ".join(f"{_all_of(names)} {part}" for part, names in parts.items())
    each = ", each by itself" if len(tests) > 1 else ""
    is_counted = all(test.name == "false pairs" and test.support is None for test in tests)
    sure = "" if is_counted else f" ({100 * confidence:g} % confidence{each})"
    assumptions = "".join(f" {test.assumption}" for test in tests if test.assumption)
    return (
        f"{threshold:g} % is the {'lowest' if is_lowest else 'highest'} threshold that the "
        f"evidence supports: {said}{sure}."
        f"{_meaning(tests)}{assumptions}"
    )


def _meaning(tests: list[Requirement]) -> str:
    if any(test.support is not None for test in tests):
        return " A pair counts as true if you call it the same."
    return ""


def _all_of(names: list[str]) -> str:
    """Join names, with their verb.

    Examples
    --------
    >>> _all_of(["precision"]), _all_of(["recall of 'a'", "recall of 'b'"])
    ('precision is', "recall of 'a' and recall of 'b' are each")
    """
    if len(names) > 1:
        return f"{', '.join(names[:-1])} and {names[-1]} are each"
    return f"{names[0]} {'are' if names[0].endswith('pairs') else 'is'}"


def _limit(test: Requirement) -> str:
    return f"{'>=' if test.at_least else '<='} {test.limit:g}"


def _full_name(test: Requirement) -> str:
    return f"{test.name} {_limit(test)}"


def _pronoun(test: Requirement) -> str:
    return "they are" if test.name.endswith("pairs") else "it is"


def say_what_is_missing(test: Requirement) -> tuple[str, Missing]:
    """Return what is missing, in words, and the number of answers that are missing."""
    head = f"Not enough evidence for {_full_name(test)}"
    if not len(test.levels):
        return f"{head}: the pair table is empty.", Missing(0, 0)
    if test.support is not None:
        return _missing_answers(test, test.support)
    first = test.order()[:1]  # the easiest level failed, or some would be supported
    if not len(first):
        best = f"{head}: {test.source} has too few pairs, or too few groups."
        return f"{best} {test.way_out}", Missing(0, 0)
    k = int(first[0])
    said = [
        f"{head}. At {test.levels[k]:g} %, where it is easiest to meet, {_pronoun(test)} "
        f"{span_text(test.low[k], test.high[k], test.name)} by {test.source}.",
        test.assumption,
        test.way_out,
    ]
    return " ".join(filter(None, said)), Missing(0, 0)


def _missing_answers(test: Requirement, support: Support) -> tuple[str, Missing]:
    possible = test.high >= test.limit if test.at_least else test.low <= test.limit
    if not possible.any():
        said = f"Your answers contradict {_full_name(test)} at every threshold."
        return said, Missing(0, 0)
    survey = support.answers.survey
    used = np.array(survey.used)
    aim = support.aim if support.aim in used[possible] else None
    if aim is None:
        open_ = [int(edge) for edge in used[possible] if support.is_open(int(edge))]
        if not open_:
            return _nothing_left(test, support), Missing(0, 0)
        aim = open_[-1]
    outlook = support.outlook(aim)
    missing = outlook.missing
    k = int(np.flatnonzero(used == outlook.edge)[0])
    so_far = f"so far {_pronoun(test)} {span_text(test.low[k], test.high[k], test.name)} there"
    if missing.median is not None:
        count = f"Label about {count_of(missing.median, 'more pair')} at {test.levels[k]:g} %"
        at_most = " (if it can be proved at all)"
        if missing.most is not None:
            at_most = f" (in nine of ten cases at most {missing.most:,})"
        if missing.most == missing.median:
            at_most = ""
        head = f"Not enough evidence for {_full_name(test)}."
        if outlook.unlikely is not None:
            at = survey.edges[outlook.unlikely]
            head += f" It can probably not be proved at {at:g} %; the next best is"
            head += f" {test.levels[k]:g} %."
        said = f"{head} {count}{at_most}: {so_far}."
        return said, missing
    against = support.until_contradicted(aim)
    n_open = int(survey.sizes[aim]) - support.draws[aim].hits.size + 1
    more = n_open if against.median is None else against.median
    return (
        f"Your answers so far suggest that {_full_name(test)} is not met. To be sure, label about "
        f"{count_of(more, 'more pair')} at {test.levels[k]:g} %: {so_far}.",
        Missing(more, against.most),
    )


def _nothing_left(test: Requirement, support: Support) -> str:
    """All pairs are answered: what is known, and what skipped pairs leave open."""
    k = len(test.levels) - 1
    skipped = int((support.answers.counted(support.answers.survey.used[k]) == "skip").sum())
    said = (
        f"Not enough evidence for {_full_name(test)}, and no pair is left to ask about: at "
        f"{test.levels[k]:g} % {_pronoun(test)} "
        f"{span_text(test.low[k], test.high[k], test.name)}."
    )
    if not skipped:
        return said
    verb = "leaves" if skipped == 1 else "leave"
    return f"{said} {count_of(skipped, 'skipped pair')} {verb} it open."


def say_conflict(tests: list[Requirement], supported: list[np.ndarray]) -> str:
    """Say which requirements exclude each other."""
    parts = [
        f"{_full_name(test)} needs {levels.min():g} to {levels.max():g} %"
        for test, levels in zip(tests, supported, strict=True)
    ]
    return "No threshold meets all requirements: " + "; ".join(parts) + "."

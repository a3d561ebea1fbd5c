"""What to ask next, and how many answers are missing: the plan of a `PairLabeler`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..engine.checks import count_of
from .sampling import Answers
from .support import Missing, Outlook, Support, answers_until_narrow


@dataclass(frozen=True)
class QuestionPlan:
    """The next question, and what it is for.

    Attributes
    ----------
    pair
        the number of the pair to ask about; None if all are answered.
    threshold
        percent; the pairs at or above it are asked about.
    missing
        how many more answers are needed.
    sentence
        the same in words.
    """

    pair: int | None
    threshold: float
    missing: Missing
    sentence: str


def plan_for_interval(answers: Answers, threshold: float, confidence: float) -> QuestionPlan:
    """Ask about the pairs at or above a threshold, then about the others."""
    survey = answers.survey
    named = survey.edge(threshold)
    missing = answers_until_narrow(answers, named, confidence)
    edge = next(
        (edge for edge in range(named, len(survey.edges)) if answers.next_at(edge) is not None),
        named,
    )
    said = (
        f"about {count_of(missing.median, 'more answer')} would tell it to within 0.05"
        if missing.median
        else "the answers settle it to within 0.05"
    )
    return QuestionPlan(answers.next_at(edge), float(survey.edges[edge]), missing, said)


def plan_for_precision(
    answers: Answers, least: float, threshold: float, confidence: float
) -> QuestionPlan:
    """Ask where the answers help most to prove a precision."""
    survey = answers.survey
    support = Support.of_precision(answers, least, threshold, confidence)
    proved = [survey.edges[edge] for edge in survey.used if support.supported[edge]]
    edge = support.named if support.aim is None else support.aim
    at = float(survey.edges[edge])
    if not survey.used:
        return QuestionPlan(None, at, Missing(0, 0), "")
    if proved:
        said = f"precision >= {least:g} is proved at {min(proved):g} %"
        return QuestionPlan(support.next_pair(), at, Missing(0, 0), said)
    if not support.is_open(edge):
        said = f"precision >= {least:g} is not proved"
        return QuestionPlan(support.next_pair(), at, Missing(0, 0), said)
    outlook = support.outlook(edge)
    said = _say_outlook(outlook, least, survey.edges)
    return QuestionPlan(support.next_pair(), at, outlook.missing, said)


def _say_outlook(outlook: Outlook, least: float, edges: np.ndarray) -> str:
    unlikely = ""
    if outlook.unlikely is not None:
        at = edges[outlook.unlikely]
        unlikely = f"precision >= {least:g} can probably not be proved at {at:g} %"
    if outlook.missing.median is None:
        return f"{unlikely}, nor at another threshold"
    said = _forecast(outlook.missing, least, float(edges[outlook.edge]))
    return f"{unlikely}; {said}" if unlikely else said


def _forecast(missing: Missing, least: float, at: float) -> str:
    count = count_of(missing.median or 0, "more answer")
    if missing.most is None:  # in more than one of ten cases it never is
        return f"about {count} would prove {least:g} at {at:g} %, if it can be proved at all"
    if missing.most == missing.median:
        return f"about {count} would prove {least:g} at {at:g} %"
    return (
        f"about {count}, in nine of ten cases at most {missing.most:,}, would prove {least:g} at "
        f"{at:g} %"
    )

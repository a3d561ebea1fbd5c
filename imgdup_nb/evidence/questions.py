"""What to ask next, and how many answers are missing: the plan of a `PairLabeler`."""

from __future__ import annotations

from dataclasses import dataclass

from ..engine.checks import count_of
from .sampling import Answers
from .support import Missing, Support, answers_until_narrow


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
    missing = support.missing(edge) if support.is_open(edge) else Missing(0, 0)
    return QuestionPlan(support.next_pair(), at, missing, _forecast(missing, least, at))


def _forecast(missing: Missing, least: float, at: float) -> str:
    if missing.median is None:
        return f"so far precision >= {least:g} is unlikely at {at:g} %"
    if not missing.median:
        return f"precision >= {least:g} is not proved"
    most = "" if missing.most is None else f", in nine of ten cases at most {missing.most:,},"
    return (
        f"about {count_of(missing.median, 'more answer')}{most} would prove {least:g} at {at:g} %"
    )

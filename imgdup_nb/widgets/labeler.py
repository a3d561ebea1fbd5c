"""The pair labeler: asks about the pairs whose answers tell most, and shows what the answers say.

Python chooses the question and keeps the answers; the browser shows two pictures and sends a key.
Messages, besides the traits and those of `base` (`view` holds all that is shown, as plain JSON), go
to Python only: ``{type: "answer", label, question}``, ``{type: "group", different, question}``,
``{type: "undo"}``, ``{type: "threshold", value}``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import traitlets as t

from ..collection.as_labels import open_labels
from ..collection.collection import Collection
from ..engine.checks import check_list, check_percent
from ..evidence.intervals import check_confidence
from ..evidence.labels import ANSWERS, Labels
from ..evidence.questions import QuestionPlan, plan_for_interval, plan_for_precision
from ..evidence.recommend import check_share
from ..evidence.sampling import Answers, Survey
from ..evidence.wording import span_text
from ..groups import group_duplicates
from ..plots.evidence import plot_label_scores
from .base import Number, ToolWidget, facts_by_name, join_module, join_styles
from .method_pairs import check_images
from .thumbnails import Thumbnails

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BUTTONS = [  # key, label, text
    ("s", "same", "Same picture"),
    ("d", "different", "Different"),
    ("k", "skip", "Skip"),
]
MOST_MEMBERS = 24  # of a group that is answered at once; all are seen on one screen


class PairLabeler(ToolWidget):
    """Answer which pairs show the same picture, and watch what that says about the threshold.

    Keys: S same, D different, K skip, G all of a group are the same, U undo, Z zoom. Questions are
    in a random order, so that the answers are a random sample, whenever you stop. They are about
    the pairs at or above the threshold. With `min_precision` they move to a stricter threshold
    while your answers speak against the one you named, and to a looser one once it is proved.

    Parameters
    ----------
    pairs
        made by `similar_pairs`.
    images
        the table made by `scan_images`; None shows names without pictures.
    labels
        where answers are kept: a `Collection`, `Labels`, or the path of a CSV file, new or written
        before. None keeps them in memory.
    threshold
        percent, inclusive; moves up to the next multiple of 2.5.
    min_precision
        0 to 1: what you want to show, as in `recommend_threshold`. None narrows the interval.
    confidence
        of the intervals.

    Attributes
    ----------
    labels : Labels
        the answers.
    question : tuple of two image names, or None
        what is asked now; None when every pair is answered.
    scores : pandas.DataFrame
        `score_labels` of the answers so far.
    group : list of image names
        the group that both images of the question are in; `answer_group` answers about all of it.
    more_answers : int
        about how many more are needed, in half of all cases: to prove `min_precision`, or without
        it to tell precision at the threshold to within 0.05.

    Examples
    --------
    >>> import imgdup_nb as dup
    >>> bits = [[True] * 64, [True] * 62 + [False] * 2]
    >>> labeler = dup.PairLabeler(dup.similar_pairs(dup.Fingerprints.from_bits(["a", "b"], bits)))
    >>> labeler.question
    ('a', 'b')
    >>> labeler.answer("same")
    >>> labeler
    <PairLabeler: 1 same, 0 different, 0 skipped; precision at 90 % is from 1.00 to 1.00>
    >>> labeler.close()
    """

    _esm = join_module("labeler.js", ANSWERS=BUTTONS)
    _css = join_styles("labeler.css")

    threshold = Number(90.0, help="percent, inclusive")
    view = t.Dict().tag(sync=True)

    def __init__(
        self,
        pairs: pd.DataFrame,
        images: pd.DataFrame | None = None,
        *,
        labels: Collection | Labels | str | os.PathLike[str] | None = None,
        threshold: float = 90.0,
        min_precision: float | None = None,
        confidence: float = 0.95,
    ) -> None:
        self.lock = threading.RLock()  # callbacks run beside the notebook's cells
        self.labels = open_labels(labels)
        self._confidence = check_confidence(confidence)
        self._min_precision = None if min_precision is None else check_share(min_precision)
        self._survey = Survey.of(pairs)
        self._pairs = pairs
        self._groups: dict[float, dict[str, list[str]]] = {}  # by threshold, of each image
        self._batches: list[list[tuple[str, str]]] = []  # answers given in this session
        self._similarity = pairs.similarity.to_numpy(dtype=float)[self._survey.row]
        images = check_images(images, pairs)
        self._thumbnails = None if images is None else Thumbnails(images)
        self._facts = facts_by_name(images)
        self._asked = 0
        super().__init__(threshold=threshold)
        self._refresh()
        self.observe(self._refresh, "threshold")

    @t.validate("threshold")
    def _validate_threshold(self, proposal: Any) -> float:
        return float(
            self._survey.edges[self._survey.edge(check_percent("threshold", proposal["value"]))]
        )

    # -- answers -----------------------------------------------------------------------------------

    def answer(self, label: str) -> None:
        """Answer the question: "same", "different" or "skip".

        Raises
        ------
        ValueError
            if the label is another one, or nothing is asked.
        """
        with self.lock:
            if self.question is None:
                raise ValueError(
                    "there is no question to answer: all pairs worth asking about are answered"
                )
            asked = self.question
            self.labels.add(*asked, label, aim=f"{self._plan.threshold:g}")
            self._batches.append([asked])  # only what was kept can be undone
            self._refresh()

    @property
    def group(self) -> list[str]:
        """The images of the group in which both images of the question are; [] without one.

        Groups are those at the threshold that is asked about. Pairs and large groups are left out.
        """
        if self.question is None:
            return []
        threshold = self._plan.threshold
        if threshold not in self._groups:
            found = group_duplicates(self._pairs, threshold)
            self._groups[threshold] = {name: list(some) for some in found for name in some}
        left, right = self.question
        members = self._groups[threshold].get(left, [])
        return members if right in members and 2 < len(members) <= MOST_MEMBERS else []

    def answer_group(self, different: Sequence[str] = ()) -> int:
        """Answer about all pairs of `group`: they are the same, but for those in `different`.

        Each image in `different` is another picture than the rest of the group. Nothing is said of
        two such images. Pairs that are answered already keep their answers. The answers count as
        soon as the random order of the questions reaches them, so the intervals stay valid.

        Returns
        -------
        int
            pairs that were answered.

        Raises
        ------
        ValueError
            if there is no group, or `different` is not part of it.
        """
        named = check_list("different", different, ["dog.jpg"])
        with self.lock:
            members, others = self.group, {each for each in named if isinstance(each, str)}
            if not members or len(others) < len(named) or not others < set(members):
                raise ValueError(
                    "different must be some of the images of the group that is asked about, "
                    f"{members}, and not all"
                )
            rest = [name for name in members if name not in others]
            same = self._open_pairs(combinations(rest, 2))
            apart = self._open_pairs(product(others, rest))
            aim = f"{self._plan.threshold:g}"
            self.labels.add_pairs(same, "same", aim=aim)
            self.labels.add_pairs(apart, "different", aim=aim)
            self._batches.append(same + apart)
            self._refresh()
            return len(same) + len(apart)

    def _open_pairs(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return those of some pairs that can be asked about and have no answer."""
        survey, wanted = self._survey, sorted(map(sorted, pairs))
        if not wanted:
            return []
        ends = np.array([[self._number_of_name[name] for name in pair] for pair in wanted])
        keys = ends.min(axis=1).astype(np.int64) * len(survey.names) + ends.max(axis=1)
        found = survey.find(keys)
        answered = set(survey.read(self.labels).table.pair.tolist())
        return [
            (left, right)
            for (left, right), pair in zip(wanted, found.tolist(), strict=True)
            if pair >= 0 and not survey.is_certain[pair] and pair not in answered
        ]

    @cached_property
    def _number_of_name(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self._survey.names)}

    def undo(self) -> None:
        """Withdraw the last answer, if there is one, and ask that question again.

        An answer about a whole group is withdrawn as a whole.
        """
        with self.lock:
            batch = self._batches.pop() if self._batches else []
            if len(batch) > 1:
                self.labels.withdraw(batch)
                self._refresh(ask=batch[0])
            else:
                self._refresh(ask=self.labels.undo())

    def _refresh(self, _change: Any = None, *, ask: tuple[str, str] | None = None) -> None:
        """Score the answers and choose the next question, `ask` before all others."""
        with self.lock:
            answers = self._survey.read(self.labels)
            self.scores = answers.score(self._confidence)
            self._plan = self._plan_questions(answers)
            self.more_answers = self._plan.missing.median or 0
            pair = self._number_of(ask)
            self._pair = self._plan.pair if pair is None else pair
            self._asked += 1
            self.view = self._describe()

    def _plan_questions(self, answers: Answers) -> QuestionPlan:
        """Choose the threshold whose pairs are asked about, and count what is missing."""
        if self._min_precision is None:
            return plan_for_interval(answers, self.threshold, self._confidence)
        return plan_for_precision(answers, self._min_precision, self.threshold, self._confidence)

    @property
    def question(self) -> tuple[str, str] | None:
        """The names of the two images asked about, or None."""
        if self._pair is None:
            return None
        survey = self._survey
        names = survey.names[survey.first[self._pair]], survey.names[survey.second[self._pair]]
        return min(names), max(names)

    def _number_of(self, names: tuple[str, str] | None) -> int | None:
        """Return the number of a pair by its names; None where the table does not ask about it."""
        if names is None:
            return None
        survey = self._survey
        table = pd.DataFrame([[*names, "skip", ""]], columns=["left", "right", "label", "aim"])
        found = survey.read(table).table
        return int(found.pair.iloc[0]) if len(found) else None

    # -- to and from the browser -------------------------------------------------------------------

    def _describe(self) -> dict[str, Any]:
        question, group = self.question, self.group
        rows = self.scores[self.scores.pairs > 0]
        return {
            "question": self._asked,
            "pictures": self._thumbnails is not None,
            "similarity": None
            if self._pair is None
            else round(float(self._similarity[self._pair]), 2),
            "images": [] if question is None else [self._image(name) for name in question],
            "group": [self._image(name) for name in group],
            "groupPairs": len(self._open_pairs(combinations(group, 2))),
            "threshold": self.threshold,
            "edges": [float(edge) for edge in self._survey.edges],
            "counts": {label: self.labels.count(label) for label in ANSWERS},
            "rows": [
                [
                    row.threshold,
                    int(row.pairs),
                    int(row.counted),
                    row.precision_low,
                    row.precision_high,
                    span_text(row.precision_low, row.precision_high),
                    _known(row.precision),
                ]
                for row in rows.itertuples()
            ],
            "sentence": self._sentence(),
            "done": question is None,
        }

    def _image(self, name: str) -> dict[str, Any]:
        return {
            "id": self._number_of_name[name],
            "name": name,
            "facts": self._facts.get(name, ""),
        }

    def _sentence(self) -> str:
        low, high = self._interval()
        if not self._survey.counts[self._survey.edge(self.threshold)]:
            return f"No pair is {self.threshold:g} % similar or more."
        said = f"Precision at {self.threshold:g} % is from {span_text(low, high)}"
        return f"{said}; {self._plan.sentence}."

    def _interval(self) -> tuple[float, float]:
        row = self.scores.iloc[self._survey.edge(self.threshold)]
        return row.precision_low, row.precision_high

    def _answer_answer(self, content: dict[str, Any]) -> None:
        with self.lock:
            if (
                content["question"] == self._asked
            ):  # a key pressed twice does not answer a question nobody has seen
                self.answer(content["label"])

    def _answer_group(self, content: dict[str, Any]) -> None:
        with self.lock:
            if content["question"] == self._asked:
                names = self._survey.names
                self.answer_group([names[int(number)] for number in content["different"]])

    def _answer_undo(self, _content: dict[str, Any]) -> None:
        self.undo()

    def _answer_threshold(self, content: dict[str, Any]) -> None:
        self.threshold = float(content["value"])

    @property
    def _picture_names(self) -> Sequence[str]:
        return self._survey.names

    # -- without a browser -------------------------------------------------------------------------

    def figure(self) -> Figure:
        """Return what the answers say about precision at each threshold, as a matplotlib figure."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 3), layout="constrained")
        plot_label_scores(self.scores, self.threshold, ax=figure.subplots())
        return figure

    def _still_table(self) -> str:
        return self.scores[self.scores.pairs > 0].round(3).to_html(index=False)

    def __repr__(self) -> str:
        low, high = self._interval()
        count = self.labels.count
        return (
            f"<PairLabeler: {count('same')} same, {count('different')} different, {count('skip')} "
            "skipped; "
            f"precision at {self.threshold:g} % is from {span_text(low, high)}>"
        )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)

"""Pair tables whose truth is known, and somebody who answers by it."""

import numpy as np
import pandas as pd

from imgdup_nb import Labels
from imgdup_nb.evidence.sampling import Answers, Survey
from imgdup_nb.evidence.support import Support

LEVELS = np.array([100, 97.5, 95, 92.5, 90, 87.5, 85])


def levelled_pairs(counts, levels=LEVELS):
    """Return a table of pairs no two of which share an image, so many at each level."""
    n = sum(counts)
    names = [f"{k:06d}" for k in range(2 * n)]
    left, right = (pd.Categorical.from_codes(np.arange(start, 2 * n, 2), names) for start in (0, 1))
    pairs = pd.DataFrame({"left": left, "right": right, "similarity": np.repeat(levels, counts)})
    pairs.attrs = {"floor": float(min(levels)), "method": "unknown", "n_images": 2 * n}
    return pairs


class Person:
    """Somebody who answers questions about a pair table by a truth: bool, one per row."""

    def __init__(self, pairs, truth):
        self.survey, self.truth = Survey.of(pairs), np.asarray(truth)
        self.pairs, self.said = [], []

    def __len__(self):
        return len(self.pairs)

    @property
    def answers(self):
        """The answers as `Survey.read` finds them, without the way through a file."""
        columns = {"pair": np.array(self.pairs, dtype=np.int64), "aim": ""}
        label = pd.Series(self.said, dtype=object)
        return Answers(self.survey, pd.DataFrame(columns | {"label": label}))

    @property
    def labels(self):
        survey, pairs = self.survey, np.array(self.pairs, dtype=np.int64)
        ends = [
            np.array(survey.names, dtype=object)[end[pairs]]
            for end in (survey.first, survey.second)
        ]
        return Labels.from_frame(
            pd.DataFrame({"left": ends[0], "right": ends[1], "label": self.said})
        )

    def answer(self, pair, label=None):
        said = "same" if self.truth[self.survey.row[pair]] else "different"
        self.pairs.append(pair)
        self.said.append(said if label is None else label)

    def answer_at(self, threshold, count):
        """Answer questions in the order of this threshold; return how many were asked."""
        for number in range(count):
            pair = self.answers.next_at(self.survey.edge(threshold))
            if pair is None:
                return number
            self.answer(pair)
        return count

    def answer_for(self, precision, threshold, count, confidence=0.95):
        """Answer what is asked to prove a precision, until it is proved; return the support."""
        for _ in range(count):
            support = Support.of_precision(self.answers, precision, threshold, confidence)
            pair = support.next_pair()
            if support.supported.any() or pair is None:
                return support
            self.answer(pair)
        return Support.of_precision(self.answers, precision, threshold, confidence)

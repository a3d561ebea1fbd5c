"""A plainer rule for which pair to ask about and when a precision is proved.

`bench_evidence.py --part answers --against benchmarks/plain_rule.py` compares the package with it.
A question is a random open pair at or above an aim. For each level there is one bet against "too
few of these pairs are true": a third of the capital each on no mistakes, and on 25 and 60 % of the
mistakes allowed. Answers that were drawn at a stricter aim are known and not bet on.
"""

from __future__ import annotations

import numpy as np

HOPES = np.array([0.0, 0.25, 0.6])
PATIENCE = 0.6  # the aim moves on once this share of the mistakes allowed, and one more, was seen


class Labelling:
    """Answers about pairs of a level each (0 is the strictest), and the capital at each level."""

    def __init__(self, level: np.ndarray, wish: float):
        self.level, self.open = np.asarray(level), np.ones(len(level), dtype=bool)
        self.size = np.cumsum(np.bincount(self.level))
        n_levels = len(self.size)
        self.most = np.ceil(wish * self.size - 1e-9).astype(np.int64) - 1
        self.hits, self.misses = np.zeros((2, n_levels), dtype=np.int64)
        self.stakes = np.full((n_levels, len(HOPES)), 1 / len(HOPES))
        self.highest = np.where(self.most < 0, np.inf, 1.0)

    def answer(self, pair: int, aim: int, is_true: bool) -> None:
        """Take an answer about a pair that was drawn at an aim."""
        self.open[pair] = False
        for k in range(self.level[pair], len(self.size)):
            if aim >= k:
                self._bet(k, is_true)
            self.hits[k] += is_true
            self.misses[k] += not is_true
            if self.hits[k] > self.most[k]:
                self.highest[k] = np.inf

    def _bet(self, k: int, is_true: bool) -> None:
        left = self.size[k] - self.hits[k] - self.misses[k]
        chance = (self.most[k] - self.hits[k]) / left  # of a hit, at most, by the claim
        if 0 < chance < 1:
            hoped = np.clip(1 - (1 - self.most[k] / self.size[k]) * HOPES, chance, 1.0)
            self.stakes[k] *= hoped / chance if is_true else (1 - hoped) / (1 - chance)
            self.highest[k] = max(self.highest[k], self.stakes[k].sum())

    def carries(self, k: int, _wish: float, alpha: float) -> bool:
        """Tell whether the precision is proved at a level."""
        return bool(self.highest[k] >= 1 / alpha)

    def aim(self, wish: float) -> int:
        """Return the loosest level whose answers do not speak against the wish."""
        tolerated = 1 + PATIENCE * (1 - wish) * (self.hits + self.misses)
        good = np.flatnonzero((self.misses <= tolerated) & (self.size > 0))
        return int(good[-1]) if len(good) else 0

"""Measure how often intervals and recommendations keep their promise, and what they cost.

    python benchmarks/bench_evidence.py
        simulated truths, and scores of a table of 60,000 images
    python benchmarks/bench_evidence.py --part answers --repeats 200 --against RULE.py
        answers needed until a precision is proved, by this rule and another one: RULE.py has a
        class Labelling(level, wish) with draw(aim), answer(pair, aim, is_true), aim(wish) and
        carries(level, wish, alpha)
    python benchmarks/bench_evidence.py --part coverage
        how often each kind of interval holds, 10,000 simulations each
    python benchmarks/bench_evidence.py FOLDER --part reach
        false pairs estimated on tenths of a folder, and counted on the whole
    python benchmarks/bench_evidence.py FOLDER --truth TRUTH.csv
        what is recommended for real pictures, by method

TRUTH.csv is as for bench_quality.py; without it, all pairs but those of the same bytes or pixels
count as false. A share that was counted in n repeats is known to within about twice sqrt(share (1 -
share) / n): 0.95 in 400 repeats to within 0.022.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from bench_quality import read_truth
from report import machine, whole

import imgdup_nb as dup
from imgdup_nb.evidence.betting import Draws
from imgdup_nb.evidence.calibrate import Calibration
from imgdup_nb.evidence.evaluate import agreeing_pairs, effective_pairs
from imgdup_nb.evidence.false_pairs import rate_table
from imgdup_nb.evidence.intervals import (
    binomial_interval,
    paired_interval,
    stratified_interval,
)
from imgdup_nb.evidence.sampling import Answers, Survey
from imgdup_nb.evidence.support import Missing, Support

LEVELS = np.array([100, 97.5, 95, 92.5, 90, 87.5, 85])
NAMED, MOST_ANSWERS = 90.0, 250
ALL = [1.0] * 7
FALLING = [1.0, 0.99, 0.97, 0.9, 0.8, 0.6, 0.4]
CROWDED = "false pairs in crowds"
# pairs in all, share of true pairs at each level or in all, share required
QUESTIONS = {
    "200 pairs, 0.95 true": (200, [0.95] * 7, 0.9),
    "200 pairs, all true": (200, ALL, 0.95),
    f"200 pairs, 0.8 true, {CROWDED}": (200, 0.8, 0.9),
    f"200 pairs, 0.95 true, {CROWDED}": (200, 0.95, 0.9),
    "20,000 pairs, all true, 0.9": (20_000, ALL, 0.9),
    "20,000 pairs, all true, 0.95": (20_000, ALL, 0.95),
    "20,000 pairs, all true, 0.99": (20_000, ALL, 0.99),
    "20,000 pairs, 0.99 true": (20_000, [0.99] * 7, 0.95),
    "20,000 pairs, 0.95 true": (20_000, [0.95] * 7, 0.9),
    "20,000 pairs, 0.9 true": (20_000, [0.9] * 7, 0.8),
    "20,000 pairs, falling, 0.95": (20_000, FALLING, 0.95),
    "20,000 pairs, falling, 0.9": (20_000, FALLING, 0.9),
    f"20,000 pairs, 0.8 true, {CROWDED}": (20_000, 0.8, 0.9),
    f"20,000 pairs, 0.95 true, {CROWDED}": (20_000, 0.95, 0.9),
    "20,000 pairs, just below everywhere": (20_000, [0.89] * 7, 0.9),
    "2,000 pairs, falls at once": (2_000, [1, 0.97, 0.7, 0.7, 0.5, 0.5, 0.5], 0.9),
}
# expected number in a sample of 300 images, and the share of all pictures that each looks like
HUBS = {
    "no false pairs but by chance": (0, 0.0),
    "hubs seen or not": (1, 0.05),
    "far hubs seen or not": (1, 0.1),
    "some far hubs": (5, 0.1),  # these make more false pairs than allowed
}
LIMIT = 130  # expected false pairs, at most


def simulated_pairs(n: int) -> pd.DataFrame:
    """Return a table of pairs no two of which share an image, about as many at each level."""
    names = [f"{k:06d}" for k in range(2 * n)]
    left, right = (pd.Categorical.from_codes(np.arange(start, 2 * n, 2), names) for start in (0, 1))
    level = LEVELS[np.arange(n) * len(LEVELS) // n]
    pairs = pd.DataFrame({"left": left, "right": right, "similarity": level})
    pairs.attrs = {"floor": float(LEVELS.min()), "method": "unknown", "n_images": 2 * n}
    return pairs


def make_truth(level: np.ndarray, shares: list[float] | float, rng: np.random.Generator):
    """Return which pairs are true, bool. One share for all levels: crowds of false pairs.

    A crowd is a twentieth of a small table, or 100 pairs. It is two levels wide, at 95 % or below.
    """
    same, n = np.ones(len(level), dtype=bool), len(level)
    if isinstance(shares, list):
        for k, share in enumerate(shares):
            places = np.flatnonzero(level == k)
            same[rng.permutation(places)[round(len(places) * share) :]] = False
        return same
    n_false = round(n * (1 - shares))
    while (~same).sum() < n_false:
        near = np.abs(level - rng.uniform(2, 6.5)) <= 1
        crowd = rng.permutation(np.flatnonzero(near & same))[: min(n // 20, 100)]
        same[crowd[: n_false - int((~same).sum())]] = False
    return same


def recommend_from_labels(repeats: int, other_rule: type | None = None) -> pd.DataFrame:
    """Answer until a threshold is recommended, looking after every answer.

    Counted: the answers needed in half and in nine of ten of all collections, inf for those without
    a recommendation; how often the named threshold was recommended, or a looser one; wrong
    recommendations, and intervals at the named threshold that ever missed the truth. Forecasts are
    made after ten answers: the answers needed over those forecast, and how often the forecast for
    nine of ten held. `other_rule` answers about the same collections in the same order.
    """
    rows = []
    for number, (name, (n, shares, least)) in enumerate(QUESTIONS.items()):
        rng = np.random.default_rng(number)
        survey = Survey.of(simulated_pairs(n))
        level = np.arange(n) * len(LEVELS) // n
        most_answers = 600 if least > 0.98 else MOST_ANSWERS
        needed, by_other, loose, wrong, missed, ratios, within = [], [], 0, 0, 0, [], []
        for _ in range(repeats):
            # another order of the same pairs: another collection
            own = replace(survey, rank=rng.permutation(n).astype(np.uint64))
            same = make_truth(level, shares, rng)
            found, forecast, support = ask(own, same, least, most_answers)
            n_asked = len(support.answers.table)
            needed.append(n_asked if found else np.inf)
            loose += bool(support.supported[support.named :].any())
            precision = np.cumsum(np.bincount(level, same)) / own.counts
            wrong += bool((support.supported & (precision < least - 1e-12)).any())
            low, high = support.answers.interval(support.named, 0.95)
            missed += not low - 1e-12 <= precision[support.named] <= high + 1e-12
            if forecast is not None and forecast.median:
                ratios.append((needed[-1] - 10) / forecast.median)
                within.append(forecast.most is None or needed[-1] - 10 <= forecast.most)
            if other_rule is not None:
                by_other.append(ask_by(other_rule, level, own.rank, same, least, most_answers))
        row = {"table": name, "required": least, "repeats": repeats} | _quantiles(needed)
        row |= {"named": loose / repeats, "wrong": wrong / repeats, "ever missed": missed / repeats}
        row |= {"needed / forecast": _quantiles(ratios)["median"], "within": np.mean(within or 0)}
        if by_other:
            row |= {f"other {key}": value for key, value in _quantiles(by_other).items()}
        rows.append(row)
        print(pd.DataFrame(rows[-1:]).round(3).to_string(index=False), flush=True)
    return pd.DataFrame(rows)


def _quantiles(counts: list[float]) -> dict[str, float]:
    """Return the median and the 90 % quantile, and the share that is finite."""
    some = np.array(counts or [np.nan])
    ends = {"median": 0.5, "nine of ten": 0.9}
    found = {name: np.quantile(some, q, method="higher") for name, q in ends.items()}
    return found | {"done": np.isfinite(some).mean()}


def ask_by(
    rule: type, level: np.ndarray, rank: np.ndarray, same: np.ndarray, least: float, most: int
) -> float:
    """Return the answers that another rule needs; the same share of errors is for each level."""
    named = int(np.flatnonzero(LEVELS == NAMED)[0])
    other, alpha = rule(level, least), np.full(len(LEVELS), 0.025 / (len(LEVELS) - 1))
    alpha[named] = 0.025
    for number in range(1, most + 1):
        aim = min(other.aim(least), named)
        pairs = np.flatnonzero(other.open & (level <= aim))
        if not len(pairs):
            return np.inf
        pair = int(pairs[np.argmin(rank[pairs])])  # a uniform draw, as the order is random
        other.answer(pair, aim, bool(same[pair]))
        if any(other.carries(k, least, alpha[k]) for k in range(len(LEVELS))):
            return number
    return np.inf


def read_rule(path: Path) -> type:
    """Return the class Labelling of a Python file."""
    space: dict = {"__name__": "other_rule"}
    exec(compile(path.read_text(), str(path), "exec"), space)
    return space["Labelling"]


def ask(
    survey: Survey, same: np.ndarray, least: float, most_answers: int
) -> tuple[bool, Missing | None, Support]:
    """Answer by a truth what the labeler asks; return the forecast after ten answers, too."""
    pairs: list[int] = []
    forecast = None
    while True:
        said = np.where(same[survey.row[pairs]], "same", "different") if pairs else []
        table = pd.DataFrame({"pair": np.array(pairs, dtype=np.int64), "aim": ""})
        table["label"] = np.array(said, dtype=object)
        support = Support.of_precision(Answers(survey, table), least, NAMED, 0.95)
        if len(pairs) == 10 and support.aim is not None:
            forecast = support.missing(support.aim)
        pair = support.next_pair()
        if support.supported.any() or len(pairs) == most_answers or pair is None:
            return bool(support.supported.any()), forecast, support
        pairs.append(pair)


def recommend_from_calibrations(repeats: int, n: int = 300, n_other: int = 300) -> pd.DataFrame:
    """Draw samples of a collection with rare hubs. Is the recommendation right for a new one?"""
    rows = []
    rng = np.random.default_rng(2)
    for name, (expected, reach) in HUBS.items():
        by_chance = np.array([0.2, 1.0, 5.0, 25.0]) / (n * n / 2)  # at 100, 95, 90 and 85
        share = expected / n
        true = (
            (by_chance + 2 * share * (1 - share) * reach * np.array([0, 0, 1, 1]))
            * n_other
            * (n_other - 1)
            / 2
        )
        covered = recommended = wrong = 0
        for _ in range(repeats):
            level = np.digitize(rng.random((n, n)), np.append(0, by_chance)) - 1
            is_hub, reached = rng.random(n) < share, rng.random((n, n)) < reach
            touched = (is_hub[:, None] & reached) ^ (
                is_hub & reached.T
            )  # hubs look alike from 90 down
            level = np.where(touched, np.minimum(level, 2), level)
            first, second = np.nonzero(np.triu(level < 4, 1))
            of_pair = np.array([100.0, 95.0, 90.0, 85.0])[level[first, second]]
            order = np.argsort(-of_pair, kind="stable")
            levels = np.array([100.0, 95.0, 90.0, 85.0])
            table = rate_table(
                first[order], second[order], of_pair[order], levels, n, n * (n - 1) // 2
            )
            nothing = pd.DataFrame()
            calibration = Calibration(nothing, table, nothing, nothing, "simulated", n, 0.95)
            spans = calibration.expected_false_pairs(n_other)
            covered += int(((spans.expected_low <= true) & (true <= spans.expected_high)).sum())
            found = dup.recommend_threshold(
                calibration=calibration, max_false_pairs=LIMIT, n_images=n_other
            ).threshold
            recommended += found is not None
            wrong += found is not None and true[levels == found][0] > LIMIT
        share_of = {
            "recommended": recommended / repeats,
            "wrong": wrong / repeats,
            "intervals held": covered / repeats / 4,
        }
        rows.append({"truth": name, "repeats": repeats} | share_of)
    return pd.DataFrame(rows)


def coverage(repeats: int = 10_000) -> pd.DataFrame:
    """Count how often intervals of 95 % hold the truth, kind by kind."""
    rng = np.random.default_rng(3)
    rows = []

    def add(kind: str, case: str, held: float) -> None:
        rows.append({"kind": kind, "case": case, "repeats": repeats, "held": held})
        print(f"{kind:20} {case:34} {held:.4f}", flush=True)

    for n, share in ((30, 0.97), (100, 0.9), (400, 0.5)):
        low, high = binomial_interval(rng.binomial(n, share, repeats), np.full(repeats, n))
        add("binomial", f"{n} trials, {share}", ((low <= share) & (share <= high)).mean())
    for size, share, looks in (
        (200, 0.95, 200),
        (200, 0.8, 200),
        (1000, 0.97, 200),
        (20_000, 0.9, 200),
    ):
        held = [ever_held(rng, size, share, looks) for _ in range(repeats)]
        add("every answer", f"{size:,} pairs, {share} true, {looks} looks", np.mean(held))
    for size, share, n in ((60, 0.9, 40), (500, 0.95, 100)):
        true = round(size * share)
        hits = rng.hypergeometric(true, size - true, n, repeats)
        ends = {int(k): fixed_interval(size, int(k), n) for k in np.unique(hits)}
        held = np.mean([ends[int(k)][0] <= true <= ends[int(k)][1] for k in hits])
        add("finite population", f"{n} of {size} pairs, {share} true", held)
    for sizes, asked, shares in (
        ([2000, 100], [5, 45], [0.97, 0.5]),
        ([500, 1000, 300], [10, 5, 15], [0.9, 0.02, 0.6]),
    ):
        good = [round(size * share) for size, share in zip(sizes, shares, strict=True)]
        drawn = np.stack(
            [
                rng.hypergeometric(g, size - g, n, repeats)
                for g, size, n in zip(good, sizes, asked, strict=True)
            ],
            axis=1,
        )
        some, counts = np.unique(drawn, axis=0, return_counts=True)
        truth = sum(good) / sum(sizes)
        spans = np.array([stratified_interval(sizes, asked, row) for row in some])
        inside = (spans[:, 0] - 1e-9 <= truth) & (truth <= spans[:, 1] + 1e-9)
        add("bands (old files)", f"{sizes}", (inside * counts).sum() / repeats)
    for n_groups, size, share in ((15, 4, 0.7), (40, 10, 0.9), (80, 3, 0.95)):
        pairs = np.full(n_groups, size * (size - 1) / 2)
        held = 0
        for _ in range(repeats):  # a group is found as a whole or not at all
            good = pairs * (rng.random(n_groups) < share)
            some = min(effective_pairs(pairs, good, 0, 0.95), agreeing_pairs(pairs, 0))
            at, total = np.array([good.sum() / pairs.sum()]), np.array([pairs.sum()])
            low, high = paired_interval(at, total, np.array([some]), 0.95)
            held += low[0] <= share <= high[0]
        add("dyadic", f"{n_groups} groups of {size}, {share} found", held / repeats)
    return pd.DataFrame(rows)


def ever_held(rng: np.random.Generator, size: int, share: float, looks: int) -> bool:
    """Tell whether an interval holds the truth after each of so many answers."""
    true = round(size * share)
    same = rng.permutation(size)[:looks] < true
    bound = np.log(2 / 0.05)
    ends = (Draws.of(size, same).capital(true), Draws.of(size, ~same).capital(size - true))
    return max(ends) < bound


def fixed_interval(size: int, hits: int, n: int) -> tuple[int, int]:
    """Return the interval after n answers, the hits spread evenly among them."""
    same = np.diff(np.floor(np.arange(n + 1) * hits / n)) > 0
    low = Draws.of(size, same).fewest(0.025)
    return low, size - Draws.of(size, ~same).fewest(0.025)


def check_reach(folder: Path, repeats: int = 200) -> pd.DataFrame:
    """Estimate false pairs on random tenths of a folder, and count them on the whole."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pairs = dup.similar_pairs(dup.fingerprint_images(dup.scan_images(folder)))
    pairs = pairs[~pairs.relation.isin(["same bytes", "same pixels"])]
    n, rng = pairs.attrs["n_images"], np.random.default_rng(4)
    names = pairs.left.cat.categories
    first, second = pairs.left.cat.codes.to_numpy(), pairs.right.cat.codes.to_numpy()
    similarity = pairs.similarity.to_numpy()
    levels = dup.METHODS["phash"].levels(70.0)
    counted = np.searchsorted(-similarity, -(levels - 1e-9), side="right")
    held, low_held = np.zeros((2, len(levels)))
    for _ in range(repeats):
        chosen = rng.permutation(len(names)) < len(names) // 10
        inside = chosen[first] & chosen[second]
        m, number = int(chosen.sum()), np.cumsum(chosen) - 1
        table = rate_table(
            number[first[inside]],
            number[second[inside]],
            similarity[inside],
            levels,
            m,
            m * (m - 1) // 2,
        )
        nothing = pd.DataFrame()
        spans = Calibration(nothing, table, nothing, nothing, "phash", m, 0.95)
        expected = spans.expected_false_pairs(n)
        held += expected.expected_high.to_numpy() >= counted
        low_held += expected.expected_low.to_numpy() <= counted
    columns = {
        "counted": counted,
        "high end held": held / repeats,
        "low end held": low_held / repeats,
    }
    return pd.DataFrame({"threshold": levels} | columns)


def score_many(n_images: int = 60_000) -> dict[str, float]:
    """Time `score_thresholds` on groups of three, and measure the memory it adds to the table."""
    rng = np.random.default_rng(0)
    bits = (rng.random((n_images // 3, 64)) < 0.5)[np.arange(n_images) // 3] ^ (
        rng.random((n_images, 64)) < 0.03
    )
    pairs = dup.similar_pairs(
        dup.Fingerprints.from_bits([f"{k:06d}" for k in range(n_images)], bits)
    )
    truth = {f"{k:06d}": k // 3 for k in range(n_images)}
    before, peak, stop = resident(), [0.0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.002):
            peak[0] = max(peak[0], resident())

    thread = threading.Thread(target=watch)
    thread.start()
    start = time.perf_counter()
    dup.score_thresholds(pairs, truth)
    seconds = time.perf_counter() - start
    stop.set()
    thread.join()
    memory = {"MB in all": round(peak[0]), "MB more than before": round(peak[0] - before)}
    return {"images": n_images, "pairs": len(pairs), "seconds": round(seconds, 2)} | memory


def resident() -> float:
    """Return the memory this process holds now, in MB; 0 where the system does not say."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * 4096 / 1e6 if status.exists() else 0.0


def recommend_for(
    folder: Path, truth: pd.Series | None, methods: list[str], limit: float
) -> pd.DataFrame:
    """Return the threshold recommended for each method, and the false pairs at that threshold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # broken files, and files that the truth does not name
        images = dup.scan_images(folder)
        if truth is not None:
            images = images[images.image.isin(truth.index)].reset_index(drop=True)
        readable = images.image[images.problem == ""]
        group = None if truth is None else truth.reindex(readable)
        rows = []
        for method in methods:
            found = dup.calibrate(
                images, method, variations=["jpeg 40", "half size"], n_sample=60, truth=group
            )
            counted = dup.recommend_threshold(calibration=found, max_false_pairs=limit).threshold
            copies = dup.recommend_threshold(calibration=found, min_recall=0.9).threshold
            at = found.false_pairs[
                found.false_pairs.threshold == (copies if counted is None else counted)
            ]
            expected = found.expected_false_pairs().loc[at.index]
            row = {
                "method": method,
                "images": found.n_images,
                f"<= {limit:g} false": counted,
                "copies found": copies,
            }
            if len(at):
                low, high = expected.expected_low.iloc[0], expected.expected_high.iloc[0]
                row |= {
                    "counted false": at["false"].iloc[0],
                    "expected in as many others": f"{low:.1f} to {high:.0f}",
                }
            rows.append(row)
    return pd.DataFrame(rows)


def main(arguments: list[str]) -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--truth", type=Path)
    parser.add_argument(
        "--methods", nargs="+", default=["phash", "phash256", "dhash", "ahash", "whash"]
    )
    parser.add_argument("--max-false-pairs", type=float, default=5)
    parser.add_argument("--repeats", type=whole, default=20)
    parser.add_argument("--against", type=Path, help="a Python file with another rule")
    parser.add_argument("--part", choices=["answers", "coverage", "calibrations", "time", "reach"])
    options = parser.parse_args(arguments)
    print(machine())
    if options.folder is not None and options.part == "reach":
        print(check_reach(options.folder).to_string(index=False))
        return
    if options.folder is not None:
        truth = None if options.truth is None else read_truth(options.truth)
        print(
            recommend_for(
                options.folder, truth, options.methods, options.max_false_pairs
            ).to_string(index=False)
        )
        return
    if options.part in (None, "time"):
        print("\nscore_thresholds:", score_many())
    if options.part in (None, "calibrations"):
        found = recommend_from_calibrations(4 * options.repeats)
        print(f"\nexpected false pairs <= {LIMIT}, by calibration\n{found.to_string()}")
    if options.part in (None, "answers"):
        print("\nanswers until a precision is proved, looking after every answer", flush=True)
        recommend_from_labels(options.repeats, options.against and read_rule(options.against))
    if options.part == "coverage":
        coverage()


if __name__ == "__main__":
    main(sys.argv[1:])

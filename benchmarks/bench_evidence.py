"""Measure how often intervals and recommendations keep their promise, and what they cost.

    python benchmarks/bench_evidence.py
        simulated truths, and time and memory at 60,000 images
    python benchmarks/bench_evidence.py --part answers --against benchmarks/plain_rule.py
        answers needed until a precision is proved, by this rule and another one, whose file has a
        class Labelling(level, wish) with answer(pair, aim, is_true), aim(wish) and
        carries(level, wish, alpha)
    python benchmarks/bench_evidence.py --part wrong --repeats 1000
        wrong recommendations where the truth is just too bad, whatever is asked and when
    python benchmarks/bench_evidence.py --part forecasts
        how many more answers are said to be needed, and how many were
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
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from bench_quality import read_truth
from report import machine, whole
from simulated_answers import check_forecasts, count_answers, read_rule
from simulated_wrong import count_wrong

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

# expected number in a sample of 300 images, and the share of all pictures that each looks like
HUBS = {
    "no false pairs but by chance": (0, 0.0),
    "hubs seen or not": (1, 0.05),
    "far hubs seen or not": (1, 0.1),
    "some far hubs": (5, 0.1),  # these make more false pairs than allowed
}
PARTS = ["answers", "wrong", "forecasts", "coverage", "calibrations", "time", "reach"]
LIMIT = 130  # expected false pairs, at most


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


def time_many(n_images: int = 60_000, n_answers: int = 20) -> pd.DataFrame:
    """Time what needs all pairs, on groups of three; measure the memory it adds to the table."""
    rng = np.random.default_rng(0)
    bits = (rng.random((n_images // 3, 64)) < 0.5)[np.arange(n_images) // 3] ^ (
        rng.random((n_images, 64)) < 0.03
    )
    pairs = dup.similar_pairs(
        dup.Fingerprints.from_bits([f"{k:06d}" for k in range(n_images)], bits)
    )
    truth = {f"{k:06d}": k // 3 for k in range(n_images)}
    labelers: list[dup.PairLabeler] = []

    def answer() -> None:
        for _ in range(n_answers):
            left, right = labelers[0].question or ("", "")
            labelers[0].answer("same" if truth[left] == truth[right] else "different")

    def recommend(**wanted: object) -> object:
        return dup.recommend_threshold(pairs, **wanted)

    start = partial(dup.PairLabeler, pairs, min_precision=0.95)
    rows = [
        measured("score_thresholds", lambda: dup.score_thresholds(pairs, truth)),
        measured("a labeler starts", lambda: labelers.append(start())),
        measured(f"{n_answers} answers", answer),
    ]
    labels, price = labelers[0].labels, {"cost_false": 50, "cost_missed": 1}
    rows += [
        measured("recommend by labels", lambda: recommend(labels=labels, min_precision=0.95)),
        measured("price by labels", lambda: recommend(labels=labels, **price)),
        measured("price by a truth", lambda: recommend(truth=truth, **price)),
    ]
    print(f"\n{n_images:,} images, {len(pairs):,} pairs, {resident():.0f} MB in all at the end")
    return pd.DataFrame(rows)


def measured(name: str, do: Callable[[], object]) -> dict[str, object]:
    """Run a function; return its processor seconds and the memory it takes at most, in MB."""
    before, peak, stop = resident(), [0.0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.002):
            peak[0] = max(peak[0], resident())

    thread = threading.Thread(target=watch)
    thread.start()
    start = time.process_time()
    do()
    seconds = time.process_time() - start
    stop.set()
    thread.join()
    return {"what": name, "seconds": round(seconds, 2), "MB more": round(peak[0] - before)}


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
    parser.add_argument("--part", choices=PARTS)
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
        print(time_many().to_string(index=False))
    if options.part in (None, "calibrations"):
        found = recommend_from_calibrations(4 * options.repeats)
        print(f"\nexpected false pairs <= {LIMIT}, by calibration\n{found.to_string()}")
    if options.part in (None, "answers"):
        print("\nanswers until a precision is proved, looking after every answer", flush=True)
        count_answers(options.repeats, options.against and read_rule(options.against))
    if options.part == "wrong":
        count_wrong(options.repeats)
    if options.part == "forecasts":
        check_forecasts(options.repeats)
    if options.part == "coverage":
        coverage()


if __name__ == "__main__":
    main(sys.argv[1:])

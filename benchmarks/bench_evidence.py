"""Measure how often intervals and recommendations keep their promise, and what they cost.

    python benchmarks/bench_evidence.py
        simulated truths, and scores of a table of 60,000 images
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
from pathlib import Path

import numpy as np
import pandas as pd
from bench_quality import read_truth
from report import machine, whole

import imgdup_nb as dup
from imgdup_nb.evidence.calibrate import Calibration
from imgdup_nb.evidence.false_pairs import rate_table
from imgdup_nb.evidence.sampling import Survey

LEVELS = np.array([100, 97.5, 95, 92.5, 90, 87.5, 85])
PER_LEVEL = 120  # pairs of a simulated table
MIN_PRECISION = 0.9  # precision
# share of true pairs at each level; where it falls below the requirement, a recommendation is wrong
PRECISIONS = {
    "never below the requirement": [1, 1, 0.99, 0.98, 0.97, 0.95, 0.95],
    "falls slowly": [1, 0.98, 0.95, 0.85, 0.7, 0.6, 0.5],
    "falls at once": [1, 0.97, 0.7, 0.7, 0.5, 0.5, 0.5],
    "just below everywhere": [0.89] * 7,
}
# expected number in a sample of 300 images, and the share of all pictures that each looks like
HUBS = {
    "no false pairs but by chance": (0, 0.0),
    "hubs seen or not": (1, 0.05),
    "far hubs seen or not": (1, 0.1),
    "some far hubs": (5, 0.1),  # these make more false pairs than allowed
}
LIMIT = 130  # expected false pairs, at most


def simulated_pairs() -> pd.DataFrame:
    """Return a table of pairs no two of which share an image, as many at each level."""
    n = PER_LEVEL * len(LEVELS)
    names = [f"{k:05d}" for k in range(2 * n)]
    left, right = (pd.Categorical.from_codes(np.arange(start, 2 * n, 2), names) for start in (0, 1))
    pairs = pd.DataFrame({"left": left, "right": right, "similarity": np.repeat(LEVELS, PER_LEVEL)})
    pairs.attrs = {"floor": float(LEVELS.min()), "method": "unknown", "n_images": 2 * n}
    return pairs


def recommend_from_labels(repeats: int, most_answers: int = 150, every: int = 10) -> pd.DataFrame:
    """Ask in the labeler's order until a threshold is recommended. Is the threshold right?"""
    rows = []
    rng = np.random.default_rng(1)
    pairs = simulated_pairs()
    survey = Survey.of(pairs)
    for name, shares in PRECISIONS.items():
        stopped, wrong, answers = 0, 0, []
        for _ in range(repeats):
            same = np.concatenate(
                [rng.permutation(PER_LEVEL) < round(PER_LEVEL * share) for share in shares]
            )
            of_pair = dict(zip(pairs.left.astype(object), same, strict=True))
            precision = np.cumsum(same) / np.arange(1, len(same) + 1)
            labels, found = dup.Labels(), None
            while found is None and len(labels) < most_answers:
                for _ in range(every):
                    pair = survey.read(labels).next_pair(90)
                    left, right = (
                        survey.names[survey.first[pair]],
                        survey.names[survey.second[pair]],
                    )
                    labels.add(left, right, "same" if of_pair[left] else "different")
                found = dup.recommend_threshold(
                    pairs, labels=labels, min_precision=MIN_PRECISION
                ).threshold
            answers.append(len(labels))
            if found is not None:
                stopped += 1
                wrong += bool(
                    precision[(pairs.similarity >= found).sum() - 1] < MIN_PRECISION - 1e-9
                )
        row = {
            "truth": name,
            "repeats": repeats,
            "recommended": stopped / repeats,
            "wrong": wrong / repeats,
        }
        rows.append(row | {"median answers": np.median(answers)})
    return pd.DataFrame(rows)


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
    options = parser.parse_args(arguments)
    print(machine())
    if options.folder is not None:
        truth = None if options.truth is None else read_truth(options.truth)
        print(
            recommend_for(
                options.folder, truth, options.methods, options.max_false_pairs
            ).to_string(index=False)
        )
        return
    print("\nscore_thresholds:", score_many())
    print(
        f"\nexpected false pairs <= {LIMIT}, by "
        f"calibration\n{recommend_from_calibrations(4 * options.repeats).to_string()}"
    )
    print(
        f"\nprecision >= {MIN_PRECISION}, stopping at the first "
        f"recommendation\n{recommend_from_labels(options.repeats).to_string()}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])

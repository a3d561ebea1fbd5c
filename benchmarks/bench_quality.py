"""Measure how well each method tells duplicates from others on a labelled folder.

    python benchmarks/bench_quality.py FOLDER TRUTH.csv --json result.json --plot result.png

TRUTH.csv has the columns `file` (or `image`: the name in the folder, with / separators) and
`group`; two files are duplicates exactly when their groups are equal. Files of the folder that the
table does not name are left out. Printed for each method: the average precision, the recall at a
precision of 0.99 and of 0.999, and precision and recall at 90.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import imgdup_nb as dup

FLOOR = 50.0  # percent; pairs below count as not found


def read_truth(path: Path) -> pd.Series:
    """Return the group of each image, by name."""
    table = pd.read_csv(path, dtype=str)
    name = "image" if "image" in table else "file"
    if not {name, "group"} <= set(table):
        raise SystemExit(
            f"{path} must have the columns file (or image) and group, and has {', '.join(table)}"
        )
    return table.drop_duplicates(name).set_index(name)["group"]


def judge(pairs: pd.DataFrame, group: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return similarity and truth of each pair, most similar first."""
    left, right = (
        group.reindex(pairs[side].astype(object)).to_numpy() for side in ("left", "right")
    )
    order = np.argsort(-pairs.similarity.to_numpy(), kind="stable")
    return pairs.similarity.to_numpy()[order], (left == right)[order]


def curve(similarity: np.ndarray, is_true: np.ndarray, n_true: int) -> pd.DataFrame:
    """Return threshold, precision and recall at each similarity that occurs, strictest first."""
    last = np.flatnonzero(
        np.diff(similarity, append=-1.0)
    )  # pairs of equal similarity are found together
    found = np.cumsum(is_true)[last]
    return pd.DataFrame(
        {
            "threshold": similarity[last],
            "precision": found / (last + 1),
            "recall": found / max(1, n_true),
        }
    )


def summarise(points: pd.DataFrame) -> dict[str, float]:
    """Return average precision, and recall at wanted precisions and at 90."""
    steps = np.diff(points.recall, prepend=0.0)
    at_90 = points[points.threshold >= 90].tail(1)
    return {
        "AP": float((steps * points.precision).sum()),
        "recall at precision 0.99": best_recall(points, 0.99),
        "recall at precision 0.999": best_recall(points, 0.999),
        "precision at 90": float(at_90.precision.iloc[0]) if len(at_90) else float("nan"),
        "recall at 90": float(at_90.recall.iloc[0]) if len(at_90) else 0.0,
    }


def best_recall(points: pd.DataFrame, precision: float) -> float:
    """Return the highest recall of any threshold with this precision or better."""
    return (
        float(points.recall[points.precision >= precision].max())
        if (points.precision >= precision).any()
        else 0.0
    )


def measure(
    images: pd.DataFrame, group: pd.Series, method: str
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the curve of one method and its summary."""
    sizes = group.reindex(images.image[images.problem == ""]).value_counts()
    start = time.perf_counter()
    prints = dup.fingerprint_images(images, method)
    pairs = dup.similar_pairs(prints, min_similarity=FLOOR)
    seconds = time.perf_counter() - start
    points = curve(*judge(pairs, group), int((sizes * (sizes - 1) // 2).sum()))
    return points, summarise(points) | {"seconds": seconds}


def draw(curves: dict[str, pd.DataFrame], ax: Axes) -> Axes:
    """Draw precision over recall, a line for each method."""
    for method, points in curves.items():
        ax.plot(points.recall, points.precision, drawstyle="steps-post", label=method)
    ax.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    ax.legend(frameon=False)
    return ax


def main(arguments: list[str]) -> None:
    """Measure every method and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the pictures")
    parser.add_argument(
        "truth", type=Path, help="a CSV file with the columns file (or image) and group"
    )
    parser.add_argument(
        "--methods", nargs="+", default=list(dup.METHODS), choices=list(dup.METHODS)
    )
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--plot", type=Path, help="also draw precision over recall into this file")
    options = parser.parse_args(arguments)
    if not options.truth.is_file():
        parser.error(f"truth must be a CSV file, and there is none at {options.truth}")
    group = read_truth(options.truth)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # broken files are part of some sets
        images = dup.scan_images(options.folder)
    images = images[images.image.isin(group.index)]
    if images.empty:
        named = f"none of the {len(group)} files that {options.truth} names"
        parser.error(f"{named}, such as {next(iter(group.index), None)!r}, is in {options.folder}")
    print(
        f"{len(images)} of {len(group)} labelled files found, {(images.problem != '').sum()} "
        "unreadable"
    )
    curves, rows = {}, {}
    for method in options.methods:
        curves[method], rows[method] = measure(images, group, method)
        print(
            f"{method}: {rows[method]['seconds']:.1f} seconds", flush=True
        )  # so that a slow one is seen to be slow
    print(pd.DataFrame(rows).T.round(3).to_string())
    if options.json:
        known = {
            method: {name: None if np.isnan(x) else x for name, x in row.items()}
            for method, row in rows.items()
        }
        options.json.write_text(json.dumps(known, indent=2), encoding="utf-8")  # JSON knows no NaN
    if options.plot:
        figure = Figure(figsize=(6, 5), layout="constrained")
        draw(curves, figure.add_subplot())
        figure.savefig(options.plot, dpi=120)


if __name__ == "__main__":
    main(sys.argv[1:])

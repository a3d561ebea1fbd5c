"""Helpers of all benchmarks: the best of several runs, the fitted exponent, saved results."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def seconds_of(work: Callable[[], Any], repeats: int = 3) -> tuple[float, float]:
    """Return the least seconds of several runs, by the clock and of processors."""
    taken, used = [], []
    for _ in range(repeats):
        start, before = time.perf_counter(), processor_seconds()
        work()
        taken.append(time.perf_counter() - start)
        used.append(processor_seconds() - before)
    return min(taken), min(used)


def processor_seconds() -> float:
    """Return the processor seconds of this process and of its ended child processes."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def growth(sizes: pd.Series, seconds: pd.Series) -> str:
    """Say how seconds grow with size: the exponent of a power law, fitted by least squares."""
    if sizes.nunique() < 2:
        return "how seconds grow takes two sizes or more, --sizes 10000,30000"
    return f"seconds grow as images ** {np.polyfit(np.log(sizes), np.log(seconds), 1)[0]:.2f}"


def whole(text: str) -> int:
    """Return a whole number from 1 up, for `argparse`; 1e6 is one too."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 1 <= number < 1e12 or number != int(number):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 up, and {text!r} is not")
    return int(number)


def whole_list(text: str) -> list[int]:
    """Return whole numbers from 1 up with commas between them, for `argparse`."""
    return [whole(part) for part in text.split(",")]


def machine() -> str:
    """Return what the numbers depend on, without names."""
    busy = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    system = f"{platform.system()} {platform.machine()}"
    return f"{os.cpu_count()} cores, {system}, Python {platform.python_version()}, {busy}"


def save(
    results: pd.DataFrame, name: str, folder: str | None, *, x: str, y: str, line: str
) -> None:
    """Print a table; with a folder also write JSON and a plot, a line per value of `line`."""
    print(f"\n{name}: {machine()}\n{results.to_string(index=False)}")
    if folder is None:
        return
    from matplotlib.figure import Figure

    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{name}.json").write_text(
        json.dumps({"machine": machine(), "rows": results.to_dict("records")}, indent=1)
    )
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    ax = figure.subplots()
    for label, rows in results.groupby(line, sort=False):
        ax.plot(rows[x], rows[y], marker="o", label=str(label))
    ax.set(xscale="log", yscale="log", xlabel=x, ylabel=y, title=name)
    ax.legend(fontsize=8)
    figure.savefig(target / f"{name}.png", dpi=120)

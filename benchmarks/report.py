"""What the benchmarks share: the best of several runs, the fitted exponent, and where results go."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def seconds_of(work: Callable[[], Any], repeats: int = 3) -> float:
    """Return the least wall-clock seconds of several runs: what others do on the machine only ever adds."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def growth(sizes: pd.Series, seconds: pd.Series) -> float:
    """Return the exponent k of seconds ~ size**k, by least squares of the logarithms; NaN for fewer than two sizes."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0]) if len(sizes) > 1 else float("nan")


def machine() -> str:
    """Return what the numbers depend on, without names."""
    busy = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}, {busy}"


def save(results: pd.DataFrame, name: str, folder: str | None, *, x: str, y: str, line: str) -> None:
    """Print a table; with a folder also write it as JSON and as a plot, one line per value of the column `line`."""
    print(f"\n{name}: {machine()}\n{results.to_string(index=False)}")
    if folder is None:
        return
    from matplotlib.figure import Figure

    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{name}.json").write_text(json.dumps({"machine": machine(), "rows": results.to_dict("records")}, indent=1))
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    ax = figure.subplots()
    for label, rows in results.groupby(line, sort=False):
        ax.plot(rows[x], rows[y], marker="o", label=str(label))
    ax.set(xscale="log", yscale="log", xlabel=x, ylabel=y, title=name)
    ax.legend(fontsize=8)
    figure.savefig(target / f"{name}.png", dpi=120)

"""Run every check and every test, each as a program of its own, and sum up.

``python tools/run_tests.py`` runs all steps, ``python tools/run_tests.py lint unit`` some of them.
Every step runs even if an earlier one failed. The exit code is 0 when all is well, else 1.

With the environment variable ``CI`` set, a missing Chromium and missing checkers of JavaScript are
failures. Without it those steps are left out, and the summary says so.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Name of each step, and what is run by `python -m`. Those that begin with pytest report how many
# tests they ran.
STEPS = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
    "javascript": ["tools.check_javascript"],
    "unit": [
        "pytest",
        "--numprocesses=auto",
        "--dist=worksteal",
        "--durations=15",
        "--durations-min=5",
    ],
    "notebooks": [
        "pytest",
        "--numprocesses=auto",
        "--dist=loadfile",  # the cells of a notebook share a kernel
        "--nbval",
        "--nbval-current-env",
        "--nbval-cell-timeout=120",
        "--nbval-sanitize-with=tests/nbval_sanitize.cfg",
        "notebooks",
    ],
    # In a process of its own: Playwright's event loop would stand in the way of any other.
    "browser": ["pytest", "tests/ui"],
}

STEP_TIMEOUT_SECONDS = 1200

# Align three pictures, for which numba compiles the loops.
COMPILE = """
import numpy as np
from PIL import Image
import imgdup_nb as dup

noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
one = Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC)
pictures = {"a": one, "b": one.crop((60, 40, 600, 440)), "c": one.rotate(90, expand=True)}
images = dup.scan_images(pictures)
dup.similar_pairs(dup.fingerprint_images(images, "aligned"))
"""


@dataclass
class Outcome:
    """How a step ended: name, "passed", "failed" or "left out", seconds, counts of tests."""

    step: str
    verdict: str
    seconds: float
    counts: Counter


def is_ci():
    """Return whether this run must not leave anything out."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def has_chromium():
    """Return whether the browser tests can run; where they cannot, print how to change that."""
    return subprocess.run([sys.executable, "tests/ui/chromium.py"], cwd=ROOT).returncode == 0


def has_javascript_checkers():
    """Return whether JavaScript can be checked; the first time, this fetches the checkers."""
    command = [sys.executable, "-m", "tools.check_javascript", "--install"]
    return subprocess.run(command, cwd=ROOT).returncode == 0


NEEDS = {"browser": has_chromium, "javascript": has_javascript_checkers}


def step_environment():
    """Return the environment of a step: no progress bars, and no pictures of the user."""
    environment = os.environ | {"TQDM_DISABLE": "1"}
    environment.pop("IMGDUP_PHOTOS", None)
    return environment


def count_tests(report):
    """Count the tests in a JUnit report.

    Parameters
    ----------
    report : pathlib.Path
        The XML file that ``pytest --junitxml`` writes; it may be missing.

    Returns
    -------
    collections.Counter
        ``passed``, ``failed`` (errors in fixtures or at collection included) and ``skipped``.
    """
    counts = Counter()
    if not report.exists():
        return counts
    for suite in ElementTree.parse(report).iter("testsuite"):
        n_failed = int(suite.get("failures")) + int(suite.get("errors"))
        n_skipped = int(suite.get("skipped"))
        counts += Counter(
            failed=n_failed,
            skipped=n_skipped,
            passed=int(suite.get("tests")) - n_failed - n_skipped,
        )
    return counts


def run_step(step):
    """Run one step, its output going straight to the terminal; return its outcome."""
    command = [sys.executable, "-m", *STEPS[step]]
    print(f"\n=== {step}: python -m {' '.join(STEPS[step])}", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        if STEPS[step][0] == "pytest":
            command.append(f"--junitxml={report}")
        verdict = "passed" if run_command(command) else "failed"
        counts = count_tests(report)
    return Outcome(step, verdict, time.monotonic() - start, counts)


def run_command(command):
    """Return whether a command ended well, and in time."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=step_environment(), timeout=STEP_TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired:
        print(f"stopped after {STEP_TIMEOUT_SECONDS} s")
        return False
    return done.returncode == 0


@contextmanager
def compile_beside(steps):
    """Compile the loops on one core while the checks before the tests run on another one.

    In a fresh copy this takes half a minute of processor, and each worker of the tests would do
    it. numba keeps the result beside the modules.
    """
    if "unit" not in steps[1:]:
        yield
        return
    command, quiet = [sys.executable, "-c", COMPILE], subprocess.DEVNULL
    with subprocess.Popen(
        command, cwd=ROOT, env=step_environment(), stdout=quiet, stderr=quiet
    ) as process:
        try:
            yield
        finally:
            process.kill()


def run_or_leave_out(step):
    """Run one step, but leave it out where its program is missing and this is not CI."""
    if step in NEEDS and not is_ci() and not NEEDS[step]():
        return Outcome(step, "left out", 0.0, Counter())
    return run_step(step)


def summarise(outcomes):
    """Return the summary as text: a line per step, and one with the number of tests."""
    total = sum((outcome.counts for outcome in outcomes), Counter())
    lines = [
        f"{outcome.step:<10} {outcome.verdict:<9} {outcome.seconds:6.1f} s" for outcome in outcomes
    ]
    left_out = [outcome.step for outcome in outcomes if outcome.verdict == "left out"]
    if left_out:
        lines.append(f"LEFT OUT: {', '.join(left_out)}. The output above says what to install.")
    skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
    lines.append(f"{total['passed']} passed, {total['failed']} failed{skipped}")
    return "\n".join(lines)


def main(arguments):
    """Run the named steps, or all; return the exit code."""
    parser = argparse.ArgumentParser(description="Run the project's checks and tests.")
    parser.add_argument(
        "steps", nargs="*", metavar="STEP", help=f"one or more of: {' '.join(STEPS)}; default: all"
    )
    steps = parser.parse_args(arguments).steps or list(STEPS)
    unknown = [step for step in steps if step not in STEPS]
    if unknown:
        parser.error(f"no such step: {' '.join(unknown)}; there are: {' '.join(STEPS)}")
    with compile_beside(steps):
        outcomes = [run_or_leave_out(step) for step in steps]
    print("\n=== summary")
    print(summarise(outcomes), flush=True)
    return int(any(outcome.verdict == "failed" for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Run chosen tests with the lowest versions that pyproject.toml allows, or with the newest ones.

``python tools/check_versions.py lowest newest`` makes an environment for each in a temporary
folder, with this Python and ``uv`` (``pip install uv``). The packages come from the package index.
Warnings are no errors here: old packages warn about new ones.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("demo", "heif", "local", "onnx", "data")
HELPERS = ("pytest", "hypothesis")  # taken from the extra `test`
# for each package one file or two: decoders, hashes, loops, tables, widgets, figures, models
TESTS = (
    "tests/test_decode.py",
    "tests/test_fingerprints.py",
    "tests/test_hash_sketches.py",
    "tests/test_features.py",
    "tests/test_groups.py",
    "tests/test_keepers.py",
    "tests/test_onnx.py",
    "tests/test_pairs.py",
    "tests/test_parquet.py",
    "tests/test_plots.py",
    "tests/test_shrink.py",
    "tests/test_sweep.py",
    "tests/test_viewer.py",
    "tests/collection/test_collection.py",
)
RESOLUTIONS = {"lowest": "lowest-direct", "newest": "highest"}


def requirements(project):
    """Return the requirements of the package, of some extras and of the tests, as pip reads them.

    Parameters
    ----------
    project : dict
        The table ``project`` of pyproject.toml.
    """
    extras = project["optional-dependencies"]
    wanted = list(project["dependencies"])
    for name in EXTRAS:
        wanted += extras[name]
    wanted += [line for line in extras["test"] if line.split(">")[0] in HELPERS]
    return wanted


def check(which, project):
    """Make an environment and run the tests in it; return whether all passed."""
    start = time.monotonic()
    uv = [sys.executable, "-m", "uv"]
    with tempfile.TemporaryDirectory() as folder:
        bin_folder = "Scripts" if sys.platform == "win32" else "bin"
        python = str(Path(folder, "env", bin_folder, "python"))
        environment = os.environ | {"PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1"}
        commands = [
            [*uv, "venv", "--quiet", "--python", sys.executable, str(Path(folder, "env"))],
            [*uv, "pip", "install", "--quiet", "--python", python, "--only-binary", ":all:",
             "--resolution", RESOLUTIONS[which], *requirements(project)],
            [*uv, "pip", "list", "--python", python],
            [python, "-m", "pytest", "-q", "-p", "no:cacheprovider",
             "-o", "filterwarnings=default", *TESTS],
        ]  # fmt: skip
        done = all(
            subprocess.run(command, cwd=ROOT, env=environment).returncode == 0
            for command in commands
        )
    seconds = time.monotonic() - start
    print(f"{which} versions: {'passed' if done else 'FAILED'}, {seconds:.0f} s", flush=True)
    return done


def main(arguments):
    """Check the named versions; return the exit code."""
    parser = argparse.ArgumentParser(description="Run tests with other versions of the packages.")
    parser.add_argument("which", nargs="+", choices=[*RESOLUTIONS])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    outcomes = [check(which, project) for which in parser.parse_args(arguments).which]
    return int(not all(outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

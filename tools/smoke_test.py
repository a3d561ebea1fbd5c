"""Run the example at the top of README.md with the installed package, outside of the checkout.

``python tools/smoke_test.py`` needs ``imgdup-nb[demo]``. The README is read from the metadata of
the installed package, so it is the one that PyPI shows.
"""

import os
import re
import subprocess
import sys
import tempfile
from importlib.metadata import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def find_example(readme):
    """Return the first block of Python in a text of Markdown."""
    return re.search(r"```python\n(.*?)```", readme, re.S)[1]


def find_relative_links(readme):
    """Return links that lead nowhere on a page outside of the repository."""
    return re.findall(r"\]\((?!https?://|#)([^)]+)\)", readme)


def main():
    """Run the example and the command line; return the exit code."""
    readme = metadata("imgdup-nb").get_payload() or metadata("imgdup-nb")["Description"]
    if links := find_relative_links(readme):
        print("these links do not work on PyPI:", *links)
        return 1
    script = "import imgdup_nb\nprint(imgdup_nb.__file__)\n" + find_example(readme)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as folder:
        options = {"cwd": folder, "env": environment, "check": True}
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, **options
        )
        place, *said = done.stdout.splitlines()
        print(*said, sep="\n")
        subprocess.run(
            [sys.executable, "-m", "imgdup_nb", "find", "demo", "--no-verify"], **options
        )
        if ROOT in Path(place).parents and "site-packages" not in place:
            print(f"this is the checkout, not an installed package: {place}")
            return 1
    return 0 if said and "groups at 90 %" in said[0] else 1


if __name__ == "__main__":
    sys.exit(main())

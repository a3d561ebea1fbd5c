"""Each line with a `$` in docs/command-line.md prints what is below it."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys

from command_line import PROJECT, environment, make_data_set

PAGE = (PROJECT / "docs/command-line.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, flags=re.DOTALL)
COMMANDS = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", "".join(BLOCKS), flags=re.MULTILINE)


def test_each_command_prints_what_is_below_it(tmp_path, picture):
    make_data_set(tmp_path, picture)
    checker, rules = doctest.OutputChecker(), doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    program = f'imgdup() {{ "{sys.executable}" -m imgdup_nb "$@"; }}\n'
    assert len(COMMANDS) >= 9
    for command, printed in COMMANDS:
        result = subprocess.run(
            ["bash", "-c", program + command],
            cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", timeout=300,
        )  # fmt: skip
        wanted = printed.replace("[...]", "...")
        assert checker.check_output(wanted, result.stdout, rules), (command, result.stdout)


def test_the_page_names_every_command():
    from imgdup_nb.cli import program

    assert set(re.findall(r"^\$ imgdup (\w+)", PAGE, flags=re.MULTILINE)) == set(program.commands)

"""Each line with a `$` in docs/command-line.md prints what is below it."""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
import sys

import yaml

from command_line import PROJECT, environment, make_data_set
from imgdup_nb.cli import program

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


def test_the_workflow_and_the_hooks_run_commands_that_there_are():
    hooks = yaml.safe_load((PROJECT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    examples = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
    [steps] = [job["steps"] for one in examples for job in one.get("jobs", {}).values()]
    [used] = [repo["hooks"] for one in examples for repo in one.get("repos", [])]
    entries = {hook["id"]: hook["entry"] for hook in hooks}
    lines = [step["run"] for step in steps if step.get("run", "").startswith("imgdup")]
    lines += [shlex.join([*entries[hook["id"]].split(), *hook["args"]]) for hook in used]
    assert len(lines) == 4
    assert {hook["id"] for hook in used} == set(entries)
    for line in lines:
        name, *arguments = shlex.split(line)[1:]
        known = [a.replace("data/", f"{PROJECT}/tests/") for a in arguments]
        known = [a.replace("tests/train", "tests/ui").replace("tests/test", "docs") for a in known]
        program.commands[name].make_context(name, known)  # raises for an option that is not there


def test_the_page_names_every_command():
    assert set(re.findall(r"^\$ imgdup (\w+)", PAGE, flags=re.MULTILINE)) == set(program.commands)

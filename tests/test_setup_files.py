"""The files around the package agree with each other: versions, requirements, workflows, links."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import check_versions
import imgdup_nb
import smoke_test

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FLOOR = re.compile(r"^([\w.-]+)(?:\[.*\])?\s*>=\s*([\d.]+)")


def floors(requirements):
    """Return the lowest version of each package, by name."""
    found = [FLOOR.match(line) for line in requirements]
    return {match[1].lower(): match[2] for match in found if match}


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_version_is_the_same_everywhere():
    version = PROJECT["project"]["version"]
    assert imgdup_nb.__version__ == version
    assert f"\nversion: {version}\n" in read("CITATION.cff")
    assert f'\n  version: "{version}"\n' in read("conda-recipe/recipe.yaml")


def test_the_conda_recipe_has_the_requirements_of_the_package():
    run = read("conda-recipe/recipe.yaml").partition("  run:")[2].partition("tests:")[0]
    recipe = floors(line.strip(" -") for line in run.splitlines() if line.startswith("    - "))
    recipe["matplotlib"] = recipe.pop("matplotlib-base")
    assert recipe.pop("python") == PROJECT["project"]["requires-python"].removeprefix(">=")
    assert recipe == floors(PROJECT["project"]["dependencies"])


def test_every_requirement_has_a_lowest_version():
    extras = PROJECT["project"]["optional-dependencies"]
    lines = [*PROJECT["project"]["dependencies"]]
    lines += [line for some in extras.values() for line in some]
    outside = [line for line in lines if not line.startswith("imgdup-nb[")]
    assert len(outside) > 30
    assert [line for line in outside if not FLOOR.match(line)] == []


def test_the_environments_have_what_the_chosen_tests_need():
    wanted = check_versions.requirements(PROJECT["project"])
    assert {*floors(PROJECT["project"]["dependencies"]), "pytest"} <= set(floors(wanted))
    assert len(wanted) == len(set(wanted))
    assert [test for test in check_versions.TESTS if not (ROOT / test).is_file()] == []


def test_links_of_the_readme_work_on_pypi():
    readme = read("README.md")
    assert smoke_test.find_relative_links(readme)
    hook = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    for rule in hook["substitutions"]:
        readme = re.sub(rule["pattern"], rule["replacement"], readme)
    assert smoke_test.find_relative_links(readme) == []
    home = PROJECT["project"]["urls"]["Homepage"]
    for link in re.findall(rf"\]\({home}/blob/main/([^)#]+)", readme):
        assert (ROOT / link).exists(), link
    pictures = re.findall(r"!\[[^]]*\]\((\S+)\)", readme)
    assert pictures
    assert all(picture.startswith("https://raw.githubusercontent.com/") for picture in pictures)
    assert "import imgdup_nb as dup" in smoke_test.find_example(readme)


def test_all_files_name_the_same_address_of_the_repository():
    home = PROJECT["project"]["urls"]["Homepage"]
    address = re.compile(r"github(?:usercontent)?\.com/([\w.-]+/[\w.-]*imgdup[\w-]*)")
    named = {}
    for entry in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"] + [
        "pyproject.toml"
    ]:
        for path in [ROOT / entry, *(ROOT / entry).rglob("*")]:
            if path.suffix in {".toml", ".yml", ".yaml", ".md", ".cff", ".py", ".txt", ".ipynb"}:
                found = address.findall(path.read_text(encoding="utf-8"))
                named.update({(path, name): name for name in found})
    assert len(named) >= 4
    assert {f"https://github.com/{name}" for name in named.values()} == {home}


def test_no_workflow_keeps_a_token_or_has_more_rights_than_it_needs():
    import yaml

    for path in (ROOT / ".github/workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert workflow["permissions"] == {"contents": "read"}, path
        steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
        checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
        assert checkouts
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_the_workflows_run_steps_that_there_are():
    from run_tests import STEPS

    text = read(".github/workflows/tests.yml")
    named = " ".join(re.findall(r"tools/run_tests\.py (.*)", text)).split()
    assert sorted(named) == sorted(STEPS)
    for workflow in (ROOT / ".github/workflows").glob("*.yml"):
        for script in re.findall(r"python (tools/\w+\.py)", workflow.read_text(encoding="utf-8")):
            assert (ROOT / script).is_file(), script

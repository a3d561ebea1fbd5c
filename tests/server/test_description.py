"""The OpenAPI description is what is served; nothing is served until a root is named."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

from imgdup_nb.server.operations import OPERATIONS
from imgdup_nb.server.routes import make_routes

PROJECT = Path(__file__).parent.parent.parent


def test_the_description_names_the_routes_that_are_served(service):
    described = service.call("GET", "/v3.0/openapi.json").json
    contexts = SimpleNamespace()
    patterns = [
        route[0] for route in make_routes("/", contexts, {}) if not route[0].endswith("/.*")
    ]
    paths = {path: set(verbs) - {"servers"} for path, verbs in described["paths"].items()}
    for prefix in ("/v3.0", "/v3"):
        for path in paths:
            full = path if path.endswith("/token") else prefix + path
            concrete = re.sub(r"\{\w+\}", "some-id", full)
            assert any(re.fullmatch(pattern, concrete) for pattern in patterns), full
    assert (
        len(patterns) == 2 * (len(paths) - 2) + 2 + 2
    )  # both prefixes; two for tokens, and twice the description itself
    assert {(o.verb.lower(), o.path) for o in OPERATIONS} == {
        (verb, path)
        for path, verbs in paths.items()
        for verb in verbs
        if not path.endswith("/token")
    }


def test_each_path_answers_its_verbs_and_no_others(service):
    described = service.call("GET", "/v3.0/openapi.json").json["paths"]
    for path, verbs in described.items():
        concrete = re.sub(r"\{\w+\}", "nothing-here", path)
        for verb in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            answer = service.call(verb, concrete if path.endswith("/token") else f"/v3{concrete}")
            if verb.lower() in verbs:
                assert answer.status != 405, (verb, path)
            else:
                assert answer.status == 405, (verb, path)
                assert answer.headers["Allow"] == ", ".join(
                    sorted(set(map(str.upper, verbs)) - {"SERVERS"})
                )


def test_no_call_that_the_description_allows_makes_the_server_fail(service, context, tmp_path):
    (tmp_path / "st.toml").write_text(
        f'[parameters]\n"path.searchContextId" = "{context}"\n"query.imageId" = "cat.png"\n'
        '"path.path" = "fuzzed/a.png"\n"query.destPath" = "fuzzed/b"\n'
    )
    command = [
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(tmp_path / "st.toml"),
        "run",
        f"{service.url}/v3.0/openapi.json",
        "-H",
        f"Authorization: Bearer {service.token}",
        "--phases",
        "fuzzing",
        "--max-examples",
        "3",
        "--request-timeout",
        "60",
        "--seed",
        "1",
        # which values are refused is for other tests: it cannot know which contexts and images
        # there are
        "--exclude-checks",
        "positive_data_acceptance,negative_data_rejection",
        "--checks",
        "all",
        "--exclude-operation-id",
        "delete_image_search",
        "--generation-database",
        "none",
        "--no-color",
    ]
    result = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert re.search(r"Tested: 33\b", result.stdout)


def test_nothing_is_imported_or_served_until_a_root_is_named():
    code = (
        "import sys, logging, imgdup_nb_extension as e; from types import SimpleNamespace; from "
        "traitlets.config import Config;"
        "e._load_jupyter_server_extension(SimpleNamespace(config=Config(), "
        "log=logging.getLogger()));"
        "print(e._jupyter_server_extension_points(), 'imgdup_nb' in sys.modules, 'numpy' in "
        "sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT
    ).stdout
    assert said.split() == ["[{'module':", "'imgdup_nb_extension'}]", "False", "False"]


def test_an_installation_tells_jupyter_of_the_extension():

    build = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "hatch"
    ]["build"]["targets"]["wheel"]
    assert build["shared-data"] == {"jupyter-config": "etc/jupyter"}
    assert "imgdup_nb_extension.py" in build["only-include"]
    told = json.loads(
        (PROJECT / "jupyter-config/jupyter_server_config.d/imgdup_nb.json").read_text(
            encoding="utf-8"
        )
    )
    assert told == {"ServerApp": {"jpserver_extensions": {"imgdup_nb_extension": True}}}

"""Programs written for the cloud service, and the examples of docs/server.md, work unchanged."""

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

PROJECT = Path(__file__).parent.parent.parent
DOCS = PROJECT / "docs" / "server.md"
SDK_VERSIONS = ["25.4.0", "22.4.0"]  # the newest, and what a plain `pip install` falls back to


def blocks(language):
    return re.findall(
        rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL
    )


@pytest.fixture(autouse=True)
def empty_storage(service):
    """Remove what other clients stored under the same names."""
    for path in (service.root / ".storage").iterdir():
        if path.is_file():
            path.unlink()


@pytest.fixture
def three(service, photos, monkeypatch):
    """Work in a folder with the three pictures of the examples."""
    monkeypatch.chdir(photos)
    return service


def test_the_tutorials_line_works_with_host_context_and_token_changed(service, context):
    [line] = [block for block in blocks("sh") if "findDuplicates" in block]
    changed = line.replace("127.0.0.1:8888", f"127.0.0.1:{service.port}").replace(
        "YOUR_ACCESS_TOKEN", service.token
    )
    words = shlex.split(
        changed.replace("YOUR_SEARCH_CONTEXT_ID", quote(context)).replace("\\\n", " ")
    )
    assert words[:2] == ["curl", "-v"]
    given = list(zip(words[3::2], words[4::2], strict=True))
    assert {option for option, _ in given} == {"-X", "-H"}
    headers = dict(value.split(": ") for option, value in given if option == "-H")
    url = urlsplit(words[2])
    answer = service.call(dict(given)["-X"], f"{url.path}?{url.query}", headers=headers, token=None)
    assert (answer.status, len(answer.json["duplicates"])) == (200, 2)
    if shutil.which("curl"):  # the program itself says the same
        said = subprocess.run(words, capture_output=True, check=True).stdout
        assert json.loads(said) == answer.json


def test_the_example_with_requests_prints_what_stands_below_it(three, capsys):
    [code] = [block for block in blocks("python") if "import requests\n" in block]
    exec(compile(with_own(code, three), "docs/server.md", "exec"), {})
    assert capsys.readouterr().out in blocks("text")


def with_own(code, service):
    return code.replace("http://127.0.0.1:8888", service.url).replace(
        "YOUR_ACCESS_TOKEN", service.token
    )


# -- the official client library -------------------------------------------------------------------


@pytest.fixture(scope="session", params=SDK_VERSIONS)
def library(request, tmp_path_factory):
    """Return a folder with the official client library, without its dependencies."""
    folder = tmp_path_factory.mktemp("sdk")
    wanted = f"aspose-imaging-cloud=={request.param}"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--target",
    ]
    subprocess.run([*command, str(folder), wanted], check=True, timeout=120)
    return folder, request.param


def run_client(library, arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(library)}
    result = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        **options,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_official_client_library_works_as_it_is(service, library, photos):
    folder, version = library
    script = Path(__file__).with_name("sdk_client.py")
    said = json.loads(run_client(folder, [str(script), service.url, service.token, str(photos)]))
    assert said.pop("version") == version.removesuffix(".0")
    assert re.fullmatch("[0-9a-f-]{36}", said.pop("context"))
    assert base64.b64decode(said["features"].pop()) != b""
    assert said.pop("compare outside")[0][1] < 70
    assert said == {
        "status": "Idle",
        "duplicates": [
            [["cat.png", 100.0], ["cat small.png", 100.0]],
            [["dog.png", 100.0], ["dog again.png", 100.0]],
        ],
        "compare": [["cat small.png", 100.0]],
        "similar": [["cat small.png", 100.0], ["cat.png", 100.0]],
        "by tag": [["cat small.png", 100.0], ["cat.png", 100.0]],
        "features": ["cat.png", 1, 64],
        "extracted alike": True,
        "same bytes": True,
        "after update": [["tree.png", 100.0]],
        "without features": [404, "notFound"],
        "with features": [200, ""],
        "deleted": [404, "notFound"],
        "web": [403, "forbidden"],
        "gone": [404, "notFound"],
    }


def test_the_example_with_the_library_prints_what_stands_below_it(service, library, photos):
    [code] = [block for block in blocks("python") if "asposeimagingcloud" in block]
    assert run_client(library[0], ["-c", with_own(code, service)], cwd=photos) in blocks("text")

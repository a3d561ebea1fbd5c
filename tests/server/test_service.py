"""The service answers as the collection does, over HTTP and to programs that were written for another server."""

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, urlsplit

import pytest

from imgdup_nb import Collection
from imgdup_nb.server.handlers import make_routes
from imgdup_nb.server.operations import OPERATIONS

PROJECT = Path(__file__).parent.parent.parent
DOCS = PROJECT / "docs" / "server.md"
SDK_VERSIONS = ["25.4.0", "22.4.0"]  # the newest, and what a plain `pip install` falls back to


def blocks(language):
    return re.findall(
        rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL
    )


@pytest.fixture
def quiet(recwarn):
    """Collections of the folder with broken files warn of them."""
    return recwarn


# -- the same answers as the collection ------------------------------------------------------------


def test_answers_are_those_of_the_collection(service, context, quiet):
    with Collection(service.root / context) as photos:
        for threshold in (95, 90, 60):
            groups = photos.find_duplicates(threshold)
            for casing in ("sdk", "tutorial"):
                answer = service.ask(
                    "GET",
                    f"/{quote(context)}/findDuplicates",
                    similarityThreshold=threshold,
                    casing=casing,
                )
                assert answer.json == groups.to_response(casing)
        found = photos.find_similar("dog.png", threshold=30, max_count=3)
        answer = service.ask(
            "GET",
            f"/{quote(context)}/findSimilar",
            similarityThreshold=30,
            maxCount=3,
            imageId="dog.png",
        )
        expected = [
            {"imageId": row.image, "similarity": row.similarity} for row in found.itertuples()
        ]
        assert answer.json == {"results": expected}
        assert len(found) == 3
        answer = service.ask(
            "POST", f"/{quote(context)}/compare", imageId1="cat.png", imageId2="tree.png"
        )
        assert (
            answer.json["results"][0]["similarity"]
            == photos.compare("cat.png", "tree.png").similarity[0]
        )
        answer = service.ask("GET", f"/{quote(context)}/features", imageId="sub/cat.jpg").json
        features = photos.features("sub/cat.jpg")
        assert (
            (answer["featuresCount"], answer["featureLengthInBits"])
            == (features.count, features.bits)
            == (1, 64)
        )
        assert base64.b64decode(answer["features"]) == features.data


def test_pictures_sent_along_are_compared_and_not_kept(service, context, picture, tmp_path):
    picture(2).save(tmp_path / "sent.png")
    sent = (tmp_path / "sent.png").read_bytes()
    before = sorted(
        path.name for path in (service.root / context).rglob("*") if not path.name.startswith(".")
    )
    found = service.ask(
        "GET", f"/{quote(context)}/findSimilar", sent, similarityThreshold=100
    ).json["results"]
    assert [result["imageId"] for result in found] == ["dog again.png", "dog.png"]
    result = service.ask("POST", f"/{quote(context)}/compare", sent, imageId1="dog.png").json[
        "results"
    ]
    assert [row["similarity"] for row in result] == [100]
    service.ask("POST", f"/{quote(context)}/addTag", sent, tagName="a dog")
    tagged = service.call(
        "POST", f"/v3/imaging/ai/imageSearch/{quote(context)}/findByTags", '["a dog"]',
        headers={"Content-Type": "application/json"}, similarityThreshold="90.0", maxCount=1,
    )  # fmt: skip
    assert tagged.json == {"results": [{"imageId": "dog again.png", "similarity": 100.0}]}
    extracted = service.ask("GET", f"/{quote(context)}/image2features", sent).json
    assert (
        extracted["features"]
        == service.ask("GET", f"/{quote(context)}/features", imageId="dog.png").json["features"]
    )
    assert (
        sorted(
            path.name
            for path in (service.root / context).rglob("*")
            if not path.name.startswith(".")
        )
        == before
    )


def test_a_label_keeps_two_images_apart_over_http_too(service, context, quiet):
    ask = {"similarityThreshold": 100}
    assert ["dog again.png", "dog.png"] in groups_of(
        service.ask("GET", f"/{quote(context)}/findDuplicates", **ask)
    )
    with Collection(service.root / context) as photos:
        photos.label("dog.png", "dog again.png", "different")
    assert ["dog again.png", "dog.png"] not in groups_of(
        service.ask("GET", f"/{quote(context)}/findDuplicates", **ask)
    )


def groups_of(answer):
    return [
        sorted(image["imageId"] for image in group["duplicateImages"])
        for group in answer.json["duplicates"]
    ]


def test_images_come_go_and_change(service, photos):
    context = service.create()
    cat, tree = ((photos / name).read_bytes() for name in ("cat.png", "tree.png"))
    assert service.ask("POST", f"/{context}/image", cat, imageId="2024/cat.png").status == 200
    again = service.ask("POST", f"/{context}/image", tree, imageId="2024/cat.png")
    assert (again.status, again.error[0]) == (409, "conflict")
    for name in ("2024/cat.png/inner.png", "2024"):
        assert service.ask("PUT", f"/{context}/image", tree, imageId=name).status == 409
    got = service.ask("GET", f"/{context}/image", imageId="2024/cat.png")
    assert (got.body, got.headers["Content-Type"]) == (cat, "image/png")
    assert service.ask("PUT", f"/{context}/image", tree, imageId="2024/cat.png").status == 200
    assert service.ask("GET", f"/{context}/image", imageId="2024/cat.png").body == tree
    assert service.ask("PUT", f"/{context}/image", cat, imageId="new.png").status == 200
    for _ in range(2):
        assert service.ask("DELETE", f"/{context}/image", imageId="new.png").status == 200
    assert not (service.root / context / "new.png").exists()
    assert service.ask("DELETE", f"/{context}/features", imageId="2024/cat.png").status == 200
    assert service.ask("GET", f"/{context}/features", imageId="2024/cat.png").status == 404
    assert service.ask("GET", f"/{context}/image", imageId="2024/cat.png").body == tree
    begun = service.ask("POST", f"/{context}/features", imagesFolder="2024")
    assert begun.status == 202
    service.wait_until_idle(context)
    assert service.ask("GET", f"/{context}/features", imageId="2024/cat.png").status == 200


def test_files_of_the_user_are_neither_overwritten_nor_deleted(
    service, context, photos, picture, tmp_path
):
    own = service.root / context / "cat.png"
    before = own.read_bytes()
    picture(9).save(tmp_path / "nine.png")
    assert (
        service.ask(
            "PUT",
            f"/{quote(context)}/image",
            (tmp_path / "nine.png").read_bytes(),
            imageId="cat.png",
        ).status
        == 409
    )
    assert service.ask("DELETE", f"/{quote(context)}/image", imageId="cat.png").status == 200
    assert own.read_bytes() == before
    assert service.ask("GET", f"/{quote(context)}/features", imageId="cat.png").status == 404
    assert service.ask("POST", f"/{quote(context)}/features", imageId="cat.png").status == 200
    assert service.ask("GET", f"/{quote(context)}/features", imageId="cat.png").status == 200


def test_a_deleted_context_fails_and_can_be_moved_back(service, photos):
    context = service.create()
    service.ask("POST", f"/{context}/image", (photos / "cat.png").read_bytes(), imageId="cat.png")
    assert service.ask("DELETE", f"/{context}").status == 200
    for verb, path in [
        ("GET", "status"),
        ("GET", "findDuplicates?similarityThreshold=90"),
        ("DELETE", ""),
    ]:
        assert service.ask(verb, f"/{context}/{path}".rstrip("/")).status == 404
    [kept] = (service.root / ".deleted").glob(f"{context}-*")
    kept.rename(service.root / context)
    assert (
        service.ask("GET", f"/{context}/image", imageId="cat.png").body
        == (photos / "cat.png").read_bytes()
    )


def test_two_clients_at_once_lose_nothing(service, photos):
    context = service.create()
    pictures = [(photos / name).read_bytes() for name in ("cat.png", "dog.png")]

    def work(number):
        added = service.ask(
            "POST", f"/{context}/image", pictures[number % 2], imageId=f"{number}.png"
        ).status
        return added, service.ask(
            "GET", f"/{context}/findDuplicates", similarityThreshold=90
        ).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(16))) == {(200, 200)}
        names = list(
            pool.map(
                lambda _: (
                    service.ask("POST", f"/{context}/image", pictures[0], imageId="same.png").status
                ),
                range(6),
            )
        )
    assert sorted(names) == [200, 409, 409, 409, 409, 409]
    groups = groups_of(service.ask("GET", f"/{context}/findDuplicates", similarityThreshold=90))
    assert sorted(map(len, groups)) == [8, 9]


# -- what is written in the documentation ----------------------------------------------------------


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
    """Return a folder with the official client library alone: what it says it needs cannot be installed."""
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
        "similar": [["cat small.png", 100.0]],
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


# -- the description -------------------------------------------------------------------------------


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
            concrete = full.replace("{searchContextId}", "some-id")
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
        concrete = path.replace("{searchContextId}", "nothing-here")
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
    )
    command = [
        "-m", "schemathesis.cli", "--config-file", str(tmp_path / "st.toml"), "run", f"{service.url}/v3.0/openapi.json",
        "-H", f"Authorization: Bearer {service.token}", "--phases", "fuzzing", "--max-examples", "3", "--seed", "1",
        # which values are refused is for other tests: it cannot know which contexts and images
        # there are
        "--exclude-checks", "positive_data_acceptance,negative_data_rejection", "--checks", "all",
        "--exclude-operation-id", "delete_image_search", "--generation-database", "none", "--no-color",
    ]  # fmt: skip
    result = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert re.search(r"Tested: 19\b", result.stdout)


# -- off until asked -------------------------------------------------------------------------------


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

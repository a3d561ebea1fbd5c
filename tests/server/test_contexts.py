"""Contexts without a server around them: names, turns, and how many are open."""

import asyncio
import os
import shutil
import threading
import time

import numpy as np
import pytest
from PIL import Image

from imgdup_nb.aligned.scores import score_akaze
from imgdup_nb.engine.features import read_features
from imgdup_nb.engine.paths import check_name
from imgdup_nb.server import contexts as module
from imgdup_nb.server import image_calls, questions
from imgdup_nb.server.contexts import Contexts, check_id
from imgdup_nb.server.errors import Refused, refusal_for
from imgdup_nb.server.request import Request, in_context

DEVICES = [
    "nul",
    "NUL.jpg",
    "Con.tar.gz",
    "com1",
    "LPT\N{SUPERSCRIPT TWO}.png",
    "aux .png",
    "a/prn/b.png",
]
CHANGED = ["cat.", "cat.png ", "cat.png:stream", "a:b"]
FILES = [
    "console.png",
    "com10.png",
    "nullable/auxiliary.png",
    "what?.jpg",
    "<b>.png",
    "line\nbreak.png",
    "lpt",
]


@pytest.mark.parametrize("name", DEVICES + CHANGED)
def test_a_name_means_a_file_on_windows_too(name):
    with pytest.raises(ValueError, match="must be a path inside the folder"):
        check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "console.png",
        "com10.png",
        "nullable/auxiliary.png",
        "what?.jpg",
        "<b>.png",
        "line\nbreak.png",
        "lpt",
    ],
)
def test_odd_names_that_are_files_are_taken(name):
    assert check_name(name) == name


@pytest.mark.parametrize("context_id", ["", "a/b", "x" * 101, None])
def test_an_id_is_the_name_of_one_folder(context_id):
    with pytest.raises(Refused, match="cannot be one") as refused:
        check_id(context_id)
    assert refused.value.status == 400


def test_a_root_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(NotADirectoryError, match="must be a folder"):
        Contexts(str(tmp_path / "nothing"))


def test_questions_about_one_context_take_turns_and_others_do_not_wait(tmp_path):
    contexts, begun, go_on, seen = Contexts(str(tmp_path)), threading.Event(), threading.Event(), []

    def slow(_collection):
        begun.set()
        go_on.wait(30)
        seen.append("slow")

    async def ask():
        one, other = await contexts.create(), await contexts.create()
        first = asyncio.create_task(contexts.ask(one, slow, state="ExtractingFeatures"))
        await asyncio.to_thread(begun.wait, 30)
        second = asyncio.create_task(contexts.ask(one, lambda _collection: seen.append("second")))
        gone = asyncio.create_task(
            contexts.ask(one, lambda _collection: seen.append("gone"), is_wanted=lambda: False)
        )
        assert await contexts.ask(other, len) == 0
        assert (contexts.status(one).state, contexts.status(other).state) == (
            "ExtractingFeatures",
            "Idle",
        )
        assert seen == []
        go_on.set()
        await asyncio.gather(first, second)
        with pytest.raises(Refused, match="closed the connection"):
            await gone
        assert contexts.status(one).state == "Idle"

    asyncio.run(ask())
    assert seen == ["slow", "second"]


def test_a_question_is_not_wanted_any_more_once_the_server_stops(tmp_path):
    contexts, loop, begun, seen = (
        Contexts(str(tmp_path)),
        asyncio.new_event_loop(),
        threading.Event(),
        [],
    )

    def wait_for_the_end(collection):
        seen.append(collection.is_wanted())
        begun.set()
        end = time.monotonic() + 10
        while collection.is_wanted() and time.monotonic() < end:
            time.sleep(0.01)
        seen.append(collection.is_wanted())

    name = loop.run_until_complete(contexts.create())
    question = loop.create_task(contexts.ask(name, wait_for_the_end))
    loop.run_until_complete(asyncio.to_thread(begun.wait, 10))  # and then the loop does not run
    end = time.monotonic() + 10
    while len(seen) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    loop.run_until_complete(question)
    loop.close()
    assert seen == [True, False]


def test_only_so_many_contexts_are_open_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_OPEN", 3)
    contexts = Contexts(str(tmp_path))

    async def ask():
        names = [await contexts.create() for _ in range(8)]
        assert set(contexts._open) == set(names[-3:])
        assert [await contexts.ask(name, len) for name in names] == [
            0
        ] * 8  # the others are opened again
        assert len(contexts._open) == 3

    asyncio.run(ask())


def test_a_folder_that_was_removed_by_hand_is_gone_and_a_new_one_is_new(tmp_path, photos):
    contexts = Contexts(str(tmp_path))

    async def ask():
        name = await contexts.create()
        await contexts.ask(name, lambda collection: collection.add(photos / "cat.png"))
        shutil.rmtree(tmp_path / name)
        with pytest.raises(Refused, match="no search context"):
            contexts.status(name)
        os.mkdir(tmp_path / name)
        assert await contexts.ask(name, len) == 0

    asyncio.run(ask())


def test_the_scale_of_the_service_itself_is_a_setting(tmp_path):
    """Local features see what was erased from a scene, which hashes do not."""
    blocks = np.random.default_rng(4).integers(0, 256, (24, 32), dtype=np.uint8)
    scene = Image.fromarray(blocks).resize((480, 360), Image.Resampling.NEAREST)
    scene.save(tmp_path / "scene.png")
    scene.paste(128, (0, 0, 240, 360))
    scene.save(tmp_path / "half erased.png")
    features = [
        read_features(str(tmp_path / name), "akaze") for name in ("scene.png", "half erased.png")
    ]
    expected = score_akaze(*features).similarity
    contexts = Contexts(str(tmp_path), method="akaze")

    async def ask():
        given = {"imageId1": "scene.png", "imageId2": "half erased.png", "imageId": "scene.png"}
        request = Request(contexts, await contexts.create(), given)
        for name in ("scene.png", "half erased.png"):
            await contexts.ask(
                request.context_id, lambda collection, name=name: collection.add(tmp_path / name)
            )
        compared = await in_context(questions.compare)(request)
        looked_at = await in_context(image_calls.get_features)(request)
        request.given |= {"similarityThreshold": expected - 1e-6, "maxCount": None}
        return compared, looked_at, await in_context(questions.find_similar)(request)

    compared, looked_at, found = asyncio.run(ask())
    half = {"imageId": "half erased.png", "similarity": pytest.approx(expected)}
    assert compared == {"results": [half]}
    assert found == {"results": [{"imageId": "scene.png", "similarity": 100.0}, half]}
    assert 20 < expected < 80
    assert looked_at["featuresCount"] == len(features[0])


def test_an_error_that_is_nobodys_is_a_fault_of_ours():
    assert refusal_for(RuntimeError("?")) is None
    assert refusal_for(OSError(28, "No space left on device")).status == 507
    assert refusal_for(TimeoutError("busy")).status == 503

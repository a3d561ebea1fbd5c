"""Contexts that are deleted while others use them: nobody gets a fault, and they stay deleted."""

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from imgdup_nb.server.contexts import DELETED, Contexts
from imgdup_nb.server.errors import Refused, refusal_for

from .test_safety import png


def visible(root):
    return sorted(name for name in os.listdir(root) if not name.startswith("."))


def test_whoever_asks_while_a_context_is_moved_aside_is_told_that_it_is_gone(tmp_path, monkeypatch):
    contexts, moving, go_on = Contexts(str(tmp_path)), threading.Event(), threading.Event()
    rename = os.rename

    def slow_rename(source, target):
        moving.set()
        go_on.wait(30)
        rename(source, target)

    async def ask():
        name = await contexts.create()
        monkeypatch.setattr(os, "rename", slow_rename)
        deletion = asyncio.create_task(contexts.delete(name))
        await asyncio.to_thread(moving.wait, 30)
        question = asyncio.create_task(contexts.ask(name, lambda collection: collection.update()))
        again = asyncio.create_task(contexts.delete(name))
        await asyncio.sleep(0.1)
        assert not question.done()
        go_on.set()
        await deletion
        for late in (question, again):
            with pytest.raises(Refused, match="no search context"):
                await late

    asyncio.run(ask())
    assert visible(tmp_path) == []
    assert len(os.listdir(tmp_path / DELETED)) == 1


def test_deleting_does_not_wait_until_a_folder_is_indexed(tmp_path):
    contexts, begun = Contexts(str(tmp_path)), threading.Event()

    def index_slowly(collection):
        begun.set()
        end = time.monotonic() + 30
        while collection.is_wanted() and time.monotonic() < end:
            time.sleep(0.01)
        collection.update()  # stops before the first file

    async def ask():
        name = "holidays"
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(png())
        question = asyncio.create_task(contexts.ask(name, index_slowly))
        await asyncio.to_thread(begun.wait, 30)
        asked = time.monotonic()
        await contexts.delete(name)
        assert time.monotonic() - asked < 20
        with pytest.raises(Refused, match="is being deleted"):
            await question

    asyncio.run(ask())
    assert visible(tmp_path) == []


def test_a_context_that_another_process_moves_away_in_the_middle_is_gone(tmp_path):
    contexts = Contexts(str(tmp_path))

    async def ask():
        name = await contexts.create()

        def move_away_and_store(collection):
            os.rename(tmp_path / name, tmp_path / ".elsewhere")
            collection.add(png(), name="new/a.png")

        with pytest.raises(Refused, match="no search context"):
            await contexts.ask(name, move_away_and_store)

    asyncio.run(ask())
    assert visible(tmp_path) == []


def test_a_context_closed_to_make_room_is_opened_again_by_those_who_waited(tmp_path, monkeypatch):
    monkeypatch.setattr("imgdup_nb.server.contexts.MAX_OPEN", 1)
    contexts = Contexts(str(tmp_path))

    async def ask():
        names = [await contexts.create() for _ in range(4)]
        questions = [contexts.ask(name, len) for name in names * 10]
        assert await asyncio.gather(*questions) == [0] * 40

    asyncio.run(ask())


def test_no_call_fails_while_contexts_are_deleted_and_none_comes_back(service):
    """Eight clients store, ask and delete at once; every answer is a success or a 4xx."""
    contexts = [service.create() for _ in range(4)]
    picture = png()

    def work(number):
        context = contexts[number % 4]
        calls = [
            ("POST", f"/{context}/image?imageId=folder/{number}.png", picture),
            ("GET", f"/{context}/findDuplicates?similarityThreshold=90", None),
            ("POST", f"/{context}/features?imagesFolder=.", None),
            ("GET", f"/{context}/status", None),
        ]
        if number % 16 >= 12:
            calls.insert(number % 3, ("DELETE", f"/{context}", None))
        return [service.ask(verb, path, body).status for verb, path, body in calls]

    with ThreadPoolExecutor(8) as pool:
        statuses = {status for answer in pool.map(work, range(48)) for status in answer}
    assert statuses <= {200, 202, 404, 409}
    assert {200, 404} <= statuses
    assert not set(contexts) & set(os.listdir(service.root))


def test_a_file_that_is_gone_or_closed_to_the_server_is_the_clients_answer():
    assert refusal_for(FileNotFoundError(2, "gone")).status == 404
    assert refusal_for(PermissionError(13, "closed")).status == 403

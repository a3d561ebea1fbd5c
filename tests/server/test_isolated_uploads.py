"""An upload that ends the process that decodes it is refused, and the server goes on."""

import asyncio
import io

import pytest
from PIL import Image

import deadly_reading
from imgdup_nb.engine.decode import UnreadableImage
from imgdup_nb.engine.isolation import ENDED
from imgdup_nb.server import image_calls, storage_calls, uploads
from imgdup_nb.server.contexts import STORAGE, Contexts
from imgdup_nb.server.request import Request, in_context, in_storage


def png(side=40):
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 60).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def contexts(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "try_pictures", deadly_reading.try_pictures)
    contexts = Contexts(str(tmp_path), isolate=True)
    yield contexts
    contexts.trial.close()


def test_an_upload_that_ends_its_worker_is_refused_and_the_next_is_stored(contexts, tmp_path):
    async def add(context_id, name, data):
        given = {"imageId": name, "maxCount": None, "similarityThreshold": None}
        upload = uploads.Upload(data, "")
        request = Request(contexts, context_id, given, upload)
        await in_context(image_calls.add_image)(request)

    async def run():
        context_id = await contexts.create()
        with pytest.raises(UnreadableImage, match=ENDED):
            await add(context_id, "bad.png", png() + b"exit")
        await add(context_id, "good.png", png())

    asyncio.run(run())
    stored = [path.name for path in (tmp_path / STORAGE).iterdir() if path.suffix == ".png"]
    assert stored == ["good.png"]


def test_a_file_for_the_storage_is_tried_before_it_is_stored(contexts, tmp_path):
    async def put(name, data):
        request = Request(contexts, path=name, contents=data)
        await in_storage(storage_calls.store_file)(request)

    async def run():
        with pytest.raises(UnreadableImage, match=ENDED):
            await put("bad.png", png() + b"exit")
        await put("good.png", png())
        await put("text.txt", b"exit")  # not a picture: it is never decoded

    asyncio.run(run())
    stored = sorted(path.name for path in (tmp_path / STORAGE).iterdir())
    assert stored == ["good.png", "text.txt"]


@pytest.mark.parametrize("data", [b"", b"no picture", png()[:50], png(300)])
def test_what_is_merely_wrong_is_left_to_the_check_that_says_it(data):
    assert uploads.try_pictures([(data, 1000)]) == [""]


def test_the_setting_can_be_switched_off(tmp_path):
    from imgdup_nb.server.extension import SearchContexts

    assert SearchContexts().isolate is True
    assert Contexts(str(tmp_path)).trial is None

"""Contexts over the storage: a set of features of its files, which a notebook opens, too."""

import asyncio
import os
from urllib.parse import quote

import pytest

from imgdup_nb import Collection
from imgdup_nb.collection.pointer import POINTER
from imgdup_nb.server import image_calls
from imgdup_nb.server.contexts import Contexts
from imgdup_nb.server.request import Request, in_context

from .test_storage_calls import ask, folder_of


@pytest.fixture
def stored(service, photos):
    """Return the folder of the storage that holds the pictures of `photos`."""
    name = f"photos {photos.parent.name}"
    photos.rename(folder_of(service) / name)
    return name


def groups_of(service, context, threshold=90):
    answer = service.ask("GET", f"/{context}/findDuplicates", similarityThreshold=threshold)
    assert answer.status == 200, answer.body
    return [
        sorted(image["imageId"] for image in group["duplicateImages"])
        for group in answer.json["duplicates"]
    ]


def test_a_context_is_a_set_of_features_of_files_in_the_storage(service, stored):
    one, other = service.create(), service.create()
    for name in ("cat.png", "cat.bmp", "dog.png"):
        assert service.ask("POST", f"/{one}/features", imageId=f"{stored}/{name}").status == 200
    assert groups_of(service, one) == [[f"{stored}/cat.bmp", f"{stored}/cat.png"]]
    assert service.ask("POST", f"/{other}/features", imagesFolder=f"{stored}/sub").status == 202
    service.wait_until_idle(other)
    assert groups_of(service, other) == [[f"{stored}/sub/cat blurred.png", f"{stored}/sub/cat.jpg"]]
    found = service.ask("GET", f"/{one}/features", imageId=f"{stored}/dog again.png")
    assert found.status == 404  # it lies in the storage, and is not of this context


def test_an_upload_is_stored_at_its_id_and_deleting_it_can_be_undone(service, stored):
    context, name = service.create(), f"{stored}/new/a.png"
    cat, dog = (
        (folder_of(service) / stored / name).read_bytes() for name in ("cat.png", "dog.png")
    )
    assert service.ask("POST", f"/{context}/image", cat, imageId=name).status == 200
    assert ask(service, "GET", f"/exist/{quote(name)}").json["exists"] is True
    assert service.ask("POST", f"/{context}/image", dog, imageId=name).status == 409
    assert service.ask("PUT", f"/{context}/image", dog, imageId=name).status == 200
    assert service.ask("GET", f"/{context}/image", imageId=name).body == dog
    assert service.ask("DELETE", f"/{context}/image", imageId=name).status == 200
    assert ask(service, "GET", f"/exist/{quote(name)}").json["exists"] is False
    assert service.ask("GET", f"/{context}/image", imageId=name).status == 404
    kept = [path.read_bytes() for path in folder_of(service).glob(f".deleted/*/{name}")]
    assert sorted(kept) == sorted([cat, dog])


def test_a_second_context_takes_the_same_picture_from_the_storage(service, stored):
    one, other, name = service.create(), service.create(), f"{stored}/new.png"
    cat, dog = (
        (folder_of(service) / stored / name).read_bytes() for name in ("cat.png", "dog.png")
    )
    for context in (one, other):
        assert service.ask("POST", f"/{context}/image", cat, imageId=name).status == 200
        assert service.ask("POST", f"/{context}/image", cat, imageId=name).status == 409
        assert service.ask("GET", f"/{context}/features", imageId=name).status == 200
    third = service.create()
    assert service.ask("POST", f"/{third}/image", dog, imageId=name).status == 409
    assert (folder_of(service) / name).read_bytes() == cat


def test_files_that_the_context_did_not_store_are_neither_replaced_nor_removed(service, stored):
    context, name = service.create(), f"{stored}/cat.png"
    own = (folder_of(service) / name).read_bytes()
    dog = (folder_of(service) / stored / "dog.png").read_bytes()
    assert service.ask("POST", f"/{context}/features", imageId=name).status == 200
    assert service.ask("PUT", f"/{context}/image", dog, imageId=name).status == 409
    assert service.ask("DELETE", f"/{context}/image", imageId=name).status == 200
    assert (folder_of(service) / name).read_bytes() == own
    assert service.ask("GET", f"/{context}/features", imageId=name).status == 404
    assert list(folder_of(service).glob(f".deleted/*/{stored}/*")) == []


def test_features_of_a_picture_that_is_sent_stand_for_the_file_and_leave_it_alone(service, stored):
    context, name = service.create(), f"{stored}/cat.png"
    own = (folder_of(service) / name).read_bytes()
    dog = (folder_of(service) / stored / "dog.png").read_bytes()

    def features():
        return service.ask("GET", f"/{context}/features", imageId=name).json["features"]

    assert service.ask("POST", f"/{context}/features", imageId=name).status == 200
    assert service.ask("POST", f"/{context}/features", imageId=f"{stored}/dog.png").status == 200
    of_cat = features()
    assert service.ask("PUT", f"/{context}/features", dog, imageId=name).status == 200
    assert features() != of_cat
    assert groups_of(service, context) == [[name, f"{stored}/dog.png"]]
    assert (folder_of(service) / name).read_bytes() == own
    assert service.ask("GET", f"/{context}/image", imageId=name).body == own
    assert service.ask("PUT", f"/{context}/features", imageId=name).status == 200
    assert features() == of_cat
    assert groups_of(service, context) == []
    new = f"{stored}/not stored.png"
    assert service.ask("POST", f"/{context}/features", dog, imageId=new).status == 200
    assert groups_of(service, context) == [[f"{stored}/dog.png", new]]
    assert ask(service, "GET", f"/exist/{quote(new)}").json["exists"] is False
    assert service.ask("DELETE", f"/{context}/features", imageId=new).status == 200
    assert groups_of(service, context) == []
    half = dog[: len(dog) // 2]
    assert service.ask("PUT", f"/{context}/features", half, imageId=name).status == 422
    assert features() == of_cat


def test_an_image_of_the_context_is_found_by_itself_as_the_cloud_service_does(service, stored):
    context, name = service.create(), f"{stored}/tree.png"
    service.ask("POST", f"/{context}/features", imageId=name)
    found = service.ask("GET", f"/{context}/findSimilar", similarityThreshold=3, imageId=name)
    assert found.json == {"results": [{"imageId": name, "similarity": 100.0}]}


def test_a_notebook_opens_both_kinds_of_context(service, stored, picture):
    context = service.create()
    for name in ("cat.png", "cat.bmp", "dog.png"):
        service.ask("POST", f"/{context}/features", imageId=f"{stored}/{name}")
    with Collection(service.root / context) as photos:
        assert photos.folder == str(folder_of(service))
        assert list(photos.images.image) == [
            f"{stored}/{name}" for name in ("cat.bmp", "cat.png", "dog.png")
        ]
        assert list(map(sorted, photos.groups(90))) == groups_of(service, context)
        photos.label(f"{stored}/cat.png", f"{stored}/cat.bmp", "different")
        assert groups_of(service, context) == []
        changes = photos.update(add=folder_of(service) / stored / "sub")
        assert list(changes.change) == ["new", "new"]
        assert len(groups_of(service, context, 80)) == 1
    with Collection(folder_of(service) / stored / "sub") as photos:
        assert len(photos) == 2
    os.remove(folder_of(service) / stored / "sub" / ".imgdup_nb.sqlite")


def test_files_that_go_and_come_back_are_gone_and_back(tmp_path, photos):
    contexts = Contexts(str(tmp_path / "photos"), storage=str(tmp_path / "store"))
    for name in ("cat.png", "dog.png", "dog again.png"):
        (photos / name).rename(tmp_path / "store" / name)

    async def make():
        context = await contexts.create()
        request = Request(contexts, context, {"imagesFolder": "."})
        await (await image_calls.create_features(request)).work
        return context

    context = asyncio.run(make())
    with Collection(photos / context) as collection:
        assert len(collection) == 3
        (tmp_path / "store" / "cat.png").rename(tmp_path / "cat.png")
        (tmp_path / "store" / "new.png").write_bytes((tmp_path / "cat.png").read_bytes())
        assert list(collection.update().change) == ["gone"]
        (tmp_path / "cat.png").rename(tmp_path / "store" / "cat.png")
        assert list(collection.update().change) == ["back"]
        assert "new.png" not in collection  # nobody added it
        collection.delete("cat.png")
        assert list(collection.update().change) == []
        assert list(collection.update(add=tmp_path / "store").image) == ["cat.png", "new.png"]


def test_a_context_follows_the_storage_when_the_setting_changes(tmp_path, photos):
    root = tmp_path / "contexts"
    root.mkdir()

    async def ask(contexts, context, name):
        request = Request(contexts, context, {"imageId": name})
        await in_context(image_calls.put_features)(request)

    first = Contexts(str(root), storage=str(photos))
    context = asyncio.run(first.create())
    asyncio.run(ask(first, context, "cat.png"))
    photos.rename(tmp_path / "elsewhere")
    second = Contexts(str(root), storage=str(tmp_path / "elsewhere"))
    asyncio.run(ask(second, context, "dog.png"))
    with Collection(root / context) as collection:
        assert collection.folder == str(tmp_path / "elsewhere")
        assert list(collection.images.image) == ["cat.png", "dog.png"]


@pytest.mark.parametrize("damage", [b"", b"a\0b", b"a\nb", b"x" * 6000])
def test_a_damaged_pointer_is_an_error_and_not_an_empty_collection(tmp_path, damage):
    (tmp_path / POINTER).write_bytes(damage)
    with pytest.raises(ValueError, match="it is damaged"):
        Collection(tmp_path)


def test_a_pointer_to_nothing_is_a_missing_folder(tmp_path):
    (tmp_path / POINTER).write_text("nowhere")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        Collection(tmp_path)

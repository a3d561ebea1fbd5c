"""The service answers as the collection does."""

import base64
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from imgdup_nb import Collection


@pytest.fixture
def quiet(recwarn):
    """Collections of the folder with broken files warn of them."""
    return recwarn


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
        "POST",
        f"/v3/imaging/ai/imageSearch/{quote(context)}/findByTags",
        '["a dog"]',
        headers={"Content-Type": "application/json"},
        similarityThreshold="90.0",
        maxCount=1,
    )
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

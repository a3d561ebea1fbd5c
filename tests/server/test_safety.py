"""No token, hostile names, floods, damaged pictures, closed connections: nothing is harmed."""

import http.client
import io
import os
import socket
import sqlite3
import time
import zlib
from urllib.parse import quote

import pytest
from PIL import Image

from imgdup_nb.collection.store import INDEX_NAME
from imgdup_nb.server.operations import OPERATIONS

from .conftest import BASE, Service

EVIL = [
    "..",
    "%2e%2e",
    ".",
    "..%2F..",
    "%2Fetc",
    "a%2Fb",
    "..%5C..",
    "C%3A",
    "C%3A%5CUsers",
    "%5C%5Chost%5Cshare",
    "%00",
    "a%00b",
    "nul",
    "NUL.txt",
    "com1",
    "Lpt9.jpg",
    "aux.",
    "dot.",
    "space%20",
    ".deleted",
    ".hidden",
    "linked",
    "a" * 300,
    "%F0%9F%98%80" * 60,
    "~",
    "~root",
    "Thumbs.db",
]
WITH_IMAGE = [
    ("GET", "image", False),
    ("POST", "image", True),
    ("PUT", "image", True),
    ("POST", "image", False),
    ("PUT", "features", False),
    ("GET", "features", False),
    ("GET", "image2features", False),
    ("GET", "findSimilar?similarityThreshold=0", False),
    ("POST", "compare?imageId1=link.png", False),
    ("POST", "features", False),
]
WITH_PICTURE = [
    ("POST", "image?imageId=a.png"),
    ("PUT", "image?imageId=a.png"),
    ("GET", "findSimilar?similarityThreshold=90"),
    ("POST", "addTag?tagName=t"),
    ("GET", "image2features"),
    ("POST", "features?imageId=a.png"),
]
RAW = {"Content-Type": "application/octet-stream"}
JSON = {"Content-Type": "application/json"}
N_MANY = 400  # several times what is saved at a time


def png(seed=0, side=40):
    """Return a small picture's bytes."""
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 50 + seed).save(buffer, "PNG")
    return buffer.getvalue()


def everything_below(folder):
    return {
        str(path): path.is_file() and path.read_bytes()
        for path in folder.rglob("*")
        if not path.name.startswith(".imgdup")
    }


# -- who asks --------------------------------------------------------------------------------------


def test_without_the_token_nothing_is_answered(service):
    for operation in OPERATIONS:
        for prefix in ("/v3.0", "/v3"):
            path = prefix + operation.path.replace("{searchContextId}", "some-id")
            for token in (None, "", "wrong", service.token + "x"):
                answer = service.call(operation.verb, path, b"body", token=token)
                assert (answer.status, answer.error[0]) == (401, "unauthorized"), operation
                assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert service.call("GET", "/v3.0/openapi.json", token=None).status == 401
    assert service.call("GET", "/v3.0/anything", token=None).status == 401


@pytest.mark.parametrize("path", ["/connect/token", "/oauth2/token"])
def test_the_token_is_given_to_who_knows_it(service, path):
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    def ask(secret, **more):
        body = f"grant_type=client_credentials&client_id=me&client_secret={quote(secret)}"
        return service.call("POST", path, body, headers=form | more, token=None)

    answer = ask(service.token)
    assert answer.status == 200
    assert answer.json | {"expires_in": 0} == {
        "access_token": service.token,
        "expires_in": 0,
        "token_type": "Bearer",
    }
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    for secret in ("", "wrong", "a\r\nb", "\N{SNOWMAN}", "x" * 10_000):
        refused = ask(
            secret, Cookie=cookie, Authorization=f"Bearer {service.token}"
        )  # only the secret counts
        assert (refused.status, refused.error[0]) == (401, "unauthorized")
    assert service.call("POST", path, "grant_type=password", headers=form, token=None).status == 400
    assert service.call("POST", path, b"\xff\x00" * 100, token=None).status == 400
    assert service.call("GET", path, token=None).status == 405


@pytest.mark.parametrize("n_fields", [1000, 1001, 50_000])
def test_a_form_of_many_fields_is_refused_and_not_a_fault(service, n_fields):
    """The route of the token needs no token itself."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = "&".join(f"f{k}=1" for k in range(n_fields))
    answer = service.call("POST", "/connect/token", body, headers=form, token=None)
    assert (answer.status, answer.error[0]) == (400, "invalidRequest")
    assert ("fields" in answer.error[1]) == (n_fields > 1000)
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="f{k}"\r\n\r\n1\r\n' for k in range(n_fields)
    )
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    many = service.call("POST", "/connect/token", f"{parts}--b--", headers=form, token=None)
    assert many.status in {400, 413}


def test_a_web_page_cannot_act_with_the_users_cookie(service):
    cookie = service.ask("GET", "/none/status").headers["Set-Cookie"].partition(";")[0]
    with_cookie = {"Cookie": cookie}
    assert (
        service.call("GET", f"{BASE}/none/status", headers=with_cookie, token=None).status == 404
    )  # the cookie is good
    answer = service.call("POST", f"{BASE}/create", headers=with_cookie, token=None)
    assert (answer.status, answer.error[0]) == (403, "forbidden")
    foreign = service.call("GET", f"{BASE}/none/status", headers={"Host": "evil.example"})
    assert foreign.status == 403


# -- names -----------------------------------------------------------------------------------------


@pytest.fixture
def guarded(service, tmp_path):
    """Return the service with something outside its root that must stay as it is, and unseen."""
    outside = service.root.parent / "outside"
    if not outside.exists():
        outside.mkdir()
        (outside / "secret.png").write_bytes(png())
        (service.root / "linked").symlink_to(outside, target_is_directory=True)
        (service.root.parent / "secret.png").write_bytes(png())
    before = everything_below(outside)
    yield service
    assert everything_below(outside) == before
    known = {"config", "data", "log", "outside", "root", "runtime", "secret.png"}
    assert set(os.listdir(service.root.parent)) <= known


def test_the_id_of_a_context_cannot_leave_the_root(guarded):
    calls = [
        ("GET", "/status"),
        ("POST", "/image?imageId=x.png"),
        ("GET", "/image?imageId=secret.png"),
        ("DELETE", ""),
    ]
    for name in EVIL:
        for verb, path in calls:
            answer = guarded.call(verb, f"{BASE}/{name}{path}", png(), headers=RAW)
            assert answer.status in {400, 404}, (name, verb, answer.body)
            assert answer.error[0] in {"invalidRequest", "notFound"}


def test_the_name_of_an_image_cannot_leave_its_context(guarded):
    context = "links"
    folder = guarded.root / context
    folder.mkdir(exist_ok=True)
    (folder / "link").symlink_to(guarded.root.parent / "outside", target_is_directory=True)
    (folder / "link.png").symlink_to(guarded.root.parent / "outside" / "secret.png")
    guarded.ask("POST", f"/{context}/features", imagesFolder=".")
    guarded.wait_until_idle(context)
    outside = str(guarded.root.parent / "secret.png")
    names = [
        "../secret.png",
        "../../secret.png",
        "../../../etc/passwd",
        "/etc/passwd",
        "link/secret.png",
        "link.png",
        "C:x.png",
        outside,
        "link/new/deep.png",
        "a\\..\\b.png",
        "a\0.png",
        "nul",
        "COM1.png",
        "x/../../y.png",
        ".imgdup_nb.sqlite",
        "a//b.png",
        "x.png:stream",
        "dot./x.png",
        f"../{context}/../../secret.png",
        "%2e%2e/secret.png/.",
    ]
    for name in names:
        for verb, path, with_picture in WITH_IMAGE:
            query = f"imageId={quote(name, safe='')}&imageId2={quote(name)}"
            path += ("&" if "?" in path else "?") + query
            answer = guarded.ask(verb, f"/{context}/{path}", png() if with_picture else None)
            assert answer.status in {400, 404, 409}, (name, verb, path, answer.status, answer.body)
    for name in ["..", "../..", "/", "link", str(guarded.root.parent), "a\0"]:
        answer = guarded.ask("POST", f"/{context}/features", imagesFolder=name)
        assert answer.status in {400, 404} or name == "/", (name, answer.status)
    assert sorted(name for name in os.listdir(folder) if not name.startswith(".")) == [
        "link",
        "link.png",
    ]


# -- what is sent ----------------------------------------------------------------------------------


def bomb():
    """Return a PNG of 400 bytes that says it has 25 million pixels."""
    header = (5000).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(100_000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in chunks
    )


def test_uploads_are_limited_and_damaged_ones_are_refused_with_a_sentence(service):
    context = service.create()
    whole = png(side=200)
    for picture, status, words in [
        (bytes(3_000_000), 413, "larger than 2,000,000 bytes"),
        (bomb(), 413, "5000 x 5000 is 25 megapixels, and the limit is 4"),
        (b"no picture", 422, "not an image"),
        (whole[: len(whole) // 2], 422, "damaged"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\n%%EOF\n", 415, "EPS"),
    ]:
        for verb, path in WITH_PICTURE:
            answer = service.ask(verb, f"/{context}/{path}", picture)
            assert (answer.status, words in answer.error[1]) == (status, True), (path, answer.body)
    assert [name for name in os.listdir(service.root / context) if not name.startswith(".")] == []
    typed = service.call("POST", f"{BASE}/{context}/image?imageId=a.png", "{}", headers=JSON)
    assert (typed.status, typed.error[0]) == (415, "unsupportedMediaType")
    for kind in (
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "multipart/form-data; boundary=\u00e9",
    ):
        broken = service.call(
            "POST", f"{BASE}/{context}/image?imageId=a.png", b"junk", headers={"Content-Type": kind}
        )
        assert broken.status == 400


def test_a_flood_without_end_is_cut_off(service):
    """Chunks of a body whose length is not said are counted as they come."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    chunks = (bytes(100_000) for _ in range(40))
    headers = {"Authorization": f"Bearer {service.token}", **RAW}
    connection.request(
        "POST", f"{BASE}/none/image?imageId=a.png", chunks, headers, encode_chunked=True
    )
    response = connection.getresponse()
    assert (response.status, b"larger than" in response.read()) == (413, True)
    connection.close()


@pytest.mark.parametrize(
    ("verb", "path", "words"),
    [
        ("GET", "findDuplicates", "similarityThreshold is needed"),
        ("GET", "findDuplicates?similarityThreshold=ninety", "a number from 0 to 100"),
        ("GET", "findDuplicates?similarityThreshold=nan", "a number from 0 to 100"),
        ("GET", "findDuplicates?similarityThreshold=1_0", "a number from 0 to 100"),
        ("GET", "findDuplicates?similarityThreshold=101", "from 0 to 100 percent"),
        ("GET", "findDuplicates?similarityThreshold=90&casing=camel", "one of sdk, tutorial"),
        (
            "GET",
            "findSimilar?similarityThreshold=90&maxCount=0&imageId=x",
            "a whole number from 1 up",
        ),
        ("GET", "findSimilar?similarityThreshold=90", "imageId, or a picture"),
        ("GET", "findSimilar?similarityThreshold=90&imageId=%ff", "written in UTF-8"),
        ("POST", "image", "imageId is needed"),
        ("POST", "compare", "imageId1 is needed"),
        ("POST", "addTag?tagName=x", "imageData is needed"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(service, verb, path, words):
    answer = service.ask(verb, f"/{service.create()}/{path}")
    assert (answer.status, answer.error[0]) == (400, "invalidRequest")
    assert words.lower() in answer.error[1].lower()


@pytest.mark.parametrize("tags", ["", "logo", "{}", "[]", "[1]", '[""]', '["a"', "[" * 5000])
def test_tags_must_be_a_list_of_names(service, tags):
    answer = service.call(
        "POST", f"{BASE}/{service.create()}/findByTags?similarityThreshold=90", tags, headers=JSON
    )
    assert (answer.status, "JSON list" in answer.error[1]) == (400, True)


def test_a_tag_nobody_made_is_not_found(service):
    answer = service.call(
        "POST",
        f"{BASE}/{service.create()}/findByTags?similarityThreshold=90",
        '["logo"]',
        headers=JSON,
    )
    assert (answer.status, "no tag 'logo'" in answer.error[1]) == (404, True)


# -- hang-ups and stops ----------------------------------------------------------------------------


def test_a_client_that_hangs_up_leaves_nothing_behind(service):
    context = service.create()
    head = (
        f"POST {BASE}/{context}/image?imageId=half.png HTTP/1.1\r\nHost: "
        f"127.0.0.1\r\nAuthorization: Bearer {service.token}\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: 1000000\r\n\r\n"
    )
    for sent in (head.encode(), head.encode() + png(), head.encode()[:100]):
        with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
            connection.sendall(sent)
    assert service.ask("GET", f"/{context}/image", imageId="half.png").status == 404
    assert service.ask("POST", f"/{context}/image", png(), imageId="half.png").status == 200


def n_indexed(folder):
    with sqlite3.connect(folder / INDEX_NAME) as connection:
        return connection.execute("SELECT count(*) FROM fingerprints").fetchone()[0]


def test_a_server_killed_in_the_middle_answers_before_and_another_goes_on_after(service, tmp_path):
    folder = service.root / "many"
    folder.mkdir()
    buffer = io.BytesIO()
    Image.effect_noise((400, 300), 80).convert("RGB").save(buffer, "PNG", compress_level=1)
    for number in range(N_MANY):
        (folder / f"{number:03}.png").write_bytes(
            buffer.getvalue() + b"%d" % number
        )  # other bytes, the same picture
    first = Service(tmp_path / "first", service.root, "--SearchContexts.method=phash")
    try:
        assert first.ask("POST", "/many/features", imagesFolder=".").status == 202
        end, seen = time.monotonic() + 60, {}
        while not 0 < seen.get("done", 0) < N_MANY:
            begun = time.monotonic()
            seen = first.ask("GET", "/many/status").json
            assert (
                time.monotonic() - begun < 2
            )  # the pictures are read in threads, not where requests are answered
            assert seen["searchStatus"] == "ExtractingFeatures"
            assert time.monotonic() < end
            time.sleep(0.02)
    finally:
        first.kill()
    assert 0 < n_indexed(folder) < N_MANY
    assert service.ask("GET", "/many/features", imageId=f"{N_MANY - 1:03}.png").status == 200
    assert n_indexed(folder) == N_MANY

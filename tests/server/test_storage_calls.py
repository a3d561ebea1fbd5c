"""The calls below `/imaging/storage`, as the client libraries and as attackers send them."""

import http.client
import os
import shutil
from urllib.parse import quote

import pytest

from .test_safety import RAW, bomb, png

STORAGE = "/v3.0/imaging/storage"
N_MANY = 100_000


def ask(service, verb, path, body=None, **query):
    return service.call(verb, STORAGE + path, body, headers=RAW if body else None, **query)


def listed(service, folder=""):
    answer = ask(service, "GET", f"/folder/{folder}")
    assert answer.status == 200, answer.body
    return [entry["name"] for entry in answer.json["value"]]


def folder_of(service):
    return service.root / ".storage"


@pytest.fixture
def here(service, tmp_path):
    """Return the name of a folder of the storage that is this test's own."""
    name = f"of {tmp_path.name}"
    assert ask(service, "PUT", f"/folder/{quote(name)}").status == 200
    yield name
    # other tests index the whole storage
    shutil.rmtree(folder_of(service) / name, ignore_errors=True)


def test_files_go_to_and_fro_as_the_client_libraries_send_them(service, here):
    form = (
        b'--b\r\nContent-Disposition: form-data; name="File"; filename="x"\r\n\r\n'
        b"some bytes\r\n--b--\r\n"
    )
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    encoded, plain = quote(f"{here}/sub/a b.txt", safe=""), quote(f"{here}/sub/a b.txt")
    sent = service.call("PUT", f"{STORAGE}/file/{encoded}?storageName=any", form, headers=kind)
    assert (sent.status, sent.json) == (200, {"uploaded": [f"{here}/sub/a b.txt"], "errors": []})
    for path in (encoded, plain, f"/{plain}"):
        got = ask(service, "GET", f"/file/{path}", versionId="latest")
        assert (got.status, got.body) == (200, b"some bytes")
        assert 'filename="a_b.txt"' in got.headers["Content-Disposition"]
        assert ask(service, "GET", f"/exist/{path}").json == {"exists": True, "isFolder": False}
    [entry] = ask(service, "GET", f"/folder/{quote(here)}/sub").json["value"]
    assert (entry["name"], entry["size"], entry["isFolder"]) == ("a b.txt", 10, False)
    assert entry["path"] == f"/{here}/sub/a b.txt"
    [version] = ask(service, "GET", f"/version/{plain}").json["value"]
    assert (version["versionId"], version["isLatest"]) == ("latest", True)
    assert ask(service, "GET", f"/file/{plain}", versionId="older").status == 404
    assert ask(service, "GET", f"/exist/{plain}", versionId="older").json["exists"] is False
    target = {"destPath": f"{here}/copy.txt"}
    assert ask(service, "PUT", f"/file/copy/{encoded}", **target).status == 200
    assert ask(service, "PUT", f"/file/move/{plain}", destPath=f"{here}/moved.txt").status == 200
    assert sorted(listed(service, quote(here))) == ["copy.txt", "moved.txt", "sub"]
    for _ in range(2):
        assert ask(service, "DELETE", f"/file/{quote(here)}/copy.txt").status == 200
    again = f"/folder/{quote(here)}"
    assert ask(service, "PUT", f"/folder/copy/{quote(here)}", destPath="spare 1").status == 200
    assert ask(service, "PUT", "/folder/move/spare%201", destPath=f"{here}/2").status == 200
    assert ask(service, "DELETE", again).status == 409
    assert ask(service, "DELETE", again, recursive="True").status == 200
    assert ask(service, "GET", f"/exist/{quote(here)}").json == {
        "exists": False,
        "isFolder": False,
    }


def test_an_empty_file_and_a_large_one_are_returned_whole(service, here):
    for contents in (b"", os.urandom(1_900_000)):
        (folder_of(service) / here / "file.bin").write_bytes(contents)
        assert ask(service, "GET", f"/file/{quote(here)}/file.bin").body == contents


def test_there_is_a_storage_of_every_name_and_the_disk_is_measured(service):
    for name in ("Imaging-CI", "any%20name"):
        assert ask(service, "GET", f"/{name}/exist").json == {"exists": True}
    usage = ask(service, "GET", "/disc").json
    assert 0 < usage["usedSize"] <= usage["totalSize"]


def test_nothing_outside_is_read_or_written(service, here, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (folder_of(service) / here / "link").symlink_to(outside, target_is_directory=True)
    before = sorted(os.listdir(folder_of(service)))
    evil = [
        "..", "%2e%2e", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "../../etc/passwd", "a/../../b",
        "%00", "a%00b", "C:%5Cx", "c%3Ax.jpg", "%5C%5Chost%5Cshare", "..%5C..%5Cx", "nul.jpg",
        ".deleted", ".storage", f"{quote(here)}/link/secret.txt", f"{quote(here)}/link/new.txt",
        "a/.imgdup_nb.sqlite", "%ff", "a%2f%2fb",
    ]  # fmt: skip
    for path in evil:
        for verb, call in [
            ("GET", f"/file/{path}"),
            ("PUT", f"/file/{path}"),
            ("DELETE", f"/file/{path}"),
            ("GET", f"/folder/{path}"),
            ("PUT", f"/folder/{path}"),
            ("DELETE", f"/folder/{path}?recursive=true"),
            ("GET", f"/exist/{path}"),
            ("GET", f"/version/{path}"),
            ("PUT", f"/file/copy/{quote(here)}%2Flink?destPath={path}"),
            ("PUT", f"/folder/move/{path}?destPath=elsewhere"),
            ("PUT", f"/folder/copy/{path}?destPath=elsewhere"),
        ]:
            answer = ask(service, verb, call, b"data" if verb == "PUT" else None)
            assert answer.status in {400, 404}, (verb, call, answer.status, answer.body)
            assert answer.error[0] in {"invalidRequest", "notFound"}
    twice = "%252e%252e%252f%252e%252e%252fx.txt"  # decoded once, it is a name like any other
    assert ask(service, "PUT", f"/file/{quote(here)}/{twice}", b"data").status == 200
    assert "%2e%2e%2f%2e%2e%2fx.txt" in listed(service, quote(here))
    assert sorted(os.listdir(folder_of(service))) == before
    assert (outside / "secret.txt").read_text() == "secret"
    assert os.listdir(outside) == ["secret.txt"]


def test_uploads_have_the_limits_of_pictures(service, here):
    def put(data, name="a.png"):
        return ask(service, "PUT", f"/file/{quote(here)}/{name}", data)

    assert put(bytes(3_000_000)).status == 413
    refused = put(bomb())
    assert (refused.status, "the limit is 4" in refused.error[1]) == (413, True)
    assert ask(service, "PUT", f"/file/{quote(here)}/a.png").status == 400
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\n%%EOF\n"
    for data in (b"a text", eps, png()[:60], png()):
        assert put(data, "b.bin").status == 200  # stored, and opened only if it is a picture
    assert listed(service, quote(here)) == ["b.bin"]


def test_wrong_parameters_are_named(service, here):
    for verb, path, words in [
        ("PUT", f"/file/copy/{quote(here)}", "destPath is needed"),
        ("PUT", f"/folder/move/{quote(here)}", "destPath is needed"),
        ("DELETE", f"/folder/{quote(here)}?recursive=perhaps", "true or false"),
    ]:
        answer = ask(service, verb, path)
        assert (answer.status, words in answer.error[1]) == (400, True)
    assert ask(service, "DELETE", "/folder/?recursive=true").status == 400
    assert ask(service, "PUT", f"/file/{quote(here)}", b"x").status == 409


def test_a_folder_of_a_hundred_thousand_files_is_listed_while_others_are_answered(service, here):
    many = folder_of(service) / here / "many"
    many.mkdir()
    for number in range(N_MANY):
        os.mknod(many / f"{number:06}.jpg")
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    headers = {"Authorization": f"Bearer {service.token}"}
    connection.request("GET", f"{STORAGE}/folder/{quote(here)}%2Fmany", headers=headers)
    response = connection.getresponse()
    begin = response.read(1000)  # the rest waits until it is asked for
    assert ask(service, "GET", f"/exist/{quote(here)}").json["isFolder"] is True
    assert service.ask("POST", "/create").status == 200
    answer = begin + response.read()
    connection.close()
    assert answer.count(b'"isFolder": false') == N_MANY
    assert answer.startswith(b'{"value": [{"name": "000000.jpg"')
    assert answer.endswith(b"}]}")


def test_a_client_that_leaves_during_a_listing_does_no_harm(service, here):
    for number in range(3000):
        os.mknod(folder_of(service) / here / f"{number}.jpg")
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        headers = {"Authorization": f"Bearer {service.token}"}
        connection.request("GET", f"{STORAGE}/folder/{quote(here)}", headers=headers)
        connection.getresponse().read(10)
        connection.close()
    assert len(listed(service, quote(here))) == 3000

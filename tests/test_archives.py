"""Archives that are damaged, hostile or odd: one clear error, or a row with a problem."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

import imgdup_nb as dup
from imgdup_nb.engine import archives
from imgdup_nb.engine.files import read_bytes, read_status
from sources import write_tar, write_zip

quiet = pytest.mark.filterwarnings("ignore:.*could not be read")


def png(seed=0, side=40):
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


WRITERS = {"zip": write_zip, "tar": write_tar}


@quiet
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_bad_member_is_a_row_with_a_problem_and_the_others_are_read(tmp_path, kind):
    members = {"a.png": png(), "bad.png": png()[:60], "notes.txt": b"no picture", "empty.png": b""}
    images = dup.scan_images(WRITERS[kind](tmp_path / f"a.{kind}", members))
    problems = dict(zip(images.image, images.problem, strict=True))
    assert problems.pop("a.png") == ""
    assert all(problems.values())
    assert problems["empty.png"] == "the file is empty"


@quiet
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_of_members_are_only_names(tmp_path, kind):
    names = ["../outside.png", "/etc/passwd.png", "C:\\windows\\x.png", "a/../../b.png", "q::r.png"]
    before = sorted(tmp_path.rglob("*"))
    path = WRITERS[kind](tmp_path / f"a.{kind}", {name: png(k) for k, name in enumerate(names)})
    images = dup.scan_images(path)
    assert (images.problem == "").all()
    assert len(images) == len(set(images.sha256)) >= 3
    prints = dup.fingerprint_images(images)
    assert len(prints) == len(images)
    assert sorted(tmp_path.rglob("*")) == [*before, path]


def test_names_that_are_no_unicode_are_shown_and_opened(tmp_path):
    path = write_tar(tmp_path / "a.tar", {"caf\udce9.png": png()})
    images = dup.scan_images(path)
    assert list(images.image) == [r"caf\xe9.png"]
    assert len(dup.fingerprint_images(images)) == 1


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.xz"])
def test_a_file_that_is_no_archive_is_one_clear_error(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"this is no archive at all" * 100)
    with pytest.raises(ValueError, match=r"the archive '.*' is damaged: "):
        dup.scan_images(path)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_an_archive_that_ends_in_the_middle_is_one_clear_error(tmp_path, name, share):
    members = {f"{k}.png": png(k) for k in range(9)}
    path = tmp_path / name
    if name == "a.zip":
        write_zip(path, members)
    else:
        write_tar(path, members, "w:gz" if name.endswith("gz") else "w")
        with tarfile.open(path) as archive:
            end = archive.getmembers()[-1].offset_data + len(members["8.png"])
        if name == "a.tar":
            os.truncate(path, -(-end // 512) * 512)  # the zeros at the end are no loss
            assert len(dup.scan_images(path)) == 9
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(ValueError, match="is damaged"):
        dup.scan_images(path)


def test_a_header_that_is_unreadable_in_the_middle_of_a_tar_is_an_error(tmp_path):
    path = write_tar(tmp_path / "a.tar", {f"{k}.png": png(k) for k in range(3)})
    with tarfile.open(path) as archive:
        offset = archive.getmembers()[1].offset
    content = bytearray(path.read_bytes())
    content[offset : offset + 512] = b"x" * 512
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        dup.scan_images(path)


@quiet
def test_a_member_that_lies_about_its_size_is_a_problem(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.png": png(), "b.png": png(1)})
    content = bytearray(path.read_bytes())
    place = content.rfind(b"PK\x01\x02", 0, content.rfind(b"b.png"))
    content[place + 24 : place + 28] = struct.pack("<I", 50)
    path.write_bytes(content)
    images = dup.scan_images(path)
    assert list(images.problem != "") == [False, True]


@quiet
def test_an_encrypted_member_says_so(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.png": png()})
    content = bytearray(path.read_bytes())
    for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(sign) + offset] |= 1
    path.write_bytes(content)
    assert list(dup.scan_images(path).problem) == ["encrypted: the archive asks for a password"]


@quiet
def test_a_bomb_in_a_zip_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBER", 2**20)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", b"\x89PNG\r\n\x1a\n" + bytes(2**22))
        archive.writestr("zeros.jpg", bytes(2**22))
    unpacked = []
    plain = zipfile.ZipExtFile.read

    def read(*arguments):
        part = plain(*arguments)
        unpacked.append(len(part))
        return part

    monkeypatch.setattr(zipfile.ZipExtFile, "read", read)
    images = dup.scan_images(path)
    assert images.problem[0] == "too large: more than 1 GiB when it is unpacked"
    assert images.problem[1] != ""
    assert sum(unpacked) < 2**14


def test_a_bomb_in_a_compressed_tar_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBER", 2**20)
    path = write_tar(tmp_path / "a.tar.gz", {"a.png": bytes(2**24)}, "w:gz")
    with pytest.raises(ValueError, match="grows to more than 20 times its size"):
        dup.scan_images(path)


def test_large_members_are_unpacked_into_a_file_and_read_the_same(tmp_path, monkeypatch):
    path = write_zip(tmp_path / "a.zip", {"a.png": png()})
    monkeypatch.setattr(archives, "IN_MEMORY", 100)
    address = f"zip://a.png::{path}"
    assert read_bytes(address) == png()
    assert read_status(address).size == len(png())


@quiet
def test_links_in_a_tar_are_read_within_the_tar_only(tmp_path):
    (tmp_path / "secret.png").write_bytes(png(5))
    path = write_tar(tmp_path / "a.tar", {"a.png": png()})
    with tarfile.open(path, "a") as archive:
        for name, kind, target in [
            ("hard.png", tarfile.LNKTYPE, "a.png"),
            ("soft.png", tarfile.SYMTYPE, "../secret.png"),
            ("away.png", tarfile.LNKTYPE, "../secret.png"),
        ]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
    images = dup.scan_images(path).set_index("image")
    assert images.sha256["hard.png"] == images.sha256["a.png"]
    assert images.problem["soft.png"] == "not a regular file"
    assert images.problem["away.png"] != ""


@quiet
def test_hidden_members_and_those_of_the_system_are_left_out(tmp_path):
    members = {"a.png": png(), "__MACOSX/._a.png": b"x", ".hidden.png": png(), "Thumbs.db": b"x"}
    with pytest.warns(UserWarning, match="such as '__MACOSX'"):
        images = dup.scan_images(write_zip(tmp_path / "a.zip", members))
    assert "a.png" in set(images.image)
    assert not {".hidden.png", "Thumbs.db", "__MACOSX/._a.png"} & set(images.image)


def test_an_archive_that_changes_is_opened_again(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.png": png()})
    assert list(dup.scan_images(path).width) == [40]
    write_zip(path, {"a.png": png(side=50), "b.png": png(1)})
    assert list(dup.scan_images(path).width) == [50, 40]


@quiet
def test_a_member_that_is_gone_is_a_problem_in_a_list_and_an_error_alone(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.png": png()})
    images = dup.scan_images([f"zip://a.png::{path}", f"zip://b.png::{path}"])
    assert list(images.image) == ["a.png", "b.png"]
    assert "no such member" in images.problem[1]
    with pytest.raises(FileNotFoundError, match="no such member"):
        dup.scan_images(f"zip://b.png::{path}")


@quiet
def test_side_members_that_are_damaged_are_kept_as_text(tmp_path):
    members = {"a.png": png(), "a.json": b"{broken", "b.png": png(1), "b.json": b"[1]"}
    images = dup.scan_images(write_tar(tmp_path / "a.tar", members))
    assert list(images.json) == ["{broken", [1]]

"""No entry of a folder ends the scan: each is a row, with a problem or true values."""

import os
import sys

import pandas as pd
import pytest

from imgdup_nb import Collection, fingerprint_images, scan_images
from imgdup_nb.engine import shrink
from imgdup_nb.engine.decode import readable
from imgdup_nb.engine.sketches import sketches

pytestmark = pytest.mark.filterwarnings("ignore:.*could not be (read|shown)")
links = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")


@links
@pytest.mark.parametrize(
    ("target", "problem"), [("self.png", "leads to itself"), ("y" * 300, "too long")]
)
def test_a_link_that_cannot_be_followed_is_a_row_with_a_problem(tmp_path, picture, target, problem):
    picture(1).save(tmp_path / "ok.png")
    (tmp_path / "self.png").symlink_to(target)
    problems = scan_images(tmp_path).set_index("image").problem
    assert problems["ok.png"] == ""
    assert problem in problems["self.png"]
    photos = Collection(tmp_path)
    photos.update()
    assert problem in photos.images.set_index("image").problem["self.png"]
    photos.close()


def test_a_link_that_the_system_does_not_let_us_ask_about_is_a_file(tmp_path, picture, monkeypatch):
    from imgdup_nb.engine import files

    class Refused:
        name, path = "other", str(tmp_path / "other")

        def is_dir(self):
            raise PermissionError(13, "Permission denied")

    assert not files._is_folder(Refused())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not store such times")
@pytest.mark.parametrize("nanoseconds", [10**19, -(10**19), 2**63 - 1])
def test_a_file_of_any_date_is_a_row(tmp_path, picture, nanoseconds, monkeypatch):
    picture(1).save(tmp_path / "a.png")
    picture(2).save(tmp_path / "b.png")
    os.utime(tmp_path / "a.png", ns=(nanoseconds, nanoseconds))
    stored = os.stat(tmp_path / "a.png").st_mtime_ns
    images = scan_images(tmp_path).set_index("image")
    assert images.problem.tolist() == ["", ""]
    modified = images.modified["a.png"]
    assert pd.isna(modified) if abs(stored) >= 2**63 else modified.value == stored
    photos = Collection(tmp_path)
    assert len(photos.update()) == 2
    assert len(photos.update()) == 0
    assert photos.images.set_index("image").modified.isna()["a.png"] == pd.isna(modified)
    photos.close()


def test_what_is_missing_from_a_list_is_a_row_with_a_problem(tmp_path, picture):
    picture(1).save(tmp_path / "a.png")
    images = scan_images([tmp_path / "a.png", tmp_path / "gone.png"])
    assert images.image.tolist() == ["a.png", "gone.png"]
    assert images.problem[0] == ""
    assert "gone" in images.problem[1]


def test_the_users_own_folder_may_be_written_as_a_tilde(tmp_path, picture, monkeypatch):
    picture(1).save(tmp_path / "a.png")
    monkeypatch.setenv("HOME" if os.name != "nt" else "USERPROFILE", str(tmp_path))
    assert scan_images(["~/a.png"]).image.tolist() == ["a.png"]


def test_a_package_that_cannot_be_imported_makes_no_picture_a_damaged_one(
    tmp_path, picture, monkeypatch
):
    picture(1, 400, 300).save(tmp_path / "a.png")
    before = scan_images(tmp_path)
    codes = fingerprint_images(before).codes
    sketches.forget()
    monkeypatch.setattr(shrink, "HAS_NUMBA", False)
    assert scan_images(tmp_path).equals(before)
    assert (fingerprint_images(before).codes == codes).all()


def test_a_missing_package_is_named_and_is_no_fault_of_the_picture():
    with pytest.raises(ImportError, match="numba needs another numpy"), readable():
        raise ImportError("numba needs another numpy")

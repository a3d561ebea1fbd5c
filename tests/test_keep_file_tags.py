"""Tags that people gave a file in their file manager are not lost with a copy of the same bytes."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from imgdup_nb import apply_plan, choose_keepers, scan_images, undo
from imgdup_nb.review import files
from imgdup_nb.review.notes import read_file_tags


@pytest.fixture
def tagged(tmp_path, monkeypatch):
    """Return a folder of equal files, and what gives one of them a tag, on any disk."""
    folder, attributes = tmp_path / "photos", {}
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "a.png")
    for name in ("b.png", "c.png"):
        shutil.copy(folder / "a.png", folder / name)

    def place(path):
        if not os.path.exists(path):
            raise FileNotFoundError(path)
        return attributes.setdefault(os.stat(path).st_ino, {})

    monkeypatch.setattr(os, "listxattr", lambda path: list(place(path)), raising=False)
    monkeypatch.setattr(os, "getxattr", lambda path, name: place(path)[name], raising=False)

    def give(path, name, value):
        if len(value) > 20:
            raise OSError(28, "No space left on device")
        place(path)[name] = value

    monkeypatch.setattr(os, "setxattr", give, raising=False)
    return folder, lambda image, **tags: place(folder / image).update(
        {f"user.{name.replace('_', '.')}": value for name, value in tags.items()}
    )


def plan_for(folder, **options):
    images = scan_images(folder)
    return choose_keepers(pd.DataFrame({"group": 1, "image": images.image}), images, **options)


def actions(plan):
    return dict(zip(plan.image, plan.action, strict=True))


def test_without_tags_one_of_equal_files_stays(tagged):
    folder, _ = tagged
    assert actions(plan_for(folder)) == {"a.png": "keep", "b.png": "remove", "c.png": "remove"}


@pytest.mark.parametrize(
    "tags",
    [{"xdg_tags": b"wedding,best"}, {"xdg_comment": b"Aunt Mia"}, {"baloo_rating": b"7"}],
)
def test_of_equal_files_the_one_with_tags_stays(tagged, tags):
    folder, tag = tagged
    tag("b.png", **tags)
    plan = plan_for(folder)
    assert actions(plan) == {"b.png": "keep", "a.png": "remove", "c.png": "remove"}
    assert set(plan.keeper[plan.action == "remove"]) == {"b.png"}


def test_equal_files_with_other_comments_both_stay_and_the_plan_says_why(tagged):
    folder, tag = tagged
    tag("a.png", xdg_comment=b"Aunt Mia")
    tag("c.png", xdg_comment=b"Aunt Lea")
    plan = plan_for(folder)
    assert actions(plan) == {"a.png": "keep", "c.png": "keep", "b.png": "remove"}
    [flag] = plan.flag[plan.image == "c.png"]
    assert "caption" in flag


def test_tags_of_both_are_joined_in_a_side_file(tagged):
    folder, tag = tagged
    tag("a.png", xdg_tags=b"sea,holiday")
    tag("c.png", xdg_tags=b"sea,best")
    plan = plan_for(folder, keep_metadata=True)
    assert list(plan.action).count("keep") == 1
    [text] = [text for text in plan.sidecar if text]
    assert all(f"<rdf:li>{word}</rdf:li>" in text for word in ("best", "holiday", "sea"))


def test_a_move_to_another_disk_and_back_takes_tags_along(tagged, tmp_path, monkeypatch):
    folder, tag = tagged
    tag("a.png", xdg_comment=b"Aunt Mia", xdg_tags=b"sea")
    tag("b.png", long=bytes(30), xdg_comment=b"Aunt Mia")  # one that the other disk does not take

    def other_disk(source, target):
        if os.path.dirname(source) != os.path.dirname(target):
            raise OSError(18, "Invalid cross-device link")
        os.rename(source, target)

    monkeypatch.setattr(files, "rename_new", other_disk)
    log = apply_plan(plan_for(folder), to=tmp_path / "spare", dry_run=False)
    assert read_file_tags(tmp_path / "spare/b.png") == {"caption": "Aunt Mia"}
    undo(log)
    assert read_file_tags(folder / "b.png") == {"caption": "Aunt Mia"}


def test_what_is_no_file_of_a_disk_has_no_tags(tmp_path):
    assert read_file_tags(str(tmp_path / "gone.png")) == {}
    assert read_file_tags("zip://a.png::/b.zip") == {}
    assert read_file_tags("a\0b.png") == {}


def test_tags_are_read_as_people_wrote_them(tagged):
    folder, tag = tagged
    tag("a.png", xdg_tags="Zoë, cat ,cat,".encode(), baloo_rating=b"9", xdg_creator=b"Mia\0")
    assert read_file_tags(folder / "a.png") == {
        "author": "Mia",
        "keywords": "Zoë; cat",
        "rating": "5",
    }
    tag("b.png", xdg_tags=b" ", baloo_rating=b"0", other=b"x")
    tag("c.png", baloo_rating=b"many")
    assert read_file_tags(folder / "b.png") == read_file_tags(folder / "c.png") == {}

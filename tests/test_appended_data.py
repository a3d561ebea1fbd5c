"""What a file holds behind the end of its picture is not lost without a word."""

import io
import zipfile

import pandas as pd
import pytest
from PIL import Image
from skimage import data

import imgdup_nb as dup


def archive():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("letter.txt", "".join(f"line {k}\n" for k in range(500)))
    return buffer.getvalue()


def saved(name):
    buffer = io.BytesIO()
    options = {"lossless": True} if name.endswith("webp") else {}
    Image.fromarray(data.chelsea()).save(buffer, Image.registered_extensions()[name], **options)
    return buffer.getvalue()


def plan_of(folder, **files):
    for name, stored in files.items():
        (folder / name.replace("_", ".")).write_bytes(stored)
    images = dup.scan_images(folder)
    group = pd.DataFrame({"group": 0, "image": images.image})
    return dup.choose_keepers(group, images).set_index("image")


@pytest.mark.parametrize("end", [".jpg", ".png", ".webp"])
def test_a_picture_with_an_archive_behind_it_does_not_leave_for_the_bare_one(tmp_path, end):
    picture = saved(end)
    names = f"a_{end[1:]}", f"b_{end[1:]}"
    for first, second in ((picture, picture + archive()), (picture + archive(), picture)):
        plan = plan_of(tmp_path, **dict(zip(names, (first, second), strict=True)))
        larger = plan.bytes.idxmax()
        assert plan.action[larger] == "keep"
        assert (plan.action == "keep").sum() == 1  # the bare one is held by the other


def test_two_pictures_with_other_archives_both_stay_and_the_plan_says_why(tmp_path):
    picture = saved(".jpg")
    plan = plan_of(tmp_path, a_jpg=picture + archive(), b_jpg=picture + archive()[::-1])
    assert set(plan.action) == {"keep"}
    assert plan.loses.str.contains("another appended data").any()


def test_a_film_behind_a_photograph_is_a_moving_picture(tmp_path):
    picture = saved(".jpg")
    film = b"MotionPhoto_Data" + bytes(range(1, 251)) * 20
    plan = plan_of(tmp_path, a_jpg=picture, b_jpg=picture + film)
    assert dict(plan.action) == {"a.jpg": "remove", "b.jpg": "keep"}
    small = io.BytesIO()
    Image.fromarray(data.chelsea()).resize((225, 150)).save(small, "JPEG")
    plan = plan_of(tmp_path, a_jpg=picture, b_jpg=small.getvalue() + film)
    assert plan.action["b.jpg"] == "keep"
    assert plan.loses["b.jpg"] == "moving picture"


@pytest.mark.parametrize("filling", [bytes(5000), b"\n" * 5000, b"<!-- cached -->"])
def test_filling_behind_a_picture_is_nothing(tmp_path, filling):
    picture = saved(".jpg")
    plan = plan_of(tmp_path, a_jpg=picture, b_jpg=picture + filling)
    assert sorted(plan.action) == ["keep", "remove"]

"""Labels from COCO's and YOLO's files, and files that are no pictures."""

from __future__ import annotations

import json
import warnings

import pytest

import imgdup_nb as dup


@pytest.fixture
def pictures(tmp_path, picture):
    """Return a folder with images/train and images/val, as YOLO keeps them."""
    for split, seeds in (("train", (1, 2)), ("val", (3, 4))):
        (tmp_path / "images" / split).mkdir(parents=True)
        for seed in seeds:
            picture(seed).save(tmp_path / "images" / split / f"{seed}.png")
    return tmp_path


def coco(files, annotations):
    return json.dumps(
        {
            "images": [{"id": k, "file_name": name} for k, name in enumerate(files)],
            "categories": [{"id": 7, "name": "cat"}, {"id": 9, "name": "dog"}],
            "annotations": [{"image_id": k, "category_id": c} for k, c in annotations],
        }
    )


def labels_of(images):
    return dict(zip(images.image, images.label, strict=True))


def test_coco_gives_each_picture_the_names_of_its_classes(pictures):
    file = pictures / "instances.json"
    file.write_text(coco(["1.png", "train/2.png", "3.png"], [(0, 9), (0, 7), (0, 9), (1, 7)]))
    images = dup.scan_images(pictures / "images", label=file)
    assert labels_of(images) == {
        "train/1.png": "cat, dog", "train/2.png": "cat", "val/3.png": "", "val/4.png": ""
    }  # fmt: skip
    assert labels_of(dup.scan_images(pictures / "images", label=str(file))) == labels_of(images)


def test_two_files_of_one_name_are_told_apart_by_their_folders(pictures):
    (pictures / "images/val/3.png").rename(pictures / "images/val/1.png")
    file = pictures / "instances.json"
    file.write_text(coco(["train/1.png", "val/1.png"], [(0, 7), (1, 9)]))
    found = labels_of(dup.scan_images(pictures / "images", label=file))
    assert (found["train/1.png"], found["val/1.png"]) == ("cat", "dog")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no json", "is none"),
        ("[1, 2]", "is none"),
        ('{"images": []}', "is none"),
        (coco(["x.png"], []), "names none of the images"),
    ],
)
def test_a_file_that_is_not_of_coco_or_of_other_pictures_is_refused(pictures, text, words):
    (pictures / "instances.json").write_text(text)
    with pytest.raises(ValueError, match=words):
        dup.scan_images(pictures / "images", label=pictures / "instances.json")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.yaml", "path: .\nnames: ['cat', \"dog\"]\nnc: 2\n"),
        ("data.yaml", "names:\n  0: cat\n  1: dog\nnc: 2\n"),
        ("dataset.yaml", "nc: 2\nnames:\n  - cat  # a comment\n  - 'dog'\n"),
        ("classes.txt", "cat\ndog\n"),
    ],
)
def test_yolo_gives_labels_and_splits(pictures, name, text):
    (pictures / name).write_text(text)
    for split, number, lines in (
        ("train", 1, "1 .5 .5 .1 .1\n0 .1 .1 .1 .1\n"), ("train", 2, ""), ("val", 3, "1 0 0 1 1"),
    ):  # fmt: skip
        (pictures / "labels" / split).mkdir(parents=True, exist_ok=True)
        (pictures / "labels" / split / f"{number}.txt").write_text(lines)
    images = dup.scan_images(pictures / "images", label="yolo")
    assert labels_of(images) == {
        "train/1.png": "cat, dog", "train/2.png": "", "val/3.png": "dog", "val/4.png": ""
    }  # fmt: skip
    assert list(images.split) == ["train", "train", "validation", "validation"]


def test_yolo_without_names_gives_numbers_also_beside_the_pictures(pictures):
    (pictures / "images/train/1.txt").write_text("12 .5 .5 .1 .1\n")
    images = dup.scan_images(pictures / "images", label="yolo", include="*.png")
    assert labels_of(images)["train/1.png"] == "12"


def test_without_any_file_of_yolo_there_is_an_error(pictures):
    with pytest.raises(ValueError, match="needs text files of YOLO"):
        dup.scan_images(pictures / "images", label="yolo")
    with pytest.raises(ValueError, match="label must be one of"):
        dup.scan_images(pictures / "images", label="pascal")


def test_other_files_are_counted_apart_and_alone_give_no_warning(pictures):
    for number in range(3):
        (pictures / f"images/notes {number}.txt").write_text("no picture")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images = dup.scan_images(pictures / "images")
    assert (images.problem != "").sum() == 3
    result = dup.find_duplicates(images, verify=False, sample=0)
    assert "Not compared: 3 files without a picture." in repr(result)
    (pictures / "images/torn.jpg").write_bytes(b"no picture")
    with pytest.warns(
        UserWarning, match=r"1 of 8 files could not be read, besides 3 files without a picture"
    ):
        dup.scan_images(pictures / "images")


def test_a_folder_of_other_files_only_is_a_warning(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.warns(UserWarning, match="none of the 1 file is a picture"):
        assert len(dup.scan_images(tmp_path)) == 1

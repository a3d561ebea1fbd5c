"""Whatever `scan_images` takes, every later step works on it."""

from __future__ import annotations

import io
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pyarrow
import pytest
from PIL import Image

import imgdup_nb as dup
from imgdup_nb.engine.decode import open_image
from imgdup_nb.engine.sketches import sketches
from sources import Pairs, hugging_face, make_sources, write_folder, write_zip

LABELS = ["cat", "cat", "dog", "dog"]


def encoded(picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def members():
    from aligned_pictures import photo

    cat, temple = photo("cat"), photo("temple")
    return {
        "cat/1.jpg": encoded(cat, "JPEG", quality=95),
        "cat/2.png": encoded(cat.resize((240, 160)), "PNG"),
        "dog/3.jpg": encoded(temple, "JPEG", quality=90),
        "dog/4.jpg": encoded(temple.resize((200, 150)), "JPEG", quality=80),
    }


@pytest.fixture(scope="module")
def every_source(members, tmp_path_factory):
    return make_sources(tmp_path_factory.mktemp("sources"), members, LABELS)


NAMES = [
    "folder", "list of files", "DataFrame", "zip", "tar", "tar.gz", "WebDataset", "parquet",
    "folder of parquet", "Hugging Face Dataset", "Hugging Face DatasetDict", "dict of pictures",
    "array", "list of pictures", "torch data set", "chain of a local zip", "chain of a remote zip",
    "chain of a remote tar", "dict of splits",
]  # fmt: skip
WITH_LABELS = set(NAMES) - {
    "list of files", "WebDataset", "dict of pictures", "array", "list of pictures",
    "dict of splits",
}  # fmt: skip
ON_DISK = {"folder", "list of files", "DataFrame", "dict of splits"}


def test_each_source_is_tested(every_source):
    assert sorted(every_source) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_step_works_on_every_source(every_source, name):
    source, options = every_source[name]
    images = dup.scan_images(source, **options)
    assert list(images.problem) == [""] * 4
    assert images.image.is_monotonic_increasing
    if name in WITH_LABELS:
        assert sorted(images.label) == LABELS
        assert len(set(images.label[:2])) == 1  # in line with the pictures
    sketches.forget()  # so that fingerprints read the pictures again
    prints = dup.fingerprint_images(images)
    pairs = dup.similar_pairs(prints)
    groups = dup.group_duplicates(pairs, 90)
    one, two, three, four = images.image
    assert list(groups) == [[one, two], [three, four]]
    with ThreadPoolExecutor(2) as executor:
        again = dup.fingerprint_images(images, executor=executor)
    assert (again.codes == prints.codes).all()
    aligned = dup.similar_pairs(dup.fingerprint_images(images, "aligned"))
    assert list(dup.group_duplicates(aligned, 90)) == [[one, two], [three, four]]
    explorer = dup.ThresholdExplorer(pairs, images)
    shown = explorer._thumbnails.get(list(images.image), 32)
    explorer.close()
    assert all(picture.jpeg.startswith(b"\xff\xd8") for picture in shown)
    plan = dup.choose_keepers(groups, images)
    if name != "array":  # in which all are of one size
        assert sorted(plan.action) == ["keep", "keep", "remove", "remove"]
    if name not in ON_DISK:
        with pytest.raises(ValueError, match=r"never changed.*keep_list\(images\)|tools of that s"):
            dup.apply_plan(plan, to="spare")
    assert list(groups.keep_list(images).image) == [one, three]


def test_bytes_from_a_source_are_those_of_the_file(every_source):
    digests = {
        name: set(dup.scan_images(every_source[name][0], **every_source[name][1]).sha256)
        for name in ("folder", "zip", "tar.gz", "parquet", "Hugging Face Dataset", "WebDataset")
    }
    assert len({frozenset(found) for found in digests.values()}) == 1


def test_splits_come_from_the_keys_and_from_the_names_of_files(every_source):
    for name in ("folder of parquet", "Hugging Face DatasetDict", "dict of splits"):
        images = dup.scan_images(every_source[name][0])
        assert sorted(images.split) == ["test", "test", "train", "train"]


def test_side_members_of_a_webdataset_are_columns(every_source):
    images = dup.scan_images(every_source["WebDataset"][0])
    assert list(images.cls) == [0, 0, 1, 1]
    assert list(images.author) == ["me"] * 4
    assert list(images.image)[:2] == ["shard-000/000.jpg", "shard-000/001.png"]


def test_columns_of_a_table_come_along_row_by_row(members, tmp_path):
    folder = write_folder(tmp_path, members)
    names = list(members)[::-1]
    table = pd.DataFrame(
        {"file": [folder / name for name in names], "id": [4, 3, 2, 1], "width": 7},
        index=[9, 9, 8, 8],
    )
    images = dup.scan_images(table, path="file")
    assert list(images.image) == sorted(members)
    assert list(images.id) == [1, 2, 3, 4]
    assert list(images.given_width) == [7] * 4
    assert list(images.width) == [451, 240, *images.width[2:]]
    again = dup.scan_images(images)
    pd.testing.assert_frame_equal(again, images)


def test_a_table_of_pyarrow_is_a_table_of_paths(members, tmp_path):
    path = write_folder(tmp_path, members) / "cat/1.jpg"
    images = dup.scan_images(pyarrow.table({"path": [str(path)], "label": ["cat"]}))
    assert list(images.label) == ["cat"]
    assert list(images.image) == ["1.jpg"]


def test_one_file_in_two_rows_stays_two_rows(members, tmp_path):
    path = str(write_folder(tmp_path, members) / "cat/1.jpg")
    images = dup.scan_images(pd.DataFrame({"path": [path, path], "split": ["train", "test"]}))
    assert list(images.image) == ["1.jpg", "1.jpg (row 1)"]
    assert list(images.split) == ["train", "test"]
    assert len(set(images.sha256)) == 1


def test_relative_paths_of_a_table_are_the_names(members, tmp_path, monkeypatch):
    monkeypatch.chdir(write_folder(tmp_path, members))
    with pytest.warns(UserWarning, match="2 of 3 files could not be read"):
        images = dup.scan_images(pd.DataFrame({"path": ["cat/1.jpg", "cat/nowhere.jpg", None]}))
    assert list(images.image) == ["cat/1.jpg", "cat/nowhere.jpg", "no path"]
    assert list(images.problem != "") == [False, True, True]


def test_include_and_exclude_are_asked_about_members_and_keep_columns_in_line(every_source):
    source, options = every_source["zip"]
    images = dup.scan_images(source, exclude="cat", **options)
    assert list(images.image) == ["dog/3.jpg", "dog/4.jpg"]
    assert list(images.label) == ["dog", "dog"]
    held = dup.scan_images(every_source["torch data set"][0], include="*[13]")
    assert list(zip(held.image, held.label, strict=True)) == [("000001", "cat"), ("000003", "dog")]


def test_a_folder_of_splits_and_classes_gives_both(members, tmp_path):
    write_folder(tmp_path / "train", members)
    write_folder(tmp_path / "val", members)
    images = dup.scan_images(tmp_path, label="folder")
    assert list(images.split) == ["train"] * 4 + ["validation"] * 4
    assert list(images.label) == LABELS * 2


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (np.zeros((2, 3, 4, 5), np.uint8), "not 2 x 3 x 4 x 5"),
        (np.full((9, 9), 300, np.int64), "not int64"),
        (np.full((9, 9), 1.5), "from 0 to 1"),
        (np.zeros((0, 9), np.uint8), "not 0 x 9"),
        ({"bytes": None, "path": None}, "no picture in this row"),
        (b"no picture", "not an image"),
    ],
)
def test_a_bad_picture_in_memory_is_a_row_with_a_problem(value, problem):
    with pytest.warns(UserWarning, match="1 of 2 files"):
        images = dup.scan_images({"bad": value, "good": np.eye(64, dtype=bool)})
    assert problem in images.problem[0]
    assert images.problem[1] == ""


@pytest.mark.parametrize(
    "array",
    [
        np.arange(60, dtype=np.uint8).reshape(6, 10),
        np.arange(180, dtype=np.uint8).reshape(6, 10, 3),
        np.arange(240, dtype=np.uint8).reshape(6, 10, 4),
    ],
)
def test_the_pixels_of_an_array_are_kept(array):
    images = dup.scan_images({"a": array, "b": array / 255, "c": Image.fromarray(array)})
    assert len(set(images.sha256)) == 1
    assert bool(images.lossless.all())
    mode = {2: "L", 3: "RGB"}[array.ndim]
    if array.shape[-1] != 4:
        assert (np.asarray(open_image(images.path[0], mode=mode)) == array).all()


def test_channels_may_come_first_as_in_torch():
    picture = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    images = dup.scan_images({"a": picture, "b": np.moveaxis(picture, 2, 0)})
    assert images.sha256[0] == images.sha256[1]


def test_a_picture_in_the_memory_of_another_process_is_a_problem(monkeypatch):
    images = dup.scan_images({"a": np.eye(64, dtype=bool)})
    monkeypatch.setattr("imgdup_nb.engine.held._held", {})
    monkeypatch.setattr("imgdup_nb.engine.held._last", type("Empty", (), {})())
    with pytest.raises(dup.UnreadableImage, match="in the memory of another process"):
        open_image(images.path[0])


def test_a_changed_array_gets_new_addresses_and_new_fingerprints():
    array = np.zeros((1, 64, 64), np.uint8)
    one = dup.scan_images(array)
    array[0, :, 32:] = 255
    other = dup.scan_images(array)
    assert one.path[0] != other.path[0]
    assert (one.detail[0], other.detail[0]) == (0, 127.5)


def test_items_that_are_dicts_give_picture_and_label():
    items = [{"image": np.eye(64, dtype=bool), "label": "a"}, {"image": None, "label": "b"}]
    with pytest.warns(UserWarning, match="1 x there is no picture in this row"):
        images = dup.scan_images(items)
    assert list(images.label) == ["a", "b"]


def test_labels_survive_where_a_picture_of_a_data_set_is_bad(members):
    broken = dict(members) | {"cat/1.jpg": b"no picture"}
    with pytest.warns(UserWarning, match="1 of 4"):
        images = dup.scan_images(hugging_face(broken, LABELS))
    assert list(images.label) == LABELS
    assert list(images.id) == [10, 11, 12, 13]


@pytest.mark.parametrize(
    ("source", "error", "match"),
    [
        (
            np.zeros((60, 90, 3), np.uint8),
            ValueError,
            r"one picture is given by name: scan_images\(",
        ),
        (np.zeros((60, 90), np.uint8), ValueError, "n x height x width"),
        (pd.DataFrame({"file": ["a.jpg"]}), ValueError, "path='file'"),
        (3, TypeError, "source must be the path of a folder"),
        ([3], TypeError, "3 is none"),
        ("shard-{000..003}.tar", FileNotFoundError, "shard-000.tar"),
    ],
)
def test_what_is_no_source_is_refused_with_the_way_out(source, error, match):
    with pytest.raises(error, match=match):
        dup.scan_images(source)


def test_a_streamed_data_set_is_refused_with_the_way_out(members):
    with pytest.raises(TypeError, match=r"Dataset.from_list\(list\(source.take\(1000\)\)\)"):
        dup.scan_images(hugging_face(members, LABELS).to_iterable_dataset())


def test_label_takes_folder_only(tmp_path):
    with pytest.raises(ValueError, match="label must be"):
        dup.scan_images(tmp_path, label="class")


def test_tables_of_every_source_can_be_pickled(every_source):
    for source, options in every_source.values():
        images = dup.scan_images(source, **options)
        pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(images)), images)


def test_a_data_set_whose_items_fail_is_rows_with_problems():
    class Failing(Pairs):
        def __getitem__(self, number):
            if number == 1:
                raise OSError("the disk is gone")
            return super().__getitem__(number)

    with pytest.warns(UserWarning, match="1 of 2"):
        images = dup.scan_images(Failing([np.eye(64, dtype=bool)] * 2, ["cat", "dog"]))
    assert "the disk is gone" in images.problem[1]
    assert images.label[0] == "cat"


def test_compare_takes_members_of_archives(members, tmp_path):
    archive = write_zip(tmp_path / "a.zip", members)
    found = dup.compare_images(f"zip://cat/1.jpg::{archive}", f"zip://cat/2.png::{archive}")
    assert found.scores.similarity["aligned"] > 90


@pytest.mark.parametrize("options", ["isolate", "executor"])
def test_pictures_in_memory_are_refused_to_other_processes(options):
    picture = {"a": np.eye(64, dtype=bool)}
    with ProcessPoolExecutor(1) as pool, pytest.raises(ValueError, match="other processes cannot"):
        dup.scan_images(picture, **{options: True if options == "isolate" else pool})


def test_processes_read_archives_and_parquet_by_themselves(every_source):
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        for name in ("zip", "tar.gz", "parquet"):
            source, options = every_source[name]
            ours = dup.scan_images(source, **options)
            pd.testing.assert_frame_equal(dup.scan_images(source, executor=pool, **options), ours)

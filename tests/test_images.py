"""A folder becomes a table, whatever is in it."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from imgdup_nb import fingerprint_images, scan_images, similar_pairs
from imgdup_nb.engine import decode as remarks
from imgdup_nb.engine.decode import find_libtiff
from imgdup_nb.engine.files import printable, read_bytes
from imgdup_nb.engine.parallel import map_batches
from imgdup_nb.images import DTYPES

pytestmark = pytest.mark.filterwarnings("ignore:.*could not be read")


def test_every_file_is_a_row_sorted_by_name(photos):
    images = scan_images(photos)
    assert list(images) == list(DTYPES)
    found = sorted(
        path.relative_to(photos).as_posix() for path in photos.rglob("*") if path.is_file()
    )
    assert list(images.image) == found


def test_broken_files_are_rows_with_a_problem_and_one_warning(photos):
    with pytest.warns(
        UserWarning, match="2 of 13 files could not be read, besides 1 file without a picture"
    ) as caught:
        images = scan_images(photos).set_index("image")
    assert len(caught) == 1
    assert set(images.index[images.problem != ""]) == {"empty.jpg", "notes.txt", "half.png"}
    assert images.problem["empty.jpg"] == "the file is empty"
    assert "not an image" in images.problem["notes.txt"]
    assert "damaged" in images.problem["half.png"]


def test_what_is_known_of_a_file(photos):
    row = scan_images(photos).set_index("image").loc["cat.png"]
    path = photos / "cat.png"
    assert row.path == str(path)
    assert row.bytes == path.stat().st_size
    assert row.modified.value == path.stat().st_mtime_ns
    assert row.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (row.format, row["mode"], row.width, row.height, row.frames) == (
        "PNG",
        "RGB",
        160,
        120,
        1,
    )


def test_size_is_as_shown_and_time_and_metadata_are_read(tmp_path, picture):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:31 17:20:09"
    picture(1).save(tmp_path / "turned.jpg", exif=exif)
    picture(1).save(tmp_path / "plain.jpg")
    images = scan_images(tmp_path).set_index("image")
    assert tuple(images.loc["turned.jpg", ["width", "height"]]) == (120, 160)
    assert images.taken["turned.jpg"] == pd.Timestamp("2024-05-31 17:20:09")
    assert images.metadata["turned.jpg"] > images.metadata["plain.jpg"] == 0
    assert pd.isna(images.taken["plain.jpg"])


@pytest.mark.parametrize(
    ("orientation", "size"), [(1, (541, 542)), (3, (541, 542)), (6, (542, 541)), (8, (542, 541))]
)
def test_a_nearly_square_picture_has_the_sides_that_a_viewer_shows(
    tmp_path, picture, orientation, size
):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture(1, 541, 542).save(
        tmp_path / "near.jpg", exif=exif
    )  # a scan decodes it to a true square
    near = scan_images(tmp_path).iloc[0]
    assert (near.width, near.height) == size


def test_lossless_formats_are_told(tmp_path, picture):
    for name, options in {
        "a.png": {}, "a.bmp": {}, "a.tif": {}, "b.webp": {"lossless": True},
        "c.jpg": {}, "d.webp": {}, "e.tif": {"compression": "jpeg"},
    }.items():  # fmt: skip
        picture(1).save(tmp_path / name, **options)
    images = scan_images(tmp_path).set_index("image")
    assert set(images.index[images.lossless]) == {"a.png", "a.bmp", "a.tif", "b.webp"}


def test_detail_is_zero_for_blank_pictures_only(photos):
    images = scan_images(photos).set_index("image")
    assert images.detail["white.png"] == images.detail["black.png"] == 0
    assert images.detail["cat.png"] > 10
    assert np.isnan(images.detail["notes.txt"])


def test_frames_of_an_animation_are_counted(tmp_path, picture):
    picture(1).save(tmp_path / "moving.gif", save_all=True, append_images=[picture(2), picture(3)])
    assert scan_images(tmp_path).frames.tolist() == [3]


def test_hidden_files_folders_and_checkpoints_are_passed_over(tmp_path, picture):
    for place in [".ipynb_checkpoints", ".hidden", "seen"]:
        (tmp_path / place).mkdir()
        picture(1).save(tmp_path / place / "a.png")
    picture(1).save(tmp_path / ".a.png")
    (tmp_path / "Thumbs.db").write_text("litter")
    assert scan_images(tmp_path).image.tolist() == ["seen/a.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links_do_not_loop_and_list_nothing_twice(tmp_path, picture):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (inside / "sub").mkdir(parents=True)
    outside.mkdir()
    picture(1).save(inside / "sub" / "a.png")
    picture(2).save(outside / "b.png")
    (inside / "sub" / "loop").symlink_to(inside)
    (inside / "again").symlink_to(inside / "sub")
    (inside / "other").symlink_to(outside)
    (outside / "back").symlink_to(inside)
    (outside / "self").symlink_to(outside)
    (inside / "gone.png").symlink_to(inside / "nowhere.png")
    images = scan_images(inside).set_index("image")
    assert sorted(images.index) == ["gone.png", "other/b.png", "sub/a.png"]
    assert "leads nowhere" in images.problem["gone.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes exist on Unix only")
def test_a_named_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert scan_images(tmp_path).problem.tolist() == ["not a regular file"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow text names only")
@pytest.mark.skipif(
    sys.platform != "linux",
    reason="other systems keep names as Unicode, or take \\ for a separator",
)
def test_a_name_that_looks_like_one_that_is_not_utf8_has_a_name_of_its_own(tmp_path, picture):
    for name in (
        b"caf\xe9.png",
        rb"caf\xe9.png",
        rb"caf\\xe9.png",
        b"caf\\\xe9.png",
        rb"C\new.png",
    ):
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
            picture(1).save(file, "PNG")
    images = scan_images(tmp_path)
    assert images.image.nunique() == 5
    assert r"C\new.png" in set(images.image)
    assert len(similar_pairs(fingerprint_images(images))) == 10


def test_names_that_are_not_utf8_are_shown_and_opened(tmp_path, picture):
    picture(1).save(tmp_path / "good.png")
    os.rename(tmp_path / "good.png", os.fsencode(tmp_path) + b"/caf\xe9.png")
    images = scan_images(tmp_path)
    assert images.image.tolist() == [r"caf\xe9.png"]
    assert images.problem.tolist() == [""]
    assert images.image[0].encode("utf-8")


def test_a_list_of_files_and_folders_is_named_from_their_common_folder(photos):
    images = scan_images([photos / "cat.png", photos / "sub", photos / "cat.png"])
    assert images.image.tolist() == ["cat.png", "sub/cat blurred.png", "sub/cat.jpg"]


def test_one_image_and_an_empty_folder_are_tables_too(tmp_path, picture):
    with pytest.warns(UserWarning, match="no files found"):
        empty = scan_images(tmp_path)
    assert list(empty) == list(DTYPES)
    assert len(empty) == 0
    with pytest.warns(UserWarning, match="no files found"):
        assert len(scan_images([])) == 0
    picture(1).save(tmp_path / "a.png")
    assert len(scan_images(tmp_path)) == 1


def test_a_missing_folder_and_a_file_are_errors_with_the_way_out(tmp_path, picture):
    picture(1).save(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError, match="does not exist; the current folder is"):
        scan_images(tmp_path / "nowhere")
    with pytest.raises(NotADirectoryError, match="for single files pass a list"):
        scan_images(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        scan_images([tmp_path / "nowhere.png"])


def test_the_table_does_not_depend_on_who_works(photos):
    with ThreadPoolExecutor(3) as pool:
        assert scan_images(photos, executor=pool).equals(scan_images(photos))
        assert pool.submit(int).result() == 0  # an executor of one's own stays open


def test_stopping_leaves_nothing_running():
    begun = []

    def slowly(batch):
        begun.append(len(batch))
        time.sleep(0.01)
        return batch

    results = map_batches(slowly, range(100_000))
    assert next(results) == 0
    results.close()
    after = len(begun)
    time.sleep(0.1)
    assert len(begun) == after < 200
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("imgdup_nb")]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("caf\udce9.jpg", r"caf\xe9.jpg"), ("\ud83d.jpg", r"\xed\xa0\xbd.jpg"), ("ü☃", "ü☃")],
)
def test_a_name_that_is_no_text_is_shown_as_one(name, shown):
    assert printable(name) == shown


def test_captions_of_newspapers_count_as_metadata(tmp_path, picture):
    picture(1).save(tmp_path / "plain.jpg")
    plain = (tmp_path / "plain.jpg").read_bytes()
    title = b"\x1c\x02\x05\x00\x05Title"  # an IPTC record: object name
    block = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + len(title).to_bytes(4, "big") + title
    segment = b"\xff\xed" + (len(block) + 2).to_bytes(2, "big") + block
    (tmp_path / "titled.jpg").write_bytes(plain[:2] + segment + plain[2:])
    assert scan_images(tmp_path).metadata.tolist() == [0, 1]


@pytest.mark.parametrize("size", [5000, None])
def test_a_file_that_the_system_hands_out_in_pieces_is_read_whole(monkeypatch, tmp_path, size):
    contents = bytes(range(250)) * 20
    (tmp_path / "a.bin").write_bytes(contents)
    read = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, _wanted: read(descriptor, 700))
    assert read_bytes(str(tmp_path / "a.bin"), size) == contents


DAMAGED_TIFF = """
import sys, warnings
warnings.simplefilter("ignore")
import imgdup_nb
print(imgdup_nb.scan_images(sys.argv[1]).problem[0])
"""


def test_a_libtiff_that_cannot_be_hushed_keeps_no_picture_from_being_read(tmp_path, monkeypatch):
    (tmp_path / "libtiff-none.so").write_bytes(b"no library")
    monkeypatch.setattr(remarks, "find_libtiff", lambda: [tmp_path / "libtiff-none.so"])
    remarks.silence_decoders.cache_clear()
    remarks.silence_decoders()
    remarks.silence_decoders.cache_clear()


@pytest.mark.skipif(
    not find_libtiff(), reason="Pillow's libtiff is out of reach here, as on Windows"
)
def test_a_damaged_tiff_prints_nothing_beside_its_problem(tmp_path):
    Image.effect_noise((64, 48), 60).save(tmp_path / "damaged.tif", compression="tiff_lzw")
    contents = bytearray((tmp_path / "damaged.tif").read_bytes())
    contents[8:1500] = b"\xff" * 1492
    (tmp_path / "damaged.tif").write_bytes(contents)
    command = [sys.executable, "-c", DAMAGED_TIFF, str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"TQDM_DISABLE": "1"}
    )
    assert done.stderr == ""
    assert done.stdout.startswith("damaged: ")

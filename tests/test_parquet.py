"""Pictures in parquet files: columns, classes, blocks, damage."""

from __future__ import annotations

import io
import json
import random
import sys

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

import imgdup_nb as dup
from imgdup_nb.engine import parquet
from imgdup_nb.engine.files import read_bytes

quiet = pytest.mark.filterwarnings("ignore:.*could not be read")


def png(seed=0):
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (30, 40), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def rows():
    return pd.DataFrame({"photo": [png(k) for k in range(25)], "id": range(25), "width": 7})


def test_a_column_of_bytes_is_found_without_its_name_and_others_come_along(rows, tmp_path):
    rows.to_parquet(tmp_path / "a.parquet")
    images = dup.scan_images(tmp_path / "a.parquet")
    assert list(images.id) == list(range(25))
    assert list(images.given_width) == [7] * 25
    assert [read_bytes(path) for path in images.path] == list(rows.photo)


def test_of_two_columns_of_bytes_one_has_to_be_named(rows, tmp_path):
    rows.assign(other=rows.photo).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"image must be the column .*'photo', 'other'"):
        dup.scan_images(tmp_path / "a.parquet")
    images = dup.scan_images(tmp_path / "a.parquet", image="other")
    assert images.path[0].startswith("row://other/0::")
    assert "photo" not in images


def test_a_column_with_an_odd_name_is_addressed(rows, tmp_path):
    rows.rename(columns={"photo": "a/b::c %"}).to_parquet(tmp_path / "a.parquet")
    images = dup.scan_images(tmp_path / "a.parquet")
    assert (images.problem == "").all()


def test_classes_of_hugging_face_are_named(rows, tmp_path):
    table = pyarrow.Table.from_pandas(rows.assign(label=[0, 1, -1, 1, 0] * 5))
    known = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
    table = table.replace_schema_metadata({"huggingface": json.dumps(known)})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    images = dup.scan_images(tmp_path / "a.parquet")
    assert list(images.label[:5]) == ["cat", "dog", -1, "dog", "cat"]


@pytest.mark.parametrize("group", [1, 4, 25])
@pytest.mark.parametrize("block", [1, 5000, 10**6])
def test_rows_are_read_in_any_order_whatever_the_blocks(rows, tmp_path, monkeypatch, group, block):
    monkeypatch.setattr(parquet, "ROWS_BYTES", block)
    monkeypatch.setattr(parquet, "_blocks", parquet.ByteCache(3 * block, lambda part: part.nbytes))
    rows.to_parquet(tmp_path / "a.parquet", row_group_size=group)
    paths = [f"row://photo/{k}::{tmp_path}/a.parquet" for k in range(25)]
    order = list(range(25))
    random.Random(1).shuffle(order)
    for k in [*order, *order[::-1]]:
        assert read_bytes(paths[k]) == rows.photo[k]


def test_memory_holds_some_blocks_and_never_the_file(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_BYTES", 4000)
    cache = parquet.ByteCache(20_000, lambda part: part.nbytes)
    monkeypatch.setattr(parquet, "_blocks", cache)
    rows.to_parquet(tmp_path / "a.parquet")
    most = 0
    for k in range(25):
        read_bytes(f"row://photo/{k}::{tmp_path}/a.parquet")
        most = max(most, cache.n_bytes)
    assert 0 < most <= 20_000 < rows.photo.map(len).sum()


@quiet
def test_a_row_without_a_picture_is_a_problem(rows, tmp_path):
    rows.loc[3, "photo"] = None
    rows.loc[4, "photo"] = b"no picture"
    rows.to_parquet(tmp_path / "a.parquet")
    images = dup.scan_images(tmp_path / "a.parquet")
    assert images.problem[3] == "there is no picture in this row"
    assert images.problem[4].startswith("not an image")
    assert (images.problem != "").sum() == 2
    assert list(images.id) == list(range(25))


def test_a_damaged_file_is_one_clear_error(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(ValueError, match=r"the parquet file '.*' is damaged"):
        dup.scan_images(tmp_path / "a.parquet")


@quiet
def test_a_file_whose_pages_are_damaged_gives_rows_with_problems(rows, tmp_path):
    path = tmp_path / "a.parquet"
    rows.to_parquet(path, row_group_size=5, compression="zstd")
    content = bytearray(path.read_bytes())
    content[200:2000] = b"x" * 1800
    path.write_bytes(content)
    images = dup.scan_images(path)
    assert len(images) == 25
    assert 0 < (images.problem != "").sum() < 25


def test_a_file_without_pictures_says_which_column_is_missing(tmp_path):
    pd.DataFrame({"id": [1]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="it has none"):
        dup.scan_images(tmp_path / "a.parquet")


def test_without_pyarrow_the_error_says_what_to_install(rows, tmp_path, monkeypatch):
    rows.to_parquet(tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match=r'pip install "imgdup-nb\[data\]"'):
        dup.scan_images(tmp_path / "a.parquet")


@quiet
def test_a_folder_with_pictures_beside_parquet_is_a_folder(rows, tmp_path):
    rows.to_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.png").write_bytes(png())
    assert list(dup.scan_images(tmp_path).image) == ["a.parquet", "b.png"]


def test_a_file_that_changes_is_read_again(rows, tmp_path):
    rows.to_parquet(tmp_path / "a.parquet")
    first = dup.scan_images(tmp_path / "a.parquet")
    rows[::-1].to_parquet(tmp_path / "a.parquet")
    again = dup.scan_images(tmp_path / "a.parquet")
    assert list(first.sha256)[::-1] == list(again.sha256)

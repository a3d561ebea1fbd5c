"""Pictures behind URLs: a real S3 protocol server on this machine, and fsspec's memory."""

from __future__ import annotations

import warnings

import fsspec
import pandas as pd
import pytest

from imgdup_nb import fingerprint_images, scan_images, similar_pairs
from imgdup_nb.engine.decode import thumbnail
from imgdup_nb.engine.sketches import sketches


@pytest.fixture
def bucket(monkeypatch):
    """Return the URL of an empty bucket on an S3 server of this process."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    options = {"key": "nobody", "secret": "nothing", "endpoint_url": f"http://{host}:{port}"}
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setitem(fsspec.config.conf, "s3", options)
    fsspec.filesystem("s3").makedirs("pictures", exist_ok=True)
    yield "s3://pictures"
    type(fsspec.filesystem("s3")).clear_instance_cache()
    server.stop()


def copy_to(url, folder):
    filesystem, key = fsspec.core.url_to_fs(url)
    for path in folder.rglob("*"):
        if path.is_file():
            filesystem.pipe(f"{key}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def tables(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        images = scan_images(folder)
    sketches.forget()  # so that fingerprints read the files again
    prints = fingerprint_images(images, orientations=True)
    return images.drop(columns=["path", "modified"]), prints.to_frame(), similar_pairs(prints)


@pytest.mark.filterwarnings("ignore")
def test_pictures_in_s3_give_the_tables_of_the_same_pictures_in_a_folder(bucket, photos):
    copy_to(bucket + "/photos", photos)
    for remote, local in zip(tables(bucket + "/photos"), tables(photos), strict=True):
        pd.testing.assert_frame_equal(remote, local)


@pytest.mark.filterwarnings("ignore")
def test_a_bucket_that_is_not_there_is_an_error_as_a_folder_would_be(bucket):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        scan_images(bucket + "/nowhere")


def test_any_store_that_fsspec_knows_will_do(photos, tmp_path):
    copy_to("memory://album", photos)
    ours = tables("memory://album")[0]
    pd.testing.assert_frame_equal(ours, tables(photos)[0])
    listed = scan_images(["memory://album/sub", "memory://album/dog.png"])
    assert list(listed.image) == ["dog.png", "sub/cat blurred.png", "sub/cat.jpg"]
    assert thumbnail("memory://album/dog.png").startswith(b"\xff\xd8")
    assert listed.modified.notna().all()
    with pytest.raises(NotADirectoryError, match="pass a list"):
        scan_images("memory://album/dog.png")

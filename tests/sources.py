"""The same pictures in every source that `scan_images` takes; made on the spot."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import datasets
import fsspec
import numpy as np
import pandas as pd
from PIL import Image

CLASSES = ["cat", "dog"]


class Pairs:
    """A data set as torch has them: a length, and (picture, number of the class) by number."""

    classes = CLASSES

    def __init__(self, pictures, labels):
        self.pictures, self.labels = pictures, labels

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, number):
        return self.pictures[number], CLASSES.index(self.labels[number])


def write_zip(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def write_tar(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1_700_000_000
            archive.addfile(info, io.BytesIO(content))
    return path


def write_folder(path, members):
    for name, content in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def hugging_face(members, labels):
    features = datasets.Features(
        image=datasets.Image(), label=datasets.ClassLabel(names=CLASSES), id=datasets.Value("int64")
    )
    rows = {
        "image": [{"bytes": content, "path": None} for content in members.values()],
        "label": labels,
        "id": list(range(10, 10 + len(members))),
    }
    return datasets.Dataset.from_dict(rows, features=features)


def as_shard(members, labels):
    """Return members of a WebDataset: a picture, its class and what is known of it, by key."""
    shard = {}
    for number, ((name, content), label) in enumerate(zip(members.items(), labels, strict=True)):
        shard[f"{number:03d}{Path(name).suffix}"] = content
        shard[f"{number:03d}.cls"] = str(CLASSES.index(label)).encode()
        shard[f"{number:03d}.json"] = json.dumps({"author": "me"}).encode()
    return shard


def make_sources(folder, members, labels):
    """Return by name: a source of the pictures and the options of `scan_images`."""
    contents = list(members.values())
    pictures = [Image.open(io.BytesIO(content)).convert("RGB") for content in contents]
    plain = write_folder(folder / "plain", members)
    zipped = write_zip(folder / "photos.zip", members)
    shard = as_shard(members, labels)
    half = [
        dict(list(shard.items())[: len(shard) // 2]),
        dict(list(shard.items())[len(shard) // 2 :]),
    ]
    for number, part in enumerate(half):
        write_tar(folder / f"shard-{number:03d}.tar", part)
    rows = pd.DataFrame({"image": [{"bytes": c, "path": "x"} for c in contents], "label": labels})
    rows.to_parquet(folder / "rows.parquet", row_group_size=2)
    (folder / "parts/data").mkdir(parents=True)
    (folder / "parts/README.md").write_text("two splits")
    for split, part in {"train": rows[:2], "test": rows[2:]}.items():
        part.to_parquet(folder / f"parts/data/{split}-00000-of-00001.parquet")
    paths = pd.DataFrame({"file": [str(plain / name) for name in members], "label": labels})
    cropped = np.stack([np.asarray(picture.resize((160, 120))) for picture in pictures])
    ours = hugging_face(members, labels)
    stored = fsspec.filesystem("memory")
    stored.pipe("/chained.zip", zipped.read_bytes())
    stored.pipe("/chained.tar", write_tar(folder / "other.tar", members).read_bytes())
    return {
        "folder": (plain, {"label": "folder"}),
        "list of files": ([plain / name for name in members], {}),
        "DataFrame": (paths, {"path": "file"}),
        "zip": (zipped, {"label": "folder"}),
        "tar": (write_tar(folder / "photos.tar", members), {"label": "folder"}),
        "tar.gz": (write_tar(folder / "photos.tar.gz", members, "w:gz"), {"label": "folder"}),
        "WebDataset": (str(folder / "shard-{000..001}.tar"), {}),
        "parquet": (folder / "rows.parquet", {}),
        "folder of parquet": (folder / "parts", {}),
        "Hugging Face Dataset": (ours, {}),
        "Hugging Face DatasetDict": (
            datasets.DatasetDict(train=ours.select([0, 1]), test=ours.select([2, 3])),
            {},
        ),
        "dict of pictures": (dict(zip(members, [pictures[0], *contents[1:]], strict=True)), {}),
        "array": (cropped, {}),
        "list of pictures": (pictures, {}),
        "torch data set": (Pairs(pictures, labels), {}),
        "chain of a local zip": (f"zip://**/*.*::{zipped}", {"label": "folder"}),
        "chain of a remote zip": ("zip://*/*::memory://chained.zip", {"label": "folder"}),
        "chain of a remote tar": ("tar://::memory://chained.tar", {"label": "folder"}),
        "dict of splits": ({"train": plain / "cat", "test": plain / "dog"}, {}),
    }

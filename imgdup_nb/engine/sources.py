"""What `scan_images` takes becomes names, addresses and the columns that come along.

Folders and lists of paths are listed by `files`. Here are all other sources: archives, parquet
files, tables, data sets, arrays, and collections of several of them.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from .addresses import (
    Member,
    archive_kind,
    is_url,
    member_address,
    row_address,
    split_local,
)
from .annotations import labels_of_coco, labels_of_yolo
from .archives import Archive, open_archive
from .checks import check_choice, check_path
from .files import (
    FileList,
    _absolute,
    _File,
    exists,
    find_files,
    is_folder,
    key_in_chain,
    list_chain,
    list_files,
    printable,
)
from .held import Held, hold, is_picture
from .parquet import name_classes, open_parquet
from .selection import Selection, matches_from_top

SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
}
SIDE_MEMBERS = {".json", ".cls", ".txt"}  # of a WebDataset
SIDE_BYTES = 2**20  # bytes of one of them
BESIDE_PARQUET = {".md", ".json", ".txt", ".csv", ".yaml", ".yml", ""}
BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")


@dataclass
class Listed:
    """The pictures of a source.

    Attributes
    ----------
    files
        name and address of each; names are unique.
    columns
        one row per file: what comes along, such as label and split.
    left_out
        folders of the system that were not entered.
    late
        returns the labels, by the place of a file, that are known once the pictures are read.
    """

    files: list[_File]
    columns: pd.DataFrame
    left_out: list[str] = field(default_factory=list)
    late: Callable[[], Mapping[int, Any]] = dict

    @classmethod
    def of(cls, listed: FileList) -> Listed:
        """Return files that bring no columns."""
        return cls(listed.files, _no_columns(len(listed.files)), listed.left_out)


@dataclass(frozen=True)
class Asked:
    """What a user says of a source: which columns, and which names are wanted."""

    path: str = "path"
    image: str = "image"
    label: str | os.PathLike[str] | None = None
    selection: Selection = field(default_factory=Selection)


def list_source(source: Any, asked: Asked) -> Listed:
    """Return the pictures of whatever `scan_images` takes.

    Raises
    ------
    FileNotFoundError, NotADirectoryError, TypeError, ValueError, ImportError
        as `scan_images` documents them.
    """
    is_file = isinstance(asked.label, os.PathLike) or str(asked.label).lower().endswith(".json")
    if asked.label is not None and not is_file:
        check_choice("label", str(asked.label), ["folder", "yolo", "annotations.json"])
    listed = _list(source, asked)
    if asked.label is not None:
        listed.columns = listed.columns.assign(**_labels_beside(listed.files, asked.label))
    wanted = [k for k, file in enumerate(listed.files) if asked.selection.takes(file.image)]
    if len(wanted) == len(listed.files):
        return listed
    late, place = listed.late, {old: new for new, old in enumerate(wanted)}
    return Listed(
        [listed.files[k] for k in wanted],
        listed.columns.iloc[wanted].reset_index(drop=True),
        listed.left_out,
        lambda: {place[k]: value for k, value in late().items() if k in place},
    )


def _list(source: Any, asked: Asked) -> Listed:
    if type(source).__module__.split(".")[0] == "datasets":
        return _list_hugging_face(source, asked)
    if isinstance(source, str | os.PathLike):
        return _list_path(check_path("source", source, "photos"), asked)
    if hasattr(source, "columns") and not isinstance(source, pd.DataFrame):
        convert = getattr(source, "to_pandas", None) or getattr(source, "to_df", None)
        source = convert() if callable(convert) else source  # polars and pyarrow, or duckdb
    if isinstance(source, pd.DataFrame):
        return _list_table(source, asked)
    if isinstance(source, Mapping):
        return _list_mapping(source, asked)
    if isinstance(source, np.ndarray) and source.dtype != object:
        return _list_array(source, asked)
    if isinstance(source, pd.Series | pd.Index | np.ndarray):
        source = list(source)
    if isinstance(source, Sequence) or not hasattr(source, "__getitem__"):
        source = source if isinstance(source, Sequence) else _as_list(source)
        if isinstance(source, Sequence):
            first = source[0] if len(source) else ""
            if isinstance(first, str | os.PathLike):
                return _list_path_list(list(source), asked)
            if not _is_item(first):
                return Listed.of(list_files(source, asked.selection))
    if not (hasattr(source, "__len__") and hasattr(source, "__getitem__")):
        return Listed.of(list_files(source, asked.selection))  # which says what it has to be
    return _list_items(source, asked)


def _as_list(source: Any) -> Any:
    return list(source) if isinstance(source, Iterable) else source


# -- paths -----------------------------------------------------------------------------------------


def _list_path(source: str, asked: Asked) -> Listed:
    """List a folder, an archive, a parquet file or a folder of them, shards, or a URL."""
    if "::" in source and is_url(source):
        return _list_chains([source], asked)
    if is_url(source):
        return Listed.of(list_files(source, asked.selection))
    path = _absolute(source)
    if not os.path.exists(path) and BRACES.search(path):
        return _list_containers(_expand(path), asked)
    if os.path.isfile(path) and _is_container(path):
        return _list_containers([path], asked)
    if os.path.isdir(path) and (files := _parquet_files(path)):
        return _list_containers(files, asked)
    return Listed.of(list_files(source, asked.selection))


def _list_path_list(source: list[Any], asked: Asked) -> Listed:
    texts = [os.fspath(path) for path in source if isinstance(path, str | os.PathLike)]
    if len(texts) == len(source):
        if any("::" in text and is_url(text) for text in texts):
            return _list_chains(texts, asked)
        if texts and all(map(_is_container_file, texts)):
            return _list_containers(list(dict.fromkeys(map(_absolute, texts))), asked)
    return Listed.of(list_files(source, asked.selection))


def _is_container_file(text: str) -> bool:
    path = "" if is_url(text) else _absolute(text)
    return _is_container(path) and os.path.isfile(path)


def _is_container(path: str) -> bool:
    return bool(archive_kind(path)) or path.lower().endswith((".parquet", ".pq"))


def _expand(path: str) -> list[str]:
    """Return the names that `shard-{000..010}.tar` stands for."""
    found = BRACES.search(path)
    if found is None:
        return [path]
    first, last = found.groups()
    numbers = [str(k).zfill(len(first)) for k in range(int(first), int(last) + 1)]
    names = [path[: found.start()] + number + path[found.end() :] for number in numbers]
    return [expanded for name in names for expanded in _expand(name)]


def _parquet_files(folder: str) -> list[str]:
    """Return the parquet files of a folder that holds nothing else but their descriptions."""
    found = []
    for above, below, names in os.walk(folder):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in names:
            suffix = os.path.splitext(name)[1].lower()
            if suffix in {".parquet", ".pq"}:
                found.append(os.path.join(above, name))
            elif not name.startswith(".") and suffix not in BESIDE_PARQUET:
                return []
    return sorted(found)


def _list_containers(paths: list[str], asked: Asked) -> Listed:
    """List archives and parquet files; with several, names begin with the name of the file."""
    for path in paths:
        if not os.path.exists(path):
            raise FileNotFoundError(f"{path!r} does not exist")
    root = (
        os.path.dirname(paths[0])
        if len(paths) == 1
        else os.path.commonpath([os.path.dirname(path) for path in paths])
    )
    parts = []
    for path in paths:
        name = os.path.splitext(os.path.relpath(path, root))[0].replace(os.sep, "/")
        kind = archive_kind(path)
        part = (
            _list_archive(open_archive(kind, path), kind, asked.selection)
            if kind
            else _list_parquet(path, asked)
        )
        if len(paths) > 1:
            part.files = [
                _File(f"{printable(name)}/{file.image}", file.path) for file in part.files
            ]
        parts.append(part)
    splits = [_split_of(os.path.relpath(path, root)) for path in paths]
    if all(splits) and not any("split" in part.columns for part in parts):
        for part, split in zip(parts, splits, strict=True):
            part.columns = part.columns.assign(split=split)
    return _join_parts(parts)


def _split_of(path: str) -> str:
    """Return the split that a path such as `data/train-00000-of-00002.parquet` names."""
    words = re.split(r"[^a-z]+", path.lower())
    return next((SPLITS[word] for word in words if word in SPLITS), "")


# -- archives --------------------------------------------------------------------------------------


def _list_archive(archive: Archive, kind: str, selection: Selection, pattern: str = "") -> Listed:
    """List the members of an archive; side members of a WebDataset become columns."""
    names = [
        name
        for name in archive.entries
        if not pattern or matches_from_top(name.split("/"), pattern.rstrip("/").split("/"))
    ]
    sides = _side_members(names) if kind == "tar" else {}
    listed, left_out = list_chain(
        ((name, member_address(kind, name, archive.path)) for name in names if name not in sides),
        selection,
    )
    columns = _no_columns(len(listed))
    if sides:
        by_key: dict[str, dict[str, Any]] = defaultdict(dict)
        for name, (key, suffix) in sides.items():
            by_key[key] |= _read_side(archive, name, suffix)
        members = [split_local(file.path) for file in listed]
        keys = [_key_of(member.name)[0] if member else "" for member in members]
        columns = pd.DataFrame([by_key.get(key, {}) for key in keys], index=range(len(listed)))
    return Listed(listed, columns, left_out)


def _key_of(name: str) -> tuple[str, str]:
    """Return the key and the suffix of a member, as WebDataset splits them: at the first dot."""
    folder, slash, base = name.rpartition("/")
    stem, dot, suffix = base.partition(".")
    return folder + slash + stem, (dot + suffix).lower()


def _side_members(names: list[str]) -> dict[str, tuple[str, str]]:
    """Return key and suffix of the members that say something of a picture of the same key."""
    split = {name: _key_of(name) for name in names}
    with_picture = {key for key, suffix in split.values() if suffix not in SIDE_MEMBERS}
    return {
        name: (key, suffix)
        for name, (key, suffix) in split.items()
        if suffix in SIDE_MEMBERS and key in with_picture
    }


def _read_side(archive: Archive, name: str, suffix: str) -> dict[str, Any]:
    text = archive.read_head(name, SIDE_BYTES).decode("utf-8", "replace").strip()
    if suffix == ".cls":
        return {"cls": int(text) if re.fullmatch(r"-?\d{1,18}", text) else text}
    if suffix == ".txt":
        return {"txt": text}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text  # damaged: what is there is kept
    if isinstance(value, dict):
        return {str(key): one for key, one in value.items()}
    return {"json": value}


# -- chains ----------------------------------------------------------------------------------------


def _list_chains(urls: list[str], asked: Asked) -> Listed:
    """List chains such as `zip://*.jpg::s3://bucket/x.zip`, and single members by their address."""
    if len(urls) == 1:
        return _list_chain(urls[0], asked)
    parts = []
    for url in urls:
        try:
            parts.append(_list_chain(url, asked))
        except FileNotFoundError:  # a row with a problem
            parts.append(Listed([_File(printable(key_in_chain(url)), url)], _no_columns(1)))
    return _join_parts(parts)


def _list_chain(url: str, asked: Asked) -> Listed:
    member = split_local(url)
    if member is None or member.scheme == "row":
        return _list_elsewhere(url, asked) if member is None else _one_member(member, url)
    archive = open_archive(member.scheme, member.file)
    if member.name in archive.entries:
        return _one_member(member, url)
    pattern = member.name.lstrip("/")
    listed = _list_archive(archive, member.scheme, asked.selection, pattern)
    if pattern and not listed.files:
        raise FileNotFoundError(f"{url!r} does not exist: the archive holds no such member")
    return listed


def _one_member(member: Member, url: str) -> Listed:
    address = f"{member.scheme}://{member.name}::{member.file}" if member.file else url
    return Listed([_File(printable(member.name), address)], _no_columns(1))


def _list_elsewhere(url: str, asked: Asked) -> Listed:
    if not exists(url):
        raise FileNotFoundError(f"{url!r} does not exist")
    if not is_folder(url):
        return Listed([_File(printable(key_in_chain(url)), url)], _no_columns(1))
    root = key_in_chain(url).rstrip("/") + "/"
    named = ((key_in_chain(one).removeprefix(root).lstrip("/"), one) for one in find_files(url))
    listed, left_out = list_chain(named, asked.selection)
    return Listed(listed, _no_columns(len(listed)), left_out)


# -- tables ----------------------------------------------------------------------------------------


def _list_parquet(path: str, asked: Asked) -> Listed:
    pictures = open_parquet(path, asked.image)
    files = [
        _File(name, row_address(pictures.column, row, path))
        for row, name in enumerate(_names_of_rows(len(pictures)))
    ]
    return Listed(files, pictures.columns())


def _list_table(table: pd.DataFrame, asked: Asked) -> Listed:
    """List the paths of a column, or the pictures of one; all other columns come along."""
    table = table.reset_index(drop=True)
    if asked.path in table:
        return _list_path_column(table, asked)
    if asked.image in table and any(map(is_picture, table[asked.image])):
        values = list(table[asked.image])
        listed = _hold(Held(values.__getitem__), _names_of_rows(len(values)), "")
        listed.columns = table.drop(columns=[asked.image])
        return listed
    raise ValueError(
        f"path must be the column of paths, such as path={str(next(iter(table), 'file'))!r}, and "
        f"source has no column {asked.path!r}; it has {', '.join(map(repr, table.columns))}"
    )


def _list_path_column(table: pd.DataFrame, asked: Asked) -> Listed:
    given = [
        os.fspath(path) if isinstance(path, str | os.PathLike) else "" for path in table[asked.path]
    ]
    paths = [path if is_url(path) or not path else _absolute(path) for path in given]
    names = table["image"] if "image" in table and asked.path != "image" else None
    if names is not None and all(isinstance(name, str) for name in names) and names.is_unique:
        images, table = list(names), table.drop(columns=["image"])
    else:
        images = _names_of_paths(given, paths)
    files = [_File(image, path) for image, path in zip(images, paths, strict=True)]
    drop = [asked.path] if asked.path == "path" else []
    return Listed(_with_unique_names(files), table.drop(columns=drop))


def _names_of_paths(given: list[str], paths: list[str]) -> list[str]:
    """Return relative paths as they were given, and absolute ones from their common folder on."""
    local = [path for path in paths if path and not is_url(path)]
    if any(map(os.path.isabs, given)) and local:
        root = os.path.commonpath([os.path.dirname(path) for path in local])
        below = len(os.path.join(root, ""))
        shown = [path if is_url(path) else path[below:] for path in paths]
    else:
        shown = given
    return [printable(name.replace(os.sep, "/")) or "no path" for name in shown]


def _list_hugging_face(source: Any, asked: Asked) -> Listed:
    """List a `Dataset`, or the splits of a `DatasetDict`, without decoding."""
    if isinstance(source, Mapping):
        return _list_splits(source, asked)
    if not hasattr(source, "__len__"):
        raise TypeError(
            "source must be a data set with a length, and a streamed one has none: "
            "save some of it with Dataset.from_list(list(source.take(1000)))"
        )
    import datasets

    features = source.features
    column = asked.image
    if column not in features:
        with_pictures = [name for name, kind in features.items() if type(kind) is datasets.Image]
        if len(with_pictures) != 1:
            raise ValueError(
                f"image must be the column of pictures, and source has no column {column!r}; it "
                f"has {', '.join(map(repr, features))}"
            )
        column = with_pictures[0]
    pictures = source.select_columns([column]).with_format(None)
    if isinstance(features[column], datasets.Image):
        pictures = pictures.cast_column(column, datasets.Image(decode=False))
    listed = _hold(Held(lambda row: pictures[row][column]), _names_of_rows(len(source)), "")
    heavy = (datasets.Image, datasets.Audio)
    others = [name for name in features if name != column and not isinstance(features[name], heavy)]
    if others:
        listed.columns = source.select_columns(others).with_format(None).to_pandas()
    for name in others:
        if isinstance(features[name], datasets.ClassLabel):
            listed.columns[name] = name_classes(listed.columns[name], features[name].names)
    return listed


# -- in memory -------------------------------------------------------------------------------------


def _list_mapping(source: Mapping[Any, Any], asked: Asked) -> Listed:
    """List pictures by name; or sources by the name of their split."""
    if not source or all(map(is_picture, source.values())):
        names, values = [str(name) for name in source], list(source.values())
        return _hold(Held(values.__getitem__), [printable(name) for name in names], "")
    return _list_splits(source, asked)


def _list_splits(source: Mapping[Any, Any], asked: Asked) -> Listed:
    parts = []
    for split, one in source.items():
        part = _list(one, asked)
        if "split" not in part.columns:
            part.columns = part.columns.assign(split=str(split))
        name = printable(str(split))
        part.files = [_File(f"{name}/{file.image}", file.path) for file in part.files]
        parts.append(part)
    return _join_parts(parts)


def _list_array(source: np.ndarray, asked: Asked) -> Listed:
    if source.ndim not in (3, 4) or (source.ndim == 3 and source.shape[2] in (1, 3, 4)):
        sides = " x ".join(map(str, source.shape))
        raise ValueError(
            f"source must be an array of n x height x width (x 3), not {sides}; one picture is "
            'given by name: scan_images({"name": array})'
        )
    return _hold(Held(source.__getitem__), _names_of_rows(len(source)), "")


def _list_items(source: Any, asked: Asked) -> Listed:
    """List a sequence of pictures, or of (picture, label), such as the data sets of torch."""
    held = Held(source.__getitem__)
    if isinstance(source, list | tuple):
        held = Held(list(source).__getitem__)
    listed = _hold(held, _names_of_rows(len(source)), asked.image)
    classes = getattr(source, "classes", None)
    names = dict(enumerate(classes)) if isinstance(classes, list | tuple) else {}
    listed.late = lambda: {
        k: names.get(label, label) if isinstance(label, int) else label
        for k, label in held.labels.items()
    }
    return listed


def _is_item(value: Any) -> bool:
    """Tell whether a value is a picture, or a picture and its label."""
    if isinstance(value, tuple | list) and len(value) > 1:
        value = value[0]
    return is_picture(value) or isinstance(value, dict)


def _hold(held: Held, names: list[str], image: str) -> Listed:
    start = hold(held, image)
    files = [_File(name, f"{start}{number}") for number, name in enumerate(names)]
    return Listed(_with_unique_names(files), _no_columns(len(files)))


# -- parts -----------------------------------------------------------------------------------------


def _no_columns(n_rows: int) -> pd.DataFrame:
    return pd.DataFrame(index=range(n_rows))


def _names_of_rows(n_rows: int) -> list[str]:
    """Return names that sort as the rows do."""
    width = max(6, len(str(n_rows)))
    return [f"{row:0{width}d}" for row in range(n_rows)]


def _with_unique_names(files: list[_File]) -> list[_File]:
    """Return the files; those that have the name of an earlier one get the number of their row."""
    counts = Counter(file.image for file in files)
    if len(counts) == len(files):
        return files
    seen, named = set(), []
    for row, file in enumerate(files):
        name = file.image
        while name in seen or (name != file.image and name in counts):
            name = f"{name} (row {row})"
        seen.add(name)
        named.append(_File(name, file.path))
    return named


def _join_parts(parts: list[Listed]) -> Listed:
    if len(parts) == 1:
        return parts[0]
    files = [file for part in parts for file in part.files]
    starts = np.cumsum([0, *(len(part.files) for part in parts)])
    columns = pd.concat([part.columns for part in parts], ignore_index=True) if parts else None
    return Listed(
        _with_unique_names(files),
        _no_columns(0) if columns is None else columns,
        sorted(name for part in parts for name in part.left_out),
        lambda: {
            int(start) + k: label
            for start, part in zip(starts, parts, strict=False)
            for k, label in part.late().items()
        },
    )


def _labels_beside(files: list[_File], label: str | os.PathLike[str]) -> dict[str, list[str]]:
    """Return what the folders, COCO's file or YOLO's files say: label, perhaps split."""
    if label == "folder":
        return _labels_of_folders(files)
    if label == "yolo":
        found = {"label": labels_of_yolo([file.path for file in files])}
        splits = [_split_of(file.image.rpartition("/")[0]) for file in files]
        return found | ({"split": splits} if all(splits) else {})
    return {"label": labels_of_coco(label, [file.image for file in files])}


def _labels_of_folders(files: list[_File]) -> dict[str, list[str]]:
    """Return label, and split if the top folders are splits, by the folders as ImageFolder does."""
    parts = [file.image.split("/") for file in files]
    tops = {part[0].lower() for part in parts if len(part) > 1}
    if tops and tops <= set(SPLITS) and all(len(part) > 2 for part in parts):
        return {
            "split": [SPLITS[part[0].lower()] for part in parts],
            "label": [part[1] for part in parts],
        }
    return {"label": [part[0] if len(part) > 1 else "" for part in parts]}

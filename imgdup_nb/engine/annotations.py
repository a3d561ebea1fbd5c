"""Labels from annotation files beside pictures: COCO's JSON, and the text files of YOLO.

Such annotations name the objects in a picture. Its label is the names of their classes, sorted.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

YOLO_NAMES = ("data.yaml", "dataset.yaml", "data.yml", "classes.txt", "obj.names")
JOINED = ", "  # between the classes of one picture


def labels_of_coco(file: str | os.PathLike[str], images: Sequence[str]) -> list[str]:
    """Return the label of each image by a COCO file, empty where it has no annotation.

    Parameters
    ----------
    file
        the JSON file, such as `instances_val2017.json`.
    images
        names of images. A name belongs to the `file_name` that it is, or ends with; else to the one
        with the same last part, if there is only one.

    Raises
    ------
    FileNotFoundError, ValueError
        if there is no such file, or it is no COCO file, or it names none of the images.
    """
    try:
        known = json.loads(Path(file).read_text(encoding="utf-8"))
        names = {one["id"]: str(one["name"]) for one in known["categories"]}
        files = {one["id"]: str(one["file_name"]) for one in known["images"]}
        held = [(files[one["image_id"]], names[one["category_id"]]) for one in known["annotations"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"label must be 'folder', 'yolo' or a COCO file, and {os.fspath(file)!r} is none "
            f"({type(error).__name__}: {error})"
        ) from error
    classes: dict[str, set[str]] = {name: set() for name in files.values()}
    for name, label in held:
        classes[name].add(label)
    by_end: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        by_end[PurePosixPath(name).name].append(name)
    labels = [_find_classes(image, classes, by_end) for image in images]
    if images and all(label is None for label in labels):
        raise ValueError(f"{os.fspath(file)!r} names none of the images, such as {images[0]!r}")
    return [JOINED.join(sorted(label or ())) for label in labels]


def _find_classes(
    image: str, classes: dict[str, set[str]], by_end: dict[str, list[str]]
) -> set[str] | None:
    if image in classes:
        return classes[image]
    same_end = by_end.get(PurePosixPath(image).name, [])
    fitting = [name for name in same_end if image.endswith(f"/{name}")]
    chosen = fitting or same_end
    return classes[chosen[0]] if len(chosen) == 1 else None


def labels_of_yolo(paths: Sequence[str]) -> list[str]:
    """Return the label of each file by the text file that YOLO keeps for it, empty without one.

    For `images/train/1.jpg` that is `labels/train/1.txt`, else `images/train/1.txt`. The names of
    the classes are in data.yaml, classes.txt or obj.names in a folder above; else numbers are used.

    Raises
    ------
    ValueError
        if no file has such a text file.
    """
    found = [_yolo_numbers(path) for path in paths]
    if paths and all(numbers is None for numbers in found):
        raise ValueError(
            "label='yolo' needs text files of YOLO, in the folder labels or beside the pictures, "
            f"and there is none for {paths[0]!r}"
        )
    names: dict[str, dict[int, str]] = {}
    labels = []
    for path, numbers in zip(paths, found, strict=True):
        folder = os.path.dirname(path)
        if folder not in names:
            names[folder] = _yolo_names(folder)
        known = names[folder]
        labels.append(JOINED.join(sorted(known.get(n, str(n)) for n in numbers or ())))
    return labels


def _yolo_numbers(path: str) -> set[int] | None:
    """Return the classes in the text file of a picture; None if it has none."""
    parts = list(Path(path).with_suffix(".txt").parts)
    places = [place for place, part in enumerate(parts[:-1]) if part == "images"]
    candidates = [parts]
    if places:
        candidates.insert(0, [*parts[: places[-1]], "labels", *parts[places[-1] + 1 :]])
    for candidate in candidates:
        file = Path(*candidate)
        if str(file) != path and file.is_file():
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            return {int(line.split()[0]) for line in lines if re.match(r"\s*\d+(\s|$)", line)}
    return None


def _yolo_names(folder: str) -> dict[int, str]:
    """Return the names of the classes by number, from the nearest file above a folder."""
    for above in [Path(folder), *Path(folder).parents][:4]:
        for name in YOLO_NAMES:
            if (above / name).is_file():
                text = (above / name).read_text(encoding="utf-8", errors="replace")
                return _read_yaml_names(text) if "yaml" in name or "yml" in name else _lines(text)
    return {}


def _lines(text: str) -> dict[int, str]:
    return dict(enumerate(line.strip() for line in text.splitlines() if line.strip()))


def _read_yaml_names(text: str) -> dict[int, str]:
    """Read `names:` of a data.yaml, which is a list or a table of numbers and names."""
    one_line = re.search(r"^names:\s*\[(.*?)\]", text, re.M | re.S)
    if one_line:
        return dict(enumerate(_unquoted(one_line.group(1).split(","))))
    block = re.search(r"^names:\s*\n((?:[ \t]*(?:-|\d+:).*\n?)+)", text, re.M)
    lines = block.group(1).splitlines() if block else []
    entries: dict[int, str] = {}
    for place, line in enumerate(lines):
        number, colon, name = line.strip().partition(":")
        is_numbered = colon and number.isdigit()
        key = int(number) if is_numbered else place
        entries[key] = _unquoted([name if is_numbered else line.strip().removeprefix("-")])[0]
    return entries


def _unquoted(texts: Iterable[Any]) -> list[str]:
    return [str(text).split(" #")[0].strip().strip("'\"") for text in texts]

"""Which of two equal files is the original, by time and name, and in which folder a file lies."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..engine.copies import original_order
from ..engine.paths import name_key

SAME_TIME = 2.0  # seconds; the step of times on FAT disks
COPY_WORDS = re.compile(
    r"\(\d+\)|\bcop(y|ies|ie|ia|ias)\b|\bkopien?\b|kopi[aeo]\b|-edited|conflict|~\d+$|duplicate|"
    r"\bbackup\b|^fb_|^\._|副本|コピー",
    re.IGNORECASE,
)
COPY_FOLDERS = re.compile(
    r"\b(downloads?|cop(y|ies)|kopien?|backups?|old|te?mp|cache|thumb(nail)?s?|duplicates?|spare|"
    r"whatsapp|telegram|sent|attachments?|exports?|web)\b",
    re.IGNORECASE,
)
BINS = re.compile(
    r"^(\$recycle\.bin|recycler|recycled|@recycle|\.?trash.*|#recycle|lost\+found|deleted items|"
    r"papierkorb|corbeille)$",
    re.IGNORECASE,
)


def compare_provenance(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    """Return a number below 0 where the first of two rows is more likely the original.

    The earlier time of change, the camera's own file, the plainer name, the plainer folder.

    Examples
    --------
    >>> compare_provenance({"image": "IMG_1.jpg"}, {"image": "Copy of IMG_1.jpg"})
    -1
    """
    older, newer = sorted([one, other], key=_changed)
    if _changed(newer) > _changed(older) + SAME_TIME:
        return -1 if older is one else 1
    for key in (_is_not_camera, _count_copy_words, _folder_words):
        values = key(one), key(other)
        if values[0] != values[1]:
            return -1 if values[0] < values[1] else 1
    names = _stem(one["image"]), _stem(other["image"])
    if names[0] != names[1] and (names[0] in names[1] or names[1] in names[0]):
        return -1 if names[0] in names[1] else 1
    orders = original_order(one["image"]), original_order(other["image"])
    return 0 if orders[0] == orders[1] else -1 if orders[0] < orders[1] else 1


def _changed(row: Mapping[str, Any]) -> float:
    """Return the time of change in seconds, infinite where it is not known."""
    time = row.get("modified")
    return math.inf if time is None or pd.isna(time) else pd.Timestamp(time).timestamp()


def _is_not_camera(row: Mapping[str, Any]) -> bool:
    return not row.get("is_camera", False)


def _stem(image: str) -> str:
    """Return the name without folder and ending, in one form and case."""
    name = name_key(image).rpartition("/")[2]
    return os.path.splitext(name)[0].casefold()


def _count_copy_words(row: Mapping[str, Any]) -> int:
    return len(COPY_WORDS.findall(_stem(row["image"])))


def _folder_words(row: Mapping[str, Any]) -> int:
    return len(COPY_FOLDERS.findall(row["image"].rpartition("/")[0]))


def is_bin(image: str) -> bool:
    """Tell whether a file lies in a bin or another folder of the system.

    Examples
    --------
    >>> is_bin("$RECYCLE.BIN/S-1-5/a.jpg"), is_bin("trips/a.jpg")
    (True, False)
    """
    return any(BINS.match(part) for part in image.split("/")[:-1])


def same_shot(one: str, other: str) -> bool:
    """Tell whether two files lie in one folder under one name with different endings.

    Examples
    --------
    >>> same_shot("card/DSC_1.JPG", "card/DSC_1.nef"), same_shot("a/DSC_1.JPG", "b/DSC_1.NEF")
    (True, False)
    """
    folders = os.path.dirname(one), os.path.dirname(other)
    stems = [_stem(path.replace(os.sep, "/")) for path in (one, other)]
    return folders[0] == folders[1] and stems[0] == stems[1]


def lies_in(image: str, path: str, folder: str | os.PathLike[str]) -> bool:
    """Tell whether an image lies in a folder, by its name in the collection or by its path.

    Examples
    --------
    >>> lies_in("originals/a.jpg", "/photos/originals/a.jpg", "originals/")
    True
    """
    name = name_key(os.fspath(folder))
    whole = name_key(path if os.path.isabs(name) else image)
    whole, start = (os.path.normcase(os.path.normpath(text)) for text in (whole, name))
    return start == os.curdir or whole.startswith(os.path.join(start, ""))

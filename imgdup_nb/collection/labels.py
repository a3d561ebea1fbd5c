"""Labels of pairs, and tags with their reference pictures, as rows of the index."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from ..evidence.labels import ANSWERS
from .rescan import file_name
from .store import Overtaken, Store

KINDS_OF_TAGS = {(str, str, "blob")}  # tag, image, contents


def save_labels(store: Store, pairs: Iterable[tuple[bytes, bytes]], label: str | None) -> None:
    """Keep one label of pairs of files, of all or none; None withdraws the labels before."""
    ends, made = [sorted(pair) for pair in pairs], _now()
    with store.transaction(images=False) as run:
        run("DELETE FROM labels WHERE one = ? AND other = ?", ends, many=True)
        if label is not None:
            for file in {end for pair in ends for end in pair}:
                if not run("SELECT 1 FROM images WHERE file = ?", (file,)):
                    raise Overtaken  # another process has just moved it
            digests = "(SELECT sha256 FROM images WHERE file = ?)"
            rows = ((one, other, label, made, one, other) for one, other in ends)
            run(
                f"INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?, {digests}, {digests})",
                rows,
                many=True,
            )


def read_labels(store: Store) -> pd.DataFrame:
    """Return the table that `Collection.labels` documents."""
    rows = store.read(
        "SELECT one, other, one_sha256, other_sha256, label, made, "
        "coalesce(a.sha256 != one_sha256 OR b.sha256 != other_sha256, 0), a.image, b.image "
        "FROM labels LEFT JOIN images a ON a.file = one LEFT JOIN images b ON b.file = other"
    )
    with store.decoding("labels"):
        if not {type(digest) for row in rows for digest in row[2:4]} <= {str}:
            raise ValueError("a digest is no text")
        names = [
            sorted([a or storable(file_name(one)), b or storable(file_name(other))])
            for one, other, *_, a, b in rows
        ]
        table = pd.DataFrame(
            {
                "left": pd.Series([pair[0] for pair in names], dtype=object),
                "right": pd.Series([pair[1] for pair in names], dtype=object),
                "label": pd.Series([row[4] for row in rows], dtype=object),
                "made": _times([row[5] for row in rows]),
                "changed": np.array([row[6] for row in rows], dtype=bool),
            }
        )
        if not set(table.label) <= set(ANSWERS):
            raise ValueError("no such label")
    return table.sort_values(["left", "right"], ignore_index=True)


def replace_missing(store: Store, labels: pd.DataFrame) -> pd.DataFrame:
    """Return labels, oldest first, in which present copies replace missing images."""
    labels, copies = labels.sort_values("made", kind="stable"), _present_copies(store)
    for side in ("left", "right"):
        labels = labels.assign(**{side: [copies.get(name, name) for name in labels[side]]})
    return labels[labels.left != labels.right]


def _present_copies(store: Store) -> dict[str, str]:
    """Return, for each labelled image that is missing, a present one of the same contents."""
    return dict(
        store.read(
            "SELECT a.image, min(b.image) FROM (SELECT one AS file FROM labels UNION SELECT other "
            "FROM labels) "
            "JOIN images a USING (file) JOIN images b ON b.sha256 = a.sha256 AND b.state = "
            "'present' "
            "WHERE a.state != 'present' AND a.sha256 != '' GROUP BY a.image"
        )
    )


def save_tag(store: Store, tag: str, image: str, contents: bytes) -> None:
    """Keep a reference picture, in place of the one before."""
    with store.transaction(images=False) as run:
        run(
            "INSERT OR REPLACE INTO tags VALUES (?, ?, ?, ?)",
            (tag, storable(image), _now(), contents),
        )


def read_tags(store: Store) -> pd.DataFrame:
    """Return the table that `Collection.tags` documents."""
    rows = store.read(
        "SELECT tag, image, length(contents), made, typeof(contents) FROM tags ORDER BY tag"
    )
    with store.decoding("tags"):
        if not {(type(tag), type(image), kind) for tag, image, *_, kind in rows} <= KINDS_OF_TAGS:
            raise ValueError("a value of another kind")
        rows = [row[:-1] for row in rows]
        table = pd.DataFrame(rows, columns=["tag", "image", "bytes", "made"])
        return table.assign(made=_times(list(table.made)))


def read_pictures(store: Store) -> dict[str, bytes]:
    """Return the reference picture of each tag."""
    read_tags(store)  # says where a row is damaged
    return dict(store.read("SELECT tag, contents FROM tags"))


def storable(text: str) -> str:
    """Return a text that SQLite can hold; one with lone surrogates is no image's name."""
    return text.encode("utf-8", "replace").decode()


def _times(texts: list[str]) -> pd.Series:
    if not set(map(type, texts)) <= {str}:
        raise ValueError("a time is no text")
    return pd.to_datetime(pd.Series(texts, dtype=object), format="ISO8601", utc=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")

"""What a `path` may address beside a file.

- `zip://MEMBER::ARCHIVE` and `tar://MEMBER::ARCHIVE`: a member of an archive on this machine
- `row://COLUMN/NUMBER::FILE`: a row of a parquet file
- `item://SOURCE/NUMBER`: a picture of a source in the memory of this process
- every other text with `://` is a URL, which fsspec opens
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

ARCHIVES = ("zip", "tar")
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
ZIP_SUFFIXES = (".zip",)
UNCHANGED = ("zip://", "tar://", "row://", "item://")  # what these address is never changed


class UnreadableMember(Exception):
    """A member or row that cannot be read, with the reason in words."""


class Member(NamedTuple):
    """An address of a member or a row: what is addressed in which file."""

    scheme: str
    name: str
    file: str


def is_url(path: Any) -> bool:
    """Tell whether a path is an address or a URL, and no path of this machine.

    Examples
    --------
    >>> is_url("s3://bucket/a.jpg"), is_url("zip://a.jpg::/x.zip"), is_url("photos/a.jpg")
    (True, True, False)
    """
    return isinstance(path, str) and "://" in path


def name_in_address(path: str) -> str:
    """Return the path that an address names, whose suffix is that of the picture.

    Examples
    --------
    >>> name_in_address("zip://a/b.dng::/x.zip"), name_in_address("d.cr2")
    ('a/b.dng', 'd.cr2')
    """
    part = next((part for part in path.split("::") if is_url(part)), "")
    return part.split("://", 1)[1] if part else path


def is_inside_a_source(path: Any) -> bool:
    """Tell whether a path addresses a part of an archive, of a table or of memory."""
    return isinstance(path, str) and path.startswith(UNCHANGED)


def archive_kind(path: str) -> str:
    """Return "zip" or "tar" by the suffix of a file; empty for all other files.

    Examples
    --------
    >>> archive_kind("a.ZIP"), archive_kind("a.tar.gz"), archive_kind("a.jpg")
    ('zip', 'tar', '')
    """
    name = path.lower()
    if name.endswith(ZIP_SUFFIXES):
        return "zip"
    return "tar" if name.endswith(TAR_SUFFIXES) else ""


def member_address(kind: str, name: str, archive: str) -> str:
    """Return the address of a member of an archive.

    Examples
    --------
    >>> member_address("zip", "a/b.jpg", "/x.zip")
    'zip://a/b.jpg::/x.zip'
    """
    return f"{kind}://{name}::{archive}"


def row_address(column: str, row: int, file: str) -> str:
    """Return the address of a row of a parquet file.

    Examples
    --------
    >>> row_address("image", 17, "/x.parquet")
    'row://image/17::/x.parquet'
    """
    return f"row://{quote(column, safe='')}/{row}::{file}"


def split_row(address: Member) -> tuple[str, int]:
    """Return the column and the row of an address made by `row_address`."""
    column, _, row = address.name.rpartition("/")
    return unquote(column), int(row)


def split_local(url: str) -> Member | None:
    """Return the parts of an address whose file is on this machine; None for every other URL.

    Examples
    --------
    >>> split_local("zip://a.jpg::s3://bucket/x.zip") is None
    True
    """
    scheme, _, rest = url.partition("://")
    if scheme not in (*ARCHIVES, "row"):
        return None
    parts = rest.split("::")
    for n_before in range(1, len(parts)):  # names of members and of archives may hold `::`
        file = "::".join(parts[n_before:]).removeprefix("file://")
        if os.path.isfile(file):
            return Member(scheme, "::".join(parts[:n_before]), file)
    file = parts[-1].removeprefix("file://")
    return Member(scheme, "::".join(parts[:-1]), file) if "://" not in file else None

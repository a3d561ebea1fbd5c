"""Where files are: on this machine by path, or anywhere that an address or a URL leads.

`addresses` has the forms of an address: members of archives, rows of tables, pictures in memory.
URLs, such as `s3://bucket/photos/a.jpg` or `zip://*.jpg::s3://bucket/x.zip`, are opened by fsspec.
`open_bytes`, `read_bytes` and `read_status` are the same for all of them.
"""

from __future__ import annotations

import io
import itertools
import math
import os
import re
import stat
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, NamedTuple

import pandas as pd

from .addresses import Member, UnreadableMember, is_inside_a_source, split_local, split_row
from .addresses import is_url as is_url  # asked for here, as other questions about files are
from .archives import open_archive
from .held import read_item
from .parquet import open_parquet
from .paths import LITTER, is_inside
from .selection import (
    ALL_FILES,
    Selection,
    is_system_folder,
    without_side_files,
)
from .selection import (
    side_files as side_files,  # asked for here, as other questions about files are
)

CHUNK = 8 * 2**20  # bytes read ahead of a file elsewhere
HEAD = 4096  # bytes that show whether a file is worth reading
ONE_READ = 2**18  # bytes of a file that is read in one go: its bytes cost less than a second call
NOT_KNOWN = -(2**63)  # how pandas writes a missing time in nanoseconds


class FileStatus(NamedTuple):
    """What is known of a file before it is opened."""

    size: int  # bytes
    modified: int  # nanoseconds since 1970, UTC
    regular: bool


def open_bytes(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a file for reading, wherever it is."""
    if not is_url(path):
        return open(path, "rb")
    url = str(path)
    if url.startswith("item://"):
        return io.BytesIO(read_item(url))
    member = split_local(url)
    if member is None:
        return _open_url(url)
    if member.scheme == "row":
        return io.BytesIO(_read_row(member))
    return open_archive(member.scheme, member.file).open(member.name)


def _open_url(url: str) -> IO[bytes]:
    filesystem, key = _filesystem(url)
    if not url.startswith("tar://"):
        return filesystem.open(key, "rb", block_size=CHUNK)
    with _tar_elsewhere:  # fsspec reads all members of a tar through one open file
        return io.BytesIO(filesystem.cat_file(key))


_tar_elsewhere = threading.Lock()


def _read_row(member: Member) -> bytes:
    column, row = split_row(member)
    return open_parquet(member.file, column).content(row)


def read_bytes(
    path: str, size: int | None = None, is_wanted: Callable[[bytes], bool] | None = None
) -> bytes:
    """Return a whole file, wherever it is.

    Parameters
    ----------
    size
        if it is known, a local file is read in one go and no further.
    is_wanted
        is asked about the first HEAD bytes of a larger file; if it says no, these are returned.
    """
    if is_url(path):
        if is_wanted and path.startswith("zip://") and (member := split_local(path)):
            head = open_archive(member.scheme, member.file).read_head(member.name, HEAD)
            if not is_wanted(head):  # so that nothing more of it is unpacked
                return head
        with open_bytes(path) as stored:
            head = stored.read(HEAD) if is_wanted else b""
            return head if is_wanted and not is_wanted(head) else head + stored.read()
    # the bare calls to the system, and few of them: after each a thread has to wait for its turn
    # again
    descriptor = os.open(
        path, os.O_RDONLY | getattr(os, "O_BINARY", 0)
    )  # else Windows changes line ends
    try:
        if is_wanted and (size or CHUNK) > ONE_READ:
            head = os.read(descriptor, HEAD)
            if not is_wanted(head):
                return head
            os.lseek(descriptor, 0, os.SEEK_SET)  # a second read costs less than joining both
        first = os.read(descriptor, size or CHUNK)
        if is_wanted and HEAD < len(first) <= ONE_READ and not is_wanted(first[:HEAD]):
            return first[:HEAD]
        if len(first) == size:
            return first
        parts = [first]
        while part := os.read(descriptor, size or CHUNK):
            parts.append(part)
            if sum(map(len, parts)) == size:
                break
        return b"".join(parts)
    finally:
        os.close(descriptor)


def read_status(path: str) -> FileStatus:
    """Return size and time of a file, wherever it is."""
    if is_url(path):
        return _status_of_address(path)
    known = os.stat(path)
    return FileStatus(known.st_size, known_time(known.st_mtime_ns), stat.S_ISREG(known.st_mode))


def _status_of_address(url: str) -> FileStatus:
    if url.startswith("item://"):
        return FileStatus(len(read_item(url)), NOT_KNOWN, True)
    member = split_local(url)
    if member is None:
        filesystem, key = _filesystem(url)
        return _status(filesystem.info(key))
    if member.scheme == "row":
        return FileStatus(len(_read_row(member)), NOT_KNOWN, True)
    entry = open_archive(member.scheme, member.file).entry(member.name)
    return FileStatus(entry.size, known_time(entry.modified), entry.regular)


def known_time(nanoseconds: int) -> int:
    """Return a file's time, or NOT_KNOWN where a table cannot hold it: before 1678 or after 2262.

    Examples
    --------
    >>> known_time(10**18), known_time(10**19) == NOT_KNOWN
    (1000000000000000000, True)
    """
    return nanoseconds if abs(nanoseconds) < 2**63 else NOT_KNOWN


def find_files(url: str) -> Iterator[str]:
    """Yield the URLs of all files below a URL, or of those that its pattern names."""
    filesystem, key = _filesystem(url)
    parts = url.split("::")
    place = next(k for k, part in enumerate(parts) if "://" in part)  # simplecache has no path
    protocol = parts[place].split("://", 1)[0]
    found = filesystem.glob(key) if _is_pattern(parts[place]) else filesystem.find(key)
    for name in found:
        parts[place] = f"{protocol}://{name.lstrip('/') if protocol != 'file' else name}"
        yield "::".join(parts)


def key_in_chain(url: str) -> str:
    """Return the path in the first store of a chain that has one.

    Examples
    --------
    >>> key_in_chain("zip://a/b.jpg::s3://bucket/x.zip")
    'a/b.jpg'
    """
    part = next(part for part in url.split("::") if "://" in part)
    return part.split("://", 1)[1]


def list_chain(
    named: Iterable[tuple[str, str]], selection: Selection
) -> tuple[list[_File], list[str]]:
    """Return the visible files among names and addresses, and the folders of the system in them."""
    files, left_out = [], []
    in_folder: dict[str, dict[str, str]] = {}
    for name, address in named:
        plain = name.lstrip("/")
        system = _system_folder_of(plain, selection)
        if system and system not in left_out:
            left_out.append(system)
        elif not system and _is_visible(plain):
            above, slash, base = plain.rpartition("/")
            in_folder.setdefault(above + slash, {})[base] = address
    for above, addresses in in_folder.items():
        for base in without_side_files(addresses):
            files.append(_File(printable(above + base), addresses[base]))
    return sorted(files, key=_by_name), sorted(left_out)


def _is_pattern(part: str) -> bool:
    """Tell whether a part of a chain, such as `zip://*.jpg`, names files by a pattern."""
    return part.startswith(("zip://", "tar://")) and any(sign in part for sign in "*?[")


def exists(url: str) -> bool:
    """Tell whether an address or a URL names a file or a folder."""
    if is_inside_a_source(url) and (url.startswith("item://") or split_local(url)):
        try:
            read_status(url)
        except (OSError, UnreadableMember):
            return False
        return True
    filesystem, key = _filesystem(url)
    return bool(_is_pattern(url) or filesystem.exists(key))


def is_folder(url: str) -> bool:
    """Tell whether a URL names a folder: in most stores, how the names of its files begin."""
    filesystem, key = _filesystem(url)
    return bool(_is_pattern(url) or filesystem.isdir(key))


def _filesystem(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise ImportError(
            f'{url!r} is a URL: pip install "imgdup-nb[remote]" to read it'
        ) from error
    return url_to_fs(url)


def _status(info: dict[str, Any]) -> FileStatus:
    # stores name the time differently, and some do not know it
    changed = next(
        (
            info[name]
            for name in ("LastModified", "mtime", "updated", "last_modified", "created")
            if name in info
        ),
        0,
    )
    seconds = changed.timestamp() if isinstance(changed, datetime) else float(changed or 0)
    size, is_file = int(info.get("size") or 0), info.get("type") == "file"
    known = known_time(int(seconds * 1e9)) if math.isfinite(seconds) else NOT_KNOWN
    return FileStatus(size, known, is_file)


LOOKS_ESCAPED = re.compile(
    r"\\x[0-9a-f]{2}|[\ud800-\udfff]"
)  # in a name: what is no Unicode, or what stands for it


# -- which files -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _File:
    image: str
    path: str


class FileList(NamedTuple):
    """The files to describe, sorted by name, each once.

    Attributes
    ----------
    files
    left_out
        the folders of the system or of other programs that were not entered, by name.
    """

    files: list[_File]
    left_out: list[str]


def list_files(folder: Any, selection: Selection = ALL_FILES) -> FileList:
    """Return the files that a user names by a folder, a list, or URLs, as `scan_images` does.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        if the folder is not there or is a file, or nothing of a list is there.
    TypeError, ValueError
        if it is no path or list of them, or mixes URLs with paths of this machine.
    """
    if not isinstance(folder, str | os.PathLike):
        folder = _check_listed(folder)
    left_out: list[str] = []
    if is_url(folder) or (isinstance(folder, list) and folder and is_url(folder[0])):
        named = _list_urls(folder, selection, left_out)
    else:
        named = _list_paths(folder, selection, left_out)
    files = [_File(image, path) for image, path in named if selection.takes(image)]
    return FileList(sorted(files, key=_by_name), sorted(left_out))


def _list_paths(
    folder: Any, selection: Selection, left_out: list[str]
) -> Iterator[tuple[str, str]]:
    """Yield the name and the path of each file of a folder or a list, on this machine."""
    files: set[str] = set()
    if isinstance(folder, str | os.PathLike):
        root = _absolute(folder)
        if not os.path.exists(root):
            raise FileNotFoundError(
                f"folder {os.fspath(folder)!r} does not exist; the current folder is "
                f"{os.getcwd()!r}"
            )
        if not os.path.isdir(root):
            raise NotADirectoryError(
                f"source must be a folder, and {os.fspath(folder)!r} is a file; for single files "
                f"pass a list: scan_images([{os.fspath(folder)!r}])"
            )
        folders = {root}
    else:
        listed = {_absolute(entry) for entry in folder}
        if listed and not any(map(os.path.lexists, listed)):
            raise FileNotFoundError(f"{min(listed)!r} does not exist")
        folders = {entry for entry in listed if os.path.isdir(entry)}
        files = listed - folders
        homes = [*folders, *set(map(os.path.dirname, files))]
        root = os.path.commonpath(homes) if homes else ""
    below = len(os.path.join(root, ""))  # all lie below the root, so what follows it is their name
    paths = {
        entry.path
        for top in folders
        for entry in walk_files(top, selection, left_out=left_out, below=below)
    }
    for path in paths | set(_without_side_files(files)):
        yield printable(path[below:].replace(os.sep, "/")), path


def _absolute(path: str | os.PathLike[str]) -> str:
    """Return where a path leads; `~` is the user's own folder unless a file is called so."""
    name = os.fspath(path)
    if name.startswith("~") and not os.path.lexists(name):
        name = os.path.expanduser(name)
    return os.path.abspath(name)


def _without_side_files(paths: Iterable[str]) -> Iterator[str]:
    """Yield the paths but for those of files that belong to a picture among them."""
    in_folder: dict[str, list[str]] = {}
    for path in sorted(paths):
        folder, name = os.path.split(path)
        in_folder.setdefault(folder, []).append(name)
    for folder, names in in_folder.items():
        yield from (os.path.join(folder, name) for name in without_side_files(names))


def _check_listed(listed: Any) -> list[Any]:
    """Return a list of files and folders, all on this machine or all elsewhere, else raise."""
    if isinstance(listed, pd.DataFrame) or not isinstance(listed, Iterable):
        raise TypeError(
            f"source must be the path of a folder, or a list of paths, not {type(listed).__name__}"
        )
    paths = list(listed)
    for path in paths:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"source must be a list of paths, and {path!r} is none")
    elsewhere = [path for path in paths if is_url(path)]
    if 0 < len(elsewhere) < len(paths):
        here = next(path for path in paths if not is_url(path))
        raise ValueError(
            "source must be a list of URLs or of paths of this machine, not of both, and "
            f"{elsewhere[0]!r} is a URL and "
            f"{os.fspath(here)!r} is none: scan each kind alone, and compare their fingerprints "
            "with similar_pairs(one, other)"
        )
    return paths


def _list_urls(
    folder: str | list[str], selection: Selection, left_out: list[str]
) -> Iterator[tuple[str, str]]:
    """Yield the name and the URL of each file below a URL, or of a list of URLs."""
    listed = [folder] if isinstance(folder, str) else folder
    if listed and not any(map(exists, listed)):
        raise FileNotFoundError(f"{listed[0]!r} does not exist, or holds no files")
    folders = {entry.rstrip("/") for entry in listed if is_folder(entry)}
    if isinstance(folder, str) and not folders:
        raise NotADirectoryError(
            f"source must be a folder, and {folder!r} is a file; for single files pass a list"
        )
    files = {entry for entry in listed if entry.rstrip("/") not in folders}
    paths = files | {path for entry in folders for path in find_files(entry)}
    # names are relative to what all have in common, up to a whole folder
    root = _common_folder([*folders, *(file.rpartition("/")[0] for file in files)])
    in_folder: dict[str, list[str]] = {}
    for path in sorted(paths):
        image = path.removeprefix(root)
        system = _system_folder_of(image, selection)
        if system and system not in left_out:
            left_out.append(system)
        elif not system and _is_visible(image):
            above, slash, name = path.rpartition("/")
            in_folder.setdefault(above + slash, []).append(name)
    for above, names in in_folder.items():
        for name in without_side_files(names):
            yield (above + name).removeprefix(root), above + name


def _system_folder_of(image: str, selection: Selection) -> str:
    """Return the folder of the system that an image lies in, empty if it lies in none."""
    parts = image.split("/")
    for depth, part in enumerate(parts[:-1], 1):
        if is_system_folder(part) and not selection.names_folder(part):
            return "/".join(parts[:depth])
    return ""


def _common_folder(folders: list[str]) -> str:
    """Return what the folders' URLs have in common, up to a whole folder, with a `/` at its end."""
    columns = zip(*(folder.split("/") for folder in folders), strict=False)
    common = itertools.takewhile(lambda parts: len(set(parts)) == 1, columns)
    return "".join(f"{parts[0]}/" for parts in common)


def _is_visible(image: str) -> bool:
    parts = image.split("/")
    return not any(part.startswith(".") for part in parts) and parts[-1].lower() not in LITTER


def _by_name(file: _File) -> str:
    return file.image


def printable(name: str) -> str:
    r"""Show what is no Unicode as ``\xe9``: such a name cannot be printed or stored.

    No two names look the same: where one has such a part, or seems to, its own backslashes are
    doubled.

    Examples
    --------
    >>> print(printable("caf\udce9.jpg"), printable(r"caf\xe9.jpg"), printable("half \ud83d.jpg"))
    caf\xe9.jpg caf\\xe9.jpg half \xed\xa0\xbd.jpg
    """
    if name.isascii() and "\\" not in name:  # most
        return name
    if LOOKS_ESCAPED.search(name):
        name = name.replace("\\", "\\\\")
    try:
        raw = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # Windows lets half of a surrogate pair stand alone
        raw = name.encode("utf-8", "surrogatepass")
    return raw.decode("utf-8", "backslashreplace")


def walk_files(
    root: str,
    selection: Selection = ALL_FILES,
    *,
    left_out: list[str] | None = None,
    below: int | None = None,
) -> Iterator[os.DirEntry[str]]:
    """Yield every visible file below `root`; each real folder once, so that links cannot loop.

    Folders of the system and side files are passed over, see `selection`.

    Parameters
    ----------
    root
        an absolute path.
    selection
        folders that it does not enter are passed over; of files it is not asked.
    left_out
        takes the names of the folders of the system that were passed over.
    below
        how many characters of a path come before a name; None for names relative to `root`.
    """
    start = len(os.path.join(root, "")) if below is None else below
    home, entered, waiting = os.path.realpath(root), set(), [root]
    while waiting:
        folder = waiting.pop()
        real = os.path.realpath(folder)
        if real in entered:
            continue
        entered.add(real)
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            warnings.warn(
                f"folder {printable(folder)!r} cannot be listed: {error.strerror}", stacklevel=4
            )
            continue
        files = {}
        for entry in entries:
            hidden, system = entry.name.startswith("."), is_system_folder(entry.name)
            if (hidden and not system) or entry.name.lower() in LITTER:
                continue
            if not _is_folder(entry):
                if not hidden:
                    files[entry.name] = entry
                continue
            name = printable(entry.path[start:].replace(os.sep, "/"))
            if system and not selection.names_folder(entry.name):
                if left_out is not None:
                    left_out.append(name)
            elif selection.enters(name) and not (
                entry.is_symlink() and _one_holds_other(entry.path, home)
            ):
                waiting.append(entry.path)
        yield from (files[name] for name in without_side_files(files))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a folder; one that cannot be asked is a file with a problem."""
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, into another user's folder, or of a name that is too long
        return False


def _one_holds_other(one: str, other: str) -> bool:
    """Tell whether either of two folders holds the other: a link between them lists files twice."""
    return is_inside(one, other) or is_inside(other, one)

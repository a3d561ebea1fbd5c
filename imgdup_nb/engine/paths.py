"""Names and places of files: what is inside a folder, which names are safe, how a file is written.

The package has one function for each of these questions:

- `name_key`, `same_name`: do two names mean the same, on every system?
- `is_inside`: does a path lie in a folder?
- `check_name`: may a picture be stored under a name that a client sent?
- `safe_parts`: which name does a file get in a target folder?
- `read_digest`: which bytes does a file hold?
- `write_whole`: how is a file written, so that nobody ever reads half of it?

This module needs nothing but Python's standard library: so a run of acts on files can be tested by
killing it hundreds of times.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

LITTER = {"thumbs.db", "desktop.ini"}  # Windows writes these into folders of pictures
DEVICE = re.compile(  # Windows opens a device, whatever the suffix and the folder
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])[ ]*(\..*)?",
    re.IGNORECASE | re.DOTALL,
)
FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]')  # in names on Windows
MAX_PART_BYTES = 200  # of one part of a target's name; this leaves room for " (2)"


# -- names that people type ------------------------------------------------------------------------


def name_key(name: str) -> str:
    """Return the form in which names are compared: composed Unicode (NFC).

    macOS stores "é" as two characters, a keyboard types it as one. Both look the same.

    Examples
    --------
    >>> decomposed = "cafe" + chr(0x301)
    >>> decomposed == "café", name_key(decomposed) == name_key("café")
    (False, True)
    """
    return unicodedata.normalize("NFC", name)


def same_name(one: str, other: str) -> bool:
    """Tell whether two names are the same for a reader, composed or decomposed.

    Examples
    --------
    >>> same_name("cafe" + chr(0x301), "café")
    True
    """
    return one == other or name_key(one) == name_key(other)


# -- places ----------------------------------------------------------------------------------------


def is_inside(path: str, folder: str, *, follow_links: bool = True) -> bool:
    """Tell whether a path is a folder or lies in it.

    Parameters
    ----------
    path, folder
        absolute, if `follow_links` is False.
    follow_links
        compare where the paths really lead; False compares them as they are spelled.

    Examples
    --------
    >>> is_inside("/photos/cat.jpg", "/photos"), is_inside("/photos2/cat.jpg", "/photos")
    (True, False)
    """
    if follow_links:
        path, folder = os.path.realpath(path), os.path.realpath(folder)
    path, folder = os.path.normcase(path), os.path.normcase(folder)
    return path == folder or path.startswith(os.path.join(folder, ""))


def check_name(name: str) -> str:
    r"""Return `name` if it is a visible file's name inside the folder on every system, else raise.

    Raises
    ------
    ValueError
        if it is empty, absolute or not UTF-8, or has `..`, a backslash, a colon, a NUL or a hidden
        part. Also if Windows has such a device (`nul.jpg`) or would change the name (`cat.`).

    Examples
    --------
    >>> check_name("2024/cat.jpg")
    '2024/cat.jpg'
    >>> check_name("../cat.jpg")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: name must be a path inside the folder such as '2024/cat.jpg', ...
    """
    parts = name.split("/") if isinstance(name, str) else [""]
    unseen = any(not part or part.startswith(".") or part.lower() in LITTER for part in parts)
    if unseen or not all(map(_is_plain, parts)):
        raise ValueError(
            "name must be a path inside the folder such as '2024/cat.jpg', with no hidden part, "
            f"and {name!r} is not"
        )
    return name


def _is_plain(part: str) -> bool:
    """Tell whether a part of a name means the same file on every system."""
    try:
        part.encode()
    except UnicodeEncodeError:
        return False
    return not (set(part) & set("\\:\0") or part[-1] in " ." or DEVICE.fullmatch(part))


def safe_parts(name: str) -> list[str]:
    r"""Return the parts of a target's name; on every system they lie below its folder.

    Parameters
    ----------
    name
        parts with `/` between them, as the `images` table has them; it may be anything.

    Examples
    --------
    >>> safe_parts("holiday/sea.jpg")
    ['holiday', 'sea.jpg']
    >>> safe_parts("../../etc/con.jpg"), safe_parts("C:\\x\0.png"), safe_parts("/")
    (['__', '__', 'etc', '_con.jpg'], ['C__x_.png'], ['_'])
    """
    return [_safe_part(part) for part in name.split("/") if part not in {"", "."}] or ["_"]


def _safe_part(part: str) -> str:
    part = _shortened(FORBIDDEN.sub("_", part))
    # Windows drops dots and spaces at the end; nothing else is left of ".."
    bare = part.rstrip(". ")
    part = bare + "_" * (len(part) - len(bare))
    return f"_{part}" if DEVICE.fullmatch(part) else part


def _shortened(part: str) -> str:
    """Cut a long part before its suffix; replace characters that no file name can hold by `_`."""
    try:
        if len(os.fsencode(part)) <= MAX_PART_BYTES:
            return part
    except UnicodeEncodeError:
        return _shortened(FORBIDDEN.sub("_", part.encode("utf-8", "replace").decode()))
    stem, suffix = (os.fsencode(piece) for piece in os.path.splitext(part))
    suffix = suffix if len(suffix) < 20 else b""
    return (stem[: MAX_PART_BYTES - len(suffix)] + suffix).decode("utf-8", "ignore")


def numbered(path: str, number: int) -> str:
    """Return the name to try next if a name is taken.

    Examples
    --------
    >>> numbered("cat.jpg", 1), numbered("cat.jpg", 2)
    ('cat.jpg', 'cat (2).jpg')
    """
    stem, suffix = os.path.splitext(path)
    return path if number == 1 else f"{stem} ({number}){suffix}"


def read_digest(path: str | os.PathLike[str], open_file: Callable[[Any], Any] | None = None) -> str:
    """Return the SHA-256 of a file's bytes; `open_file` opens what is not on this machine."""
    with open_file(path) if open_file else open(path, "rb") as stored:
        return hashlib.file_digest(stored, "sha256").hexdigest()


# -- writing ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name the file that cannot be written in an error of the system, such as of a full disk."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        why = f"the file cannot be written ({os.strerror(error.errno)})"
        raise type(error)(error.errno, why, os.fspath(path)) from error


def write_whole(
    path: str | os.PathLike[str], contents: bytes, *, replace: bool = True, sync: bool = True
) -> None:
    """Write a file whole or not at all; if it fails, nothing is left behind and the old file stays.

    Parameters
    ----------
    path
        in a folder that exists. If it is a symbolic link, the link is replaced.
    replace
        False refuses to replace a file.
    sync
        wait until the bytes are on the disk (some 10 ms), so that a power cut leaves no empty file.

    Raises
    ------
    FileExistsError
        if the file exists and must not be replaced.
    OSError
        if it cannot be written, such as on a full disk.
    """
    part = os.path.join(  # beside its place, hidden from scans
        os.path.dirname(path), f".imgdup_nb-{secrets.token_hex(8)}.part"
    )
    try:
        with naming(path), open(part, "xb") as file:
            file.write(contents)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        if replace:
            os.replace(part, path)
        else:
            _place_new(part, os.fspath(path))
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(part)


def write_result(path: str | os.PathLike[str], contents: bytes) -> None:
    """Write a file that a user named by `write_whole`; a link stays, and its target is written.

    What is no file, such as ``/dev/stdout``, is written to and never replaced.
    """
    path = os.fspath(path)
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        with naming(path), open(path, "wb") as stream:
            stream.write(contents)
    else:
        write_whole(os.path.realpath(path), contents)


def _place_new(part: str, path: str) -> None:
    """Give a finished file its name, and raise FileExistsError where the name is taken.

    The system decides who gets a name, so of two processes at once only one succeeds.
    """
    try:
        os.link(part, path)
    except FileExistsError:
        raise FileExistsError(f"{path!r} exists already") from None
    except OSError:  # no hard links here, as on FAT: an empty file takes the name first
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        try:
            os.replace(part, path)
        except BaseException:
            os.remove(path)
            raise


def write_file(root: str, path: str, contents: bytes, *, replace: bool) -> None:
    """Write a file below `root` by `write_whole`, and make its folders.

    Raises
    ------
    FileExistsError
        if it exists and must not be replaced.
    FileNotFoundError
        if `root` no longer exists.
    ValueError
        if a link leads out of the folder.
    """
    folder, name = os.path.dirname(path), os.path.relpath(path, root)
    if not is_inside(folder, root):
        raise ValueError(
            "name must lead to a place inside the folder, and a link on its way leads out: "
            f"{name!r}"
        )
    made = root
    for part in os.path.relpath(folder, root).split(os.sep):  # `root` itself is never made again
        made = os.path.join(made, part)
        with contextlib.suppress(FileExistsError):
            os.mkdir(made)
    try:
        write_whole(path, contents, replace=replace, sync=False)
    except FileExistsError:
        raise FileExistsError(
            f"{name!r} is there already; update_image replaces, or choose another name"
        ) from None

"""Put a file into a folder: under a name that stays inside it, and whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import secrets

LITTER = {"thumbs.db", "desktop.ini"}  # what Windows leaves in folders of pictures
# what Windows opens as a device, whatever the suffix and the folder
DEVICE = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])[ ]*(\..*)?",
    re.IGNORECASE | re.DOTALL,
)


def check_name(name: str) -> str:
    r"""Return `name` if a file of this name lies in the folder on every system and is seen by a scan, else raise.

    Raises
    ------
    ValueError
        if it is empty, absolute, has `..`, a backslash, a colon (of a drive or a stream), a NUL or
        a hidden part, names a device of Windows (`nul.jpg`) or something that Windows would change
        (`cat.`), or cannot be written as UTF-8.

    Examples
    --------
    >>> check_name("2024/cat.jpg")
    '2024/cat.jpg'
    >>> check_name("../cat.jpg")
    Traceback (most recent call last):
    ...
    ValueError: name must be a path inside the folder such as '2024/cat.jpg', with no hidden part, and '../cat.jpg' is not
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


def write_file(root: str, path: str, contents: bytes, *, replace: bool) -> None:
    """Write a file below `root`; another process sees it whole or not at all.

    Raises
    ------
    FileExistsError
        if it is there and shall not be replaced.
    ValueError
        if a link leads out of the folder.
    """
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    home, name = os.path.realpath(root), os.path.relpath(path, root)
    if os.path.commonpath([os.path.realpath(folder), home]) != home:
        raise ValueError(
            "name must lead to a place inside the folder, and a link on its way leads out: "
            f"{name!r}"
        )
    part = os.path.join(folder, f".imgdup_nb-{secrets.token_hex(8)}.part")  # hidden from scans
    try:
        with open(part, "xb") as file:
            file.write(contents)
        if not replace and os.path.lexists(path):
            raise FileExistsError(
                f"{name!r} is there already; update_image replaces, or choose another name"
            )
        os.replace(part, path)
    finally:
        if os.path.lexists(part):
            os.remove(part)


def is_within(path: str, folder: str) -> bool:
    """Tell whether a path leads into a folder; both absolute."""
    same_drive = os.path.splitdrive(path)[0] == os.path.splitdrive(folder)[0]
    return same_drive and os.path.commonpath([path, folder]) == folder


LONGEST_PART = (
    200  # bytes of one part of a target's name, which leaves room for " (2)" on every system
)

FORBIDDEN = re.compile(
    r'[<>:"|?*\\\x00-\x1f]'
)  # on Windows; a colon also names a drive or a stream there
RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"
}


def read_digest(path: str) -> str:
    """Return the SHA-256 of a file's bytes."""
    with open(path, "rb") as stored:
        return hashlib.file_digest(stored, "sha256").hexdigest()


# -- names -----------------------------------------------------------------------------------------


def safe_parts(name: str) -> list[str]:
    r"""Return the parts of a target's name, below its folder on every system.

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
    bare = part.rstrip(
        ". "
    )  # Windows drops dots and spaces at the end; and nothing else is left of ".."
    part = bare + "_" * (len(part) - len(bare))
    if part.partition(".")[0].rstrip(" ").lower() in RESERVED:
        part = "_" + part
    return part


def _shortened(part: str) -> str:
    """Cut what is too long, before the suffix; and underscores for what no file name can hold."""
    try:
        if len(os.fsencode(part)) <= LONGEST_PART:
            return part
    except UnicodeEncodeError:
        return _shortened(FORBIDDEN.sub("_", part.encode("utf-8", "replace").decode()))
    stem, suffix = (os.fsencode(piece) for piece in os.path.splitext(part))
    suffix = suffix if len(suffix) < 20 else b""
    return (stem[: LONGEST_PART - len(suffix)] + suffix).decode("utf-8", "ignore")


def numbered(path: str, number: int) -> str:
    """Return the name to try next where one is taken.

    Examples
    --------
    >>> numbered("cat.jpg", 1), numbered("cat.jpg", 2)
    ('cat.jpg', 'cat (2).jpg')
    """
    stem, suffix = os.path.splitext(path)
    return path if number == 1 else f"{stem} ({number}){suffix}"


def is_below(path: str, folder: str) -> bool:
    """Tell whether a path lies in a folder, links followed."""
    real, home = (os.path.normcase(os.path.realpath(name)) for name in (path, folder))
    return real == home or real.startswith(os.path.join(home, ""))

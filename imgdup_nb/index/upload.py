"""Put a file into a folder: under a name that stays inside it, and whole or not at all."""

from __future__ import annotations

import os
import re
import secrets

from ..images import LITTER

# what Windows opens as a device, whatever the suffix and the folder
DEVICE = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])[ ]*(\..*)?", re.IGNORECASE | re.DOTALL
)


def check_name(name: str) -> str:
    r"""Return `name` if a file of this name lies in the folder on every system and is seen by a scan, else raise.

    Raises
    ------
    ValueError
        if it is empty, absolute, has `..`, a backslash, a colon (of a drive or a stream), a NUL or a hidden part, names a
        device of Windows (`nul.jpg`) or something that Windows would change (`cat.`), or cannot be written as UTF-8.

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
            f"name must be a path inside the folder such as '2024/cat.jpg', with no hidden part, and {name!r} is not"
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
        raise ValueError(f"name must lead to a place inside the folder, and a link on its way leads out: {name!r}")
    part = os.path.join(folder, f".imgdup_nb-{secrets.token_hex(8)}.part")  # hidden from scans
    try:
        with open(part, "xb") as file:
            file.write(contents)
        if not replace and os.path.lexists(path):
            raise FileExistsError(f"{name!r} is there already; update_image replaces, or choose another name")
        os.replace(part, path)
    finally:
        if os.path.lexists(part):
            os.remove(part)

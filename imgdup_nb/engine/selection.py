"""Which files of a folder are scanned: patterns, folders of the system, and files beside a picture.

Folders in which a system or another program keeps its own copies are left out, such as a recycle
bin. A copy in there must never be kept in place of the picture. Side files are what programs write
beside a picture, such as `IMG_1.xmp`: they belong to it and are no pictures of their own.
"""

from __future__ import annotations

import os
import re
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase, translate
from typing import Any, NamedTuple

from .checks import check_list, count_of, shown

# of the system or of another program; `*` and `?` as in fnmatch, case does not matter
SYSTEM_FOLDERS = (
    # recycle bins of Windows, macOS, Linux and of network drives
    "$recycle.bin", "recycler", "recycled", ".trash", ".trashes", ".trash-*", "@recycle",
    "#recycle", "network trash folder", "network recycle bin", "files_trashbin", ".dtrash",
    # what a system keeps for itself
    "system volume information", "lost+found", "lost.dir", "found.[0-9][0-9][0-9]",
    "@recently-snapshot", "#snapshot", "files_versions", "temporary items", "__macosx",
    # thumbnails that a system, a network drive or a program makes
    "@eadir", "@__thumb", ".@__thumb", ".thumbnails", "appdata_oc*",
    # photo libraries: their own folders, with previews beside the originals
    "*.photoslibrary", "*.photolibrary", "*.migratedphotolibrary", "*.aplibrary", "*.lrdata",
    "*.lrlibrary", "*.lrcat-data", "*.cocatalog", "photo booth library",
    # packages of programs
    "node_modules", "bower_components", "__pycache__",
)  # fmt: skip
_SYSTEM = re.compile("|".join(map(translate, SYSTEM_FOLDERS)))

RAW_SUFFIXES = frozenset(
    [
        ".3fr",
        ".ari",
        ".arw",
        ".bay",
        ".cap",
        ".cr2",
        ".cr3",
        ".crw",
        ".dcr",
        ".dcs",
        ".dng",
        ".drf",
        ".eip",
        ".erf",
        ".fff",
        ".gpr",
        ".iiq",
        ".k25",
        ".kdc",
        ".mdc",
        ".mef",
        ".mos",
        ".mrw",
        ".nef",
        ".nrw",
        ".orf",
        ".ori",
        ".pef",
        ".ptx",
        ".pxn",
        ".r3d",
        ".raf",
        ".raw",
        ".rw2",
        ".rwl",
        ".rwz",
        ".sr2",
        ".srf",
        ".srw",
        ".x3f",
    ]
)
PICTURE_SUFFIXES = RAW_SUFFIXES | frozenset(
    [
        ".avif",
        ".avifs",
        ".bmp",
        ".dib",
        ".gif",
        ".heic",
        ".heics",
        ".heif",
        ".heifs",
        ".hif",
        ".ico",
        ".j2k",
        ".jfif",
        ".jp2",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".jpx",
        ".jxl",
        ".mpo",
        ".pbm",
        ".pgm",
        ".png",
        ".apng",
        ".pnm",
        ".ppm",
        ".psd",
        ".qoi",
        ".sgi",
        ".tga",
        ".tif",
        ".tiff",
        ".webp",
    ]
)
# edits, recipes of RAW programs, captions, thumbnails, and the sound or film of a live photograph
SIDE_SUFFIXES = frozenset(
    [
        ".aae",
        ".arp",
        ".cos",
        ".dop",
        ".exif",
        ".json",
        ".mov",
        ".mp4",
        ".nksc",
        ".on1",
        ".pp3",
        ".spd",
        ".thm",
        ".wav",
        ".xmp",
        ".xml",
        ".vrd",
        ".dr4",
    ]
)
TAKEOUT = "supplemental-metadata"  # Google's `a.jpg.supplemental-metadata.json`, often cut short


class Selection(NamedTuple):
    """Which images of a folder are wanted, by patterns on their names.

    A pattern without `/` matches a file or a folder of that name anywhere: `"*.png"`, `"drafts"`.
    One with `/` matches from the top: `"2023/*"`, and `**` stands for any number of folders. What
    lies in a folder that matches, matches too. Upper and lower case are the same.

    Attributes
    ----------
    exclude
        images that match one of these are left out.
    include
        if there are any, all others are left out. A folder of the system is entered only if one of
        these names it.

    Examples
    --------
    >>> only = Selection.of(exclude="drafts", include=["*.jpg", "2023/**"])
    >>> [only.takes(name) for name in ("a.JPG", "a.png", "2023/x/a.png", "drafts/a.jpg")]
    [True, False, True, False]
    """

    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()

    @classmethod
    def of(cls, exclude: Any = (), include: Any = ()) -> Selection:
        """Return the selection of patterns as a user gives them: one, a list of them, or None.

        Raises
        ------
        TypeError, ValueError
            if a pattern is no text, or empty.
        """
        return cls(_patterns("exclude", exclude), _patterns("include", include))

    def takes(self, name: str) -> bool:
        """Tell whether an image of this name is wanted; `/` between its parts."""
        if not (self.exclude or self.include):
            return True
        parts = _parts(name)
        return not _matches_any(parts, self.exclude) and (
            not self.include or _matches_any(parts, self.include)
        )

    def enters(self, name: str) -> bool:
        """Tell whether a folder of this name may hold wanted images."""
        return not (self.exclude and _matches_any(_parts(name), self.exclude))

    def names_folder(self, folder: str) -> bool:
        """Tell whether a pattern of `include` names a folder by a part of its own."""
        plain = _parts(folder)[0]
        return any(
            fnmatchcase(plain, part)
            for pattern in self.include
            for part in pattern.split("/")
            if part.strip("*")
        )


ALL_FILES = Selection()


def is_system_folder(name: str) -> bool:
    """Tell whether a folder of this name belongs to the system or to another program.

    Examples
    --------
    >>> [is_system_folder(name) for name in ("$RECYCLE.BIN", "Fotos.photoslibrary", "photos")]
    [True, True, False]
    """
    return _SYSTEM.fullmatch(name.lower()) is not None


def warn_of_folders(left_out: Sequence[str], stacklevel: int = 3) -> None:
    """Say in one line which folders of the system were left out, if any were."""
    if left_out:
        n_folders = count_of(len(left_out), "folder")
        warnings.warn(
            f"{n_folders} of the system or of other programs left out, such as {left_out[0]!r}; "
            "include= with its name brings it in",
            stacklevel=stacklevel,
        )


def _patterns(argument: str, given: Any) -> tuple[str, ...]:
    if not isinstance(given, str | Iterable | None):
        raise TypeError(
            f"{argument} must be a pattern such as '*.png', or a list, not {shown(given)}"
        )
    one = isinstance(given, str)
    listed: list[Any] = (
        [given] if one else check_list(argument, () if given is None else given, ["*.png"])
    )
    for pattern in listed:
        if not isinstance(pattern, str):
            raise TypeError(
                f"{argument} must be a pattern such as '*.png', or a list of them, and "
                f"{pattern!r} is none"
            )
        if not pattern.strip("/"):
            raise ValueError(f"{argument} holds an empty pattern: {pattern!r}")
    return tuple("/".join(_parts(pattern.replace(os.sep, "/"))) for pattern in listed)


def _parts(name: str) -> list[str]:
    plain = unicodedata.normalize("NFC", name).lower()
    anchored = "/" in plain.rstrip("/")
    parts = [part for part in plain.split("/") if part not in {"", "."}]
    return ["", *parts] if anchored and len(parts) == 1 else parts  # "/a" is "a" at the top


def _matches_any(parts: list[str], patterns: Sequence[str]) -> bool:
    return any(_matches(parts, pattern.split("/")) for pattern in patterns)


def _matches(parts: list[str], pattern: list[str]) -> bool:
    """Tell whether a pattern matches a name, or a folder above it."""
    if len(pattern) == 1:
        return any(fnmatchcase(part, pattern[0]) for part in parts)
    return matches_from_top(parts, pattern[1:] if pattern[0] == "" else pattern)


def matches_from_top(parts: list[str], pattern: list[str]) -> bool:
    """Tell whether the parts of a name match those of a pattern; `**` is any number of them."""
    if not pattern:
        return True  # the rest lies in a folder that matches
    if not parts:
        return pattern == ["**"]
    if pattern[0] == "**":
        return matches_from_top(parts, pattern[1:]) or matches_from_top(parts[1:], pattern)
    return fnmatchcase(parts[0], pattern[0]) and matches_from_top(parts[1:], pattern[1:])


# -- side files ------------------------------------------------------------------------------------


def side_files(path: str | os.PathLike[str], names: Iterable[str] | None = None) -> list[str]:
    """Return the paths of the files that belong to a picture, sorted: edits, captions, films.

    Parameters
    ----------
    path
        of the picture, on this machine.
    names
        of all files in its folder, if they are known; None lists the folder.

    Notes
    -----
    A file named after the whole picture belongs to it (`IMG_1.jpg.xmp`). One that is named after
    the picture without its suffix (`IMG_1.xmp`) belongs to it if no other picture of the folder has
    that name. If others have, it belongs to the only RAW file among them, or else to none.

    Examples
    --------
    >>> side_files("photos/a.jpg", ["a.jpg", "a.xmp", "a.jpg.json", "a.png.xmp", "b.xmp"])
    ['photos/a.jpg.json', 'photos/a.xmp']
    """
    folder, own = os.path.split(os.fspath(path))
    if names is None:
        try:
            names = os.listdir(folder or os.curdir)
        except OSError:
            return []
    wanted = own.lower()
    stem = os.path.splitext(wanted)[0]
    names = list(names)
    shared = stem if _owner_of(stem, names) == wanted else None
    return sorted(
        os.path.join(folder, name)
        for name in names
        if name != own and any(base in {wanted, shared} for base in _bases(name))
    )


def without_side_files(names: Iterable[str]) -> list[str]:
    """Return the names of one folder in their order, without those that belong to a picture there.

    Examples
    --------
    >>> without_side_files(["a.jpg", "a.xmp", "b.xmp", "notes.txt"])
    ['a.jpg', 'b.xmp', 'notes.txt']
    """
    names = list(names)
    sides = {name: bases for name in names if (bases := _bases(name))}
    if not sides:
        return names
    lower = [name.lower() for name in names]
    owners = set(lower) - {name.lower() for name in sides}
    for name in lower:
        stem, suffix = os.path.splitext(name)
        if suffix in PICTURE_SUFFIXES:
            owners.add(stem)
    return [name for name in names if not any(base in owners for base in sides.get(name, ()))]


def _bases(name: str) -> list[str]:
    """Return what a side file may be named after, in lower case; nothing for other files."""
    base, suffix = os.path.splitext(name.lower())
    if suffix not in SIDE_SUFFIXES:
        return []
    bases = [base]
    whole, dot, rest = base.rpartition(".")
    if suffix == ".json" and dot:
        rest, number = re.fullmatch(r"(.*?)((?:\(\d+\))?)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
        if rest and TAKEOUT.startswith(rest):
            bases.append(_with_number(whole, number))
        bases.append(_with_number(f"{whole}.{rest}", number))
    return bases


def _with_number(name: str, number: str) -> str:
    """Return `a(1).jpg` for `a.jpg` and `(1)`: Google writes the number behind the suffix."""
    stem, suffix = os.path.splitext(name)
    return f"{stem}{number}{suffix}"


def _owner_of(stem: str, names: Iterable[str]) -> str:
    """Return the picture that the files of a stem belong to, in lower case; empty if unclear."""
    named = (os.path.splitext(name.lower()) for name in names)
    pictures = {suffix for base, suffix in named if base == stem and suffix in PICTURE_SUFFIXES}
    raw = pictures & RAW_SUFFIXES
    for some in (pictures, raw):
        if len(some) == 1:
            return stem + next(iter(some))
    return ""

"""Acts on single files. Each may be cut short anywhere, and no file is lost.

Each leaves the picture whole under its old name, its new name or both. A new name is never that of
an existing file. A copy is read back before its source is removed. A file is replaced in one step.
This module needs nothing but Python's standard library.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from contextlib import suppress
from typing import IO, NamedTuple

from ..engine.paths import read_digest

LONGEST_PLAIN_PATH = 240  # characters; Windows takes longer paths only in a form of their own

# what disks without hard links answer, such as FAT and exFAT
CANNOT_LINK = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class Stamp(NamedTuple):
    """The properties by which a file is known again: equal stamps mean an unchanged file."""

    device: int
    inode: int
    size: int
    modified_ns: int


def native(path: str) -> str:
    """Return a path in the form that this system takes at any length."""
    if sys.platform == "win32" and len(path) >= LONGEST_PLAIN_PATH and not path.startswith("\\\\"):
        return "\\\\?\\" + os.path.abspath(path)
    return path


def read_stamp(path: str, *, follow: bool = False) -> Stamp:
    """Return the stamp of a name, or with `follow` of the file that a symbolic link leads to."""
    status = os.stat(path, follow_symlinks=follow)
    return Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def identity(path: str) -> tuple[int, int] | str:
    """Return what is equal for two names of one file, such as hard links and symbolic links."""
    status = os.stat(path)
    return (
        (status.st_dev, status.st_ino)
        if status.st_ino
        else os.path.normcase(os.path.realpath(path))
    )


def is_regular(path: str) -> bool:
    """Tell whether a name is that of a regular file, not of a link, a folder or a device."""
    return stat.S_ISREG(os.lstat(path).st_mode)


def holds(path: str, sha256: str) -> bool:
    """Tell whether there is a regular file with this digest at a path."""
    return os.path.lexists(path) and is_regular(path) and read_digest(path) == sha256


# -- acts ------------------------------------------------------------------------------------------


def rename_new(source: str, target: str) -> None:
    """Give a file another name on the same disk, never the name of an existing one.

    Raises
    ------
    FileExistsError
        if the target is taken.
    OSError
        with `errno.EXDEV` if the target is on another disk.
    """
    if sys.platform == "win32":
        os.rename(source, target)  # Windows refuses a name that is taken
        return
    try:
        os.link(source, target)  # refuses it, too; os.rename would overwrite
    except OSError as error:
        if error.errno not in CANNOT_LINK:
            raise
        _rename_to_reserved(source, target)
    else:
        sync_folder(os.path.dirname(target))
        try:
            os.unlink(source)
        except OSError:
            if os.path.lexists(source):  # its folder may not be changed: one name is enough
                os.unlink(target)
            raise


def _rename_to_reserved(source: str, target: str) -> None:
    """Rename where a file cannot have two names: an empty file of ours holds the place."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    try:
        os.replace(source, target)
    except OSError:
        os.unlink(target)
        raise


def copy_new(source: str, target: str, part: str, sha256: str) -> None:
    """Copy a file with its times and permissions to a new name.

    The copy is read back before it gets that name.

    Parameters
    ----------
    part
        a name beside the target that nobody else uses: the name of the copy until it is complete.
    sha256
        of the source.

    Raises
    ------
    FileExistsError
        if the target is taken.
    OSError
        if the copy cannot be completed, or reads back differently; nothing is left of it then.
    """
    try:
        _copy_to_part(source, part, sha256)
        rename_new(part, target)
    except OSError:
        discard(part)
        raise


def _copy_to_part(source: str, part: str, sha256: str) -> None:
    with open(source, "rb") as original, open(part, "xb") as copy:
        copy_bytes(original, copy)
        copy.flush()
        os.fsync(copy.fileno())
    if read_digest(part) != sha256:
        raise OSError(errno.EIO, "the copy does not read back as the original")
    _copy_attributes(source, part)
    status = os.stat(source)
    set_times(part, status.st_atime_ns, status.st_mtime_ns, stat.S_IMODE(status.st_mode))


def _copy_attributes(source: str, part: str) -> None:
    """Copy the tags that people gave a file, on Linux, where the other disk can hold them."""
    if not hasattr(os, "listxattr"):  # not of Linux
        return
    with suppress(OSError):
        for name in os.listxattr(source):
            if name.startswith("user."):
                with suppress(OSError):  # too long for the other disk; the next one may fit
                    os.setxattr(part, name, os.getxattr(source, name))


def copy_bytes(original: IO[bytes], copy: IO[bytes]) -> None:
    """Copy what an open file holds."""
    shutil.copyfileobj(original, copy, 2**20)


def set_times(path: str, accessed_ns: int, modified_ns: int, mode: int) -> None:
    """Set times and permissions of a file; a disk without permissions (FAT) gets the times only."""
    if stat.S_IMODE(os.stat(path).st_mode) != mode:
        try:
            os.chmod(path, mode)
        except PermissionError:
            os.utime(path, ns=(accessed_ns, modified_ns))
            return
    os.utime(path, ns=(accessed_ns, modified_ns))


def move_new(source: str, target: str, part: str, sha256: str) -> None:
    """Move a file to a new name; to another disk by a copy that is read back."""
    before = read_stamp(source)
    try:
        rename_new(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy_new(source, target, part, sha256)
        if read_stamp(source) != before:  # written to while it was copied: both stay
            raise OSError(errno.EBUSY, "the file changed while it was copied", source) from error
        remove(source)


def replace_by_copy(source: str, target: str, part: str, sha256: str) -> None:
    """Put a copy of a file in the place of another, in one step."""
    try:
        _copy_to_part(source, part, sha256)
        os.replace(part, target)
    except OSError:
        discard(part)
        raise


def replace_by_link(kept: str, target: str, part: str, *, symbolic: bool) -> None:
    """Put a link to a kept file in the place of another, in one step.

    Raises
    ------
    OSError
        if this disk has no such links, or a hard link would lead to another disk; the file is as it
        was then.
    """
    try:
        if symbolic:
            os.symlink(_leading_to(kept, target), part)
        else:
            os.link(os.path.realpath(kept), part)
        if identity(part) != identity(kept):
            raise OSError(errno.EIO, "the link does not lead to the kept file", part)
        os.replace(part, target)
    except OSError:
        discard(part)
        raise


def _leading_to(kept: str, link: str) -> str:
    """Return the relative path to a file: it stays right if the whole collection is moved."""
    real = os.path.realpath(kept)
    try:
        return os.path.relpath(real, os.path.realpath(os.path.dirname(link)))
    except ValueError:  # on another drive of Windows
        return real


def read_link(path: str) -> str | None:
    """Return the text of a symbolic link, None for everything else."""
    return os.readlink(path) if os.path.islink(path) else None


def text_of_link(goal: str, link: str, *, absolute: bool) -> str:
    """Return the text of a symbolic link that leads to a file."""
    return os.path.realpath(goal) if absolute else _leading_to(goal, link)


def replace_link(link: str, text: str, part: str) -> None:
    """Let a symbolic link lead to something else, in one step."""
    try:
        os.symlink(text, part)
        os.replace(part, link)
    except OSError:
        discard(part)
        raise


def write_new(path: str, contents: bytes, part: str) -> None:
    """Write a new file, whole or not at all.

    Raises
    ------
    FileExistsError
        if the name is taken.
    OSError
        if it cannot be written; nothing is left of it then.
    """
    try:
        with open(part, "xb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        rename_new(part, path)
    except OSError:
        discard(part)
        raise


def remove(path: str) -> None:
    """Remove a name; on Windows a read-only mark must be removed first."""
    try:
        os.unlink(path)
    except PermissionError:
        if sys.platform != "win32":
            raise
        os.chmod(path, stat.S_IWRITE)
        os.unlink(path)


def discard(path: str) -> None:
    """Remove a part that is no longer needed, if it is there."""
    if os.path.lexists(path):
        remove(path)


def sync_folder(folder: str) -> None:
    """Write the names in a folder to the disk, if the system can do that."""
    if sys.platform == "win32":
        return
    handle = os.open(folder or ".", os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # some network disks cannot
        if error.errno not in {errno.EINVAL, errno.EROFS, errno.ENOTSUP}:
            raise
    finally:
        os.close(handle)

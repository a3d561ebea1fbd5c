"""One run at a time on the same files: what a run has checked stays true until it has acted.

Two runs with opposite plans would otherwise each remove what the other one keeps. The lock belongs
to the operating system, which takes it back when the process ends, however it ends. Nothing is
written to the disk for it, except on Windows.

On Linux and macOS a run locks the folder that all its files have in common, and shares a lock on
each folder above it. So two runs meet wherever one of their common folders lies inside the other.
On Windows there is one lock for all runs of one user. Runs on two computers that share a disk do
not see each other's locks. So each keeper is checked again right before a file is removed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator

NO_LOCKS = {  # what a disk answers that has no locks
    errno.ENOLCK,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EINVAL,
    errno.EBADF,
}


@contextlib.contextmanager
def locked(paths: Iterable[str]) -> Iterator[bool]:
    """Keep other runs away from some files while a `with` block runs.

    Parameters
    ----------
    paths
        absolute, of all files that the run reads or changes in the collection.

    Yields
    ------
    bool
        False if this disk has no locks.

    Raises
    ------
    BlockingIOError
        if another run is at work on one of the files, or on others of the same folder.
    """
    with contextlib.ExitStack() as stack:
        if sys.platform == "win32":
            yield _lock_for_user(stack)
        else:
            top = common_folder(paths)
            for folder in _folders_above(top):  # one without locks refuses the runs on it itself
                _lock_folder(stack, folder, shared=True)
            yield _lock_folder(stack, top, shared=False)


def common_folder(paths: Iterable[str]) -> str:
    """Return the deepest folder that exists and holds all the paths, links followed.

    Raises
    ------
    ValueError
        if the paths are on several drives of Windows.
    """
    folders = {os.path.realpath(folder) for folder in {os.path.dirname(path) for path in paths}}
    folder = os.path.commonpath(folders) if folders else os.path.abspath(os.curdir)
    while not os.path.isdir(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return folder


def _folders_above(folder: str) -> list[str]:
    """Return all folders that hold a folder, the outermost first."""
    above = []
    while (parent := os.path.dirname(folder)) != folder:
        above.append(parent)
        folder = parent
    return above[::-1]


def _lock_folder(stack: contextlib.ExitStack, folder: str, *, shared: bool) -> bool:
    """Lock a folder until the stack closes; return False if this disk has no locks."""
    import fcntl

    try:
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # a folder that may be passed, but not listed
        return False
    stack.callback(os.close, handle)
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            raise _blocked(folder) from None
        if error.errno in NO_LOCKS:
            return False
        raise
    return True


def _lock_for_user(stack: contextlib.ExitStack) -> bool:
    """Take the one lock of this user on Windows until the stack closes."""
    import msvcrt

    place = os.path.join(tempfile.gettempdir(), "imgdup_nb.lock")
    handle = os.open(place, os.O_RDWR | os.O_CREAT)
    stack.callback(os.close, handle)
    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EDEADLK}:
            raise _blocked(place) from None
        raise
    return True


def _blocked(folder: str) -> BlockingIOError:
    return BlockingIOError(
        errno.EAGAIN,
        "another run is at work on files of this folder; nothing was changed, wait until it ends",
        folder,
    )

"""Functions that worker processes import: some of their items end or hold up the process."""

import ctypes
import os
import signal

import numpy as np

from imgdup_nb.engine import reading
from imgdup_nb.server import uploads


def _die(how):
    if how == "killed":  # as the system does where memory runs out
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    if how == "exit":
        os._exit(0)
    if how == "segfault":
        ctypes.string_at(0)
    if how == "loop":
        while True:
            pass


def shout(batch):
    """Return each word in capitals; some words end the process."""
    for word in batch:
        _die(word)
    return [word.upper() for word in batch]


def fail(batch):
    """Raise."""
    raise KeyError(batch[0])


def chatter(batch):
    """Write to the outputs of the process as C libraries do."""
    os.write(1, b"chatter" * 1000)
    os.write(2, b"chatter" * 1000)
    return [os.getpid() for _ in batch]


def describe_batch(batch, *, max_pixels):
    """Describe files as a scan does; a file named after a way to die ends the process."""
    for file in batch:
        _die(os.path.splitext(os.path.basename(file.path))[0])
    return reading._describe_batch(batch, max_pixels=max_pixels)


def try_pictures(pictures):
    """Try uploads as the server does; bytes that end with a way to die end the process."""
    for data, _ in pictures:
        _die("exit" if data.endswith(b"exit") else "")
    return uploads.try_pictures(pictures)


def big(batch):
    """Return an array of more bytes than a pipe holds for each item."""
    return [np.full(10_000_000, item, np.uint8) for item in batch]

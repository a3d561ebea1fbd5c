"""The command `imgdup`. Ctrl-C ends it with one line, also while numpy and pandas are loaded.

It is outside the package, because importing anything of `imgdup_nb` loads these.
"""

import os
import signal
import sys

STOPPED = 130


def start() -> int:
    """Load the command line, run it, and return its exit code."""
    heeds = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # nohup ignores it
    try:
        if heeds:  # an exception in the middle of an import may become another one
            signal.signal(signal.SIGINT, _end_at_once)
        from imgdup_nb import cli

        if heeds:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return cli.main()
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped.\n")
        return STOPPED


def _end_at_once(*_: object) -> None:
    """End the process: so far it has only loaded modules."""
    os.write(2, b"\nStopped.\n")
    os._exit(STOPPED)

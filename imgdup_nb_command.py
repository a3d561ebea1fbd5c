"""The command `imgdup`. Ctrl-C ends it with one line, also while numpy and pandas are loaded.

It is outside the package, because importing anything of `imgdup_nb` loads these.
"""

import os
import signal
import sys

STOPPED = 130


def start() -> int:
    """Load the command line, run it, and return its exit code."""
    try:
        heeds = end_on_ctrl_c()
        from imgdup_nb import cli

        if heeds:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return cli.main()
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped.\n")
        return STOPPED


def end_on_ctrl_c() -> bool:
    """Let Ctrl-C end the process while modules are loaded; False if it is ignored, as by nohup.

    An exception in the middle of an import may become another one.
    """
    heeds = signal.getsignal(signal.SIGINT) in {signal.default_int_handler, _end_at_once}
    if heeds:
        signal.signal(signal.SIGINT, _end_at_once)
    return heeds


def _end_at_once(*_: object) -> None:
    """End the process: so far it has only loaded modules."""
    os.write(2, b"\nStopped.\n")
    os._exit(STOPPED)

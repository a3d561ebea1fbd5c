"""Which Chromium the browser tests drive, and how it is started.

``python tests/ui/chromium.py`` prints it, or says how to get one and ends with exit code 1.
"""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PROGRAM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

HOW_TO_INSTALL = """\
No Chromium was found, so the browser tests cannot run. Install one:
    Debian or Ubuntu    sudo apt-get install chromium
    anywhere            python -m playwright install chromium
or name yours in the environment variable CHROMIUM."""

LAUNCH_ARGUMENTS = (
    "--disable-gpu",
    "--disable-dev-shm-usage",
    # A browser of its own accord asks its maker for news, updates and translations: none of that
    # belongs in a test.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    # No other host can be found, so a widget that loads something from elsewhere fails here as it
    # fails offline.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


def find_chromium():
    """Return the path of a Chromium as a string, or None.

    The environment variable ``CHROMIUM`` comes first, then a program on the PATH, then the one that
    ``python -m playwright install chromium`` downloads.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    for name in PROGRAM_NAMES:
        found = shutil.which(name)
        if found:
            return found
    with sync_playwright() as playwright:
        downloaded = playwright.chromium.executable_path
    return downloaded if Path(downloaded).exists() else None


if __name__ == "__main__":
    program = find_chromium()
    print(program or HOW_TO_INSTALL)
    sys.exit(program is None)

"""Open JupyterLab on the first notebook.

``python tools/start_lab.py`` runs it on the demo collection, ``python tools/start_lab.py --photos
"my photos"`` on your own folder. Further options go to JupyterLab.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
FIRST_NOTEBOOK = "01_find_duplicates.ipynb"


def find_photos(folder):
    """Return the absolute path of a folder as the notebooks get it.

    Parameters
    ----------
    folder : str
        As a person types it: relative to the current folder, or beginning with ``~``.

    Raises
    ------
    SystemExit
        When it is no folder.
    """
    path = Path(folder).expanduser().absolute()
    if not path.is_dir():
        sys.exit(f"PHOTOS must be a folder with pictures, and {path} is none; check the spelling.")
    return str(path)


def read_arguments(arguments):
    """Return the folder of photos ("" for none) and the list of options for JupyterLab."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--photos", default="", metavar="FOLDER", help="use these pictures instead of the demo's"
    )
    options, lab_options = parser.parse_known_args(arguments)
    return options.photos, lab_options


def is_superuser():
    """Return whether this is root, as in most containers; JupyterLab then needs a flag."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def main(arguments):
    """Set what the notebook reads, and become JupyterLab."""
    from jupyterlab.labapp import LabApp

    photos, lab_options = read_arguments(arguments)
    if photos:
        os.environ["IMGDUP_PHOTOS"] = find_photos(photos)
    if is_superuser():
        lab_options.append("--allow-root")
    # As options rather than as a file to open, so that the printed address leads to the notebook
    # too.
    where = [
        f"--ServerApp.root_dir={NOTEBOOKS}",
        f"--LabApp.default_url=/lab/tree/{FIRST_NOTEBOOK}",
    ]
    LabApp.launch_instance([*where, *lab_options])


if __name__ == "__main__":
    main(sys.argv[1:])

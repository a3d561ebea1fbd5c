"""Open JupyterLab on the first notebook.

``python tools/start_lab.py`` runs it on the demo collection, ``python tools/start_lab.py --photos
"my photos"`` on your own folder. Further options go to JupyterLab. ``imgdup lab`` does the same on
a copy of the notebooks.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from imgdup_nb.lab import check_photos, find_notebooks, open_lab


def find_photos(folder):
    """Return the absolute path of a folder as the notebooks get it.

    Raises
    ------
    SystemExit
        When it is no folder.
    """
    try:
        return check_photos(folder)
    except NotADirectoryError as error:
        sys.exit(str(error))


def read_arguments(arguments):
    """Return the folder of photos ("" for none) and the list of options for JupyterLab."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--photos", default="", metavar="FOLDER", help="use these pictures instead of the demo's"
    )
    options, lab_options = parser.parse_known_args(arguments)
    return options.photos, lab_options


def main(arguments):
    """Open JupyterLab where the notebooks are."""
    photos, lab_options = read_arguments(arguments)
    open_lab(find_notebooks(), find_photos(photos) if photos else "", lab_options)


if __name__ == "__main__":
    main(sys.argv[1:])

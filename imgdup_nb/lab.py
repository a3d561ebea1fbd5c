"""JupyterLab on the notebooks of the course: copied into your folder, or where they are.

The notebooks travel in the wheel. In a checkout they are in the folder `notebooks` of the project.
Their exercises ask `check_answer` whether an answer is right.
"""

from __future__ import annotations

import hashlib
import numbers
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

FIRST_NOTEBOOK = "01_what_is_a_hash.ipynb"
WORK_NOTEBOOK = "my_pictures.ipynb"  # which is opened on a folder of one's own


def find_notebooks() -> Path:
    """Return the folder of the notebooks that came with the package.

    Raises
    ------
    FileNotFoundError
        if they did not come with it.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / FIRST_NOTEBOOK).is_file():
            return folder
    raise FileNotFoundError("the notebooks did not come with this installation of imgdup-nb")


def copy_notebooks(folder: str | os.PathLike[str]) -> list[Path]:
    """Copy the notebooks, and the pages that they link to, into a folder.

    The pages come into its folder `docs`. Files that are there already stay as they are.

    Returns
    -------
    the notebooks that were copied
    """
    source, target = find_notebooks(), Path(folder)
    docs = source.parent / "docs"  # beside the notebooks; in the copy it is below them
    files = {file: Path("docs", file.name) for file in [*docs.glob("*.md"), *docs.glob("*.png")]}
    files |= {file: file.relative_to(source) for file in sorted(source.rglob("*.ipynb"))}
    copied = []
    for file, place in files.items():
        if any(part.startswith(".") for part in place.parts) or (target / place).exists():
            continue
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".png":
            shutil.copyfile(file, target / place)
            continue
        text = file.read_text("utf-8").replace("../docs/", "docs/").replace("../notebooks/", "../")
        (target / place).write_text(text, "utf-8", newline="\n")
        copied += [target / place] if file.suffix == ".ipynb" else []
    return copied


def digest_answer(answer: object, decimals: int = 0) -> str:
    """Return eight hex digits that stand for an answer, so that a lesson does not show it.

    Numbers are rounded to `decimals`. Of text, case and surrounding spaces do not count; of a list
    or another collection, the order does not count.
    """
    if isinstance(answer, bool | np.bool_):
        plain = str(bool(answer))
    elif isinstance(answer, numbers.Real):
        plain = f"{round(float(answer), decimals) + 0.0:.{decimals}f}"
    elif isinstance(answer, str):
        plain = answer.strip().casefold()
    elif isinstance(answer, Iterable):
        plain = " ".join(sorted(digest_answer(part, decimals) for part in answer))
    else:
        plain = repr(answer)
    return hashlib.sha256(f"imgdup_nb {plain}".encode()).hexdigest()[:8]


def check_answer(answer: object, digest: str, hint: str = "", *, decimals: int = 0) -> None:
    """Print "right", or "not yet" and a hint: the exercises of the lessons call this.

    Parameters
    ----------
    answer
        a number, a text, or a list of such; None while there is no answer yet
    digest
        what `digest_answer` makes of the right answer
    hint
        a sentence that helps
    decimals
        a number is rounded to so many decimals before it is compared

    Examples
    --------
    >>> from imgdup_nb.lab import check_answer
    >>> check_answer(None, "7c0e5d1a", "count the files")
    not yet: count the files
    """
    if answer is not None and digest_answer(answer, decimals) == digest:
        print("right")
    else:
        print(f"not yet: {hint or 'replace None by your answer'}")


def check_photos(folder: str | os.PathLike[str]) -> str:
    """Return the absolute path of a folder of pictures, as the notebooks get it.

    Raises
    ------
    NotADirectoryError
        if it is no folder.
    """
    path = Path(folder).expanduser().absolute()
    if not path.is_dir():
        raise NotADirectoryError(
            f"PHOTOS must be a folder with pictures, and {path} is none; check the spelling."
        )
    return str(path)


def open_lab(folder: str | os.PathLike[str], photos: str = "", options: Sequence[str] = ()) -> None:
    """Open JupyterLab on the first notebook of a folder, or on that for pictures of one's own.

    Returns when JupyterLab ends.

    Parameters
    ----------
    folder
        where the notebooks are.
    photos
        a folder of pictures that the notebooks use in place of the demo collection.
    options
        further options of JupyterLab.

    Raises
    ------
    ImportError
        without JupyterLab.
    """
    try:
        from jupyterlab.labapp import LabApp
    except ImportError as error:
        raise ImportError('JupyterLab is not installed: pip install "imgdup-nb[lab]"') from error
    if photos:
        os.environ["IMGDUP_PHOTOS"] = check_photos(photos)
    notebook = Path(folder).absolute() / (WORK_NOTEBOOK if photos else FIRST_NOTEBOOK)
    beside = (notebook.parent.parent / "docs" / "glossary.md").is_file()  # as in a checkout
    top = notebook.parent.parent if beside else notebook.parent  # what notebooks link to is in it
    # as options and not as a file to open, so that the printed address leads to the notebook too
    where = [
        f"--ServerApp.root_dir={top}",
        f"--LabApp.default_url=/lab/tree/{notebook.relative_to(top).as_posix()}",
    ]
    root = ["--allow-root"] if _is_superuser() else []
    LabApp.launch_instance([*where, *options, *root])


def _is_superuser() -> bool:
    """Tell whether this is root, as in most containers; JupyterLab then needs a flag."""
    return hasattr(os, "geteuid") and os.geteuid() == 0

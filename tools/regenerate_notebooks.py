"""Run the notebooks again and store them with what they show.

``python tools/regenerate_notebooks.py`` runs all of them, solutions included, ``...
notebooks/01*.ipynb`` some. ``--check`` writes nothing and says whether the stored notebooks are
what a run gives, byte for byte.

Each notebook runs from top to bottom in a fresh copy of the folder, so none depends on what another
left behind. What is stored holds nothing that changes from one run to the next: no times, no random
widget names, no program versions.
"""

import argparse
import base64
import difflib
import io
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"

CELL_TIMEOUT_SECONDS = 120
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

WARNING_PLACE = re.compile(
    r"\S*ipykernel_\d+\S*\.py:\d+: "
)  # a warning in a cell names a temporary file

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGE_PNG_BYTES = 60_000
PNG_TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt", b"tIME")


def find_notebooks(folder=NOTEBOOKS):
    """Return the sorted paths of the notebooks in a folder and below, without Jupyter's backups."""
    return sorted(
        path for path in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
    )


def run_notebook(path):
    """Run a notebook in a fresh copy of its folder.

    Parameters
    ----------
    path : pathlib.Path
        The notebook; the file is left as it is.

    Returns
    -------
    nbformat.NotebookNode
        The notebook with its outputs.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        When a cell fails that is not tagged ``raises-exception``.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
    folder = NOTEBOOKS if path.is_relative_to(NOTEBOOKS) else path.parent
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, "notebooks")
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("demo", ".ipynb_checkpoints"))
        working_folder = copy / path.relative_to(folder).parent
        client = NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT_SECONDS,
            kernel_name="python3",
            extra_arguments=[
                "--log-level=ERROR"
            ],  # not the kernel's remark on every start that it speaks TCP
            # two prints give one output, however the kernel happened to send them
            coalesce_streams=True,
            resources={"metadata": {"path": str(working_folder)}},
        )
        client.execute(env=kernel_environment(scratch))
    return notebook


def kernel_environment(scratch):
    """Return the environment of a kernel: no settings or pictures of the user, no progress bars."""
    environment = os.environ | {"TQDM_DISABLE": "1", "IPYTHONDIR": str(Path(scratch, "ipython"))}
    environment.pop("IMGDUP_PHOTOS", None)
    return environment


def normalise(notebook):
    """Take out of a notebook, in place, whatever changes from one run to the next."""
    notebook.metadata = nbformat.from_dict(
        METADATA
    )  # widget state and Python's version go with the old one
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in ("tags",) if key in cell.metadata}
        )
        for output in cell.get("outputs", []):
            normalise_output(output)


def normalise_output(output):
    """Take random names, program versions and machine paths out of one output, in place."""
    if output.output_type == "error":
        # The sentence is for the reader; the lines above it name files on this machine.
        output.traceback = [f"{output.ename}: {output.evalue}"]
    if output.get("name") == "stderr":
        output.text = WARNING_PLACE.sub("", output.text)
    data = output.get("data", {})
    if len(data) > 1:
        data.pop(WIDGET_VIEW, None)  # a random name of a widget that nobody who reads the file has
    if "image/png" in data:
        png = reduce_colours(strip_png_text(base64.b64decode(data["image/png"])))
        data["image/png"] = base64.b64encode(png).decode("ascii")


def strip_png_text(png):
    """Return a PNG without its text and time chunks; matplotlib writes its version there.

    Parameters
    ----------
    png : bytes
        A whole PNG file.

    Returns
    -------
    bytes
        The same picture.
    """
    kept = [PNG_SIGNATURE]
    start = len(PNG_SIGNATURE)
    while start < len(png):
        # A chunk is its length (4 bytes), its kind (4), that many bytes and a checksum (4).
        end = start + 12 + int.from_bytes(png[start : start + 4], "big")
        if png[start + 4 : start + 8] not in PNG_TEXT_CHUNKS:
            kept.append(png[start:end])
        start = end
    return b"".join(kept)


def reduce_colours(png):
    """Return a large PNG with 256 colours: it looks the same and takes a third of the bytes.

    Parameters
    ----------
    png : bytes
        A whole PNG file. A small one and one with few colours come back as they are.

    Returns
    -------
    bytes
        The picture to store; the same for what was stored so before.
    """
    picture = Image.open(io.BytesIO(png))
    if len(png) < LARGE_PNG_BYTES or picture.mode not in ("RGB", "RGBA"):
        return png
    is_clear = picture.mode == "RGBA" and picture.getchannel("A").getextrema() != (255, 255)
    few = (
        picture.quantize(256, method=Image.Quantize.FASTOCTREE)  # which knows of transparency
        if is_clear
        else picture.convert("RGB").quantize(256)
    )
    file = io.BytesIO()
    few.save(file, "PNG", optimize=True)
    return file.getvalue()


def regenerate(path):
    """Run a notebook and return the text of the file to store."""
    notebook = run_notebook(path)
    normalise(notebook)
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def describe_difference(stored, fresh, max_lines=20):
    """Return the first lines that differ, cut to a readable width; pictures are long."""
    lines = difflib.unified_diff(
        stored.splitlines(), fresh.splitlines(), "stored", "fresh", lineterm="", n=1
    )
    return "\n".join(line[:160] for line, _ in zip(lines, range(max_lines), strict=False))


def update(path, *, check):
    """Regenerate one notebook; with ``check`` only compare. Return whether all is well."""
    try:
        fresh = regenerate(path)
    except CellExecutionError as error:
        print(f"FAILED   {path}\n{error}")
        return False
    stored = path.read_text(encoding="utf-8")
    if fresh == stored:
        print(f"same     {path}")
        return True
    if check:
        print(f"DIFFERS  {path}\n{describe_difference(stored, fresh)}")
        return False
    path.write_text(fresh, encoding="utf-8", newline="\n")
    print(f"written  {path}")
    return True


def main(arguments):
    """Regenerate the named notebooks, or all; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all below notebooks/")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where a run gives other bytes"
    )
    options = parser.parse_args(arguments)
    paths = [path.resolve() for path in options.notebooks] or find_notebooks()
    if not paths:
        parser.error(f"there are no notebooks in {NOTEBOOKS}")
    results = [update(path, check=options.check) for path in paths]
    return int(not all(results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

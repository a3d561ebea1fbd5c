"""Take the picture of the explorer that the README shows: what a user gets.

``python -m tools.picture_explorer`` opens JupyterLab at 1280 x 900 in a headless Chromium, runs the
lines of the README on the demo collection, and writes docs/explorer.png. ``--out FOLDER`` writes
pictures at other widths and in the dark theme there, to look at. Needs what the browser tests need.
"""

import argparse
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "ui"))

from chromium import LAUNCH_ARGUMENTS, find_chromium  # noqa: E402  (after the path)
from labkit import Lab, Notebook, write_notebook  # noqa: E402  (after the path)

SET_UP = """\
import imgdup_nb as dup
import warnings; warnings.simplefilter("ignore")
truth = dup.make_demo_collection("demo")
images = dup.scan_images("demo")
pairs = dup.similar_pairs(dup.fingerprint_images(images))
"""
SHOW = "explorer = dup.ThresholdExplorer(pairs, images)\nexplorer"
SIZE = {"width": 1280, "height": 900}
COLORS = 200  # of the stored picture: it is a quarter as large so
TO_LOOK_AT = [(width, theme) for width in (1280, 850, 450) for theme in ("Light", "Dark")]


def open_explorer(page, lab):
    """Run the notebook, bring the explorer to the top, and wait until it is painted."""
    notebook = Notebook(page, lab, write_notebook(lab.root / "explorer.ipynb", SET_UP, SHOW))
    notebook.open()
    notebook.run_all()
    settle(page)
    page.locator(".jp-Cell").nth(1).evaluate("(cell) => cell.scrollIntoView()")
    settle(page)


def settle(page):
    """Wait until the explorer has nothing left to do, and its pictures are decoded."""
    page.locator(".dup-explorer[data-state=ready]").wait_for(timeout=60_000)
    page.wait_for_timeout(500)


def change_theme(page, theme):
    """Switch JupyterLab to its light or dark theme."""
    page.evaluate(
        "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })",
        f"JupyterLab {theme}",
    )
    page.wait_for_timeout(1500)
    settle(page)


def store(png, path):
    """Write a screenshot with few colours."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)


def main(arguments):
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="take all sizes and themes into this folder")
    out = parser.parse_args(arguments).out
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = Lab(Path(folder))
        lab.start()
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=LAUNCH_ARGUMENTS)
        try:
            page = browser.new_page(viewport=SIZE)
            open_explorer(page, lab)
            if out is None:
                store(page.screenshot(), ROOT / "docs/explorer.png")
            else:
                out.mkdir(parents=True, exist_ok=True)
                for width, theme in TO_LOOK_AT:
                    page.set_viewport_size({**SIZE, "width": width})
                    change_theme(page, theme)
                    page.screenshot(path=out / f"explorer-{width}-{theme.lower()}.png")
        finally:
            browser.close()
            lab.stop()


if __name__ == "__main__":
    main(sys.argv[1:])

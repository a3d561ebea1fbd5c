"""Take the pictures of the explorer that README and docs show: what a user gets.

``python -m tools.picture_explorer`` opens JupyterLab at 1280 x 900 in a headless Chromium, runs the
lines of the README on the demo collection, and writes docs/explorer.png. Then it moves the
threshold in the page without a kernel, and writes docs/explorer.webp and, of the map,
docs/map.png. ``--out FOLDER`` writes pictures at other widths and in the dark theme there, to look
at. Needs what browser tests need.
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

import imgdup_nb as dup  # noqa: E402  (after the path)
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
SIZE_OF_FRAMES = {"width": 900, "height": 760}
FRAME = {"x": 14, "y": 0, "width": 872, "height": 616}
SIZE_STORED = (785, 554)
N_LEVELS = 9  # from 95 down to 70
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


def store_moving(browser, folder):
    """Write docs/explorer.webp: the threshold moves from 95 down to 70."""
    dup.make_demo_collection(folder / "demo")
    images = dup.scan_images(folder / "demo")
    pairs = dup.similar_pairs(dup.fingerprint_images(images), min_similarity=50)
    dup.ThresholdExplorer(pairs, images).save_html(folder / "explorer.html")
    page = browser.new_page(viewport=SIZE_OF_FRAMES)
    page.goto((folder / "explorer.html").as_uri())
    page.locator(".dup-explorer").evaluate("(explorer) => explorer.scrollIntoView()")
    page.get_by_role("button", name="95", exact=True).click()
    page.get_by_role("slider").first.focus()
    frames, durations = [], []
    for level in range(N_LEVELS):
        if level:
            page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(300)
        picture = Image.open(io.BytesIO(page.screenshot(clip=FRAME))).convert("RGB")
        frames.append(picture.resize(SIZE_STORED, Image.Resampling.LANCZOS))
        durations.append(1800 if level in (0, 2, N_LEVELS - 1) else 600)
    frames[0].save(
        ROOT / "docs/explorer.webp",
        save_all=True,
        append_images=frames[1:],
        duration=durations,
        loop=0,
        quality=70,
        method=6,
    )


def store_map(browser, folder):
    """Write docs/map.png: the map of the demo collection, with the picture of an original."""
    images = dup.scan_images(folder / "demo")
    explorer = dup.ThresholdExplorer(dup.similar_pairs(dup.fingerprint_images(images)), images)
    explorer.map()
    explorer.save_html(folder / "map.html")
    page = browser.new_page(viewport={**SIZE_OF_FRAMES, "width": 1100})
    page.goto((folder / "map.html").as_uri())
    page.locator(".dup-explorer[data-state=ready]").wait_for()
    page.locator(".dup-marks-bar").evaluate("(bar) => bar.remove()")  # it covers the lower edge
    page.get_by_test_id("map-canvas").press("n")
    settle(page)
    store(page.locator(".dup-explorer").screenshot(), ROOT / "docs/map.png")


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
                store_moving(browser, Path(folder))
                store_map(browser, Path(folder))
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

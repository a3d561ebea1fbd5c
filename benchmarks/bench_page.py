"""How large the page without a kernel is, how fast it opens, and how fast it follows the slider.

    python benchmarks/bench_page.py FOLDER                    3,000 photographs of the folder
    python benchmarks/bench_page.py --images 50000 --made     made pairs; one picture for all files
    python benchmarks/bench_page.py FOLDER --out results/     writes JSON and a plot, too

If the folder has fewer pictures, a smaller copy of each is added. The page is opened from a file in
headless Chromium. Opening is the time from the navigation to the painted list of groups with its
pictures. A move is the time from the key press to the painted groups of the next level, over 48
moves for each linkage. Needs what the browser tests need: pip install "imgdup-nb[test]", Chromium.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from playwright.sync_api import sync_playwright
from report import save, whole

import imgdup_nb as dup

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "ui"))

from chromium import LAUNCH_ARGUMENTS, find_chromium

LINKAGES = ("star", "connected", "complete")
N_MOVES = 48  # and two before: five times the keys, so each linkage starts at the same level
KEYS = ["ArrowLeft"] * 3 + ["ArrowRight"] * 5 + ["ArrowLeft"] * 2

# milliseconds since the navigation when all is on the screen
OPENED = """\
() => {
  const look = () => {
    const explorer = document.querySelector(".dup-explorer[data-state=ready]");
    const pictures = [...document.querySelectorAll(".dup-gallery img")];
    if (explorer && pictures.every((picture) => picture.complete))
      requestAnimationFrame(() => { window.opened = performance.now(); });
    else requestAnimationFrame(look);
  };
  document.addEventListener("DOMContentLoaded", look);
}
"""
WATCH = """\
() => {
  const explorer = document.querySelector(".dup-explorer");
  window.moves = [];
  document.addEventListener("keydown", (event) => {
    const before = explorer.dataset.threshold;
    const look = () => {
      if (explorer.dataset.threshold === before || explorer.dataset.state !== "ready") {
        requestAnimationFrame(look);
        return;
      }
      // the frame of this change has been painted when the task after it begins
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.moves.push(performance.now() - event.timeStamp);
      channel.port2.postMessage(null);
    };
    requestAnimationFrame(look);
  }, true);
}
"""


def photographs(folder, n_images, room):
    """Return the images table of the folder's pictures and, if need be, of a copy of each."""
    paths = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in IMAGES)
    paths = paths[:n_images]
    for path in paths[: n_images - len(paths)]:
        with Image.open(path) as picture:
            small = picture.convert("RGB").resize((picture.width * 3 // 4, picture.height * 3 // 4))
            small.save(Path(room, f"{path.stem} small.jpg"), quality=80)
    return dup.scan_images([*paths, *sorted(Path(room).glob("*.jpg"))])


IMAGES = {".jpg", ".jpeg", ".png", ".webp"}


def made(n_images, room):
    """Return pairs and images that were made up: a third of the images have close copies."""
    rng = np.random.default_rng(0)
    family = np.sort(rng.integers(0, n_images // 2, n_images))
    bits = np.packbits(rng.random((n_images // 2, 64)) < 0.5, axis=1)[family]
    flips = np.packbits(rng.random((n_images, 64)) < 0.03, axis=1)
    names = [f"holiday/IMG_{k:06d}.jpg" for k in range(n_images)]
    hashes = np.unpackbits(bits ^ flips, axis=1).astype(bool)
    pairs = dup.similar_pairs(dup.Fingerprints.from_bits(names, hashes), min_similarity=75)
    noise = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC).save(Path(room, "x.jpg"))
    path = str(Path(room, "x.jpg"))
    return pairs, pd.DataFrame({"image": pd.Series(names, dtype=object), "path": path})


def measure_moves(page, linkage):
    """Return milliseconds of moves by key at a linkage."""
    page.get_by_test_id("linkage").select_option(linkage)
    page.locator(".dup-explorer[data-state=ready]").wait_for()
    page.get_by_role("slider", name="Similarity threshold").focus()
    for number in range(N_MOVES + 2):
        page.keyboard.press(KEYS[number % len(KEYS)])
        page.wait_for_function("(count) => window.moves.length > count", arg=number)
        page.wait_for_timeout(60)
    moves = page.evaluate("() => window.moves.splice(0)")
    return moves[2:]  # what is done once is not what is felt


def at_most(values, share):
    """Return what a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[int(share * (len(ordered) - 1))]


def measure(path):
    """Return the median opening time of three, and the moves by linkage."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=LAUNCH_ARGUMENTS)
        opened = []
        for _ in range(3):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.add_init_script(f"({OPENED})()")
            page.goto(path.as_uri())
            page.wait_for_function("() => window.opened", timeout=60_000)
            opened.append(page.evaluate("() => window.opened"))
            if len(opened) < 3:
                page.close()
        page.evaluate(WATCH)
        moves = {linkage: measure_moves(page, linkage) for linkage in LINKAGES}
        browser.close()
    return statistics.median(opened), moves


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", help="of photographs")
    parser.add_argument("--images", type=whole, default=3000)
    parser.add_argument("--made", action="store_true", help="made pairs instead of a folder")
    parser.add_argument("--max-mb", type=float, default=6.0)
    parser.add_argument("--out", help="folder for JSON and a plot")
    options = parser.parse_args()
    if not options.made and options.folder is None:
        parser.error("name a folder of photographs, or --made")
    with tempfile.TemporaryDirectory() as room:
        if options.made:
            pairs, images = made(options.images, room)
        else:
            images = photographs(options.folder, options.images, room)
            pairs = dup.similar_pairs(dup.fingerprint_images(images))
        explorer = dup.ThresholdExplorer(pairs, images)
        start = time.process_time()
        path = explorer.save_html(Path(room, "page.html"), max_mb=options.max_mb)
        seconds = time.process_time() - start
        size = path.stat().st_size
        opened, moves = measure(path)
    rows = [
        {
            "images": len(images),
            "pairs": len(pairs),
            "MB": round(size / 1e6, 2),
            "made in s": round(seconds, 1),
            "opens in ms": round(opened),
            "linkage": linkage,
            "move p50 ms": round(statistics.median(values), 1),
            "move p95 ms": round(at_most(values, 0.95), 1),
        }
        for linkage, values in moves.items()
    ]
    save(pd.DataFrame(rows), "page", options.out, x="images", y="move p95 ms", line="linkage")


if __name__ == "__main__":
    main()

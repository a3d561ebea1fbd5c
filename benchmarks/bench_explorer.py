"""How fast the threshold explorer follows, in a real JupyterLab in headless Chromium.

    python benchmarks/bench_explorer.py [pairs,images ...]

For each size it prints, over 40 moves by key: milliseconds from the key press to the painted plot
and to the finished list of groups, and the bytes that came to the browser, all of Jupyter's
protocol included. Names and thumbnails travel once per image, so they are counted apart. Then it
scrolls through the list, a row and a half per frame, and prints milliseconds per frame. Needs what
the browser tests need: pip install "imgdup-nb[test]" and a Chromium.
"""

import argparse
import re
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "ui"))

from chromium import LAUNCH_ARGUMENTS, find_chromium
from labkit import Lab, Notebook, write_notebook

SIZES = [(200_000, 2_000), (2_000_000, 20_000), (200_000, 50_000)]
N_MOVES = 40
MESSAGE_ID = re.compile(rb'"msg_id": ?"([^"]+)"')

SET_UP = """\
import numpy as np, pandas as pd
from PIL import Image
import imgdup_nb as dup

def make_collection(n_pairs, n_images):
    \"\"\"Small families of close copies, and many unrelated images that are somewhat alike.\"\"\"
    rng = np.random.default_rng(0)
    family = np.sort(rng.integers(0, n_images // 3, n_images))
    close = np.flatnonzero(family[1:] == family[:-1])
    left, right = rng.integers(0, n_images, (2, int(1.1 * n_pairs)))
    left, right = np.concatenate([close, left]), np.concatenate([close + 1, right])
    far = 76 - 2 * np.floor(rng.exponential(4, int(1.1 * n_pairs)))
    bits = np.concatenate([2 * rng.integers(0, 14, len(close)), far])
    left, right = np.minimum(left, right), np.maximum(left, right)
    bits = np.maximum(bits, 0).astype(int)
    pairs = pd.DataFrame({"left": left, "right": right, "distance": bits})
    pairs = pairs[pairs.left < pairs.right].drop_duplicates(["left", "right"]).head(n_pairs)
    pairs = pairs.sort_values("distance")
    names = pd.Index([f"holiday/IMG_{k:06d}.jpg" for k in range(n_images)], dtype=object)
    for side in ("left", "right"):
        pairs[side] = pd.Categorical.from_codes(pairs[side], names)
    pairs["similarity"] = 100 * (1 - pairs.distance / 256)
    pairs.attrs = {"method": "phash256", "unit": "bits", "bits": 256, "floor": 70.0,
                   "n_images": n_images, "low_detail": 0}
    return pairs, names

def make_images(names):
    \"\"\"One small picture stands for all files.\"\"\"
    Image.effect_noise((320, 240), 60).convert("RGB").save("picture.jpg")
    return pd.DataFrame({"image": pd.Series(list(names), dtype=object), "path": "picture.jpg"})
"""

SHOW = """\
pairs, names = make_collection({n_pairs}, {n_images})
explorer = dup.ThresholdExplorer(pairs, make_images(names), threshold=90)
explorer
"""

WATCH = """\
() => {
  const explorer = document.querySelector(".dup-explorer");
  window.moves = [];
  document.addEventListener("keydown", (event) => {
    const move = { start: event.timeStamp };
    window.moves.push(move);
    const painted = new MutationObserver(() => {
      painted.disconnect();
      // the frame of this change has been painted when the task after it begins
      requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => { move.plot = performance.now() - move.start; };
        channel.port2.postMessage(null);
      });
    });
    painted.observe(explorer, { attributeFilter: ["data-threshold"] });
    const finished = new MutationObserver(() => {
      if (explorer.dataset.state !== "ready" || !move.plot) return;
      finished.disconnect();
      move.groups = performance.now() - move.start;
    });
    finished.observe(explorer, { attributeFilter: ["data-state"] });
  }, true);
}
"""


SCROLL = """\
async () => {
  const gallery = document.querySelector(".dup-gallery");
  const frame = () => new Promise(requestAnimationFrame);
  const times = [];
  let last = await frame();
  for (let count = 0; count < 150; count += 1) {
    gallery.scrollTop += 200;
    const now = await frame();
    times.push(now - last);
    last = now;
  }
  return times;
}
"""


class Traffic:
    """Count the bytes that WebSockets brought to the page; names and thumbnails apart."""

    def __init__(self, page):
        self.n_bytes = self.n_picture_bytes = 0
        self._picture_requests = set()
        page.on("websocket", self._listen)

    def _listen(self, socket):
        socket.on("framesent", self._note)
        socket.on("framereceived", self._count)

    def _note(self, payload):
        if b'"type":"pictures"' in as_bytes(payload):
            self._picture_requests.update(MESSAGE_ID.findall(as_bytes(payload)))

    def _count(self, payload):
        content = as_bytes(payload)
        if self._picture_requests.intersection(MESSAGE_ID.findall(content)):
            self.n_picture_bytes += len(content)
        else:
            self.n_bytes += len(content)


def as_bytes(payload):
    """Return what a WebSocket carried as bytes."""
    return payload if isinstance(payload, bytes) else payload.encode()


def press(page, key):
    """Press a key and wait until the explorer has nothing left to do; return the measured move."""
    page.keyboard.press(key)
    page.wait_for_function("() => window.moves.at(-1).plot", timeout=20_000)
    page.locator(".dup-explorer[data-state=ready]").wait_for(timeout=60_000)
    page.wait_for_timeout(150)
    return page.evaluate("() => window.moves.at(-1)")


def measure(browser, lab, n_pairs, n_images):
    """Return moves and traffic of one size, the frame times of scrolling and the group count."""
    page = browser.new_page(viewport={"width": 1280, "height": 1100})
    traffic = Traffic(page)
    show = SHOW.format(n_pairs=n_pairs, n_images=n_images)
    path = write_notebook(lab.root / f"bench-{n_pairs}-{n_images}.ipynb", SET_UP, show)
    notebook = Notebook(page, lab, path)
    notebook.open()
    notebook.run_all(timeout_seconds=600)
    page.locator(".dup-explorer[data-state=ready]").wait_for(timeout=60_000)
    page.evaluate(WATCH)
    page.get_by_role("slider", name="Similarity threshold").focus()
    for key in ("ArrowRight", "ArrowLeft"):
        press(page, key)  # what is done once is not what is felt
    traffic.n_bytes = traffic.n_picture_bytes = 0
    keys = ["ArrowRight"] * 5 + ["ArrowLeft"] * 15 + ["ArrowRight"] * 10
    moves = [press(page, keys[number % len(keys)]) for number in range(N_MOVES)]
    n_bytes = traffic.n_bytes
    n_groups = int(page.get_by_test_id("groups").inner_text().replace(",", ""))
    frames = page.evaluate(SCROLL)
    page.locator(".dup-explorer[data-state=ready]").wait_for(timeout=60_000)
    page.close()
    traffic.n_bytes = n_bytes
    return moves, traffic, frames, n_groups


def describe(values):
    """Return median and 95th percentile as text."""
    ordered = sorted(values)
    return f"{statistics.median(ordered):5.0f} / {ordered[int(0.95 * (len(ordered) - 1))]:5.0f}"


def read_size(text):
    """Return pairs and images of an argument such as 200000,2000."""
    n_pairs, n_images = map(int, text.split(","))
    return n_pairs, n_images


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sizes", nargs="*", type=read_size, default=SIZES, metavar="pairs,images")
    sizes = parser.parse_args().sizes
    moving = "plot ms p50 / p95 | groups ms p50 / p95 | bytes per move | names and thumbnails"
    print(f"     pairs   images | {moving} | scroll ms p50 / p95")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = Lab(Path(folder))
        lab.start()
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=LAUNCH_ARGUMENTS)
        try:
            for n_pairs, n_images in sizes:
                moves, traffic, frames, n_groups = measure(browser, lab, n_pairs, n_images)
                lab.stop_kernels()
                plot, groups = (
                    describe([move[part] for move in moves if part in move])
                    for part in ("plot", "groups")
                )
                print(
                    f"{n_pairs:10,} {n_images:8,} | {plot:>17} | {groups:>19} | "
                    f"{traffic.n_bytes / len(moves):14,.0f} | "
                    f"{traffic.n_picture_bytes / len(moves):20,.0f} | {describe(frames)} "
                    f"({n_groups:,} groups)"
                )
        finally:
            browser.close()
            lab.stop()


if __name__ == "__main__":
    main()

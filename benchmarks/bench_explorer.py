"""How fast the threshold explorer follows, in a real JupyterLab in headless Chromium.

    python benchmarks/bench_explorer.py [pairs,images ...]
    python benchmarks/bench_explorer.py --hashes 10000 60000 200000

--hashes makes that many hashes, of which one pair in 1,000 to 2,000 is 70 % similar, as among
photographs, and one in ten is a near copy. It takes the pairs that `similar_pairs` lists by
default. The pairs below its floor are counted with `count_pairs` and drawn, too. Seconds to open
are those from the call of `ThresholdExplorer` until the browser has painted the groups; GB is the
peak of the kernel. Seconds of the kernel are those of its processor, which say more than the clock
on a busy machine.

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

def make_hashes(n):
    \"\"\"Hashes whose bits depend on each other, as of photographs; one in ten is a copy.\"\"\"
    rng = np.random.default_rng(0)
    kinds, weights = rng.normal(size=(n, 12)), rng.normal(size=(12, 64))
    values = 0.22 * kinds @ weights + rng.normal(size=(n, 64))
    bits = values > np.median(values, axis=1, keepdims=True)
    copies = np.arange(0, n - 1, 10)
    bits[copies + 1] = bits[copies] ^ (rng.random((len(copies), 64)) < 0.03)
    return dup.Fingerprints.from_bits([f"holiday/IMG_{k:06d}.jpg" for k in range(n)], bits)
"""

SHOW = """\
pairs, names = make_collection({n_pairs}, {n_images})
images, settings = make_images(names), {{}}
"""

SHOW_HASHES = """\
import time, warnings
warnings.simplefilter("ignore")
prints = make_hashes({n})
pairs, images = dup.similar_pairs(prints), make_images(prints.names)
start = time.process_time()
settings = {{"counts": prints.count_pairs()}}
counting = time.process_time() - start
"""

OPEN = """\
import time
begun, used = time.time(), time.process_time()
explorer = dup.ThresholdExplorer(pairs, images, threshold=90, **settings)
explorer
"""

PROCESSOR = "__import__('time').process_time()"  # of the kernel, seconds
FACTS = {
    "begun": "begun",
    "used": "used",
    "floor": "pairs.attrs['floor']",
    "pairs": "len(pairs)",
    "counting": "globals().get('counting', 0.0)",
    "gb": "__import__('resource').getrusage(0).ru_maxrss / 2**20",
}

WATCH_OPENING = """\
() => {
  const look = () => {
    if (!document.querySelector(".dup-explorer[data-state=ready] .dup-row")) return;
    watching.disconnect();
    requestAnimationFrame(() => setTimeout(() => { window.opened = Date.now() / 1000; }));
  };
  const watching = new MutationObserver(look);
  const all = { subtree: true, childList: true, attributes: true };
  watching.observe(document.body, all);
}
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


def measure(browser, lab, show, name):
    """Return moves and traffic of one table, the frame times of scrolling, and facts about it."""
    page = browser.new_page(viewport={"width": 1280, "height": 1100})
    traffic = Traffic(page)
    path = write_notebook(lab.root / f"bench-{name}.ipynb", SET_UP, show, OPEN)
    notebook = Notebook(page, lab, path)
    notebook.open()
    page.evaluate(WATCH_OPENING)
    notebook.run_all(timeout_seconds=900)
    page.locator(".dup-explorer[data-state=ready]").wait_for(timeout=60_000)
    page.wait_for_function("() => window.opened", timeout=60_000)
    opened = notebook.evaluate(PROCESSOR)
    page.evaluate(WATCH)
    page.get_by_role("slider", name="Similarity threshold").focus()
    for key in ("ArrowRight", "ArrowLeft"):
        press(page, key)  # what is done once is not what is felt
    traffic.n_bytes = traffic.n_picture_bytes = 0
    before = notebook.evaluate(PROCESSOR)
    keys = ["ArrowRight"] * 5 + ["ArrowLeft"] * 15 + ["ArrowRight"] * 10
    moves = [press(page, keys[number % len(keys)]) for number in range(N_MOVES)]
    n_bytes, after = traffic.n_bytes, notebook.evaluate(PROCESSOR)
    facts = {key: notebook.evaluate(expression) for key, expression in FACTS.items()}
    facts["opening"] = page.evaluate("() => window.opened") - facts["begun"]
    facts["opening processor"] = opened - facts["used"]
    facts["move processor"] = 1000 * (after - before) / N_MOVES
    facts["groups"] = int(page.get_by_test_id("groups").inner_text().replace(",", ""))
    frames = page.evaluate(SCROLL)
    page.locator(".dup-explorer[data-state=ready]").wait_for(timeout=60_000)
    page.close()
    traffic.n_bytes = n_bytes
    return moves, traffic, frames, facts


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
    parser.add_argument("--hashes", nargs="+", type=int, metavar="images")
    options = parser.parse_args()
    if options.hashes:
        cases = [(n, SHOW_HASHES.format(n=n)) for n in options.hashes]
    else:
        cases = [(n, SHOW.format(n_pairs=n_pairs, n_images=n)) for n_pairs, n in options.sizes]
    moving = "plot ms p50 / p95 | groups ms p50 / p95 | bytes per move | names and thumbnails"
    opening = "floor | opens in s | kernel s |   GB | kernel ms per move | count_pairs s"
    print(f"     pairs   images | {moving} | scroll ms p50 / p95 | {opening}")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = Lab(Path(folder))
        lab.start()
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=LAUNCH_ARGUMENTS)
        try:
            for number, (n_images, show) in enumerate(cases):
                moves, traffic, frames, facts = measure(browser, lab, show, str(number))
                lab.stop_kernels()
                plot, groups = (
                    describe([move[part] for move in moves if part in move])
                    for part in ("plot", "groups")
                )
                print(
                    f"{facts['pairs']:10,} {n_images:8,} | {plot:>17} | {groups:>19} | "
                    f"{traffic.n_bytes / len(moves):14,.0f} | "
                    f"{traffic.n_picture_bytes / len(moves):20,.0f} | {describe(frames):>19} | "
                    f"{facts['floor']:5.1f} | {facts['opening']:10.1f} | "
                    f"{facts['opening processor']:8.1f} | {facts['gb']:4.2f} | "
                    f"{facts['move processor']:18.0f} | {facts['counting']:13.1f} "
                    f"({facts['groups']:,} groups)",
                    flush=True,
                )
        finally:
            browser.close()
            lab.stop()


if __name__ == "__main__":
    main()

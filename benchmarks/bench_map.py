"""How smoothly the map of the explorer moves, in headless Chromium.

    python benchmarks/bench_map.py [images ...]

Makes hashes, two thirds of them in families of near copies, and opens the explorer with its map in
a bare page: the real module and the real Python object, without Jupyter. Prints processor seconds
of the layout, then milliseconds (median / 95 %) between two frames while the map is dragged and
while the wheel zooms (idle: while nothing moves, which tells how busy the machine is), and from a
key press to the map and the groups of the next threshold.
Chromium paints without a graphics card here. Needs what the browser tests need: pip install
"imgdup-nb[test]" and a Chromium.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

import imgdup_nb as dup
from imgdup_nb.widgets.circle_layout import circle_positions

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "ui"))

from bridge import Bridge
from chromium import LAUNCH_ARGUMENTS, find_chromium

N_FRAMES = 120
N_MOVES = 20

# one event in each frame: the milliseconds between frames
WATCH = """\
async ([kind, n]) => {
  const canvas = document.querySelector(".dup-map canvas");
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const frame = () => new Promise(requestAnimationFrame);
  const send = (name, step) => {
    const at = { clientX: left + width / 2 + step, clientY: top + height / 2 + step / 2 };
    const more = { pointerId: 1, button: 0, bubbles: true, cancelable: true, deltaY: step };
    const Kind = name === "wheel" ? WheelEvent : PointerEvent;
    canvas.dispatchEvent(new Kind(name, { ...at, ...more }));
  };
  canvas.setPointerCapture = () => {};
  canvas.focus();
  if (kind === "drag") send("pointerdown", 0);
  const between = [];
  let before = await frame();
  for (let k = 0; k < n; k++) {
    if (kind === "drag") send("pointermove", 80 * Math.sin(k / 8));
    if (kind === "zoom") send("wheel", k % 60 < 30 ? -40 : 40);
    const now = await frame();
    between.push(now - before);
    before = now;
  }
  if (kind === "drag") send("pointerup", 0);
  return between;
}
"""
MOVES = """\
async (n) => {
  const tool = document.querySelector(".dup-explorer");
  const slider = tool.querySelector("[role=slider]");
  const times = [];
  for (let k = 0; k < n; k++) {
    const key = k % 8 < 4 ? "ArrowLeft" : "ArrowRight";
    const before = tool.dataset.threshold;
    const start = performance.now();
    slider.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    await new Promise((done) => {
      const look = () =>
        tool.dataset.threshold !== before && tool.dataset.state === "ready"
          ? done()
          : requestAnimationFrame(look);
      requestAnimationFrame(look);
    });
    times.push(performance.now() - start);
  }
  return times;
}
"""


def make_pairs(n):
    rng = np.random.default_rng(0)
    sizes = rng.choice([1, 2, 3, 5, 20], n, p=[0.6, 0.2, 0.1, 0.08, 0.02])
    family = np.repeat(np.arange(n), sizes)[:n]
    bits = (rng.random((n, 64)) < 0.5)[family] ^ (rng.random((n, 64)) < 0.03)
    names = [f"holiday/IMG_{k:06d}.jpg" for k in range(n)]
    return dup.similar_pairs(dup.Fingerprints.from_bits(names, bits), min_similarity=80)


def spread(times):
    return f"{statistics.median(times):.0f} / {np.percentile(times, 95):.0f}"


def measure(page, n):
    explorer = dup.ThresholdExplorer(make_pairs(n))
    circle_positions(explorer.graph)
    start = time.process_time()
    circle_positions(explorer.graph)
    layout = time.process_time() - start
    explorer.map()
    bridge = Bridge(page, explorer, [])
    bridge.open()
    ready = '.dup-explorer[data-state="ready"]'
    page.locator(ready).wait_for(timeout=60_000)
    idle = page.evaluate(WATCH, ["idle", N_FRAMES])
    dragged = page.evaluate(WATCH, ["drag", N_FRAMES])
    zoomed = page.evaluate(WATCH, ["zoom", N_FRAMES])
    moved = page.evaluate(MOVES, N_MOVES)
    print(
        f"{n:,} images, {len(explorer.graph.first):,} pairs: layout {layout:.2f} s; ms a frame: "
        f"idle {spread(idle)}, drag {spread(dragged)}, zoom {spread(zoomed)}; "
        f"threshold {spread(moved)}",
        flush=True,
    )
    bridge.close()
    explorer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="*", type=int, default=[2_000, 50_000])
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(), args=LAUNCH_ARGUMENTS
        )
        for n in parser.parse_args().images:
            page = chromium.new_page(viewport={"width": 1280, "height": 1000})
            measure(page, n)
            page.close()
        chromium.close()


if __name__ == "__main__":
    main()

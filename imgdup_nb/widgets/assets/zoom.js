// One zoom for all views of a pair: wheel, keys, buttons and two fingers enlarge both pictures, and
// the same place stays in the middle of both.

const MOST_ENLARGED = 8;
const ENLARGE_STEP = 1.25; // of a key or a button
const MOVE_STEP = 0.1; // of a key, in parts of what is seen
const DOUBLE_CLICK_STEP = 2.5;
const LINE_HEIGHT = 16; // pixels, of a wheel that counts lines
const WHEEL_ZOOM = 0.002; // per pixel of a wheel, of the logarithm

/** @typedef {"left" | "right" | "over"} Side - a stage; "over" shows what "right" shows */

/** Which part of the pictures of a pair is seen. */
class PairZoom {
  /**
   * @param {Partial<Record<Side, HTMLElement>>} stages - a frame each, with pictures in it
   * @param {{
   *   mayMove: (event: PointerEvent) => boolean,
   *   onChange: (zoom: number) => void,
   *   signal: AbortSignal,
   * }} options - `mayMove` says whether a drag moves the pictures, and not the line of a wipe
   */
  constructor(stages, { mayMove, onChange, signal }) {
    this.stages = stages;
    this.mayMove = mayMove;
    this.onChange = onChange;
    this.pinch = null; // distance of two fingers
    this.begin(null);
    for (const [side, stage] of Object.entries(stages))
      this.listen(/** @type {Side} */ (side), stage, signal);
  }

  /**
   * Show both pictures whole, as of a new pair.
   * @param {Pick<LayersMessage, "sizes" | "transform"> | null} layers
   */
  begin(layers) {
    const [left, right] = layers?.sizes ?? [];
    const [a, b, c, d, e, f] = layers?.transform?.flat() ?? [1, 0, 0, 0, 1, 0];
    const isAligned = Boolean(layers?.transform);
    // from shares of left's width and height to shares of right's
    this.onto = isAligned
      ? [
          [(a * left[0]) / right[0], (b * left[1]) / right[0], c / right[0]],
          [(d * left[0]) / right[1], (e * left[1]) / right[1], f / right[1]],
        ]
      : [
          [1, 0, 0],
          [0, 1, 0],
        ];
    // how much larger a thing is on right, in pixels of each picture
    this.growth = isAligned ? Math.sqrt(Math.abs(a * e - b * d)) : 1;
    this.sizes = isAligned ? { left: left[0], right: right[0] } : null;
    this.reset();
  }

  reset() {
    this.zoom = 1;
    this.middle = [0.5, 0.5]; // in shares of right's width and height
    this.changed();
  }

  // -- listening ---------------------------------------------------------------------------------

  /** @param {Side} side */
  listen(side, stage, signal) {
    const passive = { signal };
    const active = { signal, passive: false };
    stage.addEventListener("wheel", (event) => this.onWheel(side, event), active);
    stage.addEventListener("dblclick", (event) => this.onDoubleClick(side, event), passive);
    stage.addEventListener("touchstart", (event) => this.onTouch(side, event), active);
    stage.addEventListener("touchmove", (event) => this.onTouch(side, event), active);
    stage.addEventListener("touchend", () => (this.pinch = null), passive);
    stage.addEventListener("touchcancel", () => (this.pinch = null), passive);
    let isMoving = false;
    const start = (event) => {
      isMoving = event.button === 0 && this.zoom > 1 && this.mayMove(event);
      if (isMoving) stage.setPointerCapture(event.pointerId);
    };
    const move = (event) => {
      if (!isMoving || this.pinch !== null || !(event.buttons & 1)) return;
      const box = stage.getBoundingClientRect();
      this.moveBy(side, -event.movementX / box.width, -event.movementY / box.height);
    };
    stage.addEventListener("pointerdown", start, passive);
    stage.addEventListener("pointermove", move, passive);
    for (const end of ["pointerup", "pointercancel"])
      stage.addEventListener(end, () => (isMoving = false), passive);
  }

  /** The wheel turns the page, until Ctrl is held or the pictures are enlarged. */
  onWheel(side, event) {
    const isWanted = event.ctrlKey || event.metaKey || this.zoom > 1;
    if (!isWanted) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_HEIGHT : 1);
    this.zoomBy(Math.exp(-pixels * WHEEL_ZOOM), side, this.placeOf(side, event));
  }

  onDoubleClick(side, event) {
    if (this.zoom > 1) this.reset();
    else this.zoomBy(DOUBLE_CLICK_STEP, side, this.placeOf(side, event));
  }

  /** Two fingers enlarge the pictures, and not the page. */
  onTouch(side, event) {
    if (event.touches.length !== 2) return;
    event.preventDefault();
    const [one, other] = event.touches;
    const distance = Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    const between = {
      clientX: (one.clientX + other.clientX) / 2,
      clientY: (one.clientY + other.clientY) / 2,
    };
    if (this.pinch !== null) this.zoomBy(distance / this.pinch, side, this.placeOf(side, between));
    this.pinch = distance;
  }

  /** Where on a stage the pointer is, as shares of its width and height. */
  placeOf(side, { clientX, clientY }) {
    const box = this.stages[side].getBoundingClientRect();
    return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
  }

  // -- changing ----------------------------------------------------------------------------------

  /** Enlarge; what is at `place` of a stage stays there. */
  zoomBy(factor, side = /** @type {Side} */ ("right"), place = [0.5, 0.5]) {
    const before = this.part(side);
    this.zoom = Math.max(1, Math.min(MOST_ENLARGED, this.zoom * factor));
    if (this.zoom < 1.01) {
      this.reset();
      return;
    }
    const { zoom } = this.part(side);
    const middle = before.middle.map(
      (center, axis) => center + (place[axis] - 0.5) * (1 / before.zoom - 1 / zoom),
    );
    this.setMiddle(side, middle);
  }

  /** Move by shares of what is seen. */
  moveBy(side, right, down) {
    const { zoom, middle } = this.part(side);
    this.setMiddle(side, [middle[0] + right / zoom, middle[1] + down / zoom]);
  }

  setMiddle(side, middle) {
    const inside = within(middle, this.zoomOf(side));
    this.middle = side === "left" ? this.toRight(inside) : inside;
    this.changed();
  }

  toRight([x, y]) {
    return this.onto.map(([a, b, c]) => a * x + b * y + c);
  }

  toLeft([x, y]) {
    const [[a, b, c], [d, e, f]] = this.onto;
    const [u, v, size] = [x - c, y - f, a * e - b * d];
    return [(e * u - b * v) / size, (a * v - d * u) / size];
  }

  // -- painting ----------------------------------------------------------------------------------

  /**
   * How much a picture is enlarged. Of two pictures of one thing, that which shows it smaller is
   * enlarged first, until both show it at one size.
   * @param {Side} side
   */
  zoomOf(side) {
    if (side === "over" || this.zoom === 1 || !this.sizes) return this.zoom;
    const { left, right } = this.stages;
    const scales = {
      left: left.clientWidth / this.sizes.left / this.growth,
      right: right.clientWidth / this.sizes.right,
    };
    const smaller = Math.min(scales.left, scales.right);
    return Math.max(1, (this.zoom * smaller) / scales[side] || this.zoom);
  }

  /** Which part of a picture is seen: how much it is enlarged, and its middle. */
  part(side) {
    const zoom = this.zoomOf(side);
    const middle = side === "left" ? this.toLeft(this.middle) : this.middle;
    return { zoom, middle: within(middle, zoom) };
  }

  changed() {
    this.paint();
    this.onChange(this.zoom);
  }

  paint() {
    for (const [side, stage] of Object.entries(this.stages)) {
      const { zoom, middle } = this.part(side);
      stage.style.setProperty("--zoom", String(zoom));
      stage.style.setProperty("--from-left", `${100 * (0.5 - zoom * middle[0])}%`);
      stage.style.setProperty("--from-top", `${100 * (0.5 - zoom * middle[1])}%`);
      stage.toggleAttribute("data-zoomed", this.zoom > 1);
    }
  }
}

/** The nearest middle with which no edge of the picture comes into its frame. */
function within(middle, zoom) {
  const edge = 0.5 / zoom;
  return middle.map((center) => Math.max(edge, Math.min(1 - edge, center)));
}

/** Show the same part of two strips that do not fit into their frames. */
function scrollTogether(moved, scrollers) {
  const share = (node, length, place) =>
    node[place] / Math.max(1, node[`scroll${length}`] - node[`client${length}`]);
  for (const other of scrollers) {
    if (other === moved) continue;
    for (const [length, place] of [
      ["Width", "scrollLeft"],
      ["Height", "scrollTop"],
    ]) {
      const wanted =
        share(moved, length, place) * (other[`scroll${length}`] - other[`client${length}`]);
      // a pixel is left alone: else both would move each other for ever
      if (Math.abs(other[place] - wanted) > 1) other[place] = wanted;
    }
  }
}

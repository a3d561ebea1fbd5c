// Points and lines of a map, written pixel by pixel: tens of thousands in a few milliseconds, the
// same on every machine, while a path of arcs takes ten times as long.
//
// What is painted first stays on top: a pixel is only written where it is more opaque than before.
// The ground stays clear, so the map stands on the colour of the page.

const LOOSE_COLOR = "#757c86"; // can be seen on white and on black
const POINT_RADII = [1.3, 9]; // pixels of the page
const SPACING_SAMPLE = 100; // images
const LINE_ALPHA = 0.5;
const FAINT = 0.22; // opacity of what the lasso leaves out
const MAX_ZOOM = 400;

/** Where the map is on the canvas: world coordinates are -1 to 1, pixels are those of the page. */
class MapView {
  constructor() {
    this.scale = 1;
    this.x = 0; // of the world, in the middle of the canvas
    this.y = 0;
    this.width = 0;
    this.height = 0;
    this.fitted = 1;
  }

  resize(width, height) {
    const isFitted = this.scale === this.fitted;
    [this.width, this.height] = [width, height];
    if (isFitted && this.bounds) this.fit(this.bounds);
  }

  /** Show all of the map. */
  fit(bounds) {
    this.bounds = bounds;
    const { left, right, top, bottom } = bounds;
    const room = Math.max(40, Math.min(this.width, this.height)) - 24;
    const span = Math.max(right - left, bottom - top);
    this.fitted =
      span > 0
        ? Math.min(
            (this.width - 24) / (right - left || 1e-9),
            (this.height - 24) / (bottom - top || 1e-9),
          )
        : room;
    this.fitted = Math.max(1e-6, Math.min(this.fitted, room));
    this.scale = this.fitted;
    this.x = (left + right) / 2;
    this.y = (top + bottom) / 2;
  }

  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
    this.keepInside();
  }

  /** Zoom in by a factor; the point of the canvas stays where it is. */
  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const [x, y] = this.toWorld(px, py);
    const scale = this.scale * factor;
    this.scale = Math.min(Math.max(scale, this.fitted / 2), this.fitted * MAX_ZOOM);
    this.x = x - (px - this.width / 2) / this.scale;
    this.y = y - (py - this.height / 2) / this.scale;
    this.keepInside();
  }

  /** The middle of the canvas stays within the map. */
  keepInside() {
    if (!this.bounds) return;
    const { left, right, top, bottom } = this.bounds;
    this.x = Math.min(Math.max(this.x, left), right);
    this.y = Math.min(Math.max(this.y, top), bottom);
  }

  toWorld(px, py) {
    return [
      this.x + (px - this.width / 2) / this.scale,
      this.y + (py - this.height / 2) / this.scale,
    ];
  }

  toPixels(x, y) {
    return [
      (x - this.x) * this.scale + this.width / 2,
      (y - this.y) * this.scale + this.height / 2,
    ];
  }
}

/** Images as points: where they are, and the groups at the threshold. */
class MapPoints {
  /** @param {Float32Array} places - x and y of each image, NaN of those that are not on the map */
  constructor(places) {
    this.n = places.length / 2;
    this.x = Float32Array.from({ length: this.n }, (_, image) => places[2 * image]);
    this.y = Float32Array.from({ length: this.n }, (_, image) => places[2 * image + 1]);
    this.order = Uint32Array.from({ length: this.n }, (_, image) => image);
    this.nGrouped = 0; // of `order`: these come first
    this.group = new Uint32Array(this.n); // 0 is in no group
    this.color = new Uint8Array(this.n);
    /** @type {Uint32Array} */
    this.lines = new Uint32Array(0); // image, image, image, image, ...
    this.starts = new Uint32Array(1); // of each group in `order`, and the end
    this.spacing = this.measureSpacing();
    this.nShown = this.x.reduce((count, x) => count + Number(!Number.isNaN(x)), 0);
  }

  /** How far an image is from its nearest neighbour: the median of some images. */
  measureSpacing() {
    const step = Math.max(1, Math.floor(this.n / SPACING_SAMPLE));
    const found = [];
    for (let image = 0; image < this.n; image += step) {
      let least = Infinity;
      for (let other = 0; other < this.n; other++) {
        const dx = this.x[other] - this.x[image];
        const dy = this.y[other] - this.y[image];
        if (dx * dx + dy * dy < least && other !== image) least = dx * dx + dy * dy;
      }
      found.push(Math.sqrt(least));
    }
    return found.sort((one, other) => one - other)[found.length >> 1] ?? Infinity;
  }

  get bounds() {
    const bounds = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
    for (let image = 0; image < this.n; image++) {
      if (this.x[image] < bounds.left) bounds.left = this.x[image];
      if (this.x[image] > bounds.right) bounds.right = this.x[image];
      if (this.y[image] < bounds.top) bounds.top = this.y[image];
      if (this.y[image] > bounds.bottom) bounds.bottom = this.y[image];
    }
    return this.nShown ? bounds : { left: -1, right: 1, top: -1, bottom: 1 };
  }

  /**
   * Colour and join the groups: original first, the images of each.
   * @param {Uint32Array} images
   * @param {Uint32Array} sizes
   * @param {Uint32Array} lines - empty where each image is joined to its original
   */
  join(images, sizes, lines) {
    this.group.fill(0);
    this.color.fill(0);
    this.starts = new Uint32Array(sizes.length + 1);
    this.lines = lines.length ? lines : new Uint32Array(2 * (images.length - sizes.length));
    let [row, line] = [0, 0];
    for (let group = 0; group < sizes.length; group++) {
      const original = images[row];
      const color = 1 + (original % GROUP_COLORS.length); // stays when the threshold moves
      for (let place = 0; place < sizes[group]; place++, row++) {
        const image = images[row];
        this.group[image] = group + 1;
        this.color[image] = color;
        if (place && !lines.length) {
          this.lines[line++] = original;
          this.lines[line++] = image;
        }
      }
      this.starts[group + 1] = row;
    }
    this.order.set(images);
    let place = images.length;
    for (let image = 0; image < this.n; image++)
      if (!this.group[image]) this.order[place++] = image;
    this.nGrouped = images.length;
  }

  /** The images of a group, original first. */
  imagesOf(group) {
    return this.order.subarray(this.starts[group - 1], this.starts[group]);
  }

  get nGroups() {
    return this.starts.length - 1;
  }

  /** The image nearest to a place, at most `reach` away; groups come first where they are equal. */
  nearest(x, y, reach) {
    let [best, least] = [-1, reach * reach];
    for (const image of this.order) {
      const dx = this.x[image] - x;
      const dy = this.y[image] - y;
      if (dx * dx + dy * dy < least) {
        best = image;
        least = dx * dx + dy * dy;
      }
    }
    return best;
  }

  /**
   * The images inside of a line, by number.
   * @param {number[][]} corners - x, y
   */
  inside(corners) {
    const xs = corners.map(([x]) => x);
    const ys = corners.map(([, y]) => y);
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
    const found = [];
    for (let image = 0; image < this.n; image++) {
      const x = this.x[image];
      const y = this.y[image];
      if (!(x >= left && x <= right && y >= top && y <= bottom)) continue;
      let isInside = false;
      for (let one = 0, other = xs.length - 1; one < xs.length; other = one++) {
        const isBetween = ys[one] > y !== ys[other] > y;
        if (
          isBetween &&
          x < ((xs[other] - xs[one]) * (y - ys[one])) / (ys[other] - ys[one]) + xs[one]
        )
          isInside = !isInside;
      }
      if (isInside) found.push(image);
    }
    return found;
  }
}

/** Writes points and lines into the pixels of a canvas. */
class PointPainter {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.inks = [LOOSE_COLOR, ...GROUP_COLORS].map(inkOf);
  }

  /** @param {number} density - pixels of the screen per pixel of the page */
  resize(width, height, density) {
    this.density = density;
    this.canvas.width = Math.max(1, Math.round(width * density));
    this.canvas.height = Math.max(1, Math.round(height * density));
    this.margin = Math.ceil((POINT_RADII[1] + 3) * density); // points may reach over the edge
    this.stride = this.canvas.width + 2 * this.margin;
    this.rows = this.canvas.height + 2 * this.margin;
    this.image = new ImageData(this.stride, this.rows);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  /**
   * @param {MapPoints} points
   * @param {MapView} view
   * @param {Set<number> | null} within - the images that stand out, if not all
   */
  paint(points, view, within) {
    this.pixels.fill(0);
    const { density, margin } = this;
    this.scale = view.scale * density;
    this.left = (view.width / 2) * density - view.x * this.scale + margin;
    this.top = (view.height / 2) * density - view.y * this.scale + margin;
    const radius = pointRadius(points, view.scale);
    const stamps = [1, FAINT].map((opacity) => this.stamp(radius * density, opacity));
    const looseStamps = [1, FAINT].map((opacity) => this.stamp(0.75 * radius * density, opacity));
    const { order, nGrouped, n, lines, color } = points;
    const which = (image) => (within && !within.has(image) ? 1 : 0);
    for (let place = 0; place < nGrouped; place++)
      this.dot(points, order[place], stamps[which(order[place])]);
    const alphas = [LINE_ALPHA, FAINT * LINE_ALPHA].map((opacity) => Math.round(255 * opacity));
    for (let line = 0; line < lines.length; line += 2) {
      const ink = this.inks[color[lines[line]]];
      this.line(points, lines[line], lines[line + 1], ink, alphas[which(lines[line])]);
    }
    for (let place = nGrouped; place < n; place++)
      this.dot(points, order[place], looseStamps[which(order[place])]);
    this.context.putImageData(this.image, -margin, -margin);
  }

  /** A disc: for each of its pixels how far it is in the image, and its opacity. */
  stamp(radius, opacity) {
    const [steps, alphas] = [[], []];
    const reach = Math.ceil(radius);
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const alpha = Math.min(1, radius + 0.5 - Math.hypot(dx, dy)) * opacity;
        if (alpha <= 0.02) continue;
        steps.push(dy * this.stride + dx);
        alphas.push(Math.round(255 * alpha) << 24);
      }
    }
    return { steps: Int32Array.from(steps), alphas: Uint32Array.from(alphas), reach };
  }

  dot(points, image, { steps, alphas, reach }) {
    const column = Math.round(points.x[image] * this.scale + this.left);
    const row = Math.round(points.y[image] * this.scale + this.top);
    // a place that is not known is NaN, and no comparison with it is true
    if (!(column >= reach && row >= reach)) return;
    if (column >= this.stride - reach || row >= this.rows - reach) return;
    const { pixels } = this;
    const ink = this.inks[points.color[image]];
    const middle = row * this.stride + column;
    for (let part = 0; part < steps.length; part++) {
      const place = middle + steps[part];
      if (alphas[part] > (pixels[place] & 0xff000000) >>> 0) pixels[place] = alphas[part] | ink;
    }
  }

  line(points, from, to, ink, alpha) {
    const { stride, rows, pixels } = this;
    let x = points.x[from] * this.scale + this.left;
    let y = points.y[from] * this.scale + this.top;
    let dx = points.x[to] * this.scale + this.left - x;
    let dy = points.y[to] * this.scale + this.top - y;
    const isInside = (column, row) =>
      column >= 0 && row >= 0 && column < stride - 1 && row < rows - 1;
    let span = 1;
    if (!isInside(x, y) || !isInside(x + dx, y + dy)) {
      const [low, high] = spanInside([x, y], [dx, dy], [stride - 1, rows - 1]);
      if (!(low < high)) return;
      span = high - low;
      x += dx * low;
      y += dy * low;
    }
    const steps = Math.max(1, Math.ceil(Math.max(Math.abs(dx), Math.abs(dy)) * span));
    dx *= span / steps;
    dy *= span / steps;
    const value = ((alpha << 24) | ink) >>> 0;
    for (let step = 0; step <= steps; step++) {
      const place = ((y + 0.5) | 0) * stride + ((x + 0.5) | 0);
      if (alpha > pixels[place] >>> 24) pixels[place] = value;
      x += dx;
      y += dy;
    }
  }
}

/** Which part of a line, from 0 to 1, is between 0 and `ends`; an empty span where none is. */
function spanInside(start, along, ends) {
  let [low, high] = [0, 1];
  for (const axis of [0, 1]) {
    const [one, other] = [-start[axis] / along[axis], (ends[axis] - start[axis]) / along[axis]];
    if (along[axis] === 0) {
      if (start[axis] < 0 || start[axis] > ends[axis]) return [1, 0];
    } else {
      low = Math.max(low, Math.min(one, other));
      high = Math.min(high, Math.max(one, other));
    }
  }
  return [low, high];
}

/** In pixels of the page: most points do not touch their neighbours, and all can be seen. */
function pointRadius({ spacing }, scale) {
  const [least, most] = POINT_RADII;
  return Math.min(most, Math.max(least, 0.42 * spacing * scale));
}

/** A colour as the lower three bytes of a pixel. */
function inkOf(color) {
  const [red, green, blue] = [1, 3, 5].map((place) =>
    Number.parseInt(color.slice(place, place + 2), 16),
  );
  return (blue << 16) | (green << 8) | red;
}

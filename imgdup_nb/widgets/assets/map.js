// The collection as a map beside the gallery: images are points, groups are joined and coloured.

const ZOOM_STEP = 1.4;
const PAN_STEP = 60; // pixels
const HOVER_REACH = 12; // pixels from a point at which it is still meant
const PAN_SLACK = 4; // pixels that a pointer may move in a click
const MAP_KEYS =
  "Arrow keys move the map, plus and minus zoom, 0 shows all of it, N and P go to the next " +
  "and the previous group, Enter opens it, V shows only the groups in view, Backspace all groups";

class CollectionMapPanel {
  /**
   * @param {{ send: (message: object) => void, pictures: Pictures,
   *   change: (values: Partial<ExplorerTraits>) => void, onSelect: (group: number | null) => void,
   *   onFold: (isShown: boolean) => void, onChange: () => void, signal: AbortSignal }} host
   */
  constructor({ send, pictures, change, onSelect, onFold, onChange, signal }) {
    this.send = send;
    this.pictures = pictures;
    this.change = change;
    this.onSelect = onSelect;
    this.onChange = onChange;
    this.signal = signal;
    this.view = new MapView();
    this.points = new MapPoints(new Float32Array(0));
    this.isAsking = false;
    this.of = null; // which positions the points are; groups of others need the positions anew
    this.within = null;
    this.hovered = -1;
    this.active = 0; // the group that keys have gone to
    /** @type {number[][] | null} */
    this.lasso = null; // what is being drawn, in pixels
    this.toggle = button("Map", () => onFold(this.node.hidden), signal, {
      "aria-expanded": "false",
      "data-testid": "show-map",
      title: "All images as points: groups are joined and coloured, and follow the threshold",
    });
    this.paintSoon = oncePerFrame(() => this.paint());
    this.onMap = new MapPictures(pictures, this.paintSoon);
    this.build();
    this.listen();
  }

  build() {
    const { signal } = this;
    this.title = element("span", { class: "dup-quiet", "data-testid": "map-title" });
    this.lassoMode = button("Lasso", () => this.setLassoMode(!this.isLassoMode), signal, {
      "aria-pressed": "false",
      "data-testid": "lasso",
      title: "Draw a line around points: the gallery shows only their groups (or drag with Shift)",
    });
    const small = { class: "dup-step" };
    const buttons = [
      this.lassoMode,
      button("This view", () => this.chooseView(), signal, {
        "data-testid": "map-view",
        title: "The gallery shows only the groups in the part of the map that you see",
      }),
      button("All", () => this.choose([]), signal, {
        "data-testid": "map-all",
        title: "The gallery shows all groups again",
      }),
      button("−", () => this.zoom(1 / ZOOM_STEP), signal, {
        title: "zoom out",
        "aria-label": "Zoom out",
        ...small,
      }),
      button("+", () => this.zoom(ZOOM_STEP), signal, {
        title: "zoom in",
        "aria-label": "Zoom in",
        ...small,
      }),
      button("Fit", () => this.fit(), signal, { title: "Show the whole map" }),
    ];
    this.all = buttons[2];
    this.canvas = element("canvas", {
      tabindex: 0,
      role: "application",
      "aria-label": "Map of the collection",
      "aria-description": MAP_KEYS,
      "data-testid": "map-canvas",
    });
    this.tip = element("div", { class: "dup-map-tip", hidden: "", "data-testid": "map-tip" });
    this.empty = element("p", { class: "dup-empty", hidden: "" }, "No images to show.");
    this.words = element("p", { class: "dup-hidden", "aria-live": "polite" });
    this.stage = element("div", { class: "dup-map-stage" }, this.canvas, this.empty, this.tip);
    const bar = element("div", { class: "dup-bar" }, ...buttons, this.title);
    this.node = element(
      "section",
      { class: "dup-map", hidden: "", "aria-label": "Map", "data-testid": "map" },
      bar,
      this.stage,
      this.words,
    );
    this.painter = new PointPainter(this.canvas);
    this.resizer = new ResizeObserver(oncePerFrame(() => this.resize()));
    this.resizer.observe(this.stage);
  }

  listen() {
    const { canvas, signal } = this;
    const on = (name, handler, options = {}) =>
      canvas.addEventListener(name, handler, { signal, ...options });
    on("pointerdown", (event) => this.onDown(event));
    on("pointermove", (event) => this.onMove(event));
    on("pointerup", (event) => this.onUp(event));
    on("pointercancel", () => this.drop());
    on("pointerleave", () => this.hover(-1));
    on("keydown", (event) => this.onKey(event));
    on("blur", () => this.hover(-1));
    on(
      "wheel",
      (event) => {
        // elsewhere the wheel scrolls the page: the map takes it once it was clicked
        if (!event.ctrlKey && document.activeElement !== canvas && !this.hasFocus()) return;
        event.preventDefault();
        this.zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
      },
      { passive: false },
    );
  }

  hasFocus() {
    const root = /** @type {Document | ShadowRoot} */ (this.canvas.getRootNode());
    return root.activeElement === this.canvas;
  }

  // -- from the explorer -------------------------------------------------------------------------

  /** @param {Scene} scene */
  setScene(scene) {
    this.toggle.hidden = scene.data.map === false;
    this.hasPictures = scene.data.pictures;
  }

  setShown(isShown) {
    const isHidden = !isShown || this.toggle.hidden;
    if (this.node.hidden === isHidden) return;
    this.node.hidden = isHidden;
    setAttribute(this.toggle, "aria-expanded", !isHidden);
    this.toggle.setAttribute("aria-pressed", String(!isHidden));
    if (isHidden) this.pictures.want("map", [], thumbnailSide());
    this.resize();
    this.ask();
  }

  /** Ask for the positions where they are not known, else for the groups. */
  ask() {
    this.isAsking = !this.node.hidden;
    if (!this.isAsking) return;
    if (this.of === null) setText(this.title, "finding places…"); // loops are compiled once
    this.send({ type: this.of === null ? "map" : "joined" });
  }

  /** Groups have changed. */
  follow() {
    if (!this.isAsking) this.ask();
    else this.isStale = true;
  }

  /** @param {DataView[]} buffers */
  take(message, buffers) {
    if (message.type === "map") {
      this.points = new MapPoints(numbersOf(Float32Array, buffers[0]));
      this.of = message.of;
      this.by = message.by;
      this.hovered = -1;
      this.tip.hidden = true;
      this.onMap.clear();
      this.fit();
      this.ask();
    } else if (message.of !== this.of) {
      this.of = null;
      this.ask();
    } else {
      const [images, sizes, lines] = buffers.map((buffer) => numbersOf(Uint32Array, buffer));
      this.points.join(images, sizes, lines);
      this.active = Math.min(this.active, this.points.nGroups);
      this.isAsking = false;
      if (this.isStale) this.ask();
      this.isStale = false;
      this.showCounts();
      this.paintSoon();
    }
  }

  showCounts() {
    const { n, nShown, nGrouped } = this.points;
    const missing = n > nShown ? `, ${countText(n - nShown)} without a place` : "";
    const chosen = this.within ? `, ${countText(this.within.size)} chosen` : "";
    const by = this.by === "pairs" ? "" : ` by ${this.by}`;
    setText(
      this.title,
      `${plural(nShown, "image")}${by}, ${countText(nGrouped)} in groups${missing}${chosen}`,
    );
    this.empty.hidden = nShown > 0;
  }

  /** @param {ExplorerTraits} state */
  mark({ lassoed = [], shows_map: isShown = false }) {
    this.setShown(isShown);
    this.all.disabled = !lassoed.length;
    if (this.lassoed === lassoed) return;
    this.lassoed = lassoed;
    this.within = lassoed.length ? new Set(lassoed) : null;
    this.showCounts();
    this.paintSoon();
  }

  /** @param {GroupDetails} details */
  select({ rows = [] }) {
    this.selected = rows.map(([id]) => id);
    this.paintSoon();
  }

  // -- moving ------------------------------------------------------------------------------------

  resize() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (this.node.hidden || !width || !height) return;
    const wasEmpty = !this.view.width;
    this.view.resize(width, height);
    if (wasEmpty) this.view.fit(this.points.bounds);
    this.painter.resize(width, height, Math.min(2, window.devicePixelRatio || 1));
    this.paint();
  }

  fit() {
    this.view.fit(this.points.bounds);
    this.paintSoon();
  }

  zoom(factor, px, py) {
    this.view.zoom(factor, px, py);
    this.paintSoon();
  }

  setLassoMode(isOn) {
    this.isLassoMode = isOn;
    setAttribute(this.lassoMode, "aria-pressed", isOn);
    this.stage.classList.toggle("drawing", isOn);
  }

  /** Show only the groups of these images; none shows all groups. */
  choose(images) {
    this.change({ lassoed: images });
  }

  chooseView() {
    const { width, height } = this.view;
    const corners = [
      [0, 0],
      [width, 0],
      [width, height],
      [0, height],
    ];
    this.choose(this.points.inside(corners.map(([px, py]) => this.view.toWorld(px, py))));
  }

  onDown(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.focus({ preventScroll: true });
    const place = [event.offsetX, event.offsetY];
    this.dragged = { start: place, last: place, isMoved: false };
    if (this.isLassoMode || event.shiftKey) this.lasso = [place];
    event.preventDefault();
  }

  onMove(event) {
    const place = [event.offsetX, event.offsetY];
    if (!this.dragged) {
      this.hover(this.imageAt(place));
      return;
    }
    const { start, last } = this.dragged;
    this.dragged.isMoved ||= Math.hypot(place[0] - start[0], place[1] - start[1]) > PAN_SLACK;
    if (!this.dragged.isMoved) return;
    this.hover(-1);
    if (this.lasso) this.lasso.push(place);
    else this.view.pan(place[0] - last[0], place[1] - last[1]);
    this.dragged.last = place;
    this.paintSoon();
  }

  onUp(event) {
    if (!this.dragged) return;
    const { isMoved } = this.dragged;
    const { lasso } = this;
    this.drop();
    if (!isMoved) this.pick(this.imageAt([event.offsetX, event.offsetY]));
    else if (lasso)
      this.choose(this.points.inside(lasso.map(([px, py]) => this.view.toWorld(px, py))));
  }

  drop() {
    this.dragged = this.lasso = null;
    this.paintSoon();
  }

  /** A click: open the group of the image, if it is in one. */
  pick(image) {
    const group = image < 0 ? 0 : this.points.group[image];
    this.active = group;
    if (image < 0 || group) this.onSelect(group || null);
  }

  /** @param {number[]} place */
  imageAt([px, py]) {
    const radius = pointRadius(this.points, this.view.scale);
    const reach = Math.max(HOVER_REACH, radius) / this.view.scale;
    const [x, y] = this.view.toWorld(px, py);
    return this.points.nearest(x, y, reach);
  }

  onKey(event) {
    const moves = {
      ArrowLeft: () => this.view.pan(PAN_STEP, 0),
      ArrowRight: () => this.view.pan(-PAN_STEP, 0),
      ArrowUp: () => this.view.pan(0, PAN_STEP),
      ArrowDown: () => this.view.pan(0, -PAN_STEP),
      "+": () => this.zoomHere(ZOOM_STEP),
      "=": () => this.zoomHere(ZOOM_STEP),
      "-": () => this.zoomHere(1 / ZOOM_STEP),
      0: () => this.fit(),
      n: () => this.goTo(this.active + 1),
      p: () => this.goTo(this.active - 1),
      v: () => this.chooseView(),
      Backspace: () => this.choose([]),
      Enter: () => this.active && this.onSelect(this.active),
    };
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey || event.metaKey || event.altKey || !moves[key]) return;
    if (key === "Enter" && event.shiftKey) return; // runs the cell
    moves[key]();
    event.preventDefault();
    this.paintSoon();
  }

  /** Zoom in on the image that is pointed at, else on the middle. */
  zoomHere(factor) {
    if (this.hovered >= 0)
      [this.view.x, this.view.y] = [this.points.x[this.hovered], this.points.y[this.hovered]];
    this.view.zoom(factor);
    this.showTip();
  }

  /** Bring a group into view and show its original; after the last one comes the first. */
  goTo(group) {
    const { nGroups } = this.points;
    if (!nGroups) return;
    this.active = ((group - 1 + nGroups) % nGroups) + 1;
    const images = this.points.imagesOf(this.active);
    const [x, y] = this.view.toPixels(this.points.x[images[0]], this.points.y[images[0]]);
    const isInView = x > 20 && y > 20 && x < this.view.width - 20 && y < this.view.height - 20;
    if (!isInView) this.view.pan(this.view.width / 2 - x, this.view.height / 2 - y);
    this.hover(images[0]);
    const size = plural(images.length, "image");
    this.words.textContent = `Group ${this.active} of ${nGroups}, ${size}`;
  }

  // -- painting ----------------------------------------------------------------------------------

  /** Show the picture and the name of an image beside its point; -1 hides it. */
  hover(image) {
    if (image === this.hovered) return;
    this.hovered = image;
    this.pictures.want("map-tip", image < 0 ? [] : [image], thumbnailSide());
    this.showTip();
    this.paintSoon();
  }

  /** Pictures have arrived. */
  refresh() {
    if (this.node.hidden) return;
    if (this.hovered >= 0) this.showTip();
    this.paintSoon();
  }

  showTip() {
    const image = this.hovered;
    this.tip.hidden = image < 0;
    if (image < 0) return;
    const { url, problem = "", facts = [] } = this.pictures.get(image, thumbnailSide()) ?? {};
    const [name = "", about = ""] = facts;
    const group = this.points.group[image];
    const size = group ? this.points.imagesOf(group).length : 0;
    this.tip.replaceChildren(
      url
        ? element("img", { src: url, alt: "" })
        : element("span", { class: "dup-broken" }, problem),
      element("b", {}, nameNode(name || "…", 40)),
      element("span", {}, about),
      element("span", {}, group ? `group ${group}: ${plural(size, "image")}` : "in no group"),
    );
    const [x, y] = this.view.toPixels(this.points.x[image], this.points.y[image]);
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    const left = x + 14 + width > this.view.width ? x - 14 - width : x + 14;
    const keepIn = (start, end) => `${Math.max(2, Math.min(start, end - 2))}px`;
    this.tip.style.left = keepIn(left, this.view.width - width);
    this.tip.style.top = keepIn(y - height / 2, this.view.height - height);
  }

  paint() {
    if (!this.node.hidden && this.painter.image) this.paintAll();
    this.onChange();
  }

  paintAll() {
    this.painter.paint(this.points, this.view, this.within);
    const shown = this.hasPictures ? this.onMap.choose(this.points, this.view) : NO_PICTURES;
    this.node.dataset.pictures = String(shown.images.length);
    this.pictures.want("map", shown.images, thumbnailSide());
    this.paintMarks(shown);
    this.node.dataset.scale = (this.view.scale / this.view.fitted).toFixed(3);
  }

  /** Pictures, rings around the selected group and the image pointed at, and the lasso. */
  paintMarks(shown) {
    const { context, density } = this.painter;
    context.save();
    context.scale(density, density);
    this.onMap.paint(context, this.points, this.view, shown);
    context.strokeStyle = context.fillStyle = getComputedStyle(this.canvas).color;
    const radius = Math.max(pointRadius(this.points, this.view.scale), 0.7 * shown.side);
    context.lineWidth = 1.5;
    for (const image of [...(this.selected ?? []), ...(this.hovered < 0 ? [] : [this.hovered])]) {
      const [x, y] = this.view.toPixels(this.points.x[image], this.points.y[image]);
      context.beginPath();
      context.arc(x, y, radius + (image === this.hovered ? 4 : 2), 0, 2 * Math.PI);
      context.stroke();
    }
    if (this.lasso) {
      context.beginPath();
      for (const [px, py] of this.lasso) context.lineTo(px, py);
      context.closePath();
      context.setLineDash([5, 4]);
      context.stroke();
      context.globalAlpha = 0.08;
      context.fill();
    }
    context.restore();
  }

  close() {
    this.resizer.disconnect();
    this.paintSoon.cancel();
  }
}

/** The numbers of a message, copied: a buffer of the notebook may start anywhere. */
function numbersOf(Kind, { buffer, byteOffset, byteLength }) {
  return new Kind(buffer.slice(byteOffset, byteOffset + byteLength));
}

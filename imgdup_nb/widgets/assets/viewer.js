// One view of the pair viewer. Python sends the pictures of a pair once; the browser shows them
// side by side, wiped or blended, and draws on them.

const MODES = [
  ["s", "side", "Side by side", "both pictures beside each other"],
  ["w", "wipe", "Wipe", "one picture on the other; drag the line between them"],
  ["b", "blend", "Blend", "one picture on the other, as transparent as you choose"],
  ["d", "difference", "Difference", "black where both are equally bright"],
];
const NAME = 36; // characters of a name in a caption
const FACTS_TITLE = "width x height in pixels, size and format";
/** @type {Record<string, [right: number, down: number]>} */
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const SCORE_TITLES = [
  "how the similarity is computed",
  "of both pictures as they are",
  "the highest similarity when one picture is turned or mirrored",
  "how different two pictures of 90 % similarity are, by this method",
];
const NEAR_LINE = 24; // pixels beside the line of a wipe in which a drag takes it along
const WIDE = 2.5; // width / height of a picture that needs all of the width

/** @extends {View<ViewerTraits>} */
class Viewer extends View {
  constructor(model, root) {
    super(model, root);
    this.mode = "side"; // the choice; a pair that is not aligned is always shown side by side
    this.shares = { wipe: 50, blend: 50 }; // percent of the left picture that is seen
    /** @type {LayersMessage | null} */
    this.layers = null; // of the pair with the number layers.index
    this.urls = [];
    this.build();
    this.on("change:view", () => this.paint());
    this.on("change:index", () => this.paintPlace());
    this.paint();
  }

  get view() {
    return this.model.get("view");
  }

  get shown() {
    return this.view.aligned ? this.mode : "side";
  }

  get isWorking() {
    const { index, problem } = this.view;
    return this.model.get("index") !== index || (!problem && this.layers?.index !== index);
  }

  // -- building ----------------------------------------------------------------------------------

  build() {
    const { signal } = this;
    this.title = element("h4", { "data-testid": "title", "aria-level": 2 });
    this.found = element("span", {
      class: "dup-quiet",
      "data-testid": "found",
      title: "similarity of this pair in the table of pairs, and the method that found it",
    });
    const busy = { class: "dup-working", "data-testid": "working" };
    this.working = element("span", busy, "working …");
    const turn = (text, key, name, step) => {
      const node = keyButton(text, key, () => this.go(this.model.get("index") + step), signal, {
        "data-testid": name,
        title: `the ${name} pair of the list`,
      });
      node.setAttribute("aria-keyshortcuts", `Arrow${step < 0 ? "Left P" : "Right N"}`);
      return node;
    };
    this.previous = turn("Previous", "←", "previous", -1);
    this.next = turn("Next", "→", "next", 1);
    const tool = (text, key, act, name, title) =>
      keyButton(text, key.toUpperCase(), act, signal, {
        "data-testid": name,
        "aria-pressed": "false",
        title,
      });
    this.modes = MODES.map(([key, mode, text, title]) =>
      tool(text, key, () => this.setMode(mode), mode, title),
    );
    const parts = "outlines the parts of the pictures that agree, and those that differ";
    this.blocks = tool("Blocks", "k", () => this.toggleBlocks(), "blocks", parts);
    const alone = "shows one picture alone, and when pressed again the other one";
    this.blink = tool("Blink", "x", () => this.swap(), "blink", alone);
    this.blink.removeAttribute("aria-pressed");
    this.buildZoomButtons();
    this.slider = element("input", {
      type: "range",
      min: 0,
      max: 100,
      step: 1,
      "data-testid": "slider",
    });
    this.slider.addEventListener("input", () => this.slide(Number(this.slider.value)), { signal });
    this.share = labelled("", this.slider);
    this.share.classList.add("dup-share");
    this.sentence = element("p", { class: "dup-sentence", "data-testid": "sentence" });
    this.legend = element("p", { class: "dup-legend", "data-testid": "legend" });
    this.rows = element("tbody");
    const caption = element("caption", {}, "Similarity by each method");
    const head = tableHead(["method", "similarity", "any turn", "90 % means"], SCORE_TITLES);
    this.table = element("table", { "data-testid": "scores" }, caption, head, this.rows);
    this.buildStages();
    this.keys = this.bindKeys();
    this.open(
      "viewer",
      { tabindex: -1, "aria-label": "Compare pairs of images" },
      element(
        "header",
        { class: "dup-bar" },
        this.title,
        this.found,
        this.working,
        element("span", { class: "dup-spring" }),
        element("div", { class: "dup-turn" }, this.previous, this.next),
      ),
      this.alert,
      element(
        "div",
        { class: "dup-bar dup-actions", role: "group", "aria-label": "View" },
        ...this.modes,
        element("span", { class: "dup-gap" }),
        this.blink,
        this.blocks,
        element("span", { class: "dup-gap" }),
        this.zoomBar,
      ),
      element(
        "div",
        { class: "dup-body" },
        element("div", { class: "dup-look" }, this.pair, this.over, this.legend),
        element("div", { class: "dup-say" }, this.sentence, this.table),
      ),
      this.status,
    );
    this.node.addEventListener("keydown", (event) => this.onKey(event), { signal });
    focusOnClick(this.node, signal);
  }

  buildZoomButtons() {
    const make = (text, name, words, act) =>
      button(text, act, this.signal, {
        "data-testid": name,
        "aria-label": words,
        title: `${words} (key ${text === "\u2212" ? "-" : text})`,
        "aria-keyshortcuts": text === "\u2212" ? "-" : text,
      });
    this.zoomOut = make("\u2212", "zoom-out", "Zoom out", () => this.zoom.zoomBy(1 / ENLARGE_STEP));
    this.zoomIn = make("+", "zoom-in", "Zoom in", () => this.zoom.zoomBy(ENLARGE_STEP));
    this.zoomText = element("span", { class: "dup-zoom-text", "data-testid": "zoom" });
    this.zoomReset = keyButton("Whole", "0", () => this.zoom.reset(), this.signal, {
      "data-testid": "zoom-reset",
      title: "Show both pictures whole",
    });
    const how =
      "Both pictures are enlarged together. Hold Ctrl and turn the wheel, double-click, or use " +
      "two fingers. Drag, or press Shift and an arrow, to see another part.";
    this.zoomBar = element(
      "span",
      { class: "dup-zoom", role: "group", "aria-label": "Zoom", title: how },
      this.zoomOut,
      this.zoomText,
      this.zoomIn,
      this.zoomReset,
    );
  }

  buildStages() {
    const image = (name) =>
      element("img", { class: `dup-${name}`, alt: "", "data-testid": name, draggable: "false" });
    this.images = {
      left: image("left"),
      right: image("right"),
      below: image("below"),
      laid: image("laid"),
      off: image("off"),
    };
    this.drawings = { left: drawing(), right: drawing(), over: drawing() };
    const { left, right, below, laid, off } = this.images;
    this.wiped = element("div", { class: "dup-wiped" }, laid);
    this.line = element("i", { class: "dup-line" });
    const over = [below, this.wiped, off, this.drawings.over, this.line];
    const stage = { class: "dup-stage" };
    /** @type {Record<Side, HTMLElement>} */
    this.stages = {
      left: element("div", stage, left, this.drawings.left),
      right: element("div", stage, right, this.drawings.right),
      over: element("div", { ...stage, role: "img", "data-testid": "stage" }, ...over),
    };
    this.captions = [0, 1, 2].map(() => element("figcaption"));
    this.missing = ["left", "right"].map((side) =>
      element("p", { class: "dup-missing", "data-testid": `missing-${side}` }),
    );
    this.scrollers = [this.stages.left, this.stages.right].map((stage) =>
      element("div", { class: "dup-scroll" }, stage),
    );
    for (const scroller of this.scrollers) {
      scroller.addEventListener("scroll", () => scrollTogether(scroller, this.scrollers), {
        signal: this.signal,
      });
    }
    this.pair = element(
      "div",
      { class: "dup-pair", "data-testid": "pair" },
      ...[0, 1].map((side) =>
        element("figure", {}, this.scrollers[side], this.missing[side], this.captions[side]),
      ),
    );
    for (const kind of ["pointerdown", "pointermove"]) {
      this.stages.over.addEventListener(kind, (event) => this.onPointer(event), {
        signal: this.signal,
      });
    }
    const scroller = element("div", { class: "dup-scroll" }, this.stages.over);
    this.over = element("figure", { class: "dup-over" }, scroller, this.share, this.captions[2]);
    this.zoom = new PairZoom(this.stages, {
      mayMove: (event) => !this.isOnLine(event),
      onChange: (zoom) => this.paintZoom(zoom),
      signal: this.signal,
    });
  }

  bindKeys() {
    const step = (by) => () => this.go(this.model.get("index") + by);
    const keys = { ArrowLeft: step(-1), p: step(-1), ArrowRight: step(1), n: step(1) };
    keys.Home = () => this.go(0);
    keys.End = () => this.go(this.view.total - 1);
    for (const [key, mode] of MODES) keys[key] = () => this.setMode(mode);
    keys["+"] = keys["="] = () => this.zoom.zoomBy(ENLARGE_STEP);
    keys["-"] = () => this.zoom.zoomBy(1 / ENLARGE_STEP);
    keys["0"] = () => this.zoom.reset();
    return { ...keys, k: () => this.toggleBlocks(), x: () => this.swap() };
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isNamed = event.key.length > 1;
    const key = isNamed ? event.key : event.key.toLowerCase();
    const isMove = event.shiftKey && Object.hasOwn(MOVES, key);
    const isMine = isMove || Object.hasOwn(this.keys, key);
    if (!isMine || (isNamed && this.hasArrows(event.target))) return;
    event.preventDefault();
    if (isMove) this.moveZoomed(MOVES[key]);
    // a key that is held turns pages and zooms, but does not blink
    else if (!event.repeat || this.isTurn(key)) this.keys[key]();
  }

  moveZoomed([right, down]) {
    const side = this.shown === "side" ? "right" : "over";
    if (this.zoom.zoom > 1) this.zoom.moveBy(side, MOVE_STEP * right, MOVE_STEP * down);
  }

  /** The slider has arrows of its own, and so has a strip that does not fit. */
  hasArrows(node) {
    return node === this.slider || node.classList.contains("dup-scroll");
  }

  isTurn(key) {
    return ["ArrowLeft", "ArrowRight", "n", "p", "+", "=", "-"].includes(key);
  }

  // -- doing -------------------------------------------------------------------------------------

  go(index) {
    const place = Math.max(0, Math.min(index, this.view.total - 1));
    if (place === this.model.get("index")) return;
    this.model.set("index", place);
    this.model.save_changes();
    this.paintPlace();
  }

  setMode(mode) {
    if (!this.view.aligned && mode !== "side") return;
    this.mode = mode;
    this.paintMode();
  }

  /** Show one picture alone, and at the next call the other one. */
  swap() {
    if (!this.view.aligned) return;
    this.mode = "blend";
    this.setShare(this.shares.blend === 100 ? 0 : 100);
    this.tell(`${shortName(this.view.names[this.shares.blend ? 0 : 1], NAME)} alone`);
  }

  setShare(percent) {
    this.shares[this.mode] = Math.round(Math.max(0, Math.min(100, percent)));
    this.paintMode();
  }

  /** Wipe or fade; of a strip that does not fit, the line stays in sight. */
  slide(percent) {
    this.setShare(percent);
    const scroller = this.stages.over.parentElement;
    if (this.shown === "wipe")
      scroller.scrollLeft = (percent / 100) * (scroller.scrollWidth - scroller.clientWidth);
  }

  toggleBlocks() {
    if (!this.view.aligned) return;
    this.node.toggleAttribute("data-blocks");
    this.paintMode();
  }

  onPointer(event) {
    if (event.type === "pointerdown") this.dragsLine = this.isOnLine(event);
    if (!this.dragsLine || this.shown !== "wipe" || !(event.buttons & 1)) return;
    const box = this.stages.over.getBoundingClientRect();
    this.setShare((100 * (event.clientX - box.left)) / box.width);
  }

  /** Whether a drag moves the line of a wipe: everywhere, or near it in enlarged pictures. */
  isOnLine(event) {
    if (this.shown !== "wipe") return false;
    const line = this.line.getBoundingClientRect();
    return this.zoom.zoom === 1 || Math.abs(event.clientX - line.left) < NEAR_LINE;
  }

  onMessage(message, buffers) {
    if (message.type !== "layers" || message.index !== this.view.index) return;
    const isNew = message.index !== this.layers?.index;
    this.layers = message;
    this.showPictures(buffers);
    this.draw();
    if (isNew) this.zoom.begin(message);
    this.paintPlace();
    this.paintMode();
  }

  // -- painting ----------------------------------------------------------------------------------

  /** Show what is known of the pair; its pictures are asked for. */
  paint() {
    const { view } = this;
    this.showError(view.problem);
    if (this.layers?.index !== view.index) this.zoom.begin(null);
    this.paintPlace();
    this.sentence.textContent = view.sentence;
    this.found.textContent = view.found.length
      ? `${percentText(view.found[0], 2)} similar${byMethod(view.found[1])}`
      : "";
    view.names.forEach((name, side) => {
      this.captions[side].replaceChildren(
        nameNode(name, 60),
        element("span", { class: "dup-quiet", title: FACTS_TITLE }, view.facts[side]),
      );
    });
    this.rows.replaceChildren(...view.scores.map((row) => this.rowNode(row)));
    this.table.hidden = !view.scores.length;
    for (const node of [...this.modes.slice(1), this.blink, this.blocks])
      this.setDisabled(node, !view.aligned);
    this.paintMode();
    if (view.names.length) this.send({ type: "layers", index: view.index });
    const names = view.names.map((name) => shortName(name, NAME));
    this.tell(`${this.title.textContent}: ${names.join(" and ")}. ${view.sentence}`);
  }

  rowNode([method, asIs, anyTurn, meaning]) {
    const isHere = method === this.view.found[1];
    const cells = [percentText(asIs), percentText(anyTurn), meaning].map((text) =>
      element("td", {}, text),
    );
    return element(
      "tr",
      { "aria-current": isHere ? "true" : null },
      element("th", { scope: "row" }, method),
      ...cells,
    );
  }

  paintPlace() {
    const { total } = this.view;
    const index = this.model.get("index");
    this.title.textContent =
      total > 1 ? `Pair ${countText(index + 1)} of ${countText(total)}` : "Two images";
    this.node.toggleAttribute("data-working", this.isWorking);
    this.node.setAttribute("aria-busy", String(this.isWorking));
    this.node.dataset.index = String(this.view.index);
    this.working.hidden = !this.isWorking;
    this.previous.parentElement.hidden = total < 2;
    this.setDisabled(this.previous, index <= 0);
    this.setDisabled(this.next, index >= total - 1);
  }

  /** A disabled button passes its focus to the widget: else the notebook gets the next key. */
  setDisabled(node, isDisabled) {
    if (isDisabled && node.matches(":focus")) this.node.focus();
    node.disabled = isDisabled;
  }

  paintMode() {
    const { shown, view } = this;
    this.node.dataset.mode = shown;
    this.modes.forEach((node, place) =>
      node.setAttribute("aria-pressed", String(MODES[place][1] === shown)),
    );
    const hasBlocks = view.aligned && this.node.hasAttribute("data-blocks");
    this.blocks.setAttribute("aria-pressed", String(hasBlocks));
    this.pair.hidden = shown !== "side";
    this.scrollers.forEach((scroller, side) => {
      const why = view.alone[side] ?? "";
      scroller.hidden = Boolean(why) || !view.names.length;
      this.missing[side].hidden = !why;
      this.missing[side].textContent = why && `Cannot be shown: ${why}.`;
    });
    this.over.hidden = shown === "side";
    this.legend.hidden = !hasBlocks;
    const percent = this.shares[shown] ?? 0;
    this.share.hidden = !(shown in this.shares);
    this.share.firstChild.textContent = shown === "wipe" ? "Wipe" : "Opacity";
    this.slider.value = String(percent);
    const words = this.captionOf(shown, percent);
    this.captions[2].replaceChildren(...words);
    const text = words.map((part) => (typeof part === "string" ? part : part.textContent)).join("");
    setAttribute(this.slider, "aria-valuetext", text);
    setAttribute(this.stages.over, "aria-label", text);
    this.wiped.style.clipPath = shown === "wipe" ? `inset(0 ${100 - percent}% 0 0)` : "none";
    this.wiped.style.opacity = shown === "blend" ? String(percent / 100) : "1";
    const isAlone = shown === "blend" && percent === 100;
    this.images.below.style.visibility = isAlone ? "hidden" : "";
    this.line.style.left = `${percent}%`;
    this.zoom.paint(); // frames that were hidden have a width again
  }

  paintZoom(zoom) {
    setText(this.zoomText, `${Number(zoom.toFixed(1))}×`);
    this.setDisabled(this.zoomOut, zoom === 1);
    this.setDisabled(this.zoomReset, zoom === 1);
    this.setDisabled(this.zoomIn, zoom === MOST_ENLARGED);
  }

  /** What is seen, in words: names and texts. */
  captionOf(shown, percent) {
    const [left, right] = this.view.names.map((name) => nameNode(name, NAME));
    if (shown === "difference") return ["difference of brightness; black: none"];
    if (shown === "wipe") return [left, " left of the line, ", right, " right of it"];
    if (shown !== "blend") return [];
    if (percent === 100) return [left, " alone"];
    return percent === 0 ? [right, " alone"] : [`${percent} % `, left, " over ", right];
  }

  showPictures(buffers) {
    this.dropPictures();
    this.urls = buffers.map(
      (jpeg) => jpeg.byteLength && URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" })),
    );
    const [left, right, laid, off] = this.urls;
    for (const [name, url] of Object.entries({ left, right, below: right, laid, off })) {
      if (url) this.images[name].src = url;
      else this.images[name].removeAttribute("src");
    }
  }

  dropPictures() {
    for (const url of this.urls) if (url) URL.revokeObjectURL(url);
  }

  /** Outline the overlap of both pictures, and draw the blocks. */
  draw() {
    const { sizes, areas, agree, differ } = this.layers;
    const [left, right] = sizes;
    // panoramas stand one above the other, else each has half of the width
    this.pair.toggleAttribute("data-wide", Math.max(left[0] / left[1], right[0] / right[1]) > WIDE);
    for (const [name, size] of Object.entries({ left, right, over: right })) {
      this.stages[name].style.setProperty("--ratio", size[0] / size[1]);
      this.drawings[name].setAttribute("viewBox", `0 0 ${size[0]} ${size[1]}`);
    }
    fillDrawing(this.drawings.left, areas[0], [], []);
    fillDrawing(this.drawings.right, areas[1], agree, differ);
    fillDrawing(this.drawings.over, null, agree, differ);
    const corners = (areas[1] ?? []).map(
      ([x, y]) => `${(100 * x) / right[0]}% ${(100 * y) / right[1]}%`,
    );
    this.images.laid.style.clipPath = corners.length ? `polygon(${corners.join(", ")})` : "none";
    this.legend.replaceChildren(
      element("i", { class: "dup-agrees" }),
      `${plural(agree.length, "block")} ${agree.length === 1 ? "agrees" : "agree"}`,
      element("i", { class: "dup-differs" }),
      `${countText(differ.length)} ${differ.length === 1 ? "differs" : "differ"} (crossed)`,
    );
  }

  close() {
    super.close();
    this.dropPictures();
  }
}

function byMethod(method) {
  return method ? ` by ${method}` : "";
}

/** A drawing on a picture: the outline of the overlap, matching blocks, differing blocks. */
function drawing() {
  const parts = ["dup-halo", "dup-outline", "dup-agree", "dup-differ"].map((name) =>
    shape("path", { class: name }),
  );
  return shape("svg", { preserveAspectRatio: "none", "aria-hidden": "true" }, ...parts);
}

function fillDrawing(svg, area, agree, differ) {
  const polygon = (corners) => `M${corners.map((corner) => corner.join(" ")).join("L")}Z`;
  const crossed = (corners) =>
    `${polygon(corners)}M${corners[0].join(" ")}L${corners[2].join(" ")}`;
  const outline = area ? polygon(area) : "";
  const paths = [outline, outline, agree.map(polygon).join(""), differ.map(crossed).join("")];
  paths.forEach((path, place) => svg.children[place].setAttribute("d", path));
}

// Histogram and curves: drawn for a scene and a width. When the threshold moves, only marks move.

const PLOT_HEIGHTS = { slim: 56, small: 116, large: 240 }; // pixels

class Plot {
  constructor(title, label, explanation) {
    this.svg = shape("svg", { class: "dup-plot", "aria-label": label });
    const words = element("span", { title: explanation }, title);
    this.caption = element("figcaption", {}, words);
    this.node = element("figure", { class: "dup-panel" }, this.caption, this.svg);
    this.height = PLOT_HEIGHTS.small;
    this.threshold = shape(
      "g",
      { class: "dup-threshold" },
      shape("line"),
      shape("rect", { width: 12, height: 16, rx: 4 }),
    );
    this.pinned = shape(
      "g",
      { class: "dup-pinned" },
      shape("line"),
      shape(
        "text",
        { "text-anchor": "middle" },
        "pinned",
        shape("title", {}, "the threshold that is compared with, see Tools"),
      ),
    );
    this.beyond = shape("rect", { class: "dup-beyond" });
  }

  /**
   * The highest count that is drawn.
   * @param {Scene} _scene
   * @returns {number}
   */
  most(_scene) {
    throw new Error("a plot says how high it is");
  }

  /** @returns {SVGGElement} */
  content() {
    throw new Error("a plot has something to draw");
  }

  /** Whether counts go up in equal steps, and not by their logarithms. */
  get isLinear() {
    return false;
  }

  /**
   * @param {Scene} scene
   * @param {{ showTools: boolean, height: number }} options
   */
  draw(scene, { showTools, height }) {
    this.scene = scene;
    this.height = height;
    this.width = this.svg.clientWidth || this.width || 480; // while it is hidden it has no width
    this.svg.setAttribute("height", String(height));
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${height}`);
    this.scales = new Scales(this, scene, this.most(scene), this.isLinear);
    this.svg.replaceChildren(
      this.bands(),
      this.axes(),
      this.content(),
      this.beyond,
      this.pinned,
      this.threshold,
    );
    if (showTools) this.svg.append(this.tools());
  }

  bands() {
    const { scales } = this;
    const group = shape("g", { class: "dup-bands" });
    for (const [place, band] of BANDS.entries()) {
      const left = scales.x(Math.max(band.low, scales.from));
      const right = scales.x(band.high === 100 ? scales.to : band.high);
      if (right - left < 1) continue;
      const area = {
        x: left,
        y: 0,
        width: right - left,
        height: scales.bottom,
        class: place % 2 ? "odd" : "even",
      };
      group.append(shape("rect", area), ...this.bandLabel(band, (left + right) / 2, right - left));
    }
    return group;
  }

  bandLabel(band, x, room) {
    if (room < 48) return [];
    const name = shape("tspan", { class: "name" }, band.name);
    const text = shape("text", { x, y: 13, "text-anchor": "middle" }, name);
    text.append(shape("title", {}, `${band.name} %: ${band.meaning}`));
    if (room > 60 + 6 * band.meaning.length) text.append(`  ${band.meaning}`);
    return [text];
  }

  axes() {
    const { scales } = this;
    const group = shape("g", { class: "dup-axes" });
    for (const tick of scales.countTicks()) {
      const y = scales.y(tick);
      group.append(shape("line", { x1: scales.left, x2: scales.right, y1: y, y2: y }));
      group.append(
        shape("text", { x: scales.left - 7, y: y + 4, "text-anchor": "end" }, shortCount(tick)),
      );
    }
    for (const tick of scales.percentTicks()) {
      group.append(
        shape(
          "text",
          { x: scales.x(tick), y: scales.bottom + 14, "text-anchor": "middle", "data-tick": tick },
          String(tick),
        ),
      );
    }
    return group;
  }

  tools() {
    const group = shape("g", { class: "dup-tools-ticks" });
    for (const [percent, names] of this.scene.data.tools) {
      const x = this.scales.x(percent);
      const tick = shape("path", { d: `M${x - 4} ${this.scales.bottom + 1}h8l-4 -7z` });
      tick.append(shape("title", {}, `${percent} %: ${names}`));
      group.append(tick);
    }
    return group;
  }

  /** The similarity below a point of the page. */
  percentAt(clientX) {
    const box = this.svg.getBoundingClientRect();
    return this.scales.percent((clientX - box.left) * (this.width / box.width));
  }

  mark(threshold, pinned, upper) {
    const { scales } = this;
    const x = scales.x(threshold);
    const [line, grip] = this.threshold.children;
    setLine(line, x, scales.top, scales.bottom);
    filled(grip, { x: x - 6, y: scales.top - 4 }, []);
    this.markPinned(pinned);
    this.markUpper(upper);
  }

  markPinned(pinned) {
    this.pinned.toggleAttribute("hidden", pinned === null);
    if (pinned === null) return;
    const [line, text] = this.pinned.children;
    const x = this.scales.x(pinned);
    setLine(line, x, this.scales.top + 11, this.scales.bottom);
    filled(text, { x, y: this.scales.top + 8 }, []);
  }

  markUpper(upper) {
    this.beyond.toggleAttribute("hidden", upper === null);
    if (upper === null) return;
    const left = this.scales.x(upper);
    const attributes = {
      x: left,
      y: 0,
      width: Math.max(0, this.scales.right - left),
      height: this.scales.bottom,
    };
    filled(this.beyond, attributes, []);
  }
}

function setLine(line, x, top, bottom) {
  filled(line, { x1: x, x2: x, y1: top, y2: bottom }, []);
}

class Histogram extends Plot {
  constructor() {
    super(
      "Pairs at each similarity, in percent",
      "Similarity threshold",
      "A bar counts the pairs of one similarity. The scale is logarithmic, so that few pairs can " +
        "be seen beside many. Bars right of the red line are found. Click a bar to see its pairs.",
    );
    filled(
      this.svg,
      {
        role: "slider",
        tabindex: 0,
        "aria-orientation": "horizontal",
        "aria-valuemax": 100,
        "data-testid": "threshold",
      },
      [],
    );
  }

  most(scene) {
    return Math.max(...scene.data.bars, ...scene.below.map(([_level, _width, count]) => count));
  }

  /** A bar begins at its level and goes right: all that a threshold finds is right of its line. */
  content() {
    const { scene, scales } = this;
    this.last = scene.data.bars.length - 1; // the last bar above the threshold; all when just drawn
    this.bars = scene.data.bars.map((count, place) => {
      const width = Math.max(1.5, scales.x(scene.data.widths[place]) - scales.x(0));
      const y = scales.y(count);
      const bar = {
        x: scales.x(scene.levels[place]) + 0.5,
        y,
        width,
        height: scales.bottom - y,
      };
      const words = `${percentText(scene.levels[place], 2)}: ${plural(count, "pair")}`;
      const title = shape("title", {}, `${words}; a click lists them`);
      if (scene.isJudged) return this.judgedBar(place, count, bar, title);
      const rx = Math.min(2, width / 4);
      return shape("rect", { ...bar, rx, class: "bar", "data-place": place }, title);
    });
    return shape("g", { class: "dup-bars" }, ...this.unlisted(), ...this.bars);
  }

  /** Bars below the floor: no threshold reaches them. */
  unlisted() {
    const { scene, scales } = this;
    return scene.below.map(([level, width, count]) => {
      const y = scales.y(count);
      const across = Math.max(1, scales.x(width) - scales.x(0) - 1);
      const bar = { x: scales.x(level) + 0.5, y, width: across, height: scales.bottom - y };
      const words = `${percentText(level, 2)}: ${plural(count, "pair")}, counted and not listed`;
      return shape("rect", { ...bar, class: "dup-unlisted" }, shape("title", {}, words));
    });
  }

  /** A bar in parts: of its height, each has the share of its pairs that is right or wrong. */
  judgedBar(place, count, { x, y, width, height }, title) {
    const { judged } = this.scene.data;
    let top = y + height;
    const parts = ["right", "wrong", "unknown"].map((name) => {
      const part = count ? (height * judged[name][place]) / count : 0;
      top -= part;
      return shape("rect", { x, y: top, width, height: part, class: `dup-${name}` });
    });
    const names = ["right", "wrong", "unknown"].map((name) => `${judged[name][place]} ${name}`);
    title.append(` (${names.join(", ")})`);
    return shape("g", { class: "bar", "data-place": place }, ...parts, title);
  }

  /** The place of the bar under a pointer; null beside all bars. */
  barAt(target) {
    const bar = target.closest?.(".bar");
    return bar ? Number(bar.dataset.place) : null;
  }

  mark(threshold, pinned, upper) {
    super.mark(threshold, pinned, upper);
    const last = this.scene.place(threshold);
    for (let place = Math.min(last, this.last) + 1; place <= Math.max(last, this.last); place++) {
      this.bars[place].classList.toggle("off", place > last);
    }
    this.last = last;
    setAttribute(this.svg, "aria-valuemin", this.scene.lowest);
    setAttribute(this.svg, "aria-valuenow", threshold);
  }
}

const DETAIL_FROM = 80; // percent; linear curves show the counts from here up

class Curves extends Plot {
  /** @param {{ onScale: () => void, signal: AbortSignal }} options */
  constructor({ onScale, signal }) {
    super(
      "What each threshold finds",
      "Pairs, groups, images in groups, redundant images and largest group by threshold",
      "The numbers above, for every threshold; each line has the colour of its number. " +
        "The pairs are counted in the other plot: there are too many of them for this scale.",
    );
    this.svg.setAttribute("role", "img");
    this.hasLogs = false;
    const setLogs = (checked) => {
      this.hasLogs = checked;
      onScale();
    };
    const choice = checkbox("logarithmic", setLogs, signal, { "data-testid": "logarithmic" });
    choice.node.title =
      "With the pairs, and few can be seen beside many. Else counts go up in equal steps, to the " +
      "highest that there is from 80 % up.";
    this.caption.append(choice.node);
  }

  get isLinear() {
    return !this.hasLogs;
  }

  get names() {
    const hidden = this.isLinear ? ["pairs", "right", "unknown"] : ["unknown"];
    return this.scene.curveNames.filter((name) => !hidden.includes(name));
  }

  most(scene) {
    const last = this.isLinear ? scene.place(DETAIL_FROM) + 1 : scene.levels.length;
    const highest = (names) =>
      Math.max(...names.map((name) => Math.max(...scene.counts(name).slice(0, last))));
    const all = highest(this.names);
    // counts of pairs may be much higher than those of images: they stay at the upper edge
    return this.isLinear ? Math.min(all, 2 * highest(CURVES.slice(1))) : all;
  }

  content() {
    this.dots = this.names.map((name) => shape("circle", { r: 3.5, class: `dup-${name}` }));
    const lines = this.names.map((name) =>
      shape("path", { d: this.steps(this.scene.counts(name)), class: `dup-${name}` }),
    );
    this.counts = this.names.map((name) => this.scene.counts(name));
    return shape("g", { class: "dup-curves" }, ...lines, ...this.dots);
  }

  /** Where a count is drawn; what is higher than a linear scale stays at its upper edge. */
  y(count) {
    return Math.max(this.scales.top - 2, this.scales.y(count));
  }

  /** Steps, not slopes: between two levels nothing changes. */
  steps(counts) {
    const { levels } = this.scene;
    const parts = counts.map((count, place) => {
      const y = this.y(count).toFixed(1);
      const right = this.scales.x(levels[place]).toFixed(1);
      const left = this.scales.x(levels[place + 1] ?? this.scales.listed).toFixed(1);
      return `${place ? "V" : `M${right} `}${y}H${left}`;
    });
    return parts.join("");
  }

  mark(threshold, pinned, upper) {
    super.mark(threshold, pinned, upper);
    const place = this.scene.place(threshold);
    this.dots.forEach((dot, curve) => {
      const count = this.counts[curve][place];
      filled(dot, { cx: this.scales.x(threshold), cy: this.y(count) }, []);
    });
  }
}

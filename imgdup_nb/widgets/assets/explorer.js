// One view of the explorer: listens to the model, paints once per frame, sends what people change.

/** @type {(keyof ExplorerTraits)[]} */
const INPUTS = [
  "method",
  "threshold",
  "linkage",
  "upper",
  "pinned",
  "search",
  "order",
  "only_changed",
  "across",
  "without_bursts",
  "lassoed",
  "shows_map",
];
const KERNEL_PATIENCE = 4000; // milliseconds
const BUSY_AFTER = 200; // milliseconds; a flicker of "working" would only disturb

const CLICK_SLACK = 3; // pixels that a pointer may move in a click

let viewCount = 0;

/** @extends {View<ExplorerTraits>} */
class Explorer extends View {
  constructor(model, root) {
    super(model, root);
    this.showTools = false;
    this.plotSize = "small";
    /** @type {{ group: number, id: number | null } | null} */
    this.wanted = null; // a group to show large
    this.preset = null; // the button pressed for the threshold shown
    this.answered = model.get("asked");
    this.paintSoon = this.oncePerFrame(() => this.paint());
    this.saveSoon = this.oncePerFrame(() => this.model.save_changes());
    this.pictures.of = model.get("method");
    this.build();
    this.listen();
    this.setScene();
    this.setSelection();
    this.send({ type: "rows", first: 0, count: 8 });
  }

  get state() {
    const values = INPUTS.map((name) => [name, this.model.get(name)]);
    return /** @type {ExplorerTraits} */ (Object.fromEntries(values));
  }

  // -- building ----------------------------------------------------------------------------------

  build() {
    const { signal } = this;
    const send = (message) => this.send(message);
    const change = (values) => this.change(values);
    const resize = (size) => this.setPlotSize(size);
    this.head = new Head({ move: (count) => this.moveBy(count), change, resize, signal });
    this.histogram = new Histogram();
    this.curves = new Curves({ onScale: () => this.redraw(), signal });
    const openList = (of) => this.showPairs(of);
    this.numbers = new Numbers({ openList, signal });
    const showTools = (isShown) => this.setShowTools(isShown);
    this.tools = new Tools({ change, showTools, send, signal });
    const openTools = () => this.openTools();
    const showMode = (mode) => (mode === "pairs" ? this.showPairs() : this.showGroups());
    this.filter = new Filter({ change, openTools, showMode, signal });
    const select = (group) => send({ type: "select", group });
    this.gallery = new Gallery({
      send,
      pictures: this.pictures,
      onSelect: select,
      onLarge: (group, id) => this.openGroup(group, id),
      onPaint: () => this.markState(),
      signal,
    });
    const onLarge = (isLarge) => this.makeRoom(isLarge);
    this.pairs = new PairPane({ send, pictures: this.pictures, onLarge, signal });
    this.map = new CollectionMapPanel({
      send,
      pictures: this.pictures,
      change,
      onSelect: select,
      onFold: (isShown) => this.change({ shows_map: isShown }),
      onChange: () => this.markState(),
      signal,
    });
    this.filter.toggle.before(this.map.toggle);
    this.gallery.idPrefix = `dup-${(viewCount += 1)}-row`;
    this.details = new Details({
      pictures: this.pictures,
      send,
      onClose: () => select(null),
      onLarge: (place) => this.openMember(place),
      signal,
    });
    this.busy = element("span", { class: "dup-busy", hidden: "" }, "working…");
    this.filter.count.after(this.busy);
    this.code = this.codeNode();
    this.hint = element("p", { class: "dup-hint", hidden: "", "data-testid": "not-looked-for" });
    this.show();
  }

  show() {
    this.open(
      "explorer",
      {
        role: "group",
        "aria-label": "Duplicate threshold explorer",
        "data-plots": this.plotSize,
      },
      element("div", { class: "dup-top" }, this.head.node, this.numbers.node),
      this.alert,
      element("div", { class: "dup-plots" }, this.histogram.node, this.curves.node),
      this.filter.node,
      this.tools.node,
      this.hint,
      this.map.node,
      this.gallery.node,
      this.pairs.node,
      this.details.node,
      this.code,
      this.status,
    );
  }

  codeNode() {
    this.codeText = element("pre", { "data-testid": "code", tabindex: 0 });
    const node = element(
      "details",
      { class: "dup-code" },
      element(
        "summary",
        { title: "the lines of Python that give these groups" },
        "code for this choice",
      ),
      this.codeText,
    );
    node.addEventListener("toggle", () => node.open && this.send({ type: "code" }), {
      signal: this.signal,
    });
    return node;
  }

  // -- listening ---------------------------------------------------------------------------------

  listen() {
    for (const name of INPUTS) this.on(`change:${name}`, this.paintSoon);
    this.on("change:asked", () => this.showBusySoon());
    this.on("change:scene", () => this.setScene());
    this.on("change:details", () => this.setSelection());
    this.on("change:method", () => this.pictures.clear(this.model.get("method")));
    for (const plot of [this.histogram, this.curves]) this.listenToPointer(plot);
    this.histogram.svg.addEventListener("keydown", (event) => this.onKey(event), {
      signal: this.signal,
    });
    this.resizer = new ResizeObserver(this.oncePerFrame(() => this.redraw()));
    this.resizer.observe(this.histogram.svg);
    this.resizer.observe(this.gallery.node);
  }

  /** A drag moves the threshold, and so does a click; but a click on a bar lists its pairs. */
  listenToPointer(plot) {
    const { svg } = plot;
    let pressed = null; // the bar under the pointer, as long as the pointer has not moved
    let startX = 0;
    const follow = (event) =>
      this.change({ threshold: this.scene.nearest(plot.percentAt(event.clientX)) });
    const start = (event) => {
      if (event.button !== 0 || this.scene.isEmpty) return;
      svg.setPointerCapture(event.pointerId);
      this.histogram.svg.focus({ preventScroll: true });
      pressed = plot === this.histogram ? this.histogram.barAt(event.target) : null;
      startX = event.clientX;
      if (pressed === null) follow(event);
      event.preventDefault();
    };
    const move = (event) => {
      if (!svg.hasPointerCapture(event.pointerId)) return;
      if (pressed !== null && Math.abs(event.clientX - startX) <= CLICK_SLACK) return;
      pressed = null;
      follow(event);
    };
    const end = () => {
      if (pressed !== null) this.showPairs(pressed);
      pressed = null;
    };
    svg.addEventListener("pointerdown", start, { signal: this.signal });
    svg.addEventListener("pointermove", move, { signal: this.signal });
    svg.addEventListener("pointerup", end, { signal: this.signal });
  }

  onKey(event) {
    const { scene } = this;
    const threshold = this.model.get("threshold");
    const targets = {
      ArrowRight: () => scene.step(threshold, 1),
      ArrowUp: () => scene.step(threshold, 1),
      ArrowLeft: () => scene.step(threshold, -1),
      ArrowDown: () => scene.step(threshold, -1),
      PageUp: () => scene.nextBand(threshold, 1),
      PageDown: () => scene.nextBand(threshold, -1),
      Home: () => scene.lowest,
      End: () => scene.levels[0],
    };
    if (scene.isEmpty || !(event.key in targets)) return;
    this.change({ threshold: targets[event.key]() });
    event.preventDefault();
  }

  onMessage(message, buffers) {
    if (message.type === "rows") this.onRows(message);
    if (message.type === "pairs") this.pairs.take(message);
    if (message.type === "combined") this.tools.maker.done();
    if (["map", "joined"].includes(message.type)) this.map.take(message, buffers);
    if (message.type === "why") this.details.showWhy(message);
    if (message.type === "verified") this.pairs.takeVerified(message);
    if (message.type === "pair") this.pairs.takePair(message);
    if (message.type === "layers") this.pairs.takeLayers(message, buffers);
    this.markState();
    if (message.type === "code") this.codeText.textContent = message.text;
  }

  /** Numbers and groups of one moment: those of the last answer. */
  onLost() {
    const known = this.answeredState ?? this.state;
    for (const name of INPUTS) this.model.set(name, known[name]);
    this.model.set("asked", this.answered);
    this.showBusy(false);
    this.paintSoon();
  }

  onError(text) {
    this.gallery.isAsking = this.pairs.isAsking = this.map.isAsking = false; // as in View
    super.onError(text);
    this.markState();
  }

  onRows(message) {
    this.answered = message.asked;
    this.rows = message;
    if (message.following) this.pictures.isAsking = true; // they come without being asked for
    if (!this.isWaiting) {
      this.showBusy(false);
      this.answeredState = this.state;
    }
    this.gallery.threshold = this.model.get("threshold");
    this.gallery.take(message);
    if (this.code.open) this.send({ type: "code" });
    if (!this.isWaiting && !message.first) this.pairs.ask();
    if (!this.isWaiting && !message.first) this.map.follow();
    this.numbers.setFreed(message.freed);
    this.markRows(this.scene.snap(this.model.get("threshold")), this.model.get("pinned"));
    this.markState();
  }

  onPictures(ids) {
    this.gallery.refresh(ids);
    this.details.refresh(ids);
    this.pairs.refresh();
    this.map.refresh();
    this.markState();
  }

  // -- changing ----------------------------------------------------------------------------------

  /**
   * Set traits; `preset` is a threshold of the tutorial, `pin` pins or unpins the threshold.
   * @param {Partial<ExplorerTraits> & { preset?: number, pin?: boolean }} wanted
   */
  change({ preset, pin, ...values }) {
    if (this.isLost) {
      this.paintSoon(); // takes back what the controls show
      return;
    }
    if (preset !== undefined) values.threshold = this.scene.snap(preset);
    if ("threshold" in values || "method" in values) this.preset = preset ?? null;
    this.paintSoon();
    if (values.upper && values.upper <= this.model.get("threshold")) {
      // the range holds at least one level
      values.threshold = this.scene.step(this.scene.snap(values.upper), -1);
    }
    if (pin) values.pinned = this.model.get("pinned") === null ? this.model.get("threshold") : null;
    const names = /** @type {(keyof ExplorerTraits)[]} */ (Object.keys(values));
    const changed = names.filter((name) => this.model.get(name) !== values[name]);
    if (!changed.length) return;
    const asked = this.model.get("asked") + 1;
    if (!this.isWaiting && !this.pictures.isAsking && !this.gallery.node.hidden)
      this.model.set("screen", [...this.gallery.firstScreen(), asked]);
    for (const name of changed) this.model.set(name, values[name]);
    this.model.set("asked", asked);
    this.showError("");
    this.saveSoon();
  }

  moveBy(count) {
    this.change({ threshold: this.scene.step(this.model.get("threshold"), count) });
  }

  openTools() {
    const isOpen = this.tools.node.hidden;
    this.tools.node.hidden = !isOpen;
    setAttribute(this.filter.toggle, "aria-expanded", isOpen);
  }

  showPairs(of = this.pairs.of) {
    this.filter.setMode("pairs");
    this.gallery.node.hidden = true;
    this.details.node.classList.add("dup-away");
    this.pairs.open(of);
    this.markState();
  }

  /** Show the images of a group large, beside its original: `id` first, if it is not null. */
  openGroup(group, id) {
    if (!this.scene.data.pictures) return;
    const { rows = [], group: selected } = this.model.get("details");
    this.wanted = null;
    if (selected === group) {
      const place = rows.findIndex(([own]) => own === id);
      this.openMember(Math.max(1, place));
    } else {
      this.wanted = { group, id }; // until its table has come
      this.send({ type: "select", group });
    }
  }

  /** Compare an image of the selected group with the original. */
  openMember(place) {
    const { rows = [] } = this.model.get("details");
    if (rows.length < 2) return;
    const [original] = rows[0];
    /** @type {PairRow[]} */
    const queue = rows.slice(1).map(([id, , similarity]) => [original, id, similarity, 0, ""]);
    this.filter.setMode("pairs");
    this.gallery.node.hidden = true;
    this.details.node.classList.add("dup-away");
    this.pairs.openGroup(queue, place - 1, () => this.showGroups());
  }

  showGroups() {
    this.filter.setMode("groups");
    this.pairs.close();
    this.gallery.node.hidden = false;
    this.details.node.classList.remove("dup-away");
    this.gallery.resize();
    this.markState();
  }

  setPlotSize(size) {
    this.plotSize = size;
    this.makeRoom(false);
  }

  /** Fold small plots while a pair is shown large. */
  makeRoom(isWanted) {
    this.node.dataset.plots = isWanted && this.plotSize === "small" ? "slim" : this.plotSize;
    this.redraw();
  }

  setShowTools(isShown) {
    this.showTools = isShown;
    this.tools.toolList.toggleAttribute("hidden", !isShown);
    this.redraw();
  }

  // -- painting ----------------------------------------------------------------------------------

  setScene() {
    this.scene = new Scene(this.model.get("scene"));
    if (this.scene.isEmpty) return;
    this.head.setScene(this.scene, this.state);
    this.tools.setScene(this.scene);
    this.filter.setColumns(this.scene.data.columns);
    this.gallery.setScene(this.scene);
    this.pairs.setScene(this.scene);
    this.map.setScene(this.scene);
    setText(this.hint, this.scene.data.hint ?? "");
    this.hint.hidden = !this.scene.data.hint;
    this.redraw();
  }

  redraw() {
    if (this.scene.isEmpty) return;
    const options = { showTools: this.showTools, height: PLOT_HEIGHTS[this.node.dataset.plots] };
    for (const plot of [this.histogram, this.curves]) plot.draw(this.scene, options);
    this.paint();
    this.gallery.resize();
    this.markState();
  }

  paint() {
    if (this.scene.isEmpty) return;
    const { state, scene } = this;
    const threshold = scene.snap(state.threshold);
    for (const plot of [this.histogram, this.curves])
      plot.mark(threshold, state.pinned, state.upper);
    this.head.mark(scene, threshold, this.preset);
    this.numbers.mark(scene, threshold);
    this.tools.mark(threshold, state);
    this.filter.mark(state);
    this.map.mark(state);
    this.markSlider(threshold);
    this.markRows(threshold, state.pinned);
    this.markState();
  }

  markSlider(threshold) {
    const place = this.scene.place(threshold);
    const { groups, redundant } = this.scene.data;
    const found = plural(groups[place], "group");
    const counts = `${found}, ${plural(redundant[place], "redundant image")}`;
    setAttribute(
      this.histogram.svg,
      "aria-valuetext",
      `${percentText(threshold, 2)}, ${this.scene.meaning(threshold)}, ${counts}`,
    );
    this.node.dataset.threshold = threshold;
    clearTimeout(this.statusTimer);
    this.statusTimer = setTimeout(() => this.tell(`${percentText(threshold)}: ${counts}`), 400);
  }

  markRows(threshold, pinned) {
    const { rows } = this;
    if (!rows) return;
    const all = this.scene.data.groups[this.scene.place(threshold)];
    const isFresh = !this.isWaiting;
    this.tools.setGuards(
      this.scene.data.guards,
      this.scene.data.pictures ? (rows.bursts ?? 0) : undefined,
    );
    if (isFresh) this.tools.setChanges(rows.changes, threshold, pinned);
    const count =
      rows.total === all
        ? plural(all, "group")
        : `${countText(rows.total)} of ${plural(all, "group")}`;
    if (isFresh) setText(this.filter.count, count);
    this.markEmpty(rows.total, all);
  }

  markEmpty(total, all) {
    const filters = this.map.within ? "search and the lasso" : "search";
    const text = all
      ? `No group matches the ${filters}.`
      : "No duplicates at this threshold. Move it to a lower percentage.";
    setText(this.gallery.empty, text);
    this.gallery.empty.toggleAttribute("hidden", total > 0);
    if (!this.gallery.empty.isConnected) this.gallery.node.prepend(this.gallery.empty);
  }

  setSelection() {
    const selection = this.model.get("details");
    this.details.show(selection, this.scene);
    this.gallery.select(selection.group);
    this.map.select(selection);
    const { wanted } = this;
    if (wanted && selection.group === wanted.group) this.openGroup(wanted.group, wanted.id);
  }

  // -- telling the state -------------------------------------------------------------------------

  get isWaiting() {
    return this.answered < this.model.get("asked");
  }

  /** Ready is when all that was asked for has come and is on the page. */
  markState() {
    const isLaidOut = this.gallery.height > 0; // before that it does not know what to ask for
    const isPainted = ![this, this.gallery, this.map].some(({ paintSoon }) => paintSoon.isDue());
    const isReady =
      isLaidOut &&
      isPainted &&
      !this.isWaiting &&
      this.rows &&
      !this.gallery.isAsking &&
      !this.pairs.isAsking &&
      !this.map.isAsking &&
      !this.pictures.isAsking;
    this.node.dataset.state = isReady ? "ready" : "busy";
  }

  showBusySoon() {
    if (this.isLost) return;
    clearTimeout(this.busyTimer);
    clearTimeout(this.patienceTimer);
    this.busy.textContent = "working…";
    this.busyTimer = setTimeout(() => this.showBusy(this.isWaiting), BUSY_AFTER);
    this.patienceTimer = setTimeout(
      () => (this.busy.textContent = "no answer: the kernel is busy, or run the cell again"),
      KERNEL_PATIENCE,
    );
    this.markState();
  }

  showBusy(isBusy) {
    this.busy.toggleAttribute("hidden", !isBusy);
    this.gallery.node.classList.toggle("stale", isBusy);
    setAttribute(this.gallery.node, "aria-busy", isBusy);
  }

  close() {
    this.resizer.disconnect();
    this.pairs.close();
    this.map.close();
    this.gallery.paintSoon.cancel();
    for (const timer of [this.statusTimer, this.busyTimer, this.patienceTimer, this.filter.timer])
      clearTimeout(timer);
    super.close();
  }
}

export default toolOf(Explorer);

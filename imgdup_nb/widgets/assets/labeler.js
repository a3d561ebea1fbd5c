// One view of the pair labeler: two pictures, three answers, and what the answers say so far.

const SIDE = 360; // pixels asked for; twice that where the screen has them
const ZOOMED_SIDE = 1400;
const ACTIONS = [
  ["s", "same", "Same picture"],
  ["d", "different", "Different"],
  ["k", "skip", "Skip"],
];

class Labeler {
  constructor(model, root) {
    this.model = model;
    this.controller = new AbortController();
    this.signal = this.controller.signal;
    this.urls = new Map(); // "id:side" -> blob URL
    this.asked = new Set();
    this.isZoomed = false;
    this.sent = 0; // the question answered last from here
    this.build();
    root.append(this.node);
    this.onView = () => this.paint();
    this.onMessage = (content, buffers) => this.receive(content, buffers);
    model.on("change:view", this.onView);
    model.on("msg:custom", this.onMessage);
    this.paint();
  }

  get view() {
    return this.model.get("view");
  }

  // -- building ------------------------------------------------------------------------------------------------------

  build() {
    const { signal } = this;
    this.similarity = element("span", { class: "dup-quiet", "data-testid": "similarity" });
    this.title = element("h4", {}, "Is this the same picture? ");
    this.threshold = element("select", { "data-testid": "threshold" });
    this.threshold.addEventListener("change", () => this.model.send({ type: "threshold", value: Number(this.threshold.value) }), { signal });
    this.pair = element("div", { class: "dup-pair", "data-testid": "pair" });
    this.buttons = ACTIONS.map(([key, label, text]) => this.button(text, key, () => this.answer(label), label));
    this.undo = this.button("Undo", "u", () => this.model.send({ type: "undo" }), "undo");
    this.zoom = this.button("Zoom", "z", () => this.setZoom(!this.isZoomed), "zoom");
    this.zoom.setAttribute("aria-pressed", "false");
    this.counts = element("p", { class: "dup-quiet", "data-testid": "counts" });
    this.status = element("p", { role: "status", "data-testid": "status" });
    this.alert = element("p", { role: "alert", class: "dup-alert", hidden: "", "data-testid": "alert" });
    this.rows = element("tbody");
    const heads = ["threshold", "pairs", "asked", "precision", ""].map((text) => element("th", { scope: "col" }, text));
    const caption = element("caption", {}, "What the answers say about precision");
    this.table = element("table", { "data-testid": "scores" }, caption, element("thead", {}, element("tr", {}, ...heads)), this.rows);
    this.node = element("section", { class: "dup-labeler", tabindex: -1, "aria-label": "Label pairs of images" });
    this.title.append(this.similarity);
    this.node.append(
      element("header", { class: "dup-bar" }, this.title, labelled("Threshold", this.threshold)),
      this.alert,
      this.pair,
      element("div", { class: "dup-bar dup-actions", role: "group", "aria-label": "Answer" }, ...this.buttons, this.undo, this.zoom),
      this.status,
      this.counts,
      this.table,
    );
    keepKeys(this.node, signal);
    this.node.addEventListener("keydown", (event) => this.onKey(event), { signal });
    // a click anywhere makes the keys work
    this.node.addEventListener("click", (event) => event.target.closest("button, select") ?? this.node.focus(), { signal });
  }

  button(text, key, onClick, name) {
    const mark = element("kbd", { "aria-hidden": "true" }, key.toUpperCase());
    const node = element("button", { type: "button", "aria-keyshortcuts": key, "data-testid": name }, text, mark);
    node.addEventListener("click", onClick, { signal: this.signal });
    return node;
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target === this.threshold) return;
    const key = event.key.toLowerCase();
    const action = ACTIONS.find(([letter]) => letter === key);
    if (action) this.answer(action[1]);
    else if (key === "u") this.model.send({ type: "undo" });
    else if (key === "z") this.setZoom(!this.isZoomed);
    else return;
    event.preventDefault();
  }

  // -- doing ---------------------------------------------------------------------------------------------------------

  answer(label) {
    const { question, done } = this.view;
    if (done || this.sent === question) return;
    this.sent = question;
    this.model.send({ type: "answer", label, question });
  }

  setZoom(isZoomed) {
    this.isZoomed = isZoomed;
    this.zoom.setAttribute("aria-pressed", String(isZoomed));
    this.node.toggleAttribute("data-zoomed", isZoomed);
    this.showPictures();
  }

  receive(content, buffers) {
    if (content.type === "error") this.showError(content.text);
    if (content.type !== "pictures") return;
    content.pictures.forEach(([id, problem], place) => {
      const key = `${id}:${content.side}`;
      const bytes = buffers[place];
      const url = bytes.byteLength ? URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" })) : null;
      this.forget(key);
      this.urls.set(key, { url, problem });
    });
    this.showPictures();
  }

  showError(text) {
    this.sent = 0;
    this.alert.textContent = text;
    this.alert.hidden = false;
  }

  // -- painting ------------------------------------------------------------------------------------------------------

  paint() {
    const { view } = this;
    this.alert.hidden = true;
    this.node.dataset.question = view.question;
    this.title.firstChild.textContent = view.done ? "Nothing worth asking is left. " : "Is this the same picture? ";
    this.similarity.textContent = view.similarity === null ? "" : `${percentText(view.similarity, 2)} similar`;
    setOptions(this.threshold, view.edges.map((edge) => [String(edge), percentText(edge)]), String(view.threshold));
    for (const node of this.buttons) node.disabled = view.done;
    const total = view.counts.same + view.counts.different + view.counts.skip;
    this.undo.disabled = total === 0;
    this.counts.textContent = `${countText(view.counts.same)} same, ${countText(view.counts.different)} different, ${countText(view.counts.skip)} skipped`;
    this.status.textContent = view.sentence;
    this.rows.replaceChildren(...view.rows.map((row) => this.rowNode(row)));
    this.pair.replaceChildren(...view.images.map((image) => this.figureNode(image)));
    this.forgetOthers();
    this.showPictures();
  }

  figureNode({ id, name, facts }) {
    const frame = element("div", { class: "dup-frame", "data-id": id });
    return element("figure", {}, frame, element("figcaption", {}, nameNode(name, 60), element("span", { class: "dup-quiet" }, facts)));
  }

  rowNode([threshold, pairs, asked, low, high, estimate]) {
    const span = `${low.toFixed(2)} to ${high.toFixed(2)}`;
    const bar = element("span", { class: "dup-range", "aria-hidden": "true" }, element("i", {}));
    bar.firstChild.style.left = `${100 * low}%`;
    bar.firstChild.style.right = `${100 * (1 - high)}%`;
    const cells = [percentText(threshold), countText(pairs), countText(asked), span].map((text) => element("td", {}, text));
    const isHere = threshold === this.view.threshold;
    const title = estimate === null ? "no answer yet" : `estimate ${estimate.toFixed(2)}`;
    return element("tr", { title, "aria-current": isHere ? "true" : null }, ...cells, element("td", {}, bar));
  }

  get side() {
    return this.isZoomed ? ZOOMED_SIDE : SIDE * Math.min(2, Math.ceil(window.devicePixelRatio || 1));
  }

  showPictures() {
    const { view, side } = this;
    const wanted = [];
    for (const frame of this.pair.querySelectorAll(".dup-frame")) {
      const id = Number(frame.dataset.id);
      const known = this.urls.get(`${id}:${side}`);
      if (known) frame.replaceChildren(known.url ? element("img", { src: known.url, alt: "" }) : known.problem || "no picture");
      else if (!view.pictures) frame.textContent = "no images table";
      else wanted.push(id);
    }
    const fresh = wanted.filter((id) => !this.asked.has(`${id}:${side}`));
    for (const id of fresh) this.asked.add(`${id}:${side}`);
    if (fresh.length) this.model.send({ type: "pictures", ids: fresh, side });
  }

  forget(key) {
    const known = this.urls.get(key);
    if (known?.url) URL.revokeObjectURL(known.url);
    this.urls.delete(key);
    this.asked.delete(key);
  }

  /** Free the pictures of earlier questions. */
  forgetOthers() {
    const ids = new Set(this.view.images.map(({ id }) => String(id)));
    for (const key of [...this.urls.keys()]) if (!ids.has(key.split(":")[0])) this.forget(key);
  }

  close() {
    this.controller.abort();
    this.model.off("change:view", this.onView);
    this.model.off("msg:custom", this.onMessage);
    for (const key of [...this.urls.keys()]) this.forget(key);
    this.node.remove();
  }
}

export default {
  render({ model, el }) {
    const view = new Labeler(model, el);
    return () => view.close();
  },
};

// One view of the pair labeler: two pictures, three answers, and what the answers say so far.

const SIDE = 360; // pixels asked for; twice that where the screen has them
const ZOOMED_SIDE = 1400;
const GROUP_SIDE = 120;
/** @extends {View<LabelerTraits>} */
class Labeler extends View {
  constructor(model, root) {
    super(model, root);
    this.isZoomed = false;
    this.sent = 0; // the question answered last from here
    /** @type {Set<number>} images of the group that are marked as another picture */
    this.others = new Set();
    this.build();
    this.on("change:view", () => this.paint());
    this.paint();
  }

  get view() {
    return this.model.get("view");
  }

  // -- building ----------------------------------------------------------------------------------

  build() {
    const { signal } = this;
    this.similarity = element("span", { class: "dup-quiet", "data-testid": "similarity" });
    this.title = element("h4", {}, "Is this the same picture? ");
    const choose = (value) => this.send({ type: "threshold", value: Number(value) });
    this.threshold = chooser([], choose, signal, { "data-testid": "threshold" });
    this.pair = element("div", { class: "dup-pair", "data-testid": "pair" });
    const make = (text, key, act, name) =>
      keyButton(text, key.toUpperCase(), act, signal, { "data-testid": name });
    this.buttons = ANSWERS.map(([key, label, text]) =>
      make(text, key, () => this.answer(label), label),
    );
    this.undo = make("Undo", "u", () => this.send({ type: "undo" }), "undo");
    this.zoom = make("Zoom", "z", () => this.setZoom(!this.isZoomed), "zoom");
    this.zoom.setAttribute("aria-pressed", "false");
    this.group = element("div", { class: "dup-group", "data-testid": "group" });
    this.allSame = make("All the same", "g", () => this.answerGroup(), "all-same");
    this.groupNote = element("span", { class: "dup-quiet" });
    this.groupPart = element(
      "section",
      { class: "dup-whole", "aria-label": "The whole group" },
      element("div", { class: "dup-bar dup-actions" }, this.allSame, this.groupNote),
      this.group,
    );
    this.counts = element("p", { class: "dup-quiet", "data-testid": "counts" });
    this.status.classList.remove("dup-hidden"); // what the answers say is for all to see
    this.rows = element("tbody");
    const head = tableHead([
      "threshold",
      "pairs",
      "counted",
      "precision",
      ".precision drawn from 0 to 1",
    ]);
    const caption = element("caption", {}, "What the answers say about precision");
    this.table = element("table", { "data-testid": "scores" }, caption, head, this.rows);
    this.title.append(this.similarity);
    this.open(
      "labeler",
      { tabindex: -1, "aria-label": "Label pairs of images" },
      element("header", { class: "dup-bar" }, this.title, labelled("Threshold", this.threshold)),
      this.alert,
      this.pair,
      element(
        "div",
        { class: "dup-bar dup-actions", role: "group", "aria-label": "Answer" },
        ...this.buttons,
        this.undo,
        this.zoom,
      ),
      this.status,
      this.counts,
      this.groupPart, // below the sentence, which then stays in its place
      this.table,
    );
    this.node.addEventListener("keydown", (event) => this.onKey(event), { signal });
    focusOnClick(this.node, signal);
  }

  onKey(event) {
    if (
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      event.repeat ||
      event.target === this.threshold
    )
      return;
    const key = event.key.toLowerCase();
    const action = ANSWERS.find(([letter]) => letter === key);
    if (action) this.answer(action[1]);
    else if (key === "u") this.send({ type: "undo" });
    else if (key === "z") this.setZoom(!this.isZoomed);
    else if (key === "g") this.answerGroup();
    else return;
    event.preventDefault();
  }

  // -- doing -------------------------------------------------------------------------------------

  answer(label) {
    const { question, done } = this.view;
    if (done || this.sent === question) return;
    this.sent = question;
    this.send({ type: "answer", label, question });
  }

  /** Answer about the whole group: all are the same, but those that are marked. */
  answerGroup() {
    const { question, group } = this.view;
    if (!group.length || this.sent === question) return;
    this.sent = question;
    this.send({ type: "group", different: [...this.others], question });
  }

  mark(id) {
    if (!this.others.delete(id)) this.others.add(id);
    this.paintGroup();
  }

  setZoom(isZoomed) {
    this.isZoomed = isZoomed;
    this.zoom.setAttribute("aria-pressed", String(isZoomed));
    this.node.toggleAttribute("data-zoomed", isZoomed);
    this.showPictures();
  }

  onPictures() {
    this.showPictures();
  }

  onError(text) {
    this.sent = 0;
    super.onError(text);
  }

  // -- painting ----------------------------------------------------------------------------------

  paint() {
    const { view } = this;
    this.showError("");
    this.node.dataset.question = String(view.question);
    this.title.firstChild.textContent = view.done
      ? "Every pair is answered. "
      : "Is this the same picture? ";
    this.similarity.textContent =
      view.similarity === null ? "" : `${percentText(view.similarity, 2)} similar`;
    setOptions(
      this.threshold,
      view.edges.map((edge) => [String(edge), percentText(edge)]),
      String(view.threshold),
    );
    for (const node of this.buttons) node.disabled = view.done;
    const { same, different, skip } = view.counts;
    const counted = [same, different, skip].map(countText);
    this.undo.disabled = same + different + skip === 0;
    this.counts.textContent = `${counted[0]} same, ${counted[1]} different, ${counted[2]} skipped`;
    this.tell(view.sentence);
    this.rows.replaceChildren(...view.rows.map((row) => this.rowNode(row)));
    this.pair.replaceChildren(...view.images.map((image) => this.figureNode(image)));
    this.others.clear();
    this.group.replaceChildren(...view.group.map((image) => this.memberNode(image)));
    this.paintGroup();
    this.showPictures();
  }

  paintGroup() {
    const { group, groupPairs } = this.view;
    this.groupPart.classList.toggle("dup-hidden", !group.length);
    const count = this.others.size;
    this.allSame.firstChild.textContent = count ? `All but ${count} the same` : "All the same";
    this.groupNote.textContent =
      `${group.length} images are in one group. Mark those that are another picture. ` +
      `One key answers up to ${plural(groupPairs, "pair")}.`;
    for (const node of all(this.group, "button"))
      node.setAttribute("aria-pressed", String(this.others.has(Number(node.dataset.id))));
  }

  memberNode({ id, name }) {
    const attributes = {
      type: "button",
      class: "dup-member dup-frame",
      "data-id": id,
      title: name,
    };
    const node = element("button", { ...attributes, "aria-label": `${name} is another picture` });
    node.addEventListener("click", () => this.mark(id), { signal: this.signal });
    return node;
  }

  figureNode({ id, name, facts }) {
    const frame = element("div", { class: "dup-frame", "data-id": id });
    return element(
      "figure",
      {},
      frame,
      element("figcaption", {}, nameNode(name, 60), element("span", { class: "dup-quiet" }, facts)),
    );
  }

  rowNode([threshold, pairs, asked, low, high, span, estimate]) {
    const range = element("i");
    range.style.left = `${100 * low}%`;
    range.style.right = `${100 * (1 - high)}%`;
    const bar = element("span", { class: "dup-range", "aria-hidden": "true" }, range);
    const cells = [percentText(threshold), countText(pairs), countText(asked), span].map((text) =>
      element("td", {}, text),
    );
    const isHere = threshold === this.view.threshold;
    const title = estimate === null ? "no answer yet" : `estimate ${estimate.toFixed(2)}`;
    return element(
      "tr",
      { title, "aria-current": isHere ? "true" : null },
      ...cells,
      element("td", {}, bar),
    );
  }

  get side() {
    return this.isZoomed
      ? ZOOMED_SIDE
      : SIDE * Math.min(2, Math.ceil(window.devicePixelRatio || 1));
  }

  showPictures() {
    const { view, side } = this;
    const frames = [...all(this.pair, ".dup-frame"), ...all(this.group, ".dup-frame")];
    for (const frame of frames) {
      const small = frame.classList.contains("dup-member");
      const known = this.pictures.get(Number(frame.dataset.id), small ? GROUP_SIDE : side);
      if (known)
        frame.replaceChildren(
          known.url ? element("img", { src: known.url, alt: "" }) : known.problem || "no picture",
        );
      else if (!view.pictures) frame.textContent = "no images table";
    }
    if (view.pictures)
      this.pictures.want(
        "pair",
        view.images.map(({ id }) => id),
        side,
      );
    if (view.pictures)
      this.pictures.want(
        "group",
        view.group.map(({ id }) => id),
        GROUP_SIDE,
      );
  }
}

export default toolOf(Labeler);

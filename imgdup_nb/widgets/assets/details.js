// The table of the selected group.

const DETAIL_TITLES = [
  "",
  "name of the file",
  "to the original of the group",
  "width x height in pixels, size and format",
];
const DETAIL_HEIGHT = 39; // pixels of a row

class Details {
  constructor({ pictures, send, onClose, onLarge, signal }) {
    this.pictures = pictures;
    this.send = send;
    this.signal = signal;
    this.onLarge = onLarge; // with the place of an image in the group
    this.ids = [];
    this.title = element("h4", {});
    const close = element(
      "button",
      {
        type: "button",
        class: "dup-plain",
        "aria-label": "Close the table",
        title: "close the table",
      },
      "✕",
    );
    close.addEventListener("click", onClose, { signal });
    this.body = element("tbody");
    const table = element(
      "table",
      {},
      tableHead([".picture", "image", "similarity", "file", ".look closer"], DETAIL_TITLES),
      this.body,
    );
    this.scroller = element(
      "div",
      {
        class: "dup-table",
        tabindex: 0,
        role: "region",
        "aria-label": "Images of the selected group",
      },
      table,
    );
    this.scroller.addEventListener(
      "scroll",
      oncePerFrame(() => this.wantVisible()),
      { signal, passive: true },
    );
    this.node = element("section", { class: "dup-details", hidden: "", "data-testid": "details" });
    this.why = element("div", { class: "dup-why", hidden: "", "data-testid": "why" });
    this.large = button("Large pictures", () => this.onLarge(1), signal, {
      "data-testid": "large-group",
      title: "shows each image of the group large, beside its original",
    });
    const bar = element("div", { class: "dup-bar" }, this.title, this.large);
    this.node.append(element("header", {}, bar, close), this.why, this.scroller);
  }

  show(selection, scene) {
    this.node.toggleAttribute("hidden", !selection.group);
    this.ids = (selection.rows ?? []).map(([id]) => id);
    this.selection = selection;
    this.showWhy(null);
    this.wantVisible();
    if (!selection.group) return;
    this.large.hidden = !scene.data.pictures;
    const hidden = selection.size - selection.rows.length;
    this.title.textContent = `Group ${selection.group}: ${plural(selection.size, "image")}`;
    this.body.replaceChildren(
      ...selection.rows.map((row, place) => this.rowNode(row, place, scene)),
    );
    if (hidden)
      this.body.append(
        element("tr", {}, element("td", { colspan: 5 }, `and ${countText(hidden)} more`)),
      );
  }

  wantVisible() {
    const first = Math.floor(this.scroller.scrollTop / DETAIL_HEIGHT);
    this.pictures.want("details", this.ids.slice(first, first + 9), thumbnailSide());
  }

  /** Put in the pictures that have arrived. */
  refresh(ids) {
    for (const id of ids) {
      const url = this.pictures.get(id, thumbnailSide())?.url;
      const cell = this.body.querySelector(`td[data-id="${Number(id)}"]`);
      if (cell && url) cell.replaceChildren(element("img", { src: url, alt: "" }));
      for (const knot of all(this.why, `.dup-knot[data-id="${Number(id)}"]`))
        knot.replaceChildren(
          url
            ? element("img", { src: url, alt: knot.title })
            : element("bdi", {}, shortName(baseName(knot.title), 14)),
        );
    }
  }

  rowNode([id, name, similarity, facts], place, scene) {
    const url = this.pictures.get(id, thumbnailSide())?.url;
    const score =
      similarity === null ? `below ${percentText(scene.floor)}` : percentText(similarity, 2);
    return element(
      "tr",
      {},
      element(
        "td",
        { class: "dup-small", "data-id": id },
        ...(url ? [element("img", { src: url, alt: "" })] : []),
      ),
      element("td", {}, nameNode(name, 60)),
      element(
        "td",
        { class: "dup-number", title: place ? "similarity to the original" : ORIGINAL_TITLE },
        place ? score : "original",
      ),
      element("td", {}, facts),
      element("td", { class: "dup-closer" }, ...(place ? this.closerNodes(id, name, place) : [])),
    );
  }

  closerNodes(id, name, place) {
    const ask = () => this.send({ type: "why", image: id });
    const why = button("why?", ask, this.signal, {
      title: "which similar pairs connect it with the original",
      "aria-label": `Why is ${name} in this group?`,
    });
    const large = button("large", () => this.onLarge(place), this.signal, {
      "aria-label": `Compare ${name} with the original`,
      title: "shows it large, beside the original",
    });
    return this.large.hidden ? [why] : [why, large];
  }

  /**
   * Draw the pairs that connect an image with its original, as a chain of pictures.
   * @param {{ steps: [left: number, right: number, similarity: number][] } | null} message
   */
  showWhy(message) {
    this.why.hidden = !message;
    if (!message) return;
    const { steps } = message;
    const weakest = Math.min(...steps.map(([, , similarity]) => similarity));
    const text =
      steps.length === 1
        ? `directly: this pair is ${percentText(weakest, 2)} similar`
        : `by a chain of ${steps.length} pairs; the weakest is ${percentText(weakest, 2)} similar`;
    const nodes = [this.linkNode(steps[0][0])];
    for (const [, right, similarity] of steps) {
      nodes.push(element("span", { class: "dup-link" }, percentText(similarity)));
      nodes.push(this.linkNode(right));
    }
    const close = button("✕", () => this.showWhy(null), this.signal, {
      class: "dup-plain",
      "aria-label": "Close the chain",
      title: "close the chain",
    });
    this.why.replaceChildren(
      element("div", { class: "dup-chain" }, ...nodes),
      element("p", {}, "Connected ", text, ". "),
      close,
    );
    this.pictures.want("why", [steps[0][0], ...steps.map(([, right]) => right)], thumbnailSide());
    this.refresh([steps[0][0], ...steps.map(([, right]) => right)]);
  }

  linkNode(id) {
    const [, name = ""] = this.selection.rows.find(([own]) => own === id) ?? [];
    return element("span", { class: "dup-knot", "data-id": id, title: name });
  }
}

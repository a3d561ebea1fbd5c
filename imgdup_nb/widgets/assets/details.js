// The table of the selected group.

const DETAIL_HEIGHT = 39; // pixels of a row

class Details {
  constructor(pictures, onClose, signal) {
    this.pictures = pictures;
    this.ids = [];
    this.title = element("h4", {});
    const close = element(
      "button",
      { type: "button", class: "dup-plain", "aria-label": "Close the table" },
      "✕",
    );
    close.addEventListener("click", onClose, { signal });
    this.body = element("tbody");
    const table = element(
      "table",
      {},
      tableHead([".picture", "image", "similarity", "file"]),
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
    this.node.append(element("header", {}, this.title, close), this.scroller);
  }

  show(selection, scene) {
    this.node.toggleAttribute("hidden", !selection.group);
    this.ids = (selection.rows ?? []).map(([id]) => id);
    this.wantVisible();
    if (!selection.group) return;
    const hidden = selection.size - selection.rows.length;
    this.title.textContent = `Group ${selection.group}: ${plural(selection.size, "image")}`;
    this.body.replaceChildren(
      ...selection.rows.map((row, place) => this.rowNode(row, place, scene)),
    );
    if (hidden)
      this.body.append(
        element("tr", {}, element("td", { colspan: 4 }, `and ${countText(hidden)} more`)),
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
      element("td", { class: "dup-number" }, place ? score : "original"),
      element("td", {}, facts),
    );
  }
}

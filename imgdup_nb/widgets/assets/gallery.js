// The list of groups: only the rows that can be seen exist, so ten thousand groups scroll like ten.

const ROW_HEIGHT = { pictures: 122, names: 66 };
const TILE_WIDTH = { pictures: 104, names: 198 }; // with the gap after it
const NARROW = 560; // pixels of the list; below, a row has its head above its pictures
const NARROW_ROW = { pictures: 128, names: 66 };
const NARROW_TILE = { pictures: 80, names: 198 };
const ORIGINAL_TITLE = "original: the image that the others of its group are compared with";
const MAX_LISTED = 150_000; // browsers cannot scroll further than about 33 million pixels

/** The longer side of a thumbnail, in the pixels of the screen. */
function thumbnailSide() {
  return Math.round(96 * Math.min(window.devicePixelRatio || 1, 3));
}

/** Values that came as the difference from the last known one before; null is not known. */
function sums(differences) {
  let sum = 0;
  return differences.map((difference) => (difference === null ? null : (sum += difference)));
}

class Gallery {
  constructor({ send, pictures, onSelect, onLarge, onPaint, signal }) {
    this.send = send;
    this.pictures = pictures;
    this.onSelect = onSelect;
    this.onLarge = onLarge; // with a group, and an image of it
    this.rows = new Map(); // place in the list -> what Python sent
    this.shown = new Map(); // place in the list -> element
    this.top = this.width = this.height = 0; // as last seen: asking the page for them lays it out
    this.revision = -1;
    this.idPrefix = "dup-row";
    this.threshold = 100; // percent, of the rows that are shown
    this.total = 0;
    this.active = 0;
    this.isAsking = false;
    this.spacer = element("div", { class: "dup-spacer" });
    this.empty = element("p", { class: "dup-empty", hidden: "" });
    const attributes = {
      class: "dup-gallery",
      tabindex: 0,
      role: "listbox",
      "aria-label": "Groups",
      "data-testid": "gallery",
    };
    this.node = element("div", attributes, this.spacer);
    this.paintSoon = oncePerFrame(() => {
      this.paint();
      onPaint();
    });
    this.node.addEventListener("scroll", () => this.onScroll(), { signal, passive: true });
    this.node.addEventListener("keydown", (event) => this.onKey(event), { signal });
    this.node.addEventListener("click", (event) => this.onClick(event), { signal });
  }

  get kind() {
    return this.hasPictures ? "pictures" : "names";
  }

  get rowHeight() {
    return (this.isNarrow ? NARROW_ROW : ROW_HEIGHT)[this.kind];
  }

  get isNarrow() {
    return this.width > 0 && this.width < NARROW;
  }

  /** How many whole tiles fit into a row, with room for "+12" after them. */
  countTiles() {
    const width = this.width || 900;
    const isAbove = this.isNarrow && this.hasPictures;
    const head = isAbove ? 0 : this.hasPictures ? 138 : width > 700 ? 250 : 150;
    const tile = (this.isNarrow ? NARROW_TILE : TILE_WIDTH)[this.kind];
    return Math.max(1, Math.floor((width - head - 62) / tile));
  }

  /** Look at the room there is; make the rows anew where another number of tiles fits now. */
  resize() {
    // JupyterLab hides the widget for a moment when its theme changes: nothing is painted anew
    if (!this.node.clientHeight) return;
    const wasNarrow = this.isNarrow;
    this.width = this.node.clientWidth;
    this.height = this.node.clientHeight;
    this.node.classList.toggle("narrow", this.isNarrow);
    this.spacer.style.height = `${this.total * this.rowHeight}px`;
    if (this.countTiles() !== this.nTiles || wasNarrow !== this.isNarrow) this.clearShown();
    this.paint();
  }

  onScroll() {
    this.top = this.node.scrollTop;
    this.paintSoon();
  }

  scrollTo(top) {
    if (top === this.top) return;
    this.node.scrollTop = top;
    this.top = this.node.scrollTop;
  }

  clearShown() {
    for (const node of this.shown.values()) node.remove();
    this.shown.clear();
  }

  setScene(scene) {
    this.hasPictures = scene.data.pictures;
    this.scene = scene;
    this.node.classList.toggle("names-only", !scene.data.pictures);
  }

  take(message) {
    if (message.revision !== this.revision) this.startOver(message);
    this.isAsking = false;
    JSON.parse(message.rows).forEach(
      ([group, size, weakest, change, ids, scores, ...marks], index) => {
        this.rows.set((message.first ?? 0) + index, [
          group,
          size,
          weakest,
          change,
          sums(ids),
          sums(scores),
          ...marks,
        ]);
      },
    );
    this.paintSoon();
  }

  startOver({ revision, total }) {
    this.revision = revision;
    this.total = Math.min(total, MAX_LISTED);
    this.rows.clear();
    this.spacer.style.height = `${this.total * this.rowHeight}px`;
    this.scrollTo(0);
    this.active = 0;
  }

  visible() {
    const { top, height, rowHeight } = this;
    const spare = top > 0 ? 2 : 0; // unscrolled, what came with the threshold is enough
    const first = Math.max(0, Math.floor(top / rowHeight) - spare);
    return [first, Math.min(this.total, Math.ceil((top + height) / rowHeight) + spare)];
  }

  /** How many rows are seen unscrolled, how many images of each, and how large. */
  firstScreen() {
    return [Math.ceil(this.height / this.rowHeight), this.countTiles(), thumbnailSide()];
  }

  paint() {
    const [first, last] = this.visible();
    this.nTiles = this.countTiles();
    for (const [place, node] of this.shown) {
      if (place < first || place >= last) {
        node.remove();
        this.shown.delete(place);
      }
    }
    for (let place = first; place < last; place++) this.show(place);
    this.askRows(first, last);
    this.pictures.want("gallery", this.idsShown(first, last), thumbnailSide());
    this.markActive();
  }

  /** Show a row, unless it is shown already: many groups are the same at two thresholds. */
  show(place) {
    if (!this.rows.has(place)) return;
    const row = this.rows.get(place);
    const key = `${row}|${this.isChain(row)}|${this.total}`;
    const old = this.shown.get(place);
    if (old?.dataset.key === key) return;
    const node = this.rowNode(row, place);
    node.dataset.key = key;
    node.style.top = `${place * this.rowHeight}px`;
    this.shown.set(place, node);
    if (old) old.replaceWith(node);
    else this.spacer.append(node);
  }

  /** Whether two images of a group are below the threshold; the weakest pair comes in tenths. */
  isChain([, , weakest]) {
    return weakest === null || weakest / 10 < this.threshold - 0.06;
  }

  askRows(first, last) {
    let from = first;
    while (from < last && this.rows.has(from)) from++;
    if (this.isAsking || from >= last) return;
    this.isAsking = true;
    this.send({ type: "rows", first: from, count: last - from });
  }

  idsShown(first, last) {
    const ids = [];
    for (let place = first; place < last; place++)
      ids.push(...(this.rows.get(place)?.[4].slice(0, this.nTiles) ?? []));
    return ids;
  }

  rowNode(row, place) {
    const [group, size, weakest, , ids, scores, added = [], bursts = []] = row;
    const label = `Group ${group}: ${size} images, weakest pair ${this.percentOrFloor(weakest)}`;
    const attributes = {
      role: "option",
      class: "dup-row",
      "data-group": group,
      "data-place": place,
    };
    const node = element("div", {
      ...attributes,
      id: `${this.idPrefix}-${place}`,
      "aria-label": label,
      "aria-selected": "false",
    });
    filled(node, { "aria-posinset": place + 1, "aria-setsize": this.total }, []);
    const tiles = element("div", { class: "dup-tiles" });
    const fitting = ids.slice(0, this.nTiles);
    fitting.forEach((id, index) => {
      tiles.append(
        this.tileNode(
          id,
          index ? scores[index - 1] : null,
          index === 0,
          added.includes(index),
          bursts.includes(index),
        ),
      );
    });
    const more = size - fitting.length;
    if (more)
      tiles.append(
        element(
          "span",
          { class: "dup-more", title: "select the group to see all" },
          `+${countText(more)}`,
        ),
      );
    node.append(this.headNode(row), tiles);
    this.nameTiles(node);
    return node;
  }

  headNode(row) {
    const [group, size, weakest, change] = row;
    const head = element("div", { class: "dup-row-head" });
    head.append(
      element("strong", {}, `Group ${countText(group)}`),
      element("span", {}, plural(size, "image")),
    );
    head.append(
      element(
        "span",
        { class: "dup-weakest", title: "similarity of the two least similar images of the group" },
        `weakest pair ${this.percentOrFloor(weakest)}`,
      ),
    );
    const title =
      "Two images of this group are less similar than the threshold. Other images connect them.";
    const badges = element("span", { class: "dup-badges" });
    if (this.isChain(row))
      badges.append(element("span", { class: "dup-badge chain", title }, "chained"));
    if (change)
      badges.append(
        element(
          "span",
          {
            class: "dup-badge change",
            "data-change": CHANGES[change],
            title: CHANGE_TITLE,
          },
          CHANGES[change],
        ),
      );
    head.append(badges);
    return head;
  }

  tileNode(id, tenths, isOriginal, isNew, isBurst) {
    const tile = element("figure", { class: "dup-tile", "data-id": id });
    tile.classList.toggle("new", isNew);
    tile.dataset.words = [
      isOriginal ? ORIGINAL_TITLE : "percent: similarity to the original",
      isNew ? "new: not in this group at the pinned threshold" : "",
      isBurst ? "burst: taken seconds after the original, perhaps another photograph" : "",
    ]
      .filter(Boolean)
      .join("\n");
    tile.title = tile.dataset.words;
    const text = isOriginal ? "original" : this.percentOrFloor(tenths);
    const score = element("b", {}, text);
    if (isNew) score.append(" new");
    if (isBurst) score.append(" burst");
    score.append(element("span", { class: "dup-belongs" }));
    const caption = element("figcaption", {}, score, element("span", { class: "dup-name" }));
    if (this.hasPictures) tile.append(element("div", { class: "dup-picture" }));
    tile.append(caption);
    this.fillTile(tile, this.pictures.get(id, thumbnailSide()));
    return tile;
  }

  fillTile(tile, picture) {
    if (!picture) return;
    const { problem, url } = picture;
    const [name, facts, belongs] = picture.facts;
    setText(tile.querySelector(".dup-belongs"), belongs ? ` ${belongs}` : "");
    tile.title = [name, facts, problem, tile.dataset.words].filter(Boolean).join("\n");
    tile.dataset.name = name;
    const frame = tile.querySelector(".dup-picture");
    if (!frame) return;
    const broken = element(
      "span",
      { class: "dup-broken", role: "img", "aria-label": `${name} cannot be shown: ${problem}` },
      "cannot be shown",
    );
    frame.replaceChildren(
      url ? element("img", { src: url, alt: name, draggable: "false" }) : broken,
    );
  }

  /** Write the names of a row: those that are known, so that they can be told apart. */
  nameTiles(row) {
    const tiles = all(row, ".dup-tile").filter((tile) => tile.dataset.name);
    const length = this.hasPictures ? (this.isNarrow ? 11 : 15) : 26;
    const whole = tiles.map((tile) => tile.dataset.name);
    const names = this.hasPictures
      ? tellingNames(whole, length)
      : whole.map((name) => shortName(name, length));
    tiles.forEach((tile, place) => {
      const node = tile.querySelector(".dup-name");
      if (node.textContent !== names[place]) node.replaceChildren(element("bdi", {}, names[place]));
    });
  }

  /** Fill in names and pictures that have arrived. */
  refresh(ids) {
    const rows = new Set();
    for (const id of ids) {
      for (const tile of all(this.spacer, `.dup-tile[data-id="${Number(id)}"]`)) {
        this.fillTile(tile, this.pictures.get(id, thumbnailSide()));
        rows.add(tile.closest(".dup-row"));
      }
    }
    for (const row of rows) this.nameTiles(row);
  }

  /** A similarity that came in tenths of a percent. */
  percentOrFloor(tenths) {
    return tenths === null ? `below ${percentText(this.scene.floor)}` : percentText(tenths / 10);
  }

  onClick(event) {
    const row = event.target.closest(".dup-row");
    const picture = event.target.closest(".dup-picture");
    if (row && picture) {
      this.active = Number(row.dataset.place);
      const id = Number(picture.closest(".dup-tile").dataset.id);
      this.onLarge(Number(row.dataset.group), id);
    } else if (row) this.activate(Number(row.dataset.place), Number(row.dataset.group));
  }

  onKey(event) {
    const page = Math.max(1, Math.floor(this.height / this.rowHeight));
    const steps = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    };
    const group = this.rows.get(this.active)?.[0];
    if (event.key === "Enter" && group !== undefined && group === this.selected)
      this.onLarge(group, null);
    else if (event.key === "Enter" || event.key === " ") this.activate(this.active, group);
    else if (event.key in steps) this.moveTo(this.active + steps[event.key]);
    else return;
    event.preventDefault();
  }

  moveTo(place) {
    this.active = Math.max(0, Math.min(this.total - 1, place));
    const top = this.active * this.rowHeight;
    this.scrollTo(Math.max(Math.min(this.top, top), top + this.rowHeight - this.height));
    this.paintSoon();
  }

  activate(place, group) {
    if (group === undefined) return;
    this.active = place;
    this.markActive();
    this.onSelect(group === this.selected ? null : group);
  }

  select(group) {
    this.selected = group;
    this.markActive();
  }

  markActive() {
    for (const [place, node] of this.shown) {
      node.classList.toggle("active", place === this.active);
      node.setAttribute("aria-selected", String(Number(node.dataset.group) === this.selected));
    }
    const active = this.shown.get(this.active);
    if (active) this.node.setAttribute("aria-activedescendant", active.id);
    else this.node.removeAttribute("aria-activedescendant");
  }
}

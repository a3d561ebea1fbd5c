// One view of the reviewer: a group at a time, its images side by side in equal frames.

const FRAME_SIDE = 320; // pixels asked for; a frame is about 190 high, twice that on dense screens
const ZOOMED_SIDE = 1600;
const ZOOMS = [1, 2, 4, 8];
// names of buttons whose text is too short
const NAMES = { "−": "zoom out", "+": "zoom in", fit: "whole pictures" };

let reviewerCount = 0;

/** @extends {View<ReviewerTraits>} */
class Reviewer extends View {
  constructor(model, root) {
    super(model, root);
    this.rows = new Map(); // group number -> its images; asked for when it is looked at
    this.asked = new Set();
    this.history = [];
    this.order = "given";
    this.hideReviewed = false;
    this.zoom = 0;
    this.center = [0.5, 0.5];
    this.at = 0; // which image of the group has the focus
    this.prefix = `dup-reviewer-${(reviewerCount += 1)}`;
    this.paintSoon = this.oncePerFrame(() => this.paint());
    this.build();
    this.listen();
    this.current = this.ordered()[0] ?? null;
    this.paint();
  }

  // -- state -------------------------------------------------------------------------------------

  get groups() {
    return this.model.get("scene").groups ?? [];
  }

  get decisions() {
    return this.model.get("decisions");
  }

  get reviewed() {
    return new Set(this.model.get("reviewed"));
  }

  get images() {
    return this.rows.get(this.current) ?? [];
  }

  /** The numbers of the groups to go through. */
  ordered() {
    const seen = this.reviewed;
    const shown = this.groups.filter(
      ([number]) => !this.hideReviewed || !seen.has(number) || number === this.current,
    );
    const lowest = ([, , similarity]) => similarity ?? -1;
    const sorts = {
      given: () => 0,
      near: (a, b) => lowest(a) - lowest(b),
      flagged: (a, b) => b[4] - a[4],
    };
    return [...shown].sort(sorts[this.order]).map(([number]) => number);
  }

  verdict(image) {
    return this.decisions[image.id]?.[0] ?? image.action;
  }

  part(image) {
    return this.decisions[image.id]?.[1] ?? 0;
  }

  // -- building ----------------------------------------------------------------------------------

  build() {
    this.title = element("span", { class: "dup-title", "data-testid": "title" });
    this.progress = element("progress", { "aria-label": "groups reviewed", value: 0, max: 1 });
    this.totals = element("span", { class: "dup-quiet", "data-testid": "totals" });
    const sorting = chooser(PLAN_ORDERS, (order) => this.setOrder(order), this.signal);
    const hiding = checkbox("hide reviewed", (checked) => this.setHiding(checked), this.signal);
    this.exact = button("", () => this.acceptExact(), this.signal, {
      "data-testid": "accept-exact",
    });
    this.tiles = element("div", {
      role: "listbox",
      "aria-label": "Images of the group",
      class: "dup-tiles",
      "data-testid": "tiles",
    });
    this.empty = element("p", { class: "dup-empty", hidden: "" });
    const head = element("div", { class: "dup-bar" }, this.title, this.progress, this.totals);
    const choice = element(
      "div",
      { class: "dup-bar" },
      labelled("order", sorting),
      hiding.node,
      this.exact,
    );
    this.open(
      "reviewer",
      { role: "group", "aria-label": "Review of duplicate groups" },
      element("div", { class: "dup-bar" }, head, element("span", { class: "dup-spring" }), choice),
      this.alert,
      this.tiles,
      this.empty,
      this.actions(),
      this.status,
    );
  }

  actions() {
    const bar = element("div", { class: "dup-actions", role: "toolbar", "aria-label": "Decide" });
    for (const [text, key, name, act] of [
      ["keep", "k", "keep", () => this.say("keep")],
      ["remove", "r", "remove", () => this.say("remove")],
      ["only this", "o", "only", () => this.keepOnly()],
      ["not a duplicate", "d", "different", () => this.say("different")],
      ["split off", "s", "split", () => this.split()],
      ["undo", "u", "undo", () => this.undo()],
      ["previous", "p", "previous", () => this.go(-1)],
      ["next", "n", "next", () => this.go(1)],
      ["accept, next", "Enter", "accept", () => this.accept()],
      ["−", "-", "zoom-out", () => this.setZoom(this.zoom - 1)],
      ["+", "+", "zoom-in", () => this.setZoom(this.zoom + 1)],
      ["fit", "0", "zoom-fit", () => this.setZoom(0)],
    ]) {
      bar.append(this.keyButton(text, key, act, name));
    }
    this.keys = {
      k: () => this.say("keep"),
      r: () => this.say("remove"),
      " ": () => this.toggle(),
      o: () => this.keepOnly(),
      d: () => this.say("different"),
      s: () => this.split(),
      u: () => this.undo(),
      p: () => this.go(-1),
      n: () => this.go(1),
      Enter: () => this.accept(),
      "+": () => this.setZoom(this.zoom + 1),
      "=": () => this.setZoom(this.zoom + 1),
      "-": () => this.setZoom(this.zoom - 1),
      0: () => this.setZoom(0),
      ArrowRight: () => this.focus(this.at + 1),
      ArrowLeft: () => this.focus(this.at - 1),
      Home: () => this.focus(0),
      End: () => this.focus(this.images.length - 1),
    };
    return bar;
  }

  keyButton(text, key, act, name) {
    const attributes = { "data-testid": name, "aria-label": NAMES[text] };
    const isOwnName = text === key || text === "−"; // its key is its text
    if (!isOwnName) return keyButton(text, key, act, this.signal, attributes);
    return button(text, act, this.signal, { "aria-keyshortcuts": key, ...attributes });
  }

  listen() {
    this.on("change:decisions", this.paintSoon);
    this.on("change:reviewed", this.paintSoon);
    this.on("change:totals", this.paintSoon);
    this.tiles.addEventListener("keydown", (event) => this.onKey(event), { signal: this.signal });
    this.tiles.addEventListener("focusin", (event) => this.onFocus(event), { signal: this.signal });
    this.tiles.addEventListener("pointerdown", (event) => this.onPointer(event), {
      signal: this.signal,
    });
  }

  // -- from people -------------------------------------------------------------------------------

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const pan = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[
      event.key
    ];
    if (event.shiftKey && pan) this.pan(pan[0] * 0.1, pan[1] * 0.1);
    else if (event.shiftKey && event.key === "Enter") return;
    else if (this.keys[event.key]) this.keys[event.key]();
    else return;
    event.preventDefault();
  }

  onFocus(event) {
    const place = [...this.tiles.children].indexOf(event.target);
    if (place >= 0) this.at = place;
  }

  /** A click gives an image the focus; a pointer that is drawn pans all frames. */
  onPointer(event) {
    const tile = event.target.closest("[role=option]");
    if (!tile || event.button !== 0) return;
    this.focus([...this.tiles.children].indexOf(tile));
    event.preventDefault();
    const frame = event.target.closest(".dup-frame");
    if (!frame || this.zoom === 0) return;
    const drag = new AbortController();
    const { clientWidth, clientHeight } = frame;
    const move = (moved) =>
      this.pan(
        -moved.movementX / clientWidth / ZOOMS[this.zoom],
        -moved.movementY / clientHeight / ZOOMS[this.zoom],
      );
    window.addEventListener("pointermove", move, { signal: drag.signal });
    for (const end of ["pointerup", "pointercancel"])
      window.addEventListener(end, () => drag.abort(), { signal: drag.signal });
    this.signal.addEventListener("abort", () => drag.abort(), { once: true });
  }

  say(verdict) {
    const image = this.images[this.at];
    if (image)
      this.change(
        { [image.id]: [verdict, this.part(image)] },
        `${image.name}: ${VERDICTS[verdict]}`,
      );
  }

  toggle() {
    const image = this.images[this.at];
    if (image) this.say(this.verdict(image) === "keep" ? "remove" : "keep");
  }

  /** Keep this image and remove the others of its part; protected ones stay whatever is said. */
  keepOnly() {
    const image = this.images[this.at];
    if (!image) return;
    const others = this.images.filter(
      (other) => other !== image && !other.protected && this.verdict(other) !== "different",
    );
    const removed = others
      .filter((other) => this.part(other) === this.part(image))
      .map((other) => [other.id, ["remove", this.part(other)]]);
    this.change(
      { ...Object.fromEntries(removed), [image.id]: ["keep", this.part(image)] },
      `only ${image.name} stays`,
    );
  }

  /** Split the image off, together with others that were split off, or put it back. */
  split() {
    const image = this.images[this.at];
    if (!image) return;
    const part = this.part(image) ? 0 : 1;
    const changes = {
      [image.id]: [this.verdict(image) === "different" ? "keep" : this.verdict(image), part],
    };
    for (const side of [0, 1]) {
      const members = this.images.filter(
        (other) => (other === image ? part : this.part(other)) === side,
      );
      const says = (other) => changes[other.id]?.[0] ?? this.verdict(other);
      const joined = members.filter((other) => says(other) !== "different");
      if (joined.length && !joined.some((other) => says(other) === "keep"))
        changes[joined[0].id] = ["keep", side];
    }
    this.change(changes, `${image.name}: ${part ? "split off" : "back in its group"}`);
  }

  /** One step that undo takes back; nothing may leave a group without an image. */
  change(changes, words) {
    const decisions = { ...this.decisions, ...changes };
    const refused = this.refusal(decisions);
    if (refused) return this.showError(refused);
    this.remember();
    this.model.set("decisions", decisions);
    this.model.save_changes();
    this.tell(words);
    this.paint();
  }

  refusal(decisions) {
    const says = (image) => decisions[image.id]?.[0] ?? image.action;
    const stuck = this.images.find((image) => image.protected && says(image) === "remove");
    if (stuck) return `${stuck.name} is protected or cannot be read, so it stays.`;
    const joined = this.images.filter((image) => says(image) !== "different");
    for (const part of new Set(joined.map((image) => decisions[image.id]?.[1] ?? 0))) {
      const members = joined.filter((image) => (decisions[image.id]?.[1] ?? 0) === part);
      if (members.every((image) => says(image) === "remove"))
        return "At least one image of a group must stay.";
    }
    return "";
  }

  accept() {
    if (this.current === null) return;
    this.remember();
    const ordered = this.ordered();
    const next = ordered[ordered.indexOf(this.current) + 1];
    const number = this.current;
    this.model.set(
      "reviewed",
      [...this.reviewed, number].filter((value, index, all) => all.indexOf(value) === index),
    );
    this.model.save_changes();
    if (next !== undefined) this.show(next);
    this.tell(`group ${number} accepted${next === undefined ? "; it was the last" : ""}`);
    this.paint();
  }

  acceptExact() {
    this.remember();
    const exact = this.groups.filter((group) => group[3]).map(([number]) => number);
    this.model.set("reviewed", [...new Set([...this.reviewed, ...exact])]);
    this.model.save_changes();
    this.tell(`${plural(exact.length, "group")} of exact copies accepted`);
    this.paint();
  }

  remember() {
    this.history.push({
      decisions: this.decisions,
      reviewed: this.model.get("reviewed"),
      group: this.current,
      at: this.at,
    });
  }

  undo() {
    const before = this.history.pop();
    if (!before) return this.tell("nothing to undo");
    this.model.set("decisions", before.decisions);
    this.model.set("reviewed", before.reviewed);
    this.model.save_changes();
    this.show(before.group, before.at);
    this.tell("undone");
    this.paint();
  }

  go(step) {
    const ordered = this.ordered();
    const next = ordered[ordered.indexOf(this.current) + step];
    if (next === undefined)
      return this.tell(step > 0 ? "this is the last group" : "this is the first group");
    this.show(next);
    this.paint();
  }

  show(number, at = 0) {
    this.current = number;
    this.at = at;
    this.setZoom(0);
  }

  setOrder(order) {
    this.order = order;
    this.show(this.ordered()[0] ?? null);
    this.paint();
  }

  setHiding(isHiding) {
    this.hideReviewed = isHiding;
    if (isHiding && this.reviewed.has(this.current))
      this.show(this.ordered().find((number) => !this.reviewed.has(number)) ?? this.current);
    this.paint();
  }

  setZoom(zoom) {
    this.zoom = Math.max(0, Math.min(ZOOMS.length - 1, zoom));
    if (this.zoom === 0) this.center = [0.5, 0.5];
    this.askPictures();
    this.placePictures();
  }

  pan(right, down) {
    const margin = 0.5 / ZOOMS[this.zoom];
    const inside = (value) => Math.max(margin, Math.min(1 - margin, value));
    this.center = [inside(this.center[0] + right), inside(this.center[1] + down)];
    this.placePictures();
  }

  focus(place) {
    if (!this.images.length) return;
    this.at = Math.max(0, Math.min(this.images.length - 1, place));
    const tiles = all(this.tiles, ".dup-tile");
    for (const [index, tile] of tiles.entries()) tile.tabIndex = index === this.at ? 0 : -1;
    tiles[this.at].focus();
  }

  tell(words) {
    super.tell(words);
    this.showError("");
  }

  // -- from Python -------------------------------------------------------------------------------

  onMessage({ type, groups }) {
    if (type !== "groups") return;
    for (const [number, rows] of Object.entries(groups)) this.rows.set(Number(number), rows);
    this.paint();
  }

  onPictures() {
    this.placePictures();
  }

  askGroups() {
    const ordered = this.ordered();
    const place = ordered.indexOf(this.current);
    const missing = ordered
      .slice(Math.max(0, place), place + 3)
      .filter((number) => !this.rows.has(number) && !this.asked.has(number));
    missing.forEach((number) => this.asked.add(number));
    if (missing.length) this.send({ type: "groups", groups: missing });
  }

  askPictures() {
    this.pictures.want(
      "tiles",
      this.images.map((image) => image.id),
      this.zoom ? ZOOMED_SIDE : FRAME_SIDE,
    );
  }

  // -- painting ----------------------------------------------------------------------------------

  paint() {
    if (this.signal.aborted) return;
    const hadFocus = this.tiles.contains(document.activeElement);
    this.askGroups();
    this.paintHead();
    const { images } = this;
    this.empty.hidden = this.groups.length > 0;
    this.empty.textContent = "There are no groups in this plan, so there is nothing to review.";
    const isSame = this.shown === images && this.tiles.children.length === images.length;
    if (!isSame)
      this.tiles.replaceChildren(...images.map((image, index) => this.tile(image, index)));
    this.shown = images;
    images.forEach((image, index) => this.paintVerdict(this.tiles.children[index], image, index));
    this.askPictures();
    this.placePictures();
    if (hadFocus && !this.tiles.contains(document.activeElement)) {
      if (images.length) this.focus(this.at);
      else this.refocus = true; // the rows are on their way
    } else if (this.refocus && images.length) {
      this.refocus = false;
      this.focus(this.at);
    }
  }

  paintHead() {
    const { groups, reviewed, current } = this;
    const ordered = this.ordered();
    const group = groups.find(([number]) => number === current);
    const done = current !== null && reviewed.has(current) ? ", accepted" : "";
    this.title.textContent = group
      ? `Group ${current} (${ordered.indexOf(current) + 1} of ${ordered.length}${done})`
      : "No groups";
    this.progress.max = Math.max(1, groups.length);
    this.progress.value = reviewed.size;
    const { remove = 0, bytes = 0 } = this.model.get("totals");
    const lowest = group && group[2] !== null ? `, lowest similarity ${percentText(group[2])}` : "";
    const freed = `${plural(remove, "image")} (${(bytes / 1e6).toFixed(1)} MB) to remove`;
    const count = `${reviewed.size} of ${plural(groups.length, "group")} reviewed`;
    this.totals.textContent = `${count}; ${freed}${lowest}`;
    const exact = groups.filter(([number, , , isExact]) => isExact && !reviewed.has(number)).length;
    this.exact.textContent = `accept ${plural(exact, "group")} of exact copies`;
    this.exact.disabled = exact === 0;
  }

  tile(image, index) {
    const frame = element(
      "div",
      { class: "dup-frame" },
      element("img", { alt: "", draggable: "false" }),
      element("span", { class: "dup-missing" }),
    );
    const badge = element(
      "div",
      { class: "dup-verdict" },
      element("span", { class: "dup-badge" }),
      element("span", { class: "dup-quiet" }),
    );
    const name = element("div", { class: "dup-name" }, nameNode(image.name, 44));
    const facts = element("dl", {}, ...image.facts.flatMap((fact) => this.fact(...fact)));
    const tile = element(
      "div",
      { role: "option", class: "dup-tile", id: `${this.prefix}-${image.id}` },
      frame,
      badge,
      name,
      facts,
    );
    if (image.flag) tile.append(element("p", { class: "dup-flag" }, image.flag));
    tile.append(element("p", { class: "dup-reason" }));
    tile.dataset.index = index;
    return tile;
  }

  /** A fact of an image, marked where the images of the group differ in it. */
  fact(label, text) {
    const values = this.images.map((image) => image.facts.find(([other]) => other === label)?.[1]);
    const differs = new Set(values).size > 1;
    return [
      element("dt", {}, label),
      element("dd", { class: differs ? "dup-differs" : null }, text),
    ];
  }

  paintVerdict(tile, image, index) {
    const verdict = this.verdict(image);
    const part = this.part(image);
    const isOwn = image.id in this.decisions;
    tile.dataset.verdict = verdict;
    tile.dataset.part = part;
    tile.setAttribute("aria-selected", verdict !== "remove");
    tile.setAttribute("tabindex", index === this.at ? 0 : -1);
    const [badge, similarity] = tile.querySelector(".dup-verdict").children;
    badge.textContent = `${VERDICTS[verdict]}${part ? ` (part ${part + 1})` : ""}`;
    const same = this.images[0].digest === image.digest && index > 0 ? "same bytes" : null;
    similarity.textContent =
      index === 0 ? "" : (same ?? (image.similarity === null ? "" : percentText(image.similarity)));
    tile.querySelector(".dup-reason").textContent = isOwn ? "your decision" : image.reason;
    const facts = image.facts.map(([, text]) => text).join(", ");
    tile.setAttribute(
      "aria-label",
      [image.name, badge.textContent.slice(2), facts, image.flag].filter(Boolean).join(", "),
    );
  }

  placePictures() {
    const scale = ZOOMS[this.zoom];
    const shift = this.center.map((value) => `${((0.5 - value) * 100).toFixed(2)}%`);
    this.node.dataset.zoom = String(scale);
    this.images.forEach((image, index) => {
      const frame = this.tiles.children[index]?.querySelector(".dup-frame");
      if (!frame) return;
      const img = frame.querySelector("img");
      const missing = frame.querySelector(".dup-missing");
      const known =
        (this.zoom && this.pictures.get(image.id, ZOOMED_SIDE)) ||
        this.pictures.get(image.id, FRAME_SIDE);
      const url = known?.url;
      if (url && img.getAttribute("src") !== url) img.src = url;
      img.hidden = !url;
      img.style.transform = scale === 1 ? "" : `scale(${scale}) translate(${shift.join(", ")})`;
      missing.textContent = url ? "" : (known?.problem ?? "");
    });
  }
}

export default toolOf(Reviewer);
